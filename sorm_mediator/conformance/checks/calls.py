"""The events of calls: which come, when, with which numbers and lines (10, 11.1 to 11.4, 6.5.5.8)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

from sorm_mediator.conformance.declaration import Dialogue, Need, check
from sorm_mediator.conformance.dialogue import ANSWER, RECEIVED, RELEASE, Target, one_of
from sorm_mediator.conformance.examiner import Examiner, Group
from sorm_mediator.console.client import Crossed
from sorm_mediator.language import Phrase

CALLS, SERVICES = Need.CALLS, Need.SERVICES
NO_PRIORITY = one_of(None, "normal")
"""The priority of statistical control: FFh or 02h."""
REPEATED = (
    "selection", "connection", "service_phase", "calling", "called", "trunk", "ksl_a", "ksl_b", "priority"
)  # fmt: skip
"""Fields that the later events of a call repeat from its 41h."""
within, outgoing, incoming = Examiner.short_call, Examiner.outgoing_call, Examiner.incoming_call
"""Short calls: from the first subscriber to the second, of the first to the network, and from there to the first."""


def back(ex: Examiner) -> Awaitable[object]:
    """A short call within the node, from the second subscriber to the first."""
    return ex.short_call(1, 0)


def reported(
    place: Dialogue, category: str = "statistical", of_object: str | None = "normal",
    control: Callable[[Examiner, Group | None], Awaitable[Target]] | None = None,
    events: tuple[str, ...] = (RECEIVED, ANSWER, RELEASE), **wanted: Any,
) -> Dialogue:  # fmt: skip
    """A call of an object, placed by ``place``, whose events have these values.

    ``of_object``: the priority of the own subscriber that is the object; ``control`` puts another object under
    control. A function as a value takes examiner and group.
    """

    async def dialogue(ex: Examiner) -> None:
        group = None if category == "statistical" else await ex.group(separate=category == "separate")
        if control is None:
            target = await ex.target(group=group, priority=of_object)
        else:
            target = await control(ex, group)
        await place(ex)
        values = {key: value(ex, group) if callable(value) else value for key, value in wanted.items()}
        await ex.events(target, *events, **values)

    return dialogue


FIRST = (RECEIVED,)
"""41h alone."""


# fmt: off
def _selections(place: int, category: str, how: Phrase, by_a: int, by_b: int, by_trunk: int) -> None:
    check(f"10.2.1.6-{place}", "selection sign by A, {how}: {n:02X}h", CALLS, how=how, n=by_a)(
        reported(within, category, selection=by_a))
    check(f"10.2.1.6-{place + 3}", "selection sign by B, {how}: {n:02X}h", CALLS, how=how, n=by_b)(
        reported(back, category, selection=by_b))
    check(f"10.2.1.6-{place + 6}", "selection sign by trunk, {how}: {n:02X}h", CALLS, how=how, n=by_trunk)(
        reported(incoming, category, control=lambda ex, group: ex.controlled(ex.trunk_fields(group)),
                 selection=by_trunk, trunk=lambda ex, group: ex.trunk))


_selections(1, "combined", Phrase("combined control"), 0x01, 0x04, 0x10)
_selections(2, "separate", Phrase("separate control"), 0x03, 0x0C, 0x30)
_selections(3, "statistical", Phrase("statistical control"), 0x02, 0x08, 0x20)

check("10.2.1.7-2", "connection within the node: 1Ch", CALLS)(
    reported(within, events=FIRST, connection=0x1C))
check("10.2.1.7-3", "outgoing connection: 11h", CALLS)(
    reported(outgoing, events=FIRST, connection=0x11))
check("10.2.1.7-4", "incoming connection: 12h", CALLS)(
    reported(incoming, events=FIRST, connection=0x12))
check("10.2.1.8-1", "phase of the service: 00h in an ordinary call", CALLS)(
    reported(within, service_phase=0))
check("10.3.1.6-1", "combined control: KSL-B is KSL-A or FFh", CALLS)(
    reported(within, "combined", ksl_a=lambda ex, group: group.a(), ksl_b=lambda ex, group: one_of(group.a(), None)))
check("10.3.1.6-2", "separate control: KSL-A and KSL-B of the pair", CALLS)(
    reported(within, "separate", ksl_a=lambda ex, group: group.a(), ksl_b=lambda ex, group: group.b()))
check("10.3.1.6-3", "statistical control: KSL-A and KSL-B FFh", CALLS)(
    reported(within, ksl_a=None, ksl_b=None))
check("10.3.1.9-1", "priority of a priority object: 01h", CALLS)(
    reported(within, "combined", "high", priority="high"))
check("10.3.1.9-2", "priority of an ordinary object: 02h", CALLS)(
    reported(within, "combined", priority="normal"))
check("10.3.1.9-3", "priority of a statistical object: 02h or FFh", CALLS)(
    reported(within, of_object=None, priority=NO_PRIORITY))
check("11.1.9-1", "41h: 00h when a line was connected", CALLS)(
    reported(within, "combined", events=(RECEIVED, ANSWER), operation=0))
check("11.1.9-2", "41h: FFh under statistical control", CALLS)(
    reported(within, events=(RECEIVED, ANSWER), operation=None))
check("11.1.9-3", "41h: 01h when no line is free", CALLS)(
    lambda ex: without_a_line(ex, RECEIVED, operation=1, ksl_a=None, ksl_b=None))
check("11.1.8-1", "no line is free: the selection sign is that of statistical control", CALLS)(
    lambda ex: without_a_line(ex, selection=0x02))
check("11.1.8-2", "no line is free: priority 02h or FFh", CALLS)(
    lambda ex: without_a_line(ex, RECEIVED, of_both="high", operation=1, priority=NO_PRIORITY))
# fmt: on


@check(
    "10.2.1.5-1", "41h, 42h and 43h of a call have one call number, and type and number of the object", CALLS
)
async def one_identifier(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call()
    first = await ex.event(target, RECEIVED, object_type="own-subscriber")
    number = first.fields["call_number"]
    await ex.events(target, ANSWER, RELEASE, call_number=number, object_type="own-subscriber")


@check("6.7.8.1-1", "call numbers follow one another over all calls", CALLS)  # fmt: skip
async def one_sequence(ex: Examiner) -> None:
    one, two = await ex.target(), await ex.target(ex.own(1))
    numbers = []
    for a, target in ((0, one), (1, two), (0, one)):
        await ex.short_call(a, 2)
        first, *_ = await ex.events(target)
        numbers.append(first.fields["call_number"])
    steps = [(after - before) % 0xFFFF for before, after in pairwise(numbers)]
    most = 1 if not ex.taken_objects else 1000  # objects from before the examination have calls too
    text = Phrase("each is one more than the one before")
    ex.require(all(1 <= step <= most for step in steps), text, numbers)


@check("10.3.1.2-1", "count of digits and unused octets of both numbers", CALLS)  # fmt: skip
async def digits(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call()
    first, *_ = await ex.events(target)
    text = Phrase("as many digits as counted, then FFh")
    for start, number in ((12, ex.own(0)), (23, ex.own(1))):
        octets = first.raw[start + 2 : start + 11]
        halves = [half for octet in octets for half in (octet & 0x0F, octet >> 4)]
        count = first.raw[start + 1]
        holds = count <= 18 and all(half <= 0x0C for half in halves[:count]) and set(halves[count:]) <= {0x0F}
        ex.require(holds and count >= len(number), text, first.raw[start : start + 11])


# --- 41h


@check("11.1.3-1", "41h comes when the call can be set up, before the answer", CALLS)  # fmt: skip
async def before_the_answer(ex: Examiner) -> None:
    target = await ex.target(group=await ex.group())
    await ex.ringing_call()
    await ex.event(target, RECEIVED)
    await ex.no_events(target)


@check("11.1.3-2", "a call that touches no object is not told", CALLS)  # fmt: skip
async def strangers(ex: Examiner) -> None:
    target, watch = await ex.target(ex.own(2)), await ex.target()
    await ex.short_call()
    await ex.ended(watch)
    await ex.no_events(target)


async def without_a_line(ex: Examiner, *events: str, of_both: str = "normal", **wanted: Any) -> None:
    """A group of one busy line; the second object of the group calls, and its events have these values.

    ``of_both``: the priority of the objects.
    """
    group = await ex.group()
    first = await ex.target(group=group, priority=of_both)
    second = await ex.target(ex.own(2), group=group, priority=of_both)
    await ex.call()
    await ex.given(first, RECEIVED, operation=0)
    await ex.short_call(2, 3)
    await ex.events(second, *events, **wanted)


# --- 42h, 43h


@check("11.2.3-1", "42h comes after the answer", CALLS)
async def answered(ex: Examiner) -> None:
    target = await ex.target()
    await ex.call()
    await ex.events(target, RECEIVED, ANSWER)
    await ex.no_events(target)


async def repeats(ex: Examiner, before: tuple[str, ...], event: str, fields: tuple[str, ...]) -> None:
    """An event of a call repeats these fields of the first event before it."""
    target = await ex.target(group=await ex.group())
    await ex.outgoing_call()
    first, *_ = await ex.events(target, *before)
    await ex.event(target, event, **{name: first.fields[name] for name in fields})


@check("11.3.3-1", "43h comes when the call ends", CALLS)
async def ended(ex: Examiner) -> None:
    target = await ex.target()
    call = await ex.call()
    await ex.events(target, RECEIVED, ANSWER)
    await ex.no_events(target)
    await ex.hang_up(call)
    await ex.event(target, RELEASE)


async def reason(ex: Examiner, outcome: str, code: int, *before: str) -> None:
    """A call with this end: its 43h has this code."""
    target = await ex.target()
    await ex.short_call(0, ex.own(1)[:-1] if outcome == "incomplete" else 1, outcome=outcome)
    for event in before:
        await ex.event(target, event)
    if not before and await ex.next_name(target) == RECEIVED:  # this message may come before 43h
        await ex.event(target, RECEIVED)
    await ex.event(target, RELEASE, operation=code)


async def two_objects_one_line(ex: Examiner, first: str, second: str) -> tuple[Group, Target, Target]:
    """Two objects of these priorities: the first has the only line of the group, then the second calls."""
    group = await ex.group()
    one = await ex.target(group=group, priority=first)
    two = await ex.target(ex.own(2), group=group, priority=second)
    await ex.call()
    await ex.event(one, RECEIVED, operation=0)
    await ex.event(one, ANSWER)
    await ex.call(2, 3)
    return group, one, two


async def does_not_take(ex: Examiner, priority: str) -> None:
    """An object does not take the line of another object of the same priority."""
    _, one, two = await two_objects_one_line(ex, priority, priority)
    await ex.event(two, RECEIVED, operation=1, ksl_a=None)
    await ex.no_events(one)


# fmt: off
check("6.5.5.8-7", "a priority object does not take the line of another one", CALLS)(
    lambda ex: does_not_take(ex, "high"))
check("6.5.5.8-8", "an ordinary object does not take the line of another one", CALLS)(
    lambda ex: does_not_take(ex, "normal"))
check("11.2.4-1", "42h repeats the fields of 41h", CALLS)(
    lambda ex: repeats(ex, FIRST, ANSWER, (*REPEATED, "operation")))
check("11.3.4-1", "43h repeats the fields of 41h but for octet 32", CALLS)(
    lambda ex: repeats(ex, (RECEIVED, ANSWER), RELEASE, REPEATED))
check("11.3.5-1", "43h/01h: for technical reasons", CALLS)(
    lambda ex: reason(ex, "fail", 0x01))
check("11.3.5-2", "43h/02h: after incomplete dialling", CALLS)(
    lambda ex: reason(ex, "incomplete", 0x02))
check("11.3.5-3", "43h/03h: B is busy", CALLS)(
    lambda ex: reason(ex, "busy", 0x03, RECEIVED))
check("11.3.5-4", "43h/04h: B does not answer", CALLS)(
    lambda ex: reason(ex, "no-answer", 0x04, RECEIVED))
check("11.3.5-5", "43h/05h: after the conversation", CALLS)(
    lambda ex: reason(ex, "answer", 0x05, RECEIVED, ANSWER))
# fmt: on


# --- priority


@check("6.5.5.8-6", "a priority object takes the line of an ordinary one: 52h/02h", CALLS)  # fmt: skip
async def takes(ex: Examiner) -> None:
    group, ordinary, high = await two_objects_one_line(ex, "normal", "high")
    await ex.event(ordinary, "ksl-released", operation=2, ksl_a=group.a())
    await ex.event(high, RECEIVED, operation=0, ksl_a=group.a(), priority="high")


@check("6.5.5.8-9", "a line that a call has left is given to the next", CALLS)  # fmt: skip
async def free_again(ex: Examiner) -> None:
    group, target = await ex.controlled_group()
    for _ in range(2):
        await ex.short_call()
        await ex.event(target, RECEIVED, operation=0, ksl_a=group.a())
        await ex.ended(target)


# --- two objects, and time


@check("R.4.11-1", "two objects in one call: a full set of messages for each", CALLS)  # fmt: skip
async def a_set_for_each(ex: Examiner) -> None:
    one, two = await ex.target(), await ex.target(ex.own(1))
    await ex.short_call()
    for target, selection in ((one, 0x02), (two, 0x08)):
        await ex.events(target, selection=selection)


@check("R.4.11-2", "two objects in one call: lines of its own for each", CALLS)  # fmt: skip
async def lines_for_each(ex: Examiner) -> None:
    group = await ex.group(2)
    one, two = await ex.target(group=group), await ex.target(ex.own(1), group=group)
    await ex.short_call()
    lines = [(await ex.event(target, RECEIVED, operation=0)).fields["ksl_a"] for target in (one, two)]
    ex.require(lines[0] != lines[1], Phrase("two lines"), lines)


@check("R.5-1", "an event is sent within 200 ms after it happened in the node", SERVICES)  # fmt: skip
async def in_time(ex: Examiner) -> None:
    target = await ex.target()
    began = time.time()
    call = await ex.ringing_call()
    first = await ex.event(target, RECEIVED)
    await ex.hang_up(call)
    ex.within_limit((first.time - began) * 1000, 200, Phrase("41h after the call was made"))


# --- 44h

USED = "service-used"


async def held_call(ex: Examiner, target: Target) -> list[Crossed]:
    """A call with one hold, up to its end: all its events."""
    await ex.call(talk=0.3, services=({"service": "hold", "at": 0.05, "duration": 0.1},))
    units: list[Crossed] = []
    while not units or units[-1].name != RELEASE:
        units.append(await ex.event(target, await ex.next_name(target) or RELEASE))
    return units


@check("11.4.3-1", "a service during a call: 44h after 41h and before 43h", SERVICES)  # fmt: skip
async def service_in_a_call(ex: Examiner) -> None:
    names = [unit.name for unit in await held_call(ex, await ex.target())]
    holds = names[0] == RECEIVED and USED in names and names[-1] == RELEASE
    ex.require(holds, Phrase("41h first, 44h, 43h last"), ", ".join(names))


@check("11.4.4-1", "44h has the code of the service and its phase", SERVICES)  # fmt: skip
async def code_of_the_service(ex: Examiner) -> None:
    used = [unit for unit in await held_call(ex, await ex.target()) if unit.name == USED]
    text = Phrase("a code in octets 33 to 35, phase 04h")
    ex.require(bool(used), text, Phrase("no 44h"))
    service = used[0].fields["service"]
    ex.require(service is not None and used[0].fields["service_phase"] == 4, text, service)


@check("11.4.6-1", "44h repeats the other fields of 41h", SERVICES)
async def service_repeats(ex: Examiner) -> None:
    units = await held_call(ex, await ex.target(group=await ex.group()))
    used = [unit for unit in units if unit.name == USED]
    ex.require(bool(used), Phrase("44h"), Phrase("no 44h"))
    names = ("call_number", "operation", *(one for one in REPEATED if one not in ("service_phase", "called")))
    ex.fields(used[0], **{name: units[0].fields[name] for name in names})


@check("11.4.3-2", "checking a service without a call: 44h with phase 02h", SERVICES)  # fmt: skip
async def checking(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(0, "*#21#", services=({"service": "cfu", "phase": "check"},))
    ex.expects(Phrase("44h with phase 02h"))
    while await ex.next_name(target) == RECEIVED:  # this message may come before 44h
        await ex.event(target, RECEIVED)
    await ex.event(target, USED, service_phase=2)


# --- numbers and trunk


def as_given(ex: Examiner, group: Group | None) -> dict[str, str]:
    """The party of the first own subscriber, in the form of command 5."""
    return {"sign": ex.own_sign, "number": ex.own(0)}


# fmt: off
check("10.3.2.1-1", "A under control: the number as command 5 gave it", CALLS)(
    reported(outgoing, calling=as_given))
check("10.3.2.1-3", "a network number under control: the number as command 5 gave it", CALLS)(
    reported(outgoing, control=lambda ex, group: ex.controlled(ex.network_fields()),
             called=lambda ex, group: {"number": ex.terms.network_object}))
check("10.3.2.1-4", "leading digits under control: the full number", CALLS)(
    reported(outgoing, control=lambda ex, group: ex.controlled(ex.partial_fields()),
             called=lambda ex, group: {"number": ex.terms.network_object}))
check("10.3.2.1-5", "a trunk under control: its number as command 5 gave it", CALLS)(
    reported(incoming, control=lambda ex, group: ex.controlled(ex.trunk_fields()), trunk=lambda ex, group: ex.trunk))
check("10.3.2.3-1", "incoming call, A is no object: the number as it came from the network", CALLS)(
    reported(incoming, calling=lambda ex, group: {"number": ex.incoming}))
check("10.3.2.4-1", "the sign of a network number that is no object is that of command 5", CALLS)(
    reported(incoming, events=FIRST, calling=lambda ex, group: {"sign": ex.network_sign}))
check("10.3.1.5-2", "a call within the node: trunk FFFFh", CALLS)(
    reported(within, events=FIRST, trunk=None))
# fmt: on


@check("10.3.2.1-2", "B under control: the number as command 5 gave it", CALLS)  # fmt: skip
async def b_as_given(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(1, 0)
    await ex.event(target, RECEIVED, called={"number": target.fields["number"]})
    await ex.events(target, ANSWER, RELEASE, called=as_given(ex, None))


@check(
    "10.3.2.2-1", "outgoing call, B is no object: its number with the exit prefix (transit: without)", CALLS
)
async def b_with_prefix(ex: Examiner) -> None:
    target = await ex.target()
    await ex.outgoing_call()
    number = called_number(await ex.event(target, RECEIVED))
    if ex.node_type == "transit":
        text = Phrase("the national number without the prefix")
        holds = ex.network.endswith(number) and 10 <= len(number) <= 11
    else:
        text = Phrase("{n}, as it was dialled", n=ex.network)
        holds = number == ex.network
    ex.require(holds, text, number or "-")


def called_number(unit: Crossed) -> str:
    """The number of B in an event; empty without one."""
    return str((unit.fields.get("called") or {}).get("number") or "")


@check("10.3.2.2-2", "a call within the node, B is no object: its number", CALLS)  # fmt: skip
async def b_within(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call()
    await ex.given(target, RECEIVED)
    number = called_number(await ex.event(target, ANSWER))
    text = Phrase("a number that ends with {n}", n=ex.own(1)[-5:])
    ex.require(number.endswith(ex.own(1)[-5:]), text, number or "-")


@check("10.3.2.4-2", "the sign of an own subscriber who is no object is that of command 5", CALLS)
async def sign_of_an_own(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call()
    await ex.given(target, RECEIVED)
    await ex.event(target, ANSWER, called={"sign": ex.own_sign})


@check("10.3.1.5-1", "incoming call to an own subscriber: the trunk by which it came", CALLS)  # fmt: skip
async def trunk_of_incoming(ex: Examiner) -> None:
    target = await ex.target()
    # A terminal node reports the trunk if the number of A is unknown.
    await ex.short_call("" if ex.node_type == "terminal" else ex.incoming, 0, incoming=True)
    unit = await ex.event(target, RECEIVED)
    ex.fields(unit, eltex="trunk_in_events", trunk=ex.trunk)
