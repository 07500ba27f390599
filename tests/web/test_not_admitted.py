"""POST calls answers 503 for a call that the switch does not take, with its id and the reason."""

from __future__ import annotations

import httpx
import pytest

from sorm_mediator.console.errors import StepError
from sorm_mediator.console.target import WebApi
from sorm_mediator.language import Phrase
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.web.app import create_app
from tests.web.test_switch_api import CALLS, box, http

__all__ = ["box", "http"]
BODY = {"a": "28331", "b": "28332"}
CLOSED = Phrase("The switch is down.")
"""A text that has Russian."""


@pytest.fixture(autouse=True)
def closed(box: SwitchBox) -> None:
    box.engine.node.admission.grounds.append(lambda _attempt, _now: CLOSED)


async def test_it_is_answered_503_with_its_id_and_the_reason(http: httpx.AsyncClient, box: SwitchBox) -> None:
    answer = await http.post(CALLS, json=BODY)

    told = answer.json()
    assert (answer.status_code, told["detail"]) == (503, CLOSED)
    shown = (await http.get(f"/api/v1/calls/{told['call']}")).json()
    assert (shown["state"], shown["release_cause"]) == ("released", 1)
    assert [one["event"] for one in shown["events"]] == ["dialling", "not-admitted", "release"]
    assert box.counters["calls not admitted"] == 1


async def test_a_trace_over_http_tells_the_reason(http: httpx.AsyncClient, box: SwitchBox) -> None:
    app = create_app(switch=box)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        path = "/api/v1/switch/domains/test.domain/trace?cgpn.digits=28331&cdpn.digits=28332"
        traced = (await client.get(path)).json()
        page = await client.get("/pages/numbers?domain=test.domain&cgpn.digits=28331&cdpn.digits=28332")

    assert (traced["reason"], traced["not_admitted"]) == (CLOSED, True)
    assert [(one["object"], one["events"], one.get("operation")) for one in traced["console"]] == [
        ("a", "41h", None),
        ("a", "43h", 1),
    ]
    assert CLOSED in page.text


async def test_a_client_that_makes_calls_is_told_the_reason(
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = WebApi("http://switch")
    monkeypatch.setattr(api, "prepared", lambda: http)

    with pytest.raises(StepError, match=r"HTTP 503: The switch is down\."):
        await api.make_call("test.domain", BODY)
