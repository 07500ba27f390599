"""Every shipped script leaves its lab as it found it: all scripts of a lab pass in it one after the other, twice."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from captures.record import scripts
from sorm_mediator.replay.results import PASS, TextPrinter
from sorm_mediator.replay.runner import ScenarioRunner, Script
from sorm_mediator.replay.session import ReplaySettings, _target, load
from sorm_mediator.replay.vendor import VendorScript
from sorm_mediator.replay.vendor_runner import VendorRunner


def groups() -> dict[str, list[Path]]:
    """The scripts by the lab that they run in."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in scripts():
        script = load(path)
        changes = getattr(script, "config", None)
        config = json.dumps(changes.plain(), sort_keys=True) if changes is not None else ""
        kind = "vendor" if isinstance(script, VendorScript) else ""
        lab = script.lab.name if script.lab is not None else ""
        found[" ".join(filter(None, [lab, getattr(script, "link", None) or "", config, kind]))].append(path)
    return found


def runner(script: Script, target: Any, shown: list[str]) -> Any:
    kind: Any = VendorRunner if isinstance(script, VendorScript) else ScenarioRunner
    return kind(script, target, TextPrinter(shown.append))


GROUPS = groups()


@pytest.mark.parametrize("name", GROUPS)
async def test_all_scripts_of_a_lab_run_twice_in_it(name: str) -> None:
    paths = GROUPS[name]
    async with _target(load(paths[0]), ReplaySettings(scripts=tuple(paths))) as target:
        named = None
        for path in [*paths, *paths]:
            shown: list[str] = []
            run = runner(load(path), target, shown)
            await run.run()
            reasons = [one.failure.summary("en") for one in run.result.failures if one.failure is not None]
            assert run.result.verdict == PASS, f"{path.name}: {reasons or run.result.error}"
            assert target.request is not None
            _, mediator = await target.request("GET", "status", None)
            _, calls = await target.request("GET", "switch/calls", None)
            _, trunks = await target.request("GET", "switch/domains/test.domain/trunks", None)
            assert mediator["state"] == "stopped", path.name
            assert [one for one in calls if one["state"] != "released"] == [], path.name
            named = named or trunks
            assert trunks == named, path.name
