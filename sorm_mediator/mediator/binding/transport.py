"""The channels to the console as the gateway uses them: over TCP, or in E1 streams (:class:`~.streams.Streams`).

Order 268, 1.4.2 has two variants: all channels in E1 streams, or KPD1 and KPD2 over Ethernet (TCP) and the
speech in E1 streams.

:class:`ConsoleTransport` is what carries KPD1 and KPD2 for the gateway: :class:`TcpConsoleTransport`, or the
streams. :class:`E1Transport` has the mediator's E1: its streams, their speech, and what a stream's state means for
the lines in it. :class:`VoiceGateway` takes the RTP of the switch on one UDP port, through the matrix, to the KSL
of the streams.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from e1.g704.alarms import StreamState
from e1.stream import E1Stream
from e1.voice.matrix import LineTaken, VoiceMatrix
from protocol import Channel, Ksl, Options
from protocol.codes import KSL_NUMBERS
from radius.report import Media
from radius.sink import worth_a_line
from sorm_mediator.addresses import host_port
from sorm_mediator.config import Config, RtpConfig
from sorm_mediator.config.e1 import BARE
from sorm_mediator.errors import cannot_listen
from sorm_mediator.mediator.binding.consoles import Consoles, allowed
from sorm_mediator.mediator.binding.streams import StreamHandler, Streams
from sorm_mediator.mediator.core.tables import Line
from sorm_mediator.options import MediatorOptions, StreamFault

if TYPE_CHECKING:
    from sorm_mediator.mediator.binding.streams import Streams


log = logging.getLogger(__name__)

DATAGRAMS_A_TURN = 256
"""Datagrams read before the event loop turns to others."""
RECEIVE_BUFFER = 1 << 20
"""Octets: what comes in while the loop is busy must not be lost."""


class VoiceGateway:
    """The socket, the matrix, and which KSL of which stream have a call."""

    def __init__(self, config: RtpConfig) -> None:
        self._config = config
        self._socket: socket.socket | None = None
        self.matrix = VoiceMatrix(config.jitter.build())
        self._on: dict[int, set[int]] = {}
        """KSL that carry a call, by stream."""
        self._freed: dict[int, set[int]] = {}
        """KSL whose speech is to end at once, by stream."""
        self.socket_errors = 0
        """Errors of the socket, other than that nothing waits."""

    async def start(self) -> str:
        """Listen; returns ``host:port``. Raises :class:`~sorm_mediator.errors.BoxError`."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        host, port = self._config.host, self._config.port
        try:
            family, kind, _, _, where = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
            opened = socket.socket(family, kind)
            try:
                opened.setblocking(False)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
                opened.bind(where)
            except OSError:
                opened.close()
                raise
        except OSError as error:
            raise cannot_listen("rtp.port", host, port, error) from error
        self._socket = opened
        loop.add_reader(opened, self._readable)
        host, port = opened.getsockname()[:2]
        return host_port(host, port)

    def close(self) -> None:
        """Stop listening. A second call does nothing."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        now = self._loop.time()
        for _ in range(DATAGRAMS_A_TURN):
            if self._socket is None:
                return
            try:
                datagram = self._socket.recv(2048)
            except BlockingIOError:
                return
            except OSError as error:
                # Such as the ICMP error of a datagram that was sent; the next call reads on.
                self.socket_errors += 1
                if worth_a_line(self.socket_errors):
                    log.warning("speech: %s (%d errors of the socket so far)", error, self.socket_errors)
                continue
            self.matrix.rtp(datagram, now)

    def connect(self, line: Line, media: Media | None) -> None:
        """Give the parties of a call to a line; without ``media`` the line is silent.

        The core gives out each line to one call, and no more lines than there are conferences.
        """
        ssrcs = (None, None) if media is None else (media.a_ssrc, media.b_ssrc)
        try:
            self.matrix.connect(line, line.ksl_a, line.ksl_b, *ssrcs)
        except LineTaken as error:
            log.warning("speech: %s", error)
            return
        for ksl in line.ksls:
            self._on.setdefault(ksl.stream, set()).add(ksl.ksl)

    def free(self, line: Line) -> None:
        """Take the parties off a line: it is silent from the next octet on."""
        if self.matrix.free(line):
            for ksl in line.ksls:
                self._on[ksl.stream].discard(ksl.ksl)
                self._freed.setdefault(ksl.stream, set()).add(ksl.ksl)

    def fill(self, number: int, stream: E1Stream, frames: int, now: float) -> None:
        """Speech for the next frames of a stream."""
        for ksl in self._freed.pop(number, ()):
            stream.voice_clear(ksl)
        for ksl in self._on.get(number, ()):
            stream.voice_out(ksl, self.matrix.take((number, ksl), frames, now))

    def status(self) -> dict[str, Any]:
        """Conferences in use by submodule, and counters."""
        mixed, separate = self.matrix.lines()
        used, most = mixed + separate * self._config.separate_conferences, self._config.conferences
        return {
            "conferences": [
                f"{min(max(used - number * most, 0), most)} of {most}"
                for number in range(self._config.submodules)
            ],
            # exhausted: the pool of KSL lines never gives out more than there are conferences; the key stays
            "counters": asdict(self.matrix.counters) | {"exhausted": 0, "socket_errors": self.socket_errors},
            "sources": asdict(self.matrix.jitter_counters()),
        }


class ConsoleTransport(Protocol):
    """Pairs of data channels, by number of the stream."""

    async def start(self) -> dict[str, str]:
        """Open; returns endpoints by name. Raises :class:`~sorm_mediator.errors.BoxError`."""

    async def stop(self) -> None:
        """Send what waits as far as it is taken at once, and close."""

    def abort(self) -> None:
        """Close at once."""

    def send(self, stream: int, channel: Channel, raw: bytes) -> None:
        """Send one unit."""

    def delete_unsent(self, stream: int) -> None:
        """Delete what waits on both channels of a stream."""

    def report_drained(self, stream: int, channel: Channel) -> None:
        """Call ``drained`` of the handler when there is room for more."""

    def channel_rows(self) -> list[dict[str, Any]]:
        """The channels, for people and monitoring."""


class TcpConsoleTransport:
    """One pair of channels, which is stream 0; beside it ``speech``, the streams that carry the KSL alone."""

    def __init__(self, consoles: Consoles, speech: Streams | None = None) -> None:
        self._consoles = consoles
        self._speech = speech

    async def start(self) -> dict[str, str]:
        # The streams first: a console that connects at once gets no alarm about lines that are about to work.
        streams = {} if self._speech is None else await self._speech.start()
        return await self._consoles.start() | streams

    async def stop(self) -> None:
        await self._consoles.stop()
        if self._speech is not None:
            await self._speech.stop()

    def abort(self) -> None:
        self._consoles.abort()
        if self._speech is not None:
            self._speech.abort()

    def send(self, stream: int, channel: Channel, raw: bytes) -> None:
        self._consoles.send(channel, raw)

    def delete_unsent(self, stream: int) -> None:
        self._consoles.delete_unsent()

    def report_drained(self, stream: int, channel: Channel) -> None:
        self._consoles.report_drained(channel)

    def channel_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "stream": 0,
                "channel": str(port.channel),
                "address": port.address,
                "peer": port.connection.peer if port.connection else None,
                "counters": asdict(port.counters),
            }
            for port in self._consoles.ports.values()
        ]


class Meaning(NamedTuple):
    """What a state of a stream means."""

    alarm_code: int | None
    """Code of 21h; None: no fault."""
    speech: bool
    """Speech passes on its lines."""


def meanings(options: MediatorOptions) -> dict[StreamState, Meaning]:
    """What each state means, as the options have it."""
    usual: dict[StreamFault, int] = MediatorOptions.model_fields["stream_alarm_codes"].default
    codes = usual | options.stream_alarm_codes
    faults = {
        StreamState(name): Meaning(code, speech=name not in options.stream_unheard)
        for name, code in codes.items()
    }
    return faults | {StreamState.WORK: Meaning(None, speech=True)}


class Change(NamedTuple):
    """What is reported to the core (``ksl_changed``)."""

    ksls: tuple[Ksl, ...]
    in_service: bool
    alarm_code: int


class E1Transport:
    """Streams and speech. Raises :class:`~sorm_mediator.errors.BoxError` for settings that contradict each other.

    With ``console.link = "tcp"`` the streams are there for speech alone.
    """

    def __init__(self, config: Config, options: Options, handler: StreamHandler) -> None:
        self._meanings = meanings(config.mediator.options)
        self._restored_code = config.mediator.options.line_restored_code
        self._los_code = self._meanings[StreamState.LOS].alarm_code or 0
        self.voice = VoiceGateway(config.rtp)
        self.streams = Streams(
            config.e1,
            options,
            handler,
            fill=self.voice.fill,
            allows=lambda host: allowed(host, config.console.allow),
            data=config.console.link == "x25",
        )
        self.numbers = tuple(config.stream for config in config.e1)
        self._speechless = {config.stream for config in config.e1 if config.line in BARE}
        self.conferences = config.rtp.submodules * config.rtp.conferences
        self.rtp = ""
        """Where speech is received, ``host:port``; known once it is started."""

    async def start(self) -> None:
        """Listen for speech. Raises :class:`~sorm_mediator.errors.BoxError`."""
        self.rtp = await self.voice.start()

    def speech(self) -> dict[str, Any]:
        """Where speech is received, the conferences, and what was counted: for people."""
        return {"address": self.rtp, **self.voice.status()}

    def at_start(self) -> Change:
        """All lines are out of order until their stream is received for the first time; those of a line without
        timeslots for ever."""
        return Change(
            tuple(Ksl(stream, ksl) for stream in self.numbers for ksl in KSL_NUMBERS), False, self._los_code
        )

    def change(self, stream: int, old: StreamState, new: StreamState) -> Change | None:
        """What follows from a stream's new state; None when it means the same as the old one."""
        before, after = self._meanings[old], self._meanings[new]
        if before == after:
            return None
        speech_changes = before.speech != after.speech and stream not in self._speechless
        lines = tuple(Ksl(stream, ksl) for ksl in KSL_NUMBERS) if speech_changes else ()
        if after.alarm_code is None:
            return Change(lines, True, self._restored_code)
        return Change(lines, after.speech, after.alarm_code)
