"""The trace over HTTP: the running switch says what it would do with a call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import captures
from sorm_mediator import config
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.web.app import create_app

TRACE = "/api/v1/switch/domains/test.domain/trace"


@pytest.fixture
def box() -> SwitchBox:
    return SwitchBox(config.load(Path(captures.__file__).parent / "labs" / "minimal.toml"))


@pytest.fixture
async def http(box: SwitchBox) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(switch=box))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_a_call_is_traced_and_not_made(http: httpx.AsyncClient, box: SwitchBox) -> None:
    answer = await http.get(TRACE, params={"cgpn.digits": "28331", "cdpn.digits": "89001758964"})

    traced = answer.json()
    assert (answer.status_code, traced["result"], traced["via"]) == (200, "external", "smg_trunk")
    assert traced["sorm"]["b"] == {"digits": "89001758964", "ni": "intercity", "sign": 4}
    assert traced["console"][0]["called"]["digits"] == "89001758964"
    assert not box.engine.calls


async def test_it_sees_the_calls_that_run(http: httpx.AsyncClient, box: SwitchBox) -> None:
    trunk = box.engine.domains["test.domain"].trunks["smg_trunk"]
    trunk.config = trunk.config.model_copy(update={"capacity": 1})
    trunk.active = 1

    traced = (await http.get(TRACE, params={"cgpn.digits": "28331", "cdpn.digits": "89001758964"})).json()

    assert traced["result"] == "failed"
    assert traced["reason"] == "trunk smg_trunk: all 1 calls of its capacity are in use"


@pytest.mark.parametrize(
    ("path", "params", "status", "words"),
    [
        ("/api/v1/switch/domains/x/trace", {"cdpn.digits": "1"}, 404, "there are: test.domain"),
        (TRACE, {"cgpn.digits": "28331"}, 422, "cdpn.digits: is missing"),
        (TRACE, {"cgpn.digits": "28331", "b": "1"}, 422, "no parameter of a trace"),
        (TRACE, {"iface": "x", "cdpn.digits": "1"}, 422, "no interface 'x'"),
    ],
)
async def test_what_can_not_be_traced_is_refused_in_words(
    http: httpx.AsyncClient, path: str, params: dict[str, str], status: int, words: str
) -> None:
    answer = await http.get(path, params=params)

    assert answer.status_code == status
    assert words in answer.json()["detail"]


async def test_its_parameters_stand_in_openapi(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()["paths"]["/api/v1/switch/domains/{domain}/trace"][
        "get"
    ]

    assert {"domain", "cgpn.digits", "cdpn.digits", "iface", "mode"} <= {
        parameter["name"] for parameter in described["parameters"]
    }
