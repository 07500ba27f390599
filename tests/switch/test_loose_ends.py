"""What a configuration names and has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import captures
from sorm_mediator import config
from sorm_mediator.lab.checks import check_routing
from sorm_mediator.switch.loose_ends import loose_ends
from sorm_mediator.switch.node import Node


def test_the_labs_that_are_shipped_have_none() -> None:
    files = sorted((Path(captures.__file__).parent / "labs").rglob("*.toml"))

    assert len(files) > 3
    for file in files:
        assert check_routing(config.load(file), str(file)) == ()


def test_each_gap_is_a_line_with_its_place_and_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(
        '<context name="c" np="city">\n<rule name="out"><result><external><trunk value="t2"/>'
        '<trunk value="bridge:x"/></external></result></rule>\n'
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
    assert list(loose_ends(Node(switch, tmp_path))) == [
        f"switch.domains.0 (d): {file}: context 'c': no numbering plan 'city'; there are: full",
        f"switch.domains.0 (d): {file}:2: rule 'out': no trunk or bridge t2 or bridge:x; there are: t1",
        "switch.domains.0 (d): numbering_plans.full: 2, which 102 leads to, is no subscriber",
        "switch.domains.0 (d): numbering_plans.full: numbers lead to the bridge b; there are: none",
    ]
