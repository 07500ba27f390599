"""``sorm-mediator licence``: keys of licences and passports, for the emulated switch of a lab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sorm_mediator.switch.licence import Value

SswOption = Annotated[
    str,
    typer.Option(help="The switch that it is for, as switch.licence.ssw_id; left out: the default of that."),
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
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Print the key of a new licence.

    It is for the shell's add and for [[switch.licences]]. What it has no limit of stays as in the factory licence;
    docs/licence.md lists the keys. Exit code 2 when a limit or the date can't be used.

    Example: sorm-mediator licence make --limit sorm_channels=20 --limit concurrent_calls=500 --expires 2027-12-31
    """
    import time
    from datetime import date

    from sorm_mediator.config import LicenceConfig
    from sorm_mediator.errors import BoxError
    from sorm_mediator.switch.licence import LicenceError, make_licence

    try:
        last = date.fromisoformat(expires) if expires else None
    except ValueError:
        raise BoxError(f"--expires: {expires!r} is no date such as 2027-12-31") from None
    try:
        made = make_licence(
            _limits(limit or []),
            ssw_id=ssw_id or LicenceConfig().ssw_id,
            description=description,
            expires=last,
            now=time.time(),
        )
    except LicenceError as error:
        raise BoxError(str(error)) from None
    _print(made, as_json)


def passport(
    description: Annotated[str, typer.Option(help="Whose it is, for people.")] = "lab passport",
    ssw_id: SswOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Print the key of a new passport.

    It is for the shell's set-passport and for switch.licence.passport. Licences and the passport of a switch are
    for the same SSW ID.

    Example: sorm-mediator licence passport --ssw-id "ECSS 010079"
    """
    import time

    from sorm_mediator.config import LicenceConfig
    from sorm_mediator.errors import BoxError
    from sorm_mediator.switch.licence import LicenceError, make_passport

    try:
        made = make_passport(
            ssw_id=ssw_id or LicenceConfig().ssw_id, description=description, now=time.time()
        )
    except LicenceError as error:
        raise BoxError(str(error)) from None
    _print(made, as_json)


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
