"""Servers that go to other ports while they run: all of them or none, and whoever is connected stays so."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from ssh_control.server import SormServer


def move(ways: Sequence[tuple[SormServer, int]]) -> None:
    """Listen on these ports from now on; to be called in the running loop.

    One may go where another one is now: it takes over the socket, so that nobody else can have the port in between.
    Raises :class:`OSError` when a port can't be had; then nothing changes.
    """
    ways = [(server, port) for server, port in ways if server.port != port]
    held = {server.port: server for server, _ in ways}
    taken: list[socket.socket] = []
    try:
        for server, port in ways:
            shared = held[port].shared_listener() if port in held else None
            taken.append(shared if shared is not None else listening(server.host, port))
    except OSError:
        for listener in taken:
            listener.close()
        raise
    for server, _ in ways:
        server.stop_listening()
    for (server, _), listener in zip(ways, taken, strict=True):
        server.listen_on(listener)


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections already, so that nobody who comes meanwhile is turned away."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(100)
    except OSError:
        listener.close()
        raise
    return listener
