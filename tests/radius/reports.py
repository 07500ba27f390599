"""The call report that tests send."""

from __future__ import annotations

from radius.report import CallReport, Party

REPORT = CallReport(
    call_id="c-1",
    domain="test.domain",
    sequence=1,
    time=1_700_000_000.25,
    connection=0x1C,
    calling=Party(digits="28331", ni="private"),
    called=Party(digits="28332", ni="private"),
)
