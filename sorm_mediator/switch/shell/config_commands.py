"""Writing the live configuration back to the lab file."""

from __future__ import annotations

from pathlib import Path

from sorm_mediator.config import ConfigError
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.changes.base import unresolved
from sorm_mediator.switch.shell.command import Call, Command
from sorm_mediator.switch.shell.saving import save


def _save(call: Call) -> str:
    desk = call.shell.desk
    root = desk.node.directory.resolve()
    given = Path(call["FILE"]) if call["FILE"] else desk.file
    if given is None:
        raise ChangeRefused("this lab was not started from a file: config/save FILE writes a new one")
    path = (root / given).resolve()
    if path.parent != root:
        raise ChangeRefused(
            f"{given}: is not in the lab's directory {root}, which the paths in it start from"
        )
    own = desk.file is not None and path == (root / desk.file).resolve()
    if not own and path.suffix != ".toml":
        raise ChangeRefused(f"{given}: is no name of a lab file: it ends in .toml, such as saved.toml")
    missing = unresolved(desk.node)
    if missing:
        raise ChangeRefused(f"the lab would not start from this: {'; '.join(missing)}")
    try:
        save(desk.node, desk.file, path)
    except ConfigError as error:
        raise ChangeRefused(f"the lab would not start from this: {error}") from None
    except OSError as error:
        raise ChangeRefused(f"{path}: can't be written: {error.strerror or error}") from None
    return f"OK\n{path}: written, with passwords and secrets, for its owner alone"


COMMANDS = (
    Command(
        "config/save", "[<FILE>]", _save,
        "Write the configuration to the lab file, or to another one of its directory",
        "Сохранить конфигурацию в файл стенда или в другой файл его каталога",
    ),
)  # fmt: skip
