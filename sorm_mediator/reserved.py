"""The names of the packages beside this one. A file of the user with such a name, found before, hides a package."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Final

NAMES: Final = ("captures", "e1", "protocol", "radius", "ssh_control")
"""The packages that are installed together with ``sorm_mediator``."""
_HOME = Path(__file__).resolve().parents[1]


class HiddenError(ImportError):
    """A file or folder hides one of :data:`NAMES`. The text names it, and the remedy."""


def check_names() -> None:
    """Raises :class:`HiddenError` when another file or folder is found in place of a package."""
    for name in NAMES:
        place = _place(name)
        if place is not None and _HOME not in (place, *place.parents):
            raise HiddenError(
                f"{place}: hides the package {name} of sorm-mediator: rename it; if nothing imports it by this name, "
                "pytest --import-mode=importlib or python -P keeps its folder out of sys.path"
            )


def _place(name: str) -> Path | None:
    """The file or folder that is imported by this name; None: nothing, or something that is no file."""
    loaded = sys.modules.get(name)
    spec: ModuleSpec | None = getattr(loaded, "__spec__", None) or (None if loaded else find_spec(name))
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    origin = spec.origin if spec.has_location and spec.origin else next(iter(folders), None)
    if origin is None:
        return None
    path = Path(origin).resolve()
    return path.parent if path.name == "__init__.py" else path
