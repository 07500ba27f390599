"""Rules for all messages of KPD1 and KPD2, checked over the whole examination (8, 9.6, 9.7.3, 10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.conformance.verdicts import Untested
from sorm_mediator.console.client import KPD1, KPD2, Crossed
from sorm_mediator.language import Phrase

ORDER_268 = Need.ORDER_268
PREAMBLE = 0xCC
EVENTS_OF_CALLS = (0x41, 0x42, 0x43, 0x44, 0x51, 0x52)
TEST = 0x53


async def every(ex: Examiner, channel: str, holds: Callable[[Crossed], bool], expected: Phrase) -> None:
    """All messages of a channel since the examination began."""
    if channel == KPD1:
        await ex.command("get-ksl")
    else:
        await ex.command("test", test_number=0x11)
        await ex.event_of_test(0x11)
    units = [one for one in ex.log if one.channel == channel]
    wrong = [one for one in units if len(one.raw) < 10 or not holds(one)]
    sample = wrong[0].raw[:16].hex(" ").upper() if wrong else ""
    came = Phrase("{n} of {all} messages, first {sample}", n=len(wrong), all=len(units), sample=sample)
    ex.require(not wrong, expected, came)


def _numbered(ex: Examiner, one: Crossed) -> bool:
    order = ex.client.codec.options.count_byte_order
    total, index = int.from_bytes(one.raw[4:6], order), int.from_bytes(one.raw[6:8], order)
    return one.raw[2] == 0x27 or 1 <= index <= total


TIME = Phrase("a day of the month and a time of day")


def is_time(value: object) -> bool:
    """Whether the field ``time`` of a message is a valid time."""
    if not isinstance(value, dict):
        return False
    day, hour, minute, second = (int(value.get(name, -1)) for name in ("day", "hour", "minute", "second"))
    return 1 <= day <= 31 and 0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59


def has_time(ex: Examiner, unit: Crossed) -> None:
    """A message must have a day and a time."""
    ex.require(is_time(unit.fields.get("time")), TIME, unit.fields.get("time"))


WRONG = "000000"
"""A wrong password."""


async def unauthorized(
    ex: Examiner, command: str, status: int, given: Mapping[str, Any], **wanted: Any
) -> Crossed:
    """A command with a wrong password or number is not executed. Returns its 26h, which has these values."""
    await ex.not_executed(command, status, **given)
    return await ex.message("unauthorized-access", **wanted)


# fmt: off
check("8.2.1.1-1", "KPD1: every message begins with CCh")(
    lambda ex: every(ex, KPD1, lambda one: one.raw[0] == PREAMBLE, Phrase("octet 1 is CCh")))
check("8.2.1.3-1", "KPD1: the codes are 21h to 2Ch")(
    lambda ex: every(ex, KPD1, lambda one: 0x21 <= one.raw[2] <= 0x2C, Phrase("21h to 2Ch")))
check("8.2.1.4-1", "KPD1: the content is at most 245 octets")(
    lambda ex: every(ex, KPD1, lambda one: one.raw[3] == len(one.raw) - 10 <= 245,
                     Phrase("at most 245")))
check("8.2.1.5-1", "KPD1: count and number of messages are from 1 on; a single one is 1 of 1", ORDER_268)(
    lambda ex: every(ex, KPD1, lambda one: _numbered(ex, one),
                     Phrase("1 <= number <= count")))
check("8.2.1.7-1", "KPD1: the reserve is FFh")(
    lambda ex: every(ex, KPD1, lambda one: one.raw[8] == 0xFF, Phrase("octet 9 is FFh")))
check("8.2.1.8-1", "KPD1: the version of requirements is 02h", ORDER_268)(
    lambda ex: every(ex, KPD1, lambda one: one.raw[9] == 0x02, Phrase("octet 10 is 02h")))
check("10.2.1.1-1", "KPD2: every message begins with CCh, the number of the technical means and its code")(
    lambda ex: every(ex, KPD2, lambda one: one.raw[0] == PREAMBLE and one.raw[2] in (*EVENTS_OF_CALLS, TEST),
                     Phrase("CCh, a code of KPD2")))
check("10.2.1.4-1", "KPD2: a message of a call has 36 octets of content")(
    lambda ex: every(ex, KPD2, lambda one: len(one.raw) - 12 == one.raw[3] == (3 if one.raw[2] == TEST else 36),
                     Phrase("36 octets, 53h 3")))
check("10.2.1.7-1", "KPD2: bits D7 and D6 of the parameters of the connection are 0")(
    lambda ex: every(ex, KPD2, lambda one: one.raw[2] == TEST or one.raw[10] & 0xC0 == 0,
                     Phrase("D7 = D6 = 0")))
check("10.3.1.7-1", "KPD2: day and time of a call's messages are a time")(
    lambda ex: every(ex, KPD2, lambda one: one.raw[2] == TEST or is_time(one.fields.get("time")), TIME))
check("10.3.1.11-1", "KPD2: octets 33 to 36 are FFh but in 44h")(
    lambda ex: every(ex, KPD2, lambda one: one.raw[2] in (0x44, TEST) or one.raw[44:48] == b"\xff" * 4,
                     Phrase("octets 33 to 36 are FFh")))
# fmt: on


@check("8.2.1.6-1", "KPD1: a receipt is message 1 of 1", ORDER_268)  # fmt: skip
async def numbering_of_27h(ex: Examiner) -> None:
    receipt = (await ex.command("get-ksl")).receipt
    values = (receipt.fields["index"], receipt.fields["total"]) if receipt else ()
    ex.require(values == (1, 1), Phrase("27h is 1 of 1"), values)


@check("9.7.3-1", "27h comes within 400 ms: the longest of the examination")  # fmt: skip
async def time_of_27h(ex: Examiner) -> None:
    reply = await ex.command("get-ksl")
    ex.judge(reply, "accepted" if reply.execution is None else reply.outcome[0], reply.outcome[1])
    if ex.slowest is None:
        raise Untested(Phrase("no 27h came"))
    ms, slowest = ex.slowest
    commands = (one for one in reversed(ex.client.log) if one.outbound and one.time == slowest.sent.time)
    ex.shown_instead(next(commands, None), slowest.receipt)
    ex.within_limit(ms, 400, Phrase("27h of command {n}", n=slowest.sent.code))


@check("9.6.4-1", "26h has 45 octets, with day and time of the event")  # fmt: skip
async def layout_of_26h(ex: Examiner) -> None:
    unit = await unauthorized(ex, "get-ksl", 0x03, {"password": WRONG})
    ex.require(len(unit.raw) == 55, Phrase("45 octets"), len(unit.raw) - 10)
    has_time(ex, unit)


# --- the low octet is the first one


def low_first(ex: Examiner, octets: bytes, value: int) -> None:
    """Two octets are a number, the low one first."""
    ex.require(octets == value.to_bytes(2, "little"), Phrase("the low octet first"), octets)


@check("8.5-1", "KPD1: of a number in two octets the low one is the first")  # fmt: skip
async def low_octet_in_23h(ex: Examiner) -> None:
    number = (await ex.target()).number
    low_first(ex, (await ex.executed("get-objects", object_number=number)).payload[:2], number)


@check("10.4.1-1", "KPD2: of a number in two octets the low one is the first", Need.CALLS)  # fmt: skip
async def low_octet_in_41h(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call()
    unit = await ex.event(target, "number-received")
    low_first(ex, unit.raw[7:9], target.number)
