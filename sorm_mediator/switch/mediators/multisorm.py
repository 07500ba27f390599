"""MultiSORM in the switch: its users, their mediators, and the domains that form one exchange for them.

A mediator's objects are kept for its MultiSORM user even while it is not connected. A domain that fits the
user's list later (declared, enabled, given its RADIUS server) receives them automatically.

The binding of :mod:`ssh_control.multisorm.domains` to the domains of this switch. Source: ECSS-10 manual, MultiSORM.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sorm_mediator.config import AggregateConfig
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.mediators import access
from sorm_mediator.switch.mediators.access import Channels, LiveSessions, Sinks
from sorm_mediator.switch.mediators.faults import DeadlineTimer, DelayedSession
from sorm_mediator.switch.mediators.session import Chunks, SyncRoom
from sorm_mediator.switch.node import Change, Node
from ssh_control.codes import ExtendedError
from ssh_control.dialect import (
    NO_RADIUS_SERVER,
    ClientHello,
    Notify,
    PendingReply,
    Refused,
    Reply,
    Request,
    Response,
)
from ssh_control.multisorm.domains import AnswerMediator, AskDomain, DomainState, Effect, MultiSorm

log = logging.getLogger(__name__)

NOT_SERVED: Final = ExtendedError.WRONG_PARAMETERS
"""Code of a refused hello: the mediator's own data do not fit."""
AT_ONCE: Final = 2000
"""Objects passed to domains in one turn of the event loop, which blocks meanwhile."""
HAS_SUBSCRIBERS: Final = frozenset({"domain", "subscribers", "trunks"})
"""Changes after which a domain may accept an object that it refused before."""


class DomainGroup:
    """The domains that form one exchange for a mediator of a MultiSORM user, connected or not."""

    def __init__(self, user: str, mediator: str, timeout: float) -> None:
        self.user, self.mediator = user, mediator
        self.core = MultiSorm(timeout)
        self.connections = 0
        self.members: dict[str, DelayedSession] = {}
        self.not_connected: dict[str, str] = {}
        """The reason, already logged, why a domain is not connected."""
        self._later: dict[int, PendingReply] = {}
        self._work: deque[Effect] = deque()
        self._working = False
        self._timer = DeadlineTimer(self._tick)

    def ask(self, request: Request) -> Response:
        """Process a request of the mediator."""
        number, effects = self.core.ask(request, self._now)
        later = self._later[number] = PendingReply()
        self._do(effects)
        return later if later.reply is None else later.reply

    def join(self, member: DelayedSession) -> None:
        """Connect a domain."""
        name = member.domain.name
        self.members[name] = member
        log.info("MultiSORM: %s: %s is connected", self, name)
        self._do(self.core.join(name, self._now))

    def leave(self, name: str, why: str) -> None:
        """Disconnect a domain. The mediator has no objects in it any more."""
        self.members.pop(name).leave()
        log.warning("MultiSORM: %s: %s is no longer connected: %s", self, name, why)
        self._do(self.core.leave(name, self._now))

    def refresh(self, name: str) -> None:
        """Offer refused objects to a domain again."""
        self._do(self.core.refresh(name, self._now))

    def status(self) -> dict[str, Any]:
        """The group for people."""
        return {
            "user": self.user,
            "mediator": self.mediator,
            "connections": self.connections,
            "objects": len(self.core.objects),
            "domains": {name: state.value for name, state in self.core.states.items()},
            "not_connected": dict(self.not_connected),
        }

    def close(self) -> None:
        """Stop; drop the remaining effects."""
        self._timer.set(None)
        self._work.clear()

    def __str__(self) -> str:
        return f"mediator {self.mediator} of {self.user}"

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _tick(self, now: float) -> None:
        self._do(self.core.tick(now))

    def _do(self, effects: list[Effect]) -> None:
        self._work.extend(effects)
        if not self._working:
            self._go_on()

    def _go_on(self) -> None:
        """Carry out the effects, at most :data:`AT_ONCE` in one turn of the event loop."""
        self._working, done = True, 0
        try:
            while self._work and done < AT_ONCE:
                effect = self._work.popleft()
                if isinstance(effect, AskDomain):
                    done += 1 + len(effect.request.params.get("objects", ()))
                    self._ask(effect)
                elif isinstance(effect, AnswerMediator):
                    self._later.pop(effect.question).give(effect.reply)
                else:
                    log.log(effect.level, "MultiSORM: %s: %s", self, effect.text)
        finally:
            # After an error of a domain, the rest is still carried out.
            self._working = bool(self._work)
            if self._working:
                asyncio.get_running_loop().call_soon(self._go_on)
            self._timer.set(self.core.deadline)

    def _ask(self, ask: AskDomain) -> None:
        member = self.members.get(ask.domain)
        if member is None:
            return
        answer = member.handle(ask.request)
        if isinstance(answer, Reply):
            self._work.extend(self.core.answered(ask.domain, ask.token, answer, self._now))
        elif answer is not None:
            answer.then(partial(self._heard, ask.domain, ask.token))

    def _heard(self, domain: str, token: int, reply: Reply) -> None:
        self._do(self.core.answered(domain, token, reply, self._now))


class DomainGroupSession:
    """A connection of a mediator to its group."""

    def __init__(self, group: DomainGroup, on_closed: Callable[[], None], room: SyncRoom) -> None:
        self.server_hello: Mapping[str, Any] = {
            "switch": "emulated ECSS-10",
            "user": group.user,
            "domains": list(group.members),
        }
        self._group = group
        self._on_closed = on_closed
        self._chunks = Chunks(room)

    def handle(self, request: Request) -> Response:
        """Carry out a request. Chunks of a ``sync`` are collected here: the domains receive the whole."""
        if request.op != "sync":
            return self._group.ask(request)
        try:
            objects = self._chunks.add(request.params)
        except Refused as refusal:
            return Reply.refusal(refusal.code, refusal.text)
        if objects is None:
            return Reply(True)
        return self._group.ask(Request("sync", {"objects": objects, "first": True, "last": True}))

    def closed(self) -> None:
        """The connection has ended; the mediator's objects stay."""
        self._chunks.drop()
        self._on_closed()


@dataclass(eq=False)
class Aggregates:
    """The MultiSORM users and their mediators: :class:`~ssh_control.server.Backend` of the second port.

    ``connect(domain, mediator)`` makes a session with a domain; ``speech(hello, peer, mediator)`` stores the
    address for the mediator's speech and may raise :class:`Refused`; ``gone(mediator)`` is called at the end
    of a connection; ``drop(user)`` ends those of a user; ``room(mediator)`` returns the room for its unended
    syncs.
    """

    node: Node
    sinks: Sinks
    channels: Channels
    live: LiveSessions
    connect: Callable[[Domain, str], DelayedSession]
    speech: Callable[[ClientHello, str, str], None]
    gone: Callable[[str], None]
    drop: Callable[[str], None]
    room: Callable[[str], SyncRoom]
    _groups: dict[tuple[str, str], DomainGroup] = field(default_factory=dict, init=False)
    _to_refresh: set[str] = field(default_factory=set, init=False)

    def login(self, user: str, password: str, peer: str) -> str | None:
        """Admit a MultiSORM user when all of its domains are set up. The reason of a refusal is for the log."""
        return access.aggregate_login(self.node, self.sinks, user, password)

    def open(self, user: str, hello: ClientHello, peer: str, notify: Notify) -> DomainGroupSession:
        """Open a mediator's session. Raises :class:`Refused`."""
        found = access.aggregate(self.node, user)
        if found is None:
            raise Refused(NOT_SERVED, f"there is no MultiSORM user {user} any more")
        reasons = access.problems(self.node, self.sinks, found)
        if reasons:
            raise Refused(NOT_SERVED, "; ".join(reasons))
        domains = [self.node.domains[name] for name in access.select(self.node, found).domains]
        sinks = {domain.name: self.sinks.find(domain, hello.radius, peer) for domain in domains}
        wrong = access.wrong_sinks(sinks)
        if wrong:
            raise Refused(NOT_SERVED, f"{hello.radius or 'no sink'} {wrong}")
        mediator = next(iter(sinks.values()))
        self.admit(user, hello, peer, mediator, list(sinks))
        key = user, mediator
        group = self._groups.get(key) or DomainGroup(user, mediator, self.node.config.multisorm_timeout)
        alone = [] if group.connections else self.channels.domains_of(mediator)
        if alone:
            raise Refused(NOT_SERVED, f"{mediator} is connected to {', '.join(alone)} alone already")
        self.speech(hello, peer, mediator)
        self._groups[key] = group
        for name in group.members:
            self.channels.add(mediator, name)
        group.connections += 1
        self._adjust(group, found)
        for name in self.node.domains.keys() - group.members.keys():
            # Its objects from an earlier connection to that domain alone.
            self.node.domains[name].tables.pop(mediator, None)
        ended = self.live.opened(user, mediator, hello.mediator, peer, notify)
        return DomainGroupSession(group, partial(self._closed, group, ended), self.room(mediator))

    def admit(self, user: str, hello: ClientHello, peer: str, mediator: str, domains: list[str]) -> None:
        """Check the licence and the other sessions of the mediator, for users of either port.

        Its objects as another MultiSORM user are dropped. Raises :class:`Refused`.
        """
        problem = self.channels.problem(mediator, domains)
        if problem:
            raise Refused(self.node.config.not_licensed_code, problem)
        for key, group in list(self._groups.items()):
            if group.mediator == mediator and group.user != user:
                if group.connections:
                    raise Refused(NOT_SERVED, f"{mediator} is connected as {group.user} already")
                self._end(key, "the mediator has come as another user")
        second = self.live.problem(user, mediator, hello.mediator, peer)
        if second:
            raise Refused(NOT_SERVED, second)

    def changed(self, change: Change) -> None:
        """Connect and disconnect domains after a change of the configuration."""
        for key, group in list(self._groups.items()):
            found = access.aggregate(self.node, group.user)
            if found is not None:
                self._adjust(group, found)
                continue
            self._end(key, "its MultiSORM user was removed")
            self.drop(group.user)
        if change.event is not None:
            for group in self._groups.values():
                if change.domain in group.members:
                    self.live.notify(group.user, change.event, group.mediator)
        if change.what in HAS_SUBSCRIBERS and self._groups:
            if not self._to_refresh:
                # Many numbers may be declared in one turn: the domain receives the objects once for all.
                asyncio.get_running_loop().call_soon(self._refresh)
            self._to_refresh.add(change.domain)

    def status(self) -> list[dict[str, Any]]:
        """Every mediator, for people."""
        return [group.status() for group in self._groups.values()]

    def troubles(self, user: str) -> list[str]:
        """The domains that connected mediators of a user do without now, with the reason and the remedy."""
        troubles: list[str] = []
        for group in self._groups.values():
            if group.user != user or not group.connections:
                continue
            silent = [name for name, state in group.core.states.items() if state is DomainState.SILENT]
            troubles += [
                f"domain {name} does not answer: commands do not reach it; it gets all objects when it answers again"
                for name in silent
            ]
            troubles += [
                f"domain {name} is not connected: {why}" for name, why in group.not_connected.items()
            ]
        return [f"MultiSORM {user}: {trouble}" for trouble in troubles]

    def close(self) -> None:
        """Stop; drop the remaining effects."""
        for group in self._groups.values():
            group.close()

    def _adjust(self, group: DomainGroup, found: AggregateConfig) -> None:
        """Connect the listed domains that are set up, and disconnect all others."""
        wanted = access.select(self.node, found).domains
        group.not_connected = {name: why for name, why in group.not_connected.items() if name in wanted}
        for name, member in list(group.members.items()):
            if name not in wanted or self.node.domains[name] is not member.domain:
                self._leave(group, name, f"it is not among the domains of {group.user}")
            elif problem := self._unfit(group, member.domain):
                self._leave(group, name, problem)
        for name in wanted:
            if name in group.members:
                continue
            domain = self.node.domains[name]
            together = [*(member.domain for member in group.members.values()), domain]
            problem = self._unfit(group, domain) or access.clash(together)
            if not problem and group.connections:
                problem = self.channels.problem(group.mediator, [name])
            if not problem:
                group.not_connected.pop(name, None)
                self.channels.add(group.mediator, name, group.connections)
                group.join(self.connect(domain, group.mediator))
            elif group.not_connected.get(name) != problem:
                group.not_connected[name] = problem
                log.warning("MultiSORM: %s: %s is not connected: %s", group, name, problem)

    def _unfit(self, group: DomainGroup, domain: Domain) -> str:
        problem = access.why_not_connected(domain, self.sinks)
        if not problem and group.mediator not in {target.mediator for target in self.sinks.of(domain)}:
            problem = f"{group.mediator} {NO_RADIUS_SERVER} the domain"
        return problem

    def _end(self, key: tuple[str, str], why: str) -> None:
        group = self._groups.pop(key)
        for name in list(group.members):
            self._leave(group, name, why)
        group.close()

    def _leave(self, group: DomainGroup, name: str, why: str) -> None:
        self.channels.add(group.mediator, name, -group.connections)
        group.leave(name, why)

    def _refresh(self) -> None:
        names, self._to_refresh = self._to_refresh, set()
        for group in self._groups.values():
            for name in names & group.members.keys():
                group.refresh(name)
                self._warn_of_clash(group, group.members[name].domain)

    def _warn_of_clash(self, group: DomainGroup, domain: Domain) -> None:
        """Domains that are connected stay so; the next login is refused."""
        for member in group.members.values():
            if member.domain is not domain and domain.subscribers.keys() & member.domain.subscribers.keys():
                log.warning("MultiSORM: %s: %s", group, access.clash([domain, member.domain]))

    def _closed(self, group: DomainGroup, ended: Callable[[], None]) -> None:
        ended()
        group.connections -= 1
        for name in group.members:
            self.channels.add(group.mediator, name, -1)
        self.gone(group.mediator)
