"""Keys of licences and passports: our own format, for labs.

The keys of the vendor are signed data that nobody else can make, and their format is not public. Ours is
``LAB1-LICENCE-BODY-CHECK`` or ``LAB1-PASSPORT-BODY-CHECK``: BODY is JSON (UTF-8) in base32, CHECK the first five
octets of its SHA-256, so that a mistyped key is refused. It protects from mistakes, not from forgery: whoever has a lab
may license it. White space is passed over, as a key is pasted in lines, and so is the case.

Source: ECSS-10 manual, Licences in the CLI (``add``, ``set-passport``), for what is in them; the format is ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal, TypeVar

from pydantic import AwareDatetime, Field, ValidationError

from sorm_mediator.options import Section
from sorm_mediator.switch.licence.limits import LicenceError, Value, limit_of, shown

_FORM: Final = re.compile(r"LAB1-(LICENCE|PASSPORT)-([A-Z2-7]+)-([A-Z2-7]{8})")
_LONGEST: Final = 65_536
"""Characters of a key."""
_VENDOR: Final = re.compile(r"[0-9A-F-]{200,}")
Printable = Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
SswId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class PassportBody(Section):
    """What a passport says: which switch this is."""

    ssw_id: SswId
    """Identifier of the switch."""
    description: Printable = ""
    """Whose it is."""
    created: AwareDatetime | None = None
    """When it was made."""
    author: Printable = ""
    """Who made it."""


class LicenceBody(PassportBody):
    """What a licence says."""

    expires: date | Literal[""] = ""
    """The last day (UTC) of its validity; empty: no limit."""
    limits: dict[str, bool | int | str] = Field(default={})
    """Rows of :data:`~sorm_mediator.switch.licence_limits.LIMITS` by key."""

    def values(self) -> Mapping[str, Value]:
        """The rows, checked. Raises :class:`LicenceError`."""
        return {key: limit_of(key).check(value) for key, value in self.limits.items()}


Body = TypeVar("Body", bound=PassportBody)
_NAMES: Final[Mapping[type[PassportBody], str]] = {LicenceBody: "LICENCE", PassportBody: "PASSPORT"}


def encode(body: PassportBody) -> str:
    """The key of a licence or a passport."""
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


def make_licence(
    limits: Mapping[str, Value], *, ssw_id: str, description: str, expires: date | None, now: float
) -> str:
    """The key of a new licence. ``limits``: checked values. ``now``: Unix seconds.

    ``sorm_enabled`` is obsolete in the manual, and ``sorm_channels`` is in its place: given channels alone, the licence
    enables SORM too. Raises :class:`LicenceError`.
    """
    rows = dict(limits)
    if "sorm_channels" in rows:
        rows.setdefault("sorm_enabled", rows["sorm_channels"] != 0)
    return encode(
        _valid(
            LicenceBody,
            ssw_id=ssw_id,
            description=description,
            created=datetime.fromtimestamp(int(now), UTC),
            author="sorm-mediator",
            expires=expires or "",
            limits={key: shown(value) if isinstance(value, float) else value for key, value in rows.items()},
        )
    )


def make_passport(*, ssw_id: str, description: str, now: float) -> str:
    """The key of a new passport. ``now``: Unix seconds. Raises :class:`LicenceError`."""
    created = datetime.fromtimestamp(int(now), UTC)
    return encode(
        _valid(PassportBody, ssw_id=ssw_id, description=description, created=created, author="sorm-mediator")
    )


def _valid(model: type[Body], **fields: object) -> Body:
    try:
        return model.model_validate(fields)
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
        if _VENDOR.fullmatch(text):
            raise LicenceError(
                f"this is a key of the vendor, whose format is not public: make one for labs with "
                f"sorm-mediator licence {'make' if model is LicenceBody else 'passport'}"
            )
        raise LicenceError(f"this is no key of a {what}: it begins with LAB1-{wanted}-, then two groups more")
    if found[1] != wanted:
        raise LicenceError(f"this is the key of a {found[1].lower()}, and that of a {what} is wanted")
    try:
        data = base64.b32decode(found[2] + "=" * (-len(found[2]) % 8))
    except binascii.Error:
        raise LicenceError("the key is mistyped or cut off: its length is wrong") from None
    if _check(data) != found[3] or _base32(data) != found[2]:
        raise LicenceError("the key is mistyped: its last group does not fit the others")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise LicenceError(f"the key holds what this version does not know: {_first(error)}") from None


def _check(data: bytes) -> str:
    return _base32(hashlib.sha256(data).digest()[:5])


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=")
