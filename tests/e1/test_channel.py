"""One KPD in one timeslot: both layers together over a line that is good, bad, cut and restored."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from e1.channel import DataChannel
from e1.events import ChannelEvent, Down, FrameCrossed, InterruptReceived, Up
from e1.lapb.config import LapbConfig
from e1.x25.config import X25Config
from e1.x25.layer import PacketLayer
from tests.e1.channel_lines import End, Link

pytestmark = pytest.mark.lab  # random lines and floods: seconds each

KINDS = [{}, {"circuit": "svc"}, {"window": 7, "packet_size": 64}]

UNDEFINED = bytes.fromhex("0113")
"""A command with a control field that LAPB does not have: answered with FRMR, and that with a link reset."""


@pytest.mark.parametrize("x25", KINDS, ids=str)
def test_a_message_of_any_length_crosses_both_ways(x25: dict[str, object]) -> None:
    link = Link(**x25).start()
    messages = [bytes([at % 251]) * at for at in (1, 127, 128, 129, 300, 5000)]
    for message in messages:
        link.send(link.dte, message)
        link.send(link.dce, message[::-1])
    link.run(5)
    assert link.dce.messages == messages
    assert link.dte.messages == [message[::-1] for message in messages]
    assert [type(each) for each in link.dte.ups] == [Up]
    assert link.dte.channel.queued == link.dce.channel.queued == 0


def test_both_ends_see_the_same_frames_and_tell_their_direction() -> None:
    link = Link().start()
    link.send(link.dte, b"one")
    link.run(1)
    for sender, receiver in ((link.dte, link.dce), (link.dce, link.dte)):
        sent = [frame.frame for frame in sender.frames if frame.outbound]
        assert sent == [frame.frame for frame in receiver.frames if not frame.outbound]
    assert FrameCrossed(outbound=True, frame=bytes.fromhex("013f")) in link.dte.frames
    assert link.dce.channel.hdlc.bad == 0


@pytest.mark.parametrize("x25", KINDS, ids=str)
def test_a_cut_in_the_middle_of_a_long_message_delivers_it_once_after_all(x25: dict[str, object]) -> None:
    link = Link(**x25).start()
    link.run(3)
    link.send(link.dte, b"a" * 2000)
    link.send(link.dte, b"b" * 10)
    link.run(0.1)
    link.carrier(False)
    assert [type(each) for each in link.dte.ups] == [Up, Down]
    link.run(5)
    link.carrier(True)
    link.run(8)
    assert link.dce.messages == [b"a" * 2000, b"b" * 10]
    assert [type(each) for each in link.dce.ups] == [Up, Down, Up]
    assert link.dte.given_up == []


def test_restart_reset_and_link_reset_in_the_middle_of_a_segmented_message() -> None:
    link = Link().start()
    link.run(1)
    link.send(link.dte, b"x" * 3000)
    link.send(link.dte, b"y" * 3000)
    link.run(0.1)
    link.dte.events += link.dte.channel.reset(link.now)  # X.25 reset by the sender
    link.run(0.1)
    link.dce.events += link.dce.channel.reset(link.now)  # by the receiver
    link.run(0.1)
    restart = link.dce.channel.x25.link_up(link.now)  # X.25 restart on a link that holds
    link.dce.events += link.dce.channel._carry_out(restart, link.now)
    link.run(0.1)
    link.dce.events += link.dce.channel.frame(UNDEFINED, link.now)  # LAPB reset
    link.run(5)
    assert link.dce.messages == [b"x" * 3000, b"y" * 3000]
    assert link.dte.given_up == []
    assert {"reset", "frmr-received"} <= set(link.dte.alarms)


def test_an_acknowledgement_that_is_lost_with_the_link_does_not_repeat_the_message() -> None:
    link = Link().start()
    link.send(link.dce, b"greeting")
    link.run(1)
    link.send(link.dte, b"once")
    while b"once" not in link.dce.messages:
        link.step()
    link.carrier(False)  # before the RR is on its way
    assert link.dte.channel.queued == 1
    link.run(1)
    link.carrier(True)
    link.run(3)
    assert link.dce.messages == [b"once"]
    assert link.dte.given_up == []
    assert link.dte.channel.queued == 0


@pytest.mark.parametrize(("in_doubt", "copies", "reported"), [("report", 1, 1), ("repeat", 2, 0)])
def test_a_peer_that_does_not_tell_what_arrived_leaves_a_message_in_doubt(
    in_doubt: str, copies: int, reported: int
) -> None:
    link = Link(resume=False, in_doubt=in_doubt).start()
    link.run(1)
    link.send(link.dte, b"command")
    while not link.dce.messages:
        link.step()
    link.carrier(False)
    link.run(1)
    link.carrier(True)
    link.run(3)
    assert link.dce.messages == [b"command"] * copies
    assert [each.message for each in link.dte.given_up if each.in_doubt] == [b"command"] * reported


def test_a_peer_that_was_started_anew_leaves_a_message_in_doubt() -> None:
    link = Link().start()
    link.send(link.dce, b"greeting")
    link.run(1)
    link.send(link.dte, b"command")
    while not link.dce.messages:
        link.step()
    link.carrier(False)
    link.dce.channel = Link().dce.channel
    link.run(1)
    link.carrier(True)
    link.send(link.dte, b"next")
    link.run(3)
    assert link.dce.messages == [b"command", b"next"]
    assert [each.in_doubt for each in link.dte.given_up] == [True]


def test_a_peer_that_vanishes_is_noticed_and_comes_back() -> None:
    link = Link().start()
    link.send(link.dce, b"greeting")
    link.run(1)
    link.cut = True  # nothing arrives, and nobody tells the ends
    link.send(link.dte, b"message")
    link.run(10)
    assert [type(each) for each in link.dte.ups] == [Up, Down]
    link.cut = False
    link.run(60)
    assert link.dce.messages == [b"message"]


class Withholding(PacketLayer):
    """A packet layer that lets acknowledgements wait, as Linux does for 3 s (X.25 leaves the time open)."""

    def _pump(self) -> None:
        self._acknowledge = False
        super()._pump()


def withholding(**x25: object) -> Link:
    """The DCE withholds; the DTE has sent it a message, which arrived."""
    link = Link(**x25)
    channel = link.dce.channel
    channel.x25 = Withholding(channel.x25.config)
    link.start()
    link.run(2)
    link.send(link.dte, b"once")
    while not link.dce.messages:
        link.step()
    return link


def restart(link: Link) -> list[ChannelEvent]:
    channel = link.dce.channel
    return channel._carry_out(channel.x25.link_up(link.now), link.now)


ENDINGS = {
    "Reset": ({}, lambda link: link.dce.channel.reset(link.now)),
    "Restart": ({}, restart),
    "Clear": (
        {"circuit": "svc"},
        lambda link: link.dce.channel._carry_out(link.dce.channel.x25.clear(link.now), link.now),
    ),
}
Ending = Callable[[Link], list[ChannelEvent]]


@pytest.mark.parametrize("in_doubt", ["report", "repeat"])
@pytest.mark.parametrize(("x25", "ending"), ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("waits", [0.0, 1.0])
def test_a_message_whose_acknowledgement_is_withheld_comes_once(
    x25: dict[str, object], ending: Ending, in_doubt: str, waits: float
) -> None:
    link = withholding(resume=False, in_doubt=in_doubt, **x25)
    link.run(waits)  # 0: LAPB acknowledges with the Reset itself
    assert link.dte.channel.queued == 1
    link.dce.events += ending(link)
    link.run(4)
    assert link.dte.channel.up
    assert link.dce.messages == [b"once"]
    assert link.dte.given_up == []
    assert link.dte.channel.queued == 0


@pytest.mark.parametrize(("in_doubt", "copies", "reported"), [("report", 1, 1), ("repeat", 2, 0)])
def test_after_frames_that_were_sent_again_lapb_does_not_know_either(
    in_doubt: str, copies: int, reported: int
) -> None:
    link = withholding(resume=False, in_doubt=in_doubt)
    link.run(1)
    link.dte.events += link.dte.channel.frame(bytes.fromhex("0311"), link.now)  # a poll: the DCE waited T1
    link.dce.events += link.dce.channel.reset(link.now)
    link.run(4)
    assert link.dce.messages == [b"once"] * copies
    assert [each.in_doubt for each in link.dte.given_up] == [True] * reported


def test_both_ends_dte_is_told_in_words() -> None:
    link = Link()
    link.dce.channel = DataChannel(LapbConfig(role="dte", t1=0.5), X25Config(role="dte"))
    link.start()
    link.run(10)
    assert "role-mismatch" in link.dte.alarms


def test_configurations_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one end has one role"):
        DataChannel(LapbConfig(role="dte"), X25Config(role="dce"))
    with pytest.raises(ValueError, match="packets of 256 octets need 263"):
        DataChannel(LapbConfig(), X25Config(packet_size=256))


def test_discarded_messages_do_not_cross_and_the_one_under_way_does() -> None:
    link = Link().start()
    link.run(1)
    for message in (b"a" * 1000, b"b", b"c"):
        link.send(link.dte, message)
    assert link.dte.channel.discard() == [b"b", b"c"]
    link.run(2)
    assert link.dce.messages == [b"a" * 1000]


def test_a_channel_that_carries_ones_is_down_after_t3() -> None:
    link = Link(lapb={"t3": 2.0}).start()
    link.run(1)
    end = link.dte
    for _ in range(150):
        link.now += 0.02
        end.events += end.channel.receive(b"\xff" * 160, link.now) + end.channel.tick(link.now)
    assert Down("the channel is idle") in end.events
    link.run(5)  # flags again
    assert end.channel.up


def test_interrupts_pass_the_data() -> None:
    link = Link().start()
    link.run(1)
    link.send(link.dte, bytes(2000))
    link.dte.events += link.dte.channel.interrupt(b"!", link.now)
    while not link.dce.of(InterruptReceived):
        link.step()
    assert link.dce.messages == []
    assert link.dte.channel.pending > 0 or link.dte.channel.queued == 1


def test_octets_of_a_channel_that_is_told_gone_mean_nothing() -> None:
    link = Link().start()
    link.run(1)
    link.carrier(False)
    assert link.dte.channel.receive(bytes.fromhex("7e80fa6beedf9f7e"), link.now) == []


def once_and_in_order(sent: list[bytes], sender: End, receiver: End) -> None:
    """Whatever was sent was delivered once and in order; or told as given up, and then perhaps delivered."""
    given_up = {each.message: each.in_doubt for each in sender.given_up}
    must = [message for message in sent if message not in given_up]
    may = [message for message in sent if given_up.get(message, True)]
    assert [message for message in receiver.messages if message in must] == must
    positions = [may.index(message) for message in receiver.messages]
    assert positions == sorted(set(positions))


_ACTIONS = st.one_of(
    st.tuples(st.just("run"), st.integers(1, 60)),
    st.tuples(st.just("dte"), st.integers(1, 700)),
    st.tuples(st.just("dce"), st.integers(1, 700)),
    st.tuples(
        st.sampled_from(
            ["cut", "restore", "reset", "reset-dce", "restart", "frmr", "bits", "losses", "quiet"]
        ),
        st.just(0),
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    actions=st.lists(_ACTIONS, max_size=25),
    x25=st.sampled_from(KINDS),
    seed=st.integers(0, 1000),
    delay=st.integers(0, 8),
)
@example(actions=[("run", 1), ("dte", 1), *[("restart", 0)] * 3], x25={}, seed=0, delay=0)
@example(actions=[("run", 5), *[("restart", 0)] * 5, ("dte", 128)], x25={}, seed=0, delay=2)
def test_over_any_line_each_message_is_delivered_once_and_in_order_or_reported(
    actions: list[tuple[str, int]], x25: dict[str, object], seed: int, delay: int
) -> None:
    link = Link(**x25).start()
    link.noise.seed(seed)
    link.delay = delay
    sent: dict[str, list[bytes]] = {"dte": [], "dce": []}
    ends = {"dte": link.dte, "dce": link.dce}
    for action, amount in actions:
        match action:
            case "run":
                link.run(amount * 0.1)
            case "dte" | "dce":
                message = len(sent[action]).to_bytes(2, "big") + bytes(amount)
                sent[action].append(message)
                link.send(ends[action], message)
            case "cut" | "restore":
                link.carrier(action == "restore")
            case "reset":
                link.dte.events += link.dte.channel.reset(link.now)
            case "reset-dce":
                link.dce.events += link.dce.channel.reset(link.now)
            case "restart":
                link.dce.events += restart(link)
            case "frmr":
                link.dce.events += link.dce.channel.frame(UNDEFINED, link.now)
            case "bits":
                link.bit_errors = 0.3
            case "losses":
                link.losses = 0.2
            case "quiet":
                link.bit_errors = link.losses = 0.0
    link.bit_errors = link.losses = 0.0
    link.carrier(True)
    link.run(60)  # nothing hangs: on a good line everything is settled within the timers
    assert link.dte.channel.up
    assert link.dce.channel.up
    assert link.dte.channel.queued == link.dce.channel.queued == 0
    once_and_in_order(sent["dte"], link.dte, link.dce)
    once_and_in_order(sent["dce"], link.dce, link.dte)
