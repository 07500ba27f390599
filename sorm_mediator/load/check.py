"""Whether every event of every call has come: once, in order, with the right numbers.

A call of a :class:`~sorm_mediator.load.plan.CallPlan` brings 41h, 42h and 43h (order 268, 11.1 to 11.3). What is wrong
with them is a finding, which is counted by its kind and told for the first ones.
"""

from __future__ import annotations

import array
from collections import Counter, defaultdict, deque
from typing import Any, Final, Literal

from protocol import Answer, NumberReceived, Release
from sorm_mediator.language import Phrase
from sorm_mediator.load.plan import AFTER_CONVERSATION, CALLING_PREFIX, STAGES, CallPlan

Kind = Literal["lost", "doubled", "misordered", "wrong"]
KINDS: Final[tuple[Kind, ...]] = ("lost", "doubled", "misordered", "wrong")
CODES: Final = (NumberReceived.code, Answer.code, Release.code)
NAMES: Final = tuple(f"{code:02X}h" for code in CODES)
"""The events of a call."""
MOST_TOLD: Final = 20
"""Findings whose text is kept; all are counted."""


class EventCheck:
    """The events of one plan.

    Attributes: ``arrived``, when each event came (three a call, in the order of calls; 0: it has not come); ``found``,
    the findings by kind; ``told``, the texts of the first; ``events``, how many events of these calls came;
    ``foreign``, how many of other calls.
    """

    def __init__(self, plan: CallPlan) -> None:
        self.plan = plan
        self.arrived = array.array("d", bytes(8 * STAGES * plan.calls))
        self.found: Counter[Kind] = Counter()
        self.told: list[str] = []
        self.events = 0
        self.foreign = 0
        self._numbers: dict[int, int] = {}
        """The call number of each call under way, by its index."""
        self._under: dict[int, int] = {}
        """The reverse."""
        self._next: defaultdict[int, deque[int]] = defaultdict(deque)
        """Of callers that all have one number: the calls of an object that had no event, the oldest first."""
        self._ended: dict[int, tuple[int, int]] = {}
        """The number and the index of the latest call of an object that has ended."""
        if plan.caller:
            for index in plan.indices:
                self._next[plan.object_of(index)].append(index)

    @property
    def complete(self) -> bool:
        """Whether every event of every call has come."""
        return self.events >= STAGES * self.plan.calls

    def event(self, message: Any, moment: float) -> None:
        """A decoded unit of KPD2 came at this moment. What is no event of a call of the plan is passed over."""
        stage = message.code - CODES[0]
        if not 0 <= stage < STAGES:
            return
        index = self._index(message, stage)
        if index is None:
            self.foreign += 1
            return
        place = STAGES * (index - self.plan.first_call) + stage
        arrived = self.arrived
        if arrived[place]:
            self._find("doubled", index, stage, Phrase("came a second time"))
            return
        arrived[place] = moment
        self.events += 1
        if stage and not arrived[place - 1]:
            self._find("misordered", index, stage, Phrase("came before {other}", other=NAMES[stage - 1]))
        self._compare(message, index, stage)

    def _index(self, message: Any, stage: int) -> int | None:
        """The index of the call of an event."""
        if self.plan.caller:
            return self._index_by_object(message, stage)
        number = message.calling.number
        if not isinstance(number, str) or not number.startswith(CALLING_PREFIX):
            return None
        digits = number.removeprefix(CALLING_PREFIX)
        index = int(digits) if len(digits) == 7 and digits.isdecimal() else -1
        return index if index in self.plan.indices else None

    def _index_by_object(self, message: Any, stage: int) -> int | None:
        waiting = self._next.get(message.object_number)
        if waiting is None:
            return None
        under = self._under.get(message.call_number)
        if under is not None and self.plan.object_of(under) == message.object_number:
            return under
        number, ended = self._ended.get(message.object_number, (None, None))
        if stage and number == message.call_number:
            return ended
        return waiting.popleft() if waiting else None

    def _compare(self, message: Any, index: int, stage: int) -> None:
        plan = self.plan
        calling, called = plan.calling(index), plan.called(index)
        expected = plan.shown.get(calling, calling), plan.shown.get(called, called), plan.object_of(index)
        shown = message.calling.number, message.called.number, message.object_number
        for name, wanted, came in zip(("calling", "called", "object_number"), expected, shown, strict=True):
            if wanted != came:
                self._wrong(index, stage, name, came, wanted)
        number = self._numbers.get(index)
        if number is None:
            if (other := self._under.get(message.call_number)) is not None:
                text = Phrase(
                    "has the call number {number} of call {other}, which goes on",
                    number=message.call_number, other=other,
                )  # fmt: skip
                self._find("wrong", index, stage, text)
            self._numbers[index], self._under[message.call_number] = message.call_number, index
        elif number != message.call_number:
            self._wrong(index, stage, "call_number", message.call_number, number)
        if stage == STAGES - 1:
            if message.operation != AFTER_CONVERSATION:
                self._wrong(index, stage, "operation", message.operation, AFTER_CONVERSATION)
            if self._under.get(self._numbers[index]) == index:
                del self._under[self._numbers[index]]
            self._ended[plan.object_of(index)] = self._numbers.pop(index), index

    def broken(self, text: str) -> None:
        """What came on KPD2 is no whole event."""
        self.found["wrong"] += 1
        if len(self.told) < MOST_TOLD:
            self.told.append(Phrase("KPD2: {text}", text=text))

    def finish(self, begun: array.array[float]) -> None:
        """Nothing more will come. ``begun``: as ``arrived``; what was handed over there and did not come is lost."""
        last = STAGES - 1
        for at in range(0, len(self.arrived), STAGES):
            # A report holds what the ones before it hold.
            handed = next((stage for stage in range(last, -1, -1) if begun[at + stage]), -1)
            for stage in range(handed + 1):
                if not self.arrived[at + stage]:
                    self._find("lost", self.plan.first_call + at // STAGES, stage, Phrase("did not come"))

    def _wrong(self, index: int, stage: int, name: str, came: object, wanted: object) -> None:
        text = Phrase("{field} is {came}, not {wanted}", field=name, came=came, wanted=wanted)
        self._find("wrong", index, stage, text)

    def _find(self, kind: Kind, index: int, stage: int, what: Phrase) -> None:
        self.found[kind] += 1
        if len(self.told) < MOST_TOLD:
            plan = self.plan
            self.told.append(
                Phrase(
                    "call {index} of {a} to {b}, object {object}: {event} {what}",
                    index=index, a=plan.calling(index), b=plan.called(index), object=plan.object_of(index),
                    event=NAMES[stage], what=what,
                )
            )  # fmt: skip
