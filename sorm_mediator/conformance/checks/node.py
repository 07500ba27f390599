"""What the node reports of itself, and what only its lab can bring about (6.17, 9.1, 9.2, 9.6, 9.10 to 9.12)."""

from __future__ import annotations

from typing import Any

from protocol.language import Phrase
from sorm_mediator.conformance.checks.messages import TIME, is_time
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.dialogue import Target, one_of
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.console.client import Crossed

STOP, WEB, ORDER_268 = Need.STOP, Need.WEB, Need.ORDER_268


async def version(ex: Examiner) -> Crossed:
    """Command 17 and its 2Bh."""
    reply = await ex.executed("get-version")
    units = [unit for unit in reply.data if unit.name == "version-info"]
    ex.require(
        len(units) == 1, Phrase("one 2Bh", "одно 2Bh"), Phrase("{n} came", "пришло: {n}", n=len(units))
    )
    return units[0]


@check("6.17.3-1", "command 17 tells the version of the node's software",
       "команда 17 выдаёт версию ПО узла связи", ORDER_268)  # fmt: skip
async def get_version(ex: Examiner) -> None:
    await version(ex)


@check("9.11.4-1", "2Bh: 44 octets in ASCII", "2Bh: 44 байта в кодах ASCII", ORDER_268)
async def version_text(ex: Examiner) -> None:
    unit = await version(ex)
    text = unit.raw[10:54]
    holds = len(unit.raw) == 55 and all(0x20 <= one < 0x7F or one in (0x00, 0xFF) for one in text)
    ex.require(
        holds, Phrase("44 octets of ASCII and one", "44 байта ASCII и ещё один"), text.hex(" ").upper()
    )


@check("9.11.4.2-1", "2Bh: octet 45 is the type of the node, 01h to 03h",
       "2Bh: 45-й байт — тип узла связи, от 01h до 03h", ORDER_268)  # fmt: skip
async def node_type(ex: Examiner) -> None:
    ex.fields(await version(ex), station_type=one_of("terminal", "transit", "terminal-transit"))


async def alarm(ex: Examiner, kind: int) -> None:
    """The node has an alarm of this type: 21h tells it."""
    await ex.web("POST", "mediator/alarm", {"type": kind, "code": 7})
    await ex.message("alarm", alarm_type=kind, alarm_code=7)


@check("9.1.4.1-1", "21h/01h: the technical means stop by themselves",
       "21h/01h: технические средства останавливаются автоматически", STOP, WEB)  # fmt: skip
async def alarm_1(ex: Examiner) -> None:
    await alarm(ex, 0x01)
    ex.emptied()
    await ex.rejected("get-ksl", 0x02)


@check(
    "9.1.4.1-2",
    "21h/01h: start needs the first password",
    "21h/01h: запуск с первоначальным паролем",
    STOP,
    WEB,
)
async def alarm_1_password(ex: Examiner) -> None:
    new = "654321"
    await ex.prepare("set-password", new_password=new)
    with ex.preparing():
        await alarm(ex, 0x01)
    ex.emptied()
    ex.client.password = ex.first_password
    await ex.not_executed("start", 0x03, password=new)
    await ex.executed("start", password=ex.first_password)


@check("9.1.4.1-3", "21h/02h: the tables are kept", "21h/02h: таблицы сохраняются", WEB)
async def alarm_2(ex: Examiner) -> None:
    await kept(ex, 0x02)


@check("9.1.4.1-4", "21h/03h: the tables are kept", "21h/03h: таблицы сохраняются", WEB)
async def alarm_3(ex: Examiner) -> None:
    await kept(ex, 0x03)


@check("9.1.4.1-5", "21h/04h: the lines have changed, the tables are kept",
       "21h/04h: изменились характеристики линий, таблицы сохраняются", WEB)  # fmt: skip
async def alarm_4(ex: Examiner) -> None:
    await kept(ex, 0x04)


async def kept(ex: Examiner, kind: int) -> None:
    """An alarm after which everything is there."""
    target = await ex.target()
    await alarm(ex, kind)
    reply = await ex.executed("get-objects", object_number=target.number)
    ex.fields(reply.data[0], number=target.fields["number"])


async def restarted(ex: Examiner) -> Crossed:
    """The node restarts; its 22h."""
    await ex.web("POST", "mediator/restart", {})
    await ex.client.wait(lambda: bool(ex.came("restart")) or len(ex.client.connected) < 2, ex.terms.within)
    if len(ex.client.connected) < 2:  # the channels went with it
        await ex.client.connect()
    return await ex.message("restart")


@check(
    "9.2.3-1",
    "22h when the node is ready after a restart",
    "22h при готовности узла после перезапуска",
    STOP,
    WEB,
)
async def restart(ex: Examiner) -> None:
    await restarted(ex)
    ex.emptied()


@check("9.2.4-1", "after a restart: initial state, commands are rejected as before start",
       "после перезапуска: исходное состояние, команды отвергаются, как до запуска", STOP, WEB)  # fmt: skip
async def initial_state(ex: Examiner) -> None:
    with ex.preparing():
        await restarted(ex)
    ex.emptied()
    await ex.rejected("get-ksl", 0x02)


@check("9.2.4-2", "after a restart: the tables are empty", "после перезапуска: таблицы пусты", STOP, WEB)
async def empty_tables(ex: Examiner) -> None:
    target = await ex.target()
    with ex.preparing():
        await restarted(ex)
    ex.emptied()
    await ex.executed("start")
    await ex.not_executed("get-objects", object_number=target.number)


@check("9.2.4-3", "after a restart: command 1 needs the first password",
       "после перезапуска: команда 1 с первоначальным паролем", STOP, WEB)  # fmt: skip
async def first_password(ex: Examiner) -> None:
    new = "654321"
    await ex.prepare("set-password", new_password=new)
    with ex.preparing():
        await restarted(ex)
    ex.emptied()
    ex.client.password = ex.first_password
    await ex.not_executed("start", 0x03, password=new)


async def access(ex: Examiner, code: int) -> None:
    """Somebody tries what only the console may do: 26h tells it, with what else is known."""
    await ex.web("POST", "mediator/unauthorized-access", {"code": code, "text": "conformance"})
    unit = await ex.message("unauthorized-access", access_code=code, orm_number=ex.client.orm_number)
    text = Phrase("octets 6 to 45 tell more", "байты с 6-го по 45-й содержат дополнительную информацию")
    ex.require(b"conformance" in unit.raw[15:], text, unit.raw[15:].hex(" ").upper())


@check("9.6.4.1-1", "26h/01h: access from a forbidden port", "26h/01h: доступ с запрещённого порта", WEB)
async def access_1(ex: Examiner) -> None:
    await access(ex, 0x01)


@check("9.6.4.1-2", "26h/03h: tables read or written", "26h/03h: чтение или запись таблиц", WEB)
async def access_3(ex: Examiner) -> None:
    await access(ex, 0x03)


@check(
    "9.6.4.1-3",
    "26h/04h: the port to the console reassigned",
    "26h/04h: переназначение порта связи с ПУ",
    WEB,
)
async def access_4(ex: Examiner) -> None:
    await access(ex, 0x04)


async def line_state(ex: Examiner, state: int) -> None:
    target = await ex.target()
    await ex.web("POST", "mediator/line-state", {"object": target.number, "state": state})
    reply = await ex.executed("get-objects", object_number=target.number)
    ex.fields(reply.data[0], line_state=state)


def _line_state(name: str, state: int, en: str, ru: str) -> None:
    @check(name, f"23h: line state {state:02X}h, {en}", f"23h: состояние {state:02X}h, {ru}", WEB)
    async def told(ex: Examiner) -> None:
        await line_state(ex, state)


_line_state("9.3.6.4-2", 0x01, "the line is faulty", "комплект неисправен")
_line_state("9.3.6.4-3", 0x03, "the line is blocked", "комплект заблокирован")
_line_state("9.3.6.4-4", 0x07, "the line is restricted", "возможности ограничены")


@check("9.10.3-1", "2Ah when the operator changes the name of a trunk",
       "2Ah при изменении имени пучка персоналом", WEB, ORDER_268)  # fmt: skip
async def renamed(ex: Examiner) -> None:
    path = f"switch/domains/{ex.terms.domain}/trunks/{ex.trunk}"
    new: dict[str, Any] = {"name": "renamed_trunk"}
    await ex.web("PUT", path, new)
    try:
        unit = await ex.message("trunk-info")
        ex.fields(unit, trunk=ex.trunk, name="renamed_trunk")
    finally:
        await ex.web("PUT", path, {"name": ex.terms.trunk_name})


@check("9.10.5-1", "2Ah: a name over 43 octets goes on in a further message",
       "2Ah: имя длиннее 43 байт передаётся дополнительным сообщением", WEB, ORDER_268)  # fmt: skip
async def long_name(ex: Examiner) -> None:
    path, name = f"switch/domains/{ex.terms.domain}/trunks/{ex.trunk}", "trunk_" * 10
    await ex.web("PUT", path, {"name": name})
    try:
        ex.forget()
        reply = await ex.executed("get-trunks", trunk=ex.trunk)
    finally:
        await ex.web("PUT", path, {"name": ex.terms.trunk_name})
    numbered = [(unit.fields["index"], unit.fields["total"]) for unit in reply.data]
    ex.require(numbered == [(1, 2), (2, 2)], Phrase("1 of 2 and 2 of 2", "1 из 2 и 2 из 2"), str(numbered))
    whole = "".join(str(unit.fields["name"]) for unit in reply.data)
    ex.require(whole == name, Phrase("the whole name", "имя целиком"), whole)


# --- 2Ch: electronic messages of objects, which only the emulated switch sends on demand


TEXT = "conformance"
LONGEST = 192
"""Octets of the text in one 2Ch: 245 less the 53 before it."""


async def sent(ex: Examiner, a: str, b: str, text: str = TEXT, delivered: bool | None = True) -> None:
    """Somebody sends a message."""
    body: dict[str, Any] = {"from": a, "to": b, "text": text, "delivered": delivered}
    await ex.web("POST", f"switch/domains/{ex.terms.domain}/messages", body)


async def told(ex: Examiner, target: Target, **fields: Any) -> Crossed:
    """2Ch of an object."""
    return await ex.message("electronic-message", where={"object_number": target.number}, **fields)


def state(unit: Crossed) -> int:
    """Octet 15."""
    return unit.raw[10 + 14]


async def from_object(ex: Examiner, delivered: bool | None = True) -> Crossed:
    """A message that the object sends."""
    target = await ex.target()
    await sent(ex, ex.own(0), ex.own(1), delivered=delivered)
    return await told(ex, target)


async def to_object(ex: Examiner) -> Crossed:
    """A message that comes to the object."""
    target = await ex.target()
    await sent(ex, ex.own(1), ex.own(0))
    return await told(ex, target)


def bits(ex: Examiner, unit: Crossed, mask: int, value: int, en: str, ru: str) -> None:
    """Bits of octet 15."""
    came = f"{state(unit):02X}h"
    ex.require(state(unit) & mask == value, Phrase(f"octet 15: {en}", f"15-й байт: {ru}"), came)


@check(
    "9.12.3-1",
    "2Ch: the message of an object, with its content",
    "2Ch: сообщение объекта с его содержанием",
    WEB,
    ORDER_268,
)
async def content(ex: Examiner) -> None:
    unit = await from_object(ex)
    text = Phrase("the text of the message", "текст сообщения")
    ex.require(TEXT.encode() in unit.raw[10 + 53 :], text, unit.raw[63:].hex(" ").upper())


@check("9.12.4.1-1", "2Ch: object number and type as in command 5",
       "2Ch: условный номер и тип объекта как в команде 5", WEB, ORDER_268)  # fmt: skip
async def identity(ex: Examiner) -> None:
    unit = await from_object(ex)
    ex.fields(unit, object_type="own-subscriber")


@check("9.12.4.2-1", "2Ch: the number of the sender", "2Ch: номер отправителя", WEB, ORDER_268)
async def sender(ex: Examiner) -> None:
    ex.fields(await from_object(ex), sender={"number": ex.own(0)})


@check("9.12.4.7-1", "2Ch: the number of the receiver", "2Ch: номер получателя", WEB, ORDER_268)
async def receiver(ex: Examiner) -> None:
    ex.fields(await from_object(ex), receiver={"number": ex.own(1)})


@check(
    "9.12.4.4-1", "2Ch, octet 15: taken from the object", "2Ch, 15-й байт: принято от объекта", WEB, ORDER_268
)
async def taken_from(ex: Examiner) -> None:
    bits(ex, await from_object(ex), 0x03, 0x01, "direction 01", "направление 01")


@check(
    "9.12.4.4-2",
    "2Ch, octet 15: addressed to the object",
    "2Ch, 15-й байт: адресовано объекту",
    WEB,
    ORDER_268,
)
async def addressed_to(ex: Examiner) -> None:
    bits(ex, await to_object(ex), 0x03, 0x02, "direction 10", "направление 10")


@check("9.12.4.4-3", "2Ch, octet 15: selected by the number of the sender",
       "2Ch, 15-й байт: отбор по номеру отправителя", WEB, ORDER_268)  # fmt: skip
async def by_sender(ex: Examiner) -> None:
    bits(ex, await from_object(ex), 0x0C, 0x04, "selection 01", "признак отбора 01")


@check("9.12.4.4-4", "2Ch, octet 15: selected by the number of the receiver",
       "2Ch, 15-й байт: отбор по номеру получателя", WEB, ORDER_268)  # fmt: skip
async def by_receiver(ex: Examiner) -> None:
    bits(ex, await to_object(ex), 0x0C, 0x08, "selection 10", "признак отбора 10")


def _delivery(name: str, delivered: bool | None, value: int, en: str, ru: str) -> None:
    @check(name, f"2Ch, octet 15: {en}", f"2Ch, 15-й байт: {ru}", WEB, ORDER_268)
    async def delivery(ex: Examiner) -> None:
        unit = await from_object(ex, delivered)
        bits(ex, unit, 0x30, value, f"delivery {value >> 4:02b}", f"результат доставки {value >> 4:02b}")


_delivery("9.12.4.4-5", True, 0x10, "delivered", "доставлено")
_delivery("9.12.4.4-6", False, 0x20, "not delivered", "не доставлено")
_delivery("9.12.4.4-7", None, 0x00, "delivery not known", "результат не определён")


@check("9.12.4.6-1", "2Ch: day and time", "2Ch: число и время", WEB, ORDER_268)
async def when(ex: Examiner) -> None:
    unit = await from_object(ex)
    ex.require(is_time(unit.fields.get("time")), TIME, str(unit.fields.get("time")))


@check("9.12.4.17-1", "2Ch: longer content in several messages, whose octets 1 to 53 are the same",
       "2Ch: длинное содержание в нескольких сообщениях, байты 1-53 одинаковы", WEB, ORDER_268)  # fmt: skip
async def several(ex: Examiner) -> None:
    target = await ex.target()
    text = "0123456789" * 40
    await sent(ex, ex.own(0), ex.own(1), text)
    first = await told(ex, target)
    units = [first]
    while len(units) < int(first.fields["total"]):
        units.append(await told(ex, target))
    numbered = [(unit.fields["index"], unit.fields["total"]) for unit in units]
    wanted = [(n, len(units)) for n in range(1, len(units) + 1)]
    ex.require(len(units) > 1 and numbered == wanted, Phrase("1 to N of N", "от 1 до N из N"), str(numbered))
    heads = {unit.raw[10 : 10 + 53] for unit in units}
    ex.require(len(heads) == 1, Phrase("the same octets 1 to 53", "одинаковые байты 1-53"), str(len(heads)))
    longest = max(len(unit.raw) - 63 for unit in units)
    ex.require(
        longest <= LONGEST, Phrase("at most 192 octets each", "не более 192 байт в каждом"), str(longest)
    )
    whole = b"".join(unit.raw[63:] for unit in units)
    ex.require(text.encode() in whole, Phrase("the whole text", "весь текст"), f"{len(whole)}")


@check(
    "9.12.4.18-1",
    "2Ch: both parties objects: one for each",
    "2Ch: оба абонента объекты: для каждого",
    WEB,
    ORDER_268,
)
async def both(ex: Examiner) -> None:
    one, two = await ex.target(), await ex.target(ex.own(1))
    await sent(ex, ex.own(0), ex.own(1))
    await told(ex, one)
    await told(ex, two)
