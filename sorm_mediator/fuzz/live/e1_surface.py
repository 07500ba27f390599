"""E1: what a console sends in the timeslots of its data channels: octets, frames of LAPB, packets of X.25.

The model is the state of both layers at the fuzzer's own end of the line, which is a right one: what is wrong is put
among what it sends. So what is wrong is wrong in the state that was reached.

A round is of one of two manners. In one the peer is broken. In the other it keeps to the rules, at the highest cost:
it takes nothing (RNR), acknowledges late, loses its line toward the mediator alone, begins what the mediator has just
begun. There the mediator must recover by itself, and in time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from e1.g704.alarms import StreamState
from e1.stream import CHANNEL_NAMES, ChannelName
from e1.x25.machine import X25State
from protocol import (
    AddObject,
    Category,
    Codec,
    Command,
    GetObjects,
    GetVersion,
    NumberSign,
    ObjectType,
    Priority,
    Start,
)
from sorm_mediator.console.e1_client import ConsoleLine
from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live import commands
from sorm_mediator.fuzz.live.action import Action, ActionError
from sorm_mediator.fuzz.live.commands import Known
from sorm_mediator.fuzz.live.e1_line import Ear, SpoiltChannel
from sorm_mediator.fuzz.live.judge import CallPlan, call_plans
from sorm_mediator.fuzz.live.surface import Breach, drawn
from sorm_mediator.fuzz.live.target import Gateway

NAME: Final = "e1"
BACK_AT_LEAST: Final = 1.0
"""Seconds within which a channel comes back after a hit where half of T1 is less (our choice)."""
ASKED_AGAIN: Final = 0.4
"""Seconds between two questions."""
UP_WITHIN: Final = 12.0
"""Seconds until both channels are up again after a round: the line, a link that waits for its T1, a restart."""
MOST_IN_VAIN: Final = 2
"""How often a round waits for a channel that does not come up."""
LAPB_CONTROLS: Final = (
    0x0F, 0x1F, 0x2F, 0x3F, 0x43, 0x53, 0x63, 0x73, 0x87, 0x97, 0x6F, 0x7F, 0xFF, 0x03, 0x13, 0x01, 0x05, 0x09, 0x11,
    0x15, 0x19, 0x21, 0xE1, 0x0D,
)  # fmt: skip
PACKET_TYPES: Final = (
    0x00, 0x02, 0x0B, 0x0F, 0x13, 0x17, 0x1B, 0x1F, 0x23, 0x27, 0xFB, 0xFF, 0x01, 0x05, 0x09, 0x21, 0x41, 0xE1, 0xF1,
    0x10, 0x12, 0xEE, 0xF3, 0x4C,
)  # fmt: skip
LEGAL: Final = "legal"
"""The manner of a round whose peer keeps to the rules."""
HITS: Final = (0.05, 0.2, 0.6, 1.2)
"""Seconds."""
WITHHELD: Final = (0.5, 3.0)
"""Seconds that an acknowledgement of a data packet waits."""
TABLE: Final = 100
"""Objects of a table that goes out in several pieces."""
FIRST_OF_TABLE: Final = 2000
FILLED_WITHIN: Final = 8.0
"""Seconds for all of them."""
STALLED: Final = 1.5
"""Seconds in which the other console asks."""
SETTLED_WITHIN: Final = 0.8
"""Seconds for what a packet causes at the other end, and its answer."""
REJ, RESET_CONFIRMATION, CALL_ACCEPTED, CLEAR_CONFIRMATION = 0x09, 0x1F, 0x0F, 0x17
SABME: Final = 0x7F
"""With P = 1."""
EVENTS: Final = frozenset((0x41, 0x42, 0x43))
"""What a call has once for each object (order 268, 11.1 to 11.3)."""
OBJECT: Final = 902
"""The fuzzer's own."""


class E1Surface:
    """One stream. ``beside``: that of the good console; where there is none, it leaves this one for the round."""

    name = NAME

    def __init__(
        self,
        gateway: Gateway,
        line: ConsoleLine,
        numbers: Sequence[str],
        *,
        beside: ConsoleLine | None = None,
        patience: float = 1.0,
    ) -> None:
        alone = beside is None
        self._line = line
        self._codec: Codec = gateway.run.codec
        self.takes_console = alone
        self._alone = alone
        self._patience = patience
        self._known = Known(gateway.run.password, numbers, gateway.run.orm_number, started=True)
        self._gateway = gateway
        self._plan = next(iter(call_plans(gateway)), None)
        self._beside = beside
        self._ears: dict[ChannelName, Ear] = {}
        self._up: set[str] = set()
        self._busy: set[str] = set()
        self._vain = 0
        self._manner = ""
        self._spoilt = False
        self._prepared = self._filled = False
        self._events = 0

    @property
    def changes_tables(self) -> bool:
        return self._alone or self._filled

    def begin(self) -> None:
        self._up, self._busy = set(), set()
        self._vain = 0
        self._manner, self._spoilt, self._prepared, self._filled = "", False, False, False
        self._ears = {name: Ear() for name in CHANNEL_NAMES}
        self._events = 0

    @property
    def _carrier(self) -> Any:
        return self._line.carrier

    # --- drawing

    def draw(self, rng: random.Random) -> Action:
        self._manner = self._manner or rng.choice((LEGAL, "any"))
        down = [name for name in CHANNEL_NAMES if name not in self._up]
        if down and self._vain < MOST_IN_VAIN and rng.random() < 0.7:
            return Action(NAME, "connect", {"channel": rng.choice(down)})
        channel = rng.choice(("kpd1", "kpd1", "kpd2"))
        if self._manner == LEGAL:
            if down and self._vain < MOST_IN_VAIN:
                return Action(NAME, "connect", {"channel": down[0]})
            return drawn(rng, self._legally())(rng, channel)
        kinds = {
            self._draw_octets: 3,
            self._draw_frame: 6,
            self._draw_i_frame: 2,
            self._draw_fault: 1,
            self._draw_wait: 1,
        }
        if channel in self._up:
            kinds |= {
                self._draw_packet: 8,
                self._draw_message: 5,
                self._draw_busy: 2,
                self._draw_pieces: 3,
                self._draw_reset: 1,
                self._draw_disconnect: 1,
                self._draw_flood: 1,
            }
        return drawn(rng, kinds)(rng, channel)

    def _legally(self) -> dict[Callable[[random.Random, str], Action], int]:
        """What a peer does that keeps to the rules, and how often. Each keeps to X.25 as it is, but for the packet that
        makes the mediator begin a collision, and the modulus, which the two ends did not agree on."""
        return {
            self._draw_hit: 5,
            self._draw_unacknowledged: 4,
            self._draw_collision: 4,
            self._draw_stall: 3,
            self._draw_modulo: 2,
            self._draw_message: 3,
            self._draw_withhold: 1,
            self._draw_reset: 2,
            self._draw_restart: 1,
            self._draw_busy: 1,
            self._draw_disconnect: 1,
            self._draw_wait: 1,
        }

    def _draw_octets(self, rng: random.Random, channel: str) -> Action:
        """What is no frame: aborts, idle, flags, bits without order, a frame with a wrong FCS."""
        data = rng.choice(
            (b"\xff" * 40, b"\x7e" * 40, b"\x00" * 200, b"\x7f\xff\x7e", b"\x7e\xaa\x55\x7e", rng.randbytes(400),
             b"\x7e" + rng.randbytes(3) + b"\x7e", b"\x7e" + b"\xaa" * 9000 + b"\x7e")
        )  # fmt: skip
        return Action(NAME, "octets", {"channel": channel, "hex": data.hex()})

    def _draw_frame(self, rng: random.Random, channel: str) -> Action:
        address = rng.choice((1, 3, 3, 1, 0, 7, 0xFF))
        control = rng.choice(LAPB_CONTROLS) if rng.random() < 0.8 else rng.randrange(256)
        more = rng.choice((b"", b"", rng.randbytes(1), rng.randbytes(3), rng.randbytes(300)))
        frame = bytes([address, control]) + more
        return Action(
            NAME,
            "frame",
            {
                "channel": channel,
                "hex": frame[: rng.choice((1, 2, 999))].hex(),
                "times": rng.choice((1, 1, 5, 60)),
            },
        )

    def _draw_i_frame(self, rng: random.Random, channel: str) -> Action:
        frame = bytes([rng.choice((1, 3)), rng.randrange(0, 256, 2)]) + self._packet(rng)
        return Action(NAME, "frame", {"channel": channel, "hex": frame.hex(), "times": rng.choice((1, 1, 8))})

    def _packet(self, rng: random.Random) -> bytes:
        first = rng.choice((0x10, 0x10, 0x10, 0x20, 0x30, 0x00, 0x50, 0x90, 0xF0))
        kind = rng.choice(PACKET_TYPES) if rng.random() < 0.85 else rng.randrange(256)
        more = rng.choice((b"", b"\x00", b"\x00\x00", b"\xff\xff\xff", rng.randbytes(5), rng.randbytes(200)))
        packet = bytes([first, rng.choice((1, 1, 1, 0, 2, 255)), kind]) + more
        return packet[: rng.choice((1, 2, 3, 999, 999, 999))]

    def _draw_packet(self, rng: random.Random, channel: str) -> Action:
        return Action(
            NAME,
            "packet",
            {"channel": channel, "hex": self._packet(rng).hex(), "times": rng.choice((1, 1, 3))},
        )

    def _draw_pieces(self, rng: random.Random, channel: str) -> Action:
        """A message with the M bit, which goes on or does not."""
        packet = b"\x10\x01" + bytes([0x10 | rng.randrange(8) << 1]) + rng.randbytes(rng.choice((1, 128)))
        return Action(
            NAME, "packet", {"channel": channel, "hex": packet.hex(), "times": rng.choice((1, 3, 20))}
        )

    def _command(self, rng: random.Random) -> Command:
        """A command. Beside the good console none that changes what that has set."""
        return (
            commands.right_command(rng, self._known) if self._alone else commands.question(rng, self._known)
        )

    def _draw_message(self, rng: random.Random, channel: str) -> Action:
        if self._manner == LEGAL:
            right = self._codec.encode(commands.question(rng, self._known))
            return Action(NAME, "message", {"channel": "kpd1", "hex": right.hex(), "times": 1})
        unit = self._codec.encode(self._command(rng))
        half = unit[: len(unit) // 2]
        spoilt = rng.choice((unit, unit * 3, half, half, commands.wrong_field(rng, unit), rng.randbytes(30)))
        return Action(NAME, "message", {"channel": channel, "hex": spoilt.hex(), "times": 1})

    def _draw_flood(self, rng: random.Random, channel: str) -> Action:
        unit = self._codec.encode(self._command(rng))
        return Action(NAME, "message", {"channel": channel, "hex": unit.hex(), "times": 150})

    def _draw_busy(self, rng: random.Random, channel: str) -> Action:
        return Action(NAME, "busy", {"channel": channel, "on": channel not in self._busy})

    def _draw_reset(self, rng: random.Random, channel: str) -> Action:
        return Action(NAME, "reset", {"channel": channel})

    def _draw_disconnect(self, rng: random.Random, channel: str) -> Action:
        return Action(NAME, "disconnect", {"channel": channel})

    def _draw_fault(self, rng: random.Random, channel: str) -> Action:
        state = rng.choice(("LOS", "AIS", "LOF", "RAI", "LOMF"))
        return Action(NAME, "fault", {"state": state, "seconds": rng.choice((0.02, 0.2))})

    def _draw_hit(self, rng: random.Random, channel: str) -> Action:
        """The line toward the mediator is hit; that from it is not, so this end sees nothing of it."""
        state = rng.choice(("LOS", "AIS", "LOF"))
        return Action(NAME, "hit", {"state": state, "seconds": rng.choice(HITS)})

    def _draw_unacknowledged(self, rng: random.Random, channel: str) -> Action:
        """Events arrive, P(R) is withheld, and the circuit is reset or restarted."""
        ways = ("reset", "restart", "clear") if self._switched else ("reset", "restart")
        return Action(NAME, "unacknowledged", {"how": rng.choice(ways)})

    def _draw_collision(self, rng: random.Random, channel: str) -> Action:
        what = rng.choice(("reset", "clear")) if self._switched else "reset"
        return Action(NAME, "collision", {"channel": channel, "what": what})

    def _draw_stall(self, rng: random.Random, channel: str) -> Action:
        """A command whose answers are not taken."""
        return Action(NAME, "stall", {"times": rng.choice((1, 2))})

    def _draw_modulo(self, rng: random.Random, channel: str) -> Action:
        return Action(NAME, "modulo", {"channel": channel})

    def _draw_withhold(self, rng: random.Random, channel: str) -> Action:
        return Action(NAME, "withhold", {"channel": channel, "seconds": rng.choice(WITHHELD)})

    def _draw_restart(self, rng: random.Random, channel: str) -> Action:
        return Action(NAME, "restart", {"channel": channel})

    @property
    def _switched(self) -> bool:
        channel: SpoiltChannel = self._carrier.channels["kpd1"]
        return channel.x25.config.circuit == "svc"

    def _draw_wait(self, rng: random.Random, channel: str) -> Action:
        return Action(NAME, "wait", {"seconds": rng.choice((0.05, 0.3))})

    # --- doing

    async def do(self, action: Action) -> list[Breach]:
        now = time.monotonic()
        name: ChannelName = "kpd2" if action.values.get("channel") == "kpd2" else "kpd1"
        channel: SpoiltChannel = self._carrier.channels[name]
        self._spoilt = self._spoilt or action.kind in ("octets", "frame", "packet", "fault")
        if (legal := self._legal_action(action, name, channel)) is not None:
            found = await legal
            await self._sent(channel)
            return found + self._told_again()
        match action.kind:
            case "connect":
                await self._connect(name)
            case "disconnect":
                self._carrier.disconnect(name)
                self._up.discard(name)
            case "octets":
                channel.raw(action.octets)
            case "frame":
                for _ in range(action.times):
                    channel.frame_past_lapb(action.octets)
            case "packet":
                for _ in range(action.times):
                    channel.packet_past_x25(action.octets, now)
            case "message":
                for _ in range(action.times):
                    self._carrier.send(name, action.octets)
            case "busy":
                self._carrier.busy(name, bool(action.values["on"]))
                (self._busy.add if action.values["on"] else self._busy.discard)(name)
            case "reset":
                channel.reset(now)
            case "fault":
                await self._fault(action)
            case "wait":
                await asyncio.sleep(float(action.values["seconds"]))
            case _:
                raise ActionError(f"{action.kind!r} is no action of {NAME}")
        await self._sent(channel)
        return self._told_again()

    def _legal_action(
        self, action: Action, name: ChannelName, channel: SpoiltChannel
    ) -> Awaitable[list[Breach]] | None:
        """The action of a peer that keeps to the rules; None for one that all peers have."""
        match action.kind:
            case "hit":
                return self._hit(action)
            case "unacknowledged":
                return self._unacknowledged(str(action.values["how"]))
            case "collision":
                return self._collision(name, channel, str(action.values["what"]))
            case "stall":
                return self._stall(action.times)
            case "modulo":
                return self._modulo(name, channel)
            case "withhold" | "restart":
                return self._simple(action, channel)
        return None

    async def _simple(self, action: Action, channel: SpoiltChannel) -> list[Breach]:
        now = time.monotonic()
        if action.kind == "restart":
            channel.restart(now)
        else:
            channel.withhold(now + float(action.values["seconds"]))
        return []

    def _ask(self, command: Command) -> None:
        """Give a right command."""
        self._line.send("kpd1", self._codec.encode(commands.headed(command, self._known)))

    async def _hit(self, action: Action) -> list[Breach]:
        await self._fault(action)
        channel: SpoiltChannel = self._carrier.channels["kpd1"]
        if self._spoilt or not {"kpd1", "kpd2"} <= self._up or "kpd1" in self._busy:
            return []
        channel.withhold(0.0)
        ear = self._ears["kpd1"]
        before, began = len(ear.messages), time.monotonic()
        # The end that saw the hit sets the link up at once (X.25 2.4.4.1): no timer of either end is needed for it.
        within = max(BACK_AT_LEAST, channel.lapb.config.t1 / 2) * self._patience
        if await self._answered(ear, before, within):
            return []
        longer = await self._answered(ear, before, UP_WITHIN * self._patience)
        took = f"{time.monotonic() - began:.1f} s" if longer else "not at all"
        text = f"after a hit of {action.values['seconds']:g} s that the peer did not see: KPD1 came back after {took}"
        kind = Kind.LATE_ANSWER if longer else Kind.NO_ANSWER
        return [Breach("e1 channels", kind, "hit", text)]

    async def _answered(self, ear: Ear, before: int, within: float) -> bool:
        """Ask until something comes. An answer may be dropped while the other channel is down."""
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            self._ask(GetVersion())
            if await self._line.wait(lambda: len(ear.messages) > before, min(left, ASKED_AGAIN)):
                return True
        return False

    async def _prepare(self, plan: CallPlan) -> None:
        """The technical means started, and a subscriber under control, perhaps already by the good console."""
        if self._prepared:
            return
        self._prepared = True
        ear = self._ears["kpd1"]
        added = AddObject(
            OBJECT, ObjectType.OWN_SUBSCRIBER, NumberSign.OWN, plan.b, None, Category.STATISTICAL, None,
            Priority.NORMAL,
        )  # fmt: skip
        for command in (Start(), added):
            both = ear.more(2)
            self._ask(command)
            await self._line.wait(both, 0.5)

    def _decoded(self, data: bytes) -> object:
        return self._codec.decode_lenient(data)[0]

    async def _unacknowledged(self, how: str) -> list[Breach]:
        """Events arrive, and the circuit begins anew while P(R) is withheld: none may come again.

        The mediator chooses the stream that has them. This surface sees those of its own, the judge those of the other,
        whose circuit is reset at most: it stays up.
        """
        plan, make = self._plan, self._gateway.run.make_call
        if self._spoilt or self._busy or make is None or plan is None:
            return []
        own: SpoiltChannel = self._carrier.channels["kpd2"]
        if self._alone and {"kpd1", "kpd2"} <= self._up:
            await self._prepare(plan)
        channels = [own] if "kpd2" in self._up else []
        beside = None if self._beside is None else self._beside.carrier.channels["kpd2"]
        if isinstance(beside, SpoiltChannel):
            channels.append(beside)
        for channel in channels:
            channel.withhold(time.monotonic() + WITHHELD[-1])
        try:
            await make(plan.domain, {"a": plan.a, "b": plan.b, "ring": 0, "talk": 0.02})
            await asyncio.sleep(SETTLED_WITHIN)  # the events arrive, and LAPB acknowledges them
        except (ConnectError, StepError):
            how = "none"  # the judge's own call tells
        for channel in channels:
            now = time.monotonic()
            if how == "reset" or (channel is not own and how != "none"):
                channel.reset(now)
            elif how == "restart":
                channel.restart(now)
            elif how == "clear":
                channel.clear(now)
        if how == "clear":
            await self._line.wait(lambda: own.x25.state is X25State.READY, SETTLED_WITHIN)
            own.call(time.monotonic())
        for channel in channels:
            channel.withhold(0.0)
        await asyncio.sleep(SETTLED_WITHIN)
        return []

    def _told_again(self) -> list[Breach]:
        """Events of a call that came twice."""
        ear = self._ears.get("kpd2")
        if ear is None or len(ear.messages) == self._events:
            return []
        self._events = len(ear.messages)
        seen: set[tuple[int, object, object]] = set()
        for message in map(self._decoded, ear.messages):
            code = getattr(message, "code", None)
            if code not in EVENTS:
                continue
            told = code, getattr(message, "object_number", None), getattr(message, "call_number", None)
            if told in seen:
                text = f"event {code:02X}h of object {told[1]}, call {told[2]} came twice"
                return [Breach("events", Kind.EVENT_LOST, f"{code:02X}h twice", text)]
            seen.add(told)
        return []

    async def _collision(self, name: ChannelName, channel: SpoiltChannel, what: str) -> list[Breach]:
        """The mediator begins, this end at the same time, and confirms all the same."""
        if self._spoilt or name not in self._up or not channel.up:
            return []
        channel.withhold(0.0)
        now = time.monotonic()
        if what == "clear":
            channel.packet_of_type(CALL_ACCEPTED, now)
            channel.clear(now)
            over, confirmation, counter = X25State.READY, CLEAR_CONFIRMATION, "clears"
        else:
            channel.packet_of_type(REJ, now)
            channel.reset(now)
            over, confirmation, counter = X25State.DATA, RESET_CONFIRMATION, "resets"
        if not await self._line.wait(lambda: channel.x25.state is over, SETTLED_WITHIN):
            return []
        before = channel.x25.counters[counter]
        channel.packet_of_type(confirmation, time.monotonic())
        more = await self._line.wait(lambda: channel.x25.counters[counter] > before, SETTLED_WITHIN)
        if what == "clear":
            channel.call(time.monotonic())
            await self._line.wait(lambda: channel.up, SETTLED_WITHIN)
        if not more:
            return []
        text = f"the confirmation of a {what} that crossed another one is answered with one more {what}"
        return [Breach("e1 channels", Kind.WRONG_ANSWER, f"{what} collision", text)]

    async def _stall(self, times: int) -> list[Breach]:
        """Ask for the objects, and take nothing. The other console's commands must be answered meanwhile."""
        if "kpd1" not in self._up or self._busy:
            return []
        self._gateway.held_until = time.monotonic() + 2 * FILLED_WITHIN
        if self._beside is not None and not self._filled:
            self._filled = True
            await self._fill()
        self._carrier.busy("kpd1", True)
        await asyncio.sleep(0.1)
        for _ in range(times):
            self._ask(GetObjects())
        await asyncio.sleep(STALLED)
        self._carrier.busy("kpd1", False)
        # The tables that wait for this console go out one after the other.
        if self._filled:
            ear = self._ears["kpd1"]
            before = len(ear.messages)
            await self._line.wait(lambda: len(ear.messages) > before + TABLE * times, FILLED_WITHIN)
        self._gateway.held_until = time.monotonic()
        return []

    async def _fill(self) -> None:
        """Put so many objects under control that their table does not go out in one piece."""
        ear = self._ears["kpd1"]
        before = len(ear.messages)
        for number in range(TABLE):
            added = AddObject(
                FIRST_OF_TABLE + number, ObjectType.OWN_SUBSCRIBER, NumberSign.OWN, f"{FIRST_OF_TABLE + number}",
                None, Category.STATISTICAL, None, Priority.NORMAL,
            )  # fmt: skip
            self._ask(added)
        await self._line.wait(lambda: len(ear.messages) >= before + 2 * TABLE, FILLED_WITHIN)

    async def _modulo(self, name: ChannelName, channel: SpoiltChannel) -> list[Breach]:
        """A peer that numbers modulo 128. The mediator must say so: nobody sees why the link is down else."""
        request = self._gateway.run.request
        self._carrier.disconnect(name)
        self._up.discard(name)
        await self._line.wait(lambda: channel.released, SETTLED_WITHIN)
        for _ in range(3):
            channel.frame_past_lapb(bytes((channel.lapb.config.command_address, SABME)))
        await self._sent(channel)
        await asyncio.sleep(0.2)
        if request is None or self._carrier.state is not StreamState.WORK:
            return []
        with suppress(ConnectError):
            status, rows = await request("GET", "streams", None)
            if status == HTTPStatus.OK and not any(
                "modulo" in str(row.get("alarms")) or "128" in str(row["channels"][name].get("alarm"))
                for row in rows
                if row["stream"] == self._line.number
            ):
                text = "a peer of LAPB modulo 128 (SABME) is not named: GET streams has no alarm of it"
                return [Breach("e1 channels", Kind.WRONG_ANSWER, "modulo 128", text)]
        return []

    async def _sent(self, channel: SpoiltChannel) -> None:
        """What was put on the line is on its way: the next action finds the mediator after it."""
        await self._line.wait(lambda: not channel.pending, 0.2)
        await asyncio.sleep(0.02)

    async def _connect(self, name: ChannelName) -> None:
        self._line.take(name, self._ears[name])
        channel = self._carrier.channels[name]
        if await self._line.wait(lambda: channel.up, 1.5):
            self._up.add(name)
        else:
            self._vain += 1

    async def _fault(self, action: Action) -> None:
        self._carrier.e1.fault(StreamState[action.values["state"]], "transmit")
        await asyncio.sleep(float(action.values["seconds"]))
        self._carrier.fault(None)

    async def settle(self) -> list[Breach]:
        """Be a right console again: both channels must come up. Then they are given up."""
        carrier = self._carrier
        carrier.fault(None)
        found = await self._alone_again() if not self._spoilt else []
        for name in CHANNEL_NAMES:
            carrier.channels[name].forget()
            # What was sent past the own end has left it in another state than the mediator: the link is set up anew.
            carrier.disconnect(name)
        await self._line.wait(lambda: all(one.released for one in carrier.channels.values()), 2.0)
        for name in CHANNEL_NAMES:
            carrier.channels[name].discard()
            carrier.busy(name, False)
            carrier.connect(name)
        up = lambda: all(one.up for one in carrier.channels.values())  # noqa: E731
        within = UP_WITHIN * self._patience
        if not await self._line.wait(up, within):
            rows = [carrier.channel_row(name) for name in CHANNEL_NAMES]
            states = ", ".join(f"{row['link']}/{row['circuit']}" for row in rows)
            text = f"the channels do not come up within {within:g} s: {states}, line {carrier.state}"
            found.append(Breach("e1 channels", Kind.NO_ANSWER, "up", text))
        for name in CHANNEL_NAMES:
            carrier.disconnect(name)
        await self._line.wait(lambda: all(one.released for one in carrier.channels.values()), 2.0)
        for name in CHANNEL_NAMES:
            self._line.forget(name)
        self._up.clear()
        return found

    async def _alone_again(self) -> list[Breach]:
        """Whether the channels of a peer that kept to the rules are up, or come up, without its doing anything."""
        carrier = self._carrier
        for name in CHANNEL_NAMES:
            carrier.channels[name].withhold(0.0)
            carrier.busy(name, False)
        channels: list[SpoiltChannel] = [carrier.channels[name] for name in sorted(self._up)]
        t1 = max((one.lapb.config.t1 for one in channels), default=0.0)
        within = (2 * t1 + BACK_AT_LEAST) * self._patience
        if await self._line.wait(lambda: all(one.up for one in channels), within):
            return self._told_again()
        states = ", ".join(f"{one.lapb.state}/{one.x25.state}" for one in channels)
        text = f"the channels do not come up by themselves within {within:g} s: {states}"
        return [Breach("e1 channels", Kind.LATE_ANSWER, "by itself", text)]

    def secrets(self) -> frozenset[str]:
        return frozenset()
