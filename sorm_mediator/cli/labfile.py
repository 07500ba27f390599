"""The commands that only read a lab file: ``config check``, ``show`` and ``schema``, and ``trace``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sorm_mediator.cli.common import (
    ConfigOption,
    JsonOption,
    LangOption,
    SameFileOption,
    echo,
    fail,
    located_in,
    the_one,
)
from sorm_mediator.texts import as_list, did_you_mean

if TYPE_CHECKING:
    from sorm_mediator.config import Config, MediatorConfig
    from sorm_mediator.config.lab import Given
    from sorm_mediator.config.lines import KeyPath
    from sorm_mediator.config.sound import Sound
    from sorm_mediator.switch.domain import Domain
    from sorm_mediator.switch.trace import TraceRequest


def check(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The lab file (TOML).")] = None,
    config_file: SameFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Validate a lab file and everything it refers to.

    Exit code 2 and a line for each mistake, with key, value and what is allowed, when it can't be used. What may be
    meant is a warning: a trunk or a number that routing does not have, a rule that is never taken, a host that is not
    found, a mediator that its switch does not let in.

    Example: sorm-mediator config check captures/labs/laptop.toml
    """
    from sorm_mediator.config.lab import LabFileError
    from sorm_mediator.config.outside import load_lab
    from sorm_mediator.errors import ConfigError
    from sorm_mediator.lab.checks import check as check_lab
    from sorm_mediator.lab.checks import check_sound, gateway_problems

    file = the_one(file, config_file)
    if file is None:
        raise typer.BadParameter("which lab file? sorm-mediator config check FILE")
    try:
        loaded = load_lab(file)
    except LabFileError as error:
        errors, warnings = [*error.found], []
        if error.sound is not None and error.sound.config is not None:
            checked = check_sound(error.sound, str(file))
            found = [*checked.errors, *_wrong_formats(error.sound, str(file))]
            errors += error.sound.config.locate("\n".join(found)) if found else []
            if checked.warnings:
                warnings += error.sound.config.locate("\n".join(checked.warnings))
    else:
        checked = check_lab(loaded, str(file))
        found, doubts = [*checked.errors], [*checked.warnings]
        if "acceptance" not in loaded.model_fields_set:  # which needs a [switch]
            found += gateway_problems(loaded, str(file))
        elif found and loaded.switch is not None:
            from sorm_mediator.acceptance.matrix import wrong_formats

            found += wrong_formats(loaded, str(file))
        else:
            from sorm_mediator.acceptance.matrix import doubts as doubts_of
            from sorm_mediator.acceptance.matrix import planned

            try:
                checks, _ = planned(loaded, str(file))
                doubts += doubts_of(loaded, checks)
            except ConfigError as error:
                found.append(str(error))
        errors, warnings = (loaded.locate("\n".join(texts)) if texts else [] for texts in (found, doubts))
    if as_json:
        document = {
            "file": str(file),
            "valid": not errors,
            "errors": [one.document() for one in errors],
            "warnings": [one.document() for one in warnings],
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
        raise typer.Exit(2 if errors else 0)
    for warning in warnings:
        echo(warning.warning(), err=True)
    if errors:
        fail("\n".join(one.text for one in errors))
    echo(f"{file}: fine")


def _wrong_formats(sound: Sound[Config], name: str) -> Iterator[str]:
    """The mistakes of ``[acceptance]`` that do not only follow from other mistakes of the file."""
    from sorm_mediator.acceptance.matrix import SWITCH_OF_FORMATS, wrong_formats

    config = sound.config
    if config is None or config.switch is None or "acceptance" not in config.model_fields_set:
        return
    if not any(map(sound.touches, SWITCH_OF_FORMATS)) and not sound.lost("switch.domains.*"):
        yield from wrong_formats(config, name)


def show(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The lab file (TOML); without it, the defaults.")
    ] = None,
    config_file: SameFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every value and where it came from.

    Also what mediator.capacity allows. Secrets are masked.

    Example: sorm-mediator config show captures/labs/laptop.toml
    """
    import tomllib

    from sorm_mediator import config
    from sorm_mediator.config.lines import shown
    from sorm_mediator.config.outside import load_lab
    from sorm_mediator.options import differences

    file = the_one(file, config_file)
    loaded = load_lab(file)
    given = tomllib.loads(file.read_text(encoding="utf-8-sig")) if file else {}
    of_profile = {f"mediator.{one.key}" for one in differences(config.MediatorConfig)}
    rows: list[dict[str, Any]] = []
    for path, value, is_given in _leaves(loaded.model_dump(mode="json", by_alias=True), given):
        key = shown(path)
        default = f"profile {loaded.mediator.profile}" if key in of_profile else "default"
        source = str(file) if is_given else default
        rows.append({"key": key, "value": value, "source": _outside(key, loaded.given) or source})
        if key == "mediator.capacity.trunks":
            rows += _limits(loaded.mediator)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    told = [
        (str(row["key"]), json.dumps(row["value"], ensure_ascii=False), str(row["source"])) for row in rows
    ]
    key_width, value_width = (max(len(row[column]) for row in told) for column in (0, 1))
    for key, value, source in told:
        echo(f"{key:<{key_width}}  {value:<{min(value_width, 40)}}  {source}")


def _outside(key: str, given: Iterable[Given]) -> str:
    """The variable or option that a value is from; "" for one of the file or a default."""
    from sorm_mediator.config.lines import shown

    found = ""
    for one in given:
        path = shown(one.path)
        if key == path or key.startswith((f"{path}.", f"{path}[")):
            found = one.source  # the last one overrides those before it
    return found


def _limits(mediator: MediatorConfig) -> Iterator[dict[str, Any]]:
    """The limits of the order's tables for a node of ``mediator.capacity``."""
    from dataclasses import asdict

    from sorm_mediator.config.capacity import APPENDICES

    if mediator.limits is not None:
        source = f"order 268, appendix {APPENDICES[mediator.station_type]}"
        for name, value in asdict(mediator.limits).items():
            yield {"key": f"mediator.limits.{name}", "value": value, "source": source}


def schema() -> None:
    """Print the JSON schema of the lab file.

    It has every key with type, range, default and meaning.

    Example: sorm-mediator config schema > lab.schema.json
    """
    from sorm_mediator import config

    typer.echo(json.dumps(config.Config.model_json_schema(), ensure_ascii=False, indent=1))


def _leaves(value: Any, given: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any, bool]]:
    """Every leaf of the dumped model as (path, value, whether it is in the file)."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            has = isinstance(given, dict) and key in given
            yield from _leaves(inner, given[key] if has else None, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            has = isinstance(given, list) and number < len(given)
            yield from _leaves(inner, given[number] if has else None, (*path, number))
    else:
        yield path, value, given is not None


def trace(
    config: ConfigOption,
    parameters: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE...", help="cgpn.digits, cdpn.digits, iface, mode, cgpn.ni, ..."),
    ],
    domain: Annotated[
        str,
        typer.Option(
            metavar="D", help="Where the call comes in; by default the only one, or that of the caller."
        ),
    ] = "",
    as_json: JsonOption = False,
    lang: LangOption = "en",
) -> None:
    """Show what routing does with a call.

    Rule by rule and domain by domain, and what the console would be shown. Exit code 0 when the call comes
    somewhere, 1 when routing fails (the reason is told), 2 for wrong usage.

    Examples:

    sorm-mediator trace -c captures/labs/laptop.toml cgpn.digits=28331 cdpn.digits=89001758964 mode=enblock

    sorm-mediator trace -c captures/labs/laptop.toml iface=smg_trunk cgpn.digits=9001758964 cdpn.digits=28331 --json
    """
    from sorm_mediator.config import ConfigError
    from sorm_mediator.config.outside import load_lab
    from sorm_mediator.mediator.core.numbers import Numbers
    from sorm_mediator.switch.node import Node
    from sorm_mediator.switch.trace import LabTrace, TraceError, read_request, trace

    loaded = load_lab(config)
    if loaded.switch is None:
        raise ConfigError(f"{config}: switch: is missing; a trace needs the [switch] table with its domains")
    with located_in(loaded):
        node = Node(loaded.switch, loaded.directory)
    try:
        request = read_request(parameters)
        tracer = LabTrace(loaded.mediator, Numbers(loaded.mediator))
        traced = trace(node.domains, _domain(node.domains, domain, request), request)
    except TraceError as error:
        fail(error)
    if as_json:
        typer.echo(json.dumps(tracer.document(traced), ensure_ascii=False))
    else:
        echo(tracer.text(traced, time.time(), lang))
    raise typer.Exit(1 if traced.reason else 0)


def _domain(domains: dict[str, Domain], name: str, request: TraceRequest) -> Domain:
    """The domain named, else the only domain, else the one with the caller. Raises :class:`TraceError`."""
    from sorm_mediator.switch.trace import TraceError, is_from

    known = as_list(domains)
    if name:
        if name not in domains:
            raise TraceError(
                f"--domain: there is no domain {name!r}; there are: {known}{did_you_mean(name, domains)}"
            )
        return domains[name]
    if len(domains) == 1:
        return next(iter(domains.values()))
    caller = request.iface or request.calling["digits"]
    found = [one for one in domains.values() if is_from(one, request)]
    if len(found) != 1:
        where = " and ".join(one.name for one in found) or "no domain"
        full = next(
            (
                f"; {caller} is a full number of {own} in {one.name}: give cgpn.digits={own}"
                for one in domains.values()
                for plan in one.plans.values()
                if caller in plan.numbers and (own := plan.numbers[caller].alias)
            ),
            "",
        )
        raise TraceError(f"--domain: is missing, and {where} has {caller!r}; there are: {known}{full}")
    return found[0]
