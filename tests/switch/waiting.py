"""Waiting for the calls of a switch."""

from __future__ import annotations

import asyncio

from sorm_mediator.switch.box import SwitchBox


async def idle(box: SwitchBox) -> None:
    """Wait until no call is active."""
    while box.engine.active:  # noqa: ASYNC110 - the switch has no event for it
        await asyncio.sleep(0)
