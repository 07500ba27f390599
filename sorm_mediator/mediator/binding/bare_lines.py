"""Lines that bring data channels and no timeslots, from the lab file: two ttys, or two circuits over TCP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from e1.lines.bare import BareStream, SerialStream, XotStream
from e1.lines.serial_line import SerialConfig
from e1.lines.xot import XotConfig
from e1.lines.xot_socket import Address
from e1.stream import ChannelName
from sorm_mediator.addresses import split_host_port
from sorm_mediator.config import E1Config
from sorm_mediator.mediator.binding.stream_lines import stream_config

CONSOLE_AGAIN = 0.5
"""Seconds until the console of this product tries a circuit again, however it was lost or refused."""


def bare_stream(config: E1Config, allows: Callable[[str], bool] = lambda host: True) -> BareStream:
    """The mediator's end; ``allows``: hosts that may connect over TCP. Raises :class:`ValueError`."""
    if config.line == "serial":
        return serial_stream(config)
    if config.remote:
        return xot_stream(config, dial=split_host_port(config.remote))
    return xot_stream(config, listen=split_host_port(config.local), allows=allows)


def serial_stream(config: E1Config, *, far_end: bool = False) -> SerialStream:
    """Either end of two ttys. Raises :class:`ValueError` for settings that contradict each other."""
    ports, end = config.serial, stream_config(config, far_end=far_end)
    urls: dict[ChannelName, str] = (
        {"kpd1": ports.console_kpd1, "kpd2": ports.console_kpd2}
        if far_end
        else {"kpd1": ports.kpd1, "kpd2": ports.kpd2}
    )
    return SerialStream(
        {
            name: SerialConfig(
                url=url,
                baudrate=ports.baudrate,
                rtscts=ports.rtscts,
                watch_carrier=ports.watch_carrier,
                accm=ports.accm,
                reopen=ports.reopen,
            )
            for name, url in urls.items()
        },
        end.lapb,
        end.x25,
    )


def xot_stream(
    config: E1Config,
    *,
    listen: Address | None = None,
    dial: Address | None = None,
    far_end: bool = False,
    again: float = CONSOLE_AGAIN,
    allows: Callable[[str], bool] = lambda host: True,
) -> XotStream:
    """Either end of two circuits over TCP, which listens or connects; ``again``: see :data:`CONSOLE_AGAIN`.

    Raises :class:`ValueError`.
    """
    xot, x25 = config.xot, stream_config(config, far_end=far_end).x25
    names = (xot.interface, xot.console_interface)
    own, peer = reversed(names) if far_end else names
    retries = (again, again) if far_end else (xot.reconnect, xot.refused)

    def circuit(lcn: int, number: str) -> XotConfig:
        called, calling = (number, "") if dial else ("", number)  # who takes calls has the number as its own
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

    return XotStream(
        {"kpd1": circuit(xot.kpd1_lcn, xot.kpd1_number), "kpd2": circuit(xot.kpd2_lcn, xot.kpd2_number)},
        listen=listen,
        dial=dial,
        allows=allows,
    )
