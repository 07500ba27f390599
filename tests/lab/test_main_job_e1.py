"""The main job over 1 to 4 streams, the mediator on either side of X.25, on permanent and on switched circuits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import captures
from sorm_mediator.replay.results import TextPrinter
from sorm_mediator.replay.session import ReplaySettings, load, run_script

MAIN_JOB = Path(captures.__file__).parent / "scenarios" / "main-job.yaml"
DONE = [{"command-received": {"status": 0}}, {"command-executed": {"status": 0}}]


async def passes(script: Path) -> None:
    shown: list[str] = []
    settings = ReplaySettings(scripts=(script,), link="x25")
    result = await run_script(load(script), settings, TextPrinter(shown.append))
    assert result.error is None, result.error
    assert result.verdict == "PASS", "".join(shown)
    assert len(result.steps) == result.planned


def streams(count: int, mode: str, circuit: str) -> dict[str, Any]:
    return {"e1": [{"stream": n, "mode": mode, "x25": {"circuit": circuit}} for n in range(count)]}


@pytest.mark.parametrize("circuit", ["pvc", "svc"])
@pytest.mark.parametrize("mode", ["dce", "dte"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
async def test_the_main_job(count: int, mode: str, circuit: str, tmp_path: Path) -> None:
    """The shipped scenario with nothing changed but the lab's streams."""
    script = tmp_path / "main-job.yaml"
    text = MAIN_JOB.read_text(encoding="utf-8").replace("../labs", "labs")
    script.write_text(f"config: {json.dumps(streams(count, mode, circuit))}\n{text}", encoding="utf-8")
    await passes(script)


@pytest.mark.parametrize(("mode", "circuit"), [("dce", "pvc"), ("dte", "svc")])
async def test_each_console_puts_an_object_on_a_line_of_its_own_stream(
    mode: str, circuit: str, tmp_path: Path
) -> None:
    """Every KPD1 gives commands and gets its own answers; events come by the first KPD2; each stream has its speech."""
    script = tmp_path / "each.yaml"
    consoles = ["main", "second", "third", "fourth"]
    numbers = ["28331", "28332", "28333", "28334"]
    steps: list[dict[str, Any]] = [{"send": "start", "expect": DONE}]
    for stream, (console, number) in enumerate(zip(consoles, numbers, strict=True)):
        line = {"stream": stream, "ksl": 28}
        group = {"ksl_group": stream + 1, "group_type": "combined", "ksl_a": line}
        controlled = {
            "object_number": stream + 1,
            "object_type": "own-subscriber",
            "number_sign": "own",
            "number": number,
            "category": "combined",
            "ksl_group": stream + 1,
            "priority": "normal",
        }
        steps += [
            {"send": {"add-ksl": group}, "console": console, "expect": DONE},
            {"send": {"add-object": controlled}, "console": console, "expect": DONE},
            {
                "call": {"domain": "test.domain", "a": number, "b": "89001758964", "ring": 0, "talk": 30},
                "events": [
                    {"number-received": {"object_number": stream + 1, "operation": 0, "ksl_a": line}},
                    {"answer": {"object_number": stream + 1, "ksl_a": line}},
                ],
                "hears": {"ksl": line, "tones": [number, "64"]},
            },
        ]
    # All four are heard at the same time, each on its stream; the last console ends it.
    steps += [
        {
            "hears": [
                {"ksl": {"stream": stream, "ksl": 28}, "tones": [number, "64"]}
                for stream, number in enumerate(numbers)
            ]
        },
        {
            "send": "stop",
            "console": "fourth",
            "expect": DONE,
            "hears": "silence",
        },
        *({"silence": {"kpd2": 0.1}, "console": console} for console in consoles[1:]),
    ]
    document = {
        "name": "each on its stream",
        "lab": "labs/order268.toml",
        "config": streams(4, mode, circuit),
        "steps": steps,
    }
    script.write_text(json.dumps(document), encoding="utf-8")
    await passes(script)
