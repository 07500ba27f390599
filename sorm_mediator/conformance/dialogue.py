"""The dialogue with the examined mediator: commands, their answers, and the messages that must come.

A method with an expectation records the expectation in words. If it does not hold, the method ends the check
with a verdict (:mod:`sorm_mediator.conformance.verdicts`). Every unit on a channel is kept as evidence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from protocol import EncodeError
from protocol.messages import caption, title_of
from protocol.texts import status_phrase
from sorm_mediator.conformance.verdicts import (
    Action,
    Crossing,
    Deviates,
    Failed,
    Record,
    Unprepared,
    Untested,
)
from sorm_mediator.console.client import (
    COMMANDS,
    EVENTS,
    KPD1,
    MESSAGES,
    ConsoleClient,
    Crossed,
    Observer,
    Sent,
    hung_up,
)
from sorm_mediator.console.comparing import OneOf, differences, show_value
from sorm_mediator.console.errors import StepError
from sorm_mediator.console.interrupt import carry_through
from sorm_mediator.language import Phrase, join

Outcome = Literal["executed", "not-executed", "rejected", "accepted", "silent"]
Profile = Literal["order", "eltex"]
Errors = Literal["order", "extended", "any"]

RECEIVED, ANSWER, RELEASE = "number-received", "answer", "release"
"""The events of an answered call: 41h, 42h, 43h."""
EXTENDED = 0x10
"""The lowest of the vendor's codes, which replace the order's 01h (docs/mediator.md)."""
_SAME: Mapping[tuple[str, int], tuple[Outcome, int]] = {
    ("rejected", 0x02): ("rejected", 0x17),
    ("not-executed", 0x05): ("rejected", 0x18),
    ("not-executed", 0x07): ("rejected", 0x16),
}
"""The extended code for a code of the order other than 01h, and its message."""
IDENTITY = ("object_number", "object_type", "number_sign", "number", "trunk")
"""The fields of command 5 that command 6 repeats."""
OBJECT = (*IDENTITY, "category", "ksl_group", "priority")
"""The fields of command 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of an examination: its strictness, and the numbers that it may use."""

    profile: Profile = "order"
    errors: Errors = "any"
    timing: Literal["judge", "report"] = "judge"
    order: str = "268"
    own: tuple[str, ...] = ()
    """Subscribers of the node, in the form for command 5 and for dialling."""
    network: str = ""
    """A number of the network, as dialled by a subscriber."""
    network_object: str = ""
    """The same number in the form for command 5."""
    caller: str = ""
    """A number of the network that calls in, also in the form for command 5."""
    trunk: int | None = None
    trunk_name: str = ""
    streams: tuple[int, ...] = (0,)
    slow: bool = False
    domain: str = ""
    """The domain of the emulated switch that makes the calls."""
    test_timeout: float = 600.0
    """Seconds without command 14 after which the mediator falls silent (order 268, 6.14.3); 0: never."""
    within: float = 5.0
    """Seconds after which an answer counts as missing."""
    quiet: float = 0.3
    """Seconds of silence that a check requires when nothing is due."""


@dataclass(slots=True)
class Reply:
    """A command and its answer."""

    command: str
    fields: dict[str, Any]
    sent: Sent
    units: list[Crossed] = field(default_factory=list)

    def first(self, name: str) -> Crossed | None:
        """The first unit of this name."""
        return next((one for one in self.units if one.name == name), None)

    @property
    def receipt(self) -> Crossed | None:
        """27h."""
        return self.first("command-received")

    @property
    def execution(self) -> Crossed | None:
        """28h."""
        return self.first("command-executed")

    @property
    def data(self) -> list[Crossed]:
        """The messages between 27h and 28h."""
        return [one for one in self.units if one.name not in ("command-received", "command-executed")]

    @property
    def payload(self) -> bytes:
        """The octets of the first message between 27h and 28h after its header; empty without one."""
        return self.data[0].raw[10:] if self.data else b""

    @property
    def numbering(self) -> list[tuple[int, int]]:
        """Number and count of each message between 27h and 28h."""
        return [(one.fields["index"], one.fields["total"]) for one in self.data]

    def took(self, unit: Crossed) -> float:
        """Milliseconds from the command to a unit."""
        return (unit.time - self.sent.time) * 1000

    @property
    def outcome(self) -> tuple[Outcome, int]:
        """The outcome of the command, and its status."""
        receipt, execution = self.receipt, self.execution
        if receipt is None:
            return "silent", 0
        if receipt.fields["status"]:
            return "rejected", int(receipt.fields["status"])
        if execution is None:
            return "accepted", 0
        status = int(execution.fields["status"])
        return ("not-executed", status) if status else ("executed", 0)


@dataclass(slots=True)
class Target:
    """An object that a check put under control: the fields of its command 5."""

    fields: dict[str, Any]

    @property
    def number(self) -> int:
        """The object number."""
        return int(self.fields["object_number"])

    @property
    def identity(self) -> dict[str, Any]:
        """The fields of its command 6."""
        return identity(self.fields)


def identity(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of command 6 for the object of a command 5."""
    return {name: fields.get(name) for name in IDENTITY}


class Dialogue(Observer):
    """The console of an examination, and observer of its client: sends commands, expects answers and events."""

    def __init__(self, client: ConsoleClient, terms: Terms) -> None:
        self.client = client
        self.terms = terms
        self.event_within = terms.within
        """Seconds that an event may take."""
        self.orm_number = client.orm_number
        """The ORM number in command 1."""
        self.first_password = client.password
        self.password_before = client.password
        self.passwords: list[str] = []
        """Passwords that command 3 has set."""
        self.running = False
        self.tables_gone = False
        """The technical means were stopped or restarted: their former tables must be put back."""
        self.controlled_before: dict[Any, int] = {}
        """Numbers and trunks that were under control before the examination: their object numbers."""
        self.log: list[Crossed] = []
        """All units received since the examination began."""
        self.slowest: tuple[float, Reply] | None = None
        """The slowest 27h: its delay in milliseconds, and the answer that it belongs to."""
        self.measured: float | None = None
        """The time measured by the check, in milliseconds."""
        self.record = Record()
        self.objects: dict[int, dict[str, Any]] = {}
        """Objects that this examination has under control now, by number: their command 5."""
        self.in_groups: list[dict[str, Any]] = []
        """Commands 4 in force."""
        self.doubtful: list[tuple[str, dict[str, Any]]] = []
        """Refused commands 4 and 5 of this check: a faulty mediator may have carried them out."""
        self.undone: list[tuple[str, dict[str, Any]]] = []
        """Commands 4 and 5 of this check that a stop has undone, if the mediator deletes its tables."""

        self._arrived: list[Crossed] = []
        self._preparing = False

    # --- observer of the client

    def crossed(self, client: ConsoleClient, crossed: Crossed) -> None:
        """Keep the unit."""
        self.record.units.append(Crossing(crossed, self._preparing))
        if not crossed.outbound:
            self.log.append(crossed)
            self._arrived.append(crossed)

    async def connect(self) -> None:
        """Connect both channels again if one of them is down. Raises :class:`ConnectError`."""
        if len(self.client.connected) < 2:
            await self.client.connect()

    # --- one check after the other

    def begin(self, record: Record) -> None:
        """A check begins."""
        self.record = record
        self._arrived.clear()
        self.measured = None
        self._preparing = False
        self.doubtful.clear()
        self.undone.clear()

    def end(self) -> None:
        """The check is over."""
        self.record = Record()

    def note_action(self, text: Phrase) -> None:
        """Record an action."""
        self.record.units.append(Action(time.time(), text, self._preparing))

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """The preparation of a check. A failure in it leaves the check untested."""
        noted, before = len(self.record.expected), self._preparing
        self._preparing = True
        try:
            yield
        except Failed as failed:
            if before:
                raise
            raise Unprepared(Phrase("could not be prepared: {why}", why=failed.why)) from None
        finally:
            self._preparing = before
            del self.record.expected[noted:]

    # --- commands

    async def command(self, name: str | bytes, *, within: float | None = None, **fields: Any) -> Reply:
        """Send a command, or octets, and wait for its end; the answer, without a judgement."""
        (reply,) = await self.together((name, fields), within=within)
        return reply

    async def together(
        self, *commands: tuple[str | bytes, dict[str, Any]], within: float | None = None
    ) -> list[Reply]:
        """Send commands one after the other without waiting, then wait for the end of all.

        A cancellation comes after that wait: what a sent command changes must be known to be put back.
        """
        return await carry_through(self._exchange(commands, within))

    async def _exchange(
        self, commands: Sequence[tuple[str | bytes, dict[str, Any]]], within: float | None
    ) -> list[Reply]:
        replies = [await self._send(name, fields) for name, fields in commands]
        await self._over(replies, self.terms.within if within is None else within)
        for reply in replies:
            self._settle(reply)
        return replies

    async def _send(self, name: str | bytes, fields: dict[str, Any]) -> Reply:
        try:
            message = name if isinstance(name, bytes) else self.client.command(name, fields)
            sent = await self.client.send(message)
        except StepError as error:
            raise Failed(error.text) from None
        except EncodeError as error:
            raise Untested(Phrase("{name}: {error}", name=str(name), error=error)) from None
        if not sent:
            raise Failed(Phrase("these octets are no command"))
        shown = name if isinstance(name, str) else f"{sent[0].code:02X}h"
        return Reply(shown, fields, sent[0])

    async def _over(self, replies: Sequence[Reply], within: float) -> None:
        done = await self.client.wait(lambda: all(reply.sent.done for reply in replies), within)
        for reply in replies:
            reply.units = [one for one in self._arrived if one.answers is reply.sent]
            # A 27h after the wait for another command (order 268, 7.1) is not late.
            if len(replies) == 1 and (receipt := reply.receipt) is not None:
                ms = reply.took(receipt)
                if self.slowest is None or ms > self.slowest[0]:
                    self.slowest = ms, reply
        for reply in replies:
            # An answer after this wait belongs to a later command.
            reply.sent.accepted = reply.sent.done = True
        if not done and not self.client.connected:
            raise Failed(Phrase("the mediator has closed the channels"))

    def _settle(self, reply: Reply) -> None:
        """Record the changes of an executed command, so that they can be put back."""
        name, fields = reply.command, reply.fields
        if reply.outcome[0] != "executed":
            if name in ("add-ksl", "add-object"):
                self.doubtful.append((name, fields))
            return
        match name:
            case "add-object":
                self.objects[fields["object_number"]] = fields
            case "remove-object":
                self.objects.pop(fields["object_number"], None)
            case "change-object" if fields["object_number"] in self.objects:
                self.objects[fields["object_number"]] |= fields
            case "add-ksl":
                self.in_groups.append(fields)
            case "remove-ksl":
                self.in_groups = [one for one in self.in_groups if one["ksl_a"] != fields["ksl_a"]]
            case "set-password":
                self.passwords.append(fields["new_password"])
            case "stop":
                self.emptied()
            case "start":
                self.running = True

    def emptied(self) -> None:
        """The technical means are stopped, and their tables are empty."""
        self.running = False
        self.tables_gone = True
        self.controlled_before.clear()
        self.undone += [("add-object", fields) for fields in self.objects.values()]
        self.undone += [("add-ksl", fields) for fields in self.in_groups]
        self.objects.clear()
        self.in_groups.clear()

    async def executed(self, name: str | bytes, **fields: Any) -> Reply:
        """A command that must be executed: 27h/00h, 28h/00h. Fields and ``eltex`` as in :meth:`answered`."""
        return await self.answered("executed", name, **fields)

    async def not_executed(self, name: str | bytes, status: int = 0x01, **fields: Any) -> Reply:
        """A command that must be accepted and not executed: 27h/00h, 28h with this status."""
        return await self.answered("not-executed", name, status, **fields)

    async def rejected(self, name: str | bytes, status: int = 0x01, **fields: Any) -> Reply:
        """A command that must be rejected at receipt: 27h with this status."""
        return await self.answered("rejected", name, status, **fields)

    async def refused(self, name: str | bytes, **fields: Any) -> Reply:
        """A command that must be refused at receipt or at execution: the order allows both."""
        return await self.answered("refused", name, **fields)

    async def answered(
        self, wanted: str, name: str | bytes, status: int = 0x01, *, eltex: tuple[str, str] | None = None,
        **fields: Any,
    ) -> Reply:  # fmt: skip
        """A command and its required outcome: executed, not-executed, rejected or refused.

        ``eltex``: an option of the profile and the outcome that it allows.
        """
        self.expects_outcome(name[2] if isinstance(name, bytes) else COMMANDS[name].code, wanted, status)
        reply = await self.command(name, **fields)
        self.judge_outcome(reply, wanted, status, eltex=eltex)
        return reply

    async def prepare(self, name: str, **fields: Any) -> Reply:
        """A command of the preparation, which must be executed."""
        with self.preparing():
            return await self.executed(name, **fields)

    def expects_outcome(self, code: int, wanted: str, status: int = 0x01) -> None:
        """Record the required outcome of a command."""
        due = _DUE.get(wanted, _ACCEPTED).fill(n=status)
        self.expects(Phrase("command {n}: {outcome}", n=code, outcome=due))

    def judge(self, reply: Reply, wanted: str, status: int = 0x01) -> None:
        """A command must have had this outcome. Raises :class:`Failed`, :class:`Deviates`."""
        self.expects_outcome(reply.sent.code, wanted, status)
        self.judge_outcome(reply, wanted, status)

    def judge_outcome(
        self, reply: Reply, wanted: str, status: int = 0x01, *, eltex: tuple[str, str] | None = None
    ) -> None:
        """Like :meth:`judge`, for a recorded outcome."""
        outcome, came = reply.outcome
        if wanted == "refused":
            holds = outcome in ("rejected", "not-executed") and self._code_fits(0x01, came)
        else:
            fits = wanted in ("executed", "accepted") or self._code_fits(status, came)
            holds = outcome == wanted and fits
        if not holds and self.terms.errors != "order":
            holds = _SAME.get((wanted, status)) == (outcome, came)
        meaning = status_phrase(came, message_code=0x27 if outcome == "rejected" else 0x28)
        shown = {"n": reply.sent.code, "came": _CAME[outcome].fill(n=came, meaning=meaning)}
        if not holds:
            what = Phrase("command {n}: {came}").fill(**shown)
            self._own_fault(reply, what)
            if eltex is not None and outcome == eltex[1]:
                self.deviates(eltex[0], what)
            raise Failed(what)
        if self.terms.errors == "any" and came != status and outcome in ("rejected", "not-executed"):
            note = Phrase(
                "command {n}: {came} came, the vendor's code in place of the order's {status:02X}h"
            ).fill(status=status, **shown)
            if not self._preparing and str(note) not in map(str, self.record.notes):
                self.record.notes.append(note)

    def _own_fault(self, reply: Reply, came: Phrase) -> None:
        """Raises :class:`Untested` for a refused object that was under control before the examination."""
        number = reply.fields.get("number") or reply.fields.get("trunk")
        taken = self.controlled_before.get(number)
        refused = reply.command == "add-object" and reply.outcome[0] in ("rejected", "not-executed")
        if refused and taken is not None:
            raise Untested(
                Phrase(
                    "{number} is under control already, as object {n} ({came}): "
                    "remove it (command 6), or --may-stop",
                    number=number, n=taken, came=came,
                )
            )  # fmt: skip

    def _code_fits(self, wanted: int, came: int) -> bool:
        if wanted != 0x01:  # the extended style has the same code except for those in :data:`_SAME`
            return came == wanted
        style = self.terms.errors
        return (came == 0x01 and style != "extended") or (came >= EXTENDED and style != "order")

    def deviates(self, option: str, what: Phrase) -> None:
        """The answer contradicts the order, but an option of the profile eltex allows it."""
        if self.terms.profile == "eltex":
            raise Deviates(what, option)
        raise Failed(what)

    # --- expectations

    def expects(self, text: Phrase) -> None:
        """Record an expectation in words."""
        self.record.expected.append(text)

    def require(self, holds: bool, expected: Phrase, came: object) -> None:
        """An expectation that is already evaluated; octets that came are written in hexadecimal."""
        self.expects(expected)
        if not holds:
            raise Failed(Phrase("{came}", came=came.hex(" ").upper() if isinstance(came, bytes) else came))

    def fields(self, unit: Crossed, /, *, eltex: str = "", **fields: Any) -> None:
        """A message must have these values. ``eltex``: the option that allows other values."""
        self.expects(_wanted(unit.raw[2], fields))
        self._compare(unit, fields, eltex)

    def _compare(self, unit: Crossed, fields: dict[str, Any], eltex: str = "") -> None:
        found = differences(fields, unit.fields)
        if not found:
            return
        texts: list[str] = [
            Phrase(
                "{name}: {came} instead of {wanted}",
                name=_field(one.path), came=one.came, wanted=one.expected,
            )
            for one in found
        ]  # fmt: skip
        what = join(": ", [_code(unit.raw[2]), join("; ", texts)])
        if eltex:
            self.deviates(eltex, what)
        raise Failed(what)

    def within_limit(self, ms: float, limit: int, what: Phrase) -> None:
        """A time with an upper limit; it becomes the time of the check."""
        self.measured = max(ms, self.measured or 0.0)
        text = Phrase("{what} within {limit} ms", what=what, limit=limit)
        holds = ms <= limit or self.terms.timing == "report"
        self.require(holds, text, Phrase("{what} after {ms:.0f} ms", what=what, ms=ms))

    def comes_after(
        self, later: Crossed | None, earlier: Crossed | None, expected: Phrase, came: Phrase
    ) -> None:
        """A unit must have come after another unit; both must have come."""
        assert earlier is not None
        places = {id(one): place for place, one in enumerate(self.log)}
        holds = later is not None and places[id(later)] > places[id(earlier)]
        self.require(holds, expected, came)

    def shown_instead(self, *units: Crossed | None) -> None:
        """These units of an earlier check are the evidence, in place of the units of this check."""
        self.record.units = [Crossing(one, prepared=False) for one in units if one is not None]

    # --- unsolicited messages

    def unread(self, suits: Callable[[Crossed], bool]) -> list[Crossed]:
        """The units of this check that fit and were not yet taken."""
        return [one for one in self._arrived if one.answers is None and suits(one)]

    def came(self, name: str) -> list[Crossed]:
        """The messages of this name in this check, including answers."""
        return [one for one in self._arrived if one.name == name]

    def forget(self) -> None:
        """Discard the units received until now."""
        self._arrived.clear()

    async def message(
        self, name: str, /, *, where: Mapping[str, Any] | None = None, **fields: Any
    ) -> Crossed:
        """The next message of KPD1 of this name that is no answer. ``where`` chooses among several."""

        def suits(one: Crossed) -> bool:
            return one.channel == KPD1 and one.name == name and not differences(dict(where or {}), one.fields)

        unit = await self._due(MESSAGES[name].code, fields, suits, self.terms.within)
        self._compare(unit, fields)
        return unit

    async def event(self, target: Target, name: str, **fields: Any) -> Crossed:
        """The next event of an object must have this name and these values."""
        code = EVENTS[name].code
        unit = await self._due(code, fields, _event_of(target), self.event_within)
        if unit.name != name:
            raise Failed(Phrase("{came:02X}h came instead of {code:02X}h", came=unit.raw[2], code=code))
        self._compare(unit, fields)
        return unit

    async def events(self, target: Target, *names: str, **fields: Any) -> list[Crossed]:
        """The next events of an object must have these names (41h, 42h, 43h) and these values."""
        names = names or (RECEIVED, ANSWER, RELEASE)
        return [await self.event(target, name, **fields) for name in names]

    async def given(self, target: Target, *names: str, **fields: Any) -> Crossed:
        """Preparation: wait for events of an object. Returns the first, which has these values."""
        with self.preparing():
            first = await self.event(target, names[0], **fields)
            for name in names[1:]:
                await self.event(target, name)
            return first

    async def ended(self, target: Target) -> Crossed:
        """Preparation: wait for the end of an object's call, after any other events."""
        with self.preparing():
            while True:
                unit = await self._due(0x43, {}, _event_of(target), self.event_within)
                if unit.name == RELEASE:
                    return unit

    async def event_of_test(self, number: int) -> Crossed:
        """The 53h of a test."""

        def suits(one: Crossed) -> bool:
            return one.on_kpd2 and one.name == "test-reply" and one.fields.get("test_number") == number

        return await self._due(0x53, {"test_number": number}, suits, self.terms.within)

    async def next_name(self, target: Target) -> str:
        """The name of the next event of an object, which is not taken; empty if no event comes in time."""
        suits = _event_of(target)
        await self.client.wait(lambda: bool(self.unread(suits)), self.terms.within)
        return next((one.name for one in self.unread(suits)), "")

    async def nothing(self, what: Phrase, suits: Callable[[Crossed], bool], *, eltex: str = "") -> None:
        """No unit that fits may have come, or come within a while. ``eltex``: the option that allows it.

        Raises :class:`Failed`, also when the mediator hangs up, since nothing can come then.
        """
        self.expects(what)
        await self.client.wait(lambda: bool(self.unread(suits) or self.client.hung_up), self.terms.quiet)
        if self.client.hung_up:
            raise Failed(hung_up(self.client.hung_up))
        if self.unread(suits):
            raw = self.unread(suits)[0].raw
            known = len(raw) > 2
            text = Phrase(
                "{code} ({name}) came all the same",
                code=_code(raw[2]) if known else "",
                name=title_of(raw[2]) if known else "?",
            )
            if eltex:
                self.deviates(eltex, text)
            raise Failed(text)

    async def no_events(self, target: Target) -> None:
        """No event of an object may have come, or come within a while."""
        text = Phrase("no further event of object {n}", n=target.number)
        await self.nothing(text, _event_of(target))

    async def _due(
        self, code: int, fields: Mapping[str, Any], suits: Callable[[Crossed], bool], within: float
    ) -> Crossed:
        """Take the next unit that fits. Raises :class:`Failed` if none comes in time."""
        self.expects(_wanted(code, fields))
        if not await self.wait(lambda: bool(self.unread(suits)), within):
            raise Failed(Phrase("no {code:02X}h within {within:g} s", code=code, within=within))
        unit = self.unread(suits)[0]
        self._arrived.remove(unit)
        return unit

    async def wait(self, there: Callable[[], bool], within: float) -> bool:
        """Wait at most so many seconds for a condition."""
        return await self.client.wait(there, within)


def _event_of(target: Target) -> Callable[[Crossed], bool]:
    return lambda one: one.on_kpd2 and one.fields.get("object_number") == target.number


# --- words


def one_of(*values: Any) -> OneOf:
    """A field that may have any of these values."""
    return OneOf(values)


_ACCEPTED = Phrase("27h/00h")
_DUE = {
    "executed": Phrase("27h/00h, then 28h/00h"),
    "not-executed": Phrase("27h/00h, then 28h/{n:02X}h"),
    "rejected": Phrase("27h/{n:02X}h, no 28h"),
    "refused": Phrase("a refusal: 27h/01h or 28h/01h"),
}
"""The required outcomes in words; :data:`_ACCEPTED` is that of the others."""
_CAME: Mapping[Outcome, Phrase] = {
    "silent": Phrase("no answer"),
    "accepted": Phrase("27h/00h and no 28h"),
    "executed": Phrase("27h/00h, 28h/00h"),
    "rejected": Phrase("27h/{n:02X}h ({meaning})"),
    "not-executed": Phrase("27h/00h, 28h/{n:02X}h ({meaning})"),
}
"""The outcomes that came, in words."""
_HEX = frozenset((
    "selection", "connection", "service_phase", "operation", "service", "status", "command", "additional",
    "test_number", "kpd1_state", "kpd2_state", "alarm_type", "alarm_code", "access_code", "line_state",
    "version", "reserve", "delivery_state", "delivery_code",
))  # fmt: skip
"""Fields whose required values are written in hexadecimal."""


def _code(code: int) -> Phrase:
    return Phrase("{code:02X}h", code=code)


def _field(path: str) -> Phrase:
    name, *rest = path.split(".", 1)
    return join(".", [caption(name), *rest])


def _wanted(code: int, fields: Mapping[str, Any]) -> Phrase:
    """A message and its required values, in words."""
    name = Phrase("{code:02X}h ({name})", code=code, name=title_of(code))
    if not fields:
        return name
    parts: list[str] = [join(" = ", [_field(key), _in_words(key, value)]) for key, value in fields.items()]
    return join(": ", [name, join(", ", parts)])


def _in_words(key: str, value: Any) -> Phrase:
    match value:
        case OneOf(values):
            return join(" / ", [_in_words(key, each) for each in values])
        case None:
            return Phrase("FFh")
        case int() if key in _HEX:
            return _code(value)
        case {"stream": stream, "ksl": ksl}:
            return Phrase("stream {stream} KSL {ksl}", stream=stream, ksl=ksl)
        case _:
            return show_value(value)
