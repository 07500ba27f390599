"""The command line. Exit codes: 0 fine, 1 an expectation failed, 2 wrong usage or configuration, 3 could not connect.

A command imports its modules when it runs, so that ``--version`` answers without loading them.
"""

from __future__ import annotations

import signal
import sys

from sorm_mediator.output import INTERRUPTED, guarded


def main() -> None:
    """Entry point of ``sorm-mediator`` and ``python -m sorm_mediator``."""
    from sorm_mediator.reserved import HiddenError, check_names

    try:
        check_names()  # before anything is imported that may be hidden
    except HiddenError as error:
        sys.stderr.write(f"sorm-mediator: {error}\n")
        sys.exit(2)
    guarded(_main)


def _main() -> None:
    if sys.argv[1:] == ["--version"]:
        from sorm_mediator import __version__

        sys.stdout.write(f"sorm-mediator {__version__}\n")
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup leaves SIGHUP ignored
            signal.signal(number, signal.default_int_handler)
    try:
        from sorm_mediator.cli.app import run

        run()
    except KeyboardInterrupt:  # before the command has taken its signals
        sys.stderr.write("sorm-mediator: interrupted\n")
        sys.exit(INTERRUPTED)
