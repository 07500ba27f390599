"""The run as JUnit's XML: a suite for each kind, a case for each check, what does not apply as skipped."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from sorm_mediator.acceptance.outcome import FAIL, SKIPPED, Outcome
from sorm_mediator.acceptance.report import Run
from sorm_mediator.reports import junit
from sorm_mediator.reports.junit import Case, Suite

NAME = "sorm-mediator acceptance"


def write(path: Path, run: Run) -> None:
    """Write the report. Raises :class:`OSError`."""
    junit.write(path, NAME, _suites(run))


def tree(run: Run) -> ET.Element:
    """The report as a tree."""
    return junit.tree(NAME, _suites(run))


def _suites(run: Run) -> list[Suite]:
    by_kind = groupby(run.outcomes, key=lambda one: one.check.kind)
    return [(kind, [_case(outcome, run) for outcome in group]) for kind, group in by_kind]


def _case(outcome: Outcome, run: Run) -> Case:
    check = outcome.check
    call = "" if check.call is None else f" {check.call.a} -> {check.call.b}"
    status: junit.Status = "passed"
    message = kind = text = ""
    if outcome.verdict == SKIPPED:
        status, message = "skipped", str(check.skipped)
    elif outcome.verdict == FAIL:
        status, message, kind = "failure", str(outcome.problems[0]), "Acceptance"
        text = "\n".join([*map(str, outcome.problems), *(f"-> {one}" for one in outcome.remedies)])
    return Case(
        name=f"{check.direction} {check.operator or 'within the node'} {check.domain}{call}",
        classname=f"acceptance.{check.kind}", file=run.lab, seconds=outcome.seconds,
        status=status, message=message, kind=kind, text=text,
    )  # fmt: skip
