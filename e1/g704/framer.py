"""The receiving side of G.704: an unaligned stream of bits in, aligned frames, states and error counters out.

Every decision belongs to a place in the stream, so the sizes of the received pieces do not matter. The unit of LOS and
AIS (G.775) is the double frame of 512 bits, counted from the start of the signal and not aligned. A batch without
changes is judged as a whole (``_quiet``). Other batches are examined frame by frame, with the same result.
Source: ITU-T G.704, G.706, G.775. The counters follow G.826, in seconds of 8000 frames, not of a clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from e1.g704.alarms import AlarmConfig, Alarms, Signal, StreamState
from e1.g704.frames import (
    BATCH,
    BIT_1,
    E_FRAMES,
    FAS,
    FAS_MASK,
    MULTIFRAME,
    MULTIFRAME_SIGNAL,
    NFAS,
    REMOTE_ALARM,
    SHIFT_REGISTER,
    SMF_FRAMES,
    TIMESLOTS,
    Octets,
    carried,
    crc4,
    pattern,
    search,
    search_bits,
)

SECOND = 4000
"""Double frames in a second."""
BLOCKS = 1000
"""Blocks in a second: submultiframes of 8 frames, with or without CRC-4."""


@dataclass(slots=True)
class Performance:
    """One direction. A block is a submultiframe of 8 frames. Its CRC-4 shows errors; without CRC-4 its FAS does."""

    blocks: int = 0
    """Blocks received while aligned."""
    errored_blocks: int = 0
    """Blocks with an error."""
    seconds: int = 0
    """Complete seconds of 8000 frames."""
    errored_seconds: int = 0
    """Seconds with an errored block or a defect."""
    severely_errored_seconds: int = 0
    """Seconds with 30 % of errored blocks, or a defect."""
    background_errors: int = 0
    """Errored blocks outside severely errored seconds (BBE)."""
    _errored: int = 0
    _defect: bool = False

    def block(self, errored: bool) -> None:
        """Count a block."""
        self.blocks += 1
        if errored:
            self.errored_blocks += 1
            self._errored += 1

    def defect(self) -> None:
        """Note a defect in this second."""
        self._defect = True

    def end_second(self) -> None:
        """Complete a second."""
        self.seconds += 1
        if self._defect or 10 * self._errored >= 3 * BLOCKS:
            self.severely_errored_seconds += 1
        else:
            self.background_errors += self._errored
        self.errored_seconds += self._defect or self._errored > 0
        self._errored, self._defect = 0, False


@dataclass(slots=True)
class Counters:
    """The counters of an E1 receiver."""

    near: Performance
    """The signal received here."""
    far: Performance
    """The far end's reception as it reports it: E bits, and RAI as a defect. Counted with CRC-4 only."""
    fas_errors: int = 0
    """Incorrect FAS while aligned."""
    crc_errors: int = 0
    """Bad CRC-4 blocks."""
    slips: int = 0
    """Alignments found again at another place, without a loss of pulses in between."""
    alignment_losses: int = 0
    """Times that frame alignment was lost (LOF)."""


# --- LOS and AIS ----------------------------------------------------------------------------------------------------


DOUBLE_FRAME = 64
"""Octets of a double frame."""
_BITS = 8 * DOUBLE_FRAME
_WINDOW = 255
"""Window in bit times for the pulses that clear LOS."""
_WORD_RUN = 192
"""A run of so many zeros, cut in two anywhere, leaves an aligned word of 64 zeros in one of the parts."""


class LineMonitor:
    """Watches the raw bits. :meth:`quiet` is the quick check, :meth:`double_frame` the exact one."""

    __slots__ = ("_alarms", "_config", "_few_zeros", "_many_zeros", "_run", "_tail")

    def __init__(self, alarms: Alarms, config: AlarmConfig) -> None:
        self._alarms = alarms
        self._config = config
        self._run = config.los_zeros
        self._tail = np.zeros(_WINDOW - 1, np.uint8)
        self._few_zeros = self._many_zeros = 0

    def quiet(self, octets: Octets) -> bool:
        """Whether these whole double frames change nothing. Only then are they taken into account."""
        defects = self._alarms.defects
        words = octets.view(np.uint64)
        if StreamState.LOS in defects:
            if words.any():
                return False
            self._run += 8 * len(octets)
            self._tail[:] = 0
            return True
        if StreamState.AIS in defects:
            if not (octets == 0xFF).all():
                return False
            self._run = self._many_zeros = 0
            return True
        if self._config.los_zeros < _WORD_RUN or self._run >= _WORD_RUN - 64 or not words.all():
            return False
        ones = np.add.reduce(np.bitwise_count(words).reshape(-1, 8), axis=1, dtype=np.uint16)
        if int(ones.max()) >= _BITS - self._config.ais_zeros:
            return False
        last = int.from_bytes(octets[-8:].tobytes(), "big")
        self._run = (last & -last).bit_length() - 1
        self._few_zeros = 0
        return True

    def double_frame(self, octets: Octets) -> list[Signal]:
        """The changes that one double frame makes, in order."""
        config, defects = self._config, self._alarms.defects
        bits = np.unpackbits(octets)
        ones = np.flatnonzero(bits)
        if len(ones):
            gaps = np.diff(ones) - 1
            longest = max(self._run + int(ones[0]), int(gaps.max()) if len(gaps) else 0)
            self._run = _BITS - 1 - int(ones[-1])
            longest = max(longest, self._run)
        else:
            self._run = longest = self._run + _BITS
        if _BITS - len(ones) <= config.ais_zeros:
            self._few_zeros, self._many_zeros = self._few_zeros + 1, 0
        else:
            self._few_zeros, self._many_zeros = 0, self._many_zeros + 1
        signals = []
        if StreamState.LOS in defects:
            if self._run < config.los_zeros and self._most_ones(bits) >= config.los_clear_ones:
                signals.append(Signal.PULSES)
        elif longest >= config.los_zeros:
            signals.append(Signal.NO_PULSES)
        self._tail = bits[-len(self._tail) :]
        if StreamState.AIS in defects:
            if self._many_zeros >= config.ais_double_frames:
                signals.append(Signal.NOT_ALL_ONES)
        elif self._few_zeros >= config.ais_double_frames and StreamState.LOS not in defects:
            signals.append(Signal.ALL_ONES)
        return signals

    def _most_ones(self, bits: Octets) -> int:
        """The most pulses in any window of 255 bit times that ends in this double frame."""
        total = np.concatenate(([0], np.cumsum(np.concatenate((self._tail, bits)), dtype=np.int32)))
        return int((total[_WINDOW:] - total[:-_WINDOW]).max())


# --- frames ---------------------------------------------------------------------------------------------------------


_NONE = np.empty((0, TIMESLOTS), np.uint8)
_BATCH_OCTETS = BATCH * TIMESLOTS
_EXPECTED = {(crc, alarm): pattern(crc, alarm) for crc in (False, True) for alarm in (False, True)}
_RESEARCH = 4
"""Double frames for which alignment elsewhere must hold before it is preferred: speech imitates FAS by chance."""
_RESEARCH_BITS = 511 + search_bits(_RESEARCH) - 1
"""Enough bits to examine every place of a double frame except the present one."""
_RESEARCH_OCTETS = (7 + 1 + _RESEARCH_BITS + 7) // 8


def _masks(multiframe: bool) -> Octets:
    """The bits of timeslot 0 that have one usual value: FAS; bit 2, A; the alignment signal and E."""
    mask = pattern(crc4=False, remote_alarm=False)
    mask[0::2] = FAS_MASK
    mask[1::2] = NFAS | REMOTE_ALARM | (BIT_1 if multiframe else 0)
    return mask


_MASKS = {multiframe: _masks(multiframe) for multiframe in (False, True)}


class FrameReceiver:
    """One direction of a stream.

    ``spoil`` is ORed with each NFAS before the receiver examines it. :data:`~e1.g704.frames.BIT_1` makes an LOMF of a
    healthy stream, :data:`~e1.g704.frames.REMOTE_ALARM` an RAI.
    """

    def __init__(self, crc4: bool = True, config: AlarmConfig | None = None) -> None:
        self.config = config or AlarmConfig()
        self.crc4 = crc4
        self.spoil = 0
        self.counters = Counters(Performance(), Performance())
        self.alarms = Alarms(self.config)
        self._monitor = LineMonitor(self.alarms, self.config)
        self._raw = b""  # less than a double frame
        self._line = b""  # not yet framed
        self._position = 0  # of the first bit of _line, modulo a multiframe
        self._bit = 0  # of _line: the start of the next frame, or of the rest of the search
        self._second = SECOND  # double frames left of it
        self._taken = 0  # frames at the head of _line that are processed
        self._skip = 0  # bits to skip before the search begins
        self._errored = [0, 0]  # SMFs I, II, to be reported to the far end
        self._phase: int | None = (
            None  # of the last alignment: place of frame 0 in the stream, modulo a multiframe
        )
        self._smf = np.zeros((SMF_FRAMES, TIMESLOTS), np.uint8)
        self._unalign()

    @property
    def state(self) -> StreamState:
        """The present state. LOF is returned as LOF, whichever state is shown for it."""
        return self.alarms.state

    @property
    def aligned(self) -> bool:
        """Whether there is frame alignment, and multiframe alignment if CRC-4 is on."""
        return self._framed and (self._multiframe or not self._checks)

    def take_changes(self) -> list[StreamState]:
        """The states entered since the last call, in order."""
        return self.alarms.take_changes()

    def take_errored(self) -> list[int]:
        """The number of errored SMFs I and SMFs II since the last call, for our E bits."""
        errored, self._errored = self._errored, [0, 0]
        return errored

    def signal(self, signal: Signal) -> None:
        """Apply a report of the operator (removed, disabled and so on) or the line. It may end the alignment."""
        had_frames = StreamState.LOF not in self.alarms.defects
        self.alarms.signal(signal)
        if signal in (Signal.NO_PULSES, Signal.ALL_ONES, Signal.REMOVED, Signal.DISABLED):
            self._phase = None
            self._unalign()
        if self.alarms.consequence.defect:
            self.counters.near.defect()
        if signal is Signal.REMOTE_ALARM:
            self.counters.far.defect()
        if had_frames and StreamState.LOF in self.alarms.defects:
            self.counters.alignment_losses += 1

    def feed(self, data: bytes) -> Octets:
        """Take bits from the line, first bit most significant. Returns the frames that they complete, shape (m, 32),
        TS0 included.

        A state that cuts the data (:data:`e1.g704.alarms.CONSEQUENCES`) gives no frames. An incomplete double frame of
        the line waits for the next call.
        """
        raw = self._raw + data
        whole = len(raw) - len(raw) % DOUBLE_FRAME
        self._raw = raw[whole:]
        octets = np.frombuffer(raw, np.uint8, whole)
        out: list[Octets] = []
        begin = 0
        while begin < whole:
            end = min(whole, begin + self._second * DOUBLE_FRAME, begin + _BATCH_OCTETS)
            piece = octets[begin:end]
            if self._monitor.quiet(piece):
                self._consume(piece, out)
            else:
                for start in range(0, len(piece), DOUBLE_FRAME):
                    block = piece[start : start + DOUBLE_FRAME]
                    for signal in self._monitor.double_frame(block):
                        self.signal(signal)
                    self._consume(block, out)
            self._pass((end - begin) // DOUBLE_FRAME)
            begin = end
        if len(out) == 1:
            return out[0]
        return np.concatenate(out) if out else _NONE

    def _pass(self, double_frames: int) -> None:
        """Advance the time by double frames, at most to the end of the second."""
        self._second -= double_frames
        if self._second == 0:
            self._second = SECOND
            self.counters.near.end_second()
            self.counters.far.end_second()
            if self.alarms.consequence.defect:
                self.counters.near.defect()
            if StreamState.RAI in self.alarms.defects:
                self.counters.far.defect()

    def _unalign(self) -> None:
        """Begin the search for frames."""
        self._framed = self._multiframe = self._research = False
        self._checks = self.crc4
        self._frame = 0  # number of the next frame; its parity alone counts before the multiframe is found
        self._bad_fas = self._bad_nfas = self._remote_run = 0
        self._fas_errored = False
        self._unaligned_frames = 0
        self._blocks = self._bad_blocks = 0
        self._lose_multiframe()

    def _lose_multiframe(self) -> None:
        self._multiframe = False
        self._missing = 0  # frames since the search for the multiframe began, or since its last signal
        self._register = 0  # bit 1 of the last six NFAS
        self._nfas_count = 0
        self._signals: set[int] = set()  # places modulo 8 NFAS where the search saw the signal
        self._smf_whole = False
        self._check: int | None = None  # of the SMF before the present one

    def _drop(self, bits: int) -> None:
        """Drop the first ``bits`` of the waiting bits."""
        octets, self._bit = divmod(self._bit + bits, 8)
        self._line = self._line[octets:]
        self._position = (self._position + 8 * octets) % (256 * MULTIFRAME)

    def _consume(self, octets: Octets, out: list[Octets]) -> None:
        self._line += octets.tobytes()
        going = True
        while going:
            if not self._framed:
                going = self._search()
            elif self._research and not self._try_elsewhere():
                going = False
            else:
                going = self._take_frames(out)

    def _search(self) -> bool:
        bits = np.unpackbits(np.frombuffer(self._line, np.uint8))[self._bit :]
        place = search(bits)
        if place is None:
            self._drop(max(0, len(bits) - search_bits() + 1))
            return False
        self._drop(place)
        self._framed = True
        self.signal(Signal.FRAME_FOUND)
        if not self._checks:
            self._align()
        return True

    def _try_elsewhere(self) -> bool:
        """No multiframe: look for frames just after the present place (G.706 4.2). False: too few bits yet."""
        if len(self._line) < _RESEARCH_OCTETS:
            return False
        self._research = False
        bits = np.unpackbits(np.frombuffer(self._line, np.uint8, _RESEARCH_OCTETS))
        place = search(bits[self._bit + 1 :][:_RESEARCH_BITS], _RESEARCH)
        if place is not None:
            self._drop(place + 1)
            self._frame = self._bad_fas = self._bad_nfas = 0
        return True

    def _align(self) -> None:
        """Enter alignment: all configured alignment is present."""
        phase = (self._position + self._bit + 256 * (self._taken - self._frame)) % (256 * MULTIFRAME)
        if not self._multiframe:
            phase %= 512
        if self._phase is not None and phase != self._phase:
            self.counters.slips += 1
        self._phase = phase
        self.signal(Signal.ALIGNED)

    def _take_frames(self, out: list[Octets]) -> bool:
        """Process the waiting whole frames; True when more work may remain."""
        count = min((8 * len(self._line) - self._bit) // 256, BATCH)
        if count == 0:
            return False
        octets = np.frombuffer(self._line, np.uint8)
        if self._bit:
            octets = octets[: count * 32 + 1]
            octets = octets[:-1] << np.uint8(self._bit) | octets[1:] >> np.uint8(8 - self._bit)
        frames = octets[: count * 32].reshape(count, TIMESLOTS)
        if self._quiet(frames):
            self._drop(256 * count)
            if self.alarms.consequence.data:
                out.append(frames)
            return count == BATCH
        carries = []
        for ts0, frame in zip(frames[:, 0].tolist(), frames, strict=True):
            self._take_frame(ts0, frame)
            carries.append(self.alarms.consequence.data)
            if not self._framed or self._research:
                break
        if any(carries):
            out.append(frames[: len(carries)][carries])
        taken, self._taken = self._taken, 0
        self._drop(256 * taken + self._skip)
        self._skip = 0
        return count == BATCH or taken < count or not self._framed or self._research

    def _quiet(self, frames: Octets) -> bool:
        """Whether these frames change nothing. Only then are they taken into account."""
        if self.spoil or self._bad_fas or self._bad_nfas or self._remote_run or self._fas_errored:
            return False
        first, count = self._frame, len(frames)
        after = first + count
        remote = StreamState.RAI in self.alarms.defects
        unusual = frames[:, 0] ^ _EXPECTED[self._checks, remote][first:after]
        if (unusual & _MASKS[self._checks][first:after]).any():
            return False
        if self._checks:
            in_step = self._missing == (first - 12) % MULTIFRAME and self._register == SHIFT_REGISTER[first]
            if self._check is None or not in_step or not self._checks_hold(frames):
                return False
            self.counters.far.blocks += sum((after - 1 - n) // 16 - (first - 1 - n) // 16 for n in E_FRAMES)
            self._missing = (after - 12) % MULTIFRAME
            self._register = SHIFT_REGISTER[after % MULTIFRAME]
        else:
            self.counters.near.blocks += after // SMF_FRAMES - first // SMF_FRAMES
        self._frame = after % MULTIFRAME
        return True

    def _checks_hold(self, frames: Octets) -> bool:
        """Whether the CRC-4 of every SMF that ends in these frames is correct. Only then are the SMFs counted."""
        begun = self._frame % SMF_FRAMES
        joined = np.concatenate((self._smf[:begun], frames)) if begun else frames
        whole = len(joined) // SMF_FRAMES
        if whole:
            smfs = joined[: whole * SMF_FRAMES]
            received, checks = carried(smfs[:, 0]), crc4(smfs)
            if received[0] != self._check or (received[1:] != checks[:-1]).any():
                return False
            self._check = int(checks[-1])
            self.counters.near.blocks += whole
            self._blocks += whole
            if self._blocks >= BLOCKS:
                self._blocks -= BLOCKS
                self._bad_blocks = 0
        rest = joined[whole * SMF_FRAMES :]
        self._smf[: len(rest)] = rest
        return True

    def _take_frame(self, ts0: int, frame: Octets) -> None:
        number = self._frame
        self._frame = (number + 1) % MULTIFRAME
        self._taken += 1
        self._missing += 1
        if number & 1:
            self._take_nfas(ts0 | self.spoil, number)
        else:
            self._take_fas(ts0)
        if not self._framed:
            return
        if not self._checks:
            if number % SMF_FRAMES == SMF_FRAMES - 1:
                self.counters.near.block(self._fas_errored)
                self._fas_errored = False
            return
        if self._multiframe:
            self._take_smf(number, frame)
        else:
            self._unaligned_frames += 1
        if self._framed and self._missing >= self.config.multiframe_frames:
            self._lose_multiframe()
            self._research = True
            self.signal(Signal.MULTIFRAME_MISSING)
        if self._framed and 0 < self.config.no_crc4_frames <= self._unaligned_frames:
            self._checks = self._research = False
            self._align()

    def _lose_frames(self) -> None:
        self._unalign()
        self.signal(Signal.FRAME_LOST)

    def _take_fas(self, ts0: int) -> None:
        if ts0 & FAS_MASK == FAS:
            self._bad_fas = 0
            return
        self.counters.fas_errors += 1
        self._fas_errored = not self._checks
        self._bad_fas += 1
        if self._bad_fas >= self.config.lof_fas:
            self._lose_frames()

    def _take_nfas(self, ts0: int, number: int) -> None:
        self._bad_nfas = 0 if ts0 & NFAS else self._bad_nfas + 1
        if 0 < self.config.lof_nfas <= self._bad_nfas:
            self._lose_frames()
            return
        remote = StreamState.RAI in self.alarms.defects
        self._remote_run = self._remote_run + 1 if bool(ts0 & REMOTE_ALARM) != remote else 0
        if self._remote_run >= self.config.rai_nfas:
            self._remote_run = 0
            self.signal(Signal.REMOTE_CLEAR if remote else Signal.REMOTE_ALARM)
        if self._checks:
            self._take_bit_1(bool(ts0 & BIT_1), number)

    def _take_bit_1(self, bit: bool, number: int) -> None:
        """Bit 1 of an NFAS: the multiframe's alignment signal, or an E bit."""
        self._register = (self._register << 1 | bit) & 0x3F
        self._nfas_count += 1
        if self._multiframe:
            if number in E_FRAMES:
                self.counters.far.block(errored=not bit)
            elif number == 11 and self._register == MULTIFRAME_SIGNAL:
                self._missing = 0
        elif self._register == MULTIFRAME_SIGNAL and self._nfas_count >= 6:
            place = self._nfas_count % 8
            if place in self._signals:
                self._lose_multiframe()
                self._multiframe = True
                self._register = MULTIFRAME_SIGNAL
                self._frame = 12
                self._unaligned_frames = 0
                self._align()
            else:
                self._signals.add(place)

    def _take_smf(self, number: int, frame: Octets) -> None:
        """Check the blocks by CRC-4. The result for a block is in the SMF after it."""
        row = number % SMF_FRAMES
        self._smf[row] = frame
        self._smf_whole |= row == 0
        if row < SMF_FRAMES - 1 or not self._smf_whole:
            return
        if self._check is not None:
            errored = int(carried(self._smf[:, 0])[0]) != self._check
            self.counters.near.block(errored)
            self._blocks += 1
            if errored:
                self.counters.crc_errors += 1
                self._errored[number < SMF_FRAMES] += 1
                self._bad_blocks += 1
                if 0 < self.config.lof_crc_blocks <= self._bad_blocks:
                    self._lose_frames()
                    self._skip = 1  # these frames may be an imitation: search just after their place
                    return
            if self._blocks == BLOCKS:
                self._blocks = self._bad_blocks = 0
        self._check = int(crc4(self._smf)[0])
