"""The results of a run of ``fuzz``: a table for people, JSON for programs, JUnit for CI servers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sorm_mediator.fuzz.finding import DOCUMENT, KINDS, Finding
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.reports import junit
from sorm_mediator.reports.people import Look
from ssh_control.visible import visible

PASS = Phrase("PASS", context="fuzz")
FAIL = Phrase("FAIL", context="fuzz")
NOT_CHECKED = Phrase("NOT CHECKED", context="fuzz")
MOST_TOLD = 30
"""Actions of a finding that a report tells; its document has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzReport:
    """One run of one target."""

    target: str
    seed: int
    began: float
    """POSIX time."""
    seconds: float
    inputs: int
    """How many units, rounds or texts were tried."""
    checks: Mapping[str, int]
    """The target's checks, and how often each was made. One that was never made does not count as passed."""
    titles: Mapping[str, Phrase]
    """What each check means."""
    findings: Sequence[Finding] = ()
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Signature → the folder of a finding."""
    measured: Mapping[Phrase, float | int] = field(default_factory=dict)
    """Further figures, such as lines reached or the slowest answer."""
    notes: Sequence[Phrase] = ()
    """What was not tried or not checked, with the reason."""
    gone: Sequence[str] = ()
    """Folders of findings of earlier runs, whose faults did not show again."""
    interrupted: bool = False

    @property
    def rate(self) -> float:
        """Inputs a second."""
        return self.inputs / self.seconds if self.seconds else 0.0

    @property
    def failed(self) -> bool:
        """Whether a check does not hold, or nothing was tried."""
        return bool(self.findings) or self.empty or not any(self.checks.values())

    @property
    def empty(self) -> bool:
        """Whether the time was over before anything was tried: what a live target checks at its start is no input."""
        return not self.inputs

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "target": self.target,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "inputs": self.inputs,
            "inputs_per_second": round(self.rate, 1),
            "passed": not (self.failed or self.interrupted),
            "interrupted": self.interrupted,
            "checks": dict(self.checks),
            "measured": {str(name): value for name, value in self.measured.items()},
            "notes": list(map(str, self.notes)),
            "gone": list(self.gone),
            "findings": [
                {
                    **finding.document(),
                    "folder": str(self.folders[finding.signature])
                    if finding.signature in self.folders
                    else None,
                }
                for finding in self.findings
            ],
        }


def table(report: FuzzReport, lang: Lang, look: Look) -> list[str]:
    """The lines for people: each check with its count and verdict, then each finding."""
    found = {name: [one for one in report.findings if one.check == name] for name in report.checks}
    names = max(map(len, report.checks), default=0)
    counts = max((len(f"{count:,}") for count in report.checks.values()), default=0)
    verdicts = {name: _verdict(count, found[name]) for name, count in report.checks.items()}
    wide = max((len(translate(verdict, lang)) for verdict in verdicts.values()), default=0)
    lines = []
    for name, count in report.checks.items():
        verdict = verdicts[name]
        shown = look.style(
            translate(verdict, lang).ljust(wide),
            "good" if verdict is PASS else "bad" if verdict is FAIL else "dim",
        )
        title = translate(report.titles[name], lang)
        lines.append(f"{shown}  {name:<{names}}  {count:>{counts},}  {title}".rstrip())
    for finding in report.findings:
        lines += ["", *_finding_lines(finding, report.folders.get(finding.signature), lang, look)]
    for name in report.gone:
        lines.append(translate(Phrase("gone: {folder} does not show its fault any more", folder=name), lang))
    lines += ["", translate(_summary(report), lang)]
    lines += [f"  {translate(name, lang)}: {value:,}" for name, value in report.measured.items()]
    lines += [f"  {translate(note, lang)}" for note in report.notes]
    if report.empty and not report.interrupted:
        lines.append(translate(Phrase("nothing was tried: --seconds was over before; give more"), lang))
    if report.interrupted:
        lines.append(translate(Phrase("interrupted: what was tried until then is above"), lang))
    return lines


def _verdict(count: int, findings: Sequence[Finding]) -> Phrase:
    return FAIL if findings else PASS if count else NOT_CHECKED


def _finding_lines(finding: Finding, folder: Path | None, lang: Lang, look: Look) -> list[str]:
    head = f"{finding.kind}: {translate(KINDS[finding.kind], lang)}"
    lines = [
        look.style(head, "bad"),
        f"  {visible(translate(finding.summary, lang))}",
        f"  {visible(finding.place)}",
    ]
    if not finding.reduced:
        lines.append(f"  {translate(Phrase('not made smaller: it is as it was found'), lang)}")
    lines += [
        "  "
        + translate(
            Phrase(
                "{size} octets (found with {before})",
                size=finding.size,
                before=finding.size_found or finding.size,
            ),
            lang,
        )
    ]
    shown = finding.told[:MOST_TOLD]
    lines += [f"  {number}. {visible(translate(line, lang))}" for number, line in enumerate(shown, 1)]
    if more := len(finding.told) - len(shown):
        lines.append(
            f"  {translate(Phrase('and {count} actions more: {file}', count=more, file=DOCUMENT), lang)}"
        )
    if finding.command:
        lines.append(f"  {shlex.join(finding.command)}")
    if folder is not None:
        lines.append(f"  {folder}")
    return lines


def _summary(report: FuzzReport) -> Phrase:
    return Phrase(
        "{target}: {inputs} inputs in {seconds} s, {rate} a second, seed {seed}: {findings} findings",
        target=report.target, inputs=f"{report.inputs:,}", seconds=f"{report.seconds:.1f}",
        rate=f"{report.rate:,.0f}", seed=report.seed, findings=len(report.findings),
    )  # fmt: skip


def write_junit(path: Path, reports: Sequence[FuzzReport], lang: Lang = "en") -> None:
    """A suite for each target, a case for each check. Raises :class:`OSError`."""
    suites = [
        junit.Suite(
            f"fuzz {report.target}",
            [_case(report, name, lang) for name in report.checks],
            {"seed": str(report.seed), "inputs": str(report.inputs)},
            report.began,
        )
        for report in reports
    ]
    junit.write(path, "sorm-mediator fuzz", suites)


def _case(report: FuzzReport, name: str, lang: Lang) -> junit.Case:
    findings = [one for one in report.findings if one.check == name]
    count = report.checks[name]
    status: junit.Status = "failure" if findings else "passed" if count else "skipped"
    texts = [
        "\n".join(
            (*_finding_lines(one, report.folders.get(one.signature), lang, Look()), *one.trace.splitlines())
        )
        for one in findings
    ]
    message = "; ".join(translate(one.summary, lang) for one in findings)
    if not count and not findings:
        message = translate(Phrase("was never checked"), lang)
    return junit.Case(
        name=name,
        classname=f"fuzz.{report.target}",
        file="",
        seconds=report.seconds / max(len(report.checks), 1),
        status=status,
        message=message,
        kind=findings[0].kind if findings else "",
        text="\n\n".join(texts),
        output=f"{count} times" if count else "",
    )
