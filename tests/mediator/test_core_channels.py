"""Pairs of data channels, and silence for want of a test (order 268, 1.4.1, 6.14, 9.9, 11.7)."""

import itertools
from collections import Counter
from typing import Any

import pytest

from protocol import Channel
from protocol.commands import GetKsl, GetObjects, GetVersion, SetPassword, Start, Stop, Test
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.channels import PAIR_TABLE, ConsoleChannels, PairEvent, PairState

FORMING, WORKING, FAILED, BLOCKED = PairState


def streams(m: Any, channel: Channel = Channel.KPD2) -> list[int]:
    """Where messages went since the last question."""
    sent = [e.stream for e in m.effects if isinstance(e, effects.Send) and e.channel is channel]
    m.effects.clear()
    return sent


def cut(m: Any, stream: int) -> None:
    """The line of a stream is cut: both channels are gone."""
    m.close(Channel.KPD2, stream)
    m.close(Channel.KPD1, stream)


def three(means: Any, make: Any, **keys: Any) -> Any:
    """Started over stream 0, with 1 and 2 standing by, an object with a line and one without."""
    m = means(**keys).begin(
        make.combined(1, 1), make.put(1, "28331", "combined", 1), make.put(2, "28332", priority=None)
    )
    m.connect(1)
    m.connect(2)
    m.effects.clear()
    return m


# --- the table of a pair


@pytest.mark.parametrize(("state", "event"), list(itertools.product(PairState, PairEvent)))
def test_every_arrow_of_the_table(state: PairState, event: PairEvent) -> None:
    """1.4.1.1, 1.4.1.2."""
    channels = ConsoleChannels(0, 0, Counter())

    def both() -> None:
        for channel in (Channel.KPD1, Channel.KPD2):
            channels.up(0, channel, "console", 0.0)

    channels.up(0, Channel.KPD1, "console", 0.0)
    if state is not FORMING:
        both()
    if state in (FAILED, BLOCKED):
        channels.down(0, Channel.KPD2)
    if state is BLOCKED:
        channels.up(0, Channel.KPD2, "console", 0.0)
    assert channels[0].state is state
    match event:
        case PairEvent.COMPLETE:
            both()
        case PairEvent.LOST:
            channels.down(0, Channel.KPD1)
        case PairEvent.VALID_COMMAND:
            channels.valid_command(0, 0.0, test=False)
    assert channels[0].state is PAIR_TABLE[state, event]


@pytest.mark.parametrize("channel", [Channel.KPD1, Channel.KPD2])
def test_either_channel_fails_its_pair(means: Any, make: Any, channel: Channel) -> None:
    """1.4.1.1: when one channel of a pair fails, data over this pair stops, and the next pair is used."""
    m = three(means, make)
    assert m.core.channels.in_use == 0
    m.close(channel, 0)
    assert m.core.channels.in_use == 1
    assert effects.DropChannel(0) in m.effects, "what was not sent yet is deleted"
    m.report(make.report())
    assert streams(m) == [1]


def test_the_next_pairs_round_the_ring(means: Any, make: Any) -> None:
    """1.4.1.1: the next pair that works, until that one fails too."""
    m = three(means, make)
    used = []
    for stream in (0, 1, 2):
        cut(m, stream)
        m.report(make.report(call=f"call-{stream}", matches=((2, "b"),)))
        used += streams(m)
        m.connect(stream)
        m.says(GetVersion(), stream)
        m.effects.clear()
    assert used == [1, 2, 0], "0 worked again, with a valid command, when 2 was cut"


def test_a_pair_that_took_over_keeps_it_until_it_fails_or_the_means_stop(means: Any, make: Any) -> None:
    """1.4.1.1."""
    m = three(means, make)
    cut(m, 0)
    m.connect(0)
    assert m.says(GetVersion(), 0) == "27/00 2B 28/00"
    assert m.core.channels[0].state is WORKING
    assert m.core.channels.in_use == 1
    assert m.says(Stop(), 0) == "27/00 28/00"
    assert m.says(Start(), 2) == "27/00 28/00"
    assert m.core.channels.in_use == 0


def test_with_no_pair_left_data_is_destroyed_and_speech_goes_on(means: Any, make: Any) -> None:
    """1.4.1.1."""
    m = three(means, make)
    m.report(make.report())
    m.effects.clear()
    for stream in (0, 1, 2):
        m.close(Channel.KPD2, stream)
    assert [e.stream for e in m.effects if isinstance(e, effects.DropChannel)] == [0, 1, 2]
    assert m.report(make.report(2, answer=1003.0)) == []
    assert m.core.counters["dropped_kpd2"] == 1
    assert m.core.pool.in_use == 1
    assert not any(isinstance(e, effects.Free) for e in m.effects)
    m.open(Channel.KPD2, 1)
    assert m.says(GetVersion(), 1) == "27/00 2B 28/00"
    assert m.report(make.report(3, answer=1003.0, release=1009.0, cause=5)) == ["1 43/05 28331>28332 k0.1"], (
        "what was not sent is not sent later"
    )


@pytest.mark.parametrize(
    ("command", "works"),
    [
        (GetVersion(), True),
        (Test(1), True),
        (GetKsl(0, None, None, None), True),
        (GetVersion(password="000000"), False),
    ],
    ids=["any command", "the test", "a refused one", "a wrong password"],
)
def test_a_failed_pair_is_blocked_until_a_valid_command(
    means: Any, make: Any, command: Any, works: bool
) -> None:
    """1.4.1.2: both channels work again, and any command with the valid password came on its KPD1."""
    m = means().begin(make.put(1, "28331"))
    m.close(Channel.KPD2)
    m.open(Channel.KPD2)
    assert m.core.channels[0].state is BLOCKED
    assert m.report(make.report()) == []
    assert m.do(m.core.operator_access(4, "port", m.now)) == []
    m.send(command)
    assert m.core.channels[0].state is (WORKING if works else BLOCKED)
    assert m.report(make.report(2, answer=1003.0)) == (["1 42/FF 28331>28332"] if works else [])


def test_the_password_of_command_3_unblocks(means: Any, make: Any) -> None:
    """1.4.1.2: the first password, or that of command 3."""
    m = means().begin()
    m.says(SetPassword("654321"))
    m.close(Channel.KPD2)
    m.open(Channel.KPD2)
    m.send(GetVersion())
    assert m.core.channels[0].state is BLOCKED
    m.send(GetVersion(password="654321"))
    assert m.core.channels[0].state is WORKING


def test_messages_of_its_own_go_over_the_pair_in_use(means: Any, make: Any) -> None:
    """1.4.1.1: 21h, 22h, 26h and 2Ah."""
    m = three(means, make)
    cut(m, 0)
    m.effects.clear()
    m.do(m.core.operator_alarm(2, 7, m.now))
    m.do(m.core.operator_access(4, "port", m.now))
    m.do(m.core.switch_event({"event": "trunk-renamed", "trunk": 2, "name": "north"}, m.now))
    m.do(m.core.operator_restart(m.now))
    assert streams(m, Channel.KPD1) == [1, 1, 1, 1]


def test_answers_go_where_the_command_came_also_on_a_stand_by(means: Any, make: Any) -> None:
    """6.14.4, and our choice for the other commands: with the 26h that belongs to them."""
    m = three(means, make)
    assert m.says(GetObjects(None, None, None, None, None), 2) == "27/00 23 23 28/00"
    assert m.says(GetVersion(password="000000"), 2) == "27/00 28/03 26/02"
    assert set(streams(m, Channel.KPD1)) == {2}
    assert m.core.channels.in_use == 0


def test_before_the_first_command_the_lowest_pair_is_used(means: Any) -> None:
    """1.4.1: KPD1 and KPD2 are those of stream 0; the streams may come up in any order."""
    m = means()
    m.connect(2)
    assert m.core.channels.in_use == 2
    m.connect(0)
    assert m.core.channels.in_use == 0


def test_each_channel_for_itself_by_option(means: Any, make: Any) -> None:
    """Our choice: over TCP the two connections need not be one (option pair_over_tcp)."""
    m = means(paired=False).begin(make.put(1, "28331"))
    m.close(Channel.KPD1)
    assert not any(isinstance(e, effects.DropChannel) for e in m.effects)
    assert m.report(make.report()) == ["1 41/FF 28331>28332"]
    m.open(Channel.KPD1)
    m.close(Channel.KPD2)
    m.open(Channel.KPD2)
    assert m.report(make.report(2, answer=1003.0)) == ["1 42/FF 28331>28332"]


# --- command 14


def test_a_test_is_answered_on_all_connected_channels(means: Any, make: Any) -> None:
    """9.9.3 and 11.7.3: 29h on every KPD1, 53h on every KPD2, whichever KPD1 it came on (6.14.4)."""
    m = three(means, make)
    m.close(Channel.KPD2, 2)
    m.effects.clear()
    told = m.send(Test(200), 1)
    assert make.answers(told) == "27/00 29 29 29 53 53"
    assert {(t.test_number, t.kpd1_state, t.kpd2_state) for t in told[1:]} == {(200, 0b111, 0b011)}
    assert [e.stream for e in m.effects if isinstance(e, effects.Send)] == [1, 0, 1, 2, 0, 1]


def test_a_blocked_pair_counts_as_faulty(means: Any, make: Any) -> None:
    """9.9.4.2 and 1.4.1.2."""
    m = three(means, make)
    cut(m, 1)
    m.connect(1)
    reply = m.send(Test(1))[1]
    assert (reply.kpd1_state, reply.kpd2_state) == (0b101, 0b101)


def test_without_a_test_all_data_stops_and_speech_goes_on(means: Any, make: Any) -> None:
    """6.14.3: ten minutes without command 14, until any command with the valid password."""
    m = three(means, make, test_timeout=600)
    m.report(make.report())
    m.later(300)
    assert m.says(Test(1), 2) == "27/00 29 29 29 53 53 53", "on any KPD1"
    m.later(500)
    assert m.says(GetVersion()) == "27/00 2B 28/00", "another command is no test"
    m.effects.clear()
    m.later(99)
    assert m.effects == []
    m.later(1)
    assert [e.stream for e in m.effects if isinstance(e, effects.DropChannel)] == [0, 1, 2]
    assert m.report(make.report(2, answer=1003.0)) == []
    assert m.do(m.core.operator_alarm(2, 7, m.now)) == []
    assert m.core.pool.in_use == 1
    assert m.says(GetVersion(password="000000")) == ""
    assert m.report(make.report(3, answer=1003.0, services=((0x42, "28331", "28332", 1005.0),))) == []
    assert m.says(GetVersion()) == "27/00 2B 28/00"
    assert m.report(make.report(4, answer=1003.0, release=1009.0, cause=5)) == ["1 43/05 28331>28332 k0.1"]
    m.later(599)
    assert m.core.counters["test_timeouts"] == 1
    m.later(1)
    assert m.core.counters["test_timeouts"] == 2, "the time runs anew from that command on"


def test_a_table_that_is_being_sent_ends_with_the_silence(means: Any, make: Any) -> None:
    """6.14.3: what was not sent is destroyed."""
    m = means(test_timeout=60).begin(*(make.put(n, f"2{n:04}") for n in range(100)))
    m.send(GetObjects(None, None, None, None, None))
    m.later(61)
    assert m.core.work == "idle"
    assert m.do(m.core.writable(0, m.now)) == []
    assert m.says(GetVersion()) == "27/00 2B 28/00"


@pytest.mark.parametrize(("profile", "seconds"), [("order", 600), ("eltex", 0)])
def test_the_ten_minutes_are_those_of_the_profile(means: Any, profile: str, seconds: float) -> None:
    """6.14.3; the vendor's device has the time-out of order 70."""
    m = means(profile=profile)
    m.connect()
    assert m.core.next_deadline() == (m.now + seconds if seconds else None)
