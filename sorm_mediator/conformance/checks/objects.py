"""Objects put on control, changed and taken off control, and how many there can be (1.5, 2, 3, 6.5, 6.6, 6.15)."""

from __future__ import annotations

from typing import Any

from protocol.language import Phrase
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.examiner import Examiner, Group
from sorm_mediator.conformance.verdicts import Untested

CALLS = Need.CALLS
FIELDS = ("object_number", "object_type", "number_sign", "number", "category", "ksl_group", "priority")


async def told(ex: Examiner, number: int) -> dict[str, Any]:
    """The fields of 23h of an object."""
    reply = await ex.executed("get-objects", object_number=number)
    text = Phrase("23h of object {n}", "23h об объекте {n}", n=number)
    ex.require(len(reply.data) == 1, text, Phrase("no single 23h came", "пришло не одно 23h"))
    return dict(reply.data[0].fields)


async def shown(ex: Examiner, fields: dict[str, Any]) -> None:
    """Command 10 tells an object as command 5 has given it."""
    reply = await ex.executed("get-objects", object_number=fields["object_number"])
    text = Phrase("one 23h", "одно 23h")
    ex.require(len(reply.data) == 1, text, Phrase("{n} messages", "сообщений: {n}", n=len(reply.data)))
    wanted = {name: fields[name] for name in FIELDS if fields.get(name) is not None}
    ex.fields(reply.data[0], **wanted)


async def taken(ex: Examiner, fields: dict[str, Any], **how: Any) -> None:
    """Command 5 is executed, and command 10 tells the object."""
    await ex.executed("add-object", **how, **fields)
    await shown(ex, fields)


@check("6.5.3-1", "command 5 puts an own subscriber on control, 23h tells it as it was given",
       "команда 5 ставит на контроль абонента узла, 23h показывает его параметры")  # fmt: skip
async def own_subscriber(ex: Examiner) -> None:
    await taken(ex, ex.object_fields(group=await ex.group()))


@check("6.5.5.1-1", "object type 02h: a subscriber of the network with a full number",
       "тип объекта 02h: абонент ТфССОП с полным номером")  # fmt: skip
async def network_full(ex: Examiner) -> None:
    await taken(ex, ex.network_fields())


@check("6.5.5.1-2", "object type 12h: a subscriber of the network with leading digits",
       "тип объекта 12h: абонент ТфССОП с неполным номером")  # fmt: skip
async def network_partial(ex: Examiner) -> None:
    fields = ex.network_fields(object_type="network-partial")
    await taken(ex, {**fields, "number": fields["number"][:7]})


@check("6.5.5.1-3", "object type 03h: a trunk", "тип объекта 03h: пучок каналов")
async def trunk(ex: Examiner) -> None:
    fields = ex.trunk_fields()
    await taken(ex, fields)


@check("6.5.5.1-4", "object number FFFFh: 27h/01h", "условный номер FFFFh: 27h/01h")
async def number_65535(ex: Examiner) -> None:
    await ex.rejected("add-object", **ex.object_fields(object_number=None))


@check("6.5.5.1-5", "object numbers 0000h and FFFEh", "условные номера 0000h и FFFEh")
async def edges(ex: Examiner) -> None:
    for number in {0x0000, 0xFFFE} - ex.taken_objects:
        await ex.executed("add-object", **ex.object_fields(object_number=number))
        await ex.executed("remove-object", **_identity(ex, number))


def _identity(ex: Examiner, number: int) -> dict[str, Any]:
    fields = ex.objects[number]
    return {
        name: fields.get(name) for name in ("object_number", "object_type", "number_sign", "number", "trunk")
    }


@check("6.5.5.1-6", "an object number that is in use is not given again",
       "занятый условный номер повторно не задаётся")  # fmt: skip
async def unique(ex: Examiner) -> None:
    target = await ex.target()
    fields = ex.object_fields(ex.own(1), object_number=target.number)
    await ex.refused("add-object", **fields)


def _sign(name: str, sign: str, en: str, ru: str, number: str) -> None:
    @check(name, f"number sign {en}", f"признак номера {ru}", Need.ORDER_268)
    async def with_sign(ex: Examiner) -> None:
        await taken(ex, ex.network_fields(number or ex.terms.network_object, number_sign=sign))


_sign("6.5.5.2-1", "russia", "04h: a subscriber in Russia", "04h: абонент ТфССОП России", "")
_sign(
    "6.5.5.2-2",
    "foreign",
    "05h: a subscriber of another country",
    "05h: абонент другой страны",
    "442071234567",
)
_sign("6.5.5.2-3", "emergency", "06h: emergency services", "06h: экстренные службы", "102")
_sign("6.5.5.2-4", "imsi", "07h: an IMSI", "07h: идентификатор IMSI", "250011234567890")


@check("6.5.5.2-5", "an own subscriber with the sign of the network is refused",
       "абонент узла с признаком номера сети не принимается")  # fmt: skip
async def sign_does_not_fit(ex: Examiner) -> None:
    await ex.refused("add-object", **ex.object_fields(number_sign=ex.network_sign))


@check("6.5.5.4-1", "a number of 18 digits", "номер из 18 цифр")
async def longest_number(ex: Examiner) -> None:
    await taken(ex, ex.network_fields("441234567890123456", number_sign=ex.foreign_sign))


@check("6.5.5.4-2", "neither number nor trunk: 27h/01h", "не заданы ни номер, ни пучок: 27h/01h")
async def nothing_to_control(ex: Examiner) -> None:
    await ex.rejected("add-object", **{**ex.object_fields(), "number": None})


@check(
    "6.5.5.5-1", "number and trunk exclude each other: 27h/01h", "номер и пучок взаимоисключающие: 27h/01h"
)
async def number_and_trunk(ex: Examiner) -> None:
    await ex.rejected("add-object", **ex.object_fields(trunk=1))


@check("6.5.5.5-2", "type 03h without a trunk: 27h/01h", "тип 03h без пучка: 27h/01h")
async def trunk_without_number(ex: Examiner) -> None:
    await ex.rejected("add-object", **{**ex.object_fields("-"), "object_type": "trunk", "number_sign": None,
                                       "number": None, "trunk": None})  # fmt: skip


@check("6.5.5.6-1", "category 01h: combined control", "категория 01h: совмещённый контроль")
async def category_combined(ex: Examiner) -> None:
    await taken(ex, ex.object_fields(group=await ex.group()))


@check("6.5.5.6-2", "category 11h: separate control", "категория 11h: раздельный контроль")
async def category_separate(ex: Examiner) -> None:
    await taken(ex, ex.object_fields(group=await ex.group(separate=True)))


@check("6.5.5.6-3", "category 02h: statistical control", "категория 02h: статистический контроль")
async def category_statistical(ex: Examiner) -> None:
    await taken(ex, ex.object_fields())


def mismatch(ex: Examiner, group: Group) -> dict[str, Any]:
    """Fields whose category does not fit the type of the group."""
    category = "separate" if group.a() == group.b() else "combined"
    return ex.object_fields(group=group, category=category)


@check("6.5.5.7-1", "separate control with a combined group is rejected at receipt",
       "раздельный контроль с совмещённой группой отвергается при приёме")  # fmt: skip
async def separate_in_combined(ex: Examiner) -> None:
    await ex.rejected("add-object", **mismatch(ex, await ex.group()))


@check("6.5.5.7-2", "combined control with a separate group is rejected at receipt",
       "совмещённый контроль с раздельной группой отвергается при приёме")  # fmt: skip
async def combined_in_separate(ex: Examiner) -> None:
    await ex.rejected("add-object", **mismatch(ex, await ex.group(separate=True)))


@check("6.5.5.7-3", "full control without a group: 27h/01h", "полный контроль без группы: 27h/01h")
async def full_without_group(ex: Examiner) -> None:
    await ex.rejected("add-object", **ex.object_fields(category="combined"))


@check("6.5.5.7-4", "statistical control with a group: 27h/01h", "статистический контроль с группой: 27h/01h")
async def statistical_with_group(ex: Examiner) -> None:
    group = await ex.group()
    await ex.rejected("add-object", **ex.object_fields(ksl_group=group.number))


@check("6.5.5.7-5", "full control with a group that is not there is refused",
       "полный контроль с несуществующей группой не принимается")  # fmt: skip
async def no_such_group(ex: Examiner) -> None:
    await ex.refused("add-object", **ex.object_fields(category="combined", ksl_group=ex.free_group()))


@check("6.5.5.8-1", "full control: priority 01h and 02h", "полный контроль: метка приоритета 01h и 02h")
async def priorities(ex: Examiner) -> None:
    group = await ex.group()
    for index, priority in enumerate(("high", "normal")):
        await taken(ex, ex.object_fields(ex.own(index), group=group, priority=priority))


@check(
    "6.5.5.8-2", "full control without a priority: 27h/01h", "полный контроль без метки приоритета: 27h/01h"
)
async def no_priority(ex: Examiner) -> None:
    await ex.rejected("add-object", **ex.object_fields(group=await ex.group(), priority=None))


@check("6.5.5.8-3", "statistical control: priority FFh", "статистический контроль: метка приоритета FFh")
async def statistical_without_priority(ex: Examiner) -> None:
    await taken(ex, ex.object_fields(priority=None))


@check("6.5.5.8-4", "statistical control: priority 02h", "статистический контроль: метка приоритета 02h")
async def statistical_ordinary(ex: Examiner) -> None:
    await ex.executed("add-object", **ex.object_fields(priority="normal"))


@check("6.5.5.8-5", "statistical control: priority 01h: 27h/01h",
       "статистический контроль: метка приоритета 01h: 27h/01h")  # fmt: skip
async def statistical_high(ex: Examiner) -> None:
    fields = ex.object_fields(priority="high")
    await ex.rejected("add-object", eltex=("statistical_high_priority", "executed"), **fields)


@check("6.5.6-1", "a number that is on control already is put there again under another object number",
       "номер, уже стоящий на контроле, ставится ещё раз под другим условным номером")  # fmt: skip
async def again(ex: Examiner) -> None:
    await ex.target()
    fields = ex.object_fields()
    await ex.executed("add-object", eltex=("same_number_again", "not-executed"), **fields)
    await shown(ex, fields)


@check("6.5.6-2", "both objects of one number get the events of a call",
       "сообщения о соединении передаются для обоих объектов с одним номером", CALLS)  # fmt: skip
async def both_get_events(ex: Examiner) -> None:
    one = await ex.target()
    fields = ex.object_fields()
    reply = await ex.command("add-object", **fields)
    if reply.outcome[0] == "not-executed" and ex.terms.profile == "eltex":
        raise Untested(
            Phrase("same_number_again: no second object", "same_number_again: второго объекта нет")
        )
    ex.judge(reply, "executed")
    await ex.short_call(ex.own(0), ex.own(1))
    for number in (one.number, fields["object_number"]):
        await ex.event(number, "number-received")
        await ex.event(number, "answer")
        await ex.event(number, "release")


# --- command 15


def changed(number: int, category: str, group: int | None, priority: str | None) -> dict[str, Any]:
    """The fields of a command 15."""
    return {"object_number": number, "category": category, "ksl_group": group, "priority": priority}


@check("6.15.3-1", "command 15 changes category, group and priority",
       "команда 15 изменяет категорию, группу и метку приоритета")  # fmt: skip
async def change(ex: Examiner) -> None:
    target, group = await ex.target(), await ex.group()
    new = changed(target.number, "combined", group.number, "high")
    await ex.executed("change-object", **new)
    await shown(ex, {**target.fields, **new})


@check("6.15.4-1", "command 15 without a category: 27h/01h", "команда 15 без категории: 27h/01h")
async def change_incomplete(ex: Examiner) -> None:
    target = await ex.target()
    fields: dict[str, Any] = {
        "object_number": target.number,
        "category": None,
        "ksl_group": None,
        "priority": "normal",
    }
    await ex.rejected("change-object", **fields)


@check("6.15.4-2", "command 15 for full control without a group: 27h/01h",
       "команда 15: полный контроль без группы: 27h/01h")  # fmt: skip
async def change_without_group(ex: Examiner) -> None:
    target = await ex.target()
    await ex.rejected("change-object", **changed(target.number, "combined", None, "normal"))


@check("6.15.5-1", "command 15 in a call takes effect from the next call on",
       "команда 15 во время соединения действует со следующего вызова", CALLS)  # fmt: skip
async def change_in_a_call(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target()
    call = await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received", operation=None)
        await ex.event(target, "answer")
    await ex.executed("change-object", **changed(target.number, "combined", group.number, "normal"))
    await ex.hang_up(call)
    await ex.event(target, "release", selection=0x02, ksl_a=None)
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(target, "number-received", selection=0x01, ksl_a=group.a(), operation=0)


@check("6.15.6-1", "command 15 for an object that is not there: accepted, not executed",
       "команда 15 для отсутствующего объекта: принята, не выполнена")  # fmt: skip
async def change_stranger(ex: Examiner) -> None:
    await ex.not_executed("change-object", **changed(ex.free_object(), "statistical", None, "normal"))


@check("6.15.6-2", "command 15: a category that does not fit the group is rejected at receipt",
       "команда 15: категория не соответствует группе: отвергается при приёме")  # fmt: skip
async def change_mismatch(ex: Examiner) -> None:
    target, group = await ex.target(), await ex.group()
    await ex.rejected("change-object", **changed(target.number, "separate", group.number, "normal"))


@check("6.15.6-3", "command 15: statistical control with priority 01h: 27h/01h",
       "команда 15: статистический контроль с меткой 01h: 27h/01h")  # fmt: skip
async def change_statistical_high(ex: Examiner) -> None:
    target = await ex.target()
    await ex.rejected(
        "change-object", eltex=("statistical_high_priority", "executed"),
        **changed(target.number, "statistical", None, "high"),
    )  # fmt: skip


# --- how long it takes


@check("1.5-1", "an object is put on control within 15 s", "постановка на контроль — не более 15 с")
async def adding_takes(ex: Examiner) -> None:
    reply = await ex.command("add-object", within=20, **ex.object_fields())
    ex.judge(reply, "executed")
    ex.within_limit(reply.took("command-executed"), 15_000, Phrase("28h of command 5", "28h на команду 5"))


@check("1.5-2", "an object is taken off control within 15 s", "снятие с контроля — не более 15 с")
async def removing_takes(ex: Examiner) -> None:
    target = await ex.target()
    reply = await ex.command("remove-object", within=20, **target.identity)
    ex.judge(reply, "executed")
    ex.within_limit(reply.took("command-executed"), 15_000, Phrase("28h of command 6", "28h на команду 6"))


# --- command 6, and when control begins and ends


@check("6.5.4-1", "an object put on control during a call is controlled from the next call on",
       "объект, поставленный во время соединения, контролируется со следующего вызова", CALLS)  # fmt: skip
async def from_the_next_call_on(ex: Examiner) -> None:
    watch = await ex.target(ex.own(1))
    call = await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(watch, "number-received")
        await ex.event(watch, "answer")
    fields = ex.object_fields()
    await ex.executed("add-object", **fields)
    await ex.hang_up(call)
    await ex.ended(watch)
    text = Phrase("no event of the call that ran", "никаких сообщений о текущем соединении")
    number = fields["object_number"]
    await ex.nothing(text, lambda one: one.on_kpd2 and one.fields.get("object_number") == number)
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(number, "number-received")


@check("6.5.7-1", "a network number with its own sign is controlled",
       "номер ТфССОП со своим признаком контролируется", CALLS)  # fmt: skip
async def sign_fits(ex: Examiner) -> None:
    target = await ex.controlled(ex.network_fields())
    await ex.short_call(ex.own(0), ex.network)
    await ex.event(target, "number-received")
    await ex.event(target, "answer")
    await ex.event(target, "release")


@check("6.5.7-2", "leading digits with their own sign are controlled",
       "неполный номер ТфССОП со своим признаком контролируется", CALLS)  # fmt: skip
async def partial_fits(ex: Examiner) -> None:
    fields = ex.network_fields(object_type="network-partial")
    target = await ex.controlled(ex.network_fields(fields["number"][:7], object_type="network-partial"))
    await ex.short_call(ex.own(0), ex.network)
    await ex.event(target, "number-received")
    await ex.event(target, "answer")
    await ex.event(target, "release")


@check("6.5.7-3", "a network number with another sign is not controlled",
       "номер ТфССОП с другим признаком не контролируется", CALLS)  # fmt: skip
async def network_sign_does_not_fit(ex: Examiner) -> None:
    watch = await ex.target()
    target = await ex.controlled(ex.network_fields(number_sign=ex.foreign_sign))
    await ex.short_call(ex.own(0), ex.network)
    await ex.ended(watch)
    await ex.no_events(target)


@check("6.5.7-4", "leading digits with another sign are not controlled",
       "неполный номер ТфССОП с другим признаком не контролируется", CALLS)  # fmt: skip
async def partial_does_not_fit(ex: Examiner) -> None:
    watch = await ex.target()
    fields = ex.network_fields()
    target = await ex.controlled(
        ex.network_fields(fields["number"][:7], object_type="network-partial", number_sign=ex.foreign_sign)
    )
    await ex.short_call(ex.own(0), ex.network)
    await ex.ended(watch)
    await ex.no_events(target)


@check("6.6.3-1", "command 6 takes an object off the table", "команда 6 удаляет объект из таблицы")
async def remove(ex: Examiner) -> None:
    target = await ex.target()
    await ex.executed("remove-object", **target.identity)
    await ex.not_executed("get-objects", object_number=target.number)


@check("6.6.3-2", "after command 6 there are no events of the object",
       "после команды 6 сообщений об объекте нет", CALLS)  # fmt: skip
async def removed_is_silent(ex: Examiner) -> None:
    target, watch = await ex.target(), await ex.target(ex.own(1))
    await ex.executed("remove-object", **target.identity)
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.ended(watch)
    await ex.no_events(target)


@check("6.6.3-3", "command 6 for an object that is not there: accepted, not executed",
       "команда 6 для отсутствующего объекта: принята, не выполнена")  # fmt: skip
async def remove_stranger(ex: Examiner) -> None:
    fields = ex.object_fields()
    names = ("object_number", "object_type", "number_sign", "number")
    await ex.not_executed("remove-object", **{name: fields[name] for name in names})


@check("6.6.4-1", "command 6 before the answer: 52h/05h, then no 42h and no 43h",
       "команда 6 до ответа: 52h/05h, далее без 42h и 43h", CALLS)  # fmt: skip
async def removed_before_answer(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    call = await ex.ringing_call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received", operation=0)
    await ex.executed("remove-object", **target.identity)
    await ex.event(target, "ksl-released", operation=5, ksl_a=group.a())
    await ex.hang_up(call)
    await ex.no_events(target)


@check("6.6.4-2", "command 6 after the answer: 52h/05h, then no 43h",
       "команда 6 после ответа: 52h/05h, далее без 43h", CALLS)  # fmt: skip
async def removed_after_answer(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    call = await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received", operation=0)
        await ex.event(target, "answer")
    await ex.executed("remove-object", **target.identity)
    await ex.event(target, "ksl-released", operation=5, ksl_a=group.a())
    await ex.hang_up(call)
    await ex.no_events(target)


@check("6.6.5-1", "command 6 with another number than that of the object is refused",
       "команда 6 с номером, отличным от номера объекта, не выполняется")  # fmt: skip
async def remove_by_another_number(ex: Examiner) -> None:
    target = await ex.target()
    await ex.refused("remove-object", **{**target.identity, "number": ex.own(1)})


@check("6.6.5-2", "command 6 without an object number: 27h/01h", "команда 6 без условного номера: 27h/01h")
async def remove_nothing(ex: Examiner) -> None:
    target = await ex.target()
    await ex.rejected("remove-object", **{**target.identity, "object_number": None})


# --- how much the technical means can hold


TRUNKS = 10
LEAST = 8
"""Own objects of the smallest node in the tables of appendices 2 and 4."""


@check(
    "2.2-1",
    "at least eight own subscribers can be on control",
    "на контроле — не менее восьми абонентов узла",
)
async def least(ex: Examiner) -> None:
    for index in range(LEAST):
        await ex.executed("add-object", **ex.object_fields(ex.own(index)))


@check("3.1-1", "at most ten trunks are on control: the eleventh is refused",
       "на контроле — не более десяти пучков: одиннадцатый не принимается")  # fmt: skip
async def trunks(ex: Examiner) -> None:
    known = await _trunks(ex)
    if len(known) <= TRUNKS:
        en, ru = "the node has {n} trunks, eleven are needed", "на узле пучков: {n}, нужно одиннадцать"
        raise Untested(Phrase(en, ru, n=len(known)))
    for number in known[:TRUNKS]:
        await ex.executed("add-object", **ex.trunk_fields(trunk=number))
    await ex.refused("add-object", **ex.trunk_fields(trunk=known[TRUNKS]))


async def _trunks(ex: Examiner) -> list[int]:
    if ex.terms.order != "268":
        return []
    with ex.preparing():
        reply = await ex.executed("get-trunks", trunk=None)
    return sorted({unit.fields["trunk"] for unit in reply.data if unit.name == "trunk-info"})


@check("3.2-1", "2048 numbers of the network can be on control of a transit node",
       "на транзитном узле на контроле — 2048 номеров ТфССОП", Need.SLOW)  # fmt: skip
async def transit(ex: Examiner) -> None:
    if ex.node_type != "transit":
        raise Untested(Phrase("the node is no transit node", "узел не транзитный"))
    for index in range(2048):
        await ex.executed("add-object", **ex.network_fields(f"7900{index:07d}"))
