"""A domain built from its configuration, and errors that name key, file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sorm_mediator.config import ConfigError

RULE = '<context name="{name}"><rule name="r"><result>{result}</result></rule></context>'


@pytest.fixture
def files(tmp_path: Path) -> Any:
    def write(**results: str) -> list[str]:
        for name, result in results.items():
            (tmp_path / f"{name}.xml").write_text(RULE.format(name=name, result=result))
        return [str(tmp_path / f"{name}.xml") for name in results]

    return write


def test_the_only_context_is_the_default(plain_switch: Any, files: Any) -> None:
    domain = plain_switch(contexts=files(c="<local/>")).engine.domains["test.domain"]

    assert domain.default_context == "c"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"contexts": ["c", "d"]}, "switch.domains.0.default_context: is required; one of c, d"),
        (
            {"contexts": ["c"], "default_context": "x"},
            "default_context: there is no context 'x'; there are: c",
        ),
        ({"default_context": "x"}, "no context 'x'; there are: none, because no file of contexts is named"),
        (
            {"contexts": ["c"], "subscribers": [{"number": "1", "context": "x"}]},
            "subscribers.0.context: there is no",
        ),
        (
            {"contexts": ["c"], "trunks": [{"number": 1, "name": "t", "context": "x"}]},
            "trunks.0.context: there is no",
        ),
        ({"contexts": ["c", "c"]}, "context 'c' is already there, from "),
        ({"contexts": ["on"]}, "on.xml:1: rule 'r' continues in 'far'; there are: on"),
        ({"contexts": ["bad"]}, "bad.xml:1: <far> is not allowed in <result>"),
        (
            {"contexts": ["bad", "c", "worse"]},
            "\nswitch.domains.0.contexts.2: ",  # The mistakes of all files are told at once.
        ),
        ({"contexts": ["missing"]}, "missing.xml: can't be read: No such file or directory"),
        (
            {"subscribers": [{"number": "1"}, {"number": "1"}]},
            "subscribers.1.number: 1 is a subscriber of test.domain already",
        ),
        (
            {"trunks": [{"number": 1, "name": "t"}, {"number": 1, "name": "u"}]},
            "trunks.1.number: 1 is the number of 't' already",
        ),
    ],
)
def test_what_cannot_be_used(
    plain_switch: Any, files: Any, tmp_path: Path, fields: Any, complaint: str
) -> None:
    files(c="<local/>", d="<local/>", on='<continue context="far"/>', bad="<far/>", worse="<near/>")
    if "contexts" in fields:
        fields = fields | {"contexts": [str(tmp_path / f"{name}.xml") for name in fields["contexts"]]}

    with pytest.raises(ConfigError) as raised:
        plain_switch(**fields)

    lines = str(raised.value).splitlines()
    assert all(line.removeprefix("configuration: ").startswith("switch.domains.0.") for line in lines)
    assert complaint in str(raised.value)


def test_a_subscriber_and_a_trunk_have_contexts_of_their_own(plain_switch: Any, files: Any) -> None:
    switch = plain_switch(
        contexts=files(c="<local/>", d='<external><trunk value="t"/></external>'),
        default_context="c",
        subscribers=[{"number": "1"}, {"number": "2", "context": "d"}, {"number": "3"}],
        trunks=[{"number": 5, "name": "t", "context": "c"}],
    )

    assert switch.call("1", "3").called.subscriber.number == "3"
    assert switch.call("2", "3").called.trunk.number == 5
    assert switch.call("9", "1", origin="trunk:t").called.subscriber.number == "1"
