"""A switch that says something else now and then: it stands between a mediator and its switch, and passes lines on.

The mediator logs in here, and this logs in to the switch with the same name and password, so calls and reports go on as
without it. What is to be spoilt is told by :meth:`Between.spoil`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import deque
from contextlib import suppress
from typing import Any, Final

import asyncssh

from sorm_mediator.fuzz.live.action import Action, ActionError
from ssh_control.dialect import ServerDialect
from ssh_control.transport import CIPHERS, public_line

PIECE: Final = 65_536
MOST_ASKED: Final = 10_000
"""Requests whose operation is remembered."""
_LOG: Final = "asyncssh"
_REQUEST: Final = re.compile(rb'"op": ?"(\w+)"')
_SEQUENCE: Final = re.compile(rb'"seq": ?(\d{1,18})\b')


class _Login(asyncssh.SSHServer):
    """Takes every password: the switch behind decides."""

    user = password = ""  # nosec B105 # a word, not a password

    def password_auth_supported(self) -> bool:
        return True

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        conn.set_extra_info(login=self)

    def validate_password(self, username: str, password: str) -> bool:
        self.user, self.password = username, password
        return True


class Between:
    """``start`` begins, ``close`` ends. ``switch``: where the switch is, which may start later."""

    def __init__(self, switch: tuple[str, int], key: asyncssh.SSHKey | None = None) -> None:
        self.switch = switch
        self._key = key or asyncssh.generate_private_key("ssh-ed25519")
        self._spoils: deque[Action] = deque()
        self._begun_line = False
        self._joined = asyncio.Event()
        self._spoilt_all = asyncio.Event()
        self._hello = b""
        self._asked: dict[int, str] = {}
        self._sessions: dict[asyncssh.SSHServerProcess[bytes], asyncssh.SSHServerConnection] = {}
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._subsystem = ServerDialect().subsystem
        self.address = "", 0
        """Where it listens, from its start on."""
        self.lines = 0
        """Lines of the switch so far."""

    @property
    def public_key(self) -> str:
        """For ``ssh.host_key`` of the mediator."""
        return public_line(self._key)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Listen; returns the address, which :attr:`address` keeps. Raises OSError."""
        logging.getLogger(_LOG).setLevel(logging.WARNING)  # it logs each connection at level info
        self._acceptor = await asyncssh.listen(
            host, port, server_host_keys=[self._key], server_factory=_Login, process_factory=self._serve,
            encoding=None, encryption_algs=CIPHERS, compression_algs=None, line_editor=False,
        )  # fmt: skip
        self.address = host, self._acceptor.get_port()
        return self.address

    async def close(self) -> None:
        """Stop listening and cut what there is."""
        if self._acceptor is not None:
            self._acceptor.close()
        self.cut()
        if self._acceptor is not None:
            await self._acceptor.wait_closed()

    async def joined(self, within: float) -> bool:
        """Whether a mediator is logged in, which is waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._joined.wait()
        return self._joined.is_set()

    def cut(self) -> None:
        """End the connections of the mediator."""
        for connection in list(self._sessions.values()):
            connection.abort()

    def spoil(self, action: Action) -> None:
        """What happens to the switch's next line, or happens now. Raises :class:`ActionError`."""
        match action.kind:
            case "insert":
                for one in self._sessions:
                    if not one.channel.is_closing():
                        one.stdout.write(action.octets * action.times)
                self._begins(action.octets)
            case "cut":
                self.cut()
            case "resync":
                self._to_spoil(action)
                self.cut()
            case "hello":
                self._hello = action.octets
                self.cut()
            case "reply" | "replace" | "drop" | "double" | "late" | "rows":
                self._to_spoil(action)
            case _:
                raise ActionError(f"{action.kind!r} is no action of a switch")

    def _to_spoil(self, action: Action) -> None:
        self._spoils.append(action)
        self._spoilt_all.clear()

    def as_it_is(self) -> None:
        """Pass everything on unchanged from now on. A line that was begun has no end: its link is cut."""
        self._spoils.clear()
        if self._begun_line or self._hello:
            self._begun_line, self._hello = False, b""
            self.cut()

    async def spoilt(self, within: float) -> bool:
        """Whether all that was to be spoilt is, which is waited for: the switch may have no occasion for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._spoilt_all.wait()
        return not self._spoils

    def _begins(self, octets: bytes) -> None:
        self._begun_line = bool(octets) and not octets.endswith(b"\n")

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        login: _Login = process.get_extra_info("login")
        connection: asyncssh.SSHServerConnection = process.get_extra_info("connection")
        if process.subsystem != self._subsystem:
            process.exit(1)
            return
        try:
            toward = asyncssh.connect(
                *self.switch, username=login.user, password=login.password, known_hosts=None, config=None,
                client_keys=None, agent_path=None, preferred_auth="password", encryption_algs=CIPHERS,
                compression_algs=None,
            )  # fmt: skip
            async with toward as up, up.create_process(subsystem=self._subsystem, encoding=None) as switch:
                self._sessions[process] = connection
                self._joined.set()
                await self._pass_on(process, switch)
        except (OSError, asyncssh.Error):
            connection.abort()  # as a switch that is not there
        finally:
            self._sessions.pop(process, None)
            if not self._sessions:
                self._joined.clear()
            process.close()

    async def _pass_on(
        self, process: asyncssh.SSHServerProcess[bytes], switch: asyncssh.SSHClientProcess[bytes]
    ) -> None:
        copies = [
            asyncio.ensure_future(self._asking(process.stdin, switch.stdin)),
            asyncio.ensure_future(self._spoilt(switch.stdout, process.stdout)),
        ]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in copies:
                one.cancel()
            await asyncio.gather(*copies, return_exceptions=True)

    async def _spoilt(self, source: Any, sink: Any) -> None:
        """Lines of the switch, hello included, to the mediator."""
        rest = b""
        while data := await source.read(PIECE):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.lines += 1
                sink.write(await self._line(line))

    async def _line(self, line: bytes) -> bytes:
        if b'"hello"' in line:
            return (self._hello or line) + b"\n"
        if not self._spoils:
            return line + b"\n"
        action = self._spoils.popleft()
        if not self._spoils:
            self._spoilt_all.set()
        match action.kind:
            case "drop":
                return b""
            case "double":
                return (line + b"\n") * action.times
            case "late":
                await asyncio.sleep(float(action.values["seconds"]))
                return line + b"\n"
            case "replace":
                self._begins(action.octets)
                return action.octets
        # The number of the request stays, so that the mediator takes the rest for the answer.
        try:
            sequence = json.loads(line).get("seq") or 0
        except (ValueError, AttributeError):
            return line + b"\n"
        octets = action.octets
        if action.kind in ("rows", "resync"):
            octets = b'"ok":true,"data":' + many_rows(self._asked.get(sequence, ""), action.times)
        return b'{"seq":%d,%b}\n' % (sequence, octets)

    async def _asking(self, source: Any, sink: Any) -> None:
        """Requests of the mediator, as they are; which one each answer is for is kept."""
        rest = b""
        while data := await source.read(PIECE):
            sink.write(data)
            *lines, rest = (rest + data).split(b"\n")
            for found in filter(None, map(_REQUEST.search, lines)):
                numbered = _SEQUENCE.search(found.string)
                if numbered is not None:
                    self._asked[int(numbered[1])] = found[1].decode()
            while len(self._asked) > MOST_ASKED:
                del self._asked[next(iter(self._asked))]


def many_rows(op: str, count: int) -> bytes:
    """The data of an answer to this request in the right form, with so many rows."""
    numbers = range(count)
    rows: dict[str, Any] = {
        "trunks": {"trunks": [{"trunk": n % 0xFFFF, "name": f"trunk{n}"} for n in numbers]},
        "services": {"services": [n % 0x100 for n in numbers]},
    }
    refused = [{"object_number": n % 0xFFFF, "code": 0x0A} for n in numbers]
    states = {str(n % 0xFFFF): 1 for n in numbers}
    return json.dumps(rows.get(op, {"refused": refused, "line_states": states})).encode()
