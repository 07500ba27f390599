"""A scripted mediator: what it answers to which command is said by the test, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from protocol import Channel, Codec, CommandExecuted, CommandReceived, StreamFramer, Unit
from sorm_mediator.console.target import RunTarget
from sorm_mediator.replay import scenario
from sorm_mediator.replay.results import ScriptResult, TextPrinter
from sorm_mediator.replay.runner import ScenarioRunner


class ScriptedMediator:
    """Accepts KPD1 and KPD2. Every command is answered 27h/00 and 28h/00 unless the test says otherwise."""

    def __init__(self) -> None:
        self.codec = Codec()
        self.commands: list[bytes] = []
        self.received = bytearray()
        self.connected: list[str] = []
        self.both = asyncio.Event()
        self._answers: dict[int, list[list[Any]]] = {}
        self._writers: dict[str, asyncio.StreamWriter] = {}
        self._servers: list[asyncio.Server] = []
        self.ports: dict[str, int] = {}
        self.greeting: Any = None
        """What a console of KPD1 gets at once."""

    async def start(self) -> None:
        for name in ("kpd1", "kpd2"):
            server = await asyncio.start_server(
                lambda r, w, name=name: self._serve(name, r, w), "127.0.0.1", 0
            )
            self._servers.append(server)
            self.ports[name] = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for writer in self._writers.values():
            writer.close()
        for server in self._servers:
            await server.wait_closed()

    def answer(self, code: int, *replies: Any) -> None:
        """The next command of this code gets these: messages, bytes (on KPD1) or callables."""
        self._answers.setdefault(code, []).append(list(replies))

    def say(self, *replies: Any) -> None:
        """Send messages, each on its channel; bytes go to KPD1."""
        for reply in replies:
            if callable(reply):
                reply()
                continue
            raw = reply if isinstance(reply, bytes) else self.codec.encode(reply)
            name = "kpd2" if not isinstance(reply, bytes) and reply.channel is Channel.KPD2 else "kpd1"
            self._writers[name].write(raw)

    def hang_up(self, name: str) -> None:
        self._writers[name].close()

    async def _serve(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.append(name)
        self._writers[name] = writer
        if len(self._writers) == 2:
            self.both.set()
        if name == "kpd1" and self.greeting is not None:
            self.say(self.greeting)
        framer = StreamFramer(Channel.COMMAND)
        while data := await reader.read(4096):
            self.received += data
            for piece in framer.feed(data):
                if isinstance(piece, Unit):
                    self._command(piece.raw)

    def _command(self, raw: bytes) -> None:
        self.commands.append(raw)
        code = raw[2]
        queued = self._answers.get(code)
        self.say(*(queued.pop(0) if queued else [CommandReceived(code, 0), CommandExecuted(code, 0)]))


@pytest.fixture
async def mediator() -> AsyncIterator[ScriptedMediator]:
    scripted = ScriptedMediator()
    await scripted.start()
    yield scripted
    await scripted.stop()


@pytest.fixture
def around(mediator: ScriptedMediator) -> RunTarget:
    return RunTarget(host="127.0.0.1", kpd1=mediator.ports["kpd1"], kpd2=mediator.ports["kpd2"])


@pytest.fixture
def printed() -> list[str]:
    return []


@pytest.fixture
def run(around: RunTarget, printed: list[str]) -> Callable[..., Any]:
    """Run the steps of a scenario: ``await run("- send: start")``."""

    async def run_steps(
        steps: str,
        head: str = "",
        around_: RunTarget | None = None,
        printer: TextPrinter | None = None,
        within: float = 0.5,
        **more: Any,
    ) -> ScriptResult:
        text = f"name: a test\nwithin: {within}\n{head}\nsteps:\n{steps}\n"
        parsed = scenario.parse(text, Path("test.yaml"))
        shown = printer or TextPrinter(printed.append)
        return await ScenarioRunner(parsed, around_ or around, shown, **more).run()

    return run_steps
