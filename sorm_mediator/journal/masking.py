"""What of a console's unit may be written down or shown: everything but what may be a password.

A command that breaks off is followed by the next one. The header of that one then lies where the fields of the first
are expected (docs/protocol.md, "Framing"). So a unit that is no whole and readable command is masked behind its length
octet; its code, its length and the reason for masking stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from protocol import Channel, Message, Problem, SetPassword, UnknownUnit
from protocol.codes import PREAMBLE
from protocol.jsonform import to_json
from protocol.messages import BY_CODE, CallEvent, Command
from protocol.oneline import event_line, one_line
from protocol.render import masked_hex
from protocol.wire import MASK

_SHOWN_OCTETS = 4
"""Preamble, ORM number, code and length: never masked (order 268, 5.2.2)."""
_SECRETS = ("password", "new_password")
_COMMAND_BEGINS = re.compile(b"\\x%02x.[\\x01-\\x1f]" % PREAMBLE, re.DOTALL)
"""The first three octets of a command's header: preamble, ORM number, code (order 268, 5.2.2)."""


def why_masked(raw: bytes, problems: Iterable[Problem] = (), *, whole: bool = True) -> str:
    """Why nothing behind the length octet of a unit may be shown; empty when it is a command that can be shown.

    ``whole``: it has a known code and a length which that code may have. ``problems`` are what its decoding found.
    """
    if not whole:
        return "not a whole command"
    if _COMMAND_BEGINS.search(raw, 1):
        return "another command begins inside"
    refused = sorted({problem.path.partition(".")[0] for problem in problems if not problem.accepted})
    return f"can't be read: {', '.join(name or 'unit' for name in refused)}" if refused else ""


def masked_unit(raw: bytes, why: str = "") -> str:
    """The unit of a command channel in hexadecimal, each octet that may be of a password as ``**``.

    Those are the password of the header, what follows it in command 3 (a new password of a wrong length too), and with
    ``why`` (:func:`why_masked`) everything behind the length octet.
    """
    if why or raw[2:3] == bytes([SetPassword.code]):
        octets = [f"{octet:02X}" for octet in raw]
        return " ".join([*octets[:_SHOWN_OCTETS], *["**"] * len(octets[_SHOWN_OCTETS:])])
    return masked_hex(raw, channel=Channel.COMMAND)


def command_name(raw: bytes) -> str | None:
    """The name of the command that a unit begins as; None when its code is that of no command."""
    kind = BY_CODE.get(raw[2]) if len(raw) > 2 else None
    return kind.message_name if kind is not None and issubclass(kind, Command) else None


def command_fields(command: Command) -> dict[str, Any]:
    """The fields of a command as JSON values. The password in the header is left out, a new one is masked."""
    shown: dict[str, Any] = {"name": command.message_name, "orm_number": command.orm_number}
    for field in fields(command):
        if field.name in ("password", "orm_number"):
            continue
        shown[field.name] = MASK if field.name in _SECRETS else _plain(getattr(command, field.name))
    return shown


def unit_document(
    channel: Channel, message: Message | UnknownUnit, raw: bytes, problems: tuple[Problem, ...] = ()
) -> dict[str, Any]:
    """A unit that crossed a channel: ``decode --json``'s form, with what may be a password in commands masked."""
    document = to_json(message, raw)
    if channel is Channel.COMMAND:
        masked = why_masked(raw, problems, whole=isinstance(message, Command))
        document["hex"] = masked_unit(raw, masked)
        document.pop("octets", None)
        fields = document["fields"]
        for name in fields:
            if name in _SECRETS or (masked and name != "length"):
                fields[name] = MASK
        if masked:
            document["masked"] = masked
    return document


class UnitLine:
    """A unit that crossed a channel, for the log; ``str`` of it is its line, with what may be a password masked."""

    __slots__ = ("channel", "message", "problems", "raw")

    def __init__(
        self,
        channel: Channel,
        message: Message | UnknownUnit,
        raw: bytes,
        problems: tuple[Problem, ...] = (),
    ) -> None:
        self.channel, self.message, self.raw, self.problems = channel, message, raw, problems

    def __str__(self) -> str:
        if isinstance(self.message, CallEvent):
            return event_line(self.message)
        return one_line(unit_document(self.channel, self.message, self.raw, self.problems))


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    return str(value)
