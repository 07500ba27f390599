"""The dialect as a dialogue: this goes in, that must come out. No sockets."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssh_control.dialect import (
    CLIENT_TABLE,
    SERVER_TABLE,
    ClientDialect,
    ClientEvent,
    ClientHello,
    DialectBroken,
    EventReceived,
    HelloAccepted,
    HelloReceived,
    HelloRefused,
    IllegalInputError,
    LineRejected,
    Reply,
    ReplyReceived,
    Request,
    RequestReceived,
    ServerDialect,
    ServerEvent,
    SessionInput,
    SessionState,
    Versions,
)
from ssh_control.messages import (
    MAX_REPLY_LINE,
    MAX_REQUEST_LINE,
    OPERATIONS,
    SYNC_CHUNK,
    DialectError,
)
from tests.objects import own

OBJECT = own()
PARAMS: dict[str, dict[str, Any]] = {
    "add": {"object": OBJECT},
    "change": {"object_number": 258, "category": "separate", "priority": "high"},
    "remove": {"object_number": 258},
    "join": {"object_number": 258},
    "sync": {"objects": [OBJECT], "first": True, "last": True},
    "clear": {},
    "services": {"number": "28331", "number_sign": "own"},
    "trunks": {"trunk": None},
    "ping": {},
}


def line(**message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


def heard(side: ServerDialect | ClientDialect, data: bytes) -> list[ServerEvent | ClientEvent]:
    side.feed(data)
    events: list[ServerEvent | ClientEvent] = []
    while (event := side.next_event()) is not None:
        events.append(event)
    return events


def said(side: ServerDialect | ClientDialect) -> list[dict[str, Any]]:
    return [json.loads(one) for one in side.take().splitlines()]


def ready_server() -> ServerDialect:
    server = ServerDialect()
    heard(server, line(hello="sorm", version=1, mediator="smg", radius="127.0.0.1:1813"))
    server.accept({"switch": "lab"})
    server.take()
    return server


def ready_client() -> ClientDialect:
    client = ClientDialect("smg", "127.0.0.1:1813")
    client.take()
    heard(client, line(hello="sorm", ok=True, version=1))
    return client


def test_hello_request_reply_and_event_cross() -> None:
    client, server = ClientDialect("smg", "127.0.0.1:1813"), ServerDialect()
    assert heard(server, client.take()) == [HelloReceived(ClientHello("smg", "127.0.0.1:1813", 1))]
    server.accept({"switch": "lab"})
    assert heard(client, server.take()) == [
        HelloAccepted({"hello": "sorm", "ok": True, "version": 1, "switch": "lab"})
    ]

    assert client.ask(Request("add", {"object": OBJECT})) == 1
    assert heard(server, client.take()) == [RequestReceived(1, Request("add", {"object": OBJECT}))]
    server.reply(1, Reply(True, {"line_state": 0}))
    server.notify({"event": "line-state", "object_number": 258, "line_state": 1})
    assert heard(client, server.take()) == [
        ReplyReceived(1, Reply(True, {"line_state": 0})),
        EventReceived({"event": "line-state", "object_number": 258, "line_state": 1}),
    ]


def test_where_speech_is_to_be_sent_is_told_in_the_hello() -> None:
    client, server = ClientDialect("smg", "", rtp="127.0.0.1:40000"), ServerDialect()
    assert heard(server, client.take()) == [HelloReceived(ClientHello("smg", "", 1, "127.0.0.1:40000"))]


def test_a_hello_without_speech_has_the_same_octets_as_before_there_was_any() -> None:
    assert ClientDialect("smg", "127.0.0.1:1813").take() == (
        b'{"hello":"sorm","version":1,"min_version":1,"mediator":"smg","radius":"127.0.0.1:1813"}\n'
    )


def test_what_a_request_is_made_for_crosses_and_a_side_that_has_no_such_field_is_understood() -> None:
    client, server = ready_client(), ready_server()
    client.ask(Request("ping", {}, "cmd-1"))
    client.ask(Request("ping", {}))
    named, plain = client.take().splitlines(keepends=True)
    assert json.loads(named)["cause"] == "cmd-1"
    assert "cause" not in json.loads(plain)
    wrong = [line(seq=9, op="ping", cause=cause) for cause in ("x" * 65, 7, None, "a\nb")]
    requests = heard(server, named + plain + b"".join(wrong))
    causes = [each.request.cause for each in requests if isinstance(each, RequestReceived)]
    assert causes == ["cmd-1", "", "", "", "", "a\\nb"]


def test_replies_are_paired_by_seq_in_any_order() -> None:
    client, server = ready_client(), ready_server()
    first, second = client.ask(Request("ping", {})), client.ask(Request("trunks", {"trunk": 2}))
    heard(server, client.take())
    server.reply(second, Reply.refusal(0x49, "no such trunk"))
    server.reply(first, Reply(True))
    assert heard(client, server.take()) == [
        ReplyReceived(second, Reply(False, {}, 0x49, "no such trunk")),
        ReplyReceived(first, Reply(True)),
    ]


@pytest.mark.parametrize(
    ("offered", "own", "agreed"),
    [((1, 3), (1, 1), 1), ((1, 1), (1, 3), 1), ((2, 4), (1, 3), 3), ((2, 2), (2, 2), 2)],
)
def test_the_lower_of_both_versions_is_spoken(
    offered: tuple[int, int], own: tuple[int, int], agreed: int
) -> None:
    client, server = ClientDialect("smg", "", Versions(*offered)), ServerDialect(Versions(*own))
    assert heard(server, client.take()) == [HelloReceived(ClientHello("smg", "", agreed))]
    server.accept({})
    assert heard(client, server.take()) == [HelloAccepted({"hello": "sorm", "ok": True, "version": agreed})]


def test_no_common_version_is_refused_in_words() -> None:
    client, server = ClientDialect("smg", "", Versions(2, 3)), ServerDialect(Versions(1, 1))
    (fault,) = heard(server, client.take())
    assert isinstance(fault, LineRejected)
    assert server.state is SessionState.CLOSED
    text = "no common version: the mediator speaks 2..3, the switch 1..1"
    assert heard(client, server.take()) == [HelloRefused(0x11, text)]
    assert client.state is SessionState.CLOSED


def test_a_version_that_was_not_offered_is_not_accepted() -> None:
    client = ClientDialect("smg", "")
    (event,) = heard(client, line(hello="sorm", ok=True, version=2))
    assert isinstance(event, DialectBroken)


@pytest.mark.parametrize(
    "message",
    [
        {"op": "ping", "seq": 1},
        {"hello": "smtp", "version": 1},
        {"hello": "sorm"},
        {"hello": "sorm", "version": "1"},
        {"hello": "sorm", "version": 1, "min_version": 2},
        {"hello": "sorm", "version": True},
        {"hello": "sorm", "version": 1, "mediator": 7},
        {"hello": "sorm", "version": 1, "radius": "x" * 256},
        {"hello": "sorm", "version": 1, "rtp": 40000},
    ],
)
def test_whoever_does_not_say_hello_is_turned_away(message: dict[str, Any]) -> None:
    server = ServerDialect()
    (fault,) = heard(server, line(**message) + line(seq=1, op="ping"))
    assert isinstance(fault, LineRejected)
    (answer,) = said(server)
    assert (answer["ok"], answer["code"], answer["text"]) == (False, 0x11, fault.text)
    assert server.state is SessionState.CLOSED


def test_a_backend_may_refuse_and_later_lines_are_not_looked_at() -> None:
    server = ServerDialect()
    events = heard(server, line(hello="sorm", version=1) + line(seq=1, op="ping"))
    assert events == [HelloReceived(ClientHello("", "", 1))]
    server.refuse(0x17, "SORM of this domain is off")
    assert said(server) == [
        {"hello": "sorm", "ok": False, "code": 0x17, "text": "SORM of this domain is off"}
    ]
    assert server.next_event() is None


def test_requests_behind_the_hello_wait_for_the_decision() -> None:
    server = ServerDialect()
    heard(server, line(hello="sorm", version=1) + line(seq=1, op="ping"))
    server.accept({})
    assert server.next_event() == RequestReceived(1, Request("ping", {}))


@pytest.mark.parametrize("op", OPERATIONS)
def test_every_op_passes_with_its_params_and_with_unknown_keys(op: str) -> None:
    request = line(seq=5, op=op, params=PARAMS[op] | {"later": 1}, later=2)
    assert heard(ready_server(), request) == [RequestReceived(5, Request(op, PARAMS[op] | {"later": 1}))]


@pytest.mark.parametrize(
    ("request_line", "code", "text"),
    [
        (line(seq=1, op="fly"), 0x11, "unknown op 'fly'"),
        (line(seq=1, op=5), 0x11, "op: must be a text"),
        (line(seq=1), 0x11, "op: must be a text"),
        (line(seq=1, op="add", params=[]), 0x11, "params: must be an object"),
        (line(seq=1, op="add", params={}), 0x11, "add: object: is missing"),
        (line(seq=1, op="add", params={"object": 3}), 0x11, "add: object: must be an object"),
        (
            line(seq=1, op="add", params={"object": OBJECT | {"object_number": 65535}}),
            0x11,
            "add: object: object_number: must be a whole number 0..65534",
        ),
        (
            line(seq=1, op="add", params={"object": OBJECT | {"number": "1" * 19}}),
            0x11,
            "add: object: number: must be a text of 1..18 characters, or null",
        ),
        (line(seq=1, op="remove", params={"object_number": True}), 0x11, "remove: object_number: must be"),
        (
            line(seq=1, op="sync", params={"objects": [OBJECT, {}], "first": True, "last": True}),
            0x11,
            "sync: objects: [1]: object_number: is missing",
        ),
        (
            line(seq=1, op="sync", params={"objects": [], "first": 1, "last": True}),
            0x11,
            "sync: first: must be true or false",
        ),
    ],
)
def test_a_wrong_request_is_answered_and_the_session_goes_on(
    request_line: bytes, code: int, text: str
) -> None:
    server = ready_server()
    (fault, after) = heard(server, request_line + line(seq=2, op="ping"))
    assert isinstance(fault, LineRejected)
    assert after == RequestReceived(2, Request("ping", {}))
    (answer,) = said(server)
    assert answer["text"].startswith(text)
    assert (answer["seq"], answer["ok"], answer["code"]) == (1, False, code)


@pytest.mark.parametrize(
    "garbage",
    [
        b"get / http/1.0\n",
        b"\xff\xfe\x00\n",
        b"[1,2]\n",
        b'"hello"\n',
        b"[" * 5000 + b"\n",
        b'{"seq":NaN,"op":"ping"}\n',
        b'{"seq":' + b"9" * 5000 + b',"op":"ping"}\n',
        b'{"seq":1e400,"op":"ping"}\n',
        b'{"seq":1,"op":"ping","x":"\\ud800"}\n',
        b'{"seq":-1,"op":"ping"}\n',
        b'{"seq":1.5,"op":"ping"}\n',
        b'{"op":"ping"}\n',
    ],
)
def test_garbage_is_answered_without_seq(garbage: bytes) -> None:
    server = ready_server()
    assert [type(event) for event in heard(server, garbage + line(seq=2, op="ping"))] == [
        LineRejected,
        RequestReceived,
    ]
    (answer,) = said(server)
    assert (answer["seq"], answer["ok"], answer["code"]) == (None, False, 0x11)


@pytest.mark.parametrize(
    ("number", "why"),
    [(b"1e400", "Number out of range"), (b"9" * 4301, "Integer value out of range")],
    ids=["float", "whole number"],
)
def test_a_number_out_of_range_is_refused_in_words(number: bytes, why: str) -> None:
    (fault,) = heard(ready_server(), b'{"seq":1,"op":"ping","x":' + number + b"}\n")
    assert fault == LineRejected(f"the line is no JSON: {why}")


def test_the_longest_whole_number_is_read() -> None:
    assert heard(ready_server(), b'{"seq":1,"op":"ping","x":' + b"9" * 4300 + b"}\n") == [
        RequestReceived(1, Request("ping", {}))
    ]


def test_of_a_key_that_stands_twice_the_last_value_counts() -> None:
    assert heard(ready_server(), b'{"seq":1,"op":"fly","seq":2,"op":"ping"}\n') == [
        RequestReceived(2, Request("ping", {}))
    ]


def test_blank_lines_are_passed_over() -> None:
    assert heard(ready_server(), b"\n\n" + line(seq=1, op="ping") + b"\n") == [
        RequestReceived(1, Request("ping", {}))
    ]


def test_a_megabyte_of_line_is_refused_once_in_bounded_memory() -> None:
    server = ready_server()
    for _ in range(16):
        server.feed(b"x" * 65536)
    assert isinstance(server.next_event(), LineRejected)
    assert server.next_event() is None
    (answer,) = said(server)
    assert (answer["seq"], answer["code"]) == (None, 0x10)
    assert heard(server, b"the rest\n" + line(seq=7, op="ping")) == [RequestReceived(7, Request("ping", {}))]


def test_the_longest_line_passes_and_one_octet_more_does_not() -> None:
    filler = MAX_REQUEST_LINE - len(line(seq=1, op="ping", x=""))
    longest = line(seq=1, op="ping", x="y" * (filler + 1))
    assert len(longest) == MAX_REQUEST_LINE + 1
    assert heard(ready_server(), longest) == [RequestReceived(1, Request("ping", {}))]
    (fault,) = heard(ready_server(), longest[:-1] + b" \n")
    assert fault == LineRejected(f"a line of more than {MAX_REQUEST_LINE} octets")


def test_half_a_line_at_the_end_is_complained_of() -> None:
    server = ready_server()
    assert heard(server, b'{"seq":1,"op"') == []
    assert server.end() == LineRejected("the last line never ended: 13 octets thrown away")
    assert said(server)[0]["code"] == 0x10
    assert server.end() is None


def test_a_reply_that_cannot_be_said_becomes_a_refusal() -> None:
    server = ready_server()
    server.reply(1, Reply(True, {"x": object()}))
    server.reply(2, Reply(True, {"x": "y" * MAX_REPLY_LINE}))
    not_json, too_long = said(server)
    assert (not_json["seq"], not_json["ok"], not_json["code"]) == (1, False, 0x11)
    assert (too_long["seq"], too_long["ok"], too_long["code"]) == (2, False, 0x10)


def test_numbers_that_json_has_not_are_written_as_null() -> None:
    server = ready_server()
    server.reply(1, Reply(True, {"x": [math.nan, math.inf, -math.inf]}))
    assert [answer["data"] for answer in said(server)] == [{"x": [None, None, None]}]


@pytest.mark.parametrize("value", ["half of a pair: \ud800", 10**4300], ids=["text", "whole number"])
def test_what_no_line_can_hold_is_not_sent(value: object) -> None:
    client, server = ready_client(), ready_server()
    with pytest.raises(DialectError, match="can't be written as JSON"):
        client.ask(Request("services", {"number": value}))
    assert client.take() == b""
    server.reply(1, Reply(True, {"x": value}))
    (answer,) = said(server)
    assert (answer["seq"], answer["ok"], answer["code"]) == (1, False, 0x11)


def test_a_request_that_cannot_be_said_is_not_sent_and_takes_no_seq() -> None:
    client = ready_client()
    with pytest.raises(DialectError, match="octets"):
        client.ask(Request("sync", {"objects": ["x" * MAX_REQUEST_LINE]}))
    assert client.take() == b""
    assert client.ask(Request("ping", {})) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        b"garbage\n",
        b"[]\n",
        line(hello="sorm", ok=True, version=1),
        line(seq=1),
        line(seq=1, ok=1),
        line(ok=False, seq=None, code=0x10, text="a line too long"),
        line(seq=1, ok=False, code=300),
        line(seq=1, ok=False, text=4),
        line(seq=1, ok=True, data=[]),
        line(event=1),
        b"x" * (MAX_REPLY_LINE + 1),
    ],
)
def test_a_switch_that_talks_nonsense_ends_the_session(nonsense: bytes) -> None:
    client = ready_client()
    (event,) = heard(client, nonsense + line(seq=1, ok=True))
    assert isinstance(event, DialectBroken)
    assert client.state is SessionState.CLOSED
    with pytest.raises(IllegalInputError):
        client.ask(Request("ping", {}))


def test_what_a_state_does_not_allow_raises_and_changes_nothing() -> None:
    server = ServerDialect()
    for forbidden in (
        lambda: server.accept({}),
        lambda: server.refuse(0x11, "no"),
        lambda: server.reply(1, Reply(True)),
        lambda: server.notify({"event": "line-state"}),
    ):
        with pytest.raises(IllegalInputError, match="not while awaiting hello"):
            forbidden()
    assert (server.state, server.take()) == (SessionState.AWAITING_HELLO, b"")
    client = ClientDialect("smg", "")
    with pytest.raises(IllegalInputError):
        client.ask(Request("ping", {}))
    assert client.state is SessionState.AWAITING_HELLO


def test_every_state_can_be_closed_and_nothing_leads_out_of_closed() -> None:
    for table in (SERVER_TABLE, CLIENT_TABLE):
        states = {now for now, _ in table} | set(table.values())
        assert all(table[now, SessionInput.CLOSE] is SessionState.CLOSED for now in states)
        assert [cause for now, cause in table if now is SessionState.CLOSED] == [SessionInput.CLOSE]


def test_a_chunk_of_the_longest_objects_fits_into_a_line() -> None:
    longest = dict.fromkeys(("object_type", "number_sign", "category", "priority"), "x" * 32)
    item = OBJECT | longest | {"object_number": 65534, "number": "9" * 18, "trunk": 65534}
    client = ready_client()
    client.ask(Request("sync", {"objects": [item] * SYNC_CHUNK, "first": True, "last": True}))
    assert len(heard(ready_server(), client.take())) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    [
        "seq",
        "op",
        "params",
        "hello",
        "version",
        "min_version",
        "ok",
        "data",
        "code",
        "text",
        "event",
        "mediator",
    ]
)
messages = st.dictionaries(keys, json_values | st.sampled_from(["sorm", *OPERATIONS, 1, True]), max_size=5)
lines = st.one_of(
    st.binary(max_size=40).map(lambda data: data + b"\n"),
    messages.map(lambda message: json.dumps(message).encode() + b"\n"),
    st.sampled_from([line(hello="sorm", version=1), line(hello="sorm", ok=True, version=1)]),
    st.sampled_from([line(seq=1, op=op, params=params) for op, params in PARAMS.items()]),
)


@given(st.lists(lines, max_size=12).map(b"".join), st.booleans())
@settings(max_examples=150, deadline=None)
def test_nothing_that_is_fed_raises_and_cutting_it_anywhere_changes_nothing(data: bytes, greet: bool) -> None:
    def server(pieces: list[bytes]) -> tuple[list[ServerEvent], bytes]:
        side = ready_server() if greet else ServerDialect()
        events: list[ServerEvent] = []
        for piece in pieces:
            side.feed(piece)
            while (event := side.next_event()) is not None:
                events.append(event)
                if isinstance(event, HelloReceived):
                    side.accept({})
                elif isinstance(event, RequestReceived):
                    side.reply(event.seq, Reply(True))
        return events, side.take()

    def client(pieces: list[bytes]) -> list[ClientEvent]:
        side = ready_client() if greet else ClientDialect("smg", "")
        return [event for piece in pieces for event in heard(side, piece)]  # type: ignore[misc]

    single = [data[i : i + 1] for i in range(len(data))]
    events, answers = server([data])
    assert (events, answers) == server(single)
    assert client([data]) == client(single)
    # Whatever had a seq or was not understood is answered, each with one line.
    assert len(answers.splitlines()) == len(events)


@given(st.lists(st.tuples(st.sampled_from(sorted(PARAMS)), json_values), max_size=20))
@settings(max_examples=60, deadline=None)
def test_what_one_side_says_the_other_hears(requests: list[tuple[str, Any]]) -> None:
    client, server = ready_client(), ready_server()
    for op, extra in requests:
        client.ask(Request(op, PARAMS[op] | {"extra": extra}))
    asked = heard(server, client.take())
    assert [event.request for event in asked if isinstance(event, RequestReceived)] == [
        Request(op, PARAMS[op] | {"extra": extra}) for op, extra in requests
    ]
    for event in asked:
        assert isinstance(event, RequestReceived)
        server.reply(event.seq, Reply(True, {"extra": event.request.params["extra"]}))
    assert [
        event.reply.data["extra"]
        for event in heard(client, server.take())
        if isinstance(event, ReplyReceived)
    ] == [extra for _, extra in requests]


@pytest.mark.parametrize("what", ["hello", "event", "reply"])
def test_what_a_switch_nests_too_deep_is_not_taken(what: str) -> None:
    deep: Any = 0
    for _ in range(700):
        deep = [deep]
    lines = {
        "hello": {"hello": "sorm", "ok": True, "version": 1, "more": deep},
        "event": {"event": "line-state", "more": deep},
        "reply": {"seq": 1, "ok": True, "data": {"more": deep}},
    }
    client = ClientDialect("m", "127.0.0.1:1813")
    if what != "hello":
        client.feed(b'{"hello":"sorm","ok":true,"version":1}\n')
        assert isinstance(client.next_event(), HelloAccepted)
    client.feed(json.dumps(lines[what]).encode() + b"\n")
    event = client.next_event()
    assert "nested more than 16 deep" in str(event)
