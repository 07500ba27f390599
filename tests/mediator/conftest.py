"""The technical means at work, for tests that read as dialogues: octets in, octets out, a pretended switch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from protocol import Category, GroupType, Ksl, NumberSign, ObjectType, Priority
from protocol.messages import AddKsl, AddObject, CallEvent
from radius.report import CallReport, Match, Party, ServiceUse
from tests.mediator.core_harness import MediatorHarness, answers, shown


def party(number: str, ni: str = "private") -> Party:
    """A side of a call: digits, or ``trunk:2`` for a side that only its trunk is known of."""
    trunk = number.removeprefix("trunk:")
    return Party(trunk=int(trunk)) if trunk != number else Party(digits=number, ni=ni if number else "")


def make_report(
    sequence: int = 1,
    *,
    a: str = "28331",
    b: str = "28332",
    matches: tuple[tuple[Any, ...], ...] = ((1, "a"),),
    services: tuple[tuple[Any, ...], ...] = (),
    setup: float | None = 1000.0,
    answer: float | None = None,
    release: float | None = None,
    cause: int | None = None,
    connection: int = 0x1C,
    call: str = "call-1",
    ni: str = "private",
) -> CallReport:
    """A snapshot. matches: (object, role[, called[, time]]); services: (code, calling, called[, time[, phase]])."""
    begun = 1000.0 if setup is None else setup

    def match(number: int, role: str, called: str = b, time: float = begun) -> Match:
        return Match(object_number=number, role=role, called=party(called, ni), time=time)

    def service(code: int, calling: str, called: str, time: float = begun, phase: int = 4) -> ServiceUse:
        return ServiceUse(time=time, code=code, phase=phase, calling=party(calling), called=party(called))

    return CallReport(
        call_id=call,
        domain="test.domain",
        sequence=sequence,
        time=release or answer or begun,
        connection=connection,
        calling=party(a),
        called=party(b, ni),
        setup_time=setup,
        answer_time=answer,
        release_time=release,
        release_cause=cause,
        services=tuple(service(*each) for each in services),
        matches=tuple(match(*each) for each in matches),
    )


def put(
    number: int, phone: str, category: str = "statistical", group: int | None = None, **keys: Any
) -> AddObject:
    """Command 5 for a subscriber of the node."""
    fields: dict[str, Any] = {
        "object_number": number,
        "object_type": ObjectType.OWN_SUBSCRIBER,
        "number_sign": NumberSign.OWN,
        "number": phone,
        "trunk": None,
        "category": Category(category),
        "ksl_group": group,
        "priority": Priority.NORMAL,
    }
    return AddObject(**(fields | keys))


def combined(group: int, ksl: int, stream: int = 0) -> AddKsl:
    """Command 4 for a line of a combined group."""
    line = Ksl(stream, ksl)
    return AddKsl(group, GroupType.COMBINED, line, line)


def separate(group: int, a: int, b: int, stream: int = 0) -> AddKsl:
    """Command 4 for a pair of a separate group."""
    return AddKsl(group, GroupType.SEPARATE, Ksl(stream, a), Ksl(stream, b))


@pytest.fixture
def means() -> type[MediatorHarness]:
    """Makes technical means: ``means(extended_errors=False, late_ksl="on")``; ``.begin()`` starts them."""
    return MediatorHarness


@pytest.fixture
def make() -> SimpleNamespace:
    """Makes what goes in (commands, call reports) and puts in short what comes out."""
    return SimpleNamespace(
        report=make_report,
        put=put,
        combined=combined,
        separate=separate,
        answers=answers,
        events=lambda messages: shown([m for m in messages if isinstance(m, CallEvent)]),
    )
