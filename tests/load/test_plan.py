"""The calls of a load: due in order, each of its reports once."""

import pytest

from sorm_mediator.load.plan import STAGES, CallPlan, a_number, object_phone

PLAN = CallPlan(rate=100, calls=30, objects=4, ring=0.015, talk=0.3, first_call=7, first_object=500)


def test_every_report_of_every_call_is_due_once_and_in_time_order() -> None:
    dues = list(PLAN.dues())
    assert [one.after for one in dues] == sorted(one.after for one in dues)
    assert sorted((one.call, one.stage) for one in dues) == [
        (index, stage) for index in range(7, 37) for stage in range(STAGES)
    ]
    assert dues[-1].after == pytest.approx(PLAN.seconds)


def test_processes_share_the_calls() -> None:
    shards = [set(PLAN.dues(shard, 3)) for shard in range(3)]
    assert set.union(*shards) == set(PLAN.dues())
    assert sum(map(len, shards)) == STAGES * PLAN.calls


def test_a_report_holds_what_its_stage_has_come_to() -> None:
    first, second, last = (PLAN.report(9, stage, 1000.0, 1001.0) for stage in range(STAGES))
    assert [one.sequence for one in (first, second, last)] == [1, 2, 3]
    assert first.setup_time == pytest.approx(1000.02)
    assert (first.answer_time, second.answer_time) == (None, pytest.approx(1000.035))
    assert (second.release_time, last.release_time) == (None, pytest.approx(1000.335))
    assert last.calling.digits == a_number(9)
    assert last.called.digits == object_phone(1)
    assert last.matches[0].object_number == 501
