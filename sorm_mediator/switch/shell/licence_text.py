"""What the shell shows of licences, with the look of the switch.

Source: ECSS-10 manual, Licences in the CLI: ``current-limits``, ``show-licence``, ``show-passport``, the
table of differences of ``add``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sorm_mediator.switch.licence.key import PassportBody
from sorm_mediator.switch.licence.licence import Licence, Licences
from sorm_mediator.switch.licence.limits import LIMITS, SECTIONS, Limits, Value, shown
from sorm_mediator.switch.shell.tables import drawn, flag

Row = tuple[str, str]
NO_LIMIT: Final = "no limit"
LEGEND: Final = """Legend:

    '^' - Changed;
    '-' - Deleted;
    '+' - New."""
DIFFERENT: Final = (
    "[add] You are trying to add a license that is different from the current one by the parameters in the table "
    "(other values will remain unchanged)."
)
KEPT_TO: Final = "This switch keeps to: {}; the other limits are shown only."


def columns(rows: Iterable[Row]) -> str:
    """Labels and values, side by side; a row without a label is an empty line."""
    given = [*rows]
    width = max((len(label) for label, _ in given), default=0) + 1
    return "\n".join(f"{label:<{width}}{value}".rstrip() for label, value in given)


def current_limits(licences: Licences, now: float) -> str:
    """What holds now: the active licence over the factory one."""
    return columns(_limits(licences.limits(now).values))


def show_licence(licences: Licences, licence: Licence, now: float, *, details: bool = False) -> str:
    """A licence and its rows; with ``details`` all rows that hold under it, and which of them take effect."""
    rows = [*_head(licence, active=licence is licences.active(now)), ("", "")]
    rows += _limits(licence.limits.values if details else licence.values)
    if not details:
        return columns(rows)
    effective = ", ".join(limit.key for limit in LIMITS.values() if limit.effective)
    return f"{columns(rows)}\n\n{KEPT_TO.format(effective)}"


def list_licences(licences: Licences, now: float) -> str:
    """All licences, the factory one first. The manual names the command and shows no answer: the look is ours."""
    active = licences.active(now)
    rows = [
        (str(number), licence.body.description, _expires(licence), flag(licence is active))
        for number, licence in licences.installed.items()
    ]
    return drawn(("Id", "Description", "Expiration date (UTC)", "Active"), rows)


def show_passport(passport: PassportBody) -> str:
    """The passport; what it does not hold has no row."""
    rows = [("SSW ID", passport.ssw_id), ("Description", passport.description)]
    if passport.created is not None:
        rows.append(("Create date", _moment(passport.created)))
    if passport.author:
        rows.append(("Author", passport.author))
    return columns(rows)


def differences(old: Limits, new: Limits) -> str:
    """The rows that change, as a table with its legend; "" when none does."""
    rows = [*_differences(old.values, new.values)]
    if not rows:
        return ""
    return f"{drawn(('A', 'Description', 'Old Value', 'New Value'), rows)}\n{LEGEND}"


def _differences(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[tuple[str, str, str, str]]:
    for section in SECTIONS:
        rows = []
        for limit in section.limits:
            before, after = old.get(limit.key), new.get(limit.key)
            if before == after:
                continue
            mark = "+" if before is None else "-" if after is None else "^"
            name = dict(limit.before).get("name", "")
            label = f"{name} {limit.label}" if name else limit.label
            was, becomes = ("" if value is None else shown(value) for value in (before, after))
            rows.append((mark, f" {label}" if section.heading else label, was, becomes))
        if rows and section.heading:
            marks = {row[0] for row in rows}
            yield (marks.pop() if len(marks) == 1 else "^", section.heading, "", "")
        yield from rows


def _head(licence: Licence, *, active: bool) -> Iterator[Row]:
    body = licence.body
    if licence.number:
        yield "SSW ID", body.ssw_id
    yield "Description", body.description
    if body.created is not None:
        yield "Creation date", _moment(body.created)
    yield "Expiration date (UTC)", _expires(licence)
    if body.author:
        yield "Author", body.author
    yield "Active", flag(active)


def _limits(values: Mapping[str, Value]) -> Iterator[Row]:
    for section in SECTIONS:
        limits = [limit for limit in section.limits if limit.key in values]
        if limits and section.heading:
            yield section.heading, ""
        for limit in limits:
            for label, value in limit.rows(values[limit.key]):
                yield (f" {label}" if section.heading else label), value
            if limit.apart:
                yield "", ""


def _expires(licence: Licence) -> str:
    if licence.expiry is None:
        return NO_LIMIT
    return _moment(datetime.fromtimestamp(licence.expiry, UTC) - timedelta(seconds=1))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d.%m.%Y %H:%M:%S")
