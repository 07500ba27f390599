"""Replay, acceptance and conformance against this lab: started, watched, cancelled, read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import HTTPException, Request

from sorm_mediator.console.errors import STARTED_ALREADY
from sorm_mediator.language import Phrase, join, translate
from sorm_mediator.texts import whole_number
from sorm_mediator.web.jobs_api import JobDocument, JobRefused, JobRequest, Jobs
from sorm_mediator.web.mediator_api import who_asks
from sorm_mediator.web.pages.page import Action, Elsewhere, Form, Page

STATES: Final = {
    "running": Phrase("running"),
    "passed": Phrase("passed"),
    "failed": Phrase("failed"),
    "unusable": Phrase("could not begin"),
    "unreachable": Phrase("mediator not reached"),
    "cancelled": Phrase("cancelled"),
}
_MAIN: Final = "shipped/main-job.yaml"
SHOWN_LINES: Final = 400
"""Lines of output of a page; the file has all."""


def _jobs(request: Request) -> Jobs:
    found: Jobs | None = request.app.state.jobs
    if found is None:
        raise HTTPException(404, Phrase("There is no mediator here that a run could be against."))
    return found


def _number(request: Request) -> int:
    number = whole_number(request.path_params["number"], 1, 2**31)
    if number is None:
        raise HTTPException(404, Phrase("There is no such run."))
    return number


def _one(request: Request) -> JobDocument:
    try:
        return _jobs(request).one(_number(request))
    except JobRefused:
        raise HTTPException(404, Phrase("There is no such run.")) from None


async def reports(request: Request) -> Mapping[str, Any]:
    """The runs, and what can be run."""
    jobs = _jobs(request)
    rows = jobs.all()
    # All scripts are read for this, so not each time that the table of runs alone is shown anew.
    names = [] if "part" in request.query_params else [one.script for one in jobs.scripts()]
    missing = await jobs.missing(names)
    return {
        "rows": rows,
        "states": STATES,
        "busy": any(one.state == "running" for one in rows),
        "started": _is_started(request),
        "scripts": _groups([one for one in names if not missing[one]]),
        "unfit": {one: missing[one] for one in names if missing[one]},
    }


def _groups(names: list[str]) -> list[tuple[Phrase, list[str]]]:
    """The scripts that can be run: the lab's own first, of those that are shipped the main job."""
    own = [one for one in names if one.startswith("lab/")]
    shipped = sorted((one for one in names if one not in own), key=lambda one: (one != _MAIN, one))
    groups = [(Phrase("Of this lab's folder"), own), (Phrase("Shipped, for a lab like this"), shipped)]
    return [group for group in groups if group[1]]


async def report(request: Request) -> Mapping[str, Any]:
    """One run, with the end of its output."""
    job = _one(request)
    lines = (
        _jobs(request).output(job.id, max(0, job.lines - SHOWN_LINES)) if "output.txt" in job.files else []
    )
    hint = translate(STARTED_ALREADY, job.lang)
    return {
        "job": job,
        "states": STATES,
        "output": "\n".join(lines[-SHOWN_LINES:]),
        "refused_start": job.state == "failed" and any(hint in line for line in lines),
        "stopped": not _is_started(request),
    }


def _is_started(request: Request) -> bool:
    return bool(request.app.state.gateway.status().state == "started")


async def start(request: Request, form: Form) -> Elsewhere:
    """Start a run, and show it."""
    kind = form.get("kind", "")
    fields: dict[str, Any] = {"kind": kind, "lang": form.get("lang", "en")}
    if kind == "replay":
        script = fields["script"] = form.get("script", "")
        if why := (await _jobs(request).missing([script])).get(script):
            text = Phrase("{script} does not fit this lab: {why}", script=script, why=join("; ", why))
            raise HTTPException(409, text)
    elif kind == "conformance":
        fields |= {"clauses": form.get("clauses", "").replace(" ", ""), "may_stop": "may_stop" in form}
    try:
        job = await _jobs(request).start(JobRequest(**fields), who_asks(request))
    except JobRefused as refused:
        raise HTTPException(refused.status, refused.text) from None
    return Elsewhere(f"/reports/{job.id}")


async def remove(request: Request, form: Form) -> Phrase:
    """Cancel a run, or remove a kept one."""
    job = _one(request)
    try:
        await _jobs(request).remove(job.id)
    except JobRefused as refused:
        raise HTTPException(refused.status, refused.text) from None
    if job.state == "running":
        return Phrase("Run {number} was cancelled.", number=job.id)
    return Phrase("Run {number} was removed.", number=job.id)


PAGE = Page(
    "/reports",
    "Reports",
    "reports.html.j2",
    reports,
    box="gateway",
    actions=(Action("/reports", start), Action("/reports/{number}/remove", remove)),
)
ONE = Page("/reports/{number}", "Run", "report.html.j2", report, box="gateway", part_of="/reports")
