"""The report of an examination as JSON, lines of text, JUnit and a page; the display while it runs.

Passwords in commands are masked, because a report is handed over. On the page, the dialogues of failures and
deviations are unfolded, and the reader can unfold the others; unfolded dialogues are printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from protocol import Channel
from protocol.render import masked_hex, render
from sorm_mediator import __version__
from sorm_mediator.conformance.declaration import Check, Result
from sorm_mediator.conformance.dialogue import Terms
from sorm_mediator.conformance.examination import Identity
from sorm_mediator.conformance.verdicts import (
    DEVIATION,
    FAIL,
    INTERRUPTED,
    NOT_TESTED,
    PASS,
    VERDICTS,
    Action,
    Crossing,
)
from sorm_mediator.console.client import SHOWN
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.reports import junit
from sorm_mediator.reports.progress import progress_bar
from ssh_control.visible import visible

APPENDICES: dict[str, Phrase] = {
    "R": Phrase("The rules"),
    "1": Phrase("Appendix 1. Interaction with the control post"),
    "2": Phrase("Appendix 2. Terminal node"),
    "3": Phrase("Appendix 3. Transit node"),
    "4": Phrase("Appendix 4. Terminal-transit node"),
    "5": Phrase("Appendix 5. Format of commands"),
    "6": Phrase("Appendix 6. Commands and their execution"),
    "7": Phrase("Appendix 7. Sequence of commands"),
    "8": Phrase("Appendix 8. Format of the messages of KPD1"),
    "9": Phrase("Appendix 9. Messages of KPD1"),
    "10": Phrase("Appendix 10. Format of the messages of KPD2"),
    "11": Phrase("Appendix 11. Messages of KPD2"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The subject of the examination, its time (Unix seconds), its terms and its results."""

    against: str
    """The mediator: its address, or its lab."""
    link: str
    orm_number: int
    identity: Identity
    terms: Terms
    time: float
    results: Sequence[Result]
    calls: str = ""
    seconds: float = 0.0
    not_restored: str = ""
    clauses: tuple[str, ...] = ()
    """The clauses of the examination; none: all."""
    lab_profile: bool = False
    """The profile comes from the lab file, not from the command line."""

    @property
    def examined(self) -> list[Result]:
        """The results, without the checks that an interruption left out."""
        return [one for one in self.results if one.why != INTERRUPTED]

    def count(self, verdict: Phrase) -> int:
        """The number of checks with this verdict."""
        return sum(result.verdict == verdict for result in self.results)

    @property
    def verdict(self) -> Phrase:
        """FAIL if a check failed, NOT TESTED if nothing could be tested, otherwise PASS."""
        if self.count(FAIL):
            return FAIL
        return NOT_TESTED if self.count(NOT_TESTED) == len(self.results) else PASS


def document(report: Report, lang: Lang = "en") -> dict[str, Any]:
    """The document of ``--json``. Keys and verdicts are the same in both languages, texts are in ``lang``."""
    return {
        "mediator": {
            "address": report.against,
            "link": report.link,
            "orm_number": report.orm_number,
            "order": report.terms.order,
            "version": report.identity.version or None,
            "station_type": report.identity.station_type or None,
        },
        "profile": report.terms.profile,
        "checks": [_check(result, lang) for result in report.results],
    }


def _check(result: Result, lang: Lang) -> dict[str, Any]:
    own = [one for one in result.units if not one.prepared]
    shown = {
        "id": result.check.id,
        "clause": result.check.clause,
        "title": translate(result.check.title, lang),
        "verdict": str(result.verdict),
        "sent": [_unit(one, lang) for one in own if _is_ours(one)],
        "expected": "; ".join(translate(text, lang) for text in result.expected),
        "came": [_unit(one, lang) for one in own if not _is_ours(one)],
        "ms": round(result.ms, 1),
    }
    if result.why:
        shown["why"] = translate(result.why, lang)
    if result.option:
        shown["option"] = result.option
    if result.notes:
        shown["note"] = "; ".join(translate(one, lang) for one in result.notes)
    return shown


def _is_ours(one: Crossing | Action) -> bool:
    return isinstance(one, Action) or one.crossed.outbound


def _unit(one: Crossing | Action, lang: Lang) -> dict[str, Any]:
    """One unit: octets, meaning, channel. An action has only a meaning."""
    if isinstance(one, Action):
        return {"hex": "", "channel": "", "time": one.time, "meaning": [translate(one.text, lang)]}
    crossed = one.crossed
    channel = Channel.COMMAND if crossed.outbound else None
    return {
        "hex": masked_hex(crossed.raw, channel=channel, anywhere=crossed.message is None),
        "channel": crossed.channel,
        "time": crossed.time,
        "meaning": ([] if crossed.message is None else render(crossed.message, lang, raw=crossed.raw))
        + [translate(text, lang) for text in (*crossed.problems, *crossed.findings)],
    }


def details(result: Result, lang: Lang) -> list[dict[str, Any]]:
    """The units and actions of a check, in their order, for the page."""
    units = sorted(result.units, key=lambda one: one.time)
    shown = [_unit(one, lang) for one in units]
    return [
        {
            **row,
            "where": translate(SHOWN.get(row["channel"], ""), lang),
            "ours": _is_ours(one),
            "prepared": one.prepared,
            "ms": (one.time - units[0].time) * 1000,
        }
        for one, row in zip(units, shown, strict=True)
    ]


def by_appendix(results: Iterable[Result], lang: Lang) -> list[tuple[str, list[Result]]]:
    """The results by appendix."""
    groups = groupby(results, key=lambda one: appendix_of(one, lang))
    return [(appendix, list(group)) for appendix, group in groups]


def total(report: Report, lang: Lang = "en") -> str:
    """The summary line."""
    deviating = report.count(DEVIATION)
    return translate(Phrase(
        "{verdict}: {passed} passed, {failed} failed, {deviating} {deviations}, {skipped} not tested",
        verdict=report.verdict, passed=report.count(PASS), failed=report.count(FAIL), deviating=deviating,
        deviations="deviation" if deviating == 1 else "deviations", skipped=report.count(NOT_TESTED),
    ), lang)  # fmt: skip


def heading(against: str, profile: str, lang: Lang, *, of_lab: bool) -> str:
    """The first line: the mediator and the profile. ``of_lab``: the profile comes from the lab file."""
    whose = Phrase(" (the lab's own)") if of_lab else ""
    return translate(Phrase(
        "{against}: profile {profile}{whose}",
        against=against, profile=profile, whose=whose,
    ), lang)  # fmt: skip


def rows(result: Result, lang: Lang, ids: int) -> Iterable[str]:
    """The lines of one check, the reason below each verdict but PASS; ``ids`` is the width of the longest id."""
    width = max(len(translate(verdict, lang)) for verdict in VERDICTS)
    verdict, title = translate(result.verdict, lang), translate(result.check.title, lang)
    yield f"  {verdict:<{width}}  {result.check.id:<{ids}}  {title}"
    texts = [translate(one, lang) for one in result.notes]
    for text in [reason(result, lang), *texts] if result.why else texts:
        yield f"  {'':<{width}}  {'':<{ids}}  {text}"


def ending(report: Report, lang: Lang) -> Iterable[str]:
    """The last lines: the summary and the remarks."""
    left_out = len(report.results) - len(report.examined)
    if left_out:
        yield translate(Phrase("{n} more: interrupted", n=left_out), lang)
    yield total(report, lang)
    if report.not_restored:
        yield translate(report.not_restored, lang)
    if report.verdict == NOT_TESTED:
        yield translate(Phrase("nothing was tested: every reason is given above"), lang)


def appendix_of(result: Result, lang: Lang) -> str:
    """The appendix of a check, as a heading."""
    return translate(APPENDICES[result.check.clause.partition(".")[0]], lang)


def reason(result: Result, lang: Lang) -> str:
    """The reason why a check did not pass, with the option that allows it."""
    text = translate(result.why, lang)
    return f"{result.option}: {text}" if result.option else text


def write_junit(path: Path, report: Report) -> None:
    """Write the JUnit report: a suite for each appendix; untested checks are skipped, deviations pass.

    Raises :class:`OSError`.
    """
    groups = by_appendix(report.results, "en")
    suites = [junit.Suite(title, [_case(result, report) for result in results]) for title, results in groups]
    junit.write(path, "sorm-mediator conformance", suites)


def _case(result: Result, report: Report) -> junit.Case:
    statuses: dict[str, junit.Status] = {str(FAIL): "failure", str(NOT_TESTED): "skipped"}
    status = statuses.get(str(result.verdict), "passed")
    expected = "; ".join(map(str, result.expected))
    return junit.Case(
        name=f"{result.check.id} {result.check.title}",
        classname=f"conformance.{result.check.subject}",
        file=report.against,
        seconds=result.ms / 1000,
        status=status,
        message=reason(result, "en"),
        kind="Conformance" if status == "failure" else "",
        text=f"expected: {expected}\ncame: {reason(result, 'en')}" if status == "failure" else "",
    )


def head(report: Report, lang: Lang) -> list[tuple[str, str]]:
    """The head of the page: captions and values."""
    terms = report.terms
    when = datetime.fromtimestamp(report.time).astimezone().isoformat(sep=" ", timespec="seconds")
    numbers = {
        "own": ", ".join(terms.own),
        "of_network": " / ".join(filter(None, (terms.network, terms.network_object))),
        "caller": terms.caller,
        "trunk": "" if terms.trunk is None else f"{terms.trunk} {terms.trunk_name}",
    }
    named = "; ".join(f"{_word(name, lang)}: {value}" for name, value in numbers.items() if value)
    whose = Phrase(" (that of the lab)") if report.lab_profile else ""
    profile = Phrase(
        "{profile}{whose}, order {order}",
        profile=_word(f"profile {terms.profile}", lang), whose=whose, order=terms.order,
    )  # fmt: skip
    rows = [
        (Phrase("Mediator", context="conformance head"), report.against),
        (Phrase("Software of the node (2Bh)"), report.identity.version or "-"),
        (Phrase("Type of the node (2Bh)"), _word(report.identity.station_type or "-", lang)),
        (Phrase("Number of the technical means"), str(report.orm_number)),
        (Phrase("Console link"), _word(report.link, lang)),
        (Phrase("Profile"), translate(profile, lang)),
        (Phrase("Style of error codes"), _word(f"errors {terms.errors}", lang)),
        (Phrase("Time limits"), _word(f"timing {terms.timing}", lang)),
        (Phrase("Calls are made by"), _word(report.calls or "-", lang)),
        (Phrase("Numbers"), named),
        (Phrase("Time"), f"{when}, {report.seconds:.0f} {_word('s', lang)}"),
        (Phrase("Program"), f"sorm-mediator {__version__}"),
    ]
    if report.clauses:
        rows.append((Phrase("Only the clauses"), ",".join(report.clauses)))
    return [(translate(caption, lang), value) for caption, value in rows]


def _word(name: str, lang: Lang) -> str:
    """A value of the settings, for people; the user's command stays unchanged."""
    return translate(_WORDS.get(name, name), lang)


_WORDS: dict[str, Phrase] = {
    "terminal": Phrase("terminal"),
    "transit": Phrase("transit"),
    "terminal-transit": Phrase("terminal-transit"),
    "tcp": Phrase("TCP"),
    "x25": Phrase("X.25 over E1"),
    "tcp+e1": Phrase("TCP, speech in E1"),
    "profile order": Phrase("order", context="conformance words"),
    "profile eltex": Phrase("eltex"),
    "errors order": Phrase("the order's"),
    "errors extended": Phrase("the vendor's extended ones"),
    "errors any": Phrase("any: the order's or the vendor's"),
    "timing judge": Phrase("judged"),
    "timing report": Phrase("reported only"),
    "http": Phrase("the emulated switch, by HTTP"),
    "ask": Phrase("the operator"),
    "none": Phrase("nobody"),
    "own": Phrase("subscribers"),
    "of_network": Phrase("network"),
    "caller": Phrase("caller"),
    "trunk": Phrase("trunk", context="conformance words"),
    "s": Phrase("s"),
}
"""Values of settings, for people."""

# --- the page: failures first, one line a check, its dialogue folded below

_CLASSES = {str(PASS): "pass", str(FAIL): "fail", str(DEVIATION): "deviation", str(NOT_TESTED): "skipped"}

LABELS: dict[str, Phrase] = {
    "title": Phrase("Conformance to order 268"),
    "result": Phrase("Result"),
    "clause": Phrase("Check"),
    "rule": Phrase("Rule"),
    "verdict": Phrase("Verdict"),
    "ms": Phrase("ms"),
    "expected": Phrase("Expected"),
    "appendix": Phrase("Appendix"),
    "sent": Phrase("sent"),
    "came": Phrase("came"),
    "done": Phrase("done", context="conformance labels"),
    "prepared": Phrase("making ready"),
    "details": Phrase("details"),
    "notable": Phrase("Failures and deviations"),
    "signatures": Phrase("Signatures"),
    "operator": Phrase("For the operator"),
    "post": Phrase("For the control post"),
    "name": Phrase("Name"),
    "position": Phrase("Post"),
    "date": Phrase("Date"),
    "signature": Phrase("Signature"),
}


def page(report: Report, lang: Lang = "en") -> str:
    """The page, in ``lang``."""
    from sorm_mediator.reports import html  # imports jinja2, which other commands do not need

    values = {
        "lang": lang,
        "labels": {name: translate(text, lang) for name, text in LABELS.items()},
        "against": report.against,
        "head": head(report, lang),
        "verdict": {"name": translate(report.verdict, lang), "class": _CLASSES[str(report.verdict)]},
        "total": total(report, lang),
        "not_restored": translate(report.not_restored, lang),
        "notable": [_row(one, lang) for one in report.results if one.verdict in (FAIL, DEVIATION)],
        "verdicts": [translate(verdict, lang) for verdict in VERDICTS],
        "appendices": [
            {
                "name": name,
                "checks": [_row(one, lang) for one in results],
                "counts": [sum(one.verdict == verdict for one in results) for verdict in VERDICTS],
            }
            for name, results in by_appendix(report.results, lang)
        ],
    }
    return html.render(__package__, values)


def _row(result: Result, lang: Lang) -> dict[str, Any]:
    return {
        "id": result.check.id,
        "title": translate(result.check.title, lang),
        "verdict": translate(result.verdict, lang),
        "class": _CLASSES[str(result.verdict)],
        "ms": f"{result.ms:.0f}",
        "why": reason(result, lang) if result.why else "",
        "notes": [translate(text, lang) for text in result.notes],
        "expected": [translate(text, lang) for text in result.expected],
        "units": details(result, lang),
    }


# --- on a terminal while it runs

Write = Callable[[str], object]


class Showing:
    """Writes each result once. ``live``: as it comes; otherwise at the end.

    A result whose verdict changed at the end of the examination is written again.
    """

    def __init__(self, write: Write, checks: Sequence[Check], lang: Lang, *, live: bool) -> None:
        self._write = write
        self._ids = max((len(one.id) for one in checks), default=0)
        self._lang = lang
        self._live = live
        self._written: dict[str, Phrase] = {}
        self._appendix = ""

    def begin(self, heading: str) -> None:
        """The examination begins."""
        if self._live:
            self._write(visible(heading) + "\n")

    def seen(self, result: Result) -> None:
        """A check is over."""
        if not self._live or self._written.get(result.check.id) == result.verdict:
            return
        self._written[result.check.id] = result.verdict
        title = appendix_of(result, self._lang)
        lines = [] if title == self._appendix else [title]
        self._appendix = title
        for line in (*lines, *rows(result, self._lang, self._ids)):
            self._write(visible(line) + "\n")

    def finish(self, report: Report) -> None:
        """The examination is over: write the remaining results."""
        if not self._live:
            self._live = True
            self.begin(heading(report.against, report.terms.profile, self._lang, of_lab=report.lab_profile))
        for result in report.examined:
            self.seen(result)
        for line in ending(report, self._lang):
            self._write(visible(line) + "\n")


@contextmanager
def bar(total: int) -> Iterator[Callable[[Result], None]]:
    """A bar on stderr, if stderr is a terminal; yields the function that takes the result of each check."""
    with progress_bar(total) as advance:
        yield lambda result: advance(now=result.check.id)
