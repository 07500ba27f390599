"""KPD1 and KPD2 over TCP, by a console that makes mistakes on purpose.

The model is the console's own view of the mediator: which connections there are, whether the technical means run, the
password in force, the objects. It changes with the answers that come.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from protocol import (
    Channel,
    Codec,
    CommandExecuted,
    CommandReceived,
    Message,
    StreamFramer,
    TestReplyKpd1,
    Unit,
    UnknownUnit,
)
from protocol.codes import NumberSign
from protocol.messages import (
    AddObject,
    GetServices,
    GetTrunks,
    GetVersion,
    RemoveObject,
    SetPassword,
    Start,
    Stop,
)
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live import commands
from sorm_mediator.fuzz.live.action import Action, ActionError
from sorm_mediator.fuzz.live.commands import HEADER, Known
from sorm_mediator.fuzz.live.surface import Breach, drawn
from sorm_mediator.fuzz.live.target import Gateway
from sorm_mediator.fuzz.live.wire import Wire

NAME: Final = "kpd"
PATIENCE: Final = 1.0
"""Seconds for the answers to a command before the next action: the order has a limit, but that is the judge's."""
MOST_OF_A_FLOOD: Final = 3000
GUESSES: Final = 90
"""Wrong passwords of one action: more than a minute's worth at the default pace."""
GUESSED_IN: Final = 3.0
"""Seconds in which that many may not be answered."""

SMALL_BUFFER: Final = 4096
"""Octets of our kernel's receive buffer, so that what is sent waits at the mediator."""
IN_OUR_KERNEL: Final = 300
"""Units that may be in that buffer: they have arrived."""
COUNTED_WITHIN: Final = 3.0
"""Seconds until a connection that was ended is counted."""
_OF_KPD2: Final = re.compile(r'^sorm_channel_total{channel="kpd2",what="(\w+)"} (\S+)$', re.MULTILINE)
Storm = Callable[[int], Awaitable[None]]


class KpdSurface:
    """The console channels over TCP. Connections have names: ``a`` is the console's KPD1, ``d`` its KPD2."""

    name = NAME
    takes_console = True

    def __init__(self, gateway: Gateway, numbers: Sequence[str], storm: Storm | None = None) -> None:
        """``numbers``: of subscribers. ``storm``: makes so many calls of an object under control."""
        assert gateway.kpd1 is not None
        assert gateway.kpd2 is not None
        self._gateway = gateway
        self._ports = {"kpd1": gateway.kpd1, "kpd2": gateway.kpd2}
        self._codec: Codec = gateway.run.codec
        self._numbers = tuple(numbers)
        self._storm = storm
        self._first = gateway.run.password
        self.known = self._unknown()
        self._wires: dict[str, Wire] = {}
        self._seconds: list[Wire] = []
        self._framers: dict[str, StreamFramer] = {}
        self._read: dict[str, int] = {}
        self._secrets: set[str] = set()
        self._latest: Message | UnknownUnit | None = None
        self.passwords: list[str] = [self._first]
        """Those that may be in force, the latest first."""

    def _unknown(self) -> Known:
        return Known(self._first, self._numbers, self._gateway.run.orm_number)

    # --- drawing

    def begin(self) -> None:
        self.known = self._unknown()
        self._secrets = set()
        self._latest = None
        self.passwords = [self._first]

    def draw(self, rng: random.Random) -> Action:
        if "a" not in self._wires or self._wires["a"].closed:
            return self._action("connect", wire="a", channel="kpd1")
        if "d" not in self._wires and rng.random() < 0.3:
            return self._action("connect", wire="d", channel="kpd2")
        return drawn(rng, self._weights())(rng)

    def _weights(self) -> dict[Callable[[random.Random], Action], int]:
        """What is drawn, and how often."""
        return {
            self._draw_command: 10,
            self._draw_wrong: 6,
            self._draw_random: 3,
            self._draw_wrong_password: 3,
            self._draw_broken_off: 4,
            self._draw_new_password: 2,
            self._draw_noise: 3,
            self._draw_half: 3,
            self._draw_flood: 2,
            self._draw_guess: 2,
            self._draw_second: 2,
            self._draw_deaf: 1,
            self._draw_unread: 1,
            self._draw_end: 2,
        }

    def draw_right(self, rng: random.Random) -> Action:
        """The next action of a console that makes no mistake."""
        if "a" not in self._wires or self._wires["a"].closed:
            return self._action("connect", wire="a", channel="kpd1")
        return self._action("send", wire="a", hex=self._right(rng).hex(), split=0, right=True)

    def draw_long_answer(self, rng: random.Random) -> Action:
        """A question whose answer the switch makes as long as it likes."""
        asked = GetTrunks() if rng.random() < 0.7 else GetServices(NumberSign.OWN, (*self._numbers, "1")[0])
        asked.orm_number, asked.password = self.known.orm_number, self.known.password
        return self._action("send", wire="a", hex=self._codec.encode(asked).hex(), split=0, right=True)

    def _action(self, kind: str, /, **values: object) -> Action:
        return Action(NAME, kind, values)

    def _right(self, rng: random.Random) -> bytes:
        return self._codec.encode(commands.right_command(rng, self.known))

    def _draw_command(self, rng: random.Random) -> Action:
        split = rng.choice((0, 0, 0, 1, 3, 9))
        return self._action("send", wire="a", hex=self._right(rng).hex(), split=split, right=True)

    def _draw_wrong(self, rng: random.Random) -> Action:
        unit = self._right(rng)
        spoil = rng.choice((commands.wrong_field, commands.wrong_length, commands.unknown_code))
        return self._action("send", wire="a", hex=spoil(rng, unit).hex(), split=rng.choice((0, 0, 2)))

    def _draw_random(self, rng: random.Random) -> Action:
        return self._action("send", wire="a", hex=commands.random_unit(rng, self.known).hex(), split=0)

    def _draw_wrong_password(self, rng: random.Random) -> Action:
        word = commands.secret(rng)
        unit = commands.with_password(self._right(rng), word)
        return self._action("send", wire="a", hex=unit.hex(), split=0, secrets=[word])

    def _draw_broken_off(self, rng: random.Random) -> Action:
        """A unit that breaks off, and the next one at once: its password is where the fields of the first are."""
        long = self._codec.encode(
            AddObject(1, password=self.known.password, orm_number=self.known.orm_number)
        )
        word = commands.secret(rng)
        second = commands.with_password(self._right(rng), word)
        cut = long[: rng.randrange(HEADER, len(long))]
        split = rng.choice((0, 0, 5))
        return self._action("send", wire="a", hex=(cut + second).hex(), split=split, secrets=[word])

    def _draw_new_password(self, rng: random.Random) -> Action:
        """Command 3, broken: what it would have set is a secret all the same."""
        word = commands.secret(rng)
        unit = self._codec.encode(
            SetPassword("111111", password=self.known.password, orm_number=self.known.orm_number)
        )
        unit = unit[:HEADER] + word.encode() + unit[HEADER + 6 :]
        tail = rng.choice((unit[3:4], b"")) + rng.randbytes(rng.randrange(3))
        spoilt = bytes([*unit[:3], len(unit) - HEADER + len(tail), *unit[4:], *tail])
        return self._action("send", wire="a", hex=spoilt.hex(), split=0, secrets=[word])

    def _draw_noise(self, rng: random.Random) -> Action:
        noise = rng.randbytes(rng.choice((1, 7, 64, 1000)))
        return self._action("send", wire=rng.choice(("a", "a", "d")), hex=noise.hex(), split=0)

    def _draw_half(self, rng: random.Random) -> Action:
        unit = self._right(rng)
        half = unit[: rng.randrange(1, len(unit))]
        return self._action("half", wire="a", hex=half.hex(), how=rng.choice(("close", "reset", "finish")))

    def _draw_flood(self, rng: random.Random) -> Action:
        unit = self._codec.encode(
            GetVersion(password=self.known.password, orm_number=self.known.orm_number)
            if rng.random() < 0.5
            else commands.right_command(rng, self.known)
        )
        unread = rng.random() < 0.5
        times = rng.choice((20, 300, MOST_OF_A_FLOOD))
        return self._action("flood", wire="a", hex=unit.hex(), times=times, unread=unread)

    def _draw_guess(self, rng: random.Random) -> Action:
        words = [commands.secret(rng) for _ in range(4)]
        unit = self._codec.encode(GetVersion(orm_number=self.known.orm_number))
        units = [commands.with_password(unit, word).hex() for word in words]
        return self._action("guess", wire="a", units=units, times=GUESSES, secrets=words)

    def _draw_second(self, rng: random.Random) -> Action:
        channel = rng.choice(("kpd1", "kpd1", "kpd2"))
        word = commands.secret(rng)
        data = commands.with_password(self._right(rng), word)
        times = rng.choice((1, 1, 3, 30))
        return self._action("second", channel=channel, hex=data.hex(), times=times, secrets=[word])

    def _draw_deaf(self, rng: random.Random) -> Action:
        """Calls whose events nobody takes, and the end of the connection."""
        return self._action("deaf", times=rng.choice((30, 500, 1500)), how=rng.choice(("close", "reset")))

    def _draw_unread(self, rng: random.Random) -> Action:
        return self._action("unread", wire=rng.choice(("a", "d")))

    def _draw_end(self, rng: random.Random) -> Action:
        wire = rng.choice(("a", "a", "d"))
        return self._action(rng.choice(("close", "reset", "finish")), wire=wire)

    # --- doing

    async def do(self, action: Action) -> list[Breach]:
        self._secrets.update(action.values.get("secrets", ()))
        self._note_passwords(action.octets)
        name = action.values.get("wire", "")
        wire = self._wires.get(name)
        match action.kind:
            case "connect":
                await self._connect(name, action.values["channel"])
            case "second":
                await self._second(action)
            case "deaf":
                return await self._deaf(action)
            case "send" | "half" | "flood" | "guess" | "unread" | "close" | "reset" | "finish":
                if wire is not None and not wire.closed:
                    return await self._to(wire, name, action)
            case _:
                raise ActionError(f"{action.kind!r} is no action of {NAME}")
        return []

    async def _to(self, wire: Wire, name: str, action: Action) -> list[Breach]:
        match action.kind:
            case "send":
                right = bool(action.values.get("right"))
                await self._send(wire, action.octets, int(action.values.get("split", 0)))
                if right:
                    self._expect(action.octets)
                await self._answers(name, 1 if right else 0)
            case "half":
                await self._send(wire, action.octets, 0)
                await self._end(wire, action.values["how"])
            case "flood":
                self._expect(action.octets)
                if action.values.get("unread"):
                    wire.read(False)
                await self._send(wire, action.octets * action.times, 0)
                await self._answers(name, 1)
            case "guess":
                return await self._guess(wire, name, action)
            case "unread":
                wire.read(False)
            case how:
                await self._end(wire, how)
        return []

    async def _connect(self, name: str, channel: str) -> None:
        old = self._wires.pop(name, None)
        if old is not None:
            await old.close()
        wire = await Wire.open(self._ports[channel])
        if wire is not None:
            self._wires[name] = wire
            kind = Channel.KPD1 if channel == "kpd1" else Channel.KPD2
            self._framers[name] = StreamFramer(kind, self._codec.options)
            self._read[name] = 0
            await wire.news(0.02)

    async def _second(self, action: Action) -> None:
        """Connections beside that of the console: each is refused."""
        opened = [await Wire.open(self._ports[action.values["channel"]]) for _ in range(action.times)]
        for wire in filter(None, opened):
            await wire.write(action.octets)
            self._seconds.append(wire)
        await asyncio.sleep(0)

    async def _send(self, wire: Wire, data: bytes, split: int) -> None:
        for at in range(0, len(data), split or len(data) or 1):
            await wire.write(data[at : at + (split or len(data))])

    async def _end(self, wire: Wire, how: str) -> None:
        if how == "finish":
            wire.finish()
        else:
            await (wire.reset() if how == "reset" else wire.close())

    async def _guess(self, wire: Wire, name: str, action: Action) -> list[Breach]:
        began = time.monotonic()
        units = [bytes.fromhex(one) for one in action.values["units"]]
        for number in range(action.times):
            await wire.write(units[number % len(units)])
        # Only 28h has looked at the password: 27h may refuse a command whatever its password is. Answers to what was
        # sent before the guesses may come meanwhile.
        codes = {unit[2] for unit in units if len(unit) > 2}
        refused, deadline = 0, began + GUESSED_IN
        while refused < action.times and not wire.closed and (left := deadline - time.monotonic()) > 0:
            refused += sum(
                isinstance(one, CommandExecuted) and one.status != 0 and one.command in codes
                for one in self._messages(name)
            )
            if refused < action.times:
                await wire.news(left)
        if refused < action.times:
            return []
        took = time.monotonic() - began
        summary = f"{refused} wrong passwords were answered in {took:.1f} s: nothing slows a guesser"
        return [Breach("passwords", Kind.NOT_LIMITED, "guesses", summary)]

    async def _deaf(self, action: Action) -> list[Breach]:
        """Events that are not read: each one sent has come, or is counted as lost or deleted (docs/limits.md)."""
        if self._storm is None or self._gateway.run.request is None:
            return []
        # Of KPD2 there is one connection; a second one was the first where the console was not there.
        old = [*filter(None, [self._wires.pop("d", None)]), *self._seconds]
        self._seconds.clear()
        for one in old:
            await one.close()
        if old:
            await asyncio.sleep(0.2)
        before = await self._counted()
        wire = await Wire.open(self._ports["kpd2"], buffer=SMALL_BUFFER)
        if before is None or wire is None:
            return []
        wire.read(False)
        await self._storm(action.times)
        await self._end(wire, action.values["how"])
        arrived = StreamFramer(Channel.KPD2, self._codec.options).feed(bytes(wire.received))
        deadline = time.monotonic() + COUNTED_WITHIN
        while (after := await self._counted()) is not None:
            sent, lost = after[0] - before[0], after[1] - before[1]
            missing = sent - lost - len(list(arrived)) - IN_OUR_KERNEL
            if missing <= 0:
                break
            if time.monotonic() > deadline:
                text = f"{sent} units of KPD2 count as sent and {lost} as lost or deleted, but nobody has read them"
                return [Breach("events", Kind.NOT_COUNTED, "unread", text)]
            await asyncio.sleep(0.2)
        return []

    async def _counted(self) -> tuple[float, float] | None:
        """Units of KPD2 so far: sent; and lost or deleted."""
        assert self._gateway.run.request is not None
        try:
            status, page = await self._gateway.run.request("GET", "/metrics", None)
        except ConnectError:
            return None
        found = dict(_OF_KPD2.findall(page)) if status == 200 and isinstance(page, str) else {}
        if "units_sent" not in found:
            return None
        gone = sum(float(value) for name, value in found.items() if name.startswith(("lost", "deleted")))
        return float(found["units_sent"]), gone

    # --- what came

    def _messages(self, name: str) -> list[Message | UnknownUnit]:
        """What came on a connection since the last call. An event of KPD2 tells a number of a call."""
        wire, framer = self._wires[name], self._framers[name]
        new = wire.count - self._read[name]
        self._read[name] = wire.count
        found: list[Message | UnknownUnit] = []
        for piece in framer.feed(bytes(wire.received[max(0, len(wire.received) - new) :])) if new else ():
            if isinstance(piece, Unit):
                message, _ = self._codec.decode_lenient(piece.raw)
                found.append(message)
                call = getattr(message, "call_number", None)
                if isinstance(call, int):
                    self.known.calls.add(call)
        return found

    async def _answers(self, name: str, wanted: int) -> None:
        """Wait for the end of so many commands, and learn from the answers."""
        wire, deadline = self._wires[name], time.monotonic() + PATIENCE
        ended = 0
        while True:
            for message in self._messages(name):
                if isinstance(message, TestReplyKpd1):  # what ends command 14 (order 268, 9.8.3)
                    ended += 1
                elif isinstance(message, CommandExecuted) or (
                    isinstance(message, CommandReceived) and message.status != 0
                ):
                    ended += 1
                    self._learn(message)
            left = deadline - time.monotonic()
            if ended >= wanted or wire.closed or left <= 0:
                return
            await wire.news(left)

    def _expect(self, unit: bytes) -> None:
        """A right command is on its way."""
        self._latest, _ = self._codec.decode_lenient(unit)

    def _note_passwords(self, data: bytes) -> None:
        """A command 3 among the octets, also one that was spoilt, may set its password."""
        framer = StreamFramer(Channel.COMMAND, self._codec.options)
        for piece in framer.feed(data):
            command = self._codec.decode_lenient(piece.raw)[0] if isinstance(piece, Unit) else None
            if isinstance(command, SetPassword) and isinstance(command.new_password, str):
                self.passwords.insert(0, command.new_password)

    def _learn(self, answer: CommandReceived | CommandExecuted) -> None:
        command = self._latest
        if command is None or answer.command != command.code:
            return
        done = isinstance(answer, CommandExecuted) and answer.status == 0
        match command:
            case Start():
                self.known.started = done or answer.status in (0x07, 0x16)
            case Stop() if done:
                self.known.started = False
                self.known.objects.clear()
                self.known.password = self._first
            case SetPassword(new_password=str(new)) if done:
                self.known.password = new
            case AddObject(object_number=int(number)) if done:
                self.known.objects.add(number)
            case RemoveObject(object_number=int(number)) if done:
                self.known.objects.discard(number)

    async def settle(self) -> list[Breach]:
        wires, self._wires, self._seconds = [*self._wires.values(), *self._seconds], {}, []
        for wire in wires:
            await wire.close()
        return []

    def secrets(self) -> frozenset[str]:
        return frozenset(self._secrets)

    @property
    def changes_tables(self) -> bool:
        return True
