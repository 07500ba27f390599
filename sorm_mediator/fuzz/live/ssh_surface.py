"""The switch's SSH server as a mediator, a wrong mediator and a stranger reach it.

The model is the connection (none, logged in, a session, greeted), and the numbers of its requests. A session is opened
under another accounting sink or another name than the judge's mediator, so it has objects of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from contextlib import suppress
from typing import Any, Final

import asyncssh

from sorm_mediator.addresses import host_port
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live.action import Action, ActionError
from sorm_mediator.fuzz.live.commands import secret
from sorm_mediator.fuzz.live.surface import Breach, drawn
from sorm_mediator.fuzz.live.target import Gateway
from sorm_mediator.fuzz.live.watching import FORGED, listener, memory
from sorm_mediator.fuzz.live.wire import Wire
from ssh_control.dialect import ServerDialect
from ssh_control.transport import CIPHERS

NAME: Final = "ssh"
LOGIN_SLACK: Final = 5.0
"""Seconds for a right login, beside what wrong ones may have cost (``switch.login_wait``)."""
OWN_SINK: Final = "127.0.0.1:9"
"""The accounting sink of the mediator that is played here, which a lab that is started for it has in each domain."""
ANSWERED_WITHIN: Final = 3.0
BURST_FOR: Final = 1.0
"""Seconds of many wrong logins before the next action."""
UNENDED_WITHIN: Final = 60.0
"""Seconds for the syncs that have no end."""
ROWS: Final = 150
"""Objects in a line: some 180,000 octets, so that a line is not too long."""
MOST_ROWS: Final = 60_000
"""Objects in the syncs of one session: as many as there are numbers, nearly."""
MORE_HELD: Final = 200 * 1024 * 1024
"""Octets that a process has more while one mediator does not end its syncs, and are too many (our choice)."""
SHELL_WITHIN: Final = 1.5
"""Seconds for the prompt that follows a line."""
_LOG: Final = "asyncssh"
OPS: Final = ("add", "change", "remove", "join", "sync", "clear", "services", "trunks", "ping", "fly", "")


class SshSurface:
    """The switch's port for mediators."""

    name = NAME
    takes_console = False
    changes_tables = False

    def __init__(self, gateway: Gateway) -> None:
        assert gateway.ssh is not None
        self._address = gateway.ssh
        self._user = gateway.config.ssh.user
        self._password = gateway.config.ssh.password.get_secret_value()
        self._wait = gateway.config.switch.login_wait if gateway.config.switch is not None else 5.0
        self._connection: asyncssh.SSHClientConnection | None = None
        self._process: asyncssh.SSHClientProcess[bytes] | None = None
        self._held: list[Wire] = []
        self._trying: list[asyncio.Task[None]] = []
        self._admin = ("", "")
        self._sinks: tuple[str, ...] = ()
        if (switch := gateway.config.switch) is not None:
            self._admin = switch.admin.user, switch.admin.password.get_secret_value()
        if gateway.radius is not None:
            self._sinks = (host_port(*gateway.radius),)
        self._greeted = False
        self._sequence = 0
        self._secrets: set[str] = set()
        self._guessed_from: dict[str, None] = {}
        """The addresses that wrong passwords of this round came from."""
        self._gateway = gateway
        logging_off()

    def begin(self) -> None:
        self._greeted, self._sequence = False, 0
        self._secrets, self._guessed_from = set(), {}

    # --- drawing

    def draw(self, rng: random.Random) -> Action:
        if self._process is None:
            kinds = {
                self._draw_login: 8,
                self._draw_wrong_login: 3,
                self._draw_burst: 1,
                self._draw_impostor: 2,
                self._draw_unended: 2,
                self._draw_shell: 3,
                self._draw_raw: 4,
                self._draw_disconnect: 2,
                self._draw_other_channel: 2,
                self._draw_hold: 1,
            }
        elif not self._greeted:
            kinds = {
                self._draw_hello: 6,
                self._draw_odd_hello: 3,
                self._draw_request: 2,
                self._draw_line: 2,
                self._draw_end: 1,
            }
        else:
            kinds = {
                self._draw_request: 10,
                self._draw_line: 4,
                self._draw_hello: 1,
                self._draw_other_channel: 1,
                self._draw_end: 1,
            }
        return drawn(rng, kinds)(rng)

    def _draw_login(self, rng: random.Random) -> Action:
        return Action(NAME, "login", {})

    def _draw_wrong_login(self, rng: random.Random) -> Action:
        word = secret(rng)
        user = rng.choice((self._user, "nobody", "admin", "a" * 3000, "\x1b[31m\nx"))
        values = {
            "user": user,
            "secrets": [word],
            "times": rng.choice((1, 1, 4)),
            "from": self._stranger(rng),
        }
        return Action(NAME, "wrong_login", values)

    def _stranger(self, rng: random.Random) -> str:
        """An address that has tried no password yet: what guesses cost is the affair of the address. Else ""."""
        loopback = self._address[0].startswith("127.")
        return f"127.{rng.randrange(1, 255)}.{rng.randrange(256)}.{rng.randrange(1, 255)}" if loopback else ""

    def _draw_burst(self, rng: random.Random) -> Action:
        """Many wrong passwords at the same time, which go on while the right one is tried."""
        word = secret(rng)
        times = rng.choice((20, 60, 150))
        values = {"user": self._user, "secrets": [word], "times": times, "from": self._stranger(rng)}
        return Action(NAME, "burst", values)

    def _draw_impostor(self, rng: random.Random) -> Action:
        """The domain's password, with the accounting sink of the mediator that is connected, and no objects."""
        hello = {"hello": "sorm", "version": 1, "mediator": "fuzz", "radius": self._sink(rng)}
        request = {"seq": 1, "op": "sync", "params": {"objects": [], "first": True, "last": True}}
        lines = [
            json.dumps(one).encode() + b"\n"
            for one in (hello, rng.choice((request, {"seq": 1, "op": "clear"})))
        ]
        return Action(NAME, "impostor", {"hex": b"".join(lines).hex()})

    def _sink(self, rng: random.Random) -> str:
        return rng.choice(self._sinks or (OWN_SINK,))

    def _draw_unended(self, rng: random.Random) -> Action:
        """Objects in syncs whose last part never comes, in several sessions of one mediator."""
        return Action(NAME, "unended", {"times": rng.choice((2, 8))})

    def _draw_shell(self, rng: random.Random) -> Action:
        """Lines for the shell, each of which is answered with a prompt."""
        lines = [_shell_line(rng, self._user) for _ in range(rng.choice((1, 5, 20)))]
        return Action(NAME, "shell", {"hex": "".join(one + "\n" for one in lines).encode().hex()})

    def _draw_raw(self, rng: random.Random) -> Action:
        data = rng.choice(
            (
                b"\n" * 5000, b"SSH-1.0-old\r\n", b"SSH-2.0-" + b"x" * 5000 + b"\r\n", rng.randbytes(800),
                b"SSH-2.0-x\r\n" + rng.randbytes(300), b"SSH-2.0-x\r\n" + b"\xff\xff\xff\xff" * 20, b"",
                b"SSH-2.0-\x1b[31m\r\n", b"GET / HTTP/1.1\r\n\r\n",
            )
        )  # fmt: skip
        return Action(NAME, "raw", {"hex": data.hex(), "keep": rng.random() < 0.3})

    def _draw_disconnect(self, rng: random.Random) -> Action:
        """SSH_MSG_DISCONNECT before the keys are exchanged (RFC 4253, 11.1), with a reason that wants to be a line."""
        reason = rng.choice((f"\n{FORGED} all is well", f"\r\n{FORGED} \x1b[31m")).encode()
        payload = b"\x01" + (11).to_bytes(4, "big") + len(reason).to_bytes(4, "big") + reason + bytes(4)
        padding = 8 - (len(payload) + 5) % 8
        padding += 8 if padding < 4 else 0
        packet = (len(payload) + padding + 1).to_bytes(4, "big") + bytes([padding]) + payload + bytes(padding)
        return Action(NAME, "raw", {"hex": (b"SSH-2.0-fuzz\r\n" + packet).hex(), "keep": False})

    def _draw_hold(self, rng: random.Random) -> Action:
        return Action(NAME, "hold", {"hex": b"SSH-2.0-x\r\n".hex(), "times": rng.choice((5, 80))})

    def _draw_other_channel(self, rng: random.Random) -> Action:
        what = rng.choice(("shell", "sftp", "exec", "forward", "pty"))
        return Action(NAME, "other_channel", {"what": what})

    def _draw_hello(self, rng: random.Random) -> Action:
        return self._line({"hello": "sorm", "version": 1, "mediator": "fuzz", "radius": OWN_SINK})

    def _draw_odd_hello(self, rng: random.Random) -> Action:
        values: dict[str, Any] = {"hello": "sorm", "version": 1, "mediator": "fuzz", "radius": OWN_SINK}
        key = rng.choice((*values, "rtp", "min_version"))
        values[key] = rng.choice(
            (None, 0, -1, 10**30, "", "x" * 5000, "\x1b[31m\n", [], {}, "[::1]:99999", True)
        )
        return self._line(values)

    def _draw_request(self, rng: random.Random) -> Action:
        self._sequence = rng.choice((self._sequence + 1, self._sequence + 1, self._sequence, 0, -1, 2**53))
        op = rng.choice(OPS)
        return self._line(
            {"seq": self._sequence, "op": op, "params": _params(rng, op)}, rng.choice((1, 1, 1, 200))
        )

    def _draw_line(self, rng: random.Random) -> Action:
        data = rng.choice(
            (
                b"{}\n", b"[]\n", b"\n" * 2000, b"{", b"a" * 300_000 + b"\n", b"[" * 2000 + b"\n", b"\xff\n", b"\x00\n",
                b'{"seq":1,"op":"ping","params":{},"cause":"\\u001b[31m\\n"}\n', b'{"seq":NaN}\n',
                b'{"seq":' + b"9" * 5000 + b',"op":"ping"}\n', b'{"seq":1,"op":"ping","params":"\\ud800"}\n',
                rng.randbytes(100),
            )
        )  # fmt: skip
        return Action(NAME, "line", {"hex": data.hex(), "times": rng.choice((1, 1, 20))})

    def _draw_end(self, rng: random.Random) -> Action:
        return Action(NAME, rng.choice(("eof", "cut")), {})

    def _line(self, document: Any, times: int = 1) -> Action:
        return Action(NAME, "line", {"hex": (json.dumps(document).encode() + b"\n").hex(), "times": times})

    # --- doing

    async def do(self, action: Action) -> list[Breach]:
        self._secrets.update(action.values.get("secrets", ()))
        try:
            usual = self._wait + LOGIN_SLACK + 5.0
            async with asyncio.timeout(UNENDED_WITHIN if action.kind == "unended" else usual):
                return await self._done(action)
        except (asyncssh.Error, OSError, ValueError, TimeoutError) as error:
            if isinstance(error, ActionError):
                raise
            # What is wrong is refused; whether the right one is served, the end of the round tells.
            await self._cut()
        return []

    async def _done(self, action: Action) -> list[Breach]:
        match action.kind:
            case "login":
                await self._cut()
                self._connection = await self._connect(self._user, self._password)
                subsystem = ServerDialect().subsystem
                self._process = await self._connection.create_process(subsystem=subsystem, encoding=None)
            case "wrong_login":
                await self._wrong(action)
            case "burst":
                self._note_wrong(action)
                wrong = action.changed(times=1)
                self._trying += [asyncio.create_task(self._wrong_one(wrong)) for _ in range(action.times)]
                await asyncio.sleep(BURST_FOR)
            case "impostor":
                await self._impostor(action.octets)
            case "unended":
                return await self._unended(action.times)
            case "shell":
                return await self._shell(action.octets)
            case "raw" | "hold":
                await self._raw(action)
            case "line":
                await self._write(action.octets * action.times)
            case "other_channel":
                await self._other(action.values["what"])
            case "eof":
                if self._process is not None:
                    self._process.stdin.write_eof()
                    self._process = None
            case "cut":
                await self._cut()
            case _:
                raise ActionError(f"{action.kind!r} is no action of {NAME}")
        return []

    async def _connect(self, user: str, password: str, own: str = "") -> asyncssh.SSHClientConnection:
        """``own``: the address that it comes from."""
        return await asyncssh.connect(
            *self._address, username=user, password=password, known_hosts=None, config=None, client_keys=None,
            agent_path=None, preferred_auth="password", encryption_algs=CIPHERS, compression_algs=None,
            local_addr=(own, 0) if own else None,
        )  # fmt: skip

    def _note_wrong(self, action: Action) -> None:
        """From where a wrong password is tried: the right one is to be admitted from there."""
        self._guessed_from[str(action.values.get("from", ""))] = None

    async def _wrong(self, action: Action) -> None:
        self._note_wrong(action)
        for word in list(action.values["secrets"]) * action.times:
            try:
                (await self._connect(action.values["user"], word, action.values.get("from", ""))).abort()
            except asyncssh.PermissionDenied:
                continue

    async def _wrong_one(self, action: Action) -> None:
        with suppress(asyncssh.Error, OSError):
            await self._wrong(action)

    async def _impostor(self, lines: bytes) -> None:
        async with (
            await self._connect(self._user, self._password) as connection,
            connection.create_process(subsystem=ServerDialect().subsystem, encoding=None) as process,
        ):
            for line in lines.splitlines(keepends=True):
                process.stdin.write(line)
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await process.stdout.readline()

    async def _session(
        self, connection: asyncssh.SSHClientConnection, name: str
    ) -> asyncssh.SSHClientProcess[bytes] | None:
        """A session under a sink of its own, else under that of the mediator; None where neither is admitted."""
        for sink in (OWN_SINK, *self._sinks):
            process = await connection.create_process(subsystem=ServerDialect().subsystem, encoding=None)
            hello = {"hello": "sorm", "version": 1, "mediator": name, "radius": sink}
            process.stdin.write(json.dumps(hello).encode() + b"\n")
            if _is_ok(await process.stdout.readline()):
                return process
        return None

    async def _unended(self, sessions: int) -> list[Breach]:
        """What the switch keeps for a mediator that does not end its syncs is bounded, whatever is in the rows."""
        pid = await asyncio.to_thread(listener, self._address[1])
        before = memory(pid) if pid is not None and pid != os.getpid() else None
        if pid is None or before is None:
            return []
        async with await self._connect(self._user, self._password) as connection:
            for number in range(sessions):
                process = await self._session(connection, "fuzz-unended")
                if process is None:
                    return []
                for sequence in range(MOST_ROWS // ROWS):
                    process.stdin.write(_unended_line(sequence))
                    if not _is_ok(await process.stdout.readline()):
                        break  # refused, or the session has ended: there is a limit
                more = (memory(pid) or 0) - before
                if more > MORE_HELD:
                    text = f"syncs without an end in {number + 1} sessions of a mediator hold {more >> 20} MB"
                    return [Breach("process", Kind.MEMORY, "unended syncs", text)]
        return []

    async def _shell(self, lines: bytes) -> list[Breach]:
        """Each line is answered with a prompt: a session outlives a command that is refused."""
        if not self._admin[0]:
            return []
        async with (
            await self._connect(*self._admin) as connection,
            connection.create_process(term_type="dumb", encoding=None) as process,
        ):
            await _until_quiet(process, b"$ ")
            for line in lines.splitlines(keepends=True):
                process.stdin.write(line.replace(b"\n", b"\r"))
                answer = await _until_quiet(process, b"$ ")
                if process.stdout.at_eof():
                    text = f"the session of the shell ended at {line[:80]!a}: {answer[-80:]!a}"
                    return [Breach("ssh login", Kind.NO_ANSWER, "shell", text)]
        return []

    async def _raw(self, action: Action) -> None:
        for _ in range(action.times):
            wire = await Wire.open(self._address)
            if wire is None:
                return
            await wire.write(action.octets)
            self._held.append(wire)
            if action.kind == "raw" and not action.values.get("keep"):
                await wire.news(0.2)
                await wire.close()

    async def _write(self, data: bytes) -> None:
        process = self._process
        if process is None:
            return
        process.stdin.write(data)
        try:
            async with asyncio.timeout(0.3):
                answer = await process.stdout.read(65_536)
                self._greeted = self._greeted or _is_ok(answer)
                if not answer:
                    await self._cut()
        except TimeoutError:
            return

    async def _other(self, what: str) -> None:
        """Channels that a mediator has no business with; each is refused, or ends."""
        connection = self._connection or await self._connect(self._user, self._password)
        self._connection = connection
        match what:
            case "forward":
                await connection.open_connection("127.0.0.1", 1)
            case "sftp":
                await connection.create_process(subsystem="sftp", encoding=None)
            case "exec":
                await connection.create_process("id", encoding=None)
            case "pty":
                await connection.create_process(term_type="xterm", term_size=(0, 2**31), encoding=None)
            case _:
                await connection.create_process(encoding=None)

    async def _cut(self) -> None:
        connection, self._connection, self._process = self._connection, None, None
        self._greeted = False
        if connection is not None:
            connection.abort()
            await connection.wait_closed()

    async def settle(self) -> list[Breach]:
        await self._cut()
        try:
            return await self._settled()
        finally:
            trying, self._trying = self._trying, []
            for task in trying:
                task.cancel()
            await asyncio.gather(*trying, return_exceptions=True)

    async def _settled(self) -> list[Breach]:
        held, self._held = self._held, []
        for wire in held:
            await wire.reset()
        if held:
            self._guessed_from.setdefault("")
        for own in self._guessed_from:
            if found := await self._right_login(own):
                return found
        return []

    async def _right_login(self, own: str) -> list[Breach]:
        """After wrong ones the right password is admitted, from the same address: as a mediator would, it connects anew
        where a connection is ended, since one that has not logged in goes when there are too many."""
        began, within = time.monotonic(), self._wait + LOGIN_SLACK
        connection: asyncssh.SSHClientConnection | None = None
        try:
            async with asyncio.timeout(within):
                while connection is None:
                    with suppress(asyncssh.ConnectionLost, ConnectionResetError):
                        connection = await self._connect(self._user, self._password, own)
        except (asyncssh.Error, OSError, TimeoutError) as error:
            text = f"the right password is not admitted within {within:g} s: {error or type(error).__name__}"
            return [Breach("ssh login", Kind.NO_ANSWER, "login", text)]
        connection.abort()
        await connection.wait_closed()
        took = time.monotonic() - began
        return (
            []
            if took <= within
            else [Breach("ssh login", Kind.LATE_ANSWER, "login", f"a login took {took:.1f} s")]
        )

    def secrets(self) -> frozenset[str]:
        return frozenset(self._secrets)


def _is_ok(answer: bytes) -> bool:
    """Whether an answer of the dialect takes what was asked."""
    return b'"ok":true' in answer.replace(b" ", b"")


async def _until_quiet(process: asyncssh.SSHClientProcess[bytes], prompt: bytes) -> bytes:
    """What comes up to the prompt, or the end, or for as long as a line may take."""
    answer = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(SHELL_WITHIN):
            while not answer.endswith(prompt) and (data := await process.stdout.read(65_536)):
                answer += data
    return answer


ODD_VALUES: Final = (
    "9" * 5000, "9" * 5000, "9" * 20, "-1", "0x" + "F" * 5000, "\u00b2", "1e999", "", '"', "a" * 3000, "\x1b[31m",
)  # fmt: skip
"""What is no value of anything: numbers of more than 4,300 digits first, which Python does not convert."""


def _shell_line(rng: random.Random, domain: str) -> str:
    """A line of the shell, with values that are no values."""
    long = rng.choice(ODD_VALUES)
    # Not "password": a word that is none elsewhere may be one, and the mediator would be kept out rightly.
    name = rng.choice(("ssh_port", "enabled", "hangup_delay", "x", long))
    return rng.choice(
        (
            f"domain/{domain}/sorm/set {name} {long}", f"sorm/set {name} {long}", f"sorm/set ssh_port {long}",
            f"domain/{long}/sorm/info", f"domain/{domain}/sorm/info {long}", f"domain/{domain}/sorm/{long}",
            f"domain/{domain}/routing/import {long}", f"domain/{domain}/routing/show {long}", f"cd {long}",
            "ls", "help",
            f"domain/{domain}/trunk/set {long} name {long}", long,
        )
    )  # fmt: skip


def _unended_line(sequence: int) -> bytes:
    """A part of a sync that is not the last. Beside what an object has, each row has a long text."""
    row = {
        "object_number": 1, "object_type": "own-subscriber", "number_sign": "own", "number": "28331", "trunk": None,
        "category": "statistical", "priority": "normal", "fuzz": "a" * 1000,
    }  # fmt: skip
    params = {"objects": [row] * ROWS, "first": sequence == 0, "last": False}
    return json.dumps({"seq": sequence + 1, "op": "sync", "params": params}).encode() + b"\n"


def logging_off() -> None:
    """asyncssh logs each connection at level info, at both ends."""
    import logging

    logging.getLogger(_LOG).setLevel(logging.WARNING)


def _params(rng: random.Random, op: str) -> Any:
    row = {
        "object_number": rng.choice((1, 2, 65_534, -1, 10**30)), "object_type": "own-subscriber", "number_sign": "own",
        "number": rng.choice(("28331", "", "9" * 5000, "1a")), "trunk": rng.choice((None, 2, 10**9)),
        "category": rng.choice(("statistical", "combined", "none")), "priority": "normal",
    }  # fmt: skip
    if rng.random() < 0.2:
        row.pop(rng.choice(sorted(row)))
    rows = [row] * rng.choice((0, 1, 500))
    whole: dict[str, Any] = {
        "add": {"object": row},
        "change": {"object_number": 1, "category": "combined", "priority": "high"},
        "sync": {"objects": rows, "first": rng.random() < 0.5, "last": rng.random() < 0.5},
        "services": {"number": "28331", "number_sign": rng.choice(("own", None, 7))},
        "trunks": {"trunk": rng.choice((None, 2, "x"))},
    }
    return rng.choice((whole.get(op, {"object_number": 1}), whole.get(op, {}), {}, [], None, "x"))
