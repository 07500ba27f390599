"""Runs a script of the vendor's tester: command lines with their codes, and the expected events of calls.

The numbers identify a call. The first event that fits binds the call to a call id (octets 4 to 8), and every
further event of that id must be the next one expected. Several observations run at the same time.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from protocol.wire import MASK
from sorm_mediator.console.client import KPD1, KPD2, Crossed, Sent, hung_up, no_end, wait_for
from sorm_mediator.console.comparing import NOTHING, Difference, Failure, nothing_came
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.language import Phrase, join
from sorm_mediator.replay import vendor as v
from sorm_mediator.replay.results import StepResult
from sorm_mediator.replay.runner import EXECUTED, Console, ScriptRunner
from sorm_mediator.replay.vendor import Command, LineError, parse_line
from sorm_mediator.replay.vocabulary import COMMANDS, REQUESTS

COMMAND_WITHIN = 10.0
"""Seconds for a command. Order 268, 1.5 gives 15; the tester itself waits 10."""
_VENDOR_CODES = range(0x10, 0x100)
_SIDES = {"number_a": 0x03, "number_b": 0x0C}
_TRUNK_OR_SERVICE = 0xF0


class VendorRunner(ScriptRunner[v.VendorScript]):
    """Runs one vendor script."""

    async def _play(self) -> None:
        self._sending = asyncio.Lock()
        self._claimed: set[bytes] = set()
        console = await self._console()
        for number, step in enumerate(self._script.steps, 1):
            if not isinstance(step, v.Calls) and step.text.split()[:1] == ["exit"]:
                self.result.planned = len(self.result.steps)
                break
            if not await self._step(console, step, str(number)) and not self._keep_going:
                break

    async def _step(self, console: Console, step: v.CommandLine | v.TestMgm | v.Calls, number: str) -> bool:
        if isinstance(step, v.Calls):
            return await self._calls(console, step, number)
        result = self._begin_step(number, _masked(step.text), step.line)
        await self._attempt(result, self._command(console, step, result))
        return self._end_step(result)

    async def _command(
        self, console: Console, step: v.CommandLine | v.TestMgm, result: StepResult
    ) -> Failure | None:
        if step.text.split()[0] in v.SHELL_WORDS:
            result.notes.append(Phrase("a word of the tester's shell: nothing is sent"))
            return None
        sent = await self._send(console, step.text, step.line, b"")
        failure = None
        if isinstance(step, v.TestMgm):
            failure = _codes_differ(step, _codes_of(console, sent))
        if failure is None and not all(one.done for one in sent):
            failure = Failure(EXECUTED, no_end(console.client, COMMAND_WITHIN))
        if failure is not None or isinstance(step, v.CommandLine):
            self._hint(sent, result)
        return failure

    async def _send(self, console: Console, text: str, line: int, call: bytes) -> tuple[Sent, ...]:
        """Send a command line and wait for the end of its answers, one command at a time. ``call``: the call seen."""
        try:
            command = parse_line(text, call)
        except LineError as error:
            raise ScriptError(f"{self._script.path}:{line}: {text!r}: {error}") from None
        client = console.client
        async with self._sending:
            if command.payload is None:
                message: Any = client.command(command.name, command.fields)
            else:
                message = _unit(command, client.orm_number, client.password)
            if command.password is not None:
                raw = message if isinstance(message, bytes) else client.codec.encode(message)
                message = raw[:4] + command.password.encode("latin-1", "replace") + raw[10:]
            sent = await client.send(message)
            await wait_for(
                client, lambda: all(one.done for one in sent), (KPD1,), time.monotonic() + COMMAND_WITHIN
            )
        return sent

    async def _calls(self, console: Console, step: v.Calls, number: str) -> bool:
        watching = [
            asyncio.ensure_future(self._watch(console, watch, step, f"{number}.{index}"))
            for index, watch in enumerate(step.watches, 1)
        ]
        try:
            passed = await asyncio.gather(*watching)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
        return all(passed)

    async def _watch(self, console: Console, watch: v.Watch, step: v.Calls, number: str) -> bool:
        numbers = " -> ".join(
            step.variables[name] for name in ("number_a", "number_b") if name in step.variables
        )
        title = join(" ", [part for part in (REQUESTS["call"].title, numbers, watch.observer) if part])
        result = self._begin_step(number, title, step.line)
        for _ in range(watch.repeat):
            await self._attempt(result, self._observe(console, watch, step.line))
            if result.failure is not None:
                break
        if result.failure is not None and not watch.required:
            result.notes.append(
                join(
                    ": ",
                    [
                        _NOT_SEEN,
                        join("; ", result.failure.texts() + [one.text for one in result.failure.differences]),
                    ],
                )
            )
            result.failure = None
        return self._end_step(result)

    async def _observe(self, console: Console, watch: v.Watch, line: int) -> Failure | None:
        """Observe one call once. A call that the script makes itself is made first."""
        if watch.make is not None:
            request = dict(watch.make)
            assert self._target.make_call is not None
            await self._target.make_call(str(request.pop("domain")), request)
        call = b""
        deadline = time.monotonic() + watch.timeout  # of the whole call
        for step in watch.steps:
            if isinstance(step, v.CommandLine):
                await self._send(console, step.text, line, call)
                continue
            came = await self._next_event(console, step, watch, call, deadline)
            if came is None:
                continue
            if isinstance(came, Failure):
                return came
            call = came.raw[v.CALL_ID]
        return None

    async def _next_event(
        self, console: Console, step: v.Recv, watch: v.Watch, call: bytes, deadline: float
    ) -> Crossed | Failure | None:
        """The next event of the call, why it is not the expected one, or None for an optional one that did not come."""

        def is_ours(one: Crossed) -> bool:
            return one.raw[v.CALL_ID] == call if call else self._may_begin(one, step, watch)

        def ours() -> Crossed | None:
            return next(filter(is_ours, console.waiting((KPD2,))), None)

        await wait_for(console.client, lambda: ours() is not None, (KPD2,), deadline)
        crossed = ours()
        if crossed is None and KPD2 in console.client.final:
            return Failure(_shown(step), hung_up([KPD2]))
        if not step.required and (crossed is None or _differences(step, crossed)):
            return None
        if crossed is None:
            unread = [one for one in console.waiting((KPD2,)) if len(one.raw) == v.EVENT_OCTETS]
            nearest = min(unread, key=lambda one: len(_differences(step, one)), default=None)
            reason = nothing_came(watch.timeout, close=nearest is not None)
            return Failure(_shown(step), reason, nearest, _differences(step, nearest) if nearest else [])
        console.take([crossed])
        self._claimed.add(crossed.raw[v.CALL_ID])
        differences = _differences(step, crossed)
        return Failure(_shown(step), "", crossed, differences) if differences else crossed

    def _may_begin(self, crossed: Crossed, step: v.Recv, watch: v.Watch) -> bool:
        """Whether an event can be the first of the observed call: its numbers and the side observed."""
        if (
            len(crossed.raw) != v.EVENT_OCTETS
            or crossed.raw[v.CALL_ID] in self._claimed
            or _differences(step, crossed)
        ):
            return False
        selection = crossed.raw[v.SELECTION]
        side = _SIDES.get(watch.observer, 0xFF)
        return bool(selection & (side | _TRUNK_OR_SERVICE))


def _differences(step: v.Recv, crossed: Crossed) -> list[Difference]:
    found = []
    if step.message is not None and crossed.raw[2] != step.message:
        found.append(Difference("msg", f"{step.message:02X}h", f"{crossed.raw[2]:02X}h"))
    for name, side, number in (("number-a", "calling", step.number_a), ("number-b", "called", step.number_b)):
        came = crossed.fields.get(side, {}).get("number")
        if number is not None and number not in (came, "none" if came is None else came):
            found.append(Difference(name, number, str(came or "none")))
    for name, expected in step.tests.items():
        came_bytes = _octets(crossed, name, len(expected))
        if came_bytes != expected:
            found.append(Difference(f"test.{name}", expected.hex().upper(), came_bytes.hex().upper()))
    return found


def _octets(crossed: Crossed, name: str, length: int) -> bytes:
    offset, _ = v.TEST_FIELDS[name]
    if name == "ss":
        field = crossed.raw[offset : offset + 3]
        # One octet is at the mediator's position among the three (``service_code_position``).
        return field if length == 3 else bytes(next(([byte] for byte in field if byte != 0xFF), [0xFF]))
    if name == "call" and length == 2:
        # Typed as a number, sent with the low octet first.
        return crossed.raw[offset : offset + 2][::-1]
    return crossed.raw[offset : offset + length]


def _shown(step: v.Recv) -> Phrase:
    parts: list[str] = [f"msg {step.message:02X}h"] if step.message is not None else [_AN_EVENT]
    parts += [
        f"{name} {text}" for name, text in (("number-a", step.number_a), ("number-b", step.number_b)) if text
    ]
    parts += [f"{name} {octets.hex().upper()}" for name, octets in step.tests.items()]
    return join(", ", parts)


_AN_EVENT = Phrase("an event")
_NOT_SEEN = Phrase("optional, and not seen")


def _unit(command: Command, orm_number: int, password: str) -> bytes:
    """A command with a payload given as octets."""
    assert command.payload is not None
    orm_number = command.fields.get("orm_number", orm_number)
    password = command.fields.get("password", password)
    head = bytes((0xCC, orm_number, COMMANDS[command.name].code, len(command.payload)))
    return head + password.encode("latin-1") + command.payload


def _codes_of(console: Console, sent: tuple[Sent, ...]) -> tuple[int | None, int | None]:
    """The status of 27h and of 28h (29h counts as 28h/00h: command 14 ends with it)."""
    ack: int | None = None
    executed: int | None = None
    answers = [one for one in console.waiting((KPD1,)) if one.answers is not None and one.answers in sent]
    for crossed in answers:
        if crossed.name == "command-received":
            ack = crossed.message.status
        elif crossed.name == "command-executed":
            executed = crossed.message.status
        elif crossed.name == "test-reply" and executed is None:
            executed = 0
    console.take(answers)
    return ack, executed


def _codes_differ(step: v.TestMgm, came: tuple[int | None, int | None]) -> Failure | None:
    """Compare the codes.

    A vendor code may come in either message: the vendor's table does not determine which.
    """
    ack, executed = came
    wanted = [code for code in (step.ack, step.executed) if code in _VENDOR_CODES]
    if wanted and any(code in wanted for code in came):
        return None
    pairs = [("ack (27h)", step.ack, ack), ("exec (28h)", step.executed, executed)]
    if step.ack:
        # Refused on receipt: nothing more follows (order 268, 7.1).
        pairs.pop()
    found = [
        Difference(name, f"{expected:02X}", NOTHING if code is None else f"{code:02X}")
        for name, expected, code in pairs
        if expected is not None and expected != code
    ]
    expected = ", ".join(f"{name} {code:02X}" for name, code, _ in pairs if code is not None)
    return Failure(expected, "", None, found) if found else None


def _masked(text: str) -> str:
    """A command line with its passwords masked (by the rule of :mod:`protocol.render`)."""
    words = text.split()
    for place in range(len(words)):
        is_secret = place > 0 and (
            words[place - 1] in ("-p", "-password") or (words[0] == "set-password" and place == 1)
        )
        if is_secret:
            words[place] = MASK
    return " ".join(words)
