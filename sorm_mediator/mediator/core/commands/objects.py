"""Commands 5, 6 and 15: an object put under control, taken off it, changed (order 268, 6.5, 6.6, 6.15)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from protocol.codes import Category, ObjectType, Priority
from protocol.messages import AddObject, ChangeObject, RemoveObject
from sorm_mediator.language import MessageId
from sorm_mediator.mediator.core.commands.rule import (
    AnyRefusal,
    AnyRule,
    CommandRule,
    Refusal,
    blank,
    given,
    missing,
    no_such_group,
    readable,
)
from sorm_mediator.mediator.core.means import DONE, Job, Means
from sorm_mediator.mediator.core.numbers import LEGAL_SIGNS
from sorm_mediator.mediator.core.switchside import Missing, Outcome, object_request
from sorm_mediator.mediator.core.tables import ControlledObject, ObjectPut, ObjectRemoved, Phone
from ssh_control.codes import ExtendedError

UNKNOWN_TO_SWITCH: Final = frozenset(
    {
        ExtendedError.WRONG_OBJECT_NUMBER,
        ExtendedError.NUMBER_NOT_FOUND,
        ExtendedError.NEITHER_NUMBER_NOR_DIRECTION,
    }
)
"""The switch's ways to say that it has no such object: then a removal has reached its end."""

# --- what commands 5 and 15 share: category, group, priority (6.5.5.6-6.5.5.8, 6.15.6)


def unfit_group_number(_: Means, c: AddObject | ChangeObject) -> bool:
    """01h..FEh under full control, FFh under statistical control."""
    if c.category is Category.STATISTICAL:
        return c.ksl_group is not None
    return c.ksl_group is None or c.ksl_group == 0


def group_of_other_type(means: Means, c: AddObject | ChangeObject) -> bool:
    """The category under full control is the type of the group."""
    group = None if c.ksl_group is None else means.tables.groups.get(c.ksl_group)
    return group is not None and group.group_type.value != str(c.category)


def unfit_priority(means: Means, c: AddObject | ChangeObject) -> bool:
    """01h or 02h under full control; FFh or 02h under statistical control, by option also 01h."""
    if c.category is Category.STATISTICAL:
        return c.priority is Priority.HIGH and means.options.statistical_high_priority == "refuse"
    return c.priority is None


CONTROL_AT_RECEIPT: Final[tuple[AnyRefusal, ...]] = (
    missing("category", "category missing", "6.5.5.6"),
    Refusal(
        ExtendedError.WRONG_KSL_GROUP,
        "group number missing or 0, or given for statistical control",
        "6.5.5.7",
        unfit_group_number,
    ),
    Refusal(
        ExtendedError.KSL_GROUP_OF_ANOTHER_TYPE,
        "group of a type that does not fit the category",
        "6.5.5.7",
        group_of_other_type,
    ),
    Refusal(
        ExtendedError.WRONG_PRIORITY,
        "priority missing under full control, or 01h under statistical control (option statistical_high_priority)",
        "6.5.5.8",
        unfit_priority,
    ),
)
GROUP_KNOWN: Final = no_such_group("6.5.5.7")

# --- command 5

_NETWORK: Final = frozenset({ObjectType.NETWORK_FULL, ObjectType.NETWORK_PARTIAL})


def no_trunk(_: Means, c: AddObject) -> bool:
    """A trunk object without its trunk, whether or not it has a number."""
    return c.object_type is ObjectType.TRUNK and c.trunk is None


def unfit_own_sign(means: Means, c: AddObject) -> bool:
    """A subscriber of the node with a sign that only numbers of the network have."""
    own = ObjectType.OWN_SUBSCRIBER
    return c.object_type is own and c.number_sign not in LEGAL_SIGNS[means.config.order][own]


def local_sign(means: Means, c: AddObject) -> bool:
    """A number of the network with the sign of the node's own subscribers."""
    own = LEGAL_SIGNS[means.config.order][ObjectType.OWN_SUBSCRIBER]
    return c.object_type in _NETWORK and c.number_sign in own


def unfit_type(means: Means, c: AddObject) -> bool:
    """The sign is one that the type has, and a trunk object names a trunk and no number."""
    if c.number_sign not in LEGAL_SIGNS[means.config.order].get(given(c.object_type), ()):
        return True
    return (c.object_type is ObjectType.TRUNK) is not (c.trunk is not None)


def number_again(means: Means, c: AddObject) -> bool:
    """The same number with the same sign and type is under control already, and the option refuses that."""
    return means.options.same_number_again == "refuse" and phone_of(c) in means.tables.by_phone


def phone_of(c: AddObject) -> Phone | None:
    """What makes two phone objects the same phone; None for a trunk."""
    return None if blank(c.number) else (given(c.object_type), readable(c.number_sign), str(c.number))


def table_full(means: Means, c: AddObject) -> bool:
    """No room for one more object of this kind (order 268, appendices 2-4)."""
    tables, capacity = means.tables, means.capacity
    if capacity is None:
        return len(tables.objects) >= means.config.max_objects
    count = tables.objects_of_type
    if c.object_type is ObjectType.OWN_SUBSCRIBER:
        return count[ObjectType.OWN_SUBSCRIBER] >= capacity.own_objects
    network = count[ObjectType.NETWORK_FULL] + count[ObjectType.NETWORK_PARTIAL]
    return c.object_type is not ObjectType.TRUNK and network >= capacity.network_objects


def too_many_trunks(means: Means, c: AddObject) -> bool:
    """As many trunks are under control as may be (order 268, 3.1, 4.1)."""
    most = means.config.max_trunk_objects if means.capacity is None else means.capacity.trunk_objects
    return c.trunk is not None and len(means.tables.by_trunk) >= most


def add_object(means: Means, job: Job[AddObject], now: float) -> None:
    """The switch is asked first; the table has the object when the switch does."""
    c = job.command
    row = ControlledObject(
        object_number=given(c.object_number),
        object_type=given(c.object_type),
        number_sign=readable(c.number_sign),
        number=None if blank(c.number) else str(c.number),
        trunk=c.trunk,
        category=given(c.category),
        ksl_group=c.ksl_group,
        priority=readable(c.priority),
    )

    def added(job: Job[AddObject], outcome: Outcome, now: float) -> int:
        failure = means.failure(outcome)
        if not failure and not isinstance(outcome, Missing):
            if not means.context.keep(ObjectPut(row)):
                return means.not_kept(now)
            means.switch.note_line_state(row.object_number, outcome.data.get("line_state"))
            means.calls.object_put(row.object_number, now)
            join_running_calls(means, row.object_number, now)
        return failure

    means.ask(job, "add", {"object": object_request(row)}, added, now)


def join_running_calls(means: Means, number: int, now: float) -> None:
    """Option ``join_running_call_on_add``; the order has control begin with the next call (6.5.4).

    Only after the object is in the tables: a report that overtakes it would find no object.
    """
    if means.options.join_running_call_on_add == "off":
        return

    def asked(outcome: Outcome, now: float) -> None:
        if isinstance(outcome, Missing) or not outcome.ok:
            means.context.counters["joins_failed"] += 1
            means.context.log("warning", f"switch: object {number} could not join the running calls")

    means.switch.ask("join", {"object_number": number}, asked, now)


ADD_OBJECT: Final = CommandRule(
    message=AddObject,
    clause="6.5",
    execute=add_object,
    receipt=(
        missing("object_number", "object number missing", "6.5.5.1"),
        missing("object_type", "object type missing", "6.5.5.1"),
        Refusal(
            ExtendedError.BOTH_NUMBER_AND_TRUNK,
            "both phone and trunk given",
            "6.5.5.5",
            lambda _, c: not blank(c.number) and c.trunk is not None,
        ),
        # Each before the code that also fits, and says less.
        Refusal(ExtendedError.TRUNK_NOT_GIVEN, "trunk object without its trunk", "6.5.5.5", no_trunk),
        Refusal(
            ExtendedError.NEITHER_NUMBER_NOR_TRUNK,
            "neither phone nor trunk given",
            "6.5.5.5",
            lambda _, c: blank(c.number) and c.trunk is None,
        ),
        Refusal(
            ExtendedError.WRONG_NUMBER_SIGN,
            "own subscriber with a sign of the network",
            "6.5.5.2",
            unfit_own_sign,
        ),
        Refusal(
            ExtendedError.LOCAL_SIGN_OF_OTHER_NUMBER,
            "number of the network with the sign of own subscribers",
            "6.5.5.2",
            local_sign,
        ),
        Refusal(
            ExtendedError.WRONG_OBJECT_OR_NUMBER_TYPE,
            "object type does not fit the sign or the number",
            "6.5.5.2",
            unfit_type,
        ),
        *CONTROL_AT_RECEIPT,
    ),
    execution=(
        Refusal(
            ExtendedError.OBJECT_ALREADY_DEFINED,
            "object number already used",
            "6.5.5.1",
            lambda means, c: c.object_number in means.tables.objects,
        ),
        Refusal(
            ExtendedError.NUMBER_ALREADY_DEFINED,
            "phone already controlled under another object number (option same_number_again)",
            "6.5.6",
            number_again,
        ),
        Refusal(
            ExtendedError.TRUNK_ALREADY_CONTROLLED,
            "trunk already controlled under another object number",
            "",
            lambda means, c: c.trunk in means.tables.by_trunk,
        ),
        Refusal(ExtendedError.OBJECT_TABLE_FULL, "object table full", "2.2", table_full),
        Refusal(
            ExtendedError.TEN_TRUNKS_CONTROLLED, "as many trunks controlled as may be", "3.1", too_many_trunks
        ),
        GROUP_KNOWN,
    ),
)

# --- command 6


def is_mass_removal(means: Means, c: RemoveObject) -> bool:
    """FFh everywhere takes off every object, where option ``mass_removal`` allows it."""
    fields = (c.object_number, c.object_type, c.number_sign, c.trunk)
    return means.options.mass_removal == "all" and blank(c.number) and fields == (None,) * 4


def stored(means: Means, c: RemoveObject | ChangeObject) -> ControlledObject | None:
    """The object that the command names."""
    return None if c.object_number is None else means.tables.objects.get(c.object_number)


def differs(extended: int, summary: MessageId, what: Callable[[Any], object]) -> AnyRefusal:
    """The refusal of command 6 for a field that is not the stored one (6.6.5)."""

    def when(means: Means, c: RemoveObject) -> bool:
        row = stored(means, c)
        return row is not None and what(row) != what(c)

    return Refusal(extended, summary, "6.6.5", when)


def remove_object(means: Means, job: Job[RemoveObject], now: float) -> None:
    """The switch is asked first. Lines of the object are released with 52h/05h (6.6.4)."""
    number = job.command.object_number

    def removed_all(_: Job[RemoveObject], outcome: Outcome, now: float) -> int:
        return means.failure(outcome) or forget(means, list(means.tables.objects), now)

    if number is None:
        means.ask(job, "clear", {}, removed_all, now)
        return

    def removed(_: Job[RemoveObject], outcome: Outcome, now: float) -> int:
        gone = not isinstance(outcome, Missing) and not outcome.ok and outcome.code in UNKNOWN_TO_SWITCH
        failure = DONE if gone else means.failure(outcome)
        return failure or forget(means, [number], now)

    means.ask(job, "remove", {"object_number": number}, removed, now)


def forget(means: Means, numbers: Sequence[int], now: float) -> int:
    """The objects are not under control any more: their lines are free, their calls are not reported. Returns the
    status of 28h."""
    removed = [ObjectRemoved(number) for number in numbers]
    if not means.context.durable(*removed):
        return means.not_kept(now)
    for change in removed:
        means.calls.object_removed(change.object_number, now)
        means.context.line_states.pop(change.object_number, None)
        means.tables.apply(change)
    return DONE


REMOVE_OBJECT: Final = CommandRule(
    message=RemoveObject,
    clause="6.6",
    execute=remove_object,
    receipt=(
        Refusal(
            ExtendedError.WRONG_OBJECT_NUMBER,
            "object number missing",
            "6.6.5",
            lambda means, c: c.object_number is None and not is_mass_removal(means, c),
        ),
    ),
    execution=(
        Refusal(
            ExtendedError.WRONG_OBJECT_NUMBER,
            "no such object",
            "6.6.3",
            lambda means, c: not is_mass_removal(means, c) and stored(means, c) is None,
        ),
        differs(
            ExtendedError.OBJECT_DOES_NOT_SUIT_COMMAND,
            "the object is a trunk and the command names a phone, or the other way round",
            lambda o: o.object_type is ObjectType.TRUNK,
        ),
        differs(ExtendedError.WRONG_OBJECT_OR_NUMBER_TYPE, "another object type", lambda o: o.object_type),
        differs(ExtendedError.WRONG_OBJECT_OR_NUMBER_TYPE, "another number sign", lambda o: o.number_sign),
        differs(
            ExtendedError.WRONG_COUNT_OF_DIGITS, "another count of digits", lambda o: len(o.number or "")
        ),
        differs(ExtendedError.NUMBER_NOT_FOUND, "another number", lambda o: o.number or ""),
        differs(ExtendedError.ANOTHER_TRUNK_DEFINED, "another trunk", lambda o: o.trunk),
    ),
)

# --- command 15


def change_object(means: Means, job: Job[ChangeObject], now: float) -> None:
    """Category, group and priority; from the object's next call on (6.15.5; option ``change_running_call``)."""
    c = job.command
    row = replace(
        means.tables.objects[given(c.object_number)],
        category=given(c.category),
        ksl_group=c.ksl_group,
        priority=readable(c.priority),
    )

    def changed(job: Job[ChangeObject], outcome: Outcome, now: float) -> int:
        failure = means.failure(outcome)
        if not failure:
            if not means.context.keep(ObjectPut(row)):
                return means.not_kept(now)
            means.calls.object_changed(row, now)
        return failure

    request = object_request(row)
    params = {name: request[name] for name in ("object_number", "category", "priority")}
    means.ask(job, "change", params, changed, now)


CHANGE_OBJECT: Final = CommandRule(
    message=ChangeObject,
    clause="6.15",
    execute=change_object,
    receipt=(
        missing("object_number", "object number missing", "6.15.4"),
        *CONTROL_AT_RECEIPT,
    ),
    execution=(
        Refusal(
            ExtendedError.WRONG_OBJECT_NUMBER,
            "no such object",
            "6.15.3",
            lambda means, c: stored(means, c) is None,
        ),
        GROUP_KNOWN,
    ),
)

RULES: Final[tuple[AnyRule, ...]] = (ADD_OBJECT, REMOVE_OBJECT, CHANGE_OBJECT)
