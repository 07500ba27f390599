"""The faults that are active in a box, when they end, and what all of them have done."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from sorm_mediator.faults.gate import Fault, Gate
from sorm_mediator.faults.order import HOLDING, FaultOrder
from sorm_mediator.language import Phrase

A_TURN: Final = 16
"""Units that one direction of a link delivers before the event loop turns to others."""
MOST_FAULTS: Final = 100
"""Faults that are active at a time (our choice)."""

T = TypeVar("T")
Place = tuple[str, str, int | None, str | None]
"""Link, direction, pair, address."""


class FaultRefused(Exception):  # noqa: N818 - what happened, not a mistake
    """The box can't have this fault. The text says why, and what can be done."""

    def __init__(self, text: Phrase) -> None:
        super().__init__(text)
        self.text = text


class Passage(Gate[T]):
    """A gate on the event loop: :meth:`cross` in place of ``deliver``, which gets what goes on when it is due."""

    def __init__(self, deliver: Callable[[T], object], *, ordered: bool = True) -> None:
        self._ready: deque[T] = deque()
        """What goes on now: a storm takes turns with everything else in the event loop."""
        super().__init__(ordered=ordered)
        self._deliver = deliver
        self._timer: asyncio.TimerHandle | None = None
        self._turn: asyncio.Handle | None = None

    def cross(self, item: T) -> None:
        """A unit crosses."""
        self._pass(self.put(item, asyncio.get_running_loop().time()))

    @property
    def held(self) -> int:
        return super().held + len(self._ready)

    def take_all(self) -> list[T]:
        ready = [*self._ready]
        self._ready.clear()
        return ready + super().take_all()

    def _settle(self) -> None:
        super()._settle()
        self.idle = self.idle and not self._ready

    def use(self, faults: Iterable[Fault], *, release: bool = False) -> None:
        super().use(faults, release=release)
        if self.held:
            self._arm()

    def close(self) -> int:
        """The connection has ended: what is held is lost. Returns how many units."""
        for timer in (self._timer, self._turn):
            if timer is not None:
                timer.cancel()
        self._timer = self._turn = None
        return len(self.take_all())

    def _pass(self, items: Iterable[T]) -> None:
        self._ready.extend(items)
        if self._turn is None:
            self._take_turn()
        self._arm()

    def _take_turn(self) -> None:
        self._turn = None
        for _ in range(A_TURN):
            if not self._ready:
                break
            self._deliver(self._ready.popleft())
        if self._ready:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)
        self._settle()

    def _arm(self) -> None:
        due = self.next_due
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._expired)

    def _expired(self) -> None:
        self._timer = None
        self._pass(self.due(asyncio.get_running_loop().time()))


class Faults:
    """The faults of a box. ``on_change(fault, began)`` of each watcher is called when one begins, and when it ends."""

    def __init__(self) -> None:
        self.watchers: list[Callable[[Fault, bool], object]] = []
        self.counters: dict[str, dict[str, Counter[str]]] = {}
        """What faults that are over have done: link -> action -> word -> number."""
        self._active: dict[int, Fault] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._gates: WeakKeyDictionary[Gate[Any], Place] = WeakKeyDictionary()
        self._last = 0

    def watch(
        self, gate: Gate[T], link: str, direction: str, pair: int | None = None, address: str | None = None
    ) -> None:
        """From now on the gate has the faults of this direction of a link."""
        self._gates[gate] = (link, direction, pair, address)
        gate.use(one for one in self._active.values() if one.order.touches(link, direction, pair, address))

    def begin(self, order: FaultOrder) -> Fault:
        """A fault begins. Raises :class:`FaultRefused` when there are enough."""
        if len(self._active) >= MOST_FAULTS:
            raise FaultRefused(
                Phrase("there are {count} faults already: end some of them first", count=MOST_FAULTS)
            )
        self._last += 1
        fault = Fault(self._last, order)
        fault.over = lambda: self.end(fault.number)
        self._active[fault.number] = fault
        if order.lasts is not None:
            loop = asyncio.get_running_loop()
            fault.ends_at = loop.time() + order.lasts
            self._timers[fault.number] = loop.call_at(fault.ends_at, self.end, fault.number)
        self._tell(order)
        for watcher in self.watchers:
            watcher(fault, True)
        return fault

    def end(self, number: int, *, release: bool = False) -> bool:
        """A fault ends; ``release``: what it holds back goes on at once. False: there is none of this number."""
        fault = self._active.pop(number, None)
        if fault is None:
            return False
        timer = self._timers.pop(number, None)
        if timer is not None:
            timer.cancel()
        self.counters.setdefault(fault.order.link, {}).setdefault(fault.order.action, Counter()).update(
            {"faults": 1, **fault.did}
        )
        # What a fault does not hold back is held by others, which go on.
        self._tell(fault.order, release=release and fault.order.action in HOLDING)
        for watcher in self.watchers:
            watcher(fault, False)
        return True

    def clear(self, order: FaultOrder | None = None) -> int:
        """The faults of the link of the order end, of its pair, address and domain where it has them; without an
        order all. Returns how many."""
        found = [
            number
            for number, one in self._active.items()
            if order is None
            or (
                one.order.link == order.link
                and all(
                    getattr(order, key) in (None, getattr(one.order, key))
                    for key in ("pair", "address", "domain")
                )
            )
        ]
        for number in found:
            self.end(number, release=True)
        return len(found)

    def close(self) -> None:
        """The box stops: no timer is left."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    @property
    def active(self) -> tuple[Fault, ...]:
        """The faults that are active, the oldest first."""
        return tuple(self._active.values())

    def is_cut(self, link: str, pair: int | None = None, address: str | None = None) -> bool:
        """Whether the link is cut now; who is refused for it is counted."""
        for one in self._active.values():
            if one.order.action == "cut" and one.order.touches(link, "both", pair, address):
                one.did["refused"] += 1
                return True
        return False

    def totals(self) -> dict[str, dict[str, dict[str, int]]]:
        """What all faults have done, active ones included: link -> action -> word -> number."""
        found = {
            link: {action: Counter(did) for action, did in actions.items()}
            for link, actions in self.counters.items()
        }
        for one in self._active.values():
            found.setdefault(one.order.link, {}).setdefault(one.order.action, Counter()).update(
                {"faults": 1, **one.did}
            )
        return {
            link: {action: dict(did) for action, did in actions.items()} for link, actions in found.items()
        }

    def _tell(self, order: FaultOrder, *, release: bool = False) -> None:
        for gate, place in list(self._gates.items()):
            if order.touches(*place):
                gate.use((one for one in self._active.values() if one.order.touches(*place)), release=release)
