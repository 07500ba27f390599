"""The speech of controlled calls: a tone for each party, as RTP to the mediators that request it.

Each party sends a tone while the call is answered and not on hold. The last two digits of its number
determine the tone (:func:`tones`). :class:`Speech` (sans-IO) returns the datagrams that are due, with their
addresses; :mod:`sorm_mediator.switch.speech_sender` sends them.

Source: docs/voice.md; RFC 3550, RFC 3551 (PCMA, payload type 8, 20 ms).
"""

from __future__ import annotations

import ipaddress
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from e1.voice.rtp import FRAME, RtpPacket, build
from e1.voice.tones import tone
from radius.report import CallReport, Media
from sorm_mediator.addresses import host_of, port_number

LOWEST_TONE: Final = 400
TONE_STEP: Final = 50
TONES: Final = 60
"""Tones are 400, 450 ... 3350 Hz: each has a whole number of periods in 20 ms (our choice)."""
FRAME_SECONDS: Final = 0.02
MOST_BEHIND: Final = 5
"""Frames sent later when the timer is late; further ones are left out."""

Address = tuple[str, int]
Datagram = tuple[Address, bytes]


def tones(calling: str, called: str) -> tuple[int, int]:
    """The tones (Hz) of A and B by their numbers as shown to SORM; they always differ.

    A tone is 400 Hz plus 50 Hz times the last two digits modulo 60: 28331 has 1950 Hz, 28332 has 2000 Hz.
    Where both would be the same, B has the next one.
    """
    a, b = _step(calling), _step(called)
    if a == b:
        b = (b + 1) % TONES
    return LOWEST_TONE + TONE_STEP * a, LOWEST_TONE + TONE_STEP * b


def _step(number: str) -> int:
    digits = "".join(digit for digit in number if digit in "0123456789")
    return int(digits[-2:] or 0) % TONES


@cache
def _frame(frequency: int, level: float) -> bytes:
    """20 ms of a tone, repeatable without a break."""
    period = tone([frequency], level)
    return period * (FRAME // len(period))


def rtp_address(rtp: str, peer: str, family: int) -> Address:
    """The address of a mediator's ``host:port``; an unspecified one is replaced by the mediator's own.

    ``family``: IP version of the sending socket, 4 or 6. Raises :class:`ValueError` with the reason.
    """
    host, port = host_of(rtp), port_number(rtp.rpartition(":")[2])
    if not port:
        raise ValueError(f"rtp: {rtp[:100]!r} has no port from 1 to 65535")
    host = {"localhost": "127.0.0.1"}.get(host, host)
    if host in ("0.0.0.0", "::"):  # nosec B104 # noqa: S104 - recognised, not listened on
        host = host_of(peer)
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        raise ValueError(f"rtp: {host!r} is no IP address") from None
    if version != family:
        raise ValueError(f"rtp: {host} is IPv{version}; speech is sent by IPv{family} (switch.media.host)")
    return host, port


@dataclass(slots=True)
class _Talk:
    """The speech of one call for one mediator."""

    media: Media
    tones: tuple[int, int]
    talking: bool = False
    """Whether the last frame was sent. The first frame after a pause has the marker."""
    speaking: bool = False
    sequence: int = 0


class Speech:
    """The speech for each mediator, frame by frame. Time is in seconds of a monotonic clock."""

    def __init__(self, level: float) -> None:
        self.addresses: dict[str, Address] = {}
        """The address of each mediator that requested speech."""
        self.counters: Counter[str] = Counter()
        self._level = level
        self._talks: dict[tuple[str, str], _Talk] = {}
        self._speaking = 0
        self._epoch: float | None = None
        self._frame = 0
        """Number of the next frame since the epoch; timestamps follow from this number."""

    def report(self, mediator: str, report: CallReport, *, speaking: bool, now: float) -> None:
        """A report is being sent to a mediator. ``speaking``: the call is answered and not on hold."""
        key = mediator, report.call_id
        if report.kind == "stop":
            gone = self._talks.pop(key, None)
            self._speaking -= gone is not None and gone.speaking
            return
        if report.media is None:
            return
        both = tones(report.calling.digits, report.called.digits)
        talk = self._talks.setdefault(key, _Talk(report.media, both))
        talk.tones = both
        if speaking and not self._speaking:
            if self._epoch is None:
                self._epoch = now
            # The frames of a silence are skipped, so that timestamps keep its length.
            self._frame = max(self._frame, self._due(now - FRAME_SECONDS) + 1)
        self._speaking += speaking - talk.speaking
        talk.speaking = speaking
        talk.talking &= speaking

    def tick(self, now: float) -> list[Datagram]:
        """The datagrams that are due."""
        if not self._speaking:
            return []
        late = self._due(now) - self._frame
        if late >= MOST_BEHIND:
            self.counters["frames left out"] += late
            self._frame += late
        datagrams: list[Datagram] = []
        while self._frame <= self._due(now):
            datagrams += self._datagrams()
            self._frame += 1
        self.counters["packets"] += len(datagrams)
        return datagrams

    def next_deadline(self) -> float | None:
        """The time of the next ``tick``; None without speech."""
        if not self._speaking or self._epoch is None:
            return None
        return self._epoch + self._frame * FRAME_SECONDS

    def _due(self, now: float) -> int:
        """Number of the last frame that is due."""
        assert self._epoch is not None
        # Half a millisecond: a timer may fire early by the resolution of its clock.
        return math.floor((now - self._epoch + 0.0005) / FRAME_SECONDS)

    def _datagrams(self) -> Iterator[Datagram]:
        timestamp = self._frame * FRAME & 0xFFFF_FFFF
        for (mediator, _), talk in self._talks.items():
            address = self.addresses.get(mediator)
            if not talk.speaking or address is None:
                talk.talking = False
                continue
            sources = (talk.media.a_ssrc, talk.media.b_ssrc)
            for ssrc, frequency in zip(sources, talk.tones, strict=True):
                payload = _frame(frequency, self._level)
                marker = not talk.talking
                yield address, build(RtpPacket(talk.sequence, timestamp, ssrc, payload, marker=marker))
            talk.talking = True
            talk.sequence = talk.sequence + 1 & 0xFFFF
