"""What a soak tells: lines for people, a JSON document, a JUnit file, a page, and the pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.load.check import KINDS
from sorm_mediator.load.plots import Draw, drawn, drawn_svg, have_library
from sorm_mediator.load.report import FAIL, INTERRUPTED, INTERRUPTED_NOTHING, NOTHING, PASS, step_document
from sorm_mediator.reports import html, junit
from sorm_mediator.soak.leaks import MEASURES, SIGNIFICANT, Growth, Measure
from sorm_mediator.soak.result import PhaseKind, SoakResult, summary_of
from ssh_control.visible import visible

NAMES: Final[Mapping[Measure, Phrase]] = {
    "memory": Phrase("memory, MB"),
    "descriptors": Phrase("descriptors"),
    "tasks": Phrase("tasks"),
    "threads": Phrase("threads"),
}
SCALES: Final[Mapping[Measure, float]] = {"memory": 2**-20, "descriptors": 1, "tasks": 1, "threads": 1}


def verdict(result: SoakResult) -> Phrase:
    """The verdict over all."""
    if result.interrupted:
        return INTERRUPTED
    return PASS if result.good else FAIL


def growth_text(measure: Measure, one: Growth) -> Phrase:
    """The verdict on a series, for people."""
    if not one.judged:
        return Phrase("not judged: {count} samples after the warm-up", count=len(one.troughs))
    scale = SCALES[measure]
    first, last = one.troughs[0][1] * scale, one.troughs[-1][1] * scale
    return Phrase(
        "{first:.4g} -> {last:.4g}, {hour:+.3g} an hour, by chance {chance:.2g}: {verdict}",
        first=first, last=last, hour=one.slope * scale * 3600, chance=one.chance,
        verdict=Phrase("LEAK") if one.leak else Phrase("no leak"),
    )  # fmt: skip


def lines(result: SoakResult, lang: Lang) -> list[str]:
    """For people."""
    found: list[str] = [Phrase("{seconds:.0f} s against {what}, seed {seed}",
                               seconds=result.seconds, what=result.against, seed=result.seed)]  # fmt: skip
    for kind, row in summary_of(result).items():
        counts = ", ".join(f"{name} {count}" for name, count in row.items())
        found.append(f"  {kind:<10} {counts}")
    if result.faults:
        found.append("  " + ", ".join(f"{name} {count}" for name, count in sorted(result.faults.items())))
    shown = [translate(one, lang) if isinstance(one, Phrase) else one for one in found]
    for box, measure, one in result.verdicts():
        sign = "-" if one.leak else "+" if one.judged else "?"
        text = translate(growth_text(measure, one), lang)
        shown.append(f"  {sign} {box:<8} {translate(NAMES[measure], lang):<12} {text}")
    shown += [f"  ! {translate(one, lang)}" for one in (*result.troubles, *_unchecked(result))]
    return [visible(line) for line in (*shown, translate(verdict(result), lang))]


def _unchecked(result: SoakResult) -> list[Phrase]:
    if result.interrupted:
        return [] if result.events else [INTERRUPTED_NOTHING]
    found = [Phrase("no phase of this kind was carried out: {kind}", kind=kind) for kind in result.missing]
    if not result.events:
        found.append(NOTHING)
    return found


def document(result: SoakResult) -> dict[str, Any]:
    """For programs: times in milliseconds, memory in octets."""
    return {
        "verdict": str(verdict(result)),
        "against": result.against,
        "began": result.began,
        "seconds": result.seconds,
        "seed": result.seed,
        "interrupted": result.interrupted,
        "events": result.events,
        "troubles": [str(one) for one in (*result.troubles, *_unchecked(result))],
        "faults": result.faults,
        "phases": [
            {"kind": one.kind, "at": one.at, "seconds": one.seconds,
             "load": None if one.step is None else _short(step_document(one.step))}
            for one in result.done
        ],
        "growth": [
            {"box": box, "measure": measure, "judged": one.judged, "leak": one.leak, "an_hour": one.slope * 3600,
             "rise": one.rise, "allowed": one.allowed, "by_chance": one.chance}
            for box, measure, one in result.verdicts()
        ],
        "samples": {
            box.name: {measure: box.samples.get(measure, []) for measure in MEASURES} for box in result.boxes
        },
    }  # fmt: skip


def _short(step: dict[str, Any]) -> dict[str, Any]:
    """A step without what would make the document of an hour long."""
    return {key: value for key, value in step.items() if key not in ("timeline", "by_event_ms")}


def _phase_cases(result: SoakResult, kind: PhaseKind) -> list[junit.Case]:
    """Whether the phases of a kind were carried out, and a case for each kind of loss in them."""
    done = [one for one in result.done if one.kind == kind]
    seconds = sum(one.seconds for one in done)
    cases = [
        junit.Case(
            name=kind, classname="soak.phases", file=result.against, seconds=seconds,
            status="passed" if done else "failure", kind="not judged",
            message="" if done else str(Phrase("no phase of this kind was carried out: {kind}", kind=kind)),
        )
    ]  # fmt: skip
    steps = [one.step for one in done if one.step is not None]
    if steps:
        counts: dict[str, int] = {name: sum(step.found.get(name, 0) for step in steps) for name in KINDS}
        counts |= {name: sum(getattr(step, name) for step in steps) for name in ("unconfirmed", "refused")}
        checked = sum(step.events for step in steps) > 0
        cases += [
            junit.Case(
                name=f"{kind}: {name}", classname="soak.phases", file=result.against, seconds=0.0,
                status="passed" if checked and not count else "failure", kind="loss" if count else "not judged",
                message=f"{name} {count}" if checked or count else str(NOTHING),
                text="\n".join(str(told) for step in steps for told in step.told),
            )
            for name, count in counts.items()
        ]  # fmt: skip
    return cases


def write_junit(path: Path, result: SoakResult) -> None:
    """A case for each box and measure, for each kind of phase, and for each kind of loss in it.

    Raises :class:`OSError`.
    """
    cases = [
        junit.Case(
            name=f"{box}: {measure}", classname="soak", file=result.against, seconds=0.0,
            status="passed" if one.judged and not one.leak else "failure",
            message=str(growth_text(measure, one)), kind="leak" if one.leak else "not judged",
        )
        for box, measure, one in result.verdicts()
    ]  # fmt: skip
    for kind in result.wanted:
        cases += _phase_cases(result, kind)
    troubles = [str(one) for one in (*result.troubles, *_unchecked(result))]
    cases.append(
        junit.Case(
            name="all", classname="soak", file=result.against, seconds=result.seconds,
            status="passed" if result.good and not result.interrupted else "failure",
            message=troubles[0] if troubles else str(Phrase("see the other cases")), kind="soak",
            text="\n".join(troubles), output="\n".join(lines(result, "en")),
        )
    )  # fmt: skip
    junit.write(path, "soak", [junit.Suite("soak", cases, {"seed": str(result.seed)}, result.began)])


def page(result: SoakResult, lang: Lang) -> str:
    """The page for people."""

    def t(text: str) -> str:
        return translate(text, lang) if isinstance(text, Phrase) else text

    said = verdict(result)
    pictured = have_library() and any(box.samples for box in result.boxes)
    return html.render(
        "sorm_mediator.soak",
        {
            "lang": lang,
            "title": t(Phrase("Soak")),
            "against": result.against,
            "verdict": {"name": t(said), "class": "pass" if said == PASS else "fail"},
            "head": [
                (t(Phrase("Boxes")), result.against),
                (t(Phrase("Begun")), time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(result.began))),
                (t(Phrase("Seconds")), f"{result.seconds:.0f}"),
                (t(Phrase("Seed")), result.seed),
                *((kind, ", ".join(f"{name} {count}" for name, count in row.items()))
                  for kind, row in summary_of(result).items()),
                (t(Phrase("Faults")), ", ".join(f"{name} {count}" for name, count in sorted(result.faults.items()))),
            ],
            "growth_title": t(Phrase("Growth after the warm-up")),
            "growth": [
                {"box": box, "measure": t(NAMES[measure]), "text": t(growth_text(measure, one)),
                 "class": "fail" if one.leak or not one.judged else "pass"}
                for box, measure, one in result.verdicts()
            ],
            "rule": t(Phrase("a leak rises by more than is allowed, and by chance with less than {chance:g}",
                             chance=SIGNIFICANT)),
            "troubles": [t(one) for one in (*result.troubles, *_unchecked(result))],
            "svg": drawn_svg(_pictures(result, lang)) if pictured else "",
            "no_pictures": "" if pictured else t(Phrase("no pictures: pip install 'sorm-mediator[plots]'")),
        },
    )  # fmt: skip


def png(result: SoakResult, lang: Lang) -> bytes:
    """All pictures as one PNG."""
    return drawn(_pictures(result, lang), "png")


def _pictures(result: SoakResult, lang: Lang) -> list[Draw]:
    series: list[Draw] = [partial(_series, result=result, lang=lang, measure=measure) for measure in MEASURES]
    return [*series, partial(_latency, result=result, lang=lang)]


def _series(axes: Any, *, result: SoakResult, lang: Lang, measure: Measure) -> None:
    scale = SCALES[measure]
    verdicts = {box: one for box, name, one in result.verdicts() if name == measure}
    for box in result.boxes:
        samples = box.samples.get(measure, [])
        [drawn_line] = axes.plot([at for at, _ in samples], [one * scale for _, one in samples],
                                 linewidth=0.8, label=box.name)  # fmt: skip
        judged = verdicts[box.name]
        axes.plot(
            [at for at, _ in judged.troughs], [one * scale for _, one in judged.troughs],
            marker=".", linestyle="", color=drawn_line.get_color(),
        )  # fmt: skip
    _labels(axes, NAMES[measure], lang)


def _latency(axes: Any, *, result: SoakResult, lang: Lang) -> None:
    for kind in ("reports", "calls", "faults"):
        steps = [(one.at, one.step) for one in result.done if one.kind == kind and one.step is not None]
        axes.plot(
            [at for at, _ in steps], [step.event_p99 * 1000 for _, step in steps], marker="o", label=kind
        )
    axes.set_yscale("log")
    _labels(axes, Phrase("events, 99 %, ms"), lang)


def _labels(axes: Any, title: Phrase, lang: Lang) -> None:
    axes.set_title(translate(title, lang))
    axes.set_xlabel(translate(Phrase("seconds"), lang))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=7)
