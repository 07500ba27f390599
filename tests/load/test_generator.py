"""The generator of call reports: on time, whatever the mediator does, and to its end."""

from __future__ import annotations

import asyncio
import time

import pytest

from radius.report import CallReport
from radius.sink import Sink
from sorm_mediator.addresses import host_port
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.errors import BoxError
from sorm_mediator.load import generator
from sorm_mediator.load.generator import Generator, Job, run
from sorm_mediator.load.plan import STAGES, CallPlan, Due

SECRET = "2testing123"


class Post:
    """Takes what is due in place of a sender."""

    def __init__(self, after: int = 0, then: asyncio.Event | None = None) -> None:
        self.dues: list[Due] = []
        self._after, self._then = after, then

    def send(self, due: Due, begin: float) -> None:
        self.dues.append(due)
        if self._then is not None and len(self.dues) == self._after:
            self._then.set()

    async def drain(self) -> None:
        raise AssertionError("nothing is confirmed here")

    def done(self) -> dict[str, object]:
        raise AssertionError("nothing is confirmed here")


async def sent_by(plan: CallPlan, post: Post, stopped: asyncio.Event | None = None) -> list[float]:
    job = Job(plan=plan, via="radius", server="", secret="", times="")
    begin = time.monotonic()
    times = await run(job, post, begin, stopped or asyncio.Event())
    return [one and one - begin for one in times]


async def test_no_report_is_handed_over_before_it_is_due() -> None:
    plan = CallPlan(rate=2000, calls=20, ring=0.01, talk=0.02)
    post = Post()
    times = await sent_by(plan, post)
    assert len(post.dues) == STAGES * 20
    for due in plan.dues():
        assert times[STAGES * due.call + due.stage] >= due.after


async def test_a_stop_lets_no_call_begin_and_ends_those_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "FINISH_WITHIN", 0.0)
    stopped = asyncio.Event()
    post = Post(5, stopped)
    # Without the stop the last of them would begin in a minute, and end an hour later.
    times = await sent_by(CallPlan(rate=1000, calls=60_000, ring=3600), post, stopped)
    begun = [index for index in range(60_000) if times[STAGES * index]]
    assert begun == list(range(len(begun)))
    assert len(begun) < 60_000
    assert [sum(one.stage == stage for one in post.dues) for stage in range(STAGES)] == [len(begun)] * 3


async def test_processes_send_every_report_to_a_sink_and_say_when() -> None:
    came: list[CallReport] = []
    sink = Sink("127.0.0.1", 0, {"127.0.0.1": SECRET}, lambda report: came.append(report))
    plan = CallPlan(rate=500, calls=9, ring=0.01, talk=0.02, objects=2)
    try:
        server = host_port(*await sink.start())
        async with Generator(plan, server, SECRET, processes=2) as both:
            begin = both.begin()
            handed = await both.finished()
    finally:
        sink.close()
    assert (handed.unconfirmed, handed.sent - handed.repeated) == (0, STAGES * 9)
    assert sorted((one.call_id, one.sequence) for one in came) == [
        (f"load-{index}", stage + 1) for index in range(9) for stage in range(STAGES)
    ]
    for due in plan.dues():
        assert handed.times[STAGES * due.call + due.stage] >= begin + due.after


async def test_a_server_without_an_address_is_told() -> None:
    plan = CallPlan(rate=1, calls=1)
    with pytest.raises(ConnectError, match=r"nowhere\.invalid:1: .*not known"):
        async with Generator(plan, "nowhere.invalid:1", SECRET):
            pass


async def test_a_process_that_dies_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    plan = CallPlan(rate=1, calls=1)
    with pytest.raises(BoxError, match="the generator ended with 1"):
        async with Generator(plan, "no port", SECRET):
            pass
    assert "no port" in capfd.readouterr().err
