"""A SAToP circuit on a UDP socket, in an asyncio loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from e1.carriers.satop import SatopLine
from e1.stream import E1Stream, StreamEvent

Tap = Callable[[bool, tuple[str, int], tuple[str, int], bytes], None]
"""Is shown each datagram of the circuit: whether it is sent, our address, that of the far end, the octets."""
_DRAIN = 1024
"""Datagrams read before the loop has its turn again: more than a socket keeps."""
_RECEIVE_BUFFER = 1 << 20
"""Octets, as far as the system allows: what comes while this process is held up waits there. Linux gives 416 KB unless
``net.core.rmem_max`` says otherwise: some 500 packets of 1 ms."""
_FORGET = 10.0
"""Seconds after its last datagram when a stranger counts as a new one."""
_MOST_STRANGERS = 16
"""Strangers that are told apart at a time; datagrams of more of them are counted only."""


class SatopSocket:
    """Datagrams in and out, and the clock that drives a stream over them.

    ``remote`` None: learnt from the first packet, and anew after a loss of packets, so that a far end may move to
    another port but nobody can take over a circuit that works; from hosts that ``allows`` takes. Datagrams from
    elsewhere are counted as ``strangers`` and left; :meth:`take_strangers` tells who they are.
    """

    def __init__(
        self,
        line: SatopLine,
        local: tuple[str, int] = ("127.0.0.1", 0),
        remote: tuple[str, int] | None = None,
        *,
        allows: Callable[[str], bool] = lambda host: True,
        batch: float = 0.005,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.line = line
        self.strangers = 0
        self.unsent = 0
        self.tap: Tap | None = None
        self._local = local
        self._learns = remote is None
        self._remote = remote
        self._allows = allows
        self._batch = batch
        self._clock = clock
        self._known_strangers: dict[tuple[str, int], float] = {}  # when heard last
        self._new_strangers: list[tuple[str, int]] = []
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> tuple[str, int]:
        """Open the socket; its address. Raises :class:`OSError` for an address that cannot be had."""
        loop = asyncio.get_running_loop()
        family, _, _, _, address = (
            await loop.getaddrinfo(*self._local, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
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
        host, port = opened.getsockname()[:2]
        self._local = host, port
        return host, port

    def close(self) -> None:
        """Close the socket and stop the clock; a second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        """Take what waits. Errors of earlier datagrams (nobody at the far port) show here and are nothing new."""
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
            if self.tap is not None:
                self.tap(False, self._local, address[:2], data)

    def _may_be_learnt(self, host: str) -> bool:
        return self._learns and self.line.loss and self._allows(host)

    def _stranger(self, address: tuple[str, int], now: float) -> None:
        self.strangers += 1
        known = self._known_strangers
        for other in [each for each, heard in known.items() if now - heard > _FORGET]:
            del known[other]
        if address not in known:
            if len(known) >= _MOST_STRANGERS:
                return
            self._new_strangers.append(address)
        known[address] = now

    def take_strangers(self) -> list[tuple[str, int]]:
        """Addresses that have begun to send to this circuit though it is another's, each told once."""
        new, self._new_strangers = self._new_strangers, []
        return new

    def exchange(self, stream: E1Stream) -> list[StreamEvent]:
        """Give the stream what the line brought and send what it has, as many frames as are due."""
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
            if self.tap is not None:
                self.tap(True, self._local, self._remote, datagram)

    def run(self, stream: E1Stream, on_events: Callable[[list[StreamEvent]], None]) -> None:
        """Drive ``stream`` every ``batch`` seconds until :meth:`close`; call it once the socket is open."""
        loop = asyncio.get_running_loop()

        def turn() -> None:
            self._timer = loop.call_later(self._batch, turn)
            if events := self.exchange(stream):
                on_events(events)

        turn()
