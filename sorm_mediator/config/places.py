"""Where files lie that no lab file names: those of the user, and the shipped ones."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """The folder of what the program keeps for its user: in XDG_STATE_HOME, by default ~/.local/state.

    Source: XDG Base Directory Specification; a relative path in the variable is ignored.
    """
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "sorm-mediator"


def where_shipped(path: Path) -> str:
    """For the error about a file that is not there: where the shipped one of that name is; "" for any other path.

    The paths of the documentation are those of the source, ``captures/labs/laptop.toml``; installed from a wheel the
    folder is beside the program.
    """
    if (
        path.is_absolute()
        or path.parts[:1] not in (("captures",), ("labs",), ("scenarios",))
        or os.path.exists(path)
    ):
        return ""
    there = shipped_file(path)
    shipped = f"; the shipped one is {there}" if there else ""
    return f"{shipped}; sorm-mediator examples lists the shipped files"


def shipped_file(path: Path) -> Path | None:
    """Where the shipped file is that the documentation names by its path in the source; None: there is none."""
    import captures

    below = path.relative_to("captures") if path.parts[0] == "captures" else path
    found = (Path(folder) / below for folder in captures.__path__)
    return next((one for one in found if os.path.isfile(one)), None)
