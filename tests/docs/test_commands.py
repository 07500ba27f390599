"""Every command that README and docs show in a ``console`` block, run as the reader would, each page for itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.page_session import commands_of, missing, without_haste

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_COMMANDS = [page for page in PAGES if commands_of(page.read_text("utf-8"))]
ASKPASS = "#!/bin/sh\necho password\n"  # of the shipped labs' admin, as the pages say
SSH_CONFIG = (
    "Host *\n  StrictHostKeyChecking accept-new\n  UserKnownHostsFile {home}/known_hosts\n  LogLevel ERROR\n"
)


def _apart() -> list[str]:
    """The command that gives another its own network and processes, so that no port is another's."""
    command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return command if os.geteuid() == 0 else [*command, "--map-root-user"]


@pytest.fixture(scope="session")
def apart() -> list[str]:
    command = _apart()
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespace on this machine (unshare --net): {error}")
    return command


@pytest.fixture
def reader(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Where the reader sits, with what a checkout has, and the reader's environment."""
    folder = tmp_path / "reader"
    for name in ("captures", "radius"):
        left_out = shutil.ignore_patterns("*.db*", "*-host-key", "__pycache__", "*.pyc")
        shutil.copytree(ROOT / name, folder / name, ignore=left_out)
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(SSH_CONFIG.format(home=home), "utf-8")
    (home / "askpass").write_text(ASKPASS, "utf-8")
    (home / "askpass").chmod(0o700)
    # OpenSSH's client asks the system for the home folder and does not look at HOME.
    path = home / "bin"
    path.mkdir()
    (path / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {home}/.ssh/config "$@"\n', "utf-8")
    # An answer of HTTP 4xx or 5xx is a failure.
    (path / "curl").write_text(f'#!/bin/sh\nexec {shutil.which("curl")} --fail-with-body "$@"\n', "utf-8")
    for wrapper in path.iterdir():
        wrapper.chmod(0o700)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SORM_")},
        "PATH": f"{path}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "SSH_ASKPASS": str(home / "askpass"),
        "SSH_ASKPASS_REQUIRE": "force",
        "COLUMNS": "100",
    }
    return folder, environment


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_every_command_of_a_page_does_what_the_page_shows(
    page: Path, apart: list[str], reader: tuple[Path, dict[str, str]]
) -> None:
    folder, environment = reader
    session = Path(__file__).with_name("page_session.py")
    ran = subprocess.run(
        [*apart, sys.executable, str(session), str(page), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    verdicts = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len({one["line"] for one in verdicts}) == len(commands_of(page.read_text("utf-8")))
    wrong = [
        f"{page.name}:{one['line']}: {one['command']}\n{one['wrong']}" for one in verdicts if one["wrong"]
    ]
    assert not wrong, "\n\n".join(wrong)


def test_a_page_is_read_as_its_reader_reads_it() -> None:
    page = """
```console
$ sorm-mediator lab
{"ready": true}
$ sorm-mediator console -c \\
    lab.toml
sorm> start
09:12 <- KPD1  command-executed
```
<!-- not run: needs a real console -->
```console
$ sorm-mediator replay --host 192.0.2.10
```
<!-- exit: 1 -->
```console
$ cat > f <<END
one
END
$ false
```
"""
    lab, console, written, failing = commands_of(page)
    assert (lab.text, lab.shown) == ("sorm-mediator lab", ['{"ready": true}'])
    assert console.text == "sorm-mediator console -c \\\n    lab.toml"
    assert (console.typed, console.shown) == (["start"], ["09:12 <- KPD1  command-executed"])
    assert written.text == "cat > f <<END\none\nEND"
    assert (failing.text, failing.exit) == ("false", 1)


def test_digits_and_dots_of_a_page_stand_for_any() -> None:
    assert missing(["at 10:01:02, call 1 ... released"], "at 23:59:59, call 77 is\n released") is None
    assert missing(["call 1 ... released"], "released\ncall 1 is") == "released"
    assert missing(["accepted"], "refused") == "accepted"


def test_a_limit_of_time_does_not_judge_the_machine_and_the_others_are_kept() -> None:
    shown = (
        "sorm-mediator load --calls 20 --max-event-p99 200ms --max-27h-p99=0.02s --max-lost 0 --duration 30s"
    )
    run = "sorm-mediator load --calls 20 --max-event-p99 60s --max-27h-p99=60s --max-lost 0 --duration 30s"
    assert without_haste(shown) == run
