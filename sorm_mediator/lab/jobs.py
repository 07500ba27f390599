"""Runs against a running lab: ``replay``, ``acceptance`` and ``conformance`` as processes of the installed command.

Each run has a folder beside the tables of the mediator, with its output, its reports and what it was. The newest are
kept. The process reads the settings of the lab as they are now from a file of its own, which is removed at its end.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, Protocol

from sorm_mediator.addresses import split_host_port
from sorm_mediator.config import Config
from sorm_mediator.language import Phrase
from sorm_mediator.web.jobs_api import JobDocument, JobRefused, JobRequest, JobState, ScriptDocument

log = logging.getLogger(__name__)

MOST_KEPT: Final = 20
"""Runs that are kept; the oldest is removed."""
MOST_OUTPUT: Final = 4 * 1024 * 1024
"""Octets of output of a run that are kept; the rest is left out."""
STOPPED_WITHIN: Final = 30.0
"""Seconds for a run to put back what it changed after a signal."""
_SUFFIXES: Final = (".yaml", ".yml", ".json")
_OUTPUT, _REPORT, _JUNIT, _WHAT, _LAB = "output.txt", "report.html", "junit.xml", "run.json", "lab.toml"
_STATES: Final[dict[int, JobState]] = {0: "passed", 1: "failed", 2: "unusable", 3: "unreachable"}


Missing = Callable[[Path, Config], Sequence[str]]
"""Tells of a script why it can't hold in a lab; nothing: nothing is known against it."""


class Served(Protocol):
    """The lab that runs are against."""

    endpoints: dict[str, str]

    def as_it_runs(self) -> Config:
        """Its settings with the ports that it listens on."""
        ...

    def note(self, kind: str, /, **fields: object) -> None:
        """Write an entry of the journal."""
        ...


class LabJobs:
    """The runs of one lab."""

    def __init__(self, lab: Served, folder: Path | None, missing: Missing | None = None) -> None:
        """``folder``: where they are kept; None: nowhere, they are gone with the lab. ``missing``: of scripts."""
        self._lab = lab
        self._missing = missing
        self._temporary = tempfile.TemporaryDirectory(prefix="sorm-runs-") if folder is None else None
        self._folder = Path(self._temporary.name) if self._temporary is not None else folder or Path()
        self._known: dict[int, JobDocument] = {}
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._cancelled = False
        self._read()

    def _read(self) -> None:
        """The runs that are kept. A folder without a description is of a run that was cut off: it is removed."""
        if not self._folder.is_dir():
            return
        for one in self._folder.iterdir():
            if not one.name.isdecimal():
                continue
            try:
                document = json.loads((one / _WHAT).read_text(encoding="utf-8"))
                self._known[int(one.name)] = JobDocument(**document)
            except (OSError, ValueError, TypeError):
                shutil.rmtree(one, ignore_errors=True)

    async def close(self) -> None:
        """Stop a run that goes on."""
        if self._task is not None:
            await self._interrupt(self._task)
        if self._temporary is not None:
            self._temporary.cleanup()

    # --- what there is

    def scripts(self) -> Sequence[ScriptDocument]:
        """Scripts that are shipped, and those of the lab's folder; files that are no script are among the latter."""
        return [ScriptDocument(script=name, file=str(path)) for name, path in self._scripts().items()]

    async def missing(self, scripts: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Of each of these scripts why it can't hold in this lab."""
        look, found, running = self._missing, self._scripts(), self._lab.as_it_runs()
        if look is None:
            return dict.fromkeys(scripts, ())
        return await asyncio.to_thread(
            lambda: {name: look(found[name], running) for name in scripts if name in found}
        )

    def _scripts(self) -> dict[str, Path]:
        import captures

        shipped = Path(captures.__path__[0]) / "scenarios"
        roots = {"shipped": shipped, "lab": self._lab.as_it_runs().directory}
        found = {}
        for root_name, root in roots.items():
            whole = root.resolve()
            for pattern in ("*", "scenarios/*", "vendor/*"):
                for path in sorted(root.glob(pattern)):
                    inside = path.resolve().is_relative_to(whole)  # not a link that leads out
                    if path.suffix.lower() in _SUFFIXES and path.is_file() and inside:
                        found[f"{root_name}/{path.relative_to(root)}"] = path.resolve()
        return found

    def all(self) -> list[JobDocument]:
        """The runs, the newest first."""
        return [self.one(number) for number in sorted(self._known, reverse=True)]

    def one(self, number: int) -> JobDocument:
        """A run. Raises :class:`JobRefused`."""
        if number not in self._known:
            raise JobRefused(404, f"there is no run {number}")
        files = [name for name in (_OUTPUT, _REPORT, _JUNIT) if (self._folder / str(number) / name).is_file()]
        return replace(self._known[number], files=files)

    def output(self, number: int, after: int) -> list[str]:
        """Lines of output after the first ``after``. Raises :class:`JobRefused`."""
        path = self.file(number, _OUTPUT)
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[after:]

    def file(self, number: int, name: str) -> Path:
        """A file of a run. Raises :class:`JobRefused`."""
        if name not in self.one(number).files:
            raise JobRefused(404, f"run {number} has no {name}")
        return self._folder / str(number) / name

    # --- starting and ending

    async def start(self, request: JobRequest, who: str) -> JobDocument:
        """Start a run. Raises :class:`JobRefused`."""
        if self._task is not None:
            running = Phrase(
                "run {number} goes on: a mediator has one console at a time", number=max(self._known)
            )
            raise JobRefused(409, running)
        script = self._scripts().get(request.script)
        if request.kind == "replay" and script is None:
            raise JobRefused(404, Phrase("{script!r} is none of GET jobs/scripts", script=request.script))
        number = max(self._known, default=0) + 1
        folder = self._folder / str(number)
        try:
            folder.mkdir(mode=0o700, parents=True)
            self._write_lab(folder / _LAB)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            why = Phrase("{file}: can't be written: {why}", file=folder, why=error.strerror)
            raise JobRefused(507, why) from None
        job = JobDocument(
            id=number, kind=request.kind, script=request.script, clauses=request.clauses, lang=request.lang, who=who,
            started=time.time(), ended=None, state="running", exit_code=None, lines=0, last="", files=[],
        )  # fmt: skip
        self._known[number] = job
        self._cancelled = False
        self._lab.note("run-started", who=who, run=number, kind=request.kind, script=request.script)
        self._task = asyncio.create_task(
            self._run(number, self._command(request, script, folder), folder), name=f"run {number}"
        )
        return self.one(number)

    def _write_lab(self, path: Path) -> None:
        import tomlkit

        from sorm_mediator.config.written import plain, write_file

        config = self._lab.as_it_runs()
        document = plain(config)
        for domain in document.get("switch", {}).get("domains", ()):
            domain["contexts"] = [str((config.directory / one).resolve()) for one in domain["contexts"]]
        write_file(path, tomlkit.dumps(document))

    def _command(self, request: JobRequest, script: Path | None, folder: Path) -> list[str]:
        # -P: a file such as protocol.py in the current directory is not taken for a package of the program.
        name = "send" if request.kind == "stop" else request.kind
        command = [sys.executable, "-P", "-m", "sorm_mediator", name, "-c", str(folder / _LAB)]
        ends = self._lab.endpoints
        host, kpd1 = split_host_port(ends.get("kpd1", ends["radius"]))
        command += ["--host", host]
        if "kpd1" in ends:
            command += ["--kpd1", str(kpd1), "--kpd2", str(split_host_port(ends["kpd2"])[1])]
        if "ssh" in ends:  # the switch is of this lab
            command += ["--web", f"http://{ends['web']}"]
        if request.kind == "stop":
            return [*command, "--lang", request.lang, "stop"]
        if request.kind == "replay":
            command += [str(script)]
        else:
            command += ["--report", str(folder / _REPORT)]
        if request.clauses and request.kind == "conformance":
            command += [f"--clauses={request.clauses}"]
        if request.may_stop and request.kind == "conformance":
            command += ["--may-stop"]
        if request.kind == "acceptance":
            command += [f"--only={kind}" for kind in request.only]
        return [*command, "--junit", str(folder / _JUNIT), "--lang", request.lang]

    async def _run(self, number: int, command: list[str], folder: Path) -> None:
        code: int | None = None
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "110"},
                start_new_session=True,  # Ctrl-C is for this process, which stops the run
            )
            if self._cancelled:
                self._process.send_signal(signal.SIGTERM)
            await self._drain(number, self._process, folder / _OUTPUT)
            code = await self._process.wait()
        except OSError as error:
            log.warning("run %d: %s", number, error)
        finally:
            self._end(number, code, folder)

    async def _drain(self, number: int, process: asyncio.subprocess.Process, path: Path) -> None:
        assert process.stdout is not None
        left = MOST_OUTPUT
        with path.open("wb") as file:
            while chunk := await process.stdout.read(65536):
                file.write(chunk[:left])
                file.flush()
                left = max(0, left - len(chunk))
                self._progress(number, chunk)

    def _progress(self, number: int, chunk: bytes) -> None:
        job = self._known[number]
        words = [line for line in chunk.decode("utf-8", "replace").splitlines() if line.strip()]
        last = words[-1].strip()[:200] if words else job.last
        self._known[number] = replace(job, lines=job.lines + chunk.count(b"\n"), last=last)

    def _end(self, number: int, code: int | None, folder: Path) -> None:
        state: JobState = (
            "cancelled" if self._cancelled else _STATES.get(code if code is not None else 2, "failed")
        )
        job = replace(self._known[number], ended=time.time(), state=state, exit_code=code)
        self._known[number] = job
        self._task = self._process = None
        with suppress(OSError):
            (folder / _LAB).unlink()
        try:
            (folder / _WHAT).write_text(json.dumps(asdict(job)), encoding="utf-8")
        except OSError as error:
            log.warning("run %d: %s: can't be written: %s", number, folder / _WHAT, error.strerror)
        self._lab.note("run-ended", run=number, kind=job.kind, state=state)
        for old in sorted(self._known)[:-MOST_KEPT]:
            self._forget(old)

    def _forget(self, number: int) -> None:
        self._known.pop(number)
        shutil.rmtree(self._folder / str(number), ignore_errors=True)

    async def remove(self, number: int) -> None:
        """Cancel a run that goes on, or remove one that has ended. Raises :class:`JobRefused`."""
        if self.one(number).state != "running":
            self._forget(number)
        elif self._task is not None:
            await self._interrupt(self._task)

    async def _interrupt(self, task: asyncio.Task[None]) -> None:
        """Have the run stop by itself, and put back what it changed; after a while it is killed."""
        self._cancelled = True
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
        done, _ = await asyncio.wait([task], timeout=STOPPED_WITHIN)
        if not done and process is not None:
            process.kill()
            await asyncio.wait([task])


def folder_of(config: Config) -> Path | None:
    """Where the runs of a lab are kept: beside the tables of its mediator; None: nowhere."""
    state = config.mediator.state
    if state == ":memory:":
        return None
    path = config.directory / state
    return path.with_name(f"{path.stem}-runs")
