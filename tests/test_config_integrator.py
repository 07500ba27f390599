"""Mistakes of those who write a lab file for their own exchange: each is told with its line, key, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sorm_mediator.cli.app import app

DOMAIN = (
    '[[switch.domains]]\nname = "a"\npassword = "1"\nsubscribers = [{ number = "1" }, { number = "2" }]\n'
)
LOGIN = '[ssh]\nport = 0\nuser = "a"\npassword = "1"\n'

MISTAKES = {
    "a text for a switch": (
        '[[switch.domains]]\nname = "a"\nenabled = "yes"\n',
        ["3: switch.domains[1].enabled: 'yes' is not allowed: true or false"],
    ),
    "a number for a switch": (
        "[[e1]]\ncrc4 = 1\n[switch]\n",
        ["2: e1[1].crc4: 1 is not allowed: true or false"],
    ),
    "a text for a number": (
        '[switch]\nkept_calls = "5"\nlogin_wait = "5"\n',
        [
            "2: switch.kept_calls: '5' is not allowed: a whole number",
            "3: switch.login_wait: '5' is not allowed: a number",
        ],
    ),
    "a date of another country": (
        '[switch.licence]\nexpires = "31.12.2027"\n',
        ["2: switch.licence.expires: '31.12.2027' is not a day such as 2027-12-31 (year, month, day)"],
    ),
    "a number for a date": (
        "[switch.licence]\nexpires = 2027\n",
        ["2: switch.licence.expires: 2027 is not a day such as 2027-12-31 (year, month, day)"],
    ),
    "a key below a number of a plan": (
        f'{DOMAIN}[switch.domains.numbering_plans.city]\n"7384" = {{ brige = "x" }}\n',
        ['6: switch.domains[1].numbering_plans.city."7384".brige: unknown key; did you mean bridge?'],
    ),
    "a secret of an address": (
        '[radius.clients]\n"10.0.0.1" = 12\n[switch]\n',
        ['2: radius.clients."10.0.0.1": ****** is not allowed: a text in quotation marks'],
    ),
    "a table twice": (
        "[web]\nport = 1\n[web]\nport = 2\n",
        ["3: is not TOML: cannot declare [web] twice"],
    ),
    "a context with another name": (
        f'{DOMAIN}contexts = ["c.xml"]\ndefault_context = "ctx_inn"\n',
        [
            "6: switch.domains[1].default_context: there is no context 'ctx_inn'; there are: ctx_in; "
            "did you mean ctx_in?"
        ],
    ),
    "an operator with another name": (
        f'{LOGIN}{DOMAIN}trunks = [{{ number = 1, name = "smg" }}]\n'
        '[acceptance.formats.local]\noperators.smgg = { dial = "1" }\n',
        [
            "11: acceptance.formats.local.operators.smgg: 'smgg' is not a trunk; there are: smg; did you mean smg?"
        ],
    ),
    "a licence and a context": (
        f'{DOMAIN}default_context = "x"\n[[switch.licences]]\nnumber = 2\nkey = "abc"\n',
        [
            "5: switch.domains[1].default_context: there is no context 'x'; there are: none",
            "8: switch.licences[1].key: this is not a key of a licence",
        ],
    ),
    "every mistake of two streams": (
        '[[e1]]\nline = "serial"\nlocal = "1.2.3.4:5"\n[e1.satop]\npayload = 256\n'
        '[[e1]]\nline = "satop"\nlocal = "x"\nremote = "y:z"\nkpd1_timeslot = 31\n[e1.serial]\nkpd1 = "a"\n'
        '[console]\nlink = "x25"\n[switch]\n',
        [
            '1: e1[1].serial.kpd1: is required for line = "serial"',
            '1: e1[1].serial.kpd2: is required for line = "serial"',
            '3: e1[1].local: 1.2.3.4:5: a line "serial" has no address: leave it out',
            '4: e1[1].satop: is for line = "satop", and this one is "serial": leave the table out',
            "6: e1[2].stream: 0 is e1[1].stream already: each has its own number",
            "8: e1[2].local: 'x' is not host:port, such as 127.0.0.1:50001",
            "9: e1[2].remote: 'y:z' is not host:port, such as 127.0.0.1:50001",
            "6: e1[2].kpd2_timeslot: 31 is kpd1_timeslot already: each channel has a timeslot of its own",
            '11: e1[2].serial: is for line = "serial", and this one is "satop": leave the table out',
        ],
    ),
    "agreed formats beside another mistake": (
        f'[web]\nport = "x"\n{LOGIN}{DOMAIN}[acceptance.formats.own]\nsubscriber = "9"\n'
        '[acceptance.formats.local]\nnumber_sign = "own"\n[acceptance.formats.intercity]\nnumber_sign = "own"\n',
        [
            "2: web.port: 'x' is not allowed: a whole number",
            "12: acceptance.formats.own.subscriber: 9 is not a subscriber of a; there are: 1, 2",
            "14: acceptance.formats.local.number_sign: 'own' is not a sign of network-full in order 268",
            "16: acceptance.formats.intercity.number_sign: 'own' is not a sign of network-full in order 268",
        ],
    ),
    "agreed formats beside a mistake beyond the types": (
        f'[web]\nport = 5\n[console]\nkpd1_port = 5\n{LOGIN}{DOMAIN}[acceptance.formats.own]\nsubscriber = "9"\n',
        [
            "2: web.port: 5 is console.kpd1_port already; 0 means any free port",
            "14: acceptance.formats.own.subscriber: 9 is not a subscriber of a; there are: 1, 2",
        ],
    ),
    "agreed formats that only follow": (
        f'{LOGIN}[[switch.domains]]\nname = "a"\nsubscribers = [{{ number = "1" }}, {{ number = 9 }}]\n'
        '[acceptance.formats.own]\nsubscriber = "9"\n',
        ["7: switch.domains[1].subscribers[2].number: 9 is not allowed: a text in quotation marks"],
    ),
    "agreed formats of a domain without its name": (
        f'{LOGIN}[[switch.domains]]\nsubscribers = [{{ number = "9" }}]\n{DOMAIN}'
        '[acceptance.formats.own]\nsubscriber = "9"\n',
        ["5: switch.domains[1].name: is required"],
    ),
}


def checked(folder: Path, text: str) -> tuple[int, list[str]]:
    file = folder / "lab.toml"
    file.write_text(text, encoding="utf-8")
    (folder / "c.xml").write_text(
        '<context name="ctx_in"><rule name="r"><result><local/></result></rule></context>', encoding="utf-8"
    )
    result = CliRunner().invoke(app, ["config", "check", str(file)])
    lines = result.stderr.removeprefix("sorm-mediator: ").splitlines()
    return result.exit_code, [line.removeprefix(f"{file}:") for line in lines]


@pytest.mark.parametrize(("text", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place_and_remedy(tmp_path: Path, text: str, told: list[str]) -> None:
    code, lines = checked(tmp_path, text)
    assert code == 2
    rest = list(lines)
    for begin in told:
        found = next((line for line in rest if line.startswith(begin)), None)
        assert found is not None, (begin, lines)
        rest.remove(found)
    assert rest == []


DOUBTS = {
    "a user with another name": (
        f"{LOGIN.replace(chr(34) + 'a', chr(34) + 'tset')}{DOMAIN.replace(chr(34) + 'a', chr(34) + 'test')}",
        "3: warning: ssh.user: the switch does not let 'tset' in: there is no such MultiSORM user, and no such "
        "domain; did you mean test?",
    ),
    "an alias that is nobody": (
        f'{DOMAIN}[switch.domains.numbering_plans.city]\n"7384" = {{ alias = "22" }}\n',
        "5: warning: switch.domains[1].numbering_plans.city: 22, which 7384 leads to, is not a subscriber of a",
    ),
    "a plan of a trunk": (
        f'{DOMAIN}trunks = [\n{{ number = 1, name = "t", np = "cty" }}]\n'
        '[switch.domains.numbering_plans.city]\n"7384" = { alias = "1" }\n',
        "6: warning: switch.domains[1].trunks[1].np: a has no numbering plan 'cty'; there are: city, default; "
        "did you mean city?",
    ),
}


@pytest.mark.parametrize(("text", "told"), DOUBTS.values(), ids=DOUBTS)
def test_what_may_be_meant_is_a_warning_at_its_line(tmp_path: Path, text: str, told: str) -> None:
    assert checked(tmp_path, text) == (0, [told])


def test_a_name_with_a_dot_has_its_own_line(tmp_path: Path) -> None:
    """Its parts are not keys of their own."""
    text = f'{LOGIN}{DOMAIN}[acceptance.formats.own.domains]\n"b.c" = {{ dial = "1" }}\n'
    code, lines = checked(tmp_path, text)
    assert (code, lines) == (
        2,
        ["10: acceptance.formats.own.domains.\"b.c\": 'b.c' is not a tested domain; there are: a"],
    )
