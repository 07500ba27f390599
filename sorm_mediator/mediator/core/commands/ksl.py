"""Commands 4, 7, 8 and 9: lines in groups, and lines on calls (order 268, 6.4, 6.7-6.9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from protocol.codes import GroupType
from protocol.messages import AddKsl, ConnectKsl, ReleaseKsl, RemoveKsl
from sorm_mediator.mediator.core.commands.rule import (
    AnyRefusal,
    AnyRule,
    CommandRule,
    Refusal,
    given,
    missing,
    no_such_group,
)
from sorm_mediator.mediator.core.means import DONE, NOT_DONE, Job, Means, Standing
from sorm_mediator.mediator.core.tables import GroupLineAdded, GroupLineRemoved, Line
from ssh_control.codes import ExtendedError

if TYPE_CHECKING:
    from protocol.values import Ksl
    from sorm_mediator.mediator.core.calls.legs import Leg

# --- what several of them ask


def no_group(_: Means, c: AddKsl | RemoveKsl) -> bool:
    """A group is 01h..FEh (6.4.4.1)."""
    return c.ksl_group is None or c.ksl_group == 0


GROUP_GIVEN: Final[AnyRefusal] = Refusal(
    ExtendedError.WRONG_KSL_GROUP, "group number missing or 0", "6.4.4.1", no_group
)


def find_line(lines: Iterable[Line], ksl_a: Ksl | None, ksl_b: Ksl | None) -> Line | None:
    """The line with this KSL-A, and this KSL-B: of a combined line it is left out or repeats A; of a pair it may be
    left out."""
    for line in lines:
        if line.ksl_a == ksl_a and ksl_b in (None, line.ksl_a if line.ksl_b is None else line.ksl_b):
            return line
    return None


# --- command 4


def wrong_pair(means: Means, c: AddKsl) -> bool:
    """Both KSL of a separate line exist, differ, and are of one stream (6.4.7)."""
    if c.group_type is not GroupType.SEPARATE:
        return False
    a, b = means.pool.exists(c.ksl_a), means.pool.exists(c.ksl_b)
    if not a and not b:
        return True
    return a and b and (c.ksl_a == c.ksl_b or given(c.ksl_a).stream != given(c.ksl_b).stream)


def wrong_b(means: Means, c: AddKsl) -> bool:
    """KSL-B of a pair exists; of a combined line it is FFh or KSL-A (6.4.6)."""
    if c.group_type is GroupType.SEPARATE:
        return not means.pool.exists(c.ksl_b)
    return c.ksl_b is not None and c.ksl_b != c.ksl_a


def taken(means: Means, ksl: Ksl | None) -> bool:
    """A KSL is in one group at most (6.4.9)."""
    return ksl is not None and ksl in means.tables.group_of


def other_type(means: Means, c: AddKsl) -> bool:
    """The group has another type: because of its lines, or of objects that count on it while it is empty (6.4.8)."""
    number = given(c.ksl_group)
    group = means.tables.groups.get(number)
    if group is None or group.group_type == c.group_type:
        return False
    return bool(group.lines) or means.tables.objects_of_group[number] > 0


def too_many(means: Means, c: AddKsl) -> bool:
    """As many KSL in groups as the node may have (order 268, appendices 2-4). There are no more groups with lines than
    there are KSL (6.4.3), since a KSL is in one group."""
    capacity = means.capacity
    added = 2 if c.group_type is GroupType.SEPARATE else 1
    return capacity is not None and len(means.tables.group_of) + added > capacity.ksl_lines


def add_ksl(means: Means, job: Job[AddKsl], now: float) -> int:
    """A line joins its group."""
    c = job.command
    line = Line(given(c.ksl_a), c.ksl_b if c.group_type is GroupType.SEPARATE else None)
    added = GroupLineAdded(given(c.ksl_group), given(c.group_type), line)
    return DONE if means.context.keep(added) else NOT_DONE


ADD_KSL: Final = CommandRule(
    message=AddKsl,
    clause="6.4",
    execute=add_ksl,
    receipt=(
        GROUP_GIVEN,
        missing("group_type", "group type missing", "6.4.4.2"),
        Refusal(
            ExtendedError.WRONG_KSL_A_AND_B,
            "separate: both KSL wrong, the same, or in different streams",
            "6.4.7",
            wrong_pair,
        ),
        Refusal(
            ExtendedError.WRONG_KSL_A,
            "KSL-A missing or not one of the mediator's",
            "6.4.4.3",
            lambda means, c: not means.pool.exists(c.ksl_a),
        ),
        Refusal(ExtendedError.WRONG_KSL_B, "KSL-B does not fit the group type", "6.4.6", wrong_b),
    ),
    execution=(
        Refusal(ExtendedError.KSL_GROUP_OF_ANOTHER_TYPE, "group has another type", "6.4.8", other_type),
        Refusal(
            ExtendedError.KSL_A_ALREADY_ASSIGNED,
            "KSL-A already in a group",
            "6.4.9",
            lambda means, c: taken(means, c.ksl_a),
        ),
        Refusal(
            ExtendedError.WRONG_KSL_B,
            "KSL-B already in a group",
            "6.4.9",
            lambda means, c: taken(means, c.ksl_b),
        ),
        Refusal(
            ExtendedError.KSL_ALLOCATION_ERROR, "as many KSL in groups as the node may have", "2.2", too_many
        ),
    ),
)

# --- commands 7 and 8: a leg is one object in one call


def leg_of(means: Means, c: ConnectKsl | ReleaseKsl) -> Leg | None:
    """The leg that the first five octets name (6.7.8.2, 6.8.7.2)."""
    return means.calls.find(c.call_number, c.object_type, c.object_number)


def group_for(means: Means, c: ConnectKsl) -> int | None:
    """Under statistical control the group of the command (6.7.4), under full control that of command 5 (6.7.5.1)."""
    leg = leg_of(means, c)
    group: object = c.ksl_group if leg is None or leg.statistical else leg.object.ksl_group
    return group if isinstance(group, int) else None


def no_group_for(means: Means, c: ConnectKsl) -> bool:
    """The command needs a group and has none; octets that are no group are looked at no sooner (6.7.5.1)."""
    return not group_for(means, c)


LEG_KNOWN: Final[AnyRefusal] = Refusal(
    ExtendedError.WRONG_OBJECT_FOR_CALL,
    "no such object in such a call",
    "6.7.8.2",
    lambda means, c: c.call_number is not None and leg_of(means, c) is None,
)


def has_line(means: Means, c: ConnectKsl) -> bool:
    """Under full control only where the line was released or none was free (6.7.5)."""
    leg = leg_of(means, c)
    return leg is not None and leg.line is not None


def empty_group(means: Means, c: ConnectKsl) -> bool:
    """The group has no line."""
    group = means.tables.groups.get(given(group_for(means, c)))
    return group is not None and not group.lines


def none_free(means: Means, c: ConnectKsl) -> bool:
    """No free line in the group, and none of an ordinary object."""
    group = group_for(means, c)
    return group is not None and means.pool.free(group) is None and means.pool.victim(group) is None


def report_none_free(means: Means, job: Job[ConnectKsl], now: float) -> None:
    """51h with operation 01h is the result of a command 7 that found no line (11.5.5, 11.5.6)."""
    leg = leg_of(means, job.command)
    if leg is not None:
        means.calls.events.no_ksl(leg, now)


def connect_ksl(means: Means, job: Job[ConnectKsl], now: float) -> int:
    """The call has a line from here on, and the priority of a priority object (6.7.3, 11.2.4.1)."""
    leg, group = given(leg_of(means, job.command)), given(group_for(means, job.command))
    means.calls.connect(leg, group, now)
    return DONE


CONNECT_KSL: Final = CommandRule(
    message=ConnectKsl,
    clause="6.7",
    execute=connect_ksl,
    standing=Standing.AT_ANY_MOMENT,
    partial=frozenset({"ksl_group"}),
    receipt=(
        Refusal(
            ExtendedError.WRONG_OBJECT_FOR_CALL,
            "call number or object number missing",
            "6.7.8.2",
            lambda _, c: c.call_number is None or c.object_number is None,
        ),
        Refusal(
            ExtendedError.WRONG_KSL_GROUP,
            "group number missing or 0, of an object that is not under full control",
            "6.7.4",
            no_group_for,
        ),
    ),
    execution=(
        LEG_KNOWN,
        Refusal(
            ExtendedError.WRONG_KSL_GROUP,
            "no such group",
            "6.7.4",
            lambda means, c: group_for(means, c) not in means.tables.groups,
        ),
        Refusal(ExtendedError.KSL_A_ALREADY_ASSIGNED, "it has a KSL already", "6.7.5", has_line),
        Refusal(ExtendedError.KSL_NOT_GIVEN, "the group is empty", "11.5.5", empty_group, report_none_free),
        Refusal(
            ExtendedError.KSL_ALLOCATION_ERROR,
            "no free KSL, and none of an ordinary object",
            "11.5.5",
            none_free,
            report_none_free,
        ),
    ),
)


def by_ksl(c: ReleaseKsl) -> bool:
    """The command names lines, not a call (6.8.5)."""
    return c.call_number is None and c.object_number is None


def is_pair(means: Means, ksl: Ksl | None) -> bool:
    """The KSL belongs to a separate group."""
    line = None if ksl is None else means.tables.line_of(ksl)
    return line is not None and line.ksl_b is not None


def line_named(means: Means, c: ReleaseKsl) -> Line | None:
    """The line of KSL-A, where no call is named."""
    return means.tables.line_of(c.ksl_a) if by_ksl(c) and c.ksl_a is not None else None


def line_disagrees(means: Means, c: ReleaseKsl) -> bool:
    """Call and KSL are both given and are not the same line."""
    leg = leg_of(means, c)
    if leg is None or leg.line is None or c.ksl_a is None:
        return False
    return find_line([leg.line], c.ksl_a, c.ksl_b) is None


def in_no_group(means: Means, c: ReleaseKsl) -> bool:
    """KSL-A (or KSL-B alone) is in no group, or is not the A of its line (6.8.10)."""
    if not by_ksl(c):
        return False
    line = line_named(means, c)
    return line is None or line.ksl_a != c.ksl_a


def not_connected(means: Means, c: ReleaseKsl) -> bool:
    """There is nothing to release."""
    if c.call_number is not None:
        leg = leg_of(means, c)
        return leg is not None and leg.line is None
    line = line_named(means, c)
    return line is None or means.pool.owner(line) is None


def release_ksl(means: Means, job: Job[ReleaseKsl], now: float) -> int:
    """The line is free, the call goes on (52h/01h)."""
    line = line_named(means, job.command)
    leg = leg_of(means, job.command) if line is None else means.pool.owner(line)
    means.calls.disconnect(given(leg), now)
    return DONE


RELEASE_KSL: Final = CommandRule(
    message=ReleaseKsl,
    clause="6.8",
    execute=release_ksl,
    standing=Standing.AT_ANY_MOMENT,
    receipt=(
        Refusal(
            ExtendedError.WRONG_OBJECT_FOR_CALL,
            "call number without object number, or the other way round",
            "6.8.4",
            lambda _, c: (c.call_number is None) is not (c.object_number is None),
        ),
        Refusal(
            ExtendedError.KSL_NOT_GIVEN,
            "neither call nor KSL given",
            "6.8.5",
            lambda _, c: by_ksl(c) and c.ksl_a is None and c.ksl_b is None,
        ),
        Refusal(
            ExtendedError.WRONG_KSL_B,
            "KSL-B missing, and KSL-A belongs to a separate group",
            "6.8.9",
            lambda means, c: by_ksl(c) and c.ksl_b is None and is_pair(means, c.ksl_a),
        ),
        Refusal(
            ExtendedError.WRONG_KSL_A,
            "KSL-A missing, and KSL-B belongs to a group",
            "6.8.9",
            lambda means, c: by_ksl(c) and c.ksl_a is None and taken(means, c.ksl_b),
        ),
        Refusal(ExtendedError.WRONG_KSL_B, "call and KSL disagree", "6.8.4", line_disagrees),
    ),
    execution=(
        LEG_KNOWN,
        Refusal(ExtendedError.WRONG_KSL_A, "the KSL is in no group", "6.8.10", in_no_group),
        Refusal(
            ExtendedError.WRONG_KSL_B,
            "KSL-B is not the partner of KSL-A",
            "6.8.8",
            lambda means, c: (
                (line := line_named(means, c)) is not None and find_line([line], c.ksl_a, c.ksl_b) is None
            ),
        ),
        Refusal(ExtendedError.KSL_NOT_GIVEN, "no KSL is connected there", "6.8.3", not_connected),
    ),
)

# --- command 9


def line_in_group(means: Means, c: RemoveKsl) -> Line | None:
    """The line that the command names."""
    group = means.tables.groups.get(given(c.ksl_group))
    return find_line(group.lines if group else (), c.ksl_a, c.ksl_b)


def not_in_group(means: Means, c: RemoveKsl) -> bool:
    """The group has no line with this KSL-A."""
    group = means.tables.groups.get(given(c.ksl_group))
    return group is not None and all(line.ksl_a != c.ksl_a for line in group.lines)


def in_use(means: Means, c: RemoveKsl) -> bool:
    """The line is busy in a call (6.9.6; option ``busy_ksl_removal``)."""
    line = line_in_group(means, c)
    return (
        means.options.busy_ksl_removal == "refuse" and line is not None and means.pool.owner(line) is not None
    )


def last_of_objects(means: Means, c: RemoveKsl) -> bool:
    """The last line of a group stays while objects count on it (6.9.7)."""
    number = given(c.ksl_group)
    group = means.tables.groups.get(number)
    return group is not None and len(group.lines) == 1 and means.tables.objects_of_group[number] > 0


def remove_ksl(means: Means, job: Job[RemoveKsl], now: float) -> int:
    """A line leaves its group; by option also one in use (52h/04h)."""
    line = given(line_in_group(means, job.command))
    removed = GroupLineRemoved(given(job.command.ksl_group), line)
    if not means.context.durable(removed):
        return NOT_DONE
    means.calls.out_of_order(line, now)
    means.tables.apply(removed)
    return DONE


REMOVE_KSL: Final = CommandRule(
    message=RemoveKsl,
    clause="6.9",
    execute=remove_ksl,
    receipt=(
        GROUP_GIVEN,
        missing("ksl_a", "KSL-A missing", "6.9.4"),
    ),
    execution=(
        no_such_group("6.9.3"),
        Refusal(ExtendedError.NO_SUCH_KSL_IN_GROUP, "KSL-A is not in that group", "6.9.3", not_in_group),
        Refusal(
            ExtendedError.WRONG_KSL_B,
            "KSL-B is not the partner of KSL-A",
            "6.9.4",
            lambda means, c: line_in_group(means, c) is None,
        ),
        Refusal(
            ExtendedError.KSL_ALLOCATION_ERROR,
            "the line is in use (option busy_ksl_removal)",
            "6.9.6",
            in_use,
        ),
        Refusal(
            ExtendedError.KSL_ALLOCATION_ERROR,
            "the last line of a group that objects count on",
            "6.9.7",
            last_of_objects,
        ),
    ),
)

RULES: Final[tuple[AnyRule, ...]] = (ADD_KSL, CONNECT_KSL, RELEASE_KSL, REMOVE_KSL)
