"""KSL groups: putting lines there, taking them out, asking for them (6.4, 6.9, 6.11, 9.4)."""

from __future__ import annotations

from typing import Any

from protocol.language import Phrase
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.examiner import Examiner, Group

CALLS = Need.CALLS
KSL_INFO = "ksl-info"


def line_of(ex: Examiner, number: int) -> dict[str, int]:
    """A line by its number in the first stream."""
    return {"stream": ex.terms.streams[0], "ksl": number}


def combined(ex: Examiner, group: int, a: dict[str, int], b: dict[str, int] | None = None) -> dict[str, Any]:
    """The fields of a command 4 for combined control."""
    return {"ksl_group": group, "group_type": "combined", "ksl_a": a, "ksl_b": b}


def separate(ex: Examiner, group: int, a: dict[str, int], b: dict[str, int] | None) -> dict[str, Any]:
    """The fields of a command 4 for separate control."""
    return {"ksl_group": group, "group_type": "separate", "ksl_a": a, "ksl_b": b}


async def rows(ex: Examiner, **asked: Any) -> list[dict[str, Any]]:
    """The rows of the groups that command 11 tells."""
    reply = await ex.executed("get-ksl", **asked)
    return [
        row
        for unit in reply.data
        for row in unit.fields.get("rows") or ()
        if row.get("ksl_group") is not None
    ]


def listed(ex: Examiner, came: list[dict[str, Any]], group: Group) -> None:
    """All lines of the group are told, and no other."""
    want = sorted((a["stream"], a["ksl"]) for a, _ in group.lines)
    have = sorted((row["ksl_a"]["stream"], row["ksl_a"]["ksl"]) for row in came if row["ksl_a"])
    text = Phrase("the lines of group {n}: {lines}", "КСЛ группы {n}: {lines}", n=group.number, lines=want)
    ex.require(
        have == want and all(row["ksl_group"] == group.number for row in came),
        text,
        Phrase(f"{have}", f"{have}"),
    )


@check("6.4.3-1", "command 4 puts a line into a group, and command 11 tells it",
       "команда 4 закрепляет КСЛ за группой, команда 11 её показывает")  # fmt: skip
async def put(ex: Examiner) -> None:
    group, (line,) = ex.free_group(), ex.free_lines(1)
    await ex.executed("add-ksl", **combined(ex, group, line))
    listed(ex, await rows(ex, ksl_group=group), Group(group, ((line, line),)))


@check("6.4.3-2", "there are as many groups as there are lines",
       "групп может быть столько, сколько КСЛ")  # fmt: skip
async def as_many_groups(ex: Examiner) -> None:
    free = ex.all_free_lines()
    for line in free:
        await ex.executed("add-ksl", **combined(ex, ex.free_group(), line))


async def ring(ex: Examiner, order: tuple[int, ...]) -> None:
    """Calls one after the other get the lines from the lowest to the highest, then the lowest again."""
    group = await ex.group(3, order=order)
    target = await ex.target(group=group)
    for index in (0, 1, 2, 0):
        call = await ex.call(ex.own(0), ex.own(1))
        await ex.event(target, "number-received", operation=0, ksl_a=group.a(index))
        await ex.hang_up(call)
        await ex.ended(target)


@check("6.4.3-3", "lines are given round the ring", "КСЛ подключаются по кольцу", CALLS)
async def round_the_ring(ex: Examiner) -> None:
    await ring(ex, (0, 1, 2))


@check("6.4.3-4", "the ring goes by the numbers of the lines, not by the order in which they were put there",
       "кольцо идёт по номерам КСЛ, а не по порядку закрепления", CALLS)  # fmt: skip
async def ring_by_number(ex: Examiner) -> None:
    await ring(ex, (2, 0, 1))


@check("6.4.4.1-1", "group numbers reach from 01h to FEh", "номера групп — от 01h до FEh")
async def group_numbers(ex: Examiner) -> None:
    lines = iter(ex.free_lines(2))
    for number in (0x01, 0xFE):
        if number not in ex.taken_groups:
            await ex.executed("add-ksl", **combined(ex, number, next(lines)))


@check("6.4.4.1-2", "group 00h: 27h/01h", "группа 00h: 27h/01h")
async def group_0(ex: Examiner) -> None:
    await ex.rejected("add-ksl", **combined(ex, 0, ex.free_lines(1)[0]))


@check("6.4.4.1-3", "group FFh: 27h/01h", "группа FFh: 27h/01h")
async def group_255(ex: Examiner) -> None:
    await ex.rejected("add-ksl", **{**combined(ex, 0, ex.free_lines(1)[0]), "ksl_group": None})


@check("6.4.4.2-1", "the type of a group, 01h or 11h, is told by command 11 as it was given",
       "тип группы, 01h или 11h, показывается таким, каким задан")  # fmt: skip
async def group_types(ex: Examiner) -> None:
    one, two = await ex.group(), await ex.group(separate=True)
    for group, kind in ((one, "combined"), (two, "separate")):
        reply = await ex.executed("get-ksl", ksl_group=group.number)
        first = (reply.data[0].fields.get("rows") or [{}])[0] if reply.data else {}
        text = Phrase("type {kind}", "тип {kind}", kind=kind)
        ex.require(first.get("group_type") == kind, text, str(first.get("group_type")))


@check("6.4.4.3-1", "a line is a number from 1 to 28: 0 and 29 are rejected",
       "номер КСЛ — от 1 до 28: 0 и 29 отвергаются")  # fmt: skip
async def line_numbers(ex: Examiner) -> None:
    for number in (0, 29):
        await ex.rejected("add-ksl", **combined(ex, ex.free_group(), line_of(ex, number)))


@check("6.4.4.3-2", "KSL 28 can be put into a group", "КСЛ 28 закрепляется за группой")
async def line_28(ex: Examiner) -> None:
    line = line_of(ex, 28)
    if line in ex.all_free_lines():
        await ex.executed("add-ksl", **combined(ex, ex.free_group(), line))


@check("6.4.6-1", "combined: KSL-B equal to KSL-A", "совмещённая группа: КСЛ-B равна КСЛ-A")
async def combined_b_is_a(ex: Examiner) -> None:
    (line,) = ex.free_lines(1)
    await ex.executed("add-ksl", **combined(ex, ex.free_group(), line, line))


@check("6.4.6-2", "combined: KSL-B FFh", "совмещённая группа: КСЛ-B FFh")
async def combined_b_absent(ex: Examiner) -> None:
    await ex.executed("add-ksl", **combined(ex, ex.free_group(), ex.free_lines(1)[0]))


@check("6.4.6-3", "combined: another KSL-B is refused", "совмещённая группа: другая КСЛ-B не принимается")
async def combined_b_other(ex: Examiner) -> None:
    a, b = ex.free_lines(2)
    await ex.refused("add-ksl", **combined(ex, ex.free_group(), a, b))


@check("6.4.7-1", "separate: a pair of one stream", "раздельная группа: пара КСЛ одного потока")
async def separate_pair(ex: Examiner) -> None:
    a, b = ex.free_lines(2)
    group = ex.free_group()
    await ex.executed("add-ksl", **separate(ex, group, a, b))
    came = await rows(ex, ksl_group=group)
    text = Phrase("the pair", "пара КСЛ")
    ex.require([(row["ksl_a"], row["ksl_b"]) for row in came] == [(a, b)], text, str(came))


@check("6.4.7-2", "separate: KSL-A and KSL-B must be two", "раздельная группа: КСЛ-A и КСЛ-B различны")
async def separate_same(ex: Examiner) -> None:
    (line,) = ex.free_lines(1)
    await ex.refused("add-ksl", **separate(ex, ex.free_group(), line, line))


@check("6.4.7-3", "separate: both are needed", "раздельная группа: нужны обе КСЛ")
async def separate_one(ex: Examiner) -> None:
    await ex.refused("add-ksl", **separate(ex, ex.free_group(), ex.free_lines(1)[0], None))


@check(
    "6.4.7-4",
    "separate: lines of two streams are refused",
    "раздельная группа: КСЛ разных потоков не принимаются",
)
async def separate_streams(ex: Examiner) -> None:
    (line,) = ex.free_lines(1)
    other = {"stream": (line["stream"] + 1) % 8, "ksl": line["ksl"]}
    await ex.refused("add-ksl", **separate(ex, ex.free_group(), line, other))


@check("6.4.8-1", "a separate pair is not put into a combined group",
       "пара для раздельного контроля не закрепляется за совмещённой группой")  # fmt: skip
async def mixed(ex: Examiner) -> None:
    group = await ex.group()
    a, b = ex.free_lines(2)
    await ex.refused("add-ksl", **separate(ex, group.number, a, b))


@check("6.4.8-2", "a single line is not put into a separate group",
       "одиночная КСЛ не закрепляется за раздельной группой")  # fmt: skip
async def mixed_the_other_way(ex: Examiner) -> None:
    group = await ex.group(separate=True)
    await ex.refused("add-ksl", **combined(ex, group.number, ex.free_lines(1)[0]))


@check("6.4.9-1", "a line that is in the group already: accepted, not executed",
       "КСЛ, уже закреплённая за этой группой: принята, не выполнена")  # fmt: skip
async def again_same_group(ex: Examiner) -> None:
    group = await ex.group()
    await ex.not_executed("add-ksl", **combined(ex, group.number, group.a()))


@check("6.4.9-2", "a line that is in another group: accepted, not executed",
       "КСЛ, закреплённая за другой группой: принята, не выполнена")  # fmt: skip
async def again_other_group(ex: Examiner) -> None:
    group = await ex.group()
    await ex.not_executed("add-ksl", **combined(ex, ex.free_group(), group.a()))


@check("6.4.9-3", "a line that is KSL-B of a pair already: accepted, not executed",
       "КСЛ, уже закреплённая как КСЛ-B пары: принята, не выполнена")  # fmt: skip
async def again_as_b(ex: Examiner) -> None:
    group = await ex.group(separate=True)
    await ex.not_executed("add-ksl", **combined(ex, ex.free_group(), group.b()))


# --- command 9


def removal(group: Group, b: dict[str, int] | None = None, index: int = 0) -> dict[str, Any]:
    """The fields of a command 9."""
    return {"ksl_group": group.number, "ksl_a": group.a(index), "ksl_b": b}


@check("6.9.3-1", "command 9 takes a line out: command 11 does not tell it any more",
       "команда 9 исключает КСЛ: команда 11 её больше не показывает")  # fmt: skip
async def take_out(ex: Examiner) -> None:
    group = await ex.group(2)
    await ex.executed("remove-ksl", **removal(group))
    listed(ex, await rows(ex, ksl_group=group.number), Group(group.number, group.lines[1:]))


@check("6.9.4-1", "combined: KSL-B equal to KSL-A", "совмещённая группа: КСЛ-B равна КСЛ-A")
async def take_out_b_is_a(ex: Examiner) -> None:
    group = await ex.group()
    await ex.executed("remove-ksl", **removal(group, group.a()))


@check("6.9.4-2", "combined: KSL-B FFh", "совмещённая группа: КСЛ-B FFh")
async def take_out_b_absent(ex: Examiner) -> None:
    await ex.executed("remove-ksl", **removal(await ex.group()))


@check("6.9.4-3", "combined: another KSL-B: accepted, not executed",
       "совмещённая группа, другая КСЛ-B: принята, не выполнена")  # fmt: skip
async def take_out_b_other(ex: Examiner) -> None:
    group = await ex.group(2)
    await ex.not_executed("remove-ksl", **removal(group, group.a(1)))


@check("6.9.5-1", "separate: the pair", "раздельная группа: исключается пара")
async def take_out_pair(ex: Examiner) -> None:
    group = await ex.group(separate=True)
    await ex.executed("remove-ksl", **removal(group, group.b()))


@check("6.9.5-2", "separate: KSL-A equal to KSL-B: accepted, not executed",
       "раздельная группа, КСЛ-A равна КСЛ-B: принята, не выполнена")  # fmt: skip
async def take_out_same(ex: Examiner) -> None:
    group = await ex.group(separate=True)
    await ex.not_executed("remove-ksl", **removal(group, group.a()))


@check("6.9.6-1", "a busy line: accepted, not executed", "занятая КСЛ: принята, не выполнена", CALLS)
async def take_out_busy(ex: Examiner) -> None:
    group = await ex.group(2)
    target = await ex.target(group=group)
    await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received", operation=0, ksl_a=group.a())
    await ex.not_executed("remove-ksl", **removal(group))


@check("6.9.7-1", "the last line of a group stays while objects belong to the group",
       "последняя КСЛ не исключается, пока за группой закреплены объекты")  # fmt: skip
async def take_out_last(ex: Examiner) -> None:
    group = await ex.group()
    await ex.target(group=group)
    await ex.refused("remove-ksl", **removal(group))
    listed(ex, await rows(ex, ksl_group=group.number), group)


@check("6.9.7-2", "the last pair of a group stays while objects belong to the group",
       "последняя пара КСЛ не исключается, пока за группой закреплены объекты")  # fmt: skip
async def take_out_last_pair(ex: Examiner) -> None:
    group = await ex.group(separate=True)
    await ex.target(group=group)
    await ex.refused("remove-ksl", **removal(group, group.b()))


@check("6.9.7-3", "one of two lines goes also while objects belong to the group",
       "одна из двух КСЛ исключается и при закреплённых объектах")  # fmt: skip
async def take_out_one_of_two(ex: Examiner) -> None:
    group = await ex.group(2)
    await ex.target(group=group)
    await ex.executed("remove-ksl", **removal(group))


@check("6.9.3-2", "a line that is not in the group: accepted, not executed",
       "КСЛ, не входящая в группу: принята, не выполнена")  # fmt: skip
async def take_out_stranger(ex: Examiner) -> None:
    group = await ex.group()
    (line,) = ex.free_lines(1)
    await ex.not_executed("remove-ksl", ksl_group=group.number, ksl_a=line, ksl_b=None)


# --- command 11, message 24h


@check("6.11.5-1", "no field given: the whole table", "поля не заданы: вся таблица")
async def whole_table(ex: Examiner) -> None:
    groups = [await ex.group(), await ex.group(separate=True)]
    came = await rows(ex)
    for group in groups:
        own = [row for row in came if row["ksl_group"] == group.number]
        listed(ex, own, group)


async def echoed(ex: Examiner, **asked: Any) -> None:
    """24h with the values that were asked for, then 28h/01h."""
    reply = await ex.not_executed("get-ksl", **asked)
    text = Phrase("24h with the values that were asked for", "24h с параметрами запроса")
    came = Phrase("no 24h came", "24h не пришло")
    ex.require(bool(reply.data) and reply.data[0].name == KSL_INFO, text, came)
    (first, *_) = reply.data[0].fields.get("rows") or [{}]
    wanted = {"ksl_group": None, "group_type": None, "ksl_a": None, "ksl_b": None, **asked}
    got = {name: first.get(name) for name in wanted}
    ex.require(got == wanted, text, str(got))


@check("6.11.6-1", "KSL-A and KSL-B of different groups: 24h with the values asked for, 28h/01h",
       "КСЛ-A и КСЛ-B разных групп: 24h с параметрами запроса, 28h/01h")  # fmt: skip
async def of_two_groups(ex: Examiner) -> None:
    one, two = await ex.group(), await ex.group()
    await echoed(ex, ksl_a=one.a(), ksl_b=two.a())


@check("6.11.7-1", "a line that is in no group: 24h with the values asked for, 28h/01h",
       "КСЛ ни в какой группе: 24h с параметрами запроса, 28h/01h")  # fmt: skip
async def no_such_line(ex: Examiner) -> None:
    await echoed(ex, ksl_a=ex.free_lines(1)[0])


@check("6.11.7-2", "a group that is not there: 24h with the values asked for, 28h/01h",
       "группы нет: 24h с параметрами запроса, 28h/01h")  # fmt: skip
async def no_such_group(ex: Examiner) -> None:
    await echoed(ex, ksl_group=ex.free_group())


@check("6.11.8.1-1", "group given: its lines", "задана группа: её КСЛ")
async def by_group(ex: Examiner) -> None:
    group = await ex.group(3)
    await ex.group()
    listed(ex, await rows(ex, ksl_group=group.number), group)


@check("6.11.8.1-2", "group given: all else is ignored", "задана группа: остальное игнорируется")
async def group_alone_counts(ex: Examiner) -> None:
    group, other = await ex.group(2), await ex.group()
    listed(ex, await rows(ex, ksl_group=group.number, group_type="separate", ksl_a=other.a()), group)


@check("6.11.8.2-1", "type given: the lines are ignored", "задан тип: КСЛ игнорируются")
async def type_counts(ex: Examiner) -> None:
    one, two = await ex.group(), await ex.group(separate=True)
    came = await rows(ex, group_type="separate", ksl_a=one.a())
    text = Phrase("lines of the type asked for", "КСЛ заданного типа")
    ex.require(all(row["group_type"] == "separate" for row in came), text, str(came))
    listed(ex, [row for row in came if row["ksl_group"] in (one.number, two.number)], two)


@check("6.11.8.3-1", "KSL-A given: its group", "задана КСЛ-A: её группа")
async def by_a(ex: Examiner) -> None:
    group, _ = await ex.group(2), await ex.group()
    listed(ex, await rows(ex, ksl_a=group.a(1)), Group(group.number, group.lines[1:]))


@check("6.11.8.3-2", "KSL-B given: its group and the line that belongs to it",
       "задана КСЛ-B: её группа и связанная с ней КСЛ")  # fmt: skip
async def by_b(ex: Examiner) -> None:
    group = await ex.group(2, separate=True)
    came = await rows(ex, ksl_b=group.b(1))
    text = Phrase("the pair", "пара КСЛ")
    ex.require([(row["ksl_a"], row["ksl_b"]) for row in came] == [group.lines[1]], text, str(came))


@check("6.11.8.3-3", "KSL-A and KSL-B of one group given: KSL-A counts",
       "заданы КСЛ-A и КСЛ-B одной группы: учитывается КСЛ-A")  # fmt: skip
async def a_counts(ex: Examiner) -> None:
    group = await ex.group(2, separate=True)
    came = await rows(ex, ksl_a=group.a(0), ksl_b=group.b(1))
    text = Phrase("the pair of KSL-A", "пара с этой КСЛ-A")
    ex.require([(row["ksl_a"], row["ksl_b"]) for row in came] == [group.lines[0]], text, str(came))


@check("9.4.4-1", "24h has 45 octets, what is not used is FFh", "24h — 45 байт, неиспользуемые равны FFh")
async def length_of_24h(ex: Examiner) -> None:
    group = await ex.group()
    reply = await ex.executed("get-ksl", ksl_group=group.number)
    text = Phrase("45 octets, FFh from the fifth on", "45 байт, с пятого FFh")
    payload = reply.data[0].raw[10:] if reply.data else b""
    ex.require(len(payload) == 45 and set(payload[4:]) == {0xFF}, text, payload.hex(" ").upper())


@check("9.4.6-1", "more than eleven lines: further messages, numbered 1 of 2 and 2 of 2",
       "более одиннадцати КСЛ: дополнительные сообщения 1 из 2 и 2 из 2")  # fmt: skip
async def several_24h(ex: Examiner) -> None:
    group = await ex.group(12)
    reply = await ex.executed("get-ksl", ksl_group=group.number)
    numbered = [(unit.fields["index"], unit.fields["total"]) for unit in reply.data if unit.name == KSL_INFO]
    text = Phrase("24h 1 of 2 and 2 of 2", "24h 1 из 2 и 2 из 2")
    ex.require(numbered == [(1, 2), (2, 2)], text, str(numbered))
    listed(ex, [r for unit in reply.data for r in unit.fields["rows"] if r["ksl_group"] is not None], group)


@check(
    "9.4.7-1", "combined: KSL-B in 24h is KSL-A or FFh", "совмещённая группа: КСЛ-B в 24h равна КСЛ-A или FFh"
)
async def b_in_24h(ex: Examiner) -> None:
    group = await ex.group()
    reply = await ex.executed("get-ksl", ksl_group=group.number)
    row = (reply.data[0].fields.get("rows") or [{}])[0] if reply.data else {}
    text = Phrase("KSL-B is KSL-A or FFh", "КСЛ-B равна КСЛ-A или FFh")
    ex.require(row.get("ksl_b") in (None, group.a()), text, str(row))
