"""Calls: what the console is told of them, in which order, once (order 268, 10.2, 11)."""

import gc
import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from protocol import Category, Channel, NumberSign, ObjectType, Party, Priority
from protocol.messages import AddObject, NumberReceived, RemoveObject, Start, Stop, Test
from radius.report import Party as ReportParty
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.calls import calls as calls_module
from sorm_mediator.mediator.core.calls.legs import CATEGORY_BITS, ROLE_SHIFT
from ssh_control.dialect import Reply

OWN = ObjectType.OWN_SUBSCRIBER
CFU = 0x21


def forwarding(make: Any, **keys: Any) -> Any:
    """01010 calls 01001, which forwards to 01101; all three are objects."""
    return make.report(
        a="01010",
        b="01101",
        matches=((1, "a", "01001"), (2, "b", "01001"), (3, "b", "01101", 1000.5)),
        services=((CFU, "01001", "01101", 1000.5),),
        **keys,
    )


def chain(make: Any, **keys: Any) -> Any:
    """01010 -> 01100 -> 01001 -> 01101."""
    return make.report(
        a="01010",
        b="01101",
        matches=(
            (1, "a", "01100"),
            (2, "b", "01100"),
            (3, "b", "01001", 1000.1),
            (4, "b", "01101", 1000.2),
        ),
        services=((CFU, "01100", "01001", 1000.1), (CFU, "01001", "01101", 1000.2)),
        **keys,
    )


TABLE_1 = {
    1: ["41/FF 01010>01001", "44/FF 01001>01101 21", "42/FF 01010>01101", "43/05 01010>01101"],
    2: ["41/FF 01010>01001", "44/FF 01001>01101 21", "42/FF 01010>01101", "43/05 01010>01101"],
    3: ["41/FF 01010>01101", "44/FF 01001>01101 21", "42/FF 01010>01101", "43/05 01010>01101"],
}
_HOPS = ["44/FF 01100>01001 21", "44/FF 01001>01101 21"]
_END = ["42/FF 01010>01101", "43/05 01010>01101"]
TABLE_2 = {
    1: ["41/FF 01010>01100", *_HOPS, *_END],
    2: ["41/FF 01010>01100", *_HOPS, *_END],
    3: ["41/FF 01010>01001", *_HOPS, *_END],
    4: ["41/FF 01010>01101", *_HOPS, *_END],
}


def by_object(lines: list[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for line in lines:
        number, _, rest = line.partition(" ")
        found.setdefault(int(number), []).append(rest)
    return found


@pytest.mark.parametrize(("call", "table"), [(forwarding, TABLE_1), (chain, TABLE_2)])
@pytest.mark.parametrize("only_the_stop", [False, True])
def test_the_forwarding_tables(
    means: Any, make: Any, call: Any, table: dict[int, list[str]], only_the_stop: bool
) -> None:
    phones = (
        {1: "01010", 2: "01100", 3: "01001", 4: "01101"}
        if len(table) == 4
        else {1: "01010", 2: "01001", 3: "01101"}
    )
    m = means().begin(*(make.put(number, phone) for number, phone in phones.items()))
    told = []
    if not only_the_stop:
        told += m.report(call(make))
        told += m.report(call(make, sequence=2, answer=1003.0))
    told += m.report(call(make, sequence=3, answer=1003.0, release=1009.0, cause=5))
    assert by_object(told) == table


def test_each_object_alone_has_the_same_set(means: Any, make: Any) -> None:
    for number, phone in ((1, "01010"), (2, "01001"), (3, "01101")):
        m = means().begin(make.put(number, phone))
        told = m.report(forwarding(make, answer=1003.0, release=1009.0, cause=5))
        assert by_object(told) == {number: TABLE_1[number]}


@pytest.mark.parametrize("end", ["release", "expiry", "stop"])
def test_a_call_that_is_over_is_freed_at_once(means: Any, make: Any, end: str) -> None:
    """A cycle of references would wait for a collection of garbage, which holds up every console."""
    m = means(call_expiry=3600).begin(make.put(1, "28331"))
    gc.collect()
    gc.disable()
    others = living()  # of mediators in this process that are no longer of use, and not yet freed
    try:
        m.report(make.report(1))
        assert [one.number for one in living(others)] == [1]
        if end == "release":
            m.report(make.report(2, release=1009.0, cause=5))
        elif end == "expiry":
            m.later(3600)
        else:
            m.send(Stop())
        assert living(others) == []
    finally:
        gc.enable()


def living(besides: Sequence[calls_module.Call] = ()) -> list[calls_module.Call]:
    known = {id(one) for one in besides}
    return [one for one in gc.get_objects() if isinstance(one, calls_module.Call) and id(one) not in known]


def test_42h_shows_who_answered_though_the_call_was_transferred_since(means: Any, make: Any) -> None:
    """Answer and transfer within one report: 42h is of the answer, 43h of the end."""
    m = means().begin(make.put(1, "28331"))
    m.report(make.report(1))
    report = make.report(
        2, b="28333", answer=1003.0, services=((0x31, "28332", "28333", 1003.1),), release=1009.0, cause=5
    )
    assert m.report(replace(report, answered=ReportParty(digits="28332", ni="private"))) == [
        "1 42/FF 28331>28332",
        "1 44/FF 28332>28333 31",
        "1 43/05 28331>28333",
    ]


# --- services in calls

SCENARIOS = [
    pytest.param(0x1C, {"answer": 1003.0, "cause": 5}, ["41/FF", "42/FF", "43/05"], id="own to own"),
    pytest.param(0x11, {"answer": 1003.0, "cause": 5}, ["41/FF", "42/FF", "43/05"], id="outgoing"),
    pytest.param(0x12, {"answer": 1003.0, "cause": 5}, ["41/FF", "42/FF", "43/05"], id="incoming"),
    pytest.param(0x18, {"answer": 1003.0, "cause": 5}, ["41/FF", "42/FF", "43/05"], id="transit"),
    pytest.param(0x1C, {"cause": 3}, ["41/FF", "43/03"], id="busy"),
    pytest.param(0x1C, {"cause": 4}, ["41/FF", "43/04"], id="no answer"),
    pytest.param(0x1C, {"cause": 1}, ["41/FF", "43/01"], id="fault"),
    pytest.param(0x1C, {"setup": None, "cause": 2}, ["43/02"], id="dialling not completed"),
]


@pytest.mark.parametrize(("connection", "facts", "codes"), SCENARIOS)
def test_scenarios(means: Any, make: Any, connection: int, facts: dict[str, Any], codes: list[str]) -> None:
    m = means().begin(make.put(1, "28331"))
    report = make.report(connection=connection, release=1009.0, **facts)
    sent = m.do(m.core.report(report, m.now))
    assert [line.split()[1] for line in make.events(sent)] == codes
    assert {event.connection for event in sent} == {connection}


def test_the_same_scenarios_step_by_step_tell_the_same(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    assert m.report(make.report()) == ["1 41/FF 28331>28332"]
    assert m.report(make.report(2, answer=1003.0)) == ["1 42/FF 28331>28332"]
    assert m.report(make.report(3, answer=1003.0, release=1009.0, cause=5)) == ["1 43/05 28331>28332"]
    assert len(m.core.calls) == 0


def test_nothing_is_told_before_the_number_is_known(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    assert m.report(make.report(setup=None)) == []
    assert m.report(make.report(2)) == ["1 41/FF 28331>28332"]


def test_both_parties_are_objects(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"), make.put(2, "28332"))
    sent = m.do(m.core.report(make.report(matches=((1, "a"), (2, "b"))), m.now))
    assert [(e.object_number, e.selection) for e in sent] == [(1, 0x02), (2, 0x08)]
    assert sent[0].call_number == sent[1].call_number


@pytest.mark.parametrize(
    ("code", "phase", "line"),
    [
        (0x42, 4, "44/FF 28331>28332 42"),
        (0x40, 4, "44/FF 28331>28332 40"),
        (0x33, 4, "44/FF 28331>28332 33"),
        (0x52, 4, "44/FF 28331>28332 52"),
        (0x31, 4, "44/FF 28331>28332 31"),
        (0x32, 4, "44/FF 28331>28332 32"),
        (0x41, 4, "44/FF 28331>28332 41"),
        (0x21, 1, "44/FF 28331>28332 21"),
        (0x21, 2, "44/FF 28331>28332 21"),
        (0x21, 3, "44/FF 28331>28332 21"),
    ],
)
def test_services_during_the_call(means: Any, make: Any, code: int, phase: int, line: str) -> None:
    m = means().begin(make.put(1, "28331"))
    used = ((code, "28331", "28332", 1005.0, phase),)
    assert len(m.report(make.report(answer=1003.0))) == 2
    sent = m.do(m.core.report(make.report(2, answer=1003.0, services=used), m.now))
    assert make.events(sent) == [f"1 {line}"]
    assert (sent[0].service_phase, sent[0].time) == (phase, (1, 0, 16, 45))
    assert m.report(make.report(3, answer=1003.0, services=used)) == []


@pytest.mark.parametrize(
    ("code", "order"),
    [(0x42, ["42", "44"]), (0x31, ["42", "44"]), (0x21, ["44", "42"]), (0x32, ["44", "42"])],
)
def test_a_service_at_the_very_moment_of_the_answer(
    means: Any, make: Any, code: int, order: list[str]
) -> None:
    m = means().begin(make.put(1, "28331"))
    m.report(make.report())
    told = m.report(make.report(2, answer=1003.0, services=((code, "28331", "28332", 1003.0),)))
    assert [line.split()[1][:2] for line in told] == order, told


def test_a_service_ordered_without_a_call_has_no_41h(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    report = make.report(
        setup=None,
        b="",
        matches=((1, "service", "*21*28333#"),),
        release=1001.0,
        cause=5,
        services=((0x21, "28331", "2128333", 1000.5, 1),),
    )
    assert m.report(report) == ["1 44/FF 28331>2128333 21", "1 43/05 28331>2128333"]


# --- the selection sign


@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize(
    "roles", [combo for size in (1, 2, 4) for combo in itertools.combinations(ROLE_SHIFT, size)]
)
def test_selection_sign(means: Any, make: Any, category: Category, roles: tuple[str, ...]) -> None:
    groups = (make.combined(1, 1), make.separate(2, 3, 4))
    group = {Category.COMBINED: 1, Category.SEPARATE: 2}.get(category)
    m = means().begin(*groups, make.put(1, "28331", category, group))
    sent = m.do(m.core.report(make.report(matches=tuple((1, role) for role in roles)), m.now))
    expected = sum(CATEGORY_BITS[category] << ROLE_SHIFT[role] for role in roles)
    assert [event.selection for event in sent] == [None if expected == 0xFF else expected]


@pytest.mark.parametrize(
    ("category", "role", "sign"),
    [
        ("combined", "a", 0x01),
        ("separate", "a", 0x03),
        ("statistical", "a", 0x02),
        ("combined", "b", 0x04),
        ("separate", "b", 0x0C),
        ("statistical", "b", 0x08),
        ("combined", "trunk", 0x10),
        ("separate", "trunk", 0x30),
        ("statistical", "trunk", 0x20),
        ("combined", "service", 0x40),
        ("separate", "service", 0xC0),
        ("statistical", "service", 0x80),
    ],
)
def test_the_orders_twelve_selection_signs(category: str, role: str, sign: int) -> None:
    assert CATEGORY_BITS[Category(category)] << ROLE_SHIFT[role] == sign


# --- numbers


def test_trunk_objects_and_unknown_callers(means: Any, make: Any) -> None:
    trunk = AddObject(3, ObjectType.TRUNK, None, None, 7, Category.STATISTICAL, None, Priority.NORMAL)
    m = means().begin(trunk, make.put(2, "28332"))
    report = make.report(a="trunk:7", matches=((3, "trunk"), (2, "b")), connection=0x12)
    by_trunk, by_phone = m.do(m.core.report(report, m.now))
    assert by_trunk.calling == Party(None, None)
    assert (by_trunk.trunk, by_trunk.selection, by_trunk.object_type) == (7, 0x20, ObjectType.TRUNK)
    assert by_phone.trunk == 7, "the trunk it came by (order 268, 10.3.1.5)"


@pytest.mark.parametrize(
    ("order", "ni", "sign"),
    [
        ("268", "private", "own"),
        ("268", "local", "russia"),
        ("268", "zone", "russia"),
        ("268", "intercity", "russia"),
        ("268", "international", "foreign"),
        ("268", "emergency", "emergency"),
        ("268", "", None),
        ("70", "private", "private"),
        ("70", "local", "local"),
        ("70", "zone", "zone"),
        ("70", "intercity", "intercity"),
        ("70", "international", "international"),
        ("70", "emergency", "emergency"),
        ("70", "", None),
    ],
)
def test_signs_by_profile(means: Any, make: Any, order: str, ni: str, sign: str | None) -> None:
    own = NumberSign.OWN if order == "268" else NumberSign.PRIVATE
    m = means(order=order).begin(make.put(1, "28331", number_sign=own))
    (event,) = m.do(m.core.report(make.report(ni=ni), m.now))
    assert event.called.sign == sign


def test_digits_that_the_wire_cannot_carry_are_left_out(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    assert m.report(make.report(b="*21*" + "5" * 20)) == ["1 41/FF 28331>215555555555555555"]
    m = means(extra_digits=True).begin(make.put(1, "28331"))
    assert m.report(make.report(b="*21#")) == ["1 41/FF 28331>*21#"]


# --- reports that come twice, late, never, or in another order


def snapshots(make: Any) -> list[Any]:
    used = ((0x42, "28331", "28332", 1005.0), (0x40, "28331", "28332", 1006.0))
    return [
        make.report(1),
        make.report(2, answer=1003.0),
        make.report(3, answer=1003.0, services=used[:1]),
        make.report(4, answer=1003.0, services=used),
        make.report(5, answer=1003.0, services=used, release=1009.0, cause=5),
    ]


@pytest.mark.parametrize("seed", range(30))
def test_loss_doubling_and_reordering_change_nothing(means: Any, make: Any, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a reproducible choice of orders
    arriving = [s for s in snapshots(make)[:-1] for _ in range(chance.choice((0, 1, 1, 2)))]
    chance.shuffle(arriving)
    arriving.insert(chance.randint(0, len(arriving)), snapshots(make)[-1])
    m = means().begin(make.put(1, "28331"))
    told = [line.split()[1] for report in arriving + snapshots(make) for line in m.report(report)]
    assert told == ["41/FF", "42/FF", "44/FF", "44/FF", "43/05"]


def test_late_reports_of_a_finished_call_are_ignored_and_forgotten_in_time(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    assert len(m.report(make.report(2, release=1009.0, cause=4))) == 2
    assert m.report(make.report(1)) == []
    assert m.core.counters["reports_late"] == 1
    for _ in range(10):  # a switch that gets no answer sends it again and again
        m.now += 3000
        assert m.report(make.report(2, release=1009.0, cause=4)) == []
    m.now += 4000
    m.report(make.report(1, call="another"))
    assert m.report(make.report(1)) == ["1 41/FF 28331>28332"]


def test_a_report_without_an_object_of_ours(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    assert m.report(make.report(matches=((9, "a"),))) == []
    assert m.report(make.report(matches=())) == []
    assert m.core.counters["reports_without_object"] == 2
    assert m.report(make.report(a="28339", b="28331", matches=((9, "a"), (1, "b")))) == [
        "1 41/FF 28339>28331"
    ]
    assert m.core.counters["matches_without_object"] == 1


def test_while_stopped_nothing_is_reported(means: Any, make: Any) -> None:
    m = means()
    m.connect()
    assert m.report(make.report()) == []
    assert m.core.counters["reports_while_stopped"] == 1


def test_without_kpd2_events_are_dropped_and_counted(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    m.close(Channel.KPD2)
    assert m.report(make.report()) == []
    assert m.core.counters["dropped_kpd2"] == 1
    m.open(Channel.KPD2)
    m.send(Test(1))  # the pair is used again after a valid command (order 268, 1.4.1.2)
    assert m.report(make.report(2, answer=1003.0)) == ["1 42/FF 28331>28332"]


def test_events_go_by_the_next_pair_that_works(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    m.connect(2)
    m.close(Channel.KPD2, 0)
    assert m.report(make.report()) == ["1 41/FF 28331>28332"]


def test_a_call_that_is_never_reported_again_is_given_up(means: Any, make: Any) -> None:
    m = means(call_expiry=3600).begin(make.combined(1, 1), make.put(1, "28331", "combined", 1))
    m.report(make.report())
    assert make.events(m.later(3599)) == []
    assert make.events(m.later(2)) == ["1 43/01 28331>28332 k0.1"]
    released = next(one for one in reversed(m.effects) if isinstance(one, effects.Send))
    assert released.cause.call == make.report().call_id, "its call is known, though no report brought it"
    assert m.core.pool.in_use == 0
    assert m.core.next_deadline() is None


def test_calls_are_kept_for_ever_by_option(means: Any, make: Any) -> None:
    m = means(call_expiry=0).begin(make.put(1, "28331"))
    m.report(make.report())
    assert m.core.next_deadline() is None


def test_a_moment_that_no_calendar_has(means: Any, make: Any) -> None:
    def broken_clock(now: float) -> Any:
        raise OverflowError

    m = means(local_time=broken_clock).begin(make.put(1, "28331"))
    (event,) = m.do(m.core.report(make.report(), m.now))
    assert event.time is None


# --- call numbers


def test_call_numbers_are_unique_among_live_calls_and_wrap(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    m.core.calls.numbers.next = 0xFFFE
    numbers = []
    for name in ("x", "y", "z"):
        numbers += [e.call_number for e in m.do(m.core.report(make.report(call=name), m.now))]
    assert numbers == [0xFFFE, 0, 1]
    m.core.calls.numbers.next = 0xFFFE
    assert [e.call_number for e in m.do(m.core.report(make.report(call="w"), m.now))] == [2]


def test_when_all_call_numbers_are_in_use_the_call_is_left_out(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    m.report(make.report(call="x"))
    call = next(iter(m.core.calls))
    for number in range(0xFFFF):
        m.core.calls.numbers[number] = call
    assert m.report(make.report(call="y")) == []
    assert len(m.core.calls) == 1


def test_objects_may_have_call_numbers_of_their_own(means: Any, make: Any) -> None:
    m = means(same_call_number_for_both_objects="off").begin(make.put(1, "28331"), make.put(2, "28332"))
    both = ((1, "a"), (2, "b"))
    sent = m.do(m.core.report(make.report(matches=both), m.now))
    assert len({e.call_number for e in sent}) == 2
    m.do(m.core.report(make.report(2, matches=both, release=1009.0, cause=4), m.now))
    assert len(m.core.calls.numbers) == 0


# --- objects that come and go during a call


def test_control_begins_with_the_next_call(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    m.report(make.report())
    m.now += 1
    m.says(make.put(2, "28332"))
    both = ((1, "a"), (2, "b"))
    assert m.report(make.report(2, answer=1003.0, matches=both)) == ["1 42/FF 28331>28332"]
    assert m.core.counters["matches_before_control"] == 1
    assert len(m.report(make.report(call="next", matches=both))) == 2


def test_or_at_once_by_option(means: Any, make: Any) -> None:
    m = means(join_running_call_on_add="on").begin(make.combined(1, 1), make.put(1, "28331"))
    used = ((0x42, "28331", "28332", 1001.0),)
    m.report(make.report(services=used))
    m.now += 1
    m.says(make.put(2, "28332", "combined", 1))
    both = ((1, "a"), (2, "b"))
    assert m.report(make.report(2, services=used, matches=both)) == ["2 51/00 28331>28332 k0.1"]
    told = m.report(make.report(3, answer=1003.0, services=used, matches=both))
    assert told == ["1 42/FF 28331>28332", "2 42/00 28331>28332 k0.1"]


@pytest.mark.parametrize("option", ["off", "on"])
def test_the_switch_is_asked_for_the_running_calls_by_option(means: Any, make: Any, option: str) -> None:
    m = means(join_running_call_on_add=option).begin()
    assert m.says(make.put(1, "28331")) == "27/00 28/00"
    assert [op for op, _ in m.requests] == (["add"] if option == "off" else ["add", "join"])


def test_an_object_joins_a_call_that_nobody_heard_of(means: Any, make: Any) -> None:
    """Put under control in the middle of a talk: 51h and not 41h 42h, and what follows."""
    m = means(join_running_call_on_add="on").begin(make.combined(1, 1), make.put(1, "28331", "combined", 1))
    late = ((1, "a", "28332", 1005.0), (1, "joined", "28332", 1005.0))
    used = ((0x42, "28331", "28332", 1004.0),)
    told = m.report(make.report(answer=1003.0, services=used, matches=late))
    assert told == ["1 51/00 28331>28332 k0.1"]
    told = m.report(make.report(2, answer=1003.0, release=1009.0, cause=5, services=used, matches=late))
    assert told == ["1 43/05 28331>28332 k0.1"]


def test_an_object_that_joins_a_talk_whose_set_up_was_not_reported_gets_its_41h_late(
    means: Any, make: Any
) -> None:
    """The switch's slip: the console has the call from 41h on, as any call that was set up."""
    m = means(join_running_call_on_add="on").begin(make.combined(1, 1), make.put(1, "28331", "combined", 1))
    late = ((1, "a", "28332", 1005.0), (1, "joined", "28332", 1005.0))
    told = m.report(make.report(setup=None, answer=1003.0, matches=late))
    assert told == ["1 41/00 28331>28332 k0.1"]
    used = ((0x42, "28331", "28332", 1006.0),)
    told = m.report(make.report(2, setup=None, answer=1003.0, services=used, matches=late))
    assert told == ["1 44/00 28331>28332 42 k0.1"]
    told = m.report(make.report(3, setup=None, answer=1003.0, release=1009.0, services=used, matches=late))
    assert told == ["1 43/05 28331>28332 k0.1"]


def test_and_a_priority_object_takes_a_line_for_it(means: Any, make: Any) -> None:
    m = means(join_running_call_on_add="on").begin(
        make.combined(1, 1),
        make.put(1, "28331", "combined", 1),
        make.put(2, "28332", "combined", 1, priority=Priority.HIGH),
    )
    m.report(make.report())
    late = ((2, "a", "28339", 1005.0), (2, "joined", "28339", 1005.0))
    told = m.report(make.report(a="28332", b="28339", call="talk", setup=None, answer=1003.0, matches=late))
    assert told == ["1 52/02 28331>28332 k0.1", "2 41/00 28332>28339 k0.1"]


def test_what_happened_after_it_joined_is_told_though_a_report_was_lost(means: Any, make: Any) -> None:
    m = means(join_running_call_on_add="on").begin(make.put(1, "28331"))
    late = ((1, "a", "28332", 1001.0), (1, "joined", "28332", 1001.0))
    told = m.report(make.report(2, answer=1003.0, matches=late))
    assert told == ["1 42/FF 28331>28332"]


def test_a_switch_that_cannot_join_calls_takes_the_object_all_the_same(means: Any, make: Any) -> None:
    m = means(join_running_call_on_add="on").begin()
    m.switch = lambda op, params: Reply(False, {}, 0x11, "no") if op == "join" else Reply(True)
    assert m.says(make.put(1, "28331")) == "27/00 28/00"
    assert m.core.counters["joins_failed"] == 1


def test_a_removed_object_is_heard_of_no_more(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"), make.put(2, "28332"))
    both = ((1, "a"), (2, "b"))
    m.report(make.report(matches=both))
    m.says(RemoveObject(1, OWN, NumberSign.OWN, "28331", None))
    m.says(make.put(1, "28331"))
    assert m.report(make.report(2, matches=both, answer=1003.0)) == ["2 42/FF 28331>28332"]


def test_after_a_stop_the_calls_of_before_are_heard_of_no_more(means: Any, make: Any) -> None:
    m = means().begin(make.put(1, "28331"))
    m.report(make.report())
    m.says(Stop())
    m.says(Start())
    m.says(make.put(1, "28331"))
    assert m.report(make.report(2, release=1009.0, cause=5)) == []
    assert isinstance(m.do(m.core.report(make.report(call="next"), m.now))[0], NumberReceived)


def test_finished_calls_that_are_remembered_are_bounded(
    means: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest go first, and a report of one of the others that comes again is not told again."""
    monkeypatch.setattr(calls_module, "FINISHED_CALLS", 3)
    m = means().begin(make.combined(1, 1))
    m.send(make.put(1, "28331"))
    whole = [make.report(2, answer=1001.0, release=1002.0, cause=5, call=f"call-{n}") for n in range(6)]
    for report in whole:
        assert len(m.report(report)) == 3
    assert len(m.core.calls._finished) == 3
    for report in whole[3:]:
        assert m.report(report) == []
