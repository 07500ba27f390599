"""Dial rules: by which trunk a dialled number leaves a tenant, with which digits, and where a call from outside goes.

:func:`outgoing` goes from the user to its number ("outgoing through"), to the directions of this number, to the first
trunk that takes the call. It records each direction tried and the digits after each step. :func:`incoming` goes from
the number that the operator sends to the incoming route. Pure: the state of trunks and users comes in as functions.

Source: Sipteco platform manual, 4.5.2 (dialplan_rg_substruct, prefixes, extension) and 4.5.3 (directions); our
choices are in docs/vpbx.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sorm_mediator.config.vpbx import Direction, DirectionRow, SipTrunkRow, UserRow, VpbxConfig
from sorm_mediator.language import Phrase
from sorm_mediator.vpbx.patterns import Pattern, parse_pattern

COUNTRY: Final = "7"
NATIONAL: Final = 10
"""Digits of a number with its area code."""
DIALLED_ABROAD: Final = ("810", "00")
"""Dialled prefixes of international calls, which ``dial_mn_prefix`` replaces (our choice)."""
INDICATORS: Final[Mapping[Direction, str]] = {
    "regional": "intercity",
    "spb": "local",
    "international": "international",
    "emergency": "emergency",
}
"""Direction -> number indicator; that of ``other`` is a setting."""

Closed = Callable[[SipTrunkRow], str]
"""Why a trunk takes no call now; "" when it does."""


def built_in(direction: Direction, area_code: str) -> tuple[str, ...]:
    """The patterns that the platform itself gives a direction (our choice; the manual does not tell them).

    A dialled ``+`` is a character here.
    """
    if direction == "regional":
        return ("_+7XXXXXXXXXX", "_7XXXXXXXXXX", "_8XXXXXXXXXX")
    if direction == "spb":
        rest = area_code + "X" * (NATIONAL - len(area_code))
        return (f"_+7{rest}", f"_7{rest}", f"_8{rest}")
    if direction == "international":
        return ("_+[12345689].", "_810.", "_00.")
    if direction == "emergency":
        return ("_XX",)
    return ()


def patterns_of(row: DirectionRow, area_code: str) -> tuple[Pattern, ...]:
    """The patterns of a direction. Raises :class:`PatternError`."""
    texts = (row.pattern,) if row.direction == "other" else built_in(row.direction, area_code)
    return tuple(parse_pattern(text) for text in texts if text)


@dataclass(frozen=True, slots=True)
class Tried:
    """A direction that was tried. ``failed``: why it was not taken; "" when it was."""

    direction: DirectionRow
    trunk: str
    failed: str


@dataclass(frozen=True, slots=True)
class Step:
    """The digits after a step of the dial rules."""

    what: str
    digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """The way of a dialled number out of the tenant. ``reason``: why there is none.

    sent: the digits on the trunk. national, abroad: the number within Russia without prefix; abroad without one.
    """

    dial_number: str
    tried: tuple[Tried, ...] = ()
    steps: tuple[Step, ...] = ()
    direction: DirectionRow | None = None
    trunk: SipTrunkRow | None = None
    sent: str = ""
    bare: str = ""
    reason: str = ""


def outgoing(tenant: VpbxConfig, user: UserRow, dialled: str, closed: Closed) -> Outgoing:
    """The way of a number that a user dials. ``dialled``: digits, a ``+`` in front where it was dialled."""
    number = next((one for one in tenant.dial_numbers if one.id == user.dial_number_id), None)
    if number is None:
        why = Phrase("{user} has no number for outgoing calls (users.dial_number_id)", user=user.number)
        return Outgoing(dial_number="", reason=why)
    tried: list[Tried] = []
    trunks = {one.id: one for one in tenant.sip_trunks}
    refusals: list[str] = []
    for row in (one for one in tenant.directions if one.dial_number_id == number.id):
        trunk = trunks.get(row.sip_trunk_id or 0)
        failed = _why_not(tenant, row, trunk, dialled, closed, refusals)
        tried.append(Tried(row, trunk.trunk_name if trunk else "", failed))
        if not failed:
            assert trunk is not None
            steps = tuple(transformed(row, trunk, dialled))
            return Outgoing(
                dial_number=number.number, tried=tuple(tried), steps=steps, direction=row, trunk=trunk,
                sent=steps[-1].digits, bare=bare_of(row, trunk, dialled),
            )  # fmt: skip
    if refusals:
        reason: str = refusals[0]
    else:
        reason = Phrase(
            "{number} may not call {dialled}: none of its directions fits",
            number=number.number,
            dialled=dialled,
        )
    return Outgoing(dial_number=number.number, tried=tuple(tried), reason=reason)


def _why_not(
    tenant: VpbxConfig,
    row: DirectionRow,
    trunk: SipTrunkRow | None,
    dialled: str,
    closed: Closed,
    refusals: list[str],
) -> str:
    """Why a direction does not take the call; the refusal of a trunk is added to ``refusals``."""
    patterns = patterns_of(row, tenant.area_code)
    wanted = _bare_plus(dialled) if row.direction == "other" else dialled
    if not any(one.matches(wanted) for one in patterns):
        texts = " ".join(one.text for one in patterns) or "-"
        return Phrase("{dialled} does not fit {patterns}", dialled=wanted, patterns=texts)
    if trunk is None:
        why: str = Phrase("there is no SIP trunk {id}", id=row.sip_trunk_id or "-")
    elif not trunk.enabled:
        why = Phrase("trunk {name} is not enabled", name=trunk.trunk_name)
    else:
        why = closed(trunk)
    if why:
        refusals.append(why)
    return why


def _bare_plus(dialled: str) -> str:
    return dialled.removeprefix("+")


def transformed(row: DirectionRow, trunk: SipTrunkRow, dialled: str) -> Iterator[Step]:
    """The digits as dialled and after each step, up to those on the trunk."""
    yield Step(Phrase("dialled"), dialled)
    digits = dialled
    if digits.startswith("+"):
        digits = _bare_plus(digits)
        yield Step(Phrase("+ is removed"), digits)
    prefix, prefix_name = "", ""
    if row.direction in ("regional", "spb"):
        count, prefix, prefix_name = trunk.dialplan_rg_substruct, trunk.dial_rg_prefix, "dial_rg_prefix"
        if count:
            digits = digits[count:]
            yield Step(
                Phrase("{key} {count}: leading digits dropped", key="dialplan_rg_substruct", count=count),
                digits,
            )
    elif row.direction == "international":
        prefix, prefix_name = trunk.dial_mn_prefix, "dial_mn_prefix"
        bare = abroad(dialled)
        if bare != digits:
            gone = digits[: len(digits) - len(bare)]
            digits = bare
            yield Step(Phrase("the dialled {prefix} is replaced", prefix=gone), digits)
    elif row.direction == "emergency":
        prefix, prefix_name = trunk.dial_em_prefix, "dial_em_prefix"
    elif row.substruct4other:
        digits = digits[row.substruct4other :]
        key = "substruct4other"
        yield Step(
            Phrase("{key} {count}: leading digits dropped", key=key, count=row.substruct4other), digits
        )
    if prefix:
        digits = prefix + digits
        yield Step(Phrase("{key} {prefix}: put in front", key=prefix_name, prefix=prefix), digits)


def abroad(dialled: str) -> str:
    """A number abroad without the prefix that was dialled."""
    if dialled.startswith("+"):
        return _bare_plus(dialled)
    return next((dialled.removeprefix(one) for one in DIALLED_ABROAD if dialled.startswith(one)), dialled)


def bare_of(row: DirectionRow, trunk: SipTrunkRow, dialled: str) -> str:
    """The number as the network knows it: within Russia 7 and ten digits, any other without the trunk's prefix.

    "": the digits on the trunk are all that is known.
    """
    digits = _bare_plus(dialled)
    if row.direction in ("regional", "spb"):
        rest = digits[trunk.dialplan_rg_substruct :]
        # What was dropped is the dialled 7 or 8; with another setting the last ten digits are the number.
        national = rest if len(rest) == NATIONAL else digits[-NATIONAL:]
        return COUNTRY + national if len(national) == NATIONAL else ""
    if row.direction == "international":
        return abroad(dialled)
    return digits if row.direction == "emergency" else ""


# --- calls from outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Where a call from outside goes: ``users``, of which the first free one rings. ``reason``: why it goes nowhere."""

    steps: tuple[Step, ...] = ()
    users: tuple[UserRow, ...] = ()
    reason: str = ""


def incoming(tenant: VpbxConfig, trunk_name: str, called: str) -> Incoming:
    """The way of a call that comes in by a trunk. ``called``: the number that the operator sends."""
    by_name = {one.trunk_name: one for one in tenant.sip_trunks}
    came = by_name.get(trunk_name)
    if came is not None and not came.enabled:
        return Incoming(reason=Phrase("trunk {name} is not enabled", name=trunk_name))
    digits = _bare_plus(called)
    fitting = [one for one in tenant.sip_trunks if one.enabled and one.extension and one.extension == digits]
    trunk = came if came in fitting else next(iter(fitting), None)
    if trunk is None:
        return Incoming(reason=Phrase("no SIP trunk has the extension {digits}", digits=digits))
    number = next((one for one in tenant.dial_numbers if one.id == trunk.dial_number_id), None)
    if number is None:
        return Incoming(
            reason=Phrase("trunk {name} belongs to no number (dial_number_id)", name=trunk.trunk_name)
        )
    extension = Step(Phrase("extension of {name}", name=trunk.trunk_name), digits)
    steps = [extension, Step(Phrase("number {number}", number=number.number), number.digits)]
    route = next((one for one in tenant.incoming_routes if one.dial_number_id == number.id), None)
    if route is None:
        return Incoming(
            steps=tuple(steps), reason=Phrase("{number} has no incoming route", number=number.number)
        )
    steps.append(Step(Phrase("incoming route {kind}", kind=route.kind), route.target))
    users = members(tenant, route.kind, route.target)
    if not users:
        why = Phrase("{kind} {target} has nobody to ring", kind=route.kind, target=route.target)
        return Incoming(steps=tuple(steps), reason=why)
    return Incoming(steps=tuple(steps), users=tuple(users))


def members(tenant: VpbxConfig, kind: str, target: str) -> Sequence[UserRow]:
    """The users that an incoming route may ring, in order."""
    if kind == "user":
        return [one for one in tenant.users if one.number == target]
    users = {one.id: one for one in tenant.users}
    if kind == "queue":
        wanted = {one.id for one in tenant.queues if one.name == target}
        found = [one.user_id for one in tenant.queue_members if one.queue_id in wanted]
    elif kind == "callgroup":
        wanted = {one.id for one in tenant.callgroups if one.name == target}
        found = [one.id for one in tenant.users if one.callgroup_id in wanted]
    else:
        wanted = {one.id for one in tenant.ivr if one.name == target}
        items = [one for one in tenant.ivr_dtmf if one.ivr_id in wanted]
        found = [one.user_id for one in sorted(items, key=lambda one: one.digit)]
    return [users[one] for one in found if one in users]


def calling_number(tenant: VpbxConfig, came: str) -> tuple[str, str]:
    """A calling number from outside as the network knows it, and its indicator (our choice).

    Ten digits, or eleven that begin with 7 or 8, are a number of Russia, of the local network where the area
    code is the tenant's; seven to the area are local; 810, 00 and + begin a number abroad. Any other is unknown.
    """
    digits = _bare_plus(came)
    if came.startswith(DIALLED_ABROAD) or (came.startswith("+") and not came.startswith("+" + COUNTRY)):
        return abroad(came), "international"
    national = ""
    if len(digits) == NATIONAL:
        national = digits
    elif len(digits) == NATIONAL + 1 and digits[0] in "78":
        national = digits[1:]
    elif len(digits) + len(tenant.area_code) == NATIONAL:
        national = tenant.area_code + digits
    if not national:
        return digits, ""
    return COUNTRY + national, "local" if national.startswith(tenant.area_code) else "intercity"
