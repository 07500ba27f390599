"""No descriptor is left for another connection: a listener tries again in a second, and not as often as it can. None is
left for the listener itself: its start says so."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from e1.carriers.xot_socket import XotServer
from protocol import Codec, Options
from sorm_mediator.config import ConsoleConfig
from sorm_mediator.errors import BoxError
from sorm_mediator.mediator.binding.consoles import Consoles
from sorm_mediator.switch.licence_store import LicenceServer, LicenceStore
from sorm_mediator.tap.proxy import Tap
from sorm_mediator.tap.spoil import Spoiler
from sorm_mediator.web.server import WebServer
from ssh_control.server import SormServer

Start = Callable[[AsyncExitStack], Awaitable[int]]


async def ssh(stack: AsyncExitStack) -> int:
    server = SormServer(None, "127.0.0.1", 0)  # type: ignore[arg-type]  # nobody gets as far as its backend
    stack.push_async_callback(server.close)
    return (await server.start())[1]


async def consoles(stack: AsyncExitStack) -> int:
    listener = Consoles(ConsoleConfig(kpd1_port=0, kpd2_port=0), Options(), None, unit_timeout=1.0)  # type: ignore[arg-type]
    stack.push_async_callback(listener.stop)
    return int((await listener.start())["kpd1"].rpartition(":")[2])


async def web(stack: AsyncExitStack) -> int:
    app = FastAPI()
    app.state.watchers = Closing()
    app.state.web_counters = Counter()
    server = WebServer(app, "127.0.0.1", 0)
    stack.push_async_callback(server.stop)
    return (await server.start())[1]


async def xot(stack: AsyncExitStack) -> int:
    server = XotServer([], "127.0.0.1", 0, lambda _end, _event: None)
    stack.callback(server.close)
    return (await server.start())[1]


async def tap(stack: AsyncExitStack) -> int:
    proxy = Tap({"kpd1": ("127.0.0.1", 0)}, {}, Codec(), Spoiler((), 1), None)  # type: ignore[arg-type]  # nobody comes
    await stack.enter_async_context(proxy)
    return int(proxy.endpoints["kpd1"].rpartition(":")[2])


class Closing:
    def close(self) -> None:
        """Nobody watches."""


async def licences(stack: AsyncExitStack) -> int:
    server = LicenceServer(LicenceStore(Path("/nowhere/sold.json")), "127.0.0.1:0")
    port = int((await server.start()).rpartition(":")[2])
    stack.push_async_callback(server.stop)
    return port


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.mark.parametrize("start", [ssh, consoles, web, xot, tap])
async def test_it_is_tried_once_and_then_again_later(
    start: Start, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = await start(stack)
    loop = asyncio.get_running_loop()
    failed: list[dict[str, Any]] = []
    first = asyncio.Event()

    def handler(_loop: object, context: dict[str, Any]) -> None:
        failed.append(context)
        first.set()

    def no_descriptor(_listener: socket.socket) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    loop.set_exception_handler(handler)
    client = socket.socket()
    stack.callback(client.close)
    with monkeypatch.context() as patched:
        patched.setattr(socket.socket, "accept", no_descriptor)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", port))
        async with asyncio.timeout(10):
            await first.wait()
        for _ in range(20):  # turns of the loop
            await asyncio.sleep(0)
        assert [context["message"] for context in failed] == ["socket.accept() out of system resource"]


@pytest.mark.parametrize("start", [ssh, consoles, web, xot, tap, licences])
async def test_a_listener_whose_socket_can_not_be_made_is_refused_in_words(
    start: Start, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused(socket.socket):
        """As without descriptors, or of an address family that the machine does not have."""

        def __init__(self, *_: Any, **__: Any) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "socket", Refused)
        with pytest.raises((BoxError, OSError), match=r"free descriptors|Too many open files"):
            await start(stack)
