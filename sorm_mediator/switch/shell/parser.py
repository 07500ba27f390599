"""A line of the shell: its command, and what may come next.

The leading ``/`` of a path is optional. A path not found in the user's folder is looked up from the top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.shell.command import Command, FormError, Words, expected, fit
from sorm_mediator.texts import as_list

MOST_WORDS = 64
"""Limit of words in the search for a stray space: every attempt reads the whole line (our choice)."""

Names = Callable[[str, Mapping[str, str]], Iterable[str]]
"""The names allowed at ``<place>``, given the values of the path; empty when unknown."""


@dataclass(frozen=True, slots=True)
class Found:
    """A command, and the values in its path and arguments."""

    command: Command
    path: dict[str, str]
    words: Words


class NotUnderstood(ChangeRefused):
    """A line that is not a command. ``incomplete``: the end is missing. ``meant``: a corrected line."""

    def __init__(self, text: str, *, incomplete: bool = False, meant: str = "") -> None:
        super().__init__(text)
        self.incomplete = incomplete
        self.meant = meant


def split(line: str) -> list[str]:
    """The words of a line. Quotes keep spaces, and a backslash the next character. Raises :class:`NotUnderstood`."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    symbols = iter(line)
    for symbol in symbols:
        if symbol == quote:
            quote = ""
        elif not quote and symbol.isspace():
            if word is not None:
                words.append("".join(word))
            word = None
        else:
            word = word if word is not None else []
            if symbol == "\\" and quote != "'":
                word.append(next(symbols, "\\"))
            elif not quote and symbol in "\"'":
                quote = symbol
            else:
                word.append(symbol)
    if quote:
        raise NotUnderstood(f"the {quote} is never closed")
    if word is not None:
        words.append("".join(word))
    return words


def asked(words: list[str]) -> list[str]:
    """The words with ``?`` as a question for help: ``?``, ``? domain``, ``domain/list ?``, ``domain/?``."""
    if words[:1] == ["?"]:
        return ["help", *words[1:]]
    if words[-1:] == ["?"]:
        return ["help", words[0]]
    if len(words) == 1 and words[0].endswith("/?"):
        return ["help", words[0].removesuffix("?").rstrip("/")]
    return words


FILTERS = ("grep", "include", "exclude")


@dataclass(frozen=True, slots=True)
class Filter:
    """The lines of an answer that are shown: those with a text, or those without it."""

    text: str
    without: bool = False

    def of(self, answer: str) -> str:
        """The lines that are shown. Small and capital letters are equal."""
        wanted = self.text.casefold()
        return "\n".join(line for line in answer.splitlines() if (wanted in line.casefold()) != self.without)


def filtered(words: list[str]) -> tuple[list[str], Filter | None]:
    """The words before ``| include TEXT`` or the like, and the filter. Raises :class:`NotUnderstood`."""
    if "|" not in words:
        return words, None
    at = words.index("|")
    name, *text = words[at + 1 :] or [""]
    if name not in FILTERS or not text or not at:
        raise NotUnderstood(
            f"behind | stands one of {', '.join(FILTERS)} with a text: domain/list | include voip"
        )
    return words[:at], Filter(" ".join(text), without=name == "exclude")


class Parser:
    """Parses lines. ``names`` returns the present names: domains, contexts, and so on."""

    def __init__(self, commands: Sequence[Command], names: Names) -> None:
        self._commands = commands
        self._names = names

    def understand(self, words: list[str], place: Sequence[str] = ()) -> Found:
        """The command of these words, entered at ``place``. Raises :class:`NotUnderstood` with a remedy."""
        try:
            found = self._fits(words, place)
        except NotUnderstood as error:
            meant = "" if error.incomplete else self._joined(words, place)
            if meant:
                raise NotUnderstood(f"{error}. A space too many? {meant}", meant=meant) from None
            raise
        unknown = self._unknown_name(found.path)
        if unknown:
            raise NotUnderstood(unknown)
        return found

    def _fits(self, words: list[str], place: Sequence[str]) -> Found:
        matches = self._at(words[0], place)
        if not matches:
            raise NotUnderstood(self._unknown(words[0], place))
        problems: list[tuple[FormError, Command]] = []
        for command, path in matches:
            try:
                found = fit(command.form, words[1:])
            except FormError as error:
                problems.append((error, command))
            else:
                return Found(command, path, found)
        known = max(error.known for error, _ in problems)
        best = [(error, command) for error, command in problems if error.known == known]
        missing = any(error.missing for error, _ in best)
        text = "; ".join(dict.fromkeys(str(error) for error, _ in best))
        text += f". Usage: {', or '.join(command.usage for _, command in best)}"
        if missing:
            text += ". If the line was wrapped when it was copied, write it as one line"
        raise NotUnderstood(text, incomplete=missing)

    def continues(self, before: str, words: list[str], place: Sequence[str]) -> tuple[str, bool]:
        """The previous lines and these words as one command, and whether it is complete; "" if they are none."""
        # Words that begin with a path do not continue a line.
        if not before or self._at(words[0], place) or any(map(self.children, resolve(words[0], place))):
            return "", False
        try:
            whole = [*split(before), *words]
            self._fits(whole, place)
        except NotUnderstood as error:
            return (" ".join(whole), False) if error.incomplete else ("", False)
        return " ".join(whole), True

    def _joined(self, words: list[str], place: Sequence[str]) -> str:
        """The line without a stray space beside a dot or a slash, if that is (the beginning of) a command."""
        if len(words) > MOST_WORDS:
            return ""
        for index in range(len(words) - 1):
            first, second = words[index : index + 2]
            if first[-1:] in (".", "/") or second[:1] in (".", "/"):
                joined = [*words[:index], first + second, *words[index + 2 :]]
                try:
                    self._fits(joined, place)
                except NotUnderstood as error:
                    if not error.incomplete:
                        continue
                return " ".join(joined)
        return ""

    def _at(self, path: str, place: Sequence[str]) -> list[tuple[Command, dict[str, str]]]:
        """Commands of this path."""
        for parts in resolve(path, place):
            found = [
                (command, values)
                for command in self._commands
                if (values := match(command.path.split("/"), parts, whole=True)) is not None
            ]
            if found:
                return found
        return []

    def _unknown_name(self, path: Mapping[str, str]) -> str:
        """The error for the first unknown name in a path; "" without any."""
        for name, value in path.items():
            known = set(self._names(name, path))
            if value not in known:
                what = {"D": "domain", "CLUSTER": "cluster with the role STORAGE"}.get(name, name)
                return f"there is no {what} {value!r}; there are: {as_list(known)}"
        return ""

    def _unknown(self, path: str, place: Sequence[str]) -> str:
        parts = next(iter(resolve(path, place)))
        under = sorted({one for one, _ in self.children(parts)})
        if under:
            return (
                self._unknown_in(parts) or f"{path}: is not a command but a folder; in it: {', '.join(under)}"
            )
        known = [one.path.replace("<D>", part) for one in self._commands for part in ("<D>", *parts[1:2])]
        close = get_close_matches("/".join(parts), known, n=1, cutoff=0.75)
        hint = f"did you mean {close[0]}?" if close else "help lists all"
        return f"there is no command {path!r}; {hint}"

    def _unknown_in(self, parts: Sequence[str]) -> str:
        """The error for a folder with an unknown name; "" for a known one."""
        paths = (match(command.path.split("/"), parts, whole=False) for command in self._commands)
        text = next(filter(None, (self._unknown_name(path) for path in paths if path)), "")
        if text:
            beside = [name for name, _ in self.children(parts[:-1])]
            close = get_close_matches(parts[-1], beside, n=1, cutoff=0.75)
            text += f"; did you mean {'/'.join([*parts[:-1], *close])}?" if close else ""
        return text

    def children(self, parts: Sequence[str]) -> list[tuple[str, bool]]:
        """The content of a folder: names, and whether they are folders."""
        found: dict[str, bool] = {}
        for command in self._commands:
            pattern = command.path.split("/")
            values = match(pattern, parts, whole=False)
            if values is None or len(pattern) == len(parts):
                continue
            name, folder = pattern[len(parts)], len(pattern) > len(parts) + 1
            names = self._names(name.strip("<>"), values) if name.startswith("<") else (name,)
            for one in names:
                found[one] = found.get(one, False) or folder
        return sorted(found.items())

    def is_folder(self, parts: Sequence[str]) -> bool:
        """Whether the place has any content."""
        return not parts or (parts[-1], True) in self.children(parts[:-1])

    def candidates(self, line: str, place: Sequence[str]) -> tuple[str, list[str]]:
        """The last word of a line, and all words that it may become; a folder ends with ``/``."""
        try:
            words = split(line)
        except NotUnderstood:
            return "", []
        if not words or line[-1:].isspace():
            words.append("")
        last = words[-1]
        if len(words) == 1:
            return last, self._paths(last, place)
        found: dict[str, None] = {}
        for command, path in self._at(words[0], place):
            token, options = expected(command.form, words[1:-1])
            names: Iterable[str] = ()
            if token is not None and token.text == "COMMAND":
                names = self._paths(last, place)
            elif token is not None:
                names = token.choices or command.choices.get(token.text) or self._names(token.text, path)
            names = [*names]
            if last.startswith("-") or not names:
                names += options
            found.update((name, None) for name in names if name.startswith(last))
        return last, sorted(found)

    def _paths(self, word: str, place: Sequence[str]) -> list[str]:
        folder, slash, _ = word.rpartition("/")
        for parts in resolve(folder if folder else slash, place):
            names = [
                f"{folder}{slash}{name}{'/' if is_folder else ''}" for name, is_folder in self.children(parts)
            ]
            found = [name for name in names if name.startswith(word)]
            if found:
                return found
        return []


def resolve(path: str, place: Sequence[str]) -> list[list[str]]:
    """The possible places of a path, in order."""
    starts = [[]] if path.startswith("/") or not place else [list(place), []]
    found = []
    for parts in starts:
        for part in path.split("/"):
            if part == "..":
                del parts[-1:]
            elif part not in ("", "."):
                parts.append(part)
        found.append(parts)
    return found


def match(pattern: Sequence[str], parts: Sequence[str], *, whole: bool) -> dict[str, str] | None:
    """The values of the path's placeholders; ``None``: the pattern, or (not ``whole``) its beginning, does not fit."""
    if len(parts) > len(pattern) or (whole and len(parts) < len(pattern)):
        return None
    values: dict[str, str] = {}
    for want, part in zip(pattern, parts, strict=False):
        if want.startswith("<"):
            values[want.strip("<>")] = part
        elif want != part:
            return None
    return values
