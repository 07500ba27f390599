"""A lab whose console is reached over E1: commands over SAToP, and the speech of calls on their KSL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from e1.tones import ToneListener
from protocol import (
    AddKsl,
    AddObject,
    Alarm,
    Answer,
    Category,
    CommandExecuted,
    GroupType,
    KslReleased,
    Message,
    NumberReceived,
    NumberSign,
    ObjectType,
    Priority,
    Release,
    Start,
)
from protocol.values import Ksl
from sorm_mediator.config import Config, ConfigError, parse
from sorm_mediator.console.e1_client import SLAVE
from sorm_mediator.lab.lab import Lab, on_free_ports
from sorm_mediator.mediator.stream_lines import SatopEnd
from sorm_mediator.switch.call import CallRequest
from tests.mediator.e1_bench import E1Console

NUMBERS = ("28331", "28332", "28333", "28334")
DOMAIN = {"name": "test.domain", "password": "123", "subscribers": [{"number": number} for number in NUMBERS]}
OWN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN


def e1_lab(folder: Path, *streams: dict[str, Any], **tables: Any) -> Config:
    document = {
        "switch": {"domains": [DOMAIN]},
        "console": {"link": "x25"},
        "e1": list(streams or ({},)),
        **tables,
    }
    return on_free_ports(parse(document, directory=folder, name="lab.toml"))


@asynccontextmanager
async def console_of(lab: Lab) -> AsyncIterator[E1Console]:
    stream = lab.config.e1[0]
    line = SatopEnd("127.0.0.1:0", lab.endpoints["e1.0"], line=SLAVE)
    async with E1Console(stream, line) as console:
        yield await console.up()


async def executed(console: E1Console, *commands: Message) -> None:
    for command in commands:
        console.send(command)
        await console.message(CommandExecuted, command=command.code, status=0)


async def heard(console: E1Console, ksl: int, tones: set[int]) -> None:
    """Wait until these tones, and no other, are on the line."""
    listener = ToneListener()
    console.stream.voice_in(ksl)  # what was said before
    await console.until(lambda: listener.feed(console.stream.voice_in(ksl)) == tones)


def call(lab: Lab, a: str, b: str, talk: float = 30) -> None:
    assert lab.switch is not None
    lab.switch.place_call("test.domain", CallRequest(a=a, b=b, ring=0, talk=talk))


async def test_a_combined_call_is_heard_as_two_tones_on_one_line(tmp_path: Path) -> None:
    async with Lab(e1_lab(tmp_path)) as lab, console_of(lab) as console:
        await executed(
            console,
            Start(),
            AddKsl(1, GroupType.COMBINED, Ksl(0, 16), Ksl(0, 16)),
            AddObject(1, *OWN, "28331", None, Category.COMBINED, 1, Priority.NORMAL),
        )
        call(lab, "28331", "28332", talk=1.5)
        await console.message(Answer, "kpd2", ksl_a=Ksl(0, 16))
        await heard(console, 16, {1950, 2000})
        await console.message(Release, "kpd2")
        await heard(console, 16, set())
        assert console.stream.state == "WORK"


async def test_a_separate_call_is_heard_as_a_tone_on_each_line(tmp_path: Path) -> None:
    async with Lab(e1_lab(tmp_path)) as lab, console_of(lab) as console:
        await executed(
            console,
            Start(),
            AddKsl(2, GroupType.SEPARATE, Ksl(0, 3), Ksl(0, 4)),
            AddObject(1, *OWN, "28331", None, Category.SEPARATE, 2, Priority.NORMAL),
        )
        call(lab, "28331", "28332")
        await console.message(Answer, "kpd2")
        await heard(console, 3, {1950})
        await heard(console, 4, {2000})


async def test_a_line_that_is_taken_for_a_priority_object_changes_tones(tmp_path: Path) -> None:
    async with Lab(e1_lab(tmp_path)) as lab, console_of(lab) as console:
        await executed(
            console,
            Start(),
            AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1)),
            AddObject(1, *OWN, "28331", None, Category.COMBINED, 1, Priority.NORMAL),
            AddObject(2, *OWN, "28333", None, Category.COMBINED, 1, Priority.HIGH),
        )
        call(lab, "28331", "28332")
        await console.message(Answer, "kpd2")
        await heard(console, 1, {1950, 2000})
        call(lab, "28333", "28334")
        await console.message(KslReleased, "kpd2", operation=2)
        await heard(console, 1, {2050, 2100})


async def test_a_stream_that_fails_during_a_call_releases_its_line_and_tells_so(tmp_path: Path) -> None:
    stream = {"lapb": {"t1": 0.5, "t2": 0.05}}
    async with Lab(e1_lab(tmp_path, stream)) as lab, console_of(lab) as console:
        assert lab.gateway is not None
        assert lab.gateway.e1 is not None
        await executed(
            console,
            Start(),
            AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1)),
            AddObject(1, *OWN, "28331", None, Category.COMBINED, 1, Priority.NORMAL),
        )
        call(lab, "28331", "28332", talk=1.0)
        await console.message(Answer, "kpd2", ksl_a=Ksl(0, 1))
        lab.gateway.e1.streams.fault(0, "LOS")
        await console.until(lambda: console.stream.state == "RAI")
        lab.gateway.e1.streams.fault(0, "clear")
        # Nothing of the call is lost, though the stream was not there when it happened.
        after = await console.message(Release, "kpd2")
        assert [(type(each), each.operation) for each in after] == [(KslReleased, 4), (Release, 5)]
        await console.message(Alarm, alarm_type=4, alarm_code=1)
        await console.message(Alarm, alarm_type=4, alarm_code=0)
        await heard(console, 1, set())


async def test_without_a_conference_there_is_no_free_line(tmp_path: Path) -> None:
    config = e1_lab(tmp_path, rtp={"submodules": 1, "conferences": 1})
    async with Lab(config) as lab, console_of(lab) as console:
        await executed(
            console,
            Start(),
            *(AddKsl(1, GroupType.COMBINED, Ksl(0, ksl), Ksl(0, ksl)) for ksl in (1, 2)),
            AddObject(1, *OWN, "28331", None, Category.COMBINED, 1, Priority.NORMAL),
            AddObject(2, *OWN, "28333", None, Category.COMBINED, 1, Priority.NORMAL),
        )
        call(lab, "28331", "28332")
        await console.message(NumberReceived, "kpd2", operation=0, ksl_a=Ksl(0, 1))
        call(lab, "28333", "28334")
        await console.message(NumberReceived, "kpd2", operation=1, ksl_a=None)


async def test_a_mediator_that_was_restarted_is_back_at_its_addresses(tmp_path: Path) -> None:
    async with Lab(e1_lab(tmp_path)) as lab, console_of(lab) as console:
        await executed(console, Start())
        await lab.restart_gateway()
        await console.until(lambda: console.ups.count("kpd1") >= 2)
        assert lab.gateway is not None
        async with asyncio.timeout(10):
            await executed(console, AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1)))


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"console": {"link": "x25"}, "e1": [{}, {}]}, r"e1\.stream: 0 is declared 2 times"),
        ({"console": {"link": "x25"}, "e1": [{"stream": n} for n in range(5)]}, "1 to 4"),
        ({"console": {"link": "x25"}, "e1": [{"line": "serial"}]}, r"e1\.0\.line"),
        ({"console": {"link": "x25"}, "e1": [{"kpd1_timeslot": 31}]}, r"e1\.0: .*timeslots"),
        ({"console": {"link": "x25"}, "e1": [{"remote": "there"}]}, r"e1\.0: 'there' is no host:port"),
    ],
)
def test_streams_that_can_not_be(tables: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        Lab(parse({"switch": {"domains": [DOMAIN]}, **tables}, directory=tmp_path, name="lab.toml"))
