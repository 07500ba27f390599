"""A trace says what a call really does: both are made, and compared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import captures
from sorm_mediator import config
from sorm_mediator.switch.calls.call import CallRequest, Leg
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.trace import read_request, trace

LABS = Path(captures.__file__).parent / "labs"
NOW = 1_700_000_000.0


CALLS = [
    (domain, caller, dialled)
    for lab_domain, callers in (("voip.local", ("200100", "200119")), ("local.voip", ("300000",)))
    for domain, caller in ((lab_domain, one) for one in callers)
    for dialled in (
        "200119",
        "300001",
        "73832700000",
        "73832710001",
        "73832709999",
        "73832112233",
        "300007",
        "5",
    )
]


@pytest.mark.parametrize(("domain", "caller", "dialled"), CALLS)
@pytest.mark.parametrize(
    "parameters",
    [{}, {"private_phone_prefix": "0", "full_dial_number": True}, {"b_digits_mode": "route"}],
    ids=["plain", "prefixed", "route"],
)
def test_a_trace_says_what_a_call_does(
    domain: str, caller: str, dialled: str, parameters: dict[str, Any]
) -> None:
    loaded = config.load(LABS / "multisorm" / "lab.toml")
    assert loaded.switch is not None
    domains = tuple(one.model_copy(update=parameters) for one in loaded.switch.domains)
    engine = Engine(loaded.switch.model_copy(update={"domains": domains}), loaded.directory)

    traced = trace(
        engine.domains,
        engine.domains[domain],
        read_request([f"cgpn.digits={caller}", f"cdpn.digits={dialled}"]),
    )
    call = engine.place_call(domain, CallRequest(a=caller, b=dialled), NOW)

    def seen(legs: Iterable[Leg]) -> list[Any]:
        return [(leg.domain.name, leg.calling.party, leg.called.party, leg.shown_to_a) for leg in legs]

    assert seen(one.leg for one in traced.hops) == seen(call.legs)
    assert traced.reason == next(
        (event.detail for event in call.events if event.event == "routing-failed"), ""
    )
