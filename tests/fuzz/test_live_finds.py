"""What the live fuzzer does with a switch that says too much, and with what it is told of routes."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from sorm_mediator.console.errors import UsageError
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live.action import Action, ActionError, Round
from sorm_mediator.fuzz.live.between import Between, many_rows
from sorm_mediator.fuzz.live.fuzzer import Fuzzer
from sorm_mediator.fuzz.live.http_surface import _numbers
from sorm_mediator.fuzz.live.session import LiveSettings, run_live
from sorm_mediator.fuzz.live.surface import Breach
from sorm_mediator.fuzz.parsers import _other_key


@pytest.mark.parametrize(("op", "key"), [("trunks", "trunks"), ("services", "services"), ("sync", "refused")])
def test_an_answer_has_as_many_rows_as_it_is_to_have(op: str, key: str) -> None:
    assert len(json.loads(many_rows(op, 70_000))[key]) == 70_000


async def test_the_rows_are_those_of_the_request_that_is_answered() -> None:
    between = Between(("127.0.0.1", 1))
    between._asked[7] = "trunks"
    between.spoil(Action("switch", "rows", {"times": 3}))
    told = json.loads(await between._line(b'{"seq":7,"ok":true,"data":{}}'))
    assert (told["seq"], len(told["data"]["trunks"])) == (7, 3)
    assert await between.spoilt(0.0)
    assert await between._line(b'{"seq":8}') == b'{"seq":8}\n'


async def test_a_spoilt_hello_is_said_until_all_is_as_it_is() -> None:
    between = Between(("127.0.0.1", 1))
    between.spoil(Action("switch", "hello", {"hex": b"[[]]".hex()}))
    assert await between._line(b'{"hello":"sorm"}') == b"[[]]\n"
    between.as_it_is()
    assert await between._line(b'{"hello":"sorm"}') == b'{"hello":"sorm"}\n'


async def test_what_no_switch_does_is_refused() -> None:
    with pytest.raises(ActionError):
        Between(("127.0.0.1", 1)).spoil(Action("switch", "dance"))


def test_a_number_is_drawn_about_its_bounds() -> None:
    schema = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    values = _numbers({"parameters": [{"name": "offset", "in": "query", "schema": schema}]})["offset"]
    assert {"-1", "0", str(2**63 - 1), str(2**63)} <= set(values)
    assert not _numbers({"parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}]})


def test_a_link_needs_the_switch_that_is_behind_it() -> None:
    with pytest.raises(UsageError, match="--between: needs --ssh"):
        run_live(LiveSettings(target="127.0.0.1:1001", link="1"))


def test_keys_are_misspelt_left_out_and_mixed_up() -> None:
    text = b'[plans.city]\n"1" = { bridge = "c2l", alias = "7" }\n'
    made = {_other_key(text, random.Random(seed)) for seed in range(200)}  # noqa: S311 - nothing secret
    assert b'[plans.city]\n"1" = { brige = "c2l", alias = "7" }\n' in made
    assert b'[plans.city]\n"1" = { alias = "c2l", alias = "7" }\n' in made
    assert any(b"bridge" not in one and b"c2l" not in one for one in made)


async def test_one_finding_of_a_kind_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    smaller: list[Breach] = []

    class Counting:
        def __init__(self, opened: Any, breach: Breach, *_: Any) -> None:
            self.others: dict[Any, Any] = {}
            smaller.append(breach)

        async def of(self, since: Sequence[Round]) -> tuple[list[Round], bool]:
            return list(since), True

    monkeypatch.setattr("sorm_mediator.fuzz.live.fuzzer.Smaller", Counting)
    opened: Any = None
    fuzzer = Fuzzer(opened, 1, fresh=True)
    rounds = [Round(0, "http", (Action("http", "let_go"),))]
    for place in ("/a", "/b"):
        await fuzzer._shown(Breach("web", Kind.WRONG_ANSWER, place, "HTTP 500"), rounds)
    assert [one.place for one in smaller] == ["/a"]
    assert [one.breach.place for one in fuzzer.progress.shown.values()] == ["/a", "/b"]
