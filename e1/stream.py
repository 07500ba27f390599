"""One E1 stream, without I/O: framer both ways, the data channels, speech by KSL, injected faults.

The line and the clock belong to the binding. It passes on the received octets (:meth:`E1Stream.receive`) and takes the
due frames (:meth:`E1Stream.transmit`), best in batches of 1 to 20 ms.
Source: ITU-T G.704; order 268, 1.2, 1.4.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from e1.channel import DataChannel
from e1.events import ChannelEvent as DataEvent
from e1.g704.alarms import AlarmConfig, Signal, StreamState
from e1.g704.framer import FrameReceiver
from e1.g704.frames import BIT_1, REMOTE_ALARM, TIMESLOTS, FrameTransmitter, Octets, demux, mux
from e1.g704.timeslots import KSL_TIMESLOTS, check_ksl_timeslots, timeslot_of_ksl
from e1.hdlc import FLAG
from e1.lapb.config import LapbConfig
from e1.x25.config import X25Config

ChannelName: TypeAlias = Literal["kpd1", "kpd2"]
CHANNEL_NAMES: tuple[ChannelName, ...] = ("kpd1", "kpd2")
Side: TypeAlias = Literal["receive", "transmit"]
SILENCE = 0xD5
"""A-law octet of a free line."""
SPEECH_OCTETS = 8000
"""The most speech that waits for a line, and the most received speech that is kept: one second."""

_SIGNALS = {StreamState.LOS: b"\x00", StreamState.AIS: b"\xff", StreamState.LOF: b"\x55"}
"""The octet on the line in a fault that lets nothing through."""
_SPOILS = {StreamState.LOMF: BIT_1, StreamState.RAI: REMOTE_ALARM}
"""Bits of the NFAS that are 1 in a fault that leaves the frames intact."""
_EQUIPMENT = {
    StreamState.ABSENT: (Signal.REMOVED, Signal.INSTALLED),
    StreamState.OFF: (Signal.DISABLED, Signal.ENABLED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """One end of a stream. Raises :class:`ValueError` for timeslots that collide."""

    crc4: bool = True
    """CRC-4 multiframe in both directions."""
    data: bool = True
    """The stream has data channels. Off: it carries speech alone, their timeslots send idle flags, and octets that
    arrive in them are ignored."""
    kpd1_timeslot: int = 30
    """Timeslot of KPD1: 30 (order 268, 1.4.1), or another timeslot without a KSL."""
    kpd2_timeslot: int = 31
    """Timeslot of KPD2: 31, or another timeslot without a KSL."""
    ksl_timeslots: tuple[int, ...] = KSL_TIMESLOTS
    """Timeslots of KSL 1..28, in order."""
    lapb: LapbConfig = field(default_factory=LapbConfig)
    """LAPB of both data channels; the role is that of the X.25 settings."""
    x25: X25Config = field(default_factory=X25Config)
    """X.25 of both data channels."""
    alarms: AlarmConfig = field(default_factory=AlarmConfig)
    """Conditions that set and clear the states."""
    silence: int = SILENCE
    """Octet of free lines and of the unused timeslot; our choice."""

    def __post_init__(self) -> None:
        slots = (self.kpd1_timeslot, self.kpd2_timeslot)
        check_ksl_timeslots(self.ksl_timeslots)
        free = sorted(set(range(1, TIMESLOTS)) - set(self.ksl_timeslots))
        if slots[0] == slots[1] or not set(slots) <= set(free):
            which = ", ".join(map(str, free))
            raise ValueError(f"KPD1 and KPD2 in timeslots {slots}: two different ones of {which} are free")
        if not 0 <= self.silence <= 0xFF:
            raise ValueError(f"silence is {self.silence}: an octet is 0..255")


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The state of the received signal, as shown (:attr:`~e1.g704.alarms.AlarmConfig.lof_shown_as`)."""

    old: StreamState
    new: StreamState


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """A report of a data channel."""

    channel: ChannelName
    event: DataEvent


StreamEvent: TypeAlias = StateChanged | ChannelEvent


class E1Stream:
    """One end. All inputs take ``now`` in seconds of any clock that does not go back."""

    def __init__(self, config: StreamConfig | None = None) -> None:
        self.config = config = config or StreamConfig()
        self._receiver = FrameReceiver(config.crc4, config.alarms)
        self._transmitter = FrameTransmitter(config.crc4)
        self.counters = self._receiver.counters
        """Blocks, seconds, errors and slips of the received signal."""
        self.state = config.alarms.shown(self._receiver.state)
        self.channels: dict[ChannelName, DataChannel] = {
            name: DataChannel(config.lapb, config.x25) for name in CHANNEL_NAMES if config.data
        }
        """The data channels; none in a stream for speech alone."""
        self.speech_source: Callable[[int, float], None] | None = None
        """Called just before frames are sent, with their number and the time, to queue their speech."""
        self._slots: dict[ChannelName, int] = {"kpd1": config.kpd1_timeslot, "kpd2": config.kpd2_timeslot}
        self.carrier = False
        """Whether the data channels have a carrier."""
        self._faults: dict[Side, StreamState | None] = {"receive": None, "transmit": None}
        self._speech: dict[int, bytearray] = {}
        self._heard: deque[tuple[int, Octets]] = deque()  # number of the first frame, timeslots by rows
        self._frames_heard = 0
        self._listened: dict[int, int] = {}  # KSL -> number of the first frame not yet fetched

    @property
    def sends_signal(self) -> bool:
        """Whether a useful signal is sent: not in OFF, ABSENT and injected LOS or AIS (L bit of SAToP)."""
        if self._faults["receive"] in _EQUIPMENT:
            return False
        return self._faults["transmit"] not in (StreamState.LOS, StreamState.AIS, *_EQUIPMENT)

    @property
    def faults(self) -> dict[Side, StreamState | None]:
        """The injected faults, by side."""
        return dict(self._faults)

    # --- the line ------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> list[StreamEvent]:
        """Take octets of the line, at any bit alignment, and carry out the timers due by ``now``."""
        fault = self._faults["receive"]
        if fault in _EQUIPMENT:
            return self._changed(now) + self.tick(now)
        if fault in _SIGNALS:
            data = _SIGNALS[fault] * len(data)
        frames = self._receiver.feed(data)
        was = self.carrier
        events = self._changed(now, hold=len(frames) > 0)
        if len(frames):
            timeslots = demux(frames)
            self._hear(timeslots)
            for name, channel in self.channels.items():
                found = channel.receive(timeslots[self._slots[name]].tobytes(), now)
                events += [ChannelEvent(name, event) for event in found]
            if was and not self._receiver.alarms.consequence.data:
                events += self._set_carrier(False, now)
        return events + self.tick(now)

    def _changed(self, now: float, hold: bool = False) -> list[StreamEvent]:
        """Report new states to the caller and the channels. With ``hold`` a final loss of carrier is reported later."""
        events: list[StreamEvent] = []
        interrupted = False
        for state in self._receiver.take_changes():
            interrupted |= not self.config.alarms.consequence(state).data
            shown = self.config.alarms.shown(state)
            if shown is not self.state:
                events.append(StateChanged(self.state, shown))
                self.state = shown
        there = self._receiver.alarms.consequence.data
        if self.carrier and (interrupted or not there) and (there or not hold):
            events += self._set_carrier(False, now)
        if there and not self.carrier:
            events += self._set_carrier(True, now)
        return events

    def _set_carrier(self, up: bool, now: float) -> list[StreamEvent]:
        self.carrier = up
        return [
            ChannelEvent(name, event)
            for name, channel in self.channels.items()
            for event in channel.carrier(up, now)
        ]

    def transmit(self, frames: int, now: float) -> bytes:
        """The next ``frames`` frames for the line: 32 octets each, timeslot 0 first."""
        if self.speech_source is not None:
            self.speech_source(frames, now)
        timeslots = np.full((TIMESLOTS, frames), self.config.silence, np.uint8)
        if not self.channels:
            timeslots[list(self._slots.values())] = FLAG
        for name, channel in self.channels.items():
            timeslots[self._slots[name]] = np.frombuffer(channel.transmit(frames, now), np.uint8)
        for ksl, speech in list(self._speech.items()):
            piece = speech[:frames]
            timeslots[timeslot_of_ksl(ksl, self.config.ksl_timeslots), : len(piece)] = np.frombuffer(
                piece, np.uint8
            )
            del speech[: len(piece)]
            if not speech:
                del self._speech[ksl]
        fault = self._faults["transmit"]
        aligned = self._receiver.aligned or self.config.alarms.e_while_unaligned == 1
        self._transmitter.set_e_bits(aligned, self._receiver.take_errored())
        remote_alarm = self._receiver.alarms.consequence.remote_alarm or fault is StreamState.RAI
        octets = self._transmitter.frames(mux(timeslots), remote_alarm)
        if fault in _EQUIPMENT or self._faults["receive"] in _EQUIPMENT:
            return bytes(len(octets))
        if fault in _SIGNALS:
            return _SIGNALS[fault] * len(octets)
        if fault is StreamState.LOMF:
            spoilt = np.frombuffer(octets, np.uint8).copy()
            spoilt[::TIMESLOTS] |= BIT_1
            return spoilt.tobytes()
        return octets

    # --- faults --------------------------------------------------------------------------------------------------

    def fault(self, state: StreamState | None, side: Side | None = None) -> None:
        """Inject a fault in place of the present one; None: end it. The next :meth:`receive` reports the states.

        =========  =============  ===============================================================  ==========
        ``state``  natural side   what is done there                                               at the ends
        =========  =============  ===============================================================  ==========
        LOS        receive        no pulses arrive                                                 LOS / RAI
        AIS        receive        all ones arrive                                                  AIS / RAI
        LOF        receive        0101... arrives: pulses, no frames                               LOF / RAI
        LOMF       receive        bit 1 of the frames arrives as 1: data passes, E = 0 is sent     LOMF / WORK
        RAI        transmit       we send no pulses: the far end loses our signal, reports it      RAI / LOS
        OFF        both           nothing is received nor sent                                     OFF / LOS
        ABSENT     both           the same                                                         ABSENT / LOS
        =========  =============  ===============================================================  ==========

        ``side`` overrides the natural side. ``receive``: the signal that *this end* receives is damaged, so that this
        end is in ``state``; RAI is then a false alarm without an effect at the far end. ``transmit``: the sent signal
        is damaged, so that the *far end* is in ``state`` and this end in the consequence. Raises :class:`ValueError`
        for LOMF without CRC-4 and for WORK.
        """
        if state is StreamState.WORK:
            raise ValueError("WORK is no fault; None ends one")
        if state is StreamState.LOMF and not self.config.crc4:
            raise ValueError("LOMF: this stream has no multiframe, CRC-4 is off")
        before = self._faults["receive"]
        self._faults = {"receive": None, "transmit": None}
        if state is StreamState.RAI and side is None:
            self._faults["transmit"] = StreamState.LOS
        elif state is not None:
            self._faults[side or "receive"] = state
        after = self._faults["receive"]
        if before is not after:
            if before in _EQUIPMENT:
                self._receiver.signal(_EQUIPMENT[before][1])
            if after in _EQUIPMENT:
                self._receiver.signal(_EQUIPMENT[after][0])
        self._receiver.spoil = _SPOILS.get(after, 0) if after else 0

    # --- data ----------------------------------------------------------------------------------------------------

    def send(self, channel: ChannelName, message: bytes, now: float) -> list[StreamEvent]:
        """Give a message to a data channel."""
        return [ChannelEvent(channel, event) for event in self.channels[channel].send(message, now)]

    def connect(self, channel: ChannelName, now: float) -> list[StreamEvent]:
        """Set up the link of a data channel. A new one does so by itself."""
        return [ChannelEvent(channel, event) for event in self.channels[channel].connect(now)]

    def disconnect(self, channel: ChannelName, now: float) -> list[StreamEvent]:
        """Take the link of a data channel down and keep it down."""
        return [ChannelEvent(channel, event) for event in self.channels[channel].disconnect(now)]

    def busy(self, channel: ChannelName, on: bool, now: float) -> list[StreamEvent]:
        """Ask the peer to send no more messages on a data channel for now (RNR), or to go on (RR)."""
        return [ChannelEvent(channel, event) for event in self.channels[channel].busy(on, now)]

    def tick(self, now: float) -> list[StreamEvent]:
        """Let the due timers of the data channels expire."""
        return [
            ChannelEvent(name, event)
            for name, channel in self.channels.items()
            for event in channel.tick(now)
        ]

    def next_deadline(self) -> float | None:
        """When a timer of a data channel expires next."""
        times = [time for channel in self.channels.values() if (time := channel.next_deadline()) is not None]
        return min(times, default=None)

    # --- speech --------------------------------------------------------------------------------------------------

    def voice_out(self, ksl: int, octets: bytes) -> None:
        """Queue A-law speech for KSL 1..28. Beyond a second the oldest is dropped. A line without speech has silence.

        Raises :class:`ValueError` for a KSL that there is not.
        """
        timeslot_of_ksl(ksl)
        speech = self._speech.setdefault(ksl, bytearray())
        speech += octets
        del speech[: len(speech) - SPEECH_OCTETS]

    def voice_clear(self, ksl: int) -> None:
        """Drop the waiting speech of a KSL: the line is free at once."""
        self._speech.pop(ksl, None)

    def voice_in(self, ksl: int) -> bytes:
        """A-law received on KSL 1..28 since the last call, at most the last second. There is none without carrier.

        Raises :class:`ValueError` for a KSL that there is not.
        """
        slot = timeslot_of_ksl(ksl, self.config.ksl_timeslots)
        seen = self._listened.get(ksl, 0)
        pieces = [
            timeslots[slot, max(0, seen - first) :].tobytes()
            for first, timeslots in self._heard
            if first + timeslots.shape[1] > seen
        ]
        self._listened[ksl] = self._frames_heard
        return b"".join(pieces)

    def _hear(self, timeslots: Octets) -> None:
        self._heard.append((self._frames_heard, timeslots))
        self._frames_heard += timeslots.shape[1]
        while self._frames_heard - self._heard[0][0] - self._heard[0][1].shape[1] >= SPEECH_OCTETS:
            self._heard.popleft()
