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

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from protocol.codes import NumberSign, ObjectType, Order
from sorm_mediator.config import Config, ConfigError, NetworkFormatConfig, OwnFormatConfig
from sorm_mediator.config.acceptance import DIRECTIONS, Direction, OperatorConfig
from sorm_mediator.language import Phrase, join
from sorm_mediator.mediator.core.numbers import LEGAL_SIGNS, SIGN_OF_NI
from sorm_mediator.switch.calls.call import Endpoint, first_leg, own_number
from sorm_mediator.switch.domain import Domain, Subscriber, Trunk
from sorm_mediator.switch.path import Exit, Hop, find_path
from sorm_mediator.switch.routing.route import Number, aliases
from ssh_control.multisorm.patterns import DomainList, PatternError

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


def sign_of(kind: Kind, given: str, order: Order, object_type: ObjectType, key: str) -> NumberSign:
    """The agreed sign of a kind: the given sign, otherwise that of the order.

    Raises :class:`ConfigError` for a sign that the order does not allow for this type of object.
    """
    sign = NumberSign(given) if given else SIGN_OF_NI[order][NI_OF_KIND[kind]]
    allowed = LEGAL_SIGNS[order][object_type]
    if sign not in allowed:
        known = ", ".join(sorted(str(one) for one in allowed))
        raise ConfigError(
            f"{key}: {given!r} is no sign of {object_type} in order {order}; there are: {known}"
        )
    return sign


def agreed_own(config: OwnFormatConfig, subscriber: str, order: Order, *, given: bool) -> Agreed:
    """A subscriber of the node as agreed: by its own number, unless the table has a number for it
    (``given``)."""
    key = "acceptance.formats.own"
    sign = sign_of("own", config.number_sign, order, ObjectType.OWN_SUBSCRIBER, f"{key}.number_sign")
    number = config.agreed if given and config.number else subscriber
    return Agreed(number, sign, ObjectType.OWN_SUBSCRIBER)


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


def agreed_full(config: OwnFormatConfig, number: str, order: Order) -> Agreed:
    """A subscriber of the node in calls that leave the node: by its full number, as a subscriber of the
    network."""
    key = "acceptance.formats.own.full_sign"
    return Agreed(number, sign_of("intercity", config.full_sign, order, ObjectType.NETWORK_FULL, key))


def agreed_network(
    kind: Kind, config: NetworkFormatConfig, operator: OperatorConfig, order: Order, *, by_a: bool = False
) -> Agreed:
    """A subscriber of the network as agreed; ``by_a``: as the called side of a controlled A number."""
    key = f"acceptance.formats.{kind}.number_sign"
    sign = sign_of(kind, config.number_sign, order, ObjectType.NETWORK_FULL, key)
    prefix = config.prefix if config.prefix_by_a is None or not by_a else config.prefix_by_a
    return Agreed(prefix + (operator.number or config.number), sign)


def directions_of(config: NetworkFormatConfig, operator: OperatorConfig) -> tuple[Direction, ...]:
    """The agreed directions of a kind with an operator."""
    return config.directions if operator.directions is None else operator.directions


Domains = Mapping[str, Domain]


@dataclass(frozen=True, slots=True)
class Operator:
    """A trunk toward an operator. name: as in the lab file; NAME@DOMAIN if two domains have a trunk of that
    name."""

    name: str
    domain: str
    trunk: Trunk

    def carries(self, direction: Direction) -> bool:
        """Whether the trunk carries calls of this direction."""
        return self.trunk.config.direction in ("both", direction)

    def is_exit(self, exit_: Exit | None) -> bool:
        """Whether a call leaves by the trunk."""
        return exit_ is self.trunk


def controlled_domains(config: Config, domains: Domains) -> list[Domain]:
    """The domains of the mediator's user, for an aggregate all its domains, in the order of the lab file.

    Raises :class:`ConfigError`.
    """
    user = config.ssh.user
    if user in domains:
        return [domains[user]]
    assert config.switch is not None
    for aggregate in config.switch.aggregates:
        if aggregate.user == user:
            try:
                wanted = DomainList.parse(aggregate.domains)
            except PatternError as error:
                raise ConfigError(f"switch.aggregates: {user}: domains: {error}") from None
            return [domain for name, domain in domains.items() if wanted.takes(name)]
    known = ", ".join([*domains, *(one.user for one in config.switch.aggregates)]) or "none"
    raise ConfigError(
        f"ssh.user: {user!r} is no domain of the switch, nor an aggregate user; there are: {known}"
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
    """The numbers of the domain's plans that lead to a subscriber; the subscriber's own numbers come
    first."""
    masters = [plan.number_of(subscriber.number) for plan in domain.plans.values()]
    others = aliases(domain.plans.values()).get(subscriber.number, set())
    return list(dict.fromkeys([*filter(None, masters), *sorted(others)]))


def path_from(domains: Domains, domain: Domain, subscriber: Subscriber, dialled: str) -> tuple[Hop, ...]:
    """The path of a subscriber's call."""
    caller = Endpoint(number=own_number(subscriber.number), subscriber=subscriber)
    return find_path(domains, domain, first_leg(domain, caller, Number(digits=dialled)).request)


def path_in(domains: Domains, operator: Operator, calling: str, dialled: str) -> tuple[Hop, ...]:
    """The path of a call that comes in by a trunk."""
    domain = domains[operator.domain]
    caller = Endpoint(number=Number(digits=calling), trunk=operator.trunk)
    return find_path(domains, domain, first_leg(domain, caller, Number(digits=dialled)).request)


# --- the matrix

Role = Literal["calling", "called"]

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

    operator: the trunk; "" for calls within the node. domain: the own subscriber's. controlled: the object
    under control, which is the party ``role``. calling, called: both parties, as every event must show them.
    dialled: the called number in 41h, if it differs. problem: the reason of a failure without a call.
    skipped: the reason why the check does not apply.
    """

    kind: Kind
    direction: Direction
    operator: str
    domain: str
    role: Role
    call: PlannedCall | None = None
    controlled: Agreed | None = None
    calling: Agreed | None = None
    called: Agreed | None = None
    dialled: Agreed | None = None
    problem: str = ""
    skipped: str = ""

    @property
    def first_called(self) -> Agreed | None:
        """The called party as 41h must show it."""
        return self.dialled or self.called


@dataclass(frozen=True, slots=True)
class Person:
    """The tested own subscriber: in calls within the node, and in calls that leave it."""

    domain: Domain
    subscriber: Subscriber
    inside: Agreed
    outside: Agreed
    partner: Subscriber | None
    problem: str = ""


def matrix(config: Config, domains: Domains) -> tuple[FormatCheck, ...]:
    """Every check, by kind, direction, domain and operator. Raises :class:`ConfigError` naming the key."""
    scope = controlled_domains(config, domains)
    operators = operators_of(scope)
    _check_names(config, operators)
    tested = _tested(config, scope)
    people = [_person(config, domain, alone=len(tested) == 1) for domain in tested]
    planner = _Planner(config, domains, operators, people)
    network = [check for person in people for check in planner.network(person)]
    own = [check for person in people for check in planner.own(person, network)]
    order = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(sorted([*own, *network], key=lambda one: (order[one.kind], DIRECTIONS.index(one.direction))))


def _tested(config: Config, scope: list[Domain]) -> list[Domain]:
    name = config.acceptance.domain
    if name:
        chosen = [domain for domain in scope if domain.name == name]
        if not chosen:
            known = ", ".join(domain.name for domain in scope)
            raise ConfigError(f"acceptance.domain: {name!r} is no domain of the mediator; there are: {known}")
        scope = chosen
    tested = [domain for domain in scope if testable(domain)]
    if not tested:
        names = ", ".join(domain.name for domain in scope) or "none"
        raise ConfigError(
            f"switch.domains: no domain of the mediator ({names}) has a subscriber that can be called: "
            f"declare one without forwarding whose line is good"
        )
    return tested


def _check_names(config: Config, operators: list[Operator]) -> None:
    known = [operator.name for operator in operators]
    for kind in NETWORK_KINDS:
        for name in format_of(config, kind).operators:
            if name not in known:
                there = ", ".join(known) or "none"
                raise ConfigError(
                    f"acceptance.formats.{kind}.operators: {name!r} is no trunk; there are: {there}"
                )


def format_of(config: Config, kind: Kind) -> NetworkFormatConfig:
    """The table of a kind of the network."""
    table: NetworkFormatConfig = getattr(config.acceptance.formats, kind)
    return table


def _person(config: Config, domain: Domain, *, alone: bool) -> Person:
    own, order = config.acceptance.formats.own, config.mediator.order
    can = testable(domain)
    subscriber = next((one for one in can if one.number == own.subscriber), can[0])
    partner = next((one for one in can if one.number == own.partner and one is not subscriber), None)
    partner = partner or next((one for one in can if one is not subscriber), None)
    if own.subscriber and own.subscriber not in domain.subscribers and config.acceptance.domain:
        raise ConfigError(
            f"acceptance.formats.own.subscriber: {own.subscriber} is no subscriber of {domain.name}"
        )
    given = subscriber.number == own.subscriber or (alone and not own.subscriber)
    inside = agreed_own(own, subscriber.number, order, given=given)
    outside, problem = inside, own_problem(own, inside)
    if own.outside == "full":
        numbers = full_numbers(domain, subscriber)
        if numbers:
            outside = agreed_full(own, numbers[0], order)
        else:
            problem = Phrase(
                'no numbering plan of {domain} leads to {number}, and acceptance.formats.own.outside is "full"',
                domain=domain.name,
                number=subscriber.number,
            )
    return Person(domain, subscriber, inside, outside, partner, problem)


@dataclass(frozen=True, slots=True)
class _Planner:
    config: Config
    domains: Domains
    operators: list[Operator]
    people: list[Person]

    @property
    def order(self) -> Order:
        return self.config.mediator.order

    # --- kinds of the network

    def network(self, person: Person) -> list[FormatCheck]:
        """All kinds of the network, called by this subscriber and calling it."""
        checks = []
        for kind in NETWORK_KINDS:
            for operator in self.operators:
                checks += [self._out(person, kind, operator), self._in(person, kind, operator)]
        return [self._not_reached(check, checks) for check in checks]

    def _out(self, person: Person, kind: Kind, operator: Operator) -> FormatCheck:
        table, own = format_of(self.config, kind), table_of(self.config, kind, operator)
        check = FormatCheck(
            kind=kind, direction="outgoing", operator=operator.name, domain=person.domain.name, role="called"
        )
        skipped = self._skipped(kind, operator, "outgoing")
        if skipped:
            return replace(check, skipped=skipped)
        dial = own.dial or table.dial
        agreed = agreed_network(kind, table, own, self.order)
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
            text = Phrase("{key}: nothing to dial is given", key=key)
            return replace(check, call=None, problem=text)
        hops = path_from(self.domains, person.domain, person.subscriber, dial)
        last = hops[-1]
        if last.problem:
            return replace(check, problem=join(": ", [dial, _where(hops)]))
        if operator.is_exit(last.exit):
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
            key=f"acceptance.formats.{kind}.operators.{operator.name}.dial",
        )
        return replace(check, skipped=text)

    def _in(self, person: Person, kind: Kind, operator: Operator) -> FormatCheck:
        table, own = format_of(self.config, kind), table_of(self.config, kind, operator)
        check = FormatCheck(
            kind=kind, direction="incoming", operator=operator.name, domain=person.domain.name, role="calling"
        )
        skipped = self._skipped(kind, operator, "incoming")
        if skipped:
            return replace(check, skipped=skipped)
        calling = own.calling or table.calling
        agreed = agreed_network(kind, table, own, self.order)
        called, reason = self._reached_by(person, operator, calling)
        return replace(
            check,
            call=PlannedCall(operator.domain, f"trunk:{operator.trunk.name}", calling, called),
            controlled=agreed,
            calling=agreed,
            called=person.outside,
            problem=person.problem or reason,
        )

    def _skipped(self, kind: Kind, operator: Operator, direction: Direction) -> str:
        table = format_of(self.config, kind)
        if not operator.carries(direction):
            return Phrase(
                "{name} carries {other} calls only", name=operator.name, other=operator.trunk.config.direction
            )
        if direction in directions_of(table, table_of(self.config, kind, operator)):
            return ""
        if kind == "emergency" and direction == "incoming":
            return Phrase("emergency services are called; they don't call")
        return Phrase("no such calls are agreed (acceptance.formats.{kind}.directions)", kind=kind)

    def _reached_by(self, person: Person, operator: Operator, calling: str) -> tuple[str, str]:
        """The digits dialled from outside to reach the subscriber, and the reason why they do not lead there
        ("": they do)."""
        given = self.config.acceptance.formats.own.called
        candidates = (
            [given] if given else [person.subscriber.number, *full_numbers(person.domain, person.subscriber)]
        )
        reasons: list[str] = []
        for dialled in candidates:
            hops = path_in(self.domains, operator, calling, dialled)
            if hops[-1].exit is person.subscriber:
                return dialled, ""
            reasons.append(
                Phrase(
                    "{dialled} by {operator}: {where}",
                    dialled=dialled, operator=operator.name, where=_where(hops),
                )
            )  # fmt: skip
        if not given:
            reasons.append(Phrase("acceptance.formats.own.called says what callers from outside dial"))
        return candidates[0], join("; ", reasons)

    def _not_reached(self, check: FormatCheck, checks: Iterable[FormatCheck]) -> FormatCheck:
        """An operator without any number that leaves by it is unchecked, which is a failure."""
        if check.direction == "incoming" or not check.skipped or self._skipped_as_agreed(check):
            return check
        mine = [one for one in checks if (one.operator, one.direction) == (check.operator, "outgoing")]
        if any(not one.skipped for one in mine):
            return check
        text = Phrase(
            "no number of the table leaves by {operator}: {why}", operator=check.operator, why=check.skipped
        )
        return replace(check, problem=text, skipped="")

    def _skipped_as_agreed(self, check: FormatCheck) -> bool:
        operator = next(one for one in self.operators if one.name == check.operator)
        return bool(self._skipped(check.kind, operator, check.direction))

    # --- subscribers of the node

    def own(self, person: Person, network: list[FormatCheck]) -> list[FormatCheck]:
        """The own subscriber: within the node, toward the other domains, and with each operator."""
        checks = self._inside(person)
        for operator in self.operators:
            for direction in DIRECTIONS:
                checks.append(self._with_operator(person, operator, direction, network))
        return checks

    def _with_operator(
        self, person: Person, operator: Operator, direction: Direction, network: list[FormatCheck]
    ) -> FormatCheck:
        """The call of the first kind of the network with a call by this operator."""
        role: Role = "calling" if direction == "outgoing" else "called"
        check = FormatCheck(
            kind="own", direction=direction, operator=operator.name, domain=person.domain.name, role=role
        )
        mine = [
            one
            for one in network
            if (one.operator, one.direction, one.domain) == (operator.name, direction, person.domain.name)
        ]
        other = next((one for one in mine if one.call and not one.problem and not one.skipped), None)
        if other is None:
            failed = next((one for one in mine if one.problem), None)
            if failed is not None:
                return replace(check, problem=failed.problem)
            skipped = mine[0].skipped if mine else ""
            return replace(check, skipped=skipped)
        check = replace(
            check, call=other.call, controlled=person.outside, calling=other.calling, called=other.called
        )
        if direction == "outgoing":
            assert other.called is not None
            assert other.call is not None
            table = table_of(self.config, other.kind, operator)
            by_a = agreed_network(
                other.kind, format_of(self.config, other.kind), table, self.order, by_a=True
            )
            check = replace(check, called=by_a)
            if self._shows_dialled(person):
                check = replace(check, dialled=Agreed(other.call.b, by_a.sign))
        return check

    def _shows_dialled(self, person: Person) -> bool:
        own = self.config.acceptance.formats.own
        return own.dialled == "as-dialled" and person.outside is person.inside

    def _inside(self, person: Person) -> list[FormatCheck]:
        """Calls within the node: with the partner, and with the tested subscriber of another domain."""
        pairs: list[tuple[Subscriber, Domain, Agreed]] = []
        if person.partner is not None:
            own = agreed_own(
                self.config.acceptance.formats.own, person.partner.number, self.order, given=False
            )
            pairs.append((person.partner, person.domain, own))
        place = self.people.index(person)
        others = [*self.people[place + 1 :], *self.people[:place]]
        pairs += [(other.subscriber, other.domain, other.inside) for other in others[:1]]
        checks = [self._pair(person, direction, *pair) for direction in DIRECTIONS for pair in pairs]
        if person.partner is None:
            for direction in DIRECTIONS:
                role: Role = "calling" if direction == "outgoing" else "called"
                checks.append(
                    FormatCheck(
                        kind="own", direction=direction, operator="", domain=person.domain.name, role=role,
                        skipped=ONE_ONLY,
                    )
                )  # fmt: skip
        return checks

    def _pair(
        self, person: Person, direction: Direction, other: Subscriber, there: Domain, shown: Agreed
    ) -> FormatCheck:
        outgoing = direction == "outgoing"
        here = (person.domain, person.subscriber)
        (domain, caller), (_, target) = (here, (there, other)) if outgoing else ((there, other), here)
        dialled, reason = self._dial_inside(
            domain, caller, target, to_partner=other is person.partner and outgoing
        )
        calling, called = (person.inside, shown) if outgoing else (shown, person.inside)
        return FormatCheck(
            kind="own",
            direction=direction,
            operator="",
            domain=person.domain.name,
            role="calling" if outgoing else "called",
            call=PlannedCall(domain.name, "subscriber", caller.number, dialled),
            controlled=person.inside,
            calling=calling,
            called=called,
            dialled=Agreed(dialled, called.sign) if outgoing and self._as_dialled else None,
            problem=own_problem(self.config.acceptance.formats.own, person.inside) or reason,
        )

    @property
    def _as_dialled(self) -> bool:
        return self.config.acceptance.formats.own.dialled == "as-dialled"

    def _dial_inside(
        self, domain: Domain, caller: Subscriber, target: Subscriber, *, to_partner: bool
    ) -> tuple[str, str]:
        dial = self.config.acceptance.formats.own.dial
        short = [target.number[-len(dial) :]] if dial else []
        candidates = [dial] if dial and to_partner else list(dict.fromkeys([*short, target.number]))
        reasons: list[str] = []
        for dialled in candidates:
            hops = path_from(self.domains, domain, caller, dialled)
            if hops[-1].exit is target:
                return dialled, ""
            reasons.append(join(": ", [dialled, _where(hops)]))
        return candidates[0], join("; ", reasons)


def table_of(config: Config, kind: Kind, operator: Operator) -> OperatorConfig:
    """The settings for this operator."""
    return format_of(config, kind).operators.get(operator.name, OperatorConfig())


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
