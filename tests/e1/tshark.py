"""tshark as an independent reader of what we encode: LAPB frames with direction, in a pcapng of link type 147."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

DLT = 'uat:user_dlts:"User 0 (DLT=147)","lapb","0","","0",""'


def tshark() -> str:
    """The path of tshark; the test is skipped without it."""
    found = shutil.which("tshark")
    if found is None:
        pytest.skip("tshark is not installed: apt install tshark")
    return found


def fields(capture: Path, names: Iterable[str], *more: str) -> list[dict[str, str]]:
    """The fields ``names`` of every frame of a capture, as tshark prints them."""
    names = list(names)
    command = [tshark(), "-r", str(capture), "-o", DLT, "-T", "fields", *more]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [dict(zip(names, line.split("\t"), strict=True)) for line in done.stdout.splitlines()]


def verbose(capture: Path, *more: str) -> str:
    """What tshark prints of a capture in full."""
    command = [tshark(), "-r", str(capture), "-o", DLT, "-V", *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def write_frames(path: Path, frames: Iterable[tuple[bool, bytes]]) -> Path:
    """LAPB frames without FCS, each with whether it went from the DTE to the DCE."""
    blocks = [
        _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        _block(1, struct.pack("<HHI", 147, 0, 0)),
    ]
    for at, (from_dte, frame) in enumerate(frames):
        head = struct.pack("<IIIII", 0, 0, at, len(frame), len(frame))
        options = struct.pack("<HHIHH", 2, 4, 2 if from_dte else 1, 0, 0)
        blocks.append(_block(6, head + frame + bytes(-len(frame) % 4) + options))
    path.write_bytes(b"".join(blocks))
    return path


def read_frames(path: Path) -> list[tuple[bool, bytes]]:
    """The frames of such a file and their direction."""
    frames, at, raw = [], 0, path.read_bytes()
    while at < len(raw):
        kind, length = struct.unpack_from("<II", raw, at)
        if kind == 6:
            (size,) = struct.unpack_from("<I", raw, at + 20)
            frame = raw[at + 28 : at + 28 + size]
            (flags,) = struct.unpack_from("<I", raw, at + 28 + size + -size % 4 + 4)
            frames.append((flags & 3 == 2, frame))
        at += length
    return frames


def _block(kind: int, body: bytes) -> bytes:
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
