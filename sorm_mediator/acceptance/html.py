"""The run as one page for people: printable, a new page for each kind, without external resources."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from protocol import texts
from protocol.messages import title_of
from sorm_mediator.acceptance.compare import CODES, EVENTS, FAIL, FIELDS, PASS, SKIPPED, worded
from sorm_mediator.acceptance.matrix import DIRECTION_NAMES, FormatCheck
from sorm_mediator.acceptance.report import DOMAIN, KIND_NAMES, WITHIN, AcceptanceRun, document
from sorm_mediator.console.client import SHOWN
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.reports.html import render

_VERDICTS = {str(verdict): verdict for verdict in (PASS, FAIL, SKIPPED)}
_CLASSES = {str(PASS): "pass", str(FAIL): "fail", str(SKIPPED): "skipped"}


def page(run: AcceptanceRun, lang: Lang = "en") -> str:
    """The page, in ``lang``: the document, with names for people."""
    shown = document(run, lang)
    checks = [
        {
            **one,
            "id": f"check-{place}",
            "sentence": _sentence(outcome.check, lang),
            "rows": _rows(one),
            "glance": _glance(one, lang),
            "shown": _shown(one, lang),
        }
        for place, (one, outcome) in enumerate(zip(shown["checks"], run.outcomes, strict=True), 1)
    ]
    kinds = [
        {
            "kind": kind,
            "name": translate(KIND_NAMES[kind], lang),
            "format": agreed,
            "checks": [one for one in checks if one["kind"] == kind],
        }
        for kind, agreed in shown["formats"].items()
    ]
    view = {
        "lang": lang,
        "report": shown,
        "kinds": kinds,
        "grid": _grid(checks, shown["formats"], lang),
        "labels": {name: translate(text, lang) for name, text in LABELS.items()},
        "events": [
            (event, code, translate(title_of(int(code.rstrip("h"), 16)), lang))
            for event, code in CODES.items()
        ],
        "directions": {name: translate(text, lang) for name, text in DIRECTION_NAMES.items()},
        "verdicts": {name: translate(text, lang) for name, text in _VERDICTS.items()},
        "channels": {name: translate(text, lang) for name, text in SHOWN.items()},
        "classes": _CLASSES,
        "within": translate(WITHIN, lang),
        "moment": moment(run.time),
        "value": lambda value: _value(value, lang),
        "cell_value": lambda value: _value(value, lang) if lang == "ru" else value or "-",
        "field": lambda name: translate(FIELDS[name], lang),
    }
    return render(__package__, view)


def moment(time: float) -> str:
    """A time in the zone of this machine, and in UTC: ``2026-11-29 22:05:10 MSK (19:05:10 UTC)``."""
    local, utc = datetime.fromtimestamp(time).astimezone(), datetime.fromtimestamp(time, UTC)
    if local.utcoffset() == utc.utcoffset():
        return f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    day = "" if local.date() == utc.date() else f"{utc:%Y-%m-%d} "
    return f"{local:%Y-%m-%d %H:%M:%S %Z} ({day}{utc:%H:%M:%S} UTC)"


def _sentence(check: FormatCheck, lang: Lang) -> str:
    """The call in words."""
    placed = check.call
    if placed is None:
        return ""
    if placed.origin.startswith("trunk:"):
        text = Phrase(
            "by trunk {trunk} of {domain} comes a call from {a} to {b}",
            trunk=placed.origin.partition(":")[2],
            domain=placed.domain,
            a=placed.a or "-",
            b=placed.b,
        )
    else:
        text = Phrase(
            "subscriber {a} of {domain} dials {b}", a=placed.a or "-", domain=placed.domain, b=placed.b
        )
    return translate(text, lang)


def _rows(check: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The compared values by field: one column for each event. ``agreed``: each agreed value once."""
    rows = []
    for name in FIELDS:
        cells = {row["event"]: row for row in check["compared"] if row["field"] == name}
        if cells:
            agreed = list(dict.fromkeys(cell["expected"] for cell in cells.values()))
            rows.append({"field": name, "agreed": agreed, "cells": [cells[event] for event in EVENTS]})
    return rows


def _glance(check: Mapping[str, Any], lang: Lang) -> str:
    """The number under control in the last event, with its sign."""
    if check["controlled"] is None or not check["compared"]:
        return "-"
    role = check["controlled"]["role"]
    seen = {row["field"]: row["seen"] for row in check["compared"]}
    if seen[f"{role}.number"] is None:
        return translate(LABELS["nothing"], lang)
    sign = seen[f"{role}.sign"] or "-"
    return f"{seen[f'{role}.number'] or '-'} ({_value(sign, lang) if lang == 'ru' else sign})"


def _shown(check: Mapping[str, Any], lang: Lang) -> list[dict[str, Any]]:
    """The printed units: command 5 and the events; answers and the removal only if they report a refusal.

    Decoded fields with the value "not given" are left out; the octets beside them are complete.
    """
    absent = re.compile(rf"\s-\s+{re.escape(translate(texts.NOT_GIVEN, lang))}$")
    return [
        {**unit, "decoded": [line for line in unit["decoded"] if not absent.search(line)]}
        for unit in check["units"]
        if unit["name"] != "remove-object"
        and not (unit["name"] in ("command-received", "command-executed") and unit["fields"]["status"] == 0)
    ]


def _grid(checks: Sequence[Mapping[str, Any]], kinds: Iterable[str], lang: Lang) -> dict[str, Any]:
    """The overview of the matrix: kinds by direction and operator; the cells are checks."""
    columns = sorted(
        {(one["direction"], one["operator"] or "") for one in checks},
        key=lambda one: (one[0] == "incoming", one[1]),
    )
    cells = defaultdict(list)
    for one in checks:
        cells[one["kind"], one["direction"], one["operator"] or ""].append(one)
    return {
        "columns": columns,
        "directions": [(name, len(list(group))) for name, group in groupby(columns, key=lambda one: one[0])],
        "rows": [
            {"name": translate(KIND_NAMES[kind], lang), "cells": [cells[kind, *column] for column in columns]}
            for kind in kinds
        ],
    }


def _value(value: str | None, lang: Lang) -> str:
    """A coded value with its meaning, in Russian the meaning alone; a number unchanged."""
    if value is None or value == "":
        return "-"
    known = texts.VALUES.get(value)
    return translate(known if known is not None and lang == "ru" else worded(value), lang)


LABELS: dict[str, Phrase] = {
    "title": Phrase("Acceptance: formats of numbers"),
    "lab": Phrase("Lab file"),
    "against": Phrase("Mediator"),
    "time": Phrase("Time"),
    "device": Phrase("Device"),
    "serial_number": Phrase("Serial number"),
    "console": Phrase("Console (PU)"),
    "place": Phrase("Place"),
    "name_and_position": Phrase("Name and position"),
    "signature": Phrase("Signature"),
    "date": Phrase("Date"),
    "handed_over": Phrase("Handed over by"),
    "accepted": Phrase("Accepted by"),
    "version": Phrase("Version"),
    "profile": Phrase("Profile"),
    "order": Phrase("order"),
    "orm_number": Phrase("ORM number"),
    "user": Phrase("User at the switch"),
    "result": Phrase("Result"),
    "kind": Phrase("Subscriber"),
    "direction": Phrase("Direction"),
    "operator": Phrase("Operator"),
    "domain": DOMAIN,
    "call": Phrase("Call"),
    "agreed": Phrase("Agreed"),
    "seen": Phrase("Shown"),
    "field": Phrase("Field"),
    "digits": Phrase("Digits"),
    "prefix": Phrase("Prefix"),
    "any": Phrase("any"),
    "none": Phrase("none", context="acceptance labels"),
    "object_type": Phrase("Object type"),
    "number_sign": Phrase("Number sign"),
    "controlled": Phrase("Under control"),
    "bytes": Phrase("Bytes"),
    "decoded": Phrase("Decoded"),
    "nothing": Phrase("did not come"),
    "trace": Phrase("What routing does with this call"),
    "problems": Phrase("What is wrong"),
    "remedies": Phrase("Where to look"),
    "sent": Phrase("sent"),
    "received": Phrase("received"),
    "passed": Phrase("passed"),
    "failed": Phrase("failed"),
    "not_applicable": Phrase("not applicable"),
    "pass": Phrase("PASS", context="acceptance labels"),
    "fail": Phrase("FAIL", context="acceptance labels"),
    "skipped": Phrase("n/a", context="acceptance labels"),
}
