"""The ways to a mediator: a lab of its own in this process, one in another process, or a mediator that runs."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, get_args

import asyncssh

from sorm_mediator.addresses import host_port, split_host_port
from sorm_mediator.config import Config, E1Config, parse
from sorm_mediator.config.switch import DomainConfig, RadiusServerConfig
from sorm_mediator.config.written import plain
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.console.target import RunTarget, WebApi, target_for
from sorm_mediator.fuzz.live.between import Between
from sorm_mediator.fuzz.live.ports import free_port
from sorm_mediator.fuzz.live.target import Gateway
from sorm_mediator.fuzz.live.wall import MODULE, WallClock
from sorm_mediator.fuzz.live.watching import LogFile, Logged, listener, own_log
from sorm_mediator.lab.lab import Lab, changed, on_free_ports, over_e1
from sorm_mediator.lab.processes import BoxProcess, free_udp_port
from sorm_mediator.language import Phrase

if TYPE_CHECKING:
    from sorm_mediator.console.e1_client import ConsoleLines

STREAMS: Final = 2
"""Streams of a lab over E1: one for the fuzzer, one for the good console."""
OTHER_SINK: Final = RadiusServerConfig(host="127.0.0.1", port=9)
"""A second sink of each domain, that of the mediator that the fuzzer plays; nothing listens there."""
JOINED_WITHIN: Final = 40.0
"""Seconds until a mediator that found nobody tries again (``ssh.retry_max`` is 30 s)."""
NO_SWITCH: Final = Phrase(
    "its link to the switch does not cross this: a lab that is started here, or --between [HOST:]PORT"
)
NO_E1: Final = Phrase("the console's link is TCP")


class Link:
    """Where a mediator that runs logs in to its switch, and the host key that it has pinned.

    It stays there from try to try, since a mediator that finds nobody waits longer each time. ``close`` ends it.
    """

    def __init__(self, address: tuple[str, int], key: asyncssh.SSHKey) -> None:
        self._address = address
        self._key = key
        self._between: Between | None = None

    async def between(self, switch: tuple[str, int]) -> Between:
        """It, with the mediator logged in where it does so in time. Raises ConnectError."""
        if self._between is None:
            between = Between(switch, self._key)
            try:
                await between.start(*self._address)
            except OSError as error:
                where = host_port(*self._address)
                raise ConnectError(f"--between: {where}: can't listen: {error.strerror or error}") from None
            self._between = between
        if not await self._between.joined(JOINED_WITHIN):
            raise ConnectError(f"--between: {host_port(*self._address)}: the mediator does not log in here")
        return self._between

    async def close(self) -> None:
        """Cut the link."""
        if self._between is not None:
            await self._between.close()


def by_e1(config: Config) -> bool:
    """Whether the console channels of a lab are in E1 streams."""
    return config.console.link == "x25"


def prepared(config: Config, folder: Path, switch_port: int, between: Between | None) -> Config:
    """A lab file for fuzzing: free ports, tables and journal in ``folder``, the mediator's way over ``between``."""
    if by_e1(config):
        streams = config.e1[:STREAMS]
        if len(streams) == 1:
            number = next(one for one in range(STREAMS) if one != streams[0].stream)
            streams = (*streams, streams[0].model_copy(update={"stream": number}))
        # An interruption of the fuzzer's own stream does not last: it is over at the end of the round.
        config = over_e1(config.model_copy(update={"e1": streams}))
    else:
        config = on_free_ports(config.model_copy(update={"e1": ()}))
    radius = free_udp_port()
    tables: dict[str, dict[str, object]] = {
        "mediator": {"state": str(folder / "state.db"), "journal": str(folder / "journal.db")},
        "radius": {"port": radius},
    }
    if between is not None:
        server, port = between.address
        tables["ssh"] = {"server": server, "port": port, "host_key": between.public_key}
    config = changed(config, tables)
    switch = config.switch
    if switch is not None:
        own = {"host": "127.0.0.1", "port": radius, "secret": config.radius.secret}
        domains = tuple(_for_fuzzing(domain, own, config.directory) for domain in switch.domains)
        switch = switch.in_memory().model_copy(update={"ssh_port": switch_port, "domains": domains})
        config = config.model_copy(update={"switch": switch})
    return config


def _for_fuzzing(domain: DomainConfig, own: Mapping[str, Any], folder: Path) -> DomainConfig:
    """A domain that reports to the lab's mediator and to that of the fuzzer. Its files are found from any folder."""
    update: dict[str, Any] = {"contexts": tuple(str((folder / one).resolve()) for one in domain.contexts)}
    if domain.radius_servers is None:
        update["radius_servers"] = (RadiusServerConfig(**own), OTHER_SINK)
    return domain.model_copy(update=update)


def can_stand_between(config: Config) -> bool:
    """Whether the mediator of a lab logs in as a domain: a MultiSORM user has a port that only the switch knows."""
    return config.switch is not None and _is_domain(config)


def _is_domain(config: Config) -> bool:
    """Whether the mediator logs in as a domain, as far as the lab file tells."""
    switch = config.switch
    return switch is None or any(config.ssh.user == domain.login for domain in switch.domains)


@asynccontextmanager
async def own_lab(config: Config, name: str, form: logging.Formatter) -> AsyncIterator[Gateway]:
    """A lab in this process. ``form``: of the lines of its log."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sorm-fuzz-")))
        log = stack.enter_context(own_log(form))
        ready, between = await _prepare(config, folder, stack)
        lab = await stack.enter_async_context(Lab(ready, name=name))
        lines = await _lines(ready, lab.endpoints, stack)
        made = await _reached(ready, name, lab.endpoints, stack, lines)
        made.between, made.log, made.pid = between, log, os.getpid()
        made.alive = lambda: _failed(lab)
        yield _without(made)


def _failed(lab: Lab) -> str:
    failure = lab.gateway.failure if lab.gateway is not None else None
    return str(failure.result()) if failure is not None and failure.done() else ""


async def _prepare(config: Config, folder: Path, stack: AsyncExitStack) -> tuple[Config, Between | None]:
    port = free_port()
    between = None
    if can_stand_between(config):
        between = Between(("127.0.0.1", port))
        await between.start()
        stack.push_async_callback(between.close)
    return prepared(config, folder, port, between), between


@asynccontextmanager
async def lab_process(config: Config, name: str) -> AsyncIterator[Gateway]:
    """A lab in a process of its own, which is watched: its end, its log, its descriptors, its memory."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sorm-fuzz-")))
        ready, between = await _prepare(config, folder, stack)
        file, log = folder / "lab.toml", folder / "lab.log"
        file.write_text(_toml(ready))
        wall = WallClock(folder / "wall")
        box = await stack.enter_async_context(_Logging(file, log, wall))
        lines = await _lines(ready, box.endpoints, stack)
        made = await _reached(ready, name, box.endpoints, stack, lines)
        made.between, made.log, made.pid = between, LogFile(log), box.pid
        made.wall, made.alive = wall, box.ended_with
        yield _without(made)


class _Logging(BoxProcess):
    """A lab as a process that logs to a file, with a wall clock of its own."""

    def __init__(self, config: Path, log: Path, wall: WallClock) -> None:
        super().__init__("lab", config, log=("--log-level", "info"), module=(MODULE, str(wall.file)))
        self._log = log
        self._log.touch(0o600)

    def ended_with(self) -> str:
        """Why it does not run any more; "" as long as it does."""
        code = self._process.returncode
        return "" if code is None else f"the process has ended with {code}"

    async def _discard_output(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        await asyncio.gather(self._keep(self._process.stderr), self._copy(self._process.stdout, None))

    async def _keep(self, stream: asyncio.StreamReader) -> None:
        with self._log.open("ab", buffering=0) as file:
            while data := await stream.read(65536):
                file.write(data)


def _toml(config: Config) -> str:
    import tomlkit

    document = plain(config)
    for stream in document["e1"]:
        # A stream is written in full, and may have the table of its own line alone.
        for line in get_args(E1Config.model_fields["line"].annotation):
            if line != stream["line"]:
                stream.pop(line, None)
    return tomlkit.dumps(document)


async def _lines(config: Config, endpoints: Mapping[str, str], stack: AsyncExitStack) -> ConsoleLines | None:
    """The console's ends of the streams; the first one is the fuzzer's. A channel of any of them may keep P(R)."""
    if not by_e1(config):
        return None
    from sorm_mediator.console.e1_client import ConsoleLines, lines_toward

    streams = [one.model_copy(update={"local": endpoints[f"e1.{one.stream}"]}) for one in config.e1]
    from sorm_mediator.fuzz.live.e1_line import spoil  # numpy, which TCP can do without

    lines = ConsoleLines(lines_toward(streams, "127.0.0.1"))
    for line in lines.lines.values():
        spoil(line)
    return await stack.enter_async_context(lines)


async def _reached(
    config: Config,
    name: str,
    endpoints: Mapping[str, str],
    stack: AsyncExitStack,
    lines: ConsoleLines | None = None,
) -> Gateway:
    address = {key: split_host_port(value) for key, value in endpoints.items()}
    web = None
    if "web" in address:
        url = f"http://{endpoints['web']}"
        web = await stack.enter_async_context(WebApi(url, config.web.token.get_secret_value(), keeps=False))
    kpd1, kpd2 = address.get("kpd1"), address.get("kpd2")
    run: RunTarget = target_for(
        config, kpd1[0] if kpd1 else "", kpd1[1] if kpd1 else 0, kpd2[1] if kpd2 else 0, web=web
    )
    run = replace(run, name=name, endpoints=dict(endpoints), e1=lines, link="x25" if lines else "tcp")
    return Gateway(
        name=name, config=config, run=run, kpd1=kpd1, kpd2=kpd2, web=address.get("web"),
        radius=address.get("radius"), ssh=address.get("ssh" if _is_domain(config) else "multisorm"),
    )  # fmt: skip


def _without(gateway: Gateway) -> Gateway:
    """The surfaces that the target does not have, with the reason."""
    found = {}
    if gateway.kpd1 is None or gateway.kpd2 is None:
        found["kpd"] = Phrase("the target gives no ports for KPD1 and KPD2")
    if gateway.run.e1 is None:
        found["e1"] = NO_E1
    if gateway.ssh is None:
        found["ssh"] = Phrase("no switch is given: --ssh HOST:PORT")
    if gateway.between is None:
        found["switch"] = NO_SWITCH
    elif gateway.kpd1 is None:
        found["switch"] = Phrase("it needs the console over TCP")
    if gateway.radius is None:
        found["radius"] = Phrase("no accounting sink is given: --radius HOST:PORT")
    if gateway.web is None:
        found["http"] = Phrase("no web is given: --web HOST:PORT")
    if gateway.wall is None:
        found["clock"] = Phrase("its wall clock is that of its machine: a lab that is started here")
    gateway.not_offered = found
    return gateway


@asynccontextmanager
async def running(
    config: Config | None,
    name: str,
    endpoints: Mapping[str, str],
    *,
    log_file: Path | None = None,
    link: Link | None = None,
) -> AsyncIterator[Gateway]:
    """A mediator that runs. ``endpoints``: those of its ready line that are known; ``config``: what describes it.

    ``link``: stand there between it and its switch. Raises :class:`~sorm_mediator.console.errors.ConnectError`.
    """
    config = config if config is not None else parse({}, directory=Path.cwd())
    async with AsyncExitStack() as stack:
        lines = None
        if by_e1(config) and any(key.startswith("e1.") for key in endpoints):
            config = config.model_copy(
                update={"e1": tuple(one for one in config.e1 if f"e1.{one.stream}" in endpoints)}
            )
            lines = await _lines(config, endpoints, stack)
        made = await _reached(config, name, endpoints, stack, lines)
        made.log = _log_of(log_file)
        if link is not None and made.ssh is not None:
            made.between = await link.between(made.ssh)
        port = made.kpd1 or made.web
        made.pid = await asyncio.to_thread(listener, port[1]) if port and _is_here(port[0]) else None
        pid = made.pid
        made.alive = lambda: (
            "" if pid is None or Path(f"/proc/{pid}").exists() else f"process {pid} has ended"
        )
        yield _without(made)


def _log_of(path: Path | None) -> Logged | None:
    return None if path is None else LogFile(path)


def _is_here(host: str) -> bool:
    return sys.platform == "linux" and host in ("127.0.0.1", "::1", "localhost")
