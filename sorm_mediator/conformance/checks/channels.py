"""The channels: TCP, streams of E1, stand-by pairs, their test and the silence without it (1, 6.14, 9.9, 11.7)."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from sorm_mediator.conformance.checks.messages import WRONG, unauthorized
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.dialogue import Reply
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.conformance.verdicts import Failed, Untested
from sorm_mediator.console.client import KPD1, SPLIT, ConsoleClient, Crossed
from sorm_mediator.language import Phrase

CALLS, TCP, E1, WEB, SLOW, SPEECH = Need.CALLS, Need.TCP, Need.E1, Need.WEB, Need.SLOW, Need.SPEECH
NUMBER = 0x5A
"""Number of a test in checks that do not depend on it."""


@check("1.4.2.1-1", "TCP: port 1 carries KPD1 and port 2 KPD2", TCP)
async def two_ports(ex: Examiner) -> None:
    await ex.command("test", test_number=0x12)
    await ex.event_of_test(0x12)
    on_kpd1 = [one for one in ex.log if one.channel == KPD1]
    misplaced = [one for one in ex.log if (one.channel == KPD1) != (len(one.raw) > 2 and one.raw[2] < 0x40)]
    text = Phrase("messages of each channel on its own port")
    came = Phrase("{n} on the other one", n=len(misplaced))
    ex.require(bool(on_kpd1) and not misplaced, text, came)


@check("1.4.2.2-1", "TCP: a message is never spread over packets", TCP)  # fmt: skip
async def whole(ex: Examiner) -> None:
    await ex.command("get-objects")
    split = [one for one in ex.log if SPLIT in one.findings]
    came = Phrase("{n} messages in several", n=len(split))
    ex.require(not split, Phrase("each message in one packet"), came)


@check("1.4.1-1", "E1: KPD1 and KPD2 in their timeslots over X.25", E1)
async def timeslots(ex: Examiner) -> None:
    await ex.command("test", test_number=0x13)
    await ex.event_of_test(0x13)


# --- speech


async def heard(ex: Examiner, ksl: int) -> None:
    """The speech of a call is on this KSL line, in its timeslot."""
    line = ex.line(ksl)
    if line not in ex.all_free_lines():
        raise Untested(Phrase("this KSL is in use"))
    group = ex.free_group()
    await ex.prepare("add-ksl", ksl_group=group, group_type="combined", ksl_a=line, ksl_b=line)
    target = await ex.target(category="combined", ksl_group=group)
    await ex.call()
    await ex.given(target, "number-received", operation=0)
    await speech(ex, ksl)


async def speech(ex: Examiner, ksl: int) -> None:
    """The tones of the first two subscribers are on a KSL line."""
    from sorm_mediator.console.comparing import hear
    from sorm_mediator.switch.calls.speech import tones

    want = frozenset(tones(number, "")[0] for number in (ex.own(0), ex.own(1)))
    ex.expects(Phrase("the tones of both parties on KSL {n}", n=ksl))
    failure = await hear(ex.lines, {(ex.terms.streams[0], ksl): want}, ex.terms.within)
    if failure is not None:
        raise Failed(failure.reason)


check("1.2-1", "KSL 1 is timeslot 1", SPEECH, CALLS)(lambda ex: heard(ex, 1))
check("1.2-2", "KSL 15 is timeslot 15", SPEECH, CALLS)(lambda ex: heard(ex, 15))
check("1.2-3", "KSL 16 is timeslot 17", SPEECH, CALLS)(lambda ex: heard(ex, 16))
check("1.2-4", "KSL 28 is timeslot 29", SPEECH, CALLS)(lambda ex: heard(ex, 28))


# --- a stream that fails


def failing(ex: Examiner, stream: int) -> AbstractAsyncContextManager[None]:
    """The stream has no signal within this context."""
    return ex.web_during("POST", f"streams/{stream}/fault", {"state": "LOS"}, {"state": "clear"})


async def _back(ex: Examiner) -> None:
    """The stream works again, and a command with the valid password has been sent on its KPD1."""
    for _ in range(50):
        if len(ex.client.connected) == 2:
            break
        await asyncio.sleep(0.1)
    else:
        await ex.client.connect()
    await ex.command("test", test_number=0)


@check("1.4.1.1-1", "when the pair in use fails, the next one takes over, and events go on", E1, CALLS, WEB)
async def stand_by(ex: Examiner) -> None:
    other = await ex.another_console()
    target = await ex.target()

    def came() -> bool:
        return any(one.on_kpd2 and one.fields.get("object_number") == target.number for one in other.log)

    try:
        async with failing(ex, ex.terms.streams[0]):
            await ex.short_call()
            text = Phrase("the events of the call on the second stream")
            ex.require(await other.wait(came, ex.terms.within), text, Phrase("none came"))
    finally:
        await _back(ex)


@check("11.6.5-3", "the stream of a line fails: 52h/04h", SPEECH, TCP, CALLS, WEB)  # fmt: skip
async def line_fails(ex: Examiner) -> None:
    group, target = await ex.controlled_group()
    await ex.talking(target, received={"operation": 0})
    try:
        async with failing(ex, group.a()["stream"]):
            await ex.event(target, "ksl-released", operation=4, ksl_a=group.a())
    finally:
        await ex.lines.working()


@check(
    "1.4.1.2-1", "a pair that failed is used again after a command with the valid password", E1, CALLS, WEB
)
async def used_again(ex: Examiner) -> None:
    async with failing(ex, ex.terms.streams[0]):
        pass  # the stream comes back at once
    await _back(ex)
    target = await ex.target()
    await ex.short_call()
    await ex.event(target, "number-received")


# --- command 14


async def both_replies(ex: Examiner, number: int = NUMBER) -> tuple[Reply, Crossed, Crossed]:
    """Command 14, its 29h and its 53h."""
    reply = await ex.command("test", test_number=number)
    ex.expects(Phrase("command 14: 27h/00h, 29h, 53h"))
    answer = reply.first("test-reply")
    ex.require(answer is not None, Phrase("29h"), Phrase("no 29h came"))
    assert answer is not None
    return reply, answer, await ex.event_of_test(number)


@check("6.14.5-1", "29h repeats the number of the test, from 00h to FFh")  # fmt: skip
async def numbers(ex: Examiner) -> None:
    for number in (0x00, 0x7F, 0xFF):
        _, first, _ = await both_replies(ex, number)
        ex.fields(first, test_number=number)


async def in_200_ms(ex: Examiner, which: int, what: Phrase) -> None:
    """29h (0) or 53h (1) comes in time after command 14."""
    reply, *units = await both_replies(ex)
    ex.within_limit(reply.took(units[which]), 200, what)


check("9.9.3-1", "29h comes within 200 ms")(lambda ex: in_200_ms(ex, 0, Phrase("29h of command 14")))
check("11.7.3-1", "53h comes on KPD2 within 200 ms")(lambda ex: in_200_ms(ex, 1, Phrase("53h of command 14")))


async def states(ex: Examiner) -> tuple[int, int]:
    """The states of KPD1 and KPD2 in 29h, one bit for each stream."""
    _, first, _ = await both_replies(ex)
    return first.fields["kpd1_state"], first.fields["kpd2_state"]


@check("9.9.4.2-1", "29h: the bits of the channels in use are 1")
async def bits(ex: Examiner) -> None:
    stream = ex.terms.streams[0]
    kpd1, kpd2 = await states(ex)
    text = Phrase("bit {n} of both octets is 1", n=stream)
    ex.require(bool(kpd1 & kpd2 & 1 << stream), text, f"{kpd1:02X}h {kpd2:02X}h")


@check("9.9.4.2-2", "29h: the bits of streams that are not there are 0")  # fmt: skip
async def bits_of_none(ex: Examiner) -> None:
    kpd1, kpd2 = await states(ex)
    there = sum(1 << stream for stream in ex.terms.streams) if ex.link == "x25" else 1
    text = Phrase("no bit beyond {there:02X}h", there=there)
    ex.require(not (kpd1 | kpd2) & ~there, text, f"{kpd1:02X}h {kpd2:02X}h")


@check("9.8.3-1", "no 28h after command 14")
async def no_28h(ex: Examiner) -> None:
    await both_replies(ex)
    late = await ex.client.wait(lambda: bool(ex.came("command-executed")), ex.terms.quiet)
    ex.require(not late, Phrase("no 28h"), Phrase("28h came"))


# fmt: off
check("9.8.3-2", "command 14 with a wrong password: 28h/03h and 26h")(
    lambda ex: unauthorized(ex, "test", 0x03, {"test_number": 1, "password": WRONG}, access_code=0x02))
check("9.8.3-3", "command 14 with a wrong number of the technical means: 28h/05h and 26h")(
    lambda ex: unauthorized(ex, "test", 0x05, {"test_number": 1, "orm_number": ex.other_orm_number},
                            access_code=0x05))
# fmt: on


@check("11.7.4-1", "53h: octets 5 to 12 of the header are FFh")  # fmt: skip
async def header_of_53h(ex: Examiner) -> None:
    _, _, second = await both_replies(ex)
    ex.require(second.raw[4:12] == b"\xff" * 8, Phrase("octets 5 to 12 are FFh"), second.raw[4:12])


@check("11.7.5-1", "53h: the same content as 29h")
async def content_of_53h(ex: Examiner) -> None:
    _, first, second = await both_replies(ex)
    ex.require(second.raw[12:] == first.raw[10:], Phrase("the content of 29h"), second.raw[12:])


async def gets_29h(ex: Examiner, other: ConsoleClient, number: int, text: Phrase) -> None:
    """The 29h of a test comes on another console's KPD1."""

    def came() -> bool:
        replies = (one for one in other.log if one.name == "test-reply" and one.channel == KPD1)
        return any(one.fields["test_number"] == number for one in replies)

    ex.require(await other.wait(came, ex.terms.within), text, Phrase("it did not come"))


@check("9.9.3-2", "29h comes on all KPD1 that are connected")
async def on_every_kpd1(ex: Examiner) -> None:
    other = await ex.another_console()
    await both_replies(ex, 0x33)
    await gets_29h(ex, other, 0x33, Phrase("29h on the second KPD1"))


@check("6.14.4-1", "command 14 is taken on any KPD1")
async def from_any_kpd1(ex: Examiner) -> None:
    other = await ex.another_console()
    await other.send(other.command("test", {"test_number": 0x44}))
    await gets_29h(ex, other, 0x44, Phrase("29h to command 14 of the second KPD1"))


# --- the silence without command 14


async def fall_silent(ex: Examiner) -> None:
    """Send nothing to the mediator until it must be silent."""
    seconds = ex.terms.test_timeout
    if not seconds:
        raise Untested(Phrase("test_timeout = 0: it never falls silent"))
    await ex.command("test", test_number=0)
    await asyncio.sleep(seconds * 1.05 + 0.1)
    ex.forget()


@check("6.14.3-1", "no command 14 for 10 minutes: events are not sent any more", SLOW, CALLS)  # fmt: skip
async def silent(ex: Examiner) -> None:
    await ex.target()
    await fall_silent(ex)
    await ex.short_call()
    await ex.nothing(Phrase("no event"), lambda one: one.on_kpd2, eltex="test_timeout")


@check(
    "6.14.3-2", "any command with the valid password ends the silence; what was not sent is lost", SLOW, CALLS
)
async def silence_ends(ex: Examiner) -> None:
    target = await ex.target()
    await fall_silent(ex)
    call = await ex.short_call()
    await ex.no_events(target)
    await ex.hang_up(call)
    await ex.executed("set-password", new_password=ex.client.password)
    await ex.no_events(target)
    await ex.short_call()
    await ex.event(target, "number-received")


@check("6.14.3-3", "in the silence the speech goes on", SLOW, CALLS, SPEECH)  # fmt: skip
async def speech_goes_on(ex: Examiner) -> None:
    group, target = await ex.controlled_group()
    await ex.call()
    await ex.given(target, "number-received", operation=0)
    await fall_silent(ex)
    await speech(ex, group.a()["ksl"])
