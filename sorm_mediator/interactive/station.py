"""The console that ``console``, ``send`` and ``watch`` are: where it connects, and how it shows what crosses."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from protocol import Channel, CommandExecuted, CommandReceived, EncodeError
from protocol.messages import wires
from protocol.oneline import one_line
from protocol.render import has_another_inside, masked_hex, render
from protocol.texts import status_phrase
from protocol.wire import MASK
from sorm_mediator.config import Config
from sorm_mediator.config.outside import load_lab
from sorm_mediator.console.client import (
    COALESCED,
    COMMANDS,
    KPD1,
    NO_UNIT,
    SHOWN,
    ConsoleClient,
    Crossed,
    Observer,
    Sent,
    no_end,
    wait_for,
)
from sorm_mediator.console.errors import StepError, UsageError, check_choice, check_web
from sorm_mediator.console.target import LINKS, RunTarget, link_of, refusal
from sorm_mediator.lab.targets import listens_at, toward, web_url
from sorm_mediator.language import Lang, Phrase, join, translate
from ssh_control.visible import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The options that tell where the mediator is. Raises :class:`UsageError`.

    What the command line leaves out comes from the lab file ``config``, without one from the defaults of lab files.
    """

    host: str = ""
    kpd1: int = 0
    kpd2: int = 0
    web: str = ""
    link: str = ""
    config: Path | None = None
    lang: str = "en"

    def __post_init__(self) -> None:
        check_choice("--lang", self.lang, ("en", "ru"))
        check_choice("--link", self.link, ("", *LINKS))
        check_web(self.web)

    @property
    def language(self) -> Lang:
        """``lang``, checked."""
        return cast(Lang, self.lang)

    @property
    def hint(self) -> str:
        """What to do when no channel is reached at the addresses of a lab file, or at those of no lab file."""
        return self._hint(
            Phrase(
                "; is the lab of {file} running? Where it is instead: --kpd1, --kpd2, --web", file=self.config
            )
        )

    @property
    def web_hint(self) -> str:
        """What to do when no web is reached, for commands that need it alone."""
        return self._hint(
            Phrase("; is the lab of {file} running? Where it is instead: --web", file=self.config)
        )

    def _hint(self, elsewhere: Phrase) -> str:
        if self.config is None:
            if self.kpd1 or self.kpd2 or self.web:
                return ""
            return translate(Phrase("; -c LAB takes the ports from a lab file"), self.language)
        return translate(elsewhere, self.language)

    def load(self) -> Config:
        """The lab file, or the defaults, with the values of the environment. Raises :class:`ConfigError`."""
        return load_lab(self.config)

    def web_of(self, config: Config) -> str:
        """The URL of the mediator's web; "": it has none."""
        return self.web or web_url(config, self.host)


@asynccontextmanager
async def reach(where: Where) -> AsyncIterator[RunTarget]:
    """The mediator. Raises :class:`ConfigError`, :class:`ConnectError`, :class:`UsageError`."""
    config = where.load()
    console = config.console
    host = where.host or listens_at(console.host)
    link = where.link or link_of(config)
    kpd1, kpd2 = where.kpd1 or console.kpd1_port, where.kpd2 or console.kpd2_port
    for option, port in (("kpd1", kpd1), ("kpd2", kpd2)):
        if not port and link != "x25":
            raise UsageError(
                Phrase(
                    "--{option} is missing: console.{option}_port of {config} is 0, any free port",
                    option=option,
                    config=where.config,
                )
            )
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(
            toward(
                config, host, kpd1, kpd2,
                web=where.web_of(config), by_e1=link == "x25", speech=link == "tcp+e1",
                lang=where.language,
            )
        )  # fmt: skip


async def calls_of(target: RunTarget) -> list[dict[str, Any]]:
    """The calls of the switch that go on, the newest first. Raises :class:`StepError`, :class:`ConnectError`."""
    if target.request is None:
        return []
    path = "switch/calls"
    status, reply = await target.request("GET", path, None)
    if status != HTTPStatus.OK or not isinstance(reply, list):
        raise StepError(refusal(reply, path, status))
    return [one for one in reply if one["state"] != "released"]


UNANSWERED = Phrase("octets sent; they hold no whole command, and no answer came")
ANSWER_TO_NOTHING = 1.0
"""Seconds in which the answer to octets without a whole command is waited for."""


def clock(when: float) -> str:
    """The time of day with milliseconds, in the zone of this machine."""
    return datetime.fromtimestamp(when).astimezone().strftime("%H:%M:%S.%f")[:-3]


def unit_lines(crossed: Crossed, lang: Lang, *, octets: bool, details: bool) -> list[str]:
    """What crossed, for people: a line, with ``octets`` one in hexadecimal, with ``details`` one for each field."""
    arrow = "->" if crossed.outbound else "<-"
    head = f"{clock(crossed.time)} {arrow} {translate(SHOWN[crossed.channel], lang)}"
    # How the octets came is of interest to who looks into details, and usual: 27h and 28h come together.
    marked = crossed.findings if details else [one for one in crossed.findings if one != COALESCED]
    marks = "".join(f"  [{translate(text, lang)}]" for text in marked)
    what = translate(NO_UNIT, lang)
    if crossed.message is not None:
        what = one_line(crossed.form, lang, coding=crossed.coding)
    lines = [f"{head}  {what}{marks}"]
    if octets:
        channel = Channel.COMMAND if crossed.outbound else None
        lines.append(f"  {masked_hex(crossed.raw, channel=channel, anywhere=crossed.message is None)}")
    if details and crossed.message is not None:
        lines += [
            f"  {line}" for line in render(crossed.message, lang, coding=crossed.coding, raw=crossed.raw)
        ]
    hidden = has_another_inside(crossed.raw)
    lines += [f"  ! {MASK if hidden else translate(text, lang)}" for text in crossed.problems]
    return [visible(line) for line in lines]


class Shower(Observer):
    """Shows what crosses, line by line."""

    def __init__(self, show: Callable[[Crossed], object], closed: Callable[[str], object]) -> None:
        self._show = show
        self._closed = closed

    def crossed(self, client: ConsoleClient, crossed: Crossed) -> None:
        """One unit."""
        self._show(crossed)

    def closed(self, client: ConsoleClient, channel: str, now: float) -> None:
        """A channel is closed."""
        self._closed(channel)


@dataclass(frozen=True, slots=True)
class End:
    """How a command ended."""

    good: bool
    text: str
    """For people, in both languages."""
    refusal: int = 0
    """The status other than 00h of 27h or 28h; 0: none came."""
    on_receipt: bool = False
    """Whether 27h refused, and not 28h."""


async def carry_out(client: ConsoleClient, message: Any, within: float) -> End:
    """Send a command or octets, and wait for the end. Raises :class:`StepError`, :class:`EncodeError`."""
    sent = await client.send(message)
    return await end_of(client, sent, within)


async def end_of(client: ConsoleClient, sent: tuple[Sent, ...], within: float) -> End:
    """Wait for the end of commands."""
    if not sent:
        before = client.count
        if await client.wait(lambda: client.count > before, min(within, ANSWER_TO_NOTHING)):
            return End(True, Phrase("octets sent; they hold no whole command"))
        return End(True, UNANSWERED)
    if not await wait_for(client, lambda: all(one.done for one in sent), (KPD1,), time.monotonic() + within):
        return End(False, join("; ", [no_end(client, within), *client.complaints()]))
    refused = [one for one in sent if one.refusal]
    if refused:
        status, accepted = refused[0].refusal, refused[0].accepted
        message = CommandExecuted if accepted else CommandReceived
        text = Phrase(
            "not executed: {status:02X}h, {meaning}",
            status=status, meaning=status_phrase(status, message_code=message.code),
        )  # fmt: skip
        return End(False, text, status, on_receipt=not accepted)
    return End(True, Phrase("executed"))


def command(client: ConsoleClient, name: str, fields: dict[str, Any]) -> Any:
    """The message of a command. Raises :class:`StepError` for a value that can't be sent."""
    try:
        return client.command(name, fields)
    except EncodeError as error:
        wire = wires(COMMANDS[name], client.codec.options).get(error.path)
        if error.value is None and wire is not None:
            raise StepError(
                Phrase(
                    "{command}: {key} is missing: {allowed}",
                    command=name,
                    key=error.path,
                    allowed=wire.values,
                )
            ) from None
        raise StepError(f"{name}: {error}") from None
