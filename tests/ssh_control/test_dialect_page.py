"""What docs/dialect.md says is what is spoken."""

from __future__ import annotations

import json
import re
from pathlib import Path

from docs.state_tables import arrows
from ssh_control.client import LINK_TABLE
from ssh_control.dialect import (
    CLIENT_TABLE,
    SERVER_TABLE,
    ClientDialect,
    EventReceived,
    HelloAccepted,
    HelloReceived,
    Reply,
    ReplyReceived,
    Request,
    RequestReceived,
    ServerDialect,
)
from ssh_control.messages import MAX_REPLY_LINE, MAX_REQUEST_LINE, MOST_NESTING, OPERATIONS, SYNC_CHUNK

PAGE = (Path(__file__).parents[2] / "docs" / "dialect.md").read_text(encoding="utf-8")


def test_every_op_is_described_with_its_params() -> None:
    rows = dict(re.findall(r"^\| `([a-z]+)` \| (.*?) \|", PAGE.partition("## Operations")[2], re.M))
    rows.pop("line", None)
    assert list(rows) == list(OPERATIONS)
    for op, operation in OPERATIONS.items():
        assert re.findall(r"`(\w+)`", rows[op].replace("`null`", "")) == list(operation.__struct_fields__)


def test_the_limits_are_those_of_the_code() -> None:
    for number in (MAX_REQUEST_LINE, MAX_REPLY_LINE):
        assert f"{number:,}" in PAGE
    assert f"({SYNC_CHUNK} objects are sent in one)" in PAGE
    assert f"more than {MOST_NESTING} deep" in PAGE


def test_the_states_are_those_of_the_tables() -> None:
    shown = re.findall(r"```text\n(.*?)\n```", PAGE.partition("## States")[2], re.S)
    assert shown == [arrows(SERVER_TABLE), arrows(CLIENT_TABLE), arrows(LINK_TABLE)]


def test_the_example_session_is_spoken_octet_by_octet() -> None:
    (session,) = re.findall(r"```text\n(C: .*?)\n```", PAGE, re.S)
    told = json.loads(session.partition("S: ")[2].partition("\n")[0])
    server, client = ServerDialect(), ClientDialect("orm-1", "127.0.0.1:1813")
    used = set()
    for line in session.splitlines():
        who, octets = line[:3], line[3:].encode() + b"\n"
        message = json.loads(octets)
        if who == "C: ":
            if "op" in message:
                client.ask(Request(message["op"], message["params"]))
            assert client.take() == octets
            server.feed(octets)
            event = server.next_event()
            if isinstance(event, HelloReceived):
                server.accept({key: told[key] for key in ("switch", "domain")})
            elif isinstance(event, RequestReceived):
                used.add(event.request.op)
        else:
            if "event" in message:
                server.notify(message)
            elif message.get("ok") and "seq" in message:
                server.reply(message["seq"], Reply(True, message["data"]))
            elif message.get("code") == 0x54:
                server.reply(message["seq"], Reply.refusal(0x54, message["text"]))
            assert server.take() == octets
            client.feed(octets)
            assert isinstance(client.next_event(), HelloAccepted | ReplyReceived | EventReceived)
    assert used == set(OPERATIONS)
