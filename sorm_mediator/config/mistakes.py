"""What a reader of a lab file or of a request is told about mistakes that pydantic finds: in our words.

Each mistake has its place, the value, what is allowed there, and the known word that a misspelt one is nearest to.
Values of secrets are not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from sorm_mediator.config.base import MistakeAt, SeveralMistakes
from sorm_mediator.config.lines import KeyPath, path_of, quoted
from sorm_mediator.language import Phrase, join
from sorm_mediator.texts import nearest, one_line, shown


class Mistake(NamedTuple):
    """A mistake: the place, items counted from 0, and ``rest``, which follows the key: ``: 'x' is not allowed ...``."""

    location: KeyPath
    rest: str
    told: str = ""
    """The mistake without its place, as a phrase where it is ours; "": what ``rest`` says."""

    @property
    def text(self) -> str:
        """The mistake without its place."""
        return self.told or self.rest.removeprefix(":").strip()


def _told(location: KeyPath, text: str) -> Mistake:
    return Mistake(location, f": {text}", text)


_BRANCHES: Final = ("literal[", "function-", "constrained-")
"""How pydantic names the branches of a union in the place of a mistake."""
_KEY_BELOW: Final = re.compile(r'((?:[\w.-]|"(?:[^"\\]|\\.)*")+)(?: = [^:]*)?: ')
_WANTED: Final[Mapping[str, Phrase]] = {
    "int_type": Phrase("a whole number"),
    "int_parsing": Phrase("a whole number"),
    "int_from_float": Phrase("a whole number"),
    "float_type": Phrase("a number"),
    "float_parsing": Phrase("a number"),
    "finite_number": Phrase("a finite number"),
    "bool_type": Phrase("true or false"),
    "bool_parsing": Phrase("true or false"),
    "string_type": Phrase("a text in quotation marks"),
    "greater_than_equal": Phrase("at least {ge:g}"),
    "greater_than": Phrase("more than {gt:g}"),
    "less_than_equal": Phrase("at most {le:g}"),
    "less_than": Phrase("less than {lt:g}"),
    "multiple_of": Phrase("a multiple of {multiple_of}"),
    "list_type": Phrase("a list in square brackets"),
    "tuple_type": Phrase("a list in square brackets"),
    "dict_type": Phrase("a table"),
    "model_type": Phrase("a table"),
    "model_attributes_type": Phrase("an object in braces"),
    "string_too_short": Phrase("a text of at least {min_length} characters"),
    "string_too_long": Phrase("a text of at most {max_length} characters"),
    "too_short": Phrase("a list of at least {min_length}"),
    "too_long": Phrase("a list of at most {max_length}"),
}
"""What is allowed, by the kind of mistake that pydantic reports and its context."""
_DIGITS: Final = re.compile(r"\^\[0-9(\*#)?\]\{(\d+),(\d+)\}\$")
_PATTERNS: Final[Mapping[str, str]] = {
    r"^[\x21-\x7e]+$": Phrase("printable ASCII characters without spaces"),
    r"^[\x21-\x7e]*$": Phrase("printable ASCII characters without spaces"),
    r"^[\x20-\x7e]*$": Phrase("printable ASCII characters"),
    r"^\S+$": Phrase("a text without spaces"),
    r"^\S*$": Phrase("a text without spaces"),
    r"^[^\x00-\x1f\x7f]+$": Phrase("a text without control characters"),
    r"^[^\x00-\x1f\x7f]*$": Phrase("a text without control characters"),
    r"^[0-9.,-]*$": Phrase("digits, dots, commas and dashes"),
    r"^(subscriber|trunk:\S+|system:(alarm|custom-cb|dialer))$": Phrase(
        "'subscriber', trunk:NAME, or system:alarm, system:custom-cb, system:dialer"
    ),
    r"^\+?[0-9*#]{1,18}$": Phrase("1 to 18 digits, * or #, perhaps with + in front"),
    r"^([0-9*#]{1,18}|trunk:\S+)$": Phrase("1 to 18 digits, * or #, or trunk:NAME"),
    r"^[0-9*#]$": Phrase("one digit, * or #"),
    r"^[0-9]{1,6}[smhd]?$": Phrase("a number, perhaps with s, m, h or d behind it"),
    r"^[A-Za-z0-9._-]*$": Phrase("Latin letters, digits, dots, dashes and underlines"),
    r"^[\x21-\x7e]{1,64}$": Phrase("1 to 64 printable ASCII characters without spaces"),
    r"^\+?[0-9() -]*[0-9][0-9() -]*$": Phrase("digits, perhaps with +, brackets, spaces and dashes"),
    r"^(|[^@\s]+@[^@\s]+)$": Phrase("an address such as name@host, or nothing"),
}
"""What a pattern of a text allows."""


def mistakes(errors: Sequence[Any], root: Any) -> list[Mistake]:
    """The mistakes of a document of type ``root``: one for each key, from pydantic's ``errors()``."""
    texts: dict[KeyPath, list[str]] = {}
    first: dict[KeyPath, Any] = {}
    missing: set[KeyPath] = set()
    misspelt = {
        (*one["loc"][:-1], near)
        for one in errors
        if one["type"] == "extra_forbidden" and (near := _near(one["loc"], root))
    }
    for one in errors:
        location: KeyPath = one["loc"]
        if location and str(location[-1]).startswith(_BRANCHES):
            location = location[:-1]  # the name of one of several types
        if location and location[-1] == "[key]":
            location = location[:-1]  # the key itself is wrong
        if one["type"] == "missing" and location in misspelt:
            continue  # a misspelt key is both unknown and missing
        if one["type"] == "missing":
            missing.add(location)
        first.setdefault(location, one)
        texts.setdefault(location, []).append(wanted_by(one))
    return [
        _told(location, Phrase("is required"))
        if location in missing
        else _mistake(location, error, list(dict.fromkeys(wanted)), root)
        for location, wanted in texts.items()
        for error in _each(first[location])
    ]


def _each(error: Any) -> Iterator[Any]:
    """The errors that one check of a table has found."""
    found = error.get("ctx", {}).get("error")
    if not isinstance(found, SeveralMistakes):
        yield error
        return
    for one in found.found:
        yield {**error, "msg": str(one), "ctx": {"error": one}}


def _mistake(location: KeyPath, error: Any, wanted: Sequence[str], root: Any) -> Mistake:
    if error["type"] == "value_error":
        message = one_line(error["msg"].removeprefix("Value error, "))
        raised = error.get("ctx", {}).get("error")
        if isinstance(raised, MistakeAt):
            return _told((*location, *path_of(raised.key)), raised.text)
        phrase = raised.args[0] if isinstance(raised, Exception) and raised.args else None
        below = _KEY_BELOW.match(message)  # the check of a table names a key in it
        if below:
            return Mistake((*location, *path_of(below[1])), message[below.end(1) :])
        return _told(location, phrase) if isinstance(phrase, Phrase) else Mistake(location, f": {message}")
    if error["type"] == "json_invalid":
        return Mistake((), f": is not JSON: {error['ctx']['error']} (character {location[0]})")
    if error["type"] == "extra_forbidden":
        near = _near(location, root)
        known = (name for kind in types_at(location[:-1], root) for name in keys_of(kind))
        names = ", ".join(known) or Phrase("nothing")
        if near:
            meant = Phrase("unknown key; did you mean {near}? allowed here: {names}", near=near, names=names)
            return _told(location, meant)
        return _told(location, Phrase("unknown key; allowed here: {names}", names=names))
    if error["type"] == "tuple_type" and isinstance(error["input"], dict):
        name = quoted(str(location[-1]))
        if any(isinstance(part, int) for part in location):  # [[a.b]] is of the last item alone
            return _told(location, Phrase("is a list of tables: write {name} = [{{ ... }}]", name=name))
        key = ".".join(quoted(str(part)) for part in location)
        return _told(location, Phrase("is a list of tables: write [[{key}]], not [{key}]", key=key))
    value = error["input"]
    near = _close(value, wanted) if isinstance(value, str) else ""
    told = {"value": _shown(location, value, root), "wanted": join(Phrase(", or "), wanted)}
    if near:
        meant = Phrase("{value} is not allowed: {wanted}; did you mean {near}?", near=near, **told)
        return _told(location, meant)
    return _told(location, Phrase("{value} is not allowed: {wanted}", **told))


def wanted_by(error: Any) -> str:
    """What is allowed in place of a value."""
    context = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return in_words(context["pattern"])
    text = _WANTED.get(error["type"])
    message: str = error["msg"]
    if error["type"] == "literal_error":
        names, _, last = context["expected"].rpartition(" or ")
        return Phrase("{names} or {last}", names=names, last=last) if names else last
    return text.fill(**context) if text else f"{message[0].lower()}{message[1:]}"


def in_words(pattern: str) -> str:
    """What the pattern of a text allows."""
    digits = _DIGITS.fullmatch(pattern)
    if digits:
        bounds = {"least": digits[2], "most": digits[3]}
        if digits[1]:
            return Phrase("{least} to {most} digits, * or #", **bounds)
        return Phrase("{least} to {most} digits", **bounds)
    return _PATTERNS.get(pattern, Phrase("a text like {pattern}", pattern=pattern))


def _near(location: KeyPath, root: Any) -> str:
    """The known key that a misspelt one is nearest to; "" for none."""
    return nearest(
        str(location[-1]), (name for kind in types_at(location[:-1], root) for name in keys_of(kind))
    )


def _close(value: str, wanted: Sequence[str]) -> str:
    """The allowed word that a misspelt one is nearest to; "" for none."""
    near = nearest(value, re.findall(r"'([^']+)'", " ".join(wanted)))
    return near and f'"{near}"'


def _shown(location: KeyPath, value: object, root: Any) -> str:
    """A value as a message may repeat it: not in place of a secret, or of a table with a secret."""
    return "******" if any(_has_secret(kind) for kind in types_at(location, root)) else shown(value)


def types_at(location: KeyPath, root: Any) -> list[Any]:
    """The types that a value may have at this place of a document; for an unknown place those of what holds it."""
    kinds: list[Any] = alternatives(root)
    for part in location:
        below: list[Any] = []
        for kind in kinds:
            keys = keys_of(kind)
            inside = getattr(kind, "__args__", ())  # the items of a list or a table
            if keys:
                inside = [keys[part].annotation] if part in keys else []
            below += [one for item in inside for one in alternatives(item)]
        kinds = below or kinds  # the name of a branch of a union leads no deeper
    return kinds


def keys_of(annotation: Any) -> Mapping[Any, FieldInfo]:
    """The keys of a table with declared keys; of any other type none."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return {}
    return {field.alias or name: field for name, field in annotation.model_fields.items()}


def alternatives(annotation: Any) -> list[Any]:
    """The types of a union; for any other type, the type."""
    if get_origin(annotation) is Annotated:
        return alternatives(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        return [one for part in annotation.__args__ for one in alternatives(part)]
    return [annotation]


def _has_secret(annotation: Any) -> bool:
    """Whether a secret is declared somewhere in a type."""
    if annotation is SecretStr:
        return True
    inside: Sequence[Any] = [field.annotation for field in keys_of(annotation).values()]
    return any(_has_secret(one) for one in inside or getattr(annotation, "__args__", ()))
