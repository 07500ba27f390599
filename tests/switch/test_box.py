"""The switch as a box: mediators over SSH, reports over RADIUS, both on free ports."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncssh
import pytest

import captures
from radius.report import CallReport, MessageReport
from radius.sink import Sink
from sorm_mediator import config
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.errors import BoxError
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import CallRequest, State
from sorm_mediator.switch.calls.messages import MessageRequest
from sorm_mediator.switch.changes import sorm as sorm_changes
from ssh_control.client import SwitchLink
from ssh_control.dialect import ClientHello, Refused, Request
from tests.objects import own
from tests.switch.waiting import idle

LABS = Path(captures.__file__).parent / "labs"
SECRET = "2testing123"
OBJECT = own(1)


class Mediator:
    """A sink, and a link that is up."""

    def __init__(self) -> None:
        self.reports: list[CallReport] = []
        self.released = asyncio.Event()
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        self.reason = ""
        self.messages: asyncio.Queue[MessageReport] = asyncio.Queue()
        self.sink = Sink(
            "127.0.0.1", 0, {"127.0.0.1": SECRET}, self._report, on_message=self.messages.put_nowait
        )
        self.address = ("127.0.0.1", 0)
        self.link: SwitchLink | None = None

    def _report(self, report: CallReport) -> None:
        self.reports.append(report)
        if report.kind == "stop":
            self.released.set()

    def _down(self, reason: str) -> None:
        self.reason = reason
        self.down.set()

    async def connect(self, box: SwitchBox, ssh: str) -> None:
        """Log in, and wait until the link is up."""
        host, _, port = ssh.rpartition(":")
        self.link = SwitchLink(
            [(host, int(port))],
            "test.domain",
            "123",
            box.public_host_key,
            mediator="m",
            radius=f"{self.address[0]}:{self.address[1]}",
            on_up=lambda _hello: self.up.set(),
            on_down=self._down,
            on_event=self.events.put_nowait,
            retry_min=60.0,
        )
        await self.link.start()
        await self.up.wait()

    async def ask(self, op: str, **params: Any) -> Any:
        assert self.link is not None
        return await self.link.request(op, **params)

    async def close(self) -> None:
        if self.link is not None:
            await self.link.close()
        self.sink.close()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def new_mediator(stack: AsyncExitStack) -> Callable[[], Awaitable[Mediator]]:
    async def make() -> Mediator:
        mediator = Mediator()
        mediator.address = await mediator.sink.start()
        stack.push_async_callback(mediator.close)
        return mediator

    return make


def lab(*mediators: Mediator, **domain: Any) -> Config:
    """One domain that reports to these mediators."""
    servers = [{"host": m.address[0], "port": m.address[1], "secret": SECRET} for m in mediators]
    fields = {
        "name": "test.domain",
        "password": "123",
        "subscribers": [{"number": "28331"}, {"number": "28332"}],
        "radius_servers": servers,
    }
    return config.parse({"switch": {"ssh_port": 0, "domains": [fields | domain]}})


@pytest.fixture
def started(stack: AsyncExitStack) -> Callable[[Config], Awaitable[tuple[SwitchBox, str]]]:
    async def start(lab: Config) -> tuple[SwitchBox, str]:
        box = SwitchBox(lab)
        stack.push_async_callback(box.stop)
        return box, (await box.start())["ssh"]

    return start


async def test_from_command_to_report(new_mediator: Any, started: Any) -> None:
    mediator = await new_mediator()
    box, ssh = await started(lab(mediator))
    async with asyncio.timeout(10):
        await mediator.connect(box, ssh)
        assert (await mediator.ask("add", object=OBJECT)).data == {"line_state": 0}

        call = box.place_call("test.domain", CallRequest(a="28331", b="28332", ring=0.01, talk=0.01))
        await mediator.released.wait()

    last = mediator.reports[-1]
    # On a busy machine answer and release may fall into one report.
    sequence = len(mediator.reports)
    assert (last.call_id, last.kind, last.sequence, last.release_cause) == (call.id, "stop", sequence, 5)
    assert (last.calling.digits, last.called.digits) == ("28331", "28332")
    assert [match.object_number for match in last.matches] == [1]


async def test_several_mediators_each_its_own(new_mediator: Any, started: Any) -> None:
    first, second = await new_mediator(), await new_mediator()
    box, ssh = await started(lab(first, second))
    async with asyncio.timeout(10):
        for mediator, number in ((first, 1), (second, 2)):
            await mediator.connect(box, ssh)
            await mediator.ask("add", object=OBJECT | {"object_number": number})
        assert len(box.status()["sessions"]) == 2

        box.place_call("test.domain", CallRequest(a="28331", b="28332", ring=0, talk=0))
        await first.released.wait()
        await second.released.wait()

    assert {match.object_number for report in first.reports for match in report.matches} == {1}
    assert {match.object_number for report in second.reports for match in report.matches} == {2}


async def test_objects_outlive_the_connection(new_mediator: Any, started: Any) -> None:
    mediator = await new_mediator()
    box, ssh = await started(lab(mediator))
    async with asyncio.timeout(10):
        await mediator.connect(box, ssh)
        await mediator.ask("add", object=OBJECT)
        await mediator.link.close()

        box.place_call("test.domain", CallRequest(a="28331", b="28332", ring=0, talk=0))
        await mediator.released.wait()

    assert mediator.reports[-1].matches


async def test_a_mediator_that_is_no_longer_served_is_told_how_its_calls_end(
    new_mediator: Any, started: Any
) -> None:
    mediator = await new_mediator()
    box, ssh = await started(lab(mediator))
    async with asyncio.timeout(10):
        await mediator.connect(box, ssh)
        await mediator.ask("add", object=OBJECT)
        box.place_call("test.domain", CallRequest(a="28331", b="28332", ring=0, talk=0.2))
        address = "{}:{}".format(*mediator.address)
        sorm_changes.remove_radius_server(box.engine.node, "test.domain", address)
        await mediator.down.wait()
        after = box.place_call("test.domain", CallRequest(a="28332", b="28331", outcome="no-answer"))
        await mediator.released.wait()
        await idle(box)

    assert mediator.reports[-1].kind == "stop"
    assert after.id not in {report.call_id for report in mediator.reports}


async def test_the_labs_own_mediator(new_mediator: Any, started: Any) -> None:
    """radius_servers left out: nobody may log in before the lab has said where its mediator is."""
    mediator = await new_mediator()
    box, ssh = await started(lab(mediator, radius_servers=None))
    assert (
        box.login("test.domain", "123", "peer")
        == "the domain has no RADIUS server: nobody to report calls to"
    )

    box.set_default_radius(mediator.address, SECRET)
    async with asyncio.timeout(10):
        await mediator.connect(box, ssh)
        await mediator.ask("add", object=OBJECT)
        box.place_call("test.domain", CallRequest(a="28331", b="28332", ring=0, talk=0))
        await mediator.released.wait()


async def test_a_wrong_password_does_not_get_in(new_mediator: Any, started: Any) -> None:
    box, ssh = await started(lab(await new_mediator()))
    host, _, port = ssh.rpartition(":")

    async with asyncio.timeout(10):
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(host, int(port), username="test.domain", password="321", known_hosts=None)

    assert box.status()["ssh"]["logins denied"] == 1


LOGINS = [
    ({}, "test.domain", "123", None),
    ({}, "other", "123", "there is no such domain"),
    ({}, "test.domain", "", "wrong password"),
    ({}, "test.domain", "пароль", "wrong password"),
    ({"enabled": False}, "test.domain", "123", "SORM is not enabled in the domain"),
    ({"password": ""}, "test.domain", "", "the domain has no password for SORM"),
    (
        {"radius_servers": []},
        "test.domain",
        "123",
        "the domain has no RADIUS server: nobody to report calls to",
    ),
]


@pytest.mark.parametrize(("domain", "user", "password", "reason"), LOGINS)
async def test_logins(domain: dict[str, Any], user: str, password: str, reason: str | None) -> None:
    servers = [{"host": "127.0.0.1", "port": 1813}]
    box = SwitchBox(lab(**({"radius_servers": servers} | domain)))

    assert box.login(user, password, "127.0.0.1:5") == reason


def licensed(**licence: Any) -> SwitchBox:
    servers = [{"host": "127.0.0.1", "port": 1}, {"host": "10.0.0.5", "port": 2}]
    domain = {"name": "test.domain", "password": "123", "radius_servers": servers}
    return SwitchBox(config.parse({"switch": {"ssh_port": 0, "domains": [domain], "licence": licence}}))


def enter(box: SwitchBox, radius: str, peer: str = "127.0.0.1:5") -> Any:
    return box.open("test.domain", ClientHello("m", radius), peer, lambda _event: None)


@pytest.mark.parametrize(
    ("licence", "which"),
    [
        ({"sorm_enabled": False}, "1 has no SORM (its SORM limit 'enabled')"),
        ({"sorm_channels": 0}, "1 has no SORM (its SORM limit 'channels on SORM mediator')"),
        ({"expires": "2020-12-31"}, "0 has no SORM (its SORM limit 'enabled')"),
        ({"installed": False}, "0 has no SORM (its SORM limit 'enabled')"),
    ],
)
async def test_without_sorm_in_the_licence_nobody_gets_in(licence: dict[str, Any], which: str) -> None:
    """Whoever has the right password is told why."""
    box = licensed(**licence)
    assert box.login("test.domain", "123", "127.0.0.1:5") is None

    with pytest.raises(Refused) as refused:
        enter(box, "127.0.0.1:1")

    assert (refused.value.code, refused.value.text) == (0x31, f"licence {which}")


async def test_the_licence_counts_mediators_and_domains() -> None:
    """A mediator that comes back before its old connection is known to be gone needs no second channel."""
    box = licensed(sorm_channels=1)
    session = enter(box, "127.0.0.1:1")
    again = enter(box, "127.0.0.1:1")

    with pytest.raises(Refused) as refused:
        enter(box, "10.0.0.5:2")
    assert (refused.value.code, refused.value.text) == (
        0x31,
        "licence 1 allows 1 connections of mediators with domains (sorm, channels), and 2 would be needed; "
        "add a licence, or connect fewer domains",
    )
    assert box.licence()["units"]["sorm_channels"] == {"in_use": 1, "limit": 1}

    session.closed()
    with pytest.raises(Refused):
        enter(box, "10.0.0.5:2")
    again.closed()
    assert box.licence()["units"]["sorm_channels"] == {"in_use": 0, "limit": 1}
    enter(box, "10.0.0.5:2")


@pytest.mark.parametrize("radius", ["", "127.0.0.1:9", "nonsense", "0.0.0.0:2"])
async def test_a_mediator_whose_sink_is_not_known(radius: str) -> None:
    with pytest.raises(Refused, match=r"is no RADIUS server of test\.domain: 127\.0\.0\.1:1, 10\.0\.0\.5:2"):
        enter(licensed(), radius)


@pytest.mark.parametrize(
    ("radius", "peer"),
    [
        ("localhost:1", "127.0.0.1:5"),
        ("0.0.0.0:1", "127.0.0.1:5"),
        ("0.0.0.0:2", "10.0.0.5:5"),
        (":::2", "10.0.0.5:5"),
    ],
)
async def test_other_names_of_a_known_sink(radius: str, peer: str) -> None:
    assert enter(licensed(), radius, peer).server_hello["domain"] == "test.domain"


async def test_a_port_in_use_is_said_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        box = SwitchBox(config.parse({"switch": {"ssh_port": port}}))
        with pytest.raises(BoxError, match=rf"switch\.ssh_port: 127\.0\.0\.1:{port} is in use"):
            await box.start()


async def test_a_host_key_is_kept(tmp_path: Path) -> None:
    table = {"switch": {"host_key_file": "key"}}

    first = SwitchBox(config.parse(table, directory=tmp_path)).public_host_key
    assert SwitchBox(config.parse(table, directory=tmp_path)).public_host_key == first

    (tmp_path / "key").write_text("rubbish")
    with pytest.raises(BoxError, match=r"switch\.host_key_file: host key"):
        SwitchBox(config.parse(table, directory=tmp_path))


async def test_a_switch_needs_its_table_and_readable_contexts() -> None:
    with pytest.raises(BoxError, match=r"a \[switch\] table"):
        SwitchBox(config.parse({}))
    with pytest.raises(ConfigError, match=r"switch\.domains\.0\.contexts\.0: .*none\.xml: can't be read"):
        SwitchBox(config.parse({"switch": {"domains": [{"name": "d", "contexts": ["none.xml"]}]}}))


async def test_it_stops_clean_and_twice(new_mediator: Any, started: Any) -> None:
    mediator = await new_mediator()
    box, ssh = await started(lab(mediator))
    async with asyncio.timeout(10):
        await mediator.connect(box, ssh)
        box.place_call("test.domain", CallRequest(a="28331", b="28332", ring=60))
        await box.stop()
        await box.stop()
        await mediator.down.wait()


async def test_a_report_that_fits_no_packet_is_counted(
    new_mediator: Any, started: Any, tmp_path: Path
) -> None:
    """A rule may make a number longer than a packet holds; the call goes on, and the log says so."""
    digits = "{1,1,1,1,1,1,1,1,1,1}" * 5
    (tmp_path / "c.xml").write_text(
        f'<context name="c"><rule name="r"><actions><called sorm_digits="{digits}"/></actions>'
        "<result><local/></result></rule></context>"
    )
    mediator = await new_mediator()
    box, _ = await started(lab(mediator, contexts=[str(tmp_path / "c.xml")]))
    session = enter(box, f"{mediator.address[0]}:{mediator.address[1]}")
    assert session.handle(Request("add", {"object": OBJECT})).ok
    box.place_call("test.domain", CallRequest(a="28331", b="28332", ring=0, talk=0))
    await idle(box)

    assert box.status()["counters"]["reports impossible"] > 0


def test_the_minimal_lab_is_complete() -> None:
    """Every context, trunk and forwarding target that captures/labs/minimal.toml names is there."""
    box = SwitchBox(config.load(LABS / "minimal.toml"))
    domain = box.engine.domains["test.domain"]

    assert set(domain.contexts) == {"ctx_from_local", "ctx_from_trunk", "ctx_to_local"}
    targets = {target for one in domain.subscribers.values() for target in one.forwardings.values()}
    assert targets - set(domain.subscribers) == {"89001758964"}


async def test_a_message_is_reported_to_the_mediators_that_it_touches(
    new_mediator: Callable[[], Awaitable[Mediator]],
    started: Callable[[Config], Awaitable[tuple[SwitchBox, str]]],
) -> None:
    one, other = await new_mediator(), await new_mediator()
    box, ssh = await started(lab(one, other))
    async with asyncio.timeout(10):
        await one.connect(box, ssh)
        await one.ask("add", object=OBJECT)
        sent = box.send_message(
            "test.domain", MessageRequest(sender="28332", receiver="28331", text="Ж" * 1400)
        )
        message = await one.messages.get()
    assert (message.message_id, message.text) == (sent, "Ж" * 1400)
    assert [(match.object_number, match.role) for match in message.matches] == [(1, "b")]
    assert other.messages.empty()
    assert box.status()["counters"]["reports"] == 1


async def test_every_mediator_of_a_domain_hears_that_a_trunk_was_renamed(
    new_mediator: Callable[[], Awaitable[Mediator]],
    started: Callable[[Config], Awaitable[tuple[SwitchBox, str]]],
) -> None:
    one, other, gone = await new_mediator(), await new_mediator(), await new_mediator()
    box, ssh = await started(lab(one, other, gone, trunks=[{"number": 2, "name": "city"}]))
    async with asyncio.timeout(10):
        for mediator in (one, other):
            await mediator.connect(box, ssh)
        told: list[dict[str, Any]] = []
        hello = ClientHello("gone", "{}:{}".format(*gone.address))
        box.open("test.domain", hello, "127.0.0.1:5", told.append).closed()
        assert box.rename_trunk("test.domain", 2, "suburb") == ()
        for mediator in (one, other):
            assert await mediator.events.get() == {"event": "trunk-renamed", "trunk": 2, "name": "suburb"}
        assert (await one.ask("trunks", trunk=2)).data == {"trunks": [{"trunk": 2, "name": "suburb"}]}
    assert told == []


async def test_without_a_socket_for_speech_the_user_is_told_what_to_change(
    started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.socket

    def no_ipv6(family: int = -1, kind: int = -1, *rest: Any) -> socket.socket:
        if family == socket.AF_INET6 and kind == socket.SOCK_DGRAM:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, kind, *rest)

    monkeypatch.setattr("sorm_mediator.switch.speech_sender.socket.socket", no_ipv6)
    lab = config.parse({"switch": {"ssh_port": 0, "media": {"host": "::1"}}})
    with pytest.raises(BoxError, match=r"switch\.media\.host: ::1 can't be sent from: Address family"):
        await started(lab)


async def test_what_fails_to_close_leaves_nothing_else_open(
    new_mediator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = SwitchBox(lab(await new_mediator()))
    await box.start()

    async def fails() -> None:
        raise OSError("of the SSH server")

    with monkeypatch.context() as patched:
        patched.setattr(box._server, "close", fails)
        with pytest.raises(OSError, match="of the SSH server"):
            await box.stop()
    assert box._sender._socket is None
    assert not any(reporter._sockets for reporter in box._reporters.values())
    await box.stop()


async def test_endpoints_of_ipv6_are_in_brackets() -> None:
    box = SwitchBox(config.parse({"switch": {"host": "::1", "ssh_port": 0}}))
    try:
        assert (await box.start())["ssh"].startswith("[::1]:")
    finally:
        await box.stop()


async def test_a_wall_clock_that_steps_back_holds_up_no_call(
    new_mediator: Any, started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mediator = await new_mediator()
    box, ssh = await started(lab(mediator))
    async with asyncio.timeout(20):
        await mediator.connect(box, ssh)
        await mediator.ask("add", object=OBJECT)
        wall = time.time
        call = box.place_call("test.domain", CallRequest(a="28331", b="28332", ring=0.01, talk=0.05))
        monkeypatch.setattr(time, "time", lambda: wall() - 2 * 86_400)
        await idle(box)
        await mediator.released.wait()
    assert box.engine.calls[call.id].state is State.RELEASED
    times = [report.time for report in mediator.reports]
    assert times == sorted(times)


async def test_unended_syncs_are_bounded_for_all_sessions_of_a_mediator_together(
    new_mediator: Any, started: Any
) -> None:
    mediator = await new_mediator()
    document = {"ssh_port": 0, "unended_sync_objects": 65_535, "domains": [
        {"name": "test.domain", "password": "123", "subscribers": [{"number": "28331"}], "radius_servers": [
            {"host": mediator.address[0], "port": mediator.address[1], "secret": SECRET}]}]}  # fmt: skip
    box, _ = await started(config.parse({"switch": document}))
    hello = ClientHello("m", f"{mediator.address[0]}:{mediator.address[1]}")

    def session() -> Any:
        return box.open("test.domain", hello, "127.0.0.1:4000", lambda _event: None)

    def sync(session: Any, count: int, *, first: bool = True, last: bool = False) -> Any:
        objects = [OBJECT] * count
        return session.handle(Request("sync", {"objects": objects, "first": first, "last": last}))

    one, other = session(), session()
    assert sync(one, 40_000).ok
    refused = sync(other, 40_000)
    assert (refused.ok, refused.code) == (False, 0x31)
    assert box.status()["counters"]["syncs refused for room"] == 1
    assert not sync(other, 1, first=False, last=True).ok  # what was refused is thrown away
    assert sync(other, 60_000, last=True).ok  # what ends at once waits for nothing
    assert sync(one, 0, first=False, last=True).ok
    assert sync(other, 40_000).ok
    other.closed()
    assert sync(one, 65_535).ok
    one.closed()
