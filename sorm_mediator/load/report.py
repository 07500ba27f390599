"""The results of a load: lines for people, a JSON document, a JUnit file, and a page with the pictures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.load.check import KINDS, NAMES
from sorm_mediator.load.latency import Latencies
from sorm_mediator.load.limits import Judged, shown_duration
from sorm_mediator.reports import html, junit
from ssh_control.visible import visible

if TYPE_CHECKING:
    from sorm_mediator.load.curve import Knee
    from sorm_mediator.load.measuring import Step
    from sorm_mediator.load.result import LoadResult

PASS: Final = Phrase("PASS", context="load")
FAIL: Final = Phrase("FAIL", context="load")
INTERRUPTED: Final = Phrase("INTERRUPTED", context="load")
"""The verdict over a load or a soak that a signal has ended: neither passed nor failed."""
_KINDS: Final = {
    "lost": Phrase("lost"),
    "doubled": Phrase("doubled"),
    "misordered": Phrase("out of order"),
    "wrong": Phrase("wrong numbers"),
}


def _times(latencies: Latencies) -> str:
    if not len(latencies):
        return "-"
    shown = (shown_duration(latencies.percentile(one)) for one in (50, 90, 99, 99.9))
    return " / ".join((*shown, shown_duration(latencies.longest)))


def _rows(step: Step) -> list[tuple[Phrase, str]]:
    """What is told of a step, a line each."""
    rows = [
        (Phrase("calls, events"), f"{step.calls}, {step.events}"),
        (Phrase("came through"), Phrase("{rate:.4g} calls/s", rate=step.through)),
        (Phrase("findings"), ", ".join(f"{_KINDS[kind]} {step.found.get(kind, 0)}" for kind in KINDS)),
        (Phrase("events (50 / 90 / 99 / 99.9 %, the slowest)"), _times(step.event)),
        *(
            (Phrase("of them {event}", event=name), _times(step.by_event[name]))
            for name in NAMES
            if step.by_event
        ),
        (Phrase("27h"), _times(step.received)),
        (Phrase("28h"), _times(step.executed)),
        (Phrase("generator late"), _times(step.handed)),
        *((stay.where, Phrase("{time} on average", time=shown_duration(stay.mean))) for stay in step.stays),
        (Phrase("reports not confirmed, sent again"), f"{step.unconfirmed}, {step.repeated}"),
    ]
    if step.foreign:
        rows.append((Phrase("events of other calls"), str(step.foreign)))
    if step.processor is not None and step.memory is not None:
        text = Phrase(
            "{ms:.3f} ms of a processor for a call, {mb:.0f} MB",
            ms=step.processor * 1000,
            mb=step.memory / 2**20,
        )
        rows.append((Phrase("the lab's process"), text))
    return rows


def step_lines(step: Step, lang: Lang) -> list[str]:
    """One step for people."""
    lines = [translate(Phrase("{rate:g} calls/s:", rate=step.rate), lang)]
    rows = [(translate(name, lang), _translated(value, lang)) for name, value in _rows(step)]
    width = max(len(name) for name, _ in rows)
    lines += [f"  {name:<{width}}  {value}" for name, value in rows]
    lines += [f"  ! {translate(text, lang)}" for text in (*step.told, *filter(None, (step.late_text,)))]
    return [visible(line) for line in lines]


def _translated(value: str, lang: Lang) -> str:
    return translate(value, lang) if isinstance(value, Phrase) else value


def verdict(result: LoadResult) -> Phrase:
    """The verdict over all."""
    if result.interrupted:
        return INTERRUPTED
    return PASS if result.good else FAIL


def summary(result: LoadResult, lang: Lang) -> list[str]:
    """The limits, the knee, and the verdict, for people."""
    lines = [f"  {_sign(one)} {translate(_judged_text(one), lang)}" for one in result.judged]
    if result.knee is not None:
        lines.append(translate(knee_text(result.knee), lang))
    if result.not_restored:
        lines.append(translate(_left(result), lang))
    if not any(step.events for step in result.steps):
        lines.append(translate(INTERRUPTED_NOTHING if result.interrupted else NOTHING, lang))
    lines.append(translate(verdict(result), lang))
    return [visible(line) for line in lines]


NOTHING: Final = Phrase("no event came: nothing was checked")
INTERRUPTED_NOTHING: Final = Phrase("interrupted, nothing was checked")


def _left(result: LoadResult) -> Phrase:
    return Phrase("not put back: {what}", what=result.not_restored)


def _sign(one: Judged) -> str:
    return {"kept": "+", "broken": "-", "not judged": "?"}[one.verdict]


def _judged_text(one: Judged) -> str:
    if not one.why:
        return one.text
    return Phrase("{limit}: {why}", limit=one.text, why=one.why)


def knee_text(knee: Knee) -> Phrase:
    """Where the knee is, for people."""
    rate = knee.rate
    if knee.limited is not None:
        if rate is None:
            return Phrase("knee: not found: the generator was late at {late:g} calls/s", late=knee.limited)
        return Phrase(
            "knee: above {rate:g} calls/s; at {late:g} the generator itself was late",
            rate=rate,
            late=knee.limited,
        )
    if knee.beyond is None:
        return Phrase("knee: above {rate:g} calls/s, the last rate of the ramp", rate=rate or 0)
    if rate is None:
        return Phrase("knee: below {beyond:g} calls/s, the first rate of the ramp", beyond=knee.beyond)
    return Phrase(
        "knee: {rate:g} calls/s; at {beyond:g} the mediator falls behind", rate=rate, beyond=knee.beyond
    )


def document(result: LoadResult, lang: Lang) -> dict[str, Any]:
    """For programs. Times in milliseconds; texts are in English whatever the language of the page."""
    return {
        "verdict": str(verdict(result)),
        "against": result.against,
        "via": result.via,
        "objects": result.objects,
        "began": result.began,
        "interrupted": result.interrupted,
        "not_restored": result.not_restored,
        "limits": [
            {
                "option": one.limit.option, "limit": _of_unit(one, one.value), "measured": _of_unit(one, one.measured),
                "verdict": one.verdict, "why": one.why,
            }
            for one in result.judged
        ],
        "knee": None
        if result.knee is None
        else {"rate": result.knee.rate, "beyond": result.knee.beyond, "generator_late_at": result.knee.limited},
        "steps": [step_document(step) for step in result.steps],
    }  # fmt: skip


def _of_unit(one: Judged, value: float | None) -> float | None:
    return value * 1000 if value is not None and one.limit.unit == "s" else value


def step_document(step: Step) -> dict[str, Any]:
    """One step for programs."""
    return {
        "rate": step.rate,
        "calls": step.calls,
        "events": step.events,
        "seconds": step.seconds,
        "through": step.through,
        **{kind: step.found.get(kind, 0) for kind in KINDS},
        "told": [str(one) for one in step.told],
        "foreign": step.foreign,
        "unconfirmed": step.unconfirmed,
        "repeated": step.repeated,
        "refused_commands": step.refused,
        "generator_is_late": step.generator_late,
        "event_ms": step.event.document(),
        "by_event_ms": {name: one.document() for name, one in step.by_event.items()},
        "27h_ms": step.received.document(),
        "28h_ms": step.executed.document(),
        "generator_late_ms": step.handed.document(),
        "stays_ms": {str(one.where): one.mean * 1000 for one in step.stays},
        "cpu_ms_per_call": None if step.processor is None else step.processor * 1000,
        "memory_mb": None if step.memory is None else step.memory / 2**20,
        "timeline": [
            {"second": one.at, "events": one.events, "p50_ms": one.p50 * 1000, "p99_ms": one.p99 * 1000,
             "max_ms": one.longest * 1000}
            for one in step.timeline
        ],
    }  # fmt: skip


def write_junit(path: Path, result: LoadResult) -> None:
    """A case for each limit. Raises :class:`OSError`."""
    seconds = sum(step.seconds for step in result.steps)
    cases = [
        junit.Case(
            name=one.limit.option.removeprefix("--"), classname="load", file=result.against, seconds=0.0,
            status="passed" if one.verdict == "kept" else "failure", message=str(_judged_text(one)),
            kind=one.verdict, text="\n".join(str(told) for step in result.steps for told in step.told),
        )
        for one in result.judged
    ]  # fmt: skip
    whole = result.good and not result.interrupted
    why = Phrase("see the other cases")
    if result.interrupted:
        why = Phrase("interrupted")
    if not any(step.events for step in result.steps):
        why = INTERRUPTED_NOTHING if result.interrupted else NOTHING
    if result.not_restored:
        why = _left(result)
    cases.append(
        junit.Case(
            name="all", classname="load", file=result.against, seconds=seconds,
            status="passed" if whole else "failure", message=str(why),
            output="\n".join(line for step in result.steps for line in step_lines(step, "en")),
        )
    )  # fmt: skip
    junit.write(path, "load", [junit.Suite("load", cases, {"against": result.against}, result.began)])


def page(result: LoadResult, lang: Lang) -> str:
    """The page for people."""
    from sorm_mediator.load.plots import have_library, svg

    def t(text: str) -> str:
        return _translated(text, lang)

    said = verdict(result)
    pictured = have_library() and any(step.events for step in result.steps)
    return html.render(
        "sorm_mediator.load",
        {
            "lang": lang,
            "title": t(Phrase("Load")),
            "against": result.against,
            "verdict": {"name": t(said), "class": "pass" if said == PASS else "fail"},
            "head": [
                (t(Phrase("Mediator")), result.against),
                (t(Phrase("Calls by")), result.via),
                (t(Phrase("Objects")), result.objects),
                (t(Phrase("Begun")), time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(result.began))),
                *([(t(Phrase("Knee")), t(knee_text(result.knee)))] if result.knee is not None else []),
                *([("!", t(_left(result)))] if result.not_restored else []),
                *([("!", t(NOTHING))] if not any(step.events for step in result.steps) else []),
                *([("!", t(Phrase("interrupted")))] if result.interrupted else []),
            ],
            "limits_title": t(Phrase("Limits")),
            "limits": [
                {"text": t(_judged_text(one)), "sign": _sign(one), "class": _CLASSES[one.verdict]}
                for one in result.judged
            ],
            "svg": svg(result, lang) if pictured else "",
            "no_pictures": "" if pictured else t(Phrase("no pictures: pip install 'sorm-mediator[plots]'")),
            "steps": [
                {
                    "rate": t(Phrase("{rate:g} calls/s", rate=step.rate)),
                    "rows": [(t(name), t(value)) for name, value in _rows(step)],
                    "told": [t(one) for one in (*step.told, *filter(None, (step.late_text,)))],
                }
                for step in result.steps
            ],
        },
    )


_CLASSES: Final = {"kept": "pass", "broken": "fail", "not judged": "fail"}
