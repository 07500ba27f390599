"""What a node of a given size controls: order 268, appendices 2, 3 and 4, with the rows as printed there."""

import pytest

from sorm_mediator.config.capacity import (
    TERMINAL_BY_SUBSCRIBERS,
    TERMINAL_TRANSIT_BY_SUBSCRIBERS,
    TERMINAL_TRANSIT_BY_TRUNKS,
    Capacity,
    StationType,
    capacity_of,
)


def row(capacity: Capacity) -> tuple[int, int, int, int, int]:
    """In the columns of the order: network, own, calls, KSL, streams."""
    return (
        capacity.network_objects,
        capacity.own_objects,
        capacity.full_control_calls,
        capacity.ksl_lines,
        capacity.streams,
    )


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        (257, 1_999, (0, 8, 4, 8, 1)),
        (2_000, 5_999, (256, 15, 6, 12, 1)),
        (6_000, 9_999, (512, 30, 8, 16, 1)),
        (10_000, 19_999, (1024, 128, 28, 56, 2)),
        (20_000, 39_999, (1024, 256, 56, 112, 4)),
        (40_000, 59_999, (1024, 512, 56, 112, 4)),
        (60_000, 9_000_000, (1024, 1024, 56, 112, 4)),
    ],
)
def test_a_terminal_node_by_its_subscribers(least: int, most: int, expected: tuple[int, ...]) -> None:
    for subscribers in (least, most):
        capacity = capacity_of("terminal", subscribers, 4_096)
        assert row(capacity) == expected
        assert capacity.trunk_objects == 10


def test_a_terminal_transit_node_without_trunks_has_the_row_of_a_terminal_one_but_for_the_last() -> None:
    for subscribers in (257, 2_000, 6_000, 10_000, 20_000, 40_000):
        assert row(capacity_of("terminal-transit", subscribers, 0)) == row(
            capacity_of("terminal", subscribers, 0)
        )
    assert row(capacity_of("terminal-transit", 60_000, 0)) == (1024, 1024, 56, 112, 8)
    assert capacity_of("terminal-transit", 257, 0).trunk_objects == 10


@pytest.mark.parametrize(
    ("trunks", "expected"),
    [
        (30, (32, 0, 4, 8, 1)),
        (60, (64, 0, 4, 8, 1)),
        (120, (128, 0, 4, 8, 1)),
        (256, (256, 0, 4, 8, 1)),
        (512, (512, 0, 6, 12, 1)),
        (1024, (1024, 0, 8, 16, 1)),
        (2048, (1024, 0, 28, 56, 2)),
        (4096, (1024, 0, 56, 112, 8)),
        (1, (32, 0, 4, 8, 1)),
        (31, (64, 0, 4, 8, 1)),
        (100_000, (1024, 0, 56, 112, 8)),
    ],
)
def test_a_terminal_transit_node_by_its_trunks(trunks: int, expected: tuple[int, ...]) -> None:
    """A size between two of the table has the greater one's row."""
    assert row(capacity_of("terminal-transit", 0, trunks)) == expected


@pytest.mark.parametrize(
    ("subscribers", "trunks", "expected"),
    [
        (20_000, 512, (1024 + 512, 256, 56 + 6, 112 + 12, 5)),
        (2_000, 30, (256 + 32, 15, 6 + 4, 12 + 8, 2)),
        (60_000, 4_096, (2048, 1024, 112, 224, 8)),
    ],
)
def test_both_tables_are_summed_and_bounded_by_what_the_order_bounds(
    subscribers: int, trunks: int, expected: tuple[int, ...]
) -> None:
    assert row(capacity_of("terminal-transit", subscribers, trunks)) == expected


def test_a_transit_node_has_its_clause_whatever_its_size() -> None:
    assert row(capacity_of("transit", 0, 0)) == (2048, 0, 112, 224, 8)
    assert capacity_of("transit", 60_000, 30) == capacity_of("transit", 0, 0)
    assert capacity_of("transit", 0, 0).trunk_objects == 10


@pytest.mark.parametrize("station_type", ["terminal", "terminal-transit"])
def test_a_node_below_the_first_row_has_that_row(station_type: StationType) -> None:
    assert capacity_of(station_type, 1, 0) == capacity_of(station_type, 257, 0)


def test_every_row_has_lines_for_its_calls_and_streams_for_its_lines() -> None:
    """Separate control takes two KSL to a call: all tables of the order have exactly two."""
    for table in (TERMINAL_BY_SUBSCRIBERS, TERMINAL_TRANSIT_BY_SUBSCRIBERS, TERMINAL_TRANSIT_BY_TRUNKS):
        for one in table:
            assert one.ksl_lines == 2 * one.full_control_calls
            assert one.ksl_lines <= 28 * one.streams
