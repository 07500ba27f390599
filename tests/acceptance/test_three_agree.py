"""A trace, the acceptance and a call at the console show the same numbers: compared for every pair of subscribers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from protocol.codes import NumberSign
from protocol.values import Party
from sorm_mediator.acceptance.compare import EVENTS, Outcome
from sorm_mediator.acceptance.matrix import Agreed, FormatCheck, PlannedCall, matrix, object_type_of
from sorm_mediator.acceptance.matrix import testable as callable_people
from sorm_mediator.acceptance.session import Acceptance
from sorm_mediator.config import Config
from sorm_mediator.config.acceptance import Direction
from sorm_mediator.lab.targets import in_lab
from sorm_mediator.mediator.core.numbers import Numbers
from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.trace import LabTrace, Shown, read_request, trace

MULTISORM = "multisorm/lab.toml"
ORDER_70 = {"order": "70", "adaptation": {"prefix_8_to_cdpn": True, "toll_8_to_7": True}}
LABS = {
    "acceptance": ("acceptance.toml", {}),
    "minimal": ("minimal.toml", {}),
    "minimal, order 70, adaptation": ("minimal.toml", ORDER_70),
    "laptop": ("laptop.toml", {"state": ":memory:", "journal": ""}),
    "order268": ("order268.toml", {}),
    "multisorm": (MULTISORM, {}),
    "multisorm, order 70, adaptation": (MULTISORM, ORDER_70),
}
PORTS: dict[str, Any] = {
    "console": {"kpd1_port": 0, "kpd2_port": 0},
    "web": {"port": 0},
    "radius": {"port": 0},
    "switch": {"ssh_port": 0, "host_key_file": ""},
}


def agreed(party: Party) -> Agreed:
    """What the trace shows, as an agreed number."""
    assert isinstance(party.number, str)
    assert isinstance(party.sign, NumberSign)
    return Agreed(party.number, party.sign)


def pairs(config: Config, node: Node, tracer: LabTrace) -> Iterator[FormatCheck]:
    """A call for every pair of subscribers, each under control once as A and once as B, with what the trace says."""
    short = len(config.acceptance.formats.own.dial)
    people = [(domain, one) for domain in node.domains.values() for one in callable_people(domain)]
    for (here, caller), (there, target) in permutations(people, 2):
        call = PlannedCall(here.name, "subscriber", caller.number, target.number[-short:])
        traced = trace(node.domains, here, read_request(call.trace_arguments))
        if traced.reason:
            continue
        assert traced.called is not None
        kind = object_type_of("own")
        rows = [row for hop in traced.hops for row in tracer.shown(hop) if row.object_type is kind]
        first, later = (row for row in rows if row.role == "a" and row.calling.number == caller.number)
        b = next(row for row in rows if row.role == "b" and row.called.number == target.number)
        dialled = agreed(first.called)
        ways: tuple[tuple[Direction, Shown, Domain], ...] = (
            ("outgoing", later, here),
            ("incoming", b, there),
        )
        for direction, shown, domain in ways:
            calling, called = agreed(shown.calling), agreed(shown.called)
            controlled = replace(calling if direction == "outgoing" else called, object_type=kind)
            yield FormatCheck(
                kind="own", direction=direction, domain=domain.name, subscriber=controlled.number, call=call,
                controlled=controlled, calling=calling, called=called,
                dialled=dialled if direction == "outgoing" else None,
            )  # fmt: skip


def told(outcome: Outcome, tracer: LabTrace) -> list[list[tuple[Any, ...]]]:
    """What the trace says for the object of a check, in each domain of the way: for each event both parties."""
    assert outcome.trace is not None
    role, given = outcome.check.role, outcome.check.controlled
    assert given is not None
    found = []
    for hop in (outcome.trace.shown, *outcome.trace.hops):
        parties = [
            tuple(
                (str(party.number), str(given.sign if side == role else party.sign))
                for side, party in (("calling", row.calling), ("called", row.called))
            )
            for row in tracer.shown(hop)
            if row.role == ("a" if role == "calling" else "b")
            and getattr(row, role).number == given.number
            and given.sign in (getattr(row, role).sign, *row.others)
        ]
        if parties:
            found.append([parties[0], parties[-1], parties[-1]])
    return found


def seen(outcome: Outcome) -> dict[str, tuple[Any, ...]]:
    """What the console was shown: event -> numbers and signs of both parties."""
    found = {}
    for unit in outcome.units:
        if unit.on_kpd2 and unit.name in EVENTS:
            parties = [unit.fields[role] for role in ("calling", "called")]
            found.setdefault(unit.name, tuple((str(one["number"]), str(one["sign"])) for one in parties))
    return found


@pytest.mark.parametrize(("file", "mediator"), LABS.values(), ids=LABS)
async def test_a_trace_the_acceptance_and_a_call_show_the_same_numbers(
    make: Any, file: str, mediator: dict[str, Any]
) -> None:
    config = make(file, mediator=mediator, **PORTS)
    node = Node(config.switch, config.directory)
    tracer = LabTrace(config.mediator, Numbers(config.mediator))
    checks = [one for one in matrix(config, node.domains) if one.call and not one.skipped and not one.problem]
    between = list(pairs(config, node, tracer))
    assert checks
    assert between
    async with in_lab(config, "a test") as around, Acceptance(around, config, node.domains) as acceptance:
        outcomes = await acceptance.run([*between, *checks], lambda _: None)
    # Every pair is shown as the trace says.
    assert [(one.check.call, one.problems) for one in outcomes[: len(between)] if one.problems] == []
    for one in outcomes:
        events = seen(one)
        if not events:  # the agreed number is not the one that is shown
            assert one.problems
            continue
        # Every event, also of a check that failed, is what the trace says.
        assert [events[name] for name in EVENTS] in told(one, tracer), one.check.call
