"""Addresses as text: ``host:port``, an IPv6 address in brackets (RFC 3986, 3.2.2)."""

from __future__ import annotations

from typing import Final

MOST_PORT: Final = 0xFFFF


def host_port(host: str, port: int | str) -> str:
    """``127.0.0.1:1813``, ``[::1]:1813``. A host that is in brackets already stays so."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def split_host_port(text: str) -> tuple[str, int]:
    """Host, without brackets, and port of ``host:port``. Raises :class:`ValueError` for anything else."""
    host, _, port = text.rpartition(":")
    number = port_number(port)
    if not host or number is None:
        raise ValueError(f"{text[:100]!r} is no host:port")
    return host.removeprefix("[").removesuffix("]"), number


def port_number(text: str) -> int | None:
    """The port that decimal digits say, 0 to 65535; None when they say none."""
    # int() of more than 4,300 digits raises (Python manual, Integer string conversion length limitation).
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        return None
    return number if (number := int(text)) <= MOST_PORT else None
