"""Reports about the node, and events that only its lab can cause (6.17, 9.1, 9.2, 9.6, 9.10 to 9.12)."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sorm_mediator.conformance.checks.messages import has_time
from sorm_mediator.conformance.checks.state import ends_the_password
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.dialogue import Target, one_of
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.console.client import Crossed
from sorm_mediator.language import Phrase

STOP, WEB, ORDER_268 = Need.STOP, Need.WEB, Need.ORDER_268


async def version(ex: Examiner) -> Crossed:
    """Command 17 and its 2Bh."""
    reply = await ex.executed("get-version")
    units = [unit for unit in reply.data if unit.name == "version-info"]
    ex.require(len(units) == 1, Phrase("one 2Bh"), Phrase("{n} came", n=len(units)))
    return units[0]


@check("9.11.4-1", "2Bh: 44 octets in ASCII", ORDER_268)
async def version_text(ex: Examiner) -> None:
    unit = await version(ex)
    text = unit.raw[10:54]
    holds = len(unit.raw) == 55 and all(0x20 <= one < 0x7F or one in (0x00, 0xFF) for one in text)
    ex.require(holds, Phrase("44 octets of ASCII and one"), text)


@check("9.11.4.2-1", "2Bh: octet 45 is the type of the node, 01h to 03h", ORDER_268)  # fmt: skip
async def node_type(ex: Examiner) -> None:
    ex.fields(await version(ex), station_type=one_of("terminal", "transit", "terminal-transit"))


# --- 21h


async def alarm(ex: Examiner, kind: int) -> None:
    """The node has an alarm of this type: 21h reports it."""
    await ex.web("POST", "mediator/alarm", {"type": kind, "code": 7})
    await ex.message("alarm", alarm_type=kind, alarm_code=7)


async def stopped_by_alarm(ex: Examiner) -> None:
    """The alarm after which the technical means stop."""
    await alarm(ex, 0x01)
    ex.emptied()


@check("9.1.4.1-1", "21h/01h: the technical means stop by themselves", STOP, WEB)  # fmt: skip
async def alarm_1(ex: Examiner) -> None:
    await stopped_by_alarm(ex)
    await ex.rejected("get-ksl", 0x02)


@check("9.1.4.1-2", "21h/01h: start needs the first password", STOP, WEB)  # fmt: skip
async def alarm_1_password(ex: Examiner) -> None:
    await ends_the_password(ex, stopped_by_alarm)
    await ex.executed("start", password=ex.first_password)


async def kept(ex: Examiner, kind: int) -> None:
    """An alarm after which state and tables are unchanged."""
    target = await ex.target()
    await alarm(ex, kind)
    await ex.shown(target.number, number=target.fields["number"])


# --- 22h


async def restarted(ex: Examiner) -> None:
    """The node restarts: 22h comes."""
    await ex.web("POST", "mediator/restart", {})
    await ex.client.wait(lambda: bool(ex.came("restart")) or len(ex.client.connected) < 2, ex.terms.within)
    await ex.connect()  # the restart may have closed the channels
    await ex.message("restart")
    ex.emptied()


@check("9.2.4-1", "after a restart: initial state, commands are rejected as before start", STOP, WEB)
async def initial_state(ex: Examiner) -> None:
    with ex.preparing():
        await restarted(ex)
    await ex.rejected("get-ksl", 0x02)


@check("9.2.4-2", "after a restart: the tables are empty", STOP, WEB)
async def empty_tables(ex: Examiner) -> None:
    target = await ex.target()
    with ex.preparing():
        await restarted(ex)
    await ex.executed("start")
    await ex.not_executed("get-objects", object_number=target.number)


# --- 26h


async def access(ex: Examiner, code: int) -> None:
    """An attempt at an action that is reserved to the console: 26h reports it with its details."""
    await ex.web("POST", "mediator/unauthorized-access", {"code": code, "text": "conformance"})
    unit = await ex.message("unauthorized-access", access_code=code, orm_number=ex.client.orm_number)
    ex.require(b"conformance" in unit.raw[15:], Phrase("octets 6 to 45 tell more"), unit.raw[15:])


async def line_state(ex: Examiner, state: int) -> None:
    """The line of an object is in this state: 23h reports it."""
    target = await ex.target()
    await ex.web("POST", "mediator/line-state", {"object": target.number, "state": state})
    await ex.shown(target.number, line_state=state)


# fmt: off
check("6.17.3-1", "command 17 tells the version of the node's software", ORDER_268)(version)
check("9.1.4.1-3", "21h/02h: the tables are kept", WEB)(
    lambda ex: kept(ex, 0x02))
check("9.1.4.1-4", "21h/03h: the tables are kept", WEB)(
    lambda ex: kept(ex, 0x03))
check("9.1.4.1-5", "21h/04h: the lines have changed, the tables are kept", WEB)(
    lambda ex: kept(ex, 0x04))
check("9.2.3-1", "22h when the node is ready after a restart", STOP, WEB)(restarted)
check("9.2.4-3", "after a restart: command 1 needs the first password", STOP, WEB)(
    lambda ex: ends_the_password(ex, restarted))
check("9.6.4.1-1", "26h/01h: access from a forbidden port", WEB)(
    lambda ex: access(ex, 0x01))
check("9.6.4.1-2", "26h/03h: tables read or written", WEB)(
    lambda ex: access(ex, 0x03))
check("9.6.4.1-3", "26h/04h: the port to the console reassigned", WEB)(
    lambda ex: access(ex, 0x04))
check("9.3.6.4-2", "23h: line state 01h, the line is faulty", WEB)(
    lambda ex: line_state(ex, 0x01))
check("9.3.6.4-3", "23h: line state 03h, the line is blocked", WEB)(
    lambda ex: line_state(ex, 0x03))
check("9.3.6.4-4", "23h: line state 07h, the line is restricted", WEB)(
    lambda ex: line_state(ex, 0x07))
# fmt: on


# --- 2Ah


def trunk_named(ex: Examiner, name: str) -> AbstractAsyncContextManager[None]:
    """The trunk has another name within this context."""
    path = f"switch/domains/{ex.terms.domain}/trunks/{ex.trunk}"
    return ex.web_during("PUT", path, {"name": name}, {"name": ex.terms.trunk_name})


@check("9.10.3-1", "2Ah when the operator changes the name of a trunk", WEB, ORDER_268)  # fmt: skip
async def renamed(ex: Examiner) -> None:
    async with trunk_named(ex, "renamed_trunk"):
        await ex.message("trunk-info", trunk=ex.trunk, name="renamed_trunk")


@check("9.10.5-1", "2Ah: a name over 43 octets goes on in a further message", WEB, ORDER_268)  # fmt: skip
async def long_name(ex: Examiner) -> None:
    name = "trunk_" * 10
    async with trunk_named(ex, name):
        ex.forget()
        reply = await ex.executed("get-trunks", trunk=ex.trunk)
    numbered = reply.numbering
    ex.require(numbered == [(1, 2), (2, 2)], Phrase("1 of 2 and 2 of 2"), numbered)
    whole = "".join(str(unit.fields["name"]) for unit in reply.data)
    ex.require(whole == name, Phrase("the whole name"), whole)


# --- 2Ch: electronic messages of objects, which only the emulated switch sends on request

TEXT = "conformance"
TEXT_AT = 10 + 53
"""Offset of the text in a 2Ch: after the header and octets 1 to 53."""
LONGEST = 245 - 53
"""Octets of the text in one 2Ch."""
SENDER, RECEIVER = "250011234567891", "250011234567892"
"""IMSI of the parties."""


async def sent(ex: Examiner, a: str, b: str, text: str = TEXT, **more: Any) -> None:
    """Send an electronic message; ``more``: its delivery, IMSI of the parties."""
    body: dict[str, Any] = {"from": a, "to": b, "text": text, "delivered": True, **more}
    await ex.web("POST", f"switch/domains/{ex.terms.domain}/messages", body)


async def message_of(ex: Examiner, target: Target, **fields: Any) -> Crossed:
    """2Ch of an object."""
    return await ex.message("electronic-message", where={"object_number": target.number}, **fields)


async def from_object(
    ex: Examiner, *, delivered: bool | None = True, imsi: str = "", **fields: Any
) -> Crossed:
    """2Ch of a message from the object, or whose party with this IMSI is the object, with these values."""
    given = ex.network_fields(imsi, number_sign="imsi") if imsi else ex.object_fields()
    target = await ex.controlled(given)
    await sent(ex, ex.own(0), ex.own(1), delivered=delivered, from_imsi=SENDER, to_imsi=RECEIVER)
    return await message_of(ex, target, **fields)


async def to_object(ex: Examiner) -> Crossed:
    """2Ch of a message to the object."""
    target = await ex.target()
    await sent(ex, ex.own(1), ex.own(0))
    return await message_of(ex, target)


async def octet_15(ex: Examiner, part: tuple[int, Phrase], value: int, message: Awaitable[Crossed]) -> None:
    """A part of octet 15 in a 2Ch has this value."""
    mask, what = part
    octet = (await message).raw[10 + 14]
    text = Phrase("octet 15: {what} {bits}", what=what, bits=format(value // (mask & -mask), "02b"))
    ex.require(octet & mask == value, text, f"{octet:02X}h")


_DIRECTION = (0x03, Phrase("direction"))
_SELECTION = (0x0C, Phrase("selection"))
_DELIVERY = (0x30, Phrase("delivery"))
"""The parts of octet 15: mask and name."""


# fmt: off
check("9.12.4.1-1", "2Ch: object number and type as in command 5", WEB, ORDER_268)(
    lambda ex: from_object(ex, object_type="own-subscriber"))
check("9.12.4.2-1", "2Ch: the number of the sender", WEB, ORDER_268)(
    lambda ex: from_object(ex, sender={"number": ex.own(0)}))
check("9.12.4.12-1", "2Ch: the IMSI of the sender", WEB, ORDER_268)(
    lambda ex: from_object(ex, sender_imsi={"number": SENDER}))
check("9.12.4.15-1", "2Ch: the IMSI of the receiver", WEB, ORDER_268)(
    lambda ex: from_object(ex, receiver_imsi={"number": RECEIVER}))
check("9.12.4.4-8", "2Ch, octet 15: selected by the IMSI of the sender", WEB, ORDER_268)(
    lambda ex: octet_15(ex, _SELECTION, 0x00, from_object(ex, imsi=SENDER)))
check("9.12.4.4-9", "2Ch, octet 15: selected by the IMSI of the receiver", WEB, ORDER_268)(
    lambda ex: octet_15(ex, _SELECTION, 0x0C, from_object(ex, imsi=RECEIVER)))
check("9.12.4.7-1", "2Ch: the number of the receiver", WEB, ORDER_268)(
    lambda ex: from_object(ex, receiver={"number": ex.own(1)}))
check("9.12.4.4-1", "2Ch, octet 15: taken from the object", WEB, ORDER_268)(
    lambda ex: octet_15(ex, _DIRECTION, 0x01, from_object(ex)))
check("9.12.4.4-2", "2Ch, octet 15: addressed to the object", WEB, ORDER_268)(
    lambda ex: octet_15(ex, _DIRECTION, 0x02, to_object(ex)))
check("9.12.4.4-3", "2Ch, octet 15: selected by the number of the sender", WEB, ORDER_268)(
    lambda ex: octet_15(ex, _SELECTION, 0x04, from_object(ex)))
check("9.12.4.4-4", "2Ch, octet 15: selected by the number of the receiver", WEB, ORDER_268)(
    lambda ex: octet_15(ex, _SELECTION, 0x08, to_object(ex)))
check("9.12.4.4-5", "2Ch, octet 15: delivered", WEB, ORDER_268)(
    lambda ex: octet_15(ex, _DELIVERY, 0x10, from_object(ex)))
check("9.12.4.4-6", "2Ch, octet 15: not delivered", WEB, ORDER_268)(
    lambda ex: octet_15(ex, _DELIVERY, 0x20, from_object(ex, delivered=False)))
check("9.12.4.4-7", "2Ch, octet 15: delivery not known", WEB, ORDER_268)(
    lambda ex: octet_15(ex, _DELIVERY, 0x00, from_object(ex, delivered=None)))
# fmt: on


@check("9.12.3-1", "2Ch: the message of an object, with its content", WEB, ORDER_268)  # fmt: skip
async def content(ex: Examiner) -> None:
    content = (await from_object(ex)).raw[TEXT_AT:]
    ex.require(TEXT.encode() in content, Phrase("the text of the message"), content)


@check("9.12.4.6-1", "2Ch: day and time", WEB, ORDER_268)
async def when(ex: Examiner) -> None:
    has_time(ex, await from_object(ex))


@check(
    "9.12.4.17-1",
    "2Ch: longer content in several messages, whose octets 1 to 53 are the same",
    WEB,
    ORDER_268,
)
async def several(ex: Examiner) -> None:
    target = await ex.target()
    text = "0123456789" * 40
    await sent(ex, ex.own(0), ex.own(1), text)
    units = [await message_of(ex, target)]
    while len(units) < int(units[0].fields["total"]):
        units.append(await message_of(ex, target))
    numbered = [(unit.fields["index"], unit.fields["total"]) for unit in units]
    wanted = [(n, len(units)) for n in range(1, len(units) + 1)]
    ex.require(len(units) > 1 and numbered == wanted, Phrase("1 to N of N"), numbered)
    heads = len({unit.raw[10:TEXT_AT] for unit in units})
    ex.require(heads == 1, Phrase("the same octets 1 to 53"), heads)
    longest = max(len(unit.raw) - TEXT_AT for unit in units)
    ex.require(longest <= LONGEST, Phrase("at most 192 octets each"), longest)
    whole = b"".join(unit.raw[TEXT_AT:] for unit in units)
    ex.require(text.encode() in whole, Phrase("the whole text"), len(whole))


@check("9.12.4.18-1", "2Ch: both parties objects: one for each", WEB, ORDER_268)  # fmt: skip
async def both(ex: Examiner) -> None:
    one, two = await ex.target(), await ex.target(ex.own(1))
    await sent(ex, ex.own(0), ex.own(1))
    await message_of(ex, one)
    await message_of(ex, two)
