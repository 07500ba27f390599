"""Command lines of the vendor's tester, and the bytes they become; that tester types object numbers big-endian."""

from __future__ import annotations

import pytest

from protocol import Codec, Options
from sorm_mediator.console.client import ConsoleClient
from sorm_mediator.replay.vendor import LineError, parse_line
from sorm_mediator.replay.vendor_runner import _unit

BIG = Codec(Options(object_byte_order="big"))


def octets(line: str) -> str:
    client = ConsoleClient("127.0.0.1", 0, 0, BIG)
    command = parse_line(line)
    if command.payload is not None:
        return _unit(command, 1, "123456").hex().upper()
    return BIG.encode(client.command(command.name, command.fields)).hex().upper()


@pytest.mark.parametrize(
    ("line", "unit"),
    [
        ("start-sorm", "CC010100313233343536"),
        ("start-sorm -sorm-id 0A -p 000000", "CC0A0100303030303030"),
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
            "wiretap-add 6 05 09 -n 7 99 1 7",
            None,
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
def test_a_line_becomes_its_unit(line: str, unit: str | None) -> None:
    if unit is None:
        with pytest.raises(LineError):
            parse_line(line)
    else:
        assert octets(line) == unit


def test_undefined_values_are_sent_as_bytes() -> None:
    unit = octets("wiretap-add 0001 05 09 -n 7 99 1 07")
    assert unit[20:30] == "0001050901"
    assert unit.endswith("990107")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "is an empty command"),
        ("begin", "'begin' is no command; allowed: start-sorm, stop-sorm"),
        ("start-sorm now", "wrong number of words; allowed: start-sorm [-sorm-id N]"),
        (
            "set-ksl 1 mixed 0 1",
            "'mixed' is no group type (combined, separated, none, or two hexadecimal digits)",
        ),
        ("set-ksl 1 combined 9 1", "'9' is not a hexadecimal number from 0 to 7"),
        ("test", "wrong number of words; allowed: test NUMBER"),
        ("start-sorm -p 1", "-p '1' is not allowed; allowed: six characters"),
        ("start-sorm -p", "-p needs one value"),
        ("wiretap 12 1", "'12' is no call: ten hexadecimal digits"),
        ("wiretap-add 1 subscriber private -n 2-8 combined 1 normal", "-n '2-8' is not 1 to 18 digits"),
    ],
)
def test_a_mistake_says_what_is_allowed(line: str, says: str) -> None:
    with pytest.raises(LineError) as caught:
        parse_line(line)
    assert says in str(caught.value)
