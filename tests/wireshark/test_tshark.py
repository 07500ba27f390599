"""tshark with the dissector shows what ``decode`` says: every recording and every vector, over TCP and over DLT 147."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from protocol import Options
from protocol.options import CHOICES
from sorm_mediator.capture.writer import PcapngWriter
from sorm_mediator.wireshark.folder import install
from sorm_mediator.wireshark.script import BETWEEN, dissector
from tests.wireshark.test_core import UNITS, stream
from tests.wireshark.tshark import compare, need, tshark

pytestmark = pytest.mark.lab

RUNS = Path(__file__).parents[2] / "captures" / "runs"
PORTS = (1001, 1002, 10001, 10002)
START = UNITS[0]
CONSOLE = ("127.0.0.1", 40000)


def user(folder: Path, text: str) -> Path:
    """The home of a user with the dissector installed."""
    need()
    install(folder / ".local" / "lib" / "wireshark" / "plugins", text)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return user(tmp_path_factory.mktemp("home"), dissector(ports=PORTS))


def pieces(data: bytes, chance: random.Random, most: int) -> Iterator[bytes]:
    """``data`` cut in odd places."""
    at = 0
    while at < len(data):
        size = chance.randrange(1, most)
        yield data[at : at + size]
        at += size


class Line:
    """Both directions of a LAPB link with X.25 data packets of one circuit, as the lab writes them."""

    def __init__(self, writer: PcapngWriter, name: str, channel: int) -> None:
        self._writer, self._name, self._channel = writer, name, channel
        self._sent = {True: 0, False: 0}

    def packets(
        self, data: bytes, now: float, *, outbound: bool, most: int = 64, repeat: bool = False
    ) -> None:
        """A message, in packets with the M bit in all but the last one; ``repeat``: each frame comes twice."""
        for at in range(0, len(data), most):
            number = self._sent[outbound] = (self._sent[outbound] + 1) % 8
            more = 0x10 if at + most < len(data) else 0
            header = bytes((0x10 | self._channel >> 8, self._channel & 0xFF, number << 1 | more))
            frame = bytes((3 if outbound else 1, number << 1)) + header + data[at : at + most]
            for _ in range(1 + repeat):
                self._writer.lapb(self._name, frame, now, outbound=outbound)


def write_vectors(path: Path, units: Iterable[bytes], chance: random.Random) -> None:
    """Units as they may come: alone, many in one segment, split anywhere, with damage between; over TCP and X.25."""
    units = list(units)
    with PcapngWriter(path) as writer:
        known = writer.connection("known port", CONSOLE, ("127.0.0.1", 10001), 1.0)
        for number, unit in enumerate(units):
            known.sent(unit, 2.0 + number)
            known.received(unit, 2.5 + number)
        for port in range(30):
            odd = writer.connection("odd places", CONSOLE, ("127.0.0.1", 20000 + port), 3000.0 + port)
            damaged = b"".join(stream(chance) for _ in range(4)) if port else b"".join(units)
            for place, piece in enumerate(pieces(START + damaged + START, chance, (2, 9, 40, 300)[port % 4])):
                (odd.sent if port % 2 else odd.received)(piece, 3000.0 + port + place / 10_000)
            odd.close(3000.9 + port)
        whole = writer.connection("many at once", CONSOLE, ("127.0.0.1", 30000), 4000.0)
        whole.sent(b"".join(units), 4001.0)
        kpd1, kpd2 = Line(writer, "KPD1", 1), Line(writer, "KPD2", 1)
        for number, unit in enumerate(units):
            kpd1.packets(unit, 5000.0 + number, outbound=number % 2 == 0, most=(16, 64, 128)[number % 3])
            kpd2.packets(unit, 5000.5 + number, outbound=False, repeat=number % 4 == 0)
        for number in range(30):  # a message need not end where a unit ends
            for piece in pieces(START + stream(chance) + START, chance, 60):
                kpd2.packets(piece, 6000.0 + number, outbound=True, most=32)


def test_every_recording(home: Path, tmp_path: Path) -> None:
    whole = tmp_path / "all.pcapng"
    recordings = sorted(RUNS.glob("*.pcapng"))
    subprocess.run([need("mergecap"), "-a", "-I", "none", "-w", whole, *recordings], check=True)
    assert compare(home, whole) > 1500


def test_every_vector_however_it_comes(home: Path, tmp_path: Path) -> None:
    write_vectors(tmp_path / "vectors.pcapng", UNITS, random.Random(5))  # noqa: S311
    assert compare(home, tmp_path / "vectors.pcapng") > 8 * len(UNITS)


def test_every_option_is_a_preference(home: Path, tmp_path: Path) -> None:
    """All of them other than by default."""
    chosen = {name: values[-1] for name, values in CHOICES.items()}
    options = Options(**chosen)
    assert all(getattr(options, name) != getattr(Options(), name) for name in CHOICES)
    words = [
        word
        for name, value in chosen.items()
        for word in ("-o", f"sorm.{name}:{str(value).replace('True', 'TRUE')}")
    ]
    with PcapngWriter(tmp_path / "dialect.pcapng") as writer:
        for port, count in ((1001, 1), (1002, len(UNITS))):
            connection = writer.connection(str(port), CONSOLE, ("127.0.0.1", port), 1.0)
            for number in range(0, len(UNITS), count):
                connection.sent(b"".join(UNITS[number : number + count]), 2.0 + number)
    assert compare(home, tmp_path / "dialect.pcapng", options, "en", *words) >= 2 * len(UNITS)


def test_in_russian_with_order_70(tmp_path: Path) -> None:
    home = user(tmp_path, dissector("ru", order="70", ports=(10001,)))
    with PcapngWriter(tmp_path / "ru.pcapng") as writer:
        connection = writer.connection("KPD1", CONSOLE, ("127.0.0.1", 10001), 1.0)
        for number, unit in enumerate(UNITS):
            connection.sent(unit, 2.0 + number)
    assert compare(home, tmp_path / "ru.pcapng", Options(order="70"), "ru") == len(UNITS)


def test_filters_and_a_second_reading(home: Path, tmp_path: Path) -> None:
    """``-2`` reads the frames twice, as Wireshark does when one scrolls back."""
    path = tmp_path / "few.pcapng"
    by_code = {unit[2]: unit for unit in UNITS}
    with PcapngWriter(path) as writer:
        connection = writer.connection("KPD1", CONSOLE, ("127.0.0.1", 20000), 1.0)
        data = b"".join((START, UNITS[5], by_code[0x41], by_code[0x27], b"\x01\x02", START))
        for number in range(0, len(data), 7):
            connection.sent(data[number : number + 7], 2.0 + number)
    wanted = "sorm.object == 258 || sorm.call == 1 || sorm.command_name || sorm.problem"
    frames = ["-T", "fields", "-e", "frame.number", "-e", "_ws.col.Info"]
    once = tshark(home, "-r", path, "-Y", wanted, *frames)
    assert once == tshark(home, "-2", "-r", path, "-Y", wanted, *frames)
    infos = [part.split(" ")[0] for line in once.splitlines() for part in line.split("\t")[1].split(BETWEEN)]
    assert infos == ["add-object", "number-received", "command-received", "unknown"]


def test_dlt_147_of_others_is_left_alone(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.pcapng"
    with PcapngWriter(path) as writer:
        writer.lapb("other", b"\x55\xaa" + START, 1.0, outbound=True)
        writer.lapb("lapb", b"\x03\x02\x10\x01\x02no units at all", 2.0, outbound=True)
        Line(writer, "lapb2", 1).packets(START, 3.0, outbound=True)
    shown = tshark(home, "-r", path, "-T", "fields", "-e", "frame.protocols").splitlines()
    assert [line.split(":")[1:] for line in shown] == [
        ["user_dlt", "data"],
        ["lapb", "x25", "data"],
        ["lapb", "x25", "sorm"],
    ]
