"""Showing a run while it happens: for people, or one JSON object a line for programs.

Passwords other than the order's public default are masked, in the bytes as in what they mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from protocol import UnknownUnit
from protocol.render import render
from protocol.texts import Lang
from sorm_mediator.console.client import PASSWORD, ConsoleClient, Crossed
from sorm_mediator.console.results import NOT_RUN, PASS, ScriptResult, StepResult

_TEXTS = {
    "en": {
        "ms": "ms",
        "step": "step",
        "summary": "Summary",
        "steps": "steps",
        "findings": "findings",
        "bytes": "bytes that are no unit",
    },
    "ru": {
        "ms": "мс",
        "step": "шаг",
        "summary": "Итог",
        "steps": "шагов",
        "findings": "замечания",
        "bytes": "байты, не составляющие посылку",
    },
}
_VERDICTS = {
    "en": {},
    "ru": {"PASS": "ВЫПОЛНЕН", "FAIL": "НЕ ВЫПОЛНЕН", "ERROR": "ОШИБКА", NOT_RUN: "НЕ НАЧАТ"},
}  # fmt: skip


class Printer(Protocol):
    """Who is told what happens."""

    def begin(self, result: ScriptResult) -> None:
        """A script begins."""

    def step(self, number: str, title: str, line: int) -> None:
        """A step begins."""

    def crossed(self, client: ConsoleClient, crossed: Crossed, elapsed: float) -> None:
        """A unit crossed, ``elapsed`` seconds after the script began."""

    def ended(self, step: StepResult) -> None:
        """A step is over."""

    def end(self, result: ScriptResult) -> None:
        """A script is over."""

    def summary(self, results: Sequence[ScriptResult]) -> None:
        """All scripts are over."""


class TextPrinter:
    """For people, in English (``en``) or Russian (``ru``)."""

    def __init__(self, write: Callable[[str], object], lang: Lang = "en") -> None:
        self._write = write
        self._lang = lang
        self._texts = _TEXTS[lang]

    def begin(self, result: ScriptResult) -> None:
        self._line(f"=== {result.name}  ({result.path})")

    def step(self, number: str, title: str, line: int) -> None:
        self._line(f"{number:>4}  {title}")

    def crossed(self, client: ConsoleClient, crossed: Crossed, elapsed: float) -> None:
        arrow = "->" if crossed.outbound else "<-"
        name = "" if client.name == "main" else f"{client.name} "
        shown = masked_hex(crossed)
        marks = "".join(f"  [{text}]" for text in crossed.findings)
        when = f"{elapsed * 1000:9.1f} {self._texts['ms']}"
        self._line(f"      {when}  {name}{arrow} {crossed.channel.upper()}  {shown}{marks}")
        for line in self._meaning(crossed):
            self._line(f"{'':26}{line}")
        for text in crossed.problems:
            self._line(f"{'':26}! {text}")

    def ended(self, step: StepResult) -> None:
        for note in step.notes:
            self._line(f"{'':6}({note})")
        if step.failure is not None:
            for line in step.failure.lines():
                self._line(f"{'':6}{line}")
        self._line(f"      {self._verdict(step.verdict)}")

    def end(self, result: ScriptResult) -> None:
        if result.error is not None:
            self._line(f"      {result.error}")
        self._line(f"--- {self._verdict(result.verdict)}  {result.name}")
        self._line("")

    def summary(self, results: Sequence[ScriptResult]) -> None:
        width = max((len(result.name) for result in results), default=0)
        self._line(f"{self._texts['summary']}:")
        for result in results:
            passed = sum(step.verdict == PASS for step in result.steps)
            findings = ", ".join(f"{text}: {count}" for text, count in result.findings.items())
            extra = f"  {self._texts['findings']}: {findings}" if findings else ""
            self._line(
                f"  {self._verdict(result.verdict):<5} {result.name:<{width}}  "
                f"{passed}/{result.planned} {self._texts['steps']}  {result.seconds:6.2f} s{extra}"
            )

    def _meaning(self, crossed: Crossed) -> list[str]:
        if crossed.message is None:
            return [self._texts["bytes"]]
        lines = render(crossed.message, self._lang)
        # The octets of a command that can't be read would show the password in them.
        return lines[:1] if isinstance(crossed.message, UnknownUnit) and _is_secret(crossed) else lines

    def _verdict(self, verdict: str) -> str:
        return _VERDICTS[self._lang].get(verdict, verdict)

    def _line(self, text: str) -> None:
        self._write(text + "\n")


class JsonPrinter:
    """For programs: one object a line, told apart by ``event``."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def begin(self, result: ScriptResult) -> None:
        self._object("script", name=result.name, file=str(result.path))

    def step(self, number: str, title: str, line: int) -> None:
        self._object("step", step=number, title=title, line=line)

    def crossed(self, client: ConsoleClient, crossed: Crossed, elapsed: float) -> None:
        form = {
            key: value
            for key, value in crossed.form.items()
            if key not in ("offset", "length", "hex", "problems")
        }
        if _is_secret(crossed):
            fields = form.get("fields", {})
            form["fields"] = {
                key: "******" if key in _SECRET_FIELDS else value for key, value in fields.items()
            }
        self._object(
            "crossed",
            time=crossed.time,
            ms=round(elapsed * 1000, 3),
            console=client.name,
            direction="sent" if crossed.outbound else "received",
            link=crossed.channel,
            hex=masked_hex(crossed),
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

    def summary(self, results: Sequence[ScriptResult]) -> None:
        self._object("summary", scripts=[_summary(result) for result in results])

    def _object(self, event: str, **fields: Any) -> None:
        self._write(json.dumps({"event": event, **fields}, ensure_ascii=False) + "\n")


def _summary(result: ScriptResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "file": str(result.path),
        "verdict": result.verdict,
        "passed": sum(step.verdict == PASS for step in result.steps),
        "steps": result.planned,
        "seconds": round(result.seconds, 3),
        "findings": result.findings,
        "error": None if result.error is None else str(result.error),
    }


def masked_hex(crossed: Crossed) -> str:
    """The bytes in hexadecimal, the password's shown as ``**`` unless it is the public default."""
    shown = [f"{byte:02X}" for byte in crossed.raw]
    if _is_secret(crossed):
        hidden = range(4, 16) if len(crossed.raw) > 2 and crossed.raw[2] == _SET_PASSWORD else range(4, 10)
        for place in hidden:
            if place < len(shown):
                shown[place] = "**"
    return " ".join(shown)


_SET_PASSWORD = 0x03
_SECRET_FIELDS = ("password", "new_password", "payload")
"""The payload of a command that can't be read begins with its password."""


def _is_secret(crossed: Crossed) -> bool:
    raw, public = crossed.raw, PASSWORD.encode()
    if not crossed.outbound or not raw.startswith(b"\xcc"):
        return False
    return raw[4:10] != public or (raw[2] == _SET_PASSWORD and raw[10:16] != public)
