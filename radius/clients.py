"""The clients of an accounting server: the shared secret of each, by its address or network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Secrets = Mapping[str, str | bytes]
"""Shared secrets by the client's address or network, e.g. `{"127.0.0.1": ..., "10.0.0.0/8": ...}`."""

_KNOWN_CLIENTS: Final = 4096


def secret_octets(secret: str | bytes) -> bytes:
    """A shared secret as it is used in digests. Raises ValueError when it is empty."""
    octets = secret.encode() if isinstance(secret, str) else secret
    if not octets:
        raise ValueError("a RADIUS shared secret must not be empty")
    return octets


def secret_finder(secrets: Secrets) -> Callable[[str], bytes | None]:
    """A function that finds the secret for an address: that of the address itself, else of the narrowest network
    that contains it; None for an unknown peer."""
    networks: list[tuple[IPv4Network | IPv6Network, bytes]] = []
    for text, secret in secrets.items():
        try:
            network = ip_network(text, strict=False)
        except ValueError as error:
            raise ValueError(f"RADIUS client {text!r}: not an IP address or network") from error
        networks.append((network, secret_octets(secret)))
    networks.sort(key=lambda entry: -entry[0].prefixlen)

    @lru_cache(_KNOWN_CLIENTS)
    def secret_of(host: str) -> bytes | None:
        address = ip_address(host.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        fitting = (secret for network, secret in networks if address in network)
        return next(fitting, None)

    return secret_of
