"""The lab file: one TOML document, validated into frozen models.

Every table and key is optional; what is left out has the default given here. An unknown key, a value of
the wrong type or out of range is one :class:`ConfigError` whose text names the file, the key, the value and
what is allowed. Secrets are :class:`pydantic.SecretStr`, so they never reach a log or a printed model.

Sources: order 268, whose clauses read ``appendix.clause``, and the vendor's manuals; what neither rules is an option
with a default of ours. docs/configuration.md is made of these models.
"""

from sorm_mediator.config.acceptance import AcceptanceConfig, NetworkFormatConfig, OwnFormatConfig
from sorm_mediator.config.base import ConfigError, Port, is_loopback
from sorm_mediator.config.e1 import E1Config, LapbConfig, MemoryConfig, SerialConfig, X25Config, XotConfig
from sorm_mediator.config.lab import Config, WebConfig, load, parse
from sorm_mediator.config.mediator import ConsoleConfig, MediatorConfig, RadiusConfig, RtpConfig, SshConfig
from sorm_mediator.config.switch import (
    AddedLicenceConfig,
    AdminConfig,
    AggregateConfig,
    BridgeConfig,
    BridgeSideConfig,
    DomainConfig,
    LicenceConfig,
    MediaConfig,
    NumberBinding,
    RadiusServerConfig,
    ServicesConfig,
    SubscriberConfig,
    SwitchConfig,
    TrunkConfig,
)

__all__ = [
    "AcceptanceConfig",
    "AddedLicenceConfig",
    "AdminConfig",
    "AggregateConfig",
    "BridgeConfig",
    "BridgeSideConfig",
    "Config",
    "ConfigError",
    "ConsoleConfig",
    "DomainConfig",
    "E1Config",
    "LapbConfig",
    "LicenceConfig",
    "MediaConfig",
    "MediatorConfig",
    "MemoryConfig",
    "NetworkFormatConfig",
    "NumberBinding",
    "OwnFormatConfig",
    "Port",
    "RadiusConfig",
    "RadiusServerConfig",
    "RtpConfig",
    "SerialConfig",
    "ServicesConfig",
    "SshConfig",
    "SubscriberConfig",
    "SwitchConfig",
    "TrunkConfig",
    "WebConfig",
    "X25Config",
    "XotConfig",
    "is_loopback",
    "load",
    "parse",
]
