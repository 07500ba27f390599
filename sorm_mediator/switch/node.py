"""The present configuration of the switch: its domains, the bridges between them, and every change.

:attr:`Node.config` always holds the present configuration. A change makes a new configuration, checked as a
lab file is, and takes effect at once. So the running configuration can be written to a lab file.

Source: ECSS-10 manual, SORM system: the commands of the switch's shell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from sorm_mediator.config import BridgeSideConfig, ConfigError, SwitchConfig
from sorm_mediator.config.lines import quoted
from sorm_mediator.config.stations import TRUNK_KINDS
from sorm_mediator.switch.admission import Admission
from sorm_mediator.switch.assignments import Assignments, TrunkShare, trunk_shares
from sorm_mediator.switch.domain import Bridge, Domain, load_domain
from sorm_mediator.switch.licence import ActivationBody, LicenceError, Licences, decode_activation, locking_id
from sorm_mediator.switch.routing.doubts import doubts
from sorm_mediator.switch.routing.route import DEFAULT_PLAN, External
from sorm_mediator.switch.tokens import Tokens
from sorm_mediator.texts import as_list, did_you_mean
from sorm_mediator.vpbx.checks import doubts as vpbx_doubts

What = Literal[
    "domain", "sorm", "subscribers", "trunks", "routing", "numbering", "bridges", "network", "switch"
]


@dataclass(frozen=True, slots=True)
class Change:
    """A change that has taken effect, for watchers.

    ``what``: "domain": declared or removed; "sorm": its parameters have changed, and so on; "switch":
    settings of the whole switch, such as the SSH port, the MultiSORM users, the licence. ``domain``: "" for
    the whole switch. ``renamed``: the number of a renamed trunk, and its new name.
    """

    what: What
    domain: str = ""
    renamed: tuple[int, str] | None = None

    @property
    def event(self) -> dict[str, Any] | None:
        """The event of the dialect that the mediators of the domain get (docs/dialect.md); None: none."""
        if self.renamed is None:
            return None
        return {"event": "trunk-renamed", "trunk": self.renamed[0], "name": self.renamed[1]}


Model = TypeVar("Model", bound=BaseModel)


def changed(model: Model, **fields: Any) -> Model:
    """A checked copy of the settings with some replaced. Raises :class:`pydantic.ValidationError`."""
    given = {name: getattr(model, name) for name in model.model_fields_set}
    return type(model).model_validate(given | fields)


class Node:
    """Domains and bridges of a switch. Raises :class:`ConfigError` for a configuration that can't be used.

    ``calendar``: see :class:`~sorm_mediator.switch.licence.Licences`.
    """

    def __init__(
        self,
        config: SwitchConfig,
        directory: Path = Path(),
        *,
        calendar: Callable[[float], float] = lambda now: now,
    ) -> None:
        self.config = config
        self._calendar = calendar
        self.directory = directory
        self.domains: dict[str, Domain] = {}
        self.bridges: dict[str, Bridge] = {}
        self.admission = Admission()
        """Whether the switch takes a call."""
        self.tokens = Tokens(lambda: self.licences, lambda: self.config.licence.tokens)
        """The USB keys; what runs the switch looks at them (:meth:`Tokens.look`)."""
        self.admission.grounds.append(self.tokens.why_no_call)
        wrong: list[str] = []
        try:
            self._licences = Licences(config, calendar)
        except ConfigError as error:
            wrong.append(str(error))
        self._licensed = config
        self.watchers: list[Callable[[Change], None]] = []
        """Called after each change, in order; :mod:`sorm_mediator.switch.changes` makes the changes."""
        try:
            self._follow(config)
        except ConfigError as error:
            raise ConfigError("\n".join([*wrong, str(error)])) from None
        wrong += [
            problem
            for index, bridge in enumerate(config.bridges)
            for end, side in (("a", bridge.a), ("b", bridge.b))
            for problem in self._problems_of_end(side, f"switch.bridges.{index}.{end}")
        ]
        self.activation: ActivationBody | None = None
        """The licence file that was activated last."""
        self.master_away = ""
        """Address of the licence network's master while this slave does not reach it."""
        self.counted: Mapping[str, int] | None = None
        """Calls and channels that a network's agent lets this node use (``COUNTED``); None: its licences limit them."""
        self.on_demand: Callable[[], None] = lambda: None
        """Called when a licence was demanded, released or checked."""
        self.granted: Mapping[str, int] | None = None
        """The licences that a network's agent has given to this node; None: it is in no network."""
        self.assignments: Assignments | None = None
        """The licences of the subscribers; None: none is needed."""
        self.trunk_shares: tuple[TrunkShare, ...] = ()
        problem = self._read_activation(config)
        if problem:
            wrong.append(problem)
        if not wrong:
            wrong += self._trunks_beyond_the_pool(config)
        if wrong:
            raise ConfigError("\n".join(wrong))
        self._distribute()

    def _read_activation(self, config: SwitchConfig) -> str:
        """Read the licence file that was activated. Returns why it can't be used, and changes nothing then."""
        pool, key = config.licence_pool, "switch.licence_pool.activation"
        if pool is None or not pool.activation:
            self.activation = None
            return ""
        try:
            body = decode_activation(pool.activation)
        except LicenceError as error:
            return f"{key}: {error}"
        own = locking_id(config)
        if body.locking_id != own:
            return f"{key}: it is for the Locking ID {body.locking_id}, and this switch has {own}"
        self.activation = body
        return ""

    def _trunks_beyond_the_pool(self, config: SwitchConfig) -> Iterator[str]:
        if config.licence_pool is None or config.licence_network.role == "slave":
            return
        asked: Counter[str] = Counter()
        for domain in config.domains:
            for trunk in domain.trunks:
                asked[trunk.kind] += trunk.licensed_channels
        bought = self.bought(config)
        for kind in TRUNK_KINDS:
            if asked[kind] > bought.get(kind, 0):
                yield (
                    f"switch.licence_pool: the trunks of kind {kind} have {asked[kind]} licensed_channels together, "
                    f"and {bought.get(kind, 0)} were bought; give them fewer"
                )

    def bought(self, config: SwitchConfig | None = None) -> Mapping[str, int]:
        """Licence -> how many were bought for this node, or for its network."""
        pool = (config or self.config).licence_pool
        total: Counter[str] = Counter(pool.limits if pool is not None else {})
        if self.activation is not None:
            total.update(self.activation.bought)
        return total

    @property
    def pool(self) -> Mapping[str, int]:
        """Licence -> how many this node may use."""
        return self.bought() if self.granted is None else self.granted

    def grant(self, granted: Mapping[str, int]) -> None:
        """The licences that the network's agent gives to this node from now on."""
        if granted != self.granted:
            self.granted = dict(granted)
            self._distribute()
            if self.assignments is not None:
                self.assignments.check(saved_only=True)

    def _distribute(self) -> None:
        """Give the licences of the pool to subscribers and trunks."""
        for domain in self.domains.values():
            for trunk in domain.trunks.values():
                trunk.licensed = None
        self.trunk_shares = ()
        if self.config.licence_pool is None:
            self.assignments = None
            return
        pool = self.pool
        if self.assignments is None:
            self.assignments = Assignments(pool)
        elif dict(self.assignments.pool) != dict(pool):
            self.assignments.use_pool(pool)
        self.assignments.follow(self.config)
        self.trunk_shares = trunk_shares(self.config, pool)
        for share in self.trunk_shares:
            self.domains[share.domain].trunks[share.trunk].licensed = share.licensed

    @property
    def licences(self) -> Licences:
        """The licences of the present configuration."""
        if self._licensed is not self.config:
            self._licences, self._licensed = Licences(self.config, self._calendar), self.config
        return self._licences

    def replace(self, change: Change, **fields: Any) -> None:
        """Use other settings of the switch.

        Raises :class:`pydantic.ValidationError`, and :class:`ConfigError` for a licence file that can't be used; it
        changes nothing then.
        """
        config = changed(self.config, **fields)
        problem = self._read_activation(config)
        if problem:
            raise ConfigError(problem)
        self._follow(config)
        self.config = config
        self._notify(change)

    def replace_domain(self, change: Change, **fields: Any) -> None:
        """Use other settings of the domain ``change.domain``.

        Raises :class:`pydantic.ValidationError` and :class:`NumberingError`, and changes nothing then.
        """
        domain = self.domains[change.domain]
        config = changed(domain.config, **fields)
        domains = tuple(config if one is domain.config else one for one in self.config.domains)
        whole = changed(self.config, domains=domains)
        domain.follow(config)
        self.config = whole
        self._notify(change)

    def _notify(self, change: Change) -> None:
        if self.config.licence_pool is not None or self.assignments is not None:
            self._distribute()
        for watcher in tuple(self.watchers):
            watcher(change)

    def _follow(self, config: SwitchConfig) -> None:
        """Build new domains and bridges, and drop removed ones. Raises :class:`ConfigError`."""
        wrong: list[str] = []
        for index, domain in enumerate(config.domains):
            if domain.name in self.domains:
                continue
            try:
                key = f"switch.domains.{index}"
                self.domains[domain.name] = load_domain(domain, self.directory, key, config.match_routed)
            except ConfigError as error:
                wrong.append(str(error))
        if wrong:
            raise ConfigError("\n".join(_told_once(wrong)))
        bridges = {one.name: one for one in config.bridges}
        for name in self.bridges.keys() - bridges.keys():
            for end in self.bridges.pop(name).ends:
                del self.domains[end.side.domain].bridges[end.iface]
        for name in self.domains.keys() - {one.name for one in config.domains}:
            del self.domains[name]
        for name, one in bridges.items():
            if name not in self.bridges:
                self.bridges[name] = Bridge(one)
                for end in self.bridges[name].ends:
                    self.domains[end.side.domain].bridges[end.iface] = end

    def _problems_of_end(self, side: BridgeSideConfig, key: str) -> Iterator[str]:
        """Names of a bridge that do not exist at the start; the shell accepts names that come later."""
        domain = self.domains[side.domain]
        if side.np != DEFAULT_PLAN and side.np not in domain.plans:
            known = [DEFAULT_PLAN, *domain.plans]
            near = did_you_mean(side.np, known)
            yield f"{key}.np: {side.domain} has no numbering plan {side.np!r}; there are: {as_list(known)}{near}"
        if side.context and side.context not in domain.contexts:
            near = did_you_mean(side.context, domain.contexts)
            there = as_list(domain.contexts)
            yield f"{key}.context: {side.domain} has no context {side.context!r}; there are: {there}{near}"


def _told_once(errors: Iterable[str]) -> Iterator[str]:
    """The lines of errors; what is wrong in a context's file only for the first domain that names the file."""
    seen: set[str] = set()
    for line in (line for error in errors for line in error.split("\n")):
        key, _, text = line.partition(": ")
        if ".contexts." not in key or text not in seen:
            yield line
        seen.add(text)


# --- unresolved references


def unresolved_references(node: Node) -> Iterator[str]:
    """All names that do not exist: one line each, with the place and the existing names.

    Calls that need such a name fail, and everything else works: the manual declares bridges, contexts and
    numbers one after the other, in any order. Errors that keep a lab from starting are not included: there is
    no :class:`Node` then.

    Source: ECSS-10 manual, MultiSORM: its example imports contexts before it declares the bridges they name.
    """
    for index, domain in enumerate(node.domains.values()):
        key = f"switch.domains.{index}"
        yield from (f"{key} ({domain.name}): {text}" for text in _rules(domain))
        yield from (f"{key}.{text}" for text in (*_plans(domain), *_refused(node, domain)))
        if domain.config.vpbx is not None:
            yield from (f"{key}.vpbx.{one.key}: {one.text}" for one in vpbx_doubts(domain.config.vpbx))


def context_notes(domain: Domain, name: str) -> tuple[str, ...]:
    """The note for a named context that does not exist."""
    if not name or name in domain.contexts:
        return ()
    return (
        f"there is no context {name!r} in {domain.name} yet: import it; until then calls that start in it fail",
    )


def plan_notes(domain: Domain, name: str) -> tuple[str, ...]:
    """The note for a named numbering plan that does not exist."""
    if name == DEFAULT_PLAN or name in domain.plans:
        return ()
    return (
        f"there is no numbering plan {name!r} in {domain.name} yet: declare it; until then it has no numbers",
    )


def _rules(domain: Domain) -> Iterator[str]:
    ways = {*domain.trunks, *domain.bridges}
    for context in domain.contexts.values():
        if context.np and context.np != DEFAULT_PLAN and context.np not in domain.plans:
            plans = as_list(domain.plans)
            yield f"{context.source}: context {context.name!r}: no numbering plan {context.np!r}; there are: {plans}"
        for rule in context.rules:
            if isinstance(rule.verdict, External) and not ways.intersection(rule.verdict.directions):
                missing = " or ".join(rule.verdict.directions)
                known = as_list(ways)
                where = f"{context.source}:{rule.line}: rule {rule.name!r}"
                near = did_you_mean(rule.verdict.directions[0], ways)
                yield f"{where}: no trunk or bridge {missing}; there are: {known}{near}"
        for rule, text in doubts(context):
            yield f"{context.source}:{rule.line}: rule {rule.name!r} {text}"


def _plans(domain: Domain) -> Iterator[str]:
    """Each with its key below the domain."""
    for index, trunk in enumerate(domain.config.trunks):
        if trunk.np != DEFAULT_PLAN and trunk.np not in domain.plans:
            plans = [DEFAULT_PLAN, *domain.plans]
            there = f"{as_list(plans)}{did_you_mean(trunk.np, plans)}"
            yield f"trunks.{index}.np: {domain.name} has no numbering plan {trunk.np!r}; there are: {there}"
    bridges = {end.bridge.name for end in domain.bridges.values()}
    for plan in domain.plans.values():
        aliases = {b.alias for b in plan.numbers.values() if b.alias and b.alias not in domain.subscribers}
        for alias in sorted(aliases):
            yield (
                f"numbering_plans.{quoted(plan.name)}: {alias}, which {plan.number_of(alias)} leads to, "
                f"is not a subscriber of {domain.name}"
            )
        for bridge in sorted({b.bridge for b in plan.numbers.values() if b.bridge} - bridges):
            known = as_list(bridges)
            yield (
                f"numbering_plans.{quoted(plan.name)}: numbers lead to the bridge {bridge}; "
                f"{domain.name} has: {known}{did_you_mean(bridge, bridges)}"
            )


def _refused(node: Node, domain: Domain) -> Iterator[str]:
    """Numbers bound to a strict bridge that refuses calls to them."""
    for end in domain.bridges.values():
        far, plan = end.far.side, domain.plans.get(end.side.np)
        if plan is None or end.end != "a" or not end.bridge.config.strict:
            continue
        bound = [number for number, one in plan.numbers.items() if one.bridge == end.bridge.name]
        lost = [number for number in bound if not node.domains[far.domain].has_number(far.np, number)]
        if lost:
            more = f", and {len(lost) - 1} more number{'s' if len(lost) > 2 else ''}" if len(lost) > 1 else ""
            yield (
                f"numbering_plans.{quoted(plan.name)}: {lost[0]}{more}, bound to the bridge {end.bridge.name}: "
                f"not in plan {far.np} of {far.domain}, and the bridge is strict"
            )
