"""Does the lab's own switch let the lab's own mediator in? Told from the file, before anything is started."""

from __future__ import annotations

from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.lab.checks import check_routing
from sorm_mediator.lab.lab import on_free_ports

OWN = {"host": "127.0.0.1", "port": 1813, "secret": "2testing123"}
ONE: dict[str, Any] = {"name": "one", "password": "123", "subscribers": [{"number": "55000"}]}
TWO: dict[str, Any] = {"name": "two", "password": "123", "subscribers": [{"number": "66000"}]}
BOTH = {"user": "both", "password": "pw", "domains": ["*"]}


def warnings(*domains: dict[str, Any], **tables: Any) -> tuple[str, ...]:
    ssh = {"port": 0, "user": "both", "password": "pw"} | tables.pop("ssh", {})
    switch = {"domains": domains, "aggregates": [BOTH]}
    return check_routing(config.parse({"ssh": ssh, "switch": switch, **tables}), "lab.toml")


def test_a_mediator_that_is_let_in_is_nothing_to_tell() -> None:
    assert warnings(ONE, TWO) == ()
    assert warnings(ONE, TWO, ssh={"user": "one", "password": "123"}) == ()
    both = {"radius_servers": [OWN]}
    assert warnings(ONE | both, TWO | both, radius={"host": "0.0.0.0"}) == ()  # noqa: S104


@pytest.mark.parametrize(
    ("second", "ssh", "why"),
    [
        (TWO, {"password": "no"}, "wrong password"),
        (TWO, {"user": "one", "password": "no"}, "wrong password"),
        (TWO, {"user": "x"}, "there is no such MultiSORM user, and no such domain"),
        (TWO | {"enabled": False}, {}, "two: SORM is not enabled in the domain"),
        (
            TWO | {"subscribers": [{"number": "55000"}]},
            {},
            "the number 55000 is a subscriber's in one and in two; it must be in one domain only",
        ),
        (
            TWO | {"radius_servers": [OWN | {"port": 1814}]},
            {},
            "127.0.0.1:1813, the mediator's [radius], is no RADIUS server of two",
        ),
    ],
)
def test_one_that_is_not_let_in_is_told_with_the_reason(
    second: dict[str, Any], ssh: dict[str, Any], why: str
) -> None:
    user = ssh.get("user", "both")
    assert warnings(ONE, second, ssh=ssh) == (f"ssh.user: the switch does not let {user!r} in: {why}",)


OLD: dict[str, Any] = {"name": "one", "password": "123", "sorm_user": "sorm1"}


def test_before_3_4_2_a_domain_has_a_user_of_its_own() -> None:
    assert warnings(OLD, ssh={"user": "sorm1", "password": "123", "switch_version": "3.3"}) == ()
    (told,) = warnings(OLD, ssh={"user": "one", "password": "123", "switch_version": "3.3"})
    assert "its mediators have a user of their own (sorm_user), as in a switch before 3.4.2" in told


@pytest.mark.parametrize("version", ["3.4", "3.5.0"])
def test_since_3_4_2_the_user_is_the_name_of_the_domain(version: str) -> None:
    ssh = {"password": "123", "switch_version": version}
    assert warnings(ONE, ssh=ssh | {"user": "one"}) == ()
    (told,) = warnings(OLD, ssh=ssh | {"user": "sorm1"})
    assert told.startswith(f"ssh.switch_version: {version}, and since 3.4.2 ssh.user is the domain's name")


def test_a_version_before_3_4_2_needs_a_user_of_its_own() -> None:
    (told,) = warnings(ONE, ssh={"user": "one", "password": "123", "switch_version": "3.3"})
    assert told.startswith("ssh.switch_version: 3.3, and before 3.4.2 ssh.user is a name of its own")


def test_the_user_of_a_domain_is_the_name_of_nothing_else() -> None:
    with pytest.raises(
        config.ConfigError, match="'both' is the user of a domain's mediators and a MultiSORM user"
    ):
        warnings(ONE | {"sorm_user": "both"})


def test_a_switch_without_domains_and_another_switch_are_not_asked() -> None:
    assert check_routing(config.parse({"ssh": {"user": "multi"}, "switch": {}}), "lab.toml") == ()
    assert warnings(ONE, TWO, ssh={"port": 7790, "password": "no"}) == ()
    assert warnings(ONE, TWO, ssh={"server": "192.0.2.1", "port": 7777, "password": "no"}) == ()


def test_on_free_ports_a_domain_still_knows_the_mediator_that_it_names() -> None:
    elsewhere = OWN | {"host": "192.0.2.7"}
    lab = config.parse(
        {
            "ssh": {"port": 0, "user": "both", "password": "pw"},
            "switch": {
                "domains": [ONE | {"radius_servers": [OWN]}, TWO | {"radius_servers": [elsewhere]}],
                "aggregates": [BOTH],
            },
        }
    )
    free = on_free_ports(lab)

    assert free.switch is not None
    known = [domain.radius_servers for domain in free.switch.domains]
    assert known[0] is None
    assert known[1] is not None
    assert known[1][0].host == "192.0.2.7"


@pytest.mark.parametrize(
    ("server", "radius", "switch", "told"),
    [
        ({"secret": "own-secret"}, {"secret": "other"}, {},
         "radius.secret, which the mediator of this file has for 127.0.0.1"),
        ({"secret": "own-secret"}, {"secret": "own-secret"}, {}, ""),
        ({"secret": "own"}, {"clients": {"127.0.0.0/8": "own"}}, {}, ""),
        ({"secret": "own"}, {"secret": "own", "clients": {"127.0.0.2": "that"}}, {}, ""),
        ({"secret": "own"}, {"secret": "own", "clients": {"127.0.0.2": "that"}}, {"host": "127.0.0.2"},
         'radius.clients."127.0.0.2", which the mediator of this file has for 127.0.0.2'),
        ({"secret": "own", "port": 1899}, {"secret": "other"}, {}, ""),
    ],
)  # fmt: skip
def test_a_secret_that_the_mediator_of_the_file_does_not_have_is_told_without_it(
    server: dict[str, Any], radius: dict[str, Any], switch: dict[str, Any], told: str
) -> None:
    one = ONE | {"radius_servers": [OWN | server]}
    tables = {"radius": radius, "switch": {"domains": [one], **switch}}
    (*found,) = check_routing(config.parse(tables), "lab.toml")
    wanted = f"switch.domains.0.radius_servers.0.secret: differs from {told}" if told else ""
    assert [line.partition(", so")[0] for line in found] == ([wanted] if told else [])
    assert "own-secret" not in str(found)


def test_the_secret_of_a_client_that_a_domain_without_servers_does_not_use_is_told() -> None:
    (found,) = check_routing(
        config.parse({"radius": {"clients": {"127.0.0.1": "that"}}, "switch": {"domains": [ONE]}}), "lab.toml"
    )
    assert found.startswith('radius.clients."127.0.0.1": differs from radius.secret, which one signs')
