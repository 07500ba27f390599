"""What is decoded comes in the order of time, also while a flow is not yet known to carry units."""

from __future__ import annotations

from pathlib import Path

import pytest

import captures
from protocol import Options, Order
from sorm_mediator.capture.events import Data, End, Event, Flow
from sorm_mediator.capture.reader import read_input
from sorm_mediator.capture.units import MOST_WAITING, Found, Skipped, decode_events

RUNS = Path(captures.__path__[0]) / "runs"
START = bytes.fromhex("CC010100313233343536")
VERSION = bytes.fromhex("CC011100313233343536")
"""Command 17, which order 70 does not have."""


@pytest.mark.parametrize("order", ["268", "70"])
@pytest.mark.parametrize("name", ["start_stop_password", "tables", "bad_bytes", "order70", "main-job"])
def test_units_of_a_run_come_in_the_order_of_time(name: str, order: Order) -> None:
    with (RUNS / f"{name}.pcapng").open("rb") as stream:
        items = decode_events(read_input(stream), options=Options(order=order))
        times = [one.time_ns for one in items if isinstance(one, Found)]
    assert len(times) > 5
    known = [time for time in times if time is not None]
    assert known == times
    assert known == sorted(known)


def flow(port: int) -> Flow:
    return Flow(f"flow {port}", f"127.0.0.1:{port}", "127.0.0.1:1001", "tcp")


def data(port: int, octets: bytes, time: int, offset: int = 0) -> Event:
    return Data(flow(port), offset, octets, time)


def test_a_flow_that_begins_with_an_unknown_unit_keeps_its_place() -> None:
    events = [
        data(1, VERSION, 1),
        data(2, START, 2),
        data(1, START, 3, len(VERSION)),
        End(flow(1)),
        End(flow(2)),
    ]
    items = list(decode_events(events, options=Options(order="70")))
    assert [one.time_ns for one in items if isinstance(one, Found)] == [1, 2, 3]


def test_a_flow_without_units_holds_others_up_by_a_bounded_count_of_octets() -> None:
    noise = data(1, b"SSH-2.0-x\r\n", 0)
    many = [
        data(2, START, number, (number - 1) * len(START))
        for number in range(1, MOST_WAITING // len(START) + 3)
    ]
    came = decode_events([noise, *many, End(flow(1)), End(flow(2))])
    first = next(one for one in came if isinstance(one, Found))
    assert first.time_ns == 1
    rest = list(came)
    assert sum(isinstance(one, Found) for one in rest) == len(many) - 1
    assert [one.octets for one in rest if isinstance(one, Skipped)] == [11]
