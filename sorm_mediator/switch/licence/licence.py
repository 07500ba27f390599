"""The licences of the switch: which one is active, and what it allows.

Licence 0 is the factory licence, and is always there. Each licence added has the next number, and the one with the
highest number that has not expired is active (ECSS-10 manual, Licences in the CLI). When it expires, the next
lower one takes its place, and at last licence 0: the manual only refers to another page here, so this is our reading.
What runs goes on: a change of the active licence refuses new calls, links and subscribers, and cuts none.

Time comes in as ``now`` (Unix seconds). Licences are a value made from the configuration:
:mod:`sorm_mediator.switch.changes.licence` changes the configuration.

Source: ECSS-10 manual, Licence limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sorm_mediator.config import ConfigError, LicenceConfig, SwitchConfig
from sorm_mediator.switch.licence.key import LicenceBody, PassportBody, decode_licence, decode_passport
from sorm_mediator.switch.licence.limits import FACTORY, INFINITY, LicenceError, Limits, Value

INITIAL: Final = 1
"""Number of the licence of ``[switch.licence]``."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence that is installed. values: its own rows. limits: what holds while it is active."""

    number: int
    body: LicenceBody
    values: Mapping[str, Value]
    limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", Limits.under(self.values))

    @classmethod
    def of(cls, number: int, body: LicenceBody) -> Licence:
        """A licence of a key. Raises :class:`LicenceError`."""
        return cls(number, body, body.values())

    @property
    def expiry(self) -> float | None:
        """The first moment that it is not valid any more; None: it always is."""
        last: date | str = self.body.expires
        if not isinstance(last, date):
            return None
        return (datetime.combine(last, time(), UTC) + timedelta(days=1)).timestamp()

    def expired(self, now: float) -> bool:
        """Whether its time is over."""
        return self.expiry is not None and now >= self.expiry


FACTORY_LICENCE: Final = Licence(0, LicenceBody(ssw_id="any", description="Default licence"), FACTORY)
"""Licence 0: it can't be deleted, suits every switch, and never expires."""


class Licences:
    """The licences installed, and the passport. Raises :class:`ConfigError` for keys that can't be used."""

    def __init__(self, config: SwitchConfig) -> None:
        self.passport = _passport(config.licence)
        self.installed: dict[int, Licence] = {0: FACTORY_LICENCE}
        """By number, ascending."""
        licences = [_initial(config.licence)] if config.licence.installed else []
        for index, added in enumerate(config.licences):
            key = f"switch.licences.{index}"
            try:
                licences.append(Licence.of(added.number, decode_licence(added.key)))
            except LicenceError as error:
                raise ConfigError(f"{key}.key: {error}") from None
            if added.number in {licence.number for licence in licences[:-1]}:
                raise ConfigError(f"{key}.number: there is a licence {added.number} already")
        for licence in sorted(licences, key=lambda one: one.number):
            if licence.body.ssw_id != self.passport.ssw_id:
                raise ConfigError(
                    f"switch.licence.passport: is for {self.passport.ssw_id!r}, and licence {licence.number} "
                    f"for {licence.body.ssw_id!r}; both must be for the same switch"
                )
            self.installed[licence.number] = licence

    def active(self, now: float) -> Licence:
        """The licence that holds."""
        return next(one for one in reversed(self.installed.values()) if not one.expired(now))

    def limits(self, now: float) -> Limits:
        """What holds now."""
        return self.active(now).limits

    def get(self, number: int) -> Licence:
        """A licence by number. Raises :class:`LicenceError`."""
        if number not in self.installed:
            known = ", ".join(map(str, self.installed))
            raise LicenceError(f"there is no licence {number}; there are: {known}")
        return self.installed[number]

    def candidate(self, key: str, now: float) -> Licence:
        """The licence that a key would install, with its number. Raises :class:`LicenceError`."""
        body = decode_licence(key)
        if body.ssw_id != self.passport.ssw_id:
            raise LicenceError(
                f"the licence is for {body.ssw_id!r}, and this switch is {self.passport.ssw_id!r} by its passport"
            )
        licence = Licence.of(max(self.installed) + 1, body)
        if licence.expired(now):
            raise LicenceError(f"the licence has expired: its last day was {body.expires}")
        same = next((one.number for one in self.installed.values() if one.body == body), None)
        if same is not None:
            raise LicenceError(f"this is licence {same}, which is installed already")
        return licence

    def why_no_sorm(self, now: float) -> str:
        """Why SORM is not licensed; "" when it is."""
        active = self.active(now)
        if active.limits.sorm_enabled:
            return ""
        what = "channels on SORM mediator" if active.limits.values["sorm_enabled"] else "enabled"
        return f"licence {active.number} has no SORM (its SORM limit {what!r})"

    def why_no_channel(self, used: int, now: float) -> str:
        """Why no mediator may connect to a domain besides ``used`` such pairs; "" when one may."""
        problem, active = self.why_no_sorm(now), self.active(now)
        limit = active.limits.sorm_channels
        if problem or used < limit:
            return problem
        return (
            f"licence {active.number} allows {limit} connections of mediators with domains (sorm, channels), "
            f"and {used + 1} would be needed; add a licence, or connect fewer domains"
        )

    def why_no_subscribers(self, declared: int, more: int, now: float) -> str:
        """Why no ``more`` subscribers may be declared besides those of all domains; "" when they may."""
        active = self.active(now)
        limit = active.limits.subscribers
        if declared + more <= limit:
            return ""
        return (
            f"licence {active.number} allows {int(limit)} subscribers (Subscribers limit): {declared} are declared, "
            f"and {more} more would be needed; remove some, or add a licence"
        )


def usage(active: Licence, used: Mapping[str, int]) -> dict[str, Any]:
    """What is in use of a licence, by the keys of its limits, as JSON has it."""
    units = {
        key: {"in_use": count, "limit": _jsonable(active.limits.values.get(key, 0))}
        for key, count in used.items()
    }
    return {
        "number": active.number,
        "description": active.body.description,
        "expires": active.expiry,
        "sorm_enabled": active.limits.sorm_enabled,
        "max_conversation_time": active.limits.max_conversation_time,
        "units": units,
    }


def _jsonable(value: Value) -> Value | None:
    """A limit as JSON has it: null is none."""
    return None if value == INFINITY else value


def _initial(config: LicenceConfig) -> Licence:
    """Licence 1, as the lab file has it."""
    body = LicenceBody(ssw_id=config.ssw_id, description=config.description, expires=config.expires)
    subscribers: Value = INFINITY if config.subscribers == "infinity" else config.subscribers
    return Licence(
        INITIAL,
        body,
        {
            "concurrent_calls": config.concurrent_calls,
            "max_conversation_time": config.max_conversation_time,
            "sorm_enabled": config.sorm_enabled,
            "sorm_channels": config.sorm_channels,
            "subscribers": subscribers,
        },
    )


def _passport(config: LicenceConfig) -> PassportBody:
    if not config.passport:
        return PassportBody(ssw_id=config.ssw_id, description="lab passport, without a token")
    try:
        return decode_passport(config.passport)
    except LicenceError as error:
        raise ConfigError(f"switch.licence.passport: {error}") from None
