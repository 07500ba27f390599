"""The memory of answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.sink import Duplicates


def test_remembers_for_its_lifetime_and_not_for_ever() -> None:
    memory = Duplicates(lifetime=30, limit=10)
    memory.turn(1000)
    memory.remember("request", b"answer", 1000)
    memory.turn(1029.9)
    assert memory.answer("request") == b"answer"
    memory.turn(1030)
    assert memory.answer("request") == b"answer"
    assert memory.answer("another") is None
    memory.turn(1060)
    assert memory.answer("request") is None
    assert len(memory) == 0


def test_after_a_long_silence_nothing_is_left() -> None:
    memory = Duplicates(lifetime=30, limit=10)
    memory.turn(0)
    memory.remember("request", b"answer", 0)
    memory.turn(60)
    assert memory.answer("request") is None


@given(
    st.lists(st.tuples(st.floats(0, 5), st.integers(0, 30)), max_size=60),
    st.integers(1, 8),
)
def test_bounds(steps: list[tuple[float, int]], limit: int) -> None:
    memory = Duplicates(lifetime=10, limit=limit)
    now = 0.0
    remembered: list[tuple[float, int]] = []
    for pause, request in steps:
        now += pause
        memory.turn(now)
        age = min((now - at for at, known in remembered if known == request), default=None)
        if memory.answer(request) is not None:
            assert age is not None
            assert age < 30
        else:
            newer = [known for at, known in remembered if age is not None and now - at <= age]
            assert age is None or age >= 10 or len(newer) > limit
            memory.remember(request, bytes((request,)), now)
            remembered.append((now, request))
        assert len(memory) <= 2 * limit


@pytest.mark.parametrize(("lifetime", "limit"), [(0, 1), (1, 0)])
def test_bounds_must_be_positive(lifetime: float, limit: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        Duplicates(lifetime, limit)
