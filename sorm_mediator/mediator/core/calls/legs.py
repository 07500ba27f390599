"""A call as the mediator has it from call reports, and one object in it.

:data:`LEG_TABLE` holds what the console has been sent of it. The switch's own call is another class
(:mod:`sorm_mediator.switch.calls.call`).

Source: order 268, 10.2, 10.3, 11.1-11.6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from protocol.codes import Category, Priority
from sorm_mediator.mediator.core.effects import Cause
from ssh_control.moves import Move, StateTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import radius.report as report
    from protocol.values import Party
    from radius.report import CallReport, Match, ServiceUse
    from sorm_mediator.mediator.core.tables import ControlledObject, Line

ROLE_SHIFT: Final[Mapping[str, int]] = MappingProxyType({"a": 0, "b": 2, "trunk": 4, "service": 6})
CATEGORY_BITS: Final[Mapping[Category, int]] = MappingProxyType(
    {Category.COMBINED: 0b01, Category.SEPARATE: 0b11, Category.STATISTICAL: 0b10}
)
"""The selection sign has two bits for each reason: the way of control, shifted by the reason (10.2.1.6)."""


class _Key(Enum):
    """An enum whose members are looked up for every event: each is equal to itself alone, which hashes fastest."""

    __hash__ = object.__hash__


class LegState(_Key):
    """How much of a call the console has been sent for one object."""

    NEW = "nothing sent"
    TALK = "nothing sent of a talk"
    RECEIVED = "41h sent"
    ANSWERED = "42h sent"
    OVER = "over"


class LegKsl(_Key):
    """How a leg stands to its line."""

    NONE = "none"
    """Under statistical control, not looked for yet, or lost."""
    NONE_FREE = "none was free"
    """Under full control (11.1.9)."""
    TAKEN = "a line"
    BY_COMMAND_7 = "a line by command 7"
    """Shown, and kept, as that of a priority object (11.2.4.1)."""
    RELEASED = "released by command 8"
    """A late KSL is not for this leg."""


class LegInput(_Key):
    """What happens to an object in a call."""

    SET_UP = "the number is received, the call can be set up"
    SERVICE = "a service is used"
    ANSWER = "the called party answers"
    RELEASE = "the call ends"
    JOIN = "the object comes under control while the call is set up"
    JOIN_ANSWERED = "the object comes under control during the talk"
    JOIN_TALK = "the object comes under control during a talk without a moment of set-up"
    DROP = "the object is not controlled any more"


class LegAction(_Key):
    """What is done in a move."""

    TAKE_LINE = "take a line"
    TAKE_LATE_LINE = "take a line, 51h if there is one"
    SEND_41 = "41h"
    SEND_42 = "42h"
    SEND_43 = "43h"
    SEND_44 = "44h"
    LEAVE = "free the line"


_LEAVE: Final = Move(LegState.OVER, (LegAction.LEAVE,))
_RELEASE: Final = Move(LegState.OVER, (LegAction.SEND_43, LegAction.LEAVE))
LEG_TABLE: Final[StateTable[LegState, LegInput, LegAction]] = MappingProxyType(
    {
        (LegState.NEW, LegInput.SET_UP): Move(LegState.RECEIVED, (LegAction.TAKE_LINE, LegAction.SEND_41)),
        (LegState.NEW, LegInput.JOIN): Move(LegState.RECEIVED, (LegAction.TAKE_LATE_LINE,)),
        (LegState.NEW, LegInput.JOIN_ANSWERED): Move(LegState.ANSWERED, (LegAction.TAKE_LATE_LINE,)),
        (LegState.NEW, LegInput.JOIN_TALK): Move(LegState.TALK, ()),
        (LegState.NEW, LegInput.SERVICE): Move(LegState.NEW, (LegAction.SEND_44,)),
        (LegState.NEW, LegInput.RELEASE): _RELEASE,
        (LegState.NEW, LegInput.DROP): _LEAVE,
        (LegState.TALK, LegInput.SET_UP): Move(LegState.ANSWERED, (LegAction.TAKE_LINE, LegAction.SEND_41)),
        (LegState.TALK, LegInput.SERVICE): Move(LegState.TALK, (LegAction.SEND_44,)),
        (LegState.TALK, LegInput.RELEASE): _RELEASE,
        (LegState.TALK, LegInput.DROP): _LEAVE,
        (LegState.RECEIVED, LegInput.SERVICE): Move(LegState.RECEIVED, (LegAction.SEND_44,)),
        (LegState.RECEIVED, LegInput.ANSWER): Move(LegState.ANSWERED, (LegAction.SEND_42,)),
        (LegState.RECEIVED, LegInput.RELEASE): _RELEASE,
        (LegState.RECEIVED, LegInput.DROP): _LEAVE,
        (LegState.ANSWERED, LegInput.SERVICE): Move(LegState.ANSWERED, (LegAction.SEND_44,)),
        (LegState.ANSWERED, LegInput.RELEASE): _RELEASE,
        (LegState.ANSWERED, LegInput.DROP): _LEAVE,
    }
)
"""So the console is sent ``41h 44h* 42h 44h* 43h`` of each object, or 43h alone where dialling was not completed. Of an
object that comes under control during the call what was before is not sent, but for the 41h of a talk whose set-up the
switch did not report. Other pairs do not happen: :class:`~.calls.Calls` orders what a report has, and sends nothing
twice."""


_NEW, _TALK, _ANSWERED = LegState.NEW, LegState.TALK, LegState.ANSWERED
_BY_COMMAND_7 = LegKsl.BY_COMMAND_7
_HIGH, _STATISTICAL = Priority.HIGH, Category.STATISTICAL
"""For each event: the members of an enum cost more to look up in its class."""


@dataclass(slots=True, eq=False)
class Call:
    """A call of the switch that touches objects of ours."""

    key: tuple[str, str]
    """Domain and the switch's own id."""
    number: int
    report: CallReport
    """The newest snapshot."""
    first_seen: float
    """When the first report of it came in, by the mediator's clock."""
    last_seen: float | None = None
    """When a report of it was last taken in."""
    legs: dict[int, Leg] = field(default_factory=dict)
    """By object number."""
    ignored: set[int] = field(default_factory=set)
    """Objects that are not controlled in this call: taken off control, or put on it after it began."""


@dataclass(slots=True, eq=False)
class Leg:
    """One object in one call."""

    call: Call
    call_number: int
    object: ControlledObject
    """As it was when the call began (command 15 acts on the next call: 6.15.5)."""
    first: Match
    roles: set[str] = field(default_factory=set)
    called: list[report.Party] = field(default_factory=list)
    """Destinations that are the object itself, as the reports show them."""
    line: Line | None = None
    line_since: float = 0.0
    ksl: LegKsl = LegKsl.NONE
    state: LegState = LegState.NEW
    services: int = 0
    """How many services of the report the console has been sent."""
    given: Party | None = field(init=False)
    """The object as command 5 gave it, where events show it so (10.3.2.1)."""
    cause: Cause = field(init=False)
    """Of its events."""

    def __post_init__(self) -> None:
        self.given = self.object.given
        call = self.call.key[1]
        self.cause = Cause(call, call, (self.object.object_number,))

    @property
    def received(self) -> bool:
        """41h is out, or the object joined the call later."""
        return self.state is not _NEW and self.state is not _TALK

    @property
    def answered(self) -> bool:
        """42h is out, or the object joined the call during the talk."""
        return self.state is _ANSWERED or self.state is _TALK

    @property
    def statistical(self) -> bool:
        """The object is controlled without lines."""
        return self.object.category is _STATISTICAL

    @property
    def priority(self) -> Priority | None:
        """The priority that decides about its line."""
        return _HIGH if self.ksl is _BY_COMMAND_7 else self.object.priority

    def selection(self, line: Line | None) -> int:
        """Why the event is sent, and how the call is controlled: by the line it has, else statistically (10.2.1.6,
        11.1.8). One object that matches twice has both reasons."""
        if line is None:
            bits = CATEGORY_BITS[_STATISTICAL]
        else:
            bits = CATEGORY_BITS[Category.COMBINED if line.ksl_b is None else Category.SEPARATE]
        sign = 0
        for role in self.roles:
            sign |= bits << ROLE_SHIFT[role]
        return sign


class Step(NamedTuple):
    """Something that the console has not been sent yet."""

    time: float
    """Never earlier than the step before it of the same leg, so that sorting keeps a leg's order."""
    input: LegInput
    leg: Leg
    at: float
    """The moment of the event as the switch reported it."""
    service: ServiceUse | None = None
