"""Whatever an input holds, what is wrong with it is said in one line and ends nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sorm_mediator import config
from sorm_mediator.config import ConfigError
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.lab.checks import check_references
from sorm_mediator.mediator.core.switchside import _whole
from sorm_mediator.replay import scenario, vendor
from sorm_mediator.switch.routing.context_file import ContextError, parse_context
from sorm_mediator.texts import one_line, shown, whole_number
from ssh_control import transport as keys

MANY = "9" * 5000
"""More digits than Python makes a number of."""

LABS = {
    "a decimal number": f"[web]\nport = {MANY}",
    "a hexadecimal number": f"[web]\nport = 0x{'F' * 9000}",
    "deep nesting": "a = " + "[" * 5000,
    "nesting where a number is due": "[web]\nport = " + "[" * 300 + "]" * 300,
    "a misspelt key of a numbering plan": '[[switch.domains]]\nname = "d"\n'
    '[switch.domains.numbering_plans.p]\n"73" = { brige = "c2l" }',
    "the same in a plan called as a key": '[[switch.domains]]\nname = "d"\n'
    '[switch.domains.numbering_plans.alias]\n"73" = { brige = "c2l" }',
    "a NUL in a host": '[web]\nhost = "a\\u0000b"',
    "a NUL in a file name": '[mediator]\nstate = "a\\u0000b"',
    "a NUL in the name of a context": '[[switch.domains]]\nname = "d"\ncontexts = ["a\\u0000.xml"]',
    "a line break in a key": '[web]\n"a\\nb" = 1',
    "a host with an empty part": '[ssh]\nserver = "a..b"',
    "a host with a part of 64 octets": f'[radius]\nhost = "{"a" * 64}.b"',
    "a host with a space": '[switch]\nhost = "a b"',
    "a long text where a number is due": f'[web]\nport = "{"x" * 100_000}"',
}


@pytest.mark.parametrize("name", LABS)
def test_a_lab_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(LABS[name])
    with pytest.raises(ConfigError) as refused:
        config.load(file)
    text = str(refused.value)
    assert len(text.splitlines()) == 1
    assert text.isprintable()
    assert len(text) < 600


def test_a_misspelt_key_of_a_numbering_plan_is_named_with_those_that_are_allowed() -> None:
    plans = {"p": {"73": {"brige": "c2l"}}}
    with pytest.raises(
        ConfigError,
        match=r'numbering_plans\.p\."73"\.brige: unknown key; did you mean bridge\? allowed here: alias, .*bridge',
    ):
        config.parse({"switch": {"domains": [{"name": "d", "numbering_plans": plans}]}})


STEP = "name: x\nsteps:\n  - "
SCENARIOS = {
    "a hexadecimal number": f"name: x\nwithin: 0x{'F' * 9000}\nsteps: []",
    "a decimal number": f"name: x\nwithin: {MANY}\nsteps: []",
    "a number that is none": "name: x\nwithin: .nan\nsteps: []",
    "a NUL": STEP + "\0",
    "a control character": STEP + "\x07",
    "a line break in a key": '"a\\nb": 1',
    "nesting": STEP + "[" * 3000,
    "a list as a key": "? [a, b]\n: 1",
    "a tag that does not suit": STEP + "!!bool 'x'",
    "a time that is none": STEP + "!!timestamp 'x'",
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario(name: str) -> None:
    with pytest.raises(ScriptError) as refused:
        scenario.parse(SCENARIOS[name], Path("x.yaml"))
    assert all(line.isprintable() for line in str(refused.value).split("\n"))  # a line for each mistake


@pytest.mark.parametrize("text", [f"[{MANY}]", "[" * 100_000, '["start\\u0000\\n"]', "[\0]"])
def test_a_vendor_script(text: str) -> None:
    with pytest.raises(ScriptError) as refused:
        vendor.parse(text, Path("x.json"))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("inside", ["{" + MANY + "}", "{0}", "{\N{SUPERSCRIPT TWO}}"])
def test_a_substitution_of_a_context(inside: str) -> None:
    actions = f'<actions><cdpn digits="{inside}"/></actions>'
    text = f'<context name="c"><rule name="r">{actions}<result><local/></result></rule></context>'
    with pytest.raises(ContextError, match=r"c\.xml:1: .*places from 1") as refused:
        parse_context(text.encode(), "c.xml")
    assert len(str(refused.value).splitlines()) == 1


def test_a_pinned_key_that_was_cut_is_found_before_anything_starts() -> None:
    whole = keys.public_line(keys.private_host_key(None))
    for cut in range(1, len(whole) - 1):
        with pytest.raises(ConfigError, match=r"lab\.toml: ssh\.host_key: .*is no public key"):
            check_references(config.parse({"ssh": {"host_key": whole[:cut]}}), "lab.toml")


def test_a_pinned_key_that_was_damaged_is_refused_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (
        ValueError("Invalid EC key."),
        OverflowError("can't convert negative int"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"),
    ):

        def fails(_: Any, error: Exception = error) -> Any:
            raise error

        monkeypatch.setattr(asyncssh, "import_public_key", fails)
        with pytest.raises(keys.KeyProblem):
            keys.pinned_key("ecdsa-sha2-nistp256 AAAA")


def test_a_key_file_whose_name_holds_a_nul_is_refused() -> None:
    with pytest.raises(keys.KeyProblem):
        keys.private_host_key("a\0b")


@pytest.mark.parametrize("key", [MANY, "-1", "65536", "\N{SUPERSCRIPT TWO}", "", "1_0"])
def test_a_key_of_a_reply_to_sync_that_is_no_object_number(key: str) -> None:
    assert _whole(key) is None


def test_whole_numbers() -> None:
    assert [whole_number(text, 1, 99) for text in ("1", "099", "0" * 5000 + "7")] == [1, 99, 7]
    assert [whole_number(text, 1, 99) for text in ("0", "100", "+1", "", " 1", MANY)] == [None] * 6


def test_what_is_shown_is_short_and_of_one_line() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "a value of type list"
    assert shown(10**5000) == "a whole number of 16610 bits"
    assert len(shown("x" * 1000)) == 100
    assert one_line("a\n\x1b[2J\0") == "a\\n\\x1b[2J\\x00"
    while deep:  # Python frees it by recursion otherwise
        deep = deep[0]
