"""A run of scripts as JUnit's XML: a test case for each script, its failure with every difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from sorm_mediator.console.results import ScriptResult
from sorm_mediator.reports import junit
from sorm_mediator.reports.junit import Case

NAME = "sorm-mediator replay"


def write(path: Path, results: Sequence[ScriptResult]) -> None:
    """Write the report. Raises :class:`OSError`."""
    junit.write(path, NAME, [("replay", list(map(_case, results)))])


def document(results: Sequence[ScriptResult]) -> ET.Element:
    """The report as a tree."""
    return junit.tree(NAME, [("replay", list(map(_case, results)))])


def _case(result: ScriptResult) -> Case:
    if result.error is not None:
        text = str(result.error)
        return _of(result, "error", text, type(result.error).__name__, text)
    if result.failures:
        texts = [
            f"step {step.number}, {result.path}:{step.line}: {step.title}\n{step.failure}"
            for step in result.failures
        ]
        return _of(result, "failure", _first(result), "Expectation", "\n\n".join(texts))
    return _of(result, "passed")


def _of(
    result: ScriptResult, status: junit.Status, message: str = "", kind: str = "", text: str = ""
) -> Case:
    return Case(
        name=result.name, classname=result.path.stem, file=str(result.path), seconds=result.seconds,
        status=status, message=message, kind=kind, text=text,
    )  # fmt: skip


def _first(result: ScriptResult) -> str:
    step = result.failures[0]
    assert step.failure is not None
    reason = "; ".join(one.text for one in step.failure.differences) or step.failure.reason
    return f"step {step.number}, {step.title}: {reason}"
