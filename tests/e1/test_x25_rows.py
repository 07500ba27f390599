"""The packet layer, row by row: the state, the event, the action and the next state of each (X.25 annexes B, C).

Packets are written as they cross: ``10`` general format, ``01`` logical channel, type, the rest. A DCE gives causes, a
DTE always 00.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest

from e1.events import ChannelAlarm, Up
from e1.x25.config import X25Config
from e1.x25.effects import CircuitDown
from e1.x25.machine import TIMERS, X25_TABLE, CircuitKind, X25Action, X25Input, X25State
from tests.e1.x25_peer import ACCEPTED, CALL, RESTART, RESTART_CONFIRMED, RESTART_OF_DCE, Peer

DOWN, RESTARTING, READY, CALLING = X25State.DOWN, X25State.RESTARTING, X25State.READY, X25State.CALLING
DATA, RESETTING, CLEARING = X25State.DATA, X25State.RESETTING, X25State.CLEARING

DATA_0, RR_0, RNR_0, REJ_0 = "100100aa", "100101", "100105", "100109"
INTERRUPT, INTERRUPT_CONFIRMED = "10012301", "100127"
RESET, RESET_CONFIRMED = "10011b0000", "10011f"
CLEAR, CLEAR_CONFIRMED = "1001130000", "100117"


class Row(NamedTuple):
    state: X25State
    event: str
    says: list[str]
    answer: list[str]
    next: X25State
    circuit: str = "pvc"
    role: str = "dce"
    settings: Mapping[str, object] = MappingProxyType({})


OTHERS_OF_A_CALL = [RR_0, RNR_0, REJ_0, INTERRUPT, INTERRUPT_CONFIRMED, RESET, RESET_CONFIRMED]

ROWS = [
    Row(DOWN, "anything before the link is up: discard", [RESTART, DATA_0], [], DOWN),
    Row(DATA, "Restart received: confirmation, stay", [RESTART], [RESTART_CONFIRMED], DATA),
    Row(DATA, "Restart received: clear all SVCs", [RESTART], [RESTART_CONFIRMED], READY, "svc"),
    Row(
        RESTARTING, "Restart received: collision, send nothing (r2)", [RESTART_OF_DCE], [], DATA, "pvc", "dte"
    ),
    Row(RESTARTING, "Restart received: collision, send nothing (r3)", [RESTART], [], DATA),
    Row(RESTARTING, "Restart received: collision, send nothing (SVC)", [RESTART], [], READY, "svc"),
    Row(RESTARTING, "Restart Confirmation", [RESTART_CONFIRMED], [], DATA),
    Row(RESTARTING, "Restart Confirmation (SVC)", [RESTART_CONFIRMED], [], READY, "svc"),
    Row(
        RESTARTING, "anything else: discard", [DATA_0, *OTHERS_OF_A_CALL, CALL, CLEAR, "1000"], [], RESTARTING
    ),
    Row(DATA, "Restart Confirmation: Restart again, 01/11", [RESTART_CONFIRMED], ["1000fb0111"], RESTARTING),
    Row(READY, "Restart Confirmation: kills calls", [RESTART_CONFIRMED], ["1000fb0111"], RESTARTING, "svc"),
    Row(READY, "Call received: Call Accepted -> p4, d1", ["10010b0000"], [ACCEPTED], DATA, "svc"),
    Row(READY, "Call received: or Clear", ["10010b0003420101"], ["1001130342"], CLEARING, "svc"),
    Row(CALLING, "Call Accepted -> p4, d1", [ACCEPTED], [], DATA, "svc", "dte"),
    Row(CALLING, "Call on the same LCN: the DCE serves the DTE's", ["10010b0000"], [ACCEPTED], DATA, "svc"),
    Row(CALLING, "Call on the same LCN: the DTE waits", [CALL], [], CALLING, "svc", "dte"),
    Row(CALLING, "Clear received: confirm", ["1001130148"], [CLEAR_CONFIRMED], READY, "svc", "dte"),
    Row(DATA, "Clear received: confirm", [CLEAR], [CLEAR_CONFIRMED], READY, "svc"),
    Row(READY, "Clear received: confirm", [CLEAR], [CLEAR_CONFIRMED], READY, "svc"),
    Row(CLEARING, "Clear: collision, no confirmation sent", [CLEAR], [], READY, "svc"),
    Row(CLEARING, "Clear Confirmation", [CLEAR_CONFIRMED], [], READY, "svc"),
    Row(CLEARING, "others: discard", [DATA_0, *OTHERS_OF_A_CALL, CALL, ACCEPTED], [], CLEARING, "svc"),
    *(
        Row(READY, f"{packet} in p1: Clear 13/14", [packet], ["1001131314"], CLEARING, "svc")
        for packet in [DATA_0, *OTHERS_OF_A_CALL, ACCEPTED]
    ),
    Row(READY, "Clear Confirmation in p1: discard", [CLEAR_CONFIRMED], [], READY, "svc"),
    Row(READY, "Clear Confirmation in p1: discard", [CLEAR_CONFIRMED], [], READY, "svc", "dte"),
    Row(CALLING, "Clear Confirmation: 13/16 (p3)", [CLEAR_CONFIRMED], ["1001131316"], CLEARING, "svc"),
    Row(CLEARING, "Clear: collision, and a confirmation", [CLEAR, CLEAR_CONFIRMED], [], READY, "svc"),
    Row(CALLING, "data before the answer: Clear 13/16 (p3)", [DATA_0], ["1001131316"], CLEARING, "svc"),
    Row(CALLING, "data before the answer: 00/15 (p2)", [DATA_0], ["1001130015"], CLEARING, "svc", "dte"),
    *(
        Row(DATA, f"{packet} in p4: Clear 13/17", [packet], ["1001131317"], CLEARING, "svc")
        for packet in [CALL, ACCEPTED, CLEAR_CONFIRMED]
    ),
    Row(DATA, "Reset received: confirm, stay d1", [RESET], [RESET_CONFIRMED], DATA),
    Row(RESETTING, "Reset: collision", [RESET], [], DATA),
    Row(RESETTING, "Reset: collision, and a confirmation", [RESET, RESET_CONFIRMED], [], DATA),
    Row(
        RESETTING,
        "Reset: collision, and two confirmations",
        [RESET, RESET_CONFIRMED, RESET_CONFIRMED],
        ["10011b051b"],
        RESETTING,
    ),
    Row(
        RESETTING,
        "Reset: collision, another Reset: no confirmation is left over",
        [RESET, RESET, RESET_CONFIRMED],
        [RESET_CONFIRMED, "10011b051b"],
        RESETTING,
    ),
    Row(RESETTING, "Reset Confirmation", [RESET_CONFIRMED], [], DATA),
    Row(RESETTING, "data, RR, RNR, interrupt: discard", [DATA_0, RR_0, RNR_0, INTERRUPT], [], RESETTING),
    Row(DATA, "P(S) not expected: Reset 05/01", ["100102aa"], ["10011b0501"], RESETTING),
    Row(DATA, "P(S) not expected, by a DTE: 00/01", ["100102aa"], ["10011b0001"], RESETTING, "pvc", "dte"),
    Row(DATA, "P(R) invalid in data: Reset 05/02", ["100120aa"], ["10011b0502"], RESETTING),
    Row(DATA, "P(R) invalid in RR: Reset 05/02", ["100121"], ["10011b0502"], RESETTING),
    Row(DATA, "P(R) invalid in RNR: Reset 05/02", ["1001e5"], ["10011b0502"], RESETTING),
    Row(DATA, "data longer than the packet: 05/27", ["100100" + "aa" * 129], ["10011b0527"], RESETTING),
    Row(DATA, "RR longer than it may be: 05/27", ["10010100"], ["10011b0527"], RESETTING),
    Row(DATA, "shorter than its type needs: 05/26", ["10011b"], ["10011b0526"], RESETTING),
    Row(DATA, "interrupt without data: 05/26", ["100123"], ["10011b0526"], RESETTING),
    Row(DATA, "unexpected Interrupt Confirmation: 05/2B", [INTERRUPT_CONFIRMED], ["10011b052b"], RESETTING),
    Row(DATA, "unexpected Reset Confirmation: 05/1B", [RESET_CONFIRMED], ["10011b051b"], RESETTING),
    Row(DATA, "REJ, not subscribed to: 05/25", [REJ_0], ["10011b0525"], RESETTING),
    Row(DATA, "no packet type of X.25: 05/21", ["100133"], ["10011b0521"], RESETTING),
    Row(
        DATA, "Q changes in a sequence: 05/53", ["100110aa", "900102aa"], ["100121", "10011b0553"], RESETTING
    ),
    *(
        Row(DATA, f"{packet} on a PVC: Reset 05/23", [packet], ["10011b0523"], RESETTING)
        for packet in [CALL, ACCEPTED, CLEAR, CLEAR_CONFIRMED]
    ),
    Row(DATA, "LCN not in any range: Clear 13/24", ["100200aa"], ["1002131324"], DATA),
    Row(DATA, "LCN not in any range, by a DTE", ["100200aa"], ["1002130024"], DATA, "pvc", "dte"),
    Row(DATA, "LCN not in any range, its Clear Confirmation", ["100217"], [], DATA),
    Row(DATA, "LCN not in any range, unreadable", ["1002fd"], ["1002131324"], DATA),
    Row(
        DATA,
        "LCN not in any range, 1988: Diagnostic 24",
        ["100200aa"],
        ["1000f124100200"],
        DATA,
        settings={"unassigned": "diagnostic"},
    ),
    Row(DATA, "data on LCN 0: Diagnostic 24", ["100000aa"], ["1000f124100000"], DATA),
    Row(DATA, "GFI wrong: Diagnostic 28", ["200100aa"], ["1000f128200100"], DATA),
    Row(DATA, "GFI wrong: or discard", ["200100aa"], [], DATA, settings={"diagnostics": False}),
    Row(DATA, "GFI wrong, by a DTE: discard", ["200100aa"], [], DATA, "pvc", "dte"),
    Row(DATA, "two octets: Diagnostic 26", ["1001"], ["1000f1261001"], DATA),
    Row(DATA, "Restart on LCN 1: Diagnostic 29", ["1001fb0000"], ["1000f1291001fb"], DATA),
    Row(DATA, "a Diagnostic is not answered", ["1000f128100101", "1001f128", "1000f1"], [], DATA),
]


def peer_of(row: Row) -> Peer:
    return Peer(X25Config(circuit=row.circuit, role=row.role, **row.settings)).to(row.state)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.role} {row.circuit}, {row.state}: {row.event}")
def test_row(row: Row) -> None:
    peer = peer_of(row)
    answer = [packet for each in row.says for packet in peer.says(each)]
    assert answer == row.answer
    assert peer.layer.state is row.next


@pytest.mark.parametrize(("role", "cause"), [("dte", "00"), ("dce", "07")])
@pytest.mark.parametrize("circuit", ["pvc", "svc"])
@pytest.mark.parametrize("state", list(X25State))
def test_any_link_up_after_set_up_sends_restart_and_starts_t20_or_t10(
    state: X25State, circuit: str, role: str, cause: str
) -> None:
    if circuit == "pvc" and state in (READY, CALLING, CLEARING):
        with pytest.raises(AssertionError):
            Peer(circuit=circuit, role=role).to(state)  # a PVC has no such state
        return
    peer = Peer(circuit=circuit, role=role, resume=False).to(state)
    peer.now = 7.0
    assert peer.link_up() == [f"1000fb{cause}00"]
    assert peer.layer.state is RESTARTING
    assert peer.layer.next_deadline() == 7.0 + (180 if role == "dte" else 60)


def test_link_down_svcs_are_cleared_pvcs_are_out_of_order() -> None:
    for circuit, cause in (("pvc", 0x01), ("svc", 0x09)):
        peer = Peer(circuit=circuit).to(DATA)
        assert peer.link_down() == []
        assert peer.layer.state is DOWN
        assert peer.ups == [CircuitDown("LOS", cause)]
        assert peer.layer.next_deadline() is None


def test_p2_a_dce_that_gave_way_transfers_data_of_the_other_call() -> None:
    peer = Peer(circuit="svc", role="dce").to(CALLING)
    assert peer.says("10010b0000") == [ACCEPTED]
    assert peer.says("100100aa") == ["100121"]
    assert peer.delivered == [b"\xaa"]


def test_d1_reset_received_the_counters_are_zero_and_data_on_the_way_is_dropped() -> None:
    peer = Peer().to(DATA)
    assert peer.says("100110" + "aa" * 128) == ["100121"]  # the first half of a message
    assert peer.says(RESET) == [RESET_CONFIRMED]
    assert peer.alarms == ["reset"]  # the application is told
    assert peer.says("100100bb") == ["100121"]
    assert peer.delivered == [b"\xbb"]


def test_d1_a_pvc_whose_far_end_is_dead_and_returns() -> None:
    peer = Peer().to(DATA)
    assert peer.says("10011b1d00") == [RESET_CONFIRMED]
    assert [type(each) for each in peer.ups] == [CircuitDown]
    assert "network out of order" in peer.ups[0].reason  # type: ignore[union-attr]
    assert peer.send(b"wait") == []
    assert peer.says("10011b0f00") == [RESET_CONFIRMED, "100100" + b"wait".hex()]
    assert peer.ups[1:] == [Up()]


def test_d1_data_from_a_far_end_that_was_told_dead_proves_it_alive() -> None:
    peer = Peer().to(DATA)
    peer.says("10011b0100")
    assert peer.says("100100aa") == ["100121"]
    assert [type(each) for each in peer.ups] == [CircuitDown, Up]


@pytest.mark.parametrize("role", ["dte", "dce"])
def test_a_peer_that_confirms_although_two_clears_have_crossed_can_be_called_at_once(role: str) -> None:
    peer = Peer(circuit="svc", role=role).to(CLEARING)
    assert peer.says(CLEAR) == []
    assert peer.said(peer.layer.call(0)) == [CALL]
    assert peer.says(CLEAR_CONFIRMED) == []
    assert peer.says(ACCEPTED) == []
    assert peer.layer.state is DATA
    assert peer.says(CLEAR_CONFIRMED) != []  # only one


def test_after_two_resets_have_crossed_messages_cross_at_once() -> None:
    peer = Peer().to(RESETTING)
    assert peer.says(RESET) == []
    assert peer.says(RESET_CONFIRMED) == []
    assert peer.send(b"1") == ["10010031"]
    assert peer.says("100120aa") == ["100121"]
    assert peer.alarms == ["reset"]


TIMER_ROWS = [
    # role, circuit, state, seconds, what expiry sends, the state after; R20, R22, R23, R10, R12, R13 = 1
    ("dte", "pvc", RESTARTING, 180, ["1000fb0000"], ["1000fb0000"], RESTARTING),
    ("dce", "pvc", RESTARTING, 60, ["1000fb0700"], ["1000f134", "1000fb0700"], RESTARTING),
    ("dte", "pvc", RESETTING, 180, ["10011b0033"], [], DATA),
    ("dce", "pvc", RESETTING, 60, ["10011b0533"], [], DATA),
    ("dte", "svc", RESETTING, 180, ["10011b0033"], ["1001130033"], CLEARING),
    ("dce", "svc", RESETTING, 60, ["10011b0533"], ["1001131333"], CLEARING),
    ("dte", "svc", CLEARING, 180, ["1001130032"], [], READY),
    ("dce", "svc", CLEARING, 60, ["1001131332"], [], READY),
]


@pytest.mark.parametrize(("role", "circuit", "state", "seconds", "first", "second", "after"), TIMER_ROWS)
def test_timers_expire_once_with_a_retry_and_then_give_up(
    role: str,
    circuit: str,
    state: X25State,
    seconds: int,
    first: list[str],
    second: list[str],
    after: X25State,
) -> None:
    peer = Peer(role=role, circuit=circuit).to(state)
    assert peer.layer.next_deadline() == seconds
    assert peer.wait() == first
    assert peer.layer.state is state
    assert peer.layer.next_deadline() == 2 * seconds
    assert peer.wait() == second
    assert peer.layer.state is after
    if after is not CLEARING:
        assert peer.alarms[-1] == ("timer")


@pytest.mark.parametrize(
    ("role", "seconds", "clear"), [("dte", 200, "1001130031"), ("dce", 180, "1001131331")]
)
def test_t21_and_t11_clear_a_call_that_is_not_answered(role: str, seconds: int, clear: str) -> None:
    peer = Peer(role=role, circuit="svc").to(CALLING)
    assert peer.layer.next_deadline() == seconds
    assert peer.wait() == [clear]
    assert peer.layer.state is CLEARING


@pytest.mark.parametrize(
    ("state", "confirmation", "after"),
    [
        (RESTARTING, RESTART_CONFIRMED, DATA),
        (RESETTING, RESET_CONFIRMED, DATA),
        (CLEARING, CLEAR_CONFIRMED, READY),
    ],
)
def test_of_several_requests_the_confirmation_of_the_last_one_counts(
    state: X25State, confirmation: str, after: X25State
) -> None:
    peer = Peer(circuit="svc" if state is CLEARING else "pvc").to(state)
    peer.wait()  # the second request
    assert peer.says(confirmation, unconfirmed=1) == []
    assert peer.says(DATA_0, unconfirmed=1) == []  # from before the peer had the second
    assert peer.layer.state is state
    assert peer.layer.next_deadline() is not None
    assert peer.says(confirmation, unconfirmed=0) == []
    assert peer.layer.state is after
    assert peer.delivered == []


def test_a_peer_that_had_both_requests_before_it_confirms_one_need_not_confirm_twice() -> None:
    peer = Peer().to(RESTARTING)
    peer.wait()
    assert peer.says(RESTART_CONFIRMED, unconfirmed=0) == []
    assert peer.layer.state is DATA


def test_a_restart_that_crosses_two_of_ours_confirms_the_first_of_them() -> None:
    peer = Peer().to(RESTARTING)
    peer.wait()
    assert peer.says(RESTART_OF_DCE, unconfirmed=2) == []
    assert peer.says(DATA_0, unconfirmed=1) == []
    assert peer.layer.state is RESTARTING
    assert peer.says(RESTART_CONFIRMED, unconfirmed=0) == []
    assert peer.layer.state is DATA
    assert peer.delivered == []


def test_retries_are_counted_anew_each_time() -> None:
    peer = Peer(r22=2).to(RESETTING)
    assert [peer.wait(), peer.wait()] == [["10011b0033"]] * 2
    peer.says(RESET_CONFIRMED)
    peer.said(peer.layer.reset(peer.now))
    assert [peer.wait(), peer.wait(), peer.wait()] == [["10011b0033"], ["10011b0033"], []]


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_a_request_is_repeated_as_often_as_the_setting_says(retries: int) -> None:
    peer = Peer(r22=retries).to(RESETTING)
    said = [peer.wait() for _ in range(retries + 1)]
    assert said == [["10011b0033"]] * retries + [[]]


def test_an_answer_stops_the_timer() -> None:
    for state, answer in ((RESTARTING, RESTART_CONFIRMED), (RESETTING, RESET_CONFIRMED)):
        peer = Peer().to(state)
        peer.says(answer)
        assert peer.layer.next_deadline() is None


def test_every_action_is_in_a_table() -> None:
    assert {action for move in X25_TABLE.values() for action in move.actions} == set(X25Action)


@pytest.mark.parametrize("kind", CircuitKind)
def test_a_state_that_waits_for_an_answer_has_a_timer_that_leads_on(kind: CircuitKind) -> None:
    for state in {move.next for (of, *_), move in X25_TABLE.items() if of is kind} & set(TIMERS):
        assert (kind, state, X25Input.AGAIN) in X25_TABLE
        assert (kind, state, X25Input.GIVE_UP) in X25_TABLE


@pytest.mark.parametrize(
    ("circuit", "state", "says", "told"),
    [
        ("pvc", DATA, CALL, "both must have the same"),
        ("svc", CALLING, DATA_0, "has the peer a permanent one (pvc)?"),
    ],
)
def test_ends_with_different_circuits_are_told_so(
    circuit: str, state: X25State, says: str, told: str
) -> None:
    peer = Peer(circuit=circuit).to(state)
    peer.says(says)
    assert [told in effect.text for effect in peer.effects if isinstance(effect, ChannelAlarm)][-1:] == [True]
