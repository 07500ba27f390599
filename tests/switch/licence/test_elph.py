"""Elph licences: ten registrations by default, one for each device, in the words of the switch's shell.

Source: ECSS-10 manual, Elph licences.
"""

from __future__ import annotations

import httpx
import pytest

from sorm_mediator import config
from sorm_mediator.lab.lab import Lab
from sorm_mediator.switch.calls.call import CallRefused
from sorm_mediator.switch.changes.domains import deactivate_subscribers, remove_subscribers
from sorm_mediator.switch.elph import ElphRegistrations
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.session import ShellSession
from tests.switch.conftest import START

MEMBERS = "elph.members"


def document(**limits: int) -> config.Config:
    domains = [
        {
            "name": "one",
            "subscribers": [{"number": "101"}, {"number": "102"}, {"number": "109", "active": False}],
        },
        {"name": "two", "subscribers": [{"number": "201"}]},
    ]
    return config.parse(
        {"switch": {"ssh_port": 0, "domains": domains, "licence": {"limits": limits}}, "web": {"port": 0}}
    )


class Switch:
    """A switch's registrations, and somebody at its shell."""

    def __init__(self, **limits: int) -> None:
        switch = document(**limits).switch
        assert switch is not None
        self.node, self.now = Node(switch), START
        self.elph = ElphRegistrations(self.node)
        context = ShellContext(node=self.node, clock=lambda: self.now, stopwatch=lambda: 0.0, elph=self.elph)
        self.shell = ShellSession(context)

    def types(self, line: str) -> list[list[str]]:
        """The cells of the table that a line shows."""
        outcome = self.shell.enter(line)
        assert not outcome.error, outcome.error
        rows = [row for row in outcome.text.splitlines() if row.startswith("│")]
        return [[cell.strip() for cell in row.strip("│").split("│")] for row in rows[1:]]

    def is_refused(self, line: str) -> str:
        return self.shell.enter(line).error.removeprefix("Error: ").rstrip("\n")

    @property
    def used(self) -> int:
        return len(self.elph.registered(self.now))


def test_ten_registrations_are_there_by_default_whatever_the_platform() -> None:
    switch = Switch()
    for index in range(10):
        client = ("desktop", "android", "ios")[index % 3]
        switch.types(f"domain/one/sip/user/elph-register 101 {client} phone-{index}")

    assert switch.is_refused("domain/two/sip/user/elph-register 201 ios phone") == (
        "licence 1 allows 10 registrations of Elph clients, and 10 are in use; cancel one, wait until one expires, "
        "or add a licence"
    )


def test_one_client_on_two_devices_uses_two_until_one_expires_or_is_cancelled() -> None:
    switch = Switch(**{MEMBERS: 2})
    switch.types("domain/one/sip/user/elph-register 101 android mobile --expires 60")
    switch.types("domain/one/sip/user/elph-register 101 desktop laptop")
    assert "allows 2 registrations" in switch.is_refused("domain/one/sip/user/elph-register 102 ios other")

    switch.now += 60
    switch.types("domain/one/sip/user/elph-register 102 ios other")
    assert switch.used == 2
    switch.types("domain/one/sip/user/elph-cancel 101 laptop")

    assert switch.used == 1
    assert (
        switch.is_refused("domain/one/sip/user/elph-cancel 101 laptop") == "laptop of 101 is not registered"
    )


def test_a_device_that_registers_again_renews_its_registration() -> None:
    switch = Switch(**{MEMBERS: 1})
    switch.types("domain/one/sip/user/elph-register 101 android mobile --expires 60")
    switch.now += 50

    switch.types("domain/one/sip/user/elph-register 101 android mobile --expires 60")
    switch.now += 50

    assert switch.used == 1


def test_the_usage_of_the_switch_and_of_its_domains() -> None:
    switch = Switch()
    switch.types("domain/one/sip/user/elph-register 101 android mobile")
    switch.types("domain/two/sip/user/elph-register 201 ios tablet")
    switch.types("domain/two/sip/user/elph-register 201 desktop laptop")

    assert switch.types("system/licence/elph/usage") == [["(all)", "3", "10"]]
    assert switch.types("system/licence/elph/usage --domains") == [
        ["(all)", "3", "10"], ["one", "1", ""], ["two", "2", ""],
    ]  # fmt: skip


def test_the_registered_clients_of_a_domain() -> None:
    switch = Switch()
    switch.types("domain/two/sip/user/elph-register 201 ios tablet --expires 90")
    switch.types("domain/one/sip/user/elph-register 102 desktop laptop")
    switch.types("domain/one/sip/user/elph-register 101 android mobile")

    assert switch.types("domain/one/sip/user/elph-registered *") == [
        ["101", "mobile", "android", "3600 s"], ["102", "laptop", "desktop", "3600 s"],
    ]  # fmt: skip
    assert switch.types("domain/two/sip/user/elph-registered 201") == [["201", "tablet", "ios", "90 s"]]
    assert switch.types("domain/two/sip/user/elph-registered 202") == []


def test_a_registration_ends_with_its_subscriber() -> None:
    switch = Switch()
    for number in ("101", "102"):
        switch.types(f"domain/one/sip/user/elph-register {number} ios phone")

    remove_subscribers(switch.node, "one", "101")
    assert switch.used == 1
    deactivate_subscribers(switch.node, "one", "102")

    assert switch.used == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("elph-register 103 ios phone", "103 is not a subscriber of one"),
        ("elph-register 109 ios phone", "109 is not active"),
        ("elph-register 101 linux phone", "CLIENT: 'linux' is not allowed: desktop, android, ios"),
        ("elph-register 101 ios phone --expires 0", "--expires: '0' is not allowed: 1 to 2147483647"),
    ],
)
def test_what_can_not_register(line: str, said: str) -> None:
    assert Switch().is_refused(f"domain/one/sip/user/{line}") == said


def test_no_such_domain() -> None:
    with pytest.raises(CallRefused, match="there is no domain 'three'"):
        Switch().elph.register("three", "1", "ios", "phone", START)


async def test_devices_register_over_http() -> None:
    async with (
        Lab(document(**{MEMBERS: 1}), boxes="switch") as lab,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1/switch/", trust_env=False) as http,
    ):
        first = {"number": "101", "client": "ios", "device": "phone"}
        answers = [
            await http.post("domains/one/elph", json=first),
            await http.post(
                "domains/two/elph", json={"number": "201", "client": "android", "device": "mobile"}
            ),
            await http.get("domains/one/elph"),
            await http.get("licence"),
            await http.delete("domains/one/elph/101/phone"),
            await http.delete("domains/one/elph/101/phone"),
            await http.get("domains/three/elph"),
        ]

    assert [answer.status_code for answer in answers] == [201, 503, 200, 200, 204, 404, 404]
    (listed,) = answers[2].json()
    assert (listed["number"], listed["device"], listed["client"]) == ("101", "phone", "ios")
    assert listed["until"] - listed["since"] == 3600
    assert answers[3].json()["units"][MEMBERS] == {"in_use": 1, "limit": 1}
