"""Electronic messages of objects: 2Ch on KPD1 (9.12). Only the emulated switch sends them on demand."""

from __future__ import annotations

from typing import Any

from protocol.language import Phrase
from sorm_mediator.conformance.checks.messages import TIME, is_time
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.examiner import Examiner, Target
from sorm_mediator.console.client import Crossed

WEB, ORDER_268 = Need.WEB, Need.ORDER_268
TEXT = "conformance"
LONGEST = 192
"""Octets of the text in one 2Ch: 245 less the 53 before it."""


async def sent(ex: Examiner, a: str, b: str, text: str = TEXT, delivered: bool | None = True) -> None:
    """Somebody sends a message."""
    body: dict[str, Any] = {"from": a, "to": b, "text": text, "delivered": delivered}
    await ex.web("POST", f"switch/domains/{ex.told.domain}/messages", body)


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
