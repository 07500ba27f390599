"""What a lab file may say by mistake, each value being allowed: ``config check`` tells it, and so does the start."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sorm_mediator import config
from sorm_mediator.cli.app import app
from sorm_mediator.errors import ConfigError
from sorm_mediator.lab.checks import check, file_warnings
from sorm_mediator.lab.doubts import host_warnings, unresolved

DOMAIN = """\
[ssh]
port = 0
user = "one"
password = "123"
[switch]
[[switch.domains]]
name = "one"
password = "123"
"""
GATEWAY = '[ssh]\nserver = "127.0.0.1"\n'


def told(path: Path, text: str) -> tuple[list[str], list[str]]:
    """Errors and warnings of ``config check`` for a lab file, without its name."""
    path.write_text(text)
    path.chmod(0o600)
    loaded = config.load(path)
    checked = check(loaded, str(path))

    def shown(lines: tuple[str, ...]) -> list[str]:
        found = loaded.locate("\n".join(lines)) if lines else []
        return [one.text.removeprefix(f"{path}:") for one in found]

    return shown(checked.errors), shown(checked.warnings)


@pytest.mark.parametrize("service", ["cfu", "cfb", "cfnr", "cfnrc"])
def test_a_forwarding_that_leads_nowhere_is_told(tmp_path: Path, service: str) -> None:
    given = f'subscribers = [{{ number = "28331" }},\n  {{ number = "28332", services = {{ {service} = "99999" }} }}]\n'
    assert told(tmp_path / "lab.toml", DOMAIN + given) == (
        [],
        [
            f"10: switch.domains[1].subscribers[2].services.{service}: 99999 is not reached, so forwarded calls fail: "
            "99999 is not a subscriber, and there is no routing context"
        ],
    )
    assert told(tmp_path / "lab.toml", DOMAIN + given.replace("99999", "28331")) == ([], [])
    with pytest.raises(
        ConfigError, match=rf"services\.{service}: '28331x' is not allowed: 0 to 18 digits, \* or #"
    ):
        told(tmp_path / "lab.toml", DOMAIN + given.replace("99999", "28331x"))


@pytest.mark.parametrize("over", ["28331", "28332"], ids=["to oneself", "in a circle"])
def test_a_forwarding_that_leads_back_is_told(tmp_path: Path, over: str) -> None:
    given = (
        f'subscribers = [{{ number = "28331", services = {{ cfu = "{over}" }} }},\n'
        '  { number = "28332", services = { cfu = "28331" } }]\n'
    )
    errors, warnings = told(tmp_path / "lab.toml", DOMAIN + given)
    assert not errors
    assert f"services.cfu: {over} leads back to 28331, so forwarded calls fail: 28331 -> " in warnings[0]


def test_a_numbering_plan_of_a_trunk_that_is_not_there_is_told(tmp_path: Path) -> None:
    given = 'trunks = [{ number = 2, name = "t", np = "nix" }]\n'
    _, [warning] = told(tmp_path / "lab.toml", DOMAIN + given)
    assert "9: switch.domains[1].trunks[1].np: one has no numbering plan 'nix'; there are: default" in warning


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[mediator]\nstate = "no/state.db"\njournal = "no/such/j.db"\n',
            [
                "2: mediator.state: no/state.db: there is no folder {folder}/no: make it first",
                "3: mediator.journal: no/such/j.db: there is no folder {folder}/no/such: make it first",
            ],
        ),
        (
            '[mediator]\nstate = "a.db"\njournal = "./a.db"\n[switch]\nhost_key_file = "a.db"\n',
            [
                "3: mediator.journal: ./a.db is mediator.state already: each needs a file of its own",
                "5: switch.host_key_file: a.db is mediator.state already: each needs a file of its own",
            ],
        ),
        (
            '[mediator]\nstate = "lab.toml"\njournal = "sub"\n',
            [
                "2: mediator.state: lab.toml is this file already: each needs a file of its own",
                "3: mediator.journal: sub is a folder: give a file in it",
            ],
        ),
        (
            '[mediator]\njournal = "c.xml"\n[[switch.domains]]\nname = "d"\ncontexts = ["c.xml"]\n',
            [
                "2: mediator.journal: c.xml is switch.domains[1].contexts[1] already: each needs a file of its own"
            ],
        ),
        (
            '[radius]\nclients = { "nohost" = "abcdef" }\n',
            ["2: radius.clients: RADIUS client 'nohost': not an IP address or network"],
        ),
        (
            '[console]\nkpd2_port = 1001\n[web]\nport = 7777\n[switch]\n[mediator]\nstate = "no/s.db"\n',
            [
                "2: console.kpd2_port: 1001 is console.kpd1_port already; 0 means any free port",
                "5: switch.ssh_port: 7777 is web.port already; 0 means any free port",
                "7: mediator.state: no/s.db: there is no folder {folder}/no: make it first",
            ],
        ),
        (
            '[[e1]]\nline = "memory"\nkpd1_timeslot = 31\nkpd2_timeslot = 31\n',
            ["4: e1[1].kpd2_timeslot: 31 is kpd1_timeslot already: each channel has a timeslot of its own"],
        ),
    ],
    ids=["folder", "same file", "other files", "context", "radius", "several checks", "timeslots"],
)
def test_what_would_fail_at_the_start_is_an_error(tmp_path: Path, text: str, says: list[str]) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "c.xml").write_text(
        '<context name="c"><rule name="r"><result><local/></result></rule></context>'
    )
    errors, _ = told(tmp_path / "lab.toml", text)
    assert errors == [one.format(folder=tmp_path) for one in says]


def test_a_host_without_an_address_is_told_with_the_nearest_one() -> None:
    def look_up(host: str) -> None:
        if host != "localhost":
            raise OSError(-2, "Name or service not known")

    loaded = config.parse(
        {
            "ssh": {"server": "localhosst", "backup": "localhost"},
            "switch": {"domains": [{"name": "d", "radius_servers": [{"host": "far.invalid"}]}]},
            "e1": [{"remote": "localhst:5000"}],
        }
    )
    why = "Name or service not known"
    assert list(host_warnings(loaded, look_up)) == [
        f"ssh.server: 'localhosst' is not found: {why}; did you mean localhost?",
        f"switch.domains.0.radius_servers.0.host: 'far.invalid' is not found: {why}",
        f"e1.0.remote: 'localhst' is not found: {why}; did you mean localhost?",
    ]


def test_addresses_are_not_looked_up() -> None:
    asked: list[str] = []
    assert unresolved(["127.0.0.1", "::1", "0.0.0.0"], asked.append) == {}  # noqa: S104
    assert asked == []


@pytest.mark.parametrize("host", ["127.0.0.256", "127.0.0.1.1"])
def test_a_host_of_numbers_alone_is_an_address(host: str) -> None:
    with pytest.raises(config.ConfigError, match=r"it is no IPv4 address: four numbers 0 to 255"):
        config.parse({"ssh": {"server": host}})


def test_an_expired_licence_and_a_missing_tty_are_told(tmp_path: Path) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    text = (
        f"[switch.licence]\nexpires = {yesterday}\n[[e1]]\nline = 'serial'\n"
        f"serial = {{ kpd1 = '{tmp_path}/tty', kpd2 = '/dev/null' }}\n"
    )
    assert (
        told(tmp_path / "lab.toml", text)
        == (
            [],
            [
                f"2: switch.licence.expires: {yesterday} is over: the factory licence is in force, or an added one",
                f"5: e1[1].serial.kpd1: {tmp_path}/tty: there is no such device now; the mediator tries again every "
                "5 s",
            ],
        )
        or "serial" in told(tmp_path / "lab.toml", text)[0][0]
    )


BAD_XML = (
    '<context name="bad"><rule name="a"><conditions><cdpn digits="8%8"/></conditions><result><lcal/></result></rule>'
    '<rule name="b"><conditions><cdpn dgits="8"/></conditions><result><local/></result></rule></context>'
)


def test_mistakes_of_a_context_are_a_line_each_and_once(tmp_path: Path) -> None:
    (tmp_path / "bad.xml").write_text(BAD_XML)
    path = tmp_path / "lab.toml"
    domains = "".join(
        f'[[switch.domains]]\nname = "{name}"\ncontexts = ["bad.xml", "no.xml"]\n' for name in "ab"
    )
    errors, _ = told(path, domains)
    place = f"3: switch.domains[1].contexts[1]: {tmp_path}/bad.xml:1: "
    assert [one.removeprefix(place) for one in errors[:3]] == [
        "<cdpn dgits>: unknown attribute; allowed: digits, incomplete, inni, nai, ni, npi",
        "<cdpn digits>: '8%8': % stands for the rest of the number, so it must be the last",
        "<lcal> is not allowed in <result>; allowed: continue, external, local",
    ]
    assert errors[3:] == [
        f"3: switch.domains[1].contexts[2]: {tmp_path}/no.xml: can't be read: No such file or directory"
    ]


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), env=environment)
    return result.exit_code, result.stdout, result.stderr


def test_config_check_tells_errors_and_warnings_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(DOMAIN.replace('password = "123"\n[switch]', 'password = "no"\n[switch]'))
    assert run("config", "check", str(path)) == (
        0,
        f"{path}: fine\n",
        f"{path}:3: warning: ssh.user: the switch does not let 'one' in: wrong password\n",
    )
    code, out, _ = run("config", "check", str(path), "--json")
    assert (code, json.loads(out)) == (
        0,
        {
            "file": str(path),
            "valid": True,
            "errors": [],
            "warnings": [
                {
                    "path": "ssh.user",
                    "line": 3,
                    "message": "the switch does not let 'one' in: wrong password",
                }
            ],
        },
    )


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (
            "[web]\nport = 70000\nprot = 1\n",
            [
                ("web.port", 2, "70000 is not allowed: at most 65535"),
                ("web.prot", 3, "unknown key; did you mean port?"),
            ],
        ),
        ("[web\n", [("", 1, "is not TOML: ")]),
        ('[mediator]\nstate = "no/s.db"\n[switch]\n', [("mediator.state", 2, "no/s.db: there is no folder")]),
        ('[acceptance]\ndomain = "x"\n', [("switch", None, "a [switch] table is needed")]),
    ],
    ids=["types", "syntax", "references", "acceptance"],
)
def test_config_check_json_lists_errors(
    tmp_path: Path, text: str, errors: list[tuple[str, int | None, str]]
) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(text)
    code, out, err = run("config", "check", str(path), "--json")
    document = json.loads(out)
    assert (code, err, document["valid"]) == (2, "", False)
    assert len(document["errors"]) == len(errors)
    for row, (key, line, message) in zip(document["errors"], errors, strict=True):
        assert (row["path"], row["line"]) == (key, line)
        assert row["message"].startswith(message)


def test_an_agreed_prefix_that_the_manual_does_not_have_is_told(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    agreed = (
        'trunks = [{ number = 1, name = "t" }]\nsubscribers = [{ number = "28331" }, { number = "28332" }]\n'
        '[acceptance.formats.intercity]\nprefix = "9"\n[acceptance.formats.international]\nprefix = "710"\ndial = ""\n'
    )
    path.write_text(DOMAIN + agreed)
    code, _, err = run("config", "check", str(path))
    assert code == 0
    assert (
        f"{path}:12: warning: acceptance.formats.intercity.prefix: '9': the manual has none, 7, 8 for this kind\n"
        in err
    )
    assert (
        f"{path}:11: warning: acceptance.formats.intercity: outgoing by t: fails without a call: 89001758964: "
        in err
    )
    assert "international.prefix" not in err
    assert "acceptance.formats.local" not in err


def test_a_lab_whose_mediator_can_not_log_in_says_so_in_its_ready_line(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(DOMAIN.replace('password = "123"\n[switch]', 'password = "no"\n[switch]'))
    command = [sys.executable, "-P", "-m", "sorm_mediator", "lab", str(path), "--auto-ports"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.terminate()
        _, log = process.communicate()
    assert process.returncode == 0
    assert ready["warnings"] == [f"{path}:3: ssh.user: the switch refuses the mediator 'one': wrong password"]
    assert log.count("wrong password") >= 1
    assert "the switch refuses the mediator 'one': wrong password" in log


def test_a_lab_tells_its_doubts_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(DOMAIN + 'subscribers = [{ number = "28332", services = { cfu = "99999" } }]\n')
    command = [sys.executable, "-P", "-m", "sorm_mediator", "lab", str(path), "--auto-ports"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.terminate()
        _, log = process.communicate()
    [warning] = ready["warnings"]
    assert warning.startswith(
        f"{path}:9: switch.domains[1].subscribers[1].services.cfu: 99999 is not reached"
    )
    assert "services.cfu: 99999 is not reached" in log


@pytest.mark.parametrize(
    ("console", "told"),
    [
        ({"allow": ["10.0.0.0/8"]}, "it has 10.0.0.0/8, and console.host is 127.0.0.1"),
        ({"allow": []}, "it has nobody, and console.host is 127.0.0.1"),
        ({"host": "192.0.2.1"}, "it has 127.0.0.0/8, and console.host is 192.0.2.1"),
        ({"allow": ["10.0.0.0/8", "0.0.0.0/0"]}, ""),
        ({"host": "192.0.2.1", "allow": ["10.0.0.0/8"]}, ""),
        ({"host": "0.0.0.0", "allow": ["10.0.0.0/8"]}, ""),  # noqa: S104
        ({"host": "::1", "allow": ["127.0.0.0/8", "::1/128"]}, ""),
        ({}, ""),
    ],
)
def test_an_address_that_no_allowed_console_reaches_is_told(console: dict[str, Any], told: str) -> None:
    found = [line for line in file_warnings(config.parse({"console": console})) if "console.allow" in line]
    assert [line.rpartition(": ")[0] for line in found] == (
        [f"console.allow: no console can connect: {told}"] if told else []
    )


@pytest.mark.parametrize(
    ("radius", "told_of"),
    [
        ('host = "0.0.0.0"', "0.0.0.0"),  # noqa: S104
        ('host = "0.0.0.0"\nsecret = "2testing123"', "0.0.0.0"),  # noqa: S104
        ('host = "192.0.2.1"\nclients = { "192.0.2.2" = "own" }', "192.0.2.1"),
        ('host = "0.0.0.0"\nsecret = "own"', ""),
        ('host = "0.0.0.0"\nsecret = ""\nclients = { "192.0.2.2" = "own" }', ""),
        ('clients = { "127.0.0.2" = "own" }', ""),
    ],
)
def test_the_published_secret_beyond_loopback_is_told(tmp_path: Path, radius: str, told_of: str) -> None:
    errors, warnings = told(tmp_path / "lab.toml", f"{GATEWAY}[radius]\n{radius}\n")
    assert not errors
    assert [one.partition(": whoever")[0].partition("radius.secret: ")[2] for one in warnings] == (
        [f"has its published default, and radius.host is {told_of}"] if told_of else []
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (DOMAIN, "is empty, and the switch of this file signs its reports with it: set a secret"),
        (GATEWAY, "is empty, and radius.clients names nobody, so no report would be taken: "),
    ],
)
def test_an_empty_secret_that_leaves_nobody_is_refused(tmp_path: Path, text: str, error: str) -> None:
    errors, _ = told(tmp_path / "lab.toml", '[radius]\nsecret = ""\n' + text)
    assert len(errors) == 1
    assert errors[0].startswith(f"2: radius.secret: {error}")


POOL = """\
subscribers = [
  { number = "1", station = "ip", licences = ["voicemail"] },
  { number = "2", station = "ip", licences = ["voicemail"] },
]
[switch.licence_pool]
"""


def test_more_licences_demanded_than_bought_are_told_with_number_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    errors, warnings = told(file, DOMAIN + POOL + "limits = { ip = 1 }\n")

    assert errors == []
    assert [one.partition("switch.")[2] for one in warnings] == [
        "licence_pool: 2 subscribers demand a licence ip, and 1 were bought, so 1 go without: raise limits.ip, "
        'activate a licence file with more, or give fewer of them station = "ip"',
        "licence_pool: 2 subscribers demand a licence voicemail, and 0 were bought, so 2 go without: raise "
        'limits.voicemail, activate a licence file with more, or give fewer of them "voicemail" in their licences',
    ]
    assert told(file, DOMAIN + POOL + "limits = { ip = 2, voicemail = 2 }\n") == ([], [])


def test_a_slave_whose_licences_its_master_grants_is_told_nothing_of_them(tmp_path: Path) -> None:
    network = """\
[switch.licence_network]
role = "slave"
node = "a"
master = "127.0.0.1:7791"
secret = "network"
"""
    assert told(tmp_path / "lab.toml", DOMAIN + POOL + network) == ([], [])
