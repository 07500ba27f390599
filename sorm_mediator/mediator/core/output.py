"""The answers that are tables: 23h, 24h, 25h, 2Ah, in pieces, so that command 13 and other work get between.

Source: PROTOCOL 4.10-4.13, 4.16, 5 (numbering 1..N), 5.3-5.5, 5.10.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from protocol.messages import KslInfo, ObjectInfo, ServicesInfo, TrunkInfo
from protocol.values import KslRow
from sorm_mediator.mediator.core.switchside import LINE_STATE_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from protocol import Message
    from sorm_mediator.mediator.core.context import Context

PIECE: Final = 64
"""Messages sent at once; the next piece goes when the channel has taken these."""
KSL_ROWS: Final = 11
"""Rows of one 24h (PROTOCOL 5.4)."""
SERVICES_VARIABLE: Final = 81
"""Services that the length octet of 25h has room for (PROTOCOL 5.5)."""
SERVICES_FIXED: Final = 11
"""Services of a 25h of fixed length."""


@dataclass(slots=True)
class Output:
    """A table on its way: ``kind(*payload)`` for each of ``total`` payloads."""

    kind: Callable[..., Message]
    payloads: Iterator[tuple[Any, ...]]
    total: int
    sent: int = 0

    def send_piece(self, context: Context, stream: int) -> bool:
        """Send the next messages; True when these were the last."""
        for payload in islice(self.payloads, PIECE):
            self.sent += 1
            context.kpd1(stream, self.kind, *payload, total=self.total, index=self.sent)
        return self.sent >= self.total


def objects_output(context: Context, numbers: Sequence[int]) -> Output:
    """23h for each of these objects."""
    objects, states = context.tables.objects, context.line_states

    def payloads() -> Iterator[tuple[Any, ...]]:
        for number in numbers:
            row = objects[number]
            yield (
                row.object_number,
                row.object_type,
                row.number_sign,
                row.number,
                row.trunk,
                row.category,
                row.ksl_group,
                row.priority,
                states.get(number, LINE_STATE_UNKNOWN),
            )

    return Output(ObjectInfo, payloads(), len(numbers))


def ksl_output(rows: Sequence[KslRow]) -> Output:
    """24h, eleven rows each."""
    pages = [(tuple(rows[start : start + KSL_ROWS]),) for start in range(0, len(rows), KSL_ROWS)]
    return Output(KslInfo, iter(pages), len(pages))


def services_output(context: Context, sign: object, number: object, services: Sequence[int]) -> Output:
    """25h: one message, or as many as its length allows services for. Codes ascend (PROTOCOL 5.5)."""
    room = SERVICES_FIXED if context.options.m25_length == "fixed45" else SERVICES_VARIABLE
    ordered = sorted(set(services))
    pages = [tuple(ordered[start : start + room]) for start in range(0, len(ordered), room)] or [()]
    return Output(ServicesInfo, iter([(sign, number, page) for page in pages]), len(pages))


def trunks_output(trunks: Sequence[tuple[int, str]]) -> Output:
    """2Ah for each trunk, lowest first."""
    return Output(TrunkInfo, iter(sorted(trunks)), len(trunks))
