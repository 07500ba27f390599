"""Commands of the licences of stations, users and trunks, and of the activation of licence files.

Source: docs/network-licence.md; OpenScape Business administration, Licensing. The commands are ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sorm_mediator.config.stations import POOL_KEYS, TRUNK_KINDS
from sorm_mediator.switch.assignments import INVALID, LICENCES, Assignment
from sorm_mediator.switch.changes import ChangeRefused, stations
from sorm_mediator.switch.licence import LicenceError
from sorm_mediator.switch.licence_client import LONGEST
from sorm_mediator.switch.shell.command import Command, Invocation, format_table, ok, path_in
from sorm_mediator.texts import read_utf8, whole_number

_FOLDER: Final = "licence"
_HEADER: Final = ("Domain", "Number", "Licence", "State", "Reason")
RED: Final = "! "
"""Marks a row that the vendor's page shows in red: text for people has no colours over SSH."""


def _assign(call: Invocation) -> str:
    state = stations.assign(call.node, call["NUMBER"], call["TYPE"])
    return ok((f"{call['NUMBER']} {call['TYPE']}: {state.value}",))


def _release(call: Invocation) -> str:
    state = stations.release(call.node, call["NUMBER"], call["TYPE"])
    return ok((f"{call['NUMBER']} {call['TYPE']}: {state.value}",))


def _check(call: Invocation) -> str:
    """Save and unlock; the demands without a licence are listed, to be corrected before the next check."""
    checked = stations.check(call.node)
    done = f"unlocked: {len(checked.unlocked)}, without a licence: {len(checked.invalid)}"
    parts = [ok((done,))]
    if checked.invalid:
        parts += [_table(checked.invalid), "Release some of them, or buy licences, and check again."]
    return "\n".join(parts)


def _overview(call: Invocation) -> str:
    assignments = stations.assignments_of(call.node)
    parts = [_table(assignments.overview())]
    if call.flag("--print"):
        invalid = assignments.invalid()
        parts.append(f"Invalid assignments: {len(invalid)}")
        if invalid:
            parts.append(_table(invalid))
    return "\n".join(parts)


def _table(rows: Iterable[Assignment]) -> str:
    return format_table(
        _HEADER,
        [
            (
                one.domain,
                one.number,
                one.licence,
                f"{RED if one.state in INVALID else ''}{one.state.value}",
                one.reason,
            )
            for one in rows
        ],
    )


def _pool(call: Invocation) -> str:
    """The licences that were bought, or that the network gives to this node, and those in use."""
    assignments = stations.assignments_of(call.node)
    used = dict(assignments.used)
    for share in call.node.trunk_shares:
        used[share.kind] = used.get(share.kind, 0) + share.licensed
    pool = call.node.pool
    rows: list[tuple[object, ...]] = [
        (key, pool.get(key, 0), used.get(key, 0)) for key in (*LICENCES, *TRUNK_KINDS)
    ]
    rows += [(key, pool[key], "") for key in POOL_KEYS if key not in {row[0] for row in rows} and key in pool]
    return format_table(("Licence", "There are", "In use"), rows)


def _list_trunks(call: Invocation) -> str:
    stations.assignments_of(call.node)
    header = ("Domain", "Trunk", "Kind", "Channels", "Licensed", "Calls")
    return format_table(header, stations.trunk_rows(call.node))


def _license_trunk(call: Invocation) -> str:
    channels = whole_number(call["CHANNELS"], 0, 1_000_000)
    if channels is None:
        raise ChangeRefused(f"CHANNELS: {call['CHANNELS'][:20]!r} is not a number of channels, 0 to 1000000")
    stations.license_trunk(call.node, call["DOMAIN"], call["TRUNK"], channels)
    return ok()


STATION_COMMANDS: Final = (
    Command(
        f"{_FOLDER}/assign", "<NUMBER> <TYPE>", _assign,
        "Demand a licence for a subscriber, NUMBER or NUMBER@DOMAIN; check unlocks it",
        choices={"TYPE": LICENCES},
    ),
    Command(
        f"{_FOLDER}/release", "<NUMBER> <TYPE>", _release,
        "Give a licence of a subscriber back; check saves it",
        choices={"TYPE": LICENCES},
    ),
    Command(
        f"{_FOLDER}/check", "", _check,
        "Unlock as many demands as there are licences, and list the others",
    ),
    Command(
        f"{_FOLDER}/overview", "[--print]", _overview,
        "The licences of all subscribers; --print: with a table of the invalid ones at its end",
    ),
    Command(f"{_FOLDER}/pool", "", _pool, "How many licences there are, and how many are in use"),
    Command(f"{_FOLDER}/trunk/list", "", _list_trunks, "The licences of trunks"),
    Command(
        f"{_FOLDER}/trunk/assign", "<DOMAIN> <TRUNK> <CHANNELS>", _license_trunk,
        "Give a trunk this number of trunk licences",
    ),
)  # fmt: skip


# --- activation


def _locking_id(call: Invocation) -> str:
    node = call.node
    kind = "Advanced Locking ID" if node.config.advanced_locking_id else "Locking ID"
    return f"{kind}: {stations.activator(node)}"


def _activate(call: Invocation) -> str:
    """Ask the licence server for the licence file of a code, and activate it."""
    own = stations.activator(call.node)
    server = call.node.config.licence_server.url
    if not server:
        raise ChangeRefused(
            "there is no licence server: licence/server set HOST:PORT, or licence/load a licence file"
        )
    try:
        text = call.shell.context.ask_licence_server(server, call["LAC"], own, call.node.config.registration)
    except LicenceError as error:
        raise ChangeRefused(f"the licence server {server} refuses: {error}; nothing is changed") from None
    except OSError as error:
        why = error.strerror or error or type(error).__name__
        raise ChangeRefused(
            f"the licence server {server} does not answer: {why}; nothing is changed"
        ) from None
    return _activated(call, text)


def _load(call: Invocation) -> str:
    """Activate a licence file of the lab's directory."""
    folder = call.node.directory.resolve()
    path = path_in(folder, Path(call["FILE"]))
    if not path.is_relative_to(folder):
        raise ChangeRefused(f"{call['FILE']}: licence files are read from {folder} alone: copy it there")
    try:
        if path.exists() and not path.is_file():
            raise ChangeRefused(f"{path}: is no regular file")
        with path.open("rb") as file:
            text = read_utf8(file.read(LONGEST))
    except OSError as error:
        raise ChangeRefused(f"{path}: can't be read: {error.strerror or error}") from None
    except UnicodeError as error:
        raise ChangeRefused(f"{path}: {error}") from None
    return _activated(call, text)


def _activated(call: Invocation, text: str) -> str:
    body = stations.activate(call.node, text)
    call.shell.context.activated()
    bought = ", ".join(f"{key}={count}" for key, count in sorted(body.bought.items()))
    return ok((f"licence file {body.serial} is active: {bought}", "licence/check unlocks demands"))


def _registration(call: Invocation) -> str:
    rows = [*call.node.config.registration.model_dump().items()]
    return format_table(("Property", "Value"), rows)


def _set_registration(call: Invocation) -> str:
    stations.set_registration(call.node, call["KEY"], " ".join(call.many("VALUE")))
    return ok()


def _server(call: Invocation) -> str:
    return format_table(("Property", "Value"), [("url", call.node.config.licence_server.url)])


def _set_server(call: Invocation) -> str:
    stations.set_server(call.node, call["URL"])
    return ok()


ACTIVATION_COMMANDS: Final = (
    Command(f"{_FOLDER}/locking-id", "", _locking_id, "The Locking ID, which a licence file is tied to"),
    Command(
        f"{_FOLDER}/activate", "<LAC>", _activate,
        "Send a licence authorisation code to the licence server, and activate its licence file",
    ),
    Command(f"{_FOLDER}/load", "<FILE>", _load, "Activate a licence file"),
    Command(
        f"{_FOLDER}/registration", "set <KEY> <VALUE>...", _set_registration,
        "Enter the registration data, which the licence server wants",
        choices={"KEY": stations.REGISTRATION_KEYS},
    ),
    Command(f"{_FOLDER}/registration", "", _registration, "The registration data"),
    Command(
        f"{_FOLDER}/server", "set <URL>", _set_server,
        "Set the address of the licence server; for users with the profile expert",
    ),
    Command(f"{_FOLDER}/server", "", _server, "The address of the licence server"),
)  # fmt: skip
