"""The target of a run: a lab of its own, or a running mediator."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sorm_mediator.addresses import host_port, split_host_port
from sorm_mediator.config import Config
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.console.target import Events, Link, RunTarget, WebApi, target_for
from sorm_mediator.language import Lang

if TYPE_CHECKING:
    from protocol.options import ByteOrder
    from sorm_mediator.console.e1_client import ConsoleEnd
    from sorm_mediator.lab.lab import Lab

LOCAL = "127.0.0.1"
ANYWHERE = ("0.0.0.0", "::", "")  # nosec B104 # noqa: S104 - compared only: who listens there is reached on loopback


def listens_at(host: str) -> str:
    """Where a program that listens on ``host`` is reached from this machine."""
    return LOCAL if host in ANYWHERE else host


def web_url(config: Config, host: str = "") -> str:
    """The URL of the web of a lab file, at ``host`` if given; "": its port is any free one."""
    web = config.web
    return f"http://{host_port(host or listens_at(web.host), web.port)}" if web.port else ""


async def runs_already(config: Config) -> bool:
    """Whether the web of a lab file answers, and is that of the same lab file."""
    url = web_url(config)
    if not url or config.file is None:
        return False
    async with WebApi(url, config.web.token.get_secret_value()) as api:
        try:
            _, reply = await api.request("GET", "settings")
        except ConnectError:
            return False
    file = reply.get("file") if isinstance(reply, dict) else None
    return isinstance(file, str) and _same(file, config.file)


def _same(file: str, other: str | os.PathLike[str]) -> bool:
    return os.path.realpath(file) == os.path.realpath(other)


@asynccontextmanager
async def toward(
    config: Config,
    host: str,
    kpd1: int,
    kpd2: int,
    *,
    web: str = "",
    byte_order: ByteOrder | None = None,
    by_e1: bool = False,
    speech: bool = False,
    lang: Lang = "en",
) -> AsyncIterator[RunTarget]:
    """A running mediator, described by ``config``. ``web``: the HTTP API that makes calls; "": none.

    ``by_e1``: the consoles are in its streams; ``speech``: they connect over TCP, and its streams carry the speech.
    """
    async with AsyncExitStack() as stack:
        api = None
        if web:
            api = await stack.enter_async_context(WebApi(web, config.web.token.get_secret_value(), lang))
        # Over E1 the channels are in the streams.
        channels = {} if by_e1 else {"kpd1": host_port(host, kpd1), "kpd2": host_port(host, kpd2)}
        endpoints = {**channels, **({"web": urlsplit(web).netloc} if web else {})}
        target = replace(
            target_for(config, host, kpd1, kpd2, object_byte_order=byte_order, web=api),
            name=host_port(host, kpd1), link=_link(by_e1=by_e1, speech=speech), endpoints=endpoints,
        )  # fmt: skip
        if by_e1 or speech:
            from sorm_mediator.console.e1_client import lines_toward

            if api is not None:
                api.prepared()
            target = await _with_lines(target, lines_toward(config.e1, host, data=by_e1), stack, by_e1=by_e1)
        yield target


@asynccontextmanager
async def in_lab(
    config: Config,
    name: str,
    byte_order: ByteOrder | None = None,
    *,
    by_e1: bool = False,
    speech: bool = False,
) -> AsyncIterator[RunTarget]:
    """A lab of this run, on free loopback ports, ready for calls. Its switch keeps nothing.

    ``by_e1``: the consoles are in its streams; ``speech``: they connect over TCP, and its streams carry the speech.
    """
    from sorm_mediator.lab.lab import Lab, changed, on_free_ports, over_e1, wired

    if config.switch is not None:
        config = config.model_copy(update={"switch": config.switch.in_memory()})
    async with AsyncExitStack() as stack:
        if by_e1 or speech:
            config = stack.enter_context(wired(over_e1(config, "x25" if by_e1 else "tcp")))
        else:
            config = config.model_copy(update={"e1": ()})
            config = on_free_ports(changed(config, {"console": {"link": "tcp"}}))
        lab = await stack.enter_async_context(Lab(config, name=name))
        web = await stack.enter_async_context(WebApi(lab.web_url, config.web.token.get_secret_value()))
        host, kpd1, kpd2 = "", 0, 0
        if not by_e1:
            host, kpd1 = split_host_port(lab.endpoints["kpd1"])
            kpd2 = split_host_port(lab.endpoints["kpd2"])[1]
        target = target_for(config, host, kpd1, kpd2, object_byte_order=byte_order, web=web)
        if by_e1 or speech:
            from sorm_mediator.console.e1_client import lines_of_lab

            web.prepared()
            target = await _with_lines(target, lines_of_lab(lab), stack, by_e1=by_e1)
        yield replace(
            target, name=name, link=_link(by_e1=by_e1, speech=speech),
            restart=lab.restart_gateway, listen=_listener(lab), endpoints=dict(lab.endpoints),
        )  # fmt: skip


def _link(*, by_e1: bool, speech: bool) -> Link:
    return "x25" if by_e1 else "tcp+e1" if speech else "tcp"


def _listener(lab: Lab) -> Callable[[], Events]:
    def listen() -> Events:
        assert lab.gateway is not None
        return lab.gateway.events.subscribe().taken

    return listen


async def _with_lines(
    target: RunTarget, ends: list[ConsoleEnd], stack: AsyncExitStack, *, by_e1: bool
) -> RunTarget:
    """The target with its streams open: they have the consoles, or they work and carry the speech alone."""
    from sorm_mediator.console.e1_client import ConsoleLines  # numpy, only where it is needed

    lines = await stack.enter_async_context(ConsoleLines(ends))
    if by_e1:
        return replace(target, e1=lines)
    await lines.working()
    return replace(target, speech=lines)
