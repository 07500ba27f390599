"""A switch in memory behind the real server, and a link whose pauses are recorded instead of waited for."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

from ssh_control.client import SwitchLink
from ssh_control.dialect import ClientHello, Notify, Refused, Reply, Request
from ssh_control.server import SormServer

DOMAIN, PASSWORD = "test.domain", "123"


class FakeSession:
    """One mediator at the switch: keeps its objects."""

    def __init__(self, switch: FakeSwitch, hello: ClientHello, notify: Notify) -> None:
        self.server_hello: Mapping[str, Any] = {"switch": "fake"}
        self.switch, self.hello, self.notify = switch, hello, notify
        self.objects: dict[int, dict[str, Any]] = {}
        self.ended = 0

    def handle(self, request: Request) -> Reply:
        self.switch.requests.append(request)
        if request.op == "add":
            if request.params["object"]["number"] == "00000":
                return Reply.refusal(0x54, "not a subscriber here")
            self.objects[request.params["object"]["object_number"]] = request.params["object"]
            return Reply(True, {"line_state": 0})
        if request.op == "trunks":
            return Reply(
                True, {"trunks": [{"trunk": n, "name": "t" * 200} for n in range(self.switch.trunks)]}
            )
        return Reply(True)

    def closed(self) -> None:
        self.ended += 1
        self.switch.news.set()


class FakeSwitch:
    """The backend: one domain, one password."""

    def __init__(self) -> None:
        self.logins: list[tuple[str, str, str]] = []
        self.sessions: list[FakeSession] = []
        self.requests: list[Request] = []
        self.early: list[dict[str, Any]] = []
        self.refusal: Refused | None = None
        self.trunks = 1
        self.news = asyncio.Event()

    def login(self, user: str, password: str, peer: str) -> str | None:
        self.logins.append((user, password, peer))
        if user != DOMAIN:
            return "no such domain"
        return None if hmac.compare_digest(password, PASSWORD) else "wrong password"

    def open(self, user: str, hello: ClientHello, peer: str, notify: Notify) -> FakeSession:
        if self.refusal is not None:
            raise self.refusal
        self.sessions.append(FakeSession(self, hello, notify))
        for event in self.early:
            notify(event)
        self.news.set()
        return self.sessions[-1]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a session to open or to close until the condition holds."""
        async with asyncio.timeout(20):
            while not condition():
                self.news.clear()
                await self.news.wait()


class Recorder:
    """The owner of a link: what it was told, and the pauses that were asked of it."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.pauses: list[float] = []
        self.on_pause: Callable[[], Awaitable[None]] | None = None
        self.link: SwitchLink

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.told.put_nowait(("pause", self.link.state.value))
        if self.on_pause is not None:
            await self.on_pause()
        await asyncio.sleep(0)

    async def until(self, kind: str) -> Any:
        """The next thing of this kind; what comes before it is passed over."""
        async with asyncio.timeout(20):
            while True:
                name, what = await self.told.get()
                if name == kind:
                    return what


LinkTo = Callable[..., Awaitable[Recorder]]


@pytest.fixture
def switch() -> FakeSwitch:
    return FakeSwitch()


@pytest.fixture
async def new_server(switch: FakeSwitch) -> AsyncIterator[Callable[..., Awaitable[SormServer]]]:
    """Makes servers that listen, which are closed at the end."""
    servers: list[SormServer] = []

    async def make(**options: Any) -> SormServer:
        server = SormServer(switch, "127.0.0.1", 0, **options)
        servers.append(server)
        server.address = await server.start()  # type: ignore[attr-defined]
        return server

    yield make
    for server in servers:
        await server.close()


@pytest.fixture
async def server(new_server: Callable[..., Awaitable[SormServer]]) -> SormServer:
    async def no_pause(seconds: float) -> None:
        await asyncio.sleep(0)

    return await new_server(sleep=no_pause)


@pytest.fixture
async def link_to() -> AsyncIterator[LinkTo]:
    recorders: list[Recorder] = []

    async def begin(
        addresses: list[tuple[str, int]], host_key: str | None, password: str = PASSWORD, **options: Any
    ) -> Recorder:
        recorder = Recorder()
        recorder.link = SwitchLink(
            addresses,
            DOMAIN,
            password,
            host_key,
            mediator="smg",
            radius="127.0.0.1:1813",
            on_up=lambda hello: recorder.told.put_nowait(("up", hello)),
            on_down=lambda reason: recorder.told.put_nowait(("down", reason)),
            on_event=lambda event: recorder.told.put_nowait(("event", event)),
            sleep=recorder.pause,
            **{"retry_min": 0.5, "retry_max": 8.0, "jitter": lambda: 1.0} | options,
        )
        recorders.append(recorder)
        await recorder.link.start()
        return recorder

    yield begin
    for recorder in recorders:
        await recorder.link.close()
