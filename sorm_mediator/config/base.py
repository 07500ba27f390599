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

__all__ = ["ConfigError", "Host", "MistakeAt", "Port", "Section", "SeveralMistakes", "is_loopback"]


class MistakeAt(ValueError):  # noqa: N818 - pydantic wants a ValueError
    """A mistake of a key in a table, whose text is apart from it: a phrase, where it is ours."""

    def __init__(self, key: str, text: str) -> None:
        self.key, self.text = key, text
        super().__init__(f"{key}: {text}")


class SeveralMistakes(ValueError):  # noqa: N818 - pydantic wants a ValueError, and it is several
    """Mistakes of a table that one check finds, each a line that begins with its key, or :class:`MistakeAt`."""

    def __init__(self, found: Iterable[str | MistakeAt]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(map(str, self.found)))


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
