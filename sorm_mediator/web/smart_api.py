"""HTTP of the switch's smart licence: its summary, its usage, requests to the licence cloud, faults of the stand-in.

Source: docs/smart-licence.md, docs/http.md.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from pydantic import Field

from sorm_mediator.config.switch import MOST_COUNT
from sorm_mediator.language import Phrase, translate
from sorm_mediator.switch.changes.licence import set_smart_counts
from sorm_mediator.switch.smart.agent import SmartAgent
from sorm_mediator.switch.smart.client import RequestKind
from sorm_mediator.switch.smart.messages import MessageError
from sorm_mediator.web.licence_cloud import CloudFault
from sorm_mediator.web.mediator_api import RequestBody
from sorm_mediator.web.preferred import PreferredLang
from sorm_mediator.web.switch_api import Switch, SwitchDocument

smart_router = APIRouter()
"""The routes of the smart licence of the switch of ``app.state``, to be put under ``/api/v1``."""


def _agent(switch: Switch) -> SmartAgent:
    if switch.smart is None:
        raise HTTPException(404, Phrase("this switch has no smart licence: set switch.smart_licence.enabled"))
    return switch.smart


Agent = Annotated[SmartAgent, Depends(_agent)]


class RegisterBody(RequestBody):
    """Whom to register with."""

    token: Annotated[str, Field(max_length=256)] = ""
    """Token of the account; left out: that of the lab file."""


Count = Annotated[int, Field(ge=0, le=MOST_COUNT)]


class CountsBody(RequestBody):
    """Counts that change; what is left out stays."""

    count: Count | None = None
    """Licences that the switch asks for."""
    purchased: Count | None = None
    """Licences that the account of the lab's own stand-in has bought."""
    other_counts: Annotated[list[Count], Field(max_length=1000)] | None = None
    """Counts that other proxies of that account are configured with."""


class CpsDocument(SwitchDocument):
    """The check of calls per second."""

    mean: float
    """Calls per second: of the window, or of the current second."""
    limit: float
    refusing: bool


class FailedCallDocument(SwitchDocument):
    """A call that was refused for too many calls per second."""

    time: float
    domain: str
    a: str
    b: str
    reason: str


class SmartLicenceDocument(SwitchDocument):
    """The smart licence as it stands."""

    mode: Annotated[str, Field(examples=["InCompliance"])]
    client_state: Annotated[str, Field(examples=["AUTHORIZED"])]
    summary: dict[str, str]
    """The License Summary, in its order."""
    usage: dict[str, Any] | None
    """The row of the account's report, as the lab's own stand-in has it; null: the cloud is elsewhere."""
    cps: CpsDocument
    failed_calls: list[FailedCallDocument]
    """With ``failed_call_log``; the latest last."""
    log: list[str]
    """The last lines of the log of registrations and authorisations."""


_NONE: dict[int | str, dict[str, Any]] = {404: {"description": "There is no smart licence"}}
_ASKED: dict[int | str, dict[str, Any]] = {
    **_NONE,
    409: {"description": "It can't be asked for now, such as without a registration"},
    502: {"description": "The licence cloud refuses, or has no answer that can be trusted"},
}
_PATH = "/switch/smart-licence"


def _document(agent: SmartAgent, lang: PreferredLang) -> SmartLicenceDocument:
    status = agent.status()
    return SmartLicenceDocument(
        mode=status["mode"],
        client_state=status["client_state"],
        summary={name: translate(value, lang) for name, value in agent.summary().items()},
        usage=None if agent.cloud is None else agent.cloud.usage().row(),
        cps=CpsDocument(**status["cps"]),
        failed_calls=[
            FailedCallDocument(**asdict(one) | {"reason": translate(one.reason, lang)})
            for one in agent.failed_calls
        ],
        log=list(agent.lines),
    )


async def _ask(
    agent: SmartAgent, lang: PreferredLang, kind: RequestKind, token: str = ""
) -> SmartLicenceDocument:  # nosec B107
    try:
        why = await agent.ask(kind, token)
    except MessageError as error:
        raise HTTPException(409, error.args[0]) from None  # a phrase, which str() would leave in English
    if why:
        raise HTTPException(502, why)
    return _document(agent, lang)


@smart_router.get(_PATH, responses=_NONE, summary="The smart licence")
async def smart_licence(agent: Agent, lang: PreferredLang) -> SmartLicenceDocument:
    """Its mode, summary, usage, calls per second, and its log."""
    return _document(agent, lang)


@smart_router.post(f"{_PATH}/register", responses=_ASKED, summary="Register and authorise")
async def register(agent: Agent, lang: PreferredLang, body: RegisterBody) -> SmartLicenceDocument:
    """Register the switch with the licence cloud, and have its count authorised."""
    return await _ask(agent, lang, "register", body.token)


@smart_router.post(f"{_PATH}/authorise", responses=_ASKED, summary="Authorise")
async def authorise(agent: Agent, lang: PreferredLang) -> SmartLicenceDocument:
    """Have the count authorised now."""
    return await _ask(agent, lang, "authorise")


@smart_router.post(f"{_PATH}/deregister", responses=_ASKED, summary="Deregister")
async def deregister(agent: Agent, lang: PreferredLang) -> SmartLicenceDocument:
    """Give the registration up; what is left of the evaluation goes on."""
    return await _ask(agent, lang, "deregister")


@smart_router.patch(_PATH, responses=_NONE, summary="Change counts")
async def counts(agent: Agent, switch: Switch, lang: PreferredLang, body: CountsBody) -> SmartLicenceDocument:
    """Change what the switch asks for, or what the account has; the limit of calls per second follows at once.

    A registered switch has its count authorised before the answer.
    """
    set_smart_counts(switch.engine.node, **body.model_dump(exclude_none=True))
    await agent.asked()
    return _document(agent, lang)


@smart_router.delete(
    f"{_PATH}/failed-calls", status_code=204, responses=_NONE, summary="Forget the failed calls"
)
async def forget_failed_calls(agent: Agent) -> None:
    """Empty the record of calls that were refused for too many calls per second."""
    agent.failed_calls.clear()


@smart_router.put(
    f"{_PATH}/fault",
    status_code=204,
    responses={**_NONE, 409: {"description": "The licence cloud is not the lab's own"}},
    summary="Break the licence cloud",
)
async def fault(agent: Agent, body: CloudFault) -> None:
    """Break the lab's own stand-in of the licence cloud in some way, or mend it."""
    if agent.cloud is None:
        raise HTTPException(409, Phrase("the licence cloud is elsewhere: PUT its own /fault"))
    agent.cloud.break_with(body.fault)
