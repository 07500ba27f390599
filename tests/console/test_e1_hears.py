"""Scenarios that listen: which tones are on which KSL, told apart from a scripted mediator's speech."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator.console.errors import ScriptError
from sorm_mediator.console.target import RunTarget
from sorm_mediator.replay import scenario
from tests.console.e1_mediator import E1Mediator, lines
from tests.tone_generator import ToneGenerator

Speech = dict[int, list[int]]
"""KSL -> tones."""


@asynccontextmanager
async def speaking(speech: Speech) -> AsyncIterator[tuple[RunTarget, Speech]]:
    """A mediator that puts tones on the KSL of stream 0, as ``speech`` says at the moment."""
    mediator = E1Mediator()
    generators: dict[tuple[int, ...], ToneGenerator] = {}

    def fill(frames: int, now: float) -> None:
        for ksl, frequencies in speech.items():
            key = (ksl, *frequencies)
            generators.setdefault(key, ToneGenerator(frequencies))
            mediator.stream.voice_out(ksl, generators[key].take(frames))

    mediator.stream.speech_source = fill
    config = mediator.line_config(await mediator.start())
    try:
        async with lines(config) as opened:
            yield RunTarget(host="", kpd1=0, kpd2=0, e1=opened), speech
    finally:
        mediator.stop()


async def test_two_parties_on_one_line_by_their_tones_and_by_their_numbers(run: Callable[..., Any]) -> None:
    async with speaking({1: [1950, 2000]}) as (around, _):
        result = await run(
            "- hears: {ksl: {stream: 0, ksl: 1}, tones: [1950, 2000]}\n"
            "- {send: start, hears: {ksl: {stream: 0, ksl: 1}, tones: ['28331', '28332']}}",
            around_=around,
            within=5,
        )
    assert result.verdict == "PASS", result.failures


async def test_one_party_on_each_of_two_lines(run: Callable[..., Any]) -> None:
    async with speaking({16: [400], 28: [3350]}) as (around, _):
        result = await run(
            "- hears:\n"
            "    - {ksl: {stream: 0, ksl: 16}, tones: [400]}\n"
            "    - {ksl: {stream: 0, ksl: 28}, tones: [3350]}\n"
            "    - {ksl: {stream: 0, ksl: 15}, tones: silence}",
            around_=around,
            within=5,
        )
    assert result.verdict == "PASS", result.failures
    assert result.steps[0].notes == ["heard: KSL 0/16: 400 Hz; KSL 0/28: 3350 Hz; KSL 0/15: silence"]


async def test_another_tone_too_many_fails_and_is_named_in_both_languages(run: Callable[..., Any]) -> None:
    async with speaking({1: [1950, 2000]}) as (around, _):
        result = await run("- hears: {ksl: {stream: 0, ksl: 1}, tones: [1950]}", around_=around)
    failure = result.failures[0].failure
    assert failure.lines() == ["expected: KSL 0/1: 1950 Hz", "heard: KSL 0/1: 1950, 2000 Hz"]
    assert failure.lines("ru") == ["ожидалось: КСЛ 0/1: 1950 Гц", "слышно: КСЛ 0/1: 1950, 2000 Гц"]


async def test_silence_is_silence_on_every_line(run: Callable[..., Any]) -> None:
    async with speaking({}) as (around, speech):
        assert (await run("- hears: silence", around_=around, within=5)).verdict == "PASS"
        speech[28] = [1000]
        result = await run("- hears: silence", around_=around)
    assert result.failures[0].failure.lines()[1] == "heard: KSL 0/28: 1000 Hz"


async def test_a_line_named_by_an_event_is_listened_to(run: Callable[..., Any]) -> None:
    async with speaking({2: [500]}) as (around, _):
        result = await run(
            "- hears: {ksl: {stream: 0, ksl: '${line}'}, tones: ['${tone}']}",
            head="variables: {line: 2, tone: 500}",
            around_=around,
            within=5,
        )
    assert result.verdict == "PASS", result.failures


async def test_a_stream_that_there_is_not_is_said(run: Callable[..., Any]) -> None:
    async with speaking({}) as (around, _):
        result = await run("- hears: {ksl: {stream: 3, ksl: 1}, tones: silence}", around_=around)
    assert result.failures[0].failure.reason == "stream 3: the lab has no such stream"


@pytest.mark.parametrize(
    ("hears", "text"),
    [
        ("noise", "allowed: silence, a mapping of ksl and tones, or a list of such mappings"),
        ("{ksl: {stream: 0, ksl: 1}}", "tones is missing"),
        ("{ksl: {stream: 0, ksl: 29}, tones: silence}", "an integer from 1 to 28"),
        ("{ksl: {stream: 0}, tones: silence}", "a mapping of stream and ksl"),
        ("{ksl: {stream: 0, ksl: 1}, tones: [1234]}", "a multiple of 50 Hz from 300 to 3400"),
        ("{ksl: {stream: 0, ksl: 1}, tones: 400}", "a list of frequencies"),
        ("{ksl: {stream: 0, ksl: '${n}'}, tones: silence}", "the variable 'n' isn't known here"),
    ],
)
def test_what_cannot_be_heard_is_a_mistake_of_the_script(hears: str, text: str) -> None:
    with pytest.raises(ScriptError, match=r"^test\.yaml:3: .*steps\[1\]\.hears") as caught:
        scenario.parse(f"name: a test\nsteps:\n- hears: {hears}", Path("test.yaml"))
    assert text in str(caught.value)


async def test_speech_is_not_heard_over_tcp(run: Callable[..., Any]) -> None:
    result = await run("- hears: silence")
    assert str(result.error) == (
        "test.yaml:5: steps[1].hears: speech is heard over E1 only: give --link x25 or tcp+e1"
    )


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("- send: start", ("tcp", "x25", "tcp+e1")),
        ("- repeat: {times: 2, steps: [{hears: silence}]}", ("x25", "tcp+e1")),
        ("- {send: start, console: second}\n- send: stop", ("tcp", "x25", "tcp+e1")),
        ("- send: start\nlink: tcp+e1", ("tcp+e1",)),
    ],
)
def test_which_links_a_scenario_can_run_over(steps: str, expected: tuple[str, ...]) -> None:
    assert scenario.parse(f"name: a test\nsteps:\n{steps}").links == expected


def test_a_link_that_there_is_not_is_a_mistake_of_the_script() -> None:
    with pytest.raises(ScriptError, match=r"^test\.yaml:2: link: 'e1' is not allowed.*tcp, x25, tcp\+e1"):
        scenario.parse("name: a test\nlink: e1\nsteps: [{send: start}]", Path("test.yaml"))


async def test_speech_is_heard_beside_consoles_over_tcp(mediator: Any, run: Callable[..., Any]) -> None:
    async with speaking({5: [700]}) as (beside, _):
        around = RunTarget(
            host="127.0.0.1", kpd1=mediator.ports["kpd1"], kpd2=mediator.ports["kpd2"], speech=beside.e1
        )
        result = await run(
            "- {send: start, hears: {ksl: {stream: 0, ksl: 5}, tones: [700]}}", around_=around, within=5
        )
    assert result.verdict == "PASS", result.failures
    assert mediator.connected == ["kpd2", "kpd1"]
