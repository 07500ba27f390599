"""KSL groups: commands 4, 9, 11 (order 268, 6.4, 6.9, 6.11, 9.4)."""

from typing import Any

import pytest

from protocol import GroupType, Ksl
from protocol.messages import AddKsl, GetKsl, RemoveKsl
from protocol.values import KslRow
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.tables import GroupLineAdded, GroupLineRemoved, Line

COMBINED, SEPARATE = GroupType.COMBINED, GroupType.SEPARATE
ALL = GetKsl(None, None, None, None)


@pytest.mark.parametrize("b", [Ksl(0, 3), None])
def test_a_combined_line_is_one_ksl_whatever_b_says(means: Any, b: Ksl | None) -> None:
    m = means().begin()
    assert m.says(AddKsl(1, COMBINED, Ksl(0, 3), b)) == "27/00 28/00"
    assert effects.Store(GroupLineAdded(1, COMBINED, Line(Ksl(0, 3), None))) in m.effects


def test_a_separate_line_is_a_pair(means: Any, make: Any) -> None:
    m = means().begin()
    assert m.says(make.separate(2, 3, 4, stream=1)) == "27/00 28/00"
    assert effects.Store(GroupLineAdded(2, SEPARATE, Line(Ksl(1, 3), Ksl(1, 4)))) in m.effects


# what the console says, the order's answer, the extended one (order 268, 6.4)
REFUSED_4 = [
    pytest.param(AddKsl(0, COMBINED, Ksl(0, 5), None), "27/01", "27/3E", id="group 0"),
    pytest.param(AddKsl(None, COMBINED, Ksl(0, 5), None), "27/01", "27/3E", id="group FFh"),
    pytest.param(AddKsl(1, None, Ksl(0, 5), None), "27/01", "27/11", id="type FFh"),
    pytest.param(AddKsl(1, COMBINED, None, None), "27/01", "27/3F", id="no KSL-A"),
    pytest.param(AddKsl(1, COMBINED, Ksl(5, 5), None), "27/01", "27/3F", id="stream of A not equipped"),
    pytest.param(AddKsl(1, COMBINED, Ksl(0, 3), Ksl(0, 4)), "27/01", "27/40", id="combined, two lines"),
    pytest.param(AddKsl(2, SEPARATE, Ksl(0, 5), None), "27/01", "27/40", id="separate, no KSL-B"),
    pytest.param(AddKsl(2, SEPARATE, Ksl(0, 5), Ksl(5, 5)), "27/01", "27/40", id="stream of B not equipped"),
    pytest.param(AddKsl(2, SEPARATE, Ksl(0, 5), Ksl(0, 5)), "27/01", "27/41", id="separate, the same twice"),
    pytest.param(AddKsl(2, SEPARATE, Ksl(0, 5), Ksl(1, 6)), "27/01", "27/41", id="separate, two streams"),
    pytest.param(AddKsl(2, SEPARATE, None, None), "27/01", "27/41", id="separate, no lines"),
    pytest.param(AddKsl(1, SEPARATE, Ksl(0, 5), Ksl(0, 6)), "27/00 28/01", "27/00 28/30", id="other type"),
    pytest.param(AddKsl(2, COMBINED, Ksl(0, 5), None), "27/00 28/01", "27/00 28/30", id="other type, 2"),
    pytest.param(AddKsl(1, COMBINED, Ksl(0, 1), None), "27/00 28/01", "27/00 28/3A", id="A in that group"),
    pytest.param(AddKsl(3, COMBINED, Ksl(0, 1), None), "27/00 28/01", "27/00 28/3A", id="A in another group"),
    pytest.param(AddKsl(3, COMBINED, Ksl(1, 4), None), "27/00 28/01", "27/00 28/3A", id="A is a pair's B"),
    pytest.param(
        AddKsl(3, SEPARATE, Ksl(1, 5), Ksl(1, 4)), "27/00 28/01", "27/00 28/40", id="B in another group"
    ),
]


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(("command", "order", "vendor"), REFUSED_4)
def test_command_4_refused(
    means: Any, make: Any, command: AddKsl, order: str, vendor: str, extended: bool
) -> None:
    m = means(extended_errors=extended).begin(make.combined(1, 1), make.separate(2, 3, 4, stream=1))
    before = {number: list(group.lines) for number, group in m.tables.groups.items()}
    assert m.says(command) == (vendor if extended else order)
    assert {number: list(group.lines) for number, group in m.tables.groups.items()} == before
    assert not any(isinstance(e, effects.Store) for e in m.effects)


def test_an_empty_group_may_change_its_type_unless_objects_count_on_it(means: Any, make: Any) -> None:
    m = means().begin(make.combined(1, 1))
    assert m.says(make.put(1, "28331", "combined", 1)) == "27/00 28/00"
    assert m.says(RemoveKsl(1, Ksl(0, 1), None)) == "27/00 28/73", "the last line stays (order 268, 6.9.7)"
    assert m.says(make.separate(1, 5, 6)) == "27/00 28/30"
    m = means().begin(make.combined(1, 1))
    assert m.says(RemoveKsl(1, Ksl(0, 1), Ksl(0, 1))) == "27/00 28/00"
    assert m.says(make.separate(1, 5, 6)) == "27/00 28/00"


# --- command 9

REFUSED_9 = [
    pytest.param(RemoveKsl(0, Ksl(0, 1), None), "27/01", "27/3E", id="group 0"),
    pytest.param(RemoveKsl(1, None, None), "27/01", "27/3F", id="no KSL-A"),
    pytest.param(RemoveKsl(7, Ksl(0, 1), None), "27/00 28/01", "27/00 28/3E", id="no such group"),
    pytest.param(RemoveKsl(1, Ksl(0, 2), None), "27/00 28/01", "27/00 28/32", id="not in the group"),
    pytest.param(RemoveKsl(1, Ksl(1, 3), None), "27/00 28/01", "27/00 28/32", id="in another group"),
    pytest.param(RemoveKsl(1, Ksl(0, 1), Ksl(0, 2)), "27/00 28/01", "27/00 28/40", id="B is not A"),
    pytest.param(RemoveKsl(2, Ksl(1, 3), Ksl(1, 5)), "27/00 28/01", "27/00 28/40", id="B of no pair"),
]


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(("command", "order", "vendor"), REFUSED_9)
def test_command_9_refused(
    means: Any, make: Any, command: RemoveKsl, order: str, vendor: str, extended: bool
) -> None:
    m = means(extended_errors=extended).begin(make.combined(1, 1), make.separate(2, 3, 4, stream=1))
    assert m.says(command) == (vendor if extended else order)
    assert len(m.tables.group_of) == 3


def test_command_9_takes_a_pair_out_and_the_group_stays(means: Any, make: Any) -> None:
    m = means().begin(make.separate(2, 3, 4, stream=1))
    assert m.says(RemoveKsl(2, Ksl(1, 3), Ksl(1, 4))) == "27/00 28/00"
    assert effects.Store(GroupLineRemoved(2, Line(Ksl(1, 3), Ksl(1, 4)))) in m.effects
    assert m.says(ALL) == "27/00 24 28/5F", "a group without lines has nothing to tell (6.11.7)"
    assert m.says(GetKsl(2, None, None, None)) == "27/00 24 28/5F"


@pytest.mark.parametrize(("option", "told"), [("refuse", "27/00 28/73"), ("release", "27/00 52 28/00")])
def test_command_9_on_a_line_in_use(means: Any, make: Any, option: str, told: str) -> None:
    m = means(busy_ksl_removal=option).begin(make.combined(1, 1), make.combined(1, 2))
    m.says(make.put(1, "28331", "combined", 1))
    m.report(make.report())
    assert m.says(RemoveKsl(1, Ksl(0, 1), None)) == told


# --- command 11


@pytest.mark.parametrize(("option", "b"), [("equal_a", Ksl(0, 1)), ("ff", None)])
def test_the_whole_table(means: Any, make: Any, option: str, b: Ksl | None) -> None:
    m = means(combined_ksl_b=option).begin(make.separate(2, 3, 4, stream=1), make.combined(1, 1))
    told = m.send(ALL)
    assert make.answers(told) == "27/00 24 28/00"
    assert told[1].rows == (KslRow(1, COMBINED, Ksl(0, 1), b), KslRow(2, SEPARATE, Ksl(1, 3), Ksl(1, 4)))
    assert (told[1].total, told[1].index) == (1, 1)


def test_more_than_eleven_rows_take_more_messages(means: Any, make: Any) -> None:
    m = means().begin(*(make.combined(1, ksl) for ksl in range(1, 29)))
    pages = m.send(ALL)[1:-1]
    assert [(page.total, page.index, len(page.rows)) for page in pages] == [(3, 1, 11), (3, 2, 11), (3, 3, 6)]
    assert [row.ksl_a.ksl for page in pages for row in page.rows] == list(range(1, 29))


@pytest.mark.parametrize(
    ("command", "rows"),
    [
        (GetKsl(1, None, None, None), 2),
        (GetKsl(None, SEPARATE, None, None), 1),
        (GetKsl(None, None, Ksl(0, 2), None), 1),
        (GetKsl(None, None, Ksl(0, 2), Ksl(0, 2)), 1),
        (GetKsl(None, None, None, Ksl(1, 4)), 1),
        (GetKsl(2, SEPARATE, Ksl(1, 3), Ksl(1, 4)), 1),
        # 6.11.8: a group counts before a type, a type before KSL, KSL-A before KSL-B
        (GetKsl(1, SEPARATE, Ksl(1, 3), None), 2),
        (GetKsl(1, None, Ksl(0, 9), None), 2),
        (GetKsl(None, COMBINED, Ksl(1, 3), Ksl(0, 9)), 2),
        (GetKsl(None, None, Ksl(0, 1), Ksl(0, 2)), 1),
        (GetKsl(None, None, Ksl(0, 1), Ksl(0, 9)), 1),
    ],
)
def test_command_11_by_fields(means: Any, make: Any, command: GetKsl, rows: int) -> None:
    m = means().begin(make.combined(1, 1), make.combined(1, 2), make.separate(2, 3, 4, stream=1))
    assert len(m.send(command)[1].rows) == rows


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("command", "order", "vendor"),
    [
        (GetKsl(0, None, None, None), "27/01", "27/3E"),
        (GetKsl(7, None, None, None), "27/00 24 28/01", "27/00 24 28/3E"),
        (GetKsl(None, None, Ksl(0, 9), None), "27/00 24 28/01", "27/00 24 28/32"),
        (GetKsl(None, None, Ksl(0, 1), Ksl(1, 3)), "27/00 24 28/01", "27/00 24 28/32"),
        (GetKsl(None, None, Ksl(0, 9), Ksl(0, 1)), "27/00 24 28/01", "27/00 24 28/32"),
        (GetKsl(None, GroupType.COMBINED, None, None), "27/00 24 28/01", "27/00 24 28/5F"),
    ],
)
def test_command_11_refused(
    means: Any, make: Any, command: GetKsl, order: str, vendor: str, extended: bool
) -> None:
    """6.11.6, 6.11.7: 24h with the asked values."""
    asked = (command.ksl_group, command.group_type, command.ksl_a, command.ksl_b)
    groups = [make.separate(2, 3, 4, stream=1)]
    if command.group_type is None:
        groups.append(make.combined(1, 1))
    m = means(extended_errors=extended).begin(*groups)
    told = m.send(command)
    assert make.answers(told) == (vendor if extended else order)
    if len(told) == 3:
        assert told[1].rows == (KslRow(*asked),)
        assert m.codec.encode(told[1])[10:] == m.codec.encode(command)[10:14] + b"\xff" * 41
