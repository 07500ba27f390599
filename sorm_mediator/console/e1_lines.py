"""Which lines lead to a mediator's streams: those of a lab of this process, and those of one that is running."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from e1.carriers.bare import BareStream
from e1.carriers.xot_socket import Address
from e1.stream import E1Stream, StreamEvent
from sorm_mediator.addresses import split_host_port
from sorm_mediator.carriers import (
    OPPOSITE,
    End,
    MemoryEnd,
    framed,
    satop_config,
    serial_stream,
    xot_stream,
)
from sorm_mediator.config import E1Config
from sorm_mediator.console.e1_client import LineConfig, OtherLine, console_end
from sorm_mediator.console.errors import ConnectError

if TYPE_CHECKING:
    from sorm_mediator.lab.lab import Lab

AnyLine = LineConfig | OtherLine
ONCE = 300.0
"""Seconds until a console at a busy circuit tries again: it knocks once."""


def lines_of_lab(lab: Lab) -> list[AnyLine]:
    """The lines to the streams of a lab of this process, which tells its ports."""
    data = lab.config.console.link == "x25"
    return [_line_in_lab(each, lab, data) for each in lab.config.e1]


def _line_in_lab(config: E1Config, lab: Lab, data: bool) -> AnyLine:
    match config.line:
        case "memory":
            return _other(config, lambda: _memory(config, lab, data))
        case "serial":
            return _other(config, lambda: _bare(serial_stream(config, far_end=True)))
        case "xot":
            return _dials(config, split_host_port(lab.endpoints[f"e1.{config.stream}"]))
    return _satop(config, split_host_port(lab.endpoints[f"e1.{config.stream}"]), data=data)


def lines_toward(streams: Iterable[E1Config], host: str, *, data: bool = True) -> list[AnyLine]:
    """The lines to the streams of a mediator at ``host``, as its lab file has them.

    Its ``remote`` is our address. Without ``data`` the streams are there for speech alone. Raises
    :class:`ConnectError` for a stream that can't be reached by what the file tells, and for no stream.
    """
    lines = [_line_toward(each, host, data) for each in streams]
    if not lines:
        raise ConnectError("E1 with --host needs the [[e1]] tables of the mediator: -c LAB")
    return lines


def _line_toward(config: E1Config, host: str, data: bool) -> AnyLine:
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
        return _other(config, lambda: _bare(serial_stream(config, far_end=True)))
    if config.line == "xot" and config.remote:
        listens = split_host_port(config.remote)
        return _other(config, lambda: _bare(xot_stream(config, listen=listens, far_end=True)))
    port = split_host_port(config.local)[1]
    if not port:
        raise ConnectError(f"{key}: the lab file (-c) must tell its port: e1.local")
    if config.line == "xot":
        return _dials(config, (host, port))
    anywhere = "::" if ":" in host else "0.0.0.0"  # noqa: S104 - packets of others are left
    return _satop(
        config, (host, port), split_host_port(config.remote) if config.remote else (anywhere, 0), data
    )


def _satop(
    config: E1Config, remote: Address, local: Address = ("127.0.0.1", 0), data: bool = True
) -> LineConfig:
    return LineConfig(
        stream=config.stream,
        remote=remote,
        local=local,
        end=console_end(config, data=data),
        line=satop_config(config, far_end=True),
    )


def _other(
    config: E1Config, open_end: Callable[[], End], knock: Callable[[], End] | None = None
) -> OtherLine:
    return OtherLine(stream=config.stream, role=OPPOSITE[config.mode], open_end=open_end, knock=knock)


def _dials(config: E1Config, where: Address) -> OtherLine:
    return _other(
        config,
        lambda: _bare(xot_stream(config, dial=where, far_end=True)),
        lambda: _bare(xot_stream(config, dial=where, far_end=True, again=ONCE)),
    )


def _bare(stream: BareStream) -> End:
    return End(stream, stream, stream.take)


def _memory(config: E1Config, lab: Lab, data: bool) -> End:
    far = FarMemoryEnd(partial(_mediators_end, lab, config.stream))
    return framed(E1Stream(console_end(config, data=data)), far)


def _mediators_end(lab: Lab, stream: int) -> MemoryEnd:
    assert lab.gateway is not None
    assert lab.gateway.e1 is not None
    line = lab.gateway.e1.streams.line(stream)
    assert isinstance(line, MemoryEnd)
    return line


class FarMemoryEnd:
    """The console's end of a line within the process: always of the mediator that runs, also of a restarted one."""

    def __init__(self, near: Callable[[], MemoryEnd]) -> None:
        self._near = near

    async def start(self) -> str:
        return ""

    def exchange(self, stream: E1Stream) -> list[StreamEvent]:
        return self._near().far.exchange(stream)

    def close(self) -> None:
        self._near().far.close()

    async def wait_closed(self) -> None:
        """It is closed at once."""

    def counters(self) -> dict[str, int]:
        return self._near().far.counters()

    def take_strangers(self) -> list[str]:
        return []
