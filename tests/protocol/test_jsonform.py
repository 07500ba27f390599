"""What ``decode --json`` prints encodes back to the same octets, without its ``hex``."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import AddObject, Codec, EncodeError, Ksl, Options, ServiceUsed, Start, TestReplyKpd1
from protocol import TestReplyKpd2 as ReplyKpd2
from protocol.jsonform import from_json, to_json, unknown_json
from protocol.messages import MESSAGES, Message, forms
from protocol.strategies import any_message, damaged_unit

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))["vectors"]
OPTIONS = [
    Options(),
    Options(order="70", zero_digit="A", extra_digits=True),
    Options(object_byte_order="big", trunk_byte_order="big", count_byte_order="big"),
    Options(service_code_position="first", m25_length="fixed45", requirements_version=7),
]


def form(raw: bytes, options: Options | None = None) -> dict[str, Any]:
    """What ``decode --json`` prints, gone through JSON."""
    message, problems = Codec(options).decode_lenient(raw)
    document: dict[str, Any] = json.loads(json.dumps(to_json(message, raw, 0, problems)))
    return document


def octets_of(document: dict[str, Any], options: Options | None = None) -> bytes:
    message = from_json(document, options)
    return message if isinstance(message, bytes) else Codec(options).encode(message)


def test_every_vector_goes_to_json_and_back_by_its_fields() -> None:
    for vector in VECTORS:
        for octets in (vector["hex"], *(other["hex"] for other in vector["alternatives"])):
            document = form(bytes.fromhex(octets))
            assert document["hex"] == octets
            del document["hex"], document["length"], document["offset"]
            assert octets_of(document).hex().upper() == octets, vector["id"]


@pytest.mark.parametrize("options", OPTIONS)
def test_every_message_goes_to_json_and_back(options: Options) -> None:
    @settings(max_examples=60, deadline=None)
    @given(any_message(options))
    def check(message: Message) -> None:
        raw = Codec(options).encode(message)
        document = json.loads(json.dumps(to_json(message, raw)))
        del document["hex"]
        assert from_json(document, options) == message
        assert octets_of(document, options) == raw

    check()


@pytest.mark.parametrize("options", OPTIONS)
def test_damaged_units_go_to_json_and_back_too(options: Options) -> None:
    @settings(max_examples=80, deadline=None)
    @given(damaged_unit(options))
    def check(raw: bytes) -> None:
        document = form(raw, options)
        del document["hex"]
        assert octets_of(document, options) == raw

    check()


@settings(max_examples=60)
@given(st.binary(max_size=40))
def test_octets_that_are_no_unit_go_to_json_and_back(raw: bytes) -> None:
    document = json.loads(json.dumps(unknown_json(raw)))
    assert document["kind"] == "unknown"
    del document["hex"]
    assert octets_of(document) == raw


def test_the_form_is_that_of_the_contract() -> None:
    raw = bytes.fromhex("CC01270200000000FF020533")
    assert form(raw) == {
        "offset": 0,
        "length": 12,
        "channel": "kpd1",
        "kind": "message",
        "name": "command-received",
        "code": 0x27,
        "orm_number": 1,
        "fields": {
            "total": 0,
            "index": 0,
            "reserve": 255,
            "version": 2,
            "command": 5,
            "command_name": "add-object",
            "status": 0x33,
            "status_text": "object already defined",
        },
        "problems": [],
        "hex": "CC01270200000000FF020533",
    }


def test_compound_fields_are_objects_and_what_was_not_given_is_null() -> None:
    raw = bytes.fromhex(
        "CC0151243412010201031C00010B3738550501F1FFFFFF010B3738550502F2FFFFFFFFFF2324519003020200FFFFFFFF"
    )
    fields = form(raw)["fields"]
    assert fields["ksl_b"] == {"stream": 1, "ksl": 4}
    assert fields["calling"] == {"sign": "own", "number": "73835550101"}
    assert fields["time"] == {"day": 15, "hour": 9, "minute": 30, "second": 20}
    assert fields["trunk"] is None
    assert fields["service"] is None


def test_a_value_outside_its_enumeration_is_hex_with_a_problem_and_encodes_back() -> None:
    raw = bytes.fromhex("CC010F053132333435360201 1AFF02")
    document = form(raw)
    assert document["fields"]["category"] == "0x1A"
    assert [problem["path"] for problem in document["problems"]] == ["category"]
    assert octets_of(document) == raw


def test_another_spelling_is_a_plain_value_with_its_octets_beside() -> None:
    first_place = next(vector for vector in VECTORS if vector["id"] == "N44")["alternatives"][0]["hex"]
    document = form(bytes.fromhex(first_place))
    assert document["fields"]["service"] == 0x21
    assert document["octets"] == {"service": "0x21FFFF"}


def test_a_value_that_was_edited_counts_and_its_old_spelling_does_not() -> None:
    first_place = next(vector for vector in VECTORS if vector["id"] == "N44")["alternatives"][0]["hex"]
    document = form(bytes.fromhex(first_place))
    document["fields"]["service"] = 0x29
    assert octets_of(document)[-4:] == bytes.fromhex("FFFF29FF")


def test_texts_that_look_like_octets_stay_texts() -> None:
    message = Start(password="0x1234")
    raw = Codec().encode(message)
    assert octets_of(form(raw)) == raw


def test_an_unknown_code_carries_its_payload_in_fields() -> None:
    raw = bytes.fromhex("CC013F03000000000000AABBCC")
    document = form(raw)
    assert (document["kind"], document["name"], document["code"]) == ("unknown", None, 0x3F)
    assert document["fields"] == {"length": 3, "payload": "0x000000000000AABBCC"}


def test_optional_fields_may_be_left_out_by_hand() -> None:
    assert from_json({"name": "start"}) == Start()
    assert from_json({"name": "start", "orm_number": 7, "fields": {"password": "654321"}}) == Start(
        orm_number=7, password="654321"
    )
    by_hand = {"name": "add-object", "fields": {"object_number": 5, "object_type": "trunk", "trunk": 2}}
    assert from_json(by_hand) == AddObject(5, "trunk", None, None, 2, None, None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_a_message_in_python_may_leave_out_what_its_document_may(kind: type[Message]) -> None:
    needed = [
        name
        for name in forms(kind)
        if name
        in ("command", "status", "test_number", "kpd1_state", "kpd2_state", "alarm_type", "alarm_code")
        or name in ("access_code", "line_state", "delivery_state", "delivery_code", "new_password")
    ]
    given: dict[str, Any] = {name: "654321" if name == "new_password" else 1 for name in needed}
    document = {"name": kind.message_name, "channel": str(kind.channel), "fields": given}
    message = kind(**given)
    assert message == from_json(document)
    assert Codec().encode(message) == octets_of(document)
    for name in needed:
        fewer = {key: value for key, value in given.items() if key != name}
        with pytest.raises((TypeError, EncodeError), match=name):
            kind(**fewer)
        with pytest.raises(EncodeError, match=f"{name}: None can't be sent; allowed: a value"):
            from_json(document | {"fields": fewer})


def test_an_event_by_hand_needs_only_the_fields_it_is_about() -> None:
    event = from_json({"name": "service-used", "fields": {"calling": {"number": "28331"}, "service": 0x21}})
    assert isinstance(event, ServiceUsed)
    assert (event.calling.number, event.calling.sign, event.called.number) == ("28331", None, None)
    assert Codec().decode(Codec().encode(event)) == event


def test_codes_may_be_written_as_hex() -> None:
    document = {"name": "command-executed", "fields": {"command": "0x05", "status": "0x33"}}
    assert octets_of(document) == bytes.fromhex("CC01280201000100FF020533")


def test_the_version_left_out_is_that_of_the_order() -> None:
    old = Options(order="70")
    assert octets_of({"name": "restart"}, old) == bytes.fromhex("CC01220001000100FFFF")
    assert octets_of({"name": "restart"}) == bytes.fromhex("CC01220001000100FF02")


def test_a_test_reply_is_on_kpd1_unless_code_or_channel_says_kpd2() -> None:
    fields = {"test_number": 7, "kpd1_state": 1, "kpd2_state": 1}
    assert isinstance(from_json({"name": "test-reply", "fields": fields}), TestReplyKpd1)
    assert isinstance(from_json({"name": "test-reply", "channel": "kpd2", "fields": fields}), ReplyKpd2)
    assert isinstance(from_json({"code": 0x53, "fields": fields}), ReplyKpd2)


def test_a_document_with_nothing_but_hex_is_those_octets() -> None:
    assert from_json({"hex": "CC 01"}) == b"\xcc\x01"


def test_fields_count_and_hex_does_not() -> None:
    document = form(bytes.fromhex("CC010E0131323334353607"))
    document["fields"]["test_number"] = 8
    assert octets_of(document) == bytes.fromhex("CC010E0131323334353608")


def test_lines_are_objects() -> None:
    document = {"name": "add-ksl", "fields": {"ksl_group": 1, "ksl_a": {"stream": 1, "ksl": 3}}}
    message = from_json(document)
    assert getattr(message, "ksl_a") == Ksl(1, 3)  # noqa: B009


@pytest.mark.parametrize(
    ("document", "path", "allowed"),
    [
        ([], "", "a JSON object"),
        ({"name": "begin"}, "name", "start, stop"),
        ({"name": None}, "name", "start, stop"),
        ({"code": [1]}, "name", "start, stop"),
        ({"name": ["start"]}, "name", "start, stop"),
        ({"name": "start", "code": 2}, "code", "the code of start"),
        ({"name": "start", "channel": "kpd2"}, "channel", "the channel of start"),
        ({"name": "start", "fields": []}, "fields", "a JSON object"),
        ({"name": "start", "octets": 5}, "octets", "a JSON object"),
        ({"name": "start", "fields": {"colour": 1}}, "colour", "orm_number, password"),
        ({"name": "start", "fields": {"password": 123456}}, "password", "a text"),
        ({"name": "start", "fields": {"password": "12345"}}, "password", "6"),
        ({"name": "start", "orm_number": 256}, "orm_number", "0..255"),
        ({"name": "test", "fields": {}}, "test_number", "can't be left out"),
        ({"name": "test", "fields": {"test_number": 1.5}}, "test_number", "an integer"),
        ({"name": "test", "fields": {"test_number": None}}, "test_number", "0..255"),
        (
            {"name": "add-object", "fields": {"category": "both"}},
            "category",
            "combined, separate, statistical",
        ),
        ({"name": "add-object", "fields": {"category": 1}}, "category", "combined, separate, statistical"),
        ({"name": "add-object", "fields": {"category": ["combined"]}}, "category", "combined"),
        ({"name": "add-object", "fields": {"number": "12x"}}, "number", "0123456789"),
        ({"name": "add-object", "fields": {"number_sign": "zone"}}, "number_sign", "own, russia"),
        ({"name": "add-ksl", "fields": {"ksl_a": 5}}, "ksl_a", "stream, ksl"),
        ({"name": "add-ksl", "fields": {"ksl_a": {"stream": 1}}}, "ksl_a", "stream, ksl"),
        ({"name": "add-ksl", "fields": {"ksl_a": {"stream": 8, "ksl": 1}}}, "ksl_a.stream", "0..7"),
        ({"name": "add-ksl", "fields": {"ksl_a": {"stream": 1, "ksl": "3"}}}, "ksl_a.ksl", "0..31"),
        ({"name": "answer", "fields": {"calling": "28331"}}, "calling", "sign, number"),
        ({"name": "answer", "fields": {"calling": {"digits": "1"}}}, "calling.digits", "sign, number"),
        ({"name": "answer", "fields": {"calling": {"sign": "home"}}}, "calling.sign", "own, russia"),
        ({"name": "answer", "fields": {"time": {"day": 1}}}, "time", "day, hour, minute, second"),
        (
            {"name": "answer", "fields": {"time": {"day": 100, "hour": 0, "minute": 0, "second": 0}}},
            "time.day",
            "0..99",
        ),
        ({"name": "ksl-info", "fields": {"rows": {}}}, "rows", "a list"),
        ({"name": "ksl-info", "fields": {"rows": [5]}}, "rows.0", "ksl_group"),
        ({"name": "ksl-info", "fields": {"rows": [{}] * 12}}, "rows", "at most 11"),
        ({"name": "services-info", "fields": {"services": 33}}, "services", "a list"),
        ({"name": "services-info", "fields": {"services": ["CFU"]}}, "services.0", "an integer"),
        (
            {"name": "services-info", "octets": {"services": "x"}, "fields": {"services": []}},
            "services",
            "octets",
        ),
        (
            {"name": "electronic-message", "fields": {"delivery_state": 0, "delivery_code": 0, "text": 5}},
            "text",
            "octets",
        ),
        ({"kind": "unknown", "fields": {"payload": "xy"}}, "payload", "hexadecimal"),
        ({"kind": "unknown", "fields": {"load": "00"}}, "load", "payload and length"),
        ({"kind": "unknown", "code": 256, "fields": {"payload": ""}}, "code", "0..255"),
        ({"hex": "C"}, "hex", "hexadecimal"),
    ],
)
def test_a_value_that_cannot_be_sent_is_named_with_what_is_allowed(
    document: Any, path: str, allowed: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        octets_of(document)
    assert caught.value.path == path
    assert allowed in caught.value.allowed


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 70_000)
    | st.text(max_size=6)
    | st.sampled_from(["0x1A", "own"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(any_message(), st.data())
def test_any_json_gives_octets_or_an_encode_error(message: Message, data: st.DataObject) -> None:
    document: Any = to_json(message, b"")
    place = document if data.draw(st.booleans()) else document["fields"]
    key = data.draw(st.sampled_from(sorted(place)) if place else st.just("kind"))
    place[key] = data.draw(JSON_VALUES)
    with suppress(EncodeError):
        assert isinstance(octets_of(document), bytes)
