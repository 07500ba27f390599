"""Writing the traffic between console and mediator as pcapng for Wireshark.

Each channel is an interface of its own, named in the file. Its octets are in synthesized Ethernet, IP and TCP
with right checksums and sequence numbers, and each packet has its direction. Every block is one write to the
operating system as soon as it is made, so that a killed process leaves a readable file. A file holds what crossed
exactly, passwords too, so a new one is for its owner alone.

Format: draft-ietf-opsawg-pcapng; nanosecond timestamps.
"""

from __future__ import annotations

import io
import os
import struct
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol, Self

from sorm_mediator.capture.files import ENHANCED, EPB_FLAGS, IF_NAME, IF_TSRESOL, INBOUND, INTERFACE, OUTBOUND
from sorm_mediator.capture.packets import LINKTYPE_ETHERNET, TCP, UDP, checksum
from sorm_mediator.capture.x25 import LINKTYPE_USER0

MAX_SEGMENT = 1400
"""Octets of payload in one synthesized segment."""

_SECTION_HEADER = 0x0A0D0D0A
_BYTE_ORDER_MARK = 0x1A2B3C4D
_END_OF_OPTIONS, _COMMENT = 0, 1
_SHB_USERAPPL = 4
_IF_DESCRIPTION = 3
_FIN, _SYN, _PSH, _ACK = 0x01, 0x02, 0x08, 0x10
_FIRST_SEQUENCE = 1000
_MAC_LOCAL, _MAC_REMOTE = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")

Address = tuple[str, int]


class Blocks(Protocol):
    """Takes the blocks of a capture."""

    def write(self, block: bytes, /) -> int | None:
        """Take one block, or octets from its beginning: their count; None: all of it."""

    def close(self) -> None:
        """No block follows."""


def create(path: str | Path) -> int:
    """The descriptor of a file to be written, emptied; a new one is for its owner alone. Raises :class:`OSError`."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)


class PcapngWriter:
    """A capture being written to a file, an open descriptor, or other :class:`Blocks`; a context manager.

    ``comment``: what the capture is of. Raises :class:`OSError` if the file can't be written.
    """

    def __init__(self, target: str | Path | int | Blocks, comment: str = "") -> None:
        self._file: Blocks
        if isinstance(target, str | Path | int):
            # unbuffered: a block is one write, and no block waits in the process
            self._file = io.FileIO(target if isinstance(target, int) else create(target), "w")
        else:
            self._file = target
        self._interfaces: dict[str, int] = {}
        options = _option(_COMMENT, comment.encode("utf-8", "replace")) if comment else b""
        options += _option(_SHB_USERAPPL, b"sorm-mediator") + _option(_END_OF_OPTIONS, b"")
        self._block(_SECTION_HEADER, struct.pack("<IHHq", _BYTE_ORDER_MARK, 1, 0, -1) + options)

    def connection(
        self,
        name: str,
        local: Address,
        remote: Address,
        now: float,
        *,
        handshake: bool = True,
        accepted: bool = False,
        description: str = "",
    ) -> Connection:
        """A connection on the channel ``name`` (``KPD1``, ``KPD2``, ...), opened by ``local`` at ``now``.

        ``local`` is the side that captures: its octets are outbound. Addresses are IPv4 or IPv6, as text,
        both of one kind; :class:`ValueError` otherwise. A channel that connects again keeps its interface.
        ``handshake`` writes SYN, SYN-ACK and ACK, so that readers follow the connection from its first octet;
        with ``accepted`` the other side has opened it.
        """
        connection = Connection(self, self._interface(name, LINKTYPE_ETHERNET, description), local, remote)
        if handshake:
            connection.shake_hands(now, accepted=accepted)
        return connection

    def lapb(self, name: str, frame: bytes, now: float, *, outbound: bool, comment: str = "") -> None:
        """A LAPB frame without FCS on the timeslot ``name``; ``outbound``: from DTE to DCE.

        The link type is USER0: Wireshark refuses its own link type for LAPB. It decodes USER0 with the dissector of
        :mod:`sorm_mediator.wireshark`, or with the preference
        ``uat:user_dlts:"User 0 (DLT=147)","lapb","0","","0",""``.
        """
        self.packet(self._interface(name, LINKTYPE_USER0), frame, now, outbound=outbound, comment=comment)

    def datagram(
        self,
        name: str,
        local: Address,
        remote: Address,
        data: bytes,
        now: float,
        *,
        outbound: bool,
        comment: str = "",
    ) -> None:
        """One UDP datagram between ``local``, which captures, and ``remote``, on the channel ``name``.

        Addresses are as in :meth:`connection`.
        """
        ends = ip_address(local[0]).packed, ip_address(remote[0]).packed
        side = 0 if outbound else 1
        source, destination = ends[side], ends[1 - side]
        ports = (local[1], remote[1]) if outbound else (remote[1], local[1])
        length = 8 + len(data)
        header = struct.pack(">HHHH", *ports, length, 0)
        total = checksum(_pseudo(source, destination, UDP, length) + header + data) or 0xFFFF  # RFC 768
        payload = header[:6] + struct.pack(">H", total) + data
        frame = _in_ethernet(side, source, destination, UDP, payload, 0)
        self.packet(self._interface(name, LINKTYPE_ETHERNET), frame, now, outbound=outbound, comment=comment)

    def _interface(self, name: str, link_type: int, description: str = "") -> int:
        if name not in self._interfaces:
            options = _option(IF_NAME, name.encode())
            if description:
                options += _option(_IF_DESCRIPTION, description.encode())
            options += _option(IF_TSRESOL, b"\x09") + _option(_END_OF_OPTIONS, b"")
            self._block(INTERFACE, struct.pack("<HHI", link_type, 0, 0) + options)
            self._interfaces[name] = len(self._interfaces)
        return self._interfaces[name]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def packet(self, interface: int, frame: bytes, now: float, *, outbound: bool, comment: str = "") -> None:
        """One frame on an interface; ``now`` in Unix seconds (a float has the microseconds)."""
        ticks = max(0, round(now * 1_000_000)) * 1000
        options = _option(_COMMENT, comment.encode("utf-8", "replace")) if comment else b""
        options += _option(EPB_FLAGS, struct.pack("<I", OUTBOUND if outbound else INBOUND))
        options += _option(_END_OF_OPTIONS, b"")
        head = struct.pack(
            "<IIIII", interface, ticks >> 32 & 0xFFFFFFFF, ticks & 0xFFFFFFFF, len(frame), len(frame)
        )
        self._block(ENHANCED, head + _padded(frame) + options)

    def _block(self, kind: int, body: bytes) -> None:
        length = len(body) + 12
        self._write(struct.pack("<II", kind, length) + body + struct.pack("<I", length))

    def _write(self, block: bytes) -> None:
        written = self._file.write(block)
        while written is not None and written < len(
            block
        ):  # A nearly full disk takes a part before it raises.
            written += self._file.write(block[written:]) or 0


class Connection:
    """One TCP connection of a :class:`PcapngWriter`."""

    def __init__(self, writer: PcapngWriter, interface: int, local: Address, remote: Address) -> None:
        ends = ip_address(local[0]), ip_address(remote[0])
        if ends[0].version != ends[1].version:
            raise ValueError(f"{local[0]} and {remote[0]} are not of one IP version")
        self._writer = writer
        self._interface = interface
        self._ports = local[1], remote[1]
        self._addresses = ends[0].packed, ends[1].packed
        self._sequence = [_FIRST_SEQUENCE, _FIRST_SEQUENCE]  # next octet of local, of remote
        self._identification = 0
        self._open = True

    def sent(self, data: bytes, now: float, *, comment: str = "") -> None:
        """Octets that the capturing side sent."""
        self._data(0, data, now, comment)

    def received(self, data: bytes, now: float, *, comment: str = "") -> None:
        """Octets that the capturing side received."""
        self._data(1, data, now, comment)

    def shake_hands(self, now: float, *, accepted: bool = False) -> None:
        """SYN, SYN-ACK, ACK; with ``accepted`` the other side begins."""
        first = 1 if accepted else 0
        self._segment(first, _SYN, b"", now)
        self._segment(1 - first, _SYN | _ACK, b"", now)
        self._segment(first, _ACK, b"", now)

    def close(self, now: float) -> None:
        """FIN of both sides, once."""
        if self._open:
            self._open = False
            self._segment(0, _FIN | _ACK, b"", now)
            self._segment(1, _FIN | _ACK, b"", now)
            self._segment(0, _ACK, b"", now)

    def _data(self, side: int, data: bytes, now: float, comment: str) -> None:
        for start in range(0, len(data), MAX_SEGMENT):
            part = data[start : start + MAX_SEGMENT]
            self._segment(side, _PSH | _ACK, part, now, comment if start == 0 else "")

    def _segment(self, side: int, flags: int, data: bytes, now: float, comment: str = "") -> None:
        other = 1 - side
        ports = self._ports[side], self._ports[other]
        source, destination = self._addresses[side], self._addresses[other]
        numbers = self._sequence[side], self._sequence[other] if flags & _ACK else 0
        segment = struct.pack(">HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 0xFFFF, 0, 0) + data
        total = checksum(_pseudo(source, destination, TCP, len(segment)) + segment)
        segment = segment[:16] + struct.pack(">H", total) + segment[18:]
        taken = len(data) + (1 if flags & (_SYN | _FIN) else 0)
        self._sequence[side] = (self._sequence[side] + taken) & 0xFFFFFFFF
        self._identification = (self._identification + 1) & 0xFFFF
        frame = _in_ethernet(side, source, destination, TCP, segment, self._identification)
        self._writer.packet(self._interface, frame, now, outbound=side == 0, comment=comment)


def one_kind(local: Address, remote: Address) -> tuple[Address, Address]:
    """Both addresses of one kind, without zones; an IPv4 address among IPv6 ones is mapped."""
    hosts = [ip_address(end[0].partition("%")[0]) for end in (local, remote)]
    if hosts[0].version != hosts[1].version:
        texts = [str(host) if host.version == 6 else f"::ffff:{host}" for host in hosts]
    else:
        texts = list(map(str, hosts))
    return (texts[0], local[1]), (texts[1], remote[1])


def _pseudo(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """The pseudo-header in the checksums of TCP and UDP."""
    ipv4 = len(source) == 4
    packed = struct.pack(">BBH", 0, protocol, length) if ipv4 else struct.pack(">II", length, protocol)
    return source + destination + packed


def _in_ethernet(
    side: int, source: bytes, destination: bytes, protocol: int, payload: bytes, identification: int
) -> bytes:
    """An Ethernet frame with one IP packet. ``side``: the sender; 0 is the side that captures."""
    macs = (_MAC_REMOTE, _MAC_LOCAL) if side == 0 else (_MAC_LOCAL, _MAC_REMOTE)  # to, from
    if len(source) != 4:
        header = struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + source + destination
        return macs[0] + macs[1] + b"\x86\xdd" + header + payload
    length = 20 + len(payload)
    header = struct.pack(">BBHHHBBH", 0x45, 0, length, identification, 0x4000, 64, protocol, 0)
    header += source + destination
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return macs[0] + macs[1] + b"\x08\x00" + header + payload


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    value = value[:0xFFFF]
    return struct.pack("<HH", code, len(value)) + _padded(value)
