"""A core that is given settings while it runs is as one that was started with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import pytest

from sorm_mediator.config import Config, parse
from sorm_mediator.config.live import AT_ONCE, AT_START, at_once
from sorm_mediator.config.settings import Setting, settings
from sorm_mediator.mediator.core.core import Core
from sorm_mediator.mediator.core.tables import Tables
from tests.mediator.core_harness import local_time

pytestmark = pytest.mark.core

BEFORE = parse({"e1": [{}]})


def core(config: Config) -> Core:
    return Core(
        config.mediator, Tables(password="123456"), local_time=local_time, durably=lambda effects: True
    )


def contents(thing: Any, seen: set[int], path: str = "core") -> Iterator[tuple[str, object]]:
    """Every plain value that a core holds, by its place: wherever a setting was copied to, it is found."""
    if id(thing) in seen or callable(thing) or isinstance(thing, Tables):
        return
    seen.add(id(thing))
    if thing is None or isinstance(thing, str | int | float | Enum | frozenset):
        yield path, thing
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from contents(value, seen, f"{path}[{key}]")
    elif isinstance(thing, list | tuple | set):
        for number, value in enumerate(thing):
            yield from contents(value, seen, f"{path}[{number}]")
    else:
        names = [*getattr(type(thing), "__slots__", ()), *getattr(thing, "__dict__", ())]
        for name in names:
            if hasattr(thing, name):
                yield from contents(getattr(thing, name), seen, f"{path}.{name}")


def holds(core: Core) -> dict[str, object]:
    return dict(contents(core, set()))


def other(one: Setting) -> Any:
    """Another value that is allowed for a setting."""
    form = next((part for part in one.form.get("anyOf", ()) if part["type"] != "null"), one.form)
    if "enum" in form:
        return next(value for value in form["enum"] if value != one.value)
    if form["type"] == "boolean":
        return not one.value
    if form["type"] in ("integer", "number"):
        return (one.value or 0) + 3
    if form["type"] == "object":
        return {key: value + 1 for key, value in one.value.items()}
    return f"{one.value}x"


LIVE = [one for one in settings(BEFORE) if at_once(one.key) and one.path[0] == "mediator"]


@pytest.mark.parametrize("one", LIVE, ids=lambda one: one.key)
def test_a_setting_that_is_applied_at_once_is_everywhere(one: Setting) -> None:
    document: dict[str, Any] = {"e1": [{}]}
    place = document
    for name in one.path[:-1]:
        place = place.setdefault(str(name), {})
    place[str(one.path[-1])] = other(one)
    after = parse(document)
    fresh, running = core(after), core(BEFORE)
    assert holds(running) != holds(fresh), "the core has the setting somewhere"
    running.configure(after.mediator)
    assert holds(running) == holds(fresh)


def test_each_pattern_and_each_exception_is_of_a_key_that_there_is() -> None:
    keys = [one.key for one in settings(BEFORE)]
    for pattern in AT_ONCE:
        assert [key for key in keys if key == pattern or key.startswith(pattern.removesuffix("*"))], pattern
    assert [key for key in AT_START if key not in keys] == []
    assert not any(map(at_once, AT_START))
