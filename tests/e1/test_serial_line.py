"""HDLC on an asynchronous line, and a data channel over a tty: two ends on the two sides of a pseudo-terminal."""

from __future__ import annotations

import asyncio
import errno
import os
import termios
import tty
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e1.carriers.serial_line import SerialChannel, SerialConfig, SerialLine
from e1.events import ChannelAlarm, ChannelEvent, Down, FrameCrossed, Message, Up
from e1.hdlc import AsyncFraming, with_fcs
from e1.lapb.config import LapbConfig
from e1.x25.config import X25Config

FRAMES = st.lists(st.binary(min_size=2, max_size=60), max_size=6)


def framing(accm: int = 0) -> AsyncFraming:
    return AsyncFraming(200, accm)


def test_a_frame_on_the_line() -> None:
    assert framing().encode(bytes.fromhex("013f")).hex() == "7e" + "013febdf" + "7e"
    assert framing().encode(b"\x7e\x7d\x5e\x5d").hex().startswith("7e" + "7d5e7d5d5e5d")
    assert framing(0xFFFFFFFF).encode(bytes.fromhex("013f")).hex() == "7e" + "7d213febdf" + "7e"


@given(frames=FRAMES, size=st.integers(1, 40), accm=st.sampled_from([0, 0xFFFFFFFF, 0x000A0000]))
def test_frames_cross_in_any_pieces(frames: list[bytes], size: int, accm: int) -> None:
    sender, receiver = framing(accm), framing(accm)
    stream = b"".join(map(sender.encode, frames))
    got = [frame for at in range(0, len(stream), size) for frame in receiver.feed(stream[at : at + size])]
    assert got == frames
    assert (receiver.counters.good, receiver.counters.bad) == (len(frames), 0)


@given(st.binary(max_size=300))
def test_any_octets_are_survived(noise: bytes) -> None:
    receiver = framing()
    receiver.feed(noise)
    receiver.feed(b"\x7e")  # whatever there was, it ends here
    assert receiver.feed(framing().encode(b"after all")) == [b"after all"]


def test_one_flag_may_end_a_frame_and_begin_the_next() -> None:
    first, second = framing().encode(b"first"), framing().encode(b"second")
    assert framing().feed(first + second[1:]) == [b"first", b"second"]


@pytest.mark.parametrize(
    ("between_flags", "counter"),
    [
        (with_fcs(b"frame")[:-1] + b"?", "fcs_errors"),
        (b"abc", "short"),
        (with_fcs(bytes(201)), "long"),
        (bytes(5000), "long"),
        (b"abcdef\x7d", "aborted"),
        (b"abc\x7d\x7ddef", "fcs_errors"),
    ],
)
def test_bad_frames_are_counted_by_kind_and_the_next_is_read(between_flags: bytes, counter: str) -> None:
    receiver = framing()
    assert receiver.feed(b"\x7e" + between_flags + b"\x7e") == []
    assert getattr(receiver.counters, counter) == 1
    assert receiver.counters.bad == 1
    assert receiver.feed(b"\x7e" + with_fcs(b"next") + b"\x7e") == [b"next"]


def test_control_characters_that_the_line_puts_in_are_ignored_when_they_are_escaped() -> None:
    octets = framing(0x000A0000).encode(b"data")  # XON, XOFF
    assert framing(0x000A0000).feed(octets[:3] + b"\x11\x13" + octets[3:]) == [b"data"]


def test_an_accm_has_32_bits() -> None:
    with pytest.raises(ValueError, match="32 bits"):
        framing(1 << 32)


def test_every_single_bit_error_is_caught() -> None:
    octets = framing().encode(bytes.fromhex("0122100100ff7d7e1ff8"))
    for bit in range(8, 8 * len(octets) - 8):
        spoilt = bytearray(octets)
        spoilt[bit // 8] ^= 1 << bit % 8
        assert framing().feed(bytes(spoilt)) == []


def test_two_channels_without_a_port() -> None:
    lines: tuple[list[bytes], list[bytes]] = ([], [])
    ends = [
        SerialChannel(LapbConfig(role=role), X25Config(role=role), line.append)  # type: ignore[arg-type]
        for role, line in zip(("dte", "dce"), lines, strict=True)
    ]
    events = [end.carrier(True, 0) for end in ends]
    events[0] += ends[0].send(b"\x7e\x7d" * 300, 0)
    while any(lines):
        for at in (0, 1):
            crossing, lines[at][:] = b"".join(lines[at]), []
            events[1 - at] += ends[1 - at].receive(crossing, 0)
    assert Message(b"\x7e\x7d" * 300) in events[1]
    assert ends[1].hdlc.bad == 0


class Heard:
    """What one end said, to be waited for."""

    def __init__(self) -> None:
        self.events: list[ChannelEvent] = []
        self._changes = asyncio.Event()

    def __call__(self, event: ChannelEvent) -> None:
        self.events.append(event)
        self._changes.set()

    async def wait(self, *events: ChannelEvent) -> None:
        async with asyncio.timeout(10):
            while not all(event in self.events for event in events):
                self._changes.clear()
                await self._changes.wait()

    async def alarm(self, kind: str) -> str:
        async with asyncio.timeout(10):
            while True:
                for event in self.events:
                    if isinstance(event, ChannelAlarm) and event.kind == kind:
                        return event.text
                self._changes.clear()
                await self._changes.wait()


def line_on(url: str, role: str, heard: Heard, **settings: object) -> SerialLine:
    return SerialLine(
        SerialConfig(url=url, reopen=0.01, baudrate=115_200, **settings),  # type: ignore[arg-type]
        LapbConfig(role=role, t1=0.3, t2=0.05),  # type: ignore[arg-type]
        X25Config(role=role),  # type: ignore[arg-type]
        heard,
    )


@pytest.fixture
async def wire() -> AsyncIterator[tuple[str, str]]:
    """The names of two ttys that are wired together."""
    loop = asyncio.get_running_loop()
    pairs = [os.openpty(), os.openpty()]
    masters = [master for master, _ in pairs]
    for _, device in pairs:
        tty.setraw(device)

    def cross(source: int, sink: int) -> None:
        os.write(sink, os.read(source, 4096))

    loop.add_reader(masters[0], cross, *masters)
    loop.add_reader(masters[1], cross, *reversed(masters))
    yield os.ttyname(pairs[0][1]), os.ttyname(pairs[1][1])
    for master in masters:
        loop.remove_reader(master)
    for pair in pairs:
        for end in pair:
            os.close(end)


async def test_messages_cross_between_two_ttys(wire: tuple[str, str]) -> None:
    at_dte, at_dce = Heard(), Heard()
    dte, dce = line_on(wire[0], "dte", at_dte), line_on(wire[1], "dce", at_dce)
    try:
        dte.send(b"early")  # waits for the channel
        dte.start()
        dce.start()
        await at_dce.wait(Message(b"early"))
        message = bytes(range(256)) * 8
        dce.send(message)
        await at_dte.wait(Message(message))
    finally:
        await dte.stop()
        await dce.stop()
    assert next(event for event in at_dte.events if isinstance(event, Up | Down)) == Up()
    assert FrameCrossed(outbound=True, frame=bytes.fromhex("013f")) in at_dte.events
    assert at_dte.events[-1] == Down("the line is down")


async def test_a_looped_line_is_told_in_words() -> None:
    heard = Heard()
    line = line_on("loop://", "dte", heard)
    line.start()
    try:
        assert "command address" in await heard.alarm("role-mismatch")
    finally:
        await line.stop()


async def test_a_port_that_does_not_exist_is_told_and_tried_again(tmp_path: Path) -> None:
    heard, name = Heard(), tmp_path / "tty"
    line = line_on(str(name), "dte", heard)
    line.start()
    master, device = os.openpty()
    tty.setraw(device)
    try:
        assert str(name) in await heard.alarm("serial")
        name.symlink_to(os.ttyname(device))
        await heard.wait(FrameCrossed(outbound=True, frame=bytes.fromhex("013f")))
    finally:
        await line.stop()
        os.close(master)
        os.close(device)


async def test_a_port_that_is_pulled_out_takes_the_channel_down(wire: tuple[str, str]) -> None:
    heard, name = Heard(), wire[0]
    line, peer = line_on(name, "dte", heard), line_on(wire[1], "dce", Heard())
    line.start()
    peer.start()
    try:
        await heard.wait(Up())
        port = line._port
        assert port is not None
        line.port_failed(port, "pulled out")
        await heard.wait(Down("the line is down"))
        assert "pulled out" in await heard.alarm("serial")
        heard.events.clear()
        await heard.wait(Up())  # and it is opened again
    finally:
        await line.stop()
        await peer.stop()


async def test_a_port_that_vanishes_while_it_is_opened_is_tried_again(
    wire: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def flush(_descriptor: int, _queue: int) -> None:
        monkeypatch.undo()
        raise termios.error(errno.EIO, "Input/output error")  # which is no OSError

    monkeypatch.setattr(termios, "tcflush", flush)
    heard = Heard()
    line = line_on(wire[0], "dte", heard)
    line.start()
    try:
        assert "Input/output error" in await heard.alarm("serial")
        await heard.wait(FrameCrossed(outbound=True, frame=bytes.fromhex("013f")))
    finally:
        await line.stop()


async def test_a_device_that_vanishes_fails_in_the_reading_thread() -> None:
    master, device = os.openpty()
    tty.setraw(device)
    heard = Heard()
    line = line_on(os.ttyname(device), "dte", heard)
    line.start()
    try:
        await heard.wait(FrameCrossed(outbound=True, frame=bytes.fromhex("013f")))
        os.close(master)
        await heard.alarm("serial")
    finally:
        await line.stop()
        os.close(device)


async def test_a_tty_without_modem_lines_cannot_show_carrier(wire: tuple[str, str]) -> None:
    heard = Heard()
    line = line_on(wire[0], "dte", heard, watch_carrier=True)
    line.start()
    try:
        await heard.alarm("serial")
    finally:
        await line.stop()


async def test_without_carrier_nothing_is_sent_and_with_it_the_channel_sets_up() -> None:
    heard = Heard()
    line = line_on("loop://", "dte", heard, watch_carrier=True)  # loop:// always shows carrier
    line.start()
    try:
        await heard.wait(FrameCrossed(outbound=True, frame=bytes.fromhex("013f")))
    finally:
        await line.stop()
