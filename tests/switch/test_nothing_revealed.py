"""Order 268, rule 6: the switch's log, HTTP, shell and saved file say the same whether or not a call is intercepted."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from radius.report import Party
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import CallRequest, ServiceRequest
from sorm_mediator.switch.calls.messages import MessageRequest
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.session import ShellSession
from sorm_mediator.web.app import create_app
from tests.objects import own
from tests.switch.test_box import Mediator, lab
from tests.switch.waiting import idle

OBJECT = 54321
CONTROLLED = "28331"
ABSENT = "77777"
"""A number that no call has: where it shows, somebody asked for it to be put on control."""
CHANGING = re.compile(
    r'[0-9a-f]{6}-\d+|"[a-z_]*time": ?[0-9.]+|"started": ?[0-9.]+|:\d{4,5}\b|\d{4}-\d\d-\d\d|\d\d\.\d\d\.\d{4}'
    r"|process_\w+ \S+|\d\d:\d\d:\d\d\S*|[0-9.]+ ?m?s\b|\d{9,10}\.\d+"
)
"""What is another each time: ids, moments, ports."""

COMMANDS = (
    "help", "domain/list", "domain/test.domain/sorm/info", "domain/test.domain/sip/user/list",
    "domain/test.domain/trunk/sip/list", "sorm/info",
    "domain/test.domain/routing/trace cdpn.digits=28332 cgpn.digits=28331",
    "config/save saved.toml",
)  # fmt: skip
PATHS = ("/api/v1/switch/calls", "/api/v1/switch/licence", "/metrics")


def plain(text: str, mediator: Mediator) -> str:
    """Without what is another each time: ids, moments, ports."""
    return CHANGING.sub("#", text.replace(str(mediator.address[1]), "PORT"))


async def said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, controlled: bool
) -> tuple[dict[str, str], Mediator]:
    """All that the switch says of a call with services, a forwarding, and a message."""
    caplog.clear()
    async with AsyncExitStack() as stack:
        mediator = Mediator()
        mediator.address = await mediator.sink.start()
        stack.push_async_callback(mediator.close)
        numbers = [
            {"number": CONTROLLED},
            {"number": "28332", "services": {"cfu": "28333"}},
            {"number": "28333"},
        ]
        box = SwitchBox(lab(mediator, subscribers=numbers, trunks=[{"number": 2, "name": "city"}]))
        endpoints = await box.start()
        stack.push_async_callback(box.stop)
        async with asyncio.timeout(20):
            await mediator.connect(box, endpoints["ssh"])
            await mediator.up.wait()
            if controlled:
                await control(mediator)
            service = ServiceRequest(service="hold")
            call = box.place_call("test.domain", CallRequest(a=CONTROLLED, b="28332", services=(service,)))
            box.send_message("test.domain", MessageRequest(sender=CONTROLLED, receiver="28333", text="Come."))
            await idle(box)
            if controlled:
                await mediator.released.wait()
                assert (await mediator.messages.get()).matches[0].object_number == OBJECT
        answers = {path: text async for path, text in asked(box, f"/api/v1/calls/{call.id}")}
        box.engine.node.directory = tmp_path
        shell = ShellSession(
            ShellContext(
                node=box.engine.node, file=tmp_path / "lab.toml", clock=time.time, stopwatch=time.perf_counter
            )
        )
        for line in COMMANDS:
            outcome = shell.enter(line)
            assert not outcome.error, outcome.error
            answers[line] = outcome.text
    answers["saved"] = (tmp_path / "saved.toml").read_text()
    # One line for each request says that a mediator asked for something, never what: see below.
    told = [f"{one.levelname} {line_of(one)}" for one in caplog.records if ours(one)]
    answers["log"] = "\n".join(sorted(line for line in told if " request " not in line))
    answers["requests"] = "\n".join(line for line in told if " request " in line)
    return {name: plain(text, mediator) for name, text in answers.items()}, mediator


def line_of(record: logging.LogRecord) -> str:
    fields = getattr(record, "fields", {})
    return " ".join((record.getMessage(), *(f"{name}={value}" for name, value in fields.items())))


def ours(record: logging.LogRecord) -> bool:
    return record.name.startswith(
        ("sorm_mediator.switch", "ssh_control.server", "ssh_control.multisorm", "radius")
    )


async def asked(box: SwitchBox, one_call: str) -> Any:
    transport = httpx.ASGITransport(create_app(switch=box))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        for path in (one_call, *PATHS):
            answer = await http.get(path)
            assert answer.status_code == 200
            yield path.replace(one_call, "one call"), answer.text


async def control(mediator: Mediator) -> None:
    """Objects are put on control, changed, joined and refused."""
    item = own(OBJECT, CONTROLLED)
    assert (await mediator.ask("add", object=item)).ok
    assert (await mediator.ask("change", object_number=OBJECT, category="separate", priority="high")).ok
    assert (await mediator.ask("join", object_number=OBJECT)).ok
    refused = await mediator.ask("add", object=item | {"object_number": OBJECT + 1, "number": ABSENT})
    assert refused.code == 0x54
    assert not (await mediator.ask("services", number=ABSENT, number_sign=None)).ok
    everything = [item, item | {"object_number": OBJECT + 1, "number": ABSENT}]
    assert (await mediator.ask("sync", objects=everything, first=True, last=True)).ok


async def test_nothing_tells_an_intercepted_call_from_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "lab.toml").write_text("")
    free, quiet = await said(tmp_path, caplog, controlled=False)
    intercepted, told = await said(tmp_path, caplog, controlled=True)
    assert quiet.reports == []
    assert {match.object_number for match in told.reports[-1].matches} == {OBJECT}
    requests = intercepted.pop("requests")
    assert free.pop("requests") == ""
    for op in ("add", "change", "join", "services", "sync"):
        assert f"op={op} user=test.domain result=" in requests
    assert not any(
        text in requests for text in (str(OBJECT), CONTROLLED, ABSENT, "separate", "own-subscriber")
    )
    assert intercepted == free
    for name, text in intercepted.items():
        assert str(OBJECT) not in text, name
        assert ABSENT not in text, name
    assert CONTROLLED in intercepted["one call"]
    assert "mediator" in intercepted["log"]
    assert "call id=# domain=test.domain what=dialling" in intercepted["log"]


async def test_a_report_that_cannot_be_made_is_logged_without_its_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    mediator = Mediator()
    mediator.address = await mediator.sink.start()
    box = SwitchBox(lab(mediator))
    try:
        await box.start()
        [target] = box._sinks.of(box.engine.domains["test.domain"])
        request = MessageRequest(sender="28331", receiver="28332", text="Come.")
        box.engine.domains["test.domain"].table(target.mediator).add(_object())
        (_, report) = box.engine.send_message("test.domain", request, 1_700_000_000.0)[1][0]
        broken = type(report)(
            message_id="secret-1",
            domain="test.domain",
            time=1.0,
            sender=Party(digits=f"{ABSENT}-1"),
            receiver=Party(),
        )
        box._send(target.mediator, broken)
    finally:
        await box.stop()
        await mediator.close()
    assert f"a report to {target.mediator} can't be made, because of its sender.digits" in caplog.text
    assert ABSENT not in caplog.text
    assert "secret-1" not in caplog.text


def _object() -> Any:
    from tests.switch.conftest import obj

    return obj(OBJECT, CONTROLLED)
