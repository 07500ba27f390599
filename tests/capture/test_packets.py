"""TCP put together from segments that come late, twice, overlapping, or never."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sorm_mediator.capture.events import Data, End, Event, Flow, Gap, Trouble
from sorm_mediator.capture.packets import MAX_WAITING_SEGMENTS, HalfStream

FLOW = Flow("a > b", "a", "b", "tcp")
ISN = 0xFFFFFFF0  # the numbers wrap inside every one of these streams
FIRST = ISN + 1


def opened() -> HalfStream:
    half = HalfStream(FLOW)
    half.open(ISN)
    return half


def feed(half: HalfStream, offset: int, data: bytes, *, fin: bool = False) -> list[Event]:
    return list(half.segment((FIRST + offset) & 0xFFFFFFFF, data, None, fin=fin))


def test_segments_in_order_come_out_at_once() -> None:
    half = opened()
    assert feed(half, 0, b"abc") == [Data(FLOW, 0, b"abc")]
    assert feed(half, 3, b"def" * 10) == [Data(FLOW, 3, b"def" * 10)]


def test_a_late_segment_is_waited_for() -> None:
    half = opened()
    assert feed(half, 3, b"def") == []
    assert feed(half, 0, b"abc") == [Data(FLOW, 0, b"abc"), Data(FLOW, 3, b"def")]


def test_a_repeated_segment_is_dropped() -> None:
    half = opened()
    feed(half, 0, b"abc")
    assert feed(half, 0, b"abc") == []
    assert feed(half, 2, b"cd") == [Data(FLOW, 3, b"d")]


def test_a_keep_alive_octet_before_the_stream_adds_nothing() -> None:
    half = opened()
    feed(half, 0, b"abc")
    assert feed(half, 2, b"\0") == []


def test_overlapping_segments_are_trimmed_to_what_is_new() -> None:
    half = opened()
    feed(half, 4, b"efgh")
    feed(half, 2, b"cdefghij")
    events = feed(half, 0, b"abc")
    assert b"".join(event.data for event in events if isinstance(event, Data)) == b"abcdefghij"


def test_a_lost_segment_is_a_gap_when_the_stream_ends() -> None:
    half = opened()
    feed(half, 0, b"abc")
    feed(half, 5, b"fgh")
    assert list(half.finish()) == [Gap(FLOW, 3, 2), Data(FLOW, 5, b"fgh"), End(FLOW)]


def test_waiting_is_bounded() -> None:
    half = opened()
    events: list[Event] = []
    for number in range(MAX_WAITING_SEGMENTS + 1):
        events += feed(half, 2 + number, b"x")
    assert events[0] == Gap(FLOW, 0, 2)
    assert sum(len(event.data) for event in events if isinstance(event, Data)) == MAX_WAITING_SEGMENTS + 1


def test_a_fin_ends_the_flow_when_everything_before_it_came() -> None:
    half = opened()
    assert feed(half, 3, b"d", fin=True) == []
    assert feed(half, 0, b"abc") == [Data(FLOW, 0, b"abc"), Data(FLOW, 3, b"d"), End(FLOW)]
    assert list(half.finish()) == []


def test_octets_missing_before_the_fin_are_a_gap() -> None:
    half = opened()
    feed(half, 5, b"", fin=True)
    assert list(half.finish()) == [Gap(FLOW, 0, 5), End(FLOW)]


def test_a_capture_may_begin_in_the_middle() -> None:
    half = HalfStream(FLOW)
    assert list(half.segment(5000, b"abc", None)) == [Data(FLOW, 0, b"abc")]
    assert list(half.segment(4998, b"yz", None)) == []
    assert list(half.finish()) == [
        End(FLOW),
        Trouble("a > b: 2 octets came from before the capture's first segment"),
    ]


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=60), st.data())
def test_whatever_the_order_and_the_repetitions_the_stream_comes_out(
    stream: bytes, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.tuples(st.integers(0, len(stream)), st.integers(1, 20)), max_size=12))
    pieces = [(start, stream[start : start + size]) for start, size in cuts]
    pieces += [(start, stream[start : start + 7]) for start in range(0, len(stream), 7)]
    half = opened()
    events: list[Event] = []
    for start, piece in data.draw(st.permutations(pieces)):
        events += feed(half, start, piece)
    events += half.finish()
    assert b"".join(event.data for event in events if isinstance(event, Data)) == stream
    assert not any(isinstance(event, Gap | Trouble) for event in events)


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=60), st.data())
def test_what_is_lost_is_said_and_the_rest_is_in_its_place(stream: bytes, data: st.DataObject) -> None:
    starts = range(0, len(stream), 5)
    came = data.draw(st.lists(st.sampled_from(starts), unique=True))
    half = opened()
    events: list[Event] = []
    for start in came:
        events += feed(half, start, stream[start : start + 5])
    events += half.finish()
    at = 0
    for event in events:
        if isinstance(event, Data | Gap):
            assert event.offset == at
            if isinstance(event, Data):
                assert event.data == stream[at : at + len(event.data)]
            at += len(event.data) if isinstance(event, Data) else event.length
    assert at == max((min(start + 5, len(stream)) for start in came), default=0)
