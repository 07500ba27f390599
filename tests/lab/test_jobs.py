"""Runs against a running lab, by HTTP: the installed command as a process, its output, its reports, one at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from sorm_mediator import config
from sorm_mediator.config.lab import Given
from sorm_mediator.lab.lab import Lab, on_free_ports

LABS = Path(__file__).parents[2] / "captures" / "labs"


@asynccontextmanager
async def served(folder: Path, lab_file: str = "laptop.toml") -> AsyncIterator[httpx.AsyncClient]:
    """A lab with its tables in ``folder``, and its HTTP API."""
    kept = (("mediator", "state"), ("mediator", "journal"), ("switch", "host_key_file"))
    loaded = config.load(LABS / lab_file, [Given(path, str(folder / path[1]), "a test") for path in kept])
    async with (
        Lab(on_free_ports(loaded)) as lab,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1", trust_env=False, timeout=60) as http,
    ):
        yield http


async def started(http: httpx.AsyncClient, **request: Any) -> dict[str, Any]:
    answer = await http.post("/jobs", json=request)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def ended(http: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(120):
        while job["state"] == "running":  # as a page asks for it
            await asyncio.sleep(0.1)
            job = (await http.get(f"/jobs/{job['id']}")).json()
    return job


async def test_replay_of_a_shipped_scenario_runs_against_this_lab_and_is_kept(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        names = [one["script"] for one in (await http.get("/jobs/scripts")).json()]
        assert "shipped/main-job.yaml" in names
        job = await ended(http, await started(http, kind="replay", script="shipped/main-job.yaml"))
        output = "\n".join((await http.get(f"/jobs/{job['id']}/output")).json())
        assert (job["state"], job["exit_code"]) == ("passed", 0), output
        assert "add-object" in output
        assert job["lines"] > 10
        assert output.endswith("\n".join((await http.get(f"/jobs/{job['id']}/output?after=5")).json()))
        junit = await http.get(f"/jobs/{job['id']}/files/junit.xml")
        assert 'failures="0"' in junit.text
        kinds = [one["kind"] for one in (await http.get("/journal?limit=1000")).json()]
        assert kinds.count("command") >= 3, "the commands came to this mediator"
        assert {"run-started", "run-ended"} <= set(kinds)
    assert [names for _, _, names in os.walk(tmp_path) if "lab.toml" in names] == [], (
        "the copy with secrets is gone"
    )
    async with served(tmp_path) as http:  # after a restart
        assert (await http.get("/jobs/1")).json() == job
        assert (await http.delete("/jobs/1")).status_code == 204
        assert (await http.get("/jobs")).json() == []


async def test_a_report_is_a_page_of_its_own(tmp_path: Path) -> None:
    async with served(tmp_path, "acceptance.toml") as http:
        job = await ended(http, await started(http, kind="acceptance", only=["own"], lang="ru"))
        assert job["state"] in ("passed", "failed"), (await http.get(f"/jobs/{job['id']}/output")).text
        report = await http.get(f"/jobs/{job['id']}/files/report.html")
        assert report.headers["content-type"].startswith("text/html")
        assert "sandbox" in report.headers["content-security-policy"]
        assert '<html lang="ru"' in report.text
        saved = await http.get(f"/jobs/{job['id']}/files/report.html?download=true")
        assert saved.headers["content-disposition"].startswith("attachment")


async def test_settings_changed_in_the_running_lab_hold_for_the_run(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        await http.put("/settings", json={"values": {"mediator.options.no_services_reply": "61h"}})
        job = await ended(http, await started(http, kind="conformance", clauses="6.12"))
        assert job["state"] == "passed", (await http.get(f"/jobs/{job['id']}/output")).text


async def test_one_run_at_a_time_and_a_cancelled_one_puts_back_what_it_changed(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        scripts = await http.get("/jobs/scripts")
        assert scripts.status_code == 200
        job = await started(http, kind="conformance", clauses="")
        busy = await http.post("/jobs", json={"kind": "acceptance"})
        assert (busy.status_code, "goes on" in busy.json()["detail"]) == (409, True)
        async with asyncio.timeout(60):
            async with http.stream("GET", "/events?kind=unit") as events:
                async for line in events.aiter_lines():
                    if "command-executed" in line:  # it is in the middle of its work
                        break
        assert (await http.delete(f"/jobs/{job['id']}")).status_code == 204
        job = (await http.get(f"/jobs/{job['id']}")).json()
        assert (job["state"], job["exit_code"]) == ("cancelled", 130)
        status = (await http.get("/status")).json()
        assert (status["state"], status["objects"]) == ("stopped", 0)


async def test_only_known_scripts_and_files_are_read(tmp_path: Path) -> None:
    async with served(tmp_path) as http:
        for script in ("../../etc/passwd", "/etc/passwd", "shipped/../labs/laptop.toml", "lab/laptop.toml"):
            answer = await http.post("/jobs", json={"kind": "replay", "script": script})
            assert answer.status_code == 404, script
        assert (await http.post("/jobs", json={"kind": "replay"})).status_code == 422
        assert (
            await http.post("/jobs", json={"kind": "conformance", "clauses": "--help"})
        ).status_code == 422
        assert (await http.get("/jobs/1")).status_code == 404
        assert (await http.get("/jobs/1/files/run.json")).status_code == 404
