"""Settings of a running lab: shown, checked, applied where no restart is needed, and saved to the lab file.

A change is made to the document that the lab was started from, and that is checked as a lab file is. Of what differs
then, :mod:`sorm_mediator.config.live` says what is applied at once. The rest waits for a restart, which it survives
only if it is saved. The file is read anew when it is saved, and only the changed keys are written into it.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from sorm_mediator.config import Config, ConfigError, parse
from sorm_mediator.config.lab import MOST_MISTAKES, Given, UnsoundError, put
from sorm_mediator.config.lines import KeyPath, by_key, key_of, path_of, shown
from sorm_mediator.config.live import at_once
from sorm_mediator.config.settings import SWITCH, Setting, settings, unmasked
from sorm_mediator.errors import BoxError
from sorm_mediator.journal.chain import canonical
from sorm_mediator.lab.checks import check_references, check_routing, file_warnings
from sorm_mediator.language import Phrase
from sorm_mediator.web.settings_api import (
    ChangedDocument,
    SettingDocument,
    SettingsDocument,
    SettingsRefused,
    Source,
)

log = logging.getLogger(__name__)

_NAME_OF_KEY: Final = r"(?!\d+(?:[.\[]|$))"
_KEY: Final = re.compile(rf"{_NAME_OF_KEY}\w+(?:\.{_NAME_OF_KEY}[\w-]+|\[[1-9]\d{{0,3}}\])*")
"""A name is no number alone: an item of a list is ``[n]``."""
MOST_VALUES: Final = 300
"""Values of one change."""
MOST_LEVELS: Final = 16
"""Tables and lists inside one another in a value: far more than a lab file has."""
NO_FILE: Final = Phrase("this lab was not started from a file of yours: sorm-mediator init makes one")
_NAME: Final = "settings"


class Running(Protocol):
    """A lab that runs."""

    config: Config

    async def configure(self, config: Config) -> None:
        """Take settings that differ only in keys that need no restart. Raises :class:`BoxError`."""
        ...

    def note(self, kind: str, /, **fields: object) -> None:
        """Write an entry of the journal."""
        ...


class LabSettings:
    """The settings of a lab that runs."""

    def __init__(self, lab: Running) -> None:
        from sorm_mediator.config.written import plain

        self._lab = lab
        config = lab.config
        # Of a configuration that was made in code there is no document.
        document = copy.deepcopy(dict(config.document)) or plain(config, given_only=True)
        self._first = document
        self._wanted = parse(document, directory=config.directory)
        """The settings with all changes, also those that wait for a restart."""
        self._started = {one.key: one.value for one in settings(self._wanted)}
        self._outside = {shown(one.path) for one in config.given} | {
            one.key for one in settings(config) if one.value != self._started.get(one.key)
        }
        """Keys whose value is not that of the file: --set, the environment, --auto-ports."""
        self._unsaved: dict[str, Any] = {}
        """Values that were given since the file was written."""
        self._differ: set[str] = set()
        """Those of them that are not what the file has."""
        self._saved: set[str] = set()
        self._changing = asyncio.Lock()

    def document(self) -> SettingsDocument:
        """Every key, with what holds now and what waits for a restart."""
        wanted = {one.key: one.value for one in settings(self._wanted)}
        file = self._lab.config.file
        return SettingsDocument(
            file=None if file is None else str(file),
            why_not=NO_FILE if file is None else "",
            unsaved=sorted(self._differ),
            settings=[
                SettingDocument(
                    key=one.key,
                    value=one.value,
                    default=one.default,
                    source=self._source(one),
                    at_once=at_once(one.key),
                    waits=self._waits(one, wanted.get(one.key)),
                    waiting=wanted.get(one.key) if self._waits(one, wanted.get(one.key)) else None,
                    secret=one.secret,
                    meaning=one.meaning,
                    form=dict(one.form),
                )
                for one in settings(self._lab.config)
            ],
        )

    def _waits(self, running: Setting, wanted: Any) -> bool:
        """Whether a restart brings another value: not that of the start, nor one given from outside that runs."""
        return not at_once(running.key) and wanted not in (self._started.get(running.key), running.value)

    def _still_waits(self, key: str, running: Mapping[str, Setting], after: Mapping[str, Setting]) -> bool:
        if at_once(key):
            return False
        known = (
            key in running and key in after and not after[key].secret
        )  # secrets are masked: they can't be compared
        return not known or self._waits(running[key], after[key].value)

    def _source(self, one: Setting) -> Source:
        if _is_within(one.key, self._differ):
            return "changed"
        if one.key in self._outside and one.key not in self._saved:
            return "outside"
        if _at(self._wanted.document, one.path) is not None:
            return "file"
        return "profile" if one.by_profile else "default"

    async def change(self, values: Mapping[str, Any], *, save: bool, who: str) -> ChangedDocument:
        """Make changes; see :class:`~sorm_mediator.web.settings_api.Settings`."""
        async with self._changing:
            return await self._change(values, save, who)

    async def _change(self, values: Mapping[str, Any], save: bool, who: str) -> ChangedDocument:
        from sorm_mediator.config.written import plain

        given, wanted = self._checked(values)
        clear_before, clear_after = plain(self._wanted), plain(wanted)
        before = {one.key: one for one in settings(self._wanted)}
        after = {one.key: one for one in settings(wanted)}
        changed = [
            key
            for key in before | after
            if _clear(clear_before, before, key) != _clear(clear_after, after, key)
        ]
        applied = [key for key in changed if at_once(key)]
        # The last value given wins: older ones of the same keys, and of keys below them, are written no more.
        older = {key: value for key, value in self._unsaved.items() if not _is_within(key, given)}
        unsaved = older | given
        file, not_saved = self._lab.config.file, ""
        text = ""
        if save and file is None:
            not_saved = NO_FILE
        elif save and file is not None:
            text = self._text(file, unsaved)
        notes = [
            {"who": who, "key": key, "old": old, "new": new}
            for key in changed
            for old, new in [[one[key].value if key in one else None for one in (before, after)]]
        ]
        for note in notes:
            canonical(note)  # what the journal can't hold is not done
        try:
            await self._lab.configure(_with(self._lab.config, wanted, [after[key].path for key in applied]))
        except (BoxError, ConfigError) as error:
            raise SettingsRefused(by_key(str(error), _NAME)) from None
        self._wanted, self._unsaved = wanted, unsaved
        for note in notes:
            log.info("%s: changed by %s", note["key"], who)
            self._lab.note("setting-changed", **note)
        if text and file is not None:
            not_saved = self._write(file, text)
        self._differ = await asyncio.to_thread(self._unlike_file)
        doubtful = await asyncio.to_thread(list, file_warnings(wanted))  # hosts are looked up
        running = {one.key: one for one in settings(self._lab.config)}
        waiting = [key for key in changed if self._still_waits(key, running, after)]
        return ChangedDocument(
            applied=[key for key in changed if key not in waiting],
            needs_restart=waiting,
            saved=str(file) if text and not not_saved else None,
            not_saved=not_saved,
            warnings=[*check_routing(wanted, _NAME), *doubtful] if changed else [],
        )

    def _checked(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], Config]:
        """The values without masks, and the settings with them. Raises :class:`SettingsRefused`."""
        from sorm_mediator.config.written import plain

        if len(values) > MOST_VALUES:
            raise SettingsRefused(
                [
                    (
                        "",
                        Phrase(
                            "{count} values: at most {most} can be changed at a time",
                            count=len(values),
                            most=MOST_VALUES,
                        ),
                    )
                ]
            )
        document = copy.deepcopy(dict(self._wanted.document))
        present = plain(self._wanted)
        given: dict[str, Any] = {}
        mistakes: list[tuple[str, str]] = []
        for key, value in values.items():
            if not _KEY.fullmatch(key) or key.partition(".")[0].partition("[")[0] == SWITCH:
                why = Phrase("is changed in the shell of the switch, where config/save saves it")
                if not key.startswith(SWITCH):
                    why = Phrase("is no key, such as web.port or e1[1].mode")
                mistakes.append((key, why))
                continue
            if _is_deep(value):
                mistakes.append(
                    (key, Phrase("is nested too deeply: at most {most} tables and lists", most=MOST_LEVELS))
                )
                continue
            try:
                given[key] = unmasked(key, value, _at(present, _path(key)))
                put(document, Given(_path(key), given[key], "the change"))
            except ConfigError as error:
                mistakes.append((key, str(error).removeprefix(f"{key}: ")))
        try:
            wanted = parse(document, directory=self._wanted.directory, name=_NAME)
            check_references(wanted, _NAME)
        except UnsoundError as error:
            mistakes += [(key_of(one.location), one.text) for one in error.sound.mistakes[:MOST_MISTAKES]]
        except ConfigError as error:
            mistakes += by_key(str(error), _NAME)
        if mistakes:
            raise SettingsRefused(mistakes)
        return given, wanted

    def _text(self, file: Path, unsaved: Mapping[str, Any]) -> str:
        """The lab file with the changes. Raises :class:`SettingsRefused` when a lab would not start from it."""
        from sorm_mediator.config.written import read_file, with_values

        name = str(file)
        try:
            text = with_values(read_file(file), {_path(key): value for key, value in unsaved.items()})
            document = tomllib.loads(text)
            for one in self._lab.config.given:
                if shown(one.path) not in unsaved:
                    put(document, one)
            check_references(parse(document, directory=file.parent, name=name), name)
        except ConfigError as error:
            raise SettingsRefused(
                [(key, f"{text} (in {file})") for key, text in by_key(str(error), name)]
            ) from None
        except (OSError, ValueError) as error:
            raise SettingsRefused(
                [("", Phrase("{file}: can't be read: {why}", file=file, why=error))]
            ) from None
        return text

    def _unlike_file(self) -> set[str]:
        """The keys given since the file was written whose value is not that of the file, else of the start."""
        from sorm_mediator.config.written import plain, read_file

        if not self._unsaved:
            return set()
        file = self._lab.config.file
        try:
            document = self._first if file is None else tomllib.loads(read_file(file))
            kept = plain(parse(document, directory=self._wanted.directory, name=_NAME))
        except (ConfigError, OSError, ValueError) as error:
            log.warning("%s: can't be compared: %s", file, error)
            return set(self._unsaved)
        wanted = plain(self._wanted)
        return {key for key in self._unsaved if _at(wanted, _path(key)) != _at(kept, _path(key))}

    def _write(self, file: Path, text: str) -> str:
        """Returns why it could not be written; "" after it was."""
        from sorm_mediator.config.written import write_file

        try:
            write_file(file, text, mode=file.stat().st_mode & 0o777)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            log.warning("%s: can't be written: %s", file, why)
            return Phrase("{file}: can't be written: {why}", file=file, why=why)
        self._saved |= self._unsaved.keys()
        self._unsaved = {}
        return ""


def _path(key: str) -> KeyPath:
    """The path of a key as people write it, ``e1[1].mode``: items count from 1 there, and from 0 here."""
    parts = path_of(key.replace("[", ".").replace("]", ""))
    return tuple(part - 1 if isinstance(part, int) else part for part in parts)


def _at(document: Any, path: KeyPath) -> Any:
    """What a document has at a path; None: nothing."""
    for part in path:
        try:
            document = document[part]
        except (LookupError, TypeError):
            return None
    return document


def _is_within(key: str, tables: Iterable[str]) -> bool:
    """Whether a key is one of these, or is below one of them."""
    return any(key == table or key.startswith((f"{table}.", f"{table}[")) for table in tables)


def _is_deep(value: Any) -> bool:
    """Whether a value has more than :data:`MOST_LEVELS` tables and lists inside one another."""
    level = [value]
    for _ in range(MOST_LEVELS + 1):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return bool(level)


def _clear(plain: Mapping[str, Any], known: Mapping[str, Setting], key: str) -> Any:
    """What a key is compared by: secrets, which ``plain`` has in clear, differ although their masks do not."""
    if key not in known:
        return None
    return _at(plain, known[key].path) if known[key].secret else known[key].value


def _with(config: Config, wanted: Config, paths: list[KeyPath]) -> Config:
    """The same settings but for those at these paths, which are as ``wanted``."""
    for path in paths:
        config = _copied(config, wanted, path)
    return config


def _copied(model: Any, wanted: Any, path: KeyPath) -> Any:
    name, *rest = path
    fields = {field.alias or key: key for key, field in type(model).model_fields.items()}
    key = fields[str(name)]
    value = getattr(wanted, key)
    if rest:
        value = _copied(getattr(model, key), value, tuple(rest))
    return model.model_copy(update={key: value})
