"""Octets to messages and back, strict and lenient, for one choice of options.

One declaration gives two coders. :func:`interpreted` is an ordinary ``construct.Struct``: it is slow, and it has
the place of every field, so it finds what is wrong with a refused unit. :class:`Batched` joins the neighbouring
fixed fields of the same declaration into one ``struct.Struct`` and compiles, from the lines that each wire emits,
functions that decode and encode. :class:`Codec` uses the compiled functions for everything that is
in order, and the interpreted declaration for the rest.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, Generic, TypeVar

import construct

from protocol.codes import PREAMBLE, Channel, channel_of
from protocol.composite import Tail
from protocol.errors import DecodeError, Diagnosis, EncodeError, Problem
from protocol.language import Phrase
from protocol.messages import Message, cached, classes, payload_lengths, wires, wrong_length
from protocol.options import Options
from protocol.texts import CHANNELS
from protocol.wire import FAST_ERRORS, Complaint, Source, Unwritable

M = TypeVar("M", bound=Message)

_ITEM = re.compile(r"\d*\D")
"""One ``struct`` item: ``"BB9s"`` has three."""


@cached
def interpreted(cls: type[Message], options: Options) -> Any:
    """The ``construct.Struct`` of a whole unit of ``cls``.

    A unit of variable length is built with length 0, for the caller to set.
    """
    lengths = payload_lengths(cls, options)
    (orm_number, orm_wire), *rest = wires(cls, options).items()
    length = construct.Int8ub if len(lengths) > 1 else construct.Const(next(iter(lengths)), construct.Int8ub)
    return construct.Struct(
        "preamble" / construct.Const(PREAMBLE, construct.Int8ub),
        orm_number / orm_wire,
        "code" / construct.Const(cls.code, construct.Int8ub),
        "length" / length,
        *(name / wire for name, wire in rest),
        construct.Terminated,
    )


@cached
def offsets(cls: type[Message], options: Options) -> Mapping[str, int]:
    """Field → octet of the unit at which it begins."""
    (orm_number, _), *rest = wires(cls, options).items()
    found = {"preamble": 0, orm_number: 1, "code": 2, "length": 3}
    at = 4
    for name, wire in rest:
        found[name] = at
        at += 0 if isinstance(wire, Tail) else wire.sizeof()
    return found


class Batched(Generic[M]):
    """A whole unit of one class, decoded and encoded by generated functions.

    They raise one of :data:`~protocol.wire.FAST_ERRORS` for anything out of the ordinary; ``decode_strictly`` also
    for what is accepted on receipt alone.
    """

    def __init__(self, cls: type[M], options: Options) -> None:
        self.cls = cls
        self.lengths = payload_lengths(cls, options)
        (orm_number, orm_wire), *rest = wires(cls, options).items()
        self.head = [(orm_number, orm_wire)]
        self.fixed = [(name, wire) for name, wire in rest if not isinstance(wire, Tail)]
        self.tail = [(name, wire) for name, wire in rest if isinstance(wire, Tail)]
        # Preamble, ORM number, then code and length as one item where the length is fixed.
        head = "<BBBB" if self.tail else "<BBH"
        self.struct = struct.Struct(head + "".join(wire.items for _, wire in self.fixed))
        namespace: dict[str, Any] = {}
        tolerant, strict = Source(namespace, tolerant=True), Source(namespace, tolerant=False)
        lines = self._decoding("decode", tolerant) + self._decoding("decode_strictly", strict)
        self.source_text = "\n".join(lines + self._encoding(strict)) + "\n"
        exec(compile(self.source_text, f"<{cls.__name__}>", "exec"), namespace)  # nosec B102 # noqa: S102 - generated from the declaration
        self.decode: Callable[[bytes], M] = namespace["decode"]
        self.decode_strictly: Callable[[bytes], M] = namespace["decode_strictly"]
        self.encode: Callable[[M], bytes] = namespace["encode"]

    def _decoding(self, function: str, source: Source) -> list[str]:
        names = ["preamble", "i_0", *(["code", "length"] if self.tail else ["kind"])]
        lines: list[str] = []
        values = [("i_0", self.head[0][0])]
        for number, (name, wire) in enumerate(self.fixed):
            items = [f"i{number}_{part}" for part in range(len(_ITEM.findall(wire.items)))]
            names += items
            emitted, value = wire.emit_decode(items, source)
            lines += emitted
            values.append((value, name))
        size = self.struct.size
        unpack = source.bind(self.struct.unpack, "unpack")
        if self.tail:
            unpack = source.bind(self.struct.unpack_from, "unpack")
            lengths = source.bind(self.lengths, "lengths")
            header = self.cls.channel.header_length
            check = (
                f"if preamble != {PREAMBLE} or code != {self.cls.code} or length not in {lengths}"
                f" or len(unit) != length + {header}: raise ValueError"
            )
            ((name, wire),) = self.tail
            emitted, value = wire.emit_decode([f"bytes(unit[{size}:])"], source)
            lines += emitted
            values.append((value, name))
        else:
            check = f"if preamble != {PREAMBLE} or kind != {self._kind()}: raise ValueError"
        new = source.bind(object.__new__, "new")
        return [
            f"def {function}(unit):",
            f"    ({', '.join(names)}) = {unpack}(unit)",
            f"    {check}",
            *(f"    {line}" for line in lines),
            f"    message = {new}({source.bind(self.cls, 'cls')})",
            *(f"    message.{name} = {value}" for value, name in values),
            "    return message",
        ]

    def _kind(self) -> int:
        return self.cls.code | next(iter(self.lengths)) << 8

    def _encoding(self, source: Source) -> list[str]:
        lines: list[str] = []
        _, items = self.head[0][1].emit_encode(f"message.{self.head[0][0]}", "v", source)
        head = [str(PREAMBLE), *items]
        body: list[str] = []
        for number, (name, wire) in enumerate(self.fixed):
            emitted, items = wire.emit_encode(f"message.{name}", f"v{number}", source)
            lines += emitted
            body += items
        pack = source.bind(self.struct.pack, "pack")
        if not self.tail:
            result = f"{pack}({', '.join([*head, str(self._kind()), *body])})"
        else:
            ((name, wire),) = self.tail
            emitted, (rest,) = wire.emit_encode(f"message.{name}", "v", source)
            lines += [*emitted, f"tail = {rest}"]
            length = f"len(tail) + {self.struct.size - self.cls.channel.header_length}"
            result = f"{pack}({', '.join([*head, str(self.cls.code), length, *body])}) + tail"
        return ["def encode(message):", *(f"    {line}" for line in lines), f"    return {result}"]


@lru_cache(maxsize=64)
def batches(options: Options) -> Mapping[int, Batched[Any]]:
    """Code → generated codec, for all units of the order."""
    return {code: Batched(cls, options) for code, cls in classes(options.order).items()}


@dataclass(slots=True)
class UnknownUnit:
    """A unit that no declaration fits: an unknown code, or a known one in a wrong length. Encodes back."""

    code: int
    raw: bytes
    channel: Channel


@dataclass(slots=True)
class _Judged:
    """The result of decoding a unit by its interpreted declaration."""

    message: Message | None
    problems: list[Problem]
    fields: dict[str, object]


class Codec:
    """Encodes and decodes under ``options``. Stateless: one may be shared by threads.

    The generated coders are made once for each value of ``options`` in the process.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = Options() if options is None else options
        self._classes = classes(self.options.order)
        self._tolerant: dict[int, Callable[[bytes], Message]] = {}
        self._strict: dict[int, Callable[[bytes], Message]] = {}
        self._encoders: dict[type[Any], Callable[[Any], bytes]] = {UnknownUnit: attrgetter("raw")}
        for code, batch in batches(self.options).items():
            self._tolerant[code] = batch.decode
            self._strict[code] = batch.decode_strictly
            self._encoders[batch.cls] = batch.encode

    # --- encoding
    def encode(self, message: Message | UnknownUnit) -> bytes:
        """The unit of ``message``. Raises :class:`EncodeError`."""
        try:
            return self._encoders[type(message)](message)
        except FAST_ERRORS:
            return self._encode_slowly(message)

    def _encode_slowly(self, message: Message | UnknownUnit) -> bytes:
        if not isinstance(message, Message) or self._classes.get(message.code) is not type(message):
            raise EncodeError("", message, f"a message of order {self.options.order}")
        cls = type(message)
        values = {name: getattr(message, name, None) for name in wires(cls, self.options)}
        if len(payload_lengths(cls, self.options)) > 1:
            values["length"] = 0
        try:
            unit = bytearray(interpreted(cls, self.options).build(values))
        except Unwritable as error:
            raise EncodeError(_dotted(error.path), error.value, error.allowed) from None
        length = len(unit) - cls.channel.header_length
        if length > 0xFF:
            raise EncodeError("length", length, "a payload of at most 255 octets")
        unit[3] = length
        return bytes(unit)

    # --- decoding
    def decode(self, unit: bytes) -> Message:
        """The message in ``unit``, which must be one whole unit as declared.

        Spellings that a receiver understands are accepted (:attr:`Problem.accepted`, docs/protocol.md).
        Raises :class:`DecodeError`.
        """
        try:
            return self._tolerant[unit[2]](unit)
        except FAST_ERRORS:
            raise DecodeError(bytes(unit), self._diagnose) from None

    def decode_lenient(
        self, unit: bytes, channel: Channel | None = None
    ) -> tuple[Message | UnknownUnit, tuple[Problem, ...]]:
        """The message in ``unit`` and all that is wrong with it; ``encode`` of the result gives ``unit`` again.

        ``channel`` is what an :class:`UnknownUnit` gets; by default it is guessed from the code. Raises
        :class:`DecodeError` only for less than four octets or another first octet than CCh.
        """
        try:
            return self._strict[unit[2]](unit), ()
        except FAST_ERRORS:
            pass
        unit = bytes(unit)
        if len(unit) < 4 or unit[0] != PREAMBLE:
            raise DecodeError(unit, self._diagnose)
        judged = self._judge(unit, channel)
        if judged.message is None:
            unknown = UnknownUnit(unit[2], unit, channel_of(unit[2]) if channel is None else channel)
            return unknown, tuple(judged.problems)
        return judged.message, tuple(judged.problems)

    def _diagnose(self, unit: bytes) -> Diagnosis:
        judged = self._judge(bytes(unit))
        problem = next(problem for problem in judged.problems if not problem.accepted)
        cls = self._classes.get(unit[2]) if len(unit) > 2 else None
        known = offsets(cls, self.options) if cls is not None else {}
        named = problem.path.partition(".")[0]
        end = known.get(named, problem.offset)
        return Diagnosis(problem, {name: v for name, v in judged.fields.items() if known[name] < end})

    def _judge(self, unit: bytes, channel: Channel | None = None) -> _Judged:
        """Parse ``unit`` by its interpreted declaration, noting every problem.

        ``channel`` decides how long the header of an unknown code is.
        """
        if not unit or unit[0] != PREAMBLE:
            text = (
                Phrase("{octet:02X}h where CCh begins a unit", octet=unit[0])
                if unit
                else Phrase("nothing where CCh begins a unit")
            )
            return _Judged(None, [Problem(0, "preamble", text)], {})
        if len(unit) < 4:
            text = Phrase("a unit has at least four octets")
            return _Judged(None, [Problem(len(unit), "", text)], {})
        code = unit[2]
        cls = self._classes.get(code)
        channel = (channel or channel_of(code)) if cls is None else cls.channel
        header = channel.header_length
        problems = []
        if cls is None:
            text = Phrase(
                "unknown code: {code:02X}h does not exist in order {order}",
                code=code,
                order=self.options.order,
            )
            problems.append(Problem(2, "code", text))
            if len(unit) != header + unit[3]:
                taken = Phrase(
                    "{text} (taken for: {channel})",
                    text=_length_text(unit, header),
                    channel=CHANNELS[channel],
                )
                problems.append(Problem(3, "length", taken))
            return _Judged(None, problems, {})
        if (wrong := wrong_length(cls, unit[3], self.options)) is not None:
            problems.append(Problem(3, "length", wrong))
        fields, complaints, ended = self._walk(cls, unit)
        if len(unit) != header + unit[3]:
            offset = min(len(unit), header + unit[3])
            problems.append(Problem(offset, ended if len(unit) == offset else "", _length_text(unit, header)))
        if problems:
            return _Judged(None, problems, fields)
        begins = offsets(cls, self.options)
        for complaint in complaints:
            path = _dotted(complaint.path)
            offset = begins[path.partition(".")[0]] + complaint.offset
            problems.append(Problem(offset, path, complaint.message, complaint.accepted))
        problems.sort(key=lambda problem: problem.offset)
        message = object.__new__(cls)
        for name, value in fields.items():
            setattr(message, name, value)
        return _Judged(message, problems, fields)

    def _walk(self, cls: type[Message], unit: bytes) -> tuple[dict[str, object], list[Complaint], str]:
        """Fields as far as whole ones are there, their complaints, and the field that is cut off, if any."""
        complaints: list[Complaint] = []
        fields: dict[str, object] = {}
        stream = io.BytesIO(unit)
        for subcon in interpreted(cls, self.options).subcons:
            if subcon.name is None:
                continue
            if subcon.name in ("preamble", "code", "length"):
                stream.seek(1, io.SEEK_CUR)
                continue
            try:
                fields[subcon.name] = subcon.parse_stream(stream, problems=complaints)
            except (construct.StreamError, IndexError):
                return fields, complaints, str(subcon.name)
        return fields, complaints, ""


def _dotted(path: str) -> str:
    """A construct path without its first word, dotted."""
    return ".".join(path.split(" -> ")[1:])


def _length_text(unit: bytes, header: int) -> Phrase:
    claimed = header + unit[3]
    is_short = len(unit) < claimed
    return Phrase(
        "unit {kind}: {size} octets, and the length octet makes {claimed}",
        kind=Phrase("ends early") if is_short else Phrase("goes on"),
        size=len(unit),
        claimed=claimed,
    )
