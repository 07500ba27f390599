"""Licence packages of services: a limit, an SS list, and subscribers whose services are limited by them.

Source: ECSS-10 manual, Licence limits; docs/licence.md for the groups and the taking of licences.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import Call, CallRefused, ServiceRequest, State
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.changes.domains import remove_subscribers
from sorm_mediator.switch.changes.licence import delete_licence
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.session import ShellSession
from tests.switch.conftest import START, Switch, refusals

GEN, BAS, BAS2, ADV, FULL = (f"package.ECSS-{name}" for name in ("GEN", "BAS", "BAS+", "ADV", "FULL+"))
SUBSCRIBERS: list[dict[str, Any]] = [
    {"number": "101"},
    {"number": "102", "services": {"cfu": "109"}},
    {"number": "103", "services": {"cfu": "109"}},
    {"number": "104", "services": {"hold": True, "3pty": True}},
    {"number": "105", "services": {"cfnr": "109", "waiting": True}},
    {"number": "109"},
]


def document(limits: dict[str, Any], **more: Any) -> config.Config:
    domain = {"name": "one", "subscribers": SUBSCRIBERS}
    return config.parse({"switch": {"domains": [domain], "licence": {"limits": limits}, **more}})


class Lab(Switch):
    def __init__(self, limits: dict[str, Any], **more: Any) -> None:
        switch = document(limits, **more).switch
        assert switch is not None
        super().__init__(Engine(switch), domain="one")

    def held(self, number: str) -> tuple[str, ...]:
        subscriber = self.engine.domains["one"].subscribers[number]
        return self.engine.packages.of(subscriber, self.now)

    @property
    def used(self) -> dict[str, int]:
        return self.engine.packages.in_use(self.now)

    def reached(self, number: str) -> str:
        """Who rings when this number is called."""
        call = self.call("101", number, ring=5.0)
        self.engine.hang_up(call.id, self.now)
        return call.called.number.digits

    def orders(self, number: str, service: str, *, phase: Any = "order", target: str = "") -> Call:
        scripted = {"service": service, "phase": phase, "number": target}
        call = self.call(number, "*21*", scripted, ring=0.0, talk=0.0)
        self.run(1)
        return call


def test_the_services_of_as_many_subscribers_act_as_the_package_allows() -> None:
    lab = Lab({BAS: 1})

    assert (lab.reached("102"), lab.reached("103")) == ("109", "103"), "the first one has the only licence"
    assert (lab.used, lab.held("102"), lab.held("103")) == ({BAS: 1}, (BAS,), ())


def test_the_call_tells_why_a_forwarding_does_not_act() -> None:
    lab = Lab({BAS: 1})

    call = lab.call("101", "103", ring=5.0)

    assert call.state is State.RINGING
    assert refusals(call) == [
        "cfu: 103 has no package of licence 1 with SS 2, which cfu needs; there are: ECSS-BAS 1; "
        "cancel services of others, order the service, or add a licence"
    ]


def test_a_subscriber_takes_one_licence_for_all_services_of_a_group() -> None:
    lab = Lab({BAS: 3})

    assert (lab.used, lab.held("105")) == ({BAS: 3}, (BAS,))


def test_the_package_with_the_fewest_groups_is_taken_first() -> None:
    lab = Lab({BAS: 1, FULL: 2})

    assert (lab.held("102"), lab.held("103"), lab.held("104"), lab.held("105")) == (
        (BAS,),
        (FULL,),
        (FULL,),
        (),
    )
    assert lab.used == {BAS: 1, FULL: 2}, "FULL+ covers both groups of 104"


def test_an_order_takes_a_licence_and_a_cancelling_gives_it_back() -> None:
    lab = Lab({BAS: 3})
    refused = lab.orders("101", "cfu", target="109")
    assert "101 has no package of licence 1 with SS 2" in refusals(refused)[0]
    assert not lab.engine.domains["one"].subscribers["101"].forwardings, "the record is as it was"

    lab.orders("102", "cfu", phase="cancel")
    assert lab.used == {BAS: 2}
    assert refusals(lab.orders("101", "cfu", target="109")) == []

    assert (lab.used, lab.held("101")) == ({BAS: 3}, (BAS,))


def test_a_licence_that_became_free_serves_who_had_none() -> None:
    lab = Lab({BAS: 1})

    lab.orders("102", "cfu", phase="cancel")

    assert (lab.reached("103"), lab.held("103")) == ("109", (BAS,))


def test_a_licence_is_kept_while_another_service_of_its_group_is_there() -> None:
    lab = Lab({BAS: 3})

    lab.orders("105", "waiting", phase="cancel")
    assert lab.used == {BAS: 3}
    lab.orders("105", "cfnr", phase="cancel")

    assert lab.used == {BAS: 2}


def test_a_service_in_a_call_needs_its_package() -> None:
    lab = Lab({GEN: 5, ADV: 0})
    call = lab.call("104", "101", ring=0.0, talk=50.0)

    lab.engine.use_service(call.id, ServiceRequest(service="hold", by="a"), lab.now)
    with pytest.raises(CallRefused) as refused:
        lab.engine.use_service(call.id, ServiceRequest(service="3pty", by="a", number="105"), lab.now)

    assert refused.value.kind == "licence"
    assert refused.value.text.startswith(
        "104 has no package of licence 1 with SS 4, which 3pty needs; there are: ECSS-ADV 0"
    )
    lab.engine.use_service(call.id, ServiceRequest(service="end-of-hold", by="a"), lab.now)
    assert call.state is State.TALKING


def test_call_waiting_and_pick_up_need_their_packages() -> None:
    lab = Lab({BAS: 2, GEN: 5})
    lab.call("105", "101", ring=0.0, talk=50.0)
    assert lab.call("109", "105", ring=1.0).state is State.RELEASED, "105 is the third of two: it is busy"

    call = lab.call("102", "104", {"service": "pickup", "number": "109", "at": 1.0}, ring=5.0)
    lab.run(2)

    assert "109 has no package of licence 1 with SS 3, which pickup needs; there are: -" in refusals(call)[0]


def test_a_licence_without_packages_limits_no_service() -> None:
    lab = Lab({})

    assert (lab.reached("102"), lab.reached("103"), lab.used) == ("109", "109", {})


def test_a_subscriber_that_is_removed_gives_its_licence_back() -> None:
    lab = Lab({BAS: 1})
    assert lab.held("102") == (BAS,)

    remove_subscribers(lab.engine.node, "one", "102")

    assert (lab.used, lab.held("103")) == ({BAS: 1}, (BAS,))


def test_another_licence_gives_out_its_own_packages() -> None:
    lab = Lab({BAS: 1})
    assert lab.reached("103") == "103"

    delete_licence(lab.engine.node, 1)

    assert (lab.used, lab.reached("103")) == ({}, "109"), "licence 0 names no packages"


def test_services_may_be_in_other_groups() -> None:
    lab = Lab({ADV: 1}, service_groups={"cfu": 4, "3pty": 5})

    assert (lab.held("102"), lab.held("104"), lab.reached("103")) == ((ADV,), (), "103")


def test_the_shell_shows_the_packages_and_who_has_them() -> None:
    lab = Lab({BAS: 1, FULL: 1})

    class Exchange:
        engine = lab.engine

    context = ShellContext(
        node=lab.engine.node,
        clock=lambda: START,
        stopwatch=lambda: 0.0,
        calls=Exchange(),  # type: ignore[arg-type]
    )
    shell = ShellSession(context)

    usage = shell.enter("system/licence/packages/usage").text
    held = shell.enter("domain/one/ss/packages").text

    assert "│ECSS-BAS  │[2]        │cfu, cfb, cfnr, waiting" in usage
    assert (
        "│ECSS-FULL+│[1,2,3,4,5]│hold, transfer, cfu, cfb, cfnr, waiting, cfnrc, pickup, 3pty│1    │1     │"
        in usage
    )
    assert "│102   │ECSS-BAS  │                          │" in held
    assert "│104   │          │3pty, hold                │" in held


async def test_the_status_counts_them_and_the_log_warns(caplog: pytest.LogCaptureFixture) -> None:
    box = SwitchBox(document({BAS: 1}))
    with caplog.at_level(logging.WARNING):
        await box.start()
    await box.stop()

    assert box.licence()["units"][BAS] == {"in_use": 1, "limit": 1}
    assert "licence 1 has no package left for services of 3 subscribers, which do not act" in caplog.text
    assert "the first is cfu of 103 in one" in caplog.text
