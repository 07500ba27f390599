"""The recipes of ``contrib/`` as far as they run without their CI server and without Docker."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from sorm_mediator.cli.begin import load_lab

ROOT = Path(__file__).parent.parent
CONTRIB = ROOT / "contrib"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCKERFILE = (CONTRIB / "Dockerfile").read_text(encoding="utf-8")
INSTALL = '.venv/bin/pip install --quiet "$SORM_MEDIATOR" pytest pytest-xdist hypothesis'
ANY = "0.0.0.0"  # noqa: S104 - compared only
JOBS = ("scenarios", "tests", "fuzz", "load")
SHORT = {"FUZZ_SECONDS": "60", "LIVE_SECONDS": "120", "LOAD_CALLS": "3"}
A_SCENARIO = "name: a start\nlab: labs/minimal.toml\nsteps: [{send: start}]\n"
A_TEST = """
def test_a_lab_is_there(console):
    console.send("start")
"""


def document(name: str) -> dict[Any, Any]:
    read = yaml.safe_load((CONTRIB / name).read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read


def gitlab_lines() -> list[str]:
    return [line for job in JOBS for line in document("gitlab-ci.yml")[job]["script"]]


def gitlab_variables() -> dict[str, str]:
    jobs = document("gitlab-ci.yml")
    return {name: value for job in JOBS for name, value in jobs[job].get("variables", {}).items()}


def kept_by_gitlab(job: str) -> list[str]:
    kept = document("gitlab-ci.yml")[job]["artifacts"]
    reports = kept["reports"]["junit"]
    return [*kept["paths"], *(reports if isinstance(reports, list) else [reports])]


def github_steps() -> list[dict[str, Any]]:
    [job] = document("github-workflow.yml")["jobs"].values()
    steps: list[dict[str, Any]] = job["steps"]
    return steps


# --- GitLab and GitHub


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A repository as the recipes expect it, with every line of ``script:`` run in it; and their exit codes.

    A fuzzer has a seed and a count here, so that the test does the same each time."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "scenarios").mkdir()
    (folder / "tests").mkdir()
    (folder / "scenarios" / "start.yaml").write_text(A_SCENARIO)
    (folder / "tests" / "test_it.py").write_text(A_TEST)
    (folder / ".venv").symlink_to(sys.prefix)
    environment = {**os.environ, **SHORT}
    codes = {}
    for line in gitlab_lines():
        fixed = " --seed 1 --units 1000" if "--target codec" in line else " --seed 1 --units 1"
        command = ["sh", "-c", line + fixed * (" fuzz " in line)]
        codes[line] = subprocess.run(
            command, cwd=folder, env=environment, check=False, capture_output=True
        ).returncode
    return folder, codes


def test_every_line_of_the_recipe_for_gitlab_succeeds(ran: tuple[Path, dict[str, int]]) -> None:
    assert set(ran[1].values()) == {0}, ran[1]


def test_what_the_recipe_for_gitlab_keeps_is_made(ran: tuple[Path, dict[str, int]]) -> None:
    made = {name for job in JOBS for name in kept_by_gitlab(job)} - {
        "fuzz-findings"
    }  # there is none without a finding
    assert {name for name in made if not (ran[0] / name).exists()} == set()


def test_the_corpus_that_the_recipes_cache_is_made(ran: tuple[Path, dict[str, int]]) -> None:
    [cache] = [step["with"] for step in github_steps() if "actions/cache" in step.get("uses", "")]
    jobs = document("gitlab-ci.yml")
    kept = jobs["fuzz"]["cache"]
    assert cache["path"] in kept["paths"]
    keys = [
        one["cache"].get("key", "default")
        for one in jobs.values()
        if isinstance(one, dict) and "cache" in one
    ]
    assert keys.count(kept["key"]) == 1, "a job of the same key would replace the corpus"
    assert any((ran[0] / cache["path"]).iterdir())


def test_the_test_shortens_what_the_recipes_let_a_user_choose() -> None:
    [job] = document("github-workflow.yml")["jobs"].values()
    assert job["env"] == gitlab_variables()
    assert gitlab_variables().keys() == SHORT.keys()


def test_the_recipe_for_gitlab_installs_what_its_lines_need() -> None:
    base = document("gitlab-ci.yml")[".sorm-mediator"]
    assert base["before_script"] == ["python -m venv .venv", INSTALL]
    assert base["image"] == "python:3.11-slim-bookworm"
    assert base["artifacts"]["when"] == "always"
    assert all(document("gitlab-ci.yml")[job]["extends"] == ".sorm-mediator" for job in JOBS)


def test_the_recipe_for_github_runs_the_same_lines_and_keeps_the_same_files() -> None:
    lines = [line for step in github_steps() for line in step.get("run", "").splitlines()]
    assert lines == ["python -m venv .venv", INSTALL, *gitlab_lines()]
    made = {name for job in JOBS for name in kept_by_gitlab(job)}
    assert set(github_steps()[-1]["with"]["path"].split()) == made
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in github_steps() if "uses" in step)


def test_the_page_shows_the_lines_of_the_recipes() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    lines = [line.removeprefix(".venv/bin/") for line in gitlab_lines()]
    for name, value in gitlab_variables().items():
        lines = [line.replace(f'"${name}"', value) for line in lines]
    assert [line for line in lines if f"$ {line}\n" not in page] == []


def test_no_recipe_hangs_for_longer_than_twenty_minutes() -> None:
    [job] = document("github-workflow.yml")["jobs"].values()
    assert job["timeout-minutes"] == 20
    assert document("gitlab-ci.yml")[".sorm-mediator"]["timeout"] == "20 minutes"


def start_with_lab(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.Popen(
        [CONTRIB / "with-lab.sh", *arguments],
        cwd=cwd,
        env={**os.environ, "PATH": path, "TMPDIR": str(cwd), "LAB_LOG": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def with_lab(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    running = start_with_lab(*arguments, cwd=cwd)
    out, errors = running.communicate()
    return subprocess.CompletedProcess(arguments, running.returncode, out, errors)


MINIMAL = str(ROOT / "captures" / "labs" / "minimal.toml")


def refuses(port: int) -> bool:
    with closing(socket.socket()) as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


def test_a_lab_beside_a_job_is_ready_and_ends_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(A_SCENARIO)
    replay = 'sorm-mediator replay a.yaml --kpd1 "$KPD1" --kpd2 "$KPD2" --web "$WEB"'
    done = with_lab(MINIMAL, "sh", "-c", f"{replay} && cat $READY && exit 7", cwd=tmp_path)
    assert done.returncode == 7, done.stdout + done.stderr
    ready = json.loads(done.stdout.splitlines()[-1])
    port = int(ready["endpoints"]["kpd1"].rpartition(":")[2])
    assert refuses(port)
    assert [one.name for one in tmp_path.iterdir()] == ["a.yaml"]


def ended(pid: int) -> bool:
    """No such process, or one whose parent has not asked for its end yet."""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_cancelled_job_ends_its_command_and_its_lab(number: signal.Signals, tmp_path: Path) -> None:
    """A runner kills what is left a few seconds after SIGTERM; a lost terminal sends SIGHUP."""
    running = start_with_lab(MINIMAL, "sh", "-c", 'tail -f /dev/null & echo "$KPD1 $!"; wait', cwd=tmp_path)
    assert running.stdout is not None
    address, child = running.stdout.readline().split()
    running.send_signal(number)
    running.communicate()
    assert running.returncode == 128 + number
    assert refuses(int(address.rpartition(":")[2]))
    assert ended(int(child))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_lab_that_ends_during_the_job_fails_it(number: signal.Signals, tmp_path: Path) -> None:
    running = start_with_lab(MINIMAL, "sh", "-c", 'echo "$$ $KPD1"; exec cat', cwd=tmp_path)
    assert running.stdout is not None
    job, address = running.stdout.readline().split()
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    [lab] = [int(child) for child in children if child != job]
    os.kill(lab, number)
    while not ended(lab):
        refuses(int(address.rpartition(":")[2]))
    _, errors = running.communicate("")
    assert running.returncode == 3, errors
    assert "with-lab.sh: the lab ended during the command, which ended with 0" in errors


def test_a_lab_without_a_job_is_refused(tmp_path: Path) -> None:
    done = with_lab(MINIMAL, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: with-lab.sh LAB.toml COMMAND [ARGUMENT...]\n"


def test_a_lab_beside_a_job_that_does_not_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[consol]\n")
    done = with_lab("bad.toml", "echo", "it has begun", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "consol" in done.stderr


# --- the container


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each on a line."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def last(word: str) -> str:
    return [rest for name, rest in instructions() if name == word][-1]


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    linter = Path(sys.prefix) / "bin" / "hadolint"
    if not linter.exists():
        pytest.skip("hadolint has no wheel for this machine")
    done = subprocess.run([linter, CONTRIB / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_both_stages_are_one_pinned_image_and_the_program_runs_without_privileges() -> None:
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases[0])
    assert last("USER") == "10001"
    assert "--uid 10001" in last("RUN")


def test_the_image_has_every_package_and_an_entry_point_of_the_project() -> None:
    packages = {name.partition(".")[0] for name in PROJECT["tool"]["setuptools"]["packages"]}
    copied = {rest.split()[0] for word, rest in instructions() if word == "COPY"}
    assert packages <= copied
    sent = (CONTRIB / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    needed = {*packages, "pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    assert {line.removeprefix("!") for line in sent if line.startswith("!")} == needed
    [program] = json.loads(last("ENTRYPOINT"))
    assert program in PROJECT["project"]["scripts"]


def test_compose_builds_that_image_and_its_values_are_those_of_a_lab_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = document("compose.yaml")["services"]["lab"]
    build = CONTRIB / service["build"]["context"] / service["build"]["dockerfile"]
    assert build.resolve() == CONTRIB / "Dockerfile"
    environment = {**service["environment"], "SORM_WEB__TOKEN": "a-token"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    config, _ = load_lab(None, ())
    assert (config.console.host, config.web.host) == (ANY, ANY)
    assert "172.16.0.0/12" in config.console.allow
    published = {int(port.rpartition(":")[2]) for port in service["ports"]}
    assert published == {config.console.kpd1_port, config.console.kpd2_port, config.web.port}
    assert published <= {int(port) for port in last("EXPOSE").split() if port.isdigit()}
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_entry_point_starts_a_lab_that_is_healthy(tmp_path: Path) -> None:
    """With the environment of compose.yaml, but on another address of loopback."""
    service = document("compose.yaml")["services"]["lab"]
    environment = {
        name: "127.0.0.1" if value == ANY else value for name, value in service["environment"].items()
    }
    environment |= {"SORM_WEB__TOKEN": "a-token", "XDG_STATE_HOME": str(tmp_path)}
    environment |= {"PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}"}
    command = [*json.loads(last("ENTRYPOINT")), *json.loads(last("CMD")), "--auto-ports"]
    check = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        try:
            ready = json.loads(lab.stdout.readline())
            environment["SORM_WEB__PORT"] = ready["endpoints"]["web"].rpartition(":")[2]
            assert subprocess.run(check, env=environment, check=False).returncode == 0
        finally:
            lab.terminate()
    assert lab.returncode == 0
    ended = subprocess.run(check, env=environment, check=False, capture_output=True, text=True)
    assert ended.returncode != 0
    assert "refused" in ended.stderr
