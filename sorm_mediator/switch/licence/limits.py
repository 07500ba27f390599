"""What a licence may limit: every row of the switch's ``current-limits``, declared once, as data.

A row that a licence has wins over that of the factory licence; a row that it has not stays as the factory licence has
it, and a row that neither has is not shown. That is how all rows merge (ECSS-10 manual, Licences
in the CLI: "other values will remain unchanged").

Source: ECSS-10 manual, Licence limits: ``show-licence 0`` (factory values), ``current-limits`` (rows and their order),
tables 1 and 2 (meaning). Later versions have the rows of ASR and Elph, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from sorm_mediator.texts import whole_number

Value = bool | int | float | str
"""A flag, a whole number, :data:`INFINITY`, or a text."""
INFINITY: Final = math.inf
_INFINITY: Final = "infinity"


class LicenceError(Exception):
    """A licence, a passport or a limit can't be used. The text says why, and what to do."""


class Kind(Enum):
    """What values a row has."""

    FLAG = "true or false"
    COUNT = "a whole number, 0 or more"
    UNBOUNDED = f"a whole number, 0 or more, or {_INFINITY}"
    TEXT = "a text"


@dataclass(frozen=True, slots=True)
class Limit:
    """One row.

    key: its name in keys and lab files. label: as the switch shows it. factory: its value in licence 0; None: licence
    0 has no such row. effective: the emulated switch keeps to it; the others are shown only. before, after: rows with
    a fixed text that belong to it. apart: an empty row follows.
    """

    key: str
    label: str
    kind: Kind
    factory: Value | None = None
    effective: bool = False
    before: tuple[tuple[str, str], ...] = ()
    after: tuple[tuple[str, str], ...] = ()
    apart: bool = False

    def check(self, value: object) -> Value:
        """The value as the row keeps it. Raises :class:`LicenceError` naming key, value and what is allowed."""
        if self.kind is Kind.FLAG and isinstance(value, bool):
            return value
        if self.kind is Kind.TEXT and isinstance(value, str) and value.isprintable():
            return value
        if self.kind is Kind.UNBOUNDED and value in (_INFINITY, INFINITY):
            return INFINITY
        if self.kind in (Kind.COUNT, Kind.UNBOUNDED):
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            if is_whole and isinstance(value, int) and value >= 0:
                return value
        raise LicenceError(f"{self.key}: {value!r} is not allowed: {self.kind.value}")

    def parse(self, text: str) -> Value:
        """The value that a text of :func:`shown` means. Raises :class:`LicenceError`."""
        if self.kind is Kind.FLAG:
            return self.check({"true": True, "false": False}.get(text, text))
        if self.kind is not Kind.TEXT and (number := whole_number(text, 0, 2**63 - 1)) is not None:
            return self.check(number)
        return self.check(text)

    def rows(self, value: Value) -> Iterator[tuple[str, str]]:
        """Labels and values as the switch shows them."""
        yield from self.before
        yield self.label, shown(value)
        yield from self.after


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under one heading; without a heading each stands for itself."""

    heading: str
    limits: tuple[Limit, ...]


def shown(value: Value) -> str:
    """A value as the switch shows it; also as JSON keeps infinity."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _INFINITY if value == INFINITY else str(value)


def _nodes(name: str, *fixed: tuple[str, str], node: str = "") -> Limit:
    """The row of the nodes of a cluster, after its name."""
    return Limit(
        f"{name}.nodes", "nodes", Kind.TEXT, node or f"{name}@ecss1", before=(("name", name), *fixed)
    )


def _package(name: str, description: str, services: str) -> Limit:
    """A package of supplementary services."""
    return Limit(
        f"package.{name}",
        "limit",
        Kind.COUNT,
        before=(("name", f"'{name}'"),),
        after=(("description", f'"{description}"'), ("SS list", services)),
        apart=True,
    )


SECTIONS: Final = (
    Section("Cluster virtual", (Limit("virtual.system_bridge", "name", Kind.TEXT, "'.system_bridge'"),)),
    Section("Cluster virtual", (Limit("virtual.virtual", "name", Kind.TEXT, "'.virtual'"),)),
    Section("Cluster mediator", (_nodes("md1"),)),
    Section("Cluster adapter", (_nodes("sip1", ("type", "sip")),)),
    Section("Cluster adapter", (_nodes("megaco1", ("type", "megaco")),)),
    Section(
        "Cluster core",
        (
            _nodes("core1"),
            Limit("core1.redundancy", "redundancy", Kind.FLAG, False),
            Limit("concurrent_calls", "max call attempts", Kind.COUNT, 5, effective=True),
            Limit("max_conversation_time", "max conversation time, sec", Kind.COUNT, 60, effective=True),
        ),
    ),
    Section("Cluster storage", (_nodes("ds1"),)),
    # As licence 0 of the manual prints it; later licences have nodes of the platform, mycelium1@ecss1.
    Section("Cluster bus", (_nodes("bus1"),)),
    Section(
        "TSMN system",
        (
            Limit("tsmn.active", "concurrent calls (active)", Kind.COUNT, 0),
            Limit("tsmn.backup", "concurrent calls (backup)", Kind.COUNT, 0),
            Limit("tsmn.backup_mode", "backup mode", Kind.TEXT, "none"),
        ),
    ),
    Section(
        "Teleconference",
        (
            Limit("teleconference.channels", "channels", Kind.COUNT, 3),
            Limit("teleconference.members", "max members of one teleconference", Kind.COUNT, 0),
            Limit("teleconference.count", "active count", Kind.COUNT, 0),
        ),
    ),
    Section(
        "Supplementary Services licence package(s)",
        (
            _package("ECSS-ADV", "Дополнительные услуги", "[4]"),
            _package("ECSS-ADV+", "Дополнительные услуги +", "[5]"),
            _package("ECSS-BAS", "Базовые услуги (РД 45)", "[2]"),
            _package("ECSS-BAS+", "Расширение базовых услуг", "[3]"),
            _package("ECSS-FULL+", "Все услуги что есть", "[1,2,3,4,5]"),
            _package("ECSS-GEN", "Стандартные услуги (РД 45)", "[1]"),
        ),
    ),
    Section(
        "SORM",
        (
            Limit("sorm_enabled", "enabled", Kind.FLAG, False, effective=True),
            Limit("sorm_channels", "channels on SORM mediator", Kind.COUNT, effective=True),
        ),
    ),
    Section(
        "SIGTRAN",
        (Limit("sigtran.sep", "SEP", Kind.FLAG, False), Limit("sigtran.stp", "STP", Kind.FLAG, False)),
    ),
    Section(
        "Meet Me",
        (
            Limit("meet_me.count", "total count", Kind.COUNT, 0),
            Limit("meet_me.members", "members of the one Meet Me conference", Kind.COUNT, 0),
        ),
    ),
    Section(
        "IVR",
        (Limit("ivr.customization", "IVR script's customization enabled (obsolete)", Kind.FLAG, False),),
    ),
    Section("GEO backup", (Limit("geo_backup", "enabled", Kind.FLAG, False),)),
    Section(
        "Add-on conferences",
        (
            Limit("addon.count", "total count", Kind.COUNT, 30),
            Limit("addon.members", "members of the one add-on conference", Kind.COUNT, 16),
        ),
    ),
    Section(
        "Chat rooms",
        (
            Limit("chatroom.count", "total count", Kind.COUNT, 30),
            Limit("chatroom.members", "members of the one chatroom", Kind.COUNT, 16),
        ),
    ),
    Section(
        "Call center",
        (
            Limit("cc.look_at_queue", "operator's capability for look at calls in queue", Kind.FLAG),
            Limit("cc.intervention", "operator's capability for use Intervension SS", Kind.FLAG),
            Limit("cc.agents", "active agents", Kind.COUNT, 0),
            Limit("cc.supervisors", "active supervisors", Kind.COUNT, 0),
        ),
    ),
    Section(
        "Elph",
        (
            Limit("elph.groups", "total count of Elph group", Kind.COUNT),
            Limit("elph.members", "total count of members of the one Elph group", Kind.COUNT),
        ),
    ),
    Section(
        "",
        (
            Limit("asr", "Automatic Speech Recognition (ASR) subsystem enabled", Kind.FLAG),
            Limit("dialer.channels", "Channels on dialer outgoing calls", Kind.COUNT, 2),
            Limit("records", "Total count of simultaneous records voice calls", Kind.COUNT, 0),
            Limit("cdr", "CDR generation mode(s)", Kind.TEXT, "basic"),
            Limit("virtual_subscribers", "Virtual subscribers limit", Kind.UNBOUNDED, INFINITY),
            Limit("subscribers", "Subscribers limit", Kind.UNBOUNDED, 10, effective=True),
            Limit("lpm_time", "System alive time without LPM token (min)", Kind.TEXT, "1d"),
        ),
    ),
)
"""All rows in the order of ``current-limits``."""

LIMITS: Final[Mapping[str, Limit]] = MappingProxyType(
    {limit.key: limit for section in SECTIONS for limit in section.limits}
)
FACTORY: Final[Mapping[str, Value]] = MappingProxyType(
    {limit.key: limit.factory for limit in LIMITS.values() if limit.factory is not None}
)
"""The rows of licence 0."""


def limit_of(key: str) -> Limit:
    """The row of a key. Raises :class:`LicenceError` naming those that there are."""
    if key not in LIMITS:
        raise LicenceError(f"{key}: there is no such limit; there are: {', '.join(LIMITS)}")
    return LIMITS[key]


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds under a licence: its own rows over those of the factory licence."""

    values: Mapping[str, Value]

    @classmethod
    def under(cls, own: Mapping[str, Value]) -> Limits:
        """The limits under a licence with these rows of its own."""
        rows = {**FACTORY, **own}
        return cls(MappingProxyType({key: rows[key] for key in LIMITS if key in rows}))

    @property
    def sorm_enabled(self) -> bool:
        """Whether SORM is licensed: enabled, and with a channel at least."""
        return bool(self.values["sorm_enabled"]) and self.sorm_channels > 0

    @property
    def sorm_channels(self) -> int:
        """Connections of mediators with domains; none where the row is missing."""
        return int(self.values.get("sorm_channels", 0))

    @property
    def concurrent_calls(self) -> int:
        """Units of cp_limit."""
        return int(self.values["concurrent_calls"])

    @property
    def max_conversation_time(self) -> int:
        """Seconds."""
        return int(self.values["max_conversation_time"])

    @property
    def subscribers(self) -> float:
        """Subscribers of all domains; may be :data:`INFINITY`."""
        return float(self.values["subscribers"])
