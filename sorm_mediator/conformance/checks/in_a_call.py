"""Commands 7 and 8 in a call, and what they change in its events (6.7, 6.8, 11.2.4, 11.3.4, 11.4.6, 11.5, 11.6)."""

from __future__ import annotations

from typing import Any

from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.dialogue import Target, one_of
from sorm_mediator.conformance.examiner import Examiner, Group, PlacedCall
from sorm_mediator.console.client import Crossed

CALLS, SERVICES = Need.CALLS, Need.SERVICES
RECEIVED, ANSWER, RELEASE = "number-received", "answer", "release"
CONNECTED, RELEASED = "ksl-connected", "ksl-released"
NO_PRIORITY = one_of(None, "normal")


async def running(
    ex: Examiner, target: Target, *, a: int = 0, b: int = 1, ringing: bool = False, **how: Any
) -> tuple[PlacedCall, Crossed]:
    """A call of an object, answered unless it is to ring on; its 41h."""
    begin = ex.ringing_call if ringing else ex.call
    placed = await begin(ex.own(a), ex.own(b), **how)
    with ex.preparing():
        first = await ex.event(target, RECEIVED)
        if not ringing:
            await ex.event(target, ANSWER)
    return placed, first


def connect(first: Crossed, group: int) -> dict[str, Any]:
    """The fields of a command 7 for the call of an event."""
    names = ("call_number", "object_type", "object_number")
    return {**{name: first.fields[name] for name in names}, "ksl_group": group}


def release(first: Crossed) -> dict[str, Any]:
    """The fields of a command 8 for the call of an event."""
    names = ("call_number", "object_type", "object_number")
    return {**{name: first.fields[name] for name in names}, "ksl_a": None, "ksl_b": None}


def by_line(a: dict[str, int] | None, b: dict[str, int] | None = None) -> dict[str, Any]:
    """The fields of a command 8 for a line."""
    return {"call_number": None, "object_type": None, "object_number": None, "ksl_a": a, "ksl_b": b}


# --- command 7


@check("6.7.4-1", "command 7, statistical control: a line of the group that the command names",
       "команда 7, статистический контроль: КСЛ из группы, заданной командой", CALLS)  # fmt: skip
async def connected(ex: Examiner) -> None:
    other, group = await ex.group(), await ex.group()
    target = await ex.target()
    _, first = await running(ex, target)
    await ex.executed("connect-ksl", **connect(first, group.number))
    await ex.event(target, CONNECTED, ksl_a=group.a(), operation=0)
    assert other.number != group.number


@check("6.7.4-2", "the same before the answer", "то же до ответа", CALLS)
async def connected_while_ringing(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target()
    _, first = await running(ex, target, ringing=True)
    await ex.executed("connect-ksl", **connect(first, group.number))
    await ex.event(target, CONNECTED, ksl_a=group.a(), operation=0)


@check("6.7.5-1", "command 7, full control, after command 8 released the line",
       "команда 7, полный контроль, после освобождения КСЛ командой 8", CALLS)  # fmt: skip
async def connected_again(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    _, first = await running(ex, target)
    await ex.prepare("release-ksl", **release(first))
    with ex.preparing():
        await ex.event(target, RELEASED)
    await ex.executed("connect-ksl", **connect(first, group.number))
    await ex.event(target, CONNECTED, ksl_a=group.a(), operation=0)


@check("6.7.5-2", "command 7, full control, when no line had been free",
       "команда 7, полный контроль, если свободных КСЛ не было", CALLS)  # fmt: skip
async def connected_later(ex: Examiner) -> None:
    group = await ex.group()
    busy, target = await ex.target(group=group), await ex.target(ex.own(2), group=group)
    call, _ = await running(ex, busy)
    _, first = await running(ex, target, a=2, b=3)
    await ex.hang_up(call)
    await ex.ended(busy)
    await ex.executed("connect-ksl", **connect(first, group.number))
    await ex.event(target, CONNECTED, ksl_a=group.a(), operation=0)


@check("6.7.5-3", "command 7, full control, the line is connected: not executed",
       "команда 7, полный контроль, КСЛ уже подключена: не выполняется", CALLS)  # fmt: skip
async def connected_already(ex: Examiner) -> None:
    group = await ex.group(2)
    target = await ex.target(group=group)
    _, first = await running(ex, target)
    await ex.not_executed("connect-ksl", **connect(first, group.number))


@check("6.7.5.1-1", "command 7, full control: the group in the command is ignored, that of command 5 counts",
       "команда 7, полный контроль: группа в команде игнорируется, действует группа команды 5", CALLS)  # fmt: skip
async def group_is_ignored(ex: Examiner) -> None:
    group, other = await ex.group(), await ex.group()
    target = await ex.target(group=group)
    _, first = await running(ex, target)
    await ex.prepare("release-ksl", **release(first))
    with ex.preparing():
        await ex.event(target, RELEASED)
    await ex.executed("connect-ksl", **connect(first, other.number))
    await ex.event(target, CONNECTED, ksl_a=group.a())


@check("6.7.6-1", "a line that command 7 connected is free when the call is over",
       "КСЛ, подключённая командой 7, свободна по окончании соединения", CALLS)  # fmt: skip
async def free_afterwards(ex: Examiner) -> None:
    group = await ex.group()
    target, other = await ex.target(), await ex.target(ex.own(2), group=group)
    call, first = await running(ex, target)
    await ex.prepare("connect-ksl", **connect(first, group.number))
    await ex.hang_up(call)
    await ex.ended(target)
    await ex.short_call(ex.own(2), ex.own(3))
    await ex.event(other, RECEIVED, operation=0, ksl_a=group.a())


@check("6.7.7-1", "after command 7 the next call of the object is as command 5 has it",
       "после команды 7 следующее соединение контролируется по команде 5", CALLS)  # fmt: skip
async def next_call_unchanged(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target()
    call, first = await running(ex, target)
    await ex.prepare("connect-ksl", **connect(first, group.number))
    await ex.hang_up(call)
    await ex.ended(target)
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(target, RECEIVED, selection=0x02, operation=None, ksl_a=None)


@check("6.7.8.2-1", "command 7 for a call that is not there: accepted, not executed",
       "команда 7 для отсутствующего соединения: принята, не выполнена")  # fmt: skip
async def connect_nothing(ex: Examiner) -> None:
    group = await ex.group()
    fields: dict[str, Any] = {
        "call_number": 0xFFF0,
        "object_type": "own-subscriber",
        "object_number": ex.free_object(),
    }
    await ex.not_executed("connect-ksl", **fields, ksl_group=group.number)


# --- command 8


@check(
    "6.8.4-1",
    "command 8 by call: its line is free, 52h/01h",
    "команда 8 по вызову: КСЛ освобождена, 52h/01h",
    CALLS,
)
async def released_by_call(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    _, first = await running(ex, target)
    await ex.executed("release-ksl", **release(first))
    await ex.event(target, RELEASED, operation=1, ksl_a=group.a())


@check("6.8.5-1", "command 8 by line: 52h/01h", "команда 8 по КСЛ: 52h/01h", CALLS)
async def released_by_line(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    await running(ex, target)
    await ex.executed("release-ksl", **by_line(group.a(), group.a()))
    await ex.event(target, RELEASED, operation=1, ksl_a=group.a())


@check("6.8.5-2", "command 8 by the lines of a pair: 52h/01h", "команда 8 по КСЛ пары: 52h/01h", CALLS)
async def released_by_pair(ex: Examiner) -> None:
    group = await ex.group(separate=True)
    target = await ex.target(group=group)
    await running(ex, target)
    await ex.executed("release-ksl", **by_line(group.a(), group.b()))
    await ex.event(target, RELEASED, operation=1, ksl_a=group.a(), ksl_b=group.b())


@check("6.8.6-1", "after command 8 the next call of the object is as command 5 has it",
       "после команды 8 следующее соединение контролируется по команде 5", CALLS)  # fmt: skip
async def next_call_full(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    call, first = await running(ex, target)
    await ex.prepare("release-ksl", **release(first))
    await ex.hang_up(call)
    await ex.ended(target)
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(target, RECEIVED, selection=0x01, operation=0, ksl_a=group.a())


@check("6.8.7.2-1", "command 8 for a call that is not there: accepted, not executed",
       "команда 8 для отсутствующего соединения: принята, не выполнена")  # fmt: skip
async def release_nothing(ex: Examiner) -> None:
    fields: dict[str, Any] = {
        "call_number": 0xFFF0,
        "object_type": "own-subscriber",
        "object_number": ex.free_object(),
    }
    await ex.not_executed("release-ksl", **fields, ksl_a=None, ksl_b=None)


@check("6.8.8-1", "KSL-A and KSL-B that serve different calls: accepted, not executed",
       "КСЛ-A и КСЛ-B разных соединений: принята, не выполнена", CALLS)  # fmt: skip
async def lines_of_two_calls(ex: Examiner) -> None:
    group = await ex.group(2, separate=True)
    one, two = await ex.target(group=group), await ex.target(ex.own(2), group=group)
    await running(ex, one)
    await running(ex, two, a=2, b=3)
    await ex.not_executed("release-ksl", **by_line(group.a(0), group.b(1)))


@check("6.8.9-1", "one line of a pair without the other: 27h/01h", "одна КСЛ пары без другой: 27h/01h", CALLS)
async def half_a_pair(ex: Examiner) -> None:
    group = await ex.group(separate=True)
    await running(ex, await ex.target(group=group))
    await ex.rejected("release-ksl", **by_line(group.a()))


@check("6.8.9-2", "KSL-B of a pair without KSL-A: 27h/01h", "КСЛ-B пары без КСЛ-A: 27h/01h", CALLS)
async def other_half(ex: Examiner) -> None:
    group = await ex.group(separate=True)
    await running(ex, await ex.target(group=group))
    await ex.rejected("release-ksl", **by_line(None, group.b()))


@check("6.8.10-1", "a line that is in no group: accepted, not executed",
       "КСЛ ни в какой группе: принята, не выполнена")  # fmt: skip
async def line_in_no_group(ex: Examiner) -> None:
    (line,) = ex.free_lines(1)
    await ex.not_executed("release-ksl", **by_line(line))


# --- what changes in the events


async def after_7(
    ex: Examiner, *, ringing: bool, separate: bool = False, **how: Any
) -> tuple[Target, Group, PlacedCall]:
    """A call under statistical control to which command 7 has connected a line; its 51h is read."""
    group = await ex.group(separate=separate)
    target = await ex.target()
    call, first = await running(ex, target, ringing=ringing, **how)
    await ex.prepare("connect-ksl", **connect(first, group.number))
    with ex.preparing():
        await ex.event(target, CONNECTED)
    return target, group, call


async def after_8(ex: Examiner, *, ringing: bool, **how: Any) -> tuple[Target, PlacedCall]:
    """A call under full control whose line command 8 has released; its 52h is read."""
    target = await ex.target(group=await ex.group())
    call, first = await running(ex, target, ringing=ringing, **how)
    await ex.prepare("release-ksl", **release(first))
    with ex.preparing():
        await ex.event(target, RELEASED)
    return target, call


RINGS = 0.5
"""Seconds that a call rings in which a command is given before the answer."""


async def rung(ex: Examiner, target: Target) -> Crossed:
    """A call that rings long enough for a command before its answer; its 41h."""
    ring = None if ex.caller is None else max(RINGS, ex.caller.ring * 3)
    await ex.call(ex.own(0), ex.own(1), ring=ring)
    with ex.preparing():
        return await ex.event(target, RECEIVED)


@check("11.2.4.1-1", "42h after command 7: selection of full control, the line, priority 01h, 00h",
       "42h после команды 7: признак полного контроля, КСЛ, метка 01h, код 00h", CALLS)  # fmt: skip
async def answer_after_7(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target()
    first = await rung(ex, target)
    await ex.prepare("connect-ksl", **connect(first, group.number))
    with ex.preparing():
        await ex.event(target, CONNECTED)
    await ex.event(target, ANSWER, selection=0x01, ksl_a=group.a(), priority="high", operation=0)


@check("11.2.4.1-2", "42h after command 8: selection of statistical control, KSL FFh, priority 02h or FFh, code FFh",
       "42h после команды 8: признак статистического контроля, КСЛ FFh, метка 02h или FFh, код FFh", CALLS)  # fmt: skip
async def answer_after_8(ex: Examiner) -> None:
    target = await ex.target(group=await ex.group(), priority="high")
    first = await rung(ex, target)
    await ex.prepare("release-ksl", **release(first))
    with ex.preparing():
        await ex.event(target, RELEASED)
    await ex.event(
        target, ANSWER, selection=0x02, ksl_a=None, ksl_b=None, priority=NO_PRIORITY, operation=None
    )


@check("11.3.4.1-1", "43h after command 7: selection of full control, the line, priority 01h",
       "43h после команды 7: признак полного контроля, КСЛ, метка 01h", CALLS)  # fmt: skip
async def release_after_7(ex: Examiner) -> None:
    target, group, call = await after_7(ex, ringing=False)
    await ex.hang_up(call)
    await ex.event(target, RELEASE, selection=0x01, ksl_a=group.a(), priority="high", operation=5)


@check("11.3.4.1-2", "43h after command 7 with a separate group: selection of separate control, both lines",
       "43h после команды 7 с раздельной группой: признак раздельного контроля, обе КСЛ", CALLS)  # fmt: skip
async def release_after_7_separate(ex: Examiner) -> None:
    target, group, call = await after_7(ex, ringing=False, separate=True)
    await ex.hang_up(call)
    await ex.event(target, RELEASE, selection=0x03, ksl_a=group.a(), ksl_b=group.b(), priority="high")


@check("11.3.4.1-3", "43h after command 8: selection of statistical control, KSL FFh, priority 02h or FFh",
       "43h после команды 8: признак статистического контроля, КСЛ FFh, метка 02h или FFh", CALLS)  # fmt: skip
async def release_after_8(ex: Examiner) -> None:
    target, call = await after_8(ex, ringing=False)
    await ex.hang_up(call)
    await ex.event(target, RELEASE, selection=0x02, ksl_a=None, ksl_b=None, priority=NO_PRIORITY, operation=5)


HELD = ({"service": "hold", "at": 0.5},)


@check("11.4.6.1-1", "44h after command 7: selection of full control, the line, priority 01h, 00h",
       "44h после команды 7: признак полного контроля, КСЛ, метка 01h, код 00h", SERVICES)  # fmt: skip
async def service_after_7(ex: Examiner) -> None:
    target, group, _ = await after_7(ex, ringing=False, services=HELD)
    await ex.event(target, "service-used", selection=0x01, ksl_a=group.a(), priority="high", operation=0)


@check("11.4.6.1-2", "44h after command 8: selection of statistical control, KSL FFh, priority 02h or FFh, FFh",
       "44h после команды 8: признак статистического контроля, КСЛ FFh, метка 02h/FFh, код FFh", SERVICES)  # fmt: skip
async def service_after_8(ex: Examiner) -> None:
    target, _ = await after_8(ex, ringing=False, services=HELD)
    await ex.event(
        target, "service-used", selection=0x02, ksl_a=None, ksl_b=None, priority=NO_PRIORITY, operation=None
    )


# --- 51h

REPEATED = ("call_number", "connection", "service_phase", "calling", "called", "trunk")


@check("11.5.4-1", "51h: selection of full control, the line, priority 01h, 00h",
       "51h: признак полного контроля, КСЛ, метка 01h, код 00h", CALLS)  # fmt: skip
async def fields_of_51h(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target()
    _, first = await running(ex, target)
    await ex.prepare("connect-ksl", **connect(first, group.number))
    await ex.event(
        target, CONNECTED, selection=0x01, ksl_a=group.a(), ksl_b=one_of(group.a(), None), priority="high",
        operation=0, **{name: first.fields[name] for name in REPEATED},
    )  # fmt: skip


@check("11.5.4-2", "51h with a separate group: selection of separate control, both lines",
       "51h с раздельной группой: признак раздельного контроля, обе КСЛ", CALLS)  # fmt: skip
async def fields_of_51h_separate(ex: Examiner) -> None:
    group = await ex.group(separate=True)
    target = await ex.target()
    _, first = await running(ex, target)
    await ex.prepare("connect-ksl", **connect(first, group.number))
    await ex.event(target, CONNECTED, selection=0x03, ksl_a=group.a(), ksl_b=group.b())


async def nothing_free(ex: Examiner, group: Group) -> None:
    """A priority object has the only line of the group."""
    high = await ex.target(ex.own(2), group=group, priority="high")
    await running(ex, high, a=2, b=3)


@check("11.5.5-1", "51h when no line is free, full control: as 41h, 01h",
       "51h, если нет доступных КСЛ, полный контроль: как 41h, код 01h", CALLS)  # fmt: skip
async def none_free_full(ex: Examiner) -> None:
    group = await ex.group()
    await nothing_free(ex, group)
    target = await ex.target(group=group)
    _, first = await running(ex, target)
    await ex.command("connect-ksl", **connect(first, group.number))
    await ex.event(
        target, CONNECTED, operation=1, ksl_a=None, **{name: first.fields[name] for name in REPEATED}
    )


@check("11.5.6-1", "51h when no line is free, statistical control: as 41h, but 01h",
       "51h, если нет доступных КСЛ, статистический контроль: как 41h, но код 01h", CALLS)  # fmt: skip
async def none_free_statistical(ex: Examiner) -> None:
    group = await ex.group()
    await nothing_free(ex, group)
    target = await ex.target()
    _, first = await running(ex, target)
    await ex.command("connect-ksl", **connect(first, group.number))
    await ex.event(
        target, CONNECTED, operation=1, ksl_a=None, ksl_b=None, selection=0x02, priority=NO_PRIORITY,
        **{name: first.fields[name] for name in REPEATED},
    )  # fmt: skip


# --- 52h


@check("11.6.5-1", "command 7 takes the line of an ordinary object: 52h/03h",
       "команда 7 занимает КСЛ обычного объекта: 52h/03h", CALLS)  # fmt: skip
async def taken_by_7(ex: Examiner) -> None:
    group = await ex.group()
    ordinary, target = await ex.target(group=group), await ex.target(ex.own(2))
    await running(ex, ordinary)
    _, first = await running(ex, target, a=2, b=3)
    await ex.executed("connect-ksl", **connect(first, group.number))
    await ex.event(ordinary, RELEASED, operation=3, ksl_a=group.a())
    await ex.event(target, CONNECTED, operation=0, ksl_a=group.a())


@check("11.6.4-1", "52h repeats the other fields of 41h", "остальные поля 52h повторяют 41h", CALLS)
async def fields_of_52h(ex: Examiner) -> None:
    target = await ex.target(group=await ex.group())
    _, first = await running(ex, target)
    await ex.prepare("release-ksl", **release(first))
    await ex.event(target, RELEASED, operation=1, **{name: first.fields[name] for name in REPEATED})


@check("11.6.5-2", "43h after 52h/02h: selection of statistical control, KSL FFh",
       "43h после 52h/02h: признак статистического контроля, КСЛ FFh", CALLS)  # fmt: skip
async def after_52h_02(ex: Examiner) -> None:
    group = await ex.group()
    ordinary, high = await ex.target(group=group), await ex.target(ex.own(2), group=group, priority="high")
    call, _ = await running(ex, ordinary)
    await running(ex, high, a=2, b=3)
    with ex.preparing():
        await ex.event(ordinary, RELEASED, operation=2)
    await ex.hang_up(call)
    await ex.event(ordinary, RELEASE, ksl_a=None, ksl_b=None)
