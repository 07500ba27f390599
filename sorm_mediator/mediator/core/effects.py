"""What the core asks its binding to do. Each input of the core returns a list of these, executed in order.

The core has no socket, task or clock: the binding turns octets, replies of the switch, call reports and the
clock into inputs, and these effects into octets, requests, rows on disk and lines of the journal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocol import Channel, Message
    from radius.report import Media
    from sorm_mediator.mediator.core.tables import Change, Line


class Cause(NamedTuple):
    """What an input of the core belongs to, and all that follows from it: for the log, and for the feed of events."""

    id: str = ""
    """In the logs of both boxes: of a command or an electronic message, or the same as ``call``."""
    call: str = ""
    """The switch's own id of the call."""
    objects: tuple[int, ...] = ()
    """Numbers of objects under control."""
    adds: bool = False
    """It is the command that puts an object under control, or a request to the switch that this causes."""


NO_CAUSE = Cause()


class Send(NamedTuple):
    """Send ``message`` on KPD1 or KPD2 of ``stream``. Never issued for a channel that is down."""

    stream: int
    channel: Channel
    message: Message
    at: float | None = None
    """The moment of the call's event that the message reports, Unix seconds by the switch's clock."""
    cause: Cause = NO_CAUSE


class Taken(NamedTuple):
    """A command is taken: its time limits run from when it came in, or from now when it had to ``wait`` for another
    one to end (order 268, 7.1)."""

    code: int
    waited: bool


class AskSwitch(NamedTuple):
    """Send a request to the switch and give its reply back with ``switch_reply(token, ...)``.

    The core keeps the time itself and ignores a reply that comes too late; where it is certain
    earlier that there will be none (link lost, queue full), the binding calls ``switch_reply(token, None, now)``.
    """

    token: int
    op: str
    params: Mapping[str, object]
    cause: Cause = NO_CAUSE


class Store(NamedTuple):
    """Make ``change`` durable: the 28h that follows promises it.

    It is never among the effects that an input returns: the core hands it out through ``durably`` of
    :class:`~.core.Core`, with what comes before, and waits for whether the disk took it.
    """

    change: Change


class Connect(NamedTuple):
    """Give the sound of a call to a line: A and B mixed (``line.ksl_b`` is None), or A and B apart."""

    line: Line
    call_number: int
    object_number: int
    media: Media | None = None
    """Where A and B are heard; None: the switch sends no speech of this call."""


class Free(NamedTuple):
    """Take the sound off a line."""

    line: Line
    call_number: int
    object_number: int


@dataclass(frozen=True, slots=True)
class Journal:
    """Append an entry to the audit journal. Passwords are never among the fields."""

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    unit: bytes = field(default=b"", repr=False)
    """The unit that the entry is of, as it came: it may hold a password, so the binding masks it."""
    stranger: bool = False
    """Caused by a peer that has not shown the password on its connection: the binding bounds how many are written."""


class Log(NamedTuple):
    """A line for the operator's log."""

    level: Literal["debug", "info", "warning", "error"]
    text: str


class DropChannel(NamedTuple):
    """Delete what is not yet sent on KPD1 and KPD2 of ``stream``: the pair failed (order 268, 1.4.1.1), or its console
    has been silent for too long (order 268, 6.14.3; order 70, 1.5). Connections stay.
    """

    stream: int


Effect: TypeAlias = Send | Taken | AskSwitch | Store | Connect | Free | Journal | Log | DropChannel
