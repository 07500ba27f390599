"""Settings as forms, made from the models of the lab file: grouped as the tabs of the device, mistakes by field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import HTTPException, Request

from sorm_mediator.language import Phrase, join
from sorm_mediator.web.mediator_api import who_asks
from sorm_mediator.web.pages.page import Action, Form, Page, Redrawn
from sorm_mediator.web.settings_api import SettingDocument, Settings, SettingsRefused

GROUPS: Final[Mapping[str, tuple[Phrase, tuple[str, ...]]]] = {
    "sorm": (Phrase("SORM"), ("mediator", "console")),
    "options": (Phrase("SORM options"), ("mediator.options",)),
    "ssh": (Phrase("SSH"), ("ssh",)),
    "radius": (Phrase("RADIUS"), ("radius",)),
    "e1": (Phrase("E1 and speech"), ("e1", "rtp")),
    "web": (Phrase("Web"), ("web",)),
    "acceptance": (Phrase("Number formats"), ("acceptance",)),
    "lab": (Phrase("Lab"), ("lab",)),
}
"""The tabs: name -> title and tables, the device's own first."""
_FIRST: Final = "sorm"
_WAS: Final = "was"
"""The field with what the form showed, so that only what was changed in it is sent on."""


def group_of(key: str) -> str:
    """The tab of a key: the longest of the tables that it is below decides."""
    tables = {table: name for name, (_, of) in GROUPS.items() for table in of}
    return tables[max((one for one in tables if f"{key}.".startswith((f"{one}.", f"{one}["))), key=len)]


async def settings(request: Request) -> Mapping[str, Any]:
    """The settings of one tab, by table."""
    found = _settings(request).document()
    name = request.query_params.get("group", _FIRST)
    if name not in GROUPS:
        raise HTTPException(404, Phrase("There is no such group of settings: {name}", name=name))
    rows = [_field(one) for one in found.settings if group_of(one.key) == name]
    tables: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        tables.setdefault(row["table"], []).append(row)
    return {
        "group": name,
        "groups": {key: title for key, (title, _) in GROUPS.items()},
        "tables": tables,
        "was": json.dumps({row["key"]: row["text"] for row in rows if row["control"] != "shown"}),
        "file": found.file,
        "unsaved": found.unsaved,
        "ahead": [one.key for one in found.settings if one.waits and not _is_unsaved(one.key, found.unsaved)],
        "mistakes": {},
        "given": {},
        "has_switch_file": request.app.state.switch is not None and found.file is not None,
    }


def _is_unsaved(key: str, unsaved: Iterable[str]) -> bool:
    return any(key == one or key.startswith((f"{one}.", f"{one}[")) for one in unsaved)


def _settings(request: Request) -> Settings:
    found: Settings | None = request.app.state.settings
    if found is None:
        raise HTTPException(404, Phrase("These boxes have no settings to show."))
    return found


def _field(one: SettingDocument) -> dict[str, Any]:
    table, _, name = one.key.rpartition(".")
    return {
        "key": one.key,
        "table": table or name,
        "name": name,
        "id": re.sub(r"\W", "-", one.key),
        "control": _control(one),
        "choices": one.form.get("enum", ()),
        # The field holds what the file has, or will have: what runs can be typed again to have it back.
        "text": as_text(one.waiting if one.waits else one.value),
        "default": "" if one.secret else as_text(one.default),
        "source": one.source,
        "at_once": one.at_once,
        "running": as_text(one.value) if one.waits else None,
        "meaning": Phrase(one.meaning),
    }


def _control(one: SettingDocument) -> str:
    """How a setting is entered."""
    kind = one.form.get("type")
    if one.secret and kind == "string":
        return "password"
    if one.form.get("enum"):
        return "choice"
    if kind == "boolean":
        return "switch"
    if "$ref" in one.form.get("items", one.form.get("additionalProperties", {})):
        return "shown"  # tables: they are written in the file
    if kind == "object":
        return "lines"
    return "text"


def as_text(value: Any) -> str:
    """A value as it stands in a field of a form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    if isinstance(value, dict):
        return "\n".join(f"{key} = {as_text(one)}" for key, one in value.items())
    return str(value)


def as_value(form: Mapping[str, Any], text: str) -> Any:
    """What was entered in a field, by the schema of its setting; what fits nothing stays a text, to be refused."""
    forms = form.get("anyOf", [form])
    kinds = {one.get("type") for one in forms}
    if not text and (kinds <= {"integer", "number"} or "null" in kinds):
        return None  # the default
    if "array" in kinds:
        return [
            as_value(form.get("items", {}), part.strip()) for part in re.split(r"[,\n]", text) if part.strip()
        ]
    if "object" in kinds:
        inner = form.get("additionalProperties", {})
        pairs = (line.partition("=") for line in text.splitlines() if line.strip())
        return {key.strip(): as_value(inner, value.strip()) for key, _, value in pairs}
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    for kind, number in (("integer", int), ("number", float)):
        if kind in kinds:
            try:
                return number(text)
            except ValueError:
                continue
    return text


async def change(request: Request, form: Form) -> Phrase | Redrawn:
    """Change what was changed in a form, and save when that was asked for."""
    found = _settings(request)
    known = {one.key: one for one in found.document().settings}
    try:
        was = json.loads(form.get(_WAS, ""))
    except (ValueError, RecursionError):
        was = None
    if not isinstance(was, dict):
        raise HTTPException(422, Phrase("The form is out of date: open the page again."))
    given = {key: form[key].replace("\r\n", "\n") for key in was if key in form and key in known}
    changed = {key: text for key, text in given.items() if text != was[key]}
    values = {key: as_value(known[key].form, text) for key, text in changed.items()}
    try:
        done = await found.change(values, save=bool(form.get("save")), who=who_asks(request))
    except SettingsRefused as refused:
        mistakes, others = _by_field(refused.mistakes, given)
        text = Phrase(
            "Nothing was changed: {count} mistake.",
            plural="Nothing was changed: {count} mistakes.",
            count=len(refused.mistakes),
        )
        if others:
            text = Phrase("Nothing was changed: {mistakes}", mistakes=join("; ", others))
        return Redrawn(text, "forms", {"mistakes": mistakes, "given": changed}, failed=True)
    parts = []
    if done.applied:
        parts.append(Phrase("Holds now: {keys}.", keys=", ".join(done.applied)))
    if done.needs_restart:
        parts.append(Phrase("Needs a restart: {keys}.", keys=", ".join(done.needs_restart)))
    if done.saved:
        parts.append(Phrase("Saved to {file}.", file=done.saved))
    if done.not_saved:
        parts.append(Phrase("Not saved: {why}.", why=done.not_saved))
    parts += [Phrase("Warning: {text}.", text=text) for text in done.warnings]
    told = Phrase("Nothing was changed.") if not parts else join(" ", parts)
    return Redrawn(told, "forms", {}, failed=bool(done.not_saved))


def _by_field(
    mistakes: Iterable[tuple[str, str]], fields: Iterable[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Mistakes by the field that each is of, and those of no field."""
    found: dict[str, list[str]] = {}
    others = []
    for key, text in mistakes:
        of = [one for one in fields if key == one or key.startswith((f"{one}.", f"{one}["))]
        if of:
            found.setdefault(max(of, key=len), []).append(text)
        else:
            others.append(join(": ", [key, text]) if key else text)
    return found, others


async def save_switch(request: Request, form: Form) -> Phrase:
    """Write the configuration of the switch into the lab file, as ``config/save`` of its shell does."""
    from sorm_mediator.config import ConfigError
    from sorm_mediator.switch.shell.config_commands import save

    file = _settings(request).document().file
    switch = request.app.state.switch
    if file is None or switch is None:
        raise HTTPException(409, Phrase("There is no lab file to save to."))
    try:
        save(switch.engine.node, Path(file), Path(file))
    except ConfigError as error:
        raise HTTPException(409, Phrase("The lab would not start from this: {why}", why=str(error))) from None
    except OSError as error:
        raise HTTPException(
            507, Phrase("{file}: can't be written: {why}", file=file, why=str(error.strerror))
        ) from None
    return Phrase("Saved to {file}.", file=file)


PAGE = Page(
    "/settings",
    "Settings",
    "settings.html.j2",
    settings,
    actions=(Action("/settings", change), Action("/settings/switch/save", save_switch)),
)
