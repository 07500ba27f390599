"""The commands of the first minutes: ``init`` and ``examples``, and the lab file of a command without one.

A lab without a file is ``captures/labs/laptop.toml``, with its tables, journal and host key in the state folder of the
user (XDG Base Directory Specification), so that nothing is written beside the installed program. With --auto-ports
several run at once: the second has its files in the folder run-2 there, and so on.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from sorm_mediator.cli.common import JsonOption, echo, fail

if TYPE_CHECKING:
    from sorm_mediator.config import Config

BUILT_IN = "laptop.toml"
"""The lab of a command without a lab file, in captures/labs."""
KEPT = {
    "mediator.state": "state.db",
    "mediator.journal": "journal.db",
    "switch.host_key_file": "host_key",
    "switch.smart_licence.state_file": "smart_licence.state",
}
"""What the built-in lab keeps in the state folder."""

MOST_AT_ONCE = 100
"""Built-in labs with --auto-ports that run at once, each with a folder of its own."""
_LOCKS: list[IO[bytes]] = []
"""The locks of the folders in use, held until the end of the process."""

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Another value of a key, such as web.port=8081; repeatable."
    ),
]
AutoPortsOption = Annotated[
    bool, typer.Option("--auto-ports", help="Any free port for everything; the ready line tells them.")
]


def labs() -> Path:
    """The folder of the shipped labs."""
    import captures

    return Path(captures.__path__[0]) / "labs"


def load_lab(path: Path | None, given: Iterable[str], *, auto_ports: bool = False) -> tuple[Config, str]:
    """The lab file, or the built-in lab, with the values of the environment and of ``--set``; and its name.

    Raises :class:`ConfigError`.
    """
    from sorm_mediator.config.lab import Given
    from sorm_mediator.config.outside import load_lab
    from sorm_mediator.config.places import state_folder

    name = "the built-in lab" if path is None else str(path)
    kept: list[Given] = []
    if path is None:
        folder = _free_folder(state_folder(), MOST_AT_ONCE if auto_ports else 1)
        kept = [Given((*key.split("."),), str(folder / file), name) for key, file in KEPT.items()]
    loaded = load_lab(path or labs() / BUILT_IN, given, before=kept)
    if path is None:
        loaded._file = None  # it is shipped: nothing is saved to it
    if auto_ports:
        from sorm_mediator.lab.lab import on_free_ports

        loaded = on_free_ports(loaded)
    return loaded, name


def _free_folder(first: Path, most: int) -> Path:
    """The first of ``most`` folders that no other built-in lab uses, for this process until its end: ``first``, and
    those in it that are called run-2, run-3 and so on. Without a free one it is ``first``: its files are then in use.
    """
    from sorm_mediator.errors import ConfigError
    from sorm_mediator.sqlite import InUseError, lock_file

    for number in range(1, most + 1):
        folder = first if number == 1 else first / f"run-{number}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _LOCKS.append(lock_file(folder / "built-in-lab"))
        except InUseError:
            continue
        except OSError as error:
            text = f"{folder}: the built-in lab can't keep its files there: {error.strerror or error}"
            raise ConfigError(f"{text}: set XDG_STATE_HOME to a folder of yours") from None
        return folder
    return first


# --- commands


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is made, or is empty.")],
) -> None:
    """Make a lab to start from.

    The folder gets a lab file, its routing, and a scenario.

    Example: sorm-mediator init mylab && cd mylab && sorm-mediator lab lab.toml
    """
    from sorm_mediator.config.written import write_file

    source = labs()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            fail(f"{folder}: is already there and is not an empty folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{folder}: can't be made: {error.strerror}")
    shutil.copytree(source / "routing", folder / "routing")
    text = (source / BUILT_IN).read_text(encoding="utf-8").replace("captures/labs/laptop.toml", "lab.toml")
    text = text.replace("laptop-state.db", "state.db").replace("laptop-journal.db", "journal.db")
    text = text.replace("laptop-host-key", "host_key")
    write_file(folder / "lab.toml", text)  # it has passwords
    scenario = (source.parent / "scenarios" / "main-job.yaml").read_text(encoding="utf-8")
    (folder / "main-job.yaml").write_text(
        re.sub(r"^lab: .*$", "lab: lab.toml", scenario, flags=re.MULTILINE), encoding="utf-8"
    )
    echo(f"{folder}: lab.toml, routing/ and main-job.yaml. Next:")
    for line in (
        f"cd {folder}",
        "sorm-mediator lab lab.toml",
        "sorm-mediator console -c lab.toml          # in another terminal",
        "sorm-mediator replay main-job.yaml         # in a lab of its own",
    ):
        echo(f"  {line}")


def examples(as_json: JsonOption = False) -> None:
    """List the shipped labs and scenarios.

    Each has its subject and its file.

    Example: sorm-mediator examples | less
    """
    rows = [*_labs(), *_scenarios()]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for kind, command in (("lab", "lab"), ("scenario", "replay")):
        echo(f"sorm-mediator {command} FILE:")
        for row in rows:
            if row["kind"] == kind:
                echo(f"  {row['file']}")
                echo(f"      {row['shows']}")


def _labs() -> Iterator[dict[str, str]]:
    for path in sorted(labs().rglob("*.toml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        comment = takewhile(lambda line: line.startswith("# ") and not line.startswith("# sorm-"), lines)
        first = re.split(r"(?<=[.])\s", " ".join(line[2:] for line in comment))[0]
        yield {"kind": "lab", "file": str(path), "shows": first}


def _scenarios() -> Iterator[dict[str, str]]:
    from sorm_mediator.replay.names import name_of

    folder = labs().parent / "scenarios"
    for path in [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("vendor/*.json"))]:
        yield {"kind": "scenario", "file": str(path), "shows": name_of(path)}
