"""Objects: putting under control, changing, removing, and their number (1.5, 2, 3, 6.5, 6.6, 6.15)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sorm_mediator.conformance.declaration import Dialogue, Need, check
from sorm_mediator.conformance.dialogue import Target, identity
from sorm_mediator.conformance.examiner import Examiner, Group
from sorm_mediator.conformance.verdicts import Untested
from sorm_mediator.language import Phrase

CALLS, ORDER_268 = Need.CALLS, Need.ORDER_268
Fields = dict[str, Any]
STATISTICAL_HIGH = ("statistical_high_priority", "executed")
"""The option that allows a priority object under statistical control."""


async def shown(ex: Examiner, fields: Fields) -> None:
    """Command 10 reports an object with the values of command 5."""
    names = ("object_number", "object_type", "number_sign", "number", "category", "ksl_group", "priority")
    wanted = {name: fields[name] for name in names if fields.get(name) is not None}
    await ex.shown(fields["object_number"], **wanted)


async def taken(ex: Examiner, fields: Fields) -> None:
    """Command 5 is executed, and command 10 reports the object."""
    await ex.executed("add-object", **fields)
    await shown(ex, fields)


def with_group(act: Callable[[Examiner, Group], Awaitable[object]], *, separate: bool = False) -> Dialogue:
    """A dialogue about an existing group."""

    async def dialogue(ex: Examiner) -> None:
        await act(ex, await ex.group(separate=separate))

    return dialogue


def with_target(act: Callable[[Examiner, Target], Awaitable[object]]) -> Dialogue:
    """A dialogue about an own subscriber under statistical control."""

    async def dialogue(ex: Examiner) -> None:
        await act(ex, await ex.target())

    return dialogue


# --- command 5
# fmt: off
check("6.5.3-1", "command 5 puts an own subscriber on control, 23h tells it as it was given")(
    with_group(lambda ex, group: taken(ex, ex.object_fields(group=group))))
check("6.5.5.1-1", "object type 02h: a subscriber of the network with a full number")(
    lambda ex: taken(ex, ex.network_fields()))
check("6.5.5.1-2", "object type 12h: a subscriber of the network with leading digits")(
    lambda ex: taken(ex, ex.partial_fields()))
check("6.5.5.1-3", "object type 03h: a trunk")(
    lambda ex: taken(ex, ex.trunk_fields()))
check("6.5.5.1-4", "object number FFFFh: 27h/01h")(
    lambda ex: ex.rejected("add-object", **ex.object_fields(object_number=None)))
check("6.5.5.1-6", "an object number that is in use is not given again")(
    with_target(lambda ex, target: ex.refused(
        "add-object", **ex.object_fields(ex.own(1), object_number=target.number))))
check("6.5.5.2-1", "number sign 04h: a subscriber in Russia", ORDER_268)(
    lambda ex: taken(ex, ex.network_fields(number_sign="russia")))
check("6.5.5.2-2", "number sign 05h: a subscriber of another country", ORDER_268)(
    lambda ex: taken(ex, ex.network_fields("442071234567", number_sign="foreign")))
check("6.5.5.2-3", "number sign 06h: emergency services", ORDER_268)(
    lambda ex: taken(ex, ex.network_fields("102", number_sign="emergency")))
check("6.5.5.2-4", "number sign 07h: an IMSI", ORDER_268)(
    lambda ex: taken(ex, ex.network_fields("250011234567890", number_sign="imsi")))
check("6.5.5.2-5", "an own subscriber with the sign of the network is refused")(
    lambda ex: ex.refused("add-object", **ex.object_fields(number_sign=ex.network_sign)))
check("6.5.5.4-1", "a number of 18 digits")(
    lambda ex: taken(ex, ex.network_fields("441234567890123456", number_sign=ex.foreign_sign)))
check("6.5.5.4-2", "neither number nor trunk: 27h/01h")(
    lambda ex: ex.rejected("add-object", **ex.object_fields(number=None)))
check("6.5.5.5-1", "number and trunk exclude each other: 27h/01h")(
    lambda ex: ex.rejected("add-object", **ex.object_fields(trunk=1)))
check("6.5.5.5-2", "type 03h without a trunk: 27h/01h")(
    lambda ex: ex.rejected("add-object", **ex.object_fields(
        "-", object_type="trunk", number_sign=None, number=None, trunk=None)))
check("6.5.5.6-1", "category 01h: combined control")(
    with_group(lambda ex, group: taken(ex, ex.object_fields(group=group))))
check("6.5.5.6-2", "category 11h: separate control")(
    with_group(lambda ex, group: taken(ex, ex.object_fields(group=group)), separate=True))
check("6.5.5.6-3", "category 02h: statistical control")(
    lambda ex: taken(ex, ex.object_fields()))
check("6.5.5.7-1", "separate control with a combined group is rejected at receipt")(
    with_group(lambda ex, group: ex.rejected("add-object", **ex.object_fields(group=group, category="separate"))))
check("6.5.5.7-2", "combined control with a separate group is rejected at receipt")(
    with_group(lambda ex, group: ex.rejected("add-object", **ex.object_fields(group=group, category="combined")),
               separate=True))
check("6.5.5.7-3", "full control without a group: 27h/01h")(
    lambda ex: ex.rejected("add-object", **ex.object_fields(category="combined")))
check("6.5.5.7-4", "statistical control with a group: 27h/01h")(
    with_group(lambda ex, group: ex.rejected("add-object", **ex.object_fields(ksl_group=group.number))))
check("6.5.5.7-5", "full control with a group that is not there is refused")(
    lambda ex: ex.refused("add-object", **ex.object_fields(category="combined", ksl_group=ex.free_group())))
check("6.5.5.8-2", "full control without a priority: 27h/01h")(
    with_group(lambda ex, group: ex.rejected("add-object", **ex.object_fields(group=group, priority=None))))
check("6.5.5.8-3", "statistical control: priority FFh")(
    lambda ex: taken(ex, ex.object_fields(priority=None)))
check("6.5.5.8-4", "statistical control: priority 02h")(
    lambda ex: ex.executed("add-object", **ex.object_fields(priority="normal")))
check("6.5.5.8-5", "statistical control: priority 01h: 27h/01h")(
    lambda ex: ex.rejected("add-object", eltex=STATISTICAL_HIGH, **ex.object_fields(priority="high")))
# fmt: on


@check("6.5.5.1-5", "object numbers 0000h and FFFEh")
async def edges(ex: Examiner) -> None:
    for number in {0x0000, 0xFFFE} - ex.taken_objects:
        await ex.executed("add-object", **ex.object_fields(object_number=number))
        await ex.executed("remove-object", **identity(ex.objects[number]))


@check("6.5.5.8-1", "full control: priority 01h and 02h")
async def priorities(ex: Examiner) -> None:
    group = await ex.group()
    for index, priority in enumerate(("high", "normal")):
        await taken(ex, ex.object_fields(ex.own(index), group=group, priority=priority))


@check("6.5.6-1", "a number that is on control already is put there again under another object number")
async def again(ex: Examiner) -> None:
    await ex.target()
    fields = ex.object_fields()
    await ex.executed("add-object", eltex=("same_number_again", "not-executed"), **fields)
    await shown(ex, fields)


@check("6.5.6-2", "both objects of one number get the events of a call", CALLS)  # fmt: skip
async def both_get_events(ex: Examiner) -> None:
    one, two = await ex.target(), Target(ex.object_fields())
    reply = await ex.command("add-object", **two.fields)
    if reply.outcome[0] == "not-executed" and ex.terms.profile == "eltex":
        raise Untested(Phrase("same_number_again: no second object"))
    ex.judge(reply, "executed")
    await ex.short_call()
    for target in (one, two):
        await ex.events(target)


# --- duration, begin and end of control, command 6, command 15


def changed(number: int, category: str | None, group: int | None = None, priority: str = "normal") -> Fields:
    """The fields of a command 15."""
    return {"object_number": number, "category": category, "ksl_group": group, "priority": priority}


async def executed_within_15_s(ex: Examiner, command: str, fields: Fields) -> None:
    """A command that must be executed in time."""
    reply = await ex.command(command, within=20, **fields)
    ex.judge(reply, "executed")
    assert reply.execution is not None
    ex.within_limit(reply.took(reply.execution), 15_000, Phrase("28h of command {n}", n=reply.sent.code))


def network_call(fields: Callable[[Examiner], Fields], *, controlled: bool) -> Dialogue:
    """A call to an object of the network: its events come, or no event comes."""

    async def dialogue(ex: Examiner) -> None:
        watch = None if controlled else await ex.target()
        target = await ex.controlled(fields(ex))
        await ex.outgoing_call()
        if watch is None:
            await ex.events(target)
        else:
            await ex.ended(watch)
            await ex.no_events(target)

    return dialogue


async def removed_in_a_call(ex: Examiner, *, ringing: bool) -> None:
    """The line of an object is released when the object is removed, and no event comes after that."""
    group, target = await ex.controlled_group()
    call, _ = await ex.talking(target, ringing=ringing, received={"operation": 0})
    await ex.executed("remove-object", **target.identity)
    await ex.event(target, "ksl-released", operation=5, ksl_a=group.a())
    await ex.hang_up(call)
    await ex.no_events(target)


# fmt: off
check("1.5-1", "an object is put on control within 15 s")(
    lambda ex: executed_within_15_s(ex, "add-object", ex.object_fields()))
check("1.5-2", "an object is taken off control within 15 s")(
    with_target(lambda ex, target: executed_within_15_s(ex, "remove-object", target.identity)))
check("6.5.7-1", "a network number with its own sign is controlled", CALLS)(
    network_call(lambda ex: ex.network_fields(), controlled=True))
check("6.5.7-2", "leading digits with their own sign are controlled", CALLS)(
    network_call(lambda ex: ex.partial_fields(), controlled=True))
check("6.5.7-3", "a network number with another sign is not controlled", CALLS)(
    network_call(lambda ex: ex.network_fields(number_sign=ex.foreign_sign), controlled=False))
check("6.5.7-4", "leading digits with another sign are not controlled", CALLS)(
    network_call(lambda ex: ex.partial_fields(number_sign=ex.foreign_sign), controlled=False))
check("6.6.3-3", "command 6 for an object that is not there: accepted, not executed")(
    lambda ex: ex.not_executed("remove-object", **identity(ex.object_fields())))
check("6.6.4-1", "command 6 before the answer: 52h/05h, then no 42h and no 43h", CALLS)(
    lambda ex: removed_in_a_call(ex, ringing=True))
check("6.6.4-2", "command 6 after the answer: 52h/05h, then no 43h", CALLS)(
    lambda ex: removed_in_a_call(ex, ringing=False))
check("6.6.5-1", "command 6 with another number than that of the object is refused")(
    with_target(lambda ex, target: ex.refused("remove-object", **{**target.identity, "number": ex.own(1)})))
check("6.6.5-2", "command 6 without an object number: 27h/01h")(
    with_target(lambda ex, target: ex.rejected("remove-object", **{**target.identity, "object_number": None})))
check("6.15.4-1", "command 15 without a category: 27h/01h")(
    with_target(lambda ex, target: ex.rejected("change-object", **changed(target.number, None))))
check("6.15.4-2", "command 15 for full control without a group: 27h/01h")(
    with_target(lambda ex, target: ex.rejected("change-object", **changed(target.number, "combined"))))
check("6.15.6-1", "command 15 for an object that is not there: accepted, not executed")(
    lambda ex: ex.not_executed("change-object", **changed(ex.free_object(), "statistical")))
check("6.15.6-3", "command 15: statistical control with priority 01h: 27h/01h")(
    with_target(lambda ex, target: ex.rejected("change-object", eltex=STATISTICAL_HIGH,
                                               **changed(target.number, "statistical", priority="high"))))
# fmt: on


@check("6.15.3-1", "command 15 changes category, group and priority")  # fmt: skip
async def change(ex: Examiner) -> None:
    target, group = await ex.target(), await ex.group()
    new = changed(target.number, "combined", group.number, "high")
    await ex.executed("change-object", **new)
    await shown(ex, {**target.fields, **new})


@check("6.15.5-1", "command 15 in a call takes effect from the next call on", CALLS)  # fmt: skip
async def change_in_a_call(ex: Examiner) -> None:
    group, target = await ex.group(), await ex.target()
    call, _ = await ex.talking(target, received={"operation": None})
    await ex.executed("change-object", **changed(target.number, "combined", group.number))
    await ex.hang_up(call)
    await ex.event(target, "release", selection=0x02, ksl_a=None)
    await ex.short_call()
    await ex.event(target, "number-received", selection=0x01, ksl_a=group.a(), operation=0)


@check("6.15.6-2", "command 15: a category that does not fit the group is rejected at receipt")  # fmt: skip
async def change_mismatch(ex: Examiner) -> None:
    target, group = await ex.target(), await ex.group()
    await ex.rejected("change-object", **changed(target.number, "separate", group.number))


@check("6.5.4-1", "an object put on control during a call is controlled from the next call on", CALLS)
async def from_the_next_call_on(ex: Examiner) -> None:
    watch = await ex.target(ex.own(1))
    call, _ = await ex.talking(watch)
    target = Target(ex.object_fields())
    await ex.executed("add-object", **target.fields)
    await ex.hang_up(call)
    await ex.ended(watch)
    await ex.no_events(target)
    await ex.short_call()
    await ex.event(target, "number-received")


@check("6.6.3-1", "command 6 takes an object off the table")
async def remove(ex: Examiner) -> None:
    target = await ex.target()
    await ex.executed("remove-object", **target.identity)
    await ex.not_executed("get-objects", object_number=target.number)


@check("6.6.3-2", "after command 6 there are no events of the object", CALLS)  # fmt: skip
async def removed_is_silent(ex: Examiner) -> None:
    target, watch = await ex.target(), await ex.target(ex.own(1))
    await ex.executed("remove-object", **target.identity)
    await ex.short_call()
    await ex.ended(watch)
    await ex.no_events(target)


# --- capacity of the technical means


@check("2.2-1", "at least eight own subscribers can be on control")  # fmt: skip
async def least(ex: Examiner) -> None:
    for index in range(8):  # of the smallest node in the tables of appendices 2 and 4
        await ex.executed("add-object", **ex.object_fields(ex.own(index)))


@check("3.1-1", "at most ten trunks are on control: the eleventh is refused")  # fmt: skip
async def trunks(ex: Examiner) -> None:
    found: set[int] = set()
    if ex.terms.order == "268":
        reply = await ex.prepare("get-trunks", trunk=None)
        found = {unit.fields["trunk"] for unit in reply.data if unit.name == "trunk-info"}
    if len(found) <= 10:
        raise Untested(Phrase("the node has {n} trunks, eleven are needed", n=len(found)))  # fmt: skip
    *ten, eleventh = sorted(found)[:11]
    for number in ten:
        await ex.executed("add-object", **ex.trunk_fields(trunk=number))
    await ex.refused("add-object", **ex.trunk_fields(trunk=eleventh))


@check("3.2-1", "2048 numbers of the network can be on control of a transit node", Need.SLOW)  # fmt: skip
async def transit(ex: Examiner) -> None:
    if ex.node_type != "transit":
        raise Untested(Phrase("the node is no transit node"))
    for index in range(2048):
        await ex.executed("add-object", **ex.network_fields(f"7900{index:07d}"))
