"""The target of a run: a lab of its own, or a running mediator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from sorm_mediator.addresses import split_host_port
from sorm_mediator.config import Config
from sorm_mediator.console.target import RunTarget, WebApi, target_for


@asynccontextmanager
async def toward(
    config: Config,
    host: str,
    kpd1: int,
    kpd2: int,
    *,
    web: str = "",
    byte_order: str | None = None,
    by_e1: bool = False,
    speech: bool = False,
) -> AsyncIterator[RunTarget]:
    """A running mediator, described by ``config``. ``web``: the HTTP API that makes calls; "": none.

    ``by_e1``: the consoles are in its streams; ``speech``: they connect over TCP, and its streams carry the speech.
    """
    async with AsyncExitStack() as stack:
        api = None
        if web:
            api = await stack.enter_async_context(WebApi(web, config.web.token.get_secret_value()))
        target = target_for(config, host, kpd1, kpd2, object_byte_order=byte_order, web=api)
        if by_e1 or speech:
            from sorm_mediator.console.e1_client import ConsoleLines, lines_toward

            lines = await stack.enter_async_context(ConsoleLines(lines_toward(config.e1, host, data=by_e1)))
            target = replace(target, e1=lines) if by_e1 else replace(target, speech=lines)
            if speech:
                await lines.working()
        yield target


@asynccontextmanager
async def in_lab(
    config: Config,
    name: str,
    byte_order: str | None = None,
    *,
    by_e1: bool = False,
    speech: bool = False,
) -> AsyncIterator[RunTarget]:
    """A lab of this run, on free loopback ports, ready for calls.

    ``by_e1``: the consoles are in its streams; ``speech``: they connect over TCP, and its streams carry the speech.
    """
    from sorm_mediator.lab.lab import Lab, on_free_ports

    async with AsyncExitStack() as stack:
        if by_e1 or speech:
            from sorm_mediator.console.e1_client import ConsoleLines, lines_of_lab
            from sorm_mediator.lab.lab import over_e1, wired

            config = stack.enter_context(wired(over_e1(config, "x25" if by_e1 else "tcp")))
        else:
            console = config.console.model_copy(update={"link": "tcp"})
            config = on_free_ports(config.model_copy(update={"console": console, "e1": ()}))
        lab = await stack.enter_async_context(Lab(config, name=name))
        web = await stack.enter_async_context(WebApi(lab.web_url, config.web.token.get_secret_value()))
        if by_e1:
            target = target_for(config, "", 0, 0, object_byte_order=byte_order, web=web)
            lines = ConsoleLines(lines_of_lab(lab))
            target = replace(target, e1=await stack.enter_async_context(lines))
        else:
            host, kpd1 = split_host_port(lab.endpoints["kpd1"])
            kpd2 = split_host_port(lab.endpoints["kpd2"])[1]
            target = target_for(config, host, kpd1, kpd2, object_byte_order=byte_order, web=web)
            if speech:
                lines = await stack.enter_async_context(ConsoleLines(lines_of_lab(lab)))
                await lines.working()
                target = replace(target, speech=lines)
        yield replace(target, restart=lab.restart_gateway)
