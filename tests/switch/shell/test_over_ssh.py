"""OpenSSH's client at the shell: with a terminal, with a script on stdin, with one command."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import shutil
import struct
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from fcntl import ioctl
from pathlib import Path
from typing import Any

import asyncssh
import pytest

import captures
from radius.report import CallReport
from radius.sink import Sink
from sorm_mediator import config
from sorm_mediator.errors import BoxError
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import CallRequest
from sorm_mediator.switch.licence import make_licence
from sorm_mediator.switch.objects import SwitchObject
from sorm_mediator.switch.shell.config_commands import plain
from ssh_control.server import MOST_OFFERS

SECRET = "2testing123"
PASSWORD = "password"
WRONG = "wrong"
Ssh = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def lab_text() -> str:
    """The lab file: an empty switch on a free port."""
    return "# mine\n[switch]\nssh_port = 0\n"


@pytest.fixture
async def box(folder: Path, lab_text: str) -> AsyncIterator[SwitchBox]:
    file = folder / "empty.toml"
    file.write_text(lab_text, encoding="utf-8")
    box = SwitchBox(config.load(file))
    started = await box.start()
    box.address = started["ssh"]  # type: ignore[attr-defined]
    yield box
    await box.stop()


@pytest.fixture
def client(box: SwitchBox, tmp_path: Path) -> Any:
    """The words of a command line of ssh, and its environment; the password comes from a program."""
    if shutil.which("ssh") is None:
        pytest.skip("ssh is not installed: apt install openssh-client")
    ask = tmp_path / "askpass"
    ask.write_text('#!/bin/sh\necho "$SORM_TEST_PASSWORD"\n')
    ask.chmod(0o700)

    def words(*more: str, user: str = "admin", password: str = PASSWORD, port: int | None = None) -> Any:
        known = tmp_path / "known_hosts"
        number = port or int(box.address.rpartition(":")[2])  # type: ignore[attr-defined]
        known.write_text(f"[127.0.0.1]:{number} {box.public_host_key}\n")
        options = [
            "ssh", "-F", "none", "-p", str(number), "-o", f"UserKnownHostsFile={known}",
            "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none",
            "-o", "IdentityFile=none", "-o", "NumberOfPasswordPrompts=1", "-o", "LogLevel=ERROR",
        ]  # fmt: skip
        flags = [word for word in more if word.startswith("-")]
        rest = [word for word in more if not word.startswith("-")]
        given = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "SORM_TEST_PASSWORD": password}
        return [*options, *flags, f"{user}@127.0.0.1", *rest], os.environ | given | {"TERM": "xterm"}

    return words


@pytest.fixture
def ssh(client: Any) -> Ssh:
    """Runs ssh to its end: exit code, stdout, stderr."""

    async def run(*words: str, stdin: str = "", **how: Any) -> tuple[int, str, str]:
        line, env = client(*words, **how)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*line, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
        async with asyncio.timeout(30):
            out, errors = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return process.returncode, out.decode(), errors.decode()

    return run


class Terminal:
    """A user who sits before ssh."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self._seen = ""
        self.shown = ""
        self.process: asyncio.subprocess.Process | None = None
        self._news = asyncio.Event()

    def size(self, columns: int, rows: int = 24) -> None:
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def start(self, line: list[str], env: dict[str, str]) -> None:
        asyncio.get_running_loop().add_reader(self.master, self._read)
        self.process = await asyncio.create_subprocess_exec(
            *line, stdin=self.slave, stdout=self.slave, stderr=self.slave, env=env, start_new_session=True
        )
        os.close(self.slave)

    def _read(self) -> None:
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self.master)
        self._seen += data.decode(errors="replace")
        self.shown += data.decode(errors="replace")
        self._news.set()

    def types(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    async def sees(self, *texts: str) -> str:
        """Wait until one of these is shown; what came up to it."""
        async with asyncio.timeout(30):
            while not any(text in self._seen for text in texts):
                self._news.clear()
                await self._news.wait()
        text = min((one for one in texts if one in self._seen), key=self._seen.index)
        before, _, self._seen = self._seen.partition(text)
        return before + text

    async def leaves(self) -> int:
        assert self.process is not None
        async with asyncio.timeout(30):
            return await self.process.wait()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)


@pytest.fixture
async def terminal(client: Any) -> AsyncIterator[Callable[..., Awaitable[Terminal]]]:
    opened: list[Terminal] = []

    async def sit_down(*words: str, columns: int = 120) -> Terminal:
        one = Terminal()
        opened.append(one)
        one.size(columns)
        await one.start(*client(*words))
        return one

    yield sit_down
    for one in opened:
        if one.process is not None and one.process.returncode is None:
            one.process.kill()
            await one.process.wait()
        one.close()


PROMPT = "admin@mycelium1@ecss1:/$ "


async def test_one_command(ssh: Ssh, box: SwitchBox) -> None:
    code, out, errors = await ssh("domain/declare a.b")
    assert (code, errors) == (0, "")
    assert out.startswith("OK\n\n[exec at: ")
    assert [*box.engine.domains] == ["a.b"]
    code, out, errors = await ssh("domain/declare", "a.b")
    assert (code, out, errors) == (1, "", "Error: 'a.b' is the name of a domain already; choose another\n")


async def test_a_script_on_stdin(ssh: Ssh, box: SwitchBox) -> None:
    code, out, errors = await ssh(
        stdin="domain/declare a.b\n\n# a comment\nnope\r\ncd domain/a.b\npwd\nsorm/set platform_id äö"
    )
    assert code == 1
    assert errors == (
        "line 4: Error: there is no command 'nope'; help lists all\n"
        "line 7: Error: platform_id: 'äö' is not allowed: printable ASCII characters without spaces\n"
    )
    assert out.startswith("line 1:\nOK\n")
    assert "\n/domain/a.b\n" in f"\n{out}", "what a command shows stays as it is"
    assert PROMPT not in out


async def test_exit_leaves_the_rest_of_a_script_undone(ssh: Ssh, box: SwitchBox) -> None:
    code, _, errors = await ssh(stdin="domain/declare a.b\nexit\ndomain/declare c.d\n")
    assert (code, errors) == (0, "")
    assert [*box.engine.domains] == ["a.b"]


async def test_the_multisorm_example(ssh: Ssh, box: SwitchBox, folder: Path) -> None:
    """Pasted line by line it builds the lab, whose calls are then reported to the mediator."""
    reports: list[CallReport] = []
    over = asyncio.Event()

    def report(one: CallReport) -> None:
        reports.append(one)
        if one.kind == "stop":
            over.set()

    sink = Sink("127.0.0.1", 0, {"127.0.0.1": SECRET}, report)
    host, port = await sink.start()
    script = (folder / "setup.txt").read_text(encoding="utf-8").replace(" 127.0.0.1 ", f" {host}:{port} ")
    code, out, errors = await ssh(stdin=script)
    assert (code, errors) == (0, "")
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert len(re.findall("^OK$", out, re.MULTILINE)) == len(commands)

    wanted = config.load(folder / "lab.toml").switch
    assert wanted is not None
    built, meant = plain(box.engine.node.config), plain(wanted)
    for domain in built["domains"]:
        assert domain.pop("radius_servers") == [{"host": host, "port": port, "secret": SECRET}]
    assert built["domains"] == meant["domains"]
    assert built["bridges"] == meant["bridges"]
    assert built["aggregates"] == meant["aggregates"]

    table = box.engine.domains["voip.local"].table(f"{host}:{port}")
    table.add(SwitchObject(1, "own-subscriber", "own", "200100", None, "statistical", "normal"))
    box.place_call("voip.local", CallRequest(a="200100", b="300000", ring=0.01, talk=0.01))
    async with asyncio.timeout(30):
        await over.wait()
    assert (reports[-1].calling.digits, reports[-1].called.digits) == ("200100", "300000")
    code, out, errors = await ssh("config/save", "saved.toml")
    assert (code, errors) == (0, "")
    saved = config.load(folder / "saved.toml").switch
    assert saved is not None
    assert plain(saved) == plain(box.engine.node.config)
    assert (folder / "saved.toml").read_text(encoding="utf-8").startswith("# mine\n[switch]\nssh_port = 0\n")
    sink.close()


async def test_a_terminal(terminal: Any, box: SwitchBox) -> None:
    user = await terminal()
    await user.sees(PROMPT)
    user.types("dom\tdec\ta.b\r")
    await user.sees("domain/declare a.b")
    await user.sees("OK")
    await user.sees(PROMPT)
    user.types("\x1b[A\x1b[A")  # the line before, and none before that
    user.types("\r")
    await user.sees("Error: 'a.b' is the name of a domain already; choose another")
    await user.sees(PROMPT)
    user.types("domain/\t")
    await user.sees("a.b  declare  list  remove")
    await user.sees(f"{PROMPT}domain/")
    user.types("\x03")
    await user.sees("^C")
    await user.sees(PROMPT)
    user.types("cd domain/a.b\r")
    await user.sees("admin@mycelium1@ecss1:/domain/a.b$ ")
    user.types("exit\r")
    assert await user.leaves() == 0


async def test_the_screen_is_emptied(terminal: Any) -> None:
    user = await terminal()
    await user.sees(PROMPT)
    user.types("clear\r")
    await user.sees("\x1b[H\x1b[2J")
    await user.sees(PROMPT)
    user.types("domain/li\x0c")
    await user.sees("\x1b[H\x1b[2J")
    await user.sees(f"{PROMPT}domain/li")
    user.types("st\r")
    await user.sees("[exec at: ")


async def test_a_long_answer_comes_page_by_page(terminal: Any) -> None:
    user = await terminal()
    await user.sees(PROMPT)
    user.types("help\r")
    await user.sees(MORE)
    assert "history" in user.shown
    assert "config/save" not in user.shown
    for _ in range(40):
        if "config/save" in user.shown:
            break
        user.types("\r")
        await user.sees(MORE, PROMPT)
    assert "config/save" in user.shown
    user.types("help\r")
    await user.sees(MORE)
    user.types("q\r")
    await user.sees(PROMPT)
    user.types("help\r")
    await user.sees(MORE)
    user.types("pwd\r")  # any other line is the next command
    await user.sees("/\r\n")
    await user.sees(PROMPT)


async def test_a_pasted_script_is_not_taken_for_answers_to_pages(terminal: Any, box: SwitchBox) -> None:
    user = await terminal()
    await user.sees(PROMPT)
    user.types("help\rdomain/declare first\rdomain/declare second\r")
    await user.sees("OK")
    await user.sees("OK")
    assert {"first", "second"} <= {*box.engine.node.domains}


async def test_ctrl_d_leaves(terminal: Any) -> None:
    user = await terminal()
    await user.sees(PROMPT)
    user.types("\x04")
    await user.sees("exit")
    assert await user.leaves() == 0


async def test_letters_of_other_languages_are_edited_as_one(terminal: Any) -> None:
    user = await terminal()
    await user.sees(PROMPT)
    user.types("доменя\x7f\r")
    await user.sees("Error: there is no command 'домен'; help lists all")
    await user.sees(PROMPT)
    user.types("help bridge/remove --lang ru\r")
    await user.sees("Удалить бридж")


async def test_a_window_that_changes(terminal: Any) -> None:
    user = await terminal(columns=200)
    await user.sees(PROMPT)
    user.size(60)
    assert user.process is not None
    line = "domain/list " + "x" * 60
    user.types(line)
    await user.sees("x" * 10)
    user.types("\r")
    await user.sees("is one word too many")


async def test_one_command_with_a_terminal(terminal: Any) -> None:
    user = await terminal("-tt", "domain/remove nowhere")
    await user.sees("Error: there is no domain 'nowhere'; there are: none")
    assert await user.leaves() == 1
    assert PROMPT not in user.shown


ADD = "cluster/storage/ds1/licence/add"
MORE = "-- Enter: more, q: no more -- "
QUESTION = "Are you sure?: [yes]/no ?> "


def a_licence() -> str:
    ssw_id = config.LicenceConfig().ssw_id
    return make_licence(
        {"sorm_channels": 30}, ssw_id=ssw_id, description="more", expires=None, now=time.time()
    )


async def test_a_question_at_a_terminal(terminal: Any, box: SwitchBox) -> None:
    user = await terminal()
    await user.sees(PROMPT)
    user.types(f"{ADD} {a_licence()}\r")
    await user.sees(QUESTION)
    user.types("\x03")
    await user.sees("Error: not done: interrupted")
    await user.sees(PROMPT)
    user.types(f"{ADD} {a_licence()}\r")
    await user.sees(QUESTION)
    user.types("\x04")
    await user.sees("Error: not done: interrupted")
    assert box.engine.node.licences.active(time.time()).number == 1
    user.types(f"{ADD} {a_licence()}\r")
    await user.sees(QUESTION)
    user.types("yes\r")
    await user.sees("licence 2 is active")


async def test_a_question_is_answered_by_the_next_line_of_a_script(ssh: Ssh, box: SwitchBox) -> None:
    code, out, errors = await ssh(stdin=f"{ADD} {a_licence()}\nno\n{ADD} {a_licence()}\nyes\n")
    assert (code, errors) == (0, "")
    assert out.count(QUESTION) == 2
    assert "cancelled: the licence has not been added" in out
    assert "licence 2 is active" in out


async def test_a_question_of_one_command_is_answered_on_stdin(ssh: Ssh, box: SwitchBox) -> None:
    code, _, errors = await ssh(f"{ADD} {a_licence()}", stdin="")
    assert (code, errors) == (1, "Error: not done: there was no answer\n")
    code, out, errors = await ssh(f"{ADD} {a_licence()}", stdin="yes\n")
    assert (code, errors) == (0, "")
    assert "licence 2 is active" in out


async def test_the_user_of_the_shell_is_no_mediator(ssh: Ssh) -> None:
    code, _, errors = await ssh("-s", "sorm")
    assert code != 0
    assert "subsystem request failed" in errors


async def test_a_mediator_has_no_shell(ssh: Ssh, box: SwitchBox) -> None:
    lines = ["domain/declare a.b"]
    lines += [f"domain/a.b/sorm/set {words}" for words in ("password 123", "radius_servers add 127.0.0.1 s")]
    await ssh(stdin="\n".join(lines))
    code, _, errors = await ssh("domain/list", user="a.b", password="123")
    assert code == 1
    assert "it serves the subsystem sorm" in errors


@pytest.mark.parametrize(
    "line",
    [
        "domain/a.b/sorm/set enabled false",
        "domain/remove a.b",
        "domain/a.b/sorm/set radius_servers remove 127.0.0.9",
    ],
)
async def test_a_mediator_that_is_no_longer_served_goes(
    ssh: Ssh, client: Any, box: SwitchBox, line: str
) -> None:
    await ssh(
        stdin="domain/declare a.b\ndomain/a.b/sorm/set password 123\n"
        "domain/a.b/sorm/set radius_servers add 127.0.0.9 s\n"
    )
    words, env = client("-s", "sorm", user="a.b", password="123")
    pipe = asyncio.subprocess.PIPE
    mediator = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
    assert mediator.stdin is not None
    assert mediator.stdout is not None
    mediator.stdin.write(b'{"hello": "sorm", "version": 1, "radius": "127.0.0.9:1813"}\n')
    async with asyncio.timeout(30):
        assert b'"ok":true' in await mediator.stdout.readline()
        assert (await ssh("domain/a.b/sorm/set platform_id 9"))[0] == 0
        assert mediator.returncode is None
        assert (await ssh(line))[0] == 0
        await mediator.communicate()
    assert mediator.returncode == 255


async def test_a_wrong_password(ssh: Ssh) -> None:
    code, _, errors = await ssh("domain/list", password="wrong")
    assert code == 255
    assert "Permission denied" in errors


async def test_the_port_moves_and_who_is_there_stays(
    terminal: Any, ssh: Ssh, box: SwitchBox, unused_tcp_port: int
) -> None:
    user = await terminal()
    await user.sees(PROMPT)
    before = int(box.address.rpartition(":")[2])  # type: ignore[attr-defined]
    user.types(f"sorm/set ssh_port {unused_tcp_port}\r")
    await user.sees("OK")
    user.types("sorm/info\r")
    await user.sees(f"│ssh_port│{unused_tcp_port}")
    code, out, _ = await ssh("domain/list", port=unused_tcp_port)
    assert code == 0
    assert "Subscribers" in out
    code, _, errors = await ssh("domain/list", port=before)
    assert code == 255
    assert "refused" in errors


async def test_a_port_that_is_taken_is_refused(ssh: Ssh, box: SwitchBox) -> None:
    other = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    code, _, errors = await ssh(f"sorm/set ssh_port {port}")
    assert (code, errors) == (
        1,
        f"Error: ssh_port: 127.0.0.1:{port}: Address already in use; choose another\n",
    )
    assert (await ssh("domain/list"))[0] == 0
    assert box.engine.node.config.ssh_port == 0
    other.close()
    await other.wait_closed()


MINIMAL = Path(captures.__file__).parent / "labs" / "minimal.toml"


@pytest.mark.parametrize(
    "lab_text", [MINIMAL.read_text().replace('"routing/', f'"{MINIMAL.parent}/routing/')]
)
async def test_calls_are_made_and_driven(ssh: Ssh, box: SwitchBox) -> None:
    code, out, errors = await ssh("domain/test.domain/call/make 28331 28332")
    assert (code, errors) == (0, "")
    [call] = box.engine.calls
    assert f"{call}│test.domain│28331│28332│ringing" in out
    code, out, errors = await ssh(
        stdin=f"call/answer {call}\ncall/service {call} hold --by b\ncall/list\ncall/release {call}\n"
    )
    assert (code, errors) == (0, "")
    assert "talking" in out
    assert "hold: 28332 -> 28331" in out
    assert [event.event for event in box.engine.calls[call].events][-3:] == ["answer", "service", "release"]
    code, _, errors = await ssh(
        stdin=f"call/answer {call}\ncall/release c9\ncall/service {call} hold --by c\n"
        "domain/test.domain/call/make 7 28332\n"
    )
    assert code == 1
    for says in (
        "that goes on",
        "'c9'",
        "--by: 'c' is not allowed: a, b",
        "a: 7 is not a subscriber of test.domain",
    ):
        assert says in errors


# --- logging in by key


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private key of OpenSSH; its public half is beside it."""
    file = tmp_path / "id_test"
    asyncssh.generate_private_key("ssh-ed25519", comment="me").write_private_key(file)
    file.chmod(0o600)
    asyncssh.read_private_key(file).write_public_key(f"{file}.pub")
    return file


def public_line(key: Path) -> str:
    return Path(f"{key}.pub").read_text().strip()


def admitting(folder: Path, keys: str, more: str = "") -> SwitchBox:
    file = folder / "keys.toml"
    file.write_text(
        f"[switch]\nssh_port = 0\n[switch.admin]\nauthorized_keys = [{keys}]\n{more}", encoding="utf-8"
    )
    return SwitchBox(config.load(file))


@pytest.fixture
async def box_with_key(folder: Path, key: Path, request: pytest.FixtureRequest) -> AsyncIterator[SwitchBox]:
    public = public_line(key)
    if "file" in request.param:
        (folder / "admins").write_text(f"# the lab's people\n\n{public}\n")
        public = "admins"
    box = admitting(folder, f'"{public}"', "password_login = false" if "alone" in request.param else "")
    started = await box.start()
    box.address = started["ssh"]  # type: ignore[attr-defined]
    yield box
    await box.stop()


async def logged_in(box: SwitchBox, tmp_path: Path, *options: str, password: str = WRONG) -> tuple[int, str]:
    """OpenSSH's client runs a command of the shell: exit code, and what it printed."""
    ask, known = tmp_path / "askpass", tmp_path / "known_hosts"
    ask.write_text('#!/bin/sh\necho "$SORM_TEST_PASSWORD"\n')
    ask.chmod(0o700)
    port = box.address.rpartition(":")[2]  # type: ignore[attr-defined]
    known.write_text(f"[127.0.0.1]:{port} {box.public_host_key}\n")
    process = await asyncio.create_subprocess_exec(
        "ssh", "-F", "none", "-p", port, "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=none",
        "-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none", "-o", "NumberOfPasswordPrompts=1",
        *options, "admin@127.0.0.1", "pwd",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "SORM_TEST_PASSWORD": password},
    )  # fmt: skip
    async with asyncio.timeout(30):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed: apt install openssh-client")
@pytest.mark.parametrize("box_with_key", ["a line", "a file", "a line alone"], indirect=True)
async def test_a_key_admits_without_a_password(
    box_with_key: SwitchBox, key: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    code, out = await logged_in(box_with_key, tmp_path, "-i", str(key), "-o", "BatchMode=yes")
    assert (code, out.strip()) == (0, "/")
    assert "logged in as 'admin' with key SHA256:" in caplog.text
    assert box_with_key.status()["ssh"]["logins"] == 1
    assert "logins denied" not in box_with_key.status()["ssh"]


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed: apt install openssh-client")
@pytest.mark.parametrize("box_with_key", ["a line"], indirect=True)
async def test_another_key_does_not_and_the_password_still_does(
    box_with_key: SwitchBox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(other)
    other.chmod(0o600)
    code, out = await logged_in(box_with_key, tmp_path, "-i", str(other), "-o", "BatchMode=yes")
    assert code == 255
    assert "Permission denied" in out
    assert box_with_key.status()["ssh"]["logins denied"] == 1
    assert "login as 'admin' denied: unknown key SHA256:" in caplog.text
    code, out = await logged_in(box_with_key, tmp_path, "-i", str(other), password=PASSWORD)
    assert (code, out.strip()) == (0, "/")


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed: apt install openssh-client")
@pytest.mark.parametrize("box_with_key", ["a line alone"], indirect=True)
async def test_the_password_can_be_switched_off(box_with_key: SwitchBox, tmp_path: Path) -> None:
    code, _ = await logged_in(box_with_key, tmp_path, "-o", "IdentityFile=none", password=PASSWORD)
    assert code == 255
    assert "logins" not in box_with_key.status()["ssh"]


async def test_unknown_keys_count_as_wrong_passwords(folder: Path, key: Path) -> None:
    """Three tries of a connection, whatever they are; and the key of a shell's user admits nobody else."""
    public = public_line(key)
    box = admitting(folder, f'"{public}"', '[[switch.domains]]\nname = "d"\npassword = "123"')
    port = int((await box.start())["ssh"].rpartition(":")[2])
    try:
        others = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(4)]
        for user, keys, denied in (("admin", others, 3), ("d", [asyncssh.read_private_key(key)], 3)):
            with pytest.raises(asyncssh.PermissionDenied):
                await asyncssh.connect(
                    "127.0.0.1", port, known_hosts=None, config=None, agent_path=None, username=user,
                    client_keys=keys, preferred_auth="publickey",
                )  # fmt: skip
            assert box.status()["ssh"]["logins denied"] == denied
    finally:
        await box.stop()


async def test_a_known_key_is_offered_a_bounded_number_of_times(folder: Path, key: Path) -> None:
    box = admitting(folder, f'"{public_line(key)}"')
    port = int((await box.start())["ssh"].rpartition(":")[2])
    try:
        # Each is the known key, and its signature is another's.
        forged = [Forged(asyncssh.read_private_key(key)) for _ in range(3 * MOST_OFFERS)]
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(
                "127.0.0.1", port, known_hosts=None, config=None, agent_path=None, username="admin",
                client_keys=forged, preferred_auth="publickey",
            )  # fmt: skip
        assert "logins" not in box.status()["ssh"]
        assert sum(each.signed for each in forged) <= MOST_OFFERS
    finally:
        await box.stop()


class Forged(asyncssh.SSHKeyPair):
    """A public key with the signatures of another."""

    def __init__(self, key: asyncssh.SSHKey) -> None:
        super().__init__(
            key.algorithm, key.algorithm, key.sig_algorithms, key.sig_algorithms, key.public_data, b""
        )
        self._other = asyncssh.generate_private_key("ssh-ed25519")
        self.signed = 0

    def sign(self, data: bytes) -> bytes:
        self.signed += 1
        return self._other.sign(data, self.sig_algorithm)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("ssh-ed25519 AAAA", "is no public key"),
        ("nowhere", "is no public key, and no file of them can be read: No such file"),
        ('command=\\"x\\" ssh-ed25519 AAAA', "no file of them can be read"),
        ("bad", "bad:2: "),
    ],
)
def test_a_key_that_is_none_is_named(entry: str, told: str, folder: Path) -> None:
    (folder / "bad").write_text("# one\nssh-ed25519 BBBB me\n")
    with pytest.raises(BoxError, match=re.escape(told)) as refused:
        admitting(folder, f'"{entry}"')
    assert str(refused.value).startswith("switch.admin.authorized_keys: ")
    assert len(str(refused.value).splitlines()) == 1
