"""The requests of one mediator to one domain: objects, services, trunks.

Source: docs/dialect.md; Eltex SMG1016M manual, Extended error codes, and further codes where none of them
fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sorm_mediator.switch.domain import LINE_STATES, Domain
from sorm_mediator.switch.objects import (
    FULL,
    OWN,
    OWN_SIGNS,
    PARTIAL,
    SIGN_FITS,
    TRUNK,
    ObjectTable,
    SwitchObject,
)
from sorm_mediator.switch.routing.masks import SYMBOLS
from ssh_control.codes import ExtendedError
from ssh_control.dialect import Refused, Reply, Request
from ssh_control.messages import LINE_UNKNOWN

MOST_OBJECTS: Final = 0xFFFF
"""The count of object numbers, 0 to FFFEh."""
CATEGORIES: Final = ("combined", "separate", "statistical")
PRIORITIES: Final = ("high", "normal", None)


@dataclass(eq=False)
class SyncRoom:
    """The limit of objects in all unended syncs of one mediator. ``refused`` is called for each sync without room."""

    most: int
    refused: Callable[[], None] = lambda: None
    held: int = 0

    def take(self, count: int) -> bool:
        """Reserve room for this number of objects; false when there is none."""
        if self.held + count > self.most:
            self.refused()
            return False
        self.held += count
        return True

    def give_back(self, count: int) -> None:
        """Release the room of objects that were used or dropped."""
        self.held -= count


class Chunks:
    """The objects of a ``sync``, which comes in chunks and takes effect with the last one."""

    def __init__(self, room: SyncRoom) -> None:
        self._room = room
        self._objects: list[dict[str, Any]] | None = None

    def add(self, params: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Add a chunk. Returns all objects after the last chunk, else None. Raises :class:`Refused`."""
        before, self._objects = self._objects, None
        self._room.give_back(len(before or ()))
        objects = [] if params["first"] else before
        if objects is None:
            raise Refused(ExtendedError.WRONG_PARAMETERS, "sync: its first chunk has not come")
        count = len(objects) + len(params["objects"])
        if count > MOST_OBJECTS:
            raise Refused(
                ExtendedError.OBJECT_TABLE_FULL,
                f"sync: more than {MOST_OBJECTS} objects; begin anew with fewer",
            )
        if params["last"]:
            return [*objects, *params["objects"]]
        if not self._room.take(count):
            raise Refused(
                ExtendedError.OBJECT_TABLE_FULL,
                f"sync: the unended syncs of one mediator hold {self._room.most} objects at most",
            )
        # Without what the line has beside: the room is for objects.
        objects += ({name: row[name] for name in SwitchObject.__slots__} for row in params["objects"])
        self._objects = objects
        return None

    def drop(self) -> None:
        """Drop the chunks of a sync that has not ended."""
        self._room.give_back(len(self._objects or ()))
        self._objects = None


@dataclass(eq=False)
class MediatorSession:
    """A mediator's connection to a domain. The objects belong to ``mediator``, not to the session.

    check_licence: raises :class:`Refused` for a further object. room: shared by the sessions of a mediator;
    by default this session has its own.
    """

    domain: Domain
    mediator: str
    on_closed: Callable[[], None]
    on_join: Callable[[SwitchObject], None]
    check_licence: Callable[[Domain, SwitchObject], None] = lambda _domain, _item: None
    room: SyncRoom = field(default_factory=lambda: SyncRoom(MOST_OBJECTS))

    def __post_init__(self) -> None:
        self._left = False
        self._chunks = Chunks(self.room)
        self._operations: Mapping[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
            "add": self._add,
            "change": self._change,
            "remove": self._remove,
            "join": self._join,
            "sync": self._sync,
            "clear": self._clear,
            "services": self._services,
            "trunks": self._trunks,
            "ping": lambda _: None,
        }

    @property
    def server_hello(self) -> Mapping[str, Any]:
        """The switch's hello."""
        return {"switch": "emulated ECSS-10", "domain": self.domain.name}

    def handle(self, request: Request) -> Reply:
        """Carry out a request."""
        operation = self._operations.get(request.op)
        if self._left:
            why = f"the mediator is no longer connected to {self.domain.name}"
        elif operation is None:
            why = "not an operation of a single domain"
        else:
            try:
                return Reply(True, operation(request.params) or {})
            except Refused as refusal:
                return Reply.refusal(refusal.code, refusal.text)
        return Reply.refusal(ExtendedError.WRONG_PARAMETERS, f"{request.op}: {why}")

    def closed(self) -> None:
        """The session has ended; the mediator's objects stay."""
        self._chunks.drop()
        self.on_closed()

    def leave(self) -> None:
        """End the mediator's control in the domain; requests that are still queued are refused."""
        self._left = True
        self.domain.tables.pop(self.mediator, None)

    @property
    def _table(self) -> ObjectTable:
        return self.domain.table(self.mediator)

    def _add(self, params: dict[str, Any]) -> dict[str, Any]:
        item = SwitchObject.from_wire(params["object"])
        self.check_licence(self.domain, item)
        check_object(self.domain, item)
        self._table.add(item)
        return {"line_state": line_state(self.domain, item)}

    def _change(self, params: dict[str, Any]) -> None:
        category, priority = params["category"], params["priority"]
        _check_control(category, priority)
        self._table.change(params["object_number"], category, priority)

    def _remove(self, params: dict[str, Any]) -> None:
        self._table.remove(params["object_number"])

    def _join(self, params: dict[str, Any]) -> None:
        """Match the running calls: the mediator now has the object, and expects their reports."""
        self.on_join(self._table.get(params["object_number"]))

    def _sync(self, params: dict[str, Any]) -> dict[str, Any] | None:
        """The last chunk replaces all objects at once."""
        incoming = self._chunks.add(params)
        if incoming is None:
            return None
        table = ObjectTable()
        states: dict[str, int] = {}
        refused: list[dict[str, int]] = []
        for data in incoming:
            item = SwitchObject.from_wire(data)
            try:
                check_object(self.domain, item)
                table.add(item)
                states[str(item.object_number)] = line_state(self.domain, item)
            except Refused as refusal:
                refused.append({"object_number": item.object_number, "code": refusal.code})
        self.domain.tables[self.mediator] = table
        return {"line_states": states, "refused": refused}

    def _clear(self, _params: dict[str, Any]) -> None:
        self.domain.tables[self.mediator] = ObjectTable()

    def _services(self, params: dict[str, Any]) -> dict[str, Any]:
        number = params["number"]
        subscriber = self.domain.subscriber_at(number)
        if subscriber is None:
            raise Refused(
                ExtendedError.NUMBER_NOT_LOCAL, f"{number} is not a subscriber of {self.domain.name}"
            )
        return {"services": subscriber.service_codes()}

    def _trunks(self, params: dict[str, Any]) -> dict[str, Any]:
        wanted = params["trunk"]
        names = {trunk.number: trunk.name for trunk in self.domain.trunks.values()}
        found = [{"trunk": one, "name": names[one]} for one in sorted(names) if wanted in (None, one)]
        if wanted is not None and not found:
            raise Refused(ExtendedError.TRUNK_GROUP_NOT_DEFINED, f"{self.domain.name} has no trunk {wanted}")
        return {"trunks": found}


def line_state(domain: Domain, item: SwitchObject) -> int:
    """The state of the object's subscriber line, for message 23h."""
    subscriber = domain.subscriber_at(item.number or "") if item.object_type == OWN else None
    return LINE_STATES[subscriber.line_state] if subscriber else LINE_UNKNOWN


def check_object(domain: Domain, item: SwitchObject) -> None:
    """Check that the domain can put the object under control. Raises :class:`Refused`."""
    check = _CHECKS.get(item.object_type)
    if check is None:
        raise Refused(
            ExtendedError.WRONG_OBJECT_TYPE,
            f"{item.object_type!r} is no type of object; there are {', '.join(_CHECKS)}",
        )
    _check_control(item.category, item.priority)
    if item.number is not None and item.trunk is not None:
        both = f"object {item.object_number} has both a number and a trunk"
        raise Refused(ExtendedError.BOTH_NUMBER_AND_TRUNK, both)
    check(domain, item)


def _check_control(category: str | None, priority: str | None) -> None:
    if category not in CATEGORIES:
        raise Refused(
            ExtendedError.WRONG_CATEGORY, f"{category!r} is no category; there are {', '.join(CATEGORIES)}"
        )
    if priority not in PRIORITIES:
        raise Refused(ExtendedError.WRONG_PRIORITY, f"{priority!r} is no priority; there are high, normal")


def _check_number(item: SwitchObject) -> str:
    if item.number is None:
        raise Refused(ExtendedError.NEITHER_NUMBER_NOR_TRUNK, f"object {item.object_number} has no number")
    if not set(item.number) <= set(SYMBOLS):
        raise Refused(ExtendedError.WRONG_PARAMETERS, f"{item.number!r} is not a number")
    return item.number


def _check_own(domain: Domain, item: SwitchObject) -> None:
    number = _check_number(item)
    if item.number_sign is not None and item.number_sign not in OWN_SIGNS:
        raise Refused(
            ExtendedError.WRONG_NUMBER_SIGN,
            f"sign {item.number_sign!r} does not suit a subscriber of this node",
        )
    subscriber = domain.subscriber_at(number)
    if subscriber is None:
        raise Refused(ExtendedError.NUMBER_NOT_LOCAL, f"{number} is not a subscriber of {domain.name}")
    if not subscriber.active:
        raise Refused(ExtendedError.NUMBER_NOT_LOCAL, f"{number} of {domain.name} is not active")


def _check_network(domain: Domain, item: SwitchObject) -> None:
    number = _check_number(item)
    if number in domain.subscribers:
        raise Refused(
            ExtendedError.WRONG_TYPE_FOR_LOCAL_NUMBER,
            f"{number} is a subscriber of {domain.name}: its type is {OWN}",
        )
    if item.number_sign in OWN_SIGNS:
        raise Refused(
            ExtendedError.LOCAL_SIGN_OF_OTHER_NUMBER,
            f"{number} is not a subscriber of {domain.name}: its sign can't be {item.number_sign}",
        )
    if item.number_sign not in SIGN_FITS:
        raise Refused(ExtendedError.WRONG_NUMBER_TYPE, f"{item.number_sign!r} is not a sign of a number")


def _check_trunk(domain: Domain, item: SwitchObject) -> None:
    if item.trunk is None:
        raise Refused(ExtendedError.TRUNK_NOT_GIVEN, f"object {item.object_number} has no trunk")
    if item.trunk not in {trunk.number for trunk in domain.trunks.values()}:
        raise Refused(ExtendedError.TRUNK_GROUP_NOT_DEFINED, f"{domain.name} has no trunk {item.trunk}")


_CHECKS: Final = {OWN: _check_own, FULL: _check_network, PARTIAL: _check_network, TRUNK: _check_trunk}
