"""Both ends set to the same side of X.25: everybody who looks is told what is wrong, and what to do."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest

import captures
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.lab.lab import Lab
from sorm_mediator.replay.results import TextPrinter
from sorm_mediator.replay.session import ReplaySettings, load, run_script
from tests.lab.e1_bench import e1_lab

MAIN_JOB = Path(captures.__file__).parent / "scenarios" / "main-job.yaml"


@pytest.mark.parametrize(("mediator", "told"), [("dte", "dce"), ("dce", "dte")])
async def test_both_ends_of_one_role(
    mediator: str, told: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    both = (
        mediator.upper()
    )  # the console plays the side opposite to the one that it is told the mediator plays
    wrong = tmp_path / "wrong.toml"
    async with (
        Lab(e1_lab(tmp_path, {"mode": mediator, "lapb": {"t1": 0.5}})) as lab,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1/", trust_env=False) as web,
    ):
        local = lab.endpoints["e1.0"]
        wrong.write_text(f'[[e1]]\nlocal = "{local}"\nmode = "{told}"\nlapb = {{ t1 = 0.5 }}\n')
        shown: list[str] = []
        settings = ReplaySettings(
            scripts=(MAIN_JOB,), host="127.0.0.1", link="x25", config=wrong, web=lab.web_url
        )
        result = await run_script(load(MAIN_JOB), settings, TextPrinter(shown.append, "ru"))
        # What the console has sent is still on its way for as long as the jitter buffer holds it back.
        async with asyncio.timeout(20):
            (stream,) = (await web.get("streams")).json()
            while "role-mismatch" not in stream["alarms"]:
                (stream,) = (await web.get("streams")).json()

    what = rf"both ends are set to {both} \(one must be {told.upper()}\), or the line is looped back"
    assert isinstance(result.error, ConnectError)
    assert re.fullmatch(
        rf"e1\.0: KPD2 can't be reached: .*{what}; the lab file tells the mediator's side: e1\.mode",
        str(result.error),
    )
    assert (
        f"e1.0: КПД2 недоступен: оба конца работают как {both}, один из них должен быть {told.upper()}"
        in ("".join(shown))
    )
    assert re.search(rf"e1\.0 kpd2: role-mismatch: .*{what}", caplog.text)
    assert re.search(what, stream["channels"]["kpd2"]["alarm"])
    assert not stream["channels"]["kpd2"]["up"]
