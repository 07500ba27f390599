"""USB keys: with fewer than DS nodes the switch counts down, and takes no call in the end.

Source: ECSS-10 manual, Licence limits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.switch.calls.call import CallRequest
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.licence import LicenceError, limit_of, make_licence
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.session import ShellSession

START = 1_700_000_000.0
DAY = 86_400.0
PATH = "cluster/storage/ds1/licence"


@dataclass
class Switch:
    """A switch, its clock, and somebody at its shell."""

    licence: dict[str, Any]
    limits: dict[str, Any] = field(default_factory=dict)
    now: float = START

    def __post_init__(self) -> None:
        numbers = [{"number": number} for number in ("1", "2")]
        switch: dict[str, Any] = {"licence": self.licence, "domains": [{"name": "d", "subscribers": numbers}]}
        if self.limits:
            rows = {"concurrent_calls": 9} | self.limits
            made = make_licence(rows, ssw_id="ECSS 000000", description="l", expires=None, now=START)
            switch["licences"] = [{"number": 2, "key": made}]
        parsed = config.parse({"switch": switch}).switch
        assert parsed is not None
        self.engine = Engine(parsed)
        self.node = self.engine.node
        self.shell = ShellSession(ShellContext(node=self.node, clock=lambda: self.now, stopwatch=lambda: 0.0))
        self.node.tokens.look(self.now)

    def says(self, line: str) -> str:
        entered = self.shell.enter(line)
        return entered.error or entered.text.partition("\n[exec at")[0]

    def after(self, seconds: float) -> str:
        """Why a call is not taken that long after the start; "" when it is."""
        self.now = START + seconds
        self.node.tokens.look(self.now)
        call = self.engine.place_call("d", CallRequest(a="1", b="2", talk=0), self.now)
        self.engine.hang_up(call.id, self.now)
        return str(call.not_admitted or "")


OVER = "the alive time without LPM token is over: {} of {} USB keys are there"


def test_a_lab_that_names_no_keys_has_enough() -> None:
    assert Switch({}).after(9 * DAY) == ""
    assert Switch({}, {"ds1.nodes": "ds1@ecss1,ds1@ecss2"}).after(9 * DAY) == ""


def test_without_a_key_the_switch_works_for_a_day() -> None:
    switch = Switch({"tokens": 0})
    assert switch.after(DAY - 1) == ""
    assert switch.after(DAY) == OVER.format(0, 1)
    assert switch.after(DAY + 1) == OVER.format(0, 1)


def test_two_ds_nodes_need_two_keys() -> None:
    nodes = {"cluster.storage.ds7": "ds7@north,ds7@south", "lpm_time": "90m"}
    assert Switch({"tokens": 2}, nodes).after(9 * DAY) == ""
    one = Switch({"tokens": 1}, nodes)
    assert one.after(90 * 60 - 1) == ""
    assert one.after(90 * 60) == OVER.format(1, 2)


def test_a_key_that_is_plugged_in_again() -> None:
    switch = Switch({"tokens": 0})
    assert switch.after(DAY) != ""
    assert switch.says(f"{PATH}/set-tokens 1").endswith("Alive time left enough keys\n")
    assert switch.after(DAY) == ""
    switch.says(f"{PATH}/set-tokens 0")
    assert switch.after(2 * DAY - 1) == "", "the time counts anew"
    assert switch.after(2 * DAY) == OVER.format(0, 1)


def test_the_shell_shows_what_is_left() -> None:
    switch = Switch({"tokens": 0, "lpm_time": "12h"})
    switch.now += 3600
    assert switch.says(f"{PATH}/tokens") == "USB keys        0\nDS nodes        1\nAlive time left 11:00:00\n"
    assert "System alive time without LPM token (min) " in switch.says(f"{PATH}/current-limits")
    assert switch.says(f"{PATH}/set-tokens x") == "Error: COUNT: 'x' is not allowed: 0 to 16\n"


def test_lsusb_lists_the_keys() -> None:
    key = "ID 0529:0620 Aladdin Knowledge Systems"
    assert Switch({"tokens": 2}).says("lsusb").count(key) == 2
    assert key not in Switch({"tokens": 0}).says("lsusb")


@pytest.mark.parametrize("text", ["", "day", "1w", "-1", "1.5h"])
def test_an_alive_time_is_a_time(text: str) -> None:
    with pytest.raises(LicenceError, match=r"lpm_time: .* is not allowed: a time such as 1d"):
        limit_of("lpm_time").parse(text)
