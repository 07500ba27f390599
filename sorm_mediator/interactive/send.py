"""``send``: one command to a mediator, its answers, and an exit code.

Exit codes: 0 accepted and executed, 1 not, 2 wrong words, 3 the mediator can't be reached, 130 interrupted.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from protocol import EncodeError
from protocol.codes import Order
from sorm_mediator.console.client import Crossed
from sorm_mediator.console.errors import (
    ConnectError,
    HungUpError,
    StepError,
    UsageError,
    report_error,
    words,
)
from sorm_mediator.console.interrupt import until_signal
from sorm_mediator.console.target import why_not_let_in
from sorm_mediator.errors import ConfigError
from sorm_mediator.interactive.bench import OWN_WORDS
from sorm_mediator.interactive.station import (
    UNANSWERED,
    End,
    Shower,
    Where,
    carry_out,
    command,
    reach,
    unit_lines,
)
from sorm_mediator.interactive.words import WordError, read_command, read_octets
from sorm_mediator.language import Phrase, translate
from sorm_mediator.output import INTERRUPTED
from sorm_mediator.replay.vocabulary import REQUESTS
from sorm_mediator.reports.people import Look

RAW = "raw"
"""The word before octets in hexadecimal, which are sent as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings:
    """The options of ``send``; the help of the command describes each."""

    where: Where
    words: tuple[str, ...]
    within: float = 15.0
    """Seconds for the end of the command: order 268, 1.5 gives 15."""
    octets: bool = False
    as_json: bool = False


def run_send(settings: SendSettings, write: Callable[[str], object] = sys.stdout.write) -> int:
    """Send one command and show what crosses. Returns the exit code; errors go to stderr."""
    lang = settings.where.language
    try:
        _read(settings.words, "268")  # wrong words are told without a connection
        end = asyncio.run(until_signal(_send(settings, write)))
    except (WordError, UsageError, ConfigError, StepError) as error:
        return report_error(translate(words(error), lang), 2)
    except HungUpError as error:
        return report_error(translate(words(error), lang), 3)
    except ConnectError as error:
        return report_error(f"{translate(words(error), lang)}{settings.where.hint}", 3)
    if end is None:
        return report_error(translate(Phrase("interrupted"), lang), INTERRUPTED)
    if settings.as_json:
        write(
            json.dumps({"event": "end", "executed": end.good, "text": str(end.text)}, ensure_ascii=False)
            + "\n"
        )
    elif not end.good or end.text == UNANSWERED:
        write(f"{translate(end.text, settings.where.language)}\n")
    return 0 if end.good else 1


def _read(given: tuple[str, ...], order: Order) -> tuple[str, dict[str, Any]] | bytes:
    """The command or the octets of the words. Raises :class:`WordError`."""
    first, *rest = given
    if first == RAW:
        return read_octets(rest)
    if first in REQUESTS or first in OWN_WORDS:
        raise WordError(
            Phrase("{word}: a word of console alone; send takes commands of the order, and raw", word=first)
        )
    return read_command(given, order)


async def _send(settings: SendSettings, write: Callable[[str], object]) -> End:
    def show(crossed: Crossed) -> None:
        if settings.as_json:
            direction = "sent" if crossed.outbound else "received"
            document = {
                "event": "unit",
                "time": crossed.time,
                "direction": direction,
                "link": crossed.channel,
            }
            write(json.dumps(document | {"unit": crossed.form}, ensure_ascii=False) + "\n")
            return
        details = not crossed.outbound and crossed.name not in ("command-received", "command-executed")
        for line in unit_lines(crossed, settings.where.language, octets=settings.octets, details=details):
            write("\n".join(Look.of_stdout().wrapped(line)) + "\n")

    async with reach(settings.where) as target:
        client = target.console(observers=(Shower(show, lambda _: None),))
        what = _read(settings.words, target.codec.options.order)
        message: Any = what if isinstance(what, bytes) else command(client, *what)
        await client.connect()
        try:
            end = await carry_out(client, message, settings.within)
        except EncodeError as error:
            raise StepError(str(error)) from None
        except StepError as error:  # the mediator has closed KPD1
            end = End(False, words(error))
        finally:
            await client.close()
        if not end.good and (refused := await why_not_let_in(target, client)):
            raise HungUpError(refused)
    return end
