"""Who is let in: the token of the lab file, sessions of browsers, waits after wrong tokens, and tokens of forms.

Nothing here reads a clock: ``now`` is an argument, in seconds of any one clock.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import Final

FREE_ATTEMPTS: Final = 3
"""Wrong tokens of an address before it has to wait."""
FIRST_WAIT: Final = 5.0
LONGEST_WAIT: Final = 300.0
"""Seconds: each further wrong token doubles the wait, up to the longest."""
FORGOTTEN_AFTER: Final = 3600.0
"""Seconds after its last wrong token that an address begins anew."""
MOST_ADDRESSES: Final = 10_000
MOST_SESSIONS: Final = 1000
"""The oldest goes for one more."""
MOST_TRIED: Final = 16
"""Different tokens that are looked at during one wait of an address that had the right one before."""
SESSION_LIFE: Final = 12 * 3600.0
"""Seconds without a request after which a session is over."""


@dataclass(slots=True)
class _Wrong:
    attempts: int
    last: float
    tried: set[bytes] = field(default_factory=set)
    """Digests of the tokens that were looked at during the wait."""


class Waits:
    """Wrong attempts by address. The network of an IPv6 address counts: one machine has 2^64 addresses."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, _Wrong] = OrderedDict()
        self._right: OrderedDict[str, None] = OrderedDict()
        """Addresses that have had the right token, the latest last."""

    def left(self, address: str, now: float) -> float:
        """Seconds that an address still has to wait; 0: it may try."""
        found = self._wrong.get(_network(address))
        if found is None or found.attempts < FREE_ATTEMPTS:
            return 0.0
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(found.attempts - FREE_ATTEMPTS, 16))
        return max(0.0, found.last + wait - now)

    def failed(self, address: str, now: float) -> None:
        """A wrong attempt of an address."""
        network = _network(address)
        found = self._wrong.pop(network, None)
        if found is None or now - found.last > FORGOTTEN_AFTER:
            found = _Wrong(0, now)
        found.attempts += 1
        found.last = now
        found.tried.clear()
        self._wrong[network] = found
        if len(self._wrong) > MOST_ADDRESSES:
            self._wrong.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """A right attempt: the address begins anew."""
        self._wrong.pop(_network(address), None)
        self.proved(address)

    def proved(self, address: str) -> None:
        """The right token came from an address."""
        network = _network(address)
        self._right.pop(network, None)
        self._right[network] = None
        if len(self._right) > MOST_ADDRESSES:
            self._right.popitem(last=False)

    def looked_at(self, address: str, digest: bytes) -> bool:
        """Whether a token is looked at although the address waits: it had the right one before, and is not guessing.

        So one program with a wrong token does not lock the others of its machine out."""
        network = _network(address)
        found = self._wrong.get(network)
        if found is None or network not in self._right:
            return False
        if digest not in found.tried and len(found.tried) >= MOST_TRIED:
            return False
        found.tried.add(digest)
        return True


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a token lets in, and the seconds that its address has to wait."""

    right: bool
    wait: float = 0.0


class Access:
    """The token of a web server and what follows from it. An empty token asks for none."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._key = secrets.token_bytes(32)
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self._leaving: dict[str, set[Callable[[], None]]] = {}
        self.waits = Waits()

    @property
    def required(self) -> bool:
        """Whether a token is needed at all."""
        return bool(self._token)

    def is_token(self, given: bytes) -> bool:
        """Compared in a time that doesn't depend on where the first difference is."""
        return hmac.compare_digest(sha256(given).digest(), sha256(self._token).digest())

    def judge(self, given: bytes, address: str, now: float) -> Verdict:
        """Look at a token that came from an address."""
        wait = self.waits.left(address, now)
        if wait and not self.waits.looked_at(address, hmac.digest(self._key, given, "sha256")):
            return Verdict(right=False, wait=wait)
        if self.is_token(given):
            if wait:
                self.waits.proved(address)  # the wait stays: guesses of the same address go on to be slow
            else:
                self.waits.succeeded(address)
            return Verdict(right=True)
        if not wait:
            self.waits.failed(address, now)
        return Verdict(right=False, wait=wait)

    def new_session(self, now: float) -> str:
        """Begin a session after a log-in with the token. Returns its secret name, for the cookie."""
        name = new_name()
        self._sessions[name] = now
        if len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return name

    def is_session(self, name: str, now: float) -> bool:
        """Whether there is such a session; asking prolongs it."""
        last = self._sessions.pop(name, None)
        if last is None or now - last > SESSION_LIFE:
            return False
        self._sessions[name] = now
        return True

    def end_session(self, name: str) -> None:
        """The session is logged out: what still goes on for it ends."""
        self._sessions.pop(name, None)
        for leave in self._leaving.pop(name, ()):
            leave()

    def holds(self, name: str) -> bool:
        """Whether there is such a session; asking does not prolong it."""
        return name in self._sessions

    @contextmanager
    def until_end(self, name: str, leave: Callable[[], None]) -> Iterator[None]:
        """``leave`` is called when the session is ended meanwhile."""
        waiting = self._leaving.setdefault(name, set())
        waiting.add(leave)
        try:
            yield
        finally:
            waiting.discard(leave)
            if not waiting:
                self._leaving.pop(name, None)

    def form_token(self, name: str) -> str:
        """What a form of the browser with this cookie holds, so that no other site can make up its request."""
        return hmac.new(self._key, name.encode(), sha256).hexdigest()

    def is_form_token(self, name: str, given: str) -> bool:
        """Whether a form was made for the browser with this cookie."""
        return bool(name) and hmac.compare_digest(self.form_token(name).encode(), given.encode())


def new_name() -> str:
    """A name that can't be guessed."""
    return secrets.token_urlsafe(32)


def cookie_name(port: int) -> str:
    """Name of the cookie: a browser gives those of one host to all its ports, and two labs may run on one."""
    return f"sorm_session_{port}"


def _network(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
