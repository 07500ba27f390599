"""The enforcement modes of the smart licence as a state table, and the states that are shown of the client.

Time has no place in the table: :mod:`sorm_mediator.switch.smart.client` gives :attr:`Cause.EVALUATION_OVER` and
:attr:`Cause.AUTHORISATION_OVER` when their time has come, also right after a move into ``Evaluation``. So a refusal
leads to ``Evaluation`` while days are left, else on to ``EvalExpired``.

Source: docs/smart-licence.md, "Modes".
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from sorm_mediator.language import Phrase


class Mode(Enum):
    """What the switch makes of its licence."""

    EVALUATION = "Evaluation"
    """Not registered, or registered and not authorised; calls are allowed."""
    IN_COMPLIANCE = "InCompliance"
    """The count asked for is bought; calls are allowed."""
    OUT_OF_COMPLIANCE = "OutOfCompliance"
    """More was asked for than was bought, and it was granted all the same; calls are allowed, without any effect."""
    EVAL_EXPIRED = "EvalExpired"
    """The evaluation is over; calls are refused."""
    AUTHORIZATION_EXPIRED = "AuthorizationExpired"
    """The authorisation is over; calls are refused."""


class Cause(Enum):
    """What changes the mode."""

    AUTHORISED = "authorised"
    """The cloud has authorised the count."""
    AUTHORISED_OOC = "authorised out of compliance"
    """The cloud has authorised the count, and more is in use than was bought."""
    REFUSED = "refused"
    """The cloud refuses a registration or an authorisation, in an answer that it has signed."""
    UNANSWERED = "unanswered"
    """A request has no answer, or one that can't be trusted."""
    DEREGISTERED = "deregistered"
    """The operator gives the registration up."""
    EVALUATION_OVER = "evaluation over"
    """The evaluation period has ended."""
    AUTHORISATION_OVER = "authorisation over"
    """No authorisation has come until the last one ended."""


MODE_TABLE: Final[Mapping[tuple[Mode, Cause], Mode]] = MappingProxyType(
    {
        (Mode.EVALUATION, Cause.AUTHORISED): Mode.IN_COMPLIANCE,
        (Mode.EVALUATION, Cause.AUTHORISED_OOC): Mode.OUT_OF_COMPLIANCE,
        (Mode.EVALUATION, Cause.REFUSED): Mode.EVALUATION,
        (Mode.EVALUATION, Cause.UNANSWERED): Mode.EVALUATION,
        (Mode.EVALUATION, Cause.DEREGISTERED): Mode.EVALUATION,
        (Mode.EVALUATION, Cause.EVALUATION_OVER): Mode.EVAL_EXPIRED,
        (Mode.IN_COMPLIANCE, Cause.AUTHORISED): Mode.IN_COMPLIANCE,
        (Mode.IN_COMPLIANCE, Cause.AUTHORISED_OOC): Mode.OUT_OF_COMPLIANCE,
        (Mode.IN_COMPLIANCE, Cause.REFUSED): Mode.EVALUATION,
        (Mode.IN_COMPLIANCE, Cause.UNANSWERED): Mode.IN_COMPLIANCE,
        (Mode.IN_COMPLIANCE, Cause.DEREGISTERED): Mode.EVALUATION,
        (Mode.IN_COMPLIANCE, Cause.AUTHORISATION_OVER): Mode.AUTHORIZATION_EXPIRED,
        (Mode.OUT_OF_COMPLIANCE, Cause.AUTHORISED): Mode.IN_COMPLIANCE,
        (Mode.OUT_OF_COMPLIANCE, Cause.AUTHORISED_OOC): Mode.OUT_OF_COMPLIANCE,
        (Mode.OUT_OF_COMPLIANCE, Cause.REFUSED): Mode.EVALUATION,
        (Mode.OUT_OF_COMPLIANCE, Cause.UNANSWERED): Mode.OUT_OF_COMPLIANCE,
        (Mode.OUT_OF_COMPLIANCE, Cause.DEREGISTERED): Mode.EVALUATION,
        (Mode.OUT_OF_COMPLIANCE, Cause.AUTHORISATION_OVER): Mode.AUTHORIZATION_EXPIRED,
        (Mode.EVAL_EXPIRED, Cause.AUTHORISED): Mode.IN_COMPLIANCE,
        (Mode.EVAL_EXPIRED, Cause.AUTHORISED_OOC): Mode.OUT_OF_COMPLIANCE,
        (Mode.EVAL_EXPIRED, Cause.REFUSED): Mode.EVAL_EXPIRED,
        (Mode.EVAL_EXPIRED, Cause.UNANSWERED): Mode.EVAL_EXPIRED,
        (Mode.EVAL_EXPIRED, Cause.DEREGISTERED): Mode.EVAL_EXPIRED,
        (Mode.AUTHORIZATION_EXPIRED, Cause.AUTHORISED): Mode.IN_COMPLIANCE,
        (Mode.AUTHORIZATION_EXPIRED, Cause.AUTHORISED_OOC): Mode.OUT_OF_COMPLIANCE,
        (Mode.AUTHORIZATION_EXPIRED, Cause.REFUSED): Mode.EVALUATION,
        (Mode.AUTHORIZATION_EXPIRED, Cause.UNANSWERED): Mode.AUTHORIZATION_EXPIRED,
        (Mode.AUTHORIZATION_EXPIRED, Cause.DEREGISTERED): Mode.EVALUATION,
    }
)
"""Mode and input -> next mode. A pair that is not there can't come: an end comes in its own mode alone."""

REFUSES: Final[Mapping[Mode, Phrase]] = MappingProxyType(
    {
        Mode.EVAL_EXPIRED: Phrase(
            "the evaluation of the smart licence is over (EvalExpired); register and authorise the switch"
        ),
        Mode.AUTHORIZATION_EXPIRED: Phrase(
            "the authorisation of the smart licence is over (AuthorizationExpired); see that the licence cloud is "
            "reached, and authorise the switch"
        ),
    }
)
"""The modes in which calls are refused, and why."""


class ClientState(Enum):
    """The state of the client, as the summary shows it."""

    UNIDENTIFIED = "UNIDENTIFIED"
    """It has not been registered."""
    REGISTERED = "REGISTERED"
    """It is registered and has no authorisation."""
    AUTHORIZED = "AUTHORIZED"
    OUT_OF_COMPLIANCE = "OUT_OF_COMPLIANCE"
    AUTHORIZATION_EXPIRED = "AUTHORIZATION_EXPIRED"
    EVAL = "EVAL"
    """Evaluation after a refusal or a deregistration."""
    EVAL_EXPIRED = "EVAL_EXPIRED"


_SHOWN: Final[Mapping[Mode, ClientState]] = MappingProxyType(
    {
        Mode.IN_COMPLIANCE: ClientState.AUTHORIZED,
        Mode.OUT_OF_COMPLIANCE: ClientState.OUT_OF_COMPLIANCE,
        Mode.EVAL_EXPIRED: ClientState.EVAL_EXPIRED,
        Mode.AUTHORIZATION_EXPIRED: ClientState.AUTHORIZATION_EXPIRED,
    }
)


def client_state(mode: Mode, *, registered: bool, tried: bool) -> ClientState:
    """The state of the client. ``tried``: it has been registered, or was refused, before."""
    if mode is not Mode.EVALUATION:
        return _SHOWN[mode]
    if registered:
        return ClientState.REGISTERED
    return ClientState.EVAL if tried else ClientState.UNIDENTIFIED
