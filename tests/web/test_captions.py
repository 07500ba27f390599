"""Names on pages, for people, and the short texts of a ladder's picture."""

from __future__ import annotations

import pytest

from sorm_mediator.language import translate
from sorm_mediator.web.ladder import LadderStep
from sorm_mediator.web.pages.calls import _label
from sorm_mediator.web.pages.captions import COUNTERS, HAPPENED, caption_of, limit


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
            "41h number-received 28331 -> 28332",
            "41h number-received 28331 -> 28332",
        ),
        (
            "message",
            "command-received",
            "command-received command=start",
            "27h command-received command=start",
            "",
        ),
        ("call", "release", "release cause 05h", "released cause 05h", "завершён cause 05h"),
        ("call", "thing", "thing", "thing", "thing"),
        ("reply", "add", "add: ok", "add: ok", "add: ok"),
    ],
)
def test_the_label_of_a_step_is_short(kind: str, name: str, text: str, english: str, russian: str) -> None:
    step = LadderStep(time=0.0, source="mediator", target="console", kind=kind, name=name, text=text)  # type: ignore[arg-type]
    assert translate(_label(step), "en") == english
    assert translate(_label(step), "ru") == (russian or english)
    assert set(HAPPENED) >= {"answer", "release"}
