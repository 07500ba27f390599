"""The shell's commands for what subscribers use of a licence.

The packages of services have commands of our own: the manual refers to another page for them. So have the
registrations of Elph clients, which a switch with SIP gets from the clients themselves.

Source: ECSS-10 manual, Elph licences: ``elph/usage``, ``elph-registered``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sorm_mediator.config import ServiceGroupsConfig
from sorm_mediator.switch.calls.call import CallRefused
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.elph import EXPIRES, PLATFORMS, ElphRegistrations
from sorm_mediator.switch.licence import LIMITS, PACKAGES, shown
from sorm_mediator.switch.shell.call_commands import exchange_of
from sorm_mediator.switch.shell.command import Command, Invocation, format_table, ok
from sorm_mediator.texts import shown as shown_text
from sorm_mediator.texts import whole_number

MOST_SECONDS: Final = 2**31 - 1
"""The longest registration that is entered (our choice)."""


def _packages(call: Invocation) -> str:
    """The packages of the active licence: what they cover, and how many subscribers have them."""
    now = call.shell.context.clock()
    active = call.node.licences.active(now)
    groups = call.node.config.service_groups
    rows = []
    for key, used in exchange_of(call).engine.packages.in_use(now).items():
        names = [
            field.alias or name
            for name, field in ServiceGroupsConfig.model_fields.items()
            if getattr(groups, name) in PACKAGES[key]
        ]
        (listed,) = (text for label, text in LIMITS[key].after if label == "SS list")
        limit = shown(active.limits.values[key])
        rows.append((key.removeprefix("package."), listed, ", ".join(names), limit, used))
    return format_table(("Package", "SS list", "Services", "Limit", "In use"), rows)


def _licensed(call: Invocation) -> str:
    """The subscribers of a domain that have packages or lack one."""
    now, packages = call.shell.context.clock(), exchange_of(call).engine.packages
    lacking = {subscriber: services for _, subscriber, services in packages.without(now)}
    rows = [
        (one.number, ", ".join(key.removeprefix("package.") for key in held), ", ".join(lacking.get(one, ())))
        for one in call.node.domains[call.domain].subscribers.values()
        if (held := packages.of(one, now)) or one in lacking
    ]
    return format_table(("Number", "Packages", "Services without a licence"), rows)


def _elph(call: Invocation) -> ElphRegistrations:
    elph = call.shell.context.elph
    if elph is None:
        raise ChangeRefused("this shell has no registrations")
    return elph


def _elph_usage(call: Invocation) -> str:
    """The licences of Elph clients, of the whole switch and with ``--domains`` of each domain."""
    elph, now = _elph(call), call.shell.context.clock()
    rows: list[tuple[object, ...]] = [("(all)", len(elph.registered(now)), f"{elph.limit(now):g}")]
    if call.flag("--domains"):
        rows += [(name, len(elph.registered(now, name)), "") for name in call.node.domains]
    return format_table(("Domain", "Registrations", "Limit"), rows)


def _elph_registered(call: Invocation) -> str:
    """The registered devices of one number, or of all."""
    elph, now = _elph(call), call.shell.context.clock()
    rows = [
        (one.number, one.device, one.platform, f"{max(0, round(one.until - now))} s")
        for one in elph.registered(now, call.domain)
        if call["LOCAL"] in ("*", one.number)
    ]
    return format_table(("Number", "Device", "Client", "Expires in"), rows)


def _elph_register(call: Invocation) -> str:
    elph, now = _elph(call), call.shell.context.clock()
    platform = next((one for one in PLATFORMS if one == call["CLIENT"]), None)
    if platform is None:
        raise ChangeRefused(f"CLIENT: {shown_text(call['CLIENT'])} is not allowed: {', '.join(PLATFORMS)}")
    expires = whole_number(call.option("--expires") or f"{EXPIRES:g}", 1, MOST_SECONDS)
    if expires is None:
        raise ChangeRefused(
            f"--expires: {shown_text(call.option('--expires'))} is not allowed: 1 to {MOST_SECONDS}"
        )
    with _refusals():
        elph.register(call.domain, call["LOCAL"], platform, call["DEVICE"], now, float(expires))
    return ok()


def _elph_cancel(call: Invocation) -> str:
    with _refusals():
        _elph(call).cancel(call.domain, call["LOCAL"], call["DEVICE"], call.shell.context.clock())
    return ok()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except CallRefused as refusal:
        raise ChangeRefused(str(refusal)) from None


SERVICE_COMMANDS: Final = (
    Command(
        "system/licence/elph/usage", "[--domains]", _elph_usage,
        "The licences of Elph clients and those in use; --domains: of each domain",
    ),
    Command(
        "domain/<D>/sip/user/elph-registered", "<LOCAL>", _elph_registered,
        "The registered Elph clients of a number; *: of all",
    ),
    Command(
        "domain/<D>/sip/user/elph-register", "<LOCAL> <CLIENT> <DEVICE> [--expires <SECONDS>]", _elph_register,
        "Register a device of a subscriber as an Elph client: desktop, android or ios",
        choices={"CLIENT": PLATFORMS},
    ),
    Command(
        "domain/<D>/sip/user/elph-cancel", "<LOCAL> <DEVICE>", _elph_cancel,
        "Cancel the registration of an Elph client",
    ),
    Command(
        "system/licence/packages/usage", "", _packages,
        "The licence's packages of services, and how many subscribers have them",
    ),
    Command(
        "domain/<D>/ss/packages", "", _licensed,
        "The subscribers that have packages of services, and services without a licence",
    ),
)  # fmt: skip
