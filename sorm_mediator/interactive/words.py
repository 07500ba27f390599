"""A command as one types it: its name and ``field=value`` words, as in ``add-object object_number=258 number=28331``.

Names, fields and values are those of docs/messages.md. A value is written as in a scenario, but a number or a
password needs no quotation marks, and a KSL line may be ``0/1`` (stream and KSL). A field that is left out has the
value of :func:`defaults`, else it is "not given" (FFh).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, cast

from protocol import Options
from protocol.codes import NUMBER_SIGNS, Order
from protocol.forms import DigitsForm, Form, RecordForm, TextForm
from protocol.messages import caption, title_of, wires
from protocol.values import Ksl
from sorm_mediator.console import client
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.console.errors import words as words_of
from sorm_mediator.language import Lang, Phrase, join, translate
from sorm_mediator.replay.document import Node, parse
from sorm_mediator.replay.scenario import read_bytes
from sorm_mediator.replay.vocabulary import COMMANDS, REQUESTS, Checker, Entry, Request
from sorm_mediator.texts import nearest, one_line

_OWN: Mapping[Order, str] = {order: str(signs[0x01]) for order, signs in NUMBER_SIGNS.items()}
"""The sign of a subscriber of the node."""
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "add-object": {
        "object_type": "own-subscriber",
        "number_sign": _OWN,
        "category": "statistical",
        "priority": "normal",
    },
    "remove-object": {"object_type": "own-subscriber", "number_sign": _OWN},
    "change-object": {"category": "statistical", "priority": "normal"},
    "add-ksl": {"group_type": "combined"},
    "connect-ksl": {"object_type": "own-subscriber"},
    "get-services": {"number_sign": _OWN},
    "test": {"test_number": 1},
}
"""Values of fields that are left out: the usual object is a subscriber of the node under statistical control, which
needs no KSL line. A value ``null`` sends "not given" all the same. What differs by the order is a table by order."""
EXAMPLES: Mapping[str, str] = {
    "set-password": "new_password=654321",
    "add-ksl": "ksl_group=1 ksl_a=0/1",
    "add-object": "object_number=258 number=28331",
    "remove-object": "object_number=258 number=28331",
    "connect-ksl": "call_number=1 object_number=258 ksl_group=1",
    "release-ksl": "ksl_a=0/1",
    "remove-ksl": "ksl_group=1 ksl_a=0/1",
    "get-objects": "object_number=258",
    "get-ksl": "ksl_group=1",
    "get-services": "number=28331",
    "test": "test_number=7",
    "change-object": "object_number=258 category=combined ksl_group=1",
}
"""What follows the name in the example of a command: what it needs beside :func:`defaults`. The others need nothing."""


def defaults(command: str, order: Order) -> dict[str, Any]:
    """The values of the fields of a command that are left out, by the order of the mediator."""
    usual = _DEFAULTS.get(command, {}).items()
    return {field: value[order] if value is _OWN else value for field, value in usual}


_KSL = re.compile(r"([0-9]{1,3})/([0-9]{1,3})")
_LINES = re.compile(r"`\{stream: (\S+), ksl: (\S+)\}`")
_QUOTED = re.compile(r'"([^"]*)"')
_NAMES = re.compile(r'(.*), null, or octets such as "0x1A"')
_TYPED: Mapping[str, Phrase] = {
    'six characters in quotation marks, such as "123456"': Phrase("six characters, such as 123456"),
    '1 to 18 digits in quotation marks, such as "28331", or null': Phrase(
        "1 to 18 digits, such as 28331, or null"
    ),
    'octets such as "0xFFFF"': Phrase("octets such as 0xFFFF"),
    'bytes in hexadecimal, such as "CC 01 0B 03"': Phrase("bytes in hexadecimal, such as CC 01 0B 03"),
    "a string; put it in quotation marks": Phrase("a text"),
}
"""What forms allow, as it is typed here: without quotation marks."""
_OCTETS = re.compile(r"0[xX][0-9A-Fa-f]+")
MOST_TYPED = 65_536
"""Characters of a line: more than any command needs (our choice)."""


class WordError(Exception):
    """The words are no command. The text is one line: the word, and what is allowed."""


class _Word(Node):
    """The value of one word. Its errors show what is typed: no quotation marks, and a KSL line as ``0/1``."""

    def wrong(self, allowed: str, *, secret: bool = False) -> NoReturn:
        names = _NAMES.fullmatch(allowed)
        if names is not None:
            allowed = Phrase("{names}, null, or octets such as 0x1A", names=names[1])
        elif '"' in allowed or "quotation" in allowed:
            allowed = _TYPED.get(allowed) or _QUOTED.sub(r"\1", allowed).replace(" in quotation marks", "")
        super().wrong(allowed, secret=secret)

    def mapping(self, allowed: Iterable[str] | None = None) -> dict[str, Node]:
        names = None if allowed is None else tuple(allowed)
        if not isinstance(self.value, dict) and names == Ksl._fields:
            self.wrong(Phrase("a KSL line, such as 0/1 (stream/KSL), null"))
        return super().mapping(names)

    def fail(self, message: str) -> NoReturn:
        text = message if isinstance(message, Phrase) else one_line(message)
        raise ScriptError(join(": ", [one_line(self.path), text]))


def split(line: str) -> list[str]:
    """The words of a line. Raises :class:`WordError` for a quotation mark that is not closed."""
    if len(line) > MOST_TYPED:
        raise WordError(
            Phrase(
                "the line has {count} characters; allowed: at most {most} characters",
                count=len(line),
                most=MOST_TYPED,
            )
        )
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise WordError(f"{line.strip()}: {error}") from None


def read_command(words: Sequence[str], order: Order = "268") -> tuple[str, dict[str, Any]]:
    """The name of a command, and the values of its fields, by the order of the mediator. Raises :class:`WordError`."""
    name, *pairs = words
    entry = COMMANDS.get(name)
    if entry is None:
        raise WordError(
            Phrase("{word} is not a command{near}", word=repr(name), near=did_you_mean(name, COMMANDS))
        )
    fields = defaults(name, order)
    given: set[str] = set()
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if key not in entry.fields or not equals:
            what = (
                Phrase("{word} is no field of {command}", word=repr(key), command=name)
                if equals
                else Phrase("{word} is no field=value", word=repr(pair))
            )
            raise _not_among(what, key, entry.fields)
        if key in given:
            raise WordError(Phrase("{key} is given twice", key=key))
        given.add(key)
        try:
            fields[key] = Checker((), expected=False).read(
                _node(key, text, entry.fields[key]), entry.fields[key]
            )
        except ScriptError as error:
            raise WordError(words_of(error)) from None
    return name, fields


def typed_fields(entry: Entry, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as they are typed, in the form of a scenario, not checked yet. What is no text stays as it is.

    ``called.number`` is a part of the field ``called``. Raises :class:`WordError`.
    """
    fields: dict[str, Any] = {}
    for path, text in texts.items():
        key, dot, part = path.partition(".")
        form = entry.fields.get(key)
        if form is None or (dot and part not in getattr(form, "parts", ())):
            what = Phrase("{word} is no field of {command}", word=repr(path), command=entry.name)
            raise _not_among(what, "", entry.fields)
        if dot:
            form = cast(RecordForm, form).parts[part]
        try:
            value = _node(path, text, form).plain() if isinstance(text, str) else text
        except ScriptError as error:
            raise WordError(words_of(error)) from None
        if not dot:
            fields[key] = value
        elif isinstance(parts := fields.setdefault(key, {}), dict):
            parts[part] = value
        else:
            raise WordError(Phrase("{key} is given twice, as a whole and as {path}", key=key, path=path))
    return fields


def _node(key: str, text: str, form: Form) -> _Word:
    if _OCTETS.fullmatch(text) or (
        isinstance(form, DigitsForm | TextForm) and text not in ("null", "''", '""')
    ):
        return _Word(text, "", 1, key)
    ksl = _KSL.fullmatch(text)
    if ksl is not None and isinstance(form, RecordForm):
        return _word(parse(f"{{stream: {int(ksl[1])}, ksl: {int(ksl[2])}}}", key), key)
    return _word(parse(text, key) if text else Node("", "", 1), key)


def _word(node: Node, path: str) -> _Word:
    value = node.value
    if isinstance(value, dict):
        value = {key: _word(child, f"{path}.{key}") for key, child in value.items()}
    elif isinstance(value, list):
        value = [_word(child, path) for child in value]
    return _Word(value, "", 1, path)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean ...?``, or "" when nothing known is near."""
    near = nearest(word, known)
    return Phrase("; did you mean {near}?", near=near) if near else ""


def _not_among(what: str, word: str, known: Iterable[str]) -> WordError:
    near = did_you_mean(word, known) if word else ""
    return WordError(Phrase("{what}{near}; allowed: {known}", what=what, near=near, known=", ".join(known)))


def read_octets(given: Sequence[str]) -> bytes:
    """Octets in hexadecimal. Raises :class:`WordError`."""
    if not given:
        raise WordError(Phrase("raw: the octets are missing, such as raw CC 01 11 00 31 32 33 34 35 36"))
    try:
        return read_bytes(_Word(" ".join(given), "", 1, "raw"))
    except ScriptError as error:
        raise WordError(words_of(error)) from None


def read_request(name: str, pairs: Sequence[str]) -> Node:
    """The keys of a request to the web (docs/scenarios.md). Raises :class:`WordError`."""
    request = REQUESTS[name]
    checks = {**request.required, **request.optional}
    keys: dict[str, Node] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if key in keys:
            raise WordError(Phrase("{key} is given twice", key=key))
        if not equals or key not in checks:
            what = Phrase("{word} is not a key of {request}", word=repr(pair), request=name)
            raise _not_among(what, key, checks)
        try:
            keys[key] = _request_node(request, key, text)
        except ScriptError as error:
            raise WordError(
                Phrase(
                    "{error}; a value with spaces is in quotation marks: '{key}=...'",
                    error=words_of(error),
                    key=key,
                )
            ) from None
    missing = [key for key in request.required if key not in keys]
    if len(missing) > 1:
        raise WordError(join(": ", [name, Phrase("keys are missing: {keys}", keys=", ".join(missing))]))
    node = _Word(keys, "", 1, name)
    try:
        node.keys(request.required, request.optional)
        request.check_body(node)
    except ScriptError as error:
        raise WordError(words_of(error)) from None
    return node


def _request_node(request: Request, key: str, text: str) -> _Word:
    check = {**request.required, **request.optional}.get(key)
    return _Word(text, "", 1, key) if check == Node.text else _word(parse(text, key), key)


def typed_keys(name: str, texts: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a request as they are typed, not checked yet. What is no text stays as it is.

    Raises :class:`WordError`.
    """
    try:
        return {
            key: _request_node(REQUESTS[name], key, text).plain() if isinstance(text, str) else text
            for key, text in texts.items()
        }
    except ScriptError as error:
        raise WordError(words_of(error)) from None


# --- completion and help


def values_of(command: str, field: str) -> tuple[str, ...]:
    """The values of a field that can be listed; empty for numbers and texts."""
    form = COMMANDS[command].fields[field]
    names = getattr(form, "names", None)
    return (*map(str, names), "null") if names is not None else ()


def title(command: str, lang: Lang) -> str:
    """What a command does."""
    return translate(title_of(COMMANDS[command].code), lang)


def about_field(command: str, field: str, lang: Lang, options: Options) -> str:
    """A field: its caption, what is allowed, and its value when it is left out. ``options``: of the mediator."""
    wire = wires(client.COMMANDS[command], options)[field]
    default = defaults(command, options.order).get(field)
    shown = "" if default is None else f" [{default}]"
    allowed = translate(wire.values, lang)  # that of docs/messages.md
    line = _LINES.match(allowed)
    if line is not None:
        typed = Phrase("stream/KSL such as 0/1, {streams}/{ksls}", streams=line[1], ksls=line[2])
        allowed = translate(typed, lang) + allowed[line.end() :]
    allowed = _QUOTED.sub(r"\1", allowed.replace("`", ""))
    return f"{translate(caption(field), lang)}: {allowed}{shown}"


def usage(command: str, lang: Lang, options: Options) -> str:
    """Help for a command: a line each for itself and for its fields, and an example. ``options``: of the mediator."""
    entry = COMMANDS[command]
    width = max((len(name) for name in entry.fields), default=0)
    lines = [f"{command}: {title(command, lang)} ({entry.code:02X}h)"]
    lines += [f"  {name:<{width}}  {about_field(command, name, lang, options)}" for name in entry.fields]
    return "\n".join((*lines, _example(command, EXAMPLES.get(command, ""), lang)))


def _example(name: str, given: str, lang: Lang) -> str:
    return "  " + translate(Phrase("example: {line}", line=f"{name} {given}".rstrip()), lang)


def about_key(name: str, key: str, lang: Lang) -> str:
    """A key of a request: what it means and takes."""
    return translate(REQUESTS[name].meanings[key], lang)


def about_request(name: str, lang: Lang) -> str:
    """Help for a request to the web: a line for itself, one for each key, and an example."""
    request = REQUESTS[name]
    keys = {key: f"{key}=" for key in request.required} | {key: f"[{key}=]" for key in request.optional}
    width = max(map(len, keys.values()), default=0)
    lines = [f"{name}: {translate(request.title, lang)}"]
    lines += [f"  {typed:<{width}}  {about_key(name, key, lang)}" for key, typed in keys.items()]
    return "\n".join((*lines, _example(name, request.example, lang)))
