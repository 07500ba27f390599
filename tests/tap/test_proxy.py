"""A tap between real sockets: what is passed, what is told, and how both ends end."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from protocol import Answer, Channel, Codec, CommandExecuted, CommandReceived, GetVersion, Start, StreamFramer
from sorm_mediator.addresses import split_host_port
from sorm_mediator.capture.comments import describe
from sorm_mediator.tap.proxy import AT_ONCE, HOLD, MOST_CONNECTIONS, Passed, Tap, _Way
from sorm_mediator.tap.spoil import Spoiler, parse
from tests.replay.test_runner import event

CODEC = Codec()
START = CODEC.encode(Start())
RECEIVED, EXECUTED = (CODEC.encode(kind(1, 0)) for kind in (CommandReceived, CommandExecuted))
ANSWER = CODEC.encode(event(Answer))


class Told:
    """What a tap tells."""

    def __init__(self) -> None:
        self.passed: list[Passed] = []
        self.links: list[str] = []
        self.octets = {True: b"", False: b""}
        self.change = asyncio.Event()

    def opened(self, channel: str, console: Any, mediator: Any, key: object) -> None:
        self._link(f"{channel} up")

    def closed(self, channel: str, console: Any, key: object) -> None:
        self._link(f"{channel} down")

    def said(self, channel: str, text: str) -> None:
        self._link(f"{channel} {text}")

    def _link(self, text: str) -> None:
        self.links.append(text)
        self.change.set()

    def arrived(self, key: object, data: bytes, *, of_console: bool, passed: Sequence[Passed]) -> None:
        self.octets[of_console] += data
        self.passed += passed
        self.change.set()

    def units(self) -> list[str]:
        return [
            f"{'->' if one.of_console else '<-'} {describe(one.item, CODEC)}"
            + ("" if one.spoiled is None else f" [{one.spoiled.said()}]")
            for one in self.passed
        ]

    async def until(self, text: str) -> None:
        async with asyncio.timeout(20):
            while not any(text in link for link in self.links):
                self.change.clear()
                await self.change.wait()


class Ends:
    """A console behind a tap, and what stands for the mediator."""

    def __init__(self, tap: Tap, told: Told, far: asyncio.Queue[Any]) -> None:
        self.tap, self.told, self._far = tap, told, far
        self._kept: list[Any] = []
        """A writer that nobody refers to closes its connection."""

    async def connect(self, channel: str) -> tuple[Any, Any, Any, Any]:
        """Reader and writer of the console, then those of the mediator."""
        near = await asyncio.open_connection(*split_host_port(self.tap.endpoints[channel]))
        async with asyncio.timeout(20):
            far = await self._far.get()
        self._kept += [near, far]
        return *near, *far


@asynccontextmanager
async def tapped(*rules: str, **more: Any) -> AsyncIterator[Ends]:
    far: asyncio.Queue[Any] = asyncio.Queue()
    server = await asyncio.start_server(lambda *ends: far.put_nowait(ends), "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    told = Told()
    anywhere = {"kpd1": ("127.0.0.1", 0), "kpd2": ("127.0.0.1", 0)}
    spoiler = Spoiler([parse(rule) for rule in rules], 1)
    tap = Tap(anywhere, {"kpd1": address, "kpd2": address}, CODEC, spoiler, told, **more)
    async with server, tap:
        yield Ends(tap, told, far)


async def test_octets_are_passed_unchanged_both_ways_and_told_unit_by_unit() -> None:
    async with tapped() as ends:
        reader, writer, far_reader, far_writer = await ends.connect("kpd1")
        odd = b"\x00\x01" + START[:3]
        for data in (START, odd, START[3:]):
            writer.write(data)
            assert await far_reader.readexactly(len(data)) == data
        far_writer.write(RECEIVED + EXECUTED)
        assert await reader.readexactly(24) == RECEIVED + EXECUTED
        assert ends.told.units() == [
            "-> start",
            "-> 2 octets that are no unit",
            "-> start",
            "<- command-received command=start status=00h (accepted)",
            "<- command-executed command=start status=00h (done)",
        ]
        assert ends.told.octets[True] == START + odd + START[3:]


async def test_octets_are_passed_before_their_unit_is_whole() -> None:
    async with tapped() as ends:
        _, writer, far_reader, _ = await ends.connect("kpd1")
        writer.write(START[:5])
        assert await far_reader.readexactly(5) == START[:5]
        assert ends.told.units() == []


async def test_the_end_of_one_direction_is_passed_on_and_the_other_goes_on() -> None:
    async with tapped() as ends:
        reader, writer, far_reader, far_writer = await ends.connect("kpd1")
        writer.write(START)
        writer.write_eof()
        assert await far_reader.read() == START
        far_writer.write(RECEIVED)
        assert await reader.readexactly(12) == RECEIVED
        far_writer.close()
        assert await reader.read() == b""
        await ends.told.until("kpd1 down")


async def test_a_connection_that_is_broken_breaks_the_other_one() -> None:
    async with tapped() as ends:
        _, writer, far_reader, _ = await ends.connect("kpd1")
        reset = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()
        await ends.told.until("kpd1 down")
        with suppress(ConnectionResetError):
            assert await far_reader.read() == b""
        # and the console comes back
        await ends.connect("kpd1")


async def test_a_slow_reader_stops_the_sender() -> None:
    async with tapped() as ends:
        reader, _, _, far_writer = await ends.connect("kpd2")
        far_writer.transport.set_write_buffer_limits(high=0)
        chunk = ANSWER * 1000

        async def flood() -> None:
            while True:
                far_writer.write(chunk)
                await far_writer.drain()

        flooding = asyncio.ensure_future(flood())
        before = -1
        while len(ends.told.octets[False]) > before or not before:
            # What waits anywhere is bounded, so at some time nothing goes on: the loop has turned a hundred times.
            before = len(ends.told.octets[False])
            for _ in range(2000):
                await asyncio.sleep(0)
        assert not flooding.done()
        flooding.cancel()
        got = await reader.readexactly(before)
        assert got == (ANSWER * (before // len(ANSWER) + 1))[:before]


async def test_a_mediator_that_is_not_there_is_told_and_the_console_is_dropped() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()
    told = Told()
    anywhere = {"kpd1": ("127.0.0.1", 0)}
    async with Tap(anywhere, {"kpd1": nobody}, CODEC, Spoiler((), 1), told) as tap:
        reader, _ = await asyncio.open_connection(*split_host_port(tap.endpoints["kpd1"]))
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        await told.until("can't be reached: Connect call failed")
        assert (tap.asked, tap.reached) == (1, 0)


async def test_a_host_that_is_not_admitted_is_dropped() -> None:
    async with tapped(admits=lambda host: False) as ends:
        await asyncio.open_connection(*split_host_port(ends.tap.endpoints["kpd1"]))
        await ends.told.until("refused: not in console.allow")
        assert ends.tap.asked == 0


async def test_connections_are_bounded() -> None:
    async with tapped() as ends:
        kept = [await ends.connect("kpd1") for _ in range(MOST_CONNECTIONS)]
        await asyncio.open_connection(*split_host_port(ends.tap.endpoints["kpd1"]))
        await ends.told.until(f"refused: {MOST_CONNECTIONS} connections are open")
        assert len(kept) == MOST_CONNECTIONS


# --- spoiling


async def test_a_dropped_unit_is_told_and_does_not_arrive() -> None:
    async with tapped("drop,name=command-received") as ends:
        reader, _, _, far_writer = await ends.connect("kpd1")
        far_writer.write(RECEIVED + EXECUTED)
        assert await reader.readexactly(12) == EXECUTED
        assert ends.told.units()[0].endswith("[dropped]")


async def test_a_unit_arrives_twice_another_one_delayed_and_one_replaced() -> None:
    rules = ("duplicate,name=27h", "delay=0.01,name=28h", "replace=CC,name=start")
    async with tapped(*rules) as ends:
        reader, writer, far_reader, far_writer = await ends.connect("kpd1")
        far_writer.write(RECEIVED + EXECUTED)
        assert await reader.readexactly(36) == RECEIVED * 2 + EXECUTED
        writer.write(START + CODEC.encode(GetVersion()))
        assert await far_reader.readexactly(11) == b"\xcc" + CODEC.encode(GetVersion())


async def test_a_cut_ends_both_connections() -> None:
    async with tapped("cut,name=start") as ends:
        reader, writer, far_reader, _ = await ends.connect("kpd1")
        writer.write(CODEC.encode(GetVersion()) + START)
        await ends.told.until("kpd1 down")
        for one in (reader, far_reader):
            with suppress(ConnectionResetError):
                await one.read()
        assert ends.told.units()[-1] == "-> start [dropped, and the connection cut]"


async def test_where_units_may_be_spoiled_octets_that_are_none_are_passed_all_the_same() -> None:
    noise = bytes(300) + START[:4] + bytes(3)
    async with tapped("drop,name=stop") as ends:
        _, writer, far_reader, _ = await ends.connect("kpd1")
        writer.write(noise + START + START[:6])
        assert await far_reader.readexactly(len(noise) + 16) == noise + START + START[:6]


def way(*rules: str, of_console: bool = True) -> _Way:
    """One direction of KPD1."""
    spoiler = Spoiler([parse(rule) for rule in rules], 1)
    framer = StreamFramer(Channel.COMMAND if of_console else Channel.KPD1, CODEC.options)
    return _Way("kpd1", of_console, "127.0.0.1:5", CODEC, spoiler, framer)


def test_octets_of_a_unit_wait_a_second_in_all_however_they_come() -> None:
    held = way("drop,name=stop")
    assert held.feed(START[:3], 0.0) == []
    assert held.feed(START[3:6], 0.9) == []
    assert held.until == HOLD
    [one] = held.feed(START[6:] + START[:2], 0.95)
    assert one.raw == START
    assert held.until == 0.95 + HOLD
    [one] = held.feed(b"", 2.0, final=True)
    assert (one.raw, held.until) == (START[:2], None)


def test_octets_that_begin_no_unit_do_not_wait_where_units_may_be_spoiled() -> None:
    held = way("drop,name=stop")
    told = [one.raw for piece in (b"\0" * 10, b"\0\xcc", b"\0\0", START) for one in held.feed(piece, 0.0)]
    assert told == [b"\0" * 10, b"\0", b"\xcc\0\0", START]


@pytest.mark.parametrize("rules", [(), ("drop,name=stop",)])
def test_octets_that_are_no_unit_are_kept_within_bounds_and_told_once(rules: tuple[str, ...]) -> None:
    one_way = way(*rules)
    sent = [b"\0" * 50_000] * 10 + [START]
    passed: list[Passed] = []
    for data in sent:
        passed += one_way.feed(data, 0.0)
        assert len(one_way.kept) < AT_ONCE
    assert b"".join(one.raw for one in passed) == b"".join(sent)
    places = [(one.item.offset, len(one.raw)) for one in passed]
    assert [at + size for at, size in places[:-1]] == [at for at, _ in places[1:]]
    assert passed[-1].raw == START


async def test_the_scripted_mediator_answers_through_a_tap(mediator) -> None:
    told = Told()
    listen = dict.fromkeys(("kpd1", "kpd2"), ("127.0.0.1", 0))
    target = {name: ("127.0.0.1", port) for name, port in mediator.ports.items()}
    async with Tap(listen, target, CODEC, Spoiler((), 1), told) as tap:
        reader, writer = await asyncio.open_connection(*split_host_port(tap.endpoints["kpd1"]))
        writer.write(START)
        assert await reader.readexactly(24) == RECEIVED + EXECUTED
