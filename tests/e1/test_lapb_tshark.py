"""tshark reads what our ends send: the frames field by field, and their FCS."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from e1.hdlc import with_fcs
from e1.lapb.config import LapbConfig, LapbEffect, Role, SendFrame
from e1.lapb.frames import Kind, parse
from e1.lapb.machine import Lapb

USER0, CISCO_HDLC = 147, 104
DIRECTION: dict[Role, int] = {"dte": 2, "dce": 1}
"""epb_flags: outbound is DTE to DCE."""
FIELDS = (
    "frame.p2p_dir",
    "lapb.address",
    "lapb.control",
    "lapb.control.n_s",
    "lapb.control.n_r",
    "lapb.control.p",
    "lapb.control.f",
    "lapb.control.u_modifier_cmd",
    "lapb.control.u_modifier_resp",
    "lapb.control.s_ftype",
)
COMMAND_NAMES = {Kind.SABM: "0x0b", Kind.DISC: "0x10"}
RESPONSE_NAMES = {Kind.UA: "0x18", Kind.DM: "0x03", Kind.FRMR: "0x21"}


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def pcapng(link_type: int, packets: list[tuple[int, bytes]]) -> bytes:
    """A capture of ``(epb_flags, octets)``, one a millisecond."""
    blocks = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    blocks.append(block(1, struct.pack("<HHI", link_type, 0, 0)))
    for number, (flags, octets) in enumerate(packets):
        padded = octets + bytes(-len(octets) % 4)
        options = struct.pack("<HHIHH", 2, 4, flags, 0, 0)
        head = struct.pack("<IIIII", 0, 0, 1000 * number, len(octets), len(octets))
        blocks.append(block(6, head + padded + options))
    return b"".join(blocks)


def tshark(path: Path, *arguments: str) -> list[str]:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: apt install tshark")
    command = ["tshark", "-r", str(path), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def conversation() -> list[tuple[Role, bytes]]:
    """All kinds of frames that our ends send, made by making them send them."""
    ends: dict[Role, Lapb] = {role: Lapb(LapbConfig(role=role, t1=3.0)) for role in ("dte", "dce")}
    crossed: list[tuple[Role, bytes]] = []
    now = 0.0

    def carry_out(role: Role, effects: list[LapbEffect], *, lost: bool = False) -> None:
        other: Role = "dce" if role == "dte" else "dte"
        for effect in effects:
            if isinstance(effect, SendFrame):
                crossed.append((role, effect.frame))
                if not lost:
                    carry_out(other, ends[other].received(effect.frame, now))

    ends["dce"].carrier(True, now)
    now = 3.0
    carry_out("dce", ends["dce"].tick(now))  # DM F=0, and so SABM, UA
    for turn in range(9):
        carry_out("dte", ends["dte"].send(bytes((0x10, turn)), now))
        carry_out("dce", ends["dce"].send(b"\x20" * turn, now))
    for role in ends:
        carry_out(role, ends[role].send(b"lost", now), lost=True)
        carry_out(role, ends[role].send(b"gap", now))  # REJ, resent
        carry_out(role, ends[role].busy(True, now))
        carry_out(role, ends[role].busy(False, now))
        now += 1
        carry_out(role, ends[role].tick(now))
    for role in ends:
        carry_out(role, ends[role].send(b"unheard", now), lost=True)
        now += 3
        carry_out(role, ends[role].tick(now))  # RR P=1
    sabme = bytes((ends["dce"].config.response_address, 0x7F))
    carry_out("dce", ends["dce"].received(sabme, now))
    for role in ends:
        undefined = bytes((ends[role].config.response_address, 0x13))
        carry_out(role, ends[role].received(undefined, now))  # FRMR, and so SABM, UA
    carry_out("dte", ends["dte"].disconnect(now))  # DISC, UA
    carry_out("dce", ends["dce"].connect(now))
    return crossed


def expected(role: Role, frame: bytes) -> list[str]:
    """What tshark is to show; it leaves out a P or F bit that is not set."""
    other: Role = "dce" if role == "dte" else "dte"
    read = parse(frame, LapbConfig(role=other))
    assert read is not None
    numbered = read.kind in (Kind.I, Kind.RR, Kind.RNR, Kind.REJ)
    supervisory = {Kind.RR: "0x00", Kind.RNR: "0x01", Kind.REJ: "0x02"}
    return [
        "0" if role == "dte" else "1",
        f"0x{frame[0]:02x}",
        f"0x{frame[1]:02x}",
        str(read.ns) if read.kind is Kind.I else "",
        str(read.nr) if numbered else "",
        "1" if read.pf and read.command else "",
        "1" if read.pf and not read.command else "",
        COMMAND_NAMES.get(read.kind, ""),
        RESPONSE_NAMES.get(read.kind, ""),
        supervisory.get(read.kind, ""),
    ]


def test_tshark_reads_each_frame_as_it_was_meant(tmp_path: Path) -> None:
    crossed = conversation()
    seen = {(role, read.kind) for role, frame in crossed if (read := parse(frame, LapbConfig(role=role)))}
    for kind in (Kind.I, Kind.RR, Kind.RNR, Kind.REJ, Kind.FRMR, Kind.SABM, Kind.UA):
        assert {("dte", kind), ("dce", kind)} <= seen
    assert {("dce", Kind.DM), ("dte", Kind.DISC)} <= seen
    path = tmp_path / "lapb.pcapng"
    path.write_bytes(pcapng(USER0, [(DIRECTION[role], frame) for role, frame in crossed]))
    fields = [word for field in FIELDS for word in ("-e", field)]
    dlt = 'uat:user_dlts:"User 0 (DLT=147)","lapb","0","","0",""'
    shown = tshark(path, "-o", dlt, "-T", "fields", *fields)
    assert len(shown) == len(crossed)
    for line, (role, frame) in zip(shown, crossed, strict=True):
        assert line.split("\t") == expected(role, frame), frame.hex(" ")


def test_tshark_agrees_on_the_fcs_of_each_frame_and_not_on_a_wrong_one(tmp_path: Path) -> None:
    frames = [with_fcs(frame) for _, frame in conversation()]
    long = [with_fcs(bytes((number * step) & 0xFF for number in range(260))) for step in (1, 3, 7, 255)]
    good = [frame for frame in frames if len(frame) >= 6] + long
    wrong = [frame[:-1] + bytes((frame[-1] ^ 0x80,)) for frame in good]
    path = tmp_path / "fcs.pcapng"
    path.write_bytes(pcapng(CISCO_HDLC, [(2, frame) for frame in good + wrong]))
    shown = tshark(
        path, "-o", "chdlc.fcs_type:16-Bit", "-T", "fields", "-e", "ppp.fcs.status", "-e", "ppp.fcs_16"
    )
    fcs = [f"0x{int.from_bytes(frame[-2:], 'little'):04x}" for frame in good]
    assert shown[: len(good)] == [f"1\t{value}" for value in fcs]
    assert [line.split("\t")[0] for line in shown[len(good) :]] == ["0"] * len(wrong)
