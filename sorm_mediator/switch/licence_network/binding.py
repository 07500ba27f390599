"""The sockets, the timer and the file of a node in a licence network.

Source: docs/network-licence.md.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from sorm_mediator.addresses import listening_at, split_host_port
from sorm_mediator.config.stations import COUNTED, LicenceNetworkConfig
from sorm_mediator.config.written import read_file, write_file
from sorm_mediator.errors import BoxError, cannot_listen
from sorm_mediator.language import Phrase
from sorm_mediator.options import Section
from sorm_mediator.switch.calendar import Calendar
from sorm_mediator.switch.licence_network.ledger import Grant, Units
from sorm_mediator.switch.licence_network.members import Agent, Slave
from sorm_mediator.switch.licence_network.messages import (
    LONGEST,
    AgentAnswer,
    AgentMessageError,
    Hello,
    Question,
    UnitsField,
    line_of,
    read_line,
)
from sorm_mediator.switch.licence_network.states import ClockStepError, KeptState, NodeLicence

log = logging.getLogger(__name__)

ANSWER_WITHIN: Final = 3.0
"""Seconds that a slave waits for the master's answer (our choice)."""
LEAVE_WITHIN: Final = 0.5
"""Seconds that a slave waits for the answer to its last question."""
QUIET_FOR: Final = 3600.0
"""Seconds without a question after which the master ends a connection: longer than any ``poll``."""
_FILE_NONCE: Final = "licence-state"


class StateFile(Section):
    """What a node keeps in its state file."""

    node: str
    """Its name."""
    kept: KeptState
    """Its licence state."""
    wall: float
    """The system's clock when this was written."""
    grants: dict[str, UnitsField] = Field(default={})
    """master: node -> the licences of stations and trunks that it holds."""
    granted: UnitsField = Field(default={})
    """slave: what it holds."""
    total: UnitsField = Field(default={})
    """slave: what the whole network has, as last known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchboard:
    """What the node's switch says of itself."""

    wanted: Callable[[], Units]
    """Resource -> units that it uses or demands, with the reserve of calls."""
    used: Callable[[], Units]
    """Resource -> units that it uses."""
    total: Callable[[], Units]
    """master: resource -> units of the whole network."""
    serial: Callable[[], int]
    """master: number of its licence file; 0 without one."""
    changed: Callable[[Phrase | None], None]
    """Called when limits or state have changed; with what displays show when the state has changed, else None."""


class LicenceNode:
    """A node of a licence network: :meth:`start` it, :meth:`stop` it. ``config.role`` is master or slave.

    Raises :class:`BoxError` for a state file that can't be used, and for a clock that is behind it.
    """

    def __init__(
        self, config: LicenceNetworkConfig, directory: Path, calendar: Calendar, switch: Switchboard
    ) -> None:
        self.config = config
        self._calendar = calendar
        self._switch = switch
        self._secret = config.secret.get_secret_value()
        self._file = directory / config.state_file if config.state_file else None
        self.counters: Counter[str] = Counter()
        self.licence = NodeLicence(config.failover, calendar.now())
        self.agent = Agent(config.node, self.licence, switch.used) if config.role == "master" else None
        self.slave = Slave(config.node, self.licence) if config.role == "slave" else None
        self._resume()
        self._server: asyncio.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._handlers: set[asyncio.Task[Any]] = set()
        self._connected: dict[str, asyncio.StreamWriter] = {}
        self._refused: dict[str, str] = {}
        """The node that was refused last, and why."""
        self._wake = asyncio.Event()
        self._known: tuple[Any, ...] = ()

    # --- start and end

    async def start(self) -> dict[str, str]:
        """Listen, or begin to ask the master. Returns ``{"licence_agent": "host:port"}`` of a master.

        Raises :class:`BoxError`.
        """
        if self.slave is not None:
            self._tell()
            self._task = asyncio.create_task(self._ask_for_ever(self.slave))
            return {}
        assert self.agent is not None
        self.activated()
        host, port = split_host_port(self.config.listen)
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=LONGEST)
            return {"licence_agent": listening_at(self._server)}
        except OSError as error:
            raise cannot_listen("switch.licence_network.listen", host, port, error) from error

    async def stop(self) -> None:
        """End: a slave gives its units of calls back."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._connections):
                writer.close()  # its handler reads the end, and ends
            await asyncio.gather(*self._handlers, return_exceptions=True)
            await self._server.wait_closed()
        self._keep()

    def wake(self) -> None:
        """What the switch uses has changed: ask the master now, or count anew."""
        self._wake.set()
        if self.agent is not None:
            self._tell()

    def calls_in_use(self, units: int) -> None:
        """This number of units of calls is in use: a slave asks for more before half of its reserve is left."""
        if (
            self.slave is not None
            and self.slave.granted.get("concurrent_calls", 0) < units + (self.config.reserve + 1) // 2
        ):
            self._wake.set()

    def activated(self) -> None:
        """A licence file was activated on the master, or its pool has changed."""
        if self.agent is None:
            return
        self.agent.ledger.have(self._switch.total())
        serial = self._switch.serial()
        self._ticked(lambda now: self.licence.activated(now, serial))

    # --- what holds

    @property
    def limits(self) -> Units:
        """Resource -> units that this node may use."""
        member = self.agent or self.slave
        assert member is not None
        return member.own_limits

    def shown(self) -> Phrase | None:
        """What displays show of the licence state; None for nothing."""
        return self.licence.shown(self._calendar.now())

    def status(self) -> dict[str, Any]:
        """For people and monitoring."""
        now = self._calendar.now()
        shown = self.shown()
        found: dict[str, Any] = {
            "role": self.config.role,
            "node": self.config.node,
            "state": self.licence.state.value,
            "display": None if shown is None else str(shown),
            "seconds_left": self.licence.left(now),
            "serial": self.licence.serial,
            "reason": "" if self.slave is None else self.slave.reason,
            "limits": dict(self.limits),
            "nodes": {},
            "counters": dict(self.counters),
        }
        if self.agent is not None:
            found["nodes"] = {
                node: {
                    "state": self.agent.states[node].value if node in self.agent.states else None,
                    "connected": node in self._connected,
                    "granted": dict(grant.units),
                }
                for node, grant in self.agent.ledger.grants.items()
            }
        return found

    # --- master

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self.agent is not None
        self._connections.add(writer)
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        handler.add_done_callback(self._handlers.discard)
        nonce, last, name = secrets.token_hex(16), 0, ""
        try:
            writer.write(line_of(Hello(nonce=nonce), "", ""))
            while True:
                async with asyncio.timeout(QUIET_FOR if last else ANSWER_WITHIN):
                    line = await reader.readline()
                if not line:
                    return
                question = self._read_question(line, nonce, last)
                last = question.number
                answer = self._answer(self.agent, question, writer)
                name = name if answer.refused else question.node
                writer.write(line_of(answer, self._secret, nonce))
                await writer.drain()
        except (
            AgentMessageError,
            ValueError,
        ) as error:  # readline raises ValueError for a line that is too long
            self.counters["messages refused"] += 1
            log.warning("licence network: a message is refused: %s", error)
            writer.write(
                line_of(AgentAnswer(number=last, refused=f"the message is refused: {error}"[:500]), "", "")
            )
        except (OSError, TimeoutError) as error:
            log.info("licence network: the connection of %s ends: %s", name or "a node", error)
        finally:
            self._connections.discard(writer)
            if self._connected.get(name) is writer:
                del self._connected[name]
            writer.close()

    def _read_question(self, line: bytes, nonce: str, last: int) -> Question:
        question = read_line(line, Question, self._secret, nonce)
        if question.number <= last:
            raise AgentMessageError(f"number: {question.number} is not more than {last}")
        return question

    def _answer(self, agent: Agent, question: Question, writer: asyncio.StreamWriter) -> AgentAnswer:
        other = self._connected.get(question.node)
        if other is not None and other is not writer:
            why = f"a node {question.node!r} is connected already: each node needs a name of its own"
            return AgentAnswer(number=question.number, refused=why)
        answers: list[AgentAnswer] = []
        self._ticked(lambda now: answers.append(agent.answer(question, now)))
        if not answers:
            return AgentAnswer(number=question.number, refused="the clock of the master has gone back")
        (answer,) = answers
        self.counters["questions"] += 1
        if answer.refused:
            self.counters["nodes refused"] += 1
            if self._refused.get(question.node) != answer.refused:  # it asks again and again
                log.warning("licence network: node %s: %s", question.node, answer.refused)
                self._refused = {question.node: answer.refused}
        else:
            self._refused.pop(question.node, None)
            self._connected[question.node] = writer
        return answer

    # --- slave

    async def _ask_for_ever(self, slave: Slave) -> None:
        while True:
            try:
                await self._ask(slave)
            except (AgentMessageError, ValueError, OSError, TimeoutError) as error:
                why = str(error) or "it does not answer"
                self.counters["master lost"] += 1
                self._ticked(lambda now, why=why: self._lost(f"master {self.config.master}: {why}", now))  # type: ignore[misc]
            wait = self.config.poll
            if self.licence.deadline is not None:
                # One step beyond the period, which is over when more than it has passed.
                wait = min(wait, self._calendar.seconds_until(self.licence.deadline) + 0.001)
            await asyncio.sleep(wait)
            self._ticked(self.licence.tick)

    def _lost(self, why: str, now: float) -> None:
        assert self.slave is not None
        self.slave.unreachable(why, now)

    async def _ask(self, slave: Slave) -> None:
        """Ask over one connection, until it ends. Raises :class:`OSError`, :class:`TimeoutError`, and so on."""
        host, port = split_host_port(self.config.master)
        async with asyncio.timeout(ANSWER_WITHIN):
            reader, writer = await asyncio.open_connection(host, port, limit=LONGEST)
        try:
            nonce = read_line(await self._line(reader), Hello, None, "").nonce
            while True:
                self._wake.clear()
                writer.write(line_of(slave.question(self._switch.wanted()), self._secret, nonce))
                self._take(slave, await self._line(reader), nonce)
                if slave.reason:
                    raise ConnectionError(slave.reason)
                await self._pause(reader)
        except asyncio.CancelledError:
            writer.write(line_of(slave.question({}, leave=True), self._secret, nonce))
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(LEAVE_WITHIN):
                    await reader.readline()
            raise
        finally:
            writer.close()

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        async with asyncio.timeout(ANSWER_WITHIN):
            line = await reader.readline()
        if not line:
            raise ConnectionError("it has ended the connection")
        return line

    def _take(self, slave: Slave, line: bytes, nonce: str) -> None:
        try:
            answer = read_line(line, AgentAnswer, self._secret, nonce)
        except AgentMessageError as error:
            refused = read_line(line, AgentAnswer, None, "").refused  # not signed: for people alone
            raise AgentMessageError(refused or str(error)) from None
        if answer.number != slave.questions:
            raise AgentMessageError(f"number: {answer.number} is not that of the question, {slave.questions}")
        self._ticked(lambda now: slave.answered(answer, now))

    async def _pause(self, reader: asyncio.StreamReader) -> None:
        """Wait for the next question; ends at once when the master ends the connection."""
        ended = asyncio.create_task(reader.readline())
        woken = asyncio.create_task(self._wake.wait())
        try:
            await asyncio.wait({ended, woken}, timeout=self.config.poll, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                line = ended.result()
                raise ConnectionError("it has ended the connection" if not line else "it speaks unasked")
        finally:
            for task in (ended, woken):
                task.cancel()
            # The reader takes no other reader before this one has really ended.
            await asyncio.gather(ended, woken, return_exceptions=True)

    # --- state

    def _ticked(self, move: Callable[[float], object]) -> None:
        """Carry out a move of the core, and tell the switch what has changed. A step of the clock changes nothing."""
        step = self._calendar.step()
        if step:
            log.error(
                "the system's clock has stepped by %+g s: licences count on without it; set it right before a restart",
                step,
            )
            self.counters["clock steps"] += 1
        before = self.licence.state
        try:
            move(self._calendar.now())
        except ClockStepError as error:
            self.counters["clock steps"] += 1
            log.error("licence network: %s", error)  # noqa: TRY400 - the text says all
            return
        if self.licence.state is not before:
            shown = self.shown()
            text = str(shown) if shown is not None else "regular"
            log.warning("licence state of %s: %s", self.config.node, text)
            self._keep()
            self._switch.changed(shown or Phrase("The licence state is regular again"))
        self._tell()

    def _tell(self) -> None:
        stations = self._station_grants()
        known = (dict(self.limits), stations)
        if known != self._known:
            before, self._known = self._known, known
            if before and before[1] != stations:
                self._keep()
            self._switch.changed(None)

    def _station_grants(self) -> dict[str, dict[str, int]]:
        """Node -> the licences that are worth a writing of the state file: not those of calls and channels."""
        if self.slave is not None:
            return {self.config.node: {k: v for k, v in self.slave.granted.items() if k not in COUNTED}}
        assert self.agent is not None
        return {
            node: {name: units for name, units in grant.units.items() if name not in COUNTED}
            for node, grant in self.agent.ledger.grants.items()
        }

    def _keep(self) -> None:
        """Write the state file; without one nothing is written."""
        if self._file is None:
            return
        now = self._calendar.now()
        written = StateFile(
            node=self.config.node,
            kept=self.licence.kept(now),
            wall=self._calendar.wall(),
            grants=self._station_grants(),
            granted=dict(self.slave.granted) if self.slave else {},
            total=dict(self.slave.total) if self.slave else {},
        )
        try:
            write_file(self._file, line_of(written, self._secret, _FILE_NONCE).decode())
        except OSError as error:
            log.error("switch.licence_network.state_file: %s: %s", self._file, error.strerror or error)  # noqa: TRY400

    def _resume(self) -> None:
        """Begin with what the last run has kept."""
        if self._file is None or not self._file.exists():
            return
        key = f"switch.licence_network.state_file: {self._file}"
        try:
            written = read_line(read_file(self._file).encode(), StateFile, self._secret, _FILE_NONCE)
        except UnicodeError:
            raise BoxError(
                f"{key}: is no licence state of this network: it is no UTF-8; if the file is lost, remove it"
            ) from None
        except OSError as error:
            raise BoxError(f"{key}: can't be read: {error.strerror or error}") from None
        except AgentMessageError as error:
            raise BoxError(
                f"{key}: is no licence state of this network: {error}; if the file is lost, remove it"
            ) from None
        if written.node != self.config.node:
            raise BoxError(f"{key}: is that of node {written.node!r}, and this one is {self.config.node!r}")
        behind = written.wall - self._calendar.wall()
        if behind > 0:
            raise BoxError(
                f"{key}: was written {behind:.0f} s later than the system's clock shows now: set the clock right"
            )
        self._calendar.move_to(written.kept.now + -behind * self._calendar.factor)
        now = self._calendar.now()
        try:
            self.licence.resume(written.kept, now)
        except ClockStepError as error:
            raise BoxError(f"{key}: {error}") from None
        if self.agent is not None:
            for node, units in written.grants.items():
                self.agent.ledger.grants[node] = Grant(dict(units), now)
        if self.slave is not None:
            self.slave.granted, self.slave.total = written.granted, written.total
