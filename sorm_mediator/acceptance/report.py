"""The run as one document: the content of JSON, and the source of the page and the JUnit file. Pure.

The octets of a command's password are masked, and the fields do not contain it, because a report is handed
over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol import Channel
from protocol.codes import MessageCoding
from protocol.render import masked_hex, render
from sorm_mediator import __version__
from sorm_mediator.acceptance.compare import CODES, FAIL, PASS, SKIPPED, Outcome
from sorm_mediator.acceptance.matrix import DIRECTION_NAMES, KINDS, Kind, format_of, object_type_of, sign_of
from sorm_mediator.config import Config
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.reports import junit
from sorm_mediator.reports.junit import Case, Suite
from sorm_mediator.switch.trace import text_of

if TYPE_CHECKING:
    from sorm_mediator.console.client import Crossed

FORMAT = 1
"""Version of the document, increased when a key changes its meaning."""
_SECRET = ("password", "new_password")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceRun:
    """One run: the lab file's name, the mediator, the time (Unix seconds), and the results."""

    lab: str
    against: str
    time: float
    config: Config
    outcomes: Sequence[Outcome]
    only: tuple[Kind, ...] = ()

    @property
    def verdict(self) -> Phrase:
        """PASS if no check failed and at least one passed."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        return FAIL if FAIL in verdicts or PASS not in verdicts else PASS

    def count(self, verdict: Phrase) -> int:
        """The number of checks with this verdict."""
        return sum(outcome.verdict == verdict for outcome in self.outcomes)


def document(run: AcceptanceRun, lang: Lang = "en") -> dict[str, Any]:
    """The whole run. Keys and coded values are the same in both languages, texts are in ``lang``."""
    return {
        "report": "acceptance",
        "format": FORMAT,
        "lab": run.lab,
        "against": run.against,
        "time": datetime.fromtimestamp(run.time).astimezone().isoformat(timespec="seconds"),
        "time_utc": datetime.fromtimestamp(run.time, UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "order": run.config.mediator.order,
        "orm_number": run.config.mediator.orm_number,
        "user": run.config.ssh.user,
        "verdict": str(run.verdict),
        "counts": {
            "pass": run.count(PASS),
            "fail": run.count(FAIL),
            "not_applicable": run.count(SKIPPED),
        },
        "formats": {kind: _format(run.config, kind) for kind in run.only or KINDS},
        "checks": [_check(run, outcome, lang) for outcome in run.outcomes],
    }


def _format(config: Config, kind: Kind) -> dict[str, Any]:
    table = format_of(config, kind)
    return {
        "object_type": str(object_type_of(kind)),
        "number_sign": str(sign_of(config, kind)),
        "digits": table.digits or None,
        "prefix": table.prefix,
    }


def _check(run: AcceptanceRun, outcome: Outcome, lang: Lang) -> dict[str, Any]:
    check = outcome.check
    agreed, placed = check.controlled, check.call
    return {
        "kind": check.kind,
        "direction": check.direction,
        "operator": check.operator or None,
        "domain": check.domain,
        "verdict": str(outcome.verdict),
        "reason": translate(check.skipped, lang),
        "controlled": None
        if agreed is None or check.skipped
        else {
            "object_number": outcome.object_number or None,
            "object_type": str(agreed.object_type),
            "number": agreed.number,
            "number_sign": str(agreed.sign),
            "role": check.role,
        },
        "call": None
        if placed is None
        else {
            "call": outcome.call or None,
            "domain": placed.domain,
            "from": placed.origin,
            "a": placed.a,
            "b": placed.b,
            "trace": placed.trace_arguments,
        },
        "compared": [
            {
                "event": row.event,
                "code": CODES[row.event],
                "field": row.field,
                "expected": row.expected,
                "seen": row.seen,
                "holds": row.holds,
            }
            for row in outcome.compared
        ],
        "problems": [translate(text, lang) for text in outcome.problems],
        "remedies": [translate(text, lang) for text in outcome.remedies],
        "units": [_unit(unit, run.config.mediator.options.message_text, lang) for unit in outcome.units],
        "routing": list(outcome.routing),
        "trace": [] if outcome.trace is None else text_of(outcome.trace, run.time, lang).split("\n"),
        "seconds": round(outcome.seconds, 3),
    }


def _unit(unit: Crossed, coding: MessageCoding, lang: Lang) -> dict[str, Any]:
    channel = Channel.COMMAND if unit.outbound else None
    return {
        "time": unit.time,
        "direction": "sent" if unit.outbound else "received",
        "channel": unit.channel,
        "name": unit.name,
        "hex": masked_hex(unit.raw, channel=channel, anywhere=unit.message is None),
        "fields": {name: value for name, value in unit.fields.items() if name not in _SECRET},
        "decoded": [] if unit.message is None else render(unit.message, lang, coding=coding, raw=unit.raw),
    }


def table(run: AcceptanceRun, lang: Lang = "en") -> Iterable[str]:
    """The run as lines of text: one for each check, and its problems below it. Checks of several domains stand below
    the name of theirs, since a further column would not fit 80 columns."""
    rows = [_words(outcome, lang) for outcome in run.outcomes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    several, domain = len({outcome.check.domain for outcome in run.outcomes}) > 1, ""
    for outcome, cells in zip(run.outcomes, rows, strict=True):
        if several and outcome.check.domain != domain:
            domain = outcome.check.domain
            yield f"{translate(DOMAIN, lang)} {domain}:"
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
        for text in (*([outcome.check.skipped] if outcome.check.skipped else ()), *outcome.problems):
            yield f"    {translate(text, lang)}"
        for text in outcome.remedies:
            yield f"    -> {translate(text, lang)}"
    counts = {"passed": run.count(PASS), "failed": run.count(FAIL), "skipped": run.count(SKIPPED)}
    total = Phrase("{verdict}: {passed} passed, {failed} failed, {skipped} not applicable").fill(
        verdict=run.verdict, **counts
    )
    yield translate(total, lang)


def _words(outcome: Outcome, lang: Lang) -> tuple[str, str, str, str, str]:
    check = outcome.check
    call = "" if check.call is None or check.skipped else f"{check.call.a} -> {check.call.b}"
    return (
        translate(outcome.verdict, lang),
        translate(KIND_NAMES[check.kind], lang),
        translate(DIRECTION_NAMES[check.direction], lang),
        check.operator or translate(WITHIN, lang),
        call,
    )


WITHIN = Phrase("within the node")
DOMAIN = Phrase("Domain")
KIND_NAMES: dict[str, Phrase] = {
    "own": Phrase("own subscriber"),
    "local": Phrase("local"),
    "intercity": Phrase("intercity"),
    "international": Phrase("international"),
    "emergency": Phrase("emergency"),
}


NAME = "sorm-mediator acceptance"


def write_junit(path: Path, run: AcceptanceRun) -> None:
    """Write a suite for each kind, a case for each check. Raises :class:`OSError`."""
    by_kind = groupby(run.outcomes, key=lambda one: one.check.kind)
    suites = [Suite(kind, [_junit_case(outcome, run) for outcome in group]) for kind, group in by_kind]
    junit.write(path, NAME, suites)


def _junit_case(outcome: Outcome, run: AcceptanceRun) -> Case:
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
