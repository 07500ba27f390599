"""Both ends of a licence network without I/O: the agent of the master, and a slave.

Source: docs/network-licence.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sorm_mediator.config.stations import COUNTED, NETWORKING
from sorm_mediator.switch.licence_network.ledger import Ledger, Units
from sorm_mediator.switch.licence_network.messages import AgentAnswer, Question
from sorm_mediator.switch.licence_network.states import NodeLicence, NodeState


class Agent:
    """The central licence agent of the master.

    name: of the master. own: the units that the master itself uses now.
    """

    def __init__(self, name: str, licence: NodeLicence, own: Callable[[], Units]) -> None:
        self.name = name
        self.licence = licence
        self.ledger = Ledger(licence.period)
        self.states: dict[str, NodeState] = {}
        """Slave -> its licence state, as it has told it last."""
        self._own = own

    def answer(self, question: Question, now: float) -> AgentAnswer:
        """AgentAnswer a slave. Raises :class:`~sorm_mediator.switch.licence_network.states.ClockStepError`."""
        self.licence.tick(now)
        node = question.node
        if node == self.name:
            return self._refusal(question, f"{node!r} is the name of the master: give this node another one")
        if question.op == "leave":
            self.ledger.give_back(node, COUNTED)
            self.states.pop(node, None)
            return self._answer(question, {})
        if question.state is NodeState.EMERGENCY and question.serial >= self.licence.serial:
            self.licence.failed(now)
        wanted = {**question.wanted, NETWORKING: 1}
        granted = self.ledger.ask(node, wanted, self._own(), now)
        if not granted[NETWORKING]:
            self.ledger.forget(node)
            self.states.pop(node, None)
            return self._refusal(
                question,
                f"each slave needs a licence {NETWORKING}, and all {self.ledger.total.get(NETWORKING, 0)} are in use: "
                "buy one, and activate it on the master",
            )
        self.states[node] = question.state
        return self._answer(question, granted)

    @property
    def own_limits(self) -> Units:
        """What the master itself may use: all that no slave holds."""
        held = self.ledger.held()
        return {name: max(0, units - held.get(name, 0)) for name, units in self.ledger.total.items()}

    def _answer(self, question: Question, granted: Units) -> AgentAnswer:
        return AgentAnswer(
            number=question.number,
            state=self.licence.state,
            serial=self.licence.serial,
            granted=dict(granted),
            total=self.ledger.total,
        )

    def _refusal(self, question: Question, why: str) -> AgentAnswer:
        return AgentAnswer(number=question.number, refused=why)


class Slave:
    """A node that has the licences of a master."""

    def __init__(self, name: str, licence: NodeLicence) -> None:
        self.name = name
        self.licence = licence
        self.granted: Mapping[str, int] = {}
        """Resource -> units that this node holds."""
        self.total: Mapping[str, int] = {}
        """Resource -> units of the whole network, as last known."""
        self.reason = "the master was not asked yet"
        """Why the master gives no licences; "" when it does."""
        self.questions = 0
        """How many it has asked."""

    def question(self, wanted: Units, *, leave: bool = False) -> Question:
        """The next question."""
        self.questions += 1
        return Question(
            op="leave" if leave else "poll",
            node=self.name,
            number=self.questions,
            state=self.licence.state,
            serial=self.licence.serial,
            wanted=dict(wanted),
        )

    def answered(self, answer: AgentAnswer, now: float) -> None:
        """The master has answered. Raises :class:`~sorm_mediator.switch.licence_network.states.ClockStepError`."""
        if answer.refused:
            self.unreachable(answer.refused, now)
            return
        failed = answer.state is NodeState.EMERGENCY
        self.licence.reached(now, serial=answer.serial, failed=failed)
        self.granted, self.total, self.reason = answer.granted, answer.total, ""

    def unreachable(self, why: str, now: float) -> None:
        """The master does not answer, or gives no licences; the node works on with what it holds.

        Raises :class:`~sorm_mediator.switch.licence_network.states.ClockStepError`.
        """
        self.reason = why
        self.licence.lost(now)

    @property
    def own_limits(self) -> Units:
        """What this node may use. In failover calls and channels go up to what the whole network has: nobody counts
        them over all nodes, and everything works as before (our choice)."""
        limits = dict(self.granted)
        if self.licence.state is NodeState.FAILOVER:
            limits |= {name: self.total[name] for name in COUNTED if name in self.total}
        return limits
