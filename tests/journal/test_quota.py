"""How much strangers may make the journal grow."""

from __future__ import annotations

from sorm_mediator.journal.quota import StrangersQuota


def test_a_minutes_worth_at_once_and_as_many_in_each_minute_after_that() -> None:
    quota = StrangersQuota(60)
    assert sum(quota.admits(100.0) for _ in range(1000)) == 60
    assert sum(quota.admits(100.0 + tenth / 10) for tenth in range(600)) == 59
    assert quota.take_untold() == 940 + 541
    assert quota.take_untold() == 0


def test_a_quiet_hour_gives_no_more_than_a_minutes_worth() -> None:
    quota = StrangersQuota(60)
    assert quota.admits(0.0)
    assert sum(quota.admits(3600.0) for _ in range(1000)) == 60


def test_zero_is_no_bound() -> None:
    quota = StrangersQuota(0)
    assert all(quota.admits(0.0) for _ in range(1000))
    assert quota.take_untold() == 0
