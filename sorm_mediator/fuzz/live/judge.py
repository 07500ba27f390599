"""The judge: a console that behaves well, and everything that must hold of a mediator after each round.

On a mediator with one pair of console channels it leaves them for the rounds that need them, and comes back after each.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from sorm_mediator.console.client import ALREADY_STARTED, KPD1, KPD2, ConsoleClient, Crossed, Sent
from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live.action import Round
from sorm_mediator.fuzz.live.surface import Breach
from sorm_mediator.fuzz.live.target import Gateway
from sorm_mediator.fuzz.live.watching import descriptors, memory, processor_seconds, traces, unescaped
from sorm_mediator.fuzz.live.wire import Wire
from sorm_mediator.language import Phrase

CHECKS: Final[Mapping[str, Phrase]] = {
    "console": Phrase("the good console is let in and stays connected"),
    "commands": Phrase("its commands are answered rightly and in time"),
    "calls": Phrase("calls are made"),
    "events": Phrase("events of calls come once, in order, and all of them"),
    "link": Phrase("the link to the switch is up, or comes back"),
    "web": Phrase("the web answers in time"),
    "log": Phrase("the log has no trace and no control characters"),
    "secrets": Phrase("no secret of a broken unit is shown anywhere"),
    "journal": Phrase("the journal verifies, and strangers do not make it grow"),
    "process": Phrase("the process runs, without leaks of memory or descriptors"),
    "passwords": Phrase("a guesser of passwords is slowed down"),
    "http answers": Phrase("every request is answered, none with HTTP 500"),
    "radius answers": Phrase("reports that are right are answered"),
    "ssh login": Phrase("the right password is admitted after wrong ones"),
    "clock": Phrase("calls end in time over a step of the wall clock"),
    "e1 channels": Phrase("the channels of an E1 stream come up after whatever was sent in them"),
}
"""What is checked. Those of a surface are counted by its rounds."""
OF_SURFACES: Final = {
    "http": "http answers",
    "radius": "radius answers",
    "ssh": "ssh login",
    "e1": "e1 channels",
    "clock": "clock",
}
GOOD, DECOY = 900, 901
"""The object of the good console's calls, and that of the reports that are made up."""
SILENCE: Final = 5.0
"""Seconds after which a command without 27h, a request without an answer, or a call without its events is given up."""
WEB_WITHIN: Final = 1.0
"""Seconds for an answer of the web (our choice)."""
CONNECT_WITHIN: Final = 6.0
"""Seconds until a console that comes back is let in (our choice)."""
LINK_WITHIN: Final = 12.0
"""Seconds until the link to the switch is up again (our choice): ``ssh.retry_min`` twice, and a login."""
SYNC_WITHIN: Final = 1.0
"""Seconds for the objects to be brought back."""
PULSE: Final = 0.1
"""Seconds between two questions while a round runs."""
MORE_DESCRIPTORS: Final = 4
MORE_MEMORY: Final = 200 * 1024 * 1024
"""How much more than after the first rounds is no leak."""
MORE_JOURNAL: Final = 600
"""Entries of the journal that a round of strangers may cause."""
IDLE_SECONDS, IDLE_TRIES, BUSY = 0.1, 10, 0.7
"""A process that takes this share of a processor in each of so many pauses has something to do without an end."""
WARM: Final = 3
"""Rounds until descriptors and memory are compared."""
VERIFIED_EVERY: Final = 10
"""Rounds between two checks of the journal's chain."""
ONCE: Final = frozenset(("number-received", "answer", "release"))
"""The events that a call has at most once for each object (order 268, 11.1 to 11.3)."""


class NotReady(Exception):  # noqa: N818 - what happened
    """The good console was not served before the first round. The text tells why."""


@dataclass(frozen=True, slots=True)
class CallPlan:
    """A call that the good console can see: domain, calling and called subscriber, and a third one where there is."""

    domain: str
    a: str
    b: str
    other: str


def call_plans(gateway: Gateway) -> list[CallPlan]:
    """The calls within each domain of the lab file."""
    plans = []
    for domain in gateway.config.switch.domains if gateway.config.switch is not None else ():
        numbers = [one.number for one in domain.subscribers]
        if len(numbers) > 1:
            plans.append(
                CallPlan(domain.name, numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else "")
            )
    return plans


class Judge:
    """Watches one mediator. ``patience`` multiplies every limit: a machine with other work needs more than 1."""

    def __init__(self, gateway: Gateway, *, patience: float = 1.0) -> None:
        self._gateway = gateway
        self.patience = patience
        limits = gateway.config.mediator.options.limits_ms
        self._limits = {name: limit / 1000 * patience for name, limit in limits.items()}
        tries = gateway.config.mediator.options.password_tries_per_minute
        self._pace = 60 / tries if tries else 0.0
        self._console: ConsoleClient | None = None
        self._found: list[Breach] = []
        self.checks: Counter[str] = Counter(dict.fromkeys(CHECKS, 0))
        """How often each was made."""
        self.plan: CallPlan | None = None
        """The call that is made after each round; None: no call can be made, or none is seen."""
        self._expected: tuple[str, ...] = ()
        self._events: dict[tuple[int, int], list[str]] = {}
        """Events by object and number of the call."""
        self._seen = 0
        self._events_wire: Wire | None = None
        self._rounds = 0
        self._usual: tuple[int | None, int | None] = (None, None)
        self._journal = 0

    # --- before the first round

    async def begin(self) -> None:
        """Connect, put objects under control, make a first call. Raises :class:`NotReady`."""
        await self._come()
        if not self._found:
            await self._set_up([self._gateway.run.password])
        if self._found:
            raise NotReady(self._found[0].summary)
        for plan in call_plans(self._gateway) if self._gateway.run.make_call is not None else ():
            await self._under_control(plan)
            if self._found:
                self._found.clear()
                continue
            events = await self._call(plan)
            self._found.clear()
            if events is not None and {"number-received", "release"} <= set(events):
                self.plan, self._expected = plan, tuple(events)
                break
        self._journal = await self._journal_entries()
        if self._gateway.log is not None:
            self._gateway.log.take()

    def not_checked(self) -> dict[str, str]:
        """What is not checked with this target, and why."""
        found: dict[str, str] = {}
        if self._gateway.run.request is None:
            found["calls"] = found["journal"] = Phrase("no web is given: --web HOST:PORT")
        elif self.plan is None:
            found["calls"] = Phrase("no call between two subscribers of the lab file gave events")
        if self._gateway.log is None:
            found["log"] = Phrase("the log can't be read: --log-file FILE")
        if self._gateway.pid is None:
            found["process"] = Phrase("the process is not on this machine, or of another user")
        return found

    async def _come(self) -> None:
        """Connect the good console; the mediator may need a moment to see that another one has gone."""
        if self._console is not None and {KPD1, KPD2} <= self._console.connected:
            return
        await self.leave()
        deadline = time.monotonic() + CONNECT_WITHIN * self.patience
        self.checks["console"] += 1
        why = "it is not let in"
        while time.monotonic() < deadline:
            try:
                self._console = self._gateway.run.console(self.number, name="good", clock=time.monotonic)
                await self._console.connect()
                await self._console.wait(lambda: self._gone() or KPD1 in self._begun(), 0.15)
                if not self._gone():
                    return
                why = "the mediator closes its connection at once"
            except ConnectError as error:
                why = str(error)
            await self.leave()
            await asyncio.sleep(0.1)
        self._breach("console", Kind.NO_ANSWER, "connect", f"the good console: {why}")

    number = 0
    """Which of the consoles of the target it is: on E1 the number of its stream among those of the lab."""

    def _gone(self) -> bool:
        console = self._console
        return console is None or not {KPD1, KPD2} <= console.connected

    def _begun(self) -> set[str]:
        return set() if self._console is None else self._console.begun

    async def leave(self) -> None:
        """Disconnect the good console."""
        console, self._console = self._console, None
        self._seen = 0
        if console is not None:
            await console.close()

    async def close(self) -> None:
        """The end of the run."""
        await self.leave()
        if self._events_wire is not None:
            await self._events_wire.close()

    # --- while a round runs

    @asynccontextmanager
    async def watching(self, *, console: bool) -> AsyncIterator[None]:
        """Ask all the time, the mediator's web and on the good console's channels, if they are there."""
        await self._listen()
        over = asyncio.Event()
        task = asyncio.create_task(self._pulse(console, over))
        try:
            yield
        finally:
            # The question that is open is waited for: whether it is late is what it asks.
            over.set()
            await task

    async def _pulse(self, console: bool, over: asyncio.Event) -> None:
        while not over.is_set():
            if console and not self._gone():
                await self._do("get-version", {})
            await self._page("/api/v1/status")
            before = time.monotonic()
            await asyncio.sleep(PULSE)
            late = time.monotonic() - before - PULSE
            # A mediator in this process that stands still also keeps the question back.
            if late > WEB_WITHIN * self.patience and self._gateway.pid == os.getpid():
                text = f"nothing is answered for {late:.1f} s"
                self._breach("web", Kind.LATE_ANSWER, "/api/v1/status", text)

    async def _listen(self) -> None:
        """A client of the server-sent events, in which no secret may appear."""
        wire, self._events_wire = self._events_wire, None
        if wire is not None:
            await wire.close()
        if self._gateway.web is not None:
            self._events_wire = wire = await Wire.open(self._gateway.web)
            token = f"Authorization: Bearer {self._gateway.token}\r\n" if self._gateway.token else ""
            if wire is not None:
                await wire.write(f"GET /api/v1/events HTTP/1.1\r\nHost: judge\r\n{token}\r\n".encode())

    # --- after a round

    async def verdict(
        self, one: Round, *, passwords: Sequence[str], changed: bool, secrets: Iterable[str], strangers: bool
    ) -> list[Breach]:
        """What does not hold after a round.

        ``passwords``: those that may be in force. ``changed``: the tables may have changed with one of them.
        ``secrets``: what may appear nowhere. ``strangers``: nobody used the right password in the round.
        """
        self._rounds += 1
        if why := self._gateway.alive():
            self._breach("process", Kind.DIED, "ended", why)
            self._of_log(secrets)
            return self._taken()
        await self._come()
        if not self._gone():
            await self._switch_up()
            if changed:
                self._events.clear()
                before = len(self._found)
                await self._set_up(passwords)
                # What was found in the round itself does not keep the objects from being there for the next one.
                if self.plan is not None and len(self._found) == before:
                    await self._under_control(self.plan)
            if not self._found:
                await self._question(one)
        for path in ("/api/v1/status", "/metrics"):
            await self._page(path)
        await self._of_secrets(secrets)
        self._of_log(secrets)
        await self._of_journal(strangers)
        await self._of_process()
        if why := self._gateway.alive():
            self._breach("process", Kind.DIED, "ended", why)
        return self._taken()

    def _taken(self) -> list[Breach]:
        found, self._found = self._found, []
        unique = {one.signature: one for one in reversed(found)}
        return list(reversed(unique.values()))

    def _breach(self, check: str, kind: Kind, place: str, summary: str, trace: str = "") -> None:
        self._found.append(Breach(check, kind, place, summary, trace))

    # --- commands

    async def _ask(self, name: str, fields: dict[str, Any], *, extra: float = 0.0) -> Sent | None:
        """Give a command and judge how it is answered. Returns None where the answer did not come."""
        console = self._console
        if console is None:
            return None
        self.checks["commands"] += 1
        try:
            (sent,) = await console.send(console.command(name, fields))
        except StepError as error:
            self._breach("console", Kind.NO_ANSWER, "closed", f"{name}: {error}")
            return None
        over = lambda: sent.accepted or sent.done or KPD1 in console.final  # noqa: E731
        silence = SILENCE * self.patience + extra
        if not await console.wait(over, silence) or not (sent.accepted or sent.done):
            why = "the channel was closed" if KPD1 in console.final else f"nothing for {silence:g} s"
            self._breach("commands", Kind.NO_ANSWER, f"27h {name}", f"{name}: no 27h: {why}")
            return None
        received = self._answer(sent, "command-received")
        # A table that another console leaves unread keeps all waiting, but lets them be answered.
        begins = max(sent.time, self._gateway.held_until)
        if received is not None and received.time - begins > self._limits["27h"] + extra:
            took = f"{received.time - sent.time:.2f} s"
            self._breach("commands", Kind.LATE_ANSWER, "27h", f"{name}: 27h after {took}")
        limit = self._limits["28h"] + 1.0
        if not await console.wait(lambda: sent.done or KPD1 in console.final, limit) or not sent.done:
            self._breach("commands", Kind.NO_ANSWER, f"28h {name}", f"{name}: no 28h within {limit:g} s")
            return None
        return sent

    def _answer(self, sent: Sent, name: str) -> Crossed | None:
        assert self._console is not None
        return next((one for one in self._console.log if one.answers is sent and one.name == name), None)

    async def _do(self, name: str, fields: dict[str, Any], *, allowed: tuple[int, ...] = ()) -> bool:
        sent = await self._ask(name, fields)
        if sent is None:
            return False
        if sent.refusal and sent.refusal not in allowed:
            self._breach(
                "commands", Kind.WRONG_ANSWER, f"{name} {sent.refusal:02X}h",
                f"{name} of the good console was refused with {sent.refusal:02X}h",
            )  # fmt: skip
            return False
        return True

    async def _set_up(self, passwords: Sequence[str]) -> None:
        """Begin anew: the technical means started, with the first password, and nothing under control."""
        assert self._console is not None
        refused = []
        for password in dict.fromkeys((*passwords, self._gateway.run.password)):
            # Passwords that were wrong cost the next command of the pair a pause.
            self._console.password = password
            sent = await self._ask("start", {}, extra=self._pace)
            if sent is None:
                return
            if sent.refusal in ALREADY_STARTED:
                # Told to anyone: only the stop shows whether the password is the one in force.
                sent = await self._ask("stop", {}, extra=self._pace)
                if sent is None:
                    return
                if sent.refusal == 0:
                    await self._stopped()
                    sent = await self._ask("start", {})
                    if sent is None:
                        return
            if sent.refusal == 0:
                return
            refused.append(f"{sent.refusal:02X}h")
        text = f"start of the good console was refused with {', '.join(refused)}"
        self._breach("commands", Kind.WRONG_ANSWER, "start", text)

    async def _stopped(self) -> None:
        """No command is taken before a start (order 268, 7.3)."""
        sent = await self._ask("get-objects", {})
        if sent is not None and sent.refusal == 0:
            text = "get-objects was executed while the technical means were stopped"
            self._breach("commands", Kind.WRONG_ANSWER, "stopped", text)

    async def _under_control(self, plan: CallPlan) -> None:
        common = {
            "object_type": "own-subscriber",
            "number_sign": "own",
            "category": "statistical",
            "priority": "normal",
        }
        if await self._do("add-object", {"object_number": GOOD, "number": plan.a, **common}):
            # The second may be refused where the lab has it under another sign; the reports name it all the same.
            await self._do("add-object", {"object_number": DECOY, "number": plan.other or plan.b, **common})

    async def _question(self, one: Round) -> None:
        """What a console may want to know."""
        if await self._do("get-version", {}) and self.plan is not None:
            await self._of_objects(self.plan)
        await self._test(one.number % 256)
        self._of_events()
        if self.plan is not None:
            events = await self._call(self.plan)
            if events is not None and tuple(events) != self._expected:
                came, wanted = ", ".join(events) or "none", ", ".join(self._expected)
                self._breach(
                    "events", Kind.EVENT_LOST, "call", f"events of a call: {came}; expected: {wanted}"
                )
            self._of_events()

    async def _of_objects(self, plan: CallPlan) -> None:
        sent = await self._ask("get-objects", {"object_number": GOOD})
        if sent is None:
            return
        row = self._answer(sent, "object-info")
        told = (row.fields.get("object_number"), row.fields.get("number")) if row is not None else None
        if sent.refusal or told != (GOOD, plan.a):
            text = f"get-objects of {GOOD}, {plan.a}: {told or 'none'}, status {sent.refusal:02X}h"
            self._breach("commands", Kind.WRONG_ANSWER, "get-objects", text)

    async def _test(self, number: int) -> None:
        console = self._console
        assert console is not None
        before = len(console.log)
        if await self._ask("test", {"test_number": number}) is None:
            return

        def came() -> bool:
            replies = [one for one in console.log[before:] if one.fields.get("test_number") == number]
            return {one.channel for one in replies if not one.outbound} == {KPD1, KPD2}

        if not await console.wait(came, SILENCE * self.patience):
            self._breach("commands", Kind.NO_ANSWER, "test", f"test {number}: 29h and 53h did not both come")

    # --- calls

    async def _call(self, plan: CallPlan) -> list[str] | None:
        """Make a call; returns the names of the events of :data:`GOOD`. None where it could not be made."""
        console = self._console
        make = self._gateway.run.make_call
        assert console is not None
        assert make is not None
        self.checks["calls"] += 1
        before = len(console.log)

        def events() -> list[Crossed]:
            found = [one for one in console.log[before:] if one.on_kpd2 and not one.outbound]
            return [one for one in found if one.fields.get("object_number") == GOOD]

        try:
            await make(plan.domain, {"a": plan.a, "b": plan.b, "ring": 0, "talk": 0.02})
        except (ConnectError, StepError) as error:
            self._breach("calls", Kind.NO_ANSWER, "made", f"a call {plan.a} to {plan.b}: {error}")
            return None
        await console.wait(lambda: any(one.name == "release" for one in events()), SILENCE * self.patience)
        return [one.name for one in events()]

    def _of_events(self) -> None:
        """All events so far: what a call has once comes once, and nothing after its end."""
        self.checks["events"] += self.plan is not None
        console = self._console
        if console is None:
            return
        for one in console.log[self._seen :]:
            if not one.on_kpd2 or one.outbound or "call_number" not in one.fields:
                continue
            call = one.fields["object_number"], one.fields["call_number"]
            had = self._events.setdefault(call, [])
            if "release" in had or (one.name in ONCE and one.name in had):
                self._breach(
                    "events", Kind.EVENT_LOST, f"{one.name} again",
                    f"{one.name} of object {call[0]}, call {call[1]} after {', '.join(had)}",
                )  # fmt: skip
            had.append(one.name)
        self._seen = len(console.log)

    # --- what else can be seen

    async def _page(self, path: str) -> Any:
        """A page of the web, which must be there in time. Returns its content."""
        request = self._gateway.run.request
        began = time.monotonic()
        if request is None or began < self._gateway.full_until:
            return None
        self.checks["web"] += 1
        try:
            status, reply = await request("GET", path, None)
        except ConnectError as error:
            if began > self._gateway.full_until:
                took = time.monotonic() - began
                self._breach("web", Kind.NO_ANSWER, path, f"{path}: {error} ({took:.1f} s after the request)")
            return None
        took = time.monotonic() - began if began > self._gateway.full_until else 0.0
        if status != 200:
            self._breach("web", Kind.WRONG_ANSWER, path, f"{path}: HTTP {status}")
        elif took > WEB_WITHIN * self.patience:
            self._breach("web", Kind.LATE_ANSWER, path, f"{path}: answered after {took:.1f} s")
        return reply

    async def _switch_up(self) -> None:
        """Wait for the mediator's link to its switch: a round may have cut it."""
        if self.plan is None:
            return
        self.checks["link"] += 1
        deadline = time.monotonic() + LINK_WITHIN * self.patience
        state, settled = "?", 0.0
        while time.monotonic() < deadline:
            status = await self._page("/api/v1/status")
            switch = status.get("switch") if isinstance(status, dict) else None
            if not isinstance(switch, dict):
                return
            state = switch.get("state", "?")
            if state == "up":
                # The objects are being brought back. A request that a switch has not answered stays outstanding.
                settled = min(deadline, settled or time.monotonic() + SYNC_WITHIN)
                if not switch.get("outstanding") or time.monotonic() > settled:
                    return
            await asyncio.sleep(0.1)
        self._breach("link", Kind.NO_ANSWER, "switch", f"the link to the switch is {state}")

    def _of_log(self, secrets: Iterable[str]) -> None:
        if self._gateway.log is None:
            return
        self.checks["log"] += 1
        text = self._gateway.log.take()
        for place, trace in traces(text):
            self._breach(
                "log", Kind.TRACE_LOGGED, place, f"the log has a trace: {trace.splitlines()[-1]}", trace
            )
        if (line := unescaped(text)) is not None:
            self._breach("log", Kind.UNESCAPED, "log", f"a foreign text controls the log: {line[:200]!a}")
        self._search(text, "the log", secrets)

    def _search(self, text: str, where: str, secrets: Iterable[str]) -> None:
        for secret in secrets:
            self.checks["secrets"] += 1
            octets = secret.encode()
            forms = (secret, octets.hex(" ").upper(), octets.hex(" "), octets.hex(), octets.hex().upper())
            if any(form in text for form in forms):
                text = f"{where} has what was sent in the place of a password"
                self._breach("secrets", Kind.SECRET_SHOWN, where, text)
                return

    async def _of_secrets(self, secrets: Iterable[str]) -> None:
        secrets = tuple(secrets)
        if not secrets:
            return
        if self._events_wire is not None:
            self._search(
                self._events_wire.received.decode(errors="replace"), "the events of the web", secrets
            )
        if self._gateway.run.request is not None:
            with suppress(ConnectError):
                status, reply = await self._gateway.run.request("GET", "journal?limit=500", None)
                if status == 200:
                    self._search(str(reply), "the journal", secrets)

    async def _journal_entries(self) -> int:
        status = await self._page("/api/v1/status")
        journal = status.get("journal") if isinstance(status, dict) else None
        return int(journal["entries"]) if isinstance(journal, dict) else 0

    async def _of_journal(self, strangers: bool) -> None:
        request = self._gateway.run.request
        if request is None:
            return
        entries = await self._journal_entries()
        self.checks["journal"] += bool(entries)
        more, self._journal = entries - self._journal, entries
        if strangers and more > MORE_JOURNAL:
            text = f"a round of peers without the password made {more} entries of the journal"
            self._breach("journal", Kind.NOT_LIMITED, "growth", text)
        if self._rounds % VERIFIED_EVERY == 0 and entries:
            with suppress(ConnectError):
                status, reply = await request("GET", "journal/verify", None)
                if status != HTTPStatus.NOT_FOUND and not (isinstance(reply, dict) and reply.get("intact")):
                    self._breach(
                        "journal", Kind.WRONG_ANSWER, "verify", f"the journal does not verify: {reply}"
                    )

    async def _of_process(self) -> None:
        pid = self._gateway.pid
        if pid is None:
            return
        self.checks["process"] += 1
        usual, resident = self._usual
        if self._rounds <= WARM or usual is None or resident is None:
            found = descriptors(pid), memory(pid)
            self._usual = _most(usual, found[0]), _most(resident, found[1])
            return
        await self._of_idleness(pid)
        deadline = time.monotonic() + 2.0
        while (now := descriptors(pid) or 0) > usual + MORE_DESCRIPTORS:
            if time.monotonic() > deadline:
                text = f"{now} descriptors are open, {usual} were after the first rounds"
                self._breach("process", Kind.DESCRIPTORS, "descriptors", text)
                self._usual = now, resident
                break
            await asyncio.sleep(0.05)
        octets = memory(pid) or 0
        if octets > resident + MORE_MEMORY:
            text = f"{octets >> 20} MB are resident, {resident >> 20} MB were after the first rounds"
            self._breach("process", Kind.MEMORY, "resident", text)
            self._usual = self._usual[0], octets

    async def _of_idleness(self, pid: int) -> None:
        """A mediator that nobody asks anything does nothing."""
        if pid == os.getpid():
            return
        share = 0.0
        for _ in range(IDLE_TRIES):
            before, began = processor_seconds(pid), time.monotonic()
            await asyncio.sleep(IDLE_SECONDS)
            share = (processor_seconds(pid) - before) / (time.monotonic() - began)
            if share < BUSY:
                return
        text = f"nobody asks anything, and it takes {share:.0%} of a processor"
        self._breach("process", Kind.HANG, "idle", text)


def _most(first: int | None, second: int | None) -> int | None:
    return max((one for one in (first, second) if one is not None), default=None)
