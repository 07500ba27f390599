"""What a configuration names and has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import captures
from sorm_mediator import config
from sorm_mediator.lab.checks import check_routing
from sorm_mediator.switch.node import Node, unresolved_references


def test_the_labs_that_are_shipped_have_none() -> None:
    files = sorted((Path(captures.__file__).parent / "labs").rglob("*.toml"))

    assert len(files) > 3
    for file in files:
        found = check_routing(config.load(file), str(file))
        # Each is what a scenario of that lab is about: a circle of forwardings, and demands beyond the pool.
        meant = {
            "minimal": "leads back to",
            "stations": "3 subscribers demand a licence ip, and 2 were bought",
        }
        assert [one for one in found if meant.get(file.stem, "\n") not in one] == []


def test_each_gap_is_a_line_with_its_place_and_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(
        '<context name="c" np="city">\n<rule name="out"><conditions><cdpn digits="1"/></conditions><result><external>'
        '<trunk value="t2"/><trunk value="bridge:x"/></external></result></rule>\n'
        '<rule name="fine"><result><external><trunk value="t2"/><trunk value="t1"/></external></result></rule>\n'
        "</context>"
    )
    domain: dict[str, Any] = {
        "name": "d",
        "contexts": ["c.xml"],
        "trunks": [{"number": 1, "name": "t1"}],
        "subscribers": [{"number": "1"}],
        "numbering_plans": {
            "full": {"101": {"alias": "1"}, "102": {"alias": "2"}, "103": {"bridge": "b"}, "104": {}}
        },
    }
    switch = config.parse({"switch": {"domains": [domain]}}).switch
    assert switch is not None

    file = tmp_path / "c.xml"
    assert list(unresolved_references(Node(switch, tmp_path))) == [
        f"switch.domains.0 (d): {file}: context 'c': no numbering plan 'city'; there are: full",
        f"switch.domains.0 (d): {file}:2: rule 'out': no trunk or bridge t2 or bridge:x; there are: t1",
        "switch.domains.0.numbering_plans.full: 2, which 102 leads to, is not a subscriber of d",
        "switch.domains.0.numbering_plans.full: numbers lead to the bridge b; d has: none",
    ]


def test_numbers_that_a_strict_bridge_does_not_let_across_are_told() -> None:
    near: dict[str, Any] = {
        "name": "center",
        "numbering_plans": {"city": {"735125500{0-1}": {"bridge": "c2o"}, "73512550000": {"bridge": "c2o"}}},
    }
    far: dict[str, Any] = {"name": "office", "numbering_plans": {"city": {"73512550000": {}}}}
    bridge: dict[str, Any] = {
        "name": "c2o",
        "a": {"domain": "center", "np": "city"},
        "b": {"domain": "office", "np": "city"},
    }

    def told(strict: bool) -> list[str]:
        switch = config.parse(
            {"switch": {"domains": [near, far], "bridges": [bridge | {"strict": strict}]}}
        ).switch
        assert switch is not None
        return list(unresolved_references(Node(switch)))

    assert told(strict=True) == [
        "switch.domains.0.numbering_plans.city: 7351255000, and 1 more number, bound to the bridge c2o: "
        "not in plan city of office, and the bridge is strict"
    ]
    assert told(strict=False) == []
