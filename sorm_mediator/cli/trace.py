"""``sorm-mediator trace``: what routing does with a call, and what the console would be shown."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sorm_mediator.cli.boxes import ConfigOption, JsonOption, LangOption
from sorm_mediator.cli.output import echo

if TYPE_CHECKING:
    from sorm_mediator.switch.domain import Domain
    from sorm_mediator.switch.trace.trace import TraceRequest


def trace(
    config: ConfigOption,
    parameters: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE...", help="cgpn.digits, cdpn.digits, iface, mode, cgpn.ni, ..."),
    ],
    domain: Annotated[
        str,
        typer.Option(
            "--domain",
            metavar="D",
            help="Where the call comes in; by default the only one, or that of the caller.",
        ),
    ] = "",
    as_json: JsonOption = False,
    lang: LangOption = "en",
) -> None:
    """Show what routing does with a call, rule by rule and domain by domain, and what the console would be shown.

    Exit code 0 when the call comes somewhere, 1 when routing fails (the reason is told), 2 for wrong usage.

    Examples:

    sorm-mediator trace -c captures/labs/laptop.toml cgpn.digits=28331 cdpn.digits=89001758964 mode=enblock

    sorm-mediator trace -c captures/labs/laptop.toml iface=smg_trunk cgpn.digits=9001758964 cdpn.digits=28331 --json
    """
    from sorm_mediator import config as configuration
    from sorm_mediator.config import ConfigError
    from sorm_mediator.switch.node import Node
    from sorm_mediator.switch.trace.console import LabTrace
    from sorm_mediator.switch.trace.trace import TraceError, read_request

    loaded = configuration.load(config)
    if loaded.switch is None:
        raise ConfigError(f"{config}: switch: is missing; a trace needs the [switch] table with its domains")
    try:
        node = Node(loaded.switch, loaded.directory)
    except ConfigError as error:
        raise ConfigError(f"{config}: {error}") from None
    try:
        request = read_request(parameters)
        tracer = LabTrace(node.domains, loaded.mediator)
        traced = tracer.trace(_domain(node.domains, domain, request), request)
    except TraceError as error:
        _misused(str(error))
    if as_json:
        typer.echo(json.dumps(tracer.document(traced), ensure_ascii=False))
    else:
        echo(tracer.text(traced, time.time(), lang))
    raise typer.Exit(1 if traced.reason else 0)


def _domain(domains: dict[str, Domain], name: str, request: TraceRequest) -> Domain:
    """The domain that is named, the only one, or the one that has the caller. Raises :class:`TraceError`."""
    from sorm_mediator.switch.trace.trace import TraceError

    known = ", ".join(sorted(domains)) or "none"
    if name:
        if name not in domains:
            raise TraceError(f"--domain: there is no domain {name!r}; there are: {known}")
        return domains[name]
    if len(domains) == 1:
        return next(iter(domains.values()))
    caller = request.iface or request.calling["digits"]
    found = [
        one
        for one in domains.values()
        if caller in one.subscribers or (request.iface and (caller in one.trunks or caller in one.bridges))
    ]
    if len(found) != 1:
        where = " and ".join(one.name for one in found) or "no domain"
        raise TraceError(f"--domain: is missing, and {where} has {caller!r}; there are: {known}")
    return found[0]


def _misused(text: str) -> NoReturn:
    echo(f"sorm-mediator: {text}", err=True)
    raise typer.Exit(2)
