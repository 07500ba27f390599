"""The wall clock of a running gateway is set: no timer hangs or fires for it, no call ends by it or hangs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol import Answer, CallEvent, Channel, CommandExecuted, NumberReceived, Release, Start
from radius.report import Match
from radius.reporter import Reporter
from sorm_mediator.journal.book import JournalReader
from tests.mediator.gateway_harness import Console, lab_config, running, small_switch, switch_up
from tests.mediator.test_gateway_kill import statistical
from tests.radius.reports import REPORT

DAYS = 86_400.0


@pytest.mark.parametrize("step", [-2 * DAYS, 2 * DAYS], ids=["two days back", "two days forward"])
async def test_calls_and_commands_go_on_over_a_step_of_the_wall_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    async with small_switch() as (switch, server, where):
        lab = lab_config(tmp_path, server, where, options={"switch_timeout": 0.2, "call_expiry": 3600.0})
        async with running(lab) as (gateway, endpoints):
            await switch_up(gateway)
            commands = await Console.connect(endpoints["kpd1"])
            events = await Console.connect(endpoints["kpd2"], Channel.KPD2)
            await commands.do(Start(), statistical(1))
            host, _, port = endpoints["radius"].rpartition(":")
            reporter = Reporter((host, int(port)), "2testing123")
            await reporter.start()
            now = gateway.now()
            touched = Match(object_number=1, role="a", called=REPORT.called, time=now)
            begun = replace(REPORT, time=now, setup_time=now, matches=(touched,))
            reporter.send(begun)
            assert isinstance(await events.next(), NumberReceived)

            wall = time.time
            monkeypatch.setattr(time, "time", lambda: wall() + step)
            assert abs(gateway.now() - now) < DAYS
            reporter.send(replace(begun, sequence=2, time=now + 1, answer_time=now + 1))
            assert isinstance(await events.next(), Answer)
            monkeypatch.setattr(switch, "handle", lambda request: None)
            commands.send(statistical(2))
            ended = (await commands.until(CommandExecuted))[-1]
            assert ended == CommandExecuted(5, 1), "the time-out of the switch runs"
            over: dict[str, Any] = {"release_time": now + 2, "release_cause": 5}
            reporter.send(replace(begun, sequence=3, time=now + 2, answer_time=now + 1, **over))
            last = await events.next()
            assert isinstance(last, Release)
            assert isinstance(last, CallEvent)
            assert last.operation == 5, "it ended as the switch reports, and did not expire"
            await reporter.drain()
            assert gateway.status().counters.get("calls_expired", 0) == 0
            reporter.close()
            commands.close()
            events.close()
    journal = JournalReader(tmp_path / "journal.db")
    times = [entry.time for entry in journal.entries()]
    journal.close()
    assert times == sorted(times)
