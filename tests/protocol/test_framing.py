"""The framer as dialogues: these octets go in, in whatever pieces, and these items come out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import Broken, BrokenReason, Channel, Codec, Noise, Options, StreamFramer, Unit, strategies
from protocol.framing import SAMPLE, Item

START = bytes.fromhex("CC010100313233343536")
STOP = bytes.fromhex("CC010200313233343536")
ADD_OBJECT = bytes.fromhex("CC010513313233343536020101010B3738550501F1FFFFFFFFFF010102")
OBJECT_204 = bytes.fromhex("CC010F05313233343536CC0102FF02")
"""Command 15 for object 01CCh, whose data hold CCh."""
EVENT = bytes.fromhex(
    "CC0141243412010201011C00010B3738550501F1FFFFFF010B3738550502F2FFFFFFFFFF0101519003500200FFFFFFFF"
)


def framed(pieces: Iterable[bytes], framer: StreamFramer | None = None) -> list[Item]:
    framer = StreamFramer(Channel.COMMAND) if framer is None else framer
    items: list[Item] = []
    for piece in pieces:
        items += framer.feed(piece)
    return items + framer.flush()


def one_by_one(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


# --- in step


def test_units_come_out_whole_however_they_are_fed() -> None:
    stream = START + ADD_OBJECT + OBJECT_204 + STOP
    expected: list[Item] = [Unit(0, START), Unit(10, ADD_OBJECT), Unit(39, OBJECT_204), Unit(54, STOP)]
    assert framed([stream]) == expected
    assert framed(one_by_one(stream)) == expected
    assert framed([stream[:3], stream[3:11], stream[11:]]) == expected


def test_half_a_unit_is_held_and_counted() -> None:
    framer = StreamFramer(Channel.COMMAND)
    assert framer.feed(ADD_OBJECT[:17]) == []
    assert framer.pending == 17
    assert framer.feed(ADD_OBJECT[17:]) == [Unit(0, ADD_OBJECT)]
    assert framer.pending == 0


def test_data_of_a_good_unit_are_never_searched() -> None:
    # Object number CC 01, type 02, sign 00: the beginning of a "stop" inside a command 5.
    sly = ADD_OBJECT[:10] + STOP[:4] + ADD_OBJECT[14:]
    assert framed([sly + START]) == [Unit(0, sly), Unit(29, START)]


def test_kpd2_has_a_longer_header() -> None:
    framer = StreamFramer(Channel.KPD2)
    assert framed([EVENT + EVENT], framer) == [Unit(0, EVENT), Unit(48, EVENT)]


def test_the_order_decides_which_codes_are_known() -> None:
    version = bytes.fromhex("CC011105313233343536AABBCCDDEE")
    assert framed([version]) == [Broken(0, version, 0x11, BrokenReason.LENGTH)]
    assert framed([version], StreamFramer(Channel.COMMAND, Options(order="70"))) == [Unit(0, version)]


def test_both_lengths_of_25h_are_allowed() -> None:
    services = bytes.fromhex("CC01251200000000FF02010B3738550501F1FFFFFF02FFFF21FFFF42")
    padded = services[:3] + b"\x2d" + services[4:] + b"\xff" * 27
    framer = StreamFramer(Channel.KPD1)
    assert framed([services + padded], framer) == [Unit(0, services), Unit(28, padded)]


def test_without_a_channel_units_of_all_may_be_mixed() -> None:
    received = bytes.fromhex("CC01270200000000FF020500")
    assert framed([ADD_OBJECT + received + EVENT + STOP], StreamFramer(None)) == [
        Unit(0, ADD_OBJECT),
        Unit(29, received),
        Unit(41, EVENT),
        Unit(89, STOP),
    ]


# --- damaged headers


def test_an_unknown_code_keeps_its_unit() -> None:
    unknown = bytes.fromhex("CC011F03313233343536AABBDD")
    assert framed([unknown + START]) == [Unit(0, unknown), Unit(13, START)]


def test_a_length_that_is_not_allowed_breaks_the_unit() -> None:
    # Command 11 as one console sends it: length 3, and four octets.
    unit = bytes.fromhex("CC010B03313233343536FFFFFFFF")
    framer = StreamFramer(Channel.COMMAND)
    assert framer.feed(unit) == [Broken(0, unit[:13], 0x0B, BrokenReason.LENGTH)]
    assert framer.feed(START) == [Noise(13, 1, b"\xff"), Unit(14, START)]


@pytest.mark.parametrize("code", [0x05, 0x77])
def test_a_damaged_length_does_not_swallow_the_next_unit(code: int) -> None:
    damaged = bytearray(ADD_OBJECT)
    damaged[2:4] = code, 0xF3
    expected: list[Item] = [
        Broken(0, bytes(damaged), code, BrokenReason.CUT),
        Unit(29, START),
        Unit(39, STOP),
    ]
    assert framed([bytes(damaged) + START + STOP]) == expected
    assert framed(one_by_one(bytes(damaged) + START + STOP)) == expected


def test_a_length_that_ends_inside_the_next_header_does_not_swallow_it_either() -> None:
    damaged = ADD_OBJECT[:3] + b"\x15" + ADD_OBJECT[4:]
    expected: list[Item] = [Broken(0, damaged, 0x05, BrokenReason.CUT), Unit(29, START)]
    assert framed([damaged + START]) == expected
    assert framed(one_by_one(damaged + START)) == expected
    assert framed([damaged + START[:2], START[2:]]) == expected


def test_what_looked_like_the_next_header_may_turn_out_not_to_be_one() -> None:
    unknown = bytes.fromhex("CC011F03313233343536AABBCC")
    framer = StreamFramer(Channel.COMMAND)
    assert framer.feed(unknown) == []
    assert framer.feed(START) == [Unit(0, unknown), Unit(13, START)]
    assert framer.feed(unknown) == []
    assert framer.flush() == [Unit(23, unknown)]


# --- out of step


def test_noise_is_skipped_and_reported_once() -> None:
    noise = b"\x00\xcc\xcc\x01\x99" * 30
    expected: list[Item] = [Noise(0, 150, noise[:SAMPLE]), Unit(150, START)]
    assert framed([noise + START]) == expected
    assert framed(one_by_one(noise + START)) == expected


def test_noise_between_units() -> None:
    assert framed([START + b"noise", b"noise" + STOP]) == [
        Unit(0, START),
        Noise(10, 10, b"noisenoise"),
        Unit(20, STOP),
    ]


def test_out_of_step_another_orm_number_is_no_header() -> None:
    framer = StreamFramer(Channel.COMMAND, orm_numbers={1, 2})
    other = b"\xcc\x07" + START[2:]
    assert framed([b"?" + other + START], framer) == [Noise(0, 11, b"?" + other), Unit(11, START)]


def test_in_step_another_orm_number_is_for_the_receiver_to_refuse() -> None:
    framer = StreamFramer(Channel.COMMAND, orm_numbers={1})
    other = b"\xcc\x07" + START[2:]
    assert framed([other + START], framer) == [Unit(0, other), Unit(10, START)]


def test_messages_of_the_other_direction_are_no_headers() -> None:
    message = bytes.fromhex("CC01220000000000FF02")
    assert framed([b"?" + message + START]) == [Noise(0, 11, b"?" + message), Unit(11, START)]


# --- flush


def test_a_unit_never_finished_is_broken_and_the_next_one_is_not() -> None:
    framer = StreamFramer(Channel.COMMAND)
    assert framer.feed(ADD_OBJECT[:15]) == []
    assert framer.flush() == [Broken(0, ADD_OBJECT[:15], 0x05, BrokenReason.UNFINISHED)]
    assert framer.pending == 0
    assert framer.feed(START) == [Unit(15, START)]


@pytest.mark.parametrize(("size", "code"), [(1, None), (2, None), (3, 0x05), (4, 0x05)])
def test_a_header_never_finished(size: int, code: int | None) -> None:
    assert framed([ADD_OBJECT[:size]]) == [Broken(0, ADD_OBJECT[:size], code, BrokenReason.UNFINISHED)]


def test_a_whole_unit_after_half_a_one_is_found_by_flush() -> None:
    framer = StreamFramer(Channel.COMMAND)
    assert framer.feed(ADD_OBJECT[:12] + START) == []
    assert framer.flush() == [Broken(0, ADD_OBJECT[:12], 0x05, BrokenReason.UNFINISHED), Unit(12, START)]


def test_flush_ends_noise() -> None:
    framer = StreamFramer(Channel.COMMAND)
    assert framer.feed(b"hello\xcc\x01") == []
    assert framer.pending == 2
    assert framer.flush() == [Noise(0, 7, b"hello\xcc\x01")]
    assert framer.flush() == []
    assert framer.feed(START) == [Unit(7, START)]


# --- bounds


def test_a_megabyte_of_noise_is_one_item_and_not_held() -> None:
    framer = StreamFramer(Channel.COMMAND)
    for _ in range(64):
        assert framer.feed(b"\x00\xcc\x01\x05" * 4096) == []
        assert framer.pending <= 3
    assert framer.feed(START) == [
        Noise(0, 1 << 20, (b"\x00\xcc\x01\x05" * 16)[:SAMPLE]),
        Unit(1 << 20, START),
    ]


def test_nothing_more_than_a_unit_is_held() -> None:
    framer = StreamFramer(Channel.COMMAND)
    for at in range(2000):
        framer.feed(b"\xcc\x01\x77\xff"[at % 4 : at % 4 + 1])
        assert framer.pending <= 270


# --- whatever the pieces, the items are the same


@st.composite
def streams(draw: st.DrawFn, channel: Channel) -> bytes:
    some = st.one_of(
        strategies.unit(channel=channel),
        strategies.damaged_unit(channel=channel),
        strategies.noise(channel=channel),
    )
    return b"".join(draw(st.lists(some, max_size=8)))


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted({place for place in places if place < len(stream)}), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(bounds)]


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("orm_numbers", [None, {1, 5}])
def test_items_do_not_depend_on_the_pieces(channel: Channel, orm_numbers: set[int] | None) -> None:
    @settings(max_examples=50, deadline=None)
    @given(streams(channel), st.lists(st.integers(0, 300), max_size=6))
    def check(stream: bytes, places: list[int]) -> None:
        whole = framed([stream], StreamFramer(channel, orm_numbers=orm_numbers))
        assert framed(cut(stream, places), StreamFramer(channel, orm_numbers=orm_numbers)) == whole
        assert framed(one_by_one(stream), StreamFramer(channel, orm_numbers=orm_numbers)) == whole
        # Nothing is lost: the items lie side by side and cover the stream.
        at = 0
        for item in whole:
            assert item.offset == at
            at += item.length if isinstance(item, Noise) else len(item.raw)
            if isinstance(item, Unit | Broken):
                assert stream[item.offset : at] == item.raw
        assert at == len(stream)

    check()


@pytest.mark.parametrize("options", [Options(), Options(order="70")], ids=["268", "70"])
@pytest.mark.parametrize("channel", list(Channel))
def test_units_back_to_back_are_all_found(channel: Channel, options: Options) -> None:
    codec = Codec(options)

    @settings(max_examples=30, deadline=None)
    @given(st.lists(strategies.any_message(options, channel), max_size=6))
    def check(messages: list[object]) -> None:
        units = [codec.encode(message) for message in messages]  # type: ignore[arg-type]
        items = framed([b"".join(units)], StreamFramer(channel, options))
        assert [item.raw for item in items if isinstance(item, Unit)] == units
        assert len(items) == len(units)

    check()


def test_half_a_header_does_not_swallow_the_command_after_it() -> None:
    whole = bytes.fromhex("CC010E0131323334353607")
    for half in (1, 2, 3):
        framer = StreamFramer(Channel.COMMAND)
        items = [*framer.feed(whole[:half] + whole), *framer.flush()]
        assert [item.raw for item in items if isinstance(item, Unit)] == [whole]
        assert [item.raw for item in items if isinstance(item, Broken)] == [whole[:half]]
