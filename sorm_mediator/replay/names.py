"""The names of scripts, for a list of them, which needs nothing else of a script."""

from __future__ import annotations

from pathlib import Path

import yaml


def vendor_name(path: Path) -> str:
    """The name of a vendor script, from its file: it contains none."""
    return f"{path.stem} (vendor script)"


def name_of(path: Path) -> str:
    """The name of a sound script. A shipped scenario begins with it, and is read no further."""
    if path.suffix == ".json":
        return vendor_name(path)
    with path.open(encoding="utf-8") as file:
        scalars = (event.value for event in yaml.parse(file) if isinstance(event, yaml.ScalarEvent))
        return next(name for key, name in zip(scalars, scalars, strict=False) if key == "name")
