"""A switch that answers nonsense: what the mediator gets over SSH is spoilt while a console gives commands.

The model is that of the console, whose commands ask the switch; the answers are spoilt by :class:`.between.Between`.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from sorm_mediator.fuzz.live.action import Action
from sorm_mediator.fuzz.live.kpd import KpdSurface
from sorm_mediator.fuzz.live.surface import Breach, drawn
from sorm_mediator.fuzz.live.target import Gateway

NAME: Final = "switch"
LATE: Final = 0.4
_ROWS: Final = 3000
_MOST_ROWS: Final = 100_000
"""Rows of one answer: more than there are numbers."""
RESYNC_WITHIN: Final = 4.0
HELLO_WITHIN: Final = 1.5
"""Seconds until a mediator whose link was cut has logged in again (``ssh.retry_min``)."""


class SwitchSurface:
    """The mediator's side of the link to its switch."""

    name = NAME
    takes_console = True
    changes_tables = True

    def __init__(self, gateway: Gateway, console: KpdSurface) -> None:
        assert gateway.between is not None
        self._between = gateway.between
        self._console = console
        self._asked = 0
        self._next: list[Action] = []

    def begin(self) -> None:
        self._asked = 0
        self._next = []

    def draw(self, rng: random.Random) -> Action:
        # The console connects and starts first; then what asks the switch and what spoils its answer take turns.
        self._asked += 1
        if self._next:
            return self._next.pop()
        if self._asked < 4 or rng.random() < 0.5:
            return self._console.draw_right(rng)
        kind = drawn(rng, _WEIGHTS)
        if kind == "rows":  # a question follows whose answer is to have that many
            self._next = [self._console.draw_long_answer(rng)]
        draw = _VALUES.get(kind)
        return Action(NAME, kind, draw(rng) if draw is not None else {})

    async def do(self, action: Action) -> list[Breach]:
        self._between.spoil(action)
        if action.kind == "resync":
            await self._until_spoilt()
        elif action.kind == "hello":
            await asyncio.sleep(HELLO_WITHIN)  # the mediator logs in again
        return []

    async def _until_spoilt(self) -> None:
        """The mediator logs in again and brings its objects back."""
        await self._between.spoilt(RESYNC_WITHIN)
        await asyncio.sleep(0.3)  # what follows from the answer

    async def settle(self) -> list[Breach]:
        self._between.as_it_is()
        await asyncio.sleep(0.02)  # the mediator sees what was sent last, and a link that was cut
        return []

    def secrets(self) -> frozenset[str]:
        return frozenset()


def _nonsense(rng: random.Random) -> dict[str, Any]:
    line = rng.choice(
        (
            b"\n", b"{}\n", b"[]\n", b"null\n", b"7\n", b"{\n", b"\xff\xfe\n", b"[" * 700 + b"\n",
            b'{"seq":1e999,"ok":true}\n', b'{"seq":' + b"9" * 5000 + b"}\n", b'{"event":7}\n',
            b'{"event":"line-state","object_number":900,"line_state":"\\ud800"}\n',
            b'{"event":"trunk-renamed","trunk":-1,"name":null}\n', b'{"event":"trunk-renamed"}\n',
            b'{"event":"' + b"\\u001b[31m" * 20 + b'"}\n', b'{"hello":"sorm","ok":true,"version":1}\n',
            b'{"seq":99999,"ok":true,"data":{}}\n', b'{"seq":true,"ok":"yes"}\n', b"a" * 300_000 + b"\n",
            b'{"event":"second-session","mediator":[],"peer":{}}\n', rng.randbytes(200),
        )
    )  # fmt: skip
    return {"hex": line.hex()}


def _reply(rng: random.Random) -> dict[str, Any]:
    """What follows the number of the request."""
    trunks = [{"trunk": n, "name": "t" * rng.choice((1, 300))} for n in range(rng.choice((1, _ROWS)))]
    data: Any = rng.choice(
        (
            {}, [], None, 7, "x", {"line_state": "up"}, {"line_state": 10**30}, {"line_state": -1},
            {"services": [300, -1, None]}, {"services": list(range(256)) * 4}, {"services": {}},
            {"trunks": trunks}, {"trunks": [{"trunk": 70_000, "name": 5}]}, {"trunks": [[]]},
            {"trunks": [{"trunk": 2, "name": "\x1b[31m\n\u202e" * 9}]}, {"line_states": {"900": 1e308}, "refused": 5},
            {"line_states": {"9" * 5000: 1, "\u00b2": 1}}, {"refused": [{"object_number": "9" * 5000, "code": 5}]},
        )
    )  # fmt: skip
    text = rng.choice(
        (
            '"ok":true,"data":' + json.dumps(data),
            f'"ok":false,"code":{rng.choice((0, 1, 0x54, 256, -5, 10**20))},"text":"no"'
            '"ok":false', '"ok":"maybe"', '"data":{}', '"ok":true,"data":{"a":' + "[" * 15 + "]" * 15 + "}",
        )
    )  # fmt: skip
    return {"hex": text.encode().hex()}


def _hello(rng: random.Random) -> bytes:
    """The first line of a switch, which the mediator keeps and shows."""
    depth = rng.choice((3, 14, 700))
    value = rng.choice(
        (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"9" * 5000, b"1e999")
    )
    return b'{"hello":"sorm","ok":true,"version":1,"switch":%b,"fuzz":%b}' % (
        rng.choice((b'"x"', value)),
        value,
    )


_VALUES: Final[Mapping[str, Callable[[random.Random], dict[str, Any]]]] = {
    "insert": _nonsense,
    "replace": _nonsense,
    "reply": _reply,
    "double": lambda rng: {"times": rng.choice((2, 2, 50))},
    "late": lambda rng: {"seconds": LATE},
    "rows": lambda rng: {"times": rng.choice((_ROWS, _MOST_ROWS))},
    "resync": lambda rng: {"times": rng.choice((8000, 60_000))},
    "hello": lambda rng: {"hex": _hello(rng).hex()},
}
_WEIGHTS: Final = {
    "reply": 8, "replace": 3, "insert": 3, "double": 2, "late": 1, "drop": 1, "cut": 1, "rows": 3,
    "resync": 2, "hello": 2,
}  # fmt: skip
