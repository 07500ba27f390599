"""Where Wireshark takes dissectors of its user from, and the file of ours there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from sorm_mediator.wireshark.script import FILE, MARK

PROGRAMS = ("tshark", "wireshark")
"""Programs that name their folders with ``-G folders``."""
ANSWER_WITHIN = 30.0
"""Seconds for that answer."""
_FOLDER = re.compile(r"^Personal Lua Plugins:\s*(\S.*?)\s*$", re.MULTILINE)


class ForeignFileError(Exception):
    """The file is there, and it is none of ours; the text names it and what to do."""


def plugin_folder() -> Path:
    """The folder of the user's Lua plugins: as Wireshark says, else the one that it has by default on Unix.

    Source: Wireshark User's Guide, appendix B.4, "Plugin folders".
    """
    for program in PROGRAMS:
        path = shutil.which(program)
        if path is None:
            continue
        try:
            done = subprocess.run(  # nosec B603 # noqa: S603 - a program of the user's path, without words from outside
                [path, "-G", "folders"], capture_output=True, text=True, timeout=ANSWER_WITHIN, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue  # the next program, or the default
        if found := _FOLDER.search(done.stdout):
            return Path(found[1])
    return Path.home() / ".local" / "lib" / "wireshark" / "plugins"


def install(folder: Path, text: str) -> Path:
    """Write the dissector into ``folder``, over an earlier one. Returns the file.

    Raises :class:`ForeignFileError`, :class:`OSError`.
    """
    file = folder / FILE
    _check(file)
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".sorm-")
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(name, 0o644)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return file


def remove(folder: Path) -> tuple[Path, bool]:
    """Remove the dissector. Returns its file, and whether it was there.

    Raises :class:`ForeignFileError`, :class:`OSError`.
    """
    file = folder / FILE
    _check(file)
    is_there = file.exists()
    file.unlink(missing_ok=True)
    return file, is_there


def _check(file: Path) -> None:
    if file.is_symlink():
        raise ForeignFileError(f"{file}: is a link; move it away, or give another folder: --dir DIR")
    if not file.exists():
        return
    with file.open("rb") as stream:
        begin = stream.read(len(MARK))
    if begin != MARK.encode():
        raise ForeignFileError(
            f"{file}: is no file of sorm-mediator; move it away, or give another folder: --dir DIR"
        )
