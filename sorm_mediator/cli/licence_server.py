"""``sorm-mediator licence lac|server|file|merge``: the central licence server of a lab."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sorm_mediator.cli.common import JsonOption, LogFormOption, LogOption, ReadyFileOption, usage_errors

StoreOption = Annotated[
    Path, typer.Option("--store", metavar="FILE", help="The file of the sold codes (JSON).")
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the licence file there; left out: to stdout."),
]


def make_lac(
    store: StoreOption,
    limit: Annotated[
        list[str], typer.Option(metavar="KEY=NUMBER", help="What is bought, such as ip=10; repeat it.")
    ],
    count: Annotated[
        int, typer.Option(min=1, max=1000, help="How many codes, each with these licences.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Sell licences: print new licence authorisation codes (LAC), a line each.

    Example: sorm-mediator licence lac make --store cls.json --limit ip=10 --limit networking=2
    """
    import json

    from sorm_mediator.errors import BoxError
    from sorm_mediator.switch.licence import LicenceError
    from sorm_mediator.switch.licence_server import sell
    from sorm_mediator.switch.licence_store import LicenceStore
    from sorm_mediator.texts import whole_number

    limits: dict[str, int] = {}
    for text in limit:
        key, _, value = text.partition("=")
        number = whole_number(value, 0, 10_000_000)
        if number is None:
            raise BoxError(f"--limit: {text!r} is not KEY=NUMBER, such as ip=10")
        limits[key] = number
    try:
        codes = LicenceStore(store).change(lambda sold: sell(sold, limits, count))
    except LicenceError as error:
        raise BoxError(f"--limit: {error}") from None
    typer.echo(json.dumps({"lacs": codes, "limits": limits}) if as_json else "\n".join(codes))


def list_lacs(store: StoreOption, as_json: JsonOption = False) -> None:
    """List the codes: what was bought with each, and the Locking ID that it is used for.

    Example: sorm-mediator licence lac list --store cls.json
    """
    import json

    from sorm_mediator.cli.common import echo
    from sorm_mediator.switch.licence_store import LicenceStore

    sold = LicenceStore(store).read()
    if as_json:
        typer.echo(json.dumps({lac: one.model_dump() for lac, one in sold.lacs.items()}))
        return
    for lac, one in sold.lacs.items():
        limits = " ".join(f"{key}={number}" for key, number in one.limits.items())
        echo(f"{lac}  {limits}  {one.locking_id or 'not used'}")


def server(
    store: StoreOption,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where switches ask; port 0 is any free one.")
    ] = "127.0.0.1:0",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen beyond loopback: whoever connects may use codes.")
    ] = False,
    ready_file: ReadyFileOption = None,
    log_level: LogOption = "info",
    log: LogFormOption = "text",
) -> None:
    """Run the central licence server until stopped.

    It listens on loopback unless it is told otherwise. When ready it prints one line {"ready": true, "endpoints":
    {"licence_server": "host:port"}}. Ctrl-C or SIGTERM stop it with 0.

    Example: sorm-mediator licence server --store cls.json --listen 127.0.0.1:7790
    """
    from sorm_mediator.cli import loops
    from sorm_mediator.cli.logs import set_up_logging

    with usage_errors():
        _check_listen(listen, allow_remote)
    set_up_logging(log_level, log, "licence server")
    loops.run(_serve(store, listen, ready_file))


def _check_listen(listen: str, allow_remote: bool) -> None:
    """Raises :class:`UsageError` for an address beyond loopback that is not allowed."""
    from sorm_mediator.addresses import split_host_port
    from sorm_mediator.config import is_loopback
    from sorm_mediator.console.errors import UsageError

    try:
        host, _ = split_host_port(listen)
    except ValueError:
        raise UsageError(f"--listen: {listen!r} is not HOST:PORT, such as 127.0.0.1:7790") from None
    if not (allow_remote or is_loopback(host)):
        raise UsageError(
            f"--listen: {listen}: is not on loopback, and whoever connects there may use the codes: "
            "give --allow-remote if that is wanted"
        )


async def _serve(store: Path, listen: str, ready_path: Path | None) -> None:
    from sorm_mediator.cli.serving import serve
    from sorm_mediator.switch.licence_store import LicenceServer, LicenceStore

    licence_server = LicenceServer(LicenceStore(store), listen)

    async def start() -> dict[str, object]:
        return {"endpoints": {"licence_server": await licence_server.start()}}

    await serve(start, licence_server.stop, ready_path)


def file(
    lac: Annotated[str, typer.Argument(metavar="LAC", help="The licence authorisation code.")],
    store: StoreOption,
    locking_id: Annotated[str, typer.Option(metavar="ID", help="The Locking ID of the switch.")],
    company: Annotated[str, typer.Option(help="Registration: the owner.")] = "",
    name: Annotated[str, typer.Option(help="Registration: a person to ask.")] = "",
    mail: Annotated[str, typer.Option(help="Registration: the address of that person.")] = "",
    out: OutOption = None,
) -> None:
    """Make the licence file of a code for a switch without the server.

    The shell's licence/load activates it; licence/locking-id shows the Locking ID.

    Example: sorm-mediator licence file LAC-7KQ2-XM4D-9HTB-P3VZ --store cls.json --locking-id LID-4MLXJG53 \
    --company A --name B --mail b@example.org
    """
    import time

    from sorm_mediator.config.stations import RegistrationConfig
    from sorm_mediator.errors import BoxError
    from sorm_mediator.switch.licence import LicenceError
    from sorm_mediator.switch.licence_server import activate
    from sorm_mediator.switch.licence_store import LicenceStore

    _check_out(out)
    try:
        registration = RegistrationConfig(company=company, name=name, mail=mail)
    except ValueError:
        raise BoxError("--company, --name or --mail is too long, or --mail is no address") from None
    try:
        text = LicenceStore(store).change(
            lambda sold: activate(sold, lac, locking_id, registration, time.time())
        )
    except LicenceError as error:
        raise BoxError(str(error)) from None
    _put_out(text, out)


def merge(
    locking_id: Annotated[
        str, typer.Argument(metavar="ID", help="The Locking ID of the master of the network.")
    ],
    others: Annotated[
        list[str], typer.Argument(metavar="OTHER...", help="The Locking IDs of the other nodes.")
    ],
    store: StoreOption,
    out: OutOption = None,
) -> None:
    """Put the licences of several nodes into one file of a network.

    It is tied to the Locking ID of the master.

    Example: sorm-mediator licence merge LID-MASTER LID-A LID-B --store cls.json --out network.licence
    """
    import time

    from sorm_mediator.errors import BoxError
    from sorm_mediator.switch.licence import LicenceError
    from sorm_mediator.switch.licence_server import merge as merged
    from sorm_mediator.switch.licence_store import LicenceStore

    _check_out(out)
    try:
        text = LicenceStore(store).change(lambda sold: merged(sold, locking_id, others, time.time()))
    except LicenceError as error:
        raise BoxError(str(error)) from None
    _put_out(text, out)


def _check_out(out: Path | None) -> None:
    """A code is used up by its file, so a file that can't be written is told before."""
    from sorm_mediator.console.errors import check_folders

    with usage_errors():
        check_folders({"--out": out})


def _put_out(text: str, out: Path | None) -> None:
    from sorm_mediator.config.written import write_file
    from sorm_mediator.errors import BoxError

    if out is None:
        typer.echo(text)
        return
    try:
        write_file(out, text + "\n")
    except OSError as error:
        raise BoxError(f"--out: {out}: {error.strerror or error}") from None
