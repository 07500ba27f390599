"""``sorm-mediator config``, and what the command line itself answers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def sorm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sorm_mediator", *arguments], capture_output=True, text=True, check=False
    )


def test_check_of_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text("[mediator]\norm_number = 7\n[switch]\n")
    done = sorm("config", "check", str(file))
    assert (done.returncode, done.stdout) == (0, f"{file}: fine\n")


def test_check_of_a_bad_file_is_one_line_and_2(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text("[mediator]\norm = 7\n")
    done = sorm("config", "check", str(file))
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "mediator.orm: unknown key; allowed here: orm_number" in done.stderr


def test_check_looks_at_what_the_file_refers_to(tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_text("<context>\n  <rule>\n</context>\n")
    file = tmp_path / "lab.toml"
    file.write_text('[[switch.domains]]\nname = "d"\ncontexts = ["broken.xml"]\n')
    done = sorm("config", "check", str(file))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "broken.xml" in done.stderr
    assert "3" in done.stderr.partition("broken.xml")[2], "the line of the mistake"


def test_show_tells_where_each_value_came_from_and_masks_secrets(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text('[mediator]\norm_number = 7\npassword = "654321"\n')
    done = sorm("config", "show", str(file), "--json")
    rows = {row["key"]: row for row in json.loads(done.stdout)}
    assert rows["mediator.orm_number"] == {"key": "mediator.orm_number", "value": 7, "source": str(file)}
    assert rows["console.kpd1_port"]["source"] == "default"
    assert rows["mediator.password"]["value"] == "**********"
    assert "654321" not in done.stdout + sorm("config", "show", str(file)).stdout


def test_show_names_the_variable_that_a_value_is_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORM_WEB__PORT", "9")
    rows = {row["key"]: row for row in json.loads(sorm("config", "show", "--json").stdout)}
    assert rows["web.port"] == {"key": "web.port", "value": 9, "source": "SORM_WEB__PORT"}
    assert rows["web.host"]["source"] == "default"


def test_a_file_for_a_gateway_needs_the_key_of_its_switch(tmp_path: Path) -> None:
    file = tmp_path / "mediator.toml"
    file.write_text('[ssh]\nserver = "127.0.0.1"\n')
    done = sorm("config", "check", str(file))
    assert done.returncode == 2
    assert "ssh.host_key: is required without [switch]" in done.stderr


def test_schema_is_a_schema_with_meanings() -> None:
    schema = json.loads(sorm("config", "schema").stdout)
    assert schema["additionalProperties"] is False
    assert "ORM number" in schema["$defs"]["MediatorConfig"]["properties"]["orm_number"]["description"]


def test_every_command_has_a_help_with_an_example() -> None:
    for command in (
        ["demo"], ["init"], ["examples"], ["lab"], ["gateway"], ["switch"], ["console"], ["send"], ["watch"],
        ["replay"], ["decode"], ["encode"],
        ["config", "check"], ["config", "show"], ["config", "schema"], ["journal", "verify"], ["journal", "export"],
    ):  # fmt: skip
        done = sorm(*command, "--help")
        assert done.returncode == 0, command
        assert "Example" in done.stdout, command


def test_wrong_usage_is_2() -> None:
    assert sorm("gateway").returncode == 2
    assert sorm("no-such-command").returncode == 2
    assert sorm("demo", "--lang", "de").returncode == 2


def test_version() -> None:
    done = sorm("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("sorm-mediator ")


def test_check_warns_of_what_routing_names_and_the_switch_has_not(tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(
        '<context name="c">\n<rule name="r"><result><external><trunk value="t"/></external></result></rule></context>'
    )
    file = tmp_path / "lab.toml"
    file.write_text('[[switch.domains]]\nname = "d"\ncontexts = ["c.xml"]\n')
    missing = f"(d): {tmp_path / 'c.xml'}:2: rule 'r': no trunk or bridge t; there are: none"

    done = sorm("config", "check", str(file))
    assert (done.returncode, done.stdout) == (0, f"{file}: fine\n")
    assert done.stderr == f"{file}:1: warning: switch.domains[1] {missing}\n"
    as_json = sorm("config", "check", str(file), "--json")
    warning = {"path": "switch.domains[1]", "line": 1, "message": missing}
    assert json.loads(as_json.stdout) == {
        "file": str(file),
        "valid": True,
        "errors": [],
        "warnings": [warning],
    }


def test_check_looks_at_bridges_plans_and_every_context_of_a_lab(tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(
        '<context name="c"><rule name="r"><result><local/></result></rule></context>'
    )
    domains = '[[switch.domains]]\nname = "d"\ncontexts = ["c.xml"]\n[[switch.domains]]\nname = "e"\n'
    for table, complaint in (
        (
            '[[switch.bridges]]\nname = "b"\na = {domain = "d", np = "city"}\nb = {domain = "e"}\n',
            "lab.toml:8: switch.bridges[1].a.np: d has no numbering plan 'city'; there are: default",
        ),
        (
            '[[switch.bridges]]\nname = "b"\na = {domain = "d", context = "x"}\nb = {domain = "e"}\n',
            "lab.toml:8: switch.bridges[1].a.context: d has no context 'x'; there are: c",
        ),
        (
            '[[switch.bridges]]\nname = "b"\na = {domain = "d"}\nb = {domain = "f"}\n',
            "lab.toml:9: switch.bridges[1].b.domain: there is no domain 'f'; there are: d, e",
        ),
        (
            '[[switch.bridges]]\nname = "b"\na = {domain = "d"}\nb = {domain = "d", iface = "x"}\n',
            "lab.toml:9: switch.bridges[1].b.domain: 'd' is side A already; a bridge joins two domains",
        ),
        (
            '[switch.domains.numbering_plans.city]\n"1{1-0}" = {}\n',
            "lab.toml:6: switch.domains[2].numbering_plans.city: '1{1-0}': {1-0} must hold digits or rising ranges",
        ),
    ):
        file = tmp_path / "lab.toml"
        file.write_text(domains + table)
        done = sorm("config", "check", str(file))
        assert (done.returncode, done.stdout) == (2, "")
        assert complaint in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_check_and_show_take_the_file_as_other_commands_do(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text("[mediator]\norm_number = 7\n[switch]\n")
    assert sorm("config", "check", "-c", str(file)).stdout == f"{file}: fine\n"
    assert "mediator.orm_number" in sorm("config", "show", "-c", str(file)).stdout
    both = sorm("config", "check", "-c", str(file), str(file))
    assert (both.returncode, "one lab file, not both" in both.stderr) == (2, True)
    none = sorm("config", "check")
    assert (none.returncode, "which lab file?" in none.stderr) == (2, True)


def test_trunks_of_a_terminal_node_have_no_effect_which_is_told(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    for kind, warned in (("terminal", True), ("terminal-transit", False)):
        file.write_text(
            f'[mediator]\nstation_type = "{kind}"\ncapacity = {{ subscribers = 2000, trunks = 60 }}\n[switch]\n',
            "utf-8",
        )
        done = sorm("config", "check", str(file))
        assert done.returncode == 0
        assert ("mediator.capacity.trunks: has no effect on a terminal node" in done.stderr) == warned
