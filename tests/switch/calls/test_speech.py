"""Speech of controlled calls: which tones, to whom, and when; then over real sockets."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from e1.voice.matrix import VoiceMatrix
from e1.voice.rtp import JitterConfig, RtpPacket, parse
from e1.voice.tones import ToneListener
from radius.report import CallReport, Media, Party
from radius.sink import Sink
from sorm_mediator import config
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.errors import BoxError
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import CallRequest, ServiceRequest
from sorm_mediator.switch.calls.speech import Address, Speech, rtp_address, tones
from sorm_mediator.switch.speech_sender import SpeechSender
from ssh_control.client import SwitchLink
from ssh_control.dialect import ClientHello, Refused

SECRET = "2testing123"
HERE = ("127.0.0.1", 40_000)
THERE = ("127.0.0.1", 40_002)
START = 5000.0


# --- which tone


def test_the_last_two_digits_say_the_tone() -> None:
    assert tones("28331", "28332") == (1950, 2000)
    assert tones("200100", "89001758964") == (400, 600)
    assert tones("", "5") == (400, 650)
    assert tones("*43#", "12") == (2550, 1000)


def test_parties_whose_numbers_end_alike_still_differ() -> None:
    assert tones("28331", "38331") == (1950, 2000)
    assert tones("59", "59") == (3350, 400)


def test_all_tones_lie_in_the_band_that_is_listened_for() -> None:
    made = {tone for a, b in itertools.product(range(100), repeat=2) for tone in tones(f"{a:02}", f"{b:02}")}
    assert made <= set(ToneListener().frequencies)
    assert len(made) == 60


# --- when


def report(
    call: str = "c1", *, called: str = "28332", released: bool = False, media: bool = True, first: int = 10
) -> CallReport:
    return CallReport(
        call_id=call,
        domain="test.domain",
        sequence=1,
        time=1.0,
        connection=0x1C,
        calling=Party(digits="28331"),
        called=Party(digits=called),
        release_time=2.0 if released else None,
        media=Media(a_ssrc=first, b_ssrc=first + 1) if media else None,
    )


class Clock:
    """Speech, and time that goes on to each deadline."""

    def __init__(self, **addresses: Address) -> None:
        self.speech = Speech(-13.0)
        self.speech.addresses.update(addresses)
        self.now = START
        self.sent: list[tuple[float, Address, RtpPacket]] = []

    def report(self, report: CallReport, *, speaking: bool = True, mediator: str = "m1") -> None:
        self.speech.report(mediator, report, speaking=speaking, now=self.now)

    def run(self, seconds: float) -> list[tuple[float, Address, RtpPacket]]:
        """What is sent within that time: when, where to, and what."""
        end = round(self.now + seconds - 0.001, 6)
        before = len(self.sent)
        while (deadline := self.speech.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.sent += [(self.now, to, parse(datagram)) for to, datagram in self.speech.tick(self.now)]
        self.now = end + 0.001
        return self.sent[before:]


def of(sent: list[tuple[float, Address, RtpPacket]], ssrc: int) -> list[RtpPacket]:
    return [packet for _, _, packet in sent if packet.ssrc == ssrc]


def heard(packets: list[RtpPacket]) -> frozenset[int]:
    return ToneListener().feed(b"".join(packet.payload for packet in packets))


def test_an_answered_call_is_fifty_packets_a_second_for_each_party() -> None:
    clock = Clock(m1=HERE)
    clock.report(report())
    sent = clock.run(1.0)
    assert [round((when - START) * 1000) for when, _, _ in sent] == [20 * (n // 2) for n in range(100)]
    for ssrc, tone in ((10, 1950), (11, 2000)):
        packets = of(sent, ssrc)
        assert [packet.sequence for packet in packets] == list(range(50))
        assert [packet.timestamp for packet in packets] == [160 * n for n in range(50)]
        assert [packet.marker for packet in packets] == [True] + [False] * 49
        assert {(packet.payload_type, len(packet.payload)) for packet in packets} == {(8, 160)}
        assert heard(packets) == {tone}


def test_a_call_that_rings_is_silent_and_costs_no_timer() -> None:
    clock = Clock(m1=HERE)
    clock.report(report(), speaking=False)
    assert clock.speech.next_deadline() is None
    assert clock.speech.tick(START) == []


def test_the_release_ends_it() -> None:
    clock = Clock(m1=HERE)
    clock.report(report())
    clock.run(0.1)
    clock.report(report(released=True), speaking=False)
    assert clock.speech.next_deadline() is None
    clock.report(report(released=True), speaking=False)
    clock.report(report("c2"))
    assert len(clock.run(0.1)) == 10


def test_a_pause_keeps_its_length_and_ends_with_a_marker() -> None:
    clock = Clock(m1=HERE)
    clock.report(report())
    clock.run(0.1)
    clock.report(report(), speaking=False)
    assert clock.run(1.0) == []
    clock.report(report())
    packets = of(clock.run(0.1), 10)
    assert [packet.sequence for packet in packets] == [5, 6, 7, 8, 9]
    assert [packet.timestamp for packet in packets] == [160 * n for n in range(55, 60)]
    assert [packet.marker for packet in packets] == [True, False, False, False, False]


def test_another_party_in_the_place_of_b_speaks_with_its_source() -> None:
    clock = Clock(m1=HERE)
    clock.report(report())
    clock.run(0.1)
    clock.report(report(called="28335"))
    packets = of(clock.run(0.1), 11)
    assert heard(packets) == {2150}
    assert [packet.sequence for packet in packets] == [5, 6, 7, 8, 9]


def test_each_mediator_hears_its_own_calls_at_its_own_address() -> None:
    clock = Clock(m1=HERE, m2=THERE)
    clock.report(report())
    clock.report(report(), mediator="m2")
    clock.report(report("c2", first=20), mediator="m2")
    sent = clock.run(0.02)
    assert [(to, packet.ssrc) for _, to, packet in sent] == [
        (HERE, 10), (HERE, 11), (THERE, 10), (THERE, 11), (THERE, 20), (THERE, 21),
    ]  # fmt: skip


def test_a_mediator_that_is_away_is_sent_nothing_and_hears_again_when_it_is_back() -> None:
    clock = Clock(m1=HERE)
    clock.report(report())
    clock.run(0.1)
    address = clock.speech.addresses.pop("m1")
    assert clock.run(0.1) == []
    clock.speech.addresses["m1"] = address
    packets = of(clock.run(0.1), 10)
    assert [packet.timestamp for packet in packets] == [160 * n for n in range(10, 15)]
    assert packets[0].marker


def test_a_report_without_sources_is_a_call_without_speech() -> None:
    clock = Clock(m1=HERE)
    clock.report(report(media=False))
    assert clock.run(0.1) == []


def test_a_timer_that_is_a_little_late_makes_up_and_a_very_late_one_leaves_out() -> None:
    clock = Clock(m1=HERE)
    clock.report(report())
    clock.run(0.02)
    assert len(clock.speech.tick(START + 0.065)) == 2 * 3
    assert clock.speech.tick(START + 0.065) == []
    (_, datagram), _ = clock.speech.tick(START + 1.005)
    assert parse(datagram).timestamp == 160 * 50
    assert clock.speech.counters["frames left out"] == 46


# --- where to


@pytest.mark.parametrize(
    ("rtp", "address"),
    [
        ("127.0.0.1:40000", ("127.0.0.1", 40000)),
        ("localhost:40000", ("127.0.0.1", 40000)),
        ("0.0.0.0:40000", ("192.0.2.7", 40000)),
    ],
)
def test_where_a_mediator_is(rtp: str, address: Address) -> None:
    assert rtp_address(rtp, "192.0.2.7:51000", 4) == address


def test_a_mediator_may_be_reached_by_ipv6() -> None:
    assert rtp_address("[::1]:40000", "::1:51000", 6) == ("::1", 40000)


@pytest.mark.parametrize(
    ("rtp", "reason"),
    [
        ("127.0.0.1", "has no port from 1 to 65535"),
        ("127.0.0.1:0", "has no port from 1 to 65535"),
        ("127.0.0.1:70000", "has no port from 1 to 65535"),
        ("127.0.0.1:²", "has no port from 1 to 65535"),
        ("mediator.example:40000", "'mediator.example' is no IP address"),
        ("[::1]:40000", "is IPv6; speech is sent by IPv4"),
    ],
)
def test_an_address_that_cannot_be_sent_to_is_refused_in_words(rtp: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rtp_address(rtp, "192.0.2.7:51000", 4)


# --- over sockets


def lab(port: int = 1, **switch: Any) -> Config:
    servers = [{"host": "127.0.0.1", "port": port, "secret": SECRET}]
    numbers = [{"number": "28331"}, {"number": "28332"}]
    domain = {"name": "test.domain", "password": "123", "radius_servers": servers, "subscribers": numbers}
    return config.parse({"switch": {"ssh_port": 0, "domains": [domain], **switch}})


class Listener(asyncio.DatagramProtocol):
    """A mediator's RTP socket: everything goes into the matrix, whose one line is listened to."""

    def __init__(self) -> None:
        self.matrix = VoiceMatrix(JitterConfig(limit=8000))
        self.packets: list[bytes] = []
        self.enough = asyncio.Event()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.packets.append(data)
        self.matrix.rtp(data, len(self.packets) * 0.01)
        if len(self.packets) >= 40:
            self.enough.set()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


class Mediator:
    """A mediator that controls 28331: its link, its sink, and its RTP socket with a matrix behind it."""

    def __init__(self, box: SwitchBox, listener: Listener) -> None:
        self.box = box
        self.listener = listener
        self.reports: list[CallReport] = []
        self._arrived = asyncio.Event()

    def report(self, report: CallReport) -> None:
        self.reports.append(report)
        self._arrived.set()

    async def until(self, condition: Callable[[CallReport], bool]) -> None:
        """Wait for a report like this."""
        async with asyncio.timeout(20):
            while not any(map(condition, self.reports)):
                self._arrived.clear()
                await self._arrived.wait()


async def controlling(stack: AsyncExitStack, *, wants_speech: bool = True) -> Mediator:
    """A switch, and a mediator that controls 28331."""
    loop = asyncio.get_running_loop()
    transport, listener = await loop.create_datagram_endpoint(Listener, local_addr=("127.0.0.1", 0))
    stack.callback(transport.close)
    sink = Sink("127.0.0.1", 0, {"127.0.0.1": SECRET}, lambda report: mediator.report(report))
    _, port = await sink.start()
    stack.callback(sink.close)
    box = SwitchBox(lab(port))
    mediator = Mediator(box, listener)
    ssh_host, _, ssh_port = (await box.start())["ssh"].rpartition(":")
    stack.push_async_callback(box.stop)
    up = asyncio.Event()
    host, rtp_port = transport.get_extra_info("sockname")
    link = SwitchLink(
        [(ssh_host, int(ssh_port))], "test.domain", "123", box.public_host_key,
        mediator="m", radius=f"127.0.0.1:{port}", rtp=f"{host}:{rtp_port}" if wants_speech else "",
        on_up=lambda _hello: up.set(), on_down=lambda _reason: None, on_event=lambda _event: None,
    )  # fmt: skip
    await link.start()
    stack.push_async_callback(link.close)
    async with asyncio.timeout(20):
        await up.wait()
    controlled = {
        "object_number": 258, "object_type": "own-subscriber", "number_sign": "own", "number": "28331",
        "trunk": None, "category": "combined", "priority": "normal",
    }  # fmt: skip
    assert (await link.request("add", object=controlled)).ok
    return mediator


async def test_a_mediator_hears_both_parties_on_the_line_that_the_report_tells_of(
    stack: AsyncExitStack,
) -> None:
    mediator = await controlling(stack)
    mediator.box.place_call("test.domain", CallRequest(a="28331", b="28332", talk=60.0))
    await mediator.until(lambda report: True)
    media = mediator.reports[0].media
    assert media is not None
    matrix = mediator.listener.matrix
    matrix.connect("call", (0, 1), None, media.a_ssrc, media.b_ssrc)
    async with asyncio.timeout(20):
        await mediator.listener.enough.wait()
    ear = ToneListener()
    for _ in range(12):
        ear.feed(matrix.take((0, 1), 160, 0.0))
    assert ear.heard == {1950, 2000}
    assert {parse(packet).ssrc for packet in mediator.listener.packets} == {media.a_ssrc, media.b_ssrc}
    assert mediator.box.status()["speech"]["packets"] >= 40


async def test_a_mediator_that_wants_no_speech_is_sent_none(stack: AsyncExitStack) -> None:
    mediator = await controlling(stack, wants_speech=False)
    mediator.box.place_call("test.domain", CallRequest(a="28331", b="28332", talk=0.05))
    await mediator.until(lambda report: report.kind == "stop")
    assert {report.media for report in mediator.reports} == {None}
    assert mediator.box.status()["speech"] == {}
    assert mediator.listener.packets == []


async def test_every_report_of_a_call_tells_the_same_sources(stack: AsyncExitStack) -> None:
    mediator = await controlling(stack)
    hold = ServiceRequest(service="hold", at=0.06, duration=0.02)
    sources: dict[str, Media | None] = {}
    for _ in range(2):
        call = mediator.box.place_call("test.domain", CallRequest(a="28331", b="28332", services=(hold,)))
        sources[call.id] = call.media
        await mediator.until(lambda report: report.kind == "stop" and report.call_id == max(sources))
    assert len(mediator.reports) >= 4
    assert all(report.media == sources[report.call_id] for report in mediator.reports)
    ssrcs = [ssrc for media in sources.values() if media for ssrc in (media.a_ssrc, media.b_ssrc)]
    assert len(set(ssrcs)) == 4


def wireshark(packets: list[bytes], pcap: Path) -> str:
    """What tshark says of the streams in these packets."""
    dump = "".join(f"000000 {packet.hex(' ')}\n\n" for packet in packets)
    command = ["text2pcap", "-q", "-u", "40000,40000", "-", str(pcap)]
    subprocess.run(command, input=dump.encode(), check=True, capture_output=True)
    command = ["tshark", "-r", str(pcap), "-d", "udp.port==40000,rtp", "-q", "-z", "rtp,streams"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def test_wireshark_calls_it_rtp_with_a_law(stack: AsyncExitStack, tmp_path: Path) -> None:
    for tool in ("tshark", "text2pcap"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed: apt install tshark")
    mediator = await controlling(stack)
    mediator.box.place_call("test.domain", CallRequest(a="28331", b="28332", talk=60.0))
    async with asyncio.timeout(20):
        await mediator.listener.enough.wait()
    shown = await asyncio.to_thread(wireshark, mediator.listener.packets[:40], tmp_path / "speech.pcap")
    streams = [line for line in shown.splitlines() if "g711A" in line]
    assert len(streams) == 2, shown
    assert all("20 0 (0.0%)" in " ".join(line.split()) for line in streams), shown


def test_an_address_that_is_none_of_this_machine_is_a_plain_error() -> None:
    box = SwitchBox(lab(media={"host": "192.0.2.1"}))
    with pytest.raises(BoxError, match=r"switch.media.host: 192.0.2.1 can't be sent from"):
        asyncio.run(box.start())


def test_a_name_is_no_address_to_send_from() -> None:
    with pytest.raises(ConfigError, match=r"switch.media.host: 'localhost' is no IP address"):
        lab(media={"host": "localhost"})


async def test_a_hello_with_a_wrong_address_is_refused_in_words() -> None:
    box = SwitchBox(lab())
    hello = ClientHello("m", "127.0.0.1:1", rtp="nowhere")
    with pytest.raises(Refused, match="rtp: 'nowhere' has no port"):
        box.open("test.domain", hello, "127.0.0.1:5", lambda _event: None)
    assert box.status()["sessions"] == {}


async def test_speech_ends_with_the_last_session_of_a_mediator() -> None:
    box = SwitchBox(lab())
    hello = ClientHello("m", "127.0.0.1:1", rtp="127.0.0.1:40000")
    first, second = (box.open("test.domain", hello, "127.0.0.1:5", lambda _event: None) for _ in range(2))
    first.closed()
    assert "127.0.0.1:1" in box.engine.listeners
    second.closed()
    assert "127.0.0.1:1" not in box.engine.listeners


async def test_what_cannot_be_sent_is_counted() -> None:
    sender = SpeechSender("127.0.0.1", -13.0)
    sender.start()
    # From the loopback nothing else is reached.
    sender.speech.addresses["m1"] = ("192.0.2.1", 40000)
    sender.report("m1", report(), speaking=True)
    sender.close()
    assert sender.speech.counters["packets not sent"] == 2
    assert sender.speech.counters["packets"] == 2
