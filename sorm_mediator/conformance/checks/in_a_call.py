"""Commands 7 and 8 in a call, and their effect on its events (6.7, 6.8, 11.2.4, 11.3.4, 11.4.6, 11.5,
11.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sorm_mediator.conformance.declaration import Dialogue, Need, check
from sorm_mediator.conformance.dialogue import ANSWER, RECEIVED, RELEASE, Target, one_of
from sorm_mediator.conformance.examiner import Examiner, Group, Line
from sorm_mediator.console.client import Crossed

CALLS, SERVICES = Need.CALLS, Need.SERVICES
CONNECTED, RELEASED, USED = "ksl-connected", "ksl-released", "service-used"
CONNECT, DISCONNECT = "connect-ksl", "release-ksl"
REPEATED = ("call_number", "connection", "service_phase", "calling", "called", "trunk")
"""Fields that 51h and 52h repeat from 41h."""
FULL: dict[str, Any] = {"selection": 0x01, "priority": "high"}
"""Fields of an event after command 7: full control."""
STATISTICAL: dict[str, Any] = {
    "selection": 0x02, "ksl_a": None, "ksl_b": None, "priority": one_of(None, "normal")
}  # fmt: skip
"""Fields of an event after command 8: statistical control."""


def _of_call(first: Crossed) -> dict[str, Any]:
    return {name: first.fields[name] for name in ("call_number", "object_type", "object_number")}


def repeated(first: Crossed) -> dict[str, Any]:
    """The fields that a later event of a call repeats from its 41h."""
    return {name: first.fields[name] for name in REPEATED}


def connect(first: Crossed, group: Group) -> dict[str, Any]:
    """The fields of a command 7 for the call of an event."""
    return {**_of_call(first), "ksl_group": group.number}


def release(first: Crossed) -> dict[str, Any]:
    """The fields of a command 8 for the call of an event."""
    return {**_of_call(first), "ksl_a": None, "ksl_b": None}


def by_line(a: Line | None, b: Line | None = None) -> dict[str, Any]:
    """The fields of a command 8 for a line."""
    return {"call_number": None, "object_type": None, "object_number": None, "ksl_a": a, "ksl_b": b}


def no_call(ex: Examiner) -> dict[str, Any]:
    """The fields of a call in commands 7 and 8, for a call that does not exist."""
    return {"call_number": 0xFFF0, "object_type": "own-subscriber", "object_number": ex.free_object()}


# --- command 7


async def connected_by_7(ex: Examiner, *, ringing: bool) -> None:
    """Command 7 connects a line of its group to a call under statistical control."""
    await ex.group()
    group, target = await ex.group(), await ex.target()
    _, first = await ex.talking(target, ringing=ringing)
    await ex.executed(CONNECT, **connect(first, group))
    await ex.event(target, CONNECTED, ksl_a=group.a(), operation=0)


async def connected_again(ex: Examiner, *, other: bool) -> None:
    """After command 8, command 7 with the object's or another group connects a line of the object's group."""
    group = await ex.group()
    named = await ex.group() if other else group
    target = await ex.target(group=group)
    _, first = await ex.talking(target)
    await ex.prepare(DISCONNECT, **release(first))
    await ex.given(target, RELEASED)
    await ex.executed(CONNECT, **connect(first, named))
    await ex.event(target, CONNECTED, ksl_a=group.a(), operation=0)


# fmt: off
check("6.7.4-1", "command 7, statistical control: a line of the group that the command names", CALLS)(
    lambda ex: connected_by_7(ex, ringing=False))
check("6.7.4-2", "the same before the answer", CALLS)(
    lambda ex: connected_by_7(ex, ringing=True))
check("6.7.5-1", "command 7, full control, after command 8 released the line", CALLS)(
    lambda ex: connected_again(ex, other=False))
check("6.7.5.1-1", "command 7, full control: the group in the command is ignored, that of command 5 counts", CALLS)(
    lambda ex: connected_again(ex, other=True))
# fmt: on


@check("6.7.5-2", "command 7, full control, when no line had been free", CALLS)  # fmt: skip
async def connected_later(ex: Examiner) -> None:
    group = await ex.group()
    busy, target = await ex.target(group=group), await ex.target(ex.own(2), group=group)
    call, _ = await ex.talking(busy)
    _, first = await ex.talking(target, 2, 3)
    await ex.hang_up(call)
    await ex.ended(busy)
    await ex.executed(CONNECT, **connect(first, group))
    await ex.event(target, CONNECTED, ksl_a=group.a(), operation=0)


@check("6.7.5-3", "command 7, full control, the line is connected: not executed", CALLS)  # fmt: skip
async def connected_already(ex: Examiner) -> None:
    group = await ex.group(2)
    _, first = await ex.talking(await ex.target(group=group))
    await ex.not_executed(CONNECT, **connect(first, group))


@check("6.7.6-1", "a line that command 7 connected is free when the call is over", CALLS)  # fmt: skip
async def free_afterwards(ex: Examiner) -> None:
    group = await ex.group()
    target, other = await ex.target(), await ex.target(ex.own(2), group=group)
    call, first = await ex.talking(target)
    await ex.prepare(CONNECT, **connect(first, group))
    await ex.hang_up(call)
    await ex.ended(target)
    await ex.short_call(2, 3)
    await ex.event(other, RECEIVED, operation=0, ksl_a=group.a())


async def next_call(ex: Examiner, target: Target, command: str, fields: Callable[[Crossed], dict[str, Any]],
                    **wanted: Any) -> None:  # fmt: skip
    """A call with a command in it; the 41h of the next call has these values."""
    call, first = await ex.talking(target)
    await ex.prepare(command, **fields(first))
    await ex.hang_up(call)
    await ex.ended(target)
    await ex.short_call()
    await ex.event(target, RECEIVED, **wanted)


@check("6.7.7-1", "after command 7 the next call of the object is as command 5 has it", CALLS)  # fmt: skip
async def next_call_unchanged(ex: Examiner) -> None:
    group, target = await ex.group(), await ex.target()
    wanted: dict[str, Any] = {"selection": 0x02, "operation": None, "ksl_a": None}
    await next_call(ex, target, CONNECT, lambda first: connect(first, group), **wanted)


@check("6.7.8.2-1", "command 7 for a call that is not there: accepted, not executed")  # fmt: skip
async def connect_nothing(ex: Examiner) -> None:
    await ex.not_executed(CONNECT, **no_call(ex), ksl_group=(await ex.group()).number)


# --- command 8


async def released(
    ex: Examiner, fields: Callable[[Group, Crossed], dict[str, Any]], *, pair: bool = False
) -> None:
    """Command 8 releases the line, or the pair, of a call: 52h/01h."""
    group, target = await ex.controlled_group(separate=pair)
    _, first = await ex.talking(target)
    await ex.executed(DISCONNECT, **fields(group, first))
    lines: dict[str, Any] = {"ksl_a": group.a()} | ({"ksl_b": group.b()} if pair else {})
    await ex.event(target, RELEASED, operation=1, **lines)


async def half_a_pair(ex: Examiner, fields: Callable[[Group], dict[str, Any]]) -> None:
    """One line of the pair of a call, without the other."""
    group = await ex.group(separate=True)
    await ex.talking(await ex.target(group=group))
    await ex.rejected(DISCONNECT, **fields(group))


# fmt: off
check("6.8.4-1", "command 8 by call: its line is free, 52h/01h", CALLS)(
    lambda ex: released(ex, lambda group, first: release(first)))
check("6.8.5-1", "command 8 by line: 52h/01h", CALLS)(
    lambda ex: released(ex, lambda group, first: by_line(group.a(), group.a())))
check("6.8.5-2", "command 8 by the lines of a pair: 52h/01h", CALLS)(
    lambda ex: released(ex, lambda group, first: by_line(group.a(), group.b()), pair=True))
check("6.8.7.2-1", "command 8 for a call that is not there: accepted, not executed")(
    lambda ex: ex.not_executed(DISCONNECT, **no_call(ex), ksl_a=None, ksl_b=None))
check("6.8.9-1", "one line of a pair without the other: 27h/01h", CALLS)(
    lambda ex: half_a_pair(ex, lambda group: by_line(group.a())))
check("6.8.9-2", "KSL-B of a pair without KSL-A: 27h/01h", CALLS)(
    lambda ex: half_a_pair(ex, lambda group: by_line(None, group.b())))
check("6.8.10-1", "a line that is in no group: accepted, not executed")(
    lambda ex: ex.not_executed(DISCONNECT, **by_line(ex.free_line())))
# fmt: on


@check("6.8.6-1", "after command 8 the next call of the object is as command 5 has it", CALLS)  # fmt: skip
async def next_call_full(ex: Examiner) -> None:
    group, target = await ex.controlled_group()
    await next_call(ex, target, DISCONNECT, release, selection=0x01, operation=0, ksl_a=group.a())


@check("6.8.8-1", "KSL-A and KSL-B that serve different calls: accepted, not executed", CALLS)  # fmt: skip
async def lines_of_two_calls(ex: Examiner) -> None:
    group = await ex.group(2, separate=True)
    one, two = await ex.target(group=group), await ex.target(ex.own(2), group=group)
    await ex.talking(one)
    await ex.talking(two, 2, 3)
    await ex.not_executed(DISCONNECT, **by_line(group.a(0), group.b(1)))


# --- changes in the events, 51h

HELD = ({"service": "hold", "at": 0.5},)
RINGS = 0.5
"""Seconds of ringing in a call with a command before the answer."""


async def next_event(
    ex: Examiner, target: Target, event: str, command: str, fields: Callable[[Crossed], dict[str, Any]],
    **wanted: Any,
) -> None:  # fmt: skip
    """A call with command 7 or 8 in it; the next event of the object, of this name, has these values."""
    if event == ANSWER:  # the call rings long enough for the command
        placed = await ex.call(ring=None if ex.caller is None else max(RINGS, ex.caller.ring * 3))
        first = await ex.given(target, RECEIVED)
    else:
        placed, first = await ex.talking(target, services=HELD if event == USED else ())
    await ex.prepare(command, **fields(first))
    await ex.given(target, CONNECTED if command == CONNECT else RELEASED)
    if event == RELEASE:
        await ex.hang_up(placed)
    await ex.event(target, event, **wanted)


async def after_7(ex: Examiner, event: str, *, separate: bool = False, **wanted: Any) -> None:
    """An event of a call under statistical control with a line, or pair, from command 7."""
    group, target = await ex.group(separate=separate), await ex.target()
    lines = {"ksl_a": group.a(), "ksl_b": group.b()} if separate else {"ksl_a": group.a()}
    values = {**FULL, **lines, **wanted}
    await next_event(ex, target, event, CONNECT, lambda first: connect(first, group), **values)


async def after_8(ex: Examiner, event: str, operation: int | None, priority: str = "normal") -> None:
    """An event of a call of an object of this priority after command 8 released its line."""
    target = await ex.target(group=await ex.group(), priority=priority)
    await next_event(ex, target, event, DISCONNECT, release, **STATISTICAL, operation=operation)


async def fields_of_51h(
    ex: Examiner, wanted: Callable[[Group, Crossed], dict[str, Any]], *, separate: bool = False
) -> None:
    """The 51h of a command 7 in a call under statistical control."""
    group, target = await ex.group(separate=separate), await ex.target()
    _, first = await ex.talking(target)
    await ex.prepare(CONNECT, **connect(first, group))
    await ex.event(target, CONNECTED, **wanted(group, first))


def none_free(*, full: bool) -> Dialogue:
    """Command 7 while a priority object has the only line of the group."""

    async def dialogue(ex: Examiner) -> None:
        group = await ex.group()
        await ex.talking(await ex.target(ex.own(2), group=group, priority="high"), 2, 3)
        target = await ex.target(group=group if full else None)
        _, first = await ex.talking(target)
        await ex.command(CONNECT, **connect(first, group))
        wanted = {"operation": 1, "ksl_a": None} if full else {"operation": 1, **STATISTICAL}
        await ex.event(target, CONNECTED, **wanted, **repeated(first))

    return dialogue


# fmt: off
check("11.2.4.1-1", "42h after command 7: selection of full control, the line, priority 01h, 00h", CALLS)(
    lambda ex: after_7(ex, ANSWER, operation=0))
check("11.2.4.1-2", "42h after command 8: selection of statistical control, KSL FFh, priority 02h or FFh, code FFh",
      CALLS)(
    lambda ex: after_8(ex, ANSWER, None, "high"))
check("11.3.4.1-1", "43h after command 7: selection of full control, the line, priority 01h", CALLS)(
    lambda ex: after_7(ex, RELEASE, operation=5))
check("11.3.4.1-2", "43h after command 7 with a separate group: selection of separate control, both lines", CALLS)(
    lambda ex: after_7(ex, RELEASE, separate=True, selection=0x03))
check("11.3.4.1-3", "43h after command 8: selection of statistical control, KSL FFh, priority 02h or FFh", CALLS)(
    lambda ex: after_8(ex, RELEASE, 5))
check("11.4.6.1-1", "44h after command 7: selection of full control, the line, priority 01h, 00h", SERVICES)(
    lambda ex: after_7(ex, USED, operation=0))
check("11.4.6.1-2", "44h after command 8: selection of statistical control, KSL FFh, priority 02h or FFh, FFh",
      SERVICES)(
    lambda ex: after_8(ex, USED, None))
check("11.5.4-1", "51h: selection of full control, the line, priority 01h, 00h", CALLS)(
    lambda ex: fields_of_51h(ex, lambda group, first: {
        **FULL, "ksl_a": group.a(), "ksl_b": one_of(group.a(), None), "operation": 0, **repeated(first)}))
check("11.5.4-2", "51h with a separate group: selection of separate control, both lines", CALLS)(
    lambda ex: fields_of_51h(ex, lambda group, first: {
        "selection": 0x03, "ksl_a": group.a(), "ksl_b": group.b()}, separate=True))
check("11.5.5-1", "51h when no line is free, full control: as 41h, 01h", CALLS)(none_free(full=True))
check("11.5.6-1", "51h when no line is free, statistical control: as 41h, but 01h", CALLS)(none_free(full=False))
# fmt: on


# --- 52h


@check("11.6.5-1", "command 7 takes the line of an ordinary object: 52h/03h", CALLS)  # fmt: skip
async def taken_by_7(ex: Examiner) -> None:
    group = await ex.group()
    ordinary, target = await ex.target(group=group), await ex.target(ex.own(2))
    await ex.talking(ordinary)
    _, first = await ex.talking(target, 2, 3)
    await ex.executed(CONNECT, **connect(first, group))
    await ex.event(ordinary, RELEASED, operation=3, ksl_a=group.a())
    await ex.event(target, CONNECTED, operation=0, ksl_a=group.a())


@check("11.6.4-1", "52h repeats the other fields of 41h", CALLS)
async def fields_of_52h(ex: Examiner) -> None:
    target = await ex.target(group=await ex.group())
    _, first = await ex.talking(target)
    await ex.prepare(DISCONNECT, **release(first))
    await ex.event(target, RELEASED, operation=1, **repeated(first))


@check("11.6.5-2", "43h after 52h/02h: selection of statistical control, KSL FFh", CALLS)  # fmt: skip
async def after_52h_02(ex: Examiner) -> None:
    group = await ex.group()
    ordinary, high = await ex.target(group=group), await ex.target(ex.own(2), group=group, priority="high")
    call, _ = await ex.talking(ordinary)
    await ex.talking(high, 2, 3)
    await ex.given(ordinary, RELEASED, operation=2)
    await ex.hang_up(call)
    await ex.event(ordinary, RELEASE, ksl_a=None, ksl_b=None)
