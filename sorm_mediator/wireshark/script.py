"""The whole dissector as one file of Lua: the declarations, then core.lua and dissector.lua, which use them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from importlib.resources import files

from protocol.codes import Order
from sorm_mediator import __version__
from sorm_mediator.language import Lang, MessageId, Phrase, translate
from sorm_mediator.wireshark.declarations import declarations
from sorm_mediator.wireshark.lua import literal

MARK = "-- The dissector of sorm-mediator"
"""How the file begins; a file that begins otherwise is not ours."""
FILE = "sorm.lua"
BETWEEN = " | "
"""Between the lines of several units in one frame, in the column Info."""
_TEXT = re.compile(r'\bT\("((?:[^"\\]|\\.)*)"')


def dissector(lang: Lang = "en", *, order: Order = "268", ports: Iterable[int] = ()) -> str:
    """The Lua of the dissector. Texts are in ``lang``; ``order`` and ``ports`` are defaults of its preferences."""
    core, shell = (
        files(__package__).joinpath(name).read_text("utf-8") for name in ("core.lua", "dissector.lua")
    )
    return "\n".join(
        (
            f"{MARK} {__version__}: the monitoring protocol of order 268 in Wireshark.",
            "-- Made by `sorm-mediator wireshark`: to change it, make it again.",
            declarations(lang, order),
            f"D.texts = {literal(translations(core, lang))}",
            f"D.labels = {literal({name: translate(text, lang) for name, text in _LABELS.items()})}",
            f"D.between = {literal(BETWEEN)}",
            f"D.ports = {literal(','.join(map(str, ports)))}",
            "local core = (function()",
            core + "end)()",
            shell,
        )
    )


def texts_of(lua: str) -> list[str]:
    """The English texts in a file of Lua: those of ``T("...")``. All are texts of :mod:`protocol`."""
    return sorted(set(_TEXT.findall(lua)))


def translations(lua: str, lang: Lang) -> dict[str, str]:
    """The texts of a file of Lua in a language."""
    texts = texts_of(lua)
    return dict(zip(texts, map(partial(_in_language, lang=lang), texts), strict=True))


def _in_language(text: MessageId, lang: Lang) -> str:
    """A text of a catalogue before its values are filled in."""
    return translate(Phrase(text), lang)


_LABELS = {
    "protocol": Phrase("Monitoring protocol of order 268"),
    "timeslot": Phrase("E1 timeslot of a console channel"),
    "problem": Phrase("a problem that decode names, too"),
    "accepted": Phrase("an unusual spelling that a receiver accepts"),
    "refused": Phrase("a command was refused or not executed"),
    "ports": Phrase("TCP ports"),
    "ports_help": Phrase(
        "Ports of KPD1 and KPD2; on others units are recognised by how a connection begins."
    ),
    "user0": Phrase("LAPB in captures of DLT 147"),
    "user0_help": Phrase("Read DLT 147 (USER0) as LAPB frames of a timeslot, as the lab writes them."),
    "joined": Phrase("units of several packets"),
    "repeated": Phrase("Repeated I frame: its octets are in an earlier one"),
}
