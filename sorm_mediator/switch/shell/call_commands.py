"""Commands that make calls and drive them while they run. Our own: the vendor's switch has phones for that."""

from __future__ import annotations

from typing import Final

from sorm_mediator.switch.calls.call import KEPT_FROM, Call, CallRefused, CallRequest, Role, ServiceRequest
from sorm_mediator.switch.changes import ChangeRefused
from sorm_mediator.switch.shell.command import Command, Exchange, Invocation, format_table, ok, right_of

LATEST: Final = 20
"""Calls that ``call/list`` shows."""
LONG: Final = 3600.0
"""Seconds that a call of the shell rings, and talks, unless somebody answers or hangs up."""


def exchange_of(call: Invocation) -> Exchange:
    """The calls of the switch. Raises :class:`ChangeRefused` in a shell without them."""
    exchange = call.shell.context.calls
    if exchange is None:
        raise ChangeRefused("this shell has no calls")
    return exchange


def _row(call: Call) -> tuple[str, ...]:
    at = call.events[-1]
    kept = next((one.detail for one in call.events if one.event in KEPT_FROM), "")
    last = f"{at.event} {at.detail}"
    return (
        call.id,
        call.domain.name,
        call.request.a,
        call.request.b,
        call.state.value,
        f"{last}: {kept}" if kept and at.event not in KEPT_FROM else last,
    )


def _table(*calls: Call) -> str:
    return format_table(("Call", "Domain", "A", "B", "State", "Last"), map(_row, calls))


def _list(call: Invocation) -> str:
    calls = [
        one for one in exchange_of(call).engine.calls.values() if call.shell.rights.cover(one.domain.name)
    ]
    return _table(*reversed(calls[-LATEST:]))


def _make(call: Invocation) -> str:
    request = CallRequest(
        a=call["A"], b=call["B"], origin=call.option("--from") or "subscriber", ring=LONG, talk=LONG
    )
    try:
        return _table(exchange_of(call).place_call(call.domain, request))
    except CallRefused as refusal:
        raise ChangeRefused(str(refusal)) from None


def _id(call: Invocation) -> str:
    """The id that was entered. Raises :class:`ChangeRefused` for a call of a domain that the user has no right to."""
    found = exchange_of(call).engine.calls.get(call["CALL"])
    if found is not None and not call.shell.rights.cover(found.domain.name):
        needed = right_of(found.domain.name)
        raise ChangeRefused(f"call {found.id} is one of {found.domain.name}: that needs {needed}")
    return call["CALL"]


def _answer(call: Invocation) -> str:
    try:
        return _table(exchange_of(call).pick_up(_id(call)))
    except CallRefused as refusal:
        raise ChangeRefused(str(refusal)) from None


def _release(call: Invocation) -> str:
    if not exchange_of(call).hang_up(_id(call)):
        raise ChangeRefused(f"there is no call {call['CALL']!r} that goes on")
    return ok()


def _service(call: Invocation) -> str:
    by: dict[str, Role] = {"a": "a", "b": "b"}
    user = call.option("--by")
    if user and user not in by:
        raise ChangeRefused(f"--by: {user!r} is not allowed: a, b")
    service = ServiceRequest(
        service=call["SERVICE"], by=by.get(user), number=call["NUMBER"], ring=1.0, talk=LONG
    )
    try:
        return _table(exchange_of(call).use_service(_id(call), service))
    except CallRefused as refusal:
        raise ChangeRefused(str(refusal)) from None


CALL_COMMANDS: Final[tuple[Command, ...]] = (
    Command("domain/<D>/call/make", "<A> <B> [--from <ORIGIN>]", _make,
            "makes a call that rings until call/answer; ORIGIN is trunk:NAME for a call from outside, "
            "or system:alarm, system:custom-cb, system:dialer for one of the switch itself"),
    Command("call/list", "", _list, "shows the latest calls", own=True),
    Command("call/answer", "<CALL>", _answer, "the called party answers", own=True),
    Command("call/release", "<CALL>", _release, "the caller hangs up", own=True),
    Command("call/service", "<CALL> <SERVICE> [<NUMBER>] [--by <PARTY>]", _service,
            "a party (a or b) uses a service: hold, end-of-hold, transfer, consultation, 3pty, pickup, waiting",
            own=True),
)  # fmt: skip
