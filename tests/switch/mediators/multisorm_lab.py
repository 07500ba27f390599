"""A switch with MultiSORM, and a mediator that asks it without SSH."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sorm_mediator import config
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.node import Change
from ssh_control.dialect import ClientHello, PendingReply, Reply, Request

SINK = "127.0.0.1:1813"
PEER = "127.0.0.1:5"
PASSWORD = "secret"


def domain(name: str, *numbers: str, **fields: Any) -> dict[str, Any]:
    servers = [{"host": "127.0.0.1", "port": 1813}]
    subscribers = [{"number": number} for number in numbers]
    return {"name": name, "password": "1", "radius_servers": servers, "subscribers": subscribers} | fields


def lab(*domains: dict[str, Any], wanted: tuple[str, ...] = ("*",), **switch: Any) -> config.Config:
    aggregates = [{"user": "multi", "password": "secret", "domains": wanted}]
    return config.parse({"switch": {"ssh_port": 0, "aggregates": aggregates, "domains": domains} | switch})


CENTRAL, VOIP, LOCAL = domain("central"), domain("voip", "200100", "200119"), domain("local", "300000")


class Switch:
    """A box, and a mediator that asks it without SSH."""

    def __init__(self, box: SwitchBox) -> None:
        self.box = box
        self.node = box.engine.node
        self.events: list[dict[str, Any]] = []
        """What MultiSORM users were told."""

    def login(self, user: str = "multi", password: str = PASSWORD) -> str | None:
        return self.box._aggregates.login(user, password, PEER)

    def open(self, radius: str = SINK, user: str = "multi") -> Any:
        assert self.login(user) is None
        return self.box._aggregates.open(user, ClientHello("m", radius), PEER, self.events.append)

    def alone(self, name: str, radius: str = SINK) -> Any:
        return self.box.open(name, ClientHello("m", radius), PEER, lambda _: None)

    def held(self, mediator: str = SINK) -> dict[str, set[int]]:
        """The objects of a mediator, by domain."""
        return {
            name: {item.object_number for item in one.tables[mediator]}
            for name, one in self.node.domains.items()
            if mediator in one.tables
        }

    def standings(self) -> dict[str, str]:
        (mediator,) = self.box.status()["multisorm"]
        found: dict[str, str] = mediator["domains"]
        return found

    def change_domain(self, name: str, **fields: Any) -> None:
        self.node.replace_domain(Change("sorm", name), **fields)


def ask(session: Any, op: str, **params: Any) -> Reply:
    reply = session.handle(Request(op, params))
    assert isinstance(reply, Reply)
    return reply


async def answer(session: Any, op: str, **params: Any) -> Reply:
    """The reply, also when it comes later."""
    reply = session.handle(Request(op, params))
    if isinstance(reply, PendingReply):
        coming: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        reply.then(coming.set_result)
        async with asyncio.timeout(20):
            return await coming
    assert isinstance(reply, Reply)
    return reply


Start = Callable[..., Any]
