"""A lab file as a list of settings, one for each key, for programs that show or change them.

A value is shown as JSON has it. A secret is shown as :data:`MASK`, or as the empty text that it is; where the mask
comes back, the secret stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Final, TypeGuard, Union, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from sorm_mediator.config.base import ConfigError, Section
from sorm_mediator.config.lab import Config
from sorm_mediator.config.lines import KeyPath, shown
from sorm_mediator.config.mediator import MediatorConfig
from sorm_mediator.options import DEFAULT, differences

MASK: Final = "******"
SWITCH: Final = "switch"
"""The table of the emulated switch: it is no setting here, because its shell shows, changes and saves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of a lab file."""

    path: KeyPath
    value: Any
    default: Any
    by_profile: bool
    """The profile of the mediator decides the default."""
    secret: bool
    meaning: str
    form: Mapping[str, Any]
    """What is allowed, as a JSON schema."""

    @property
    def key(self) -> str:
        """As people write it: ``switch.domains[1].password``."""
        return shown(self.path)


def settings(config: Config) -> Iterator[Setting]:
    """Every key of every table but that of the switch, in the order of their declaration."""
    profile = config.mediator.profile
    by_profile = {f"mediator.{one.key}": one.defaults[profile] for one in differences(MediatorConfig)}
    yield from _of(config, type(config), (), {} if profile == DEFAULT else by_profile)


def meanings() -> Iterator[str]:
    """What each key means that :func:`settings` may give, once each, in the order of the declaration."""
    found: dict[str, None] = {}
    _add_meanings(Config, found)
    return iter(found)


def _add_meanings(kind: type[Section], found: dict[str, None]) -> None:
    texts = kind.meanings()
    for name, field in kind.model_fields.items():
        if kind is Config and (field.alias or name) == SWITCH:
            continue
        text = _one_line(texts.get(name, ""))
        if _is_table(field.annotation):
            _add_meanings(field.annotation, found)
        elif (table := _table(field)) and get_origin(field.annotation) in (tuple, Union, UnionType):
            if get_origin(field.annotation) is tuple:  # which is a key itself while it is empty
                found.setdefault(text)
            _add_meanings(table, found)
        elif text:
            found.setdefault(text)


def _is_table(annotation: Any) -> TypeGuard[type[Section]]:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _of(
    model: Section | None, kind: type[Section], path: KeyPath, by_profile: Mapping[str, Any]
) -> Iterator[Setting]:
    texts = kind.meanings()
    for name, field in kind.model_fields.items():
        here = (*path, field.alias or name)
        value = None if model is None else getattr(model, name)
        if here == (SWITCH,):
            continue
        table = type(value) if isinstance(value, Section) else _table(field) if value is None else None
        if table is not None:
            yield from _of(value, table, here, by_profile)
        elif isinstance(value, tuple) and value and isinstance(value[0], Section):
            for number, one in enumerate(value):
                yield from _of(one, type(one), (*here, number), by_profile)
        else:
            required = field.is_required() or model is None
            default = None if required else field.get_default(call_default_factory=True)
            yield Setting(
                path=here,
                value=masked(value),
                default=masked(by_profile.get(shown(here), default)),
                by_profile=shown(here) in by_profile,
                secret=_is_secret(field.annotation),
                meaning=_one_line(texts.get(name, "")),
                form=_forms(kind).get(field.alias or name, {}),
            )


def _table(field: FieldInfo) -> type[Section] | None:
    """The table of a key that may be left out as a whole."""
    inside = getattr(field.annotation, "__args__", ())
    return next((one for one in inside if isinstance(one, type) and issubclass(one, Section)), None)


@cache
def _forms(kind: type[Section]) -> Mapping[str, Any]:
    told = {"description", "default", "title", "x-default-in-profile"}
    schema = kind.model_json_schema()
    return {
        key: {name: value for name, value in form.items() if name not in told}
        for key, form in schema.get("properties", {}).items()
    }


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(map(_is_secret, getattr(annotation, "__args__", ())))


def masked(value: Any) -> Any:
    """A value as JSON has it, without secrets."""
    if isinstance(value, Section):
        return {
            field.alias or name: masked(getattr(value, name))
            for name, field in type(value).model_fields.items()
        }
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, Mapping):
        return {str(key): masked(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [masked(one) for one in value]
    return value


def unmasked(key: str, value: Any, present: Any) -> Any:
    """A value that was given for a key, with the secrets that came back masked as they are at ``present``.

    Raises :class:`ConfigError` where there is none.
    """
    if value == MASK:
        if not isinstance(present, str):
            raise ConfigError(f"{key}: {MASK} keeps a secret, and there is none: give it")
        return present
    if isinstance(value, dict):
        known = present if isinstance(present, Mapping) else {}
        return {name: unmasked(f"{key}: {name}", one, known.get(name)) for name, one in value.items()}
    if isinstance(value, list):
        items = list(present) if isinstance(present, list | tuple) else []
        items += [None] * (len(value) - len(items))
        return [unmasked(f"{key}: {number}", one, items[number - 1]) for number, one in enumerate(value, 1)]
    return value
