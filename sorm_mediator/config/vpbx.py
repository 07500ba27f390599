"""``[switch.domains.vpbx]``: a tenant of the Sipteco virtual PBX, table by table as in the tenant's database.

The columns of a table are the keys of its model, with the defaults of the database. An import reads them from here too
(:mod:`sorm_mediator.vpbx.schema`), so a column is declared once.

Source: Sipteco platform manual, 3 (tables), 4.5.1 dial_numbers, 4.5.2 sip_trunks, 4.5.3 directions, 4.6 options.
The manual names the other tables without their columns, which are our choice (docs/vpbx.md).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, field_validator

from sorm_mediator.config.base import Section

INNER_NETWORK: Final = ipaddress.ip_network("10.0.0.0/24")
"""The inner addresses of tenants (Sipteco platform manual, 1)."""


def free_address(taken: Collection[str]) -> str:
    """The first inner address that no tenant has; "" for none. The first host is that of the platform (our choice)."""
    hosts = (str(one) for one in list(INNER_NETWORK.hosts())[1:])
    return next((one for one in hosts if one not in taken), "")


Direction = Literal["regional", "spb", "international", "emergency", "other"]
RouteKind = Literal["user", "queue", "callgroup", "ivr"]
Id = Annotated[int, Field(ge=1)]
Dialled = Annotated[str, Field(pattern=r"^[0-9]{0,18}$")]
Short = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]


class DialNumberRow(Section):
    """``dial_numbers``: a number that the tenant has."""

    id: Id
    """Its id, which directions, trunks and users name."""
    number: Annotated[str, Field(min_length=1, pattern=r"^\+?[0-9() -]*[0-9][0-9() -]*$")]
    """The number as it is shown; the recommended form is +7(DEF)XXXXXXX."""
    comment: str = ""
    """For people."""

    @property
    def digits(self) -> str:
        """The number as digits: +7(495)2216005 is 74952216005."""
        return "".join(one for one in self.number if one.isdigit())


class SipTrunkRow(Section):
    """``sip_trunks``: a trunk to an operator."""

    id: Annotated[int, Field(ge=1, le=0xFFFE)]
    """Its id, which directions name; the trunk's number in commands 5 and 16."""
    name: Annotated[str, Field(min_length=1)] = "sip"
    """Its name in the console of Asterisk; the recommended form is sip74952216005."""
    enabled: bool = True
    """Whether it carries calls."""
    dial_number_id: int | None = None
    """The number that it belongs to: dial_numbers.id."""
    dial_rg_prefix: Dialled = "8"
    """Put in front of calls within Russia."""
    dial_mn_prefix: Dialled = "810"
    """Put in front of international calls."""
    dial_em_prefix: Dialled = "0"
    """Put in front of calls to emergency services."""
    dialplan_rg_substruct: Annotated[int, Field(ge=0, le=18)] = 1
    """Leading digits that a call within Russia loses before ``dial_rg_prefix`` is put in front."""
    username: str = ""
    """SIP login."""
    type: Literal["peer", "friend", "user"] = "peer"
    """Kind of SIP peer."""
    secret: SecretStr = SecretStr("")
    """SIP password."""
    host: str = ""
    """SIP server."""
    nat: bool = True
    """SIP setting; kept and shown."""
    insecure: str = "invite,port"
    """SIP setting; kept and shown."""
    canreinvite: bool = False
    """SIP setting; kept and shown."""
    fromuser: str = ""
    """User of the From header."""
    fromdomain: str = ""
    """Domain of the From header."""
    disallow: str = "all"
    """Codecs that are forbidden; the manual spells the column dissalow too."""
    allow: str = "alaw,ulaw"
    """Codecs that are allowed."""
    tcpenable: bool = False
    """SIP over TCP."""
    calllimit: Annotated[int, Field(ge=1)] = 1000
    """Calls at the same time."""
    qualify: bool = True
    """Whether the PBX watches the state of the channel."""
    sip_registration: bool = False
    """Whether the trunk registers at the operator."""
    sip_reg_user: str = ""
    """User name of the registration."""
    sip_reg_domain: str = ""
    """Domain of the registration."""
    sip_reg_secret: SecretStr = SecretStr("")
    """Password of the registration."""
    sip_reg_authuser: str = ""
    """User name for authentication."""
    sip_reg_host: str = ""
    """Server of the registration."""
    sip_reg_port: Annotated[int, Field(ge=1, le=65535)] = 5060
    """Port of that server."""
    extension: Dialled = ""
    """The number that the operator sends on incoming calls."""

    @property
    def trunk_name(self) -> str:
        """Its name in the switch and in 2Ah, where spaces and other alphabets have no place."""
        return "".join(one if "\x21" <= one <= "\x7e" else "_" for one in self.name)


class DirectionRow(Section):
    """``directions``: what a number may call, and by which trunk."""

    id: Id
    """Its id."""
    direction: Direction
    """Kind of destination. ``other`` needs ``pattern``; the other four have patterns of their own."""
    pattern: str = ""
    """Dialled digits of ``other``: ``_`` in front, ``X`` a digit, ``[1234579]`` one of these, ``.`` any number of
    characters."""
    substruct4other: Annotated[int, Field(ge=0, le=18)] = 0
    """Leading digits that a call of ``other`` loses."""
    sip_trunk_id: int | None = None
    """The trunk: sip_trunks.id."""
    dial_number_id: int | None = None
    """The number that may call there: dial_numbers.id."""
    priority: int = 1
    """Kept by the platform for later use; it has no effect."""


class OptionsRow(Section):
    """``options``: additional services of the tenant; kept and shown."""

    language: str = "ru"
    """Language of its web pages."""
    record_enabled: bool = False
    """Recording of conversations."""
    allow_rec_download: bool = False
    """Recordings may be downloaded."""
    analytics_enabled: bool = False
    """Analytics."""
    disa_enabled: bool = False
    """DISA; each user needs ``disa_enabled`` too."""


class PhonebookRow(Section):
    """``phonebook``: an entry; kept and shown."""

    id: Id
    """Its id."""
    name: str = ""
    """Whose number it is."""
    number: str = ""
    """The number."""


class UserRow(Section):
    """``users``: an employee with a telephone."""

    id: Id
    """Its id."""
    number: Short
    """The short number."""
    name: str = ""
    """For people."""
    login: str = ""
    """SIP login."""
    password: SecretStr = SecretStr("")
    """Hash of the password."""
    dial_number_id: int | None = None
    """"Outgoing through": dial_numbers.id; without it the user calls within the tenant alone."""
    callgroup_id: int | None = None
    """Pick-up group: callgroups.id."""
    disa_enabled: bool = False
    """DISA, where the tenant's options have it."""
    registrations: Annotated[tuple[str, ...], Field()] = ("lab",)
    """Addresses that the account is registered at, the last one last: calls go out from all, and come in to the last
    one. Empty: not registered, and so without service."""

    @field_validator("registrations", mode="before")
    @classmethod
    def _of_a_dump(cls, given: object) -> object:
        """A dump has them in one text, with commas."""
        if isinstance(given, str):
            return tuple(one for one in map(str.strip, given.split(",")) if one)
        return given


class GroupRow(Section):
    """``queues``, ``callgroups`` and ``ivr``: a name."""

    id: Id
    """Its id."""
    name: Annotated[str, Field(min_length=1)]
    """Its name, as incoming routes give it."""


class QueueMemberRow(Section):
    """``queue_members``: an employee in a queue."""

    queue_id: Id
    """The queue: queues.id."""
    user_id: Id
    """The employee: users.id."""


class IvrItemRow(Section):
    """``ivr_dtmf``: an item of a voice menu."""

    ivr_id: Id
    """The menu: ivr.id."""
    digit: Annotated[str, Field(pattern=r"^[0-9*#]$")]
    """The digit of the item."""
    user_id: Id
    """The employee that it leads to: users.id."""


class IncomingRouteRow(Section):
    """``incoming_routes``: where calls to a number go. Our table; the manual has it in the web pages alone."""

    dial_number_id: int
    """The number: dial_numbers.id."""
    kind: RouteKind = "user"
    """What the call goes to. A queue, a pick-up group and a voice menu ring their first member that is free."""
    target: Annotated[str, Field(min_length=1)]
    """The short number of a user, or the name of a queue, group or menu."""


class VpbxSormConfig(Section):
    """``[switch.domains.vpbx.sorm]``: the numbers shown to SORM (our choice; the manual says nothing of SORM)."""

    user: Literal["short", "dial-number"] = "short"
    """An own user: the short number, or the number of "outgoing through" as 7 and ten digits. Either may be put under
    control."""
    national: Literal["full", "trunk"] = "full"
    """A number within Russia: 7 and ten digits, or the digits as on the trunk."""
    international: Literal["bare", "trunk"] = "bare"
    """A number abroad: without ``dial_mn_prefix``, or the digits as on the trunk."""
    emergency: Literal["bare", "trunk"] = "bare"
    """An emergency service: without ``dial_em_prefix``, or the digits as on the trunk."""
    other: Literal["", "private", "local", "zone", "intercity"] = "local"
    """The number indicator of calls of the direction ``other``; "": unknown."""


class VpbxConfig(Section):
    """``[switch.domains.vpbx]``: the data of a tenant, with ``switch.profile = "sipteco"``."""

    address: str = ""
    """Inner address, of 10.0.0.0/24; empty: none is told."""
    running: bool = True
    """Whether its virtual machine runs. A stopped tenant takes no calls."""
    area_code: Annotated[str, Field(pattern=r"^[0-9]{3,5}$")] = "812"
    """Area code of the direction ``spb`` and of the local network; our choice of the built-in pattern."""
    sorm: VpbxSormConfig = VpbxSormConfig()
    """What SORM is shown."""
    options: OptionsRow = OptionsRow()
    """Additional services."""
    dial_numbers: tuple[DialNumberRow, ...] = ()
    """Numbers."""
    sip_trunks: tuple[SipTrunkRow, ...] = ()
    """Trunks; each is a trunk of the domain."""
    directions: tuple[DirectionRow, ...] = ()
    """Directions, tried in this order."""
    users: tuple[UserRow, ...] = ()
    """Employees; each is a subscriber of the domain."""
    queues: tuple[GroupRow, ...] = ()
    """Queues."""
    queue_members: tuple[QueueMemberRow, ...] = ()
    """Employees of queues."""
    callgroups: tuple[GroupRow, ...] = ()
    """Pick-up groups."""
    ivr: tuple[GroupRow, ...] = ()
    """Voice menus."""
    ivr_dtmf: tuple[IvrItemRow, ...] = ()
    """Items of voice menus."""
    incoming_routes: tuple[IncomingRouteRow, ...] = ()
    """Where incoming calls go."""
    phonebook: tuple[PhonebookRow, ...] = ()
    """Phone book."""

    @field_validator("address")
    @classmethod
    def _is_an_inner_address(cls, address: str) -> str:
        try:
            inner = not address or ipaddress.ip_address(address) in INNER_NETWORK
        except ValueError:
            inner = False
        if not inner:
            raise ValueError(f"{address!r} is no inner address: one of {INNER_NETWORK}, such as 10.0.0.5")
        return address
