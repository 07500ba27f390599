"""Domains with their subscribers, services, trunks and bridges: the switch without its calls.

Source: docs/switch.md; ECSS-10 manual, MultiSORM, for bridges; service codes 3GPP TS 29.002; line states order 268,
9.3.6.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from sorm_mediator.config import (
    BridgeConfig,
    BridgeSideConfig,
    ConfigError,
    DomainConfig,
    SubscriberConfig,
    TrunkConfig,
)
from sorm_mediator.config.lines import quoted
from sorm_mediator.language import Phrase
from sorm_mediator.switch.objects import ObjectTable
from sorm_mediator.switch.routing.context_file import ContextError, parse_context
from sorm_mediator.switch.routing.route import DEFAULT_PLAN, Context, Continue, NumberingError, Plan
from sorm_mediator.texts import did_you_mean
from sorm_mediator.vpbx.checks import mistakes

SERVICE_CODES: Final[Mapping[str, int]] = {
    "cfu": 0x21,
    "cfb": 0x29,
    "cfnr": 0x2A,
    "cfnrc": 0x2B,
    "transfer": 0x31,
    "pickup": 0x32,
    "consultation": 0x33,
    "end-of-hold": 0x40,
    "waiting": 0x41,
    "hold": 0x42,
    "3pty": 0x52,
}
"""Codes of the services by the names they have in lab files and calls (3GPP TS 29.002, but for 32h, 33h, 40h)."""

MatchRouted = Literal["any", "by-kind"]

FORWARDINGS: Final = ("cfu", "cfb", "cfnr", "cfnrc")
"""Services that have a target number."""
FEATURES: Final = ("transfer", "pickup", "waiting", "hold", "3pty")
"""Services without a target number."""

LINE_STATES: Final[Mapping[str, int]] = {"good": 0x00, "faulty": 0x01, "blocked": 0x03, "restricted": 0x07}
"""State of the subscriber line, as in 23h (order 268, 9.3.6.4)."""


@dataclass(slots=True, eq=False)
class Subscriber:
    """A subscriber. Its services change while the switch runs: the subscriber orders and cancels them."""

    number: str
    context: str = ""
    group: str = ""
    line_state: str = "good"
    terminal: str = "smart"
    forwardings: dict[str, str] = field(default_factory=dict)
    """Forwarding -> target."""
    features: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    """The calls of the subscriber."""
    active: bool = True
    virtual: bool = False

    @property
    def reachable(self) -> bool:
        """Whether calls can reach the subscriber."""
        return self.active and not self.virtual and self.line_state in ("good", "restricted")

    @property
    def not_active(self) -> Phrase | None:
        """Why the subscriber takes no part in calls; None: it does."""
        return None if self.active else Phrase("{number} is not active", number=self.number)

    @property
    def without_line(self) -> Phrase | None:
        """Why the subscriber has no line to call from; None: it has one, in whatever state."""
        if why := self.not_active:
            return why
        if self.virtual:
            return Phrase("{number} is virtual, and has no terminal", number=self.number)
        return None

    def service_codes(self) -> list[int]:
        """The codes that command 12 lists, ascending (order 268, 9.5)."""
        return sorted(SERVICE_CODES[name] for name in (*self.forwardings, *self.features))


@dataclass(slots=True, eq=False)
class Trunk:
    """A trunk group. ``active``: its present calls."""

    config: TrunkConfig
    active: int = 0
    licensed: int | None = None
    """Calls at the same time that it has trunk licences for; None: it needs none."""

    @property
    def number(self) -> int:
        """Its number, as in commands 5 and 16."""
        return self.config.number

    @property
    def name(self) -> str:
        """Its name, as in routing directions."""
        return self.config.name

    def closed_to(self, direction: Literal["incoming", "outgoing"]) -> str:
        """Why the trunk does not accept one more call; "" when it does."""
        if self.config.direction not in ("both", direction):
            why = Phrase("trunk {name} is for {direction} calls only")
            return why.fill(name=self.name, direction=self.config.direction)
        capacity = self.config.capacity
        if capacity != "unbounded" and self.active >= capacity:
            why = Phrase("trunk {name}: all {capacity} calls of its capacity are in use")
            return why.fill(name=self.name, capacity=capacity)
        if self.licensed is not None and self.active >= self.licensed:
            why = Phrase("trunk {name}: all {licensed} channels that it has trunk licences for are in use")
            return why.fill(name=self.name, licensed=self.licensed)
        return ""


End = Literal["a", "b"]


@dataclass(slots=True, eq=False)
class Bridge:
    """A bridge. ``active``: its present calls."""

    config: BridgeConfig
    active: int = 0

    @property
    def name(self) -> str:
        """Its name, unique in the switch."""
        return self.config.name

    @property
    def ends(self) -> tuple[BridgeEnd, BridgeEnd]:
        """Both of its ends."""
        return BridgeEnd(self, "a"), BridgeEnd(self, "b")

    @property
    def full(self) -> bool:
        """Whether the bridge has no room for one more call."""
        capacity = self.config.capacity
        return capacity != "unbounded" and self.active >= capacity


@dataclass(frozen=True, slots=True)
class BridgeEnd:
    """One end of a bridge: the exit for calls of its domain, and the entry for calls of the other domain."""

    bridge: Bridge
    end: End

    @property
    def side(self) -> BridgeSideConfig:
        """Its settings."""
        return self.bridge.config.a if self.end == "a" else self.bridge.config.b

    @property
    def far(self) -> BridgeEnd:
        """The other end."""
        return BridgeEnd(self.bridge, "b" if self.end == "a" else "a")

    @property
    def iface(self) -> str:
        """The name of the interface in routing rules of its domain."""
        return self.side.interface(self.bridge.name)


@dataclass(slots=True, eq=False)
class Domain:
    """A virtual exchange: its configuration, subscribers, trunks, contexts, and objects on control."""

    config: DomainConfig
    subscribers: dict[str, Subscriber]
    trunks: dict[str, Trunk]
    """By name, as in routing directions."""
    contexts: dict[str, Context]
    default_context: str
    plans: dict[str, Plan] = field(default_factory=dict)
    """Numbering plans by name, without ``default``."""
    bridges: dict[str, BridgeEnd] = field(default_factory=dict)
    """Ends of bridges, by interface."""
    tables: dict[str, ObjectTable] = field(default_factory=dict)
    """Objects on control by mediator (``host:port`` of its RADIUS sink). They outlive the connection."""
    match_routed: MatchRouted = "any"
    """``switch.match_routed``, which applies to the whole switch."""
    users_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a tenant: a number of "outgoing through" as digits -> the short numbers of its users."""
    outgoing_through: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a tenant: a short number -> the number of its "outgoing through"."""

    def __post_init__(self) -> None:
        self._index_users(self.config)

    def _index_users(self, config: DomainConfig) -> None:
        if config.vpbx is None:
            return
        numbers = {one.id: one.digits for one in config.vpbx.dial_numbers}
        pairs = [
            (one.number, numbers[one.dial_number_id])
            for one in config.vpbx.users
            if one.dial_number_id in numbers
        ]
        self.outgoing_through = {short: (full,) for short, full in pairs}
        users: dict[str, tuple[str, ...]] = {}
        for short, full in pairs:
            users[full] = (*users.get(full, ()), short)
        self.users_of = users

    @property
    def name(self) -> str:
        """The domain's name."""
        return self.config.name

    def has_number(self, plan: str, digits: str) -> bool:
        """Whether a plan contains a number; ``default`` contains those of the subscribers."""
        if plan == DEFAULT_PLAN:
            return digits in self.subscribers
        return plan in self.plans and digits in self.plans[plan]

    def subscriber_at(self, number: str) -> Subscriber | None:
        """The subscriber of a number: an own number, or a full number that a plan binds to the subscriber."""
        if number in self.subscribers:
            return self.subscribers[number]
        bindings = (plan.numbers.get(number) for plan in self.plans.values())
        aliases = [
            *(binding.alias for binding in bindings if binding is not None),
            *self.users_of.get(number, ()),
        ]
        return next((self.subscribers[alias] for alias in aliases if alias in self.subscribers), None)

    def numbers_of(self, subscriber: Subscriber) -> tuple[str, ...]:
        """All numbers of a subscriber in the domain, the own number first."""
        full = (number for plan in self.plans.values() for number in plan.numbers_of(subscriber.number))
        return (subscriber.number, *full, *self.outgoing_through.get(subscriber.number, ()))

    def follow(self, config: DomainConfig) -> None:
        """Use other settings from now on. Subscribers and trunks that stay keep their calls.

        Contexts are not read from their files. Raises :class:`NumberingError`, and changes nothing then.
        """
        before = self.config
        self.plans = {
            name: self.plans[name] if before.numbering_plans.get(name) == numbers else Plan(name, numbers)
            for name, numbers in config.numbering_plans.items()
        }
        self.subscribers = {
            one.number: self.subscribers.get(one.number) or make_subscriber(one) for one in config.subscribers
        }
        for one in config.subscribers:
            self.subscribers[one.number].active = one.active
        trunks = {trunk.number: trunk for trunk in self.trunks.values()}
        self.trunks = {}
        for settings in config.trunks:
            trunk = trunks.get(settings.number) or Trunk(settings)
            trunk.config = settings
            self.trunks[settings.name] = trunk
        if config.default_context != before.default_context:
            self.default_context = config.default_context
        self._index_users(config)
        self.config = config

    def table(self, mediator: str) -> ObjectTable:
        """The objects of one mediator."""
        return self.tables.setdefault(mediator, ObjectTable())


def load_domain(config: DomainConfig, directory: Path, key: str, match_routed: MatchRouted) -> Domain:
    """Build a domain; its context files start from ``directory``.

    ``key`` is the domain's place in the lab file, for errors. Raises :class:`ConfigError`.
    """
    contexts, wrong, unread = _read_contexts(config, directory, key)
    complete = not wrong
    default = config.default_context
    if contexts and not default:
        if len(contexts) > 1 and complete:
            wrong.append(f"{key}.default_context: is required; one of {', '.join(sorted(contexts))}")
        default = next(iter(contexts))
    named = [("default_context", default), ("adaptation", config.adaptation)]
    named += [(f"subscribers.{index}.context", one.context) for index, one in enumerate(config.subscribers)]
    named += [(f"trunks.{index}.context", one.context) for index, one in enumerate(config.trunks)]
    for setting, name in named:
        # Of a file whose context is not known, it may be any.
        if name and None not in unread and name not in contexts and name not in unread:
            known = ", ".join(sorted({*contexts, *filter(None, unread)}))
            there = known or "none, because no file of contexts is named"
            near = did_you_mean(name, contexts)
            wrong.append(f"{key}.{setting}: there is no context {name!r}; there are: {there}{near}")
    if config.vpbx is not None:
        wrong += (f"{key}.vpbx.{one.key}: {one.text}" for one in mistakes(config.vpbx))
    subscribers = {one.number: make_subscriber(one) for one in config.subscribers}
    trunks = {one.name: Trunk(one) for one in config.trunks}
    plans: dict[str, Plan] = {}
    for name, numbers in config.numbering_plans.items():
        try:
            plans[name] = Plan(name, numbers)
        except NumberingError as error:
            wrong.append(f"{key}.numbering_plans.{quoted(name)}: {error}")
    if wrong:
        raise ConfigError("\n".join(wrong))
    return Domain(config, subscribers, trunks, contexts, default, plans, match_routed=match_routed)


def make_subscriber(config: SubscriberConfig) -> Subscriber:
    """A subscriber made from its settings."""
    given = config.services.model_dump(by_alias=True)
    forwardings = {name: given[name] for name in FORWARDINGS if given[name]}
    features = {name for name in FEATURES if given[name]}
    own = config.number, config.context, config.group, config.line_state, config.terminal
    return Subscriber(*own, forwardings, features, active=config.active, virtual=config.virtual)


_NAMED: Final = re.compile(rb"""<context\s[^>]*?\bname\s*=\s*["']([^"']+)["']""")


def _read_contexts(
    config: DomainConfig, directory: Path, key: str
) -> tuple[dict[str, Context], list[str], set[str | None]]:
    """The contexts that can be read, the mistakes, and the names of the contexts with mistakes: None, if not known."""
    contexts: dict[str, Context] = {}
    wrong: list[str] = []
    unread: set[str | None] = set()
    for index, name in enumerate(config.contexts):
        where = f"{key}.contexts.{index}"
        path, text = directory / name, b""
        try:
            text = path.read_bytes()
            context = parse_context(text, str(path))
        except (OSError, ValueError) as error:
            if isinstance(error, ContextError):
                wrong += (f"{where}: {problem}" for problem in error.lines)
            else:
                wrong.append(f"{where}: {path}: can't be read: {getattr(error, 'strerror', None) or error}")
            named = _NAMED.search(text)
            unread.add(named[1].decode(errors="replace") if named else None)
            continue
        if context.name in contexts:
            other = contexts[context.name].source
            wrong.append(f"{where}: {path}: context {context.name!r} is already there, from {other}")
            continue
        contexts[context.name] = context
    for context in contexts.values() if not wrong else ():
        for rule in context.rules:
            if isinstance(rule.verdict, Continue) and rule.verdict.context not in contexts:
                wrong.append(
                    f"{key}.contexts: {context.source}:{rule.line}: rule {rule.name!r} continues in "
                    f"{rule.verdict.context!r}; there are: {', '.join(sorted(contexts))}"
                    f"{did_you_mean(rule.verdict.context, contexts)}"
                )
    return contexts, wrong, unread
