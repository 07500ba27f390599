"""Names on pages, for people, and the short texts of a ladder's picture."""

from __future__ import annotations

import copy

import pytest

from sorm_mediator.language import Phrase, translate
from sorm_mediator.web.ladder import LadderStep
from sorm_mediator.web.pages.calls import _label
from sorm_mediator.web.pages.captions import (
    CHANNEL_COUNTERS,
    CIRCUITS,
    COUNTERS,
    HAPPENED,
    HDLC_COUNTERS,
    NAMES,
    RADIUS_COUNTERS,
    STREAM_COUNTERS,
    caption_of,
    limit,
)
from tests.web.browser import open_lab


@pytest.mark.parametrize("name", [*COUNTERS, "a counter of tomorrow"])
def test_a_counter_has_a_name_in_each_language(name: str) -> None:
    english, russian = (translate(caption_of(name), lang) for lang in ("en", "ru"))
    assert (english == russian == name) is (name not in COUNTERS)


def test_a_limit_is_named_by_its_message() -> None:
    assert translate(limit("27h"), "en").startswith("27h ")
    assert translate(limit("27h"), "ru") != translate(limit("27h"), "en")
    assert translate(limit("events"), "ru") == "события вызовов"


@pytest.mark.parametrize(
    ("kind", "name", "text", "english", "russian"),
    [
        (
            "event",
            "number-received",
            "number-received object_number=258 call_number=1 calling=28331 called=28332 selection=01h",
            "41h number-received 28331 → 28332",
            "41h number-received 28331 → 28332",
        ),
        (
            "message",
            "command-received",
            "command-received command=start",
            "27h command-received command=start",
            "",
        ),
        (
            "message",
            "command-executed",
            "command-executed command=start status=16h (x)",
            "28h executed start 16h",
            "28h executed start 16h",
        ),
        ("call", "thing", "thing", "thing", "thing"),
        ("reply", "add", "add: ok", "add: ok", "add: ok"),
    ],
)
def test_the_label_of_a_step_is_short(kind: str, name: str, text: str, english: str, russian: str) -> None:
    step = LadderStep(time=0.0, source="mediator", target="console", kind=kind, name=name, text=text)  # type: ignore[arg-type]
    assert translate(_label(step), "en") == english
    assert translate(_label(step), "ru") == (russian or english)


def test_what_happens_at_the_switch_is_told_in_each_language() -> None:
    cause = Phrase("cause {cause}", cause="05h")
    step = LadderStep(
        time=0.0, source="switch", target="switch", kind="call", name="release", text="release", detail=cause
    )
    assert translate(_label(step), "en") == "released, cause 05h"
    assert translate(_label(step), "ru") == "завершён, причина 05h"
    assert set(HAPPENED) >= {"answer", "release"}


@pytest.mark.parametrize("of", NAMES)
def test_every_caption_has_both_languages(of: str) -> None:
    for name in NAMES[of]:
        english, russian = (translate(caption_of(name, of), lang) for lang in ("en", "ru"))
        assert english != russian or english == english.upper(), name


async def test_every_counter_of_a_stream_and_of_its_channels_has_a_caption() -> None:
    async with open_lab("e1.toml") as lab:
        assert lab.gateway is not None
        assert lab.gateway.e1 is not None
        status = lab.gateway.status()
        (row,) = lab.gateway.e1.streams.rows()
        assert {name.removeprefix("far_") for name in row.counters} <= STREAM_COUNTERS.keys()
        for channel in row.channels.values():
            assert channel.hdlc.keys() <= HDLC_COUNTERS.keys()
            assert channel.circuit in CIRCUITS
        for one in status.channels:
            assert one.counters.keys() <= CHANNEL_COUNTERS.keys()
        flat = {
            f"{name} {key}"
            for name, one in status.radius["counters"].items()
            if isinstance(one, dict)
            for key in one
        }
        assert flat <= RADIUS_COUNTERS.keys()
        plain = {name for name, one in status.radius["counters"].items() if not isinstance(one, dict)}
        assert plain <= RADIUS_COUNTERS.keys()
        assert status.counters.keys() <= COUNTERS.keys()


@pytest.mark.parametrize(
    ("count", "english", "russian"),
    [(0, "0 calls", "0 вызовов"), (1, "1 call", "1 вызов"), (2, "2 calls", "2 вызова"), (5, "5 calls", "5 вызовов"),
     (11, "11 calls", "11 вызовов"), (21, "21 calls", "21 вызов"), (112, "112 calls", "112 вызовов")],
)  # fmt: skip
def test_a_number_decides_the_form_of_its_word(count: int, english: str, russian: str) -> None:
    phrase = Phrase("{count} call", plural="{count} calls", count=count)
    assert (translate(phrase, "en"), translate(phrase, "ru")) == (english, russian)
    assert copy.deepcopy(phrase).fill(count=3) == "3 calls"
