"""Messages as JSON and back: the form that ``decode --json`` prints and ``encode`` reads.

Names and values are those of docs/messages.md. A field that was not given is ``null``; octets that no declared
value fits are ``"0x1A"``. Where octets spell a value otherwise than the codec would, ``fields`` holds the plain
value and ``octets``, beside it, the spelling by field path. So the fields alone encode back to the same
octets: ``hex``, ``length``, ``problems`` and the texts for people are never read, except that a document with
``hex`` and without ``fields`` stands for those octets.

A document of kind ``unknown`` (noise, a broken unit, a code that no order has) has its octets in
``fields.payload``: all of them, or with ``code`` those after the fourth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from protocol.codec import Codec, UnknownUnit
from protocol.codes import PREAMBLE, Channel, channel_of
from protocol.errors import EncodeError, Problem, left_out
from protocol.forms import Form, Json, Spellings, as_hex, octets_of
from protocol.language import Lang, translate
from protocol.messages import BY_CODE, MESSAGES, Message, forms
from protocol.options import Options
from protocol.texts import status_text
from protocol.values import Kept, Ksl, KslRow, Party, Time

_COMMON_HEADER = 4
KINDS = {Channel.COMMAND: "command", Channel.KPD1: "message", Channel.KPD2: "event"}
"""What a unit of a channel is, in ``kind``."""
_FOR_PEOPLE = frozenset({"command_name", "status_text"})
EXPLAINED = frozenset({"command", "status"})
"""The fields beside which they stand."""
_NAMES = ", ".join(dict.fromkeys(message.message_name for message in MESSAGES))


# --- messages -> JSON
def to_json(
    message: Message | UnknownUnit,
    raw: bytes,
    offset: int = 0,
    problems: Iterable[Problem] = (),
    *,
    lang: Lang = "en",
) -> dict[str, Json]:
    """The JSON form of a decoded unit; ``offset`` is where it begins in its input, in octets."""
    if not isinstance(message, Message):
        return unknown_json(message.raw, offset, problems, channel=message.channel, lang=lang)
    cls = type(message)
    fields: dict[str, Json] = {}
    octets: dict[str, str] = {}
    for name, written in forms(cls).items():
        value = getattr(message, name)
        _collect_octets(name, value, octets)
        if name != "orm_number":
            fields |= field_json(cls, name, written, value, lang)
    document: dict[str, Json] = {
        "offset": offset,
        "length": len(raw),
        **document_head(cls),
        "orm_number": message.orm_number,
        "fields": fields,
        "problems": [_problem(problem, lang) for problem in problems],
        "hex": raw.hex().upper(),
    }
    if octets:
        document["octets"] = octets
    return document


def document_head(cls: type[Message]) -> dict[str, Json]:
    """What the documents of all messages of a class have in common."""
    return {
        "channel": str(cls.channel),
        "kind": KINDS[cls.channel],
        "name": cls.message_name,
        "code": cls.code,
    }


def field_json(cls: type[Message], name: str, form: Form, value: Any, lang: Lang) -> dict[str, Json]:
    """The member of a field, and the one beside it that explains it to people, if it has one."""
    if name == "command":
        return {name: form.to_json(value), "command_name": _command_name(value)}
    if name == "status":
        return {name: form.to_json(value), "status_text": status_text(value, lang, message_code=cls.code)}
    return {name: form.to_json(value)}


def unknown_json(
    raw: bytes,
    offset: int = 0,
    problems: Iterable[Problem] = (),
    *,
    channel: Channel | None = None,
    lang: Lang = "en",
) -> dict[str, Json]:
    """The JSON form of octets that are no known unit; with its header's values, if it has a header."""
    fields: dict[str, Json] = {}
    name = code = orm_number = None
    if len(raw) >= _COMMON_HEADER and raw[0] == PREAMBLE:
        orm_number, code = raw[1], raw[2]
        channel = channel or channel_of(code)
        name = _command_name(code)
        fields["length"] = raw[3]
        fields["payload"] = as_hex(raw[_COMMON_HEADER:])
    else:
        fields["payload"] = as_hex(raw)
    return {
        "offset": offset,
        "length": len(raw),
        "channel": None if channel is None else str(channel),
        "kind": "unknown",
        "name": name,
        "code": code,
        "orm_number": orm_number,
        "fields": fields,
        "problems": [_problem(problem, lang) for problem in problems],
        "hex": raw.hex().upper(),
    }


def _command_name(code: object) -> str | None:
    message = BY_CODE.get(code) if isinstance(code, int) else None
    return message.message_name if message is not None else None


def _problem(problem: Problem, lang: Lang) -> dict[str, Json]:
    return {"offset": problem.offset, "path": problem.path, "message": translate(problem.message, lang)}


def _collect_octets(path: str, value: Any, octets: dict[str, str]) -> None:
    if isinstance(value, Kept):
        octets[path] = as_hex(value.octets)
    elif isinstance(value, Party):
        _collect_octets(f"{path}.number", value.number, octets)
    elif isinstance(value, tuple) and not isinstance(value, Ksl | Time | KslRow):
        for index, part in enumerate(value):
            _collect_octets(f"{path}.{index}", part, octets)


# --- JSON -> messages
def from_json(document: Json, options: Options | None = None) -> Message | bytes:
    """The message that a document describes, or the octets of one of kind ``unknown``.

    Fields left out have the defaults of the message's class. Raises
    :class:`EncodeError` with the field, its value and what is allowed.
    """
    if not isinstance(document, Mapping):
        raise EncodeError("", document, "a JSON object with name and fields")
    if "fields" not in document and "hex" in document:
        return octets_of("hex", document["hex"])
    fields = document.get("fields", {})
    if not isinstance(fields, Mapping):
        raise EncodeError("fields", fields, "a JSON object")
    if document.get("kind") == "unknown" or (document.get("name") is None and "payload" in fields):
        return _unknown(document, fields)
    kind = _message_class(document)
    given = dict(fields)
    if "orm_number" in document:
        given.setdefault("orm_number", document["orm_number"])
    options = options or Options()
    octets = document.get("octets", {})
    if not isinstance(octets, Mapping):
        raise EncodeError("octets", octets, "a JSON object")
    message = _build(kind, given, octets, options)
    return message if _still_spells(message, octets, options) else _build(kind, given, {}, options)


def _still_spells(message: Message, octets: Mapping[str, Json], options: Options) -> bool:
    """Whether the spellings beside the fields are those of their values: a field may have been edited."""
    codec = Codec(options)
    return not octets or codec.decode_lenient(codec.encode(message))[0] == message


def _message_class(document: Mapping[str, Json]) -> type[Message]:
    name, code, channel = document.get("name"), document.get("code"), document.get("channel")
    if name is None:
        if not isinstance(code, int) or code not in BY_CODE:
            raise EncodeError("name", name, f"one of {_NAMES}")
        return BY_CODE[code]
    found = [message for message in MESSAGES if message.message_name == name]
    if not found:
        raise EncodeError("name", name, f"one of {_NAMES}")
    key, given = ("channel", channel) if code is None else ("code", code)
    found = [message for message in found if given in (None, getattr(message, key))]
    if not found:
        raise EncodeError(key, given, f"the {key} of {name}, or none")
    return found[0]


def _unknown(document: Mapping[str, Json], fields: Mapping[str, Json]) -> bytes:
    for key in fields:
        if key not in ("payload", "length"):
            raise EncodeError(key, fields[key], "payload and length are the fields of an unknown unit")
    payload = octets_of("payload", fields.get("payload", ""))
    code = document.get("code")
    if code is None:
        return payload
    code = _octet("code", code)
    header = channel_of(code).header_length - _COMMON_HEADER
    length = _octet("length", fields.get("length", max(0, len(payload) - header)))
    return bytes((PREAMBLE, _octet("orm_number", document.get("orm_number", 1)), code, length)) + payload


def _octet(path: str, value: Json) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 0xFF:
        raise EncodeError(path, value, "an integer 0..255")
    return value


def _build(kind: type[Message], given: Mapping[str, Json], octets: Spellings, options: Options) -> Message:
    declared = forms(kind)
    for key in given:
        if key not in declared and key not in _FOR_PEOPLE:
            raise EncodeError(key, given[key], f"the fields of {kind.message_name} are {', '.join(declared)}")
    requirements = "requirements_version" if "requirements_version" in declared else "version"
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        name = field.name
        if name in given:
            values[name] = declared[name].from_json(name, given[name], octets)
        elif name == requirements and kind.channel is Channel.KPD1:
            values[name] = options.version
        elif field.default is field.default_factory is dataclasses.MISSING:
            left_out(name)
    return kind(**values)
