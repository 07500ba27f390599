"""Which mediators are connected, and that nobody else comes in one's name.

A mediator is known by the address of its RADIUS sink, and that is what it says of itself. The password is the domain's
and may be known to several. So while one is connected, another that says the same is taken for the same only if it
comes from the same address under the same name; those that are connected are told of it in either case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ssh_control.server import Notify

SecondSession = Literal["same-address", "refuse"]


@dataclass(frozen=True, slots=True, eq=False)
class _Session:
    name: str
    host: str
    notify: Notify


class LiveSessions:
    """``policy`` says which second session of a mediator is let in; it is asked each time. Counts what happens."""

    def __init__(self, policy: Callable[[], SecondSession], counters: Counter[str]) -> None:
        self._policy = policy
        self._counters = counters
        self._live: dict[tuple[str, str], list[_Session]] = {}

    def problem(self, user: str, mediator: str, name: str, peer: str) -> str:
        """Why a session may not be opened; "" when it may. Whoever is connected as that mediator is told.

        ``user``: domain or MultiSORM user; ``name``, ``mediator``: what the peer says it is called, and its sink.
        """
        live = self._live.get((user, mediator), [])
        if not live:
            return ""
        same = all(one.name == name and one.host == _host(peer) for one in live)
        admitted = same and self._policy() == "same-address"
        self._counters["second sessions" if admitted else "second sessions refused"] += 1
        event = {"event": "second-session", "mediator": name, "peer": peer, "admitted": admitted}
        for one in list(live):
            one.notify(event)
        return "" if admitted else f"{mediator} is connected already, from {live[0].host}"

    def opened(self, user: str, mediator: str, name: str, peer: str, notify: Notify) -> Callable[[], None]:
        """A session was opened; returns what to call at its end."""
        key, session = (user, mediator), _Session(name, _host(peer), notify)
        self._live.setdefault(key, []).append(session)

        def closed() -> None:
            self._live[key].remove(session)
            if not self._live[key]:
                del self._live[key]

        return closed


def _host(peer: str) -> str:
    return peer.rpartition(":")[0]
