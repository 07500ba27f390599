"""Settings over HTTP: every key of the lab file, and changes of it.

:mod:`sorm_mediator.lab.settings` makes the changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from starlette.responses import Response

from sorm_mediator.mediator.binding.status import Document
from sorm_mediator.web.mediator_api import RequestBody, who_asks

Source = Literal["default", "profile", "file", "outside", "changed"]


@dataclass(frozen=True, kw_only=True)
class SettingDocument(Document):
    """One key of the lab file."""

    key: str
    """Such as ``mediator.options.call_expiry``; items of a list count from 1: ``e1[1].mode``."""
    value: Any
    """The value that holds now. A secret is ``******``, or empty."""
    default: Any
    """Its value without the lab file; null: none."""
    source: Source
    """default; profile: the default of ``mediator.profile``; file; outside: ``--set``, ``--auto-ports`` or the
    environment; changed: since the start, and not saved."""
    at_once: bool
    """A change takes effect at once; else after a restart."""
    waits: bool
    """A restart brings another value: ``waiting``."""
    waiting: Any
    """The value that a restart brings, where it is another one; else null."""
    secret: bool
    meaning: str
    form: dict[str, Any]
    """What is allowed, as a JSON schema."""


@dataclass(frozen=True, kw_only=True)
class SettingsDocument(Document):
    """All settings but those of the switch, which its shell changes."""

    file: str | None
    """Where changes are saved; null: nowhere."""
    why_not: str
    """Without a file: why."""
    unsaved: list[str]
    """Keys that were changed and are not saved."""
    settings: list[SettingDocument]


class ChangeRequest(RequestBody):
    """Changes of settings: all of them, or with a mistake none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"values": {"mediator.options.call_expiry": 3600, "ssh.keepalive": None}, "save": True}
            ]
        }
    )

    values: dict[str, Any] = Field(default={})
    """Key -> value, at most 300. null: the default again. ``******``: a secret stays as it is."""
    save: bool = False
    """Write the lab file: these changes, and earlier ones that are not saved."""


@dataclass(frozen=True, kw_only=True)
class ChangedDocument(Document):
    """What became of the changes."""

    applied: list[str]
    """Keys whose new value holds now; also those that waited for a restart, and are as the lab runs again."""
    needs_restart: list[str]
    """Keys whose new value a restart brings, once it is saved."""
    saved: str | None
    """The lab file that was written; null: none."""
    not_saved: str
    """Why not, where it was asked for."""
    warnings: list[str]


class SettingsRefused(Exception):  # noqa: N818 - an answer
    """Changes that can't be made: texts by key, "" for one of the file as a whole."""

    def __init__(self, mistakes: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{key}: {text}" if key else text for key, text in mistakes))
        self.mistakes = mistakes


class Settings(Protocol):
    """The settings of the boxes that are served."""

    def document(self) -> SettingsDocument:
        """Every key."""
        ...

    async def change(self, values: Mapping[str, Any], *, save: bool, who: str) -> ChangedDocument:
        """Make changes. Raises :class:`SettingsRefused`, and then nothing has changed."""
        ...


def not_allowed(refused: SettingsRefused) -> Response:
    """422 in the form of all others: one entry for each key, its text in our words."""
    detail = [
        {
            "type": "setting",
            "loc": ["body", "values", key] if key else ["body"],
            "path": f"$.values[{json.dumps(key)}]" if key else "$",
            "msg": text,
        }
        for key, text in refused.mistakes
    ]
    # In ASCII: a value may hold half of a surrogate pair, which has no UTF-8.
    return Response(json.dumps({"detail": detail}), 422, media_type="application/json")


async def _settings(request: Request) -> Settings:
    settings: Settings | None = request.app.state.settings
    if settings is None:
        raise HTTPException(404, "these boxes were not started as a lab: they have no settings to show")
    return settings


OfBoxes = Annotated[Settings, Depends(_settings)]

settings_router = APIRouter()
"""The routes, which serve ``app.state.settings``."""


@settings_router.get("/settings", summary="Every setting")
async def all_settings(settings: OfBoxes) -> SettingsDocument:
    """Every key with its value, default and origin, and whether a change needs a restart; secrets are masked."""
    return settings.document()


@settings_router.put(
    "/settings",
    response_model=ChangedDocument,
    responses={422: {"description": "Mistakes, one for each key, as `config check` tells them"}},
    summary="Change settings",
)
async def change_settings(settings: OfBoxes, request: Request, changes: ChangeRequest) -> Any:
    """Check all changes as `config check` does, apply what can be applied at once, and save if asked."""
    try:
        return await settings.change(changes.values, save=changes.save, who=who_asks(request))
    except SettingsRefused as refused:
        return not_allowed(refused)
