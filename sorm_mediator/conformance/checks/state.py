"""Starting and stopping, the password, who is let in, the sequence of commands (6.1 to 6.3, 7, 8.2.1.2)."""

from __future__ import annotations

from typing import Any

from protocol.language import Phrase
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.dialogue import Reply
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.console.client import Crossed

STOP, CALLS, ORDER_268, WEB = Need.STOP, Need.CALLS, Need.ORDER_268, Need.WEB
WRONG = "000000"


def other_password(ex: Examiner) -> str:
    """Six characters that are not the password in force."""
    return "654321" if ex.client.password != "654321" else "135790"  # noqa: S105 - of an examination


def other_number(ex: Examiner) -> int:
    """A number that is not that of the technical means."""
    return (ex.orm_number + 1) % 0x100


@check("6.1.3-1", "command 1 starts the technical means", "команда 1 запускает технические средства", STOP)
async def start(ex: Examiner) -> None:
    await ex.stop()
    await ex.executed("start")
    await ex.executed("set-password", new_password=ex.client.password)


@check("6.1.3-2", "command 1 gives the technical means their number",
       "команда 1 задаёт номер технических средств", STOP)  # fmt: skip
async def start_gives_the_number(ex: Examiner) -> None:
    await ex.stop()
    number = other_number(ex)
    reply = await ex.command("start", orm_number=number)
    ex.expects_outcome(1, "executed")
    if reply.outcome[1] in (0x05, 0x18):
        ex.deviates("orm_number_from_start", Phrase("another number is refused", "другой номер не принят"))
    ex.judge_outcome(reply, "executed")
    ex.client.orm_number = number
    assert reply.execution is not None
    ex.fields(reply.execution, orm_number=number)
    again = await ex.executed("set-password", new_password=ex.client.password)
    assert again.receipt is not None
    ex.fields(again.receipt, orm_number=number)


@check("6.1.4-1", "command 1 while running: accepted, not executed, 28h/07h",
       "команда 1 при работающих средствах: принята, не выполнена, 28h/07h")  # fmt: skip
async def start_while_running(ex: Examiner) -> None:
    await ex.not_executed("start", 0x07)


@check("6.2.3-1", "command 2 stops: after it commands are rejected as before start",
       "команда 2 останавливает: после неё команды отвергаются, как до запуска", STOP)  # fmt: skip
async def stop(ex: Examiner) -> None:
    await ex.executed("stop")
    await ex.rejected("get-ksl", 0x02)


@check("6.2.3-2", "after command 2 the first password holds again",
       "после команды 2 действует первоначальный пароль", STOP)  # fmt: skip
async def stop_sets_the_first_password(ex: Examiner) -> None:
    await ex.prepare("set-password", new_password=other_password(ex))
    await ex.prepare("stop")
    ex.client.password = ex.first_password
    await ex.executed("start", password=ex.first_password)
    await ex.executed("set-password", new_password=ex.first_password)


@check("6.2.3-3", "after command 2 the password of command 3 holds no more",
       "после команды 2 пароль, заданный командой 3, не действует", STOP)  # fmt: skip
async def stop_ends_the_password(ex: Examiner) -> None:
    new = other_password(ex)
    await ex.prepare("set-password", new_password=new)
    await ex.prepare("stop")
    ex.client.password = ex.first_password
    await ex.not_executed("start", 0x03, password=new)


@check(
    "6.2.4-1", "command 2 deletes the table of objects", "команда 2 удаляет таблицу объектов контроля", STOP
)
async def stop_deletes_objects(ex: Examiner) -> None:
    target = await ex.target()
    await ex.prepare("stop")
    await ex.prepare("start")
    await ex.not_executed("get-objects", object_number=target.number)


@check("6.2.4-2", "command 2 deletes the table of KSL groups", "команда 2 удаляет таблицу групп КСЛ", STOP)
async def stop_deletes_groups(ex: Examiner) -> None:
    group = await ex.group()
    await ex.prepare("stop")
    await ex.prepare("start")
    await ex.not_executed("get-ksl", ksl_group=group.number)


@check("6.2.4-3", "command 2 in a call under full control: 52h/06h after 27h",
       "команда 2 при полном контроле соединения: 52h/06h после 27h", STOP, CALLS)  # fmt: skip
async def stop_in_a_call(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received")
        await ex.event(target, "answer")
    reply = await ex.executed("stop")
    released = await ex.event(target, "ksl-released", operation=6, ksl_a=group.a())
    assert reply.receipt is not None
    if ex.link == "tcp":
        text = Phrase("52h after 27h", "52h после 27h")
        ex.require(
            released.time >= reply.receipt.time, text, Phrase("52h came before 27h", "52h пришло до 27h")
        )


@check("6.2.4-4", "after the 28h of command 2 nothing comes on KPD1 and KPD2",
       "после 28h на команду 2 по КПД1 и КПД2 ничего не выдаётся", STOP, CALLS)  # fmt: skip
async def nothing_after_stop(ex: Examiner) -> None:
    target = await ex.target()
    call = await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received")
        await ex.event(target, "answer")
    await ex.executed("stop")
    await ex.hang_up(call)
    await ex.nothing(Phrase("nothing further", "больше ничего"), lambda one: one.answers is None)


@check(
    "6.3.3-1", "command 3 sets a password that then holds", "команда 3 задаёт пароль, который затем действует"
)
async def set_password(ex: Examiner) -> None:
    new = other_password(ex)
    await ex.executed("set-password", new_password=new)
    await ex.executed("set-password", new_password=new, password=new)


@check(
    "6.3.3-2", "after command 3 the old password holds no more", "после команды 3 прежний пароль не действует"
)
async def old_password(ex: Examiner) -> None:
    old = ex.client.password
    await ex.prepare("set-password", new_password=other_password(ex))
    await ex.not_executed("get-ksl", 0x03, password=old)


@check("6.3.3-3", "command 3 with a wrong password: accepted, not executed, the password stays",
       "команда 3 с неверным паролем: принята, не выполнена, пароль прежний")  # fmt: skip
async def set_password_by_a_stranger(ex: Examiner) -> None:
    await ex.not_executed("set-password", 0x03, new_password=other_password(ex), password=WRONG)
    await ex.executed("set-password", new_password=ex.client.password)


# --- appendix 7


@check("7.1-1", "a command that comes while another is carried out is taken when that one is over",
       "команда, пришедшая во время исполнения другой, принимается после её завершения")  # fmt: skip
async def one_at_a_time(ex: Examiner) -> None:
    fields = ex.object_fields()
    first, second = await ex.together(
        ("add-object", fields), ("get-objects", {"object_number": fields["object_number"]})
    )
    ex.judge(first, "executed")
    ex.judge(second, "executed")
    in_turn(ex, first, second)


@check("7.1-2", "the same while the switch lets a command wait",
       "то же, пока узел связи выполняет предыдущую команду", WEB)  # fmt: skip
async def one_at_a_time_slowly(ex: Examiner) -> None:
    fields = ex.object_fields()
    async with ex.slow_switch(0.3):
        first, second = await ex.together(("add-object", fields), ("get-ksl", {"ksl_group": ex.free_group()}))
    ex.judge(first, "executed")
    ex.judge(second, "not-executed")
    in_turn(ex, first, second)


def in_turn(ex: Examiner, first: Reply, second: Reply) -> None:
    """The receipt of the second command comes after the execution of the first."""
    text = Phrase(
        "27h of the second command after the end of the first", "27h второй команды после конца первой"
    )
    assert first.execution is not None
    assert second.receipt is not None
    place = {id(one): index for index, one in enumerate(ex.log)}
    ex.require(
        place[id(first.execution)] < place[id(second.receipt)], text,
        Phrase("27h of the second came before", "27h второй команды пришло раньше"),
    )  # fmt: skip


@check(
    "7.1-3",
    "after a rejected command the next one is taken",
    "после отвергнутой команды принимается следующая",
)
async def after_a_rejected_one(ex: Examiner) -> None:
    await ex.rejected(unit(ex, 0x04, b"\x01"))
    await ex.executed("set-password", new_password=ex.client.password)


@check("7.2-1", "command 14 is taken above a running command",
       "команда 14 принимается на фоне другой команды", WEB)  # fmt: skip
async def test_above(ex: Examiner) -> None:
    await above(ex, "test", {"test_number": 0x21})


@check("7.2-2", "command 13 is taken above a running command",
       "команда 13 принимается на фоне другой команды", WEB)  # fmt: skip
async def interrupt_above(ex: Examiner) -> None:
    await above(ex, "interrupt", {})


@check("7.2-3", "command 7 is taken above a running command",
       "команда 7 принимается на фоне другой команды", WEB)  # fmt: skip
async def connect_above(ex: Examiner) -> None:
    fields = {"call_number": 0xFFF0, "object_type": "own-subscriber", "object_number": ex.free_object()}
    await above(ex, "connect-ksl", {**fields, "ksl_group": 1})


@check("7.2-4", "command 8 is taken above a running command",
       "команда 8 принимается на фоне другой команды", WEB)  # fmt: skip
async def release_above(ex: Examiner) -> None:
    fields = {"call_number": 0xFFF0, "object_type": "own-subscriber", "object_number": ex.free_object()}
    await above(ex, "release-ksl", {**fields, "ksl_a": None, "ksl_b": None})


async def above(ex: Examiner, name: str, fields: dict[str, Any]) -> None:
    """A command whose answer comes before the end of command 5, which the switch lets wait."""
    added = ex.object_fields()
    async with ex.slow_switch(0.3):
        running, prior = await ex.together(("add-object", added), (name, fields))
    ex.judge(running, "executed")
    text = Phrase("27h of the second command before 28h of the first", "27h второй команды до 28h первой")
    assert running.execution is not None
    receipt = prior.receipt
    place = {id(one): index for index, one in enumerate(ex.log)}
    ex.require(
        receipt is not None and receipt.fields["status"] == 0
        and place[id(receipt)] < place[id(running.execution)],
        text, Phrase("it was not", "этого не было"),
    )  # fmt: skip


_ANY: dict[int, tuple[str, dict[str, Any]]] = {
    2: ("stop", {}),
    3: ("set-password", {"new_password": "654321"}),
    4: ("add-ksl", {"ksl_group": 1, "group_type": "combined", "ksl_a": {"stream": 0, "ksl": 1}, "ksl_b": None}),
    5: ("add-object", {"object_number": 40000, "object_type": "own-subscriber", "number_sign": None, "number": "28331",
                       "trunk": None, "category": "statistical", "ksl_group": None, "priority": "normal"}),
    6: ("remove-object", {"object_number": 40000, "object_type": "own-subscriber", "number_sign": None,
                          "number": "28331", "trunk": None}),
    7: ("connect-ksl", {"call_number": 1, "object_type": "own-subscriber", "object_number": 40000, "ksl_group": 1}),
    8: ("release-ksl", {"call_number": 1, "object_type": "own-subscriber", "object_number": 40000}),
    9: ("remove-ksl", {"ksl_group": 1, "ksl_a": {"stream": 0, "ksl": 1}, "ksl_b": None}),
    10: ("get-objects", {}),
    11: ("get-ksl", {}),
    12: ("get-services", {"number_sign": None, "number": "28331"}),
    13: ("interrupt", {}),
    14: ("test", {"test_number": 1}),
    15: ("change-object", {"object_number": 40000, "category": "statistical", "ksl_group": None, "priority": "normal"}),
    16: ("get-trunks", {"trunk": 2}),
    17: ("get-version", {}),
}  # fmt: skip
_OPTIONS_BEFORE_START = {17: ("version_before_start", "executed")}


async def before_start(ex: Examiner, code: int) -> None:
    name, fields = _ANY[code]
    if "number_sign" in fields:
        fields = {**fields, "number_sign": ex.own_sign}
    await ex.stop()
    await ex.rejected(name, 0x02, eltex=_OPTIONS_BEFORE_START.get(code), **fields)


def _before_start(code: int) -> None:
    needs = (STOP, ORDER_268) if code > 15 else (STOP,)

    @check(
        f"7.3-{code}", "command {n} before start: 27h/02h", "команда {n} до запуска: 27h/02h", *needs, n=code
    )
    async def rejected(ex: Examiner) -> None:
        await before_start(ex, code)


for _code in _ANY:
    _before_start(_code)


def unit(ex: Examiner, code: int, payload: bytes, length: int | None = None) -> bytes:
    """A command as octets, also one that no codec writes."""
    header = bytes((0xCC, ex.client.orm_number, code, len(payload) if length is None else length))
    return header + ex.client.password.encode("ascii") + payload


@check("7.4-1", "a command of a wrong length: 27h/01h", "команда неверной длины: 27h/01h")
async def wrong_length(ex: Examiner) -> None:
    await ex.rejected(unit(ex, 0x0B, b"\xff\xff\xff"))


@check("7.4-2", "a code that no command has: 27h/01h", "код, которого нет у команд: 27h/01h")
async def unknown_code(ex: Examiner) -> None:
    await ex.rejected(unit(ex, 0x1F, b""))


@check("7.4-3", "command 4 with a group type that the order does not have: 27h/01h",
       "команда 4 с несуществующим типом группы: 27h/01h")  # fmt: skip
async def wrong_group_type(ex: Examiner) -> None:
    await ex.rejected(unit(ex, 0x04, bytes((ex.free_group(), 0x05, 0x01, 0xFF))))


def object_octets(ex: Examiner, **octets: int) -> bytes:
    """Command 5 for an own subscriber under statistical control, with some octets changed (``o3=0x09``)."""
    number = ex.own()
    digits = (number + "0" * 18)[: len(number)]
    packed = bytearray(b"\xff" * 9)
    for index, digit in enumerate(digits):
        half = int(digit)
        place = index // 2
        packed[place] = (
            (packed[place] & 0xF0) | half if index % 2 == 0 else (packed[place] & 0x0F) | (half << 4)
        )
    payload = bytearray(ex.free_object().to_bytes(2, "little"))
    payload += bytes((0x01, 0x01, len(number))) + packed + b"\xff\xff" + bytes((0x02, 0xFF, 0x02))
    for name, value in octets.items():
        payload[int(name[1:]) - 1] = value
    return unit(ex, 0x05, bytes(payload))


def _wrong_octet(name: str, place: int, value: int, en: str, ru: str) -> None:
    @check(name, f"command 5 with {en}: 27h/01h", f"команда 5: {ru}: 27h/01h")
    async def wrong(ex: Examiner) -> None:
        await ex.rejected(object_octets(ex, **{f"o{place}": value}))


_wrong_octet("7.4-4", 3, 0x09, "an object type that the order does not have", "несуществующий тип объекта")
_wrong_octet("7.4-5", 4, 0x0A, "a number sign that the order does not have", "несуществующий признак номера")
_wrong_octet(
    "7.4-6", 17, 0x03, "a category that the order does not have", "несуществующая категория контроля"
)
_wrong_octet("7.4-7", 19, 0x05, "a priority that the order does not have", "несуществующая метка приоритета")
_wrong_octet("7.4-8", 5, 0x13, "a count of 19 digits", "количество знаков 19")
_wrong_octet("7.4-9", 6, 0xEE, "half-octets that are no digits", "полубайты, не являющиеся цифрами")
_wrong_octet(
    "7.4-10", 5, 0x0C, "a count of digits that the number has not", "количество знаков больше, чем цифр"
)


@check("7.5-1", "a command with a wrong password is accepted and not carried out",
       "команда с неверным паролем принимается и не выполняется")  # fmt: skip
async def not_carried_out(ex: Examiner) -> None:
    group, (line,) = ex.free_group(), ex.free_lines(1)
    await ex.not_executed(
        "add-ksl", 0x03, password=WRONG, ksl_group=group, group_type="combined", ksl_a=line, ksl_b=line
    )
    await ex.not_executed("get-ksl", ksl_group=group)


@check(
    "7.6-1", "a wrong password: 27h/00h, 28h/03h and 26h/02h", "неверный пароль: 27h/00h, 28h/03h и 26h/02h"
)
async def wrong_password(ex: Examiner) -> None:
    await ex.not_executed("get-ksl", 0x03, password=WRONG)
    await ex.message("unauthorized-access", access_code=0x02)


@check("7.6-2", "a wrong number of the technical means: 27h/00h, 28h/05h and 26h/05h",
       "неправильный номер технических средств: 27h/00h, 28h/05h и 26h/05h")  # fmt: skip
async def wrong_number(ex: Examiner) -> None:
    await ex.not_executed("get-ksl", 0x05, orm_number=other_number(ex))
    await ex.message("unauthorized-access", access_code=0x05)


@check("7.6-3", "message 6 follows message 8", "сообщение 6 следует за сообщением 8")
async def place_of_access(ex: Examiner) -> None:
    reply = await ex.not_executed("get-ksl", 0x03, password=WRONG)
    access = await ex.message("unauthorized-access")
    place = {id(one): index for index, one in enumerate(ex.log)}
    assert reply.execution is not None
    text = Phrase("26h after 28h", "26h после 28h")
    came = Phrase("26h came before 28h", "26h пришло до 28h")
    ex.require(place[id(access)] > place[id(reply.execution)], text, came)


@check("8.2.1.2-1", "before start 27h repeats the number of the command",
       "до запуска 27h повторяет номер ТС ОРМ из команды", STOP)  # fmt: skip
async def number_before_start(ex: Examiner) -> None:
    await ex.stop()
    number = other_number(ex)
    reply = await ex.rejected("get-ksl", 0x02, orm_number=number)
    assert reply.receipt is not None
    ex.fields(reply.receipt, orm_number=number)


@check("8.2.1.2-2", "26h has the number of the last command 1", "26h содержит номер последней команды 1")
async def number_of_access(ex: Examiner) -> None:
    await ex.not_executed("get-ksl", 0x03, password=WRONG)
    await ex.message("unauthorized-access", orm_number=ex.client.orm_number)


@check("9.7.4-1", "27h repeats the code of the command", "27h повторяет код команды")
async def code_in_receipt(ex: Examiner) -> None:
    reply = await ex.command("get-ksl")
    _repeats(ex, reply, reply.receipt)


@check("9.8.4-1", "28h repeats the code of the command", "28h повторяет код команды")
async def code_in_execution(ex: Examiner) -> None:
    reply = await ex.command("get-ksl")
    _repeats(ex, reply, reply.execution)


def _repeats(ex: Examiner, reply: Reply, message: Crossed | None) -> None:
    text = Phrase("the code of the command", "код команды")
    came = Phrase("no message with it", "такого сообщения нет")
    ex.require(message is not None and message.fields["command"] == reply.sent.code, text, came)
