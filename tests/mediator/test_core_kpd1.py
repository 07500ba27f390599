"""What order 268 rules of KPD1: profiles, numbers in headers, tables, restarts, alarms, capacity (6, 8, 9, 2-4)."""

from typing import Any

import pytest

from protocol import Category, Channel, GroupType, Ksl, NumberSign, ObjectType, Priority
from protocol.commands import (
    AddKsl,
    AddObject,
    ChangeObject,
    GetKsl,
    GetObjects,
    GetServices,
    GetVersion,
    RemoveKsl,
    RemoveObject,
    SetPassword,
    Start,
    Stop,
)
from sorm_mediator.mediator.core import effects
from ssh_control.dialect import Reply

OWN, FULL, PARTIAL, TRUNK = ObjectType
ALL = GetObjects(None, None, None, None, None)
SERVICES = list(bytes.fromhex("20 21 28 29 2A 2B 31 32 33 40 41 42 43 50 51 52"))


def by_trunk(number: int, trunk: int) -> AddObject:
    return AddObject(number, TRUNK, None, None, trunk, Category.STATISTICAL, None, None)


# --- the two profiles


@pytest.mark.parametrize(("profile", "told"), [("order", "27/00 28/00"), ("eltex", "27/00 28/01")])
def test_the_same_number_again(means: Any, make: Any, profile: str, told: str) -> None:
    """6.5.6: any number may be put on control; it gets a new object number."""
    m = means(profile=profile, extended_errors=False)
    m.connect()
    m.do(m.core.switch_up(m.now))
    m.says(Start())
    assert m.says(make.put(1, "28331")) == "27/00 28/00"
    assert m.says(make.put(2, "28331")) == told


def test_each_object_of_a_number_has_its_own_events_and_its_own_end(means: Any, make: Any) -> None:
    """6.5.6; rule 11: a full set of messages for each."""
    m = means(same_number_again="allow").begin(make.put(1, "28331"), make.put(2, "28331"))
    assert m.report(make.report(matches=((1, "a"), (2, "a")))) == [
        "1 41/FF 28331>28332",
        "2 41/FF 28331>28332",
    ]
    assert m.says(RemoveObject(1, OWN, NumberSign.OWN, "28331", None)) == "27/00 28/00"
    assert m.report(make.report(2, answer=1003.0, matches=((1, "a"), (2, "a")))) == ["2 42/FF 28331>28332"]
    assert sorted(m.tables.objects) == [2]


@pytest.mark.parametrize(("profile", "told"), [("order", "27/02"), ("eltex", "27/00 2B 28/00")])
def test_the_version_before_the_start(means: Any, profile: str, told: str) -> None:
    """7.3: before the start no command is taken."""
    m = means(profile=profile, extended_errors=False)
    m.connect()
    assert m.says(GetVersion()) == told


@pytest.mark.parametrize(("profile", "told"), [("order", "27/01"), ("eltex", "27/00 28/00")])
def test_statistical_control_with_priority(means: Any, make: Any, profile: str, told: str) -> None:
    """6.5.5.8: FFh or 02h; also in command 15 (6.15.6)."""
    m = means(profile=profile, extended_errors=False).begin(make.put(1, "28331"))
    assert m.says(make.put(2, "28332", priority=Priority.HIGH)) == told
    assert m.says(ChangeObject(1, Category.STATISTICAL, None, Priority.HIGH)) == told
    for priority in (None, Priority.NORMAL):
        assert m.says(ChangeObject(1, Category.STATISTICAL, None, priority)) == "27/00 28/00"


def test_command_1_gives_the_means_their_number(means: Any) -> None:
    """6.1.3, 7.6: another number is then a wrong one."""
    m = means(profile="order", extended_errors=False)
    m.connect()
    told = m.send(Start(orm_number=77))
    assert [(t.code, t.status, t.orm_number) for t in told] == [(0x27, 0, 77), (0x28, 0, 77)]
    assert m.core.orm_number == 77
    assert m.says(GetVersion(orm_number=1)) == "27/00 28/05 26/05"
    assert {t.orm_number for t in m.send(GetVersion(orm_number=77))} == {77}
    assert m.says(Start(orm_number=78)) == "27/00 28/05 26/05", "it keeps its number while it works"
    assert m.says(Stop(orm_number=77)) == "27/00 28/00"
    assert m.says(Start(orm_number=78)) == "27/00 28/00"


def test_or_it_is_configured(means: Any) -> None:
    """The vendor's device (option orm_number_from_start)."""
    m = means(profile="eltex", extended_errors=False)
    m.connect()
    assert m.says(Start(orm_number=77)) == "27/00 28/05 26/05"
    assert not m.tables.started


# --- the header


def test_the_number_in_headers_before_the_start(means: Any) -> None:
    """8.2.1.2: 27h repeats that of the command; 21h, 22h and 26h have that of the last command 1."""
    m = means(profile="order", alarm_while_stopped="on")
    m.connect()
    assert [t.orm_number for t in m.send(GetVersion(orm_number=5))] == [5]
    told = m.send(Start(orm_number=77, password="000000"))
    assert [(t.code, t.orm_number) for t in told] == [(0x27, 77), (0x28, 77), (0x26, 77)]
    assert [t.orm_number for t in m.send(GetVersion(orm_number=6))] == [6]
    (alarm,) = m.do(m.core.operator_alarm(2, 7, m.now))
    (access,) = m.do(m.core.operator_access(4, "port", m.now))
    (restart,) = m.do(m.core.operator_restart(m.now))
    assert [alarm.orm_number, access.orm_number, restart.orm_number] == [77, 77, 77]


def test_also_where_the_number_is_configured(means: Any) -> None:
    """8.2.1.2: a command 1 with another number is answered, and told of, under that number until the start."""
    m = means(profile="eltex", extended_errors=False)
    m.connect()
    told = m.send(Start(orm_number=77))
    assert [(t.code, t.orm_number) for t in told] == [(0x27, 77), (0x28, 77), (0x26, 77)]
    (restart,) = m.do(m.core.operator_restart(m.now))
    assert restart.orm_number == 77
    m.says(Start())
    (access,) = m.do(m.core.operator_access(4, "port", m.now))
    assert access.orm_number == 1


def test_headers_of_single_messages(means: Any) -> None:
    """8.2.1.5-8.2.1.8: 1 of 1, reserve FFh, version 02h."""
    m = means().begin()
    for message in m.send(GetVersion()):
        assert m.codec.encode(message)[4:10] == bytes.fromhex("0100 0100 FF 02")


# --- commands 5 and 15


@pytest.mark.parametrize(("extended", "told"), [(True, "27/30"), (False, "27/01")])
def test_a_group_of_another_type_is_rejected_at_receipt(
    means: Any, make: Any, extended: bool, told: str
) -> None:
    """6.5.5.7, 6.15.6."""
    m = means(extended_errors=extended).begin(
        make.combined(1, 1), make.separate(2, 3, 4), make.put(1, "28331", "combined", 1)
    )
    assert m.says(make.put(2, "28332", "separate", 1)) == told
    assert m.says(make.put(2, "28332", "combined", 2)) == told
    assert m.says(ChangeObject(1, Category.SEPARATE, 1, Priority.NORMAL)) == told


# --- command 9


def test_the_last_line_of_a_group_stays_while_objects_belong_to_it(means: Any, make: Any) -> None:
    """6.9.7."""
    m = means(extended_errors=False).begin(
        make.combined(1, 1), make.combined(1, 2), make.put(1, "28331", "combined", 1)
    )
    assert m.says(RemoveKsl(1, Ksl(0, 1), None)) == "27/00 28/00"
    assert m.says(RemoveKsl(1, Ksl(0, 2), None)) == "27/00 28/01"
    assert m.says(ChangeObject(1, Category.STATISTICAL, None, None)) == "27/00 28/00"
    assert m.says(RemoveKsl(1, Ksl(0, 2), None)) == "27/00 28/00"


# --- command 10 and 23h


def asking(m: Any, **fields: Any) -> bytes:
    """Command 10 with these fields; ``count`` alone is octet 5 without digits."""
    count = fields.pop("count", None)
    names = ("object_number", "object_type", "number_sign", "number", "trunk")
    unit = bytearray(m.codec.encode(GetObjects(**(dict.fromkeys(names) | fields))))
    if count is not None:
        unit[14] = count
    return bytes(unit)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"count": 5}, [1, 2]),
        ({"count": 11}, [3, 4]),
        ({"count": 11, "object_type": FULL}, [3]),
        ({"number": "28331"}, [1]),
        ({"number": "73832728331"}, [3, 4]),
        ({"number": "73832728331", "object_type": PARTIAL}, [4]),
        ({"number_sign": NumberSign.RUSSIA}, [3, 4]),
        ({"object_type": OWN, "number_sign": NumberSign.OWN, "count": 5}, [1, 2]),
        ({"object_number": 2, "count": 5}, [2]),
        ({"trunk": 7}, [5]),
        ({"trunk": 7, "object_type": TRUNK}, [5]),
    ],
)
def test_command_10_takes_any_mix_of_fields(
    means: Any, make: Any, fields: dict[str, Any], found: list[int]
) -> None:
    """6.10.4, 6.10.5, 6.10.7: the count of digits is a filter, too."""
    russia = {"number_sign": NumberSign.RUSSIA}
    m = means().begin(
        make.put(1, "28331"),
        make.put(2, "28332"),
        make.put(3, "73832728331", object_type=FULL, **russia),
        make.put(4, "73832728331", object_type=PARTIAL, **russia),
        by_trunk(5, 7),
    )
    told = m.send(asking(m, **fields))
    assert [t.object_number for t in told[1:-1]] == found
    assert [(t.total, t.index) for t in told[1:-1]] == [(len(found), n) for n in range(1, len(found) + 1)]
    assert told[-1].status == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"object_number": 9},
        {"object_number": 1, "number": "28332"},
        {"number": "28339"},
        {"count": 7},
        {"count": 18, "object_type": OWN},
        {"trunk": 7},
        {"object_type": TRUNK, "number_sign": NumberSign.IMSI},
    ],
)
def test_nothing_found_is_23h_with_the_asked_values(means: Any, make: Any, fields: dict[str, Any]) -> None:
    """6.10.6, 9.3.5: what was asked, all else FFh, and 28h/01h."""
    m = means(extended_errors=False).begin(make.put(1, "28331"))
    unit = asking(m, **fields)
    told = m.send(unit)
    assert make.answers(told) == "27/00 23 28/01"
    assert m.codec.encode(told[1])[10:] == unit[10:] + b"\xff" * 4
    assert (told[1].total, told[1].index) == (1, 1)


def test_the_whole_table_is_empty(means: Any, make: Any) -> None:
    """6.10.6."""
    m = means(extended_errors=False).begin()
    told = m.send(ALL)
    assert make.answers(told) == "27/00 23 28/01"
    assert m.codec.encode(told[1])[10:] == b"\xff" * 20


@pytest.mark.parametrize("state", [0x00, 0x01, 0x03, 0x07, 0xFF])
def test_states_of_a_subscriber_line(means: Any, make: Any, state: int) -> None:
    """9.3.6.4."""
    m = means().begin(make.put(1, "28331"))
    m.do(m.core.operator_line_state(1, state, m.now))
    assert m.send(ALL)[1].line_state == state


def test_the_whole_table_of_groups_is_empty(means: Any, make: Any) -> None:
    """6.11.7."""
    m = means(extended_errors=False).begin()
    told = m.send(GetKsl(None, None, None, None))
    assert make.answers(told) == "27/00 24 28/01"
    assert m.codec.encode(told[1])[10:] == b"\xff" * 45


# --- command 12 and 25h


@pytest.mark.parametrize(("count", "pages"), [(1, [1]), (11, [11]), (12, [11, 1]), (16, [11, 5])])
def test_eleven_services_in_a_message(means: Any, count: int, pages: list[int]) -> None:
    """9.5.4: as long as the services need, at most 45 octets; more: further messages."""
    m = means().begin()
    m.switch = lambda op, params: Reply(True, {"services": SERVICES[:count]})
    told = m.send(GetServices(NumberSign.OWN, "28331"))[1:-1]
    assert [len(t.services) for t in told] == pages
    assert [(t.total, t.index) for t in told] == [(len(pages), n) for n in range(1, len(pages) + 1)]
    assert [len(m.codec.encode(t)) - 10 for t in told] == [12 + 3 * n for n in pages]


def test_no_services_is_an_answer(means: Any, make: Any) -> None:
    """9.5.5.3: executed, count 0, the rest of 45 octets FFh."""
    m = means().begin()
    m.switch = lambda op, params: Reply(True, {"services": []})
    told = m.send(GetServices(NumberSign.OWN, "28331"))
    assert make.answers(told) == "27/00 25 28/00"
    assert m.codec.encode(told[1])[21:] == b"\x00" + b"\xff" * 33


# --- 2Ah


def test_a_renamed_trunk_is_told(means: Any) -> None:
    """9.10.3: also when the operator changes a trunk's name."""
    m = means().begin()
    (told,) = m.do(m.core.switch_event({"event": "trunk-renamed", "trunk": 2, "name": "north"}, m.now))
    assert (told.code, told.trunk, told.name, told.total, told.index) == (0x2A, 2, "north", 1, 1)


def test_a_long_name_goes_on_in_further_messages(means: Any) -> None:
    """9.10.5: 43 octets each."""
    m = means().begin()
    event = {"event": "trunk-renamed", "trunk": 2, "name": "a" * 43 + "b" * 43 + "c"}
    told = m.do(m.core.switch_event(event, m.now))
    assert [(t.name, t.total, t.index) for t in told] == [("a" * 43, 3, 1), ("b" * 43, 3, 2), ("c", 3, 3)]


@pytest.mark.parametrize(("keys", "start"), [({}, False), ({"order": "70"}, True)])
def test_who_is_not_told_of_a_renamed_trunk(means: Any, keys: dict[str, str], start: bool) -> None:
    """6.2.4: nothing while stopped; order 70 has no such message."""
    m = means(**keys)
    m.connect()
    if start:
        m.says(Start())
    assert m.do(m.core.switch_event({"event": "trunk-renamed", "trunk": 2, "name": "north"}, m.now)) == []
    assert m.core.counters["trunk_names_untold"] == 1


# --- 26h


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_access_told_by_an_operator(means: Any, code: int) -> None:
    """9.6.4: the code, the moment, and forty octets of further information."""
    m = means().begin()
    (told,) = m.do(m.core.operator_access(code, "x" * 50, m.now))
    assert (told.access_code, told.time, told.text) == (code, (1, 0, 16, 40), "x" * 40)


@pytest.mark.parametrize(("option", "told"), [("on", "26/03"), ("off", "")])
def test_tables_that_somebody_reads(means: Any, make: Any, option: str, told: str) -> None:
    """9.6.4.1, code 03h."""
    m = means(tell_table_access=option).begin()
    assert make.answers(m.do(m.core.tables_read("10.0.0.9 GET /objects", m.now))) == told


# --- 21h and 22h


def controlled(means: Any, make: Any, **keys: Any) -> Any:
    m = means(**keys).begin(make.combined(1, 1), make.put(1, "28331", "combined", 1))
    m.says(SetPassword("654321"))
    m.report(make.report())
    return m


def is_initial(m: Any) -> bool:
    tables = m.tables
    return (tables.started, tables.objects, tables.groups, tables.password) == (False, {}, {}, "123456")


@pytest.mark.parametrize("kind", [2, 3, 4])
def test_alarms_that_lose_no_tables(means: Any, make: Any, kind: int) -> None:
    """9.1.4.1."""
    m = controlled(means, make)
    (told,) = m.do(m.core.operator_alarm(kind, 9, m.now))
    assert (told.alarm_type, told.alarm_code) == (kind, 9)
    assert sorted(m.tables.objects) == [1]
    assert m.core.pool.in_use == 1


def test_an_alarm_that_loses_the_tables_stops_the_means(means: Any, make: Any) -> None:
    """9.1.4.1, type 01h: the start needs the first password, and the console restores the tables."""
    m = controlled(means, make, already_started_reply="order")
    told = m.do(m.core.operator_alarm(1, 9, m.now))
    assert make.answers(told) == "52 21/01"
    assert make.events(told) == ["1 52/04 28331>28332 k0.1"]
    assert is_initial(m)
    assert m.requests[-1][0] == "sync"
    assert m.requests[-1][1]["objects"] == [], "the switch forgets them, too"
    assert m.report(make.report(2, answer=1003.0)) == []
    assert m.says(Start(password="654321")) == "27/00 28/03 26/02"
    assert m.says(Start()) == "27/00 28/00"


def test_a_restart_on_demand(means: Any, make: Any) -> None:
    """9.2.3, 9.2.4: the initial state, told with 22h; calls are heard of no more."""
    m = controlled(means, make)
    assert make.answers(m.do(m.core.operator_restart(m.now))) == "22"
    assert is_initial(m)
    assert m.core.pool.in_use == 0
    assert any(isinstance(e, effects.Free) for e in m.effects)
    m.close(Channel.KPD1)
    assert m.connect() == [], "it was told"


def test_a_restart_while_nobody_listens_is_told_later(means: Any, make: Any) -> None:
    """9.2.3."""
    m = controlled(means, make)
    m.close(Channel.KPD1)
    assert m.do(m.core.operator_restart(m.now)) == []
    m.close(Channel.KPD2)
    assert m.connect() == [], "the pair is blocked until a valid command (1.4.1.2)"
    assert m.says(GetVersion()) == "22 27/00 2B 28/00"


def test_a_restart_in_the_silence_for_want_of_a_test_is_told_after_it(means: Any, make: Any) -> None:
    """9.2.3, 6.14.3."""
    m = controlled(means, make, test_timeout=60)
    m.later(61)
    assert m.do(m.core.operator_restart(m.now)) == []
    assert m.says(Start()) == "22 27/00 28/00"


@pytest.mark.parametrize(
    ("option", "first", "objects"), [("initial", "22", []), ("restore", "22 21/03", [1])]
)
def test_after_a_restart_of_the_program(
    means: Any, make: Any, option: str, first: str, objects: list[int]
) -> None:
    """9.2.4: the initial state; by option the tables are kept, which 21h/03h says."""
    before = means().begin(make.combined(1, 1), make.put(1, "28331", "combined", 1))
    m = means(tables=before.tables, after_restart=option)
    assert make.answers(m.connect()) == first
    m.do(m.core.switch_up(m.now))
    assert [o["object_number"] for o in m.requests[-1][1]["objects"]] == objects
    assert sorted(m.tables.objects) == objects
    assert m.tables.started is (option == "restore")
    assert bool(m.tables.groups) is (option == "restore")


# --- stop


def test_nothing_more_after_the_28h_of_a_stop(means: Any, make: Any) -> None:
    """6.2.3, 6.2.4: 52h/06h after 27h, the tables deleted, the first password, and then silence."""
    m = controlled(means, make)
    assert m.says(Stop(password="654321")) == "27/00 52 28/00"
    assert is_initial(m)
    assert m.report(make.report(2, answer=1003.0)) == []
    assert m.report(make.report(call="another")) == []
    assert m.do(m.core.ksl_changed([Ksl(0, 1)], in_service=False, alarm_code=1, now=m.now)) == []
    assert m.says(Start(password="654321")) == "27/00 28/03 26/02"


# --- capacity


def sized(means: Any, kind: str, subscribers: int, trunks: int = 0) -> Any:
    return means(
        station_type=kind, capacity={"subscribers": subscribers, "trunks": trunks}, max_objects=1
    ).begin()


def test_own_and_network_objects_are_counted_apart(means: Any, make: Any) -> None:
    """2.2: a terminal node of 2,000 subscribers has 15 own objects and 256 of the network."""
    m = sized(means, "terminal", 2000)
    for number in range(15):
        assert m.says(make.put(number, f"2{number:04}")) == "27/00 28/00"
    assert m.says(make.put(15, "28331")) == "27/00 28/31"
    network = {"object_type": FULL, "number_sign": NumberSign.RUSSIA}
    for number in range(100, 356):
        assert m.says(make.put(number, f"7383{number:07}", **network)) == "27/00 28/00"
    assert m.says(make.put(356, "73832728331", **network)) == "27/00 28/31"
    assert m.says(RemoveObject(3, OWN, NumberSign.OWN, "20003", None)) == "27/00 28/00"
    assert m.says(make.put(15, "28331")) == "27/00 28/00"


def test_ten_trunks_beside_them(means: Any, make: Any) -> None:
    """3.1, 4.1."""
    m = sized(means, "terminal", 257)
    told = [m.says(by_trunk(number, number)) for number in range(11)]
    assert told == ["27/00 28/00"] * 10 + ["27/00 28/4B"]
    assert m.says(make.put(20, "28331")) == "27/00 28/00"


def test_lines_and_calls_under_full_control(means: Any, make: Any) -> None:
    """2.2: a terminal node of 257 subscribers has four calls under full control, and eight KSL."""
    m = sized(means, "terminal", 257)
    told = [m.says(make.combined(1, ksl)) for ksl in range(1, 10)]
    assert told == ["27/00 28/00"] * 8 + ["27/00 28/73"]
    lines = []
    for number in range(1, 6):
        m.says(make.put(number, f"2833{number}", "combined", 1))
        lines += m.report(make.report(call=f"call-{number}", matches=((number, "b"),)))
    assert [line.split()[1] for line in lines] == ["41/00"] * 4 + ["41/01"]


def test_without_capacity_the_size_of_the_table_counts(means: Any, make: Any) -> None:
    m = means(max_objects=1).begin(make.put(1, "28331"))
    assert m.says(make.put(2, "28332")) == "27/00 28/31"


# --- groups


def test_there_may_be_as_many_groups_as_lines(means: Any, make: Any) -> None:
    """6.4.3: as many groups at most as there are KSL."""
    m = means(streams=(0,)).begin(*(make.combined(ksl, ksl) for ksl in range(1, 29)))
    assert len(m.tables.groups) == 28
    assert m.says(AddKsl(29, GroupType.COMBINED, Ksl(1, 1), None)) == "27/3F"
