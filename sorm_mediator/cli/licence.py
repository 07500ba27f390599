"""``sorm-mediator licence``: keys of licences and passports, for the emulated switch of a lab."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sorm_mediator.cli.common import JsonOption, LogFormOption, LogOption, ReadyFileOption, echo, usage_errors

if TYPE_CHECKING:
    from sorm_mediator.switch.licence import LicenceBody, Origin, Value

SswOption = Annotated[
    str,
    typer.Option(help="The switch that it is for, as switch.licence.ssw_id; left out: the default of that."),
]
AuthorOption = Annotated[
    str, typer.Option(help="Its author, as show-licence and show-passport print it; so are the next four.")
]
AuthorIpOption = Annotated[
    list[str] | None, typer.Option(metavar="ADDRESS", help="Address of the author's system; repeat it.")
]
EncoderUserOption = Annotated[str, typer.Option(help="The login that it was encoded with.")]
EncoderHostOption = Annotated[str, typer.Option(help="The system that it was encoded on.")]
EncoderIpOption = Annotated[
    list[str] | None, typer.Option(metavar="ADDRESS", help="Address of that system; repeat it.")
]


def make(
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A limit, such as sorm_channels=20; repeat it."),
    ] = None,
    expires: Annotated[
        str, typer.Option(metavar="DATE", help="Its last day (UTC), such as 2027-12-31; left out: no limit.")
    ] = "",
    description: Annotated[str, typer.Option(help="Whose it is, for people.")] = "lab licence",
    ssw_id: SswOption = "",
    author: AuthorOption = "sorm-mediator",
    author_ip: AuthorIpOption = None,
    encoder_user: EncoderUserOption = "sorm-mediator",
    encoder_host: EncoderHostOption = "localhost",
    encoder_ip: EncoderIpOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the key of a new licence.

    It is for the shell's add and for [[switch.licences]]. What it has no limit of stays as in the factory licence,
    and not as in the licence that it follows: stderr lists what the switch keeps to. Exit code 2 when a limit or
    the date can't be used.

    Example: sorm-mediator licence make --limit sorm_channels=20 --limit concurrent_calls=500 --expires 2027-12-31
    """
    from datetime import UTC, date, datetime

    from sorm_mediator.config import LicenceConfig
    from sorm_mediator.errors import BoxError
    from sorm_mediator.switch.licence import LicenceError, decode_licence, make_licence

    try:
        last = date.fromisoformat(expires) if expires else None
    except ValueError:
        raise BoxError(f"--expires: {expires!r} is not a date such as 2027-12-31") from None
    try:
        made = make_licence(
            _limits(limit or []),
            ssw_id=ssw_id or LicenceConfig().ssw_id,
            description=description,
            expires=last,
            now=time.time(),
            origin=_origin(author, author_ip, encoder_user, encoder_host, encoder_ip),
        )
    except LicenceError as error:
        raise BoxError(str(error)) from None
    _print(made, as_json)
    if last is not None and last < datetime.now(UTC).date():
        echo(f"warning: --expires: {last} is over, so no switch takes this licence", err=True)
    kept = _kept(decode_licence(made))
    for origin, text in (("this licence", "set"), ("factory licence", "from the factory licence")):
        values = ", ".join(f"{key}={value}" for key, (value, where) in kept.items() if where == origin)
        if values:
            echo(f"{text}: {values}", err=True)


def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="A key, or - for standard input.")],
    as_json: JsonOption = False,
) -> None:
    """Show what the key of a licence or passport holds.

    Also what a switch under the licence keeps to. Exit code 1 for a licence that has expired, 2 for a text that
    is not a key.

    Example: sorm-mediator licence make --limit sorm_channels=20 | sorm-mediator licence show -
    """
    import json
    from datetime import UTC, datetime

    from sorm_mediator.errors import BoxError
    from sorm_mediator.switch.licence import LicenceBody, LicenceError, decode, shown

    try:
        body = decode(sys.stdin.read() if key == "-" else key)
    except LicenceError as error:
        raise BoxError(str(error)) from None
    document: dict[str, Any] = {"kind": "licence" if isinstance(body, LicenceBody) else "passport"}
    document |= body.model_dump(mode="json", exclude={"limits"})
    expired = False
    if isinstance(body, LicenceBody):
        expired = body.expires != "" and body.expires < datetime.now(UTC).date()
        document |= {
            "expired": expired,
            "limits": {name: shown(value) for name, value in body.values().items()},
            "kept": {name: {"value": value, "from": origin} for name, (value, origin) in _kept(body).items()},
        }
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False))
        raise typer.Exit(1 if expired else 0)
    limits, kept = document.pop("limits", {}), document.pop("kept", {})
    rows = [(name.replace("_", " "), _in_words(value)) for name, value in document.items()]
    rows += [(f"limit {name}", value) for name, value in limits.items()]
    rows += [(f"kept to: {name}", f"{one['value']} ({one['from']})") for name, one in kept.items()]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        echo(f"{name:<{width}}  {value}".rstrip())
    raise typer.Exit(1 if expired else 0)


def _in_words(value: object) -> str:
    if isinstance(value, bool):  # 1 is a limit, not a yes
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)


def _kept(body: LicenceBody) -> dict[str, tuple[str, str]]:
    """What a switch under a licence keeps to: each value, and where it is from."""
    from sorm_mediator.switch.licence import Licence, shown

    licence = Licence(1, body, body.values())
    return {
        key: (
            shown(licence.limits.values.get(key, 0)),
            "this licence" if key in licence.values else "factory licence",
        )
        for key in licence.limits.told()
    }


def passport(
    description: Annotated[str, typer.Option(help="Whose it is, for people.")] = "lab passport",
    ssw_id: SswOption = "",
    author: AuthorOption = "sorm-mediator",
    author_ip: AuthorIpOption = None,
    encoder_user: EncoderUserOption = "sorm-mediator",
    encoder_host: EncoderHostOption = "localhost",
    encoder_ip: EncoderIpOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the key of a new passport.

    It is for the shell's set-passport and for switch.licence.passport. Licences and the passport of a switch are
    for the same SSW ID.

    Example: sorm-mediator licence passport --ssw-id "ECSS 010079"
    """
    from sorm_mediator.config import LicenceConfig
    from sorm_mediator.errors import BoxError
    from sorm_mediator.switch.licence import LicenceError, make_passport

    try:
        made = make_passport(
            ssw_id=ssw_id or LicenceConfig().ssw_id,
            description=description,
            now=time.time(),
            origin=_origin(author, author_ip, encoder_user, encoder_host, encoder_ip),
        )
    except LicenceError as error:
        raise BoxError(str(error)) from None
    _print(made, as_json)


def cloud(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on loopback; 0: any free one, told in the ready line.")
    ] = 8443,
    root: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Where the root certificate (PEM) is written, over a file that is there."
        ),
    ] = Path("licence-root.pem"),
    account: Annotated[str, typer.Option(help="Name of the virtual account.")] = "CUSP TEST",
    purchased: Annotated[
        int, typer.Option(min=0, max=10_000_000, help="Licences that the account has bought.")
    ] = 30,
    other_count: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            max=10_000_000,
            metavar="N",
            help="Count that another proxy of the account is configured with; repeat it.",
        ),
    ] = None,
    expiry: Annotated[int, typer.Option(min=1, help="Seconds that an authorisation lasts.")] = 7_775_673,
    retry_interval: Annotated[int, typer.Option(min=1, help="Seconds between two authorisations.")] = 43_200,
    ready_file: ReadyFileOption = None,
    log_level: LogOption = "info",
    log: LogFormOption = "text",
) -> None:
    """Run a stand-in of the licence cloud on loopback until stopped.

    A switch with [switch.smart_licence] registers with it: server is the url of the ready line, token its token, root
    the file. GET /usage is the report of the account; PUT /fault breaks it. Ctrl-C or SIGTERM stop it with 0.

    Example: sorm-mediator licence cloud --port 8443 --root licence-root.pem --purchased 30
    """
    from sorm_mediator.cli import loops
    from sorm_mediator.cli.licence_cloud import serve_cloud, write_root
    from sorm_mediator.cli.logs import set_up_logging
    from sorm_mediator.config.switch import MOST_SECONDS
    from sorm_mediator.console.errors import check_folders
    from sorm_mediator.errors import BoxError
    from sorm_mediator.switch.smart.cloud import LicenceCloud

    with usage_errors():
        check_folders({"--root": root, "--ready-file": ready_file})
    for option, seconds in (("--expiry", expiry), ("--retry-interval", retry_interval)):
        if seconds > MOST_SECONDS:
            raise BoxError(f"{option}: {seconds} is not allowed: at most {MOST_SECONDS}, a hundred years")
    set_up_logging(log_level, log, "licence cloud")
    made = LicenceCloud(
        time.time(),
        account=account,
        purchased=purchased,
        other_counts=other_count or (),
        expiry=expiry,
        retry_interval=retry_interval,
    )
    write_root(made, root)
    loops.run(serve_cloud(made, port, root, ready_file))


def _origin(author: str, author_ip: list[str] | None, user: str, host: str, ip: list[str] | None) -> Origin:
    from sorm_mediator.switch.licence import Origin

    default = Origin()
    return Origin(author, tuple(author_ip or default.author_ip), user, host, tuple(ip or default.encoder_ip))


def _limits(given: list[str]) -> dict[str, Value]:
    from sorm_mediator.errors import BoxError
    from sorm_mediator.switch.licence import LicenceError, limit_of

    values = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign:
            raise BoxError(f"--limit: {text!r} has no value: write KEY=VALUE")
        try:
            values[key] = limit_of(key).parse(value)
        except LicenceError as error:
            raise BoxError(f"--limit: {error}") from None
    return values


def _print(key: str, as_json: bool) -> None:
    import json

    typer.echo(json.dumps({"key": key}) if as_json else key)
