"""What a scenario wants to hear on the KSL: tones in Hz, the tones of subscribers, or silence.

``hears: {ksl: {stream: 0, ksl: 1}, tones: ["28331", "28332"]}``, a list of these, or ``hears: silence``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from e1.g704.timeslots import KSL_PER_STREAM
from e1.voice.tones import GRID
from protocol.codes import STREAMS
from protocol.language import Phrase, join
from sorm_mediator.console.errors import StepError
from sorm_mediator.console.matching import Failure
from sorm_mediator.console.nodes import Node
from sorm_mediator.console.variables import check, is_template, resolve

if TYPE_CHECKING:
    from sorm_mediator.console.e1_client import ConsoleLines

SILENCE = "silence"
LISTEN_AGAIN = 0.02
"""Seconds between two looks at what was heard."""

KslName = tuple[int, int]
"""Stream and KSL."""


@dataclass(frozen=True, slots=True)
class Hears:
    """What must be heard, all of it at the same time."""

    node: Node

    def resolve(self, variables: dict[str, Any]) -> dict[KslName, frozenset[int]] | None:
        """The tones (Hz) of each KSL; None: silence on every one. Raises :class:`ScriptError`."""
        node = resolve(self.node, variables)
        if node.value == SILENCE:
            return None
        return {_ksl(keys["ksl"]): _tones(keys["tones"]) for keys in map(_keys, _items(node))}


def read(node: Node, known: Container[str]) -> Hears:
    """Check what can be checked before the step runs. Raises :class:`ScriptError`."""
    if node.value != SILENCE:
        for keys in map(_keys, _items(node)):
            templates = list(_templates(keys["ksl"]))
            for template in templates:
                check(template, known)
            if not templates:
                _ksl(keys["ksl"])
            if not list(_templates(keys["tones"])):
                _tones(keys["tones"])
            for template in _templates(keys["tones"]):
                check(template, known)
    return Hears(node)


def _items(node: Node) -> list[Node]:
    items = node.value if isinstance(node.value, list) else [node]
    if not items:
        node.wrong("silence, a mapping of ksl and tones, or a list of such mappings")
    return items


def _keys(node: Node) -> dict[str, Node]:
    if not isinstance(node.value, dict):
        node.wrong("silence, a mapping of ksl and tones, or a list of such mappings")
    keys = node.mapping(("ksl", "tones"))
    for required in ("ksl", "tones"):
        if required not in keys:
            node.fail(f"{required} is missing")
    return keys


def _templates(node: Node) -> Iterator[Node]:
    if isinstance(node.value, dict | list):
        for child in node.value.values() if isinstance(node.value, dict) else node.value:
            yield from _templates(child)
    elif is_template(node.value):
        yield node


def _ksl(node: Node) -> KslName:
    value = node.value
    if isinstance(value, Mapping) and not all(isinstance(part, Node) for part in value.values()):
        # saved from a message: plain values
        node = replace(node, value={key: replace(node, value=part) for key, part in value.items()})
    keys = node.mapping(("stream", "ksl"))
    if len(keys) < 2:
        node.wrong("a mapping of stream and ksl")
    return keys["stream"].integer(STREAMS[0], STREAMS[-1]), keys["ksl"].integer(1, KSL_PER_STREAM)


def _tones(node: Node) -> frozenset[int]:
    if node.value == SILENCE:
        return frozenset()
    if not isinstance(node.value, list):
        node.wrong("silence, or a list of frequencies (Hz) and of numbers of subscribers in quotation marks")
    return frozenset(map(_tone, node.value))


def _tone(node: Node) -> int:
    if isinstance(node.value, str) and node.value.isascii() and node.value.isdigit():
        from sorm_mediator.switch.calls.speech import tones

        return tones(node.value, "")[0]
    if isinstance(node.value, bool) or node.value not in GRID:
        node.wrong(f"a multiple of 50 Hz from {GRID[0]} to {GRID[-1]}, or a subscriber's number as a string")
    return int(node.value)


async def hear(
    lines: ConsoleLines, wanted: Mapping[KslName, frozenset[int]] | None, within: float
) -> Failure | None:
    """Listen until everything is heard at the same time. Raises :class:`StepError` for a stream that there is not."""
    from sorm_mediator.console.e1_client import Ear

    if wanted is None:
        wanted = {
            (stream, ksl): frozenset()
            for stream, line in lines.lines.items()
            if line.speaks
            for ksl in range(1, KSL_PER_STREAM + 1)
        }
    missing = sorted({stream for stream, _ in wanted} - set(lines.lines))
    if missing:
        en, ru = "stream {stream}: the lab has no such stream", "поток {stream}: такого потока в стенде нет"
        raise StepError(Phrase(en, ru, stream=missing[0]))
    mute = sorted({stream for stream, _ in wanted if not lines.lines[stream].speaks})
    if mute:
        en, ru = (
            "stream {stream}: its line has no timeslots, so there is no speech to hear",
            "поток {stream}: в его линии нет канальных интервалов, речи в ней не слышно",
        )
        raise StepError(Phrase(en, ru, stream=mute[0]))
    ears = {name: Ear(lines.lines[name[0]], name[1]) for name in wanted}
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


_HEARD = Phrase("heard:", "слышно:")
_NOTHING = Phrase("nothing yet", "пока ничего")
_SILENCE = Phrase("silence", "тишина")


def _shown(name: KslName, tones: frozenset[int] | None) -> str:
    if tones:
        listed: str = Phrase("{tones} Hz", "{tones} Гц", tones=", ".join(map(str, sorted(tones))))
    else:
        listed = _NOTHING if tones is None else _SILENCE
    return Phrase("KSL {s}/{k}: {tones}", "КСЛ {s}/{k}: {tones}", s=name[0], k=name[1], tones=listed)


def told(wanted: Mapping[KslName, frozenset[int]] | None) -> str:
    """What was heard, when it was all that was wanted."""
    lines: list[str] = [_SILENCE] if wanted is None else [_shown(*each) for each in wanted.items()]
    return join(" ", [_HEARD, join("; ", lines)])


def title_of(hears: Hears) -> str:
    """What the step is called."""
    if hears.node.value == SILENCE:
        return Phrase("hear silence", "слышать тишину")
    return Phrase("hear tones", "слышать тоны")
