"""A call that runs is answered, hung up, and its parties use services, from outside."""

from __future__ import annotations

from typing import Any

import pytest

from sorm_mediator.switch.calls.call import CallRefused, ServiceRequest, State

A, B, C = "28331", "28332", "28333"
LONG = 3600.0


def use(switch: Any, call: Any, service: str, **more: Any) -> Any:
    return switch.engine.use_service(call.id, ServiceRequest(service=service, **more), switch.now)


def test_a_ringing_call_is_answered_held_transferred_and_hung_up(switch: Any, make_object: Any) -> None:
    switch.control(make_object(1, A))
    call = switch.call(A, B, ring=LONG, talk=LONG)
    switch.run(10)
    assert switch.engine.pick_up(call.id, switch.now) is call
    switch.run(1)
    use(switch, call, "hold", by="a")
    switch.run(1)
    use(switch, call, "end-of-hold")
    switch.run(1)
    use(switch, call, "transfer", by="b", number=C)
    switch.run(1)
    assert switch.engine.hang_up(call.id, switch.now)
    switch.run(1)
    assert switch.told(call, 1) == [
        "41 28331>28332",
        "42 28331>28332",
        "44/42 28331>28332",
        "44/40 28331>28332",
        "44/31 28332>28333",
        "43/05 28331>28333",
    ]
    switch.run()
    assert call.state is State.RELEASED, "and no timer of the scripted course is left"


@pytest.mark.parametrize(
    ("service", "kind", "says"),
    [
        ({"service": "hold"}, "refused", "is ringing; hold needs a conversation"),
        ({"service": "hold", "at": 1.0}, "invalid", "at: the service is used now"),
        ({"service": "teleport"}, "invalid", "service: 'teleport' can't be used in a call"),
        ({"service": "pickup"}, "invalid", "number: is required for pickup"),
        ({"service": "pickup", "number": "99999"}, "refused", "99999 is not a subscriber"),
    ],
)
def test_what_can_not_be_is_refused_and_the_call_goes_on(
    switch: Any, service: dict[str, Any], kind: str, says: str
) -> None:
    call = switch.call(A, B, ring=LONG)
    with pytest.raises(CallRefused, match=says) as refused:
        switch.engine.use_service(call.id, ServiceRequest(**service), switch.now)
    assert refused.value.kind == kind
    assert call.state is State.RINGING


def test_only_a_ringing_call_is_answered_and_none_that_is_over(switch: Any) -> None:
    call = switch.call(A, B, ring=LONG, talk=LONG)
    switch.engine.pick_up(call.id, switch.now)
    with pytest.raises(CallRefused, match="is talking; only a ringing call can be answered"):
        switch.engine.pick_up(call.id, switch.now)
    switch.engine.hang_up(call.id, switch.now)
    for drive in (lambda: switch.engine.pick_up(call.id, switch.now), lambda: use(switch, call, "hold")):
        with pytest.raises(CallRefused, match=r"there is no call .* that goes on") as refused:
            drive()
        assert refused.value.kind == "unknown"


def test_a_service_is_ordered_in_a_call(switch: Any) -> None:
    call = switch.call(A, B, ring=LONG)
    use(switch, call, "cfu", phase="order", number=C)
    assert switch.engine.domains["test.domain"].subscribers[A].forwardings == {"cfu": C}
