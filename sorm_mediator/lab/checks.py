"""Checks of the references in a lab file before the start: a mistake is one line and exit code 2."""

from __future__ import annotations

import logging
from collections import Counter

from sorm_mediator.config import Config, ConfigError, SwitchConfig
from sorm_mediator.lab.line_checks import check_lines, check_speech_lines, xot_listeners
from ssh_control.multisorm.patterns import DomainList

log = logging.getLogger(__name__)

MOST_STREAMS = 4
"""E1 streams of a mediator without ``mediator.capacity`` (ECSS-10 manual, SORM system)."""


def check_references(config: Config, name: str) -> None:
    """Check beyond the types: files exist and parse, names are known, parts are available.

    Raises :class:`ConfigError` naming the key, the value and what is allowed.
    """
    _check_streams(config, name)
    _check_ports(config, name)
    _check_host_key(config, name)
    if config.switch is None:
        return
    _check_multisorm(config.switch, config.mediator.options.switch_timeout, name)


def _check_multisorm(switch: SwitchConfig, patience: float, name: str) -> None:
    """Check the time of a MultiSORM user's command, and warn of domains that do not exist (yet).

    ``patience``: seconds that the mediator waits for an answer.
    """
    bound = switch.multisorm_timeout
    if switch.aggregates and bound >= patience:
        raise ConfigError(
            f"{name}: switch.multisorm_timeout: {bound:g} must be less than "
            f"mediator.options.switch_timeout ({patience:g}): the mediator would not wait for the answer"
        )
    for number, aggregate in enumerate(switch.aggregates):
        key = f"{name}: switch.aggregates.{number}.domains"
        for problem in (
            DomainList.parse(aggregate.domains).select(one.name for one in switch.domains).problems
        ):
            log.warning("%s: %s: until there is, nobody can log in as %s", key, problem, aggregate.user)


def _check_streams(config: Config, name: str) -> None:
    link, streams = config.console.link, len(config.e1)
    limits = config.mediator.limits
    least = 1 if link == "x25" else 0  # over TCP the streams carry the speech, and may be left out
    most, why = (MOST_STREAMS, "") if limits is None else (limits.streams, " by mediator.capacity")
    if not least <= streams <= most:
        raise ConfigError(
            f'{name}: console.link: "{link}" needs {least} to {most} [[e1]] tables{why}, and there are {streams}'
        )
    if link == "tcp":
        check_speech_lines(config.e1, name)
    number, times = Counter(stream.stream for stream in config.e1).most_common(1)[0] if config.e1 else (0, 0)
    if times > 1:
        raise ConfigError(f"{name}: e1.stream: {number} is declared {times} times")
    check_lines(config.e1, name)


def _check_ports(config: Config, name: str) -> None:
    """Check that no two TCP listeners have the same address and port."""
    listeners = [
        ("console.kpd1_port", config.console.host, config.console.kpd1_port),
        ("console.kpd2_port", config.console.host, config.console.kpd2_port),
        ("web.port", config.web.host, config.web.port),
    ]
    if config.switch is not None:
        host, port = config.switch.host, config.switch.ssh_port
        listeners.append(("switch.ssh_port", host, port))
        if config.switch.aggregates and port:
            listeners.append(("switch.ssh_port + 1 (MultiSORM)", host, port + 1))
    if config.console.link == "x25":
        listeners += xot_listeners(config.e1)
    taken: dict[tuple[str, int], str] = {}
    for key, host, port in listeners:
        if port and (host, port) in taken:
            raise ConfigError(f"{name}: {key}: {port} is {taken[host, port]} already; 0 means any free port")
        taken[host, port] = key


def _check_host_key(config: Config, name: str) -> None:
    if not config.ssh.host_key:
        return
    from ssh_control.transport import (  # asyncssh, which a file without a pinned key does not need
        KeyProblem,
        pinned_key,
    )

    try:
        pinned_key(config.ssh.host_key)
    except KeyProblem as problem:
        raise ConfigError(f"{name}: ssh.host_key: {problem}") from None


def check_routing(config: Config, name: str) -> tuple[str, ...]:
    """Check the switch's contexts, numbering plans and bridges as at the start.

    Returns unresolved names, and why the lab's own mediator can't log in: a line each.
    Raises :class:`ConfigError`.
    """
    from sorm_mediator.lab.login_checks import login_problem
    from sorm_mediator.switch.calls.engine import Engine
    from sorm_mediator.switch.node import unresolved_references

    if config.switch is None:
        return ()
    try:
        node = Engine(config.switch, config.directory).node
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    # A file without [ssh] may be for a switch alone, with mediators elsewhere.
    out = login_problem(config, node) if "ssh" in config.model_fields_set else ""
    ends = tuple(unresolved_references(node))
    return (*ends, f"ssh.user: the switch does not let {config.ssh.user!r} in: {out}") if out else ends


def check_capacity(config: Config) -> tuple[str, ...]:
    """Settings of ``mediator.capacity`` without effect."""
    mediator = config.mediator
    if mediator.capacity is not None and mediator.capacity.trunks and mediator.station_type == "terminal":
        return ("mediator.capacity.trunks: has no effect on a terminal node (order 268, appendix 2)",)
    return ()
