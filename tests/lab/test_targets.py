"""The target of a run: what is made before its lines run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sorm_mediator.config import parse
from sorm_mediator.console.e1_client import ConsoleLine
from sorm_mediator.console.target import WebApi
from sorm_mediator.lab.targets import toward


async def test_the_client_of_the_web_is_made_before_the_lines_run(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    prepared, opened = WebApi.prepared, ConsoleLine.open

    def noted(self: WebApi) -> object:
        happened.append("web")
        return prepared(self)

    async def noted_open(self: ConsoleLine) -> None:
        happened.append("line")
        await opened(self)

    monkeypatch.setattr(WebApi, "prepared", noted)
    monkeypatch.setattr(ConsoleLine, "open", noted_open)
    stream = {"stream": 0, "local": "127.0.0.1:9", "line": "satop"}
    config = parse({"console": {"link": "x25"}, "e1": [stream]}, directory=Path.cwd())
    async with toward(config, "127.0.0.1", 0, 0, web="http://127.0.0.1:9", by_e1=True):
        assert happened == ["web", "line"]
