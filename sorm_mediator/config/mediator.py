"""The tables of the mediator: itself, its console, its way to the switch, its sinks."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from e1 import rtp
from sorm_mediator.config.base import Port, Section
from sorm_mediator.config.derived import section_of
from sorm_mediator.options import Adaptation, MediatorOptions


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
    """How the data channels reach the console: two ports of TCP, or X.25 in ``[[e1]]`` streams. With ``"tcp"`` the
    streams of the file carry the speech alone (order 268, 1.4.2)."""
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


class JitterConfig(section_of(rtp.JitterConfig)):  # type: ignore[misc]
    """The jitter buffer of each party; lengths in octets, 8 a millisecond; all our choice."""


class RtpConfig(Section):
    """``[rtp]``: the speech of controlled calls, from the switch to the KSL of ``[[e1]]`` streams."""

    host: str = "127.0.0.1"
    """Address to listen on; the switch is told it."""
    port: Port = 0
    """UDP port; 0 = any free."""
    submodules: Annotated[int, Field(ge=1, le=16)] = 2
    """VoIP submodules, which mix the lines under combined control; two are what one stream needs."""
    conferences: Annotated[int, Field(ge=1, le=1000)] = 27
    """Lines that a submodule can mix; when none is left, there is no free KSL (73h)."""
    separate_conferences: Literal[0, 1] = 0
    """Conferences that a line under separate control takes: nothing is mixed on it [inferred]."""
    jitter: JitterConfig = JitterConfig()
    """How late speech may come."""
