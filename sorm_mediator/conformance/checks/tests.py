"""Testing the data channels, and falling silent without it (6.14, 9.9, 11.7)."""

from __future__ import annotations

import asyncio

from protocol.language import Phrase
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.examiner import Examiner, Reply
from sorm_mediator.conformance.verdicts import Untested
from sorm_mediator.console.client import KPD1, Crossed

CALLS, SLOW = Need.CALLS, Need.SLOW
HEADER_OF_53H = b"\xff" * 8
NUMBER = 0x5A
"""Number of a test, where it does not matter."""


async def tested(ex: Examiner, number: int) -> tuple[Reply, Crossed, Crossed]:
    """Command 14, its 29h and its 53h."""
    reply = await ex.command("test", test_number=number)
    ex.expects(Phrase("command 14: 27h/00h, 29h, 53h", "команда 14: 27h/00h, 29h, 53h"))
    answers = [one for one in reply.units if one.name == "test-reply"]
    came = Phrase("no 29h came", "29h не пришло")
    ex.require(bool(answers), Phrase("29h", "29h"), came)
    second = await ex.event_of_test(number)
    return reply, answers[0], second


@check("6.14.5-1", "29h repeats the number of the test, from 00h to FFh",
       "29h повторяет номер тестового сообщения, от 00h до FFh")  # fmt: skip
async def numbers(ex: Examiner) -> None:
    for number in (0x00, 0x7F, 0xFF):
        _, first, _ = await tested(ex, number)
        ex.fields(first, test_number=number)


@check("9.9.3-1", "29h comes within 200 ms", "29h — не позднее 200 мс")
async def time_of_29h(ex: Examiner) -> None:
    reply, first, _ = await tested(ex, NUMBER)
    ex.within_limit(
        (first.time - reply.sent.time) * 1000, 200, Phrase("29h of command 14", "29h на команду 14")
    )


@check("11.7.3-1", "53h comes on KPD2 within 200 ms", "53h по КПД2 — не позднее 200 мс")
async def time_of_53h(ex: Examiner) -> None:
    reply, _, second = await tested(ex, NUMBER)
    ex.within_limit(
        (second.time - reply.sent.time) * 1000, 200, Phrase("53h of command 14", "53h на команду 14")
    )


@check("9.9.4.2-1", "29h: the bits of the channels in use are 1", "29h: биты используемых КПД равны 1")
async def bits(ex: Examiner) -> None:
    _, first, _ = await tested(ex, NUMBER)
    bit = 1 << ex.told.streams[0]
    kpd1, kpd2 = first.fields["kpd1_state"], first.fields["kpd2_state"]
    text = Phrase("bit {n} of both octets is 1", "бит {n} обоих байтов равен 1", n=ex.told.streams[0])
    ex.require(bool(kpd1 & bit and kpd2 & bit), text, f"{kpd1:02X}h {kpd2:02X}h")


@check(
    "9.9.4.2-2",
    "29h: the bits of streams that are not there are 0",
    "29h: биты отсутствующих потоков равны 0",
)
async def bits_of_none(ex: Examiner) -> None:
    _, first, _ = await tested(ex, NUMBER)
    there = sum(1 << stream for stream in ex.told.streams) if ex.link == "x25" else 1
    kpd1, kpd2 = first.fields["kpd1_state"], first.fields["kpd2_state"]
    text = Phrase("no bit beyond {there:02X}h", "нет битов сверх {there:02X}h", there=there)
    ex.require(not (kpd1 | kpd2) & ~there, text, f"{kpd1:02X}h {kpd2:02X}h")


@check("9.8.3-1", "no 28h after command 14", "после команды 14 нет 28h")
async def no_28h(ex: Examiner) -> None:
    await tested(ex, NUMBER)
    text = Phrase("no 28h", "без 28h")
    late = await ex.client.wait(lambda: bool(ex.came("command-executed")), ex.told.quiet)
    ex.require(not late, text, Phrase("28h came", "28h пришло"))


@check(
    "9.8.3-2",
    "command 14 with a wrong password: 28h/03h and 26h",
    "команда 14 с неверным паролем: 28h/03h и 26h",
)
async def wrong_password(ex: Examiner) -> None:
    await ex.not_executed("test", 0x03, test_number=1, password="000000")  # noqa: S106 - a wrong one
    await ex.message("unauthorized-access", access_code=0x02)


@check("9.8.3-3", "command 14 with a wrong number of the technical means: 28h/05h and 26h",
       "команда 14 с неправильным номером ТС ОРМ: 28h/05h и 26h")  # fmt: skip
async def wrong_number(ex: Examiner) -> None:
    await ex.not_executed("test", 0x05, test_number=1, orm_number=(ex.orm_number + 1) % 256)
    await ex.message("unauthorized-access", access_code=0x05)


@check(
    "11.7.4-1", "53h: octets 5 to 12 of the header are FFh", "53h: байты заголовка с 5-го по 12-й равны FFh"
)
async def header_of_53h(ex: Examiner) -> None:
    _, _, second = await tested(ex, NUMBER)
    text = Phrase("octets 5 to 12 are FFh", "байты с 5-го по 12-й FFh")
    ex.require(second.raw[4:12] == HEADER_OF_53H, text, second.raw[4:12].hex(" ").upper())


@check("11.7.5-1", "53h: the same content as 29h", "53h: содержание то же, что у 29h")
async def content_of_53h(ex: Examiner) -> None:
    _, first, second = await tested(ex, NUMBER)
    text = Phrase("the content of 29h", "содержание 29h")
    ex.require(second.raw[12:] == first.raw[10:], text, second.raw[12:].hex(" ").upper())


@check("9.9.3-2", "29h comes on all KPD1 that are connected", "29h передаётся по всем подключённым КПД1")
async def on_every_kpd1(ex: Examiner) -> None:
    other = await ex.another_console()
    await tested(ex, 0x33)
    heard = await other.wait(
        lambda: any(
            one.name == "test-reply" and one.channel == KPD1 and one.fields["test_number"] == 0x33
            for one in other.log
        ),
        ex.told.within,
    )
    text = Phrase("29h on the second KPD1", "29h по второму КПД1")
    ex.require(heard, text, Phrase("it did not come", "не пришло"))


@check("6.14.4-1", "command 14 is taken on any KPD1", "команда 14 принимается по любому КПД1")
async def from_any_kpd1(ex: Examiner) -> None:
    other = await ex.another_console()
    await other.send(other.command("test", {"test_number": 0x44}))
    heard = await other.wait(
        lambda: any(
            one.name == "test-reply" and one.channel == KPD1 and one.fields["test_number"] == 0x44
            for one in other.log
        ),
        ex.told.within,
    )
    text = Phrase("29h to command 14 of the second KPD1", "29h на команду 14 по второму КПД1")
    ex.require(heard, text, Phrase("it did not come", "не пришло"))


async def fall_silent(ex: Examiner) -> None:
    """Nothing is sent to the mediator until it must be silent."""
    seconds = ex.told.test_timeout
    if not seconds:
        raise Untested(Phrase("test_timeout = 0: it never falls silent", "test_timeout = 0: не умолкает"))
    await ex.command("test", test_number=0)
    await asyncio.sleep(seconds * 1.05 + 0.1)
    ex.forget()


@check("6.14.3-1", "no command 14 for 10 minutes: events are not sent any more",
       "10 минут без команды 14: сообщения не передаются", SLOW, CALLS)  # fmt: skip
async def silent(ex: Examiner) -> None:
    target = await ex.target()
    await fall_silent(ex)
    await ex.short_call(ex.own(0), ex.own(1))
    text = Phrase("no event", "никаких сообщений")
    came = Phrase("events are still sent", "сообщения передаются")
    sent = await ex.client.wait(lambda: bool(ex.unread(lambda one: one.on_kpd2)), ex.told.quiet)
    ex.require(not sent, text, came, eltex="test_timeout")
    ex.expects(Phrase("nothing of object {n}", "ничего об объекте {n}", n=target.number))


@check("6.14.3-2", "any command with the valid password ends the silence; what was not sent is lost",
       "команда с действующим паролем восстанавливает передачу; непереданное уничтожено", SLOW, CALLS)  # fmt: skip
async def silence_ends(ex: Examiner) -> None:
    target = await ex.target()
    await fall_silent(ex)
    call = await ex.short_call(ex.own(0), ex.own(1))
    await ex.no_events(target)
    await ex.hang_up(call)
    await ex.executed("set-password", new_password=ex.client.password)
    await ex.no_events(target)
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(target, "number-received")


@check("6.14.3-3", "in the silence the speech goes on", "передача голосовой информации не блокируется",
       SLOW, CALLS, Need.SPEECH)  # fmt: skip
async def speech_goes_on(ex: Examiner) -> None:
    from sorm_mediator.conformance.checks.channels import speech

    group = await ex.group()
    target = await ex.target(group=group)
    await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received", operation=0)
    await fall_silent(ex)
    await speech(ex, group.a()["ksl"])
