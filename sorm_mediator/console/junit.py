"""JUnit's XML, as CI servers read it: a test case for each script, its failure with every difference."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from sorm_mediator.console.results import ERROR, FAIL, ScriptResult

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(path: Path, results: Sequence[ScriptResult]) -> None:
    """Write the report. Raises :class:`OSError`."""
    path.write_bytes(ET.tostring(document(results), encoding="utf-8", xml_declaration=True))


def document(results: Sequence[ScriptResult]) -> ET.Element:
    """The report as a tree."""
    counts = {
        "tests": str(len(results)),
        "failures": str(sum(result.verdict == FAIL for result in results)),
        "errors": str(sum(result.verdict == ERROR for result in results)),
        "skipped": "0",
        "time": f"{sum(result.seconds for result in results):.3f}",
    }
    root = ET.Element("testsuites", {**counts, "name": "sorm-mediator replay"})
    suite = ET.SubElement(root, "testsuite", {**counts, "name": "replay"})
    for result in results:
        _case(suite, result)
    return root


def _case(suite: ET.Element, result: ScriptResult) -> None:
    attributes = {
        "name": clean(result.name),
        "classname": clean(result.path.stem),
        "file": clean(str(result.path)),
        "time": f"{result.seconds:.3f}",
    }
    case = ET.SubElement(suite, "testcase", attributes)
    if result.error is not None:
        kind = type(result.error).__name__
        error = ET.SubElement(case, "error", {"message": clean(str(result.error)), "type": kind})
        error.text = clean(str(result.error))
    elif result.failures:
        texts = [
            f"step {step.number}, {result.path}:{step.line}: {step.title}\n{step.failure}"
            for step in result.failures
        ]
        failure = ET.SubElement(case, "failure", {"message": clean(_first(result)), "type": "Expectation"})
        failure.text = clean("\n\n".join(texts))


def _first(result: ScriptResult) -> str:
    step = result.failures[0]
    assert step.failure is not None
    reason = "; ".join(one.text for one in step.failure.differences) or step.failure.reason
    return f"step {step.number}, {step.title}: {reason}"


def clean(text: str) -> str:
    """``text`` without what XML can't carry."""
    return _NOT_IN_XML.sub("�", text)
