"""A mediator is left as it was found: stopped or started, with its password, objects and groups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol import ObjectInfo
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.conformance.report import Report
from sorm_mediator.conformance.session import ConformanceSettings, _lab, examine
from sorm_mediator.conformance.verdicts import FAIL, NOT_TESTED, PASS
from sorm_mediator.console.client import ConsoleClient, Crossed
from sorm_mediator.console.errors import ConnectError, NotReadyError
from sorm_mediator.lab.lab import Lab, on_free_ports
from tests.conformance.conftest import LAB, failed, port
from tests.conformance.spoiler import Rule, Spoiler, changed
from tests.conformance.test_spoilt_options import lab_file

OBJECT = {
    "object_number": 40001, "object_type": "own-subscriber", "number_sign": "own", "number": "28336",
    "trunk": None, "category": "combined", "ksl_group": 7, "priority": "high",
}  # fmt: skip
STATISTICAL = {"category": "statistical", "ksl_group": None, "priority": "normal"}
LINE = {"stream": 0, "ksl": 3}
PASSWORD, FIRST = "271828", "123456"


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with Lab(on_free_ports(_lab(ConformanceSettings(config=LAB))), name="order268") as running:
        yield running


def toward(lab: Lab, *clauses: str, **how: Any) -> ConformanceSettings:
    given: dict[str, Any] = {
        "kpd1": port(lab, "kpd1"), "kpd2": port(lab, "kpd2"), "timing": "report", "quiet": 0.1, "within": 2.0, **how
    }  # fmt: skip
    return ConformanceSettings(config=LAB, host="127.0.0.1", web=lab.web_url, clauses=clauses, **given)


async def do(
    lab: Lab, *commands: tuple[str, dict[str, Any]], password: str | None = None
) -> list[ConsoleClient]:
    """Give commands as another console, which then goes; its log stays."""
    from sorm_mediator.console.target import target_for

    codec = target_for(lab.config, "", 0, 0).codec
    client = ConsoleClient(
        "127.0.0.1", port(lab, "kpd1"), port(lab, "kpd2"), codec, password=password or FIRST
    )
    await client.connect()
    for name, fields in commands:
        sent = await client.send(client.command(name, fields))
        assert await client.wait(lambda sent=sent: sent[0].done, 5)  # type: ignore[misc]
    await client.close()
    return [client]


async def tables(lab: Lab, password: str) -> list[dict[str, Any]]:
    """What the mediator has in its tables: rows of groups and fields of objects."""
    (client,) = await do(lab, ("get-ksl", {}), ("get-objects", {}), password=password)
    rows = [row for one in client.log if one.name == "ksl-info" for row in one.fields["rows"] if row["ksl_a"]]
    return [*rows, *(one.fields for one in client.log if one.name == "object-info")]


async def in_use(lab: Lab) -> list[dict[str, Any]]:
    """A console has started the means, set a password, a group and an object."""
    await do(
        lab, ("start", {}), ("set-password", {"new_password": PASSWORD}),
        ("add-ksl", {"ksl_group": 7, "group_type": "combined", "ksl_a": LINE, "ksl_b": LINE}),
        ("add-object", OBJECT),
    )  # fmt: skip
    found = await tables(lab, PASSWORD)
    assert len(found) == 2
    return found


async def is_stopped(lab: Lab) -> bool:
    (client,) = await do(lab, ("get-ksl", {}))
    return any(one.name == "command-received" and one.fields["status"] in (0x02, 0x17) for one in client.log)


def verdicts(report: Report) -> dict[str, Any]:
    return {result.check.id: result.verdict for result in report.results}


async def test_one_that_was_stopped_is_stopped_again(lab: Lab) -> None:
    report = await examine(toward(lab, "6.1", "6.4.9", "6.5.6"))
    assert failed(report) == set()
    assert await is_stopped(lab)


async def test_one_that_was_running_is_not_stopped_and_keeps_what_it_has(lab: Lab) -> None:
    before = await in_use(lab)
    report = await examine(toward(lab, "6.2", "6.3.3", "6.4", "6.5.3", "6.6.3", "9.1", password=PASSWORD))
    assert failed(report) == set()
    assert verdicts(report)["6.2.4-1"] == verdicts(report)["9.1.4.1-1"] == NOT_TESTED
    assert verdicts(report)["6.3.3-1"] == verdicts(report)["6.4.3-2"] == verdicts(report)["6.5.3-1"] == PASS
    assert await tables(lab, PASSWORD) == before


async def test_with_may_stop_its_tables_and_its_password_are_put_back(lab: Lab) -> None:
    before = await in_use(lab)
    settings = toward(lab, "6.1.3", "6.2", "6.3.3", "9.2.4", password=PASSWORD, may_stop=True)
    report = await examine(settings)
    assert verdicts(report)["6.2.4-1"] == PASS
    assert not report.not_restored
    assert await tables(lab, PASSWORD) == before


async def test_a_number_under_control_already_is_no_fault_of_the_mediator(tmp_path: Path) -> None:
    file = lab_file(tmp_path, same_number_again="refuse")
    async with Lab(on_free_ports(_lab(ConformanceSettings(config=file))), name="order268") as running:
        await do(running, ("start", {}), ("add-object", {**OBJECT, "number": "28331", **STATISTICAL}))
        clauses = ("6.5.3-1", "6.6.3-1")
        report = await examine(replace(toward(running, *clauses), config=file))
        assert verdicts(report) == dict.fromkeys(clauses, NOT_TESTED)
        for result in report.results:
            assert "28331 is under control already, as object 40001" in str(result.why)
            assert "28h/36h (number already defined)" in str(result.why)
        report = await examine(replace(toward(running, *clauses, may_stop=True), config=file))
        assert verdicts(report) == dict.fromkeys(clauses, PASS)
        assert not report.not_restored
        assert [one["object_number"] for one in await tables(running, FIRST)] == [40001]


async def cancelled_at(name: str, settings: ConformanceSettings) -> None:
    """An examination that is cancelled the moment this command goes out: it still reports every check."""
    out = asyncio.Event()
    reports: list[Report] = []

    keeps = Examiner.crossed

    def seen(examiner: Examiner, client: ConsoleClient, crossed: Crossed) -> None:
        keeps(examiner, client, crossed)
        if crossed.outbound and crossed.name == name:
            out.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Examiner, "crossed", seen)
        task = asyncio.ensure_future(examine(settings, cut_short=reports.append))
        await asyncio.wait_for(out.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (report,) = reports
    assert len(report.results) == len(settings.checks)


@pytest.mark.parametrize("name", ["get-ksl", "start", "set-password", "add-object", "remove-object", "stop"])
async def test_one_that_was_stopped_is_stopped_again_after_a_cancellation(lab: Lab, name: str) -> None:
    await cancelled_at(name, toward(lab, "6.3.3", "6.5.3"))
    assert await is_stopped(lab)


@pytest.mark.parametrize("name", ["get-objects", "set-password", "add-ksl", "add-object", "remove-object"])
async def test_one_that_was_running_keeps_what_it_has_after_a_cancellation(lab: Lab, name: str) -> None:
    before = await in_use(lab)
    await cancelled_at(name, toward(lab, "6.3.3", "6.4.3", "6.5.3", password=PASSWORD))
    assert await tables(lab, PASSWORD) == before


async def test_a_cancellation_while_a_failed_check_is_undone_by_a_stop_leaves_it_stopped(lab: Lab) -> None:
    """The start that follows this stop must not come after the stop at the end of the examination."""
    not_numbered = changed(ObjectInfo, total=1, index=1)
    async with Spoiler("127.0.0.1", port(lab, "kpd1"), port(lab, "kpd2"), not_numbered) as spoiler:
        await cancelled_at("stop", toward(lab, "9.3.4", **spoiler.ports))
    assert await is_stopped(lab)


async def test_a_mediator_that_closes_its_channels_fails_there_and_is_examined_on(lab: Lab) -> None:
    """The proxy hangs up when command 11 names a group, once."""
    once: list[bool] = []

    def order(message: Any, raw: bytes) -> None:
        if message.message_name == "get-trunks" and not once:
            once.append(True)
            raise ConnectionError

    async with Spoiler("127.0.0.1", port(lab, "kpd1"), port(lab, "kpd2"), Rule(order=order)) as spoiler:
        report = await examine(
            toward(lab, "6.16", "6.17", kpd1=spoiler.ports["kpd1"], kpd2=spoiler.ports["kpd2"])
        )
    assert failed(report) == {"6.16.5-1"}
    assert verdicts(report)["6.16.5-2"] == verdicts(report)["6.17.3-1"] == PASS
    assert await is_stopped(lab)


async def test_who_is_not_let_in_is_told_what_to_change(lab: Lab) -> None:
    await in_use(lab)
    with pytest.raises(NotReadyError, match="password"):
        await examine(toward(lab, "6.1"))
    with pytest.raises(NotReadyError, match="--orm-number"):
        await examine(toward(lab, "6.1", password=PASSWORD, orm_number=9))


async def test_nobody_there_is_no_failure_of_the_mediator(lab: Lab) -> None:
    def deaf(message: Any, raw: bytes) -> bytes:
        return b""

    async with Spoiler("127.0.0.1", port(lab, "kpd1"), port(lab, "kpd2"), Rule(order=deaf)) as spoiler:
        with pytest.raises(ConnectError, match="does not answer"):
            await examine(
                toward(lab, "6.1", kpd1=spoiler.ports["kpd1"], kpd2=spoiler.ports["kpd2"], within=0.2)
            )


async def test_garbage_is_a_verdict(lab: Lab) -> None:
    """Answers whose content is anything: no check breaks down, and the means are stopped afterwards."""
    kept = (0x27, 0x28)

    def answer(message: Any, raw: bytes) -> list[bytes] | None:
        if raw[2] in kept:
            return None
        head = 12 if raw[2] > 0x40 else 10
        return [raw[:head] + bytes((7 * n + raw[2]) & 0xFF for n in range(len(raw) - head))]

    async with Spoiler("127.0.0.1", port(lab, "kpd1"), port(lab, "kpd2"), Rule(answer)) as spoiler:
        report = await examine(
            toward(lab, "6.10", "6.11", "6.12", "6.16", "9.3", "9.5", "9.11", "10.2.1.6-1", "11.1.9",
                   kpd1=spoiler.ports["kpd1"], kpd2=spoiler.ports["kpd2"], within=0.5)
        )  # fmt: skip
    assert {result.verdict for result in report.results} >= {FAIL}
    assert await is_stopped(lab)
