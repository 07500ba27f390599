"""The table of the scenarios: ``python -m captures.index`` writes ``scenarios/README.md`` from the scripts themselves.

A description ends with the rows or clauses that it was made from, in brackets; in a JSON script the first comment is
the description. ``tests/replay/test_captures.py`` fails when the table is stale.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from captures.record import FOLDER, scripts

README = FOLDER / "scenarios" / "README.md"

_HEAD = """<!-- Written by `python -m captures.index` from the scripts; edit those. -->

# Scenarios

`sorm-mediator replay FILE...` runs them, each in a lab of its own; `sorm-mediator demo` runs all, over TCP and over E1.
Those that listen to speech (`heard_...`) need an E1 stream: `heard_tcp` beside TCP, the others with KPD1 and KPD2 in it
or beside TCP (`--link x25`, `--link tcp+e1`). With either link the rest run as well, unchanged.
The language is described in `docs/scenarios.md`; the recordings of their runs are in `../runs`.

| file | shows | from |
|---|---|---|
"""


def table() -> str:
    """The whole page. Raises :class:`ValueError` for a script that does not say what it was made from."""
    return _HEAD + "".join(_row(path) for path in scripts())


def _row(path: Path) -> str:
    name = path.relative_to(README.parent).as_posix()
    described = re.fullmatch(r"(.+?)\s+\(([^()]+)\)\.?", _description(path), re.DOTALL)
    if described is None:
        raise ValueError(f"{path}: its description does not end with its source in brackets")
    shows, source = (" ".join(text.split()).replace("|", r"\|") for text in described.groups())
    return f"| [`{name}`]({name}) | {shows} | {source} |\n"


def _description(path: Path) -> str:
    if path.suffix == ".json":
        return str(json.loads(path.read_text(encoding="utf-8"))[0]["//"])
    from sorm_mediator.replay.scenario import load

    return load(path).description


if __name__ == "__main__":
    README.write_text(table(), encoding="utf-8")
