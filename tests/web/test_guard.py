"""Who may speak to the HTTP API."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from sorm_mediator.web.access import MOST_TRIED, Access, cookie_name
from sorm_mediator.web.server import MOST_BODY, Guard

LOOPBACK, NETWORK = ("127.0.0.1", 8080), ("192.0.2.1", 8080)


async def ask(
    token: str = "", server: tuple[str, int] = LOOPBACK, method: str = "GET", **headers: str
) -> int:
    """The status that a request gets; 200 means that the application behind the guard was asked."""
    sent: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    given = {"host": "127.0.0.1:8080"} | headers
    scope = {
        "type": "http",
        "method": method,
        "server": server,
        "headers": [
            (name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in given.items()
        ],
    }
    await Guard(application, Access(token))(scope, receive, send)
    if len(sent) > 1:
        assert json.loads(sent[1]["body"])["detail"]
    return int(sent[0]["status"])


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "localhost:8080", "[::1]:8080", "127.0.0.1"])
async def test_loopback_is_spoken_to_by_its_names(host: str) -> None:
    assert await ask(host=host) == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil", "[::1", "@"]
)
async def test_a_name_of_somebody_else_for_loopback_is_refused(host: str) -> None:
    assert await ask(host=host) == 400


async def test_beyond_loopback_any_name_will_do() -> None:
    assert await ask(server=NETWORK, host="lab.example") == 200


async def test_a_page_of_another_site_is_refused() -> None:
    assert await ask(origin="http://evil.example") == 403
    assert await ask(origin="null") == 403
    assert await ask(origin="http://[no-address") == 403
    assert await ask(origin="http://127.0.0.1:8080") == 200


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("Bearer secret", 200), ("Bearer wrong", 401), ("secret", 401), ("Basic secret", 401), ("", 401)],
)
async def test_the_token(authorization: str, status: int) -> None:
    assert await ask(token="secret", server=NETWORK, host="lab", authorization=authorization) == status


async def test_no_token_given_at_all() -> None:
    assert await ask(token="secret") == 401


async def test_a_token_that_is_no_ascii() -> None:
    assert await ask(token="secret", authorization="Bearer \xff\xfe") == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-length": str(MOST_BODY)}, 200),
        ({"content-length": str(MOST_BODY + 1)}, 413),
        ({"content-length": "9" * 5000}, 413),
        ({"transfer-encoding": "chunked"}, 411),
    ],
)
async def test_a_large_body_is_refused_before_it_is_read(headers: dict[str, str], status: int) -> None:
    assert await ask(**headers) == status


async def test_the_token_comes_before_the_body() -> None:
    assert await ask(token="secret", **{"content-length": "9" * 20}) == 401


class Door:
    """One guard that is asked several times, by a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.access = Access("secret")
        self.now = 0.0
        self.reached: list[str] = []
        self.guard = Guard(self._application, self.access, lambda: self.now)

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def knock(self, path: str = "/api/v1/status", **headers: str) -> tuple[int, dict[bytes, bytes]]:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request"}

        given = {"host": "lab", **headers}
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "server": NETWORK,
            "client": ("192.0.2.7", 5),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        }
        await self.guard(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"])


async def test_a_browser_without_a_session_is_led_to_the_page_that_asks_for_the_token() -> None:
    door = Door()
    status, headers = await door.knock("/pages/a b", accept="text/html,*/*")
    assert (status, headers[b"location"]) == (303, b"/pages/log-in?next=/pages/a%20b")
    assert (await door.knock("/pages/log-in", accept="text/html"))[0] == 200
    assert (await door.knock("/pages/static/pages.css"))[0] == 200
    assert (await door.knock("/pages/objects"))[0] == 401
    assert door.reached == ["/pages/log-in", "/pages/static/pages.css"]


async def test_a_session_is_as_good_as_the_token_and_goes_on_while_the_address_waits() -> None:
    door = Door()
    cookie = f"sorm_session_8080={door.access.new_session(0)}"
    assert (await door.knock(cookie=cookie))[0] == 200
    assert (await door.knock(cookie="sorm_session_8080=made-up"))[0] == 401
    for _ in range(3):
        assert (await door.knock(authorization="Bearer guess"))[0] == 401
    status, headers = await door.knock(authorization="Bearer secret")
    assert (status, headers[b"retry-after"]) == (429, b"5")
    assert (await door.knock(cookie=cookie))[0] == 200
    door.now = 5.0
    assert (await door.knock(authorization="Bearer secret"))[0] == 200


async def test_a_program_with_a_wrong_token_does_not_lock_out_those_of_its_machine_that_have_the_right_one() -> (
    None
):
    door = Door()
    assert (await door.knock(authorization="Bearer secret"))[0] == 200
    for _ in range(3):
        assert (await door.knock(authorization="Bearer wrong"))[0] == 401
    for _ in range(50):
        assert (await door.knock(authorization="Bearer wrong"))[0] == 429
        assert (await door.knock(authorization="Bearer secret"))[0] == 200


async def test_guesses_of_an_address_that_had_the_right_token_are_bounded_in_each_wait() -> None:
    door = Door()
    assert (await door.knock(authorization="Bearer secret"))[0] == 200
    for guess in range(3):
        assert (await door.knock(authorization=f"Bearer {guess}"))[0] == 401
    for guess in range(MOST_TRIED):
        assert (await door.knock(authorization=f"Bearer more-{guess}"))[0] == 429
    assert (await door.knock(authorization="Bearer secret"))[0] == 429, "no further token is looked at"
    door.now = 5.0
    assert (await door.knock(authorization="Bearer one-more"))[0] == 401
    assert (await door.knock(authorization="Bearer secret"))[0] == 200, "a new wait, with new tries"


async def test_a_request_without_any_token_is_no_attempt() -> None:
    door = Door()
    for _ in range(5):
        assert (await door.knock())[0] == 401
    assert (await door.knock(authorization="Bearer secret"))[0] == 200


async def test_a_page_of_another_site_opens_pages_and_gets_nothing_else() -> None:
    fetch = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    link = fetch | {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert await ask(**fetch) == 403
    assert await ask(**fetch | {"sec-fetch-site": "same-origin"}) == 200
    assert await ask(**link) == 200
    assert await ask(**link | {"sec-fetch-dest": "iframe"}) == 403
    assert await ask(method="POST", **link) == 403


async def answer(guard: Guard, path: str = "/", query: bytes = b"", **headers: str) -> list[dict[str, Any]]:
    """What is sent for a request."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    given = {"host": "lab", "accept": "text/html"} | headers
    scope = {
        "type": "http", "method": "GET", "server": NETWORK, "path": path, "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip
    await guard(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]  # a client that stays
    return sent


@pytest.mark.parametrize("token", ["", "secret"])
async def test_no_answer_may_be_framed_or_have_its_type_guessed(token: str) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        own = [(b"Content-Security-Policy", b"default-src 'none'")]
        await send({"type": "http.response.start", "status": 200, "headers": own})

    headers = (await answer(Guard(application, Access(token))))[0]["headers"]
    names = {name.lower(): value for name, value in headers}
    assert (names[b"x-frame-options"], names[b"x-content-type-options"]) == (b"DENY", b"nosniff")
    policy = b"frame-ancestors 'none'" if token else b"default-src 'none'"
    assert [value for name, value in headers if name.lower() == b"content-security-policy"] == [policy]


async def test_who_has_to_log_in_comes_back_to_the_whole_address() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("not asked")

    sent = await answer(Guard(application, Access("secret")), "/pages/journal", b"kind=a%20b&before=7")
    assert dict(sent[0]["headers"])[b"location"] == (
        b"/pages/log-in?next=/pages/journal%3Fkind%3Da%2520b%26before%3D7"
    )


async def test_a_stream_ends_when_its_session_does() -> None:
    access = Access("secret")
    session = access.new_session(time.monotonic())

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"event", "more_body": True})
        access.end_session(session)
        assert await receive() == {"type": "http.disconnect"}

    sent = await answer(Guard(application, access), cookie=f"{cookie_name(8080)}={session}")
    assert [one.get("body") for one in sent] == [None, b"event", b""]
    assert not sent[-1].get("more_body")
