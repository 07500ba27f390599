"""A console more than there are streams: it knocks at the first one, which has its console already.

Over TCP a second connection to a busy port is closed at once. On E1 there is nothing to close: what another address
sends is left by the mediator (SAToP), so such a console hears nothing, and its channels count as closed. Circuits over
TCP (XOT) are refused. A wire has no room for another at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from protocol import Codec
from protocol.language import Phrase
from sorm_mediator.console.client import KPD1, KPD2, ConsoleClient, Sent
from sorm_mediator.console.e1_client import ConsoleLines, E1ConsoleClient
from sorm_mediator.console.errors import ConnectError, StepError

LET_IN_WITHIN = 1.0
"""Seconds after which a stream that gives no answer counts as refused; a mediator that lets in is heard sooner."""


def console_on(lines: ConsoleLines, consoles: int, codec: Codec, **options: Any) -> ConsoleClient:
    """The next console of a run that has ``consoles``: on a stream of its own, or before the first one's door.

    Raises :class:`~sorm_mediator.console.errors.ConnectError` when that door can't be knocked at.
    """
    if consoles < len(lines.lines):
        return E1ConsoleClient(lines.line_of(consoles), codec, **options)
    return SecondConsole(lines, codec, **options)


class SecondConsole(E1ConsoleClient):
    """A console at a stream that has one; if it is let in all the same, it works as any other."""

    def __init__(self, lines: ConsoleLines, codec: Codec, **options: Any) -> None:
        super().__init__(lines.second_line(), codec, **options)
        self._streams = len(lines.lines)

    async def connect(self, channels: Sequence[str] = (KPD2, KPD1)) -> None:
        """Knock. Raises :class:`~sorm_mediator.console.errors.ConnectError` when there is no way to the mediator."""
        await self.line.open()
        stream = self.line.stream
        if self.line.speaks and await self.line.wait(lambda: stream.carrier, LET_IN_WITHIN):
            await super().connect(channels)
            return
        if not self.line.speaks:
            self.patience = LET_IN_WITHIN
            with suppress(ConnectError):
                await super().connect(channels)
                return
        self._closed.update(channels)
        self.line.close()

    async def send(self, message: Any, *, split: int = 0) -> tuple[Sent, ...]:
        if KPD1 not in self.connected:
            en, ru = (
                "one console a stream, and the lab has {n}",
                "на потоке один пульт, а потоков в стенде {n}",
            )
            raise StepError(Phrase(en, ru, n=self._streams))
        return await super().send(message, split=split)

    async def close(self) -> None:
        await super().close()
        self.line.close()
