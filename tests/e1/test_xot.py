"""X.25 over TCP: records, PVC Setup, and circuits over real connections (RFC 1613)."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e1.carriers import xot_socket
from e1.carriers.xot import (
    XOT_TABLE,
    Close,
    PvcSetup,
    PvcStatus,
    Write,
    XotConfig,
    XotEffect,
    XotEnd,
    XotError,
    XotFramer,
    XotInput,
    XotKind,
    XotState,
    not_for_us,
    record,
)
from e1.carriers.xot_socket import XotClient, XotServer
from e1.events import ChannelAlarm, ChannelEvent, Down, Message, Up
from e1.x25.config import X25Config
from e1.x25.packets import CallAccepted, CallRequest, ClearRequest, Data, decode
from tests.e1.tshark import fields, verbose

HERE = Path(__file__).parent
TOLD = (
    "x25.type",
    "x25.called_address",
    "x25.calling_address",
    "xot.length",
    "xot.pvc.status",
    "xot.pvc.init_itf_name",
    "xot.pvc.init_lcn",
    "xot.pvc.resp_lcn",
    "xot.pvc.send_inc_window",
    "xot.pvc.send_out_window",
    "xot.pvc.send_inc_pkt_size",
    "xot.pvc.send_out_pkt_size",
)


def tcp_payloads(path: Path) -> list[bytes]:
    """The octets of every TCP segment of a classic pcap of Ethernet frames."""
    raw, at, payloads = path.read_bytes(), 24, []
    while at < len(raw):
        (size,) = struct.unpack_from("<I", raw, at + 8)
        frame = raw[at + 16 : at + 16 + size]
        total = int.from_bytes(frame[16:18], "big")
        segment = frame[34 : 14 + total]
        payloads.append(segment[(segment[12] >> 4) * 4 :])
        at += 16 + size
    return payloads


def packets_of(effects: list[XotEffect]) -> list[bytes]:
    written = b"".join(effect.data for effect in effects if isinstance(effect, Write))
    return list(XotFramer().feed(written))


def test_the_capture_of_others_is_decoded_to_the_fields_that_tshark_prints() -> None:
    packets = [packet for payload in tcp_payloads(HERE / "xot.pcap") for packet in XotFramer().feed(payload)]
    call, accepted, data = map(decode, packets[:3])
    setup = PvcSetup.decode(packets[3])
    read = fields(
        HERE / "xot.pcap",
        TOLD,
        "-Y",
        "xot",
    )
    assert [theirs["xot.length"] for theirs in read] == [str(len(packet)) for packet in packets]
    assert isinstance(call, CallRequest)
    assert (call.called, call.calling) == (read[0]["x25.called_address"], read[0]["x25.calling_address"])
    assert isinstance(accepted, CallAccepted)
    assert isinstance(data, Data)
    assert [theirs["x25.type"] for theirs in read[:3]] == ["0x0b", "0x0f", "0x00"]
    theirs = read[3]
    assert theirs["xot.pvc.status"] == f"0x{setup.status:02x}"
    assert theirs["xot.pvc.init_itf_name"].strip() == setup.initiator
    assert (theirs["xot.pvc.init_lcn"], theirs["xot.pvc.resp_lcn"]) == (
        str(setup.initiator_lcn),
        str(setup.responder_lcn),
    )
    assert (theirs["xot.pvc.send_inc_window"], theirs["xot.pvc.send_out_window"]) == (
        str(setup.window_in),
        str(setup.window_out),
    )
    sizes = (setup.size_in.bit_length() - 1, setup.size_out.bit_length() - 1)
    assert (theirs["xot.pvc.send_inc_pkt_size"], theirs["xot.pvc.send_out_pkt_size"]) == tuple(
        map(str, sizes)
    )
    assert setup.encode() == packets[3]
    assert [packet.encode() for packet in (call, data)] == [packets[0], packets[2]]
    assert "Malformed" not in verbose(HERE / "xot.pcap")


@given(st.lists(st.binary(min_size=3, max_size=300), max_size=6), st.integers(1, 50))
def test_records_are_cut_out_of_any_pieces(packets: list[bytes], size: int) -> None:
    stream = b"".join(map(record, packets))
    framer = XotFramer()
    cut = [packet for at in range(0, len(stream), size) for packet in framer.feed(stream[at : at + size])]
    assert cut == packets


@pytest.mark.parametrize(
    ("stream", "offset"),
    [("000100031001", 0), ("00000002", 2), ("0000ffff", 2), ("00000003100101" + "47455420", 7)],
)
def test_what_is_not_xot_is_an_error_with_its_place(stream: str, offset: int) -> None:
    with pytest.raises(XotError) as caught:
        list(XotFramer().feed(bytes.fromhex(stream)))
    assert caught.value.offset == offset


@given(st.binary(max_size=40))
def test_any_octets_are_a_pvc_setup_or_the_declared_error(raw: bytes) -> None:
    try:
        setup = PvcSetup.decode(b"\x10\x00\xf5\x81" + raw)
    except XotError:
        return
    assert PvcSetup.decode(setup.encode()) == setup


def test_a_pvc_setup_that_cannot_exist_is_not_encoded() -> None:
    for setup in (PvcSetup(initiator="x" * 256), PvcSetup(status=256), PvcSetup(responder_lcn=70000)):
        with pytest.raises(ValueError, match="PVC Setup"):
            setup.encode()


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        ("1000f581", "4 octets"),
        ("100013" + "81" + "00" * 11, "no PVC Setup"),
        ("1000f580" + "00" * 11, "version 80h"),
        ("1000f581" + "00" * 12, "its names have 0 and 0"),
        ("1000f581" + "00" * 9 + "1010", "packet sizes"),
    ],
)
def test_a_wrong_pvc_setup_is_told_in_words(packet: str, text: str) -> None:
    with pytest.raises(XotError, match=text):
        PvcSetup.decode(bytes.fromhex(packet))


def test_a_pvc_setup_for_a_call_or_a_call_for_a_pvc_is_not_ours() -> None:
    assert svc(initiator=False).accepts(PvcSetup().encode()) is None
    assert pvc(initiator=False).accepts(CallRequest().encode()) is None
    assert pvc(initiator=False).accepts(b"\x10\x00\xf5\x81") == PvcStatus.PROTOCOL_ERROR


def pvc(**settings: object) -> XotEnd:
    return XotEnd(XotConfig(x25=X25Config(), **settings))  # type: ignore[arg-type]


def test_a_permanent_circuit_is_set_up_then_reset_then_up() -> None:
    client = pvc(interface="Serial0", peer_interface="Serial1")
    server = pvc(interface="Serial1", initiator=False)
    (setup,) = packets_of(client.connection_made(0))
    assert setup.hex() == "1000f58100" + "070001" + "070001" + "02020707" + b"Serial0Serial1".hex()
    assert server.connection_made(0) == []
    answer = packets_of(server.received(record(setup), 0))
    assert [packet.hex() for packet in answer] == [setup.hex(), "10011b0000"]  # up, and the reset
    effects = client.received(record(answer[0]), 0)
    assert packets_of(effects) == [bytes.fromhex("10011b0000")]
    assert Up() in client.received(record(answer[1]), 0)  # resets collide
    assert Up() in server.received(record(bytes.fromhex("10011b0000")), 0)
    assert [type(each) for each in client.connection_lost("gone", 1)] == [Down]


@pytest.mark.parametrize(
    ("server", "status"),
    [
        ({"interface": "Serial9"}, PvcStatus.NO_INTERFACE),
        ({"interface": "S1", "peer_interface": "S7"}, PvcStatus.MISMATCH),
        ({"x25": X25Config(lcn=5)}, PvcStatus.NO_PVC),
        ({"x25": X25Config(window=7)}, PvcStatus.FLOW_MISMATCH),
        ({"x25": X25Config(packet_size=256)}, PvcStatus.FLOW_MISMATCH),
    ],
)
def test_a_permanent_circuit_that_differs_is_refused_in_words(
    server: dict[str, object], status: PvcStatus
) -> None:
    client = pvc(interface="S0", peer_interface="S1")
    end = XotEnd(XotConfig(**{"x25": X25Config(), "initiator": False, **server}))  # type: ignore[arg-type]
    (setup,) = packets_of(client.connection_made(0))
    end.connection_made(0)
    effects = end.received(record(setup), 0)
    (answer,) = packets_of(effects)
    assert PvcSetup.decode(answer).status == status
    assert any(isinstance(effect, Close) for effect in effects)
    close = client.received(record(answer), 0)[-1]
    assert isinstance(close, Close)
    assert close.retry == 300.0
    assert f"({status:02X}h)" in close.reason


def test_a_peer_that_sets_nothing_up_is_left_after_a_while() -> None:
    end = pvc()
    end.connection_made(5)
    assert end.next_deadline() == 35
    assert isinstance(end.tick(35)[-1], Close)


@pytest.mark.parametrize("stream", ["00010003100101", record(b"\x10\x01\x01").hex(), "0000000410000100"])
def test_garbage_instead_of_pvc_setup_closes_the_connection(stream: str) -> None:
    for initiator in (True, False):
        end = pvc(initiator=initiator)
        end.connection_made(0)
        effects = end.received(bytes.fromhex(stream), 0)
        assert isinstance(effects[-1], Close)
        assert isinstance(effects[-2], ChannelAlarm)


def svc(*, initiator: bool, **x25: object) -> XotEnd:
    role = "dte" if initiator else "dce"
    config = X25Config(circuit="svc", role=role, **x25)  # type: ignore[arg-type]
    return XotEnd(XotConfig(x25=config, initiator=initiator, reconnect=0.01))


def test_a_call_carries_size_and_window_and_so_does_its_answer_when_the_call_lacks_them() -> None:
    (call,) = packets_of(svc(initiator=True, negotiate=False).connection_made(0))
    assert decode(call).facility(0x42) == b"\x07\x07"  # type: ignore[attr-defined]
    server = svc(initiator=False, packet_size=256)
    server.connection_made(0)
    effects = server.received(record(CallRequest().encode()), 0)
    assert decode(packets_of(effects)[0]) == CallAccepted(
        facilities=((0x42, b"\x08\x08"), (0x43, b"\x02\x02"))
    )


def test_restart_diagnostic_and_reject_are_discarded_and_any_lcn_is_right() -> None:
    server = svc(initiator=False)
    server.connection_made(0)
    server.received(record(CallRequest(lcn=77).encode()), 0)
    for packet in ("1000fb0000", "1000ff", "1000f128", "104d09"):
        assert packets_of(server.received(record(bytes.fromhex(packet)), 0)) == []
    assert server.up
    assert Message(b"x") in server.received(record(Data(lcn=9, data=b"x").encode()), 0)


def test_after_a_clear_the_connection_is_closed() -> None:
    server = svc(initiator=False)
    server.connection_made(0)
    server.received(record(CallRequest().encode()), 0)
    effects = server.received(record(ClearRequest().encode()), 0)
    assert packets_of(effects) == [bytes.fromhex("100117")]
    assert isinstance(effects[-1], Close)


@pytest.mark.parametrize("pieces", [1, 3])
def test_what_follows_the_end_of_a_call_is_too_late(pieces: int) -> None:
    server = svc(initiator=False)
    server.connection_made(0)
    stream = [record(packet.encode()) for packet in (CallRequest(), ClearRequest(), CallRequest())]
    pieces_of = [stream[at : at + pieces] for at in range(0, 3, pieces)]
    effects = [effect for piece in pieces_of for effect in server.received(b"".join(piece), 0)]
    assert isinstance(effects[-1], Close)
    assert [type(each) for each in effects if isinstance(each, Up | Down)] == [Up, Down]
    assert server.connection_lost("closed", 0) == []


@pytest.mark.parametrize("pieces", [1, 2])
def test_what_came_before_garbage_is_taken_in_whatever_pieces_it_comes(pieces: int) -> None:
    server = svc(initiator=False)
    server.connection_made(0)
    server.received(record(CallRequest().encode()), 0)
    stream = [record(Data(data=b"the last word").encode()), b"GET / HTTP/1.0"]
    pieces_of = [stream[at : at + pieces] for at in range(0, 2, pieces)]
    effects = [effect for piece in pieces_of for effect in server.received(b"".join(piece), 0)]
    assert Message(b"the last word") in effects
    assert isinstance(effects[-1], Close)


def test_what_no_circuit_accepts_is_answered() -> None:
    assert not_for_us(CallRequest(lcn=3).encode(), None).hex() == "00000005" + "1003130d00"
    setup = PvcSetup(initiator="a", responder="b").encode()
    assert PvcSetup.decode(not_for_us(setup, None)[4:]).status == PvcStatus.NO_PVC
    assert (
        not_for_us(b"\x10\x01\x01", None)
        == not_for_us(b"\x10\x00\xf5", None)
        == not_for_us(b"\x10", None)
        == b""
    )


class Heard:
    """What the ends said, to be waited for."""

    def __init__(self) -> None:
        self.events: list[tuple[XotEnd, ChannelEvent]] = []
        self._changes = asyncio.Event()

    def __call__(self, end: XotEnd, event: ChannelEvent) -> None:
        self.events.append((end, event))
        self._changes.set()

    async def wait(self, end: XotEnd, event: ChannelEvent, count: int = 1) -> None:
        async with asyncio.timeout(10):
            while self.events.count((end, event)) < count:
                self._changes.clear()
                await self._changes.wait()


@pytest.mark.parametrize("circuit", ["pvc", "svc"])
async def test_messages_cross_real_connections_also_after_one_broke(circuit: str) -> None:
    def end(role: str, *, initiator: bool) -> XotEnd:
        config = X25Config(circuit=circuit, role=role)  # type: ignore[arg-type]
        return XotEnd(
            XotConfig(x25=config, initiator=initiator, reconnect=0.01, interface="S0", peer_interface="S0")
        )

    ours, theirs, heard = end("dte", initiator=True), end("dce", initiator=False), Heard()
    server = XotServer([theirs], "127.0.0.1", 0, heard)
    host, port = await server.start()
    client = XotClient(ours, host, port, heard)
    try:
        client.send(b"early")  # waits for the circuit
        client.start()
        await heard.wait(theirs, Message(b"early"))
        server.send(theirs, b"answer" * 100)
        await heard.wait(ours, Message(b"answer" * 100))
        for link in list(server._links):
            link.close()
        await heard.wait(ours, Up(), 2)
        client.send(b"late")
        await heard.wait(theirs, Message(b"late"))
        assert [event.data for _, event in heard.events if isinstance(event, Message)] == [
            b"early",
            b"answer" * 100,
            b"late",
        ]
    finally:
        await client.stop()
        await server.stop()


async def test_two_circuits_on_one_port_are_told_apart_and_others_are_refused() -> None:
    heard = Heard()
    kpd1, kpd2 = (
        XotEnd(XotConfig(x25=X25Config(role="dce", lcn=lcn), initiator=False, interface="mediator"))
        for lcn in (1, 2)
    )
    called = svc(initiator=False, calling_address="100")
    server = XotServer([kpd1, kpd2, called], "127.0.0.1", 0, heard)
    host, port = await server.start()

    def circuit(lcn: int, interface: str = "mediator") -> XotClient:
        config = XotConfig(x25=X25Config(), peer_interface=interface, peer_lcn=lcn)
        return XotClient(XotEnd(config), host, port, heard)

    clients = [circuit(2), circuit(1), circuit(7), circuit(1, "other")]
    callers = [XotClient(svc(initiator=True, called_address=to), host, port, heard) for to in ("100", "200")]
    try:
        for client in (*clients, *callers):
            client.start()
        await heard.wait(kpd1, Up())
        await heard.wait(kpd2, Up())
        await heard.wait(called, Up())
        clients[0].send(b"to 2")
        await heard.wait(kpd2, Message(b"to 2"))
        no_pvc = ChannelAlarm("xot", "the peer refuses the PVC: no such PVC (16h)")
        await heard.wait(clients[2].end, no_pvc)
        await heard.wait(callers[1].end, ChannelAlarm("xot", "the call was cleared"))
        assert not clients[3].end.up
    finally:
        for client in (*clients, *callers):
            await client.stop()
        await server.stop()


async def test_a_connection_that_is_not_xot_is_closed() -> None:
    server = XotServer([pvc(initiator=False)], "127.0.0.1", 0, Heard())
    host, port = await server.start()
    try:
        for octets in (b"GET / HTTP/1.0\r\n\r\n", record(b"\x10\x01\x01")):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(octets)
            async with asyncio.timeout(10):
                assert await reader.read() == b""
            writer.close()
    finally:
        await server.stop()


def clear(client: XotClient) -> None:
    """The user ends the call of the connection, if there is one."""
    if client.link is not None:
        client.link._do(client.end.clear(client.link._now()))


async def test_a_client_waits_for_its_server_and_both_keep_what_is_sent_before() -> None:
    ours, theirs, heard = pvc(reconnect=0.01), pvc(initiator=False), Heard()
    server = XotServer([theirs], "127.0.0.1", 0, heard)
    host, port = await server.start()
    await server.stop()
    client = XotClient(ours, host, port, heard)
    clear(client)  # nothing to clear
    server.send(theirs, b"from the server")
    client.start()
    again = XotServer([theirs], host, port, heard)
    try:
        await again.start()
        await heard.wait(ours, Message(b"from the server"))
    finally:
        await client.stop()
        await again.stop()


async def test_a_clear_by_the_user_ends_the_connection_and_the_client_calls_again() -> None:
    ours, theirs, heard = svc(initiator=True), svc(initiator=False), Heard()
    server = XotServer([theirs], "127.0.0.1", 0, heard)
    host, port = await server.start()
    client = XotClient(ours, host, port, heard)
    client.start()
    try:
        await heard.wait(ours, Up())
        clear(client)
        await heard.wait(ours, Up(), 2)
        assert any(isinstance(event, Down) for end, event in heard.events if end is theirs)
    finally:
        await client.stop()
        await server.stop()


@pytest.mark.parametrize("kind", XotKind)
def test_every_state_of_a_connection_ends_with_it_and_one_that_closes_waits_for_nothing_else(
    kind: XotKind,
) -> None:
    moves = {(state, what): move for (of, state, what), move in XOT_TABLE.items() if of is kind}
    states = {move.next for move in moves.values()}
    assert states == set(XotState) - ({XotState.SETTING_UP} if kind is XotKind.SVC else set())
    for state in states - {XotState.CLOSED}:
        assert moves[state, XotInput.LOST].next is XotState.CLOSED
    assert [what for state, what in moves if state is XotState.CLOSING] == [XotInput.LOST]


def test_what_comes_after_this_side_has_decided_to_close_is_ignored() -> None:
    end = XotEnd(XotConfig(x25=X25Config(role="dce"), initiator=False))
    end.connection_made(0.0)
    assert any(isinstance(effect, Close) for effect in end.received(record(b"\x10\x01\x1b\x00\x00"), 0.0))
    assert end.state is XotState.CLOSING
    assert end.received(record(PvcSetup().encode()) + b"\xff\xff\xff\xff", 0.0) == []
    assert end.tick(3600.0) == []


async def test_hosts_that_send_no_packet_do_not_keep_the_console_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(xot_socket, "MOST_SILENT", 4)
    heard = Heard()
    theirs = XotEnd(XotConfig(x25=X25Config(role="dce"), initiator=False, interface="", peer_interface=""))
    ours = XotEnd(XotConfig(x25=X25Config(role="dte"), initiator=True, interface="S0", peer_interface="S0"))
    server = XotServer([theirs], "127.0.0.1", 0, heard)
    host, port = await server.start()
    client = XotClient(ours, host, port, heard)
    elsewhere = await asyncio.open_connection(host, port, local_addr=("127.0.0.2", 0))
    crowd = [await asyncio.open_connection(host, port) for _ in range(10)]
    try:
        for reader, _ in crowd[:6]:
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
        client.start()
        await heard.wait(ours, Up())
        assert server.dropped >= 7
        names = [elsewhere[1].get_extra_info(name) for name in ("peername", "sockname")]
        assert any(link.end is None and link.addresses() == tuple(names) for link in server._links)
        assert "127.0.0.1 has sent no packet, like 4 others" in caplog.text
    finally:
        await client.stop()
        await server.stop()
        for _, writer in (elsewhere, *crowd):
            writer.close()
