"""Scripts of the vendor's tester (``ecss-sorm-test``), read into frozen steps.

A script is a JSON array of command lines, comments ``{"//": ...}``, expected codes ``{"test-mgm": ...}`` and
``{"calls": [...]}``, where one object may repeat the key ``call``. Two additions of ours stand in comments, which that
tester passes over: ``{"//": "@lab FILE"}`` names the lab of the run, and ``{"//": "@make {...}"}`` in a call makes it
(the tester has no switch of its own). ``{"lab": FILE}`` and ``make`` in the options of a call mean the same.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from protocol import Channel, NumberReceived
from protocol import Options as CodecOptions
from protocol.codec import offsets
from protocol.codes import PASSWORD_CHARACTERS
from protocol.messages import payload_lengths
from sorm_mediator.console.comparing import show
from sorm_mediator.console.errors import ScriptError
from sorm_mediator.console.target import LINKS, Link
from sorm_mediator.replay.document import Node, read_script
from sorm_mediator.replay.names import vendor_name
from sorm_mediator.replay.scenario import find_lab
from sorm_mediator.texts import one_line

TIMEOUT = 15.0
"""Seconds to wait for an expected event, as in that tester."""

_PLACES = offsets(NumberReceived, CodecOptions())
EVENT_OCTETS = Channel.KPD2.header_length + max(payload_lengths(NumberReceived, CodecOptions()))
"""Octets of an event of a call."""
CALL_ID = slice(_PLACES["call_number"], _PLACES["selection"])
"""The octets of an event that commands 7 and 8 repeat: call number, object type, object number."""
SELECTION = _PLACES["selection"]
"""The octet of an event with the sign of selection."""
TEST_FIELDS: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "call": (_PLACES["call_number"], (2, 5)),
    "type": (_PLACES["object_type"], (1,)),
    "obj": (_PLACES["object_number"], (2,)),
    "ni-a": (_PLACES["calling"], (1,)),
    "ni-b": (_PLACES["called"], (1,)),
    "ksl-a": (_PLACES["ksl_a"], (1,)),
    "ksl-b": (_PLACES["ksl_b"], (1,)),
    "priority": (_PLACES["priority"], (1,)),
    "ss": (_PLACES["service"], (1, 3)),
}
"""Fields of ``test``: their position in an event, and how many octets a script may give."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class TestMgm:
    """A command line with the expected codes of 27h and 28h; None is not checked."""

    text: str
    ack: int | None
    executed: int | None
    line: int


@dataclass(frozen=True, slots=True)
class Recv:
    """An event that must come; None and missing tests are not checked."""

    message: int | None
    number_a: str | None
    number_b: str | None
    tests: Mapping[str, bytes]
    required: bool = True
    """Whether the event must come; else the next one may stand in its place."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The expected events of one call for one object."""

    required: bool = True
    timeout: float = TIMEOUT
    repeat: int = 1
    observer: str = ""
    make: Mapping[str, Any] | None = None
    steps: tuple[Recv | CommandLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Calls:
    """Observations that run at the same time."""

    variables: Mapping[str, str]
    watches: tuple[Watch, ...]
    line: int


@dataclass(frozen=True, slots=True)
class VendorScript:
    """A whole script."""

    path: Path
    lab: Path | None = None
    steps: tuple[CommandLine | TestMgm | Calls, ...] = field(default=())

    links: ClassVar[tuple[Link, ...]] = LINKS
    """A vendor script can run over every link."""
    header: ClassVar[Mapping[str, Any]] = {}

    @property
    def planned(self) -> int:
        """How many steps run when none fails: each observation of a call is one."""
        return sum(len(step.watches) if isinstance(step, Calls) else 1 for step in self.steps)

    def check(self, *, calls: bool, web: bool, restart: bool, e1: bool = False) -> None:
        """Raises :class:`ScriptError` for the first step that makes a call, when calls are not available."""
        for step in self.steps:
            if isinstance(step, Calls) and any(watch.make for watch in step.watches) and not calls:
                raise ScriptError(f"{self.path}:{step.line}: make: needs a switch: give --web URL, or a lab")

    @property
    def name(self) -> str:
        """Its name, from the file: a vendor script contains none."""
        return vendor_name(self.path)


class Pairs(list[tuple[str, Any]]):
    """A JSON object whose keys may repeat."""


def load(path: Path) -> VendorScript:
    """Read a script file. Raises :class:`ScriptError`."""
    return parse(read_script(path, "utf-8-sig"), path)


def parse(text: str, path: Path) -> VendorScript:
    """Read a script from ``text``. Raises :class:`ScriptError`."""
    steps: list[CommandLine | TestMgm | Calls] = []
    lab: Path | None = None
    try:
        for line, element in _elements(text, str(path)):
            reader = _Reader(str(path), line)
            if (named := _directive(element, LAB)) is not None:
                lab = find_lab(Node(named, str(path), line, "lab"), path)
            elif isinstance(element, Pairs) and [key for key, _ in element] == ["lab"]:
                lab = find_lab(Node(element[0][1], str(path), line, "lab"), path)
            elif (step := reader.step(element)) is not None:
                steps.append(step)
    except RecursionError:
        raise ScriptError(f"{path}: is nested too deeply") from None
    return VendorScript(path, lab, tuple(steps))


LAB, MAKE = "@lab", "@make"
"""What a comment of ours begins with: the lab of the run, and the call that the switch is to make."""


def _directive(element: Any, name: str) -> str | None:
    """What follows ``name`` in a comment; None for anything else. That tester passes comments over."""
    comments = [text for key, text in element if key == "//"] if isinstance(element, Pairs) else []
    return next(
        (
            text.removeprefix(name).strip()
            for text in comments
            if isinstance(text, str) and text.startswith(f"{name} ")
        ),
        None,
    )


def _elements(text: str, file: str) -> list[tuple[int, Any]]:
    """The elements of the array with their first lines."""
    decoder = json.JSONDecoder(object_pairs_hook=Pairs)
    space = re.compile(r"\s*")

    def skip(position: int) -> int:
        match = space.match(text, position)
        assert match is not None
        return match.end()

    counted, lines = 0, 1

    def line_of(position: int) -> int:
        """The line of a position. Positions rise, so every line is counted once."""
        nonlocal counted, lines
        if position < counted:  # of an error, after the last element that was read
            return text.count("\n", 0, position) + 1
        lines += text.count("\n", counted, position)
        counted = position
        return lines

    def wrong(position: int, message: str) -> NoReturn:
        raise ScriptError(f"{file}:{line_of(position)}: {message}")

    position = skip(0)
    if text[position : position + 1] != "[":
        wrong(position, "is no JSON array of commands")
    elements: list[tuple[int, Any]] = []
    position = skip(position + 1)
    while text[position : position + 1] != "]":
        try:
            element, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            wrong(error.pos, f"is not JSON: {error.msg}")
        except ValueError as error:  # a number of more than 4,300 digits
            wrong(position, f"holds a value that can't be read: {error}")
        elements.append((line_of(position), element))
        position = skip(end)
        if text[position : position + 1] == ",":
            position = skip(position + 1)
        elif text[position : position + 1] != "]":
            wrong(position, "is not JSON: expected ',' or ']'")
    if skip(position + 1) != len(text):
        wrong(skip(position + 1), "has something after the array")
    return elements


class _Reader:
    """Reads one element of the array."""

    def __init__(self, file: str, line: int) -> None:
        self._file = file
        self._line = line

    def step(self, element: Any) -> CommandLine | TestMgm | Calls | None:
        if isinstance(element, str):
            return self._command(element, "")
        keys = self._without_comments(element, "")
        if not keys:
            return None
        if len(keys) != 1 or keys[0][0] not in ("test-mgm", "calls"):
            names = ", ".join(key for key, _ in keys)
            self._fail("", f"{names!r} is no step; allowed: a command line, //, test-mgm, calls, lab")
        key, value = keys[0]
        return self._test_mgm(value) if key == "test-mgm" else self._calls(value)

    def _command(self, text: str, path: str) -> CommandLine:
        if "$" not in text and text.split()[:1] not in [[word] for word in SHELL_WORDS]:
            try:
                parse_line(text)
            except LineError as error:
                self._fail(path, f"{text!r}: {error}")
        return CommandLine(text, self._line)

    def _test_mgm(self, value: Any) -> TestMgm:
        keys = self._object(value, "test-mgm", ("cmd", "ack", "exec"))
        if not isinstance(keys.get("cmd"), str):
            self._fail("test-mgm.cmd", "is missing, or is not a command line")
        codes = [
            self._code(keys[name], f"test-mgm.{name}") if name in keys else None for name in ("ack", "exec")
        ]
        return TestMgm(self._command(keys["cmd"], "test-mgm.cmd").text, codes[0], codes[1], self._line)

    def _code(self, value: Any, path: str) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"(?:0[xX])?[0-9A-Fa-f]{1,2}", value):
            self._wrong(path, value, 'a code as hexadecimal text, such as "00"')
        return int(value, 16)

    def _calls(self, value: Any) -> Calls:
        variables: dict[str, str] = {}
        watches: list[Watch] = []
        for index, group in enumerate(_listed(value), 1):
            path = f"calls[{index}]"
            own = dict(variables)
            for key, inner in self._without_comments(group, path):
                if key == "variables":
                    for name, text in self._without_comments(inner, f"{path}.variables"):
                        own[name] = self._text(text, f"{path}.variables.{name}")
                elif key == "call":
                    watches.append(self._watch(inner, f"{path}.call", own))
                else:
                    self._fail(f"{path}.{key}", "unknown key; allowed: variables, call")
            variables = own
        if not watches:
            self._fail("calls", "has no call")
        return Calls(variables, tuple(watches), self._line)

    def _watch(self, value: Any, path: str, variables: Mapping[str, str]) -> Watch:
        given: dict[str, Any] = {}
        steps: list[Recv | CommandLine] = []
        for index, item in enumerate(_listed(value), 1):
            place = f"{path}[{index}]"
            if isinstance(item, str):
                steps.append(self._command(_substitute(item, variables), place))
                continue
            if (make := _directive(item, MAKE)) is not None:
                try:
                    request = json.loads(make, object_pairs_hook=Pairs)
                except ValueError as error:
                    self._fail(f"{place}.{MAKE}", f"is not JSON: {error}")
                given["make"] = self._make(request, f"{place}.{MAKE}", variables)
            for key, inner in self._without_comments(item, place):
                if key == "options":
                    given |= self._options(inner, f"{place}.options", variables)
                elif key == "observer":
                    if inner not in ("number_a", "number_b"):
                        self._wrong(f"{place}.observer", inner, "number_a, number_b")
                    given["observer"] = inner
                elif key == "recv":
                    steps += [self._recv(one, f"{place}.recv", variables) for one in _listed(inner)]
                else:
                    self._fail(f"{place}.{key}", "unknown key; allowed: options, observer, recv")
        if not steps:
            self._fail(path, "has no recv")
        return Watch(**given, steps=tuple(steps))

    def _options(self, value: Any, path: str, variables: Mapping[str, str]) -> dict[str, Any]:
        keys = self._object(value, path, ("mode", "timeout", "repeat", "make"))
        given: dict[str, Any] = {}
        if "mode" in keys:
            if keys["mode"] not in ("required", "optional"):
                self._wrong(f"{path}.mode", keys["mode"], "required, optional")
            given["required"] = keys["mode"] == "required"
        if "timeout" in keys:
            given["timeout"] = self._count(keys["timeout"], f"{path}.timeout", float)
        if "repeat" in keys:
            given["repeat"] = int(self._count(keys["repeat"], f"{path}.repeat", int))
        if "make" in keys:
            given["make"] = self._make(keys["make"], f"{path}.make", variables)
        return given

    def _make(self, value: Any, path: str, variables: Mapping[str, str]) -> dict[str, Any]:
        allowed = ("domain", "a", "b", "from", "outcome", "ring", "talk", "services")
        make = {"a": "number_a", "b": "number_b", **self._object(value, path, allowed)}
        for key in ("domain", "a", "b"):
            make[key] = _substitute(self._text(make.get(key), f"{path}.{key}"), variables)
        return {key: _plain(one) for key, one in make.items()}

    def _count(self, value: Any, path: str, kind: type) -> float:
        try:
            number = kind(value)
        except (TypeError, ValueError, OverflowError):
            number = -1
        if isinstance(value, bool) or not 0 < number <= 86400:
            self._wrong(path, value, "a number above 0")
        return float(number)

    def _recv(self, value: Any, path: str, variables: Mapping[str, str]) -> Recv:
        keys = self._object(value, path, ("number-a", "number-b", "msg", "test", "options"))
        options = self._options(keys["options"], f"{path}.options", variables) if "options" in keys else {}
        number_a, number_b = (
            None
            if keys.get(name) is None
            else _substitute(self._text(keys[name], f"{path}.{name}"), variables)
            for name in ("number-a", "number-b")
        )
        message = self._code(str(keys["msg"]), f"{path}.msg") if "msg" in keys else None
        tests: dict[str, bytes] = {}
        for name, text in self._without_comments(keys.get("test", Pairs()), f"{path}.test"):
            if name not in TEST_FIELDS:
                self._fail(f"{path}.test.{name}", f"unknown key; allowed: {', '.join(TEST_FIELDS)}")
            tests[name] = self._octets(
                _substitute(self._text(text, path), variables), name, f"{path}.test.{name}"
            )
        return Recv(message, number_a, number_b, tests, required=options.get("required", True))

    def _octets(self, text: str, name: str, path: str) -> bytes:
        _, lengths = TEST_FIELDS[name]
        if not re.fullmatch(r"[0-9A-Fa-f]+", text) or len(text) > 2 * lengths[-1]:
            self._wrong(path, text, f"1 to {2 * lengths[-1]} hexadecimal digits")
        length = next(one for one in lengths if len(text) <= 2 * one)
        return bytes.fromhex(text.rjust(2 * length, "0"))

    def _text(self, value: Any, path: str) -> str:
        if not isinstance(value, str):
            self._wrong(path, value, "a text in quotation marks")
        return value

    def _object(self, value: Any, path: str, allowed: tuple[str, ...]) -> dict[str, Any]:
        keys: dict[str, Any] = {}
        for key, inner in self._without_comments(value, path):
            if key not in allowed:
                self._fail(f"{path}.{key}", f"unknown key; allowed: {', '.join(allowed)}")
            if key in keys:
                self._fail(f"{path}.{key}", "is given twice")
            keys[key] = inner
        return keys

    def _without_comments(self, value: Any, path: str) -> list[tuple[str, Any]]:
        if not isinstance(value, Pairs):
            self._fail(path, f"{show(value)} is not allowed here; allowed: an object")
        return [(key, inner) for key, inner in value if key != "//"]

    def _wrong(self, path: str, value: Any, allowed: str) -> NoReturn:
        self._fail(path, f"{show(value)} is not allowed; allowed: {allowed}")

    def _fail(self, path: str, message: str) -> NoReturn:
        raise ScriptError(one_line(f"{self._file}:{self._line}: {path + ': ' if path else ''}{message}"))


def _listed(value: Any) -> list[Any]:
    """The items of a list, or one value as a list."""
    return value if isinstance(value, list) and not isinstance(value, Pairs) else [value]


def _substitute(text: str, variables: Mapping[str, str]) -> str:
    """Replace a variable: by its bare name, or as ``$name`` and ``${name}`` inside a text."""
    if text in variables:
        return variables[text]
    return re.sub(r"\$\{?([A-Za-z_]\w*)\}?", lambda match: variables.get(match[1], match[0]), text)


def _plain(value: Any) -> Any:
    if isinstance(value, Pairs):
        return {key: _plain(inner) for key, inner in value if key != "//"}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


# --- command lines
#
# Read as that tester reads them. Numbers are hexadecimal, of any length, and cut to the field, except phone numbers,
# the password and -sorm-id, which is decimal. A number may stand for a name, so that undefined values can be tested.
# ``-sorm-id N`` and ``-p P`` override the header of any command; a password of another length is sent as it is.

TYPES = {"subscriber": 0x01, "network-full": 0x02, "network-short": 0x12, "trunk": 0x03, "none": 0xFF}
SIGNS = {
    "private": 0x01,
    "local": 0x02,
    "zone": 0x03,
    "city": 0x04,
    "international": 0x05,
    "emergency": 0x06,
    "none": 0xFF,
}
CATEGORIES = {"combined": 0x01, "separated": 0x11, "statistic": 0x02, "none": 0xFF}
GROUP_TYPES = {"combined": 0x01, "separated": 0x11, "none": 0xFF}
PRIORITIES = {"high": 0x01, "normal": 0x02, "none": 0xFF}
_ALIASES = {
    "-password": "-p",
    "-number": "-n",
    "-trunk": "-t",
    "-T": "-type",
    "-indicator": "-i",
    "-k": "-ksl",
    "-k-a": "-ksl-a",
    "-k-b": "-ksl-b",
}
OPTIONS = frozenset({"-sorm-id", "-p", "-n", "-t"})
"""Options of every command; :data:`_FURTHER` are those of one."""
_FURTHER = {
    "get-info": frozenset({"-id", "-type", "-i"}),
    "info-ksl": frozenset({"-ksl", "-type", "-ksl-a", "-ksl-b"}),
}
SHELL_WORDS = ("help", "record-start", "record-stop", "repeat", "exit")
"""Words of that tester's shell. They send nothing; ``exit`` ends the script."""
ANY_CALL = b"\xff" * 5
"""Stands for the call seen while a script is read."""
_HEX = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{1,64})")
_WRONG_COUNT = "wrong number of words"


class LineError(Exception):
    """A command line can't be read. The text gives what is allowed."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as name and fields, or (``payload``) as octets that are not allowed in this command.

    ``password``: one of another length than six, which is sent as it is.
    """

    name: str
    fields: dict[str, Any]
    payload: bytes | None = None
    password: str | None = None


def parse_line(line: str, call: bytes = ANY_CALL) -> Command:
    """Read one command line. ``call``: the call seen, for a word in its place; b"" before the first one.

    Raises :class:`LineError`.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise LineError(str(error)) from None
    if not words:
        raise LineError("is an empty command")
    if words[0] not in _COMMANDS:
        raise LineError(f"{words[0]!r} is not a command; allowed: {', '.join(_COMMANDS)}")
    name, usage, counts, build = _COMMANDS[words[0]]
    allowed = f"allowed: {f'{words[0]} {usage}'.strip()} [-sorm-id N] [-p PASSWORD]"
    try:
        plain, options = _options(words[1:], OPTIONS | _FURTHER.get(words[0], frozenset()))
        if len(plain) not in counts:
            raise LineError(_WRONG_COUNT)  # noqa: TRY301 - told with what is allowed
        built = build(_with_call(plain, usage, call), options)
        header = _header(options)
    except LineError as error:
        raise LineError(f"{error}; {allowed}") from None
    password = options.get("-p")
    odd = password if password is not None and len(password) != PASSWORD_CHARACTERS else None
    if isinstance(built, bytes):
        return Command(name, header, built, odd)
    return Command(name, {**header, **built}, password=odd)


def _header(options: Mapping[str, str]) -> dict[str, Any]:
    header: dict[str, Any] = {}
    if "-sorm-id" in options:
        if not re.fullmatch("[0-9]{1,9}", options["-sorm-id"]):
            raise LineError(f"-sorm-id {options['-sorm-id']!r} is not a decimal number")
        header["orm_number"] = int(options["-sorm-id"]) & 0xFF
    if len(options.get("-p", "")) == PASSWORD_CHARACTERS:
        header["password"] = options["-p"]
    return header


def _options(words: Sequence[str], known: Collection[str]) -> tuple[list[str], dict[str, str]]:
    plain: list[str] = []
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        option = _ALIASES.get(word, word)
        if option not in known:
            if word.startswith("-"):
                raise LineError(f"{word} is no option here")
            plain.append(word)
            continue
        value = next(rest, None)
        if value is None or option in options:
            raise LineError(f"{word} needs one value, and may be given once")
        options[option] = value
    return plain, options


def _number(word: str, high: int) -> int:
    """A hexadecimal number of any length, cut to the field, whose highest value is ``high``."""
    found = _HEX.fullmatch(word)
    if found is None:
        raise LineError(f"{word!r} is not a hexadecimal number")
    return int(found[1], 16) & high


def _named(word: str, names: dict[str, int], what: str) -> str | None:
    """The octet of a name or a number, in a form that keeps any octet; no name: FFh."""
    if word not in names and _HEX.fullmatch(word) is None:
        raise LineError(f"{word!r} is no {what} ({', '.join(names)}, or a hexadecimal number)")
    octet = names[word] if word in names else _number(word, 0xFF)
    return None if octet == 0xFF else f"0x{octet:02X}"


def _digits(word: str) -> str:
    """A number; one with letters, or with more digits than there is room for, as octets: count, and half-bytes."""
    if re.fullmatch(r"[0-9]{1,18}", word):
        return word
    if not re.fullmatch(r"[0-9A-Fa-f]{1,64}", word):
        raise LineError(f"-n {word!r} is not hexadecimal digits")
    halves = word[:18].ljust(18, "f")
    swapped = "".join(halves[place + 1] + halves[place] for place in range(0, 18, 2))
    return f"0x{len(word):02X}{swapped.upper()}"


def _subject(words: Sequence[str], options: dict[str, str]) -> dict[str, Any]:
    """ID TYPE SIGN and -n or -t; missing ones are FFh."""
    given = list(words) + [""] * (3 - len(words))
    return {
        "object_number": _number(given[0], 0xFFFF) if given[0] else 0xFFFF,
        "object_type": _named(given[1], TYPES, "type") if given[1] else None,
        "number_sign": _named(given[2], SIGNS, "sign") if given[2] else None,
        "number": _digits(options["-n"]) if "-n" in options else None,
        "trunk": _trunk(options["-t"]) if "-t" in options else None,
    }


def _trunk(word: str) -> int | None:
    number = _number(word, 0xFFFF)
    return None if number == 0xFFFF else number


def _control(words: Sequence[str]) -> dict[str, Any]:
    """CATEGORY [GROUP] PRIORITY."""
    group = _number(words[1], 0xFF) if len(words) == 3 else 0xFF
    return {
        "category": _named(words[0], CATEGORIES, "category"),
        "ksl_group": None if group == 0xFF else group,
        "priority": _named(words[-1], PRIORITIES, "priority"),
    }


def _lines(words: Sequence[str]) -> list[dict[str, int] | None]:
    """STREAM KSL [STREAM KSL]: one or two lines."""
    pairs = [(_number(words[place], 7), _number(words[place + 1], 0x1F)) for place in range(0, len(words), 2)]
    return [None if pair == (7, 0x1F) else {"stream": pair[0], "ksl": pair[1]} for pair in pairs]


def _octet(line: dict[str, int] | None) -> int:
    """The octet of a KSL line (order 268, 6.4.6)."""
    return 0xFF if line is None else line["stream"] << 5 | line["ksl"]


def _with_call(words: list[str], usage: str, call: bytes) -> list[str]:
    """The words, with the ten digits of a call in place of its word; two or four words of free-ksl are lines alone."""
    has_call = usage.startswith("CALL") or (usage.startswith("[CALL]") and len(words) % 2)
    return [_the_call(words[0], call), *words[1:]] if has_call else words


def _the_call(word: str, call: bytes) -> str:
    """The ten digits of a call, octets 4 to 8 of an event: typed, filled up from the left, or of the call seen."""
    found = _HEX.fullmatch(word)
    if found is not None:
        return found[1][-10:].rjust(10, "0")
    if not call:
        raise LineError(f"{word!r}: no call has been seen yet")
    return call.hex()


_Words = Sequence[str]
_Options = dict[str, str]
_Built = dict[str, Any] | bytes
"""The fields of a command, or its payload as octets."""


def _nothing(_: _Words, __: _Options) -> _Built:
    return {}


def _set_password(words: _Words, _: _Options) -> _Built:
    if len(words[0]) == 6:
        return {"new_password": words[0]}
    # Other lengths are negative cases of the tester (order 268, 7.4).
    return words[0].encode("latin-1", "replace")[:255]


def _set_ksl(words: _Words, _: _Options) -> _Built:
    lines, group = _lines(words[2:]), _number(words[0], 0xFF)
    kind = _named(words[1], GROUP_TYPES, "group type")
    if group == 0xFF:  # no group: a value that the command can't have
        return bytes((group, int(kind or "0xFF", 16), _octet(lines[0]), _octet(lines[-1])))
    return {
        "ksl_group": group,
        "group_type": kind,
        "ksl_a": lines[0],
        "ksl_b": lines[-1],
    }


def _kick_ksl(words: _Words, _: _Options) -> _Built:
    lines, group = _lines(words[1:]), _number(words[0], 0xFF)
    if group == 0xFF:
        return bytes((group, _octet(lines[0]), _octet(lines[-1])))
    return {"ksl_group": group, "ksl_a": lines[0], "ksl_b": lines[-1]}


def _wiretap_add(words: _Words, options: _Options) -> _Built:
    return {**_subject(words[:3], options), **_control(words[3:])}


def _wiretap(words: _Words, _: _Options) -> _Built:
    return bytes.fromhex(words[0]) + bytes([_number(words[1], 0xFF)])


def _free_ksl(words: _Words, _: _Options) -> _Built:
    """CALL, CALL and lines, or lines alone: an even count of words."""
    call, lines = (words[0], words[1:]) if len(words) % 2 else ("ff" * 5, words)
    octets = [*map(_octet, _lines(lines)), 0xFF, 0xFF]
    return bytes.fromhex(call) + bytes(octets[:2])


def _get_info(words: _Words, options: _Options) -> _Built:
    if words and options.keys() & {"-id", "-type", "-i"}:
        raise LineError("give ID, TYPE and SIGN as words or as options")
    given = words or [options.get("-id", "ffff"), options.get("-type", "none"), options.get("-i", "none")]
    return {key: None if value == 0xFFFF else value for key, value in _subject(given, options).items()}


def _info_ksl(words: _Words, options: _Options) -> _Built:
    if words and options.keys() & _FURTHER["info-ksl"]:
        raise LineError("give GROUP, its type and lines as words or as options")
    if words:
        lines = _lines(words[2:]) if len(words) > 2 else [None, None]
        group, kind = words[0], words[1] if len(words) > 1 else "none"
    else:
        lines = [_line(options.get(name, "")) for name in ("-ksl-a", "-ksl-b")]
        group, kind = options.get("-ksl", "ff"), options.get("-type", "none")
    number = _number(group, 0xFF)
    fields = {
        "ksl_group": None if number == 0xFF else number,
        "group_type": _named(kind, GROUP_TYPES, "group type"),
    }
    return {**fields, "ksl_a": lines[0], "ksl_b": lines[-1]}


def _line(text: str) -> dict[str, int] | None:
    """``"S, K"``, or no line."""
    words = text.replace(",", " ").split()
    if len(words) not in (0, 2):
        raise LineError(f'{text!r} is no line: stream and KSL, such as "0, 1"')
    return _lines(words)[0] if words else None


def _list_ss(words: _Words, options: _Options) -> _Built:
    number = options.get("-n", words[1] if len(words) == 2 else None)
    if number is None:
        raise LineError(_WRONG_COUNT)
    sign = words[0] if words else "none"
    return {"number_sign": _named(sign, SIGNS, "sign"), "number": _digits(number)}


def _test(words: _Words, _: _Options) -> _Built:
    return {"test_number": _number(words[0], 0xFF)}


def _wiretap_ed(words: _Words, _: _Options) -> _Built:
    return {"object_number": _number(words[0], 0xFFFF), **_control(words[1:])}


def _info_trunk_group(words: _Words, options: _Options) -> _Built:
    given = [*words, *([options["-t"]] if "-t" in options else [])]
    if len(given) > 1:
        raise LineError(_WRONG_COUNT)
    return {"trunk": _trunk(given[0]) if given else None}


_COMMANDS: dict[str, tuple[str, str, Sequence[int], Callable[[_Words, _Options], _Built]]] = {
    "start-sorm": ("start", "", (0,), _nothing),
    "stop-sorm": ("stop", "", (0,), _nothing),
    "set-password": ("set-password", "PASSWORD", (1,), _set_password),
    "set-ksl": ("add-ksl", "GROUP combined|separated STREAM KSL [STREAM KSL]", (4, 6), _set_ksl),
    "wiretap-add": (
        "add-object", "ID TYPE SIGN -n NUMBER|-t TRUNK CATEGORY [GROUP] PRIORITY", (5, 6), _wiretap_add,
    ),
    "wiretap-del": ("remove-object", "ID TYPE SIGN -n NUMBER|-t TRUNK", (3,), _subject),
    "wiretap": ("connect-ksl", "CALL GROUP", (2,), _wiretap),
    "free-ksl": ("release-ksl", "[CALL] [STREAM KSL [STREAM KSL]]", (1, 2, 3, 4, 5), _free_ksl),
    "kick-ksl": ("remove-ksl", "GROUP STREAM KSL [STREAM KSL]", (3, 5), _kick_ksl),
    "get-info": ("get-objects", "[ID [TYPE [SIGN]]] [-n NUMBER] [-t TRUNK]", range(4), _get_info),
    "info-ksl": (
        "get-ksl", "[GROUP [combined|separated [STREAM KSL [STREAM KSL]]]]", (0, 1, 2, 4, 6), _info_ksl,
    ),
    "list-ss": ("get-services", "[SIGN] NUMBER|-n NUMBER", (0, 1, 2), _list_ss),
    "stop-sending": ("interrupt", "", (0,), _nothing),
    "test": ("test", "NUMBER", (1,), _test),
    "wiretap-ed": ("change-object", "ID CATEGORY [GROUP] PRIORITY", (3, 4), _wiretap_ed),
    "info-trunk-group": ("get-trunks", "[TRUNK]", (0, 1), _info_trunk_group),
    "get-version": ("get-version", "", (0,), _nothing),
}  # fmt: skip
"""The tester's commands: the order's command, the other words, how many of them, and what they become."""
