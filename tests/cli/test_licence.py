"""``sorm-mediator licence``: keys that the switch takes, and mistakes in one line."""

import json
import re
import subprocess
import sys
from datetime import date

import pytest

from sorm_mediator.switch.licence import INFINITY, decode_licence, decode_passport


def sorm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sorm_mediator", *arguments], capture_output=True, text=True, check=False
    )


def test_a_licence() -> None:
    limits = ("--limit", "sorm_channels=20", "--limit", "subscribers=infinity", "--limit", "cdr=basic, sorm3")
    done = sorm("licence", "make", *limits, "--expires", "2027-12-31", "--description", "Бийск")

    licence = decode_licence(done.stdout)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert (licence.ssw_id, licence.description, licence.expires) == (
        "ECSS 000000",
        "Бийск",
        date(2027, 12, 31),
    )
    assert licence.values() == {
        "sorm_channels": 20,
        "subscribers": INFINITY,
        "cdr": "basic, sorm3",
        "sorm_enabled": True,
    }


def test_a_passport_as_json() -> None:
    done = sorm("licence", "passport", "--ssw-id", "ECSS 010079", "--json")

    assert decode_passport(json.loads(done.stdout)["key"]).ssw_id == "ECSS 010079"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--limit", "sorm_chanels=1"), "--limit: sorm_chanels: there is no such limit; there are: "),
        (
            ("--limit", "sorm_channels=-1"),
            "--limit: sorm_channels: '-1' is not allowed: a whole number, 0 or more",
        ),
        (("--limit", "sorm_enabled"), "--limit: 'sorm_enabled' has no value: write KEY=VALUE"),
        (("--expires", "soon"), "--expires: 'soon' is not a date such as 2027-12-31"),
        (("--ssw-id", "x" * 65), "ssw_id: String should have at most 64 characters"),
    ],
)
def test_mistakes_are_one_line_and_2(arguments: tuple[str, ...], said: str) -> None:
    done = sorm("licence", "make", *arguments)

    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said in done.stderr


def test_make_tells_what_the_switch_keeps_to() -> None:
    done = sorm("licence", "make", "--limit", "concurrent_calls=1")
    assert done.stderr.splitlines() == [
        "set: concurrent_calls=1",
        "from the factory licence: max_conversation_time=60, sorm_enabled=false, sorm_channels=0, subscribers=10, "
        "lpm_time=1d",
    ]


def test_a_last_day_that_is_over_is_told() -> None:
    done = sorm("licence", "make", "--expires", "2020-01-01")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: --expires: 2020-01-01 is over, so no switch takes this licence\n")


def test_show_tells_what_a_key_holds() -> None:
    key = sorm("licence", "make", "--limit", "sorm_channels=20", "--expires", "2999-12-31").stdout
    done = sorm("licence", "show", key, "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert (document["kind"], document["ssw_id"], document["expires"]) == (
        "licence",
        "ECSS 000000",
        "2999-12-31",
    )
    assert document["limits"] == {"sorm_channels": "20", "sorm_enabled": "true"}
    assert document["kept"]["sorm_channels"] == {"value": "20", "from": "this licence"}
    assert document["kept"]["subscribers"] == {"value": "10", "from": "factory licence"}
    shown = sorm("licence", "show", key).stdout
    assert "kept to: subscribers            10 (factory licence)" in shown
    one = sorm("licence", "make", "--limit", "sorm_channels=1").stdout
    assert re.search(r"sorm_channels +1\b", sorm("licence", "show", one).stdout)


def test_show_of_a_passport_an_expired_licence_and_no_key() -> None:
    passport = sorm("licence", "passport", "--ssw-id", "ECSS 010079").stdout
    assert "ECSS 010079" in sorm("licence", "show", passport).stdout
    expired = sorm("licence", "make", "--expires", "2020-01-01").stdout
    done = sorm("licence", "show", expired)
    assert done.returncode == 1
    assert "expired" in done.stdout
    done = sorm("licence", "show", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sorm-mediator: this is not a key of a licence")
