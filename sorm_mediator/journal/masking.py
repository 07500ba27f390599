"""What of a console's unit may be written down or shown: everything but what may be a password.

A command that breaks off is followed by the next one, whose header then lies where the fields of the first are expected
(docs/protocol.md, "Framing"). So whatever is no whole and readable command is masked behind its length octet; its code,
its length and why it was masked stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from protocol import Problem
from protocol.codes import PREAMBLE
from protocol.values import Raw

MASK = "******"
"""What is shown in place of a value that may be, or hold, a password."""

_PASSWORD = slice(4, 10)  # order 268, 5.2.2.5: the header of every command
_SET_PASSWORD = 0x03  # order 268, 6.3: the payload is the new password
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
    octets = raw.hex(" ").upper().split()
    to_the_end = why or (len(raw) > 2 and raw[2] == _SET_PASSWORD)
    place = slice(_PASSWORD.start, None) if to_the_end else _PASSWORD
    octets[place] = ["**"] * len(octets[place])
    return " ".join(octets)


def command_fields(command: Any) -> dict[str, Any]:
    """The fields of a command as JSON values. The password in the header is left out, a new one is masked."""
    shown: dict[str, Any] = {"name": command.message_name, "orm_number": command.orm_number}
    for field in fields(command):
        if field.name in ("password", "orm_number"):
            continue
        shown[field.name] = MASK if field.name == "new_password" else _plain(getattr(command, field.name))
    return shown


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    return str(value)
