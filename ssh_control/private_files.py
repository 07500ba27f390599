"""Files with secrets: whether others may read them. Without asyncssh, so that a reader of settings loads fast."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def open_to_others(path: Path) -> str:
    """The mode of a file that is not private, such as "0644"; "" for one that is. Raises :class:`OSError`.

    OpenSSH looks at its keys likewise. A file of another owner that a group may read is accepted: systemd gives a
    service its credentials so (systemd.exec, Credentials).
    """
    present = path.stat()
    mode = stat.S_IMODE(present.st_mode)
    wrong = mode & (stat.S_IRWXG | stat.S_IRWXO if present.st_uid == os.geteuid() else stat.S_IRWXO)
    return f"{mode:04o}" if wrong else ""
