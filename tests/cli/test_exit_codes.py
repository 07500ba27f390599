"""The exit codes of ``replay``, from outside: a process against a peer of each kind."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import captures
from sorm_mediator.console.interrupt import taken_signals

Serve = Callable[[socket.socket], None]
STEPS = "name: one command\nwithin: 0.3\nsteps: [{send: get-version}]\nfinally: [{send: stop}]\n"


def hang_up(connection: socket.socket) -> None:
    """A mediator that has another console already."""
    connection.close()


def say_nothing(connection: socket.socket) -> None:
    """A program that accepts, and is no mediator."""
    while connection.recv(4096):
        continue


def refuse(connection: socket.socket) -> None:
    """A mediator that refuses every command: 27h/17h, started is missing."""
    while data := connection.recv(4096):
        connection.sendall(bytes((0xCC, 1, 0x27, 2, 1, 0, 1, 0, 0xFF, 2, data[2], 0x17)))


def stop_half_way(connection: socket.socket) -> None:
    """A mediator that accepts the command on receipt, and closes the channel before it ends."""
    data = connection.recv(4096)
    if data:
        connection.sendall(bytes((0xCC, 1, 0x27, 2, 1, 0, 1, 0, 0xFF, 2, data[2], 0x00)))
    connection.close()


@pytest.fixture
def peer() -> Iterator[Callable[[Serve], tuple[int, int]]]:
    """Start a peer: the ports of KPD1, which ``serve`` serves, and of KPD2, which does what KPD1 does not read."""
    with ExitStack() as stack:

        def start(serve: Serve) -> tuple[int, int]:
            ports = []
            for each in (serve, hang_up if serve is hang_up else say_nothing):
                listener = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
                threading.Thread(target=accept, args=(listener, each), daemon=True).start()
                ports.append(listener.getsockname()[1])
            return ports[0], ports[1]

        yield start


def accept(listener: socket.socket, serve: Serve) -> None:
    try:
        while True:
            connection, _ = listener.accept()
            with connection:
                serve(connection)
    except OSError:  # the end of the test closes the listener, and of the process its connection
        return


def replay(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sorm_mediator", "replay", str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("serve", "code", "says"),
    [
        (
            hang_up,
            3,
            "the mediator hung up before it had answered: has it another console, or is this address not "
            "in its console.allow?",
        ),
        (say_nothing, 1, "no end of the command within 0.3 s"),
        (refuse, 1, "status: expected 0 (00h: accepted), came 23 (17h: command not accepted"),
        (stop_half_way, 1, "the mediator closed KPD1"),
    ],
)
def test_a_run_in_which_nothing_was_done_is_not_green(
    tmp_path: Path, peer: Callable[[Serve], tuple[int, int]], serve: Serve, code: int, says: str
) -> None:
    script = tmp_path / "one.yaml"
    script.write_text(STEPS)
    kpd1, kpd2 = peer(serve)
    done = replay(script, "--host", "127.0.0.1", "--kpd1", str(kpd1), "--kpd2", str(kpd2))
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout
    summary = done.stdout.split("Summary:")[1]
    assert says in summary, "the summary names the reason"
    if code == 1:
        assert f"{script}:3, step 1, send get-version" in summary


def test_a_port_without_listener_is_3(tmp_path: Path, unused_tcp_port_factory: Callable[[], int]) -> None:
    script = tmp_path / "one.yaml"
    script.write_text(STEPS)
    ports = unused_tcp_port_factory(), unused_tcp_port_factory()
    done = replay(script, "--host", "127.0.0.1", "--kpd1", str(ports[0]), "--kpd2", str(ports[1]))
    assert done.returncode == 3, done.stdout
    reason = f"127.0.0.1:{ports[1]}: KPD2 can't be reached"
    assert (done.stdout.count(reason), done.stderr) == (1, "")
    done = replay(script, "--host", "127.0.0.1", "--kpd1", str(ports[0]), "--kpd2", str(ports[1]), "--json")
    assert done.returncode == 3
    assert done.stderr.count(reason) == 1


def test_a_script_with_a_mistake_is_2(tmp_path: Path) -> None:
    script = tmp_path / "one.yaml"
    script.write_text("name: x\nsteps: [{send: start, expect: fine}]\n")
    done = replay(script)
    assert done.returncode == 2
    assert "one.yaml:2" in done.stderr
    assert "allowed: ok, any, or a list of messages of KPD1" in done.stderr


def caught_signals(pid: int) -> set[int]:
    """The signals that a process has handlers for."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("SigCgt:"):
            mask = int(line.split()[1], 16)
            return {number for number in range(1, 65) if mask >> (number - 1) & 1}
    raise AssertionError("no SigCgt")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "command", [["decode", "-"], ["replay", "-"], ["console"]], ids=lambda words: words[0]
)
def test_a_signal_while_a_command_begins_ends_it_with_130(
    command: list[str], number: int, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sorm_mediator", *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    # Python itself is starting, which handles SIGINT alone.
    while not {signal.SIGTERM, signal.SIGHUP} <= caught_signals(process.pid):
        assert process.poll() is None
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    # Python ends itself by SIGINT where that came while it executed a text, as dataclasses do: 130 for a shell, too.
    assert process.returncode in (130, -signal.SIGINT), errors
    assert "Traceback" not in output + errors


def test_a_run_goes_on_when_nohup_has_it_ignore_the_end_of_the_terminal() -> None:
    kept = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert taken_signals() == (signal.SIGINT, signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, kept)


@pytest.mark.parametrize(
    "arguments", [["config", "show"], ["examples"], ["licence", "make"], ["decode", "CC0101"]], ids=" ".join
)
def test_an_output_that_is_full_is_said_in_a_line(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "sorm_mediator", *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "sorm-mediator: standard output: can't be written: No space left on device\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_terminal_without_russian_letters_gets_escapes(as_json: bool) -> None:
    words = [
        "decode",
        "--lang",
        "ru",
        "CC 01 06 06 31 32 33 34 35 36 00 00",
        *(["--json"] if as_json else []),
    ]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sorm_mediator", *words],
        capture_output=True, text=True, check=False, timeout=60, env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.stdout.isascii()
    assert as_json or "\\u0431\\u0430\\u0439\\u0442" in done.stdout
    if as_json:
        assert [json.loads(line) for line in done.stdout.splitlines()]


def test_encode_on_a_terminal_does_not_wait_in_silence() -> None:
    near, far = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "sorm_mediator", "encode"],
            stdin=far, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(near)
        os.close(far)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "sorm-mediator: nothing to encode: give -f FILE, or -f - for standard input"
    )


@pytest.mark.parametrize("is_same", [True, False])
def test_a_lab_that_runs_already_is_said_to(is_same: bool) -> None:
    """The port of its web is in use by a web that answers with the same lab file."""
    lab = str(Path(captures.__path__[0]) / "labs" / "minimal.toml")

    class Settings(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"file": lab if is_same else "/another/lab.toml"}).encode()
            self.send_response(200 if self.path == "/api/v1/settings" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - of the base
            """Nothing is printed."""

    with HTTPServer(("127.0.0.1", 0), Settings) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        command = [sys.executable, "-m", "sorm_mediator", "lab", lab, "--set", f"web.port={port}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        server.shutdown()
    assert done.returncode == 2
    assert f"web.port: 127.0.0.1:{port} is in use" in done.stderr
    assert (f"; this lab runs already: its web is http://127.0.0.1:{port}\n" in done.stderr) is is_same
