"""What a state of a stream means for the console and for the lines in it: the vendor's codes, and the options."""

from __future__ import annotations

from typing import Any

import pytest

from e1.g704.alarms import StreamState
from protocol import Options
from protocol.values import Ksl
from sorm_mediator.config import parse
from sorm_mediator.mediator.binding.e1_transport import Change, E1Transport

LOS, AIS, LOMF, RAI, WORK = (StreamState(name) for name in ("LOS", "AIS", "LOMF", "RAI", "WORK"))
LINES = tuple(Ksl(2, ksl) for ksl in range(1, 29))


def side(**options: Any) -> E1Transport:
    document = {"mediator": {"options": options}, "e1": [{"stream": 2, "line": "memory"}]}
    return E1Transport(parse(document), Options(), None)  # type: ignore[arg-type] - nothing happens on the channels


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (WORK, LOS, Change(LINES, False, 1)),
        (WORK, RAI, Change(LINES, False, 2)),
        (LOS, AIS, None),
        (LOS, RAI, Change((), False, 2)),
        (WORK, LOMF, Change((), True, 1)),
        (LOMF, LOS, Change(LINES, False, 1)),
        (RAI, WORK, Change(LINES, True, 0)),
    ],
)
def test_a_change_is_told_when_it_means_something(
    old: StreamState, new: StreamState, change: Change | None
) -> None:
    assert side().change(2, old, new) == change


def test_codes_of_single_states_are_options_and_the_others_stay() -> None:
    told = side(stream_alarm_codes={"AIS": 9, "LOS": 7}, line_restored_code=3)
    assert told.change(2, WORK, AIS) == Change(LINES, False, 9)
    assert told.change(2, AIS, LOS) == Change((), False, 7)
    assert told.change(2, WORK, RAI) == Change(LINES, False, 2)
    assert told.change(2, RAI, WORK) == Change(LINES, True, 3)
    assert told.at_start().alarm_code == 7


def test_whether_lines_are_heard_is_an_option() -> None:
    told = side(stream_unheard=["LOS", "LOMF"])
    assert told.change(2, WORK, RAI) == Change((), True, 2)
    assert told.change(2, WORK, LOMF) == Change(LINES, False, 1)
