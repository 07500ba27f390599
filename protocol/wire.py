"""The place of one field in a unit, and everything else that its type decides.

Every :class:`Wire` is an ordinary construct adapter over ordinary construct fields, so any of them parses and builds
by itself and inside a ``construct.Struct``. In addition it

* lists the ``struct`` items it occupies and emits the few lines that turn those items into its value and back;
  :mod:`protocol.codec` joins the lines of neighbouring fields into one function;
* holds the form of its values in JSON documents and scripts (:attr:`Wire.form`);
* describes them for docs/messages.md and shows them to people;
* generates them for tests.

So a new type of field is one class, here or in :mod:`protocol.composite`, and an alias in :mod:`protocol.messages`.

A wire judges octets in one place, :meth:`Wire.read`, which always finds a value and perhaps a complaint. The emitted
lines raise one of :data:`FAST_ERRORS` for what they can't do (an undeclared value, a spelling that is only tolerated);
then :meth:`Wire.read` and :meth:`Wire.write` decide.
"""

from __future__ import annotations

import string
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import construct

from protocol.codes import ABSENT, KSL_NUMBERS, PASSWORD_CHARACTERS, STREAMS
from protocol.errors import shown_value
from protocol.forms import (
    AbsentForm,
    BoundedForm,
    Form,
    IntegerForm,
    NameForm,
    OctetsForm,
    PasswordForm,
    RecordForm,
    TextForm,
    as_hex,
)
from protocol.language import Lang, Phrase, translate
from protocol.options import ByteOrder
from protocol.texts import NOT_GIVEN, meaning_in, unknown, value_name_text
from protocol.values import Ksl, Raw

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FAST_ERRORS = (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError, struct.error)
"""Errors that emitted source raises for octets or values that it does not handle."""


MASK = "******"
"""Text shown for a password."""
NO_VALUE = "-"
"""Text shown for a field without a value."""
UNDECLARED = Phrase("undeclared octets")
_STREAM = Phrase("stream")
_KSL = Phrase("KSL")
_KSL_BOUNDS = f"{KSL_NUMBERS[0]}..{KSL_NUMBERS[-1]}"

Meaning = Callable[[int, Lang], str]
"""What an integer of a field means, in a language."""


class Row(NamedTuple):
    """One field as people read it: its caption, its value and its meaning (empty if the value needs none)."""

    caption: str
    value: str
    meaning: str = ""


class Complaint(NamedTuple):
    """What is wrong with the octets of one field."""

    message: str
    offset: int = 0
    """From the field's first octet."""
    path: str = ""
    """Below the field; of one that construct passes on, its own path with that after it."""
    accepted: bool = False
    more: tuple[Complaint, ...] = ()
    """The next problem of the same field."""


def merge(complaints: list[Complaint]) -> Complaint | None:
    """Several complaints of one field as one; it is accepted only if all of them are."""
    if not complaints:
        return None
    first, *more = sorted(complaints, key=lambda complaint: complaint.accepted)
    return first._replace(more=tuple(more))


class Undeclared(construct.ConstructError):  # type: ignore[misc]
    """Octets that a field has no declared value for, in strict parsing."""


class Unwritable(construct.ConstructError):  # type: ignore[misc]
    """A value that a field can't carry."""

    def __init__(self, path: str, value: object, allowed: str) -> None:
        super().__init__(f"{shown_value(value)} can't be sent; allowed: {allowed}", path)
        self.value = value
        self.allowed = allowed


class RefusedError(ValueError):
    """Raised by :meth:`Wire.write`: the text is what is allowed; ``path`` is below the field."""

    def __init__(self, allowed: str, path: str = "", value: object = None) -> None:
        super().__init__(allowed)
        self.path = path
        self.value = value


@dataclass
class Source:
    """The namespace of emitted lines: constants get their names on demand."""

    names: dict[str, Any]
    tolerant: bool
    """Whether decoding lines accept what is accepted on receipt alone; else :meth:`Wire.read` judges."""

    def bind(self, value: object, hint: str) -> str:
        """The name of ``value`` in the namespace."""
        for name, known in self.names.items():
            if known is value:
                return name
        name = f"{hint}_{len(self.names)}"
        self.names[name] = value
        return name


class Wire(construct.Adapter, ABC):  # type: ignore[misc]
    """One field: an adapter over its octets.

    ``items`` are the ``struct`` characters it occupies in a little-endian format; without any it takes all octets
    to the end. ``form`` is how its values are written in JSON and in scripts, ``values`` says in Markdown which
    there are. ``usual`` are values that are not worth showing. ``meaning`` is given for integers that are codes:
    they are shown in hexadecimal with it.
    """

    items: str
    form: Form
    usual: tuple[object, ...] = ()
    meaning: Meaning | None = None
    brief: Meaning | None = None
    """A shorter :attr:`meaning`, where that is long for a line of many fields."""
    not_given: Phrase = NOT_GIVEN
    """Meaning of None."""

    def __init__(self, items: str, form: Form, values: str) -> None:
        super().__init__(construct.Bytes(struct.calcsize("<" + items)) if items else construct.GreedyBytes)
        self.items = items
        self.form = form
        self.values = values

    # --- judged field by field
    @abstractmethod
    def read(self, octets: bytes) -> tuple[Any, Complaint | None]:
        """The value of ``octets`` and what is wrong with them, if anything is."""

    @abstractmethod
    def write(self, value: Any) -> bytes:
        """The octets of ``value``; :class:`RefusedError` with the text of what is allowed."""

    def read_part(self, octets: bytes, at: int, path: str, complaints: list[Complaint]) -> Any:
        """As :meth:`read`, for a part of another field: its complaint is added to ``complaints``."""
        value, wrong = self.read(octets)
        if wrong is not None:
            complaints.append(wrong._replace(offset=at + wrong.offset, path=path))
        return value

    def write_part(self, value: Any, path: str) -> bytes:
        """As :meth:`write`, for a part of another field: a refusal has ``path``."""
        try:
            return self.write(value)
        except RefusedError as refused:
            raise RefusedError(str(refused), path, value) from None

    def _decode(self, obj: Any, context: Any, path: str) -> Any:
        value, complaint = self.read(obj)
        if complaint is not None:
            problems = context.get("_params", context).get("problems")
            if problems is not None:
                for one in (complaint, *complaint.more):
                    problems.append(one._replace(path=f"{path} -> {one.path}" if one.path else path))
            elif not complaint.accepted:
                raise Undeclared(complaint.message, path)
        return value

    def _encode(self, obj: Any, context: Any, path: str) -> Any:
        try:
            return self.write(obj)
        except RefusedError as refused:
            below = f"{path} -> {refused.path}" if refused.path else path
            raise Unwritable(below, refused.value if refused.path else obj, str(refused)) from None

    def settled(self, *, tolerant: bool) -> Callable[[bytes], Any]:
        """:meth:`read` for emitted lines: raises :class:`ValueError` for what is not accepted."""

        def settle(octets: bytes) -> Any:
            value, complaint = self.read(octets)
            if complaint is not None and not (tolerant and complaint.accepted):
                raise ValueError
            return value

        return settle

    # --- for people
    def show(self, value: Any, lang: Lang) -> tuple[str, str]:
        """``value`` and what it means, which is empty when the value needs no meaning."""
        if isinstance(value, Raw):
            return str(value), translate(UNDECLARED, lang)
        if value is None:
            return NO_VALUE, translate(self.not_given, lang)
        if self.meaning is not None:
            return f"{value:02X}h", self.meaning(value, lang)
        return self.show_plain(value, lang)

    def in_line(self, value: int, lang: Lang) -> str:
        """What an integer of the field means in a line of many fields; empty where it means nothing."""
        meaning = self.brief or self.meaning
        text = "" if meaning is None else meaning(value, lang)
        return "" if text == translate(unknown(value), lang) else text

    def show_plain(self, value: Any, lang: Lang) -> tuple[str, str]:
        """As :meth:`show`, for a declared value without :attr:`meaning`."""
        return str(value), ""

    def rows(self, caption: str, value: Any, lang: Lang) -> list[Row]:
        """The rows of ``value``: one, except where a field is a list."""
        return [Row(caption, *self.show(value, lang))]

    # --- for tests
    @abstractmethod
    def strategy(self) -> SearchStrategy[Any]:
        """The declared values, as a strategy of hypothesis, which is imported at the first call and not before."""

    # --- written as source; by default a field of one item calls read and write
    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        """Lines and the expression of the value, given the names of the unpacked items."""
        return [], f"{source.bind(self.settled(tolerant=source.tolerant), 'settle')}({names[0]})"

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        """Lines and one expression an item. ``value`` is an expression, ``local`` a prefix for locals."""
        return [], [f"{source.bind(self.write, 'write')}({value})"]


def raw_octets(value: object, size: int) -> bytes | None:
    """The octets of a :class:`Raw` that fits ``size``; None for any other value."""
    if not isinstance(value, Raw):
        return None
    if len(value) != size:
        raise RefusedError(f"raw octets: exactly {size}")
    return bytes(value)


def show_text(text: str) -> str:
    """``text`` as people see it: unprintable characters escaped, an empty text as a pair of quotes."""
    if not text:
        return '""'
    return text if text.isprintable() else repr(text)


_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_LATIN_1 = "".join(map(chr, range(0x100)))


class Octet(Wire):
    """A plain integer 0..255."""

    def __init__(
        self,
        *,
        meaning: Meaning | None = None,
        brief: Meaning | None = None,
        usual: tuple[object, ...] = (),
    ) -> None:
        super().__init__("B", IntegerForm(0xFF), "0..255")
        self.meaning, self.brief = meaning, brief
        self.usual = usual

    def read(self, octets: bytes) -> tuple[int, None]:
        return octets[0], None

    def write(self, value: Any) -> bytes:
        if not isinstance(value, int) or not 0 <= value <= 0xFF:
            raise RefusedError("an integer 0..255")
        return bytes((value,))

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        return [], names[0]

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        return [], [value]

    def strategy(self) -> SearchStrategy[int]:
        from hypothesis import strategies as st

        return st.integers(0, 0xFF)


class Coded(Wire):
    """One octet with declared values; FFh is None unless it is declared itself.

    ``known`` maps octets to values. An undeclared octet is :class:`Raw`, or the integer itself in a field
    of integers (``numeric``), which can also be written.
    """

    texts: Mapping[int, Phrase] = {}
    """The table of a field that :meth:`table` made."""

    def __init__(
        self,
        known: Mapping[int, Any],
        *,
        what: str,
        numeric: bool = False,
        absent: bool = True,
        form: Form | None = None,
        values: str = "",
    ) -> None:
        if form is None:
            first = next(iter(known.values()))
            named = isinstance(first, StrEnum)
            form = NameForm(type(first)) if named else IntegerForm(0xFF)
        self.decoding: dict[int, Any] = dict(known)
        if absent:
            self.decoding.setdefault(ABSENT, None)
        self.what = what
        self.numeric = numeric
        super().__init__("B", form, values or self._all_values())
        self.encoding = {value: octet for octet, value in self.decoding.items()}
        if numeric:
            for octet in range(0x100):
                if octet not in self.decoding:
                    self.encoding[octet] = octet

    @classmethod
    def numbers(
        cls,
        known: Iterable[int],
        *,
        what: str,
        absent: bool = True,
        meaning: Meaning | None = None,
        brief: Meaning | None = None,
        usual: tuple[object, ...] = (),
    ) -> Coded:
        """A field of integers, of which the order lists those that are ``known``."""
        coded = cls({octet: octet for octet in known}, what=what, numeric=True, absent=absent)
        coded.meaning, coded.brief, coded.usual = meaning, brief, usual
        return coded

    @classmethod
    def table(
        cls, texts: Mapping[int, Phrase], *, what: str, absent: bool = True, not_given: Phrase = NOT_GIVEN
    ) -> Coded:
        """A field of integers that are declared by the table of their texts."""
        coded = cls.numbers(texts, what=what, absent=absent, meaning=meaning_in(texts))
        coded.texts, coded.not_given = texts, not_given
        return coded

    def allowed(self) -> str:
        """The declared values, for people."""
        if self.numeric:
            octets = sorted(self.decoding)
            if octets == list(range(octets[0], octets[-1] + 1)) and len(octets) > 2:
                return f"{octets[0]:02X}h..{octets[-1]:02X}h"
            return " ".join(f"{octet:02X}h" for octet in octets)
        return ", ".join("none" if value is None else str(value) for value in self.decoding.values())

    def read(self, octets: bytes) -> tuple[Any, Complaint | None]:
        octet = octets[0]
        if octet in self.decoding:
            return self.decoding[octet], None
        phrase = Phrase(
            "{what} {octet:02X}h is not one of {allowed}", what=self.what, octet=octet, allowed=self.allowed()
        )
        complaint = Complaint(phrase)
        return (octet if self.numeric else Raw(octets)), complaint

    def write(self, value: Any) -> bytes:
        if (raw := raw_octets(value, 1)) is not None:
            return raw
        try:
            return bytes((self.encoding[value],))
        except (KeyError, TypeError):
            numbers = "an integer 0..255" if ABSENT in self.encoding else "an integer 0..254, or none"
            allowed = numbers if self.numeric else self.allowed()
            raise RefusedError(allowed) from None

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        return [], f"{source.bind(self.decoding, 'decoding')}[{names[0]}]"

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        if self.numeric and ABSENT in self.encoding:
            return [], [value]  # every octet stands for itself
        return [], [f"{source.bind(self.encoding, 'encoding')}[{value}]"]

    def _all_values(self) -> str:
        if not self.numeric:
            return ", ".join("`null`" if one is None else f"`{one}`" for one in self.decoding.values())
        octets = sorted(octet for octet, value in self.decoding.items() if value is not None)
        none = ", `null`" if None in self.decoding.values() else ""
        if octets == list(range(octets[0], octets[-1] + 1)) and len(octets) > 2:
            return f"{octets[0]}..{octets[-1]}{none}"
        return "declared: " + " ".join(f"{octet:02X}h" for octet in octets) + none

    def show_plain(self, value: Any, lang: Lang) -> tuple[str, str]:
        return str(value), value_name_text(value, lang) if isinstance(value, StrEnum) else ""

    def strategy(self) -> SearchStrategy[Any]:
        from hypothesis import strategies as st

        return st.sampled_from(list(self.decoding.values()))


class KslOctet(Coded):
    """Stream and KSL in one octet, or None for FFh (order 268, 6.4.4.3, 6.4.6)."""

    def __init__(self) -> None:
        lines = {octet: Ksl(octet >> 5, octet & 0x1F) for octet in range(ABSENT)}
        self._lines = lines
        form = RecordForm(
            Ksl,
            {"stream": BoundedForm(STREAMS[-1]), "ksl": BoundedForm(31, " (KSL are 1..28)")},
            complete=True,
            nullable=True,
        )
        declared = {octet: line for octet, line in lines.items() if line.ksl in KSL_NUMBERS}
        super().__init__(declared, what="KSL", form=form, values="`{stream: 0..7, ksl: 1..28}`, `null`")
        self.encoding.update({line: octet for octet, line in lines.items()})

    def allowed(self) -> str:
        return f"stream 0..7 with KSL {_KSL_BOUNDS}, or none"

    def read(self, octets: bytes) -> tuple[Ksl | None, Complaint | None]:
        octet = octets[0]
        if octet in self.decoding:
            return self.decoding[octet], None
        line = self._lines[octet]
        text = Phrase(
            "KSL {ksl} (octet {octet:02X}h) is outside {bounds}",
            ksl=line.ksl,
            octet=octet,
            bounds=_KSL_BOUNDS,
        )
        return line, Complaint(text)

    def show_plain(self, value: Ksl, lang: Lang) -> tuple[str, str]:
        return f"{translate(_STREAM, lang)} {value.stream}, {translate(_KSL, lang)} {value.ksl}", ""


class Word(Wire):
    """A 16-bit integer in either byte order; with ``absent``, FFFFh is None (order 268, 6.5.5.5, 6.10.4)."""

    def __init__(self, order: ByteOrder, *, absent: bool = True) -> None:
        values = "0..65534, `null`" if absent else "0..65535"
        super().__init__(
            "H" if order == "little" else "BB", AbsentForm() if absent else IntegerForm(0xFFFF), values
        )
        self.order = order
        self.absent = absent

    def read(self, octets: bytes) -> tuple[int | None, None]:
        value = int.from_bytes(octets, self.order)
        return (None if self.absent and value == 0xFFFF else value), None

    def write(self, value: Any) -> bytes:
        if (raw := raw_octets(value, 2)) is not None:
            return raw
        if value is None and self.absent:
            return b"\xff\xff"
        if not isinstance(value, int) or not 0 <= value <= 0xFFFF:
            raise RefusedError(
                "an integer 0..65534, or none (65535)" if self.absent else "an integer 0..65535"
            )
        return value.to_bytes(2, self.order)

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        if self.order == "little":
            lines, value = [], names[0]
        else:
            value = names[1]
            lines = [f"{value} |= {names[0]} << 8"]
        return lines, f"None if {value} == 65535 else {value}" if self.absent else value

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        lines = []
        if self.absent:
            lines = [f"{local} = {value}", f"if {local} is None: {local} = 65535"]
        elif self.order == "big":
            lines = [f"{local} = {value}"]
        if self.order == "little":
            return lines, [local if lines else value]
        return lines, [f"{local} >> 8", f"{local} & 255"]

    def strategy(self) -> SearchStrategy[int | None]:
        from hypothesis import strategies as st

        return st.none() | st.integers(0, 0xFFFE) if self.absent else st.integers(0, 0xFFFF)


class Text(Wire):
    """``size`` octets of ASCII padded with FFh on the right; others are read as latin-1.

    Order 268, 9.11.4.1 has ASCII for the version. For names of trunks (9.10) and the information of 26h (9.6.4.4)
    it has no coding: our choice.
    """

    def __init__(self, size: int, form: TextForm | None = None) -> None:
        super().__init__(f"{size}s", form or TextForm(), f"a text of at most {size} characters")
        self.size = size
        self.allowed = f"a text of at most {size} latin-1 characters that does not end in U+00FF"

    def read(self, octets: bytes) -> tuple[str, Complaint | None]:
        text = octets.rstrip(b"\xff")
        complaint = None
        if not text.isascii():
            at = next(position for position, octet in enumerate(text) if octet > 0x7F)
            complaint = Complaint(Phrase("octet {octet:02X}h is not ASCII", octet=text[at]), at)
        return text.decode("latin-1"), complaint

    def write(self, value: Any) -> bytes:
        if (raw := raw_octets(value, self.size)) is not None:
            return raw
        try:
            octets = value.encode("latin-1")
        except (AttributeError, UnicodeEncodeError):
            octets = None
        if octets is None or not self.fits(octets):
            raise RefusedError(self.allowed)
        return bytes(octets.ljust(self.size, b"\xff"))

    def fits(self, octets: bytes) -> bool:
        """Whether the encoded text can be sent."""
        return len(octets) <= self.size and not octets.endswith(b"\xff")

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        return [], f"{names[0]}.rstrip(b'\\xff').decode('ascii')"

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        return [
            f"{local} = {value}.encode('ascii')",
            f"if len({local}) > {self.size}: raise ValueError",
        ], [f"{local}.ljust({self.size}, b'\\xff')"]

    def show_plain(self, value: str, lang: Lang) -> tuple[str, str]:
        return show_text(value), ""

    def strategy(self) -> SearchStrategy[str]:
        from hypothesis import strategies as st

        return st.text(_PRINTABLE, max_size=self.size)


class PasswordOctets(Text):
    """Exactly six characters, any octets, as latin-1. People never see them."""

    def __init__(self) -> None:
        super().__init__(PASSWORD_CHARACTERS, PasswordForm())
        self.allowed = f"exactly {self.size} latin-1 characters"
        self.values = Phrase("a text of exactly {size} characters", size=self.size)

    def read(self, octets: bytes) -> tuple[str, None]:
        return octets.decode("latin-1"), None

    def fits(self, octets: bytes) -> bool:
        return len(octets) == self.size

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        return [], f"{names[0]}.decode('latin-1')"

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        return [
            f"{local} = {value}.encode('latin-1')",
            f"if len({local}) != {self.size}: raise ValueError",
        ], [local]

    def show(self, value: Any, lang: Lang) -> tuple[str, str]:
        return MASK, ""

    def strategy(self) -> SearchStrategy[str]:
        from hypothesis import strategies as st

        digits = st.text(string.digits, min_size=self.size, max_size=self.size)
        return digits | st.text(_LATIN_1, min_size=self.size, max_size=self.size)


class Filler(Wire):
    """``size`` octets that carry nothing and are FFh."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size}s", OctetsForm(), f"{size} octets FFh")
        self.size = size
        self.octets = b"\xff" * size
        self.usual = (self.octets,)

    def read(self, octets: bytes) -> tuple[bytes, Complaint | None]:
        if octets == self.octets:
            return self.octets, None
        at = next(position for position, octet in enumerate(octets) if octet != 0xFF)
        return octets, Complaint(Phrase("filler {octet:02X}h is not FFh", octet=octets[at]), at)

    def write(self, value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) != self.size:
            raise RefusedError(f"exactly {self.size} octets")
        return bytes(value)

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        filler = source.bind(self.octets, "filler")
        return [f"if {names[0]} != {filler}: raise ValueError"], filler

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        return [f"{local} = {value}", f"if len({local}) != {self.size}: raise ValueError"], [local]

    def show_plain(self, value: bytes, lang: Lang) -> tuple[str, str]:
        text = value.decode("latin-1")
        return as_hex(value), f'"{text}"' if text.isascii() and text.isprintable() else ""

    def strategy(self) -> SearchStrategy[bytes]:
        from hypothesis import strategies as st

        return st.just(self.octets)
