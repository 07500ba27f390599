"""Options of our own mediator that are not the order's: each fails, or is a deviation, exactly in its own checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sorm_mediator.conformance.report import Report
from sorm_mediator.conformance.session import ConformanceSettings, examine
from sorm_mediator.conformance.verdicts import DEVIATION, FAIL
from tests.conformance.conftest import CONTROL, LAB

OPTIONS: dict[str, tuple[Any, set[str], set[str]]] = {
    # option: its value, the clauses that are examined besides, the checks that must fail
    "ksl_choice": ("lowest", {"6.4.3-3", "6.4.3-4"}, {"6.4.3-3", "6.4.3-4"}),
    "command_while_busy": ("refuse", {"7.1", "7.2"}, {"7.1-1", "7.1-2"}),
    "unauthorized_access_place": ("before_28h", {"7.6"}, {"7.6-3"}),
    "test_while_stopped": ("on", {"7.3"}, {"7.3-14"}),
    "test_command_28h": ("on", {"9.8.3", "6.14.5"}, {"9.8.3-1"}),
    "single_message_numbering": ("0,0", {"8"}, {"8.2.1.5-1", "8.2.1.6-1"}),
    "requirements_version": (1, {"8"}, {"8.2.1.8-1"}),
    "bitmap_polarity": ("0=in service", {"9.9"}, {"9.9.4.2-1", "9.9.4.2-2"}),
    "no_services_reply": ("61h", {"9.5", "6.12"}, {"9.5.5.3-1", "9.5.4-1"}),
    "join_running_call_on_add": ("on", {"6.5.4"}, {"6.5.4-1"}),
    "change_running_call": ("at_once", {"6.15"}, {"6.15.5-1"}),
    "busy_ksl_removal": ("release", {"6.9"}, {"6.9.6-1"}),
    "stop_clears_groups": ("off", {"6.2.4"}, {"6.2.4-2"}),
    "stop_resets_password": ("off", {"6.2"}, {"6.2.3-2", "6.2.3-3"}),
}

DEVIATIONS: dict[str, set[str]] = {
    # what profile eltex allows: option -> the checks that deviate
    "same_number_again": {"6.5.6-1"},
    "version_before_start": {"7.3-17"},
    "orm_number_from_start": {"6.1.3-2"},
    "statistical_high_priority": {"6.5.5.8-5", "6.15.6-3"},
}
ELTEX = ("6.1.3", "6.5.5.8-5", "6.5.6", "6.15.6", "7.3-14", "7.3-17")


def lab_file(folder: Path, profile: str = "order", **options: Any) -> Path:
    """The lab of these tests with another profile, or other options, of its mediator."""
    text = LAB.read_text(encoding="utf-8").replace('"routing/', f'"{LAB.parent}/routing/')
    assert 'profile = "order"' in text
    text = text.replace('profile = "order"', f'profile = "{profile}"')
    lines = "".join(f"{name} = {_toml(value)}\n" for name, value in options.items())
    path = folder / "spoilt.toml"
    path.write_text(text.replace("[console]", f"[mediator.options]\n{lines}\n[console]", 1), encoding="utf-8")
    return path


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


async def examined(lab: Path, *clauses: str, profile: str = "order") -> Report:
    settings = ConformanceSettings(config=lab, profile=profile, clauses=clauses, timing="report", within=2.0)
    return await examine(settings)


def having(report: Report, verdict: object) -> set[str]:
    return {result.check.id for result in report.results if result.verdict == verdict}


@pytest.mark.parametrize("option", OPTIONS)
async def test_an_option_that_is_not_the_orders_fails_in_its_own_checks(option: str, tmp_path: Path) -> None:
    value, clauses, expected = OPTIONS[option]
    report = await examined(lab_file(tmp_path, **{option: value}), *CONTROL, *sorted(clauses))
    assert having(report, FAIL) == expected
    assert not having(report, DEVIATION)


async def test_what_the_profile_of_the_device_allows_is_a_deviation_that_names_its_option(
    tmp_path: Path,
) -> None:
    report = await examined(lab_file(tmp_path, "eltex"), *ELTEX, profile="eltex")
    assert not having(report, FAIL)
    told: dict[str, set[str]] = {}
    for result in report.results:
        if result.verdict == DEVIATION:
            told.setdefault(result.option, set()).add(result.check.id)
    assert told == DEVIATIONS


async def test_the_same_device_fails_the_profile_of_the_order(tmp_path: Path) -> None:
    report = await examined(lab_file(tmp_path, "eltex"), *ELTEX)
    assert having(report, FAIL) == {*set().union(*DEVIATIONS.values()), "6.5.6-2"}
    assert not having(report, DEVIATION)


async def test_a_mediator_of_the_order_has_nothing_to_be_excused() -> None:
    report = await examined(LAB, *ELTEX, profile="eltex")
    assert not having(report, FAIL)
    assert not having(report, DEVIATION)
