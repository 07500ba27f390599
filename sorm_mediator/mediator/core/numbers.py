"""How a number of a call report is shown to the console: its sign, its digits, the adaptations.

Source: order 268, 6.5.5.2, 6.5.5.4, 10.3.2; Eltex SMG1016M manual, Settings of the mediator, for the
four adaptations.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from protocol.codes import MAX_DIGITS, NumberSign, ObjectType, Order
from protocol.values import Party

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import radius.report as report
    from sorm_mediator.config import MediatorConfig

K = TypeVar("K")

SIGN_OF_NI: Final[Mapping[Order, Mapping[str, NumberSign]]] = MappingProxyType(
    {
        "268": {
            "private": NumberSign.OWN,
            "local": NumberSign.RUSSIA,
            "zone": NumberSign.RUSSIA,
            "intercity": NumberSign.RUSSIA,
            "international": NumberSign.FOREIGN,
            "emergency": NumberSign.EMERGENCY,
        },
        "70": {
            "private": NumberSign.PRIVATE,
            "local": NumberSign.LOCAL,
            "zone": NumberSign.ZONE,
            "intercity": NumberSign.INTERCITY,
            "international": NumberSign.INTERNATIONAL,
            "emergency": NumberSign.EMERGENCY,
        },
    }
)
"""The sign of a number by the switch's indicator (``sorm_ni``)."""

_NETWORK_70 = frozenset(set(SIGN_OF_NI["70"].values()) - {NumberSign.PRIVATE})
LEGAL_SIGNS: Final[Mapping[Order, Mapping[ObjectType, frozenset[NumberSign | None]]]] = MappingProxyType(
    {
        "268": {
            ObjectType.OWN_SUBSCRIBER: frozenset({NumberSign.OWN}),
            ObjectType.NETWORK_FULL: frozenset(
                {NumberSign.RUSSIA, NumberSign.FOREIGN, NumberSign.EMERGENCY, NumberSign.IMSI}
            ),
            ObjectType.NETWORK_PARTIAL: frozenset(
                {NumberSign.RUSSIA, NumberSign.FOREIGN, NumberSign.EMERGENCY}
            ),
            ObjectType.TRUNK: frozenset({None}),
        },
        "70": {
            ObjectType.OWN_SUBSCRIBER: frozenset({NumberSign.PRIVATE}),
            ObjectType.NETWORK_FULL: _NETWORK_70,
            ObjectType.NETWORK_PARTIAL: _NETWORK_70,
            ObjectType.TRUNK: frozenset({None}),
        },
    }
)
"""Which signs an object of each type may have (order 268, 6.5.5.2). Order 70 has other signs and the same types: its
row follows from the names of the signs."""

_RUSSIAN: Final = frozenset(
    {
        NumberSign.OWN,
        NumberSign.RUSSIA,
        NumberSign.PRIVATE,
        NumberSign.LOCAL,
        NumberSign.ZONE,
        NumberSign.INTERCITY,
    }
)
_TOLL_NI: Final = frozenset({"zone", "intercity"})
_FULL = 11
"""Digits of a Russian number with its leading 7 or 8."""


KNOWN_NUMBERS: Final = 8192
"""Numbers whose form for the console is kept at a time."""


def _keep(known: dict[K, Party], key: K, shown: Party) -> Party:
    """Remember how a number is shown; they are forgotten when they are too many."""
    if len(known) >= KNOWN_NUMBERS:
        known.clear()
    known[key] = shown
    return shown


class Numbers:
    """Turns the parties of reports into those of messages, by the mediator's configuration."""

    def __init__(self, config: MediatorConfig) -> None:
        self._signs = SIGN_OF_NI[config.order]
        self._order = config.order
        self._adaptation = config.adaptation
        self._digits = frozenset("0123456789*#" if config.options.extra_digits else "0123456789")
        self._known: dict[tuple[str, str], Party] = {}
        """Parties as they are, by digits and indicator: those of a call stand in each of its reports."""
        self._known_called: dict[tuple[str, str, bool], Party] = {}
        """Called sides after the adaptations, by the same and whether the object is controlled by its A number."""

    def signs(self, object_type: ObjectType) -> Collection[NumberSign]:
        """The signs that a number of this type of object may have."""
        return [sign for sign in NumberSign if sign in LEGAL_SIGNS[self._order][object_type]]

    def plain(self, party: report.Party) -> Party:
        """``party`` as it is, without characters that the wire can't carry and digits after the 18th."""
        key = party.digits, party.ni
        return self._known.get(key) or _keep(self._known, key, self._plain(party))

    def _plain(self, party: report.Party) -> Party:
        number = party.digits
        if not (number.isdigit() and number.isascii() and len(number) <= MAX_DIGITS):
            number = "".join(filter(self._digits.__contains__, number))[:MAX_DIGITS]
        return Party(self._signs.get(party.ni), number) if number else Party()

    def called(self, party: report.Party, *, by_a: bool) -> Party:
        """The called side after the adaptations; ``by_a``: the object is controlled by its A number.

        The toll code goes first (88 before 8 where the number is long enough to hold it), then 7 becomes 810
        or 8. With both of the latter on, 810 wins.
        """
        key = party.digits, party.ni, by_a
        return self._known_called.get(key) or _keep(self._known_called, key, self._called(party, by_a=by_a))

    def _called(self, party: report.Party, *, by_a: bool) -> Party:
        shown = self.plain(party)
        if not isinstance(shown.number, str):
            return shown
        number = self._replace_toll_code(shown.number, party.ni)
        settings = self._adaptation
        leads_with_7 = number.startswith("7") and len(number) >= settings.min_digits
        if by_a and shown.sign in _RUSSIAN and leads_with_7:
            if settings.prefix_810_to_cdpn:
                number = "810" + number[1:]
            elif settings.prefix_8_to_cdpn:
                number = "8" + number[1:]
        return Party(shown.sign, number)

    def _replace_toll_code(self, number: str, ni: str) -> str:
        """8 or 88 in front of a zone or intercity number; other numbers only in their full length.

        A number that begins with 810 is dialled abroad, which is no toll code.
        """
        settings = self._adaptation
        length = len(number)
        toll = ni in _TOLL_NI
        if settings.toll_88_to_7 and number.startswith("88"):
            enough = length > _FULL if settings.toll_8_to_7 else toll or length == _FULL + 1
            if enough:
                return "7" + number[2:]
        if settings.toll_8_to_7 and number.startswith("8") and not number.startswith("810"):
            return "7" + number[1:] if toll or length == _FULL else number
        return number
