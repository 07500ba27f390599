"""Reports of a switch to a mediator: about one call, or about one electronic message.

A report is a cumulative snapshot: a later `sequence` of the same call holds everything that the earlier
ones held. So the next report makes up for a lost, doubled or reordered one, and for a Start that never came; a receiver
acts on what is new to it and ignores an equal or older sequence.

All times are Unix seconds; they keep microseconds on their way.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Kind = Literal["start", "interim", "stop"]
"""The accounting status a report travels as."""

NUMBER_INDICATORS = ("", "private", "local", "zone", "intercity", "international", "emergency")
"""Values of `Party.ni`; the empty one means unknown."""

ROLES = ("a", "b", "trunk", "service", "joined")
"""Values of `Match.role`: the object is the calling party, the called one, a trunk, a party of a service.

`joined` stands beside one of them: the object was put under control while the call ran, and joined it at `time`."""

MESSAGE_ROLES = ("a", "b", "a-imsi", "b-imsi", "trunk")
"""Values of `Match.role` in a message: the object is the sender's number, the receiver's, the IMSI of one of them,
or a trunk that the message came or went by (order 268, 9.12, table 1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """One side of a call, as the console is to see it.

    digits: the number as SORM is to show it; empty when there is none.
    ni: numbering plan of the number, one of `NUMBER_INDICATORS`.
    trunk: number of the trunk on this side, None when the side is a subscriber of the switch.
    """

    digits: str = ""
    ni: str = ""
    trunk: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceUse:
    """One use of a supplementary service in a call: what event 44h is made from.

    code: the order's service code, one octet. phase: the order's service phase, one octet.
    time: Unix seconds.
    """

    time: float
    code: int
    phase: int
    calling: Party
    called: Party


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """An object on control that the call or the message touches.

    object_number: as the mediator gave it to the switch, 0..65535.
    role: why the object is touched, one of `ROLES`, in a message one of `MESSAGE_ROLES`.
    called: the destination it is touched by, which event 41h shows as the called number.
    time: the moment it was touched, Unix seconds.
    """

    object_number: int
    role: str
    called: Party
    time: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """Where the speech of a call is heard: the sources in the RTP that the switch sends to this mediator.

    a_ssrc, b_ssrc: synchronisation source of each party, 32 bits (RFC 3550, 3). They stay the same for the
    whole call, also when another party takes the place of B.
    """

    a_ssrc: int
    b_ssrc: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CallReport:
    """All that a mediator receives about one call at one moment.

    call_id: unique within the switch. domain: the domain the call belongs to. sequence: counts the reports of
    this call for this mediator from 1. time: the moment of the snapshot.
    connection: the order's octet for the kind of connection.
    calling, called: the original A and the current final B with their SORM numbers.
    answered: the B that answered, where another one has taken its place since; None: `called` did, or no party has.
    calling_station, called_station: the routed numbers, for information.
    setup_time: the moment the full number was known, None when dialling was never completed.
    answer_time, release_time: None as long as it has not happened.
    release_cause: the order's octet of event 43h, None until the release.
    services, matches: all so far, oldest first.
    media: None when no speech is sent to this mediator.
    """

    call_id: str
    domain: str
    sequence: int
    time: float
    connection: int
    calling: Party
    called: Party
    calling_station: str = ""
    called_station: str = ""
    setup_time: float | None = None
    answer_time: float | None = None
    answered: Party | None = None
    release_time: float | None = None
    release_cause: int | None = None
    services: tuple[ServiceUse, ...] = ()
    matches: tuple[Match, ...] = ()
    media: Media | None = None

    @property
    def kind(self) -> Kind:
        """`stop` once released, else `start` for the first report and `interim` for the others."""
        if self.release_time is not None:
            return "stop"
        return "start" if self.sequence == 1 else "interim"


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageReport:
    """An electronic message, such as an SMS, that objects on control sent or were sent (order 268, 9.12).

    It is reported once, when it is known what became of it, so it has no sequence. A message that touches more
    objects than one packet has room for is several reports, each with an identifier of its own.

    message_id: unique within the switch. domain: the domain the message belongs to. time: when it was sent.
    sender, receiver: with their SORM numbers; of a side of which only the trunk is known the digits are empty.
    sender_station, receiver_station: the routed numbers, for information.
    sender_imsi, receiver_imsi: IMSI of each, digits; empty when it is not known.
    text: header and content; at most `radius.packet.LONGEST_TEXT` octets of UTF-8.
    delivered: None when it is not known.
    matches: the objects touched; their roles are `MESSAGE_ROLES`.
    """

    message_id: str
    domain: str
    time: float
    sender: Party
    receiver: Party
    sender_station: str = ""
    receiver_station: str = ""
    sender_imsi: str = ""
    receiver_imsi: str = ""
    text: str = ""
    delivered: bool | None = None
    matches: tuple[Match, ...] = ()


def maker(cls: type[T]) -> Callable[..., T]:
    """A function that makes instances of one of these classes from all of its fields, in their order, as positional
    arguments.

    It is for what is made for each datagram: the class's own `__init__` sets each field in the way that a frozen
    class needs, which takes four times as long.
    """
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # which are all dataclasses
    source = "\n".join(
        (
            f"def __init__(self, {', '.join(names)}):",
            *(f"    self.{name} = {name}" for name in names),
            f"    self.__class__ = {cls.__name__}",
        )
    )
    namespace: dict[str, Any] = {cls.__name__: cls}
    exec(compile(source, f"<maker of {cls.__name__}>", "exec"), namespace)  # nosec B102 # noqa: S102 - the fields' names alone
    # With the same slots it has the same layout, so that its instance can become one of `cls`.
    made: Any = type(cls.__name__, (), {"__slots__": tuple(names), "__init__": namespace["__init__"]})
    return made  # type: ignore[no-any-return]
