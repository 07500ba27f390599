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
from sorm_mediator.fuzz.live.surface import Breach
from sorm_mediator.fuzz.live.target import Gateway

NAME: Final = "switch"
LATE: Final = 0.4
_ROWS: Final = 3000


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

    def begin(self) -> None:
        self._asked = 0

    def draw(self, rng: random.Random) -> Action:
        # The console connects and starts first; then what asks the switch and what spoils its answer take turns.
        self._asked += 1
        if self._asked < 4 or rng.random() < 0.5:
            return self._console.draw_right(rng)
        kind = rng.choices(*zip(*_WEIGHTS.items(), strict=True))[0]
        draw = _VALUES.get(kind)
        return Action(NAME, kind, draw(rng) if draw is not None else {})

    async def do(self, action: Action) -> list[Breach]:
        self._between.spoil(action)
        return []

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


_VALUES: Final[Mapping[str, Callable[[random.Random], dict[str, Any]]]] = {
    "insert": _nonsense,
    "replace": _nonsense,
    "reply": _reply,
    "double": lambda rng: {"times": rng.choice((2, 2, 50))},
    "late": lambda rng: {"seconds": LATE},
}
_WEIGHTS: Final = {"reply": 8, "replace": 3, "insert": 3, "double": 2, "late": 1, "drop": 1, "cut": 1}
