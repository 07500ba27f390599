"""Compares the events with the agreement: each value, the problems in words, and the rules behind
them with corrections. Pure.

Only a full match of its number touches an object (ECSS-10 manual, Routing for SORM). A wrong format therefore
shows in two ways: the event comes with another number, or no event comes. This module distinguishes them by
the numbers that routing made.

A correction proposes the attributes of a rule that would show a number as agreed. It is made from one call. If a
rule takes numbers of several kinds, it suits the number of this call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol.codes import Order
from protocol.texts import VALUES, status_phrase
from sorm_mediator.acceptance.matrix import NI_OF_KIND, Agreed, Domains, FormatCheck, Kind, Role
from sorm_mediator.config import Config
from sorm_mediator.language import Phrase, join
from sorm_mediator.mediator.core.numbers import SIGN_OF_NI
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.objects import OWN_SIGNS, SIGN_FITS
from sorm_mediator.switch.path import Hop
from sorm_mediator.switch.routing.masks import Template
from sorm_mediator.switch.routing.route import Action, Rule, Side
from sorm_mediator.switch.trace import Trace, applied_text

if TYPE_CHECKING:
    from sorm_mediator.console.client import Crossed

PASS = Phrase("PASS")
FAIL = Phrase("FAIL")
SKIPPED = Phrase("n/a")


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
    units: list[Crossed] = field(default_factory=list)
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


def compare(check: FormatCheck, events: Sequence[Crossed]) -> list[Compared]:
    """Every agreed value in each of the three events; the first event of a name counts."""
    assert check.controlled is not None
    assert check.calling is not None
    came = {unit.name: unit.fields for unit in reversed(events)}
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


def problems(outcome: Outcome) -> list[str]:
    """The problems in words; none if all values are as agreed."""
    rows = outcome.compared
    missing = [event for event in EVENTS if any(row.event == event and row.seen is None for row in rows)]
    if len(missing) == len(EVENTS):
        return [join("; ", [Phrase("no event came"), *_untouched(outcome)])]
    found: list[str] = [
        Phrase("event {name} ({code}) did not come", name=one, code=CODES[one]) for one in missing
    ]
    found += [
        Phrase(
            "{code} {field}: agreed {expected}, shown {seen}",
            code=CODES[row.event],
            field=FIELDS[row.field],
            expected=worded(row.expected),
            seen=worded(row.seen) or "(—)",
        )
        for row in rows
        if row.seen is not None and not row.holds
    ]
    return found


def worded(value: str) -> str:
    """A coded value with its meaning; a number unchanged."""
    known = VALUES.get(value)
    return value if known is None else Phrase("{code} ({meaning})", code=value, meaning=known)


def refused(status: int, command: int = 5) -> Phrase:
    """The problem of a command that was not executed."""
    return Phrase(
        "command {command} was refused: {status:02X}h, {text}",
        command=command,
        status=status,
        text=status_phrase(status),
    )


def _untouched(outcome: Outcome) -> list[str]:
    """The reason why an object was not touched, from the number at the switch."""
    check, routing = outcome.check, outcome.routing
    agreed = check.controlled
    assert agreed is not None
    if not routing:
        return [Phrase("the call was released before it was routed")]
    side = _SIDE[check.role]
    found: list[str] = []
    for hop in routing:
        shown, routed = hop["sorm"][side], hop[side]
        if agreed.number not in (shown["digits"], routed["digits"]):
            found.append(
                Phrase(
                    "under control is {number}, and {domain} knows the {side} as {shown} (for SORM) "
                    "and {routed} (routed)",
                    number=agreed.number,
                    domain=hop_domain(hop),
                    side=_SHOWN[check.role],
                    shown=shown["digits"] or "-",
                    routed=routed["digits"] or "-",
                )
            )
        elif agreed.sign not in OWN_SIGNS and shown["ni"] not in SIGN_FITS.get(str(agreed.sign), ()):
            found.append(
                Phrase(
                    "the sign {sign} of the object does not fit the indicator {ni} of the number in {domain}",
                    sign=worded(agreed.sign),
                    ni=shown["ni"] or "-",
                    domain=hop_domain(hop),
                )
            )
    # The switch tells reasons in English; routing of the lab file has the same ones with their translation.
    reasons = (
        {} if outcome.trace is None else {str(one.hop.problem): one.hop.problem for one in outcome.trace.hops}
    )
    found += [reasons.get(str(hop["reason"]), str(hop["reason"])) for hop in routing if hop["reason"]]
    return list(dict.fromkeys(found))


def hop_domain(hop: Mapping[str, Any]) -> str:
    """The domain of one entry of a call's routing."""
    return str(hop["domain"])


def wrong_sides(outcome: Outcome) -> list[Role]:
    """The parties with a number or sign that is not as agreed; the party under control if no event came."""
    wrong = [row.field for row in outcome.compared if row.seen is not None and not row.holds]
    if all(row.seen is None for row in outcome.compared):
        return [outcome.check.role]
    return [role for role in _SIDE if any(field.startswith(role) for field in wrong)]


def remedies(outcome: Outcome, domains: Domains, config: Config) -> list[str]:
    """For each wrong side: the rules that made its number, the settings that change it, and the correction."""
    check, rows, routing, trace = outcome.check, outcome.compared, outcome.routing, outcome.trace
    found: list[str] = []
    named: set[str] = set()
    for side in wrong_sides(outcome):
        found += [_made_by(side, hop, domains, config.directory) for hop in routing]
        agreed = check.calling if side == "calling" else check.called
        if trace is not None and not trace.reason and agreed is not None:
            touched, order = _touched_in(trace, rows), config.mediator.order
            found += advice(touched, _SIDE[side], agreed, check.kind, order, domains, config.directory)
            named |= {touched.domain.name for one in touched.applied if one.setting == "adaptation"}
        if side == "called":
            found += _first_called(rows, domains.get(check.domain))
        for hop in trace.hops if trace is not None else ():
            if hop.hop.domain.name not in named:
                found += _adaptations(hop.hop, _SIDE[side])
        on = [name for name, value in config.mediator.adaptation.model_dump().items() if value is True]
        if side == "called" and on:
            found.append(
                Phrase(
                    "the mediator rewrites the called number: mediator.adaptation has {on}", on=", ".join(on)
                )
            )
    return list(dict.fromkeys(found))


def _adaptations(hop: Hop, side: Side) -> list[str]:
    """The adaptation of a domain, if it changed this side in this call."""
    name, setting = hop.domain.name, hop.domain.config.adaptation
    changed = any(one.setting == "adaptation" and one.side == side for one in hop.applied)
    told = Phrase(
        "{domain}: the context {name} (adaptation) rewrites numbers for SORM after routing",
        domain=name, name=setting,
    )  # fmt: skip
    return [told] if changed else []


def _touched_in(trace: Trace, rows: Iterable[Compared]) -> Hop:
    """The domain whose numbers the events showed; without such a domain, that of the whole call."""
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
    if domain is not None and not domain.contexts:
        return Phrase(
            "{side} {what}: {domain} has no routing context, so no rule makes its numbers: give it one "
            "(switch.domains.contexts)",
            side=_SHOWN[role],
            what=what,
            domain=domain.name,
        )
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


TAG_OF_SIDE = {"a": "calling", "b": "called"}
"""The tag of ``<actions>`` that sets the SORM number of a side."""
_SAME = 3
"""Common last digits by which two numbers count as two forms of one number."""


def advice(
    hop: Hop, side: Side, agreed: Agreed, kind: Kind, order: Order, domains: Domains, directory: Path
) -> list[str]:
    """The change that makes SORM show ``agreed``: settings of the domain after routing, otherwise a rule."""
    number = hop.result.a if side == "a" else hop.result.b
    applied = [
        Phrase("{domain}: {text}", domain=hop.domain.name, text=applied_text(one))
        for one in hop.applied
        if one.side == side
    ]
    wrong_digits = number.shown_digits != agreed.number
    wrong_sign = SIGN_OF_NI[order].get(number.shown_ni) != agreed.sign
    if not wrong_digits and not wrong_sign:
        return []
    full = _outside(number.shown_digits, agreed, domains) if wrong_digits else []
    ni = _indicator(agreed, kind, order) if wrong_sign else ""
    return [*applied, *full] or _rule(hop, side, agreed, directory, ni)


def left_over(held: Mapping[str, Any]) -> Phrase:
    """The remedy if an object of before is in the way (33h, 36h): its command 6."""
    names = ("object_number", "object_type", "number_sign", "number", "trunk")
    fields = " ".join(f"{name}={held[name]}" for name in names if held.get(name) is not None)
    return Phrase(
        "object {number} is under control already: if it is left over, remove it with "
        "sorm-mediator send remove-object {fields}",
        number=held["object_number"],
        fields=fields,
    )


def refused_number(agreed: Agreed, subscriber: str, domain: Domain) -> list[str]:
    """The change if the switch has no own subscriber with the agreed number (54h)."""
    if not subscriber or domain.subscriber_at(agreed.number) is not None:
        return []
    return [
        Phrase(
            "{domain} has no subscriber {number}: if {subscriber} is meant, its full number belongs into a numbering "
            'plan ("{number}" = {{ alias = "{subscriber}" }} in switch.domains.numbering_plans)',
            domain=domain.name,
            number=agreed.number,
            subscriber=subscriber,
        )
    ]


def _outside(shown: str, agreed: Agreed, domains: Domains) -> list[str]:
    """The subscriber is shown by its own full number, which may be the agreed one."""
    for domain in domains.values():
        subscriber = domain.subscribers.get(agreed.number)
        if subscriber is not None and shown in domain.numbers_of(subscriber):
            return [
                Phrase(
                    "{shown} is the full number of {number}: if calls that leave the node are to show it, "
                    'acceptance.formats.own.outside = "full"',
                    shown=shown, number=agreed.number,
                )
            ]  # fmt: skip
    return []


def _indicator(agreed: Agreed, kind: Kind, order: Order) -> str:
    """The ``sorm_ni`` for the agreed sign; "" without one."""
    fitting = [ni for ni, sign in SIGN_OF_NI[order].items() if sign == agreed.sign]
    own = NI_OF_KIND[kind]
    return own if own in fitting else next(iter(fitting), "")


def _rule(hop: Hop, side: Side, agreed: Agreed, directory: Path, ni: str) -> list[str]:
    steps = [
        (step, rule)
        for step in hop.result.path
        if (rule := find_rule(hop.domain, step.context, step.rule)) is not None
    ]
    if not steps:
        return []
    setting = [(step, rule) for step, rule in steps if _template(rule, side) is not None]
    step, rule = (setting or steps)[-1]
    number = hop.result.a if side == "a" else hop.result.b
    parts = []
    if number.shown_digits != agreed.number:
        digits = _digits(rule, side, number.shown_digits, step.a if side == "a" else step.b, agreed.number)
        if digits:
            parts.append(f'sorm_digits="{digits}"')
        elif not ni:
            return []
    if ni:
        parts.append(f'sorm_ni="{ni}"')
    return [
        Phrase(
            "in rule {rule} ({place}) let <{tag}> of its <actions> have {parts}",
            tag=TAG_OF_SIDE[side], parts=" ".join(parts), rule=rule.name,
            place=place_of(rule, hop.domain, step.context, directory),
        )
    ]  # fmt: skip


def find_rule(domain: Domain, context: str, name: str) -> Rule | None:
    """A rule by the names of its context and of the rule; None: the domain has no such rule."""
    found = domain.contexts.get(context)
    return next((one for one in found.rules if one.name == name), None) if found else None


def place_of(rule: Rule, domain: Domain, context: str, directory: Path) -> str:
    """File and line of a rule; the path is relative to the folder of the lab file if the file is below it."""
    source = Path(domain.contexts[context].source)
    file = source.relative_to(directory) if source.is_relative_to(directory) else source
    return f"{file}:{rule.line}"


def _template(rule: Rule, side: Side) -> Template | None:
    """The last one by which a rule sets the SORM digits of a side."""
    templates = [one.sorm_digits for one in rule.actions if one.side == side]
    return next(filter(None, reversed(templates)), None)


def _digits(rule: Rule, side: Side, shown: str, came: str, agreed: str) -> str:
    """A substitution from the number at the rule to the agreed number; "" if none is found.

    ``{%}`` keeps the number, with other digits in front; otherwise the substitution keeps the common last
    digits.
    """
    template = _template(rule, side)
    if template is not None and template.needs_rest:
        text = template.text
        literal = len(text) - len(text.lstrip("0123456789*#"))
        tail = shown[literal:]
        if len(tail) >= _SAME and agreed.endswith(tail):
            return agreed[: len(agreed) - len(tail)] + text[literal:]
    same = 0
    while same < min(len(came), len(agreed)) and came[-1 - same] == agreed[-1 - same]:
        same += 1
    if same < min(_SAME, len(agreed)):
        return ""
    places = ",".join(str(place) for place in range(len(came) - same + 1, len(came) + 1))
    return f"{agreed[: len(agreed) - same]}{{{places}}}"
