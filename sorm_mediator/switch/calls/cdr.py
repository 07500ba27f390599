"""Records and log of the calls of tenants, from the calls that the switch keeps (``switch.kept_calls``). Pure.

A record has the columns of Asterisk's CDR; it is there when the call has ended. A line of the log has the call's
id in []: who looks for a number or a time finds the id, and by the id the whole log of the call.

Source: Sipteco platform manual, 4.2 ("Исследование хода вызова") and 5 (all calls through the platform are in
the CDR); Asterisk documentation, CDR variables, for the columns.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from sorm_mediator.switch.calls.call import (
    RELEASE_AFTER_TALK,
    RELEASE_BUSY,
    RELEASE_INCOMPLETE,
    RELEASE_NO_ANSWER,
    Call,
    Endpoint,
    State,
)

DISPOSITIONS: Final = {
    RELEASE_AFTER_TALK: "ANSWERED",
    RELEASE_BUSY: "BUSY",
    RELEASE_NO_ANSWER: "NO ANSWER",
    RELEASE_INCOMPLETE: "NO ANSWER",
}
"""Cause of release (order 268, 11.3.5) -> disposition; any other is FAILED."""


_IN_FRONT: Final = ("call", "domain", "started")
"""Fields of a record that stand in front of its line."""


class Record(NamedTuple):
    """A record of a call. duration, billsec: whole seconds, of the call and of its conversation."""

    calldate: str
    src: str
    dst: str
    channel: str
    dstchannel: str
    duration: int
    billsec: int
    disposition: str
    uniqueid: str


def records(calls: Iterable[Call], tenant: str = "", number: str = "") -> Iterator[Record]:
    """The records of ended calls. tenant: of this one; number: calling or called; "": any."""
    for call in calls:
        if call.state is not State.RELEASED or not _of(call, tenant):
            continue
        record = _record(call)
        if number in ("", record.src, record.dst):
            yield record


def log_lines(calls: Iterable[Call], text: str, tenant: str = "") -> Iterator[str]:
    """The lines of the log that have ``text``: a number, a time or a call's id."""
    for call in calls:
        if not _of(call, tenant):
            continue
        for event in call.events:
            said = f"{event.event}: {event.detail}" if event.detail else event.event
            line = f"[{_at(event.time)}] VERBOSE[{call.id}] {call.domain.name}: {said}"
            if text in line:
                yield line


def file_lines(rows: Iterable[Mapping[str, str]], text: str, known: Container[str]) -> Iterator[str]:
    """The lines of records that files have (docs/cdr.md), in the form of :func:`log_lines`. known: calls left out."""
    for row in rows:
        if row["call"] in known:
            continue
        said = " ".join(f"{name}={value}" for name, value in row.items() if value and name not in _IN_FRONT)
        started = datetime.fromisoformat(row["started"]).timestamp()
        line = f"[{_at(started)}] CDR[{row['call']}] {row['domain']}: {said}"
        if text in line:
            yield line


def _of(call: Call, tenant: str) -> bool:
    return call.domain.config.vpbx is not None and tenant in ("", call.domain.name)


def _record(call: Call) -> Record:
    ended = call.release_time or call.started
    talked = ended - call.answer_time if call.answer_time is not None else 0.0
    answered = call.answer_time is not None
    return Record(
        _at(call.started),
        call.request.a,
        call.request.b,
        _channel(call.calling),
        _channel(call.called),
        round(ended - call.started),
        round(talked),
        "ANSWERED" if answered else DISPOSITIONS.get(call.release_cause or 0, "FAILED"),
        call.id,
    )


def _channel(party: Endpoint) -> str:
    if party.trunk is not None:
        return f"SIP/{party.trunk.name}"
    return f"SIP/{party.subscriber.number}" if party.subscriber is not None else ""


def _at(time: float) -> str:
    return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
