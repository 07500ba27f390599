"""A TCP connection as a careless peer has it: it may not read, stop in the middle, and end without a word."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final

KEPT: Final = 256 * 1024
"""The latest octets received that are kept."""
CONNECTED_WITHIN: Final = 3.0
"""Seconds for a connection."""
_FIRST: Final = 64
"""Octets at the beginning that are kept, whatever follows: the status line of an answer."""


class Wire(asyncio.Protocol):
    """One connection. ``received`` has the latest octets, ``closed`` tells that it is over."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.first = b""
        """The first octets received."""
        self.count = 0
        """Octets received."""
        self.closed = False
        self._finished = False
        self._news = asyncio.Event()

    @classmethod
    async def open(cls, address: tuple[str, int], *, own_host: str = "", buffer: int = 0) -> Wire | None:
        """A connection; None where there is none within :data:`CONNECTED_WITHIN`. ``buffer``: of the kernel, octets."""
        loop = asyncio.get_running_loop()
        local = (own_host, 0) if own_host else None
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            async with asyncio.timeout(CONNECTED_WITHIN):
                if not buffer:
                    return (await loop.create_connection(cls, *address, local_addr=local))[1]
                sock = socket.socket(family, socket.SOCK_STREAM)
                try:
                    sock.setblocking(False)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
                    await loop.sock_connect(sock, address)
                except BaseException:
                    sock.close()
                    raise
                return (await loop.create_connection(cls, sock=sock))[1]
        except (OSError, TimeoutError):
            return None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.count += len(data)
        if len(self.first) < _FIRST:
            self.first = (self.first + data)[:_FIRST]
        self.received += data
        del self.received[: len(self.received) - KEPT]
        self._news.set()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._news.set()

    async def write(self, data: bytes) -> None:
        """Send octets, without waiting for the peer to take them."""
        if not (self.closed or self._finished):
            self._transport.write(data)
        await asyncio.sleep(0)

    @property
    def unsent(self) -> int:
        """Octets that the peer has not taken."""
        return self._transport.get_write_buffer_size()

    def read(self, on: bool) -> None:
        """Read, or do not."""
        if not self.closed:
            (self._transport.resume_reading if on else self._transport.pause_reading)()

    async def news(self, within: float) -> bool:
        """Wait for octets or the end; false when nothing came."""
        self._news.clear()
        try:
            async with asyncio.timeout(within):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def finish(self) -> None:
        """Send no more, and go on reading (FIN)."""
        if not (self.closed or self._finished):
            self._finished = True
            self._transport.write_eof()

    async def close(self) -> None:
        """Close the connection; what is not sent is dropped."""
        await self._end(linger=False)

    async def reset(self) -> None:
        """End the connection by RST."""
        await self._end(linger=True)

    async def _end(self, *, linger: bool) -> None:
        sock = self._transport.get_extra_info("socket")
        if linger and not self.closed and sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()
        while not self.closed:
            await self.news(0.1)
