"""``tap`` from outside, between ``replay`` and a lab: what it prints, captures, records and spoils; its exit codes."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

import captures
from sorm_mediator.capture.reader import read_bytes
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.config import load
from sorm_mediator.tap.session import SHOWN, TapSettings

FOLDER = Path(captures.__path__[0])
LAB = FOLDER / "labs" / "minimal.toml"
COMMAND = [sys.executable, "-m", "sorm_mediator"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The endpoints of a lab."""
    folder = tmp_path_factory.mktemp("lab")
    sets = [f"mediator.state={folder}/state.db", f"mediator.journal={folder}/journal.db"]
    words = [word for text in sets for word in ("--set", text)]
    command = [*COMMAND, "lab", "-c", str(LAB), "--auto-ports", *words, "--log-level", "error"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["endpoints"]
        process.send_signal(signal.SIGTERM)


@contextmanager
def tap(
    lab: dict[str, str], *arguments: str, ready_on: str = "stdout", **more: Any
) -> Iterator[tuple[Any, dict]]:
    """A running tap, and its ready line."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    command = [*COMMAND, "tap", "--kpd1", lab["kpd1"], "--kpd2", lab["kpd2"], *arguments]
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            yield process, json.loads(getattr(process, ready_on).readline())
        finally:
            process.kill()


def replay(lab: dict[str, str], endpoints: dict[str, str], script: Path) -> subprocess.CompletedProcess[str]:
    ports = [word for name in ("kpd1", "kpd2") for word in (f"--{name}", endpoints[name].rpartition(":")[2])]
    where = ["--host", "127.0.0.1", *ports, "--web", f"http://{lab['web']}", "-c", str(LAB)]
    return subprocess.run(
        [*COMMAND, "replay", str(script), "-q", *where], capture_output=True, text=True, check=False
    )


def stop(process: Any) -> tuple[list[str], str]:
    """End a tap: the lines it printed, and what it said on stderr."""
    process.send_signal(signal.SIGTERM)
    out, said = process.communicate()
    return (out or "").splitlines(), said


MAIN_JOB = FOLDER / "scenarios" / "main-job.yaml"


def test_a_dialogue_is_shown_captured_and_recorded_and_the_recording_replays(lab, tmp_path) -> None:
    pcap, record = tmp_path / "tap.pcapng", tmp_path / "again.yaml"
    with tap(lab, "--pcap", str(pcap), "--record", str(record), "--calls", "test.domain") as (process, ready):
        done = replay(lab, ready["endpoints"], MAIN_JOB)
        assert done.returncode == 0, done.stdout
        lines, said = stop(process)
    assert (process.returncode, said) == (0, "")
    shown = [line[13:] for line in lines]
    assert "-> KPD1  add-object object_number=258 number=28331 category=combined ksl_group=1" in shown
    assert "<- KPD1  command-executed command=add-object status=00h (done)" in shown
    assert sum(line.startswith("<- KPD2  ") for line in shown) == 3
    assert "123456" not in "".join(lines)
    found = [one for one in decode_events(read_bytes(pcap.read_bytes())) if isinstance(one, Found)]
    assert [one for one in found if one.raw == bytes.fromhex("CC010100313233343536")]
    assert pcap.stat().st_mode & 0o777 == record.stat().st_mode & 0o777 == 0o600
    steps = yaml.safe_load(record.read_text())["steps"]
    assert [next(iter(step)) for step in steps] == ["send", "send", "send", "call", "send", "send"]
    assert replay(lab, lab, record).returncode == 0


def test_a_recording_of_two_sessions_of_a_console_replays(lab, tmp_path) -> None:
    record = tmp_path / "twice.yaml"
    lines = (
        "start\nadd-object object_number=258 number=28331\n"
        "call domain=test.domain a=28331 b=28332 talk=0.1\nwait 1\nstop\n"
    )
    with tap(lab, "--record", str(record), "--calls", "test.domain") as (process, ready):
        ports = [word for name in ("kpd1", "kpd2") for word in (f"--{name}", ready["endpoints"][name])]
        console = [*COMMAND, "console", *ports, "--web", f"http://{lab['web']}", "-c", str(LAB)]
        for _ in range(2):
            done = subprocess.run(console, input=lines, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout
        stop(process)
    document = yaml.safe_load(record.read_text())
    assert document["finally"] == [{"send": "stop", "expect": "any"}]
    assert sum("call" in step for step in document["steps"]) == 2
    done = replay(lab, lab, record)
    assert done.returncode == 0, done.stdout


def test_the_ready_file_of_a_tap_is_its_ready_line(lab, tmp_path) -> None:
    file = tmp_path / "ready.json"
    with tap(lab, "--ready-file", str(file)) as (process, ready):
        assert json.loads(file.read_text()) == ready
        stop(process)
    assert not file.exists()


def test_json_is_an_object_a_line_and_masks_passwords(lab) -> None:
    with tap(lab, "--json") as (process, ready):
        replay(lab, ready["endpoints"], MAIN_JOB)
        lines, _ = stop(process)
    events = [json.loads(line) for line in lines]
    units = [event["unit"] for event in events if event["event"] == "unit"]
    assert units[0]["name"] == "start"
    assert units[0]["hex"] == "CC 01 01 00 ** ** ** ** ** **"
    assert units[0]["fields"]["password"] == "******"


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt install tshark")
def test_what_is_spoiled_is_printed_and_stands_in_the_capture(lab, tmp_path) -> None:
    pcap = tmp_path / "spoiled.pcapng"
    rules = ["--spoil", "drop,name=answer", "--spoil", "duplicate,name=27h,nth=1", "--seed", "5"]
    with tap(lab, "--pcap", str(pcap), *rules) as (process, ready):
        assert ready["seed"] == 5
        done = replay(lab, ready["endpoints"], MAIN_JOB)
        assert done.returncode == 1
        assert "nothing that fits came" in done.stdout
        lines, _ = stop(process)
    assert sum("  [dropped]" in line for line in lines) == 1
    assert any("command-received command=start" in line and "[passed twice]" in line for line in lines)
    fields = ["-T", "fields", "-e", "frame.comment"]
    shown = subprocess.run(
        ["tshark", "-r", str(pcap), "-Y", 'frame.comment contains "dropped"', *fields],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.startswith("answer object_number=258")
    assert shown.stdout.rstrip().endswith("[dropped]")


def test_a_mediator_that_was_never_reached_is_exit_code_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    with tap({"kpd1": nobody, "kpd2": nobody}) as (process, ready):
        host, _, port = ready["endpoints"]["kpd1"].rpartition(":")
        with socket.create_connection((host, int(port))) as console, suppress(ConnectionResetError):
            assert console.recv(1) == b""  # dropped, as a console sees a mediator that is not there
        lines, said = stop(process)
    assert process.returncode == 3
    assert f"{nobody}: can't be reached" in lines[0]
    assert f"the mediator was never reached: {nobody}" in said


def test_a_tap_that_no_console_used_ends_with_0_and_writes_no_scenario(lab, tmp_path) -> None:
    record = tmp_path / "nothing.yaml"
    with tap(lab, "--record", str(record)) as (process, _):
        _, said = stop(process)
    assert process.returncode == 0
    assert "is not written" in said
    assert not record.exists()


def test_a_reader_of_the_lines_that_goes_away_does_not_stop_the_tap(lab) -> None:
    with tap(lab) as (process, ready):
        process.stdout.close()
        assert replay(lab, ready["endpoints"], MAIN_JOB).returncode == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--listen-kpd1", "0.0.0.0:0"), "--listen-kpd1: 0.0.0.0:0: is not on loopback"),
        (("--listen-kpd1", "127.0.0.1"), "--listen-kpd1: '127.0.0.1' is no host:port, and no port"),
        (("--kpd1", "here"), "--kpd1: 'here' is no host:port, and no port"),
        (("--spoil", "drop,name=anser"), "did you mean answer?"),
        (("--kpd1", "127.0.0.1:0"), "--kpd1: 127.0.0.1:0: port 0 is none to connect to"),
        (("--pcap", "/nowhere/x.pcapng"), "--pcap: /nowhere/x.pcapng: can't be written"),
        (("--pcap", "/dev/full"), "--pcap: /dev/full: can't be written: No space left on device"),
        (("--record", "/nowhere/x.yaml"), "--record: /nowhere/x.yaml: its folder does not exist"),
        (("--record", str(LAB)), "exists already"),
        (
            ("-c", str(FOLDER / "labs" / "e1.toml")),
            "this lab's console is over E1 (console.link is x25); tap stands between TCP channels; "
            "--pcap of lab or replay records it",
        ),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(arguments, says) -> None:
    done = subprocess.run([*COMMAND, "tap", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["e1.toml", "tcp_voice.toml"])
def test_a_lab_with_speech_in_e1_and_a_mediator_named_apart_can_be_tapped(name) -> None:
    config = load(FOLDER / "labs" / name)
    by_tcp = config.console.link == "tcp"
    settings = TapSettings(config=Path(name), **({} if by_tcp else {"kpd1": "2001", "kpd2": "2002"}))
    ports = (config.console.kpd1_port, config.console.kpd2_port) if by_tcp else (2001, 2002)
    assert tuple(port for _, port in settings.mediator(config).values()) == ports


def test_a_port_that_is_taken_is_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [*COMMAND, "tap", "--listen-kpd1", where], capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert "--listen-kpd1: 127.0.0.1:" in done.stderr
    assert done.stderr.endswith(" is in use: choose another port, 0 = any free one\n")


def test_listening_beyond_loopback_is_possible_when_asked_for(lab) -> None:
    with tap(lab, "--allow-remote", "--listen-kpd1", "0.0.0.0:0") as (process, ready):
        assert ready["endpoints"]["kpd1"].startswith("0.0.0.0:")
        stop(process)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("header", "first", "apart"),
    [("00 CC01 01 77", 8, 0), ("CC01 01 00", 4, 4)],
    ids=["damaged length", "unfinished header"],
)
def test_much_that_is_no_unit_is_shown_and_recorded_in_part_and_no_password_in_it(
    lab, tmp_path, header: str, first: int, apart: int
) -> None:
    """A command is broken, and comes in two pieces: its password is in none of what is written.

    ``first``: octets of the first piece. ``apart``: those that are a broken unit of their own.
    """
    capture, script = tmp_path / "noise.pcapng", tmp_path / "noise.yaml"
    damaged = bytes.fromhex(header) + b"909090" + bytes(6)
    options = ("--json", "--pcap", str(capture), "--record", str(script), "--spoil", "drop,name=stop")
    with tap(lab, *options) as (process, ready):
        host, port = ready["endpoints"]["kpd1"].split(":")
        with socket.create_connection((host, int(port))) as console:
            console.sendall(damaged[:first])
            shown: list[dict[str, Any]] = [{}]
            while shown[-1].get("direction") != "received":
                shown.append(json.loads(process.stdout.readline()))
            console.sendall(damaged[first:] + b"\0" * 1_000_000 + bytes.fromhex("CC0101003930393039 30"))
            while shown[-1].get("unit", {}).get("name") != "start":
                shown.append(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    assert process.returncode == 0
    units = [one["unit"] for one in shown if one.get("direction") == "received"]
    assert sum(unit["length"] for unit in units) == len(damaged) + 1_000_000 + 10
    assert max(len(unit["hex"]) for unit in units) < 3 * SHOWN
    text = script.read_text()
    assert f"the first {SHOWN} of {len(damaged) - apart + 1_000_000} octets" in text
    assert len(text) < 10_000
    for said in (text, json.dumps(units)):
        assert "39 30 39" not in said
        assert "30 39 30" not in said
    assert capture.stat().st_size > 1_000_000
