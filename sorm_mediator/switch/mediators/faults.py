"""How a domain answers its mediators: at once, or with a fault set for a test.

A slow domain carries out each request ``delay`` seconds later, one after the other. A dead domain carries out
none, and loses those that are waiting. Its calls go on either way. :class:`FaultPolicy` decides, without I/O;
:class:`DomainFaults` binds the policies of all domains to the event loop.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, get_args

from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.mediators.session import MediatorSession
from ssh_control.dialect import PendingReply, Request, Response

Fault = Literal["slow", "dead", "clear"]
FAULTS: Final[tuple[str, ...]] = get_args(Fault)
LONGEST_DELAY: Final = 3600.0
"""Seconds."""

Act = Callable[[], None]


class DeadlineTimer:
    """Calls ``action`` with the loop's time at a deadline. A new deadline replaces the previous one."""

    def __init__(self, action: Callable[[float], None]) -> None:
        self._action = action
        self._handle: asyncio.TimerHandle | None = None

    def set(self, deadline: float | None) -> None:
        """``deadline``: seconds of the loop's clock; None: none."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if deadline is not None:
            self._handle = asyncio.get_running_loop().call_at(deadline, self._due)

    def _due(self) -> None:
        self._handle = None
        self._action(asyncio.get_running_loop().time())


class FaultPolicy:
    """How one domain answers. ``now`` is seconds of a monotonic clock."""

    def __init__(self) -> None:
        self.fault: Fault = "clear"
        self.delay = 0.0
        self._queue: deque[tuple[float, Act]] = deque()

    @property
    def at_once(self) -> bool:
        """Whether the domain answers now."""
        return self.fault == "clear" and not self._queue

    @property
    def deadline(self) -> float | None:
        """The time of the next :meth:`due`."""
        return self._queue[0][0] if self._queue else None

    def order(self, fault: Fault, delay: float) -> None:
        """Set the fault; "clear": waiting requests are due at once."""
        self.fault, self.delay = fault, delay if fault == "slow" else 0.0
        if fault == "dead":
            self._queue.clear()
        elif fault == "clear":
            self._queue = deque((0.0, act) for _, act in self._queue)

    def put(self, act: Act, now: float) -> bool:
        """Queue an action until it is due. False: it is never carried out."""
        if self.fault == "dead":
            return False
        last = self._queue[-1][0] if self._queue else 0.0
        self._queue.append((max(now + self.delay, last), act))
        return True

    def due(self, now: float) -> Act | None:
        """The next action that is due. One by one: new requests come after the waiting ones."""
        if not self._queue or self._queue[0][0] > now:
            return None
        return self._queue.popleft()[1]


class DomainFaults:
    """The faults of all domains. A domain that is removed and declared again keeps its fault."""

    def __init__(self) -> None:
        self._policies: defaultdict[str, FaultPolicy] = defaultdict(FaultPolicy)
        self._timer = DeadlineTimer(self._run)

    def order(self, domain: str, fault: Fault, delay: float) -> None:
        """Set the fault of a domain."""
        self._policies[domain].order(fault, delay)
        self._set_timer()

    def delayed(self, session: MediatorSession) -> DelayedSession:
        """The session as the domain answers in it."""
        ask = partial(self._ask, session)
        return DelayedSession(session.domain, session.server_hello, ask, session.closed, session.leave)

    def _ask(self, session: MediatorSession, request: Request) -> Response:
        policy = self._policies[session.domain.name]
        if policy.at_once:
            return session.handle(request)
        pending = PendingReply()
        now = asyncio.get_running_loop().time()
        if not policy.put(lambda: pending.give(session.handle(request)), now):
            return None
        self._set_timer()
        return pending

    def status(self) -> dict[str, dict[str, Any]]:
        """The present faults, for people."""
        return {
            name: {"answer": policy.fault, "delay": policy.delay}
            for name, policy in self._policies.items()
            if policy.fault != "clear"
        }

    def close(self) -> None:
        """Stop; drop the waiting requests."""
        self._timer.set(None)

    def _run(self, now: float) -> None:
        try:
            for policy in tuple(self._policies.values()):
                while (act := policy.due(now)) is not None:
                    act()
        finally:
            # After an error of a domain, the rest is still carried out.
            self._set_timer()

    def _set_timer(self) -> None:
        deadlines = (policy.deadline for policy in self._policies.values())
        self._timer.set(min((one for one in deadlines if one is not None), default=None))


@dataclass(frozen=True, slots=True)
class DelayedSession:
    """A mediator's session with a domain and its fault (:class:`~ssh_control.server.Session`)."""

    domain: Domain
    server_hello: Mapping[str, Any]
    handle: Callable[[Request], Response]
    closed: Callable[[], None]
    leave: Callable[[], None]
