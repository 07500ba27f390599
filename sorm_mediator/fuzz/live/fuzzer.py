"""Rounds: draw, do, judge; and the smallest rounds that show a breach again.

Everything that is drawn comes from a seed and the number of the round, and from what the mediator has answered: the
same seed has the same actions with a mediator that answers the same.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from protocol import Options
from sorm_mediator.errors import BoxError
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live.action import Action, ActionError, Round
from sorm_mediator.fuzz.live.clock_surface import ClockSurface
from sorm_mediator.fuzz.live.http_surface import HttpSurface
from sorm_mediator.fuzz.live.judge import DECOY, OF_SURFACES, PULSE, Judge, NotReady, call_plans
from sorm_mediator.fuzz.live.kpd import KpdSurface
from sorm_mediator.fuzz.live.radius_surface import RadiusSurface
from sorm_mediator.fuzz.live.ssh_surface import SshSurface
from sorm_mediator.fuzz.live.surface import Breach, Surface
from sorm_mediator.fuzz.live.switch_surface import SwitchSurface
from sorm_mediator.fuzz.live.target import Gateway
from sorm_mediator.language import Phrase

log = logging.getLogger(__name__)

SURFACES: Final = ("kpd", "e1", "ssh", "switch", "radius", "http", "clock")
"""All surfaces. Rounds take turns, so that each has its share from the beginning."""
ACTIONS: Final = (3, 12)
"""How many actions a round has."""
EARLIER: Final = 8
"""Rounds before the one with a breach that may have been needed for it."""
TRIES: Final = 60
"""How often the rounds of a breach are done again to make them smaller."""

T = TypeVar("T")
TRIES_WITH_THE_SAME: Final = 20
"""The same with a mediator that is not a new one each time."""
SMALLER_SECONDS: Final = 20.0
"""Seconds after which they are small enough."""
STARTS: Final = 3
"""How often a lab is started until its console is served."""

Opener = Callable[[], AbstractAsyncContextManager[Gateway]]


@dataclass(slots=True)
class Shown:
    """A breach, with the smallest rounds that showed it."""

    breach: Breach
    rounds: tuple[Round, ...]
    reproduced: bool
    """Whether it was seen again when the rounds were done again."""
    size_found: int
    """Octets of the rounds before they were made smaller."""


@dataclass(slots=True)
class Progress:
    """How far a run is."""

    rounds: int = 0
    actions: int = 0
    by_surface: dict[str, int] = field(default_factory=dict)
    shown: dict[tuple[str, Kind, str], Shown] = field(default_factory=dict)
    times: Counter[tuple[str, Kind, str]] = field(default_factory=Counter)
    """How often each breach was seen in rounds."""
    doubtful: dict[tuple[str, Kind, str], Breach] = field(default_factory=dict)
    """Answers that were late once and not again when the same was done again: a busy machine does that."""


def generator(seed: str) -> random.Random:
    """Chance that can be repeated."""
    return random.Random(seed)  # noqa: S311 - nothing secret comes from it


class Bench:
    """One mediator with its judge and its surfaces."""

    def __init__(
        self, gateway: Gateway, judge: Judge, surfaces: Mapping[str, Surface], only: Sequence[str] = ()
    ) -> None:
        """``only``: the surfaces that have rounds; the others serve the actions of these."""
        self.gateway = gateway
        self.judge = judge
        self.surfaces = surfaces
        self.turns = [name for name in surfaces if not only or name in only]

    def draw(self, seed: int, number: int) -> Round:
        """An empty round: which surface it is for. Its actions are drawn while it runs."""
        names = list(self.turns)
        order = generator(f"{seed}:turn:{number // len(names)}")
        order.shuffle(names)
        return Round(number, names[number % len(names)], ())

    async def play(self, seed: int, one: Round) -> tuple[Round, list[Breach]]:
        """Draw the actions of a round while they are done; then judge."""
        rng = generator(f"{seed}:{one.number}")
        surface = self.surfaces[one.surface]
        done: list[Action] = []

        async def drawn() -> AsyncIterator[Action]:
            for _ in range(rng.randint(*ACTIONS)):
                action = surface.draw(rng)
                done.append(action)
                yield action

        found = await self._run(one, drawn(), surface.takes_console)
        return one.with_actions(done), found

    async def again(self, one: Round) -> list[Breach]:
        """Do the same actions again, and judge."""

        async def kept() -> AsyncIterator[Action]:
            for action in one.actions:
                yield action

        names = {action.surface for action in one.actions}
        if missing := names - set(self.surfaces):
            raise ActionError(f"the target has no {', '.join(sorted(missing))}")
        takes = any(self.surfaces[name].takes_console for name in names)
        return await self._run(one, kept(), takes)

    async def _run(self, one: Round, actions: AsyncIterator[Action], takes_console: bool) -> list[Breach]:
        judge = self.judge
        if takes_console:
            await judge.leave()
        for surface in self.surfaces.values():
            surface.begin()
        used: dict[str, Surface] = {}
        found: list[Breach] = []
        async with judge.watching(console=not takes_console):
            async for action in actions:
                surface = self.surfaces[action.surface]
                used[action.surface] = surface
                found += await surface.do(action)
            for surface in used.values():
                found += await surface.settle()
            await asyncio.sleep(PULSE)  # what the last action has done to the mediator is seen in this round
        for name in used:
            if name in OF_SURFACES:
                judge.checks[OF_SURFACES[name]] += 1
        console = self.surfaces.get("kpd")
        judge.checks["passwords"] += "kpd" in used
        changed = any(surface.changes_tables for surface in used.values())
        found += await judge.verdict(
            one,
            passwords=console.passwords if isinstance(console, KpdSurface) and takes_console else (),
            changed=changed,
            secrets=frozenset().union(*(surface.secrets() for surface in used.values())),
            strangers=not (takes_console or changed),
        )
        unique = {each.signature: each for each in reversed(found)}
        return list(reversed(unique.values()))


@asynccontextmanager
async def bench(opened: Opener, *, only: Sequence[str] = (), patience: float = 1.0) -> AsyncIterator[Bench]:
    """A mediator, ready for rounds. ``only``: these surfaces. Raises :class:`.judge.NotReady`."""
    async with opened() as gateway:
        judge = Judge(gateway, patience=patience)
        if gateway.run.e1 is not None:
            judge.number = min(1, len(gateway.run.e1.lines) - 1)
        try:
            await judge.begin()
            yield Bench(gateway, judge, await surfaces_of(gateway, judge), only)
        finally:
            await judge.close()


async def surfaces_of(gateway: Gateway, judge: Judge) -> dict[str, Surface]:
    """The surfaces that a target offers, by name."""
    numbers = [number for plan in call_plans(gateway) for number in (plan.a, plan.b)]
    found: dict[str, Surface] = {}
    domain = judge.plan.domain if judge.plan is not None else "fuzz"
    if gateway.radius is not None:
        found["radius"] = reports = RadiusSurface(gateway, DECOY, domain)
        storm = reports.storm
    else:
        storm = None
    if gateway.kpd1 is not None and gateway.kpd2 is not None:
        found["kpd"] = console = KpdSurface(gateway, numbers, storm)
        if gateway.between is not None:
            found["switch"] = SwitchSurface(gateway, console)
    if gateway.run.e1 is not None:
        from sorm_mediator.fuzz.live.e1_surface import E1Surface  # numpy, which TCP can do without

        lines = gateway.run.e1.lines
        first, *others = sorted(lines)
        beside = lines[others[0]] if others else None
        found["e1"] = E1Surface(gateway, lines[first], numbers, beside=beside, patience=judge.patience)
    if gateway.ssh is not None:
        found["ssh"] = SshSurface(gateway)
    if gateway.web is not None and gateway.run.request is not None:
        status, document = await gateway.run.request("GET", "/openapi.json", None)
        routes = document.get("paths", {}) if status == 200 and isinstance(document, dict) else {}
        if routes:
            found["http"] = HttpSurface(gateway, routes)
    if gateway.wall is not None and gateway.run.request is not None:
        found["clock"] = ClockSurface(gateway, gateway.wall, judge.plan, judge.patience)
    return {name: found[name] for name in SURFACES if name in found}


class Fuzzer:
    """Rounds until something ends them, on one target.

    ``opened`` reaches the target; ``fresh``: each time it is a new one, as for a lab that is started. Then the rounds
    of a breach are done again with a new one, else with the same.
    """

    def __init__(
        self,
        opened: Opener,
        seed: int,
        *,
        fresh: bool,
        only: Sequence[str] = (),
        patience: float = 1.0,
        tries: int = TRIES,
        on_round: Callable[[Progress, str], object] = lambda progress, surface: None,
    ) -> None:
        self._opened = opened
        self._seed = seed
        self._fresh = fresh
        self._only = only
        self._patience = patience
        self._tries = tries
        self._on_round = on_round
        self.progress = Progress()
        self._made_smaller: set[tuple[str, str, Kind]] = set()
        self.checks: dict[str, int] = {}
        self.not_offered: dict[str, str] = {}
        self.options = Options()
        """Of the codec of the mediator."""
        self.not_checked: dict[str, str] = {}
        self.played: list[Round] = []
        """The latest rounds."""

    async def run(self, more: Callable[[Progress], bool]) -> Progress:
        """Play rounds as long as ``more`` says so. Raises :class:`.judge.NotReady`, and
        :class:`~sorm_mediator.errors.BoxError` for a lab that does not start."""
        number = failures = 0
        while more(self.progress):
            try:
                async with bench(self._opened, only=self._only, patience=self._patience) as one:
                    self._note(one)
                    if not one.turns:
                        break
                    try:
                        number = await self._rounds(one, number, more)
                    finally:
                        self._count(one)
                failures = 0
            except (NotReady, BoxError):
                # A busy machine may be too slow for the start of a lab, or take its port away, but not for each.
                failures += 1
                if not self._fresh or failures >= STARTS:
                    raise
        return self.progress

    async def again(self, breach: Breach, rounds: Sequence[Round]) -> bool:
        """Do the rounds of an earlier run again; a breach that shows counts as found. Raises :class:`ActionError`."""
        async with bench(self._opened, patience=self._patience) as one:
            self.options = one.gateway.run.codec.options
            for each in rounds:
                found = await one.again(each)
                if any(shown.signature == breach.signature for shown in found):
                    self.progress.shown[breach.signature] = Shown(
                        breach, tuple(rounds), reproduced=True, size_found=octets_of(rounds)
                    )
                    return True
        return False

    def _note(self, one: Bench) -> None:
        self.options = one.gateway.run.codec.options
        self.not_checked = one.judge.not_checked()
        offered = one.gateway.not_offered
        left_out = Phrase("it is left out by --surfaces")
        self.not_offered = {name: offered.get(name, left_out) for name in SURFACES if name not in one.turns}

    def _count(self, one: Bench) -> None:
        for name, count in one.judge.checks.items():
            self.checks[name] = self.checks.get(name, 0) + count

    async def _rounds(self, one: Bench, number: int, more: Callable[[Progress], bool]) -> int:
        """Rounds on one mediator, until a breach: then a new one is better. Returns the number of the next."""
        since: list[Round] = []
        while more(self.progress):
            planned = one.draw(self._seed, number)
            played, found = await one.play(self._seed, planned)
            number += 1
            since.append(played)
            self.played = since[-EARLIER:]
            progress = self.progress
            progress.rounds += 1
            progress.actions += len(played.actions)
            progress.by_surface[played.surface] = progress.by_surface.get(played.surface, 0) + 1
            self._on_round(progress, played.surface)
            progress.times.update(each.signature for each in found)
            new = [each for each in found if each.signature not in progress.shown]
            for each in new:
                await self._shown(each, since)
            if found and self._fresh:
                break
        return number

    async def _shown(self, breach: Breach, since: Sequence[Round]) -> None:
        log.info("found: %s: %s", breach.check, breach.summary)
        size = octets_of(since)
        # As it was found, in case that a signal ends the run while it is made smaller.
        self.progress.shown[breach.signature] = Shown(breach, tuple(since[-EARLIER:]), False, size)
        # One of a kind is enough: another round is of more use than the smallest form of the same fault elsewhere.
        alike = since[-1].surface, breach.check, breach.kind
        if alike in self._made_smaller:
            return
        # With the same mediator each try may take as long as its consoles need to come back: few are enough.
        tries = self._tries if self._fresh else min(self._tries, TRIES_WITH_THE_SAME)
        smaller = Smaller(self._opened, breach, self._patience, tries)
        rounds, reproduced = await smaller.of(since)
        for other, done in smaller.others.values():
            self.progress.shown.setdefault(other.signature, Shown(other, tuple(done), False, octets_of(done)))
        self.progress.shown[breach.signature] = Shown(breach, tuple(rounds), reproduced, size)
        if reproduced or breach.kind is not Kind.LATE_ANSWER:
            self._made_smaller.add(alike)
        elif self._tries:
            del self.progress.shown[breach.signature]
            self.progress.doubtful[breach.signature] = breach


def octets_of(rounds: Sequence[Round]) -> int:
    """Octets of all actions, of repeated ones each time."""
    return sum(len(action.octets) * action.times for one in rounds for action in one.actions)


class Smaller:
    """Makes the rounds of a breach smaller, by doing parts of them again (delta debugging)."""

    def __init__(
        self, opened: Opener, breach: Breach, patience: float, tries: int, seconds: float = SMALLER_SECONDS
    ) -> None:
        self._opened = opened
        self._breach = breach
        self._patience = patience
        self._tries = tries
        self._until = time.monotonic() + seconds
        self.others: dict[tuple[str, Kind, str], tuple[Breach, list[Round]]] = {}
        """What else was seen, with the rounds that were done until then."""

    @property
    def _left(self) -> bool:
        """Whether there is time for one more try."""
        return self._tries > 0 and time.monotonic() < self._until

    async def of(self, since: Sequence[Round]) -> tuple[list[Round], bool]:
        """The smallest rounds found, and whether they showed the breach again."""
        if not self._left:
            return list(since[-EARLIER:]), False
        for count in (1, 2, EARLIER):
            rounds = list(since[-count:])
            if await self._shows(rounds):
                break
            if len(since) <= count:
                return rounds, False
        else:
            return list(since[-EARLIER:]), False
        if len(rounds) > 1:
            rounds = await self._fewer(rounds, lambda kept: list(kept))
        for at, one in enumerate(rounds):
            before, after = rounds[:at], rounds[at + 1 :]

            def with_actions(
                kept: Sequence[Action],
                one: Round = one,
                before: list[Round] = before,
                after: list[Round] = after,
            ) -> list[Round]:
                return [*before, one.with_actions(kept), *after]

            actions = await self._fewer(list(one.actions), with_actions)
            rounds = with_actions(await self._fewer_times(actions, with_actions))
        return rounds, True

    async def _shows(self, rounds: Sequence[Round]) -> bool:
        if not self._left:
            return False
        self._tries -= 1
        try:
            async with (
                asyncio.timeout(max(0.1, self._until - time.monotonic())),
                bench(self._opened, only=(), patience=self._patience) as one,
            ):
                for each in rounds:
                    found = await one.again(each)
                    for other in found:
                        if not self._is_it(other) and other.kind is not Kind.LATE_ANSWER:
                            self.others.setdefault(other.signature, (other, list(rounds)))
                    if any(map(self._is_it, found)):
                        return True
        except TimeoutError:
            log.info("no time is left for another try")
        except NotReady:
            # What was done before has harmed a target that is not a new one: that shows nothing new.
            log.info("the target is not ready for another try")
        return False

    def _is_it(self, found: Breach) -> bool:
        """Whether it is the same fault. What stands still may be seen at another place each time."""
        late = found.kind is self._breach.kind is Kind.LATE_ANSWER
        return late or found.signature == self._breach.signature

    async def _fewer(self, items: list[T], whole: Callable[[Sequence[T]], list[Round]]) -> list[T]:
        """Leave out parts, halves first, as long as the rest shows the breach."""
        size = max(1, len(items) // 2)
        while self._left:
            at, shrunk = 0, False
            while at < len(items) and len(items) > 1 and self._left:
                kept = [*items[:at], *items[at + size :]]
                if kept and await self._shows(whole(kept)):
                    items, shrunk = kept, True
                else:
                    at += size
            if size == 1 and not shrunk:
                break
            size = max(1, size // 2)
        return items

    async def _fewer_times(
        self, actions: list[Action], whole: Callable[[Sequence[Action]], list[Round]]
    ) -> list[Action]:
        """What is repeated is repeated less."""
        for at, action in enumerate(actions):
            times = action.times
            while times > 1 and self._left:
                fewer = times // 4
                changed = [*actions[:at], action.changed(times=max(1, fewer)), *actions[at + 1 :]]
                if not await self._shows(whole(changed)):
                    break
                actions, times = changed, max(1, fewer)
                action = actions[at]
        return actions


def seconds_or_rounds(seconds: float, rounds: int) -> Callable[[Progress], bool]:
    """Whether to go on: until so many seconds are over, or so many rounds are played. 0: no such limit."""
    began = time.monotonic()

    def more(progress: Progress) -> bool:
        return (not rounds or progress.rounds < rounds) and (
            not seconds or time.monotonic() - began < seconds
        )

    return more
