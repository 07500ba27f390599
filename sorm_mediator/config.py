"""The lab file: one TOML document, validated into frozen models.

Every table and key is optional; what is left out has the default given here. An unknown key, a value of
the wrong type or out of range is one :class:`ConfigError` whose text names the file, the key, the value and
what is allowed. Secrets are :class:`pydantic.SecretStr`, so they never reach a log or a printed model.

Source: the configuration contract (DESIGN section 6) and PROTOCOL 11.3 for ``[mediator.options]``.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from sorm_mediator.options import Adaptation, MediatorOptions, Section

Port = Annotated[int, Field(strict=True, ge=0, le=65535)]


class ConfigError(Exception):
    """The configuration can't be used. The text is one line that names key, value and what is allowed."""


def is_loopback(host: str) -> bool:
    """Whether nothing but this machine reaches ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class MediatorConfig(Section):
    """``[mediator]``: the technical means of ORM themselves."""

    orm_number: Annotated[int, Field(ge=0, le=255)] = 1
    """ORM number of the technical means, 0..255."""
    password: SecretStr = SecretStr("123456")
    """Six printable characters; command 3 changes it."""
    order: Literal["268", "70"] = "268"
    """The order whose messages are spoken: 268 or 70."""
    station_type: Literal["terminal", "transit", "terminal-transit"] = "terminal-transit"
    """What the node is, as told in 2Bh."""
    software_version: Annotated[str, Field(max_length=44, pattern=r"^[\x20-\x7e]*$")] = "ECSS-10 3.14"
    """The text of 2Bh, at most 44 characters."""
    extended_errors: bool = True
    """Extended error codes of the seed instead of the order's own 01h."""
    zero_digit: Literal["0", "A"] = "0"
    """How digit 0 is sent: half-byte 0h or Ah."""
    console_timeout: Annotated[float, Field(ge=0)] = 0
    """Seconds without a command until the channel is faulty (order 70, clause 1.5); 0 = off."""
    max_objects: Annotated[int, Field(ge=1, le=65535)] = 1024
    """Objects that the table holds."""
    max_trunk_objects: Annotated[int, Field(ge=0, le=65535)] = 10
    """Trunk objects among them."""
    state: str = "sorm-state.db"
    """Tables that survive a restart (relative to this file); ":memory:" keeps none."""
    journal: str = "sorm-journal.db"
    """The audit journal (relative to this file); "" = none."""
    adaptation: Adaptation = Adaptation()
    """Rewritings of the called number."""
    options: MediatorOptions = MediatorOptions()
    """What the order leaves open."""

    @model_validator(mode="after")
    def _password_is_six_characters(self) -> Self:
        password = self.password.get_secret_value()
        if len(password) != 6 or not password.isascii() or not password.isprintable():
            raise ValueError("password: must be six printable ASCII characters")
        return self


class ConsoleConfig(Section):
    """``[console]``: the channels toward the monitoring console."""

    link: Literal["tcp", "x25"] = "tcp"
    """How the data channels reach the console."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    kpd1_port: Port = 1001
    """Port of KPD1, the command channel; 0 = any free."""
    kpd2_port: Port = 1002
    """Port of KPD2, the event channel; 0 = any free."""
    allow: tuple[str, ...] = ("127.0.0.0/8",)
    """Networks whose consoles may connect."""

    @model_validator(mode="after")
    def _allow_is_networks(self) -> Self:
        for network in self.allow:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ValueError(f"allow: {network!r} is no network such as 127.0.0.0/8 ({error})") from None
        return self


class LapbConfig(Section):
    """Parameters of LAPB (LINK 1)."""

    k: Annotated[int, Field(ge=1, le=7)] = 7
    """Window, frames."""
    t1: Annotated[float, Field(gt=0)] = 3.0
    """Retransmission timer, seconds."""
    t2: Annotated[float, Field(ge=0)] = 0.2
    """Delay of an acknowledgement, seconds."""
    n2: Annotated[int, Field(ge=1)] = 10
    """Transmissions of one frame at most."""
    n1: Annotated[int, Field(ge=5)] = 135
    """Octets of a frame at most."""


class X25Config(Section):
    """Parameters of the X.25 packet layer (LINK 2)."""

    circuit: Literal["pvc", "svc"] = "pvc"
    """Permanent or switched virtual circuit."""
    lcn: Annotated[int, Field(ge=1, le=4095)] = 1
    """Logical channel number."""
    packet_size: Literal[16, 32, 64, 128, 256, 512, 1024, 2048, 4096] = 128
    """Octets of user data in a packet."""
    window: Annotated[int, Field(ge=1, le=7)] = 2
    """Packets that may be outstanding."""


class E1Config(Section):
    """``[[e1]]``: one stream toward the console."""

    stream: Annotated[int, Field(ge=0, le=7)] = 0
    """Number of the stream, 0..7."""
    line: Literal["satop", "serial", "memory"] = "satop"
    """What carries the stream."""
    local: str = "127.0.0.1:0"
    """Address and port to listen on (SAToP)."""
    remote: str = ""
    """The other end; "" = learnt from the first packet."""
    jitter: Annotated[int, Field(ge=1, le=500)] = 30
    """Milliseconds of the stream that are kept back, so that packets may be late by as much (SAToP)."""
    mode: Literal["dce", "dte"] = "dce"
    """Whose side of X.25 the mediator plays."""
    crc4: bool = True
    """CRC-4 multiframe."""
    kpd1_timeslot: Annotated[int, Field(ge=1, le=31)] = 30
    """Timeslot of KPD1."""
    kpd2_timeslot: Annotated[int, Field(ge=1, le=31)] = 31
    """Timeslot of KPD2."""
    hold: Annotated[float, Field(ge=0)] = 10.0
    """Seconds that a data channel may be interrupted before the console counts as gone: until then what is sent
    waits for it, and so does the answer to its command [inferred]."""
    lapb: LapbConfig = LapbConfig()
    """The link layer."""
    x25: X25Config = X25Config()
    """The packet layer."""


class SshConfig(Section):
    """``[ssh]``: the mediator's way to the switch."""

    server: str = "127.0.0.1"
    """Address of the switch."""
    backup: str = ""
    """Second address, tried when the first is gone; "" = none."""
    port: Port = 7777
    """7777 for one domain, 7778 for MultiSORM; in a lab 0 = its own switch."""
    user: str = "test.domain"
    """The domain; for MultiSORM the aggregate user."""
    password: SecretStr = SecretStr("123")
    """Password of that user."""
    host_key: str = ""
    """The switch's public host key, such as ``ssh-ed25519 AAAA...``; empty is right only inside a lab."""
    keepalive: Annotated[float, Field(gt=0)] = 5.0
    """Seconds between keep-alive requests on an idle link; three unanswered ones end it."""
    retry_min: Annotated[float, Field(gt=0)] = 0.5
    """Seconds before the first reconnection; each failure doubles it."""
    retry_max: Annotated[float, Field(gt=0)] = 30.0
    """The longest pause between reconnections, seconds."""


class RadiusConfig(Section):
    """``[radius]``: the mediator's accounting sink."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 1813
    """UDP port; 0 = any free."""
    secret: SecretStr = SecretStr("2testing123")
    """The secret shared with the switch."""
    clients: dict[str, SecretStr] = Field(default={})
    """Secrets of single clients by address, instead of ``secret``."""
    require_message_authenticator: bool = False
    """Drop requests without a Message-Authenticator."""


class RtpConfig(Section):
    """``[rtp]``: the speech of controlled calls, from the switch to the KSL; used with ``console.link = "x25"``."""

    host: str = "127.0.0.1"
    """Address to listen on; the switch is told it."""
    port: Port = 0
    """UDP port; 0 = any free."""
    submodules: Annotated[int, Field(ge=1, le=16)] = 2
    """VoIP submodules, which mix the lines under combined control; two are what one stream needs."""
    conferences: Annotated[int, Field(ge=1, le=1000)] = 27
    """Lines that a submodule can mix; when none is left, there is no free KSL (73h)."""


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


class WebConfig(Section):
    """``[web]``."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 8080
    """TCP port; 0 = any free."""
    token: SecretStr = SecretStr("")
    """Bearer token; required when not on loopback."""

    @model_validator(mode="after")
    def _token_beyond_loopback(self) -> Self:
        if not is_loopback(self.host) and not self.token.get_secret_value().strip():
            raise ValueError(f"token: required because host {self.host!r} is not on loopback")
        return self


class Config(Section):
    """A whole lab file."""

    mediator: MediatorConfig = MediatorConfig()
    """The technical means of ORM."""
    console: ConsoleConfig = ConsoleConfig()
    """The channels toward the monitoring console."""
    e1: tuple[E1Config, ...] = ()
    """0 to 4 streams toward the console."""
    ssh: SshConfig = SshConfig()
    """The way to the switch."""
    radius: RadiusConfig = RadiusConfig()
    """The accounting sink."""
    rtp: RtpConfig = RtpConfig()
    """Speech."""
    switch: SwitchConfig | None = None
    """The emulated ECSS-10; left out to use a real one."""
    web: WebConfig = WebConfig()
    """The HTTP API."""

    _directory: Path = PrivateAttr(default=Path())

    @property
    def directory(self) -> Path:
        """The folder that relative paths of the file start from."""
        return self._directory


def parse(document: Mapping[str, Any], *, directory: Path = Path(), name: str = "configuration") -> Config:
    """Validate a decoded TOML document. Raises :class:`ConfigError` for the first thing that is wrong."""
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{name}: {_explain(error)}") from None
    config._directory = directory
    return config


def load(path: Path) -> Config:
    """Read and validate a lab file. Raises :class:`ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    return parse(document, directory=path.resolve().parent, name=str(path))


def _explain(error: ValidationError) -> str:
    errors = error.errors(include_url=False)
    # A misspelt key is at once unknown and missing: the former says what to do.
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        inner, _, rest = message.partition(": ")
        return f"{key}.{inner}: {rest}" if rest else f"{key}: {message}"
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key; allowed here: {', '.join(_known_keys(first['loc']))}"
    if first["type"] == "missing":
        return f"{key}: is required"
    secret = "password" in key or "secret" in key or "token" in key
    value = "******" if secret else repr(first["input"])
    return f"{key}: {value} is not allowed: {message[0].lower()}{message[1:]}"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    model: Any = Config
    for part in location[:-1]:
        if isinstance(part, str) and isinstance(model, type) and issubclass(model, BaseModel):
            model = next(_models(model.model_fields[part].annotation), None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)
