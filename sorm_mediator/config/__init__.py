"""The lab file: one TOML document, validated into frozen models.

Every table and key is optional and has the default given here. An unknown key, or a value of the wrong type
or out of range, raises one :class:`ConfigError` whose text names the file, the key, the value and the allowed
values. Secrets are :class:`pydantic.SecretStr`, so they never reach a log or a printed model.

Sources: order 268, with clauses as ``appendix.clause``, and the vendor's manuals. A behaviour that neither
rules is an option with a default of our choice. docs/configuration.md is generated from these models.
"""

from sorm_mediator.config.base import ConfigError, is_loopback
from sorm_mediator.config.e1 import E1Config, LapbConfig, X25Config
from sorm_mediator.config.lab import Config, WebConfig, load, parse
from sorm_mediator.config.mediator import ConsoleConfig, MediatorConfig, RadiusConfig, RtpConfig, SshConfig
from sorm_mediator.config.switch import (
    AddedLicenceConfig,
    AdminConfig,
    AggregateConfig,
    BridgeConfig,
    BridgeSideConfig,
    DomainAdminConfig,
    DomainConfig,
    LicenceConfig,
    NumberBinding,
    RadiusServerConfig,
    ServiceGroupsConfig,
    SubscriberConfig,
    SwitchConfig,
    TrunkConfig,
)
from sorm_mediator.config.vpbx import VpbxConfig

__all__ = [
    "AddedLicenceConfig",
    "AdminConfig",
    "AggregateConfig",
    "BridgeConfig",
    "BridgeSideConfig",
    "Config",
    "ConfigError",
    "ConsoleConfig",
    "DomainAdminConfig",
    "DomainConfig",
    "E1Config",
    "LapbConfig",
    "LicenceConfig",
    "MediatorConfig",
    "NumberBinding",
    "RadiusConfig",
    "RadiusServerConfig",
    "RtpConfig",
    "ServiceGroupsConfig",
    "SshConfig",
    "SubscriberConfig",
    "SwitchConfig",
    "TrunkConfig",
    "VpbxConfig",
    "WebConfig",
    "X25Config",
    "is_loopback",
    "load",
    "parse",
]
