"""Checks of a lab file before the start: references, ports, MultiSORM, routing, capacity, ``[[e1]]`` tables, and
whether the lab's own mediator can log in to the lab's own switch.

A mistake is one line and exit code 2; what may be meant is a warning. All of them are told at once. A line begins with
the key, whose items count from 0 as in the errors of the file's types; :mod:`sorm_mediator.config.lines` finds its
place.

Source: ECSS-10 manual, MultiSORM: reasons to refuse a mediator with a right password.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from radius.clients import secret_finder
from sorm_mediator.addresses import host_of, host_port, host_problem, split_host_port
from sorm_mediator.config import Config, ConfigError, DomainConfig, E1Config, LicenceConfig, is_loopback
from sorm_mediator.config.e1 import BARE, STREAMS_PER_SUBMODULE
from sorm_mediator.config.lines import key_of, with_path
from sorm_mediator.config.mediator import SshConfig
from sorm_mediator.config.outside import secrets_of
from sorm_mediator.config.sound import Sound
from sorm_mediator.config.stations import STATION_TYPES
from sorm_mediator.lab.doubts import file_problems, host_warnings
from sorm_mediator.switch.calls.call import Endpoint, first_leg, own_number
from sorm_mediator.switch.domain import FORWARDINGS, Domain, Subscriber
from sorm_mediator.switch.mediators.access import (
    Sinks,
    Target,
    aggregate,
    aggregate_login,
    domain_login,
    domain_of,
    reachable,
    select,
    wrong_sinks,
)
from sorm_mediator.switch.node import Node, unresolved_references
from sorm_mediator.switch.path import find_path
from sorm_mediator.switch.routing.route import Number
from sorm_mediator.switch.trace import TraceRequest, trace
from sorm_mediator.texts import did_you_mean
from ssh_control.multisorm.patterns import DomainList
from ssh_control.private_files import open_to_others

MOST_STREAMS = 4
"""E1 streams of a mediator without ``mediator.capacity`` (ECSS-10 manual, SORM system)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with a lab file, and what is doubtful in it: a line each."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check(config: Config, name: str) -> Checked:
    """Check everything beyond the types; hosts are looked up."""
    warnings = [*file_warnings(config)]
    errors = _references(config, name)
    try:
        warnings += check_routing(config, name)
    except ConfigError as error:
        errors += str(error).split("\n")
    return Checked(tuple(errors), tuple(warnings))


def check_sound(sound: Sound[Config], name: str) -> Checked:
    """Check what is sound of a lab file with mistakes beyond the types; what depends on a mistake is passed over."""
    config = sound.config
    if config is None:
        return Checked((), ())
    found = _references(config, name, sound.touches)
    doubts: list[str] = []
    if not any(map(sound.touches, _DOUBTS_NEED)) and not any(map(sound.lost, _LISTS_DOUBTED)):
        doubts += file_warnings(config)
    if not any(map(sound.touches, _ROUTING_NEEDS)):
        try:
            check_routing(config, name)
        except ConfigError as error:
            found += str(error).split("\n")
    errors, warnings = (
        tuple(with_path(line, name, sound.original) for line in lines) for lines in (found, doubts)
    )
    return Checked(errors, warnings)


def gateway_problems(config: Config, name: str) -> Iterator[str]:
    """What a file without ``[switch]``, which is for a gateway, lacks."""
    if config.switch is None and not config.ssh.host_key:
        yield (
            f"{name}: ssh.host_key: is required without [switch]: the mediator of this file is for a switch elsewhere, "
            "whose ready line has its public host key"
        )


def check_references(config: Config, name: str) -> None:
    """Check beyond the types: files exist and parse, names are known, parts are available.

    Raises :class:`ConfigError` with a line for each mistake, naming the key, the value and what is allowed.
    """
    errors = _references(config, name)
    if errors:
        raise ConfigError("\n".join(errors))


def _references(config: Config, name: str, touched: Callable[[str], bool] = lambda _: False) -> list[str]:
    """The mistakes beyond the types, but for those of checks whose keys were ``touched``."""
    return [
        f"{name}: {line}"
        for one, needs in _REFERENCES.items()
        if not any(map(touched, needs))
        for line in one(config)
    ]


def _secrets(config: Config) -> Iterator[str]:
    radius = config.radius
    if not radius.secret.get_secret_value():
        if config.switch is not None:
            yield "radius.secret: is empty, and the switch of this file signs its reports with it: set a secret"
        elif not radius.clients:
            yield (
                "radius.secret: is empty, and radius.clients names nobody, so no report would be taken: set the "
                "secret, or name the clients"
            )
    for address, secret in radius.clients.items():
        try:
            secret_finder({address: secret.get_secret_value()})
        except ValueError as error:
            yield f"radius.clients: {error}"


def _patience(config: Config) -> Iterator[str]:
    """Check the time of a MultiSORM user's command against the time that the mediator waits for an answer."""
    switch, patience = config.switch, config.mediator.options.switch_timeout
    if switch is not None and switch.aggregates and switch.multisorm_timeout >= patience:
        yield (
            f"switch.multisorm_timeout: {switch.multisorm_timeout:g} must be less than "
            f"mediator.options.switch_timeout ({patience:g}): the mediator would not wait for the answer"
        )


def _streams(config: Config) -> Iterator[str]:
    link, streams = config.console.link, len(config.e1)
    limits = config.mediator.limits
    least = 1 if link == "x25" else 0  # over TCP the streams carry the speech, and may be left out
    most, why = (MOST_STREAMS, "") if limits is None else (limits.streams, " by mediator.capacity")
    if not least <= streams <= most:
        yield f'console.link: "{link}" needs {least} to {most} [[e1]] tables{why}, and there are {streams}'
    if link == "tcp":
        for number, stream in enumerate(config.e1):
            if stream.line in BARE:
                yield (
                    f'e1.{number}.line: "{stream.line}" has no timeslots, hence no KSL; with console.link = '
                    '"tcp" the streams are there for the speech alone: use "satop" or "memory", or leave the table out'
                )
    declared: dict[int, int] = {}
    for number, stream in enumerate(config.e1):
        before = declared.setdefault(stream.stream, number)
        if before != number:
            yield f"e1.{number}.stream: {stream.stream} is e1[{before + 1}].stream already: each has its own number"
    of_submodule = Counter(stream.on_submodule for stream in config.e1)
    for number, stream in enumerate(config.e1):
        submodule = stream.on_submodule
        if of_submodule[submodule] > STREAMS_PER_SUBMODULE:
            yield (
                f"e1.{number}.submodule: the M4E1 submodule {submodule} would have {of_submodule[submodule]} streams, "
                f"and has {STREAMS_PER_SUBMODULE}: put some on another one, 0 to 3"
            )
            break
    yield from _not_installed(config)
    yield from _lines(config.e1)


def _not_installed(config: Config) -> Iterator[str]:
    """Mistakes about submodules that are not installed."""
    first: dict[int, tuple[int, bool]] = {}
    for number, stream in enumerate(config.e1):
        where = f"e1.{number}.installed"
        before, installed = first.setdefault(stream.on_submodule, (number, stream.installed))
        if installed is not stream.installed:
            yield (
                f"{where}: {str(stream.installed).lower()}, and e1.{before}.installed is not, though both streams are "
                f"on the M4E1 submodule {stream.on_submodule}: give both the same value, or another submodule"
            )
        elif not stream.installed and stream.line in BARE:
            yield f'{where}: a line "{stream.line}" is on no M4E1 submodule: leave the key out'
    if config.console.link == "x25" and config.e1 and not any(one.installed for one in config.e1):
        yield (
            "e1.0.installed: no stream is installed, and the console is to come over one (console.link): install a "
            'submodule, or set console.link = "tcp"'
        )


def _ports(config: Config) -> Iterator[str]:
    """TCP listeners with the address and port of another one."""
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
        for number, stream in enumerate(config.e1):
            with suppress(ValueError):  # said by _streams
                if stream.line == "xot" and not stream.remote:
                    listeners.append((f"e1.{number}.local", *split_host_port(stream.local)))
    taken: dict[tuple[str, int], str] = {}
    for key, host, port in listeners:
        if port and (host, port) in taken:
            yield f"{key}: {port} is {taken[host, port]} already; 0 means any free port"
        taken.setdefault((host, port), key)


def _keys(config: Config) -> Iterator[str]:
    admitted = config.switch.admin.authorized_keys if config.switch is not None else ()
    if not (config.ssh.host_key or config.ssh.key_file or admitted):
        return
    # asyncssh, which a file without keys does not need
    from ssh_control.transport import KeyProblem, authorized_keys, login_key, pinned_key

    try:
        if config.ssh.key_file:
            login_key(config.directory / config.ssh.key_file)
    except KeyProblem as problem:
        yield f"ssh.key_file: {problem}"

    try:
        if config.ssh.host_key:
            pinned_key(config.ssh.host_key)
    except KeyProblem as problem:
        yield f"ssh.host_key: {problem}"
    try:
        authorized_keys(admitted, config.directory)
    except KeyProblem as problem:
        yield f"switch.admin.authorized_keys: {problem}"


_REFERENCES: dict[Callable[[Config], Iterator[str]], tuple[str, ...]] = {
    _streams: ("console.link", "mediator.capacity", "mediator.station_type", "e1"),
    _ports: ("console", "web.host", "web.port", "switch.host", "switch.ssh_port", "switch.aggregates", "e1"),
    _keys: ("ssh.host_key", "ssh.key_file", "switch.admin.authorized_keys"),
    file_problems: ("mediator.state", "mediator.journal", "switch.host_key_file", "switch.smart_licence"),
    _patience: ("switch.aggregates", "switch.multisorm_timeout", "mediator.options"),
    _secrets: ("radius",),
}
"""The checks beyond the types, and the keys that each of them looks at."""

_DOUBTS_NEED = (
    "console.host",
    "console.allow",
    "console.link",
    "mediator.station_type",
    "switch.domains.*.name",
)
_LISTS_DOUBTED = ("switch.domains.*", "switch.aggregates.*")
"""The keys and the lists whose mistakes could make a doubt that only follows from them."""
_ROUTING_NEEDS = (
    "switch.domains.*.contexts",
    "switch.domains.*.default_context",
    "switch.domains.*.numbering_plans",
    "switch.licence",
    "switch.licences",
)


def check_routing(config: Config, name: str) -> tuple[str, ...]:
    """Check the switch's contexts, numbering plans and bridges as at the start.

    Returns warnings: unresolved names, and why the lab's own mediator can't log in. Raises :class:`ConfigError`.
    """
    if config.switch is None:
        return ()
    try:
        return tuple(node_warnings(config, Node(config.switch, config.directory)))
    except ConfigError as error:
        raise ConfigError("\n".join(f"{name}: {line}" for line in str(error).split("\n"))) from None


def node_warnings(config: Config, node: Node) -> Iterator[str]:
    """Names that the switch does not have, numbers that lead nowhere, and why the lab's own mediator can't log in."""
    yield from unresolved_references(node)
    yield from _forwardings(node)
    yield from _demands_beyond_the_pool(node)
    yield from _secrets_that_differ(config, node)
    # A file without [ssh] may be for a switch alone, with mediators elsewhere.
    out = login_problem(config, node) if "ssh" in config.model_fields_set else ""
    if out:
        names = [
            *(one.config.login for one in node.domains.values()),
            *(one.user for one in node.config.aggregates),
        ]
        near = "" if config.ssh.user in names else did_you_mean(config.ssh.user, names)
        yield f"ssh.user: the switch does not let {config.ssh.user!r} in: {out}{near}"
    elif "ssh" in config.model_fields_set and domain_of(node, config.ssh.user) is not None:
        yield from _wrong_version(config.ssh, node)


def _forwardings(node: Node) -> Iterator[str]:
    """Forwardings to numbers that a call of the subscriber does not reach."""
    for number, domain in enumerate(node.domains.values()):
        for index, subscriber in enumerate(domain.config.subscribers):
            given = subscriber.services.model_dump(by_alias=True)
            for service in FORWARDINGS:
                target = given[service]
                if not target:
                    continue
                key = f"switch.domains.{number}.subscribers.{index}.services.{service}"
                asked = TraceRequest(calling={"digits": subscriber.number}, called={"digits": target})
                reason = trace(node.domains, domain, asked).reason
                if reason:
                    yield f"{key}: {target} is not reached, so forwarded calls fail: {reason}"
                elif circle := _circle(node, domain, subscriber.number, service):
                    yield f"{key}: {target} leads back to {subscriber.number}, so forwarded calls fail: {circle}"


def _demands_beyond_the_pool(node: Node) -> Iterator[str]:
    """Licences that more subscribers demand than were bought. A slave has those that its master grants."""
    if node.assignments is None or node.config.licence_network.role == "slave":
        return
    bought = node.bought()
    for licence, demanded in node.assignments.wanted.items():
        limit = bought.get(licence, 0)
        if demanded > limit:
            given = f'station = "{licence}"' if licence in STATION_TYPES else f'"{licence}" in their licences'
            yield (
                f"switch.licence_pool: {demanded} subscribers demand a licence {licence}, and {limit} were bought, so "
                f"{demanded - limit} go without: raise limits.{licence}, activate a licence file with more, or give "
                f"fewer of them {given}"
            )


def _circle(node: Node, domain: Domain, number: str, service: str) -> str:
    """The way of a forwarded call back to the subscriber, by unconditional forwardings from there on; "" for none."""
    start = one = domain.subscribers[number]
    target, way = one.forwardings[service], [number]
    while target and len(way) <= node.config.max_forwardings + 1:
        leg = first_leg(domain, Endpoint.at(own_number(one.number), one), Number(digits=target))
        last = find_path(node.domains, domain, leg.request)[-1]
        if not isinstance(last.exit, Subscriber):
            return ""
        one, domain = last.exit, node.domains[last.domain.name]
        way.append(one.number)
        if one is start:
            return " -> ".join(way)
        target = one.forwardings.get("cfu", "")
    return ""


def _multisorm(config: Config) -> Iterator[str]:
    """Domains of MultiSORM users that do not exist (yet)."""
    if config.switch is None:
        return
    names = [one.name for one in config.switch.domains]
    for number, declared in enumerate(config.switch.aggregates):
        found = DomainList.parse(declared.domains).select(names)
        for problem in found.problems:
            yield (
                f"switch.aggregates.{number}.domains: {problem}: until there is, nobody can log in as {declared.user}"
            )


def _no_console(config: Config) -> Iterator[str]:
    """An address to listen on that no allowed console can reach."""
    host, allowed = config.console.host, config.console.allow
    if config.console.link == "x25" or host in ("0.0.0.0", "::"):  # nosec B104 # noqa: S104 - recognised, not listened on
        return
    here = is_loopback(host)
    networks = [ip_network(one, strict=False) for one in allowed]
    if here and not any(map(_has_loopback, networks)):
        remedy = "set console.host to the address that they reach, or allow 127.0.0.0/8"
    elif not here and all(one.is_loopback for one in networks):
        remedy = "allow the networks of the consoles"
    else:
        return
    only = ", ".join(allowed) or "nobody"
    yield f"console.allow: no console can connect: it has {only}, and console.host is {host}: {remedy}"


def _published_secret(config: Config) -> Iterator[str]:
    """The secret that everybody knows, where others reach the sink."""
    radius = config.radius
    if radius.has_default_secret and not is_loopback(radius.host):
        only = ', or "" to admit radius.clients alone' if config.switch is None else ""
        yield (
            "radius.secret: has its published default, and radius.host is "
            f"{radius.host}: whoever reaches it can report calls, also a client that radius.clients does not name: "
            f"set another secret{only}"
        )


def _open_files(config: Config) -> Iterator[str]:
    """Files that others on this machine may read: secrets of ports that others reach, and who is on control."""
    mediator, switch = config.mediator, config.switch
    hosts = (config.console.host, config.radius.host, config.web.host, switch.host if switch else "localhost")
    outside = {one.path for one in config.given}
    in_file = [path for path in secrets_of((), config.document) if path not in outside]
    found = [] if config.file is None or not in_file or all(map(is_loopback, hosts)) else [
        (key_of(in_file[0]), config.file, "the secrets in it")
    ]  # fmt: skip
    for key, name in (("mediator.state", mediator.state), ("mediator.journal", mediator.journal)):
        if name not in ("", ":memory:"):
            found.append((key, config.directory / name, "who is on control"))
    for key, file, what in found:
        with suppress(OSError):  # there is none yet, which is fine, or another check tells it
            mode = open_to_others(file)
            if mode:
                yield f"{key}: {file} has the mode {mode}, so others on this machine read {what}: chmod 600 {file}"


def _has_loopback(network: IPv4Network | IPv6Network) -> bool:
    """Whether an address of loopback is in a network."""
    return network.overlaps(ip_network("127.0.0.0/8" if network.version == 4 else "::1/128"))


def file_warnings(config: Config) -> Iterator[str]:
    """What is doubtful without the switch: hosts, devices, settings without effect."""
    yield from config.doubts
    yield from _multisorm(config)
    yield from _no_console(config)
    yield from _published_secret(config)
    yield from _open_files(config)
    mediator = config.mediator
    if mediator.capacity is not None and mediator.capacity.trunks and mediator.station_type == "terminal":
        yield "mediator.capacity.trunks: has no effect on a terminal node (order 268, appendix 2)"
    for number, stream in enumerate(config.e1):
        if stream.line == "serial":
            for key in ("kpd1", "kpd2"):
                port: str = getattr(stream.serial, key)
                if port.startswith("/") and not os.path.exists(port):
                    again = f"the mediator tries again every {stream.serial.reopen:g} s"
                    yield f"e1.{number}.serial.{key}: {port}: there is no such device now; {again}"
    licence = config.switch.licence if config.switch is not None else LicenceConfig()
    if licence.installed and licence.expires and licence.expires < datetime.now(UTC).date():
        yield f"switch.licence.expires: {licence.expires} is over: the factory licence is in force, or an added one"
    yield from host_warnings(config)


def _secrets_that_differ(config: Config, node: Node) -> Iterator[str]:
    """Secrets of the switch for the mediator of the same file that are not the mediator's for the switch."""
    radius = config.radius
    if not {"ssh", "radius"} & config.model_fields_set:
        return  # a file for a switch alone, with mediators elsewhere
    own = reachable(host_port(radius.host, radius.port), _PEER)
    client = _client_address(host_of(own), node.config.host)
    try:
        wanted, key = secret_finder(radius.secrets)(client), radius.key_of(client)
    except ValueError:  # no address, or wrong clients, which another check tells
        return
    by_default = radius.secret.get_secret_value().encode() == wanted
    for number, domain in enumerate(node.domains.values()):
        servers = domain.config.radius_servers
        if servers is None and not by_default:
            yield (
                f"{key}: differs from radius.secret, which {domain.name} signs its reports with, so they "
                f"would be lost: leave it out, or give {domain.name} radius_servers with this secret"
            )
        for index, server in enumerate(servers or ()):
            if reachable(host_port(server.host, server.port), _PEER) != own:
                continue
            if server.secret.get_secret_value().encode() != wanted:
                yield (
                    f"switch.domains.{number}.radius_servers.{index}.secret: differs from {key}, which the mediator of "
                    f"this file has for {client}, so the reports of {domain.name} would be lost: give both the same"
                )


def _client_address(sink: str, switch: str) -> str:
    """The address that the switch's reports come from at a sink of this file's mediator."""
    here = "127.0.0.1" if switch == "localhost" else switch
    everywhere = here in ("0.0.0.0", "::")  # nosec B104 # noqa: S104 - recognised, not listened on
    return sink if everywhere or (is_loopback(here) and not is_loopback(sink)) else here


OWN_USER_VERSION: Final = "3.3"
"""The ``ssh.switch_version`` of switches before 3.4.2."""
_PEER = "127.0.0.1:0"
"""The address of the lab's own mediator for its own switch."""


def login_problem(config: Config, node: Node) -> str:
    """Why the switch would refuse the mediator; "" when it would not, or for a mediator of another switch.

    A switch without domains is not checked: they are declared later. The licence is not checked.
    """
    ssh, first = config.ssh, node.config.ssh_port
    if not node.domains or not is_loopback(ssh.server):
        return ""
    if ssh.port == 0:
        multisorm = ssh.user not in node.domains and domain_of(node, ssh.user) is None
    elif first and ssh.port in (first, first + 1):
        multisorm = ssh.port == first + 1
    else:
        return ""
    sinks = Sinks()
    sinks.default = Target(config.radius.host, config.radius.port, config.radius.secret.get_secret_value())
    login = aggregate_login if multisorm else domain_login
    problem = login(node, sinks, ssh.user, ssh.password.get_secret_value())
    if problem:
        return problem
    user, domain = aggregate(node, ssh.user), domain_of(node, ssh.user)
    names = select(node, user).domains if user is not None and multisorm else (domain.name,) if domain else ()
    radius = host_port(config.radius.host, config.radius.port)
    wrong = wrong_sinks({name: sinks.find(node.domains[name], radius, _PEER) for name in names})
    return f"{reachable(radius, _PEER)}, the mediator's [radius], {wrong}" if wrong else ""


def _wrong_version(ssh: SshConfig, node: Node) -> Iterator[str]:
    """The mediator's setting of the switch's version does not suit its user: a switch of that version has none such."""
    has_own_user = ssh.user not in node.domains
    if has_own_user and ssh.switch_version != OWN_USER_VERSION:
        yield (
            f"ssh.switch_version: {ssh.switch_version}, and since 3.4.2 ssh.user is the domain's name: write "
            f'"{OWN_USER_VERSION}", or take sorm_user out of the domain'
        )
    elif not has_own_user and ssh.switch_version == OWN_USER_VERSION:
        yield (
            f"ssh.switch_version: {OWN_USER_VERSION}, and before 3.4.2 ssh.user is a name of its own: give the domain "
            "a sorm_user, or write another version"
        )


def knows_own_mediator(domain: DomainConfig, config: Config) -> bool:
    """Whether the lab's own mediator, with its secret, is among the RADIUS servers of a domain."""
    own = reachable(host_port(config.radius.host, config.radius.port), _PEER)
    secret = config.radius.secret.get_secret_value()
    return any(
        reachable(host_port(one.host, one.port), _PEER) == own and one.secret.get_secret_value() == secret
        for one in domain.radius_servers or ()
    )


ANY_ADDRESS = E1Config().local
TABLES = ("satop", "serial", "xot", "memory")
"""The tables of the kinds of line, named as the kinds."""
WIRES = ("serial", "memory")
"""Lines without an address."""


def _lines(streams: Sequence[E1Config]) -> Iterator[str]:
    """Mistakes of the streams, each naming the key, the value and the remedy."""
    used: dict[str, str] = {}
    for number, stream in enumerate(streams):
        where = f"e1.{number}"
        yield from _wrong_tables(stream, where)
        settings = [*_wrong_addresses(stream, where), *_wrong_parts(stream, where, used)]
        yield from settings or _wrong_carrier(stream, where)


def _wrong_tables(stream: E1Config, where: str) -> Iterator[str]:
    for table in TABLES:
        if table in stream.model_fields_set and table != stream.line:
            yield f'{where}.{table}: is for line = "{table}", and this one is "{stream.line}": leave the table out'


def _wrong_addresses(stream: E1Config, where: str) -> Iterator[str]:
    for key, value, none in (("local", stream.local, ANY_ADDRESS), ("remote", stream.remote, "")):
        if value == none:
            continue
        if stream.line in WIRES:
            yield f'{where}.{key}: {value}: a line "{stream.line}" has no address: leave it out'
            continue
        try:
            if value and (problem := host_problem(split_host_port(value)[0])):
                yield f"{where}.{key}: {value!r} is not a host ({problem})"
        except ValueError as error:
            yield f"{where}.{key}: {error}, such as 127.0.0.1:50001"
    if stream.line == "xot" and stream.remote and stream.local != ANY_ADDRESS:
        yield (
            f"{where}.local: {stream.local}: the mediator either listens (local) or connects (remote, "
            f"{stream.remote}): leave one of them out"
        )


def _wrong_parts(stream: E1Config, where: str, used: dict[str, str]) -> Iterator[str]:
    """Mistakes of one kind of line. ``used``: the ttys and addresses of the streams before, and their keys."""
    if stream.line == "serial":
        yield from _wrong_ttys(stream, where, used)
    elif stream.line == "xot":
        yield from _wrong_circuits(stream, where)
    elif stream.kpd1_timeslot == stream.kpd2_timeslot:
        slot = stream.kpd2_timeslot
        yield f"{where}.kpd2_timeslot: {slot} is kpd1_timeslot already: each channel has a timeslot of its own"
    if stream.line == "satop" and not stream.local.endswith(":0"):
        if stream.local in used:
            yield f"{where}.local: {stream.local} is {used[stream.local]} already; 0 means any free port"
        used.setdefault(stream.local, f"{where}.local")


def _wrong_ttys(stream: E1Config, where: str, used: dict[str, str]) -> Iterator[str]:
    ports = stream.serial
    for key in ("kpd1", "kpd2", "console_kpd1", "console_kpd2"):
        port: str = getattr(ports, key)
        full = f"{where}.serial.{key}"
        if not port:
            if key in ("kpd1", "kpd2"):
                yield f'{full}: is required for line = "serial": a tty such as "/dev/ttyUSB0"'
            continue
        if port in used:
            yield f"{full}: {port} is {used[port]} already; each end of a channel is a tty of its own"
        used.setdefault(port, full)


def _wrong_circuits(stream: E1Config, where: str) -> Iterator[str]:
    xot = stream.xot
    key, one, other = (
        ("lcn", xot.kpd1_lcn, xot.kpd2_lcn)
        if stream.x25.circuit == "pvc"
        else ("number", xot.kpd1_number, xot.kpd2_number)
    )
    if one == other or not one or not other:
        yield (
            f"{where}.xot.kpd2_{key}: {other!r}: kpd1_{key} is {one!r}, and the {stream.x25.circuit.upper()} of a "
            "channel is known by it: give two different ones"
        )
    for name, value in (("interface", xot.interface), ("console_interface", xot.console_interface)):
        if len(value) > 255 or not value.isascii():
            yield f"{where}.xot.{name}: {value!r}: at most 255 ASCII characters are allowed"


def _wrong_carrier(stream: E1Config, where: str) -> Iterator[str]:
    """Make the carrier of a stream, which checks its own settings."""
    from sorm_mediator.carriers import mediator_carrier  # numpy, only where it is needed

    try:
        mediator_carrier(stream)
    except ValueError as error:
        yield f"{where}: {error}"
