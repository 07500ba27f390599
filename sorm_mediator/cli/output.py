"""Lines for people on stdout and stderr: what peers have said in them can't steer the terminal."""

from __future__ import annotations

import typer

from ssh_control.visible import visible_lines


def echo(text: object, *, err: bool = False) -> None:
    """Write one or more lines."""
    typer.echo(visible_lines(text), err=err)
