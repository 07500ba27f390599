"""The TCP channels, over real sockets: how a console may send, and what it can't do to others."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import termios
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from protocol import Broken, Channel, Options
from sorm_mediator.config import ConsoleConfig
from sorm_mediator.errors import BoxError
from sorm_mediator.faults.order import FaultOrder
from sorm_mediator.faults.registry import Faults
from sorm_mediator.mediator.binding import consoles as consoles_module
from sorm_mediator.mediator.binding.consoles import Consoles
from tests.mediator.gateway_harness import buffered

START = bytes.fromhex("CC010100313233343536")
SET_PASSWORD = bytes.fromhex("CC010306313233343536363534333231")
ANSWER = bytes.fromhex("CC01270200000000FF020100")


class Recorder:
    """A handler that writes down what happens, and wakes whoever waits for it."""

    def __init__(self) -> None:
        self.units: list[bytes] = []
        self.broken: list[Broken] = []
        self.links: list[tuple[str, Channel]] = []
        self.refused: list[tuple[Channel, str]] = []
        self.drains = 0
        self.answer: Callable[[bytes], None] = lambda raw: None
        self._changed = asyncio.Condition()

    def channel_opened(self, channel: Channel, peer: str) -> None:
        self.links.append(("up", channel))
        self._wake()

    def channel_closed(self, channel: Channel, peer: str) -> None:
        self.links.append(("down", channel))
        self._wake()

    def connection_refused(self, channel: Channel, peer: str, reason: str) -> None:
        self.refused.append((channel, reason))
        self._wake()

    def unit_received(self, raw: bytes, arrived: float) -> None:
        self.units.append(raw)
        self.answer(raw)
        self._wake()

    def unit_broken(self, broken: Broken, arrived: float) -> None:
        self.broken.append(broken)
        self._wake()

    def owes(self, channel: Channel) -> bool:
        return False

    def drained(self, channel: Channel) -> None:
        self.drains += 1
        self._wake()

    def _wake(self) -> None:
        async def notify() -> None:
            async with self._changed:
                self._changed.notify_all()

        self._task = asyncio.ensure_future(notify())

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(condition)


class Bench:
    """Consoles under test, with a handler that records."""

    def __init__(self, *, unit_timeout: float = 60.0, allow: tuple[str, ...] = ("127.0.0.0/8",)) -> None:
        self.handler = Recorder()
        config = ConsoleConfig(kpd1_port=0, kpd2_port=0, allow=allow)
        self.consoles = Consoles(config, Options(), self.handler, unit_timeout=unit_timeout)
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(
        self, channel: Channel = Channel.KPD1
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = self.consoles.ports[channel].address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        self.writers.append(writer)
        return reader, writer

    async def connected(
        self, channel: Channel = Channel.KPD1
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ups = self.handler.links.count(("up", channel))
        streams = await self.connect(channel)
        await self.handler.until(lambda: self.handler.links.count(("up", channel)) > ups)
        return streams


pytestmark = pytest.mark.filterwarnings(
    "ignore:Overriding the .event_loop_policy.:pytest.PytestDeprecationWarning"
)


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    """Both loops that the boxes run on: they differ in when they begin to read."""
    return request.param()


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., asyncio.Future[Bench]]]:
    benches: list[Bench] = []

    async def start(**arguments: object) -> Bench:
        bench = Bench(**arguments)  # type: ignore[arg-type]
        await bench.consoles.start()
        benches.append(bench)
        return bench

    yield start  # type: ignore[misc]
    for bench in benches:
        await bench.consoles.stop()
        for writer in bench.writers:
            writer.close()


async def test_a_console_that_sends_one_octet_at_a_time_is_understood(make) -> None:
    bench = await make()
    _, writer = await bench.connected()
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in START + SET_PASSWORD:
        writer.write(bytes([octet]))
        await writer.drain()
    await bench.handler.until(lambda: len(bench.handler.units) == 2)
    assert bench.handler.units == [START, SET_PASSWORD]


async def test_units_that_tcp_ran_together_are_told_apart(make) -> None:
    bench = await make()
    _, writer = await bench.connected()
    writer.write((START + SET_PASSWORD) * 500)
    await bench.handler.until(lambda: len(bench.handler.units) == 1000)
    assert bench.handler.units == [START, SET_PASSWORD] * 500


async def test_a_megabyte_of_noise_is_counted_held_nowhere_and_followed_by_an_answer(make) -> None:
    bench = await make()
    reader, writer = await bench.connected()
    port = bench.consoles.ports[Channel.KPD1]
    bench.handler.answer = lambda raw: bench.consoles.send(Channel.KPD1, ANSWER)
    held = []
    noise = os.urandom(1024 * 1024).replace(b"\xcc", b"\xcb")
    for start in range(0, len(noise), 65536):
        writer.write(noise[start : start + 65536])
        await writer.drain()
        held.append(buffered(port.connection))
    writer.write(START)
    assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), 10) == ANSWER
    assert bench.handler.units == [START]
    assert port.counters.noise_octets == len(noise)
    assert max(held) <= 270
    assert buffered(port.connection) == 0


async def test_random_octets_with_headers_among_them_do_not_stop_the_channel(make) -> None:
    bench = await make()
    _, writer = await bench.connected()
    writer.write(os.urandom(200_000))
    for _ in range(40):  # longer than any unit that the noise may have begun
        writer.write(START)
    await writer.drain()
    await bench.handler.until(lambda: bench.handler.units[-1:] == [START])


async def test_half_a_command_and_silence_is_broken_after_the_time_out(make) -> None:
    bench = await make(unit_timeout=0.05)
    _, writer = await bench.connected()
    writer.write(SET_PASSWORD[:12])
    await bench.handler.until(lambda: len(bench.handler.broken) == 1)
    assert bench.handler.broken[0].code == 3
    assert bench.handler.broken[0].raw == SET_PASSWORD[:12]
    writer.write(START)
    await bench.handler.until(lambda: bench.handler.units == [START])


async def test_the_time_out_counts_from_the_beginning_of_a_unit_however_alive_the_console_is(make) -> None:
    bench = await make(unit_timeout=0.2)
    _, writer = await bench.connected()
    for octet in SET_PASSWORD[:-1]:
        writer.write(bytes([octet]))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await bench.handler.until(lambda: bool(bench.handler.broken))
        if bench.handler.broken:
            break
    assert 0 < len(bench.handler.broken[0].raw) < len(SET_PASSWORD) - 1


async def test_the_next_unit_has_a_time_out_of_its_own(make) -> None:
    bench = await make(unit_timeout=0.1)
    _, writer = await bench.connected()
    writer.write(SET_PASSWORD + START[:2])
    await bench.handler.until(lambda: bool(bench.handler.broken))
    assert bench.handler.units == [SET_PASSWORD]
    assert bench.handler.broken[0].raw == START[:2]


async def test_half_a_command_and_the_end_of_the_connection_is_broken(make) -> None:
    bench = await make()
    reader, writer = await bench.connected()
    writer.write(START + SET_PASSWORD[:5])
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 10) == b""
    assert bench.handler.units == [START]
    assert [broken.raw for broken in bench.handler.broken] == [SET_PASSWORD[:5]]
    await bench.handler.until(lambda: bench.handler.links[-1] == ("down", Channel.KPD1))


async def test_all_commands_before_the_end_are_handled_and_answered(make) -> None:
    bench = await make()
    bench.handler.answer = lambda raw: bench.consoles.send(Channel.KPD1, ANSWER)
    reader, writer = await bench.connected()
    writer.write(START * 200)
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 10) == ANSWER * 200


async def test_a_second_console_is_refused_and_the_first_goes_on(make) -> None:
    bench = await make()
    bench.handler.answer = lambda raw: bench.consoles.send(Channel.KPD1, ANSWER)
    reader, writer = await bench.connected()
    second, _ = await bench.connect()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(second.readexactly(1), 10)
    await bench.handler.until(lambda: len(bench.handler.refused) == 1)
    channel, reason = bench.handler.refused[0]
    assert channel is Channel.KPD1
    assert "in use" in reason
    writer.write(START)
    assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), 10) == ANSWER
    assert bench.handler.links == [("up", Channel.KPD1)]


async def test_a_peer_that_is_not_allowed_is_refused(make) -> None:
    bench = await make(allow=("192.0.2.0/24",))
    await bench.connect()
    await bench.handler.until(lambda: bool(bench.handler.refused))
    assert bench.handler.refused == [(Channel.KPD1, "not in console.allow")]
    assert bench.handler.links == []


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.0.0.1", False),
        ("fe80::1%eth0", True),
        ("2001:db8::1", False),
        ("no address", False),
    ],
)
async def test_the_allow_list(host: str, allowed: bool) -> None:
    config = ConsoleConfig(allow=("10.0.0.0/8", "fe80::/10"))
    assert consoles_module.allowed(host, config.allow) is allowed


async def test_a_console_that_goes_away_makes_room_for_the_next(make) -> None:
    bench = await make()
    _, writer = await bench.connected()
    writer.close()
    await bench.handler.until(lambda: bench.handler.links[-1] == ("down", Channel.KPD1))
    bench.consoles.send(Channel.KPD1, ANSWER)
    assert bench.consoles.ports[Channel.KPD1].counters.deleted_units == 1
    _, writer = await bench.connected()
    writer.write(START)
    await bench.handler.until(lambda: bench.handler.units == [START])


async def test_a_console_that_does_not_read_is_dropped_at_the_limit(make) -> None:
    bench = await make()
    await bench.connected(Channel.KPD2)
    port = bench.consoles.ports[Channel.KPD2]
    held = 0
    while port.counters.not_reading == 0:
        bench.consoles.send(Channel.KPD2, ANSWER * 20)
        if port.connection is not None:
            held = max(held, buffered(port.connection))
        if port.counters.units_sent % 100 == 0:
            await asyncio.sleep(0)
    assert held <= bench.consoles.most_unsent + 2 * len(ANSWER * 20)
    await bench.handler.until(lambda: bench.handler.links[-1] == ("down", Channel.KPD2))
    await bench.connected(Channel.KPD2)


async def test_what_a_console_never_took_is_counted(make) -> None:
    """What the kernel holds when the connection ends is lost, not sent; the rest waits where it can be deleted."""
    bench = await make()
    port = bench.consoles.ports[Channel.KPD2]
    host, _, number = port.address.rpartition(":")
    with socket.create_connection((host, int(number))) as console:
        await bench.handler.until(lambda: port.connection is not None)
        for _ in range(60_000):
            bench.consoles.send(Channel.KPD2, ANSWER)
        await bench.handler.until(lambda: True)
        sent = port.counters.octets_sent
        taken = struct.unpack("i", fcntl.ioctl(console, termios.FIONREAD, b"\0" * 4))[0]
        console.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await bench.handler.until(lambda: ("down", Channel.KPD2) in bench.handler.links)
    counters = port.counters
    # What has arrived may not be acknowledged yet: so no less than what has not arrived is counted.
    assert counters.lost_units >= max(1, (sent - taken) // len(ANSWER) - 1)
    assert counters.units_sent + counters.deleted_units == 60_000
    assert counters.lost_units * len(ANSWER) < 4 * consoles_module.KERNEL_LIMIT


async def test_no_more_commands_are_read_from_a_console_that_does_not_read_the_answers(make) -> None:
    bench = await make()
    reader, writer = await bench.connected()
    port = bench.consoles.ports[Channel.KPD1]
    bench.handler.answer = lambda raw: bench.consoles.send(Channel.KPD1, ANSWER * 500)
    count = 3000
    flood = asyncio.ensure_future(_send_all(writer, START * count))
    held = []
    expected = count * 500 * len(ANSWER)
    async with asyncio.timeout(20):
        while expected:
            expected -= len(await reader.read(65536))
            held.append(buffered(port.connection))
    await flood
    assert bench.handler.units == [START] * count
    assert port.counters.not_reading == 0
    assert max(held) < bench.consoles.most_unsent


async def _send_all(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def test_drained_is_told_when_there_is_room_again(make) -> None:
    bench = await make()
    reader, _ = await bench.connected()
    port = bench.consoles.ports[Channel.KPD1]
    sent = 0
    while port.connection.is_drained:
        bench.consoles.send(Channel.KPD1, ANSWER * 500)
        sent += len(ANSWER) * 500
    bench.consoles.report_drained(Channel.KPD1)
    assert bench.handler.drains == 0
    await asyncio.wait_for(reader.readexactly(sent), 10)
    await bench.handler.until(lambda: bench.handler.drains == 1)


async def test_a_console_that_reads_slowly_takes_something_all_the_time(make) -> None:
    """Also while the kernel has no room yet for what waits."""
    bench = await make()
    port = bench.consoles.ports[Channel.KPD2]
    host, _, number = port.address.rpartition(":")
    with socket.socket() as console:
        console.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        console.connect((host, int(number)))
        await bench.handler.until(lambda: port.connection is not None)
        while 4 * port.connection.waiting <= 3 * bench.consoles.most_unsent:
            bench.consoles.send(Channel.KPD2, ANSWER)
        port.connection._loop = clock = Later()
        while bench.consoles.crowded(Channel.KPD2, 30.0):  # until its kernel has no more room either
            clock.seconds += 60
            assert clock.seconds < 3600
        waiting, left = port.connection.waiting, port.connection.unacknowledged
        async with asyncio.timeout(10):
            while port.connection.unacknowledged == left:
                assert console.recv(2048)
                await asyncio.sleep(0)
        assert port.connection.waiting == waiting
        assert bench.consoles.crowded(Channel.KPD2, 30.0)


class Later:
    """The event loop, with a clock that is ahead."""

    def __init__(self) -> None:
        self._loop, self.seconds = asyncio.get_running_loop(), 0.0

    def time(self) -> float:
        return self._loop.time() + self.seconds

    def __getattr__(self, name: str) -> object:
        return getattr(self._loop, name)


async def test_deleting_what_is_unsent_leaves_whole_units(make) -> None:
    bench = await make()
    reader, _ = await bench.connected()
    port = bench.consoles.ports[Channel.KPD1]
    while port.connection.is_drained:
        bench.consoles.send(Channel.KPD1, ANSWER)
    for _ in range(100):
        bench.consoles.send(Channel.KPD1, ANSWER)
    bench.consoles.delete_unsent()
    assert port.counters.deleted_units == 100
    bench.consoles.send(Channel.KPD1, START)
    sent = port.counters.units_sent
    octets = await asyncio.wait_for(reader.readexactly(sent * len(ANSWER) + len(START)), 10)
    assert octets == ANSWER * sent + START


class Written:
    """Stands for a capture: what each write toward the console was."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def opened(self, *_: object) -> None: ...
    def closed(self, *_: object) -> None: ...

    def crossed(self, _: object, octets: bytes, *, sent: bool) -> None:
        assert sent
        self.pieces.append(octets)


async def test_units_of_one_moment_share_packets_and_none_is_spread_over_two(make) -> None:
    bench = await make()
    bench.consoles.capture = written = Written()
    reader, _ = await bench.connected(Channel.KPD2)
    bench.consoles.gather()
    most = consoles_module.PACKET // len(ANSWER)
    for _ in range(most):
        bench.consoles.send(Channel.KPD2, ANSWER)
    assert written.pieces == [], "they wait for each other"
    for _ in range(300 - most):
        bench.consoles.send(Channel.KPD2, ANSWER)
    assert len(written.pieces) == 2, "no longer than until a packet is full"
    bench.consoles.flush()
    assert [len(piece) // len(ANSWER) for piece in written.pieces] == [most, most, 300 - 2 * most]
    assert b"".join(written.pieces) == ANSWER * 300
    assert await reader.readexactly(300 * len(ANSWER)) == ANSWER * 300
    bench.consoles.send(Channel.KPD2, ANSWER)
    assert written.pieces[-1] == ANSWER, "what is sent by itself goes at once"
    assert bench.consoles.ports[Channel.KPD2].counters.units_sent == 301


async def test_each_unit_is_a_write_of_its_own_where_the_option_says_so(make) -> None:
    bench = await make()
    bench.consoles.capture = written = Written()
    bench.consoles.coalesce = False
    await bench.connected(Channel.KPD2)
    bench.consoles.gather()
    for _ in range(3):
        bench.consoles.send(Channel.KPD2, ANSWER)
    assert written.pieces == [ANSWER] * 3


async def test_what_was_gathered_before_a_deletion_is_sent(make) -> None:
    bench = await make()
    reader, _ = await bench.connected(Channel.KPD2)
    bench.consoles.gather()
    bench.consoles.send(Channel.KPD2, ANSWER)
    bench.consoles.delete_unsent()
    assert await reader.readexactly(len(ANSWER)) == ANSWER
    assert bench.consoles.ports[Channel.KPD2].counters.deleted_units == 0


async def test_what_comes_in_on_kpd2_is_no_command(make) -> None:
    bench = await make()
    _, writer = await bench.connected(Channel.KPD2)
    writer.write(START)
    writer.write_eof()
    await bench.handler.until(lambda: bench.handler.links[-1] == ("down", Channel.KPD2))
    assert bench.handler.units == []
    assert bench.consoles.ports[Channel.KPD2].counters.noise_octets == len(START)


async def test_a_port_in_use_is_one_clear_error_and_leaves_nothing_open(make) -> None:
    bench = await make()
    taken = int(bench.consoles.ports[Channel.KPD1].address.rpartition(":")[2])
    other = Consoles(ConsoleConfig(kpd1_port=0, kpd2_port=taken), Options(), Recorder(), unit_timeout=1)
    with pytest.raises(BoxError, match=rf"console\.kpd2_port: 127\.0\.0\.1:{taken} is in use.*0 = any free"):
        await other.start()
    assert all(port.server is None for port in other.ports.values())


async def test_a_console_that_comes_back_at_once_is_never_taken_for_a_second_one(make) -> None:
    bench = await make()
    host, _, port = bench.consoles.ports[Channel.KPD1].address.rpartition(":")

    def links(state: str) -> int:
        return bench.handler.links.count((state, Channel.KPD1))

    for _ in range(50):
        ups, downs, units = links("up"), links("down"), len(bench.handler.units)
        # Blocking sockets: the gateway sees the end and the new connection in one turn of its loop.
        old = socket.create_connection((host, int(port)))
        await bench.handler.until(lambda before=ups: links("up") == before + 1)
        old.sendall(START)
        old.close()
        new = socket.create_connection((host, int(port)))
        new.sendall(SET_PASSWORD)
        await bench.handler.until(lambda before=units: len(bench.handler.units) == before + 2)
        new.close()
        await bench.handler.until(lambda before=downs: links("down") == before + 2)
    assert bench.handler.refused == []
    assert bench.handler.units == [START, SET_PASSWORD] * 50


async def test_attempts_that_a_console_broke_off_are_not_in_the_way_of_its_next(make) -> None:
    bench = await make()
    host, _, port = bench.consoles.ports[Channel.KPD1].address.rpartition(":")
    # Blocking sockets, and no turn of the gateway's loop in between: all of them wait in its backlog.
    for _ in range(40):
        with socket.create_connection((host, int(port))) as attempt:
            attempt.sendall(START)
    stays = socket.create_connection((host, int(port)))
    stays.sendall(SET_PASSWORD)
    await bench.handler.until(lambda: bench.handler.units[-1:] == [SET_PASSWORD])
    assert bench.handler.refused == []
    assert bench.handler.units == [START] * 40 + [SET_PASSWORD]
    second = socket.create_connection((host, int(port)))
    await bench.handler.until(lambda: len(bench.handler.refused) == 1)
    second.close()
    stays.close()


# --- faults of the network


async def test_a_cut_of_pair_0_keeps_the_console_out(make) -> None:
    bench = await make()
    bench.consoles.network = faults = Faults()
    cut = faults.begin(FaultOrder(link="kpd1", action="cut", pair=0))
    reader, _ = await bench.connect()
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(1), 10) == b""
    assert cut.did["refused"] == 1
    assert bench.handler.links == []
    faults.clear()
    await bench.connected()


@pytest.mark.parametrize("more", [0, 1])
async def test_drained_is_told_when_a_fault_has_let_go_of_all_that_it_may_hold(make, more: int) -> None:
    """Also when nothing waits behind what it holds: the rest of a table is sent only then."""
    bench = await make()
    bench.consoles.network = faults = Faults()
    reader, _ = await bench.connected()
    faults.begin(FaultOrder(link="kpd1", direction="to-console", action="delay", seconds=600))
    count = consoles_module.HELD_BACK + more
    for _ in range(count):
        bench.consoles.send(Channel.KPD1, ANSWER)
    bench.consoles.report_drained(Channel.KPD1)
    assert bench.handler.drains == 0
    faults.clear()
    assert await asyncio.wait_for(reader.readexactly(count * len(ANSWER)), 10) == ANSWER * count
    await bench.handler.until(lambda: bench.handler.drains > 0)
    assert bench.consoles.ports[Channel.KPD1].connection.is_drained


async def _half_a_command_behind_a_late_one(make, **arguments: float) -> tuple[Bench, asyncio.StreamWriter]:
    """A fault holds a whole command back when half of another one comes."""
    bench = await make(**arguments)
    bench.consoles.network = faults = Faults()
    _, writer = await bench.connected()
    faults.begin(FaultOrder(link="kpd1", direction="from-console", action="delay", seconds=600))
    writer.write(START + SET_PASSWORD[:9])
    return bench, writer


def _broken_before_units(bench: Bench) -> list[int]:
    """Of each unit that comes from now on: how many broken ones came before it."""
    found: list[int] = []
    bench.handler.answer = lambda raw: found.append(len(bench.handler.broken))
    return found


async def test_a_command_that_breaks_off_does_not_overtake_a_late_one(make) -> None:
    bench, _ = await _half_a_command_behind_a_late_one(make, unit_timeout=0.01)
    broken_before = _broken_before_units(bench)
    connection = bench.consoles.ports[Channel.KPD1].connection
    async with asyncio.timeout(10):
        while connection._in.held < 2:  # noqa: ASYNC110 - nothing tells of what a fault holds
            await asyncio.sleep(0)
    assert bench.handler.broken == []
    assert bench.consoles.network is not None
    bench.consoles.network.clear()
    await bench.handler.until(lambda: len(bench.handler.broken) == 1)
    assert broken_before == [0]


async def test_at_the_end_of_the_connection_late_commands_come_before_one_that_breaks_off(make) -> None:
    bench, writer = await _half_a_command_behind_a_late_one(make)
    broken_before = _broken_before_units(bench)
    writer.write_eof()
    await bench.handler.until(lambda: len(bench.handler.broken) == 1)
    assert broken_before == [0]


async def test_no_more_is_read_than_a_fault_may_hold_back(make) -> None:
    bench = await make()
    bench.consoles.network = faults = Faults()
    _, writer = await bench.connected()
    connection = bench.consoles.ports[Channel.KPD1].connection
    faults.begin(FaultOrder(link="kpd1", direction="from-console", action="delay", seconds=600))
    writer.write(START * consoles_module.HELD_BACK + START[:9])
    async with asyncio.timeout(10):
        while connection._transport.is_reading():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
    held = connection._in.held
    assert held >= consoles_module.HELD_BACK
    writer.write(START[9:] + START)
    connection._unit_timed_out()  # the rest of the unit is on its way: it is not broken
    assert connection._in.held == held
    faults.clear()
    await bench.handler.until(lambda: len(bench.handler.units) == consoles_module.HELD_BACK + 2)
    assert bench.handler.broken == []


async def test_a_console_that_is_back_does_not_wait_for_what_a_fault_holds_back(make) -> None:
    bench = await make()
    bench.consoles.network = faults = Faults()
    _, writer = await bench.connected()
    connection = bench.consoles.ports[Channel.KPD1].connection
    faults.begin(FaultOrder(link="kpd1", direction="from-console", action="delay", seconds=600))
    writer.write(START * consoles_module.HELD_BACK)
    async with asyncio.timeout(10):
        while connection._transport.is_reading():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
    writer.close()
    await writer.wait_closed()
    await bench.connected()
    assert bench.handler.units == [START] * consoles_module.HELD_BACK
