"""The switch over HTTP: calls are made, looked at, and refused in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import captures
from sorm_mediator import config
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.web.app import create_app
from sorm_mediator.web.preferred import preferred
from sorm_mediator.web.switch_api import switch_router
from tests.switch.waiting import idle

CALLS = "/api/v1/switch/domains/test.domain/calls"


@pytest.fixture
async def box() -> AsyncIterator[SwitchBox]:
    box = SwitchBox(config.load(Path(captures.__file__).parent / "labs" / "minimal.toml"))
    await box.start()
    yield box
    await box.stop()


@pytest.fixture
async def http(box: SwitchBox) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(box) as client:
        yield client


def api_of(box: SwitchBox) -> httpx.AsyncClient:
    app = FastAPI()
    app.state.switch = box
    app.include_router(switch_router, prefix="/api/v1")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://switch")


async def test_refusals_and_reasons_are_in_the_language_that_the_client_prefers(box: SwitchBox) -> None:
    app = create_app(switch=box)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        for language, refused, failed in (
            ("ru", "a: 77777 не абонент домена test.domain", "правил"),
            ("en", "a: 77777 is not a subscriber of test.domain", "no rule of"),
        ):
            client.headers["accept-language"] = language
            answer = await client.post(CALLS, json={"a": "77777", "b": "28332"})
            assert (answer.status_code, answer.json()["detail"]) == (422, refused)
            placed = (await client.post(CALLS, json={"a": "28331", "b": "12345678"})).json()
            told = (await client.get(f"/api/v1/calls/{placed['call']}")).json()
            detail = next(one["detail"] for one in told["events"] if one["event"] == "routing-failed")
            assert failed in detail
            assert detail == told["routing"][-1]["reason"]


@pytest.mark.parametrize(
    ("header", "lang"),
    [("", "en"), ("ru", "ru"), ("ru-RU,ru;q=0.9,en;q=0.8", "ru"), ("en-US,ru;q=0.5", "en"), ("de, ru", "ru")],
)
def test_the_first_language_that_is_ours_is_preferred(header: str, lang: str) -> None:
    assert preferred(header) == lang


async def test_a_call_is_made_and_told(http: httpx.AsyncClient, box: SwitchBox) -> None:
    answer = await http.post(CALLS, json={"a": "28331", "b": "89001758964", "ring": 0, "talk": 0.01})
    assert answer.status_code == 202
    call = answer.json()["call"]
    async with asyncio.timeout(5):
        await idle(box)

    told = (await http.get(f"/api/v1/calls/{call}")).json()

    assert (told["state"], told["a"], told["b"], told["release_cause"]) == (
        "released",
        "28331",
        "89001758964",
        5,
    )
    assert told["connection"] == "11"
    assert [event["event"] for event in told["events"]] == ["dialling", "ringing", "answer", "release"]
    assert told["routing"] == [
        {
            "domain": "test.domain",
            "result": "external",
            "via": ["smg_trunk"],
            "a": {"digits": "3832728331", "ni": "private"},
            "b": {"digits": "9001758964", "ni": "intercity"},
            "sorm": {
                "a": {"digits": "28331", "ni": "private"},
                "b": {"digits": "89001758964", "ni": "intercity"},
            },
            "path": [{"domain": "test.domain", "context": "ctx_from_local", "rule": "to_8"}],
            "reason": "",
        }
    ]
    assert "reported" not in told


async def test_services_and_trunks(http: httpx.AsyncClient, box: SwitchBox) -> None:
    body = {
        "a": "9001758964",
        "b": "28331",
        "from": "trunk:smg_trunk",
        "ring": 0,
        "talk": 0.02,
        "services": [{"service": "hold", "at": 0.01}],
    }
    call = (await http.post(CALLS, json=body)).json()["call"]
    async with asyncio.timeout(5):
        await idle(box)

    told = (await http.get(f"/api/v1/calls/{call}")).json()

    assert told["connection"] == "12"
    assert "hold: 28331 -> 89001758964" in [event["detail"] for event in told["events"]]


async def test_the_latest_calls(http: httpx.AsyncClient) -> None:
    made = [
        (await http.post(CALLS, json={"a": "28331", "b": "28332", "outcome": "busy"})).json()["call"]
        for _ in range(3)
    ]

    latest = (await http.get("/api/v1/switch/calls", params={"limit": 2})).json()

    assert [call["call"] for call in latest] == [made[2], made[1]]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"b": "28332"}, 422, "'a'"),
        ({"a": "28331", "b": "28332", "colour": 1}, 422, "'colour'"),
        ({"a": "28331", "b": "two"}, 422, "'b'"),
        ({"a": "28331", "b": "28332", "ring": -1}, 422, "'ring'"),
        ({"a": "28331", "b": "28332", "outcome": "maybe"}, 422, "'no-answer'"),
        ({"a": "28331", "b": "28332", "from": "moon"}, 422, "'from'"),
        ({"a": "28331", "b": "28332", "services": [{"service": "dance"}]}, 422, "'pickup'"),
        ({"a": "99", "b": "28332"}, 422, "a: 99 is not a subscriber of test.domain"),
        ({"a": "28331", "b": "28332", "from": "trunk:x"}, 422, "trunk:city_trunk"),
        (
            {"a": "28331", "b": "28332", "services": [{"service": "pickup"}]},
            422,
            "services.0: number: is required",
        ),
        ({"a": "28343", "b": "28332"}, 409, "the line of 28343 is faulty"),
    ],
)
async def test_refusals(http: httpx.AsyncClient, body: dict[str, Any], status: int, said: str) -> None:
    answer = await http.post(CALLS, json=body)

    assert answer.status_code == status
    assert said in str(answer.json()["detail"])


async def test_what_is_not_there(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/v1/switch/domains/mars/calls", json={"a": "1", "b": "2"})
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "there is no domain 'mars'; there are: test.domain",
    )
    assert (await http.get("/api/v1/calls/none")).status_code == 404


async def test_the_licence(http: httpx.AsyncClient, box: SwitchBox) -> None:
    licence = box.config.licence.model_copy(update={"concurrent_calls": 0})
    box.engine.node.config = box.config.model_copy(update={"licence": licence})

    answer = await http.post(CALLS, json={"a": "28331", "b": "28332"})

    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        "licence 1 allows 0 simultaneous connections (max call attempts): "
        "0 are in use, and 1 more would be needed; wait until a call ends, or add a licence",
    )
    app = create_app(switch=box)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        client.headers["accept-language"] = "ru"
        russian = await client.post(CALLS, json={"a": "28331", "b": "28332"})
    assert russian.json()["detail"] == (
        "лицензия 1: одновременных соединений (max call attempts) не больше 0, занято 0, нужно ещё 1; "
        "дождитесь окончания вызова или добавьте лицензию"
    )


async def test_metrics_tell_of_logins(box: SwitchBox) -> None:
    box._server.counters["logins delayed"] += 7
    transport = httpx.ASGITransport(create_app(switch=box))
    async with httpx.AsyncClient(transport=transport, base_url="http://switch") as http:
        assert 'sorm_switch_ssh_total{what="logins delayed"} 7.0' in (await http.get("/metrics")).text


async def test_openapi_describes_the_call(http: httpx.AsyncClient) -> None:
    schema = (await http.get("/openapi.json")).json()

    body = schema["components"]["schemas"]["CallBody"]
    assert {"a", "b", "from", "outcome", "ring", "talk", "services"} == set(body["properties"])
    assert body["examples"]
    assert {"202", "404", "409", "422", "503"} <= set(
        schema["paths"]["/api/v1/switch/domains/{domain}/calls"]["post"]["responses"]
    )


@pytest.mark.parametrize("body", [rb'{"a": "\ud800", "b": "28332"}', rb'{"a": "1", "b": "2", "\udfff": 1}'])
async def test_half_a_surrogate_pair_is_refused_in_words(box: SwitchBox, body: bytes) -> None:
    transport = httpx.ASGITransport(create_app(switch=box))
    async with httpx.AsyncClient(transport=transport, base_url="http://switch") as client:
        refused = await client.post(CALLS, content=body, headers={"content-type": "application/json"})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"][0] == "body"
    assert "input" not in refused.json()["detail"][0]


MESSAGES = "/api/v1/switch/domains/test.domain/messages"


async def test_a_message_is_sent(http: httpx.AsyncClient, box: SwitchBox) -> None:
    body = {
        "from": "28331",
        "to": "89001758964",
        "text": "Жду в 10.",
        "delivered": True,
        "from_imsi": "25001",
    }
    answer = await http.post(MESSAGES, json=body)
    assert answer.status_code == 202
    assert set(answer.json()) == {"message"}
    assert box.status()["counters"]["messages"] == 1
    assert (await http.get("/api/v1/switch/calls")).json() == []


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        ({"from": "28331", "to": "28399"}, 404, "28399 is not a subscriber"),
        ({"from": "trunk:moon", "to": "28331"}, 404, "has no trunk 'moon'"),
        ({"from": "28343", "to": "28331"}, 409, "the line of 28343 is faulty"),
        ({"from": "28331", "to": "28332", "text": ""}, 422, "at least 1 character"),
        ({"from": "28331", "to": "28332", "text": "x" * 2801}, 422, "2801 octets of UTF-8; at most 2800"),
        ({"from": "28331", "to": "28332", "text": "\ud800"}, 422, "text"),
        ({"from": "28331", "to": "28332", "delivered": "perhaps"}, 422, "delivered"),
        ({"from": "28331", "to": "28332", "from_imsi": "x"}, 422, "from_imsi"),
        ({"from": "2833l", "to": "28332"}, 422, "from"),
        ({"from": "28331"}, 422, "to"),
        ({"from": "28331", "to": "28332", "cc": "28333"}, 422, "cc"),
    ],
)
async def test_a_message_that_is_refused(
    box: SwitchBox, body: dict[str, Any], status: int, complaint: str
) -> None:
    headers = {"content-type": "application/json"}
    transport = httpx.ASGITransport(create_app(switch=box))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.post(MESSAGES, content=json.dumps({"text": "Come."} | body), headers=headers)
    assert answer.status_code == status, answer.text
    assert complaint in answer.text


async def test_a_message_in_an_unknown_domain(http: httpx.AsyncClient) -> None:
    url = "/api/v1/switch/domains/moon/messages"
    answer = await http.post(url, json={"from": "1", "to": "2", "text": "?"})
    assert answer.status_code == 404


TRUNKS = "/api/v1/switch/domains/test.domain/trunks"


async def test_a_trunk_is_renamed(http: httpx.AsyncClient, box: SwitchBox) -> None:
    answer = await http.put(f"{TRUNKS}/3", json={"name": "city_2"})
    assert answer.status_code == 200
    assert (answer.json()["trunk"], answer.json()["name"]) == (3, "city_2")
    assert any("still names 'city_trunk'" in note for note in answer.json()["notes"])
    assert list(box.engine.domains["test.domain"].trunks) == ["smg_trunk", "city_2"]


@pytest.mark.parametrize(
    ("url", "name", "status"),
    [
        (f"{TRUNKS}/9", "city_2", 404),
        ("/api/v1/switch/domains/moon/trunks/3", "city_2", 404),
        (f"{TRUNKS}/3", "smg_trunk", 409),
        (f"{TRUNKS}/3", "two words", 422),
        (f"{TRUNKS}/3", "x" * 173, 422),
        (f"{TRUNKS}/65535", "city_2", 422),
    ],
)
async def test_a_trunk_that_is_not_renamed(http: httpx.AsyncClient, url: str, name: str, status: int) -> None:
    assert (await http.put(url, json={"name": name})).status_code == status


async def test_a_call_that_runs_is_driven(http: httpx.AsyncClient) -> None:
    call = (await http.post(CALLS, json={"a": "28331", "b": "28332", "ring": 600, "talk": 600})).json()[
        "call"
    ]
    path = f"/api/v1/calls/{call}"

    refused = await http.post(f"{path}/service", json={"service": "hold"})
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        f"call {call} is ringing; hold needs a conversation",
    )
    answered = await http.post(f"{path}/answer")
    assert (answered.status_code, answered.json()["state"]) == (200, "talking")
    held = await http.post(f"{path}/service", json={"service": "hold", "by": "b"})
    assert held.json()["events"][-1] == {
        "time": held.json()["events"][-1]["time"], "event": "service", "detail": "hold: 28332 -> 28331",
    }  # fmt: skip
    assert (await http.post(f"{path}/service", json={"service": "no"})).status_code == 422
    assert (await http.post(f"{path}/service", json={"service": "hold", "at": 1})).status_code == 422
    released = await http.post(f"{path}/release")
    assert (released.status_code, released.json()["state"], released.json()["release_cause"]) == (
        200,
        "released",
        5,
    )
    for verb in ("answer", "release"):
        assert (await http.post(f"{path}/{verb}")).status_code == 404


async def test_the_records_of_a_call_are_there_when_it_has_ended() -> None:
    domain = {"name": "one", "cdr": ["basic", "sorm3"], "subscribers": [{"number": "1"}, {"number": "2"}]}
    box = SwitchBox(config.parse({"switch": {"ssh_port": 0, "cdr_directory": "", "domains": [domain]}}))
    await box.start()
    async with api_of(box) as client:
        made = await client.post(
            "/api/v1/switch/domains/one/calls", json={"a": "1", "b": "2", "ring": 0, "talk": 60}
        )
        call = made.json()["call"]
        path = f"/api/v1/calls/{call}/cdr"
        assert (await client.get(path)).json() == []

        await client.delete(f"/api/v1/calls/{call}")

        (record,) = (await client.get(path)).json()
        assert (record["domain"], record["mode"]) == ("one", "basic"), "the licence has no sorm3"
        assert (
            record["fields"].items() >= {"call": call, "calling": "1", "called": "2", "cause": "05"}.items()
        )
        assert (await client.get("/api/v1/calls/none/cdr")).status_code == 404
    await box.stop()
