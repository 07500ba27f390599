"""The switch's server as a process of its own, for ``bench.ssh``.

Reads the password, prints its port and public key, and ends when its input does.
"""

from __future__ import annotations

import asyncio
import hmac
import sys
from collections.abc import Mapping
from typing import Any

from ssh_control.dialect import ClientHello, Reply, Request
from ssh_control.server import Notify, SormServer


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


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = SormServer(_Backend(sys.stdin.readline().strip()), "127.0.0.1", 0)
    _, port = await server.start()
    print(port, server.public_key, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    await server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
