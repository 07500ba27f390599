"""Pairs of data channels, and the two time-outs (order 268, 1.4.1.1, 1.4.1.2, 6.14.3; order 70, 1.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from protocol import Channel
from protocol.messages import GetKsl, GetVersion, SetPassword, Start, Stop, Test, TestReplyKpd1, TestReplyKpd2
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.channels import PAIR_TABLE, ConsoleChannels, PairEvent, PairState

KPD1, KPD2 = Channel.KPD1, Channel.KPD2
WRONG = {"password": "999999"}
FORMING, WORKING, FAILED, CONFIRMED, BLOCKED = PairState
COMPLETE, LOST, VALID = PairEvent

ARROWS = [
    (FORMING, COMPLETE, WORKING),
    (FORMING, LOST, FORMING),
    (FORMING, VALID, FORMING),
    (WORKING, COMPLETE, WORKING),
    (WORKING, LOST, FAILED),
    (WORKING, VALID, WORKING),
    (FAILED, COMPLETE, BLOCKED),
    (FAILED, LOST, FAILED),
    (FAILED, VALID, CONFIRMED),
    (CONFIRMED, COMPLETE, WORKING),
    (CONFIRMED, LOST, FAILED),
    (CONFIRMED, VALID, CONFIRMED),
    (BLOCKED, COMPLETE, BLOCKED),
    (BLOCKED, LOST, FAILED),
    (BLOCKED, VALID, WORKING),
]


def told(m: Any, act: Callable[[], object]) -> list[str]:
    """What ``act`` makes the means send, each as stream:code."""
    m.effects.clear()
    act()
    return [f"{e.stream}:{e.message.code:02X}" for e in m.effects if isinstance(e, effects.Send)]


def event(m: Any, make: Any, name: str) -> list[str]:
    """A call of object 1 begins; where its 41h goes."""
    return told(m, lambda: m.report(make.report(call=name)))


def access(m: Any) -> list[str]:
    """Somebody is not let in; where the 26h goes."""
    return told(m, lambda: m.do(m.core.refused_connection("10.0.0.1:5", 1, m.now)))


def line_alarm(m: Any) -> list[str]:
    """A line changes; where the 21h goes."""
    return told(m, lambda: m.do(m.core.ksl_changed([], in_service=False, alarm_code=1, now=m.now)))


def drops(m: Any) -> list[int]:
    """Streams whose unsent data was deleted."""
    return [e.stream for e in m.effects if isinstance(e, effects.DropChannel)]


def standing_by(means: Any, make: Any, *streams: int, **keys: Any) -> Any:
    """Started on stream 0, the pairs of ``streams`` stand by; object 1 is under statistical control."""
    m = means(**keys).begin()
    for stream in streams:
        m.connect(stream)
    assert m.says(make.put(1, "28331")) == "27/00 28/00"
    m.effects.clear()
    return m


def lose(m: Any, stream: int, channel: Channel = KPD2) -> None:
    m.effects.clear()
    m.close(channel, stream)


# --- the states of one pair


@pytest.mark.parametrize(("state", "happens", "then"), ARROWS)
def test_every_arrow_of_a_pair(state: PairState, happens: PairEvent, then: PairState) -> None:
    """Order 268, 1.4.1.1 and 1.4.1.2."""
    channels = ConsoleChannels(Counter())
    if state is not FORMING:
        channels.up(0, KPD1, "peer", 0.0)
        channels.up(0, KPD2, "peer", 0.0)
    if state in (FAILED, BLOCKED, CONFIRMED):
        channels.down(0, KPD2)
    if state is CONFIRMED:
        channels.valid_command(0, 1.0, test=False)
    if state is BLOCKED:
        channels.up(0, KPD2, "peer", 1.0)
    assert channels[0].state is state
    if happens is COMPLETE:
        channels.up(0, KPD1, "peer", 2.0)
        channels.up(0, KPD2, "peer", 2.0)
    elif happens is LOST:
        channels.down(0, KPD1)
    else:
        channels.valid_command(0, 2.0, test=False)
    assert channels[0].state is then


def test_the_table_has_these_arrows_and_no_other() -> None:
    """Order 268, 1.4.1.1 and 1.4.1.2."""
    assert {(state, happens): then for state, happens, then in ARROWS} == PAIR_TABLE


def test_one_channel_alone_is_used_until_both_have_worked(means: Any) -> None:
    """Order 268, 9.2.3: the restart is told over KPD1 as soon as it is there."""
    m = means()
    assert told(m, lambda: m.open(KPD1)) == ["0:22"]
    assert told(m, lambda: m.send(Start())) == ["0:27", "0:28"]
    assert m.core.channels[0].state is FORMING


# --- which pair is in use


def test_the_lowest_pair_is_used_first(means: Any, make: Any) -> None:
    """Order 268, 1.4.1: KPD1 and KPD2 are those of stream 0, further ones stand by."""
    m = standing_by(means, make, 1, 2)
    assert event(m, make, "first") == ["0:41"]
    assert access(m) == ["0:26"]
    assert line_alarm(m) == ["0:21"]


def test_a_lower_pair_is_taken_as_long_as_no_command_came(means: Any) -> None:
    """Order 268, 1.4.1: the pairs come up in any order; the lowest is the first to be used."""
    m = means()
    m.connect(2)
    assert m.core.channels.in_use == 2
    m.connect(1)
    assert m.core.channels.in_use == 1
    m.send(Start(), 1)
    m.connect(0)
    assert m.core.channels.in_use == 1


@pytest.mark.parametrize("channel", [KPD1, KPD2])
def test_the_next_pair_takes_over_when_either_channel_fails(means: Any, make: Any, channel: Channel) -> None:
    """Order 268, 1.4.1.1: with one channel of the pair, data over the whole pair stops."""
    m = standing_by(means, make, 1)
    lose(m, 0, channel)
    assert drops(m) == [0]
    assert event(m, make, "over") == ["1:41"]
    assert access(m) == ["1:26"]
    assert line_alarm(m) == ["1:21"]


def test_the_next_pair_is_sought_round_the_ring(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.1: the next pair that works, then from the lowest again."""
    m = standing_by(means, make, 1, 2, 3)
    lose(m, 0)
    lose(m, 2)
    assert event(m, make, "a") == ["1:41"]
    lose(m, 1)
    assert event(m, make, "b") == ["3:41"]
    m.open(KPD2, 0)
    assert told(m, lambda: m.send(GetVersion(), 0)) == ["0:27", "0:2B", "0:28"]
    lose(m, 3)
    assert event(m, make, "c") == ["0:41"]


def test_a_pair_stays_in_use_until_it_fails(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.1: the lower pair works again, and the one that took over keeps the data."""
    m = standing_by(means, make, 1)
    lose(m, 0)
    m.open(KPD2, 0)
    assert m.says(GetVersion(), 0) == "27/00 2B 28/00"
    assert m.core.channels[0].state is WORKING
    assert event(m, make, "stays") == ["1:41"]
    lose(m, 1)
    assert event(m, make, "back") == ["0:41"]


def test_a_stand_by_pair_that_fails_changes_nothing(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.1: data over this pair stops, over the others it goes on."""
    m = standing_by(means, make, 1)
    lose(m, 1)
    assert drops(m) == [1]
    assert event(m, make, "on") == ["0:41"]


def test_after_a_stop_the_lowest_pair_is_used_again(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.1: it stays in use until it fails or the means are stopped."""
    m = standing_by(means, make, 1)
    lose(m, 0)
    m.open(KPD2, 0)
    m.says(GetVersion(), 0)
    assert m.core.channels.in_use == 1
    assert m.says(Stop(), 1) == "27/00 28/00"
    assert m.core.channels.in_use == 0
    assert m.says(Start(), 1) == "27/00 28/00"
    assert access(m) == ["0:26"]


def test_a_pair_that_awaits_a_command_is_not_used_after_a_stop(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.2: a failed pair stays blocked, whatever else happens."""
    m = standing_by(means, make, 1)
    lose(m, 0)
    m.open(KPD2, 0)
    assert m.says(Stop(), 1) == "27/00 28/00"
    assert m.core.channels.in_use == 1


# --- no pair left


def test_without_any_pair_data_is_dropped_and_counted(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.1: all data stops and what was not sent is destroyed."""
    m = standing_by(means, make, 1)
    lose(m, 0)
    lose(m, 1)
    assert drops(m) == [1]
    before = m.core.counters["dropped_kpd2"]
    assert event(m, make, "lost") == []
    assert m.core.counters["dropped_kpd2"] == before + 1
    assert access(m) == []
    assert line_alarm(m) == []
    assert m.core.counters["dropped_kpd1"] == 2


def test_speech_goes_on_without_any_pair(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.1: speech over the KSL does not depend on the data channels."""
    m = means().begin(make.combined(1, 1), make.put(1, "28331", "combined", 1))
    m.close(KPD2)
    m.close(KPD1)
    m.effects.clear()
    assert m.report(make.report()) == []
    assert m.report(make.report(2, release=1005.0, cause=4)) == []
    speech = [type(e) for e in m.effects if isinstance(e, effects.Connect | effects.Free)]
    assert speech == [effects.Connect, effects.Free]


# --- a failed pair is blocked


def test_a_pair_is_blocked_until_both_channels_work_and_a_valid_command_came(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.2."""
    m = standing_by(means, make)
    lose(m, 0)
    assert event(m, make, "one channel") == []
    m.open(KPD2)
    assert event(m, make, "both, but no command") == []
    assert m.says(GetKsl(None, None, None, None)) == "27/00 24 28/5F"
    assert event(m, make, "both") == ["0:41"]


def test_the_valid_command_may_come_before_the_other_channel_works(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.2, wants both; it does not say in which order."""
    m = standing_by(means, make)
    lose(m, 0)
    assert m.says(GetKsl(None, None, None, None)) == "27/00 24 28/5F"
    assert event(m, make, "a command, but one channel") == []
    m.open(KPD2)
    assert event(m, make, "both") == ["0:41"]


def test_a_wrong_password_does_not_unblock(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.2: the command must have the valid password. Its refusal is answered where it came from."""
    m = standing_by(means, make)
    lose(m, 0)
    m.open(KPD2)
    assert told(m, lambda: m.send(GetVersion(**WRONG))) == ["0:27", "0:28", "0:26"]
    assert m.core.channels[0].state is BLOCKED
    assert event(m, make, "still") == []
    assert m.says(GetVersion()) == "27/00 2B 28/00"
    assert event(m, make, "flows") == ["0:41"]


def test_the_password_is_the_one_that_is_valid_now(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.2 and 6.3: after command 3 the first password is a wrong one."""
    m = standing_by(means, make)
    assert m.says(SetPassword("654321")) == "27/00 28/00"
    lose(m, 0)
    m.open(KPD2)
    assert m.says(GetVersion()) == "27/00 28/03 26/02"
    assert m.core.channels[0].state is BLOCKED
    assert m.says(GetVersion(password="654321")) == "27/00 2B 28/00"
    assert m.core.channels[0].state is WORKING


def test_what_is_no_command_does_not_unblock(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.2."""
    m = standing_by(means, make)
    lose(m, 0)
    m.open(KPD2)
    m.do(m.core.broken(0, 0x0A, "cut", b"\xcc\x01\x0a", m.now))
    m.send(bytes([0xCC, 1, 0x7F, 0, *b"123456"]))
    assert m.core.channels[0].state is BLOCKED


def test_a_command_on_another_pair_does_not_unblock(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.2: the command comes on the KPD1 of the pair itself."""
    m = standing_by(means, make, 1)
    lose(m, 0)
    m.open(KPD2, 0)
    assert m.says(GetVersion(), 1) == "27/00 2B 28/00"
    assert m.core.channels[0].state is BLOCKED


# --- answers


def test_answers_go_where_their_command_came_from(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.1: a command on a stand-by KPD1 is answered there; 26h that answers it, too."""
    m = standing_by(means, make, 1)
    assert told(m, lambda: m.send(GetVersion(), 1)) == ["1:27", "1:2B", "1:28"]
    assert told(m, lambda: m.send(GetVersion(**WRONG), 1)) == ["1:27", "1:28", "1:26"]
    assert event(m, make, "elsewhere") == ["0:41"]


# --- 29h and 53h


def test_the_test_is_answered_on_all_connected_channels(means: Any, make: Any) -> None:
    """Order 268, 9.9.3 and 11.7.3: 29h on every KPD1, 53h on every KPD2, whichever KPD1 command 14 came on."""
    m = standing_by(means, make, 1, 3)
    lose(m, 3, KPD1)
    assert told(m, lambda: m.send(Test(7), 1)) == ["1:27", "0:29", "1:29", "0:53", "1:53", "3:53"]


def test_the_bits_are_the_streams_that_work(means: Any, make: Any) -> None:
    """Order 268, 9.9.4.2: bit i is stream i; 1 works, 0 is faulty, cut or absent."""
    m = standing_by(means, make, 1, 3)
    lose(m, 3, KPD1)
    replies = [r for r in m.send(Test(7)) if isinstance(r, TestReplyKpd1 | TestReplyKpd2)]
    assert {(r.test_number, r.kpd1_state, r.kpd2_state) for r in replies} == {(7, 0b0011, 0b1011)}


def test_a_blocked_pair_is_faulty_until_its_command(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.2 and 9.9.4.2. Command 14 on its own KPD1 is a valid command."""
    m = standing_by(means, make, 1)
    lose(m, 1)
    m.open(KPD2, 1)

    def bits(stream: int) -> set[tuple[int, int]]:
        return {(r.kpd1_state, r.kpd2_state) for r in m.send(Test(1), stream) if isinstance(r, TestReplyKpd1)}

    assert bits(0) == {(0b01, 0b01)}
    assert bits(1) == {(0b11, 0b11)}


def test_the_polarity_of_the_bits_is_an_option(means: Any, make: Any) -> None:
    """Order 268, 9.9.4.2, has 1 for a channel that works; option bitmap_polarity turns it."""
    m = standing_by(means, make, bitmap_polarity="0=in service")
    (reply,) = [r for r in m.send(Test(1)) if isinstance(r, TestReplyKpd1)]
    assert (reply.kpd1_state, reply.kpd2_state) == (0xFE, 0xFE)


# --- channels that are no pairs


def unpaired(means: Any, make: Any, *streams: int) -> Any:
    """Each channel stands for itself, as option pair_over_tcp = "off" has it."""
    m = means(paired=False)
    m.begin()
    for stream in streams:
        m.connect(stream)
    m.says(make.put(1, "28331"))
    return m


def test_unpaired_channels_fail_by_themselves(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.1, speaks of E1; option pair_over_tcp."""
    m = unpaired(means, make)
    lose(m, 0, KPD1)
    assert drops(m) == []
    assert event(m, make, "goes on") == ["0:41"]
    m.open(KPD1)
    lose(m, 0, KPD2)
    assert access(m) == ["0:26"]
    assert event(m, make, "nowhere") == []
    m.open(KPD2)
    assert event(m, make, "at once") == ["0:41"]


def test_unpaired_channels_use_the_lowest_stream_of_each(means: Any, make: Any) -> None:
    """Order 268, 1.4.1.1, speaks of E1; option pair_over_tcp."""
    m = unpaired(means, make, 1)
    lose(m, 0, KPD2)
    assert event(m, make, "other stream") == ["1:41"]
    assert access(m) == ["0:26"]


# --- no command 14 for too long


def ten_minutes(means: Any, make: Any, *streams: int, **keys: Any) -> Any:
    """As :func:`standing_by`, with the order's ten minutes for command 14."""
    m = standing_by(means, make, *streams, test_timeout=600, **keys)
    assert m.says(Test(1)).startswith("27/00 29")
    m.effects.clear()
    return m


def test_without_command_14_everything_stops_and_unsent_data_is_deleted(means: Any, make: Any) -> None:
    """Order 268, 6.14.3: on KPD1 and KPD2, on every pair."""
    m = ten_minutes(means, make, 1)
    m.later(599)
    assert drops(m) == []
    assert event(m, make, "before") == ["0:41"]
    m.effects.clear()
    m.later(1)
    assert drops(m) == [0, 1]
    assert m.core.counters["test_timeouts"] == 1
    assert event(m, make, "after") == []
    assert access(m) == []
    assert line_alarm(m) == []


def test_the_ten_minutes_run_from_the_first_connection(means: Any) -> None:
    """Order 268, 6.14.3: there need never have been a command 14."""
    m = means(test_timeout=600)
    m.later(5000)
    m.connect()
    m.effects.clear()
    m.later(599)
    assert drops(m) == []
    m.later(1)
    assert drops(m) == [0]


@pytest.mark.parametrize("stream", [0, 1])
def test_command_14_on_any_kpd1_keeps_the_data_going(means: Any, make: Any, stream: int) -> None:
    """Order 268, 6.14.3 and 6.14.4."""
    m = ten_minutes(means, make, 1)
    m.later(500)
    m.send(Test(2), stream)
    m.later(500)
    assert event(m, make, "on") == ["0:41"]
    m.later(100)
    assert event(m, make, "over") == []


def test_other_commands_and_a_wrong_password_do_not_keep_it_going(means: Any, make: Any) -> None:
    """Order 268, 6.14.3: it is command 14 that must come, and a stranger's does not count."""
    m = ten_minutes(means, make)
    m.later(500)
    m.says(GetVersion())
    m.send(Test(2, **WRONG))
    m.later(100)
    assert event(m, make, "over") == []


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (GetVersion(), "27/00 2B 28/00"),
        (Test(3), "27/00 29 53"),
        (GetKsl(None, None, None, None), "27/00 24 28/5F"),
        (Start(), "27/16"),
    ],
)
def test_any_command_with_the_valid_password_ends_the_silence(
    means: Any, make: Any, command: Any, answer: str
) -> None:
    """Order 268, 6.14.3: whatever the command is, and whether or not it is executed."""
    m = ten_minutes(means, make)
    m.later(600)
    assert m.says(command) == answer
    assert event(m, make, "flows") == ["0:41"]


def test_a_wrong_password_does_not_end_the_silence_and_is_not_answered(means: Any, make: Any) -> None:
    """Order 268, 6.14.3: all data to the console is stopped."""
    m = ten_minutes(means, make)
    m.later(600)
    assert m.says(GetVersion(**WRONG)) == ""
    assert event(m, make, "still") == []


def test_after_the_silence_the_time_begins_anew(means: Any, make: Any) -> None:
    """Order 268, 6.14.3: the command that ended it need not be command 14."""
    m = ten_minutes(means, make)
    m.later(600)
    m.says(GetVersion())
    m.later(599)
    assert event(m, make, "on") == ["0:41"]
    m.later(1)
    assert event(m, make, "over") == []


def test_speech_goes_on_in_the_silence(means: Any, make: Any) -> None:
    """Order 268, 6.14.3."""
    m = ten_minutes(means, make)
    m.says(make.combined(1, 1))
    m.says(make.put(2, "28332", "combined", 1))
    m.later(600)
    m.effects.clear()
    assert m.report(make.report(matches=((2, "b"),))) == []
    assert m.report(make.report(2, matches=((2, "b"),), release=1700.0, cause=4)) == []
    speech = [type(e) for e in m.effects if isinstance(e, effects.Connect | effects.Free)]
    assert speech == [effects.Connect, effects.Free]


def test_without_any_connection_no_time_runs(means: Any, make: Any) -> None:
    """Order 268, 6.14.3: there is nothing to stop."""
    m = ten_minutes(means, make)
    m.close(KPD1)
    m.close(KPD2)
    assert m.core.next_deadline() is None
    m.later(5000)
    assert m.core.counters["test_timeouts"] == 0


def test_the_order_has_ten_minutes_and_the_device_none(means: Any) -> None:
    """Order 268, 6.14.3; the profile decides."""
    assert means(profile="order").config.test_timeout == 600
    assert means().config.test_timeout == 0


# --- no command at all for too long


def test_a_console_that_says_nothing_leaves_its_pair_to_the_next(means: Any, make: Any) -> None:
    """Order 70, 1.5: the channel of a silent console counts as faulty."""
    m = standing_by(means, make, console_timeout=60)
    m.later(30)
    m.connect(1)
    m.effects.clear()
    m.later(30)
    assert drops(m) == [0]
    assert event(m, make, "other") == ["1:41"]
    m.later(30)
    assert drops(m) == [1]
    assert event(m, make, "nobody") == []


def test_any_unit_ends_a_console_time_out(means: Any, make: Any) -> None:
    """Order 70, 1.5: the console is heard again, whatever it says."""
    m = standing_by(means, make, console_timeout=60)
    m.later(60)
    assert m.says(GetVersion(**WRONG)) == "27/00 28/03 26/02"
    assert event(m, make, "heard") == ["0:41"]


def test_both_time_outs_run_side_by_side(means: Any, make: Any) -> None:
    """Order 268, 6.14.3, and order 70, 1.5: a stranger ends the one and not the other."""
    m = ten_minutes(means, make, console_timeout=60)
    m.later(60)
    assert (m.core.counters["console_timeouts"], m.core.counters["test_timeouts"]) == (1, 0)
    for _ in range(11):
        m.later(50)
        m.says(GetVersion(**WRONG))
    assert m.core.counters["test_timeouts"] == 1
    assert m.says(GetVersion(**WRONG)) == ""
    assert m.says(GetVersion()) == "27/00 2B 28/00"
    assert event(m, make, "flows") == ["0:41"]
