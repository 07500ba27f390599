"""The licences of the switch: the limits of a licence, its key, and which licence is active.

**Limits.** Every row of the switch's ``current-limits`` is declared once, as data (:data:`LIMIT_SECTIONS`). A
row of a licence replaces the row of the factory licence. A row that is missing in a licence is as in the
factory licence; a row missing in both is not shown (ECSS-10 manual, Licences in the CLI: "other values will
remain unchanged").

**Keys.** The keys of the vendor are signed data in a format that is not public. Ours is
``LAB1-LICENCE-BODY-CHECK`` or ``LAB1-PASSPORT-BODY-CHECK``: BODY is JSON (UTF-8) in base32, CHECK the first
five octets of its SHA-256, so that a mistyped key is refused. The check protects from mistakes, not from
forgery: the owner of a lab may license it. White space is ignored, since keys are pasted in lines, and so is
the case.

**The active licence.** Licence 0 is the factory licence, and is always there. Each licence added has the next
number, and the one with the highest number that has not expired is active (ECSS-10 manual, Licences in the
CLI). When it expires, the next lower one becomes active, and at last licence 0. The manual only refers to
another page here, so this is our reading. A change of the active licence refuses new calls, links and
subscribers; running ones go on.

Time comes in as ``now`` (Unix seconds). Licences are a value made from the configuration:
:mod:`sorm_mediator.switch.changes.sorm` changes the configuration.

Source: ECSS-10 manual, Licence limits: ``show-licence 0`` (factory values), ``current-limits`` (rows and their order),
tables 1 and 2 (meaning). Later versions have the rows of ASR and Elph, too. Licences in the CLI (``add``,
``set-passport``), for the content of a key; the format of the key is ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from enum import Enum
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AwareDatetime, Field, ValidationError

from sorm_mediator.config import ConfigError, SwitchConfig
from sorm_mediator.config.stations import Bought, bought_problem
from sorm_mediator.options import Section
from sorm_mediator.texts import whole_number

Value = bool | int | float | str
"""A flag, a whole number, :data:`INFINITY`, or a text."""
INFINITY: Final = math.inf
_INFINITY: Final = "infinity"


_TIME: Final = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[smhd]?)")
_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "": 60, "h": 3600, "d": 86_400}


class LicenceError(Exception):
    """A licence, a passport or a limit can't be used. The text gives the reason and the remedy."""


class Kind(Enum):
    """The type of a row's values."""

    FLAG = "true or false"
    COUNT = "a whole number, 0 or more"
    UNBOUNDED = f"a whole number, 0 or more, or {_INFINITY}"
    TEXT = "a text"
    TIME = "a time such as 1d, 12h, 90m or 30s; a number alone are minutes"


@dataclass(frozen=True, slots=True)
class Limit:
    """One row.

    key: its name in keys and lab files. label: its name in the shell. factory: its value in licence 0; None:
    licence 0 has no such row. effective: the emulated switch applies the limit, and it is a key of
    ``[switch.licence]``. kept: "always": applied too; "named": applied where a licence above 0 names it and holds. The
    others are shown only. otherwise: the value that is applied where no licence has the row.
    before, after: rows with a fixed text that belong to this one. apart: an empty row follows.
    groups: the groups of services of a package.
    """

    key: str
    label: str
    kind: Kind
    factory: Value | None = None
    effective: bool = False
    kept: Literal["", "named", "always"] = ""
    otherwise: Value | None = None
    before: tuple[tuple[str, str], ...] = ()
    after: tuple[tuple[str, str], ...] = ()
    apart: bool = False
    groups: frozenset[int] = frozenset()

    def check(self, value: object) -> Value:
        """The value, checked. Raises :class:`LicenceError` naming key, value and what is allowed."""
        if self.kind is Kind.FLAG and isinstance(value, bool):
            return value
        if self.kind is Kind.TEXT and isinstance(value, str) and value.isprintable():
            return value
        if self.kind is Kind.UNBOUNDED and value in (_INFINITY, INFINITY):
            return INFINITY
        if self.kind is Kind.TIME and isinstance(value, str) and _TIME.fullmatch(value):
            return value
        counts = self.kind in (Kind.COUNT, Kind.UNBOUNDED)
        if counts and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        raise LicenceError(f"{self.key}: {value!r} is not allowed: {self.kind.value}")

    def parse(self, text: str) -> Value:
        """The value of a text made by :func:`shown`. Raises :class:`LicenceError`."""
        if self.kind is Kind.FLAG:
            return self.check({"true": True, "false": False}.get(text, text))
        if (
            self.kind not in (Kind.TEXT, Kind.TIME)
            and (number := whole_number(text, 0, 2**63 - 1)) is not None
        ):
            return self.check(number)
        return self.check(text)

    def rows(self, value: Value) -> Iterator[tuple[str, str]]:
        """Labels and values as the switch shows them."""
        yield from self.before
        yield self.label, shown(value)
        yield from self.after


@dataclass(frozen=True, slots=True)
class LimitSection:
    """Rows under one heading; without a heading each stands for itself.

    role: the role of the cluster that the rows are about, the first of which has its name and nodes; "": no cluster
    that a licence may name.
    """

    heading: str
    limits: tuple[Limit, ...]
    role: str = ""


def shown(value: Value) -> str:
    """A value as the switch shows it. JSON has infinity in the same form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _INFINITY if value == INFINITY else str(value)


def _nodes(name: str, *fixed: tuple[str, str]) -> Limit:
    """The row with the nodes of a cluster, after the row with its name."""
    return Limit(f"{name}.nodes", "nodes", Kind.TEXT, f"{name}@ecss1", before=(("name", name), *fixed))


def _package(name: str, description: str, *groups: int) -> Limit:
    """A package of supplementary services."""
    listed = ",".join(map(str, groups))
    return Limit(
        f"package.{name}",
        "limit",
        Kind.COUNT,
        kept="named",
        before=(("name", f"'{name}'"),),
        after=(("description", f'"{description}"'), ("SS list", f"[{listed}]")),
        apart=True,
        groups=frozenset(groups),
    )


def _section(heading: str, *limits: Limit, role: str = "") -> LimitSection:
    return LimitSection(heading, limits, role)


LIMIT_SECTIONS: Final = (
    _section("Cluster virtual", Limit("virtual.system_bridge", "name", Kind.TEXT, "'.system_bridge'")),
    _section("Cluster virtual", Limit("virtual.virtual", "name", Kind.TEXT, "'.virtual'")),
    _section("Cluster mediator", _nodes("md1"), role="mediator"),
    _section("Cluster adapter", _nodes("sip1", ("type", "sip")), role="adapter"),
    _section("Cluster adapter", _nodes("megaco1", ("type", "megaco")), role="adapter"),
    _section(
        "Cluster core",
        _nodes("core1"),
        Limit("core1.redundancy", "redundancy", Kind.FLAG, False),
        Limit("concurrent_calls", "max call attempts", Kind.COUNT, 5, effective=True),
        Limit("max_conversation_time", "max conversation time, sec", Kind.COUNT, 60, effective=True),
        role="core",
    ),
    _section("Cluster storage", _nodes("ds1"), role="storage"),
    # As licence 0 of the manual prints it; later licences have nodes of the platform, mycelium1@ecss1.
    _section("Cluster bus", _nodes("bus1"), role="bus"),
    _section(
        "TSMN system",
        Limit("tsmn.active", "concurrent calls (active)", Kind.COUNT, 0),
        Limit("tsmn.backup", "concurrent calls (backup)", Kind.COUNT, 0),
        Limit("tsmn.backup_mode", "backup mode", Kind.TEXT, "none"),
    ),
    _section(
        "Teleconference",
        Limit("teleconference.channels", "channels", Kind.COUNT, 3),
        Limit("teleconference.members", "max members of one teleconference", Kind.COUNT, 0),
        Limit("teleconference.count", "active count", Kind.COUNT, 0),
    ),
    _section(
        "Supplementary Services licence package(s)",
        _package("ECSS-ADV", "Дополнительные услуги", 4),
        _package("ECSS-ADV+", "Дополнительные услуги +", 5),
        _package("ECSS-BAS", "Базовые услуги (РД 45)", 2),
        _package("ECSS-BAS+", "Расширение базовых услуг", 3),
        _package("ECSS-FULL+", "Все услуги что есть", 1, 2, 3, 4, 5),
        _package("ECSS-GEN", "Стандартные услуги (РД 45)", 1),
    ),
    _section(
        "SORM",
        Limit("sorm_enabled", "enabled", Kind.FLAG, False, effective=True),
        Limit("sorm_channels", "channels on SORM mediator", Kind.COUNT, effective=True),
    ),
    _section(
        "SIGTRAN",
        Limit("sigtran.sep", "SEP", Kind.FLAG, False),
        Limit("sigtran.stp", "STP", Kind.FLAG, False),
    ),
    _section(
        "Meet Me",
        Limit("meet_me.count", "total count", Kind.COUNT, 0),
        Limit("meet_me.members", "members of the one Meet Me conference", Kind.COUNT, 0),
    ),
    _section(
        "IVR", Limit("ivr.customization", "IVR script's customization enabled (obsolete)", Kind.FLAG, False)
    ),
    _section("GEO backup", Limit("geo_backup", "enabled", Kind.FLAG, False)),
    _section(
        "Add-on conferences",
        Limit("addon.count", "total count", Kind.COUNT, 30, kept="named"),
        Limit("addon.members", "members of the one add-on conference", Kind.COUNT, 16, kept="named"),
    ),
    _section(
        "Chat rooms",
        Limit("chatroom.count", "total count", Kind.COUNT, 30),
        Limit("chatroom.members", "members of the one chatroom", Kind.COUNT, 16),
    ),
    _section(
        "Call center",
        Limit("cc.look_at_queue", "operator's capability for look at calls in queue", Kind.FLAG),
        Limit("cc.intervention", "operator's capability for use Intervension SS", Kind.FLAG),
        Limit("cc.agents", "active agents", Kind.COUNT, 0),
        Limit("cc.supervisors", "active supervisors", Kind.COUNT, 0),
    ),
    _section(
        "Elph",
        Limit("elph.groups", "total count of Elph group", Kind.COUNT),
        Limit(
            "elph.members",
            "total count of members of the one Elph group",
            Kind.COUNT,
            kept="always",
            otherwise=10,
        ),
    ),
    _section(
        "",
        Limit("asr", "Automatic Speech Recognition (ASR) subsystem enabled", Kind.FLAG),
        Limit("dialer.channels", "Channels on dialer outgoing calls", Kind.COUNT, 2, kept="always"),
        Limit("records", "Total count of simultaneous records voice calls", Kind.COUNT, 0),
        Limit("cdr", "CDR generation mode(s)", Kind.TEXT, "basic", kept="always"),
        Limit("virtual_subscribers", "Virtual subscribers limit", Kind.UNBOUNDED, INFINITY, kept="always"),
        Limit("subscribers", "Subscribers limit", Kind.UNBOUNDED, 10, effective=True),
        Limit("lpm_time", "System alive time without LPM token (min)", Kind.TIME, "1d", effective=True),
    ),
)
"""All rows in the order of ``current-limits``."""

LIMITS: Final[Mapping[str, Limit]] = {
    limit.key: limit for section in LIMIT_SECTIONS for limit in section.limits
}
FACTORY: Final[Mapping[str, Value]] = {
    limit.key: limit.factory for limit in LIMITS.values() if limit.factory is not None
}
"""The rows of licence 0."""
PACKAGES: Final[Mapping[str, frozenset[int]]] = {
    limit.key: limit.groups for limit in LIMITS.values() if limit.groups
}
"""The packages of supplementary services -> their groups (SS list)."""


_CLUSTER: Final = re.compile(
    r"cluster\.(?P<role>mediator|adapter|core|storage|bus)\.(?:(?<=adapter\.)(?P<type>[a-z0-9]{1,16})\.)?"
    r"(?P<name>[A-Za-z0-9_-]{1,32})"
)
"""Key of a cluster that a licence names: ``cluster.core.core7``, and of an adapter with its type,
``cluster.adapter.sip.sip2``. Its value are the nodes."""


def limit_of(key: str) -> Limit:
    """The row of a key. Raises :class:`LicenceError` naming all keys."""
    if key in LIMITS:
        return LIMITS[key]
    named = _CLUSTER.fullmatch(key)
    if named is None or (named["role"] == "adapter") is not (named["type"] is not None):
        raise LicenceError(
            f"{key}: there is no such limit; there are: {', '.join(LIMITS)}, and the nodes of clusters: "
            "cluster.ROLE.NAME with the role mediator, core, storage or bus, and cluster.adapter.TYPE.NAME"
        )
    type_ = (("type", named["type"]),) if named["type"] else ()
    return Limit(key, "nodes", Kind.TEXT, before=(("name", named["name"]), *type_))


def sections_of(values: Mapping[str, Value]) -> Iterator[LimitSection]:
    """The sections for these rows, in the order of ``current-limits``: those of the table, and the named clusters.

    The first named cluster of a role has the further rows of the role's section, unless that section has its own nodes.
    """
    named = [(_CLUSTER.fullmatch(key), key) for key in values if key.startswith("cluster.")]
    shown_roles: set[str] = set()
    for section in LIMIT_SECTIONS:
        nodes, *further = section.limits if section.role else (None,)
        if section.role and section.role not in shown_roles:
            shown_roles.add(section.role)
            for found, key in named:
                if found is not None and found["role"] == section.role:
                    more = [] if nodes is None or nodes.key in values else further
                    further = further if nodes is None or nodes.key in values else []
                    yield LimitSection(section.heading, (limit_of(key), *more), section.role)
        if not section.role or (nodes is not None and nodes.key in values):
            yield section
        elif further:
            yield LimitSection(section.heading, tuple(further), section.role)


def _rows(values: Mapping[str, Value]) -> Mapping[str, Value]:
    """The rows under a licence with these rows of its own; clusters that it names stand in place of the factory's."""
    found = {_CLUSTER.fullmatch(key) for key in values}
    roles = {one["role"] for one in found if one is not None}
    replaced = {section.limits[0].key for section in LIMIT_SECTIONS if section.role in roles}
    rows = {key: value for key, value in FACTORY.items() if key not in replaced} | dict(values)
    return {
        limit.key: rows[limit.key] for one in sections_of(rows) for limit in one.limits if limit.key in rows
    }


def _further(key: str) -> Limit:
    """The row of a key of ``switch.licence.limits``. Raises :class:`LicenceError`."""
    limit = limit_of(key)
    if limit.effective:
        raise LicenceError(f"{key}: is a key of its own: set switch.licence.{key}")
    return limit


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits under a licence: its own rows in place of those of the factory licence.

    own: the keys of the rows that the licence itself has, if it is above 0.
    """

    values: Mapping[str, Value]
    own: frozenset[str] = frozenset()

    def kept(self, key: str) -> Value | None:
        """The value of a limit that the switch keeps to; None: it does not, since the licence does not name it."""
        limit = LIMITS[key]
        named = key in self.own and limit.kept == "named"
        applied = limit.effective or limit.kept == "always" or named
        return self.values.get(key, limit.otherwise) if applied else None

    def most(self, key: str) -> float | None:
        """The most that the switch allows of a limit, which may be :data:`INFINITY`; None: it keeps to none."""
        value = self.kept(key)
        return value if isinstance(value, int | float) else None

    def told(self) -> tuple[str, ...]:
        """The keys of the limits that the switch keeps to: of those that few need, the ones that the licence names."""
        return tuple(
            key
            for key, limit in LIMITS.items()
            if limit.effective or (limit.kept and key in self.own and key in self.values)
        )

    @property
    def sorm_enabled(self) -> bool:
        """Whether SORM is licensed: enabled, and with at least one channel."""
        return bool(self.values["sorm_enabled"]) and self.sorm_channels > 0

    @property
    def sorm_channels(self) -> int:
        """Connections of mediators with domains; 0 where the row is missing."""
        return int(self.values.get("sorm_channels", 0))

    @property
    def concurrent_calls(self) -> int:
        """Units of cp_limit."""
        return int(self.values["concurrent_calls"])

    @property
    def max_conversation_time(self) -> int:
        """Seconds."""
        return int(self.values["max_conversation_time"])

    @property
    def subscribers(self) -> float:
        """Subscribers of all domains; may be :data:`INFINITY`."""
        return float(self.values["subscribers"])

    @property
    def alive_without_token(self) -> int:
        """Seconds that the switch works with too few USB keys."""
        found = _TIME.fullmatch(str(self.values["lpm_time"]))
        assert found is not None
        return int(found["count"]) * _SECONDS[found["unit"]]

    @property
    def storage(self) -> Mapping[str, tuple[str, ...]]:
        """The clusters with the role STORAGE, and their nodes, each of which runs a DS."""
        found: dict[str, tuple[str, ...]] = {}
        for section in sections_of(self.values):
            if section.role == "storage":
                nodes = section.limits[0]
                texts = str(self.values[nodes.key]).split(",")
                found[dict(nodes.before)["name"]] = tuple(filter(None, (text.strip() for text in texts)))
        return found


# --- keys

_FORM: Final = re.compile(r"LAB1-(LICENCE|PASSPORT|ACTIVATION)-([A-Z2-7]+)-([A-Z2-7]{8})")
_LONGEST: Final = 65_536
"""Characters of a key."""
_VENDOR: Final = re.compile(r"[0-9A-F-]{200,}")
Printable = Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
SswId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class PassportBody(Section):
    """The content of a passport, which identifies the switch."""

    ssw_id: SswId
    """Identifier of the switch."""
    description: Printable = ""
    """The owner."""
    created: AwareDatetime | None = None
    """The date of the passport."""
    author: Printable = ""
    """The issuer."""
    author_ip: tuple[Printable, ...] = ()
    """Addresses of the issuer's system."""
    encoder_user: Printable = ""
    """The login that it was encoded with."""
    encoder_host: Printable = ""
    """The system that it was encoded on."""
    encoder_ip: tuple[Printable, ...] = ()
    """Addresses of that system."""
    encoder_created: AwareDatetime | None = None
    """The date of its encoding, which passports show."""


class LicenceBody(PassportBody):
    """The content of a licence."""

    expires: date | Literal[""] = ""
    """The last day (UTC) of validity; empty: no limit."""
    limits: dict[str, bool | int | str] = Field(default={})
    """Rows of :data:`LIMITS` by key."""

    def values(self) -> Mapping[str, Value]:
        """The rows, checked. Raises :class:`LicenceError`."""
        return {key: limit_of(key).check(value) for key, value in self.limits.items()}


class ActivationBody(Section):
    """The content of a licence file of the central licence server: all licences that were bought for one switch."""

    locking_id: Annotated[str, Field(min_length=1, max_length=64)]
    """The switch, or the master of the network, that it is tied to."""
    serial: Annotated[int, Field(ge=1)]
    """Number of the file: each that the server makes has the next one."""
    lacs: dict[str, Bought] = Field(default={})
    """Licence authorisation code -> the licences that were bought with it."""
    created: AwareDatetime
    """When it was made."""

    @property
    def bought(self) -> Mapping[str, int]:
        """Licence -> the number of all codes together."""
        total: Counter[str] = Counter()
        for limits in self.lacs.values():
            total.update(limits)
        return total


Body = TypeVar("Body", bound=Section)
_NAMES: Final[Mapping[type[Section], str]] = {
    LicenceBody: "LICENCE",
    PassportBody: "PASSPORT",
    ActivationBody: "ACTIVATION",
}


def decode_activation(key: str) -> ActivationBody:
    """The licence file of a text. Raises :class:`LicenceError`."""
    body = _decode(key, ActivationBody)
    problem = next(filter(None, map(bought_problem, body.lacs.values())), "")
    if problem:
        raise LicenceError(f"the licence file holds what this version does not know: {problem}")
    return body


def locking_id(config: SwitchConfig) -> str:
    """The Locking ID that licence files of this switch are tied to; in a virtual machine the Advanced one."""
    made = f"LID-{_base32(hashlib.sha256(config.licence.ssw_id.encode()).digest()[:10])}"
    return config.advanced_locking_id or config.locking_id or made


def encode(body: Section) -> str:
    """The key of a licence or a passport, or the text of a licence file."""
    data = body.model_dump_json(exclude_defaults=True).encode()
    return f"LAB1-{_NAMES[type(body)]}-{_base32(data)}-{_check(data)}"


def decode_licence(key: str) -> LicenceBody:
    """The licence that a key holds. Raises :class:`LicenceError`."""
    body = _decode(key, LicenceBody)
    body.values()
    return body


def decode_passport(key: str) -> PassportBody:
    """The passport that a key holds. Raises :class:`LicenceError`."""
    return _decode(key, PassportBody)


def decode(key: str) -> PassportBody:
    """What the key of a licence or of a passport holds. Raises :class:`LicenceError`."""
    is_passport = "".join(key.split()).upper().startswith(f"LAB1-{_NAMES[PassportBody]}-")
    return decode_passport(key) if is_passport else decode_licence(key)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who issued a licence or a passport, and where it was encoded, as the shell shows it (ECSS-10 manual, Licence
    limits, table 1). The defaults are ours: a key says nothing of the machine that made it."""

    author: str = "sorm-mediator"
    author_ip: tuple[str, ...] = ("127.0.0.1",)
    encoder_user: str = "sorm-mediator"
    encoder_host: str = "localhost"
    encoder_ip: tuple[str, ...] = ("127.0.0.1",)


def make_licence(
    limits: Mapping[str, Value],
    *,
    ssw_id: str,
    description: str,
    expires: date | None,
    now: float,
    origin: Origin | None = None,
) -> str:
    """The key of a new licence. ``limits``: checked values. ``now``: Unix seconds.

    ``sorm_enabled`` is obsolete in the manual, and ``sorm_channels`` replaces it: a licence with channels
    alone enables SORM too. Raises :class:`LicenceError`.
    """
    rows = dict(limits)
    if "sorm_channels" in rows:
        rows.setdefault("sorm_enabled", rows["sorm_channels"] != 0)
    given = {key: shown(value) if isinstance(value, float) else value for key, value in rows.items()}
    fields = {"ssw_id": ssw_id, "description": description, "expires": expires or "", "limits": given}
    return _made(LicenceBody, _moment(now), origin, fields)


def make_passport(*, ssw_id: str, description: str, now: float, origin: Origin | None = None) -> str:
    """The key of a new passport. ``now``: Unix seconds. Raises :class:`LicenceError`."""
    made = _moment(now)
    fields = {"ssw_id": ssw_id, "description": description, "encoder_created": made}
    return _made(PassportBody, made, origin, fields)


def _moment(now: float) -> datetime:
    return datetime.fromtimestamp(int(now), UTC)


def _made(
    model: type[PassportBody], created: datetime, origin: Origin | None, fields: Mapping[str, object]
) -> str:
    """The key of a licence or a passport made now. Raises :class:`LicenceError`."""
    try:
        return encode(model.model_validate({**fields, "created": created, **asdict(origin or Origin())}))
    except ValidationError as error:
        raise LicenceError(_first(error)) from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _decode(key: str, model: type[Body]) -> Body:
    text = "".join(key.split()).upper()
    wanted, what = _NAMES[model], _NAMES[model].lower()
    if len(text) > _LONGEST:
        raise LicenceError(f"the key has {len(text)} characters, and the longest has {_LONGEST}")
    found = _FORM.fullmatch(text)
    if found is None:
        if _VENDOR.fullmatch(text) and model is not ActivationBody:
            raise LicenceError(
                f"this is a key of the vendor, whose format is not public: make one for labs with "
                f"sorm-mediator licence {'make' if model is LicenceBody else 'passport'}"
            )
        text = "licence file" if model is ActivationBody else f"key of a {what}"
        raise LicenceError(f"this is not a {text}: it begins with LAB1-{wanted}-, then two groups more")
    if found[1] != wanted:
        raise LicenceError(f"this is the key of a {found[1].lower()}, and that of a {what} is wanted")
    try:
        data = base64.b32decode(found[2] + "=" * (-len(found[2]) % 8))
    except binascii.Error:
        raise LicenceError("the key is mistyped or cut off: its length is wrong") from None
    if _check(data) != found[3] or _base32(data) != found[2]:
        raise LicenceError("the key is mistyped or cut off: its last group does not fit the others")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise LicenceError(f"the key holds what this version does not know: {_first(error)}") from None


def _check(data: bytes) -> str:
    return _base32(hashlib.sha256(data).digest()[:5])


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=")


# --- the licences that are installed

INITIAL: Final = 1
"""Number of the licence of ``[switch.licence]``."""


@dataclass(frozen=True, slots=True)
class Licence:
    """An installed licence. values: its own rows. limits: those that apply while it is active."""

    number: int
    body: LicenceBody
    values: Mapping[str, Value]
    limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "limits", Limits(_rows(self.values), frozenset(self.values if self.number else ()))
        )

    @property
    def expiry(self) -> float | None:
        """The first moment after the validity; None: the licence never expires."""
        last = self.body.expires
        return datetime.combine(last, time(), UTC).timestamp() + _SECONDS["d"] if last else None

    def expired(self, now: float) -> bool:
        """Whether the licence has expired."""
        return self.expiry is not None and now >= self.expiry


FACTORY_LICENCE: Final = Licence(0, LicenceBody(ssw_id="any", description="Default licence"), FACTORY)
"""Licence 0 can't be deleted, is for every switch, and never expires."""


class Licences:
    """The installed licences and the passport. Raises :class:`ConfigError` for keys that can't be used.

    ``calendar``: real seconds -> those of the licences, whose days may pass faster (``lab.time_factor``).
    """

    def __init__(self, config: SwitchConfig, calendar: Callable[[float], float] = lambda now: now) -> None:
        self._calendar = calendar
        own, wrong = config.licence, []
        if own.passport:
            try:
                self.passport = decode_passport(own.passport)
            except LicenceError as error:
                wrong.append(f"switch.licence.passport: {error}")
        else:
            dated = {"encoder_created": own.issued.created, **own.issued.model_dump()}
            self.passport = PassportBody(ssw_id=own.ssw_id, description="lab passport", **dated)
        self.installed: dict[int, Licence] = {0: FACTORY_LICENCE}
        """By number, ascending."""
        licences = []
        if own.installed:
            issued = own.issued.model_dump()
            body = LicenceBody(ssw_id=own.ssw_id, description=own.description, expires=own.expires, **issued)
            effective = [limit for limit in LIMITS.values() if limit.effective]
            rows = {limit.key: limit.check(getattr(own, limit.key)) for limit in effective}
            for key, value in own.limits.items():
                try:
                    rows[key] = _further(key).check(value)
                except LicenceError as error:
                    wrong.append(f"switch.licence.limits: {error}")
            licences.append(Licence(INITIAL, body, rows))
        for index, added in enumerate(config.licences):
            key = f"switch.licences.{index}"
            try:
                body = decode_licence(added.key)
            except LicenceError as error:
                wrong.append(f"{key}.key: {error}")
                continue
            if added.number in {licence.number for licence in licences}:
                wrong.append(f"{key}.number: there is a licence {added.number} already")
            licences.append(Licence(added.number, body, body.values()))
        if wrong:
            raise ConfigError("\n".join(wrong))
        for licence in sorted(licences, key=lambda one: one.number):
            if licence.body.ssw_id != self.passport.ssw_id:
                raise ConfigError(
                    f"switch.licence.passport: is for {self.passport.ssw_id!r}, and licence {licence.number} "
                    f"for {licence.body.ssw_id!r}; both must be for the same switch"
                )
            self.installed[licence.number] = licence

    def active(self, now: float) -> Licence:
        """The active licence."""
        return next(one for one in reversed(self.installed.values()) if not self.expired(one, now))

    def expired(self, licence: Licence, now: float) -> bool:
        """Whether the last day of a licence is over."""
        return licence.expired(self._calendar(now))

    def get(self, number: int) -> Licence:
        """A licence by number. Raises :class:`LicenceError`."""
        if number not in self.installed:
            known = ", ".join(map(str, self.installed))
            raise LicenceError(f"there is no licence {number}; there are: {known}")
        return self.installed[number]

    def candidate(self, key: str, now: float) -> Licence:
        """The licence of a key, with the number that it would get. Raises :class:`LicenceError`."""
        body = decode_licence(key)
        if body.ssw_id != self.passport.ssw_id:
            raise LicenceError(
                f"the licence is for {body.ssw_id!r}, and this switch is {self.passport.ssw_id!r} by its passport"
            )
        licence = Licence(max(self.installed) + 1, body, body.values())
        if self.expired(licence, now):
            raise LicenceError(f"the licence has expired: its last day was {body.expires}")
        same = next((one.number for one in self.installed.values() if one.body == body), None)
        if same is not None:
            raise LicenceError(f"this is licence {same}, which is installed already")
        return licence

    def why_no_sorm(self, now: float) -> str:
        """Why SORM is not licensed; "" when it is."""
        active = self.active(now)
        if active.limits.sorm_enabled:
            return ""
        what = "channels on SORM mediator" if active.limits.values["sorm_enabled"] else "enabled"
        return f"licence {active.number} has no SORM (its SORM limit {what!r})"

    def why_no_channel(self, used: int, now: float) -> str:
        """Why no mediator may connect to a domain besides ``used`` such pairs; "" when another one may."""
        problem, active = self.why_no_sorm(now), self.active(now)
        limit = active.limits.sorm_channels
        if problem or used < limit:
            return problem
        return (
            f"licence {active.number} allows {limit} connections of mediators with domains (sorm, channels), "
            f"and {used + 1} would be needed; add a licence, or connect fewer domains"
        )

    def why_no_subscribers(self, active: int, more: int, now: float, *, virtual: bool = False) -> str:
        """Why no ``more`` active subscribers may be there besides those of all domains; "" when they may.

        ``virtual``: virtual subscribers, which have a limit of their own.
        """
        licence, what = self.active(now), "virtual subscribers" if virtual else "subscribers"
        limit = licence.limits.most("virtual_subscribers" if virtual else "subscribers")
        if limit is None or active + more <= limit:
            return ""
        return (
            f"licence {licence.number} allows {int(limit)} {what} ({what.capitalize()} limit): {active} are active, "
            f"and {more} more would be needed; remove or deactivate some, declare inactive ones, or add a licence"
        )


def usage(active: Licence, used: Mapping[str, int]) -> dict[str, Any]:
    """Usage of a licence by the keys of its limits, for JSON; null: no limit."""
    kept = {key: active.limits.kept(key) for key in used}
    limits = {key: 0 if value is None else value for key, value in kept.items()}
    units = {
        key: {"in_use": count, "limit": None if limits[key] == INFINITY else limits[key]}
        for key, count in used.items()
    }
    return {
        "number": active.number,
        "description": active.body.description,
        "expires": active.expiry,
        "sorm_enabled": active.limits.sorm_enabled,
        "max_conversation_time": active.limits.max_conversation_time,
        "units": units,
    }
