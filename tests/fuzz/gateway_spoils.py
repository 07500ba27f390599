"""Ways to spoil a gateway on purpose. Each is a function that changes the classes of the product for one test."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from protocol import (
    Answer,
    Channel,
    CommandExecuted,
    CommandReceived,
    Message,
    ObjectInfo,
    Release,
)
from protocol.messages import BY_CODE
from sorm_mediator.fuzz.live import judge
from sorm_mediator.mediator.binding.consoles import _Connection
from sorm_mediator.mediator.binding.gateway import Gateway

Spoil = Callable[[pytest.MonkeyPatch], None]
Send = Callable[[Message], None]
log = logging.getLogger("sorm_mediator.mediator.spoilt")


def _sends(patch: pytest.MonkeyPatch, change: Callable[[Gateway, Message, Send], None]) -> None:
    """What the gateway sends goes through ``change``, which passes on what is to be sent."""
    right = Gateway._send

    def send(self: Gateway, stream: int, channel: Channel, message: Message, *rest: Any) -> None:
        change(self, message, lambda changed: right(self, stream, channel, changed, *rest))

    patch.setattr(Gateway, "_send", send)


def _takes(patch: pytest.MonkeyPatch, look: Callable[[Gateway, bytes], None]) -> None:
    """What the gateway receives is seen by ``look`` first."""
    right = Gateway.unit_received

    def received(self: Gateway, raw: bytes, *rest: Any) -> None:
        look(self, raw)
        right(self, raw, *rest)

    patch.setattr(Gateway, "unit_received", received)


def clock_of_the_judge(patch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass for the judge, as they do while a gateway stands still. Nobody waits for them."""
    passed = [0.0]
    patch.setattr(judge, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + passed[0]))

    def stand_still(seconds: float) -> None:
        passed[0] += seconds

    return stand_still


def forgets_an_answer(patch: pytest.MonkeyPatch) -> None:
    """After a command that was refused, 28h of the next one is not sent."""
    refused: set[int] = set()

    def change(gateway: Gateway, message: Message, send: Send) -> None:
        if isinstance(message, CommandReceived) and message.status:
            refused.add(id(gateway))
        elif isinstance(message, CommandExecuted) and id(gateway) in refused:
            refused.clear()
            return
        send(message)

    _sends(patch, change)


def dies_of_an_unknown_code(patch: pytest.MonkeyPatch) -> None:
    """A code that no order has is looked up without a look before."""
    _takes(patch, lambda gateway, raw: BY_CODE[raw[2]] and None)


def logs_a_password(patch: pytest.MonkeyPatch) -> None:
    """A unit is logged as it came."""
    _takes(patch, lambda gateway, raw: log.warning("received %s", raw.hex(" ")))


def tells_another_object(patch: pytest.MonkeyPatch) -> None:
    """23h has the number of the next object."""

    def change(gateway: Gateway, message: Message, send: Send) -> None:
        if isinstance(message, ObjectInfo) and isinstance(message.object_number, int):
            message = replace(message, object_number=message.object_number + 1)
        send(message)

    _sends(patch, change)


def _malformed(gateway: Gateway) -> int:
    return sum(gateway.sink.counters.malformed.values())


def _once_more(counter: Callable[[Gateway], int]) -> Callable[[Gateway], bool]:
    """Whether a counter has grown since the last time."""
    seen: dict[int, int] = {}

    def grown(gateway: Gateway) -> bool:
        before = seen.get(id(gateway), 0)
        seen[id(gateway)] = now = counter(gateway)
        return now > before

    return grown


def loses_the_tables(patch: pytest.MonkeyPatch) -> None:
    """After a malformed packet of RADIUS the tables are empty."""
    malformed = _once_more(_malformed)
    _takes(patch, lambda gateway, raw: gateway.core.tables.objects.clear() if malformed(gateway) else None)


def doubles_an_event(patch: pytest.MonkeyPatch) -> None:
    """After a duplicate of RADIUS the next 42h is sent twice."""
    duplicated = _once_more(lambda gateway: gateway.sink.counters.duplicates)

    def change(gateway: Gateway, message: Message, send: Send) -> None:
        send(message)
        if isinstance(message, Answer) and duplicated(gateway):
            send(message)

    _sends(patch, change)


def drops_an_event(patch: pytest.MonkeyPatch) -> None:
    """After a malformed packet of RADIUS the next 42h is not sent."""
    malformed = _once_more(_malformed)

    def change(gateway: Gateway, message: Message, send: Send) -> None:
        if not (isinstance(message, Answer) and malformed(gateway)):
            send(message)

    _sends(patch, change)


def stands_still(patch: pytest.MonkeyPatch) -> None:
    """A long unit stops everything for two seconds."""
    stand_still = clock_of_the_judge(patch)
    _takes(patch, lambda gateway, raw: stand_still(2.0) if len(raw) > 200 else None)


def keeps_descriptors(patch: pytest.MonkeyPatch) -> None:
    """The socket of each connection of a console stays open."""
    kept: list[socket.socket] = []
    right = _Connection.connection_made

    def made(self: _Connection, transport: Any) -> None:
        kept.append(transport.get_extra_info("socket").dup())
        right(self, transport)

    patch.setattr(_Connection, "connection_made", made)


def takes_commands_while_stopped(patch: pytest.MonkeyPatch) -> None:
    """27h is always 00h, and 28h follows."""

    def change(gateway: Gateway, message: Message, send: Send) -> None:
        if isinstance(message, CommandReceived) and message.status in (0x02, 0x17):
            send(replace(message, status=0))
            send(CommandExecuted(message.command, 0, orm_number=message.orm_number))
        else:
            send(message)

    _sends(patch, change)


def turns_events_round(patch: pytest.MonkeyPatch) -> None:
    """43h goes before 42h."""
    held: dict[int, Message] = {}

    def change(gateway: Gateway, message: Message, send: Send) -> None:
        if isinstance(message, Answer):
            held[id(gateway)] = message
            return
        send(message)
        if isinstance(message, Release) and (answer := held.pop(id(gateway), None)) is not None:
            send(answer)

    _sends(patch, change)
