"""The shell's own commands: help, moving about, leaving."""

from __future__ import annotations

from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.shell.command import Call, Command, Language
from sorm_mediator.switch.shell.parser import meanings

LANGUAGES: dict[str, Language] = {"en": "en", "ru": "ru"}


def _help(call: Call) -> str:
    lang = LANGUAGES.get(call.option("--lang"), call.shell.lang)
    if call.option("--lang") not in ("", *LANGUAGES):
        raise ChangeRefused(f"--lang: {call.option('--lang')!r} is not allowed: en or ru")
    wanted = meanings(call["COMMAND"], call.shell.place) if call["COMMAND"] else [[]]
    for parts in wanted:
        found = [one for one in call.shell.commands if _is_of(one, parts)]
        if found:
            break
    else:
        raise ChangeRefused(f"there is no command {call['COMMAND']!r}; help lists all")
    return "\n".join(f"{command.usage}\n    {command.help(lang)}" for command in found)


def _is_of(command: Command, parts: list[str]) -> bool:
    """Whether it is this command, or one of this folder; ``<D>`` stands for any name."""
    pattern = command.path.split("/")
    return len(parts) <= len(pattern) and all(
        want.startswith("<") or want == part for want, part in zip(pattern, parts, strict=False)
    )


def _cd(call: Call) -> str:
    place = meanings(call["FOLDER"] or "/", call.shell.place)[0]
    for depth in range(len(place)):
        if not call.shell.parser.is_folder(place[: depth + 1]):
            raise ChangeRefused(f"there is no folder {call['FOLDER']!r}; ls shows what there is")
    call.shell.place = place
    return ""


def _pwd(call: Call) -> str:
    return "/" + "/".join(call.shell.place)


def _ls(call: Call) -> str:
    place = meanings(call["FOLDER"], call.shell.place)[0]
    names = call.shell.parser.children(place)
    if not names:
        raise ChangeRefused(f"there is no folder {call['FOLDER']!r}; ls / shows what there is")
    return "\n".join(f"{name}/" if folder else name for name, folder in names)


def _lang(call: Call) -> str:
    call.shell.lang = LANGUAGES[call["en|ru"]]
    return ""


def _history(call: Call) -> str:
    return "\n".join(f"{number:5}  {line}" for number, line in enumerate(call.shell.history, 1))


def _exit(call: Call) -> str:
    call.shell.leave()
    return ""


COMMANDS = (
    Command(
        "help", "[<COMMAND>] [--lang <en|ru>]", _help,
        "All commands, those of a folder, or one", "Все команды, команды раздела или одна", quiet=True,
    ),
    Command("cd", "[<FOLDER>]", _cd, "Go to a folder", "Перейти в раздел", quiet=True),
    Command("pwd", "", _pwd, "The folder you are in", "Текущий раздел", quiet=True),
    Command("ls", "[<FOLDER>]", _ls, "What is in a folder", "Что есть в разделе", quiet=True),
    Command("lang", "<en|ru>", _lang, "Language of the help", "Язык справки", quiet=True),
    Command("history", "", _history, "The lines entered so far", "Введённые строки", quiet=True),
    Command("exit", "", _exit, "Leave", "Выйти", quiet=True),
)  # fmt: skip
