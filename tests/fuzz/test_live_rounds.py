"""Rounds as data, and how they are made smaller."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live import fuzzer as module
from sorm_mediator.fuzz.live.action import Action, ActionError, Round, documents, rounds_of
from sorm_mediator.fuzz.live.fuzzer import Bench, Smaller, generator
from sorm_mediator.fuzz.live.surface import Breach
from sorm_mediator.fuzz.live.watching import FORGED, traces, unescaped

BREACH = Breach("commands", Kind.NO_ANSWER, "27h", "no 27h")


def test_rounds_are_the_same_after_they_were_written_and_read() -> None:
    rounds = [Round(3, "kpd", (Action("kpd", "send", {"wire": "a", "hex": "cc01", "times": 2}),))]
    assert rounds_of(documents(rounds)) == rounds


@pytest.mark.parametrize(
    "wrong",
    [
        {}, [7], [{}], [{"actions": [7]}], [{"actions": [{"surface": "kpd"}]}],
        [{"actions": [{"surface": "kpd", "kind": "send", "hex": "x"}]}],
        [{"actions": [{"surface": "kpd", "kind": "send", "times": "many"}]}],
    ],
)  # fmt: skip
def test_what_is_no_round_is_told(wrong: Any) -> None:
    with pytest.raises(ActionError):
        rounds_of(wrong)


class Faulty:
    """Shows its fault when two actions come in one run, in this order, the second one often enough."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def again(self, one: Round) -> list[Breach]:
        for action in one.actions:
            if action.kind == "first":
                self.seen.append("first")
            elif action.kind == "second" and "first" in self.seen and action.times >= 9:
                return [BREACH]
        return []


def small(monkeypatch: pytest.MonkeyPatch, tries: int = 200) -> Smaller:
    @asynccontextmanager
    async def bench(*_: Any, **__: Any) -> AsyncIterator[Any]:
        yield Faulty()

    monkeypatch.setattr(module, "bench", bench)
    opened: Any = None
    return Smaller(opened, BREACH, 1.0, tries)


def round_of(number: int, *kinds: str) -> Round:
    return Round(number, "kpd", tuple(Action("kpd", kind, {"times": 100}) for kind in kinds))


def kinds_of(rounds: Sequence[Round]) -> list[list[str]]:
    return [[action.kind for action in one.actions] for one in rounds]


async def test_only_what_is_needed_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    since = [
        round_of(0, "a", "b"),
        round_of(1, "c", "first", "d"),
        round_of(2, "e"),
        round_of(3, "f", "second", "g"),
    ]
    rounds, again = await small(monkeypatch).of(since)
    assert again
    assert kinds_of(rounds) == [["first"], ["second"]]
    assert rounds[1].actions[0].times == 25  # a fourth of it would be too few


async def test_one_round_is_enough_where_it_shows_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    since = [round_of(0, "first"), round_of(1, "first", "x", "second", "y")]
    rounds, again = await small(monkeypatch).of(since)
    assert again
    assert kinds_of(rounds) == [["first", "second"]]


async def test_a_fault_that_does_not_show_again_keeps_its_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    since = [round_of(0, "x"), round_of(1, "y")]
    rounds, again = await small(monkeypatch).of(since)
    assert not again
    assert rounds == since


async def test_it_ends_after_its_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    since = [round_of(0, *"abcdefgh", "first", *"ijklmnop", "second")]
    rounds, again = await small(monkeypatch, tries=3).of(since)
    assert again
    assert {"first", "second"} <= set(kinds_of(rounds)[0])


class Drawn:
    """A surface that draws numbers."""

    name = "kpd"
    takes_console = False
    changes_tables = False

    def begin(self) -> None:
        """Nothing is kept."""

    def draw(self, rng: Any) -> Action:
        return Action("kpd", "number", {"number": rng.random()})

    async def do(self, action: Action) -> list[Breach]:
        return []

    async def settle(self) -> list[Breach]:
        return []

    def secrets(self) -> frozenset[str]:
        return frozenset()


class Pleased:
    """A judge that finds nothing."""

    def __init__(self) -> None:
        self.checks = {"passwords": 0}

    @asynccontextmanager
    async def watching(self, *, console: bool) -> AsyncIterator[None]:
        yield

    async def verdict(self, *_: Any, **__: Any) -> list[Breach]:
        return []


async def actions_of(seed: int) -> list[tuple[str, Sequence[Action]]]:
    gateway: Any = None
    judge: Any = Pleased()
    surfaces: Any = {"kpd": Drawn(), "http": Drawn()}
    one = Bench(gateway, judge, surfaces)
    played = [(await one.play(seed, one.draw(seed, number)))[0] for number in range(4)]
    return [(each.surface, each.actions) for each in played]


async def test_the_same_seed_makes_the_same_actions() -> None:
    assert await actions_of(1) == await actions_of(1)
    assert await actions_of(1) != await actions_of(2)


async def test_surfaces_take_turns() -> None:
    assert {surface for surface, _ in (await actions_of(5))[:2]} == {"kpd", "http"}


def test_chance_can_be_repeated() -> None:
    assert generator("1:7").random() == generator("1:7").random()


LOG = """\
2026-01-01 info mediator command
2026-01-01 error mediator Fatal error
Traceback (most recent call last):
  File "/a/b/codec.py", line 7, in decode
    raise KeyError(9)
KeyError: 9
2026-01-01 info mediator more
"""


def test_a_trace_is_found_in_a_log() -> None:
    ((place, lines),) = traces(LOG)
    assert place == "KeyError in codec.py decode"
    assert lines.endswith("KeyError: 9")


def test_a_trace_of_several_errors_is_one_for_each() -> None:
    assert [place for place, _ in traces(LOG + LOG.replace("KeyError", "ValueError"))] == [
        "KeyError in codec.py decode",
        "ValueError in codec.py decode",
    ]


def test_a_control_character_in_a_log_is_found() -> None:
    assert unescaped("all is well\nred \x1b[31m\n") == "red \x1b[31m"
    assert unescaped("all\tis well\n") is None


def test_a_line_that_a_peer_has_made_is_found() -> None:
    assert unescaped(f"left: {FORGED} x\nleft: \n{FORGED} y\n") == f"{FORGED} y"
