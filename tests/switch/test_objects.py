"""Objects on control: what a party touches, and the refusals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.switch.objects import SIGN_FITS, ObjectTable, SwitchObject, Touched
from ssh_control.dialect import Refused


def network(number: int, digits: str, kind: str = "network-full", sign: str = "russia") -> SwitchObject:
    return SwitchObject(number, kind, sign, digits, None, "combined", "normal")


def found(table: ObjectTable, *numbers: str, own: bool = False, ni: str = "") -> list[int]:
    return [item.object_number for item in table.touched(Touched(own, numbers, ni))]


def test_own_objects_and_network_objects_do_not_mix(make_object: Any) -> None:
    table = ObjectTable()
    table.add(make_object(1, "28331"))
    table.add(network(2, "28332"))

    assert found(table, "28331", own=True) == [1]
    assert found(table, "28331") == []
    assert found(table, "28332", own=True) == []
    assert found(table, "28332") == [2]


def test_a_full_number_wants_a_full_match_and_a_prefix_its_digits() -> None:
    table = ObjectTable()
    table.add(network(1, "8900", "network-full"))
    table.add(network(2, "8900", "network-partial"))
    table.add(network(3, "89", "network-partial"))

    assert found(table, "8900") == [1, 3, 2]
    assert found(table, "89001") == [3, 2]
    assert found(table, "890") == [3]
    assert found(table, "8") == []


def test_both_numbers_of_a_party_count_and_an_object_once() -> None:
    table = ObjectTable()
    table.add(network(1, "9001758964"))
    table.add(network(2, "89001758964"))
    table.add(network(3, "9", "network-partial"))

    assert found(table, "9001758964", "89001758964") == [1, 3, 2]


@pytest.mark.parametrize("ni", ["", "private", "local", "zone", "intercity", "international", "emergency"])
def test_the_sign_must_fit(ni: str) -> None:
    table = ObjectTable()
    for number, sign in enumerate(sign for sign in SIGN_FITS if sign):
        table.add(network(number, "112", sign=sign))

    signs = {
        sign
        for item in table
        if (sign := item.number_sign) and item.object_number in found(table, "112", ni=ni)
    }

    assert (
        signs
        == {
            "": {"russia", "foreign", "local", "zone", "intercity", "international", "emergency"},
            "private": set(),
            "local": {"russia", "local"},
            "zone": {"russia", "zone"},
            "intercity": {"russia", "intercity"},
            "international": {"foreign", "international"},
            "emergency": {"emergency"},
        }[ni]
    )


def test_a_number_has_as_many_objects_as_it_is_given(make_object: Any) -> None:
    table = ObjectTable()
    for number in (1, 2):
        table.add(make_object(number, "28331"))

    table.remove(1)

    assert [item.object_number for item in table] == [2]


def test_refusals(make_object: Any) -> None:
    table = ObjectTable()
    table.add(make_object(1, "28331"))
    table.add(make_object(2, 5))

    for item, code in (
        (make_object(1, "28332"), 0x33),
        (make_object(3, 5), 0x4A),
    ):
        with pytest.raises(Refused) as raised:
            table.add(item)
        assert raised.value.code == code
    for action in (lambda: table.remove(9), lambda: table.change(9, "combined", None)):
        with pytest.raises(Refused) as raised:
            action()
        assert raised.value.code == 0x34
    assert len([*table]) == 2


def test_the_very_same_again_is_no_mistake(make_object: Any) -> None:
    """A reply that was lost: the mediator asks again, and gets the same answer."""
    table = ObjectTable()
    for _ in range(2):
        table.add(network(1, "8900", "network-partial"))
    table.remove(1)

    assert found(table, "8900") == []


def test_change_keeps_the_target(make_object: Any) -> None:
    table = ObjectTable()
    item = make_object(1, "28331")
    table.add(item)

    table.change(1, "separate", "high")

    changed = table.get(1)
    assert (changed.category, changed.priority) == ("separate", "high")
    assert table.holds(item)
    assert found(table, "28331", own=True) == [1]


ITEM = st.builds(
    network,
    st.integers(0, 5),
    st.text("12", min_size=1, max_size=3),
    st.sampled_from(["network-full", "network-partial"]),
    st.sampled_from(["russia", "foreign"]),
)


@given(
    steps=st.lists(st.one_of(ITEM, st.integers(0, 5)), max_size=20),
    number=st.text("12", max_size=4),
    ni=st.sampled_from(["", "zone", "international"]),
)
def test_the_indexes_agree_with_looking_at_every_object(steps: list[Any], number: str, ni: str) -> None:
    table, kept = ObjectTable(), dict[int, SwitchObject]()
    for step in steps:
        if isinstance(step, int):
            if step in kept:
                table.remove(step)
                del kept[step]
        elif step.object_number not in kept and step.target not in {item.target for item in kept.values()}:
            table.add(step)
            kept[step.object_number] = step

    expected = {
        item.object_number
        for item in kept.values()
        if item.fits(Touched(False, (), ni))
        and (
            number.startswith(item.number or "")
            if item.object_type == "network-partial"
            else number == item.number
        )
    }
    assert set(found(table, number, ni=ni)) == expected


def test_the_routed_number_touches_whoever_controls_it(make_object: Any) -> None:
    table = ObjectTable()
    table.add(make_object(1, "3832728331"))
    table.add(network(2, "3832728331", sign="foreign"))
    table.add(network(3, "38", "network-partial", sign="local"))
    table.add(network(4, "383", "network-partial", sign="imsi"))
    table.add(network(5, "28331"))

    def by(routed: str, own: bool) -> list[int]:
        party = Touched(own, ("3832728331", "28331"), "private", routed=routed)
        return [item.object_number for item in table.touched(party)]

    assert by("3832728331", own=True) == [1, 2, 3]
    assert by("3832728331", own=False) == [1, 2, 3]
    assert by("", own=True) == [1]
    assert by("", own=False) == []
