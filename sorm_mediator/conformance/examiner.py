"""The console as an examiner: what the dialogues of the checks are written with.

A dialogue makes ready (``group``, ``target``, ``prepare``), then sends and says what must come. Whatever does not
come as expected ends it with a verdict; every expectation is noted in words, every unit that crosses is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from protocol import EncodeError
from protocol.language import Phrase, join, translate
from protocol.messages import caption
from protocol.texts import message_text
from sorm_mediator.conformance.calling import Call, Caller
from sorm_mediator.conformance.declaration import Need
from sorm_mediator.conformance.verdicts import Crossing, Deviates, Failed, Result, Said, Unprepared, Untested
from sorm_mediator.console.client import KPD1, Address, ConsoleClient, Crossed, Sent
from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.console.fields import Not, OneOf, differences, show_value
from sorm_mediator.console.surroundings import Requester
from sorm_mediator.console.vocabulary import COMMANDS
from sorm_mediator.console.vocabulary import KPD1 as MESSAGES
from sorm_mediator.console.vocabulary import KPD2 as EVENTS

Outcome = Literal["executed", "not-executed", "rejected", "accepted", "silent"]
Profile = Literal["order", "eltex"]
Errors = Literal["order", "extended", "any"]

EXTENDED = 0x10
"""The vendor's codes begin here; they stand in place of the order's 01h (docs/mediator.md)."""
_SAME: Mapping[tuple[str, int], tuple[tuple[Outcome, int], ...]] = {
    ("rejected", 0x02): (("rejected", 0x17),),
    ("not-executed", 0x05): (("rejected", 0x18),),
    ("not-executed", 0x07): (("rejected", 0x16),),
}
"""The extended codes that mean a code of the order other than 01h, and where they come."""
_OUTCOMES: Mapping[str, Phrase] = {
    "executed": Phrase("27h/00h, then 28h/00h", "27h/00h, затем 28h/00h"),
    "not-executed": Phrase("27h/00h, then 28h/{status}", "27h/00h, затем 28h/{status}"),
    "rejected": Phrase("27h/{status}, no 28h", "27h/{status}, без 28h"),
    "refused": Phrase("a refusal: 27h/01h or 28h/01h", "отказ: 27h/01h или 28h/01h"),
    "accepted": Phrase("27h/00h", "27h/00h"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the examiner is told: how strict it is, which numbers it may use."""

    profile: Profile = "order"
    errors: Errors = "any"
    timing: Literal["judge", "report"] = "judge"
    order: str = "268"
    own: tuple[str, ...] = ()
    """Subscribers of the node, in the form they are put under control and dialled in."""
    network: str = ""
    """A number of the network as a subscriber dials it."""
    network_object: str = ""
    """The same as it is put under control."""
    caller: str = ""
    """A number of the network that calls in, and as it is put under control."""
    trunk: int | None = None
    trunk_name: str = ""
    streams: tuple[int, ...] = (0,)
    slow: bool = False
    domain: str = ""
    """The domain of the emulated switch that makes the calls."""
    test_timeout: float = 600.0
    """Seconds without command 14 after which the mediator falls silent (order 268, 6.14.3); 0: it never does."""
    within: float = 5.0
    """Seconds that an answer may take before it counts as missing."""
    quiet: float = 0.3
    """Seconds in which nothing must come where nothing is due."""


@dataclass(slots=True)
class Reply:
    """A command and what came in answer to it."""

    command: str
    fields: dict[str, Any]
    sent: Sent
    units: list[Crossed] = field(default_factory=list)

    def _of(self, name: str) -> Crossed | None:
        return next((one for one in self.units if one.name == name), None)

    @property
    def receipt(self) -> Crossed | None:
        """27h."""
        return self._of("command-received")

    @property
    def execution(self) -> Crossed | None:
        """28h."""
        return self._of("command-executed")

    @property
    def data(self) -> list[Crossed]:
        """The messages between them."""
        return [one for one in self.units if one.name not in ("command-received", "command-executed")]

    @property
    def outcome(self) -> tuple[Outcome, int]:
        """What became of the command, and the status that says so."""
        receipt, execution = self.receipt, self.execution
        if receipt is None:
            return "silent", 0
        if receipt.fields["status"]:
            return "rejected", int(receipt.fields["status"])
        if execution is None:
            return "accepted", 0
        status = int(execution.fields["status"])
        return ("not-executed", status) if status else ("executed", 0)

    def took(self, name: str) -> float:
        """Milliseconds from the command to a message of this name."""
        unit = self._of(name)
        return 0.0 if unit is None else (unit.time - self.sent.time) * 1000


@dataclass(frozen=True, slots=True)
class Group:
    """A KSL group that a check has made: its lines, each a pair for separate control."""

    number: int
    lines: tuple[tuple[dict[str, int], dict[str, int]], ...]

    def a(self, index: int = 0) -> dict[str, int]:
        """KSL-A of a line."""
        return self.lines[index][0]

    def b(self, index: int = 0) -> dict[str, int]:
        """KSL-B of a line."""
        return self.lines[index][1]


@dataclass(slots=True)
class Target:
    """An object that a check has put under control: the fields of its command 5."""

    fields: dict[str, Any]

    @property
    def number(self) -> int:
        """The object number."""
        return int(self.fields["object_number"])

    @property
    def identity(self) -> dict[str, Any]:
        """The fields that command 6 repeats."""
        names = ("object_number", "object_type", "number_sign", "number", "trunk")
        return {name: self.fields[name] for name in names if name in self.fields}


@dataclass(frozen=True, slots=True)
class Receipt:
    """How long a 27h took, in milliseconds, with its command as evidence."""

    ms: float
    sent: Crossed | None
    came: Crossed
    code: int
    """Of the command."""


@dataclass(slots=True)
class Placed:
    """A call that was made."""

    call: Call
    handle: Any
    time: float
    over: bool = False


class Examiner:
    """One examination: its console, and what stands in the tables of the mediator because of it."""

    def __init__(
        self,
        client: ConsoleClient,
        told: Told,
        *,
        caller: Caller | None = None,
        request: Requester | None = None,
        link: str = "tcp",
        lines: Any = None,
        second: Callable[[], ConsoleClient] | None = None,
        observers: Sequence[Callable[[Crossed], object]] = (),
    ) -> None:
        self.client = client
        self.told = told
        self.caller = caller
        self.request = request
        self.link = link
        self.lines = lines
        """The lines of the console over E1."""
        self.may_stop = False
        self.orm_number = client.orm_number
        """The number that the technical means are started with."""
        self.first_password = client.password
        self.password_before = client.password
        self.passwords: list[str] = []
        """Those that command 3 has set."""
        self.running = False
        self.tables_gone = False
        """The means were stopped, or restarted: what was in the tables before has to be put back."""
        self.taken_objects: set[int] = set()
        """Object numbers, groups and lines that were there before, or have been used."""
        self.taken_groups: set[int] = set()
        self.taken_lines: set[tuple[int, int]] = set()
        self.node_type: str | None = None
        """Message 11 of the node, its octet 45, as soon as it is known."""
        self.log: list[Crossed] = []
        """Everything that has come since the examination began."""
        self.slowest: Receipt | None = None
        """The 27h that took longest of all."""
        self.result: Result | None = None
        self.objects: dict[int, dict[str, Any]] = {}
        """Objects that this examination has under control now, by number: their command 5."""
        self.in_groups: list[dict[str, Any]] = []
        """Commands 4 that hold."""
        self.doubtful: list[tuple[str, dict[str, Any]]] = []
        """Commands 4 and 5 of this check that were refused: a mediator may have carried them out all the same."""
        self.undone: list[tuple[str, dict[str, Any]]] = []
        """Commands 4 and 5 of this check that a stop has undone, as far as the mediator deletes its tables."""
        self._second = second
        self._observers = observers
        self._arrived: list[Crossed] = []
        self._preparing = False
        self._placed: list[Placed] = []
        self._last_object = 40_000
        self._last_group = 100
        self._measured: float | None = None
        self._others: list[ConsoleClient] = []

    # --- who watches the console

    def crossed(self, client: ConsoleClient, crossed: Crossed) -> None:
        """Observer of the console: keeps what crossed."""
        if self.result is not None:
            self.result.units.append(Crossing(crossed, self._preparing))
        if not crossed.outbound:
            self.log.append(crossed)
            self._arrived.append(crossed)
        for told in self._observers:
            told(crossed)

    def opened(
        self, client: ConsoleClient, channel: str, local: Address, remote: Address, now: float
    ) -> None:
        """Observer: nothing to keep."""

    def closed(self, client: ConsoleClient, channel: str, now: float) -> None:
        """Observer: nothing to keep."""

    def transferred(
        self, client: ConsoleClient, channel: str, outbound: bool, data: bytes, now: float
    ) -> None:
        """Observer: nothing to keep."""

    def framed(self, client: ConsoleClient, channel: str, by_dte: bool, frame: bytes, now: float) -> None:
        """Observer: nothing to keep."""

    # --- what a check may use

    def own(self, index: int = 0) -> str:
        """A subscriber of the node. Raises :class:`Untested` when too few were told."""
        if index >= len(self.told.own):
            en, ru = "needs {n} {what} of the node: --own", "нужны абоненты узла ({n}): --own"
            what = "subscribers" if index else "subscriber"
            raise Untested(Phrase(en, ru, n=index + 1, what=what))
        return self.told.own[index]

    @property
    def own_sign(self) -> str:
        """The sign of a subscriber of the node."""
        return "own" if self.told.order == "268" else "private"

    @property
    def network_sign(self) -> str:
        """The sign of a number of the country."""
        return "russia" if self.told.order == "268" else "intercity"

    @property
    def foreign_sign(self) -> str:
        """The sign of a number of another country."""
        return "foreign" if self.told.order == "268" else "international"

    @property
    def trunk(self) -> int:
        """The trunk. Raises :class:`Untested` when none was told."""
        if self.told.trunk is None:
            raise Untested(Phrase("needs a trunk: --trunk", "нужен пучок каналов: --trunk"))
        return self.told.trunk

    @property
    def network(self) -> str:
        """A number of the network as it is dialled. Raises :class:`Untested` when none was told."""
        if not self.told.network:
            raise Untested(Phrase("needs a number of the network: --network", "нужен номер сети: --network"))
        return self.told.network

    @property
    def incoming(self) -> str:
        """A number of the network that calls in. Raises :class:`Untested` when none was told."""
        if not self.told.caller:
            raise Untested(Phrase("needs a number that calls in: --caller", "нужен номер сети: --caller"))
        return self.told.caller

    def free_object(self) -> int:
        """An object number that has not been used yet."""
        self._last_object += 1
        while self._last_object in self.taken_objects:
            self._last_object += 1
        return self._last_object

    def free_group(self) -> int:
        """A group number that is not in use; they go round."""
        for _ in range(0xFE):
            self._last_group = self._last_group % 0xFE + 1
            if self._last_group not in self.taken_groups:
                return self._last_group
        raise Untested(Phrase("every group number is in use", "все номера групп заняты"))

    def free_lines(self, count: int) -> list[dict[str, int]]:
        """Lines of the first stream that are in no group, from the lowest. Raises :class:`Untested`."""
        free = self.all_free_lines()
        if len(free) < count:
            en, ru = "needs {n} KSL that are in no group", "нужны незакреплённые КСЛ: {n}"
            raise Untested(Phrase(en, ru, n=count))
        return free[:count]

    def all_free_lines(self) -> list[dict[str, int]]:
        """Every line of the first stream that is in no group."""
        stream = self.told.streams[0]
        held = {
            (line["stream"], line["ksl"])
            for fields in self.in_groups
            for line in (fields.get("ksl_a"), fields.get("ksl_b"))
            if line
        }
        taken = self.taken_lines | held
        return [{"stream": stream, "ksl": n} for n in range(1, 29) if (stream, n) not in taken]

    def numbering(self, unit: Crossed) -> tuple[int, int]:
        """Count and number of messages in the header of a message of KPD1, whatever else is wrong with it."""
        order = self.client.codec.options.count_byte_order
        return int.from_bytes(unit.raw[4:6], order), int.from_bytes(unit.raw[6:8], order)

    # --- making ready

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """What goes wrong here is not what the check is about: the check is then not tested."""
        assert self.result is not None
        noted, before = len(self.result.expected), self._preparing
        self._preparing = True
        try:
            yield
        except Failed as failed:
            if before:
                raise
            text = Phrase("could not be prepared: {why}", "не удалось подготовить: {why}", why=failed.why)
            raise Unprepared(text) from None
        finally:
            self._preparing = before
            del self.result.expected[noted:]

    async def prepare(self, name: str, **fields: Any) -> Reply:
        """A command that must be executed for the check to begin."""
        with self.preparing():
            return await self.executed(name, **fields)

    async def group(self, lines: int = 1, *, separate: bool = False, order: Sequence[int] = ()) -> Group:
        """A group with so many lines, or pairs; ``order``: the places in which they are put there."""
        free = self.free_lines(lines * (2 if separate else 1))
        pairs = [(free[2 * n], free[2 * n + 1]) if separate else (free[n], free[n]) for n in range(lines)]
        number = self.free_group()
        for index in order or range(lines):
            a, b = pairs[index]
            kind = "separate" if separate else "combined"
            await self.prepare("add-ksl", ksl_group=number, group_type=kind, ksl_a=a, ksl_b=b)
        return Group(number, tuple(pairs))

    def object_fields(self, number: str = "", /, group: Group | None = None, **fields: Any) -> dict[str, Any]:
        """The fields of a command 5: an own subscriber, statistical unless there is a group."""
        number = number or self.own()
        category = "statistical"
        if group is not None:
            category = "combined" if group.a() == group.b() else "separate"
        default: dict[str, Any] = {
            "object_number": self.free_object(),
            "object_type": "own-subscriber",
            "number_sign": self.own_sign,
            "number": number,
            "category": category,
            "ksl_group": None if group is None else group.number,
            "priority": "normal",
        }
        return {**default, **fields}

    def network_fields(
        self, number: str = "", /, group: Group | None = None, **fields: Any
    ) -> dict[str, Any]:
        """The same for a subscriber of the network, with its full number."""
        number = number or self.told.network_object
        if not number:
            raise Untested(Phrase("needs a number of the network: --network", "нужен номер сети: --network"))
        default = {"object_type": "network-full", "number_sign": self.network_sign}
        return self.object_fields(number, group=group, **{**default, **fields})

    def trunk_fields(self, group: Group | None = None, **fields: Any) -> dict[str, Any]:
        """The same for a trunk."""
        default = {"object_type": "trunk", "number_sign": None, "number": None, "trunk": self.trunk}
        return self.object_fields("-", group=group, **{**default, **fields})

    async def target(self, number: str = "", /, group: Group | None = None, **fields: Any) -> Target:
        """An own subscriber under control."""
        return await self._given(self.object_fields(number, group=group, **fields))

    async def network_target(self, number: str = "", /, group: Group | None = None, **fields: Any) -> Target:
        """A subscriber of the network under control."""
        return await self._given(self.network_fields(number, group=group, **fields))

    async def trunk_target(self, group: Group | None = None, **fields: Any) -> Target:
        """A trunk under control."""
        return await self._given(self.trunk_fields(group, **fields))

    async def _given(self, fields: dict[str, Any]) -> Target:
        await self.prepare("add-object", **fields)
        return Target(fields)

    async def stop(self) -> None:
        """The technical means are stopped. Raises :class:`Untested` when that is not allowed."""
        if not self.may_stop:
            raise Untested(MAY_STOP)
        if self.running:
            await self.prepare("stop")

    async def start(self) -> None:
        """The technical means are started, with this examination's number and password."""
        if not self.running:
            await self.prepare("start")

    # --- commands

    async def command(self, name: str | bytes, *, within: float | None = None, **fields: Any) -> Reply:
        """Send a command, or bytes, and wait until it is over; what came. Nothing is judged."""
        replies = await self.together((name, fields), within=within)
        return replies[0]

    async def together(
        self, *commands: tuple[str | bytes, dict[str, Any]], within: float | None = None
    ) -> list[Reply]:
        """Send commands one after the other without waiting, then wait until all are over."""
        within = self.told.within if within is None else within
        replies = []
        for name, fields in commands:
            replies.append(await self._send(name, fields))
        await self._over(replies, within)
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
            raise Untested(
                Phrase("{name}: {error}", "{name}: {error}", name=str(name), error=error)
            ) from None
        if not sent:
            raise Failed(Phrase("these bytes are no command", "эти байты не команда"))
        shown = name if isinstance(name, str) else f"{sent[0].code:02X}h"
        return Reply(shown, fields, sent[0])

    async def _over(self, replies: Sequence[Reply], within: float) -> None:
        done = await self.client.wait(lambda: all(reply.sent.done for reply in replies), within)
        for reply in replies:
            reply.units = [one for one in self._arrived if one.answers is reply.sent]
            for one in reply.units:
                # One that had to wait for another command (order 268, 7.1) is not late.
                if one.name == "command-received" and len(replies) == 1:
                    self._timed(reply.sent, one)
        for reply in replies:
            # Nobody waits for it any more: an answer that comes is that of a later command.
            reply.sent.accepted = reply.sent.done = True
        if not done and not self.client.connected:
            raise Failed(Phrase("the mediator has closed the channels", "посредник закрыл каналы"))

    def _timed(self, sent: Sent, receipt: Crossed) -> None:
        ms = (receipt.time - sent.time) * 1000
        if self.slowest is None or ms > self.slowest.ms:
            log = self.client.log
            own = next((one for one in reversed(log) if one.outbound and one.time == sent.time), None)
            self.slowest = Receipt(ms, own, receipt, sent.code)

    def shown_instead(self, *units: Crossed | None) -> None:
        """The evidence of the check is these units, of an earlier one, in place of what it has sent itself."""
        if self.result is not None:
            self.result.units = [Crossing(one, prepared=False) for one in units if one is not None]

    def _settle(self, reply: Reply) -> None:
        """Note what a command that was executed has changed, for it to be put back."""
        name, fields = reply.command, reply.fields
        if reply.outcome[0] != "executed":
            if name in ("add-ksl", "add-object"):
                self.doubtful.append((name, fields))
            return
        if name == "add-object":
            self.objects[fields["object_number"]] = fields
        elif name == "remove-object":
            self.objects.pop(fields["object_number"], None)
        elif name == "change-object" and fields["object_number"] in self.objects:
            self.objects[fields["object_number"]] |= fields
        elif name == "add-ksl":
            self.in_groups.append(fields)
        elif name == "remove-ksl":
            self.in_groups = [one for one in self.in_groups if one["ksl_a"] != fields["ksl_a"]]
        elif name == "set-password":
            self.passwords.append(fields["new_password"])
        elif name == "stop":
            self.emptied()
        elif name == "start":
            self.running = True

    def emptied(self) -> None:
        """The means are stopped, and their tables empty."""
        self.running = False
        self.tables_gone = True
        self.undone += [("add-object", fields) for fields in self.objects.values()]
        self.undone += [("add-ksl", fields) for fields in self.in_groups]
        self.objects.clear()
        self.in_groups.clear()

    async def executed(
        self, name: str | bytes, *, eltex: tuple[str, str] | None = None, **fields: Any
    ) -> Reply:
        """A command that must be executed: 27h/00h, 28h/00h. ``eltex``: an option, and the outcome it allows."""
        return await self.answered("executed", name, eltex=eltex, **fields)

    async def not_executed(
        self, name: str | bytes, status: int = 0x01, *, eltex: tuple[str, str] | None = None, **fields: Any
    ) -> Reply:
        """A command that must be accepted and not executed: 27h/00h, 28h with this status."""
        return await self.answered("not-executed", name, status, eltex=eltex, **fields)

    async def rejected(
        self, name: str | bytes, status: int = 0x01, *, eltex: tuple[str, str] | None = None, **fields: Any
    ) -> Reply:
        """A command that must be rejected at receipt: 27h with this status."""
        return await self.answered("rejected", name, status, eltex=eltex, **fields)

    async def refused(self, name: str | bytes, **fields: Any) -> Reply:
        """A command that must not be carried out, at receipt or at execution: the order leaves open which."""
        return await self.answered("refused", name, 0x01, **fields)

    async def answered(
        self,
        wanted: str,
        name: str | bytes,
        status: int = 0x01,
        *,
        eltex: tuple[str, str] | None = None,
        **fields: Any,
    ) -> Reply:
        """A command with the outcome that it must have."""
        code = name[2] if isinstance(name, bytes) else COMMANDS[name].code
        self.judge_words(code, wanted, status)
        reply = await self.command(name, **fields)
        self.judge(reply, wanted, status, eltex=eltex, noted=True)
        return reply

    def judge_words(self, code: int, wanted: str, status: int = 0x01) -> None:
        """Note what must become of a command."""
        outcome = _OUTCOMES[wanted]
        text = Phrase(str(outcome), translate(outcome, "ru"), status=f"{status:02X}h")
        en = "command {n}: {outcome}"
        self.expects(Phrase(en, "команда {n}: {outcome}", n=code, outcome=text))

    def judge(
        self,
        reply: Reply,
        wanted: str,
        status: int = 0x01,
        *,
        eltex: tuple[str, str] | None = None,
        noted: bool = False,
    ) -> None:
        """Whether a command had the outcome that it must have. Raises :class:`Failed`, :class:`Deviates`."""
        if not noted:
            self.judge_words(reply.sent.code, wanted, status)
        outcome, came = reply.outcome
        if wanted == "refused":
            holds = (outcome in ("rejected", "not-executed")) and self._code_fits(0x01, came)
        elif outcome == wanted:
            holds = wanted in ("executed", "accepted") or self._code_fits(status, came)
        else:
            holds = False
        if not holds and self.told.errors != "order":
            holds = (outcome, came) in _SAME.get((wanted, status), ())
        if holds:
            if self.told.errors == "any" and came != status and outcome in ("rejected", "not-executed"):
                self._stands_for(reply.sent.code, outcome, came, status)
            return
        what = Phrase(
            "command {n}: {came}", "команда {n}: {came}", n=reply.sent.code, came=_shown(outcome, came)
        )
        if eltex is not None and outcome == eltex[1]:
            self.deviates(eltex[0], what)
        raise Failed(what)

    def _stands_for(self, command: int, outcome: Outcome, came: int, status: int) -> None:
        """Note that a code of the vendor's was accepted in place of the order's."""
        if self.result is None or self._preparing:
            return
        en = "command {n}: {came} came, the vendor's code in place of the order's {status}"
        ru = "команда {n}: пришло {came}, код изготовителя вместо {status} по приказу"
        shown = {"n": command, "came": _shown(outcome, came), "status": f"{status:02X}h"}
        note = Phrase(en, ru, **shown)
        if str(note) not in map(str, self.result.notes):
            self.result.notes.append(note)

    def _code_fits(self, wanted: int, came: int) -> bool:
        style = self.told.errors
        plain = came == wanted and style != "extended"
        if wanted == 0x01:
            return plain or (came >= EXTENDED and style != "order")
        # A code of its own: the extended style has the same one unless the table of exceptions says otherwise.
        return came == wanted

    def deviates(self, option: str, what: Phrase) -> None:
        """What came is not the order's, but an option of the profile eltex allows it."""
        if self.told.profile == "eltex":
            raise Deviates(what, option)
        raise Failed(what)

    # --- what comes

    def expects(self, text: Phrase) -> None:
        """Note an expectation in words."""
        if self.result is not None:
            self.result.expected.append(text)

    def require(self, holds: bool, expected: Phrase, came: str, *, eltex: str = "") -> None:
        """An expectation that has been looked at already. ``eltex``: the option that allows the contrary."""
        self.expects(expected)
        if not holds:
            text = Phrase("{came}", "{came}", came=came)
            if eltex:
                self.deviates(eltex, text)
            raise Failed(text)

    def fields(self, unit: Crossed, /, *, eltex: str = "", **fields: Any) -> None:
        """A message must have these values in these fields. ``eltex``: the option that allows others."""
        self.expects(_wanted(unit.raw[2], fields))
        self._compare(unit, fields, eltex)

    def _compare(self, unit: Crossed, fields: dict[str, Any], eltex: str = "") -> None:
        found = differences(fields, unit.fields)
        if found:
            texts: list[str] = [
                Phrase(
                    "{name}: {came} instead of {wanted}", "{name}: {came} вместо {wanted}",
                    name=_field(one.path), came=_value(one.path, one.came), wanted=one.expected,
                )
                for one in found
            ]  # fmt: skip
            what = join(": ", [f"{unit.raw[2]:02X}h", join("; ", texts)])
            if eltex:
                self.deviates(eltex, what)
            raise Failed(what)

    def unread(self, suits: Callable[[Crossed], bool]) -> list[Crossed]:
        """What has come in this check, fits, and was not asked for yet."""
        return [one for one in self._arrived if one.answers is None and suits(one)]

    def came(self, name: str) -> list[Crossed]:
        """The messages of this name that have come in this check, answers too."""
        return [one for one in self._arrived if one.name == name]

    async def message(
        self, name: str, *, within: float | None = None, where: Mapping[str, Any] | None = None, **fields: Any
    ) -> Crossed:
        """The next message of KPD1 of this name that answers no command. ``where`` chooses among several."""
        self.expects(_wanted(MESSAGES[name].code, fields))

        def suits(one: Crossed) -> bool:
            return one.channel == KPD1 and one.name == name and not differences(dict(where or {}), one.fields)

        unit = await self._next(suits, within)
        if unit is None:
            raise Failed(_missing(MESSAGES[name].code, within or self.told.within))
        self._compare(unit, fields)
        return unit

    async def event(
        self,
        target: Target | int,
        name: str,
        *,
        call: int | None = None,
        within: float | None = None,
        **fields: Any,
    ) -> Crossed:
        """The next event of an object (of one call of it) must be of this name, with these values."""
        number = target if isinstance(target, int) else target.number
        code = EVENTS[name].code
        self.expects(_wanted(code, fields))

        within = self._event_within() if within is None else within
        unit = await self._next_event(number, call, within)
        if unit is None:
            raise Failed(_missing(code, within))
        if unit.name != name:
            came = f"{unit.raw[2]:02X}h"
            raise Failed(Phrase("{came} came instead of {code:02X}h", "вместо {code:02X}h пришло {came}",
                                came=came, code=code))  # fmt: skip
        self._compare(unit, fields)
        return unit

    async def event_of_test(self, number: int) -> Crossed:
        """The 53h of a test."""
        self.expects(_wanted(0x53, {"test_number": number}))
        unit = await self._next(
            lambda one: one.on_kpd2 and one.name == "test-reply" and one.fields.get("test_number") == number,
            None,
        )
        if unit is None:
            raise Failed(_missing(0x53, self.told.within))
        return unit

    def event_names(self, target: Target) -> Callable[[], list[str]]:
        """Asked: the names of the events of an object that were not looked at yet."""
        number = target.number

        def names() -> list[str]:
            units = self.unread(lambda one: one.on_kpd2 and one.fields.get("object_number") == number)
            return [one.name for one in units]

        return names

    async def ended(self, target: Target, call: int | None = None) -> Crossed:
        """Making ready: the call of an object is over, whatever events came before."""
        with self.preparing():
            while True:
                unit = await self._next_event(target.number, call, self._event_within())
                if unit is None:
                    raise Failed(_missing(0x43, self._event_within()))
                if unit.name == "release":
                    return unit

    async def _next_event(self, number: int, call: int | None, within: float) -> Crossed | None:
        def suits(one: Crossed) -> bool:
            values = one.fields
            return (
                one.on_kpd2
                and values.get("object_number") == number
                and (call is None or values.get("call_number") == call)
            )

        return await self._next(suits, within)

    def _event_within(self) -> float:
        waits = self.caller.within if self.caller is not None and self.request is None else 0.0
        return self.told.within + waits

    async def _next(self, suits: Callable[[Crossed], bool], within: float | None) -> Crossed | None:
        found: list[Crossed] = []

        def there() -> bool:
            found[:] = self.unread(suits)[:1]
            return bool(found)

        within = self.told.within if within is None else within
        if not await self._wait_unless_broken(there, within):
            return None
        self._arrived.remove(found[0])
        return found[0]

    async def _wait_unless_broken(self, there: Callable[[], bool], within: float) -> bool:
        """Wait for something to be there. Raises :class:`Untested` as soon as a call turns out not to be made."""
        if there() or self.caller is None or not self._placed:
            return await self.client.wait(there, within)
        waiting = asyncio.ensure_future(self.client.wait(there, within))
        broken = [
            asyncio.ensure_future(self.caller.broken(one.handle)) for one in self._placed if not one.over
        ]
        try:
            await asyncio.wait((waiting, *broken), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done() and (why := await self.not_called()) is not None:
                raise Untested(why)
            return await waiting
        finally:
            for task in (waiting, *broken):
                task.cancel()
            await asyncio.gather(waiting, *broken, return_exceptions=True)

    async def not_called(self) -> Phrase | None:
        """Why a call of this check came to nothing that is no fault of the mediator; None: none did."""
        for placed in self._placed:
            assert self.caller is not None
            why = await self.caller.trouble(placed.handle)
            if why is not None:
                return why
        return None

    async def nothing(
        self, what: Phrase, suits: Callable[[Crossed], bool], seconds: float | None = None
    ) -> None:
        """Nothing that fits may be there, or come for a while."""
        seconds = self.told.quiet if seconds is None else seconds
        self.expects(what)
        if await self.client.wait(lambda: bool(self.unread(suits)), seconds):
            unit = self.unread(suits)[0]
            name = message_text(unit.raw[2]) if len(unit.raw) > 2 else "?"
            ru = message_text(unit.raw[2], "ru") if len(unit.raw) > 2 else "?"
            shown = f"{unit.raw[2]:02X}h" if len(unit.raw) > 2 else ""
            en = "{shown} ({name}) came all the same"
            raise Failed(Phrase(en, "всё же пришло {shown} ({name})", shown=shown, name=Phrase(name, ru)))

    async def no_events(self, target: Target, seconds: float | None = None) -> None:
        """No event of an object may be there, or come for a while."""
        en, ru = "no further event of object {n}", "больше никаких сообщений об объекте {n}"
        text = Phrase(en, ru, n=target.number)
        await self.nothing(
            text, lambda one: one.on_kpd2 and one.fields.get("object_number") == target.number, seconds
        )

    def forget(self) -> None:
        """What has come so far is looked at no more."""
        self._arrived.clear()

    def within_limit(self, ms: float, limit: int, what: Phrase) -> None:
        """A time that must not be exceeded; it becomes that of the check."""
        self._measured = max(ms, self._measured or 0.0)
        en, ru = "{what} within {limit} ms", "{what} не позднее {limit} мс"
        text = Phrase(en, ru, what=what, limit=limit)
        if self.told.timing == "report":
            self.expects(text)
            return
        en, ru = "{what} after {ms:.0f} ms", "{what} через {ms:.0f} мс"
        self.require(ms <= limit, text, Phrase(en, ru, what=what, ms=ms))

    @property
    def measured(self) -> float | None:
        """The time that the check is about, in milliseconds."""
        return self._measured

    # --- calls

    async def call(
        self,
        a: str,
        b: str,
        *,
        outcome: str = "answer",
        ring: float | None = None,
        talk: float | None = None,
        incoming: bool = False,
        services: Sequence[dict[str, Any]] = (),
    ) -> Placed:
        """Make a call. It talks until :meth:`hang_up`, or ``talk`` seconds. Raises :class:`Untested`."""
        caller = self.caller
        if caller is None:
            raise Untested(NO_CALLS)
        call = Call(
            a=a, b=b, outcome=outcome, ring=caller.ring if ring is None else ring,
            talk=caller.long if talk is None else talk, services=tuple(services),
            trunk=self.trunk if incoming else None, trunk_name=self.told.trunk_name if incoming else "",
        )  # fmt: skip
        now = time.time()
        if self.result is not None:
            self.result.units.append(Said(now, call.text, self._preparing))
        placed = Placed(call, await caller.place(call), now)
        self._placed.append(placed)
        return placed

    async def short_call(self, a: str, b: str, **how: Any) -> Placed:
        """A call that is answered and ends by itself."""
        assert self.caller is not None or self._no_calls()
        return await self.call(a, b, talk=self.caller.talk, **how)  # type: ignore[union-attr]

    def _no_calls(self) -> bool:
        raise Untested(NO_CALLS)

    async def ringing_call(self, a: str, b: str, **how: Any) -> Placed:
        """A call that rings until it is hung up."""
        assert self.caller is not None or self._no_calls()
        return await self.call(a, b, ring=self.caller.long, **how)  # type: ignore[union-attr]

    async def hang_up(self, placed: Placed) -> None:
        """End a call."""
        if not placed.over:
            placed.over = True
            assert self.caller is not None
            if self.result is not None:
                text = Phrase("the call is hung up", "вызов завершён")
                self.result.units.append(Said(time.time(), text, self._preparing))
            await self.caller.hang_up(placed.handle)

    async def all_over(self) -> None:
        """End the calls of the check that still go on. Raises :class:`Untested` for one that was not made."""
        placed, self._placed = self._placed, []
        why: Untested | None = None
        for one in placed:
            try:
                await self.hang_up(one)
            except Untested as untested:
                why = why or untested
        if why is not None:
            raise why

    # --- the web of a lab

    async def web(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the HTTP API of the lab. Raises :class:`Untested` when there is none, or it has no such thing."""
        if self.request is None:
            raise Untested(NO_WEB)
        try:
            status, reply = await self.request(method, path, body)
        except ConnectError as error:
            raise Untested(str(error)) from None
        if self.result is not None:
            text = Phrase("{method} {path} {body}", "{method} {path} {body}",
                          method=method, path=path, body=body or "")  # fmt: skip
            self.result.units.append(Said(time.time(), text, self._preparing))
        if status >= 400:
            en, ru = "{path}: HTTP {status}: {reply}", "{path}: HTTP {status}: {reply}"
            raise Untested(Phrase(en, ru, path=path, status=status, reply=reply))
        return reply

    @asynccontextmanager
    async def slow_switch(self, seconds: float) -> AsyncIterator[None]:
        """The emulated switch answers its mediator late. Raises :class:`Untested` without a lab."""
        path = f"switch/domains/{self.told.domain}/fault"
        await self.web("POST", path, {"answer": "slow", "delay": seconds})
        try:
            yield
        finally:
            await self.web("POST", path, {"answer": "clear"})

    # --- further consoles

    async def another_console(self) -> ConsoleClient:
        """A console more, on a stream of its own. Raises :class:`Untested` where there is room for one alone."""
        if self._second is None:
            raise Untested(
                Phrase("needs a second KPD1: two streams over E1", "нужен второй КПД1: два потока E1")
            )
        try:
            client = self._second()
            self._others.append(client)
            await client.connect()
        except ConnectError as error:
            raise Untested(str(error)) from None
        # The console's end may work before the mediator's does: what the mediator answers shows that both do.
        await client.send(client.command("test", {"test_number": 0}))
        await client.wait(lambda: any(one.on_kpd2 for one in client.log), self.told.within)
        return client

    async def close_others(self) -> None:
        """The further consoles go."""
        for client in self._others:
            await client.close()
        self._others.clear()

    # --- one check after the other

    def begin(self, result: Result) -> None:
        """A check begins."""
        self.result = result
        self._arrived.clear()
        self._measured = None
        self._preparing = False
        self.doubtful.clear()
        self.undone.clear()

    def end(self) -> None:
        """It is over."""
        self.result = None

    @property
    def refused_access(self) -> bool:
        """Whether the check has seen a refusal that message 26h may still follow."""
        return any(
            one.name == "command-executed" and one.fields["status"] in (0x03, 0x05) for one in self._arrived
        )


MAY_STOP = Phrase(
    "the technical means were found running, and are stopped with --may-stop only",
    "технические средства уже работали; останавливать их можно только с --may-stop",
)
NO_CALLS = Phrase("nobody makes calls: --calls", "некому делать вызовы: --calls")
NO_WEB = Phrase(
    "only a lab can bring it about: its HTTP API is needed (-c LAB, or --web)",
    "вызвать это может только стенд: нужен его HTTP API (-c LAB или --web)",
)


def missing(need: Need, ex: Examiner) -> Phrase | None:
    """Why a need is not met; None: it is."""
    match need:
        case Need.STOP:
            return None if ex.may_stop else MAY_STOP
        case Need.CALLS:
            return None if ex.caller is not None else NO_CALLS
        case Need.SERVICES:
            from sorm_mediator.conformance.calling import HttpCaller

            text = Phrase(
                "needs services used on demand: --calls http", "нужны услуги по заказу: --calls http"
            )
            return None if isinstance(ex.caller, HttpCaller) else text
        case Need.WEB:
            return None if ex.request is not None else NO_WEB
        case Need.TCP:
            text = Phrase("the console is not connected over TCP", "пульт подключён не по TCP")
            return None if ex.link == "tcp" else text
        case Need.E1:
            text = Phrase("the console is not connected over E1", "пульт подключён не по E1")
            return None if ex.link == "x25" else text
        case Need.SPEECH:
            text = Phrase("nobody speaks, or listens to KSL, here", "говорить или слушать КСЛ здесь некому")
            speaks = ex.lines is not None and any(line.speaks for line in ex.lines.lines.values())
            return None if speaks and ex.request is not None else text
        case Need.ORDER_268:
            text = Phrase("order 70 does not have it", "в приказе 70 этого нет")
            return None if ex.told.order == "268" else text
        case Need.SLOW:
            if ex.told.slow or 0 < ex.told.test_timeout <= 5:
                return None
            return Phrase("takes 10 minutes: --slow", "занимает 10 минут: --slow")


def one_of(*values: Any) -> OneOf:
    """A field that may have any of these values."""
    return OneOf(values)


def any_but(value: Any) -> Not:
    """A field that may have any value but this one."""
    return Not(value)


def _shown(outcome: Outcome, status: int) -> Phrase:
    match outcome:
        case "silent":
            return Phrase("no answer", "нет ответа")
        case "accepted":
            return Phrase("27h/00h and no 28h", "27h/00h и без 28h")
        case "executed":
            return Phrase("27h/00h, 28h/00h", "27h/00h, 28h/00h")
        case "rejected":
            text = f"27h/{status:02X}h"
        case _:
            text = f"27h/00h, 28h/{status:02X}h"
    return Phrase(text, text)


_HEX = frozenset(
    ("selection", "connection", "service_phase", "operation", "service", "status", "command", "additional",
     "test_number", "kpd1_state", "kpd2_state", "alarm_type", "alarm_code", "access_code", "line_state", "version",
     "reserve", "delivery_state", "delivery_code")
)  # fmt: skip


def _field(path: str) -> Phrase:
    name, _, rest = path.partition(".")
    return join(".", [caption(name), rest]) if rest else caption(name)


def _value(path: str, value: Any) -> str:
    text = str(value)
    if path in _HEX and text.isdigit():
        return f"{int(text):02X}h"
    return value if isinstance(value, str) else text


def _wanted(code: int, fields: Mapping[str, Any]) -> Phrase:
    """A message and the values it must have, in words."""
    name: str = Phrase(f"{code:02X}h ({message_text(code)})", f"{code:02X}h ({message_text(code, 'ru')})")
    if not fields:
        return join("", [name])
    parts: list[str] = [join(" = ", [_field(key), _said(key, value)]) for key, value in fields.items()]
    return join(": ", [name, join(", ", parts)])


def _said(key: str, value: Any) -> Phrase:
    if isinstance(value, OneOf):
        return join(" / ", [_said(key, each) for each in value.values])
    if isinstance(value, Not):
        return join("", [Phrase("not ", "не "), _said(key, value.value)])
    if value is None:
        return Phrase("FFh", "FFh")
    if key in _HEX and isinstance(value, int):
        return Phrase(f"{value:02X}h", f"{value:02X}h")
    if isinstance(value, dict) and set(value) == {"stream", "ksl"}:
        en = "stream {stream} KSL {ksl}"
        return Phrase(en, "поток {stream} КСЛ {ksl}", **value)
    return show_value(value)


def _missing(code: int, within: float) -> Phrase:
    en, ru = "no {code:02X}h within {within:g} s", "{code:02X}h не пришло за {within:g} с"
    return Phrase(en, ru, code=code, within=within)
