"""What waits for a UDP socket in the kernel, how long it waited, and what the kernel had to drop. Linux only; elsewhere
nothing is known, which reads as nothing waits.

Source: Linux, ``SO_MEMINFO`` (``sock_diag.h``: the order of the values) and ``SIOCGSTAMP`` (socket(7)).
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Final, NamedTuple

_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("9I")
_RMEM_ALLOC, _RCVBUF, _DROPS = 0, 1, 8
_SIOCGSTAMP: Final = 0x8906
_TIMEVAL: Final = struct.Struct("ll")


class InKernel(NamedTuple):
    """State of the receive queue of a socket."""

    octets: int = 0
    """What the waiting datagrams take there, with the kernel's own records of them."""
    most: int = 0
    """Beyond so many octets a datagram is dropped."""
    dropped: int = 0
    """Datagrams dropped since the socket was opened."""


class Backlog:
    """Of one socket. ``wall``: Unix seconds, the clock of the kernel's time stamps."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._linux = sys.platform == "linux"
        self.oldest = 0.0
        """Seconds that the datagram in front waits, as far as it was seen last; 0: none waits."""
        self.longest = 0.0
        """The longest wait so far, in seconds."""

    def drained(self) -> None:
        """Nothing waits any more."""
        self.oldest = 0.0

    def more(self, sock: socket.socket) -> None:
        """A batch was read and more may wait: how long the last one of the batch had waited."""
        if not self._linux:
            return
        try:
            answer = fcntl.ioctl(sock.fileno(), _SIOCGSTAMP, bytes(_TIMEVAL.size))
        except OSError:  # the first call begins the time stamps and may have none yet
            return
        seconds, micros = _TIMEVAL.unpack(answer)
        self.oldest = max(0.0, self._wall() - seconds - micros / 1e6)
        self.longest = max(self.longest, self.oldest)

    def in_kernel(self, sock: socket.socket | None) -> InKernel:
        """What waits now."""
        if sock is None or not self._linux:
            return InKernel()
        try:
            values = _MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
        except (OSError, struct.error):  # a kernel before 4.12
            return InKernel()
        return InKernel(values[_RMEM_ALLOC], values[_RCVBUF], values[_DROPS])
