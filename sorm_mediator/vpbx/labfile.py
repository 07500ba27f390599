"""A tenant as a part of a lab file: put into the text of one, or into a new one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import tomlkit
from tomlkit.items import AoT

from sorm_mediator.config.base import ConfigError
from sorm_mediator.config.vpbx import VpbxConfig, free_address
from sorm_mediator.config.written import bare, is_tables, item, plain

NEW_LAB: Final = """\
# A lab whose switch is the Sipteco virtual PBX; vpbx import wrote its tenant.
# sorm-mediator lab FILE

[mediator]
order = "268"
state = ":memory:"
journal = ""

[ssh]
port = 0                          # the lab's own switch
user = ""
password = ""

[radius]
require_message_authenticator = true

[switch]
profile = "sipteco"
require_message_authenticator = true
"""
"""What a new lab file begins with."""
SECRETS: Final = ("secret", "sip_reg_secret", "password")
"""Columns that are left out unless they are asked for; nothing of the emulator needs them."""

SETTINGS: Final = ("address", "running", "area_code", "sorm")
"""Keys of ``vpbx`` that no dump has."""


def with_tenant(text: str, name: str, tenant: VpbxConfig, *, secrets: bool = False) -> str:
    """The text of a lab file with this tenant, added or in place of the one of that name.

    ``text``: "" makes a new lab. ``secrets``: with passwords. Raises :class:`ConfigError` for a lab file that is no lab
    of this profile.
    """
    new = not text.strip()
    document: Any = tomlkit.parse(text or NEW_LAB)
    switch = document.get("switch")
    if not isinstance(switch, MutableMapping) or switch.get("profile", "ecss10") != "sipteco":
        raise ConfigError('switch.profile: is not "sipteco"; a tenant goes into a lab file of this profile')
    if new:
        document["ssh"]["user"] = name
        document["ssh"]["password"] = "123"  # nosec B105 # noqa: S105 - of the emulated switch, on loopback
    domains = switch.get("domains", [])
    if not is_tables(domains) or not all(isinstance(one.get("vpbx", {}), Mapping) for one in domains):
        raise ConfigError("switch.domains: each is a table [[switch.domains]], and so is its vpbx")
    present = next((one for one in domains if one.get("name") == name), None)
    values = _plain(tenant, secrets=secrets)
    kept = present.get("vpbx", {}) if present is not None else {}
    # What is no table of the database stays as the lab file has it.
    values = {key: bare(kept[key]) for key in SETTINGS if key in kept} | values
    if not values.get("address"):
        taken = {str(one.get("vpbx", {}).get("address", "")) for one in domains}
        values = {"address": free_address(taken), **values}
    vpbx = item(values, inline=False)
    if present is not None:
        present["vpbx"] = vpbx
    else:
        domain = tomlkit.table()
        domain["name"] = name
        domain["password"] = "123" if new else ""  # nosec B105 - empty: nobody logs in
        domain["vpbx"] = vpbx
        if "domains" not in switch:
            switch["domains"] = tomlkit.aot()
        if not isinstance(switch["domains"], AoT):
            raise ConfigError("switch.domains: is written as [ ... ]; write it as [[switch.domains]]")
        switch["domains"].append(domain)
    written = tomlkit.dumps(document)
    tomllib.loads(written)
    return written


def _plain(tenant: VpbxConfig, *, secrets: bool) -> dict[str, Any]:
    values = plain(tenant, given_only=True)
    for rows in values.values():
        for row in rows if isinstance(rows, list) else ():
            for column in SECRETS if not secrets else ():
                row.pop(column, None)
    return values
