"""Runs against the lab that is served, over HTTP: start, watch, cancel, read.

:mod:`sorm_mediator.lab.jobs` runs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from sorm_mediator.mediator.binding.status import Document
from sorm_mediator.web.mediator_api import RequestBody, who_asks

JobKind = Literal["replay", "acceptance", "conformance", "stop"]
"""stop: command 2 stops the technical means."""
JobState = Literal["running", "passed", "failed", "unusable", "unreachable", "cancelled"]
NumberKind = Literal["own", "local", "intercity", "international", "emergency"]


class JobRequest(RequestBody):
    """A run against this lab."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "replay", "script": "shipped/main-job.yaml"},
                {"kind": "conformance", "clauses": "6.5,7", "may_stop": True},
            ]
        }
    )

    kind: JobKind
    script: Annotated[str, Field(max_length=300)] = ""
    """Of replay: one of ``GET jobs/scripts``."""
    clauses: Annotated[str, Field(max_length=200, pattern=r"^[0-9.,-]*$")] = ""
    """Of conformance: only these, such as ``6.5,7``; "": all."""
    may_stop: bool = False
    """Of conformance: technical means that run may be stopped; their tables are put back."""
    only: Annotated[list[NumberKind], Field(max_length=5)] = Field(default=[])
    """Of acceptance: only these kinds of number; empty: all."""
    lang: Literal["en", "ru"] = "en"
    """Language of output and report."""

    @model_validator(mode="after")
    def _replay_has_a_script(self) -> JobRequest:
        if (self.kind == "replay") != bool(self.script):
            raise ValueError("script: replay needs one of GET jobs/scripts, and no other kind has one")
        return self


@dataclass(frozen=True, kw_only=True)
class ScriptDocument(Document):
    """A script that replay can run here."""

    script: str
    """What ``POST jobs`` takes."""
    file: str


@dataclass(frozen=True, kw_only=True)
class JobDocument(Document):
    """A run, going on or kept."""

    id: int
    kind: JobKind
    script: str
    clauses: str
    lang: Literal["en", "ru"]
    who: str
    """Who started it."""
    started: float
    """Unix seconds."""
    ended: float | None
    state: JobState
    """passed and failed by the expectations; unusable: a mistake in script or settings; unreachable: the mediator can't
    be reached."""
    exit_code: int | None
    lines: int
    """Lines of output so far."""
    last: str
    """The last of them."""
    files: list[str]
    """What ``GET jobs/{id}/files/{file}`` has: output.txt, report.html, junit.xml."""


class JobRefused(Exception):  # noqa: N818 - an answer
    """A job can't be started, cancelled or found; ``status`` is that of the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Jobs(Protocol):
    """The runs of a lab. What is refused raises :class:`JobRefused`."""

    def scripts(self) -> Sequence[ScriptDocument]:
        """Scripts that replay can run: those that are shipped, and those of the lab's folder."""
        ...

    async def missing(self, scripts: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Of each of these scripts why it can't hold in this lab; nothing: nothing is known against it."""
        ...

    def all(self) -> list[JobDocument]:
        """The runs, the newest first."""
        ...

    def one(self, number: int) -> JobDocument:
        """A run."""
        ...

    async def start(self, request: JobRequest, who: str) -> JobDocument:
        """Start a run; there is one at a time."""
        ...

    def output(self, number: int, after: int) -> list[str]:
        """Lines of output after the first ``after``."""
        ...

    def file(self, number: int, name: str) -> Path:
        """A file of a run."""
        ...

    async def remove(self, number: int) -> None:
        """Cancel a run that goes on, or remove one that has ended."""
        ...


async def _jobs(request: Request) -> Jobs:
    jobs: Jobs | None = request.app.state.jobs
    if jobs is None:
        raise HTTPException(404, "there is no mediator here that a run could be against")
    return jobs


OfLab = Annotated[Jobs, Depends(_jobs)]
_MISSING: dict[int | str, dict[str, object]] = {404: {"description": "No such run"}}
_TYPES = {".html": "text/html", ".xml": "application/xml", ".txt": "text/plain"}
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"
"""A report is a page of its own: it has its style in it, no script, and nothing of this site."""

jobs_router = APIRouter()
"""The routes, which serve ``app.state.jobs``."""


def _refusal(refused: JobRefused) -> HTTPException:
    return HTTPException(refused.status, str(refused))


@jobs_router.get("/jobs/scripts", summary="Scripts that replay can run")
async def all_scripts(jobs: OfLab) -> list[ScriptDocument]:
    """Those that are shipped, and those in the folder of the lab file."""
    return list(jobs.scripts())


@jobs_router.get("/jobs", summary="The latest runs")
async def all_jobs(jobs: OfLab) -> list[JobDocument]:
    """The run that goes on and those that are kept, the newest first."""
    return jobs.all()


@jobs_router.post(
    "/jobs",
    status_code=202,
    responses={404: {"description": "No such script"}, 409: {"description": "A run goes on"}},
    summary="Start a run",
)
async def start_job(jobs: OfLab, request: Request, body: JobRequest) -> JobDocument:
    """Run replay, acceptance, conformance or a stop against this lab, as a process of its own; one at a time."""
    try:
        return await jobs.start(body, who_asks(request))
    except JobRefused as refused:
        raise _refusal(refused) from None


@jobs_router.get("/jobs/{number}", responses=_MISSING, summary="One run")
async def one_job(jobs: OfLab, number: int) -> JobDocument:
    """How far it is, and how it ended."""
    try:
        return jobs.one(number)
    except JobRefused as refused:
        raise _refusal(refused) from None


@jobs_router.get("/jobs/{number}/output", responses=_MISSING, summary="Output of a run")
async def job_output(
    jobs: OfLab, number: int, after: Annotated[int, Query(ge=0, le=2**31, description="Lines known.")] = 0
) -> list[str]:
    """The lines after those that are known already."""
    try:
        return jobs.output(number, after)
    except JobRefused as refused:
        raise _refusal(refused) from None


@jobs_router.get(
    "/jobs/{number}/files/{name}",
    responses=_MISSING,
    response_class=FileResponse,
    summary="A report of a run",
)
async def job_file(jobs: OfLab, number: int, name: str, download: bool = False) -> Response:
    """report.html, junit.xml or output.txt; ``download``: to be saved."""
    try:
        path = jobs.file(number, name)
    except JobRefused as refused:
        raise _refusal(refused) from None
    return FileResponse(
        path,
        media_type=_TYPES[path.suffix],
        filename=f"run-{number}-{name}",
        content_disposition_type="attachment" if download else "inline",
        headers={"Content-Security-Policy": REPORT_POLICY, "Cache-Control": "no-store"},
    )


@jobs_router.delete(
    "/jobs/{number}", status_code=204, responses=_MISSING, summary="Cancel a run, or remove a kept one"
)
async def remove_job(jobs: OfLab, number: int) -> None:
    """A run that goes on is interrupted as by Ctrl-C: what it changed is put back, and its report is kept."""
    try:
        await jobs.remove(number)
    except JobRefused as refused:
        raise _refusal(refused) from None
