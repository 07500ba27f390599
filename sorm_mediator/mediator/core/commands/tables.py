"""Commands 10, 11, 12, 13 and 16: tables are asked for, and their output is interrupted (order 268, 6.10-6.13, 6.16).

A table goes out in pieces (:meth:`~..means.Means.send_table`), so that command 13 and other work get between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from protocol import digits_asked
from protocol.codes import KSL_ROWS_PER_MESSAGE, SERVICES_PER_MESSAGE, TRUNK_NAME_OCTETS
from protocol.messages import (
    GetKsl,
    GetObjects,
    GetServices,
    GetTrunks,
    Interrupt,
    KslInfo,
    ObjectInfo,
    ServicesInfo,
    TrunkInfo,
)
from protocol.values import KslRow, Raw
from sorm_mediator.mediator.core.commands.rule import (
    AnyRule,
    CommandRule,
    Refusal,
    blank,
    missing,
    no_such_group,
)
from sorm_mediator.mediator.core.means import DONE, Job, Means, Standing, Table, Turn, WorkInput
from sorm_mediator.mediator.core.switchside import LINE_STATE_UNKNOWN, Missing, Outcome
from sorm_mediator.texts import printable
from ssh_control.codes import ExtendedError

if TYPE_CHECKING:
    from sorm_mediator.mediator.core.tables import ControlledObject, Line, Tables
    from sorm_mediator.options import MediatorOptions

Page = TypeVar("Page", str, tuple[int, ...], tuple[KslRow, ...])


def pages_of(whole: Page, room: int) -> list[Page]:
    """What each message of an answer has of the whole; one message without any where there is nothing (9.5.5.3)."""
    return [whole[start : start + room] for start in range(0, len(whole), room)] or [whole]


# --- command 10


class DigitFilter(NamedTuple):
    """What octets 5-14 of command 10 ask for: each may be left out (6.10.7.4, 6.10.7.5)."""

    digits: str | None = None
    length: int | None = None


def digit_filter(number: object) -> DigitFilter | None:
    """The filter in a number field; None where its octets mean nothing."""
    if blank(number):
        return DigitFilter()
    if not isinstance(number, Raw):
        return DigitFilter(str(number))
    length = digits_asked(number)
    return None if length is None else DigitFilter(None, length)


def matching_objects(tables: Tables, c: GetObjects) -> list[int]:
    """Numbers of the objects that fit every field that is given, in ascending order."""
    digits = digit_filter(c.number)
    if digits is None:
        return []
    wanted = {
        name: value
        for name in ("object_type", "number_sign", "trunk")
        if (value := getattr(c, name)) is not None
    }

    def fits(row: ControlledObject) -> bool:
        return (
            digits.digits in (None, row.number)
            and digits.length in (None, len(row.number or ""))
            and all(getattr(row, name) == value for name, value in wanted.items())
        )

    if c.object_number is not None:
        row = tables.objects.get(c.object_number)
        return [c.object_number] if row is not None and fits(row) else []
    if not wanted and digits == DigitFilter():
        return sorted(tables.objects)
    return sorted(number for number, row in tables.objects.items() if fits(row))


def object_rows(means: Means, numbers: Sequence[int]) -> Iterator[dict[str, object]]:
    """23h for each of these objects (9.3.6)."""
    objects, states = means.tables.objects, means.context.line_states
    for number in numbers:
        yield objects[number].fields() | {"line_state": states.get(number, LINE_STATE_UNKNOWN)}


def get_objects(means: Means, job: Job[GetObjects], now: float) -> None:
    """The objects that fit."""
    numbers = matching_objects(means.tables, job.command)
    means.send_table(job, Table(ObjectInfo, object_rows(means, numbers), len(numbers)), now)


def repeat_objects(means: Means, job: Job[GetObjects], now: float) -> None:
    """23h with what was asked, all else FFh (6.10.6, 9.3.5)."""
    c = job.command
    means.context.kpd1(
        job.stream,
        ObjectInfo,
        object_number=c.object_number,
        object_type=c.object_type,
        number_sign=c.number_sign,
        number=c.number,
        trunk=c.trunk,
        category=None,
        ksl_group=None,
        priority=None,
        line_state=LINE_STATE_UNKNOWN,
    )


GET_OBJECTS: Final = CommandRule(
    message=GetObjects,
    clause="6.10",
    execute=get_objects,
    table=True,
    partial=frozenset({"number"}),
    receipt=(
        Refusal(
            ExtendedError.WRONG_LENGTH,
            "number with digits that are none, or that the count contradicts",
            "6.10.7.4",
            lambda _, c: digit_filter(c.number) is None,
        ),
    ),
    execution=(
        Refusal(
            ExtendedError.WRONG_OBJECT_NUMBER,
            "no such object",
            "6.10.6",
            lambda means, c: c.object_number is not None and c.object_number not in means.tables.objects,
            repeat_objects,
        ),
        Refusal(
            ExtendedError.NEITHER_NUMBER_NOR_DIRECTION,
            "nothing fits",
            "6.10.6",
            lambda means, c: not matching_objects(means.tables, c),
            repeat_objects,
        ),
    ),
)

# --- command 11


def lines_asked(tables: Tables, c: GetKsl) -> Iterator[tuple[int, Line]]:
    """Groups and their lines that the command asks for: by its group, else by its type, else by KSL-A, else by KSL-B,
    else all (6.11.5, 6.11.8). A group without lines has no rows (6.11.7)."""
    ksl = c.ksl_a or c.ksl_b
    if c.ksl_group is None and c.group_type is None and ksl is not None:
        line = tables.line_of(ksl)
        if line is not None:
            yield tables.group_of[ksl], line
        return
    for number, group in sorted(tables.groups.items()):
        if c.ksl_group is not None:
            if number != c.ksl_group:
                continue
        elif c.group_type not in (None, group.group_type):
            continue
        for line in group.lines:
            yield number, line


def matching_rows(tables: Tables, c: GetKsl, options: MediatorOptions) -> list[KslRow]:
    """Rows of 24h for what the command asks for."""
    rows = []
    for number, line in lines_asked(tables, c):
        shown_b = line.ksl_b or (None if options.combined_ksl_b == "ff" else line.ksl_a)
        rows.append(KslRow(number, tables.groups[number].group_type, line.ksl_a, shown_b))
    return rows


def in_different_groups(means: Means, c: GetKsl) -> bool:
    """KSL-A and KSL-B are asked for and belong to different groups (6.11.6)."""
    if c.ksl_group is not None or c.group_type is not None:
        return False
    asked = [means.tables.group_of.get(ksl) for ksl in (c.ksl_a, c.ksl_b) if ksl is not None]
    return None not in asked and len(set(asked)) > 1


def get_ksl(means: Means, job: Job[GetKsl], now: float) -> None:
    """The rows, eleven a message (9.4.4)."""
    rows = matching_rows(means.tables, job.command, means.options)
    pages = [{"rows": page} for page in pages_of(tuple(rows), KSL_ROWS_PER_MESSAGE)]
    means.send_table(job, Table(KslInfo, iter(pages), len(pages)), now)


def repeat_ksl(means: Means, job: Job[GetKsl], now: float) -> None:
    """24h with what was asked (6.11.6, 6.11.7)."""
    c = job.command
    asked = KslRow(c.ksl_group, c.group_type, c.ksl_a, c.ksl_b)
    rows = () if asked == KslRow(None, None, None, None) else (asked,)
    means.context.kpd1(job.stream, KslInfo, rows=rows)


GET_KSL: Final = CommandRule(
    message=GetKsl,
    clause="6.11",
    execute=get_ksl,
    table=True,
    receipt=(
        Refusal(ExtendedError.WRONG_KSL_GROUP, "group number 0", "6.4.4.1", lambda _, c: c.ksl_group == 0),
    ),
    execution=(
        no_such_group("6.11.7", repeat_ksl),
        Refusal(
            ExtendedError.NO_SUCH_KSL_IN_GROUP,
            "KSL-A and KSL-B are in different groups",
            "6.11.6",
            in_different_groups,
            repeat_ksl,
        ),
        Refusal(
            ExtendedError.NO_SUCH_KSL_IN_GROUP,
            "no such KSL in any group",
            "6.11.7",
            lambda means, c: (
                (c.ksl_a or c.ksl_b) is not None and not matching_rows(means.tables, c, means.options)
            ),
            repeat_ksl,
        ),
        Refusal(
            ExtendedError.KSL_NOT_GIVEN,
            "no KSL is in any such group",
            "6.11.7",
            lambda means, c: not matching_rows(means.tables, c, means.options),
            repeat_ksl,
        ),
    ),
)

# --- command 12


def get_services(means: Means, job: Job[GetServices], now: float) -> None:
    """The switch has the services; 25h has eleven at most (9.5.4)."""
    c = job.command

    def answered(job: Job[GetServices], outcome: Outcome, now: float) -> int | None:
        failure = means.failure(outcome)
        if failure or isinstance(outcome, Missing):
            return failure
        services = octets(outcome.data.get("services"))
        if not services and means.options.no_services_reply == "61h":
            return means.extended(ExtendedError.SERVICES_NOT_SET)
        pages = [
            {"number_sign": c.number_sign, "number": c.number, "services": page}
            for page in pages_of(tuple(sorted(set(services))), SERVICES_PER_MESSAGE)
        ]
        means.send_table(job, Table(ServicesInfo, iter(pages), len(pages)), now)
        return None

    params = {"number": str(c.number), "number_sign": str(c.number_sign)}
    means.ask(job, "services", params, answered, now, work=WorkInput.ASK)


def octets(values: object) -> list[int]:
    """The service codes of a reply; what is no octet is left out."""
    rows = values if isinstance(values, list) else []
    return [v for v in rows if isinstance(v, int) and not isinstance(v, bool) and 0 < v < 0xFF]


GET_SERVICES: Final = CommandRule(
    message=GetServices,
    clause="6.12",
    execute=get_services,
    table=True,
    receipt=(
        missing("number_sign", "number sign missing", "6.12.4"),
        Refusal(ExtendedError.WRONG_LENGTH, "number missing", "6.12.4", lambda _, c: blank(c.number)),
    ),
)

# --- command 13


def interrupt(means: Means, job: Job[Interrupt], now: float) -> int:
    """The running output has been ended before (:data:`~..means.TURNS`)."""
    return DONE


INTERRUPT: Final = CommandRule(
    message=Interrupt,
    clause="6.13",
    execute=interrupt,
    standing=Standing.INTERRUPT,
    execution=(
        Refusal(
            ExtendedError.OUTPUT_ALREADY_FINISHED,
            "no table is being output",
            "6.13.3",
            lambda means, _: means.turn(Standing.INTERRUPT) is Turn.NOTHING_TO_INTERRUPT,
        ),
    ),
)

# --- command 16


def get_trunks(means: Means, job: Job[GetTrunks], now: float) -> None:
    """The switch has the names. A long name takes several 2Ah (9.10.5)."""

    def answered(job: Job[GetTrunks], outcome: Outcome, now: float) -> int | None:
        failure = means.failure(outcome)
        if failure or isinstance(outcome, Missing):
            return failure
        trunks = trunks_of(outcome.data.get("trunks"))
        if not trunks:
            return means.extended(ExtendedError.TRUNK_GROUP_NOT_DEFINED)
        rows = [row for number, name in sorted(trunks) for row in trunk_rows(number, name)]
        if len(rows) > MOST_MESSAGES:
            means.context.counters["trunk_names_cut"] += len(rows) - MOST_MESSAGES
            means.context.log("warning", f"switch: {len(trunks)} trunks: more names than 2Ah can number")
            del rows[MOST_MESSAGES:]
        means.send_table(job, Table(TrunkInfo, iter(rows), len(rows)), now)
        return None

    means.ask(job, "trunks", {"trunk": job.command.trunk}, answered, now, work=WorkInput.ASK)


def trunks_of(values: object) -> list[tuple[int, str]]:
    """Numbers and names of a reply; rows that are none are left out."""
    trunks = []
    for value in values if isinstance(values, list) else []:
        number, name = (value.get("trunk"), value.get("name")) if isinstance(value, dict) else (None, None)
        if isinstance(number, int) and 0 <= number < 0xFFFF:
            trunks.append((number, str(name)))
    return trunks


def trunk_rows(number: int, name: str) -> list[dict[str, object]]:
    """2Ah of one trunk: 43 printable ASCII characters each, at least one message (9.10.4, 9.10.5)."""
    text = printable(name, TRUNK_NAME_OCTETS * MOST_NAME_PARTS)
    return [{"trunk": number, "name": part} for part in pages_of(text, TRUNK_NAME_OCTETS)]


MOST_MESSAGES: Final = 0xFFFF
"""Messages of one answer that the header can number (8.2.1.5)."""
MOST_NAME_PARTS: Final = 8
"""Messages that one name may take: what a switch sends is bounded."""

GET_TRUNKS: Final = CommandRule(message=GetTrunks, clause="6.16", execute=get_trunks, table=True)

RULES: Final[tuple[AnyRule, ...]] = (GET_OBJECTS, GET_KSL, GET_SERVICES, INTERRUPT, GET_TRUNKS)
