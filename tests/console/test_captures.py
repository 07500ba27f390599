"""Every scenario that is shipped passes against the lab it names: real switch, mediator and web on free ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from captures.record import recording, scripts
from protocol import Channel, Codec, Options, StreamFramer, Unit
from sorm_mediator.capture.events import Data
from sorm_mediator.capture.reader import read_input
from sorm_mediator.console.printing import TextPrinter
from sorm_mediator.console.session import Settings, load, run_script

SCRIPTS = scripts()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
async def test_a_shipped_script_passes(path: Path) -> None:
    shown: list[str] = []
    result = await run_script(load(path), Settings(scripts=(path,)), TextPrinter(shown.append))
    assert result.error is None, result.error
    assert result.verdict == "PASS", "".join(shown)
    assert len(result.steps) == result.planned


def test_there_are_at_least_eight() -> None:
    assert len([path for path in SCRIPTS if path.suffix == ".yaml"]) >= 8


def name_of(path: Path) -> str:
    return recording(path).stem


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_recording_holds_the_run_of_its_script(path: Path) -> None:
    streams: dict[str, bytearray] = {}
    with recording(path).open("rb") as stream:
        for event in read_input(stream):
            if isinstance(event, Data):
                streams.setdefault(event.flow.source + event.flow.destination, bytearray()).extend(event.data)
    options = Options(order="70" if path.stem == "order70" else "268")
    names: set[str] = set()
    for octets in streams.values():
        channel = Channel.COMMAND if octets[2] < 0x20 else Channel.KPD2 if octets[2] >= 0x40 else Channel.KPD1
        for piece in StreamFramer(channel, options).feed(bytes(octets)):
            if isinstance(piece, Unit):
                message, _ = Codec(options).decode_lenient(piece.raw)
                names.add(getattr(message, "message_name", "unknown"))
    assert {"start", "command-received", "command-executed"} <= names
