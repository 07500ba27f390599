"""The whole list: ours passes both profiles, over TCP and E1, and one that is spoilt fails nowhere else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sorm_mediator.conformance.checks import all_checks
from sorm_mediator.conformance.report import Report
from sorm_mediator.conformance.session import ConformanceSettings, _lab, examine
from sorm_mediator.conformance.verdicts import DEVIATION, FAIL, NOT_TESTED, PASS
from sorm_mediator.lab.lab import Lab, on_free_ports
from tests.conformance.conftest import LAB, examine_spoilt, failed
from tests.conformance.spoiler import Rule
from tests.conformance.test_spoilt_answers import SPOILT
from tests.conformance.test_spoilt_options import DEVIATIONS, lab_file

WHOLE = ("52h/05h is told as 01h", "43h changes the connection")
"""The spoilings that are looked for in the whole list."""


def of(report: Report, verdict: object) -> dict[str, str]:
    return {result.check.id: str(result.why) for result in report.results if result.verdict == verdict}


async def spoilt(rule: Rule) -> Report:
    config = _lab(ConformanceSettings(config=LAB, profile="order"))
    async with Lab(on_free_ports(config), name="order268") as lab:
        return await examine_spoilt(lab, rule)


async def ours(lab: Path, **how: Any) -> Report:
    return await examine(ConformanceSettings(config=lab, timing="report", **how))


async def test_over_tcp_ours_passes_both_profiles_and_a_spoilt_one_fails_exactly_there(
    tmp_path: Path,
) -> None:
    device = lab_file(tmp_path, "eltex")
    order, eltex, *broken = await asyncio.gather(
        ours(LAB, profile="order"),
        ours(device, profile="eltex"),
        *(spoilt(SPOILT[name][0]) for name in WHOLE),
    )
    assert of(order, FAIL) == {}
    assert of(order, DEVIATION) == {}
    assert of(eltex, FAIL) == {}
    assert of(eltex, DEVIATION).keys() == set().union(*DEVIATIONS.values())
    for name, report in zip(WHOLE, broken, strict=True):
        assert failed(report) == SPOILT[name][2], name
    for report in (order, eltex, *broken):
        assert not report.not_restored
        assert [result.check for result in report.results] == list(all_checks())
        assert all(result.why for result in report.results if result.verdict != PASS)
        assert all(result.expected for result in report.results if result.verdict == PASS)


ON_E1 = ("1", "6.4.3-3", "6.7.5", "6.8.4", "6.14.4", "9.4", "9.9", "11.3.4.1", "11.7")


def two_streams(folder: Path) -> Path:
    lab = lab_file(folder)
    quick = "lapb = { t1 = 1.0, t2 = 0.02 }\nx25 = { window = 7 }\nhold = 0.0\n"
    streams = "".join(f'[[e1]]\nstream = {n}\nlocal = "127.0.0.1:0"\n{quick}\n' for n in (0, 1))
    lab.write_text(lab.read_text(encoding="utf-8") + "\n" + streams, encoding="utf-8")
    return lab


async def test_over_e1_with_a_stand_by_pair_ours_passes(tmp_path: Path) -> None:
    settings = ConformanceSettings(config=two_streams(tmp_path), link="x25", clauses=ON_E1, timing="report")
    report = await examine(settings)
    assert of(report, FAIL) == {}
    assert not report.not_restored
    assert of(report, NOT_TESTED).keys() <= {"1.4.2.1-1", "1.4.2.2-1"}, of(report, NOT_TESTED)


async def test_with_the_speech_in_e1_beside_tcp_the_timeslots_are_heard(tmp_path: Path) -> None:
    settings = ConformanceSettings(
        config=two_streams(tmp_path), link="tcp+e1", clauses=("1.2", "11.6.5-3"), timing="report"
    )
    report = await examine(settings)
    assert [result.verdict for result in report.results] == [PASS] * 5


async def test_silence_without_command_14_with_a_short_time(tmp_path: Path) -> None:
    lab = two_streams(tmp_path)
    text = lab.read_text(encoding="utf-8").replace("[mediator]", "[mediator]\ntest_timeout = 1.0", 1)
    lab.write_text(text, encoding="utf-8")
    settings = ConformanceSettings(config=lab, link="tcp+e1", clauses=("6.14.3",), timing="report")
    report = await examine(settings)
    assert [result.verdict for result in report.results] == [PASS] * 3
