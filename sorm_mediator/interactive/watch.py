"""``watch``: every unit that crosses a mediator, a line each, from its web (server-sent events).

A mediator has one console, so a watcher does not connect as one: it reads ``GET /api/v1/events``, and any number
of watchers may. Exit codes: 0 stopped by a signal or by the end of the mediator, 2 wrong usage, 3 not reached.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from protocol.codes import MessageCoding
from protocol.messagetext import DEFAULT_CODING
from sorm_mediator.config import ConfigError
from sorm_mediator.console.client import COMMANDS, EVENTS, MESSAGES
from sorm_mediator.console.errors import ConnectError, UsageError, report_error, words
from sorm_mediator.console.interrupt import until_signal
from sorm_mediator.console.target import why_not_reached
from sorm_mediator.interactive.station import Where, clock
from sorm_mediator.interactive.words import did_you_mean
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.mediator.binding.feed import event_line
from sorm_mediator.reports.people import Look
from sorm_mediator.texts import short
from ssh_control.visible import visible

KINDS = ("command", "message", "event", "call", "link", "request", "reply", "warning")
"""What ``--kind`` takes beside the names of messages: the kinds of units, and of the other events of the feed."""
ANSWER_WITHIN = 10.0
"""Seconds for the answer of the web."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """The options of ``watch``; the help of the command describes each."""

    where: Where
    kinds: tuple[str, ...] = ()
    objects: tuple[int, ...] = ()
    calls: tuple[int, ...] = ()
    as_json: bool = False

    def __post_init__(self) -> None:
        """Raises :class:`UsageError`."""
        known = (*KINDS, *COMMANDS, *MESSAGES, *EVENTS)
        for kind in self.kinds:
            if kind not in known:
                raise UsageError(
                    Phrase(
                        "--kind: {kind} is not allowed{near}: {known}",
                        kind=repr(kind), near=did_you_mean(kind, known), known=", ".join(known),
                    )
                )  # fmt: skip

    def wants(self, event: dict[str, Any]) -> bool:
        """Whether the filters let an event of the feed through."""
        unit = event.get("unit", {})
        names = {event.get("event"), unit.get("kind"), unit.get("name")}
        fields = unit.get("fields") or {}
        return (
            (not self.kinds or bool(names & set(self.kinds)))
            and (not self.objects or fields.get("object_number") in self.objects)
            and (not self.calls or fields.get("call_number") in self.calls)
        )


def run_watch(settings: WatchSettings, write: Callable[[str], object] = sys.stdout.write) -> int:
    """Show what crosses until a signal. Returns the exit code; errors go to stderr."""
    lang = settings.where.language
    try:
        asyncio.run(until_signal(_watch(settings, write)))
    except (UsageError, ConfigError) as error:
        return report_error(translate(words(error), lang), 2)
    except ConnectError as error:
        return report_error(f"{translate(words(error), lang)}{settings.where.hint}", 3)
    return 0


async def _watch(settings: WatchSettings, write: Callable[[str], object]) -> None:
    lang = settings.where.language
    coding = settings.where.load().mediator.options.message_text
    async for event in feed(settings.where):
        if settings.wants(event):
            if settings.as_json:
                write(json.dumps(event, ensure_ascii=False) + "\n")
            else:
                if dropped := event.get("dropped_before"):
                    lost = Phrase("({count} not shown: too many at once)", count=dropped)
                    write(translate(lost, lang) + "\n")
                shown = Look.of_stdout().wrapped(visible(line_of(event, lang, coding)))
                write("\n".join(shown) + "\n")
            sys.stdout.flush()


def line_of(event: dict[str, Any], lang: Lang = "en", coding: MessageCoding = DEFAULT_CODING) -> str:
    """One event of the feed as a line."""
    return f"{clock(float(event['time']))} {event_line(event, lang, coding=coding)}"


def _event(text: str, url: str) -> dict[str, Any]:
    """One event of the feed. Raises :class:`ConnectError` for anything else."""
    try:
        event: dict[str, Any] = json.loads(text)
        line_of(event)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ConnectError(
            Phrase("{url}: is no web of a mediator: {text}", url=url, text=short(text))
        ) from None
    return event


async def feed(where: Where) -> AsyncIterator[dict[str, Any]]:
    """The events of a mediator as they happen. Raises :class:`ConnectError`, :class:`UsageError`."""
    import httpx

    config = where.load()
    url = where.web_of(config)
    if not url:
        raise UsageError(
            Phrase("--web is missing: web.port of {config} is 0, any free port", config=where.config)
        )
    token = config.web.token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = httpx.Timeout(10.0, read=None)
    async with httpx.AsyncClient(headers=headers, timeout=timeout, trust_env=False) as http:
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(ANSWER_WITHIN):
                    stream = http.stream("GET", f"{url.rstrip('/')}/api/v1/events")
                    reply = await stack.enter_async_context(stream)
                if reply.status_code != 200:
                    await reply.aread()
                    raise ConnectError(f"{url}: HTTP {reply.status_code}: {reply.text[:200]}")
                began = Phrase("watching {url}; Ctrl-C ends it", url=url)
                sys.stderr.write(translate(began, where.language) + "\n")
                async for line in reply.aiter_lines():
                    if line.startswith("data: "):
                        yield _event(line[len("data: ") :], url)
        except TimeoutError:
            raise ConnectError(
                Phrase(
                    "{url}: no answer within {seconds:g} s; is it the web of a mediator?",
                    url=url,
                    seconds=ANSWER_WITHIN,
                )
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectError(
                Phrase("{url}: the web can't be reached: {why}", url=url, why=why_not_reached(error))
            ) from None
