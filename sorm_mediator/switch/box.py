"""The emulated switch as a box: SSH toward mediators, RADIUS reports to them, the clock for its calls."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from radius.packet import ReportError
from radius.report import CallReport, MessageReport
from radius.reporter import Reporter
from sorm_mediator.addresses import MOST_PORT, host_of, host_port
from sorm_mediator.capture.boxes import BoxCapture
from sorm_mediator.config import AdminConfig, Config, DomainAdminConfig, is_loopback
from sorm_mediator.config.stations import COUNTED, NETWORKING
from sorm_mediator.errors import BoxError, cannot_listen
from sorm_mediator.faults.registry import Faults
from sorm_mediator.language import Phrase
from sorm_mediator.switch.calendar import Calendar
from sorm_mediator.switch.calls.call import (
    Call,
    CallEvent,
    CallRefused,
    CallRequest,
    Leg,
    ServiceRequest,
    State,
)
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.calls.messages import MessageRequest
from sorm_mediator.switch.calls.speech import rtp_address
from sorm_mediator.switch.cdr import CdrFiles, licensed_modes, records_of
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.changes.domains import rename_trunk
from sorm_mediator.switch.changes.licence import active_subscribers
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.elph import ElphRegistrations
from sorm_mediator.switch.licence import usage
from sorm_mediator.switch.licence_client import ask_licence_server
from sorm_mediator.switch.licence_grounds import state_ground, station_ground, why_unlicensed
from sorm_mediator.switch.licence_network.binding import LicenceNode, Switchboard
from sorm_mediator.switch.licence_network.states import NodeState
from sorm_mediator.switch.mediators import access
from sorm_mediator.switch.mediators.access import Channels, LiveSessions, Sinks, Target
from sorm_mediator.switch.mediators.faults import DeadlineTimer, DelayedSession, DomainFaults, Fault
from sorm_mediator.switch.mediators.multisorm import NOT_SERVED, Aggregates
from sorm_mediator.switch.mediators.network import SwitchNetwork
from sorm_mediator.switch.mediators.session import MediatorSession, SyncRoom
from sorm_mediator.switch.node import Change
from sorm_mediator.switch.objects import OWN, SwitchObject
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.session import ShellSession
from sorm_mediator.switch.smart.agent import SmartAgent
from sorm_mediator.switch.speech_sender import SpeechSender
from sorm_mediator.switch.trace import TraceText
from ssh_control.dialect import NO_RADIUS_SERVER, ClientHello, Notify, Refused
from ssh_control.logged import log_event
from ssh_control.server import ConnectionLimits, SormServer, listening_socket, move_servers
from ssh_control.transport import KeyProblem, authorized_keys

if TYPE_CHECKING:
    import asyncssh


log = logging.getLogger(__name__)

DEFAULT_PASSWORD = AdminConfig().password
"""The default password is public, so it admits users of this machine only."""


def _admin_keys(admin: AdminConfig, config: Config) -> frozenset[bytes]:
    """The public keys of the user of the shell. Raises :class:`BoxError`."""
    try:
        return authorized_keys(admin.authorized_keys, config.directory)
    except KeyProblem as problem:
        raise BoxError(f"switch.admin.authorized_keys: {problem}") from None


@dataclass(frozen=True, slots=True)
class SwitchPlace:
    """What a switch that starts again takes over from the one that has ended: its host key and its ports."""

    host_key: asyncssh.SSHKey
    ssh_port: int
    multisorm_port: int
    """0: it did not listen there."""


class SwitchBox:
    """The switch with its sockets and its clock: :meth:`start` it, :meth:`stop` it.

    Raises :class:`~sorm_mediator.config.ConfigError` for routing contexts that can't be used, and
    :class:`BoxError` for a host key that can't be used. ``config.switch`` must be there.
    ``capture`` records the reports. ``place``: that of the box which this one follows.
    """

    def __init__(
        self, config: Config, *, capture: BoxCapture | None = None, place: SwitchPlace | None = None
    ) -> None:
        if config.switch is None:
            raise BoxError("switch: a [switch] table with its domains is needed to run the switch")
        self.config = switch = config.switch
        self._capture = capture
        self._epoch = time.time() - time.monotonic()
        # Ids of calls must not come again after a restart: the mediator still has the old ones.
        prefix, first_ssrc = f"{secrets.token_hex(3)}-", secrets.randbits(32)
        self.calendar = Calendar(config.lab.time_factor)
        self.engine = Engine(
            switch, config.directory, prefix=prefix, first_ssrc=first_ssrc, calendar=self.calendar.of
        )
        self.engine.noted = self._noted
        self.outcomes: Counter[str] = Counter()
        """Calls that ended, by the order's cause of release."""
        node = self.engine.node
        node.watchers.append(self._changed)
        self.elph = ElphRegistrations(node)
        self._cdr = CdrFiles(config.directory / switch.cdr_directory) if switch.cdr_directory else None
        self._sender = SpeechSender(switch.media.host, switch.media.level)
        self.engine.listeners = self._sender.speech.addresses
        self.licence_node = self._licence_node(config)
        node.admission.grounds.append(partial(station_ground, node))
        self._shell_context = self._context_of_shells(config)
        key_file = config.directory / switch.host_key_file if switch.host_key_file else None
        limits = ConnectionLimits(
            switch.logins, switch.connections, switch.connections_per_address, table="switch."
        )
        try:
            self._server = SormServer(
                self,
                switch.host,
                switch.ssh_port if place is None else place.ssh_port,
                key_file if place is None else place.host_key,
                shells=self._shell,
                keys=self._keys,
                login_wait=switch.login_wait,
                limits=limits,
            )
        except KeyProblem as problem:
            raise BoxError(f"switch.host_key_file: {problem}") from None
        self._admin_keys = _admin_keys(switch.admin, config)
        self.counters: Counter[str] = Counter()
        self._sinks = Sinks()
        self._reporters: dict[Target, Reporter] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._rooms: dict[str, SyncRoom] = {}
        self._logins: dict[str, str] = {}
        """The user that mediators last logged in as, by domain."""
        self._channels = Channels(self._why_no_channel)
        self._faults = DomainFaults()
        self._network: SwitchNetwork | None = None
        self._live = LiveSessions(lambda: self.engine.node.config.second_session, self.counters)
        self._aggregates = Aggregates(
            node,
            self._sinks,
            self._channels,
            self._live,
            connect=self._connect,
            speech=self._speech,
            gone=self._gone,
            drop=lambda user: self._multisorm.drop(user),
            room=self._room,
        )
        self._multisorm = SormServer(
            self._aggregates,
            switch.host,
            0,
            self._server.key,
            login_wait=switch.login_wait,
            limits=limits,
        )
        self._multisorm_awaited = False
        self._multisorm_port = 0 if place is None else place.multisorm_port
        self.smart = self._shell_context.smart = self._smart_licence()
        self._timer = DeadlineTimer(lambda _: self._tick())
        self._running = self._ended = False

    def _context_of_shells(self, config: Config) -> ShellContext:
        return ShellContext(
            node=self.engine.node,
            file=config.file,
            ask_licence_server=ask_licence_server,
            activated=self._licence_activated,
            licence_state=self._licence_shown,
            move_ssh=self.move_ssh,
            clock=time.time,
            stopwatch=time.perf_counter,
            calls=self,
            elph=self.elph,
        )

    def _smart_licence(self) -> SmartAgent | None:
        """The smart licence; None: there is none."""
        settings, node = self.config.smart_licence, self.engine.node
        if not settings.enabled:
            return None
        return SmartAgent(
            settings, node.admission, self.now, directory=node.directory, kept=self.config.kept_calls
        )

    def _licence_node(self, config: Config) -> LicenceNode | None:
        """The node of a licence network; None where there is none. Raises :class:`BoxError`."""
        node, network = self.engine.node, self.config.licence_network
        if network.role == "standalone":
            return None
        board = Switchboard(
            wanted=self._licences_wanted,
            used=self._licences_used,
            total=self._licences_of_network,
            serial=lambda: node.activation.serial if node.activation is not None else 0,
            changed=self._licence_changed,
        )
        made = LicenceNode(network, config.directory, self.calendar, board)
        node.on_demand = made.wake
        node.admission.grounds.append(state_ground(made.licence))
        self.engine.display = made.shown
        return made

    def now(self) -> float:
        """Unix time in seconds that never steps back: the wall clock at start, and monotonic from there.

        Calls, messages and their reports use this time; the validity of licences uses the wall clock.
        """
        return self._epoch + time.monotonic()

    @property
    def public_host_key(self) -> str:
        """The public host key as one line: what a mediator pins."""
        return self._server.public_key

    def have_faults(self, faults: Faults) -> None:
        """The links of this switch have these faults at its end: its mediators are elsewhere."""
        self._network = SwitchNetwork(faults, (self._server, self._multisorm))
        for reporter in self._reporters.values():
            self._network.report_across(reporter)

    @property
    def place(self) -> SwitchPlace:
        """What another box that follows this one takes over."""
        multisorm = self._multisorm.port if self._multisorm.listening else 0
        return SwitchPlace(self._server.key, self._server.port, multisorm)

    @property
    def ended(self) -> bool:
        """Whether it was started, and has ended."""
        return self._ended

    async def start(self) -> dict[str, str]:
        """Listen. Returns ``{"ssh": "host:port"}``, with ``multisorm`` where it has users. Raises :class:`BoxError`."""
        if self.smart is not None:
            self.smart.resume()
        try:
            host, port = await self._server.start()
        except OSError as error:
            raise cannot_listen("switch.ssh_port", self.config.host, self.config.ssh_port, error) from error
        self._running, self._ended = True, False
        endpoints = {"ssh": host_port(host, port)}
        self._warn_of_licence()
        self._look_at_tokens()
        try:
            self._prepare_cdr()
            if self.config.aggregates:
                endpoints["multisorm"] = host_port(host, self._open_multisorm())
            self._sender.start()
            if self.licence_node is not None:
                endpoints |= await self.licence_node.start()
            for domain in self.engine.domains.values():
                for target in self._sinks.of(domain):
                    try:
                        await self._reporter(target).start()
                    except OSError as error:
                        problem = f"{target.mediator} has no address: {error}"
                        raise BoxError(f"switch.domains.radius_servers: {problem}") from error
        except BaseException:
            await self.stop()
            raise
        if self.smart is not None:
            self.smart.start()
        self._arm()
        return endpoints

    async def stop(self) -> None:
        """Stop listening and reporting. Safe to call again. A failure to close one part does not keep others open."""
        self._running, self._ended = False, True
        self._timer.set(None)
        async with AsyncExitStack() as closing:  # the last one first
            for reporter in self._reporters.values():
                closing.callback(reporter.close)
            closing.callback(self._sender.close)
            if self._cdr is not None:
                closing.callback(self._cdr.close)
            closing.callback(self._faults.close)
            if self._network is not None:
                closing.callback(self._network.close)
                self._network = None
            closing.callback(self._aggregates.close)
            if self.smart is not None:
                closing.push_async_callback(self.smart.stop)
            if self.licence_node is not None:
                closing.push_async_callback(self.licence_node.stop)
            closing.push_async_callback(self._multisorm.close)
            closing.push_async_callback(self._server.close)
            for task in self._starting:
                task.cancel()
            await asyncio.gather(*self._starting, return_exceptions=True)

    def trace_with(self, write: TraceText) -> None:
        """Write the traces of the shell in this way from now on."""
        self._shell_context.trace_with = write

    def set_default_radius(self, address: tuple[str, int], secret: str) -> None:
        """The sink of the lab's own mediator, for domains whose ``radius_servers`` are left out.

        To be called in the running loop, after :meth:`start`.
        """
        self._sinks.default = Target(*address, secret)
        self._begin_reporting(self._sinks.default)
        self._aggregates.changed(Change("sorm"))

    def _begin_reporting(self, target: Target) -> None:
        if target not in self._reporters:
            task = asyncio.get_running_loop().create_task(self._reporter(target).start())
            self._starting.add(task)
            task.add_done_callback(partial(self._started, target))

    def _changed(self, change: Change) -> None:
        """After a change of settings: disconnect mediators no longer served, and report to new sinks."""
        if not self._running:
            return
        if self.licence_node is not None:
            self.licence_node.wake()
        if self.smart is not None:
            self.smart.follow(self.engine.node.config.smart_licence)
        self._look_at_tokens()
        self._timer.set(asyncio.get_running_loop().time())  # calls may wait for what a licence has now
        log.info("changed: %s%s", change.what, f" of {change.domain}" if change.domain else "")
        self._aggregates.changed(change)
        if change.event is not None:
            self._live.notify(change.domain, change.event)
        self._open_or_close_multisorm()
        if change.what not in ("domain", "sorm"):
            return
        domain = self.engine.domains.get(change.domain)
        targets = self._sinks.of(domain) if domain is not None and domain.config.enabled else []
        for target in targets:
            self._begin_reporting(target)
        if not self._channels.of(change.domain) <= {target.mediator for target in targets}:
            # Those that are still served reconnect.
            self._server.drop(self._logins.get(change.domain, change.domain))

    def await_multisorm(self) -> str:
        """Listen for MultiSORM users even while there are none. Returns ``host:port``."""
        self._multisorm_awaited = True
        port = self._multisorm.port if self._multisorm.listening else self._open_multisorm()
        return host_port(self.config.host, port)

    def _open_or_close_multisorm(self) -> None:
        wanted = bool(self.engine.node.config.aggregates) or self._multisorm_awaited
        if wanted and not self._multisorm.listening:
            try:
                port = self._open_multisorm()
            except BoxError as error:
                log.error("%s", error)  # noqa: TRY400 - one line that says what to do
            else:
                log.info("MultiSORM: listening on %s", host_port(self.config.host, port))
        elif self._multisorm.listening and not wanted:
            self._multisorm.stop_listening()

    def _open_multisorm(self) -> int:
        """Listen for MultiSORM users on the port after ``ssh_port``; on any if that is 0. Raises :class:`BoxError`."""
        configured, host = self.engine.node.config.ssh_port, self.config.host
        if configured == MOST_PORT:
            raise BoxError(
                f"switch.ssh_port: {configured} leaves no port for MultiSORM, which is the next one"
            )
        port = self._multisorm_port or (configured + 1 if configured else 0)
        try:
            listener = listening_socket(host, port)
        except OSError as error:
            raise cannot_listen("switch.ssh_port + 1 (MultiSORM)", host, port, error) from error
        self._multisorm.listen_on(listener)
        return self._multisorm.port

    def move_ssh(self, port: int) -> None:
        """Listen on another port from now on; connections stay. Raises :class:`ChangeRefused`."""
        ways = [(self._server, port)]
        if self._multisorm.listening:
            if port == MOST_PORT:
                raise ChangeRefused(f"ssh_port: {port} leaves no port for MultiSORM, which is the next one")
            ways.append((self._multisorm, port + 1))
        try:
            move_servers(ways)
        except OSError as error:
            ports = " or ".join(str(one) for _, one in ways)
            why = error.strerror or error
            where = host_port(self.config.host, ports)
            raise ChangeRefused(f"ssh_port: {where}: {why}; choose another") from None

    @property
    def endpoints(self) -> dict[str, str]:
        """Where it listens now: ``ssh``, and ``multisorm`` where it is awaited -> ``host:port``."""
        host = self.config.host
        found = {"ssh": host_port(host, self._server.port)}
        if self._multisorm.listening:
            found["multisorm"] = host_port(host, self._multisorm.port)
        return found

    def place_call(self, domain: str, request: CallRequest) -> Call:
        """Make a call now. Raises :class:`CallRefused`."""
        self._look_at_tokens()
        try:
            call = self.engine.place_call(domain, request, self.now())
        except CallRefused as refusal:
            if refusal.kind == "licence":
                self.counters["calls refused by the licence"] += 1
                log.warning("%s: a call of %s refused: %s", domain, request.a, refusal)
            raise
        self.counters["calls"] += 1
        if call.not_admitted:
            self.counters["calls not admitted"] += 1
        self._tick()
        if self.licence_node is not None:
            self.licence_node.calls_in_use(self.engine.units.in_use)
        return call

    def hang_up(self, call: str) -> bool:
        """End a call now; false when there is none to end."""
        ended = self.engine.hang_up(call, self.now())
        self._tick()
        return ended

    def pick_up(self, call: str) -> Call:
        """The called party of a ringing call answers now. Raises :class:`CallRefused`."""
        found = self.engine.pick_up(call, self.now())
        self._tick()
        return found

    def use_service(self, call: str, service: ServiceRequest) -> Call:
        """A party of a call uses a service now. Raises :class:`CallRefused`."""
        try:
            return self.engine.use_service(call, service, self.now())
        finally:
            self._tick()

    def send_message(self, domain: str, request: MessageRequest) -> str:
        """Send an electronic message now; its id. Raises :class:`CallRefused`."""
        message, reports = self.engine.send_message(domain, request, self.now())
        self.counters["messages"] += 1
        log_event(log, "text-message", id=message, domain=domain, a=request.sender, b=request.receiver)
        for mediator, report in reports:
            self._send(mediator, report)
        return message

    def rename_trunk(self, domain: str, number: int, name: str) -> tuple[str, ...]:
        """Rename a trunk; its mediators get an event. Returns notes for the user.

        Raises :class:`CallRefused`: "unknown" for the domain and the trunk, "refused" for a name that is taken.
        """
        found = self.engine.domains.get(domain)
        if found is None:
            raise CallRefused("unknown", Phrase("there is no domain {domain!r}", domain=domain))
        if all(trunk.number != number for trunk in found.trunks.values()):
            raise CallRefused(
                "unknown", Phrase("{domain} has no trunk {number}", domain=domain, number=number)
            )
        try:
            return rename_trunk(self.engine.node, domain, number, name)
        except ChangeRefused as refusal:
            raise CallRefused("refused", str(refusal)) from None

    def status(self) -> dict[str, Any]:
        """Counters and present numbers, for people and monitoring."""
        return {
            "calls": self.engine.active,
            "states": self.engine.states(),
            "outcomes": dict(self.outcomes),
            "licence": self.licence(),
            **({} if self.smart is None else {"smart_licence": self.smart.status()}),
            "sessions": self._channels.status(),
            "multisorm": self._aggregates.status(),
            "faults": self._faults.status(),
            "counters": dict(self.counters),
            "ssh": dict(self._server.counters),
            "ssh_connections": {
                name: {
                    "logging_in": server.unauthenticated,
                    "logged_in": server.authenticated_connections,
                    "unsent_octets": server.unsent,
                }
                for name, server in (("ssh", self._server), ("multisorm", self._multisorm))
            },
            "multisorm_ssh": dict(self._multisorm.counters),
            "speech": dict(self._sender.speech.counters),
            "radius": [reporter.status() for reporter in self._reporters.values()],
        }

    def multisorm_troubles(self, user: str) -> list[str]:
        """The domains that connected mediators of a MultiSORM user do without now, a line each."""
        return self._aggregates.troubles(user)

    def licence(self) -> dict[str, Any]:
        """The licence that holds, and what is in use of it."""
        used = {
            "concurrent_calls": self.engine.units.in_use,
            "sorm_channels": len(self._channels),
            "subscribers": active_subscribers(self.engine.node),
        }
        node, now = self.engine.node, time.time()
        active = node.licences.active(now)
        further = {
            "addon.count": self.engine.conferences.in_use,
            "dialer.channels": self.engine.dialer.in_use,
            "elph.members": len(self.elph.registered(time.time())),
            "virtual_subscribers": active_subscribers(node, virtual=True),
        }
        used |= {key: count for key, count in further.items() if count or key in active.limits.own}
        used |= self.engine.packages.in_use(now)
        found = usage(active, used)
        if node.assignments is not None:
            in_use = self._licences_used()
            for key, count in node.pool.items():
                if key not in used and key != NETWORKING:
                    found["units"][key] = {"in_use": in_use.get(key, 0), "limit": count}
        if node.counted is not None:
            for key, count in node.counted.items():
                found["units"][key]["limit"] = count
        found["node"] = None if self.licence_node is None else self.licence_node.status()
        return found

    # --- the licence network

    def _licences_used(self) -> dict[str, int]:
        node = self.engine.node
        used = Counter(node.assignments.used if node.assignments is not None else {})
        for share in node.trunk_shares:
            used[share.kind] += share.licensed
        return {**used, "concurrent_calls": self.engine.units.in_use, "sorm_channels": len(self._channels)}

    def _licences_wanted(self) -> dict[str, int]:
        node = self.engine.node
        wanted = Counter(node.assignments.wanted if node.assignments is not None else {})
        for share in node.trunk_shares:
            wanted[share.kind] += share.asked
        calls = self.engine.units.in_use + node.config.licence_network.reserve
        counted = {"concurrent_calls": calls, "sorm_channels": len(self._channels) + 1}
        return {name: units for name, units in wanted.items() if units} | counted

    def _licences_of_network(self) -> dict[str, int]:
        """All that the master has for the network: what was bought, and its licence for what was not."""
        limits = self.engine.node.licences.active(time.time()).limits
        own = {"concurrent_calls": limits.concurrent_calls, "sorm_channels": limits.sorm_channels}
        return own | dict(self.engine.node.bought())

    def _licence_changed(self, shown: Phrase | None) -> None:
        """The licence state of the node, or what it may use, has changed."""
        assert self.licence_node is not None
        node, limits = self.engine.node, self.licence_node.limits
        state = self.licence_node.licence.state
        emergency = state is NodeState.EMERGENCY
        node.master_away = self.licence_node.config.master if state is NodeState.FAILOVER else ""
        node.grant({name: units for name, units in limits.items() if name not in COUNTED})
        # In emergency nothing is counted: emergency calls alone are made, and each of them is.
        node.counted = None if emergency else {name: limits.get(name, 0) for name in COUNTED}
        if shown is not None:
            for call in self.engine.calls.values():
                if call.state is not State.RELEASED:
                    call.log(self.now(), "licence", shown)

    def _licence_activated(self) -> None:
        if self.licence_node is not None:
            self.licence_node.activated()

    def _licence_shown(self) -> str:
        shown = self.licence_node.shown() if self.licence_node is not None else None
        return "" if shown is None else str(shown)

    def _why_no_channel(self, used: int) -> str:
        node = self.engine.node
        problem = node.licences.why_no_sorm(time.time())
        if problem or node.counted is None:
            return problem or node.licences.why_no_channel(used, time.time())
        most = node.counted["sorm_channels"]
        if used < most:
            return ""
        return (
            f"the licence network gives this node {most} connections of mediators with domains, "
            f"and {used + 1} would be needed"
        )

    def _warn_of_licence(self) -> None:
        """Warn of declarations in the lab file beyond the licence; they stay, as in a switch that restarts."""
        licences, now = self.engine.node.licences, time.time()
        active, problem = licences.active(now), licences.why_no_sorm(now)
        if problem:
            log.warning("switch.licence: %s: no mediator will be let in", problem)
        for key, virtual in (("subscribers", False), ("virtual_subscribers", True)):
            declared, limit = active_subscribers(self.engine.node, virtual=virtual), active.limits.most(key)
            if limit is not None and declared > limit:
                beyond = "switch.licence: licence %d allows %g %s, and %d are declared"
                log.warning(beyond, active.number, limit, key.replace("_", " "), declared)
        lacking = list(self.engine.packages.without(now))
        if lacking:
            domain, subscriber, services = lacking[0]
            beyond = (
                "switch.licence: licence %d has no package left for services of %d subscribers, which do not act: "
                "the first is %s of %s in %s"
            )
            names = ", ".join(services)
            log.warning(beyond, active.number, len(lacking), names, subscriber.number, domain.name)

    def _look_at_tokens(self) -> None:
        """Count the USB keys; log that they have become too few, as the DS node of the vendor does in its error.log."""
        tokens, now = self.engine.node.tokens, self.now()
        if tokens.look(now):
            log.error(
                "eToken: %d USB keys for %d DS nodes: in %g s the switch takes no call (switch.licence.tokens)",
                tokens.count(now), tokens.nodes(now), tokens.left(now) or 0,
            )  # fmt: skip

    # --- the SSH server's backend

    def login(self, user: str, password: str, peer: str) -> str | None:
        """Admit a domain, or the user of the shell, by its password. The reason of a refusal is for the log."""
        admin = self.engine.node.config.admin
        domain_admin = self._domain_admin(user)
        if domain_admin is not None:
            without = "the administrator has no password"
            return access.password_problem(password, domain_admin.password, without)
        if user != admin.user:
            return access.domain_login(self.engine.node, self._sinks, user, password)
        if not admin.password_login:
            return "the shell admits keys alone (switch.admin.password_login)"
        without = "the shell has no password: set switch.admin.password"
        problem = access.password_problem(password, admin.password, without)
        if problem or admin.password != DEFAULT_PASSWORD or is_loopback(host_of(peer)):
            return problem
        return "the shell has its default password, which is for this machine only: set switch.admin.password"

    def _keys(self, user: str) -> frozenset[bytes]:
        """The public keys that admit a user: that of the shell alone has any."""
        return self._admin_keys if user == self.engine.node.config.admin.user else frozenset()

    def _shell(self, user: str) -> ShellSession | None:
        """A new shell for a user of the shell; None for any other user."""
        if user == self.engine.node.config.admin.user:
            return ShellSession(self._shell_context, user)
        admin = self._domain_admin(user)
        return None if admin is None else ShellSession(self._shell_context, user, admin.domains)

    def _domain_admin(self, user: str) -> DomainAdminConfig | None:
        """The administrator of domains with this name."""
        return next((one for one in self.engine.node.config.admins if one.user == user), None)

    def open(self, user: str, hello: ClientHello, peer: str, notify: Notify) -> DelayedSession:
        """Open a mediator's session. Raises :class:`~ssh_control.dialect.Refused`."""
        domain = access.domain_of(self.engine.node, user)
        if domain is None:
            raise Refused(NOT_SERVED, f"there is no domain {user} any more")
        name = domain.name
        if not domain.config.enabled:
            raise Refused(NOT_SERVED, f"SORM is not enabled in {name} any more")
        mediator = self._sinks.find(domain, hello.radius, peer)
        if not mediator:
            known = ", ".join(target.mediator for target in self._sinks.of(domain))
            raise Refused(NOT_SERVED, f"{hello.radius or 'no sink'} {NO_RADIUS_SERVER} {name}: {known}")
        self._aggregates.admit(name, hello, peer, mediator, [name])
        self._speech(hello, peer, mediator)
        self._channels.add(mediator, name)
        self._logins[name] = user
        ended = self._live.opened(name, mediator, hello.mediator, peer, notify)
        return self._connect(domain, mediator, partial(self._closed, mediator, name, ended))

    def _connect(
        self, domain: Domain, mediator: str, on_closed: Callable[[], None] = lambda: None
    ) -> DelayedSession:
        joined, room = partial(self._join, domain, mediator), self._room(mediator)
        session = MediatorSession(domain, mediator, on_closed, joined, self._check_licence, room)
        return self._faults.delayed(session)

    def _room(self, mediator: str) -> SyncRoom:
        """The room of a mediator's unended syncs, those of all its sessions together."""
        if mediator not in self._rooms:
            most = self.config.unended_sync_objects
            self._rooms[mediator] = SyncRoom(most, partial(self._no_room, mediator))
        return self._rooms[mediator]

    def _no_room(self, mediator: str) -> None:
        self.counters["syncs refused for room"] += 1
        log.warning("%s: a sync is refused: its unended syncs hold too many objects", mediator)

    def _speech(self, hello: ClientHello, peer: str, mediator: str) -> None:
        """Store the address for a mediator's speech. Raises :class:`Refused`."""
        if not hello.rtp:
            return
        try:
            self._sender.speech.addresses[mediator] = rtp_address(hello.rtp, peer, self._sender.family)
        except ValueError as error:
            raise Refused(NOT_SERVED, str(error)) from None

    def _check_licence(self, domain: Domain, item: SwitchObject) -> None:
        """Raises :class:`Refused` when the licence does not allow this further object."""
        node = self.engine.node
        problem = node.licences.why_no_sorm(time.time()) or self._why_no_object(domain, item)
        if problem:
            self.counters["objects refused by the licence"] += 1
            log.warning("an object is not put under control: %s", problem)
            raise Refused(self.engine.node.config.not_licensed_code, problem)

    def _why_no_object(self, domain: Domain, item: SwitchObject) -> str:
        """Why licences of stations, or the state of the network, allow no such object; "" when they do."""
        if self.licence_node is not None and self.licence_node.licence.state is NodeState.EMERGENCY:
            return "the licence network is in emergency: no further object is put under control"
        subscriber = domain.subscriber_at(item.number or "") if item.object_type == OWN else None
        problem = None if subscriber is None else why_unlicensed(self.engine.node, domain, subscriber)
        return "" if problem is None else "the object's subscriber has no station licence"

    def _join(self, domain: Domain, mediator: str, item: SwitchObject) -> None:
        self.engine.catch_up(domain, mediator, item, self.now())
        self._tick()

    def _closed(self, mediator: str, domain: str, ended: Callable[[], None]) -> None:
        ended()
        self._channels.add(mediator, domain, -1)
        self._gone(mediator)

    def _gone(self, mediator: str) -> None:
        if not self._channels.domains_of(mediator):
            self._sender.speech.addresses.pop(mediator, None)

    def fault(self, domain: str, answer: Fault, delay: float) -> None:
        """Make a domain answer its mediators slowly (``delay`` seconds), never, or as before ("clear").

        Raises :class:`CallRefused` of kind "unknown".
        """
        if domain not in self.engine.domains:
            raise CallRefused("unknown", Phrase("there is no domain {domain!r}", domain=domain))
        self._faults.order(domain, answer, delay)
        how = {"slow": f"{delay:g} s late", "dead": "never", "clear": "at once"}[answer]
        log.info("domain %s answers its mediators %s", domain, how)

    # --- reports

    def _reporter(self, target: Target) -> Reporter:
        if target not in self._reporters:
            on_datagram = None if self._capture is None else self._capture.reported
            self._reporters[target] = Reporter(
                (target.host, target.port),
                target.secret,
                require_message_authenticator=self.config.require_message_authenticator,
                source=self.config.host,
                limit=self.config.reports_waiting,
                on_datagram=on_datagram,
            )
            if self._network is not None:
                self._network.report_across(self._reporters[target])
        return self._reporters[target]

    def _started(self, target: Target, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("reports to %s: %s", target.mediator, task.exception())

    def _send(self, mediator: str, report: CallReport | MessageReport) -> None:
        target = self._target(mediator, report)
        if target is None:
            return
        try:
            self._reporter(target).send(report)
        except ReportError as error:
            self.counters["reports impossible"] += 1
            # Neither the call nor the number: that would reveal who is on control (order 268, rule 6).
            log.error("a report to %s can't be made, because of its %s", mediator, error.field)  # noqa: TRY400
        else:
            self.counters["reports"] += 1

    def _target(self, mediator: str, report: CallReport | MessageReport) -> Target | None:
        """The sink of a report. A call that was reported once is reported to its end, even without its domain."""
        domain = self.engine.domains.get(report.domain)
        served = self._sinks.of(domain) if domain is not None else []
        told_before = isinstance(report, CallReport) and report.sequence > 1
        before = reversed(self._reporters) if told_before else ()
        return next((target for target in (*served, *before) if target.mediator == mediator), None)

    # --- the clock

    def _tick(self) -> None:
        for mediator, report in self.engine.tick(self.now()):
            self._send(mediator, report)
            call = self.engine.call_of(report)
            heard = call is not None and call.conversing and bool(report.matches)
            self._sender.report(mediator, report, speaking=heard)
        self._arm()

    def _arm(self) -> None:
        deadline = self.engine.next_deadline() if self._running else None
        if deadline is not None:
            deadline = asyncio.get_running_loop().time() + deadline - self.now()
        self._timer.set(deadline)

    def _noted(self, call: Call, event: CallEvent) -> None:
        """Of every call, whether it is on control or not (order 268, rule 6)."""
        if event.event == "release":
            self.outcomes[f"{call.release_cause or 0:02X}h"] += 1
            self._write_cdr(call)
        log_event(log, "call", id=call.id, domain=call.domain.name, what=event.event, detail=event.detail)

    # --- call detail records

    def _prepare_cdr(self) -> None:
        """Make the folders of the records, and warn of modes without a licence. Raises :class:`BoxError`."""
        wanted = {
            domain.name: domain.config.cdr for domain in self.engine.domains.values() if domain.config.cdr
        }
        active, licensed = self.engine.node.licences.active(time.time()), self._licensed_cdr()
        for name, modes in wanted.items():
            for mode in sorted({*modes} - licensed):
                log.warning(
                    "switch.licence: licence %d has no CDR generation mode %s, which domain %s has: none is written",
                    active.number, mode, name,
                )  # fmt: skip
        if self._cdr is None:
            return
        try:
            self._cdr.prepare(wanted)
        except OSError as error:
            problem = (
                f"switch.cdr_directory: {self._cdr.directory}: can't be written: {error.strerror or error}"
            )
            raise BoxError(problem) from error

    def _licensed_cdr(self) -> frozenset[str]:
        return licensed_modes(self.engine.node.licences.active(time.time()).limits.kept("cdr"))

    def call_records(self, call: Call) -> list[tuple[Leg, str]]:
        """The records of a call, as the present licence allows them; none until it has ended."""
        if call.state is not State.RELEASED:
            return []
        licensed = self._licensed_cdr()
        return [(leg, mode) for leg, mode in records_of(call) if mode in licensed]

    def _write_cdr(self, call: Call) -> None:
        """Write the records of a call that has ended."""
        if self._cdr is None or not records_of(call):
            return
        licensed = self._licensed_cdr()
        for leg, mode in records_of(call):
            if mode not in licensed:
                self.counters["call records without a licence"] += 1
                continue
            try:
                self._cdr.write(call, leg, mode)
            except OSError as error:
                self.counters["call records lost"] += 1
                if not self._cdr.failing:  # once: a full disk would fill the log too
                    log.error("a call record of %s is lost: %s", leg.domain.name, error)  # noqa: TRY400
                self._cdr.failing = True
            else:
                self.counters["call records"] += 1
                self._cdr.failing = False
