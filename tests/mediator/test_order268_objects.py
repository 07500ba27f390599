"""What order 268 rules of objects under control: commands 5, 10 and 15, and how many there may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol import Category
from protocol.messages import (
    ChangeObject,
    GetObjects,
    ObjectInfo,
)
from protocol.values import Raw
from sorm_mediator.config.mediator import CapacityConfig
from tests.mediator.order268 import FULL, HIGH, NORMAL, PARTIAL, call, network, removal, trunk

# --- command 10


@pytest.mark.parametrize(
    ("command", "asked", "status"),
    [
        (GetObjects(77, None, None, None, None), (77, None, None, None, None), 0x34),
        (GetObjects(None, FULL, None, None, None), (None, FULL, None, None, None), 0x53),
        (GetObjects(1, None, None, "28332", None), (1, None, None, "28332", None), 0x53),
        (GetObjects(None, None, None, None, 8), (None, None, None, None, 8), 0x53),
    ],
)
@pytest.mark.parametrize("extended", [True, False])
def test_what_was_asked_comes_back_when_nothing_fits(
    means: Any, make: Any, extended: bool, command: GetObjects, asked: Any, status: int
) -> None:
    """Order 268, 6.10.6: 23h with the parameters of the request, then 28h with the code of not executed."""
    m = means(extended_errors=extended).begin(make.put(1, "28331"), make.put(2, "28332"))
    received, info, executed = m.send(command)
    assert isinstance(info, ObjectInfo)
    assert (info.object_number, info.object_type, info.number_sign, info.number, info.trunk) == asked
    assert (info.category, info.ksl_group, info.priority, info.line_state) == (None, None, None, 0xFF)
    assert (info.total, info.index) == (1, 1)
    assert (received.status, executed.status) == (0, status if extended else 0x01)


def counted(digits: int) -> GetObjects:
    """Command 10 with the count of digits alone."""
    return GetObjects(None, None, None, Raw(bytes([digits]) + b"\xff" * 9), None)  # type: ignore[arg-type]


def test_objects_by_the_count_of_digits(means: Any, make: Any) -> None:
    """Order 268, 6.10.7.4: the count is a filter of its own."""
    m = means().begin(make.put(1, "28331"), network(2, "73832228332"), make.put(3, "28333"), trunk(4, 7))

    def found(command: GetObjects) -> list[int]:
        return [told.object_number for told in m.send(command) if isinstance(told, ObjectInfo)]

    assert found(counted(5)) == [1, 3]
    assert found(counted(11)) == [2]
    assert found(replace(counted(5), object_number=3)) == [3]
    _, info, executed = m.send(counted(7))
    assert bytes(m.codec.encode(info))[14:24] == bytes([7]) + b"\xff" * 9
    assert executed.status == 0x53


def test_digits_that_are_none_are_refused(means: Any, make: Any) -> None:
    """Order 268, 6.10.7.4, 7.4."""
    m = means().begin(make.put(1, "28331"))
    assert m.says(counted(19)) == "27/10"
    broken = Raw(bytes([3]) + b"\x82" + b"\xff" * 8)
    assert m.says(GetObjects(None, None, None, broken, None)) == "27/10"  # type: ignore[arg-type]


# --- the same number twice


@pytest.mark.parametrize(
    ("keys", "second"),
    [
        ({"profile": "order", "orm_number": 1}, "27/00 28/00"),
        ({"profile": "eltex"}, "27/00 28/36"),
        ({"profile": "eltex", "same_number_again": "allow"}, "27/00 28/00"),
    ],
)
def test_the_same_number_again(means: Any, make: Any, keys: Any, second: str) -> None:
    """Order 268, 6.5.6: whether or not the table has the number; it gets a new object number."""
    m = means(**keys).begin(make.put(1, "28331"))
    assert m.says(make.put(2, "28331")) == second


def test_each_of_two_objects_with_one_number_has_its_full_set(means: Any, make: Any) -> None:
    """Order 268, 6.5.6: each has its messages, and its line where it is under full control."""
    m = means(same_number_again="allow").begin(make.combined(1, 1), make.combined(1, 2))
    m.says(make.put(1, "28331", "combined", 1))
    m.says(make.put(2, "28331", "combined", 1))
    both = ((1, "a"), (2, "a"))
    told = m.report(make.report(matches=both, answer=1003.0, release=1009.0, cause=5))
    assert [text for text in told if text.startswith("1")] == [
        "1 41/00 28331>28332 k0.1",
        "1 42/00 28331>28332 k0.1",
        "1 43/05 28331>28332 k0.1",
    ]
    assert [text for text in told if text.startswith("2")] == [
        "2 41/00 28331>28332 k0.2",
        "2 42/00 28331>28332 k0.2",
        "2 43/05 28331>28332 k0.2",
    ]
    assert m.says(removal(1, "28331")) == "27/00 28/00"
    assert m.report(make.report(call="next", matches=((2, "a"),))) == ["2 41/00 28331>28332 k0.1"]


# --- category, group and priority


@pytest.mark.parametrize(
    ("category", "group", "priority", "vendor"),
    [
        (Category.SEPARATE, 1, NORMAL, 0x30),
        (Category.COMBINED, 2, NORMAL, 0x30),
        (Category.COMBINED, None, NORMAL, 0x3E),
        (Category.COMBINED, 0, NORMAL, 0x3E),
        (Category.STATISTICAL, 1, NORMAL, 0x3E),
        (Category.COMBINED, 1, None, 0x15),
        (Category.STATISTICAL, None, HIGH, 0x15),
    ],
)
@pytest.mark.parametrize("extended", [True, False])
def test_category_group_and_priority_that_do_not_fit_are_rejected(
    means: Any, make: Any, extended: bool, category: Category, group: int | None, priority: Any, vendor: int
) -> None:
    """Order 268, 6.5.5.7, 6.5.5.8, 6.15.6: rejected at receipt, of commands 5 and 15."""
    m = means(extended_errors=extended, statistical_high_priority="refuse")
    m.begin(make.combined(1, 1), make.separate(2, 5, 6), make.put(1, "28331"))
    told = f"27/{vendor if extended else 1:02X}"
    fields = {"category": category, "ksl_group": group, "priority": priority}
    assert m.says(replace(make.put(2, "28332"), **fields)) == told
    assert m.says(ChangeObject(1, **fields)) == told
    assert sorted(m.tables.objects) == [1]


@pytest.mark.parametrize("priority", [NORMAL, None])
def test_priorities_of_statistical_control(means: Any, make: Any, priority: Any) -> None:
    """Order 268, 6.5.5.8: 02h or FFh, which 41h shows as it was given (10.3.1.9)."""
    m = means(profile="order").begin(make.put(1, "28331", priority=priority))
    (told,) = m.do(m.core.report(make.report(), m.now))
    assert told.priority == priority


@pytest.mark.parametrize(("profile", "told"), [("order", "27/15"), ("eltex", "27/00 28/00")])
def test_a_statistical_priority_object_by_profile(means: Any, make: Any, profile: str, told: str) -> None:
    """Order 268, 6.5.5.8; option statistical_high_priority. Its events have FFh or 02h all the same (10.3.1.9)."""
    m = means(profile=profile).begin()
    assert m.says(make.put(1, "28331", priority=HIGH)) == told
    for event in m.do(m.core.report(make.report(), m.now)):
        assert event.priority is None


# --- capacity


def sized(means: Any, station: str, subscribers: int = 0, trunks: int = 0, **keys: Any) -> Any:
    """A node of this size."""
    capacity = CapacityConfig(subscribers=subscribers, trunks=trunks)
    return means(station_type=station, capacity=capacity, **keys).begin()


def fill(m: Any, commands: list[Any]) -> list[str]:
    return [m.says(command) for command in commands]


def test_own_and_network_objects_are_counted_apart(means: Any, make: Any) -> None:
    """Order 268, 2.2, table 1: 2000 subscribers: 15 own and 256 network objects."""
    m = sized(means, "terminal", 2000)
    assert set(fill(m, [make.put(n, f"2{n:04}") for n in range(15)])) == {"27/00 28/00"}
    assert m.says(make.put(15, "20015")) == "27/00 28/31"
    kinds = [FULL, PARTIAL]
    wanted = [network(1000 + n, f"7{n:06}", kinds[n % 2]) for n in range(256)]
    assert set(fill(m, wanted)) == {"27/00 28/00"}
    assert m.says(network(2000, "79999999999")) == "27/00 28/31"
    assert m.says(network(2000, "7999", PARTIAL)) == "27/00 28/31"
    assert m.says(removal(3, "20003")) == "27/00 28/00"
    assert m.says(make.put(15, "20015")) == "27/00 28/00"
    assert m.says(network(2000, "79999999999")) == "27/00 28/31"


def test_a_transit_node_has_no_own_objects(means: Any, make: Any) -> None:
    """Order 268, 3.2: it controls numbers of the network and trunks."""
    m = sized(means, "transit")
    assert m.says(make.put(1, "28331")) == "27/00 28/31"
    assert m.says(network(2, "73832228331")) == "27/00 28/00"


def test_ten_trunks(means: Any) -> None:
    """Order 268, 3.1, 4.1: beside the other objects."""
    m = sized(means, "transit")
    assert set(fill(m, [trunk(n, n) for n in range(10)])) == {"27/00 28/00"}
    assert m.says(trunk(10, 10)) == "27/00 28/4B"
    assert m.says(network(11, "73832228331")) == "27/00 28/00"


@pytest.mark.parametrize(("extended", "full"), [(True, "27/00 28/73"), (False, "27/00 28/01")])
def test_as_many_ksl_as_the_node_may_have(means: Any, make: Any, extended: bool, full: str) -> None:
    """Order 268, 2.2, table 1: 8 KSL of the smallest node, however they are grouped."""
    m = sized(means, "terminal", 300, extended_errors=extended)
    assert set(fill(m, [make.combined(1, n) for n in range(1, 8)])) == {"27/00 28/00"}
    assert m.says(make.separate(2, 10, 11)) == full
    assert m.says(make.combined(1, 8)) == "27/00 28/00"
    assert m.says(make.combined(3, 9)) == full


def test_as_many_calls_under_full_control_as_the_node_may_have(means: Any, make: Any) -> None:
    """Order 268, 2.2, table 1: 4 calls of the smallest node, though there are lines for more."""
    m = sized(means, "terminal", 300)
    fill(m, [make.combined(1, n) for n in range(1, 7)])
    fill(m, [make.put(n, f"2833{n}", "combined", 1) for n in range(1, 7)])
    told = [call(m, make, n)[0][:7] for n in range(1, 6)]
    assert told == ["1 41/00", "2 41/00", "3 41/00", "4 41/00", "5 41/01"]
    call(m, make, 2, 2, release=1005.0, cause=5)
    assert call(m, make, 6)[0][:7] == "6 41/00"


def test_without_a_size_one_number_bounds_all_objects(means: Any, make: Any) -> None:
    """Order 268, 2.2, not asked for: mediator.max_objects."""
    m = means(max_objects=2).begin(make.put(1, "28331"))
    assert m.says(network(2, "73832228331")) == "27/00 28/00"
    assert m.says(network(3, "73832228332")) == "27/00 28/31"
