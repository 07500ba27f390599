"""What a profile of the switch decides: the way of a call within a domain, and the numbers that SORM is shown.

A profile is a strategy; calls, matching, reports, trace and acceptance are the same for all. All methods are pure.

Source: docs/switch.md, docs/vpbx.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from sorm_mediator.language import Lang
from sorm_mediator.switch.domain import BridgeEnd, Domain, Subscriber, Trunk
from sorm_mediator.switch.routing.route import Number, RoutingRequest, RoutingResult, Side

Exit = Subscriber | Trunk | BridgeEnd
"""The exit of a call from a domain, or its destination."""


@dataclass(frozen=True, slots=True)
class Led:
    """A call led through a domain: its result, its exit, and why it ends here ("": it does not)."""

    result: RoutingResult
    exit: Exit | None = None
    problem: str = ""


Setting = Literal["adaptation", "strict_private_numbers", "private_phone_prefix", "vpbx.sorm.user"]
"""The parameters that change the numbers for SORM, in their order of application."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The change of a number by one parameter. ``by``: its value; for ``adaptation`` rules as ``context/rule``."""

    setting: Setting
    by: str
    side: Side
    before: Number
    after: Number


@dataclass(frozen=True, slots=True)
class SormView:
    """Both numbers with the digits and indicators shown to SORM, and the parameters that changed them.

    ``remarks``: as of :class:`Hop`.
    """

    a: Number
    b: Number
    applied: tuple[Applied, ...] = ()
    remarks: tuple[str, ...] = ()


class Profile(Protocol):
    """A profile of the switch."""

    def refuses(self, domain: Domain, caller: str) -> str:
        """Why the domain takes no call now from this subscriber ("": from a trunk); "" when it does."""

    def dialled(self, digits: str) -> Number:
        """The number that a caller dials."""

    def lead(self, domain: Domain, request: RoutingRequest, domains: Mapping[str, Domain]) -> Led:
        """The way of a call within the domain."""

    def view(self, domain: Domain, a: Number, b: Number) -> SormView:
        """The numbers shown to SORM of a call routed with these numbers."""

    def explained(
        self, domain: Domain, request: RoutingRequest, result: RoutingResult, lang: Lang
    ) -> Iterator[str]:
        """Lines of the trace: where the call begins, and what was tried. Our own words are in ``lang``."""
