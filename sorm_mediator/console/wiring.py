"""The surroundings of a run made ready: a lab of its own, or a mediator that is running."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from sorm_mediator.config import Config
from sorm_mediator.console.surroundings import Surroundings, WebApi, facing


@asynccontextmanager
async def toward(
    told: Config,
    host: str,
    kpd1: int,
    kpd2: int,
    *,
    web: str = "",
    byte_order: str | None = None,
    by_e1: bool = False,
) -> AsyncIterator[Surroundings]:
    """A mediator that is running, as ``told`` describes it. ``web``: the URL of what makes calls; "" = nothing does."""
    async with AsyncExitStack() as stack:
        api = None
        if web:
            api = await stack.enter_async_context(WebApi(web, told.web.token.get_secret_value()))
        around = facing(told, host, kpd1, kpd2, object_byte_order=byte_order, web=api)
        if by_e1:
            from sorm_mediator.console.e1_client import ConsoleLines
            from sorm_mediator.console.e1_lines import lines_toward

            lines = ConsoleLines(lines_toward(told.e1, host))
            around = replace(around, e1=await stack.enter_async_context(lines))
        yield around


@asynccontextmanager
async def in_lab(
    config: Config, name: str, byte_order: str | None = None, *, by_e1: bool = False
) -> AsyncIterator[Surroundings]:
    """A lab of this run, on free loopback ports, ready for calls."""
    from sorm_mediator.lab.lab import Lab, on_free_ports

    async with AsyncExitStack() as stack:
        if by_e1:
            from sorm_mediator.console.e1_client import ConsoleLines
            from sorm_mediator.console.e1_lines import lines_of_lab
            from sorm_mediator.lab.e1 import over_e1, wired

            config = stack.enter_context(wired(over_e1(config)))
        else:
            console = config.console.model_copy(update={"link": "tcp"})
            config = on_free_ports(config.model_copy(update={"console": console, "e1": ()}))
        lab = await stack.enter_async_context(Lab(config, name=name))
        web = await stack.enter_async_context(WebApi(lab.web_url, config.web.token.get_secret_value()))
        if by_e1:
            around = facing(config, "", 0, 0, object_byte_order=byte_order, web=web)
            lines = ConsoleLines(lines_of_lab(lab))
            around = replace(around, e1=await stack.enter_async_context(lines))
        else:
            host, _, kpd1 = lab.endpoints["kpd1"].rpartition(":")
            kpd2 = lab.endpoints["kpd2"].rpartition(":")[2]
            around = facing(config, host, int(kpd1), int(kpd2), object_byte_order=byte_order, web=web)
        yield replace(around, restart=lab.restart_gateway)
