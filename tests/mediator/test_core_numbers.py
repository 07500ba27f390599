"""The vendor's four adaptations of the called number."""

from typing import Any

import pytest

from protocol import NumberSign
from radius.report import Party
from sorm_mediator.config import MediatorConfig
from sorm_mediator.mediator.core.numbers import LEGAL_SIGNS, SIGN_OF_NI, Numbers
from sorm_mediator.options import Adaptation

PREFIX_8 = {"prefix_8_to_cdpn": True}
PREFIX_810 = {"prefix_810_to_cdpn": True}
FULL_ONLY = {"min_digits": 11}
TOLL_8 = {"toll_8_to_7": True}
TOLL_88 = {"toll_88_to_7": True}

CASES = [
    # 7 -> 8 and 7 -> 810: by the A number, to own subscribers and Russian ones
    (PREFIX_8, True, "intercity", "79001758964", "89001758964"),
    (PREFIX_8, True, "private", "73832700001", "83832700001"),
    (PREFIX_8, True, "private", "7001", "8001"),
    (PREFIX_8, True, "local", "7123456", "8123456"),
    (PREFIX_8, True, "zone", "3832123456", "3832123456"),
    (PREFIX_8, True, "international", "70123456789", "70123456789"),
    (PREFIX_8, False, "intercity", "79001758964", "79001758964"),
    (PREFIX_810, True, "intercity", "79001758964", "8109001758964"),
    (PREFIX_810, True, "local", "7123456", "810123456"),
    (PREFIX_810, False, "intercity", "79001758964", "79001758964"),
    # a least length of the number, where the node has short numbers that begin with 7
    (PREFIX_8 | FULL_ONLY, True, "private", "7001", "7001"),
    (PREFIX_8 | FULL_ONLY, True, "local", "7123456", "7123456"),
    (PREFIX_8 | FULL_ONLY, True, "intercity", "79001758964", "89001758964"),
    (PREFIX_810 | {"min_digits": 7}, True, "local", "7123456", "810123456"),
    (PREFIX_810 | {"min_digits": 8}, True, "local", "7123456", "7123456"),
    (PREFIX_810 | PREFIX_8, True, "intercity", "79001758964", "8109001758964"),
    # toll code 8 -> 7
    (TOLL_8, False, "intercity", "89001758964", "79001758964"),
    (TOLL_8, True, "", "89001758964", "79001758964"),
    (TOLL_8, False, "zone", "8222333", "7222333"),
    (TOLL_8, False, "private", "8001", "8001"),
    (TOLL_8, False, "intercity", "8104930123456", "8104930123456"),
    (TOLL_8, False, "intercity", "79001758964", "79001758964"),
    # toll code 88 -> 7
    (TOLL_88, False, "intercity", "889001758964", "79001758964"),
    (TOLL_88, False, "", "889001758964", "79001758964"),
    (TOLL_88, False, "private", "8800", "8800"),
    (TOLL_88 | TOLL_8, False, "intercity", "889001758964", "79001758964"),
    (TOLL_88 | TOLL_8, False, "intercity", "88001234567", "78001234567"),
    # toll code first, then the prefix
    (TOLL_8 | PREFIX_810, True, "intercity", "89001758964", "8109001758964"),
    # none by default
    ({}, True, "intercity", "89001758964", "89001758964"),
]


@pytest.mark.parametrize(("settings", "by_a", "ni", "dialled", "shown"), CASES)
def test_adaptations(settings: dict[str, Any], by_a: bool, ni: str, dialled: str, shown: str) -> None:
    numbers = Numbers(MediatorConfig(adaptation=Adaptation(**settings)))
    assert numbers.called(Party(digits=dialled, ni=ni), by_a=by_a).number == shown
    assert numbers.plain(Party(digits=dialled, ni=ni)).number == dialled


def test_no_number_has_no_sign() -> None:
    numbers = Numbers(MediatorConfig())
    assert numbers.called(Party(trunk=2, ni="intercity"), by_a=True) == (None, None)


def test_only_the_leg_by_a_is_adapted(means: Any, make: Any) -> None:
    m = means(prefix_8_to_cdpn=True).begin(
        make.put(1, "28331"),
        make.put(2, "79001758964", number_sign=NumberSign.RUSSIA, object_type="network-full"),
    )
    told = m.report(make.report(b="79001758964", ni="intercity", matches=((1, "a"), (2, "b"))))
    assert told == ["1 41/FF 28331>89001758964", "2 41/FF 28331>79001758964"]


@pytest.mark.parametrize("order", ["268", "70"])
def test_every_indicator_has_a_sign_that_some_object_may_have(order: Any) -> None:
    legal = set().union(*LEGAL_SIGNS[order].values())
    assert set(SIGN_OF_NI[order].values()) <= legal
