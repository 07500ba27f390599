"""OpenSSH's own client reaches the dialect, and is told what else there is not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "123"
Run = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def ssh(server: Any, tmp_path: Path) -> AsyncIterator[Run]:
    """Starts ``ssh`` toward the server; the password comes from a program, never from the command line."""
    if shutil.which("ssh") is None:
        pytest.skip("ssh is not installed: apt install openssh-client")
    ask = tmp_path / "askpass"
    ask.write_text('#!/bin/sh\necho "$SORM_TEST_PASSWORD"\n')
    ask.chmod(0o700)
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{server.address[1]} {server.public_key}\n")
    processes: list[asyncio.subprocess.Process] = []

    async def run(
        *words: str, password: str = PASSWORD, known_hosts: Path = known, display: str = ""
    ) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            "ssh", "-F", "none", "-p", str(server.address[1]), "-o", f"UserKnownHostsFile={known_hosts}",
            "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none",
            "-o", "IdentityFile=none", "-o", "NumberOfPasswordPrompts=1", *words,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=os.environ
            | {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "SORM_TEST_PASSWORD": password}
            | ({"DISPLAY": display} if display else {}),
        )  # fmt: skip
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_dialogue(ssh: Run, switch: Any) -> None:
    process = await ssh("-s", "test.domain@127.0.0.1", "sorm")
    assert process.stdin is not None
    assert process.stdout is not None

    async def ask(**message: Any) -> dict[str, Any]:
        process.stdin.write(json.dumps(message).encode() + b"\n")  # type: ignore[union-attr]
        async with asyncio.timeout(20):
            reply: dict[str, Any] = json.loads(await process.stdout.readline())  # type: ignore[union-attr]
        return reply

    assert await ask(hello="sorm", version=1, mediator="ssh") == {
        "hello": "sorm", "ok": True, "version": 1, "switch": "fake",
    }  # fmt: skip
    assert await ask(seq=1, op="ping") == {"seq": 1, "ok": True, "data": {}}
    assert (await ask(seq=2, op="fly"))["code"] == 0x11
    switch.sessions[0].notify({"event": "line-state", "object_number": 1, "line_state": 0})
    assert json.loads(await process.stdout.readline())["event"] == "line-state"
    process.stdin.close()
    async with asyncio.timeout(20):
        assert await process.wait() == 0
    await switch.until(lambda: switch.sessions[0].ended == 1)


async def test_a_whole_dialogue_at_once(ssh: Run) -> None:
    process = await ssh("-s", "test.domain@127.0.0.1", "sorm")
    lines = b'{"hello":"sorm","version":1}\n' + b"".join(b'{"seq":%d,"op":"ping"}\n' % n for n in range(1000))
    async with asyncio.timeout(20):
        out, _ = await process.communicate(lines)
    assert [json.loads(line).get("seq") for line in out.splitlines()] == [None, *range(1000)]
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("test.domain@127.0.0.1",), b"serves the subsystem sorm"),
        (("-tt", "test.domain@127.0.0.1"), b"serves the subsystem sorm"),
        (("test.domain@127.0.0.1", "id"), b"serves the subsystem sorm"),
        (("-s", "test.domain@127.0.0.1", "sftp"), b"subsystem request failed"),
        (("-s", "other.domain@127.0.0.1", "sorm"), b"Permission denied"),
    ],
)
async def test_anything_else_is_refused(ssh: Run, words: tuple[str, ...], said: bytes) -> None:
    process = await ssh(*words)
    async with asyncio.timeout(20):
        _, errors = await process.communicate()
    assert said in errors
    assert process.returncode != 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-W", "127.0.0.1:9"), b"administratively prohibited|open failed"),
        (("-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9"), b"remote port forwarding failed"),
        (("-N", "-o", "ExitOnForwardFailure=yes", "-R", "{folder}/r.sock:127.0.0.1:9"), b"forwarding failed"),
        (("-N", "-o", "ExitOnForwardFailure=yes", "-w", "any"), b"[Tt]unnel"),
    ],
    ids=["tcp", "remote tcp", "remote socket", "tunnel"],
)
async def test_no_way_leads_through_the_server(
    ssh: Run, tmp_path: Path, words: tuple[str, ...], said: bytes
) -> None:
    process = await ssh(*(one.format(folder=tmp_path) for one in words), "test.domain@127.0.0.1")
    async with asyncio.timeout(20):
        _, errors = await process.communicate()
    assert re.search(said, errors), errors
    assert not (tmp_path / "r.sock").exists()


async def test_a_local_socket_leads_nowhere(ssh: Run, tmp_path: Path, server: Any) -> None:
    """A stream-local forwarding is asked of the server at its first use: it is refused there."""
    near, far = tmp_path / "near.sock", tmp_path / "far.sock"
    reached: list[object] = []
    async with await asyncio.start_unix_server(lambda *pair: reached.append(pair), far):
        process = await ssh("-v", "-N", "-L", f"{near}:{far}", "test.domain@127.0.0.1")
        assert process.stderr is not None
        async with asyncio.timeout(20):
            while b"Entering interactive session" not in await process.stderr.readline():
                pass
            reader, writer = await asyncio.open_unix_connection(near)
            writer.write(b"x")
            with contextlib.suppress(
                ConnectionResetError, BrokenPipeError
            ):  # ssh ends it, with the rest unread or not
                assert await reader.read() == b""
        writer.close()
        process.terminate()
    assert reached == []


async def test_no_agent_and_no_x11(ssh: Run, tmp_path: Path) -> None:
    """What ssh asks for is denied; the dialect goes on."""
    process = await ssh(
        "-v", "-A", "-X", "-o", "ForwardX11Timeout=0", "-s", "test.domain@127.0.0.1", "sorm", display=":99"
    )
    async with asyncio.timeout(20):
        out, errors = await process.communicate(b'{"hello":"sorm","version":1}\n')
    assert json.loads(out)["ok"] is True
    assert b"X11 forwarding request failed" in errors or b"No xauth" in errors


async def test_it_is_refused_with_weak_algorithms_alone(ssh: Run) -> None:
    """OpenSSH has some of them still, and names what it finds."""
    for words in (
        ("-o", "KexAlgorithms=diffie-hellman-group14-sha1"),
        ("-o", "Ciphers=aes128-cbc"),
        ("-o", "Ciphers=aes128-ctr", "-o", "MACs=hmac-sha1"),
    ):
        process = await ssh(*words, "-s", "test.domain@127.0.0.1", "sorm")
        async with asyncio.timeout(20):
            _, errors = await process.communicate()
        assert b"no matching" in errors, errors
        assert process.returncode == 255


async def test_a_wrong_password(ssh: Run, switch: Any) -> None:
    process = await ssh("-s", "test.domain@127.0.0.1", "sorm", password="124")
    async with asyncio.timeout(20):
        _, errors = await process.communicate()
    assert b"Permission denied" in errors
    assert b"wrong" not in errors
    assert [password for _, password, _ in switch.logins] == ["124"]


async def test_another_host_key_stops_openssh_too(ssh: Run, switch: Any, tmp_path: Path, server: Any) -> None:
    other = tmp_path / "other"
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIFVAFbrLUB0e+Bu4Zhkj3W+yP92qNGAwPC6OARTcb1Ol"
    other.write_text(f"[127.0.0.1]:{server.address[1]} ssh-ed25519 {blob}\n")
    process = await ssh("-s", "test.domain@127.0.0.1", "sorm", known_hosts=other)
    async with asyncio.timeout(20):
        _, errors = await process.communicate()
    assert b"Host key verification failed" in errors
    assert switch.logins == []
