"""``fault``: begins, lists and ends faults of the links of a running lab, by its web.

Exit codes: 0 done, 1 the lab refuses, 2 wrong words, 3 the lab can't be reached.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sorm_mediator.console.errors import ConnectError, StepError, UsageError, report_error, words
from sorm_mediator.console.interrupt import until_signal
from sorm_mediator.console.target import WebApi, refusal
from sorm_mediator.errors import ConfigError
from sorm_mediator.interactive.station import Where
from sorm_mediator.interactive.words import WordError, read_request
from sorm_mediator.language import Lang, Phrase, join, translate
from sorm_mediator.output import INTERRUPTED
from sorm_mediator.replay.vocabulary import REQUESTS

CLEAR = "clear"
"""The word that ends faults: all, or that of a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSettings:
    """The options of ``fault``; the help of the command describes each."""

    where: Where
    words: tuple[str, ...] = ()
    """Link, action, ``key=value``; or ``clear`` and perhaps a number; none: list the faults."""
    as_json: bool = False


def run_fault(settings: FaultSettings, write: Callable[[str], object] = sys.stdout.write) -> int:
    """Ask the lab. Returns the exit code; errors go to stderr."""
    lang = settings.where.language
    try:
        asked = _read(settings.words)
        reply = asyncio.run(until_signal(_ask(settings.where, *asked)))
    except (WordError, UsageError, ConfigError) as error:
        return report_error(translate(words(error), lang), 2)
    except StepError as error:
        return report_error(translate(words(error), lang), 1)
    except ConnectError as error:
        return report_error(f"{translate(words(error), lang)}{settings.where.web_hint}", 3)
    if reply is None:
        return report_error(translate(Phrase("interrupted"), lang), INTERRUPTED)
    shown = [json.dumps(reply, ensure_ascii=False)] if settings.as_json else lines(reply, lang)
    write("".join(f"{line}\n" for line in shown))
    return 0


def _read(given: Sequence[str]) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body. Raises :class:`WordError`."""
    if not given:
        return "GET", "faults", None
    if given[0] == CLEAR:
        if len(given) > 2 or not all(one.isdecimal() and len(one) < 10 for one in given[1:]):
            raise WordError(Phrase("clear takes nothing, which ends all faults, or the number of one"))
        return "DELETE", "/".join(("faults", *given[1:])), None
    if len(given) < 2 or "=" in given[0] or "=" in given[1]:
        raise WordError(
            Phrase(
                "a fault is a link and an action, such as ssh cut for=2; without them the faults are listed"
            )
        )
    node = read_request("fault", (f"link={given[0]}", f"action={given[1]}", *given[2:]))
    return REQUESTS["fault"].fill(node, {})


async def _ask(where: Where, method: str, path: str, body: dict[str, Any] | None) -> Any:
    """The reply of the lab. Raises :class:`StepError`, :class:`ConnectError`, :class:`UsageError`."""
    config = where.load()
    url = where.web_of(config)
    if not url:
        raise UsageError(
            Phrase("--web is missing: web.port of {config} is 0, any free port", config=where.config)
        )
    async with WebApi(url, config.web.token.get_secret_value(), where.language) as api:
        status, reply = await api.request(method, path, body)
    if status != 200:
        raise StepError(join(": ", [f"{method} {path}: HTTP {status}", refusal(reply, path, status)]))
    return reply


def lines(reply: Any, lang: Lang) -> list[str]:
    """The reply for people: a table of faults, or how many have ended."""
    if isinstance(reply, Mapping) and "ended" in reply:
        return [translate(Phrase("faults that have ended: {count}", count=reply["ended"]), lang)]
    rows = [reply] if isinstance(reply, Mapping) else list(reply)
    if not rows:
        return [translate(Phrase("there are no faults"), lang)]
    head = [
        translate(one, lang)
        for one in (
            Phrase("fault", context="table of faults"), Phrase("link", context="table of faults"),
            Phrase("action", context="table of faults"), Phrase("parameters", context="table of faults"),
            Phrase("left, s", context="table of faults"), Phrase("what it did", context="table of faults"),
        )
    ]  # fmt: skip
    table = [head, *map(_row, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def _row(fault: Mapping[str, Any]) -> list[str]:
    left = fault["left"]
    return [
        str(fault["id"]),
        fault["link"],
        fault["action"],
        _pairs({**fault["given"], "seed": fault["seed"]})
        if "share" in fault["given"]
        else _pairs(fault["given"]),
        "-" if left is None else f"{left:.1f}",
        _pairs(fault["did"]),
    ]


def _pairs(values: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in values.items()) or "-"
