"""A whole lab file: its tables, reading and validating it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, model_validator

from sorm_mediator.config.acceptance import AcceptanceConfig
from sorm_mediator.config.base import ConfigError, Host, Port, Section, is_loopback
from sorm_mediator.config.e1 import E1Config
from sorm_mediator.config.lines import KeyPath, Located, key_of, locate, located, shown
from sorm_mediator.config.mediator import ConsoleConfig, MediatorConfig, RadiusConfig, RtpConfig, SshConfig
from sorm_mediator.config.places import where_shipped
from sorm_mediator.config.sound import Sound
from sorm_mediator.config.switch import SwitchConfig
from sorm_mediator.texts import one_line, read_utf8, short

MOST_MISTAKES: Final = 20
"""Mistakes that an error tells; of more it tells the count."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What no text of a lab file has: control characters, and halves of surrogate pairs, which have no UTF-8."""


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


@dataclass(frozen=True, slots=True)
class Given:
    """A value from outside of a lab file. ``source``: where it was given, for errors."""

    path: KeyPath
    value: Any
    source: str


class LabConfig(Section):
    """``[lab]``: the lab as a whole."""

    time_factor: Annotated[float, Field(gt=0, le=10_000_000)] = 1.0
    """How many times as fast the days of licences pass: with 432000 the thirty days of a failover period are six
    seconds. Calls, protocols and their timers keep real seconds."""


class Config(Section):
    """A whole lab file."""

    lab: LabConfig = LabConfig()
    """What holds for all of its boxes."""

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
    _written: Path | None = PrivateAttr(default=None)
    _document: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _given: tuple[Given, ...] = PrivateAttr(default=())
    _doubts: tuple[str, ...] = PrivateAttr(default=())

    @property
    def document(self) -> Mapping[str, Any]:
        """The TOML document that it was made of, with the values from outside the file."""
        return self._document

    @property
    def given(self) -> tuple[Given, ...]:
        """Values that came from outside the file (``--set``, the environment)."""
        return self._given

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is doubtful of the values from outside the file, a line each."""
        return self._doubts

    @property
    def _outside(self) -> Mapping[str, str]:
        return {shown(one.path): one.source for one in self._given}

    @property
    def directory(self) -> Path:
        """The folder that relative paths of the file start from."""
        return self._directory

    @property
    def file(self) -> Path | None:
        """The file; None for a configuration that was not read from a file."""
        return self._file

    def _came_from(self, path: Path | None, given: Sequence[Given]) -> None:
        self._file = None if path is None else path.resolve()
        self._written, self._given = path, tuple(given)

    def locate(self, errors: str) -> list[Located]:
        """Errors or warnings of this configuration, one a line, with the lines of the file they are about."""
        return locate(errors, self._written, outside=self._outside)

    def located(self, errors: str) -> str:
        """The same as text."""
        return located(errors, self._written, outside=self._outside)


def parse(document: Mapping[str, Any], *, directory: Path = Path(), name: str = "configuration") -> Config:
    """Validate a decoded TOML document. Raises :class:`ConfigError` with a line for each mistake."""
    problem = _unreadable(document)
    if problem:
        raise ConfigError(f"{name}: {problem}")
    try:
        config = Config.model_validate(document)
    except ValidationError:
        raise UnsoundError(Sound(document, Config), directory, name) from None
    config._directory = directory
    config._document = document
    return config


class UnsoundError(ConfigError):
    """A document has mistakes: a line for each. ``sound``: what is sound of it, for further checks."""

    def __init__(self, sound: Sound[Config], directory: Path, name: str) -> None:
        found = [one_line(f"{name}: {key_of(one.location)}{one.rest}") for one in sound.mistakes]
        more = len(found) - MOST_MISTAKES
        super().__init__(
            "\n".join(
                found
                if more <= 0
                else [*found[:MOST_MISTAKES], f"{name}: {more} more mistake{'s' if more > 1 else ''}"]
            )
        )
        self.sound = sound
        if sound.config is not None:
            sound.config._directory = directory


class LabFileError(ConfigError):
    """A lab file can't be used. ``found``: its mistakes with their places; the text is a line for each.

    ``sound``: what is sound of it, for further checks; None when it can't be read.
    """

    def __init__(
        self,
        found: Sequence[Located],
        sound: Sound[Config] | None = None,
    ) -> None:
        super().__init__("\n".join(one.text for one in found))
        self.found = tuple(found)
        self.sound = sound


def load(path: Path | None, given: Sequence[Given] = ()) -> Config:
    """Read and validate a lab file; without ``path``, the defaults. Raises :class:`ConfigError`.

    ``given``: values in place of those of the file.
    """
    document = {} if path is None else read_document(path)
    for one in given:
        put(document, one)
    outside = {shown(one.path): one.source for one in given}
    folder = Path() if path is None else path.resolve().parent
    name = "configuration" if path is None else str(path)
    try:
        config = parse(document, directory=folder, name=name)
    except ConfigError as error:
        sound = error.sound if isinstance(error, UnsoundError) else None
        if sound is not None and sound.config is not None:
            sound.config._came_from(path, given)
        raise LabFileError(locate(str(error), path, outside=outside), sound) from None
    config._came_from(path, given)
    return config


def read_document(path: Path) -> dict[str, Any]:
    """A lab file as TOML has it. Raises :class:`ConfigError`."""
    try:
        text = read_utf8(path.read_bytes())
    except OSError as error:
        raise _unusable(
            path, None, f"can't be read: {error.strerror or error}{where_shipped(path)}"
        ) from None
    except UnicodeError as error:
        raise _unusable(path, None, str(error)) from None
    deep = _DEEP_KEY.search(text)
    if deep is not None:  # tomllib's time grows with the square of the parts
        line = text.count("\n", 0, deep.start()) + 1
        raise _unusable(path, line, f"a key has more than {_MOST_LEVELS} parts")
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also a number of more than 4,300 digits
        place = _PLACE.fullmatch(str(error))
        if place is None:
            raise _unusable(path, None, f"is not TOML: {error}") from None
        hint = (
            "; a text is in quotation marks, a switch is true or false"
            if place["what"] == "Invalid value"
            else ""
        )
        what = _TABLE.sub(r"[\1]", f"{place['what'][0].lower()}{place['what'][1:]}")
        text = f"is not TOML: {what} at column {place['column']}{hint}"
        raise _unusable(path, int(place["line"]), text) from None
    except RecursionError:
        raise _unusable(path, None, "is not TOML: it is nested too deeply") from None


def _unusable(path: Path, line: int | None, text: str) -> LabFileError:
    place = str(path) if line is None else f"{path}:{line}"
    return LabFileError([Located(line, "", text, f"{place}: {text}")])


def put(document: dict[str, Any], given: Given) -> None:
    """Set one value of a document; None takes the key out.

    Raises :class:`ConfigError` for a place that there can't be.
    """
    key = shown(given.path)
    place: Any = document
    for depth, part in enumerate(given.path, 1):
        if isinstance(place, list) and not (isinstance(part, int) and part < len(place)):
            items = f"the items 1 to {len(place)}" if place else "no items"
            raise ConfigError(f"{key}: {shown(given.path[: depth - 1])} has {items} (from {given.source})")
        if not isinstance(place, dict | list):
            raise ConfigError(f"{key}: {shown(given.path[: depth - 1])} is no table (from {given.source})")
        if depth == len(given.path) and given.value is None and isinstance(place, dict):
            place.pop(part, None)
        elif depth == len(given.path):
            place[part] = given.value  # type: ignore[index]  # a number of a list, or any key of a table
        elif isinstance(place, list):
            place = place[int(part)]
        else:
            place = place.setdefault(str(part), [] if isinstance(given.path[depth], int) else {})


_MOST_LEVELS: Final = 64
"""Tables within each other that a lab file may have (our choice: it has fewer than ten)."""
_DEEP_KEY: Final = re.compile(
    r"""(?<![\w\\-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){""" + f"{_MOST_LEVELS}}}"
)
_PLACE: Final = re.compile(r"(?P<what>.+) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)
"""An error of tomllib."""
_TABLE: Final = re.compile(r"\('([^()]*?)',?\)")
"""How an error of tomllib shows a table with one name."""


def _unreadable(document: Mapping[str, Any]) -> str:
    """What no key and text may have, and where: half a character, a control character, too many levels; "" if none.

    Line breaks and tabs are allowed: a pasted host key may end in one.
    """
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting:
        path, value, level = waiting.pop()
        if level > _MOST_LEVELS:
            return one_line(f"{short(path)}: is nested too deeply")
        if isinstance(value, Mapping):
            waiting += (
                (f"{path}.{key}" if path else str(key), inner, level + 1) for key, inner in value.items()
            )
        elif isinstance(value, list | tuple):
            waiting += ((f"{path}.{index}", inner, level + 1) for index, inner in enumerate(value))
        found = _CONTROL.search(value if isinstance(value, str) else path)
        if found:
            kind = "half of a surrogate pair," if found[0] >= "\ud800" else "the control character"
            return one_line(f"{short(path)}: holds {kind} U+{ord(found[0]):04X}, which is not allowed")
    return ""
