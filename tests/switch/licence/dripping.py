"""A server whose answer never ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer whose octets come one after the other, without an end."""
    try:
        while not reader.at_eof():
            writer.write(b" ")
            await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(65_536), 0.02)
    except OSError:
        return
    finally:
        writer.close()
