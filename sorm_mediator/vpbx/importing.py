"""Rows of a dump as the data of a tenant, or every mistake with its place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, SecretStr, ValidationError

from sorm_mediator.config.mistakes import alternatives, wanted_by
from sorm_mediator.config.vpbx import VpbxConfig
from sorm_mediator.texts import as_list, did_you_mean, shown
from sorm_mediator.vpbx.checks import Finding, findings
from sorm_mediator.vpbx.rows import Dump, DumpError, Place, Row
from sorm_mediator.vpbx.schema import TABLES, Table

MOST_TOLD: Final = 20
"""Mistakes that an error tells; of more it tells the count."""
MASKED: Final = "******"
FLAGS: Final = {"yes": True, "no": False, "1": True, "0": False, "true": True, "false": False}
"""How a dump writes flags."""
_HALF: Final = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: an octet that is no UTF-8, or as JSON has it."""
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Imported:
    """A tenant as imported. notes: what was passed over, and doubts, each with its place."""

    tenant: VpbxConfig
    notes: tuple[str, ...]
    rows: Mapping[str, int]
    """Table -> how many rows were taken, or passed over in a service table."""


def imported(dump: Dump, name: str, **settings: Any) -> Imported:
    """The data of a tenant. ``name``: of the dump; ``settings``: other keys of ``vpbx``.

    Raises :class:`DumpError` with a line for each mistake.
    """
    wrong = [*_unknown_tables(dump), *_unknown_columns(dump)]
    if wrong:
        raise _error(wrong)
    taken: dict[str, list[tuple[Row, BaseModel]]] = {}
    counts: dict[str, int] = dict.fromkeys(dump.tables, 0) | dump.passed_over
    for row in dump.rows:
        if no_texts := [*_no_texts(row)]:
            wrong += no_texts
            continue
        counts[row.table] = counts.get(row.table, 0) + 1
        table = TABLES[row.table.lower()]
        try:
            taken.setdefault(table.name, []).append((row, _model(table, row)))
        except ValidationError as error:
            wrong += _of_the_row(table, row, error)
    options = taken.pop("options", [])
    for row, _ in options[1:]:
        wrong.append(f"{row.place}: options: a tenant has one row of options; take this one out")
    if wrong:
        raise _error(wrong)
    tables: dict[str, Any] = {name: tuple(one for _, one in rows) for name, rows in taken.items()}
    if options:
        tables["options"] = options[0][1]
    if not any(tables.values()):
        raise DumpError(f"{name}: has no row of a table that a tenant is made of: {as_list(_used())}")
    tenant = VpbxConfig.model_validate({**tables, **settings})
    found = [*findings(tenant)]
    told = [(one.doubt, _with_place(one, taken, dump, name)) for one in found]
    wrong = [text for doubt, text in told if not doubt]
    if wrong:
        raise _error(wrong)
    return Imported(tenant, (*_passed_over(dump), *(text for _, text in told)), counts)


def _used() -> Iterator[str]:
    return (one.name for one in TABLES.values() if one.model is not None)


def _error(wrong: Iterable[str]) -> DumpError:
    lines = list(dict.fromkeys(wrong))
    more = [f"and {len(lines) - MOST_TOLD} more mistakes"] if len(lines) > MOST_TOLD else []
    return DumpError("\n".join([*lines[:MOST_TOLD], *more]))


def _unknown_tables(dump: Dump) -> Iterator[str]:
    for name, place in dump.tables.items():
        if name.lower() not in TABLES:
            near = did_you_mean(name, TABLES)
            yield f"{place}: {shown(name)} is no table of a tenant; there are: {as_list(TABLES)}{near}"


def _unknown_columns(dump: Dump) -> Iterator[str]:
    for name, column, place in dump.columns:
        table = TABLES.get(name.lower())
        if table is None or not table.closed or column.lower() == "id" or table.column(column):
            continue
        near = did_you_mean(column.lower(), table.columns)
        there = ", ".join(table.columns)
        yield f"{place}: {table.name}: there is no column {shown(column)}; there are: {there}{near}"


def _passed_over(dump: Dump) -> Iterator[str]:
    """Columns of tables without a fixed form that have no use here, each once."""
    seen: set[tuple[str, str]] = set()
    for name, column, place in dump.columns:
        table = TABLES[name.lower()]
        known = table.model is None or table.closed or table.column(column)
        if not known and (table.name, column) not in seen:
            seen.add((table.name, column))
            yield f"{place}: {table.name}: column {shown(column)} is passed over; used are: {', '.join(table.columns)}"


def _no_texts(row: Row) -> Iterator[str]:
    """Cells of a used column that are no text."""
    table = TABLES[row.table.lower()]
    for written, cell in row.cells.items():
        column = table.column(written)
        if table.model is None or column is None or not _HALF.search(cell.value or ""):
            continue
        if SecretStr not in alternatives(table.model.model_fields[column].annotation):
            yield f"{cell.place}: {table.name}.{column}: is no UTF-8, perhaps CP1251: dump it with utf8mb4"


def _model(table: Table, row: Row) -> BaseModel:
    assert table.model is not None
    given: dict[str, Any] = {}
    for written, cell in row.cells.items():
        column = table.column(written)
        if column is None or cell.value is None:
            continue
        kinds = alternatives(table.model.model_fields[column].annotation)
        if not cell.value.strip() and str not in kinds and SecretStr not in kinds:
            continue  # an empty number or flag is the default, as MySQL has it
        given[column] = _converted(cell.value, kinds)
    return table.model.model_validate(given)


def _converted(text: str, kinds: Sequence[Any]) -> object:
    """A text of a dump as a whole number or a flag where the column is one; else the text, which the model judges."""
    if SecretStr in kinds and _HALF.search(text):
        return b"".join(map(_octets_of, text)).hex()
    if bool in kinds:
        return FLAGS.get(text.strip().lower(), text)
    if int in kinds and _WHOLE.fullmatch(text.strip()):
        return int(text)
    return text


def _octets_of(one: str) -> bytes:
    """The octets of a character; of half of a pair, the octet that it stands for, or its own."""
    return one.encode("utf-8", "surrogateescape" if "\udc80" <= one <= "\udcff" else "surrogatepass")


def _of_the_row(table: Table, row: Row, error: ValidationError) -> Iterator[str]:
    """The mistakes of a row, each at its cell."""
    cells = {table.column(written): cell for written, cell in row.cells.items()}
    told: set[str] = set()
    for one in error.errors(include_url=False):
        column = str(one["loc"][0]) if one["loc"] else ""
        if column in told:
            continue
        told.add(column)
        cell = cells.get(column)
        place = cell.place if cell is not None else row.place
        where = f"{place}: {table.name}.{column}"
        if one["type"] == "missing":
            yield f"{where}: is missing"
            continue
        secret = table.model is not None and table.model.model_fields[column].annotation is SecretStr
        value = MASKED if secret else shown(one["input"])
        wanted = _wanted(one)
        yield f"{where}: {value} is not allowed: {wanted}"


def _wanted(error: Any) -> str:
    if error["type"].startswith("bool"):
        return "yes or no"
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    return wanted_by(error)


def _with_place(
    found: Finding, taken: Mapping[str, list[tuple[Row, BaseModel]]], dump: Dump, name: str
) -> str:
    row = taken[found.table][found.row][0]
    table = TABLES[found.table]
    cells = {table.column(written): cell for written, cell in row.cells.items()}
    cell = cells.get(found.column)
    place: Place = cell.place if cell is not None else row.place
    return f"{place}: {found.table}.{found.column}: {found.text}"
