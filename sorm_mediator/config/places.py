"""Where the user's files lie that no lab file names."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """The folder of what the program keeps for its user: in XDG_STATE_HOME, by default ~/.local/state.

    Source: XDG Base Directory Specification; a relative path in the variable is ignored.
    """
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "sorm-mediator"
