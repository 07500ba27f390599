"""Both ends of an E1 stream from its ``[[e1]]`` table: the mediator's carrier and the console's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, Literal

from e1.carriers.bare import SerialCarrier, XotCarrier
from e1.carriers.carrier import Address, Carrier, FramedCarrier
from e1.carriers.memory import LineModel, MemoryEnd, memory_pair
from e1.carriers.satop import SatopConfig, SatopLine
from e1.carriers.satop_socket import SatopSocket
from e1.carriers.serial_line import SerialConfig
from e1.carriers.xot import XotConfig
from e1.stream import E1Stream, StreamConfig
from sorm_mediator.addresses import split_host_port
from sorm_mediator.config import E1Config

Role = Literal["dte", "dce"]
OPPOSITE: Final[dict[Role, Role]] = {"dte": "dce", "dce": "dte"}
FOLLOWER_PACKETS: Final = 2
"""Packets buffered at an end that follows the clock of the other end."""
FOLLOWER_PATIENCE: Final = 0.5
"""Seconds that such an end waits for the other clock before it uses its own."""
CONSOLE_AGAIN: Final = 0.5
"""Seconds until the console of this product tries a lost or refused circuit again."""


def stream_config(config: E1Config, *, far_end: bool = False, data: bool = True) -> StreamConfig:
    """Settings of the mediator's end of a stream, or of the console's, which has the other role of X.25.

    ``x25.caller`` places the call of a switched circuit. Without ``data`` the stream carries only speech.
    Raises :class:`ValueError` for settings that contradict each other.
    """
    role = OPPOSITE[config.mode] if far_end else config.mode
    return StreamConfig(
        crc4=config.crc4,
        data=data,
        kpd1_timeslot=config.kpd1_timeslot,
        kpd2_timeslot=config.kpd2_timeslot,
        lapb=config.lapb.build(role=role),
        x25=config.x25.build(role=role, calls=role == config.x25.caller),
        alarms=config.alarms.build(),
        ksl_timeslots=config.ksl_timeslots,
        silence=config.silence,
    )


def satop_config(config: E1Config, *, far_end: bool = False) -> SatopConfig:
    """Settings of the mediator's end of a SAToP circuit, or of the console's, which follows its clock.

    When the mediator's end follows, the console's end has the clock. An end that follows sends a frame for
    each frame that arrives and buffers almost nothing, so that neither end runs dry when the other is held
    up.
    """
    own: SatopConfig = config.satop.build(jitter=config.jitter)
    if not far_end:
        return own
    if own.clock == "received":
        return replace(own, clock="own")
    return replace(own, clock="received", jitter_packets=FOLLOWER_PACKETS, patience=FOLLOWER_PATIENCE)


def mediator_carrier(
    config: E1Config, allows: Callable[[str], bool] = lambda host: True, *, data: bool = True
) -> Carrier:
    """The mediator's end. ``allows``: whether a host may be the other end, where the table doesn't name it.

    Raises :class:`ValueError` for settings that contradict each other, and for an address that is no
    ``host:port``.
    """
    if config.line == "serial":
        return serial_carrier(config)
    if config.line == "xot" and config.remote:
        return xot_carrier(config, dial=split_host_port(config.remote))
    if config.line == "xot":
        return xot_carrier(config, listen=split_host_port(config.local), allows=allows)
    line: MemoryEnd | SatopSocket
    if config.line == "memory":
        line = memory_pair(LineModel(**config.memory.model_dump()))[0]
    else:
        remote = split_host_port(config.remote) if config.remote else None
        line = SatopSocket(
            SatopLine(satop_config(config)), split_host_port(config.local), remote, allows=allows
        )
    return FramedCarrier(E1Stream(stream_config(config, data=data)), line)


def console_satop(
    config: E1Config, remote: Address, local: Address, *, data: bool = True, own_clock: bool = False
) -> Carrier:
    """The console's end of an E1 over UDP. ``own_clock``: it does not follow the clock of the far end."""
    line = satop_config(config, far_end=True)
    socket = SatopSocket(SatopLine(replace(line, clock="own") if own_clock else line), local, remote)
    return FramedCarrier(E1Stream(stream_config(config, far_end=True, data=data)), socket)


class ConsoleMemory(FramedCarrier):
    """The console's end of a line in memory. ``near``: the mediator's carrier; of a restarted mediator, the new one."""

    def __init__(self, config: E1Config, near: Callable[[], Carrier], *, data: bool = True) -> None:
        super().__init__(E1Stream(stream_config(config, far_end=True, data=data)))
        self._near = near

    @property
    def line(self) -> MemoryEnd:
        """The other end of the mediator's line, looked up at each use."""
        near = self._near()
        assert isinstance(near, FramedCarrier)
        assert isinstance(near.line, MemoryEnd)
        return near.line.far


def serial_carrier(config: E1Config, *, far_end: bool = False) -> SerialCarrier:
    """Either end of two ttys. Raises :class:`ValueError` for settings that contradict each other."""
    ports, end = config.serial, stream_config(config, far_end=far_end)
    kpd1, kpd2 = (ports.console_kpd1, ports.console_kpd2) if far_end else (ports.kpd1, ports.kpd2)
    settings = ports.model_dump(include={"baudrate", "rtscts", "watch_carrier", "accm", "reopen"})
    line = partial(SerialConfig, **settings)
    return SerialCarrier({"kpd1": line(url=kpd1), "kpd2": line(url=kpd2)}, end.lapb, end.x25)


def xot_carrier(
    config: E1Config,
    *,
    listen: Address | None = None,
    dial: Address | None = None,
    far_end: bool = False,
    again: float = CONSOLE_AGAIN,
    allows: Callable[[str], bool] = lambda host: True,
) -> XotCarrier:
    """Either end of two circuits over TCP, which listens or connects; ``again``: see :data:`CONSOLE_AGAIN`.

    Raises :class:`ValueError`.
    """
    xot, x25 = config.xot, stream_config(config, far_end=far_end).x25
    names = (xot.interface, xot.console_interface)
    own, peer = reversed(names) if far_end else names
    retries = (again, again) if far_end else (xot.reconnect, xot.refused)

    def circuit(lcn: int, number: str) -> XotConfig:
        called, calling = (number, "") if dial else ("", number)  # the called end has the number as its own
        return XotConfig(
            x25=replace(x25, lcn=lcn, called_address=called, calling_address=calling),
            initiator=dial is not None,
            interface=own,
            peer_interface=peer,
            peer_lcn=lcn,
            setup_timeout=xot.setup_timeout,
            reconnect=retries[0],
            refused=retries[1],
        )

    return XotCarrier(
        {"kpd1": circuit(xot.kpd1_lcn, xot.kpd1_number), "kpd2": circuit(xot.kpd2_lcn, xot.kpd2_number)},
        listen=listen,
        dial=dial,
        allows=allows,
    )
