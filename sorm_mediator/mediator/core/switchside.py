"""The switch as the core sees it: requests with a time limit, and the objects brought back after a break.

While the objects are being brought back (``sync`` replaces all of them when its last chunk is taken), other
requests wait, so that none of them is undone by it.

Source: docs/dialect.md; the ops are those of :mod:`ssh_control.messages`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from protocol.texts import LINE_STATES
from sorm_mediator.mediator.core.effects import AskSwitch
from sorm_mediator.texts import whole_number
from ssh_control.messages import SYNC_CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

    from sorm_mediator.mediator.core.context import Context
    from sorm_mediator.mediator.core.tables import ControlledObject
    from ssh_control.dialect import Reply

SYNC_RETRY: Final = 10.0
"""Seconds until a resynchronisation that failed is tried again."""
HARMLESS: Final = frozenset({"services", "trunks", "join"})
"""Requests that leave the objects of the switch as they are."""
LINE_STATE_UNKNOWN: Final = 0xFF
"""The state of a subscriber's line is not known (order 268, 9.3.6.4)."""


class Missing(Enum):
    """Why there is no reply."""

    DOWN = "the link to the switch is down"
    """Nothing reached the switch, or the link broke; what it holds is put right when it is up again."""
    SILENT = "the switch did not answer in time"


Outcome: TypeAlias = "Reply | Missing"


@dataclass(slots=True)
class Question:
    """A request whose reply somebody waits for."""

    op: str
    params: dict[str, Any]
    done: Callable[[Outcome, float], None]
    deadline: float


@dataclass(slots=True)
class Sync:
    """The resynchronisation that is under way."""

    numbers: list[int]
    sent: int = 0
    token: int | None = None
    deadline: float = 0.0
    refused: int = 0


def object_request(row: ControlledObject) -> dict[str, Any]:
    """An object as the dialect writes it."""
    return {
        "object_number": row.object_number,
        "object_type": str(row.object_type),
        "number_sign": None if row.number_sign is None else str(row.number_sign),
        "number": row.number,
        "trunk": row.trunk,
        "category": str(row.category),
        "priority": None if row.priority is None else str(row.priority),
    }


class SwitchSide:
    """Asks the switch, times out overdue requests, and resynchronises the switch's objects after a break."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.up = False
        self._asked: dict[int, Question] = {}
        self._waiting: deque[Question] = deque()
        self._sync: Sync | None = None
        self._sync_at: float | None = None
        """When to bring the objects back again after a failure."""
        self._token = 0

    @property
    def syncing(self) -> bool:
        """Whether the objects are being brought back now."""
        return self._sync is not None

    def ask(
        self, op: str, params: dict[str, Any], done: Callable[[Outcome, float], None], now: float
    ) -> None:
        """Have ``done`` called once: with the reply, or why there is none."""
        if not self.up:
            done(Missing.DOWN, now)
            return
        question = Question(op, params, done, now + self._context.options.switch_timeout)
        if self.syncing or self._sync_is_due(now):
            self._waiting.append(question)
        else:
            self._send(question)

    def _sync_is_due(self, now: float) -> bool:
        """What the switch has is to be put right before anything else is asked."""
        return self._sync_at is not None and now >= self._sync_at

    def resynchronise(self, now: float) -> None:
        """Make the switch have the objects that the tables have; at once when no request is on its way."""
        if self.up:
            self._sync = None
            self._sync_at = now
            if not self._asked:
                self._begin_sync(now)

    # --- inputs

    def link_up(self, now: float) -> None:
        """The link works: bring the objects back. (A link that was up before has been lost in between.)"""
        if self.up:
            self.link_down(now)
        self.up = True
        self._context.counters["switch_up"] += 1
        self._begin_sync(now)

    def link_down(self, now: float) -> None:
        """The link is gone, and with it every reply."""
        self.up = False
        self._sync = self._sync_at = None
        questions = [*self._asked.values(), *self._waiting]
        self._asked.clear()
        self._waiting.clear()
        for question in questions:
            question.done(Missing.DOWN, now)

    def reply(self, token: int, reply: Reply | None, now: float) -> None:
        """A reply, or None: there will be none. One that nobody waits for any more is counted."""
        sync = self._sync
        if sync is not None and token == sync.token:
            self._chunk_done(sync, reply, now)
        elif (question := self._asked.pop(token, None)) is not None:
            self._answer(question, reply, now)
            if self.up and not self._asked and not self.syncing and self._sync_is_due(now):
                self._begin_sync(now)
        else:
            self._context.counters["switch_replies_late"] += 1

    @property
    def deadline(self) -> float | None:
        """When something happens by itself."""
        times = [question.deadline for question in (*self._asked.values(), *self._waiting)]
        if self._sync is not None:
            times.append(self._sync.deadline)
        if self._sync_at is not None and not self._asked:
            times.append(self._sync_at)
        return min(times, default=None)

    def tick(self, now: float) -> None:
        """Give up what has waited for too long; begin a resynchronisation that is due."""
        for token, question in list(self._asked.items()):
            if now >= question.deadline:
                del self._asked[token]
                self._answer(question, None, now)
        for question in [question for question in self._waiting if now >= question.deadline]:
            self._waiting.remove(question)
            question.done(Missing.SILENT, now)
        # Only now: what waited for too long must not be asked after all.
        if self._sync is not None and now >= self._sync.deadline:
            self._sync_failed("the switch did not answer in time", now)
        # Not while a request is on its way: the set of objects taken now would undo what it does.
        if self._sync_at is not None and now >= self._sync_at and not self._asked:
            self._begin_sync(now)

    # --- requests

    def _send(self, question: Question) -> None:
        self._token += 1
        self._asked[self._token] = question
        self._context.emit(AskSwitch(self._token, question.op, question.params))

    def _answer(self, question: Question, reply: Reply | None, now: float) -> None:
        if reply is not None:
            question.done(reply, now)
            return
        self._context.counters["switch_timeouts"] += 1
        self._context.log("warning", f"switch: no answer to {question.op} in time")
        question.done(Missing.SILENT, now)
        # The switch may have done it or not: only a new set of objects makes that certain.
        if question.op not in HARMLESS:
            self._sync_at = now

    # --- bringing the objects back

    def _begin_sync(self, now: float) -> None:
        self._sync_at = None
        self._context.line_states.clear()
        self._sync = Sync(list(self._context.tables.objects))
        self._next_chunk(self._sync, now)

    def _next_chunk(self, sync: Sync, now: float) -> None:
        objects = self._context.tables.objects
        numbers = sync.numbers[sync.sent : sync.sent + SYNC_CHUNK]
        first = sync.sent == 0
        sync.sent += len(numbers)
        self._token += 1
        sync.token = self._token
        sync.deadline = now + self._context.options.switch_timeout
        params = {
            "objects": [object_request(objects[number]) for number in numbers if number in objects],
            "first": first,
            "last": sync.sent >= len(sync.numbers),
        }
        self._context.emit(AskSwitch(sync.token, "sync", params))

    def _chunk_done(self, sync: Sync, reply: Reply | None, now: float) -> None:
        if reply is None or not reply.ok:
            self._sync_failed("no answer" if reply is None else reply.text or "refused", now)
            return
        self.note_line_states(reply.data.get("line_states"))
        self._note_refused(sync, reply.data.get("refused"))
        if sync.sent < len(sync.numbers):
            self._next_chunk(sync, now)
            return
        self._sync = None
        context = self._context
        context.counters["syncs"] += 1
        context.log("info", f"switch: {len(sync.numbers)} objects brought back, {sync.refused} refused")
        context.journal("switch-synchronised", objects=len(sync.numbers), refused=sync.refused)
        self._release_waiting()

    def _sync_failed(self, why: str, now: float) -> None:
        self._sync = None
        self._sync_at = now + SYNC_RETRY
        self._context.counters["syncs_failed"] += 1
        self._context.log("warning", f"switch: the objects could not be brought back: {why}")
        self._context.journal("switch-sync-failed", reason=why)
        self._release_waiting()

    def _release_waiting(self) -> None:
        while self._waiting:
            self._send(self._waiting.popleft())

    def note_line_states(self, states: object) -> None:
        """Keep the states of subscriber lines that the switch told, of objects that there are."""
        if not isinstance(states, dict):
            return
        for key, state in states.items():
            number = _whole(key)
            if number is not None:
                self.note_line_state(number, state)

    def note_line_state(self, number: int, state: object) -> None:
        """Keep the state of one line; what is none of the order's states means "not known" (9.3.6.4)."""
        if number in self._context.tables.objects:
            known = isinstance(state, int) and state in LINE_STATES
            self._context.line_states[number] = int(state) if known else LINE_STATE_UNKNOWN  # type: ignore[call-overload]

    def _note_refused(self, sync: Sync, refused: object) -> None:
        """Objects that the switch won't take stay in the tables: only the console removes them."""
        rows = []
        for entry in (refused if isinstance(refused, list) else [])[:SYNC_CHUNK]:
            number = _whole(entry.get("object_number")) if isinstance(entry, dict) else None
            if number is not None:
                rows.append({"object_number": number, "code": _whole(entry.get("code"))})
        if not rows:
            return
        # One entry for all of a chunk: thousands of single ones would keep consoles waiting.
        sync.refused += len(rows)
        self._context.log("warning", f"switch: {len(rows)} objects refused, the first with {rows[0]}")
        self._context.journal("switch-refused-objects", objects=rows)


def _whole(value: object) -> int | None:
    """A whole number, also as a JSON key."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value <= 0xFFFF else None
    return whole_number(value, 0, 0xFFFF) if isinstance(value, str) else None
