"""The socket and the timer of the speech of calls (:mod:`sorm_mediator.switch.calls.speech`).

Source: docs/voice.md; RFC 3550.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from radius.report import CallReport
from sorm_mediator.errors import BoxError
from sorm_mediator.switch.calls.speech import Speech


class SpeechSender:
    """The socket and the timer of :class:`Speech`. All methods are called from the event loop.

    ``host``: the source address; from the loopback only this machine is reachable.
    """

    def __init__(self, host: str, level: float) -> None:
        self.speech = Speech(level)
        self._host = host
        self.family = ipaddress.ip_address(host).version
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Open the socket. Raises :class:`BoxError`."""
        kind = socket.AF_INET6 if self.family == 6 else socket.AF_INET
        try:
            self._socket = socket.socket(kind, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket.bind((self._host, 0))
        except OSError as error:
            self.close()
            raise BoxError(f"switch.media.host: {self._host} can't be sent from: {error.strerror}") from error

    def close(self) -> None:
        """Stop sending, and close the socket. Safe to call again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def report(self, mediator: str, report: CallReport, *, speaking: bool) -> None:
        """See :meth:`Speech.report`."""
        self.speech.report(mediator, report, speaking=speaking, now=asyncio.get_running_loop().time())
        if self._timer is None:
            self._tick()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        if self._socket is None:
            return
        for address, datagram in self.speech.tick(loop.time()):
            try:
                self._socket.sendto(datagram, address)
            except OSError:
                # Speech is not queued: a datagram that can't be sent now is lost, as in any network.
                self.speech.counters["packets not sent"] += 1
        deadline = self.speech.next_deadline()
        if deadline is not None:
            self._timer = loop.call_at(deadline, self._tick)
