"""Who has which KSL: allocation by group, pre-emption, and the lines that are out of order.

A line (one KSL of a combined group, a pair of a separate one) has at most one owner.

Source: order 268, 6.4.3 (round the ring), 6.5.5.8 (priority), 6.7, 6.8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.codes import KSL_NUMBERS, Priority

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocol.values import Ksl
    from sorm_mediator.mediator.core.calls.legs import Leg
    from sorm_mediator.mediator.core.tables import Group, Line, Tables


class KslPool:
    """The owners of the lines in the KSL groups.

    ``conferences``: how many may be in use; None: any number. A line of a combined group takes one, as it is mixed; a
    pair of a separate one takes ``separate_conferences``. ``full_control_calls``: lines that may have an owner at the
    same time (order 268, appendices 2-4); None: any number. ``ring``: lines of a group are given round the ring, else
    the lowest that is free.
    """

    def __init__(
        self,
        tables: Tables,
        equipped: Iterable[int],
        conferences: int | None = None,
        separate_conferences: int = 0,
        *,
        full_control_calls: int | None = None,
        ring: bool = True,
    ) -> None:
        self._tables = tables
        self._full_control_calls = full_control_calls
        self.ring = ring
        self._given: dict[int, tuple[Group, Line]] = {}
        """The line that was given last, by number of the group, and that group: one that is made anew after a stop
        begins with its lowest line."""
        self._conferences = conferences
        self._separate = separate_conferences
        self._equipped = frozenset(equipped)
        self._owners: dict[Line, Leg] = {}
        self.faulty: set[Ksl] = set()
        """KSL that are out of order: they stay in their groups and are not given to anybody."""

    def exists(self, ksl: object) -> bool:
        """Whether the mediator has this KSL: number 1..28 of an equipped stream."""
        if not (isinstance(ksl, tuple) and len(ksl) == 2):
            return False
        stream, number = ksl
        return stream in self._equipped and number in KSL_NUMBERS

    def owner(self, line: Line) -> Leg | None:
        """Who has ``line``."""
        return self._owners.get(line)

    @property
    def in_use(self) -> int:
        """Lines that have an owner."""
        return len(self._owners)

    def free(self, group: int) -> Line | None:
        """The next line of ``group`` that is free, that works, and that can be mixed: after the one that was given
        last, from the lowest number to the highest, then again from the lowest (order 268, 6.4.3)."""
        if self._full_control_calls is not None and len(self._owners) >= self._full_control_calls:
            return None
        found = self._tables.groups.get(group)
        if found is None:
            return None
        lines = found.lines
        of, last = self._given.get(group, (None, None))
        if self.ring and last is not None and of is found:
            after = next((place for place, line in enumerate(lines) if line.ksl_a > last.ksl_a), 0)
            lines = lines[after:] + lines[:after]
        for line in lines:
            if line not in self._owners and self.faulty.isdisjoint(line.ksls) and self._can_mix(line):
                return line
        return None

    def victim(self, group: int) -> Leg | None:
        """The ordinary object that has had a line of ``group`` for the longest time: the order says "any" (6.5.5.8).

        Neither a priority object nor a call that has its line by command 7 (11.2.4.1) loses it to another one.
        """
        found = self._tables.groups.get(group)
        owners = (self._owners.get(line) for line in (found.lines if found else ()))
        ordinary = [leg for leg in owners if leg and leg.priority is not Priority.HIGH]
        return min(ordinary, key=lambda leg: leg.line_since, default=None)

    def take(self, line: Line, leg: Leg, now: float) -> None:
        """Give ``line`` to ``leg``. Raises :class:`ValueError` if it is not free or the leg has one."""
        if line in self._owners or leg.line is not None:
            raise ValueError(f"{line} can't be given to a second owner, nor a leg have two lines")
        self._owners[line] = leg
        group = self._tables.group_of.get(line.ksl_a)
        if group is not None:
            self._given[group] = (self._tables.groups[group], line)
        leg.line, leg.line_since = line, now

    def release(self, leg: Leg) -> Line:
        """Take its line from ``leg``. Raises :class:`ValueError` if it has none."""
        line = leg.line
        if line is None or self._owners.get(line) is not leg:
            raise ValueError("the leg has no line")
        del self._owners[line]
        leg.line = None
        return line

    def _can_mix(self, line: Line) -> bool:
        """Whether a conference is left for a line, if it needs one."""
        needed = self._needs(line)
        if self._conferences is None or not needed:
            return True
        return sum(map(self._needs, self._owners)) + needed <= self._conferences

    def _needs(self, line: Line) -> int:
        return 1 if line.ksl_b is None else self._separate
