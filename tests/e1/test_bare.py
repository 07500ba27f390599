"""Streams without an E1: what they report in which order, what can be injected, who may connect."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from e1.carriers.bare import BareCarrier, SerialCarrier, XotCarrier
from e1.carriers.serial_line import NullModem, SerialConfig
from e1.carriers.xot import PvcSetup, XotConfig, record
from e1.carriers.xot_socket import CLOSED
from e1.events import ChannelAlarm, Down, Message, PacketCrossed, Up
from e1.g704.alarms import StreamState
from e1.lapb.config import LapbConfig
from e1.stream import ChannelEvent, ChannelName, StateChanged, StreamEvent
from e1.x25.config import X25Config
from e1.x25.packets import CallRequest

NAMES: tuple[ChannelName, ...] = ("kpd1", "kpd2")
LOS, OFF, WORK = StreamState.LOS, StreamState.OFF, StreamState.WORK


def circuits(role: str, *, initiator: bool, circuit: str = "pvc") -> dict[ChannelName, XotConfig]:
    def one(number: int) -> XotConfig:
        own, other = ("calling_address", "called_address")
        x25: Any = {"role": role, "circuit": circuit, "lcn": number, other if initiator else own: str(number)}
        return XotConfig(
            x25=X25Config(**x25), initiator=initiator, peer_lcn=number, reconnect=0.01, refused=0.01
        )

    return {name: one(number) for number, name in enumerate(NAMES, 1)}


class End:
    """One end, and what it has reported."""

    def __init__(self, stream: BareCarrier) -> None:
        self.stream = stream
        self.events: list[StreamEvent] = []

    async def until(self, *wanted: StreamEvent) -> None:
        """These events have come, in order, among others."""
        async with asyncio.timeout(60):
            while not self._in_order(wanted):
                await asyncio.sleep(0)
                self.events += self.stream.exchange()

    def _in_order(self, wanted: tuple[StreamEvent, ...]) -> bool:
        seen = iter(self.events)
        return all(event in seen for event in wanted)

    async def happens(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0)
                self.events += self.stream.exchange()

    def send(self, name: ChannelName, message: bytes) -> None:
        self.events += self.stream.send(name, message)


@asynccontextmanager
async def over_tcp(circuit: str = "pvc", **options: Any) -> AsyncIterator[tuple[End, End]]:
    """The mediator's end, which listens, and the console's."""
    mediator = XotCarrier(
        circuits("dce", initiator=False, circuit=circuit), listen=("127.0.0.1", 0), **options
    )
    host, _, port = (await mediator.start()).rpartition(":")
    console = XotCarrier(circuits("dte", initiator=True, circuit=circuit), dial=(host, int(port)))
    await console.start()
    try:
        yield End(mediator), End(console)
    finally:
        for stream in (console, mediator):
            stream.close()
            await stream.wait_closed()


@asynccontextmanager
async def over_cables() -> AsyncIterator[tuple[End, End]]:
    cables = {name: NullModem() for name in NAMES}
    ends = [
        SerialCarrier(
            {name: SerialConfig(url=cable.names[side], reopen=0.01) for name, cable in cables.items()},
            LapbConfig(role=role, t1=0.3, t2=0.01),  # type: ignore[arg-type]
            X25Config(role=role),  # type: ignore[arg-type]
        )
        for side, role in enumerate(("dce", "dte"))
    ]
    try:
        for end in ends:
            assert await end.start() == ""
        yield End(ends[0]), End(ends[1])
    finally:
        for end in ends:
            end.close()
            await end.wait_closed()
        for cable in cables.values():
            cable.close()


@pytest.mark.parametrize("line", [over_cables, over_tcp, lambda: over_tcp("svc")])
async def test_a_busy_end_is_sent_a_window_at_most_and_the_rest_when_it_is_ready(
    line: Callable[[], Any],
) -> None:
    async with line() as (mediator, console):
        mediator.events += mediator.stream.busy("kpd1", True)  # before there is anything to carry it
        await mediator.until(ChannelEvent("kpd1", Up()))
        await mediator.until(ChannelEvent("kpd2", Up()))
        await console.happens(lambda: console.stream.channels["kpd1"].up)
        for number in range(5):
            console.send("kpd1", bytes([number]))
        console.send("kpd2", b"past them")
        mediator.send("kpd1", b"an answer")
        await mediator.until(ChannelEvent("kpd2", Message(b"past them")))
        await console.until(ChannelEvent("kpd1", Message(b"an answer")))
        assert not any(isinstance(each.event, Message) for each in mediator.events if told(each, "kpd1"))
        assert console.stream.channels["kpd1"].queued == 5
        mediator.events += mediator.stream.busy("kpd1", False)
        await mediator.until(*(ChannelEvent("kpd1", Message(bytes([number]))) for number in range(5)))
        await console.happens(lambda: console.stream.channels["kpd1"].queued == 0)


def told(event: StreamEvent, name: ChannelName) -> bool:
    return isinstance(event, ChannelEvent) and event.channel == name


@pytest.mark.parametrize("line", [over_cables, over_tcp, lambda: over_tcp("svc")])
async def test_the_state_is_told_before_what_follows_from_it(line: Callable[[], Any]) -> None:
    async with line() as (mediator, console):
        await mediator.until(StateChanged(LOS, WORK), ChannelEvent("kpd1", Up()))
        await mediator.until(ChannelEvent("kpd2", Up()))
        first = next(event for event in mediator.events if not isinstance(event, ChannelEvent))
        ups = [event for event in mediator.events if isinstance(event, ChannelEvent) and event.event == Up()]
        assert mediator.events.index(first) < mediator.events.index(ups[0])
        console.send("kpd1", b"command")
        mediator.send("kpd2", b"event")
        await mediator.until(ChannelEvent("kpd1", Message(b"command")))
        await console.until(ChannelEvent("kpd2", Message(b"event")))


@pytest.mark.parametrize("line", [over_cables, over_tcp])
async def test_a_fault_cuts_both_directions_until_it_ends(line: Callable[[], Any]) -> None:
    async with line() as (mediator, console):
        await mediator.until(ChannelEvent("kpd1", Up()))
        await mediator.until(ChannelEvent("kpd2", Up()))
        mediator.events.clear()
        mediator.stream.fault(OFF)
        await mediator.until(StateChanged(WORK, OFF))
        await mediator.happens(lambda: not any(ch.up for ch in mediator.stream.channels.values()))
        assert mediator.stream.faults == {"receive": OFF, "transmit": OFF}
        downs = [
            e.event for e in mediator.events if isinstance(e, ChannelEvent) and isinstance(e.event, Down)
        ]
        assert CLOSED not in [down.reason for down in downs]  # it is held, not gone
        mediator.send("kpd1", b"meanwhile")
        mediator.stream.fault(None)
        await mediator.until(ChannelEvent("kpd1", Up()))
        assert mediator.stream.state is WORK
        await console.until(ChannelEvent("kpd1", Message(b"meanwhile")))


@pytest.mark.parametrize("state", [StreamState.AIS, StreamState.LOF, StreamState.RAI, StreamState.LOMF])
async def test_states_of_an_e1_can_not_be_injected(state: StreamState) -> None:
    stream = XotCarrier(circuits("dce", initiator=False), listen=("127.0.0.1", 0))
    with pytest.raises(ValueError, match=f'{state}: a line "xot" has no E1 frames'):
        stream.fault(state)
    assert stream.faults == {"receive": None, "transmit": None}


async def test_an_orderly_end_of_a_connection_is_told_from_a_broken_one() -> None:
    async with over_tcp() as (mediator, console):
        await mediator.until(ChannelEvent("kpd1", Up()))
        await mediator.until(ChannelEvent("kpd2", Up()))
        console.stream.disconnect("kpd1")
        await mediator.until(ChannelEvent("kpd1", Down(CLOSED)))
        assert mediator.stream.state is WORK  # one circuit is enough
        console.stream.lines["kpd2"].cut(True)
        await mediator.until(StateChanged(WORK, LOS))
        downs = [e.event for e in mediator.events if e == ChannelEvent("kpd2", Down(CLOSED))]
        assert downs == []
        console.stream.connect("kpd1")
        await mediator.until(ChannelEvent("kpd1", Down(CLOSED)), ChannelEvent("kpd1", Up()))


async def test_a_circuit_that_nobody_wants_is_broken_not_refused() -> None:
    async with over_tcp() as (mediator, console):
        for name in NAMES:
            mediator.stream.disconnect(name)
        await console.happens(
            lambda: not any(channel.connected for channel in console.stream.channels.values())
        )
        assert not any(
            isinstance(e, ChannelEvent) and isinstance(e.event, ChannelAlarm) and "refuses" in e.event.text
            for e in console.events
        )
        mediator.stream.connect("kpd2")
        await console.until(ChannelEvent("kpd2", Up()))


async def test_hosts_that_may_not_connect_are_sent_away_and_told() -> None:
    async with over_tcp(allows=lambda host: False) as (mediator, console):
        await mediator.happens(lambda: mediator.stream.counters()["strangers"] >= 2)
        told = mediator.stream.take_strangers()
        assert told
        assert all(address.startswith("127.0.0.1:") for address in told)
        assert mediator.stream.state is LOS
        assert not any(channel.up for channel in console.stream.channels.values())


async def test_a_circuit_that_has_its_console_refuses_another() -> None:
    async with over_tcp() as (mediator, console):
        await console.until(ChannelEvent("kpd1", Up()))
        ends = console.stream.addresses("kpd1")  # type: ignore[attr-defined]
        other = End(XotCarrier(circuits("dte", initiator=True), dial=ends[1]))
        await other.stream.start()
        try:
            await mediator.happens(lambda: mediator.stream.counters()["strangers"] >= 4)
            assert mediator.stream.take_strangers()
            assert console.stream.channels["kpd1"].up
            # It was not told that there is no such circuit, and is there as soon as it is free.
            assert not any(
                isinstance(e, ChannelEvent) and isinstance(e.event, ChannelAlarm) for e in other.events
            )
            console.stream.disconnect("kpd1")
            await other.until(ChannelEvent("kpd1", Up()))
        finally:
            other.stream.close()
            await other.stream.wait_closed()


async def test_nobody_there_is_told_once_however_often_it_is_tried() -> None:
    mediator = XotCarrier(circuits("dce", initiator=False), listen=("127.0.0.1", 0))
    host, _, port = (await mediator.start()).rpartition(":")
    mediator.close()
    await mediator.wait_closed()
    console = End(XotCarrier(circuits("dte", initiator=True), dial=(host, int(port))))
    await console.stream.start()

    def complaints() -> list[str]:
        return [
            e.event.text
            for e in console.events
            if isinstance(e, ChannelEvent) and e.channel == "kpd1" and isinstance(e.event, ChannelAlarm)
        ]

    again = XotCarrier(circuits("dce", initiator=False), listen=(host, int(port)))
    try:
        await console.happens(complaints)
        await again.start()
        await console.until(ChannelEvent("kpd1", Up()))
        assert len([text for text in complaints() if f"127.0.0.1:{port} can't be reached" in text]) == 1
    finally:
        for stream in (console.stream, again):
            stream.close()
            await stream.wait_closed()


async def test_too_many_silent_connections_are_not_kept() -> None:
    async with over_tcp("svc") as (mediator, console):
        await console.until(ChannelEvent("kpd1", Up()))
        await console.until(ChannelEvent("kpd2", Up()))
        where = console.stream.addresses("kpd1")  # type: ignore[attr-defined]
        silent = [await asyncio.open_connection(*where[1]) for _ in range(140)]
        for reader, _ in silent[:12]:  # the oldest make room
            async with asyncio.timeout(60):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
        assert mediator.stream.counters()["silent_dropped"] == 12
        for kept in (silent[12], silent[-1]):  # they are answered
            kept[1].write(record(CallRequest(called="3").encode()))
            async with asyncio.timeout(60):
                assert (await kept[0].read()).hex()[8:] == "1001130d00"
        for _, writer in silent:
            writer.close()
        assert mediator.stream.state is WORK


async def test_who_does_not_read_is_not_read_from() -> None:
    async with over_tcp() as (mediator, console):
        await console.until(ChannelEvent("kpd1", Up()))
        where = console.stream.addresses("kpd1")  # type: ignore[attr-defined]
        console.stream.disconnect("kpd1")
        await mediator.until(ChannelEvent("kpd1", Up()), ChannelEvent("kpd1", Down(CLOSED)))
        connection = socket.create_connection(where[1])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        reader, writer = await asyncio.open_connection(sock=connection)
        writer.transport.pause_reading()  # else the reader takes some, and how much is up to chance
        reset, interrupt = bytes.fromhex("10011b0000"), bytes.fromhex("10012301")
        writer.write(record(PvcSetup().encode()) + record(reset))
        await mediator.until(ChannelEvent("kpd1", Down(CLOSED)), ChannelEvent("kpd1", Up()))
        link = mediator.stream.lines["kpd1"].link
        link._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)

        writer.write(record(interrupt) * 100_000)  # each is answered by 7 octets
        await mediator.happens(lambda: not link._transport.is_reading())
        assert link._transport.get_write_buffer_size() < 400_000
        writer.transport.resume_reading()
        async with asyncio.timeout(60):
            await reader.readexactly(700_000)  # and it goes on when they are read
        writer.transport.abort()


async def test_packets_are_told_for_captures() -> None:
    async with over_tcp() as (_mediator, console):
        await console.until(ChannelEvent("kpd1", Up()))
        packets = [
            event.event
            for event in console.events
            if isinstance(event, ChannelEvent)
            and event.channel == "kpd1"
            and isinstance(event.event, PacketCrossed)
        ]
        assert [packet.outbound for packet in packets[:2]] == [True, False]
        assert packets[0].packet[2] == packets[1].packet[2] == 0xF5  # PVC Setup and its answer


async def test_a_cable_carries_more_than_its_buffers_hold() -> None:
    cable = NullModem()
    ends = [os.open(name, os.O_RDWR | os.O_NOCTTY) for name in cable.names]
    data = bytes(range(256)) * 2000

    def write_all() -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(ends[0], rest) :]

    def read_all() -> bytes:
        found = b""
        while len(found) < len(data):
            found += os.read(ends[1], 4096)
        return found

    writing = asyncio.create_task(asyncio.to_thread(write_all))
    try:
        async with asyncio.timeout(20):
            assert await asyncio.to_thread(read_all) == data
            await writing
    finally:
        cable.close()
        cable.close()
        for end in ends:
            os.close(end)
