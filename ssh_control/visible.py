"""Text and address of a peer, made fit for a line of a log or a terminal."""

from __future__ import annotations

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: object) -> str:
    """``text`` in one line: every character that is not printable (line ends, escape sequences, marks that turn the
    direction of writing, halves of surrogate pairs) as an escape such as ``\\x1b``. Letters of any script stay."""
    shown = str(text)
    return shown if shown.isprintable() else "".join(map(_escaped, shown))


def visible_lines(text: object) -> str:
    """The same, with the line feeds kept: text whose lines are our own."""
    return "\n".join(visible(line) for line in str(text).split("\n"))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    return _SHORT.get(character) or character.encode("unicode_escape", "surrogatepass").decode("ascii")


def host_port(host: str, port: int) -> str:
    """``host:port``; an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
