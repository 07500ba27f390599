"""Objects: commands 5, 6, 10, 15, and what the switch has to say to them (order 268, 6.5, 6.6, 6.10, 6.15)."""

from typing import Any

import pytest

from protocol import Category, Channel, GroupType, Ksl, NumberSign, ObjectType, Priority
from protocol.messages import (
    AddKsl,
    AddObject,
    ChangeObject,
    GetObjects,
    GetVersion,
    ObjectInfo,
    RemoveObject,
    Stop,
)
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.tables import ObjectPut, ObjectRemoved
from ssh_control.dialect import Reply

OWN, FULL, PARTIAL, TRUNK = ObjectType
COMBINED, SEPARATE, STATISTICAL = Category
HIGH, NORMAL = Priority
SIGN = NumberSign
GROUPS = (
    AddKsl(1, GroupType.COMBINED, Ksl(0, 1), None),
    AddKsl(2, GroupType.SEPARATE, Ksl(0, 3), Ksl(0, 4)),
)


def add(
    number: int | None = 10,
    kind: Any = OWN,
    sign: Any = SIGN.OWN,
    phone: Any = "28340",
    trunk: Any = None,
    category: Any = COMBINED,
    group: Any = 1,
    priority: Any = NORMAL,
) -> AddObject:
    return AddObject(number, kind, sign, phone, trunk, category, group, priority)


def by_trunk(number: int = 10, trunk: Any = 9, **keys: Any) -> AddObject:
    return add(number, TRUNK, None, None, trunk, **keys)


EARLIER = (
    add(1, phone="28331"),
    add(2, FULL, SIGN.RUSSIA, "73835550101", category=SEPARATE, group=2),
    by_trunk(3, 2, category=STATISTICAL, group=None, priority=None),
)

ACCEPTED = [
    pytest.param(add(), id="own subscriber"),
    pytest.param(add(0), id="object number 0"),
    pytest.param(add(0xFFFE), id="object number FFFEh"),
    pytest.param(add(phone="73832700001"), id="own subscriber, 11 digits"),
    pytest.param(add(kind=FULL, sign=SIGN.FOREIGN, phone="4930123456"), id="foreign"),
    pytest.param(add(kind=FULL, sign=SIGN.EMERGENCY, phone="112"), id="emergency"),
    pytest.param(add(kind=FULL, sign=SIGN.IMSI, phone="250011234567890"), id="imsi"),
    pytest.param(add(kind=PARTIAL, sign=SIGN.RUSSIA, phone="7383555"), id="prefix"),
    pytest.param(
        add(kind=PARTIAL, sign=SIGN.RUSSIA, phone="73835550101"), id="prefix with an object's digits"
    ),
    pytest.param(by_trunk(), id="trunk"),
    pytest.param(add(category=SEPARATE, group=2, priority=HIGH), id="separate, priority"),
    pytest.param(add(category=STATISTICAL, group=None), id="statistical, ordinary"),
    pytest.param(add(category=STATISTICAL, group=None, priority=HIGH), id="statistical, priority"),
    pytest.param(add(category=STATISTICAL, group=None, priority=None), id="statistical, no priority"),
]


@pytest.mark.parametrize("command", ACCEPTED)
def test_command_5(means: Any, command: AddObject) -> None:
    m = means().begin(*GROUPS, *EARLIER)
    assert m.says(command) == "27/00 28/00"
    row = m.tables.objects[command.object_number]
    order = [e for e in m.effects if isinstance(e, effects.Send | effects.Store)]
    assert order[-2] == effects.Store(ObjectPut(row))
    told = m.send(GetObjects(command.object_number, None, None, None, None))[1]
    assert told == ObjectInfo(
        command.object_number,
        command.object_type,
        command.number_sign,
        command.number,
        command.trunk,
        command.category,
        command.ksl_group,
        command.priority,
        0,
        total=1,
        index=1,
    )
    assert m.requests[0] == (
        "add",
        {
            "object": {
                "object_number": command.object_number,
                "object_type": str(command.object_type),
                "number_sign": command.number_sign and str(command.number_sign),
                "number": command.number,
                "trunk": command.trunk,
                "category": str(command.category),
                "priority": command.priority and str(command.priority),
            }
        },
    )


# What refuses command 5 (order 268, 6.5.5), row by row; the order's answer, the extended one.
REFUSED_5 = [
    pytest.param(add(1), "27/00 28/01", "27/00 28/33", id="object number used, own"),
    pytest.param(
        add(2, FULL, SIGN.RUSSIA, "79001112233"),
        "27/00 28/01",
        "27/00 28/33",
        id="object number used, network",
    ),
    pytest.param(by_trunk(3), "27/00 28/01", "27/00 28/33", id="object number used, trunk"),
    pytest.param(add(phone="28331"), "27/00 28/01", "27/00 28/36", id="phone controlled"),
    pytest.param(
        add(kind=FULL, sign=SIGN.RUSSIA, phone="73835550101"),
        "27/00 28/01",
        "27/00 28/36",
        id="phone, network",
    ),
    pytest.param(by_trunk(trunk=2), "27/00 28/01", "27/00 28/4A", id="trunk controlled"),
    pytest.param(add(trunk=2), "27/01", "27/48", id="phone and trunk"),
    pytest.param(add(phone=None), "27/01", "27/20", id="neither phone nor trunk"),
    pytest.param(add(phone=""), "27/01", "27/20", id="neither phone nor trunk, count 0"),
    pytest.param(add(group=2), "27/01", "27/30", id="group of another type"),
    pytest.param(add(category=SEPARATE, group=1), "27/01", "27/30", id="group of another type, separate"),
    pytest.param(add(group=9), "27/00 28/01", "27/00 28/3E", id="no such group"),
    pytest.param(
        "CC010513313233343536 0A00 01 01 03 8243F0FFFFFFFFFFFF FFFF 01 01 02",
        "27/01",
        "27/10",
        id="digit count",
    ),
    pytest.param(add(sign=SIGN.RUSSIA), "27/01", "27/55", id="type and sign: own, russia"),
    pytest.param(add(kind=FULL), "27/01", "27/57", id="type and sign: network, own"),
    pytest.param(add(kind=PARTIAL), "27/01", "27/57", id="type and sign: prefix, own"),
    pytest.param(
        add(kind=TRUNK, sign=None, phone=None), "27/01", "27/4E", id="trunk without trunk and phone"
    ),
    pytest.param(add(kind=PARTIAL, sign=SIGN.IMSI), "27/01", "27/38", id="type and sign: prefix, imsi"),
    pytest.param(add(sign=None), "27/01", "27/55", id="type and sign: own, none"),
    pytest.param(add(kind=TRUNK, sign=None), "27/01", "27/4E", id="type and number: trunk with phone"),
    pytest.param(add(phone=None, trunk=7), "27/01", "27/38", id="type and number: own with trunk"),
    pytest.param(
        add(10, TRUNK, SIGN.OWN, None, 7), "27/01", "27/38", id="type and sign: trunk of an end node"
    ),
    pytest.param(
        "CC010513313233343536 0A00 07 01 05 8243F0FFFFFFFFFFFF FFFF 01 01 02", "27/01", "27/12", id="type 07h"
    ),
    pytest.param(add(kind=None), "27/01", "27/12", id="type FFh"),
    pytest.param(
        "CC010513313233343536 0A00 01 0A 05 8243F0FFFFFFFFFFFF FFFF 01 01 02", "27/01", "27/13", id="sign 0Ah"
    ),
    pytest.param(
        "CC010513313233343536 0A00 01 01 05 8243F0FFFFFFFFFFFF FFFF 09 01 02", "27/01", "27/14", id="category"
    ),
    pytest.param(add(category=None), "27/01", "27/14", id="category FFh"),
    pytest.param(add(group=0), "27/01", "27/3E", id="group 0"),
    pytest.param(add(group=None), "27/01", "27/3E", id="group FFh"),
    pytest.param(add(category=STATISTICAL), "27/01", "27/3E", id="statistical with a group"),
    pytest.param(
        "CC010513313233343536 0A00 01 01 05 8243F0FFFFFFFFFFFF FFFF 01 01 09", "27/01", "27/15", id="priority"
    ),
    pytest.param(add(priority=None), "27/01", "27/15", id="priority FFh"),
    pytest.param(add(None), "27/01", "27/34", id="object number FFFFh"),
]


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(("command", "order", "vendor"), REFUSED_5)
def test_command_5_refused(
    means: Any, command: AddObject | str, order: str, vendor: str, extended: bool
) -> None:
    m = means(extended_errors=extended).begin(*GROUPS, *EARLIER)
    unit = bytes.fromhex(command.replace(" ", "")) if isinstance(command, str) else command
    assert m.says(unit) == (vendor if extended else order)
    assert sorted(m.tables.objects) == [1, 2, 3]
    assert m.requests == []


@pytest.mark.parametrize(("extended", "told"), [(False, "27/00 28/01"), (True, "27/00 28/31")])
def test_the_object_table_is_full(means: Any, extended: bool, told: str) -> None:
    m = means(extended_errors=extended, max_objects=3).begin(*GROUPS, *EARLIER)
    assert m.says(add()) == told


@pytest.mark.parametrize(("extended", "told"), [(False, "27/00 28/01"), (True, "27/00 28/4B")])
def test_the_eleventh_trunk(means: Any, extended: bool, told: str) -> None:
    m = means(extended_errors=extended).begin(*GROUPS, *(by_trunk(n, n) for n in range(10)))
    assert m.says(by_trunk(10, 10)) == told
    assert m.says(add(10)) == "27/00 28/00"


@pytest.mark.parametrize(
    ("code", "order", "vendor"),
    [
        (0x35, 1, 0x35),
        (0x54, 1, 0x54),
        (0x49, 1, 0x49),
        (0x25, 1, 0x25),
        (None, 1, 1),
        (0, 1, 1),
        (4711, 1, 1),
    ],
)
def test_the_switch_refuses_an_object(
    means: Any, make: Any, code: int | None, order: int, vendor: int
) -> None:
    for extended, status in ((False, order), (True, vendor)):
        m = means(extended_errors=extended).begin(*GROUPS)
        m.switch = lambda op, params: Reply(False, {}, code, "no")
        assert m.says(add()) == f"27/00 28/{status:02X}"
        assert m.tables.objects == {}


def test_success_is_told_when_the_switch_has_accepted_and_no_sooner(means: Any, make: Any) -> None:
    m = means().begin(*GROUPS)
    m.switch = None
    assert m.says(add()) == "27/00"
    assert m.tables.objects == {}
    assert make.answers(m.answer(Reply(True, {"line_state": 3}))) == "28/00"
    assert m.core.line_states == {10: 3}


@pytest.mark.parametrize(("extended", "told"), [(False, "27/01"), (True, "27/2D")])
def test_another_command_meanwhile(means: Any, make: Any, extended: bool, told: str) -> None:
    m = means(extended_errors=extended, command_while_busy="refuse").begin(*GROUPS)
    m.switch = None
    assert m.says(add()) == "27/00"
    assert m.says(GetVersion()) == told
    assert m.says(add(11, phone="28341")) == told
    assert make.answers(m.answer(Reply(True))) == "28/00"
    assert m.says(GetVersion()) == "27/00 2B 28/00"


def test_no_answer_is_a_refusal_and_the_objects_are_brought_back(means: Any, make: Any) -> None:
    m = means(switch_timeout=8).begin(*GROUPS, add(1, phone="28331"))
    m.switch = None
    assert m.says(add()) == "27/00"
    assert m.later(7.9) == []
    assert make.answers(m.later(0.2)) == "28/01"
    assert [a.op for a in m.asked] == ["add", "sync"]
    assert [o["object_number"] for o in m.asked[1].params["objects"]] == [1]
    late = m.asked.pop(0)
    assert m.do(m.core.switch_reply(late.token, Reply(True), m.now)) == []
    assert m.core.counters["switch_replies_late"] == 1
    assert sorted(m.tables.objects) == [1]


def test_the_binding_may_know_earlier_that_there_is_no_answer(means: Any, make: Any) -> None:
    m = means().begin(*GROUPS)
    m.switch = None
    assert m.says(add()) == "27/00"
    assert make.answers(m.answer(None)) == "28/01"
    m.later(0.1)
    assert [a.op for a in m.asked] == ["sync"]


# --- the switch is not there


def test_without_the_switch_the_objects_stay_as_they_are(means: Any) -> None:
    m = means().begin(*GROUPS, add(1, phone="28331"))
    m.do(m.core.switch_down("cut", m.now))
    assert m.says(add()) == "27/00 28/01"
    assert m.says(ChangeObject(1, COMBINED, 1, HIGH)) == "27/00 28/01"
    assert m.says(RemoveObject(1, OWN, SIGN.OWN, "28331", None)) == "27/00 28/01"
    m.do(m.core.switch_up(m.now))
    op, params = m.requests[-1]
    assert (op, [o["object_number"] for o in params["objects"]]) == ("sync", [1])
    assert m.says(RemoveObject(1, OWN, SIGN.OWN, "28331", None)) == "27/00 28/00"


def test_why_the_switch_did_not_carry_a_command_out_is_logged(means: Any) -> None:
    def told() -> list[str]:
        return [one.text for one in m.effects if isinstance(one, effects.Log) and one.level == "info"]

    m = means(switch_timeout=8).begin(*GROUPS)
    m.switch = None
    assert m.says(add()) == "27/00"
    m.later(9)
    assert told()[-1] == "add-object: not executed (01h): the switch did not answer in time"
    m.do(m.core.switch_down("cut", m.now))
    assert m.says(add()) == "27/00 28/01"
    assert told()[-1] == "add-object: not executed (01h): the link to the switch is down"
    count = len(told())
    assert m.says(Stop()) == "27/00 28/00"
    assert len(told()) == count, "a stop is carried out without the switch"


def test_without_the_switch_the_means_can_be_stopped(means: Any) -> None:
    m = means().begin(*GROUPS, add(1, phone="28331"))
    m.do(m.core.switch_down("cut", m.now))
    assert m.says(Stop()) == "27/00 28/00"
    assert m.tables.objects == {}


@pytest.mark.parametrize(
    ("command", "told", "left"),
    [
        (add(), "28/01", [1]),
        (RemoveObject(1, OWN, SIGN.OWN, "28331", None), "28/01", [1]),
        (Stop(), "28/00", []),
    ],
)
def test_the_link_breaks_while_a_command_waits(
    means: Any, make: Any, command: Any, told: str, left: list[int]
) -> None:
    m = means().begin(*GROUPS, add(1, phone="28331"))
    m.switch = None
    assert m.says(command) == "27/00"
    assert make.answers(m.do(m.core.switch_down("cut", m.now))) == told
    assert sorted(m.tables.objects) == left


def test_a_stop_that_the_switch_does_not_answer_stops_nothing(means: Any, make: Any) -> None:
    m = means().begin(*GROUPS, add(1, phone="28331"))
    m.switch = None
    assert m.says(Stop()) == "27/00"
    assert make.answers(m.later(9)) == "28/01"
    assert m.tables.started
    assert [o["object_number"] for o in m.asked[-1].params["objects"]] == [1]


def test_the_console_leaves_while_its_command_waits_and_nobody_is_told(means: Any, make: Any) -> None:
    m = means().begin(*GROUPS)
    m.switch = None
    assert m.says(add()) == "27/00"
    m.close(Channel.KPD1)
    m.open(Channel.KPD1)
    assert m.answer(Reply(True)) == []
    assert m.core.counters["undeliverable_replies"] == 1
    assert sorted(m.tables.objects) == [10]
    assert m.says(GetVersion()) == "27/00 2B 28/00"


# --- bringing the objects back


def test_objects_are_brought_back_in_chunks_and_commands_wait(means: Any, make: Any) -> None:
    m = means(max_objects=2000).begin(*(make.put(n, f"2{n:04}") for n in range(1001)))
    m.do(m.core.switch_down("cut", m.now))
    m.switch = None
    m.do(m.core.switch_up(m.now))
    assert m.says(make.put(2000, "39999")) == "27/00"
    seen: list[int] = []
    for first, last in ((True, False), (False, False), (False, True)):
        (chunk,) = m.asked
        assert (chunk.op, chunk.params["first"], chunk.params["last"]) == ("sync", first, last)
        seen += [o["object_number"] for o in chunk.params["objects"]]
        numbers = {str(o["object_number"]): 1 for o in chunk.params["objects"]}
        m.answer(Reply(True, {"line_states": numbers, "refused": []}))
    assert seen == list(range(1001))
    assert m.core.line_states[1000] == 1
    assert [a.op for a in m.asked] == ["add"]
    assert make.answers(m.answer(Reply(True))) == "28/00"


def test_objects_that_the_switch_refuses_then_stay_and_are_reported(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"), make.put(2, "28332"))
    m.switch = lambda op, params: Reply(
        True, {"line_states": {"1": 0, "2": "?", "x": 0}, "refused": [{"object_number": 2, "code": 0x54}, 7]}
    )
    m.do(m.core.switch_down("cut", m.now))
    m.do(m.core.switch_up(m.now))
    assert sorted(m.tables.objects) == [1, 2]
    assert (
        effects.Journal("switch-refused-objects", {"objects": [{"object_number": 2, "code": 0x54}]})
        in m.effects
    )
    assert m.core.line_states == {1: 0, 2: 0xFF}


@pytest.mark.parametrize("reply", [None, Reply(False, {}, 0x11, "no")])
def test_bringing_back_is_tried_again_after_a_failure(means: Any, make: Any, reply: Reply | None) -> None:
    m = means().begin(make.put(1, "28331"))
    m.switch = None
    m.do(m.core.switch_down("cut", m.now))
    m.do(m.core.switch_up(m.now))
    m.answer(reply)
    assert m.asked == []
    m.later(11)
    assert [a.op for a in m.asked] == ["sync"]


def test_a_retry_does_not_undo_a_command_that_is_on_its_way(means: Any, make: Any) -> None:
    m = means().begin()
    m.switch = None
    m.do(m.core.switch_down("cut", m.now))
    m.do(m.core.switch_up(m.now))
    m.answer(Reply(False, {}, 0x11, "no"))
    m.later(9)
    assert m.says(make.put(1, "28331")) == "27/00"
    m.later(3)
    assert [a.op for a in m.asked] == ["add"]
    assert make.answers(m.answer(Reply(True))) == "28/00"
    m.later(1)
    assert [o["object_number"] for o in m.asked[0].params["objects"]] == [1]


def test_line_states_by_notification(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    m.do(m.core.switch_event({"event": "line-state", "object_number": 1, "line_state": 7}, m.now))
    assert m.send(GetObjects(1, None, None, None, None))[1].line_state == 7
    for nonsense in (
        {},
        {"event": "line-state"},
        {"event": 1},
        {"event": "line-state", "object_number": "1"},
    ):
        m.do(m.core.switch_event(nonsense, m.now))
    assert m.core.counters["switch_events_unknown"] == 4


# --- command 6

REMOVE = {"object_number": 1, "object_type": OWN, "number_sign": SIGN.OWN, "number": "28331", "trunk": None}


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("wrong", "order", "vendor"),
    [
        ({"object_number": 9}, "27/00 28/01", "27/00 28/34"),
        ({"object_number": None}, "27/01", "27/34"),
        ({"object_type": TRUNK}, "27/00 28/01", "27/00 28/37"),
        ({"object_type": FULL}, "27/00 28/01", "27/00 28/38"),
        ({"number_sign": SIGN.RUSSIA}, "27/00 28/01", "27/00 28/38"),
        ({"number_sign": None}, "27/00 28/01", "27/00 28/38"),
        ({"number": "2833"}, "27/00 28/01", "27/00 28/44"),
        ({"number": None}, "27/00 28/01", "27/00 28/44"),
        ({"number": "28339"}, "27/00 28/01", "27/00 28/35"),
        ({"trunk": 2}, "27/00 28/01", "27/00 28/4C"),
        (dict.fromkeys(REMOVE), "27/01", "27/34"),
    ],
)
def test_command_6_refused(
    means: Any, make: Any, wrong: dict[str, Any], order: str, vendor: str, extended: bool
) -> None:
    m = means(extended_errors=extended).begin(make.put(1, "28331"))
    assert m.says(RemoveObject(**(REMOVE | wrong))) == (vendor if extended else order)
    assert sorted(m.tables.objects) == [1]


def test_command_6(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"), by_trunk(3, 2, category=STATISTICAL, group=None))
    assert m.says(RemoveObject(**REMOVE)) == "27/00 28/00"
    assert m.requests[-1] == ("remove", {"object_number": 1})
    assert effects.Store(ObjectRemoved(1)) in m.effects
    assert m.says(RemoveObject(3, TRUNK, None, None, 2)) == "27/00 28/00"
    assert m.says(make.put(9, "28331")) == "27/00 28/00"


@pytest.mark.parametrize(
    ("code", "told"), [(0x34, "27/00 28/00"), (0x53, "27/00 28/00"), (0x11, "27/00 28/11")]
)
def test_the_switch_refuses_to_remove(means: Any, make: Any, code: int, told: str) -> None:
    m = means().begin(make.put(1, "28331"))
    m.switch = lambda op, params: Reply(False, {}, code, "no")
    assert m.says(RemoveObject(**REMOVE)) == told


def test_mass_removal_is_an_option(means: Any, make: Any) -> None:
    m = means(mass_removal="all").begin(make.put(1, "28331"), make.put(2, "28332"))
    assert m.says(RemoveObject(**dict.fromkeys(REMOVE))) == "27/00 28/00"
    assert m.requests[-1] == ("clear", {})
    assert m.tables.objects == {}


# --- command 15


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("command", "order", "vendor"),
    [
        (ChangeObject(None, COMBINED, 1, NORMAL), "27/01", "27/34"),
        (ChangeObject(1, None, 1, NORMAL), "27/01", "27/14"),
        (ChangeObject(1, COMBINED, None, NORMAL), "27/01", "27/3E"),
        (ChangeObject(1, STATISTICAL, 1, NORMAL), "27/01", "27/3E"),
        (ChangeObject(1, COMBINED, 1, None), "27/01", "27/15"),
        (ChangeObject(9, COMBINED, 1, NORMAL), "27/00 28/01", "27/00 28/34"),
        (ChangeObject(1, COMBINED, 9, NORMAL), "27/00 28/01", "27/00 28/3E"),
        (ChangeObject(1, COMBINED, 2, NORMAL), "27/01", "27/30"),
    ],
)
def test_command_15_refused(
    means: Any, make: Any, command: ChangeObject, order: str, vendor: str, extended: bool
) -> None:
    m = means(extended_errors=extended).begin(*GROUPS, make.put(1, "28331", "combined", 1))
    assert m.says(command) == (vendor if extended else order)
    assert m.tables.objects[1].category is COMBINED


def test_command_15(means: Any, make: Any) -> None:
    m = means().begin(*GROUPS, make.put(1, "28331", "combined", 1))
    assert m.says(ChangeObject(1, SEPARATE, 2, HIGH)) == "27/00 28/00"
    assert m.requests[-1] == ("change", {"object_number": 1, "category": "separate", "priority": "high"})
    row = m.tables.objects[1]
    assert (row.category, row.ksl_group, row.priority, row.number) == (SEPARATE, 2, HIGH, "28331")
    assert m.says(ChangeObject(1, STATISTICAL, None, None)) == "27/00 28/00"
    assert m.says(make.put(9, "28331")) == "27/00 28/36"
