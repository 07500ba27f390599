"""The mediator as a running box: the core, bound to its consoles, the switch, RADIUS, the disk and the clock.

Everything that arrives is one input of the core. Its effects are executed in order before the next input. A
change of the tables and an entry of the journal are on disk before the effect after them, so an answer never
promises what a crash could take back. When the disk refuses, the command that needs it is refused (28h/01h) and
everything else goes on (:meth:`Gateway._durably`); entries of the journal wait for room, up to :data:`MOST_UNWRITTEN`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from protocol import (
    AddObject,
    Broken,
    Channel,
    Codec,
    DecodeError,
    Message,
    Problem,
    Time,
    UnknownUnit,
)
from radius.refusals import LASTS, Refusal
from radius.report import CallReport, MessageReport
from radius.sink import Sink
from sorm_mediator.addresses import host_port, port_number, split_optional_port
from sorm_mediator.capture.boxes import BoxCapture
from sorm_mediator.config import Config
from sorm_mediator.errors import BoxError, cannot_listen
from sorm_mediator.faults.registry import Faults
from sorm_mediator.journal.book import Journal, JournalError
from sorm_mediator.journal.masking import UnitLine, command_name, masked_unit, unit_document
from sorm_mediator.journal.quota import StrangersQuota
from sorm_mediator.mediator.binding.consoles import Consoles
from sorm_mediator.mediator.binding.faults import LinkFaults
from sorm_mediator.mediator.binding.feed import EventFeed
from sorm_mediator.mediator.binding.latency import Latencies
from sorm_mediator.mediator.binding.limits import LimitWatch
from sorm_mediator.mediator.binding.queues import queues
from sorm_mediator.mediator.binding.status import JournalState, LimitDocument, StatusDocument
from sorm_mediator.mediator.binding.store import StoreError, TableStore
from sorm_mediator.mediator.binding.troubles import (
    disk_refuses,
    lost_to_blocked,
    put_off_reports,
    refused_by_switch,
    refused_client,
)
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.core import TCP_STREAMS, Core
from sorm_mediator.mediator.core.effects import NO_CAUSE, Cause, Effect
from ssh_control.client import LinkDown, SwitchLink
from ssh_control.dialect import Reply
from ssh_control.logged import log_event
from ssh_control.messages import DialectError
from ssh_control.transport import KeyProblem, login_key

if TYPE_CHECKING:
    from e1.g704.alarms import StreamState
    from protocol import Ksl
    from sorm_mediator.mediator.binding.e1_transport import Change, E1Transport
    from sorm_mediator.mediator.binding.listening import Listener
    from sorm_mediator.mediator.binding.streams import Streams


log = logging.getLogger(__name__)

_KPD1 = Channel.KPD1
_STREAM = 0
"""TCP has one pair of channels, and it is stream 0."""
_LEVELS = {name: getattr(logging, name.upper()) for name in ("debug", "info", "warning", "error")}
_REPORTS_A_TURN = 16
"""A burst of reports is taken in turns with what consoles ask: 27h has 200 ms at most."""
MOST_UNWRITTEN = 1000
"""Entries of the journal that wait for a disk that refuses; those beyond are counted and left out."""
_REPORTS_PAUSE = 0.002
"""Seconds. Reports that come more often than that are read together, which takes half the time of reading each by
itself; an event has 200 ms (order 268, rule 5)."""
_PORT_FORBIDDEN = 0x01
"""Code of 26h: access from a forbidden port (order 268, 9.6.4.1)."""


class Gateway:
    """One mediator. ``switch_host_key`` pins the switch's key in place of ``ssh.host_key`` of the file.

    ``capture`` records what crosses. ``faults``: those of its links; without them it has its own.
    """

    def __init__(
        self,
        config: Config,
        *,
        switch_host_key: str | None = None,
        capture: BoxCapture | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.config = config
        self.events = EventFeed()
        self.counters: Counter[str] = Counter()
        """What the binding counts; the core has its own."""
        self.failure: asyncio.Future[BoxError] | None = None
        """Done when the gateway had to stop serving by itself; its result has the reason."""
        self.journal: Journal | None = None
        self._unwritten: deque[tuple[float, str, dict[str, Any]]] = deque()
        """Entries that the disk has refused so far: time, kind, fields."""
        self._left_out_by_disk = 0
        self._disk_refusal = ""
        """What the disk says to the latest write; "": it took it."""
        self._in_core = False
        """An input of the core is not over yet."""
        self._strangers = StrangersQuota(config.mediator.options.journal_strangers_per_minute)
        self._host_key = switch_host_key or config.ssh.host_key
        self._instance = secrets.token_hex(8)
        """Part of the name that the switch is given, so that another gateway is not taken for this one."""
        mediator = config.mediator
        self._options = config.mediator.codec_options
        self._codec = Codec(self._options)
        self.limits = LimitWatch(mediator.options.limits_ms, mediator.options.events_ms)
        state = None if mediator.state == ":memory:" else config.directory / mediator.state
        self._store = TableStore(state, password=mediator.password.get_secret_value())
        self.consoles = self._make_consoles()
        self.e1 = self._make_e1()
        """The streams and their speech; None for a console over TCP that has no stream."""
        self._pairs: Consoles | Streams = self.consoles
        """What has the console channels: order 268, 1.4.2 has them in E1 streams, or over TCP."""
        self._speech: Streams | None = None
        """The E1 streams beside a console over TCP, which have the KSL alone."""
        if self.e1 is not None and config.console.link == "x25":
            self._pairs = self.e1.streams
        elif self.e1 is not None:
            self._speech = self.e1.streams
        self._record(capture)
        self.sink = self._make_sink()
        self.link: SwitchLink | None = None
        self.faults = LinkFaults(self, Faults() if faults is None else faults)
        """The faults of its links that a test has ordered."""
        self._core: Core | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        self._running = False
        self._endpoints: dict[str, str] = {}
        self._sent = 0  # messages to the console
        self._call_numbers: dict[int, str] = {}
        """Number of a call on KPD2, of which there are 2^16 -> the switch's id of the call that had it last."""
        self._units = 0  # from the console
        self._sequence: int | None = None
        """That of the call report that is being handled."""
        self.sent: Counter[type[Message]] = Counter()
        """Messages to the console, by class."""
        self.latencies: dict[str, Latencies] = {}
        """How long the switch took to answer, by operation."""
        self._logs = log.isEnabledFor(logging.INFO)
        """Whether what happens is logged: asked once, for the sake of events."""
        self.disk: dict[str, Latencies] = {}
        """How long writing took while everything else waited: ``tables``, ``journal``."""
        self._put_off_told: float | None = None
        """When it was told last that reports are put off."""
        self._put_off_at = float("-inf")
        """When a report was put off last."""
        self._refused_told = ""
        """The refusal of the switch that watchers know."""
        self._lost_told: float | None = None
        """When it was logged last that messages to a console that waits are lost; None: none is."""
        self._taken = False  # a command was, since the timer was armed
        self._reporting = False
        """Call reports are taken in: what is sent for them goes out before they are answered, in few writes."""
        self._arrived = 0.0
        """When the last octet of the unit that is being handled arrived."""

    def _record(self, capture: BoxCapture | None) -> None:
        """What crosses is recorded there."""
        self._capture = self.consoles.capture = capture
        if self.e1 is not None:
            self.e1.streams.capture = capture

    def _make_consoles(self) -> Consoles:
        options = self.config.mediator.options
        return Consoles(
            self.config.console,
            self._options,
            self,
            unit_timeout=options.unit_timeout,
            coalesce=options.coalesce == "on",
        )

    def _make_e1(self) -> E1Transport | None:
        if self.config.console.link != "x25" and not self.config.e1:
            return None
        from sorm_mediator.mediator.binding.e1_transport import E1Transport

        return E1Transport(self.config, self._options, self)

    def _make_sink(self) -> Sink:
        radius = self.config.radius
        try:
            return Sink(
                radius.host,
                radius.port,
                radius.secrets,
                self.report,
                require_message_authenticator=radius.require_message_authenticator,
                batch=_REPORTS_A_TURN,
                on_message=self.message_report,
                on_datagram=None if self._capture is None else self._capture.report,
                on_refused=self._client_refused,
                before_replies=self._send_gathered,
                pause=_REPORTS_PAUSE,
            )
        except ValueError as error:
            raise BoxError(f"radius.secret, radius.clients: {error}") from error

    # --- starting and stopping

    async def start(self) -> dict[str, str]:
        """Open the disk, listen, and begin to reach for the switch.

        Returns ``host:port`` of ``kpd1``, ``kpd2`` and ``radius``. Raises :class:`BoxError`.
        """
        if not self._host_key:
            raise BoxError(
                "ssh.host_key: empty: pin the public key that the switch shows (ssh-keyscan prints it)"
            )
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._epoch = time.time() - self._started
        self.failure = self._loop.create_future()
        try:
            return await self._start()
        except BaseException:
            await self._close()
            raise

    async def _start(self) -> dict[str, str]:
        mediator = self.config.mediator
        try:
            if mediator.journal:
                self.journal = Journal(self.config.directory / mediator.journal, now=self.now())
            tables = self._store.load(now=self.now())
        except JournalError as error:
            raise BoxError(f"mediator.journal: {error}") from error
        except StoreError as error:
            raise BoxError(f"mediator.state: {error}") from error
        self._core = Core(
            mediator,
            tables,
            local_time=local_time,
            durably=self._durably,
            equipped_streams=TCP_STREAMS if self.e1 is None else self.e1.numbers,
            conferences=None if self.e1 is None else self.e1.conferences,
            separate_conferences=self.config.rtp.separate_conferences,
            paired=self.config.console.link == "x25" or mediator.options.pair_over_tcp == "on",
        )
        self._running = True
        if self._store.damage:
            self._write("tables-damaged", {"text": self._store.damage})
        self._execute(self.core.started(self.now()))
        if self.e1 is not None:
            await self.e1.start()
            self._lines_changed(self.e1.at_start())
        radius = self.config.radius
        try:
            host, port = await self.sink.start()
        except OSError as error:
            raise cannot_listen("radius.port", radius.host, radius.port, error) from error
        # The streams first: a console that connects at once gets no alarm about KSL that are about to work.
        streams = {} if self._speech is None else await self._speech.start()
        self._endpoints = await self._pairs.start() | streams | {"radius": host_port(host, port)}
        if self.e1 is not None:
            self._endpoints["rtp"] = self.e1.rtp
        self._write("gateway-started", {"orm_number": mediator.orm_number, **self._endpoints})
        self.link = self._make_link(self.config, self._host_key)
        await self.link.start()
        self._arm()
        return dict(self._endpoints)

    def _make_link(self, config: Config, host_key: str) -> SwitchLink:
        ssh = config.ssh
        try:
            key = login_key(config.directory / ssh.key_file) if ssh.key_file else None
        except KeyProblem as problem:
            raise BoxError(f"ssh.key_file: {problem}") from None
        try:
            link = SwitchLink(
                [_address(where, ssh.port) for where in (ssh.server, ssh.backup) if where],
                ssh.user,
                ssh.password.get_secret_value(),
                host_key,
                login_key=key,
                mediator=f"orm-{config.mediator.orm_number}.{self._instance}",
                radius=self._endpoints["radius"],
                rtp=self._endpoints.get("rtp", ""),
                on_up=self._switch_up,
                on_down=self._switch_down,
                on_refused=self._switch_refused,
                on_event=self._switch_event,
                on_octets=None if self._capture is None else self._capture.dialect,
                keepalive=ssh.keepalive,
                retry_min=ssh.retry_min,
                retry_max=ssh.retry_max,
                most_requests=ssh.most_requests,
            )
        except KeyProblem as problem:
            raise BoxError(f"ssh.host_key: {problem}") from None
        link.network = self.faults
        return link

    # --- settings while it runs

    async def configure(self, config: Config, *, switch_host_key: str | None = None) -> None:
        """Take settings that differ only in keys that need no restart (:mod:`sorm_mediator.config.live`).

        With other settings of ``[ssh]`` than its times the link to the switch is made anew. Raises
        :class:`BoxError`, and then nothing has changed.
        """
        before, options = self.config, config.mediator.options
        host_key = switch_host_key or config.ssh.host_key
        link = None
        ssh = config.ssh
        times = {"keepalive": ssh.keepalive, "retry_min": ssh.retry_min, "retry_max": ssh.retry_max}
        light = times | {"most_requests": ssh.most_requests}
        if (ssh, host_key) != (before.ssh.model_copy(update=light), self._host_key):
            link = self._make_link(config, host_key)
        try:
            self.sink.configure(config.radius.secrets, config.radius.require_message_authenticator)
        except ValueError as error:
            raise BoxError(f"radius.secret, radius.clients: {error}") from error
        self.config, self._host_key = config, host_key
        if config.console.allow != before.console.allow:
            self.consoles.allow_only(config.console.allow)
        self.consoles.most_unsent = config.console.most_unsent
        if self.e1 is not None:
            self.e1.allow = config.console.allow
            self.e1.voice.matrix.jitter = config.rtp.jitter.build()
        self.consoles.coalesce = options.coalesce == "on"
        self.limits.configure(options.limits_ms, options.events_ms)
        if options.journal_strangers_per_minute != before.mediator.options.journal_strangers_per_minute:
            self._strangers.configure(options.journal_strangers_per_minute)
        self.core.configure(config.mediator)
        self._arm()
        if link is not None:
            await self._replace_link(link)
        elif self.link is not None:
            self.link.configure(**times)
            self.link.most_requests = ssh.most_requests

    async def _replace_link(self, link: SwitchLink) -> None:
        """The link to the switch anew. What was asked over the old one is waited for as long as a command would."""
        if self.link is not None:
            await self.link.settle(self.config.mediator.options.switch_timeout)
        old, self.link = self.link, None
        if old is not None:
            await old.close()
        self._switch_down("the settings of [ssh] were changed")
        if self._running:
            self.link = link
            await link.start()

    def listen(self, ksl: Ksl, who: str) -> Listener:
        """Let ``who`` listen to a KSL until its call is over. Raises :class:`~.listening.CannotListen`."""
        from sorm_mediator.mediator.binding.listening import CannotListen

        if self.e1 is None:
            raise CannotListen("there is no speech in this lab: it has no E1 stream ([[e1]])")
        listener = self.e1.voice.listen(ksl)
        self.note("ksl-listened", who=who, stream=ksl.stream, ksl=ksl.ksl)
        return listener

    def note(self, kind: str, /, **fields: object) -> None:
        """Write an entry of the journal about what an operator did past the console; the fields are without secrets."""
        self._write(kind, fields)

    async def stop(self) -> None:
        """Stop serving: consoles get what was answered already, the journal has an entry of it, files are closed."""
        try:
            if self._running:
                self.sink.close()
                await self._stop_channels()
                if self._running:  # still: the disk may have failed at the last entry
                    self._write("gateway-stopped", {})
        finally:
            await self._close()

    async def _close(self) -> None:
        """Close everything, the files last; what fails to close keeps nothing else open."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
        if self._unwritten:
            log.error("%d entries of the journal are lost: %s", len(self._unwritten), self._disk_refusal)
        journal, self.journal = self.journal, None
        link, self.link = self.link, None
        async with AsyncExitStack() as closing:  # the last one first
            if journal is not None:
                closing.callback(journal.close)
            closing.callback(self._store.close)
            closing.callback(self.faults.close)
            closing.callback(self.events.close)
            if link is not None:
                closing.push_async_callback(link.close)
            if self.e1 is not None:
                closing.callback(self.e1.voice.close)
            closing.push_async_callback(self._stop_channels)
            closing.callback(self.sink.close)

    @property
    def pairs(self) -> Consoles | Streams:
        """What has the console channels: the ports of TCP, or the E1 streams."""
        return self._pairs

    async def _stop_channels(self) -> None:
        await self._pairs.stop()
        if self._speech is not None:
            await self._speech.stop()

    @property
    def endpoints(self) -> dict[str, str]:
        """Where it listens: ``kpd1``, ``kpd2``, ``radius``, and so on -> ``host:port``."""
        return dict(self._endpoints)

    @property
    def core(self) -> Core:
        """The mediator core. Raises ``RuntimeError`` before :meth:`start`."""
        if self._core is None:
            raise RuntimeError("the gateway is not started")
        return self._core

    def now(self) -> float:
        """Unix time in seconds that never steps back: the wall clock at start, and monotonic from there."""
        return self._epoch + self._loop.time()

    # --- the consoles' channels (Handler)

    def channel_opened(self, channel: Channel, peer: str, stream: int = _STREAM) -> None:
        log.info("%s: %s connected", channel, peer)
        self._event("link", {"link": str(channel), "state": "up", "peer": peer})
        self._run(lambda now: self.core.channel_up(stream, channel, peer, now))

    def channel_closed(self, channel: Channel, peer: str, stream: int = _STREAM) -> None:
        log.info("%s: %s disconnected", channel, peer)
        self._event("link", {"link": str(channel), "state": "down", "peer": peer})
        self._run(lambda now: self.core.channel_down(stream, channel, now))

    def connection_refused(self, channel: str, peer: str, reason: str, stream: int = _STREAM) -> None:
        log.warning("%s: connection of %s refused: %s", channel, peer, reason)
        refused = {"channel": str(channel), "peer": peer, "text": reason}
        self._write("connection-refused", refused, stranger=True)
        self._run(lambda now: self.core.refused_connection(peer, _PORT_FORBIDDEN, now))

    def unit_received(self, raw: bytes, arrived: float, stream: int = _STREAM) -> None:
        self._arrived = arrived
        message: Message | UnknownUnit
        problems: tuple[Problem, ...] = ()
        try:
            message = self._codec.decode(raw)
        except DecodeError:
            message, problems = self._codec.decode_lenient(raw)
            self.counters["units_with_problems"] += 1
        cause = self._cause_of(message, Cause(self._next_id()))
        self.events.publish("unit", self.now(), _received_document, cause, message, raw, problems)
        self._log_received(stream, cause, UnitLine(Channel.COMMAND, message, raw, problems))
        self._run(lambda now: self.core.received(stream, message, problems, raw, now, cause))

    def unit_broken(self, broken: Broken, arrived: float, stream: int = _STREAM) -> None:
        self._arrived = arrived
        cause, reason = Cause(self._next_id()), str(broken.explain(self._codec.options))
        self._log_received(stream, cause, f"broken unit: {reason}")
        self._run(lambda now: self.core.broken(stream, broken.code, reason, broken.raw, now, cause))

    def _next_id(self) -> str:
        self._units += 1
        return f"cmd-{self._instance[:6]}-{self._units}"

    def _log_received(self, stream: int, cause: Cause, unit: object) -> None:
        if not self._logs:
            return
        pair = self.core.channels[stream]
        log_event(log, "command", id=cause.id, peer=pair.peer, unit=unit, stranger=not pair.proven)

    def owes(self, channel: Channel, stream: int = _STREAM) -> bool:
        return self._running and channel is Channel.KPD1 and self.core.owes(stream)

    def drained(self, channel: Channel, stream: int = _STREAM) -> None:
        if channel is Channel.KPD1:
            self._run(lambda now: self.core.writable(stream, now))

    def stream_changed(self, stream: int, old: StreamState, new: StreamState) -> None:
        """A stream toward the console has got another state: it is reported to the console and the journal."""
        assert self.e1 is not None
        self._event("link", {"link": f"e1.{stream}", "state": str(new)})
        self._write("stream-state", {"stream": stream, "old": str(old), "new": str(new)})
        change = self.e1.change(stream, old, new)
        if change is not None:
            self._lines_changed(change)

    def _lines_changed(self, change: Change) -> None:
        self._run(
            lambda now: self.core.ksl_changed(
                change.ksls, in_service=change.in_service, alarm_code=change.alarm_code, now=now
            )
        )

    # --- what an operator makes happen, or does: each returns how many messages the console was sent for it

    def operator_alarm(self, alarm_type: int, alarm_code: int) -> int:
        """An alarm of the node: 21h (order 268, 9.1)."""
        return self._on_demand(lambda now: self.core.operator_alarm(alarm_type, alarm_code, now))

    def operator_access(self, code: int, text: str) -> int:
        """An attempt at unauthorised access: 26h (order 268, 9.6)."""
        return self._on_demand(lambda now: self.core.operator_access(code, text, now))

    def operator_restart(self) -> int:
        """The node's software starts again: the initial state, and 22h (order 268, 9.2)."""
        return self._on_demand(self.core.operator_restart)

    def operator_line_state(self, object_number: int, state: int) -> int:
        """The line of an object that is a subscriber of the node gets another state (order 268, 9.3.6.4)."""
        return self._on_demand(lambda now: self.core.operator_line_state(object_number, state, now))

    def tables_read(self, text: str) -> int:
        """The tables were read past the console; ``text``: by whom. 26h/03h (order 268, 9.6.4.1)."""
        return self._on_demand(lambda now: self.core.tables_read(text, now))

    def _on_demand(self, make: Callable[[float], Iterable[Effect]]) -> int:
        before = self._sent
        self._run(make)
        return self._sent - before

    # --- the switch

    def _switch_up(self, hello: object) -> None:
        log.info("switch: connected")
        self._refused_told = ""
        self._event("link", {"link": "switch", "state": "up"})
        self._run(self.core.switch_up)

    def _switch_down(self, reason: str) -> None:
        self._event("link", {"link": "switch", "state": "down", "text": reason})
        self._run(lambda now: self.core.switch_down(reason, now))

    def _switch_refused(self) -> None:
        # The link logs each attempt itself.
        text = refused_by_switch(self.config.ssh, self.link)
        if text != self._refused_told:
            self._refused_told = text
            self._event("warning", {"text": text})

    def _switch_event(self, event: dict[str, Any]) -> None:
        self._run(lambda now: self.core.switch_event(event, now))

    def _ask(self, ask: effects.AskSwitch) -> None:
        asked_at = self._loop.time()
        if self._logs:
            log_event(log, "request", id=ask.cause.id, op=ask.op)
        self.events.publish(
            "request",
            self.now(),
            lambda: {"request": ask.token, "op": ask.op, "params": _brief(ask.params)},
            ask.cause,
        )

        def answered(result: Reply | LinkDown) -> None:
            reply = result if isinstance(result, Reply) else None
            took = self._loop.time() - asked_at
            if reply is None:
                log.warning("switch: no reply to %s: %s", ask.op, result)
                self.counters["switch_requests_lost"] += 1
                told: dict[str, Any] = {"ok": False, "text": str(result)}
            else:
                self.latencies.setdefault(ask.op, Latencies()).add(took)
                if self._logs:
                    verdict = "ok" if reply.ok else f"{reply.code or 0:02X}h"
                    ms = round(took * 1000, 1)
                    log_event(
                        log, "reply", id=ask.cause.id, op=ask.op, result=verdict, text=reply.text, ms=ms
                    )
                told = {"ok": True} if reply.ok else {"ok": False, "code": reply.code, "text": reply.text}
            self._event("reply", {"request": ask.token, "op": ask.op, **told}, ask.cause)
            self._run(lambda now: self.core.switch_reply(ask.token, reply, now))

        down = LinkDown("the gateway is starting or stopping")
        if self.link is not None:
            try:
                self.link.submit(ask.op, dict(ask.params), answered, ask.cause.id)
            except (LinkDown, DialectError) as error:
                down = LinkDown(str(error))
            else:
                return
        # Not from within the effects of the input that asks: its other effects come first.
        self._loop.call_soon(answered, down)

    # --- call reports

    def _client_refused(self, refusal: Refusal) -> None:
        text = refused_client(self.config.radius, refusal)
        log.warning("%s", text)
        if refusal.count == 1:
            self._event("warning", {"text": text})

    def report(self, report: CallReport) -> bool:
        """Take in a call report. Returns whether it was taken; one that was not is to come again."""
        if self._put_off():
            return False
        if self._running:
            call, matches = report.call_id, report.matches
            if len(matches) == 1:
                objects: tuple[int, ...] = (matches[0].object_number,)
            else:
                objects = tuple(match.object_number for match in matches)
            cause = Cause(call, call, objects)
            self.events.publish("call", self.now(), _call_document, cause, call, report.kind, report.sequence)
            if not self._reporting:
                self._reporting = True
                self._pairs.gather()
                self._loop.call_soon(self._send_gathered)  # where no answer follows
            self._sequence, before = report.sequence, self._sent
            # The call is given up at that moment, if nothing is reported of it till then.
            due = self.now() + (self.config.mediator.options.call_expiry or math.inf)
            self._run(lambda now: self.core.report(report, now, cause), due=due)
            self._sequence = None
            if self._logs and self._sent == before:
                log_event(log, "report", id=call, report=report.sequence, kind=report.kind, events=0)
        return self._running  # still: the gateway may have failed at it

    def _send_gathered(self) -> None:
        """What was sent for reports goes out now: before they are answered, so that none is lost with this process."""
        if self._reporting:
            self._reporting = False
            self._pairs.flush()

    def message_report(self, report: MessageReport) -> bool:
        """As :meth:`report`, of an electronic message."""
        if self._put_off():
            return False
        if self._running:
            self._event("message", {"message": report.message_id})
            log_event(log, "text-report", id=report.message_id, domain=report.domain)
            self._run(lambda now: self.core.message_report(report, now))
        return self._running

    def _put_off(self) -> bool:
        """Whether a report is to come again, since the console is slow and has little room left (``slow_console``)."""
        options = self.config.mediator.options
        if not self._running or options.slow_console == "drop":
            return False
        stream = self.core.channels.own[Channel.KPD2]
        patience = options.output_timeout or float("inf")
        if stream is None or not self._pairs.crowded(Channel.KPD2, patience, stream):
            return False
        self.counters["reports_put_off"] += 1
        self._put_off_at = now = self._loop.time()
        if self._put_off_told is None or now - self._put_off_told >= LASTS:
            self._put_off_told = now
            text = put_off_reports(self.counters["reports_put_off"])
            log.warning("%s", text)
            self._event("warning", {"text": text})
        return True

    # --- the core's inputs and effects

    def _run(self, make: Callable[[float], Iterable[Effect]], *, due: float | None = None) -> None:
        """Give the core one input and execute its effects. ``due``: nothing but a command that it takes can make the
        core's deadline earlier than this moment.

        An error of our own in it stops the gateway as a disk that refuses does: effects that were gathered, or of
        which some were executed, must not go out with the next input.
        """
        if not self._running:
            return
        if self._in_core:  # an effect in the middle of an input has caused another one: one after the other
            self._loop.call_soon(self._run, make)
            return
        try:
            self._execute(self._input(make))
            if self.core.channels.lost_to_blocked or self._lost_told is not None:
                self._tell_lost()
            if due is None or self._taken or self._deadline is None or due < self._deadline:
                self._arm()
        except Exception as error:  # noqa: BLE001 - nothing of it is swallowed: the gateway stops
            # Where it is, and not its text, which may hold the number of an object (order 268, rule 6).
            where = "".join(traceback.format_tb(error.__traceback__))
            log.critical("an error of our own: %s\n%s", type(error).__name__, where)
            self._fail(f"an error of our own ({type(error).__name__}): please report it with the log")

    def _input(self, make: Callable[[float], Iterable[Effect]]) -> Iterable[Effect]:
        self._in_core = True
        try:
            return make(self.now())
        finally:
            self._in_core = False

    def _durably(self, wanted: list[Effect]) -> bool:
        """Execute effects in the middle of an input, the last of which are changes of the tables; whether the disk has
        them all. A change is made only when the journal has what led to it."""
        changes = [effect.change for effect in wanted if isinstance(effect, effects.Store)]
        self._execute(effect for effect in wanted if not isinstance(effect, effects.Store))
        try:
            self._catch_up()
            began = self._loop.time()
            self._store.apply(*changes)
            self._written("tables", began)
        except (StoreError, JournalError) as error:
            self.counters["write_failures"] += 1
            self._disk_refusal = str(error)
            log.error("%s", error)  # noqa: TRY400 - the disk's reason, and no fault of ours
            return False
        self._disk_refusal = ""
        return True

    def _tell_lost(self) -> None:
        """Messages are lost to a console that waits: tell it at once, and then once a minute while it lasts."""
        text, now = lost_to_blocked(self.core.channels), self._loop.time()
        if not text:
            self._lost_told = None
            return
        if self._lost_told is None:
            self._event("warning", {"text": text})
        elif now - self._lost_told < LASTS:
            return
        self._lost_told = now
        log.warning("%s", text)

    def _execute(self, wanted: Iterable[Effect]) -> None:
        sent_kpd1: set[int] = set()
        for effect in wanted:
            match effect:
                case effects.Send(stream, channel, message, at, cause):
                    self._send(stream, channel, message, at, cause)
                    if at is None and channel is _KPD1:
                        sent_kpd1.add(stream)
                case effects.Taken(code, waited):
                    self._taken = True
                    self.limits.command(code, self._loop.time() if waited else self._arrived)
                case effects.AskSwitch():
                    self._ask(effect)
                case effects.Journal():
                    self._journal(effect)
                case effects.Log(level, text):
                    log.log(_LEVELS[level], "%s", text)
                case effects.DropChannel(stream):
                    self._pairs.delete_unsent(stream)
                case effects.Connect(line, media=media):
                    self.counters["voice_connected"] += 1
                    if self.e1 is not None:
                        self.e1.voice.connect(line, media)
                case effects.Free(line):
                    self.counters["voice_freed"] += 1
                    if self.e1 is not None:
                        self.e1.voice.free(line)
        for stream in sent_kpd1:
            # Others get their turn before the next piece of a table.
            self._loop.call_soon(self._pairs.report_drained, Channel.KPD1, stream)

    def _written(self, what: str, began: float) -> None:
        self.disk.setdefault(what, Latencies()).add(self._loop.time() - began)

    def _send(self, stream: int, channel: Channel, message: Message, at: float | None, cause: Cause) -> None:
        raw = self._codec.encode(message)
        self._pairs.send(channel, raw, stream)
        self._sent += 1
        self.sent[type(message)] += 1
        now, limits = self.now(), self.limits
        late = limits.sent(message, self._loop.time()) if at is None else limits.event(message, at, now)
        if late:
            log.warning("%s", late)
        self.events.publish(
            "unit", now, _sent_document, self._cause_of(message, cause), channel, raw, self._codec
        )
        if self._logs:
            unit = UnitLine(channel, message, raw)
            if channel is Channel.KPD2:
                log_event(log, "event", id=cause.id, report=self._sequence, unit=unit)
            else:
                stranger = not self.core.channels[stream].proven
                log_event(log, "message", id=cause.id, unit=unit, stranger=stranger)

    def _journal(self, entry: effects.Journal) -> None:
        if self.journal is None:
            return
        now, kind, fields, unit = self.now(), entry.kind, entry.fields, entry.unit
        if entry.stranger and not self._strangers.admits(now):
            self.counters["journal_left_out"] += 1
            return
        if left_out := self._strangers.take_left_out():
            self._append(now, "left-out", {"entries": left_out})
        if kind == "command":
            masked = fields["fields"].get("masked", "")
            fields = {**fields, "unit": masked_unit(unit, masked), "name": command_name(unit)}
        self._append(now, kind, dict(fields))

    def _append(self, now: float, kind: str, fields: dict[str, Any]) -> None:
        """Write an entry, behind those that wait; it waits with them while the disk refuses."""
        if len(self._unwritten) < MOST_UNWRITTEN:
            self._unwritten.append((now, kind, fields))
        else:
            self._left_out_by_disk += 1
            self.counters["journal_left_out"] += 1
        try:
            self._catch_up()
        except JournalError as error:
            self.counters["write_failures"] += 1
            if not self._disk_refusal:
                log.error("%s", error)  # noqa: TRY400 - the disk's reason, and no fault of ours
                self._loop.call_soon(self._run, self.core.disk_refused)
            self._disk_refusal = str(error)

    def _catch_up(self) -> None:
        """Write the entries of the journal that wait. Raises :class:`JournalError`; then the rest waits on."""
        if self.journal is None:
            return
        while self._unwritten:
            began = self._loop.time()
            self.journal.append(*self._unwritten[0])
            self._written("journal", began)
            self._unwritten.popleft()
        if self._left_out_by_disk:
            self.journal.append(self.now(), "left-out", {"entries": self._left_out_by_disk})
            self._left_out_by_disk = 0

    def _write(self, kind: str, fields: dict[str, Any], *, stranger: bool = False) -> None:
        """An entry of the gateway's own; ``stranger``: see :class:`~.effects.Journal`."""
        if self._running:
            self._execute((effects.Journal(kind, fields, stranger=stranger),))

    def _fail(self, text: str) -> None:
        """The core failed: nothing more may be promised to anyone."""
        log.critical("the gateway stops serving: %s", text)
        self._running = False
        self.sink.close()
        self._pairs.abort()
        if self._speech is not None:
            self._speech.abort()
        if self.failure is not None and not self.failure.done():
            self.failure.set_result(BoxError(text))

    # --- the clock

    def _arm(self) -> None:
        self._taken = False
        deadline = self.core.next_deadline()
        if deadline is None:
            return
        if self._deadline is not None and self._deadline <= deadline:
            return  # the timer is due before, and looks again: nearly every report moves the deadline later
        self._deadline = deadline
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline - self._epoch, self._tick)

    def _tick(self) -> None:
        self._timer = self._deadline = None
        self._run(self.core.tick)

    # --- who watches

    def _cause_of(self, message: Message | UnknownUnit, cause: Cause) -> Cause:
        """What a unit belongs to: what it comes from, and what its own fields say."""
        number = getattr(message, "call_number", None)
        own = getattr(message, "object_number", None)
        objects = (own,) if isinstance(own, int) and own not in cause.objects else ()
        call = cause.call
        if isinstance(number, int):
            if call:
                self._call_numbers[number] = call
            else:
                call = self._call_numbers.get(number, "")
        adds = type(message) is AddObject  # and not its answers
        if not objects and call == cause.call and adds == cause.adds:
            return cause
        return Cause(cause.id, call, cause.objects + objects, adds)

    def _event(self, kind: str, fields: dict[str, Any], cause: Cause = NO_CAUSE) -> None:
        self.events.publish(kind, self.now(), lambda: fields, cause)

    def status(self) -> StatusDocument:
        """The state of the mediator for people and monitoring, without secrets."""
        core, tables, journal = self.core, self.core.tables, self.journal
        return StatusDocument(
            orm_number=core.orm_number,
            order=self.config.mediator.order,
            state="started" if tables.started else "stopped",
            pair_in_use=core.channels.in_use,
            blocked=list(core.channels.blocked),
            serving=self._running,
            uptime=self._loop.time() - self._started,
            objects=len(tables.objects),
            ksl_groups=len(tables.groups),
            ksl=len(tables.group_of),
            lines_in_use=core.pool.in_use,
            calls=len(core.calls),
            channels=self._pairs.channel_rows(),
            switch=self.link.status() if self.link else None,
            radius={
                "address": self._endpoints.get("radius", ""),
                "counters": self.sink.status(),
                "longest_wait": self.sink.backlog.longest,
            },
            speech=None if self.e1 is None else self.e1.speech(),
            limits={
                message: LimitDocument(limit_ms=self.limits.limits[message], **asdict(measured))
                for message, measured in self.limits.measured.items()
            },
            queues=queues(
                self.config,
                self.sink,
                core,
                self.link,
                self._pairs.queues(),
                self.events,
                None if self.e1 is None else self.e1.voice.listeners,
                self.now(),
            ),
            journal=None
            if journal is None
            else JournalState(journal.head.seq, journal.head.hash, journal.sealer.errors),
            counters=dict(core.counters + self.counters + self._left_out()),
            warnings=self.warnings(),
        )

    def warnings(self) -> list[str]:
        """What is wrong now and loses something, a line each, with the remedy."""
        put_off = self._loop.time() - self._put_off_at < LASTS
        others = (
            refused_by_switch(self.config.ssh, self.link),
            lost_to_blocked(self.core.channels),
            put_off_reports(self.counters["reports_put_off"]) if put_off else "",
            disk_refuses(self._disk_refusal, len(self._unwritten)),
        )
        return [
            *(refused_client(self.config.radius, one) for one in self.sink.refusals()),
            *filter(None, others),
        ]

    def _left_out(self) -> Counter[str]:
        """The packets that the capture had to leave out."""
        return Counter(capture_packets_lost=0 if self._capture is None else self._capture.lost)


def _call_document(call: str, kind: str, sequence: int) -> dict[str, Any]:
    """A call report in the feed."""
    return {"call": call, "kind": kind, "sequence": sequence}


def _sent_document(channel: Channel, raw: bytes, codec: Codec) -> dict[str, Any]:
    """A unit in the feed that the gateway has sent, as this codec encoded it."""
    return {"direction": "sent", "unit": unit_document(channel, codec.decode(raw), raw, ())}


def _received_document(
    message: Message | UnknownUnit, raw: bytes, problems: tuple[Problem, ...]
) -> dict[str, Any]:
    """A unit in the feed that a console has sent."""
    return {"direction": "received", "unit": unit_document(Channel.COMMAND, message, raw, problems)}


def local_time(now: float) -> Time:
    """Unix seconds as the order writes a moment: day and time of day, in the time zone of this machine."""
    moment = time.localtime(now)
    return Time(moment.tm_mday, moment.tm_hour, moment.tm_min, moment.tm_sec)


def _brief(params: Mapping[str, object]) -> dict[str, Any]:
    """The parameters of a request with the length in place of a list: a table has up to a thousand rows."""
    return {name: len(value) if isinstance(value, list | tuple) else value for name, value in params.items()}


def _address(text: str, port: int) -> tuple[str, int]:
    """``host``, whose port is ``port``, or ``host:port``."""
    host, given = split_optional_port(text)
    number = None if given is None else port_number(given)
    return host, port if number is None else number
