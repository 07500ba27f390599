"""A lab whose console is reached over E1, and the console at the other end of its SAToP lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from e1.voice.tones import ToneListener
from protocol import (
    AddKsl,
    AddObject,
    Category,
    CommandExecuted,
    GroupType,
    Ksl,
    Message,
    NumberSign,
    ObjectType,
    Priority,
    Start,
)
from sorm_mediator.config import Config, parse
from sorm_mediator.lab.lab import Lab, on_free_ports
from tests.mediator.e1_harness import E1Console, udp_line

NUMBERS = ("28331", "28332", "28333", "28334")
DOMAIN = {"name": "test.domain", "password": "123", "subscribers": [{"number": number} for number in NUMBERS]}


def e1_lab(folder: Path, *streams: dict[str, Any], **tables: Any) -> Config:
    """A lab on free ports with these streams (default: one); ``tables`` are added to it."""
    document = {
        "switch": {"domains": [DOMAIN]},
        "console": {"link": "x25"},
        "e1": list(streams or ({},)),
        **tables,
    }
    return on_free_ports(parse(document, directory=folder, name="lab.toml"))


@asynccontextmanager
async def console_of(lab: Lab, stream: int = 0) -> AsyncIterator[E1Console]:
    """The console of a stream, both channels up."""
    config = next(each for each in lab.config.e1 if each.stream == stream)
    line = udp_line(lab.endpoints[f"e1.{stream}"])
    async with E1Console(config, line) as console:
        yield await console.up()


async def executed(console: E1Console, *commands: Message) -> None:
    """Give commands one after the other; each must succeed."""
    for command in commands:
        console.send(command)
        await console.message(CommandExecuted, command=command.code, status=0)


async def heard(console: E1Console, ksl: int, tones: set[int]) -> None:
    """Wait until these tones (Hz), and no other, are on the line."""
    listener = ToneListener()
    console.stream.voice_in(ksl)  # what was said before
    await console.until(lambda: listener.feed(console.stream.voice_in(ksl)) == tones)


async def under_separate_control(console: E1Console) -> None:
    """Start, and put 28331 under separate control on KSL 3 and 4."""
    own = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
    await executed(
        console,
        Start(),
        AddKsl(1, GroupType.SEPARATE, Ksl(0, 3), Ksl(0, 4)),
        AddObject(258, *own, "28331", None, Category.SEPARATE, 1, Priority.HIGH),
    )
