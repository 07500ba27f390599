"""Speed of the SSH link, beside OpenSSH's server: the same asyncssh client asks both, in turn.

Lines are ``add`` requests with a whole object. OpenSSH runs ``cat``, which sends each line back; our server reads
it as the dialect, hands it to a backend and replies. Each server is a process of its own. Serial: a line is sent
when the one before it has come back. Pipelined: 64 lines are in flight, each written by itself, as requests that
have nothing to do with each other are. Batched: likewise, but what is due is written at once, so that ``cat`` copies
blocks and the comparison is of a JSON dialogue with a copy; there is no goal for it. Connections are counted from
the TCP connection to the subsystem (or the command) having started, a few side by side.

MultiSORM's fan-out is measured by :mod:`bench.fanout`, whose figures are in this section too.

A third server is asyncssh alone, which sends each line back: what is left to gain without another SSH library.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import hmac
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncssh

from bench import fanout
from sorm_mediator.cli import loops
from ssh_control.dialect import ClientDialect, ClientHello, Notify, Reply, Request
from ssh_control.server import SormServer
from ssh_control.transport import CIPHERS, public_line, without_padding_packets

ROUNDS = 9
SERIAL, PIPELINED, BATCHED, CONNECTIONS = 2000, 4000, 8000, 12
IN_FLIGHT = 64
PARALLEL = 4
PASSWORD = "bench"
_OBJECT = {
    "object_number": 258,
    "object_type": "own-subscriber",
    "number_sign": "own",
    "number": "28331",
    "trunk": None,
    "category": "combined",
    "priority": "normal",
}

Opener = Callable[[], Awaitable[asyncssh.SSHClientConnection]]


class _Asker(asyncssh.SSHClientSession[bytes]):
    """Sends lines, so many in flight, and counts those that come back."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._greeted: asyncio.Future[None] = loop.create_future()
        self._done: asyncio.Future[None] = loop.create_future()
        self._lines: list[bytes] = []
        self._next = self._left = 0
        self._batched = False

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        count = data.count(b"\n")
        if not self._greeted.done():
            self._greeted.set_result(None)
            return
        self._left -= count
        if self._left == 0:
            self._done.set_result(None)
        elif count and self._next < len(self._lines):
            self._send(count)

    async def greet(self, hello: bytes) -> None:
        """Send the hello and wait for the answer (of ``cat``: the hello itself)."""
        self._channel.write(hello)
        await self._greeted

    async def ask(self, lines: list[bytes], in_flight: int, *, batched: bool) -> float:
        """Lines a second."""
        self._batched = batched
        self._done = asyncio.get_running_loop().create_future()
        self._lines, self._next, self._left = lines, 0, len(lines)
        begin = time.perf_counter()
        self._send(in_flight)
        await self._done
        return len(lines) / (time.perf_counter() - begin)

    def _send(self, count: int) -> None:
        lines = self._lines[self._next : self._next + count]
        self._next += count
        for data in [b"".join(lines)] if self._batched else lines:
            self._channel.write(data)


class _Server:
    """One of the servers: how to connect, and what to open in the connection."""

    def __init__(self, port: int, host_key: str, options: dict[str, Any], session: dict[str, Any]) -> None:
        self.port = port
        self._known = asyncssh.import_known_hosts(f"[127.0.0.1]:{port} {host_key}\n")
        self._options, self._session = options, session

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[_Asker]:
        connection = await asyncssh.connect(
            "127.0.0.1",
            self.port,
            config=None,
            known_hosts=self._known,
            encryption_algs=CIPHERS,
            compression_algs=None,
            agent_path=None,
            **self._options,
        )
        without_padding_packets(connection)
        try:
            _, asker = await connection.create_session(_Asker, encoding=None, **self._session)
            assert isinstance(asker, _Asker)
            yield asker
        finally:
            connection.abort()
            await connection.wait_closed()

    async def lines(
        self, hello: bytes, lines: list[bytes], in_flight: int, *, batched: bool = False
    ) -> float:
        async with self.session() as asker:
            await asker.greet(hello)
            return await asker.ask(lines, in_flight, batched=batched)

    async def connections(self, count: int) -> float:
        """Connections a second, a few at a time."""
        left = iter(range(count))

        async def some() -> None:
            for _ in left:
                async with self.session():
                    pass

        begin = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(PARALLEL)))
        return count / (time.perf_counter() - begin)


@contextlib.contextmanager
def _ours(kind: str = "dialect") -> Iterator[_Server]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.ssh", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(PASSWORD + "\n")
        process.stdin.flush()
        port, _, host_key = process.stdout.readline().strip().partition(" ")
        options = {
            "username": "bench",
            "password": PASSWORD,
            "client_keys": None,
            "preferred_auth": "password",
        }
        try:
            yield _Server(int(port), host_key, options, {"subsystem": "sorm"})
        finally:
            process.stdin.close()
            process.wait(timeout=20)


class _NoReference(Exception):  # noqa: N818 - a reason to be shown
    pass


@contextlib.contextmanager
def _openssh() -> Iterator[_Server]:
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if sshd is None:
        raise _NoReference("sshd is not installed: apt install openssh-server")
    if os.geteuid() == 0:
        # Its privilege separation wants this folder, which a service manager makes elsewhere.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        for name, key in (("host", host_key), ("user", user_key)):
            key.write_private_key(f"{folder}/{name}")
            os.chmod(f"{folder}/{name}", 0o600)
        user_key.write_public_key(f"{folder}/authorized")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        Path(folder, "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\n"
            f"PermitRootLogin prohibit-password\nMaxStartups 1000\nPidFile {folder}/pid\n"
        )
        with subprocess.Popen(
            [sshd, "-D", "-e", "-f", f"{folder}/config"], stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            try:
                said = ""
                for line in process.stderr:
                    said += line
                    if "listening" in line:
                        break
                else:
                    raise _NoReference(f"sshd does not start: {said.strip()}")
                options = {
                    "username": getpass.getuser(),
                    "client_keys": [user_key],
                    "preferred_auth": "publickey",
                }
                public = host_key.export_public_key().decode()
                yield _Server(port, public, options, {"command": "cat"})
            finally:
                process.terminate()
                process.stderr.close()
                process.wait(timeout=20)


def _lines(count: int) -> tuple[bytes, list[bytes]]:
    dialect = ClientDialect("bench", "127.0.0.1:1813")
    hello = dialect.take()
    dialect.feed(b'{"hello":"sorm","ok":true,"version":1}\n')
    dialect.next_event()
    lines = []
    for _ in range(count):
        dialect.ask(Request("add", {"object": _OBJECT}))
        lines.append(dialect.take())
    return hello, lines


async def _measure(servers: list[tuple[str, _Server]]) -> dict[str, Any]:
    hello, lines = _lines(BATCHED)
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, server in servers:
            for kind, rate in (
                ("serial", server.lines(hello, lines[:SERIAL], 1)),
                ("pipelined", server.lines(hello, lines[:PIPELINED], IN_FLIGHT)),
                ("batched", server.lines(hello, lines, IN_FLIGHT, batched=True)),
                ("connections", server.connections(CONNECTIONS)),
            ):
                found.setdefault(f"{name}_{kind}_per_s", []).append(await rate)
    return {key: statistics.median(values) for key, values in found.items()}


def run() -> dict[str, Any]:
    """Ratios to OpenSSH (``None`` and a reason when it can't run here) and the rates they are made of."""
    reason = ""
    with contextlib.ExitStack() as stack:
        servers = [(kind, stack.enter_context(_ours(kind))) for kind in ("dialect", "echo")]
        try:
            servers.insert(0, ("openssh", stack.enter_context(_openssh())))
        except _NoReference as missing:
            reason = str(missing)
        rates = loops.run(_measure(servers))
    results: dict[str, Any] = {
        f"{key}_vs_echo": rates[f"dialect_{key}_per_s"] / rates[f"echo_{key}_per_s"]
        for key in ("serial", "pipelined")
    }
    results |= {
        f"{key}_vs_openssh": None if reason else rates[f"dialect_{key}_per_s"] / rates[f"openssh_{key}_per_s"]
        for key in ("serial", "pipelined", "batched", "connections")
    }
    if reason:
        results["reason"] = reason
    return results | fanout.run() | rates


# --- a process of its own: the switch's server
#
# ``python -m bench.ssh dialect|echo`` reads the password, prints its port and public key, ends when its input does.


class _Session:
    server_hello: Mapping[str, Any] = {"switch": "bench"}

    def __init__(self) -> None:
        self._objects: dict[int, dict[str, Any]] = {}

    def handle(self, request: Request) -> Reply:
        controlled = request.params["object"]
        self._objects[controlled["object_number"]] = controlled
        return Reply(True, {"line_state": 0})

    def closed(self) -> None:
        self._objects.clear()


class _Backend:
    def __init__(self, password: str) -> None:
        self._password = password.encode()

    def login(self, user: str, password: str, peer: str) -> str | None:
        return None if hmac.compare_digest(password.encode(), self._password) else "wrong password"

    def open(self, user: str, hello: ClientHello, peer: str, notify: Notify) -> _Session:
        return _Session()


class _Echo(asyncssh.SSHServerSession[bytes]):
    """asyncssh as it is, without a dialect."""

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return True

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._channel.write(data)


class _EchoServer(asyncssh.SSHServer):
    password = ""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return hmac.compare_digest(password, self.password)

    def session_requested(self) -> _Echo:
        return _Echo()


async def _serve_echo() -> None:
    loop = asyncio.get_running_loop()
    _EchoServer.password = sys.stdin.readline().strip()
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=_EchoServer,
        server_host_keys=[key],
        encryption_algs=CIPHERS,
        compression_algs=None,
        line_editor=False,
        encoding=None,
    )
    print(server.get_port(), public_line(key), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = SormServer(_Backend(sys.stdin.readline().strip()), "127.0.0.1", 0)
    _, port = await server.start()
    print(port, server.public_key, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    await server.close()


if __name__ == "__main__":
    loops.run(_serve_echo() if sys.argv[1:] == ["echo"] else _serve())
