"""core.lua reads what the codec reads: every vector, every recording, damaged units, under every option."""

from __future__ import annotations

import itertools
import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import lupa.lua52
import lupa.lua54
import pytest

from protocol import Broken, Codec, Message, Noise, Options, StreamFramer, Unit
from protocol.framing import BrokenReason
from protocol.jsonform import to_json, unknown_json
from protocol.messages import MESSAGES, caption, classes, wires
from protocol.messagetext import encode_message_text
from protocol.oneline import one_line
from protocol.options import CHOICES
from protocol.render import command_text, has_another_inside, heading
from protocol.wire import MASK
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.wireshark.script import dissector, texts_of
from tests.wireshark.lua import Core

VECTORS = json.loads((Path(__file__).parents[1] / "protocol" / "vectors.json").read_text())["vectors"]
UNITS = [bytes.fromhex(vector["hex"]) for vector in VECTORS]
PASSWORDS = {"password": MASK, "new_password": MASK}
VERSIONS = pytest.mark.parametrize("lua", [lupa.lua52, lupa.lua54], ids=["5.2", "5.4"])
BOTH = pytest.mark.parametrize(
    ("lua", "lang"), [(lupa.lua52, "ru"), (lupa.lua54, "en")], ids=["5.2-ru", "5.4-en"]
)


@cache
def core(lua: Any, lang: Lang = "en") -> Core:
    return Core(lua, lang)


def expected(raw: bytes, item: Unit | Broken | Noise, options: Options, lang: Lang) -> dict[str, Any]:
    """What the product has for an item of its framer, with the keys of Core.json."""
    known = classes(options.order)
    message: Any = None
    problems: tuple[Any, ...] = ()
    if isinstance(item, Unit) or (isinstance(item, Broken) and len(raw) > 3 and item.code not in known):
        message, problems = Codec(options).decode_lenient(raw)
        document = to_json(message, raw, 0, problems, lang=lang)
    else:
        text, at, path = Phrase("octets that belong to no unit"), 0, ""
        if isinstance(item, Broken):
            text = Phrase("broken unit: {reason}", reason=item.explain(options))
            at, path = (3, "length") if item.reason is BrokenReason.LENGTH else (0, "")
        document = unknown_json(raw, 0, (), lang=lang)
        document["problems"] = [{"offset": at, "path": path, "message": translate(text, lang)}]
    fields = {
        name: PASSWORDS.get(name, value)
        for name, value in document["fields"].items()
        if name not in ("command_name", "status_text")
    }
    accepted = [problem.accepted for problem in problems] or [False] * len(document["problems"])
    return {
        **{key: document[key] for key in ("name", "kind", "channel", "code", "orm_number")},
        "fields": fields,
        "octets": document.get("octets", {}),
        "problems": [
            {**one, "accepted": is_accepted}
            for one, is_accepted in zip(document["problems"], accepted, strict=True)
        ],
        "status_text": document["fields"].get("status_text"),
        "heading": None if message is None else heading(message, lang),
        "hidden": isinstance(message, Message) and has_another_inside(raw),
        "rows": rows(message, options, lang) if isinstance(message, Message) else None,
        "line": one_line(document, lang, coding=options.message_text),
    }


def rows(message: Message, options: Options, lang: Lang) -> list[tuple[str, list[list[str]]]]:
    found = []
    for name, wire in wires(type(message), options).items():
        value = getattr(message, name)
        shown = [list(row) for row in wire.rows(translate(caption(name), lang), value, lang)]
        if name == "command":
            shown[0][1:] = [f"{value:02X}h", command_text(value, lang)]
        if name == "services":
            shown = [["" if isinstance(value, tuple) and value else shown[0][0], *row[1:]] for row in shown]
        found.append((name, shown))
    return found[1:]


def check(lua: Any, data: bytes, options: Options, lang: Lang = "en") -> int:
    """Cut and read ``data`` both ways; returns how many items were compared."""
    found, _, _, documents = core(lua, lang).frame(data, options)
    theirs = [(item, document) for item, document in zip(found, documents, strict=True)]
    ours = StreamFramer(None, options).feed(data)
    if len(theirs) > len(ours) and theirs[-1][0][0] == "noise":
        theirs.pop()  # the product's framer gives noise out when it ends
    kinds = {Unit: "unit", Broken: "broken", Noise: "noise"}
    sizes = [item.length if isinstance(item, Noise) else len(item.raw) for item in ours]
    assert [one for one, _ in theirs] == [
        (kinds[type(item)], item.offset, size) for item, size in zip(ours, sizes, strict=True)
    ]
    for item, size, ((_, at, n), document) in zip(ours, sizes, theirs, strict=True):
        wanted = expected(data[at : at + n], item, options, lang)
        got = {**core(lua, lang).json(document), "line": core(lua, lang).line(document)}
        if wanted["rows"] is None:
            del wanted["rows"], got["rows"]
        elif wanted["name"] == "electronic-message" and "\\u" in wanted["rows"][-1][1][0][2].lower():
            for one in (wanted, got):  # characters beyond latin-1 are not escaped
                one["rows"][-1][1][0][2] = ""
        assert got == wanted, data[at : at + n].hex()
        assert size == n
    return len(theirs)


@BOTH
def test_every_vector_with_its_alternatives(lua: Any, lang: Lang) -> None:
    for vector in VECTORS:
        for chosen in [{"options": {}, "hex": vector["hex"]}, *vector["alternatives"]]:
            assert check(lua, bytes.fromhex(chosen["hex"]), Options(**chosen["options"]), lang) == 1


@BOTH
def test_every_code_in_every_octet_of_every_vector(lua: Any, lang: Lang) -> None:
    """One octet of a unit is wrong: the same values, the same problems in the same words."""
    chance = random.Random(1)  # noqa: S311
    for unit in UNITS:
        for place in range(4, len(unit)):
            for octet in (0x00, 0xFF, chance.randrange(256))[place % 3 :: 2]:
                check(lua, unit[:place] + bytes((octet,)) + unit[place + 1 :], Options(), lang)


@VERSIONS
def test_every_choice_of_options(lua: Any) -> None:
    chance = random.Random(2)  # noqa: S311
    choices = [dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())]
    for chosen in chance.sample(choices, 12):
        for unit in UNITS:
            damaged = bytearray(unit)
            damaged[chance.randrange(4, len(unit))] = chance.randrange(256)
            check(lua, bytes(damaged), Options(**chosen))
            check(lua, unit, Options(**chosen))


@VERSIONS
def test_damage_between_units_and_in_their_headers(lua: Any) -> None:
    chance = random.Random(3)  # noqa: S311
    compared = 0
    for _ in range(400):
        data = stream(chance)
        compared += check(lua, data, Options(order=chance.choice(("268", "70"))))
    assert compared > 1200


def stream(chance: random.Random) -> bytes:
    """Units, of which some are cut or changed, with noise between."""
    data = b""
    for _ in range(chance.randrange(1, 8)):
        unit = bytearray(chance.choice(UNITS))
        kind = chance.randrange(6)
        if kind == 0:
            unit = unit[: chance.randrange(len(unit))]
        elif kind == 1:
            unit[chance.randrange(4)] = chance.randrange(256)
        elif kind == 2:
            unit += bytes(chance.choice((0, 0xCC, 0x27, 1)) for _ in range(chance.randrange(6)))
        data += unit
    return data


@VERSIONS
def test_pieces_make_no_difference(lua: Any) -> None:
    """As the dissector does it: what is left of a piece goes before the next one."""
    chance = random.Random(4)  # noqa: S311
    for _ in range(300):
        data = stream(chance)
        whole, stop, in_step, _ = core(lua).frame(data, Options())
        pieces: list[tuple[str, int, int]] = []
        rest, at, still = b"", 0, True
        while at < len(data):
            size = chance.randrange(1, 12)
            rest += data[at : at + size]
            at += size
            found, used, still, _ = core(lua).frame(rest, Options(), still)
            begin = min(at, len(data)) - len(rest)
            for what, place, n in found:
                if what == "noise" and pieces and pieces[-1][0] == "noise":
                    what, place, n = "noise", pieces[-1][1] - begin, pieces.pop()[2] + n
                pieces.append((what, begin + place, n))
            rest = rest[used:]
        assert (pieces, len(data) - len(rest), still) == (whole, stop, in_step)


@VERSIONS
@pytest.mark.parametrize("coding", CHOICES["message_text"])
def test_texts_of_messages_in_every_coding(lua: Any, coding: Any) -> None:
    chance = random.Random(6)  # noqa: S311
    whole = next(unit for unit in UNITS if unit[2] == 0x2C)
    texts = [
        encode_message_text(text, coding)
        for text in ("Привет, [мир] €", "1234567\r", "ABCDEFG@", "\U0001f600!")
    ]
    texts += [text[:-1] for text in texts]
    texts += [
        bytes(chance.choice(b"\xd8\xdc\xe2\x82\xac\xf0\x9f\x1b\x0dA\x00") for _ in range(9))
        for _ in range(200)
    ]
    for text in texts:
        unit = whole[:3] + bytes((53 + len(text),)) + whole[4:63] + text
        assert check(lua, unit, Options(message_text=coding)) == 1


def test_every_text_of_the_core_is_a_text_of_the_protocol() -> None:
    source = (Path(__file__).parents[2] / "sorm_mediator" / "wireshark" / "core.lua").read_text("utf-8")
    texts = texts_of(source)
    assert len(texts) > 30
    assert [text for text in texts if translate(Phrase(str(text)), "ru") == text] == []


@VERSIONS
@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_whole_file_is_lua_of_either_version(lua: Any, lang: Lang) -> None:
    runtime = lua.LuaRuntime()
    load = runtime.eval("function(text) local _, wrong = load(text) return wrong end")
    assert load(dissector(lang, ports=(1, 2))) is None
    assert "expected near" in load("local =")


def test_every_message_is_declared_there() -> None:
    codec = core(lupa.lua54).codec(Options())
    for cls in MESSAGES:
        length = next(unit[3] for unit in UNITS if unit[2] == cls.code)
        assert codec[b"is_header"](bytes((0xCC, 1, cls.code, length)), 0)
