"""A SAToP circuit on a UDP socket, in an asyncio loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import asdict

from e1.carriers.carrier import Address, Tap, host_port
from e1.carriers.satop import SatopLine
from e1.stream import E1Stream, StreamEvent

_DRAIN = 1024
"""Datagrams read in one turn of the loop: more than a socket holds."""
_RECEIVE_BUFFER = 1 << 20
"""Octets of the receive buffer, as far as the system allows. It holds datagrams that arrive while this process is held
up. Linux allows 416 KB by default (``net.core.rmem_max``): some 500 packets of 1 ms."""
_FORGET = 10.0
"""Seconds after its last datagram until a stranger counts as a new one."""
_MOST_STRANGERS = 16
"""Strangers that are listed at a time. Datagrams of further strangers are only counted."""


class SatopSocket:
    """The line of an E1 stream over UDP (:class:`~e1.carriers.carrier.FrameLine`).

    ``remote`` None: the socket learns it from the first packet, and again after a loss of packets. So a far end may
    move to another port, but no other host can take over a working circuit. ``allows`` is true for hosts that the
    socket may learn from.
    Datagrams from other addresses are counted as ``strangers`` and dropped; :meth:`take_strangers` returns the senders.
    """

    def __init__(
        self,
        line: SatopLine,
        local: Address = ("127.0.0.1", 0),
        remote: Address | None = None,
        *,
        allows: Callable[[str], bool] = lambda host: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.line = line
        self.strangers = 0
        self.unsent = 0
        self.local = local
        """Our address, with the real port once the socket is open."""
        self._tap: Tap | None = None
        self._learns = remote is None
        self._remote = remote
        self._allows = allows
        self._clock = clock
        self._known_strangers: dict[Address, float] = {}  # when heard last
        self._new_strangers: list[Address] = []
        self._socket: socket.socket | None = None

    async def start(self) -> str:
        """Open the socket; returns its ``host:port``. Raises :class:`OSError` for an unusable address."""
        loop = asyncio.get_running_loop()
        family, _, _, _, address = (
            await loop.getaddrinfo(*self.local, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
        )[0]
        if self._remote is not None:
            found = await loop.getaddrinfo(*self._remote, family=family, type=socket.SOCK_DGRAM)
            self._remote = found[0][4][:2]  # type: ignore[assignment]
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            opened.bind(address)
        except OSError:
            opened.close()
            raise
        self._socket = opened
        loop.add_reader(opened, self._readable)
        self.local = opened.getsockname()[:2]
        return host_port(self.local)

    def close(self) -> None:
        """Close the socket; a second call does nothing."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        """Take the waiting datagrams, and ignore errors of earlier ones (no listener at the far port)."""
        if self._socket is None:
            return
        now = self._clock()
        for _ in range(_DRAIN):
            try:
                data, address = self._socket.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            if address[:2] != self._remote and not self._may_be_learnt(address[0]):
                self._stranger(address[:2], now)
                continue
            if self.line.received(data, now):
                self._remote = address[:2]
            if self._tap is not None:
                self._tap(False, self.local, address[:2], data)

    def _may_be_learnt(self, host: str) -> bool:
        return self._learns and self.line.loss and self._allows(host)

    def _stranger(self, address: Address, now: float) -> None:
        self.strangers += 1
        known = self._known_strangers
        for other in [each for each, heard in known.items() if now - heard > _FORGET]:
            del known[other]
        if address not in known:
            if len(known) >= _MOST_STRANGERS:
                return
            self._new_strangers.append(address)
        known[address] = now

    def take_strangers(self) -> list[str]:
        """``host:port`` of new strangers since the last call."""
        new, self._new_strangers = self._new_strangers, []
        return [host_port(address) for address in new]

    def record(self, tap: Tap) -> None:
        """Pass every datagram of the circuit to ``tap`` from now on."""
        self._tap = tap

    def counters(self) -> dict[str, int]:
        """Counters of the circuit and of the socket."""
        return {**asdict(self.line.counters), "strangers": self.strangers, "unsent": self.unsent}

    def exchange(self, stream: E1Stream) -> list[StreamEvent]:
        """Pass the received octets to the stream and send its due frames."""
        self._readable()
        now = self._clock()
        frames = self.line.due(now)
        if not frames:
            return stream.tick(now)
        events = stream.receive(self.line.play(frames), now)
        self._send(self.line.send(stream.transmit(frames, now), down=not stream.sends_signal))
        return events

    def _send(self, datagrams: list[bytes]) -> None:
        if self._socket is None or self._remote is None:
            self.unsent += len(datagrams)
            return
        for datagram in datagrams:
            try:
                self._socket.sendto(datagram, self._remote)
            except OSError:  # the far end is not there (yet), or no buffers: a line that loses
                self.unsent += 1
                continue
            if self._tap is not None:
                self._tap(True, self.local, self._remote, datagram)
