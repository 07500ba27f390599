"""Licences: which one holds at what time, their keys, and every reason that one is refused for."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorm_mediator import config
from sorm_mediator.config import ConfigError
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import CallRequest, State
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.changes.domains import declare_subscribers
from sorm_mediator.switch.changes.licence import add_licence, delete_licence, set_passport
from sorm_mediator.switch.licence import (
    FACTORY,
    INFINITY,
    LIMITS,
    Kind,
    LicenceBody,
    LicenceError,
    decode_licence,
    decode_passport,
    encode,
    limit_of,
    make_licence,
    make_passport,
    shown,
)
from sorm_mediator.switch.node import Change, Node
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.session import ShellSession

SSW = "ECSS 000000"
NOW = datetime(2027, 6, 1, 12, tzinfo=UTC).timestamp()
LAST_DAY = date(2027, 6, 30)
LAST_SECOND = datetime(2027, 6, 30, 23, 59, 59, tzinfo=UTC).timestamp()


def node(*domains: dict[str, Any], licences: Any = (), **licence: Any) -> Node:
    table = {"domains": list(domains), "licence": licence, "licences": list(licences)}
    parsed = config.parse({"switch": table})
    assert parsed.switch is not None
    return Node(parsed.switch)


def key(
    expires: date | None = None, ssw_id: str = SSW, description: str = "test", now: float = NOW, **limits: Any
) -> str:
    return make_licence(limits, ssw_id=ssw_id, description=description, expires=expires, now=now)


# --- which one holds


def test_a_lab_file_without_a_licence_has_the_defaults_of_licence_1() -> None:
    active = node().licences.active(NOW)

    limits = active.limits
    assert (active.number, limits.sorm_enabled, limits.sorm_channels) == (1, True, 20)
    assert (limits.concurrent_calls, limits.max_conversation_time) == (2100, 86_400)
    assert limits.subscribers == INFINITY


def test_the_factory_licence() -> None:
    active = node(installed=False).licences.active(NOW)

    limits = active.limits
    assert (active.number, dict(limits.values)) == (0, dict(FACTORY))
    assert (limits.sorm_enabled, limits.sorm_channels, limits.concurrent_calls) == (False, 0, 5)
    assert (limits.max_conversation_time, limits.subscribers) == (60, 10)


def test_the_highest_number_holds_until_it_expires_and_then_the_next_lower_one() -> None:
    switch = node(concurrent_calls=100, expires="2027-07-31")
    assert add_licence(switch, key(LAST_DAY, concurrent_calls=50), NOW).number == 2

    licences = switch.licences
    assert licences.active(NOW).number == 2
    assert licences.active(LAST_SECOND).number == 2
    assert licences.active(LAST_SECOND + 1).number == 1
    assert licences.active(datetime(2027, 8, 1, tzinfo=UTC).timestamp()).number == 0


def test_the_last_day_of_the_calendar_is_a_last_day() -> None:
    switch = node(concurrent_calls=100, expires="9999-12-31")
    assert switch.licences.active(253_402_300_799.0).number == 1
    assert switch.licences.active(253_402_300_800.0).number == 0
    shell = ShellSession(ShellContext(node=switch, clock=lambda: NOW, stopwatch=lambda: 0.0))
    assert "31.12.9999 23:59:59" in shell.enter("cluster/storage/ds1/licence/list-licence").text


def test_what_a_licence_leaves_out_is_as_in_the_factory_licence() -> None:
    switch = node(max_conversation_time=500)

    add_licence(switch, key(sorm_channels=3), NOW)

    limits = switch.licences.active(NOW).limits
    assert (limits.sorm_enabled, limits.sorm_channels) == (True, 3), "channels alone enable SORM"
    assert (limits.max_conversation_time, limits.concurrent_calls) == (60, 5)


def test_numbers_follow_the_highest() -> None:
    switch = node()
    add_licence(switch, key(concurrent_calls=2), NOW)
    add_licence(switch, key(concurrent_calls=3), NOW)
    delete_licence(switch, 2)

    assert add_licence(switch, key(concurrent_calls=4), NOW).number == 4
    assert list(switch.licences.installed) == [0, 1, 3, 4]


def test_without_licence_1_the_next_is_number_1() -> None:
    switch = node()
    delete_licence(switch, 1)

    assert add_licence(switch, key(concurrent_calls=7), NOW).number == 1
    assert switch.licences.active(NOW).limits.concurrent_calls == 7
    delete_licence(switch, 1)
    assert list(switch.licences.installed) == [0]


def test_changes_are_told_and_survive_in_the_configuration() -> None:
    switch = node()
    told: list[Change] = []
    switch.watchers.append(told.append)

    add_licence(switch, key(concurrent_calls=7), NOW)
    delete_licence(switch, 1)
    set_passport(switch, make_passport(ssw_id=SSW, description="new", now=NOW))

    assert told == [Change("switch")] * 3
    again = Node(switch.config).licences
    assert list(again.installed) == [0, 2]
    assert again.installed[2].values == {"concurrent_calls": 7}
    assert again.passport.description == "new"


# --- what is refused


def refused(change: Any, *arguments: Any) -> str:
    """The reason; and the configuration is as it was."""
    switch = arguments[0]
    before = switch.config
    with pytest.raises(ChangeRefused) as raised:
        change(*arguments)
    assert switch.config is before
    return str(raised.value)


def test_the_factory_licence_stays() -> None:
    assert refused(delete_licence, node(), 0) == "licence 0 is the factory licence, and can't be deleted"


def test_no_licence_of_that_number() -> None:
    assert refused(delete_licence, node(), 5) == "there is no licence 5; there are: 0, 1"


def test_a_licence_for_another_switch() -> None:
    said = refused(add_licence, node(), key(ssw_id="ECSS 010079"), NOW)

    assert said == "the licence is for 'ECSS 010079', and this switch is 'ECSS 000000' by its passport"


def test_a_licence_that_has_expired() -> None:
    said = refused(add_licence, node(), key(LAST_DAY), LAST_SECOND + 1)

    assert said == "the licence has expired: its last day was 2027-06-30"


def test_a_licence_that_is_there_already() -> None:
    switch, same = node(), key(LAST_DAY)
    add_licence(switch, same, NOW)

    assert refused(add_licence, switch, same, NOW) == "this is licence 2, which is installed already"


def test_a_passport_for_another_switch() -> None:
    passport = make_passport(ssw_id="ECSS 010079", description="", now=NOW)
    switch = node()

    assert refused(set_passport, switch, passport) == (
        "the passport is for 'ECSS 010079', and licence 1 for 'ECSS 000000': "
        "take a passport for that switch, or delete the licence first"
    )
    delete_licence(switch, 1)
    assert set_passport(switch, passport).ssw_id == "ECSS 010079"
    assert add_licence(switch, key(ssw_id="ECSS 010079"), NOW).number == 1


def test_one_subscriber_too_many() -> None:
    switch = node({"name": "d", "subscribers": [{"number": "1"}, {"number": "2"}]}, subscribers=3)

    said = refused(lambda node: declare_subscribers(node, "d", "", "", "{3-4}@d", now=NOW), switch)
    assert said == (
        "licence 1 allows 3 subscribers (Subscribers limit): 2 are active, and 2 more would be needed; "
        "remove or deactivate some, declare inactive ones, or add a licence"
    )
    assert set(switch.domains["d"].subscribers) == {"1", "2"}

    declare_subscribers(switch, "d", "", "", "3@d", now=NOW)
    assert set(switch.domains["d"].subscribers) == {"1", "2", "3"}


# --- keys


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is not a key of a licence: it begins with LAB1-LICENCE-, then two groups more"),
        ("hello", "this is not a key of a licence"),
        ("347f70015624eb979215bba31bcb82ba-" * 20, "this is a key of the vendor, whose format is not public"),
        ("LAB1-LICENCE-" + "A" * 70_000, "the key has 70013 characters, and the longest has 65536"),
        (
            make_passport(ssw_id=SSW, description="", now=NOW),
            "this is the key of a passport, and that of a licence",
        ),
    ],
)
def test_what_is_no_key_of_a_licence(text: str, said: str) -> None:
    with pytest.raises(LicenceError) as raised:
        decode_licence(text)
    assert said in str(raised.value)


def test_a_licence_is_no_passport() -> None:
    with pytest.raises(LicenceError, match="this is the key of a licence, and that of a passport is wanted"):
        decode_passport(key())


@given(st.data())
def test_a_mistyped_key_is_refused(data: st.DataObject) -> None:
    right = key(LAST_DAY, sorm_channels=20)
    first = len("LAB1-LICENCE-")
    position = data.draw(st.sampled_from([i for i in range(first, len(right)) if right[i] != "-"]))
    other = data.draw(st.sampled_from(sorted(set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") - {right[position]})))

    with pytest.raises(LicenceError, match="mistyped"):
        decode_licence(right[:position] + other + right[position + 1 :])


@given(st.integers(1, 7))
def test_a_key_that_lost_characters_is_refused(lost: int) -> None:
    body, _, check = key().rpartition("-")

    with pytest.raises(LicenceError, match="mistyped"):
        decode_licence(f"{body[:-lost]}-{check}")


def test_a_key_may_come_in_lines_and_in_lower_case() -> None:
    right = key(LAST_DAY, sorm_channels=20)
    pasted = "\n ".join(right[at : at + 40] for at in range(0, len(right), 40)).lower()

    assert decode_licence(pasted) == decode_licence(right)


VALUES = {
    Kind.TIME: st.from_regex(r"[0-9]{1,6}[smhd]?", fullmatch=True, alphabet="0123456789smhd"),
    Kind.FLAG: st.booleans(),
    Kind.COUNT: st.integers(0, 10**9),
    Kind.UNBOUNDED: st.one_of(st.just(INFINITY), st.integers(0, 10**9)),
    Kind.TEXT: st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
}
LIMIT_VALUES = st.fixed_dictionaries({}, optional={key: VALUES[limit.kind] for key, limit in LIMITS.items()})


@given(LIMIT_VALUES)
def test_every_limit_survives_a_key(limits: dict[str, Any]) -> None:
    values = decode_licence(key(LAST_DAY, **limits)).values()

    assert {name: values[name] for name in limits} == limits
    assert set(values) - set(limits) <= {"sorm_enabled"}


@given(LIMIT_VALUES)
def test_what_is_shown_of_a_limit_can_be_given(limits: dict[str, Any]) -> None:
    for name, value in limits.items():
        assert limit_of(name).parse(shown(value)) == value


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"sorm_chanels": 1}, "sorm_chanels: there is no such limit; there are: virtual.system_bridge, "),
        ({"sorm_channels": -1}, "sorm_channels: -1 is not allowed: a whole number, 0 or more"),
        (
            {"sorm_channels": "infinity"},
            "sorm_channels: 'infinity' is not allowed: a whole number, 0 or more",
        ),
        ({"sorm_channels": True}, "sorm_channels: True is not allowed: a whole number, 0 or more"),
        (
            {"subscribers": "many"},
            "subscribers: 'many' is not allowed: a whole number, 0 or more, or infinity",
        ),
        ({"sorm_enabled": 1}, "sorm_enabled: 1 is not allowed: true or false"),
        ({"cdr": "a\nb"}, "cdr: 'a\\nb' is not allowed: a text"),
    ],
)
def test_limits_that_a_key_can_not_have(limits: dict[str, Any], said: str) -> None:
    body = LicenceBody(ssw_id=SSW, limits=limits)

    with pytest.raises(LicenceError) as raised:
        decode_licence(encode(body))
    assert str(raised.value).startswith(said)


def test_a_key_of_a_later_version() -> None:
    """Its check group is right, and it holds a field that is not known."""
    import base64
    import hashlib

    data = json.dumps({"ssw_id": SSW, "colour": "red"}).encode()

    def base32(octets: bytes) -> str:
        return base64.b32encode(octets).decode().rstrip("=")

    with pytest.raises(LicenceError, match="holds what this version does not know: colour: "):
        decode_licence(f"LAB1-LICENCE-{base32(data)}-{base32(hashlib.sha256(data).digest()[:5])}")


# --- lab files that can't be used


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"licences": [{"number": 2, "key": "x"}]}, "switch.licences.0.key: this is not a key of a licence"),
        (
            {"licences": [{"number": 1, "key": key()}]},
            "switch.licences.0.number: there is a licence 1 already",
        ),
        (
            {"licences": [{"number": 2, "key": key(ssw_id="other")}]},
            "switch.licence.passport: is for 'ECSS 000000', and licence 2 for 'other'; both must be for",
        ),
        ({"passport": "x"}, "switch.licence.passport: this is not a key of a passport"),
        (
            {"passport": make_passport(ssw_id="other", description="", now=NOW)},
            "switch.licence.passport: is for 'other', and licence 1 for 'ECSS 000000'",
        ),
    ],
)
def test_lab_files_that_can_not_be_used(tables: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        node(**tables)
    assert str(raised.value).startswith(said)


def test_a_lab_file_may_have_an_expired_licence() -> None:
    switch = node(licences=[{"number": 2, "key": key(LAST_DAY)}])

    assert switch.licences.active(LAST_SECOND + 1).number == 1


def test_calls_the_shell_and_the_status_have_the_licence_of_the_same_day() -> None:
    today = datetime.now(UTC).date().isoformat()
    domain = {"name": "one", "subscribers": [{"number": "1"}, {"number": "2"}]}
    switch = {"ssh_port": 0, "licence": {"expires": today}, "domains": [domain]}
    box = SwitchBox(config.parse({"lab": {"time_factor": 10_000_000}, "switch": switch}))
    box.calendar.move_to(time.time() + 2 * 86_400)

    call = box.engine.place_call("one", CallRequest(a="1", b="2", ring=0, talk=3600), box.now())
    box.engine.tick(box.now())

    assert (box.licence()["number"], box.licence()["max_conversation_time"]) == (0, 60)
    deadline = box.engine.next_deadline()
    assert (call.state, deadline) == (State.TALKING, call.started + 60)
    shell = ShellSession(ShellContext(node=box.engine.node, clock=time.time, stopwatch=time.perf_counter))
    listed = shell.enter("cluster/storage/ds1/licence/list-licence").text
    assert [line.endswith("│true  │") for line in listed.splitlines()[3:5]] == [True, False]
