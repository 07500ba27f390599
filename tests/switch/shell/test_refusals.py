"""Every refusal of a change has its own text, and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sorm_mediator.switch.shell import config_commands

V = "domain/voip.local"
C = "domain/central_voip"


def dialogues() -> list[Any]:
    """Each line of refusals.txt with what is said below it."""
    text = (Path(__file__).parent / "refusals.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [
        pytest.param(line, said.strip(), id=line) for line, said in zip(lines[::2], lines[1::2], strict=True)
    ]


@pytest.mark.parametrize(("line", "said"), dialogues())
def test_refused(typist: Any, line: str, said: str) -> None:
    assert said in typist.is_refused(line)


def test_as_many_subscribers_as_numbers(typist: Any) -> None:
    typist.gets(f"{V}/sip/user/declare default_routing g 2002{{0-1}}{{0-1}}@voip.local")
    said = typist.is_refused(f"{V}/np/numbers/bind city 1{{0-2}} --alias 2002{{0-1}}{{0-1}}")
    assert said == "1{0-2} is 3 numbers, and 2002{0-1}{0-1} is 4 subscribers"


def test_a_radius_server_is_named_once(typist: Any) -> None:
    typist.gets(f"{V}/sorm/set radius_servers add 127.0.0.1:1814 s")
    said = typist.is_refused(f"{V}/sorm/set radius_servers add 127.0.0.1:1814 t")
    assert said == "radius_servers: 127.0.0.1:1814 is already there; remove it first to change its secret"


def test_a_domain_that_multisorm_names_stays(beginner: Any) -> None:
    beginner.gets("domain/declare a.b", "sorm/set aggregate_sorm_settings add multi multi a.b")
    assert beginner.is_refused("domain/remove a.b") == (
        "a.b is named by the MultiSORM users multi: sorm/set aggregate_sorm_settings remove them first"
    )


def test_nothing_goes_while_calls_need_it(typist: Any) -> None:
    typist.gets(
        "domain/declare alone",
        "domain/alone/sip/user/declare '' g 1@alone",
        "domain/alone/sip/user/declare '' g 2@alone",
    )
    call = typist.calls("alone", "1", "2", talk=60)
    assert call.conversing or call.setup_time is not None
    assert typist.is_refused("domain/remove alone") == "alone has calls: 1, 2; wait until they have ended"
    assert typist.is_refused("domain/alone/sip/user/remove 1") == "1 is in a call; wait until it has ended"
    typist.lets_calls_end()
    typist.gets("domain/alone/sip/user/remove 1", "domain/remove alone")
    assert "alone" not in typist.node.domains


def test_a_bridge_and_a_trunk_that_carry_calls_stay(typist: Any) -> None:
    typist.gets(
        f"{C}/np/numbers/unbind city 7383270000{{0-1}}",
        f"{C}/np/numbers/unbind city 7383271000{{0-1}}",
    )
    typist.calls("voip.local", "200100", "73832222222", talk=60)
    assert typist.is_refused("bridge/remove c2v") == "1 calls cross bridge c2v; wait until they have ended"
    assert typist.is_refused(f"{C}/trunk/sip/remove trunk1") == (
        "trunk trunk1 carries 1 calls; wait until they have ended"
    )
    typist.lets_calls_end()
    typist.gets("bridge/remove c2v", f"{C}/trunk/sip/remove trunk1")


def test_a_context_that_cannot_be_read_is_told_with_its_line(typist: Any, folder: Path) -> None:
    (folder / "broken.xml").write_text('<context name="x">\n<rule name="r">\n</context', encoding="utf-8")
    said = typist.is_refused(f"{V}/routing/import ecss1 broken.xml")
    assert "broken.xml:3" in said


def test_a_link_out_of_the_directory_is_not_followed(typist: Any, folder: Path) -> None:
    (folder.parent / "secret.xml").write_text("<context/>", encoding="utf-8")
    (folder / "link.xml").symlink_to("../secret.xml")
    assert "is outside of the lab's directory" in typist.is_refused(f"{V}/routing/import ecss1 link.xml")


def test_a_secret_is_in_no_error(typist: Any) -> None:
    typist.gets(f"{V}/sorm/set password {'x' * 10}")
    assert "hush" not in typist.is_refused(f"{V}/sorm/set radius_servers add nowhere hush")


def test_what_a_lab_would_not_start_from_is_not_saved(beginner: Any) -> None:
    beginner.gets("domain/declare a.b", "domain/a.b/sip/user/declare missing g 1@a.b")
    before = beginner.file.read_text(encoding="utf-8")
    said = beginner.is_refused("config/save")
    assert "the lab would not start from this: switch.domains.0.subscribers.0.context: " in said
    assert "there is no context 'missing'" in said
    assert beginner.file.read_text(encoding="utf-8") == before


def test_a_text_that_reads_back_as_another_configuration_is_not_saved(
    monkeypatch: pytest.MonkeyPatch, typist: Any
) -> None:
    before = typist.file.read_text(encoding="utf-8")
    monkeypatch.setattr(config_commands, "written", lambda *_: before.replace("7777", "7779"))
    typist.gets("sorm/set ssh_port 7778")
    said = typist.is_refused("config/save")
    assert "what was written is not what is configured; nothing was saved" in said
    assert typist.file.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    "line",
    [
        "sorm/set ssh_port {}",
        V + "/sorm/set radius_servers add 10.0.0.1:{} 2testing123",
        "bridge/declare b true true {} voip.local default i t c central_voip default i t c",
    ],
)
def test_a_number_of_thousands_of_digits_is_refused_and_the_session_goes_on(line: str, typist: Any) -> None:
    assert len(typist.is_refused(line.format("9" * 5000))) < 6000
    assert typist.gets("domain/list")
