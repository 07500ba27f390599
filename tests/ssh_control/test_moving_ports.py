"""Servers that go to other ports: what fails keeps neither the next move nor the end from happening."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import asyncssh
import pytest

from ssh_control.server import SormServer, listening_socket, move_servers


@pytest.fixture
async def servers(new_server: Any) -> list[SormServer]:
    return [await new_server() for _ in range(2)]


async def settled(server: SormServer) -> None:
    assert server._moving is not None
    await asyncio.wait([server._moving])


async def greets(port: int) -> bool:
    """Whether an SSH server is there."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    async with asyncio.timeout(10):
        line = await reader.readline()
    writer.close()
    return line.startswith(b"SSH-2.0")


async def test_after_a_move_that_failed_the_next_one_works(
    servers: list[SormServer], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server, listen = servers[0], asyncssh.listen
    before = server.port

    async def fails(**_: Any) -> Any:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(asyncssh, "listen", fails)
        server.listen_on(listening_socket("127.0.0.1", 0))
        await settled(server)
    assert server.counters["moves failed"] == 1
    assert "Too many open files" in caplog.text
    assert server.port == before
    assert await greets(before)

    listener = listening_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    assert asyncssh.listen is listen
    server.listen_on(listener)
    await settled(server)
    assert server.port == port
    assert await greets(port)
    assert not await greets(before)


async def test_ports_are_exchanged_without_a_moment_in_which_another_could_take_them(
    servers: list[SormServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = servers
    ports = one.port, other.port

    def taken(host: str, port: int) -> socket.socket:
        raise OSError(98, f"{port} was taken in between")

    monkeypatch.setattr("ssh_control.server.listening_socket", taken)
    move_servers([(one, ports[1]), (other, ports[0])])
    await settled(one)
    await settled(other)
    assert (one.port, other.port) == (ports[1], ports[0])
    assert [await greets(port) for port in ports] == [True, True]


async def test_whoever_stops_listening_while_it_moves_does_not_listen_afterwards(
    servers: list[SormServer],
) -> None:
    server = servers[0]
    listener = listening_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server.listen_on(listener)
    server.stop_listening()
    await settled(server)
    assert not await greets(port)


async def test_closing_ends_connections_also_when_it_listens_no_more(servers: list[SormServer]) -> None:
    server = servers[0]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await reader.readline()
    server.stop_listening()
    await server.close()
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()
