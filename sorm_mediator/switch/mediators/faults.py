"""How a domain answers its mediators: at once, or with a fault that a lab engineer has ordered. Sans-IO.

A slow domain does what it is asked ``delay`` seconds later, one thing after the other; a dead one does nothing of it
and what it had not done yet is lost. Its calls go on either way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal, get_args

from sorm_mediator.switch.mediators.session import MediatorSession
from ssh_control.dialect import PendingReply, Request, Response

Fault = Literal["slow", "dead", "clear"]
FAULTS: Final[tuple[str, ...]] = get_args(Fault)
LONGEST_DELAY: Final = 3600.0
"""Seconds."""

Act = Callable[[], None]


class Answering:
    """One domain's way to answer. ``now`` is seconds of a steady clock."""

    def __init__(self) -> None:
        self.fault: Fault = "clear"
        self.delay = 0.0
        self._queue: deque[tuple[float, Act]] = deque()

    @property
    def at_once(self) -> bool:
        """Whether nothing keeps it from answering now."""
        return self.fault == "clear" and not self._queue

    @property
    def deadline(self) -> float | None:
        """When :meth:`due` is wanted."""
        return self._queue[0][0] if self._queue else None

    def order(self, fault: Fault, delay: float) -> None:
        """Have this fault from now on; "clear": what waits is due at once."""
        self.fault, self.delay = fault, delay if fault == "slow" else 0.0
        if fault == "dead":
            self._queue.clear()
        elif fault == "clear":
            self._queue = deque((0.0, act) for _, act in self._queue)

    def put(self, act: Act, now: float) -> bool:
        """Do it when it is due. False: it will never be done."""
        if self.fault == "dead":
            return False
        last = self._queue[-1][0] if self._queue else 0.0
        self._queue.append((max(now + self.delay, last), act))
        return True

    def due(self, now: float) -> Act | None:
        """The next thing to be done now. One by one: what is asked meanwhile comes after what waits already."""
        if not self._queue or self._queue[0][0] > now:
            return None
        return self._queue.popleft()[1]


# --- The doors of the domains: what mediators ask goes through them, and their faults are made there.
#
# The binding of :mod:`sorm_mediator.switch.mediators.faults` to the event loop.


class Alarm:
    """Calls ``action`` with the loop's time when it is due; setting it anew forgets the time before."""

    def __init__(self, action: Callable[[float], None]) -> None:
        self._action = action
        self._timer: asyncio.TimerHandle | None = None

    def set(self, deadline: float | None) -> None:
        """Seconds of the loop's clock; None: not at all."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._action(asyncio.get_running_loop().time())


class Door:
    """One domain's."""

    def __init__(self) -> None:
        self.answering = Answering()
        self._alarm = Alarm(self._run)

    def order(self, fault: Fault, delay: float) -> None:
        """Have the domain answer so from now on."""
        self.answering.order(fault, delay)
        self._alarm.set(self.answering.deadline)

    def ask(self, session: MediatorSession, request: Request) -> Response:
        """Ask the domain."""
        answering = self.answering
        if answering.at_once:
            return session.handle(request)
        later = PendingReply()
        now = asyncio.get_running_loop().time()
        if not answering.put(lambda: later.give(session.handle(request)), now):
            return None
        self._alarm.set(answering.deadline)
        return later

    def close(self) -> None:
        """Nothing more is done."""
        self._alarm.set(None)

    def _run(self, now: float) -> None:
        while (act := self.answering.due(now)) is not None:
            act()
        self._alarm.set(self.answering.deadline)


class Doors:
    """All of them, by domain; one that is removed and declared anew has its fault still."""

    def __init__(self) -> None:
        self._doors: dict[str, Door] = {}

    def of(self, domain: str) -> Door:
        """The door of a domain."""
        return self._doors.setdefault(domain, Door())

    def faults(self) -> dict[str, dict[str, Any]]:
        """Those that are ordered, for people."""
        return {
            name: {"answer": door.answering.fault, "delay": door.answering.delay}
            for name, door in self._doors.items()
            if door.answering.fault != "clear"
        }

    def close(self) -> None:
        """Nothing more is done."""
        for door in self._doors.values():
            door.close()


class SessionAtDoor:
    """A mediator's session with a domain, through its door: what :class:`~ssh_control.server.Session` is."""

    def __init__(self, session: MediatorSession, door: Door) -> None:
        self._session = session
        self.handle: Callable[[Request], Response] = partial(door.ask, session)

    @property
    def server_hello(self) -> Mapping[str, Any]:
        """What the switch tells about itself."""
        return self._session.server_hello

    def closed(self) -> None:
        """The mediator is gone."""
        self._session.closed()

    def leave(self) -> None:
        """The mediator controls nothing in the domain any more."""
        self._session.leave()
