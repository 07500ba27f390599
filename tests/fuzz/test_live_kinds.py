"""Each kind of action finds the fault that it is for, in a peer that has it, and nothing in one that has not."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sorm_mediator.cli.logs import LineForm
from sorm_mediator.config import Config, load, parse
from sorm_mediator.console.target import target_for
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live import http_surface, ssh_surface, watching
from sorm_mediator.fuzz.live.action import Action, ActionError, Round
from sorm_mediator.fuzz.live.clock_surface import ClockSurface
from sorm_mediator.fuzz.live.fuzzer import bench, generator
from sorm_mediator.fuzz.live.http_surface import HttpSurface
from sorm_mediator.fuzz.live.judge import CallPlan
from sorm_mediator.fuzz.live.ssh_surface import SshSurface
from sorm_mediator.fuzz.live.starting import lab_process, own_lab
from sorm_mediator.fuzz.live.surface import Breach
from sorm_mediator.fuzz.live.target import Gateway
from sorm_mediator.fuzz.live.wall import WallClock, follow
from sorm_mediator.mediator.core.switchside import SwitchSide
from sorm_mediator.switch.mediators import access
from tests.fuzz.gateway_spoils import clock_of_the_judge

LAB = Path("captures/labs/minimal.toml")
LARGEST = 2**63 - 1
NUMBER = {"type": "integer", "minimum": 0}
ROUTES = {
    "/calls": {"get": {"parameters": [{"name": "offset", "in": "query", "schema": NUMBER}]}},
    "/calls/{id}/events": {
        "get": {
            "parameters": [{"name": name, "in": "query", "schema": NUMBER} for name in ("limit", "since")]
        }
    },
    "/jobs": {"post": {"parameters": [{"name": "n", "in": "query", "schema": NUMBER}]}},
}


def gateway(config: Config | None = None, **values: Any) -> Gateway:
    config = config if config is not None else parse({}, directory=Path.cwd())
    return Gateway(name="x", config=config, run=target_for(config, "127.0.0.1", 0, 0), **values)


# --- http


@asynccontextmanager
async def web(status: Callable[[str], int]) -> AsyncIterator[tuple[str, int]]:
    """Answers each request with the status of its target."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).decode().split()[1]
        writer.write(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status(target))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[:2]


def drawn(surface: Any, kind: str, fits: Callable[[Action], bool]) -> Action:
    """The first action of this kind that fits, of those that seeds make."""
    actions = (getattr(surface, f"_draw_{kind}")(generator(str(seed))) for seed in range(200))
    return next(filter(fits, actions))


async def test_a_sweep_asks_each_number_of_each_route() -> None:
    seen: list[str] = []

    def status(target: str) -> int:
        seen.append(target)
        return 500 if target == f"/calls?offset={LARGEST}" else 422

    async with web(status) as address:
        surface = HttpSurface(gateway(web=address), ROUTES)
        sweep = drawn(surface, "sweep", lambda one: one.values["value"] == str(LARGEST))
        [breach] = await surface.do(sweep)
    n = LARGEST
    assert seen == [f"/calls?offset={n}", f"/calls/1/events?limit={n}", f"/calls/1/events?since={n}"]
    assert (breach.check, breach.kind, breach.place) == ("http answers", Kind.WRONG_ANSWER, "GET /calls")


async def test_what_is_no_request_or_no_port_is_no_action() -> None:
    surface = HttpSurface(gateway(web=("127.0.0.1", 1)), ROUTES)
    with pytest.raises(ActionError, match="'GET' is no request"):
        await surface.do(Action("http", "sweep", {"asked": ["GET"]}))
    with pytest.raises(ActionError, match="'moon' is no port of http: some of web, kpd1, ssh"):
        await surface.do(Action("http", "scarce", {"port": "moon"}))


_LISTENER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0), backlog=100)
print(server.getsockname()[1], flush=True)
kept = []
while True:
    try:
        kept.append(server.accept())
    except OSError:
        if sys.argv[1] == "patient":
            sys.stdin.read()  # up to the end of the test
"""


@asynccontextmanager
async def listener(manner: str) -> AsyncIterator[tuple[int, int]]:
    """A process that is "patient" after a connection for which it had no descriptor, or not: its number and port."""
    command = (sys.executable, "-c", _LISTENER, manner)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout is not None
        yield process.pid, int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are those of Linux")
@pytest.mark.parametrize(("manner", "kinds"), [("hasty", [Kind.HANG]), ("patient", [])])
async def test_a_listener_without_descriptors_may_not_try_all_the_time(
    manner: str, kinds: list[Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "APART", 0.01)
    monkeypatch.setattr(http_surface, "RETRIED_WITHIN", 0.0)
    async with listener(manner) as (pid, port):
        target = gateway(web=("127.0.0.1", port), pid=pid)
        surface = HttpSurface(target, ROUTES)
        found = await surface.do(Action("http", "scarce", {"port": "web"}))
        assert [one.kind for one in found] == kinds
        assert target.full_until <= time.monotonic()
        with watching.few_descriptors(pid) as limit:
            assert 0 < limit < 200
        # Nothing of the limit is left: as many as it likes.
        assert watching.resource.prlimit(pid, watching.resource.RLIMIT_NOFILE)[0] != limit


# --- ssh


class Door(asyncssh.SSHServer):
    """A switch's port. ``closed`` are the addresses that are kept out for ever."""

    forgives = True
    closed: set[str]

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._host = conn.get_extra_info("peername")[0]

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        right = password == "123"
        if not right and not self.forgives:
            self.closed.add(self._host)
        return right and self._host not in self.closed


Serve = Callable[[asyncssh.SSHServerProcess[bytes]], Awaitable[None]]


async def _nobody(process: asyncssh.SSHServerProcess[bytes]) -> None:
    process.exit(0)


@asynccontextmanager
async def door(
    serve: Serve = _nobody, *, forgives: bool = True
) -> AsyncIterator[tuple[SshSurface, type[Door]]]:
    """A surface toward a switch that serves its processes like this."""

    class Made(Door):
        """Of this test alone."""

    Made.forgives, Made.closed = forgives, set()
    key = asyncssh.generate_private_key("ssh-ed25519")
    acceptor = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=Made, process_factory=serve, encoding=None,
        line_editor=False,
    )  # fmt: skip
    tables = {
        "ssh": {"user": "d", "password": "123"},
        "switch": {"admin": {"user": "admin", "password": "123"}},
    }
    config = parse(tables, directory=Path.cwd())
    yield SshSurface(gateway(config, ssh=("127.0.0.1", acceptor.get_port()))), Made
    acceptor.close()
    await acceptor.wait_closed()


async def played(surface: SshSurface, *actions: Action) -> list[Breach]:
    surface.begin()
    found = [breach for action in actions for breach in await surface.do(action)]
    return found + await surface.settle()


@pytest.mark.parametrize(("forgives", "kinds"), [(False, [Kind.NO_ANSWER]), (True, [])])
async def test_the_right_password_is_tried_where_the_wrong_ones_came_from(
    forgives: bool, kinds: list[Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_surface, "BURST_FOR", 0.0)
    async with door(forgives=forgives) as (surface, made):
        burst = surface._draw_burst(random.Random(1)).changed(times=3)  # noqa: S311 - nothing secret
        again = surface._draw_wrong_login(random.Random(1)).changed(times=1)  # noqa: S311 - nothing secret
        found = await played(surface, burst, again)
        assert [one.kind for one in found] == kinds
        assert "127.0.0.1" not in made.closed
        # What guesses cost is the affair of their addresses: other actions go on.
        assert await played(surface, Action("ssh", "login")) == []
        assert await surface._right_login("") == []


@contextmanager
def memory_of(monkeypatch: pytest.MonkeyPatch, used: list[int]) -> Iterator[None]:
    monkeypatch.setattr(ssh_surface, "listener", lambda _port: 1)
    monkeypatch.setattr(ssh_surface, "memory", lambda _pid: used[0])
    yield


@pytest.mark.parametrize(("limit", "kinds"), [(10**9, [Kind.MEMORY]), (3, [])])
async def test_syncs_without_an_end_have_a_limit(
    limit: int, kinds: list[Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    used, parts = [0], [0]

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await process.stdin.readline()
        process.stdout.write(b'{"hello":"sorm","ok":true}\n')
        while await process.stdin.readline():
            parts[0] += 1
            if parts[0] > limit:
                process.stdout.write(b'{"ok":false}\n')
            else:
                used[0] += 30 * 1024 * 1024
                process.stdout.write(b'{"ok": true}\n')

    monkeypatch.setattr(ssh_surface, "MOST_ROWS", 10 * ssh_surface.ROWS)
    with memory_of(monkeypatch, used):
        async with door(serve) as (surface, _):
            found = await surface.do(Action("ssh", "unended", {"times": 4}))
    assert [(one.check, one.kind) for one in found] == [("process", kind) for kind in kinds]
    # It goes on to the limit of memory, or to the first refusal in each session.
    assert parts[0] == (10 if kinds else limit + 4)


async def test_a_shell_that_ends_at_a_number_is_found_in_a_few_actions() -> None:
    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"$ ")
        line = b""
        while data := await process.stdin.read(65_536):
            line += data
            if line.endswith(b"\r"):
                if b"ssh_port 99999" in line and len(line) > 4300:
                    break  # int() raises ValueError, which nobody expected
                process.stdout.write(b"no\r\n$ ")
                line = b""
        process.exit(1)

    async with door(serve) as (surface, _):
        rng = generator("1")
        found: list[Breach] = []
        for _ in range(20):
            found = found or await surface.do(surface._draw_shell(rng))
    assert [(one.check, one.place) for one in found] == [("ssh login", "shell")]


# --- clock


def test_a_process_follows_its_wall_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    wall = WallClock(tmp_path / "wall")
    follow(wall.file)
    seen = [time.time()]
    for step in (-3600.0, 86_400.0, 0.0):
        wall.set(step)
        seen.append(time.time())
    assert seen == [1000.0, -2600.0, 87_400.0, 1000.0]


@pytest.mark.parametrize(("hangs", "kinds"), [(True, [Kind.HANG]), (False, [])])
async def test_a_call_that_waits_for_a_clock_that_was_set_back_is_found(
    tmp_path: Path, hangs: bool, kinds: list[Kind]
) -> None:
    made = [0]

    async def make_call(domain: str, request: dict[str, Any]) -> str:
        made[0] += 1
        return "7"

    async def request(method: str, path: str, body: object) -> tuple[int, object]:
        assert (method, path) == ("GET", "calls/7")
        return 200, {"state": "talking" if hangs and wall.seconds < 0 else "released"}

    target = gateway()
    target.run = replace(target.run, make_call=make_call, request=request)
    wall = WallClock(tmp_path / "wall")
    surface = ClockSurface(target, wall, CallPlan("d", "1", "2", ""), patience=0.01)
    surface.begin()
    back = Action("clock", "call", {"seconds": -3600.0})
    found = [breach for _ in range(2) for breach in await surface.do(back)]
    assert [(one.check, one.kind) for one in found] == [("clock", kind) for kind in kinds]
    assert made == [1 if hangs else 2]  # a subscriber who is busy is not called again
    with pytest.raises(ActionError, match="'stop' is no action of clock"):
        await surface.do(Action("clock", "stop"))


# --- in a lab


async def again(patience: float, *actions: Action) -> set[tuple[str, Kind]]:
    """What the judge finds after a round of these actions in a lab of its own."""
    opened = lambda: own_lab(load(LAB), "minimal", LineForm())  # noqa: E731
    async with bench(opened, patience=patience) as one:
        found = await one.again(Round(0, actions[0].surface, actions))
    return {(breach.check, breach.kind) for breach in found}


async def test_another_mediator_that_takes_the_objects_is_found_by_a_call_without_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access.LiveSessions, "problem", lambda self, *_: "")
    opened = lambda: own_lab(load(LAB), "minimal", LineForm())  # noqa: E731
    async with bench(opened, patience=3.0) as one:
        surface = one.surfaces["ssh"]
        impostor = drawn(surface, "impostor", lambda action: b'"sync"' in action.octets)
        found = await one.again(Round(0, "ssh", (impostor,)))
    assert ("events", Kind.EVENT_LOST) in {(breach.check, breach.kind) for breach in found}


async def test_a_mediator_that_stands_still_for_objects_that_are_refused_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right, pass_time = SwitchSide._note_refused, clock_of_the_judge(monkeypatch)

    def slowly(self: Any, sync: Any, refused: Any) -> None:
        if isinstance(refused, list) and len(refused) > 5000:
            pass_time(3.5)  # as an entry and a line for each of many objects take
        right(self, sync, refused)

    monkeypatch.setattr(SwitchSide, "_note_refused", slowly)
    assert ("web", Kind.LATE_ANSWER) in await again(3.0, Action("switch", "resync", {"times": 8000}))


async def test_a_lab_goes_on_whatever_is_done_to_its_clock() -> None:
    # Limits of time belong to a machine that has nothing else to do.
    lab = load(LAB)
    async with bench(lambda: lab_process(lab, "minimal"), only=("clock",), patience=20.0) as one:
        steps = (
            Action("clock", "call", {"seconds": -172_800.0}),
            Action("clock", "step", {"seconds": 3600.0}),
        )
        assert await one.again(Round(0, "clock", steps)) == []
        assert one.judge.checks["clock"] == 1
