"""A lab to be handed over, and changes to it: each test says what differs from the one that passes."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import captures
from sorm_mediator.acceptance.compare import Outcome
from sorm_mediator.acceptance.matrix import FormatCheck, matrix
from sorm_mediator.acceptance.session import Acceptance
from sorm_mediator.config import Config, parse
from sorm_mediator.lab.targets import in_lab
from sorm_mediator.switch.node import Node

LABS = Path(captures.__path__[0]) / "labs"
PASSING = LABS / "acceptance.toml"
Make = Callable[..., Config]
"""``make(acceptance={...}, domain={...}, mediator={...})``: the lab that passes, with these keys changed."""


def merged(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}


@pytest.fixture
def make() -> Make:
    def lab(
        file: str = "acceptance.toml",
        *,
        formats: dict[str, Any] | None = None,
        domain: dict[str, Any] | None = None,
        **tables: Any,
    ) -> Config:
        document = tomllib.loads((LABS / file).read_text(encoding="utf-8"))
        document = merged(
            document, {**tables, "acceptance": {"formats": formats or {}, **tables.get("acceptance", {})}}
        )
        document["switch"]["domains"][0] |= domain or {}
        return parse(document, directory=(LABS / file).parent)

    return lab


def plan(config: Config) -> tuple[FormatCheck, ...]:
    """The matrix of a lab."""
    assert config.switch is not None
    return matrix(config, Node(config.switch, config.directory).domains)


async def carried_out(config: Config, *only: tuple[str, str, str]) -> list[Outcome]:
    """The matrix in a real lab; ``only``: (kind, direction, operator) of the checks that are meant."""
    assert config.switch is not None
    node = Node(config.switch, config.directory)
    checks = [
        check
        for check in matrix(config, node.domains)
        if not only or (check.kind, check.direction, check.operator) in only
    ]
    async with in_lab(config, "a test") as around, Acceptance(around, config, node.domains) as acceptance:
        return await acceptance.run(checks, lambda _: None)


@pytest.fixture
def planned() -> Callable[[Config], tuple[FormatCheck, ...]]:
    return plan


@pytest.fixture
def carry_out() -> Callable[..., Any]:
    return carried_out
