"""A whole lab file: its tables, reading and validating it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Final, Self, Union, get_origin

from pydantic import BaseModel, Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo

from sorm_mediator.config.acceptance import AcceptanceConfig
from sorm_mediator.config.base import ConfigError, Host, Port, Section, is_loopback
from sorm_mediator.config.e1 import E1Config
from sorm_mediator.config.lines import located
from sorm_mediator.config.mediator import ConsoleConfig, MediatorConfig, RadiusConfig, RtpConfig, SshConfig
from sorm_mediator.config.switch import SwitchConfig
from sorm_mediator.texts import nearest, one_line, short, shown, whole_number

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class WebConfig(Section):
    """``[web]``."""

    host: Host = "127.0.0.1"
    """Address to listen on."""
    port: Port = 8080
    """TCP port; 0 = any free."""
    token: SecretStr = SecretStr("")
    """Bearer token; required when not on loopback."""
    connections: Annotated[int, Field(ge=1, le=10_000)] = 256
    """Clients at a time. One more replaces the client that has kept the server waiting the longest (our
    choice)."""
    request_timeout: Annotated[float, Field(gt=0)] = 10.0
    """Seconds from a client's connection, or from the first octet of its request, to the end of the body (our
    choice)."""
    send_timeout: Annotated[float, Field(gt=0)] = 10.0
    """Seconds that a client may leave an answer or events unread (our choice)."""
    watchers: Annotated[int, Field(ge=0, le=10_000)] = 64
    """Streams of events at a time; one more gets 503 (our choice)."""

    @model_validator(mode="after")
    def _token_beyond_loopback(self) -> Self:
        if not is_loopback(self.host) and not self.token.get_secret_value().strip():
            raise ValueError(f"token: required because host {self.host!r} is not on loopback")
        return self


class Config(Section):
    """A whole lab file."""

    mediator: MediatorConfig = MediatorConfig()
    """The technical means of ORM."""
    console: ConsoleConfig = ConsoleConfig()
    """The channels toward the monitoring console."""
    e1: tuple[E1Config, ...] = ()
    """0 to 4 streams toward the console; ``mediator.capacity`` allows its own number, up to 8."""
    ssh: SshConfig = SshConfig()
    """The way to the switch."""
    radius: RadiusConfig = RadiusConfig()
    """The accounting sink."""
    rtp: RtpConfig = RtpConfig()
    """Speech."""
    switch: SwitchConfig | None = None
    """The emulated ECSS-10; left out to use a real one."""
    web: WebConfig = WebConfig()
    """The HTTP API."""
    acceptance: AcceptanceConfig = AcceptanceConfig()
    """The agreed formats of numbers, and the calls that check them."""

    @model_validator(mode="before")
    @classmethod
    def _numbers_by_station_type(cls, given: Any) -> Any:
        """In the profile ``order`` the type of the node decides the number of B (order 268, 10.3.2.2)."""
        tables = given if isinstance(given, dict) else {}
        mediator, switch = tables.get("mediator"), tables.get("switch")
        if not isinstance(mediator, dict) or not isinstance(switch, dict):
            return given
        domains = switch.get("domains")
        if mediator.get("profile") != "order" or not isinstance(domains, list | tuple):
            return given
        default = {"b_number_format": mediator.get("station_type", "terminal-transit")}
        filled = [default | domain if isinstance(domain, dict) else domain for domain in domains]
        return tables | {"switch": switch | {"domains": filled}}

    _directory: Path = PrivateAttr(default=Path())
    _file: Path | None = PrivateAttr(default=None)
    _document: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _outside: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def document(self) -> Mapping[str, Any]:
        """The TOML document that it was made of, with the values from outside the file."""
        return self._document

    @property
    def outside(self) -> Mapping[str, Any]:
        """Values that came from outside the file (``--set``, the environment), by key."""
        return self._outside

    @property
    def directory(self) -> Path:
        """The folder that relative paths of the file start from."""
        return self._directory

    @property
    def file(self) -> Path | None:
        """The file; None for a configuration that was not read from a file."""
        return self._file


def parse(document: Mapping[str, Any], *, directory: Path = Path(), name: str = "configuration") -> Config:
    """Validate a decoded TOML document. Raises :class:`ConfigError` with a line for each mistake."""
    problem = _control_character(document)
    if problem:
        raise ConfigError(f"{name}: {problem}")
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError("\n".join(one_line(f"{name}: {text}") for text in _mistakes(error))) from None
    config._directory = directory
    config._document = document
    return config


def load(path: Path, overrides: Mapping[str, Any] = MappingProxyType({})) -> Config:
    """Read and validate a lab file. Raises :class:`ConfigError`.

    ``overrides``: values by their key, such as ``web.port`` or ``switch.domains[1].password``, in place of those of
    the file; items of a list count from 1.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: can't be read: {reason}") from None
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # also a number of more than 4,300 digits
        place = _PLACE.fullmatch(str(error))
        if place is None:
            raise ConfigError(f"{path}: is not TOML: {error}") from None
        hint = (
            "; a text is in quotation marks, a switch is true or false"
            if place["what"] == "Invalid value"
            else ""
        )
        what = f"{place['what'][0].lower()}{place['what'][1:]}"
        raise ConfigError(
            f"{path}:{place['line']}: is not TOML: {what} at column {place['column']}{hint}"
        ) from None
    except RecursionError:
        raise ConfigError(f"{path}: is not TOML: it is nested too deeply") from None
    for key, value in overrides.items():
        put(document, key, value)
    try:
        config = parse(document, directory=path.resolve().parent, name=str(path))
    except ConfigError as error:
        raise ConfigError(located(str(error), path, outside=overrides)) from None
    config._file = path.resolve()
    config._outside = overrides
    return config


def put(document: dict[str, Any], key: str, value: Any) -> None:
    """Set one value of a document; None takes the key out. Raises :class:`ConfigError` for a place that there
    can't be."""
    *tables, last = key.replace("[", ".").replace("]", "").split(".")
    place: Any = document
    for part in tables:
        if isinstance(place, list):
            number = whole_number(part, 1, len(place))
            place = place[number - 1] if number else None
        else:
            place = place.setdefault(part, {})
        if not isinstance(place, dict | list):
            raise ConfigError(f"{key}: there is no table {part!r}")
    if isinstance(place, list):
        raise ConfigError(f"{key}: {last!r} is no key: the list has items 1 to {len(place)}")
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value


_PLACE: Final = re.compile(r"(?P<what>.+) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)
"""An error of tomllib."""


def _control_character(document: Mapping[str, Any]) -> str:
    """The position of a character that no host, path or name may have, in a key or text; "" without one.

    Line breaks and tabs are allowed: a pasted host key may end in one.
    """
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += ((f"{path}.{key}" if path else str(key), inner) for key, inner in value.items())
        elif isinstance(value, list | tuple):
            waiting += ((f"{path}.{index}", inner) for index, inner in enumerate(value))
        found = _CONTROL.search(value if isinstance(value, str) else path)
        if found:
            return one_line(
                f"{short(path)}: holds the control character U+{ord(found[0]):04X}, which is not allowed"
            )
    return ""


MOST_MISTAKES: Final = 20
"""Mistakes that an error tells; of more it tells the count."""
_WANTED: Final[Mapping[str, str]] = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text in quotation marks",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "list_type": "a list in square brackets",
    "tuple_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
}
"""What is allowed, by the kind of mistake that pydantic reports and its context."""
_DIGITS: Final = re.compile(r"\^\[0-9\]\{(\d+),(\d+)\}\$")
_PATTERNS: Final[Mapping[str, str]] = {
    r"^[\x21-\x7e]+$": "printable ASCII characters without spaces",
    r"^[\x21-\x7e]*$": "printable ASCII characters without spaces",
    r"^[\x20-\x7e]*$": "printable ASCII characters",
    r"^\S+$": "a text without spaces",
}
"""What a pattern of a text allows."""


def _mistakes(error: ValidationError) -> list[str]:
    """All mistakes, one for each key."""
    texts: dict[tuple[int | str, ...], list[str]] = {}
    missing: set[tuple[int | str, ...]] = set()
    errors = error.errors(include_url=False)
    misspelt = {
        (*one["loc"][:-1], near)
        for one in errors
        if one["type"] == "extra_forbidden" and (near := _near(one["loc"]))
    }
    for one in errors:
        location = one["loc"]
        if location and str(location[-1]).startswith(("literal[", "function-", "constrained-")):
            location = location[:-1]  # the name of one of several types
        if one["type"] == "missing" and location in misspelt:
            continue  # a misspelt key is both unknown and missing
        if one["type"] == "missing":
            missing.add(location)
        texts.setdefault(location, []).append(_wanted(one))
    lines = []
    for location, wanted in texts.items():
        key = ".".join(map(str, location))
        if location in missing:
            lines.append(f"{key}: is required")
        else:
            first = next(one for one in errors if one["loc"][: len(location)] == location)
            lines.append(_mistake(key, location, first, list(dict.fromkeys(wanted))))
    more = len(lines) - MOST_MISTAKES
    return lines if more <= 0 else [*lines[:MOST_MISTAKES], f"{more} more mistakes"]


def _mistake(key: str, location: tuple[int | str, ...], error: Any, wanted: Sequence[str]) -> str:
    if error["type"] == "value_error":
        message = error["msg"].removeprefix("Value error, ")
        inner, _, rest = message.partition(": ")
        below = rest and re.fullmatch(r"[\w.-]+(?: = .*)?", inner)  # the check of a table names a key in it
        return f"{key}.{message}".lstrip(".") if below else f"{key}: {message}"
    if error["type"] == "extra_forbidden":
        near = _near(location)
        known = (name for kind in _types_at(location[:-1]) for name in _keys(kind))
        return (
            f"{key}: unknown key; {f'did you mean {near}? ' if near else ''}allowed here: {', '.join(known)}"
        )
    if error["type"] == "tuple_type" and isinstance(error["input"], dict):
        return f"{key}: is a list of tables: write [[{key}]], not [{key}]"
    value = error["input"]
    near = _close(value, wanted) if isinstance(value, str) else ""
    hint = f"; did you mean {near}?" if near else ""
    return f"{key}: {_shown(location, value)} is not allowed: {', or '.join(wanted)}{hint}"


def _wanted(error: Any) -> str:
    """What is allowed in place of a value."""
    context = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        pattern = context["pattern"]
        digits = _DIGITS.fullmatch(pattern)
        return (
            f"{digits[1]} to {digits[2]} digits"
            if digits
            else _PATTERNS.get(pattern, f"a text like {pattern}")
        )
    text = _WANTED.get(error["type"])
    message: str = error["msg"]
    return text.format(**context) if text else f"{message[0].lower()}{message[1:]}"


def _near(location: tuple[int | str, ...]) -> str:
    """The known key that a misspelt one is nearest to; "" for none."""
    return nearest(str(location[-1]), (name for kind in _types_at(location[:-1]) for name in _keys(kind)))


def _close(value: str, wanted: Sequence[str]) -> str:
    """The allowed word that a misspelt one is nearest to; "" for none."""
    near = nearest(value, re.findall(r"'([^']+)'", " ".join(wanted)))
    return near and f'"{near}"'


def _shown(location: tuple[int | str, ...], value: object) -> str:
    """A value as a message may repeat it: not in place of a secret, or of a table with a secret."""
    return "******" if any(_has_secret(kind) for kind in _types_at(location)) else shown(value)


def _types_at(location: tuple[int | str, ...]) -> list[Any]:
    """The types that a value may have at this place of a lab file."""
    kinds: list[Any] = [Config]
    for part in location:
        below: list[Any] = []
        for kind in kinds:
            keys = _keys(kind)
            inside = getattr(kind, "__args__", ())  # the items of a list or a table
            if keys:
                inside = [keys[part].annotation] if part in keys else []
            below += [one for item in inside for one in _alternatives(item)]
        kinds = below or kinds  # the name of a branch of a union leads no deeper
    return kinds


def _keys(annotation: Any) -> Mapping[Any, FieldInfo]:
    """The keys of a table with declared keys; of any other type none."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return {}
    return {field.alias or name: field for name, field in annotation.model_fields.items()}


def _alternatives(annotation: Any) -> list[Any]:
    """The types of a union; for any other type, the type."""
    if get_origin(annotation) is Annotated:
        return _alternatives(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        return [one for part in annotation.__args__ for one in _alternatives(part)]
    return [annotation]


def _has_secret(annotation: Any) -> bool:
    """Whether a secret is declared somewhere in a type."""
    if annotation is SecretStr:
        return True
    inside: Sequence[Any] = [field.annotation for field in _keys(annotation).values()]
    return any(_has_secret(one) for one in inside or getattr(annotation, "__args__", ()))
