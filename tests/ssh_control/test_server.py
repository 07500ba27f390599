"""The switch's server against clients that are not ours, or not well-behaved."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import stat
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from ssh_control.dialect import Request
from ssh_control.messages import MAX_REQUEST_LINE
from ssh_control.private_files import open_to_others
from ssh_control.server import (
    KEEPALIVE,
    MOST_SESSIONS,
    MOST_UNAUTHENTICATED,
    MOST_UNREAD,
    TRIES,
    ConnectionLimits,
    LoginPacer,
    SormServer,
)
from ssh_control.transport import KeyProblem, pinned_key, public_line

HELLO = b'{"hello":"sorm","version":1,"mediator":"by hand"}\n'
PING = b'{"seq":1,"op":"ping"}\n'


async def connect(server: Any, **options: Any) -> asyncssh.SSHClientConnection:
    known = asyncssh.import_known_hosts(f"[127.0.0.1]:{server.address[1]} {server.public_key}\n")
    given = {
        "username": "test.domain",
        "password": "123",
        "client_keys": None,
        "known_hosts": known,
        "config": None,
    }
    return await asyncssh.connect(*server.address, **(given | options))


async def speak(connection: asyncssh.SSHClientConnection, hello: bytes = HELLO) -> Any:
    """A process at the subsystem, its hello said and answered."""
    process = await connection.create_process(subsystem="sorm", encoding=None)
    process.stdin.write(hello)
    assert json.loads(await process.stdout.readline())["ok"] is True
    return process


async def answer(process: Any) -> dict[str, Any]:
    async with asyncio.timeout(20):
        reply: dict[str, Any] = json.loads(await process.stdout.readline())
    return reply


async def test_a_line_cut_at_any_octet_is_one_line(server: Any) -> None:
    async with await connect(server) as connection:
        process = await speak(connection)
        for octet in PING:
            process.stdin.write(bytes([octet]))
            await asyncio.sleep(0)
        assert await answer(process) == {"seq": 1, "ok": True, "data": {}}


async def test_half_a_line_and_the_end_is_answered_and_the_session_closed(server: Any, switch: Any) -> None:
    async with await connect(server) as connection:
        process = await speak(connection)
        process.stdin.write(PING + b'{"seq":2,')
        process.stdin.write_eof()
        assert (await answer(process))["seq"] == 1
        assert (await answer(process))["code"] == 0x10
        assert (await process.wait()).exit_status == 0
    await switch.until(lambda: switch.sessions[0].ended == 1)


async def test_a_megabyte_without_an_end_is_refused_and_the_next_line_heard(server: Any) -> None:
    async with await connect(server) as connection:
        process = await speak(connection)
        process.stdin.write(b"x" * 1_000_000)
        refused = await answer(process)
        assert (refused["seq"], refused["ok"], refused["code"]) == (None, False, 0x10)
        assert str(MAX_REQUEST_LINE) in refused["text"]
        process.stdin.write(b"\n" + PING)
        assert (await answer(process))["seq"] == 1


async def test_garbage_is_answered_and_others_are_not_disturbed(server: Any) -> None:
    async with await connect(server) as one, await connect(server) as other:
        noisy, quiet = await speak(one), await speak(other)
        noisy.stdin.write(os.urandom(5000).replace(b"\n", b"") + b"\n")
        assert (await answer(noisy))["ok"] is False
        quiet.stdin.write(PING)
        assert (await answer(quiet))["ok"] is True
    assert server.counters["faulty lines"] == 1


async def test_whoever_says_no_hello_is_turned_away(server: Any, switch: Any) -> None:
    async with await connect(server) as connection:
        process = await connection.create_process(subsystem="sorm", encoding=None)
        process.stdin.write(b"help\n")
        assert (await answer(process))["ok"] is False
        assert (await process.wait()).exit_status == 1
    assert switch.sessions == []


async def test_several_sessions_in_one_connection_are_apart(server: Any, switch: Any) -> None:
    async with await connect(server) as connection:
        processes = [await speak(connection) for _ in range(3)]
        for process in processes:
            process.stdin.write(PING)
        assert [(await answer(process))["seq"] for process in processes] == [1, 1, 1]
        assert len(switch.sessions) == 3
    await switch.until(lambda: [session.ended for session in switch.sessions] == [1, 1, 1])


async def test_sessions_of_one_connection_are_bounded(server: Any) -> None:
    async with await connect(server) as connection:
        for _ in range(MOST_SESSIONS):
            await speak(connection)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(subsystem="sorm")


@pytest.mark.parametrize("wanted", [{}, {"command": "id"}])
async def test_a_shell_or_a_command_is_refused_in_words(server: Any, wanted: dict[str, str]) -> None:
    async with await connect(server) as connection:
        result = await connection.run(**wanted)
    assert result.exit_status == 1
    assert "serves the subsystem sorm: ssh -s ... sorm" in str(result.stderr)


async def test_everything_else_is_off(server: Any) -> None:
    async with await connect(server) as connection:
        with pytest.raises(asyncssh.Error):
            await connection.start_sftp_client()
        with pytest.raises(asyncssh.Error):
            await connection.create_process(subsystem="netconf")
        with pytest.raises(asyncssh.Error):
            await connection.open_connection("127.0.0.1", server.address[1])
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 9)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_path("/tmp/sorm-test.sock", "/tmp/sorm-test-2.sock")
        with pytest.raises(asyncssh.Error):
            await asyncssh.scp((connection, "/etc/passwd"), os.devnull)


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "124"},
        {"username": "other.domain"},
        {"password": ""},
        {"password": None, "client_keys": ["key"]},
    ],
)
async def test_the_peer_only_hears_denied(server: Any, switch: Any, wrong: dict[str, Any]) -> None:
    if "client_keys" in wrong:
        wrong = wrong | {"client_keys": [asyncssh.generate_private_key("ssh-ed25519")]}
    with pytest.raises(asyncssh.PermissionDenied) as denied:
        await connect(server, **wrong)
    assert "domain" not in str(denied.value).replace(f"user {wrong.get('username', 'test.domain')}", "")
    assert switch.sessions == []


async def test_a_denied_login_is_logged_with_peer_and_reason(
    server: Any, switch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        await connect(server, password="hush")
    assert f"{switch.logins[0][2]}: login as 'test.domain' denied: wrong password" in caplog.text
    assert "hush" not in caplog.text


async def test_one_connection_has_a_few_tries(server: Any, switch: Any) -> None:
    class Guesser(asyncssh.SSHClient):
        def password_auth_requested(self) -> str:
            return "guess"

    with pytest.raises(asyncssh.PermissionDenied):
        await connect(server, password=None, client_factory=Guesser)
    assert len(switch.logins) == TRIES


async def test_failed_logins_of_one_address_are_paced(new_server: Any) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    server = await new_server(clock=lambda: 1000.0, sleep=pause)
    for _ in range(8):
        with pytest.raises(asyncssh.PermissionDenied):
            await connect(server, password="guess")
    assert pauses == [1, 2, 3]


async def test_a_right_password_gets_in_after_a_bounded_wait_whatever_its_address_has_guessed(
    new_server: Any,
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    server = await new_server(clock=lambda: 1000.0, sleep=pause, login_wait=3.0)
    for _ in range(20):
        with pytest.raises(asyncssh.PermissionDenied):
            await connect(server, password="guess")
    async with await connect(server):
        assert pauses[-1] == max(pauses) == 3.0
    assert server.counters["logins delayed"] == 16


async def test_who_waits_for_its_password_to_be_looked_at_is_not_dropped_for_newcomers(
    new_server: Any,
) -> None:
    due = asyncio.Event()
    waiting = asyncio.Event()

    async def pause(seconds: float) -> None:
        waiting.set()
        await due.wait()

    server = await new_server(clock=lambda: 1000.0, sleep=pause)
    strangers = []
    try:
        for _ in range(5):
            with pytest.raises(asyncssh.PermissionDenied):
                await connect(server, password="guess")
        right = asyncio.ensure_future(connect(server))
        await asyncio.wait_for(waiting.wait(), 20)
        for _ in range(MOST_UNAUTHENTICATED + 5):
            reader, writer = await asyncio.open_connection(*server.address)
            strangers.append(writer)
            await reader.readline()  # the server's greeting
        assert server.counters["strangers dropped"] > 0
        due.set()
        async with await asyncio.wait_for(right, 20):
            assert server.counters["logins"] == 1
    finally:
        due.set()
        for writer in strangers:
            writer.close()


def test_no_try_waits_longer_than_the_longest_wait() -> None:
    pacer = LoginPacer(burst=2, interval=1, longest=4)
    waits = [pacer.delay("a", 0.1 * number) for number in range(1000)]
    assert max(waits) == pytest.approx(4)
    assert pacer.delay("a", 100 + 4 + 2) == 0


async def test_the_reason_of_a_disconnection_forges_no_line_of_the_log(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """SSH_MSG_DISCONNECT before the login, with a line feed and an escape sequence in its reason."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    class Rude(asyncssh.SSHClient):
        def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
            self.conn = conn

        def password_auth_requested(self) -> str | None:
            self.conn.disconnect(asyncssh.DISC_PROTOCOL_ERROR, "bye\n[info] root logged in\x1b[2J")
            return None

    class Reader(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "disconnected" in record.getMessage() and not told.done():
                told.set_result(record.getMessage())

    caplog.set_level("INFO")
    reader = Reader()
    logging.getLogger("ssh_control.server").addHandler(reader)
    try:
        with contextlib.suppress(asyncssh.Error):
            await connect(server, password=None, client_factory=Rude)
        line = await asyncio.wait_for(told, 20)
    finally:
        logging.getLogger("ssh_control.server").removeHandler(reader)
    assert "bye\\n[info] root logged in\\x1b[2J" in line
    assert line.isprintable()


def test_right_passwords_cost_nothing_and_time_forgives() -> None:
    pacer = LoginPacer(burst=2, interval=1)
    for _ in range(100):
        assert pacer.delay("a", 0) == 0
        pacer.succeeded("a")
    assert [pacer.delay("a", 0) for _ in range(4)] == [0, 0, 1, 2]
    assert pacer.delay("b", 0) == 0
    assert pacer.delay("a", 100) == 0


def test_the_pacer_forgets_addresses_whose_time_has_run_out() -> None:
    pacer = LoginPacer()
    for number in range(10_000):
        pacer.delay(f"10.0.{number // 256}.{number % 256}", float(number))
    assert len(pacer._booked) <= 4096 + 1


async def test_a_reader_that_does_not_read_is_not_asked_for_more(server: Any, switch: Any) -> None:
    # Requests for three megabytes of replies, and nobody who reads them.
    switch.trunks = 200
    async with await connect(server) as connection:
        process = await connection.create_process(subsystem="sorm", encoding=None, window=65536)
        process.stdin.write(HELLO)
        await answer(process)
        process.stdout.channel.pause_reading()
        request = b'{"seq":1,"op":"trunks","params":{"trunk":null}}\n'
        process.stdin.write(request * 64)
        # A second session of the same connection is served after all that was to be served in the first.
        other = await speak(connection)
        other.stdin.write(PING)
        await answer(other)
        served = sum(request.op == "trunks" for request in switch.requests)
        assert 0 < served < 16
        process.stdout.channel.resume_reading()
        for _ in range(64):
            assert len((await answer(process))["data"]["trunks"]) == 200


async def test_a_reader_that_drowns_in_events_is_cut_off(server: Any, switch: Any) -> None:
    async with await connect(server) as connection:
        process = await connection.create_process(subsystem="sorm", encoding=None, window=65536)
        process.stdin.write(HELLO)
        await answer(process)
        process.stdout.channel.pause_reading()
        session = switch.sessions[0]
        told = 0
        while session.ended == 0 and told < 3 * MOST_UNREAD:
            session.notify({"event": "noise", "text": "x" * 100_000})
            told += 100_000
            await asyncio.sleep(0)
        await switch.until(lambda: session.ended == 1)
        assert server.counters["slow readers"] == 1
        session.notify({"event": "after the end"})


async def test_a_reply_of_several_megabytes_becomes_a_refusal(server: Any, switch: Any) -> None:
    switch.trunks = 20_000
    async with await connect(server) as connection:
        process = await speak(connection)
        process.stdin.write(b'{"seq":1,"op":"trunks","params":{"trunk":null}}\n')
        assert (await answer(process))["code"] == 0x10


async def test_an_error_of_the_switch_ends_that_connection_alone_and_is_logged(
    server: Any, switch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with await connect(server) as one, await connect(server) as other:
        broken, sound = await speak(one), await speak(other)

        def fails(request: Request) -> Any:
            raise ZeroDivisionError("a bug of the switch")

        switch.sessions[0].handle = fails
        broken.stdin.write(PING)
        async with asyncio.timeout(20):
            await broken.wait_closed()
        sound.stdin.write(PING)
        assert (await answer(sound))["ok"] is True
    assert "a bug of the switch" in caplog.text


async def test_octets_that_are_no_ssh_do_not_stop_the_server(server: Any) -> None:
    for noise in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100_000, b"SSH-2.0-x\r\n" + b"\x00" * 1000):
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(noise)
        if writer.can_write_eof():
            writer.write_eof()
        async with asyncio.timeout(20):
            try:
                await reader.read()
            except ConnectionResetError:
                reader.feed_eof()
        writer.close()
    async with await connect(server) as connection:
        await speak(connection)


async def test_close_ends_all_sessions(new_server: Any, switch: Any) -> None:
    server = await new_server()
    connection = await connect(server)
    await speak(connection)
    await server.close()
    async with asyncio.timeout(20):
        await connection.wait_closed()
    assert switch.sessions[0].ended == 1
    with pytest.raises(OSError, match="Connect"):
        await connect(server)
    await server.close()


async def test_a_port_in_use_is_an_oserror(server: Any, switch: Any) -> None:
    with pytest.raises(OSError, match="in use"):
        await SormServer(switch, *server.address).start()


async def test_the_key_file_is_made_once_for_its_owner_alone(switch: Any, tmp_path: Path) -> None:
    path = tmp_path / "host_key"
    first = SormServer(switch, "127.0.0.1", 0, str(path)).public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    server = SormServer(switch, "127.0.0.1", 0, path)
    assert server.public_key == first
    # Read once: a server goes on with its key whatever becomes of the file.
    path.unlink()
    server.address = await server.start()  # type: ignore[attr-defined]
    async with await connect(server) as connection:
        await speak(connection)
    await server.close()


async def test_the_kernel_asks_a_silent_peer_whether_it_is_there(server: Any) -> None:
    async with await connect(server):
        (connection,) = server._connections
        sock = connection.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [sock.getsockopt(socket.IPPROTO_TCP, one) for one in options] == [KEEPALIVE, KEEPALIVE, 3]


def test_a_host_key_that_others_may_read_is_refused(switch: Any, tmp_path: Path) -> None:
    path = tmp_path / "host_key"
    SormServer(switch, "127.0.0.1", 0, path)
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(KeyProblem, match=f"others may read this private key: chmod 600 {path}$"):
            SormServer(switch, "127.0.0.1", 0, path)
    path.chmod(0o400)
    SormServer(switch, "127.0.0.1", 0, path)


def test_a_credential_of_systemd_is_private_with_the_mode_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It belongs to root, and an access list lets the service read it, which shows as a right of the group."""
    path = tmp_path / "credential"
    path.write_text("x")
    path.chmod(0o440)
    assert open_to_others(path) == "0440"
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert open_to_others(path) == ""
    path.chmod(0o444)
    assert open_to_others(path) == "0444"


def test_a_key_file_that_can_not_be_used_is_named(switch: Any, tmp_path: Path) -> None:
    path = tmp_path / "host_key"
    path.write_text("no key")
    with pytest.raises(KeyProblem, match=f"host key {path}"):
        SormServer(switch, "127.0.0.1", 0, path)
    with pytest.raises(KeyProblem, match="can't be made"):
        SormServer(switch, "127.0.0.1", 0, tmp_path / "missing" / "host_key")


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
def test_a_key_is_pinned_as_its_line_or_as_ssh_keyscan_shows_it(kind: str) -> None:
    line = public_line(asyncssh.generate_private_key(kind))
    assert len(line.split()) == 2
    for written in (line, f"{line} comment here", f"[127.0.0.1]:7777 {line}\n"):
        assert public_line(pinned_key(written)) == line


async def test_many_who_never_log_in_make_room_for_one_who_does(server: Any) -> None:
    async with await connect(server) as mediator:
        silent = [await asyncio.open_connection(*server.address) for _ in range(MOST_UNAUTHENTICATED + 20)]
        async with asyncio.timeout(20):
            for reader, _ in silent[:20]:  # the oldest: the version of the server, and the end
                await reader.read()
        async with await connect(server) as another:
            process = await speak(another)
            process.stdin.write(PING)
            assert (await answer(process))["ok"] is True
        process = await speak(mediator)
        process.stdin.write(PING)
        assert (await answer(process))["ok"] is True
        assert server.counters["strangers dropped"] == 21
        for _, writer in silent:
            writer.close()


ELSEWHERE = {"local_addr": ("127.0.0.2", 0)}
"""Another address of this machine."""


async def greeted(server: Any, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has had the server's greeting, and logs in no further."""
    reader, writer = await asyncio.open_connection(*server.address, **options)
    await asyncio.wait_for(reader.readline(), 20)
    return reader, writer


async def test_strangers_of_one_address_leave_those_of_another_alone(
    new_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = await new_server(limits=ConnectionLimits(logins=4, table="switch."))
    first = await greeted(server, **ELSEWHERE)
    crowd = [await greeted(server) for _ in range(10)]
    for reader, _ in crowd[:7]:
        await asyncio.wait_for(reader.read(), 20)
    assert server.counters["strangers dropped"] == 7
    assert server.unauthenticated == 4
    first[1].write(b"SSH-2.0-somebody\r\n")
    assert await asyncio.wait_for(first[0].read(4), 20)  # the server goes on with it
    assert "127.0.0.1: dropped: it has not logged in, like 4 others (switch.logins)" in caplog.text
    for _, writer in (first, *crowd):
        writer.close()


async def test_guessers_whose_passwords_are_delayed_do_not_keep_out_another_address(new_server: Any) -> None:
    due = asyncio.Event()

    async def pause(seconds: float) -> None:
        await due.wait()

    server = await new_server(clock=lambda: 1000.0, sleep=pause, limits=ConnectionLimits(logins=4))
    for _ in range(5):
        with pytest.raises(asyncssh.PermissionDenied):
            await connect(server, password="guess")
    guesses = [asyncio.ensure_future(connect(server, password="guess")) for _ in range(4)]
    async with asyncio.timeout(20):
        while server.counters["logins delayed"] < 4:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)
    async with await asyncio.wait_for(connect(server, **ELSEWHERE), 20):
        assert server.counters["strangers dropped"] == 1
    due.set()
    for outcome in await asyncio.gather(*guesses, return_exceptions=True):
        assert isinstance(outcome, asyncssh.Error | OSError)


@pytest.mark.parametrize(
    ("limits", "key"),
    [
        (ConnectionLimits(connections=2, table="switch."), "switch.connections)"),
        (ConnectionLimits(of_address=2, table="switch."), "switch.connections_per_address)"),
    ],
)
async def test_connections_that_have_logged_in_are_bounded(
    new_server: Any, switch: Any, caplog: pytest.LogCaptureFixture, limits: ConnectionLimits, key: str
) -> None:
    server = await new_server(limits=limits)
    one, two = await connect(server), await connect(server)
    async with await connect(server) as third:
        await asyncio.wait_for(third.wait_closed(), 20)
    assert key in caplog.text
    assert server.counters["connections over the limit"] == 1
    if limits.of_address == 2:
        async with await connect(server, **ELSEWHERE) as other:
            await speak(other)
    one.close()
    await one.wait_closed()
    async with asyncio.timeout(20):
        while server.authenticated_connections > 1:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)
    async with await connect(server) as again:
        await speak(again)
    two.close()


async def test_what_waits_for_a_mediator_that_does_not_read_is_shown(server: Any, switch: Any) -> None:
    async with await connect(server) as connection:
        process = await connection.create_process(subsystem="sorm", encoding=None, window=65536)
        process.stdin.write(HELLO)
        await answer(process)
        assert server.unsent == 0
        process.stdout.channel.pause_reading()
        for _ in range(4):
            switch.sessions[0].notify({"event": "noise", "text": "x" * 100_000})
        assert server.unsent > 100_000
