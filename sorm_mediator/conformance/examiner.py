"""The console as an examiner: the methods for the dialogues of the checks.

A check makes its preparations (``group``, ``target``, ``prepare``, ``talking``), then sends commands, makes
calls and states the required messages (:mod:`sorm_mediator.conformance.dialogue`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sorm_mediator.conformance.calling import Call, Caller
from sorm_mediator.conformance.dialogue import ANSWER, RECEIVED, Dialogue, Target, Terms
from sorm_mediator.conformance.verdicts import Untested
from sorm_mediator.console.client import ConsoleClient, Crossed
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.console.target import Requester
from sorm_mediator.language import Phrase

MAY_STOP = Phrase("the technical means were found running, and are stopped with --may-stop only")
NO_CALLS = Phrase("nobody makes calls: --calls")
NO_WEB = Phrase("only a lab can bring it about: its HTTP API is needed (-c LAB, or --web)")
_NO_NETWORK = Phrase("needs a number of the network: --network")
_SIGNS = {"268": ("own", "russia", "foreign"), "70": ("private", "intercity", "international")}
"""By order, the number signs of a subscriber of the node, a number of the country, and one of another country."""

Line = dict[str, int]
"""A KSL line in the fields of commands: ``stream`` and ``ksl``."""


@dataclass(frozen=True, slots=True)
class Group:
    """A KSL group of a check: its lines, or pairs for separate control."""

    number: int
    lines: tuple[tuple[Line, Line], ...]

    def a(self, index: int = 0) -> Line:
        """KSL-A of a line."""
        return self.lines[index][0]

    def b(self, index: int = 0) -> Line:
        """KSL-B of a line."""
        return self.lines[index][1]

    @property
    def category(self) -> str:
        """The category of control of the group."""
        return "combined" if self.a() == self.b() else "separate"


@dataclass(slots=True)
class PlacedCall:
    """A call that was made."""

    handle: Any
    over: bool = False


class Examiner(Dialogue):
    """One examination: its console, its caller, and the usable part of the mediator's tables."""

    def __init__(
        self,
        client: ConsoleClient,
        terms: Terms,
        *,
        caller: Caller | None = None,
        request: Requester | None = None,
        link: str = "tcp",
        lines: Any = None,
        second: Callable[[], ConsoleClient] | None = None,
    ) -> None:
        super().__init__(client, terms)
        self.caller = caller
        self.request = request
        if caller is not None and request is None:  # the call must be made first
            self.event_within += caller.within
        self.link = link
        self.lines = lines
        """The lines of the console over E1."""
        self.may_stop = False
        self.taken_objects: set[int] = set()
        """Object numbers, groups and lines in use before the examination."""
        self.taken_groups: set[int] = set()
        self.taken_lines: set[tuple[int, int]] = set()
        self.node_type: str | None = None
        """The type of the node by octet 45 of its message 11, once that message has come."""
        self.own_sign, self.network_sign, self.foreign_sign = _SIGNS[terms.order]
        self._second = second
        self._placed: list[PlacedCall] = []
        self._last_object = 40_000
        self._last_group = 100
        self._others: list[ConsoleClient] = []

    # --- numbers, objects and lines for a check

    def own(self, index: int = 0) -> str:
        """A subscriber of the node. Raises :class:`Untested` if there are too few."""
        if index >= len(self.terms.own):
            what = "subscribers" if index else "subscriber"
            raise Untested(Phrase("needs {n} {what} of the node: --own", n=index + 1, what=what))
        return self.terms.own[index]

    @property
    def trunk(self) -> int:
        """The trunk. Raises :class:`Untested` without one."""
        if self.terms.trunk is None:
            raise Untested(Phrase("needs a trunk: --trunk"))
        return self.terms.trunk

    @property
    def network(self) -> str:
        """A number of the network as dialled. Raises :class:`Untested` without one."""
        if not self.terms.network:
            raise Untested(_NO_NETWORK)
        return self.terms.network

    @property
    def incoming(self) -> str:
        """A number of the network that calls in. Raises :class:`Untested` without one."""
        if not self.terms.caller:
            raise Untested(Phrase("needs a number that calls in: --caller"))
        return self.terms.caller

    @property
    def other_password(self) -> str:
        """Six characters that are not the password in force."""
        return "654321" if self.client.password != "654321" else "135790"  # nosec B105 # noqa: S105 - of an examination

    @property
    def other_orm_number(self) -> int:
        """A number other than that of the technical means."""
        return (self.orm_number + 1) % 0x100

    def octets(self, code: int, payload: bytes) -> bytes:
        """A command as octets, even one that the codec can't write."""
        header = bytes((0xCC, self.client.orm_number, code, len(payload)))
        return header + self.client.password.encode("ascii") + payload

    def free_object(self) -> int:
        """An unused object number."""
        self._last_object += 1
        while self._last_object in self.taken_objects:
            self._last_object += 1
        return self._last_object

    def free_group(self) -> int:
        """A group number that is not in use; the numbers go round."""
        for _ in range(0xFE):
            self._last_group = self._last_group % 0xFE + 1
            if self._last_group not in self.taken_groups:
                return self._last_group
        raise Untested(Phrase("every group number is in use"))

    def line(self, number: int) -> Line:
        """A line by its number in the first stream."""
        return {"stream": self.terms.streams[0], "ksl": number}

    def free_line(self) -> Line:
        """The lowest line of the first stream that is in no group. Raises :class:`Untested`."""
        return self.free_lines(1)[0]

    def free_lines(self, count: int) -> list[Line]:
        """Lines of the first stream that are in no group, from the lowest. Raises :class:`Untested`."""
        free = self.all_free_lines()
        if len(free) < count:
            raise Untested(Phrase("needs {n} KSL that are in no group", n=count))
        return free[:count]

    def all_free_lines(self) -> list[Line]:
        """All lines of the first stream that are in no group."""
        pairs = ((fields.get("ksl_a"), fields.get("ksl_b")) for fields in self.in_groups)
        held = {(line["stream"], line["ksl"]) for pair in pairs for line in pair if line}
        taken = self.taken_lines | held
        return [self.line(n) for n in range(1, 29) if (self.terms.streams[0], n) not in taken]

    # --- preparation

    async def group(self, lines: int = 1, *, separate: bool = False, order: Sequence[int] = ()) -> Group:
        """A group with so many lines or pairs; ``order``: the sequence in which they are added."""
        free = self.free_lines(lines * (2 if separate else 1))
        pairs = [(free[2 * n], free[2 * n + 1]) if separate else (free[n], free[n]) for n in range(lines)]
        group = Group(self.free_group(), tuple(pairs))
        for index in order or range(lines):
            a, b = pairs[index]
            kind = "separate" if separate else "combined"
            await self.prepare("add-ksl", ksl_group=group.number, group_type=kind, ksl_a=a, ksl_b=b)
        return group

    def object_fields(self, number: str = "", /, group: Group | None = None, **fields: Any) -> dict[str, Any]:
        """The fields of a command 5: an own subscriber, under statistical control without a group."""
        default: dict[str, Any] = {
            "object_number": self.free_object(),
            "object_type": "own-subscriber",
            "number_sign": self.own_sign,
            "number": number or self.own(),
            "category": "statistical" if group is None else group.category,
            "ksl_group": None if group is None else group.number,
            "priority": "normal",
        }
        return {**default, **fields}

    def network_fields(
        self, number: str = "", /, group: Group | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Fields of a command 5: a subscriber of the network, by full number. Raises :class:`Untested`."""
        number = number or self.terms.network_object
        if not number:
            raise Untested(_NO_NETWORK)
        default = {"object_type": "network-full", "number_sign": self.network_sign}
        return self.object_fields(number, group=group, **{**default, **fields})

    def partial_fields(self, **fields: Any) -> dict[str, Any]:
        """Fields of a command 5: subscribers of the network, by the leading digits of that number."""
        whole = self.network_fields(**fields)
        return {**whole, "object_type": "network-partial", "number": whole["number"][:7]}

    def trunk_fields(self, group: Group | None = None, **fields: Any) -> dict[str, Any]:
        """The fields of a command 5: a trunk."""
        default = {"object_type": "trunk", "number_sign": None, "number": None, "trunk": self.trunk}
        return self.object_fields("-", group=group, **{**default, **fields})

    async def target(self, number: str = "", /, group: Group | None = None, **fields: Any) -> Target:
        """Put an own subscriber under control."""
        return await self.controlled(self.object_fields(number, group=group, **fields))

    async def controlled_group(self, lines: int = 1, **how: Any) -> tuple[Group, Target]:
        """A group as :meth:`group` makes it, and an own subscriber under control with it."""
        group = await self.group(lines, **how)
        return group, await self.target(group=group)

    async def controlled(self, fields: dict[str, Any]) -> Target:
        """Put the object of a command 5 under control."""
        await self.prepare("add-object", **fields)
        return Target(fields)

    async def shown(self, number: int, /, **fields: Any) -> Crossed:
        """Command 10 must report this object in one 23h with these values."""
        reply = await self.executed("get-objects", object_number=number)
        self.require(len(reply.data) == 1, Phrase("one 23h"), Phrase("{n} messages", n=len(reply.data)))
        self.fields(reply.data[0], **fields)
        return reply.data[0]

    async def stop(self) -> None:
        """Stop the technical means. Raises :class:`Untested` if that is not allowed."""
        if not self.may_stop:
            raise Untested(MAY_STOP)
        if self.running:
            await self.prepare("stop")

    # --- calls

    async def call(
        self,
        a: str | int = 0,
        b: str | int = 1,
        *,
        outcome: str = "answer",
        ring: float | None = None,
        talk: float | None = None,
        incoming: bool = False,
        services: Sequence[dict[str, Any]] = (),
    ) -> PlacedCall:
        """Make a call between numbers, or between subscribers of the node by their index.

        The conversation lasts until :meth:`hang_up`, or ``talk`` seconds. ``incoming``: by the trunk. Raises
        :class:`Untested`.
        """
        caller = self._needed_caller()
        call = Call(
            a=self.own(a) if isinstance(a, int) else a, b=self.own(b) if isinstance(b, int) else b,
            outcome=outcome, ring=caller.ring if ring is None else ring,
            talk=caller.long if talk is None else talk, services=tuple(services),
            trunk=self.trunk if incoming else None, trunk_name=self.terms.trunk_name if incoming else "",
        )  # fmt: skip
        self.note_action(call.text)
        placed = PlacedCall(await caller.place(call))
        self._placed.append(placed)
        return placed

    def _needed_caller(self) -> Caller:
        if self.caller is None:
            raise Untested(NO_CALLS)
        return self.caller

    async def short_call(self, a: str | int = 0, b: str | int = 1, **how: Any) -> PlacedCall:
        """An answered call that ends by itself."""
        return await self.call(a, b, talk=self._needed_caller().talk, **how)

    async def ringing_call(self, a: str | int = 0, b: str | int = 1, **how: Any) -> PlacedCall:
        """A call that rings until it is hung up."""
        return await self.call(a, b, ring=self._needed_caller().long, **how)

    async def outgoing_call(self) -> PlacedCall:
        """A short call of the first subscriber to the network."""
        return await self.short_call(0, self.network)

    async def incoming_call(self) -> PlacedCall:
        """A short call from the network to the first subscriber, by the trunk."""
        return await self.short_call(self.incoming, 0, incoming=True)

    async def talking(
        self, target: Target, a: int = 0, b: int = 1, *, ringing: bool = False,
        received: Mapping[str, Any] | None = None, **how: Any,
    ) -> tuple[PlacedCall, Crossed]:  # fmt: skip
        """Preparation: a running call of an object, answered unless the call must ring on; with its 41h.

        ``received``: required fields of 41h.
        """
        begin = self.ringing_call if ringing else self.call
        placed = await begin(a, b, **how)
        names = (RECEIVED,) if ringing else (RECEIVED, ANSWER)
        return placed, await self.given(target, *names, **(received or {}))

    async def hang_up(self, placed: PlacedCall) -> None:
        """End a call."""
        if not placed.over:
            placed.over = True
            self.note_action(Phrase("the call is hung up"))
            await self._needed_caller().hang_up(placed.handle)

    async def all_over(self) -> None:
        """End the running calls of the check. Raises :class:`Untested` for a call that was not made."""
        placed, self._placed = self._placed, []
        why: Untested | None = None
        for one in placed:
            try:
                await self.hang_up(one)
            except Untested as untested:
                why = why or untested
        if why is not None:
            raise why

    async def wait(self, there: Callable[[], bool], within: float) -> bool:
        """See :meth:`Dialogue.wait`. Raises :class:`Untested` as soon as a call proves not to be made."""
        if there() or self.caller is None or not self._placed:
            return await super().wait(there, within)
        waiting = asyncio.ensure_future(super().wait(there, within))
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
        """Why a call of this check failed without a fault of the mediator; None: no call failed."""
        for placed in self._placed:
            why = await self._needed_caller().trouble(placed.handle)
            if why is not None:
                return why
        return None

    # --- the web of a lab

    async def web(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the HTTP API of the lab. Raises :class:`Untested` without the API or its resource."""
        if self.request is None:
            raise Untested(NO_WEB)
        try:
            status, reply = await self.request(method, path, body)
        except ConnectError as error:
            raise Untested(str(error)) from None
        self.note_action(Phrase("{method} {path} {body}", method=method, path=path, body=body or ""))
        if status >= 400:
            raise Untested(Phrase("{path}: HTTP {status}: {reply}", path=path, status=status, reply=reply))
        return reply

    @asynccontextmanager
    async def web_during(self, method: str, path: str, body: Any, undo: Any) -> AsyncIterator[None]:
        """A request to the HTTP API, undone by another body at the end of this context; see :meth:`web`."""
        await self.web(method, path, body)
        try:
            yield
        finally:
            await self.web(method, path, undo)

    def slow_switch(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """The emulated switch answers its mediator late. Raises :class:`Untested` without a lab."""
        path = f"switch/domains/{self.terms.domain}/fault"
        return self.web_during("POST", path, {"answer": "slow", "delay": seconds}, {"answer": "clear"})

    # --- further consoles

    async def another_console(self) -> ConsoleClient:
        """A further console, on a stream of its own. Raises :class:`Untested` without a further stream."""
        if self._second is None:
            raise Untested(Phrase("needs a second KPD1: two streams over E1"))
        try:
            client = self._second()
            self._others.append(client)
            await client.connect()
        except ConnectError as error:
            raise Untested(str(error)) from None
        # The console's end may work before the mediator's: an answer of the mediator shows that both work.
        await client.send(client.command("test", {"test_number": 0}))
        await client.wait(lambda: any(one.on_kpd2 for one in client.log), self.terms.within)
        return client

    async def close_others(self) -> None:
        """Close the further consoles."""
        for client in self._others:
            await client.close()
        self._others.clear()
