"""What a fuzzer has found: an input for which a check does not hold, and the files that show it again.

A finding is the smallest input that its fuzzer could make of the first one. :func:`write` makes a folder of it, which
docs/fuzz.md, "A finding", describes file by file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from protocol import Options
from protocol.options import CHOICES
from sorm_mediator.capture.writer import Address, PcapngWriter, create
from sorm_mediator.language import Phrase
from sorm_mediator.replay.recording import Recording

CONSOLE_CHANNELS = ("kpd1", "kpd2")
DOCUMENT, HEX, SCENARIO, PCAP = "finding.json", "input.hex", "scenario.yaml", "input.pcapng"
"""The files of a finding's folder. Octets of a step that is on no console channel are also in ``step-N.bin``."""
_MEDIATOR, _CONSOLE = "127.0.0.1", "127.0.0.2"
_PORTS = {"kpd1": 1001, "kpd2": 1002, "ssh": 22, "http": 80, "radius": 1813}
_OTHER_PORT = 4000
_FIRST_FREE_PORT = 49152
_UDP = frozenset(("radius",))
_SHOWN_HASH = 10


class Kind(StrEnum):
    """What is wrong, in one word."""

    UNDECLARED_ERROR = "undeclared-error"
    NO_ANSWER = "no-answer"
    LATE_ANSWER = "late-answer"
    WRONG_ANSWER = "wrong-answer"
    NOT_ROUND_TRIP = "not-round-trip"
    DEPENDS_ON_SPLIT = "depends-on-split"
    NOT_COUNTED = "not-counted"
    SECRET_SHOWN = "secret-shown"  # nosec B105 # noqa: S105 - a kind of finding
    UNESCAPED = "unescaped"
    HANG = "hang"
    SUPERLINEAR = "superlinear"
    MEMORY = "memory"
    DIED = "died"
    EVENT_LOST = "event-lost"
    TRACE_LOGGED = "trace-logged"
    DESCRIPTORS = "descriptors"
    NOT_LIMITED = "not-limited"


KINDS: Mapping[Kind, Phrase] = {
    Kind.UNDECLARED_ERROR: Phrase("an error that is not declared"),
    Kind.NO_ANSWER: Phrase("no answer"),
    Kind.LATE_ANSWER: Phrase("an answer after its limit"),
    Kind.WRONG_ANSWER: Phrase("another answer than the one that is right"),
    Kind.NOT_ROUND_TRIP: Phrase("what was read is written otherwise"),
    Kind.DEPENDS_ON_SPLIT: Phrase("another result when the octets come in pieces"),
    Kind.NOT_COUNTED: Phrase("let through without being counted"),
    Kind.SECRET_SHOWN: Phrase("a secret is shown"),
    Kind.UNESCAPED: Phrase("a foreign text can control a terminal or a log"),
    Kind.HANG: Phrase("no end in the time for it"),
    Kind.SUPERLINEAR: Phrase("time grows faster than the input"),
    Kind.MEMORY: Phrase("memory without bound"),
    Kind.DIED: Phrase("the process has ended"),
    Kind.EVENT_LOST: Phrase("an event was lost, doubled or out of order"),
    Kind.TRACE_LOGGED: Phrase("a trace in the log"),
    Kind.DESCRIPTORS: Phrase("descriptors stay open"),
    Kind.NOT_LIMITED: Phrase("what strangers cause has no limit"),
}
"""What each kind means, for people."""


@dataclass(frozen=True, slots=True)
class Step:
    """Octets that crossed, or the input of a parser."""

    channel: str
    """``kpd1``, ``kpd2``, ``e1.1 kpd1``, ``radius``, ``ssh``, ``http``; of a parser its name."""
    octets: bytes
    at: float = 0.0
    """Seconds since the first step."""
    received: bool = False
    """From the mediator to the console; else toward the mediator."""

    @property
    def of_console(self) -> bool:
        """Whether it is on KPD1 or KPD2, of TCP or of an E1 stream."""
        return self.channel.rpartition(" ")[2] in CONSOLE_CHANNELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One input for which a check does not hold."""

    target: str
    """As the option ``--target`` has it."""
    check: str
    """The name of the check, one of those that the target's report counts."""
    kind: Kind
    place: str
    """Where it failed: with ``target``, ``check`` and ``kind`` it tells one fault from another. It does not hold what
    differs between two inputs of one fault. For an error: its type, and the function that raised it."""
    summary: str
    """One line: what came, and what was expected."""
    seed: int
    steps: tuple[Step, ...]
    command: tuple[str, ...] = ()
    """The words of the command line that finds it again."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Under which it was found, such as ``order``."""
    trace: str = ""
    """The lines of the traceback, or what the log said; "": there is none."""
    size_found: int = 0
    """Octets of the input before it was made smaller."""
    told: tuple[str, ...] = ()
    """What was done, in words, where the octets of its steps say too little; a line for each action."""
    reduced: bool = True
    """Whether it shows the fault by itself and was made as small as it gets. False: it is as it was found."""

    @property
    def signature(self) -> str:
        """Tells one fault from another: equal for two inputs of the same."""
        return "\n".join((self.target, self.check, self.kind, self.place))

    @property
    def size(self) -> int:
        """Octets of the input."""
        return sum(len(step.octets) for step in self.steps)

    @property
    def name(self) -> str:
        """The name of its folder: the kind, and the beginning of the hash of its signature."""
        return f"{self.kind}-{hashlib.sha256(self.signature.encode()).hexdigest()[:_SHOWN_HASH]}"

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "target": self.target,
            "check": self.check,
            "kind": str(self.kind),
            "place": self.place,
            "summary": str(self.summary),
            "seed": self.seed,
            "command": shlex.join(self.command),
            "options": dict(self.options),
            "size": self.size,
            "size_found": self.size_found,
            "reduced": self.reduced,
            "no_scenario": no_scenario(self),
            "steps": [
                {
                    "channel": step.channel,
                    "direction": "received" if step.received else "sent",
                    "at": step.at,
                    "hex": step.octets.hex().upper(),
                }
                for step in self.steps
            ],
            "told": list(map(str, self.told)),
            "trace": self.trace.splitlines(),
        }


class FindingError(ValueError):
    """A file is no document of a finding; the text names the file and what is wrong in it."""


def write(folder: Path, finding: Finding) -> Path:
    """Write the folder of a finding below ``folder``, over one of the same fault. Returns it.

    The octets are exact, passwords among them, so the files are for their owner alone. Raises :class:`OSError`.
    """
    place = folder / finding.name
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in (HEX, SCENARIO, PCAP, *(found.name for found in place.glob("step-*.bin"))):
        (place / old).unlink(missing_ok=True)
    crossed = [step for step in finding.steps if step.of_console]
    if crossed:
        _write(place / HEX, "".join(step.octets.hex(" ").upper() + "\n" for step in crossed).encode())
        if not no_scenario(finding):
            _write(place / SCENARIO, scenario(finding).encode())
    if any(step.of_console or step.channel in _PORTS for step in finding.steps):
        _write_pcap(place / PCAP, finding)
    for number, step in enumerate(finding.steps, 1):
        if not step.of_console:
            _write(place / f"step-{number}.bin", step.octets)
    # The document last: a folder that has one is whole.
    _write(place / DOCUMENT, (json.dumps(finding.document(), ensure_ascii=False, indent=1) + "\n").encode())
    return place


def read(path: Path) -> Finding:
    """The finding of a document, or of the folder that has it. Raises :class:`FindingError`, :class:`OSError`."""
    path = path / DOCUMENT if os.path.isdir(path) else path
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Finding(
            target=str(document["target"]),
            check=str(document["check"]),
            kind=Kind(document["kind"]),
            place=str(document["place"]),
            summary=str(document["summary"]),
            seed=int(document["seed"]),
            command=tuple(shlex.split(str(document["command"]))),
            options=dict(document["options"]),
            steps=tuple(
                Step(
                    str(step["channel"]),
                    bytes.fromhex(step["hex"]),
                    float(step["at"]),
                    received=step["direction"] == "received",
                )
                for step in document["steps"]
            ),
            trace="\n".join(map(str, document["trace"])),
            size_found=int(document["size_found"]),
            told=tuple(map(str, document.get("told", ()))),
            reduced=bool(document.get("reduced", True)),
        )
    except KeyError as error:
        raise FindingError(f"{path}: {error} is missing") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise FindingError(f"{path}: no document of a finding: {error}") from None


def known(folder: Path) -> Iterator[Finding]:
    """The findings in the folders below ``folder``, by name. Raises :class:`FindingError`, :class:`OSError`."""
    for path in sorted(folder.glob(f"*/{DOCUMENT}")):
        yield read(path)


def no_scenario(finding: Finding) -> str:
    """Why there is no scenario: it would pass with the fault present; "" where there is one."""
    if not any(step.of_console and not step.received for step in finding.steps):
        return "no octets that a mediator decodes: only commands are sent to one"
    given = {key: value for key, value in finding.options.items() if key in CHOICES}
    usual = Options(order=given.get("order", Options().order))
    if other := sorted(key for key, value in given.items() if value != getattr(usual, key)):
        return (
            f"found under {', '.join(f'{key}={given[key]}' for key in other)}, which no lab of a scenario has"
        )
    return ""


PASSES_WHERE_ANSWERED = (
    "The scenario looks at the answer to its last command alone, and passes although a line of the log, say, is still "
    "wrong. The command above tells whether the fault is gone."
)
"""A remark in each scenario of a finding."""


def scenario(finding: Finding) -> str:
    """The steps on the console's channels as a scenario of ``replay``, which ends with a command that must be answered.

    All octets go to the mediator, also those that a mediator sends: it has to bear them.
    """
    recording = Recording(
        Path(SCENARIO),
        name=f"{finding.kind} found by fuzzing",
        about=(
            *str(finding.summary).splitlines(),
            f"Check {finding.check} of the target {finding.target}, seed {finding.seed}. Found again by:",
            shlex.join(finding.command),
            PASSES_WHERE_ANSWERED,
        ),
        head={"lab": f"labs/order{finding.options.get('order', '268')}.toml"},
    )
    elsewhere: list[str] = []
    for number, step in enumerate(finding.steps, 1):
        if not step.of_console:
            elsewhere.append(
                f"step {number} was on {step.channel}, which a scenario can't say: see {DOCUMENT}"
            )
            continue
        recording.octets(step.octets)
        recording.no_command()  # whether it is answered is not what matters
        for note in elsewhere:
            recording.note(note)
        elsewhere.clear()
        if step.received:
            recording.note("octets of a mediator, which are sent to one here")
    recording.channels("disconnect", CONSOLE_CHANNELS)
    for note in (*elsewhere, "what was cut off must not hold up the next connection"):
        recording.note(note)
    recording.channels("connect", CONSOLE_CHANNELS[::-1])
    recording.sent("test", {"test_number": 1})
    recording.steps[-1]["expect"] = ["command-received"]
    return recording.text()


def _write(path: Path, octets: bytes) -> None:
    with open(create(path), "wb") as file:
        file.write(octets)


def _write_pcap(path: Path, finding: Finding) -> None:
    with PcapngWriter(path, comment=f"{finding.kind}: {finding.summary}") as writer:
        ends: dict[str, tuple[Address, Address]] = {}
        opened: dict[str, Any] = {}
        now = 0.0
        for step in finding.steps:
            channel = step.channel
            port = _PORTS.get(channel.rpartition(" ")[2], _OTHER_PORT)
            local, remote = ends.setdefault(
                channel, ((_CONSOLE, _FIRST_FREE_PORT + len(ends)), (_MEDIATOR, port))
            )
            now = max(now, step.at)
            if channel in _UDP:
                writer.datagram(channel.upper(), local, remote, step.octets, now, outbound=not step.received)
                continue
            if channel not in opened:
                opened[channel] = writer.connection(channel.upper(), local, remote, now)
            (opened[channel].received if step.received else opened[channel].sent)(step.octets, now)
        for connection in opened.values():
            connection.close(now)


def smallest(findings: Sequence[Finding]) -> list[Finding]:
    """One finding for each fault, that with the fewest steps and octets, in the order in which the faults came."""
    best: dict[str, Finding] = {}
    for finding in findings:
        before = best.setdefault(finding.signature, finding)
        if (len(finding.steps), finding.size) < (len(before.steps), before.size):
            best[finding.signature] = finding
    return list(best.values())
