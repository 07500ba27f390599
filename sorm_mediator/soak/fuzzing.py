"""The fuzzer beside a soak: a process of its own, whose good console watches that the mediator answers in time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sorm_mediator.addresses import host_port
from sorm_mediator.language import Phrase
from sorm_mediator.load.served import Served

PATIENCE: Final = 5.0
"""Its limits of time are those of an idle machine; here other boxes and the load are beside it."""
ENDS_WITHIN: Final = 120.0
"""Seconds for a fuzzer to end after its time is over: what it has found it makes as small as it gets."""


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What one run has done: rounds, and what did not hold."""

    rounds: int
    found: tuple[str, ...]


async def fuzz(
    lab: Served, ends: Mapping[str, str], seconds: float, seed: int, file: Path, findings: Path
) -> Fuzzed:
    """Fuzz the mediator. ``ends``: the endpoints of all boxes; ``file``: the lab file that describes it; ``findings``:
    where each finding gets its folder."""
    target = lab.target
    command = [
        sys.executable, "-P", "-m", "sorm_mediator", "fuzz", "--target", host_port(target.host, target.kpd1),
        "--kpd2", host_port(target.host, target.kpd2), "-c", str(file), "--radius", lab.radius,
        "--web", ends["web"], "--seconds", f"{seconds:g}", "--seed", str(seed), "--patience", f"{PATIENCE:g}",
        "--findings", str(findings), "--json",
    ]  # fmt: skip
    if "ssh" in ends:
        command += ["--ssh", ends["ssh"]]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for this process, which stops the fuzzer
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds + ENDS_WITHIN):
            output, errors = await process.communicate()
    except TimeoutError:
        return Fuzzed(
            0, (Phrase("the fuzzer did not end within {seconds:g} s", seconds=seconds + ENDS_WITHIN),)
        )
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return outcome(process.returncode or 0, output, errors.decode("utf-8", "replace"))


def outcome(code: int, output: bytes, errors: str) -> Fuzzed:
    """What a run has done, by its exit code, its document and its errors."""
    try:
        document = json.loads(output)
    except ValueError:
        document = {}
    rounds = int(document.get("inputs", 0) or 0) if isinstance(document, dict) else 0
    if code == 0 and rounds:
        return Fuzzed(rounds, ())
    rows = document.get("findings", ()) if isinstance(document, dict) else ()
    texts = [str(row.get("summary", row)) if isinstance(row, dict) else str(row) for row in rows]
    last = errors.strip().splitlines()[-1:] if not texts else []
    what = Phrase("the fuzzer ended with {code} after {rounds} rounds", code=code, rounds=rounds)
    return Fuzzed(rounds, tuple(texts or [f"{what}: {last[0]}" if last else what]))
