"""Common to the tables of a lab file: the closed model, a port, the error, the test for loopback."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

from sorm_mediator.addresses import host_problem
from sorm_mediator.errors import ConfigError
from sorm_mediator.options import Section
from sorm_mediator.texts import shown

__all__ = ["ConfigError", "Host", "Port", "Section", "SeveralMistakes", "is_loopback"]


class SeveralMistakes(ValueError):  # noqa: N818 - pydantic wants a ValueError, and it is several
    """Mistakes of a table that one check finds, each a line that begins with its key."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("; ".join(self.lines))


Port = Annotated[int, Field(strict=True, ge=0, le=65535)]


def _can_be_looked_up(host: str) -> str:
    problem = host_problem(host)
    if problem:
        raise ValueError(f"{shown(host)} is not a host ({problem})")
    return host


Host = Annotated[str, AfterValidator(_can_be_looked_up)]
"""An address or a name, as the system's resolver takes it."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
