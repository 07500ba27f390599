"""The tree of commands, and the one place where a declared error becomes an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from sorm_mediator import __version__
from sorm_mediator.cli.begin import examples, init
from sorm_mediator.cli.boxes import demo, gateway, lab, switch
from sorm_mediator.cli.codec import decode, encode
from sorm_mediator.cli.common import echo, write_anything
from sorm_mediator.cli.fuzzing import fuzz
from sorm_mediator.cli.interactive import console, fault, send, watch
from sorm_mediator.cli.journal import export, verify
from sorm_mediator.cli.labfile import check, schema, show, trace
from sorm_mediator.cli.licence import cloud, make, passport
from sorm_mediator.cli.licence import show as show_key
from sorm_mediator.cli.licence_server import file, list_lacs, make_lac, merge, server
from sorm_mediator.cli.loading import load, soak
from sorm_mediator.cli.runs import acceptance, conformance, replay
from sorm_mediator.cli.tapping import pcap2scenario, tap
from sorm_mediator.cli.vpbx import check as check_dump
from sorm_mediator.cli.vpbx import import_
from sorm_mediator.cli.wireshark import install, print_
from sorm_mediator.errors import BoxError, ConfigError


class _InOurWords(TyperGroup):
    """What is wrong with an option is told in words of ours: those of lab files, not those of pydantic; and where it
    goes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands before the command: an option of commands is told to go behind it."""
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            option = getattr(error, "option_name", "")
            if any(option in one.opts for command in self.commands.values() for one in command.params):
                error.message = f"{option} goes after the command: sorm-mediator COMMAND {option} ..."
            raise

    def invoke(self, ctx: Any) -> Any:
        """Run the command, whose values are read here."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            errors = getattr(error.__cause__, "errors", None)  # of pydantic's ValidationError
            if errors is not None:
                from sorm_mediator.config.mistakes import mistakes

                text = mistakes(errors(), None)[0].text
                error.message = text.replace(" is not one of ", " is not allowed: ").removesuffix(".")
            raise


app = typer.Typer(
    cls=_InOurWords,
    name="sorm-mediator",
    help="Lab emulator and protocol gateway for the SORM mediator. Begin with: sorm-mediator demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Look at lab files.", no_args_is_help=True)
journal_app = typer.Typer(help="Verify and export the audit journal.", no_args_is_help=True)
licence_app = typer.Typer(
    help="Make and read keys of licences; run their servers.",
    no_args_is_help=True,
)
lac_app = typer.Typer(help="Sell licences: licence authorisation codes.", no_args_is_help=True)
vpbx_app = typer.Typer(help="Check and import tenants of a virtual PBX.", no_args_is_help=True)
wireshark_app = typer.Typer(help="A dissector for Wireshark and tshark.", no_args_is_help=True)


def _version(wanted: bool) -> None:
    if wanted:
        echo(f"sorm-mediator {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


TREE: dict[typer.Typer, tuple[Callable[..., None], ...]] = {
    app: (
        demo,
        init,
        examples,
        lab,
        gateway,
        switch,
        console,
        send,
        watch,
        fault,
        tap,
        replay,
        acceptance,
        conformance,
        load,
        soak,
        fuzz,
        decode,
        encode,
        pcap2scenario,
        trace,
    ),
    config_app: (check, show, schema),
    journal_app: (verify, export),
    licence_app: (make, passport, show_key, cloud, server, file, merge),
    vpbx_app: (import_, check_dump),
    wireshark_app: (install, print_),
}
for branch, commands in TREE.items():
    for command in commands:
        branch.command(command.__name__.rstrip("_"))(command)  # the name of some is a word of Python
lac_app.command("make")(make_lac)
lac_app.command("list")(list_lacs)
licence_app.add_typer(lac_app, name="lac")
app.add_typer(config_app, name="config")
app.add_typer(journal_app, name="journal")
app.add_typer(licence_app, name="licence")
app.add_typer(vpbx_app, name="vpbx")
app.add_typer(wireshark_app, name="wireshark")


def run() -> None:
    """Run the command of ``sys.argv`` and exit with the code of the contract."""
    write_anything(sys.stderr)
    try:
        app()
    except (ConfigError, BoxError) as error:
        echo(f"sorm-mediator: {error}", err=True)
        sys.exit(2)
