"""A free port of this machine."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A TCP port of loopback that was free at the check, for a switch that is told its port before it starts."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
