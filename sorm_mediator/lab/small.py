"""Lab files of the smallest node: one domain with two subscribers, its mediator, any free ports on loopback.

They are for boxes as processes of their own: those of the demo, of measurements and of tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sorm_mediator.addresses import split_host_port
from sorm_mediator.lab.processes import BoxProcess, free_udp_port

IN_MEMORY = '[mediator]\nstate = ":memory:"\njournal = ""\n'
"""A mediator that keeps nothing on disk."""
_MEDIATOR = """
[console]
kpd1_port = 0
kpd2_port = 0
[web]
port = 0
[radius]
port = {radius}
[ssh]
port = {ssh}
"""
_SWITCH = """
[switch]
ssh_port = 0
[[switch.domains]]
name = "test.domain"
password = "123"
subscribers = [{subscribers}]
"""
_TWO = ("28331", "28332")


def _switch(subscribers: Sequence[str]) -> str:
    return _SWITCH.replace("{subscribers}", ", ".join(f'{{ number = "{one}" }}' for one in subscribers))


def lab_text(mediator: str = "") -> str:
    """Of all boxes in one process. ``mediator``: the table ``[mediator]``, if it is not left out."""
    return mediator + _MEDIATOR.format(radius=0, ssh=0) + _switch(_TWO)


def switch_text(radius: int, subscribers: Sequence[str] = _TWO) -> str:
    """Of a switch by itself, with these subscribers, that sends its reports to this port."""
    return f'[web]\nport = 0\n{_switch(subscribers)}radius_servers = [{{ host = "127.0.0.1", port = {radius} }}]\n'


def mediator_text(switch: BoxProcess, radius: int, mediator: str = "") -> str:
    """Of a mediator by itself, which belongs to a switch that runs. ``mediator``: as of :func:`lab_text`."""
    ssh = split_host_port(switch.endpoints["ssh"])[1]
    return f'{mediator}{_MEDIATOR.format(radius=radius, ssh=ssh)}host_key = "{switch.ready["host_key"]}"\n'


@asynccontextmanager
async def switch_and_gateway(
    folder: Path, mediator: str = "", *, log: Sequence[str] = ("--log-level", "error")
) -> AsyncIterator[tuple[BoxProcess, BoxProcess]]:
    """A switch and its mediator as two processes. ``mediator``: as of :func:`lab_text`."""
    radius = free_udp_port()
    switch_file, gateway_file = folder / "switch.toml", folder / "mediator.toml"
    switch_file.write_text(switch_text(radius))
    async with BoxProcess("switch", switch_file, log=log) as switch:
        gateway_file.write_text(mediator_text(switch, radius, mediator))
        async with BoxProcess("gateway", gateway_file, log=log) as gateway:
            yield switch, gateway
