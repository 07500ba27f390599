"""States of an E1 stream: the conditions that set and clear each, the one that is shown, and its consequences.

All criteria count bits, double frames (512 bits) or frames, never wall time. :data:`SIGNAL_EFFECTS` says which
defects each :class:`Signal` raises and clears. The state is the first present one of :data:`PRIORITY`.
:data:`CONSEQUENCES` has the consequences of each state. Each field names its source (G.775, G.706, G.732).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from e1.settings import Range, check


class StreamState(StrEnum):
    """The states of the device's submodule, and LOF, which the device lacks (:attr:`AlarmConfig.lof_shown_as`)."""

    ABSENT = "ABSENT"
    """The submodule is not installed."""
    OFF = "OFF"
    """Disabled in the configuration."""
    LOS = "LOS"
    """No signal."""
    AIS = "AIS"
    """The far equipment sends all ones."""
    LOF = "LOF"
    """Pulses, but no frame alignment."""
    LOMF = "LOMF"
    """Frame alignment without alignment of the configured multiframe (CRC-4)."""
    RAI = "RAI"
    """The far end reports LOS, AIS or LOF. Its own signal still arrives."""
    WORK = "WORK"
    """No alarm."""


PRIORITY = tuple(StreamState)
"""The first present state is shown; the order is our choice."""


class Signal(StrEnum):
    """A report of the line, the framer or the operator."""

    REMOVED = "removed"
    INSTALLED = "installed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    NO_PULSES = "no pulses"
    PULSES = "pulses"
    ALL_ONES = "all ones"
    NOT_ALL_ONES = "not all ones"
    FRAME_LOST = "frame alignment lost"
    FRAME_FOUND = "frame alignment found"
    ALIGNED = "aligned"
    """Frame alignment, and that of the multiframe where one is configured."""
    MULTIFRAME_MISSING = "no multiframe alignment"
    REMOTE_ALARM = "remote alarm"
    REMOTE_CLEAR = "remote alarm ended"


class Change(NamedTuple):
    """The defects that a signal raises, and those that it clears."""

    raises: frozenset[StreamState] = frozenset()
    clears: frozenset[StreamState] = frozenset()


def _row(raises: str = "", clears: str = "") -> Change:
    return Change(frozenset(map(StreamState, raises.split())), frozenset(map(StreamState, clears.split())))


SIGNAL_EFFECTS: Mapping[Signal, Change] = {
    Signal.REMOVED: _row(raises="ABSENT LOS LOF", clears="AIS LOMF RAI"),
    Signal.INSTALLED: _row(clears="ABSENT"),
    Signal.DISABLED: _row(raises="OFF LOS LOF", clears="AIS LOMF RAI"),
    Signal.ENABLED: _row(clears="OFF"),
    Signal.NO_PULSES: _row(raises="LOS LOF", clears="AIS LOMF RAI"),
    Signal.PULSES: _row(clears="LOS"),
    Signal.ALL_ONES: _row(raises="AIS LOF", clears="LOMF RAI"),
    Signal.NOT_ALL_ONES: _row(clears="AIS"),
    Signal.FRAME_LOST: _row(raises="LOF", clears="LOMF RAI"),
    Signal.FRAME_FOUND: _row(clears="AIS"),
    Signal.ALIGNED: _row(clears="LOF LOMF"),
    Signal.MULTIFRAME_MISSING: _row(raises="LOMF", clears="LOF"),
    Signal.REMOTE_ALARM: _row(raises="RAI"),
    Signal.REMOTE_CLEAR: _row(clears="RAI"),
}


class Consequence(NamedTuple):
    """The consequences of a state."""

    remote_alarm: bool
    """A = 1 is sent."""
    data: bool
    """The timeslots carry the far end's octets. Otherwise they read all ones and the data channels have no carrier."""
    defect: bool
    """A second with this state in it is severely errored (G.826)."""


CONSEQUENCES: Mapping[StreamState, Consequence] = {
    StreamState.ABSENT: Consequence(remote_alarm=False, data=False, defect=True),
    StreamState.OFF: Consequence(remote_alarm=False, data=False, defect=True),
    StreamState.LOS: Consequence(remote_alarm=True, data=False, defect=True),
    StreamState.AIS: Consequence(remote_alarm=True, data=False, defect=True),
    StreamState.LOF: Consequence(remote_alarm=True, data=False, defect=True),
    StreamState.LOMF: Consequence(remote_alarm=False, data=True, defect=False),
    StreamState.RAI: Consequence(remote_alarm=False, data=True, defect=False),
    StreamState.WORK: Consequence(remote_alarm=False, data=True, defect=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmConfig:
    """The conditions that set and clear the states (G.706, G.732, G.775).

    Raises :class:`ValueError` for a value outside its range.
    """

    los_zeros: Annotated[int, Range(10, 2048)] = 255
    """Bits without a pulse that set LOS: 10..255 (G.775), or 2048 (ETS 300 233)."""
    los_clear_ones: Annotated[int, Range(1, 255)] = 32
    """Pulses in 255 bit times that clear LOS (DS2155). A 0 is no pulse here, since there is no HDB3. So frames with
    zeros in all timeslots keep an existing LOS."""
    ais_zeros: Annotated[int, Range(0, 63)] = 2
    """A double frame with no more zeros than this looks like AIS (G.775)."""
    ais_double_frames: Annotated[int, Range(1, 16)] = 2
    """Consecutive such double frames that set AIS; as many others clear AIS. G.775: 2; ETS 300 233, O.162: 1."""
    lof_fas: Annotated[int, Range(1, 8)] = 3
    """Consecutive incorrect FAS that set LOF (G.706 4.1)."""
    lof_nfas: Annotated[int, Range(0, 8)] = 3
    """Consecutive NFAS with bit 2 = 0 that set LOF; 0: not a criterion [option of G.706 4.1]."""
    lof_crc_blocks: Annotated[int, Range(0, 1000)] = 915
    """Bad CRC-4 blocks of 1000 that set LOF (G.706 4.3.2); 0: not a criterion."""
    multiframe_frames: Annotated[int, Range(32, 1024, step=2)] = 64
    """Frames without multiframe alignment that set LOMF and restart the search for FAS: 8 ms (G.706 4.2)."""
    no_crc4_frames: Annotated[int, Range(0, 80_000)] = 0
    """Frames without multiframe alignment after which the stream works without CRC-4; 0: never.
    G.706 annex B: 3200 (400 ms)."""
    rai_nfas: Annotated[int, Range(2, 5)] = 3
    """Consecutive NFAS with A = 1 that set RAI, and with A = 0 that clear it: 2..5; DS2155: 3."""
    remote_alarm_on_lomf: bool = False
    """Send A = 1 also for the loss of the multiframe alone; off is our choice."""
    e_while_unaligned: Annotated[int, Range(0, 1)] = 0
    """E bits sent while frame or multiframe alignment is missing: 0, as for blocks in error, or 1."""
    data_in_lomf: bool = True
    """Data passes while only the multiframe is lost [our choice]."""
    lof_shown_as: Literal["LOF", "LOS", "LOMF"] = "LOF"
    """State shown for LOF. The device has no state LOF; it would show LOS or LOMF."""

    def __post_init__(self) -> None:
        check(self)

    def consequence(self, state: StreamState) -> Consequence:
        """:data:`CONSEQUENCES` with the two options about LOMF applied."""
        found = CONSEQUENCES[state]
        if state is StreamState.LOMF:
            return found._replace(remote_alarm=self.remote_alarm_on_lomf, data=self.data_in_lomf)
        return found

    def shown(self, state: StreamState) -> StreamState:
        """The state that the operator sees (:attr:`lof_shown_as`)."""
        return StreamState(self.lof_shown_as) if state is StreamState.LOF else state


class Alarms:
    """The defects of one direction of a stream. The direction begins in LOS, before it has received a signal."""

    __slots__ = ("_changes", "config", "consequence", "defects", "state")

    def __init__(self, config: AlarmConfig) -> None:
        self.config = config
        self.defects: frozenset[StreamState] = SIGNAL_EFFECTS[Signal.NO_PULSES].raises
        self.state = StreamState.LOS
        self.consequence = config.consequence(self.state)
        self._changes: list[StreamState] = []

    def signal(self, signal: Signal) -> None:
        """Apply a row of :data:`SIGNAL_EFFECTS`."""
        change = SIGNAL_EFFECTS[signal]
        self.defects = self.defects - change.clears | change.raises
        state = next((state for state in PRIORITY if state in self.defects), StreamState.WORK)
        if state is not self.state:
            self.state = state
            self.consequence = self.config.consequence(state)
            self._changes.append(state)

    def take_changes(self) -> list[StreamState]:
        """The states entered since the last call, in order."""
        changes, self._changes = self._changes, []
        return changes
