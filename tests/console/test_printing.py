"""What a run shows of what a mediator said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from protocol import Channel, Codec
from protocol.messages import TrunkInfo
from sorm_mediator.replay.printing import TextPrinter


def test_the_text_of_a_mediator_can_not_steer_the_terminal() -> None:
    lines: list[str] = []
    message = TrunkInfo(trunk=2, name="smg")
    raw = Codec().encode(message)
    crossed = SimpleNamespace(
        outbound=False,
        findings=["a\nPASS"],
        channel=Channel.KPD1,
        message=message,
        problems=["x\x1b[2J"],
        raw=raw,
    )
    client = cast(Any, SimpleNamespace(name="main"))
    TextPrinter(lines.append).crossed(client, cast(Any, crossed), 0.0)
    assert all(line.endswith("\n") and line[:-1].isprintable() for line in lines)
    assert any("a\\nPASS" in line for line in lines)
    assert any("x\\x1b[2J" in line for line in lines)
