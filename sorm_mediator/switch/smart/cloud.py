"""A stand-in of the licence cloud: it registers switches with an account, authorises counts, and is broken on purpose.

No input and output: :mod:`sorm_mediator.web.licence_cloud` serves it over HTTP. Time is an argument, in Unix seconds.

The usage check compares the sum of the counts that all proxies of a virtual account are *configured* with (and have
asked for) with the quantity that was bought. It never looks at traffic, and nothing is refused for it: the answer says
``OOC``, out of compliance.

Source: docs/smart-licence.md, "Usage" and "The licence cloud".
"""

from __future__ import annotations

import uuid
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from sorm_mediator.switch.smart import messages as m

Fault = Literal["none", "down", "wrong-signature", "repeated-nonce", "ooc", "expired", "clock", "refuse"]
"""What is wrong with the cloud. down: it answers nothing. wrong-signature: its answers are signed by another key.
repeated-nonce: its answers to "May I" have the nonce of the request before. ooc: out of compliance, whatever the usage.
expired: its authorisations are over when they come. clock: its clock is two years ahead, and so are its dates. refuse:
it refuses."""
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
AHEAD: Final = 2 * 365 * 86_400
"""Seconds of the fault ``clock``."""
MOST_INSTANCES: Final = 1000
MOST_NONCES: Final = 1000
"""Nonces of an instance that are remembered (our choice)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The row of a licence in the report of a virtual account."""

    licence: str
    quantity: int
    """What was bought."""
    in_use: int
    """The sum of the counts of all proxies."""

    @property
    def balance(self) -> int:
        """Surplus (+) or shortage (-)."""
        return self.quantity - self.in_use

    @property
    def shown_balance(self) -> str:
        """The balance with its sign."""
        return f"{self.balance:+d}" if self.balance else "0"

    @property
    def alerts(self) -> str:
        """What is wrong; "" for nothing."""
        return "Insufficient Licenses" if self.in_use > self.quantity else ""

    def row(self) -> dict[str, Any]:
        """The row under the headings of the report."""
        return {
            "License": self.licence,
            "Quantity": self.quantity,
            "In Use": self.in_use,
            "Surplus (+) / Shortage (-)": self.shown_balance,
            "Alerts": self.alerts,
        }


def usage_of(quantity: int, counts: Sequence[int]) -> Usage:
    """The usage of what was bought by proxies with these counts."""
    return Usage(m.ENTITLEMENT_NAME, quantity, sum(counts))


@dataclass(slots=True)
class _Instance:
    """A registered switch."""

    product_instance_id: str
    serial: str
    id_cert: m.Certificate
    count: int = 0
    last_nonce: str = ""
    nonces: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def is_new(self, nonce: str) -> bool:
        if nonce in self.nonces:
            return False
        self.nonces[nonce] = None
        if len(self.nonces) > MOST_NONCES:
            self.nonces.popitem(last=False)
        return True


class LicenceCloud:
    """A licence cloud with one virtual account.

    purchased: its licences. other_counts: of proxies elsewhere. ``now``: when its certificates begin to hold.
    """

    def __init__(
        self,
        now: float,
        *,
        account: str = "CUSP TEST",
        purchased: int = 30,
        other_counts: Sequence[int] = (),
        expiry: int = 7_775_673,
        retry_interval: int = 43_200,
    ) -> None:
        self.account = account
        self.have(purchased, other_counts)
        self.fault: Fault = "none"
        self.counters: Counter[str] = Counter()
        """Requests by their result."""
        self._expiry, self._retry_interval = expiry, retry_interval
        self._root_key, self._key, self._stranger = m.new_key(), m.new_key(), m.new_key()
        self.root = m.authority("Lab licence root", self._root_key, now)
        self._signing = m.authority("Lab licence signing", self._key, now, (self.root, self._root_key))
        self._instances: dict[str, _Instance] = {}

    @property
    def token(self) -> str:
        """The token of the account."""
        return m.token_of(self.account)

    @property
    def root_pem(self) -> str:
        """The root certificate, which switches are given."""
        return m.pem_of(self.root)

    def usage(self) -> Usage:
        """The row of the report."""
        counts = [one.count for one in self._instances.values()]
        return usage_of(self.purchased, [*self.other_counts, *counts])

    def have(self, purchased: int, other_counts: Sequence[int]) -> None:
        """The account has bought this quantity, and its proxies elsewhere have these counts, from now on."""
        self.purchased, self.other_counts = purchased, tuple(other_counts)

    def break_with(self, fault: str) -> None:
        """Be broken in a way of :data:`Fault`; "none": no more. Raises :class:`ValueError`."""
        known = next((one for one in FAULTS if one == fault), None)
        if known is None:
            raise ValueError(f"fault: {fault[:40]!r} is none of {', '.join(FAULTS)}")
        self.fault = known

    # --- requests; the answer is a document, or None: nothing is answered

    def register(self, document: object, now: float) -> dict[str, Any] | None:
        """Answer :class:`~sorm_mediator.switch.smart.messages.Register`. Raises :class:`MessageError` for none."""
        if self._is_down():
            return None
        request = m.read(m.Register, document)
        now = self._clock(now)
        if request.token != self.token or self.fault == "refuse":
            return self._refuse(m.token_of(request.token), "the token is of no account, or was withdrawn")
        if request.udi != f"{m.PRODUCT}:{request.serial}":
            return self._refuse(m.token_of(request.token), "udi: is not that of the serial number")
        known = next((one for one in self._instances.values() if one.serial == request.serial), None)
        if known is None and len(self._instances) >= MOST_INSTANCES:
            return self._refuse(m.token_of(request.token), "there are too many product instances")
        try:
            guid = uuid.UUID(known.product_instance_id) if known else uuid.uuid4()
            id_cert = m.issue_id(request.csr, self.account, guid, (self._signing, self._key), now)
        except m.MessageError as error:
            return self._refuse(m.token_of(request.token), str(error))
        instance = known or _Instance(str(guid), request.serial, id_cert)
        instance.id_cert = id_cert
        self._instances[instance.product_instance_id] = instance
        self.counters["registered"] += 1
        answer = m.Registered(
            signing_cert=m.pem_of(self._signing),
            product_instance_id=instance.product_instance_id,
            id_cert=m.pem_of(id_cert),
            id_cert_sn=str(id_cert.serial_number),
            signing_cert_sn=str(self._signing.serial_number),
        )
        return m.plain(m.sign(answer, self._signer))

    def authorise(self, document: object, now: float) -> dict[str, Any] | None:
        """Answer :class:`~sorm_mediator.switch.smart.messages.Authorise`. Raises :class:`MessageError` for none."""
        if self._is_down():
            return None
        request = m.read(m.Authorise, document)
        now = self._clock(now)
        instance, refused = self._instance(request, now)
        if instance is None:
            return refused
        asked = {one.tag: one.requested_count for one in request.entitlements}
        if asked.keys() != {m.ENTITLEMENT_TAG}:
            return self._refuse(request.nonce, f"the account has no licence of {', '.join(asked)[:100]}")
        instance.count = asked[m.ENTITLEMENT_TAG]
        usage = self.usage()
        short = usage.balance < 0 or self.fault == "ooc"
        started = now - (2 * self._expiry if self.fault == "expired" else 0)
        before, instance.last_nonce = instance.last_nonce, request.nonce
        self.counters["out of compliance" if short else "in compliance"] += 1
        answer = m.Authorised(
            signing_cert=m.pem_of(self._signing),
            status="OOC" if short else "OK",
            nonce=(before or "0") if self.fault == "repeated-nonce" else request.nonce,
            start_date=int(started * 1000),
            expiry=self._expiry,
            retry_interval=self._retry_interval,
            tags=(m.ENTITLEMENT_TAG,),
        )
        return m.plain(m.sign(answer, self._signer))

    def deregister(self, document: object, now: float) -> dict[str, Any] | None:
        """Answer :class:`~sorm_mediator.switch.smart.messages.Deregister`. Raises :class:`MessageError` for none."""
        if self._is_down():
            return None
        request = m.read(m.Deregister, document)
        instance, refused = self._instance(request, self._clock(now))
        if instance is None:
            return refused
        del self._instances[instance.product_instance_id]
        self.counters["deregistered"] += 1
        answer = m.Deregistered(signing_cert=m.pem_of(self._signing), nonce=request.nonce)
        return m.plain(m.sign(answer, self._signer))

    def _instance(
        self, request: m.Authorise | m.Deregister, now: float
    ) -> tuple[_Instance | None, dict[str, Any] | None]:
        """The switch that has signed a request; None and the refusal for any other."""
        instance = self._instances.get(request.product_instance_id)
        if instance is None or self.fault == "refuse":
            return None, self._refuse(request.nonce, "the product instance is not registered")
        try:
            m.check_request(request, instance.id_cert, now)
        except m.MessageError as error:
            return None, self._refuse(request.nonce, str(error))
        if not instance.is_new(request.nonce):
            return None, self._refuse(request.nonce, "nonce: was used before")
        return instance, None

    def _refuse(self, to: str, reason: str) -> dict[str, Any]:
        self.counters["refused"] += 1
        answer = m.Refused(signing_cert=m.pem_of(self._signing), reason=reason[:256], to=to)
        return m.plain(m.sign(answer, self._signer))

    def _is_down(self) -> bool:
        down = self.fault == "down"
        if down:
            self.counters["not answered"] += 1
        return down

    def _clock(self, now: float) -> float:
        return now + (AHEAD if self.fault == "clock" else 0)

    @property
    def _signer(self) -> m.Key:
        return self._stranger if self.fault == "wrong-signature" else self._key
