"""Who may speak to the HTTP API: the token, and on loopback only what addresses loopback by its name.

A page of some web site in a browser on this machine can reach a server on loopback: by a name of its own that
resolves to 127.0.0.1, or by a plain cross-site form. So on loopback ``Host`` must name loopback, and an
``Origin``, where there is one, must be the server itself.

No request needs a large body, so none is read: its length must be told beforehand and be at most ``MOST_BODY``.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from sorm_mediator.config import is_loopback

MOST_BODY = 64 * 1024
"""Octets of the body of a request."""


class Guard:
    """ASGI middleware around the whole application. An empty ``token`` asks for none."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode() if token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            status, text = self._verdict(scope)
            if status:
                await _refuse(send, status, text)
                return
        await self._app(scope, receive, send)

    def _verdict(self, scope: Scope) -> tuple[int, str]:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        server = scope.get("server")
        if server and is_loopback(server[0]) and not is_loopback(_name(host)):
            return 400, f"Host {host!r} is not allowed: localhost, 127.0.0.1 or [::1]"
        origin = headers.get(b"origin")
        if origin is not None and _site(origin.decode("latin-1")) != host:
            return 403, "Origin is another site"
        if self._expected and not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
            return 401, "give the token of the lab file (web.token): Authorization: Bearer TOKEN"
        return _body_verdict(headers)


def _body_verdict(headers: Mapping[bytes, bytes]) -> tuple[int, str]:
    if b"transfer-encoding" in headers:
        return 411, "tell the length of the body: Content-Length"
    length = headers.get(b"content-length", b"0")  # the server has seen that it is a number
    if len(length) > len(str(MOST_BODY)) or int(length) > MOST_BODY:
        return 413, f"the body is longer than {MOST_BODY} octets"
    return 0, ""


def _site(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


async def _refuse(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"detail": text}).encode()})
