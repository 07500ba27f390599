"""What is wrong, or doubtful, in the tables of a tenant. Pure.

Wrong is what a call could not pass: an id that names no row, an id given twice, a pattern that can't be read,
``other`` without a pattern. Doubtful is what a call of the tenant may never use.

Source: Sipteco platform manual, 4.5 (the tables name each other by id; ``other`` needs a pattern; inner numbers
must not be those of emergency services); the other checks are our choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sorm_mediator.config.vpbx import VpbxConfig
from sorm_mediator.texts import as_list
from sorm_mediator.vpbx.dialling import members, patterns_of
from sorm_mediator.vpbx.patterns import Pattern, PatternError


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake, or a doubt, in a column of a row. ``row``: its place in the table, counted from 0."""

    table: str
    row: int
    column: str
    text: str
    doubt: bool = False

    @property
    def key(self) -> str:
        """Its key below ``vpbx`` in a lab file."""
        return f"{self.table}.{self.row}.{self.column}"


MOST_NAMES: Final = 20
"""Names that a finding lists."""
REFERENCES: Final[Sequence[tuple[str, str, str]]] = (
    ("sip_trunks", "dial_number_id", "dial_numbers"),
    ("directions", "sip_trunk_id", "sip_trunks"),
    ("directions", "dial_number_id", "dial_numbers"),
    ("users", "dial_number_id", "dial_numbers"),
    ("users", "callgroup_id", "callgroups"),
    ("queue_members", "queue_id", "queues"),
    ("queue_members", "user_id", "users"),
    ("ivr_dtmf", "ivr_id", "ivr"),
    ("ivr_dtmf", "user_id", "users"),
    ("incoming_routes", "dial_number_id", "dial_numbers"),
)
"""Table, column, and the table whose ``id`` the column names."""
REQUIRED: Final = frozenset({("directions", "sip_trunk_id"), ("directions", "dial_number_id")})
"""References without which a row means nothing."""
UNIQUE: Final[Sequence[tuple[str, str]]] = (
    *(
        (table, "id")
        for table in (
            "dial_numbers",
            "sip_trunks",
            "directions",
            "users",
            "queues",
            "callgroups",
            "ivr",
            "phonebook",
        )
    ),
    ("sip_trunks", "trunk_name"),
    ("users", "number"),
    ("incoming_routes", "dial_number_id"),
)
"""Table and column whose values are given once."""
_SHOWN: Final = {"trunk_name": "name"}


def findings(tenant: VpbxConfig) -> Iterator[Finding]:
    """All mistakes and doubts, the mistakes first."""
    found = [one for check in _CHECKS for one in check(tenant)]
    yield from sorted(found, key=lambda one: one.doubt)


def mistakes(tenant: VpbxConfig) -> list[Finding]:
    """The mistakes alone."""
    return [one for one in findings(tenant) if not one.doubt]


def doubts(tenant: VpbxConfig) -> list[Finding]:
    """The doubts alone."""
    return [one for one in findings(tenant) if one.doubt]


def _unique(tenant: VpbxConfig) -> Iterator[Finding]:
    for table, column in UNIQUE:
        seen: set[Any] = set()
        for index, row in enumerate(getattr(tenant, table)):
            value = getattr(row, column)
            if value in seen:
                name = _SHOWN.get(column, column)
                yield Finding(table, index, name, f"{value} is given twice; choose another")
            seen.add(value)


def _references(tenant: VpbxConfig) -> Iterator[Finding]:
    for table, column, target in REFERENCES:
        known, there = {row.id for row in getattr(tenant, target)}, ""
        for index, row in enumerate(getattr(tenant, table)):
            value = getattr(row, column)
            if value is None and (table, column) in REQUIRED:
                yield Finding(table, index, column, f"is missing; the id of a row of {target}")
            elif value is not None and value not in known:
                there = there or _some(map(str, known))
                yield Finding(table, index, column, f"{value} is no id of {target}; there are: {there}")


def _readable_patterns(tenant: VpbxConfig) -> Iterator[Finding]:
    for index, row in enumerate(tenant.directions):
        if row.direction != "other":
            if row.pattern:
                text = f"{row.pattern} has no effect: {row.direction} has patterns of its own; use other"
                yield Finding("directions", index, "pattern", text, doubt=True)
            continue
        if not row.pattern:
            text = "is missing; the direction other needs one, such as _082XXXXX"
            yield Finding("directions", index, "pattern", text)
            continue
        try:
            patterns_of(row, tenant.area_code)
        except PatternError as error:
            yield Finding("directions", index, "pattern", str(error))


def _covered(tenant: VpbxConfig) -> Iterator[Finding]:
    """Patterns of a number that an earlier one, by an enabled trunk, covers."""
    enabled = {one.id for one in tenant.sip_trunks if one.enabled}
    before: dict[tuple[int, str], list[tuple[int, Sequence[Pattern]]]] = {}
    for index, row in enumerate(tenant.directions):
        try:
            patterns = patterns_of(row, tenant.area_code)
        except PatternError:
            continue
        number = row.dial_number_id or 0
        # Whatever covers a pattern begins with a part of its first digits, so the others need not be looked at.
        first = patterns[0].head if patterns else ""
        earlier = (one for at in range(len(first) + 1) for one in before.get((number, first[:at]), ()))
        by = min(
            (one for one, theirs in earlier if patterns and _all_covered(theirs, patterns)), default=None
        )
        if by is not None:
            texts = " ".join(one.text for one in patterns)
            text = (
                f"{texts} is covered by the earlier direction {tenant.directions[by].id} of the same "
                f"number: it is used "
                "only where the trunk of that one takes no call"
            )
            yield Finding("directions", index, "pattern", text, doubt=True)
        if row.sip_trunk_id in enabled:
            for head in {one.head for one in patterns}:
                before.setdefault((number, head), []).append((index, patterns))


def _some(names: Iterable[str]) -> str:
    """The first of the names that there are: a tenant may have thousands."""
    every = sorted(names)
    more = f" and {len(every) - MOST_NAMES} more" if len(every) > MOST_NAMES else ""
    return f"{as_list(every[:MOST_NAMES])}{more}"


def _all_covered(theirs: Iterable[Pattern], patterns: Iterable[Pattern]) -> bool:
    return all(any(one.covers(mine) for one in theirs) for mine in patterns)


def _unused(tenant: VpbxConfig) -> Iterator[Finding]:
    with_directions = {one.dial_number_id for one in tenant.directions}
    for index, number in enumerate(tenant.dial_numbers):
        if number.id not in with_directions:
            text = f"{number.id} ({number.number}) has no directions: nobody calls out through it"
            yield Finding("dial_numbers", index, "id", text, doubt=True)
    routed = {one.dial_number_id for one in tenant.incoming_routes}
    extensions: dict[str, int] = {}
    for index, trunk in enumerate(tenant.sip_trunks):
        if trunk.dial_number_id is None:
            text = f"trunk {trunk.trunk_name} belongs to no number: no call comes in by it"
            yield Finding("sip_trunks", index, "dial_number_id", text, doubt=True)
        if not trunk.enabled or not trunk.extension:
            continue
        if trunk.dial_number_id is not None and trunk.dial_number_id not in routed:
            text = f"calls to {trunk.extension} go nowhere: dial number {trunk.dial_number_id} has no incoming_routes"
            yield Finding("sip_trunks", index, "extension", text, doubt=True)
        if trunk.extension in extensions:
            other = tenant.sip_trunks[extensions[trunk.extension]].trunk_name
            text = f"{trunk.extension} is the extension of the enabled trunk {other} too: it is looked for there first"
            yield Finding("sip_trunks", index, "extension", text, doubt=True)
        extensions.setdefault(trunk.extension, index)


def _inner_numbers(tenant: VpbxConfig) -> Iterator[Finding]:
    emergency = {one.dial_number_id for one in tenant.directions if one.direction == "emergency"}
    for index, user in enumerate(tenant.users):
        if len(user.number) == 2 and emergency:
            text = f"{user.number} is a number of emergency services too: who dials it reaches the user"
            yield Finding("users", index, "number", text, doubt=True)


def _routes(tenant: VpbxConfig) -> Iterator[Finding]:
    there: dict[str, str] = {}
    for index, route in enumerate(tenant.incoming_routes):
        if not members(tenant, route.kind, route.target):
            if route.kind not in there:
                there[route.kind] = _some(_names(tenant, route.kind))
            text = f"{route.kind} {route.target} has nobody to ring; there are: {there[route.kind]}"
            yield Finding("incoming_routes", index, "target", text, doubt=True)


def _names(tenant: VpbxConfig, kind: str) -> Iterable[str]:
    if kind == "user":
        return (one.number for one in tenant.users)
    groups = {"queue": tenant.queues, "callgroup": tenant.callgroups, "ivr": tenant.ivr}[kind]
    return (one.name for one in groups)


_CHECKS: Final[Sequence[Callable[[VpbxConfig], Iterator[Finding]]]] = (
    _unique,
    _references,
    _readable_patterns,
    _covered,
    _unused,
    _inner_numbers,
    _routes,
)
