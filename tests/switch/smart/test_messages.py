"""Documents and certificates: real signatures, and what is not believed."""

from __future__ import annotations

import base64
import json
import ssl
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sorm_mediator.switch.smart import messages as m
from tests.switch.smart.conftest import DAY, START, Scene


def registered() -> Scene:
    scene = Scene()
    assert scene.register() == ""
    return scene


def test_the_id_certificate_is_what_the_vendor_says() -> None:
    scene = Scene()
    request = scene.client.begin("register", scene.now)
    answer = scene.cloud.register(request.document, scene.now)
    assert answer is not None
    certificate = m.certificate_of(answer["id_cert"], "id_cert")
    names = {one.oid: one.value for one in certificate.subject}
    uuid.UUID(str(names[NameOID.COMMON_NAME]))
    assert names[NameOID.COMMON_NAME] == answer["product_instance_id"]
    assert names[NameOID.SERIAL_NUMBER] == f"PID:UC-CUSPSN:{scene.client.serial}"
    assert names[NameOID.DOMAIN_COMPONENT] == "CUSP TEST"
    held = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert held.days == 360


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "OOC"),
        ("expiry", 1),
        ("retry_interval", 1),
        ("nonce", "0"),
        ("start_date", 0),
        ("tags", ["another"]),
    ],
)
def test_no_field_of_an_authorisation_can_be_changed_on_its_way(name: str, value: object) -> None:
    scene = registered()
    request = scene.client.begin("authorise", scene.now)
    answer = scene.cloud.authorise(request.document, scene.now)
    assert answer is not None
    assert answer[name] != value
    why = scene.client.answered(request, answer | {name: value}, scene.now)
    assert why.startswith("signature: is wrong")
    assert scene.client.authorisation is None


def test_an_old_answer_sent_again_is_not_taken() -> None:
    scene = registered()
    first = scene.client.begin("authorise", scene.now)
    answer = scene.cloud.authorise(first.document, scene.now)
    assert scene.client.answered(first, answer, scene.now) == ""
    second = scene.client.begin("authorise", scene.now)
    assert scene.client.answered(second, answer, scene.now).startswith("nonce: was answered before")


def test_an_answer_to_another_request_is_not_taken() -> None:
    scene = registered()
    lost = scene.client.begin("authorise", scene.now)
    answer = scene.cloud.authorise(lost.document, scene.now)
    scene.client.unanswered(lost, "lost", scene.now)
    request = scene.client.begin("authorise", scene.now)
    assert scene.client.answered(request, answer, scene.now).startswith("nonce: is not that of the request")
    request = scene.client.begin("register", scene.now)
    assert "is one to another request" in scene.client.answered(request, answer, scene.now)


def test_a_certificate_for_another_switch_is_not_taken() -> None:
    scene, other = Scene(), Scene()
    other.client.root = scene.cloud.root
    other.client.serial = "anotherone1"
    request = scene.client.begin("register", scene.now)
    foreign = other.client.begin("register", scene.now)
    answer = scene.cloud.register(foreign.document, scene.now)
    why = scene.client.answered(request, answer, scene.now)
    assert why.startswith("id_cert: is for 'PID:UC-CUSPSN:anotherone1', and this switch is ")
    assert scene.client.registration is None


def test_the_cloud_believes_no_request_that_the_registered_switch_has_not_signed() -> None:
    scene, thief = registered(), registered()
    held = scene.client.registration
    assert held is not None
    forged = m.Authorise(
        product_instance_id=held.product_instance_id,
        entitlements=(m.Entitlement(tag=m.ENTITLEMENT_TAG, requested_count=0),),
        nonce="1",
        signing_cert_sn="1",
    )
    assert thief.client.registration is not None
    for document in (forged, m.sign(forged, thief.client.registration.key)):
        answer: Any = scene.cloud.authorise(m.plain(document), scene.now)
        assert (answer["status"], answer["reason"][:10]) == ("REFUSED", "signature:")
    again = scene.client.begin("authorise", scene.now)
    assert scene.client.answered(again, scene.cloud.authorise(again.document, scene.now), scene.now) == ""
    answer = scene.cloud.authorise(again.document, scene.now)
    assert answer["reason"] == "nonce: was used before"


def test_an_id_certificate_that_has_ended_signs_no_further_request() -> None:
    scene = registered()
    request = scene.client.begin("authorise", scene.now)
    answer: Any = scene.cloud.authorise(request.document, START + 361 * DAY)
    assert answer["reason"].startswith("id_cert: holds from 2017-05-09 13:43 to 2018-05-04 13:43 UTC")


def test_a_request_for_a_certificate_must_be_signed_with_its_own_key() -> None:
    scene = Scene()
    request = scene.client.begin("register", scene.now)
    answer: Any = scene.cloud.register(request.document | {"csr": "hello"}, scene.now)
    assert answer["reason"].startswith("csr: is no request for a certificate in PEM")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (None, "status: None is none of REGISTERED, OK, OOC, DEREGISTERED, REFUSED"),
        ([1], "status: None is none of"),
        ({"status": "FINE"}, "status: 'FINE' is none of"),
        ({"status": ["OK"]}, "status: "),
        ({"status": "OK"}, "signing_cert: Field required"),
        (
            {"status": "REFUSED", "signing_cert": "x", "reason": "", "to": ""},
            "signing_cert: is no certificate",
        ),
    ],
)
def test_what_is_no_answer_is_told(document: object, told: str) -> None:
    scene = Scene()
    request = scene.client.begin("register", scene.now)
    assert scene.client.answered(request, document, scene.now).startswith(told)
    assert scene.mode == "Evaluation"


def test_a_signing_certificate_that_may_not_issue_is_not_believed() -> None:
    """The ID certificate of another switch is under the same root, and must not sign answers."""
    scene = registered()
    held = scene.client.registration
    assert held is not None
    request = scene.client.begin("register", scene.now)
    own: Any = scene.cloud.register(request.document, scene.now)
    refused = m.Refused(signing_cert=own["id_cert"], reason="no", to=request.proof)
    forged = m.plain(m.sign(refused, held.key))
    assert scene.client.answered(request, forged, scene.now).startswith("signing_cert: was not issued under")


def test_whatever_the_octets_of_a_certificate_an_answer_is_read_or_not_believed() -> None:
    scene = Scene()
    for kind, name in (("register", "signing_cert"), ("register", "id_cert"), ("authorise", "signing_cert")):
        scene.register()
        request = scene.client.begin(kind, scene.now)
        ask = scene.cloud.register if kind == "register" else scene.cloud.authorise
        answer = ask(request.document, scene.now)
        assert answer is not None
        der = m.certificate_of(answer[name], name).public_bytes(Encoding.DER)
        for place in range(len(der)):
            for octet in (der[place] ^ 1, 0x05):
                changed = der[:place] + bytes([octet]) + der[place + 1 :]
                if changed == der:
                    continue
                pem = ssl.DER_cert_to_PEM_cert(changed)
                why = scene.client.answered(request, answer | {name: pem}, scene.now)
                assert why, (name, place, octet)


def test_a_request_for_a_certificate_with_any_octet_changed_is_refused_or_says_the_same() -> None:
    scene = Scene()
    document = scene.client.begin("register", scene.now).document
    signed = x509.load_pem_x509_csr(document["csr"].encode())
    der = signed.public_bytes(Encoding.DER)
    for place in range(len(der)):
        changed = base64.encodebytes(der[:place] + bytes([der[place] ^ 1]) + der[place + 1 :]).decode()
        pem = f"-----BEGIN CERTIFICATE REQUEST-----\n{changed}-----END CERTIFICATE REQUEST-----\n"
        answer = scene.cloud.register(document | {"csr": pem}, scene.now)
        assert answer is not None
        if answer["status"] == "REGISTERED":
            assert x509.load_pem_x509_csr(pem.encode()).tbs_certrequest_bytes == signed.tbs_certrequest_bytes
        else:
            assert answer["status"] == "REFUSED"


@pytest.mark.parametrize("name", ["start_date", "expiry", "retry_interval"])
def test_times_without_end_are_not_believed(name: str) -> None:
    scene = registered()
    request = scene.client.begin("authorise", scene.now)
    answer = scene.cloud.authorise(request.document, scene.now)
    assert answer is not None
    assert f"{name}: Input should be less than" in scene.client.answered(
        request, answer | {name: 10**400}, scene.now
    )
    assert scene.client.summary(scene.now)["Is Authorization Successful"] == "NO"


def test_tokens_are_hashes_of_accounts() -> None:
    assert m.token_of("CUSP TEST") == m.token_of("CUSP TEST") != m.token_of("other")
    assert len(m.token_of("CUSP TEST")) == 64
    assert isinstance(Scene().cloud.root, x509.Certificate)


# --- what is damaged, or of another kind, is told and changes nothing


def _pem(octets: bytes, what: str) -> str:
    text = base64.b64encode(octets).decode()
    return f"-----BEGIN {what}-----\n{text}\n-----END {what}-----\n"


def _each_octet_changed(octets: bytes) -> Iterator[bytes]:
    """Every octet with its lowest, its highest, and all of its bits changed."""
    for at, one in enumerate(octets):
        for mask in (0x01, 0x80, 0xFF):
            yield octets[:at] + bytes((one ^ mask,)) + octets[at + 1 :]


def test_a_signing_certificate_with_any_octet_changed_is_told_or_says_the_same() -> None:
    scene = registered()
    request = scene.client.begin("authorise", scene.now)
    answer = scene.cloud.authorise(request.document, scene.now)
    assert answer is not None
    signing = m.certificate_of(answer["signing_cert"], "signing_cert")

    for changed in _each_octet_changed(signing.public_bytes(Encoding.DER)):
        damaged = m.answer_of(answer | {"signing_cert": _pem(changed, "CERTIFICATE")})
        try:
            believed = m.signer_of(damaged, scene.cloud.root, scene.now)
        except m.MessageError:
            continue
        assert believed.tbs_certificate_bytes == signing.tbs_certificate_bytes


def test_a_signing_certificate_of_another_version_changes_nothing() -> None:
    scene = registered()
    request = scene.client.begin("authorise", scene.now)
    answer = scene.cloud.authorise(request.document, scene.now)
    assert answer is not None
    octets = m.certificate_of(answer["signing_cert"], "signing_cert").public_bytes(Encoding.DER)
    later = octets.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x0e", 1)  # version 15

    why = scene.client.answered(request, answer | {"signing_cert": _pem(later, "CERTIFICATE")}, scene.now)

    assert why == "signing_cert: is no certificate in PEM (14 is not a valid X509 version)"
    assert scene.client.authorisation is None
    assert scene.authorise() == ""


def test_an_id_certificate_with_any_octet_changed_is_told_or_says_the_same() -> None:
    scene = registered()
    key = m.new_key()
    signing = scene.cloud._signing
    request = m.request_for("serial", key)
    issued = m.issue_id(request, "account", uuid.uuid4(), (signing, scene.cloud._key), scene.now)
    identity = m.check_id(m.pem_of(issued), signing, key, "serial", scene.now)

    for changed in _each_octet_changed(issued.public_bytes(Encoding.DER)):
        try:
            believed = m.check_id(_pem(changed, "CERTIFICATE"), signing, key, "serial", scene.now)
        except m.MessageError:
            continue
        assert believed == identity


def test_the_cloud_answers_a_request_with_any_octet_of_its_csr_changed() -> None:
    scene = Scene()
    document = scene.client.begin("register", scene.now).document
    octets = x509.load_pem_x509_csr(document["csr"].encode()).public_bytes(Encoding.DER)

    for changed in _each_octet_changed(octets):
        answer = scene.cloud.register(document | {"csr": _pem(changed, "CERTIFICATE REQUEST")}, scene.now)
        assert answer is not None
        assert answer["status"] in ("REFUSED", "REGISTERED")
        assert answer.get("reason", "csr:").startswith("csr:")


@pytest.mark.parametrize("value", ["é", "ключ", "=", "A", "AAAA", ""])
def test_a_signature_that_is_none_is_told_by_the_switch_and_by_the_cloud(value: str) -> None:
    scene = registered()
    request = scene.client.begin("authorise", scene.now)
    answer = scene.cloud.authorise(request.document, scene.now)
    assert answer is not None
    signature = {"signature": {"type": "SHA256", "value": value}}

    assert scene.client.answered(request, answer | signature, scene.now).startswith("signature: is wrong")
    refused = scene.cloud.authorise(request.document | signature, scene.now)
    assert refused is not None
    assert refused["reason"].startswith("signature: is wrong")
    assert scene.authorise() == ""


def test_a_document_that_is_nested_as_deeply_as_json_can_be_is_told() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(m.MessageError, match="nested too deeply"):
        m.read(m.Register, {"token": nested})


@pytest.mark.parametrize(
    ("name", "value"),
    [("start_date", 10**18), ("expiry", 10**12), ("expiry", 10**400), ("retry_interval", 10**12)],
)
def test_dates_that_no_calendar_has_are_not_taken(name: str, value: int) -> None:
    scene = registered()
    request = scene.client.begin("authorise", scene.now)
    answer = scene.cloud.authorise(request.document, scene.now)
    assert answer is not None

    why = scene.client.answered(request, json.loads(json.dumps(answer | {name: value})), scene.now)

    assert why.startswith(f"{name}: Input should be less than or equal to ")
    assert scene.client.summary(scene.now)["Is Authorization Successful"] == "NO"
    assert scene.authorise() == ""


@pytest.mark.parametrize(
    ("token", "told"), [("x" * 257, "at most 256 characters"), ("\ud800", "should be a valid string")]
)
def test_a_token_that_is_none_is_refused_and_the_one_before_stays(token: str, told: str) -> None:
    scene = Scene()
    with pytest.raises(m.MessageError, match=rf"token: .*{told}"):
        scene.client.begin("register", scene.now, token)
    assert scene.register() == ""
