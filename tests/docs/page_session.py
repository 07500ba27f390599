"""Runs the commands of one page as its reader would, and prints what became of each as a JSON line.

``python page_session.py PAGE FOLDER``, in a network namespace of its own (``unshare --net``), so that the ports
that the page names are free, whatever else runs on the machine. FOLDER is where the reader sits: it has ``captures/``.

What is run are the ``console`` blocks of the page, from top to bottom:

* ``$ command`` is run by bash, its continued lines with it. A box (``lab``, ``gateway``, ``switch``) is awaited until
  its ready line and goes on; it takes the place of one before it. ``watch``, ``tap`` and ``curl -N`` go on too.
* ``NAME=$(command)`` keeps the output for later commands, as do ``export NAME=value`` and ``cd FOLDER``.
* ``sorm> words`` and ``admin@...$ words`` after a command are what the reader types into it.
* Every other line is output: it is looked for in what came. Digits stand for any digits, ``...`` for anything.
* A limit of time (``--max-event-p99 200ms``) is a minute here: how fast this machine is is no matter of a page.
* ``<!-- not run: WHY -->`` before a block leaves it out, ``<!-- exit: 1 -->`` expects another exit code than 0 of its
  last command.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import signal
import socket
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 120
"""Seconds that one command may take."""
FENCE = re.compile(r"^```(\S*)\s*$")
DIRECTIVE = re.compile(r"^<!-- (not run|exit): (.+?) -->$")
TYPED = re.compile(r"^(?:sorm|admin@\S+?[$>])>? ?(.*)$")
BOX = re.compile(r"^sorm-mediator (lab|gateway|switch)\b")
VARIABLE = re.compile(r"^([A-Z]+)=\$\((.*)\)$", re.DOTALL)
LIMIT_OF_TIME = re.compile(r"(--max-\S+[ =])[0-9.]+\s?(?:us|ms|s|min)\b")
STAYS = re.compile(r"^(sorm-mediator watch|sorm-mediator tap|curl -s?N)\b")


@dataclass
class Command:
    """A command of a page, what is typed into it, what is shown of its output."""

    line: int
    text: str
    exit: int = 0
    typed: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)


def commands_of(page: str) -> list[Command]:
    """All commands of the ``console`` blocks of ``page`` that are to be run."""
    found: list[Command] = []
    directives: dict[str, str] = {}
    block: str | None = None
    open_command = False
    for number, line in enumerate(page.splitlines(), 1):
        fence = FENCE.match(line)
        if fence:
            block = fence[1] if block is None else None
            open_command = False
            if block is None:
                if found and "exit" in directives:
                    found[-1].exit = int(directives["exit"])
                directives = {}
            continue
        if block is None:
            if directive := DIRECTIVE.match(line):
                directives[directive[1]] = directive[2]
            elif line.strip():
                directives = {}
            continue
        if block != "console" or "not run" in directives:
            continue
        if line.startswith("$ "):
            found.append(Command(number, line[2:]))
            open_command = _continues(found[-1].text)
        elif open_command:
            found[-1].text += "\n" + line
            open_command = _continues(found[-1].text)
        elif typed := TYPED.match(line):
            found[-1].typed.append(typed[1])
        else:
            found[-1].shown.append(line)
    return found


def _continues(text: str) -> bool:
    if text.endswith("\\"):
        return True
    here = re.search(r"<<'?(\w+)'?", text)
    if here:
        return text.splitlines()[-1] != here[1]
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return False


def missing(shown: list[str], came: str) -> str | None:
    """The first piece of ``shown`` that does not stand in ``came``, in order."""
    came = _plain(came)
    at = 0
    for piece in "\n".join(shown).split("..."):
        wanted = _plain(piece)
        found = came.find(wanted, at)
        if found < 0:
            return piece.strip()
        at = found + len(wanted)
    return None


def without_haste(text: str) -> str:
    """A command with limits of time that a busy machine keeps too. Its other limits are those of the page."""
    return LIMIT_OF_TIME.sub(r"\g<1>60s", text)


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", re.sub(r"\d+", "#", text))


class Reader:
    """The reader at the terminals: runs commands in ``folder`` and keeps what goes on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._box: subprocess.Popen[str] | None = None
        self._staying: list[tuple[Command, subprocess.Popen[str], list[str]]] = []
        self._environment = dict(os.environ)

    def run(self, command: Command) -> str | None:
        """Run it; why it is not as the page has it, or None."""
        if command.text.startswith("export "):
            name, _, value = command.text.removeprefix("export ").partition("=")
            self._environment[name] = value
            return None
        if command.text.startswith("cd "):
            self._folder /= command.text.removeprefix("cd ")
            return None
        if variable := VARIABLE.match(command.text):
            command.text = variable[2]
            came: list[str] = []
            wrong = self._once(command, came)
            self._environment[variable[1]] = "".join(came).strip()
            return wrong
        if BOX.match(command.text):
            return self._run_box(command)
        if STAYS.match(command.text):
            process, came = self._start(command)
            self._staying.append((command, process, came))
            return None
        return self._once(command)

    def _once(self, command: Command, came: list[str] | None = None) -> str | None:
        words = "".join(word + "\n" for word in command.typed)
        stdin = subprocess.PIPE if command.typed else subprocess.DEVNULL
        process = self._popen(command, stdin=stdin)
        try:
            output, _ = process.communicate(words or None, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return f"no end within {PATIENCE} s; so far: {output[-1500:]}"
        if came is not None:
            came.append(output)
        return self._judge(command, process.returncode, output)

    def end(self) -> list[tuple[Command, str | None]]:
        """End what goes on, as Ctrl-C does; what each is found to be."""
        verdicts: list[tuple[Command, str | None]] = []
        for command, process, came in self._staying:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(PATIENCE)
            absent = missing(command.shown, "\n".join(came))
            verdicts.append(
                (command, absent and f"not in the output: {absent}\ncame: {''.join(came)[-1500:]}")
            )
        self._end_box()
        return verdicts

    def _run_box(self, command: Command) -> str | None:
        self._end_box()
        self._box, came = self._start(command)
        if self._box.poll() is not None or not came:
            return f"ended before it was ready, exit {self._box.wait()}"
        absent = missing(command.shown, came[0])
        return absent and f"not in the ready line: {absent}\ncame: {came[0]}"

    def _end_box(self) -> None:
        if self._box is not None:
            os.killpg(self._box.pid, signal.SIGTERM)
            self._box.wait(PATIENCE)
            self._box = None

    def _start(self, command: Command) -> tuple[subprocess.Popen[str], list[str]]:
        """Start one that goes on; back with its first line (a box is ready then, a watcher connected)."""
        process = self._popen(command, stdin=subprocess.DEVNULL)
        came: list[str] = []
        first = threading.Event()

        def drain() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                came.append(line)
                if BOX.match(command.text) is None or '"ready"' in line:
                    first.set()
            first.set()

        threading.Thread(target=drain, daemon=True).start()
        first.wait(PATIENCE)
        return process, [line for line in came if '"ready"' in line] if BOX.match(command.text) else came

    def _popen(self, command: Command, stdin: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", without_haste(command.text)],
            cwd=self._folder,
            env=self._environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def _judge(command: Command, code: int, output: str) -> str | None:
        if code != command.exit:
            return f"exit {code} in place of {command.exit}: {output[-1500:]}"
        absent = missing(command.shown, output)
        return absent and f"not in the output: {absent}\ncame: {output[-3000:]}"


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        name = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(probe, 0x8913, name))[1]
        fcntl.ioctl(probe, 0x8914, struct.pack("16sh", b"lo", flags | 1))


def main() -> None:
    """See the head of this file."""
    page, folder = Path(sys.argv[1]), Path(sys.argv[2])
    _loopback_up()
    reader = Reader(folder)
    verdicts = [(command, reader.run(command)) for command in commands_of(page.read_text("utf-8"))]
    verdicts += reader.end()
    for command, wrong in verdicts:
        print(json.dumps({"line": command.line, "command": command.text, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main()
