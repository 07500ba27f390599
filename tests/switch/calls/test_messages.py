"""Electronic messages: who is touched by one, and what its mediators are told."""

from __future__ import annotations

from typing import Any

import pytest

from radius.report import MessageReport, Party
from sorm_mediator.switch.calls.call import CallRefused
from sorm_mediator.switch.calls.messages import MessageRequest
from tests.switch.conftest import START, Switch, obj


def send(
    switch: Switch, a: str, b: str, text: str = "Come.", **fields: Any
) -> dict[str, list[MessageReport]]:
    """Send a message; the reports by mediator."""
    request = MessageRequest(sender=a, receiver=b, text=text, **fields)
    told: dict[str, list[MessageReport]] = {}
    for mediator, report in switch.engine.send_message(switch.domain, request, switch.now)[1]:
        told.setdefault(mediator, []).append(report)
    return told


def roles(report: MessageReport) -> list[tuple[int, str]]:
    return sorted((match.object_number, match.role) for match in report.matches)


def test_a_message_out_is_routed_and_shown_as_a_call_is(switch: Switch) -> None:
    switch.control(obj(1, "28331"), obj(2, "89001758964", "network-full", "intercity"), obj(3, 2))
    [report] = send(switch, "28331", "89001758964", "Жду.", delivered=True, from_imsi="25001")["m1"]
    assert report.sender == Party(digits="28331", ni="private")
    assert report.receiver == Party(digits="89001758964", ni="intercity", trunk=2)
    assert (report.sender_station, report.receiver_station) == ("3832728331", "9001758964")
    assert (report.text, report.delivered, report.time) == ("Жду.", True, START)
    assert (report.sender_imsi, report.receiver_imsi) == ("25001", "")
    assert roles(report) == [(1, "a"), (2, "b"), (3, "trunk")]
    assert switch.engine.calls == {}


def test_both_own_subscribers_are_objects_of_different_mediators(switch: Switch) -> None:
    switch.control(obj(1, "28331"))
    switch.control(obj(9, "28332"), mediator="m2")
    told = send(switch, "28331", "28332")
    assert [roles(report) for report in told["m1"]] == [[(1, "a")]]
    assert [roles(report) for report in told["m2"]] == [[(9, "b")]]
    assert told["m1"][0].delivered is None


def test_nobody_hears_of_a_message_that_touches_nothing(switch: Switch) -> None:
    switch.control(obj(1, "28331"))
    assert send(switch, "28332", "28333") == {}


def test_a_message_comes_in_by_its_trunk(switch: Switch) -> None:
    switch.control(obj(1, "28331"), obj(3, 2))
    [report] = send(switch, "9001758964", "28331", from_trunk="smg_trunk")["m1"]
    assert report.sender.trunk == 2
    assert report.sender.digits == "89001758964"
    assert roles(report) == [(1, "b"), (3, "trunk")]


def test_a_sender_of_the_network_whose_trunk_nobody_knows(plain_switch: Any, switch: Switch) -> None:
    plain = plain_switch(subscribers=[{"number": "28331"}])
    plain.control(obj(1, "28331"), obj(2, "9001758964", "network-full", "russia"))
    [report] = send(plain, "9001758964", "28331")["m1"]
    assert report.sender == Party(digits="9001758964")
    assert roles(report) == [(1, "b"), (2, "a")]
    with pytest.raises(CallRefused, match=r"no rule .* from_trunk: name the trunk that it comes by"):
        send(switch, "9001758964", "28331")


@pytest.mark.parametrize(("a", "b"), [("trunk:smg_trunk", "28331"), ("28331", "trunk:smg_trunk")])
def test_a_side_of_which_only_the_trunk_is_known(switch: Switch, a: str, b: str) -> None:
    switch.control(obj(1, "28331"), obj(3, 2))
    [report] = send(switch, a, b)["m1"]
    side = report.sender if a.startswith("trunk:") else report.receiver
    assert side == Party(trunk=2)
    assert roles(report) == [(1, "b" if a.startswith("trunk:") else "a"), (3, "trunk")]


def test_imsi_objects_are_touched_by_messages_and_never_by_calls(switch: Switch) -> None:
    sender, receiver = "250011234567890", "250019876543210"
    switch.control(
        obj(5, sender, "network-full", "imsi"),
        obj(6, receiver, "network-full", "imsi"),
        obj(7, "25001", "network-partial", "imsi"),
        obj(8, "28332", "network-full", "imsi"),
        obj(9, sender, "network-full", "russia"),
    )
    [report] = send(switch, "28331", "28332", from_imsi=sender, to_imsi=receiver)["m1"]
    assert roles(report) == [(5, "a-imsi"), (6, "b-imsi"), (7, "a-imsi"), (7, "b-imsi")]
    call = switch.call("28331", "28332")
    switch.run()
    assert call.views == {}


def test_more_objects_than_a_packet_has_room_for_are_told_in_several_reports(switch: Switch) -> None:
    prefixes = ["8", "89", "890", "8900", "89001"]
    switch.control(obj(1, "28331"), obj(3, 2))
    switch.control(
        *(obj(10 + n, prefix, "network-partial", "intercity") for n, prefix in enumerate(prefixes))
    )
    reports = send(switch, "28331", "89001758964", "Жду.")["m1"]
    assert [len(report.matches) for report in reports] == [4, 3]
    assert sorted(number for report in reports for number, _ in roles(report)) == [1, 3, 10, 11, 12, 13, 14]
    assert [report.message_id for report in reports] == ["c1", "c1.2"]
    assert {report.text for report in reports} == {"Жду."}


def test_three_domains_are_one_exchange_to_a_mediator_of_all(lab_switch: Any) -> None:
    switch = lab_switch("multisorm/lab.toml", "voip.local")
    a = "200100"
    for domain in switch.engine.domains.values():
        domain.table("m1")
    switch.control(obj(1, a), domain="voip.local")
    [trunk] = switch.engine.domains["central_voip"].trunks.values()
    switch.control(obj(3, trunk.number), domain="central_voip")
    reports = send(switch, a, "73832112233")["m1"]
    assert sorted(number for report in reports for number, _ in roles(report)) == [1, 3]
    assert {report.receiver.trunk for report in reports} == {trunk.number}


def test_sorm_switched_off_hears_nothing(plain_switch: Any) -> None:
    switch = plain_switch(subscribers=[{"number": "28331"}, {"number": "28332"}], enabled=False)
    switch.control(obj(1, "28331"))
    assert send(switch, "28331", "28332") == {}


@pytest.mark.parametrize(
    ("fields", "kind", "complaint"),
    [
        ({"a": "28331", "b": "28399"}, "unknown", "to: 28399 is not a subscriber of test.domain"),
        (
            {"a": "trunk:moon", "b": "28331"},
            "unknown",
            "from: test.domain has no trunk 'moon'; it has: city_trunk",
        ),
        ({"a": "28331", "b": "trunk:moon"}, "unknown", "to: test.domain has no trunk 'moon'"),
        (
            {"a": "9001758964", "b": "28331", "from_trunk": "moon"},
            "unknown",
            "from_trunk: test.domain has no",
        ),
        ({"a": "28331", "b": "89001758964", "to_trunk": "moon"}, "unknown", "to_trunk: test.domain has no"),
        (
            {"a": "28331", "b": "28332", "from_trunk": "smg_trunk"},
            "invalid",
            "from_trunk: 28331 is a subscriber",
        ),
        ({"a": "28331", "b": "28332", "to_trunk": "smg_trunk"}, "invalid", "to_trunk: 28332 is a subscriber"),
        (
            {"a": "trunk:smg_trunk", "b": "28332", "from_trunk": "smg_trunk"},
            "invalid",
            "from names the trunk",
        ),
        ({"a": "28343", "b": "28332"}, "refused", "from: the line of 28343 is faulty"),
        ({"a": "28331", "b": "28332", "text": ""}, "invalid", "text: 0 octets"),
        (
            {"a": "28331", "b": "28332", "text": "ж" * 1401},
            "invalid",
            "text: 2802 octets of UTF-8; 1 to 2800",
        ),
        ({"a": "28331", "b": "28332", "text": "\ud800"}, "invalid", "text: surrogates not allowed"),
    ],
)
def test_refusals(switch: Switch, fields: dict[str, Any], kind: str, complaint: str) -> None:
    with pytest.raises(CallRefused, match=complaint) as refusal:
        send(switch, **fields)
    assert refusal.value.kind == kind


def test_a_trunk_named_by_hand_takes_the_place_of_the_routed_one(switch: Switch) -> None:
    switch.control(obj(3, 3))
    [report] = send(switch, "28331", "89001758964", to_trunk="city_trunk")["m1"]
    assert report.receiver == Party(digits="89001758964", ni="intercity", trunk=3)


def test_an_unknown_domain(switch: Switch) -> None:
    switch.domain = "moon"
    with pytest.raises(CallRefused, match="there is no domain 'moon'"):
        send(switch, "28331", "28332")
