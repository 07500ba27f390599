"""Listening on KSL lines until the expected tones, or silence, are on each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from e1.g704.timeslots import KSL_PER_STREAM
from sorm_mediator.console.comparing import Failure
from sorm_mediator.console.errors import StepError
from sorm_mediator.language import Phrase, join

if TYPE_CHECKING:
    from sorm_mediator.console.e1_client import ConsoleLines

LISTEN_AGAIN = 0.02
"""Seconds between two checks of the tones."""

KslName = tuple[int, int]
"""Stream and KSL."""


async def hear(
    lines: ConsoleLines, wanted: Mapping[KslName, frozenset[int]] | None, within: float
) -> Failure | None:
    """Listen until all expected tones are present at once.

    Raises :class:`StepError` for an unknown stream.
    """
    from sorm_mediator.console.e1_client import ToneProbe

    if wanted is None:
        wanted = {
            (stream, ksl): frozenset()
            for stream, line in lines.lines.items()
            if line.speaks
            for ksl in range(1, KSL_PER_STREAM + 1)
        }
    missing = sorted({stream for stream, _ in wanted} - set(lines.lines))
    if missing:
        raise StepError(Phrase("stream {stream}: the lab has no such stream", stream=missing[0]))
    mute = sorted({stream for stream, _ in wanted if not lines.lines[stream].speaks})
    if mute:
        raise StepError(
            Phrase(
                "stream {stream}: its line has no timeslots, so there is no speech to hear", stream=mute[0]
            )
        )
    ears = {name: ToneProbe(lines.lines[name[0]], name[1]) for name in wanted}
    deadline = time.monotonic() + within
    while True:
        heard = {name: ear.listen() for name, ear in ears.items()}
        wrong = [name for name, tones in wanted.items() if heard[name] != tones]
        if not wrong:
            return None
        if time.monotonic() >= deadline:
            return Failure(
                join("; ", [_shown(name, wanted[name]) for name in wrong]),
                join(" ", [_HEARD, join("; ", [_shown(name, heard[name]) for name in wrong])]),
            )
        await asyncio.sleep(LISTEN_AGAIN)


_HEARD = Phrase("heard:")
_NOTHING = Phrase("nothing yet")
_SILENCE = Phrase("silence")


def _shown(name: KslName, tones: frozenset[int] | None) -> str:
    if tones:
        listed: str = Phrase("{tones} Hz", tones=", ".join(map(str, sorted(tones))))
    else:
        listed = _NOTHING if tones is None else _SILENCE
    return Phrase("KSL {s}/{k}: {tones}", s=name[0], k=name[1], tones=listed)


def heard_text(wanted: Mapping[KslName, frozenset[int]] | None) -> str:
    """The text of tones that are all as expected."""
    lines: list[str] = [_SILENCE] if wanted is None else [_shown(*each) for each in wanted.items()]
    return join(" ", [_HEARD, join("; ", lines)])
