"""The mediator's link against the switch's server, over real SSH on loopback."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from ssh_control.client import LINK_TABLE, LinkDown, LinkInput, LinkState, SwitchLink, backoff
from ssh_control.dialect import Refused, Reply, Request
from ssh_control.messages import DialectError
from ssh_control.server import ConnectionLimits, SormServer
from ssh_control.transport import KeyProblem, authorized_keys, login_key, pinned_key, public_line
from tests.objects import own
from tests.ssh_control.conftest import DOMAIN, FakeSession

OBJECT = own()


def other_key() -> str:
    return public_line(asyncssh.generate_private_key("ssh-ed25519"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_hello_requests_and_events(link_to: Any, server: Any, switch: Any) -> None:
    owner = await link_to([server.address], server.public_key)
    assert await owner.until("up") == {"hello": "sorm", "ok": True, "version": 1, "switch": "fake"}
    assert (switch.sessions[0].hello.mediator, switch.sessions[0].hello.radius) == ("smg", "127.0.0.1:1813")
    assert await owner.link.request("add", object=OBJECT) == Reply(True, {"line_state": 0})
    assert switch.sessions[0].objects == {258: OBJECT}
    refused = await owner.link.request("add", object=OBJECT | {"number": "00000"})
    assert refused == Reply(False, {}, 0x54, "not a subscriber here")
    switch.sessions[0].notify({"event": "line-state", "object_number": 258, "line_state": 1})
    assert await owner.until("event") == {"event": "line-state", "object_number": 258, "line_state": 1}
    assert (await owner.link.request("no-such-op")).code == 0x11
    assert owner.link._session.connection.get_extra_info("send_cipher") == "aes128-gcm@openssh.com"


async def test_requests_are_pipelined_and_each_gets_its_own_reply(link_to: Any, server: Any) -> None:
    owner = await link_to([server.address], server.public_key)
    await owner.until("up")
    numbers = ["28331" if i % 3 else "00000" for i in range(200)]
    replies = await asyncio.gather(
        *(
            owner.link.request("add", object=OBJECT | {"object_number": i, "number": n})
            for i, n in enumerate(numbers)
        )
    )
    assert [reply.ok for reply in replies] == [number != "00000" for number in numbers]


async def test_an_event_told_while_the_session_opens_comes_after_the_hello(
    link_to: Any, server: Any, switch: Any
) -> None:
    switch.early = [{"event": "line-state", "object_number": 1, "line_state": 2}]
    owner = await link_to([server.address], server.public_key)
    async with asyncio.timeout(20):
        assert [(await owner.told.get())[0] for _ in range(2)] == ["up", "event"]


async def test_a_wrong_password_is_refused_and_tried_again_ever_more_slowly(
    link_to: Any, server: Any, switch: Any
) -> None:
    owner = await link_to([server.address], server.public_key, password="321")
    for _ in range(6):
        assert await owner.until("pause") == "refused"
    assert owner.pauses[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert owner.link.status()["reason"].endswith("login as 'test.domain' denied")
    assert switch.sessions == []


async def test_the_password_appears_neither_in_logs_nor_in_the_status(
    link_to: Any, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asyncssh.set_debug_level(2)
    try:
        owner = await link_to([server.address], server.public_key, password="hush-hush")
        await owner.until("pause")
    finally:
        asyncssh.set_debug_level(1)
    assert "wrong password" in caplog.text
    assert "hush-hush" not in caplog.text + repr(owner.link.status()) + repr(owner.link)


async def test_a_wrong_host_key_never_gets_the_password(link_to: Any, server: Any, switch: Any) -> None:
    pinned = other_key()
    owner = await link_to([server.address], pinned)
    for _ in range(3):
        assert await owner.until("pause") == "refused"
    assert owner.pauses[:3] == [8.0, 8.0, 8.0]
    reason = owner.link.status()["reason"]
    assert f"expected {pinned_key(pinned).get_fingerprint()}" in reason
    assert f"seen {pinned_key(server.public_key).get_fingerprint()}" in reason
    assert switch.logins == []


async def test_a_pinned_key_of_another_kind_is_chosen_from_those_of_the_switch(link_to: Any) -> None:
    keys = [asyncssh.generate_private_key(kind) for kind in ("ssh-ed25519", "ecdsa-sha2-nistp256")]
    async with asyncssh.listen("127.0.0.1", 0, server_host_keys=keys) as listening:
        owner = await link_to([("127.0.0.1", listening.get_port())], public_line(keys[1]))
        await owner.until("pause")
    assert "denied" in owner.link.status()["reason"]


@pytest.mark.parametrize("host_key", [None, ""])
def test_no_pinned_key_is_an_error_that_says_to_pin(host_key: str | None) -> None:
    with pytest.raises(
        KeyProblem, match=r"192\.0\.2\.1:7777 is not pinned.*ssh-keyscan -p 7777 192\.0\.2\.1"
    ):
        SwitchLink(
            [("192.0.2.1", 7777)], "d", "p", host_key, mediator="m", radius="",
            on_up=lambda _: None, on_down=lambda _: None, on_event=lambda _: None,
        )  # fmt: skip


async def test_trust_any_connects_without_a_pinned_key(link_to: Any, server: Any) -> None:
    owner = await link_to([server.address], None, trust_any=True)
    await owner.until("up")
    assert owner.link.status()["host_key"] is None


async def test_what_can_not_be_configured_is_said_at_once(server: Any, link_to: Any) -> None:
    with pytest.raises(ValueError, match="no address"):
        await link_to([], server.public_key)
    with pytest.raises(KeyProblem, match="is no public key"):
        await link_to([server.address], "ssh-ed25519 nonsense")
    with pytest.raises(DialectError, match="mediator"):
        SwitchLink(
            [server.address], "d", "p", server.public_key, mediator="m" * 256, radius="",
            on_up=lambda _: None, on_down=lambda _: None, on_event=lambda _: None,
        )  # fmt: skip


async def test_a_switch_that_dies_and_comes_back(link_to: Any, server: Any, switch: Any) -> None:
    owner = await link_to([server.address], server.public_key)
    await owner.until("up")
    again = SormServer(switch, *server.address)
    again.key = server.key

    async def comes_back() -> None:
        if len(owner.pauses) == 3:
            await again.start()

    owner.on_pause = comes_back
    await server.close()
    assert str(server.address[1]) in await owner.until("down")
    with pytest.raises(LinkDown):
        await owner.link.request("ping")
    await owner.until("up")
    assert owner.pauses == [0.5, 1.0, 2.0]
    assert (await owner.link.request("ping")).ok
    await owner.link.close()
    await again.close()


async def test_what_was_asked_fails_when_the_link_drops(link_to: Any, server: Any, switch: Any) -> None:
    owner = await link_to([server.address], server.public_key)
    await owner.until("up")
    answers: list[Reply | LinkDown] = []
    session = switch.sessions[0]

    def die(request: Request) -> Reply:
        for connection in server._connections:
            connection.abort()
        return Reply(True)

    session.handle = die
    owner.link.submit("ping", {}, answers.append)
    with pytest.raises(LinkDown):
        await owner.link.request("ping")
    await owner.until("down")
    assert [type(answer) for answer in answers] == [LinkDown]
    await owner.until("up")
    await switch.until(lambda: session.ended == 1)


async def test_a_link_that_settles_waits_for_what_was_asked(link_to: Any, server: Any) -> None:
    owner = await link_to([server.address], server.public_key)
    await owner.until("up")
    replies: list[Reply | LinkDown] = []
    await owner.link.settle(20)
    owner.link.submit("add", {"object": OBJECT}, replies.append)
    await owner.link.settle(20)
    assert replies == [Reply(True, {"line_state": 0})]


async def test_other_times_leave_the_link_up(link_to: Any, server: Any) -> None:
    owner = await link_to([server.address], server.public_key)
    await owner.until("up")
    connection = owner.link._session.connection
    owner.link.configure(keepalive=2.5, retry_min=1, retry_max=2)
    assert (connection._keepalive_interval, owner.link.state) == (2.5, LinkState.UP)
    assert owner.link.status()["counters"].get("downs", 0) == 0


async def test_a_caller_that_gave_up_does_not_get_the_reply(link_to: Any, server: Any) -> None:
    owner = await link_to([server.address], server.public_key)
    await owner.until("up")
    impatient = asyncio.create_task(owner.link.request("ping"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await owner.link.request("ping")).ok
    assert owner.link.counters["late replies"] == 1
    assert owner.link.status()["outstanding"] == 0


async def test_a_switch_that_has_too_many_connections_says_so(link_to: Any, new_server: Any) -> None:
    server = await new_server(limits=ConnectionLimits(connections=1))
    first = await link_to([server.address], server.public_key)
    await first.until("up")
    second = await link_to([server.address], server.public_key)
    assert await second.until("pause") == "backing-off"
    assert "too many connections" in second.link.status()["reason"]
    await first.link.close()
    await second.until("up")


async def test_requests_that_are_never_answered_are_given_up_one_by_one(
    link_to: Any, server: Any, switch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await link_to([server.address], server.public_key, most_requests=3)
    await owner.until("up")
    monkeypatch.setattr(FakeSession, "handle", lambda session, request: None)
    ended: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
    for number in range(5):
        owner.link.submit("ping", {}, lambda result, number=number: ended.put_nowait((number, result)))
    async with asyncio.timeout(20):
        given_up = [await ended.get() for _ in range(2)]
    assert [number for number, _ in given_up] == [0, 1]
    assert all("more than 3 requests wait" in str(result) for _, result in given_up)
    assert owner.link.outstanding[0] == 3
    assert owner.link.outstanding[1] > 0
    assert owner.link.counters["requests given up"] == 2
    assert owner.link.state is LinkState.UP


async def test_the_backup_is_used_while_the_first_is_gone(link_to: Any, server: Any, switch: Any) -> None:
    first = ("127.0.0.1", free_port())
    primary = SormServer(switch, *first)
    primary.key = server.key
    owner = await link_to([first, server.address], server.public_key)
    await owner.until("up")
    assert owner.link.status()["address"] == f"127.0.0.1:{server.address[1]}"
    await primary.start()
    for connection in server._connections:
        connection.abort()
    await owner.until("down")
    await owner.until("up")
    assert owner.link.status()["address"] == f"127.0.0.1:{first[1]}"
    await owner.link.close()
    await primary.close()


async def test_a_refused_hello_says_why(link_to: Any, server: Any, switch: Any) -> None:
    switch.refusal = Refused(0x17, "SORM of this domain is off")
    owner = await link_to([server.address], server.public_key)
    assert await owner.until("pause") == "refused"
    assert "(17h): 'SORM of this domain is off'" in owner.link.status()["reason"]
    switch.refusal = None
    await owner.until("up")


async def test_a_server_without_the_subsystem_is_refused(link_to: Any) -> None:
    class Open(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    key = asyncssh.generate_private_key("ssh-ed25519")
    async with asyncssh.listen("127.0.0.1", 0, server_host_keys=[key], server_factory=Open) as listening:
        owner = await link_to([("127.0.0.1", listening.get_port())], public_line(key))
        assert await owner.until("pause") == "refused"


@pytest.mark.parametrize(
    "greeting", [b"", b"HTTP/1.0 400 Bad Request\r\n\r\n", b"\x00" * 4096, b"SSH-2.0-x\r\n\xff" * 9]
)
async def test_something_that_is_no_ssh_server_is_unreachable(link_to: Any, greeting: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        owner = await link_to([listening.sockets[0].getsockname()[:2]], other_key())
        assert await owner.until("pause") == "backing-off"


async def test_a_switch_that_is_silent_is_given_up(link_to: Any) -> None:
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        gone.set()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as listening:
        owner = await link_to([listening.sockets[0].getsockname()[:2]], other_key(), connect_timeout=0.05)
        assert await owner.until("pause") == "backing-off"
        assert "no answer within 0.05 s" in owner.link.status()["reason"]
        await owner.link.close()
        async with asyncio.timeout(20):
            await gone.wait()


async def test_a_switch_that_talks_nonsense_is_left(link_to: Any, server: Any, switch: Any) -> None:
    owner = await link_to([server.address], server.public_key)
    await owner.until("up")
    switch.sessions[0].notify({"event": 5})
    assert "does not speak the dialect: event: must be a text" in await owner.until("down")
    await owner.until("up")


async def test_a_switch_that_talks_nonsense_with_its_hello_is_left_and_tried_again(
    link_to: Any, server: Any, switch: Any
) -> None:
    switch.early = [{"event": 5}]
    owner = await link_to([server.address], server.public_key)
    await owner.until("up")
    assert "event: must be a text" in await owner.until("down")
    assert await owner.until("pause") == "backing-off"
    switch.early = []
    await owner.until("up")


async def test_close_ends_it_whatever_it_was_doing(link_to: Any, server: Any, switch: Any) -> None:
    owner = await link_to([server.address], server.public_key)
    await owner.until("up")
    asked = asyncio.create_task(owner.link.request("ping"))
    await asyncio.sleep(0)
    await owner.link.close()
    with pytest.raises(LinkDown, match="closed"):
        await asked
    with pytest.raises(LinkDown, match="closed"):
        owner.link.submit("ping", {}, lambda _: None)
    assert owner.link.state is LinkState.CLOSED
    await switch.until(lambda: switch.sessions[0].ended == 1)
    await owner.link.close()
    with pytest.raises(ValueError, match="closed for good"):
        await owner.link.start()


def test_the_pauses_double_within_their_bounds() -> None:
    assert [backoff(n, 0.5, 30.0, 1.0) for n in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert [backoff(n, 0.5, 30.0, 0.0) for n in range(4)] == [0.5, 0.5, 1, 2]
    assert backoff(10_000, 0.5, 30.0, 0.5) == 22.5
    assert backoff(3, 0, 0, 0.5) == 0


def test_the_table_leaves_no_way_out_of_closed_and_closes_from_everywhere() -> None:
    assert {now for now, cause in LINK_TABLE if cause is LinkInput.CLOSE} == set(LinkState)
    assert {then for (now, _), then in LINK_TABLE.items() if now is LinkState.CLOSED} == {LinkState.CLOSED}
    assert set(LINK_TABLE.values()) == set(LinkState) - {LinkState.IDLE}


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "") -> None:
    """A key of OpenSSH."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)]
    subprocess.run(command, check=True, timeout=60)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
async def test_a_key_of_openssh_logs_in_before_the_password(
    link_to: Any, new_server: Any, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "key"
    keygen(path, kind)
    admitted = authorized_keys([str(path) + ".pub"], tmp_path)
    server = await new_server(keys=lambda user: admitted if user == DOMAIN else ())
    owner = await link_to([server.address], server.public_key, "wrong", login_key=login_key(path))
    await owner.until("up")
    assert (await owner.link.request("ping")).ok
    stranger = await link_to([server.address], server.public_key, "wrong")
    await stranger.until("pause")
    assert "denied" in stranger.link.status()["reason"]


async def test_a_key_that_the_switch_does_not_know_leaves_the_password(
    link_to: Any, server: Any, tmp_path: Path
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    owner = await link_to([server.address], server.public_key, login_key=key)
    await owner.until("up")


def test_a_private_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    path.chmod(0o640)
    with pytest.raises(KeyProblem, match=f"others may read this private key: chmod 600 {path}$"):
        login_key(path)
    path.chmod(0o600)
    assert login_key(path).get_algorithm() == "ssh-ed25519"


def test_a_file_that_is_no_key_to_log_in_with_says_why(tmp_path: Path) -> None:
    missing, nonsense, locked = (tmp_path / name for name in ("missing", "nonsense", "locked"))
    nonsense.write_text("nonsense")
    nonsense.chmod(0o600)
    keygen(locked, passphrase="a secret")
    for path, says in ((missing, "No such file"), (nonsense, "Invalid private key"), (locked, "")):
        with pytest.raises(KeyProblem, match=f"^{path}: is no private key without passphrase: .*{says}"):
            login_key(path)
