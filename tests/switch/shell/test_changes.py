"""What a change does to the switch that runs, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sorm_mediator.switch.node import Change
from sorm_mediator.switch.shell.session import ShellSession

V = "domain/voip.local"
TRACE = f"{V}/routing/trace cgpn.digits=200100 cdpn.digits=200119"


def test_a_parameter_counts_from_the_next_call_on(typist: Any) -> None:
    assert '{sorm_digits_a,"200100"}' in typist.gets(TRACE)
    typist.gets(f"{V}/sorm/set private_phone_prefix 0")
    assert '{sorm_digits_a,"0200100"}' in typist.gets(TRACE)
    typist.gets(f"{V}/sorm/clean private_phone_prefix")
    assert '{sorm_digits_a,"200100"}' in typist.gets(TRACE)


def test_every_parameter_is_set_and_cleaned(typist: Any) -> None:
    domain = typist.node.domains["voip.local"]
    before = domain.config
    values = {
        "adaptation": "to_city", "b_digits_mode": "route", "enabled": "false", "full_dial_number": "true",
        "password": "p", "platform_id": "999", "private_phone_prefix": "0", "send_optional_cf_notification": "false",
        "strict_intercity_numbers": "true", "strict_private_numbers": "true",
    }  # fmt: skip
    for name, value in values.items():
        typist.gets(f"{V}/sorm/set {name} {value}")
        assert getattr(domain.config, name) != getattr(before, name)
        assert typist.told[-1] == Change("sorm", "voip.local")
    typist.gets(
        f"{V}/sorm/set radius_servers add 127.0.0.1 s", f"{V}/sorm/set radius_servers add [::1]:1814 t"
    )
    assert [(one.host, one.port) for one in domain.config.radius_servers] == [
        ("127.0.0.1", 1813),
        ("::1", 1814),
    ]
    left = typist.gets(
        f"{V}/sorm/set radius_servers remove [::1]:1814", f"{V}/sorm/set radius_servers remove 127.0.0.1"
    )
    assert "Note: voip.local has no RADIUS server any more: no mediator can log in to it" in left
    assert domain.config.radius_servers == ()
    for name in [*values, "radius_servers"]:
        typist.gets(f"{V}/sorm/clean {name}")
    assert domain.config == before
    assert domain.config in typist.node.config.domains


def test_numbers_that_keep_a_multisorm_user_out(typist: Any) -> None:
    declared = "domain/local.voip/sip/user/declare default_routing voip.local 200100@voip.local"
    assert typist.gets(declared).splitlines()[:3] == [
        "OK",
        "Note: 200100@voip.local is named as one of voip.local, and is declared in local.voip; "
        "if voip.local was meant: sip/user/remove it here, then domain/voip.local/sip/user/declare",
        "Note: the number 200100 is a subscriber's in voip.local and in local.voip; it must be in one domain only: "
        "until then multi can't log in",
    ]
    told = typist.gets("sorm/set aggregate_sorm_settings add other p *")
    assert "it must be in one domain only: until then other can't log in" in told


ADD = "sorm/set aggregate_sorm_settings add"


def domains_of_multi(typist: Any) -> tuple[str, tuple[str, ...]]:
    (multi,) = typist.node.config.aggregates
    return multi.password.get_secret_value(), multi.domains


def test_a_wrapped_line_whose_first_half_was_carried_out(typist: Any) -> None:
    """The example of the manual as it is printed: its third domain is on the next line."""
    typist.gets("sorm/set aggregate_sorm_settings remove multi", f"{ADD} multi multi central_voip voip.local")
    whole = typist.is_refused("local.voip").partition("In one line: ")[2]
    typist.gets(whole)
    assert typist.shell.prompt == (
        "there is a user 'multi' already, with central_voip, voip.local: add local.voip to its domains? yes/no ?> "
    )
    assert typist.gets("yes").startswith("OK\n")
    assert domains_of_multi(typist) == ("multi", ("central_voip", "voip.local", "local.voip"))


def test_another_password_replaces_a_multisorm_user(typist: Any) -> None:
    typist.gets(f"{ADD} multi other voip.local")
    assert "replace its domains by voip.local, and its password? yes/no ?> " in typist.shell.prompt
    assert "other" not in typist.shell.prompt
    assert "yes/no" in (typist.gets(""), typist.shell.prompt)[1]
    assert typist.gets("yes").startswith("OK\n")
    assert domains_of_multi(typist) == ("other", ("voip.local",))


@pytest.mark.parametrize("line", [f"{ADD} multi other voip.local", f"{ADD} multi multi late.voip"])
def test_a_multisorm_user_stays_when_the_answer_is_no(typist: Any, line: str) -> None:
    before = typist.node.config
    typist.gets(line)
    assert typist.gets("no").startswith("cancelled: multi stays as it is\n")
    typist.gets(line)
    assert "not done: there was no answer" in typist.shell.end().error
    assert typist.node.config is before


def test_a_multisorm_user_that_is_changed_while_its_question_waits(typist: Any) -> None:
    typist.gets(f"{ADD} multi other voip.local")
    ShellSession(typist.shell.state.context).enter("sorm/set aggregate_sorm_settings remove multi")

    assert typist.is_refused("yes") == "multi was changed meanwhile: enter the command again"
    assert not typist.node.config.aggregates


def test_domains_that_a_multisorm_user_has_are_not_added_again(typist: Any) -> None:
    told = typist.gets(f"{ADD} multi multi voip.local")
    assert not typist.shell.asking
    assert (
        "Note: there is a user 'multi' already, with central_voip, local.voip, voip.local: nothing to add"
        in told
    )


def test_the_highest_port_is_for_a_switch_without_multisorm_users(typist: Any) -> None:
    typist.gets("sorm/set aggregate_sorm_settings remove multi", "sorm/set ssh_port 65535")
    assert typist.node.config.ssh_port == 65535
    assert "65535 leaves no port for MultiSORM" in typist.is_refused(f"{ADD} multi multi *")


def test_an_interface_that_is_no_number(typist: Any) -> None:
    typist.gets(f"{V}/sip/user/declare default_routing g s10p20@msan 200777")
    told = typist.gets(f"{V}/routing/trace cgpn.digits=200777 cdpn.digits=200119")
    assert 'Traceroute to 200119 from 200777(<<"s10p20@msan">>)' in told


def test_what_is_named_before_it_is_there(typist: Any) -> None:
    assert "Note: there is no context 'later' in voip.local yet" in typist.gets(
        f"{V}/sip/user/declare later g 200500@voip.local"
    )
    assert "until then nothing is rewritten by it" in typist.gets(f"{V}/sorm/set adaptation later")
    assert "Note: there is no domain 'x.y': u can't log in until it is declared" in typist.gets(
        "sorm/set aggregate_sorm_settings add u p x.y"
    )
    told = typist.gets("bridge/declare n true true 5 central_voip p1 '' tg c1 voip.local p2 '' tg c2")
    for what in (
        "numbering plan 'p1' in central_voip",
        "context 'c1' in central_voip",
        "plan 'p2'",
        "context 'c2'",
    ):
        assert what in told
    assert "bridge:n" in typist.node.domains["voip.local"].bridges


def test_contexts_come_and_go(typist: Any, folder: Path) -> None:
    domain = typist.node.domains["voip.local"]
    new = '<context name="new"><rule name="r"><result><continue context="{}"/></result></rule></context>'
    file = folder / "voip.local" / "new.xml"
    file.write_text(new.format("to_city"), encoding="utf-8")
    assert "Note: context new: 1 rules" in typist.gets(f"{V}/routing/import ecss1 new.xml")
    assert domain.config.contexts[-1] == "voip.local/new.xml"
    file.write_text(new.format("newer"), encoding="utf-8")
    told = typist.gets(f"{V}/routing/import ecss1 voip.local/new.xml")
    assert "Note: context new was read again" in told
    assert "continues in 'newer', which is not imported yet" in told
    file.write_text(new.format("to_city").replace('"new"', '"renamed"'), encoding="utf-8")
    typist.gets(f"{V}/routing/import ecss1 {file}", f"{V}/routing/default renamed")
    assert "new" not in domain.contexts
    assert domain.default_context == domain.config.default_context == "renamed"
    assert domain.config.contexts.count("voip.local/new.xml") == 1
    assert "context renamed is used by: default context of the domain" in typist.is_refused(
        f"{V}/routing/remove renamed"
    )
    typist.gets(f"{V}/routing/default default_routing", f"{V}/routing/remove renamed")
    assert "renamed" not in domain.contexts
    assert "voip.local/new.xml" not in domain.config.contexts


def test_the_last_context_of_a_domain(beginner: Any, folder: Path) -> None:
    beginner.gets("domain/declare d", "domain/d/routing/import ecss1 voip.local/ctx_to_city_multi.xml")
    domain = beginner.node.domains["d"]
    assert domain.default_context == "to_city"
    beginner.gets("domain/d/routing/remove to_city")
    assert (domain.contexts, domain.default_context, domain.config.contexts) == ({}, "", ())


def test_what_was_declared_is_removed(typist: Any) -> None:
    before = typist.node.config
    typist.gets(
        "domain/declare d",
        "domain/d/np/declare p",
        "domain/d/np/numbers/add p 7{0-9}",
        "domain/d/sip/user/declare '' g 1{0-9}@d 2{0-9} no_qop_authentication login-as-user x",
        "domain/d/trunk/sip/declare '' g t s static ::1 5060 --number 9",
        "bridge/declare n false false 2 central_voip default a tg '' d p b tg ''",
        "domain/d/np/numbers/bind p 71 --bridge n",
        "domain/d/np/numbers/bind p 72 --alias 25 --passive",
    )
    domain = typist.node.domains["d"]
    assert domain.config.subscribers[5].iface == "15@d"
    assert domain.trunks["t"].config.peer == "[::1]:5060"
    assert domain.plans["p"].number_of("25") == "72"
    typist.gets(
        "domain/d/np/numbers/unbind p 7{1-2}",
        "domain/d/np/numbers/remove p 7{0-9}",
        "bridge/remove n",
        "domain/d/np/remove p",
        "domain/d/trunk/sip/remove t",
        "domain/d/sip/user/remove 2{0-9}",
        "domain/remove d",
        "sorm/set aggregate_sorm_settings remove multi",
        "sorm/set aggregate_sorm_settings add multi multi central_voip voip.local local.voip",
    )
    assert typist.node.config == before
    assert [change.what for change in typist.told[-3:]] == ["domain", "switch", "switch"]


def test_a_trunk_is_renamed_while_it_carries_a_call(typist: Any) -> None:
    domain = typist.node.domains["central_voip"]
    call = typist.calls("voip.local", "200100", "73832112233", talk=5)
    shown = typist.gets("domain/central_voip/trunk/set 1 name city")
    assert shown.splitlines()[0] == "OK"
    assert "still names 'trunk1': import the context with the new name" in shown
    assert typist.told[-1] == Change("trunks", "central_voip", renamed=(1, "city"))
    assert typist.told[-1].event == {"event": "trunk-renamed", "trunk": 1, "name": "city"}
    assert list(domain.trunks) == ["city"]
    assert domain.trunks["city"].active == 1
    assert call.called.trunk is domain.trunks["city"]
    assert "city" in typist.gets("domain/central_voip/trunk/sip/list")
    typist.lets_calls_end()
    assert domain.trunks["city"].active == 0
    told = len(typist.told)
    typist.gets("domain/central_voip/trunk/set 1 name city")
    assert len(typist.told) == told
    typist.gets("domain/central_voip/trunk/set 1 name trunk1", "config/save saved.toml")
    assert 'name = "trunk1"' in (typist.file.parent / "saved.toml").read_text()


def test_a_new_name_of_a_trunk_is_saved(typist: Any) -> None:
    typist.gets("domain/central_voip/trunk/set 1 name city")
    typist.gets("config/save saved.toml")
    saved = (typist.file.parent / "saved.toml").read_text()
    assert "number = 1" in saved
    assert 'name = "city"' in saved
    assert 'name = "trunk1"' not in saved


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("9 name city", "central_voip has no trunk 9; it has: 1"),
        ("x name city", "NUMBER: 'x' is not allowed: 0 to 65534"),
        ("1 name bridge:c2v", "central_voip has an interface 'bridge:c2v' already"),
        ('1 name "two words"', "name: 'two words' is not allowed: printable ASCII characters without spaces"),
    ],
)
def test_a_trunk_that_is_not_renamed(typist: Any, line: str, why: str) -> None:
    assert typist.is_refused(f"domain/central_voip/trunk/set {line}") == why
