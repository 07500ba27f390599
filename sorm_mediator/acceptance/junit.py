"""The run as JUnit's XML: a suite for each kind, a case for each check, what does not apply as skipped."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from sorm_mediator.acceptance.outcome import FAIL, SKIPPED, Outcome
from sorm_mediator.acceptance.report import Run
from sorm_mediator.console.junit import clean


def write(path: Path, run: Run) -> None:
    """Write the report. Raises :class:`OSError`."""
    path.write_bytes(ET.tostring(tree(run), encoding="utf-8", xml_declaration=True))


def tree(run: Run) -> ET.Element:
    """The report as a tree."""
    root = ET.Element("testsuites", {**_counts(run.outcomes), "name": "sorm-mediator acceptance"})
    for kind, group in groupby(run.outcomes, key=lambda one: one.check.kind):
        outcomes = list(group)
        suite = ET.SubElement(root, "testsuite", {**_counts(outcomes), "name": kind})
        for outcome in outcomes:
            _case(suite, outcome, run)
    return root


def _counts(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {
        "tests": str(len(outcomes)),
        "failures": str(sum(one.verdict == FAIL for one in outcomes)),
        "errors": "0",
        "skipped": str(sum(one.verdict == SKIPPED for one in outcomes)),
        "time": f"{sum(one.seconds for one in outcomes):.3f}",
    }


def _case(suite: ET.Element, outcome: Outcome, run: Run) -> None:
    check = outcome.check
    call = "" if check.call is None else f" {check.call.a} -> {check.call.b}"
    name = f"{check.direction} {check.operator or 'within the node'} {check.domain}{call}"
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "name": clean(name),
            "classname": f"acceptance.{check.kind}",
            "file": clean(run.lab),
            "time": f"{outcome.seconds:.3f}",
        },
    )
    if outcome.verdict == SKIPPED:
        ET.SubElement(case, "skipped", {"message": clean(str(check.skipped))})
    elif outcome.verdict == FAIL:
        text = "\n".join([*map(str, outcome.problems), *(f"-> {one}" for one in outcome.remedies)])
        message = clean(str(outcome.problems[0]))
        ET.SubElement(case, "failure", {"message": message, "type": "Acceptance"}).text = clean(text)
