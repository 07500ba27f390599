"""What the checks of commands ask: each says whether the command fails in one respect.

``c`` is the command; its fields are those of :mod:`protocol.commands`, and none of them is
:class:`~protocol.values.Raw` any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.codes import Category, GroupType, ObjectType
from sorm_mediator.mediator.core.numbers import LEGAL_SIGNS
from sorm_mediator.mediator.core.select import find_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.values import Ksl
    from sorm_mediator.mediator.core.state import State


def blank(number: object) -> bool:
    """No number: FFh, or a count of 0 as some consoles write it (PROTOCOL 9 row 8)."""
    return number is None or number == ""


def wrong_new_password(state: State, c: Any) -> bool:
    password = c.new_password
    if not isinstance(password, str) or len(password) != 6 or not password.isascii():
        return True
    printable_too = state.options.password_characters != "digits"  # noqa: S105 - an option's value
    return not (password.isprintable() if printable_too else password.isdigit())


def no_group(_: State, c: Any) -> bool:
    return c.ksl_group is None or c.ksl_group == 0


def unknown_group(state: State, c: Any) -> bool:
    return c.ksl_group is not None and c.ksl_group not in state.tables.groups


def wrong_pair(state: State, c: Any) -> bool:
    """Both KSL of a separate line must exist, differ, and be in one stream (order I-old 4.7)."""
    if c.group_type is not GroupType.SEPARATE:
        return False
    a, b = state.lines.exists(c.ksl_a), state.lines.exists(c.ksl_b)
    return (not a and not b) or (a and b and (c.ksl_a == c.ksl_b or c.ksl_a.stream != c.ksl_b.stream))


def wrong_b(state: State, c: Any) -> bool:
    if c.group_type is GroupType.SEPARATE:
        return not state.lines.exists(c.ksl_b)
    return c.ksl_b is not None and c.ksl_b != c.ksl_a


def taken(state: State, ksl: Ksl | None) -> bool:
    return ksl is not None and ksl in state.tables.group_of


def other_type(state: State, c: Any) -> bool:
    """The group has another type: because of its lines, or of objects that count on it while it is empty."""
    group = state.tables.groups.get(c.ksl_group)
    if group is None or group.group_type == c.group_type:
        return False
    return bool(group.lines) or state.tables.objects_of_group[c.ksl_group] > 0


def wrong_group_for_category(_: State, c: Any) -> bool:
    """FFh for statistical control, 1..254 otherwise."""
    if c.category is Category.STATISTICAL:
        return c.ksl_group is not None
    return c.ksl_group is None or c.ksl_group == 0


def group_unfit(state: State, c: Any) -> bool:
    group = state.tables.groups.get(c.ksl_group)
    return group is not None and group.group_type.value != c.category.value


def no_priority(_: State, c: Any) -> bool:
    return c.priority is None and c.category is not Category.STATISTICAL


def sign_unfit(state: State, c: Any) -> bool:
    if c.number_sign not in LEGAL_SIGNS[state.config.order].get(c.object_type, ()):
        return True
    return (c.object_type is ObjectType.TRUNK) is not (c.trunk is not None)


def phone_of(c: Any) -> tuple[Any, Any, str] | None:
    return None if blank(c.number) else (c.object_type, c.number_sign, str(c.number))


def is_mass_removal(state: State, c: Any) -> bool:
    """Command 6 with FFh everywhere, where the option allows it (PROTOCOL 4.6)."""
    fields = (c.object_number, c.object_type, c.number_sign, c.trunk)
    return state.options.mass_removal == "all" and blank(c.number) and fields == (None,) * 4


def stored(state: State, c: Any) -> Any:
    return state.tables.objects.get(c.object_number)


def differs(what: Callable[[Any], object]) -> Callable[[State, Any], bool]:
    """A field of command 6 is not the stored one."""

    def fails(state: State, c: Any) -> bool:
        row = stored(state, c)
        return row is not None and what(row) != what(c)

    return fails


def leg_of(state: State, c: Any) -> Any:
    return state.calls.find(c.call_number, c.object_type, c.object_number)


def half_a_call(_: State, c: Any) -> bool:
    return (c.call_number is None) is not (c.object_number is None)


def line_disagrees(state: State, c: Any) -> bool:
    """Command 8 by call and by line: they must be the same line (PROTOCOL 4.8)."""
    leg = leg_of(state, c)
    if leg is None or leg.line is None or c.ksl_a is None:
        return False
    return bool(find_line([leg.line], c.ksl_a, c.ksl_b) is None)


def line_named(state: State, c: Any) -> Any:
    """The line that command 8 names when it names no call."""
    return state.tables.line_of(c.ksl_a) if c.call_number is None and c.ksl_a is not None else None


def not_in_use(state: State, c: Any) -> bool:
    if c.call_number is not None:
        leg = leg_of(state, c)
        return leg is not None and leg.line is None
    return state.lines.owner(line_named(state, c)) is None


def line_in_group(state: State, c: Any) -> Any:
    group = state.tables.groups.get(c.ksl_group)
    return find_line(group.lines if group else (), c.ksl_a, c.ksl_b)


def a_not_in_group(state: State, c: Any) -> bool:
    group = state.tables.groups.get(c.ksl_group)
    return group is not None and all(line.ksl_a != c.ksl_a for line in group.lines)
