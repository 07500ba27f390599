"""The strategies reach everything the order has, and cost nothing to those who don't ask for them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import NoSuchExample

from protocol import (
    MESSAGES,
    AddObject,
    Channel,
    Codec,
    DecodeError,
    Message,
    NumberSign,
    Options,
    StreamFramer,
    Unit,
    classes,
    strategies,
)

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Finding one is the point, not the smallest one.
ANY = settings(phases=[Phase.generate], max_examples=500, database=None)


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
def test_every_class_has_a_strategy(cls: type[Message]) -> None:
    codec = Codec()

    @settings(FEW, max_examples=10)
    @given(strategies.message(cls))
    def check(message: Message) -> None:
        assert type(message) is cls
        assert codec.decode(codec.encode(message)) == message

    check()


@FEW
@given(strategies.unit(Options(order="70"), Channel.KPD1))
def test_units_are_of_the_channel_and_the_order_asked_for(unit: bytes) -> None:
    message = Codec(Options(order="70")).decode(unit)
    assert message.channel is Channel.KPD1
    assert message.code in classes("70")


def test_signs_are_those_of_the_order() -> None:
    zone = strategies.message(AddObject, Options(order="70"))
    assert find(zone, lambda message: message.number_sign is NumberSign.ZONE, settings=ANY)
    with pytest.raises(NoSuchExample):
        find(
            strategies.message(AddObject),
            lambda message: message.number_sign is NumberSign.ZONE,
            settings=settings(ANY, max_examples=100),
        )


def test_damage_is_sometimes_refused_and_sometimes_not() -> None:
    codec = Codec()

    def refused(unit: bytes) -> bool:
        try:
            codec.decode(unit)
        except DecodeError:
            return True
        return False

    assert find(strategies.damaged_unit(), refused, settings=ANY)
    assert find(strategies.damaged_unit(), lambda unit: not refused(unit), settings=ANY)


@FEW
@given(strategies.noise(channel=Channel.COMMAND))
def test_after_noise_the_framer_finds_the_next_unit(noise: bytes) -> None:
    unit = bytes.fromhex("CC010100313233343536")
    framer = StreamFramer(Channel.COMMAND)
    framer.feed(b"\x00" + noise)
    framer.flush()
    assert framer.feed(unit)[-1:] == [Unit(1 + len(noise), unit)]
