"""Commands of a console that are right in themselves, drawn by what the mediator may have in its tables."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from protocol import (
    AddKsl,
    AddObject,
    Category,
    ChangeObject,
    Codec,
    Command,
    ConnectKsl,
    GetKsl,
    GetObjects,
    GetServices,
    GetTrunks,
    GetVersion,
    GroupType,
    Interrupt,
    Ksl,
    Message,
    NumberSign,
    ObjectType,
    Priority,
    ReleaseKsl,
    RemoveKsl,
    RemoveObject,
    SetPassword,
    Start,
    Stop,
    Test,
)
from protocol.codes import PREAMBLE
from protocol.messages import COMMANDS

HEADER: Final = 10
"""Octets of a command before its fields: preamble, ORM number, code, length, password."""
PASSWORD_AT: Final = 4
OBJECTS: Final = (1, 2, 3, 300, 65_000)
GROUPS: Final = (1, 2, 254)
LETTERS: Final = "bcdfghjkmnpqrstvwxz"
"""Of secrets: six of them are in no text by chance."""


@dataclass(slots=True)
class Known:
    """What a console believes of the mediator."""

    password: str
    numbers: Sequence[str]
    """Subscribers that may be put under control."""
    orm_number: int = 1
    started: bool = False
    objects: set[int] = field(default_factory=set)
    calls: set[int] = field(default_factory=set)
    """Call numbers that were seen in events."""


def secret(rng: random.Random) -> str:
    """A password that stands in no other text."""
    return "".join(rng.choices(LETTERS, k=6))


def right_command(rng: random.Random, known: Known) -> Command:
    """A command that the mediator should take, mostly."""
    if not known.started and rng.random() < 0.6:
        return headed(Start(), known)
    draw = rng.choice(_USUAL if rng.random() < 0.9 else _SELDOM)
    return headed(draw(rng, known), known)


def question(rng: random.Random, known: Known) -> Command:
    """A command that changes nothing."""
    return headed(rng.choice(_QUESTIONS)(rng, known), known)


def headed(command: Command, known: Known) -> Command:
    """The command with the number and the password that hold."""
    command.orm_number, command.password = known.orm_number, known.password
    return command


def _object(rng: random.Random, known: Known) -> int:
    if known.objects and rng.random() < 0.6:
        return rng.choice(sorted(known.objects))
    return rng.choice(OBJECTS)


def _ksl(rng: random.Random) -> Ksl:
    return Ksl(rng.choice((0, 0, 0, 1, 7)), rng.choice((1, 2, 3, 28)))


def _category(rng: random.Random) -> Category:
    return rng.choice((Category.STATISTICAL, Category.COMBINED, Category.SEPARATE))


def _add_object(rng: random.Random, known: Known) -> Command:
    number = rng.choice(known.numbers) if known.numbers and rng.random() < 0.8 else str(rng.randrange(10**5))
    category = _category(rng)
    group = None if category is Category.STATISTICAL else rng.choice(GROUPS)
    return AddObject(
        rng.choice(OBJECTS), ObjectType.OWN_SUBSCRIBER, NumberSign.OWN, number, None, category, group,
        rng.choice((Priority.NORMAL, Priority.HIGH)),
    )  # fmt: skip


def _remove_object(rng: random.Random, known: Known) -> Command:
    number = rng.choice(known.numbers) if known.numbers else "1"
    return RemoveObject(_object(rng, known), ObjectType.OWN_SUBSCRIBER, NumberSign.OWN, number)


def _add_ksl(rng: random.Random, known: Known) -> Command:
    kind = rng.choice((GroupType.COMBINED, GroupType.SEPARATE))
    a = _ksl(rng)
    return AddKsl(rng.choice(GROUPS), kind, a, a if kind is GroupType.COMBINED else _ksl(rng))


def _get_objects(rng: random.Random, known: Known) -> Command:
    return GetObjects(_object(rng, known)) if rng.random() < 0.5 else GetObjects()


def _call(rng: random.Random, known: Known) -> int:
    return rng.choice(sorted(known.calls)) if known.calls else rng.randrange(0xFFFF)


Draw = Callable[[random.Random, Known], Command]
_USUAL: Final[Sequence[Draw]] = (
    _add_object,
    _remove_object,
    _add_ksl,
    _get_objects,
    lambda rng, known: RemoveKsl(rng.choice(GROUPS), _ksl(rng), _ksl(rng)),
    lambda rng, known: GetKsl(),
    lambda rng, known: GetServices(NumberSign.OWN, rng.choice(known.numbers) if known.numbers else "1"),
    lambda rng, known: GetTrunks(rng.choice((None, 2, 77))),
    lambda rng, known: GetVersion(),
    lambda rng, known: Interrupt(),
    lambda rng, known: Test(rng.randrange(256)),
    lambda rng, known: ChangeObject(_object(rng, known), _category(rng), rng.choice(GROUPS), Priority.NORMAL),
    lambda rng, known: ConnectKsl(
        _call(rng, known), ObjectType.OWN_SUBSCRIBER, _object(rng, known), rng.choice(GROUPS)
    ),
    lambda rng, known: ReleaseKsl(
        _call(rng, known), ObjectType.OWN_SUBSCRIBER, _object(rng, known), _ksl(rng), _ksl(rng)
    ),
    lambda rng, known: Start(),
)
_QUESTIONS: Final[Sequence[Draw]] = (
    lambda rng, known: GetObjects(),
    lambda rng, known: GetObjects(),
    lambda rng, known: GetKsl(),
    lambda rng, known: GetTrunks(rng.choice((None, 2, 77))),
    lambda rng, known: GetVersion(),
    lambda rng, known: Test(rng.randrange(256)),
)
_SELDOM: Final[Sequence[Draw]] = (
    lambda rng, known: Stop(),
    lambda rng, known: SetPassword("".join(rng.choices("0123456789", k=6))),
)

# --- units that are wrong: each is made of a right one ---------------------------------------------------------------


def with_password(unit: bytes, password: str) -> bytes:
    """The unit with this password in its header."""
    return unit[:PASSWORD_AT] + password.encode("ascii") + unit[HEADER:]


def wrong_field(rng: random.Random, unit: bytes) -> bytes:
    """One octet behind the header is another one; of a unit without fields its ORM number."""
    at = rng.randrange(HEADER, len(unit)) if len(unit) > HEADER else 1
    return unit[:at] + bytes([rng.randrange(256)]) + unit[at + 1 :]


def wrong_length(rng: random.Random, unit: bytes) -> bytes:
    """The length octet says something else than what there is."""
    return unit[:3] + bytes([rng.choice((0, 1, len(unit) - HEADER + 1, 0x7F, 0xFF))]) + unit[4:]


def unknown_code(rng: random.Random, unit: bytes) -> bytes:
    """A code that no order has, with a length of its own."""
    code = rng.choice(sorted(set(range(256)) - {one.code for one in COMMANDS}))
    payload = rng.randbytes(rng.choice((0, 1, 40, 255, 255)))
    return bytes([PREAMBLE, unit[1], code, len(payload)]) + unit[PASSWORD_AT:HEADER] + payload


def random_unit(rng: random.Random, known: Known) -> bytes:
    """A header of a known code with random fields of the length it says."""
    payload = rng.randbytes(rng.choice((rng.randrange(60), rng.randrange(60), 255)))
    code = rng.choice(COMMANDS).code
    return bytes([PREAMBLE, known.orm_number, code, len(payload)]) + known.password.encode() + payload


def encoded(codec: Codec, command: Message) -> bytes:
    """The octets of a command of this module."""
    return codec.encode(command)
