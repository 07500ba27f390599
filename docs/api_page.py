"""Parts of ``docs/api.md``: every name of :mod:`sorm_mediator.api`, from the code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from protocol.messages import Message
from sorm_mediator import api


def public() -> dict[str, Any]:
    """The names of the namespace, and what they are."""
    return {
        name: value
        for name, value in sorted(vars(api).items())
        if name.isidentifier() and name[0] != "_" and not inspect.ismodule(value)
    }


def _messages() -> list[type[Message]]:
    made = [one for one in public().values() if inspect.isclass(one) and issubclass(one, Message)]
    return sorted((one for one in made if hasattr(one, "code")), key=lambda one: one.code)


def messages() -> str:
    """A row for each message: class, name, code, and the fields that can't be left out."""
    rows = ["| class | name | code | must be given |", "|---|---|---|---|"]
    for one in _messages():
        needed = [
            f"`{each.name}`"
            for each in fields(one)
            if each.default is MISSING
            and (each.default_factory is MISSING or getattr(each.default_factory, "func", None) is not None)
        ]
        rows.append(f"| `{one.__name__}` | {one.message_name} | {one.code:02X}h | {', '.join(needed)} |")
    return "\n".join(rows)


def others() -> str:
    """A row for each other name."""
    return "\n".join(["| name | what it is |", "|---|---|", *_rows()])


def _rows() -> Iterator[str]:
    listed = set(map(id, _messages()))
    for name, value in public().items():
        if id(value) not in listed:
            yield f"| `{name}` | {_about(name, value)} |"


def _about(name: str, value: Any) -> str:
    if isinstance(value, tuple):
        return f"the message classes: {len(value)} of them"
    if not callable(value):
        return f"`{value!r}`"
    text = (inspect.getdoc(value) or "").partition("\n\n")[0].replace("\n", " ")
    return _plain(text.replace("|", "\\|"))


def _plain(text: str) -> str:
    """The words of a docstring in Markdown."""
    for role in (":class:", ":func:", ":meth:", ":mod:", ":attr:", ":data:"):
        text = text.replace(role, "")
    return text.replace("``", "`").replace("`~protocol.codec.", "`").replace("`~", "`")
