"""The data channels toward the console, and the console time-out of order 70, clause 1.5.

Nothing is sent to nobody: a message for a channel that is down, or whose console has fallen silent for longer
than the time-out, is dropped and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol.codes import STREAMS, Channel
from sorm_mediator.mediator.core.effects import DropChannel, Send

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from protocol import Message
    from sorm_mediator.mediator.core.effects import Effect


@dataclass(slots=True)
class Stream:
    """One pair of data channels. Over TCP there is only stream 0."""

    kpd1: bool = False
    kpd2: bool = False
    blocked: bool = False
    """The console was silent for too long: nothing is sent until its next command."""
    session: int = 0
    """Counts how often KPD1 came up, so that an answer doesn't reach another connection's console."""
    peer: str = ""
    heard: float = 0.0
    """When KPD1 came up, or the last command after that."""


class Links:
    """All streams, and whether a message may be sent."""

    def __init__(self, timeout: float, counters: Counter[str]) -> None:
        self._timeout = timeout
        self._counters = counters
        self._streams: dict[int, Stream] = {}

    def __getitem__(self, stream: int) -> Stream:
        return self._streams.setdefault(stream, Stream())

    def up(self, stream: int, channel: Channel, peer: str, now: float) -> None:
        """``channel`` works; a console that comes back is a fresh one, whose time-out begins now."""
        link = self[stream]
        if channel is Channel.KPD2:
            link.kpd2 = True
            return
        link.kpd1, link.peer, link.heard = True, peer, now
        link.session += 1
        link.blocked = False

    def down(self, stream: int, channel: Channel) -> None:
        """``channel`` is gone."""
        link = self[stream]
        if channel is Channel.KPD2:
            link.kpd2 = False
        else:
            link.kpd1 = link.blocked = False

    def heard(self, stream: int, now: float) -> bool:
        """A command came in. True when that ends a time-out."""
        link = self[stream]
        link.heard = now
        was_blocked, link.blocked = link.blocked, False
        return was_blocked

    def usable(self, stream: int, channel: Channel) -> bool:
        """Whether a message may be sent there now."""
        link = self[stream]
        return (link.kpd2 if channel is Channel.KPD2 else link.kpd1) and not link.blocked

    def send(self, stream: int, channel: Channel, message: Message) -> Iterable[Effect]:
        """The effect that sends ``message``, or nothing and a count."""
        if self.usable(stream, channel):
            return (Send(stream, channel, message),)
        self._counters[f"dropped_{channel}"] += 1
        return ()

    def usable_streams(self, channel: Channel) -> list[int]:
        """Streams on which ``channel`` may be sent on, lowest first."""
        return [stream for stream in sorted(self._streams) if self.usable(stream, channel)]

    def bitmap(self, channel: Channel) -> int:
        """Bit i set: ``channel`` of stream i is in service (PROTOCOL 5.9)."""
        return sum(1 << stream for stream in self.usable_streams(channel) if stream in STREAMS)

    @property
    def deadline(self) -> float | None:
        """When the first console will have been silent for too long."""
        if not self._timeout:
            return None
        waits = [s.heard + self._timeout for s in self._streams.values() if s.kpd1 and not s.blocked]
        return min(waits, default=None)

    def expire(self, now: float) -> list[DropChannel]:
        """Block the streams whose console has been silent for too long."""
        if not self._timeout:
            return []
        dropped = []
        for number, stream in sorted(self._streams.items()):
            if stream.kpd1 and not stream.blocked and now >= stream.heard + self._timeout:
                stream.blocked = True
                dropped.append(DropChannel(number))
        return dropped
