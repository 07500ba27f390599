"""The page of a replay: every script with its verdict, a ladder of what crossed, and its steps.

A ladder has a lane for each console, one for the mediator and one for the switch; time runs down. An arrow is a unit,
or a report of the switch about a call, which only a lab of the run shows. A box is what a step asked the lab for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from protocol.oneline import one_line
from sorm_mediator import __version__
from sorm_mediator.console.client import NO_UNIT
from sorm_mediator.console.comparing import show
from sorm_mediator.console.errors import words
from sorm_mediator.language import Lang, Phrase, join, translate
from sorm_mediator.replay.results import (
    ERROR,
    FAIL,
    PASS,
    Exchange,
    Report,
    ScriptResult,
    StepResult,
    exchange_lines,
    shown_path,
)
from sorm_mediator.reports.drawing import Drawing, Lane, Row
from sorm_mediator.texts import short
from ssh_control.visible import visible

LABELS = {
    "title": Phrase("Replay"),
    "result": Phrase("Result"),
    "made": Phrase("Made"),
    "script": Phrase("Script"),
    "verdict": Phrase("Verdict"),
    "steps": Phrase("Steps"),
    "seconds": Phrase("Seconds"),
    "lab": Phrase("Lab"),
    "link": Phrase("Link"),
    "file": Phrase("File"),
    "variables": Phrase("Variables"),
    "ladder": Phrase("Ladder"),
    "octets": Phrase("octets and meaning"),
}
_CLASSES = {str(PASS): "pass", str(FAIL): "fail", str(ERROR): "fail"}
_MEDIATOR, _SWITCH, _CONSOLE = Phrase("mediator"), Phrase("switch"), Phrase("console")

# Sizes of a ladder, in units of its drawing.
_LEFT, _BETWEEN, _SPAN, _WIDEST_SPAN, _SWITCH_SPAN, _RIGHT = 100, 90, 380, 560, 180, 80
_BOX, _WIDEST_BOX, _TIME = 150, 300, 58
_HEAD, _ROW, _BAND = 34, 24, 26
_CHARACTER = 5.6
"""Width of a character on average. A label longer than its room is cut, and whole in its title."""


def write_page(path: Path, results: Sequence[ScriptResult], lang: Lang) -> None:
    """Write the page. Raises :class:`OSError`."""
    path.write_text(page(results, lang), encoding="utf-8")


def page(results: Sequence[ScriptResult], lang: Lang = "en") -> str:
    """The page, in ``lang``."""
    from sorm_mediator.reports import html  # imports jinja2, which other commands do not need

    passed = sum(result.verdict == PASS for result in results)
    total = Phrase("{passed} of {count} scripts passed", passed=passed, count=len(results))
    verdict = PASS if passed == len(results) else FAIL
    when = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return html.render(
        __package__,
        {
            "lang": lang,
            "labels": {name: translate(text, lang) for name, text in LABELS.items()},
            "verdict": _verdict(verdict, lang),
            "total": translate(total, lang),
            "made": f"{when}, sorm-mediator {__version__}",
            "scripts": [_script(result, lang) for result in results],
        },
    )


def _verdict(verdict: Phrase, lang: Lang) -> dict[str, str]:
    return {"name": translate(verdict, lang), "class": _CLASSES[str(verdict)]}


def _script(result: ScriptResult, lang: Lang) -> dict[str, Any]:
    head = {
        "file": shown_path(result.path),
        "lab": result.lab,
        "link": result.link,
        "variables": ", ".join(f"{name} = {show(value)}" for name, value in result.variables.items()),
    }
    return {
        "name": visible(result.name),
        "verdict": _verdict(result.verdict, lang),
        "link": result.link,
        "passed": f"{result.passed}/{result.planned}",
        "seconds": f"{result.seconds:.2f}",
        "head": [(translate(LABELS[name], lang), visible(value)) for name, value in head.items() if value],
        "errors": []
        if result.error is None
        else [visible(line) for line in translate(words(result.error), lang).splitlines()],
        "ladder": ladder(result, lang),
        "steps": [_step(step, lang) for step in result.steps],
    }


def _step(step: StepResult, lang: Lang) -> dict[str, Any]:
    return {
        "number": translate(step.number, lang),
        "title": visible(translate(step.title, lang)),
        "place": visible(step.place),
        "seconds": f"{step.seconds:.3f}",
        "verdict": _verdict(step.verdict, lang),
        "failure": [visible(line) for line in step.failure.lines(lang)] if step.failure else [],
        "notes": [visible(translate(note, lang)) for note in step.notes],
        "units": [
            visible(line)
            for one in (*filter(None, (step.came_before,)), *step.exchanged)
            for line in exchange_lines(one, lang, meaning=True)
        ],
    }  # fmt: skip


# --- the ladder


def ladder(result: ScriptResult, lang: Lang = "en") -> Drawing:
    """The drawing of a script."""
    names = list(dict.fromkeys(one.console for step in result.steps for one in step.exchanged)) or ["main"]
    lanes = {name: _LEFT + number * _BETWEEN for number, name in enumerate(reversed(names))}
    longest = max((len(_label(one, lang)) for step in result.steps for one in step.exchanged), default=0)
    mediator = max(lanes.values()) + min(max(_SPAN, int(longest * _CHARACTER) + 16), _WIDEST_SPAN)
    switch = mediator + _SWITCH_SPAN
    width = switch + _RIGHT
    rows: list[Row] = []
    y = _HEAD
    for step in result.steps:
        for row in _rows(step, lanes, mediator, switch, lang):
            y += _BAND if row.kind == "band" else _ROW
            whole = visible(row.text)
            text = short(whole, _room(row, width))
            if row.kind == "box":  # its right edge is given
                row = row._replace(start=row.end - max(_BOX, int(len(text) * _CHARACTER) + 12))
            rows.append(row._replace(y=y, text=text, title=whole))
    consoles = [
        Lane(x, translate(_CONSOLE if name == "main" else join(" ", [_CONSOLE, name]), lang))
        for name, x in lanes.items()
    ]
    boxes = [Lane(mediator, translate(_MEDIATOR, lang)), Lane(switch, translate(_SWITCH, lang))]
    return Drawing(width, height=y + _ROW, head=_HEAD - 12, lanes=[*consoles, *boxes], rows=rows)


def _room(row: Row, width: int) -> int:
    """The characters that a label has room for: as wide as the drawing, its box, or its arrow."""
    match row.kind:
        case "band":
            room = width - 12
        case "box":
            room = _WIDEST_BOX - 12
        case _:
            room = abs(row.start - row.end) - 8
    return int(room / _CHARACTER)


def _rows(step: StepResult, lanes: dict[str, int], mediator: int, switch: int, lang: Lang) -> Iterator[Row]:
    """The rows of a step; their height, and the room for their texts, are not known yet."""
    mark = "fail" if step.failure else "pass"
    title = f"{translate(step.number, lang)}  {translate(step.title, lang)}"
    yield Row("band", mark, 0, 0, 0, title, "")
    if step.request:
        asked = mediator if step.asked == "mediator" else switch
        yield Row("box", "", 0, 0, asked + _BOX // 2, translate(step.request, lang), "")
    crossings: list[Exchange | Report] = [*step.exchanged, *step.reports]
    for one in sorted(crossings, key=lambda each: each.elapsed):
        times = ((_TIME, f"{one.elapsed * 1000:.1f}"),)
        if isinstance(one, Exchange):
            ends = (lanes[one.console], mediator)
            start, end = ends if one.crossed.outbound else reversed(ends)
            yield Row("arrow", _style(one), 0, start, end, _label(one, lang), "", times)
        else:
            text = translate(Phrase("call report {kind}", kind=one.kind), lang)
            yield Row("arrow", "report", 0, switch, mediator, text, "", times)


def _style(one: Exchange) -> str:
    if one.crossed.message is None or one.crossed.problems or one.crossed.fields.get("status"):
        return "bad"
    return "kpd2" if one.crossed.on_kpd2 else "kpd1"


def _label(one: Exchange, lang: Lang) -> str:
    if one.crossed.message is None:
        return translate(NO_UNIT, lang)
    return one_line(one.crossed.form, lang, coding=one.crossed.coding)
