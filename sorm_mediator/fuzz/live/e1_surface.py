"""E1: what a broken console sends in the timeslots of its data channels: octets, frames of LAPB, packets of X.25.

The model is the state of both layers at the fuzzer's own end of the line, which is a right one: what is wrong is put
among what it sends. So what is wrong is wrong in the state that was reached.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from e1.carriers.carrier import FramedCarrier
from e1.channel import DataChannel
from e1.g704.alarms import StreamState
from e1.hdlc import HdlcTransmitter
from e1.lapb.config import LapbConfig
from e1.stream import CHANNEL_NAMES, ChannelName
from e1.x25.config import X25Config
from protocol import Codec, Message
from sorm_mediator.console.e1_client import ConsoleLine
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live import commands
from sorm_mediator.fuzz.live.action import Action, ActionError
from sorm_mediator.fuzz.live.commands import Known
from sorm_mediator.fuzz.live.surface import Breach
from sorm_mediator.fuzz.live.target import Gateway

NAME: Final = "e1"
UP_WITHIN: Final = 12.0
"""Seconds until both channels are up again after a round: the line, a link that waits for its T1, a restart."""
MOST_IN_VAIN: Final = 2
"""How often a round waits for a channel that does not come up."""
LONGER: Final = 4
"""How many times the bits of a right frame a wrong one may have."""
MOST_RAW: Final = 64_000
"""Octets that wait for the timeslot: eight seconds."""
LAPB_CONTROLS: Final = (
    0x0F, 0x1F, 0x2F, 0x3F, 0x43, 0x53, 0x63, 0x73, 0x87, 0x97, 0x6F, 0x7F, 0xFF, 0x03, 0x13, 0x01, 0x05, 0x09, 0x11,
    0x15, 0x19, 0x21, 0xE1, 0x0D,
)  # fmt: skip
PACKET_TYPES: Final = (
    0x00, 0x02, 0x0B, 0x0F, 0x13, 0x17, 0x1B, 0x1F, 0x23, 0x27, 0xFB, 0xFF, 0x01, 0x05, 0x09, 0x21, 0x41, 0xE1, 0xF1,
    0x10, 0x12, 0xEE, 0xF3, 0x4C,
)  # fmt: skip


class SpoiltChannel(DataChannel):
    """A data channel of the console's end that also sends what LAPB and X.25 would not."""

    def __init__(self, lapb: LapbConfig, x25: X25Config) -> None:
        # Its own end sends frames that are too long for the other.
        super().__init__(replace(lapb, n1=LONGER * lapb.n1), x25)
        self._raw: deque[bytes] = deque()
        self._waiting = 0

    def raw(self, octets: bytes) -> None:
        """Octets of the timeslot, as they are."""
        if self._waiting + len(octets) <= MOST_RAW:
            self._raw.append(octets)
            self._waiting += len(octets)

    def frame_past_lapb(self, frame: bytes) -> None:
        """A whole frame of HDLC that LAPB has not made."""
        sender = HdlcTransmitter()
        sender.queue(frame)
        self.raw(sender.take(sender.pending + 2))

    def packet_past_x25(self, packet: bytes, now: float) -> None:
        """A packet in an I frame that X.25 has not made."""
        self._events += self._carry_out(self.lapb.send(packet, now), now)

    def transmit(self, octets: int, now: float) -> bytes:
        taken = bytearray()
        while self._raw and len(taken) < octets:
            piece = self._raw.popleft()
            room = octets - len(taken)
            taken += piece[:room]
            if len(piece) > room:
                self._raw.appendleft(piece[room:])
        self._waiting -= len(taken)
        return bytes(taken) + super().transmit(octets - len(taken), now)

    def forget(self) -> None:
        """Send nothing more of it."""
        self._raw.clear()
        self._waiting = 0


def spoil(line: ConsoleLine) -> None:
    """Give a line spoilt channels, before it is opened. Raises :class:`ValueError` for one without timeslots."""
    carrier = line.carrier
    if not isinstance(carrier, FramedCarrier):
        raise ValueError(f"e1.{line.number}: a line without timeslots")  # noqa: TRY004 - of the lab file
    config = carrier.e1.config
    for name in CHANNEL_NAMES:
        carrier.e1.channels[name] = channel = SpoiltChannel(config.lapb, config.x25)
        channel.disconnect(time.monotonic())


class E1Surface:
    """One stream. Where it is the only one, the good console leaves it for the round."""

    name = NAME

    def __init__(
        self,
        gateway: Gateway,
        line: ConsoleLine,
        numbers: Sequence[str],
        *,
        alone: bool,
        patience: float = 1.0,
    ) -> None:
        self._line = line
        self._codec: Codec = gateway.run.codec
        self.takes_console = alone
        self.changes_tables = alone
        self._alone = alone
        self._patience = patience
        self._known = Known(gateway.run.password, numbers, gateway.run.orm_number, started=True)
        self._up: set[str] = set()
        self._busy: set[str] = set()
        self._vain = 0

    def begin(self) -> None:
        self._up, self._busy = set(), set()
        self._vain = 0

    @property
    def _carrier(self) -> Any:
        return self._line.carrier

    # --- drawing

    def draw(self, rng: random.Random) -> Action:
        down = [name for name in CHANNEL_NAMES if name not in self._up]
        if down and self._vain < MOST_IN_VAIN and rng.random() < 0.7:
            return Action(NAME, "connect", {"channel": rng.choice(down)})
        channel = rng.choice(("kpd1", "kpd1", "kpd2"))
        kinds = {"octets": 3, "frame": 6, "i_frame": 2, "fault": 1, "wait": 1}
        if channel in self._up:
            kinds |= {
                "packet": 8,
                "message": 5,
                "busy": 2,
                "pieces": 3,
                "reset": 1,
                "disconnect": 1,
                "flood": 1,
            }
        kind = rng.choices(*zip(*kinds.items(), strict=True))[0]
        return getattr(self, f"_draw_{kind}")(rng, channel)  # type: ignore[no-any-return]

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

    def _command(self, rng: random.Random) -> Message:
        """A command. Beside the good console none that changes what that has set."""
        return (
            commands.right_command(rng, self._known) if self._alone else commands.question(rng, self._known)
        )

    def _draw_message(self, rng: random.Random, channel: str) -> Action:
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

    def _draw_wait(self, rng: random.Random, channel: str) -> Action:
        return Action(NAME, "wait", {"seconds": rng.choice((0.05, 0.3))})

    # --- doing

    async def do(self, action: Action) -> list[Breach]:
        now = time.monotonic()
        name: ChannelName = "kpd2" if action.values.get("channel") == "kpd2" else "kpd1"
        channel: SpoiltChannel = self._carrier.channels[name]
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
        return []

    async def _sent(self, channel: SpoiltChannel) -> None:
        """What was put on the line is on its way: the next action finds the mediator after it."""
        await self._line.wait(lambda: not channel.pending, 0.2)
        await asyncio.sleep(0.02)

    async def _connect(self, name: ChannelName) -> None:
        self._carrier.connect(name)
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
        found = []
        within = UP_WITHIN * self._patience
        if not await self._line.wait(up, within):
            rows = [carrier.channel_row(name) for name in CHANNEL_NAMES]
            states = ", ".join(f"{row['link']}/{row['circuit']}" for row in rows)
            text = f"the channels do not come up within {within:g} s: {states}, line {carrier.state}"
            found.append(Breach("e1 channels", Kind.NO_ANSWER, "up", text))
        for name in CHANNEL_NAMES:
            carrier.disconnect(name)
        await self._line.wait(lambda: all(one.released for one in carrier.channels.values()), 2.0)
        self._up.clear()
        return found

    def secrets(self) -> frozenset[str]:
        return frozenset()
