"""A lab of the order's profile, and examinations of it, spoilt or not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import captures
from sorm_mediator.conformance.report import Report
from sorm_mediator.conformance.session import ConformanceSettings, examine
from sorm_mediator.conformance.verdicts import FAIL
from sorm_mediator.lab.lab import Lab
from tests.conformance.spoiler import Rule, Spoiler

LAB = Path(captures.__path__[0]) / "labs" / "order268.toml"
Examined = Callable[..., Awaitable[Report]]

CONTROL = (
    "6.1.4", "6.3.3", "6.4.3-1", "6.4.9", "6.5.3", "6.5.5.7", "6.6.3-1", "6.9.3", "6.10.7.1", "6.11.5", "6.12.3-1",
    "6.13.3-1", "7.4", "8", "9.8.4", "9.11", "10.2.1.5", "10.2.1.6-1", "11.7",
)  # fmt: skip
"""A little of everything: quick, and examined beside what a spoiling is about."""


def failed(report: Report) -> set[str]:
    """The ids of the checks that failed."""
    return {result.check.id for result in report.results if result.verdict == FAIL}


def port(lab: Lab, name: str) -> int:
    return int(lab.endpoints[name].rpartition(":")[2])


async def examine_spoilt(lab: Lab, rule: Rule | None, clauses: tuple[str, ...] = (), **how: Any) -> Report:
    """Examine the mediator of a lab through a proxy that breaks a rule."""
    async with Spoiler("127.0.0.1", port(lab, "kpd1"), port(lab, "kpd2"), rule) as spoiler:
        told: dict[str, Any] = {"timing": "report", "quiet": 0.1, "within": 2.0, **how}
        settings = ConformanceSettings(
            config=LAB, host="127.0.0.1", kpd1=spoiler.ports["kpd1"], kpd2=spoiler.ports["kpd2"],
            web=lab.web_url, clauses=clauses, link="tcp", **told,
        )  # fmt: skip
        return await examine(settings)
