"""``sorm-mediator vpbx``: import and check, exit codes, and that a bad dump changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vpbx.tenants import TENANT
from tests.vpbx.test_import import as_sql


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sorm_mediator", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "demo.sql").write_text(as_sql(TENANT), encoding="utf-8")
    return tmp_path


def test_a_dump_becomes_a_lab_that_is_fine_and_traced(folder: Path) -> None:
    made = run("vpbx", "import", "demo.sql", "--tenant", "demo", "-o", "lab.toml", folder=folder)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith(
        "lab.toml: tenant demo: 2 dial_numbers, 2 sip_trunks, 6 directions, 3 users"
    )

    checked = run("config", "check", "lab.toml", folder=folder)
    assert (checked.returncode, checked.stdout) == (0, "lab.toml: fine\n")

    traced = run(
        "trace",
        "-c",
        "lab.toml",
        "cgpn.digits=101",
        "cdpn.digits=+79257410726",
        "--lang",
        "ru",
        folder=folder,
    )
    assert traced.returncode == 0
    assert "dial_rg_prefix 8: " in traced.stdout
    assert ": 89257410726" in traced.stdout


def test_another_import_replaces_the_tenant_and_keeps_the_rest(folder: Path) -> None:
    run("vpbx", "import", "demo.sql", "--tenant", "demo", "-o", "lab.toml", folder=folder)
    lab = folder / "lab.toml"
    lab.write_text(
        lab.read_text().replace('address = "10.0.0.2"', 'address = "10.0.0.77" # ours\narea_code = "495"')
        + "\n# the end\n"
    )
    (folder / "demo.json").write_text(json.dumps({"users": [{"id": 1, "number": "555", "password": "hash"}]}))

    again = run("vpbx", "import", "demo.json", "--tenant", "demo", "-o", "lab.toml", "--json", folder=folder)
    other = run("vpbx", "import", "demo.sql", "--tenant", "other", "-o", "lab.toml", folder=folder)

    assert (again.returncode, other.returncode) == (0, 0)
    assert json.loads(again.stdout) == {"rows": {"users": 1}, "warnings": []}
    text = lab.read_text()
    assert 'address = "10.0.0.77"' in text
    assert 'area_code = "495"' in text
    assert 'address = "10.0.0.2"' in text, "the other tenant has the first free one"
    assert "hash" not in text, "passwords are written where they are asked for"
    assert text.count("[[switch.domains]]") == 2
    assert run("config", "check", "lab.toml", folder=folder).returncode == 0


def test_a_bad_dump_changes_nothing(folder: Path) -> None:
    run("vpbx", "import", "demo.sql", "--tenant", "demo", "-o", "lab.toml", folder=folder)
    before = (folder / "lab.toml").read_bytes()
    (folder / "bad.sql").write_text("INSERT INTO users (id, number) VALUES (1, '101'),\n (2, 'x');")

    for command in (("import", "bad.sql", "--tenant", "demo", "-o", "lab.toml"), ("check", "bad.sql")):
        done = run("vpbx", *command, folder=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "sorm-mediator: bad.sql:2:6: users.number: 'x' is not allowed: 1 to 18 digits\n"
    assert (folder / "lab.toml").read_bytes() == before


def test_a_lab_of_another_profile_is_left_alone(folder: Path) -> None:
    (folder / "lab.toml").write_text('[switch]\ndomains = [{ name = "d" }]\n')

    done = run("vpbx", "import", "demo.sql", "--tenant", "demo", "-o", "lab.toml", folder=folder)

    assert (done.returncode, done.stderr) == (
        2,
        'sorm-mediator: lab.toml: switch.profile: is not "sipteco"; a tenant goes into a lab file of this profile\n',
    )


@pytest.mark.parametrize(
    ("lab", "told"),
    [
        ("switch = 1", 'switch.profile: is not "sipteco"'),
        ('[[switch]]\nprofile = "sipteco"', 'switch.profile: is not "sipteco"'),
        (
            '[switch]\nprofile = "sipteco"\ndomains = "x"',
            "switch.domains: each is a table [[switch.domains]]",
        ),
        (
            '[switch]\nprofile = "sipteco"\ndomains = [1]',
            "switch.domains: each is a table [[switch.domains]]",
        ),
        (
            '[switch]\nprofile = "sipteco"\n[[switch.domains]]\nname = "demo"\nvpbx = 3',
            "switch.domains: each is a table [[switch.domains]], and so is its vpbx",
        ),
        ("x = [", "is not TOML: "),
        (f"x = {'[' * 3000}", "is not TOML: it is nested too deeply"),
    ],
)
def test_a_lab_file_of_another_form_is_told_and_left_alone(folder: Path, lab: str, told: str) -> None:
    (folder / "lab.toml").write_text(lab)

    done = run("vpbx", "import", "demo.sql", "--tenant", "demo", "-o", "lab.toml", folder=folder)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"sorm-mediator: lab.toml: {told}")
    assert (folder / "lab.toml").read_text() == lab


def test_doubts_are_told_with_their_place(folder: Path) -> None:
    tables = {**TENANT, "incoming_routes": TENANT["incoming_routes"][:1]}
    (folder / "demo.sql").write_text(as_sql(tables), encoding="utf-8")

    done = run("vpbx", "check", "demo.sql", "--lang", "ru", folder=folder)

    assert done.returncode == 0
    assert "demo.sql:4:126: sip_trunks.extension: calls to 78123334455 go nowhere" in done.stderr
