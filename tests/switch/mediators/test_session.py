"""What a mediator asks of a domain, and the extended error codes it gets."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from sorm_mediator.switch.mediators.session import MediatorSession
from ssh_control.dialect import Reply, Request
from tests.objects import network, own, trunk

OWN = own(1)
FULL = network(2, "89001758964")
TRUNK = trunk(3, 2)


@pytest.fixture
def session(switch: Any) -> MediatorSession:
    return MediatorSession(switch.engine.domains["test.domain"], "m1", lambda: None, lambda _: None)


@pytest.fixture
def table(switch: Any) -> Any:
    return lambda: sorted(item.object_number for item in switch.engine.domains["test.domain"].table("m1"))


def ask(session: MediatorSession, op: str, **params: Any) -> Reply:
    return session.handle(Request(op, params))


def test_add_change_remove(session: MediatorSession, table: Any) -> None:
    assert ask(session, "add", object=OWN) == Reply(True, {"line_state": 0})
    assert ask(session, "add", object=FULL) == Reply(True, {"line_state": 0xFF})
    assert ask(session, "add", object=TRUNK) == Reply(True, {"line_state": 0xFF})
    assert ask(session, "change", object_number=1, category="statistical", priority=None) == Reply(True, {})
    assert ask(session, "remove", object_number=2) == Reply(True, {})
    assert table() == [1, 3]


def test_join_looks_at_the_running_calls_of_an_object_that_there_is(switch: Any) -> None:
    joined: list[int] = []
    session = MediatorSession(
        switch.engine.domains["test.domain"],
        "m1",
        on_closed=lambda: None,
        on_join=lambda item: joined.append(item.object_number),
    )
    assert ask(session, "add", object=OWN) == Reply(True, {"line_state": 0})
    assert joined == []
    assert ask(session, "join", object_number=1) == Reply(True, {})
    assert joined == [1]
    assert ask(session, "join", object_number=9).code == 0x34


@pytest.mark.parametrize(("number", "state"), [("28331", 0), ("28343", 1), ("28344", 3)])
def test_line_states(session: MediatorSession, number: str, state: int) -> None:
    assert ask(session, "add", object=OWN | {"number": number}).data == {"line_state": state}


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (OWN | {"number": "28999"}, 0x54),
        (OWN | {"number_sign": "russia"}, 0x55),
        (OWN | {"number": None}, 0x20),
        (OWN | {"trunk": 2}, 0x48),
        (OWN | {"number": "28A31"}, 0x11),
        (OWN | {"object_type": "ghost"}, 0x12),
        (OWN | {"category": "loud"}, 0x14),
        (OWN | {"category": None}, 0x14),
        (OWN | {"priority": "urgent"}, 0x15),
        (FULL | {"number": "28331"}, 0x56),
        (FULL | {"number": "28331", "object_type": "network-partial"}, 0x56),
        (FULL | {"number_sign": "own"}, 0x57),
        (FULL | {"number_sign": "mars"}, 0x13),
        (TRUNK | {"trunk": 9}, 0x25),
        (TRUNK | {"trunk": None}, 0x4E),
        (TRUNK | {"number": "28331"}, 0x48),
    ],
)
def test_what_can_not_be_put_under_control(
    session: MediatorSession, table: Any, wanted: Any, code: int
) -> None:
    reply = ask(session, "add", object=wanted)

    assert (reply.ok, reply.code) == (False, code)
    assert reply.text
    assert table() == []


def test_codes_of_the_table(session: MediatorSession) -> None:
    ask(session, "add", object=OWN)

    assert ask(session, "add", object=OWN | {"number": "28332"}).code == 0x33
    assert ask(session, "add", object=OWN | {"object_number": 8}).ok, "order 268, 6.5.6"
    assert ask(session, "remove", object_number=9).code == 0x34
    assert ask(session, "change", object_number=9, category="combined", priority=None).code == 0x34
    assert ask(session, "change", object_number=1, category="loud", priority=None).code == 0x14


def test_sync_replaces_all_at_its_last_chunk(session: MediatorSession, table: Any) -> None:
    ask(session, "add", object=OWN)
    wrong = FULL | {"object_number": 7, "number": "28332"}

    assert ask(session, "sync", objects=[FULL], first=True, last=False) == Reply(True, {})
    assert table() == [1]
    reply = ask(session, "sync", objects=[TRUNK, wrong], first=False, last=True)

    assert reply.data == {
        "line_states": {"2": 0xFF, "3": 0xFF},
        "refused": [{"object_number": 7, "code": 0x56}],
    }
    assert table() == [2, 3]


def test_a_sync_of_more_objects_than_there_are_numbers_is_refused(
    session: MediatorSession, table: Any
) -> None:
    """What is gathered of it is bounded, and what was on control stays."""
    ask(session, "add", object=OWN)
    assert ask(session, "sync", objects=[FULL] * 0xFFFF, first=True, last=False).ok
    assert ask(session, "sync", objects=[FULL], first=False, last=False).code == 0x31
    assert ask(session, "sync", objects=[FULL], first=False, last=True).code == 0x11
    assert table() == [1]


def test_a_sync_that_waits_for_its_end_keeps_nothing_but_the_objects(
    session: MediatorSession, table: Any
) -> None:
    """Otherwise a mediator could make the switch hold whatever it adds to the rows."""
    held = weakref.WeakSet[_Note]()
    row = OWN | {"note": _Note(held)}
    assert ask(session, "sync", objects=[row], first=True, last=False).ok
    del row
    gc.collect()
    assert not held
    assert ask(session, "sync", objects=[FULL], first=False, last=True).ok
    assert table() == [1, 2]


class _Note:
    """Something in a row that is no part of an object."""

    def __init__(self, held: weakref.WeakSet[_Note]) -> None:
        held.add(self)


def test_a_sync_begins_with_its_first_chunk(session: MediatorSession, table: Any) -> None:
    assert ask(session, "sync", objects=[OWN], first=False, last=True).code == 0x11

    ask(session, "sync", objects=[FULL], first=True, last=False)
    ask(session, "sync", objects=[OWN], first=True, last=True)
    assert table() == [1]


def test_clear(session: MediatorSession, table: Any) -> None:
    ask(session, "add", object=OWN)

    assert ask(session, "clear") == Reply(True, {})
    assert table() == []


def test_two_mediators_do_not_disturb_each_other(switch: Any, session: MediatorSession, table: Any) -> None:
    other = MediatorSession(switch.engine.domains["test.domain"], "m2", lambda: None, lambda _: None)

    assert ask(session, "add", object=OWN).ok
    assert ask(other, "add", object=OWN | {"object_number": 5}).ok
    assert ask(other, "clear").ok
    assert table() == [1]


def test_services(session: MediatorSession) -> None:
    assert ask(session, "services", number="28331", number_sign="own").data == {
        "services": [0x31, 0x32, 0x42, 0x52]
    }
    assert ask(session, "services", number="28333", number_sign=None).data == {"services": []}
    assert ask(session, "services", number="99", number_sign="own").code == 0x54


def test_trunks(session: MediatorSession) -> None:
    both = [{"trunk": 2, "name": "smg_trunk"}, {"trunk": 3, "name": "city_trunk"}]

    assert ask(session, "trunks", trunk=None).data == {"trunks": both}
    assert ask(session, "trunks", trunk=3).data == {"trunks": both[1:]}
    assert ask(session, "trunks", trunk=9).code == 0x25


def test_ping_and_what_is_not_known(session: MediatorSession) -> None:
    assert ask(session, "ping") == Reply(True, {})
    assert ask(session, "dance").code == 0x11
