"""``[[e1]]``: the streams toward the console."""

from __future__ import annotations

from dataclasses import asdict
from math import ceil
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from e1.carriers import satop
from e1.g704 import alarms
from e1.g704.timeslots import KSL_TIMESLOTS
from e1.lapb import config as lapb_config
from e1.x25 import config as x25_config
from sorm_mediator.config.base import Section
from sorm_mediator.config.derived import section_of

BARE: Final = ("serial", "xot")
"""Values of ``e1.line`` that carry data channels and no timeslots."""
Lcn = Annotated[int, Field(ge=1, le=4095)]
Digits = Annotated[str, Field(pattern=r"^[0-9]{0,15}$")]
STREAMS_PER_SUBMODULE: Final = 4
"""E1 streams of a submodule M4E1."""
_OF_X25 = ("role", "transport", "calls")
"""Set by ``e1.mode``, the line and ``caller``."""


class LapbConfig(section_of(lapb_config.LapbConfig, without=("role",))):  # type: ignore[misc]
    """LAPB of both data channels (ITU-T X.25, section 2). The role is that of ``e1.mode``."""

    preset: Literal["x25", "linux"] = "x25"
    """Defaults of the other keys: those of X.25, or those that suit a Linux peer (docs/lapb.md lists the
    differences from Linux)."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("preset") != "linux":
            return given
        linux = asdict(lapb_config.LapbConfig.linux("dte"))
        return {name: value for name, value in linux.items() if name != "role"} | given


class X25Config(section_of(x25_config.X25Config, without=_OF_X25)):  # type: ignore[misc]
    """The X.25 packet layer of both data channels (ITU-T X.25, sections 3 to 6). The role is that of ``e1.mode``."""

    caller: Literal["dte", "dce"] = "dte"
    """The side that places the call of a switched circuit."""


class AlarmConfig(section_of(alarms.AlarmConfig)):  # type: ignore[misc]
    """Conditions that set and clear the states of a stream (docs/e1.md)."""


class SatopConfig(section_of(satop.SatopConfig, without=("jitter_packets", "buffer_packets"))):  # type: ignore[misc]
    """The packets of ``line = "satop"`` (RFC 4553); ``e1.jitter`` is the buffered part of the stream."""

    buffer_packets: Annotated[int, Field(ge=2, le=satop.MOST_PACKETS)] | None = None
    """The most packets in the buffer; left out: enough for jitter, twice the patience, and a tenth of a
    second."""
    patience: Annotated[float, Field(ge=0)] = 0.25
    """Seconds without packets before packets count as lost. Until then nothing is played, and late packets
    are played at once, so that both programs may be held up by so much. 0: late packets are replaced by all
    ones, as a gateway with an E1 behind it must do."""
    catch_up: Annotated[float, Field(ge=0)] = 0.25
    """Seconds that the mediator may be held up and still send the packets that were due, max_batch at a
    time."""

    def build(self, *, jitter: int = 1, **more: Any) -> Any:
        """The circuit that buffers ``jitter`` milliseconds."""
        packet = self.payload / satop.OCTETS_PER_FRAME / satop.FRAME_RATE
        waiting = ceil(jitter / 1000 / packet)
        buffer = self.buffer_packets or waiting + ceil((2 * self.patience + 0.1) / packet)
        return super().build(**{"jitter_packets": waiting, "buffer_packets": buffer} | more)


class SerialConfig(Section):
    """Two ttys, one for each data channel: HDLC octets with the framing of RFC 1662."""

    kpd1: str = ""
    """The mediator's tty of KPD1, such as /dev/ttyUSB0, or a URL of pyserial."""
    kpd2: str = ""
    """The mediator's tty of KPD2."""
    console_kpd1: str = ""
    """The tty at the other end of KPD1, which the console of `replay` opens; "", in a lab that a run starts
    itself: pseudo-terminals in place of all four ttys."""
    console_kpd2: str = ""
    """The tty at the other end of KPD2."""
    baudrate: Annotated[int, Field(ge=50, le=4_000_000)] = 64_000
    """Bits a second."""
    rtscts: bool = False
    """Hardware flow control."""
    watch_carrier: bool = False
    """The channel is up while the modem reports carrier (DCD); off: while the port is open."""
    accm: Annotated[int, Field(ge=0, le=0xFFFFFFFF)] = 0
    """Control characters that are escaped, as a bit mask; 0xFFFFFFFF for a line that is not transparent."""
    reopen: Annotated[float, Field(gt=0)] = 5.0
    """Seconds until the mediator tries again to open a port that failed or could not be opened."""


class XotConfig(Section):
    """Two circuits of X.25 over TCP (RFC 1613), one for each data channel. The numbers that distinguish them
    are the same at both ends. They are our choice: no public source gives the numbers of real consoles."""

    kpd1_lcn: Lcn = 1
    """Number of KPD1's permanent circuit."""
    kpd2_lcn: Lcn = 2
    """Number of KPD2's permanent circuit."""
    interface: str = ""
    """Permanent circuits: name of the mediator's interface, such as Serial0; "" = any name in the console's
    request."""
    console_interface: str = ""
    """Permanent circuits: name of the console's interface; "" = any."""
    kpd1_number: Digits = "1"
    """Switched circuits: the called number of KPD1."""
    kpd2_number: Digits = "2"
    """Switched circuits: the called number of KPD2."""
    setup_timeout: Annotated[float, Field(gt=0)] = 30.0
    """Seconds that the other end may take to set a circuit up on its connection."""
    reconnect: Annotated[float, Field(gt=0)] = 5.0
    """Seconds until a lost or failed connection is tried again."""
    refused: Annotated[float, Field(gt=0)] = 300.0
    """Seconds until a refused permanent circuit is tried again (RFC 1613: about 5 minutes)."""


class MemoryConfig(Section):
    """Errors of a line within the process, in each direction."""

    bit_error_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Probability of an inverted bit."""
    delay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Seconds from one end to the other."""
    slip_frames: Annotated[int, Field(ge=0)] = 0
    """Frames (8,000 a second) after which one frame is lost or repeated; 0 = never."""
    slip: Literal["lose", "repeat"] = "lose"
    """Effect of a slip."""


class E1Config(Section):
    """``[[e1]]``: one stream toward the console."""

    stream: Annotated[int, Field(ge=0, le=7)] = 0
    """Number of the stream, 0..7."""
    submodule: Annotated[int, Field(ge=0, le=3)] | None = None
    """The M4E1 submodule of the device that the stream is on, each of which has four streams (Eltex SMG1016M manual, E1
    stream settings); left out: 0 for the streams 0..3, 1 for 4..7 (our choice)."""
    installed: bool = True
    """Whether that submodule is installed; off: the stream stays in the state ABSENT. All streams of a submodule have
    the same value."""
    line: Literal["satop", "serial", "xot", "memory"] = "satop"
    """The carrier of the stream: E1 over UDP, two ttys, X.25 over TCP, or a wire within the process."""
    local: str = "127.0.0.1:0"
    """Address and port to listen on: UDP (SAToP), or TCP (XOT, whose standard port is 1998)."""
    remote: str = ""
    """SAToP: the other end; "" = the source of the first packet from a host in console.allow. XOT: the
    address that the mediator connects to instead of listening."""
    jitter: Annotated[int, Field(ge=1, le=500)] = 30
    """Milliseconds of the stream that are buffered; packets may be late by as much (SAToP)."""
    mode: Literal["dce", "dte"] = "dce"
    """The mediator's role in X.25."""
    crc4: bool = True
    """CRC-4 multiframe."""
    kpd1_timeslot: Annotated[int, Field(ge=1, le=31)] = 30
    """Timeslot of KPD1 (order 268, 1.4.1)."""
    kpd2_timeslot: Annotated[int, Field(ge=1, le=31)] = 31
    """Timeslot of KPD2 (order 268, 1.4.1)."""
    ksl_timeslots: tuple[int, ...] = KSL_TIMESLOTS
    """Timeslots of KSL 1..28, in their order (order 268, 6.4.5)."""
    hold: Annotated[float, Field(ge=0)] = 10.0
    """Seconds that a data channel may be interrupted before the console counts as gone. Until then outgoing
    messages and the answer to the console's command wait; our choice."""
    stand_by_at_once: bool = True
    """A channel whose stream has no signal (LOS, AIS, LOF) counts as gone at once while KPD1 and KPD2 of another stream
    work, so that these can take over (order 268, 1.4.1.1); off: the interruption is subject to hold."""
    leave_at_once: bool = True
    """A console that takes the link down (DISC), or ends its TCP connection in an orderly way (XOT), counts as gone at
    once; off: the interruption is subject to hold; our choice."""
    high_water: Annotated[int, Field(ge=1)] = 256
    """Messages waiting for the console on KPD1 above which the mediator takes no further command (RNR of
    X.25)."""
    low_water: Annotated[int, Field(ge=0)] = 128
    """Waiting messages at which the console may go on (RR). From 80 on, no output of a table stops the
    console."""
    silence: Annotated[int, Field(ge=0, le=0xFF)] = 0xD5
    """Octet of free lines and of unused timeslots; D5h is silence in A-law; our choice."""
    lapb: LapbConfig = LapbConfig()
    """The link layer."""
    x25: X25Config = X25Config()
    """The packet layer."""
    alarms: AlarmConfig = AlarmConfig()
    """The states."""
    satop: SatopConfig = SatopConfig()
    """Packets of line = "satop"."""
    serial: SerialConfig = SerialConfig()
    """Ports of line = "serial"."""
    xot: XotConfig = XotConfig()
    """Circuits of line = "xot"."""
    memory: MemoryConfig = MemoryConfig()
    """Errors of line = "memory"."""

    @property
    def on_submodule(self) -> int:
        """The M4E1 submodule that the stream is on."""
        return self.stream // STREAMS_PER_SUBMODULE if self.submodule is None else self.submodule

    @model_validator(mode="after")
    def _agree(self) -> Self:
        needed = max(self.x25.packet_size, self.x25.default_packet_size) + x25_config.FRAME_OVERHEAD
        if self.lapb.n1 < needed and self.line != "xot":  # XOT has no LAPB
            raise ValueError(
                f"lapb.n1 = {self.lapb.n1}: packets of {needed - x25_config.FRAME_OVERHEAD} octets need {needed}"
            )
        if not self.low_water < self.high_water < self.x25.queue_limit:
            raise ValueError(
                f"high_water = {self.high_water}: more than low_water = {self.low_water}, "
                f"less than x25.queue_limit = {self.x25.queue_limit}"
            )
        circuit = self.satop.build(jitter=1)
        kept = ceil(self.jitter / 1000 * satop.FRAME_RATE / circuit.frames)
        most = self.satop.buffer_packets
        if most is not None and most <= kept:
            raise ValueError(
                f"satop.buffer_packets = {most}: jitter = {self.jitter} keeps back {kept}; allow more"
            )
        return self
