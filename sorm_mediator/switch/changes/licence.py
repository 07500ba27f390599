"""Licences added and deleted, the passport, and the limit of subscribers.

A change of the active licence refuses new calls, links and objects only; running ones go on.

Source: ECSS-10 manual, Licences in the CLI, and Licence distribution (subscribers, limit).
"""

from __future__ import annotations

from sorm_mediator.config import AddedLicenceConfig
from sorm_mediator.switch.changes import ChangeRefused, rejections, update_switch, updated
from sorm_mediator.switch.licence import INITIAL, Licence, PassportBody, decode_passport
from sorm_mediator.switch.node import Change, Node

_CHANGE = Change("switch")


def candidate(node: Node, key: str, now: float) -> Licence:
    """The licence that :func:`add_licence` would install. Raises :class:`ChangeRefused`."""
    with rejections():
        return node.licences.candidate(key, now)


def add_licence(node: Node, key: str, now: float) -> Licence:
    """Install a licence, which becomes active. ``now``: Unix seconds. Raises :class:`ChangeRefused`."""
    licence = candidate(node, key, now)
    added = AddedLicenceConfig(number=licence.number, key="".join(key.split()))
    update_switch(node, _CHANGE, licences=(*node.config.licences, added))
    return licence


def delete_licence(node: Node, number: int) -> None:
    """Remove a licence; the highest other one that has not expired becomes active. Raises :class:`ChangeRefused`."""
    if number == 0:
        raise ChangeRefused("licence 0 is the factory licence, and can't be deleted")
    with rejections():
        node.licences.get(number)
    config = node.config
    if number == INITIAL and config.licence.installed:
        update_switch(node, _CHANGE, licence=updated(config.licence, installed=False))
    else:
        left = tuple(one for one in config.licences if one.number != number)
        update_switch(node, _CHANGE, licences=left)


def set_passport(node: Node, key: str) -> PassportBody:
    """Replace the passport by one for the same switch. Raises :class:`ChangeRefused`."""
    with rejections():
        passport = decode_passport(key)
    for licence in node.licences.installed.values():
        if licence.number and licence.body.ssw_id != passport.ssw_id:
            raise ChangeRefused(
                f"the passport is for {passport.ssw_id!r}, and licence {licence.number} for "
                f"{licence.body.ssw_id!r}: take a passport for that switch, or delete the licence first"
            )
    update_switch(node, _CHANGE, licence=updated(node.config.licence, passport="".join(key.split())))
    return passport


def set_tokens(node: Node, count: int) -> None:
    """Plug in or pull USB keys: ``count`` of them are there then. Raises :class:`ChangeRefused`."""
    update_switch(node, _CHANGE, licence=updated(node.config.licence, tokens=count))


def set_smart_counts(node: Node, **counts: object) -> None:
    """Change counts of the smart licence: ``count``, ``purchased``, ``other_counts``. Raises :class:`ChangeRefused`."""
    update_switch(node, _CHANGE, smart_licence=updated(node.config.smart_licence, **counts))


def check_room(node: Node, more: int, now: float, *, virtual: bool = False) -> None:
    """Raises :class:`ChangeRefused` when the licence has no room for ``more`` active subscribers.

    ``now``: Unix seconds. ``virtual``: virtual subscribers.
    """
    problem = node.licences.why_no_subscribers(
        active_subscribers(node, virtual=virtual), more, now, virtual=virtual
    )
    if problem:
        raise ChangeRefused(problem)


def active_subscribers(node: Node, *, virtual: bool = False) -> int:
    """Active subscribers of all domains, as the licence counts them: without the virtual ones, or those alone."""
    return sum(
        subscriber.active and subscriber.virtual is virtual
        for domain in node.domains.values()
        for subscriber in domain.subscribers.values()
    )
