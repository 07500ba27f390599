"""A scenario that grows while something happens, in the form that ``replay`` reads: the one writer of scenarios.

A session of the interactive console fills it as it goes (``record-start``), and a dialogue that was seen on the wire
afterwards (:mod:`sorm_mediator.replay.transcript`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from protocol.oneline import LEFT_OUT

ENDS = ("command-received", "command-executed")
"""The messages of which a scenario expects the status alone."""
OF_AN_EVENT = ("object_number", "calling", "called", "operation", "ksl_a", "ksl_b")
"""The fields of an event that a scenario expects: those that are the same at the next run."""
ENOUGH = 3.0
"""Seconds up to which the default of ``within`` suffices, on a busy machine too."""
LONGEST = 3600
"""Bound of a recorded ``within``, in seconds (our choice)."""
_WIDTH = 110
_STARTED_BEFORE = (
    "The technical means had been started before the recording. What else was set then, such as objects, is not here.",
)
_PREPARED = ("Done by this console before the recording: each may be done already where this is replayed.",)
_NO_CALL = "none"
"""The value of the id of a call until the call is made."""


def kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an answer that a scenario expects: those that say something, and are the same at the next run."""
    return {
        key: value
        for key, value in fields.items()
        if value is not None and key not in LEFT_OUT and key not in ("version", "call_number")
    }


class Recording:
    """The steps so far. ``about``: lines of comment at the head; ``head``: keys of the scenario before its steps."""

    def __init__(
        self, path: Path, *, name: str = "", about: Sequence[str] = (), head: Mapping[str, Any] | None = None
    ) -> None:
        self.path = path
        self.name = name or path.stem.replace("_", " ")
        self.about = list(about)
        self.head = dict(head or {})
        self.steps: list[dict[str, Any]] = []
        self._notes: list[list[str]] = []
        """Lines of comment before each step."""
        self._saved: dict[str, str] = {}
        """The ids that requests have given, and the variables that hold them."""
        self._calls: list[str] = []
        """The variables that hold ids of calls."""
        self._prepared = 0
        """How many steps stand before the recording itself."""
        self._starts = False
        """Whether they start the technical means."""

    def step(self, step: dict[str, Any]) -> dict[str, Any]:
        """Add a step; what belongs to it may be added to it."""
        self.steps.append(step)
        self._notes.append([])
        return step

    def note(self, text: str) -> None:
        """A comment on the last step."""
        self._notes[-1].append(text)

    def sent(self, name: str, fields: Mapping[str, Any]) -> None:
        """A command. A password is not recorded: ``replay`` has the lab's."""
        shown = {key: value for key, value in fields.items() if key != "password"}
        self.step({"send": {name: shown} if shown else name})

    def octets(self, raw: bytes) -> None:
        """Octets as they were typed: a command among them has the password in its header."""
        self.step({"raw": raw.hex(" ").upper(), "expect": "any"})

    def late(self, seconds: float) -> None:
        """Something of the last step has come so long after the step that causes it: it may come as late again."""
        if seconds > ENOUGH:
            step = self.steps[-1]
            step["within"] = max(step.get("within", 0), min(math.ceil(seconds + ENOUGH), LONGEST))

    def answered(self, answers: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """The messages that answered the last command, where they say more than that it was executed."""
        self.steps[-1]["expect"] = [
            {name: {"status": fields["status"]} if name in ENDS else kept(fields)} for name, fields in answers
        ]

    def no_command(self) -> None:
        """The last octets held no whole command, so no end of one is expected."""
        self.steps[-1].pop("expect", None)

    def channels(self, verb: str, channels: Sequence[str]) -> None:
        """Channels were opened or closed."""
        self.step({verb: list(channels)})

    def asked(self, name: str, keys: Mapping[str, Any]) -> None:
        """A request to the web; an id of an earlier reply is that of the replay."""
        known = {
            key: f"${{{self._saved[value]}}}" if isinstance(value, str) and value in self._saved else value
            for key, value in keys.items()
        }
        self.step({name: known})

    def not_asked(self, name: str) -> None:
        """The last request, of this name, was refused. What came meanwhile stays, as a step of its own."""
        del self.steps[-1][name]
        if not self.steps[-1]:
            self.steps.pop()
            self._notes.pop()

    def replied(self, key: str, value: str) -> None:
        """The id in the reply to the last request."""
        name = self._saved[value] = f"{key}{len(self._saved) + 1}"
        self.steps[-1]["save"] = {key: name}
        if key == "call":
            self.head.setdefault("variables", {})[name] = _NO_CALL
            self._calls.append(name)

    def came(self, name: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        """An event, of the last step. Returns its expectation; None: before the first step."""
        if not self.steps:
            return None
        values = {key: fields[key] for key in OF_AN_EVENT if fields.get(key) is not None}
        expectation: dict[str, Any] = {name: values}
        self.steps[-1].setdefault("events", []).append(expectation)
        return expectation

    def prepare(self, commands: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Begin with commands that were executed before the recording. Where it is replayed they may be refused."""
        for name, fields in commands:
            self.sent(name, fields)
            self.steps[-1]["expect"] = "any"
        self._prepared = len(self.steps)
        self._starts = any(name == "start" for name, _ in commands)
        if self.steps:
            self._notes[0] += _PREPARED

    @property
    def done(self) -> int:
        """The steps of the recording itself."""
        return len(self.steps) - self._prepared

    def needs_start(self) -> bool:
        """Whether a command was executed for technical means that the scenario has not started."""
        sent = [
            step["send"]
            for number, step in enumerate(self.steps)
            if "send" in step and (number < self._prepared or "expect" not in step)
        ]
        return bool(sent) and sent[0] != "start"

    def begin_started(self) -> None:
        """Begin with command 1, for technical means that had been started before: either answer to it is right."""
        self.steps.insert(0, {"send": "start", "expect": "any"})
        self._notes.insert(0, list(_STARTED_BEFORE))

    def text(self) -> str:
        """The scenario."""
        lines = [f"# {line}".rstrip() + "\n" for line in self.about]
        lines.append(_yaml({"name": self.name, **self.head}, flow=False))
        lines.append("steps:\n")
        for step, notes in zip(self.steps, self._notes, strict=True):
            lines += [f"# {note}\n" for note in notes]
            lines.append(_yaml([step]))
        # Whatever has become of the steps: a call may have ended, and a stop be among them.
        finally_: list[dict[str, Any]] = [
            {"http": {"method": "POST", "path": f"calls/${{{name}}}/release"}} for name in self._calls
        ]
        if self._starts or any(_starts(step) for step in self.steps):
            finally_.append({"send": "stop", "expect": "any"})
        if finally_:
            lines.append(_yaml({"finally": finally_}))
        return "".join(lines)

    def write(self) -> None:
        """Write the scenario, for its owner alone, to a file that does not exist. Raises :class:`OSError`."""
        text = self.text()
        self.path.touch(0o600, exist_ok=False)
        self.path.write_text(text, encoding="utf-8")


def _starts(step: Mapping[str, Any]) -> bool:
    """Whether a step has started the technical means."""
    sent = step.get("send")
    return "expect" not in step and (sent == "start" or (isinstance(sent, Mapping) and "start" in sent))


def _yaml(document: object, *, flow: bool | None = None) -> str:
    """``flow`` None: what holds nothing but scalars stands on one line."""
    return yaml.safe_dump(
        document, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=_WIDTH
    )
