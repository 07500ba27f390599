"""The shell's commands for licences: ``cluster/storage/<CLUSTER>/licence/...``.

Source: ECSS-10 manual, Licences in the CLI: ``current-limits``, ``show-licence``, ``show-passport``, the table of
differences of ``add``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sorm_mediator.switch.changes import ChangeRefused, rejections
from sorm_mediator.switch.changes.licence import (
    add_licence,
    candidate,
    delete_licence,
    set_passport,
    set_tokens,
)
from sorm_mediator.switch.licence import Licence, Limits, PassportBody, Value, sections_of, shown
from sorm_mediator.switch.shell.command import Command, Invocation, Talk, confirmed, flag, format_table
from sorm_mediator.texts import whole_number

_PATH: Final = "cluster/storage/<CLUSTER>/licence"
QUESTION: Final = "Are you sure?: [yes]/no ?> "
"""An empty line gives the answer in brackets."""
Row = tuple[str, str]
LEGEND: Final = """Legend:

    '^' - Changed;
    '-' - Deleted;
    '+' - New."""
DIFFERENT: Final = (
    "[add] You are trying to add a license that is different from the current one by the parameters in the table "
    "(other values will remain unchanged)."
)


def columns(rows: Iterable[Row]) -> str:
    """Labels and values, side by side; a row without a label is an empty line."""
    given = [*rows]
    width = max((len(label) for label, _ in given), default=0) + 1
    return "\n".join(f"{label:<{width}}{value}".rstrip() for label, value in given)


def _now(call: Invocation) -> float:
    return call.shell.context.clock()


def _licence(call: Invocation) -> Licence:
    """The licence of the number entered. Raises :class:`ChangeRefused`."""
    licences, text = call.node.licences, call["LicenceId"]
    number = whole_number(text, 0, 2**31 - 1)
    if number is None:
        raise ChangeRefused(f"{text[:20]!r} is not a number of a licence; list-licence shows them")
    with rejections():
        return licences.get(number)


def _current_limits(call: Invocation) -> str:
    """The present limits: those of the active licence over those of the factory licence.

    The last line is the one that the ECSS-10 manual, SORM licence, has looked at.
    """
    limits = call.node.licences.active(_now(call)).limits
    shown = call.shell.context.licence_state()
    state = [("Licence state", shown), ("", "")] if shown else []
    return columns([*state, *_limits(limits.values), ("Sorm enabled", flag(limits.sorm_enabled))])


def _show_licence(call: Invocation) -> str:
    """A licence and its rows; ``--details``: all rows under this licence, and which take effect."""
    licence, details = _licence(call), call.flag("--details")
    rows = [*_head(licence, active=licence is call.node.licences.active(_now(call))), ("", "")]
    rows += _limits(licence.limits.values if details else licence.values)
    if not details:
        return columns(rows)
    effective = ", ".join(licence.limits.told())
    return f"{columns(rows)}\n\nThis switch keeps to: {effective}; the other limits are shown only."


def _list_licence(call: Invocation) -> str:
    """All licences, the factory one first. The manual shows no answer of the command: the form is ours."""
    active = call.node.licences.active(_now(call))
    rows = [
        (number, licence.body.description, _expires(licence), licence is active)
        for number, licence in call.node.licences.installed.items()
    ]
    return format_table(("Id", "Description", "Expiration date (UTC)", "Active"), rows)


def _show_passport(call: Invocation) -> str:
    """The passport; missing values have no row."""
    passport = call.node.licences.passport
    rows = [("SSW ID", passport.ssw_id), ("Description", passport.description)]
    if passport.created is not None:
        rows.append(("Create date", _moment(passport.created)))
    rows += _origin(passport, host="Encoder hostname")
    if passport.encoder_created is not None:
        rows.append(("Encoder create date", _moment(passport.encoder_created)))
    return columns(rows)


def _origin(body: PassportBody, *, host: str) -> Iterator[Row]:
    """Who issued a licence or a passport. Of several addresses each has a line.

    ``host``: the label of the encoder's host.
    """
    values = (
        ("Author", (body.author,)),
        ("Author IP", body.author_ip),
        ("Encoder user", (body.encoder_user,)),
        (host, (body.encoder_host,)),
        ("Encoder IP", body.encoder_ip),
    )
    for label, texts in values:
        for number, text in enumerate(filter(None, texts)):
            yield ("" if number else label), text


def differences(old: Limits, new: Limits) -> str:
    """The rows that change, as a table with its legend; "" without any."""
    rows = [*_differences(old.values, new.values)]
    if not rows:
        return ""
    return f"{format_table(('A', 'Description', 'Old Value', 'New Value'), rows)}\n{LEGEND}"


def _differences(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[tuple[str, str, str, str]]:
    for section in sections_of({**old, **new}):
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
    yield from _origin(body, host="Encoder host")
    yield "Active", flag(active)


def _limits(values: Mapping[str, Value]) -> Iterator[Row]:
    for section in sections_of(values):
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
        return "no limit"
    return _moment(datetime.fromtimestamp(licence.expiry - 1, UTC))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d.%m.%Y %H:%M:%S")


def _add(call: Invocation) -> Talk:
    """Show the changes, ask, and add. The licence is checked before the question and again after the answer."""
    key, licences = "".join(call.many("LICENCE-KEY")), call.node.licences
    limits = candidate(call.node, key, _now(call)).limits
    parts = []
    if not call.flag("--no-diff"):
        table = differences(licences.active(_now(call)).limits, limits)
        parts = [table, "", DIFFERENT] if table else ["The limits remain as they are."]
    if not call.flag("--force"):
        question, parts = "\n".join([*parts, QUESTION]), []
        if not (yield from confirmed(question, empty=True, again=QUESTION)):
            return "cancelled: the licence has not been added"
    licence = add_licence(call.node, key, _now(call))
    ends = f"licence {licence.number} is active; what runs already goes on, also beyond its limits"
    return "\n".join([*parts, "ok", ends])


def _delete(call: Invocation) -> str:
    delete_licence(call.node, _licence(call).number)
    return "Licence has been deleted"


def _set_passport(call: Invocation) -> str:
    set_passport(call.node, "".join(call.many("PASSPORT")))
    return "OK"


def _show_tokens(call: Invocation) -> str:
    """The USB keys, and how long the switch works without those that lack. The form is ours."""
    tokens, now = call.node.tokens, _now(call)
    left = tokens.left(now)
    time = "enough keys" if left is None else str(timedelta(seconds=int(left)))
    return columns(
        [
            ("USB keys", str(tokens.count(now))),
            ("DS nodes", str(tokens.nodes(now))),
            ("Alive time left", time),
        ]
    )


def _set_tokens(call: Invocation) -> str:
    count = whole_number(call["COUNT"], 0, MOST_TOKENS)
    if count is None:
        raise ChangeRefused(f"COUNT: {call['COUNT'][:20]!r} is not allowed: 0 to {MOST_TOKENS}")
    set_tokens(call.node, count)
    call.node.tokens.look(_now(call))
    return _show_tokens(call)


def _lsusb(call: Invocation) -> str:
    return "\n".join(call.node.tokens.lsusb(_now(call)))


MOST_TOKENS: Final = 16
"""USB keys that there can be (our choice)."""

LICENCE_COMMANDS: Final = (
    Command(f"{_PATH}/current-limits", "", _current_limits, "Show the limits that hold now"),
    Command(
        f"{_PATH}/show-licence", "[--details] <LicenceId>", _show_licence,
        "Show a licence; --details: all limits that hold under it",
    ),
    Command(
        f"{_PATH}/list-licence", "", _list_licence,
        "List the licences; the active one is the highest that has not expired",
    ),
    Command(
        f"{_PATH}/add", "[--force|--no-diff] <LICENCE-KEY>...", _add,
        "Add a licence: shows what changes, and asks; --force does not ask, --no-diff does not show",
    ),
    Command(f"{_PATH}/delete", "<LicenceId>", _delete, "Delete a licence; the factory licence 0 stays"),
    Command(f"{_PATH}/set-passport", "<PASSPORT>...", _set_passport, "Set the passport of the system"),
    Command(f"{_PATH}/show-passport", "", _show_passport, "Show the passport of the system"),
    Command(f"{_PATH}/tokens", "", _show_tokens, "Show the USB keys and the alive time without those that lack"),
    Command(f"{_PATH}/set-tokens", "<COUNT>", _set_tokens, "Plug in or pull USB keys: how many are there then"),
    Command("lsusb", "", _lsusb, "The USB devices of the switch: its eToken keys are those of Aladdin"),
)  # fmt: skip
