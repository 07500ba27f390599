"""Start, stop, password, legality, the two error styles, unauthorised access (order 268, 6.1-6.3, 6.14, 6.17, 7)."""

from typing import Any

import pytest

from protocol import Channel, NumberSign, ObjectType
from protocol.messages import (
    GetKsl,
    GetObjects,
    GetTrunks,
    GetVersion,
    Interrupt,
    SetPassword,
    Start,
    Stop,
    Test,
    VersionInfo,
)
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.tables import PasswordChanged, Started, Stopped, Tables
from ssh_control.dialect import Reply

EVERY = {
    1: Start(),
    2: Stop(),
    3: SetPassword("654321"),
    13: Interrupt(),
    14: Test(7),
    16: GetTrunks(None),
    17: GetVersion(),
}


def test_start_is_stored_before_it_is_confirmed(means: Any) -> None:
    m = means()
    m.connect()
    m.effects.clear()
    assert m.says(Start()) == "27/00 28/00"
    order = [type(e).__name__ for e in m.effects if isinstance(e, effects.Send | effects.Store)]
    assert order == ["Store", "Send", "Store", "Send"], "the number of command 1, 27h, the start, 28h"
    assert effects.Store(Started(1)) in m.effects


@pytest.mark.parametrize(
    ("extended", "reply", "told"),
    [
        (True, "order", "27/00 28/07"),
        (False, "order", "27/00 28/07"),
        (True, "vendor", "27/16"),
        (False, "vendor", "27/00 28/07"),
    ],
)
def test_a_second_start(means: Any, extended: bool, reply: str, told: str) -> None:
    m = means(extended_errors=extended, already_started_reply=reply).begin()
    assert m.says(Start()) == told


@pytest.mark.parametrize("reply", ["order", "vendor"])
def test_a_second_start_with_a_wrong_password_is_told_with_26h(means: Any, reply: str) -> None:
    m = means(extended_errors=True, already_started_reply=reply).begin()
    wrong = Start(password="999999")
    assert m.says(wrong) == ("27/16 26/02" if reply == "vendor" else "27/00 28/03 26/02")


@pytest.mark.parametrize("extended", [True, False])
@pytest.mark.parametrize("code", sorted(EVERY))
def test_while_stopped(means: Any, code: int, extended: bool) -> None:
    m = means(extended_errors=extended)
    m.connect()
    refused = "27/17" if extended else "27/02"
    assert m.says(EVERY[code]) == {1: "27/00 28/00", 17: "27/00 2B 28/00"}.get(code, refused)


@pytest.mark.parametrize(
    ("options", "command", "told"),
    [
        ({"test_while_stopped": "on"}, Test(7), "27/00 29 53"),
        ({"version_before_start": "refuse"}, GetVersion(), "27/17"),
    ],
)
def test_options_of_the_stopped_state(means: Any, options: dict[str, str], command: Any, told: str) -> None:
    m = means(**options)
    m.connect()
    assert m.says(command) == told


@pytest.mark.parametrize("place", ["before_28h", "after_28h"])
def test_wrong_password(means: Any, place: str) -> None:
    m = means(unauthorized_access_place=place)
    m.connect(peer="10.0.0.7:4000")
    told = m.send(Start(password="000000"))
    assert [t.code for t in told] == ([0x27, 0x26, 0x28] if place == "before_28h" else [0x27, 0x28, 0x26])
    access = next(t for t in told if t.code == 0x26)
    assert (access.access_code, access.text) == (2, "10.0.0.7:4000")
    assert access.time == (1, 0, 16, 40)
    assert not m.tables.started


def test_a_guesser_is_slowed_down_and_the_right_password_waits_for_one_interval(
    means: Any, make: Any
) -> None:
    m = means(password_tries_per_minute=30)
    m.connect()
    assert [m.says(Start(password=f"{guess:06}")) for guess in range(30)] == ["27/00 28/03 26/02"] * 30
    assert m.says(Start(password="000030")) == ""
    assert m.says(Start()) == ""
    assert m.core.next_deadline() == m.now + 2
    assert m.later(1.9) == []
    assert make.answers(m.later(0.1)) == "27/00 28/03 26/02"
    assert m.later(1.9) == []
    assert make.answers(m.later(0.1)) == "27/00 28/00"
    assert m.core.counters["commands_held"] == 2
    assert m.says(GetVersion()) == "27/00 2B 28/00"


def test_thousands_of_guesses_are_looked_at_one_by_one(means: Any, make: Any) -> None:
    m = means(password_tries_per_minute=30, waiting_commands=8)
    m.connect()
    for guess in range(2000):
        m.says(Start(password=f"{guess:06}"))
        m.later(0.001)
    assert 30 <= m.core.counters["unauthorized"] <= 32
    assert m.core.counters["commands_overflowing"] > 1900


def test_a_guesser_on_one_stream_does_not_disturb_the_console_of_another(means: Any, make: Any) -> None:
    m = means(password_tries_per_minute=1).begin()
    m.connect(stream=1)
    assert m.says(GetVersion(password="000000"), stream=1) == "27/00 28/03 26/02"
    assert m.says(GetVersion(password="000001"), stream=1) == ""
    assert m.says(GetVersion()) == "27/00 2B 28/00"


def test_what_a_guesser_left_behind_is_not_looked_at_for_the_next_console(means: Any, make: Any) -> None:
    m = means(password_tries_per_minute=60)
    m.connect()
    for guess in range(100):
        m.says(Start(password=f"{guess:06}"))
    m.close(Channel.KPD1)
    assert m.core.counters["commands_held_dropped"] == 40
    m.open(Channel.KPD1)
    assert m.says(Start()) == ""
    assert make.answers(m.later(1)) == "27/00 28/00"


def test_without_a_pace_a_guesser_is_not_slowed_down(means: Any, make: Any) -> None:
    m = means(password_tries_per_minute=0)
    m.connect()
    assert {m.says(Start(password=f"{guess:06}")) for guess in range(200)} == {"27/00 28/03 26/02"}


@pytest.mark.parametrize(
    ("extended", "reply", "told"),
    [
        (True, "order", "27/00 28/05 26/05"),
        (False, "order", "27/00 28/05 26/05"),
        (True, "vendor", "27/18 26/05"),
        (False, "vendor", "27/00 28/05 26/05"),
    ],
)
def test_wrong_orm_number(means: Any, extended: bool, reply: str, told: str) -> None:
    m = means(extended_errors=extended, wrong_orm_number_reply=reply)
    m.connect()
    assert m.says(Start(orm_number=9)) == told
    assert not m.tables.started


def test_the_state_is_checked_before_the_password(means: Any) -> None:
    m = means()
    m.connect()
    assert m.says(Stop(password="000000")) == "27/17"


def test_the_orm_number_is_checked_before_the_password(means: Any) -> None:
    m = means(wrong_orm_number_reply="order").begin()
    assert m.says(Stop(password="000000", orm_number=9)) == "27/00 28/05 26/05"


def test_a_new_password_holds_from_its_28h_on(means: Any) -> None:
    m = means().begin()
    assert m.says(SetPassword("654321")) == "27/00 28/00"
    assert effects.Store(PasswordChanged("654321")) in m.effects
    assert m.says(GetVersion()) == "27/00 28/03 26/02"
    assert m.says(GetVersion(password="654321")) == "27/00 2B 28/00"


@pytest.mark.parametrize(
    ("characters", "new", "told"),
    [
        ("digits", "65432a", "27/11"),
        ("printable", "65432a", "27/00 28/00"),
        ("printable", "6543\x012", "27/11"),
        ("digits", "6543\xb22", "27/11"),
    ],
)
def test_characters_of_a_password(means: Any, characters: str, new: str, told: str) -> None:
    m = means(password_characters=characters).begin()
    assert m.says(SetPassword(new)) == told
    assert m.tables.password == (new if told.endswith("28/00") else "123456")


def test_no_password_reaches_the_journal_or_a_repr(means: Any) -> None:
    m = means().begin()
    m.says(SetPassword("654321"))
    m.says(GetVersion(password="777777"))
    said = repr([e for e in m.effects if not isinstance(e, effects.Send)])
    assert "654321" not in said
    assert "777777" not in said
    assert "******" in said


def test_every_command_is_journalled_with_who_and_both_answers(means: Any) -> None:
    m = means().begin()
    m.says(GetVersion())
    entries = [e for e in m.effects if isinstance(e, effects.Journal)]
    assert [e.kind for e in entries] == ["command", "executed"]
    assert entries[0].fields["peer"] == "127.0.0.1:4000"
    assert (entries[0].fields["command"], entries[0].fields["receipt"]) == (17, 0)
    assert entries[1].fields["status"] == 0


@pytest.mark.parametrize(("groups", "password"), [("on", "on"), ("off", "off")])
def test_stop_erases_objects_and_what_the_options_say(
    means: Any, make: Any, groups: str, password: str
) -> None:
    m = means(stop_clears_groups=groups, stop_resets_password=password).begin(make.combined(1, 1))
    assert m.says(make.put(1, "28331")) == "27/00 28/00"
    m.says(SetPassword("654321"))
    assert m.says(Stop(password="654321")) == "27/00 28/00"
    assert m.requests[-1] == ("clear", {})
    assert effects.Store(Stopped(groups == "on", "123456" if password == "on" else None)) in m.effects
    assert m.tables.objects == {}
    assert not m.tables.started
    assert bool(m.tables.groups) is (groups == "off")
    again = Start(password="123456" if password == "on" else "654321")
    assert m.says(again) == "27/00 28/00"
    assert m.says(GetObjects(None, None, None, None, None, password=again.password)) == "27/00 23 28/53"


def test_version(means: Any) -> None:
    m = means(software_version="LAB 1.0", station_type="transit")
    m.connect()
    version = m.send(GetVersion())[1]
    assert version == VersionInfo("LAB 1.0", version.station_type)
    assert version.station_type == "transit"


@pytest.mark.parametrize(("option", "expected"), [("0,0", 0), ("1,1", 1)])
def test_numbering_of_single_messages(means: Any, option: str, expected: int) -> None:
    m = means(single_message_numbering=option)
    m.connect()
    assert all((t.total, t.index) == (expected, expected) for t in m.send(GetVersion()))


# --- command 14


@pytest.mark.parametrize(("option", "told"), [("off", "27/00 29 53"), ("on", "27/00 29 53 28/00")])
def test_command_14(means: Any, option: str, told: str) -> None:
    m = means(test_command_28h=option).begin()
    assert m.says(Test(7)) == told


def test_command_14_reaches_every_kpd2_and_tells_who_is_there(means: Any) -> None:
    m = means().begin()
    m.open(Channel.KPD2, 3)
    m.effects.clear()
    told = m.send(Test(9))
    assert [t.code for t in told] == [0x27, 0x29, 0x53, 0x53]
    assert all((t.test_number, t.kpd1_state, t.kpd2_state) == (9, 0b0001, 0b1001) for t in told[1:])
    where = [e.stream for e in m.effects if isinstance(e, effects.Send) and e.channel is Channel.KPD2]
    assert where == [0, 3]


def test_polarity_of_the_bitmaps(means: Any) -> None:
    m = means(bitmap_polarity="0=in service").begin()
    reply = m.send(Test(9))[1]
    assert (reply.kpd1_state, reply.kpd2_state) == (0xFE, 0xFE)


def test_a_refused_command_14_has_its_28h(means: Any) -> None:
    assert means().begin().says(Test(9, password="000000")) == "27/00 28/03 26/02"


# --- units that can't be right

BROKEN_UNITS = [
    pytest.param("CC010C0B313233343536 0A 0B 3738550501F1FFFFFF", 0x13, id="undefined sign"),
    pytest.param("CC010C0B313233343536 01 03 3738550501F1FFFFFF", 0x10, id="digit count"),
    pytest.param("CC010404313233343536 01 05 01 01", 0x11, id="undefined group type"),
    pytest.param("CC010404313233343536 01 01 00 00", 0x3F, id="KSL 0, combined"),
    pytest.param("CC010404313233343536 01 01 1D 1D", 0x3F, id="KSL 29"),
    pytest.param("CC010404313233343536 01 11 01 00", 0x40, id="KSL-B 0"),
    pytest.param("CC010404313233343536 01 11 00 1D", 0x41, id="both KSL 0"),
    pytest.param("CC011200313233343536", 0x11, id="unknown command"),
    pytest.param("CC012702000000000000 0500", 0x11, id="a message instead of a command"),
]


@pytest.mark.parametrize("extended", [True, False])
@pytest.mark.parametrize(("octets", "code"), BROKEN_UNITS)
def test_undefined_values(means: Any, octets: str, code: int, extended: bool) -> None:
    m = means(extended_errors=extended).begin()
    told = m.send(bytes.fromhex(octets.replace(" ", "")))
    assert len(told) == 1
    assert told[0].code == 0x27
    assert told[0].status == (code if extended else 1)


@pytest.mark.parametrize(("extended", "told"), [(True, "27/10"), (False, "27/01")])
def test_a_wrong_length(means: Any, make: Any, extended: bool, told: str) -> None:
    m = means(extended_errors=extended).begin()
    raw = bytes.fromhex("CC010B03313233343536FFFFFF")
    assert make.answers(m.do(m.core.broken(0, 0x0B, "length", raw, m.now))) == told
    assert make.answers(m.do(m.core.broken(0, None, "cut", raw, m.now))) == told


# --- order 70


@pytest.mark.parametrize("command", [GetTrunks(None), GetVersion()])
def test_order_70_has_fifteen_commands(means: Any, command: Any) -> None:
    m = means(order="70").begin()
    raw = bytes([0xCC, 1, command.code, 0]) + b"123456"
    assert m.says(raw) == "27/11"


def test_order_70_has_its_own_signs_and_version_octet(means: Any, make: Any) -> None:
    m = means(order="70").begin()
    told = m.send(make.put(1, "28331", number_sign=NumberSign.PRIVATE))
    assert make.answers(told) == "27/00 28/00"
    assert told[0].version == 0xFF
    zone = make.put(2, "2833100", number_sign=NumberSign.ZONE, object_type=ObjectType.NETWORK_FULL)
    assert m.says(zone) == "27/00 28/00"
    assert m.says(make.put(3, "28333", number_sign=NumberSign.ZONE)) == "27/55"


# --- 22h, 21h and 26h of their own accord


@pytest.mark.parametrize(
    ("tables", "options", "told"),
    [
        (Tables(), {}, "22"),
        (Tables(started=True), {}, "22"),
        (Tables(started=True), {"after_restart": "restore"}, "22 21/03"),
        (Tables(damaged=True), {}, "22 21/01"),
        (Tables(), {"alarm_while_stopped": "on", "after_restart": "restore"}, "22 21/03"),
        (Tables(started=True), {"restart_message": "off", "after_restart": "restore"}, ""),
        (Tables(damaged=True), {"restart_message": "off"}, "21/01"),
    ],
)
def test_what_the_first_console_after_a_restart_hears(
    means: Any, make: Any, tables: Tables, options: dict[str, str], told: str
) -> None:
    fresh = Tables(started=tables.started, damaged=tables.damaged)
    m = means(tables=fresh, **options)
    assert make.answers(m.connect()) == told
    assert not m.tables.damaged
    m.close(Channel.KPD1)
    assert make.answers(m.connect()) == ""


def test_after_a_restart_the_state_is_what_it_was(means: Any) -> None:
    tables = Tables(started=True, password="654321")
    m = means(tables=tables, already_started_reply="order", after_restart="restore")
    m.connect()
    assert m.says(Start(password="654321")) == "27/00 28/07"


def test_a_second_connection_is_told_to_the_console(means: Any, make: Any) -> None:
    m = means().begin()
    told = m.do(m.core.refused_connection("10.0.0.66:5555\n\xff" + "x" * 60, 1, m.now))
    assert make.answers(told) == "26/01"
    assert told[0].text == ("10.0.0.66:5555??" + "x" * 60)[:40]


def test_nobody_there_hears_nothing(means: Any) -> None:
    m = means()
    assert m.do(m.core.refused_connection("10.0.0.66:5555", 1, m.now)) == []
    assert m.core.counters["dropped_kpd1"] == 1


# --- console time-out


def test_a_silent_console_is_cut_off_until_its_next_command(means: Any) -> None:
    m = means(console_timeout=30).begin()
    m.later(20)
    assert m.says(GetVersion()) == "27/00 2B 28/00"
    m.effects.clear()
    m.later(29)
    assert not any(isinstance(e, effects.DropChannel) for e in m.effects)
    m.later(1)
    assert effects.DropChannel(0) in m.effects
    assert m.do(m.core.refused_connection("10.0.0.66:1", 1, m.now)) == []
    assert m.says(GetVersion()) == "27/00 2B 28/00"
    assert m.core.counters["console_timeouts"] == 1


def test_no_time_out_without_a_console_or_when_off(means: Any) -> None:
    m = means(console_timeout=30)
    assert m.core.next_deadline() is None
    m.connect()
    assert m.core.next_deadline() == m.now + 30
    m.close(Channel.KPD1)
    assert m.core.next_deadline() is None
    assert means().begin().core.next_deadline() is None


# --- several streams


def test_answers_go_where_the_command_came_from(means: Any) -> None:
    m = means().begin()
    m.connect(2)
    m.effects.clear()
    assert m.says(GetKsl(None, None, None, None), stream=2) == "27/00 24 28/5F"
    assert {e.stream for e in m.effects if isinstance(e, effects.Send)} == {2}


def test_one_command_at_a_time_over_all_streams(means: Any, make: Any) -> None:
    m = means().begin()
    m.connect(1)
    m.switch = None
    assert m.says(make.put(1, "28331")) == "27/00"
    assert m.says(GetVersion(), stream=1) == ""
    assert make.answers(m.answer(Reply(True))) == "28/00 27/00 2B 28/00"


def test_who_came_in_the_name_of_this_mediator_is_told(means: Any) -> None:
    m = means().begin()
    event = {"event": "second-session", "mediator": "x\x1b[2J\n", "peer": "10.0.0.2:4000", "admitted": False}
    assert m.do(m.core.switch_event(event, m.now)) == []
    assert m.core.counters["second_sessions"] == 1
    logged = next(e.text for e in m.effects if isinstance(e, effects.Log))
    assert logged == "switch: x?[2J? at 10.0.0.2:4000 came as this mediator: refused"
    entry = next(e for e in m.effects if isinstance(e, effects.Journal))
    assert (entry.kind, entry.fields["peer"], entry.stranger) == ("second-session", "10.0.0.2:4000", True)


def test_messages_about_refused_connections_are_bounded_and_the_next_one_has_the_number(means: Any) -> None:
    m = means(access_messages_per_minute=3).begin()

    def refused() -> list[Any]:
        found: list[Any] = m.do(m.core.refused_connection("10.0.0.66:5555", 1, m.now))
        return found

    assert [len(refused()) for _ in range(10)] == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert m.core.counters["access_left_out"] == 7
    assert m.core.counters["unauthorized"] == 10
    m.now += 20
    (told,) = refused()
    assert told.text == "10.0.0.66:5555 (+7)"
    m.now += 20
    (told,) = refused()
    assert told.text == "10.0.0.66:5555"


def test_a_wrong_password_is_always_reported(means: Any) -> None:
    m = means(access_messages_per_minute=1, password_tries_per_minute=0).begin()
    m.core.refused_connection("10.0.0.66:5555", 1, m.now)
    m.core.refused_connection("10.0.0.66:5555", 1, m.now)
    assert [m.says(GetVersion(password="999999")) for _ in range(5)] == ["27/00 28/03 26/02"] * 5
