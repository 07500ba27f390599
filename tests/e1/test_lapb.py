"""LAPB in dialogues: information transfer (X.25 2.4.5), resets, roles, options. Its table is in test_lapb_rows."""

from typing import Any

import pytest

from e1.events import ChannelAlarm
from e1.lapb.config import DeliverPacket, LapbConfig, LapbEffect, LinkDown, LinkUp, Role, SendFrame
from e1.lapb.machine import Lapb, LapbState

SABM, UA, DISC, DM = "01 3f", "01 73", "01 53", "03 1f"
"""As a DTE sends SABM and DISC, and gets UA; a DTE's own DM."""


class Dte:
    """A DTE in information transfer, and the frames it exchanges; the peer's are given as hexadecimal octets."""

    def __init__(self, **options: Any) -> None:
        self.link = Lapb(LapbConfig(**options))
        self.now = 0.0
        self.effects: list[LapbEffect] = []
        self.link.connect(0)
        self.link.received(bytes.fromhex(UA), 0)

    def hears(self, *frames: str) -> list[str]:
        """What it sends on hearing ``frames``."""
        return self.sends(
            [effect for text in frames for effect in self.link.received(bytes.fromhex(text), self.now)]
        )

    def hands_in(self, *texts: bytes) -> list[str]:
        return self.sends([effect for text in texts for effect in self.link.send(text, self.now)])

    def waits(self, seconds: float) -> list[str]:
        self.now += seconds
        return self.sends(self.link.tick(self.now))

    def sends(self, effects: list[LapbEffect]) -> list[str]:
        self.effects += effects
        return [effect.frame.hex(" ") for effect in effects if isinstance(effect, SendFrame)]

    def told(self) -> list[LapbEffect]:
        """What layer 3 was told since the last time."""
        told = [effect for effect in self.effects if not isinstance(effect, SendFrame)]
        self.effects = []
        return told


def test_information_goes_out_with_the_numbers_that_acknowledge() -> None:
    dte = Dte()
    assert dte.hands_in(b"\xaa", b"\xbb") == ["01 00 aa", "01 02 bb"]
    assert dte.hears("03 20 cc") == []
    assert dte.told() == [DeliverPacket(b"\xcc")]
    assert dte.link.queued == 1
    assert dte.hands_in(b"\xdd") == ["01 24 dd"]
    assert dte.waits(1) == [], "the I frame has acknowledged"
    assert dte.hears("01 61") == []
    assert dte.link.queued == 0
    assert dte.link.next_deadline() is None


def test_no_more_than_k_are_out() -> None:
    dte = Dte(k=2)
    assert dte.hands_in(b"a", b"b", b"c", b"d") == ["01 00 61", "01 02 62"]
    assert dte.hears("01 21") == ["01 04 63"]
    assert dte.hears("01 61") == ["01 06 64"]


def test_a_lone_frame_is_acknowledged_after_t2() -> None:
    dte = Dte(t2=0.2)
    assert dte.hears("03 00 aa") == []
    assert dte.link.next_deadline() == pytest.approx(0.2)
    assert dte.waits(0.2) == ["03 21"]


def test_without_t2_a_frame_is_acknowledged_at_once_unless_one_of_ours_does_it() -> None:
    dte = Dte(t2=0.0, k=1)
    assert dte.hears("03 00 aa") == ["03 21"]
    dte = Dte(t2=0.0)
    assert dte.hears("03 00 aa") == ["03 21"]
    dte = Dte(t2=0.0, k=2)
    dte.hands_in(b"a", b"b", b"c")
    assert dte.hears("03 20 aa") == ["01 24 63"]


def test_half_a_window_is_acknowledged_at_once() -> None:
    dte = Dte(k=7)
    assert dte.hears("03 00 aa", "03 02 aa", "03 04 aa") == []
    assert dte.hears("03 06 aa") == ["03 81"]
    assert dte.link.next_deadline() is None


def test_a_poll_is_answered_before_any_information() -> None:
    dte = Dte(k=1)
    dte.hands_in(b"a", b"b")
    assert dte.hears("03 31") == ["03 11", "01 02 62"]


def test_a_gap_is_rejected_once_and_polls_are_answered() -> None:
    dte = Dte()
    assert dte.hears("03 02 bb") == ["03 09"]
    assert dte.hears("03 04 cc") == []
    assert dte.hears("03 16 dd") == ["03 11"]
    assert dte.told() == []
    assert dte.hears("03 00 aa", "03 02 bb") == []
    assert dte.told() == [DeliverPacket(b"\xaa"), DeliverPacket(b"\xbb")]
    assert dte.hears("03 06 dd") == ["03 49"], "the next gap has its own REJ"
    assert dte.link.counters.out_of_sequence == 4


def test_a_gap_with_a_poll_is_rejected_with_f() -> None:
    assert Dte().hears("03 12 bb") == ["03 19"]


def test_the_acknowledgement_in_a_frame_out_of_sequence_counts() -> None:
    dte = Dte()
    dte.hands_in(b"a")
    dte.hears("03 22 bb")
    assert dte.link.queued == 0


def test_rej_has_everything_sent_again_from_there() -> None:
    dte = Dte()
    dte.hands_in(b"a", b"b", b"c")
    assert dte.hears("01 29") == ["01 02 62", "01 04 63"]
    assert dte.link.counters.resent == 2
    assert dte.hears("03 39") == ["03 11", "01 02 62", "01 04 63"], "a command with P is answered first"


def test_rnr_stops_us_and_rr_lets_us_go_on() -> None:
    dte = Dte(k=2)
    dte.hands_in(b"a", b"b", b"c")
    assert dte.hears("01 45") == []
    assert dte.hears("03 40 aa") == [], "an I frame says nothing of busy"
    assert dte.hears("01 41") == ["01 24 63"]


def test_a_busy_peer_is_polled_and_may_stay_busy_as_long_as_it_answers() -> None:
    dte = Dte(n2=2, t1=3.0)
    dte.hears("01 05")
    dte.hands_in(b"a")
    for _ in range(5):
        assert dte.waits(3) == ["01 11"]
        assert dte.hears("01 15") == []
    assert dte.waits(3) == ["01 11"]
    assert dte.hears("01 11") == ["01 00 61"]


def test_a_busy_peer_that_answers_no_more_is_reset_after_n2() -> None:
    dte = Dte(n2=2, t1=3.0)
    dte.hears("01 05")
    assert dte.waits(3) + dte.waits(3) == ["01 11", "01 11"]
    assert dte.waits(3) == ["01 3f"]
    assert dte.told() == [ChannelAlarm("link-reset", "no acknowledgement: resetting the link")]


def test_we_are_busy_and_ask_for_what_we_refused() -> None:
    dte = Dte()
    assert dte.sends(dte.link.busy(True, 0)) == ["03 05"]
    assert dte.sends(dte.link.busy(True, 0)) == []
    assert dte.hears("03 00 aa") == ["03 05"]
    assert dte.hears("03 12 bb") == ["03 15"]
    assert dte.hears("03 11") == ["03 15"]
    assert dte.told() == []
    assert dte.sends(dte.link.busy(False, 0)) == ["03 09"]
    assert dte.hears("03 00 aa") == []
    assert dte.told() == [DeliverPacket(b"\xaa")]


def test_we_were_busy_and_refused_nothing() -> None:
    dte = Dte()
    dte.link.busy(True, 0)
    assert dte.sends(dte.link.busy(False, 0)) == ["03 01"]


def test_who_is_busy_says_so_when_the_link_comes_up() -> None:
    link = Lapb(LapbConfig(role="dce"))
    assert link.busy(True, 0) == []
    assert link.received(bytes.fromhex("01 3f"), 0) == [
        SendFrame(bytes.fromhex("01 73")),
        LinkUp(False),
        SendFrame(bytes.fromhex("01 05")),
    ]


def test_recovery_by_poll() -> None:
    dte = Dte(t1=3.0)
    dte.hands_in(b"a", b"b")
    assert dte.waits(3) == ["01 11"]
    assert dte.hands_in(b"c") == [], "nothing new while recovering"
    assert dte.hears("01 01") == [], "not an answer to the poll"
    assert dte.hears("01 09") == [], "nor is a REJ without F"
    assert dte.hears("01 31") == ["01 02 62", "01 04 63"]


def test_recovery_by_i_frame() -> None:
    dte = Dte(t1=3.0, resend="i-frame")
    dte.hands_in(b"a", b"b")
    assert dte.waits(3) == ["01 10 61"]
    assert dte.hears("01 51") == [], "both had arrived: valid although V(S) was set back"
    assert dte.link.queued == 0
    assert dte.hands_in(b"c") == ["01 04 63"]
    assert dte.waits(3) == ["01 14 63"]
    assert dte.hears("01 59") == ["01 04 63"], "REJ F=1 answers as well"


def test_recovery_as_linux_does_it() -> None:
    dte = Dte(t1=3.0, n2=2, resend="linux", s3_exhausted="down")
    dte.hands_in(b"a", b"b")
    assert dte.waits(3) == ["01 00 61", "01 02 62"]
    assert dte.waits(3) == ["01 00 61", "01 02 62"]
    assert dte.waits(3) == []
    assert dte.told() == [LinkDown("the peer does not answer", 2)]


def test_linux_polls_a_busy_peer() -> None:
    dte = Dte(t1=3.0, resend="linux")
    dte.hears("01 05")
    assert dte.waits(3) == ["01 11"]
    assert dte.hands_in(b"a") == []
    assert dte.hears("01 11") == ["01 00 61"]


def test_progress_starts_t1_anew_and_its_end_stops_it() -> None:
    dte = Dte(t1=3.0)
    dte.hands_in(b"a", b"b")
    dte.now = 2.0
    dte.hears("01 21")
    assert dte.link.next_deadline() == 5.0
    dte.hears("01 21")
    assert dte.link.next_deadline() == 5.0, "the same N(R) again is no progress"
    dte.hears("01 41")
    assert dte.link.next_deadline() is None


def test_a_silent_peer_is_polled_after_t4_if_that_is_on() -> None:
    dte = Dte(t4=10.0, t1=3.0)
    assert dte.waits(9) == []
    dte.hears("01 01")
    assert dte.waits(9) == []
    assert dte.waits(1) == ["01 11"]
    assert dte.hears("01 11") == []
    dte.now += 8
    assert dte.hands_in(b"a") == ["01 00 61"]
    assert dte.waits(2) == [], "T1 runs: an answer is due anyway"
    assert dte.waits(1) == ["01 11"]


def test_an_unanswered_t4_poll_ends_in_a_reset() -> None:
    dte = Dte(t4=10.0, t1=3.0, n2=1)
    assert dte.waits(10) == ["01 11"]
    assert dte.waits(3) == ["01 3f"]


@pytest.mark.parametrize(
    ("frame", "frmr", "why"),
    [
        ("03 13", "03 97 13 20 01", "control field undefined"),
        ("03 31 ff", "03 97 31 20 03", "information where none is allowed"),
        ("03 02" + " 00" * 132, "03 87 02 20 04", "longer than N1"),
        ("03 41", "03 87 41 20 08", "invalid N(R)"),
        ("01 41", "03 87 41 30 08", "control field 41h of a response rejected at V(R)=1 V(S)=0: invalid"),
    ],
)
def test_frmr_says_what_was_wrong(frame: str, frmr: str, why: str) -> None:
    dte = Dte()
    dte.hears("03 10 aa")
    dte.told()
    assert dte.hears(frame) == [frmr]
    (alarm,) = [effect for effect in dte.told() if getattr(effect, "kind", "") == "frmr-sent"]
    assert isinstance(alarm, ChannelAlarm)
    assert why in alarm.text


def test_frmr_goes_out_until_the_peer_sets_up_and_layer_3_hears_of_the_loss() -> None:
    dte = Dte(t1=3.0, n2=2)
    dte.hands_in(b"a")
    assert dte.hears("03 13") == ["03 97 13 02 01"]
    assert dte.hands_in(b"b") == []
    assert dte.waits(3) == ["03 97 13 02 01"]
    assert dte.hears("03 3f") == ["03 73"]
    assert dte.told()[-1] == LinkUp(True, 2)
    assert dte.link.queued == 0
    assert dte.hands_in(b"c") == ["01 00 63"]


def test_the_reason_in_a_frmr_is_told_in_words() -> None:
    dte = Dte()
    dte.hears("01 97 a1 10 08")
    (alarm,) = dte.told()
    assert alarm == ChannelAlarm(
        "frmr-received",
        "control field A1h of a response rejected at V(R)=0 V(S)=0: invalid N(R); resetting the link",
    )


def test_a_reset_by_the_peer_drops_and_tells() -> None:
    dte = Dte()
    dte.hands_in(b"a", b"b")
    assert dte.hears("03 3f") == ["03 73"]
    assert dte.told() == [ChannelAlarm("link-reset", "the peer has reset the link"), LinkUp(True, 2)]
    assert dte.link.counters.resets == 1


def test_a_reset_by_the_peer_with_requeue_sends_again() -> None:
    dte = Dte(on_reset="requeue")
    dte.hands_in(b"a", b"b")
    assert dte.hears("01 21") == []
    assert dte.hears("03 3f") == ["03 73", "01 00 62"]
    assert dte.told()[-1] == LinkUp(True, 0)


def test_our_reset_that_nobody_answers_takes_the_link_down_and_set_up_begins_again() -> None:
    dte = Dte(t1=3.0, n2=2)
    dte.hands_in(b"a")
    sent = [frame for _ in range(4) for frame in dte.waits(3)]
    assert sent == ["01 11", "01 11", "01 3f", "01 3f"]
    assert dte.waits(3) == []
    assert dte.told()[-1] == LinkDown("the peer does not answer", 1)
    assert dte.waits(3) == ["01 3f"]
    for _ in range(10):
        dte.waits(3)
    assert dte.told() == [], "told once"
    dte.hears(UA)
    assert dte.told() == [LinkUp(False)]


def test_a_set_up_that_nobody_answers_is_told_once_and_tried_for_ever() -> None:
    link = Lapb(LapbConfig(t1=3.0, n2=3))
    effects = link.carrier(True, 0)
    for turn in range(1, 41):
        effects += link.tick(3.0 * turn)
    assert effects.count(LinkDown("the peer does not answer", 0)) == 1
    assert effects.count(SendFrame(bytes.fromhex(SABM))) > 25
    assert len(effects) == effects.count(SendFrame(bytes.fromhex(SABM))) + 1


def test_a_dce_that_invites_n2_times_and_then_waits_silently() -> None:
    link = Lapb(LapbConfig(role="dce", set_up="dte", n2=3, t1=3.0, s0_exhausted="stay"))
    effects = link.carrier(True, 0)
    for turn in range(1, 20):
        effects += link.tick(3.0 * turn)
    assert effects == [SendFrame(bytes.fromhex("01 0f"))] * 3
    assert link.next_deadline() is None
    assert LinkUp(False) in link.received(bytes.fromhex(SABM), 99)


def test_who_has_disconnected_accepts_no_link_until_layer_3_wants_one() -> None:
    dte = Dte(t1=3.0)
    assert dte.sends(dte.link.disconnect(0)) == [DISC]
    assert dte.told() == [LinkDown("disconnected by request", 0)]
    assert dte.hears(UA) == []
    assert dte.link.state is LapbState.S0
    assert dte.link.next_deadline() is None
    assert dte.hears("03 3f") == [DM]
    assert dte.hears("01 0f") == [], "nor does an invitation change that"
    assert dte.sends(dte.link.carrier(True, 9)) == []
    assert dte.sends(dte.link.connect(9)) == [SABM]


def test_a_connect_during_disconnection_is_carried_out_after_it() -> None:
    dte = Dte(t1=3.0)
    dte.link.disconnect(0)
    assert dte.sends(dte.link.connect(0)) == []
    dte.hears(UA)
    assert dte.waits(3) == [SABM]


def test_the_line_goes_away_and_comes_back() -> None:
    dte = Dte()
    dte.link.carrier(True, 0)
    dte.hands_in(b"a")
    dte.told()
    dte.sends(dte.link.carrier(False, 1))
    assert dte.told() == [LinkDown("the line is down", 1)]
    assert dte.link.next_deadline() is None
    assert dte.sends(dte.link.connect(2)) == []
    assert dte.sends(dte.link.carrier(False, 3)) == []
    assert dte.sends(dte.link.carrier(True, 4)) == [SABM]


def test_an_idle_channel_takes_the_link_down_after_t3_unless_flags_come() -> None:
    dte = Dte(t3=60.0)
    dte.link.idle(True, 0)
    dte.link.idle(True, 50)
    dte.link.idle(False, 59)
    assert dte.waits(61) == []
    dte.link.idle(True, 61)
    dte.waits(60)
    assert dte.told() == [LinkDown("the channel is idle", 0)]


def test_without_t3_an_idle_channel_takes_nothing_down() -> None:
    dte = Dte(t3=0.0)
    dte.link.idle(True, 0)
    assert dte.link.next_deadline() is None


def test_information_without_a_link_is_refused_in_words() -> None:
    link = Lapb(LapbConfig())
    assert link.send(b"abc", 0) == [ChannelAlarm("not-sent", "3 octets were not sent: the link is down")]
    assert link.queued == 0
    assert not link.up


def test_information_longer_than_n1_is_a_mistake_of_the_caller() -> None:
    dte = Dte(n1=10)
    assert dte.hands_in(bytes(6)) == ["01 00" + " 00" * 6]
    with pytest.raises(ValueError, match="7 octets of information; N1 of 10 allows 6"):
        dte.link.send(bytes(7), 0)
    assert dte.link.queued == 1


@pytest.mark.parametrize("frame", ["", "01", "05 3f", "0f 3f", "07 73"])
def test_short_frames_and_foreign_addresses_are_discarded(frame: str) -> None:
    link = Lapb(LapbConfig())
    assert link.received(bytes.fromhex(frame), 0) == []
    assert link.counters.invalid == 1
    assert link.state is LapbState.S0


def test_two_dtes_never_come_up_and_both_are_told_why() -> None:
    ends = [Lapb(LapbConfig(role="dte")), Lapb(LapbConfig(role="dte"))]
    told: list[list[LapbEffect]] = [[], []]
    now = 0.0
    waiting = [(1 - place, effect) for place in (0, 1) for effect in ends[place].carrier(True, now)]
    for _ in range(200):
        while waiting:
            place, effect = waiting.pop(0)
            if isinstance(effect, SendFrame):
                waiting += [(1 - place, answer) for answer in ends[place].received(effect.frame, now)]
            else:
                told[1 - place].append(effect)
        now += 1
        waiting = [(1 - place, effect) for place in (0, 1) for effect in ends[place].tick(now)]
    for effects in told:
        assert [effect for effect in effects if isinstance(effect, ChannelAlarm)] == [
            ChannelAlarm(
                "role-mismatch",
                "the peer uses my own command address 01h for SABM: both ends are set to DTE"
                " (one must be DCE), or the line is looped back",
            )
        ]
        assert not [effect for effect in effects if isinstance(effect, LinkUp)]


@pytest.mark.parametrize(("role", "sabme"), [("dce", "01 7f"), ("dce", "01 6f"), ("dte", "03 7f")])
def test_a_peer_of_modulo_128_is_named_once_until_the_line_or_the_link_is_another(
    role: Role, sabme: str
) -> None:
    link = Lapb(LapbConfig(role=role))
    named = ChannelAlarm(
        "modulo-mismatch",
        f"the peer sets up LAPB modulo 128 (SABME, {sabme}): this end has modulo 8 alone, set the peer to modulo 8",
    )
    link.carrier(True, 0)
    assert named in link.received(bytes.fromhex(sabme), 0)
    assert named not in link.received(bytes.fromhex(sabme), 1)
    link.carrier(False, 2)
    link.carrier(True, 3)
    assert named in link.received(bytes.fromhex(sabme), 4)
    link.received(bytes((link.config.command_address, 0x73)), 5)  # UA
    assert link.up
    assert named in link.received(bytes.fromhex(sabme), 6)


def test_a_dce_tells_of_another_dce_by_its_invitation() -> None:
    link = Lapb(LapbConfig(role="dce"))
    (alarm,) = link.received(bytes.fromhex("01 0f"), 0)
    assert alarm == ChannelAlarm(
        "role-mismatch",
        "the peer uses my own response address 01h for DM: both ends are set to DCE"
        " (one must be DTE), or the line is looped back",
    )
    assert link.received(bytes.fromhex("01 0f"), 1) == []
    link.carrier(False, 2)
    link.carrier(True, 3)
    assert link.received(bytes.fromhex("01 0f"), 3) == [alarm], "a new line, a new alarm"


def test_what_crosses_is_counted_by_kind() -> None:
    dte = Dte()
    dte.hands_in(b"a", b"b")
    dte.hears("01 09", "01 41", "03 40 aa")
    counters = dte.link.counters
    assert counters.sent == {"SABM": 1, "I": 4}
    assert counters.received == {"UA": 1, "REJ": 1, "RR": 1, "I": 1}
    assert (counters.resent, counters.ups, counters.downs) == (2, 1, 0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"role": "peer"}, "role = 'peer': allowed is dte, dce"),
        ({"k": 8}, r"k = 8: allowed is 1\.\.7"),
        ({"n1": 4}, "n1 = 4"),
        ({"n2": 0}, "n2 = 0"),
        ({"t1": 0}, "t1 = 0"),
        ({"t2": 3.0}, "t2 = 3.0: allowed is 0 or more, and less than t1"),
        ({"t3": 1.0}, "t3 = 1.0"),
        ({"t4": -1}, "t4 = -1"),
    ],
)
def test_impossible_parameters_are_refused_by_name(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        LapbConfig(**options)


def test_frames_come_in_time_unless_the_peer_sends_again_or_waits_for_its_window() -> None:
    dte = Dte(t1=3.0)
    assert dte.hears("03 00 aa") == []
    assert dte.link.in_time(0)
    for sign in ("03 51", "01 29", "03 04 cc"):  # a poll, REJ, a gap
        dte = Dte(t1=3.0)
        dte.hands_in(b"a", b"b")
        dte.hears("03 00 aa")
        dte.hears(sign)
        assert not dte.link.in_time(2.9)
        assert dte.link.in_time(3.0)


def test_the_last_of_a_whole_window_and_one_may_have_waited() -> None:
    dte = Dte(t1=3.0, k=2)
    dte.hears("03 00 aa", "03 02 aa")
    assert dte.link.in_time(0)
    dte.hears("03 04 aa")
    assert not dte.link.in_time(2.9)
    assert dte.link.in_time(3.0)
