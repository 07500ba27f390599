"""FreeRADIUS's own client against our sink, with our dictionary."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

import pytest

from radius.packet import report_to_packet
from radius.report import CallReport, Match, Media, MessageReport, Party, ServiceUse
from radius.sink import Sink
from radius.wire import AccountingPacket, dictionary

SECRET = "2testing123"
RADCLIENT = shutil.which("radclient")

if RADCLIENT is None:
    pytest.skip("radclient is not installed: apt install freeradius-utils", allow_module_level=True)

ORDINARY = 'Acct-Status-Type = Start, Acct-Session-Id = "s-1", NAS-IP-Address = 192.0.2.1'


class Lab:
    """A sink and what it has taken."""

    def __init__(self) -> None:
        self.reports: list[CallReport] = []
        self.messages: list[MessageReport] = []
        self.others: list[AccountingPacket] = []
        self.port = 0

    async def radclient(
        self, text: str, *options: str, secret: str = SECRET, command: str = "acct"
    ) -> tuple[int, str]:
        """Exit code and output of radclient -x."""
        with resources.as_file(resources.files("radius")) as folder:
            process = await asyncio.create_subprocess_exec(
                RADCLIENT or "", "-x", "-d", str(folder), *options, f"127.0.0.1:{self.port}", command, secret,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            async with asyncio.timeout(20):
                output, _ = await process.communicate(text.encode())
        return process.returncode or 0, output.decode()


@asynccontextmanager
async def a_lab(**options: Any) -> AsyncIterator[tuple[Lab, Sink]]:
    lab = Lab()
    sink = Sink(
        "127.0.0.1", 0, {"127.0.0.1": SECRET}, lab.reports.append,
        on_message=lab.messages.append, on_other=lab.others.append, **options,
    )  # fmt: skip
    _, lab.port = await sink.start()
    try:
        yield lab, sink
    finally:
        sink.close()


async def test_ordinary_accounting_is_answered() -> None:
    async with a_lab() as (lab, sink):
        code, output = await lab.radclient(ORDINARY)
    assert code == 0, output
    assert "Received Accounting-Response" in output
    assert lab.others[0]["Acct-Session-Id"] == ["s-1"]
    assert sink.counters.other == 1


async def test_the_wrong_secret_gets_no_answer() -> None:
    async with a_lab() as (lab, sink):
        code, output = await lab.radclient(ORDINARY, "-r", "1", "-t", "0.2", secret="guess")
    assert code != 0
    assert "No reply" in output
    assert sink.counters.wrong_secret == 1
    assert lab.others == []


async def test_message_authenticator() -> None:
    async with a_lab(require_message_authenticator=True) as (lab, sink):
        code, output = await lab.radclient(f"{ORDINARY}, Message-Authenticator = 0x00")
        assert code == 0, output
        received = output[output.index("Received Accounting-Response") :]
        assert "Message-Authenticator = 0x" in received
        code, _ = await lab.radclient(ORDINARY, "-r", "1", "-t", "0.2")
        assert code != 0
    assert sink.counters.other == 1
    assert sink.counters.no_message_authenticator == 1


class Lossy(asyncio.DatagramProtocol):
    """A line to the sink that loses the first answer."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.connect(server)
        self.requests: list[bytes] = []
        self.answers: list[bytes] = []
        asyncio.get_running_loop().add_reader(self.sock, self.answered)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.client = addr
        self.requests.append(data)
        self.sock.send(data)

    def answered(self) -> None:
        self.answers.append(self.sock.recv(4096))
        if len(self.answers) > 1:
            self.transport.sendto(self.answers[-1], self.client)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock)
        self.sock.close()
        self.transport.close()


async def test_when_the_answer_is_lost_its_next_request_is_a_duplicate() -> None:
    async with a_lab() as (lab, sink):
        transport, line = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Lossy(("127.0.0.1", lab.port)), ("127.0.0.1", 0)
        )
        lab.port = transport.get_extra_info("sockname")[1]
        code, output = await lab.radclient(ORDINARY, "-r", "5", "-t", "0.2")
        line.close()
    assert code == 0, output
    assert line.requests == [line.requests[0]] * 2
    assert line.answers == [line.answers[0]] * 2
    assert len(lab.others) == 1
    assert sink.counters.duplicates == 1


async def test_status_server() -> None:
    async with a_lab() as (lab, sink):
        code, output = await lab.radclient("Message-Authenticator = 0x00", command="status")
    assert code == 0, output
    assert sink.counters.status == 1


def as_radclient_writes(packet: AccountingPacket) -> str:
    """The packet's attributes as the lines that radclient reads."""
    lines = []
    for name in packet.keys():  # noqa: SIM118  # pyrad gives the names
        for value in packet[name]:
            text = dictionary()[name].type == "string"
            lines.append(f'{name} = "{value}"' if text else f"{name} = {value}")
    return "\n".join(lines)


async def test_freeradius_reads_our_dictionary_and_its_report_arrives_whole() -> None:
    party = Party(digits="89001758964", ni="intercity", trunk=3)
    report = CallReport(
        call_id="c-17",
        domain="test.domain",
        sequence=4,
        time=1_700_000_012.123456,
        connection=0x1C,
        calling=Party(digits="28331", ni="private"),
        called=party,
        calling_station="28331",
        called_station="99001758964",
        setup_time=1_700_000_000.5,
        answer_time=1_700_000_003.25,
        release_time=1_700_000_012.123456,
        release_cause=5,
        services=(
            ServiceUse(time=1_700_000_001.0, code=0x21, phase=4, calling=Party(digits="28331"), called=party),
            ServiceUse(time=1_700_000_002.0, code=0x42, phase=4, calling=Party(digits="28331"), called=party),
        ),
        matches=(
            Match(object_number=258, role="a", called=party, time=1_700_000_000.5),
            Match(object_number=3, role="trunk", called=Party(), time=1_700_000_000.75),
        ),
        media=Media(a_ssrc=0xDEADBEEF, b_ssrc=7),
    )
    text = as_radclient_writes(report_to_packet(report))
    assert 'Sorm-Match = "258 a 1700000000500000 89001758964 intercity 3"' in text
    assert "Sorm-Release-Cause = After-Conversation" in text
    async with a_lab() as (lab, sink):
        code, output = await lab.radclient(text)
    assert code == 0, output
    assert "Sorm-Connection = 28" in output
    assert "Sorm-A-SSRC = 3735928559" in output
    assert lab.reports == [report]
    assert sink.counters.other == 0


async def test_freeradius_reads_the_report_of_a_message_and_keeps_its_pieces_in_order() -> None:
    message = MessageReport(
        message_id="c-18",
        domain="test.domain",
        time=1_700_000_012.5,
        sender=Party(digits="28331", ni="private"),
        receiver=Party(digits="89001758964", ni="intercity", trunk=3),
        sender_station="28331",
        receiver_station="9001758964",
        receiver_imsi="250011234567890",
        text="".join(f"{number}. Жду. " for number in range(60)),
        delivered=True,
        matches=(
            Match(object_number=258, role="a", called=Party(digits="89001758964"), time=1_700_000_012.5),
        ),
    )
    text = as_radclient_writes(report_to_packet(message))
    assert text.count("Sorm-Text = ") > 2
    async with a_lab() as (lab, _sink):
        code, output = await lab.radclient(text)
    assert code == 0, output
    assert "Sorm-Delivered = Delivered" in output
    assert lab.messages == [message]
    assert (lab.reports, lab.others) == ([], [])
