"""Electronic messages, such as SMS: routed and matched like a call, and reported at once. Sans-IO.

A message takes the path of a call without duration: both sides have their SORM numbers and signs, and objects
are touched in every domain of the path. A side with only a known trunk has no number.

Source: order 268, 9.12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Final

from radius.packet import LONGEST_TEXT, MOST_MATCHES
from radius.report import MessageReport
from sorm_mediator.language import Phrase, join
from sorm_mediator.switch.calls.call import (
    Call,
    CallRefused,
    CallRequest,
    Endpoint,
    first_leg,
    legs_along,
    own_number,
)
from sorm_mediator.switch.calls.matching import Report, held, note_matches, outside_legs_first, touch_legs
from sorm_mediator.switch.domain import Domain, Trunk
from sorm_mediator.switch.objects import ObjectTable
from sorm_mediator.switch.path import find_path
from sorm_mediator.switch.routing.route import Number
from sorm_mediator.texts import as_list

TRUNK_PREFIX: Final = "trunk:"
"""Prefix of the name of a trunk, in place of a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequest:
    """A message to be sent.

    sender, receiver: a number, or ``trunk:NAME`` for a side with only a known trunk. text: 1 character to
    ``LONGEST_TEXT`` octets of UTF-8. delivered: None when it is not known. from_trunk, to_trunk: names of the
    incoming and outgoing trunks of network numbers; "": the sender's trunk is not known, and routing finds
    the receiver's. from_imsi, to_imsi: digits, or "".
    """

    sender: str
    receiver: str
    text: str
    delivered: bool | None = None
    from_trunk: str = ""
    to_trunk: str = ""
    from_imsi: str = ""
    to_imsi: str = ""


def message_reports(
    domains: Mapping[str, Domain], domain: Domain, request: MessageRequest, message_id: str, now: float
) -> list[Report[MessageReport]]:
    """The reports of a message to the mediators. Raises :class:`CallRefused`."""
    _check_text(request.text)
    way = _way(domains, domain, request, message_id, now)
    touch_legs(way, 0, now, new_a=True, failed=False)
    for leg in outside_legs_first(way):
        for role, imsi in (("a-imsi", request.from_imsi), ("b-imsi", request.to_imsi)):
            note_matches(way, leg, now, partial(ObjectTable.imsi_touched, imsi=imsi), role, leg.called.party)
    return list(_reports(way, request, now))


def _check_text(text: str) -> None:
    try:
        octets = len(text.encode())
    except UnicodeEncodeError as error:
        raise CallRefused("invalid", join(": ", ["text", error.reason])) from None
    if not 1 <= octets <= LONGEST_TEXT:
        raise CallRefused(
            "invalid",
            Phrase(
                "text: {octets} octets of UTF-8; 1 to {most} are possible", octets=octets, most=LONGEST_TEXT
            ),
        )


def _trunk(domain: Domain, field: str, name: str) -> Trunk:
    trunk = domain.trunks.get(name)
    if trunk is None:
        known = as_list(domain.trunks)
        raise CallRefused(
            "unknown",
            Phrase(
                "{field}: {domain} has no trunk {name!r}; it has: {known}",
                field=field,
                domain=domain.name,
                name=name,
                known=known,
            ),
        )
    return trunk


def _sender(domain: Domain, request: MessageRequest) -> Endpoint:
    """The sender as a party. Raises :class:`CallRefused`."""
    digits, name = request.sender, request.from_trunk
    if digits.startswith(TRUNK_PREFIX):
        if name:
            raise CallRefused("invalid", Phrase("from_trunk: from names the trunk already"))
        trunk = _trunk(domain, "from", digits.removeprefix(TRUNK_PREFIX))
        return Endpoint(number=Number(digits=""), trunk=trunk)
    subscriber = domain.subscribers.get(digits)
    if subscriber is None:
        known = _trunk(domain, "from_trunk", name) if name else None
        return Endpoint(number=Number(digits=digits), trunk=known)
    if name:
        raise CallRefused(
            "invalid",
            Phrase("from_trunk: {digits} is a subscriber of {domain}", digits=digits, domain=domain.name),
        )
    if (problem := subscriber.without_line) is not None:
        raise CallRefused("refused", Phrase("from: {reason}", reason=problem))
    if not subscriber.reachable:
        raise CallRefused(
            "refused",
            Phrase("from: the line of {digits} is {state}", digits=digits, state=subscriber.line_state),
        )
    return Endpoint(number=own_number(digits), subscriber=subscriber)


def _way(
    domains: Mapping[str, Domain], domain: Domain, request: MessageRequest, message_id: str, now: float
) -> Call:
    """The call that the message is routed as. Raises :class:`CallRefused`."""
    calling = _sender(domain, request)
    only_trunk = request.receiver.startswith(TRUNK_PREFIX)
    name = request.receiver.removeprefix(TRUNK_PREFIX) if only_trunk else request.to_trunk
    if only_trunk and request.to_trunk:
        raise CallRefused("invalid", Phrase("to_trunk: to names the trunk already"))
    trunk = _trunk(domain, "to" if only_trunk else "to_trunk", name) if name else None
    digits = "" if only_trunk else request.receiver
    if trunk is not None and digits in domain.subscribers:
        raise CallRefused(
            "invalid",
            Phrase("to_trunk: {digits} is a subscriber of {domain}", digits=digits, domain=domain.name),
        )
    leg = first_leg(domain, calling, Number(digits=digits))
    way = Call(message_id, domain, CallRequest(a=request.sender, b=digits), now, [leg], "answer")
    if only_trunk:
        leg.called = replace(leg.called, trunk=trunk)
        return way
    hops = find_path(domains, domain, leg.request)
    if trunk is not None:
        # The trunk is known: routing only gives the form of the numbers.
        hops = (replace(hops[0], exit=trunk, problem=""),)
    last = hops[-1]
    if last.problem:
        nowhere = calling.subscriber is None and calling.trunk is None
        problem = join(": ", ["to", last.problem])
        if nowhere:
            problem = Phrase("{problem}; from_trunk: name the trunk that it comes by", problem=problem)
        raise CallRefused("unknown" if last.exit is None else "refused", problem)
    way.legs = legs_along(way.legs, 0, hops, redirected=False)
    return way


def _reports(way: Call, request: MessageRequest, now: float) -> Iterator[Report[MessageReport]]:
    """One report for each mediator with a touched object; more where one packet has no room for all."""
    for mediator, views in way.views.items():
        numbers = count(1)
        for view in views:
            leg, touched = view.leg, held(view, mediator)
            for first in range(0, len(touched), MOST_MATCHES):
                number = next(numbers)
                sender, receiver = way.seen_from(leg, mediator)
                report = MessageReport(
                    message_id=way.id if number == 1 else f"{way.id}.{number}",
                    domain=leg.domain.name,
                    time=now,
                    sender=sender,
                    receiver=receiver,
                    sender_station=leg.calling.number.digits,
                    receiver_station=leg.called.number.digits,
                    sender_imsi=request.from_imsi,
                    receiver_imsi=request.to_imsi,
                    text=request.text,
                    delivered=request.delivered,
                    matches=touched[first : first + MOST_MATCHES],
                )
                yield mediator, report
