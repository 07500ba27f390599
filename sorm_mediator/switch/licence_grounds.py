"""Why the licences of stations, or the state of a licence network, let the switch take no call.

Calls to emergency numbers are made in any case (our choice). Source: docs/network-licence.md.
"""

from __future__ import annotations

from sorm_mediator.language import Phrase
from sorm_mediator.switch.admission import Attempt, Ground
from sorm_mediator.switch.domain import Domain, Subscriber
from sorm_mediator.switch.licence_network.states import NodeLicence, NodeState
from sorm_mediator.switch.node import Node


def why_unlicensed(node: Node, domain: Domain, subscriber: Subscriber) -> Phrase | None:
    """Why a subscriber makes and takes no calls; None: it does."""
    if node.assignments is None:
        return None
    who = (domain.name, subscriber.number)
    station = node.assignments.station(who)
    if not station:
        return Phrase("{number} has no station licence", number=subscriber.number)
    if not node.assignments.why_no_calls(who):
        return None
    return Phrase(
        "{number}: its station licence {licence} is not licensed",
        number=subscriber.number,
        licence=station,
    )


def station_ground(node: Node, attempt: Attempt, _now: float) -> Phrase | None:
    """Subscribers without a station licence make and take no calls."""
    if node.assignments is None or attempt.emergency:
        return None
    ends = [(attempt.domain, attempt.caller)]
    if attempt.path:
        ends.append((attempt.path[-1].domain, attempt.reached))
    for domain, end in ends:
        reason = why_unlicensed(node, domain, end) if isinstance(end, Subscriber) else None
        if reason is not None:
            return reason
    return None


def state_ground(licence: NodeLicence) -> Ground:
    """In emergency only emergency numbers are called; calls in progress go on."""

    def ground(attempt: Attempt, _now: float) -> Phrase | None:
        if licence.state is not NodeState.EMERGENCY or attempt.emergency:
            return None
        return Phrase("the licence network is in emergency: only emergency numbers can be called")

    return ground
