"""The units of orders 268 and 70 as scapy packets: ``from sorm_mediator.scapy import AddObject``.

Every message is a class of its own, made from its declaration (:mod:`protocol.messages`), with the same name and the
same fields; those with a name that scapy uses itself end in ``_``, such as ``time_``. A field takes what JSON has
(docs/messages.md), or a value of :mod:`protocol`; octets that no declared value fits are kept, so that a packet that
was read is written octet for octet. TCP on ports 1001 and 1002 is read as units, one after another; ``TCPSession``
puts those together that segments cut.

scapy is GPL-2.0 and optional: ``pip install sorm-mediator[scapy]``. Nothing else of this package imports it or this.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import new_class
from typing import Any

try:
    from scapy.config import conf
    from scapy.fields import ByteField, Field, StrLenField, XByteField
    from scapy.layers.inet import TCP
    from scapy.packet import NoPayload, Packet, bind_layers
except ImportError as error:
    raise ImportError(
        "sorm_mediator.scapy needs scapy, which is GPL-2.0 and optional: pip install 'sorm-mediator[scapy]'"
    ) from error

from protocol.codes import PREAMBLE, channel_of
from protocol.composite import Tail
from protocol.errors import EncodeError
from protocol.forms import TextForm
from protocol.messages import MESSAGES, Message, forms, payload_lengths, wires
from protocol.options import Options
from protocol.values import Kept
from protocol.wire import Wire

PORTS = (1001, 1002)
"""KPD1 and KPD2 (order 268, 1.4)."""
_COMMON_HEADER = 4
_OPTIONS = Options()


class WireField(Field[Any, Any]):
    """A field of a message, by its wire."""

    __slots__ = ("at", "size", "wire")

    def __init__(self, name: str, default: object, wire: Wire, at: int) -> None:
        """``at``: octets of the unit before it."""
        self.wire = wire
        self.size = None if isinstance(wire, Tail) else wire.sizeof()
        self.at = at
        Field.__init__(self, name, default, f"{self.size or 0}s")

    def getfield(self, pkt: Any, s: bytes) -> tuple[bytes, Any]:
        """The octets after it, and its value."""
        size = pkt.whole_size() - self.at if self.size is None else self.size
        value, _ = self.wire.read(s[:size])
        return s[size:], value

    def addfield(self, pkt: Any, s: bytes, val: Any) -> bytes:
        """Raises :class:`ValueError` with what is allowed."""
        try:
            return s + self.wire.write(val)
        except ValueError as error:
            raise ValueError(f"{self.name}: {val!r} can't be sent; allowed: {error}") from None

    def any2i(self, pkt: Any, x: Any) -> Any:
        """A value as it is kept. Raises :class:`ValueError` for one of a wrong kind."""
        if x is None or isinstance(x, bytes | tuple | Kept):
            return x
        try:
            return self.wire.form.from_json(self.name, x, {})
        except EncodeError as error:
            raise ValueError(str(error)) from None

    def i2repr(self, pkt: Any, x: Any) -> str:
        """As people read it; passwords are masked."""
        return " ".join(filter(None, self.wire.show(x, "en")))


class SormUnit(Packet):
    """A unit: one of an unknown code or length by itself, else the packet of its message."""

    name = "SORM unit"
    fields_desc = [  # noqa: RUF012 - of scapy
        XByteField("preamble", PREAMBLE),
        ByteField("orm_number", 1),
        XByteField("code", 0),
        ByteField("length", None),
        StrLenField("octets", b"", length_from=lambda pkt: pkt.whole_size() - _COMMON_HEADER),
    ]

    @classmethod
    def dispatch_hook(cls, _pkt: bytes = b"", *_: object, **__: object) -> type[Packet]:
        """The class for octets."""
        if not _pkt:
            return cls
        if len(_pkt) < _COMMON_HEADER or _pkt[0] != PREAMBLE or len(_pkt) < _size(_pkt):
            raw: type[Packet] = conf.raw_layer
            return raw
        layer = LAYERS.get(_pkt[2])
        return layer if layer is not None and _pkt[3] in _LENGTHS[_pkt[2]] else cls

    @classmethod
    def tcp_reassemble(cls, data: bytes, *_: object, **__: object) -> Packet | None:
        """The units, once the last one is whole; for ``TCPSession``."""
        at = 0
        while len(data) - at >= _COMMON_HEADER and data[at] == PREAMBLE:
            at += _size(data[at:])
        complete = at == len(data) or (at < len(data) and data[at] != PREAMBLE)
        return SormUnit(data) if complete else None

    def __iter__(self) -> Iterator[Packet]:
        """Itself, with each packet that its payload stands for: a field that is a tuple is one value, no range."""
        payloads = [None] if isinstance(self.payload, NoPayload) else self.payload
        for payload in payloads:
            yield self.clone_with(payload=payload, **self.fields)

    def whole_size(self) -> int:
        """Octets of the unit by its header."""
        return channel_of(self.code).header_length + (self.length or 0)

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Put the length in, unless it was given."""
        if self.length is None:
            length = max(0, len(pkt) - channel_of(pkt[2]).header_length)
            pkt = pkt[:3] + bytes((length,)) + pkt[4:]
        return pkt + pay

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """What follows is another unit."""
        return SormUnit if payload[:1] == bytes((PREAMBLE,)) else super().guess_payload_class(payload)

    def mysummary(self) -> str:
        """Its name."""
        return str(self.name)


def _size(octets: bytes) -> int:
    return channel_of(octets[2]).header_length + octets[3]


def _default(cls: type[Message], name: str) -> object:
    """The default of a field; of one that can't be left out the least value, 0 or an empty text."""
    field = next(one for one in dataclasses.fields(cls) if one.name == name)
    if field.default is not dataclasses.MISSING:
        return field.default
    return "" if isinstance(forms(cls)[name], TextForm) else 0


def field_name(name: str) -> str:
    """What a field is called here: ``time``, ``name`` and ``command`` are scapy's, ours are ``time_`` and so on."""
    return f"{name}_" if hasattr(Packet, name) else name


def _layer(cls: type[Message]) -> type[SormUnit]:
    """The class of packets of a message."""
    (orm_number, orm_wire), *rest = wires(cls, _OPTIONS).items()
    fields: list[Any] = [
        XByteField("preamble", PREAMBLE),
        WireField(orm_number, _default(cls, orm_number), orm_wire, 1),
        XByteField("code", cls.code),
        ByteField("length", None),
    ]
    at = _COMMON_HEADER
    for name, wire in rest:
        fields.append(WireField(field_name(name), _default(cls, name), wire, at))
        at += 0 if isinstance(wire, Tail) else wire.sizeof()
    contents = {
        "name": f"SORM {cls.message_name}",
        "fields_desc": fields,
        "__doc__": cls.__doc__,
        "__module__": __name__,
    }
    made: type[SormUnit] = new_class(cls.__name__, (SormUnit,), exec_body=lambda body: body.update(contents))
    return made


LAYERS: dict[int, type[SormUnit]] = {cls.code: _layer(cls) for cls in MESSAGES}
"""Code -> the class of its packets. Each is a name of this module too."""
_LENGTHS = {cls.code: payload_lengths(cls, _OPTIONS) for cls in MESSAGES}
globals().update({layer.__name__: layer for layer in LAYERS.values()})

for _port in PORTS:
    bind_layers(TCP, SormUnit, sport=_port)
    bind_layers(TCP, SormUnit, dport=_port)
    bind_layers(TCP, SormUnit, sport=_port, dport=_port)
