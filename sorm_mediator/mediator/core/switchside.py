"""The switch as the core sees it: requests with a time limit, and the objects brought back after a break.

The tables of the mediator are what holds. After a break of the link, and whenever it is not certain what the switch has
done, the switch is sent all objects anew (``sync``; it replaces its own when the last chunk has come):
:data:`SWITCH_TABLE`. Requests wait meanwhile, so that none of them is undone by it.

Source: docs/dialect.md; the ops are those of :mod:`ssh_control.messages`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from protocol.texts import LINE_STATES
from sorm_mediator.mediator.core.context import Queued
from sorm_mediator.mediator.core.effects import AskSwitch, Cause
from sorm_mediator.texts import whole_number
from ssh_control.messages import SYNC_CHUNK
from ssh_control.moves import Move, StateTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sorm_mediator.mediator.core.context import Context
    from sorm_mediator.mediator.core.tables import ControlledObject
    from ssh_control.dialect import Reply

SYNC_RETRY: Final = 10.0
"""Seconds until a resynchronisation that failed is tried again."""
HARMLESS: Final = frozenset({"services", "trunks", "join"})
"""Requests that leave the objects of the switch as they are."""
LINE_STATE_UNKNOWN: Final = 0xFF
"""The state of a subscriber's line is not known (order 268, 9.3.6.4)."""


class SwitchState(Enum):
    """How the switch stands to the tables."""

    DOWN = "down"
    """The link is down: every request ends at once."""
    SYNCHRONISING = "synchronising"
    """The objects are being sent; requests wait."""
    IN_STEP = "in step"
    """It has the objects of the tables; requests are sent."""
    BEHIND = "behind"
    """It would not take the objects; requests are sent, and the objects after :data:`SYNC_RETRY` again."""
    DOUBTFUL = "doubtful"
    """It is not certain what it has; requests wait until those that were sent are over, and the objects follow."""


class SwitchInput(Enum):
    """What happens to the switch, or is asked of it."""

    UP = "the link is up"
    DOWN = "the link is down"
    DOUBT = "a change was not answered, or all objects are to be sent anew"
    RETRY = "the time of the next attempt has come"
    ALL_ANSWERED = "no request is on its way"
    SYNCHRONISED = "the last chunk is taken"
    FAILED = "a chunk is refused, or not answered in time"


class SwitchAction(Enum):
    """What is done in a move."""

    BEGIN = "send the objects from the first one on"
    RELEASE = "send the requests that wait"
    GIVE_UP = "end every request without a reply"


_BEGIN: Final = Move(SwitchState.SYNCHRONISING, (SwitchAction.BEGIN,))
_DOWN: Final = Move(SwitchState.DOWN, (SwitchAction.GIVE_UP,))
SWITCH_TABLE: Final[StateTable[SwitchState, SwitchInput, SwitchAction]] = MappingProxyType(
    {
        (SwitchState.DOWN, SwitchInput.UP): _BEGIN,
        (SwitchState.DOWN, SwitchInput.DOWN): Move(SwitchState.DOWN),
        (SwitchState.DOWN, SwitchInput.DOUBT): Move(SwitchState.DOWN),
        (SwitchState.SYNCHRONISING, SwitchInput.SYNCHRONISED): Move(
            SwitchState.IN_STEP, (SwitchAction.RELEASE,)
        ),
        (SwitchState.SYNCHRONISING, SwitchInput.FAILED): Move(SwitchState.BEHIND, (SwitchAction.RELEASE,)),
        (SwitchState.SYNCHRONISING, SwitchInput.DOUBT): _BEGIN,
        (SwitchState.SYNCHRONISING, SwitchInput.DOWN): _DOWN,
        (SwitchState.IN_STEP, SwitchInput.DOUBT): Move(SwitchState.DOUBTFUL),
        (SwitchState.IN_STEP, SwitchInput.DOWN): _DOWN,
        (SwitchState.BEHIND, SwitchInput.RETRY): Move(SwitchState.DOUBTFUL),
        (SwitchState.BEHIND, SwitchInput.DOUBT): Move(SwitchState.DOUBTFUL),
        (SwitchState.BEHIND, SwitchInput.DOWN): _DOWN,
        (SwitchState.DOUBTFUL, SwitchInput.DOUBT): Move(SwitchState.DOUBTFUL),
        (SwitchState.DOUBTFUL, SwitchInput.ALL_ANSWERED): _BEGIN,
        (SwitchState.DOUBTFUL, SwitchInput.DOWN): _DOWN,
    }
)
"""A link that comes up while it is up was lost in between: that is DOWN, then UP. Other pairs do not happen."""

_SYNCHRONISING, _BEHIND = SwitchState.SYNCHRONISING, SwitchState.BEHIND
"""For the deadline, which is asked after each input: the members of an enum cost more to look up in its class."""

WAITS: Final = frozenset({SwitchState.SYNCHRONISING, SwitchState.DOUBTFUL})
"""States in which requests wait."""


class Missing(Enum):
    """Why there is no reply."""

    DOWN = "the link to the switch is down"
    """Nothing reached the switch, or the link broke; what it holds is put right when it is up again."""
    SILENT = "the switch did not answer in time"


Outcome: TypeAlias = "Reply | Missing"


@dataclass(slots=True)
class Question:
    """A request that was sent, or waits to be sent."""

    op: str
    params: Mapping[str, object]
    done: Callable[[Outcome, float], None]
    deadline: float
    cause: Cause


@dataclass(slots=True)
class Sync:
    """The resynchronisation that is under way."""

    numbers: list[int]
    sent: int = 0
    token: int | None = None
    deadline: float = 0.0
    refused: int = 0


def object_request(row: ControlledObject) -> dict[str, int | str | None]:
    """An object as the dialect writes it: the switch gives no lines, so it is not sent the group."""
    return {name: value for name, value in row.plain().items() if name != "ksl_group"}


class SwitchSide:
    """Asks the switch, times out overdue requests, and resynchronises the switch's objects after a break."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.state = SwitchState.DOWN
        self._asked: dict[int, Question] = {}
        self._waiting: deque[Question] = deque()
        self._sync = Sync([])
        """The newest resynchronisation."""
        self._retry_at = 0.0
        """When the objects are sent again to a switch that is BEHIND."""
        self._token = 0

    def ask(
        self, op: str, params: Mapping[str, object], done: Callable[[Outcome, float], None], now: float
    ) -> None:
        """Have ``done`` called once: with the reply, or why there is none."""
        self._check_retry(now)
        context = self._context
        question = Question(op, params, done, now + context.options.switch_timeout, context.cause)
        if self.state is SwitchState.DOWN:
            done(Missing.DOWN, now)
        elif self.state in WAITS:
            self._waiting.append(question)
            self._check_answered(now)
        else:
            self._send(question)

    def resynchronise(self, now: float) -> None:
        """Make the switch have the objects that the tables have; at once when no request is on its way."""
        self._move(SwitchInput.DOUBT, now)
        self._check_answered(now)

    # --- inputs

    def link_up(self, now: float) -> None:
        """The link works: bring the objects back. (A link that was up before has been lost in between.)"""
        self._move(SwitchInput.DOWN, now)
        self._context.counters["switch_up"] += 1
        self._move(SwitchInput.UP, now)

    def link_down(self, now: float) -> None:
        """The link is gone, and with it every reply."""
        self._move(SwitchInput.DOWN, now)

    def reply(self, token: int, reply: Reply | None, now: float) -> None:
        """A reply, or None: there will be none. A reply that comes too late is counted."""
        if self.state is SwitchState.SYNCHRONISING and token == self._sync.token:
            self._chunk_done(self._sync, reply, now)
        elif (question := self._asked.pop(token, None)) is not None:
            self._answer(question, reply, now)
            self._check_retry(now)
            self._check_answered(now)
        else:
            self._context.counters["switch_replies_late"] += 1

    @property
    def waiting(self) -> Queued:
        """Requests that wait until the switch has the objects again."""
        since = self._waiting[0].deadline - self._context.options.switch_timeout if self._waiting else None
        return Queued(len(self._waiting), since)

    @property
    def deadline(self) -> float | None:
        """When something happens by itself."""
        times = [question.deadline for question in (*self._asked.values(), *self._waiting)]
        if self.state is _SYNCHRONISING:
            times.append(self._sync.deadline)
        elif self.state is _BEHIND:
            times.append(self._retry_at)
        return min(times, default=None)

    def tick(self, now: float) -> None:
        """Give up what has waited for too long; begin a resynchronisation that is due."""
        for token, question in list(self._asked.items()):
            if now >= question.deadline:
                del self._asked[token]
                self._answer(question, None, now)
        for question in [question for question in self._waiting if now >= question.deadline]:
            self._waiting.remove(question)
            self._end(question, Missing.SILENT, now)
        # Only now: what waited for too long must not be asked after all.
        if self.state is SwitchState.SYNCHRONISING and now >= self._sync.deadline:
            self._sync_failed("the switch did not answer in time", now)
        self._check_retry(now)
        self._check_answered(now)

    # --- the state

    def _move(self, cause: SwitchInput, now: float) -> None:
        self.state, actions = SWITCH_TABLE[self.state, cause]
        for action in actions:
            match action:
                case SwitchAction.BEGIN:
                    self._begin_sync(now)
                case SwitchAction.RELEASE:
                    while self._waiting:
                        self._send(self._waiting.popleft())
                case SwitchAction.GIVE_UP:
                    self._give_up(now)

    def _check_retry(self, now: float) -> None:
        if self.state is SwitchState.BEHIND and now >= self._retry_at:
            self._move(SwitchInput.RETRY, now)

    def _check_answered(self, now: float) -> None:
        """Not while a request is on its way: the set of objects taken now would undo what it does."""
        if self.state is SwitchState.DOUBTFUL and not self._asked:
            self._move(SwitchInput.ALL_ANSWERED, now)

    def _give_up(self, now: float) -> None:
        questions = [*self._asked.values(), *self._waiting]
        self._asked.clear()
        self._waiting.clear()
        for question in questions:
            self._end(question, Missing.DOWN, now)

    # --- requests

    def _send(self, question: Question) -> None:
        self._token += 1
        self._asked[self._token] = question
        self._context.emit(AskSwitch(self._token, question.op, question.params, question.cause))

    def _answer(self, question: Question, reply: Reply | None, now: float) -> None:
        if reply is not None:
            self._end(question, reply, now)
            return
        self._context.counters["switch_timeouts"] += 1
        self._context.log("warning", f"switch: no answer to {question.op} in time")
        if question.op not in HARMLESS:
            # The switch may have done it or not: only a new set of objects makes that certain.
            self._move(SwitchInput.DOUBT, now)
        self._end(question, Missing.SILENT, now)

    def _end(self, question: Question, outcome: Outcome, now: float) -> None:
        self._context.cause = question.cause
        question.done(outcome, now)

    # --- bringing the objects back

    def _begin_sync(self, now: float) -> None:
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
        context = self._context
        context.counters["syncs"] += 1
        context.log("info", f"switch: {len(sync.numbers)} objects brought back, {sync.refused} refused")
        context.journal("switch-synchronised", objects=len(sync.numbers), refused=sync.refused)
        self._move(SwitchInput.SYNCHRONISED, now)

    def _sync_failed(self, why: str, now: float) -> None:
        self._retry_at = now + SYNC_RETRY
        self._context.counters["syncs_failed"] += 1
        self._context.log("warning", f"switch: the objects could not be brought back: {why}")
        self._context.journal("switch-sync-failed", reason=why)
        self._move(SwitchInput.FAILED, now)

    def note_line_states(self, states: object) -> None:
        """Keep the states of subscriber lines that the switch reports, of objects in the tables."""
        if not isinstance(states, dict):
            return
        for key, state in states.items():
            number = _whole(key)
            if number is not None:
                self.note_line_state(number, state)

    def note_line_state(self, number: int, state: object) -> None:
        """Keep the state of one line; what is none of the order's states means "not known" (9.3.6.4)."""
        if number in self._context.tables.objects:
            known = state if isinstance(state, int) and state in LINE_STATES else LINE_STATE_UNKNOWN
            self._context.line_states[number] = int(known)

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
