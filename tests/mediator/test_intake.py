"""A console that floods: it is slowed down by X.25 itself; no command is lost or executed twice, each is answered."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e1.x25.packets import ReceiveNotReady, ReceiveReady, decode
from protocol import Channel, Codec, GetVersion, StreamFramer, Unit
from protocol import Test as Probe
from sorm_mediator.mediator.binding.streams import FlowControl, Item
from tests.e1.channel_lines import Link

pytestmark = pytest.mark.lab  # random lines and floods: seconds each

CODEC = Codec()
NOTHING: Item = (Unit(0, CODEC.encode(GetVersion())), 0.0)


# --- the marks ---------------------------------------------------------------------------------------------------


def test_it_stops_above_the_high_mark_and_goes_on_at_the_low_one() -> None:
    intake = FlowControl(high=10, low=4)
    assert [intake.update(waiting) for waiting in (0, 10, 11, 10, 5, 4, 10, 11)] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
        True,
    ]


def test_units_of_one_message_are_handled_as_their_answers_go() -> None:
    intake, waiting, handled = FlowControl(high=2, low=0), [0], []

    def handle(item: Item) -> None:
        handled.append(item)
        waiting[0] += 1

    for _ in range(7):
        intake.put(NOTHING)
    counts = []
    while intake:
        intake.drain(lambda: waiting[0], handle)
        counts.append(len(handled))
        waiting[0] = 0
    assert counts == [3, 6, 7]


def test_what_comes_while_something_is_handled_is_handled_after_it() -> None:
    intake, order = FlowControl(high=10, low=4), []

    def handle(item: Item) -> None:
        order.append(("begin", item[1]))
        if item[1] == 1.0:
            intake.put((NOTHING[0], 2.0))
            intake.drain(lambda: 0, handle)
        order.append(("end", item[1]))

    intake.put((NOTHING[0], 1.0))
    intake.drain(lambda: 0, handle)
    assert order == [("begin", 1.0), ("end", 1.0), ("begin", 2.0), ("end", 2.0)]


def test_when_the_console_is_gone_what_it_sent_is_handled() -> None:
    intake, handled = FlowControl(high=1, low=0), []
    for _ in range(5):
        intake.put(NOTHING)
    intake.drain(lambda: 9, handled.append)
    assert (handled, intake.stopped) == ([], True)
    intake.finish(handled.append)
    assert (len(handled), len(intake), intake.stopped) == (5, 0, False)


# --- a mediator and a console on a timeslot, in simulated time ------------------------------------------------------


class Flood:
    """The console (DTE) sends as fast as the line takes it; the mediator (DCE) has ``answers`` to each command."""

    def __init__(self, answers: int, high: int, low: int, **x25: object) -> None:
        self.link = Link(**x25).start()
        self.intake = FlowControl(high, low)
        self.answers = answers
        self.handled: list[int] = []
        self.most_waiting = 0
        self.stops = 0
        self._read = 0
        self._told = False
        self._framer = StreamFramer(Channel.COMMAND, CODEC.options)

    def commands(self, first: int, count: int, *, a_message: int = 1) -> None:
        octets = [CODEC.encode(Probe(number % 256)) for number in range(first, first + count)]
        for begin in range(0, count, a_message):
            self.link.send(self.link.dte, b"".join(octets[begin : begin + a_message]))

    def run(self, seconds: float) -> None:
        until = self.link.now + seconds
        while self.link.now < until:
            self.link.step()
            self._mediate()

    def _mediate(self) -> None:
        link, channel = self.link, self.link.dce.channel
        messages = link.dce.messages
        for raw in messages[self._read :]:
            for item in self._framer.feed(raw):
                assert isinstance(item, Unit)
                self.intake.put((item, link.now))
        self._read = len(messages)
        self.intake.drain(lambda: channel.queued, self._handle)
        if self.intake.stopped is not self._told:
            self._told = self.intake.stopped
            self.stops += self._told
            link.dce.events += channel.busy(self._told, link.now)
        self.most_waiting = max(self.most_waiting, channel.queued)

    def _handle(self, item: Item) -> None:
        command = CODEC.decode(item[0].raw)
        assert isinstance(command, Probe)
        self.handled.append(command.test_number)
        for answer in range(self.answers):
            self.link.send(self.link.dce, bytes([command.test_number, answer]))

    def until_idle(self) -> None:
        for _ in range(2000):
            if not (self.link.dte.channel.queued or self.link.dce.channel.queued or self.intake):
                break
            self.run(0.5)
        self.run(1.0)

    def assert_each_was_answered_once(self, count: int) -> None:
        numbers = [number % 256 for number in range(count)]
        assert self.handled == numbers
        assert self.link.dte.messages == [bytes([n, at]) for n in numbers for at in range(self.answers)]
        assert self.link.dte.given_up == self.link.dce.given_up == []


def test_a_flood_is_slowed_down_and_every_command_answered() -> None:
    flood = Flood(answers=5, high=40, low=10, window=7)
    flood.run(1.0)
    flood.commands(0, 1500)
    flood.until_idle()
    flood.assert_each_was_answered_once(1500)
    assert flood.most_waiting <= 40 + 5, "no more than the answers of one command above the mark"
    assert flood.stops > 5


def test_commands_of_one_long_message_are_slowed_down_too() -> None:
    flood = Flood(answers=2, high=20, low=5)
    flood.run(1.0)
    flood.commands(0, 1000, a_message=1000)
    flood.until_idle()
    flood.assert_each_was_answered_once(1000)
    assert flood.most_waiting <= 20 + 2


def test_the_console_sees_rnr_and_then_rr_and_sends_nothing_between() -> None:
    flood = Flood(answers=8, high=20, low=5)
    flood.run(1.0)
    flood.commands(0, 100)
    flood.until_idle()
    sent = [frame for frame in flood.link.dce.frames if len(frame.frame) > 4 and not frame.frame[1] & 1]
    stopped, kinds = False, []
    for frame in sent:
        packet = decode(frame.frame[2:])
        if frame.outbound and isinstance(packet, ReceiveNotReady):
            stopped, after = True, 0
            kinds.append("RNR")
        elif frame.outbound and isinstance(packet, ReceiveReady):
            stopped = False
            kinds.append("RR")
        elif stopped and not frame.outbound and not packet.kind & 1:
            after += 1
            assert after <= 2, "a window may be on the way"
    assert kinds.count("RNR") >= 2
    assert kinds[-1] == "RR"
    flood.assert_each_was_answered_once(100)


def test_a_line_that_is_lost_while_the_console_is_stopped_costs_nothing() -> None:
    flood = Flood(answers=8, high=20, low=5)
    flood.run(1.0)
    flood.commands(0, 300)
    for _ in range(5):
        while not flood.intake.stopped:
            flood.run(0.02)
        flood.run(0.1)
        flood.link.carrier(False)
        flood.run(0.3)
        flood.link.carrier(True)
        flood.run(3.0)
    flood.until_idle()
    flood.assert_each_was_answered_once(300)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 60),
    st.data(),
    st.integers(1, 7),
    st.integers(1, 40),
    st.sampled_from(["pvc", "svc"]),
    st.lists(st.floats(0.05, 3.0), max_size=3),
)
def test_whatever_the_marks_the_window_and_the_line_do(
    answers: int, high: int, data: st.DataObject, window: int, a_message: int, circuit: str, cuts: list[float]
) -> None:
    low = data.draw(st.integers(0, high - 1))
    flood = Flood(answers, high, low, window=window, circuit=circuit)
    flood.run(1.0)
    flood.commands(0, 200, a_message=a_message)
    for after in cuts:
        flood.run(after)
        flood.link.carrier(False)
        flood.run(0.2)
        flood.link.carrier(True)
    flood.until_idle()
    flood.assert_each_was_answered_once(200)
    assert flood.most_waiting <= high + answers


def test_without_it_answers_would_be_given_up() -> None:
    flood = Flood(answers=5, high=1_000_000, low=1, queue_limit=50)
    flood.run(1.0)
    flood.commands(0, 40)
    flood.until_idle()
    assert len(flood.link.dte.messages) < 200
    assert flood.link.dce.given_up
