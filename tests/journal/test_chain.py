"""Tampering with rows, and what the verifier says about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator.journal.chain import DAMAGED, GENESIS, Head, Row, Verifier, canonical, link


def chain(count: int, kind: str = "command") -> list[Row]:
    rows: list[Row] = []
    previous = GENESIS
    for seq in range(1, count + 1):
        body = canonical({"seq": seq, "time": float(seq), "kind": kind, "fields": {"text": f"unit {seq}"}})
        digest = link(previous, body)
        rows.append(Row(seq, body, previous, digest))
        previous = digest
    return rows


def seal(rows: list[Row]) -> Head:
    return Head(rows[-1].seq, str(rows[-1].hash))


def faults(rows: list[Row], head: Head | None, noted: str | None = None) -> list[tuple[int | None, str]]:
    verifier = Verifier(head, noted)
    for row in rows:
        verifier.feed(row)
    verifier.finish()
    return [(finding.seq, finding.fault) for finding in verifier.findings]


def test_a_whole_chain_has_no_findings() -> None:
    rows = chain(5)
    assert faults(rows, seal(rows)) == []


def test_an_empty_journal_is_whole() -> None:
    assert faults([], Head(0, GENESIS)) == []


def test_an_edited_entry_is_named() -> None:
    rows = chain(5)
    edited = replace(rows[2], body=str(rows[2].body).replace("unit 3", "unit 9"))
    assert faults([*rows[:2], edited, *rows[3:]], seal(rows)) == [(3, "edited")]


def test_an_entry_edited_together_with_its_hash_is_named() -> None:
    rows = chain(5)
    body = str(rows[2].body).replace("unit 3", "unit 9")
    forged = Row(3, body, rows[2].previous, link(str(rows[2].previous), body))
    assert faults([*rows[:2], forged, *rows[3:]], seal(rows)) == [(3, "replaced")]


def test_the_last_entry_edited_together_with_its_hash_is_found_by_the_seal() -> None:
    rows = chain(5)
    body = str(rows[4].body).replace("unit 5", "unit 9")
    forged = Row(5, body, rows[4].previous, link(str(rows[4].previous), body))
    assert faults([*rows[:4], forged], seal(rows)) == [(5, "replaced")]


@pytest.mark.parametrize("gone", [1, 3, 4])
def test_a_removed_entry_is_named(gone: int) -> None:
    rows = chain(5)
    assert faults([row for row in rows if row.seq != gone], seal(rows)) == [(gone, "removed")]


def test_a_removed_run_is_one_finding() -> None:
    rows = chain(9)
    verifier = Verifier(seal(rows))
    for row in [*rows[:2], *rows[6:]]:
        verifier.feed(row)
    verifier.finish()
    assert [str(finding) for finding in verifier.findings] == ["entry 3: entries 3 to 6 are missing: removed"]


def test_a_removed_entry_whose_number_the_others_took_over_is_found() -> None:
    rows = chain(5)
    closed_up = [*rows[:2], *(replace(row, seq=row.seq - 1) for row in rows[3:])]
    assert faults(closed_up, seal(rows)) == [(3, "reordered"), (4, "reordered"), (5, "truncated")]


def test_two_exchanged_entries_are_both_named() -> None:
    rows = chain(6)
    rows[1], rows[3] = replace(rows[3], seq=2), replace(rows[1], seq=4)
    assert faults(rows, seal(rows)) == [(2, "reordered"), (4, "reordered")]


def test_a_truncated_journal_is_behind_its_seal() -> None:
    rows = chain(5)
    assert faults(rows[:3], seal(rows)) == [(4, "truncated")]


def test_a_seal_that_a_crash_left_behind_is_no_tampering() -> None:
    rows = chain(5)
    assert faults(rows, seal(rows[:3])) == []


def test_a_missing_seal_is_reported() -> None:
    assert faults(chain(2), None) == [(None, "unsealed")]


def test_a_rewritten_chain_is_found_by_a_head_noted_elsewhere() -> None:
    rows, forged = chain(5), chain(5, kind="other")
    assert faults(forged, seal(forged)) == []
    assert faults(forged, seal(forged), noted=str(rows[3].hash)) == [(None, "head")]
    assert faults(rows, seal(rows), noted=str(rows[3].hash).upper()) == []


def test_damage_that_the_writer_noted_stays_a_finding() -> None:
    rows = chain(1, kind=DAMAGED)
    assert faults(rows, seal(rows)) == [(1, "damaged")]


@pytest.mark.parametrize("value", [None, 7, b"{}", 1.5])
def test_columns_of_another_type_are_edits(value: object) -> None:
    rows = chain(3)
    for column in ("body", "previous", "hash"):
        spoilt = [rows[0], replace(rows[1], **{column: value}), rows[2]]
        assert (2, "edited") in faults(spoilt, seal(rows))


@given(data=st.data())
def test_no_single_change_of_a_row_goes_unseen(data: st.DataObject) -> None:
    rows = chain(6)
    head = seal(rows)
    at = data.draw(st.integers(0, 5), label="row")
    column = data.draw(st.sampled_from(["body", "previous", "hash"]), label="column")
    before = str(getattr(rows[at], column))
    position = data.draw(st.integers(0, len(before) - 1), label="position")
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != before[position]), label="character")
    rows[at] = replace(rows[at], **{column: before[:position] + other + before[position + 1 :]})
    assert at + 1 in {seq for seq, _ in faults(rows, head)}


@given(order=st.permutations(range(6)))
def test_no_reordering_goes_unseen(order: list[int]) -> None:
    rows = chain(6)
    shuffled = [replace(rows[source], seq=place + 1) for place, source in enumerate(order)]
    moved = {place + 1 for place, source in enumerate(order) if place != source}
    found = faults(shuffled, seal(rows))
    assert {seq for seq, fault in found if fault == "reordered"} == moved
    assert {seq for seq, _ in found} == moved


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        "[]",
        '{"fields":5,"kind":"command","seq":3,"time":1}',
        f'{{"fields":["x"],"kind":"{DAMAGED}","seq":3,"time":1}}',
    ],
)
def test_a_sealed_entry_that_is_no_entry_is_named(body: str) -> None:
    rows = chain(2)
    rows.append(Row(3, body, rows[1].hash, link(str(rows[1].hash), body)))
    assert faults(rows, seal(rows)) == [(3, "edited")]
