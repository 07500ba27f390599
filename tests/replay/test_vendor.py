"""The vendor tester's scripts: read, run against a scripted mediator, and their mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import captures
from protocol import (
    Answer,
    Codec,
    CommandExecuted,
    CommandReceived,
    NumberReceived,
    NumberSign,
    ObjectType,
    Options,
    Party,
    Priority,
    Release,
    ServiceUsed,
    TestReplyKpd1,
    Time,
)
from sorm_mediator.console.client import ConsoleClient
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.replay import vendor
from sorm_mediator.replay.results import ScriptResult, TextPrinter
from sorm_mediator.replay.session import load
from sorm_mediator.replay.vendor import TEST_FIELDS, LineError, Pairs, parse_line
from sorm_mediator.replay.vendor_runner import VendorRunner, _unit

PATH = Path("a.json")
NUMBERS = {"1": "01010", "2": "01001", "3": "01101"}


def party(number: str) -> Party:
    return Party(NumberSign.OWN, number)


def event(
    kind: type, number: int, a: str, b: str, service: int | None = None, *, operation: int | None = None
) -> Any:
    return kind(
        call_number=7,
        object_type=ObjectType.OWN_SUBSCRIBER,
        object_number=number,
        selection=0x02 if NUMBERS[str(number)] == "01010" else 0x08,
        connection=0x1C,
        service_phase=4 if service else 0,
        calling=party(a),
        called=party(b),
        trunk=None,
        ksl_a=None,
        ksl_b=None,
        time=Time(1, 2, 3, 4),
        priority=Priority.NORMAL,
        operation=operation,
        service=service,
        additional=None,
    )


def forwarded(number: int, called: str) -> list[Any]:
    return [
        event(NumberReceived, number, "01010", called),
        event(ServiceUsed, number, "01001", "01101", 0x21),
        event(Answer, number, "01010", "01101"),
        event(Release, number, "01010", "01101", operation=5),
    ]


@pytest.fixture
def play(around: Any, mediator: Any) -> Callable[..., Any]:
    mediator.codec = Codec(Options(object_byte_order="big"))

    async def play_script(text: str, **changes: Any) -> ScriptResult:
        script = vendor.parse(text, PATH)
        surroundings = replace(around, codec=mediator.codec, **changes)
        return await VendorRunner(script, surroundings, TextPrinter(lambda _: None)).run()

    return play_script


async def test_command_lines_and_expected_codes(play, mediator) -> None:
    mediator.answer(0x01, CommandReceived(1, 0), CommandExecuted(1, 3))
    mediator.answer(0x0E, CommandReceived(14, 0), TestReplyKpd1(7, 1, 1))
    result = await play(
        """[
        {"//": "a wrong password"},
        {"test-mgm": {"cmd": "start-sorm -p 000000", "ack": "00", "exec": "03"}},
        {"test-mgm": {"//": "and the right one", "cmd": "start-sorm", "ack": "00", "exec": "00"}},
        {"test-mgm": {"cmd": "test 7", "ack": "00", "exec": "00"}},
        "get-version"
        ]"""
    )
    assert [step.verdict for step in result.steps] == ["PASS"] * 4
    assert [raw[2] for raw in mediator.commands] == [1, 1, 14, 17]


async def test_a_wrong_code_fails_with_both(play, mediator) -> None:
    mediator.answer(0x01, CommandReceived(1, 0), CommandExecuted(1, 7))
    result = await play('[{"test-mgm": {"cmd": "start-sorm", "ack": "00", "exec": "00"}}, "stop-sorm"]')
    [failed] = result.failures
    assert "exec (28h): expected 00, came 07" in str(failed.failure)
    assert len(mediator.commands) == 1


async def test_a_vendor_code_may_come_in_either_message(play, mediator) -> None:
    mediator.answer(0x01, CommandReceived(1, 0x16))
    result = await play('[{"test-mgm": {"cmd": "start-sorm", "ack": "00", "exec": "16"}}]')
    assert result.verdict == "PASS"


def forwarding_script(recvs: dict[str, str], **options: Any) -> str:
    """Both observers of 01010 -> 01001 -> 01101: the A side and the forwarding B side."""
    make = {"make": options.pop("make")} if "make" in options else {}
    calls = []
    for observer, called in recvs.items():
        pairs = [("41", "number_a", called), ("44", "number_b", "01101"), ("42", "number_a", "01101")]
        pairs.append(("43", "number_a", "01101"))
        steps = [{"options": {"mode": "required", "timeout": 1, **options, **make}}, {"observer": observer}]
        for msg, a, b in pairs:
            test = {"ksl-a": "FF", "ss": "21" if msg == "44" else "FF"}
            steps.append({"recv": {"number-a": a, "number-b": b, "msg": msg, "test": test}})
        make = {}  # the first observation makes the call, the others see it too
        calls.append(f'"call": {json.dumps(steps)}')
    variables = '"variables": {"number_a": "01010", "number_b": "01001"}'
    return f'[{{"calls": [{{{variables}, {", ".join(calls)}}}]}}]'


async def test_two_observers_each_see_their_own_set(play, mediator) -> None:
    async def make(domain: str, request: dict[str, Any]) -> str:
        sets = zip(forwarded(2, "01001"), forwarded(1, "01001"), strict=True)
        mediator.say(*(one for pair in sets for one in pair))
        return "c"

    script = forwarding_script({"number_a": "number_b", "number_b": "number_b"}, make={"domain": "d"})
    result = await play(script, make_call=make)
    assert [step.verdict for step in result.steps] == ["PASS", "PASS"], [s.failure for s in result.failures]


async def test_a_wrong_event_fails_with_the_difference(play, mediator) -> None:
    async def make(domain: str, request: dict[str, Any]) -> str:
        assert request == {"a": "01010", "b": "01001"}
        mediator.say(event(NumberReceived, 1, "01010", "01001"), event(Answer, 1, "01010", "01101"))
        return "c"

    result = await play(forwarding_script({"number_a": "number_b"}, make={"domain": "d"}), make_call=make)
    [failed] = result.failures
    assert "msg: expected 44h, came 42h" in str(failed.failure)


async def test_a_call_that_nobody_makes_times_out_or_is_optional(play) -> None:
    result = await play(forwarding_script({"number_a": "number_b"}, timeout=0.02))
    assert "nothing that fits came within 0.02 s" in str(result.failures[0].failure)
    result = await play(forwarding_script({"number_a": "number_b"}, timeout=0.02, mode="optional"))
    assert result.verdict == "PASS"
    assert "optional, and not seen" in result.steps[0].notes[0]


async def test_a_command_inside_a_call_names_the_call(play, mediator) -> None:
    async def make(domain: str, request: dict[str, Any]) -> str:
        mediator.say(event(NumberReceived, 1, "01010", "01001"))
        return "c"

    script = """[{"calls": [{"variables": {"number_a": "01010", "number_b": "01001"}, "call": [
        {"options": {"make": {"domain": "d"}, "timeout": 1}},
        {"recv": {"msg": "41", "test": {"obj": "0001", "type": "01", "call": "0007", "priority": "02"}}},
        "wiretap $call 1"]}]}]"""
    result = await play(script, make_call=make)
    assert result.verdict == "PASS", [s.failure for s in result.failures]
    assert mediator.commands == [bytes.fromhex("CC010706313233343536" + "0700010001" + "01")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "a.json:1: is no JSON array of commands"),
        ('[{"calls": [{"call": [{"//": "@make {"}, {"recv": {}}]}]}]', "call[1].@make: is not JSON"),
        ('["start-sorm"', "a.json:1: is not JSON: expected ',' or ']'"),
        ('["start-sorm",\n tru]', "a.json:2: is not JSON: Expecting value"),
        ('["start-sorm"] 1', "a.json:1: has something after the array"),
        ('[\n"begin"]', "a.json:2: 'begin': 'begin' is not a command; allowed: start-sorm"),
        ('[\n\n{"tests": 1}]', "a.json:3: 'tests' is no step; allowed: a command line, //, test-mgm, calls"),
        ('[{"test-mgm": {"ack": "00"}}]', "test-mgm.cmd: is missing"),
        ('[{"test-mgm": {"cmd": "stop-sorm", "ack": 0}}]', "test-mgm.ack: 0 is not allowed; allowed: a code"),
        (
            '[{"test-mgm": {"cmd": "stop-sorm", "nak": "00"}}]',
            "test-mgm.nak: unknown key; allowed: cmd, ack, exec",
        ),
        ('[{"calls": []}]', "calls: has no call"),
        ('[{"calls": [{"call": []}]}]', "calls[1].call: has no recv"),
        ('[{"calls": [{"call": [{"observer": "c"}]}]}]', "'c' is not allowed; allowed: number_a, number_b"),
        (
            '[{"calls": [{"call": [{"recv": {"test": {"object": "01"}}}]}]}]',
            "recv.test.object: unknown key; allowed: call",
        ),
        (
            '[{"calls": [{"call": [{"recv": {"test": {"obj": "00001"}}}]}]}]',
            "allowed: 1 to 4 hexadecimal digits",
        ),
        ('[{"calls": [{"call": [{"options": {"mode": "maybe"}}]}]}]', "allowed: required, optional"),
        ('[{"lab": "nowhere.toml"}]', "a.json:1: lab: 'nowhere.toml' is not found"),
    ],
)
def test_a_mistake_names_its_place(text: str, says: str) -> None:
    with pytest.raises(ScriptError) as caught:
        vendor.parse(text, PATH)
    assert says in str(caught.value)


async def test_a_script_is_called_by_its_file_and_kind_and_shows_no_password(play) -> None:
    result = await play('["start-sorm -p 123456", "set-password 654321"]')
    assert result.name == "a (vendor script)"
    assert [step.title for step in result.steps] == ["start-sorm -p ******", "set-password ******"]


async def test_a_start_that_comes_too_late_gets_a_hint(play, mediator) -> None:
    mediator.answer(0x01, CommandReceived(1, 0x16))
    mediator.answer(0x01, CommandReceived(1, 0x16))
    result = await play('["start-sorm", {"test-mgm": {"cmd": "start-sorm", "ack": "16"}}]')
    assert [bool(step.notes) for step in result.steps] == [True, False]


async def test_who_makes_calls_is_known_to_be_missing_before_the_first_step(play, mediator) -> None:
    script = """["start-sorm", {"calls": [{"variables": {"number_a": "1", "number_b": "2"},
        "call": [{"options": {"make": {"domain": "x"}}}, {"recv": {"msg": "41"}}]}]}]"""
    result = await play(script)
    assert "a.json:1: make: needs a switch: give --web URL, or a lab" in str(result.error)
    assert mediator.commands == []


# --- command lines, and the octets they become; that tester types object numbers big-endian


BIG = Codec(Options(object_byte_order="big"))


def octets(line: str) -> str:
    client = ConsoleClient("127.0.0.1", 0, 0, BIG)
    command = parse_line(line)
    if command.payload is not None:
        raw = _unit(command, 1, "123456")
    else:
        raw = BIG.encode(client.command(command.name, command.fields))
    if command.password is not None:
        raw = raw[:4] + command.password.encode() + raw[10:]
    return raw.hex().upper()


@pytest.mark.parametrize(
    ("line", "unit"),
    [
        ("start-sorm", "CC010100313233343536"),
        ("start-sorm -sorm-id 10 -p 000000", "CC0A0100303030303030"),
        ("start-sorm -sorm-id 266 -password 000000", "CC0A0100303030303030"),
        ("start-sorm -p 1", "CC01010031"),
        ("start-sorm -p 12345678", "CC0101003132333435363738"),
        ("set-ksl ff combined 0 1", "CC010404313233343536FF010101"),
        ("set-ksl 1000002 1 0 21 8 1", "CC01040431323334353602010101"),
        ("kick-ksl ff 0 1", "CC010903313233343536FF0101"),
        (
            "wiretap-add 6 7 4 -number 7 5 1000000 1",
            "CC0105133132333435360006070401F7FFFFFFFFFFFFFFFFFFFF050001",
        ),
        (
            "wiretap-add 1 subscriber private -n 0725f statistic normal",
            "CC01051331323334353600010101057052FFFFFFFFFFFFFFFFFF02FF02",
        ),
        ("wiretap 1 1", "CC010706313233343536000000000101"),
        ("wiretap call 1", "CC010706313233343536FFFFFFFFFF01"),
        ("free-ksl 3412010102 0 1 0 2", "CC01080731323334353634120101020102"),
        (
            "get-info -id 0102 -T subscriber -i private -n 1 -trunk 2",
            "CC010A103132333435360102010101F1FFFFFFFFFFFFFFFF0200",
        ),
        ('info-ksl -k 2 -type separated -ksl-a "1, 3" -k-b "1, 4"', "CC010B0431323334353602112324"),
        ("list-ss -n 73835550101", "CC010C0B313233343536FF0B3738550501F1FFFFFF"),
        ("stop-sorm", "CC010200313233343536"),
        ("set-password 654321", "CC010306313233343536363534333231"),
        ("set-password 1234", "CC01030431323334353631323334"),
        ("set-ksl 1 combined 0 1", "CC01040431323334353601010101"),
        ("set-ksl 1 combined 0 3 0 4", "CC01040431323334353601010304"),
        ("set-ksl 2 separated 1 3 1 4", "CC01040431323334353602112324"),
        (
            "wiretap-add 0102 subscriber private -n 73835550101 combined 1 normal",
            "CC010513313233343536010201010B3738550501F1FFFFFFFFFF010102",
        ),
        (
            "wiretap-add 5 trunk none -t 2 statistic normal",
            "CC010513313233343536000503FFFFFFFFFFFFFFFFFFFFFF020002FF02",
        ),
        (
            "wiretap-add 6 network-short city -n 7383555 separated 2 high",
            "CC0105133132333435360006120407373855F5FFFFFFFFFFFFFF110201",
        ),
        (
            "wiretap-del 0102 subscriber private -n 73835550101",
            "CC010610313233343536010201010B3738550501F1FFFFFFFFFF",
        ),
        ("wiretap 3412010102 1", "CC010706313233343536341201010201"),
        ("free-ksl 3412010102", "CC0108073132333435363412010102FFFF"),
        ("free-ksl 0 1", "CC010807313233343536FFFFFFFFFF01FF"),
        ("kick-ksl 1 0 1", "CC010903313233343536010101"),
        ("get-info", "CC010A10313233343536FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"),
        ("info-ksl", "CC010B04313233343536FFFFFFFF"),
        ("info-ksl 2 separated 1 3 1 4", "CC010B0431323334353602112324"),
        ("list-ss private 73835550101", "CC010C0B313233343536010B3738550501F1FFFFFF"),
        ("stop-sending", "CC010D00313233343536"),
        ("test 7", "CC010E0131323334353607"),
        ("wiretap-ed 0102 statistic normal", "CC010F05313233343536010202FF02"),
        ("info-trunk-group", "CC011002313233343536FFFF"),
        ("info-trunk-group 2", "CC0110023132333435360200"),
        ("get-version", "CC011100313233343536"),
    ],
)
def test_a_line_becomes_its_unit(line: str, unit: str) -> None:
    assert octets(line) == unit


def test_undefined_values_are_sent_as_bytes() -> None:
    unit = octets("wiretap-add 0001 05 09 -n 7 99 1 07")
    assert unit[20:30] == "0001050901"
    assert unit.endswith("990107")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "is an empty command"),
        ("begin", "'begin' is not a command; allowed: start-sorm, stop-sorm"),
        ("start-sorm now", "wrong number of words; allowed: start-sorm [-sorm-id N]"),
        (
            "set-ksl 1 mixed 0 1",
            "'mixed' is no group type (combined, separated, none, or a hexadecimal number)",
        ),
        ("set-ksl 1 combined x 1", "'x' is not a hexadecimal number"),
        ("start-sorm -sorm-id 0A", "-sorm-id '0A' is not a decimal number"),
        ("start-sorm -id 1", "-id is no option here"),
        ("get-info 1 -id 1", "give ID, TYPE and SIGN as words or as options"),
        ('info-ksl -ksl-a "1"', "'1' is no line: stream and KSL"),
        ("start-sorm 'x", "No closing quotation"),
        ("test", "wrong number of words; allowed: test NUMBER"),
        ("start-sorm -p", "-p needs one value"),
        ("wiretap-add 1 subscriber private -n 2-8 combined 1 normal", "-n '2-8' is not hexadecimal digits"),
    ],
)
def test_a_mistake_says_what_is_allowed(line: str, says: str) -> None:
    with pytest.raises(LineError) as caught:
        parse_line(line)
    assert says in str(caught.value)


def test_a_word_for_the_call_needs_a_call() -> None:
    with pytest.raises(LineError, match="'call': no call has been seen yet"):
        parse_line("wiretap call 1", b"")
    assert parse_line("wiretap call 1", bytes.fromhex("3412010102")).payload == bytes.fromhex("341201010201")


async def test_words_of_the_testers_shell_send_nothing_and_exit_ends(play, mediator) -> None:
    result = await play('["help", "record-start", "start-sorm", "record-stop", "exit", "stop-sorm"]')
    assert [raw[2] for raw in mediator.commands] == [0x01]
    assert (result.verdict, result.passed, result.planned) == ("PASS", 4, 4)
    assert [len(step.notes) for step in result.steps] == [1, 1, 0, 1]


async def test_an_optional_event_need_not_come(play, mediator) -> None:
    mediator.answer(
        0x01,
        CommandReceived(1, 0),
        CommandExecuted(1, 0),
        event(NumberReceived, 1, "01010", "01001"),
        event(Release, 1, "01010", "01001"),
    )
    result = await play(
        """["start-sorm", {"calls": [{"call": [
        {"recv": {"msg": "41", "test": {"obj": "1"}}},
        {"recv": {"options": {"mode": "optional"}, "msg": "42"}},
        {"recv": {"msg": "43"}}]}]}]"""
    )
    assert result.verdict == "PASS", result.failures


async def test_an_optional_event_can_not_be_missing_where_the_mediator_has_hung_up(play, mediator) -> None:
    mediator.answer(
        0x01,
        CommandReceived(1, 0),
        CommandExecuted(1, 0),
        event(NumberReceived, 1, "01010", "01001"),
        lambda: mediator.hang_up("kpd2"),
    )
    result = await play(
        """["start-sorm", {"calls": [{"call": [
        {"recv": {"msg": "41", "test": {"obj": "1"}}},
        {"recv": {"options": {"mode": "optional"}, "msg": "42"}}]}]}]"""
    )
    assert "the mediator has closed KPD2" in str(result.failures[0].failure)


async def test_the_timeout_is_of_the_whole_call(play, mediator) -> None:
    mediator.answer(
        0x01, CommandReceived(1, 0), CommandExecuted(1, 0), event(NumberReceived, 1, "01010", "01001")
    )
    result = await play(
        """["start-sorm", {"calls": [{"call": [{"options": {"timeout": "0.05"}},
        {"recv": {"msg": "41"}}, {"recv": {"msg": "42"}}]}]}]"""
    )
    assert "nothing that fits came within 0.05 s" in str(result.failures[0].failure)


def test_our_additions_stand_in_comments_too() -> None:
    script = vendor.parse(
        """[{"//": "@lab labs/subscribers.toml"}, {"//": "just a comment"},
        {"calls": [{"variables": {"number_a": "1", "number_b": "2"}, "call": [
        {"//": "@make {\\"domain\\": \\"d\\", \\"talk\\": 0.2}"}, {"recv": {"msg": "41"}}]}]}]""",
        PATH,
    )
    assert script.lab is not None
    assert script.lab.name == "subscribers.toml"
    [step] = script.steps
    assert step.watches[0].make == {"domain": "d", "a": "1", "b": "2", "talk": 0.2}


@pytest.mark.parametrize("name", ["a.json", "a.yaml", "a"])
def test_a_script_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text('\ufeff \n["start-sorm"]', encoding="utf-8")
    assert load(path).planned == 1
    path.write_text("name: a\nsteps: [{send: start}]\n")
    assert load(path).name == "a"


SHIPPED = sorted((Path(captures.__path__[0]) / "scenarios" / "vendor").glob("*.json"))


def pairs_of(value: Any) -> Any:
    """All objects of a document, as lists of pairs."""
    if isinstance(value, Pairs):
        yield value
        value = [inner for _, inner in value]
    if isinstance(value, list):
        for one in value:
            yield from pairs_of(one)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_script_loads_in_that_tester(path: Path) -> None:
    """Its rules: exec in each test-mgm, -sorm-id beside -p, timeout a text, numbers as they are, nothing unknown."""
    words = "// test-mgm cmd ack exec calls variables call options mode timeout repeat observer recv msg test"
    allowed = {*words.split(), "number-a", "number-b", *TEST_FIELDS, "number_a", "number_b", "number_c"}
    document = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=Pairs)
    lines = [one for one in document if isinstance(one, str)]
    for pairs in pairs_of(document):
        keys = dict(pairs)
        assert keys.keys() <= allowed
        if "cmd" in keys:
            assert {"cmd", "exec"} <= keys.keys()
            lines.append(keys["cmd"])
        if "timeout" in keys:
            assert isinstance(keys["timeout"], str)
        if "msg" in keys:
            assert keys["number-a"].isdigit()
            assert keys["number-b"].isdigit()
    for line in lines:
        assert ("-p" in line.split()) <= ("-sorm-id" in line.split())
        assert "$" not in line
