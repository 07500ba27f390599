"""A mediator that breaks one rule fails exactly there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from protocol import (
    Answer,
    CallEvent,
    CommandExecuted,
    CommandReceived,
    ElectronicMessage,
    KslConnected,
    KslInfo,
    KslReleased,
    NumberReceived,
    ObjectInfo,
    Release,
    Start,
    TestReplyKpd1,
    TestReplyKpd2,
    Time,
    TrunkInfo,
    UnauthorizedAccess,
)
from sorm_mediator.conformance.report import document
from sorm_mediator.conformance.session import ConformanceSettings, _lab
from sorm_mediator.conformance.verdicts import FAIL, PASS
from sorm_mediator.lab.lab import Lab, on_free_ports
from tests.conformance.conftest import CONTROL, LAB, examine_spoilt, failed
from tests.conformance.spoiler import HANG_UP, Rule, changed, dropped, followed, octet, rewritten

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab() -> AsyncIterator[Lab]:
    config = _lab(ConformanceSettings(config=LAB, profile="order"))
    async with Lab(on_free_ports(config), name="order268") as running:
        yield running


def to(code: int, status: int | None = None) -> Any:
    """Answers to a command, with a status when it is given."""
    return lambda one: one.command == code and (status is None or one.status == status)


def operation(code: int) -> Any:
    return lambda one: one.operation == code


def executed(code: int) -> Any:
    return lambda one: CommandExecuted(command=code, status=0, total=1, index=1, orm_number=one.orm_number)


SPOILT: dict[str, tuple[Rule, set[str], set[str]]] = {
    # name: what is broken, the clauses that are examined besides, the checks that must fail
    "reserve": (octet(8, 0x00, 0x27), set(), {"8.2.1.7-1"}),
    "version of requirements": (octet(9, 0x01, 0x28), set(), {"8.2.1.8-1"}),
    "27h is 0 of 0": (changed(CommandReceived, total=0, index=0), set(), {"8.2.1.6-1"}),
    "28h is 0 of 0": (changed(CommandExecuted, total=0, index=0), set(), {"8.2.1.5-1"}),
    "a start that is not needed is refused for another reason": (
        changed(CommandReceived, to(1, 0x16), status=0x10), {"6.1"}, {"6.1.4-1"},
    ),
    "26h of a wrong password with another code": (
        changed(UnauthorizedAccess, lambda one: one.access_code == 2, access_code=1), {"7.6", "9.8.3"},
        {"7.6-1", "9.8.3-2"},
    ),
    "26h without a time": (changed(UnauthorizedAccess, time=None), {"9.6", "7.6"}, {"9.6.4-1"}),
    "26h with another number": (changed(UnauthorizedAccess, orm_number=9), {"7.6", "8"}, {"8.2.1.2-2"}),
    "a wrong number is refused for another reason": (
        changed(CommandReceived, lambda one: one.status == 0x18, status=0x10), {"7.6", "9.8.3"}, {"7.6-2", "9.8.3-3"},
    ),
    "27h before start with the configured number": (
        changed(CommandReceived, lambda one: one.status == 0x17, orm_number=1), {"7.3", "8.2"}, {"8.2.1.2-1"},
    ),
    "a foreign number starts nothing": (
        rewritten(Start, lambda one: one.orm_number != 1, orm_number=1), {"6.1"}, {"6.1.3-2"},
    ),
    "an unknown code is accepted first": (
        Rule(lambda m, raw: [replace(m, status=0), CommandExecuted(command=0x1F, status=1, total=1, index=1)]
             if isinstance(m, CommandReceived) and m.command == 0x1F else None),
        set(), {"7.4-2"},
    ),
    "category and group are compared at execution": (
        Rule(lambda m, raw: [replace(m, status=0), CommandExecuted(command=5, status=0x30, total=1, index=1)]
             if isinstance(m, CommandReceived) and to(5, 0x30)(m) else None),
        {"6.5.5"}, {"6.5.5.7-1", "6.5.5.7-2"},
    ),
    "28h after command 14": (
        followed(TestReplyKpd1, lambda _: True, executed(14)), {"9.8.3", "6.14"}, {"9.8.3-1"},
    ),
    "29h with another number": (
        changed(TestReplyKpd1, test_number=lambda one: one.test_number ^ 1), {"6.14", "9.9"},
        {"6.14.5-1", "11.7.5-1"},
    ),
    "29h of streams that are not there": (
        changed(TestReplyKpd1, kpd1_state=0xFF), {"9.9"}, {"9.9.4.2-2", "11.7.5-1"},
    ),
    "53h with a header": (octet(5, 0x00, 0x53), {"9.9"}, {"11.7.4-1"}),
    "53h of a broken channel": (changed(TestReplyKpd2, kpd2_state=0), {"9.9"}, {"11.7.5-1"}),
    "24h is filled with 00h": (octet(-1, 0x00, 0x24), {"9.4", "6.11"}, {"9.4.4-1"}),
    "24h are not numbered": (changed(KslInfo, total=1, index=1), {"9.4", "6.11"}, {"9.4.6-1"}),
    "no 24h when nothing is found": (
        dropped(KslInfo, lambda one: all(row.group_type is None for row in one.rows)), {"6.11"},
        {"6.11.6-1", "6.11.7-1", "6.11.7-2"},
    ),
    "23h are not numbered": (changed(ObjectInfo, total=1, index=1), {"9.3", "6.10"}, {"9.3.4-1"}),
    "23h of subscribers with a trunk": (
        changed(ObjectInfo, lambda one: one.category and one.trunk is None, trunk=0), {"9.3", "6.10"},
        {"9.3.6.3-1"},
    ),
    "no 23h when nothing is found": (
        dropped(ObjectInfo, lambda one: one.category is None), {"6.10"},
        {"6.10.6-1", "6.10.6-2", "6.10.6-3"},
    ),
    "25h without services is filled with 00h": (octet(-1, 0x00, 0x25), {"6.12", "9.5"}, {"9.5.5.3-1"}),
    "2Ah of another trunk": (
        changed(TrunkInfo, trunk=lambda one: one.trunk + 100), {"6.16", "9.10"},
        {"6.16.5-1", "6.16.5-2", "9.10.3-1"},
    ),
    "2Bh of an unknown type of node": (octet(-1, 0x09, 0x2B), {"6.17", "9.11"}, {"9.11.4.2-1"}),
    "2Bh in another code": (octet(12, 0xE1, 0x2B), {"6.17", "9.11"}, {"9.11.4-1"}),
    "a call within the node is told as outgoing": (
        changed(CallEvent, lambda one: one.connection == 0x1C, connection=0x11), {"10.2", "11.3.5"},
        {"10.2.1.7-2"},
    ),
    "call numbers leave one out": (
        Rule(lambda m, raw: [replace(m, call_number=2 * m.call_number)] if isinstance(m, CallEvent) else None),
        {"6.7.8", "10.2", "11.3.3"}, {"6.7.8.1-1"},
    ),
    "42h with service octets": (octet(12 + 35, 0x00, 0x42), {"10.3.1"}, {"10.3.1.11-1"}),
    "42h without a time": (changed(Answer, time=None), {"10.3.1"}, {"10.3.1.7-1"}),
    "42h changes the connection": (
        changed(Answer, lambda one: one.connection == 0x11, connection=0x12), {"11.2"}, {"11.2.4-1"},
    ),
    "43h changes the connection": (
        changed(Release, lambda one: one.connection == 0x11, connection=0x12), {"11.3"}, {"11.3.4-1"},
    ),
    "busy is told as no answer": (changed(Release, operation(3), operation=4), {"11.3"}, {"11.3.5-3"}),
    "no answer is told as technical": (changed(Release, operation(4), operation=1), {"11.3"}, {"11.3.5-4"}),
    "42h after command 8 keeps its code": (
        changed(Answer, lambda one: (one.operation, one.selection) == (None, 2), operation=0),
        {"11.2", "11.1.9"}, {"11.1.9-2", "11.2.4.1-2"},
    ),
    "no line is told with the sign of full control": (
        changed(NumberReceived, operation(1), selection=1), {"11.1"}, {"11.1.8-1"},
    ),
    "no line is told with priority": (
        changed(NumberReceived, operation(1), priority="high"), {"11.1"}, {"11.1.8-2"},
    ),
    "52h/05h is told as 01h": (changed(KslReleased, operation(5), operation=1), {"6.6"}, {"6.6.4-1", "6.6.4-2"}),
    "52h/06h is told as 01h": (changed(KslReleased, operation(6), operation=1), {"6.2"}, {"6.2.4-3"}),
    "52h/02h is told as 03h": (changed(KslReleased, operation(2), operation=3), {"6.5.5.8"}, {"6.5.5.8-6"}),
    "52h/03h is told as 02h": (changed(KslReleased, operation(3), operation=2), {"11.6"}, {"11.6.5-1"}),
    "events go on after command 6": (
        followed(KslReleased, operation(5), lambda one: Release(
            call_number=one.call_number, object_type=one.object_type, object_number=one.object_number,
            selection=one.selection, connection=one.connection, service_phase=0, calling=one.calling,
            called=one.called, trunk=None, ksl_a=None, ksl_b=None, time=Time(1, 2, 3, 4), priority=None,
            operation=5, service=None, additional=None)),
        {"6.6"}, {"6.6.4-1", "6.6.4-2"},
    ),
    "51h with the priority of command 5": (
        changed(KslConnected, operation(0), priority="normal"), {"11.5"}, {"11.5.4-1"},
    ),
    "no 51h when no line is free": (
        dropped(KslConnected, operation(1)), {"11.5"}, {"11.5.5-1", "11.5.6-1"},
    ),
    "2Ch has the IMSI of the parties the wrong way round": (
        changed(
            ElectronicMessage, sender_imsi=lambda one: one.receiver_imsi, receiver_imsi=lambda one: one.sender_imsi
        ),
        {"9.12"}, {"9.12.4.12-1", "9.12.4.15-1"},
    ),
    "2Ch is selected by the number alone": (
        octet(10 + 14, 0x04, 0x2C, mask=0x0C), {"9.12"}, {"9.12.4.4-4", "9.12.4.4-8", "9.12.4.4-9"},
    ),
    "messages are split": (Rule(pieces=40), {"1.4.2"}, {"1.4.2.2-1"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
async def test_a_broken_rule_fails_in_its_own_checks(lab: Lab, name: str) -> None:
    rule, clauses, expected = SPOILT[name]
    report = await examine_spoilt(lab, rule, (*CONTROL, *sorted(clauses)))
    assert failed(report) == expected
    assert not report.not_restored


async def test_what_is_not_broken_fails_nowhere(lab: Lab) -> None:
    report = await examine_spoilt(lab, None, CONTROL)
    assert failed(report) == set()
    assert report.identity.station_type


async def test_what_is_told_of_a_limit_is_the_command_that_was_slowest(lab: Lab) -> None:
    late = to(17)

    def answer(message: Any, raw: bytes) -> list[Any] | None:
        return [0.5, raw] if isinstance(message, CommandReceived) and late(message) else None

    report = await examine_spoilt(lab, Rule(answer), ("9.7.3-1",), timing="judge")
    (result,) = report.results
    assert result.verdict == FAIL
    assert re.fullmatch(r"27h of command 17 after [56]\d\d ms", str(result.why)), result.why
    shown = document(report)["checks"][0]
    assert [[one["hex"][6:8] for one in shown[side]] for side in ("sent", "came")] == [["11"], ["27"]]


async def test_a_code_of_the_vendors_that_was_accepted_is_told(lab: Lab) -> None:
    report = await examine_spoilt(lab, None, ("6.5.5.1-4", "6.5.5.7-5"))
    notes = [str(note) for result in report.results for note in result.notes]
    assert notes
    assert all(result.verdict == PASS for result in report.results)
    for note in notes:
        came = r"(27h|27h/00h, 28h)/[1-9A-F].h \(.+\)"
        assert re.fullmatch(f"command 5: {came} came, the vendor's code in place of the order's 01h", note)
    assert not [
        note
        for result in (await examine_spoilt(lab, None, ("6.5.5.1-4", "6.5.5.7-5"), errors="extended")).results
        for note in result.notes
    ]


async def test_a_mediator_that_hangs_up_has_not_shown_that_nothing_comes(lab: Lab) -> None:
    def answer(message: Any, raw: bytes) -> list[Any] | None:
        return [raw, HANG_UP] if isinstance(message, CommandExecuted) and message.command == 0x02 else None

    report = await examine_spoilt(lab, Rule(answer), ("6.2.4-4",))
    assert failed(report) == {"6.2.4-4"}
    [result] = [one for one in report.results if one.verdict == FAIL]
    assert str(result.why) == "the mediator has closed KPD1"
