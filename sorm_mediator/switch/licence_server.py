"""The central licence server (CLS) without I/O: the codes that were sold, and the licence files that it makes of them.

A licence authorisation code (LAC) stands for what was bought. A switch sends the code with its Locking ID, and the
server answers with a licence file that holds all licences of this Locking ID. A code is used for one Locking ID; the
same code with the same Locking ID gives a new file with the same licences.

Source: docs/network-licence.md; OpenScape Business administration, Activating Licenses (Standalone). The form of the
codes is ours.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import Field

from sorm_mediator.config.stations import Bought, RegistrationConfig, bought_problem
from sorm_mediator.options import Section
from sorm_mediator.switch.licence import ActivationBody, LicenceError, encode
from sorm_mediator.texts import as_list

ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits of a code, without those that look alike."""
_GROUPS: Final = 4
_GROUP: Final = 4


class SoldCode(Section):
    """A code that was sold."""

    limits: Bought
    """Licence -> number."""
    locking_id: str | None = None
    """The switch that it is used for; null: it is not used yet."""
    used_at: float | None = None
    """Unix seconds of its first use."""
    company: str = ""
    """Who has registered it."""


class Sold(Section):
    """All that the server keeps."""

    serial: Annotated[int, Field(ge=0)] = 0
    """Number of the last licence file."""
    lacs: dict[str, SoldCode] = Field(default={})
    """Code -> what it stands for."""


def new_code(pick: Callable[[str], str] = secrets.choice) -> str:
    """A licence authorisation code, such as LAC-7KQ2-XM4D-9HTB-P3VZ."""
    groups = ("".join(pick(ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(["LAC", *groups])


def sell(sold: Sold, limits: Mapping[str, int], count: int) -> tuple[Sold, tuple[str, ...]]:
    """So many new codes with these limits each. Raises :class:`LicenceError`."""
    problem = bought_problem(dict(limits))
    if problem:
        raise LicenceError(problem)
    if not limits:
        raise LicenceError("a code without licences is of no use: give at least one, such as ip=10")
    codes: list[str] = []
    while len(codes) < count:
        code = new_code()
        if code not in sold.lacs and code not in codes:
            codes.append(code)
    new = {code: SoldCode(limits=dict(limits)) for code in codes}
    return sold.model_copy(update={"lacs": {**sold.lacs, **new}}), tuple(codes)


def _told(lac: str) -> str:
    """A code in an error, which logs keep: its end alone, since whoever has a code has its licences."""
    return f"the code that ends in {lac[-_GROUP:]!r}"


def activate(
    sold: Sold, lac: str, locking_id: str, registration: RegistrationConfig, now: float
) -> tuple[Sold, str]:
    """Use a code for a Locking ID: what the server keeps then, and the licence file. Raises :class:`LicenceError`."""
    missing = registration.missing
    if missing:
        raise LicenceError(
            f"the registration data are not complete: {as_list(missing)} missing; enter them first: "
            "licence/registration set in the shell, --company, --name and --mail of licence file"
        )
    code = sold.lacs.get(lac)
    if code is None:
        raise LicenceError(f"{_told(lac)} is no licence authorisation code of this server")
    if code.locking_id not in (None, locking_id):
        raise LicenceError(
            f"{_told(lac)} is used for another Locking ID, {code.locking_id}, and this switch has {locking_id}"
        )
    used = code.model_copy(
        update={
            "locking_id": locking_id,
            "used_at": now if code.used_at is None else code.used_at,
            "company": registration.company,
        }
    )
    return _issued(sold.model_copy(update={"lacs": {**sold.lacs, lac: used}}), locking_id, now)


def merge(sold: Sold, locking_id: str, others: Iterable[str], now: float) -> tuple[Sold, str]:
    """Put the licences of other Locking IDs to this one, as for a network. Raises :class:`LicenceError`."""
    named = {*others}
    unknown = sorted(named - {code.locking_id for code in sold.lacs.values()})
    if unknown:
        raise LicenceError(f"no code is used for the Locking ID {as_list(unknown)}")
    lacs = {
        lac: code.model_copy(update={"locking_id": locking_id}) if code.locking_id in named else code
        for lac, code in sold.lacs.items()
    }
    return _issued(sold.model_copy(update={"lacs": lacs}), locking_id, now)


def _issued(sold: Sold, locking_id: str, now: float) -> tuple[Sold, str]:
    lacs = {lac: code.limits for lac, code in sold.lacs.items() if code.locking_id == locking_id}
    serial = sold.serial + 1
    created = datetime.fromtimestamp(int(now), UTC)
    body = ActivationBody(locking_id=locking_id, serial=serial, lacs=lacs, created=created)
    return sold.model_copy(update={"serial": serial}), encode(body)
