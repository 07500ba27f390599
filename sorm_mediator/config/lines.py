"""``[e1.serial]``, ``[e1.xot]``, ``[e1.memory]``: settings of lines other than SAToP."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from sorm_mediator.config.base import Section

BARE: Final = ("serial", "xot")
"""Values of ``e1.line`` that carry data channels and no timeslots."""
Lcn = Annotated[int, Field(ge=1, le=4095)]
Digits = Annotated[str, Field(pattern=r"^[0-9]{0,15}$")]


class SerialConfig(Section):
    """Two ttys, one for each data channel: HDLC octets with the framing of RFC 1662."""

    kpd1: str = ""
    """The mediator's tty of KPD1, such as /dev/ttyUSB0, or a URL of pyserial."""
    kpd2: str = ""
    """The mediator's tty of KPD2."""
    console_kpd1: str = ""
    """The tty at the other end of KPD1, which the console of `replay` opens; in a lab that a run starts itself, ""
    means pseudo-terminals in place of all four."""
    console_kpd2: str = ""
    """The tty at the other end of KPD2."""
    baudrate: Annotated[int, Field(ge=50, le=4_000_000)] = 64_000
    """Bits a second."""
    rtscts: bool = False
    """Hardware flow control."""
    watch_carrier: bool = False
    """The channel is there while the modem shows carrier (DCD); off: while the port is open."""
    accm: Annotated[int, Field(ge=0, le=0xFFFFFFFF)] = 0
    """Control characters that are escaped, as a bit mask; 0xFFFFFFFF for a line that is not transparent."""
    reopen: Annotated[float, Field(gt=0)] = 5.0
    """Seconds until a port that failed, or could not be opened, is tried again."""


class XotConfig(Section):
    """Two circuits of X.25 over TCP (RFC 1613), one for each data channel; the numbers that distinguish them are the
    same at both ends; our choice, since no public source has what consoles use."""

    kpd1_lcn: Lcn = 1
    """Number of KPD1's permanent circuit."""
    kpd2_lcn: Lcn = 2
    """Number of KPD2's permanent circuit."""
    interface: str = ""
    """Permanent circuits: name of the mediator's interface, such as Serial0; "" = any name that the console gives."""
    console_interface: str = ""
    """Permanent circuits: name of the console's interface; "" = any."""
    kpd1_number: Digits = "1"
    """Switched circuits: the number that is called for KPD1."""
    kpd2_number: Digits = "2"
    """Switched circuits: the number that is called for KPD2."""
    setup_timeout: Annotated[float, Field(gt=0)] = 30.0
    """Seconds that the other end may take to set a circuit up on its connection."""
    reconnect: Annotated[float, Field(gt=0)] = 5.0
    """Seconds until a connection that was lost, or not made, is tried again."""
    refused: Annotated[float, Field(gt=0)] = 300.0
    """The same after a permanent circuit was refused (RFC 1613: about 5 minutes)."""


class MemoryConfig(Section):
    """What a line within the process does to its bits, in each direction."""

    bit_error_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Probability that a bit is turned over."""
    delay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Seconds from one end to the other."""
    slip_frames: Annotated[int, Field(ge=0)] = 0
    """A frame's time is lost or repeated after so many frames (8,000 a second); 0 = never."""
    slip: Literal["lose", "repeat"] = "lose"
    """What a slip does."""
