"""Which numbers and which trunk the events of a call show (10.3.1.5, 10.3.2)."""

from __future__ import annotations

from protocol.language import Phrase
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.examiner import Examiner

CALLS = Need.CALLS
RECEIVED, ANSWER, RELEASE = "number-received", "answer", "release"


@check("10.3.2.1-1", "A under control: the number as command 5 gave it",
       "A — объект контроля: номер, как задан командой 5", CALLS)  # fmt: skip
async def a_as_given(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.network)
    given = {"sign": ex.own_sign, "number": target.fields["number"]}
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, calling=given)


@check("10.3.2.1-2", "B under control: the number as command 5 gave it",
       "B — объект контроля: номер, как задан командой 5", CALLS)  # fmt: skip
async def b_as_given(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(1), ex.own(0))
    await ex.event(target, RECEIVED, called={"number": target.fields["number"]})
    given = {"sign": ex.own_sign, "number": target.fields["number"]}
    for name in (ANSWER, RELEASE):
        await ex.event(target, name, called=given)


@check("10.3.2.1-3", "a network number under control: the number as command 5 gave it",
       "объект — номер ТфССОП: номер, как задан командой 5", CALLS)  # fmt: skip
async def network_as_given(ex: Examiner) -> None:
    target = await ex.network_target()
    await ex.short_call(ex.own(0), ex.network)
    given = {"number": target.fields["number"]}
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, called=given)


@check("10.3.2.1-4", "leading digits under control: the full number",
       "объект с неполным номером: полный номер", CALLS)  # fmt: skip
async def full_number(ex: Examiner) -> None:
    fields = ex.network_fields()
    target = await ex.network_target(fields["number"][:7], object_type="network-partial")
    await ex.short_call(ex.own(0), ex.network)
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, called={"number": fields["number"]})


@check("10.3.2.1-5", "a trunk under control: its number as command 5 gave it",
       "объект — пучок: условный номер, как задан командой 5", CALLS)  # fmt: skip
async def trunk_as_given(ex: Examiner) -> None:
    target = await ex.trunk_target()
    await ex.short_call(ex.incoming, ex.own(0), incoming=True)
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, trunk=ex.trunk)


@check("10.3.2.2-1", "outgoing call, B is no object: its number with the exit prefix (transit: without)",
       "исходящая связь, B не объект: номер с префиксом выхода (транзитный узел: без него)", CALLS)  # fmt: skip
async def b_with_prefix(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.network)
    unit = await ex.event(target, RECEIVED)
    number = str((unit.fields.get("called") or {}).get("number") or "")
    if ex.node_type == "transit":
        text = Phrase("the national number without the prefix", "национальный номер без префикса")
        holds = ex.network.endswith(number) and 10 <= len(number) <= 11
    else:
        text = Phrase("{n}, as it was dialled", "{n}, как набран", n=ex.network)
        holds = number == ex.network
    ex.require(holds, text, number or "-")


@check("10.3.2.2-2", "a call within the node, B is no object: its number",
       "внутристанционная связь, B не объект: его номер", CALLS)  # fmt: skip
async def b_within(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, RECEIVED)
    unit = await ex.event(target, ANSWER)
    number = str((unit.fields.get("called") or {}).get("number") or "")
    text = Phrase("a number that ends with {n}", "номер, оканчивающийся на {n}", n=ex.own(1)[-5:])
    ex.require(number.endswith(ex.own(1)[-5:]), text, number or "-")


@check("10.3.2.3-1", "incoming call, A is no object: the number as it came from the network",
       "входящая связь, A не объект: номер в том виде, в каком передан сетью", CALLS)  # fmt: skip
async def a_as_it_came(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.incoming, ex.own(0), incoming=True)
    for name in (RECEIVED, ANSWER, RELEASE):
        await ex.event(target, name, calling={"number": ex.incoming})


@check("10.3.2.4-1", "the sign of a network number that is no object is that of command 5",
       "признак номера сети, не являющегося объектом, как в команде 5", CALLS)  # fmt: skip
async def sign_of_a_stranger(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.incoming, ex.own(0), incoming=True)
    await ex.event(target, RECEIVED, calling={"sign": ex.network_sign})


@check("10.3.2.4-2", "the sign of an own subscriber who is no object is that of command 5",
       "признак абонента узла, не являющегося объектом, как в команде 5", CALLS)  # fmt: skip
async def sign_of_an_own(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, RECEIVED)
    await ex.event(target, ANSWER, called={"sign": ex.own_sign})


@check("10.3.1.5-1", "incoming call to an own subscriber: the trunk by which it came",
       "входящая связь к абоненту узла: пучок, по которому поступил вызов", CALLS)  # fmt: skip
async def trunk_of_incoming(ex: Examiner) -> None:
    if ex.node_type == "terminal":
        await without_a_number(ex)
        return
    target = await ex.target()
    await ex.short_call(ex.incoming, ex.own(0), incoming=True)
    unit = await ex.event(target, RECEIVED)
    ex.fields(unit, eltex="trunk_in_events", trunk=ex.trunk)


async def without_a_number(ex: Examiner) -> None:
    """A terminal node tells the trunk where the number of A is not known."""
    target = await ex.target()
    await ex.short_call("", ex.own(0), incoming=True)
    unit = await ex.event(target, RECEIVED)
    ex.fields(unit, eltex="trunk_in_events", trunk=ex.trunk)


@check("10.3.1.5-2", "a call within the node: trunk FFFFh", "внутристанционная связь: пучок FFFFh", CALLS)
async def no_trunk_within(ex: Examiner) -> None:
    target = await ex.target()
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(target, RECEIVED, trunk=None)
