"""The loop of a fuzzer that needs no time to pass: inputs, checks, what was reached, findings made small.

Inputs come in numbered blocks, each with a random generator of its own, made of a seed and the number. So a run is
the same for the same seed and corpus, and several workers share its blocks.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random

from sorm_mediator.fuzz.corpus import FAULTS, KEPT, Corpus, Input
from sorm_mediator.fuzz.finding import Finding, Kind
from sorm_mediator.fuzz.reached import SHARE, Reached
from sorm_mediator.fuzz.shrink import shrunk
from sorm_mediator.fuzz.target import Target, Violation, is_of_product, trace_of, violation_of
from sorm_mediator.fuzz.watchdog import LIMIT, HangError, Watchdog

_HANG_TRIES = 60
"""Smaller inputs that are tried for a hang, each of which takes its time."""
_HANG_LIMIT = 0.3
"""Seconds of processor time that count as a hang while an input of one is made smaller."""
_MOST_SHRINKING = 20.0
"""Seconds of processor time for making one input smaller (our choice)."""
_TOLD = 100
"""Inputs after which progress is told."""
_MEGABYTE = 1024
"""In the unit of ``ru_maxrss`` on Linux."""

Told = Callable[[int], None]
Keep = Callable[[Finding], object]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run ends, by whatever comes first. None: that does not end it."""

    inputs: int | None = None
    seconds: float | None = None
    findings: int | None = None


@dataclass(slots=True)
class Outcome:
    """What a run has done."""

    inputs: int = 0
    """What was tried, as the target counts it: each unit by itself."""
    findings: dict[str, Finding] = field(default_factory=dict)
    """By signature."""
    shown: dict[str, int] = field(default_factory=dict)
    """How often each fault has shown."""
    features: int = 0
    lines: int = 0
    kept: int = 0
    megabytes: int = 0
    known: int = 0
    """Inputs of the corpus."""
    gone: list[Input] = field(default_factory=list)
    """Inputs of known faults that show nothing any more."""
    interrupted: bool = False


class Engine:
    """Fuzzes a target. ``part`` of ``parts``: the blocks that this worker takes.

    ``first``: inputs of known faults. ``keep`` gets each finding when it is as small as it will be. ``command``: the
    words of the command line that repeat the run; the number of inputs is put behind them.
    """

    def __init__(
        self,
        target: Target,
        seed: int,
        *,
        corpus: Corpus | None = None,
        first: Sequence[Input] = (),
        keep: Keep = lambda _finding: None,
        command: Sequence[str] = (),
        part: int = 0,
        parts: int = 1,
        limit: float = LIMIT,
    ) -> None:
        self._target = target
        self._seed = seed
        self._corpus = corpus or Corpus(None, target.name)
        self._first = tuple(first)
        self._keep = keep
        self._command = tuple(command)
        self._part, self._parts = part, parts
        self._limit = limit
        self._reached = Reached(target.wanted)
        self._features: set[Hashable] = set()
        self._watchdog = Watchdog(limit)
        self._outcome = Outcome()
        self._tries = 0
        self._stopped = False

    def stop(self) -> None:
        """End the run behind the input that is tried now."""
        self._stopped = True

    def run(self, limits: Limits, told: Told = lambda _count: None) -> Outcome:
        """Try known faults, then the corpus, then inputs until a limit. ``told``: gets the number of inputs done.

        Raises :class:`OSError` if the corpus can't be read or written.
        """
        outcome = self._outcome
        ends = None if limits.seconds is None else time.monotonic() + limits.seconds
        done = 0
        with self._watchdog.watching():
            for one in self._inputs():
                if self._stopped:
                    outcome.interrupted = True
                    break
                if limits.inputs is not None and outcome.inputs >= limits.inputs:
                    break
                if ends is not None and self._tries % 16 == 0 and time.monotonic() >= ends:
                    break
                if limits.findings is not None and len(outcome.findings) >= limits.findings:
                    break
                self._try(one)
                if outcome.inputs - done >= _TOLD:
                    told(outcome.inputs - done)
                    done = outcome.inputs
        told(outcome.inputs - done)
        outcome.lines = len(self._reached.lines)
        outcome.features = len(self._features)
        outcome.megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _MEGABYTE
        return outcome

    def again(self, inputs: Sequence[Input]) -> Outcome:
        """Try these inputs alone, with all checks."""
        with self._watchdog.watching():
            for one in inputs:
                self._outcome.inputs += 1
                try:
                    self._found(one, *self._failure(one))
                except LookupError:
                    self._outcome.gone.append(one)
        return self._outcome

    def _inputs(self) -> Iterator[Input]:
        if self._part == 0:
            for one in dict.fromkeys((*self._first, *self._corpus.read(FAULTS))):
                if self._violation(one) is None:
                    self._outcome.gone.append(one)
                    self._corpus.forget(FAULTS, one)
                self._outcome.known += 1
                yield one
        for one in self._corpus.read(KEPT):
            self._outcome.known += 1
            self._target.learn(one)
            if self._part == 0:
                yield one
        number = self._part
        while True:
            block = self._target.block(number, Random(f"{self._seed}:{number}"))  # noqa: S311 - chance, no secret
            made = 0
            while True:
                try:
                    one = next(block)
                except StopIteration:
                    break
                except (Exception, HangError) as error:
                    if not is_of_product(error):
                        raise
                    self._found(Input("", b""), violation_of(error, self._target.at), trace_of(error))
                    break
                made += 1
                yield one
            if not made:
                return  # no other block would be better
            number += self._parts

    def _try(self, one: Input) -> None:
        outcome = self._outcome
        before = self._target.done()
        self._tries += 1
        try:
            self._watchdog.begin()
            features = self._target.check(one)
            self._watchdog.end()
            outcome.inputs += max(self._target.done() - before, 1)
        except (Exception, HangError, SystemExit) as error:  # noqa: BLE001 - whatever comes out is a finding
            self._watchdog.end()
            outcome.inputs += max(self._target.done() - before, 1)
            self._found(one, violation_of(error, self._target.at), trace_of(error))
            return
        new = not features <= self._features
        if new:
            self._features |= features
        if new or self._tries % SHARE == 0:
            self._watchdog.begin()
            try:
                with self._reached.noting():
                    self._target.check(one)
            except (Exception, HangError, SystemExit) as error:  # noqa: BLE001 - the second time it may fail
                self._found(one, violation_of(error, self._target.at), trace_of(error))
            finally:
                self._watchdog.end()
            if self._reached.was_new() or new:
                outcome.kept += 1
                self._target.learn(one)
                self._corpus.keep(KEPT, one)

    def _failure(self, one: Input) -> tuple[Violation, str]:
        try:
            self._watchdog.begin()
            self._target.check(one, afresh=True)
        except (Exception, HangError, SystemExit) as error:  # noqa: BLE001 - whatever comes out is the result
            return violation_of(error, self._target.at), trace_of(error)
        finally:
            self._watchdog.end()
        raise LookupError

    def _violation(self, one: Input) -> Violation | None:
        """What is wrong with an input by itself."""
        try:
            return self._failure(one)[0]
        except LookupError:
            return None

    def _found(self, one: Input, violation: Violation, trace: str) -> None:
        finding = self._finding(one, violation, trace)
        signature = finding.signature
        outcome = self._outcome
        outcome.shown[signature] = outcome.shown.get(signature, 0) + 1
        if signature in outcome.findings:
            return
        outcome.findings[signature] = finding  # so that one that is interrupted is there
        smaller, alone = self._smaller(one, violation) if one.octets else (one, True)
        finding = outcome.findings[signature] = replace(finding, reduced=alone)
        if smaller.octets != one.octets:
            with suppress(LookupError):  # a fault that does not show every time keeps its first input
                last, trace = self._failure(smaller)
                small = self._finding(smaller, last, trace)
                finding = replace(small, size_found=len(one.octets), command=finding.command)
                outcome.findings[signature] = finding
        if one.octets:
            self._corpus.keep(FAULTS, smaller)
        self._keep(finding)

    def _finding(self, one: Input, violation: Violation, trace: str) -> Finding:
        count = str(max(self._outcome.inputs, 1) * self._parts)
        return Finding(
            target=self._target.name,
            check=self._target.at,
            kind=violation.kind,
            place=violation.place,
            summary=violation.summary,
            seed=self._seed,
            steps=self._target.steps(one) if one.octets else (),
            command=(*self._command, "--units", count) if self._command else (),
            options=self._target.options(one) if one.octets else {},
            trace=trace,
            size_found=len(one.octets),
        )

    def _smaller(self, one: Input, violation: Violation) -> tuple[Input, bool]:
        """The smallest input with the same fault (check, kind and place), and whether it shows the fault by itself."""
        check = self._target.at
        hangs = violation.kind is Kind.HANG
        watchdog, self._watchdog = self._watchdog, Watchdog(_HANG_LIMIT if hangs else self._limit)

        ends = time.thread_time() + _MOST_SHRINKING

        def shows(octets: bytes) -> bool:
            if not octets or self._stopped or time.thread_time() > ends:
                return False
            found = self._violation(one._replace(octets=octets))
            return found is not None and (found.kind, found.place, self._target.at) == (
                violation.kind, violation.place, check,
            )  # fmt: skip

        try:
            with self._watchdog.watching():
                if not shows(one.octets):
                    return one, False  # it needs what came before it
                if hangs or violation.kind is Kind.SUPERLINEAR:
                    return one._replace(octets=shrunk(one.octets, shows, _HANG_TRIES)), True
                return one._replace(octets=shrunk(one.octets, shows)), True
        finally:
            self._watchdog = watchdog
