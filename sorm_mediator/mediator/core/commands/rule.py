"""What one command is made of: when it is taken, what refuses it at receipt and at execution, what it does.

Each command is one :class:`CommandRule`, which stands beside its functions in the module of its subject
(:mod:`.state`, :mod:`.objects`, :mod:`.ksl`, :mod:`.tables`). ``RULES`` of the package has them by
the type of the message. docs/mediator.md is generated from them.

A refusal is either *at receipt* (27h: the command as written can't be right, or is not taken in this state) or *at
execution* (28h: the command is right, but can't be done as things are). With extended errors its code stands in place
of the order's own 01h, in the same message (Eltex SMG1016M manual, extended error codes).

Source: order 268, appendices 6 and 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from protocol.messages import AddObject, ChangeObject, Command, GetKsl, RemoveKsl
from protocol.values import Raw
from sorm_mediator.language import MessageId
from sorm_mediator.mediator.core.means import Job, Means, OrmInput, OrmState, Standing
from ssh_control.codes import ExtendedError

if TYPE_CHECKING:
    from sorm_mediator.options import MediatorOptions

C = TypeVar("C", bound=Command)
T = TypeVar("T")


class Verdict(Enum):
    """What the state of the means makes of a command (order 268, 7.3, 6.1.4)."""

    TAKEN = "executed"
    NOT_STARTED = "27h/02h (extended: 27h/17h)"
    ALREADY_STARTED = "28h/07h (extended, option already_started_reply = vendor: 27h/16h)"


@dataclass(frozen=True, slots=True)
class ByOption:
    """The state's verdict is TAKEN when option ``name`` has ``value``, else NOT_STARTED."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Refusal(Generic[C]):
    """One reason to refuse a command."""

    extended: int
    """Status with extended errors; without them it is 01h."""
    summary: MessageId
    clause: str
    """The clause of the order, as ``6.5.5.7``; empty where only the vendor has the refusal."""
    when: Callable[[Means, C], bool]
    """Whether the command is refused."""
    before_28h: Callable[[Means, Job[C], float], None] | None = None
    """What is sent before the 28h of a refusal at execution."""


AnyRefusal: TypeAlias = Refusal[Any]
"""A refusal of whichever command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRule(Generic[C]):
    """Everything that is ruled of one command."""

    message: type[C]
    clause: str
    """The command's clause of order 268."""
    execute: Callable[[Means, Job[C], float], int | None]
    """Does the command. Returns the status of 28h; None: it goes on and is finished later."""
    receipt: tuple[Refusal[C], ...] = ()
    """Refusals at receipt (27h), in the order in which they are asked."""
    execution: tuple[Refusal[C], ...] = ()
    """Refusals at execution (28h), in the order in which they are asked."""
    stopped: Verdict | ByOption = Verdict.NOT_STARTED
    """Verdict while the means are stopped."""
    started: Verdict = Verdict.TAKEN
    """Verdict while the means are started."""
    moves: OrmInput | None = None
    """What it does to the state of the means; None: nothing."""
    standing: Standing = Standing.IN_TURN
    partial: frozenset[str] = field(default=frozenset())
    """Fields that may hold octets which are no value by themselves: the command's own refusals judge them."""
    table: bool = False
    """The answer is a table, which takes as long as it is."""

    def verdict(self, state: OrmState, options: MediatorOptions) -> Verdict:
        """The verdict in this state."""
        if state is OrmState.STARTED:
            return self.started
        if isinstance(self.stopped, ByOption):
            taken = getattr(options, self.stopped.name) == self.stopped.value
            return Verdict.TAKEN if taken else Verdict.NOT_STARTED
        return self.stopped


AnyRule: TypeAlias = CommandRule[Any]
"""The rule of whichever command."""

# --- what every command is asked


FIELD_CODES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "object_number": ExtendedError.WRONG_OBJECT_NUMBER,
        "object_type": ExtendedError.WRONG_OBJECT_TYPE,
        "number_sign": ExtendedError.WRONG_NUMBER_TYPE,
        "number": ExtendedError.WRONG_LENGTH,
        "category": ExtendedError.WRONG_CATEGORY,
        "ksl_group": ExtendedError.WRONG_KSL_GROUP,
        "ksl_a": ExtendedError.WRONG_KSL_A,
        "ksl_b": ExtendedError.WRONG_KSL_B,
        "priority": ExtendedError.WRONG_PRIORITY,
        "length": ExtendedError.WRONG_LENGTH,
    }
)
"""Extended code for a field whose octets mean nothing (27h); any other field: 11h."""


def missing(name: str, summary: MessageId, clause: str) -> AnyRefusal:
    """The refusal of a command that leaves out a field which it must have, with the field's code."""

    def when(_: Means, c: Command) -> bool:
        return getattr(c, name) is None

    return Refusal(FIELD_CODES.get(name, ExtendedError.WRONG_PARAMETERS), summary, clause, when)


def no_such_group(
    clause: str, before_28h: Callable[[Means, Job[Any], float], None] | None = None
) -> AnyRefusal:
    """The refusal of a command whose group has never had a line."""

    def when(means: Means, c: AddObject | ChangeObject | GetKsl | RemoveKsl) -> bool:
        return c.ksl_group is not None and c.ksl_group not in means.tables.groups

    return Refusal(ExtendedError.WRONG_KSL_GROUP, "no such group", clause, when, before_28h)


def field_code(names: set[str]) -> int:
    """The extended code for a unit with faults in these fields: the first of the table that is among them."""
    if {"ksl_a", "ksl_b"} <= names:
        return ExtendedError.WRONG_KSL_A_AND_B
    return next((code for name, code in FIELD_CODES.items() if name in names), ExtendedError.WRONG_PARAMETERS)


def faulty_fields(message: Command) -> set[str]:
    """Fields whose octets mean nothing."""
    return {
        name
        for name in getattr(message, "__dataclass_fields__", ())
        if name not in ("orm_number", "password") and isinstance(getattr(message, name), Raw)
    }


def given(value: T | Raw | None) -> T:
    """A value of a command, or what it names, where the refusals leave nothing that is missing or means nothing."""
    if value is None or isinstance(value, Raw):
        raise TypeError(f"a field that was accepted at receipt holds {value!r}")
    return value


def readable(value: T | Raw) -> T:
    """The value of a field, which may be missing; one that means nothing is refused at receipt."""
    if isinstance(value, Raw):
        raise TypeError(f"a field that was accepted at receipt holds {value!r}")
    return value


def blank(number: object) -> bool:
    """No number: FFh, or a count of 0, as some consoles write it."""
    return number is None or number == ""
