"""Administrators of domains: what they may do, and what is refused (ECSS-10 manual, Internal protocol)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import CallRequest
from sorm_mediator.switch.shell.session import ShellSession, commands

V, C = "domain/voip.local", "domain/central_voip"


@dataclass
class Petrov:
    """At the shell as an administrator of voip.local alone; ``whole``: somebody with all rights."""

    shell: ShellSession
    whole: Any

    def gets(self, line: str) -> str:
        entered = self.shell.enter(line)
        assert not entered.error, entered.error
        return entered.text

    def is_refused(self, line: str) -> str:
        before = self.whole.node.config
        said = self.shell.enter(line).error
        assert said.startswith("Error: ")
        assert self.whole.node.config is before
        return said.removeprefix("Error: ").rstrip("\n")


@pytest.fixture
def petrov(typist: Any) -> Petrov:
    return Petrov(ShellSession(typist.context, "petrov", ("voip.local",)), typist)


def test_an_administrator_sets_up_the_own_domain(petrov: Petrov) -> None:
    assert petrov.shell.prompt.startswith("petrov@mycelium1@")
    assert petrov.gets(f"{V}/sorm/set private_phone_prefix 7").startswith("OK")
    assert petrov.whole.node.domains["voip.local"].config.private_phone_prefix == "7"
    assert "200100" in petrov.gets(f"{V}/sip/user/list")


def test_another_domain_needs_its_right(petrov: Petrov) -> None:
    assert petrov.is_refused(f"{C}/sorm/set enabled false") == (
        "domain/<D>/sorm/set needs ecss-central_voip-domain-admin; petrov has: ecss-voip.local-domain-admin"
    )
    petrov.is_refused(f"{C}/sorm/info --secrets")


@pytest.mark.parametrize("command", ["np/numbers/list", "trunk/sip/remove", "routing/remove"])
def test_completion_tells_nothing_of_another_domain(petrov: Petrov, command: str) -> None:
    def offered(domain: str, shell: ShellSession) -> list[str]:
        line = f"{domain}/{command} "
        completed, _, names = shell.complete(line, len(line))
        return names or [completed.removeprefix(line).strip()]

    assert offered(C, petrov.shell) == [""]
    assert offered(C, petrov.whole.shell) != [""]
    assert offered(V, petrov.shell) == offered(V, petrov.whole.shell)


@pytest.mark.parametrize(
    "line",
    [
        "domain/declare x.y",
        "domain/remove voip.local",
        "sorm/info --secrets",
        "sorm/set ssh_port 7000",
        "sorm/set aggregate_sorm_settings add u p voip.local",
        "bridge/remove c2v",
        "cluster/storage/ds1/licence/delete 1",
        "config/save",
    ],
)
def test_the_whole_switch_needs_its_user(petrov: Petrov, line: str) -> None:
    assert petrov.is_refused(line).endswith(
        "needs the user of switch.admin; petrov has: ecss-voip.local-domain-admin"
    )


def test_every_command_is_of_a_domain_or_of_the_switch_or_for_everyone() -> None:
    everyone = {command.path for command in commands() if command.for_everyone and not command.quiet}
    assert everyone == {"domain/list", "call/list", "call/answer", "call/release", "call/service"}


def test_the_rights_are_shown(petrov: Petrov) -> None:
    assert "│ecss-voip.local-domain-admin│" in petrov.gets("rights")
    everything = petrov.whole.gets("rights")
    assert "│switch.admin: the whole switch│" in everything
    assert "│ecss-central_voip-domain-admin│" in everything


def test_the_lists_show_what_is_the_administrators_own(petrov: Petrov) -> None:
    assert "voip.local" in petrov.gets("domain/list")
    assert "central_voip" not in petrov.gets("domain/list")
    assert "central_voip" in petrov.whole.gets("domain/list")


def lab(**more: Any) -> config.Config:
    domains = [
        {"name": name, "subscribers": [{"number": "1"}, {"number": "2"}]} for name in ("a.city", "b.city")
    ]
    admins = [{"user": "petrov", "password": "secret", "domains": ["a.city"]}]
    switch = {"ssh_port": 0, "domains": domains, "admins": admins}
    return config.parse({"switch": switch | more})


async def test_calls_of_other_domains_are_not_driven() -> None:
    box = SwitchBox(lab())
    await box.start()
    try:
        own = box.place_call("a.city", CallRequest(a="1", b="2", ring=60))
        other = box.place_call("b.city", CallRequest(a="1", b="2", ring=60))
        shell = box._shell("petrov")
        assert shell is not None
        listed = shell.enter("call/list").text
        assert own.id in listed
        assert other.id not in listed
        assert shell.enter(f"call/answer {other.id}").error == (
            f"Error: call {other.id} is one of b.city: that needs ecss-b.city-domain-admin\n"
        )
        assert "talking" in shell.enter(f"call/answer {own.id}").text or own.conversing
        assert not other.conversing
    finally:
        await box.stop()


def test_who_is_let_in() -> None:
    box = SwitchBox(lab())
    assert box.login("petrov", "secret", "192.0.2.1:1") is None
    assert box.login("petrov", "guess", "127.0.0.1:1") == "wrong password"
    assert box._shell("a.city") is None
    assert box._keys("petrov") == frozenset()


@pytest.mark.parametrize(
    ("admin", "told"),
    [
        (
            {"user": "a.city", "password": "p", "domains": ["a.city"]},
            "is the name of a domain and an administrator of domains",
        ),
        (
            {"user": "admin", "password": "p", "domains": ["a.city"]},
            "is the user of the shell .* and an administr",
        ),
        ({"user": "u", "password": "", "domains": ["a.city"]}, r"admins\.0\.password"),
        ({"user": "u", "password": "p", "domains": []}, r"admins\.0\.domains"),
    ],
)
def test_an_administrator_that_can_not_be(admin: dict[str, Any], told: str) -> None:
    with pytest.raises(config.ConfigError, match=told):
        lab(admins=[admin])
