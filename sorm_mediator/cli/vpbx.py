"""``sorm-mediator vpbx``: tenants of the Sipteco virtual PBX for a lab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sorm_mediator.cli.common import JsonOption, LangOption, echo

if TYPE_CHECKING:
    from sorm_mediator.vpbx.importing import Imported

DumpArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DUMP",
        help="A MySQL or MariaDB dump, an SQLite file, a folder of CSV files (one for each table), or JSON.",
    ),
]


def check(dump: DumpArgument, as_json: JsonOption = False, lang: LangOption = "en") -> None:
    """Check the dump of a tenant's database.

    Prints what is doubtful, and how many rows there are. Exit code 2 for a mistake: each has its place in the dump,
    table and column.

    Example: sorm-mediator vpbx check demo.sql
    """
    _tell(dump, _imported(dump), "", as_json, lang)


def import_(
    dump: DumpArgument,
    tenant: Annotated[
        str, typer.Option(metavar="NAME", help="The tenant: the name of the domain, and the mediator's user.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The lab file: made, or the tenant put into it in place of an older one.",
        ),
    ],
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Passwords too; nothing of the emulator needs them.")
    ] = False,
    as_json: JsonOption = False,
    lang: LangOption = "en",
) -> None:
    """Put a tenant from the dump of its database into a lab file.

    The rest of the lab file stays as it is. Exit code 2 for a mistake in the dump or in the lab file that would come of
    it, each with its place; the lab file is not changed then.

    Example: sorm-mediator vpbx import demo.sql --tenant demo -o lab.toml
    """
    import tomllib

    from sorm_mediator.config import parse
    from sorm_mediator.config.lab import read_document
    from sorm_mediator.config.written import read_file, write_file
    from sorm_mediator.errors import BoxError, ConfigError
    from sorm_mediator.vpbx.labfile import with_tenant

    found = _imported(dump)
    try:
        before = read_file(output) if output.exists() else ""
        if before:
            read_document(output)
        text = with_tenant(before, tenant, found.tenant, secrets=secrets)
        parse(tomllib.loads(text), directory=output.parent, name=str(output))
        write_file(output, text)
    except ConfigError as error:
        raise ConfigError("\n".join(_named(line, output) for line in str(error).split("\n"))) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BoxError(f"{output}: can't be read or written: {why}; nothing is changed") from None
    _tell(dump, found, f"{output}: tenant {tenant}", as_json, lang)


def _named(line: str, output: Path) -> str:
    return line if line.startswith(str(output)) else f"{output}: {line}"


def _imported(dump: Path) -> Imported:
    from sorm_mediator.vpbx.importing import imported
    from sorm_mediator.vpbx.readers import read_dump

    return imported(read_dump(dump), str(dump))


def _tell(dump: Path, found: Imported, into: str, as_json: bool, lang: str) -> None:
    import json

    from sorm_mediator.language import Phrase, translate
    from sorm_mediator.vpbx.schema import TABLES

    if as_json:
        used = {name: count for name, count in found.rows.items() if TABLES[name.lower()].model is not None}
        document = {"rows": used, "warnings": [str(one) for one in found.notes]}
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    for note in found.notes:
        echo(f"{translate(Phrase('warning'), 'ru' if lang == 'ru' else 'en')}: {note}", err=True)
    rows = ", ".join(
        f"{count} {name}" for name, count in found.rows.items() if TABLES[name.lower()].model is not None
    )
    echo(f"{into or dump}: {rows}")
