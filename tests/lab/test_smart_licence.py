"""A switch and its licence cloud over real HTTP: registered at the start, broken, refused, and shown everywhere."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import tomlkit

import captures
from sorm_mediator import config
from sorm_mediator.lab.lab import Lab, on_free_ports
from sorm_mediator.lab.targets import in_lab
from sorm_mediator.language import Phrase
from sorm_mediator.switch.shell.session import ShellSession
from sorm_mediator.switch.smart import agent, state
from sorm_mediator.switch.smart.cloud import LicenceCloud
from sorm_mediator.web.licence_cloud import CloudServer
from tests.switch.licence.dripping import drip

FILE = Path(captures.__file__).parent / "labs" / "smart_licence.toml"
SMART = "/api/v1/switch/smart-licence"
CALLS = "/api/v1/switch/domains/test.domain/calls"
BODY = {"a": "28331", "b": "28332"}


async def lab_of(
    stack: AsyncExitStack, directory: Path | None = None, **settings: Any
) -> tuple[Lab, httpx.AsyncClient]:
    """The lab with a smart licence, its switch alone, and its HTTP API."""
    loaded = config.load(FILE)
    assert loaded.switch is not None
    smart = loaded.switch.smart_licence.model_copy(update=settings)
    parsed = config.parse(
        loaded.document | {"switch": {**loaded.document["switch"], "smart_licence": smart.model_dump()}},
        directory=directory or Path(),
    )
    lab = await stack.enter_async_context(Lab(on_free_ports(parsed), boxes="switch"))
    http = await stack.enter_async_context(httpx.AsyncClient(base_url=lab.web_url))
    return lab, http


async def test_it_registers_at_the_start_and_shows_what_it_is(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        lab, http = await lab_of(stack, tmp_path, log="sml.log")
        shown = (await http.get(SMART)).json()
        at_cloud = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://{lab.endpoints['licence']}")
        )
        usage = (await at_cloud.get("/usage")).json()

        assert shown["mode"] == "OutOfCompliance"
        assert shown["summary"]["License Server Address"] == f"http://{lab.endpoints['licence']}"
        assert shown["usage"] == usage["licenses"][0]
        assert (shown["usage"]["In Use"], shown["usage"]["Alerts"]) == (216, "Insufficient Licenses")
        assert (await http.post(CALLS, json=BODY)).status_code == 202
        written = (tmp_path / "sml.log").read_text().splitlines()
        assert written == shown["log"]
        assert any(
            "auth response: start_date:" in line and "compliance_status:OOC" in line for line in written
        )


async def test_calls_are_refused_when_the_evaluation_is_over_and_running_ones_go_on() -> None:
    async with AsyncExitStack() as stack:
        lab, http = await lab_of(stack)
        assert lab.switch is not None
        running = (await http.post(CALLS, json=BODY | {"talk": 60})).json()["call"]
        assert (await http.post(f"{SMART}/deregister")).json()["mode"] == "EvalExpired"

        refused = await http.post(CALLS, json={"a": "28332", "b": "28331"}, headers={"accept-language": "ru"})

        told = refused.json()
        assert (refused.status_code, told["detail"]) == (
            503,
            "срок ознакомления по умной лицензии истёк (EvalExpired); зарегистрируйте и авторизуйте коммутатор",
        )
        assert (await http.get(f"/api/v1/calls/{told['call']}")).json()["release_cause"] == 1
        assert (await http.get(f"/api/v1/calls/{running}")).json()["state"] in ("ringing", "talking")
        assert lab.switch.status()["smart_licence"]["counters"]["calls refused: mode"] == 1
        assert 'sorm_smart_licence_mode{state="EvalExpired"} 1.0' in (await http.get("/metrics")).text


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("down", "the licence cloud answers HTTP 503"),
        ("wrong-signature", "signature: is wrong"),
        ("repeated-nonce", "nonce: was answered before"),
        ("expired", "expiry: the authorisation was over at"),
        ("clock", "the licence cloud refuses: id_cert: holds from"),
        ("refuse", "the licence cloud refuses: the product instance is not registered"),
    ],
)
async def test_a_broken_cloud_is_told(fault: str, told: str) -> None:
    async with AsyncExitStack() as stack:
        _, http = await lab_of(stack)
        assert (await http.put(f"{SMART}/fault", json={"fault": fault})).status_code == 204

        answer = await http.post(f"{SMART}/authorise")

        shown = (await http.get(SMART)).json()
        assert answer.status_code == 502
        assert told in answer.json()["detail"]
        assert told in shown["summary"]["Latest Failure Reason"]
        refusal = fault in ("refuse", "clock")
        assert shown["mode"] == ("EvalExpired" if refusal else "OutOfCompliance")


async def test_too_many_calls_per_second_get_500_and_are_recorded() -> None:
    async with AsyncExitStack() as stack:
        _, http = await lab_of(stack, count=0, cps_mode="instant", cps_reject=500)
        refused = await http.post(CALLS, json=BODY)
        shown = (await http.get(SMART)).json()

        assert refused.status_code == 500
        assert "are more than the smart licence allows: 0 calls/s" in refused.json()["detail"]
        assert [(one["a"], one["b"]) for one in shown["failed_calls"]] == [("28331", "28332")]
        assert (await http.delete(f"{SMART}/failed-calls")).status_code == 204
        assert (await http.get(SMART)).json()["failed_calls"] == []


async def test_refused_calls_are_not_recorded_unless_it_is_asked_for() -> None:
    async with AsyncExitStack() as stack:
        lab, http = await lab_of(stack, count=0, cps_mode="instant", failed_call_log=False)
        assert (await http.post(CALLS, json=BODY)).status_code == 503
        assert (await http.get(SMART)).json()["failed_calls"] == []
        assert lab.switch is not None
        assert lab.switch.status()["smart_licence"]["counters"]["calls refused: rate"] == 1


async def test_a_call_refused_on_another_ground_is_none_of_the_smart_licence() -> None:
    async with AsyncExitStack() as stack:
        lab, http = await lab_of(stack)
        assert lab.switch is not None
        lab.switch.engine.node.admission.grounds.insert(0, lambda _attempt, _now: Phrase("no subscriber"))
        assert (await http.post(CALLS, json=BODY)).status_code == 503
        counters = lab.switch.status()["smart_licence"]["counters"]
        assert [name for name in counters if name.startswith("calls refused")] == []


async def test_a_body_that_is_too_deep_is_no_json_for_the_cloud() -> None:
    async with AsyncExitStack() as stack:
        lab, http = await lab_of(stack)
        answer = await http.post(f"http://{lab.endpoints['licence']}/register", content="[" * 20_000)
        assert answer.status_code == 422


async def test_the_shell_shows_the_summary_the_usage_and_the_log() -> None:
    async with AsyncExitStack() as stack:
        lab, _ = await lab_of(stack)
        assert lab.switch is not None
        assert lab.switch.smart is not None
        shell = ShellSession(lab.switch._shell_context, "admin")

        def said(words: str) -> str:
            return shell.enter(f"cluster/storage/ds1/licence/smart/{words}").text

        lines = said("summary").splitlines()
        assert [line.partition(":")[0].strip() for line in lines if ":" in line][:2] == [
            "Smart License Client State",
            "Module Serial Number",
        ]
        assert "│ICV CUSP-5 calls per second│" in said("usage")
        assert "-186" in said("usage")
        assert "register received:id_cert_sn:" in said("log")
        assert "Reason" in said("failed-calls")
        assert "ok" in said("authorise")
        lab.switch.smart.client.registration = None
        refused = shell.enter("cluster/storage/ds1/licence/smart/authorise").error
        assert "the switch is not registered: register it first" in refused


async def test_a_switch_without_one_says_how_to_have_it() -> None:
    async with AsyncExitStack() as stack:
        lab, http = await lab_of(stack, enabled=False)
        assert lab.switch is not None
        assert lab.switch.smart is None
        assert "licence" not in lab.endpoints
        assert (await http.get(SMART)).status_code == 404
        shell = ShellSession(lab.switch._shell_context, "admin")
        said = shell.enter("cluster/storage/ds1/licence/smart/summary").error
        assert "set switch.smart_licence.enabled" in said


async def test_a_cloud_elsewhere_is_trusted_by_its_root_alone(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        cloud, other = (LicenceCloud(1_700_000_000.0) for _ in range(2))
        server = CloudServer(cloud, lambda: 1_700_000_000.0)
        url = await server.start()
        stack.push_async_callback(server.stop)
        for name, one in (("right.pem", cloud), ("wrong.pem", other)):
            (tmp_path / name).write_text(one.root_pem)
        for name in ("wrong.pem", "right.pem"):
            _, http = await lab_of(
                stack, tmp_path, server=url, root=name, token=cloud.token, register_at_start=False
            )
            answer = await http.post(f"{SMART}/register", json={})
            if name == "wrong.pem":
                assert "was not issued under the root certificate" in answer.json()["detail"]
            else:
                # The cloud's clock is years behind, which the switch sees in its certificates.
                assert (answer.status_code, answer.json()["detail"][:20]) == (502, "id_cert: holds from ")
            assert (await http.put(f"{SMART}/fault", json={"fault": "down"})).status_code == 409


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"server": "127.0.0.1:8443"}, "server: '127.0.0.1:8443' is no URL; write http://HOST:PORT"),
        ({"server": "http://127.0.0.1:1"}, "root: is required with server"),
        ({"server": "http://127.0.0.1:1", "root": "x.pem"}, "token: is required with server"),
    ],
)
def test_mistakes_of_the_lab_file(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(config.ConfigError, match=said):
        config.parse({"switch": {"smart_licence": settings}})


def test_a_root_that_can_not_be_read_keeps_the_switch_from_starting(tmp_path: Path) -> None:
    elsewhere = {"enabled": True, "server": "http://127.0.0.1:1", "root": "root.pem", "token": "1"}
    parsed = config.parse({"switch": {"smart_licence": elsewhere}, "ssh": {"port": 0}}, directory=tmp_path)
    with pytest.raises(config.ConfigError, match=r"switch\.smart_licence\.root: .*root\.pem: can't be read"):
        Lab(parsed)
    (tmp_path / "root.pem").write_text("hello")
    with pytest.raises(config.ConfigError, match=r"switch\.smart_licence\.root: .* is no certificate in PEM"):
        Lab(parsed)


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await drip(reader, writer)


async def _lab_of_cloud(
    stack: AsyncExitStack, tmp_path: Path, serve: Callable[..., Awaitable[None]]
) -> tuple[str, httpx.AsyncClient]:
    """A lab whose licence cloud is elsewhere: the url of the cloud, and the lab's HTTP."""
    (tmp_path / "root.pem").write_text(LicenceCloud(1_700_000_000.0).root_pem)
    server = await stack.enter_async_context(await asyncio.start_server(serve, "127.0.0.1", 0))
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    _, http = await lab_of(stack, tmp_path, server=url, root="root.pem", token="1", register_at_start=False)
    return url, http


async def test_a_cloud_that_answers_without_an_end_is_told_after_the_time_for_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "ANSWER_WITHIN", 0.5)
    async with AsyncExitStack() as stack:
        url, http = await _lab_of_cloud(stack, tmp_path, _drip)

        answer = await http.post(f"{SMART}/register", json={})

        assert answer.status_code == 502
        assert answer.json()["detail"] == f"{url}/register: the licence cloud is not reached: TimeoutError"


async def test_an_answer_is_not_unpacked(tmp_path: Path) -> None:
    async def packed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        body = gzip.compress(bytes(10**7))
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        writer.close()

    asked: list[bytes] = []
    async with AsyncExitStack() as stack:
        url, http = await _lab_of_cloud(stack, tmp_path, packed)

        answer = await http.post(f"{SMART}/register", json={})

        assert answer.json()["detail"] == f"{url}/register: its answer is no JSON"
        assert b"accept-encoding: identity" in asked[0].lower()


async def test_the_cloud_answers_a_body_that_is_nested_without_an_end() -> None:
    async with AsyncExitStack() as stack:
        lab, _ = await lab_of(stack)
        at_cloud = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://{lab.endpoints['licence']}")
        )
        for path in ("/register", "/authorise", "/deregister"):
            answer = await at_cloud.post(path, content=b'{"nonce":' + b"[" * 50_000)
            assert (answer.status_code, answer.json()["detail"]) == (422, "the body is no JSON")


async def test_a_stranger_that_leaves_in_the_middle_of_a_request_leaves_nothing_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = CloudServer(LicenceCloud(1_700_000_000.0), lambda: 1_700_000_000.0)
    port = (await server.start()).rpartition(":")[2]
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", int(port))
        writer.write(
            f"POST /register HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 9\r\n\r\n{{".encode()
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"http://127.0.0.1:{port}/usage")).status_code == 200
    await server.stop()
    assert "Exception in ASGI" not in caplog.text


async def test_a_token_of_the_shell_that_is_too_long_is_told_and_the_registration_goes_on() -> None:
    async with AsyncExitStack() as stack:
        lab, http = await lab_of(stack)
        assert lab.switch is not None
        shell = ShellSession(lab.switch._shell_context, "admin")
        shell.enter(f"cluster/storage/ds1/licence/smart/register {'x' * 300}")

        answer = await http.post(f"{SMART}/register", json={})

        assert answer.status_code == 200
        assert any("token: String should have at most 256 characters" in one for one in answer.json()["log"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", 10**400),
        ("purchased", 10**10),
        ("other_counts", [10**10]),
        ("auth_expiry", 10**10),
        ("retry_interval", 10**10),
        ("evaluation_days", 1e308),
        ("cps_window", 10**30),
        ("cps_snapshot", 10**30),
    ],
)
def test_numbers_that_no_date_or_sum_can_have_are_mistakes_of_the_lab_file(key: str, value: object) -> None:
    with pytest.raises(config.ConfigError, match=rf"switch\.smart_licence\.{key}"):
        config.parse({"switch": {"smart_licence": {key: value}}})


async def test_a_restart_goes_on_with_the_evaluation_and_the_registration(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        lab, http = await lab_of(stack, tmp_path, state_file="smart.state", evaluation_days=90)
        before = (await http.get(SMART)).json()
        await lab.end_switch()
        await lab.start_switch()
        assert lab.switch is not None
        assert lab.switch.smart is not None
        await lab.switch.smart.settled()
        after = (await http.get(SMART)).json()

        for field in ("Module Serial Number", "Enforcement Mode", "Registration Expiry Date"):
            assert after["summary"][field] == before["summary"][field]
        assert after["mode"] == "OutOfCompliance"
        assert after["usage"]["In Use"] == 216, "it is the same device"
        began = lab.switch.smart.client.evaluation_began
    async with AsyncExitStack() as stack:
        lab, _ = await lab_of(
            stack, tmp_path, state_file="smart.state", evaluation_days=90, register_at_start=False
        )
        assert lab.switch is not None
        assert lab.switch.smart is not None
        assert lab.switch.smart.client.evaluation_began == began
        assert lab.switch.smart.client.mode.value == "Evaluation", "the lab's own cloud is a new one"


async def test_a_damaged_state_is_told_and_moved_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "smart.state").write_text("{}\n")
    async with AsyncExitStack() as stack:
        _, http = await lab_of(stack, tmp_path, state_file="smart.state", register_at_start=False)
        log = (await http.get(SMART)).json()["log"]

    told = "the file was damaged (its SHA-256 is wrong) and moved aside to smart.state.damaged-"
    assert any(told in line for line in log)
    assert any(told in record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert len(os.listdir(tmp_path)) == 2


def test_a_kill_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    loaded = config.load(FILE)
    assert loaded.switch is not None
    smart = {"state_file": "smart.state", "register_at_start": False, "evaluation_days": 90}
    document = loaded.document["switch"] | {
        "smart_licence": loaded.document["switch"]["smart_licence"] | smart
    }
    file = tmp_path / "lab.toml"
    file.write_text(tomlkit.dumps(loaded.document | {"switch": document}))

    def summary(*posted: str) -> dict[str, str]:
        """The summary of a lab that is killed right after its answer."""
        arguments = [sys.executable, "-m", "sorm_mediator", "lab", str(file)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                web = json.loads(process.stdout.readline())["endpoints"]["web"]
                for path in posted:
                    assert httpx.post(f"http://{web}{SMART}/{path}", json={}).status_code == 200
                found: dict[str, str] = httpx.get(f"http://{web}{SMART}").json()["summary"]
            finally:
                process.kill()
        return found

    first = summary()
    kept = state.read((tmp_path / "smart.state").read_bytes())
    assert kept.serial == first["Module Serial Number"]
    assert kept.registration is None
    assert summary("register")["Module Serial Number"] == first["Module Serial Number"]
    granted = state.read((tmp_path / "smart.state").read_bytes())
    assert granted.registration is not None
    assert granted.authorisation is not None
    assert granted.evaluation_began == kept.evaluation_began


async def test_counts_change_while_it_runs() -> None:
    async with AsyncExitStack() as stack:
        lab, http = await lab_of(stack, cps_mode="instant", cps_reject=500, other_counts=())
        assert (await http.get(SMART)).json()["mode"] == "InCompliance"

        none = (await http.patch(SMART, json={"count": 0})).json()
        assert (none["cps"]["limit"], none["usage"]["In Use"]) == (0, 0)
        assert (await http.post(CALLS, json=BODY)).status_code == 500
        more = (await http.patch(SMART, json={"count": 16, "other_counts": [200]})).json()
        assert (more["cps"]["limit"], more["mode"]) == (80, "OutOfCompliance")
        assert (more["usage"]["In Use"], more["usage"]["Surplus (+) / Shortage (-)"]) == (216, "-186")
        assert more["summary"]["Entitlement Count Requested"] == "16"
        assert (await http.post(CALLS, json=BODY)).status_code == 202
        assert (await http.patch(SMART, json={"purchased": 216})).json()["mode"] == "InCompliance"
        assert (await http.patch(SMART, json={"count": -1})).status_code == 422

        assert lab.switch is not None
        assert lab.switch.smart is not None
        shell = ShellSession(lab.switch._shell_context, "admin")
        path = "cluster/storage/ds1/licence/smart/set"
        assert "ok: set" in shell.enter(f"{path} count 20").text
        await lab.switch.smart.asked()
        assert lab.switch.status()["smart_licence"]["usage"] == {"quantity": 216, "in_use": 220}
        assert "ok: set" in shell.enter(f"{path} other_counts 5 6").text
        assert "ok: set" in shell.enter(f"{path} other_counts").text
        await lab.switch.smart.asked()
        assert lab.switch.engine.node.config.smart_licence.other_counts == ()
        assert lab.switch.status()["smart_licence"]["usage"]["in_use"] == 20
        assert "COUNT: 'x' is not allowed: 0 to 10000000" in shell.enter(f"{path} count x").error
        assert "COUNT: count is one number" in shell.enter(f"{path} count 1 2").error


async def test_a_lab_beside_that_of_the_file_keeps_nothing(tmp_path: Path) -> None:
    loaded = config.load(FILE)
    assert loaded.switch is not None
    smart = loaded.switch.smart_licence.model_copy(update={"state_file": "smart.state"})
    other = config.parse(
        loaded.document | {"switch": {**loaded.document["switch"], "smart_licence": smart.model_dump()}},
        directory=tmp_path,
    )
    async with in_lab(other, "a lab"):
        assert os.listdir(tmp_path) == []
