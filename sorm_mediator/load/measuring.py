"""One step of a load: the calls of a plan, what of them came to the console, and how long it took.

Latency counts from the moment when a thing was due. An event is due at the moment of its report, whether the generator
was on time or not, and a command of the console when the one before it has been answered or not: what waits for others
is not left out. What the generator was late by is told apart, and a step where that is much is no measurement of the
mediator.
"""

from __future__ import annotations

import array
import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from protocol import GetVersion
from sorm_mediator.console.errors import StepError, words
from sorm_mediator.language import Phrase
from sorm_mediator.load.check import KINDS, NAMES, EventCheck
from sorm_mediator.load.console import LoadConsole
from sorm_mediator.load.generator import FINISH_WITHIN, Generator, Handed
from sorm_mediator.load.latency import Latencies
from sorm_mediator.load.limits import shown_duration
from sorm_mediator.load.plan import STAGES, CallPlan, network_object, object_phone, removal
from sorm_mediator.reports.progress import Advance

LATE: Final = 0.02
"""Seconds. A generator whose p99 is later than this spoils the step: a tenth of what order 268, rule 5 allows."""
QUIET: Final = 5.0
"""Seconds without any event, all reports being sent, after which the missing ones count as lost."""
_LOOK: Final = 0.05
SPARE_OBJECT: Final = 0xFFF0
"""The object that the commands beside the calls put under control and remove."""


class Box(NamedTuple):
    """What a process has used so far."""

    processor: float
    """Seconds, its own and the kernel's for it."""
    memory: float
    """Resident, in octets."""


def box_of(pid: int) -> Box | None:
    """What a process of this machine has used; None: it can't be told (proc(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    processor = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return Box(processor, int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))


class Second(NamedTuple):
    """The events that were due in one second of a step."""

    at: float
    """Seconds after the begin of the step."""
    events: int
    p50: float
    p99: float
    longest: float


class Stay(NamedTuple):
    """Where events have been: the mean time, in seconds."""

    where: Phrase
    mean: float


@dataclass(kw_only=True)
class Step:
    """What was measured at one rate. Times in seconds."""

    rate: float
    """Calls a second that were wanted."""
    calls: int
    """Those that were begun."""
    seconds: float
    """From the begin to the last event."""
    begun: float
    """Unix seconds."""
    events: int = 0
    event: Latencies = field(default_factory=Latencies)
    """From the moment of an event's report to the event at the console."""
    by_event: Mapping[str, Latencies] = field(default_factory=dict)
    """The same, by code."""
    handed: Latencies = field(default_factory=Latencies)
    """How late the generator handed over its reports."""
    received: Latencies = field(default_factory=Latencies)
    """27h of the commands beside the calls, from when each was due."""
    executed: Latencies = field(default_factory=Latencies)
    """28h of them."""
    refused: int = 0
    """Commands that were refused or not answered."""
    found: Mapping[str, int] = field(default_factory=dict)
    """Lost, doubled, misordered and wrong events."""
    told: list[str] = field(default_factory=list)
    """The first findings."""
    foreign: int = 0
    """Events of calls that are not of the load."""
    unconfirmed: int = 0
    repeated: int = 0
    """Datagrams that were sent again."""
    through: float = 0.0
    """Calls a second that came through."""
    timeline: list[Second] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    processor: float | None = None
    """Seconds of processor time of the box, for a call; None: it is of another machine."""
    memory: float | None = None
    """Resident memory of the box at the end, in octets."""
    interrupted: bool = False

    @property
    def event_p99(self) -> float:
        """Of all events."""
        return self.event.percentile(99)

    @property
    def generator_late(self) -> bool:
        """Whether the generator spoils the step."""
        return self.handed.percentile(99) > LATE

    @property
    def late_text(self) -> str:
        """What is told of a generator that is late; "" of one that is not."""
        if not self.generator_late:
            return ""
        return Phrase(
            "the generator itself was late at {rate:g} calls/s, by {late} (99 %): this machine makes no more beside "
            "the boxes; a lower --rate, more --processes, or the generator on another machine",
            rate=self.rate, late=shown_duration(self.handed.percentile(99)),
        )  # fmt: skip

    def measure(self, name: str) -> float | None:
        """A measure of a limit; None: there was nothing to measure."""
        events = len(self.event)
        if name in KINDS:
            return float(self.found.get(name, 0)) if self.calls else None
        match name:
            case "event_p50":
                return self.event.percentile(50) if events else None
            case "event_p99":
                return self.event_p99 if events else None
            case "event_max":
                return self.event.longest if events else None
            case "27h_p99":
                return self.received.percentile(99) if len(self.received) else None
            case "28h_p99":
                return self.executed.percentile(99) if len(self.executed) else None
            case "unconfirmed":
                return float(self.unconfirmed) if self.calls else None
            case "refused":
                return float(self.refused)
            case "through":
                return self.through if events else None
        raise ValueError(name)


Status = Callable[[], Awaitable[Mapping[str, Any] | None]]
"""What the mediator's web says of it (GET status); None: it has none."""


class CommandsBeside:
    """Commands of the console beside the calls, at a small rate: the version is asked for, an object is put under
    control, and removed."""

    def __init__(self, console: LoadConsole, rate: float, *, tables: bool = True) -> None:
        """``tables``: false: the version alone is asked for, which needs no switch."""
        self._console, self._rate, self._tables = console, rate, tables
        self.received, self.executed = Latencies(), Latencies()
        self.refused = 0
        self.told: list[str] = []
        self._added = False
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Send no further one."""
        self._stopped.set()

    async def run(self) -> None:
        """Send until stopped, or until the channel is closed."""
        add = network_object(SPARE_OBJECT, object_phone(9_999_999))
        begin = time.monotonic()
        messages = (GetVersion(), add, removal(add)) if self._tables else (GetVersion(),)
        for number, message in enumerate(itertools.cycle(messages)):
            due = begin + number / self._rate
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - time.monotonic())):
                    await self._stopped.wait()
            if self._stopped.is_set():
                return
            try:
                answered = await self._console.command(message)
            except StepError as error:
                self.refused += 1
                self.told.append(words(error))
                return
            self._added = message is add
            if answered.received is not None:
                self.received.add(answered.received - due)
            if answered.executed is not None:
                self.executed.add(answered.executed - due)
            if not answered.good:
                self.refused += 1
                self.told.append(
                    Phrase(
                        "command {code}h was not executed: {why}",
                        code=f"{message.code:02X}",
                        why=f"{answered.status:02X}h" if answered.status else Phrase("no answer"),
                    )
                )

    async def tidy(self) -> None:
        """Remove the object, if it is there."""
        if self._added:
            with suppress(StepError):  # a closed channel is told already
                await self._console.command(removal(network_object(SPARE_OBJECT, object_phone(9_999_999))))


async def measure(
    console: LoadConsole,
    generator: Generator,
    plan: CallPlan,
    *,
    commands: float,
    tables: bool = True,
    advance: Advance,
    pid: int | None,
    status: Status,
    cut_short: Callable[[Step], object],
) -> Step:
    """Make the calls of a plan, and wait for their events. The generator is ready.

    ``commands``: how many a second beside; ``tables``: with those that change the tables; ``pid``: the box, if it is of
    this machine. When this is cancelled, the calls under way are ended, and ``cut_short`` gets what was measured until
    then.
    """
    check = EventCheck(plan)
    console.on_event, console.on_broken = check.event, check.broken
    beside = CommandsBeside(console, commands, tables=tables)
    before, used = await status(), box_of(pid) if pid else None
    sending = asyncio.create_task(beside.run()) if commands else None
    begun = time.time()
    begin = generator.begin()
    finishing = asyncio.create_task(generator.finished())
    cancelled: asyncio.CancelledError | None = None
    try:
        try:
            await _arrival(console, generator, check, finishing, advance)
        except asyncio.CancelledError as error:
            cancelled = error
            generator.stop()
            with suppress(TimeoutError):  # what did not come by then is lost
                async with asyncio.timeout(FINISH_WITHIN + QUIET + plan.ring + plan.talk):
                    await _arrival(console, generator, check, finishing, advance)
        handed = await finishing
    finally:
        finishing.cancel()
        beside.stop()
        if sending is not None:
            await sending
    await beside.tidy()
    step = summed(check, handed, begin)
    step.begun, step.interrupted = begun, cancelled is not None
    step.received, step.executed, step.refused = beside.received, beside.executed, beside.refused
    step.told += beside.told[: len(NAMES)]
    if console.lost.is_set():
        step.told.append(Phrase("the mediator has closed the console's channel"))
    _boxes(step, used, box_of(pid) if pid else None)
    step.stays = stays(step, before, await status(), by_switch=bool(plan.caller))
    if cancelled is not None:
        cut_short(step)
        raise cancelled
    return step


async def _arrival(
    console: LoadConsole,
    generator: Generator,
    check: EventCheck,
    finishing: asyncio.Task[Handed],
    advance: Advance,
) -> None:
    """Wait until all events have come, or none comes any more. Raises what the generator raised."""
    expected = -1
    seen, since = 0, time.monotonic()
    while True:
        await asyncio.sleep(_LOOK)
        now = time.monotonic()
        if check.events != seen:
            advance(check.events - seen)
            seen, since = check.events, now
        if console.lost.is_set():
            generator.stop()
            return
        if not finishing.done():
            since = now
        elif expected < 0:
            expected = expected_events(finishing.result().times)
        if expected >= 0 and (seen >= expected or now - since >= QUIET):
            return


def expected_events(times: array.array[float]) -> int:
    """How many events come of what was handed over: a report also brings those of the reports before it."""
    return sum(
        next((stage + 1 for stage in range(STAGES - 1, -1, -1) if times[at + stage]), 0)
        for at in range(0, len(times), STAGES)
    )


def summed(check: EventCheck, handed: Handed, begin: float) -> Step:
    """A step by its check and by what was handed over. ``begin``: of the plan (``time.monotonic``)."""
    plan = check.plan
    check.finish(handed.times)
    calls = sum(1 for at in range(0, len(handed.times), STAGES) if handed.times[at])
    by_event = {name: Latencies() for name in NAMES}
    late = Latencies()
    seconds: dict[int, list[float]] = {}
    for place, arrived in enumerate(check.arrived):
        stage = place % STAGES
        after = plan.after(plan.first_call + place // STAGES, stage)
        if sent := handed.times[place]:
            late.add(sent - begin - after)
        if arrived:
            took = max(0.0, arrived - begin - after)
            by_event[NAMES[stage]].add(took)
            seconds.setdefault(int(after), []).append(took)
    every = Latencies()
    for one in by_event.values():
        every.merge(one)
    last = max(check.arrived, default=0.0)
    span = last - begin if last else 0.0
    return Step(
        rate=plan.rate,
        calls=calls,
        seconds=span,
        begun=0.0,
        events=check.events,
        event=every,
        by_event=by_event,
        handed=late,
        found={kind: check.found[kind] for kind in KINDS},
        told=[*check.told, *filter(None, (handed.refused,))],
        foreign=check.foreign,
        unconfirmed=handed.unconfirmed,
        repeated=handed.repeated,
        through=_through(plan, check),
        timeline=list(_timeline(seconds)),
    )


def _through(plan: CallPlan, check: EventCheck) -> float:
    """Calls a second that came through whole: a mediator that falls behind takes longer for their first events."""
    first = [one for one in check.arrived[::STAGES] if one]
    whole = sum(1 for one in check.arrived[STAGES - 1 :: STAGES] if one)
    return whole / (max(first) - min(first) + 1 / plan.rate) if first else 0.0


def _timeline(seconds: Mapping[int, list[float]]) -> Iterator[Second]:
    for at in sorted(seconds):
        values = sorted(seconds[at])
        count = len(values)
        yield Second(at, count, values[count // 2], values[min(count - 1, count * 99 // 100)], values[-1])


def _boxes(step: Step, before: Box | None, after: Box | None) -> None:
    if before is not None and after is not None:
        step.memory = after.memory
        step.processor = (after.processor - before.processor) / step.calls if step.calls else None


def stays(
    step: Step, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, by_switch: bool
) -> list[Stay]:
    """The mean of each stage: the generator, the mediator as it measures itself, and what is left.

    ``before``, ``after``: the mediator's status. ``by_switch``: the switch makes the calls, and has the times of
    reports; else those are when a report was due.
    """
    if not len(step.event):
        return []
    late = step.handed.mean
    found = [Stay(Phrase("generator: from when a report is due until it is sent"), late)]
    own = _own_mean(before, after)
    if own is None:
        return [*found, Stay(Phrase("from there to the event at the console"), step.event.mean - late)]
    inside = own if by_switch else max(0.0, own - late)
    left = max(0.0, step.event.mean - late - inside)
    found.append(Stay(Phrase("mediator: from the report to the event that it writes"), inside))
    rest = Phrase("the request to the switch, and from the mediator to the console")
    return [*found, Stay(rest if by_switch else Phrase("from there to the console"), left)]


def _own_mean(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> float | None:
    if before is None or after is None:
        return None
    first, last = (one.get("limits", {}).get("events", {}) for one in (before, after))
    count = last.get("answers", 0) - first.get("answers", 0)
    return float((last.get("total", 0.0) - first.get("total", 0.0)) / count) if count > 0 else None
