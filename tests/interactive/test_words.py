"""A command as one types it, what completes it, and the line of help."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import Codec, ConnectKsl, EncodeError, ObjectType, Options, Start
from protocol.codes import Order
from protocol.jsonform import from_json, to_json
from protocol.messages import MESSAGES
from protocol.oneline import one_line
from sorm_mediator.interactive.terminal import Known, about, candidates
from sorm_mediator.interactive.words import (
    WordError,
    defaults,
    read_command,
    read_octets,
    read_request,
    split,
    typed_fields,
    typed_keys,
    usage,
)
from sorm_mediator.replay.vocabulary import COMMANDS, KPD2
from tests.mediator.conftest import combined, make_report, put
from tests.mediator.core_harness import MediatorHarness

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("start", {}),
        ('set-password new_password=654321', {"new_password": "654321"}),
        ("add-ksl ksl_group=1 ksl_a=0/1 ksl_b=null",
         {"group_type": "combined", "ksl_group": 1, "ksl_a": {"stream": 0, "ksl": 1}, "ksl_b": None}),
        ("add-ksl ksl_group=1 'ksl_a={stream: 0, ksl: 1}'",
         {"group_type": "combined", "ksl_group": 1, "ksl_a": {"stream": 0, "ksl": 1}}),
        ("remove-object object_number=0x0102 number=28331",
         {"object_type": "own-subscriber", "number_sign": "own", "object_number": 258, "number": "28331"}),
        ("add-object object_number=258 object_type=0x09 number=null category=combined",
         {"object_type": "0x09", "number_sign": "own", "category": "combined", "priority": "normal",
          "object_number": 258, "number": None}),
        ("start password=abcdef orm_number=7   # a note", {"password": "abcdef", "orm_number": 7}),
    ],
)  # fmt: skip
def test_a_line_is_a_command(line: str, fields: dict[str, Any]) -> None:
    assert read_command(split(line)) == (line.split()[0], fields)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ad-object", "'ad-object' is not a command; did you mean add-object?"),
        (
            "add-object nmber=1",
            "'nmber' is no field of add-object; did you mean number?; allowed: object_number, ",
        ),
        ("add-object 258", "'258' is no field=value; allowed: object_number, "),
        ("add-object number=1 number=2", "number is given twice"),
        (
            "add-object object_number=70000",
            "object_number: 70000 is not allowed here; allowed: an integer from 0 to",
        ),
        (
            "add-object number=28x31",
            "number: '28x31' is not allowed here; allowed: 1 to 18 digits, such as 28331, or null",
        ),
        ("add-ksl ksl_a=9/1", "ksl_a.stream: 9 is not allowed here; allowed: an integer from 0 to 7"),
        (
            "add-ksl ksl_a=1",
            "ksl_a: 1 is not allowed here; allowed: a KSL line, such as 0/1 (stream/KSL), null",
        ),
        ("set-password new_password=1", "allowed: six characters, such as 123456"),
        ("add-ksl ksl_a={", "ksl_a"),
        (
            "add-object category=combine",
            "category: 'combine' is not allowed here; allowed: combined, separate",
        ),
        ("add-object object_number=${x}", "object_number: the variable 'x' isn't known here"),
        ("start 'x", "No closing quotation"),
    ],
)
def test_a_mistake_names_the_word_and_what_is_allowed(line: str, says: str) -> None:
    with pytest.raises(WordError) as error:
        read_command(split(line))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@given(st.text(max_size=40))
def test_no_line_raises_anything_else(line: str) -> None:
    for text in (line, f"add-object {line}", f"add-object number={line}", f"add-ksl ksl_a={line}"):
        try:
            given_words = split(text)
            if given_words:
                read_command(given_words)
        except WordError:
            continue


def test_octets_and_requests() -> None:
    assert read_octets(["CC", "01", "0b03"]) == bytes.fromhex("CC010B03")
    with pytest.raises(WordError, match="raw: 'CC 0' is not allowed"):
        read_octets(["CC", "0"])
    node = read_request(
        "call", split("domain=d a=28331 b=28332 talk=0.5 'services=[{service: hold, at: 1}]'")
    )
    assert node.plain() == {
        "domain": "d", "a": "28331", "b": "28332", "talk": 0.5, "services": [{"service": "hold", "at": 1}],
    }  # fmt: skip
    for line, says in (
        ("a=1 b=2", "domain is missing"),
        ("a=1", "call: keys are missing: domain, b"),
        ("x=1", "'x=1' is not a key of call"),
        ("domain=d a=1 b=2 talk=x", "talk"),
    ):
        with pytest.raises(WordError, match=says):
            read_request("call", split(line))


def test_completion_knows_commands_fields_and_values() -> None:
    assert [name for name, _ in candidates("add-", "en")] == ["add-ksl", "add-object"]
    assert [name for name, _ in candidates("record-sta", "en")] == ["record-start"]
    fields = dict(candidates("add-object object_number=1 number", "ru"))
    assert fields == {"number_sign=": "признак номера", "number=": "номер телефона"}
    values = [name for name, _ in candidates("add-object category=s", "en")]
    assert values == ["category=separate", "category=statistical"]
    assert [name for name, _ in candidates("call ta", "en")] == ["talk="]
    assert [name for name, _ in candidates("use-service service=h", "en")] == ["service=hold"]
    assert [name for name, _ in candidates("help add-k", "en")] == ["add-ksl"]
    assert list(candidates("no-such-word x", "en")) == []


def test_help_tells_every_field_with_its_default() -> None:
    plain, old = Options(), Options(order="70")
    assert about("add-object category=", "en", plain).startswith("category: category: combined")
    assert about("add-object category=", "en", plain).endswith("[statistical]")
    assert about("add-object number_sign=", "en", plain).endswith("[own]")
    assert about("add-object number_sign=", "en", old).endswith("[private]")
    assert about("start ", "en", plain) == "start: start the technical means"
    assert about("no-such", "en", plain) == ""
    for name, entry in COMMANDS.items():
        text = usage(name, "en", plain)
        assert [line.split()[0] for line in text.splitlines()[1:-1]] == list(entry.fields)
    assert "ksl_a       KSL-A: stream/KSL such as 0/1, 0..7/1..28, null" in usage("add-ksl", "en", plain)
    assert "пароль: текст ровно из 6 символов" in usage("start", "ru", plain)
    assert "текст из 1–18 цифр, 28331; null" in usage("get-services", "ru", plain)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_example_of_a_command_is_executed_and_holds_what_the_command_needs(name: str) -> None:
    """In a mediator with what the command is about: a KSL group, an object, and a call of the object."""
    *_, example = usage(name, "en", Options()).splitlines()
    word, *pairs = split(example.removeprefix("  example: "))
    assert word == name
    optional = {"get-objects", "get-ksl", "test"}  # without a field they are about all, or have the default
    # test ends with its replies; there is nothing to interrupt, and the switch has no trunk.
    end = {"test": "29 53", "interrupt": "28/39", "get-trunks": "28/25"}

    def answered(pairs: list[str]) -> str:
        mediator = MediatorHarness()
        mediator.connect()
        mediator.do(mediator.core.switch_up(mediator.now))
        if name != "start":
            mediator.says(Start())
        if name not in ("start", "add-ksl"):
            mediator.says(combined(1, 1))
        if name in ("connect-ksl", "release-ksl", "remove-object", "get-objects", "change-object"):
            mediator.says(put(258, "28331"))
        if name in ("connect-ksl", "release-ksl"):
            mediator.report(make_report(answer=1001.0, matches=((258, "a"),)))
        if name == "release-ksl":
            mediator.says(ConnectKsl(1, ObjectType.OWN_SUBSCRIBER, 258, 1))
        command, fields = read_command([name, *pairs])
        unit = {"orm_number": 1, "password": "123456", **fields}
        return mediator.says(from_json({"name": command, "channel": "command", "fields": unit}))

    good = answered(pairs)
    assert good.startswith("27/00")
    assert good.endswith(end.get(name, "28/00")), good
    if name == "set-password":
        with pytest.raises(EncodeError, match="new_password"):
            answered([])
    elif name not in optional:
        for left_out in pairs:
            assert answered([one for one in pairs if one != left_out]) != good, left_out


@pytest.mark.parametrize("order", ["268", "70"])
def test_the_defaults_of_every_command_can_be_sent_in_every_order(order: Order) -> None:
    codec = Codec(Options(order=order))
    needed = {
        "number": "28331",
        "object_number": 1,
        "ksl_group": 1,
        "ksl_a": {"stream": 0, "ksl": 1},
        "new_password": "123456",
    }
    for name, entry in COMMANDS.items():
        fields = defaults(name, order)
        assert set(fields) <= set(entry.fields)
        needs = {field: value for field, value in needed.items() if field in entry.fields}
        document = {"name": name, "fields": {**needs, **fields}}
        if fields:
            assert read_command(split(name), order) == (name, fields)
            assert codec.encode(from_json(document, Options(order=order)))


# --- a unit as one line


@pytest.mark.parametrize(
    ("hexadecimal", "line"),
    [
        ("CC0101003132333435 36", "start"),
        ("CC 01 27 02 01 00 01 00 FF 02 01 16",
         "command-received command=start status=16h (start not accepted: already started)"),
        ("CC 01 43 24 01 00 01 02 01 01 1C 00 01 05 82 33 F1 FF FF FF FF FF FF 01 05 82 33 F2 FF FF FF FF FF FF FF FF"
         " 01 01 92 11 14 40 02 05 FF FF FF FF",
         "release object_number=258 call_number=1 calling=28331 called=28332 operation=05h"
         " (released after conversation) ksl_a=0/1 ksl_b=0/1 selection=01h (A number, combined)"
         " connection=1Ch (inside this node)"),
    ],
)  # fmt: skip
def test_a_unit_is_one_line(hexadecimal: str, line: str) -> None:
    raw = bytes.fromhex(hexadecimal)
    message = Codec().decode(raw)
    assert one_line(to_json(message, raw)) == line


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_what_is_shown_of_a_command_can_be_typed(name: str) -> None:
    fields: dict[str, Any] = {}
    if "object_number" in COMMANDS[name].fields:
        fields = {"object_number": 258}
    if "ksl_a" in COMMANDS[name].fields:
        fields |= {"ksl_a": {"stream": 1, "ksl": 5}}
    if "new_password" in COMMANDS[name].fields:
        fields |= {"new_password": "654321"}
    if "test_number" in COMMANDS[name].fields:
        fields |= {"test_number": 7}
    message = from_json(
        {"name": name, "channel": "command", "fields": {"orm_number": 1, "password": "123456", **fields}}
    )
    raw = Codec().encode(message)
    shown = one_line(to_json(message, raw))
    again, read = read_command(split(shown))
    assert again == name
    assert "123456" not in shown
    assert "654321" not in shown
    assert {key: read[key] for key in fields if key != "new_password"} == {
        key: value for key, value in fields.items() if key != "new_password"
    }


# --- fields as other programs type them


def test_typed_fields_are_those_of_a_scenario_and_a_part_has_a_dot() -> None:
    entry = KPD2["number-received"]
    typed = typed_fields(
        entry, {"called.number": "28332", "ksl_a": "0/1", "operation": "0x05", "trunk": None}
    )
    assert typed == {
        "called": {"number": "28332"},
        "ksl_a": {"stream": 0, "ksl": 1},
        "operation": "0x05",
        "trunk": None,
    }
    for wrong in ({"called.name": "x"}, {"number.digits": "1"}, {"trunk.number": "1"}, {"caled": "x"}):
        with pytest.raises(WordError, match="is no field of number-received; allowed: "):
            typed_fields(entry, wrong)
    with pytest.raises(WordError, match="called is given twice"):
        typed_fields(entry, {"called": "null", "called.number": "28332"})


def test_typed_keys_of_a_request_are_numbers_lists_and_texts() -> None:
    assert typed_keys("call", {"a": "28331", "talk": "0.5", "services": "[{service: hold}]", "ring": 1}) == {
        "a": "28331",
        "talk": 0.5,
        "services": [{"service": "hold"}],
        "ring": 1,
    }


def test_a_command_with_another_one_inside_shows_no_password() -> None:
    start = "CC0101003635343332 31".replace(" ", "")
    raw = bytes.fromhex("CC0105133132333435360201" + start + "FFFFFFFFFFFFFFFFFF")[:29]
    message, problems = Codec().decode_lenient(raw)
    line = one_line(to_json(message, raw, problems=problems))
    assert line.startswith("add-object object_number=****** ")
    assert "654321" not in line
    assert "3635343332" not in line
    unknown = one_line({"kind": "unknown", "name": None, "hex": f"AA{start}"})
    assert unknown == "unknown unit AACC010100************"


def test_the_text_of_a_message_is_shown_where_it_can_be_read() -> None:
    document = {"name": "electronic-message", "kind": "message", "fields": {"text": "0xCFF0E8E2E5F20A21"}}
    assert one_line(document, coding="cp1251") == "electronic-message text=Привет\\n!"
    assert one_line(document) == "electronic-message text=0xCFF0E8E2E5F20A21"


def test_the_text_of_a_status_is_in_the_language() -> None:
    raw = bytes.fromhex("CC0128020100010 0FF020500".replace(" ", ""))
    message, _ = Codec().decode_lenient(raw)
    document = to_json(message, raw)
    assert one_line(document).endswith("status=00h (done)")
    assert one_line(document, "ru").endswith("status=00h (выполнена успешно)")


@pytest.mark.parametrize(
    ("name", "fields", "english", "russian"),
    [
        (
            "service-used", {"service": 0x42, "service_phase": 4},
            "service=42h (hold) service_phase=04h (service used)",
            "service=42h (удержание вызова) service_phase=04h (активизация (реализация) услуги)",
        ),
        (
            "answer", {"selection": 0x35, "connection": 0x22, "operation": 0},
            "selection=35h (A number + B number, combined; trunk, separate)"
            " connection=22h (incoming, set up by an operator) operation=00h (KSL connected)",
            "selection=35h (номер A + номер B, совмещённый; пучок каналов, раздельный)"
            " connection=22h (входящая связь, полуавтоматика) operation=00h (нормальное подключение КСЛ)",
        ),
        (
            "services-info", {"services": [0x20, 0x43]},
            "services=20h (all call forwarding), 43h (completion of calls to a busy subscriber)",
            "",
        ),
        (
            "electronic-message", {"delivery_state": 0x16, "delivery_code": 0x07},
            "delivery_state=16h (addressed to the object, delivered) delivery_code=07h",
            "",
        ),
        ("unauthorized-access", {"access_code": 1}, "access_code=01h (access from a forbidden port)", ""),
        ("unauthorized-access", {"access_code": 0x77}, "access_code=77h", ""),
    ],
)  # fmt: skip
def test_a_code_has_its_meaning_in_the_language(
    name: str, fields: dict[str, Any], english: str, russian: str
) -> None:
    code = next(cls.code for cls in MESSAGES if cls.message_name == name)
    document = {"name": name, "code": code, "fields": fields}
    assert one_line(document) == f"{name} {english}"
    if russian:
        assert one_line(document, "ru") == f"{name} {russian}"


def test_values_of_the_lab_are_completed() -> None:
    known = Known({"city": ["28331", "28332"], "town": ["555"]}, {"c7": "28331 -> 28332"})
    assert list(candidates("call domain=t", "en", known)) == [("domain=town", "")]
    assert [name for name, _ in candidates("call domain=city a=2833", "en", known)] == ["a=28331", "a=28332"]
    assert [name for name, _ in candidates("call b=5", "en", known)] == ["b=555"]
    assert list(candidates("answer-call call=", "en", known)) == [("call=c7", "28331 -> 28332")]


def test_the_number_that_means_not_given_is_refused_and_can_be_said_in_words() -> None:
    with pytest.raises(WordError, match=r"65535 is not allowed.* 0 to 65534; FFFFh means not given: null"):
        read_command(["get-objects", "object_number=65535"])
    for text in ("null", "0xFFFF"):
        assert read_command(["get-objects", f"object_number={text}"])[1]["object_number"] is None
    assert read_command(["get-objects", "object_number=65534"])[1]["object_number"] == 65534
