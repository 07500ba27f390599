"""Shared secrets: how they are given, and whose is whose."""

from collections.abc import Mapping
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


class Clients:
    """Finds the secret for an address: the address itself, else the narrowest network that holds it."""

    def __init__(self, secrets: Secrets) -> None:
        networks: list[tuple[IPv4Network | IPv6Network, bytes]] = []
        for text, secret in secrets.items():
            try:
                network = ip_network(text, strict=False)
            except ValueError as error:
                raise ValueError(f"RADIUS client {text!r}: not an IP address or network") from error
            networks.append((network, secret_octets(secret)))
        self._networks: Final = sorted(networks, key=lambda entry: -entry[0].prefixlen)
        self._known: dict[str, bytes | None] = {}

    def secret(self, host: str) -> bytes | None:
        """The secret shared with the address, None for a stranger."""
        try:
            return self._known[host]
        except KeyError:
            if len(self._known) >= _KNOWN_CLIENTS:
                self._known.clear()
            secret = self._known[host] = self._look_up(host)
            return secret

    def _look_up(self, host: str) -> bytes | None:
        address = ip_address(host.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        for network, secret in self._networks:
            if address.version == network.version and address in network:
                return secret
        return None
