"""The mediator as a box: real sockets on every side, tables and journal on disk."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from protocol import (
    AddKsl,
    AddObject,
    Category,
    Channel,
    CommandExecuted,
    CommandReceived,
    GetObjects,
    GetVersion,
    GroupType,
    Message,
    NumberSign,
    ObjectInfo,
    ObjectType,
    Priority,
    Restart,
    SetPassword,
    Start,
    Stop,
    Test,
    TestReplyKpd1,
    TestReplyKpd2,
    UnauthorizedAccess,
)
from protocol.values import Ksl
from radius.report import CallReport, Match, Party
from radius.reporter import Reporter
from sorm_mediator.config import parse
from sorm_mediator.errors import BoxError
from sorm_mediator.journal.book import JournalReader
from sorm_mediator.mediator.binding.consoles import Consoles
from sorm_mediator.mediator.binding.gateway import Gateway
from sorm_mediator.mediator.core.effects import Effect
from tests.mediator.gateway_harness import (
    Console,
    SmallSwitch,
    buffered,
    lab_config,
    lab_file,
    running,
    small_switch,
    switch_up,
)
from tests.radius.reports import REPORT

GROUP = AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1))


def subscriber(number: int, category: Category = Category.COMBINED) -> AddObject:
    group = None if category is Category.STATISTICAL else 1
    phone = f"2{number:04}"
    own = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
    return AddObject(number, *own, phone, None, category, group, Priority.NORMAL)


class Bench:
    """The switch and the folder that a gateway under test uses."""

    def __init__(self, folder: Path, switch: SmallSwitch, server: Any, where: str) -> None:
        self.folder, self.switch, self.server, self.where = folder, switch, server, where

    def config(self, **mediator: Any) -> Any:
        return lab_config(self.folder, self.server, self.where, **mediator)

    def journal(self) -> list[Any]:
        reader = JournalReader(self.folder / "journal.db")
        try:
            assert reader.verify().findings == []
            return list(reader.entries())
        finally:
            reader.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with small_switch() as (switch, server, where):
        yield Bench(tmp_path, switch, server, where)


async def started_console(endpoints: dict[str, str]) -> Console:
    console = await Console.connect(endpoints["kpd1"])
    await console.do(Start())
    return console


async def test_a_command_is_received_and_executed(bench: Bench) -> None:
    async with running(bench.config()) as (_, endpoints):
        console = await Console.connect(endpoints["kpd1"])
        assert isinstance(await console.next(), Restart)
        console.send(Start())
        assert await console.next() == CommandReceived(1, 0)
        assert await console.next() == CommandExecuted(1, 0)
        console.close()


@pytest.mark.parametrize(("coalesce", "writes"), [("on", [96]), ("off", [48, 48])])
async def test_events_of_reports_that_come_together_share_a_packet(
    bench: Bench, coalesce: str, writes: list[int]
) -> None:
    async with running(bench.config(options={"coalesce": coalesce})) as (gateway, endpoints):
        await switch_up(gateway)
        console = await started_console(endpoints)
        events = await Console.connect(endpoints["kpd2"], Channel.KPD2)
        console.send(subscriber(258, Category.STATISTICAL))
        await console.until(CommandExecuted, command=5, status=0)
        written: list[int] = []
        gateway.consoles.capture = SimpleNamespace(  # type: ignore[assignment]
            opened=lambda *_: None,
            closed=lambda *_: None,
            crossed=lambda _, octets, sent: written.append(len(octets)),
        )
        for call in ("1", "2"):
            assert gateway.report(replace(call_report(gateway, sequence=1), call_id=call))
        assert [(await events.next()).code for _ in range(2)] == [0x41, 0x41]
        assert written == writes
        console.close()
        events.close()


async def test_what_is_kept_of_a_call_is_nothing_that_a_collection_of_garbage_looks_through(
    bench: Bench,
) -> None:
    """During a collection no console gets an answer: with ten thousand events of objects it took 80 ms."""
    async with running(bench.config()) as (gateway, endpoints):
        await switch_up(gateway)
        console = await started_console(endpoints)
        events = await Console.connect(endpoints["kpd2"], Channel.KPD2)
        console.send(subscriber(258, Category.STATISTICAL))
        await console.until(CommandExecuted, command=5, status=0)
        kept = []
        for first in (1, 101, 201):
            for call in map(str, range(first, first + 100)):
                begun = replace(call_report(gateway, sequence=1), call_id=call)
                gateway.report(begun)
                gateway.report(replace(begun, sequence=2, release_time=begun.time, release_cause=5))
                assert [(await events.next()).code for _ in range(2)] == [0x41, 0x43]
            gc.collect()
            kept.append(len(gc.get_objects()))
        assert kept[2] - kept[1] < 100, "four hundred events are in the feed"
        assert gateway.events.newest > 800
        console.close()
        events.close()


@pytest.mark.parametrize("first", [0.01, 3600.0])
async def test_a_deadline_that_moves_is_kept_whether_later_or_earlier(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, first: float
) -> None:
    async with running(bench.config()) as (gateway, _):
        kept: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        due: list[float | None] = [gateway.now() + first]
        wanted = gateway.now() + 0.03

        def tick(now: float) -> list[Effect]:
            if due[0] is not None and now >= due[0]:
                due[0] = None
                kept.set_result(now)
            return []

        monkeypatch.setattr(gateway.core, "next_deadline", lambda: due[0])
        monkeypatch.setattr(gateway.core, "tick", tick)
        monkeypatch.setattr(gateway.core, "switch_event", lambda event, now: [])
        gateway._switch_event({})
        due[0] = wanted
        gateway._switch_event({})
        assert await asyncio.wait_for(kept, 10) >= wanted


async def reporter_of(bench: Bench) -> Reporter:
    """A reporter toward the gateway."""
    host, _, port = bench.switch.radius.rpartition(":")
    reporter = Reporter((host, int(port)), "2testing123")
    await reporter.start()
    return reporter


def call_report(gateway: Gateway, **how: Any) -> CallReport:
    """A report of a call 20258 -> 20259 of object 258."""
    party, now = Party(digits="20258", ni="private"), gateway.now()
    return CallReport(
        call_id="1",
        domain="test.domain",
        time=now,
        connection=0x1C,
        calling=party,
        called=Party(digits="20259", ni="private"),
        calling_station="20258",
        called_station="20259",
        setup_time=now,
        matches=(Match(object_number=258, role="a", called=party, time=now),),
        **how,
    )


async def test_a_report_is_answered_when_its_events_are_with_the_kernel(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(bench.config()) as (gateway, endpoints):
        await switch_up(gateway)
        console = await started_console(endpoints)
        events = await Console.connect(endpoints["kpd2"], Channel.KPD2)
        console.send(GROUP)
        await console.until(CommandExecuted, command=4, status=0)
        console.send(subscriber(258))
        await console.until(CommandExecuted, command=5, status=0)
        counters = gateway.consoles.ports[Channel.KPD2].counters
        written: list[int] = []

        def datagram(*_: object, sent: bool) -> None:
            if sent:
                written.append(counters.units_sent)

        monkeypatch.setattr(gateway.sink, "_on_datagram", datagram)
        reporter = await reporter_of(bench)
        reporter.send(call_report(gateway, sequence=1))
        reporter.send(call_report(gateway, sequence=2, answer_time=gateway.now()))
        assert [(await events.next()).code for _ in range(2)] == [0x41, 0x42]
        await reporter.drain()
        assert written in ([1, 2], [2, 2])  # both reports may have come in one burst
        reporter.close()
        console.close()
        events.close()


async def test_an_object_reaches_the_switch_and_its_call_reaches_the_console(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, endpoints):
        await switch_up(gateway)
        console = await started_console(endpoints)
        events = await Console.connect(endpoints["kpd2"], Channel.KPD2)
        console.send(GROUP)
        await console.until(CommandExecuted, command=4, status=0)
        console.send(subscriber(258))
        await console.until(CommandExecuted, command=5, status=0)
        assert bench.switch.objects[258]["number"] == "20258"

        reporter = await reporter_of(bench)
        ended = {"answer_time": gateway.now(), "release_time": gateway.now(), "release_cause": 5}
        reporter.send(call_report(gateway, sequence=1, **ended))
        codes = [(await events.next()).code for _ in range(3)]
        assert codes == [0x41, 0x42, 0x43]
        reporter.close()
        console.close()
        events.close()


async def test_half_a_command_and_silence_is_refused_and_the_next_command_is_served(bench: Bench) -> None:
    async with running(bench.config(options={"unit_timeout": 0.05})) as (_, endpoints):
        console = await Console.connect(endpoints["kpd1"])
        console.writer.write(console.codec.encode(Start())[:7])
        seen = await console.until(CommandReceived)
        assert (seen[-1].command, seen[-1].status) == (1, 0x10)
        console.send(Start())
        await console.until(CommandExecuted, command=1, status=0)
        console.close()


async def test_one_octet_at_a_time_is_answered_like_any_other(bench: Bench) -> None:
    async with running(bench.config()) as (_, endpoints):
        console = await Console.connect(endpoints["kpd1"])
        for octet in console.codec.encode(Start()):
            console.writer.write(bytes([octet]))
            await console.writer.drain()
        await console.until(CommandExecuted, command=1, status=0)
        console.close()


async def test_a_megabyte_of_noise_does_not_disturb_and_is_not_kept(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, endpoints):
        console = await Console.connect(endpoints["kpd1"])
        noise = os.urandom(1024 * 1024).replace(b"\xcc", b"\xcb")
        console.writer.write(noise)
        console.send(Start())
        await console.until(CommandExecuted, command=1, status=0)
        counters = gateway.status().channels[0].counters
        assert counters["noise_octets"] == len(noise)
        assert buffered(gateway.consoles.ports[Channel.KPD1].connection) == 0
        console.close()


async def test_a_second_console_is_told_of_to_the_first_which_goes_on(bench: Bench) -> None:
    async with running(bench.config()) as (_, endpoints):
        console = await started_console(endpoints)
        intruder = await Console.connect(endpoints["kpd1"])
        (message,) = await console.until(UnauthorizedAccess)
        assert message.access_code == 1
        with pytest.raises(ConnectionError):
            await intruder.next()
        console.send(Test(7))
        await console.until(TestReplyKpd1)
        console.close()
    kinds = [entry.kind for entry in bench.journal()]
    assert "connection-refused" in kinds


async def test_the_test_of_the_channels_is_within_its_limits(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, endpoints):
        events = await Console.connect(endpoints["kpd2"], Channel.KPD2)
        console = await started_console(endpoints)
        console.send(Test(9))
        await console.until(TestReplyKpd1, test_number=9)
        assert await events.next() == TestReplyKpd2(9, 1, 1)
        limits = gateway.status().limits
        assert limits["27h"].answers == 2
        assert limits["29h"].answers == limits["53h"].answers == 1
        console.close()
        events.close()


async def test_a_late_answer_is_counted_and_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async with running(bench.config()) as (gateway, endpoints):
        console = await Console.connect(endpoints["kpd1"])
        gateway.limits.limits["27h"] = -1
        console.send(Start())
        await console.until(CommandExecuted, command=1)
        assert gateway.status().limits["27h"].late == 1
        assert "27h to command 01h took" in caplog.text
        console.close()


async def test_a_console_that_comes_back_finds_its_tables(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, endpoints):
        await switch_up(gateway)
        console = await started_console(endpoints)
        console.send(GROUP)
        await console.until(CommandExecuted, command=4, status=0)
        console.send(subscriber(1))
        await console.until(CommandExecuted, command=5, status=0)
        watcher = gateway.events.subscribe()
        console.close()
        async with asyncio.timeout(10):
            while (event := await anext(watcher))["event"] != "link" or event["state"] != "down":
                pass
        console = await Console.connect(endpoints["kpd1"])
        console.send(GetObjects(None, None, None, None, None))
        seen = await console.until(CommandExecuted, command=10, status=0)
        assert [m.object_number for m in seen if isinstance(m, ObjectInfo)] == [1]
        console.close()


async def test_a_table_longer_than_the_socket_holds_arrives_whole(bench: Bench) -> None:
    async with running(bench.config(max_objects=2000)) as (gateway, endpoints):
        await switch_up(gateway)
        console = await started_console(endpoints)
        for number in range(1500):
            console.send(subscriber(number, Category.STATISTICAL))
            await console.until(CommandExecuted, command=5, status=0)
        console.send(GetObjects(None, None, None, None, None))
        seen = await console.until(CommandExecuted, command=10, status=0)
        assert [m.object_number for m in seen if isinstance(m, ObjectInfo)] == list(range(1500))
        console.close()


async def test_a_restarted_gateway_has_the_tables_and_the_switch_gets_them_again(bench: Bench) -> None:
    config = bench.config(options={"after_restart": "restore"})
    async with running(config) as (gateway, endpoints):
        await switch_up(gateway)
        console = await started_console(endpoints)
        console.send(SetPassword("654321"))
        await console.until(CommandExecuted, command=3, status=0)
        console.send(AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1), password="654321"))
        await console.until(CommandExecuted, command=4, status=0)
        console.close()
    bench.switch.objects.clear()
    async with running(config) as (gateway, endpoints):
        tables = gateway.core.tables
        assert tables.started
        assert tables.password == "654321"
        assert list(tables.groups) == [1]
        console = await Console.connect(endpoints["kpd1"])
        console.send(Stop(password="654321"))
        await console.until(CommandExecuted, command=2, status=0)
        console.close()


async def test_the_journal_says_who_did_what_and_shows_no_password(bench: Bench) -> None:
    async with running(bench.config()) as (_, endpoints):
        console = await started_console(endpoints)
        peer = "{}:{}".format(*console.writer.get_extra_info("sockname"))
        console.send(SetPassword("654321", password="123456"))
        await console.until(CommandExecuted, command=3, status=0)
        console.writer.write(
            console.codec.encode(SetPassword("111111", password="654321"))[:3] + b"\x07" + b"777777"
        )
        console.writer.write(b"8888888")
        console.send(Test(1, password="654321"))
        await console.until(TestReplyKpd1)
        console.close()
    entries = bench.journal()
    kinds = [entry.kind for entry in entries]
    assert kinds[-1] == "gateway-stopped"
    assert "gateway-started" in kinds
    first = next(entry for entry in entries if entry.kind == "command")
    assert first.fields["peer"] == peer
    assert first.fields["command"] == 1
    assert first.fields["name"] == "start"
    assert first.fields["unit"] == "CC 01 01 00 ** ** ** ** ** **"
    assert first.fields["receipt"] == 0
    done = next(entry for entry in entries if entry.kind == "executed")
    assert (done.fields["command"], done.fields["status"]) == (1, 0)
    text = (bench.folder / "journal.db").read_bytes() + b"".join(
        file.read_bytes() for file in bench.folder.glob("journal.db-*")
    )
    for secret in ("123456", "654321", "8888888"):
        assert secret.encode() not in text
        assert secret.encode().hex().encode() not in text.lower()
        assert secret.encode().hex(" ").upper().encode() not in text


async def test_a_console_that_sends_all_and_hangs_up_gets_every_answer(bench: Bench) -> None:
    """Half a connection closed: the commands that wait are taken and answered before the other half closes."""
    async with running(bench.config()) as (gateway, endpoints):
        await switch_up(gateway)
        console = await Console.connect(endpoints["kpd1"])
        own = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
        for command in (
            Start(),
            AddObject(1, *own, "20001", None, Category.STATISTICAL, None, Priority.NORMAL),
        ):
            console.send(command)
        console.send(GetVersion())
        console.writer.write_eof()
        answers = await console.until(CommandExecuted, command=GetVersion.code)
        assert [m.command for m in answers if isinstance(m, CommandExecuted)][-2:] == [5, 17]
        console.close()


async def test_a_stranger_makes_the_journal_grow_by_a_bounded_amount(bench: Bench) -> None:
    options = {"journal_strangers_per_minute": 20}
    async with running(bench.config(options=options)) as (gateway, endpoints):
        stranger = await Console.connect(endpoints["kpd1"])
        for _ in range(300):
            stranger.writer.write(b"\xcc\x01\x0b\x03" + b"x" * 9)
            await stranger.until(CommandReceived, command=0x0B)
        stranger.close()
        left_out = gateway.counters["journal_left_out"]
        assert left_out > 250
        assert gateway.status().counters["journal_left_out"] == left_out
        console = await started_console(endpoints)  # it has shown the password: nothing of it is left out
        for _ in range(50):
            console.writer.write(b"\xcc\x01\x0b\x03" + b"x" * 9)
            await console.until(CommandReceived, command=0x0B)
        console.close()
    entries = bench.journal()
    assert sum(entry.fields["entries"] for entry in entries if entry.kind == "left-out") >= left_out
    broken = [entry for entry in entries if entry.kind == "command" and entry.fields["command"] == 0x0B]
    assert 50 < len(broken) < 100
    assert entries[-1].kind == "gateway-stopped"


async def test_damaged_tables_are_told_to_the_console_and_written_down(bench: Bench) -> None:
    (bench.folder / "state.db").write_bytes(b"this is not a database" * 1000)
    async with running(bench.config()) as (_, endpoints):
        console = await Console.connect(endpoints["kpd1"])
        assert isinstance(await console.next(), Restart)
        alarm = await console.next()
        assert (alarm.code, alarm.alarm_type) == (0x21, 1)
        console.close()
    assert "tables-damaged" in [entry.kind for entry in bench.journal()]


async def test_who_watches_gets_units_without_passwords(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, endpoints):
        watcher = gateway.events.subscribe()
        console = await started_console(endpoints)
        units = []
        async with asyncio.timeout(10):
            while len(units) < 4:
                event = await anext(watcher)
                if event["event"] == "unit":
                    units.append((event["direction"], event["unit"]["name"]))
                    assert "123456" not in str(event)
                    assert "313233343536" not in str(event)
        assert units == [
            ("sent", "restart"),
            ("received", "start"),
            ("sent", "command-received"),
            ("sent", "command-executed"),
        ]
        console.close()


async def test_a_password_in_the_fields_of_a_command_that_broke_off_is_nowhere_shown(bench: Bench) -> None:
    """A command breaks off after 12 octets: the header of the next one, with the password, lies in its fields."""
    async with running(bench.config()) as (gateway, endpoints):
        watcher = gateway.events.subscribe()
        console = await started_console(endpoints)
        add = console.codec.encode(subscriber(1))
        change = console.codec.encode(SetPassword("654321", password="123456"))
        for broken in (add[:12] + change + change, add[:4] + change + change, add[:9] + change + change):
            console.writer.write(broken[: len(add)])
            await console.until(CommandReceived, command=5)
        shown = []
        async with asyncio.timeout(10):
            while len([one for one in shown if one["name"] == "add-object"]) < 3:
                event = await anext(watcher)
                if event["event"] == "unit" and event["direction"] == "received":
                    shown.append(event["unit"])
        console.close()
    entries = [entry for entry in bench.journal() if entry.fields.get("name") == "add-object"]
    assert [entry.fields["unit"] for entry in entries] == [
        add[:4].hex(" ").upper() + " **" * (len(add) - 4)
    ] * 3
    text = str(shown) + str([entry.fields for entry in entries])
    for secret in ("123456", "654321", "1234", "4321"):
        assert secret not in text
        assert secret.encode().hex() not in text.lower().replace(" ", "")
        # As digits of a number each octet is read with its halves exchanged.
        assert "".join(octet[::-1] for octet in (f"{ord(c):02x}" for c in secret)) not in text.lower()


async def test_a_watcher_that_does_not_read_costs_a_bounded_amount(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, _):
        watcher = gateway.events.subscribe()
        for number in range(5000):
            gateway.events.publish("call", 0.0, lambda number=number: {"number": number})
        assert len(watcher) == 1000
        assert (await anext(watcher))["dropped_before"] == 4000


@pytest.mark.parametrize("key", ["console.kpd1_port", "console.kpd2_port", "radius.port"])
async def test_a_port_in_use_is_one_clear_error(bench: Bench, key: str) -> None:
    kind = socket.SOCK_DGRAM if key == "radius.port" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        document = lab_file(bench.folder, bench.server, bench.where)
        section, name = key.split(".")
        document[section][name] = taken.getsockname()[1]
        with pytest.raises(BoxError, match=rf"^{key}: 127\.0\.0\.1:\d+ is in use"):
            await Gateway(parse(document, directory=bench.folder)).start()
    async with running(bench.config()):
        pass  # what was open already has been closed again


async def test_two_gateways_do_not_share_tables(bench: Bench) -> None:
    async with running(bench.config()):
        with pytest.raises(
            BoxError, match=r"mediator\.journal: .*another process.*--set mediator\.journal=$"
        ):
            await Gateway(bench.config()).start()
        with pytest.raises(
            BoxError, match=r"mediator\.state: .*another gateway.*--set mediator\.state=:memory:$"
        ):
            await Gateway(bench.config(journal="")).start()


async def test_without_a_pinned_key_there_is_no_gateway(bench: Bench) -> None:
    document = lab_file(bench.folder, bench.server, bench.where)
    del document["ssh"]["host_key"]
    with pytest.raises(BoxError, match=r"ssh\.host_key: empty"):
        await Gateway(parse(document, directory=bench.folder)).start()


@pytest.mark.parametrize(
    ("command", "before"), [(Test(7), []), (GROUP, [0x27])], ids=["nothing", "up to its change of the tables"]
)
async def test_an_error_of_the_core_stops_it_and_nothing_more_of_that_input_goes_out(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    command: Message,
    before: list[int],
) -> None:
    async with running(bench.config()) as (gateway, endpoints):
        assert gateway.failure is not None
        console = await started_console(endpoints)
        received = gateway.core.received

        def halfway(*given: Any) -> Any:
            received(*given)
            raise KeyError("".join(["202", "58"]))

        monkeypatch.setattr(gateway.core, "received", halfway)
        console.send(command)
        assert [(await console.next()).code for _ in before] == before
        with pytest.raises(ConnectionError):
            await console.next()
        assert "KeyError" in str(await asyncio.wait_for(gateway.failure, 10))
        assert not gateway.status().serving
        assert "20258" not in caplog.text


async def test_a_report_that_comes_while_it_stops_is_not_taken_and_not_an_error(bench: Bench) -> None:
    async with running(bench.config()) as (gateway, _):
        party = Party(digits="20258", ni="private")
        report = CallReport(
            call_id="1", domain="d", sequence=1, time=gateway.now(), connection=1, calling=party, called=party,
            calling_station="20258", called_station="20258", setup_time=gateway.now(),
        )  # fmt: skip
        assert gateway.report(report) is True
        await gateway.stop()
        assert gateway.report(report) is False


async def test_what_fails_to_close_leaves_nothing_else_open(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Gateway(bench.config())
    await gateway.start()
    stop = Consoles.stop

    async def fails(consoles: Consoles) -> None:
        await stop(consoles)
        raise OSError("of the console's side")

    monkeypatch.setattr(Consoles, "stop", fails)
    with pytest.raises(OSError, match="of the console's side"):
        await gateway.stop()
    assert gateway.link is None
    assert gateway.journal is None
    monkeypatch.undo()
    async with running(bench.config()):  # tables and journal are free: no other process has them
        pass


def said(
    emit: Callable[[logging.LogRecord], None], text: str, event: asyncio.Event
) -> Callable[[logging.LogRecord], None]:
    """Emits records, and sets the event at the first one with the text."""

    def emit_and_tell(record: logging.LogRecord) -> None:
        emit(record)
        if text in record.getMessage():
            event.set()

    return emit_and_tell


async def test_a_client_with_another_secret_is_told_with_the_remedy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with small_switch() as (_, server, where), AsyncExitStack() as stack:
        document = lab_file(tmp_path, server, where) | {
            "radius": {"port": 0, "secret": "common", "clients": {"127.0.0.1": "WRONG"}}
        }
        gateway, endpoints = await stack.enter_async_context(running(parse(document, directory=tmp_path)))
        assert gateway.status().warnings == []
        host, _, port = endpoints["radius"].rpartition(":")
        reporter = Reporter((host, int(port)), "RIGHT")
        stack.callback(reporter.close)
        await reporter.start()
        refused = asyncio.Event()
        monkeypatch.setattr(caplog.handler, "emit", said(caplog.handler.emit, "wrong secret", refused))
        async with asyncio.timeout(10):
            reporter.send(REPORT)
            await refused.wait()
        (warning,) = gateway.status().warnings
        assert warning == (
            "RADIUS from 127.0.0.1: wrong secret, so its reports are lost: "
            'radius.clients."127.0.0.1" is to be the secret that the client has (1 so far)'
        )
        assert warning in [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(("secret", "taken"), [("common", True), ("", False)])
async def test_who_is_not_named_reports_with_the_common_secret_and_without_one_not_at_all(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    secret: str,
    *,
    taken: bool,
) -> None:
    async with small_switch() as (_, server, where), AsyncExitStack() as stack:
        document = lab_file(tmp_path, server, where) | {
            "radius": {"port": 0, "secret": secret, "clients": {"127.0.0.2": "named"}}
        }
        gateway, endpoints = await stack.enter_async_context(running(parse(document, directory=tmp_path)))
        over = asyncio.Event()
        monkeypatch.setattr(caplog.handler, "emit", said(caplog.handler.emit, "unknown client", over))
        monkeypatch.setattr(gateway.core, "report", lambda *_: [over.set()][:0])
        host, _, port = endpoints["radius"].rpartition(":")
        reporter = Reporter((host, int(port)), secret or "2testing123")
        stack.callback(reporter.close)
        await reporter.start()
        async with asyncio.timeout(10):
            reporter.send(REPORT)
            await over.wait()
        assert gateway.sink.counters.reports == taken
        assert gateway.status().warnings == (
            []
            if taken
            else [
                "RADIUS from 127.0.0.1: unknown client, so its reports are lost: "
                'set radius.clients."127.0.0.1" to its secret (1 so far)'
            ]
        )


async def test_events_lost_to_a_console_that_reconnected_are_warned_of_until_its_first_command(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(bench.config()) as (gateway, endpoints):
        await switch_up(gateway)
        kpd2 = await Console.connect(endpoints["kpd2"], Channel.KPD2)
        console = await started_console(endpoints)
        await console.do(subscriber(1, Category.STATISTICAL))
        watcher = gateway.events.subscribe()

        async def seen(**wanted: str) -> dict[str, Any]:
            async with asyncio.timeout(10):
                async for event in watcher:
                    if wanted.items() <= event.items():
                        return event
            raise AssertionError("the gateway has stopped")

        console.close()
        await seen(event="link", link="kpd1", state="down")
        console = await Console.connect(endpoints["kpd1"])
        await seen(event="link", link="kpd1", state="up")
        assert gateway.status().warnings == []
        for number in range(3):
            match = Match(object_number=1, role="a", called=REPORT.called, time=gateway.now())
            call = replace(REPORT, call_id=f"c-{number}", time=gateway.now(), setup_time=gateway.now())
            assert gateway.report(replace(call, matches=(match,)))
        assert gateway.core.counters["dropped_kpd2"] == 3
        (warning,) = gateway.status().warnings
        assert warning.startswith("console 127.0.0.1:")
        assert "has reconnected and given no command" in warning
        assert "(3 so far)" in warning
        assert "(1 so far)" in (await seen(event="warning"))["text"]
        assert caplog.text.count("has reconnected and given no command") == 1
        assert "warning" not in [event["event"] for event in watcher.taken()]
        console.send(GetVersion())
        await console.until(CommandExecuted)
        assert gateway.status().warnings == []
        console.close()
        kpd2.close()
