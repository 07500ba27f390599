"""The documents between the switch and the licence cloud, their certificates and their signatures. Pure functions.

A document is a JSON object. A signed one has ``signature`` = ``{"type": "SHA256", "value": ...}``: ECDSA over P-256
with SHA-256 of the other members, written as JSON with sorted names and without spaces, in base64.

Three certificates (X.509, RFC 5280): the *root* of the cloud, which the switch is given and trusts; the *signing
certificate* under it, which signs every answer; and the *ID certificate* of the switch, which the cloud issues when it
registers: common name = a GUID, serial number = ``PID:<product>SN:<module>``, domain component = the customer's
account, valid for 360 days. The form of the documents is ours, after what the vendor lists; the fields have its names
where the vendor's log shows them.

Source: docs/smart-licence.md, "Messages"; RFC 5280.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sorm_mediator.config.switch import MOST_SMART
from sorm_mediator.texts import shown

SOFTWARE_TAG: Final = "regid.2014-12.com.cisco.CUSP,1.0_5548940b-3dff-4353-b418-10e29cb7493b"
ENTITLEMENT_TAG: Final = "regid.2014-08.com.cisco.CUSP-5,1.0_8f106f12-4d11-44b7-8f36-f7aeaae3dfaa"
"""The tag of one licence: 5 calls per second."""
ENTITLEMENT_NAME: Final = "ICV CUSP-5 calls per second"
ENTITLEMENT_VERSION: Final = "9.0"
PRODUCT: Final = "UC_CUSP"
ID_DAYS: Final = 360
"""Days that an ID certificate is valid."""
REGISTRATION_DAYS: Final = 365
"""Days after which a registration is to be renewed."""
RENEW_INTERVAL: Final = 1_555_200_000
"""``renew_interval`` of the vendor's log. Its unit is not told, and nothing depends on it."""

MOST_MILLISECONDS: Final = 10**14
"""The latest date in a document, in the year 5138 (our choice)."""

Key = ec.EllipticCurvePrivateKey
Certificate = x509.Certificate
_UNREADABLE: Final = (ValueError, TypeError, InvalidSignature, x509.InvalidVersion, UnsupportedAlgorithm)
"""What the library raises for a certificate, a request or a key that is damaged, or of a kind that it does not know."""


class MessageError(Exception):
    """A document can't be trusted or read. The text gives the reason; whoever got it changes nothing."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


Short = Annotated[str, Field(max_length=256)]
Pem = Annotated[str, Field(max_length=8192)]


class Signature(_Document):
    """The signature of a document."""

    type: Literal["SHA256"] = "SHA256"
    value: Short
    """ECDSA, DER, in base64."""


class Register(_Document):
    """Request: register the switch with an account."""

    token: Short
    """Hash of the customer's account."""
    software_tag: Short
    udi: Short
    """``PRODUCT:SERIAL``."""
    serial: Short
    """Of the module: 11 random characters."""
    csr: Pem
    """Request for the ID certificate, PEM; it is signed with the key that the certificate will be for."""


class Entitlement(_Document):
    """What is asked for."""

    tag: Short
    requested_count: Annotated[int, Field(ge=0, le=MOST_SMART)]
    version: Short = ENTITLEMENT_VERSION


class Authorise(_Document):
    """Request "May I": authorise a count. Signed with the key of the ID certificate."""

    product_instance_id: Short
    entitlements: Annotated[tuple[Entitlement, ...], Field(min_length=1, max_length=8)]
    nonce: Short
    """New for each request."""
    signing_cert_sn: Short
    """The signing certificate that the switch knows, by its number."""
    signature: Signature | None = None


class Deregister(_Document):
    """Request: give the registration up. Signed with the key of the ID certificate."""

    product_instance_id: Short
    nonce: Short
    signature: Signature | None = None


class Answer(_Document):
    """What every answer has. ``signing_cert``: the certificate that its signature is checked with, PEM."""

    signing_cert: Pem
    signature: Signature | None = None


class Refused(Answer):
    """The cloud refuses a request."""

    status: Literal["REFUSED"] = "REFUSED"
    reason: Short
    to: Short
    """The nonce of the request, or the hash of its token."""


class Registered(Answer):
    """The switch is registered."""

    status: Literal["REGISTERED"] = "REGISTERED"
    product_instance_id: Short
    id_cert: Pem
    id_cert_sn: Short
    signing_cert_sn: Short
    renew_interval: int = RENEW_INTERVAL


class Authorised(Answer):
    """The answer to "May I"."""

    status: Literal["OK", "OOC"]
    """OOC: out of compliance; the count is granted all the same."""
    nonce: Short
    """That of the request."""
    start_date: Annotated[int, Field(ge=0, le=MOST_MILLISECONDS)]
    """Milliseconds of Unix time."""
    expiry: Annotated[int, Field(ge=1, le=MOST_SMART)]
    """Seconds that it lasts from there."""
    retry_interval: Annotated[int, Field(ge=1, le=MOST_SMART)]
    """Seconds until the next request."""
    tags: tuple[Short, ...]


class Deregistered(Answer):
    """The registration is given up."""

    status: Literal["DEREGISTERED"] = "DEREGISTERED"
    nonce: Short


Kind = TypeVar("Kind", bound=_Document)
Signed = TypeVar("Signed", Authorise, Deregister, Refused, Registered, Authorised, Deregistered)


def read(kind: type[Kind], document: object) -> Kind:
    """A document of a kind. Raises :class:`MessageError` with the first mistake."""
    try:
        return kind.model_validate_json(json.dumps(document))
    except RecursionError:
        raise MessageError("the document: is nested too deeply") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise MessageError(f"{place}: {first['msg']}") from None


def plain(document: _Document) -> dict[str, Any]:
    """A document as JSON takes it."""
    return document.model_dump(mode="json", exclude_none=True)


def _octets(document: _Document) -> bytes:
    members = {name: value for name, value in plain(document).items() if name != "signature"}
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode()


def sign(document: Signed, key: Key) -> Signed:
    """The same document, signed."""
    value = key.sign(_octets(document), ec.ECDSA(SHA256()))
    return document.model_copy(update={"signature": Signature(value=base64.b64encode(value).decode())})


def verify(document: Authorise | Deregister | Answer, certificate: Certificate) -> None:
    """Check a signature. Raises :class:`MessageError`."""
    if document.signature is None:
        raise MessageError("signature: is missing")
    key = _key_of(certificate, "signing_cert")
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise MessageError("signing_cert: its key is not of an elliptic curve")
    try:
        octets = base64.b64decode(document.signature.value, validate=True)
        key.verify(octets, _octets(document), ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):  # no base64, or a character that is no ASCII
        raise MessageError(
            "signature: is wrong; the document was not made by the one who should sign it"
        ) from None


def token_of(account: str) -> str:
    """The token of a customer's account: a hash of it. Whoever has the token registers with the account."""
    return hashlib.sha256(f"smart licence account {account}".encode()).hexdigest()


# --- certificates


def new_key() -> Key:
    """A new key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem_of(key: Key) -> str:
    """A private key as PEM, in clear."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_of(pem: str) -> Key:
    """A private key from PEM. Raises :class:`MessageError`."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except _UNREADABLE as error:
        raise MessageError(f"key: is no private key in PEM ({error})") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise MessageError("key: is not of an elliptic curve")
    return key


def certificate_of(pem: str, what: str) -> Certificate:
    """A certificate from PEM. Raises :class:`MessageError` naming ``what``."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except _UNREADABLE as error:
        raise MessageError(f"{what}: is no certificate in PEM ({error})") from None


def _key_of(certificate: Certificate, what: str) -> object:
    try:
        return certificate.public_key()
    except _UNREADABLE as error:
        raise MessageError(f"{what}: its key can't be read ({error})") from None


def pem_of(certificate: Certificate | x509.CertificateSigningRequest) -> str:
    """PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


def fingerprint_of(certificate: Certificate) -> str:
    """SHA-256 of a certificate, in hexadecimal digits."""
    return certificate.fingerprint(SHA256()).hex()


def request_for(serial: str, key: Key) -> str:
    """The request for an ID certificate, PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, _serial_name(serial))])
    return pem_of(x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256()))


def _serial_name(serial: str) -> str:
    # A serial number is a PrintableString, which has no underscore (RFC 5280, appendix A.1).
    return f"PID:{PRODUCT.replace('_', '-')}SN:{serial}"


def authority(name: str, key: Key, now: float, issuer: tuple[Certificate, Key] | None = None) -> Certificate:
    """A certificate that issues others: the root (without ``issuer``), or one under it; ten years from ``now``."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by, by_key = (subject, key) if issuer is None else (issuer[0].subject, issuer[1])
    depth = 1 if issuer is None else 0
    return (
        _built(subject, by, key.public_key(), now, days=3650)
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .sign(by_key, SHA256())
    )


def issue_id(
    csr: str, account: str, guid: uuid.UUID, issuer: tuple[Certificate, Key], now: float
) -> Certificate:
    """The ID certificate for a request. Raises :class:`MessageError` for a request that is not signed by its key."""
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        signed, key = request.is_signature_valid, request.public_key()
        names = request.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    except _UNREADABLE as error:
        raise MessageError(f"csr: is no request for a certificate in PEM ({error})") from None
    if not signed or not names:
        raise MessageError("csr: its signature is wrong, or it names no serial number")
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise MessageError("csr: its key is not of an elliptic curve")
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, str(guid)),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, str(names[0].value)),
            x509.NameAttribute(NameOID.DOMAIN_COMPONENT, account),
        ]
    )
    return (
        _built(subject, issuer[0].subject, key, now, days=ID_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(issuer[1], SHA256())
    )


def _built(
    subject: x509.Name, by: x509.Name, key: ec.EllipticCurvePublicKey, now: float, *, days: int
) -> x509.CertificateBuilder:
    begin = datetime.fromtimestamp(int(now), UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
    )


def _valid(certificate: Certificate, now: float, what: str) -> None:
    """Raises :class:`MessageError` for a certificate that does not hold now."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    # The clocks of two machines differ a little.
    if not begin.timestamp() - CLOCKS_DIFFER <= now <= end.timestamp():
        at = datetime.fromtimestamp(now, UTC)
        raise MessageError(
            f"{what}: holds from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, and it is {at:%Y-%m-%d %H:%M}; "
            "see to the clocks"
        )


CLOCKS_DIFFER: Final = 300.0
"""Seconds by which the cloud's clock may be ahead (our choice)."""


def _issued(certificate: Certificate, issuer: Certificate, what: str) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except _UNREADABLE:
        raise MessageError(
            f"{what}: was not issued under the root certificate that the switch trusts"
        ) from None


def _may_issue(certificate: Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


def signer_of(answer: Answer, root: Certificate, now: float) -> Certificate:
    """The signing certificate of an answer, with everything checked down to the root, and the signature itself.

    Raises :class:`MessageError`.
    """
    signing = certificate_of(answer.signing_cert, "signing_cert")
    _issued(signing, root, "signing_cert")
    _valid(signing, now, "signing_cert")
    if not _may_issue(signing):
        raise MessageError("signing_cert: may not issue certificates")
    verify(answer, signing)
    return signing


@dataclass(frozen=True, slots=True)
class Identity:
    """What an ID certificate says."""

    guid: str
    account: str
    ends: float
    """Unix seconds."""


def check_id(pem: str, signing: Certificate, key: Key, serial: str, now: float) -> Identity:
    """Check the ID certificate that a switch got for its key. Raises :class:`MessageError`."""
    certificate = certificate_of(pem, "id_cert")
    _issued(certificate, signing, "id_cert")
    _valid(certificate, now, "id_cert")
    try:
        names = {one.oid: str(one.value) for one in certificate.subject}
    except ValueError as error:
        raise MessageError(f"id_cert: its subject can't be read ({error})") from None
    guid = names.get(NameOID.COMMON_NAME, "")
    try:
        uuid.UUID(guid)
    except ValueError:
        raise MessageError(f"id_cert: its common name {shown(guid)} is no GUID") from None
    expected = _serial_name(serial)
    if names.get(NameOID.SERIAL_NUMBER) != expected:
        raise MessageError(
            f"id_cert: is for {shown(names.get(NameOID.SERIAL_NUMBER, ''))}, and this switch is {expected}"
        )
    if _key_of(certificate, "id_cert") != key.public_key():
        raise MessageError("id_cert: is for another key than that of this switch")
    return Identity(
        guid, names.get(NameOID.DOMAIN_COMPONENT, ""), certificate.not_valid_after_utc.timestamp()
    )


def check_request(request: Authorise | Deregister, id_cert: Certificate, now: float) -> None:
    """Check a request that a registered switch has signed. Raises :class:`MessageError`."""
    _valid(id_cert, now, "id_cert")
    verify(request, id_cert)


ANSWERS: Final[Mapping[str, type[Answer]]] = {
    "REGISTERED": Registered,
    "OK": Authorised,
    "OOC": Authorised,
    "DEREGISTERED": Deregistered,
    "REFUSED": Refused,
}
"""Kinds of answers by their status."""


def answer_of(document: object) -> Answer:
    """An answer. Raises :class:`MessageError`."""
    status = document.get("status") if isinstance(document, dict) else None
    kind = ANSWERS.get(status) if isinstance(status, str) else None
    if kind is None:
        raise MessageError(f"status: {shown(status)} is none of {', '.join(ANSWERS)}")
    return read(kind, document)
