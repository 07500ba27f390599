"""The packet layer as a dialogue: what it does with messages, windows, interrupts, calls, and with what goes wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e1.events import Undelivered, Up
from e1.x25.config import X25Config
from e1.x25.effects import CircuitDown, DeliverMessage
from e1.x25.machine import X25State
from tests.e1.test_x25_packets import PACKETS_AT_RANDOM
from tests.e1.x25_peer import ACCEPTED, CALL, RESTART, RESTART_CONFIRMED, Peer

FULL = "aa" * 128


def peer(**settings: object) -> Peer:
    return Peer(X25Config(**settings)).to(X25State.DATA)  # type: ignore[arg-type]


def test_300_octets_go_as_128_with_m_128_with_m_and_44() -> None:
    end = peer(window=3)
    assert end.send(b"\xaa" * 300) == ["100110" + FULL, "100112" + FULL, "100104" + "aa" * 44]


def test_exactly_128_octets_are_one_packet_without_m() -> None:
    assert peer().send(b"\xaa" * 128) == ["100100" + FULL]


def test_packets_are_joined_until_m_is_0_also_when_one_is_not_full() -> None:
    end = peer()
    assert end.says("100110" + FULL) == ["100121"]
    assert end.says("100112" + "bb") == ["100141"]
    assert end.delivered == []
    end.says("100104" + "cc")
    assert end.delivered == [b"\xaa" * 128 + b"\xbb\xcc"]


def test_the_q_bit_is_told() -> None:
    end = peer()
    end.says("900100aa")
    assert end.effects[0] == DeliverMessage(b"\xaa", qualified=True)


def test_a_message_that_never_ends_is_stopped() -> None:
    end = peer(max_message=300)
    answers = [end.says(f"1001{control:02x}" + FULL) for control in (0x10, 0x12, 0x14)]
    assert answers == [["100121"], ["100141"], ["10011b0027"]]


def test_the_window_lets_two_packets_out_and_rr_lets_more() -> None:
    end = peer()
    assert [end.send(bytes([at])) for at in range(4)] == [["10010000"], ["10010201"], [], []]
    assert end.says("100121") == ["10010402"]
    assert end.says("100161") == ["10010603"]
    assert end.layer.queued == 1


def test_rnr_stops_and_rr_restarts_and_both_acknowledge() -> None:
    end = peer()
    end.send(b"0")
    assert end.says("100125") == []
    assert end.layer.queued == 0
    assert end.send(b"1") == []
    assert end.says("100121") == ["10010231"]


def test_data_acknowledge_too_and_an_answer_carries_the_acknowledgement() -> None:
    end = peer()
    end.send(b"ask")
    assert end.says("100120" + "aa") == ["100121"]
    assert end.layer.queued == 0
    end.layer.busy(False, 0)
    assert end.send(b"tell") == ["100122" + b"tell".hex()]


def test_a_message_of_many_small_packets_is_kept_as_one() -> None:
    end = peer()
    for at in range(400):
        assert end.says(f"1001{at % 8 << 1 | 0x10:02x}" + ("" if at % 2 else "aa")) == [
            f"1001{(at + 1) % 8 << 5 | 1:02x}"
        ]
    assert len(end.layer._unfinished()) == 1  # also of empty ones without end
    end.says("100100bb")
    assert end.delivered == [b"\xaa" * 200 + b"\xbb"]


def test_numbers_go_round_modulo_8() -> None:
    end = peer()
    for at in range(20):
        assert end.send(b"x") == [f"1001{at % 8 << 1:02x}78"]
        assert end.says(f"1001{(at + 1) % 8 << 5 | 1:02x}") == []
    assert end.alarms == []


def test_own_busy_is_rnr_also_in_acknowledgements_until_it_is_over() -> None:
    end = peer()
    assert end.said(end.layer.busy(True, 0)) == ["100105"]
    assert end.said(end.layer.busy(True, 0)) == []
    assert end.says("100100aa") == ["100105"]
    assert end.delivered == []
    assert end.says("10011b0000") == ["10011f", "100105"]  # a reset made the peer forget
    assert end.said(end.layer.busy(False, 0)) == ["100101"]
    assert end.delivered == []  # it was not acknowledged: the peer sends it again


def test_what_comes_while_busy_is_kept_and_told_when_ready() -> None:
    end = peer()
    end.said(end.layer.busy(True, 0))
    assert end.says("100110" + FULL) == ["100105"]
    assert end.says("100102bb") == ["100105"]
    assert end.said(end.layer.busy(False, 0)) == ["100141"]
    assert end.delivered == [b"\xaa" * 128 + b"\xbb"]
    assert end.says("100104cc") == ["100161"]


def test_a_busy_side_takes_acknowledgements_and_sends_on() -> None:
    end = peer()
    end.said(end.layer.busy(True, 0))
    assert end.send(b"1") == ["10010031"]
    assert end.send(b"2") == ["10010232"]
    assert end.send(b"3") == []
    assert end.says("100120aa") == ["10010433", "100105"]  # its data acknowledge ours, and are kept
    assert end.says("100161") == []
    assert end.layer.queued == 0


def test_who_ignores_that_we_are_busy_has_a_window_and_no_more() -> None:
    end = peer()
    end.said(end.layer.busy(True, 0))
    end.says("100100aa")
    end.says("100102bb")
    assert end.says("100104cc") == ["10011b0001"]  # P(S) outside the window
    assert end.delivered == []


def test_a_window_of_a_call_is_that_of_its_facilities() -> None:
    end = Peer(X25Config(circuit="svc", window=7)).to(X25State.DATA)
    call = end.layer._terms
    assert (call.window, call.receive_window) == (2, 2)
    end.said(end.layer.busy(True, 0))
    assert [end.says(f"1001{at << 1:02x}aa")[-1][-2:] for at in range(3)] == ["05", "05", "01"]


def test_messages_that_were_kept_when_the_link_was_lost_come_once() -> None:
    end = peer()
    end.said(end.layer.busy(True, 0))
    end.says("100100aa")
    end.link_down()
    end.said(end.layer.busy(False, 0))
    assert end.delivered == []
    end.link_up()
    end.says(RESTART_CONFIRMED)
    end.says("100100aa")  # it was not acknowledged
    assert end.delivered == [b"\xaa"]


def test_the_sequence_of_a_busy_side_has_one_q_bit_and_a_greatest_length() -> None:
    end = peer(max_message=200)
    end.said(end.layer.busy(True, 0))
    end.says("100110" + FULL)
    assert end.says("900102bb") == ["10011b0053"]
    end = peer(max_message=200)
    end.said(end.layer.busy(True, 0))
    end.says("100110" + FULL)
    assert end.says("100102" + FULL) == ["10011b0027"]


def test_interrupts_go_one_by_one_past_the_window() -> None:
    end = peer()
    end.send(b"a" * 1000)
    assert end.said(end.layer.interrupt(b"1", 0)) == ["10012331"]
    assert end.said(end.layer.interrupt(b"2", 0)) == []
    assert end.says("100127") == ["10012332"]
    assert end.says("10012399") == ["100127"]
    assert end.interrupts == [b"\x99"]
    end.said(end.layer.interrupt(b"3", 0))
    end.says("10011b0000")
    assert "interrupt" in end.alarms  # two of them may be lost


def test_what_a_user_may_not_ask() -> None:
    end = peer()
    with pytest.raises(ValueError, match="1 octet or more"):
        end.send(b"")
    with pytest.raises(ValueError, match=r"1\.\.32"):
        end.layer.interrupt(b"", 0)
    down = Peer()
    down.said(down.layer.interrupt(b"1", 0))
    assert down.alarms == ["interrupt"]
    assert [*down.layer.reset(0), *down.layer.clear(0), *down.layer.call(0), *down.layer.tick(1e9)] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "DTE"},
        {"circuit": "both"},
        {"lcn": 0},
        {"lcn": 4096},
        {"packet_size": 100},
        {"default_packet_size": 8},
        {"window": 8},
        {"default_window": 0},
    ],
)
def test_settings_outside_their_range_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        X25Config(**wrong)  # type: ignore[arg-type]


def test_messages_sent_before_the_circuit_is_up_wait() -> None:
    end = Peer()
    assert end.send(b"early") == []
    assert end.link_up() == [RESTART]
    assert end.says(RESTART_CONFIRMED) == ["100100" + b"early".hex()]
    assert end.ups == [Up()]


def test_a_full_queue_gives_a_message_back_at_once() -> None:
    end = Peer(queue_limit=1)
    end.send(b"first")
    end.send(b"second")
    assert end.lost == [Undelivered(b"second", in_doubt=False)]


def test_a_reset_in_the_middle_of_a_message_sends_it_again_from_its_beginning() -> None:
    end = peer()
    end.send(b"\xaa" * 300)
    end.says("100121")  # the first packet arrived
    assert end.says("10011b0000", unconfirmed=1) == ["10011f", "100110" + FULL, "100112" + FULL]


def test_an_acknowledgement_that_crosses_our_reset_counts() -> None:
    end = peer()
    end.send(b"first")
    end.send(b"second")
    assert end.said(end.layer.reset(0)) == ["10011b0000"]
    assert (
        end.says("100125") == []
    )  # sent before the peer saw the reset: the first arrived, it did not take another
    assert end.says("10011f") == ["100100" + b"second".hex()]
    assert end.lost == []


def withholding(**settings: object) -> Peer:
    """Two messages, of which the peer acknowledges none although it may have them; a third waits."""
    end = peer(**settings)
    assert [end.send(text) for text in (b"1", b"2", b"3")] == [["10010031"], ["10010232"], []]
    return end


def asked_again(end: Peer, packets: list[str]) -> list[bytes]:
    """The user data of what is sent after the circuit began anew; of a call, after the peer has called again."""
    if end.layer.config.circuit == "svc" and end.layer.state is X25State.READY:
        packets = end.says(CALL)
    return [bytes.fromhex(each)[3:] for each in packets if int(each[4:6], 16) & 1 == 0]


ENDS = {
    "Reset": ("10011b0000", {}),
    "Restart": (RESTART, {}),
    "Clear": ("1001130000", {"circuit": "svc"}),
    "Restart of a call": (RESTART, {"circuit": "svc"}),
}
"""What the peer sends, and the circuit."""
each_end = pytest.mark.parametrize(("packet", "settings"), ENDS.values(), ids=ENDS)


@each_end
@pytest.mark.parametrize("in_doubt", ["report", "repeat"])
def test_what_the_peer_had_before_its_request_arrived_although_it_did_not_say_so(
    packet: str, settings: dict[str, object], in_doubt: str
) -> None:
    for unconfirmed, again in ((0, [b"3"]), (1, [b"2", b"3"]), (2, [b"1", b"2"])):
        end = withholding(in_doubt=in_doubt, **settings)
        answer = end.says(packet, unconfirmed)
        assert asked_again(end, answer) == again
        assert end.lost == []


@each_end
def test_what_the_peer_may_have_had_before_its_request_is_in_doubt(
    packet: str, settings: dict[str, object]
) -> None:
    end = withholding(**settings)
    answer = end.says(packet)
    assert asked_again(end, answer) == [b"3"]
    assert end.lost == [Undelivered(b"1", in_doubt=True), Undelivered(b"2", in_doubt=True)]
    end = withholding(in_doubt="repeat", **settings)
    answer = end.says(packet)
    assert asked_again(end, answer) == [b"1", b"2"]
    assert end.lost == []


@pytest.mark.parametrize("packet", ["10011b0001", "10011b0500", "10011b1d00"])
def test_a_peer_that_complains_or_tells_of_a_network_may_not_have_taken_what_it_had(packet: str) -> None:
    end = withholding()
    end.says(packet, unconfirmed=1)
    assert end.lost == [Undelivered(b"1", in_doubt=True)]
    assert end.layer.queued == 2  # what had not reached it is sent again


@each_end
def test_a_busy_peer_did_not_take_what_it_did_not_acknowledge(
    packet: str, settings: dict[str, object]
) -> None:
    end = withholding(**settings)
    end.says("100125")  # RNR: it has the first
    answer = end.says(packet, unconfirmed=0)
    assert asked_again(end, answer) == [b"2", b"3"]
    assert end.lost == []


@pytest.mark.parametrize("in_doubt", ["report", "repeat"])
def test_who_confirms_our_reset_or_clear_has_had_what_went_before_it(in_doubt: str) -> None:
    end = withholding(in_doubt=in_doubt)
    end.said(end.layer.reset(0))
    assert asked_again(end, end.says("10011f")) == [b"3"]
    end = withholding(in_doubt=in_doubt, circuit="svc")
    end.said(end.layer.clear(0))
    assert asked_again(end, end.says("100117")) == [b"3"]
    end = withholding(in_doubt=in_doubt)
    end.says(RESTART_CONFIRMED)  # nobody asked for it: restart
    assert asked_again(end, end.says(RESTART_CONFIRMED)) == [b"3"]
    assert end.lost == []


def test_an_acknowledgement_that_crosses_our_clear_counts_and_so_does_busy() -> None:
    end = withholding(circuit="svc")
    end.said(end.layer.clear(0))
    end.says("100125")
    assert asked_again(end, end.says("100117")) == [b"2", b"3"]


def test_when_two_requests_cross_what_the_peer_had_before_its_own_arrived() -> None:
    end = withholding()
    end.said(end.layer.reset(0))
    assert asked_again(end, end.says("10011b0000", unconfirmed=2)) == [b"2", b"3"]  # the 2nd, and our Reset
    end = withholding(circuit="svc")
    end.said(end.layer.clear(0))
    assert asked_again(end, end.says("1001130000", unconfirmed=2)) == [b"2", b"3"]
    assert end.lost == []


@pytest.mark.parametrize("end", [withholding(), withholding(circuit="svc")], ids=["pvc", "svc"])
def test_who_does_not_answer_our_reset_or_clear_leaves_a_doubt(end: Peer) -> None:
    end.said(end.layer.reset(0) if end.layer.config.circuit == "pvc" else end.layer.clear(0))
    end.wait()
    answer = end.wait()
    assert asked_again(end, answer) == [b"3"]
    assert end.lost == [Undelivered(b"1", in_doubt=True), Undelivered(b"2", in_doubt=True)]


def test_over_tcp_a_confirmation_may_come_from_the_network() -> None:
    end = Peer(transport="xot")
    end.link_up()
    end.says("10011f")
    end.send(b"1")
    end.said(end.layer.reset(0))
    end.says("10011f")
    assert end.lost == [Undelivered(b"1", in_doubt=True)]


def test_a_restart_that_tells_a_number_is_believed_before_lapb() -> None:
    end = peer()
    end.send(b"old")
    end.says("100121")
    end.send(b"1")
    end.send(b"2")
    assert asked_again(end, end.says("1000fb0082", unconfirmed=0)) == [b"2"]


def test_without_keeping_what_is_not_acknowledged_is_given_up_and_told() -> None:
    end = peer(keep_on_reset=False)
    for message in (b"0", b"1", b"2"):
        end.send(message)
    end.says("100121")
    end.send(b"3")
    assert end.says("10011b0000") == ["10011f"]
    assert end.lost == [Undelivered(b"1", True), Undelivered(b"2", True), Undelivered(b"3", False)]
    assert end.send(b"4") == ["10010034"]


def test_without_keeping_what_is_sent_while_the_link_is_down_goes_when_it_is_back() -> None:
    end = peer(keep_on_reset=False)
    end.send(b"0")
    end.link_down()
    assert end.lost == [Undelivered(b"0", True)]
    end.send(b"1")
    end.link_up()
    assert end.says(RESTART_CONFIRMED) == ["10010031"]


def after_a_loss(diagnostic: str, *, heard: bool = True, **settings: object) -> tuple[Peer, list[str]]:
    """Three messages, of which two are sent; the link is lost; the peer restarts with ``diagnostic``."""
    end = peer(**settings)
    end.send(b"old")
    if heard:
        end.says("100121")  # one was acknowledged
    end.send(b"1")
    end.send(b"2")
    end.send(b"3")
    end.link_down()
    end.link_up()
    return end, end.says("1000fb00" + diagnostic)


@pytest.mark.parametrize(
    ("diagnostic", "sent_again"), [("81", ["1", "2"]), ("82", ["2", "3"]), ("83", ["3"])]
)
def test_after_a_link_loss_the_restart_tells_what_arrived(diagnostic: str, sent_again: list[str]) -> None:
    end, packets = after_a_loss(diagnostic)
    assert packets == [f"1001{2 * at:02x}3{text}" for at, text in enumerate(sent_again)]
    assert end.lost == []


@pytest.mark.parametrize("diagnostic", ["00", "84", "80", "8f", "11", "a1"])
def test_after_a_link_loss_without_such_a_number_what_was_sent_is_in_doubt(diagnostic: str) -> None:
    end, packets = after_a_loss(diagnostic)
    assert packets == ["10010033"]
    assert end.lost == [Undelivered(b"1", True), Undelivered(b"2", True)]


def test_or_it_is_repeated() -> None:
    end, packets = after_a_loss("00", in_doubt="repeat")
    assert packets == ["10010031", "10010232"]
    assert end.lost == []


def test_a_number_from_a_peer_that_may_not_have_seen_our_last_restart_means_nothing() -> None:
    end, _ = after_a_loss("80", heard=False)
    assert end.lost == [Undelivered(b"old", True), Undelivered(b"1", True)]


def test_our_restart_tells_what_arrived_once_the_peer_knows_from_where_we_count() -> None:
    end = peer()
    assert end.link_up() == ["1000fb0000"]  # nothing heard since the last Restart
    end.says(RESTART)
    for at in range(18):
        end.says(f"1001{at % 8 << 1:02x}aa")
    assert end.link_up() == ["1000fb0082"]  # 18 modulo 16
    end.says("1000fb0080")
    assert end.link_up() == ["1000fb0082"]
    end.says(RESTART)  # the peer has begun anew
    assert end.link_up() == ["1000fb0000"]


def test_a_call_is_placed_when_the_link_is_there_and_again_after_a_clear() -> None:
    end = Peer(circuit="svc", calls=True, called_address="250011", calling_address="7812")
    end.link_up()
    assert end.says(RESTART_CONFIRMED) == ["10010b462500117812" + "0642070743" + "0202"]
    end.send(b"wait")
    assert end.says(ACCEPTED) == ["100100" + b"wait".hex()]
    assert end.says("1001130900", unconfirmed=1) == ["100117"]
    assert end.ups[-1] == CircuitDown(
        "clear by the peer: out of order (09h), no additional information (00h)", 0x09, 0x00
    )
    assert end.wait() == ["10010b462500117812" + "0642070743" + "0202"]
    assert end.says("10010f") == ["100100" + b"wait".hex()]


def test_a_call_cleared_by_the_user_is_not_placed_again_until_asked() -> None:
    end = Peer(circuit="svc", calls=True).to(X25State.DATA)
    assert end.said(end.layer.clear(0)) == ["1001130000"]
    end.says("100117")
    assert end.layer.next_deadline() is None
    assert end.said(end.layer.call(0)) == [CALL]


def test_without_negotiation_a_call_has_no_facilities_and_the_defaults_hold() -> None:
    end = Peer(circuit="svc", negotiate=False, packet_size=256, window=7)
    end.link_up()
    end.says(RESTART_CONFIRMED)
    assert end.said(end.layer.call(0)) == ["10010b0000"]
    end.says(ACCEPTED)
    assert [len(packet) // 2 for packet in end.send(bytes(1000))] == [131, 131]


@pytest.mark.parametrize(
    ("ours", "proposed", "answered"),
    [
        ((128, 2), "080804" + "04", "0707" + "0202"),  # less than proposed, not less than the default
        ((64, 1), "0808" + "0404", "0707" + "0202"),  # never past the default
        ((512, 7), "0808" + "0404", "0808" + "0404"),  # never more than proposed
        ((512, 7), "0606" + "0101", "0707" + "0202"),  # from below also toward the default only
        ((16, 1), "0608" + "0104", "0607" + "0102"),  # each direction for itself
    ],
)
def test_negotiation_moves_from_what_is_proposed_toward_the_default(
    ours: tuple[int, int], proposed: str, answered: str
) -> None:
    end = Peer(circuit="svc", packet_size=ours[0], window=ours[1]).to(X25State.READY)
    (answer,) = end.says(f"10010b000642{proposed[:4]}43{proposed[4:]}")
    assert answer == f"10010f000642{answered[:4]}43{answered[4:]}"


def test_the_answer_to_our_call_may_move_toward_the_default_and_not_past_it() -> None:
    good, bad = ("0707", "0808", "0708"), ("0606", "0909", "0f0f")
    for answer in (*good, *bad):
        end = Peer(circuit="svc", packet_size=256).to(X25State.CALLING)
        end.says(f"10010f000342{answer}")
        assert end.layer.state is (X25State.DATA if answer in good else X25State.CLEARING)
    assert end.alarms == ["protocol", "clear"]


def test_sizes_may_differ_by_direction() -> None:
    end = Peer(circuit="svc", packet_size=256).to(X25State.CALLING)
    end.says("10010f0003420708")  # from the called side 128, from us 256
    assert len(end.send(bytes(300))[0]) // 2 == 3 + 256
    assert end.says("100100" + "aa" * 129) == ["10011b0027"]


_OCTETS = st.one_of(PACKETS_AT_RANDOM.map(lambda packet: packet.encode()), st.binary(max_size=12))


@given(packets=st.lists(_OCTETS, max_size=30), data=st.data())
def test_whatever_a_peer_sends_the_layer_survives_it_and_comes_back(
    packets: list[bytes], data: st.DataObject
) -> None:
    circuit = data.draw(st.sampled_from(["pvc", "svc"]))
    role = data.draw(st.sampled_from(["dte", "dce"]))
    end = Peer(circuit=circuit, role=role, calls=True).to(
        data.draw(st.sampled_from([X25State.DATA, X25State.RESTARTING]))
    )
    for packet in packets:
        # mostly on our channel, else nearly all would be strangers
        octets = bytes([packet[0] & 0xF0, 1]) + packet[2:] if len(packet) > 2 and packet[2] < 0xF1 else packet
        end.said(end.layer.received(octets, end.now))
        if data.draw(st.booleans()):
            end.send(b"message")
        deadline = end.layer.next_deadline()
        if deadline is not None and data.draw(st.booleans()):
            end.now = deadline
            end.said(end.layer.tick(end.now))
    waits = end.layer.state not in (X25State.DATA, X25State.READY)
    assert (end.layer.next_deadline() is not None) or not waits
    end.link_up()
    end.says(RESTART_CONFIRMED)
    if circuit == "svc":
        end.says(ACCEPTED)
    assert end.layer.state is X25State.DATA
