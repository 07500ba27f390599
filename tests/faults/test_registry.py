"""The faults of a box: what the end of one does at the places of others."""

from __future__ import annotations

from typing import Any

from sorm_mediator.faults.order import FaultOrder
from sorm_mediator.faults.registry import Faults, Passage


def order(action: str, **more: Any) -> FaultOrder:
    return FaultOrder.model_validate({"link": "ssh", "action": action, **more})


async def test_a_fault_that_is_cleared_releases_nothing_that_another_holds_back() -> None:
    faults, arrived = Faults(), list[str]()
    sent, received = Passage(arrived.append), Passage(arrived.append)
    faults.watch(sent, "ssh", "to-switch", address="primary")
    faults.watch(received, "ssh", "from-switch", address="primary")
    late = faults.begin(order("delay", seconds=3600, direction="from-switch"))
    others = [
        faults.begin(order("delay", seconds=3600, direction="to-switch")),
        faults.begin(order("delay", seconds=3600, address="backup")),
        faults.begin(order("delay", seconds=3600, domain="d")),
        faults.begin(order("drop", direction="from-switch")),
    ]
    received.cross("late")
    for other in others:
        faults.end(other.number, release=True)
        assert received.next_due is not None
        assert received.next_due > 1.0  # as it was: due at once is 0
    assert arrived == []
    faults.end(late.number, release=True)
    assert received.next_due == 0.0
    received.close()
    sent.close()
    faults.close()
