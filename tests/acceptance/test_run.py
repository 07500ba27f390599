"""The matrix carried out in real labs: what passes, and each way in which a format shows to be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol import Release
from protocol.language import translate
from sorm_mediator.acceptance.compare import FAIL, PASS, SKIPPED, Outcome
from sorm_mediator.acceptance.matrix import matrix
from sorm_mediator.acceptance.session import Acceptance
from sorm_mediator.console.client import ConsoleClient
from sorm_mediator.console.errors import NotReadyError
from sorm_mediator.lab.targets import in_lab
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.trace import text_of
from tests.acceptance.conftest import LABS
from tests.conformance.spoiler import Spoiler, late

OUT = ("intercity", "outgoing", "smg_trunk")
IN = ("intercity", "incoming", "smg_trunk")
OWN_OUT = ("own", "outgoing", "smg_trunk")
CarryOut = Callable[..., Any]


async def test_the_lab_that_is_shipped_passes_wholly(make: Any, carry_out: CarryOut) -> None:
    outcomes: list[Outcome] = await carry_out(make())
    assert [one for one in outcomes if one.verdict == FAIL] == []
    passed = [one for one in outcomes if one.verdict == PASS]
    assert {one.check.kind for one in passed} == {"own", "local", "intercity", "international", "emergency"}
    assert {one.check.operator for one in passed} == {"", "smg_trunk", "second_trunk", "city_trunk"}
    for one in passed:
        names = [unit.name for unit in one.units]
        assert names[:3] == ["add-object", "command-received", "command-executed"]
        assert [name for name in names if name in ("number-received", "answer", "release")] == [
            "number-received",
            "answer",
            "release",
        ]
        assert len(one.compared) == 15
    skipped = [one for one in outcomes if one.verdict == SKIPPED]
    assert all(one.check.skipped and not one.units for one in skipped)


async def test_the_smallest_lab_passes_with_its_prefix_8(make: Any, carry_out: CarryOut) -> None:
    outcomes = await carry_out(make("minimal.toml"), OUT, IN, OWN_OUT)
    assert [str(one.verdict) for one in outcomes] == ["PASS", "PASS", "PASS"]


async def test_order_70_passes_too(make: Any, carry_out: CarryOut) -> None:
    outcomes = await carry_out(make(mediator={"order": "70"}), OUT, IN, OWN_OUT)
    assert [str(one.verdict) for one in outcomes] == ["PASS", "PASS", "PASS"]


async def test_another_prefix_than_was_agreed_shows_as_no_event_and_names_the_rule(
    make: Any, carry_out: CarryOut
) -> None:
    outgoing, incoming = await carry_out(
        make("minimal.toml", formats={"intercity": {"prefix": "7"}}), OUT, IN
    )
    assert outgoing.verdict == FAIL
    assert outgoing.problems == [
        "no event came; under control is 79001758964, and test.domain knows the called number as 89001758964 "
        "(for SORM) and 9001758964 (routed)"
    ]
    assert translate(outgoing.problems[0], "ru").startswith(
        "ни одно событие не пришло; на контроле 79001758964"
    )
    assert all(row.seen is None for row in outgoing.compared)
    made, instead = outgoing.remedies
    assert 'to_8 (routing/ctx_from_local.xml:52: sorm_digits="8{%}" sorm_ni="intercity"' in made
    assert instead == (
        'in rule to_8 (routing/ctx_from_local.xml:52) let <called> of its <actions> have sorm_digits="7{%}"'
    )
    assert translate(instead, "ru") == (
        'в правиле to_8 (routing/ctx_from_local.xml:52) укажите для <called> в <actions>: sorm_digits="7{%}"'
    )
    made, instead = incoming.remedies
    assert "ten_digits (routing/ctx_from_trunk.xml:" in made
    assert instead.endswith('let <calling> of its <actions> have sorm_digits="7{1,2,3,4,5,6,7,8,9,10}"')


async def test_a_parameter_of_the_domain_that_changed_the_number_is_named_in_place_of_a_rule(
    make: Any, carry_out: CarryOut
) -> None:
    formats = {"intercity": {"prefix": "8"}}
    config = make("minimal.toml", domain={"private_phone_prefix": "7383"}, formats=formats)
    own, called = await carry_out(config, OWN_OUT, OUT)
    assert own.verdict == PASS, "the party under control is shown as command 5 gave it (order 268, 10.3.2.1)"
    assert "41h calling number: agreed 28331, shown 738328331" in called.problems
    assert called.remedies[1:] == [
        "test.domain: private_phone_prefix 7383: A 28331 (private) -> 738328331 (private)"
    ]


async def test_another_prefix_on_the_other_side_shows_as_another_number(
    make: Any, carry_out: CarryOut
) -> None:
    (own,) = await carry_out(make("minimal.toml", formats={"intercity": {"prefix": "7"}}), OWN_OUT)
    assert own.problems == [
        "42h called number: agreed 79001758964, shown 89001758964",
        "43h called number: agreed 79001758964, shown 89001758964",
    ]
    wrong = [(row.event, row.field, row.expected, row.seen) for row in own.compared if not row.holds]
    assert wrong == [
        ("answer", "called.number", "79001758964", "89001758964"),
        ("release", "called.number", "79001758964", "89001758964"),
    ]


async def test_a_sign_that_was_not_agreed_shows_as_no_event(make: Any, carry_out: CarryOut) -> None:
    (outcome,) = await carry_out(make(formats={"intercity": {"number_sign": "foreign"}}), OUT)
    assert outcome.problems == [
        "no event came; the sign foreign (PSTN subscriber of another country) of the object does not fit "
        "the indicator intercity of the number in test.domain"
    ]


async def test_a_number_of_an_own_subscriber_that_the_node_has_not_is_refused_by_command_5(
    make: Any, carry_out: CarryOut
) -> None:
    formats = {"own": {"number": "3832728331", "prefix": "7"}}
    (outcome,) = await carry_out(make("minimal.toml", formats=formats), OWN_OUT)
    (problem,) = outcome.problems
    assert problem.startswith("command 5 was refused: 54h, ")
    (remedy,) = outcome.remedies
    assert remedy.startswith("test.domain has no subscriber 73832728331: if 28331 is meant, ")
    assert '"73832728331" = { alias = "28331" }' in remedy
    assert '"73832728331" = { alias = "28331" }' in translate(remedy, "ru")
    assert [unit.name for unit in outcome.units] == ["add-object", "command-received", "command-executed"]


@pytest.mark.parametrize(
    ("held", "code"),
    [(3, "36h"), (40_001, "33h")],
    ids=["the number", "the number of the object"],
)
async def test_an_object_left_over_is_named_with_the_command_that_removes_it(
    make: Any, held: int, code: str
) -> None:
    config = make("minimal.toml")
    node = Node(config.switch, config.directory)
    checks = [
        one for one in matrix(config, node.domains) if (one.kind, one.direction, one.operator) == OWN_OUT
    ]
    left = {"object_type": "own-subscriber", "number_sign": "own", "number": "28331", "object_number": held}
    async with in_lab(config, "a test") as around:
        client = ConsoleClient(around.host, around.kpd1, around.kpd2, around.codec)
        await client.connect()
        for name, fields in (
            ("start", {}),
            ("add-object", {**left, "category": "statistical", "priority": "normal"}),
        ):
            (sent,) = await client.send(client.command(name, fields))
            assert await client.wait(lambda sent=sent: sent.done, 5)
            assert sent.refusal == 0
        await client.close()
        async with Acceptance(around, config, node.domains) as acceptance:
            (outcome,) = await acceptance.run(checks, lambda _: None)
    assert outcome.problems[0].startswith(f"command 5 was refused: {code}, ")
    assert outcome.remedies == [
        f"object {held} is under control already: if it is left over, remove it with sorm-mediator send "
        f"remove-object object_number={held} object_type=own-subscriber number_sign=own number=28331"
    ]
    assert "28331" in translate(outcome.remedies[0], "ru")


ADAPT = """<context name="ctx_adapt"><rule name="four"><conditions><cgpn digits="{mask}"/></conditions>
<actions><calling sorm_digits="7383234001"/></actions><result><local/></result></rule></context>"""


@pytest.mark.parametrize(("mask", "named"), [("4001", False), ("28331", True)])
async def test_an_adaptation_is_named_only_where_it_changed_the_number(
    make: Any, carry_out: CarryOut, tmp_path: Path, mask: str, named: bool
) -> None:
    (tmp_path / "adapt.xml").write_text(ADAPT.format(mask=mask))
    contexts = [
        *(str(LABS / "routing" / f"ctx_{one}.xml") for one in ("from_local", "from_trunk", "to_local")),
        str(tmp_path / "adapt.xml"),
    ]
    config = make(
        "minimal.toml",
        domain={"contexts": contexts, "adaptation": "ctx_adapt"},
        formats={"intercity": {"prefix": "8"}, "own": {"number": "28332", "subscriber": "28331"}},
    )
    (outcome,) = await carry_out(config, OUT)
    told = [one for one in outcome.remedies if "adaptation" in one]
    assert outcome.verdict == FAIL
    assert bool(told) is named, outcome.remedies
    fits_no_rule = "for SORM: adaptation ctx_adapt: no rule fits A 28331, B 89001758964; the rules are given"
    assert outcome.trace is not None
    assert (fits_no_rule in text_of(outcome.trace, 0)) is not named


async def test_the_dialled_digits_are_an_agreement_too(make: Any, carry_out: CarryOut) -> None:
    (outcome,) = await carry_out(make(domain={"b_digits_mode": "route"}), OWN_OUT)
    assert outcome.problems == ["41h called number: agreed 89001758964, shown 79001758964"]
    assert 'test.domain has b_digits_mode = "route": 41h shows the number for SORM' in outcome.remedies[-1]
    (outcome,) = await carry_out(
        make(domain={"b_digits_mode": "route"}, formats={"own": {"dialled": "agreed"}}), OWN_OUT
    )
    assert outcome.verdict == PASS


async def test_an_adaptation_of_the_mediator_is_named_as_a_place_to_look(
    make: Any, carry_out: CarryOut
) -> None:
    config = make(mediator={"adaptation": {"prefix_8_to_cdpn": True}})
    (outcome,) = await carry_out(config, OWN_OUT)
    assert "42h called number: agreed 79001758964, shown 89001758964" in outcome.problems
    assert (
        "the mediator rewrites the called number: mediator.adaptation has prefix_8_to_cdpn"
        in outcome.remedies
    )
    config = make(
        mediator={"adaptation": {"prefix_8_to_cdpn": True}}, formats={"intercity": {"prefix_by_a": "8"}}
    )
    (outcome,) = await carry_out(config, OWN_OUT)
    assert outcome.verdict == PASS


async def test_a_direction_without_a_route_fails_without_a_call(make: Any, carry_out: CarryOut) -> None:
    (outcome,) = await carry_out(make(formats={"intercity": {"dial": "9"}}), OUT)
    assert outcome.verdict == FAIL
    assert (outcome.call, outcome.units) == ("", [])
    assert outcome.trace is not None
    assert "no rule of context" in outcome.trace.reason


async def test_a_call_that_the_switch_refuses_is_a_failure_with_its_words(
    make: Any, carry_out: CarryOut
) -> None:
    (outcome,) = await carry_out(make(switch={"licence": {"concurrent_calls": 0}}), OUT)
    (problem,) = outcome.problems
    assert problem.startswith("the switch refused the call with HTTP 503")
    assert [unit.name for unit in outcome.units][-3:] == [
        "remove-object",
        "command-received",
        "command-executed",
    ]


async def test_objects_are_taken_off_again_and_a_mediator_that_ran_goes_on(make: Any) -> None:
    config = make()
    node = Node(config.switch, config.directory)
    checks = [one for one in matrix(config, node.domains) if (one.kind, one.direction, one.operator) == OUT]
    async with in_lab(config, "a test") as around:
        async with Acceptance(around, config, node.domains) as first:
            await first.run(checks, lambda _: None)
        assert around.request is not None
        assert (await around.request("GET", "status", None))[1]["state"] == "stopped"
        client = ConsoleClient(around.host, around.kpd1, around.kpd2, around.codec)
        await client.connect()
        (sent,) = await client.send(client.command("start", {}))
        assert await client.wait(lambda: sent.done, 5)
        await client.close()
        async with Acceptance(around, config, node.domains) as second:
            outcomes = await second.run(checks, lambda _: None)
        status = (await around.request("GET", "status", None))[1]
    assert [one.verdict for one in outcomes] == [PASS]
    assert (status["state"], status["objects"]) == ("started", 0)


async def test_an_event_that_comes_a_little_after_the_release_counts(make: Any) -> None:
    config = make()
    node = Node(config.switch, config.directory)
    checks = [one for one in matrix(config, node.domains) if (one.kind, one.direction, one.operator) == OUT]
    async with (
        in_lab(config, "a test") as around,
        Spoiler(around.host, around.kpd1, around.kpd2, late(Release, 0.3)) as spoiler,
        Acceptance(replace(around, **spoiler.ports), config, node.domains) as acceptance,
    ):
        (outcome,) = await acceptance.run(checks, lambda _: None)
    assert outcome.problems == []


async def test_a_mediator_with_another_password_is_not_begun_with(make: Any) -> None:
    config = make()
    other = make(mediator={"password": "654321"})
    node = Node(config.switch, config.directory)
    async with in_lab(other, "a test") as around:
        with pytest.raises(NotReadyError, match=r"mediator\.password: command 1 was refused: "):
            async with Acceptance(replace(around, password="123456"), config, node.domains):
                pass


async def test_the_example_of_multisorm_passes_as_one_node(make: Any, carry_out: CarryOut) -> None:
    """Short numbers within and between the domains, full ones to the city (ECSS-10 manual, MultiSORM)."""
    outcomes: list[Outcome] = await carry_out(make("multisorm/lab.toml"))
    assert [(one.check.domain, one.problems) for one in outcomes if one.verdict == FAIL] == []
    assert len([one for one in outcomes if one.verdict == PASS]) == 16
    assert {one.check.kind for one in outcomes if one.verdict == PASS} == {"own", "local"}
    own = [one for one in outcomes if one.check.kind == "own"]
    shown = {
        (one.check.operator, row.seen)
        for one in own
        for row in one.compared
        if (row.event, row.field) == ("answer", f"{one.check.role}.number")
    }
    assert shown == {("", "200100"), ("", "300001"), ("trunk1", "73832700000"), ("trunk1", "73832710001")}


async def test_a_lab_over_e1_is_checked_over_e1(make: Any) -> None:
    config = make("e1.toml", formats={"intercity": {"prefix": "8"}})
    node = Node(config.switch, config.directory)
    checks = [one for one in matrix(config, node.domains) if (one.kind, one.direction, one.operator) == OUT]
    async with (
        in_lab(config, "a test", by_e1=True) as around,
        Acceptance(around, config, node.domains) as acceptance,
    ):
        (outcome,) = await acceptance.run(checks, lambda _: None)
    assert outcome.problems == []
