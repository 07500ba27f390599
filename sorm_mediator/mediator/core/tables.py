"""What the technical means of ORM must not forget: state, password, KSL groups, objects.

:class:`Tables` is the in-memory model. Nothing but a :data:`Change` alters it, and every change that the core
makes also travels as a ``Store`` effect, so replaying the stored changes gives the same tables. All look-ups
that a command needs are indexes: putting the 60,000th object under control costs what the first one did.

Source: order 268, 6.1-6.9, 6.15. What survives a restart is option ``after_restart`` (9.2.4).
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from protocol.codes import Category, GroupType, NumberSign, ObjectType, Priority
from protocol.values import Ksl, Party

if TYPE_CHECKING:
    from collections.abc import Mapping


DEFAULT_PASSWORD = "123456"  # nosec B105 # noqa: S105 - the first password of a test mediator, no secret


Phone: TypeAlias = "tuple[ObjectType, NumberSign | None, str]"
"""Type, sign and digits of a phone object."""


class Line(NamedTuple):
    """One KSL of a combined group (``ksl_b`` is None), or the pair of a separate group."""

    ksl_a: Ksl
    ksl_b: Ksl | None

    @property
    def ksls(self) -> tuple[Ksl, ...]:
        """The KSL that this line occupies: one, or two."""
        return (self.ksl_a,) if self.ksl_b is None else (self.ksl_a, self.ksl_b)


@dataclass(slots=True)
class Group:
    """A KSL group: its type and its lines, lowest KSL-A first. A group may be empty."""

    group_type: GroupType
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlledObject:
    """One row of the object table: what command 5 gave, as it gave it (message 23h echoes it)."""

    object_number: int
    object_type: ObjectType
    number_sign: NumberSign | None
    number: str | None
    trunk: int | None
    category: Category
    ksl_group: int | None
    priority: Priority | None

    def fields(self) -> dict[str, Any]:
        """The fields by name."""
        return {name: getattr(self, name) for name in _OBJECT_FIELDS}

    def plain(self) -> dict[str, int | str | None]:
        """The fields by name, as plain numbers and texts: as the disk and the switch have them."""
        return {
            name: str(value) if isinstance(value, str) else value for name, value in self.fields().items()
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> ControlledObject:
        """The object of :meth:`plain` values. Raises :class:`ValueError` and :class:`LookupError` for others."""
        given = {name: values[name] for name in _OBJECT_FIELDS}
        for name, kind in _CODED.items():
            given[name] = None if given[name] is None and name in _MAY_BE_MISSING else kind(given[name])
        return cls(**given)

    @property
    def phone(self) -> Phone | None:
        """What makes two phone objects the same phone; None for a trunk object."""
        return None if self.number is None else (self.object_type, self.number_sign, self.number)

    @property
    def given(self) -> Party | None:
        """The party that events show where the object is one (order 268, 10.3.2.1); None for a trunk, an IMSI, and a
        number of which command 5 gave the leading digits alone."""
        if self.number is None or self.object_type is ObjectType.NETWORK_PARTIAL:
            return None
        return None if self.number_sign is NumberSign.IMSI else Party(self.number_sign, self.number)


_OBJECT_FIELDS: Final = tuple(one.name for one in fields(ControlledObject))
_CODED: Final[Mapping[str, type[StrEnum]]] = {
    "object_type": ObjectType,
    "number_sign": NumberSign,
    "category": Category,
    "priority": Priority,
}
_MAY_BE_MISSING: Final = frozenset({"number_sign", "priority"})


@dataclass(frozen=True, slots=True)
class Started:
    """Command 1: the technical means are started, under the number that it gave (order 268, 6.1.3; None: not known)."""

    orm_number: int | None


@dataclass(frozen=True, slots=True)
class StartNumber:
    """A command 1 came while the means were stopped: messages carry its number until the start (order 268, 8.2.1.2)."""

    orm_number: int


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """Command 3. ``password`` is six characters (Latin-1)."""

    password: str

    def __repr__(self) -> str:
        return "PasswordChanged(password='******')"


@dataclass(frozen=True, slots=True)
class GroupLineAdded:
    """Command 4: a line joins a group, which comes into being (or takes this type) if it has no lines."""

    ksl_group: int
    group_type: GroupType
    line: Line


@dataclass(frozen=True, slots=True)
class GroupLineRemoved:
    """Command 9: a line leaves its group; the group stays, though it may be empty now."""

    ksl_group: int
    line: Line


@dataclass(frozen=True, slots=True)
class ObjectPut:
    """Commands 5 and 15: the row of this object number is now ``object``."""

    object: ControlledObject


@dataclass(frozen=True, slots=True)
class ObjectRemoved:
    """Command 6."""

    object_number: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """Command 2, in one atomic step: not started, no objects; no groups unless they are kept; and the
    password that is valid from now on when it is set back (None: the present one stays)."""

    clear_groups: bool
    password: str | None

    def __repr__(self) -> str:
        password = None if self.password is None else "******"
        return f"Stopped(clear_groups={self.clear_groups!r}, password={password!r})"


@dataclass(frozen=True, slots=True)
class DamageReported:
    """The loss of the tables has been reported to the console (21h type 01h)."""


Change: TypeAlias = (
    Started
    | StartNumber
    | PasswordChanged
    | GroupLineAdded
    | GroupLineRemoved
    | ObjectPut
    | ObjectRemoved
    | Stopped
    | DamageReported
)


@dataclass(kw_only=True, repr=False)
class Tables:
    """State, password, groups and objects, with the indexes that the checks of commands need.

    ``damaged``: what was stored before could not be read; these tables begin empty and stopped, and
    the console has not heard so yet. It must survive a restart until :class:`DamageReported`.
    """

    password: str = DEFAULT_PASSWORD
    started: bool = False
    damaged: bool = False
    start_number: int | None = None
    """The ORM number in the last command 1; None before the first."""
    groups: dict[int, Group] = field(init=False, default_factory=dict)
    objects: dict[int, ControlledObject] = field(init=False, default_factory=dict)
    group_of: dict[Ksl, int] = field(init=False, compare=False, default_factory=dict)
    """The group that a KSL belongs to, as A or as B."""
    by_phone: dict[Phone, set[int]] = field(init=False, compare=False, default_factory=dict)
    """Objects with this phone; there may be several (order 268, 6.5.6)."""
    by_trunk: dict[int, int] = field(init=False, compare=False, default_factory=dict)
    objects_of_group: Counter[int] = field(init=False, compare=False, default_factory=Counter)
    objects_of_type: Counter[ObjectType] = field(init=False, compare=False, default_factory=Counter)

    def apply(self, change: Change) -> None:
        """Make ``change``. Raises :class:`ValueError` for one that contradicts the tables."""
        match change:
            case Started(orm_number):
                self.started, self.start_number = True, orm_number
            case StartNumber(orm_number):
                self.start_number = orm_number
            case PasswordChanged(password):
                self.password = password
            case GroupLineAdded():
                self._add_line(change)
            case GroupLineRemoved(number, line):
                self._remove_line(number, line)
            case ObjectPut(row):
                self._forget(self.objects.get(row.object_number))
                self._index(row)
            case ObjectRemoved(number):
                if number not in self.objects:
                    raise ValueError(f"object {number} is not in the table")
                self._forget(self.objects.pop(number))
            case Stopped(clear_groups, new_password):
                self._stop(clear_groups, new_password)
            case DamageReported():
                self.damaged = False

    def line_of(self, ksl: Ksl) -> Line | None:
        """The line that ``ksl`` is part of, in any group."""
        number = self.group_of.get(ksl)
        if number is None:
            return None
        return next(line for line in self.groups[number].lines if ksl in line.ksls)

    def __repr__(self) -> str:
        return f"Tables(started={self.started}, groups={len(self.groups)}, objects={len(self.objects)})"

    def _add_line(self, change: GroupLineAdded) -> None:
        for ksl in change.line.ksls:
            if ksl in self.group_of:
                raise ValueError(f"{ksl} already belongs to group {self.group_of[ksl]}")
        group = self.groups.setdefault(change.ksl_group, Group(change.group_type))
        if group.lines and group.group_type != change.group_type:
            raise ValueError(f"group {change.ksl_group} is {group.group_type}")
        group.group_type = change.group_type
        insort(group.lines, change.line, key=lambda line: line.ksl_a)
        for ksl in change.line.ksls:
            self.group_of[ksl] = change.ksl_group

    def _remove_line(self, number: int, line: Line) -> None:
        group = self.groups.get(number)
        if group is None or line not in group.lines:
            raise ValueError(f"{line} is not in group {number}")
        group.lines.remove(line)
        for ksl in line.ksls:
            del self.group_of[ksl]

    def _index(self, row: ControlledObject) -> None:
        self.objects[row.object_number] = row
        self.objects_of_type[row.object_type] += 1
        if row.phone is not None:
            self.by_phone.setdefault(row.phone, set()).add(row.object_number)
        if row.trunk is not None:
            self.by_trunk[row.trunk] = row.object_number
        if row.ksl_group is not None:
            self.objects_of_group[row.ksl_group] += 1

    def _forget(self, row: ControlledObject | None) -> None:
        if row is None:
            return
        self.objects_of_type[row.object_type] -= 1
        if row.phone is not None:
            numbers = self.by_phone[row.phone]
            numbers.discard(row.object_number)
            if not numbers:
                del self.by_phone[row.phone]
        if row.trunk is not None:
            del self.by_trunk[row.trunk]
        if row.ksl_group is not None:
            self.objects_of_group[row.ksl_group] -= 1

    def _stop(self, clear_groups: bool, password: str | None) -> None:
        self.started = False
        self.objects.clear()
        self.by_phone.clear()
        self.by_trunk.clear()
        self.objects_of_group.clear()
        self.objects_of_type.clear()
        if clear_groups:
            self.groups.clear()
            self.group_of.clear()
        if password is not None:
            self.password = password
