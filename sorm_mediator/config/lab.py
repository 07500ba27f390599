"""A whole lab file: its tables, reading and validating it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Self, Union, get_origin

from pydantic import BaseModel, Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo

from sorm_mediator.config.acceptance import AcceptanceConfig
from sorm_mediator.config.base import ConfigError, Host, Port, Section, is_loopback
from sorm_mediator.config.e1 import E1Config
from sorm_mediator.config.mediator import ConsoleConfig, MediatorConfig, RadiusConfig, RtpConfig, SshConfig
from sorm_mediator.config.switch import SwitchConfig
from sorm_mediator.texts import one_line, short, shown

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

    @property
    def directory(self) -> Path:
        """The folder that relative paths of the file start from."""
        return self._directory

    @property
    def file(self) -> Path | None:
        """The file; None for a configuration that was not read from a file."""
        return self._file


def parse(document: Mapping[str, Any], *, directory: Path = Path(), name: str = "configuration") -> Config:
    """Validate a decoded TOML document. Raises :class:`ConfigError` for the first error."""
    problem = _control_character(document)
    if problem:
        raise ConfigError(f"{name}: {problem}")
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError(one_line(f"{name}: {_explain(error)}")) from None
    config._directory = directory
    return config


def load(path: Path) -> Config:
    """Read and validate a lab file. Raises :class:`ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from None
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # also a number of more than 4,300 digits
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: is not TOML: it is nested too deeply") from None
    config = parse(document, directory=path.resolve().parent, name=str(path))
    config._file = path.resolve()
    return config


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


def _explain(error: ValidationError) -> str:
    errors = error.errors(include_url=False)
    # A misspelt key is both unknown and missing: the error of the unknown key shows the remedy.
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "literal_error" and str(first["loc"][-1]).startswith("literal["):
        return _one_of(key.rpartition(".literal[")[0], first["loc"][:-1], errors)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        inner, _, rest = message.partition(": ")
        return f"{key}.{inner}: {rest}" if rest else f"{key}: {message}"
    if first["type"] == "extra_forbidden":
        known = (name for kind in _types_at(first["loc"][:-1]) for name in _keys(kind))
        return f"{key}: unknown key; allowed here: {', '.join(known)}"
    if first["type"] == "missing":
        return f"{key}: is required"
    if first["type"] == "tuple_type" and isinstance(first["input"], dict):
        return f"{key}: is a list of tables: write [[{key}]], not [{key}]"
    value = _shown(first["loc"], first["input"])
    return f"{key}: {value} is not allowed: {message[0].lower()}{message[1:]}"


def _one_of(key: str, location: tuple[int | str, ...], errors: Sequence[Any]) -> str:
    """The error of a value that fits none of several types: what each type requires."""
    wanted = [one for one in errors if one["loc"][: len(location)] == location]
    texts = dict.fromkeys(one["msg"].removeprefix("Input should be ") for one in wanted)
    value = _shown(location, wanted[0]["input"])
    return f"{key}: {value} is not allowed: input should be {', or '.join(texts)}"


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
