"""``--pcap`` of running boxes, from outside: what a capture holds, and that it never harms its box."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import captures
from sorm_mediator.capture.reader import read_bytes
from sorm_mediator.capture.units import Found, decode_events

FOLDER = Path(captures.__path__[0])
COMMAND = [sys.executable, "-m", "sorm_mediator"]
NEEDS_TSHARK = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed: apt install tshark"
)
LAPB = 'uat:user_dlts:"User 0 (DLT=147)","lapb","0","","0",""'


@contextmanager
def box(*arguments: str, ready_on: str = "stdout", **more: Any) -> Iterator[tuple[Any, dict[str, str]]]:
    """A running box, and its endpoints."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    with subprocess.Popen([*COMMAND, *arguments, "--log-level", "error"], text=True, **pipes) as process:
        try:
            line = getattr(process, ready_on).readline()
            yield process, json.loads(line)["endpoints"]
        finally:
            process.kill()


def lab(name: str = "minimal.toml", **sets: str) -> list[str]:
    given = [word for key, value in sets.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]
    return ["lab", "-c", str(FOLDER / "labs" / name), "--auto-ports", *given]


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, str]:
    return {"mediator__state": str(tmp_path / "state.db"), "mediator__journal": str(tmp_path / "journal.db")}


def drive(endpoints: dict[str, str], script: str = "main-job.yaml", lab_name: str = "minimal.toml") -> None:
    """Run the main job on a lab."""
    ports = {name: endpoints[name].rpartition(":")[2] for name in ("kpd1", "kpd2") if name in endpoints}
    options = [word for name, port in ports.items() for word in (f"--{name}", port)]
    done = subprocess.run(
        [
            *(*COMMAND, "replay", str(FOLDER / "scenarios" / script), "-q", "--host", "127.0.0.1", *options),
            *("--web", f"http://{endpoints['web']}", "-c", str(FOLDER / "labs" / lab_name)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def tshark(data: bytes, tmp_path: Path, *fields: str, only: str = "frame") -> list[list[str]]:
    path = tmp_path / "for-tshark.pcapng"
    path.write_bytes(data)
    words = [word for name in fields for word in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-o", LAPB, "-r", str(path), "-Y", only, "-T", "fields", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split("\t") for line in done.stdout.splitlines()]


def names(data: bytes) -> list[str]:
    items = decode_events(read_bytes(data))
    return [getattr(one.message, "message_name", "") for one in items if isinstance(one, Found)]


def until_written(path: Path, name: str) -> bytes:
    """The file, as soon as it has a message of this name: it is written while the lab runs."""
    while name not in names(data := path.read_bytes()):
        pass
    return data


@NEEDS_TSHARK
def test_a_killed_lab_leaves_a_file_with_every_interface_and_the_names_of_units(tmp_path, tables) -> None:
    path = tmp_path / "lab.pcapng"
    with box(*lab(**tables), "--pcap", str(path)) as (process, endpoints):
        drive(endpoints)
        until_written(path, "stop")
        process.kill()
        process.wait()
    data = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(data)[0] == "start" or "start" in names(data)
    rows = tshark(data, tmp_path, "frame.interface_name", "frame.comment")
    assert {row[0] for row in rows} == {"KPD1", "KPD2", "RADIUS", "SSH"}
    comments = [row[1] for row in rows]
    assert "add-object object_number=258 number=28331 category=combined ksl_group=1" in comments
    assert sum(text.startswith(("number-received", "answer", "release")) for text in comments) == 3
    assert not any("123456" in text for text in comments)
    assert tshark(data, tmp_path, "frame.number", only="_ws.malformed || tcp.analysis.flags") == []
    ports = tshark(data, tmp_path, "tcp.srcport", only='frame.interface_name == "KPD1" && tcp.flags.syn == 1')
    assert endpoints["kpd1"].rpartition(":")[2] in {row[0] for row in ports}
    reports = tshark(data, tmp_path, "udp.dstport", "udp.srcport", only='frame.interface_name == "RADIUS"')
    sink = endpoints["radius"].rpartition(":")[2]
    assert len(reports) >= 6
    assert all(sink in row for row in reports)


def test_a_capture_on_stdout_sends_the_ready_line_to_stderr(tmp_path, tables) -> None:
    out = tmp_path / "stdout"
    with (
        out.open("wb") as stream,
        box(*lab(**tables), "--pcap", "-", ready_on="stderr", stdout=stream) as (process, endpoints),
    ):
        drive(endpoints)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert {"start", "number-received", "stop"} <= set(names(out.read_bytes()))


def test_a_terminal_is_no_place_for_a_capture() -> None:
    master, slave = os.openpty()
    done = subprocess.run(
        [*COMMAND, *lab(), "--pcap", "-"], stdout=slave, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(slave)
    os.close(master)
    assert done.returncode == 2
    assert "--pcap: -: standard output is a terminal: pipe it" in done.stderr


def test_a_full_disk_is_told_once_and_counted_and_the_lab_works_on(tables) -> None:
    with box(*lab(**tables), "--pcap", "/dev/full") as (process, endpoints):
        drive(endpoints)
        status = httpx.get(f"http://{endpoints['web']}/api/v1/status", trust_env=False).json()
        assert status["counters"]["capture_packets_lost"] > 20
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
        assert process.returncode == 0
    assert said.count("No space left on device") == 1


def test_a_reader_that_goes_away_does_not_stop_the_lab(tables) -> None:
    with box(*lab(**tables), "--pcap", "-", ready_on="stderr") as (process, endpoints):
        process.stdout.close()
        drive(endpoints)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_a_file_that_cannot_be_written_is_a_wrong_option(tmp_path) -> None:
    done = subprocess.run(
        [*COMMAND, *lab(), "--pcap", str(tmp_path / "missing" / "x.pcapng")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--pcap: " in done.stderr
    assert "No such file or directory" in done.stderr


@NEEDS_TSHARK
def test_over_e1_the_frames_of_the_data_channels_are_in_it(tmp_path, tables) -> None:
    path = tmp_path / "e1.pcapng"
    config = tmp_path / "e1.toml"
    text = (FOLDER / "labs" / "e1.toml").read_text()
    config.write_text(text.replace('"routing/', f'"{FOLDER}/labs/routing/'))
    sets = [word for key, value in tables.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]
    with box("lab", "-c", str(config), *sets, "--set", "web.port=0", "--pcap", str(path)):
        send = [*COMMAND, "send", "-c", str(config), "--link", "x25", "get-version"]
        done = subprocess.run(send, capture_output=True, text=True, check=False)
        assert "command-received" in done.stdout, done.stdout + done.stderr
        data = until_written(path, "command-received")
    rows = tshark(data, tmp_path, "frame.interface_name", "frame.comment", only="lapb")
    assert {"e1.0 KPD1", "e1.0 KPD2"} <= {row[0] for row in rows}
    assert "get-version" in {row[1] for row in rows}


def test_a_switch_alone_records_its_reports(tmp_path) -> None:
    from sorm_mediator.lab.processes import free_udp_port
    from sorm_mediator.lab.small import switch_text

    config, path = tmp_path / "switch.toml", tmp_path / "switch.pcapng"
    config.write_text(switch_text(free_udp_port()))
    with box("switch", "-c", str(config), "--pcap", str(path)) as (process, endpoints):
        reply = httpx.post(
            f"http://{endpoints['web']}/api/v1/switch/domains/test.domain/calls",
            json={"a": "28331", "b": "28332", "talk": 0.01},
            trust_env=False,
        )
        assert reply.status_code == 202
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    # No mediator has an object there, so nothing is reported; the file is a capture all the same.
    assert path.read_bytes()[:4] == bytes.fromhex("0A0D0D0A")
