"""A lab with its console on E1, or on TCP with the speech in E1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from sorm_mediator.config import Config, E1Config, LapbConfig, X25Config
from sorm_mediator.lab.lab import on_free_ports

STREAM = E1Config(
    hold=0.0,
    lapb=LapbConfig(t1=1.0, t2=0.02),
    x25=X25Config(window=7),
)
"""The stream of a lab without streams. A console that disconnects is gone at once, as over TCP. The window
has its maximum, since the line (with its jitter buffers) has more delay than a cable."""


def over_e1(config: Config, link: Literal["x25", "tcp"] = "x25") -> Config:
    """The same lab on free loopback ports with this ``console.link`` and its own streams, or a single one.

    With ``"tcp"`` the streams carry the speech alone.
    """
    streams = tuple(
        stream.model_copy(update={"local": "127.0.0.1:0", "remote": ""}) for stream in config.e1 or (STREAM,)
    )
    console = config.console.model_copy(update={"link": link})
    return on_free_ports(config.model_copy(update={"console": console, "e1": streams}))


@contextmanager
def wired(config: Config) -> Iterator[Config]:
    """The same lab with a cable for each serial line without a console's end in the file.

    The ttys of both ends are then pseudo-terminals.
    """
    with ExitStack() as stack:
        yield config.model_copy(update={"e1": tuple(_wired(stream, stack) for stream in config.e1)})


def _wired(stream: E1Config, stack: ExitStack) -> E1Config:
    ports = stream.serial
    if stream.line != "serial" or (ports.console_kpd1 and ports.console_kpd2):
        return stream
    from e1.carriers.serial_line import NullModem

    cables: dict[str, str] = {}
    for name in ("kpd1", "kpd2"):
        cable = NullModem()
        stack.callback(cable.close)
        cables[name], cables[f"console_{name}"] = cable.names
    return stream.model_copy(update={"serial": ports.model_copy(update=cables)})
