"""What a scenario expects to hear on the KSL: tones in Hz, the tones of subscribers, or silence.

``hears: {ksl: {stream: 0, ksl: 1}, tones: ["28331", "28332"]}``, a list of these, or ``hears: silence``.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from e1.timeslots import KSL_PER_STREAM
from e1.tones import GRID
from protocol.codes import STREAMS
from protocol.phrases import Phrase
from sorm_mediator.console.hearing import KslName
from sorm_mediator.replay.document import Node, check, is_template, resolve

SILENCE = "silence"


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
        from sorm_mediator.switch.calls.media import tones

        return tones(node.value, "")[0]
    if isinstance(node.value, bool) or node.value not in GRID:
        node.wrong(f"a multiple of 50 Hz from {GRID[0]} to {GRID[-1]}, or a subscriber's number as a string")
    return int(node.value)


def title_of(hears: Hears) -> str:
    """What the step is called."""
    if hears.node.value == SILENCE:
        return Phrase("hear silence", "слышать тишину")
    return Phrase("hear tones", "слышать тоны")
