"""Compares the events with the agreement: each value, the problems in words, and the rules behind them. Pure.

Only a full match of its number touches an object (ECSS-10 manual, Routing for SORM). A wrong format therefore
shows in two ways: the event comes with another number, or no event comes. This module distinguishes them by
the numbers that routing made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from protocol.texts import status_phrase
from sorm_mediator.acceptance.formats import Agreed
from sorm_mediator.acceptance.matrix import Domains, FormatCheck, Role
from sorm_mediator.acceptance.proposals import advice, find_rule, place_of
from sorm_mediator.config import Config
from sorm_mediator.language import Phrase, join
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.objects import OWN_SIGNS, SIGN_FITS
from sorm_mediator.switch.path import Hop
from sorm_mediator.switch.routing.route import Action, Side
from sorm_mediator.switch.trace import Trace

PASS = Phrase("PASS")
FAIL = Phrase("FAIL")
SKIPPED = Phrase("n/a")


class CrossedUnit(Protocol):
    """One message of a channel, as received or sent by the console."""

    time: float
    outbound: bool
    channel: str
    raw: bytes
    message: Any

    @property
    def name(self) -> str:
        """Name of the message."""

    @property
    def fields(self) -> dict[str, Any]:
        """Its fields in their JSON form."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One value of an event: the agreed and the received one; ``seen`` is None without the event."""

    event: str
    field: str
    expected: str
    seen: str | None

    @property
    def holds(self) -> bool:
        """Whether the value is as agreed."""
        return self.seen == self.expected


@dataclass(slots=True)
class Outcome:
    """A check that was carried out, or could not be.

    units: commands, answers and events, in their order. call, routing: the switch's own data about the call.
    trace: the call in the routing of the lab file.
    problems: in words. remedies: the rules and settings that caused the problems.
    """

    check: FormatCheck
    object_number: int = 0
    units: list[CrossedUnit] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remedies: list[str] = field(default_factory=list)
    call: str = ""
    routing: list[Mapping[str, Any]] = field(default_factory=list)
    trace: Trace | None = None
    seconds: float = 0.0

    @property
    def verdict(self) -> Phrase:
        """PASS, FAIL or n/a."""
        if self.check.skipped:
            return SKIPPED
        return FAIL if self.problems else PASS


EVENTS = ("number-received", "answer", "release")
"""The events of every object in an answered call (41h, 42h, 43h)."""
CODES = {"number-received": "41h", "answer": "42h", "release": "43h"}
_SIDE: Mapping[Role, Side] = {"calling": "a", "called": "b"}
_SHOWN: Mapping[Role, Phrase] = {
    "calling": Phrase("calling number"),
    "called": Phrase("called number"),
}
FIELDS: Mapping[str, Phrase] = {
    "object_type": Phrase("object type"),
    "calling.number": _SHOWN["calling"],
    "calling.sign": Phrase("sign of the calling number"),
    "called.number": _SHOWN["called"],
    "called.sign": Phrase("sign of the called number"),
}
"""The compared values, in words."""
Routing = Sequence[Mapping[str, Any]]
"""``routing`` of ``GET calls/{call}``: one entry for each domain on the call's way."""


def compare(check: FormatCheck, events: Iterable[CrossedUnit]) -> list[Compared]:
    """Every agreed value in each of the three events; the first event of a name counts."""
    assert check.controlled is not None
    assert check.calling is not None
    came = {unit.name: unit.fields for unit in reversed(list(events))}
    rows = []
    for event in EVENTS:
        called = check.first_called if event == "number-received" else check.called
        assert called is not None
        fields = came.get(event)
        rows.append(_row(event, "object_type", str(check.controlled.object_type), fields))
        for role, agreed in (("calling", check.calling), ("called", called)):
            party = None if fields is None else fields.get(role) or {}
            rows.append(_row(event, f"{role}.number", agreed.number, party, "number"))
            rows.append(_row(event, f"{role}.sign", str(agreed.sign), party, "sign"))
    return rows


def _row(event: str, name: str, expected: str, fields: Mapping[str, Any] | None, key: str = "") -> Compared:
    seen = None if fields is None else str(fields.get(key or name) or "")
    return Compared(event, name, expected, seen)


def problems(check: FormatCheck, compared: Iterable[Compared], routing: Routing) -> list[str]:
    """The problems in words; none if all values are as agreed."""
    rows = list(compared)
    missing = [event for event in EVENTS if any(row.event == event and row.seen is None for row in rows)]
    if len(missing) == len(EVENTS):
        return [join("; ", [_NO_EVENT, *_untouched(check, routing)])]
    found: list[str] = [
        Phrase("event {name} ({code}) did not come", name=one, code=CODES[one]) for one in missing
    ]
    for row in rows:
        if row.seen is not None and not row.holds:
            found.append(
                Phrase(
                    "{code} {field}: agreed {expected}, shown {seen}",
                    code=CODES[row.event],
                    field=FIELDS[row.field],
                    expected=row.expected,
                    seen=row.seen or "(—)",
                )
            )
    return found


_NO_EVENT = Phrase("no event came")


def refused(status: int, command: int = 5) -> Phrase:
    """The problem of a command that was not executed."""
    return Phrase(
        "command {command} was refused: {status:02X}h, {text}",
        command=command,
        status=status,
        text=status_phrase(status),
    )


def _untouched(check: FormatCheck, routing: Routing) -> list[str]:
    """The reason why an object was not touched, from the number at the switch."""
    agreed = check.controlled
    assert agreed is not None
    if not routing:
        return [Phrase("the call was released before it was routed")]
    side = _SIDE[check.role]
    found: list[str] = []
    for hop in routing:
        shown, routed = hop["sorm"][side], hop[side]
        if agreed.number in (shown["digits"], routed["digits"]):
            if not _sign_fits(agreed, shown["ni"]):
                found.append(
                    Phrase(
                        "the sign {sign} of the object does not fit the indicator {ni} of the number in {domain}",
                        sign=agreed.sign,
                        ni=shown["ni"] or "-",
                        domain=hop_domain(hop),
                    )
                )
            continue
        found.append(
            Phrase(
                "under control is {number}, and {domain} knows the {side} as {shown} (for SORM) and {routed} (routed)",
                number=agreed.number,
                domain=hop_domain(hop),
                side=_SHOWN[check.role],
                shown=shown["digits"] or "-",
                routed=routed["digits"] or "-",
            )
        )
    found += [str(hop["reason"]) for hop in routing if hop["reason"]]
    return list(dict.fromkeys(found))


def _sign_fits(agreed: Agreed, ni: str) -> bool:
    if agreed.sign in OWN_SIGNS:
        return True
    return ni in SIGN_FITS.get(str(agreed.sign), frozenset())


def hop_domain(hop: Mapping[str, Any]) -> str:
    """The domain of one entry of a call's routing."""
    path = hop["path"]
    return str(hop.get("domain") or (path[0]["domain"] if path else "?"))


def wrong_sides(check: FormatCheck, compared: Iterable[Compared]) -> list[Role]:
    """The parties with a number or sign that is not as agreed; the party under control if no event came."""
    rows = list(compared)
    if not any(row.seen is not None for row in rows):
        return [check.role]
    roles: tuple[Role, ...] = ("calling", "called")
    return [
        role
        for role in roles
        if any(row.field.startswith(role) and row.seen is not None and not row.holds for row in rows)
    ]


def remedies(
    check: FormatCheck,
    compared: Iterable[Compared],
    routing: Routing,
    trace: Trace | None,
    domains: Domains,
    config: Config,
) -> list[str]:
    """For each wrong side: the rules that made the number shown to the console, the settings that change it
    too, and the correction."""
    rows = list(compared)
    found: list[str] = []
    adapted: set[str] = set()
    for side in wrong_sides(check, rows):
        for hop in routing:
            found.append(_made_by(side, hop, domains, config.directory))
        agreed = check.calling if side == "calling" else check.called
        if trace is not None and not trace.reason and agreed is not None:
            touched, order = _touched_in(trace, rows), config.mediator.order
            found += advice(touched, _SIDE[side], agreed, check.kind, order, domains, config.directory)
            adapted |= {touched.domain.name for one in touched.applied if one.setting == "adaptation"}
        if side == "called":
            found += _first_called(rows, domains.get(check.domain))
        domain_names = {hop_domain(hop) for hop in routing}
        for name in domain_names & set(domains):
            settings = domains[name].config
            if settings.adaptation and name not in adapted:
                found.append(
                    Phrase(
                        "{domain}: the context {name} (adaptation) rewrites numbers for SORM after routing",
                        domain=name, name=settings.adaptation,
                    )
                )  # fmt: skip
        on = [name for name, value in config.mediator.adaptation.model_dump().items() if value]
        if side == "called" and on:
            found.append(
                Phrase(
                    "the mediator rewrites the called number: mediator.adaptation has {on}", on=", ".join(on)
                )
            )
    return list(dict.fromkeys(found))


def _touched_in(trace: Trace, rows: Iterable[Compared]) -> Hop:
    """The domain whose numbers the events showed; without events or such a domain, the domain of the whole
    call."""
    seen = {row.field: row.seen for row in rows if row.event == EVENTS[1]}
    for traced in (trace.shown, *trace.hops):
        a, b = traced.leg.calling.party, traced.leg.called.party
        if (a.digits, b.digits) == (seen.get("calling.number"), seen.get("called.number")):
            return traced.hop
    return trace.shown.hop


def _first_called(rows: Iterable[Compared], domain: Domain | None) -> list[str]:
    """The parameters of the called number in 41h, if it is not shown as agreed."""
    wrong = any(
        row.event == EVENTS[0] and row.field == "called.number" and row.seen and not row.holds for row in rows
    )
    if not wrong or domain is None:
        return []
    settings = domain.config
    on = [f'b_digits_mode = "{settings.b_digits_mode}"'] if settings.b_digits_mode != "user" else []
    on += ["full_dial_number = true"] if settings.full_dial_number else []
    if not on:
        return []
    return [
        Phrase(
            "{domain} has {on}: 41h shows the number for SORM in place of what was dialled; if that was agreed, "
            'acceptance.formats.own.dialled = "agreed"',
            domain=domain.name,
            on=", ".join(on),
        )
    ]


def _made_by(role: Role, hop: Mapping[str, Any], domains: Domains, directory: Path) -> str:
    """The rule of a domain that made the SORM number of a side."""
    side = _SIDE[role]
    domain = domains.get(hop_domain(hop))
    shown = hop["sorm"][side]
    what = f"{shown['digits'] or '-'} ({shown['ni'] or '-'})"
    makers = []
    for step in hop["path"]:
        rule = find_rule(domain, step["context"], step["rule"]) if domain is not None else None
        if domain is None or rule is None:
            makers.append(f"{step['rule']} ({step['context']})")
            continue
        place = place_of(rule, domain, step["context"], directory)
        text = ", ".join(filter(None, (_effect(one) for one in rule.actions if one.side == side)))
        makers.append(f"{step['rule']} ({place}: {text})" if text else f"{step['rule']} ({place})")
    if not makers:
        return Phrase(
            "{side} {what}: no rule was taken in {domain}",
            side=_SHOWN[role],
            what=what,
            domain=hop_domain(hop),
        )
    return Phrase(
        "{side} {what} in {domain}: made by the rules {makers}",
        side=_SHOWN[role],
        what=what,
        domain=hop_domain(hop),
        makers=" -> ".join(makers),
    )


def _effect(action: Action) -> str:
    parts = []
    for name, template in (("sorm_digits", action.sorm_digits), ("digits", action.digits)):
        if template is not None:
            parts.append(f'{name}="{template.text}"')
    for name, value in (("sorm_ni", action.sorm_ni), ("ni", action.ni)):
        if value is not None:
            parts.append(f'{name}="{value}"')
    return " ".join(parts)
