"""The licences of stations, users and trunks, and the network of nodes that share one licence file.

Source: docs/network-licence.md.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, SecretStr, field_validator, model_validator

from sorm_mediator.addresses import host_problem, split_host_port
from sorm_mediator.config.base import Section
from sorm_mediator.texts import as_list, did_you_mean

StationType = Literal["ip", "tdm", "mobile", "desk-sharing"]
UserLicence = Literal[
    "voicemail",
    "uc-smart",
    "groupware",
    "uc-suite",
    "fax",
    "conference",
    "myattendant",
    "myagent",
    "application-launcher",
    "tapi",
]
TrunkKind = Literal["s2m", "itsp"]
STATION_TYPES: Final[tuple[StationType, ...]] = get_args(StationType)
USER_LICENCES: Final[tuple[UserLicence, ...]] = get_args(UserLicence)
TRUNK_KINDS: Final[tuple[TrunkKind, ...]] = get_args(TrunkKind)
NETWORKING: Final = "networking"
"""The system licence that each slave of a network needs."""
COUNTED: Final = ("concurrent_calls", "sorm_channels")
"""What a network licence may limit for all nodes together."""
POOL_KEYS: Final = (*STATION_TYPES, *USER_LICENCES, *TRUNK_KINDS, NETWORKING, *COUNTED)
"""What can be bought."""

Bought = dict[str, Annotated[int, Field(ge=0, le=10_000_000)]]


def bought_problem(limits: Bought) -> str:
    """What is wrong with the names of bought licences; "" when nothing is."""
    for key in limits:
        if key not in POOL_KEYS:
            near = did_you_mean(key, POOL_KEYS)
            return f"{key!r} is no licence that can be bought; there are: {as_list(POOL_KEYS)}{near}"
    return ""


class LicencePoolConfig(Section):
    """``[switch.licence_pool]``: licences of stations, users and trunks. With this table a subscriber needs a station
    licence; without it none does."""

    limits: Bought = Field(default={})
    """What was bought before: licence -> number, such as { ip = 10, voicemail = 3, s2m = 30 }. A licence file that
    is activated adds to it."""
    activation: str = ""
    """The content of the licence file that was activated last; the licence server puts all licences of a Locking ID
    into one file."""

    @field_validator("limits")
    @classmethod
    def _are_licences(cls, limits: Bought) -> Bought:
        problem = bought_problem(limits)
        if problem:
            raise ValueError(problem)
        return limits


class LicenceServerConfig(Section):
    """``[switch.licence_server]``: the central licence server (CLS), which makes licence files."""

    url: str = ""
    """Its address, HOST:PORT; empty: there is none, and licence files are loaded by hand. A user of the shell with
    the profile expert may change it."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        return _address(url)


class RegistrationConfig(Section):
    """``[switch.registration]``: whose the switch is. The licence server wants it before it makes a licence file."""

    company: Annotated[str, Field(max_length=100)] = ""
    """The owner."""
    name: Annotated[str, Field(max_length=100)] = ""
    """A person to ask."""
    mail: Annotated[str, Field(max_length=100, pattern=r"^(|[^@\s]+@[^@\s]+)$")] = ""
    """The address of that person."""

    @property
    def missing(self) -> list[str]:
        """The keys without a value."""
        return [key for key in type(self).model_fields if not getattr(self, key)]


class LicenceNetworkConfig(Section):
    """``[switch.licence_network]``: nodes that share the licences of one master. Its central licence agent (CLA)
    counts over all nodes."""

    role: Literal["standalone", "master", "slave"] = "standalone"
    """master: this node holds the licence file. slave: it has the licences of the master."""
    node: Annotated[str, Field(max_length=32, pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """The name of this node; required in a network, and unique there."""
    listen: str = "127.0.0.1:0"
    """master: HOST:PORT of the licence agent; port 0 is any free one, told in the ready line."""
    master: str = ""
    """slave: HOST:PORT of the master's licence agent."""
    secret: SecretStr = SecretStr("")
    """The secret of the network, the same in all of its nodes; required there. Their messages are signed with it."""
    failover: Annotated[float, Field(gt=0, le=366 * 86_400)] = 2_592_000
    """Seconds that a slave works without its master; 30 days. They run with ``lab.time_factor``."""
    poll: Annotated[float, Field(ge=0.01, le=3600)] = 1.0
    """slave: seconds between its questions to the master. They do not run with ``lab.time_factor`` (our choice)."""
    reserve: Annotated[int, Field(ge=1, le=100_000)] = 5
    """slave: units of calls that it asks for beyond those in use, so that a call need not wait for the master (our
    choice)."""
    state_file: str = ""
    """File with the licence state of this node, so that a restart ends neither the failover period nor the emergency;
    empty: kept in memory alone."""

    @field_validator("listen", "master")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        return _address(address)

    @model_validator(mode="after")
    def _has_what_its_role_needs(self) -> Self:
        if self.role == "standalone":
            return self
        if not self.node:
            raise ValueError(f"node: a {self.role} needs a name, such as node = {self.role!r}")
        if not self.secret.get_secret_value():
            raise ValueError("secret: a network needs a secret, the same in all of its nodes")
        if self.role == "slave" and not self.master:
            raise ValueError("master: a slave needs HOST:PORT of its master's licence agent")
        return self


def _address(text: str) -> str:
    if text:
        try:
            host, _ = split_host_port(text)
        except ValueError:
            host = ""
        if not host:
            raise ValueError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:7790")
        if problem := host_problem(host):
            raise ValueError(f"{text!r}: {problem}")
    return text
