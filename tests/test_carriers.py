"""Lines of the mediator's streams: settings of both ends, and a line within this process."""

from __future__ import annotations

import pytest

from e1.carriers.memory import MemoryEnd, memory_pair
from e1.g704.alarms import StreamState
from e1.stream import E1Stream
from sorm_mediator.addresses import split_host_port
from sorm_mediator.carriers import stream_config
from sorm_mediator.config import E1Config


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def run(clock: Clock, seconds: float, *ends: tuple[MemoryEnd, E1Stream]) -> None:
    until = clock.now + seconds
    while clock.now < until:
        clock.now += 0.01
        for end, stream in ends:
            end.exchange(stream)


@pytest.mark.parametrize("mode", ["dce", "dte"])
def test_the_far_end_plays_the_other_role_and_the_dte_calls(mode: str) -> None:
    config = E1Config.model_validate({"mode": mode, "x25": {"circuit": "svc", "window": 7}, "lapb": {"k": 3}})
    near, far = stream_config(config), stream_config(config, far_end=True)
    assert near.lapb.role == near.x25.role == mode
    assert {near.lapb.role, far.lapb.role} == {"dce", "dte"}
    assert [end.x25.calls for end in (near, far)] == [end.x25.role == "dte" for end in (near, far)]
    assert (far.x25.window, far.lapb.k) == (7, 3)


def test_two_ends_hear_each_other_and_one_alone_hears_nothing() -> None:
    clock = Clock()
    near, far = memory_pair(clock=clock)
    stream, peer = E1Stream(), E1Stream()
    run(clock, 0.5, (near, stream))
    assert stream.state is StreamState.LOS
    run(clock, 0.5, (near, stream), (far, peer))
    assert (stream.state, peer.state) == (StreamState.WORK, StreamState.WORK)
    run(clock, 1.5, (near, stream))  # nobody drives the far end any more
    assert stream.state is StreamState.LOS
    run(clock, 0.5, (near, stream), (far, peer))
    far.close()
    run(clock, 0.05, (near, stream))
    assert stream.state is StreamState.LOS


def test_a_line_that_nobody_reads_keeps_nothing() -> None:
    clock = Clock()
    near, far = memory_pair(clock=clock)
    run(clock, 5, (near, E1Stream()))
    peer = E1Stream()
    far.exchange(peer)
    assert peer.counters.near.blocks == 0


def test_a_clock_that_slept_leaves_frames_out() -> None:
    clock = Clock()
    near, far = memory_pair(clock=clock)
    stream, peer = E1Stream(), E1Stream()
    run(clock, 0.1, (near, stream), (far, peer))
    before = peer.counters.near.blocks
    clock.now += 3600
    run(clock, 0.1, (near, stream), (far, peer))
    assert peer.counters.near.blocks - before < 200


@pytest.mark.parametrize("text", ["", "host", "host:", ":5", "host:99999", "host:-1"])
def test_what_is_no_split_host_port(text: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        split_host_port(text)


def test_addresses() -> None:
    assert split_host_port("127.0.0.1:5") == ("127.0.0.1", 5)
    assert split_host_port("[::1]:5") == ("::1", 5)
