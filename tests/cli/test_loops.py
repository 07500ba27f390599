"""The event loop of the boxes."""

from __future__ import annotations

import asyncio
import sys

import pytest

from sorm_mediator.cli.loops import loop_maker, run
from sorm_mediator.errors import BoxError


async def kind() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def test_it_is_uvloop_where_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("uvloop")
    monkeypatch.delenv("SORM_EVENT_LOOP", raising=False)
    assert run(kind()) == "uvloop"


def test_the_environment_chooses_pythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORM_EVENT_LOOP", "asyncio")
    assert run(kind()) == "asyncio"


def test_without_uvloop_it_is_pythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop_maker({}) is None
    with pytest.raises(BoxError, match="SORM_EVENT_LOOP: uvloop is not installed"):
        loop_maker({"SORM_EVENT_LOOP": "uvloop"})


def test_another_loop_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORM_EVENT_LOOP", "trio")
    with pytest.raises(BoxError, match=r"^SORM_EVENT_LOOP: 'trio' is none of uvloop, asyncio$"):
        run(kind())
