"""What a smart licence keeps over a restart of its switch: the device, its evaluation, what the cloud has granted.

Its text has two lines: the state as JSON, and the SHA-256 of that line in hexadecimal digits, which shows damage. No
input and output: :mod:`.agent` has the file.

Source: docs/smart-licence.md, "After a restart" (our choice).
"""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sorm_mediator.switch.smart import messages as m

Seconds = Annotated[float, Field(ge=0, le=253_402_300_799)]
"""Unix seconds until the year 9999."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class KeptRegistration(_Kept):
    """A registration."""

    root: str
    """SHA-256 of the root certificate that it was granted under: with another cloud it is worth nothing."""
    key: m.Pem
    """Private key of the ID certificate, PEM."""
    product_instance_id: m.Short
    account: m.Short
    ends: Seconds
    """End of the ID certificate."""
    signing_cert_sn: m.Short
    made: Seconds


class KeptAuthorisation(_Kept):
    """An authorisation."""

    in_compliance: bool
    ends: Seconds


class KeptLicence(_Kept):
    """The whole state. The mode is not in it: it follows from the rest and the time."""

    serial: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{11}$")]
    """Serial number of the module."""
    evaluation_began: Seconds
    latest: Seconds
    """The latest time that was seen."""
    tried: bool
    """Whether it has been registered, or was refused."""
    registration: KeptRegistration | None = None
    authorisation: KeptAuthorisation | None = None


class DamageError(Exception):
    """A text is no state of a smart licence."""


def written(kept: KeptLicence) -> str:
    """The text of a state."""
    line = kept.model_dump_json()
    return f"{line}\n{hashlib.sha256(line.encode()).hexdigest()}\n"


def read(octets: bytes) -> KeptLicence:
    """The state in a text. Raises :class:`DamageError`."""
    line, end, digest = octets.partition(b"\n")
    if not end or digest.strip() != hashlib.sha256(line).hexdigest().encode():
        raise DamageError("its SHA-256 is wrong")
    try:
        kept = KeptLicence.model_validate_json(line)
        if kept.registration is not None:
            m.key_of(kept.registration.key)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise DamageError(f"{'.'.join(map(str, first['loc'])) or 'the state'}: {first['msg']}") from None
    except m.MessageError as error:
        raise DamageError(str(error)) from None
    return kept
