"""The data channels toward the console: which pair is in use, and when nothing may be sent.

KPD1 and KPD2 of one E1 stream are a pair; over TCP the two connections are one (option ``pair_over_tcp``). The pair of
the lowest stream is used first, the others stand by. A pair that fails is left for the next one that works, and stays
blocked until both channels work again and a command with the valid password came on its KPD1 (order 268, 1.4.1.1,
1.4.1.2): :data:`PAIR_TABLE`.

Apart from that, everything stops while no command 14 has come for ``mediator.test_timeout`` (order 268, 6.14.3), and on
a pair whose console has been silent for ``mediator.console_timeout`` (order 70, 1.5). A message that can't be sent is
dropped and counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from protocol.codes import STREAMS, Channel
from sorm_mediator.mediator.core.effects import NO_CAUSE, Cause, DropChannel, Effect, Send

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from protocol import Message


class PairState(Enum):
    """State of a pair of channels."""

    FORMING = "forming"
    """Since the start, not both channels have worked yet. What is there is used."""
    WORKING = "working"
    FAILED = "failed"
    """A channel, or the line, failed."""
    CONFIRMED = "confirmed"
    """A valid command came after the failure; the other channel is awaited."""
    BLOCKED = "blocked"
    """Both channels work again; a valid command is awaited."""


class PairEvent(Enum):
    """What happens to a pair."""

    COMPLETE = "both channels work"
    LOST = "a channel, or the line, fails"
    VALID_COMMAND = "a command with the valid password comes on its KPD1"


PAIR_TABLE: Final[Mapping[tuple[PairState, PairEvent], PairState]] = MappingProxyType(
    {
        (PairState.FORMING, PairEvent.COMPLETE): PairState.WORKING,
        (PairState.FORMING, PairEvent.LOST): PairState.FORMING,
        (PairState.FORMING, PairEvent.VALID_COMMAND): PairState.FORMING,
        (PairState.WORKING, PairEvent.COMPLETE): PairState.WORKING,
        (PairState.WORKING, PairEvent.LOST): PairState.FAILED,
        (PairState.WORKING, PairEvent.VALID_COMMAND): PairState.WORKING,
        (PairState.FAILED, PairEvent.COMPLETE): PairState.BLOCKED,
        (PairState.FAILED, PairEvent.LOST): PairState.FAILED,
        (PairState.FAILED, PairEvent.VALID_COMMAND): PairState.CONFIRMED,
        (PairState.CONFIRMED, PairEvent.COMPLETE): PairState.WORKING,
        (PairState.CONFIRMED, PairEvent.LOST): PairState.FAILED,
        (PairState.CONFIRMED, PairEvent.VALID_COMMAND): PairState.CONFIRMED,
        (PairState.BLOCKED, PairEvent.COMPLETE): PairState.BLOCKED,
        (PairState.BLOCKED, PairEvent.LOST): PairState.FAILED,
        (PairState.BLOCKED, PairEvent.VALID_COMMAND): PairState.WORKING,
    }
)
"""Order 268, 1.4.1.1 and 1.4.1.2. It wants both channels and a valid command again, in any order."""

USABLE: Final = frozenset({PairState.FORMING, PairState.WORKING})
"""States in which messages of the means' own go over a pair."""


@dataclass(slots=True)
class Pair:
    """One pair of data channels. Over TCP there is only that of stream 0."""

    kpd1: bool = False
    kpd2: bool = False
    state: PairState = PairState.FORMING
    silent: bool = False
    """No command for ``console_timeout``: nothing is sent until the next one."""
    session: int = 0
    """Counts how often KPD1 came up, so that an answer doesn't reach another connection's console."""
    peer: str = ""
    proven: bool = False
    """A command with the valid password has come by this connection of KPD1."""
    heard: float = 0.0
    """When KPD1 came up, or the last command after that."""

    def has(self, channel: Channel) -> bool:
        """Whether the channel is connected and may be sent on."""
        return (self.kpd2 if channel is Channel.KPD2 else self.kpd1) and not self.silent


class ConsoleChannels:
    """All pairs, and whether a message may be sent.

    ``paired``: the two channels of a stream fail together; without it (option ``pair_over_tcp = "off"``)
    each stands for itself.
    """

    def __init__(self, counters: Counter[str], *, paired: bool = True) -> None:
        self.configure(0, 0)
        self._counters = counters
        self._paired = paired
        self._pairs: defaultdict[int, Pair] = defaultdict(Pair)
        self.in_use: int | None = None
        """The stream of the pair in use."""
        self.connected: dict[Channel, tuple[int, ...]] = {Channel.KPD1: (), Channel.KPD2: ()}
        """Streams whose channel may be sent on now, lowest first: answers go where their command came from, 29h and 53h
        to all of them."""
        self.own: dict[Channel, int | None] = {Channel.KPD1: None, Channel.KPD2: None}
        """The stream on which messages of the means' own and events go; None when there is none."""
        self.lost_to_blocked = 0
        """Messages dropped since they have no way but a pair that waits for its first command."""
        self._settled = False
        """A valid command has come since the start: the pair in use stays until it fails (1.4.1.1)."""
        self.untested = False
        """No command 14 for ``test_timeout``: nothing is sent until the next command with the valid password."""
        self._tested: float | None = None
        """When command 14 came last, or when the time for it began to run."""

    def configure(self, console_timeout: float, test_timeout: float) -> None:
        """Set the time-outs: seconds, 0 = off."""
        self._console_timeout = console_timeout
        self._test_timeout = test_timeout

    def __getitem__(self, stream: int) -> Pair:
        return self._pairs[stream]

    def items(self) -> list[tuple[int, Pair]]:
        """The pairs by number of the stream, lowest first."""
        return sorted(self._pairs.items())

    @property
    def blocked(self) -> dict[int, Pair]:
        """The pairs that are connected again and wait for a valid command (1.4.1.2), by stream, lowest first."""
        return {stream: pair for stream, pair in self.items() if pair.state is PairState.BLOCKED}

    # --- inputs

    def up(self, stream: int, channel: Channel, peer: str, now: float) -> None:
        """``channel`` works; a console that comes back is a fresh one, whose time-out begins now."""
        pair = self[stream]
        if channel is Channel.KPD2:
            pair.kpd2 = True
        else:
            pair.kpd1, pair.peer, pair.heard = True, peer, now
            pair.session += 1
            pair.silent = pair.proven = False
            if self._tested is None:
                self._tested = now
        if pair.kpd1 and pair.kpd2:
            self._move(pair, PairEvent.COMPLETE)
        self._choose()

    def down(self, stream: int, channel: Channel) -> list[DropChannel]:
        """``channel`` is gone. What is not sent yet on a pair that fails, and with the last one on all, is deleted."""
        pair = self[stream]
        if channel is Channel.KPD2:
            pair.kpd2 = False
        else:
            pair.kpd1 = pair.silent = False
        worked = pair.state is PairState.WORKING
        self._move(pair, PairEvent.LOST)
        self._choose()
        return [DropChannel(stream)] if worked and self._paired else []

    def heard(self, stream: int, now: float) -> bool:
        """A command of any kind came in. True when that ends a console time-out."""
        pair = self[stream]
        pair.heard = now
        was_silent, pair.silent = pair.silent, False
        if was_silent:
            self._choose()
        return was_silent

    def awaits_command(self, stream: int) -> bool:
        """Whether a command with the valid password changes anything on ``stream``."""
        return (
            not self._settled
            or self.untested
            or bool(self._test_timeout)
            or self._pairs[stream].state in (PairState.BLOCKED, PairState.FAILED)
        )

    def valid_command(self, stream: int, now: float, *, test: bool) -> bool:
        """A command with the valid password came; ``test``: it is command 14. True when data flows again."""
        self._settled = True
        pair = self[stream]
        was_blocked = pair.state is PairState.BLOCKED
        self._move(pair, PairEvent.VALID_COMMAND)
        was_untested, self.untested = self.untested, False
        if test or was_untested:
            self._tested = now
        self._choose()
        return was_untested or (was_blocked and pair.state is PairState.WORKING)

    def stopped(self) -> None:
        """The means are stopped: the next pair to use is the lowest that works (1.4.1.1)."""
        self._settled = False
        self.in_use = None
        self._choose()

    @property
    def deadline(self) -> float | None:
        """When something happens by itself."""
        if not (self._console_timeout or self._test_timeout):
            return None
        times = []
        if self._console_timeout:
            times += [
                p.heard + self._console_timeout for p in self._pairs.values() if p.kpd1 and not p.silent
            ]
        if self._watches_tests and self._tested is not None:
            times.append(self._tested + self._test_timeout)
        return min(times, default=None)

    def expire(self, now: float) -> list[DropChannel]:
        """The pairs whose console has been silent for too long are silent from now on; what waits there is deleted."""
        if not self._console_timeout:
            return []
        dropped = []
        for number, pair in self.items():
            if pair.kpd1 and not pair.silent and now >= pair.heard + self._console_timeout:
                pair.silent = True
                dropped.append(DropChannel(number))
        if dropped:
            self._choose()
        return dropped

    def expire_test(self, now: float) -> list[DropChannel]:
        """Command 14 has not come for too long: everything stops, what waits is deleted (order 268, 6.14.3)."""
        if not self._watches_tests or self._tested is None or now < self._tested + self._test_timeout:
            return []
        self.untested = True
        self._choose()
        return [DropChannel(number) for number, pair in self.items() if pair.kpd1 or pair.kpd2]

    # --- what may be sent where

    def send(
        self,
        stream: int | None,
        channel: Channel,
        message: Message,
        at: float | None = None,
        cause: Cause = NO_CAUSE,
    ) -> Iterable[Effect]:
        """The effect that sends ``message``, or nothing and a count. ``at``: the moment of its event."""
        if stream in self.connected[channel]:
            return (Send(stream, channel, message, at, cause),)
        self._counters[f"dropped_{channel}"] += 1
        if stream is None and self.blocked:
            self.lost_to_blocked += 1
        return ()

    def bitmap(self, channel: Channel) -> int:
        """Bit i set: ``channel`` of stream i works; one of a blocked pair counts as faulty (9.9.4.2, 1.4.1.2)."""
        return sum(
            1 << stream
            for stream in self.connected[channel]
            if stream in STREAMS and self._pairs[stream].state is not PairState.BLOCKED
        )

    # --- the pair in use

    def _move(self, pair: Pair, event: PairEvent) -> None:
        if self._paired:
            pair.state = PAIR_TABLE[pair.state, event]

    def _choose(self) -> None:
        """Keep the pair in use while it works; else take the next one after it, round the ring. Until the first valid
        command it is the lowest that works. Called after every change."""
        self._take_next()
        for channel in (Channel.KPD1, Channel.KPD2):
            there = () if self.untested else tuple(n for n, pair in self.items() if pair.has(channel))
            self.connected[channel] = there
            if not self._paired:
                self.own[channel] = next(iter(there), None)
            else:
                used = self.in_use
                works = used in there and self._pairs[used].state in USABLE
                self.own[channel] = used if works else None
        if self.lost_to_blocked and (self.own[Channel.KPD2] is not None or not self.blocked):
            self.lost_to_blocked = 0

    def _take_next(self) -> None:
        candidates = [
            stream
            for stream, pair in self.items()
            if pair.state in USABLE and (pair.kpd1 or pair.kpd2) and not pair.silent
        ]
        if not candidates:
            return
        before = self.in_use
        if before is None or not self._settled:
            self.in_use = candidates[0]
        elif before not in candidates:
            self.in_use = next((stream for stream in candidates if stream > before), candidates[0])

    @property
    def _watches_tests(self) -> bool:
        return bool(self._test_timeout) and not self.untested and any(p.kpd1 for p in self._pairs.values())
