"""The mediator's end of a stream, scripted: the same dialogue as over TCP, in two timeslots of a real SAToP line."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from e1.carriers.carrier import Address, Carrier, FramedCarrier, host_port
from e1.carriers.satop import SatopConfig, SatopLine
from e1.carriers.satop_socket import SatopSocket
from e1.events import Down, Message, Up
from e1.lapb.config import LapbConfig
from e1.stream import ChannelEvent, ChannelName, E1Stream, StreamConfig, StreamEvent
from e1.x25.config import X25Config
from protocol import Channel, Codec, CommandExecuted, CommandReceived, StreamFramer, Unit
from sorm_mediator.carriers import satop_config
from sorm_mediator.config import E1Config
from sorm_mediator.console.e1_client import ConsoleEnd, ConsoleLines

LAB = satop_config(E1Config())
FOLLOWER = satop_config(E1Config(), far_end=True)


class E1Mediator:
    """One stream. Every command is answered 27h/00 and 28h/00 unless the test says otherwise."""

    def __init__(self, role: str = "dce", circuit: str = "pvc", number: int = 0) -> None:
        self.codec = Codec()
        self.number = number
        self.commands: list[bytes] = []
        self.up: list[str] = []
        self.answers: dict[int, list[Any]] = {}
        self.hangs_up_at: int | None = None
        lapb = LapbConfig(role=role, t1=0.5, t2=0.05)
        self.stream = E1Stream(
            StreamConfig(lapb=lapb, x25=X25Config(role=role, circuit=circuit, calls=role == "dte"))
        )
        self.line = SatopSocket(SatopLine(LAB), remote=None)
        self._framer = StreamFramer(Channel.COMMAND)
        self._time = 0.0

    async def start(self) -> Address:
        await self.line.start()
        self._turn()
        return self.line.local

    def _turn(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(0.005, self._turn)
        self._happened(self.line.exchange(self.stream))

    def stop(self) -> None:
        self._timer.cancel()
        self.line.close()

    def say(self, *messages: Any) -> None:
        """Send messages, each on its channel; bytes go to KPD1."""
        for message in messages:
            raw = message if isinstance(message, bytes) else self.codec.encode(message)
            on_kpd2 = not isinstance(message, bytes) and message.channel is Channel.KPD2
            name: ChannelName = "kpd2" if on_kpd2 else "kpd1"
            self._happened(self.stream.send(name, raw, self.line._clock()))

    def hang_up(self, name: ChannelName) -> None:
        events = self.stream.channels[name].disconnect(self.line._clock())
        self._happened([ChannelEvent(name, event) for event in events])

    def _happened(self, events: list[StreamEvent]) -> None:
        for event in events:
            if not isinstance(event, ChannelEvent):
                continue
            match event.event:
                case Up():
                    self.up.append(event.channel)
                case Down():
                    if event.channel in self.up:
                        self.up.remove(event.channel)
                case Message(data):
                    for piece in self._framer.feed(data):
                        if isinstance(piece, Unit):
                            self._command(piece.raw)

    def _command(self, raw: bytes) -> None:
        self.commands.append(raw)
        code = raw[2]
        queued = self.answers.get(code)
        self.say(*(queued.pop(0) if queued else [CommandReceived(code, 0), CommandExecuted(code, 0)]))
        if code == self.hangs_up_at:
            self.hang_up("kpd1")

    def line_config(
        self,
        address: Address,
        *,
        role: str = "",
        circuit: str = "",
        local: Address = ("127.0.0.1", 0),
        line: SatopConfig = FOLLOWER,
        **end: Any,
    ) -> ConsoleEnd:
        """The console's end that fits, or that is altered by the arguments."""
        mine = self.stream.config
        role = role or {"dte": "dce", "dce": "dte"}[mine.lapb.role]
        circuit = circuit or mine.x25.circuit
        calls = role == "dte" and circuit == "svc"
        config = StreamConfig(
            lapb=LapbConfig(role=role, t1=0.5, t2=0.05),
            x25=X25Config(role=role, circuit=circuit, calls=calls),
            **end,
        )

        def carrier(line: SatopConfig = line) -> Carrier:
            return FramedCarrier(E1Stream(config), SatopSocket(SatopLine(line), local, address))

        return ConsoleEnd(
            stream=self.number,
            role=role,
            open=carrier,
            open_extra=lambda: carrier(replace(line, clock="own")),
            far=host_port(address),
        )


def lines(*configs: ConsoleEnd) -> ConsoleLines:
    return ConsoleLines(configs)
