"""What a load puts under control: which numbers call which, and the commands that set it up and put it back."""

from __future__ import annotations

import os
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from protocol import NumberSign, ObjectType, Start, Stop
from sorm_mediator.console.errors import NotReadyError, StepError, words
from sorm_mediator.console.target import WebApi
from sorm_mediator.language import Phrase
from sorm_mediator.load.console import LoadConsole
from sorm_mediator.load.plan import CallPlan, network_object, object_phone, removal
from sorm_mediator.load.served import Served
from sorm_mediator.reports.progress import Advance

STARTED_ALREADY: Final = (0x16, 0x07)
"""27h and 28h of command 1 when the technical means run (order 268, 9.7 and 9.8)."""
BUSY_FOR: Final = 0.25
"""Seconds that a number called by the switch stays free between two calls: it takes one call at a time."""
DOMAIN: Final = "test.domain"
"""Of reports to a mediator whose lab file has no switch."""


def domain_of(lab: Served, wanted: str = "") -> str:
    """The domain of the calls: the one that is wanted, else the mediator's own, else the first."""
    switch = lab.config.switch
    domains = switch.domains if switch is not None else ()
    own = next((one.name for one in domains if one.login == lab.config.ssh.user), "")
    return wanted or own or (domains[0].name if domains else DOMAIN)


def by_reports(lab: Served, objects: int, first_object: int, domain: str = "") -> CallPlan:
    """Numbers of the network, made up, which call and are called."""
    return CallPlan(
        rate=1, calls=1, objects=objects, domain=domain_of(lab, domain), first_object=first_object,
        run=f"load-{os.getpid()}",
    )  # fmt: skip


async def by_switch(lab: Served, objects: int, first_object: int, domain: str = "") -> CallPlan:
    """Subscribers of the switch: the first calls the others. ``objects``: how many; 0: all.

    Raises :class:`NotReadyError`, :class:`ConnectError`.
    """
    base = by_reports(lab, max(1, objects), first_object, domain)
    switch = lab.config.switch
    found = (
        next((one for one in switch.domains if one.name == base.domain), None) if switch is not None else None
    )
    if switch is None:
        raise NotReadyError(
            Phrase(
                "--via http: no switch is known whose subscribers could call: -c LAB takes a lab file with a switch; "
                "--via radius needs none"
            )
        )
    if found is None:
        raise NotReadyError(
            Phrase(
                "--via http: the lab file has no domain {domain} whose subscribers could call: --domain takes one of "
                "{domains}; --via radius needs none",
                domain=base.domain, domains=", ".join(one.name for one in switch.domains),
            )
        )  # fmt: skip
    usual = [
        one.number
        for one in found.subscribers
        if one.line_state == "good"
        and one.active
        and not one.virtual
        and not one.context
        and not any((one.services.cfu, one.services.cfb, one.services.cfnr, one.services.cfnrc))
    ]
    numbers = usual[1 : 1 + objects] if objects else usual[1:]
    if len(numbers) < max(1, objects):
        raise NotReadyError(
            Phrase(
                "--objects: {wanted} is more than the {count} subscribers of {domain} that can be called; --via radius "
                "needs none",
                wanted=max(1, objects), count=max(0, len(usual) - 1), domain=base.domain,
            )
        )  # fmt: skip
    shape = replace(base, objects=len(numbers), numbers=tuple(numbers), caller=usual[0])
    return replace(shape, shown=await _shown(lab, shape))


def most_rate(shape: CallPlan, ring: float, talk: float) -> float:
    """Calls a second that the numbers of a switch take, each one call at a time."""
    return shape.objects / (ring + talk + BUSY_FOR)


async def _shown(lab: Served, shape: CallPlan) -> dict[str, str]:
    """How the console is shown the numbers of a plan, as the switch traces the calls."""
    found = {}
    async with WebApi(lab.web, lab.config.web.token.get_secret_value()) as web:
        for number in shape.numbers:
            path = f"switch/domains/{quote(shape.domain, safe='')}/trace"
            query = f"?cgpn.digits={quote(shape.caller)}&cdpn.digits={quote(number)}"
            status, reply = await web.request("GET", path + query)
            if status != HTTPStatus.OK or reply.get("result") == "failed":
                why = reply.get("reason") or reply.get("detail") if isinstance(reply, dict) else reply
                raise NotReadyError(
                    Phrase("{a} does not reach {b}: {why}", a=shape.caller, b=number, why=str(why or status))
                )
            found[shape.caller], found[number] = reply["sorm"]["a"]["digits"], reply["sorm"]["b"]["digits"]
    return {number: shown for number, shown in found.items() if shown and shown != number}


def object_command(shape: CallPlan, which: int) -> Any:
    """The command that puts the object with this index under control."""
    number = shape.first_object + which
    if not shape.numbers:
        return network_object(number, object_phone(which))
    add = network_object(number, shape.numbers[which])
    add.object_type, add.number_sign = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
    return add


class Control:
    """The technical means with the objects of a load under control; put back at the end."""

    def __init__(self, console: LoadConsole, shape: CallPlan) -> None:
        self._console, self._shape = console, shape
        self._started = False
        self._added = 0

    async def begin(self, advance: Advance) -> None:
        """Start the technical means, if they are stopped, and add the objects. Raises :class:`NotReadyError`."""
        started = await self._console.command(Start())
        self._started = started.good
        if not started.good and started.status not in STARTED_ALREADY:
            raise NotReadyError(self._refused(Phrase("command 1, start"), started.status, ""))
        for which in range(self._shape.objects):
            add = object_command(self._shape, which)
            answered = await self._console.command(add)
            if not answered.good:
                raise NotReadyError(
                    self._refused(
                        Phrase(
                            "command 5 for object {number}, {digits}",
                            number=add.object_number,
                            digits=add.number,
                        ),
                        answered.status,
                        Phrase("; --first-object takes other numbers of objects"),
                    )
                )
            self._added += 1
            advance()

    @staticmethod
    def _refused(what: Phrase, status: int, hint: str) -> Phrase:
        why = f"{status:02X}h" if status else Phrase("no answer")
        return Phrase("{what} was not executed: {why}{hint}", what=what, why=why, hint=hint)

    async def end(self) -> str:
        """Remove what was added, and stop what was started. Returns what could not be put back; "": nothing."""
        try:
            if self._started:
                await self._console.command(Stop())
                return ""
            for which in range(self._added):
                answered = await self._console.command(removal(object_command(self._shape, which)))
                if not answered.good:
                    return self._refused(
                        Phrase("command 6 for object {number}", number=self._shape.first_object + which),
                        answered.status, "",
                    )  # fmt: skip
        except StepError as error:
            return words(error)
        return ""
