"""What a lab file says of MultiSORM: its users, their domains, its port and its time."""

from __future__ import annotations

import logging

from sorm_mediator.config import Config, ConfigError
from ssh_control.multisorm.patterns import DomainList

log = logging.getLogger(__name__)


def check_multisorm(config: Config, name: str) -> None:
    """Raises :class:`ConfigError` for what can't work; warns of domains that are not there (yet)."""
    switch = config.switch
    if switch is None or not switch.aggregates:
        return
    if switch.ssh_port == 65535:
        raise ConfigError(
            f"{name}: switch.ssh_port: 65535 leaves no port for MultiSORM, which is the next one"
        )
    bound, patience = switch.multisorm_timeout, config.mediator.options.switch_timeout
    if bound >= patience:
        raise ConfigError(
            f"{name}: switch.multisorm_timeout: {bound:g} must be less than "
            f"mediator.options.switch_timeout ({patience:g}): the mediator would not wait for the answer"
        )
    domains = [domain.name for domain in switch.domains]
    taken = dict.fromkeys(domains, "the name of a domain")
    taken[switch.admin.user] = "the user of the shell (switch.admin.user)"
    for number, aggregate in enumerate(switch.aggregates):
        key, user = f"{name}: switch.aggregates.{number}", aggregate.user
        if user in taken:
            raise ConfigError(f"{key}.user: {user!r} is {taken[user]} already; choose another")
        taken[user] = "a MultiSORM user"
        for problem in DomainList.parse(aggregate.domains).select(domains).problems:
            log.warning("%s.domains: %s: until there is, nobody can log in as %s", key, problem, user)
