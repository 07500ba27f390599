"""MultiSORM in the switch: who gets in and who does not, which domains come and go, and what they have on control."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from sorm_mediator import config
from sorm_mediator.config import ConfigError
from sorm_mediator.errors import BoxError
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.changes import domains as domain_changes
from sorm_mediator.switch.changes import sorm as sorm_changes
from sorm_mediator.switch.node import Change
from ssh_control.dialect import ClientHello, Refused, Reply, Request
from ssh_control.later import Later

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


def own(number: int, digits: str) -> dict[str, Any]:
    return {
        "object_number": number, "object_type": "own-subscriber", "number_sign": "own", "number": digits,
        "trunk": None, "category": "combined", "priority": "normal",
    }  # fmt: skip


def network(number: int, digits: str) -> dict[str, Any]:
    return own(number, digits) | {"object_type": "network-full", "number_sign": "russia"}


class Switch:
    """A box, and a mediator that asks it without SSH."""

    def __init__(self, box: SwitchBox) -> None:
        self.box = box
        self.node = box.engine.node

    def login(self, user: str = "multi", password: str = PASSWORD) -> str | None:
        return self.box._aggregates.login(user, password, PEER)

    def open(self, radius: str = SINK, user: str = "multi") -> Any:
        assert self.login(user) is None
        return self.box._aggregates.open(user, ClientHello("m", radius), PEER, lambda _: None)

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
    if isinstance(reply, Later):
        coming: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        reply.then(coming.set_result)
        async with asyncio.timeout(20):
            return await coming
    assert isinstance(reply, Reply)
    return reply


Start = Callable[..., Any]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    boxes: list[SwitchBox] = []

    async def make(*domains: dict[str, Any], **more: Any) -> Switch:
        box = SwitchBox(lab(*(domains or (CENTRAL, VOIP, LOCAL)), **more))
        boxes.append(box)
        await box.start()
        return Switch(box)

    yield make
    for box in boxes:
        await box.stop()


# --- login

NO_SINK = "the domain has no RADIUS server: nobody to report calls to"
REFUSALS = [
    pytest.param([VOIP, LOCAL], ["voip", "local"], None, id="all is well"),
    pytest.param([VOIP], ["voip", "local"], "there is no domain 'local'", id="missing"),
    pytest.param([VOIP], ["voip", "loc*"], "the pattern 'loc*' fits no domain", id="pattern that fits none"),
    pytest.param(
        [VOIP, LOCAL | {"enabled": False}], ["*"], "local: SORM is not enabled in the domain", id="disabled"
    ),
    pytest.param([VOIP, LOCAL | {"enabled": False}], ["*", "-local"], None, id="disabled, and taken out"),
    pytest.param([VOIP | {"radius_servers": []}, LOCAL], ["*"], f"voip: {NO_SINK}", id="no sink"),
    pytest.param(
        [VOIP | {"radius_servers": [{"host": "10.0.0.1", "secret": ""}]}],
        ["*"],
        "voip: its RADIUS server 10.0.0.1:1813 has no secret",
        id="no secret",
    ),
    pytest.param(
        [VOIP, domain("local", "300000", "200119"), domain("other", "200100")],
        ["*"],
        "the number 200100 is a subscriber's in voip and in other, and 1 more numbers; it must be in one domain only",
        id="clash",
    ),
    pytest.param(
        [VOIP | {"radius_servers": []}, LOCAL | {"enabled": False}],
        ["voip", "local", "nobody"],
        f"there is no domain 'nobody'; voip: {NO_SINK}; local: SORM is not enabled in the domain",
        id="all reasons at once",
    ),
]


@pytest.mark.parametrize(("domains", "wanted", "reason"), REFUSALS)
async def test_the_right_password_is_not_enough(
    domains: list[dict[str, Any]], wanted: list[str], reason: str | None
) -> None:
    assert Switch(SwitchBox(lab(*domains, wanted=tuple(wanted)))).login() == reason


async def test_a_context_for_adaptation_that_is_not_there() -> None:
    switch = Switch(SwitchBox(lab(VOIP)))
    # As when the shell sets it before the context is imported.
    switch.change_domain("voip", adaptation="for_sorm")

    assert switch.login() == "voip: adaptation: it has no context 'for_sorm'"


@pytest.mark.parametrize(
    ("user", "password", "reason"),
    [
        ("multi", "secret", None),
        ("multi", "Secret", "wrong password"),
        ("multi", "", "wrong password"),
        ("multi", "пароль", "wrong password"),
        ("nobody", "secret", "there is no such MultiSORM user, and no such domain"),
        (
            "voip",
            "1",
            "this is a domain: its port is ssh_port; this one is for MultiSORM users (ssh_port + 1)",
        ),
    ],
)
async def test_who_gets_in(user: str, password: str, reason: str | None) -> None:
    assert Switch(SwitchBox(lab(VOIP))).login(user, password) == reason


async def test_a_multisorm_user_on_the_port_of_the_domains() -> None:
    reason = SwitchBox(lab(VOIP)).login("multi", "secret", PEER)

    assert reason == "this is a MultiSORM user: its port is the next one (ssh_port + 1)"


async def test_without_a_password_nobody_gets_in() -> None:
    switch = Switch(SwitchBox(lab(VOIP)))
    (user,) = switch.node.config.aggregates
    nothing = user.model_copy(update={"password": SecretStr("")})
    switch.node.replace(Change("switch"), aggregates=(nothing,))

    assert switch.login(password="") == "the MultiSORM user has no password"


# --- hello


async def test_a_sink_that_one_domain_does_not_know(start: Start) -> None:
    switch = await start(VOIP, LOCAL | {"radius_servers": [{"host": "127.0.0.1", "port": 9}]})

    with pytest.raises(Refused, match=r"127\.0\.0\.1:1813 is no RADIUS server of local"):
        switch.open()
    assert switch.held() == {}


async def test_a_sink_that_is_written_in_two_ways(start: Start) -> None:
    switch = await start(VOIP, LOCAL | {"radius_servers": [{"host": "localhost"}]})

    with pytest.raises(Refused, match=r"in several ways by the domains: 127\.0\.0\.1:1813, localhost:1813"):
        switch.open()


async def test_settings_that_were_spoilt_between_login_and_hello(start: Start) -> None:
    switch = await start()
    switch.login()
    switch.change_domain("local", enabled=False)

    with pytest.raises(Refused, match="local: SORM is not enabled"):
        switch.box._aggregates.open("multi", ClientHello("m", SINK), PEER, lambda _: None)
    switch.node.replace(Change("switch"), aggregates=())
    with pytest.raises(Refused, match="there is no MultiSORM user multi any more"):
        switch.box._aggregates.open("multi", ClientHello("m", SINK), PEER, lambda _: None)


async def test_the_licence_counts_each_domain_once_for_a_mediator(start: Start) -> None:
    two = [{"host": "127.0.0.1", "port": 1813}, {"host": "127.0.0.1", "port": 1814}]
    domains = [one | {"radius_servers": two} for one in (CENTRAL, VOIP, LOCAL)]
    switch = await start(*domains, licence={"sorm_channels": 3})
    first, other_host = switch.open(), switch.open()
    assert switch.box.licence()["units"]["sorm_channels"]["in_use"] == 3

    with pytest.raises(Refused, match="3") as refused:
        switch.open("127.0.0.1:1814")
    assert refused.value.code == 0x31

    first.closed()
    with pytest.raises(Refused):
        switch.open("127.0.0.1:1814")
    other_host.closed()
    switch.open("127.0.0.1:1814")


async def test_the_licence_has_room_for_some_of_the_domains(start: Start) -> None:
    switch = await start(licence={"sorm_channels": 2})

    with pytest.raises(Refused):
        switch.open()
    assert switch.box.licence()["units"]["sorm_channels"]["in_use"] == 0


async def test_a_mediator_is_one_user_at_a_time(start: Start) -> None:
    switch = await start(aggregates=[
        {"user": "multi", "password": "secret", "domains": ["*"]},
        {"user": "half", "password": "secret", "domains": ["voip"]},
    ])  # fmt: skip
    session = switch.open()
    ask(session, "add", object=network(1, "73832710000"))
    with pytest.raises(Refused, match="is connected as multi already"):
        switch.open(user="half")
    with pytest.raises(Refused, match="is connected as multi already"):
        switch.alone("voip")

    session.closed()
    switch.open(user="half")
    assert switch.held() == {"voip": set()}


# --- commands


async def test_one_exchange(start: Start) -> None:
    switch = await start()
    session = switch.open()

    assert session.server_hello == {
        "switch": "emulated ECSS-10", "user": "multi", "domains": ["central", "voip", "local"],
    }  # fmt: skip
    assert ask(session, "add", object=own(1, "200100")) == Reply(True, {"line_state": 0})
    assert ask(session, "add", object=network(2, "73832710000")).ok
    assert switch.held() == {"central": {2}, "voip": {1, 2}, "local": {2}}
    assert ask(session, "services", number="300000", number_sign="own") == Reply(True, {"services": []})
    assert ask(session, "add", object=own(3, "200100")).code == 0x36
    assert ask(session, "add", object=own(1, "300000")).code == 0x33
    assert ask(session, "add", object=own(3, "999")) == Reply.refusal(
        0x54, "999 is no subscriber of central (refused by 2 more)"
    )
    assert ask(session, "join", object_number=1).ok
    assert ask(session, "change", object_number=2, category="separate", priority="high").ok
    assert ask(session, "remove", object_number=1).ok
    assert switch.held() == {"central": {2}, "voip": {2}, "local": {2}}
    assert ask(session, "clear").ok
    assert switch.held() == {"central": set(), "voip": set(), "local": set()}


async def test_all_objects_are_handed_over_in_pieces(start: Start) -> None:
    switch = await start()
    session = switch.open()

    assert ask(session, "sync", objects=[], first=False, last=True).code == 0x11
    assert ask(session, "sync", objects=[own(1, "200100")], first=True, last=False) == Reply(True)
    assert switch.held()["voip"] == set()
    reply = ask(session, "sync", objects=[own(2, "300000"), own(3, "400000")], first=False, last=True)

    assert reply.data["refused"] == [{"object_number": 3, "code": 0x54}]
    assert reply.data["line_states"] == {"1": 0, "2": 0}
    assert switch.held() == {"central": set(), "voip": {1}, "local": {2}}


async def test_many_objects_do_not_hold_up_everybody_else(start: Start) -> None:
    """The domains take them one by one, and others have their turn in between."""
    switch = await start()
    session = switch.open()
    objects = [network(number, str(7_383_000_0000 + number)) for number in range(1500)]
    reply = session.handle(Request("sync", {"objects": objects, "first": True, "last": True}))
    assert isinstance(reply, Later)

    assert (await answer(session, "sync", objects=objects[:1], first=True, last=True)).ok
    assert switch.held() == {"central": {0}, "voip": {0}, "local": {0}}


# --- domains that come and go


async def test_a_domain_that_is_declared_later_gets_what_is_on_control(start: Start, caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    switch = await start()
    session = switch.open()
    ask(session, "sync", objects=[own(1, "200100"), network(2, "7"), own(3, "400000")], first=True, last=True)

    domain_changes.declare_domain(switch.node, "later")
    assert "later is not connected: the domain has no RADIUS server" in caplog.text
    switch.change_domain("later", radius_servers=VOIP["radius_servers"])
    assert switch.held()["later"] == {2}
    domain_changes.declare_subscribers(switch.node, "later", "", "later", "400000@later", now=0.0)
    await asyncio.sleep(0)

    assert switch.held() == {"central": {2}, "voip": {1, 2}, "local": {2}, "later": {2, 3}}
    assert switch.standings()["later"] == "in step"


async def test_also_while_the_mediator_is_away(start: Start) -> None:
    switch = await start(VOIP, LOCAL | {"enabled": False}, wanted=("*", "-local*"))
    session = switch.open()
    ask(session, "add", object=network(2, "7"))
    session.closed()
    assert switch.box.status()["sessions"] == {}

    (user,) = switch.node.config.aggregates
    switch.node.replace(Change("switch"), aggregates=(user.model_copy(update={"domains": ("*",)}),))
    assert switch.held() == {"voip": {2}}
    switch.change_domain("local", enabled=True)

    assert switch.held() == {"voip": {2}, "local": {2}}
    assert switch.box.status()["sessions"] == {}
    switch.open()
    assert switch.box.status()["sessions"] == {f"{SINK} in voip": 1, f"{SINK} in local": 1}


def declare(switch: Switch, name: str, number: str) -> None:
    """A domain with one subscriber, ready for mediators at last."""
    domain_changes.declare_domain(switch.node, name)
    domain_changes.declare_subscribers(switch.node, name, "", name, f"{number}@{name}", now=0.0)
    switch.change_domain(name, radius_servers=VOIP["radius_servers"])


async def test_a_domain_whose_numbers_clash_stays_out_until_they_do_not(start: Start, caplog: Any) -> None:
    switch = await start(VOIP)
    session = switch.open()
    ask(session, "add", object=network(2, "7"))
    declare(switch, "local", "200100")

    assert "local is not connected: the number 200100 is a subscriber's in voip and in local" in caplog.text
    assert switch.held() == {"voip": {2}}
    domain_changes.remove_subscribers(switch.node, "local", "200100")
    assert switch.held() == {"voip": {2}, "local": {2}}


async def test_a_number_that_comes_to_be_in_two_domains(start: Start, caplog: Any) -> None:
    """Nobody is disconnected for it, but nobody gets in any more."""
    switch = await start()
    switch.open()
    domain_changes.declare_subscribers(switch.node, "local", "", "local", "200119@local", now=0.0)
    await asyncio.sleep(0)

    clash = "the number 200119 is a subscriber's in local and in voip; it must be in one domain only"
    assert clash in caplog.text
    assert set(switch.standings()) == {"central", "voip", "local"}
    assert (
        switch.login()
        == "the number 200119 is a subscriber's in voip and in local; it must be in one domain only"
    )


async def test_a_domain_beyond_the_licence_stays_out(start: Start, caplog: Any) -> None:
    switch = await start(VOIP, licence={"sorm_channels": 1})
    switch.open()
    declare(switch, "local", "300000")

    assert "local is not connected: licence 1 allows 1 connections" in caplog.text
    assert switch.standings() == {"voip": "in step"}


async def test_a_domain_that_is_disabled_controls_nothing_more(start: Start, caplog: Any) -> None:
    switch = await start()
    session = switch.open()
    ask(session, "add", object=network(2, "7"))
    switch.change_domain("local", enabled=False)

    assert "local is no longer connected: SORM is not enabled in the domain" in caplog.text
    assert switch.held() == {"central": {2}, "voip": {2}}
    assert ask(session, "add", object=own(3, "300000")).code == 0x54
    switch.change_domain("local", enabled=True)
    assert switch.held() == {"central": {2}, "voip": {2}, "local": {2}}


async def test_a_domain_that_is_removed_and_declared_anew(start: Start) -> None:
    switch = await start()
    session = switch.open()
    ask(session, "add", object=network(2, "7"))
    before = switch.node.domains["local"]
    domain_changes.remove_domain(switch.node, "local")
    assert set(switch.standings()) == {"central", "voip"}
    domain_changes.declare_domain(switch.node, "local")
    switch.change_domain("local", radius_servers=VOIP["radius_servers"])

    assert switch.node.domains["local"] is not before
    assert switch.held()["local"] == {2}


async def test_a_user_that_is_removed_takes_its_objects_with_it(start: Start, caplog: Any) -> None:
    switch = await start()
    session = switch.open()
    ask(session, "add", object=network(2, "7"))
    switch.node.replace(Change("switch"), aggregates=())

    assert switch.held() == {}
    assert switch.box.status()["multisorm"] == []
    assert "local is no longer connected: its MultiSORM user was removed" in caplog.text
    session.closed()
    assert switch.box.status()["sessions"] == {}


# --- slow and dead domains


async def test_a_dead_domain(start: Start) -> None:
    switch = await start(multisorm_timeout=0.05)
    session = switch.open()
    switch.box.fault("local", "dead", 0)

    assert ask(session, "add", object=own(1, "200100")).ok
    assert (await answer(session, "add", object=own(2, "300000"))).code == 0x01
    assert ask(session, "add", object=own(2, "300000")) == Reply.refusal(
        0x01, "local does not answer (refused by 2 more)"
    )
    assert switch.standings() == {"central": "in step", "voip": "in step", "local": "silent"}
    assert switch.box.status()["faults"] == {"local": {"answer": "dead", "delay": 0.0}}


async def test_a_slow_domain_is_waited_for_and_keeps_the_order(start: Start) -> None:
    switch = await start()
    session = switch.open()
    switch.box.fault("local", "slow", 0.02)
    replies = await asyncio.gather(
        answer(session, "add", object=own(2, "300000")),
        answer(session, "change", object_number=2, category="separate", priority="high"),
        answer(session, "remove", object_number=2),
    )

    assert [reply.ok for reply in replies] == [True, True, True]
    assert switch.held()["local"] == set()


async def test_what_waits_is_done_when_the_fault_ends(start: Start) -> None:
    switch = await start()
    session = switch.alone("local")
    switch.box.fault("local", "slow", 3600)
    later = session.handle(Request("add", {"object": own(2, "300000")}))
    assert isinstance(later, Later)
    assert switch.held() == {}
    coming = asyncio.create_task(answer(session, "ping"))
    await asyncio.sleep(0)
    switch.box.fault("local", "clear", 0)
    await coming

    assert later.reply == Reply(True, {"line_state": 0})
    assert ask(session, "remove", object_number=2).ok


async def test_a_dead_domain_alone_answers_nothing(start: Start) -> None:
    switch = await start()
    session = switch.alone("local")
    switch.box.fault("local", "dead", 0)

    assert session.handle(Request("ping", {})) is None
    switch.box.fault("local", "clear", 0)
    assert ask(session, "ping").ok


# --- the second port


async def test_the_second_port_opens_and_closes_with_its_users() -> None:
    box = SwitchBox(config.parse({"switch": {"ssh_port": 0, "domains": [VOIP]}}))
    assert set(await box.start()) == {"ssh"}
    try:
        sorm_changes.add_aggregate(box.engine.node, "multi", "secret", ("*",))
        port = box._multisorm.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(20):
            assert (await reader.readline()).startswith(b"SSH-2.0")
        writer.close()
        sorm_changes.remove_aggregate(box.engine.node, "multi")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    finally:
        await box.stop()


async def test_no_port_is_left() -> None:
    box = SwitchBox(lab(VOIP))
    box.engine.node.config = box.engine.node.config.model_copy(update={"ssh_port": 65535})

    with pytest.raises(BoxError, match="65535 leaves no port for MultiSORM"):
        await box.start()


@pytest.mark.parametrize(
    ("domains", "told"),
    [
        (["a**"], r"aggregates\.0\.domains: 'a\*\*' has \* more than once"),
        ([], r"aggregates\.0\.domains: no domain is named"),
        (["-a"], "no domain is named"),
    ],
)
def test_a_list_of_domains_that_can_not_be_meant(domains: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        lab(VOIP, wanted=tuple(domains))
