"""The agreed formats and the matrix: five kinds of subscriber, incoming and outgoing, every operator; the call of
each check, and the values that its events must have. Pure: the module computes the route of a call and makes no
calls.

A check that has no possible call stays in the matrix: it has failed (``problem``), or does not apply, with
the reason (``skipped``).

Source: ECSS-10 manual, Number format check: five kinds, every operator with a route to the numbers, incoming
and outgoing calls; ECSS-10 manual, MultiSORM: the domains of an aggregate are one exchange.
Signs of an agreed format: order 268, 6.5.5.2; order 70.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from protocol.codes import NumberSign, ObjectType
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.config.acceptance import (
    DIRECTIONS,
    Direction,
    FormatConfig,
    NetworkFormatConfig,
    OperatorConfig,
    OwnDomainConfig,
    OwnFormatConfig,
)
from sorm_mediator.config.lines import quoted
from sorm_mediator.language import Phrase, join
from sorm_mediator.mediator.core.numbers import LEGAL_SIGNS, SIGN_OF_NI
from sorm_mediator.switch.calls.call import Endpoint, first_leg, own_number
from sorm_mediator.switch.domain import Domain, Subscriber, Trunk
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.path import Hop, find_path
from sorm_mediator.switch.routing.route import Number
from sorm_mediator.texts import as_list, did_you_mean
from ssh_control.multisorm.patterns import DomainList

Kind = Literal["own", "local", "intercity", "international", "emergency"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of subscriber, in the order of the manual."""
NETWORK_KINDS: tuple[Kind, ...] = KINDS[1:]

NI_OF_KIND = {"own": "private", **{kind: kind for kind in NETWORK_KINDS}}
"""The switch's indicator of each kind."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """A number as agreed: its digits with the prefix, its sign, and the type of its object."""

    number: str
    sign: NumberSign
    object_type: ObjectType = ObjectType.NETWORK_FULL


def sign_of(config: Config, kind: Kind) -> NumberSign:
    """The agreed sign of a kind. Raises :class:`ConfigError`."""
    return _sign(config, kind, format_of(config, kind).number_sign, f"acceptance.formats.{kind}.number_sign")


def _sign(config: Config, kind: Kind, given: str, key: str) -> NumberSign:
    """The given sign, otherwise that of the order.

    Raises :class:`ConfigError` for a sign that the order does not allow for this type of object.
    """
    order, object_type = config.mediator.order, object_type_of(kind)
    sign = NumberSign(given) if given else SIGN_OF_NI[order][NI_OF_KIND[kind]]
    allowed = LEGAL_SIGNS[order][object_type]
    if sign not in allowed:
        known = ", ".join(sorted(str(one) for one in allowed))
        raise ConfigError(
            f"{key}: {given!r} is not a sign of {object_type} in order {order}; there are: {known}"
        )
    return sign


def object_type_of(kind: Kind) -> ObjectType:
    """The type of the object under control."""
    return ObjectType.OWN_SUBSCRIBER if kind == "own" else ObjectType.NETWORK_FULL


def format_of(config: Config, kind: Kind) -> FormatConfig:
    """The table of a kind."""
    table: FormatConfig = getattr(config.acceptance.formats, kind)
    return table


def network_format(config: Config, kind: Kind) -> NetworkFormatConfig:
    """The table of a kind of the network."""
    table = format_of(config, kind)
    assert isinstance(table, NetworkFormatConfig)
    return table


def agreed_own(config: Config, number: str) -> Agreed:
    """A subscriber of the node as agreed. Raises :class:`ConfigError`."""
    return Agreed(number, sign_of(config, "own"), ObjectType.OWN_SUBSCRIBER)


def own_problem(config: OwnFormatConfig, agreed: Agreed) -> str:
    """The part of the agreed format that a subscriber's own number lacks; "" if it fits."""
    if config.digits and len(agreed.number) != config.digits:
        return Phrase(
            "{number} has {length} digits, and {digits} are agreed",
            number=agreed.number,
            length=len(agreed.number),
            digits=config.digits,
        )
    if not agreed.number.startswith(config.prefix):
        return Phrase(
            "{number} does not begin with the agreed prefix {prefix}",
            number=agreed.number,
            prefix=config.prefix,
        )
    return ""


Domains = Mapping[str, Domain]


@dataclass(frozen=True, slots=True)
class Operator:
    """A trunk toward an operator. name: the trunk's; NAME@DOMAIN where two domains have the name."""

    name: str
    domain: str
    trunk: Trunk


def controlled_domains(config: Config, domains: Domains) -> list[Domain]:
    """The domains of the mediator's user, for an aggregate all its domains, in the order of the lab file.

    Raises :class:`ConfigError`.
    """
    user = config.ssh.user
    own = next((one for one in domains.values() if one.config.login == user), None)
    if own is not None:
        return [own]
    assert config.switch is not None
    for aggregate in config.switch.aggregates:
        if aggregate.user == user:
            wanted = DomainList.parse(aggregate.domains)
            return [domain for name, domain in domains.items() if wanted.takes(name)]
    known = [*domains, *(one.user for one in config.switch.aggregates)]
    raise ConfigError(
        f"ssh.user: {user!r} is not a domain of the switch, nor an aggregate user; "
        f"there are: {', '.join(known) or 'none'}{did_you_mean(user, known)}"
    )


def operators_of(domains: Iterable[Domain]) -> list[Operator]:
    """All trunks of the domains; each leads to one operator."""
    found = [(domain, trunk) for domain in domains for trunk in domain.trunks.values()]
    times = Counter(trunk.name for _, trunk in found)
    return [
        Operator(trunk.name if times[trunk.name] == 1 else f"{trunk.name}@{domain.name}", domain.name, trunk)
        for domain, trunk in found
    ]


def testable(domain: Domain) -> list[Subscriber]:
    """The subscribers that can be called: no forwarding, a working line."""
    return [one for one in domain.subscribers.values() if one.reachable and not one.forwardings]


def full_numbers(domain: Domain, subscriber: Subscriber) -> list[str]:
    """The numbers of the domain's plans that lead to a subscriber; its number in each plan comes first."""
    masters = (plan.number_of(subscriber.number) for plan in domain.plans.values())
    _, *full = domain.numbers_of(subscriber)
    return list(dict.fromkeys([*filter(None, masters), *sorted(full)]))


# --- the matrix

Role = Literal["calling", "called"]
DIRECTION_NAMES: Mapping[str, Phrase] = {
    "outgoing": Phrase("outgoing", context="acceptance direction_names"),
    "incoming": Phrase("incoming", context="acceptance direction_names"),
}

ONE_ONLY = Phrase("the domain has one subscriber that can be called: nobody is there to call it")


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A planned call: its domain, its caller (``subscriber`` or ``trunk:NAME``), the numbers as dialled."""

    domain: str
    origin: str
    a: str
    b: str

    @property
    def trace_arguments(self) -> list[str]:
        """The call as arguments of ``sorm-mediator trace`` and ``routing/trace``."""
        _, _, trunk = self.origin.partition(":")
        return [*([f"iface={trunk}"] if trunk else []), f"cgpn.digits={self.a}", f"cdpn.digits={self.b}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatCheck:
    """One field of the matrix.

    operator: the trunk; "" for calls within the node. domain: the own subscriber's. subscriber: its number at the
    switch. controlled: the object
    under control, which is the party ``role``. calling, called: both parties, as every event must show them.
    dialled: the called number in 41h, if it differs. problem: the reason of a failure without a call.
    skipped: the reason why the check does not apply.
    """

    kind: Kind
    direction: Direction
    operator: str = ""
    domain: str
    subscriber: str
    call: PlannedCall | None = None
    controlled: Agreed | None = None
    calling: Agreed | None = None
    called: Agreed | None = None
    dialled: Agreed | None = None
    problem: str = ""
    skipped: str = ""

    @property
    def role(self) -> Role:
        """The party under control: the own subscriber if that is the kind, otherwise the other one."""
        return "calling" if (self.kind == "own") == (self.direction == "outgoing") else "called"

    @property
    def first_called(self) -> Agreed | None:
        """The called party as 41h must show it."""
        return self.dialled or self.called


@dataclass(frozen=True, slots=True)
class Person:
    """The tested own subscriber: in calls within the node, and in calls that leave it.

    own: what the lab file says of its domain.
    """

    domain: Domain
    own: OwnDomainConfig
    subscriber: Subscriber
    inside: Agreed
    outside: Agreed
    partner: Subscriber | None
    problem: str = ""


def planned(config: Config, name: str) -> tuple[tuple[FormatCheck, ...], Node]:
    """The matrix of a lab file, and its switch. Raises :class:`ConfigError` naming the file and the key."""
    if config.switch is None:
        raise ConfigError(
            f"{name}: switch: a [switch] table is needed: its routing says which calls check which operator"
        )
    try:
        node = Node(config.switch, config.directory)
        return matrix(config, node.domains), node
    except ConfigError as error:
        raise ConfigError("\n".join(f"{name}: {line}" for line in str(error).split("\n"))) from None


def wrong_formats(config: Config, name: str) -> Iterator[str]:
    """The mistakes of ``[acceptance]``, each naming file and key; none if the switch of the file can't be made."""
    assert config.switch is not None
    try:
        node = Node(config.switch, config.directory)
    except ConfigError:
        return  # what is wrong with it is told by the checks of the switch
    try:
        matrix(config, node.domains)
    except ConfigError as error:
        yield from (f"{name}: {line}" for line in str(error).split("\n"))


SWITCH_OF_FORMATS = (
    "ssh.user",
    "mediator.order",
    "switch.aggregates",
    "switch.domains.*.name",
    "switch.domains.*.subscribers",
    "switch.domains.*.trunks",
    "switch.domains.*.numbering_plans",
)
"""The keys beside ``[acceptance]`` that :func:`wrong_formats` looks at."""


def matrix(config: Config, domains: Domains) -> tuple[FormatCheck, ...]:
    """Every check, by kind, direction, domain and operator. Raises :class:`ConfigError` naming the key."""
    wrong = [*_wrong_signs(config)]
    try:
        scope = controlled_domains(config, domains)
        tested = _tested(config, scope)
    except ConfigError as error:
        raise ConfigError("\n".join([str(error), *wrong])) from None
    operators = operators_of(scope)
    wrong += [*_unknown_operators(config, operators), *_wrong_own(config, tested)]
    if wrong:
        raise ConfigError("\n".join(wrong))
    people = [_person(config, domain, own_of(config, domain, tested)) for domain in tested]
    planner = _Planner(config, domains, operators, people)
    network = [check for person in people for check in planner.network(person)]
    own = [check for person in people for check in planner.own(person, network)]
    return tuple(
        sorted([*own, *network], key=lambda one: (KINDS.index(one.kind), DIRECTIONS.index(one.direction)))
    )


def _wrong_signs(config: Config) -> Iterator[str]:
    for kind in KINDS:
        try:
            sign_of(config, kind)
        except ConfigError as error:
            yield str(error)
    try:
        _full_sign(config)
    except ConfigError as error:
        yield str(error)


def _full_sign(config: Config) -> NumberSign:
    """The sign of a full number of an own subscriber. Raises :class:`ConfigError`."""
    given = config.acceptance.formats.own.full_sign
    return _sign(config, "intercity", given, "acceptance.formats.own.full_sign")


def _tested(config: Config, scope: list[Domain]) -> list[Domain]:
    name = config.acceptance.domain
    if name:
        chosen = [domain for domain in scope if domain.name == name]
        if not chosen:
            known = [domain.name for domain in scope]
            raise ConfigError(
                f"acceptance.domain: {name!r} is not a domain of the mediator; there are: {', '.join(known)}"
                f"{did_you_mean(name, known)}"
            )
        scope = chosen
    tested = [domain for domain in scope if testable(domain)]
    if not tested:
        names = ", ".join(domain.name for domain in scope) or "none"
        raise ConfigError(
            f"switch.domains: no domain of the mediator ({names}) has a subscriber that can be called: "
            f"declare one without forwarding whose line is good"
        )
    return tested


def _unknown_operators(config: Config, operators: list[Operator]) -> Iterator[str]:
    known = [operator.name for operator in operators]
    for kind in NETWORK_KINDS:
        for name in network_format(config, kind).operators:
            if name not in known:
                there = ", ".join(known) or "none"
                yield (
                    f"acceptance.formats.{kind}.operators.{quoted(name)}: {name!r} is not a trunk; "
                    f"there are: {there}{did_you_mean(name, known)}"
                )


def own_of(config: Config, domain: Domain, tested: list[Domain]) -> OwnDomainConfig:
    """What ``[acceptance.formats.own]`` says of one domain: its own table, and the other keys if they are about it."""
    own = config.acceptance.formats.own
    given = own.domains.get(domain.name, OwnDomainConfig())
    numbers = {one.number for one in testable(domain)}

    def about(*named: str) -> bool:
        name = next(filter(None, named), "")
        return name in numbers if name and len(tested) > 1 else domain is tested[0]

    subscriber = not given.subscriber and about(own.subscriber, own.partner)
    partner = not given.partner and about(own.partner, own.subscriber)
    return OwnDomainConfig(
        subscriber=given.subscriber or (own.subscriber if own.subscriber in numbers else ""),
        number=given.number or (own.number if subscriber else ""),
        partner=given.partner or (own.partner if own.partner in numbers else ""),
        dial=given.dial or (own.dial if partner else ""),
        called=given.called or (own.called if subscriber else ""),
    )


def _wrong_own(config: Config, tested: list[Domain]) -> Iterator[str]:
    """Subscribers named in ``[acceptance.formats.own]`` that are not there, or that can't be called."""
    own = config.acceptance.formats.own
    yield from _wrong_people("acceptance.formats.own", own, tested)
    by_name = {domain.name: domain for domain in tested}
    for name, given in own.domains.items():
        key = f"acceptance.formats.own.domains.{quoted(name)}"
        if name in by_name:
            yield from _wrong_people(key, given, [by_name[name]])
        else:
            known = as_list(by_name)
            yield f"{key}: {name!r} is not a tested domain; there are: {known}{did_you_mean(name, by_name)}"


def _wrong_people(key: str, own: OwnDomainConfig, tested: list[Domain]) -> Iterator[str]:
    names = " or ".join(domain.name for domain in tested)
    for role, number in (("subscriber", own.subscriber), ("partner", own.partner)):
        where = f"{key}.{role}: {number}"
        if not number or any(number == one.number for domain in tested for one in testable(domain)):
            continue
        if any(number in domain.subscribers for domain in tested):
            yield f"{where} can't be called as it is: it is forwarded, or its line is not good"
            continue
        there = as_list(sorted(one.number for domain in tested for one in testable(domain)))
        yield f"{where} is not a subscriber of {names}; there are: {there}"
    if own.partner and own.partner == own.subscriber:
        yield f"{key}.partner: {own.partner} is the tested subscriber; name another one"


def _person(config: Config, domain: Domain, own: OwnDomainConfig) -> Person:
    agreed = config.acceptance.formats.own
    can = testable(domain)
    others = (one for one in can if one.number != own.partner)
    subscriber = next((one for one in can if one.number == own.subscriber), next(others, can[0]))
    partner = next((one for one in can if one.number == own.partner and one is not subscriber), None)
    partner = partner or next((one for one in can if one is not subscriber), None)
    inside = agreed_own(config, agreed.prefix + own.number if own.number else subscriber.number)
    outside, problem = inside, own_problem(agreed, inside)
    if agreed.outside == "full":
        numbers = full_numbers(domain, subscriber)
        if numbers:
            outside = Agreed(numbers[0], _full_sign(config))
        else:
            problem = Phrase(
                'no numbering plan of {domain} leads to {number}, and acceptance.formats.own.outside is "full"',
                domain=domain.name,
                number=subscriber.number,
            )
    return Person(domain, own, subscriber, inside, outside, partner, problem)


@dataclass(frozen=True, slots=True)
class _Planner:
    config: Config
    domains: Domains
    operators: list[Operator]
    people: list[Person]

    @property
    def own_format(self) -> OwnFormatConfig:
        return self.config.acceptance.formats.own

    def _settings(self, kind: Kind, operator: Operator) -> tuple[NetworkFormatConfig, OperatorConfig]:
        """The table of a kind, and its settings for this operator."""
        table = network_format(self.config, kind)
        return table, table.operators.get(operator.name, OperatorConfig())

    def _path(
        self, domain: Domain, calling: Number, way: Subscriber | Trunk, dialled: str
    ) -> tuple[Hop, ...]:
        """The path of a call of a subscriber, or of one that comes in by a trunk."""
        leg = first_leg(domain, Endpoint.at(calling, way), Number(digits=dialled))
        return find_path(self.domains, domain, leg.request)

    # --- kinds of the network

    def network(self, person: Person) -> list[FormatCheck]:
        """All kinds of the network, called by this subscriber and calling it."""
        checks = [
            plan(person, kind, operator)
            for kind in NETWORK_KINDS
            for operator in self.operators
            for plan in (self._out, self._in)
        ]
        return [self._not_reached(check, checks) for check in checks]

    def _agreed(self, kind: Kind, operator: Operator, *, by_a: bool = False) -> Agreed:
        """A subscriber of the network as agreed; ``by_a``: as the called side of a controlled A number."""
        table, own = self._settings(kind, operator)
        prefix = table.prefix if table.prefix_by_a is None or not by_a else table.prefix_by_a
        return Agreed(prefix + (own.number or table.number), sign_of(self.config, kind))

    def _out(self, person: Person, kind: Kind, operator: Operator) -> FormatCheck:
        check = self._begun(person, kind, operator, "outgoing")
        if check.skipped:
            return check
        table, own = self._settings(kind, operator)
        dial = own.dial or table.dial
        agreed = self._agreed(kind, operator)
        check = replace(
            check,
            call=PlannedCall(person.domain.name, "subscriber", person.subscriber.number, dial),
            controlled=agreed,
            calling=person.outside,
            called=agreed,
            problem=person.problem,
        )
        if not dial:
            key = f"acceptance.formats.{kind}.dial"
            return replace(check, call=None, problem=Phrase("{key}: nothing to dial is given", key=key))
        hops = self._path(person.domain, own_number(person.subscriber.number), person.subscriber, dial)
        last = hops[-1]
        if last.problem:
            return replace(check, problem=join(": ", [dial, _where(hops)]))
        if last.exit is operator.trunk:
            return check
        if own.dial:
            text = Phrase(
                "{dial} leaves by {exit}, not by {operator}",
                dial=dial,
                exit=_name(last),
                operator=operator.name,
            )
            return replace(check, problem=text)
        text = Phrase(
            "{dial} leaves by {exit}; {key} tells how this one is chosen",
            dial=dial,
            exit=_name(last),
            key=f"acceptance.formats.{kind}.operators.{quoted(operator.name)}.dial",
        )
        return replace(check, skipped=text)

    def _in(self, person: Person, kind: Kind, operator: Operator) -> FormatCheck:
        check = self._begun(person, kind, operator, "incoming")
        if check.skipped:
            return check
        table, own = self._settings(kind, operator)
        calling = own.calling or table.calling
        agreed = self._agreed(kind, operator)
        called, reason = self._reached_by(person, operator, calling)
        return replace(
            check,
            call=PlannedCall(operator.domain, f"trunk:{operator.trunk.name}", calling, called),
            controlled=agreed,
            calling=agreed,
            called=person.outside,
            problem=person.problem or reason,
        )

    def _begun(self, person: Person, kind: Kind, operator: Operator, direction: Direction) -> FormatCheck:
        """A check without a call; skipped if no such calls are agreed."""
        table, own = self._settings(kind, operator)
        carried, skipped = operator.trunk.config.direction, ""
        if carried not in ("both", direction):
            skipped = Phrase(
                "{name} carries {other} calls only", name=operator.name, other=DIRECTION_NAMES[carried]
            )
        elif direction not in (table.directions if own.directions is None else own.directions):
            skipped = Phrase("no such calls are agreed (acceptance.formats.{kind}.directions)", kind=kind)
            if kind == "emergency" and direction == "incoming":
                skipped = Phrase("emergency services are called; they don't call")
        return FormatCheck(
            kind=kind, direction=direction, operator=operator.name, domain=person.domain.name,
            subscriber=person.subscriber.number, skipped=skipped,
        )  # fmt: skip

    def _reached_by(self, person: Person, operator: Operator, calling: str) -> tuple[str, str]:
        """The digits dialled from outside to reach the subscriber, and why they do not lead there ("": they do)."""
        given = person.own.called
        candidates = (
            [given] if given else [person.subscriber.number, *full_numbers(person.domain, person.subscriber)]
        )
        reasons: list[str] = []
        for dialled in candidates:
            domain = self.domains[operator.domain]
            hops = self._path(domain, Number(digits=calling), operator.trunk, dialled)
            if hops[-1].exit is person.subscriber:
                return dialled, ""
            reasons.append(
                Phrase(
                    "{dialled} by {operator}: {where}",
                    dialled=dialled, operator=operator.name, where=_where(hops),
                )
            )  # fmt: skip
        if not given:
            key = self._key_of(person, "called")
            reasons.append(Phrase("{key} says what callers from outside dial", key=key))
        return candidates[0], join("; ", reasons)

    def _not_reached(self, check: FormatCheck, checks: Iterable[FormatCheck]) -> FormatCheck:
        """An operator without any number that leaves by it is unchecked, which is a failure."""
        if not check.skipped or check.call is None:  # without a call: it is agreed that there is none
            return check
        mine = [one for one in checks if (one.operator, one.direction) == (check.operator, "outgoing")]
        if any(not one.skipped for one in mine):
            return check
        text = Phrase(
            "no number of the table leaves by {operator}: {why}", operator=check.operator, why=check.skipped
        )
        return replace(check, problem=text, skipped="")

    # --- subscribers of the node

    def own(self, person: Person, network: list[FormatCheck]) -> list[FormatCheck]:
        """The own subscriber: within the node, toward the other domains, and with each operator."""
        with_operators = [
            self._with_operator(person, operator, direction, network)
            for operator in self.operators
            for direction in DIRECTIONS
        ]
        return [*self._inside(person), *with_operators]

    def _with_operator(
        self, person: Person, operator: Operator, direction: Direction, network: list[FormatCheck]
    ) -> FormatCheck:
        """The call of the first kind of the network with a call by this operator."""
        wanted = (operator.name, direction, person.domain.name)
        check = FormatCheck(
            kind="own", direction=direction, operator=operator.name, domain=person.domain.name,
            subscriber=person.subscriber.number,
        )  # fmt: skip
        mine = [one for one in network if (one.operator, one.direction, one.domain) == wanted]
        other = next((one for one in mine if one.call and not one.problem and not one.skipped), None)
        if other is None:
            problem = next((one.problem for one in mine if one.problem), "")
            return replace(check, problem=problem, skipped="" if problem else mine[0].skipped)
        check = replace(
            check, call=other.call, controlled=person.outside, calling=other.calling, called=other.called
        )
        if direction == "outgoing":
            assert other.call is not None
            by_a = self._agreed(other.kind, operator, by_a=True)
            check = replace(check, called=by_a)
            if self._as_dialled and person.outside is person.inside:
                check = replace(check, dialled=Agreed(other.call.b, by_a.sign))
        return check

    def _inside(self, person: Person) -> list[FormatCheck]:
        """Calls within the node: with the partner, and with the tested subscriber of another domain."""
        pairs: list[tuple[Subscriber, Domain, Agreed]] = []
        if person.partner is not None:
            partner = agreed_own(self.config, person.partner.number)
            pairs.append((person.partner, person.domain, partner))
        place = self.people.index(person)
        others = [*self.people[place + 1 :], *self.people[:place]]
        pairs += [(other.subscriber, other.domain, other.inside) for other in others[:1]]
        checks = [self._pair(person, direction, *pair) for direction in DIRECTIONS for pair in pairs]
        if person.partner is None:
            domain, number = person.domain.name, person.subscriber.number
            checks += [
                FormatCheck(
                    kind="own", direction=direction, domain=domain, subscriber=number, skipped=ONE_ONLY
                )
                for direction in DIRECTIONS
            ]
        return checks

    def _pair(
        self, person: Person, direction: Direction, other: Subscriber, there: Domain, shown: Agreed
    ) -> FormatCheck:
        outgoing = direction == "outgoing"
        here = (person.domain, person.subscriber)
        (domain, caller), (_, target) = (here, (there, other)) if outgoing else ((there, other), here)
        dial = person.own.dial if outgoing and other is person.partner else ""
        dialled, reason = self._dial_inside(domain, caller, target, dial)
        calling, called = (person.inside, shown) if outgoing else (shown, person.inside)
        return FormatCheck(
            kind="own",
            direction=direction,
            domain=person.domain.name,
            subscriber=person.subscriber.number,
            call=PlannedCall(domain.name, "subscriber", caller.number, dialled),
            controlled=person.inside,
            calling=calling,
            called=called,
            dialled=Agreed(dialled, called.sign) if outgoing and self._as_dialled else None,
            problem=own_problem(self.own_format, person.inside) or reason,
        )

    @property
    def _as_dialled(self) -> bool:
        return self.own_format.dialled == "as-dialled"

    def _key_of(self, person: Person, key: str) -> str:
        """The key of the lab file for this domain alone."""
        table = "acceptance.formats.own"
        return (
            f"{table}.{key}"
            if len(self.people) == 1
            else f"{table}.domains.{quoted(person.domain.name)}.{key}"
        )

    def _dial_inside(
        self, domain: Domain, caller: Subscriber, target: Subscriber, dial: str
    ) -> tuple[str, str]:
        """What is dialled within the node, and why it does not lead there. ``dial``: what the lab file says."""
        lengths = {len(one.own.dial) for one in self.people if one.own.dial}
        short = [target.number[-length:] for length in sorted(lengths)]
        candidates = [dial] if dial else list(dict.fromkeys([*short, target.number]))
        reasons: list[str] = []
        for dialled in candidates:
            hops = self._path(domain, own_number(caller.number), caller, dialled)
            if hops[-1].exit is target:
                return dialled, ""
            reasons.append(join(": ", [dialled, _where(hops)]))
        return candidates[0], join("; ", reasons)


def _where(hops: tuple[Hop, ...]) -> str:
    """The target of a call, or the reason and the domain where the call has no route."""
    last = hops[-1]
    if last.problem:
        return Phrase("{problem} (domain {domain})", problem=last.problem, domain=last.domain.name)
    return Phrase("leads to {exit}", exit=_name(last))


def _name(hop: Hop) -> str:
    if isinstance(hop.exit, Trunk):
        return hop.exit.name
    if isinstance(hop.exit, Subscriber):
        return Phrase("the subscriber {number}", number=hop.exit.number)
    return Phrase("nothing")


# --- what is doubtful in the agreed formats

_NATIONAL = ("", "7", "8")
PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "own": _NATIONAL,
    "local": _NATIONAL,
    "intercity": _NATIONAL,
    "international": ("", "10", "710", "810"),
    "emergency": ("",),
}
"""The prefixes of each kind (ECSS-10 manual, Number format check)."""


def doubts(config: Config, checks: Iterable[FormatCheck]) -> Iterator[str]:
    """Prefixes that the manual does not have, and checks that fail without a call: a line each.

    Only kinds with a table in the lab file are looked at: the defaults are agreed with nobody.
    """
    formats = config.acceptance.formats
    for kind, known in PREFIXES.items():
        if kind not in formats.model_fields_set:
            continue
        table = getattr(formats, kind)
        for key in ("prefix", "prefix_by_a"):
            given = getattr(table, key, None)
            if given is not None and given not in known:
                allowed = ", ".join(one or "none" for one in known)
                yield f"acceptance.formats.{kind}.{key}: {given!r}: the manual has {allowed} for this kind"
    for kind in NETWORK_KINDS:
        if kind in formats.model_fields_set:
            yield from _other_numbers(kind, network_format(config, kind))
    failing: dict[str, list[FormatCheck]] = {}
    for check in checks:
        if check.problem and check.kind in formats.model_fields_set:
            failing.setdefault(_NUMBER.sub("", check.problem), []).append(check)
    several = len({check.domain for alike in failing.values() for check in alike}) > 1
    for first, *others in failing.values():
        text = f"acceptance.formats.{first.kind}: {_place(first)}: fails without a call: {first.problem}"
        places = [f"{one.kind} {_place(one)}{f' in {one.domain}' if several else ''}" for one in others]
        if places:
            more = f", and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
            text += f"; {len(places)} more for the same reason: {', '.join(places[:MOST_PLACES])}{more}"
        yield text


MOST_PLACES: Final = 6
"""Checks that are named beside the first one with the same problem."""
_NUMBER: Final = re.compile(r"(?<![\w.-])[0-9*#]+(?![\w.-])")
"""A number in a problem: one cause fails each number that is dialled."""


def _place(check: FormatCheck) -> str:
    return (
        f"{check.direction} by {check.operator}" if check.operator else f"{check.direction} within the node"
    )


def _other_numbers(kind: Kind, table: NetworkFormatConfig) -> Iterator[str]:
    """Test numbers that are not what is dialled, whatever is dialled before them or left out of them."""
    for name, one in {"": OperatorConfig(), **table.operators}.items():
        number, dial = one.number or table.number, one.dial or table.dial
        if number and dial and not (dial.endswith(number) or number.endswith(dial)):
            key = f"operators.{quoted(name)}.number" if one.number else "number"
            yield f"acceptance.formats.{kind}.{key}: {number} is another number than what is dialled, {dial}"
