"""The text of 2Ch in its codings, and its parts."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.messagetext import (
    CODINGS,
    SMALLEST_LIMIT,
    MessageCoding,
    decode_message_text,
    encode_message_text,
    split_message_text,
)

every_coding = pytest.mark.parametrize("coding", CODINGS)
GSM7 = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà\f^{}\\[~]|€"
)
CP1251 = "".join(
    chr(point) for point in (*range(0x80), *range(0x410, 0x450), 0x401, 0x451, 0x2116, 0x20AC, 0xA0, 0xAB)
)
ALPHABETS: dict[MessageCoding, st.SearchStrategy[str]] = {
    "utf-8": st.characters(exclude_categories=["Cs"]),
    "ucs2": st.characters(exclude_categories=["Cs"]),
    "cp1251": st.sampled_from(CP1251),
    # a last <CR> may be doubled or taken for padding: 3GPP TS 23.038, 6.1.2.3.1
    "gsm7": st.sampled_from(GSM7.replace("\r", "")),
}
ESCAPED = GSM7[-10:]


@pytest.mark.parametrize(
    ("coding", "text", "octets"),
    [
        ("utf-8", "Да", "D094D0B0"),
        ("ucs2", "Да", "04140430"),
        ("ucs2", "😀", "D83DDE00"),
        ("cp1251", "Да", "C4E0"),
        ("gsm7", "hellohello", "E8329BFD4697D9EC37"),
        ("gsm7", "€", "9B32"),
        ("gsm7", "1234567", "31D98C56B3DD1A"),
        ("gsm7", "12345678", "31D98C56B3DD70"),
        ("gsm7", "@@@@@@@", "0000000000001A"),
        (
            "gsm7",
            "1234567\r\r",
            "31D98C56B3DD1A0D",
        ),  # a return at the end of the octets is doubled (6.1.2.3.1)
        ("gsm7", "", ""),
    ],
)
def test_known_texts(coding: MessageCoding, text: str, octets: str) -> None:
    assert encode_message_text(text, coding).hex().upper() == octets
    assert decode_message_text(bytes.fromhex(octets), coding) == text


@every_coding
def test_a_text_survives_whole_and_in_parts(coding: MessageCoding) -> None:
    # A part of 21 octets may end in three places, and two escapes spoil two of them.
    smallest = 21 if coding == "gsm7" else SMALLEST_LIMIT

    @given(st.text(ALPHABETS[coding], max_size=120), st.integers(smallest, 60))
    def check(text: str, limit: int) -> None:
        for character in ESCAPED if coding == "gsm7" else "":
            text = text.replace(character, "")
        text = f"{text[:40]}€{text[40:60]}€{text[60:]}" if coding == "gsm7" else text
        octets = encode_message_text(text, coding)
        assert decode_message_text(octets, coding) == text
        parts = split_message_text(octets, coding, limit)
        assert b"".join(parts) == octets
        assert all(len(part) <= limit for part in parts)
        assert "".join(decode_message_text(part, coding) for part in parts) == text

    check()


@every_coding
def test_any_octets_can_be_read_and_split(coding: MessageCoding) -> None:
    @given(st.binary(max_size=120), st.integers(SMALLEST_LIMIT, 30))
    @example(b"\x80" * 40, 7)
    @example(b"\x1b" * 40, 7)
    @example(encode_message_text("\r" * 100, "gsm7"), 14)
    def check(octets: bytes, limit: int) -> None:
        assert isinstance(decode_message_text(octets, coding), str)
        parts = split_message_text(octets, coding, limit)
        assert b"".join(parts) == octets
        assert all(len(part) <= limit for part in parts)
        assert all(parts[:-1])

    check()


def test_parts_are_as_long_as_the_order_lets_them_be() -> None:
    assert [len(part) for part in split_message_text(b"x" * 400, "utf-8")] == [192, 192, 16]
    assert [len(part) for part in split_message_text("Я".encode() * 200, "utf-8")] == [192, 192, 16]
    assert [len(part) for part in split_message_text(b"x" + "Я".encode() * 200, "utf-8")] == [191, 192, 18]
    assert [len(part) for part in split_message_text(encode_message_text("x" * 432, "gsm7"), "gsm7")] == [
        189,
        189,
    ]
    assert [len(part) for part in split_message_text("😀".encode("utf-16-be") * 60, "ucs2", 7)] == [4] * 60
    assert split_message_text(b"", "cp1251") == (b"",)
    # No character of UTF-8 has five octets: what would be one is cut anywhere.
    assert [len(part) for part in split_message_text(b"x" * 189 + b"\x80" * 20, "utf-8")] == [192, 17]
    assert split_message_text(b"x" * 192, "cp1251") == (b"x" * 192,)


def test_a_part_of_septets_ends_neither_in_an_escape_nor_in_a_return_that_looks_like_padding() -> None:
    for text in ("1234567€" * 3, "1234567\r" * 2 + "12345678" * 2):
        octets = encode_message_text(text, "gsm7")
        parts = split_message_text(octets, "gsm7", 14)
        assert b"".join(parts) == octets
    escaped = encode_message_text("x" * 15 + "€" + "y" * 20, "gsm7")
    assert [decode_message_text(part, "gsm7") for part in split_message_text(escaped, "gsm7", 14)] == [
        "x" * 8, "x" * 7 + "€" + "y" * 7, "y" * 13,
    ]  # fmt: skip
    returned = encode_message_text("x" * 15 + "\r" + "y" * 20, "gsm7")
    assert [decode_message_text(part, "gsm7") for part in split_message_text(returned, "gsm7", 14)] == [
        "x" * 8, "x" * 7 + "\r" + "y" * 8, "y" * 12,
    ]  # fmt: skip


def test_septets_that_leave_no_place_for_an_end_lose_nothing() -> None:
    text = "1234567" + "€123456" * 60
    octets = encode_message_text(text, "gsm7")
    parts = split_message_text(octets, "gsm7")
    assert [len(part) for part in parts] == [189, 189, 49]
    assert decode_message_text(b"".join(parts), "gsm7") == text


@every_coding
def test_what_a_coding_lacks_is_a_question_mark(coding: MessageCoding) -> None:
    assert decode_message_text(encode_message_text("a\ud800b", coding), coding) == "a?b"
    if coding in ("gsm7", "cp1251"):
        assert decode_message_text(encode_message_text("漢字", coding), coding) == "??"


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        ("utf-8", "61FF62", "a\ufffdb"),
        ("ucs2", "006100", "a\ufffd"),
        ("cp1251", "6198", "a\ufffd"),
        ("gsm7", "1B", "\ufffd"),
        ("gsm7", "9B00", "\ufffd"),
    ],
)
def test_what_is_no_character_is_said(coding: MessageCoding, octets: str, text: str) -> None:
    assert decode_message_text(bytes.fromhex(octets), coding) == text


def test_another_coding_or_a_limit_too_small_is_an_error() -> None:
    with pytest.raises(ValueError, match="koi8-r"):
        encode_message_text("a", "koi8-r")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="koi8-r"):
        decode_message_text(b"a", "koi8-r")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit: 6"):
        split_message_text(b"a" * 10, "utf-8", 6)
