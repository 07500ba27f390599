"""Commands of the Sipteco platform: tenants, their virtual machines, and the search for a call.

Source: Sipteco platform manual, 4.2, 4.2.1 and 4.3.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final

from sorm_mediator.switch.calls.cdr import Record, file_lines, log_lines, records
from sorm_mediator.switch.cdr import kept
from sorm_mediator.switch.changes import ChangeRefused, vpbx
from sorm_mediator.switch.shell.command import Command, Invocation, format_table, ok

SIPTECO: Final = "sipteco"
NO_TENANTS: Final = "there is no tenant; install_qfon <DOMAIN> makes one"


def _install(call: Invocation) -> str:
    name = call["DOMAIN_NEW"]
    made = vpbx.install(call.node, name)
    return "\n".join(
        (
            f"1) virtual machine {name}, {made.address}",
            f"2) database {name}, empty: sorm-mediator vpbx import fills one in a lab file",
            "3) store of recordings: not emulated",
            "4) web site: not emulated",
            f"5) {name} is started",
            "6) mounting: not emulated",
            ok((f"domain/{name}/sorm/set password lets a mediator in",)),
        )
    )


def _delete(call: Invocation) -> str:
    vpbx.delete(call.node, call["DOMAIN"])
    return ok()


def _machine(call: Invocation) -> str:
    """The tenant of a machine's file: ``demo``, ``demo.cfg`` or ``/etc/xen/demo.cfg``."""
    name = call["MACHINE"]
    if name in call.node.domains:
        return name
    return name.removeprefix("/etc/xen/").removesuffix(".cfg")


def _create(call: Invocation) -> str:
    vpbx.set_running(call.node, _machine(call), True)
    return ok()


def _destroy(call: Invocation) -> str:
    vpbx.set_running(call.node, _machine(call), False)
    return ok()


def _list(call: Invocation) -> str:
    rows = [
        (
            one.name,
            one.vpbx.address,
            "running" if one.vpbx.running else "stopped",
            len(one.vpbx.dial_numbers),
            len(one.vpbx.sip_trunks),
            len(one.vpbx.users),
        )
        for one in call.node.config.domains
        if one.vpbx is not None
    ]
    return (
        format_table(("Name", "Address", "State", "Numbers", "SIP trunks", "Users"), rows)
        if rows
        else NO_TENANTS
    )


def _tenant(call: Invocation) -> str:
    name = call.option("--tenant")
    if name:
        vpbx.tenant_of(call.node, name)
    return name


def _grep(call: Invocation) -> str:
    exchange, tenant, text = call.shell.context.calls, _tenant(call), call["TEXT"]
    calls = exchange.engine.calls if exchange else {}
    found = [*_of_files(call, tenant, calls), *log_lines(calls.values(), text, tenant)]
    if not found:
        raise ChangeRefused(f"no line of the log has {call['TEXT']!r}; calls cdr lists the calls")
    return "\n".join(found)


def _of_files(call: Invocation, tenant: str, known: Container[str]) -> Iterator[str]:
    """Of calls that the switch keeps no longer: the records of tenants whose key ``cdr`` says that they have files."""
    if not call.node.config.cdr_directory:
        return
    directory = call.node.directory / call.node.config.cdr_directory
    for domain in call.node.config.domains:
        if domain.vpbx is None or not domain.cdr or tenant not in ("", domain.name):
            continue
        try:
            yield from file_lines(kept(directory, domain.name), call["TEXT"], known)
        except (OSError, ValueError, KeyError) as error:
            raise ChangeRefused(
                f"{directory / domain.name}: can't be read as call records: {error}"
            ) from None


def _cdr(call: Invocation) -> str:
    exchange = call.shell.context.calls
    kept = exchange.engine.calls.values() if exchange else ()
    return format_table(Record._fields, records(kept, _tenant(call), call["NUMBER"]))


VPBX_COMMANDS: Final = (
    Command("install_qfon", "<DOMAIN_NEW>", _install, "Make a tenant of the virtual PBX and start it", profile=SIPTECO),
    Command("delete_qfon", "<DOMAIN>", _delete, "Delete a tenant of the virtual PBX", profile=SIPTECO),
    Command(
        "xm", "create <MACHINE>", _create, "Start a tenant; MACHINE is its name, or /etc/xen/NAME.cfg", profile=SIPTECO
    ),
    Command("xm", "destroy <MACHINE>", _destroy, "Stop a tenant: it takes no calls, running ones go on",
    profile=SIPTECO), Command("xm", "list", _list, "The tenants and whether they run", profile=SIPTECO),
    Command(
        "calls", "grep <TEXT> [--tenant <DOMAIN>]", _grep,
        "Lines of the calls' log with a number, a time, or the call id that stands in []", profile=SIPTECO,
    ),
    Command(
        "calls", "cdr [<NUMBER>] [--tenant <DOMAIN>]", _cdr,
        "Records of the calls that have ended, of all or with this calling or called number", profile=SIPTECO,
    ),
)  # fmt: skip
