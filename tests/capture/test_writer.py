"""What we write, Wireshark reads and follows, and so do we."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sorm_mediator.capture.events import Trouble
from sorm_mediator.capture.files import Packet, read_packets
from sorm_mediator.capture.packets import checksum
from sorm_mediator.capture.reader import read_input
from sorm_mediator.capture.source import Source
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.capture.writer import MAX_SEGMENT, PcapngWriter

START = bytes.fromhex("CC010100313233343536")
RECEIVED = bytes.fromhex("CC01270200000000FF020100")
EXECUTED = bytes.fromhex("CC01280200000000FF020100")
REPLY = bytes.fromhex("CC015303FFFFFFFFFFFFFFFF070101")
CONSOLE = ("127.0.0.1", 40001), ("127.0.0.1", 40002)
MEDIATOR = ("127.0.0.1", 1001), ("127.0.0.1", 1002)
NOW = 1_700_000_000.25


def record(path: Path, *, handshake: bool = True) -> None:
    """A short dialogue, as a console sees it."""
    with PcapngWriter(path) as writer:
        kpd2 = writer.connection("KPD2", CONSOLE[1], MEDIATOR[1], NOW, handshake=handshake)
        kpd1 = writer.connection("KPD1", CONSOLE[0], MEDIATOR[0], NOW, handshake=handshake)
        kpd1.sent(START, NOW + 0.001, comment="start")
        kpd1.received(RECEIVED, NOW + 0.002)
        kpd1.received(EXECUTED, NOW + 0.003)
        kpd2.received(REPLY, NOW + 0.004)
        kpd1.close(NOW + 1)
        kpd1.close(NOW + 2)


def packets(path: Path) -> list[Packet]:
    with path.open("rb") as stream:
        found = list(read_packets(Source(stream)))
    assert not any(isinstance(item, Trouble) for item in found)
    return [item for item in found if isinstance(item, Packet)]


def units(path: Path) -> list[Found]:
    with path.open("rb") as stream:
        return [item for item in decode_events(read_input(stream)) if isinstance(item, Found)]


def tshark(path: Path, *arguments: str) -> list[str]:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: apt install tshark")
    done = subprocess.run(["tshark", "-r", str(path), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("handshake", [True, False])
def test_we_read_back_the_units_with_their_times(tmp_path: Path, handshake: bool) -> None:
    path = tmp_path / "run.pcapng"
    record(path, handshake=handshake)
    found = units(path)
    assert [item.raw for item in found] == [START, RECEIVED, EXECUTED, REPLY]
    assert [item.time_ns for item in found] == [
        1_700_000_000_250_000_000 + n * 1_000_000 for n in (1, 2, 3, 4)
    ]
    assert found[0].flow.label == "127.0.0.1:40001 > 127.0.0.1:1001 tcp"


def test_interfaces_carry_the_channels_and_packets_their_direction(tmp_path: Path) -> None:
    path = tmp_path / "run.pcapng"
    record(path, handshake=False)
    data = [(packet.interface, packet.direction) for packet in packets(path) if len(packet.data) > 54]
    assert data == [("KPD1", "out"), ("KPD1", "in"), ("KPD1", "in"), ("KPD2", "in")]


def test_tshark_reads_it_and_finds_no_wrong_checksum_nor_sequence(tmp_path: Path) -> None:
    path = tmp_path / "run.pcapng"
    record(path)
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    filters = "_ws.malformed or tcp.analysis.flags or tcp.checksum.status == 0 or ip.checksum.status == 0"
    assert tshark(path, *checks, "-Y", filters) == []
    assert len(tshark(path)) == 3 + 3 + 4 + 3


def test_tshark_sees_interface_names_directions_comments_and_times(tmp_path: Path) -> None:
    path = tmp_path / "run.pcapng"
    record(path)
    fields = ["frame.interface_name", "frame.packet_flags_direction", "frame.comment", "frame.time_epoch"]
    shown = tshark(
        path, "-Y", "tcp.len > 0", "-T", "fields", *(word for name in fields for word in ("-e", name))
    )
    assert [line.split("\t")[:3] for line in shown] == [
        ["KPD1", "0x00000002", "start"],
        ["KPD1", "0x00000001", ""],
        ["KPD1", "0x00000001", ""],
        ["KPD2", "0x00000001", ""],
    ]
    assert float(shown[0].split("\t")[3]) == pytest.approx(NOW + 0.001, abs=1e-6)


def test_tshark_follows_the_streams(tmp_path: Path) -> None:
    path = tmp_path / "run.pcapng"
    record(path)
    followed = "\n".join(tshark(path, "-q", "-z", "follow,tcp,raw,1")).upper()
    assert START.hex().upper() in followed
    assert RECEIVED.hex().upper() in followed
    assert "\n\t" + EXECUTED.hex().upper() in followed


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_long_data_are_cut_into_segments_that_follow_each_other(tmp_path: Path, host: str) -> None:
    path = tmp_path / "long.pcapng"
    data = START * 500
    with PcapngWriter(path) as writer:
        writer.connection("KPD1", (host, 40001), (host, 1001), NOW).sent(data, NOW)
    assert b"".join(item.raw for item in units(path)) == data
    assert max(packet.length for packet in packets(path)) <= MAX_SEGMENT + 74
    assert (
        tshark(path, "-o", "tcp.check_checksum:TRUE", "-Y", "tcp.analysis.flags or tcp.checksum.status == 0")
        == []
    )


def test_a_channel_that_connects_again_keeps_its_interface(tmp_path: Path) -> None:
    path = tmp_path / "again.pcapng"
    with PcapngWriter(path) as writer:
        for port in (40001, 40003):
            connection = writer.connection(
                "KPD1", ("127.0.0.1", port), MEDIATOR[0], NOW, description="stream 0"
            )
            connection.sent(START, NOW)
    assert {packet.interface for packet in packets(path)} == {"KPD1"}
    assert [item.flow.source for item in units(path)] == ["127.0.0.1:40001", "127.0.0.1:40003"]


def test_a_killed_process_leaves_a_readable_file(tmp_path: Path) -> None:
    path = tmp_path / "killed.pcapng"
    script = (
        "import os, sys\n"
        "from sorm_mediator.capture.writer import PcapngWriter\n"
        "writer = PcapngWriter(sys.argv[1])\n"
        "kpd1 = writer.connection('KPD1', ('127.0.0.1', 40001), ('127.0.0.1', 1001), 1.0)\n"
        f"kpd1.sent({START!r}, 2.0)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(path)], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [item.raw for item in units(path)] == [START]


def test_addresses_of_two_kinds_or_none_are_refused(tmp_path: Path) -> None:
    with PcapngWriter(tmp_path / "x.pcapng") as writer:
        with pytest.raises(ValueError, match="not of one IP version"):
            writer.connection("KPD1", ("127.0.0.1", 1), ("::1", 2), NOW)
        with pytest.raises(ValueError, match="localhost"):
            writer.connection("KPD1", ("localhost", 1), ("127.0.0.1", 2), NOW)


def test_a_file_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        PcapngWriter(tmp_path / "missing" / "x.pcapng")


def test_the_checksum_is_that_of_the_rfc() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # RFC 1071, section 3
    assert checksum(b"\x01") == 0xFEFF
