"""The mediator's speech: RTP of the switch on one UDP port, through the matrix, onto the KSL of the streams."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import asdict
from typing import Any

from e1.stream import E1Stream
from e1.voice.matrix import LineTaken, VoiceMatrix
from protocol import Ksl
from radius.report import Media
from radius.sink import worth_a_line
from sorm_mediator.addresses import host_port
from sorm_mediator.config import RtpConfig
from sorm_mediator.errors import cannot_listen
from sorm_mediator.mediator.binding.listening import CannotListen, Listener, Listeners
from sorm_mediator.mediator.core.tables import Line

log = logging.getLogger(__name__)

DATAGRAMS_A_TURN = 256
"""Datagrams read before the event loop turns to others."""
RECEIVE_BUFFER = 1 << 20
"""Octets: what comes in while the loop is busy must not be lost."""


class VoiceGateway:
    """The socket, the matrix, and which KSL of which stream have a call."""

    def __init__(self, config: RtpConfig, streams: int = 1) -> None:
        """``streams``: E1 streams toward the console."""
        self._config = config
        self._shares = config.mediator_conferences(streams)
        self._socket: socket.socket | None = None
        self.matrix = VoiceMatrix(config.jitter.build())
        self._on: dict[int, set[int]] = {}
        """KSL that carry a call, by stream."""
        self._freed: dict[int, set[int]] = {}
        """KSL whose speech is to end at once, by stream."""
        self.listeners = Listeners()
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
        self.listeners.close()
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
                self.listeners.end(ksl)

    def listen(self, ksl: Ksl) -> Listener:
        """Listen to a KSL until its call is over. Raises :class:`~.listening.CannotListen`."""
        if ksl.ksl not in self._on.get(ksl.stream, ()):
            raise CannotListen(f"KSL {ksl.ksl} of stream {ksl.stream} carries no call now")
        return self.listeners.add(ksl)

    def leave(self, ksl: Ksl, listener: Listener) -> None:
        """The listener is gone."""
        self.listeners.remove(ksl, listener)

    def fill(self, number: int, stream: E1Stream, frames: int, now: float) -> None:
        """Speech for the next frames of a stream."""
        for ksl in self._freed.pop(number, ()):
            stream.voice_clear(ksl)
        for ksl in self._on.get(number, ()):
            octets = self.matrix.take((number, ksl), frames, now)
            stream.voice_out(ksl, octets)
            self.listeners.hear((number, ksl), octets)

    def status(self) -> dict[str, Any]:
        """Conferences in use by submodule, and counters."""
        mixed, separate = self.matrix.lines()
        used, shown = mixed + separate * self._config.separate_conferences, []
        for most in self._shares:
            shown.append(f"{min(used, most)} of {most}")
            used -= min(used, most)
        return {
            "conferences": shown,
            # exhausted: the pool of KSL lines never gives out more than there are conferences; the key stays
            "counters": asdict(self.matrix.counters) | {"exhausted": 0, "socket_errors": self.socket_errors},
            "sources": asdict(self.matrix.jitter_counters()),
        }
