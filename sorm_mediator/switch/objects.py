"""The objects on control of one mediator in one domain, and which of them a party of a call touches.

A lookup takes the same time for ten objects and for a hundred thousand: every kind of object has its index.

Source: order 268, 6.5; ECSS-10 manual, Number format check (a call is intercepted on a full match); Eltex SMG1016M
manual, Extended error codes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ssh_control.codes import ExtendedError
from ssh_control.dialect import Refused

OWN: Final = "own-subscriber"
FULL: Final = "network-full"
PARTIAL: Final = "network-partial"
TRUNK: Final = "trunk"
IMSI: Final = "imsi"
"""Sign of an object whose number is an IMSI (order 268, 6.5.5): calls never touch it, messages do."""

OWN_SIGNS: Final = frozenset({"own", "private"})
INTERCITY_SIGNS: Final = frozenset({"russia", "intercity"})
SIGN_FITS: Final[Mapping[str | None, frozenset[str]]] = {
    None: frozenset({"", "private", "local", "zone", "intercity", "international", "emergency"}),
    "russia": frozenset({"", "local", "zone", "intercity"}),
    "foreign": frozenset({"", "international"}),
    **{sign: frozenset({"", sign}) for sign in ("local", "zone", "intercity", "international", "emergency")},
    "imsi": frozenset(),
}
"""Sign of a network object -> indicators that it fits; a number without an indicator fits any sign
(our choice). The signs are those of both orders, since the switch has no information about the console's
order."""


@dataclass(frozen=True, slots=True)
class SwitchObject:
    """An object on control, with the names of docs/messages.md."""

    object_number: int
    object_type: str
    number_sign: str | None = None
    number: str | None = None
    trunk: int | None = None
    category: str | None = None
    priority: str | None = None

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> SwitchObject:
        """From the dialect's object, after the check of its shape."""
        return cls(**{name: data[name] for name in cls.__slots__})

    @property
    def target(self) -> tuple[str, str | None, str | int | None]:
        """The target. A number may be controlled by several objects (order 268, 6.5.6), a trunk by one."""
        return self.object_type, self.number_sign, self.trunk if self.object_type == TRUNK else self.number

    def fits(self, party: Touched) -> bool:
        """Whether a network object's sign fits the indicator of a party's number."""
        if party.strict and not party.ni and self.number_sign in INTERCITY_SIGNS:
            return False
        return party.ni in SIGN_FITS.get(self.number_sign, frozenset())


@dataclass(frozen=True, slots=True)
class Touched:
    """A party of a call, for matching. own: of the domain. numbers: the routed and the SORM number.

    strict: an unknown indicator does not fit objects of the intercity network.
    routed: a number that objects of any kind and sign match; "" for none.
    """

    own: bool
    numbers: tuple[str, ...]
    ni: str = ""
    strict: bool = False
    routed: str = ""


class ObjectTable:
    """Objects by number, and the indexes for matching."""

    def __init__(self) -> None:
        self._objects: dict[int, SwitchObject] = {}
        self._indexes: dict[str, dict[str | int | None, dict[int, SwitchObject]]] = defaultdict(dict)
        """Type, then number or trunk, then number of the object -> the object."""
        self._prefix_lengths: Counter[int] = Counter()

    def __iter__(self) -> Iterator[SwitchObject]:
        return iter(self._objects.values())

    def get(self, object_number: int) -> SwitchObject:
        """The object with this number. Raises :class:`Refused`."""
        item = self._objects.get(object_number)
        if item is None:
            raise Refused(ExtendedError.WRONG_OBJECT_NUMBER, f"there is no object {object_number}")
        return item

    def holds(self, item: SwitchObject) -> bool:
        """Whether this target is on control under this number; category and priority may differ."""
        present = self._objects.get(item.object_number)
        return present is not None and present.target == item.target

    def add(self, item: SwitchObject) -> None:
        """Put an object on control; an equal one again changes nothing. Raises :class:`Refused`."""
        number = item.object_number
        if number in self._objects and not self.holds(item):
            raise Refused(ExtendedError.OBJECT_ALREADY_DEFINED, f"object {number} is defined already")
        if item.object_type == TRUNK:
            other = next(iter(self._at(TRUNK, item.trunk)), number)
            if other != number:
                raise Refused(
                    ExtendedError.TRUNK_ALREADY_CONTROLLED,
                    f"trunk {item.trunk} is on control already, as object {other}",
                )
        if item.object_type == PARTIAL and number not in self._objects:
            self._prefix_lengths[len(item.number or "")] += 1
        self._put(item)

    def change(self, object_number: int, category: str | None, priority: str | None) -> SwitchObject:
        """Change category and priority of an object. Raises :class:`Refused`."""
        item = replace(self.get(object_number), category=category, priority=priority)
        self._put(item)
        return item

    def remove(self, object_number: int) -> None:
        """Take an object off control. Raises :class:`Refused`."""
        item = self.get(object_number)
        del self._objects[object_number]
        index, key = self._indexes[item.object_type], item.target[-1]
        del index[key][object_number]
        if not index[key]:
            del index[key]
        if item.object_type == PARTIAL:
            self._prefix_lengths[len(item.number or "")] -= 1
            self._prefix_lengths += Counter()

    def touched(self, party: Touched) -> Iterable[SwitchObject]:
        """The number objects touched by this party, each once."""
        return {item.object_number: item for item in self._candidates(party)}.values()

    def trunk_touched(self, trunk: int) -> Iterable[SwitchObject]:
        """The objects that control this trunk."""
        return self._at(TRUNK, trunk).values()

    def imsi_touched(self, imsi: str) -> Iterator[SwitchObject]:
        """The network objects for this number that have the sign of an IMSI."""
        return (item for item in self._network(imsi) if item.number_sign == IMSI)

    def _network(self, number: str) -> Iterator[SwitchObject]:
        """The network objects with this number or its leading digits."""
        yield from self._at(FULL, number).values()
        for length in sorted(self._prefix_lengths):
            if length <= len(number):
                yield from self._at(PARTIAL, number[:length]).values()

    def _candidates(self, party: Touched) -> Iterator[SwitchObject]:
        for number in party.numbers:
            if party.own:
                yield from self._at(OWN, number).values()
                continue
            yield from (item for item in self._network(number) if item.fits(party))
        if party.routed:
            yield from self._at(OWN, party.routed).values()
            yield from (item for item in self._network(party.routed) if item.number_sign != IMSI)

    def _at(self, object_type: str, target: str | int | None) -> Mapping[int, SwitchObject]:
        return self._indexes[object_type].get(target, {})

    def _put(self, item: SwitchObject) -> None:
        self._objects[item.object_number] = item
        index = self._indexes[item.object_type]
        index.setdefault(item.target[-1], {})[item.object_number] = item
