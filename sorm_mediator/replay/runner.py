"""Runs a scenario: sends the commands of its steps, waits for the expected messages, and reports failures.

:class:`ScenarioRunner` runs a scenario; its base :class:`ScriptRunner` serves the vendor tester's scripts too.
:class:`Matcher` finds the messages that are expected. The order is kept among the answers on KPD1, and among the
events of one object on KPD2 (order 268, rule 4: each object gets its own set). Unsolicited messages of KPD1 and
53h may come anywhere between (26h may come before or after 28h: ``unauthorized_access_place``).

Only unread messages are candidates for an expected one. The candidate is the first message of the expected
name with the expected identity (object_number, call_number, command, test_number, as far as given). The
candidate must fit in every other field too, else the expectation fails. Messages before the candidate are not
checked.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from protocol import EncodeError
from protocol.wire import MASK
from sorm_mediator.console.client import (
    ALREADY_STARTED,
    KPD1,
    KPD2,
    SHOWN,
    ConsoleClient,
    Crossed,
    Observer,
    Sent,
    hung_up,
    no_end,
    wait_for,
)
from sorm_mediator.console.comparing import (
    IDENTITY,
    NO_MESSAGE,
    Failure,
    Not,
    OneOf,
    differences,
    hear,
    heard_text,
    nothing_came,
    show,
    show_value,
)
from sorm_mediator.console.errors import (
    STARTED_ALREADY,
    ConnectError,
    RunInterruptedError,
    ScriptError,
    StepError,
    words,
)
from sorm_mediator.console.interrupt import carry_through
from sorm_mediator.console.target import Events, RunTarget, refusal, why_not_let_in
from sorm_mediator.language import Phrase, join
from sorm_mediator.replay import scenario as s
from sorm_mediator.replay.results import (
    PASS,
    Exchange,
    PcapRecorder,
    Printer,
    Report,
    ScriptResult,
    StepResult,
)
from sorm_mediator.replay.vendor import VendorScript
from sorm_mediator.replay.vocabulary import COMMANDS, REQUESTS

Script = s.Scenario | VendorScript
UNSOLICITED = ("alarm", "restart", "unauthorized-access", "electronic-message")

S = TypeVar("S", bound=Script)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One expected message, its variables filled in."""

    name: str
    fields: dict[str, Any]
    on_kpd2: bool

    @property
    def text(self) -> Phrase:
        """Name and fields, for people."""
        return join(" ", [self.name, show_value(self.fields)] if self.fields else [self.name])


class Console:
    """A console of a run: its client, its unread messages, and the position in each order."""

    def __init__(self, client: ConsoleClient) -> None:
        self.client = client
        self.connects = True
        """Whether the first step that needs its channels still has to connect them."""
        self.running: tuple[Sent, ...] = ()
        """The commands to end before the next one is sent."""
        self._unread: list[tuple[int, Crossed]] = []
        self._count = 0
        self._passed: dict[tuple[Any, ...], int] = {}

    def add(self, arrival: Crossed) -> None:
        """Add a received message."""
        self._count += 1
        self._unread.append((self._count, arrival))

    def unexpected(self, channels: Sequence[str]) -> list[Crossed]:
        """All unread messages of these channels, but for the 22h with which a connection begins."""
        return [one for one in self.waiting(channels) if not (one.first and one.name == "restart")]

    def waiting(self, channels: Sequence[str]) -> list[Crossed]:
        """All unread messages of these channels."""
        return [arrival for _, arrival in self._unread if arrival.channel in channels]

    def reachable(self, *, on_kpd2: bool) -> list[Crossed]:
        """The messages of a channel that can still be expected, in order of arrival."""
        return [one for place, one in self._unread if one.on_kpd2 == on_kpd2 and self._is_ahead(place, one)]

    def read(self, arrival: Crossed) -> None:
        """Read ``arrival``, which meets an expectation: earlier messages of its order are passed over."""
        position = next(place for place, other in self._unread if other is arrival)
        key = _order(arrival)
        self._passed[key] = max(position, self._passed.get(key, 0))
        self._unread = [
            (place, other)
            for place, other in self._unread
            if other is not arrival and self._is_ahead(place, other)
        ]

    def take(self, arrivals: Iterable[Crossed]) -> None:
        """Remove messages matched in any order. The others stay."""
        taken = {id(arrival) for arrival in arrivals}
        self._unread = [(place, other) for place, other in self._unread if id(other) not in taken]

    def _is_ahead(self, place: int, arrival: Crossed) -> bool:
        return place > self._passed.get(_order(arrival), 0)


def _order(arrival: Crossed) -> tuple[Any, ...]:
    by_itself = arrival.name == "trunk-info" and arrival.answers is None  # a trunk was renamed
    if arrival.name in UNSOLICITED or arrival.name == "test-reply" or by_itself:
        return (arrival.on_kpd2, arrival.name)
    if arrival.on_kpd2:
        return (True, arrival.fields.get("object_type"), arrival.fields.get("object_number"))
    return (False,)


class Matcher:
    """Matches one list of expectations with the messages of one console.

    ``variables`` fill an expectation when its turn comes, and get the values that it saves. ``sent``: the
    commands with the expected answers; empty for any. ``met`` gets the messages that meet expectations.
    """

    def __init__(
        self,
        expectations: Sequence[s.Expectation],
        console: Console,
        variables: dict[str, Any],
        *,
        sent: Sequence[Sent] = (),
        order_free: bool = False,
        met: list[Crossed] | None = None,
    ) -> None:
        self._left = list(expectations)
        self.met: list[Crossed] = [] if met is None else met
        self._console = console
        self._variables = variables
        self._sent = sent
        self._order_free = order_free
        self.failure: Failure | None = None

    @property
    def finished(self) -> bool:
        """Whether every expectation has been met, or one has failed."""
        return not self._left or self.failure is not None

    def advance(self) -> bool:
        """Match the received messages. Returns true when finished."""
        if self._order_free:
            self._advance_in_any_order()
        else:
            while not self.finished and self._advance_by_one():
                pass
        return self.finished

    def expire(self, within: float) -> None:
        """Timeout: the first remaining expectation has failed."""
        expectation = self._left[0]
        wanted = self._resolve(expectation)
        arrivals = self._console.reachable(on_kpd2=wanted.on_kpd2)
        same = [arrival for arrival in arrivals if arrival.name == wanted.name]
        closest = min(same, key=lambda arrival: len(differences(wanted.fields, arrival.fields)), default=None)
        reason = nothing_came(within, close=closest is not None)
        if not closest and (KPD2 if wanted.on_kpd2 else KPD1) in self._console.client.final:
            reason = Phrase(
                "nothing that fits came before the mediator closed {channels}",
                channels=self._console.client.closed_shown,
            )
        if closest is not None:
            found = differences(wanted.fields, closest.fields)
            self._fail(expectation, Failure(wanted.text, reason, closest, found))
            return
        if others := list(dict.fromkeys(arrival.name or NO_MESSAGE for arrival in arrivals)):
            reason = Phrase("{reason}; unread: {others}", reason=reason, others=join(", ", others))
        self._fail(expectation, Failure(wanted.text, reason))

    def _advance_by_one(self) -> bool:
        expectation = self._left[0]
        wanted = self._resolve(expectation)
        reachable = self._console.reachable(on_kpd2=wanted.on_kpd2)
        arrival = next((one for one in reachable if self._is_candidate(wanted, one)), None)
        if arrival is None:
            return False
        found = differences(wanted.fields, arrival.fields)
        if found:
            self._fail(expectation, Failure(wanted.text, "", arrival, found))
            return False
        self._console.read(arrival)
        self._left.pop(0)
        self._met(expectation, arrival)
        return True

    def _advance_in_any_order(self) -> None:
        for expectation in list(self._left):
            wanted = self._resolve(expectation)
            for arrival in self._console.reachable(on_kpd2=wanted.on_kpd2):
                if self._is_candidate(wanted, arrival) and not differences(wanted.fields, arrival.fields):
                    self._console.take([arrival])
                    self._left.remove(expectation)
                    self._met(expectation, arrival)
                    break

    def _is_candidate(self, wanted: Wanted, arrival: Crossed) -> bool:
        if arrival.name != wanted.name or not self._answers_what_was_sent(wanted, arrival):
            return False
        return not any(
            differences(wanted.fields[key], arrival.fields.get(key))
            for key in IDENTITY
            if key in wanted.fields and not isinstance(wanted.fields[key], OneOf | Not)
        )

    def _answers_what_was_sent(self, wanted: Wanted, arrival: Crossed) -> bool:
        if wanted.on_kpd2 or not self._sent or wanted.name in UNSOLICITED or "command" in wanted.fields:
            return True
        return any(arrival.answers is sent for sent in self._sent)

    def _resolve(self, expectation: s.Expectation) -> Wanted:
        return Wanted(expectation.entry.name, expectation.resolve(self._variables), expectation.on_kpd2)

    def _met(self, expectation: s.Expectation, crossed: Crossed) -> None:
        self.met.append(crossed)
        for key, name in expectation.save.items():
            self._variables[name] = crossed.fields.get(key)

    def _fail(self, expectation: s.Expectation, failure: Failure) -> None:
        failure.line = expectation.line
        self.failure = failure


_IN_ANOTHER_CALL = Phrase(
    "43h says 03h: {number} is busy, perhaps in another call that an earlier run has left: release-call ends it"
)
BUSY = 0x03
"""Operation code of 43h: the called party was busy (order 268, 11.3.5)."""
HTTP_AGAIN = 0.05
"""Seconds between two requests of an http step that waits for a certain reply."""


_ENDED = Phrase("the restart ends the channels")
EXECUTED = Phrase("the command is accepted and executed")
_WRONG = Phrase("something wrong in a unit")


FAULTS: Final = REQUESTS["fault"].path
"""Where faults are begun, listed and ended (docs/http.md)."""


class ScriptRunner(Observer, ABC, Generic[S]):
    """Runs one script, and observes its consoles: the common part of scenarios and vendor scripts.

    ``keep_going``: a failed step does not end the script. ``recorder`` (a capture file) observes the consoles
    too. ``reports``: the steps get the switch's reports about calls, where the target has them.
    """

    def __init__(
        self,
        script: S,
        target: RunTarget,
        printer: Printer,
        *,
        keep_going: bool = False,
        recorder: PcapRecorder | None = None,
        reports: bool = False,
    ) -> None:
        self.result = ScriptResult(
            script.name, script.path, planned=script.planned,
            variables=dict(getattr(script, "shown_variables", {})), secrets=getattr(script, "secrets", frozenset()),
        )  # fmt: skip
        self._script = script
        self._target = target
        self._printer = printer
        self._keep_going = keep_going
        self._recorders = () if recorder is None else (recorder.of(script.path.stem),)
        if target.speech is not None:
            for one in self._recorders:
                target.speech.record(one)
        self._consoles: dict[str, Console] = {}
        self._began, self._began_monotonic = time.time(), time.monotonic()
        self._started = False
        self._step_under_way: StepResult | None = None
        self._listen = target.listen if reports else None
        self._events: Events | None = None
        self._came_in: dict[Crossed, StepResult] = {}
        """The step to which each message belongs: the one under way when it came, or when its call began."""
        self._call_steps: dict[int, StepResult] = {}
        """The step in which the first event of each call came, by call number."""

    async def run(self) -> ScriptResult:
        """Run the script. The result's ``error`` gives the reason when it could not run.

        A cancellation is raised after the script has been put back; ``result`` then says where it came.
        """
        # Times are counted from here.
        self._began, self._began_monotonic = time.time(), time.monotonic()
        self._printer.begin(self.result)
        target = self._target
        try:
            self._script.check(
                calls=target.make_call is not None,
                web=target.request is not None,
                restart=target.restart is not None,
                e1=target.heard is not None,
            )
            await self._play()
        except (ScriptError, ConnectError) as error:
            self.result.error = error
        except asyncio.CancelledError:
            step = self._step_under_way
            where = f" in step {step.number}, {step.place}" if step is not None else ""
            self.result.error = RunInterruptedError(f"interrupted{where}")
            raise
        finally:
            await carry_through(self._end())  # a signal does not cut it short
        return self.result

    async def _end(self) -> None:
        await self._put_back()
        for console in self._consoles.values():
            await console.client.close()
        self.result.seconds = time.monotonic() - self._began_monotonic
        self._printer.end(self.result)

    @abstractmethod
    async def _play(self) -> None:
        """Run the steps. Raises :class:`ScriptError`, :class:`ConnectError`."""

    async def _put_back(self) -> None:
        """Run after the steps, whether they passed, failed or were cancelled."""

    async def _console(self, name: str = s.MAIN, *, connect: bool = True) -> Console:
        """The console of this name, connected when it is first needed. Raises :class:`ConnectError`."""
        if name not in self._consoles:
            client = self._target.console(
                len(self._consoles), name=name, observers=(self, *self._recorders), **self._header()
            )
            self._consoles[name] = Console(client)
        console = self._consoles[name]
        if connect and console.connects:
            console.connects = False
            await console.client.connect()
        return console

    def _header(self) -> Mapping[str, Any]:
        """The header of the script's commands."""
        return self._script.header

    def _begin_step(self, number: str, title: str, line: int, file: Path | None = None) -> StepResult:
        self._printer.step(number, title, line, file or self._script.path)
        if self._listen is not None and self._events is None:
            self._events = self._listen()
        for recorder in self._recorders:
            recorder.begin_step(number, title)
        self._step_under_way = StepResult(number, title, line, file or self._script.path)
        return self._step_under_way

    def _end_step(self, step: StepResult) -> bool:
        """Whether the step has passed."""
        step.seconds = time.monotonic() - step.began
        self._step_under_way = None
        for event in self._events() if self._events is not None else ():
            if event["event"] == "call":
                elapsed = event["time"] - self._began
                step.reports.append(Report(event["call"], event["kind"], elapsed))
        self.result.steps.append(step)
        self._printer.ended(step)
        return step.failure is None

    async def _attempt(self, step: StepResult, work: Awaitable[Failure | None]) -> None:
        """Carry out a step. Its failure is that of ``work``, or why the step could not be carried out.

        Raises :class:`ConnectError` when it failed because the mediator closed the channels before anything had come.
        """
        try:
            step.failure = await work
        except (StepError, EncodeError) as error:
            step.failure = Failure("", words(error))
        failure = step.failure
        if failure is None:
            return
        clients = [console.client for console in self._consoles.values()]
        if not any(client.heard for client in clients):
            for client in clients:
                if refused := await why_not_let_in(self._target, client):
                    raise ConnectError(refused)
        before = (one for earlier in self.result.steps for one in earlier.exchanged)
        step.came_before = next((one for one in before if one.crossed is failure.came), None)
        earlier = None if failure.came is None else self._came_in.get(failure.came)
        if earlier is not None and earlier is not step:
            step.notes.append(
                Phrase(
                    "this message belongs to step {number}, {place}",
                    number=earlier.number,
                    place=earlier.place,
                )
            )

    def _hint(self, sent: Sequence[Sent], step: StepResult) -> None:
        """Note the likely reason of a refused start, until a start of this run is accepted; and a field whose code a
        refusal has, and which was not given.
        """
        for one in sent:
            if one.code == COMMANDS["start"].code:
                if not self._started and one.refusal in ALREADY_STARTED:
                    step.notes.append(STARTED_ALREADY)
                self._started |= one.done and not one.refusal
            if name := _left_out(one, step):
                step.notes.append(Phrase("{field} was not given, which the mediator refuses", field=name))

    def crossed(self, client: ConsoleClient, crossed: Crossed) -> None:
        """Print a unit, keep a received one for the steps, and count findings."""
        if not crossed.outbound:
            self._consoles[client.name].add(crossed)
            if self._step_under_way is not None:
                step, call = self._step_under_way, crossed.fields.get("call_number")
                self._came_in[crossed] = step if call is None else self._call_steps.setdefault(call, step)
            for text in (*crossed.findings, *((_WRONG,) if crossed.problems else ())):
                self.result.findings[text] = self.result.findings.get(text, 0) + 1
        elapsed = crossed.time - self._began
        step_of = self._step_under_way or (self.result.steps[-1] if self.result.steps else None)
        if step_of is not None:
            step_of.exchanged.append(Exchange(client.name, crossed, elapsed))
        self._printer.crossed(client, crossed, elapsed)


class ScenarioRunner(ScriptRunner[s.Scenario]):
    """Runs one scenario."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._faults: list[int] = []
        """The numbers of the faults that steps have begun."""

    def _header(self) -> dict[str, Any]:
        return self._script.filled_header

    async def _play(self) -> None:
        self._variables = dict(self._script.variables)
        self._secrets = dict.fromkeys(self._script.secrets, MASK)
        await self._steps(self._script.steps, "")

    async def _put_back(self) -> None:
        await self._finally()
        try:
            await self._clear_faults()
        except ConnectError as error:
            self.result.error = self.result.error or error

    async def _finally(self) -> None:
        """Run the steps of ``finally`` if a step may have changed something: one that has passed, or one that was
        interrupted after a unit had gone out.

        The first error stays.
        """
        interrupted = isinstance(self.result.error, RunInterruptedError) and any(
            one.outbound for console in self._consoles.values() for one in console.client.log
        )
        if not interrupted and not any(step.verdict == PASS for step in self.result.steps):
            return
        for index, step in enumerate(self._script.finally_, 1):
            try:
                await self._steps((step,), "finally.", index)
            except (ScriptError, ConnectError) as error:
                self.result.error = self.result.error or error

    async def _steps(self, steps: Sequence[s.Step], prefix: str, first: int = 1) -> bool:
        """Run steps. Returns false when a failed step ends the scenario."""
        for index, step in enumerate(steps, first):
            number = f"{prefix}{index}"
            if isinstance(step.action, s.Repeat):
                for count in range(1, step.action.times + 1):
                    row = step.action.rows[count - 1] if step.action.rows else {}
                    self._variables |= {step.action.counter: count, **row}
                    if not await self._steps(step.action.steps, f"{number}.{count}."):
                        return False
            elif not await self._step(step, number) and not self._keep_going:
                return False
        return True

    async def _step(self, step: s.Step, number: str) -> bool:
        result = self._begin_step(
            number, step.title_of(self._variables | self._secrets), step.node.line, Path(step.node.file)
        )
        self._sent: tuple[Sent, ...] = ()
        self._met = result.met
        if isinstance(step.action, s.Ask):
            result.request = step.action_title(self._variables | self._secrets)
            result.asked = "mediator" if step.action.request.path.startswith("mediator") else "switch"
        try:
            await self._attempt(result, self._do(step, result))
        except ScriptError as error:
            if not self.result.failures:
                raise
            # A failed step did not save this value: not a mistake of the script.
            result.failure = Failure("", str(error))
        if result.failure is not None or step.expect is None:
            self._hint(self._sent, result)
        if result.failure is not None:
            _hint_busy(step, result)
        return self._end_step(result)

    async def _do(self, step: s.Step, result: StepResult) -> Failure | None:
        within = self._script.within if step.within is None else step.within
        match step.action:
            case s.OnChannels("connect") | s.Restart():
                connects = False
            case s.Ask():  # its messages are sent only to a connected console
                connects = bool(step.expect or step.events or step.silence is not None)
            case _:
                connects = True
        console = await self._console(step.console, connect=connects)
        failure = await self._act(step, console, within)
        deadline = time.monotonic() + within
        if failure is None and step.outcome is not None:
            failure = await self._end_of_commands(step, console, deadline, within)
        if failure is None:
            failure = await self._expect(step, console, deadline, within)
        if failure is None and step.hears is not None:
            assert self._target.heard is not None  # checked before the first step
            wanted = step.hears.resolve(self._variables)
            failure = await hear(self._target.heard, wanted, within)
            if failure is None:
                result.notes.append(heard_text(wanted))
        if failure is None and step.silence is not None:
            failure = await _silence(console, step.silent, step.silence)
        if failure is not None:
            result.notes += console.client.complaints()
        return failure

    async def _act(self, step: s.Step, console: Console, within: float) -> Failure | None:
        match step.action:
            case s.Send() | s.SendRaw() as action:
                await self._send(step, action, console, within)
            case s.Ask("call") as action:
                await self._call(step, action)
            case s.Ask("http") as action:
                return await self._http(action, within)
            case s.Ask() as action:
                await self._ask(step, action, console)
            case s.OnChannels(verb, channels):
                return await self._on_channels(verb, channels, console, within)
            case s.Restart():
                return await self._restart(console.client, within)
        return None

    async def _on_channels(
        self, verb: s.Verb, channels: Sequence[str], console: Console, within: float
    ) -> Failure | None:
        client = console.client
        if verb == "connect":
            console.connects = False
            await client.connect(channels)
        elif verb == "disconnect":
            await client.disconnect(channels)
            client.let_go(channels)
        elif verb == "forget":
            console.take(console.waiting(channels))
        elif not await client.wait(lambda: client.closed.issuperset(channels), within):
            still = join(", ", [SHOWN[name] for name in channels if name not in client.closed])
            return Failure(
                Phrase("the mediator closes {still}", still=still),
                Phrase("still open after {s:g} s", s=within),
            )
        else:
            client.let_go(channels)
        return None

    async def _restart(self, client: ConsoleClient, within: float) -> Failure | None:
        assert self._target.restart is not None  # checked before the first step
        self._events = None  # the new mediator has its own
        lost = client.lost + len(client.connected)
        for console in self._consoles.values():
            console.client.let_go(console.client.connected)
        await self._target.restart()
        # A link over E1 ends when the new mediator sets it up again; commands sent before would be lost.
        if await client.wait(lambda: client.lost >= lost, within):
            return None
        still = join(", ", [SHOWN[name] for name in sorted(client.connected)])
        return Failure(_ENDED, Phrase("still open: {still}", still=still))

    async def _send(self, step: s.Step, action: s.Send | s.SendRaw, console: Console, within: float) -> None:
        client = console.client
        is_interrupt = isinstance(action, s.Send) and action.entry.name == "interrupt"
        if not is_interrupt:
            # One command at a time (order 268, 7.1), even where a step does not check its end.
            await client.wait(lambda: all(sent.done for sent in console.running), within)
        if isinstance(action, s.SendRaw):
            message: Any = action.resolve(self._variables)
        else:
            try:
                message = client.command(action.entry.name, action.resolve(self._variables))
            except EncodeError as error:
                raise StepError(f"{action.entry.name}: {error}") from None
        self._sent = await client.send(message, split=step.split)
        console.running = () if step.expect == () else self._sent

    async def _call(self, step: s.Step, action: s.Ask) -> None:
        assert self._target.make_call is not None  # checked before the first step
        request = action.resolve(self._variables)
        call = await self._target.make_call(str(request.pop("domain")), request)
        if "call" in step.save:
            self._variables[step.save["call"]] = call

    async def _ask(self, step: s.Step, action: s.Ask, console: Console) -> None:
        assert self._target.request is not None  # checked before the first step
        kind = action.request
        if kind.supersedes:
            console.client.begun.add(KPD1)  # what it causes is not of the connection
            console.take([one for one in console.waiting((KPD1, KPD2)) if one.name == kind.supersedes])
        method, path, body = kind.fill(action.keys, self._variables)
        status, reply = await self._target.request(method, path, body)
        if status != kind.accepted:
            refused = Phrase(
                "{method} {path}: refused with HTTP {status}", method=method, path=path, status=status
            )
            raise StepError(join(": ", [refused, refusal(reply, path, status)]))
        if path == FAULTS and isinstance(reply, Mapping) and "id" in reply:
            self._faults.append(int(reply["id"]))
        for key, name in step.save.items():
            self._variables[name] = reply[key]

    async def _clear_faults(self) -> None:
        """End the faults that steps have begun and that still go on, where there are any; a step more tells of them.

        Raises :class:`ConnectError`.
        """
        begun, self._faults = self._faults, []
        if not begun or self._target.request is None:
            return
        status, rows = await self._target.request("GET", FAULTS, None)
        left = [row["id"] for row in rows if row["id"] in begun] if status == 200 else begun
        if not left:
            return
        title = Phrase("clear the faults that the scenario has left: {count}", count=len(left))
        self.result.planned += 1
        result = self._begin_step("end", title, 1)
        await self._attempt(result, self._clear(left))
        self._end_step(result)

    async def _clear(self, numbers: Sequence[int]) -> Failure | None:
        assert self._target.request is not None
        for number in numbers:
            path = f"{FAULTS}/{number}"
            status, reply = await self._target.request("DELETE", path, None)
            if status not in (200, 404):  # 404: it has ended meanwhile
                return Failure("", refusal(reply, path, status))
        return None

    async def _http(self, action: s.Ask, within: float) -> Failure | None:
        assert self._target.request is not None  # checked before the first step
        request = action.resolve(self._variables)
        method, path = request.get("method", "GET"), request["path"]
        expected = {key: request[key] for key in ("status", "reply") if key in request}
        deadline = time.monotonic() + within
        while True:
            status, reply = await self._target.request(method, path, request.get("body"))
            found = differences(expected, {"status": status, "reply": reply})
            if not found:
                return None
            if method != "GET" or time.monotonic() >= deadline:
                reason = Phrase(
                    "{method} {path} answered {status}: {reply}", method=method, path=path, status=status,
                    reply=show(reply, 300),
                )  # fmt: skip
                return Failure(show_value(expected), reason, None, found)
            await asyncio.sleep(HTTP_AGAIN)

    async def _end_of_commands(
        self, step: s.Step, console: Console, deadline: float, within: float
    ) -> Failure | None:
        """Wait for the end of the commands, which count as read. Returns why one did not end as the step demands."""
        client, running = console.client, console.running
        if not running:
            return Failure(EXECUTED, Phrase("the octets hold no whole command"))
        await wait_for(client, lambda: all(sent.done for sent in running), (KPD1,), deadline)
        answers = [one for one in console.waiting((KPD1,)) if one.answers in running]
        console.take(answers)
        self._met += answers
        for sent in running:
            if not sent.done:
                return Failure(EXECUTED, no_end(client, within))
            if sent.refusal and step.outcome == "ok":
                last = [one for one in answers if one.answers is sent][-1]
                return Failure(EXECUTED, "", last, differences({"status": 0}, last.fields))
        return None

    async def _expect(self, step: s.Step, console: Console, deadline: float, within: float) -> Failure | None:
        sent = self._sent if isinstance(step.action, s.Send | s.SendRaw) else ()
        for expectations in (step.expect or (), step.events or ()):
            if not expectations:
                continue
            matcher = Matcher(
                expectations, console, self._variables,
                sent=sent, order_free=step.order_free, met=self._met,
            )  # fmt: skip
            channel = KPD2 if expectations is step.events else KPD1
            if not await wait_for(console.client, matcher.advance, (channel,), deadline):
                matcher.expire(within)
            if matcher.failure is not None:
                return matcher.failure
        return None


def _hint_busy(step: s.Step, result: StepResult) -> None:
    """Note that the called party of a call was busy, where the step does not want that."""
    if any(one.entry.name == "release" and "operation" in one.fields.value for one in step.events or ()):
        return
    for came in (one.crossed for one in result.exchanged):
        if came.name == "release" and came.fields.get("operation") == BUSY:
            number = (came.fields.get("called") or {}).get("number")
            result.notes.append(_IN_ANOTHER_CALL.fill(number=number))
            return


def _left_out(sent: Sent, step: StepResult) -> str:
    """The field of a refused command that was not given, and that the status of the refusal names; "": none."""
    if not sent.refusal:
        return ""
    from sorm_mediator.mediator.core.commands.rule import FIELD_CODES

    commands = [one.crossed for one in step.exchanged if one.crossed.outbound]
    fields = next((one.fields for one in commands if getattr(one.message, "code", None) == sent.code), {})
    named = (name for name, code in FIELD_CODES.items() if code == sent.refusal and name in fields)
    return next((name for name in named if fields[name] is None), "")


async def _silence(console: Console, channels: tuple[str, ...], seconds: float) -> Failure | None:
    client = console.client
    closed = frozenset[str]()

    def broken() -> bool:
        nonlocal closed
        closed = client.hung_up & {*channels}
        return bool(closed or console.unexpected(channels))

    if not await client.wait(broken, seconds):
        return None
    where = join(", ", [SHOWN[channel] for channel in channels])
    expected = Phrase("nothing on {where} for {s:g} s", where=where, s=seconds)
    if came := console.unexpected(channels):
        return Failure(expected, Phrase("{count} came, the first:", count=len(came)), came[0])
    return Failure(expected, hung_up(closed))
