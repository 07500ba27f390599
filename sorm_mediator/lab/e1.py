"""A lab whose console is reached by E1 instead of TCP, whatever its file says."""

from __future__ import annotations

from sorm_mediator.config import Config, E1Config, LapbConfig, X25Config
from sorm_mediator.lab.lab import on_free_ports

STREAM = E1Config(
    hold=0.0,
    lapb=LapbConfig(t1=1.0, t2=0.02),
    x25=X25Config(window=7),
)
"""The stream of a lab that has none. A console that goes away is gone at once, as over TCP; the window is as wide as
it can be, since the line between the two ends is longer (by its jitter buffers) than a cable."""


def over_e1(config: Config) -> Config:
    """The same lab on free loopback ports with ``console.link`` = x25, over its own streams or a single one."""
    streams = tuple(
        stream.model_copy(update={"line": "satop", "local": "127.0.0.1:0", "remote": ""})
        for stream in config.e1 or (STREAM,)
    )
    console = config.console.model_copy(update={"link": "x25"})
    return on_free_ports(config.model_copy(update={"console": console, "e1": streams}))
