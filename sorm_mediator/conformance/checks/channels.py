"""The channels themselves: TCP, streams of E1, stand-by pairs (1)."""

from __future__ import annotations

import asyncio

from protocol.language import Phrase
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.conformance.verdicts import Failed, Untested
from sorm_mediator.console.client import KPD1, SPLIT

CALLS, TCP, E1, WEB = Need.CALLS, Need.TCP, Need.E1, Need.WEB


@check("1.4.2.1-1", "TCP: port 1 carries KPD1 and port 2 KPD2", "TCP: порт 1 — КПД1, порт 2 — КПД2", TCP)
async def two_ports(ex: Examiner) -> None:
    await ex.command("test", test_number=0x12)
    await ex.event_of_test(0x12)
    on_kpd1 = [one for one in ex.log if one.channel == KPD1]
    misplaced = [one for one in ex.log if (one.channel == KPD1) != (len(one.raw) > 2 and one.raw[2] < 0x40)]
    text = Phrase("messages of each channel on its own port", "сообщения каждого канала на своём порту")
    came = Phrase("{n} on the other one", "на другом: {n}", n=len(misplaced))
    ex.require(bool(on_kpd1) and not misplaced, text, came)


@check("1.4.2.2-1", "TCP: a message is never spread over packets",
       "TCP: сообщение не размещается в разных пакетах", TCP)  # fmt: skip
async def whole(ex: Examiner) -> None:
    await ex.command("get-objects")
    split = [one for one in ex.log if SPLIT in one.findings]
    text = Phrase("each message in one packet", "каждое сообщение в одном пакете")
    ex.require(not split, text, Phrase("{n} messages in several", "в нескольких: {n}", n=len(split)))


@check("1.4.1-1", "E1: KPD1 and KPD2 in their timeslots over X.25", "E1: КПД1 и КПД2 в своих КИ по X.25", E1)
async def timeslots(ex: Examiner) -> None:
    await ex.command("test", test_number=0x13)
    await ex.event_of_test(0x13)


async def heard(ex: Examiner, ksl: int) -> None:
    """The speech of a call is on this KSL, that is in its timeslot."""
    line = {"stream": ex.told.streams[0], "ksl": ksl}
    if line not in ex.all_free_lines():
        raise Untested(Phrase("this KSL is in use", "эта КСЛ занята"))
    group = ex.free_group()
    await ex.prepare("add-ksl", ksl_group=group, group_type="combined", ksl_a=line, ksl_b=line)
    target = await ex.target(category="combined", ksl_group=group)
    await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received", operation=0)
    await speech(ex, ksl)


async def speech(ex: Examiner, ksl: int) -> None:
    """The tones of the first two subscribers are on a KSL."""
    from sorm_mediator.console.hearing import hear
    from sorm_mediator.switch.calls.speech import tones

    line = {"stream": ex.told.streams[0], "ksl": ksl}
    want = frozenset(tones(number, "")[0] for number in (ex.own(0), ex.own(1)))
    en, ru = "the tones of both parties on KSL {n}", "тоны обоих абонентов на КСЛ {n}"
    ex.expects(Phrase(en, ru, n=ksl))
    failure = await hear(ex.lines, {(line["stream"], ksl): want}, ex.told.within)
    if failure is not None:
        raise Failed(failure.reason)


def _hears(name: str, ksl: int, timeslot: int) -> None:
    @check(name, f"KSL {ksl} is timeslot {timeslot}", f"КСЛ {ksl} — КИ {timeslot}", Need.SPEECH, CALLS)
    async def hears(ex: Examiner) -> None:
        await heard(ex, ksl)


_hears("1.2-1", 1, 1)
_hears("1.2-2", 15, 15)
_hears("1.2-3", 16, 17)
_hears("1.2-4", 28, 29)


async def cut(ex: Examiner, stream: int) -> None:
    """The stream with the pair in use fails."""
    await ex.web("POST", f"streams/{stream}/fault", {"state": "LOS"})


@check("1.4.1.1-1", "when the pair in use fails, the next one takes over, and events go on",
       "при повреждении пары КПД передача переходит на резервную", E1, CALLS, WEB)  # fmt: skip
async def stand_by(ex: Examiner) -> None:
    other = await ex.another_console()
    target = await ex.target()
    first = ex.told.streams[0]
    await cut(ex, first)
    try:
        await ex.short_call(ex.own(0), ex.own(1))
        text = Phrase("the events of the call on the second stream", "сообщения о вызове по второму потоку")

        def came() -> bool:
            return any(one.on_kpd2 and one.fields.get("object_number") == target.number for one in other.log)

        ex.require(await other.wait(came, ex.told.within), text, Phrase("none came", "не пришли"))
    finally:
        await ex.web("POST", f"streams/{first}/fault", {"state": "clear"})
        await _back(ex)


@check(
    "11.6.5-3",
    "the stream of a line fails: 52h/04h",
    "неисправность потока с КСЛ: 52h/04h",
    Need.SPEECH,
    TCP,
    CALLS,
    WEB,
)
async def line_fails(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received", operation=0)
        await ex.event(target, "answer")
    stream = group.a()["stream"]
    await cut(ex, stream)
    try:
        await ex.event(target, "ksl-released", operation=4, ksl_a=group.a())
    finally:
        await ex.web("POST", f"streams/{stream}/fault", {"state": "clear"})
        assert ex.lines is not None
        await ex.lines.working()


async def _back(ex: Examiner) -> None:
    """The stream works again, and a command with the valid password has come on its KPD1."""
    for _ in range(50):
        if len(ex.client.connected) == 2:
            break
        await asyncio.sleep(0.1)
    else:
        await ex.client.connect()
    await ex.command("test", test_number=0)


@check("1.4.1.2-1", "a pair that failed is used again after a command with the valid password",
       "повреждённая пара используется после команды с действующим паролем", E1, CALLS, WEB)  # fmt: skip
async def used_again(ex: Examiner) -> None:
    first = ex.told.streams[0]
    await cut(ex, first)
    await ex.web("POST", f"streams/{first}/fault", {"state": "clear"})
    await _back(ex)
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(target, "number-received")
