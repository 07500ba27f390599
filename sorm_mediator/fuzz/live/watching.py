"""What can be seen of a process from outside: its log, its descriptors, its memory."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

_FRAME: Final = re.compile(r'^\s*File "(?:.*/)?([^"/]+)", line \d+, in (\S+)')
_ERROR: Final = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Down|Trouble)?)(:|$)")
TRACE: Final = "Traceback (most recent call last)"
FORGED: Final = "2026-01-01 00:00:00.000 error switch"
"""The beginning of a line that a peer tries to put into a log behind a line feed."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Logged(Protocol):
    """The log of a mediator."""

    def take(self) -> str:
        """The lines since the last call."""


class LogFile:
    """A log that another process writes to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = path.stat().st_size if path.exists() else 0

    def take(self) -> str:
        """The whole lines since the last call."""
        if not self._path.exists():
            return ""
        with self._path.open("rb") as file:
            file.seek(self._at)
            found = file.read()
        found = found[: found.rfind(b"\n") + 1]
        self._at += len(found)
        return found.decode(errors="replace")


class _Kept(logging.Handler):
    def __init__(self, form: logging.Formatter) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(form)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class OwnLog:
    """The log of a mediator in this process."""

    def __init__(self, handler: _Kept) -> None:
        self._handler = handler

    def take(self) -> str:
        """The lines since the last call."""
        lines, self._handler.lines = self._handler.lines, []
        return "".join(line + "\n" for line in lines)


@contextmanager
def own_log(form: logging.Formatter) -> Iterator[OwnLog]:
    """Keep what this process logs from level info on, in this form."""
    handler = _Kept(form)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield OwnLog(handler)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def traces(log: str) -> Iterator[tuple[str, str]]:
    """The traces in a log: where each came from (type of the error, file and function), and its lines."""
    begun: list[str] | None = None
    for line in log.splitlines():
        if TRACE in line:
            begun = [line]
        elif begun is not None:
            begun.append(line)
            if not line[:1].isspace() and (error := _ERROR.match(line)):
                frames = [found for each in begun if (found := _FRAME.match(each))]
                where = f"{frames[-1][1]} {frames[-1][2]}" if frames else "?"
                yield f"{error[1]} in {where}", "\n".join(begun)
                begun = None
    if begun is not None:
        yield "?", "\n".join(begun)


def unescaped(log: str) -> str | None:
    """The first line with a character that controls a terminal, or that a peer has made."""
    lines = log.split("\n")
    return next((line for line in lines if _CONTROL.search(line) or line.startswith(FORGED)), None)


def descriptors(pid: int) -> int | None:
    """How many descriptors a process has open; None where that can't be seen."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None


def memory(pid: int) -> int | None:
    """Resident octets of a process; None where that can't be seen."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def processor_seconds(pid: int) -> float:
    """Seconds of processor time that a process has taken; 0 where that can't be seen."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


SAMPLES, APART, ASLEEP = 20, 0.1, 4
"""How often the state of a process is looked at, the seconds between, and how often a busy one may be found asleep."""


async def hardly_sleeps(pid: int) -> bool:
    """Whether a process has something to do nearly each time that it is looked at.

    Unlike a share of the processor this can be told on a machine that has other work.
    """
    asleep = 0
    for _ in range(SAMPLES):
        asleep += not _works(pid)
        if asleep > ASLEEP:
            return False
        await asyncio.sleep(APART)
    return True


def _works(pid: int) -> bool:
    """Whether a process runs or waits for a processor; false where that can't be seen."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"
    except (OSError, IndexError):
        return False


@contextmanager
def few_descriptors(pid: int) -> Iterator[int]:
    """Allow a process no descriptor above those that it has open (RLIMIT_NOFILE, Linux alone).

    Yields how many there are in all. Where the limit can't be set nothing is changed, and it yields 0.
    """
    numbers = [int(one.name) for one in _open_files(pid)]
    limit = max(numbers, default=-1) + 1
    try:
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        if before[0] != resource.RLIM_INFINITY:
            limit = min(limit, before[0])
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    except (OSError, AttributeError):
        yield 0
        return
    try:
        yield limit
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def _open_files(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


def listener(port: int) -> int | None:
    """The process that listens on a TCP port of this machine; None where that can't be seen."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            words = row.split()
            if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{words[9]}]")
    if not sockets:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(one.readlink()) in sockets for one in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue
    return None
