"""What is wrong or doubtful in a tenant's tables."""

from __future__ import annotations

import pytest

from sorm_mediator.config import VpbxConfig
from sorm_mediator.fuzz.growth import MOST, growth
from sorm_mediator.vpbx.checks import doubts, mistakes
from sorm_mediator.vpbx.patterns import parse_pattern
from tests.vpbx.tenants import TENANT, changed, tenant


def test_the_tenant_of_the_tests_has_neither() -> None:
    assert (mistakes(tenant()), doubts(tenant())) == ([], [])


@pytest.mark.parametrize(
    ("data", "key", "text"),
    [
        (
            changed("sip_trunks", 0, dial_number_id=7),
            "sip_trunks.0.dial_number_id",
            "7 is no id of dial_numbers",
        ),
        (changed("directions", 1, sip_trunk_id=7), "directions.1.sip_trunk_id", "7 is no id of sip_trunks"),
        (changed("directions", 1, dial_number_id=None), "directions.1.dial_number_id", "is missing"),
        (changed("users", 0, dial_number_id=7), "users.0.dial_number_id", "7 is no id of dial_numbers"),
        (
            changed("directions", 4, pattern=None),
            "directions.4.pattern",
            "is missing; the direction other needs one",
        ),
        (changed("directions", 4, pattern="_[7"), "directions.4.pattern", "is never closed"),
        (changed("users", 1, number="101"), "users.1.number", "101 is given twice"),
        (changed("sip_trunks", 1, name="sip74952216005"), "sip_trunks.1.name", "is given twice"),
    ],
)
def test_a_mistake(data: VpbxConfig, key: str, text: str) -> None:
    (found,) = mistakes(data)

    assert found.key == key
    assert text in found.text


@pytest.mark.parametrize(
    ("data", "key", "text"),
    [
        (
            changed("sip_trunks", 0, dial_number_id=None),
            "sip_trunks.0.dial_number_id",
            "belongs to no number",
        ),
        (
            tenant(dial_numbers=[*TENANT["dial_numbers"], {"id": 3, "number": "+7(495)0000000"}]),
            "dial_numbers.2.id",
            "has no directions",
        ),
        (
            changed("sip_trunks", 1, extension="74952216005"),
            "sip_trunks.1.extension",
            "is the extension of the enabled trunk sip74952216005 too",
        ),
        (
            tenant(directions=[TENANT["directions"][1], TENANT["directions"][0], TENANT["directions"][5]]),
            "directions.1.pattern",
            "is covered by the earlier direction 2",
        ),
        (changed("users", 2, number="03"), "users.2.number", "03 is a number of emergency services too"),
        (
            changed("incoming_routes", 0, target="999"),
            "incoming_routes.0.target",
            "user 999 has nobody to ring",
        ),
        (
            tenant(incoming_routes=TENANT["incoming_routes"][:1]),
            "sip_trunks.1.extension",
            "calls to 78123334455 go nowhere",
        ),
        (changed("directions", 0, pattern="_8X."), "directions.0.pattern", "has no effect"),
    ],
)
def test_a_doubt(data: VpbxConfig, key: str, text: str) -> None:
    assert mistakes(data) == []
    (found,) = doubts(data)

    assert found.key == key
    assert text in found.text


def test_a_disabled_trunk_has_no_extension_to_share() -> None:
    assert doubts(changed("sip_trunks", 1, extension="74952216005", enabled=False)) == []


def test_a_finding_lists_some_of_the_names_that_there_are() -> None:
    users = [{"id": number, "number": str(number)} for number in range(1, 501)]
    lost = [{"queue_id": 1, "user_id": 900 + number} for number in range(500)]
    routes = [{"dial_number_id": number, "target": "900"} for number in (1, 2)]
    data = tenant(users=users, queues=[{"id": 1, "name": "q"}], queue_members=lost, incoming_routes=routes)

    found = [*mistakes(data), *doubts(data)]

    assert sum(one.text.endswith(" and 480 more") for one in found) == 502
    assert max(len(one.text) for one in found) < 200


def test_directions_are_compared_in_proportion_to_their_number() -> None:
    def of_thousands(count: int) -> VpbxConfig:
        rows = [
            {
                "id": number,
                "direction": "other",
                "pattern": f"_7{number:06}XXXX",
                "sip_trunk_id": 1,
                "dial_number_id": 1,
            }
            for number in range(1, count)
        ]
        return tenant(directions=rows)

    assert growth(of_thousands, doubts, 200) < MOST


def test_a_pattern_is_compared_with_every_earlier_one_that_may_cover_it() -> None:
    texts = ("_X.", "_7495XXX", "_74951XX", "_[12]X", "_2.", "_7", "7495123")
    for earlier in texts:
        for later in texts:
            rows = [
                {"id": number, "direction": "other", "pattern": text, "sip_trunk_id": 1, "dial_number_id": 1}
                for number, text in enumerate((earlier, later), 1)
            ]
            told = any("is covered by" in one.text for one in doubts(tenant(directions=rows)))
            assert told == parse_pattern(earlier).covers(parse_pattern(later)), (earlier, later)
