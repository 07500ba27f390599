"""The stop-watch of the answers."""

from __future__ import annotations

import pytest

from protocol import CommandExecuted, CommandReceived, GetObjects, Start, Test, TestReplyKpd1, TestReplyKpd2
from sorm_mediator.mediator.binding.limits import LimitWatch

LIMITS = {"27h": 200, "28h": 10_000, "29h": 200, "53h": 200}


def watch() -> LimitWatch:
    return LimitWatch(LIMITS, 200)  # type: ignore[arg-type]


def test_an_answer_in_time_is_measured_and_not_late() -> None:
    limits = watch()
    limits.command(Start.code, arrived=10.0)
    assert limits.sent(CommandReceived(Start.code, 0), now=10.2) == ""
    limits.sent(CommandExecuted(Start.code, 0), now=10.5)
    assert limits.measured["27h"].answers == limits.measured["28h"].answers == 1
    assert limits.measured["27h"].late == 0
    assert limits.measured["28h"].longest == 0.5


def test_a_late_answer_says_by_how_much() -> None:
    limits = watch()
    limits.command(Test.code, arrived=10.0)
    assert limits.sent(TestReplyKpd1(7, 1, 1), now=10.1) == ""
    assert limits.sent(TestReplyKpd2(7, 1, 1), now=10.3) == (
        "53h to command 0Eh took 300 ms; the limit is 200 ms"
    )
    assert limits.measured["53h"].late == 1


def test_the_command_that_runs_is_timed_and_not_the_one_that_was_refused_meanwhile() -> None:
    limits = watch()
    limits.command(Start.code, arrived=10.0)
    limits.sent(CommandReceived(Start.code, 0), now=10.0)
    limits.command(Start.code, arrived=19.0)
    limits.sent(CommandReceived(Start.code, 0x2D), now=19.0)
    limits.sent(CommandExecuted(Start.code, 0), now=21.0)
    assert limits.measured["28h"].longest == 11.0
    assert limits.measured["28h"].late == 1


def test_a_table_takes_as_long_as_it_takes() -> None:
    limits = watch()
    limits.command(GetObjects.code, arrived=0.0)
    limits.sent(CommandReceived(GetObjects.code, 0), now=0.1)
    limits.sent(CommandExecuted(GetObjects.code, 0), now=100.0)
    assert limits.measured["28h"].answers == 0


@pytest.mark.parametrize(
    ("at", "answers", "late"),
    [
        (9999.9, 1, 0),
        (9999.5, 1, 1),
        (9941.0, 1, 1),
        (9900.0, 1, 1),
        (6401.0, 1, 1),
        (6399.0, 0, 0),
        (1e6, 0, 0),
    ],
)
def test_an_event_of_a_time_far_from_now_is_not_measured(at: float, answers: int, late: int) -> None:
    limits = watch()
    told = limits.event(TestReplyKpd2(7, 1, 1), at=at, now=10_000.0)
    assert (limits.measured["events"].answers, limits.measured["events"].late) == (answers, late)
    assert bool(told) == bool(late)


def test_an_answer_to_nothing_is_not_measured() -> None:
    limits = watch()
    assert limits.sent(CommandReceived(Start.code, 0), now=10.0) == ""
    assert limits.measured["27h"].answers == 0
