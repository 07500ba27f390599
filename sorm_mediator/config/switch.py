"""``[switch]``: the emulated switch: ECSS-10, or the Sipteco virtual PBX."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, SecretStr, field_validator, model_validator

from sorm_mediator.addresses import MOST_PORT
from sorm_mediator.config.base import Host, Port, Section, SeveralMistakes
from sorm_mediator.config.stations import (
    LicenceNetworkConfig,
    LicencePoolConfig,
    LicenceServerConfig,
    RegistrationConfig,
    StationType,
    TrunkKind,
    UserLicence,
)
from sorm_mediator.config.vpbx import VpbxConfig
from sorm_mediator.texts import as_list, shown
from ssh_control.multisorm.patterns import DomainList


class AdminConfig(Section):
    """The user of the switch's shell."""

    user: str = "admin"
    """User name."""
    password: SecretStr = SecretStr("password")
    """Password."""
    password_login: bool = True
    """Whether the password admits; false: keys alone."""
    profile: Literal["expert", "basic"] = "expert"
    """expert: may change the address of the licence server; basic: may not."""
    authorized_keys: tuple[str, ...] = ()
    """Public keys that admit the user: lines of OpenSSH ("ssh-ed25519 AAAA... name"), or files that hold such
    lines; in a file, blank lines and those that begin with # are passed over."""


class DomainAdminConfig(Section):
    """``[[switch.admins]]``: a user of the shell who may set up some domains alone: the rights
    ``ecss-DOMAIN-domain-admin`` (ECSS-10 manual, Internal protocol)."""

    user: Annotated[str, Field(min_length=1, pattern=r"^[\x21-\x7e]+$")]
    """User name."""
    password: Annotated[SecretStr, Field(min_length=1)]
    """Password."""
    domains: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the domains; they may be declared later."""


class AggregateConfig(Section):
    """``[[switch.aggregates]]``: a MultiSORM user and the domains it stands for."""

    user: str
    """User name for port ssh_port + 1."""
    password: SecretStr
    """Password."""
    domains: tuple[str, ...]
    """Domains, patterns with one "*", and exceptions after a "-": ["*", "-test"] is every domain except
    test."""

    @field_validator("domains")
    @classmethod
    def _is_a_list_of_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        DomainList.parse(domains)
        return domains


class RadiusServerConfig(Section):
    """The sink of one mediator."""

    host: Host = "127.0.0.1"
    """Address of the mediator."""
    port: Port = 1813
    """UDP port of its sink."""
    secret: SecretStr = SecretStr("2testing123")
    """The shared secret."""


Forwarding = Annotated[str, Field(pattern=r"^[0-9*#]{0,18}$")]


class ServicesConfig(Section):
    """The supplementary services of one subscriber."""

    cfu: Forwarding = ""
    """Call forwarding unconditional: the target number."""
    cfb: Forwarding = ""
    """Call forwarding on busy."""
    cfnr: Forwarding = ""
    """Call forwarding on no reply."""
    cfnrc: Forwarding = ""
    """Call forwarding when not reachable."""
    hold: bool = False
    """May hold a call."""
    three_party: bool = Field(default=False, alias="3pty")
    """May join two calls into a three-party one."""
    transfer: bool = False
    """May transfer a call."""
    pickup: bool = False
    """May pick up calls of its group."""
    waiting: bool = False
    """May receive a second call while talking (call waiting)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SubscriberConfig(Section):
    """A subscriber of a domain."""

    number: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
    """The number, 1..18 digits."""
    services: ServicesConfig = ServicesConfig()
    """Supplementary services."""
    context: str = ""
    """The routing context of this interface; empty: the domain's default."""
    group: str = ""
    """Pick-up group: members may pick up each other's calls."""
    iface: str = ""
    """The interface of the subscriber; empty: NUMBER@DOMAIN."""
    line_state: Literal["good", "faulty", "blocked", "restricted"] = "good"
    """State of the subscriber line, as in 23h."""
    terminal: Literal["smart", "basic"] = "smart"
    """smart: the set makes its further calls itself, each with a unit of the licence; basic: the switch makes
    them within one unit."""
    station: StationType | Literal[""] = ""
    """Type of the station licence that the subscriber demands, where there is ``[switch.licence_pool]``; empty: none,
    and then it makes and takes no calls."""
    licences: tuple[UserLicence, ...] = ()
    """User licences that the subscriber demands; each needs a station licence, fax and conference also uc-suite or
    groupware."""

    @model_validator(mode="after")
    def _has_a_station_for_its_licences(self) -> Self:
        if self.licences and not self.station:
            raise ValueError("licences: a subscriber with user licences needs a station licence: set station")
        if {"fax", "conference"} & {*self.licences} and not {"uc-suite", "groupware"} & {*self.licences}:
            raise ValueError("licences: fax and conference need uc-suite or groupware: add one of them")
        return self

    active: bool = True
    """Whether it has service, and counts for the licence. An inactive subscriber makes and takes no calls, and is
    refused as an object (54h), until the shell activates it."""
    virtual: bool = False
    """It has no terminal: it makes no calls, and calls to it only go on by cfu or cfnrc. It counts for the licence's
    virtual subscribers."""


MOST_NAME = 172
"""Octets of a trunk's name: four 2Ah; our choice."""


class TrunkConfig(Section):
    """A trunk group of a domain."""

    number: Annotated[int, Field(ge=0, le=0xFFFE)]
    """The trunk's number, as in commands 5 and 16."""
    name: Annotated[str, Field(max_length=MOST_NAME, pattern=r"^[\x21-\x7e]+$")]
    """The trunk's name, as in routing directions and 2Ah; over 43 octets it takes several 2Ah (order 268,
    9.10.5)."""
    context: str = ""
    """The routing context for calls that come in by this trunk; empty: the domain's default."""
    np: str = "default"
    """The numbering plan of its numbers; "default" is the plan of the subscribers' own numbers."""
    direction: Literal["both", "incoming", "outgoing"] = "both"
    """Directions of the calls that it carries."""
    capacity: Literal["unbounded"] | Annotated[int, Field(ge=1)] = "unbounded"
    """Calls at the same time."""
    peer: str = ""
    """Address of its far end, for people; the emulator sends no SIP."""
    kind: TrunkKind | Literal[""] = ""
    """Kind of trunk licence that it needs, where there is ``[switch.licence_pool]``. s2m: its B channels; itsp: its
    simultaneous calls through one provider; empty: it needs none."""
    licensed_channels: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Calls at the same time that it has trunk licences for; the trunks of a kind have no more than the pool."""


class NumberBinding(Section):
    """The target of a number of a numbering plan: a subscriber, a bridge, or nothing yet."""

    alias: str = ""
    """The subscriber's own number."""
    group: str = ""
    """The subscriber's group, for people."""
    iface: str = ""
    """The subscriber's interface, for people."""
    master: bool = False
    """The subscriber's number in this plan, when several numbers lead to the subscriber."""
    bridge: str = ""
    """The bridge for calls to this number."""

    @model_validator(mode="after")
    def _leads_to_one_thing(self) -> Self:
        if self.alias and self.bridge:
            raise ValueError(f"bridge: a number leads to an alias ({self.alias}) or to a bridge, not to both")
        return self


class DomainConfig(Section):
    """``[[switch.domains]]``: a virtual exchange."""

    name: str
    """Name of the domain, also the user name of its mediators. No spaces, "/" and "*", and no "-" in front."""
    enabled: bool = True
    """SORM is enabled in this domain."""
    password: SecretStr = SecretStr("")
    """Password of its mediators over SSH."""
    sorm_user: str = ""
    """User name of its mediators in place of the domain's name, as in a switch before 3.4.2 (ECSS-10 manual, SORM
    parameters of a domain); empty: the domain's name."""
    radius_servers: tuple[RadiusServerConfig, ...] | None = None
    """The mediators' sinks; left out in a lab: the lab's own mediator."""
    contexts: tuple[str, ...] = ()
    """Routing contexts: XML files, relative to this file."""
    default_context: str = ""
    """The context that calls start in; "" = own numbers only."""
    numbering_plans: dict[str, dict[str, NumberBinding]] = Field(default={})
    """Plan name -> number, or range such as 738327{0-1}000{0-1} -> alias or bridge."""
    b_digits_mode: Literal["user", "route"] = "user"
    """Called number in 41h of an object controlled by its A number: as an own subscriber dialled it, or the
    SORM number. A call that comes in by a trunk shows the SORM number with either value."""
    b_number_format: Literal["routed", "terminal", "transit", "terminal-transit"] = "routed"
    """The number of B in messages, where no rule has set its SORM number. In a file with ``mediator.profile =
    "order"`` the default is ``mediator.station_type``. routed: the routed number. The other values are types
    of the node: B and A by order 268, 10.3.2.2 and 10.3.2.3; B with the exit prefixes of outgoing calls
    (terminal: as dialled; terminal-transit: with area code or country code), or without them (transit)."""
    area_code: Annotated[str, Field(pattern=r"^[0-9]{0,9}$")] = ""
    """Area code, put in front of numbers without it to make ten digits (b_number_format)."""
    intercity_prefix: Annotated[str, Field(pattern=r"^[0-9]{0,4}$")] = "8"
    """Exit prefix of national numbers (b_number_format)."""
    international_prefix: Annotated[str, Field(pattern=r"^[0-9]{0,6}$")] = "810"
    """Exit prefix of international numbers (b_number_format)."""
    full_dial_number: bool = False
    """With ``b_digits_mode = "user"``: 41h shows the SORM number where it is longer than the dialled one, so
    that 41h always has the full number (our reading of its name)."""
    private_phone_prefix: Annotated[str, Field(pattern=r"^[0-9]{0,10}$")] = ""
    """Digits put in front of numbers with the indicator private before they reach SORM (our reading of its
    name)."""
    strict_private_numbers: bool = False
    """A number with the indicator private is shown, and put under control, as an own subscriber only if the domain has
    such a subscriber; otherwise as a number of the local network (our reading of its name)."""
    strict_intercity_numbers: bool = False
    """A network object with the sign intercity is touched only by numbers with the indicator intercity, not
    by those with the indicator unknown (our reading of its name)."""
    send_optional_cf_notification: bool = True
    """Forwardings are reported (44h) for objects of the calling party too; off: only for those of the
    forwarding party and of its target (our reading of its name)."""
    adaptation: str = ""
    """A routing context that rewrites the numbers for SORM after routing: its ``sorm_digits`` and ``sorm_ni``
    prevail."""
    platform_id: Annotated[str, Field(max_length=32, pattern=r"^[\x21-\x7e]*$")] = ""
    """The platform's name in the call ids of call reports; empty: no name (our reading of its name)."""
    cdr: tuple[Literal["basic", "sorm3"], ...] = ()
    """Call detail records that the domain writes, where the licence names the mode (docs/cdr.md)."""
    ip_set: tuple[str, ...] = ()
    """SIP network sets, kept and shown for people; the emulator sends no SIP."""
    subscribers: tuple[SubscriberConfig, ...] = ()
    """Its subscribers."""
    trunks: tuple[TrunkConfig, ...] = ()
    """Its trunk groups."""
    vpbx: VpbxConfig | None = None
    """The data of a tenant, with ``switch.profile = "sipteco"``. Its users and SIP trunks are subscribers and trunks of
    the domain; ``subscribers`` may then give further settings of a user, such as its line's state."""

    @model_validator(mode="after")
    def _a_tenant_has_its_users_and_trunks(self) -> Self:
        if self.vpbx is None:
            return self
        users = {one.number: one for one in self.vpbx.users}
        trunks = {one.trunk_name: one for one in self.vpbx.sip_trunks}
        for index, subscriber in enumerate(self.subscribers):
            if subscriber.number not in users:
                raise ValueError(
                    f"subscribers.{index}.number: {subscriber.number} is no user of the tenant {self.name}; "
                    f"there are: {as_list(users)}; declare it in vpbx.users"
                )
        for index, trunk in enumerate(self.trunks):
            if trunk.name not in trunks or trunk.number != trunks[trunk.name].id:
                raise ValueError(
                    f"trunks.{index}.name: {trunk.name} is no SIP trunk {trunk.number} of the tenant {self.name}; "
                    f"there are: {as_list(trunks)}; declare it in vpbx.sip_trunks"
                )
        for key in ("contexts", "default_context", "numbering_plans", "adaptation"):
            if getattr(self, key):
                raise ValueError(f"{key}: a tenant has directions in place of it; take it out")
        given = {one.number for one in self.subscribers}, {one.name for one in self.trunks}
        made, lines = self._of_the_tenant()
        # A frozen model is completed here, once; model_fields_set still has what the file gave alone.
        object.__setattr__(
            self, "subscribers", (*self.subscribers, *(one for one in made if one.number not in given[0]))
        )
        object.__setattr__(
            self, "trunks", (*self.trunks, *(one for one in lines if one.name not in given[1]))
        )
        return self

    def _of_the_tenant(self) -> tuple[list[SubscriberConfig], list[TrunkConfig]]:
        """Subscribers and trunks as the tables of the tenant alone make them."""
        if self.vpbx is None:
            return [], []
        groups = {one.id: one.name for one in self.vpbx.callgroups}
        subscribers = [
            SubscriberConfig(number=one.number, group=groups.get(one.callgroup_id or 0, ""))
            for one in self.vpbx.users
        ]
        trunks = [
            TrunkConfig(number=one.id, name=one.trunk_name, capacity=one.calllimit, peer=one.host)
            for one in self.vpbx.sip_trunks
        ]
        return subscribers, trunks

    def to_be_written(self, name: str) -> Any:
        """The value of a key for a lab file: without subscribers and trunks that the tables of a tenant make."""
        value = getattr(self, name)
        if name not in ("subscribers", "trunks"):
            return value
        made: Sequence[Section] = self._of_the_tenant()[0 if name == "subscribers" else 1]
        return tuple(one for one in value if one not in made)

    @property
    def login(self) -> str:
        """The user name of its mediators."""
        return self.sorm_user or self.name

    @model_validator(mode="after")
    def _numbers_and_interfaces_are_unique(self) -> Self:
        numbers: set[str] = set()
        for index, subscriber in enumerate(self.subscribers):
            if subscriber.number in numbers:
                raise ValueError(
                    f"subscribers.{index}.number: {subscriber.number} is a subscriber of {self.name} already"
                )
            numbers.add(subscriber.number)
        taken: dict[int, str] = {}
        for index, trunk in enumerate(self.trunks):
            if trunk.name in taken.values():
                raise ValueError(f"trunks.{index}.name: {self.name} has an interface {trunk.name!r} already")
            if trunk.number in taken:
                raise ValueError(
                    f"trunks.{index}.number: {trunk.number} is the number of {taken[trunk.number]!r} already"
                )
            taken[trunk.number] = trunk.name
        return self

    @field_validator("name")
    @classmethod
    def _can_be_addressed(cls, name: str) -> str:
        # The name is a part of the shell's paths, of the lab's directory, and of a MultiSORM user's list.
        allowed = name.isprintable() and not set(name) & set(" /*") and not name.startswith("-")
        if not allowed or name in ("", ".", ".."):
            raise ValueError(
                f"{name!r} is not a name of a domain: printable characters without spaces, / and *, and no - in front"
            )
        return name


class BridgeSideConfig(Section):
    """One end of a bridge between domains."""

    domain: str
    """The domain."""
    np: str = "default"
    """The numbering plan of the numbers on the bridge."""
    iface: str = ""
    """Its interface in that domain, as routing rules name it; empty: bridge:NAME."""
    tg: str = ""
    """Its trunk group in that domain."""
    context: str = ""
    """The routing context for calls that come in over the bridge; empty: the domain's default."""

    def interface(self, bridge: str) -> str:
        """The interface of this end of ``bridge``, as routing rules of its domain name it."""
        return self.iface or f"bridge:{bridge}"


class BridgeConfig(Section):
    """``[[switch.bridges]]``: a way from one domain into another."""

    name: Annotated[str, Field(min_length=1, pattern=r"^\S+$")]
    """Unique name."""
    duplex: bool = True
    """Calls in both directions; off: only from side A to side B."""
    strict: bool = True
    """Numbers are checked against the plan of side B: the called one from A to B, the calling one from B to
    A."""
    capacity: Literal["unbounded"] | Annotated[int, Field(ge=1)] = "unbounded"
    """Calls at the same time."""
    a: BridgeSideConfig
    """Side A."""
    b: BridgeSideConfig
    """Side B."""


IssuedText = Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]


class IssuedConfig(Section):
    """``[switch.licence.issued]``: what ``show-licence`` and ``show-passport`` print of the origin of licence 1, and of
    the passport without a key (ECSS-10 manual, Licence limits, table 1). All values are our choice."""

    created: AwareDatetime = datetime(2026, 1, 1, tzinfo=UTC)
    """Creation date, and that of the encoding, such as 2026-01-01T00:00:00Z."""
    author: IssuedText = "sorm-mediator"
    """Author."""
    author_ip: tuple[IssuedText, ...] = ("127.0.0.1",)
    """Addresses of the author's system."""
    encoder_user: IssuedText = "sorm-mediator"
    """Login that it was encoded with."""
    encoder_host: IssuedText = "localhost"
    """System that it was encoded on."""
    encoder_ip: tuple[IssuedText, ...] = ("127.0.0.1",)
    """Addresses of that system."""


class LicenceConfig(Section):
    """``[switch.licence]``: licence number 1. Number 0 is the factory licence, which always exists."""

    installed: bool = True
    """Licence 1 exists; off: only the factory licence and those of ``[[switch.licences]]``."""
    sorm_enabled: bool = True
    """SORM is licensed."""
    sorm_channels: Annotated[int, Field(ge=0)] = 20
    """Mediator × domain connections."""
    concurrent_calls: Annotated[int, Field(ge=0)] = 2100
    """Calls at the same time (cp_limit); some services take more than one."""
    max_conversation_time: Annotated[int, Field(ge=1)] = 86_400
    """Seconds after which a conversation is released."""
    subscribers: Literal["infinity"] | Annotated[int, Field(ge=0)] = "infinity"
    """Subscribers of all domains together."""
    lpm_time: Annotated[str, Field(pattern=r"^[0-9]{1,6}[smhd]?$")] = "1d"
    """System alive time without LPM token, such as 1d, 12h, 90m, 30s; a number alone are minutes."""
    tokens: Annotated[int, Field(ge=0, le=16)] | None = None
    """USB keys (LPM tokens) of the switch, whichever licence is active; left out: as many as it has DS nodes. With
    fewer keys the switch takes no call after the alive time."""
    expires: date | Literal[""] = ""
    """Last day (UTC) on which it is valid, such as 2027-12-31; empty: no limit."""
    limits: dict[str, bool | int | str] = Field(default={})
    """Further rows of the licence by the keys of docs/licence.md, such as "addon.count" = 10. A row that is left
    out is shown as in the factory licence."""

    @field_validator("expires", mode="before")
    @classmethod
    def _is_a_day(cls, given: Any) -> Any:
        if given == "" or isinstance(given, date):
            return given
        try:
            return date.fromisoformat(given)
        except (TypeError, ValueError):
            raise ValueError(f"{shown(given)} is not a day such as 2027-12-31 (year, month, day)") from None

    description: str = "lab licence"
    """Its owner, for people."""
    ssw_id: Annotated[str, Field(min_length=1, max_length=64)] = "ECSS 000000"
    """The switch that it is for; the passport and the added licences must be for the same switch."""
    passport: str = ""
    """Key of the passport, as ``sorm-mediator licence passport`` prints it; empty: a passport for ``ssw_id``."""
    issued: IssuedConfig = IssuedConfig()
    """Who issued licence 1."""


class AddedLicenceConfig(Section):
    """``[[switch.licences]]``: a licence added by its key. The licence with the highest number that has not
    expired is in force."""

    number: Annotated[int, Field(ge=1)]
    """Its number; may be 1 where ``[switch.licence]`` is off."""
    key: str
    """The key, as ``sorm-mediator licence make`` prints it."""


MOST_SMART = 10**9
"""Limit of counts, and of seconds, of the smart licence: 31 years, so that its dates have years of four digits."""


class SmartLicenceConfig(Section):
    """``[switch.smart_licence]``: a licence of calls per second that a licence cloud grants, and that refuses calls."""

    enabled: bool = False
    """The switch keeps to a smart licence; off: nothing of this table takes effect. The evaluation begins when the
    switch first starts with it."""
    server: str = ""
    """URL of the licence cloud, such as http://127.0.0.1:8443 (``sorm-mediator licence cloud``); empty: a stand-in that
    the lab starts on loopback."""
    root: str = ""
    """File with the root certificate (PEM) that the cloud's answers are signed under; needed with ``server``."""
    token: Annotated[SecretStr, Field(max_length=256)] = SecretStr("")
    """Token of the customer's account, as the cloud prints it; empty: that of the lab's own stand-in."""
    register_at_start: bool = Field(default=True)
    """Register and authorise when the switch starts, and again when it is due; off: only on demand (shell, HTTP)."""
    count: Annotated[int, Field(ge=0, le=MOST_SMART)] = 10
    """Licences that are asked for; each is for 5 calls per second."""
    evaluation_days: Annotated[float, Field(ge=0, le=36_500)] = 90.0
    """Days of evaluation, from the first start; with ``state_file`` they never begin anew."""
    state_file: str = ""
    """File with the serial number, the evaluation, the registration and the authorisation, so that a restart goes on
    with them; it has a private key. Empty: kept in memory alone."""
    account: Annotated[str, Field(min_length=1, max_length=64)] = "CUSP TEST"
    """Virtual account of the lab's own stand-in."""
    purchased: Annotated[int, Field(ge=0, le=MOST_SMART)] = 30
    """Licences that this account has bought."""
    other_counts: tuple[Annotated[int, Field(ge=0, le=MOST_SMART)], ...] = ()
    """Counts that other proxies of this account are configured with; the cloud compares the sum of all with what was
    bought."""
    auth_expiry: Annotated[int, Field(ge=1, le=MOST_SMART)] = 7_775_673
    """Seconds that an authorisation of the lab's own stand-in lasts."""
    retry_interval: Annotated[int, Field(ge=1, le=MOST_SMART)] = 43_200
    """Seconds between two requests for authorisation, as the stand-in answers them; and after a failed request."""
    cps_mode: Literal["window", "instant"] = "window"
    """How calls per second are compared with the limit of 5 x count. window: the mean of the last snapshots, as since
    release 9.1.5; instant: the calls of the current second, as before it."""
    cps_window: Annotated[int, Field(ge=1, le=86_400)] = 300
    """Seconds of the window; a multiple of ``cps_snapshot``."""
    cps_snapshot: Annotated[int, Field(ge=1, le=86_400)] = 30
    """Seconds of one snapshot."""
    cps_first_window: Literal["zero", "mean"] = "zero"
    """Snapshots that are still missing in the first window. zero: they count as no calls; mean: the mean is of those
    that there are (our choice)."""
    cps_reject: Literal[500, 503] = 503
    """HTTP status of a call that is refused for too many calls per second."""
    failed_call_log: bool = False
    """Calls that are refused for too many calls per second are recorded; off: they are only counted."""
    log: str = ""
    """File of the log of registrations and authorisations, such as sml.log; empty: the shell alone shows it."""

    @model_validator(mode="after")
    def _window_is_of_snapshots(self) -> Self:
        if self.cps_window % self.cps_snapshot:
            raise ValueError(
                f"cps_window: {self.cps_window} s is no multiple of cps_snapshot, {self.cps_snapshot} s"
            )
        return self

    @model_validator(mode="after")
    def _cloud_outside_is_known(self) -> Self:
        if not self.server:
            return self
        if not self.server.startswith(("http://", "https://")):
            raise ValueError(f"server: {shown(self.server)} is no URL; write http://HOST:PORT")
        if not self.root:
            raise ValueError(
                "root: is required with server: the root certificate that sorm-mediator licence cloud --root writes"
            )
        if not self.token.get_secret_value():
            raise ValueError("token: is required with server: sorm-mediator licence cloud prints it")
        return self


class MediaConfig(Section):
    """``[switch.media]``: the speech that the switch sends to mediators on request."""

    host: str = "127.0.0.1"
    """IP address that the speech is sent from; from the loopback it reaches this machine only."""
    level: Annotated[float, Field(ge=-30, le=0)] = -13.0
    """Level in dBm0 of a party's tone."""

    @field_validator("host")
    @classmethod
    def _is_ip(cls, host: str) -> str:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(f"{host!r} is no IP address") from None
        return host


Group = Annotated[int, Field(ge=1, le=5)]


class ServiceGroupsConfig(Section):
    """``[switch.service_groups]``: the group of each service, as the SS list of a licence's package names it.

    The packages of a licence cover groups; which services are in a group is our choice."""

    hold: Group = 1
    """Hold and consultation call."""
    transfer: Group = 1
    """Call transfer."""
    cfu: Group = 2
    """Call forwarding unconditional."""
    cfb: Group = 2
    """Call forwarding on busy."""
    cfnr: Group = 2
    """Call forwarding on no reply."""
    waiting: Group = 2
    """Call waiting."""
    cfnrc: Group = 3
    """Call forwarding when not reachable."""
    pickup: Group = 3
    """Call pick-up."""
    three_party: Group = Field(default=4, alias="3pty")
    """Three-party call (add-on conference)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def of(self, service: str) -> int:
        """The group of a service by its name in calls."""
        group: int = getattr(self, "three_party" if service == "3pty" else service)
        return group


class SwitchConfig(Section):
    """``[switch]``: the emulated switch."""

    profile: Literal["ecss10", "sipteco"] = "ecss10"
    """Whose routing and whose data it has. ecss10: domains with XML contexts and numbering plans. sipteco:
    tenants of the Sipteco virtual PBX with dial rules (``vpbx`` of each domain). Mediators, reports and calls
    are the same."""
    host: Host = "127.0.0.1"
    """Address to listen on."""
    ssh_port: Port = 7777
    """SSH port for one domain; 0 = any free."""
    host_key_file: str = ""
    """File of the private host key (OpenSSH format), made when missing; empty: a new key at every start."""
    admin: AdminConfig = AdminConfig()
    """The shell's user, with all rights."""
    admins: tuple[DomainAdminConfig, ...] = ()
    """Users of the shell with rights in some domains alone."""
    aggregates: tuple[AggregateConfig, ...] = ()
    """MultiSORM users."""
    multisorm_timeout: Annotated[float, Field(gt=0)] = 3.0
    """Seconds that a MultiSORM user's command waits for a domain; after that the domain counts as a refusal
    until the domain answers again. Less than the mediator's switch_timeout."""
    login_wait: Annotated[float, Field(ge=0, le=8)] = 5.0
    """The longest wait of a login over SSH, in seconds, because of wrong passwords from its address: each
    wrong password after the first five adds a second. A right password gets in after the wait; the mediator
    gives up after 10 s (our choice)."""
    logins: Annotated[int, Field(ge=4, le=10_000)] = 64
    """Connections to an SSH port that have not logged in. For one more the oldest goes of the address that has
    the most (our choice)."""
    connections: Annotated[int, Field(ge=1, le=100_000)] = 512
    """Connections to an SSH port that have logged in; one more is ended (our choice)."""
    connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = 128
    """The same, of one address (our choice)."""
    reports_waiting: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Call reports that wait for one RADIUS server, a kilobyte each; for one more the oldest is dropped and
    counted (our choice)."""
    require_message_authenticator: bool = False
    """Drop answers of mediators to call reports that are without a Message-Authenticator; the reports have one in
    any case."""
    second_session: Literal["same-address", "refuse"] = "same-address"
    """A mediator that logs in while another with the same RADIUS server is connected to the domain.
    same-address: accepted from the same address under the same name. refuse: never accepted. The connected
    mediator receives a notice (our choice)."""
    max_forwardings: Annotated[int, Field(ge=0, le=100)] = 5
    """Forwardings of one call; one more releases the call (our choice)."""
    unended_sync_objects: Annotated[int, Field(ge=0xFFFF)] = 131_070
    """Objects in unended syncs of one mediator, over all its sessions, half a kilobyte each. A sync beyond
    that is refused with 31h and counted. Our choice: two whole tables."""
    cdr_directory: str = "cdr"
    """Folder of the call detail records, relative to this file; made when a domain has ``cdr``. Empty: they are in no
    file, and ``GET calls/{call}/cdr`` alone has them."""
    kept_calls: Annotated[int, Field(ge=0)] = 1000
    """Released calls that stay available to requests."""
    not_licensed_code: Annotated[int, Field(ge=1, le=255)] = 0x31
    """Code of a refusal by the licence, as the console receives it in 28h: 31h, "monitoring not begun", is
    the nearest in the table of codes; our choice."""
    match_routed: Literal["any", "by-kind"] = "any"
    """Parties that an object with the routed number touches. any: every party with the number, also with
    another kind or sign; where the SORM number is the same, its sign counts. by-kind: kind and sign must
    always fit (ECSS-10 manual, "Проверка соответствия формата выдачи номеров А и Б"; order 268, 6.5.7)."""
    domains: tuple[DomainConfig, ...] = ()
    """Virtual exchanges."""
    bridges: tuple[BridgeConfig, ...] = ()
    """Ways between them."""
    licence: LicenceConfig = LicenceConfig()
    """Limits."""
    licences: tuple[AddedLicenceConfig, ...] = ()
    """Licences above number 1."""
    smart_licence: SmartLicenceConfig = SmartLicenceConfig()
    """Calls per second by a licence cloud."""
    locking_id: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """The Locking ID, which a licence file is tied to; empty: made of ``licence.ssw_id``."""
    advanced_locking_id: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """The Advanced Locking ID of a switch in a virtual machine, which takes the place of the Locking ID; empty: it is
    not in one."""
    licence_pool: LicencePoolConfig | None = None
    """Licences of stations, users and trunks; left out: none is needed."""
    licence_server: LicenceServerConfig = LicenceServerConfig()
    """The central licence server."""
    registration: RegistrationConfig = RegistrationConfig()
    """Whose the switch is."""
    licence_network: LicenceNetworkConfig = LicenceNetworkConfig()
    """Nodes that share the licences of one master."""
    service_groups: ServiceGroupsConfig = ServiceGroupsConfig()
    """Groups of services in the packages of a licence."""
    media: MediaConfig = MediaConfig()
    """Speech."""

    def in_memory(self) -> Self:
        """The same switch without files of what it keeps over a restart: for a lab beside the one of this file."""
        return self.model_copy(
            update={
                "host_key_file": "",
                "smart_licence": self.smart_licence.model_copy(update={"state_file": ""}),
                "licence_network": self.licence_network.model_copy(update={"state_file": ""}),
            }
        )

    @model_validator(mode="after")
    def _user_names_are_unique(self) -> Self:
        """The shell's user, the domains and the MultiSORM users log in by these names."""
        taken = {self.admin.user: "the user of the shell (switch.admin.user)"}
        names = [
            (f"domains.{index}.name", one.name, "the name of a domain")
            for index, one in enumerate(self.domains)
        ]
        names += [
            (f"admins.{index}.user", one.user, "an administrator of domains")
            for index, one in enumerate(self.admins)
        ]
        names += [
            (f"domains.{index}.sorm_user", one.sorm_user, "the user of a domain's mediators")
            for index, one in enumerate(self.domains)
            if one.sorm_user
        ]
        names += [
            (f"aggregates.{index}.user", one.user, "a MultiSORM user")
            for index, one in enumerate(self.aggregates)
        ]
        for key, name, what in names:
            before = taken.get(name)
            if before == what:
                raise ValueError(f"{key}: {name!r} is {what} already; choose another")
            if before is not None:
                raise ValueError(
                    f"{key}: {name!r} is {before} and {what}: both are user names, so choose another"
                )
            taken[name] = what
        return self

    @model_validator(mode="after")
    def _a_slave_has_no_licences_of_its_own(self) -> Self:
        if self.licence_network.role == "slave" and self.licence_pool is not None:
            pool = self.licence_pool
            if pool.limits or pool.activation:
                raise ValueError(
                    "licence_pool: a slave has the licences of its master; write an empty table, and activate the "
                    "licence file on the master"
                )
        return self

    @model_validator(mode="after")
    def _domains_are_of_the_profile(self) -> Self:
        wrong: list[str] = []
        taken: dict[str, str] = {}
        for index, domain in enumerate(self.domains):
            key = f"domains.{index}"
            if self.profile == "ecss10" and domain.vpbx is not None:
                wrong.append(f'{key}.vpbx: is of switch.profile = "sipteco", and this is ecss10')
            elif self.profile == "sipteco" and domain.vpbx is None:
                wrong.append(
                    f'{key}.vpbx: is missing; with switch.profile = "sipteco" each domain is a tenant: '
                    "sorm-mediator vpbx import makes it, or install_qfon in the shell"
                )
            address = domain.vpbx.address if domain.vpbx is not None else ""
            if address and address in taken:
                wrong.append(f"{key}.vpbx.address: {address} is the address of {taken[address]} already")
            taken[address] = domain.name
        if self.profile == "sipteco" and self.bridges:
            wrong.append("bridges.0: tenants never see each other's numbers, so there are no bridges")
        if wrong:
            raise SeveralMistakes(wrong)
        return self

    @model_validator(mode="after")
    def _multisorm_has_a_port(self) -> Self:
        if self.aggregates and self.ssh_port == MOST_PORT:
            raise ValueError(f"ssh_port: {MOST_PORT} leaves no port for MultiSORM, which is the next one")
        return self

    @model_validator(mode="after")
    def _bridges_join_two_domains(self) -> Self:
        interfaces = {domain.name: {trunk.name for trunk in domain.trunks} for domain in self.domains}
        bridges: set[str] = set()
        wrong: list[str] = []
        for index, bridge in enumerate(self.bridges):
            key = f"bridges.{index}"
            if bridge.name in bridges:
                wrong.append(f"{key}.name: there is a bridge {bridge.name!r} already")
            bridges.add(bridge.name)
            if bridge.a.domain == bridge.b.domain:
                wrong.append(
                    f"{key}.b.domain: {bridge.b.domain!r} is side A already; a bridge joins two domains"
                )
                continue
            for end, side in (("a", bridge.a), ("b", bridge.b)):
                taken, interface = interfaces.get(side.domain), side.interface(bridge.name)
                if taken is None:
                    wrong.append(
                        f"{key}.{end}.domain: there is no domain {side.domain!r}; there are: "
                        f"{as_list(interfaces)}"
                    )
                elif interface in taken:
                    wrong.append(f"{key}.{end}.iface: {side.domain} has an interface {interface!r} already")
                else:
                    taken.add(interface)
        if wrong:
            raise SeveralMistakes(wrong)
        return self
