"""A disk that refuses: the command that needs it is not executed, all else goes on (order 268, 9.1.4.1, 9.8.4.2)."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import Category, GroupType, Ksl, NumberSign, ObjectType, Priority
from protocol.messages import (
    AddKsl,
    ChangeObject,
    GetObjects,
    RemoveKsl,
    RemoveObject,
    SetPassword,
    Start,
    Stop,
)
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.core import DISK_RETRY

GROUP = AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1))
SECOND = AddKsl(1, GroupType.COMBINED, Ksl(0, 2), Ksl(0, 2))
OWN = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
REMOVAL = RemoveObject(1, *OWN, "28331", None)
EVERYTHING = RemoveObject(None, None, None, "", None)


def with_an_object(means: Any, make: Any, **options: Any) -> Any:
    m = means(**options).begin(GROUP, SECOND)
    assert m.says(make.put(1, "28331", "combined", 1)) == "27/00 28/00"
    m.requests.clear()
    return m


CHANGES = {
    "stop": Stop(),
    "set-password": SetPassword("654321"),
    "add-ksl": AddKsl(2, GroupType.COMBINED, Ksl(0, 3), Ksl(0, 3)),
    "add-object": None,
    "remove-object": REMOVAL,
    "remove every object": EVERYTHING,
    "remove-ksl": RemoveKsl(1, Ksl(0, 2), None),
    "change-object": ChangeObject(1, Category.STATISTICAL, None, Priority.NORMAL),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_the_disk_refuses_is_not_made(means: Any, make: Any, name: str) -> None:
    m = with_an_object(means, make, extended_errors=False, mass_removal="all")
    command = CHANGES[name] or make.put(2, "28332")
    before = repr(m.tables.objects), repr(m.tables.groups), m.tables.started, m.tables.password
    m.disk = False
    assert m.says(command) == "27/00 21/02 28/01"
    assert (repr(m.tables.objects), repr(m.tables.groups), m.tables.started, m.tables.password) == before
    assert m.core.counters["changes_refused_by_disk"] >= 1
    asked = [op for op, _ in m.requests]
    if name in ("set-password", "add-ksl", "remove-ksl"):
        assert asked == []
    else:
        assert asked[1:] == ["sync"], "what the switch has done for it already is undone there"
    m.disk = True
    assert m.says(command) == "27/00 21/03 28/00"


def test_a_start_that_the_disk_refuses(means: Any) -> None:
    m = means(alarm_while_stopped="on")
    m.connect()
    m.disk = False
    assert m.says(Start()) == "21/02 27/00 28/01", "its number is owed to the disk first"
    assert not m.tables.started
    m.disk = True
    assert m.says(Start()) == "27/00 21/03 28/00"
    assert m.replayed.started


def test_what_a_refused_stop_leaves(means: Any, make: Any) -> None:
    """The call of the object goes on, on its line: no 52h, and the switch has the object again."""
    m = with_an_object(means, make)
    assert m.report(make.report()) == ["1 41/00 28331>28332 k0.1"]
    m.disk = False
    assert m.says(Stop()) == "27/00 21/02 28/01"
    assert m.requests[-1] == ("sync", m.requests[-1][1] | {"first": True, "last": True})
    assert [row["object_number"] for row in m.requests[-1][1]["objects"]] == [1]
    assert m.report(make.report(2, answer=1003.0)) == ["1 42/00 28331>28332 k0.1"]


def test_the_alarm_comes_once_and_its_end_by_itself(means: Any, make: Any) -> None:
    m = with_an_object(means, make)
    m.disk = False
    assert m.says(SetPassword("111111")) == "27/00 21/02 28/01"
    assert m.says(SetPassword("111111")) == "27/00 28/01"
    assert m.says(GetObjects(1, None, None, None, None)) == "27/00 23 28/00"
    assert m.later(DISK_RETRY - 1) == []
    assert m.later(DISK_RETRY) == []
    m.disk = True
    assert make.answers(m.later(DISK_RETRY)) == "21/03"
    assert m.core.next_deadline() is None or m.core.next_deadline() > m.now + DISK_RETRY


def test_a_journal_that_the_disk_refuses_raises_the_alarm_too(means: Any, make: Any) -> None:
    m = with_an_object(means, make)
    assert make.answers(m.do(m.core.disk_refused(m.now))) == "21/02"
    assert make.answers(m.later(DISK_RETRY)) == "21/03"


def test_without_the_alarm(means: Any) -> None:
    m = means(disk_alarm="off").begin()
    m.disk = False
    assert m.says(SetPassword("111111")) == "27/00 28/01"
    m.disk = True
    assert m.says(SetPassword("111111")) == "27/00 28/00"


def test_what_nobody_asked_for_is_owed_to_the_disk(means: Any, make: Any) -> None:
    """An operator's restart leaves empty tables whatever the disk says; the disk gets it with the next change."""
    m = with_an_object(means, make)
    m.disk = False
    m.do(m.core.operator_restart(m.now))
    assert not m.tables.objects
    assert m.replayed.objects, "a kill now would bring them back"
    m.disk = True
    m.effects.clear()
    m.later(DISK_RETRY)
    assert not m.replayed.objects
    assert sum(isinstance(effect, effects.Store) for effect in m.effects) == 1
