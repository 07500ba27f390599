"""One declaration, two codecs: an ordinary ``construct.Struct``, and one function each way.

:func:`interpreted` is the Struct; it is slow and knows where it is, so it judges what was refused.
:class:`Batched` joins the neighbouring fixed fields of the same declaration into one ``struct.Struct``
and writes, from the lines that each wire emits, one function that decodes and one that encodes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVar

import construct

from protocol.base import Message
from protocol.catalog import classes, payload_lengths, remembered, wires
from protocol.codes import PREAMBLE
from protocol.composite import Tail
from protocol.options import Options
from protocol.wire import FAST_ERRORS, Source

M = TypeVar("M", bound=Message)


@remembered
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


def offsets(cls: type[Message], options: Options) -> dict[str, int]:
    """Field → octet of the unit at which it begins."""
    (orm_number, _), *rest = wires(cls, options).items()
    found = {"preamble": 0, orm_number: 1, "code": 2, "length": 3}
    at = 4
    for name, wire in rest:
        found[name] = at
        at += 0 if isinstance(wire, Tail) else wire.sizeof()
    return found


def _item_sizes(items: str) -> list[str]:
    """``"BB9s"`` → ``["B", "B", "9s"]``."""
    found = []
    count = ""
    for character in items:
        if character.isdigit():
            count += character
        else:
            found.append(count + character)
            count = ""
    return found


class Batched(construct.Construct, Generic[M]):  # type: ignore[misc]
    """A whole unit of one class, decoded and encoded by two generated functions.

    ``decode`` and ``encode`` raise one of :data:`~protocol.wire.FAST_ERRORS` for anything out of the
    ordinary. With ``tolerant`` false that includes what is accepted on receipt alone.
    """

    def __init__(self, cls: type[M], options: Options, *, tolerant: bool = True) -> None:
        super().__init__()
        self.cls = cls
        self.lengths = payload_lengths(cls, options)
        (orm_number, orm_wire), *rest = wires(cls, options).items()
        self.head = [(orm_number, orm_wire)]
        self.fixed = [(name, wire) for name, wire in rest if not isinstance(wire, Tail)]
        self.tail = [(name, wire) for name, wire in rest if isinstance(wire, Tail)]
        # Preamble, ORM number, then code and length as one item where the length is fixed.
        head = "<BBBB" if self.tail else "<BBH"
        self.struct = struct.Struct(head + "".join(wire.items for _, wire in self.fixed))
        source = Source(tolerant=tolerant)
        self.source_text = "\n".join([*self._decoding(source), *self._encoding(source)]) + "\n"
        namespace = source.names
        exec(compile(self.source_text, f"<{cls.__name__}>", "exec"), namespace)  # noqa: S102
        self.decode: Callable[[bytes], M] = namespace["decode"]  # type: ignore[assignment]
        self.encode: Callable[[M], bytes] = namespace["encode"]  # type: ignore[assignment]

    def _decoding(self, source: Source) -> list[str]:
        names = ["preamble", "i_0", *(["code", "length"] if self.tail else ["kind"])]
        lines: list[str] = []
        values = [("i_0", self.head[0][0])]
        for number, (name, wire) in enumerate(self.fixed):
            items = [f"i{number}_{part}" for part in range(len(_item_sizes(wire.items)))]
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
            "def decode(unit):",
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

    # --- as a construct
    def _parse(self, stream: Any, context: Any, path: str) -> M:
        unit = construct.stream_read(stream, 4, path)
        rest = self.cls.channel.header_length - 4 + unit[3]
        unit += construct.stream_read(stream, rest, path)
        try:
            return self.decode(unit)
        except FAST_ERRORS as error:
            raise construct.ValidationError(f"no unit {self.cls.message_name}: {error!r}", path) from error

    def _build(self, obj: Any, stream: Any, context: Any, path: str) -> Any:
        try:
            unit = self.encode(obj)
        except FAST_ERRORS as error:
            raise construct.ValidationError(f"{obj!r} can't be sent: {error!r}", path) from error
        construct.stream_write(stream, unit, len(unit), path)
        return obj

    def _sizeof(self, context: Any, path: str) -> int:
        if self.tail:
            raise construct.SizeofError(path=path)
        return self.struct.size


@lru_cache(maxsize=64)
def batches(options: Options, *, tolerant: bool) -> Mapping[int, Batched[Any]]:
    """Code → generated codec, for all units of the order."""
    return {code: Batched(cls, options, tolerant=tolerant) for code, cls in classes(options.order).items()}
