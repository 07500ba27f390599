"""The rules that match expected messages with received ones, without I/O.

The order is kept among the answers on KPD1, and among the events of one object on KPD2 (order 268, rule 4:
each object gets its own set). Unsolicited messages of KPD1 and 53h may come anywhere between (26h may come
before or after 28h: ``unauthorized_access_place``).

Only unread messages are candidates for an expected one. The candidate is the first message of the expected
name with the expected identity (object_number, call_number, command, test_number, as far as given). The
candidate must fit in every other field too, else the expectation fails. Messages before the candidate are not
checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sorm_mediator.console.comparing import (
    IDENTITY,
    NO_MESSAGE,
    Arrival,
    Failure,
    Not,
    OneOf,
    differences,
    nothing_came,
    show_value,
    the_closest,
)
from sorm_mediator.language import Phrase, join

UNSOLICITED = ("alarm", "restart", "unauthorized-access", "electronic-message")

A = TypeVar("A", bound="Arrival")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One expected message, its variables filled in."""

    name: str
    fields: dict[str, Any]
    on_kpd2: bool

    @property
    def text(self) -> Phrase:
        """Name and fields, for people."""
        return join(" ", [self.name, show_value(self.fields)] if self.fields else [self.name])


@dataclass
class Unread(Generic[A]):
    """The unread messages of one console, and the position in each order."""

    waiting: list[tuple[int, A]] = field(default_factory=list)
    _count: int = 0
    _passed: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def add(self, arrival: A) -> None:
        """Add a received message."""
        self._count += 1
        self.waiting.append((self._count, arrival))

    def reachable(self, *, on_kpd2: bool) -> list[A]:
        """The messages of a channel that can still be expected, in order of arrival."""
        return [
            arrival for position, arrival in self.waiting if self._is_reachable(position, arrival, on_kpd2)
        ]

    def read(self, arrival: A) -> None:
        """Read ``arrival``, which meets an expectation: earlier messages of its order are passed over."""
        position = next(position for position, other in self.waiting if other is arrival)
        key = _order(arrival)
        self._passed[key] = max(position, self._passed.get(key, 0))
        self.waiting = [
            (place, other)
            for place, other in self.waiting
            if other is not arrival and self._is_reachable(place, other, other.on_kpd2)
        ]

    def take(self, arrivals: Iterable[A]) -> None:
        """Remove a message matched in any order. The others stay."""
        taken = {id(arrival) for arrival in arrivals}
        self.waiting = [(place, other) for place, other in self.waiting if id(other) not in taken]

    def drop(self, name: str) -> None:
        """Drop every unread message of a name."""
        self.waiting = [(place, other) for place, other in self.waiting if other.name != name]

    def forget(self, *, on_kpd2: bool) -> None:
        """Drop all unread messages of one channel."""
        self.waiting = [(place, other) for place, other in self.waiting if other.on_kpd2 != on_kpd2]

    def _is_reachable(self, position: int, arrival: A, on_kpd2: bool) -> bool:
        return arrival.on_kpd2 == on_kpd2 and position > self._passed.get(_order(arrival), 0)


def _order(arrival: Arrival) -> tuple[Any, ...]:
    by_itself = arrival.name == "trunk-info" and arrival.answers is None  # a trunk was renamed
    if arrival.name in UNSOLICITED or arrival.name == "test-reply" or by_itself:
        return (arrival.on_kpd2, arrival.name)
    if arrival.on_kpd2:
        return (True, arrival.fields.get("object_type"), arrival.fields.get("object_number"))
    return (False,)


class Matcher(Generic[A, E]):
    """Matches one list of expectations with the messages of one console.

    ``resolve`` fills the variables of an expectation when its turn comes. ``met`` is called for every match
    (to save values). ``sent``: the commands with the expected answers; empty for any.
    """

    def __init__(
        self,
        expectations: Sequence[E],
        unread: Unread[A],
        *,
        resolve: Callable[[E], Wanted],
        met: Callable[[E, A], None],
        sent: Sequence[object] = (),
        order_free: bool = False,
    ) -> None:
        self._left = list(expectations)
        self._unread = unread
        self._resolve = resolve
        self._met = met
        self._sent = sent
        self._order_free = order_free
        self.failure: Failure | None = None
        self.failed: E | None = None

    @property
    def finished(self) -> bool:
        """Whether every expectation has been met, or one has failed."""
        return not self._left or self.failure is not None

    def advance(self) -> bool:
        """Match the received messages. Returns true when finished."""
        if self._order_free:
            self._advance_in_any_order()
        else:
            while not self.finished and self._advance_by_one():
                pass
        return self.finished

    def expire(self, within: float) -> None:
        """Timeout: the first remaining expectation has failed."""
        expectation = self._left[0]
        wanted = self._resolve(expectation)
        arrivals = self._unread.reachable(on_kpd2=wanted.on_kpd2)
        same = [arrival for arrival in arrivals if arrival.name == wanted.name]
        closest = min(same, key=lambda arrival: len(differences(wanted.fields, arrival.fields)), default=None)
        reason = nothing_came(within)
        if closest is not None:
            found = differences(wanted.fields, closest.fields)
            self._fail(expectation, Failure(wanted.text, the_closest(reason), closest, found))
            return
        if others := list(dict.fromkeys(arrival.name or NO_MESSAGE for arrival in arrivals)):
            reason = Phrase("{reason}; unread: {others}", reason=reason, others=join(", ", others))
        self._fail(expectation, Failure(wanted.text, reason))

    def _advance_by_one(self) -> bool:
        expectation = self._left[0]
        wanted = self._resolve(expectation)
        arrival = next(
            (
                one
                for one in self._unread.reachable(on_kpd2=wanted.on_kpd2)
                if self._is_candidate(wanted, one)
            ),
            None,
        )
        if arrival is None:
            return False
        found = differences(wanted.fields, arrival.fields)
        if found:
            self._fail(expectation, Failure(wanted.text, "", arrival, found))
            return False
        self._unread.read(arrival)
        self._left.pop(0)
        self._met(expectation, arrival)
        return True

    def _advance_in_any_order(self) -> None:
        for expectation in list(self._left):
            wanted = self._resolve(expectation)
            for arrival in self._unread.reachable(on_kpd2=wanted.on_kpd2):
                if self._is_candidate(wanted, arrival) and not differences(wanted.fields, arrival.fields):
                    self._unread.take([arrival])
                    self._left.remove(expectation)
                    self._met(expectation, arrival)
                    break

    def _is_candidate(self, wanted: Wanted, arrival: A) -> bool:
        if arrival.name != wanted.name or not self._answers_what_was_sent(wanted, arrival):
            return False
        return not any(
            differences(wanted.fields[key], arrival.fields.get(key))
            for key in IDENTITY
            if key in wanted.fields and not isinstance(wanted.fields[key], OneOf | Not)
        )

    def _answers_what_was_sent(self, wanted: Wanted, arrival: A) -> bool:
        if wanted.on_kpd2 or not self._sent or wanted.name in UNSOLICITED or "command" in wanted.fields:
            return True
        return any(arrival.answers is sent for sent in self._sent)

    def _fail(self, expectation: E, failure: Failure) -> None:
        self.failure = failure
        self.failed = expectation
