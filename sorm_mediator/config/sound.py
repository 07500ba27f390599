"""All mistakes of a lab file in one run.

pydantic checks a table as a whole only when each of its keys is right, and the table above it only after that. So
what is wrong is taken out, and the rest is validated again, until nothing is wrong. A mistake that only follows from
what was taken out is not told.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from sorm_mediator.config.lines import KeyPath
from sorm_mediator.config.mistakes import Mistake, mistakes

MOST_FOUND: Final = 200
"""Mistakes after which the search ends (our choice)."""

Root = TypeVar("Root", bound=BaseModel)
_ANY: Final = "*"


class Sound(Generic[Root]):
    """What is sound of a document of type ``root``, and the mistakes of the rest.

    ``mistakes``: with their places in the whole document. ``config``: the sound part; None when there is none.
    """

    def __init__(self, document: Mapping[str, Any], root: type[Root]) -> None:
        self._whole = document
        self._rest: dict[str, Any] = copy.deepcopy(dict(document))
        self._kept: dict[KeyPath, list[int]] = {}
        """The places that items of lists had, for lists that lost one."""
        self._taken: set[KeyPath] = set()
        self.mistakes: list[Mistake] = []
        self.config: Root | None = None
        while self.config is None:
            try:
                self.config = root.model_validate(self._rest)
            except ValidationError as error:
                errors = error.errors(include_url=False)
                found = mistakes(errors, root)
                told = [one._replace(location=self.original(one.location)) for one in found]
                self.mistakes += (one for one in told if not self._follows(one.location))
                wrong = {one.location for one in found}
                wrong |= {one["loc"] for one in errors if one["type"] == "missing"}  # also of a misspelt key
                if not self._take(wrong) or len(self.mistakes) > MOST_FOUND:
                    return

    def original(self, location: KeyPath) -> KeyPath:
        """The place in the whole document of what has this place in the sound part."""
        path: KeyPath = ()
        for part in location:
            places = self._kept.get(path, [])
            path = (*path, places[part] if isinstance(part, int) and part < len(places) else part)
        return path

    def touches(self, pattern: str) -> bool:
        """Whether something was taken out at, above or below a place such as ``switch.domains.*.name``.

        A whole item of a list does not count: nothing is left of it that could be wrong.
        """
        wanted = pattern.split(".")
        return any(
            all(one in (_ANY, str(part)) for one, part in zip(wanted, path, strict=False))
            and (len(path) >= len(wanted) or _ANY not in wanted[: len(path)])
            for path in self._taken
        )

    def lost(self, pattern: str) -> bool:
        """Whether a whole item of a list such as ``switch.domains.*`` was taken out."""
        wanted = pattern.split(".")
        return any(
            len(path) == len(wanted)
            and all(one in (_ANY, str(part)) for one, part in zip(wanted, path, strict=True))
            for path in self._taken
        )

    def _follows(self, location: KeyPath) -> bool:
        """Whether a mistake may only follow from what was taken out."""
        if any(location == path[: len(location)] for path in self._taken):
            return True
        if location[:2] == ("switch", "bridges") and location[-1] == "domain":
            return _at(self._whole, location) in _names(self._whole) - _names(self._rest)
        return False

    def _take(self, wrong: Iterable[KeyPath]) -> bool:
        """Take out what has these places, or what holds a place that is empty."""
        places = {location: self._filled(location) for location in wrong}
        self._taken |= {self.original(one) for both in places.items() for one in both if one}
        going = {one for one in places.values() if one}
        outermost = [one for one in going if not any(one[:length] in going for length in range(1, len(one)))]
        for path in sorted(outermost, key=_place, reverse=True):  # the places before it stay as they are
            holder, last = _at(self._rest, path[:-1]), path[-1]
            if isinstance(holder, list):
                self._kept.setdefault(self.original(path[:-1]), [*range(len(holder))]).pop(int(last))
            del holder[last]
        return bool(outermost)

    def _filled(self, location: KeyPath) -> KeyPath:
        """The part of a place that leads to something."""
        place: Any = self._rest
        for length, part in enumerate(location):
            if not _has(place, part):
                return location[:length]
            place = place[part]
        return location


def _place(path: KeyPath) -> list[tuple[int, str]]:
    return [(part, "") if isinstance(part, int) else (0, str(part)) for part in path]


def _has(place: Any, part: str | int) -> bool:
    if isinstance(place, list):
        return isinstance(part, int) and part < len(place)
    return isinstance(place, dict) and part in place


def _at(document: Any, path: KeyPath) -> Any:
    for part in path:
        if not _has(document, part):
            return None
        document = document[part]
    return document


def _names(document: Any) -> set[str]:
    """The names of the domains."""
    domains = _at(document, ("switch", "domains"))
    given: Iterator[Any] = iter(domains if isinstance(domains, list) else ())
    return {str(one["name"]) for one in given if isinstance(one, dict) and "name" in one}
