"""Frames and capture files made by hand, independently of the product's own writer."""

from __future__ import annotations

import socket
import struct

ETHERNET, RAW, NULL, LOOP, COOKED, COOKED_2 = 1, 101, 0, 108, 113, 276
SYN, FIN, ACK = 0x02, 0x01, 0x10
A, B = ("10.0.0.1", 40001), ("10.0.0.2", 1001)

Address = tuple[str, int]


def tcp(source: Address, destination: Address, sequence: int, data: bytes, flags: int = ACK) -> bytes:
    """An IP packet with a TCP segment; checksums are left at zero, readers don't look at them."""
    header = struct.pack(
        ">HHIIBBHHH", source[1], destination[1], sequence & 0xFFFFFFFF, 0, 0x50, flags, 1024, 0, 0
    )
    return ip(source[0], destination[0], 6, header + data)


def udp(source: Address, destination: Address, data: bytes) -> bytes:
    header = struct.pack(">HHHH", source[1], destination[1], 8 + len(data), 0)
    return ip(source[0], destination[0], 17, header + data)


def ip(source: str, destination: str, protocol: int, payload: bytes, fragment: int = 0) -> bytes:
    if ":" in source:
        ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination)
        return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + ends + payload
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0) + ends + payload


def framed(link_type: int, packet: bytes, *, vlan: bool = False, order: str = "<") -> bytes:
    """``packet`` in the frame of a link type."""
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    if link_type == ETHERNET:
        return bytes(12) + (b"\x81\x00\x00\x64" if vlan else b"") + kind + packet
    if link_type in (NULL, LOOP):
        return struct.pack(">I" if link_type == LOOP else order + "I", 2 if kind[0] == 8 else 30) + packet
    if link_type == COOKED:
        return bytes(14) + kind + packet
    if link_type == COOKED_2:
        return kind + bytes(18) + packet
    return packet


def pcap(frames: list[bytes], link_type: int = ETHERNET, *, order: str = "<", nano: bool = False) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link_type)
    for number, frame in enumerate(frames):
        out += struct.pack(order + "IIII", 1_700_000_000, 1000 + number, len(frame), len(frame)) + frame
    return out


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str = "<", link_type: int = ETHERNET, options: bytes = b"", snap: int = 0) -> bytes:
    return block(order, 1, struct.pack(order + "HHI", link_type, 0, snap) + options)


def enhanced(frame: bytes, order: str = "<", index: int = 0, ticks: int = 0, options: bytes = b"") -> bytes:
    head = struct.pack(order + "IIIII", index, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(order, 6, head + frame + bytes(-len(frame) % 4) + options)


def simple(frame: bytes, order: str = "<") -> bytes:
    return block(order, 3, struct.pack(order + "I", len(frame)) + frame)
