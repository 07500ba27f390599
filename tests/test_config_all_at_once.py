"""All mistakes of a lab file in one run: of keys, of whole tables, and of what the sound part refers to."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sorm_mediator.cli.app import app

WRONG = """
[mediator]
password = "12345"
order = "269"
state = "nowhere/x.db"
[mediator.options.limits_ms]
99h = 5
[console]
allow = ["10.0.0.0/33"]
kpd1_port = 70000
[[switch.domains]]
name = "a"
default_context = "x"
subscribers = [
  { number = "1" },
  { number = "1" },
  { number = "abc" },
  { number = "4", context = "y" },
]
trunks = [
  { number = 1, name = "t" },
  { number = 1, name = "u" },
  { number = 2, name = "t" },
]
[[switch.domains]]
name = "bad name"
[[switch.bridges]]
name = "p"
a = { domain = "a" }
b = { domain = "c" }
[[switch.bridges]]
name = "q"
a = { domain = "a" }
b = { domain = "bad name" }
"""

TOLD = [
    ":3: mediator.password",
    ":4: mediator.order",
    ":7: mediator.options.limits_ms.99h: ",
    ":9: console.allow",
    ":10: console.kpd1_port",
    ":16: switch.domains[1].subscribers[2].number",
    ":17: switch.domains[1].subscribers[3].number",
    ":22: switch.domains[1].trunks[2].number",
    ":23: switch.domains[1].trunks[3].name",
    ":26: switch.domains[2].name",
    ":30: switch.bridges[1].b.domain",
    ":5: mediator.state",
    ":13: switch.domains[1].default_context",
    ":18: switch.domains[1].subscribers[4].context",
]
"""The bridge to "bad name" is no mistake of its own: its domain is there, under a wrong name."""


def checked(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "lab.toml"
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["config", "check", str(file)])
    assert result.exit_code == 2
    return [
        line.removeprefix(str(file)) for line in result.stderr.removeprefix("sorm-mediator: ").splitlines()
    ]


def test_every_mistake_is_told_in_one_run(tmp_path: Path) -> None:
    lines = checked(tmp_path, WRONG)
    assert [line[: len(told)] for line, told in zip(lines, TOLD, strict=True)] == TOLD


def test_a_misspelt_key_is_one_mistake(tmp_path: Path) -> None:
    (line,) = checked(tmp_path, '[[switch.domains]]\nname = "a"\ntrunks = [{ numbr = 1, name = "t" }]\n')
    assert "unknown key; did you mean number?" in line


def test_ports_and_files_are_told_together(tmp_path: Path) -> None:
    ports = "[console]\nkpd1_port = 5\nkpd2_port = 5\n[web]\nport = 5\n[switch]\n"
    lines = checked(tmp_path, f"[mediator]\njournal = 'no/j.db'\n{ports}")
    assert [line.split(": ")[1] for line in lines] == ["mediator.journal", "console.kpd2_port", "web.port"]


def test_every_mistake_of_every_context_is_told_together(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.xml").write_text(
            f'<context name="{name}">\n<rule name="r">\n<conditions><cdpn digits="(" ni="far"/></conditions>\n'
            '<actions><called sorm_digits="{" sorm_ni="privat"/></actions>\n<result><local/></result></rule></context>',
            encoding="utf-8",
        )
    domains = '[switch]\ndomains = [{ name = "a", contexts = ["one.xml", "two.xml"] }]\n'
    lines = checked(tmp_path, domains)
    assert len(lines) == 8
    assert [("'privat'" in line, "'far'" in line) for line in lines].count((False, False)) == 4


def test_a_key_that_is_a_number_or_a_range_is_named_as_toml_has_it(tmp_path: Path) -> None:
    text = """
[[switch.domains]]
name = "a"
[switch.domains.numbering_plans.city]
"28331" = { subscriber = "1" }
"7383{0-1}" = { alias = 5 }
[radius.clients]
"192.0.2.2" = 5
"""
    assert [line.partition(": ")[2].split(": ")[0] for line in checked(tmp_path, text)] == [
        'switch.domains[1].numbering_plans.city."28331".subscriber',
        'switch.domains[1].numbering_plans.city."7383{0-1}".alias',
        'radius.clients."192.0.2.2"',
    ]


def test_one_mistake_hides_no_other_kind(tmp_path: Path) -> None:
    told = checked(
        tmp_path,
        """[switch]
[[switch.domains]]
name = "a"
contexts = ["missing.xml"]
default_context = "wrong"
trunks = [{ number = 1, name = "t", context = "x" }, { number = 1, name = "u", context = "missing" }]
[[switch.domains]]
name = "c"
radius_servers = { host = "x" }
[[switch.bridges]]
name = "b"
a = { domain = "yy" }
b = { domain = "zz" }
[[switch.licences]]
number = 2
key = "xx"
[[switch.licences]]
number = 3
key = "yy"
""",
    )
    keys = [line.split(": ")[0] for line in told]
    assert [key.rpartition(":")[2] for key in keys] == ["6", "9", "12", "13", "4", "16", "19"]
    rest = [line.split(": ", 1)[1] for line in told]
    assert (
        rest[1] == "switch.domains[2].radius_servers: is a list of tables: write radius_servers = [{ ... }]"
    )
    assert rest[2:4] == [
        f"switch.bridges[1].{end}.domain: there is no domain {name!r}; there are: a, c"
        for end, name in (("a", "yy"), ("b", "zz"))
    ]
    assert [line.split(":")[0] for line in rest[5:]] == ["switch.licences[1].key", "switch.licences[2].key"]


@pytest.mark.parametrize(
    "written", ["", "<context name='routing'>\n<rul", "no context"], ids=["missing", "named", "other"]
)
def test_a_name_that_an_unreadable_context_may_have_is_no_mistake(tmp_path: Path, written: str) -> None:
    if written:
        (tmp_path / "file.xml").write_text(written, encoding="utf-8")
    told = checked(
        tmp_path,
        '[[switch.domains]]\nname = "a"\ncontexts = ["file.xml"]\ndefault_context = "routing"\n'
        'trunks = [{ number = 1, name = "t", context = "x" }]\n',
    )
    keys = {line.split(": ")[1] for line in told}
    wrong = {"switch.domains[1].trunks[1].context"} if "name=" in written else set()
    assert keys == {"switch.domains[1].contexts[1]"} | wrong, "what is surely wrong is told, and nothing else"


@pytest.mark.parametrize(
    "mistake",
    ['[mediator]\norder = "269"\n', "[console]\nkpd1_port = 5\nkpd2_port = 5\n", ""],
    ids=["type", "reference", "context"],
)
def test_warnings_are_told_beside_errors(tmp_path: Path, mistake: str) -> None:
    contexts = "" if mistake else 'contexts = ["missing.xml"]\n'
    text = (
        f'{mistake}[[switch.domains]]\nname = "a"\n{contexts}'
        '[[switch.aggregates]]\nuser = "u"\npassword = "p"\ndomains = ["nowhere"]\n'
    )
    lines = checked(tmp_path, text)
    doubts = [line for line in lines if "warning: " in line]
    assert len(doubts) == 1
    assert "switch.aggregates[1].domains: there is no domain 'nowhere'" in doubts[0]
    assert len(lines) == 2


def test_a_domain_that_is_there_under_a_wrong_name_is_no_doubt(tmp_path: Path) -> None:
    text = (
        '[[switch.domains]]\nname = "bad name"\n'
        '[[switch.aggregates]]\nuser = "u"\npassword = "p"\ndomains = ["bad name"]\n'
    )
    assert not any("warning" in line and "aggregates" in line for line in checked(tmp_path, text))
