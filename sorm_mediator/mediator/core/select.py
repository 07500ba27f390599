"""What in the tables a command means, by the fields that are given; None is "any" (PROTOCOL 3.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.values import KslRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocol.values import Ksl
    from sorm_mediator.mediator.core.tables import Line, Tables
    from sorm_mediator.options import MediatorOptions


def find_line(lines: Iterable[Line], ksl_a: Ksl | None, ksl_b: Ksl | None) -> Line | None:
    """The line with this KSL-A, and this KSL-B: of a combined line it is left out or repeats A; of a pair it
    may be left out."""
    for line in lines:
        if line.ksl_a == ksl_a and ksl_b in (None, line.ksl_a if line.ksl_b is None else line.ksl_b):
            return line
    return None


def matching_objects(tables: Tables, command: Any) -> list[int]:
    """Numbers of the objects that command 10 asks for, in ascending order."""
    wanted = {
        name: value
        for name in ("object_type", "number_sign", "number", "trunk")
        if (value := getattr(command, name)) is not None and value != ""
    }
    if command.object_number is not None:
        row = tables.objects.get(command.object_number)
        fits = row is not None and all(getattr(row, name) == value for name, value in wanted.items())
        return [command.object_number] if fits else []
    if not wanted:
        return sorted(tables.objects)
    return sorted(
        number
        for number, row in tables.objects.items()
        if all(getattr(row, name) == value for name, value in wanted.items())
    )


def matching_rows(tables: Tables, command: Any, options: MediatorOptions) -> list[KslRow]:
    """Rows of 24h that command 11 asks for, by group and KSL-A; a group without lines is a row too."""
    rows = []
    for number, group in sorted(tables.groups.items()):
        if command.ksl_group not in (None, number) or command.group_type not in (None, group.group_type):
            continue
        if not group.lines and command.ksl_a is None and command.ksl_b is None:
            rows.append(KslRow(number, group.group_type, None, None))
        for line in group.lines:
            partner = line.ksl_a if line.ksl_b is None else line.ksl_b
            if command.ksl_a in (None, line.ksl_a) and command.ksl_b in (None, partner):
                shown_b = None if line.ksl_b is None and options.combined_ksl_b == "ff" else partner
                rows.append(KslRow(number, group.group_type, line.ksl_a, shown_b))
    return rows
