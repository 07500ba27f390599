"""Licences of stations, users and trunks: each rule as a dialogue, and the pool that is never exceeded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.state_tables import arrows
from sorm_mediator import config
from sorm_mediator.config import ConfigError
from sorm_mediator.config.stations import STATION_TYPES, USER_LICENCES
from sorm_mediator.switch.assignments import (
    ASSIGNMENT_TABLE,
    HOLDING,
    LICENCES,
    Assignments,
    AssignmentState,
    trunk_shares,
)
from sorm_mediator.switch.changes import ChangeRefused, stations
from sorm_mediator.switch.changes.domains import declare_subscribers, remove_subscribers
from sorm_mediator.switch.licence import LicenceError
from sorm_mediator.switch.node import Node

S = AssignmentState
ONE, TWO, THREE = ("d", "1"), ("d", "2"), ("d", "3")


def node(pool: dict[str, int], *subscribers: dict[str, Any], trunks: Any = (), **switch: Any) -> Node:
    domain = {"name": "d", "subscribers": list(subscribers), "trunks": list(trunks)}
    parsed = config.parse({"switch": {"domains": [domain], "licence_pool": {"limits": pool}, **switch}})
    assert parsed.switch is not None
    return Node(parsed.switch)


def states(switch: Node, who: tuple[str, str], *licences: str) -> list[str]:
    assert switch.assignments is not None
    return [switch.assignments.state(who, licence).value for licence in licences]


# --- station licences


@pytest.mark.parametrize("station", STATION_TYPES)
def test_each_type_of_station_has_a_pool_of_its_own(station: str) -> None:
    switch = node({station: 1}, {"number": "1"})

    for other in STATION_TYPES:
        stations.assign(switch, "1", other)
        stations.check(switch)
        assert states(switch, ONE, other) == ["licensed" if other == station else "not-licensed"]


def test_a_subscriber_that_is_deleted_frees_its_licences() -> None:
    switch = node({"ip": 1, "voicemail": 1}, {"number": "1", "station": "ip", "licences": ["voicemail"]})
    assert switch.assignments is not None
    assert (switch.assignments.used["ip"], switch.assignments.used["voicemail"]) == (1, 1)

    remove_subscribers(switch, "d", "1")

    assert not any(switch.assignments.used.values())


def test_another_type_for_a_number_frees_the_station_licence_at_once() -> None:
    switch = node({"ip": 1, "tdm": 1}, {"number": "1", "station": "ip"}, {"number": "2"})

    assert stations.assign(switch, "1", "tdm") is S.UNSAVED_DEMAND
    stations.assign(switch, "2", "ip")
    stations.check(switch)

    assert states(switch, ONE, "ip", "tdm") == ["demand-not-configurable", "licensed"]
    assert states(switch, TWO, "ip") == ["licensed"]


def test_a_subscriber_declared_later_has_no_station_licence() -> None:
    switch = node({"ip": 1})
    declare_subscribers(switch, "d", "", "", "7@d", now=0.0)
    assert switch.assignments is not None

    assert switch.assignments.why_no_calls(("d", "7")) == "it has no station licence"


# --- user licences


@pytest.mark.parametrize("licence", USER_LICENCES)
def test_a_user_licence_needs_a_station_licence_first(licence: str) -> None:
    switch = node({"ip": 1, licence: 1}, {"number": "1"})

    with pytest.raises(ChangeRefused, match="assign a station licence first"):
        stations.assign(switch, "1", licence)
    assert states(switch, ONE, licence) == ["demand-not-configurable"]


@pytest.mark.parametrize("licence", ["fax", "conference"])
@pytest.mark.parametrize("uc", ["uc-suite", "groupware"])
def test_fax_and_conference_need_a_uc_or_groupware_user(licence: str, uc: str) -> None:
    switch = node({"ip": 1, uc: 1, licence: 1}, {"number": "1", "station": "ip"})
    with pytest.raises(ChangeRefused, match="assign one of these first: groupware, uc-suite"):
        stations.assign(switch, "1", licence)

    stations.assign(switch, "1", uc)
    stations.assign(switch, "1", licence)

    assert stations.check(switch).invalid == ()
    assert states(switch, ONE, uc, licence) == ["licensed", "licensed"]


def test_without_its_station_licence_a_subscriber_loses_its_user_licences() -> None:
    switch = node({"ip": 1, "tapi": 1}, {"number": "1", "station": "ip", "licences": ["tapi"]})

    assert stations.release(switch, "1", "ip") is S.UNSAVED_RELEASE
    assert states(switch, ONE, "tapi") == ["licensed"], "nothing is saved yet"
    stations.check(switch)

    assert states(switch, ONE, "ip", "tapi") == ["demand-configurable", "demand-not-configurable"]
    assert switch.config.domains[0].subscribers[0].licences == ()


# --- states of an assignment


def test_assign_then_check_then_licensed() -> None:
    switch = node({"ip": 1}, {"number": "1"})

    assert states(switch, ONE, "ip") == ["demand-configurable"]
    assert stations.assign(switch, "1", "ip") is S.UNSAVED_DEMAND
    assert stations.check(switch).unlocked[0].licence == "ip"
    assert states(switch, ONE, "ip") == ["licensed"]
    assert switch.config.domains[0].subscribers[0].station == "ip"


def test_a_release_is_free_after_it_is_saved() -> None:
    switch = node({"ip": 1}, {"number": "1", "station": "ip"}, {"number": "2", "station": "ip"})

    assert stations.release(switch, "1", "ip") is S.UNSAVED_RELEASE
    assert states(switch, TWO, "ip") == ["not-licensed"]
    stations.check(switch)

    assert states(switch, ONE, "ip") == ["demand-configurable"]
    assert states(switch, TWO, "ip") == ["licensed"]


def test_a_demand_without_a_licence_that_is_taken_back_is_an_unsaved_demand_release() -> None:
    switch = node({}, {"number": "1", "station": "ip"})

    assert stations.release(switch, "1", "ip") is S.UNSAVED_DEMAND_RELEASE
    assert stations.assign(switch, "1", "ip") is S.NOT_LICENSED, "the release is taken back"
    stations.release(switch, "1", "ip")
    stations.check(switch)

    assert states(switch, ONE, "ip") == ["demand-configurable"]


def test_what_is_not_there_can_be_neither_assigned_twice_nor_released() -> None:
    switch = node({"ip": 1}, {"number": "1", "station": "ip"})

    with pytest.raises(ChangeRefused, match="1 has ip already, in state licensed"):
        stations.assign(switch, "1", "ip")
    with pytest.raises(ChangeRefused, match="1 has no tdm"):
        stations.release(switch, "1", "tdm")
    with pytest.raises(ChangeRefused, match=r"there is no licence 'ipx'.*did you mean ip\?"):
        stations.assign(switch, "1", "ipx")
    with pytest.raises(ChangeRefused, match="no domain has a subscriber '9'"):
        stations.assign(switch, "9", "ip")


def test_a_lab_without_a_pool_needs_no_licences() -> None:
    parsed = config.parse({"switch": {"domains": [{"name": "d", "subscribers": [{"number": "1"}]}]}})
    assert parsed.switch is not None
    switch = Node(parsed.switch)

    assert switch.assignments is None
    with pytest.raises(ChangeRefused, match="needs no licences of stations"):
        stations.check(switch)


# --- the procedure


def test_check_unlocks_what_the_pool_has_names_the_rest_and_is_made_again_when_it_is_corrected() -> None:
    switch = node({"ip": 2, "voicemail": 1}, *({"number": number} for number in "123"))
    for number in "123":
        stations.assign(switch, number, "ip")
    stations.assign(switch, "1", "voicemail")
    stations.assign(switch, "2", "voicemail")

    first = stations.check(switch)
    assert [(one.number, one.licence) for one in first.unlocked] == [
        ("1", "ip"),
        ("2", "ip"),
        ("1", "voicemail"),
    ]
    assert [(one.number, one.licence, one.reason) for one in first.invalid] == [
        ("2", "voicemail", "all 1 licences voicemail are in use"),
        ("3", "ip", "all 2 licences ip are in use"),
    ]

    stations.release(switch, "1", "ip")
    second = stations.check(switch)
    assert [(one.number, one.licence) for one in second.unlocked] == [("3", "ip"), ("2", "voicemail")]
    assert second.invalid == ()


def test_what_is_checked_is_in_the_settings_and_a_restart_has_it_again() -> None:
    switch = node({"ip": 1, "uc-smart": 1}, {"number": "1"}, {"number": "2"})
    stations.assign(switch, "2", "ip")
    stations.assign(switch, "2", "uc-smart")
    assert switch.config.domains[0].subscribers[1].station == "", "a demand that is not checked is not kept"
    stations.check(switch)

    again = Node(switch.config)

    assert states(again, TWO, "ip", "uc-smart") == ["licensed", "licensed"]


# --- trunks


def test_trunks_of_a_kind_have_no_more_channels_than_the_pool() -> None:
    trunks = [
        {"number": 1, "name": "a", "kind": "s2m", "licensed_channels": 20},
        {"number": 2, "name": "b", "kind": "s2m", "licensed_channels": 11},
    ]
    with pytest.raises(ConfigError, match="kind s2m have 31 licensed_channels together, and 30 were bought"):
        node({"s2m": 30}, trunks=trunks)

    switch = node({"s2m": 31}, trunks=trunks)
    with pytest.raises(ChangeRefused, match="the other trunks have 20, so b can have 11, not 12"):
        stations.license_trunk(switch, "d", "b", 12)
    stations.license_trunk(switch, "d", "a", 5)
    stations.license_trunk(switch, "d", "b", 12)
    assert [(row[1], row[4]) for row in stations.trunk_rows(switch)] == [("a", 5), ("b", 12)]


# --- properties

_WHO = st.sampled_from([ONE, TWO, THREE])
_SMALL = ["ip", "tdm", "voicemail", "groupware", "fax"]
_POOL = st.fixed_dictionaries({name: st.integers(0, 2) for name in _SMALL})
_STEP = st.one_of(
    st.tuples(st.just("assign"), _WHO, st.sampled_from(_SMALL)),
    st.tuples(st.just("release"), _WHO, st.sampled_from(_SMALL)),
    st.tuples(st.just("check"), st.booleans()),
    st.tuples(st.just("pool"), _POOL),
    st.tuples(st.just("forget"), _WHO),
)


@given(_POOL, st.lists(_STEP, max_size=40))
def test_assignments_never_exceed_the_pool(pool: dict[str, int], steps: list[tuple[Any, ...]]) -> None:
    assignments = Assignments(pool)
    for kind, *given_ in steps:
        before = [*assignments.overview()]
        try:
            if kind == "check":
                assignments.check(saved_only=given_[0])
            elif kind == "pool":
                assignments.use_pool(given_[0])
            else:
                getattr(assignments, kind)(*given_)
        except LicenceError:
            assert [*assignments.overview()] == before, "what is refused changes nothing"
        held = [
            (who, licence)
            for who in (ONE, TWO, THREE)
            for licence in LICENCES
            if assignments.state(who, licence) in HOLDING
        ]
        for licence in LICENCES:
            holders = sum(1 for _, name in held if name == licence)
            assert holders == assignments.used[licence] <= assignments.pool.get(licence, 0)
        for who in (ONE, TWO, THREE):
            own = {name for one, name in held if one == who}
            assert len(own.intersection(STATION_TYPES)) <= 1
            assert not own or own.intersection(STATION_TYPES), "a user licence is above a station licence"
            assert "fax" not in own or "groupware" in own


@given(st.lists(st.integers(0, 30), max_size=6), st.integers(0, 60))
def test_shares_of_trunks_never_exceed_the_pool(asked: list[int], pool: int) -> None:
    trunks = [
        {"number": at, "name": f"t{at}", "kind": "itsp", "licensed_channels": n} for at, n in enumerate(asked)
    ]
    parsed = config.parse({"switch": {"domains": [{"name": "d", "trunks": trunks}]}})
    assert parsed.switch is not None

    shares = trunk_shares(parsed.switch, {"itsp": pool})

    assert sum(one.licensed for one in shares) == min(pool, sum(asked))
    assert all(one.licensed <= one.asked for one in shares)


def test_every_state_can_be_reached_and_left() -> None:
    assert set(ASSIGNMENT_TABLE.values()) == {*S}
    assert {before for before, _ in ASSIGNMENT_TABLE} == {*S}
    assert "unsaved-demand --short--> not-licensed" in arrows(ASSIGNMENT_TABLE)
