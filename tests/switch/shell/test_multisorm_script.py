"""The commands of the MultiSORM example build the lab of lab.toml, and the lab file that is saved builds it again."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import tomlkit

from sorm_mediator import config
from sorm_mediator.lab.checks import check_routing
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.shell.config_commands import plain, written

V = "domain/voip.local"
C = "domain/central_voip"


def without_sinks(switch: Any) -> Any:
    """Where a mediator is differs from lab to lab."""
    settings = plain(switch)
    for domain in settings["domains"]:
        domain.pop("radius_servers", None)
    return settings


def typed(beginner: Any, folder: Path) -> None:
    beginner.gets(*(folder / "setup.txt").read_text(encoding="utf-8").splitlines())


def lab_of(file: Path) -> config.SwitchConfig:
    switch = config.load(file).switch
    assert switch is not None
    return switch


def test_the_commands_build_the_lab(beginner: Any, folder: Path) -> None:
    typed(beginner, folder)
    assert without_sinks(beginner.node.config) == without_sinks(lab_of(folder / "lab.toml"))


def test_what_is_live_is_what_is_configured(beginner: Any, folder: Path) -> None:
    """Domains, contexts and plans that were made one by one are those that a start would make."""
    typed(beginner, folder)
    fresh = Engine(beginner.node.config, folder).node
    live = beginner.node
    assert [*live.domains] == [*fresh.domains]
    assert [*live.bridges] == [*fresh.bridges]
    for name, domain in fresh.domains.items():
        mine = live.domains[name]
        assert mine.config == domain.config
        assert mine.contexts == domain.contexts
        assert mine.default_context == domain.default_context
        assert {plan: one.numbers for plan, one in mine.plans.items()} == {
            plan: one.numbers for plan, one in domain.plans.items()
        }
        assert [*mine.subscribers] == [*domain.subscribers]
        assert [trunk.config for trunk in mine.trunks.values()] == [
            trunk.config for trunk in domain.trunks.values()
        ]
        assert {iface: end.bridge.name for iface, end in mine.bridges.items()} == {
            iface: end.bridge.name for iface, end in domain.bridges.items()
        }


def test_calls_of_the_lab_that_was_built(beginner: Any, folder: Path) -> None:
    typed(beginner, folder)
    for a, b in (("200100", "200119"), ("200100", "300000"), ("200100", "73832222222")):
        call = beginner.calls("voip.local", a, b)
        assert not [event for event in call.events if event.event == "routing-failed"], (a, b)
        beginner.lets_calls_end()
    call = beginner.calls("central_voip", "73832222222", "73832700000", origin="trunk:trunk1")
    assert call.called.subscriber is beginner.node.domains["voip.local"].subscribers["200100"]
    beginner.lets_calls_end()


def test_calls_fail_with_a_reason_until_the_context_is_there(beginner: Any, folder: Path) -> None:
    lines = [
        line
        for line in (folder / "setup.txt").read_text(encoding="utf-8").splitlines()
        if "import" not in line
    ]
    beginner.gets(*lines)
    call = beginner.calls("voip.local", "200100", "200119")
    told = [event.detail for event in call.events if event.event == "routing-failed"]
    assert told == ["there is no context 'default_routing'"]
    assert "the lab would not start from this: " in beginner.is_refused("config/save")


# --- config/save


def test_a_saved_file_starts_the_same_switch(beginner: Any, folder: Path) -> None:
    typed(beginner, folder)
    beginner.gets("config/save")
    saved = folder / "empty.toml"
    assert plain(lab_of(saved)) == plain(beginner.node.config)
    check_routing(config.load(saved), str(saved))
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_comments_and_the_rest_of_the_file_stay(typist: Any, folder: Path) -> None:
    before = (folder / "lab.toml").read_text(encoding="utf-8")
    typist.gets("config/save copy.toml")
    assert (folder / "copy.toml").read_text(encoding="utf-8") == before
    typist.gets(
        f"{V}/sorm/set enabled false", f"{C}/sorm/set radius_servers add 127.0.0.1:1814 s", "config/save"
    )
    after = (folder / "lab.toml").read_text(encoding="utf-8")
    kept = set(before.splitlines()) - set(after.splitlines())
    assert kept == set()
    new = [line for line in after.splitlines() if line not in before.splitlines()]
    assert new == ['radius_servers = [{host = "127.0.0.1", port = 1814, secret = "s"}]', "enabled = false"]


def test_what_was_removed_is_out_of_the_file(typist: Any, folder: Path) -> None:
    typist.gets(
        f"{C}/np/numbers/remove city 7383270000{{0-1}}",
        "bridge/remove c2v_inter",
        "bridge/remove c2v",
        "sorm/set aggregate_sorm_settings remove multi",
        "domain/remove voip.local",
        f"{C}/trunk/sip/remove trunk1",
        "config/save",
    )
    text = (folder / "lab.toml").read_text(encoding="utf-8")
    assert plain(lab_of(folder / "lab.toml")) == plain(typist.node.config)
    assert "c2v" not in text.partition("[mediator]")[2].replace("c2v, c2v_inter", "")
    assert "voip.local/ctx_" not in text
    assert "# The MultiSORM example" in text


def test_comments_after_the_switch_stay_where_they_belong(typist: Any) -> None:
    after = "\n# Where reports go:\n# any port\n[radius]\nport = 0\n"
    text = written(typist.node.config, f"[switch]\n# Its port:\nssh_port = 7777\n{after}")
    assert text.startswith("[switch]\n# Its port:\nssh_port = 7777\n")
    assert text.endswith(after)
    assert plain(config.parse(tomlkit.parse(text).unwrap()).switch) == plain(typist.node.config)  # type: ignore[arg-type]


def test_a_file_without_a_switch_gets_one(typist: Any) -> None:
    text = written(typist.node.config, "# mine\n[web]\nport = 0  # any\n")
    document = tomlkit.parse(text).unwrap()
    assert document["web"] == {"port": 0}
    assert text.startswith("# mine\n[web]\nport = 0  # any\n")
    assert plain(config.parse(document).switch) == plain(typist.node.config)  # type: ignore[arg-type]
