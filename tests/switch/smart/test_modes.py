"""The enforcement modes: what leads from one to another, and which of them refuse calls."""

from __future__ import annotations

import pytest

from sorm_mediator.switch.smart.modes import MODE_TABLE, REFUSES, Cause, ClientState, Mode, client_state

E, IN, OUT = Mode.EVALUATION, Mode.IN_COMPLIANCE, Mode.OUT_OF_COMPLIANCE
OVER, LAPSED = Mode.EVAL_EXPIRED, Mode.AUTHORIZATION_EXPIRED


def test_calls_are_refused_in_evalexpired_and_authorizationexpired_alone() -> None:
    assert set(REFUSES) == {OVER, LAPSED}
    assert [mode.value for mode in Mode] == [
        "Evaluation",
        "InCompliance",
        "OutOfCompliance",
        "EvalExpired",
        "AuthorizationExpired",
    ]


@pytest.mark.parametrize("mode", list(Mode))
def test_the_next_successful_authorisation_leads_back_from_every_mode(mode: Mode) -> None:
    assert MODE_TABLE[mode, Cause.AUTHORISED] is IN
    assert MODE_TABLE[mode, Cause.AUTHORISED_OOC] is OUT


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("cause", [Cause.REFUSED, Cause.DEREGISTERED])
def test_a_refusal_and_a_deregistration_lead_to_evaluation_unless_it_is_over(
    mode: Mode, cause: Cause
) -> None:
    assert MODE_TABLE[mode, cause] is (OVER if mode is OVER else E)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_request_without_an_answer_changes_no_mode(mode: Mode) -> None:
    assert MODE_TABLE[mode, Cause.UNANSWERED] is mode


def test_each_end_comes_in_its_own_modes() -> None:
    ends = {key: after for key, after in MODE_TABLE.items() if "over" in key[1].value}
    assert ends == {
        (E, Cause.EVALUATION_OVER): OVER,
        (IN, Cause.AUTHORISATION_OVER): LAPSED,
        (OUT, Cause.AUTHORISATION_OVER): LAPSED,
    }


def test_the_states_of_the_client() -> None:
    shown = {
        (mode, registered, tried): client_state(mode, registered=registered, tried=tried)
        for mode, registered, tried in (
            (E, False, False),
            (E, True, True),
            (E, False, True),
            (IN, True, True),
            (OUT, True, True),
            (OVER, False, True),
            (LAPSED, True, True),
        )
    }
    assert list(shown.values()) == [
        ClientState.UNIDENTIFIED,
        ClientState.REGISTERED,
        ClientState.EVAL,
        ClientState.AUTHORIZED,
        ClientState.OUT_OF_COMPLIANCE,
        ClientState.EVAL_EXPIRED,
        ClientState.AUTHORIZATION_EXPIRED,
    ]
    assert set(shown.values()) == set(ClientState)
