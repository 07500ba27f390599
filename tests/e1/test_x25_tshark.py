"""tshark reads what we encode, and we read what it reads, to the same fields."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from e1.x25 import packets
from e1.x25.packets import (
    CLEAR_CAUSES,
    DIAGNOSTICS,
    PACKETS,
    RESET_CAUSES,
    RESTART_CAUSES,
    Packet,
    Table,
    decode,
)
from tests.e1.channel_lines import Link
from tests.e1.tshark import fields, read_frames, verbose, write_frames

HERE = Path(__file__).parent
FIELDS = (
    "x25.gfi",
    "x25.q",
    "x25.d",
    "x25.a",
    "x25.mod",
    "x25.lcn",
    "x25.type",
    "x25.p_s",
    "x25.p_r",
    "x25.m",
    "x25.called_address_length",
    "x25.calling_address_length",
    "x25.called_address",
    "x25.calling_address",
    "x25.facility.packet_size.called_dte",
    "x25.facility.packet_size.calling_dte",
    "x25.window_size.called_dte",
    "x25.window_size.calling_dte",
    "x25.clear_cause",
    "x25.reset_cause",
    "x25.restart_cause",
    "x25.diagnostic",
)


BITS = ("x25.q", "x25.d", "x25.a")
"""Told by tshark where it finds them worth telling."""


def ours(packet: Packet, raw: bytes) -> dict[str, str]:
    """A packet's fields as tshark names and prints them."""
    told = dict.fromkeys(FIELDS, "")
    d, q = getattr(packet, "d", False), getattr(packet, "q", False)
    told |= {
        "x25.gfi": str(q << 3 | d << 2 | 1),
        "x25.mod": "1",
        "x25.type": f"0x{packet.kind:02x}",
        "x25.lcn": str(packet.lcn or ""),
        "x25.q": str(int(q)),
        "x25.d": str(int(d)),
        "x25.a": "0",
    }
    match packet:
        case packets.Data():
            told |= {"x25.p_s": str(packet.ps), "x25.p_r": str(packet.pr), "x25.m": str(int(packet.more))}
        case packets.ReceiveReady() | packets.ReceiveNotReady() | packets.Reject():
            told["x25.p_r"] = str(packet.pr)
        case packets.Diagnostic():
            told["x25.diagnostic"] = str(packet.code)
        case packets.ClearRequest() | packets.ResetRequest() | packets.RestartRequest():
            told[f"x25.{packet.title}_cause"] = f"0x{packet.cause:02x}"
            told["x25.diagnostic"] = "" if packet.diagnostic is None else str(packet.diagnostic)
        case packets.CallRequest() | packets.CallAccepted() if raw[3:]:
            for which in ("called", "calling"):
                address = getattr(packet, which)
                told[f"x25.{which}_address_length"] = str(len(address))
                told[f"x25.{which}_address"] = address
            for code, value in packet.facilities:
                name = {0x42: "x25.facility.packet_size", 0x43: "x25.window_size"}[code]
                told |= {f"{name}.called_dte": str(value[0]), f"{name}.calling_dte": str(value[1])}
    if isinstance(packet, packets.ClearConfirmation) and packet.rest:  # the extended format
        told |= {"x25.called_address_length": "0", "x25.calling_address_length": "0"}
    return told


def differences(raw: bytes, theirs: dict[str, str]) -> dict[str, tuple[str, str]]:
    told = ours(decode(raw), raw)
    return {
        name: (told[name], theirs[name])
        for name in FIELDS
        if told[name] != theirs[name] and not (name in BITS and theirs[name] == "")
    }


def test_every_packet_class_is_read_by_tshark_as_what_was_encoded(tmp_path: Path) -> None:
    every = [decode(bytes.fromhex(vector)) for kind in PACKETS for vector in kind.vectors]
    # tshark reads nothing of a packet whose diagnostic a DTE left out
    sent = [packet for packet in every if getattr(packet, "diagnostic", 0) is not None]
    frames = [(True, b"\x01\x00" + packet.encode()) for packet in sent]
    read = fields(write_frames(tmp_path / "all.pcapng", frames), FIELDS, "-o", "x25.reassemble:FALSE")
    assert len(read) == len(sent)
    for packet, theirs in zip(sent, read, strict=True):
        assert differences(packet.encode(), theirs) == {}, packet


@pytest.mark.parametrize("name", ["lapb_pvc", "lapb_svc"])
def test_captures_of_others_are_decoded_to_the_same_fields(name: str) -> None:
    path = HERE / f"{name}.pcapng"
    read = fields(path, [*FIELDS, "frame.p2p_dir"], "-o", "x25.reassemble:FALSE")
    frames = read_frames(path)
    assert len(frames) == len(read)
    seen = 0
    for (from_dte, frame), theirs in zip(frames, read, strict=True):
        assert theirs["frame.p2p_dir"] == ("0" if from_dte else "1")
        if frame[1] & 1 == 0:
            packet = decode(frame[2:])
            assert differences(frame[2:], theirs) == {}, packet
            assert packet.encode() in (frame[2:], frame[2:5])  # an answer without anything is sent shorter
            seen += 1
    assert seen == len([theirs for theirs in read if theirs["x25.type"]])


@pytest.mark.parametrize("circuit", ["pvc", "svc"])
def test_a_recorded_channel_is_followed_by_tshark_to_the_whole_message(circuit: str, tmp_path: Path) -> None:
    link = Link(circuit=circuit).start()
    link.run(1)
    link.send(link.dte, b"\xcc" + bytes(299))
    link.run(1)
    link.send(link.dce, b"\xcc answer")  # later: tshark joins the two directions of a channel
    link.run(1)
    link.dte.events += link.dte.channel.interrupt(b"stop", link.now)
    link.dte.events += link.dte.channel.reset(link.now)
    link.run(1)
    path = write_frames(tmp_path / "run.pcapng", [(each.outbound, each.frame) for each in link.dte.frames])
    text = verbose(path)
    assert "[3 X.25 Fragments (300 bytes)" in text
    assert "Malformed" not in text
    assert "Invalid" not in text
    read = fields(path, FIELDS, "-o", "x25.reassemble:FALSE")
    for frame, theirs in zip(link.dte.frames, read, strict=True):
        if frame.frame[1] & 1 == 0:
            assert differences(frame.frame[2:], theirs) == {}


@pytest.mark.parametrize(
    ("kind", "table"), [("Clear", CLEAR_CAUSES), ("Reset", RESET_CAUSES), ("Restart", RESTART_CAUSES)]
)
def test_the_causes_are_those_that_tshark_knows(kind: str, table: Table, tmp_path: Path) -> None:
    make = {"Clear": packets.ClearRequest, "Reset": packets.ResetRequest, "Restart": packets.RestartRequest}[
        kind
    ]
    frames = [(False, b"\x03\x00" + make(cause=cause).encode()) for cause in range(0x80)]
    lines = re.findall(
        r"[Cc]ause: (.+) \((0x..)\)", verbose(write_frames(tmp_path / "causes.pcapng", frames))
    )
    assert len(lines) == 0x80
    assert {int(code, 16) for text, code in lines if "Unknown" not in text} == set(table)


def test_the_diagnostics_are_those_that_tshark_knows(tmp_path: Path) -> None:
    codes = range(0x80)
    frames = [(False, b"\x03\x00" + packets.ResetRequest(diagnostic=code).encode()) for code in codes]
    lines = re.findall(r"Diagnostic: (.+) \((\d+)\)", verbose(write_frames(tmp_path / "all.pcapng", frames)))
    assert len(lines) == len(codes)
    assert {int(code) for text, code in lines if "Unknown" not in text} == set(DIAGNOSTICS)
