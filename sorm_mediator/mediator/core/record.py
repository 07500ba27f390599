"""What the journal keeps of a command, how secrets are compared, and how texts go into ASCII fields."""

from __future__ import annotations

import hmac
from dataclasses import fields
from typing import Any

from protocol.values import Raw
from sorm_mediator.journal.masking import MASK


def command_fields(command: Any) -> dict[str, Any]:
    """The fields of a command as JSON values. The password in the header is left out, a new one is masked."""
    shown: dict[str, Any] = {"name": command.message_name, "orm_number": command.orm_number}
    for field in fields(command):
        if field.name in ("password", "orm_number"):
            continue
        shown[field.name] = MASK if field.name == "new_password" else _plain(getattr(command, field.name))
    return shown


def same_secret(given: object, stored: str) -> bool:
    """Whether ``given`` is the stored password, in a time that doesn't depend on how far they agree."""
    if not isinstance(given, str):
        return False
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), stored.encode("utf-8", "surrogatepass")
    )


def printable(text: str, length: int) -> str:
    """``text`` as the order's ASCII fields can carry it, at most ``length`` octets."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:length])


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
