"""The tables of the mediator: itself, its console, its way to the switch, its sinks.

A clause reads ``appendix.clause``: order 268, 6.14.3 is appendix 6, clause 14.3.
"""

from __future__ import annotations

import ipaddress
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, model_validator

from e1.voice import rtp
from radius.clients import secret_finder
from sorm_mediator.config.base import Host, Port, Section
from sorm_mediator.config.capacity import Capacity, capacity_of
from sorm_mediator.config.derived import section_of
from sorm_mediator.config.lines import quoted
from sorm_mediator.options import Adaptation, InProfile, MediatorOptions, Profile, with_profile

if TYPE_CHECKING:
    from protocol.options import Options


class CapacityConfig(Section):
    """``mediator.capacity``: the node's size, for the order's limits; left out: ``max_objects`` limits."""

    subscribers: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """Subscribers that the node is equipped for (order 268, appendices 2 and 4, table 1); a transit node has none."""
    trunks: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """Trunks that the node is equipped for (order 268, appendix 4, table 2); counted only for a
    terminal-transit node."""


class MediatorConfig(Section):
    """``[mediator]``: the technical means of ORM."""

    orm_number: Annotated[int, Field(ge=0, le=255)] = 1
    """ORM number of the technical means, 0..255; see options.orm_number_from_start."""
    password: SecretStr = SecretStr("123456")
    """The first password, six printable characters; command 3 changes it (order 268, 5.2.2.5 and 6.3)."""
    order: Literal["268", "70"] = "268"
    """The order of the messages: 268 or 70."""
    profile: Profile = "eltex"
    """Rules of the order or of the vendor's device, where they differ. A profile is only a set of defaults of
    named options; each option can still be set."""
    station_type: Literal["terminal", "transit", "terminal-transit"] = "terminal-transit"
    """Type of the node, as reported in 2Bh (order 268, 9.11.4.2). The type selects the tables of capacity."""
    software_version: Annotated[str, Field(max_length=44, pattern=r"^[\x20-\x7e]*$")] = "ECSS-10 3.14"
    """The text of 2Bh, at most 44 characters (order 268, 9.11.4.1)."""
    extended_errors: bool = True
    """Extended error codes (Eltex SMG1016M manual, SORM settings) instead of the order's own 01h."""
    zero_digit: Literal["0", "A"] = "0"
    """Code of the digit 0: half-byte 0h or Ah."""
    console_timeout: Annotated[float, Field(ge=0)] = 0
    """Seconds without a command until the channel is faulty (order 70, clause 1.5); 0 = off."""
    test_timeout: Annotated[
        float,
        Field(ge=0),
        InProfile(
            order=600.0,
            clause="6.14.3",
            why="the device has the time-out of order 70 instead (console_timeout)",
        ),
    ] = 0.0
    """Seconds without command 14 on any KPD1 until all data to the console stops and unsent data is
    destroyed. Any command with the valid password restores the data; speech is not interrupted (order 268,
    6.14.3); 0 = off."""
    capacity: CapacityConfig | None = None
    """The size of the node; left out: only max_objects and max_trunk_objects limit the tables."""
    max_objects: Annotated[int, Field(ge=1, le=65535)] = 1024
    """Objects in the table; applies without capacity."""
    max_trunk_objects: Annotated[int, Field(ge=0, le=65535)] = 10
    """Trunk objects in the table (order 268, 3.1 and 4.1: at most 10); applies without capacity."""
    state: str = "sorm-state.db"
    """File of state and tables (relative to this file), for options.after_restart = "restore"; ":memory:" =
    no file."""
    journal: str = "sorm-journal.db"
    """The audit journal (relative to this file); "" = none."""
    adaptation: Adaptation = Adaptation()
    """Rewritings of the called number."""
    options: MediatorOptions = MediatorOptions()
    """Behaviours of the node that can be set."""

    @property
    def limits(self) -> Capacity | None:
        """The capacity that the order's tables allow the node; None without ``capacity``."""
        if self.capacity is None:
            return None
        return capacity_of(self.station_type, self.capacity.subscribers, self.capacity.trunks)

    @property
    def codec_options(self) -> Options:
        """The form of units, for the mediator and its console."""
        from protocol.options import Options  # with the whole codec, which a check of the file does not need

        own = type(self).model_fields
        names = (one.name for one in fields(Options))
        return Options(**{name: getattr(self if name in own else self.options, name) for name in names})

    @model_validator(mode="before")
    @classmethod
    def _profile(cls, given: Any) -> Any:
        return with_profile(cls, given)

    @model_validator(mode="after")
    def _capacity_is_some(self) -> Self:
        if self.limits is not None and not self.limits.streams:
            needed = "subscribers" if self.station_type == "terminal" else "subscribers or trunks"
            raise ValueError(
                f"capacity: a {self.station_type} node needs {needed}: without them no table has a row"
            )
        return self

    @model_validator(mode="after")
    def _password_is_six_characters(self) -> Self:
        password = self.password.get_secret_value()
        if len(password) != 6 or not password.isascii() or not password.isprintable():
            raise ValueError("password: must be six printable ASCII characters")
        return self


class ConsoleConfig(Section):
    """``[console]``: the channels toward the monitoring console."""

    link: Literal["tcp", "x25"] = "tcp"
    """Carrier of the data channels: two TCP ports, or X.25 in ``[[e1]]`` streams. With ``"tcp"`` the streams
    of the file carry only speech (order 268, 1.4.2)."""
    host: Host = "127.0.0.1"
    """Address to listen on."""
    kpd1_port: Port = 1001
    """Port of KPD1, the command channel; 0 = any free."""
    kpd2_port: Port = 1002
    """Port of KPD2, the event channel; 0 = any free."""
    allow: tuple[str, ...] = ("127.0.0.0/8",)
    """Networks whose consoles may connect."""
    most_unsent: Annotated[int, Field(ge=65_536, le=1_073_741_824)] = 1_048_576
    """Octets that wait for a console over TCP that does not read. Beyond that its connection is dropped; over
    E1 the limit is x25.queue_limit. Our choice."""

    @model_validator(mode="after")
    def _allow_is_networks(self) -> Self:
        for network in self.allow:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ValueError(
                    f"allow: {network!r} is not a network such as 127.0.0.0/8 ({error})"
                ) from None
        return self


class SshConfig(Section):
    """``[ssh]``: the mediator's way to the switch."""

    server: Host = "127.0.0.1"
    """Address of the switch."""
    backup: Host = ""
    """Second address, tried when the first does not answer; "" = none."""
    port: Port = 7777
    """Port: 7777 for one domain, 7778 for MultiSORM; 0, in a lab: its own switch."""
    switch_version: Literal["3.5.0", "3.4", "3.3"] = "3.5.0"
    """Version of the switch's software: 3.5.0 and later, 3.4 (from 3.4.2 on), or 3.3 (before 3.4.2). It decides what
    ``user`` is (Eltex SMG1016M manual, SORM settings; ECSS-10 manual, SORM parameters of a domain)."""
    user: str = "test.domain"
    """The domain; for MultiSORM the aggregate user. With ``switch_version = "3.3"`` a name of its own, which the
    switch has for the domain (``switch.domains.sorm_user`` in the emulated one)."""
    password: SecretStr = SecretStr("123")
    """Password of that user."""
    key_file: str = ""
    """A private key that is tried before the password, for a switch that knows its public key: the path, relative to
    this file, of a key of ``ssh-keygen`` without passphrase, which its owner alone may read; "" = by password alone."""
    host_key: str = ""
    """The switch's public host key, such as ``ssh-ed25519 AAAA...``; may be empty only inside a lab."""
    keepalive: Annotated[float, Field(gt=0)] = 5.0
    """Seconds between keep-alive requests on an idle connection; three unanswered requests end the
    connection."""
    retry_min: Annotated[float, Field(gt=0)] = 0.5
    """Seconds before the first reconnection; each failure doubles the pause."""
    retry_max: Annotated[float, Field(gt=0)] = 30.0
    """The longest pause between reconnections, seconds."""
    most_requests: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    """Requests without a reply that are kept; for one more the oldest is given up. Our choice."""


EVERYBODY: Final = ("0.0.0.0/0", "::/0")
"""The networks of the clients that have the common secret."""


class RadiusConfig(Section):
    """``[radius]``: the mediator's accounting sink."""

    host: Host = "127.0.0.1"
    """Address to listen on."""
    port: Port = 1813
    """UDP port; 0 = any free."""
    secret: SecretStr = SecretStr("2testing123")
    """The secret of every client that ``clients`` does not name; "" = only those of ``clients`` may report. The default
    is published: set another one, or "", where others reach this port."""
    clients: dict[str, SecretStr] = Field(default={})
    """Secrets of single clients by address or network, instead of ``secret``. All others still have ``secret``: they
    are refused (unknown client) only if that is ""."""
    require_message_authenticator: bool = False
    """Drop requests without a Message-Authenticator. A wrong one is always dropped."""

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets of clients by address or network, in clear."""
        common = self.secret.get_secret_value()
        single = {address: secret.get_secret_value() for address, secret in self.clients.items()}
        return (dict.fromkeys(EVERYBODY, common) if common else {}) | single

    @property
    def has_default_secret(self) -> bool:
        """Whether clients that ``clients`` does not name have the published secret."""
        return bool(self.secret == type(self).model_fields["secret"].default)

    def key_of(self, address: str) -> str:
        """The key whose secret a client with this address is to have. Raises ``ValueError`` for wrong ``clients``."""
        found = secret_finder({name: name for name in self.secrets})(address)
        name = "" if found is None else found.decode()
        return (
            "radius.secret"
            if name in EVERYBODY and name not in self.clients
            else f"radius.clients.{quoted(name)}"
        )


class JitterConfig(section_of(rtp.JitterConfig)):  # type: ignore[misc]
    """The jitter buffer of each party; lengths in octets, 8 a millisecond; all our choice."""


SUBMODULES_PER_STREAM: Final = 2
"""VoIP submodules for the 28 KSL of a stream, at 27 conferences each (Eltex SMG1016M manual, Mediator set-up)."""


class RtpConfig(Section):
    """``[rtp]``: the speech of controlled calls, from the switch to the KSL of ``[[e1]]`` streams."""

    host: Host = "127.0.0.1"
    """Address to listen on; the mediator sends it to the switch."""
    port: Port = 0
    """UDP port; 0 = any free."""
    submodules: Annotated[int, Field(ge=1, le=16)] = 2
    """VoIP submodules, which mix the lines under combined control; one stream needs two."""
    autonomous: bool = True
    """All submodules are the mediator's. Off: it shares them with the SMG PBX of the device: of several it has two for
    each ``[[e1]]`` stream, and the PBX the rest; of a single one it has half of the conferences (Eltex SMG1016M
    manual, E1 stream settings, names the sharing by streams; the numbers are our choice)."""
    conferences: Annotated[int, Field(ge=1, le=1000)] = 27
    """Lines that a submodule can mix; when all are in use, there is no free KSL (73h)."""
    separate_conferences: Literal[0, 1] = 0
    """Conferences that a line under separate control takes, although its speech is not mixed; our choice."""
    jitter: JitterConfig = JitterConfig()
    """The permitted delay of speech."""

    def mediator_conferences(self, streams: int) -> tuple[int, ...]:
        """The conferences that the mediator has of each of its submodules, with this number of streams."""
        if self.autonomous:
            return (self.conferences,) * self.submodules
        if self.submodules == 1:
            return (self.conferences // 2,)
        return (self.conferences,) * min(self.submodules, SUBMODULES_PER_STREAM * streams)
