"""Requests for objects, services and trunks, interrupted answers (6.10, 6.12, 6.13, 6.16, 9.3, 9.5, 9.10)."""

from __future__ import annotations

from typing import Any

from sorm_mediator.conformance.declaration import Dialogue, Need, check
from sorm_mediator.conformance.dialogue import OBJECT, Reply, Target, one_of
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.conformance.verdicts import Untested
from sorm_mediator.language import Phrase

ORDER_268, WEB = Need.ORDER_268, Need.WEB
OTHER_NUMBER = "440000000001"
"""A number that no check puts under control."""


async def three(ex: Examiner) -> tuple[Target, Target, Target]:
    """An own subscriber and two of the network, the second with leading digits."""
    own, full = await ex.target(), await ex.controlled(ex.network_fields())
    return own, full, await ex.controlled(ex.partial_fields())


async def found(ex: Examiner, targets: tuple[Target, ...], others: tuple[Target, ...], **asked: Any) -> None:
    """Command 10 reports these objects and not the others."""
    reply = await ex.executed("get-objects", **asked)
    have = [unit.fields["object_number"] for unit in reply.data if unit.name == "object-info"]
    want = [target.number for target in targets]
    text = Phrase("23h of {want}", want=", ".join(map(str, want)))
    came = Phrase("23h of {have}", have=", ".join(map(str, have)) or "-")
    ex.require(set(want) <= set(have) and not {one.number for one in others} & set(have), text, came)


def asked_for(*places: int, **asked: Any) -> Dialogue:
    """Of three objects, those at these indices are found. A function as value takes examiner and objects."""

    async def dialogue(ex: Examiner) -> None:
        objects = await three(ex)
        wanted = tuple(objects[place] for place in places)
        others = tuple(one for one in objects if one not in wanted)
        values = {key: value(ex, objects) if callable(value) else value for key, value in asked.items()}
        await found(ex, wanted, others, **values)

    return dialogue


async def echoed(ex: Examiner, **asked: Any) -> None:
    """Nothing is found: 23h with the requested values and FFh in all other fields, then 28h/01h."""
    reply = await ex.not_executed("get-objects", **asked)
    alone = len(reply.data) == 1 and reply.data[0].name == "object-info"
    ex.require(alone, Phrase("one 23h"), Phrase("{n} messages", n=len(reply.data)))
    ex.fields(reply.data[0], **{**dict.fromkeys(OBJECT), "line_state": 0xFF, **asked})


async def in_23h(ex: Examiner, fields: dict[str, Any], **wanted: Any) -> None:
    """The 23h of an object has these values."""
    await ex.shown((await ex.controlled(fields)).number, **wanted)


# fmt: off
check("6.10.4-1", "several fields given: the objects that fit all of them")(
    asked_for(1, object_type="network-full", number_sign=lambda ex, _: ex.network_sign))
check("6.10.5-1", "no field given: all objects")(
    asked_for(0, 1, 2))
check("6.10.7.1-1", "object number given: this object")(
    asked_for(1, object_number=lambda _, objects: objects[1].number))
check("6.10.7.2-1", "object type given: the objects of this type")(
    asked_for(2, object_type="network-partial"))
check("6.10.7.3-1", "number sign given: the objects with this sign")(
    asked_for(1, 2, number_sign=lambda ex, _: ex.network_sign))
check("6.10.7.5-1", "number given: the object with this number")(
    asked_for(1, number=lambda _, objects: objects[1].fields["number"]))
check("6.10.6-1", "an object number that is not there: 23h with the values asked for, 28h/01h")(
    lambda ex: echoed(ex, object_number=ex.free_object()))
check("6.10.6-2", "a number that is not there: 23h with the values asked for, 28h/01h")(
    lambda ex: echoed(ex, number_sign=ex.foreign_sign, number=OTHER_NUMBER))
check("6.10.7.6-2", "number and trunk exclude each other: refused")(
    lambda ex: ex.refused("get-objects", number_sign=ex.foreign_sign, number=OTHER_NUMBER, trunk=1))
check("6.12.3-2", "command 12 for who is not a subscriber of the node is not executed")(
    lambda ex: ex.refused("get-services", number_sign=ex.foreign_sign, number=OTHER_NUMBER))
check("6.12.4-1", "command 12 without a number: 27h/01h")(
    lambda ex: ex.rejected("get-services", number_sign=ex.own_sign, number=None))
check("6.13.3-1", "command 13 without a running output: accepted, not executed")(
    lambda ex: ex.not_executed("interrupt"))
check("6.16.5-3", "command 16 for a trunk that is not there is not executed", ORDER_268)(
    lambda ex: ex.refused("get-trunks", trunk=0xFFF0))
check("9.3.6.3-1", "23h: the trunk is FFFFh but for type 03h")(
    lambda ex: in_23h(ex, ex.object_fields(), trunk=None))
check("9.3.6.3-2", "23h of a trunk: number FFh, its conditional number")(
    lambda ex: in_23h(ex, ex.trunk_fields(), trunk=ex.trunk, number=None, number_sign=None, object_type="trunk"))
check("9.3.6.4-1", "23h: the state of the line is 00h, 01h, 03h, 07h or FFh")(
    lambda ex: in_23h(ex, ex.object_fields(), line_state=one_of(0x00, 0x01, 0x03, 0x07, 0xFF)))
# fmt: on


def count_alone(ex: Examiner, digits: int) -> bytes:
    """Command 10 with only a count of digits."""
    return ex.octets(0x0A, b"\xff\xff\xff\xff" + bytes((digits,)) + b"\xff" * 11)


@check("6.10.7.4-1", "count of digits given: the objects with so many digits")  # fmt: skip
async def by_count(ex: Examiner) -> None:
    own = await ex.target()
    full = await ex.controlled(ex.network_fields("44123456789012", number_sign=ex.foreign_sign))
    reply = await ex.executed(count_alone(ex, 14))
    have = [unit.fields["object_number"] for unit in reply.data]
    holds = full.number in have and own.number not in have
    ex.require(holds, Phrase("23h of the object with 14 digits alone"), have)


@check("6.10.7.6-1", "trunk given: the object that is this trunk")
async def by_trunk(ex: Examiner) -> None:
    own, trunk = await ex.target(), await ex.controlled(ex.trunk_fields())
    await found(ex, (trunk,), (own,), trunk=ex.trunk)


@check("6.10.4-2", "fields that fit different objects find none: 28h/01h")  # fmt: skip
async def by_contradiction(ex: Examiner) -> None:
    one, two, _ = await three(ex)
    await ex.not_executed("get-objects", object_number=one.number, number=two.fields["number"])


@check("6.10.6-3", "a count of digits that no object has: 23h with the count, 28h/01h")  # fmt: skip
async def none_by_count(ex: Examiner) -> None:
    payload = (await ex.not_executed(count_alone(ex, 17))).payload
    text = Phrase("23h whose octet 5 is 17, all else FFh")
    ex.require(payload == b"\xff" * 4 + b"\x11" + b"\xff" * 15, text, payload or "-")


@check("9.3.4-1", "several 23h are numbered from 1 to N of N")
async def several_23h(ex: Examiner) -> None:
    await three(ex)
    numbered = (await ex.executed("get-objects")).numbering
    text = Phrase("1 to N of N")
    ex.require(numbered == [(n, len(numbered)) for n in range(1, len(numbered) + 1)], text, numbered)


# --- services


@check("6.12.3-1", "command 12 tells the services of a subscriber who is not on control")  # fmt: skip
async def services(ex: Examiner) -> None:
    reply = await ex.executed("get-services", number_sign=ex.own_sign, number=ex.own(0))
    holds = bool(reply.data) and reply.data[0].name == "services-info"
    ex.require(holds, Phrase("25h of this subscriber"), Phrase("{n} messages", n=len(reply.data)))
    ex.fields(reply.data[0], number=ex.own(0), number_sign=ex.own_sign)


@check("9.5.4-1", "25h has at most 45 octets, and its length is that of its services")  # fmt: skip
async def length_of_25h(ex: Examiner) -> None:
    for number in ex.terms.own[:6]:
        reply = await ex.executed("get-services", number_sign=ex.own_sign, number=number)
        for unit in reply.data:
            length = len(unit.raw) - 10
            came = Phrase("{n} octets", n=length)
            ex.require(12 <= length <= 45, Phrase("12 + 3n octets, at most 45"), came)


@check("9.5.5.3-1", "no services: executed, 25h with count 0 and 45 octets")  # fmt: skip
async def no_services(ex: Examiner) -> None:
    for number in ex.terms.own:
        reply = await ex.command("get-services", number_sign=ex.own_sign, number=number)
        unit = reply.first("services-info")
        if reply.outcome[0] == "executed" and unit is not None and unit.raw[10 + 11] > 0:
            continue
        ex.judge(reply, "executed")
        payload = unit.raw[10:] if unit is not None else b""
        text = Phrase("count 0, then FFh up to octet 45")
        holds = len(payload) == 45 and payload[11] == 0 and set(payload[12:]) == {0xFF}
        ex.require(holds, text, payload or "-")
        return
    raise Untested(Phrase("every subscriber told has services"))


@check("6.13.3-2", "command 13 ends a running output", WEB)
async def interrupt(ex: Examiner) -> None:
    asked = {"number_sign": ex.own_sign, "number": ex.own()}
    async with ex.slow_switch(0.5):
        running, stopping = await ex.together(("get-services", asked), ("interrupt", {}))
    ex.judge(stopping, "executed")
    ex.judge(running, "not-executed")
    ex.require(not running.data, Phrase("no 25h"), Phrase("25h came"))


# --- trunks


def trunks_of(reply: Reply) -> list[int]:
    """The trunks reported by 2Ah."""
    return [unit.fields["trunk"] for unit in reply.data if unit.name == "trunk-info"]


@check("6.16.5-1", "command 16 tells the name of a trunk", ORDER_268)
async def trunk_name(ex: Examiner) -> None:
    have = trunks_of(await ex.executed("get-trunks", trunk=ex.trunk))
    ex.require(set(have) == {ex.trunk}, Phrase("2Ah of this trunk"), have)


@check("6.16.5-2", "command 16 with FFFFh tells the names of all trunks", ORDER_268)  # fmt: skip
async def all_trunks(ex: Examiner) -> None:
    wanted = ex.trunk
    have = trunks_of(await ex.executed("get-trunks", trunk=None))
    ex.require(wanted in have, Phrase("2Ah of trunk {n} among all", n=wanted), have)


@check("9.10.4-1", "2Ah has 45 octets: the number and 43 of the name", ORDER_268)  # fmt: skip
async def length_of_2ah(ex: Examiner) -> None:
    reply = await ex.executed("get-trunks", trunk=ex.trunk)
    lengths = [len(unit.raw) - 10 for unit in reply.data]
    ex.require(set(lengths) == {45}, Phrase("45 octets"), lengths)
