"""What is wrong with a request is told in the words of lab files, each mistake with its place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from pydantic import BaseModel

import captures
from sorm_mediator import config
from sorm_mediator.config.mistakes import in_words
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.web.app import create_app
from sorm_mediator.web.mediator_api import RequestBody
from tests.web.test_api import Box, box  # noqa: F401 - a fixture

CALLS = "/api/v1/switch/domains/test.domain/calls"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    switch = SwitchBox(config.load(Path(captures.__path__[0]) / "labs" / "minimal.toml"))
    transport = httpx.ASGITransport(app=create_app(switch=switch))
    async with httpx.AsyncClient(transport=transport, base_url="http://switch") as client:
        yield client


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"a": "x", "b": "1"}, [("$.a", "'x' is not allowed: 1 to 18 digits, * or #, or ''")]),
        (
            {"a": "1", "b": "2", "services": [{"service": "pickup"}, {"service": "hodl", "at": -1}]},
            [
                ("$.services[1].service", "'hodl' is not allowed: 'hold', 'end-of-hold', "),
                ("$.services[1].at", "-1 is not allowed: at least 0"),
            ],
        ),
        (
            {"a": "1", "bb": "2"},
            [("$.bb", "unknown key; did you mean b? allowed here: a, b, from, outcome, ")],
        ),
        (
            {"a": "1", "b": "2", "outcome": "bussy"},
            [("$.outcome", "'bussy' is not allowed: 'answer', 'busy', ")],
        ),
        (
            {"a": "1", "b": "2", "from": "t"},
            [("$.from", "'t' is not allowed: 'subscriber', trunk:NAME, or system:")],
        ),
        ({"a": "1"}, [("$.b", "is required")]),
        ([1], [("$", "[1] is not allowed: an object in braces")]),
    ],
    ids=["pattern", "list", "misspelt key", "misspelt word", "trunk", "missing", "list for object"],
)
async def test_a_body(http: httpx.AsyncClient, body: Any, told: list[tuple[str, str]]) -> None:
    answer = await http.post(CALLS, json=body)
    detail = answer.json()["detail"]
    assert answer.status_code == 422
    assert len(detail) == len(told)
    for row, (path, begin) in zip(detail, told, strict=True):
        assert row["path"] == path
        assert row["msg"].startswith(begin)
        assert row["loc"][0] == "body"


async def test_what_is_no_json_says_where(http: httpx.AsyncClient) -> None:
    answer = await http.post(CALLS, content='{"a": x}', headers={"content-type": "application/json"})
    [row] = answer.json()["detail"]
    assert (row["path"], row["msg"]) == ("$", "is not JSON: Expecting value (character 6)")


async def test_parameters_of_the_address(http: httpx.AsyncClient) -> None:
    [row] = (await http.get("/api/v1/switch/calls?limit=0")).json()["detail"]
    assert (row["path"], row["loc"], row["msg"]) == (
        "limit",
        ["query", "limit"],
        "'0' is not allowed: at least 1",
    )
    rows = (await http.put("/api/v1/switch/domains/test.domain/trunks/70000", json={"name": "a b"})).json()[
        "detail"
    ]
    assert [(row["loc"], row["msg"]) for row in rows] == [
        (["path", "number"], "'70000' is not allowed: at most 65534"),
        (["body", "name"], "'a b' is not allowed: printable ASCII characters without spaces"),
    ]


def patterns(model: type[BaseModel]) -> Iterator[str]:
    waiting: list[Any] = [model]
    seen: set[int] = set()
    while waiting:
        kind = waiting.pop()
        if id(kind) in seen:
            continue
        seen.add(id(kind))
        for one in getattr(kind, "__metadata__", ()):
            yield from filter(None, [getattr(one, "pattern", None)])
        waiting += get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for field in kind.model_fields.values():
                waiting.append(field.annotation)
                yield from filter(None, (getattr(one, "pattern", None) for one in field.metadata))


def subclasses(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_every_pattern_is_put_into_words() -> None:
    found = {pattern for kind in (config.Config, *subclasses(RequestBody)) for pattern in patterns(kind)}
    assert len(found) > 10
    assert [pattern for pattern in found if in_words(pattern).startswith("a text like")] == []


async def test_summaries_of_the_api_are_words_not_names_of_functions(box: Box) -> None:  # noqa: F811
    paths = (await box.http.get("/openapi.json")).json()["paths"]
    summaries = [operation["summary"] for path in paths.values() for operation in path.values()]
    assert len(summaries) > 10
    assert [one for one in summaries if not one or one != one.strip() or " " not in one] == []
