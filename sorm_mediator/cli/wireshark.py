"""``wireshark``: the dissector for Wireshark and tshark."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import typer

from sorm_mediator.cli.begin import BUILT_IN, labs
from sorm_mediator.cli.common import LangOption, echo, fail

OrderOption = Annotated[
    Literal["268", "70"],
    typer.Option("--order", help="Codes and number signs; the preference sorm.order changes it later."),
]


def print_(order: OrderOption = "268", lang: LangOption = "en") -> None:
    """Write the dissector to standard output.

    It is a file of Lua, which tshark also takes without an installation.

    Example: sorm-mediator wireshark print > sorm.lua && tshark -X lua_script:sorm.lua -r run.pcapng
    """
    sys.stdout.write(_dissector(order, lang))


def install(
    order: OrderOption = "268",
    lang: LangOption = "en",
    folder: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Another folder than that of your own Wireshark plugins."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the dissector.")] = False,
) -> None:
    """Put the dissector into your Wireshark plugins.

    An earlier one is replaced; a file of that name that is not ours stays.

    Example: sorm-mediator wireshark install && wireshark run.pcapng
    """
    from sorm_mediator.wireshark import folder as files

    if folder is not None and not os.path.isdir(folder):
        fail(f"--dir: {folder}: is no folder; make it first, or leave --dir out")
    place = folder or files.plugin_folder()
    try:
        if remove:
            file, was_there = files.remove(place)
            echo(f"{file}: {'removed' if was_there else 'is not there'}")
            return
        file = files.install(place, _dissector(order, lang))
    except files.ForeignFileError as error:
        fail(error)
    except OSError as error:
        fail(f"{error.filename or place}: {error.strerror or error}")
    echo(f"{file}: written. Start Wireshark again, or reload Lua plugins: Ctrl+Shift+L.")


def _dissector(order: Literal["268", "70"], lang: Literal["en", "ru"]) -> str:
    from sorm_mediator.config.mediator import ConsoleConfig
    from sorm_mediator.wireshark.script import dissector

    shipped = tomllib.loads((labs() / BUILT_IN).read_text(encoding="utf-8"))["console"]
    usual = ConsoleConfig()
    ports = (usual.kpd1_port, usual.kpd2_port, shipped["kpd1_port"], shipped["kpd2_port"])
    return dissector(lang, order=order, ports=ports)
