"""The usage of an account: what all proxies are configured with against what was bought, whatever the traffic."""

from __future__ import annotations

import pytest

from sorm_mediator.switch.smart.cloud import usage_of
from tests.switch.smart.conftest import Scene


def test_the_row_of_the_report() -> None:
    assert usage_of(30, [10, 6, 200]).row() == {
        "License": "ICV CUSP-5 calls per second",
        "Quantity": 30,
        "In Use": 216,
        "Surplus (+) / Shortage (-)": "-186",
        "Alerts": "Insufficient Licenses",
    }


@pytest.mark.parametrize(
    ("counts", "balance", "alerts"),
    [((10,), "+20", ""), ((30,), "0", ""), ((31,), "-1", "Insufficient Licenses"), ((), "+30", "")],
)
def test_surplus_and_shortage(counts: tuple[int, ...], balance: str, alerts: str) -> None:
    row = usage_of(30, counts).row()
    assert (row["Surplus (+) / Shortage (-)"], row["Alerts"]) == (balance, alerts)


def test_usage_counts_the_configured_counts_of_all_proxies() -> None:
    scene = Scene(count=10, purchased=30, other_counts=(6, 200))
    assert scene.cloud.usage().in_use == 206
    scene.register()
    assert scene.authorise() == ""
    assert scene.cloud.usage().row()["In Use"] == 216
    assert scene.client.mode.value == "OutOfCompliance"


def test_a_proxy_that_deregisters_uses_nothing() -> None:
    scene = Scene(count=10)
    scene.register()
    scene.authorise()
    assert scene.cloud.usage().in_use == 10
    scene.deregister()
    assert scene.cloud.usage().in_use == 0


def test_a_proxy_that_registers_again_is_the_same_product_instance() -> None:
    scene = Scene(count=10)
    scene.register()
    first = scene.client.registration
    scene.register()
    again = scene.client.registration
    assert first is not None
    assert again is not None
    assert first.product_instance_id == again.product_instance_id


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="fault: 'rain' is none of none, down, "):
        Scene().cloud.break_with("rain")
