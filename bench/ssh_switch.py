"""The switch's server as a process of its own, for ``bench.ssh``.

Reads the password, prints its port and public key, and ends when its input does.
"""

from __future__ import annotations

import asyncio
import hmac
import sys
from collections.abc import Mapping
from typing import Any

import asyncssh

from ssh_control.dialect import ClientHello, Notify, Reply, Request
from ssh_control.server import SormServer
from ssh_control.transport import CIPHERS, public_line


class _Session:
    server_hello: Mapping[str, Any] = {"switch": "bench"}

    def __init__(self) -> None:
        self._objects: dict[int, dict[str, Any]] = {}

    def handle(self, request: Request) -> Reply:
        controlled = request.params["object"]
        self._objects[controlled["object_number"]] = controlled
        return Reply(True, {"line_state": 0})

    def closed(self) -> None:
        self._objects.clear()


class _Backend:
    def __init__(self, password: str) -> None:
        self._password = password.encode()

    def login(self, user: str, password: str, peer: str) -> str | None:
        return None if hmac.compare_digest(password.encode(), self._password) else "wrong password"

    def open(self, user: str, hello: ClientHello, peer: str, notify: Notify) -> _Session:
        return _Session()


class _Echo(asyncssh.SSHServerSession[bytes]):
    """asyncssh as it is, without a dialect."""

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return True

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._channel.write(data)


class _EchoServer(asyncssh.SSHServer):
    password = ""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return hmac.compare_digest(password, self.password)

    def session_requested(self) -> _Echo:
        return _Echo()


async def _serve_echo() -> None:
    loop = asyncio.get_running_loop()
    _EchoServer.password = sys.stdin.readline().strip()
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=_EchoServer,
        server_host_keys=[key],
        encryption_algs=CIPHERS,
        compression_algs=None,
        line_editor=False,
        encoding=None,
    )
    print(server.get_port(), public_line(key), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = SormServer(_Backend(sys.stdin.readline().strip()), "127.0.0.1", 0)
    _, port = await server.start()
    print(port, server.public_key, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    await server.close()


if __name__ == "__main__":
    asyncio.run(_serve_echo() if sys.argv[1:] == ["echo"] else _serve())
