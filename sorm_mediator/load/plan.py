"""What calls a load has: which numbers, when each of their reports is due, and what each report says.

The generator sends the reports of a plan, and the check at the console expects their events; both know no more than
the plan. A call of the plan touches one object, the called number, under statistical control: it needs no KSL line.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from protocol import AddObject, Category, NumberSign, ObjectType, Priority, RemoveObject
from radius.report import CallReport, Match, Party

STAGES: Final = 3
"""Reports of a call: full number received, answer, release. Each brings one event: 41h, 42h, 43h."""
CALLING_PREFIX, OBJECT_PREFIX = "7999", "7383"
"""What the A numbers of calls and the numbers of objects begin with; seven digits follow."""
MOST_CALLS: Final = 10_000_000
"""Calls that A numbers tell apart."""
AFTER_CONVERSATION: Final = 5
"""The cause of release (order 268, 11.3.5)."""


class Due(NamedTuple):
    """A report that is due, in seconds after the begin."""

    after: float
    call: int
    """Its index."""
    stage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """Calls at a constant rate. Call ``index`` begins ``index / rate`` seconds after the begin of the plan.

    rate: calls a second. calls: how many. objects: over how many objects they are spread, in turn.
    ring, talk: seconds until the answer, and from there to the release.
    first_call: the index of the first one, for plans after one another. first_object: the number of the first object.
    run: makes the ids of calls differ from those of other runs.
    numbers: those of the objects, called in turn; nothing: made up, see :func:`object_phone`.
    caller: who calls; "": each call has an A number of its own, see :func:`a_number`.
    shown: how the console is shown a number, where that differs.
    """

    rate: float
    calls: int
    objects: int = 1
    ring: float = 0.2
    talk: float = 0.3
    domain: str = "test.domain"
    first_call: int = 0
    first_object: int = 1
    run: str = "load"
    numbers: Sequence[str] = ()
    caller: str = ""
    shown: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """From the first report to the last."""
        return max(0, self.calls - 1) / self.rate + self.ring + self.talk

    @property
    def indices(self) -> range:
        """The calls."""
        return range(self.first_call, self.first_call + self.calls)

    def after(self, index: int, stage: int) -> float:
        """When a report is due: seconds after the begin."""
        return (index - self.first_call) / self.rate + (0.0, self.ring, self.ring + self.talk)[stage]

    def dues(self, shard: int = 0, shards: int = 1) -> Iterator[Due]:
        """The reports of every ``shards``-th call as they are due."""
        own = self.indices[shard::shards]
        return heapq.merge(*(self._dues(own, stage) for stage in range(STAGES)))

    def _dues(self, indices: range, stage: int) -> Iterator[Due]:
        return (Due(self.after(index, stage), index, stage) for index in indices)

    def object_of(self, index: int) -> int:
        """The number of the object that a call touches."""
        return self.first_object + index % self.objects

    def calling(self, index: int) -> str:
        """The A number of a call."""
        return self.caller or a_number(index)

    def called(self, index: int) -> str:
        """The B number of a call."""
        which = index % self.objects
        return self.numbers[which] if self.numbers else object_phone(which)

    def report(self, index: int, stage: int, begin: float, now: float) -> CallReport:
        """A report, as a switch has it. ``begin``: of the plan; ``now``: of the snapshot; both in Unix seconds."""
        calling, digits = self.calling(index), self.called(index)
        party = Party(digits=digits, ni="intercity")
        setup, answer, release = (begin + self.after(index, each) for each in range(STAGES))
        return CallReport(
            call_id=f"{self.run}-{index}",
            domain=self.domain,
            sequence=stage + 1,
            time=now,
            connection=0x11,
            calling=Party(digits=calling, ni="intercity"),
            called=party,
            calling_station=calling,
            called_station=digits,
            setup_time=setup,
            answer_time=answer if stage >= 1 else None,
            release_time=release if stage == 2 else None,
            release_cause=AFTER_CONVERSATION if stage == 2 else None,
            matches=(Match(object_number=self.object_of(index), role="b", called=party, time=setup),),
        )


def a_number(index: int) -> str:
    """The A number of a call: 11 digits."""
    return f"{CALLING_PREFIX}{index:07d}"


def object_phone(index: int) -> str:
    """The number of the object with this index: 11 digits."""
    return f"{OBJECT_PREFIX}{index:07d}"


def network_object(number: int, phone: str) -> AddObject:
    """The command that puts a number of the network under statistical control: no line is needed."""
    return AddObject(
        number,
        ObjectType.NETWORK_FULL,
        NumberSign.RUSSIA,
        phone,
        None,
        Category.STATISTICAL,
        None,
        Priority.NORMAL,
    )


def removal(add: AddObject) -> RemoveObject:
    """The command that undoes one of :func:`network_object`."""
    return RemoveObject(add.object_number, add.object_type, add.number_sign, add.number, None)
