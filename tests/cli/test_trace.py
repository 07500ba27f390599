"""``sorm-mediator trace``: exit codes, and where the call comes in."""

import json
import subprocess
import sys
from pathlib import Path

import captures

LABS = Path(captures.__file__).parent / "labs"
MINIMAL, MULTI = str(LABS / "minimal.toml"), str(LABS / "multisorm" / "lab.toml")


def trace(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sorm_mediator", "trace", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_call_that_comes_somewhere_is_0_and_json_is_all_of_stdout() -> None:
    done = trace("-c", MINIMAL, "cgpn.digits=28331", "cdpn.digits=89001758964", "mode=enblock", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["sorm"]["a"] == {"digits": "28331", "ni": "private", "sign": 1}
    assert found["path"] == [{"domain": "test.domain", "context": "ctx_from_local", "rule": "to_8"}]


def test_a_call_that_comes_nowhere_is_1_and_says_why() -> None:
    done = trace("-c", MINIMAL, "cgpn.digits=28331", "cdpn.digits=28999")

    assert done.returncode == 1
    lines = done.stdout.splitlines()
    reason = lines.index("Reason: 28999 is not a subscriber of test.domain")
    assert lines[reason + 1] == "To the console (268):", "the console is shown the call all the same"


def test_the_callers_domain_is_found() -> None:
    done = trace("-c", MULTI, "--lang", "ru", "cgpn.digits=200100", "cdpn.digits=300000")

    assert done.returncode == 0
    assert "В СОРМ передаётся: A 200100 (private), B 300000 (private)" in done.stdout

    for caller in ("iface=200100@voip.local", "iface=trunk:trunk1"):
        done = trace("-c", MULTI, caller, "cgpn.digits=200100", "cdpn.digits=99")
        assert (done.returncode, done.stderr) == (1, "")


def test_wrong_usage_is_2_and_one_line() -> None:
    for complaint, arguments in (
        ("'b=1': no parameter of a trace", ("-c", MINIMAL, "b=1")),
        (
            "--domain: there is no domain 'x'",
            ("-c", MULTI, "--domain", "x", "cgpn.digits=1", "cdpn.digits=1"),
        ),
        ("--domain: is missing, and no domain has '1'", ("-c", MULTI, "cgpn.digits=1", "cdpn.digits=1")),
    ):
        done = trace(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"sorm-mediator: {complaint}")
        assert len(done.stderr.splitlines()) == 1


def test_a_lab_without_a_switch_or_with_broken_routing_is_2(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text("[mediator]\norm_number = 7\n")
    done = trace("-c", str(file), "cgpn.digits=1", "cdpn.digits=1")
    assert (done.returncode, "a trace needs the [switch] table" in done.stderr) == (2, True)

    (tmp_path / "c.xml").write_text("<context name='c'>\n</context")
    file.write_text('[[switch.domains]]\nname = "d"\ncontexts = ["c.xml"]\n')
    done = trace("-c", str(file), "cgpn.digits=1", "cdpn.digits=1")
    assert done.returncode == 2
    assert "c.xml:2: the closing > of </context> is missing: write </context>" in done.stderr


def test_a_question_asked_wrongly_is_answered_with_the_right_form() -> None:
    for hint, arguments in (
        (
            "as dialled: without +, spaces and dashes",
            ("-c", MINIMAL, "cgpn.digits=28331", "cdpn.digits=+79001758964"),
        ),
        ("; did you mean cgpn.digits?", ("-c", MINIMAL, "cgpn=28331", "cdpn.digits=28332")),
        ("; did you mean smg_trunk?", ("-c", MINIMAL, "iface=smg_trnk", "cdpn.digits=28331")),
        (
            "; did you mean voip.local?",
            ("-c", MULTI, "--domain", "voip.locl", "cgpn.digits=1", "cdpn.digits=1"),
        ),
        (
            "; 73832700000 is a full number of 200100 in voip.local: give cgpn.digits=200100",
            ("-c", MULTI, "cgpn.digits=73832700000", "cdpn.digits=1"),
        ),
    ):
        done = trace(*arguments)
        assert done.returncode == 2
        assert hint in done.stderr


def test_what_becomes_of_a_call_beyond_routing_is_said_in_both_forms() -> None:
    for number, line, state, forwardings in (
        ("28334", "28334 is forwarded (cfu 28333): ", "good", {"cfu": "28333"}),
        ("28343", "The line of 28343 is faulty: nothing rings there", "faulty", {}),
    ):
        arguments = ("-c", MINIMAL, "cgpn.digits=28331", f"cdpn.digits={number}")
        assert line in trace(*arguments).stdout
        found = json.loads(trace(*arguments, "--json").stdout)
        assert found["subscriber"] == {"number": number, "line_state": state, "forwardings": forwardings}
