"""A packet layer seen from the peer's side: packets in hexadecimal go in, what it does comes out as text."""

from __future__ import annotations

from e1.events import ChannelAlarm, InterruptReceived, Undelivered, Up
from e1.x25.config import X25Config
from e1.x25.effects import CircuitDown, DeliverMessage, SendPacket, X25Effect
from e1.x25.layer import PacketLayer
from e1.x25.machine import X25State

RESTART, RESTART_OF_DCE, RESTART_CONFIRMED = "1000fb0000", "1000fb0700", "1000ff"
CALL, ACCEPTED = "10010b0006420707430202", "10010f"


class Peer:
    """The layer under test and what a peer sees of it; ``now`` moves only when a test says so."""

    def __init__(self, config: X25Config | None = None, **settings: object) -> None:
        self.layer = PacketLayer(config or X25Config(**settings))  # type: ignore[arg-type]
        self.now = 0.0
        self.effects: list[X25Effect] = []

    def said(self, effects: list[X25Effect]) -> list[str]:
        """The packets among ``effects``; all of them are remembered."""
        self.effects += effects
        return [effect.packet.hex() for effect in effects if isinstance(effect, SendPacket)]

    def link_up(self) -> list[str]:
        return self.said(self.layer.link_up(self.now))

    def link_down(self) -> list[str]:
        return self.said(self.layer.link_down("LOS", self.now))

    def says(self, packet: str, unconfirmed: int | None = None) -> list[str]:
        """The peer sends a packet, when it had not yet got the last ``unconfirmed`` of ours; the answer."""
        return self.said(self.layer.received(bytes.fromhex(packet), self.now, unconfirmed))

    def send(self, message: bytes) -> list[str]:
        return self.said(self.layer.send(message, self.now))

    def wait(self) -> list[str]:
        """Time passes until the timer expires."""
        deadline = self.layer.next_deadline()
        assert deadline is not None
        assert self.layer.tick(deadline - 0.001) == []
        self.now = deadline
        return self.said(self.layer.tick(self.now))

    def to(self, state: X25State) -> Peer:
        """Brings the layer into a state, the ordinary way."""
        svc = self.layer.config.circuit == "svc"
        if state is X25State.DOWN:
            return self
        self.link_up()
        if state is not X25State.RESTARTING:
            self.says(RESTART_CONFIRMED)
        if state is X25State.CALLING:
            self.said(self.layer.call(self.now))
        if svc and state in (X25State.DATA, X25State.RESETTING, X25State.CLEARING):
            self.says(ACCEPTED if self.layer.state is X25State.CALLING else CALL)
        if state is X25State.RESETTING:
            self.said(self.layer.reset(self.now))
        if state is X25State.CLEARING:
            self.said(self.layer.clear(self.now))
        assert self.layer.state is state
        self.effects.clear()
        return self

    @property
    def delivered(self) -> list[bytes]:
        return [effect.message for effect in self.effects if isinstance(effect, DeliverMessage)]

    @property
    def lost(self) -> list[Undelivered]:
        return [effect for effect in self.effects if isinstance(effect, Undelivered)]

    @property
    def alarms(self) -> list[str]:
        return [effect.kind for effect in self.effects if isinstance(effect, ChannelAlarm)]

    @property
    def ups(self) -> list[Up | CircuitDown]:
        return [effect for effect in self.effects if isinstance(effect, Up | CircuitDown)]

    @property
    def interrupts(self) -> list[bytes]:
        return [effect.data for effect in self.effects if isinstance(effect, InterruptReceived)]
