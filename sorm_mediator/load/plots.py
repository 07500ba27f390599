"""The pictures of a load, by matplotlib (the extra ``plots``): latency over the rate with its knee, and over time."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sorm_mediator.console.errors import UsageError
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.load.curve import ORDER_LIMIT

if TYPE_CHECKING:
    from sorm_mediator.load.result import LoadResult

Draw = Callable[[Any], None]
"""Draws into axes of matplotlib."""
WIDTH, HEIGHT = 8.0, 3.2
"""Inches of one picture."""


def have_library() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def check_library(option: str) -> None:
    """Raises :class:`UsageError` where matplotlib is missing."""
    if not have_library():
        raise UsageError(f"{option}: needs matplotlib: pip install 'sorm-mediator[plots]'")


def drawn(pictures: Sequence[Draw], form: str) -> bytes:
    """The pictures under one another, as ``png`` or ``svg``."""
    import matplotlib as mpl
    from matplotlib.figure import Figure  # without pyplot: no window, no state

    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "sorm-mediator", "font.size": 9}):
        figure = Figure(figsize=(WIDTH, HEIGHT * len(pictures)), layout="constrained")
        for axes, draw in zip(figure.subplots(len(pictures), squeeze=False)[:, 0], pictures, strict=True):
            draw(axes)
        file = io.BytesIO()
        figure.savefig(file, format=form, dpi=130, metadata={"Date": None} if form == "svg" else None)
    return file.getvalue()


def drawn_svg(pictures: Sequence[Draw]) -> str:
    """The pictures under one another, as SVG for a page."""
    text = drawn(pictures, "svg").decode("utf-8")
    return text[text.index("<svg") :]


def png(result: LoadResult, lang: Lang) -> bytes:
    """All pictures of a load as one PNG."""
    return drawn(_pictures(result, lang), "png")


def svg(result: LoadResult, lang: Lang) -> str:
    """All pictures of a load as one SVG for a page."""
    return drawn_svg(_pictures(result, lang))


def _pictures(result: LoadResult, lang: Lang) -> list[Draw]:
    over_time: Draw = lambda axes: _over_time(axes, result, lang)  # noqa: E731 - one of two of a kind
    if len(result.steps) < 2:
        return [over_time]
    return [lambda axes: _over_load(axes, result, lang), over_time]


def _over_load(axes: Any, result: LoadResult, lang: Lang) -> None:
    """Percentiles of events at each rate, and where the curve bends."""
    steps = [step for step in result.steps if len(step.event)]
    rates = [step.rate for step in steps]
    for label, values in (
        ("p50", [step.event.percentile(50) for step in steps]),
        ("p99", [step.event_p99 for step in steps]),
        ("max", [step.event.longest for step in steps]),
    ):
        axes.plot(rates, [one * 1000 for one in values], marker="o", markersize=3, label=label)
    late = [step for step in steps if step.generator_late]
    if late:
        text = translate(Phrase("the generator was late"), lang)
        axes.plot(
            [step.rate for step in late],
            [step.event_p99 * 1000 for step in late],
            "x",
            color="grey",
            label=text,
        )
    _limit(axes, lang)
    if result.knee is not None and result.knee.rate is not None:
        text = translate(Phrase("knee: {rate:g} calls/s", rate=result.knee.rate), lang)
        axes.axvline(result.knee.rate, color="tab:green", linestyle="--", label=text)
    axes.set_yscale("log")
    axes.set_xlabel(translate(Phrase("calls/s"), lang))
    _labels(axes, Phrase("Events: latency over load"), lang)


def _over_time(axes: Any, result: LoadResult, lang: Lang) -> None:
    """Percentiles of the events due in each second, the steps after one another."""
    begin = result.steps[0].begun if result.steps else 0.0
    seconds = [(step.begun - begin + one.at, one) for step in result.steps for one in step.timeline]
    at = [moment for moment, _ in seconds]
    for label, values in (
        ("p50", [one.p50 for _, one in seconds]),
        ("p99", [one.p99 for _, one in seconds]),
        ("max", [one.longest for _, one in seconds]),
    ):
        axes.plot(at, [value * 1000 for value in values], marker=".", linewidth=1, label=label)
    _limit(axes, lang)
    axes.set_yscale("log")
    axes.set_xlabel(translate(Phrase("seconds"), lang))
    _labels(axes, Phrase("Events: latency over time"), lang)


def _limit(axes: Any, lang: Lang) -> None:
    text = translate(Phrase("limit of order 268, rule 5"), lang)
    axes.axhline(ORDER_LIMIT * 1000, color="tab:red", linewidth=0.8, linestyle=":", label=text)


def _labels(axes: Any, title: Phrase, lang: Lang) -> None:
    axes.set_title(translate(title, lang))
    axes.set_ylabel(translate(Phrase("ms"), lang))
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend(fontsize=7, loc="upper left")
