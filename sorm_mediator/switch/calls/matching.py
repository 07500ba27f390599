"""Which objects on control a call touches, and the reports of it to each mediator.

A mediator of several domains gets one report of a call where the domains show the same numbers. An object is
touched once for each reason (:func:`outside_legs_first` orders the domains). Bridges are hidden from the
mediator.

Source: ECSS-10 manual, MultiSORM; order 268, 10.3 and 11.1.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from radius.report import CallReport, Match, MessageReport, Party, ServiceUse
from sorm_mediator.switch.calls.call import Call, Leg, TouchedObject, View
from sorm_mediator.switch.domain import FORWARDINGS, SERVICE_CODES
from sorm_mediator.switch.objects import ObjectTable, SwitchObject

Tables = Mapping[str, ObjectTable]
Find = Callable[[ObjectTable], Iterable[SwitchObject]]
Kind = TypeVar("Kind", CallReport, MessageReport)
Report = tuple[str, Kind]
"""The ``host:port`` of a mediator's RADIUS sink, and a report for the mediator."""

FORWARDING_CODES: Final = frozenset(SERVICE_CODES[name] for name in FORWARDINGS)
"""Services that send a call on to another number."""


def outside_legs_first(call: Call) -> list[Leg]:
    """The legs in the order of matching: the leg next to the outside network comes first.

    So a network number of a call to or from the city is shown as in the domain of the trunk, which has the
    full number (ECSS-10 manual, MultiSORM).
    """
    return call.legs[::-1] if call.called.trunk is not None else list(call.legs)


def touch_legs(call: Call, first: int, now: float, *, new_a: bool, failed: bool) -> None:
    """Match the parties of a path that was just set up, from leg ``first`` on.

    new_a: A of the first of these legs is new, too. failed: the last leg leads nowhere and has no B.
    """
    kept = call.legs[:first]
    for leg in outside_legs_first(call):
        if leg in kept:
            continue
        if leg is not call.legs[first] or new_a:
            touch(call, leg, now, role="a", called=leg.shown_to_a)
        if not (failed and leg is call.legs[-1]):
            touch(call, leg, now, role="b")


def touch(
    call: Call, leg: Leg, now: float, *, role: str, called: Party | None = None, tables: Tables | None = None
) -> int:
    """Match a party and its trunk against ``tables`` (default: those of the domain).

    role: ``a``, or the role of B. called: B as the objects of the party are shown it; None: as it is.
    Returns how many objects are touched.
    """
    party = leg.calling if role == "a" else leg.called
    reached = leg.called.party
    seen = party.touched(leg.domain)
    touched = note_matches(call, leg, now, lambda table: table.touched(seen), role, called or reached, tables)
    if party.trunk is None:
        return touched
    by_trunk = partial(ObjectTable.trunk_touched, trunk=party.trunk.number)
    return touched + note_matches(call, leg, now, by_trunk, "trunk", reached, tables)


def note_matches(
    call: Call, leg: Leg, now: float, find: Find, role: str, called: Party, tables: Tables | None = None
) -> int:
    """Note the objects that ``find`` finds in each mediator's table. Returns how many of them are new.

    While SORM is not enabled in the domain, no further call touches anything in the domain's own tables.
    """
    if tables is None:
        tables = leg.domain.tables if leg.domain.config.enabled else {}
    return sum(
        note_match(call, leg, mediator, item, role, called, now)
        for mediator, table in tables.items()
        for item in find(table)
    )


def held(view: View, mediator: str) -> tuple[Match, ...]:
    """The matches of objects that are still on control."""
    none = ObjectTable()
    return tuple(
        touched.match
        for touched in view.matches
        if touched.domain.tables.get(mediator, none).holds(touched.item)
    )


def note_match(
    call: Call, leg: Leg, mediator: str, item: SwitchObject, role: str, called: Party, now: float
) -> bool:
    """Note a match: the first domain touches an object, once for each reason. Returns whether it is new.

    Legs that show the same numbers to a mediator are one call for that mediator.
    """
    views = call.views.setdefault(mediator, [])
    # Earlier in the call, another target may have had this object number, and was taken off control since.
    known = {
        (*other.item.target, other.match.object_number, other.match.role)
        for view in views
        for other in view.matches
    }
    if (*item.target, item.object_number, role) in known:
        return False
    same = (view for view in views if _numbers(view.leg) == _numbers(leg))
    view = next((view for view in views if view.leg is leg), None) or next(same, None)
    if view is None:
        view = View(f"{call.id}.{len(views) + 1}" if views else call.id, leg)
        views.append(view)
    trunk = call.seen_from(leg, mediator)[1].trunk
    match = Match(object_number=item.object_number, role=role, called=replace(called, trunk=trunk), time=now)
    view.matches.append(TouchedObject(item, match, leg.domain))
    return True


def _numbers(leg: Leg) -> list[tuple[str, str]]:
    return [(party.digits, party.ni) for party in (leg.calling.party, leg.called.party)]


def note_answer(call: Call) -> None:
    """Note who has answered, for the reports: what comes at the same moment may put another in its place."""
    for mediator, views in call.views.items():
        for view in views:
            view.answered = call.seen_from(view.leg, mediator)[1]


def reports(call: Call, now: float, listeners: Container[str]) -> list[Report[CallReport]]:
    """The reports due for a changed call. ``listeners``: mediators that receive its speech."""
    return [
        (mediator, _report(call, mediator, view, now, mediator in listeners))
        for mediator, views in call.views.items()
        for view in views
        if view.sequence or held(view, mediator)
    ]


def _report(call: Call, mediator: str, view: View, now: float, listens: bool) -> CallReport:
    leg = view.leg
    matches = held(view, mediator)
    calling, called = call.seen_from(leg, mediator)
    view.sequence += 1
    if call.answer_time is None:
        view.answered = None
    elif view.answered is None:
        view.answered = called
    return CallReport(
        call_id=view.call_id,
        domain=leg.domain.name,
        sequence=view.sequence,
        time=now,
        connection=call.connection_of(leg, mediator),
        calling=calling,
        called=called,
        calling_station=leg.calling.number.digits,
        called_station=leg.called.number.digits,
        setup_time=call.setup_time,
        answer_time=call.answer_time,
        answered=None if view.answered == called else view.answered,
        release_time=call.release_time,
        release_cause=call.release_cause,
        services=_services_shown(call, leg, matches),
        matches=matches,
        media=call.media if listens else None,
    )


def _services_shown(call: Call, leg: Leg, matches: Sequence[Match]) -> tuple[ServiceUse, ...]:
    """The services reported to a mediator, by the settings of a leg's domain.

    Without ``send_optional_cf_notification`` forwardings are not reported to objects of the calling party.
    """
    calling_alone = all(match.role in ("a", "joined") for match in matches)
    if leg.domain.config.send_optional_cf_notification or not calling_alone:
        return tuple(call.services)
    return tuple(use for use in call.services if use.code not in FORWARDING_CODES)
