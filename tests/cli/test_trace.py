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
    assert done.stdout.splitlines()[-1] == "Reason: 28999 is not a subscriber of test.domain"


def test_the_callers_domain_is_found() -> None:
    done = trace("-c", MULTI, "--lang", "ru", "cgpn.digits=200100", "cdpn.digits=300000")

    assert done.returncode == 0
    assert "В СОРМ передаётся: A 200100 (private), B 300000 (private)" in done.stdout


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
