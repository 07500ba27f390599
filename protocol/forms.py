"""The forms of field values outside a unit: in JSON documents and in scripts (docs/messages.md).

Every wire holds the form of its values. A form reads a value of a document and makes the value of the message from
it (:meth:`Form.from_json`); and it checks a value of a script, which stays in the JSON form (:meth:`Form.from_script`):
in an expectation it is compared with the form of what came.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any, Literal, NoReturn, Protocol, Self, TypeVar

from protocol.codes import PASSWORD_CHARACTERS
from protocol.errors import EncodeError
from protocol.language import Phrase
from protocol.values import KeptInt, KeptStr, KeptTuple, Raw

Json = Any
"""What :mod:`json` reads and writes."""
Spellings = Mapping[str, Json]
"""The spellings beside the fields of a document: field path → octets as hexadecimal."""

_HEX = re.compile(r"0[xX]((?:[0-9A-Fa-f]{2})*)")


class ScriptNode(Protocol):
    """One value of a script, with its place there. All methods raise an error that names the place."""

    @property
    def value(self) -> Any:
        """A scalar, a list of nodes or a mapping of nodes."""

    def fail(self, message: str) -> NoReturn:
        """The error ``message``."""

    def wrong(self, allowed: str, *, secret: bool = False) -> NoReturn:
        """The error that this value is not ``allowed``; a ``secret`` one is not shown."""

    def text(self) -> str:
        """The value as a string."""

    def integer(self, low: int, high: int) -> int:
        """The value as an integer from ``low`` to ``high``."""

    def items(self) -> Sequence[Self]:
        """The value as a list."""

    def mapping(self, allowed: Iterable[str]) -> Mapping[str, Self]:
        """The value as a mapping whose keys are all among ``allowed``."""


N = TypeVar("N", bound=ScriptNode)
N_contra = TypeVar("N_contra", bound=ScriptNode, contravariant=True)


class Script(Protocol[N_contra]):
    """The reader of a script, which reads a value of any form: a variable, an alternative or a plain value."""

    @property
    def expected(self) -> bool:
        """Whether the values are only compared: keys of a mapping may be left out."""

    def read(self, node: N_contra, form: Form) -> Any:
        """The value of ``node``, in its JSON form."""


class Form(ABC):
    """One way to write values."""

    hexadecimal: Literal["octets", "integer", "text"] = "octets"
    """What ``"0x1A"`` is in a script: octets that are sent as they are, an integer, or a text like any other."""
    secret: bool = False
    """Whether people never see the values."""

    @abstractmethod
    def from_json(self, path: str, value: Json, octets: Spellings) -> Any:
        """The value that ``value`` stands for; ``path`` is its field, ``octets`` are the spellings of the document.

        Raises :class:`EncodeError`.
        """

    def to_json(self, value: Any) -> Json:
        """``value`` as JSON."""
        if value is None:
            return None
        if isinstance(value, bytes):
            return as_hex(value)
        return str(value) if isinstance(value, str) else int(value)

    @abstractmethod
    def from_script(self, node: N, script: Script[N]) -> Any:
        """The value of ``node``, checked; neither null nor, except in texts, hexadecimal octets."""


class IntegerForm(Form):
    """An integer, in a script 0 to ``highest``. Documents hold any integer; the wire refuses what it can't carry."""

    hexadecimal = "integer"

    def __init__(self, highest: int) -> None:
        self.highest = highest

    def from_json(self, path: str, value: Json, octets: Spellings) -> int | Raw | None:
        if value is None:
            return None
        if (raw := raw_value(value)) is not None:
            return raw[0] if len(raw) == 1 else raw
        if not isinstance(value, int) or isinstance(value, bool):
            raise EncodeError(path, value, 'an integer, null, or octets such as "0x1A"')
        return KeptInt(value, octets_of(path, octets[path])) if path in octets else value

    def from_script(self, node: N, script: Script[N]) -> int:
        return node.integer(0, self.highest)


ABSENT = 0xFFFF
"""The octets of an integer of 16 bits that is not given (order 268, 6.5.5.5)."""


class AbsentForm(IntegerForm):
    """An integer of 16 bits, of which FFFFh is "not given": ``null``, or the octets themselves."""

    def __init__(self) -> None:
        super().__init__(ABSENT - 1)

    def from_script(self, node: N, script: Script[N]) -> int:
        if node.value == ABSENT:
            node.wrong(Phrase("0 to 65534; FFFFh means not given: null"))
        return super().from_script(node, script)


class BoundedForm(IntegerForm):
    """A part that is an integer 0 to ``highest`` and nothing else; ``note`` explains the bound in errors."""

    def __init__(self, highest: int, note: str = "") -> None:
        super().__init__(highest)
        self.note = note

    def from_json(self, path: str, value: Json, octets: Spellings) -> int:
        if type(value) is not int or not 0 <= value <= self.highest:
            raise EncodeError(path, value, f"an integer 0..{self.highest}{self.note}")
        return value


class NameForm(Form):
    """A named value."""

    def __init__(self, names: type[StrEnum]) -> None:
        self.names = names

    def from_json(self, path: str, value: Json, octets: Spellings) -> StrEnum | Raw | None:
        if value is None or (raw := raw_value(value)) is not None:
            return None if value is None else raw
        try:
            return self.names(value)
        except ValueError:
            allowed = f'{", ".join(self.names)}, null, or an octet such as "0x1A"'
            raise EncodeError(path, value, allowed) from None

    def from_script(self, node: N, script: Script[N]) -> str:
        if node.value not in tuple(self.names):
            node.wrong(Phrase('{names}, null, or octets such as "0x1A"', names=", ".join(self.names)))
        return str(node.value)


class TextForm(Form):
    """A text of any characters."""

    hexadecimal = "text"

    def from_json(self, path: str, value: Json, octets: Spellings) -> str:
        if not isinstance(value, str):
            raise EncodeError(path, value, "a text in quotes")
        return KeptStr(value, octets_of(path, octets[path])) if path in octets else value

    def to_json(self, value: Any) -> Json:
        return value.decode("latin-1") if isinstance(value, bytes) else super().to_json(value)

    def from_script(self, node: N, script: Script[N]) -> str:
        return node.text()


class PasswordForm(TextForm):
    """A text of six characters. The length is checked in scripts; in documents the wire refuses another."""

    secret = True

    def from_script(self, node: N, script: Script[N]) -> str:
        if not isinstance(node.value, str) or len(node.value) != PASSWORD_CHARACTERS:
            node.wrong(Phrase('six characters in quotation marks, such as "123456"'), secret=True)
        return node.value


class DigitsForm(Form):
    """A number: its digits as text, or the ten octets of count and digits as hexadecimal."""

    def from_json(self, path: str, value: Json, octets: Spellings) -> str | Raw | None:
        if value is None:
            return None
        if not isinstance(value, str):
            raise EncodeError(path, value, "a text in quotes, or null")
        if (raw := raw_value(value)) is not None:
            return raw
        return KeptStr(value, octets_of(path, octets[path])) if path in octets else value

    def from_script(self, node: N, script: Script[N]) -> str:
        if not isinstance(node.value, str) or not re.fullmatch(r"[0-9*#]{1,18}", node.value):
            node.wrong(Phrase('1 to 18 digits in quotation marks, such as "28331", or null'))
        return node.value


class OctetsForm(Form):
    """Octets as hexadecimal, which are sent as they are; in documents a text is itself, in latin-1.

    In a script it is hexadecimal octets alone, or with ``text`` any text.
    """

    def __init__(self, *, text: bool = False) -> None:
        self.hexadecimal = "text" if text else "octets"

    def from_json(self, path: str, value: Json, octets: Spellings) -> bytes:
        if (raw := raw_value(value)) is not None:
            return raw
        try:
            return str.encode(value, "latin-1")
        except (TypeError, UnicodeEncodeError):
            raise EncodeError(path, value, 'octets such as "0x54455354", or a text of latin-1') from None

    def from_script(self, node: N, script: Script[N]) -> str:
        return node.text() if self.hexadecimal == "text" else node.wrong(Phrase('octets such as "0xFFFF"'))


@dataclass(eq=False)
class RecordForm(Form):
    """A mapping of parts: a tuple ``kind`` with names.

    ``complete``: a document gives all parts, else those that it leaves out are None; a script gives all of them except
    in an expectation. ``raw``: octets may stand for the whole. ``nullable``: null stands for ``empty``, else it is an
    error.
    """

    kind: type[Any]
    parts: Mapping[str, Form]
    _: KW_ONLY
    complete: bool
    raw: bool = False
    nullable: bool = False
    empty: object = None

    def __post_init__(self) -> None:
        assert tuple(self.parts) == self.kind._fields

    def from_json(self, path: str, value: Json, octets: Spellings) -> Any:
        if value is None and self.nullable:
            return self.empty
        if self.raw and (raw := raw_value(value)) is not None:
            return raw
        wanted = f"a JSON object with {', '.join(self.parts)}"
        if not isinstance(value, Mapping):
            raise EncodeError(path, value, wanted)
        for key in value:
            if key not in self.parts:
                raise EncodeError(f"{path}.{key}", value[key], wanted)
        if self.complete and len(value) < len(self.parts):
            raise EncodeError(path, value, wanted)
        return self.kind(
            *(form.from_json(f"{path}.{name}", value.get(name), octets) for name, form in self.parts.items())
        )

    def to_json(self, value: Any) -> Json:
        if not isinstance(value, tuple):
            return super().to_json(value)
        return {
            name: form.to_json(part) for (name, form), part in zip(self.parts.items(), value, strict=True)
        }

    def from_script(self, node: N, script: Script[N]) -> dict[str, Any]:
        mapping = node.mapping(self.parts)
        if not script.expected and len(mapping) < len(self.parts):
            missing = ", ".join(part for part in self.parts if part not in mapping)
            node.fail(f"{missing} is missing; allowed: a mapping of {', '.join(self.parts)}")
        return {key: script.read(child, self.parts[key]) for key, child in mapping.items()}


class ListForm(Form):
    """A list of ``item``; in a script it is compared as a whole, value by value.

    ``raw``: octets may stand for the whole, and it may be None. ``wanted`` is what an error calls allowed.
    """

    def __init__(self, item: Form, wanted: str, *, raw: bool = False) -> None:
        self.item = item
        self.wanted = wanted
        self.raw = raw

    def from_json(self, path: str, value: Json, octets: Spellings) -> tuple[Any, ...] | Raw | None:
        if self.raw:
            if value is None:
                return None
            if (raw := raw_value(value)) is not None:
                return raw
        if not isinstance(value, list):
            raise EncodeError(path, value, self.wanted)
        items = tuple(
            self.item.from_json(f"{path}.{index}", part, octets) for index, part in enumerate(value)
        )
        return KeptTuple(items, octets_of(path, octets[path])) if self.raw and path in octets else items

    def to_json(self, value: Any) -> Json:
        return (
            [self.item.to_json(part) for part in value]
            if isinstance(value, tuple | list)
            else super().to_json(value)
        )

    def from_script(self, node: N, script: Script[N]) -> list[Any]:
        return [script.read(child, self.item) for child in node.items()]


def as_hex(octets: bytes) -> str:
    """``"0x1A2B"``."""
    return "0x" + octets.hex().upper()


def raw_value(value: Json) -> Raw | None:
    """The octets that a text such as ``"0x1A"`` stands for; None for any other value."""
    found = _HEX.fullmatch(value) if isinstance(value, str) else None
    return Raw(bytes.fromhex(found[1])) if found is not None else None


def octets_of(path: str, value: Json) -> bytes:
    """Octets as hexadecimal, with or without ``0x``. Raises :class:`EncodeError`."""
    if isinstance(value, str):
        try:
            return bytes.fromhex(value[2:] if value[:2] in ("0x", "0X") else value)
        except ValueError:
            pass  # the error below, which values of every type get
    raise EncodeError(path, value, 'hexadecimal octets such as "0x1A"')
