"""Text and address of a peer for a line of a log or a terminal."""

from __future__ import annotations

import json


def visible(text: object) -> str:
    """``text`` in one line. Characters that are not printable (line ends, escape sequences, marks that turn the
    direction of writing, halves of surrogate pairs) become escapes such as ``\\x1b``. Letters of any script stay."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in shown
    )


def visible_lines(text: object) -> str:
    """The same, with the line feeds kept: for text of our own lines."""
    return "\n".join(map(visible, str(text).split("\n")))


def visible_json(text: str) -> str:
    """The text of a JSON document of one line, with the same characters as escapes of JSON: it has the same values."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def host_port(host: str, port: int) -> str:
    """``host:port``; an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
