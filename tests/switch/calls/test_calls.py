"""Calls with every outcome, and who is told what of them."""

from __future__ import annotations

from typing import Any

import pytest

from sorm_mediator.switch.calls.call import CALL_TABLE, Call, CallRefused, IllegalInputError, Input, State
from sorm_mediator.switch.node import Change

A, B, ABROAD = "28331", "28332", "81044123456"


def test_own_to_own_answered(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A), make_object(2, B))

    call = switch.call(A, B, ring=1, talk=5)
    switch.run()

    for number in (1, 2):
        assert switch.told(call, number) == ["41 28331>28332", "42 28331>28332", "43/05 28331>28332"]
    report = switch.last(call)
    assert report.connection == 0x1C
    assert (report.answer_time - report.setup_time, report.release_time - report.answer_time) == (1, 5)
    assert [(match.object_number, match.role) for match in report.matches] == [(1, "a"), (2, "b")]
    assert [one.kind for one in switch.reports["m1"]] == ["start", "interim", "stop"]
    assert [one.sequence for one in switch.reports["m1"]] == [1, 2, 3]


def test_the_trace_of_the_manual(switch: Any, make_object: Any) -> None:
    """28331 dials 89001758964: routed as 3832728331 -> 9001758964, SORM sees 28331 -> 89001758964."""
    switch.control(make_object(1, A), make_object(2, "89001758964", "network-full", "intercity"))

    call = switch.call(A, "89001758964")
    switch.run()

    assert switch.told(call, 1) == [
        "41 28331>89001758964",
        "42 28331>89001758964",
        "43/05 28331>89001758964",
    ]
    assert switch.told(call, 2) == switch.told(call, 1)
    report = switch.last(call)
    assert (report.calling_station, report.called_station) == ("3832728331", "9001758964")
    assert (report.calling.ni, report.calling.trunk) == ("private", None)
    assert (report.called.ni, report.called.trunk, report.connection) == ("intercity", 2, 0x11)


def test_the_routed_number_is_enough(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, "9001758964", "network-full", "russia"))

    call = switch.call(A, "89001758964")
    switch.run()

    assert [(match.object_number, match.role) for match in switch.last(call).matches] == [(1, "b")]


def test_incoming(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A), make_object(2, "89001758964", "network-full", "russia"))

    call = switch.call("9001758964", A, origin="trunk:smg_trunk")
    switch.run()

    report = switch.last(call)
    assert (report.connection, report.calling.digits, report.calling.trunk) == (0x12, "89001758964", 2)
    assert [(match.object_number, match.role) for match in report.matches] == [(2, "a"), (1, "b")]


@pytest.mark.parametrize(
    ("a", "b", "connection"),
    [("9001758964", "89130000001", 0x18), ("9001758964", ABROAD, 0x14), (ABROAD, "89130000001", 0x14)],
)
def test_transit(switch: Any, make_object: Any, a: str, b: str, connection: int) -> None:
    switch.control(make_object(1, 2), make_object(2, 3))

    call = switch.call(a, b, origin="trunk:city_trunk")
    switch.run()

    report = switch.last(call)
    assert report.connection == connection
    assert [(match.object_number, match.role) for match in report.matches] == [(2, "trunk"), (1, "trunk")]
    assert (report.calling.trunk, report.called.trunk) == (3, 2)


@pytest.mark.parametrize(
    ("outcome", "cause", "after"), [("busy", "03", 0), ("no-answer", "04", 7), ("fail", "01", 0)]
)
def test_no_conversation(switch: Any, make_object: Any, outcome: Any, cause: str, after: float) -> None:
    switch.control(make_object(1, A), make_object(2, B))

    call = switch.call(A, B, outcome=outcome, ring=7)
    switch.run()

    assert switch.told(call, 1) == ["41 28331>28332", f"43/{cause} 28331>28332"]
    assert switch.told(call, 2) == switch.told(call, 1)
    assert call.release_time - call.started == after


def test_dialling_not_completed(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A), make_object(2, B))

    call = switch.call(A, "2833", outcome="incomplete", ring=3)
    switch.run()

    report = switch.last(call)
    assert (report.setup_time, report.release_cause, report.matches[0].called.digits) == (None, 2, "2833")
    assert switch.told(call, 1) == ["43/02 28331>2833"]
    assert len(report.matches) == 1


def test_dialling_not_completed_by_a_trunk_on_control(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, 2))

    call = switch.call("9001758964", "2833", outcome="incomplete", origin="trunk:smg_trunk")
    switch.run()

    report = switch.last(call)
    assert [(match.object_number, match.role) for match in report.matches] == [(1, "trunk")]
    assert (report.setup_time, report.release_cause) == (None, 2)


def test_a_domain_without_sorm_reports_no_further_call(switch: Any, make_object: Any) -> None:
    """What a mediator was told of already, it is told to the end."""
    switch.control(make_object(1, A), make_object(2, 2))
    told = switch.call(A, B, talk=2)
    switch.run(1)
    switch.engine.node.replace_domain(Change("sorm", switch.domain), enabled=False)
    switch.call("9001758964", A, origin="trunk:smg_trunk")
    switch.run()

    assert {report.call_id for report in switch.reports["m1"]} == {told.id}
    assert switch.last(told).kind == "stop"


def test_an_object_that_is_taken_off_and_put_back_is_reported_at_once(switch: Any, make_object: Any) -> None:
    domain, item = switch.engine.domains[switch.domain], make_object(1, A)
    switch.control(item, make_object(2, B))
    call = switch.call(A, B, talk=3)
    switch.run(1)
    domain.table("m1").remove(1)
    switch.control(item)
    switch.engine.catch_up(domain, "m1", item, switch.now)
    (report,) = [report for _, report in switch.engine.tick(switch.now)]

    assert report.call_id == call.id
    assert {match.object_number for match in report.matches} == {1, 2}


def test_a_number_of_an_object_that_was_given_to_another_target(switch: Any, make_object: Any) -> None:
    """While both targets talk: the second one is reported although the number was the first one's."""
    domain = switch.engine.domains[switch.domain]
    call = switch.call(A, B, ring=1, talk=3)
    for target in (A, B):
        item = make_object(1, target)
        switch.control(item)
        switch.engine.catch_up(domain, "m1", item, switch.now)
        switch.run(0.5)
        domain.table("m1").remove(1)
    switch.control(make_object(1, B))
    switch.run()

    report = switch.last(call)
    assert report.kind == "stop"
    assert [(match.object_number, match.role) for match in report.matches] == [(1, "b"), (1, "joined")]


@pytest.mark.parametrize(
    ("b", "reason"),
    [
        ("99", "no rule of context 'ctx_from_local' fits 28331 -> 99"),
        ("28999", "28999 is not a subscriber of test.domain"),
    ],
)
def test_a_number_that_leads_nowhere(switch: Any, make_object: Any, b: str, reason: str) -> None:
    switch.control(make_object(1, A), make_object(2, b, "network-full", "russia"))

    call = switch.call(A, b)
    switch.run()

    assert switch.told(call, 1) == [f"41 28331>{b}", f"43/01 28331>{b}"]
    assert [(match.object_number, match.role) for match in switch.last(call).matches] == [(1, "a")]
    assert ("routing-failed", reason) in [(event.event, event.detail) for event in call.events]


def test_a_direction_that_is_no_trunk(plain_switch: Any, tmp_path: Any) -> None:
    context = '<context name="c"><rule name="r"><result><external><trunk value="bridge:x"/></external></result></rule>'
    (tmp_path / "c.xml").write_text(f"{context}</context>")
    switch = plain_switch(subscribers=[{"number": A}], contexts=[str(tmp_path / "c.xml")])

    call = switch.call(A, "5")

    assert "test.domain has no trunk bridge:x" in [event.detail for event in call.events]


def test_a_line_out_of_service_is_not_reached(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A))

    call = switch.call(A, "28343")
    switch.run()

    assert switch.told(call, 1) == ["41 28331>28343", "43/01 28331>28343"]


def test_who_is_in_a_call_is_busy(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, B))
    first = switch.call(A, B, talk=10)
    switch.run(1)

    second = switch.call("28333", B)
    switch.run()

    assert switch.told(second, 1) == ["41 28333>28332", "43/03 28333>28332"]
    assert switch.told(first, 1)[-1] == "43/05 28331>28332"
    third = switch.call("28333", B)
    switch.run()
    assert switch.told(third, 1)[-1] == "43/05 28333>28332"


def test_nobody_reaches_himself(switch: Any) -> None:
    call = switch.call(A, A)
    switch.run()

    assert call.release_cause == 3


def test_dialled_digits_or_routed_ones(plain_switch: Any, make_object: Any, tmp_path: Any) -> None:
    """b_digits_mode: what 41h of the object controlled by its A number shows; B's own shows the SORM number."""
    (tmp_path / "c.xml").write_text(
        '<context name="c"><rule name="r"><conditions><cdpn digits="8%"/></conditions>'
        '<actions><called sorm_digits="7{%}" sorm_ni="intercity"/></actions>'
        '<result><external><trunk value="t"/></external></result></rule></context>'
    )
    shown = {}
    for mode in ("user", "route"):
        switch = plain_switch(
            subscribers=[{"number": A}],
            trunks=[{"number": 1, "name": "t"}],
            contexts=[str(tmp_path / "c.xml")],
            b_digits_mode=mode,
        )
        switch.control(
            make_object(1, A), make_object(2, "79001", "network-full", "russia"), make_object(3, 1)
        )
        call = switch.call(A, "89001")
        switch.run()
        shown[mode] = [(m.object_number, m.called.digits, m.called.ni) for m in switch.last(call).matches]
        assert switch.last(call).called.digits == "79001"

    assert shown["user"] == [(1, "89001", "intercity"), (2, "79001", "intercity"), (3, "79001", "intercity")]
    assert shown["route"] == [(n, "79001", "intercity") for n in (1, 2, 3)]


@pytest.mark.parametrize("mode", ["user", "route"])
def test_digits_of_another_exchange_are_never_shown_unmodified(
    minimal: Any, switch: Any, make_object: Any, mode: str
) -> None:
    """Unmodified is what an own subscriber dialled; abroad is shown without its exit prefix.

    Source: ECSS-10 manual, Number format check.
    """
    domain = switch.engine.domains["test.domain"]
    domain.config = domain.config.model_copy(update={"b_digits_mode": mode})
    switch.control(make_object(1, "89001758964", "network-full", "russia"))

    transit = switch.call("9001758964", ABROAD, origin="trunk:city_trunk")
    switch.run()
    incoming = switch.call("9001758964", f"38327{A}", origin="trunk:smg_trunk")
    switch.run()

    assert switch.told(transit, 1)[0] == "41 89001758964>44123456"
    assert switch.told(incoming, 1)[0] == f"41 89001758964>{A}"


def test_each_mediator_hears_of_its_own_objects_only(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A), mediator="m1")
    switch.control(make_object(7, A), make_object(8, B), mediator="m2")
    switch.control(make_object(9, "28333"), mediator="m3")

    call = switch.call(A, B)
    switch.run()

    assert [match.object_number for match in switch.last(call, "m1").matches] == [1]
    assert [match.object_number for match in switch.last(call, "m2").matches] == [7, 8]
    assert "m3" not in switch.reports


def test_an_object_taken_off_during_the_call_is_reported_no_more(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A), make_object(2, B))
    call = switch.call(A, B, ring=1, talk=1)
    switch.run(0.5)

    switch.engine.domains["test.domain"].table("m1").remove(1)
    switch.run(1)
    assert [match.object_number for match in switch.last(call).matches] == [2]

    switch.engine.domains["test.domain"].table("m1").remove(2)
    switch.run()
    last = switch.last(call)
    assert (last.kind, last.matches) == ("stop", ())


def test_an_object_put_on_during_the_call_waits_for_the_next(switch: Any, make_object: Any) -> None:
    first = switch.call(A, B, ring=1, talk=1)
    switch.run(0.5)
    switch.control(make_object(1, A))
    switch.run()
    second = switch.call(A, B)
    switch.run()

    assert {report.call_id for report in switch.reports["m1"]} == {second.id}
    assert first.id != second.id


def test_or_joins_the_running_calls_when_its_mediator_asks(switch: Any, make_object: Any) -> None:
    domain = switch.engine.domains["test.domain"]
    inside = switch.call(A, B, ring=1, talk=2)
    outside = switch.call("28333", ABROAD, ring=1, talk=2)
    switch.run(1.5)
    for item in (make_object(1, B), make_object(2, 2), make_object(3, "28334")):
        switch.control(item)
        switch.engine.catch_up(domain, "m1", item, switch.now)
    switch.run(0.1)

    def roles(call: Call) -> list[tuple[int, str, str]]:
        return [(match.object_number, match.role, match.called.digits) for match in switch.last(call).matches]

    assert roles(inside) == [(1, "b", B), (1, "joined", B)]
    assert roles(outside) == [(2, "trunk", "44123456"), (2, "joined", "44123456")]
    switch.run()
    assert switch.last(inside).kind == "stop"
    after = switch.call(A, B)
    switch.run()
    assert roles(after) == [(1, "b", B)]


def test_domains_are_independent(minimal: Any, switch: Any) -> None:
    with pytest.raises(CallRefused, match=r"no domain 'other'; there are: test\.domain") as raised:
        switch.call(A, B, domain="other")

    assert raised.value.kind == "unknown"


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"a": "99999"}, "invalid", "a: 99999 is not a subscriber of test.domain"),
        ({"a": "28343"}, "refused", "a: the line of 28343 is faulty"),
        (
            {"origin": "trunk:x"},
            "invalid",
            "from: 'trunk:x' is none of: subscriber, trunk:city_trunk, trunk:smg_trunk, "
            "system:alarm, system:custom-cb, system:dialer",
        ),
    ],
)
def test_calls_that_are_refused(switch: Any, fields: dict[str, str], kind: str, text: str) -> None:
    with pytest.raises(CallRefused) as raised:
        switch.call(**({"a": A, "b": B} | fields))

    assert (raised.value.kind, raised.value.text) == (kind, text)
    assert switch.engine.active == 0


def test_the_licence_limits_the_calls(minimal: Any, switch: Any) -> None:
    licence = minimal.switch.licence.model_copy(update={"concurrent_calls": 1})
    switch.engine.node.config = minimal.switch.model_copy(update={"licence": licence})
    switch.call(A, B)

    with pytest.raises(CallRefused, match="licence 1 allows 1 simultaneous") as raised:
        switch.call("28333", "28342")
    assert raised.value.kind == "licence"

    switch.run()
    switch.call("28333", "28342")


def test_what_the_state_does_not_allow_changes_nothing(switch: Any) -> None:
    call: Call = switch.call(A, B)

    for state in State:
        for cause in Input:
            call.state = state
            epoch = call.epoch
            if (state, cause) in CALL_TABLE:
                call.move(cause)
                assert call.state is CALL_TABLE[state, cause]
            else:
                with pytest.raises(IllegalInputError):
                    call.move(cause)
                assert (call.state, call.epoch) == (state, epoch)


def test_released_calls_are_forgotten_after_a_thousand_more(switch: Any) -> None:
    first = switch.call(A, B, outcome="busy")
    for _ in range(1000):
        switch.call(A, B, outcome="busy")

    assert len(switch.engine.calls) == 1000
    assert first.id not in switch.engine.calls


def test_how_many_released_calls_are_kept_is_an_option(switch: Any) -> None:
    node = switch.engine.node
    node.config = node.config.model_copy(update={"kept_calls": 2})

    calls = [switch.call("28331", "28332").id]
    for _ in range(3):
        switch.run()
        calls.append(switch.call("28331", "28332").id)
    switch.run()

    assert list(switch.engine.calls) == calls[-2:]


def test_how_often_a_call_may_be_forwarded_is_an_option(switch: Any) -> None:
    """28338 forwards to 28334, and that one to 28333."""
    node = switch.engine.node
    node.config = node.config.model_copy(update={"max_forwardings": 1})

    call = switch.call("28331", "28338")
    switch.run()

    assert ("forwarding-failed", "cfu of 28334: the call has been forwarded 1 times already") in [
        (event.event, event.detail) for event in call.events
    ]
