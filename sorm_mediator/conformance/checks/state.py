"""Starting and stopping, the password, access, the sequence of commands (6.1 to 6.3, 7, 8.2.1.2)."""

from __future__ import annotations

from typing import Any

from sorm_mediator.conformance.checks.messages import WRONG, unauthorized
from sorm_mediator.conformance.declaration import Dialogue, Need, check
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.conformance.verdicts import Failed
from sorm_mediator.language import Phrase

STOP, CALLS, ORDER_268, WEB = Need.STOP, Need.CALLS, Need.ORDER_268, Need.WEB


@check("6.1.3-1", "command 1 starts the technical means", STOP)
async def start(ex: Examiner) -> None:
    await ex.stop()
    await ex.executed("start")
    await ex.executed("set-password", new_password=ex.client.password)


@check("6.1.3-2", "command 1 gives the technical means their number", STOP)  # fmt: skip
async def start_gives_the_number(ex: Examiner) -> None:
    await ex.stop()
    number = ex.other_orm_number
    ex.expects_outcome(1, "executed")
    reply = await ex.command("start", orm_number=number)
    if reply.outcome[1] in (0x05, 0x18):
        ex.deviates("orm_number_from_start", Phrase("another number is refused"))
    ex.judge_outcome(reply, "executed")
    ex.client.orm_number = number
    assert reply.execution is not None
    ex.fields(reply.execution, orm_number=number)
    again = await ex.executed("set-password", new_password=ex.client.password)
    assert again.receipt is not None
    ex.fields(again.receipt, orm_number=number)


@check("6.2.3-1", "command 2 stops: after it commands are rejected as before start", STOP)  # fmt: skip
async def stop(ex: Examiner) -> None:
    await ex.executed("stop")
    await ex.rejected("get-ksl", 0x02)


async def stopped_with_another_password(ex: Examiner, stops: Dialogue) -> str:
    """Preparation: command 3 sets another password, then the technical means stop. Returns that password."""
    new = ex.other_password
    await ex.prepare("set-password", new_password=new)
    with ex.preparing():
        await stops(ex)
    ex.client.password = ex.first_password
    return new


async def ends_the_password(ex: Examiner, stops: Dialogue) -> None:
    """After this stop the password of command 3 holds no more."""
    await ex.not_executed("start", 0x03, password=await stopped_with_another_password(ex, stops))


@check("6.2.3-2", "after command 2 the first password holds again", STOP)  # fmt: skip
async def stop_sets_the_first_password(ex: Examiner) -> None:
    await stopped_with_another_password(ex, lambda ex: ex.executed("stop"))
    await ex.executed("start", password=ex.first_password)
    await ex.executed("set-password", new_password=ex.first_password)


@check("6.2.4-1", "command 2 deletes the table of objects", STOP)  # fmt: skip
async def stop_deletes_objects(ex: Examiner) -> None:
    target = await ex.target()
    await ex.prepare("stop")
    await ex.prepare("start")
    await ex.not_executed("get-objects", object_number=target.number)


@check("6.2.4-2", "command 2 deletes the table of KSL groups", STOP)
async def stop_deletes_groups(ex: Examiner) -> None:
    group = await ex.group()
    await ex.prepare("stop")
    await ex.prepare("start")
    await ex.not_executed("get-ksl", ksl_group=group.number)


@check("6.2.4-3", "command 2 in a call under full control: 52h/06h after 27h", STOP, CALLS)  # fmt: skip
async def stop_in_a_call(ex: Examiner) -> None:
    group, target = await ex.controlled_group()
    await ex.talking(target)
    reply = await ex.executed("stop")
    released = await ex.event(target, "ksl-released", operation=6, ksl_a=group.a())
    if ex.link == "tcp":
        ex.comes_after(released, reply.receipt, Phrase("52h after 27h"), Phrase("52h came before 27h"))


@check("6.2.4-4", "after the 28h of command 2 nothing comes on KPD1 and KPD2", STOP, CALLS)  # fmt: skip
async def nothing_after_stop(ex: Examiner) -> None:
    call, _ = await ex.talking(await ex.target())
    await ex.executed("stop")
    await ex.hang_up(call)
    await ex.nothing(Phrase("nothing further"), lambda one: one.answers is None)


@check("6.3.3-1", "command 3 sets a password that then holds")  # fmt: skip
async def set_password(ex: Examiner) -> None:
    new = ex.other_password
    await ex.executed("set-password", new_password=new)
    await ex.executed("set-password", new_password=new, password=new)


@check("6.3.3-2", "after command 3 the old password holds no more")  # fmt: skip
async def old_password(ex: Examiner) -> None:
    old = ex.client.password
    await ex.prepare("set-password", new_password=ex.other_password)
    await ex.not_executed("get-ksl", 0x03, password=old)


@check("6.3.3-3", "command 3 with a wrong password: accepted, not executed, the password stays")  # fmt: skip
async def set_password_by_a_stranger(ex: Examiner) -> None:
    await ex.not_executed("set-password", 0x03, new_password=ex.other_password, password=WRONG)
    await ex.executed("set-password", new_password=ex.client.password)


# --- appendix 7


async def in_turn(
    ex: Examiner, fields: dict[str, Any], asked: tuple[str, dict[str, Any]], wanted: str
) -> None:
    """The receipt of a second command, with this outcome, comes after the execution of a command 5."""
    first, second = await ex.together(("add-object", fields), asked)
    ex.judge(first, "executed")
    ex.judge(second, wanted)
    assert second.receipt is not None
    text = Phrase("27h of the second command after the end of the first")
    ex.comes_after(second.receipt, first.execution, text, Phrase("27h of the second came before"))


@check("7.1-1", "a command that comes while another is carried out is taken when that one is over")
async def one_at_a_time(ex: Examiner) -> None:
    fields = ex.object_fields()
    await in_turn(ex, fields, ("get-objects", {"object_number": fields["object_number"]}), "executed")


@check("7.1-2", "the same while the switch lets a command wait", WEB)  # fmt: skip
async def one_at_a_time_slowly(ex: Examiner) -> None:
    async with ex.slow_switch(0.3):
        await in_turn(ex, ex.object_fields(), ("get-ksl", {"ksl_group": ex.free_group()}), "not-executed")


@check("7.1-3", "after a rejected command the next one is taken")  # fmt: skip
async def after_a_rejected_one(ex: Examiner) -> None:
    await ex.rejected(ex.octets(0x04, b"\x01"))
    await ex.executed("set-password", new_password=ex.client.password)


async def above(ex: Examiner, name: str, **fields: Any) -> None:
    """A command whose answer comes before the end of command 5, which the switch delays."""
    added = ex.object_fields()
    if name.endswith("-ksl"):  # for a call and an object that do not exist
        fields |= {"call_number": 0xFFF0, "object_type": "own-subscriber", "object_number": ex.free_object()}
    async with ex.slow_switch(0.3):
        running, prior = await ex.together(("add-object", added), (name, fields))
    ex.judge(running, "executed")
    came = Phrase("it was not")
    if prior.receipt is None or prior.receipt.fields["status"]:
        raise Failed(came)
    text = Phrase("27h of the second command before 28h of the first")
    ex.comes_after(running.execution, prior.receipt, text, came)


_OBJECT = {"object_number": 40000, "object_type": "own-subscriber"}
_OWN = {"number_sign": None, "number": "28331"}  # the order's sign
_CONTROL = {"category": "statistical", "ksl_group": None, "priority": "normal"}
_KSL: dict[str, Any] = {"ksl_group": 1, "ksl_a": {"stream": 0, "ksl": 1}, "ksl_b": None}
_ANY: dict[int, tuple[str, dict[str, Any]]] = {
    2: ("stop", {}),
    3: ("set-password", {"new_password": "654321"}),  # nosec B105 # of an examination
    4: ("add-ksl", {**_KSL, "group_type": "combined"}),
    5: ("add-object", {**_OBJECT, **_OWN, "trunk": None, **_CONTROL}),
    6: ("remove-object", {**_OBJECT, **_OWN, "trunk": None}),
    7: ("connect-ksl", {"call_number": 1, **_OBJECT, "ksl_group": 1}),
    8: ("release-ksl", {"call_number": 1, **_OBJECT}),
    9: ("remove-ksl", _KSL),
    10: ("get-objects", {}),
    11: ("get-ksl", {}),
    12: ("get-services", _OWN),
    13: ("interrupt", {}),
    14: ("test", {"test_number": 1}),
    15: ("change-object", {"object_number": 40000, **_CONTROL}),
    16: ("get-trunks", {"trunk": 2}),
    17: ("get-version", {}),
}
"""Each command except the first, with fields."""


def _before_start(code: int, name: str, fields: dict[str, Any]) -> None:
    needs = (STOP, ORDER_268) if code > 15 else (STOP,)
    eltex = ("version_before_start", "executed") if code == 17 else None

    @check(f"7.3-{code}", "command {n} before start: 27h/02h", *needs, n=code)
    async def rejected(ex: Examiner) -> None:
        sign = {"number_sign": ex.own_sign} if "number_sign" in fields else {}
        await ex.stop()
        await ex.rejected(name, 0x02, eltex=eltex, **{**fields, **sign})


for _code, (_name, _fields) in _ANY.items():
    _before_start(_code, _name, _fields)


def object_octets(ex: Examiner, place: int, value: int) -> bytes:
    """Command 5 for an own subscriber under statistical control, with the octet of this number changed."""
    number = ex.own()
    digits = bytes.fromhex(number.ljust(18, "f"))
    packed = bytes((octet & 0x0F) << 4 | octet >> 4 for octet in digits)
    payload = bytearray(ex.free_object().to_bytes(2, "little"))
    payload += bytes((0x01, 0x01, len(number))) + packed + b"\xff\xff" + bytes((0x02, 0xFF, 0x02))
    payload[place - 1] = value
    return ex.octets(0x05, bytes(payload))


async def repeats_the_code(ex: Examiner, name: str) -> None:
    """The message of this name in the answer to a command has the code of the command."""
    reply = await ex.command("get-ksl")
    message = reply.first(name)
    holds = message is not None and message.fields["command"] == reply.sent.code
    ex.require(holds, Phrase("the code of the command"), Phrase("no message with it"))


# fmt: off
check("6.1.4-1", "command 1 while running: accepted, not executed, 28h/07h")(
    lambda ex: ex.not_executed("start", 0x07))
check("6.2.3-3", "after command 2 the password of command 3 holds no more", STOP)(
    lambda ex: ends_the_password(ex, lambda ex: ex.executed("stop")))
check("7.2-1", "command 14 is taken above a running command", WEB)(
    lambda ex: above(ex, "test", test_number=0x21))
check("7.2-2", "command 13 is taken above a running command", WEB)(
    lambda ex: above(ex, "interrupt"))
check("7.2-3", "command 7 is taken above a running command", WEB)(
    lambda ex: above(ex, "connect-ksl", ksl_group=1))
check("7.2-4", "command 8 is taken above a running command", WEB)(
    lambda ex: above(ex, "release-ksl", ksl_a=None, ksl_b=None))
check("7.4-1", "a command of a wrong length: 27h/01h")(
    lambda ex: ex.rejected(ex.octets(0x0B, b"\xff\xff\xff")))
check("7.4-2", "a code that no command has: 27h/01h")(
    lambda ex: ex.rejected(ex.octets(0x1F, b"")))
check("7.4-3", "command 4 with a group type that the order does not have: 27h/01h")(
    lambda ex: ex.rejected(ex.octets(0x04, bytes((ex.free_group(), 0x05, 0x01, 0xFF)))))
check("7.4-4", "command 5 with an object type that the order does not have: 27h/01h")(
    lambda ex: ex.rejected(object_octets(ex, 3, 0x09)))
check("7.4-5", "command 5 with a number sign that the order does not have: 27h/01h")(
    lambda ex: ex.rejected(object_octets(ex, 4, 0x0A)))
check("7.4-6", "command 5 with a category that the order does not have: 27h/01h")(
    lambda ex: ex.rejected(object_octets(ex, 17, 0x03)))
check("7.4-7", "command 5 with a priority that the order does not have: 27h/01h")(
    lambda ex: ex.rejected(object_octets(ex, 19, 0x05)))
check("7.4-8", "command 5 with a count of 19 digits: 27h/01h")(
    lambda ex: ex.rejected(object_octets(ex, 5, 0x13)))
check("7.4-9", "command 5 with half-octets that are no digits: 27h/01h")(
    lambda ex: ex.rejected(object_octets(ex, 6, 0xEE)))
check("7.4-10", "command 5 with a count of digits that the number has not: 27h/01h")(
    lambda ex: ex.rejected(object_octets(ex, 5, 0x0C)))
check("7.6-1", "a wrong password: 27h/00h, 28h/03h and 26h/02h")(
    lambda ex: unauthorized(ex, "get-ksl", 0x03, {"password": WRONG}, access_code=0x02))
check("7.6-2", "a wrong number of the technical means: 27h/00h, 28h/05h and 26h/05h")(
    lambda ex: unauthorized(ex, "get-ksl", 0x05, {"orm_number": ex.other_orm_number}, access_code=0x05))
check("8.2.1.2-2", "26h has the number of the last command 1")(
    lambda ex: unauthorized(ex, "get-ksl", 0x03, {"password": WRONG}, orm_number=ex.client.orm_number))
check("9.7.4-1", "27h repeats the code of the command")(
    lambda ex: repeats_the_code(ex, "command-received"))
check("9.8.4-1", "28h repeats the code of the command")(
    lambda ex: repeats_the_code(ex, "command-executed"))
# fmt: on


@check("7.5-1", "a command with a wrong password is accepted and not carried out")  # fmt: skip
async def not_carried_out(ex: Examiner) -> None:
    fields = {"ksl_group": ex.free_group(), "group_type": "combined", "ksl_a": ex.free_line()}
    await ex.not_executed("add-ksl", 0x03, password=WRONG, **fields, ksl_b=fields["ksl_a"])
    await ex.not_executed("get-ksl", ksl_group=fields["ksl_group"])


@check("7.6-3", "message 6 follows message 8")
async def place_of_access(ex: Examiner) -> None:
    reply = await ex.not_executed("get-ksl", 0x03, password=WRONG)
    access = await ex.message("unauthorized-access")
    ex.comes_after(access, reply.execution, Phrase("26h after 28h"), Phrase("26h came before 28h"))


@check("8.2.1.2-1", "before start 27h repeats the number of the command", STOP)  # fmt: skip
async def number_before_start(ex: Examiner) -> None:
    await ex.stop()
    reply = await ex.rejected("get-ksl", 0x02, orm_number=ex.other_orm_number)
    assert reply.receipt is not None
    ex.fields(reply.receipt, orm_number=ex.other_orm_number)
