"""Listening to a KSL line over HTTP: a WAV stream of what its timeslot carries, which ends with the call."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from e1.voice.g711 import encode
from e1.voice.tones import ToneListener
from protocol.values import Ksl
from sorm_mediator.lab.lab import Lab
from sorm_mediator.mediator.binding.listening import BACKLOG, MOST_LISTENERS, Listeners, wav_header
from sorm_mediator.switch.calls.speech import tones
from tests.lab.e1_bench import console_of, e1_lab, under_separate_control

HEADER = len(wav_header())


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """28331 is under separate control on KSL 3 and 4."""
    async with Lab(e1_lab(tmp_path)) as lab, console_of(lab) as console:
        await under_separate_control(console)
        yield lab


def client(lab: Lab) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1", trust_env=False, timeout=30)


async def talking(http: httpx.AsyncClient) -> str:
    """A call of 28331 that goes on; its id."""
    call = {"a": "28331", "b": "28332", "ring": 0, "talk": 600}
    async with asyncio.timeout(20), http.stream("GET", "/events?kind=unit") as events:
        lines = events.aiter_lines()
        await anext(lines)  # connected
        placed = await http.post("/switch/domains/test.domain/calls", json=call)
        async for line in lines:
            if "number-received" in line:  # it has its lines
                break
    return str(placed.json()["call"])


@pytest.mark.parametrize(("ksl", "party"), [(3, 0), (4, 1)])
async def test_each_ksl_of_a_pair_has_the_tone_of_its_party_until_the_call_is_over(
    lab: Lab, ksl: int, party: int
) -> None:
    async with client(lab) as http:
        call = await talking(http)
        whole, ears, heard = bytearray(), ToneListener(), False
        async with http.stream("GET", f"/ksl/0/{ksl}/listen") as answer:
            assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
            async for portion in answer.aiter_bytes():
                known = max(HEADER, len(whole) - len(whole) % 2)
                whole += portion
                samples = np.frombuffer(bytes(whole[known : len(whole) - len(whole) % 2]), "<i2")
                found = ears.feed(encode(samples).tobytes()) if len(samples) else set()
                if found == {tones("28331", "28332")[party]} and not heard:
                    heard = True
                    assert (await http.delete(f"/calls/{call}")).status_code == 204
        assert heard, "the stream has ended, because the call is over"
        with wave.open(io.BytesIO(bytes(whole))) as sound:
            assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (8000, 2, 1)
        entries = (await http.get("/journal?kind=ksl-listened")).json()
        assert [entry["fields"] for entry in entries] == [{"who": "HTTP 127.0.0.1", "stream": 0, "ksl": ksl}]


async def test_a_line_without_a_call_has_nothing_to_listen_to(lab: Lab) -> None:
    async with client(lab) as http:
        answer = await http.get("/ksl/0/3/listen")
        assert (answer.status_code, answer.json()["detail"]) == (409, "KSL 3 of stream 0 carries no call now")
        assert (await http.get("/ksl/0/29/listen")).status_code == 422


async def test_a_mediator_without_the_switch_of_a_lab_lets_nobody_listen(lab: Lab) -> None:
    async with client(lab) as http:
        await talking(http)
        lab.web_app.state.switch = None  # as in `sorm-mediator gateway`, whose switch may be a real one
        answer = await http.get("/ksl/0/3/listen")
        assert (answer.status_code, "synthetic" in answer.json()["detail"]) == (409, True)


async def test_a_server_that_stops_ends_the_listening(lab: Lab) -> None:
    async with client(lab) as http:
        await talking(http)
        async with http.stream("GET", "/ksl/0/3/listen") as answer:
            async for _ in answer.aiter_bytes():
                lab.web_app.state.watchers.close()


async def test_listeners_are_bounded(lab: Lab) -> None:
    async with client(lab) as http:
        await talking(http)
        assert lab.gateway is not None
        for _ in range(MOST_LISTENERS):
            lab.gateway.listen(Ksl(0, 3), "a test")
        answer = await http.get("/ksl/0/4/listen")
        assert (answer.status_code, "listeners already" in answer.json()["detail"]) == (503, True)


async def test_a_listener_that_does_not_read_is_dropped_and_gives_up_its_place() -> None:
    listeners = Listeners()
    slow, reads = listeners.add((0, 1)), listeners.add((0, 1))
    for number in range(BACKLOG + 1):
        listeners.hear((0, 1), bytes([number % 256]))
        assert await anext(reads)
    assert len(listeners) == 1
    assert [portion async for portion in slow] == []
    listeners.end((0, 1))
    assert [portion async for portion in reads] == []
