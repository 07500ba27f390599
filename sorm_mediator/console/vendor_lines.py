"""Command lines of the vendor's tester: ``wiretap-add 0102 subscriber private -n 28331 combined 1 normal``.

Numbers are hexadecimal except phone numbers and the password. Where a name is expected, two hexadecimal
digits give the byte as it is, so that undefined values can be tested. ``-sorm-id N`` and ``-p P`` override
the header of any command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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
OPTIONS = ("-sorm-id", "-p", "-n", "-t")


class LineError(Exception):
    """A command line can't be understood. The text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as its name and fields, or (``payload``) as bytes that no command of that name may have."""

    name: str
    fields: dict[str, Any]
    payload: bytes | None = None


def parse_line(line: str) -> Command:
    """Read one command line. Raises :class:`LineError`."""
    words = line.split()
    if not words:
        raise LineError("is an empty command")
    if words[0] not in _COMMANDS:
        raise LineError(f"{words[0]!r} is no command; allowed: {', '.join(_COMMANDS)}")
    usage, build = _COMMANDS[words[0]]
    plain, options = _options(words[1:])
    try:
        command = build(plain, options)
    except (LineError, _Usage) as error:
        shown = f"{words[0]} {usage}".strip()
        raise LineError(
            f"{str(error) or 'wrong number of words'}; allowed: {shown} [-sorm-id N] [-p PASSWORD]"
        ) from None
    header: dict[str, Any] = {}
    if "-sorm-id" in options:
        header["orm_number"] = _number(options["-sorm-id"], 0xFF)
    if "-p" in options:
        if len(options["-p"]) != 6:
            raise LineError(f"-p {options['-p']!r} is not allowed; allowed: six characters")
        header["password"] = options["-p"]
    return Command(command.name, {**header, **command.fields}, command.payload)


class _Usage(Exception):  # noqa: N818 - never leaves this module
    pass


def _options(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    plain: list[str] = []
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word not in OPTIONS:
            plain.append(word)
            continue
        value = next(rest, None)
        if value is None or word in options:
            raise LineError(f"{word} needs one value, and may be given once")
        options[word] = value
    return plain, options


def _number(word: str, high: int) -> int:
    if not re.fullmatch(r"(?:0[xX])?[0-9A-Fa-f]{1,8}", word) or int(word, 16) > high:
        raise LineError(f"{word!r} is not a hexadecimal number from 0 to {high:X}")
    return int(word, 16)


def _named(word: str, names: dict[str, int], what: str) -> str | None:
    """The byte of a name, in the writing that keeps any byte; none is FFh."""
    if word in names:
        byte = names[word]
    elif re.fullmatch(r"[0-9A-Fa-f]{2}", word):
        byte = int(word, 16)
    else:
        raise LineError(f"{word!r} is no {what} ({', '.join(names)}, or two hexadecimal digits)")
    return None if byte == 0xFF else f"0x{byte:02X}"


def _subject(words: Sequence[str], options: dict[str, str]) -> dict[str, Any]:
    """ID TYPE SIGN and -n or -t; what is left out is FFh."""
    given = list(words) + [""] * (3 - len(words))
    number = options.get("-n")
    if number is not None and not re.fullmatch(r"[0-9]{1,18}", number):
        raise LineError(f"-n {number!r} is not 1 to 18 digits")
    return {
        "object_number": _number(given[0], 0xFFFF) if given[0] else 0xFFFF,
        "object_type": _named(given[1], TYPES, "type") if given[1] else None,
        "number_sign": _named(given[2], SIGNS, "sign") if given[2] else None,
        "number": number,
        "trunk": _trunk(options["-t"]) if "-t" in options else None,
    }


def _trunk(word: str) -> int | None:
    number = _number(word, 0xFFFF)
    return None if number == 0xFFFF else number


def _control(words: Sequence[str]) -> dict[str, Any]:
    """CATEGORY [GROUP] PRIORITY."""
    if len(words) not in (2, 3):
        raise _Usage
    group = _number(words[1], 0xFF) if len(words) == 3 else 0xFF
    return {
        "category": _named(words[0], CATEGORIES, "category"),
        "ksl_group": None if group == 0xFF else group,
        "priority": _named(words[-1], PRIORITIES, "priority"),
    }


def _lines(words: Sequence[str]) -> list[dict[str, int] | None]:
    """STREAM KSL [STREAM KSL]: one or two lines."""
    if len(words) not in (2, 4):
        raise _Usage
    pairs = [(_number(words[place], 7), _number(words[place + 1], 0x1F)) for place in range(0, len(words), 2)]
    return [None if pair == (7, 0x1F) else {"stream": pair[0], "ksl": pair[1]} for pair in pairs]


def _call_id(word: str) -> bytes:
    if not re.fullmatch(r"[0-9A-Fa-f]{10}", word):
        raise LineError(
            f"{word!r} is no call: ten hexadecimal digits, the bytes 4 to 8 of an event, or $call"
        )
    return bytes.fromhex(word)


Words = Sequence[str]
Options = dict[str, str]


def _bare(name: str) -> Callable[[Words, Options], Command]:
    def build(words: Words, _: Options) -> Command:
        if words:
            raise _Usage
        return Command(name, {})

    return build


def _set_password(words: Words, _: Options) -> Command:
    if len(words) != 1:
        raise _Usage
    if len(words[0]) == 6:
        return Command("set-password", {"new_password": words[0]})
    # Another length is one of the tester's negative cases (order 268, 7.4).
    return Command("set-password", {}, words[0].encode("latin-1", "replace")[:255])


def _set_ksl(words: Words, _: Options) -> Command:
    if len(words) < 4:
        raise _Usage
    lines = _lines(words[2:])
    return Command(
        "add-ksl",
        {
            "ksl_group": _number(words[0], 0xFF),
            "group_type": _named(words[1], GROUP_TYPES, "group type"),
            "ksl_a": lines[0],
            "ksl_b": lines[-1],
        },
    )


def _kick_ksl(words: Words, _: Options) -> Command:
    if len(words) < 3:
        raise _Usage
    lines = _lines(words[1:])
    return Command(
        "remove-ksl", {"ksl_group": _number(words[0], 0xFF), "ksl_a": lines[0], "ksl_b": lines[-1]}
    )


def _wiretap_add(words: Words, options: Options) -> Command:
    if len(words) not in (5, 6):
        raise _Usage
    return Command("add-object", {**_subject(words[:3], options), **_control(words[3:])})


def _wiretap_del(words: Words, options: Options) -> Command:
    if len(words) != 3:
        raise _Usage
    return Command("remove-object", _subject(words, options))


def _wiretap(words: Words, _: Options) -> Command:
    if len(words) != 2:
        raise _Usage
    return Command("connect-ksl", {}, _call_id(words[0]) + bytes([_number(words[1], 0xFF)]))


def _free_ksl(words: Words, _: Options) -> Command:
    if len(words) == 1:
        return Command("release-ksl", {}, _call_id(words[0]) + b"\xff\xff")
    octets = [0xFF if line is None else line["stream"] << 5 | line["ksl"] for line in _lines(words)]
    return Command("release-ksl", {}, b"\xff" * 5 + bytes([*octets, 0xFF][:2]))


def _get_info(words: Words, options: Options) -> Command:
    if len(words) > 3:
        raise _Usage
    return Command("get-objects", {key: None if value == 0xFFFF else value for key, value in
                                   _subject(words, options).items()})  # fmt: skip


def _info_ksl(words: Words, _: Options) -> Command:
    lines = _lines(words[2:]) if len(words) > 2 else [None, None]
    group = _number(words[0], 0xFF) if words else 0xFF
    kind = _named(words[1], GROUP_TYPES, "group type") if len(words) > 1 else None
    fields = {"ksl_group": None if group == 0xFF else group, "group_type": kind, "ksl_a": lines[0]}
    return Command("get-ksl", {**fields, "ksl_b": lines[-1]})


def _list_ss(words: Words, options: Options) -> Command:
    number = options.get("-n", words[1] if len(words) == 2 else None)
    if not words or len(words) > 2 or number is None:
        raise _Usage
    if not re.fullmatch(r"[0-9]{1,18}", number):
        raise LineError(f"{number!r} is not 1 to 18 digits")
    return Command("get-services", {"number_sign": _named(words[0], SIGNS, "sign"), "number": number})


def _test(words: Words, _: Options) -> Command:
    if len(words) != 1:
        raise _Usage
    return Command("test", {"test_number": _number(words[0], 0xFF)})


def _wiretap_ed(words: Words, _: Options) -> Command:
    if len(words) not in (3, 4):
        raise _Usage
    return Command("change-object", {"object_number": _number(words[0], 0xFFFF), **_control(words[1:])})


def _info_trunk_group(words: Words, options: Options) -> Command:
    given = [*words, *([options["-t"]] if "-t" in options else [])]
    if len(given) > 1:
        raise _Usage
    return Command("get-trunks", {"trunk": _trunk(given[0]) if given else None})


_COMMANDS: dict[str, tuple[str, Callable[[Words, Options], Command]]] = {
    "start-sorm": ("", _bare("start")),
    "stop-sorm": ("", _bare("stop")),
    "set-password": ("PASSWORD", _set_password),
    "set-ksl": ("GROUP combined|separated STREAM KSL [STREAM KSL]", _set_ksl),
    "wiretap-add": ("ID TYPE SIGN -n NUMBER|-t TRUNK CATEGORY [GROUP] PRIORITY", _wiretap_add),
    "wiretap-del": ("ID TYPE SIGN -n NUMBER|-t TRUNK", _wiretap_del),
    "wiretap": ("CALL GROUP", _wiretap),
    "free-ksl": ("CALL | STREAM KSL [STREAM KSL]", _free_ksl),
    "kick-ksl": ("GROUP STREAM KSL [STREAM KSL]", _kick_ksl),
    "get-info": ("[ID [TYPE [SIGN]]] [-n NUMBER] [-t TRUNK]", _get_info),
    "info-ksl": ("[GROUP [combined|separated [STREAM KSL [STREAM KSL]]]]", _info_ksl),
    "list-ss": ("SIGN NUMBER", _list_ss),
    "stop-sending": ("", _bare("interrupt")),
    "test": ("NUMBER", _test),
    "wiretap-ed": ("ID CATEGORY [GROUP] PRIORITY", _wiretap_ed),
    "info-trunk-group": ("[TRUNK]", _info_trunk_group),
    "get-version": ("", _bare("get-version")),
}
