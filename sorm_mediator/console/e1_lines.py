"""The console's ends of a mediator's streams: of a lab in this process, or of a mediator that runs elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Protocol

from e1.carriers.carrier import Address, Carrier, host_port
from sorm_mediator.addresses import split_host_port
from sorm_mediator.carriers import OPPOSITE, ConsoleMemory, console_satop, serial_carrier, xot_carrier
from sorm_mediator.config import Config, E1Config
from sorm_mediator.console.e1_client import ConsoleEnd
from sorm_mediator.console.errors import ConnectError

ONCE = 300.0
"""Seconds until an extra console at a busy circuit would try again: longer than any run."""


class RunningLab(Protocol):
    """The part of a lab of this process that its console needs."""

    config: Config

    @property
    def endpoints(self) -> Mapping[str, str]:
        """``host:port`` of ``e1.N``."""

    def carrier(self, stream: int) -> Carrier:
        """The mediator's end of a stream."""


def lines_of_lab(lab: RunningLab) -> list[ConsoleEnd]:
    """The ends of the streams of a lab of this process."""
    data = lab.config.console.link == "x25"
    return [_line_in_lab(each, lab, data) for each in lab.config.e1]


def _line_in_lab(config: E1Config, lab: RunningLab, data: bool) -> ConsoleEnd:
    if config.line == "memory":
        return _end(config, lambda: ConsoleMemory(config, lambda: lab.carrier(config.stream), data=data))
    if config.line == "serial":
        return _end(config, lambda: serial_carrier(config, far_end=True))
    where = split_host_port(lab.endpoints[f"e1.{config.stream}"])
    return _dials(config, where) if config.line == "xot" else _satop(config, where, ("127.0.0.1", 0), data)


def lines_toward(streams: Iterable[E1Config], host: str, *, data: bool = True) -> list[ConsoleEnd]:
    """The ends of the streams of a mediator at ``host``, as its lab file has them.

    Its ``remote`` is our address. Without ``data`` the streams are there for speech alone. Raises
    :class:`ConnectError` for a stream that can't be reached by the contents of the file, and when there is no stream.
    """
    lines = [_line_toward(each, host, data) for each in streams]
    if not lines:
        raise ConnectError("E1 with --host needs the [[e1]] tables of the mediator: -c LAB")
    return lines


def _line_toward(config: E1Config, host: str, data: bool) -> ConsoleEnd:
    key = f"e1.{config.stream}"
    if config.line == "memory":
        raise ConnectError(
            f'{key}.line: "memory" is within the process of the mediator: nobody outside reaches it; '
            'use "satop", "xot" or "serial"'
        )
    if config.line == "serial":
        ports = config.serial
        if not (ports.console_kpd1 and ports.console_kpd2):
            raise ConnectError(
                f"{key}.serial: the lab file (-c) must tell the console's ttys: console_kpd1, console_kpd2"
            )
        return _end(config, lambda: serial_carrier(config, far_end=True))
    if config.line == "xot" and config.remote:
        listens = split_host_port(config.remote)
        return _end(config, lambda: xot_carrier(config, listen=listens, far_end=True))
    port = split_host_port(config.local)[1]
    if not port:
        raise ConnectError(f"{key}: the lab file (-c) must tell its port: e1.local")
    if config.line == "xot":
        return _dials(config, (host, port))
    anywhere = "::" if ":" in host else "0.0.0.0"  # noqa: S104 - packets of others are dropped
    local = split_host_port(config.remote) if config.remote else (anywhere, 0)
    return _satop(config, (host, port), local, data)


def _satop(config: E1Config, remote: Address, local: Address, data: bool) -> ConsoleEnd:
    # Of an extra connection nothing arrives whose clock it could follow.
    extra = partial(console_satop, config, remote, (local[0], 0), data=data, own_clock=True)
    return _end(
        config, partial(console_satop, config, remote, local, data=data), extra, far=host_port(remote)
    )


def _dials(config: E1Config, where: Address) -> ConsoleEnd:
    dialled = partial(xot_carrier, config, dial=where, far_end=True)
    return _end(config, dialled, partial(dialled, again=ONCE))


def _end(
    config: E1Config, opened: Callable[[], Carrier], extra: Callable[[], Carrier] | None = None, far: str = ""
) -> ConsoleEnd:
    role = OPPOSITE[config.mode]
    return ConsoleEnd(stream=config.stream, role=role, open=opened, open_extra=extra, far=far)
