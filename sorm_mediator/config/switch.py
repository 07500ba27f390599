"""``[switch]``: the emulated ECSS-10."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, SecretStr, field_validator

from sorm_mediator.config.base import Port, Section


class AdminConfig(Section):
    """The user of the switch's shell."""

    user: str = "admin"
    """User name."""
    password: SecretStr = SecretStr("password")
    """Password."""


class AggregateConfig(Section):
    """``[[switch.aggregates]]``: a MultiSORM user and the domains it stands for."""

    user: str
    """User name for port ssh_port + 1."""
    password: SecretStr
    """Password."""
    domains: tuple[str, ...]
    """Domains and patterns such as "*" and "-name"."""


class RadiusServerConfig(Section):
    """One mediator's sink, as a domain knows it."""

    host: str = "127.0.0.1"
    """Address of the mediator."""
    port: Port = 1813
    """UDP port of its sink."""
    secret: SecretStr = SecretStr("2testing123")
    """The shared secret."""


class ServicesConfig(Section):
    """The supplementary services of one subscriber."""

    cfu: str = ""
    """Call forwarding unconditional: the target number."""
    cfb: str = ""
    """Call forwarding on busy."""
    cfnr: str = ""
    """Call forwarding on no reply."""
    cfnrc: str = ""
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
    """Hears a second call while talking."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SubscriberConfig(Section):
    """A subscriber of a domain."""

    number: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
    """The number, 1..18 digits."""
    services: ServicesConfig = ServicesConfig()
    """Supplementary services."""
    context: str = ""
    """The routing context of this interface; empty means the domain's default."""
    group: str = ""
    """Pick-up group: members may pick up each other's calls."""
    line_state: Literal["good", "faulty", "blocked", "restricted"] = "good"
    """State of the subscriber line, as told in 23h."""


class TrunkConfig(Section):
    """A trunk group of a domain."""

    number: Annotated[int, Field(ge=0, le=0xFFFE)]
    """The trunk's number, as in commands 5 and 16."""
    name: Annotated[str, Field(max_length=43, pattern=r"^[\x21-\x7e]+$")]
    """Its name, as in routing directions and 2Ah."""
    context: str = ""
    """The routing context for calls that come in by this trunk; empty means the domain's default."""


class DomainConfig(Section):
    """``[[switch.domains]]``: a virtual exchange."""

    name: Annotated[str, Field(min_length=1, pattern=r"^\S+$")]
    """Name of the domain, also the user name of its mediators."""
    enabled: bool = True
    """SORM is enabled in it."""
    password: SecretStr = SecretStr("")
    """Password of its mediators over SSH."""
    radius_servers: tuple[RadiusServerConfig, ...] | None = None
    """The mediators' sinks; left out in a lab it is the lab's own mediator."""
    contexts: tuple[str, ...] = ()
    """Routing contexts: XML files, relative to this file."""
    default_context: str = ""
    """The context calls start in; "" = own numbers only."""
    numbering_plans: dict[str, dict[str, dict[str, str]]] = Field(default={})
    """Plan name -> number -> alias or bridge."""
    b_digits_mode: Literal["user", "route"] = "user"
    """Called number in 41h of an object controlled by its A number: as an own subscriber dialled it, or the
    SORM number. What comes in by a trunk shows the SORM number in both."""
    subscribers: tuple[SubscriberConfig, ...] = ()
    """Its subscribers."""
    trunks: tuple[TrunkConfig, ...] = ()
    """Its trunk groups."""


class BridgeSideConfig(Section):
    """One end of a bridge between domains."""

    domain: str
    """The domain."""
    np: str = ""
    """Its numbering plan."""
    iface: str = ""
    """Its interface."""
    tg: str = ""
    """Its trunk group."""
    context: str = ""
    """Its default routing context for calls over the bridge."""


class BridgeConfig(Section):
    """``[[switch.bridges]]``: a way from one domain into another."""

    name: str
    """Unique name."""
    duplex: bool = True
    """Calls both ways."""
    strict: bool = True
    """Numbers are checked against the plan."""
    capacity: Literal["unbounded"] | Annotated[int, Field(ge=1)] = "unbounded"
    """Calls at the same time."""
    a: BridgeSideConfig
    """Side A."""
    b: BridgeSideConfig
    """Side B."""


class LicenceConfig(Section):
    """``[switch.licence]``."""

    sorm_enabled: bool = True
    """SORM is licensed."""
    sorm_channels: Annotated[int, Field(ge=0)] = 20
    """Mediator × domain connections."""
    concurrent_calls: Annotated[int, Field(ge=0)] = 2100
    """Calls at the same time."""


class MediaConfig(Section):
    """``[switch.media]``: the speech that the switch sends to mediators that want it."""

    host: str = "127.0.0.1"
    """IP address that it is sent from; from the loopback it reaches this machine only."""
    level: Annotated[float, Field(ge=-30, le=0)] = -13.0
    """dBm0 of the tone that a party speaks."""

    @field_validator("host")
    @classmethod
    def _is_ip(cls, host: str) -> str:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(f"{host!r} is no IP address") from None
        return host


class SwitchConfig(Section):
    """``[switch]``: the emulated ECSS-10."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    ssh_port: Port = 7777
    """SSH port for one domain; 0 = any free."""
    host_key_file: str = ""
    """Private host key (OpenSSH format), made when missing; empty: a new key at every start."""
    admin: AdminConfig = AdminConfig()
    """The shell's user."""
    aggregates: tuple[AggregateConfig, ...] = ()
    """MultiSORM users."""
    domains: tuple[DomainConfig, ...] = ()
    """Virtual exchanges."""
    bridges: tuple[BridgeConfig, ...] = ()
    """Ways between them."""
    licence: LicenceConfig = LicenceConfig()
    """Limits."""
    media: MediaConfig = MediaConfig()
    """Speech."""
