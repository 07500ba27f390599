"""The agreed format of a number: as an object, and in events. Pure.

Source: ECSS-10 manual, Number format check: the five kinds of subscriber. Signs: order 268, 6.5.5.2; order 70.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from protocol.codes import NumberSign, ObjectType, Order
from sorm_mediator.config import ConfigError, NetworkFormatConfig, OwnFormatConfig
from sorm_mediator.config.acceptance import Direction, OperatorConfig
from sorm_mediator.language import Phrase
from sorm_mediator.mediator.core.numbers import LEGAL_SIGNS, SIGN_OF_NI

Kind = Literal["own", "local", "intercity", "international", "emergency"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of subscriber, in the order of the manual."""
NETWORK_KINDS: tuple[Kind, ...] = KINDS[1:]

NI_OF_KIND = {"own": "private", **{kind: kind for kind in NETWORK_KINDS}}
"""The switch's indicator of each kind."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """A number as agreed: its digits with the prefix, its sign, and the type of its object."""

    number: str
    sign: NumberSign
    object_type: ObjectType = ObjectType.NETWORK_FULL


def sign_of(kind: Kind, given: str, order: Order, object_type: ObjectType, key: str) -> NumberSign:
    """The agreed sign of a kind: the given sign, otherwise that of the order.

    Raises :class:`ConfigError` for a sign that the order does not allow for this type of object.
    """
    sign = NumberSign(given) if given else SIGN_OF_NI[order][NI_OF_KIND[kind]]
    allowed = LEGAL_SIGNS[order][object_type]
    if sign not in allowed:
        known = ", ".join(sorted(str(one) for one in allowed))
        raise ConfigError(
            f"{key}: {given!r} is no sign of {object_type} in order {order}; there are: {known}"
        )
    return sign


def agreed_own(config: OwnFormatConfig, subscriber: str, order: Order, *, given: bool) -> Agreed:
    """A subscriber of the node as agreed: by its own number, unless the table has a number for it
    (``given``)."""
    key = "acceptance.formats.own"
    sign = sign_of("own", config.number_sign, order, ObjectType.OWN_SUBSCRIBER, f"{key}.number_sign")
    number = config.agreed if given and config.number else subscriber
    return Agreed(number, sign, ObjectType.OWN_SUBSCRIBER)


def own_problem(config: OwnFormatConfig, agreed: Agreed) -> str:
    """The part of the agreed format that a subscriber's own number lacks; "" if it fits."""
    if config.digits and len(agreed.number) != config.digits:
        return Phrase(
            "{number} has {length} digits, and {digits} are agreed",
            number=agreed.number,
            length=len(agreed.number),
            digits=config.digits,
        )
    if not agreed.number.startswith(config.prefix):
        return Phrase(
            "{number} does not begin with the agreed prefix {prefix}",
            number=agreed.number,
            prefix=config.prefix,
        )
    return ""


def agreed_full(config: OwnFormatConfig, number: str, order: Order) -> Agreed:
    """A subscriber of the node in calls that leave the node: by its full number, as a subscriber of the
    network."""
    key = "acceptance.formats.own.full_sign"
    return Agreed(number, sign_of("intercity", config.full_sign, order, ObjectType.NETWORK_FULL, key))


def agreed_network(
    kind: Kind, config: NetworkFormatConfig, operator: OperatorConfig, order: Order, *, by_a: bool = False
) -> Agreed:
    """A subscriber of the network as agreed; ``by_a``: as the called side of a controlled A number."""
    key = f"acceptance.formats.{kind}.number_sign"
    sign = sign_of(kind, config.number_sign, order, ObjectType.NETWORK_FULL, key)
    prefix = config.prefix if config.prefix_by_a is None or not by_a else config.prefix_by_a
    return Agreed(prefix + (operator.number or config.number), sign)


def directions_of(config: NetworkFormatConfig, operator: OperatorConfig) -> tuple[Direction, ...]:
    """The agreed directions of a kind with an operator."""
    return config.directions if operator.directions is None else operator.directions
