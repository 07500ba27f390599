"""The events of calls: which come, when, with which numbers and lines (10, 11.1 to 11.4, 6.5.5.8)."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

from protocol.language import Phrase
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.dialogue import Target, one_of
from sorm_mediator.conformance.examiner import Examiner, Group
from sorm_mediator.console.client import Crossed

CALLS, SERVICES = Need.CALLS, Need.SERVICES
RECEIVED, ANSWER, RELEASE = "number-received", "answer", "release"
NO_PRIORITY = one_of(None, "normal")
"""The priority of statistical control: FFh or 02h."""


async def whole_call(ex: Examiner, target: Target, a: str, b: str, **how: Any) -> list[Crossed]:
    """A call that is answered and over: its 41h, 42h and 43h."""
    await ex.short_call(a, b, **how)
    return [await ex.event(target, name) for name in (RECEIVED, ANSWER, RELEASE)]


def _category(group: Group | None) -> str:
    return "statistical" if group is None else "combined" if group.a() == group.b() else "separate"


async def some_group(ex: Examiner, category: str) -> Group | None:
    """The group that a category needs."""
    return None if category == "statistical" else await ex.group(separate=category == "separate")


_CATEGORIES = {
    "combined": ("combined control", "совмещённый контроль", (0x01, 0x04, 0x10)),
    "separate": ("separate control", "раздельный контроль", (0x03, 0x0C, 0x30)),
    "statistical": ("statistical control", "статистический контроль", (0x02, 0x08, 0x20)),
}


def _selections() -> None:
    for index, (category, (en, ru, codes)) in enumerate(_CATEGORIES.items(), 1):
        a, b, trunk = codes

        @check(
            f"10.2.1.6-{index}",
            f"selection sign by A, {en}: {a:02X}h",
            f"признак отбора по A, {ru}: {a:02X}h",
            CALLS,
        )
        async def by_a(ex: Examiner, category: str = category, code: int = a) -> None:
            target = await ex.target(group=await some_group(ex, category))
            await ex.short_call(ex.own(0), ex.own(1))
            for name in (RECEIVED, ANSWER, RELEASE):
                await ex.event(target, name, selection=code)

        @check(
            f"10.2.1.6-{index + 3}",
            f"selection sign by B, {en}: {b:02X}h",
            f"признак отбора по B, {ru}: {b:02X}h",
            CALLS,
        )
        async def by_b(ex: Examiner, category: str = category, code: int = b) -> None:
            target = await ex.target(group=await some_group(ex, category))
            await ex.short_call(ex.own(1), ex.own(0))
            for name in (RECEIVED, ANSWER, RELEASE):
                await ex.event(target, name, selection=code)

        @check(f"10.2.1.6-{index + 6}", f"selection sign by trunk, {en}: {trunk:02X}h",
               f"признак отбора по пучку, {ru}: {trunk:02X}h", CALLS)  # fmt: skip
        async def by_trunk(ex: Examiner, category: str = category, code: int = trunk) -> None:
            target = await ex.controlled(ex.trunk_fields(await some_group(ex, category)))
            await ex.short_call(ex.incoming, ex.own(0), incoming=True)
            for name in (RECEIVED, ANSWER, RELEASE):
                await ex.event(target, name, selection=code, trunk=ex.trunk)


_selections()


@check("10.2.1.5-1", "41h, 42h and 43h of a call have one call number, and type and number of the object",
       "41h, 42h и 43h вызова содержат один номер вызова, тип и номер объекта", CALLS)  # fmt: skip
async def one_identifier(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    first = await ex.event(target, RECEIVED, object_type="own-subscriber")
    for name in (ANSWER, RELEASE):
        await ex.event(target, name, call_number=first.fields["call_number"], object_type="own-subscriber")


@check("6.7.8.1-1", "call numbers follow one another over all calls",
       "номера вызовов следуют по порядку, сквозные для всех вызовов", CALLS)  # fmt: skip
async def one_sequence(ex: Examiner) -> None:
    one, two = await ex.target(), await ex.target(ex.own(1))
    numbers = []
    for a, target in ((0, one), (1, two), (0, one)):
        first, *_ = await whole_call(ex, target, ex.own(a), ex.own(2))
        numbers.append(first.fields["call_number"])
    steps = [(after - before) % 0xFFFF for before, after in pairwise(numbers)]
    most = 1 if not ex.taken_objects else 1000  # objects of others have calls, too
    text = Phrase("each is one more than the one before", "каждый на единицу больше предыдущего")
    ex.require(all(1 <= step <= most for step in steps), text, str(numbers))


@check("10.2.1.7-2", "connection within the node: 1Ch", "внутристанционная связь: 1Ch", CALLS)
async def internal(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(target, RECEIVED, connection=0x1C)


@check("10.2.1.7-3", "outgoing connection: 11h", "исходящая связь: 11h", CALLS)
async def outgoing(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.network)
    await ex.event(target, RECEIVED, connection=0x11)


@check("10.2.1.7-4", "incoming connection: 12h", "входящая связь: 12h", CALLS)
async def incoming(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.incoming, ex.own(0), incoming=True)
    await ex.event(target, RECEIVED, connection=0x12)


@check(
    "10.2.1.8-1",
    "phase of the service: 00h in an ordinary call",
    "код фазы услуги: 00h при обычном вызове",
    CALLS,
)
async def phase(ex: Examiner) -> None:
    target = await ex.target()
    for unit in await whole_call(ex, target, ex.own(0), ex.own(1)):
        ex.fields(unit, service_phase=0)


@check("10.3.1.2-1", "count of digits and unused octets of both numbers",
       "количество знаков и неиспользуемые байты обоих номеров", CALLS)  # fmt: skip
async def digits(ex: Examiner) -> None:
    target = await ex.target()
    first, *_ = await whole_call(ex, target, ex.own(0), ex.own(1))
    text = Phrase("as many digits as counted, then FFh", "столько цифр, сколько указано, далее FFh")
    for start, number in ((12, ex.own(0)), (23, ex.own(1))):
        octets = first.raw[start + 2 : start + 11]
        halves = [half for octet in octets for half in (octet & 0x0F, octet >> 4)]
        count = first.raw[start + 1]
        holds = count <= 18 and all(half <= 0x0C for half in halves[:count]) and set(halves[count:]) <= {0x0F}
        ex.require(holds and count >= len(number), text, first.raw[start : start + 11].hex(" ").upper())


@check(
    "10.3.1.6-1",
    "combined control: KSL-B is KSL-A or FFh",
    "совмещённый контроль: КСЛ-B равна КСЛ-A или FFh",
    CALLS,
)
async def ksl_combined(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    await ex.short_call(ex.own(0), ex.own(1))
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, ksl_a=group.a(), ksl_b=one_of(group.a(), None))


@check(
    "10.3.1.6-2",
    "separate control: KSL-A and KSL-B of the pair",
    "раздельный контроль: КСЛ-A и КСЛ-B пары",
    CALLS,
)
async def ksl_separate(ex: Examiner) -> None:
    group = await ex.group(separate=True)
    target = await ex.target(group=group)
    await ex.short_call(ex.own(0), ex.own(1))
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, ksl_a=group.a(), ksl_b=group.b())


@check(
    "10.3.1.6-3",
    "statistical control: KSL-A and KSL-B FFh",
    "статистический контроль: КСЛ-A и КСЛ-B FFh",
    CALLS,
)
async def ksl_statistical(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, ksl_a=None, ksl_b=None)


@check("10.3.1.9-1", "priority of a priority object: 01h", "метка приоритетного объекта: 01h", CALLS)
async def priority_high(ex: Examiner) -> None:
    target = await ex.target(group=await ex.group(), priority="high")
    await ex.short_call(ex.own(0), ex.own(1))
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, priority="high")


@check("10.3.1.9-2", "priority of an ordinary object: 02h", "метка обычного объекта: 02h", CALLS)
async def priority_ordinary(ex: Examiner) -> None:
    target = await ex.target(group=await ex.group())
    await ex.short_call(ex.own(0), ex.own(1))
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, priority="normal")


@check("10.3.1.9-3", "priority of a statistical object: 02h or FFh",
       "метка объекта статистического контроля: 02h или FFh", CALLS)  # fmt: skip
async def priority_statistical(ex: Examiner) -> None:
    target = await ex.target(priority=None)
    await ex.short_call(ex.own(0), ex.own(1))
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, priority=NO_PRIORITY)


# --- 41h


@check("11.1.3-1", "41h comes when the call can be set up, before the answer",
       "41h передаётся при возможности установления соединения, до ответа", CALLS)  # fmt: skip
async def before_the_answer(ex: Examiner) -> None:
    target = await ex.target(group=await ex.group())
    await ex.ringing_call(ex.own(0), ex.own(1))
    await ex.event(target, RECEIVED)
    await ex.no_events(target)


@check(
    "11.1.3-2",
    "a call that touches no object is not told",
    "о соединении без участия объектов не сообщается",
    CALLS,
)
async def strangers(ex: Examiner) -> None:
    target = await ex.target(ex.own(2))
    watch = await ex.target(ex.own(0))
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.ended(watch)
    await ex.no_events(target)


@check("11.1.9-1", "41h: 00h when a line was connected", "41h: 00h при нормальном подключении КСЛ", CALLS)
async def connected(ex: Examiner) -> None:
    target = await ex.target(group=await ex.group())
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(target, RECEIVED, operation=0)
    await ex.event(target, ANSWER, operation=0)


@check("11.1.9-2", "41h: FFh under statistical control", "41h: FFh при статистическом контроле", CALLS)
async def statistical(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(target, RECEIVED, operation=None)
    await ex.event(target, ANSWER, operation=None)


async def without_a_line(ex: Examiner, **fields: Any) -> Target:
    """A group of one line that is busy, and an object of it that calls."""
    group = await ex.group()
    first, second = await ex.target(group=group), await ex.target(ex.own(2), group=group, **fields)
    await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(first, RECEIVED, operation=0)
    await ex.short_call(ex.own(2), ex.own(3))
    return second


@check("11.1.9-3", "41h: 01h when no line is free", "41h: 01h, если нет доступных КСЛ", CALLS)
async def none_free(ex: Examiner) -> None:
    target = await without_a_line(ex)
    await ex.event(target, RECEIVED, operation=1, ksl_a=None, ksl_b=None)


@check("11.1.8-1", "no line is free: the selection sign is that of statistical control",
       "нет доступных КСЛ: признак отбора статистического контроля", CALLS)  # fmt: skip
async def none_free_selection(ex: Examiner) -> None:
    target = await without_a_line(ex)
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, selection=0x02)


@check(
    "11.1.8-2",
    "no line is free: priority 02h or FFh",
    "нет доступных КСЛ: метка приоритета 02h или FFh",
    CALLS,
)
async def none_free_priority(ex: Examiner) -> None:
    group = await ex.group()
    first, second = (
        await ex.target(group=group, priority="high"),
        await ex.target(ex.own(2), group=group, priority="high"),
    )
    await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(first, RECEIVED, operation=0)
    await ex.short_call(ex.own(2), ex.own(3))
    await ex.event(second, RECEIVED, operation=1, priority=NO_PRIORITY)


# --- 42h, 43h


@check("11.2.3-1", "42h comes after the answer", "42h передаётся после ответа", CALLS)
async def answered(ex: Examiner) -> None:
    target = await ex.target()
    await ex.call(ex.own(0), ex.own(1))
    await ex.event(target, RECEIVED)
    await ex.event(target, ANSWER)
    await ex.no_events(target)


REPEATED = (
    "selection",
    "connection",
    "service_phase",
    "calling",
    "called",
    "trunk",
    "ksl_a",
    "ksl_b",
    "priority",
)


@check("11.2.4-1", "42h repeats the fields of 41h", "42h повторяет поля 41h", CALLS)
async def answer_repeats(ex: Examiner) -> None:
    target = await ex.target(group=await ex.group())
    await ex.short_call(ex.own(0), ex.network)
    first = await ex.event(target, RECEIVED)
    wanted = {name: first.fields[name] for name in (*REPEATED, "operation")}
    await ex.event(target, ANSWER, **wanted)


@check(
    "11.3.4-1",
    "43h repeats the fields of 41h but for octet 32",
    "43h повторяет поля 41h, кроме 32-го байта",
    CALLS,
)
async def release_repeats(ex: Examiner) -> None:
    target = await ex.target(group=await ex.group())
    await ex.short_call(ex.own(0), ex.network)
    first = await ex.event(target, RECEIVED)
    await ex.event(target, ANSWER)
    await ex.event(target, RELEASE, **{name: first.fields[name] for name in REPEATED})


@check("11.3.3-1", "43h comes when the call ends", "43h передаётся при завершении соединения", CALLS)
async def ended(ex: Examiner) -> None:
    target = await ex.target()
    call = await ex.call(ex.own(0), ex.own(1))
    await ex.event(target, RECEIVED)
    await ex.event(target, ANSWER)
    await ex.no_events(target)
    await ex.hang_up(call)
    await ex.event(target, RELEASE)


def _reason(name: str, outcome: str, code: int, en: str, ru: str, *before: str) -> None:
    @check(name, f"43h/{code:02X}h: {en}", f"43h/{code:02X}h: {ru}", CALLS)
    async def reason(ex: Examiner) -> None:
        target = await ex.target()
        b = ex.own(1)[:-1] if outcome == "incomplete" else ex.own(1)
        await ex.short_call(ex.own(0), b, outcome=outcome)
        for event in before:
            await ex.event(target, event)
        if not before and await ex.next_name(target) == RECEIVED:  # it may stand before 43h
            await ex.event(target, RECEIVED)
        await ex.event(target, RELEASE, operation=code)


_reason("11.3.5-1", "fail", 0x01, "for technical reasons", "по техническим причинам")
_reason("11.3.5-2", "incomplete", 0x02, "after incomplete dialling", "после неполного набора")
_reason("11.3.5-3", "busy", 0x03, "B is busy", "занят вызываемый абонент", RECEIVED)
_reason("11.3.5-4", "no-answer", 0x04, "B does not answer", "неответ абонента B", RECEIVED)
_reason(
    "11.3.5-5", "answer", 0x05, "after the conversation", "после разговорного состояния", RECEIVED, ANSWER
)


# --- priority


@check("6.5.5.8-6", "a priority object takes the line of an ordinary one: 52h/02h",
       "приоритетный объект занимает КСЛ обычного: 52h/02h", CALLS)  # fmt: skip
async def takes(ex: Examiner) -> None:
    group = await ex.group()
    ordinary, high = await ex.target(group=group), await ex.target(ex.own(2), group=group, priority="high")
    await ex.call(ex.own(0), ex.own(1))
    await ex.event(ordinary, RECEIVED, operation=0)
    await ex.event(ordinary, ANSWER)
    await ex.call(ex.own(2), ex.own(3))
    await ex.event(ordinary, "ksl-released", operation=2, ksl_a=group.a())
    await ex.event(high, RECEIVED, operation=0, ksl_a=group.a(), priority="high")


@check("6.5.5.8-7", "a priority object does not take the line of another one",
       "приоритетный объект не занимает КСЛ другого приоритетного", CALLS)  # fmt: skip
async def does_not_take(ex: Examiner) -> None:
    group = await ex.group()
    one, two = [await ex.target(ex.own(n), group=group, priority="high") for n in (0, 2)]
    await ex.call(ex.own(0), ex.own(1))
    await ex.event(one, RECEIVED, operation=0)
    await ex.event(one, ANSWER)
    await ex.call(ex.own(2), ex.own(3))
    await ex.event(two, RECEIVED, operation=1, ksl_a=None)
    await ex.no_events(one)


@check("6.5.5.8-8", "an ordinary object does not take the line of another one",
       "обычный объект не занимает КСЛ другого", CALLS)  # fmt: skip
async def ordinary_does_not_take(ex: Examiner) -> None:
    group = await ex.group()
    one, two = [await ex.target(ex.own(n), group=group) for n in (0, 2)]
    await ex.call(ex.own(0), ex.own(1))
    await ex.event(one, RECEIVED, operation=0)
    await ex.event(one, ANSWER)
    await ex.call(ex.own(2), ex.own(3))
    await ex.event(two, RECEIVED, operation=1, ksl_a=None)
    await ex.no_events(one)


@check(
    "6.5.5.8-9",
    "a line that a call has left is given to the next",
    "освободившаяся КСЛ выделяется следующему вызову",
    CALLS,
)
async def free_again(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    for _ in range(2):
        await ex.short_call(ex.own(0), ex.own(1))
        await ex.event(target, RECEIVED, operation=0, ksl_a=group.a())
        await ex.ended(target)


# --- two objects, and time


@check("R.4.11-1", "two objects in one call: a full set of messages for each",
       "два объекта в одном соединении: полный набор сообщений для каждого", CALLS)  # fmt: skip
async def a_set_for_each(ex: Examiner) -> None:
    one, two = await ex.target(), await ex.target(ex.own(1))
    await ex.short_call(ex.own(0), ex.own(1))
    for target, selection in ((one, 0x02), (two, 0x08)):
        for name in (RECEIVED, ANSWER, RELEASE):
            await ex.event(target, name, selection=selection)


@check("R.4.11-2", "two objects in one call: lines of its own for each",
       "два объекта в одном соединении: КСЛ для каждого", CALLS)  # fmt: skip
async def lines_for_each(ex: Examiner) -> None:
    group = await ex.group(2)
    one, two = await ex.target(group=group), await ex.target(ex.own(1), group=group)
    await ex.short_call(ex.own(0), ex.own(1))
    lines = [(await ex.event(target, RECEIVED, operation=0)).fields["ksl_a"] for target in (one, two)]
    text = Phrase("two lines", "две КСЛ")
    ex.require(lines[0] != lines[1], text, str(lines))


@check("R.5-1", "an event is sent within 200 ms after it happened in the node",
       "сообщение передаётся не позднее 200 мс после события на узле", SERVICES)  # fmt: skip
async def in_time(ex: Examiner) -> None:
    target = await ex.target()
    began = time.time()
    call = await ex.ringing_call(ex.own(0), ex.own(1))
    first = await ex.event(target, RECEIVED)
    await ex.hang_up(call)
    ex.within_limit(
        (first.time - began) * 1000, 200, Phrase("41h after the call was made", "41h после вызова")
    )


# --- 44h


async def held_call(ex: Examiner, target: Target) -> list[Crossed]:
    """A call that is held once, up to its end: all its events."""
    await ex.call(
        ex.own(0), ex.own(1), talk=0.3, services=({"service": "hold", "at": 0.05, "duration": 0.1},)
    )
    units: list[Crossed] = []
    while not units or units[-1].name != RELEASE:
        units.append(await ex.event(target, await ex.next_name(target) or RELEASE))
    return units


@check("11.4.3-1", "a service during a call: 44h after 41h and before 43h",
       "услуга во время соединения: 44h после 41h и до 43h", SERVICES)  # fmt: skip
async def service_in_a_call(ex: Examiner) -> None:
    names = [unit.name for unit in await held_call(ex, await ex.target())]
    text = Phrase("41h first, 44h, 43h last", "сначала 41h, 44h, в конце 43h")
    holds = names[0] == RECEIVED and "service-used" in names and names[-1] == RELEASE
    ex.require(holds, text, ", ".join(names))


@check(
    "11.4.4-1", "44h has the code of the service and its phase", "44h содержит код услуги и фазу", SERVICES
)
async def code_of_the_service(ex: Examiner) -> None:
    units = [unit for unit in await held_call(ex, await ex.target()) if unit.name == "service-used"]
    text = Phrase("a code in octets 33 to 35, phase 04h", "код в байтах с 33-го по 35-й, фаза 04h")
    ex.require(bool(units), text, Phrase("no 44h", "44h нет"))
    holds = units[0].fields["service"] is not None and units[0].fields["service_phase"] == 4
    ex.require(holds, text, str(units[0].fields["service"]))


@check("11.4.6-1", "44h repeats the other fields of 41h", "остальные поля 44h повторяют 41h", SERVICES)
async def service_repeats(ex: Examiner) -> None:
    group = await ex.group()
    units = await held_call(ex, await ex.target(group=group))
    used = [unit for unit in units if unit.name == "service-used"]
    ex.require(bool(used), Phrase("44h", "44h"), Phrase("no 44h", "44h нет"))
    names = (
        "call_number",
        "selection",
        "connection",
        "calling",
        "trunk",
        "ksl_a",
        "ksl_b",
        "priority",
        "operation",
    )
    ex.fields(used[0], **{name: units[0].fields[name] for name in names})


@check("11.4.3-2", "checking a service without a call: 44h with phase 02h",
       "проверка услуги без соединения: 44h с фазой 02h", SERVICES)  # fmt: skip
async def checking(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), "*#21#", services=({"service": "cfu", "phase": "check"},))
    ex.expects(Phrase("44h with phase 02h", "44h с фазой 02h"))
    while await ex.next_name(target) == RECEIVED:  # it may stand before 44h
        await ex.event(target, RECEIVED)
    await ex.event(target, "service-used", service_phase=2)


# --- numbers and trunk


@check("10.3.2.1-1", "A under control: the number as command 5 gave it",
       "A — объект контроля: номер, как задан командой 5", CALLS)  # fmt: skip
async def a_as_given(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.network)
    given = {"sign": ex.own_sign, "number": target.fields["number"]}
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, calling=given)


@check("10.3.2.1-2", "B under control: the number as command 5 gave it",
       "B — объект контроля: номер, как задан командой 5", CALLS)  # fmt: skip
async def b_as_given(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(1), ex.own(0))
    await ex.event(target, RECEIVED, called={"number": target.fields["number"]})
    given = {"sign": ex.own_sign, "number": target.fields["number"]}
    for name in (ANSWER, RELEASE):
        await ex.event(target, name, called=given)


@check("10.3.2.1-3", "a network number under control: the number as command 5 gave it",
       "объект — номер ТфССОП: номер, как задан командой 5", CALLS)  # fmt: skip
async def network_as_given(ex: Examiner) -> None:
    target = await ex.controlled(ex.network_fields())
    await ex.short_call(ex.own(0), ex.network)
    given = {"number": target.fields["number"]}
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, called=given)


@check("10.3.2.1-4", "leading digits under control: the full number",
       "объект с неполным номером: полный номер", CALLS)  # fmt: skip
async def full_number(ex: Examiner) -> None:
    fields = ex.network_fields()
    target = await ex.controlled(ex.network_fields(fields["number"][:7], object_type="network-partial"))
    await ex.short_call(ex.own(0), ex.network)
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, called={"number": fields["number"]})


@check("10.3.2.1-5", "a trunk under control: its number as command 5 gave it",
       "объект — пучок: условный номер, как задан командой 5", CALLS)  # fmt: skip
async def trunk_as_given(ex: Examiner) -> None:
    target = await ex.controlled(ex.trunk_fields())
    await ex.short_call(ex.incoming, ex.own(0), incoming=True)
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, trunk=ex.trunk)


@check("10.3.2.2-1", "outgoing call, B is no object: its number with the exit prefix (transit: without)",
       "исходящая связь, B не объект: номер с префиксом выхода (транзитный узел: без него)", CALLS)  # fmt: skip
async def b_with_prefix(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.network)
    unit = await ex.event(target, RECEIVED)
    number = str((unit.fields.get("called") or {}).get("number") or "")
    if ex.node_type == "transit":
        text = Phrase("the national number without the prefix", "национальный номер без префикса")
        holds = ex.network.endswith(number) and 10 <= len(number) <= 11
    else:
        text = Phrase("{n}, as it was dialled", "{n}, как набран", n=ex.network)
        holds = number == ex.network
    ex.require(holds, text, number or "-")


@check("10.3.2.2-2", "a call within the node, B is no object: its number",
       "внутристанционная связь, B не объект: его номер", CALLS)  # fmt: skip
async def b_within(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, RECEIVED)
    unit = await ex.event(target, ANSWER)
    number = str((unit.fields.get("called") or {}).get("number") or "")
    text = Phrase("a number that ends with {n}", "номер, оканчивающийся на {n}", n=ex.own(1)[-5:])
    ex.require(number.endswith(ex.own(1)[-5:]), text, number or "-")


@check("10.3.2.3-1", "incoming call, A is no object: the number as it came from the network",
       "входящая связь, A не объект: номер в том виде, в каком передан сетью", CALLS)  # fmt: skip
async def a_as_it_came(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.incoming, ex.own(0), incoming=True)
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, calling={"number": ex.incoming})


@check("10.3.2.4-1", "the sign of a network number that is no object is that of command 5",
       "признак номера сети, не являющегося объектом, как в команде 5", CALLS)  # fmt: skip
async def sign_of_a_stranger(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.incoming, ex.own(0), incoming=True)
    await ex.event(target, RECEIVED, calling={"sign": ex.network_sign})


@check("10.3.2.4-2", "the sign of an own subscriber who is no object is that of command 5",
       "признак абонента узла, не являющегося объектом, как в команде 5", CALLS)  # fmt: skip
async def sign_of_an_own(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, RECEIVED)
    await ex.event(target, ANSWER, called={"sign": ex.own_sign})


@check("10.3.1.5-1", "incoming call to an own subscriber: the trunk by which it came",
       "входящая связь к абоненту узла: пучок, по которому поступил вызов", CALLS)  # fmt: skip
async def trunk_of_incoming(ex: Examiner) -> None:
    if ex.node_type == "terminal":
        await without_a_number(ex)
        return
    target = await ex.target()
    await ex.short_call(ex.incoming, ex.own(0), incoming=True)
    unit = await ex.event(target, RECEIVED)
    ex.fields(unit, eltex="trunk_in_events", trunk=ex.trunk)


async def without_a_number(ex: Examiner) -> None:
    """A terminal node tells the trunk where the number of A is not known."""
    target = await ex.target()
    await ex.short_call("", ex.own(0), incoming=True)
    unit = await ex.event(target, RECEIVED)
    ex.fields(unit, eltex="trunk_in_events", trunk=ex.trunk)


@check("10.3.1.5-2", "a call within the node: trunk FFFFh", "внутристанционная связь: пучок FFFFh", CALLS)
async def no_trunk_within(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(target, RECEIVED, trunk=None)
