"""Text and address of a peer for a line of a log or a terminal."""

from __future__ import annotations


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


def host_port(host: str, port: int) -> str:
    """``host:port``; an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
