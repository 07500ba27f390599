"""Limits that a load must keep: each is an option of the command, and a case of its JUnit report."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sorm_mediator.language import MessageId, Phrase

_DURATION: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s|min)\s*")
_UNITS: Final[Mapping[str, float]] = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
Verdict = Literal["kept", "broken", "not judged"]


def read_duration(text: str) -> float:
    """Seconds of ``200ms``, ``0.2 s``, ``1500us`` or ``2min``. Raises :class:`ValueError` with what is allowed."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("a number with its unit: us, ms, s or min, such as 200ms or 0.2s")
    return float(found[1]) * _UNITS[found[2]]


def shown_duration(seconds: float) -> str:
    """For people, with three digits: microseconds, milliseconds or seconds."""
    if seconds and seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit. ``unit``: of its value. ``least``: the value is the least allowed, not the most. ``of_mediator``: it
    is not judged where the generator was late, because then it would be the generator that is judged."""

    option: str
    text: MessageId
    measure: str
    unit: Literal["s", "calls/s", ""]
    least: bool = False
    of_mediator: bool = True

    def read(self, text: str) -> float:
        """The value of the option. Raises :class:`ValueError`."""
        if self.unit == "s":
            return read_duration(text)
        value = float(text)
        if not 0 <= value < float("inf"):
            raise ValueError("a number from 0 up")
        return value

    def shown(self, value: float) -> str:
        """A value for people."""
        return shown_duration(value) if self.unit == "s" else f"{value:g} {self.unit}".strip()

    def holds(self, measured: float, value: float) -> bool:
        """Whether what was measured keeps the limit."""
        return measured >= value if self.least else measured <= value


LIMITS: Final[tuple[Limit, ...]] = (
    Limit(option="--max-event-p50", text="events, median", measure="event_p50", unit="s"),
    Limit(option="--max-event-p99", text="events, 99 %", measure="event_p99", unit="s"),
    Limit(option="--max-event-max", text="events, the slowest", measure="event_max", unit="s"),
    Limit(option="--max-27h-p99", text="27h, 99 %", measure="27h_p99", unit="s"),
    Limit(option="--max-28h-p99", text="28h, 99 %", measure="28h_p99", unit="s"),
    Limit(option="--max-lost", text="lost events", measure="lost", unit="", of_mediator=False),
    Limit(option="--max-doubled", text="doubled events", measure="doubled", unit="", of_mediator=False),
    Limit(option="--max-misordered", text="events out of order", measure="misordered", unit="", of_mediator=False),
    Limit(option="--max-wrong", text="events with wrong numbers", measure="wrong", unit="", of_mediator=False),
    Limit(option="--max-unconfirmed", text="reports that were not confirmed", measure="unconfirmed", unit="",
          of_mediator=False),
    Limit(option="--max-refused", text="commands refused or not answered", measure="refused", unit="",
          of_mediator=False),
    Limit(option="--min-rate", text="calls that came through", measure="through", unit="calls/s", least=True),
    Limit(option="--min-knee", text="the knee", measure="knee", unit="calls/s", least=True),
)  # fmt: skip
ALWAYS: Final[Mapping[str, float]] = {
    "--max-lost": 0,
    "--max-doubled": 0,
    "--max-misordered": 0,
    "--max-wrong": 0,
    "--max-unconfirmed": 0,
    "--max-refused": 0,
}
"""Limits that hold although nobody has said so."""
NOTHING_MEASURED: Final = Phrase("nothing was measured")
NO_RATE_KEPT: Final = Phrase(
    "it holds up to the knee, and the first rate of the ramp was too much; begin lower"
)
INTERRUPTED_BEFORE: Final = Phrase("interrupted before anything was measured")


@dataclass(frozen=True, slots=True)
class Judged:
    """A limit with what was measured; ``why`` it is broken or not judged."""

    limit: Limit
    value: float
    measured: float | None
    verdict: Verdict
    why: str = ""

    @property
    def text(self) -> Phrase:
        """For people: the limit, its value, and what was measured."""
        limit = self.limit
        sign = ">=" if limit.least else "<="
        measured = "-" if self.measured is None else limit.shown(self.measured)
        return Phrase(
            "{what}: {measured}, limit {sign} {value}",
            what=Phrase(limit.text), measured=measured, sign=sign, value=limit.shown(self.value),
        )  # fmt: skip


def judge(
    wanted: Mapping[str, float],
    measured: Callable[[str], float | None],
    generator_late: str = "",
    *,
    nothing: Phrase = NOTHING_MEASURED,
    interrupted: bool = False,
) -> Sequence[Judged]:
    """Judge each limit by its option. ``measured`` gives a measure, None where there is none: then nothing was checked,
    and the limit is broken because of ``nothing``, or not judged where the load was ``interrupted``.
    ``generator_late``: the text for it; "": it was on time."""
    found = []
    for limit in LIMITS:
        if limit.option not in wanted:
            continue
        value, came = wanted[limit.option], measured(limit.measure)
        if came is None and interrupted:
            found.append(Judged(limit, value, None, "not judged", INTERRUPTED_BEFORE))
        elif came is None:
            found.append(Judged(limit, value, None, "broken", nothing))
        elif limit.holds(came, value):
            found.append(Judged(limit, value, came, "kept"))
        elif generator_late and limit.of_mediator:
            found.append(Judged(limit, value, came, "not judged", generator_late))
        else:
            found.append(Judged(limit, value, came, "broken"))
    return found
