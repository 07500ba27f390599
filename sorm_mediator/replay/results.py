"""The results of scripts: printed during the run (for people, or JSON Lines), as JUnit's XML, and as a capture.

The output for people contains no password, neither as octets nor as a field; the output for programs is exact
(:mod:`protocol.render`).
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from protocol import Channel
from protocol.oneline import one_line
from protocol.render import has_another_inside, masked_hex, render
from protocol.wire import MASK
from sorm_mediator import __version__
from sorm_mediator.capture.comments import TwoWays
from sorm_mediator.capture.writer import Blocks, Connection, PcapngWriter
from sorm_mediator.capture.x25 import XOT_PORT
from sorm_mediator.console.client import NO_UNIT, SHOWN, Address, ConsoleClient, Crossed, Observer
from sorm_mediator.console.comparing import Failure, show
from sorm_mediator.console.errors import words
from sorm_mediator.console.target import RunTarget
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.reports import junit
from sorm_mediator.reports.junit import Case, Suite
from sorm_mediator.reports.people import Look
from ssh_control.visible import visible

PASS = Phrase("PASS", context="replay pass")
FAIL = Phrase("FAIL", context="replay fail")
ERROR = Phrase("ERROR")


def shown_path(path: Path | str) -> str:
    """A path as reports have it: without detours, and from the current folder where it is in there."""
    normal = Path(os.path.normpath(path))
    return str(normal.relative_to(Path.cwd()) if normal.is_relative_to(Path.cwd()) else normal)


def shown_lab(name: str) -> str:
    """A lab as reports have it: a shipped one as lab files and scenarios name it, ``labs/minimal.toml``."""
    import captures

    path = Path(os.path.abspath(name))
    for folder in map(Path, captures.__path__):
        if path.is_relative_to(folder) and os.path.isfile(path):
            return path.relative_to(folder).as_posix()
    return shown_path(name)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One unit as a console of a script has sent or received it."""

    console: str
    crossed: Crossed
    elapsed: float
    """Seconds since the script began."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report of the switch about a call, as the mediator has received it."""

    call: str
    kind: str
    elapsed: float
    """Seconds since the script began."""


@dataclass(slots=True)
class StepResult:
    """One step that has run."""

    number: str
    title: str
    line: int
    file: Path
    """The file of the step: the script, or one that it includes."""
    failure: Failure | None = None
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)
    request: str = ""
    """What the step asked the lab for, for people: a call, an alarm; "": nothing."""
    asked: str = ""
    """Who was asked: ``switch`` or ``mediator``."""
    exchanged: list[Exchange] = field(default_factory=list)
    """What crossed while the step was under way, in order."""
    reports: list[Report] = field(default_factory=list)
    """What the switch reported meanwhile, if the run is to have them."""
    came_before: Exchange | None = None
    """What came instead of the expected message, when it crossed before the step."""
    met: list[Crossed] = field(default_factory=list)
    """The messages that the step waited for, in the order in which they were found."""

    @property
    def place(self) -> str:
        """``FILE:LINE``."""
        return f"{shown_path(self.file)}:{self.line}"

    @property
    def verdict(self) -> Phrase:
        """PASS or FAIL."""
        return FAIL if self.failure else PASS


@dataclass(slots=True)
class ScriptResult:
    """One script: the steps that ran, and the error that kept it from running, if any."""

    name: str
    path: Path
    steps: list[StepResult] = field(default_factory=list)
    planned: int = 0
    seconds: float = 0.0
    lab: str = ""
    """The lab file, or the address of the mediator."""
    link: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    """The values that the script began with, without what is secret."""
    secrets: frozenset[str] = frozenset()
    """The variables whose values people never see."""
    findings: dict[str, int] = field(default_factory=dict)
    """Counts of units that came split, came together with others, or had problems."""
    error: Exception | None = None
    began: float = field(default_factory=time.time)
    """When it began (POSIX time)."""

    def ran_on(self, target: RunTarget) -> None:
        """Note the target of the run."""
        self.lab, self.link = shown_lab(target.name), target.link

    @property
    def passed(self) -> int:
        """How many steps passed."""
        return len(self.steps) - len(self.failures)

    @property
    def failures(self) -> list[StepResult]:
        """The steps that failed."""
        return [step for step in self.steps if step.failure]

    @property
    def verdict(self) -> Phrase:
        """PASS, FAIL or ERROR (the script could not run)."""
        if self.error is not None:
            return ERROR
        return FAIL if self.failures else PASS


NAME = "sorm-mediator replay"


def write_junit(
    path: Path, results: Sequence[ScriptResult], *, variables: Mapping[str, Any] | None = None
) -> None:
    """Write the report: a suite for each lab and link. ``variables``: those given for the run.

    Raises :class:`OSError`.
    """
    known = {name for result in results for name in result.variables.keys() - result.secrets}
    known -= {name for result in results for name in result.secrets}
    given = {
        f"var.{name}": str(value) if name in known else MASK for name, value in (variables or {}).items()
    }
    suites: dict[tuple[str, str], list[Case]] = {}
    began: dict[tuple[str, str], float] = {}
    for result in results:
        where = result.lab, result.link
        suites.setdefault(where, []).append(_case(result))
        began[where] = min(result.began, began.get(where, result.began))
    junit.write(
        path,
        NAME,
        [
            Suite(
                " ".join(["replay", *filter(None, where)]),
                cases,
                {"version": __version__, **dict(zip(("lab", "link"), where, strict=True)), **given},
                began[where],
            )
            for where, cases in suites.items()
        ],
    )


def _case(result: ScriptResult) -> Case:
    status: junit.Status = "passed"
    message = kind = text = ""
    if result.error is not None:
        status, kind = "error", type(result.error).__name__
        message = text = str(result.error)
    elif result.failures:
        status, kind, message = "failure", "Expectation", _first(result)
        text = "\n\n".join("\n".join(failed_lines(step)) for step in result.failures)
    values = [f"{name}={show(value)}" for name, value in result.variables.items()]
    lines = [*([f"variables: {', '.join(values)}"] if values else []), *transcript(result)]
    return Case(
        name=result.name, classname=class_name(result.path), file=shown_path(result.path), seconds=result.seconds,
        status=status, message=message, kind=kind, text=text, output="\n".join(map(visible, lines)),
    )  # fmt: skip


def class_name(path: Path) -> str:
    """The class of a case, of which servers make a tree: folders and file with dots between, ``scenarios.a.calls``."""
    shown = Path(shown_path(path))
    return ".".join(part for part in shown.with_suffix("").parts if part not in (shown.anchor, ".."))


def failed_lines(step: StepResult, lang: Lang = "en") -> list[str]:
    """A failed step for people: where it stands, what was expected and came, and what crossed with its meaning."""
    assert step.failure is not None
    where = Phrase("step {number}, {place}: {title}", number=step.number, place=step.place, title=step.title)
    lines = [translate(where, lang), *step.failure.lines(lang)]
    lines += [f"({translate(note, lang)})" for note in step.notes]
    for one in (*filter(None, (step.came_before,)), *step.exchanged):
        lines += [f"  {line}" for line in exchange_lines(one, lang, meaning=True)]
    return lines


def transcript(result: ScriptResult, lang: Lang = "en") -> list[str]:
    """The steps of a script for people, and what crossed in each, a line for each."""
    lines: list[str] = []
    for step in result.steps:
        title = translate(step.title, lang)
        lines.append(
            f"{translate(step.verdict, lang)}  {step.number}  {title}  ({step.place}, {step.seconds:.3f} s)"
        )
        for one in step.exchanged:
            lines += [f"      {line}" for line in exchange_lines(one, lang)]
    return lines


def exchange_lines(one: Exchange, lang: Lang, *, meaning: bool = False) -> list[str]:
    """What crossed, for people: time, way, octets without a password, and its name with its fields.

    ``meaning``: every field with its meaning instead, in a line of its own.
    """
    crossed = one.crossed
    arrow = "->" if crossed.outbound else "<-"
    name = "" if one.console == "main" else f"{one.console} "
    head = f"{one.elapsed * 1000:9.1f} {translate(_MS, lang)}  {name}{arrow} {translate(SHOWN[crossed.channel], lang)}"
    marks = "".join(f"  [{translate(text, lang)}]" for text in crossed.findings)
    lines = [f"{head}  {_octets(crossed)}{marks}"]
    if crossed.message is None:
        told = [translate(NO_UNIT, lang)]
    elif meaning:
        told = render(crossed.message, lang, coding=crossed.coding, raw=crossed.raw)
    else:
        told = [one_line(crossed.form, lang, coding=crossed.coding)]
    told += [
        f"! {MASK if has_another_inside(crossed.raw) else translate(text, lang)}" for text in crossed.problems
    ]
    return lines + [f"{'':20}{line}" for line in told]


def _first(result: ScriptResult) -> str:
    step = result.failures[0]
    assert step.failure is not None
    return f"step {step.number}, {step.title}: {step.failure.summary()}"


# --- printing a run


_MS, _S = Phrase("ms"), Phrase("s")


def left_out_text(path: Path) -> Phrase:
    """That a file of a folder is no script of the run."""
    return Phrase("left out: {file} (a part without name)", file=shown_path(path))


_SUMMARY = Phrase("Summary")
_STEP = Phrase("step")
_STEPS = Phrase("steps", context="replay steps")
_FINDINGS = Phrase("findings")
_CROSSED = re.compile(r"(\s*[0-9.]+ \S+  (?:\S+ )??)(->|<-)( \S+  )")
"""What :func:`exchange_lines` has before the octets."""


class TextPrinter:
    """Prints a run step by step for people, in English (``en``) or Russian (``ru``).

    ``quiet``: of the steps those that failed. ``summed_up``: a summary follows, which tells why a script could not run.
    ``look``: colours, and the width; by default neither.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        lang: Lang = "en",
        *,
        quiet: bool = False,
        summed_up: bool = False,
        look: Look | None = None,
    ) -> None:
        self._write = write
        self._look = look or Look()
        self._summed_up = summed_up
        self._lang = lang
        self._quiet = quiet
        self._kept: list[str] = []

    def begin(self, result: ScriptResult) -> None:
        self._line(f"=== {result.name}  ({result.path})")

    def step(self, number: str, title: str, line: int, file: Path) -> None:
        self._line(f"{self._say(number):>4}  {self._say(title)}")

    def crossed(self, client: ConsoleClient, crossed: Crossed, elapsed: float) -> None:
        for line in exchange_lines(Exchange(client.name, crossed, elapsed), self._lang, meaning=True):
            self._line(f"      {line}")

    def ended(self, step: StepResult) -> None:
        for note in step.notes:
            self._line(f"{'':6}({self._say(note)})")
        if step.failure is not None:
            for line in step.failure.lines(self._lang):
                self._line(f"{'':6}{line}")
        self._line(f"      {self._say(step.verdict)}", step.verdict)
        if step.failure is not None:
            self._write("".join(self._kept))
        self._kept = []

    def end(self, result: ScriptResult) -> None:
        self._kept = []
        if result.error is not None and not self._summed_up:
            for line in self._say(words(result.error)).splitlines():
                self._shown(f"      {line}")
        self._shown(f"--- {self._say(result.verdict)}  {result.name}", result.verdict)
        self._line("")

    def summary(self, results: Sequence[ScriptResult], left_out: Sequence[Path] = ()) -> None:
        width = max((len(result.name) for result in results), default=0)
        verdicts = max((len(self._say(result.verdict)) for result in results), default=0)
        self._shown(f"{self._say(_SUMMARY)}:")
        for result in results:
            findings = ", ".join(f"{self._say(text)}: {count}" for text, count in result.findings.items())
            extra = f"  {self._say(_FINDINGS)}: {findings}" if findings else ""
            self._shown(
                f"  {self._say(result.verdict):<{verdicts}} {result.name:<{width}}  "
                f"{result.passed}/{result.planned} {self._say(_STEPS)}  {result.seconds:6.2f} {self._say(_S)}{extra}",
                result.verdict,
            )
            for step in result.failures:
                assert step.failure is not None
                where = f"{step.place}, {self._say(_STEP)} {self._say(step.number)}"
                self._shown(f"{'':6}{where}, {self._say(step.title)}")
                self._shown(f"{'':8}{step.failure.summary(self._lang)}")
            for line in self._say(words(result.error)).splitlines() if result.error is not None else ():
                self._shown(f"{'':6}{line}")
        for path in left_out:
            self._shown(f"  {self._say(left_out_text(path))}")

    def _say(self, text: str) -> str:
        return translate(text, self._lang)

    def _line(self, text: str, verdict: Phrase | None = None) -> None:
        """A line of a step, kept until its end where only those of failed steps are shown."""
        (self._kept.append if self._quiet else self._write)(self._made(text, verdict))

    def _shown(self, text: str, verdict: Phrase | None = None) -> None:
        self._write(self._made(text, verdict))

    def _made(self, text: str, verdict: Phrase | None) -> str:
        """A line as it is shown; ``verdict``: the one that stands in it, in its colour."""
        lines = self._look.wrapped(visible(text))
        if verdict is not None:
            word = self._say(verdict)
            shown = self._look.style(word, "good" if verdict == PASS else "bad")
            lines[0] = lines[0].replace(word, shown, 1)
        elif crossed := _CROSSED.match(text):
            # The octets begin behind the channel, and go on in further lines.
            begin = crossed.end()
            arrow = self._look.style(crossed[2], "sent" if crossed[2] == "->" else "received")
            first = f"{crossed[1]}{arrow}{crossed[3]}{self._look.style(lines[0][begin:], 'dim')}"
            lines = [first, *(self._look.style(line, "dim") for line in lines[1:])]
        return "".join(f"{line}\n" for line in lines)


class JsonPrinter:
    """For programs, with the methods of :class:`TextPrinter`: one object a line, its kind in ``event``."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def begin(self, result: ScriptResult) -> None:
        self._object("script", name=result.name, file=str(result.path))

    def step(self, number: str, title: str, line: int, file: Path) -> None:
        self._object("step", step=number, title=title, file=str(file), line=line)

    def crossed(self, client: ConsoleClient, crossed: Crossed, elapsed: float) -> None:
        left_out = ("offset", "length", "hex", "problems")
        form = {key: value for key, value in crossed.form.items() if key not in left_out}
        self._object(
            "crossed",
            time=crossed.time,
            ms=round(elapsed * 1000, 3),
            console=client.name,
            direction="sent" if crossed.outbound else "received",
            link=crossed.channel,
            hex=crossed.raw.hex(" ").upper(),
            problems=list(crossed.problems),
            findings=list(crossed.findings),
            **form,
        )

    def ended(self, step: StepResult) -> None:
        failure = None
        if step.failure is not None:
            came = step.failure.came
            failure = {
                "expected": step.failure.expected,
                "reason": step.failure.reason,
                "came": None if came is None else {"name": came.name, "fields": came.fields},
                "differences": [
                    {"path": one.path, "expected": one.expected, "came": one.came}
                    for one in step.failure.differences
                ],
            }
        self._object(
            "result", step=step.number, verdict=step.verdict, ms=round(step.seconds * 1000, 3),
            failure=failure, notes=step.notes,
        )  # fmt: skip

    def end(self, result: ScriptResult) -> None:
        self._object("verdict", **_summary(result))

    def summary(self, results: Sequence[ScriptResult], left_out: Sequence[Path] = ()) -> None:
        self._object(
            "summary", scripts=[_summary(result) for result in results], left_out=list(map(str, left_out))
        )

    def _object(self, event: str, **fields: Any) -> None:
        self._write(json.dumps({"event": event, **fields}, ensure_ascii=False) + "\n")


Printer = TextPrinter | JsonPrinter


def _summary(result: ScriptResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "file": str(result.path),
        "verdict": result.verdict,
        "passed": result.passed,
        "steps": result.planned,
        "seconds": round(result.seconds, 3),
        "findings": result.findings,
        "error": None if result.error is None else str(result.error),
    }


def _octets(crossed: Crossed) -> str:
    """The octets in hexadecimal, masked: everything sent on KPD1 is treated as a command."""
    channel = Channel.COMMAND if crossed.outbound else None
    return masked_hex(crossed.raw, channel=channel, anywhere=crossed.message is None)


class PcapRecorder:
    """A capture of scripts' consoles; :meth:`of` is the observer of one script. A context manager.

    ``target``: a file or an open descriptor. ``speech``: include the packets of streams that carry speech alone.
    Raises :class:`OSError` when the file can't be written.
    """

    def __init__(self, target: Path | int | Blocks, *, speech: bool = True, comment: str = "") -> None:
        self.speech = speech
        self.writer = PcapngWriter(target, comment)
        self._runs: Counter[str] = Counter()

    def __enter__(self) -> PcapRecorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def of(self, script: str) -> ScriptRecorder:
        """The observer of a run of the script with this name; comments call a further one ``name (2)``."""
        self._runs[script] += 1
        number = self._runs[script]
        return ScriptRecorder(self, script if number == 1 else f"{script} ({number})")


def script_of(comment: str) -> str:
    """The script that the comment of a packet names; "": none."""
    found = _OF_A_STEP.match(comment)
    return found[1] if found else ""


_OF_A_STEP = re.compile(r"(.+?), step \S+, ")
"""How the comment of a packet begins."""


class ScriptRecorder(Observer):
    """Writes the traffic of one script's consoles. A packet's comment has the step, its title, and the units."""

    def __init__(self, recorder: PcapRecorder, script: str) -> None:
        self._recorder = recorder
        self._writer = recorder.writer
        self._script = script
        self._step = ""
        self._connections: dict[tuple[ConsoleClient, str], tuple[Connection, bool]] = {}
        self._ways: dict[tuple[ConsoleClient, str], TwoWays] = {}

    def begin_step(self, number: str, title: str) -> None:
        """What crosses from now on belongs to this step."""
        self._step = f"{self._script}, step {number}, {title}"

    def _comment(self, units: str) -> str:
        return ": ".join(filter(None, (self._step, units))) if units else ""

    def opened(
        self, client: ConsoleClient, channel: str, local: Address, remote: Address, now: float
    ) -> None:
        """A channel is open: its handshake."""
        connection = self._writer.connection(channel.upper(), local, remote, now)
        self._connections[client, channel] = connection, XOT_PORT in (local[1], remote[1])
        self._ways[client, channel] = TwoWays(client.codec)

    def transferred(
        self, client: ConsoleClient, channel: str, outbound: bool, data: bytes, now: float
    ) -> None:
        """One write or read."""
        connection, by_xot = self._connections[client, channel]
        ways = self._ways[client, channel][outbound]
        comment = self._comment(ways.records(data) if by_xot else ways.data(data))
        (connection.sent if outbound else connection.received)(data, now, comment=comment)

    def framed(self, client: ConsoleClient, channel: str, by_dte: bool, frame: bytes, now: float) -> None:
        """One frame of a timeslot; frames of the DTE are outbound."""
        name = f"{client.host} {channel.upper()}"
        ways = self._ways.setdefault((client, channel), TwoWays(client.codec))
        comment = self._comment(ways[by_dte].frame(frame))
        self._writer.lapb(name, frame, now, outbound=by_dte, comment=comment)

    def datagram(
        self, name: str, outbound: bool, local: Address, remote: Address, data: bytes, now: float
    ) -> None:
        """One packet of a stream that carries the speech alone (SAToP)."""
        if self._recorder.speech:
            self._writer.datagram(name, local, remote, data, now, outbound=outbound)

    def closed(self, client: ConsoleClient, channel: str, now: float) -> None:
        """A channel is closed: its end."""
        self._connections.pop((client, channel))[0].close(now)
