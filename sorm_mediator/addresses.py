"""Addresses as text: ``host:port``, an IPv6 address in brackets (RFC 3986, 3.2.2)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from sorm_mediator.texts import whole_number

if TYPE_CHECKING:
    import asyncio

MOST_PORT: Final = 0xFFFF


def host_port(host: str, port: int | str) -> str:
    """``127.0.0.1:1813``, ``[::1]:1813``. A host in brackets keeps them."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def listening_at(server: asyncio.Server) -> str:
    """``host:port`` of a server. Raises :class:`OSError` for one without a socket: asyncio passes over those that can't
    be made, and says nothing."""
    if not server.sockets:
        raise OSError(
            "no socket can be made for it: no such address family, or no free descriptors (ulimit -n)"
        )
    return host_port(*server.sockets[0].getsockname()[:2])


def split_host_port(text: str) -> tuple[str, int]:
    """Host, without brackets, and port of ``host:port``. Raises :class:`ValueError` for anything else."""
    host, _, port = text.rpartition(":")
    number = port_number(port)
    if not host or number is None:
        raise ValueError(f"{text[:100]!r} is not host:port")
    return host.removeprefix("[").removesuffix("]"), number


def split_optional_port(text: str) -> tuple[str, str | None]:
    """Host, without its brackets, and the text behind its colon, None where there is none. An IPv6 address has a port
    only behind brackets."""
    host, port = text, None
    if text.count(":") == 1 or "]:" in text:
        host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return host, port


def host_of(text: str) -> str:
    """The host of ``host:port``, without brackets."""
    return text.rpartition(":")[0].removeprefix("[").removesuffix("]")


def host_and_or_port(text: str, host: str = "") -> tuple[str, int]:
    """Host and port of ``host:port``, or of a port alone, which is at ``host``. Raises :class:`ValueError`."""
    number = port_number(text)
    if number is not None:
        return host, number
    try:
        return split_host_port(text)
    except ValueError:
        raise ValueError(f"{text[:100]!r} is no host:port, and no port 0 to {MOST_PORT}") from None


def host_problem(host: str) -> str:
    """The reason why a host can't be looked up; "" if it can be, or is empty.

    Python's resolver raises ``UnicodeError``, which is no ``OSError``, for such names (RFC 1035, 2.3.4: a
    label has 1 to 63 octets, a name 255).
    """
    if not host.isprintable() or any(one.isspace() for one in host):
        return "it holds a space or a control character"
    if "/" in host or "@" in host:
        return "write the address or the name alone"
    if ":" not in host and host.rpartition(".")[2].isdecimal():  # so it can be no name (RFC 1123, 2.1)
        try:
            socket.inet_aton(host)
        except (OSError, UnicodeError):
            return "it is no IPv4 address: four numbers 0 to 255, such as 127.0.0.1"
    try:
        octets = host.encode("idna")
    except UnicodeError:
        return "each part between its dots has 1 to 63 octets"
    return "it has more than 253 octets" if len(octets) > 253 else ""


def port_number(text: str) -> int | None:
    """The port of decimal digits, 0 to 65535; None for any other text."""
    return whole_number(text, 0, MOST_PORT)
