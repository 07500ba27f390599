"""``[acceptance]``: the formats agreed for the console, and the calls that check them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sorm_mediator.config.base import Section
from sorm_mediator.config.lines import quoted

Direction = Literal["outgoing", "incoming"]
DIRECTIONS: tuple[Direction, ...] = ("outgoing", "incoming")
Digits = Annotated[str, Field(pattern=r"^[0-9]{0,18}$")]
# Keys of several tables, with their meaning.
TestNumber = Annotated[Digits, Field(description="The test number, without the prefix.")]
Length = Annotated[int, Field(ge=0, le=18, description="Digits of the number with its prefix; 0: any.")]
Prefix = Annotated[str, Field(pattern=r"^[0-9]{0,4}$")]
NationalPrefix = Annotated[Prefix, Field(description="The agreed prefix: 7, 8 or none.")]
Dial = Annotated[Digits, Field(description="Digits that the own subscriber dials to reach the test number.")]
Calling = Annotated[Digits, Field(description="The calling number of calls that come in by a trunk.")]
Sign = Literal[
    "", "own", "russia", "foreign", "emergency", "private", "local", "zone", "intercity", "international"
]


class OperatorConfig(Section):
    """Settings for this kind of subscriber with one operator; the key is the trunk's name."""

    number: Digits = ""
    """The operator's test number, without the prefix; empty: that of the kind."""
    dial: Digits = ""
    """Digits that the own subscriber dials to reach the number by this operator; empty: as for the kind."""
    calling: Digits = ""
    """The calling number of calls that come in by this trunk; empty: as for the kind."""
    directions: tuple[Direction, ...] | None = None
    """The directions agreed with this operator; left out: those of the kind. An empty list: none."""


class FormatConfig(Section):
    """The format agreed for one kind of subscriber: under control, and in the events."""

    number: TestNumber = ""
    digits: Length = 0
    prefix: Prefix = ""
    """The agreed prefix: 7, 8 or none; of international numbers 710, 810, 10 or none."""
    number_sign: Sign = ""
    """The agreed sign; empty: that of the kind by the order."""

    @model_validator(mode="after")
    def _has_its_digits(self) -> Self:
        self._check_number("number", self.number)
        return self

    def _check_number(self, key: str, number: str) -> None:
        """Raise :class:`ValueError` for a test number that contradicts the agreed length."""
        length = len(self.prefix) + len(number)
        if number and self.digits and length != self.digits:
            raise ValueError(
                f"{key}: {number} with the prefix {self.prefix or '(none)'} has {length} digits, "
                f"and {self.digits} are agreed (digits): change one of the three"
            )


class OwnDomainConfig(Section):
    """The tested subscriber of one domain and its partner, for a node of several domains; the key is the domain's
    name. What is left out here is taken from ``[acceptance.formats.own]``, if it is about this domain."""

    subscriber: Digits = ""
    """The tested subscriber; empty: the first subscriber of the domain that can be called."""
    number: Digits = ""
    """The subscriber's agreed number without the prefix; empty: its own number."""
    partner: Digits = ""
    """The partner in calls within the node; empty: the next subscriber that can be called."""
    dial: Digits = ""
    """Digits dialled to call the partner; empty: its number."""
    called: Digits = ""
    """Digits that callers from outside dial to reach the subscriber; empty: its number or a full number of
    it."""


class OwnFormatConfig(OwnDomainConfig, FormatConfig):
    """Subscribers of the node. Type and sign "subscriber of this node", prefix 7, 8 or none
    (ECSS-10 manual, Number format check). In a node of several domains ``number``, ``dial`` and ``called`` are about
    the domain of ``subscriber`` and ``partner``, or about the first one."""

    dialled: Literal["as-dialled", "agreed"] = "as-dialled"
    """The called number in 41h of an own subscriber who calls: unmodified (ECSS-10 manual, Number format
    check), or in the format of its kind."""
    outside: Literal["own", "full"] = "own"
    """Form of the subscriber in calls that leave the node: its own number, or its full number of a numbering
    plan as a subscriber of the network (ECSS-10 manual, MultiSORM)."""
    full_sign: Sign = ""
    """With ``outside = "full"``: the sign of the full number; empty: that of an intercity number."""
    domains: dict[str, OwnDomainConfig] = Field(default={})
    """Settings by domain: domain name -> settings."""

    @model_validator(mode="after")
    def _domains_have_their_digits(self) -> Self:
        for name, domain in self.domains.items():
            self._check_number(f"domains.{quoted(name)}.number", domain.number)
        return self


class NetworkFormatConfig(FormatConfig):
    """Subscribers of the network: type "subscriber of the network, full number"."""

    dial: Dial = ""
    calling: Calling = ""
    directions: tuple[Direction, ...] = DIRECTIONS
    """Directions that this kind of subscriber has."""
    prefix_by_a: Prefix | None = None
    """The prefix of the called number when the calling number is under control, if another is agreed (the
    mediator's adaptation ``prefix_8_to_cdpn`` and similar); left out: ``prefix``."""
    operators: dict[str, OperatorConfig] = Field(default={})
    """Settings by operator: trunk name (NAME@DOMAIN where two domains have the name) -> settings."""

    @model_validator(mode="after")
    def _operators_have_their_digits(self) -> Self:
        for name, operator in self.operators.items():
            self._check_number(f"operators.{quoted(name)}.number", operator.number)
        return self


class LocalFormatConfig(NetworkFormatConfig):
    """Subscribers of the local network. Sign local, prefix 7, 8 or none (ECSS-10 manual, Number format check)."""

    number: TestNumber = "3832234567"
    digits: Length = 11
    prefix: NationalPrefix = "7"
    dial: Dial = "2234567"
    calling: Calling = "2234567"


class IntercityFormatConfig(NetworkFormatConfig):
    """Intercity subscribers. Sign intercity, prefix 7 or 8 (ECSS-10 manual, Number format check)."""

    number: TestNumber = "9001758964"
    digits: Length = 11
    prefix: NationalPrefix = "7"
    dial: Dial = "89001758964"
    calling: Calling = "9001758964"


class InternationalFormatConfig(NetworkFormatConfig):
    """International subscribers. Sign international, prefix 710, 810 or 10 (ECSS-10 manual, Number format
    check); none by order 268, 6.5.5.4."""

    number: TestNumber = "4930123456"
    dial: Dial = "8104930123456"
    calling: Calling = "8104930123456"


class EmergencyFormatConfig(NetworkFormatConfig):
    """Emergency services. Sign of emergency services; they are called and don't call (ECSS-10 manual, Number
    format check)."""

    number: Digits = "112"
    """The test number."""
    dial: Dial = "112"
    directions: tuple[Direction, ...] = ("outgoing",)
    """Directions that this kind of subscriber has."""


class FormatsConfig(Section):
    """``[acceptance.formats]``: one table for each of the five kinds of subscriber."""

    own: OwnFormatConfig = OwnFormatConfig()
    """Subscribers of the node."""
    local: LocalFormatConfig = LocalFormatConfig()
    """Subscribers of the local network."""
    intercity: IntercityFormatConfig = IntercityFormatConfig()
    """Intercity subscribers."""
    international: InternationalFormatConfig = InternationalFormatConfig()
    """International subscribers."""
    emergency: EmergencyFormatConfig = EmergencyFormatConfig()
    """Emergency services."""


class AcceptanceConfig(Section):
    """``[acceptance]``: the checks of ``sorm-mediator acceptance`` before a node is handed over."""

    domain: str = ""
    """The domain whose subscribers are tested; empty: each domain of the mediator that has subscribers."""
    formats: FormatsConfig = FormatsConfig()
    """The agreed formats (ECSS-10 manual, Number format check)."""
