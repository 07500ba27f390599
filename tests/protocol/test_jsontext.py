"""The text of the JSON form is that of :func:`json.dumps`, whatever was written before."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from protocol import Codec, GetObjects, strategies
from protocol.jsonform import to_json
from protocol.jsontext import json_text
from protocol.language import Lang
from protocol.memo import MOST_KEPT, Memo

CODEC = Codec()


@pytest.mark.parametrize("lang", ["en", "ru"])
@settings(max_examples=300, deadline=None)
@given(raw=strategies.unit() | strategies.damaged_unit())
def test_any_unit_is_written_as_its_document(lang: Lang, raw: bytes) -> None:
    message, problems = CODEC.decode_lenient(raw)
    document = json.dumps(to_json(message, raw, 7, problems, lang=lang), ensure_ascii=False)
    assert json_text(message, raw, 7, problems, lang) + "}" == document


def test_a_number_without_its_count_keeps_its_spelling_beside_one_with_it() -> None:
    counted = CODEC.encode(GetObjects(None, None, None, "28331", None))
    uncounted = counted[:14] + b"\xff" + counted[15:]
    for raw in (counted, uncounted, counted):
        message, problems = CODEC.decode_lenient(raw)
        document = json.dumps(to_json(message, raw, 7, problems), ensure_ascii=False)
        assert json_text(message, raw, 7, problems) + "}" == document
    assert '"octets"' in json_text(CODEC.decode_lenient(uncounted)[0], uncounted, 7, ())


def test_what_has_problems_is_written_with_them() -> None:
    raw = bytes.fromhex("CC01280200000000FF020533")[:-1]
    message, problems = CODEC.decode_lenient(raw)
    document = json.dumps(to_json(message, raw, 0, problems), ensure_ascii=False)
    assert json_text(message, raw, 0, problems) + "}" == document


def test_what_is_kept_is_bounded() -> None:
    made: list[int] = []
    memo = Memo[int, int](lambda value: made.append(value) or value)
    for value in range(3 * MOST_KEPT):
        assert memo[value] == value
        assert len(memo) <= MOST_KEPT
    assert memo[3 * MOST_KEPT - 1] == made[-1]
