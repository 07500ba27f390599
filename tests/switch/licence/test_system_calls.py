"""Calls that the switch makes itself: alarm, custom-cb, dialer. Each takes one unit.

Source: ECSS-10 manual, Licence distribution: cp_limit; dialer, channels.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import Call, CallRefused, CallRequest, State
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.calls.origins import SYSTEM
from sorm_mediator.switch.changes.licence import add_licence
from sorm_mediator.switch.licence import make_licence
from tests.switch.conftest import Switch, obj
from tests.switch.licence.test_licence_units import A, B, C, D, lab

CHANNELS = "dialer.channels"
SERVICE = "700"
"""The number that the switch calls from."""


class Lab(Switch):
    def __init__(self, *, limits: dict[str, Any] | None = None, **licence: Any) -> None:
        switch = lab(limits=limits or {}, **licence).switch
        assert switch is not None
        super().__init__(Engine(switch), domain="one")

    @property
    def used(self) -> int:
        return self.engine.units.in_use

    def dials(self, b: str, **fields: Any) -> Call:
        return self.call(SERVICE, b, origin="system:dialer", **{"ring": 1.0, "talk": 5.0, **fields})


@pytest.mark.parametrize("origin", SYSTEM)
def test_a_call_that_the_system_makes_itself_is_one(origin: str) -> None:
    lab = Lab()

    call = lab.call(SERVICE, B, origin=origin, ring=1.0, talk=5.0)

    assert (call.units, lab.used, call.state) == (1, 1, State.RINGING)
    lab.run(2)
    assert (call.state, lab.used) == (State.TALKING, 1)
    lab.run(10)
    assert (call.release_cause, lab.used) == (5, 0)


@pytest.mark.parametrize("origin", ["system:alarm", "system:custom-cb"])
def test_it_is_refused_where_no_unit_is_left(origin: str) -> None:
    lab = Lab(concurrent_calls=1)
    lab.call(A, B, talk=60.0)

    with pytest.raises(CallRefused, match=r"licence 1 allows 1 simultaneous connections"):
        lab.call(SERVICE, C, origin=origin)


def test_sorm_sees_it_at_the_subscriber_that_it_calls() -> None:
    lab = Lab()
    lab.control(obj(1, B))

    call = lab.call(SERVICE, B, origin="system:alarm", ring=0.1, talk=0.1)
    lab.run()

    assert lab.told(call, 1) == [f"41 {SERVICE}>{B}", f"42 {SERVICE}>{B}", f"43/05 {SERVICE}>{B}"]


def test_the_dialer_waits_until_a_channel_is_free() -> None:
    lab = Lab(limits={CHANNELS: 2})
    first, second, third, fourth = (lab.dials(number) for number in (A, B, C, D))

    assert [call.state for call in (first, second, third, fourth)] == [State.RINGING] * 2 + [
        State.DIALLING
    ] * 2
    assert (lab.used, lab.engine.dialer.in_use, third.units) == (2, 2, 0)
    assert third.events[0].event == "waiting"
    assert third.events[0].detail == "dialer: 2 of 2 channels of licence 1 are in use"

    lab.engine.hang_up(second.id, lab.now)
    lab.engine.tick(lab.now)

    assert [call.state for call in (first, third, fourth)] == [State.RINGING, State.RINGING, State.DIALLING]
    lab.run(30)
    assert [call.release_cause for call in (first, second, third, fourth)] == [5, 4, 5, 5]
    assert (lab.used, lab.engine.dialer.in_use) == (0, 0)


def test_a_call_that_waits_can_be_given_up() -> None:
    lab = Lab(limits={CHANNELS: 1})
    first, second, third = lab.dials(A), lab.dials(B), lab.dials(C)

    lab.engine.hang_up(second.id, lab.now)
    lab.engine.hang_up(first.id, lab.now)
    lab.engine.tick(lab.now)

    assert (second.state, third.state, lab.used) == (State.RELEASED, State.RINGING, 1)


async def test_a_call_of_the_dialer_that_waits_is_made_when_a_licence_has_a_channel_for_it() -> None:
    domain = {"name": "one", "subscribers": [{"number": "1"}, {"number": "2"}]}
    licence = {"limits": {CHANNELS: 1}}
    box = SwitchBox(config.parse({"switch": {"ssh_port": 0, "domains": [domain], "licence": licence}}))
    await box.start()
    _, second = (
        box.place_call("one", CallRequest(a=SERVICE, b=b, origin="system:dialer", ring=3600.0))
        for b in ("1", "2")
    )
    assert second.events[-1].event == "waiting"

    limits = {CHANNELS: 2, "concurrent_calls": 9}
    made = make_licence(limits, ssw_id="ECSS 000000", description="l", expires=None, now=time.time())
    add_licence(box.engine.node, made, time.time())

    async with asyncio.timeout(5):
        while second.state is not State.RINGING:  # noqa: ASYNC110 - the switch has no event for it
            await asyncio.sleep(0)
    await box.stop()


def test_a_call_of_the_dialer_needs_a_unit_besides_its_channel() -> None:
    lab = Lab(concurrent_calls=1, limits={CHANNELS: 5})
    lab.call(A, B, talk=60.0)

    call = lab.dials(C)

    assert (call.state, call.release_cause, lab.used, lab.engine.dialer.in_use) == (State.RELEASED, 1, 1, 0)
    assert [event.event for event in call.events] == ["licence", "release"]


def test_the_factory_licence_has_two_channels_and_one_without_channels_lets_no_one_wait() -> None:
    factory = Lab(installed=False)
    assert [factory.dials(number).state for number in (A, B, C)] == [
        State.RINGING, State.RINGING, State.DIALLING,
    ]  # fmt: skip

    with pytest.raises(CallRefused) as refused:
        Lab(limits={CHANNELS: 0}).dials(A)
    assert refused.value.text == "licence 1 allows 0 channels on dialer outgoing calls; add a licence"
