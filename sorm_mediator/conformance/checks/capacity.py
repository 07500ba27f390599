"""How much the technical means can hold (2, 3, 4)."""

from __future__ import annotations

from protocol.language import Phrase
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.conformance.verdicts import Untested

TRUNKS = 10
LEAST = 8
"""Own objects of the smallest node in the tables of appendices 2 and 4."""


@check(
    "2.2-1",
    "at least eight own subscribers can be on control",
    "на контроле — не менее восьми абонентов узла",
)
async def least(ex: Examiner) -> None:
    for index in range(LEAST):
        await ex.executed("add-object", **ex.object_fields(ex.own(index)))


@check("3.1-1", "at most ten trunks are on control: the eleventh is refused",
       "на контроле — не более десяти пучков: одиннадцатый не принимается")  # fmt: skip
async def trunks(ex: Examiner) -> None:
    known = await _trunks(ex)
    if len(known) <= TRUNKS:
        en, ru = "the node has {n} trunks, eleven are needed", "на узле пучков: {n}, нужно одиннадцать"
        raise Untested(Phrase(en, ru, n=len(known)))
    for number in known[:TRUNKS]:
        await ex.executed("add-object", **ex.trunk_fields(trunk=number))
    await ex.refused("add-object", **ex.trunk_fields(trunk=known[TRUNKS]))


async def _trunks(ex: Examiner) -> list[int]:
    if ex.told.order != "268":
        return []
    with ex.preparing():
        reply = await ex.executed("get-trunks", trunk=None)
    return sorted({unit.fields["trunk"] for unit in reply.data if unit.name == "trunk-info"})


@check("3.2-1", "2048 numbers of the network can be on control of a transit node",
       "на транзитном узле на контроле — 2048 номеров ТфССОП", Need.SLOW)  # fmt: skip
async def transit(ex: Examiner) -> None:
    if ex.node_type != "transit":
        raise Untested(Phrase("the node is no transit node", "узел не транзитный"))
    for index in range(2048):
        await ex.executed("add-object", **ex.network_fields(f"7900{index:07d}"))
