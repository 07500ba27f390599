"""Who is let in as a mediator, and why not: one domain or many, at login and at the hello."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from sorm_mediator.config import ConfigError
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.node import Change
from ssh_control.dialect import ClientHello, Refused
from tests.objects import network
from tests.switch.mediators.multisorm_lab import (
    CENTRAL,
    LOCAL,
    PEER,
    SINK,
    VOIP,
    Start,
    Switch,
    ask,
    domain,
    lab,
)

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
        "the number 200100 is a subscriber's in voip and in other, and 1 more number; it must be in one domain only",
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


async def test_a_domain_that_was_disabled_between_login_and_hello(start: Start) -> None:
    switch = await start()
    assert switch.box.login("voip", "1", PEER) is None
    switch.change_domain("voip", enabled=False)

    with pytest.raises(Refused, match="SORM is not enabled in voip any more"):
        switch.alone("voip")
    assert switch.box.status()["sessions"] == {}


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


async def test_a_mediator_of_one_domain_that_comes_for_many(start: Start) -> None:
    switch = await start(wanted=("voip", "local"))
    alone = switch.alone("central")
    ask(alone, "add", object=network(1, "73832710000"))
    with pytest.raises(Refused, match=r"127\.0\.0\.1:1813 is connected to central alone already"):
        switch.open()
    assert switch.held() == {"central": {1}}

    alone.closed()
    switch.open()
    assert switch.held() == {"voip": set(), "local": set()}


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
