"""What the dissector holds of the declarations of :mod:`protocol`: messages, fields, codes, texts and names of filters.

Nothing is declared here a second time. A wire is described by what its reader in ``core.lua`` needs
(:func:`describe`); a wire that depends on options is described once for each choice of those that change it. The
filters of a field follow from its form in JSON, so they have the names of ``decode --json``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, singledispatch
from typing import Any, NamedTuple, TypeVar

from protocol import composite, oneline
from protocol.codes import MAX_DIGITS, PREAMBLE, MessageCoding, Order, channel_of
from protocol.composite import Tail
from protocol.forms import Form, IntegerForm, ListForm, OctetsForm, RecordForm
from protocol.framing import BrokenReason
from protocol.jsonform import KINDS
from protocol.messages import (
    BY_CODE,
    COMMANDS,
    MESSAGES,
    Message,
    SetPassword,
    caption,
    classes,
    forms,
    payload_lengths,
    wires,
)
from protocol.messagetext import decode_message_text
from protocol.options import CHOICES, Options
from protocol.render import command_text, serial_text
from protocol.texts import CHANNELS, unknown, value_name_text
from protocol.wire import MASK, Coded, Filler, KslOctet, Octet, PasswordOctets, Text, Wire, Word
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.wireshark.lua import Name, literal

PREFIX = "sorm"
"""What every filter begins with."""
_RESERVED = ("name", "kind", "channel", "code", "orm_number", "length", "payload", "octets", "content")
"""Names of filters that are not of one field: those of a whole unit, and those below fields."""
SHORT = {"object_number": "object", "call_number": "call", "orm_number": "orm"}
"""Fields with a second, short filter."""
ANY_NUMBER = f"{PREFIX}.number"
"""The filter of every phone number in any field."""

OPTIONS = {
    "order": Phrase("Order"),
    "object_byte_order": Phrase("Byte order of object numbers"),
    "trunk_byte_order": Phrase("Byte order of trunk numbers"),
    "count_byte_order": Phrase("Byte order of count and number of messages"),
    "service_code_position": Phrase("Octet of a service code among its three"),
    "m25_length": Phrase("Length of message 25h"),
    "message_text": Phrase("Coding of the text of message 2Ch"),
    "zero_digit": Phrase("Half-byte of digit 0"),
    "extra_digits": Phrase("Half-bytes B and C are * and #"),
}
"""The options of a codec as preferences."""

_RANGE = """\
local function range(first, last, table)
  for each = first, last do table[each] = true end
  return table
end"""

_CODES = oneline.CODES | {"command"}

T = TypeVar("T")
Described = dict[Any, Any]


class Filter(NamedTuple):
    """One name to filter by."""

    name: str
    kind: str
    """The type in Wireshark: ``uint8``, ``uint16``, ``string`` or ``bytes``."""
    text: str
    is_code: bool = False
    """Shown in hexadecimal."""


# --- filters


def field_filters(cls: type[Message]) -> Mapping[str, str]:
    """Field -> its filter: ``sorm.FIELD``, or ``sorm.MESSAGE.FIELD`` where another message has a field of that name
    and of another type."""
    return {
        name: f"{PREFIX}.{name}"
        if _first_kinds()[name] == _kind(form)
        else f"{PREFIX}.{cls.message_name}.{name}"
        for name, form in forms(cls).items()
    }


@cache
def _first_kinds() -> Mapping[str, str]:
    kinds = dict.fromkeys(_RESERVED, "")
    kinds["orm_number"] = "uint8"
    for cls in MESSAGES:
        for name, form in forms(cls).items():
            kinds.setdefault(name, _kind(form))
    return kinds


def _kind(form: Form) -> str:
    if isinstance(form, ListForm):
        return _kind(form.item)
    if isinstance(form, IntegerForm):
        return "uint8" if form.highest <= 0xFF else "uint16"
    return "bytes" if isinstance(form, OctetsForm) else "string"


def filters(lang: Lang = "en") -> list[Filter]:
    """Every filter, sorted by name, each once."""
    found = {
        one.name: one
        for one in (
            Filter(f"{PREFIX}.name", "string", translate(Phrase("name of the unit"), lang)),
            Filter(f"{PREFIX}.kind", "string", translate(Phrase("command, message, event or unknown"), lang)),
            Filter(f"{PREFIX}.channel", "string", translate(Phrase("channel"), lang)),
            Filter(f"{PREFIX}.code", "uint8", translate(Phrase("code of the unit"), lang), is_code=True),
            Filter(f"{PREFIX}.length", "uint8", translate(Phrase("length octet"), lang)),
            Filter(f"{PREFIX}.payload", "bytes", translate(Phrase("payload of an unknown unit"), lang)),
            Filter(
                f"{PREFIX}.octets", "bytes", translate(Phrase("octets of an unusual or wrong value"), lang)
            ),
            Filter(
                f"{PREFIX}.content", "string", translate(Phrase("text of a telecommunication message"), lang)
            ),
            Filter(f"{PREFIX}.command_name", "string", translate(Phrase("name of the command"), lang)),
            Filter(f"{PREFIX}.status_text", "string", translate(Phrase("meaning of the status"), lang)),
            Filter(ANY_NUMBER, "string", translate(Phrase("any phone number"), lang)),
        )
    }
    for cls in MESSAGES:
        for field, name in field_filters(cls).items():
            text = translate(caption(field), lang)
            for one in _of_form(name, forms(cls)[field], text, is_code=field in _CODES):
                found.setdefault(one.name, one)
            if field in SHORT:
                short = f"{PREFIX}.{SHORT[field]}"
                found[short] = Filter(short, _kind(forms(cls)[field]), text)
    return sorted(found.values())


def _of_form(name: str, form: Form, text: str, *, is_code: bool) -> Iterator[Filter]:
    if isinstance(form, ListForm):
        form = form.item
    yield Filter(name, _kind(form), text, is_code)
    if isinstance(form, RecordForm):
        for part, below in form.parts.items():
            yield from _of_form(f"{name}.{part}", below, f"{text}: {part}", is_code=part in _CODES)


# --- wires


class _Shared:
    """Tables that several descriptions have are written once, as locals of the Lua file."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang
        self.written: dict[str, Name] = {}

    def table(self, value: Mapping[Any, Any]) -> Name:
        """A name for ``value``."""
        octets = [key for key, one in value.items() if one is True and isinstance(key, int)]
        if len(octets) > 2 and octets == list(range(octets[0], octets[-1] + 1)):
            rest = {key: one for key, one in value.items() if key not in octets}
            written = f"range({octets[0]}, {octets[-1]}, {literal(rest)})"
            return self.written.setdefault(written, Name(f"S[{len(self.written) + 1}]"))
        return self.written.setdefault(literal(value), Name(f"S[{len(self.written) + 1}]"))

    def wire(self, wire: Wire) -> Name:
        """A name for the description of a part."""
        return self.table(describe(wire, self))

    def meanings(self, meaning: Callable[[int, Lang], str], known: range = range(0x100)) -> Name:
        """The meanings of integers, without those that are unknown; what most of them mean is ``other``."""
        texts = {value: meaning(value, self.lang) for value in known}
        texts = {value: text for value, text in texts.items() if text != translate(unknown(value), self.lang)}
        (common, count), *_ = Counter(texts.values()).most_common(1)
        if len(texts) == len(known) and count > len(known) // 2:
            texts = {value: text for value, text in texts.items() if text != common}
            return self.table({**texts, "other": common})
        return self.table(texts)


@singledispatch
def describe(wire: Wire, shared: _Shared) -> Described:
    """What the reader of ``wire`` in core.lua takes. Raises :class:`TypeError` for a wire without a reader there."""
    raise TypeError(f"{type(wire).__name__} has no reader in core.lua")


def _with_meaning(wire: Wire, shared: _Shared, described: Described) -> Described:
    described["not_given"] = translate(wire.not_given, shared.lang)
    if wire.meaning is not None:
        described["meaning"] = shared.meanings(wire.meaning)
    if wire.brief is not None:
        described["brief"] = shared.meanings(wire.brief)
    return described


@describe.register
def _(wire: Octet, shared: _Shared) -> Described:
    return _with_meaning(wire, shared, {"kind": "octet"})


@describe.register
def _(wire: Coded, shared: _Shared) -> Described:
    # An integer stands for itself; false is the octet that is none.
    known = {
        octet: False if value is None else True if wire.numeric else value
        for octet, value in wire.decoding.items()
    }
    described: Described = {
        "kind": "coded",
        "what": wire.what,
        "allowed": wire.allowed(),
        "numeric": wire.numeric,
        "known": shared.table(known),
    }
    if not wire.numeric:
        names = [str(value) for value in wire.decoding.values() if value is not None]
        described["names"] = {name: value_name_text(name, shared.lang) for name in names}
    return _with_meaning(wire, shared, described)


@describe.register
def _(wire: KslOctet, shared: _Shared) -> Described:
    lines = [line.ksl for line in wire.decoding.values() if line is not None]
    return {
        "kind": "ksl",
        "lowest": min(lines),
        "highest": max(lines),
        "bounds": f"{min(lines)}..{max(lines)}",
        "not_given": translate(wire.not_given, shared.lang),
    }


@describe.register
def _(wire: Word, shared: _Shared) -> Described:
    return {"kind": "word", "order": wire.order, "absent": wire.absent}


@describe.register
def _(wire: Text, shared: _Shared) -> Described:
    return {"kind": "text"}


@describe.register
def _(wire: PasswordOctets, shared: _Shared) -> Described:
    return {"kind": "password"}


@describe.register
def _(wire: Filler, shared: _Shared) -> Described:
    return {"kind": "filler"}


@describe.register
def _(wire: composite.TimeOctets, shared: _Shared) -> Described:
    parts = [(part, min(legal.values()), max(legal.values())) for part, legal in composite.TIME_PARTS]
    return {"kind": "time", "parts": parts}


@describe.register
def _(wire: composite.Digits, shared: _Shared) -> Described:
    most = MAX_DIGITS
    return {"kind": "digits", "zero": wire.zero, "extra": wire.extra, "parts": wire.parts, "most": most}


@describe.register
def _(wire: composite.PartyOctets, shared: _Shared) -> Described:
    return {"kind": "party", "sign": shared.wire(wire.sign), "digits": shared.wire(wire.digits)}


@describe.register
def _(wire: composite.ServiceOctets, shared: _Shared) -> Described:
    return {"kind": "service", "place": wire.place + 1, "code": shared.wire(wire.code)}


@describe.register
def _(wire: composite.KslRows, shared: _Shared) -> Described:
    return {"kind": "rows", "parts": [(name, shared.wire(part)) for name, part in wire.parts.items()]}


@describe.register
def _(wire: composite.ServiceEntries, shared: _Shared) -> Described:
    return {
        "kind": "services",
        "entry": shared.wire(wire.entry),
        "most": wire.most,
        "padded": wire.padded,
        "fixed": wire.fixed,
    }


@describe.register
def _(wire: composite.MessageOctets, shared: _Shared) -> Described:
    return {"kind": "message", "most": wire.most, "what": wire.what, "coding": wire.coding}


# --- options


def depending(function: Callable[[Options], T]) -> T | Described:
    """The result of ``function``; if options change it, all its results with the options that do."""
    usual = function(Options())
    by = [
        name
        for name, values in CHOICES.items()
        if any(function(_options({name: value})) != usual for value in values)
    ]
    if not by:
        return usual
    results: dict[str, object] = {}
    for chosen in itertools.product(*(CHOICES[name] for name in by)):
        key = "/".join(_option_text(value) for value in chosen)
        results[key] = function(_options(dict(zip(by, chosen, strict=True))))
    return {"by": by, "of": results}


def _options(given: Mapping[str, Any]) -> Options:
    return Options(**given)


def _option_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- messages


def declarations(lang: Lang = "en", order: Order = "268") -> str:
    """The declarations as Lua: a table ``D``; ``order`` is the default of the preference."""
    shared = _Shared(lang)
    messages = {cls.code: _message(cls, shared) for cls in MESSAGES}
    table = {
        "preamble": PREAMBLE,
        "mask": MASK,
        "set_password": SetPassword.code,
        "orm_number": translate(caption("orm_number"), lang),
        "short": {f"{PREFIX}.{name}": f"{PREFIX}.{short}" for name, short in SHORT.items()},
        "any_number": ANY_NUMBER,
        "channels": list(_channels(lang)),
        "names": {code: cls.message_name for code, cls in BY_CODE.items()},
        "commands": {cls.code: True for cls in COMMANDS},
        "reasons": {reason.name.lower(): str(reason.phrase) for reason in BrokenReason},
        "one_line": {
            "left_out": dict.fromkeys(sorted(oneline.LEFT_OUT), True),
            "usual": {name: dict.fromkeys(values, True) for name, values in oneline.USUAL.items()},
            "first": oneline.FIRST,
            "codes": dict.fromkeys(sorted(oneline.CODES), True),
            "own": oneline.OWN,
        },
        "unknown": {
            name: {"name": name, "filter": f"{PREFIX}.{name}", "caption": translate(text, lang)}
            for name, text in (("length", Phrase("length octet")), ("payload", Phrase("payload octets")))
        },
        **_characters(),
        "filters": [one._asdict() for one in filters(lang)],
        "options": [
            {
                "name": name,
                "text": translate(OPTIONS[name], lang),
                "values": [_option_text(value) for value in values],
                "default": _option_text(getattr(Options(order=order), name)),
            }
            for name, values in CHOICES.items()
        ],
    }
    lines = [f"S[{place}] = {text}" for place, text in enumerate(shared.written, 1)]
    written = ",\n  ".join(f"{name} = {literal(value)}" for name, value in table.items())
    units = ",\n    ".join(f"[{code}] = {literal(message)}" for code, message in messages.items())
    return "\n".join(
        [_RANGE, "local S = {}", *lines, f"local D = {{\n  {written},\n  messages = {{\n    {units}}},\n}}"]
    )


def _characters() -> dict[str, list[int]]:
    """The code points of the octets and septets of the codings of 2Ch that are tables; those of two septets by the
    second one."""
    escape = 0x1B

    def codes(coding: MessageCoding, units: Iterable[bytes]) -> list[int]:
        return [ord(decode_message_text(unit, coding)) for unit in units]

    septets = range(0x80)
    return {
        "cp1251": codes("cp1251", (bytes((octet,)) for octet in range(0x100))),
        "gsm7": codes("gsm7", (bytes((septet,)) for septet in septets)),
        "gsm7_extension": codes("gsm7", ((escape | septet << 7).to_bytes(2, "little") for septet in septets)),
    }


def _channels(lang: Lang) -> Iterator[Described]:
    """The codes from which on another channel begins."""
    last = None
    for code in range(0x100):
        channel = channel_of(code)
        if channel is not last:
            text = translate(CHANNELS[channel], lang)
            yield {"from": code, "name": str(channel), "header": channel.header_length, "text": text}
        last = channel


def _message(cls: type[Message], shared: _Shared) -> Described:
    lang = shared.lang
    named = field_filters(cls)
    return {
        "name": cls.message_name,
        "title": translate(cls.title, lang),
        "channel": str(cls.channel),
        "kind": KINDS[cls.channel],
        "serial": serial_text(cls, lang),
        "known": depending(lambda options: cls.code in classes(options.order)),
        "lengths": _table_of(depending(lambda options: _lengths(cls, options)), shared),
        "fields": [
            {
                "name": name,
                "filter": named[name],
                "caption": translate(caption(name), lang),
                "wire": _table_of(_wire(cls, name, shared), shared),
            }
            for name in forms(cls)
            if name != "orm_number"
        ],
    }


def _lengths(cls: type[Message], options: Options) -> Described:
    return dict.fromkeys(sorted(payload_lengths(cls, options)), True)


def _wire(cls: type[Message], name: str, shared: _Shared) -> Described:
    def described(options: Options) -> Described:
        wire = wires(cls, options)[name]
        one = describe(wire, shared)
        if not isinstance(wire, Tail):
            one["size"] = wire.sizeof()
        if name == "command":
            one["meaning"] = shared.meanings(command_text)
        return one

    if wires(cls, Options())[name] is wires(cls, Options(order="70"))[name]:
        return described(Options())  # a wire that no option makes
    return depending(described)


def _table_of(described: Described, shared: _Shared) -> Described | Name:
    if "by" in described:
        return {**described, "of": {key: shared.table(value) for key, value in described["of"].items()}}
    return shared.table(described)
