"""HTTP: every route with strange parameters and bodies, and clients that are slow, rude or many.

The model is the routes of /openapi.json, the connections that are held, and the ids that answers have told. Bodies are
wrong on purpose, so that nothing of the mediator is changed: the judge would have to know it. A mediator of this
machine is also left without descriptors for a moment, as many clients leave it.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from sorm_mediator.addresses import host_port
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live.action import Action, ActionError
from sorm_mediator.fuzz.live.surface import Breach, drawn
from sorm_mediator.fuzz.live.target import Address, Gateway
from sorm_mediator.fuzz.live.watching import descriptors, few_descriptors, hardly_sleeps, listener
from sorm_mediator.fuzz.live.wire import Wire

NAME: Final = "http"
ANSWERED_WITHIN: Final = 5.0
"""Seconds for the answer to a request."""
MANY: Final = 50
"""Connections held from which on a good request is tried at once."""
SPARE: Final = 10
"""Connections beyond those that a process has descriptors for."""
RETRIED_WITHIN: Final = 2.0
"""Seconds after which a listener that had no descriptor takes connections again (it tries once a second)."""
SLOW: Final = frozenset(("/journal/verify", "/journal/export", "/listen", "/events"))
"""Ends of routes whose answer may take as long as there is something: its end is not waited for."""
LEFT_ALONE: Final = ("/mediator/restart",)
"""Routes that take an empty body and change everything."""
WORDS: Final = (
    "", "0", "-1", "1", "28331", "9223372036854775807", "99999999999999999999999", "9" * 5000, "1e999", "nan", "null",
    "true", "..", "../../etc/passwd", "%00", "\x1b[31m", "а", "\u202e", "'\"<b>", "a" * 3000, "{", "*", "kpd1",
)  # fmt: skip
NUMBERS: Final = ("0", "-1", "65536", "4294967296", "9223372036854775807", "9223372036854775808", "9" * 30)
"""Where a number is due: about the bounds of what a program counts with."""
BODIES: Final[Sequence[bytes]] = (
    b"", b"null", b"[]", b'"x"', b"7", b"{", b"[" * 3000, b'{"a":' * 2000, b"\xff\xfe", b"\x00", b"NaN",
    b'{"state":' + b"9" * 5000 + b"}", b'{"fuzz": "\\ud800"}', b'{"fuzz": 1, "fuzz": 2}', b'{"state": null}',
    b'{"a": {"a": 1}, "b": []}', b"{" + b'"k":0,' * 5000 + b'"k":0}', b'{"type": 1e999}',
)  # fmt: skip


class HttpSurface:
    """The web of the mediator."""

    name = NAME
    takes_console = False
    changes_tables = False

    def __init__(self, gateway: Gateway, routes: Mapping[str, Any]) -> None:
        """``routes``: ``paths`` of /openapi.json."""
        assert gateway.web is not None
        self._gateway = gateway
        self._address = gateway.web
        self._host = host_port(*gateway.web)
        self._token = gateway.token
        self._routes = sorted(
            (path, method.upper(), declared)
            for path, methods in routes.items()
            for method, declared in methods.items()
            if not path.endswith(LEFT_ALONE) and isinstance(declared, Mapping)
        )
        self._numbered = [one for one in self._routes if _numbers(one[2])]
        """Those that take numbers."""
        self._held: list[Wire] = []

    def begin(self) -> None:
        """Nothing is kept from round to round."""

    # --- drawing

    def draw(self, rng: random.Random) -> Action:
        kinds = {
            self._draw_request: 16,
            self._draw_broken: 4,
            self._draw_half: 3,
            self._draw_slow_body: 3,
            self._draw_unread_events: 3,
            self._draw_many: 2,
        }
        if self._numbered:
            kinds[self._draw_sweep] = 3
        if self._gateway.pid not in (None, os.getpid()):
            kinds[self._draw_scarce] = 2
        if self._held:
            kinds |= {self._draw_let_go: 2}
        return drawn(rng, kinds)(rng)

    def _draw_request(self, rng: random.Random) -> Action:
        routes = self._numbered if self._numbered and rng.random() < 0.3 else self._routes
        path, method, declared = rng.choice(routes)
        for name in re.findall(r"{(\w+)}", path):
            path = path.replace(f"{{{name}}}", quote(rng.choice(WORDS)[:4000], safe="") or "0")
        names = [one["name"] for one in declared.get("parameters", ()) if one.get("in") == "query"]
        numbers = _numbers(declared)
        asked = [
            (name, rng.choice(numbers[name] if name in numbers and rng.random() < 0.7 else WORDS))
            for name in names
            if rng.random() < 0.6
        ]
        if rng.random() < 0.1:
            asked += [(rng.choice(names or ["fuzz"]), rng.choice(WORDS))] * rng.choice((1, 200))
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in asked)
        body = rng.choice(BODIES) if method in ("POST", "PUT", "PATCH") else b""
        if rng.random() < 0.05:
            method = rng.choice(("PATCH", "OPTIONS", "HEAD", "FUZZ"))
        target = f"{path}?{query}" if query else path
        return self._request(method, target, body, rng.choice(("", "", "", "ru", "xx", "\xe9")))

    def _draw_sweep(self, rng: random.Random) -> Action:
        """One number in each query parameter of all routes that is a number, in a request of its own."""
        value = rng.choice(NUMBERS)
        asked = [
            f"{method} {re.sub(r'{[^}]*}', '1', path)}?{quote(name, safe='')}={value}"
            for path, method, declared in self._numbered
            for name in _numbers(declared)
            if method == "GET"
        ]
        return Action(NAME, "sweep", {"value": value, "asked": asked})

    def _draw_scarce(self, rng: random.Random) -> Action:
        return Action(NAME, "scarce", {"port": rng.choice(("web", "kpd1", "ssh"))})

    def _request(self, method: str, target: str, body: bytes, language: str = "") -> Action:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}", "Connection: close"]
        if self._token:
            lines.append("Authorization: Bearer TOKEN")  # put in when it is sent: a finding does not tell it
        if language:
            lines.append(f"Accept-Language: {language}")
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        return Action(NAME, "request", {"method": method, "path": target[:200], "hex": (head + body).hex()})

    def _draw_broken(self, rng: random.Random) -> Action:
        data = rng.choice(
            (
                b"GET / HTTP/9.9\r\n\r\n",
                b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
                b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
                b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(200),
                rng.randbytes(500),
                b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n" * 200,
            )
        )
        return Action(NAME, "send", {"hex": data.hex()})

    def _draw_half(self, rng: random.Random) -> Action:
        data = b"GET /api/v1/status HTTP/1.1\r\nHost: fuzz\r\n"
        cut = data[: rng.randrange(len(data))]
        return Action(NAME, "hold", {"hex": cut.hex(), "times": rng.choice((1, 5, 40, 300))})

    def _draw_slow_body(self, rng: random.Random) -> Action:
        head = b"POST /api/v1/mediator/alarm HTTP/1.1\r\nHost: fuzz\r\nContent-Length: 100000\r\n\r\n{"
        return Action(NAME, "hold", {"hex": head.hex(), "times": rng.choice((1, 5, 40, 300))})

    def _draw_unread_events(self, rng: random.Random) -> Action:
        head = f"GET /api/v1/events HTTP/1.1\r\nHost: {self._host}\r\n{self._authorised()}\r\n"
        return Action(
            NAME, "hold", {"hex": head.encode().hex(), "times": rng.choice((1, 5, 20, 300)), "unread": True}
        )

    def _draw_many(self, rng: random.Random) -> Action:
        return Action(NAME, "hold", {"hex": "", "times": rng.choice((50, 300))})

    def _draw_let_go(self, rng: random.Random) -> Action:
        return Action(NAME, "let_go", {})

    def _authorised(self) -> str:
        return "Authorization: Bearer TOKEN\r\n" if self._token else ""

    # --- doing

    async def do(self, action: Action) -> list[Breach]:
        data = self._signed(action)
        match action.kind:
            case "request":
                return await self._ask(data, action)
            case "sweep":
                return await self._sweep(action)
            case "scarce":
                return await self._scarce(action)
            case "send":
                wire = await Wire.open(self._address)
                if wire is not None:
                    await wire.write(data)
                    await wire.news(0.3)
                    await wire.close()
            case "hold":
                await self._hold(data, action)
                if action.times >= MANY:
                    return await self._served(action)
            case "let_go":
                await self.settle()
            case _:
                raise ActionError(f"{action.kind!r} is no action of {NAME}")
        return []

    def _signed(self, action: Action) -> bytes:
        """The octets of a request, with the token put in."""
        return action.octets.replace(b"Bearer TOKEN", f"Bearer {self._token}".encode())

    async def _sweep(self, action: Action) -> list[Breach]:
        """Each request of a sweep. Raises :class:`ActionError` for one that is none."""
        found: list[Breach] = []
        for one in action.values.get("asked", ()):
            method, _, target = str(one).partition(" ")
            if not target.startswith("/"):
                raise ActionError(f"{one!r} is no request: METHOD /PATH")
            request = self._request(method, target, b"")
            found += await self._ask(self._signed(request), request)
        return found

    async def _scarce(self, action: Action) -> list[Breach]:
        """No descriptor is left for another connection: a listener tries again later, and not as often as it can."""
        port = str(action.values.get("port", "web"))
        ports: Mapping[str, Address | None] = {
            "web": self._gateway.web, "kpd1": self._gateway.kpd1, "ssh": self._gateway.ssh,
        }  # fmt: skip
        if port not in ports:
            raise ActionError(f"{port!r} is no port of {NAME}: some of {', '.join(ports)}")
        pid, address = self._gateway.pid, ports[port]
        if pid is None or pid == os.getpid() or address is None:
            return []
        if await asyncio.to_thread(listener, address[1]) != pid:
            return []  # another process has this port: its descriptors are not those that are used up
        wires = []
        try:
            with few_descriptors(pid) as limit:
                self._gateway.full_until = float("inf")
                for _ in range(limit - (descriptors(pid) or 0) + SPARE):
                    wires.append(await Wire.open(address))
                busy = await hardly_sleeps(pid)
        finally:
            for wire in filter(None, wires):
                await wire.reset()
            self._gateway.full_until = time.monotonic() + RETRIED_WITHIN
        await asyncio.sleep(RETRIED_WITHIN)
        if not busy:
            return []
        text = f"no descriptor is left for connections to {port}, and it works all the time"
        return [Breach("process", Kind.HANG, f"no descriptors {port}", text)]

    async def _hold(self, data: bytes, action: Action) -> None:
        for _ in range(action.times):
            wire = await Wire.open(self._address)
            if wire is None:
                return
            if action.values.get("unread"):
                wire.read(False)
            if data:
                await wire.write(data)
            self._held.append(wire)

    async def _served(self, action: Action) -> list[Breach]:
        """A client that does nothing wrong is served while others hold connections."""
        began = time.monotonic()
        good = self._request("GET", "/api/v1/status", b"")
        wire = await Wire.open(self._address)
        if wire is not None:
            await wire.write(self._signed(good))
            while not (wire.closed or wire.count) and time.monotonic() - began < ANSWERED_WITHIN:
                await wire.news(0.2)
            await wire.close()
            if b" 200 " in wire.first[:20]:
                return []
        text = f"a good request beside {len(self._held)} connections that are held is not answered with 200"
        await self.settle()  # what else is wrong shows without them
        return [Breach("http answers", Kind.NO_ANSWER, "beside held ones", text)]

    async def _ask(self, data: bytes, action: Action) -> list[Breach]:
        wire = await Wire.open(self._address)
        if wire is None:
            return [self._unanswered(action, "no connection")]
        try:
            await wire.write(data)
            deadline = time.monotonic() + ANSWERED_WITHIN
            endless = any(part in action.values["path"] for part in SLOW)
            while not (wire.closed or (endless and wire.count)):
                if (left := deadline - time.monotonic()) <= 0:
                    return [self._unanswered(action, f"no answer within {ANSWERED_WITHIN:g} s")]
                await wire.news(left)
            return self._judged(wire.first, action)
        finally:
            await wire.close()

    def _judged(self, answer: bytes, action: Action) -> list[Breach]:
        found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
        if found is None:
            return [] if not answer else [self._wrong(action, "an answer that is no HTTP")]
        status = int(found[1])
        # 501 to 504 are answers in words: such a thing is not there, or not now.
        return [self._wrong(action, f"HTTP {status}")] if status == 500 else []

    def _wrong(self, action: Action, what: str) -> Breach:
        return Breach(
            "http answers", Kind.WRONG_ANSWER, self._route(action), f"{action.values['path']}: {what}"
        )

    def _unanswered(self, action: Action, what: str) -> Breach:
        return Breach("http answers", Kind.NO_ANSWER, self._route(action), f"{action.values['path']}: {what}")

    def _route(self, action: Action) -> str:
        """The route of a request, with its method."""
        path = str(action.values["path"]).partition("?")[0]
        for route, method, _ in self._routes:
            if method == action.values["method"] and re.fullmatch(
                re.sub(r"\\{\w+\\}", "[^/]*", re.escape(route)), path
            ):
                return f"{method} {route}"
        return f"{action.values['method']} ?"

    async def settle(self) -> list[Breach]:
        held, self._held = self._held, []
        for wire in held:
            await wire.reset()
        return []

    def secrets(self) -> frozenset[str]:
        return frozenset()


def _numbers(declared: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """The parameters of a route behind the "?" that are whole numbers, with values about their bounds."""
    found = {}
    for one in declared.get("parameters", ()):
        schema = str(one.get("schema"))
        if one.get("in") == "query" and "integer" in schema:
            bounds = [int(bound) for bound in re.findall(r"'(?:minimum|maximum)': (-?\d+)", schema)]
            found[one["name"]] = (
                *map(str, bounds * 3),
                *(str(n + by) for n in bounds for by in (-1, 1)),
                *NUMBERS,
            )
    return found
