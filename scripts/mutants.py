"""Mutation testing of a room: ``python -m scripts.mutants ROOM [--sample 60] [--seed 1]``.

cosmic-ray changes one place of the room's code at a time (``<`` to ``<=``, 4 to 5, ``and`` to ``or``), and the tests of
that room run against each change. A change that no test notices has survived: either a test is missing, or the
change has no effect (it is equivalent). ``scripts/equivalent_mutants.toml`` lists those, each with the reason.

All runs in a copy of the tree under ``build/mutants/``, so the working tree stays as it is. A sample takes places at
random by a seed, one change of each; annotations and what
``@dataclass`` has of slots and the like are left out. The exit code is 1 when fewer than ``--goal`` per cent
of the changes that are not equivalent were killed, and 2 when the tests fail without any change.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "mutants"
EQUIVALENT = ROOT / "scripts" / "equivalent_mutants.toml"
GOAL = 95.0
"""Per cent of the changes that are not equivalent."""

SWITCH_TESTS = (
    "tests/switch/calls",
    "tests/switch/routing",
    "tests/switch/licence",
    "tests/switch/test_path.py",
    "tests/switch/test_trace.py",
    "--ignore-glob=*/test_invariants*.py",  # whole simulations: half a minute for each change
)
ROOMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "protocol": ("protocol", ("tests/protocol",)),
    "core": ("sorm_mediator/mediator/core", ("-m", "core", "tests/mediator")),
    "e1": ("e1", ("tests/e1", "--ignore-glob=*tshark*")),
    "radius": ("radius", ("tests/radius", "--ignore=tests/radius/test_freeradius.py")),
    "calls": ("sorm_mediator/switch/calls", SWITCH_TESTS),
    "routing": ("sorm_mediator/switch/routing", SWITCH_TESTS),
}
"""Room -> its code, and what pytest is given."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change and what became of it."""

    file: str
    line: int
    operator: str
    before: str
    after: str
    outcome: str
    """``killed``, ``survived`` or ``equivalent``."""


@dataclass(frozen=True, slots=True)
class Room:
    """What is changed, and what is to notice."""

    name: str
    code: str
    tests: tuple[str, ...]

    @property
    def tree(self) -> Path:
        """The copy in which all runs."""
        return BUILD / self.name

    @property
    def command(self) -> str:
        """The tests, up to the first that fails."""
        own = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist")
        return shlex.join((*own, "--hypothesis-seed=0", *self.tests))

    def copy(self) -> None:
        """Copy what git has of the tree, as it stands now, with compiled files that are checked by their content."""
        shutil.rmtree(self.tree, ignore_errors=True)
        listed = subprocess.run(  # nosec B603, B607 # commands of this script
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
            cwd=ROOT, check=True, capture_output=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, self.tree / name)
        # By time and size, which are the defaults, a change of one octet within a second would not be noticed.
        rooms = ("protocol", "e1", "radius", "ssh_control", "sorm_mediator", "captures")
        how = ("--invalidation-mode", "checked-hash")
        subprocess.run([sys.executable, "-m", "compileall", "-q", *how, *rooms], cwd=self.tree, check=True)  # nosec B603 # noqa: S603

    def environment(self) -> dict[str, str]:
        """In which the copy is found before the installed packages, also by processes of the tests."""
        return os.environ | {"PYTHONPATH": str(self.tree), "PYTHONDONTWRITEBYTECODE": "1"}


def places(room: Room, seed: int) -> Iterator[object]:
    """The changes of a room, one of each place, in a random order."""
    from cosmic_ray.commands.init import _all_work_items

    by_place = defaultdict(list)
    for file in sorted(Path(room.code).rglob("*.py")):
        left_out = list(_annotations(file))
        for item in _all_work_items([file], {}):
            [change] = item.mutations
            if not any(start <= change.start_pos and change.end_pos <= end for start, end in left_out):
                by_place[str(file), change.start_pos].append(change)
    chance = random.Random(seed)  # noqa: S311 - a sample, no secret
    for place in chance.sample(sorted(by_place), len(by_place)):
        yield chance.choice(by_place[place])


def _annotations(file: Path) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations stand, of which nothing is carried out, and what only a type checker or memory notices."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        found = [getattr(node, name, None) for name in ("annotation", "returns")]
        if isinstance(node, ast.keyword) and node.arg in ("slots", "frozen", "kw_only"):
            found.append(node.value)
        for one in filter(None, found):
            yield (one.lineno, one.col_offset), (one.end_lineno or 0, one.end_col_offset or 0)


def mutants(room: Room, sample: int, seed: int, progress: Progress) -> Iterator[Mutant]:
    """Make the changes of a sample (0: all of them) and run the tests against each."""
    from cosmic_ray.mutating import mutate_and_test

    began = time.monotonic()
    clean = subprocess.run(shlex.split(room.command), env=os.environ, capture_output=True, text=True)  # nosec B603 # noqa: S603
    if clean.returncode:
        sys.stderr.write(f"mutants: the tests of {room.name} fail without a change:\n{clean.stdout[-3000:]}")
        sys.exit(2)
    longest = 20 + 4 * (time.monotonic() - began)
    equivalent = known_equivalents()
    changes = list(places(room, seed))
    task = progress.add_task(room.name, total=min(sample or len(changes), len(changes)))
    for change in changes[: sample or None]:
        result = mutate_and_test([change], room.command, longest)
        if result.diff is None or result.test_outcome is None:
            raise RuntimeError(f"{change}: {result.output}")
        before, after = (_changed(result.diff, sign) for sign in "-+")
        known = (str(change.module_path), before, after) in equivalent
        survived = result.test_outcome.value == "survived"
        outcome = ("equivalent" if known else "survived") if survived else "killed"
        operator = change.operator_name.removeprefix("core/")
        yield Mutant(str(change.module_path), change.start_pos[0], operator, before, after, outcome)
        progress.advance(task)


def _changed(diff: str, sign: str) -> str:
    lines = (line[1:].strip() for line in diff.splitlines() if line.startswith(sign))
    return "\n".join(line for line in lines if line and not line.startswith(sign * 2))


def known_equivalents() -> set[tuple[str, str, str]]:
    """File, line before and line after of the changes that are known to have no effect."""
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("mutant", [])
    return {(one["file"], one["before"], one["after"]) for one in listed}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("room", choices=(*ROOMS, "all"))
    parser.add_argument("--sample", type=int, default=60, help="changes a room; 0: all of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--goal", type=float, default=GOAL, help="per cent that are to be killed")
    options = parser.parse_args()
    console = Console(stderr=True)
    short = []
    for name in ROOMS if options.room == "all" else [options.room]:
        room = Room(name, *ROOMS[name])
        room.copy()
        found: list[Mutant] = []
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with contextlib.chdir(room.tree), Progress(*columns, console=console) as progress:
            os.environ.update(room.environment())
            for mutant in mutants(room, options.sample, options.seed, progress):
                found.append(mutant)
                if mutant.outcome == "survived":
                    progress.console.print(
                        f"{mutant.file}:{mutant.line}: survived\n  - {mutant.before}\n  + {mutant.after}",
                        markup=False, highlight=False, soft_wrap=True,
                    )  # fmt: skip
                (BUILD / f"{name}.json").write_text(
                    json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False), encoding="utf-8"
                )
        counts = {
            kind: sum(one.outcome == kind for one in found) for kind in ("killed", "survived", "equivalent")
        }
        share = 100 * counts["killed"] / max(1, len(found) - counts["equivalent"])
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        print(f"{name}: {len(found)} changes: {told}; {share:.1f} % killed")  # noqa: T201
        short += [name] if share < options.goal else []
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
