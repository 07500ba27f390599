"""A scenario that grows while something happens, in the form that ``replay`` reads: the one writer of scenarios.

A session of the interactive console fills it as it goes (``record-start``), and a dialogue that was seen on the wire
afterwards (:mod:`sorm_mediator.replay.transcript`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from protocol.oneline import LEFT_OUT

OF_AN_EVENT = ("object_number", "calling", "called", "operation", "ksl_a", "ksl_b")
"""The fields of an event that a scenario expects: those that are the same at the next run."""
_WIDTH = 110
_STARTED_BEFORE = (
    "The technical means had been started before the recording. What else was set then, such as objects, is not here.",
)


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

    def channels(self, verb: str, channels: Sequence[str]) -> None:
        """Channels were opened or closed."""
        self.step({verb: list(channels)})

    def refused(self, status: int, *, on_receipt: bool) -> None:
        """The last command was refused."""
        wrong = {"status": status}
        self.steps[-1]["expect"] = (
            [{"command-received": wrong}]
            if on_receipt
            else [{"command-received": {"status": 0}}, {"command-executed": wrong}]
        )

    def asked(self, name: str, keys: Mapping[str, Any]) -> None:
        """A request to the web; an id of an earlier reply is that of the replay."""
        known = {
            key: f"${{{self._saved[value]}}}" if isinstance(value, str) and value in self._saved else value
            for key, value in keys.items()
        }
        self.step({name: known})

    def not_asked(self) -> None:
        """The last request was refused."""
        self.steps.pop()
        self._notes.pop()

    def replied(self, key: str, value: str) -> None:
        """The id in the reply to the last request."""
        self._saved[value] = f"{key}{len(self._saved) + 1}"
        self.steps[-1]["save"] = {key: self._saved[value]}

    def came(self, name: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        """An event, of the last step. Returns its expectation; None: before the first step."""
        if not self.steps:
            return None
        values = {key: fields[key] for key in OF_AN_EVENT if fields.get(key) is not None}
        expectation: dict[str, Any] = {name: values}
        self.steps[-1].setdefault("events", []).append(expectation)
        return expectation

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
        sent = [step.get("send") for step in self.steps if "expect" not in step]
        if "start" in sent and "stop" not in sent[sent.index("start") :]:
            lines.append(_yaml({"finally": [{"send": "stop"}]}))
        return "".join(lines)

    def write(self) -> None:
        """Write the scenario, for its owner alone, to a file that does not exist. Raises :class:`OSError`."""
        text = self.text()
        self.path.touch(0o600, exist_ok=False)
        self.path.write_text(text, encoding="utf-8")


def _yaml(document: object, *, flow: bool | None = None) -> str:
    """``flow`` None: what holds nothing but scalars stands on one line."""
    return yaml.safe_dump(
        document, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=_WIDTH
    )
