"""Replies that come later: in any order, never lost, and no hindrance to those that are there at once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncssh
import pytest

from ssh_control.dialect import PendingReply, Reply, Request, Response
from ssh_control.server import MOST_OPEN

HELLO = b'{"hello":"sorm","version":1}\n'


def ping(*seqs: int) -> bytes:
    return b"".join(b'{"seq":%d,"op":"ping"}\n' % seq for seq in seqs)


class Mediator:
    """One session, spoken line by line."""

    def __init__(self, process: Any) -> None:
        self.process = process

    def say(self, octets: bytes) -> None:
        self.process.stdin.write(octets)

    async def hear(self) -> Any:
        async with asyncio.timeout(20):
            return json.loads(await self.process.stdout.readline())["seq"]


@pytest.fixture
def kept(switch: Any) -> list[PendingReply]:
    """The replies that the switch keeps to itself for now."""
    return []


@pytest.fixture
async def mediator(server: Any, switch: Any, kept: list[PendingReply]) -> Any:
    """Is connected to a switch that keeps the reply to every second request; ``trunks`` it never answers."""
    connection = await asyncssh.connect(
        *server.address, username="test.domain", password="123", known_hosts=None, config=None
    )
    async with connection:
        process = await connection.create_process(subsystem="sorm", encoding=None)
        process.stdin.write(HELLO)
        await process.stdout.readline()
        session = switch.sessions[0]
        count = 0

        def handle(request: Request) -> Response:
            nonlocal count
            count += 1
            switch.requests.append(request)
            switch.news.set()
            if request.op == "trunks":
                return None
            if count % 2:
                return Reply(True)
            kept.append(PendingReply())
            return kept[-1]

        session.handle = handle
        yield Mediator(process)


async def test_what_is_there_does_not_wait_for_what_is_not(mediator: Any, switch: Any, kept: Any) -> None:
    mediator.say(ping(1, 2, 3, 4, 5))
    assert [await mediator.hear() for _ in range(3)] == [1, 3, 5]
    kept[1].give(Reply(True))
    assert await mediator.hear() == 4
    kept[0].give(Reply(True))
    assert await mediator.hear() == 2


async def test_a_reply_that_is_given_before_anybody_listens(mediator: Any, switch: Any) -> None:
    def handle(request: Request) -> Response:
        later = PendingReply()
        later.give(Reply(True))
        return later

    switch.sessions[0].handle = handle
    mediator.say(ping(7, 8))
    assert [await mediator.hear(), await mediator.hear()] == [7, 8]


async def test_no_answer_ever_is_no_hindrance(mediator: Any, kept: Any) -> None:
    never = b'{"seq":1,"op":"trunks","params":{"trunk":null}}\n' * 2 * MOST_OPEN
    mediator.say(never + ping(2))
    assert await mediator.hear() == 2


async def test_who_has_said_its_last_still_gets_its_replies(mediator: Any, switch: Any, kept: Any) -> None:
    mediator.say(ping(1, 2))
    mediator.process.stdin.write_eof()
    assert await mediator.hear() == 1
    await switch.until(lambda: bool(kept))
    kept[0].give(Reply(True))
    assert await mediator.hear() == 2
    async with asyncio.timeout(20):
        await mediator.process.wait_closed()
    assert mediator.process.exit_status == 0


async def test_a_mediator_is_not_asked_for_more_than_can_be_kept(
    mediator: Any, switch: Any, kept: Any
) -> None:
    most = 2 * MOST_OPEN + 2
    mediator.say(ping(*range(most)))
    await switch.until(lambda: len(kept) == MOST_OPEN)
    heard = [await mediator.hear() for _ in range(MOST_OPEN)]
    assert heard == list(range(0, 2 * MOST_OPEN, 2))
    assert len(switch.requests) == 2 * MOST_OPEN
    kept[0].give(Reply(True))
    assert sorted([await mediator.hear(), await mediator.hear()]) == [1, 2 * MOST_OPEN]


async def test_a_reply_for_somebody_who_is_gone_is_dropped(
    mediator: Any, server: Any, switch: Any, kept: Any
) -> None:
    mediator.say(ping(1, 2))
    await mediator.hear()
    await switch.until(lambda: bool(kept))
    server.drop("test.domain")
    await switch.until(lambda: switch.sessions[0].ended == 1)
    kept[0].give(Reply(True))


async def test_only_the_connections_of_that_user_are_dropped(mediator: Any, server: Any) -> None:
    server.drop("other.domain")
    mediator.say(ping(1))
    assert await mediator.hear() == 1
