"""Messages as JSON and back: the form that ``decode --json`` prints and ``encode`` reads.

Names and values are those of docs/messages.md. A field that was not given is ``null``; octets that no declared
value fits are ``"0x1A"``. Where octets say a value in another spelling than ours, ``fields`` holds the plain
value and ``octets``, beside it, the spelling by field path. So the fields alone encode back to the same
octets: ``hex``, ``length``, ``problems`` and the texts for people are never read, except that a document with
``hex`` and without ``fields`` stands for those octets.

A document of kind ``unknown`` (noise, a broken unit, a code that no table knows) has its octets in
``fields.payload``: all of them, or with ``code`` those after the fourth.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

from protocol.codec import Codec, UnknownUnit
from protocol.codes import PREAMBLE, Channel, channel_of
from protocol.errors import EncodeError, Problem
from protocol.language import Lang, translate
from protocol.messages import MESSAGES, AddKsl, Message
from protocol.options import Options
from protocol.texts import status_text
from protocol.values import Kept, KeptInt, KeptStr, KeptTuple, Ksl, KslRow, Party, Raw, Time

Json = Any
"""What :mod:`json` reads and writes."""


_COMMON_HEADER = 4
_KINDS = {Channel.COMMAND: "command", Channel.KPD1: "message", Channel.KPD2: "event"}
_FOR_PEOPLE = frozenset({"command_name", "status_text"})
_HEX = re.compile(r"0[xX]((?:[0-9A-Fa-f]{2})*)")
_BY_CODE = {message.code: message for message in MESSAGES}
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
    fields: dict[str, Json] = {}
    octets: dict[str, str] = {}
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        _collect_octets(field.name, value, octets)
        if field.name == "orm_number":
            continue
        if isinstance(value, Raw) and str in _types(type(message))[field.name]:
            value = value if Raw in _types(type(message))[field.name] else value.decode("latin-1")
        fields[field.name] = _plain(value)
        if field.name == "command":
            fields["command_name"] = _command_name(value)
        elif field.name == "status":
            fields["status_text"] = status_text(value, lang, message_code=message.code)
    document: dict[str, Json] = {
        "offset": offset,
        "length": len(raw),
        "channel": str(message.channel),
        "kind": _KINDS[message.channel],
        "name": message.message_name,
        "code": message.code,
        "orm_number": message.orm_number,
        "fields": fields,
        "problems": [_problem(problem, lang) for problem in problems],
        "hex": raw.hex().upper(),
    }
    if octets:
        document["octets"] = octets
    return document


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
        fields["payload"] = _hex(raw[_COMMON_HEADER:])
    else:
        fields["payload"] = _hex(raw)
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
    message = _BY_CODE.get(code) if isinstance(code, int) else None
    return message.message_name if message is not None else None


def _problem(problem: Problem, lang: Lang) -> dict[str, Json]:
    return {"offset": problem.offset, "path": problem.path, "message": translate(problem.message, lang)}


def _hex(octets: bytes) -> str:
    return "0x" + octets.hex().upper()


def _plain(value: Any) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, bytes):
        return _hex(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Ksl | Party | Time | KslRow):
        return {name: _plain(part) for name, part in zip(value._fields, value, strict=True)}
    return [_plain(part) for part in value]


def _collect_octets(path: str, value: Any, octets: dict[str, str]) -> None:
    if isinstance(value, Kept):
        octets[path] = _hex(value.octets)
    elif isinstance(value, Party):
        _collect_octets(f"{path}.number", value.number, octets)
    elif isinstance(value, tuple) and not isinstance(value, Ksl | Time | KslRow):
        for index, part in enumerate(value):
            _collect_octets(f"{path}.{index}", part, octets)


# --- JSON -> messages
def from_json(document: Json, options: Options | None = None) -> Message | bytes:
    """The message that a document describes, or the octets of one of kind ``unknown``.

    Fields left out are "not given" where that can be, and the header's have their defaults. Raises
    :class:`EncodeError` with the field, its value and what is allowed.
    """
    if not isinstance(document, Mapping):
        raise EncodeError("", document, "a JSON object with name and fields")
    if "fields" not in document and "hex" in document:
        return _octets_of("hex", document["hex"])
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
        if not isinstance(code, int) or code not in _BY_CODE:
            raise EncodeError("name", name, f"one of {_NAMES}")
        return _BY_CODE[code]
    found = [message for message in MESSAGES if message.message_name == name]
    if not found:
        raise EncodeError("name", name, f"one of {_NAMES}")
    if code is not None:
        found = [message for message in found if message.code == code]
        if not found:
            raise EncodeError("code", code, f"the code of {name}, or none")
    elif channel is not None:
        found = [message for message in found if message.channel == channel]
        if not found:
            raise EncodeError("channel", channel, f"the channel of {name}, or none")
    return found[0]


def _unknown(document: Mapping[str, Json], fields: Mapping[str, Json]) -> bytes:
    for key in fields:
        if key not in ("payload", "length"):
            raise EncodeError(key, fields[key], "payload and length are the fields of an unknown unit")
    payload = _octets_of("payload", fields.get("payload", ""))
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


def _octets_of(path: str, value: Json) -> bytes:
    if isinstance(value, str):
        try:
            return bytes.fromhex(value[2:] if value[:2] in ("0x", "0X") else value)
        except ValueError:
            pass  # said below, for values of any type
    raise EncodeError(path, value, 'hexadecimal octets such as "0x1A"')


def _build(
    kind: type[Message], given: Mapping[str, Json], octets: Mapping[str, Json], options: Options
) -> Message:
    values: dict[str, Any] = {}
    types = _types(kind)
    for key in given:
        if key not in types and key not in _FOR_PEOPLE:
            raise EncodeError(key, given[key], f"the fields of {kind.message_name} are {', '.join(types)}")
    requirements = "requirements_version" if "requirements_version" in types else "version"
    for field in dataclasses.fields(kind):
        name = field.name
        if name in given:
            values[name] = _value(name, given[name], types[name], octets)
        elif name == requirements and kind.channel is Channel.KPD1:
            values[name] = options.version
        elif field.default is dataclasses.MISSING:
            values[name] = _left_out(name, types[name])
    return kind(**values)


def _left_out(name: str, types: frozenset[type]) -> Any:
    if type(None) in types:
        return None
    for kind, value in _EMPTY.items():
        if kind in types:
            return value
    raise EncodeError(name, None, "a value: this field can't be left out")


_EMPTY: dict[type, Any] = {Party: Party(None, None), tuple: (), KslRow: (), str: "", bytes: b""}


def _value(path: str, value: Json, types: frozenset[type], octets: Mapping[str, Json]) -> Any:
    """One field from JSON; ``types`` are those that the field's annotation names."""
    if value is None and type(None) in types:
        return None
    spelled = _octets_of(path, octets[path]) if path in octets else None
    for kind, read in _READERS.items():
        if kind in types:
            return read(path, value, types, octets)
    for kind in types:
        if issubclass(kind, StrEnum):
            return _enumerated(path, value, kind)
    if tuple in types:
        if (raw := _raw(value)) is not None:
            return raw
        if not isinstance(value, list):
            raise EncodeError(path, value, 'a list, or octets such as "0x1A"')
        parts = tuple(_number(f"{path}.{index}", part, octets) for index, part in enumerate(value))
        return KeptTuple(parts, spelled) if spelled is not None else parts
    if int in types:
        return _number(path, value, octets)
    if bytes in types:
        return _octet_text(path, value)
    return _text(path, value, types, spelled)


def _number(path: str, value: Json, octets: Mapping[str, Json]) -> Any:
    if value is None:
        return None
    if (raw := _raw(value)) is not None:
        return raw[0] if len(raw) == 1 else raw
    if not isinstance(value, int) or isinstance(value, bool):
        raise EncodeError(path, value, 'an integer, null, or octets such as "0x1A"')
    return KeptInt(value, _octets_of(path, octets[path])) if path in octets else value


def _text(path: str, value: Json, types: frozenset[type], spelled: bytes | None) -> Any:
    if not isinstance(value, str):
        raise EncodeError(path, value, "a text in quotes" + (", or null" if type(None) in types else ""))
    if Raw in types and (raw := _raw(value)) is not None:
        return raw
    return KeptStr(value, spelled) if spelled is not None else value


def _octet_text(path: str, value: Json) -> bytes:
    """Octets as hexadecimal, which are sent as they are; a text that isn't is itself, in latin-1."""
    raw = _raw(value)
    if raw is not None:
        return raw
    try:
        return str.encode(value, "latin-1")
    except (TypeError, UnicodeEncodeError):
        raise EncodeError(path, value, 'octets such as "0x54455354", or a text of latin-1') from None


def _enumerated(path: str, value: Json, kind: type[StrEnum]) -> Any:
    if (raw := _raw(value)) is not None:
        return raw
    try:
        return kind(value)
    except ValueError:
        raise EncodeError(path, value, f'{", ".join(kind)}, null, or an octet such as "0x1A"') from None


def _raw(value: Json) -> Raw | None:
    found = _HEX.fullmatch(value) if isinstance(value, str) else None
    return Raw(bytes.fromhex(found[1])) if found is not None else None


def _mapping(path: str, value: Json, names: tuple[str, ...], *, complete: bool) -> Mapping[str, Json]:
    wanted = f"a JSON object with {', '.join(names)}"
    if not isinstance(value, Mapping):
        raise EncodeError(path, value, wanted)
    for key in value:
        if key not in names:
            raise EncodeError(f"{path}.{key}", value[key], wanted)
    if complete and len(value) < len(names):
        raise EncodeError(path, value, wanted)
    return value


def _ksl(path: str, value: Json, types: frozenset[type], octets: Mapping[str, Json]) -> Ksl | None:
    if value is None:
        return None
    parts = _mapping(path, value, Ksl._fields, complete=True)
    stream, ksl = parts["stream"], parts["ksl"]
    if type(stream) is not int or not 0 <= stream <= 7:
        raise EncodeError(f"{path}.stream", stream, "an integer 0..7")
    if type(ksl) is not int or not 0 <= ksl <= 31:
        raise EncodeError(f"{path}.ksl", ksl, "an integer 0..31 (KSL are 1..28)")
    return Ksl(stream, ksl)


def _party(path: str, value: Json, types: frozenset[type], octets: Mapping[str, Json]) -> Any:
    if value is None:
        return Party(None, None)
    parts = _mapping(path, value, Party._fields, complete=False)
    return Party(
        *(_value(f"{path}.{name}", parts.get(name), _PARTY_TYPES[name], octets) for name in Party._fields)
    )


def _time(path: str, value: Json, types: frozenset[type], octets: Mapping[str, Json]) -> Any:
    if (raw := _raw(value)) is not None:
        return raw
    parts = _mapping(path, value, Time._fields, complete=True)
    for name, part in parts.items():
        if type(part) is not int or not 0 <= part <= 99:
            raise EncodeError(f"{path}.{name}", part, "an integer 0..99")
    return Time(**parts)


def _rows(path: str, value: Json, types: frozenset[type], octets: Mapping[str, Json]) -> tuple[KslRow, ...]:
    if not isinstance(value, list):
        raise EncodeError(path, value, f"a list of rows with {', '.join(KslRow._fields)}")
    group_type = _types(AddKsl)["group_type"]
    rows = []
    for index, row in enumerate(value):
        at = f"{path}.{index}"
        parts = _mapping(at, row, KslRow._fields, complete=False)
        rows.append(
            KslRow(
                _number(f"{at}.ksl_group", parts.get("ksl_group"), octets),
                _value(f"{at}.group_type", parts.get("group_type"), group_type, octets),
                _ksl(f"{at}.ksl_a", parts.get("ksl_a"), types, octets),
                _ksl(f"{at}.ksl_b", parts.get("ksl_b"), types, octets),
            )
        )
    return tuple(rows)


_Reader = Callable[[str, Json, frozenset[type], Mapping[str, Json]], Any]
_READERS: dict[type, _Reader] = {KslRow: _rows, Ksl: _ksl, Party: _party, Time: _time}


def _types(kind: type[Message]) -> dict[str, frozenset[type]]:
    """Name -> the types its annotation names, of every field of a message in wire order."""
    known = _TYPES.get(kind)
    if known is None:
        hints = _hints(kind)
        known = _TYPES[kind] = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return known


_TYPES: dict[type[Message], dict[str, frozenset[type]]] = {}


def _hints(kind: type) -> dict[str, frozenset[type]]:
    return {name: frozenset(_leaves(hint)) for name, hint in typing.get_type_hints(kind).items()}


def _leaves(hint: Any) -> Iterable[type]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        yield tuple
    if arguments:
        for argument in arguments:
            if argument is not Ellipsis:
                yield from _leaves(argument)
    elif isinstance(hint, type):
        yield hint


_PARTY_TYPES = _hints(Party)
