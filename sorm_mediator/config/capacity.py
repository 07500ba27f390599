"""The capacity of a node by its size: the tables of order 268, appendices 2, 3 and 4.

* A terminal node: appendix 2, table 1, by the subscribers that the node is equipped for.
* A transit node: appendix 3, clauses 2 and 3, for any size.
* A terminal-transit node: appendix 4, clause 2: "from the summed data" of table 1, by subscribers, and of
  table 2, by trunks. The rows of both are added. Other clauses of the order bound the sum: a stream has a
  number of three bits (6.4.4.3), so there are eight streams; no table or clause has more than 112 calls at
  once or more than 2048 numbers of network objects (3.2); a stream has 28 KSL (1.2).

The order does not rule the row of every size; the rest is our reading. Table 1 has ranges, the first of which
begins with 257 subscribers: a smaller node has that row too, and a node without subscribers adds nothing.
Table 2 has single values (30, 60, 120 ...): a size between two of them has the greater row, so that a node is
never allowed less than the order asks for, and a node without trunks adds nothing. There are ten trunk
objects at most (appendix 3, clause 1; appendix 4, clause 1). Appendix 2 has no clause about trunks; our
reading is ten as well.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

StationType = Literal["terminal", "transit", "terminal-transit"]
APPENDICES: dict[StationType, int] = {"terminal": 2, "transit": 3, "terminal-transit": 4}
"""Type of node -> the appendix of order 268 that has its functions and tables."""

MOST_STREAMS = 8
"""Streams toward the console (order 268, 3.3, and 6.4.4.3: a number of three bits)."""
KSL_PER_STREAM = 28
"""KSL in one stream (order 268, 6.4.4.3 and 6.4.5)."""
MOST_CALLS = 112
"""Calls under full control at once (order 268, 3.3: 112 with separate control, over at most eight streams)."""
MOST_NETWORK_OBJECTS = 2048
"""Numbers of network objects (order 268, 3.2)."""
TRUNK_OBJECTS = 10
"""Trunks under control, for any size (order 268, 3.1 and 4.1)."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The objects and calls that a node must control at once; the limits of its tables."""

    own_objects: int
    """Objects that are subscribers of the node."""
    network_objects: int
    """Objects that are subscribers of the network, by full or partial number or IMSI."""
    full_control_calls: int
    """Calls under full control at once."""
    ksl_lines: int
    """KSL toward the console, over all streams."""
    streams: int
    """E1 streams toward the console."""
    trunk_objects: int = TRUNK_OBJECTS
    """Objects that are trunks."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table. ``size``: the least of its range, or the exact size (appendix 4, table 2)."""

    size: int
    network_objects: int
    own_objects: int
    full_control_calls: int
    ksl_lines: int
    streams: int


# fmt: off
TERMINAL_BY_SUBSCRIBERS: tuple[Row, ...] = (
    Row(   257,    0,    8,  4,   8, 1),
    Row( 2_000,  256,   15,  6,  12, 1),
    Row( 6_000,  512,   30,  8,  16, 1),
    Row(10_000, 1024,  128, 28,  56, 2),
    Row(20_000, 1024,  256, 56, 112, 4),
    Row(40_000, 1024,  512, 56, 112, 4),
    Row(60_000, 1024, 1024, 56, 112, 4),
)
"""Order 268, appendix 2, table 1."""
TERMINAL_TRANSIT_BY_SUBSCRIBERS: tuple[Row, ...] = (
    *TERMINAL_BY_SUBSCRIBERS[:-1],
    Row(60_000, 1024, 1024, 56, 112, 8),
)
"""Order 268, appendix 4, table 1: table 1 of appendix 2 with other streams in the last row."""
TERMINAL_TRANSIT_BY_TRUNKS: tuple[Row, ...] = (
    Row(    30,   32, 0,  4,   8, 1),
    Row(    60,   64, 0,  4,   8, 1),
    Row(   120,  128, 0,  4,   8, 1),
    Row(   256,  256, 0,  4,   8, 1),
    Row(   512,  512, 0,  6,  12, 1),
    Row( 1_024, 1024, 0,  8,  16, 1),
    Row( 2_048, 1024, 0, 28,  56, 2),
    Row( 4_096, 1024, 0, 56, 112, 8),
)
"""Order 268, appendix 4, table 2."""
# fmt: on
NOTHING = Row(0, 0, 0, 0, 0, 0)
TRANSIT = Capacity(
    own_objects=0,
    network_objects=MOST_NETWORK_OBJECTS,
    full_control_calls=MOST_CALLS,
    ksl_lines=MOST_STREAMS * KSL_PER_STREAM,
    streams=MOST_STREAMS,
)
"""Order 268, appendix 3: 112 calls under separate control take 224 KSL, 28 in each of eight streams."""


def capacity_of(station_type: StationType, subscribers: int, trunks: int) -> Capacity:
    """The capacity that the order's tables require of a node of this type and size.

    ``trunks`` counts only for a terminal-transit node; ``subscribers`` does not count for a transit node.
    """
    if station_type == "transit":
        return TRANSIT
    if station_type == "terminal":
        return _sum(_of_range(TERMINAL_BY_SUBSCRIBERS, subscribers))
    by_subscribers = _of_range(TERMINAL_TRANSIT_BY_SUBSCRIBERS, subscribers)
    return _sum(by_subscribers, _at_least(TERMINAL_TRANSIT_BY_TRUNKS, trunks))


def _of_range(table: tuple[Row, ...], size: int) -> Row:
    """The row whose range has ``size``; the first row below the first range."""
    if not size:
        return NOTHING
    return next((row for row in reversed(table) if size >= row.size), table[0])


def _at_least(table: tuple[Row, ...], size: int) -> Row:
    """The row of ``size`` or of the next greater size; the last row above the last size."""
    if not size:
        return NOTHING
    return next((row for row in table if size <= row.size), table[-1])


def _sum(*rows: Row) -> Capacity:
    """The sum of the rows, bounded."""
    total = {field.name: sum(getattr(row, field.name) for row in rows) for field in fields(Row)}
    streams = min(total["streams"], MOST_STREAMS)
    return Capacity(
        own_objects=total["own_objects"],
        network_objects=min(total["network_objects"], MOST_NETWORK_OBJECTS),
        full_control_calls=min(total["full_control_calls"], MOST_CALLS),
        ksl_lines=min(total["ksl_lines"], streams * KSL_PER_STREAM),
        streams=streams,
    )
