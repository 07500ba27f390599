"""``[[e1]]``: the streams toward the console."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sorm_mediator.config.base import Section


class LapbConfig(Section):
    """Parameters of LAPB (LINK 1)."""

    k: Annotated[int, Field(ge=1, le=7)] = 7
    """Window, frames."""
    t1: Annotated[float, Field(gt=0)] = 3.0
    """Retransmission timer, seconds."""
    t2: Annotated[float, Field(ge=0)] = 0.2
    """Delay of an acknowledgement, seconds."""
    n2: Annotated[int, Field(ge=1)] = 10
    """Transmissions of one frame at most."""
    n1: Annotated[int, Field(ge=5)] = 135
    """Octets of a frame at most."""


class X25Config(Section):
    """Parameters of the X.25 packet layer (LINK 2)."""

    circuit: Literal["pvc", "svc"] = "pvc"
    """Permanent or switched virtual circuit."""
    lcn: Annotated[int, Field(ge=1, le=4095)] = 1
    """Logical channel number."""
    packet_size: Literal[16, 32, 64, 128, 256, 512, 1024, 2048, 4096] = 128
    """Octets of user data in a packet."""
    window: Annotated[int, Field(ge=1, le=7)] = 2
    """Packets that may be outstanding."""


class E1Config(Section):
    """``[[e1]]``: one stream toward the console."""

    stream: Annotated[int, Field(ge=0, le=7)] = 0
    """Number of the stream, 0..7."""
    line: Literal["satop", "serial", "memory"] = "satop"
    """What carries the stream."""
    local: str = "127.0.0.1:0"
    """Address and port to listen on (SAToP)."""
    remote: str = ""
    """The other end; "" = learnt from the first packet."""
    jitter: Annotated[int, Field(ge=1, le=500)] = 30
    """Milliseconds of the stream that are kept back, so that packets may be late by as much (SAToP)."""
    mode: Literal["dce", "dte"] = "dce"
    """Whose side of X.25 the mediator plays."""
    crc4: bool = True
    """CRC-4 multiframe."""
    kpd1_timeslot: Annotated[int, Field(ge=1, le=31)] = 30
    """Timeslot of KPD1."""
    kpd2_timeslot: Annotated[int, Field(ge=1, le=31)] = 31
    """Timeslot of KPD2."""
    hold: Annotated[float, Field(ge=0)] = 10.0
    """Seconds that a data channel may be interrupted before the console counts as gone: until then what is sent
    waits for it, and so does the answer to its command [inferred]."""
    lapb: LapbConfig = LapbConfig()
    """The link layer."""
    x25: X25Config = X25Config()
    """The packet layer."""
