"""The log of a console."""

from __future__ import annotations

import pytest

from protocol import Codec
from sorm_mediator.console.client import KPD2, ConsoleClient, Crossed


@pytest.mark.parametrize(("kept", "most"), [(None, 1000), (10, 20)])
def test_a_log_keeps_all_or_the_latest(kept: int | None, most: int) -> None:
    client = ConsoleClient("127.0.0.1", 0, 0, Codec())
    client.kept = kept
    assert not client.heard
    longest = 0
    for number in range(1000):
        client._record(Crossed(float(number), False, KPD2, b"x"))
        longest = max(longest, len(client.log))
        assert client.log[-1].time == number
    assert longest == most
    assert client.count == 1000
    assert client.heard
