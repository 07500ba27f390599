"""What an E1 stream toward the console is made of: its settings from the lab file, and the line that carries it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Literal, NamedTuple, Protocol

from e1.carriers.bare import BareStream, SerialStream, XotStream
from e1.carriers.memory import FRAME_RATE, LineModel, MemoryLine
from e1.carriers.satop import SatopConfig, SatopLine
from e1.carriers.satop_socket import SatopSocket, Tap
from e1.carriers.serial_line import SerialConfig
from e1.carriers.xot import XotConfig
from e1.carriers.xot_socket import Address
from e1.g704.frames import TIMESLOTS
from e1.stream import ChannelName, E1Stream, StreamConfig, StreamEvent
from sorm_mediator.addresses import host_port, split_host_port
from sorm_mediator.config import E1Config
from sorm_mediator.errors import BoxError

Role = Literal["dte", "dce"]
OPPOSITE: dict[Role, Role] = {"dte": "dce", "dce": "dte"}
UNPLUGGED = 1.0
"""Seconds after which an end of a line in memory that nobody drives counts as pulled out."""
FOLLOWER_PACKETS = 2
"""That wait at an end that follows the other's clock."""
FOLLOWER_PATIENCE = 0.5
"""Seconds that it waits for that clock before its own goes on."""
MOST_BEHIND = 0.1
"""Seconds that a clock catches up with after it was asleep; beyond that the frames are left out."""


def stream_config(config: E1Config, *, far_end: bool = False, data: bool = True) -> StreamConfig:
    """One end of a stream: the mediator's, or the console's, which plays the other side of X.25.

    ``x25.caller`` places the call of a switched circuit. Without ``data`` the stream is there for speech alone.
    Raises :class:`ValueError` for settings that contradict each other.
    """
    role = OPPOSITE[config.mode] if far_end else config.mode
    return StreamConfig(
        crc4=config.crc4,
        data=data,
        kpd1_timeslot=config.kpd1_timeslot,
        kpd2_timeslot=config.kpd2_timeslot,
        lapb=config.lapb.build(role=role),
        x25=config.x25.build(role=role, calls=role == config.x25.caller),
        alarms=config.alarms.build(),
        ksl_timeslots=config.ksl_timeslots,
        silence=config.silence,
    )


class Carrier(Protocol):
    """What carries a stream."""

    async def start(self) -> str:
        """Open it; its address, "" when it has none. Raises :class:`BoxError` or :class:`OSError`."""

    def close(self) -> None:
        """A second call does nothing."""

    async def wait_closed(self) -> None:
        """Until it is closed entirely."""

    def counters(self) -> dict[str, int]:
        """What the line has counted."""

    def take_strangers(self) -> list[str]:
        """Addresses that have begun to send to the line though it is another's, each told once."""


class Line(Carrier, Protocol):
    """What carries the frames of a stream."""

    def exchange(self, stream: E1Stream) -> list[StreamEvent]:
        """Give the stream what has arrived, and take from it the frames that are due."""


class End(NamedTuple):
    """One end of a line that is ready to be started."""

    stream: Any
    """:class:`~e1.stream.E1Stream`, or :class:`~e1.carriers.bare.BareStream` where there are no frames."""
    line: Carrier
    exchange: Callable[[], list[StreamEvent]]
    """To be called again and again: what has happened."""


def framed(stream: E1Stream, line: Line) -> End:
    """A stream on a line that carries its frames."""
    return End(stream, line, lambda: line.exchange(stream))


def satop_config(config: E1Config, *, far_end: bool = False) -> SatopConfig:
    """One end of a circuit: the mediator's, or the console's, which follows its clock (or is followed by it).

    An end that follows sends a frame for each that arrives and keeps nearly nothing back, so that neither runs dry
    when one of them is held up.
    """
    own: SatopConfig = config.satop.build(jitter=config.jitter)
    if not far_end:
        return own
    if own.clock == "received":
        return replace(own, clock="own")
    return replace(own, clock="received", jitter_packets=FOLLOWER_PACKETS, patience=FOLLOWER_PATIENCE)


class SatopEnd:
    """A stream in UDP packets (RFC 4553)."""

    def __init__(
        self,
        local: str,
        remote: str = "",
        *,
        line: SatopConfig,
        key: str = "e1.local",
        allows: Callable[[str], bool] = lambda host: True,
    ) -> None:
        """``allows``: hosts that may be the other end, if that is learnt.

        Raises :class:`ValueError` for what is no host:port.
        """
        self._key, self._local = key, local
        where = split_host_port(remote) if remote else None
        self._socket = SatopSocket(SatopLine(line), split_host_port(local), where, allows=allows)

    async def start(self) -> str:
        try:
            host, port = await self._socket.start()
        except OSError as error:
            raise BoxError(
                f"{self._key}: {self._local} can't be listened on: {error.strerror or error}"
            ) from error
        return host_port(host, port)

    def record(self, tap: Tap) -> None:
        """Show every datagram of the circuit to ``tap`` from now on."""
        self._socket.tap = tap

    def exchange(self, stream: E1Stream) -> list[StreamEvent]:
        return self._socket.exchange(stream)

    def close(self) -> None:
        self._socket.close()

    async def wait_closed(self) -> None:
        """It is closed at once."""

    def counters(self) -> dict[str, int]:
        line = self._socket.line
        return {**asdict(line.counters), "strangers": self._socket.strangers, "unsent": self._socket.unsent}

    def take_strangers(self) -> list[str]:
        return [host_port(*stranger) for stranger in self._socket.take_strangers()]


class MemoryEnd:
    """One end of a line within this process; :attr:`far` is the other one. Made by :func:`memory_pair`."""

    far: MemoryEnd

    def __init__(self, out: MemoryLine, into: MemoryLine, clock: Callable[[], float]) -> None:
        self._out, self._in = out, into
        self._clock = clock
        self._begin: float | None = None
        self._given = 0  # frames since then
        self._seen = float("-inf")

    async def start(self) -> str:
        return ""

    def exchange(self, stream: E1Stream) -> list[StreamEvent]:
        now = self._seen = self._clock()
        frames = self._due(now)
        arrived = self._in.take(now)
        if not self.far.plugged_in(now):
            arrived += bytes(frames * TIMESLOTS)  # no pulses
        events = stream.receive(arrived, now)
        if frames:
            sent = stream.transmit(frames, now)
            if self.far.plugged_in(now):
                self._out.put(sent, now)
            else:
                self._out.take(float("inf"))  # there is no wire that could keep it
        return events

    def plugged_in(self, now: float) -> bool:
        """Whether anybody drives this end."""
        return now - self._seen <= UNPLUGGED

    def _due(self, now: float) -> int:
        if self._begin is None or now - self._begin - self._given / FRAME_RATE > MOST_BEHIND:
            self._begin, self._given = now, 0
        frames = int((now - self._begin) * FRAME_RATE) - self._given
        self._given += frames
        return frames

    def close(self) -> None:
        """Pull the plug."""
        self._seen = float("-inf")

    async def wait_closed(self) -> None:
        """It is closed at once."""

    def counters(self) -> dict[str, int]:
        return {"bit_errors": self._out.bit_errors, "line_slips": self._out.slips}

    def take_strangers(self) -> list[str]:
        return []


def memory_pair(
    model: LineModel | None = None, clock: Callable[[], float] = time.monotonic
) -> tuple[MemoryEnd, MemoryEnd]:
    """Both ends of a line within this process; ``model``: what each direction does to its bits."""
    there, back = MemoryLine(model, 0), MemoryLine(model, 1)
    near, far = MemoryEnd(there, back, clock), MemoryEnd(back, there, clock)
    near.far, far.far = far, near
    return near, far


def open_line(config: E1Config, allows: Callable[[str], bool] = lambda host: True) -> Line:
    """The mediator's end of a line that carries frames, as the lab file names it.

    ``allows``: hosts that may be the other end, if the file doesn't name it.
    """
    if config.line == "memory":
        return memory_pair(LineModel(**config.memory.model_dump()))[0]
    key = f"e1.{config.stream}.local"
    return SatopEnd(config.local, config.remote, line=satop_config(config), key=key, allows=allows)


# --- Lines that bring data channels and no timeslots, from the lab file: two ttys, or two circuits over TCP.


CONSOLE_AGAIN = 0.5
"""Seconds until the console of this product tries a circuit again, however it was lost or refused."""


def bare_stream(config: E1Config, allows: Callable[[str], bool] = lambda host: True) -> BareStream:
    """The mediator's end; ``allows``: hosts that may connect over TCP. Raises :class:`ValueError`."""
    if config.line == "serial":
        return serial_stream(config)
    if config.remote:
        return xot_stream(config, dial=split_host_port(config.remote))
    return xot_stream(config, listen=split_host_port(config.local), allows=allows)


def serial_stream(config: E1Config, *, far_end: bool = False) -> SerialStream:
    """Either end of two ttys. Raises :class:`ValueError` for settings that contradict each other."""
    ports, end = config.serial, stream_config(config, far_end=far_end)
    urls: dict[ChannelName, str] = (
        {"kpd1": ports.console_kpd1, "kpd2": ports.console_kpd2}
        if far_end
        else {"kpd1": ports.kpd1, "kpd2": ports.kpd2}
    )
    return SerialStream(
        {
            name: SerialConfig(
                url=url,
                baudrate=ports.baudrate,
                rtscts=ports.rtscts,
                watch_carrier=ports.watch_carrier,
                accm=ports.accm,
                reopen=ports.reopen,
            )
            for name, url in urls.items()
        },
        end.lapb,
        end.x25,
    )


def xot_stream(
    config: E1Config,
    *,
    listen: Address | None = None,
    dial: Address | None = None,
    far_end: bool = False,
    again: float = CONSOLE_AGAIN,
    allows: Callable[[str], bool] = lambda host: True,
) -> XotStream:
    """Either end of two circuits over TCP, which listens or connects; ``again``: see :data:`CONSOLE_AGAIN`.

    Raises :class:`ValueError`.
    """
    xot, x25 = config.xot, stream_config(config, far_end=far_end).x25
    names = (xot.interface, xot.console_interface)
    own, peer = reversed(names) if far_end else names
    retries = (again, again) if far_end else (xot.reconnect, xot.refused)

    def circuit(lcn: int, number: str) -> XotConfig:
        called, calling = (number, "") if dial else ("", number)  # who takes calls has the number as its own
        return XotConfig(
            x25=replace(x25, lcn=lcn, called_address=called, calling_address=calling),
            initiator=dial is not None,
            interface=own,
            peer_interface=peer,
            peer_lcn=lcn,
            setup_timeout=xot.setup_timeout,
            reconnect=retries[0],
            refused=retries[1],
        )

    return XotStream(
        {"kpd1": circuit(xot.kpd1_lcn, xot.kpd1_number), "kpd2": circuit(xot.kpd2_lcn, xot.kpd2_number)},
        listen=listen,
        dial=dial,
        allows=allows,
    )
