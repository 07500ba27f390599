"""MultiSORM in the switch: what is asked of all domains, and which domains come and go."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncssh
import pytest

from sorm_mediator import config
from sorm_mediator.errors import BoxError
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.changes import domains as domain_changes
from sorm_mediator.switch.changes import sorm as sorm_changes
from sorm_mediator.switch.mediators.session import MediatorSession
from sorm_mediator.switch.node import Change
from ssh_control.dialect import PendingReply, Reply, Request
from tests.objects import network, own
from tests.switch.mediators.multisorm_lab import (
    LOCAL,
    SINK,
    VOIP,
    Start,
    Switch,
    answer,
    ask,
    domain,
    lab,
)

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
    assert ask(session, "add", object=own(1, "300000")).code == 0x33
    assert ask(session, "add", object=own(3, "999")) == Reply.refusal(
        0x54, "999 is not a subscriber of central (refused by 2 more)"
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
    assert isinstance(reply, PendingReply)

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
    assert set(switch.box.status()["multisorm"][0]["not_connected"]) == {"local"}
    assert switch.held() == {"voip": {2}}
    domain_changes.remove_subscribers(switch.node, "local", "200100")
    assert switch.held() == {"voip": {2}, "local": {2}}


async def test_nobody_is_told_of_a_domain_that_is_gone(start: Start) -> None:
    switch = await start(VOIP)
    switch.open()
    domain_changes.declare_domain(switch.node, "local")
    domain_changes.remove_domain(switch.node, "local")

    assert switch.box.status()["multisorm"][0]["not_connected"] == {}


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
    assert isinstance(later, PendingReply)
    assert switch.held() == {}
    coming = asyncio.create_task(answer(session, "ping"))
    await asyncio.sleep(0)
    switch.box.fault("local", "clear", 0)
    await coming

    assert later.reply == Reply(True, {"line_state": 0})
    assert ask(session, "remove", object_number=2).ok


async def test_what_a_slow_domain_does_late_is_not_done_for_who_has_left(start: Start) -> None:
    switch = await start()
    session = switch.open()
    switch.box.fault("local", "slow", 3600)
    session.handle(Request("add", {"object": own(2, "300000")}))
    switch.change_domain("local", enabled=False)
    nobody = MediatorSession(switch.node.domains["local"], "nobody", lambda: None, lambda _: None)
    behind = asyncio.create_task(answer(switch.box._faults.delayed(nobody), "ping"))
    await asyncio.sleep(0)
    switch.box.fault("local", "clear", 0)
    await behind

    assert switch.held() == {"central": set(), "voip": set()}


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


async def test_a_second_port_that_failed_opens_with_the_next_change(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(**_: Any) -> Any:
        raise OSError(24, "Too many open files")

    box = SwitchBox(config.parse({"switch": {"ssh_port": 0, "domains": [VOIP]}}))
    await box.start()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(asyncssh, "listen", fails)
            sorm_changes.add_aggregate(box.engine.node, "multi", "secret", ("*",))
            assert box._multisorm._moving is not None
            await box._multisorm._moving
        assert box.status()["multisorm_ssh"]["moves failed"] == 1
        sorm_changes.add_aggregate(box.engine.node, "other", "secret", ("*",))
        await box._multisorm._moving
        reader, writer = await asyncio.open_connection("127.0.0.1", box._multisorm.port)
        async with asyncio.timeout(20):
            assert (await reader.readline()).startswith(b"SSH-2.0")
        writer.close()
    finally:
        await box.stop()


async def test_no_port_is_left() -> None:
    box = SwitchBox(lab(VOIP))
    box.engine.node.config = box.engine.node.config.model_copy(update={"ssh_port": 65535})

    with pytest.raises(BoxError, match="65535 leaves no port for MultiSORM"):
        await box.start()


async def test_a_trunk_that_is_renamed_in_one_of_the_domains(start: Start) -> None:
    city = domain("central", trunks=[{"number": 1, "name": "city"}])
    other = domain("other", trunks=[{"number": 1, "name": "far"}])
    switch = await start(city, VOIP, other, aggregates=[
        {"user": "multi", "password": "secret", "domains": ["central", "voip"]},
    ])  # fmt: skip
    session = switch.open()
    switch.box.rename_trunk("central", 1, "suburb")
    switch.box.rename_trunk("other", 1, "farther")
    assert switch.events == [{"event": "trunk-renamed", "trunk": 1, "name": "suburb"}]
    assert ask(session, "trunks", trunk=1) == Reply(True, {"trunks": [{"trunk": 1, "name": "suburb"}]})
    session.closed()
    switch.box.rename_trunk("central", 1, "city")
    assert len(switch.events) == 1
