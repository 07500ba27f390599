"""Somebody comes in the name of a mediator that is connected."""

from __future__ import annotations

from typing import Any

import pytest

from sorm_mediator.config import parse
from sorm_mediator.switch.box import SwitchBox
from ssh_control.dialect import ClientHello, Refused, Reply, Request
from tests.objects import own

SINK = "127.0.0.1:1813"
SUBSCRIBERS = [{"number": "28331"}]
OBJECT = own(1)
NOTHING = Request("sync", {"objects": [], "first": True, "last": True})


class Bench:
    """A switch, and what the mediators are told."""

    def __init__(self, **switch: Any) -> None:
        domain = {"name": "d", "password": "1", "subscribers": SUBSCRIBERS}
        servers = [{"host": "127.0.0.1", "port": 1813}, {"host": "127.0.0.1", "port": 1814}]
        many = [{"user": "multi", "password": "1", "domains": ["d"]}]
        self.box = SwitchBox(
            parse(
                {"switch": switch | {"domains": [domain | {"radius_servers": servers}], "aggregates": many}}
            )
        )

    def open(self, name: str, host: str = "10.0.0.1", radius: str = SINK, user: str = "d") -> Any:
        told: list[dict[str, Any]] = []
        backend: Any = self.box._aggregates if user == "multi" else self.box
        session = backend.open(user, ClientHello(name, radius), f"{host}:4000", told.append)
        return session, told

    def objects(self) -> int:
        return len([*self.box.engine.domains["d"].tables[SINK]])


@pytest.mark.parametrize(
    ("name", "host"), [("orm-2.b", "10.0.0.1"), ("orm-1.a", "10.0.0.2"), ("orm-2.b", "10.0.0.2")]
)
def test_another_gateway_in_the_name_of_one_that_is_connected_is_refused(name: str, host: str) -> None:
    bench = Bench()
    session, told = bench.open("orm-1.a")
    assert session.handle(Request("add", {"object": OBJECT})) == Reply(True, {"line_state": 0})
    with pytest.raises(Refused, match=r"127\.0\.0\.1:1813 is connected already, from 10\.0\.0\.1"):
        bench.open(name, host)
    assert told == [{"event": "second-session", "mediator": name, "peer": f"{host}:4000", "admitted": False}]
    assert bench.objects() == 1
    assert bench.box.status()["counters"]["second sessions refused"] == 1
    session.closed()
    other, _ = bench.open(name, host)
    other.handle(NOTHING)
    assert bench.objects() == 0


def test_the_same_gateway_that_comes_back_before_its_old_connection_has_ended_is_let_in() -> None:
    bench = Bench()
    first, told = bench.open("orm-1.a")
    second, _ = bench.open("orm-1.a")
    assert [event["admitted"] for event in told] == [True]
    first.closed()
    second.closed()
    bench.open("orm-2.b")


def test_refused_by_option_whoever_it_is() -> None:
    bench = Bench(second_session="refuse")
    _, told = bench.open("orm-1.a")
    with pytest.raises(Refused):
        bench.open("orm-1.a")
    assert [event["admitted"] for event in told] == [False]


def test_a_gateway_with_a_sink_of_its_own_is_no_second_one() -> None:
    bench = Bench()
    _, told = bench.open("orm-1.a")
    bench.open("orm-2.b", "10.0.0.2", "127.0.0.1:1814")
    assert told == []


async def test_a_multisorm_user_is_protected_too() -> None:
    bench = Bench()
    session, told = bench.open("orm-1.a", user="multi")
    with pytest.raises(Refused, match="is connected already"):
        bench.open("orm-2.b", "10.0.0.2", user="multi")
    assert [event["admitted"] for event in told] == [False]
    session.closed()
    bench.open("orm-2.b", "10.0.0.2", user="multi")
