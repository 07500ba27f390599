"""Numbers of parties that are no objects, as the order has them shown by the type of the node.

It holds where no rule and no parameter of the domain has set the SORM number. Source: order 268, 10.3.2.2 and 10.3.2.3.
"""

from __future__ import annotations

from typing import Final

from sorm_mediator.config import DomainConfig
from sorm_mediator.switch.routing.model import Number

NATIONAL: Final = 10
"""Digits of a national number with its area code."""
COUNTRY: Final = "7"
"""Country code, which a national number may have in front."""


def shown_a(config: DomainConfig, number: Number, came: str) -> str | None:
    """A as it came from the terminal or the neighbouring network; None: as its SORM number has it."""
    if config.b_number_format == "routed" or number.sorm_digits is not None:
        return None
    return came


def shown_b(config: DomainConfig, number: Number, dialled: str, *, outgoing: bool) -> str | None:
    """B by the type of the node; None: as its SORM number has it.

    dialled: what an own subscriber dialled, "" for a call that came in. outgoing: an own subscriber's call that leaves
    the node.
    """
    form = config.b_number_format
    if form == "routed" or number.sorm_digits is not None:
        return None
    if form == "terminal":
        return dialled or None
    prefixed = outgoing and form == "terminal-transit"
    if number.shown_ni == "international":
        bare = number.digits.removeprefix(config.international_prefix)
        return config.international_prefix + bare if prefixed else bare
    national = _national(config, number)
    if not national:
        return None
    return config.intercity_prefix + national if prefixed else national


def _national(config: DomainConfig, number: Number) -> str:
    """The ten digits with the area code; "" where that can't be told, as of emergency numbers."""
    digits = number.digits
    if number.shown_ni in ("", "emergency"):
        return ""
    if len(config.area_code) + len(digits) == NATIONAL:
        return config.area_code + digits
    for prefix in (config.intercity_prefix, COUNTRY):
        if prefix and digits.startswith(prefix) and len(digits) == len(prefix) + NATIONAL:
            return digits.removeprefix(prefix)
    return ""
