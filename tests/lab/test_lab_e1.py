"""A lab whose console is reached over E1: commands over SAToP, and the speech of calls on their KSL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from protocol import (
    AddKsl,
    AddObject,
    Answer,
    Category,
    GroupType,
    KslReleased,
    NumberReceived,
    NumberSign,
    ObjectType,
    Priority,
    Release,
    Start,
)
from protocol.values import Ksl
from sorm_mediator.config import ConfigError, parse
from sorm_mediator.lab.lab import Lab
from sorm_mediator.switch.calls.call import CallRequest
from tests.lab.e1_bench import DOMAIN, console_of, e1_lab, executed, heard

OWN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN


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
            await executed(console, Start(), AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1)))


async def test_streams_of_a_submodule_that_is_not_installed_stay_absent(tmp_path: Path) -> None:
    config = e1_lab(
        tmp_path, {"stream": 0}, {"stream": 4, "installed": False}, {"stream": 5, "installed": False}
    )
    async with Lab(config) as lab, console_of(lab) as console:
        await executed(
            console,
            Start(),
            AddKsl(1, GroupType.COMBINED, Ksl(4, 1), Ksl(4, 1)),
            AddObject(1, *OWN, "28331", None, Category.COMBINED, 1, Priority.NORMAL),
        )
        call(lab, "28331", "28332")
        await console.message(NumberReceived, "kpd2", operation=1)
        assert lab.gateway is not None
        assert lab.gateway.e1 is not None
        streams = lab.gateway.e1.streams
        assert [one.state for one in streams.rows()] == ["WORK", "ABSENT", "ABSENT"]
        for fault in ("clear", "AIS"):
            with pytest.raises(ValueError, match=r"the M4E1 submodule 1 is not installed \(e1\.installed\)"):
                streams.fault(5, fault)
        streams.cut(4, True)
        streams.cut(4, False)
        assert streams.row(4).faults == {"receive": "ABSENT"}


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"console": {"link": "x25"}, "e1": [{}, {}]}, r"e1\.1\.stream: 0 is e1\[1\]\.stream already"),
        (
            {
                "console": {"link": "x25"},
                "e1": [{"local": "127.0.0.1:50001"}, {"stream": 1, "local": "127.0.0.1:50001"}],
            },
            r"e1\.1\.local: 127\.0\.0\.1:50001 is .*e1\.0\.local already; 0 means any free port",
        ),
        ({"console": {"link": "x25"}, "e1": [{"stream": n} for n in range(5)]}, "1 to 4"),
        ({"e1": [{"stream": n} for n in range(5)]}, "0 to 4"),
        ({"e1": [{}, {}]}, r"e1\.1\.stream: 0 is e1\[1\]\.stream already"),
        ({"e1": [{"line": "xot"}]}, r'e1\.0\.line: "xot" has no timeslots, hence no KSL; .*"tcp"'),
        ({"e1": [{}, {"stream": 1, "line": "serial"}]}, r'e1\.1\.line: "serial" has no timeslots'),
        (
            {
                "mediator": {"capacity": {"subscribers": 100_000}},
                "e1": [{"stream": n, "submodule": 1} for n in range(5)],
            },
            r"e1\.0\.submodule: the M4E1 submodule 1 would have 5 streams, and has 4",
        ),
        (
            {"e1": [{"stream": 4, "installed": False}, {"stream": 0, "installed": False}, {"stream": 5}]},
            r"e1\.2\.installed: true, and e1\.0\.installed is not, though both streams are on the M4E1 submodule 1",
        ),
        (
            {"console": {"link": "x25"}, "e1": [{"installed": False}]},
            r"e1\.0\.installed: no stream is installed, and the console is to come over one",
        ),
        (
            {"console": {"link": "x25"}, "e1": [{}, {"stream": 4, "line": "serial", "installed": False}]},
            r'e1\.1\.installed: a line "serial" is on no M4E1 submodule',
        ),
        ({"console": {"link": "x25"}, "e1": [{"line": "serial"}]}, r"e1\.0\.serial\.kpd1: is required"),
        (
            {"console": {"link": "x25"}, "e1": [{"kpd1_timeslot": 31}]},
            r"e1\.0\.kpd2_timeslot: 31 is kpd1_timeslot already",
        ),
        (
            {"console": {"link": "x25"}, "e1": [{"remote": "there"}]},
            r"e1\.0\.remote: 'there' is not host:port",
        ),
    ],
)
def test_streams_that_can_not_be(tables: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        Lab(parse({"switch": {"domains": [DOMAIN]}, **tables}, directory=tmp_path, name="lab.toml"))
