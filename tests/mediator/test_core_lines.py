"""Lines in calls: allocation, pre-emption, commands 7, 8, 15, 2, 6 in calls (order 268, 6.7, 6.8, 11.5, 11.6)."""

from typing import Any

import pytest

from protocol import Category, Channel, Ksl, NumberSign, ObjectType, Priority
from protocol.messages import AddKsl, ChangeObject, ConnectKsl, ReleaseKsl, RemoveKsl, RemoveObject, Stop
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.tables import Line

OWN = ObjectType.OWN_SUBSCRIBER
HIGH = Priority.HIGH


def call(m: Any, make: Any, number: int, name: str = "", sequence: int = 1, **keys: Any) -> list[str]:
    """Object ``number`` calls 28332 (its phone is 2833 and the number)."""
    return m.report(
        make.report(
            sequence, a=f"2833{number}", call=name or f"call-{number}", matches=((number, "a"),), **keys
        )
    )


def listening(means: Any, make: Any, lines: int = 1, ordinary: int = 2, **keys: Any) -> Any:
    """Group 1 with some combined lines, ordinary objects 1.., priority objects 8 and 9."""
    m = means(**keys).begin(*(make.combined(1, ksl) for ksl in range(1, lines + 1)))
    for number in range(1, ordinary + 1):
        m.says(make.put(number, f"2833{number}", "combined", 1))
    for number in (8, 9):
        m.says(make.put(number, f"2833{number}", "combined", 1, priority=HIGH))
    m.effects.clear()
    return m


def test_the_lowest_free_line_is_taken_and_free_after_the_call(means: Any, make: Any) -> None:
    m = listening(means, make, lines=2)
    assert call(m, make, 1) == ["1 41/00 28331>28332 k0.1"]
    assert call(m, make, 2) == ["2 41/00 28332>28332 k0.2"]
    assert call(m, make, 1, sequence=2, release=1009.0, cause=4) == ["1 43/04 28331>28332 k0.1"]
    assert call(m, make, 1, name="again") == ["1 41/00 28331>28332 k0.1"]
    voice = [e for e in m.effects if isinstance(e, effects.Connect | effects.Free)]
    assert voice == [
        effects.Connect(Line(Ksl(0, 1), None), 1, 1),
        effects.Connect(Line(Ksl(0, 2), None), 2, 2),
        effects.Free(Line(Ksl(0, 1), None), 1, 1),
        effects.Connect(Line(Ksl(0, 1), None), 3, 1),
    ]


def test_a_group_that_is_made_anew_begins_with_its_lowest_line(means: Any, make: Any) -> None:
    m = listening(means, make, lines=2)
    assert call(m, make, 1) == ["1 41/00 28331>28332 k0.1"]
    m.says(Stop())
    m.begin(make.combined(1, 1), make.combined(1, 2), make.put(1, "28331", "combined", 1))
    assert call(m, make, 1, name="after the stop") == ["1 41/00 28331>28332 k0.1"]
    assert call(m, make, 1, name="the next") == ["1 41/00 28331>28332 k0.2"]


@pytest.mark.parametrize(("option", "b"), [("equal_a", Ksl(0, 1)), ("ff", None)])
def test_ksl_b_of_a_combined_line(means: Any, make: Any, option: str, b: Ksl | None) -> None:
    m = listening(means, make, combined_ksl_b=option)
    (event,) = m.do(m.core.report(make.report(), m.now))
    assert (event.ksl_a, event.ksl_b) == (Ksl(0, 1), b)


def test_separate_control_takes_a_pair(means: Any, make: Any) -> None:
    m = means().begin(make.separate(2, 3, 4), make.put(1, "28331", "separate", 2))
    assert call(m, make, 1) == ["1 41/00 28331>28332 k0.3+0.4"]


def test_statistical_control_takes_none(means: Any, make: Any) -> None:
    m = means().begin(make.combined(1, 1), make.put(1, "28331"))
    assert call(m, make, 1) == ["1 41/FF 28331>28332"]
    assert m.core.pool.in_use == 0


def test_two_objects_in_one_call_have_two_lines(means: Any, make: Any) -> None:
    m = listening(means, make, lines=2)
    told = m.report(make.report(matches=((1, "a"), (2, "b"))))
    assert told == ["1 41/00 28331>28332 k0.1", "2 41/00 28331>28332 k0.2"]


def test_an_ordinary_object_without_a_free_line(means: Any, make: Any) -> None:
    m = listening(means, make)
    call(m, make, 1)
    assert call(m, make, 2) == ["2 41/01 28332>28332"]
    assert call(m, make, 2, sequence=2, answer=1003.0) == ["2 42/01 28332>28332"]


def test_a_priority_object_takes_the_line_of_the_longest_running_ordinary_one(means: Any, make: Any) -> None:
    m = listening(means, make, lines=2)
    call(m, make, 2, setup=990.0)
    call(m, make, 1)
    told = call(m, make, 8)
    assert told == ["2 52/02 28332>28332 k0.1", "8 41/00 28338>28332 k0.1"]
    assert call(m, make, 2, sequence=2, answer=1003.0) == ["2 42/FF 28332>28332"]


def test_priority_does_not_take_from_priority(means: Any, make: Any) -> None:
    m = listening(means, make)
    call(m, make, 8)
    assert call(m, make, 9) == ["9 41/01 28339>28332"]


def test_the_victim_is_of_the_same_group(means: Any, make: Any) -> None:
    m = means().begin(make.combined(1, 1), make.combined(2, 2), make.put(1, "28331", "combined", 1))
    m.says(make.put(8, "28338", "combined", 2, priority=HIGH))
    m.says(make.put(9, "28339", "combined", 2, priority=HIGH))
    call(m, make, 1)
    call(m, make, 8)
    assert call(m, make, 9) == ["9 41/01 28339>28332"]


# --- late KSL


def test_a_line_that_becomes_free_goes_to_priority_first_by_option(means: Any, make: Any) -> None:
    m = listening(means, make, ordinary=3, late_ksl="on")
    call(m, make, 1)
    call(m, make, 2)
    call(m, make, 8)  # takes it from 1
    call(m, make, 9)
    told = call(m, make, 8, sequence=2, release=1009.0, cause=4)
    assert told == ["8 43/04 28338>28332 k0.1", "9 51/00 28339>28332 k0.1"]
    told = call(m, make, 9, sequence=2, release=1009.0, cause=4)
    assert told == ["9 43/04 28339>28332 k0.1", "2 51/00 28332>28332 k0.1"]


def test_a_new_line_serves_those_who_wait_by_option(means: Any, make: Any) -> None:
    m = listening(means, make, late_ksl="on")
    call(m, make, 1)
    call(m, make, 2)
    assert make.events(m.send(AddKsl(1, "combined", Ksl(0, 9), None))) == ["2 51/00 28332>28332 k0.9"]


def test_no_late_ksl_by_default(means: Any, make: Any) -> None:
    m = listening(means, make)
    call(m, make, 1)
    call(m, make, 2)
    assert call(m, make, 1, sequence=2, release=1009.0, cause=4) == ["1 43/04 28331>28332 k0.1"]


# --- command 7


def test_command_7_gives_a_statistical_object_a_line(means: Any, make: Any) -> None:
    m = means().begin(make.combined(1, 1), make.put(1, "28331"))
    call(m, make, 1)
    sent = m.send(ConnectKsl(1, OWN, 1, 1))
    assert make.answers(sent) == "27/00 51 28/00"
    assert make.events(sent) == ["1 51/00 28331>28332 k0.1"]
    assert call(m, make, 1, sequence=2, answer=1003.0) == ["1 42/00 28331>28332 k0.1"]


def test_command_7_takes_an_ordinary_objects_line(means: Any, make: Any) -> None:
    m = listening(means, make)
    call(m, make, 1)
    call(m, make, 2)
    sent = m.send(ConnectKsl(2, OWN, 2, 1))
    assert make.events(sent) == ["1 52/03 28331>28332 k0.1", "2 51/00 28332>28332 k0.1"]
    assert make.answers(sent) == "27/00 52 51 28/00"


def test_command_7_by_another_groups_type(means: Any, make: Any) -> None:
    m = means().begin(make.separate(2, 3, 4), make.put(1, "28331"))
    call(m, make, 1)
    assert make.events(m.send(ConnectKsl(1, OWN, 1, 2))) == ["1 51/00 28331>28332 k0.3+0.4"]


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("command", "order", "vendor"),
    [
        (ConnectKsl(None, OWN, 1, 1), "27/01", "27/3D"),
        (ConnectKsl(1, OWN, None, 1), "27/01", "27/3D"),
        (ConnectKsl(3, OWN, 10, 0), "27/01", "27/3E"),
        (ConnectKsl(3, OWN, 10, None), "27/01", "27/3E"),
        (ConnectKsl(99, OWN, 1, 1), "27/00 28/01", "27/00 28/3D"),
        (ConnectKsl(1, OWN, 2, 1), "27/00 28/01", "27/00 28/3D"),
        (ConnectKsl(1, ObjectType.TRUNK, 8, 1), "27/00 28/01", "27/00 28/3D"),
        (ConnectKsl(3, OWN, 10, 7), "27/00 28/01", "27/00 28/3E"),
        (ConnectKsl(1, OWN, 8, 1), "27/00 28/01", "27/00 28/3A"),
        (ConnectKsl(2, OWN, 9, 3), "27/00 51 28/01", "27/00 51 28/73"),  # the group of command 5 counts
        (ConnectKsl(3, OWN, 10, 1), "27/00 51 28/01", "27/00 51 28/73"),
        (ConnectKsl(3, OWN, 10, 3), "27/00 51 28/01", "27/00 51 28/5F"),
    ],
)
def test_command_7_refused(
    means: Any, make: Any, command: ConnectKsl, order: str, vendor: str, extended: bool
) -> None:
    m = listening(means, make, extended_errors=extended)
    m.says(make.combined(3, 20))
    m.says(RemoveKsl(3, Ksl(0, 20), None))
    m.says(make.put(10, "28340"))
    call(m, make, 8)
    call(m, make, 9)
    call(m, make, 10)
    assert m.says(command) == (vendor if extended else order)
    assert m.core.pool.in_use == 1


def test_lines_that_can_not_be_mixed_are_not_free(means: Any, make: Any) -> None:
    m = means(conferences=1).begin(make.combined(1, 1), make.combined(2, 2), make.separate(3, 3, 4))
    for number, category, group in ((1, "combined", 1), (2, "combined", 2), (3, "separate", 3)):
        m.says(make.put(number, f"2833{number}", category, group))
    assert call(m, make, 1) == ["1 41/00 28331>28332 k0.1"]
    assert call(m, make, 2) == ["2 41/01 28332>28332"]
    assert call(m, make, 3) == ["3 41/00 28333>28332 k0.3+0.4"], "parties apart are not mixed"
    assert m.says(ConnectKsl(2, OWN, 2, 2)) == "27/00 51 28/73"
    m.says(ReleaseKsl(1, OWN, 1, None, None))
    assert m.says(ConnectKsl(2, OWN, 2, 2)) == "27/00 51 28/00"


def test_lines_apart_may_take_conferences_too(means: Any, make: Any) -> None:
    m = means(conferences=1, separate_conferences=1).begin(make.combined(1, 1), make.separate(3, 3, 4))
    for number, category, group in ((1, "combined", 1), (3, "separate", 3)):
        m.says(make.put(number, f"2833{number}", category, group))
    assert call(m, make, 3) == ["3 41/00 28333>28332 k0.3+0.4"]
    assert call(m, make, 1) == ["1 41/01 28331>28332"]
    m.says(ReleaseKsl(1, OWN, 3, None, None))
    assert m.says(ConnectKsl(2, OWN, 1, 1)) == "27/00 51 28/00"


def test_a_priority_object_takes_the_conference_with_the_line(means: Any, make: Any) -> None:
    m = listening(means, make, conferences=1)
    assert call(m, make, 1) == ["1 41/00 28331>28332 k0.1"]
    assert call(m, make, 8) == ["1 52/02 28331>28332 k0.1", "8 41/00 28338>28332 k0.1"]


# --- command 8


@pytest.mark.parametrize(
    "command",
    [
        ReleaseKsl(1, OWN, 1, None, None),
        ReleaseKsl(1, None, 1, None, None),
        ReleaseKsl(None, None, None, Ksl(0, 1), None),
        ReleaseKsl(None, None, None, Ksl(0, 1), Ksl(0, 1)),
        ReleaseKsl(1, OWN, 1, Ksl(0, 1), Ksl(0, 1)),
        ReleaseKsl(1, OWN, 1, Ksl(0, 1), None),
    ],
)
def test_command_8_releases_the_line_and_the_call_goes_on(means: Any, make: Any, command: ReleaseKsl) -> None:
    m = listening(means, make, late_ksl="on")
    call(m, make, 1)
    sent = m.send(command)
    assert make.answers(sent) == "27/00 52 28/00"
    assert make.events(sent) == ["1 52/01 28331>28332 k0.1"]
    assert call(m, make, 1, sequence=2, answer=1003.0) == ["1 42/FF 28331>28332"]
    assert Ksl(0, 1) in m.tables.group_of


def test_command_8_for_a_pair(means: Any, make: Any) -> None:
    m = means().begin(make.separate(2, 3, 4), make.put(1, "28331", "separate", 2))
    call(m, make, 1)
    assert m.says(ReleaseKsl(None, None, None, Ksl(0, 3), Ksl(0, 4))) == "27/00 52 28/00"


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("command", "order", "vendor"),
    [
        (ReleaseKsl(None, None, None, None, None), "27/01", "27/5F"),
        (ReleaseKsl(1, OWN, None, None, None), "27/01", "27/3D"),
        (ReleaseKsl(None, OWN, 1, Ksl(0, 1), None), "27/01", "27/3D"),
        (ReleaseKsl(1, OWN, 1, Ksl(0, 2), None), "27/01", "27/40"),
        (ReleaseKsl(1, OWN, 1, Ksl(0, 1), Ksl(0, 2)), "27/01", "27/40"),
        (ReleaseKsl(9, OWN, 1, None, None), "27/00 28/01", "27/00 28/3D"),
        (ReleaseKsl(2, OWN, 2, None, None), "27/00 28/01", "27/00 28/5F"),
        (ReleaseKsl(None, None, None, Ksl(0, 9), None), "27/00 28/01", "27/00 28/3F"),
        (ReleaseKsl(None, None, None, Ksl(0, 6), None), "27/01", "27/40"),
        (ReleaseKsl(None, None, None, None, Ksl(0, 6)), "27/01", "27/3F"),
        (ReleaseKsl(None, None, None, None, Ksl(0, 9)), "27/00 28/01", "27/00 28/3F"),
        (ReleaseKsl(None, None, None, Ksl(0, 5), Ksl(0, 7)), "27/00 28/01", "27/00 28/40"),
        (ReleaseKsl(None, None, None, Ksl(0, 5), Ksl(0, 6)), "27/00 28/01", "27/00 28/5F"),
    ],
)
def test_command_8_refused(
    means: Any, make: Any, command: ReleaseKsl, order: str, vendor: str, extended: bool
) -> None:
    m = listening(means, make, extended_errors=extended)
    m.says(make.separate(2, 5, 6))
    call(m, make, 1)
    call(m, make, 2)
    assert m.says(command) == (vendor if extended else order)
    assert m.core.pool.in_use == 1


# --- commands 2, 6, 15 during calls


def test_command_6_during_a_call(means: Any, make: Any) -> None:
    m = listening(means, make)
    call(m, make, 1)
    sent = m.send(RemoveObject(1, OWN, NumberSign.OWN, "28331", None))
    assert make.answers(sent) == "27/00 52 28/00"
    assert make.events(sent) == ["1 52/05 28331>28332 k0.1"]
    assert call(m, make, 1, sequence=2, answer=1003.0, release=1009.0, cause=5) == []


def test_command_2_during_calls(means: Any, make: Any) -> None:
    m = listening(means, make, lines=2, ordinary=3)
    for number in (1, 2, 3):
        call(m, make, number)
    sent = m.send(Stop())
    assert make.answers(sent) == "27/00 52 52 28/00"
    assert make.events(sent) == ["1 52/06 28331>28332 k0.1", "2 52/06 28332>28332 k0.2"]
    assert call(m, make, 1, sequence=2, release=1009.0, cause=5) == []


STATISTICAL = ChangeObject(1, Category.STATISTICAL, None, Priority.NORMAL)


def test_command_15_acts_on_the_next_call(means: Any, make: Any) -> None:
    m = listening(means, make)
    call(m, make, 1)
    assert m.says(STATISTICAL) == "27/00 28/00"
    assert call(m, make, 1, sequence=2, release=1009.0, cause=4) == ["1 43/04 28331>28332 k0.1"]
    assert call(m, make, 1, name="next") == ["1 41/FF 28331>28332"]


def test_or_at_once_by_option(means: Any, make: Any) -> None:
    m = listening(means, make, change_running_call="at_once")
    call(m, make, 1)
    assert make.events(m.send(STATISTICAL)) == ["1 52/05 28331>28332 k0.1"]
    back = ChangeObject(1, Category.COMBINED, 1, HIGH)
    assert make.events(m.send(back)) == ["1 51/00 28331>28332 k0.1"]


# --- lines out of order


def test_a_line_fault(means: Any, make: Any) -> None:
    m = listening(means, make, lines=2)
    call(m, make, 1)
    sent = m.do(m.core.ksl_changed([Ksl(0, 1), Ksl(3, 7)], in_service=False, alarm_code=1, now=m.now))
    assert make.answers(sent) == "52 21/04"
    assert make.events(sent) == ["1 52/04 28331>28332 k0.1"]
    assert call(m, make, 2) == ["2 41/00 28332>28332 k0.2"]
    sent = m.do(m.core.ksl_changed([Ksl(0, 1)], in_service=True, alarm_code=1, now=m.now))
    assert make.answers(sent) == "21/04"
    assert call(m, make, 8) == ["8 41/00 28338>28332 k0.1"]


def test_a_line_fault_while_stopped_is_not_told(means: Any) -> None:
    m = means()
    m.connect()
    assert m.do(m.core.ksl_changed([Ksl(0, 1)], in_service=False, alarm_code=1, now=m.now)) == []


def test_lines_are_kept_right_when_nobody_listens(means: Any, make: Any) -> None:
    m = listening(means, make)
    m.close(Channel.KPD2)
    call(m, make, 1)
    assert m.core.pool.in_use == 1
    call(m, make, 1, sequence=2, release=1009.0, cause=5)
    assert m.core.pool.in_use == 0
