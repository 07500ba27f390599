"""The domains of a MultiSORM user: names, patterns, exceptions.

A word is a domain's name, a pattern with one ``*`` (any characters, also none), or an exception: either of them after a
``-``. ``* -test`` is every domain but ``test``.

Source: ECSS-10 manual, MultiSORM ("Настройка глобальных параметров СОРМ"). Our reading: exceptions win over names and
patterns at any place of the list, and an exception may fit no domain, since the domain may be declared later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class PatternError(ValueError):
    """A list of domains is malformed; the text names the word, the reason, and what is allowed."""


@dataclass(frozen=True, slots=True)
class DomainList:
    """The parsed list: names that must exist, patterns, exceptions."""

    names: tuple[str, ...]
    patterns: tuple[str, ...]
    without: tuple[str, ...]

    @classmethod
    def parse(cls, words: Iterable[str]) -> DomainList:
        """Raises :class:`PatternError`."""
        names: list[str] = []
        patterns: list[str] = []
        without: list[str] = []
        for word in words:
            text = word.removeprefix("-")
            if not text or text != "".join(text.split()):
                raise PatternError(
                    f"{word!r} is not a domain's name or pattern such as name, *, local.*, -name"
                )
            if text.count("*") > 1:
                raise PatternError(
                    f"{word!r} has * more than once; one * at most may be in the pattern of a domain"
                )
            (without if text != word else patterns if "*" in text else names).append(text)
        both = next((name for name in names if any(fits(pattern, name) for pattern in without)), None)
        if both is not None:
            raise PatternError(f"{both!r} is named and taken out; leave one of both")
        if not names and not patterns:
            raise PatternError("no domain is named; such as name, or * -name for all but one")
        return cls(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(patterns)), tuple(dict.fromkeys(without)))

    def takes(self, domain: str) -> bool:
        """Whether the list includes this domain."""
        if any(fits(pattern, domain) for pattern in self.without):
            return False
        return domain in self.names or any(fits(pattern, domain) for pattern in self.patterns)

    def select(self, domains: Iterable[str]) -> Selection:
        """The domains that the list includes, and the words that fit none."""
        there = [domain for domain in domains if self.takes(domain)]
        named = [name for name in self.names if name in there]
        problems = [f"there is no domain {name!r}" for name in self.names if name not in there]
        problems += [
            f"the pattern {pattern!r} fits no domain"
            for pattern in self.patterns
            if not any(fits(pattern, domain) for domain in there)
        ]
        return Selection((*named, *(domain for domain in there if domain not in named)), tuple(problems))


@dataclass(frozen=True, slots=True)
class Selection:
    """``domains``: named ones in the order of the list, then others as declared. ``problems``: in words."""

    domains: tuple[str, ...]
    problems: tuple[str, ...]


def fits(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern that has one ``*`` at most."""
    before, star, after = pattern.partition("*")
    if not star:
        return name == pattern
    return len(name) >= len(before) + len(after) and name.startswith(before) and name.endswith(after)
