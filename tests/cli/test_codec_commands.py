"""``decode`` and ``encode`` as their users call them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from sorm_mediator.capture.writer import PcapngWriter
from sorm_mediator.cli.codec import decode, encode
from sorm_mediator.cli.showing import time_text

VECTORS_FILE = Path(__file__).parents[1] / "protocol" / "vectors.json"
VECTORS = json.loads(VECTORS_FILE.read_text(encoding="utf-8"))["vectors"]
START = "CC010100313233343536"
EXISTS = "CC01280200000000FF020533"
BROKEN = "CC01050231323334353600FF"

app = typer.Typer()
app.command()(decode)
app.command()(encode)
runner = CliRunner()


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return runner.invoke(app, list(arguments), input=stdin)


def documents(*arguments: str, stdin: str | bytes | None = None) -> list[dict[str, Any]]:
    found = json.loads(run("decode", *arguments, "--json", stdin=stdin).stdout)
    assert isinstance(found, list)
    return found


def test_all_vectors_at_once_go_through_json_and_back() -> None:
    units = [vector["hex"] for vector in VECTORS]
    decoded = run("decode", "--json", *units)
    assert decoded.exit_code == 0, decoded.stderr
    assert [document["hex"] for document in json.loads(decoded.stdout)] == units
    encoded = run("encode", stdin=decoded.stdout)
    assert encoded.exit_code == 0
    assert encoded.stdout.split() == units


def test_without_hex_the_fields_alone_encode_back() -> None:
    found = documents(START, EXISTS, BROKEN)
    for document in found:
        del document["hex"]
    assert run("encode", stdin=json.dumps(found)).stdout.split() == [START, EXISTS, BROKEN]


def test_json_has_the_keys_of_the_contract_and_nothing_else_is_on_stdout() -> None:
    (document,) = documents(EXISTS)
    assert list(document) == [
        "offset",
        "length",
        "channel",
        "kind",
        "name",
        "code",
        "orm_number",
        "fields",
        "problems",
        "hex",
    ]


def test_people_read_headings_fields_and_octets_with_the_password_masked() -> None:
    done = run("decode", START)
    assert done.exit_code == 0
    assert "start: start the technical means (01h, command 1, ORM number 1)" in done.stdout
    assert "CC 01 01 00 ** ** ** ** ** **" in done.stdout
    assert "123456" not in done.stdout
    assert "31 32 33" not in done.stdout


def test_people_read_russian() -> None:
    done = run("decode", EXISTS, "--lang", "ru")
    assert "подтверждение о выполнении команды" in done.stdout
    assert "результат  33h  объект уже задан" in done.stdout


def test_the_text_of_a_telecommunication_message_is_read_in_the_coding_that_is_named() -> None:
    fixed = "CC 01 2C 39 01 00 01 00 FF 02 02 01 02" + " FF" * 11 + " 15" + " FF" * 38
    done = run("decode", f"{fixed} 04 14 04 30", "--message-text", "ucs2")
    assert done.exit_code == 0
    assert '0x04140430 "Да"' in " ".join(done.stdout.split())
    assert "taken from the object, selected by the sender's number, delivered" in done.stdout
    assert run("decode", f"{fixed} 04 14 04 30", "--message-text", "koi8-r").exit_code == 2


def test_status_texts_of_json_follow_the_language() -> None:
    (document,) = documents(EXISTS, "--lang", "ru")
    assert document["fields"]["status_text"] == "объект уже задан"


def test_one_broken_unit_does_not_hide_the_others_and_exits_1() -> None:
    done = run("decode", "--json", START, BROKEN, EXISTS)
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert [document["kind"] for document in found] == ["command", "unknown", "message"]
    assert found[1]["problems"]
    assert "!" in run("decode", BROKEN).stdout


def test_a_code_that_nobody_knows_is_called_unknown_as_far_as_it_goes() -> None:
    unit = "CC019900313233343536"
    shown = run("decode", unit).stdout
    assert "unknown unit (99h, 10 octets, ORM number 1)" in shown
    assert "! octet 2 code: unknown code: 99h does not exist in order 268" in shown
    assert "begun and not finished" not in shown
    (document,) = documents(unit)
    assert (document["kind"], document["code"]) == ("unknown", 0x99)
    assert run("encode", stdin=json.dumps(document)).stdout.strip() == unit
    as_command = run("decode", unit, "--channel", "command").stdout
    assert "** ** ** ** ** **" in as_command
    assert "octet 3" not in as_command


def test_json_says_on_stderr_how_much_is_wrong() -> None:
    done = run("decode", "--json", START, BROKEN, EXISTS)
    assert done.stderr == "sorm-mediator: 1 of 3 units have problems\n"
    assert (
        run("decode", "--json", "--lang", "ru", BROKEN).stderr
        == "sorm-mediator: с ошибками: 1 из 1 сообщений\n"
    )
    assert run("decode", "--json", START).stderr == ""


@pytest.mark.parametrize("octets", [BROKEN, "CC0101", "00 01", "CC01050231323334"])
def test_what_is_wrong_is_said_in_russian(octets: str) -> None:
    for text in (
        run("decode", octets, "--lang", "ru").stdout,
        documents(octets, "--lang", "ru")[0]["problems"][0]["message"],
    ):
        words = re.findall("[a-z][a-z-]+", text)
        assert set(words) <= {"length", "add-object"}, text


def test_what_is_wrong_with_a_capture_is_said_in_russian(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcapng"
    with PcapngWriter(path) as writer:
        writer.connection("KPD1", ("127.0.0.1", 40001), ("127.0.0.1", 1001), 0.0).sent(
            bytes.fromhex(START), 0.0
        )
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert "файл pcapng оборван в блоке, байт " in run("decode", "-f", str(path), "--lang", "ru").stderr
    path.write_bytes(whole[:4] + b"\x05" + whole[5:])
    expected = "блок pcapng в байте 0 с заявленной длиной 5: остальное не прочитано"
    assert expected in run("decode", "-f", str(path), "--lang", "ru").stderr


def test_noise_is_shown_with_its_place_and_octets() -> None:
    found = documents("00 01", START)
    assert [(document["kind"], document["offset"], document["hex"]) for document in found] == [
        ("unknown", 0, "0001"),
        ("command", 2, START),
    ]


def test_standard_input_is_read_with_a_dash_and_without() -> None:
    for arguments in (["-"], [], ["-f", "-"]):
        assert [document["hex"] for document in documents(*arguments, stdin=START)] == [START]
    assert [document["hex"] for document in documents("-", stdin=bytes.fromhex(START))] == [START]


def test_a_capture_says_flow_and_time(tmp_path: Path) -> None:
    path = tmp_path / "run.bin"  # the suffix doesn't matter
    with PcapngWriter(path) as writer:
        kpd1 = writer.connection("KPD1", ("127.0.0.1", 40001), ("127.0.0.1", 1001), 1_700_000_000.5)
        kpd1.sent(bytes.fromhex(START), 1_700_000_000.5)
    (document,) = documents("-f", str(path))
    assert document["flow"] == "127.0.0.1:40001 > 127.0.0.1:1001 tcp"
    assert document["interface"] == "KPD1"
    assert document["time"] == "2023-11-14T22:13:20.500000000Z"
    assert (
        "KPD1, 127.0.0.1:40001 > 127.0.0.1:1001 tcp, 2023-11-14T22:13:20.500000000Z"
        in run("decode", "-f", str(path)).stdout
    )


def test_comments_of_packets_are_shown_and_json_may_be_an_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "c.pcapng"
    with PcapngWriter(path) as writer:
        kpd1 = writer.connection("KPD1", ("127.0.0.1", 4000), ("127.0.0.1", 1001), 999.0)
        for comment in ("run, step 1, send start", ""):
            kpd1.sent(bytes.fromhex("CC010100313233343536"), 999.5, comment=comment)
    assert run("decode", "-f", str(path)).stdout.count("\n  # run, step 1, send start\n") == 1
    lines = run("decode", "-f", str(path), "--json-lines").stdout.splitlines()
    assert [json.loads(line).get("comment") for line in lines] == ["run, step 1, send start", None]
    assert json.loads(run("decode", "-f", str(path), "--json").stdout) == [json.loads(line) for line in lines]
    assert run("encode", stdin="\n".join(lines)).stdout.count("CC0101") == 2


def test_a_capture_without_units_says_what_it_has_and_exits_1() -> None:
    path = Path(__file__).parents[1] / "capture" / "data" / "rtp_radius.pcap"
    done = run("decode", "-f", str(path), "--json")
    assert (done.exit_code, done.stdout) == (1, "[]\n")
    assert "not shown: 10.0.0.1:1646 > 10.0.0.2:1813 udp: 103 octets, no units" in done.stderr
    assert "no units found" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "field", "little", "big"),
    [
        ("--object-byte-order", "big", "object_number", 258, 513),
        ("--trunk-byte-order", "big", "trunk", 2, 512),
    ],
)
def test_byte_orders_are_options_of_both(option: str, value: str, field: str, little: int, big: int) -> None:
    unit = "CC010513313233343536020101010B3738550501F1FFFFFFFFFF010102".replace("FFFF010102", "0200010102")
    assert documents(unit)[0]["fields"][field] == little
    decoded = run("decode", "--json", unit, option, value)
    assert json.loads(decoded.stdout)[0]["fields"][field] == big
    assert run("encode", option, value, stdin=decoded.stdout).stdout.strip() == unit


def test_order_70_has_its_own_signs() -> None:
    unit = "CC010A10313233343536FFFFFF02" + "FF" * 12
    assert documents(unit, "--order", "70")[0]["fields"]["number_sign"] == "local"
    assert documents(unit)[0]["fields"]["number_sign"] == "0x02"


@pytest.mark.parametrize(
    ("arguments", "stdin", "complaint"),
    [
        (["decode", "CC", "--lang", "de"], None, "sorm-mediator: --lang: 'de' is not allowed: en, ru\n"),
        (
            ["decode", "CC", "--channel", "x"],
            None,
            "--channel: 'x' is not allowed: auto, command, kpd1, kpd2",
        ),
        (
            ["decode", "CC", "--m25-length", "45"],
            None,
            "--m25-length: '45' is not allowed: variable, fixed45",
        ),
        (["encode", "--order", "69"], "{}", "--order: '69' is not allowed: 268, 70"),
        (["decode", "CC", "1"], None, "not hex: half an octet at character 4"),
        (["decode", "CC", "0G"], None, "not hex: 'G' at character 5"),
        (["decode", "CC 012"], None, "3 digits, an odd number, at character 4"),
        (["decode"], "", "nothing to decode"),
        (["decode", "-f", "/no/such/file"], None, "/no/such/file: No such file"),
        (["decode", "CC01", "-f", "x"], None, "not both"),
        (["encode"], "", "nothing to encode"),
        (["encode"], "{", "not JSON: Expecting property name"),
        (["encode"], '{"name": "start"}\n{"name": }\n', "at line 2, column 10"),
        (["encode", "-f", "/no/such/file"], None, "/no/such/file: No such file"),
        (["encode"], b"\xff\xfe", "octet 0 is no UTF-8"),
    ],
)
def test_wrong_usage_is_one_line_on_stderr_and_exit_2(
    arguments: list[str], stdin: str | bytes | None, complaint: str
) -> None:
    done = run(*arguments, stdin=stdin)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_given_as_hex_gets_a_hint() -> None:
    done = run("decode", str(VECTORS_FILE))
    assert done.exit_code == 2
    assert f"decode -f {VECTORS_FILE}" in done.stderr


def test_encode_reads_a_list_an_object_or_an_object_a_line() -> None:
    one = '{"name": "start"}'
    for text in (f"[{one}, {one}]", f"{one}\n{one}\n"):
        assert run("encode", stdin=text).stdout.split() == [START, START]
    assert run("encode", stdin=json.dumps(json.loads(one), indent=2)).stdout.split() == [START]


def test_encode_reads_a_file_and_writes_octets(tmp_path: Path) -> None:
    path = tmp_path / "commands.json"
    path.write_text('[{"name": "start"}, {"name": "test", "fields": {"test_number": 7}}]', encoding="utf-8")
    done = run("encode", "-f", str(path), "--binary")
    assert done.stdout_bytes == bytes.fromhex(START + "CC010E0131323334353607")
    assert [document["name"] for document in documents("-", stdin=done.stdout_bytes)] == ["start", "test"]


def test_encode_names_what_cannot_be_sent_and_writes_the_others() -> None:
    text = '[{"name": "start"}, {"name": "add-object", "fields": {"category": "both"}}, {"name": "start"}]'
    done = run("encode", stdin=text)
    assert done.exit_code == 1
    assert done.stdout.split() == [START, START]
    assert "object 2: category: 'both' can't be sent; allowed: combined, separate, statistical" in done.stderr


def test_help_has_examples() -> None:
    for command in ("decode", "encode"):
        shown = run(command, "--help").stdout
        assert "sorm-mediator decode" in shown


def test_times_are_said_whatever_a_damaged_capture_holds() -> None:
    assert time_text(0) == "1970-01-01T00:00:00.000000000Z"
    assert time_text((1 << 64) * 10**9) == f"{1 << 64}.000000000"


def test_no_octet_of_a_password_in_a_command_that_broke_off_is_shown() -> None:
    done = run("decode", "CC0105133132333435360001CC010306313233343536363534333231CC")
    assert "CC 01 05 13 ** **" in done.output
    for secret in ("31 32", "3132", "1234", "category 32h", "6363"):
        assert secret not in done.output


def test_the_lengths_that_are_known_are_told() -> None:
    short = documents("CC010B03313233343536FFFFFF")[0]["problems"][0]
    assert short == {
        "offset": 3,
        "path": "length",
        "message": "broken unit: length 3 is not allowed for get-ksl: 4",
    }
    shown = run("decode", "CC010513313233343536").stdout
    assert "broken unit: begun and not finished: 10 of 29 octets of add-object" in shown
    assert (
        "начато и не закончено: 10 из 29 байтов add-object"
        in run("decode", "CC010513313233343536", "--lang", "ru").stdout
    )


def test_the_comment_of_a_packet_with_two_units_is_shown_once(tmp_path: Path) -> None:
    file = tmp_path / "run.pcapng"
    start = bytes.fromhex("CC010100313233343536")
    with PcapngWriter(file) as writer:
        kpd1 = writer.connection("KPD1", ("127.0.0.1", 2), ("127.0.0.1", 1001), 999.0)
        kpd1.sent(start + start, 999.5, comment="start; start")
        kpd1.sent(start, 999.6, comment="start")
    shown = run("decode", "-f", str(file)).stdout
    assert [line for line in shown.splitlines() if line.startswith("  # ")] == [
        "  # start; start",
        "  # start",
    ]
    assert shown.count("CC 01 01 00") == 3
    documents = json.loads(run("decode", "--json", "-f", str(file)).stdout)
    assert [document.get("comment") for document in documents] == ["start; start", None, "start"]


def test_a_capture_without_packets_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(bytes.fromhex("D4C3B2A1 0200 0400 00000000 00000000 FFFF0000 01000000"))
    done = run("decode", "-f", str(path))
    assert done.exit_code == 1
    assert "the capture has a header, and no packet in it" in done.stderr


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 9])
def test_a_command_that_breaks_off_takes_no_mask_from_the_next(size: int) -> None:
    """What is left of the first takes a part of the next one's header with it, up to all but the password."""
    octets = START[: 2 * size] + "CC010E01" + b"QWERTY".hex() + "07"
    shown = run("decode", octets).stdout
    assert "QWER" not in shown
    assert b"QWE".hex(" ").upper() not in shown


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "it is nested too deep"),
        (
            '{"name": "test", "fields": {"test_number": ' + "9" * 5000 + "}}",
            "a number of more than 4,300 digits",
        ),
        ('{"name": "start"}\n{"a": ' + "9" * 5000 + "}", "a number of more than 4,300 digits at line 2"),
    ],
)
def test_json_that_nobody_can_read_is_told_in_one_line(text: str, why: str) -> None:
    result = run("encode", stdin=text)
    assert (result.exit_code, result.stderr) == (2, f"sorm-mediator: not JSON: {why}\n")
