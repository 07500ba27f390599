"""Who is let in: waits after wrong tokens, sessions, tokens of forms."""

from __future__ import annotations

import pytest

from sorm_mediator.web.access import (
    FIRST_WAIT,
    FORGOTTEN_AFTER,
    FREE_ATTEMPTS,
    LONGEST_WAIT,
    MOST_ADDRESSES,
    SESSION_LIFE,
    Access,
    Waits,
)


def wrong(waits: Waits, times: int, address: str = "192.0.2.1", now: float = 0.0) -> float:
    for _ in range(times):
        waits.failed(address, now)
    return waits.left(address, now)


def test_the_first_wrong_attempts_are_free() -> None:
    assert wrong(Waits(), FREE_ATTEMPTS - 1) == 0
    assert wrong(Waits(), FREE_ATTEMPTS) == FIRST_WAIT


def test_the_wait_grows_up_to_a_ceiling() -> None:
    waits = [wrong(Waits(), times) for times in range(FREE_ATTEMPTS, FREE_ATTEMPTS + 12)]
    assert waits == sorted(waits)
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT
    assert wrong(Waits(), 5000) == LONGEST_WAIT


def test_the_wait_passes_and_the_right_token_ends_it() -> None:
    waits = Waits()
    wrong(waits, FREE_ATTEMPTS)
    assert waits.left("192.0.2.1", FIRST_WAIT - 1) == 1
    assert waits.left("192.0.2.1", FIRST_WAIT) == 0
    waits.succeeded("192.0.2.1")
    assert wrong(waits, FREE_ATTEMPTS - 1) == 0


def test_another_address_does_not_wait_but_the_network_of_an_ipv6_address_does() -> None:
    waits = Waits()
    wrong(waits, FREE_ATTEMPTS)
    assert waits.left("192.0.2.2", 0) == 0
    wrong(waits, FREE_ATTEMPTS, "2001:db8::1")
    assert waits.left("2001:db8::ffff:2", 0) == FIRST_WAIT
    assert waits.left("2001:db8:0:1::1", 0) == 0
    assert wrong(waits, FREE_ATTEMPTS, "no address") == FIRST_WAIT


def test_after_an_hour_an_address_begins_anew() -> None:
    waits = Waits()
    wrong(waits, FREE_ATTEMPTS + 5)
    assert wrong(waits, 1, now=FORGOTTEN_AFTER + 1) == 0


def test_many_addresses_do_not_fill_the_memory() -> None:
    waits = Waits()
    for number in range(MOST_ADDRESSES + 10):
        waits.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(waits._wrong) == MOST_ADDRESSES


@pytest.mark.parametrize(("given", "right"), [(b"secret", True), (b"Secret", False), (b"", False)])
def test_the_token(given: bytes, right: bool) -> None:
    assert Access("secret").is_token(given) is right


def test_a_session_lives_while_it_is_used() -> None:
    access = Access("secret")
    session = access.new_session(0)
    assert access.is_session(session, SESSION_LIFE)
    assert access.is_session(session, 2 * SESSION_LIFE)
    assert not access.is_session(session, 3 * SESSION_LIFE + 1)
    assert not access.is_session("made up", 0)
    assert not access.is_session("", 0)


def test_a_session_that_was_ended() -> None:
    access = Access("secret")
    session = access.new_session(0)
    access.end_session(session)
    assert not access.is_session(session, 0)


def test_the_token_of_a_form_is_that_of_one_browser() -> None:
    access = Access("")
    token = access.form_token("one")
    assert access.is_form_token("one", token)
    assert not access.is_form_token("other", token)
    assert not access.is_form_token("", access.form_token(""))
    assert not Access("").is_form_token("one", token)
