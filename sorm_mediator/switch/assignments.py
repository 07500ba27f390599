"""The licences of stations, users and trunks: who has which, and how many are left. Without I/O.

A subscriber with a station licence may have user licences as well. An assignment is a demand first;
:meth:`Assignments.check` unlocks as many demands as the pool has licences. Each pair of a subscriber and a licence is
in a state of :data:`ASSIGNMENT_TABLE`.

Source: docs/network-licence.md; OpenScape Business administration, Assigning Licenses (Standalone).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sorm_mediator.config import SwitchConfig
from sorm_mediator.config.stations import STATION_TYPES, USER_LICENCES
from sorm_mediator.switch.licence import LicenceError
from sorm_mediator.texts import as_list, did_you_mean


class AssignmentState(Enum):
    """The state of a licence for a subscriber."""

    LICENSED = "licensed"
    """It has a licence of the pool."""
    NOT_LICENSED = "not-licensed"
    """It is demanded, and the pool had none left, or a licence that it needs is not there."""
    CONFIGURABLE = "demand-configurable"
    """It may be demanded."""
    NOT_CONFIGURABLE = "demand-not-configurable"
    """It can't be demanded: a licence that it needs is not there."""
    UNSAVED_DEMAND = "unsaved-demand"
    """It is demanded, and not checked yet."""
    UNSAVED_DEMAND_RELEASE = "unsaved-demand-release"
    """A demand that has no licence is taken back, and this is not saved yet."""
    UNSAVED_RELEASE = "unsaved-release"
    """A licence is given back, and this is not saved yet: the pool has it back with the next check."""


class AssignmentInput(Enum):
    """What changes the state of a licence for a subscriber."""

    ALLOW = "allow"
    """What it needs is there."""
    FORBID = "forbid"
    """What it needs is gone, or another type of station takes its place."""
    ASSIGN = "assign"
    """The licence is assigned, or its release is taken back."""
    UNLOCK = "unlock"
    """The check has a licence for it."""
    SHORT = "short"
    """There is no licence for it, or no longer."""
    RELEASE = "release"
    """The assignment is taken back."""
    SAVE = "save"
    """The check saves a release."""


_S, _I = AssignmentState, AssignmentInput
ASSIGNMENT_TABLE: Final[Mapping[tuple[AssignmentState, AssignmentInput], AssignmentState]] = {
    (_S.NOT_CONFIGURABLE, _I.ALLOW): _S.CONFIGURABLE,
    (_S.CONFIGURABLE, _I.FORBID): _S.NOT_CONFIGURABLE,
    (_S.CONFIGURABLE, _I.ASSIGN): _S.UNSAVED_DEMAND,
    (_S.UNSAVED_DEMAND, _I.UNLOCK): _S.LICENSED,
    (_S.UNSAVED_DEMAND, _I.SHORT): _S.NOT_LICENSED,
    (_S.UNSAVED_DEMAND, _I.RELEASE): _S.CONFIGURABLE,
    (_S.UNSAVED_DEMAND, _I.FORBID): _S.NOT_CONFIGURABLE,
    (_S.LICENSED, _I.RELEASE): _S.UNSAVED_RELEASE,
    (_S.LICENSED, _I.SHORT): _S.NOT_LICENSED,
    (_S.LICENSED, _I.FORBID): _S.NOT_CONFIGURABLE,
    (_S.NOT_LICENSED, _I.UNLOCK): _S.LICENSED,
    (_S.NOT_LICENSED, _I.RELEASE): _S.UNSAVED_DEMAND_RELEASE,
    (_S.NOT_LICENSED, _I.FORBID): _S.NOT_CONFIGURABLE,
    (_S.UNSAVED_RELEASE, _I.ASSIGN): _S.LICENSED,
    (_S.UNSAVED_RELEASE, _I.SHORT): _S.UNSAVED_DEMAND_RELEASE,
    (_S.UNSAVED_RELEASE, _I.SAVE): _S.CONFIGURABLE,
    (_S.UNSAVED_RELEASE, _I.FORBID): _S.NOT_CONFIGURABLE,
    (_S.UNSAVED_DEMAND_RELEASE, _I.ASSIGN): _S.NOT_LICENSED,
    (_S.UNSAVED_DEMAND_RELEASE, _I.SAVE): _S.CONFIGURABLE,
    (_S.UNSAVED_DEMAND_RELEASE, _I.FORBID): _S.NOT_CONFIGURABLE,
}
"""State and input -> next state. A pair that is not there changes nothing."""

HOLDING: Final = frozenset({_S.LICENSED, _S.UNSAVED_RELEASE})
"""States in which a licence of the pool is taken."""
DEMANDING: Final = frozenset({_S.LICENSED, _S.NOT_LICENSED, _S.UNSAVED_DEMAND})
"""States in which the licence is wanted."""
INVALID: Final = frozenset({_S.NOT_LICENSED, _S.UNSAVED_DEMAND_RELEASE})
"""States that an overview shows in red."""
_FREE: Final = frozenset({_S.CONFIGURABLE, _S.NOT_CONFIGURABLE})
_SAVED: Final = frozenset({_S.LICENSED, _S.NOT_LICENSED, _S.UNSAVED_RELEASE, _S.UNSAVED_DEMAND_RELEASE})

LICENCES: Final[tuple[str, ...]] = (*STATION_TYPES, *USER_LICENCES)
"""All licences of a subscriber, those first that others need."""
NEED_UC: Final = frozenset({"fax", "conference"})
"""User licences that need one of :data:`UC`."""
UC: Final = ("uc-suite", "groupware")

Who = tuple[str, str]
"""A subscriber: its domain and its number."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A licence of a subscriber. ``reason``: why it has none; "" else."""

    domain: str
    number: str
    licence: str
    state: AssignmentState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check: the demands that were unlocked, and those that have no licence."""

    unlocked: tuple[Assignment, ...]
    invalid: tuple[Assignment, ...]


@dataclass(slots=True)
class _Row:
    """The licences of one subscriber that are not free, and what its settings say of them."""

    states: dict[str, AssignmentState]
    declared: tuple[str, tuple[str, ...]]


class Assignments:
    """The licences of all subscribers of a switch, from one pool.

    Those of the configuration are demands that are saved; they are checked when they are read, in the order of the
    lab file. More licences than the pool has are never taken.
    """

    def __init__(self, pool: Mapping[str, int]) -> None:
        self._pool = dict(pool)
        self._rows: dict[Who, _Row] = {}
        self._used: Counter[str] = Counter()
        self._followed: dict[str, object] = {}

    # --- what there is

    @property
    def pool(self) -> Mapping[str, int]:
        """Licence -> how many there are."""
        return self._pool

    @property
    def used(self) -> Mapping[str, int]:
        """Licence -> how many subscribers hold it."""
        return {licence: self._used[licence] for licence in LICENCES}

    @property
    def wanted(self) -> Mapping[str, int]:
        """Licence -> how many are held or demanded."""
        counted: Counter[str] = Counter()
        for row in self._rows.values():
            counted.update(name for name, state in row.states.items() if state not in _FREE)
        return {licence: counted[licence] for licence in LICENCES}

    def state(self, who: Who, licence: str) -> AssignmentState:
        """The state of a licence for a subscriber."""
        row = self._rows.get(who)
        state = row.states.get(licence) if row is not None else None
        if state is not None:
            return state
        return _S.NOT_CONFIGURABLE if self._why_not(who, licence) else _S.CONFIGURABLE

    def station(self, who: Who) -> str:
        """The type of station that a subscriber has or demands; "" for none."""
        row = self._rows.get(who)
        return next((name for name in STATION_TYPES if row is not None and name in row.states), "")

    def why_no_calls(self, who: Who) -> str:
        """Why a subscriber can't make calls; "" when it has a station licence."""
        station = self.station(who)
        if not station:
            return "it has no station licence"
        state = self.state(who, station)
        return "" if state in HOLDING else f"its station licence {station} is in state {state.value}"

    def saved(self, who: Who) -> tuple[str, tuple[str, ...]]:
        """Type of station and user licences of a subscriber, without changes that no check has saved."""
        row = self._rows.get(who)
        states = row.states if row is not None else {}
        kept = [name for name in LICENCES if states.get(name) in _SAVED]
        station = next((name for name in kept if name in STATION_TYPES), "")
        return station, tuple(name for name in kept if name not in STATION_TYPES)

    def overview(self) -> Iterator[Assignment]:
        """The licences that subscribers hold or demand, in the order of the subscribers."""
        for (domain, number), row in self._rows.items():
            for licence in LICENCES:
                if licence in row.states:
                    yield self._assignment((domain, number), licence)

    def invalid(self) -> tuple[Assignment, ...]:
        """The demands without a licence."""
        return tuple(one for one in self.overview() if one.state in INVALID)

    # --- changes

    def assign(self, who: Who, licence: str) -> AssignmentState:
        """Demand a licence for a subscriber. Raises :class:`LicenceError`, and changes nothing then.

        Another type of station frees the one before at once: it is tied to the number.
        """
        _known(licence)
        before = self.state(who, licence)
        if before in DEMANDING:
            raise LicenceError(f"{who[1]} has {licence} already, in state {before.value}")
        problem = "" if licence in STATION_TYPES else self._why_not(who, licence)
        if problem:
            raise LicenceError(f"{who[1]}: {licence}: {problem}")
        station = self.station(who)
        if licence in STATION_TYPES and station and station != licence:
            self._move(who, station, _I.FORBID)
        return self._move(who, licence, _I.ASSIGN)

    def release(self, who: Who, licence: str) -> AssignmentState:
        """Give a licence back, or take its demand back. Raises :class:`LicenceError`, and changes nothing then."""
        _known(licence)
        before = self.state(who, licence)
        if before not in DEMANDING:
            has = as_list(name for name in LICENCES if self.state(who, name) in DEMANDING)
            raise LicenceError(f"{who[1]} has no {licence} (state {before.value}); it has: {has or 'none'}")
        after = self._move(who, licence, _I.RELEASE)
        self._forbid_orphans(who)
        return after

    def check(self, *, saved_only: bool = False) -> Checked:
        """Save releases, and unlock the demands that the pool has licences for, in the order of the subscribers.

        ``saved_only``: look at demands alone that an earlier check has saved.
        """
        if not saved_only:
            for who in [*self._rows]:
                for licence in LICENCES:
                    if self.state(who, licence) in (_S.UNSAVED_RELEASE, _S.UNSAVED_DEMAND_RELEASE):
                        self._move(who, licence, _I.SAVE)
                self._forbid_orphans(who)
                self._shorten_orphans(who)
        looked_at = (_S.NOT_LICENSED,) if saved_only else (_S.NOT_LICENSED, _S.UNSAVED_DEMAND)
        unlocked: list[Assignment] = []
        for licence in LICENCES:
            for who in [*self._rows]:
                if self.state(who, licence) not in looked_at:
                    continue
                if self._why_no_licence(who, licence):
                    self._move(who, licence, _I.SHORT)
                else:
                    self._move(who, licence, _I.UNLOCK)
                    unlocked.append(self._assignment(who, licence))
        return Checked(tuple(unlocked), self.invalid())

    def use_pool(self, pool: Mapping[str, int]) -> None:
        """Another pool. Where it is less than what is held, the last subscribers lose their licences."""
        self._pool = dict(pool)
        for licence in LICENCES:
            over = self._used[licence] - self._pool.get(licence, 0)
            if over <= 0:
                continue
            holders = [who for who in self._rows if self.state(who, licence) in HOLDING]
            for who in reversed(holders[-over:]):
                self._move(who, licence, _I.SHORT)
        for who in self._rows:
            self._shorten_orphans(who)

    def follow(self, config: SwitchConfig) -> None:
        """Take what has changed in the configuration. A subscriber that is gone frees its licences."""
        there = {domain.name for domain in config.domains}
        changed = [one for one in config.domains if self._followed.get(one.name) is not one.subscribers]
        looked_at = {one.name for one in changed}
        declared = {(one.name, sub.number): sub for one in changed for sub in one.subscribers}
        for who in [*self._rows]:
            if who[0] not in there or (who[0] in looked_at and who not in declared):
                self.forget(who)
        for who, sub in declared.items():
            wanted = (sub.station, tuple(name for name in USER_LICENCES if name in sub.licences))
            row = self._rows.get(who)
            if row is None or row.declared != wanted:
                self._declare(who, wanted)
        if changed:
            self.check(saved_only=True)
        self._followed = {one.name: one.subscribers for one in config.domains}

    def confirm(self, who: Who) -> tuple[str, tuple[str, ...]]:
        """What is saved of a subscriber, which its settings are to say from now on."""
        self._rows[who].declared = self.saved(who)
        return self._rows[who].declared

    def forget(self, who: Who) -> None:
        """The subscriber is gone: its licences are free."""
        row = self._rows.pop(who, None)
        if row is not None:
            self._used.subtract(name for name, state in row.states.items() if state in HOLDING)

    @property
    def subscribers(self) -> Iterable[Who]:
        """All subscribers, in order."""
        return self._rows.keys()

    # --- inside

    def _declare(self, who: Who, wanted: tuple[str, tuple[str, ...]]) -> None:
        station, licences = wanted
        names = {station, *licences} - {""}
        row = self._rows.setdefault(who, _Row({}, wanted))
        row.declared = wanted
        for name in LICENCES:
            if name in row.states and name not in names:
                self._move(who, name, _I.FORBID)
            elif name in names and name not in row.states:
                row.states[name] = _S.NOT_LICENSED

    def _move(self, who: Who, licence: str, cause: AssignmentInput) -> AssignmentState:
        before = self.state(who, licence)
        after = ASSIGNMENT_TABLE.get((before, cause), before)
        self._used[licence] += (after in HOLDING) - (before in HOLDING)
        row = self._rows.setdefault(who, _Row({}, ("", ())))
        if after in _FREE:
            row.states.pop(licence, None)
        else:
            row.states[licence] = after
        return after

    def _forbid_orphans(self, who: Who) -> None:
        """Free the user licences whose station, or whose other licence, is gone."""
        for licence in USER_LICENCES:
            row = self._rows.get(who)
            gone = row is not None and licence in row.states and not self._has_what_it_needs(who, licence)
            if gone:
                self._move(who, licence, _I.FORBID)

    def _shorten_orphans(self, who: Who) -> None:
        for licence in USER_LICENCES:
            if self.state(who, licence) in HOLDING and self._unlicensed_need(who, licence):
                self._move(who, licence, _I.SHORT)

    def _has_what_it_needs(self, who: Who, licence: str) -> bool:
        row = self._rows[who]
        uc = licence not in NEED_UC or any(name in row.states for name in UC)
        return bool(self.station(who)) and uc

    def _why_not(self, who: Who, licence: str) -> str:
        """Why a licence can't be demanded; "" when it can."""
        row = self._rows.get(who)
        demanded = {name for name, state in (row.states if row else {}).items() if state in DEMANDING}
        if licence in STATION_TYPES:
            other = next((name for name in STATION_TYPES if name in demanded and name != licence), "")
            return f"it is a station of type {other}" if other else ""
        if not demanded.intersection(STATION_TYPES):
            return f"assign a station licence first: {as_list(STATION_TYPES)}"
        if licence in NEED_UC and not demanded.intersection(UC):
            return f"assign one of these first: {as_list(UC)}"
        return ""

    def _unlicensed_need(self, who: Who, licence: str) -> str:
        """What a licence needs and does not have; "" for nothing."""
        if licence in STATION_TYPES:
            return ""
        station = self.station(who)
        if self.state(who, station) not in HOLDING if station else True:
            return f"its station licence {station or 'is missing'}".rstrip() + (
                " is not licensed" if station else ""
            )
        if licence in NEED_UC and all(self.state(who, name) not in HOLDING for name in UC):
            return f"none of {as_list(UC)} is licensed"
        return ""

    def _why_no_licence(self, who: Who, licence: str) -> str:
        need = self._unlicensed_need(who, licence)
        if need:
            return need
        limit = self._pool.get(licence, 0)
        return "" if self._used[licence] < limit else f"all {limit} licences {licence} are in use"

    def _assignment(self, who: Who, licence: str) -> Assignment:
        state = self.state(who, licence)
        reason = self._why_no_licence(who, licence) if state in INVALID else ""
        return Assignment(*who, licence, state, reason)


def _known(licence: str) -> None:
    if licence not in LICENCES:
        near = did_you_mean(licence, LICENCES)
        raise LicenceError(f"there is no licence {licence!r}; there are: {as_list(LICENCES)}{near}")


# --- trunks


@dataclass(frozen=True, slots=True)
class TrunkShare:
    """The licences of a trunk: the channels that it has by the settings, and those that the pool has for it."""

    domain: str
    trunk: str
    kind: str
    asked: int
    licensed: int


def trunk_shares(config: SwitchConfig, pool: Mapping[str, int]) -> tuple[TrunkShare, ...]:
    """Distribute the channels of the pool to the trunks, in the order of the lab file."""
    left = dict(pool)
    shares = []
    for domain in config.domains:
        for trunk in domain.trunks:
            if not trunk.kind:
                continue
            licensed = min(trunk.licensed_channels, left.get(trunk.kind, 0))
            left[trunk.kind] = left.get(trunk.kind, 0) - licensed
            shares.append(TrunkShare(domain.name, trunk.name, trunk.kind, trunk.licensed_channels, licensed))
    return tuple(shares)
