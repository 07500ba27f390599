"""Checks of a lab file against this machine: the files that it names, and the hosts."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sorm_mediator.addresses import split_host_port
from sorm_mediator.config import Config
from sorm_mediator.config.base import Host
from sorm_mediator.texts import did_you_mean

LOOKED_UP_WITHIN = 3.0
"""Seconds for all look-ups of hosts together."""
KNOWN_HOSTS = ("localhost",)


def file_problems(config: Config) -> Iterator[str]:
    """Mistakes of the files that the boxes write: each needs a folder, and none may be another one."""
    taken: dict[Path, str] = {}
    if config.file is not None:
        taken[config.file] = "this file"
    if config.switch is not None:
        for number, domain in enumerate(config.switch.domains):
            for index, context in enumerate(domain.contexts):
                key = f"switch.domains[{number + 1}].contexts[{index + 1}]"
                taken[(config.directory / context).resolve()] = key
    for key, value in _written_files(config):
        try:
            path = (config.directory / value).resolve()
            if path in taken:
                yield (f"{key}: {value} is {taken[path]} already: each needs a file of its own")
            elif path.is_dir():
                yield f"{key}: {value} is a folder: give a file in it"
            elif not path.parent.is_dir():
                yield f"{key}: {value}: there is no folder {path.parent}: make it first"
        except (OSError, ValueError, RuntimeError) as error:
            yield f"{key}: {value!r} can't be a file: {getattr(error, 'strerror', error)}"
            continue
        taken.setdefault(path, key)


def _written_files(config: Config) -> Iterator[tuple[str, str]]:
    mediator = config.mediator
    if mediator.state != ":memory:":
        yield "mediator.state", mediator.state
    if mediator.journal:
        yield "mediator.journal", mediator.journal
    switch = config.switch
    if switch is None:
        return
    if switch.host_key_file:
        yield "switch.host_key_file", switch.host_key_file
    if switch.smart_licence.enabled and switch.smart_licence.state_file:
        yield "switch.smart_licence.state_file", switch.smart_licence.state_file


Lookup = Callable[[str], object]
"""Looks a host up. Raises :class:`OSError` when it has no address."""


def _look_up(host: str) -> object:
    return socket.getaddrinfo(host, None)


def host_warnings(config: Config, look_up: Lookup = _look_up) -> Iterator[str]:
    """Hosts without an address now."""
    hosts = [*_hosts(config, "")]
    for number, stream in enumerate(config.e1):
        for key, value in (("local", stream.local), ("remote", stream.remote)):
            with suppress(ValueError):  # a mistake of the stream
                hosts.append((f"e1.{number}.{key}", split_host_port(value)[0]))
    unknown = unresolved({host for _, host in hosts if host}, look_up)
    for key, host in hosts:
        if host in unknown:
            yield f"{key}: {host!r} is not found: {unknown[host]}{did_you_mean(host, KNOWN_HOSTS)}"


def _hosts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """All values declared as hosts, with their keys."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            inner, path = getattr(value, name), f"{key}.{name}".lstrip(".")
            if _IS_HOST in field.metadata:
                yield path, inner
            else:
                yield from _hosts(inner, path)
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _hosts(inner, f"{key}.{index}")


_IS_HOST = Host.__metadata__[0]  # type: ignore[attr-defined]  # of Annotated


def unresolved(hosts: Iterable[str], look_up: Lookup = _look_up) -> dict[str, str]:
    """The hosts without an address, and why. A resolver that does not answer holds nothing up for long."""
    found: dict[str, str] = {}

    def ask(host: str) -> None:
        try:
            look_up(host)
        except (OSError, UnicodeError) as error:
            found[host] = str(getattr(error, "strerror", None) or error)
        else:
            found[host] = ""

    names = sorted(host for host in hosts if not _is_address(host))
    threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in names]
    for thread in threads:
        thread.start()
    until = time.monotonic() + LOOKED_UP_WITHIN
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    slow = f"no answer within {LOOKED_UP_WITHIN:g} s"
    return {host: reason for host in names if (reason := found.get(host, slow))}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
