"""One mediator that sees many domains as one exchange (MultiSORM). Sans-IO; ``now`` is seconds of any steady clock.

Each request goes to all domains at once (:mod:`ssh_control.multisorm.fanout`). A domain that does not answer within the
bound is *silent*: no request waits for it, it counts as a refusal, and it gets only ``ping`` as a probe. A domain that
answers again, or that joins, receives all objects on control. :data:`DOMAIN_TABLE` is the state machine of a domain.

Every method returns effects. The caller carries them out in order: :class:`AskDomain`, :class:`AnswerMediator`,
:class:`LogNote`.

Source: ECSS-10 manual, MultiSORM.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import Any, Final

from ssh_control.codes import NOT_EXECUTED, ExtendedError
from ssh_control.dialect import Reply, Request
from ssh_control.moves import Move, StateTable
from ssh_control.multisorm.fanout import FanOut

PROBE: Final = 1.0
"""Seconds between two probes of a silent domain."""
PATIENCE: Final = 30.0
"""Limit of the seconds in which a domain receives all objects; no request waits for that."""
CHANGES: Final = frozenset({"add", "change", "remove", "sync", "clear"})
"""Requests that change the objects on control. Two for one object go to the domains one after the other."""


class DomainState(Enum):
    """State of a domain: which objects of the mediator it has."""

    IN_STEP = "in step"
    SILENT = "silent"
    CATCHING_UP = "catching up"


class DomainInput(Enum):
    """Input of a domain."""

    MISSED = "missed"
    """The domain has not answered within the bound."""
    ANSWERED = "answered"
    """The domain has answered, at any time."""
    SYNCED = "synced"
    """The domain has all objects."""
    REFRESH = "refresh"
    """The domain may take objects that it refused before."""


class DomainAction(Enum):
    """Action on a domain."""

    GIVE_UP = "give up"
    """Count the domain as a refusal of all open requests, and probe it from now on."""
    REPORT_BACK = "report back"
    """Log that the domain answers again."""
    HAND_OVER = "hand over"
    """Send the domain all objects, and then the open questions."""


_SILENT: Final = Move(DomainState.SILENT, (DomainAction.GIVE_UP,))
_BACK: Final = Move(DomainState.CATCHING_UP, (DomainAction.REPORT_BACK, DomainAction.HAND_OVER))
_HAND_OVER: Final = (DomainAction.HAND_OVER,)

DOMAIN_TABLE: Final[StateTable[DomainState, DomainInput, DomainAction]] = {
    (DomainState.IN_STEP, DomainInput.MISSED): _SILENT,
    (DomainState.IN_STEP, DomainInput.REFRESH): Move(DomainState.IN_STEP, _HAND_OVER),
    (DomainState.CATCHING_UP, DomainInput.MISSED): _SILENT,
    (DomainState.CATCHING_UP, DomainInput.SYNCED): Move(DomainState.IN_STEP),
    (DomainState.CATCHING_UP, DomainInput.REFRESH): Move(DomainState.CATCHING_UP, _HAND_OVER),
    (DomainState.SILENT, DomainInput.ANSWERED): _BACK,
}
"""A domain that joins begins with ``catching up``. Any other pair changes nothing."""


@dataclass(frozen=True, slots=True)
class AskDomain:
    """Ask a domain; :meth:`MultiSorm.answered` is due with the same ``token``, soon, late or never."""

    domain: str
    token: int
    request: Request


@dataclass(frozen=True, slots=True)
class AnswerMediator:
    """Answer the mediator's question ``question``, as :meth:`MultiSorm.ask` numbered it."""

    question: int
    reply: Reply


@dataclass(frozen=True, slots=True)
class LogNote:
    """For the log."""

    level: int
    """As :mod:`logging` numbers them."""
    text: str


Effect = AskDomain | AnswerMediator | LogNote


@dataclass(slots=True)
class _Domain:
    state: DomainState = DomainState.CATCHING_UP
    probe_at: float = 0.0


@dataclass(slots=True)
class _Question:
    number: int
    request: Request
    deadline: float = 0.0
    fan_out: FanOut = field(init=False)
    """Made when the domains are asked."""

    def before(self, other: _Question) -> bool:
        """Whether the other question must wait for the answer to this one: both change the same object."""
        if not CHANGES.issuperset((self.request.op, other.request.op)):
            return False
        numbers = [_number(request) for request in (self.request, other.request)]
        return None in numbers or numbers[0] == numbers[1]


@dataclass(slots=True)
class _Asked:
    """A request that a domain has not answered. ``question``: None for the objects that the domain receives."""

    domain: str
    question: _Question | None
    deadline: float


def _number(request: Request) -> int | None:
    """The number of the object that a request changes; None for all objects."""
    number: int | None = request.params.get("object", request.params).get("object_number")
    return number


def _target(item: Mapping[str, Any]) -> tuple[Any, ...]:
    which = item["trunk"] if item["object_type"] == "trunk" else item["number"]
    return item["object_type"], item["number_sign"], which


class MultiSorm:
    """A mediator's objects, and the domains that have them on control. ``timeout``: the bound, seconds."""

    def __init__(self, timeout: float) -> None:
        self.objects: dict[int, dict[str, Any]] = {}
        """The objects on control, by number, as in the dialect: also those that no domain has yet."""
        self._timeout = timeout
        self._domains: dict[str, _Domain] = {}
        self._numbers = count(1)
        self._asked: dict[int, _Asked] = {}
        self._questions: dict[int, _Question] = {}
        """Questions that wait for domains."""
        self._waiting: list[_Question] = []
        """Questions that wait for other questions."""
        self._effects: list[Effect] = []

    @property
    def states(self) -> dict[str, DomainState]:
        """Every domain and its state."""
        return {name: domain.state for name, domain in self._domains.items()}

    # --- inputs

    def join(self, domain: str, now: float) -> list[Effect]:
        """A domain belongs to the mediator from now on; it receives the objects on control."""
        self._domains[domain] = _Domain()
        self._hand_over(domain, now)
        return self._take()

    def leave(self, domain: str, now: float) -> list[Effect]:
        """A domain does not belong to the mediator any more; its late answers are ignored."""
        # First of all: a question that begins below must not go to this domain.
        del self._domains[domain]
        self._give_up(domain, now)
        return self._take()

    def refresh(self, domain: str, now: float) -> list[Effect]:
        """A domain may take objects that it refused before; it receives all of them anew."""
        self._move(domain, DomainInput.REFRESH, now)
        return self._take()

    def ask(self, request: Request, now: float) -> tuple[int, list[Effect]]:
        """Take the mediator's request. Returns its number; its :class:`AnswerMediator` comes once, now or later."""
        question = _Question(next(self._numbers), request)
        self._begin_in_turn(question, now)
        return question.number, self._take()

    def answered(self, domain: str, token: int, reply: Reply, now: float) -> list[Effect]:
        """Take a domain's answer; the domain may have been given up."""
        if domain not in self._domains:
            return []
        asked = self._asked.pop(token, None)
        if asked is not None and asked.question is not None:
            self._settle(asked.question, asked.question.fan_out.answered(domain, reply), now)
        elif asked is not None:
            self._move(domain, DomainInput.SYNCED if reply.ok else DomainInput.MISSED, now)
        else:
            self._move(domain, DomainInput.ANSWERED, now)
        return self._take()

    def tick(self, now: float) -> list[Effect]:
        """Give up the domains that have not answered in time; probe the silent ones."""
        late = {asked.domain for asked in self._asked.values() if asked.deadline <= now}
        for name in late:
            self._move(name, DomainInput.MISSED, now)
        for name, domain in self._domains.items():
            if domain.state is DomainState.SILENT and domain.probe_at <= now:
                domain.probe_at = now + PROBE
                # The token is not kept: any answer of a silent domain shows that it is back.
                self._effects.append(AskDomain(name, next(self._numbers), Request("ping", {})))
        return self._take()

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due."""
        times = [asked.deadline for asked in self._asked.values()]
        times += [one.probe_at for one in self._domains.values() if one.state is DomainState.SILENT]
        return min(times, default=None)

    # --- domains

    def _move(self, name: str, cause: DomainInput, now: float) -> None:
        domain = self._domains[name]
        move = DOMAIN_TABLE.get((domain.state, cause))
        if move is None:
            return
        domain.state = move.next
        for action in move.actions:
            match action:
                case DomainAction.GIVE_UP:
                    domain.probe_at = now + PROBE
                    text = f"{name} does not answer: it counts as a refusal until it does"
                    self._effects.append(LogNote(logging.WARNING, text))
                    self._give_up(name, now)
                case DomainAction.REPORT_BACK:
                    text = f"{name} answers again: it is handed what is on control"
                    self._effects.append(LogNote(logging.INFO, text))
                case DomainAction.HAND_OVER:
                    self._hand_over(name, now)

    def _give_up(self, domain: str, now: float) -> None:
        """Stop waiting for a domain."""
        given_up = [token for token, asked in self._asked.items() if asked.domain == domain]
        for token in given_up:
            question = self._asked.pop(token).question
            if question is not None:
                self._settle(question, question.fan_out.no_answer(domain), now)

    def _hand_over(self, domain: str, now: float) -> None:
        """Send a domain all objects, and then the open questions, which may change them."""
        params = {"objects": list(self.objects.values()), "first": True, "last": True}
        self._ask(domain, Request("sync", params), None, now + PATIENCE)
        for question in self._questions.values():
            question.fan_out.ask_too(domain)
            self._ask(domain, question.request, question, question.deadline)

    def _ask(self, domain: str, request: Request, question: _Question | None, deadline: float) -> None:
        token = next(self._numbers)
        self._effects.append(AskDomain(domain, token, request))
        self._asked[token] = _Asked(domain, question, deadline)

    # --- questions

    def _begin_in_turn(self, question: _Question, now: float) -> None:
        """Begin a question, after the earlier ones that change the same object."""
        earlier = (*self._questions.values(), *self._waiting)
        if any(one.before(question) for one in earlier):
            self._waiting.append(question)
        else:
            self._begin(question, now)

    def _begin(self, question: _Question, now: float) -> None:
        """Ask the domains, all at once."""
        request = question.request
        problem = self._conflict(request.params["object"]) if request.op == "add" else None
        if not self._domains:
            problem = Reply.refusal(NOT_EXECUTED, "there is no domain to ask")
        self._questions[question.number] = question
        if problem is not None:
            self._settle(question, problem, now)
            return
        question.deadline = now + self._timeout
        question.fan_out = FanOut(request, self._domains)
        for name, domain in self._domains.items():
            if domain.state is not DomainState.SILENT:
                self._ask(name, request, question, question.deadline)
        for name, domain in self._domains.items():
            if domain.state is DomainState.SILENT:
                self._settle(question, question.fan_out.no_answer(name), now)

    def _settle(self, question: _Question, reply: Reply | None, now: float) -> None:
        """Answer the mediator, once; later answers of domains change nothing."""
        if reply is None:
            return
        del self._questions[question.number]
        self._record(question.request, reply)
        self._effects.append(AnswerMediator(question.number, reply))
        waiting, self._waiting = self._waiting, []
        for other in waiting:
            self._begin_in_turn(other, now)

    def _conflict(self, item: Mapping[str, Any]) -> Reply | None:
        """Why an object can't be added, whatever the domains answer: objects and trunks are unique in all of them."""
        number = item["object_number"]
        present = self.objects.get(number)
        if present is not None and _target(present) != _target(item):
            return Reply.refusal(ExtendedError.OBJECT_ALREADY_DEFINED, f"object {number} is defined already")
        if item["object_type"] != "trunk":
            return None
        # A number may have several objects (order 268, 6.5.6), a trunk has one.
        for other, row in self.objects.items():
            if row["object_type"] == "trunk" and row["trunk"] == item["trunk"] and other != number:
                text = f"trunk {item['trunk']} is on control already, as object {other}"
                return Reply.refusal(ExtendedError.TRUNK_ALREADY_CONTROLLED, text)
        return None

    def _record(self, request: Request, reply: Reply) -> None:
        """Record the objects that are on control now."""
        op, params, objects = request.op, request.params, self.objects
        if op == "remove" and (reply.ok or reply.code == ExtendedError.WRONG_OBJECT_NUMBER):
            objects.pop(params["object_number"], None)
        elif not reply.ok:
            return
        elif op == "add":
            objects[params["object"]["object_number"]] = params["object"]
        elif op == "change" and params["object_number"] in objects:
            change = {key: params[key] for key in ("category", "priority")}
            # A new row: the one before may be on its way to a domain.
            objects[params["object_number"]] = objects[params["object_number"]] | change
        elif op in ("clear", "sync"):
            self.objects = {item["object_number"]: item for item in params.get("objects", ())}

    def _take(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects
