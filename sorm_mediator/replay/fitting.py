"""What a script needs that the lab which runs has not.

A script names the lab that it was written for, and changes of its settings. What counts of these is the behaviour of
the mediator (``mediator.*`` but for its identity and its files), how the consoles are connected, and of the switch the
domains, subscribers and trunks that the text of the script mentions, with what the script's lab says of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from sorm_mediator.config import Config, ConfigError
from sorm_mediator.config.settings import settings
from sorm_mediator.config.switch import DomainConfig, SubscriberConfig
from sorm_mediator.console.errors import ScriptError, words
from sorm_mediator.console.target import link_of
from sorm_mediator.language import Phrase
from sorm_mediator.texts import short

_OF_EACH_LAB: Final = frozenset(
    ("orm_number", "password", "profile", "state", "journal", "station_type", "software_version")
)
"""Keys of ``mediator`` that runs take as they are. What a profile sets is compared key by key."""
_ALLOWING: Final = ("hold", "three_party", "transfer", "pickup")
"""Services that only somebody who uses them notices."""
_MOST: Final = 60
"""Characters of a value that is told."""


def missing(path: Path, running: Config) -> list[Phrase]:
    """Why a script can't hold in a lab; nothing: nothing is known against it."""
    from sorm_mediator.replay.scenario import Restart, Scenario
    from sorm_mediator.replay.session import load, private_lab

    try:
        script = load(path)
    except ScriptError as error:
        return [Phrase("{why}", why=words(error))]
    found = []
    link = link_of(running)
    if link not in script.links:
        over = ", ".join(script.links)
        found.append(Phrase("its consoles are over {needed}, here over {link}", needed=over, link=link))
    actions = [step.action for step in script.all_steps()] if isinstance(script, Scenario) else []
    if any(isinstance(one, Restart) for one in actions):
        found.append(Phrase("it restarts the mediator, which only a lab of its own allows"))
    if running.switch is None:
        try:
            script.check(calls=False, web=True, restart=True, e1=True)
        except ScriptError:
            found.append(Phrase("it makes calls, and there is no switch here"))
    if script.lab is None:
        return found
    try:
        own = private_lab(script.lab, getattr(script, "config", None), path.parent)
        text = path.read_text(encoding="utf-8", errors="replace")
    except (ConfigError, OSError) as error:
        return [*found, Phrase("{why}", why=error)]
    return [*found, *_of_mediator(own, running), *_of_switch(own, running, text)]


def _of_mediator(own: Config, running: Config) -> Iterator[Phrase]:
    here = {one.key: one.value for one in settings(running)}
    for one in settings(own):
        table, _, name = one.key.partition(".")
        if table == "mediator" and name not in _OF_EACH_LAB and one.value != here.get(one.key):
            yield _needs(one.key, one.value, here.get(one.key))


def _of_switch(own: Config, running: Config, text: str) -> Iterator[Phrase]:
    if own.switch is None or running.switch is None:
        return
    words_of = set(re.findall(r"[\w.-]+", text))
    calls = not words_of.isdisjoint(("call", "make", "message", "trace"))
    here = {domain.name: domain for domain in running.switch.domains}
    several = len(own.switch.domains) > 1
    for domain in own.switch.domains:
        at = here.get(domain.name)
        if at is None:
            if several or domain.name in words_of:
                yield Phrase("there is no domain {name} here", name=domain.name)
            continue
        yield from _of_numbers(domain, at, words_of, calls=calls)
        if calls:
            yield from _of_calls(domain, at)


def _of_numbers(
    own: DomainConfig, here: DomainConfig, words_of: set[str], *, calls: bool
) -> Iterator[Phrase]:
    known = {one.number: one for one in here.subscribers}
    lacking, others = [], []
    for one in own.subscribers:
        if one.number in words_of and one.number not in known:
            lacking.append(one.number)
        elif calls and one.number in words_of and not _serves(known[one.number], one):
            others.append(one.number)
    if lacking:
        yield Phrase("there are no subscribers {numbers} here", numbers=_few(lacking))
    if others:
        yield Phrase("subscribers {numbers} have other services or lines here", numbers=_few(others))
    trunks = {one.name: one.number for one in here.trunks}
    if away := [one.name for one in own.trunks if trunks.get(one.name) != one.number]:
        yield Phrase("there are no trunks {names} here, with the same numbers", names=_few(away))


def _serves(here: SubscriberConfig, own: SubscriberConfig) -> bool:
    """Whether a subscriber can stand for that of the script's lab: allowed services beyond its own change no call."""

    def forced(one: SubscriberConfig) -> SubscriberConfig:
        kept = dict.fromkeys(_ALLOWING, False)
        return one.model_copy(update={"services": one.services.model_copy(update=kept), "group": ""})

    allowed = all(getattr(here.services, key) for key in _ALLOWING if getattr(own.services, key))
    return allowed and forced(here) == forced(own)


def _of_calls(own: DomainConfig, here: DomainConfig) -> Iterator[Phrase]:
    for key in type(own).model_fields:
        if key in ("subscribers", "trunks", "password", "radius_servers", "contexts"):
            continue
        if getattr(own, key) != getattr(here, key):
            yield _needs(f"switch.domains.{own.name}.{key}", getattr(own, key), getattr(here, key))
    files, others = ({Path(one).name for one in each.contexts} for each in (own, here))
    if lacking := sorted(files - others):
        yield Phrase("its calls need the routing {files}", files=_few(lacking))


def _few(names: Sequence[str]) -> str:
    return short(", ".join(names), _MOST)


def _needs(key: str, value: Any, here: Any) -> Phrase:
    def told(one: Any) -> str:
        return short(json.dumps(one, ensure_ascii=False, default=str), _MOST)

    return Phrase("``{key} = {value}``, here ``{other}``", key=key, value=told(value), other=told(here))
