"""JUnit's XML for CI servers: suites of cases, each passed, failed, in error or skipped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import Literal
from xml.etree import ElementTree as ET  # nosec B405 # written, not read

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Status = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case. ``kind`` is the type of a failure or error, ``message`` its first line, ``text`` all of it."""

    name: str
    classname: str
    file: str
    seconds: float
    status: Status = "passed"
    message: str = ""
    kind: str = ""
    text: str = ""
    output: str = ""
    """What the case has printed; "": nothing."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases under one name, with what holds for all of them."""

    name: str
    cases: Sequence[Case]
    properties: Mapping[str, str] = field(default_factory=dict)
    began: float | None = None
    """When the first of its cases began (POSIX time); None: not known."""


def write(path: Path, name: str, suites: Sequence[Suite]) -> None:
    """Write the report. Raises :class:`OSError`."""
    every = [case for suite in suites for case in suite.cases]
    root = ET.Element("testsuites", {**_counts(every), "name": name})
    for suite in suites:
        attributes = {**_counts(suite.cases), "name": clean(suite.name), "hostname": clean(gethostname())}
        if suite.began is not None:
            attributes["timestamp"] = (
                datetime.fromtimestamp(suite.began).astimezone().isoformat(timespec="seconds")
            )
        element = ET.SubElement(root, "testsuite", attributes)
        if suite.properties:
            properties = ET.SubElement(element, "properties")
            for key, value in suite.properties.items():
                ET.SubElement(properties, "property", {"name": clean(key), "value": clean(value)})
        for case in suite.cases:
            _case(element, case)
    path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(one.status == "failure" for one in cases)),
        "errors": str(sum(one.status == "error" for one in cases)),
        "skipped": str(sum(one.status == "skipped" for one in cases)),
        "time": f"{sum(one.seconds for one in cases):.3f}",
    }


def _case(suite: ET.Element, case: Case) -> None:
    attributes = {
        "name": clean(case.name),
        "classname": clean(case.classname),
        "file": clean(case.file),
        "time": f"{case.seconds:.3f}",
    }
    element = ET.SubElement(suite, "testcase", attributes)
    if case.status != "passed":
        told = {"message": clean(case.message), **({"type": clean(case.kind)} if case.kind else {})}
        ET.SubElement(element, case.status, told).text = clean(case.text) or None
    if case.output:
        ET.SubElement(element, "system-out").text = clean(case.output)


def clean(text: str) -> str:
    """``text`` without characters that XML can't carry."""
    return _NOT_IN_XML.sub("\ufffd", text)
