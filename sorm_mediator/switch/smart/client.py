"""The switch's side of the smart licence: registration, authorisation, modes and their ends. No input and output.

:meth:`SmartClient.due` gives the request that is to be sent, :meth:`SmartClient.answered` takes the answer,
:meth:`SmartClient.unanswered` the reason why there is none. Time is an argument, in Unix seconds;
:meth:`SmartClient.next_deadline` is the time of the next :meth:`SmartClient.advance` or request. An answer that can't
be trusted changes nothing but the latest failure and the time of the next request. A clock that steps back changes
nothing either: the latest time that was seen holds until it comes again.

Source: docs/smart-licence.md.
"""

from __future__ import annotations

import random
import secrets
import string
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import ValidationError

from sorm_mediator.config.switch import SmartLicenceConfig
from sorm_mediator.language import Phrase
from sorm_mediator.switch.smart import messages as m
from sorm_mediator.switch.smart.modes import MODE_TABLE, REFUSES, Cause, ClientState, Mode, client_state
from sorm_mediator.switch.smart.state import KeptAuthorisation, KeptLicence, KeptRegistration

RequestKind = Literal["register", "authorise", "deregister"]
DAY: Final = 86_400
_SERIAL_SYMBOLS: Final = string.ascii_letters + string.digits
SERIAL_LENGTH: Final = 11
"""Characters of the serial number of the module, at random."""
NO_FAILURE: Final = Phrase("No recent Failure messages")
_NOT_SET: Final = "Not Set"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the cloud. ``proof``: what the answer must have: the nonce, or the hash of the token."""

    kind: RequestKind
    document: dict[str, Any]
    proof: str
    key: m.Key | None = None
    """The key of the ID certificate that is asked for."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What the cloud has registered."""

    product_instance_id: str
    key: m.Key
    identity: m.Identity
    signing_cert_sn: str
    made: float

    @property
    def expires(self) -> float:
        """When the registration is to be renewed: after a year, as it is shown."""
        return self.made + m.REGISTRATION_DAYS * DAY

    @property
    def ends(self) -> float:
        """When it is renewed: with the ID certificate, which ends before the year does (our choice)."""
        return min(self.identity.ends, self.expires)


@dataclass(frozen=True, slots=True)
class Authorisation:
    """What the cloud has authorised."""

    in_compliance: bool
    ends: float


def new_serial(choose: random.Random | None = None) -> str:
    """A serial number of the module."""
    chosen = choose or secrets.SystemRandom()
    return "".join(chosen.choice(_SERIAL_SYMBOLS) for _ in range(SERIAL_LENGTH))


class SmartClient:
    """The licence client of a switch. The evaluation begins at ``now``.

    noted: called with each line of the log of registrations and authorisations. choose: the source of the serial
    number; None: that of the system.
    """

    def __init__(
        self,
        config: SmartLicenceConfig,
        now: float,
        *,
        noted: Callable[[str], None] = lambda _line: None,
        choose: random.Random | None = None,
    ) -> None:
        self.config = config
        self.server, self.token = config.server, config.token.get_secret_value()
        self.root: m.Certificate | None = None
        """The root certificate that answers are checked with; None: there is no cloud yet, and nothing is asked."""
        self.serial = new_serial(choose)
        self.mode = Mode.EVALUATION
        self.registration: Registration | None = None
        self.authorisation: Authorisation | None = None
        self.failure: str = NO_FAILURE
        self.counters: Counter[str] = Counter()
        """Requests by kind and result."""
        self.evaluation_began = now
        """When the smart licence was enabled."""
        self._noted = noted
        self._latest = now
        self._wanted = config.register_at_start
        self._tried = False
        self._next = now
        """When the next request is due."""
        self._used: set[str] = set()
        """Nonces that were answered."""
        self._under_way: Request | None = None
        self.advance(now)

    # --- a restart

    def kept(self, now: float) -> KeptLicence:
        """What the next run of the switch goes on with."""
        self.advance(now)
        held, authorised = self.registration, self.authorisation
        registration = None
        if held is not None and self.root is not None:
            registration = KeptRegistration(
                root=m.fingerprint_of(self.root),
                key=m.key_pem_of(held.key),
                product_instance_id=held.product_instance_id,
                account=held.identity.account,
                ends=held.identity.ends,
                signing_cert_sn=held.signing_cert_sn,
                made=held.made,
            )
        return KeptLicence(
            serial=self.serial,
            evaluation_began=self.evaluation_began,
            latest=self._latest,
            tried=self._tried,
            registration=registration,
            authorisation=None
            if authorised is None
            else KeptAuthorisation(in_compliance=authorised.in_compliance, ends=authorised.ends),
        )

    def resume(self, kept: KeptLicence, now: float) -> None:
        """Go on with what the last run has kept; the time between counts.

        A registration with a cloud that has another root certificate is given up, and its authorisation with it.
        """
        self.serial, self.evaluation_began, self._tried = kept.serial, kept.evaluation_began, kept.tried
        self.mode, self.registration, self.authorisation = Mode.EVALUATION, None, None
        held, authorised = kept.registration, kept.authorisation
        if held is not None and self.root is not None and held.root == m.fingerprint_of(self.root):
            identity = m.Identity(held.product_instance_id, held.account, held.ends)
            self.registration = Registration(
                held.product_instance_id, m.key_of(held.key), identity, held.signing_cert_sn, held.made
            )
            if authorised is not None:
                self.authorisation = Authorisation(authorised.in_compliance, authorised.ends)
                self._take(Cause.AUTHORISED if authorised.in_compliance else Cause.AUTHORISED_OOC)
        elif held is not None:
            self._noted("registration given up:the licence cloud is another one")
        self._latest = kept.latest
        self.advance(kept.latest)
        self.advance(now)

    # --- time

    @property
    def evaluation_ends(self) -> float:
        """When the evaluation is over."""
        return self.evaluation_began + self.config.evaluation_days * DAY

    def advance(self, now: float) -> None:
        """Let time pass: the ends that have come."""
        if now < self._latest:
            back = self._latest - now
            self.failure = Phrase(
                "the clock stepped back by {seconds:.0f} s: nothing changes until it has caught up; set the clock",
                seconds=back,
            )
            return
        self._latest = now
        if self.mode is Mode.EVALUATION and now >= self.evaluation_ends:
            self._take(Cause.EVALUATION_OVER)
        held = self.authorisation
        if (
            held is not None
            and self.mode in (Mode.IN_COMPLIANCE, Mode.OUT_OF_COMPLIANCE)
            and now >= held.ends
        ):
            self.failure = Phrase("no authorisation has come until the last one was over")
            self._take(Cause.AUTHORISATION_OVER)

    def next_deadline(self) -> float | None:
        """The time of the next end or request; None: nothing is to come by itself."""
        times = []
        if self.mode is Mode.EVALUATION:
            times.append(self.evaluation_ends)
        if self.authorisation is not None and self.mode in (Mode.IN_COMPLIANCE, Mode.OUT_OF_COMPLIANCE):
            times.append(self.authorisation.ends)
        if self._wanted and self.root is not None and self._under_way is None:
            times.append(self._next)
        return min(times, default=None)

    def _take(self, cause: Cause) -> None:
        before, self.mode = self.mode, MODE_TABLE[self.mode, cause]
        if self.mode is not before:
            self._noted(f"enforce_mode:{self.mode.value}")

    # --- requests

    def due(self, now: float) -> Request | None:
        """The request that is to be sent now; None: none. Until it is answered there is no other."""
        self.advance(now)
        if not self._wanted or self.root is None or self._under_way is not None or now < self._next:
            return None
        registered = self.registration is not None and now < self.registration.ends
        return self.begin("authorise" if registered else "register", now)

    def begin(self, kind: RequestKind, now: float, token: str = "") -> Request:  # nosec B107 # the one it has
        """A request on demand. ``token``: of another account from now on.

        Raises :class:`~sorm_mediator.switch.smart.messages.MessageError`, and changes nothing then.
        """
        if self.root is None:
            raise m.MessageError(
                Phrase("there is no licence cloud: set switch.smart_licence.server and root")
            )
        if self._under_way is not None:
            raise m.MessageError(Phrase("a request is under way already: {kind}", kind=self._under_way.kind))
        if kind == "register":
            request = self._register(token or self.token)
            self.token = token or self.token
        else:
            request = self._signed(kind)
        self._wanted = self._wanted or kind != "deregister"
        self._under_way = request
        return request

    def _register(self, token: str) -> Request:
        key = m.new_key()
        try:
            document = m.Register(
                token=token,
                software_tag=m.SOFTWARE_TAG,
                udi=self.udi,
                serial=self.serial,
                csr=m.request_for(self.serial, key),
            )
        except ValidationError as error:
            raise m.MessageError(f"token: {error.errors(include_url=False)[0]['msg']}") from None
        return Request("register", m.plain(document), m.token_of(token), key)

    def _signed(self, kind: Literal["authorise", "deregister"]) -> Request:
        held = self.registration
        if held is None:
            raise m.MessageError(Phrase("the switch is not registered: register it first"))
        nonce = secrets.token_hex(16)
        if kind == "deregister":
            given_up = m.Deregister(product_instance_id=held.product_instance_id, nonce=nonce)
            return Request(kind, m.plain(m.sign(given_up, held.key)), nonce)
        asked = m.Authorise(
            product_instance_id=held.product_instance_id,
            entitlements=(m.Entitlement(tag=m.ENTITLEMENT_TAG, requested_count=self.config.count),),
            nonce=nonce,
            signing_cert_sn=held.signing_cert_sn,
        )
        return Request(kind, m.plain(m.sign(asked, held.key)), nonce)

    @property
    def udi(self) -> str:
        """The device: product and serial number."""
        return f"{m.PRODUCT}:{self.serial}"

    # --- answers

    def answered(self, request: Request, document: object, now: float) -> str:
        """Take an answer; why it changed nothing, or was a refusal; "" when it granted what was asked."""
        self.advance(now)
        now = self._latest
        try:
            return self._granted(request, m.answer_of(document), now)
        except m.MessageError as error:
            return self.unanswered(request, str(error), now)

    def unanswered(self, request: Request, why: str, now: float) -> str:
        """There is no answer that can be trusted; returns the reason."""
        self._ended(request, "failed", now)
        self.failure = why
        self._noted(f"{request.kind} failed:{why}")
        self._take(Cause.UNANSWERED)
        return why

    def _granted(self, request: Request, answer: m.Answer, now: float) -> str:
        """Raises :class:`MessageError` before anything has changed."""
        assert self.root is not None
        m.signer_of(answer, self.root, now)
        if isinstance(answer, m.Refused):
            return self._refused(request, answer, now)
        if request.kind == "register" and isinstance(answer, m.Registered):
            self._registered(request, answer, now)
        elif request.kind == "authorise" and isinstance(answer, m.Authorised):
            self._authorised(request, answer, now)
        elif request.kind == "deregister" and isinstance(answer, m.Deregistered):
            self._check_nonce(request, answer.nonce)
            self._ended(request, "granted", now)
            self._wanted = False
            self._noted("deregistered")
            self._without(Cause.DEREGISTERED, now)
        else:
            raise m.MessageError(f"status: the answer to {request.kind} is one to another request")
        return ""

    def _registered(self, request: Request, answer: m.Registered, now: float) -> None:
        assert request.key is not None
        signing = m.certificate_of(answer.signing_cert, "signing_cert")
        identity = m.check_id(answer.id_cert, signing, request.key, self.serial, now)
        if identity.guid != answer.product_instance_id:
            raise m.MessageError("id_cert: its GUID is not the product instance of the answer")
        self.registration = Registration(
            answer.product_instance_id, request.key, identity, answer.signing_cert_sn, now
        )
        self._ended(request, "granted", now)
        self._next = now  # it is authorised at once
        self._tried, self.failure = True, NO_FAILURE
        self._noted(
            f"register received:id_cert_sn:{answer.id_cert_sn}, "
            f"signing_cer:sub_ca_cert:{answer.signing_cert_sn}, renew_interval:{answer.renew_interval}"
        )

    def _authorised(self, request: Request, answer: m.Authorised, now: float) -> None:
        self._check_nonce(request, answer.nonce)
        begins, ends = answer.start_date / 1000, answer.start_date / 1000 + answer.expiry
        if ends <= now:
            raise m.MessageError(f"expiry: the authorisation was over at {_date(ends)}; see to the clocks")
        if begins > now + m.CLOCKS_DIFFER:
            raise m.MessageError(
                f"start_date: the authorisation begins at {_date(begins)}; see to the clocks"
            )
        if m.ENTITLEMENT_TAG not in answer.tags:
            raise m.MessageError("tags: the authorisation is of another licence")
        self.authorisation = Authorisation(answer.status == "OK", ends)
        self._ended(request, "granted", now)
        self._next = now + answer.retry_interval
        self.failure = NO_FAILURE
        self._noted(
            f"auth response: start_date:{answer.start_date}, compliance_status:{answer.status},"
            f"expiry:{answer.expiry}, retry_interval:{answer.retry_interval}"
        )
        self._take(Cause.AUTHORISED if answer.status == "OK" else Cause.AUTHORISED_OOC)

    def _refused(self, request: Request, answer: m.Refused, now: float) -> str:
        if answer.to != request.proof:
            raise m.MessageError("to: the refusal is of another request")
        self._ended(request, "refused", now)
        told = Phrase("the licence cloud refuses: {reason}", reason=answer.reason)
        self._noted(f"{request.kind} refused:{answer.reason}")
        self._without(Cause.REFUSED, now)
        self.failure = told
        return told

    def _without(self, cause: Cause, now: float) -> None:
        """The registration is no more."""
        self.registration = self.authorisation = None
        self._tried, self.failure = True, NO_FAILURE
        self._take(cause)
        self.advance(now)

    def _check_nonce(self, request: Request, nonce: str) -> None:
        if nonce in self._used:
            raise m.MessageError("nonce: was answered before; the answer is an old one, sent again")
        if nonce != request.proof:
            raise m.MessageError("nonce: is not that of the request; the answer is to another one")
        self._used.add(nonce)

    def _ended(self, request: Request, result: str, now: float) -> None:
        self.counters[f"{request.kind} {result}"] += 1
        self._under_way = None
        self._next = now + self.config.retry_interval

    # --- what it comes to

    def why_refused(self, now: float) -> Phrase | None:
        """Why the mode allows no calls; None: it does."""
        self.advance(now)
        return REFUSES.get(self.mode)

    @property
    def state(self) -> ClientState:
        """The state of the client."""
        return client_state(self.mode, registered=self.registration is not None, tried=self._tried)

    def evaluation_left(self, now: float) -> float:
        """Seconds of evaluation that are left; 0 in any other mode."""
        return max(0.0, self.evaluation_ends - now) if self.mode is Mode.EVALUATION else 0.0

    def summary(self, now: float) -> dict[str, str]:
        """The fields of the License Summary, in its order."""
        self.advance(now)
        held = self.registration
        authorised = self.authorisation is not None and self.mode in (
            Mode.IN_COMPLIANCE,
            Mode.OUT_OF_COMPLIANCE,
        )
        return {
            "Smart License Client State": self.state.value,
            "Module Serial Number": self.serial,
            "Product ID": m.PRODUCT,
            "Cusp UDI": self.udi,
            "Entitlement Tag": m.ENTITLEMENT_TAG,
            "License Server Address": self.server or _NOT_SET,
            "Smart Agent Transport Mode": "TransportCallHome",
            "Enforcement Mode": self.mode.value,
            "Software ID TAG": m.SOFTWARE_TAG,
            "Product ID TAG": m.PRODUCT,
            "Entitlement Version": m.ENTITLEMENT_VERSION,
            "Registration Expiry Date": _date(held.expires) if held else _NOT_SET,
            "Next Auth Date": _date(self._next) if held else _NOT_SET,
            "Evaluation Period(in hrs)": str(int(self.evaluation_left(now) // 3600)),
            "Entitlement Count Requested": str(self.config.count),
            "Is Registration Successful": _yes(held is not None),
            "Is Authorization Successful": _yes(authorised),
            "Is Agent Enabled": "ENABLED",
            "Is Evaluation Mode": _yes(self.mode is Mode.EVALUATION),
            "Latest Failure Reason": self.failure,
            "Http Proxy Address": _NOT_SET,
        }


def _yes(value: bool) -> str:
    return "YES" if value else "NO"


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a %b %d %H:%M:%S GMT %Y")
