"""A ladder as a picture: a lane for each box, time running down, and rows of arrows, marks, boxes and bands.

``ladder.svg.j2`` draws it; the page that includes it has the colours, by the styles of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Lane(NamedTuple):
    """A vertical line with its name above. ``box``: the width of a box around the name, 0 for none."""

    x: int
    name: str
    box: int = 0


class Row(NamedTuple):
    """One row, in units of the picture.

    ``kind``: an arrow from ``start`` to ``end``, a mark at ``start``, a box from ``start`` to ``end``, or a band as
    wide as the picture. ``times``: right edge and text of each time beside it.
    """

    kind: Literal["arrow", "mark", "box", "band"]
    style: str
    y: int
    start: int
    end: int
    text: str
    title: str
    """The whole text, where ``text`` is cut."""
    times: tuple[tuple[int, str], ...] = ()


class Drawing(NamedTuple):
    """A ladder as a picture. ``head``: the height of its lanes' names; ``times``: what the times are."""

    width: int
    height: int
    head: int
    lanes: Sequence[Lane]
    rows: Sequence[Row]
    times: str = ""
