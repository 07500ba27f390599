"""The SIP registrations of Elph clients, which a licence counts. Without I/O.

Each registration of a device uses one licence, whatever its platform: a subscriber with two devices uses two. A device
that registers again renews its registration. It ends when its time is over, when it is cancelled, or with its
subscriber. Ten registrations are allowed unless the licence names another number (``elph.members``).

The emulated switch has no SIP: the HTTP API and the shell register the devices. Time comes in as ``now``, Unix seconds.

Source: ECSS-10 manual, Elph licences (since 3.14.12).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from sorm_mediator.language import Phrase
from sorm_mediator.switch.calls.call import CallRefused
from sorm_mediator.switch.domain import Domain, Subscriber
from sorm_mediator.switch.node import Node
from sorm_mediator.texts import as_list

Platform = Literal["desktop", "android", "ios"]
PLATFORMS: Final[tuple[Platform, ...]] = get_args(Platform)
LIMIT: Final = "elph.members"
"""The key of the limit."""
EXPIRES: Final = 3600.0
"""Seconds of a registration unless it says otherwise (our choice)."""


@dataclass(frozen=True, slots=True)
class ElphRegistration:
    """A device that is registered. ``until``: Unix seconds."""

    domain: str
    number: str
    device: str
    platform: Platform
    since: float
    until: float


class ElphRegistrations:
    """The registrations of a switch."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._found: dict[tuple[str, str, str], ElphRegistration] = {}
        self._of: dict[tuple[str, str, str], Subscriber] = {}
        """A subscriber that is declared anew is another one."""

    def register(
        self, domain: str, number: str, platform: Platform, device: str, now: float, expires: float = EXPIRES
    ) -> ElphRegistration:
        """Register a device, or renew its registration for ``expires`` seconds. Raises :class:`CallRefused`."""
        found = self._domain(domain)
        subscriber = found.subscribers.get(number)
        if subscriber is None:
            told = Phrase("{number} is not a subscriber of {domain}", number=number, domain=domain)
            raise CallRefused("unknown", told)
        if subscriber.without_line is not None:
            raise CallRefused("refused", subscriber.without_line)
        self._end(now)
        key = domain, number, device
        before = self._found.get(key)
        if before is None:
            self._check(now)
        since = now if before is None else before.since
        made = ElphRegistration(domain, number, device, platform, since, now + expires)
        self._found[key], self._of[key] = made, subscriber
        return made

    def cancel(self, domain: str, number: str, device: str, now: float) -> None:
        """End a registration. Raises :class:`CallRefused`."""
        self._domain(domain)
        self._end(now)
        key = domain, number, device
        if key not in self._found:
            told = Phrase("{device} of {number} is not registered", device=device, number=number)
            raise CallRefused("unknown", told)
        del self._found[key], self._of[key]

    def registered(self, now: float, domain: str | None = None) -> tuple[ElphRegistration, ...]:
        """The present registrations, of one domain or of all, by domain, number and device."""
        self._end(now)
        every = (self._found[key] for key in sorted(self._found))
        return tuple(one for one in every if domain is None or one.domain == domain)

    def limit(self, now: float) -> float:
        """Registrations that the licence allows."""
        return self._node.licences.active(now).limits.most(LIMIT) or 0

    def _check(self, now: float) -> None:
        if len(self._found) >= self.limit(now):
            told = Phrase(
                "licence {number} allows {limit} registrations of Elph clients, and {count} are in use; cancel one, "
                "wait until one expires, or add a licence",
                number=self._node.licences.active(now).number,
                limit=f"{self.limit(now):g}",
                count=len(self._found),
            )
            raise CallRefused("licence", told)

    def _domain(self, name: str) -> Domain:
        if name not in self._node.domains:
            known = as_list(self._node.domains)
            told = Phrase("there is no domain {name!r}; there are: {known}", name=name, known=known)
            raise CallRefused("unknown", told)
        return self._node.domains[name]

    def _end(self, now: float) -> None:
        """End the registrations whose time is over, or whose subscriber has no service any more."""
        for key in list(self._over(now)):
            del self._found[key], self._of[key]

    def _over(self, now: float) -> Iterator[tuple[str, str, str]]:
        for key, one in self._found.items():
            domain = self._node.domains.get(one.domain)
            subscriber = domain.subscribers.get(one.number) if domain is not None else None
            if one.until <= now or subscriber is not self._of[key] or not subscriber.active:
                yield key
