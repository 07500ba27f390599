"""Calls across domains: what each mediator is told, and that nothing stays occupied."""

from __future__ import annotations

from typing import Any

import pytest

from radius.report import CallReport
from sorm_mediator.switch.objects import SwitchObject
from tests.switch.conftest import obj, refusals

VOIP, LOCAL, CENTRE = "voip.local", "local.voip", "central_voip"
CITY = "73832112233"


@pytest.fixture
def multi(lab_switch: Any) -> Any:
    """The switch of the MultiSORM example."""
    return lab_switch("multisorm/lab.toml", VOIP)


def network(number: int, digits: str) -> SwitchObject:
    return obj(number, digits, "network-full", "russia")


def everywhere(multi: Any, *objects: SwitchObject, mediator: str = "m1") -> None:
    """As MultiSORM does: logged in to every domain, own subscribers where they are, network objects everywhere."""
    for name, domain in multi.engine.domains.items():
        domain.table(mediator)
        for item in objects:
            if item.object_type != "own-subscriber" or item.number in domain.subscribers:
                multi.control(item, domain=name, mediator=mediator)


def last_of_each(multi: Any, mediator: str = "m1") -> list[CallReport]:
    """The last report of each call that a mediator was told of."""
    return list({report.call_id: report for report in multi.reports.get(mediator, [])}.values())


def numbers(report: CallReport) -> str:
    return f"{report.domain}: {report.calling.digits}>{report.called.digits}"


def touched(report: CallReport) -> list[tuple[int, str]]:
    return sorted((match.object_number, match.role) for match in report.matches)


def assert_all_is_free(multi: Any) -> None:
    assert {bridge.name: bridge.active for bridge in multi.engine.node.bridges.values()} == {
        "c2v": 0,
        "c2l": 0,
        "c2l_inter": 0,
        "c2v_inter": 0,
    }
    for domain in multi.engine.domains.values():
        assert not any(trunk.active for trunk in domain.trunks.values())
        assert not any(subscriber.calls for subscriber in domain.subscribers.values())


# --- what a MultiSORM console is told


def test_a_call_between_local_domains_is_one_call_by_short_numbers(multi: Any) -> None:
    everywhere(multi, obj(1, "200100"), obj(2, "300000"))

    call = multi.call("200100", "300000")
    multi.run()

    (report,) = last_of_each(multi)
    assert report.call_id == call.id
    assert numbers(report) == "voip.local: 200100>300000"
    assert touched(report) == [(1, "a"), (2, "b")]
    assert report.connection == 0x1C
    assert [leg.domain.name for leg in call.legs] == [VOIP, CENTRE, LOCAL]


def test_a_call_to_the_city_by_the_full_number_of_the_centre_and_by_the_short_one(multi: Any) -> None:
    everywhere(multi, obj(1, "200100"), network(2, "73832700000"), network(3, CITY))

    call = multi.call("200100", CITY)
    multi.run()

    city, inside = last_of_each(multi)
    assert [numbers(city), numbers(inside)] == [
        "central_voip: 73832700000>73832112233",
        "voip.local: 200100>73832112233",
    ]
    assert (city.call_id, inside.call_id) == (call.id, f"{call.id}.2")
    # The number of the network is touched once, by the domain next to the network.
    assert touched(city) == [(2, "a"), (3, "b")]
    assert touched(inside) == [(1, "a")]
    assert {city.connection, inside.connection} == {0x11}


def test_a_call_from_the_city(multi: Any) -> None:
    everywhere(multi, obj(1, "300000"), network(2, "73832710000"))

    multi.call(CITY, "73832710000", domain=CENTRE, origin="trunk:trunk1")
    multi.run()

    city, inside = last_of_each(multi)
    assert [numbers(city), numbers(inside)] == [
        "central_voip: 73832112233>73832710000",
        "local.voip: 73832112233>300000",
    ]
    assert (touched(city), touched(inside)) == ([(2, "b")], [(1, "b")])
    assert {city.connection, inside.connection} == {0x12}
    assert {city.release_cause, inside.release_cause} == {0x05}
    assert_all_is_free(multi)


def test_a_mediator_of_one_domain_sees_its_domain_as_the_exchange(multi: Any) -> None:
    multi.control(obj(1, "200100"), domain=VOIP)
    multi.control(obj(1, "300000"), domain=LOCAL, mediator="m2")

    multi.call("200100", "300000")
    multi.run()

    (at_a,), (at_b,) = last_of_each(multi, "m1"), last_of_each(multi, "m2")
    assert (numbers(at_a), at_a.connection) == ("voip.local: 200100>300000", 0x11)
    assert (numbers(at_b), at_b.connection) == ("local.voip: 200100>300000", 0x12)


def test_every_report_of_a_view_goes_on_from_the_one_before(multi: Any) -> None:
    everywhere(multi, obj(1, "200100"), network(2, "73832700000"))

    call = multi.call("200100", CITY)
    multi.run()

    for view in (call.id, f"{call.id}.2"):
        told = [report for report in multi.reports["m1"] if report.call_id == view]
        assert [report.sequence for report in told] == list(range(1, len(told) + 1))
        assert told[-1].kind == "stop"


def test_an_object_of_a_trunk_of_the_centre_hears_calls_of_the_local_domains(multi: Any) -> None:
    multi.control(obj(7, 1), domain=CENTRE)

    multi.call("200100", CITY)
    multi.run()

    (report,) = last_of_each(multi)
    assert touched(report) == [(7, "trunk")]
    assert report.called.trunk == 1


# --- refusals and what is freed


def test_digits_that_are_incomplete_cross_no_bridge(multi: Any) -> None:
    everywhere(multi, obj(1, "200100"))

    call = multi.call("200100", "7383", outcome="incomplete")
    multi.run()

    (report,) = last_of_each(multi)
    assert (report.setup_time, report.release_cause) == (None, 0x02)
    assert len(call.legs) == 1
    assert_all_is_free(multi)


def test_a_bridge_carries_as_many_calls_as_it_may_and_is_free_after_them(multi: Any) -> None:
    bridge = multi.engine.node.bridges["c2v"]
    bridge.config = bridge.config.model_copy(update={"capacity": 1})

    first = multi.call("200100", CITY)
    second = multi.call("200119", CITY)

    assert bridge.active == 1
    assert [event.detail for event in second.events if event.event == "routing-failed"] == [
        "bridge c2v: all 1 calls of its capacity are in use"
    ]
    multi.run()
    assert (first.release_cause, second.release_cause) == (0x05, 0x01)
    assert_all_is_free(multi)
    assert multi.call("200119", CITY).release_cause is None


def test_a_call_that_fails_beyond_a_bridge_gives_it_back(multi: Any) -> None:
    everywhere(multi, obj(1, "200100"), network(2, "73832700000"))

    call = multi.call("200100", "73832709999")

    assert call.release_cause == 0x01
    assert_all_is_free(multi)
    multi.run()
    # A dialled in the first domain, where it is known by its short number and routed by the full one; no B was found.
    assert [(report.domain, touched(report), report.release_cause) for report in last_of_each(multi)] == [
        (VOIP, [(1, "a"), (2, "a")], 0x01),
    ]


# --- services across domains


def forward(multi: Any, domain: str, number: str, **forwardings: str) -> None:
    multi.engine.domains[domain].subscribers[number].forwardings.update(forwardings)


def uses(report: CallReport) -> list[str]:
    return [f"{use.code:02X} {use.calling.digits}>{use.called.digits}" for use in report.services]


def test_a_forwarding_to_another_domain_goes_back_over_the_bridges(multi: Any) -> None:
    forward(multi, LOCAL, "300000", cfu="200119")
    everywhere(multi, obj(1, "200100"), obj(2, "300000"), obj(3, "200119"))

    call = multi.call("200100", "300000")
    multi.run(0.01)

    assert [leg.domain.name for leg in call.legs] == [VOIP, CENTRE, LOCAL, CENTRE, VOIP]
    carried = {name: bridge.active for name, bridge in multi.engine.node.bridges.items()}
    assert carried == {"c2v": 0, "c2l": 0, "c2v_inter": 2, "c2l_inter": 2}
    multi.run()
    objects = {match.object_number for report in last_of_each(multi) for match in report.matches}
    assert objects == {1, 2, 3}
    assert all(uses(report) == ["21 300000>200119"] for report in last_of_each(multi))
    assert call.release_cause == 0x05
    assert_all_is_free(multi)


def test_a_forwarding_to_the_city_is_shown_by_the_numbers_of_the_forwarders_domain(multi: Any) -> None:
    forward(multi, VOIP, "200119", cfnr=CITY)
    everywhere(multi, obj(1, "200100"), obj(2, "200119"))

    call = multi.call("200100", "200119", outcome="no-answer")
    multi.run()

    assert [leg.domain.name for leg in call.legs] == [VOIP, CENTRE]
    assert uses(last_of_each(multi)[0]) == ["2A 200119>73832112233"]
    assert call.release_cause == 0x05
    assert_all_is_free(multi)


def test_a_forwarding_that_comes_nowhere_says_why(multi: Any) -> None:
    forward(multi, LOCAL, "300000", cfu="73832709999")

    call = multi.call("200100", "300000")
    multi.run()

    assert call.release_cause == 0x01
    assert "73832709999 is not a subscriber of central_voip nor in its plan city" in call.events[-2].detail
    assert_all_is_free(multi)


def test_forwardings_in_two_domains_that_point_at_each_other_end(multi: Any) -> None:
    forward(multi, LOCAL, "300000", cfu="200119")
    forward(multi, VOIP, "200119", cfu="300000")

    call = multi.call("200100", "300000")
    multi.run()

    assert "a circle of forwardings: 300000 -> 200119 -> 300000" in call.events[-2].detail
    assert call.release_cause == 0x01
    assert_all_is_free(multi)


@pytest.mark.parametrize(("by", "target"), [("b", "200119"), ("b", CITY), ("a", "300001"), ("a", "200119")])
def test_a_transfer_leads_on_from_the_leg_of_who_transfers(multi: Any, by: str, target: str) -> None:
    call = multi.call(
        "200100", "300000", {"service": "transfer", "at": 0.1, "by": by, "number": target}, talk=1.0
    )
    multi.run(0.2)

    assert [event.detail for event in call.events if event.event.startswith("service")] == [
        f"transfer: {'200100' if by == 'a' else '300000'} -> {target}"
    ]
    crossing = sum(1 for leg in call.legs if leg.called.bridge)
    assert sum(bridge.active for bridge in multi.engine.node.bridges.values()) == crossing
    multi.run()
    assert call.release_cause == 0x05
    assert_all_is_free(multi)


def test_a_consultation_is_a_call_of_the_domain_of_who_consults(multi: Any) -> None:
    call = multi.call(
        "200100", "300000", {"service": "consultation", "at": 0.1, "by": "b", "number": "300001"}, talk=1.0
    )
    multi.run(0.2)

    assert call.consultation is not None
    assert call.consultation.domain.name == LOCAL
    multi.run()
    assert_all_is_free(multi)


def test_a_pick_up_is_of_the_last_domain(multi: Any) -> None:
    everywhere(multi, obj(1, "200100"), obj(2, "300001"))

    here = multi.call("200100", "300000", {"service": "pickup", "at": 0.01, "number": "300001"}, ring=1.0)
    multi.run(0.05)

    assert here.called.subscriber is not None
    assert here.called.subscriber.number == "300001"
    multi.run()
    assert any((2, "service") in touched(report) for report in last_of_each(multi))
    assert_all_is_free(multi)


def test_nobody_of_another_domain_picks_up(multi: Any) -> None:
    call = multi.call("200100", "300000", {"service": "pickup", "at": 0.01, "number": "200119"}, ring=1.0)
    multi.run()

    assert refusals(call) == ["pickup: 200119 is not a subscriber of local.voip"]


def test_a_subscriber_is_busy_for_calls_from_every_domain(multi: Any) -> None:
    multi.call("300000", "200119", domain=LOCAL)
    busy = multi.call("200100", "200119")

    assert busy.release_cause == 0x03
    multi.run()
    assert_all_is_free(multi)


def test_an_object_that_comes_late_joins_in_every_domain(multi: Any) -> None:
    multi.call("200100", CITY, talk=1.0)
    multi.run(0.2)
    late = network(5, "73832700000")
    multi.control(late, domain=CENTRE)

    multi.engine.catch_up(multi.engine.domains[CENTRE], "m1", late, multi.now)
    multi.run()

    (report,) = last_of_each(multi)
    assert numbers(report) == "central_voip: 73832700000>73832112233"
    assert touched(report) == [(5, "a"), (5, "joined")]


@pytest.mark.parametrize("asked", [(VOIP, CENTRE), (CENTRE, VOIP)])
def test_a_late_object_is_shown_by_the_domain_of_the_trunk_whichever_is_asked_first(
    multi: Any, asked: tuple[str, str]
) -> None:
    multi.call("200100", CITY, talk=1.0)
    multi.run(0.2)
    late = network(5, CITY)
    everywhere(multi, late)

    for domain in asked:
        multi.engine.catch_up(multi.engine.domains[domain], "m1", late, multi.now)
    multi.run()

    (report,) = last_of_each(multi)
    assert numbers(report) == "central_voip: 73832700000>73832112233"
    assert touched(report) == [(5, "b"), (5, "joined")]


def test_a_domain_that_leaves_in_the_midst_of_a_call_is_the_outside_from_then_on(multi: Any) -> None:
    everywhere(multi, obj(1, "200100"), obj(2, "300000"))
    multi.call("200100", "300000", talk=1.0)
    multi.run(0.2)
    assert last_of_each(multi)[0].connection == 0x1C

    for name in (LOCAL, CENTRE):
        del multi.engine.domains[name].tables["m1"]
    multi.run()

    (report,) = last_of_each(multi)
    assert (report.kind, report.connection, touched(report)) == ("stop", 0x11, [(1, "a")])
    assert "m1" not in multi.engine.domains[LOCAL].tables
