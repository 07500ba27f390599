"""What becomes of units at a gate: by action, by chance, and whatever is ordered in whatever moment."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.faults.gate import MOST_HELD, Fault, Gate
from sorm_mediator.faults.order import FaultOrder


def fault(action: str, **more: Any) -> Fault:
    """A fault of KPD1."""
    body = {"link": "kpd1", "action": action, **{key.rstrip("_"): value for key, value in more.items()}}
    return Fault(1, FaultOrder.model_validate(body))


def gate(*faults: Fault, ordered: bool = True) -> Gate[Any]:
    made: Gate[Any] = Gate(ordered=ordered)
    made.use(faults)
    return made


def test_without_a_fault_it_is_idle_and_lets_everything_through() -> None:
    empty = gate()
    assert empty.idle
    assert empty.put("a", 0.0) == ["a"]
    assert empty.next_due is None


def test_the_first_fault_that_touches_a_unit_is_carried_out_and_no_other() -> None:
    first, second = fault("drop", count=1), fault("duplicate")
    both = gate(first, second)
    assert [both.put(unit, 0.0) for unit in "abc"] == [[], ["b", "b"], ["c", "c"]]
    assert (dict(first.did), dict(second.did)) == (
        {"touched": 1, "dropped": 1},
        {"touched": 2, "copies": 2},
    )


def test_a_fault_that_has_touched_its_count_is_over() -> None:
    over: list[int] = []
    once = fault("drop", count=2)
    once.over = lambda: over.append(1)
    here = gate(once)
    assert [here.put(unit, 0.0) for unit in "abc"] == [[], [], ["c"]]
    assert over == [1]


def test_who_is_delayed_on_an_ordered_link_delays_those_behind_it() -> None:
    line = gate(fault("delay", seconds=2, count=1))
    assert line.put("a", 0.0) == []
    assert line.put("b", 1.0) == []
    assert line.next_due == 2.0
    assert line.due(1.9) == []
    assert line.due(2.0) == ["a", "b"]
    assert line.put("c", 3.0) == ["c"]


def test_datagrams_overtake_each_other() -> None:
    net = gate(fault("delay", seconds=2, count=1), ordered=False)
    assert [net.put("a", 0.0), net.put("b", 1.0), net.due(2.0)] == [[], ["b"], ["a"]]


def test_a_unit_is_overtaken_by_the_next_or_goes_on_by_itself() -> None:
    swapped = gate(fault("reorder", seconds=1))
    assert [swapped.put(unit, 0.0) for unit in "abcd"] == [[], ["b", "a"], [], ["d", "c"]]
    assert swapped.put("e", 5.0) == []
    assert (swapped.next_due, swapped.due(5.9), swapped.due(6.0)) == (6.0, [], ["e"])


def test_a_fault_that_ends_by_itself_leaves_what_is_on_its_way_and_one_that_is_cleared_does_not() -> None:
    here = gate(fault("delay", seconds=100))
    here.put("a", 0.0)
    here.use([])
    assert not here.idle
    assert here.put("b", 1.0) == []
    here.use([], release=True)
    assert here.due(1.0) == ["a", "b"]
    assert here.idle


def test_what_is_held_is_bounded_whatever_is_ordered() -> None:
    storm = gate(fault("duplicate", copies=1000, jitter=1000), ordered=False)
    for number in range(200):
        storm.put(number, 0.0)
    assert storm.held <= MOST_HELD
    late = gate(fault("delay", seconds=1000))
    early = [one for number in range(MOST_HELD + 10) for one in late.put(number, 0.0)]
    assert early == list(range(9))
    assert len(late.take_all()) == MOST_HELD + 1
    assert late.held == 0


def test_the_octets_that_are_held_are_bounded_however_long_the_units_are() -> None:
    mib = bytes(1024 * 1024)
    late = gate(fault("delay", seconds=1000))
    passed = [late.put(mib, 0.0) for _ in range(20)]
    assert [len(one) for one in passed] == [0] * 17 + [1] * 3
    assert len(late.take_all()) == 17
    assert late.put(mib, 0.0) == []  # what was taken is held no more
    storm = gate(fault("duplicate", copies=1000, jitter=1000), ordered=False)
    assert len(storm.put((mib, "peer"), 0.0)) == 1
    assert storm.held == 16


def test_a_seed_repeats_what_comes_by_chance() -> None:
    def kept(seed: int) -> list[int]:
        here = gate(fault("drop", share=0.5, seed=seed))
        return [one for number in range(64) for one in here.put(number, 0.0)]

    assert kept(1) == kept(1)
    assert kept(1) != kept(2)
    assert 16 < len(kept(1)) < 48


ORDERS = st.one_of(
    st.fixed_dictionaries({"action": st.just("drop")}),
    st.fixed_dictionaries(
        {"action": st.just("delay"), "seconds": st.floats(0.01, 5), "jitter": st.floats(0, 5)}
    ),
    st.fixed_dictionaries({"action": st.just("duplicate"), "copies": st.integers(1, 3)}),
    st.fixed_dictionaries({"action": st.just("reorder"), "seconds": st.floats(0.01, 5)}),
)


@given(
    orders=st.lists(st.tuples(ORDERS, st.floats(0.1, 1), st.none() | st.integers(1, 4)), max_size=3),
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=30),
    ordered=st.booleans(),
    changes=st.lists(st.sampled_from(["keep", "end", "clear"]), min_size=30, max_size=30),
)
def test_nothing_is_lost_doubled_or_moved_but_what_the_faults_have_counted(
    orders: list[Any], gaps: list[float], ordered: bool, changes: list[str]
) -> None:
    everything = [
        fault(**{**order, "share": share, "seed": 1, **({} if count is None else {"count": count})})
        for order, share, count in orders
    ]
    faults = list(everything)
    here, now = gate(*faults, ordered=ordered), 0.0
    passed: list[int] = []
    for number, (gap, change) in enumerate(zip(gaps, changes, strict=False)):
        now += gap
        passed += here.due(now)
        if change != "keep" and faults:
            faults = faults[1:]
            here.use(faults, release=change == "clear")
        passed += here.put(number, now)
    while (due := here.next_due) is not None:
        now = max(now, due)
        passed += here.due(now)
    assert here.held == 0
    dropped, copies, moved = (
        sum(one.did[word] for one in everything) for word in ("dropped", "copies", "reordered")
    )
    assert len(passed) == len(gaps) - dropped + copies
    assert len(set(passed)) == len(gaps) - dropped
    if ordered:
        assert sum(before > after for before, after in pairwise(passed)) <= moved
    assert all(one.did["touched"] <= (one.order.count or len(gaps)) for one in everything)
