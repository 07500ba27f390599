"""docs/switch.md and docs/routing.md say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import captures
from docs.state_tables import arrows
from sorm_mediator import config
from sorm_mediator.mediator.core.numbers import Numbers
from sorm_mediator.switch.calls.call import CALL_TABLE
from sorm_mediator.switch.calls.engine import ORDERED, USED
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.routing.context_file import parse_context
from sorm_mediator.switch.trace import TRACE_PARAMETERS, LabTrace, read_request, trace

DOCS = Path(__file__).parents[2] / "docs"
ROUTING = (DOCS / "routing.md").read_text(encoding="utf-8")
PAGE = (DOCS / "switch.md").read_text(encoding="utf-8")


def test_the_states_of_a_call_are_those_of_the_table() -> None:
    assert f"```text\n{arrows(CALL_TABLE)}\n```" in PAGE


def test_the_context_shown_is_one() -> None:
    example = re.search(r"```xml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None

    assert parse_context(example[1].encode(), "docs/switch.md").rules[0].name == "to_8"


def test_every_service_is_described() -> None:
    for name in USED | ORDERED:
        assert f"`{name}`" in PAGE


def test_the_trace_shown_is_what_the_command_prints() -> None:
    example = re.search(
        r"```console\n\$ sorm-mediator trace -c captures/labs/(\S+) (.*)\n((?:.|\n)*?)```", ROUTING
    )
    assert example is not None
    loaded = config.load(Path(captures.__file__).parent / "labs" / example[1])
    assert loaded.switch is not None
    tracer = LabTrace(loaded.mediator, Numbers(loaded.mediator))
    domains = Node(loaded.switch, loaded.directory).domains
    (domain,) = domains.values()

    printed = tracer.text(trace(domains, domain, read_request(example[2].split())), now=0)

    moment = re.compile(r" at [0-9.]+ [0-9:]+, ")
    assert moment.sub(" at, ", example[3]) == moment.sub(" at, ", printed) + "\n"


def test_every_parameter_of_a_trace_is_described() -> None:
    for name in TRACE_PARAMETERS:
        assert f"`{name}`" in ROUTING
