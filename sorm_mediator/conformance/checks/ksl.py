"""KSL groups: adding, removing and listing lines (6.4, 6.9, 6.11, 9.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sorm_mediator.conformance.declaration import Dialogue, Need, check
from sorm_mediator.conformance.dialogue import Reply
from sorm_mediator.conformance.examiner import Examiner, Group, Line
from sorm_mediator.language import Phrase

CALLS = Need.CALLS
Fields = dict[str, Any]


def combined(group: int | None, a: Line, b: Line | None = None) -> Fields:
    """The fields of a command 4 for combined control."""
    return {"ksl_group": group, "group_type": "combined", "ksl_a": a, "ksl_b": b}


def separate(group: int, a: Line, b: Line | None) -> Fields:
    """The fields of a command 4 for separate control."""
    return {"ksl_group": group, "group_type": "separate", "ksl_a": a, "ksl_b": b}


def removal(group: Group, b: Line | None = None) -> Fields:
    """The fields of a command 9 for the first line of a group."""
    return {"ksl_group": group.number, "ksl_a": group.a(), "ksl_b": b}


def rows_of(reply: Reply) -> list[Fields]:
    """The lines in the 24h of an answer."""
    found = (row for unit in reply.data for row in unit.fields.get("rows") or ())
    return [row for row in found if row.get("ksl_group") is not None]


async def rows(ex: Examiner, **asked: Any) -> list[Fields]:
    """The lines that command 11 reports."""
    return rows_of(await ex.executed("get-ksl", **asked))


def first_row(reply: Reply) -> Fields:
    """The first line of the first 24h, even with group FFh; empty without a 24h."""
    found = reply.data[0].fields.get("rows") if reply.data else None
    return dict(found[0]) if found else {}


def listed(ex: Examiner, came: list[Fields], group: Group, lines: slice = slice(None)) -> None:
    """Exactly these lines of the group are reported."""
    want = sorted((a["stream"], a["ksl"]) for a, _ in group.lines[lines])
    have = sorted((row["ksl_a"]["stream"], row["ksl_a"]["ksl"]) for row in came if row["ksl_a"])
    text = Phrase("the lines of group {n}: {lines}", n=group.number, lines=want)
    ex.require(have == want and all(row["ksl_group"] == group.number for row in came), text, have)


def with_group(
    wanted: str, command: str, fields: Callable[[Examiner, Group], Fields], lines: int = 1, *,
    separate: bool = False, controls: bool = False,
) -> Dialogue:  # fmt: skip
    """A command about an existing group, and its outcome; ``controls``: an object belongs to the group."""

    async def dialogue(ex: Examiner) -> None:
        group = await ex.group(lines, separate=separate)
        if controls:
            await ex.target(group=group)
        await ex.answered(wanted, command, **fields(ex, group))
        if controls and wanted == "refused":
            listed(ex, await rows(ex, ksl_group=group.number), group)

    return dialogue


# --- command 4


@check("6.4.3-1", "command 4 puts a line into a group, and command 11 tells it")  # fmt: skip
async def put(ex: Examiner) -> None:
    number, line = ex.free_group(), ex.free_line()
    await ex.executed("add-ksl", **combined(number, line))
    listed(ex, await rows(ex, ksl_group=number), Group(number, ((line, line),)))


@check("6.4.3-2", "there are as many groups as there are lines")
async def as_many_groups(ex: Examiner) -> None:
    for line in ex.all_free_lines():
        await ex.executed("add-ksl", **combined(ex.free_group(), line))


async def ring(ex: Examiner, order: tuple[int, ...]) -> None:
    """Consecutive calls get the lines from the lowest to the highest, then the lowest again."""
    group, target = await ex.controlled_group(3, order=order)
    for index in (0, 1, 2, 0):
        call = await ex.call()
        await ex.event(target, "number-received", operation=0, ksl_a=group.a(index))
        await ex.hang_up(call)
        await ex.ended(target)


@check("6.4.4.1-1", "group numbers reach from 01h to FEh")
async def group_numbers(ex: Examiner) -> None:
    lines = iter(ex.free_lines(2))
    for number in (0x01, 0xFE):
        if number not in ex.taken_groups:
            await ex.executed("add-ksl", **combined(number, next(lines)))


@check("6.4.4.2-1", "the type of a group, 01h or 11h, is told by command 11 as it was given")  # fmt: skip
async def group_types(ex: Examiner) -> None:
    for group in (await ex.group(), await ex.group(separate=True)):
        came = first_row(await ex.executed("get-ksl", ksl_group=group.number)).get("group_type")
        ex.require(came == group.category, Phrase("type {kind}", kind=group.category), came)


@check("6.4.4.3-1", "a line is a number from 1 to 28: 0 and 29 are rejected")  # fmt: skip
async def line_numbers(ex: Examiner) -> None:
    for number in (0, 29):
        await ex.rejected("add-ksl", **combined(ex.free_group(), ex.line(number)))


@check("6.4.4.3-2", "KSL 28 can be put into a group")
async def line_28(ex: Examiner) -> None:
    if ex.line(28) in ex.all_free_lines():
        await ex.executed("add-ksl", **combined(ex.free_group(), ex.line(28)))


@check("6.4.7-1", "separate: a pair of one stream")
async def separate_pair(ex: Examiner) -> None:
    (a, b), number = ex.free_lines(2), ex.free_group()
    await ex.executed("add-ksl", **separate(number, a, b))
    pairs(ex, await rows(ex, ksl_group=number), (a, b), Phrase("the pair"))


def pairs(ex: Examiner, came: list[Fields], pair: tuple[Line, Line], text: Phrase) -> None:
    """Only this pair is reported."""
    ex.require([(row["ksl_a"], row["ksl_b"]) for row in came] == [pair], text, came)


def _of_two_streams(ex: Examiner) -> Fields:
    line = ex.free_line()
    return separate(ex.free_group(), line, {"stream": (line["stream"] + 1) % 8, "ksl": line["ksl"]})


# fmt: off
check("6.4.3-3", "lines are given round the ring", CALLS)(
    lambda ex: ring(ex, (0, 1, 2)))
check("6.4.3-4", "the ring goes by the numbers of the lines, not by the order in which they were put there", CALLS)(
    lambda ex: ring(ex, (2, 0, 1)))
check("6.4.4.1-2", "group 00h: 27h/01h")(
    lambda ex: ex.rejected("add-ksl", **combined(0, ex.free_line())))
check("6.4.4.1-3", "group FFh: 27h/01h")(
    lambda ex: ex.rejected("add-ksl", **combined(None, ex.free_line())))
check("6.4.6-1", "combined: KSL-B equal to KSL-A")(
    lambda ex: ex.executed("add-ksl", **combined(ex.free_group(), ex.free_line(), ex.free_line())))
check("6.4.6-2", "combined: KSL-B FFh")(
    lambda ex: ex.executed("add-ksl", **combined(ex.free_group(), ex.free_line())))
check("6.4.6-3", "combined: another KSL-B is refused")(
    lambda ex: ex.refused("add-ksl", **combined(ex.free_group(), *ex.free_lines(2))))
check("6.4.7-2", "separate: KSL-A and KSL-B must be two")(
    lambda ex: ex.refused("add-ksl", **separate(ex.free_group(), ex.free_line(), ex.free_line())))
check("6.4.7-3", "separate: both are needed")(
    lambda ex: ex.refused("add-ksl", **separate(ex.free_group(), ex.free_line(), None)))
check("6.4.7-4", "separate: lines of two streams are refused")(
    lambda ex: ex.refused("add-ksl", **_of_two_streams(ex)))
check("6.4.8-1", "a separate pair is not put into a combined group")(
    with_group("refused", "add-ksl", lambda ex, group: separate(group.number, *ex.free_lines(2))))
check("6.4.8-2", "a single line is not put into a separate group")(
    with_group("refused", "add-ksl", lambda ex, group: combined(group.number, ex.free_line()), separate=True))
check("6.4.9-1", "a line that is in the group already: accepted, not executed")(
    with_group("not-executed", "add-ksl", lambda ex, group: combined(group.number, group.a())))
check("6.4.9-2", "a line that is in another group: accepted, not executed")(
    with_group("not-executed", "add-ksl", lambda ex, group: combined(ex.free_group(), group.a())))
check("6.4.9-3", "a line that is KSL-B of a pair already: accepted, not executed")(
    with_group("not-executed", "add-ksl", lambda ex, group: combined(ex.free_group(), group.b()), separate=True))

# --- command 9

check("6.9.3-2", "a line that is not in the group: accepted, not executed")(
    with_group("not-executed", "remove-ksl", lambda ex, group: {**removal(group), "ksl_a": ex.free_line()}))
check("6.9.4-1", "combined: KSL-B equal to KSL-A")(
    with_group("executed", "remove-ksl", lambda ex, group: removal(group, group.a())))
check("6.9.4-2", "combined: KSL-B FFh")(
    with_group("executed", "remove-ksl", lambda ex, group: removal(group)))
check("6.9.4-3", "combined: another KSL-B: accepted, not executed")(
    with_group("not-executed", "remove-ksl", lambda ex, group: removal(group, group.a(1)), lines=2))
check("6.9.5-1", "separate: the pair")(
    with_group("executed", "remove-ksl", lambda ex, group: removal(group, group.b()), separate=True))
check("6.9.5-2", "separate: KSL-A equal to KSL-B: accepted, not executed")(
    with_group("not-executed", "remove-ksl", lambda ex, group: removal(group, group.a()), separate=True))
check("6.9.7-1", "the last line of a group stays while objects belong to the group")(
    with_group("refused", "remove-ksl", lambda ex, group: removal(group), controls=True))
check("6.9.7-2", "the last pair of a group stays while objects belong to the group")(
    with_group("refused", "remove-ksl", lambda ex, group: removal(group, group.b()), separate=True, controls=True))
check("6.9.7-3", "one of two lines goes also while objects belong to the group")(
    with_group("executed", "remove-ksl", lambda ex, group: removal(group), lines=2, controls=True))
# fmt: on


@check("6.9.3-1", "command 9 takes a line out: command 11 does not tell it any more")  # fmt: skip
async def take_out(ex: Examiner) -> None:
    group = await ex.group(2)
    await ex.executed("remove-ksl", **removal(group))
    listed(ex, await rows(ex, ksl_group=group.number), group, slice(1, None))


@check("6.9.6-1", "a busy line: accepted, not executed", CALLS)
async def take_out_busy(ex: Examiner) -> None:
    group, target = await ex.controlled_group(2)
    await ex.call()
    await ex.given(target, "number-received", operation=0, ksl_a=group.a())
    await ex.not_executed("remove-ksl", **removal(group))


# --- command 11, message 24h


@check("6.11.5-1", "no field given: the whole table")
async def whole_table(ex: Examiner) -> None:
    groups = [await ex.group(), await ex.group(separate=True)]
    came = await rows(ex)
    for group in groups:
        listed(ex, [row for row in came if row["ksl_group"] == group.number], group)


async def echoed(ex: Examiner, **asked: Any) -> None:
    """24h with the requested values, then 28h/01h."""
    reply = await ex.not_executed("get-ksl", **asked)
    text = Phrase("24h with the values that were asked for")
    ex.require(bool(reply.data) and reply.data[0].name == "ksl-info", text, Phrase("no 24h came"))
    wanted = {"ksl_group": None, "group_type": None, "ksl_a": None, "ksl_b": None, **asked}
    got = {name: first_row(reply).get(name) for name in wanted}
    ex.require(got == wanted, text, got)


@check("6.11.6-1", "KSL-A and KSL-B of different groups: 24h with the values asked for, 28h/01h")  # fmt: skip
async def of_two_groups(ex: Examiner) -> None:
    one, two = await ex.group(), await ex.group()
    await echoed(ex, ksl_a=one.a(), ksl_b=two.a())


async def asked_for(
    ex: Examiner, count: int, asked: Callable[[Group, Group], Fields], found: slice = slice(None)
) -> None:
    """Of two groups, the first of so many lines, these lines of the first are reported."""
    group, other = await ex.group(count), await ex.group()
    listed(ex, await rows(ex, **asked(group, other)), group, found)


# fmt: off
check("6.11.7-1", "a line that is in no group: 24h with the values asked for, 28h/01h")(
    lambda ex: echoed(ex, ksl_a=ex.free_line()))
check("6.11.7-2", "a group that is not there: 24h with the values asked for, 28h/01h")(
    lambda ex: echoed(ex, ksl_group=ex.free_group()))
check("6.11.8.1-1", "group given: its lines")(
    lambda ex: asked_for(ex, 3, lambda group, other: {"ksl_group": group.number}))
check("6.11.8.1-2", "group given: all else is ignored")(
    lambda ex: asked_for(ex, 2, lambda group, other: {
        "ksl_group": group.number, "group_type": "separate", "ksl_a": other.a()}))
check("6.11.8.3-1", "KSL-A given: its group")(
    lambda ex: asked_for(ex, 2, lambda group, other: {"ksl_a": group.a(1)}, slice(1, None)))
# fmt: on


@check("6.11.8.2-1", "type given: the lines are ignored")
async def type_counts(ex: Examiner) -> None:
    one, two = await ex.group(), await ex.group(separate=True)
    came = await rows(ex, group_type="separate", ksl_a=one.a())
    fits = all(row["group_type"] == "separate" for row in came)
    ex.require(fits, Phrase("lines of the type asked for"), came)
    listed(ex, [row for row in came if row["ksl_group"] in (one.number, two.number)], two)


@check("6.11.8.3-2", "KSL-B given: its group and the line that belongs to it")  # fmt: skip
async def by_b(ex: Examiner) -> None:
    group = await ex.group(2, separate=True)
    pairs(ex, await rows(ex, ksl_b=group.b(1)), group.lines[1], Phrase("the pair"))


@check("6.11.8.3-3", "KSL-A and KSL-B of one group given: KSL-A counts")  # fmt: skip
async def a_counts(ex: Examiner) -> None:
    group = await ex.group(2, separate=True)
    came = await rows(ex, ksl_a=group.a(0), ksl_b=group.b(1))
    pairs(ex, came, group.lines[0], Phrase("the pair of KSL-A"))


@check("9.4.4-1", "24h has 45 octets, what is not used is FFh")
async def length_of_24h(ex: Examiner) -> None:
    payload = (await ex.executed("get-ksl", ksl_group=(await ex.group()).number)).payload
    holds = len(payload) == 45 and set(payload[4:]) == {0xFF}
    ex.require(holds, Phrase("45 octets, FFh from the fifth on"), payload)


@check("9.4.6-1", "more than eleven lines: further messages, numbered 1 of 2 and 2 of 2")  # fmt: skip
async def several_24h(ex: Examiner) -> None:
    group = await ex.group(12)
    reply = await ex.executed("get-ksl", ksl_group=group.number)
    ex.require(reply.numbering == [(1, 2), (2, 2)], Phrase("24h 1 of 2 and 2 of 2"), reply.numbering)
    listed(ex, rows_of(reply), group)


@check("9.4.7-1", "combined: KSL-B in 24h is KSL-A or FFh")  # fmt: skip
async def b_in_24h(ex: Examiner) -> None:
    group = await ex.group()
    row = first_row(await ex.executed("get-ksl", ksl_group=group.number))
    ex.require(row.get("ksl_b") in (None, group.a()), Phrase("KSL-B is KSL-A or FFh"), row)
