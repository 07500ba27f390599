"""One mediator that sees many domains as one exchange (MultiSORM). Sans-IO; ``now`` is seconds of any steady clock.

Each request goes to all domains at once (:mod:`ssh_control.multisorm.fanout`). A domain that does not answer within the
bound is *silent*: from then on no request waits for it, it counts as a refusal, and it is only probed with ``ping``.
When it answers again, or when a domain joins, it receives all objects that are on control now, so that nothing has to
be entered again. :data:`DOMAIN_TABLE` is the whole state machine of a domain.

Every method returns effects, to be carried out in order: :class:`Ask`, :class:`Answer`, :class:`Note`.

Source: ECSS-10 manual, MultiSORM.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from types import MappingProxyType
from typing import Any, Final

from ssh_control.dialect import Reply, Request
from ssh_control.multisorm.fanout import NO_ANSWER, FanOut

PROBE: Final = 1.0
"""Seconds between questions whether a silent domain is there."""
PATIENCE: Final = 30.0
"""Seconds that a domain may take to be handed all objects; nobody waits for that."""
CHANGES: Final = frozenset({"add", "change", "remove", "sync", "clear"})
"""Requests that change what is on control. Two about the same object are asked one after the other."""
ALREADY_DEFINED: Final = 0x33
TRUNK_DEFINED: Final = 0x4A
NO_SUCH_OBJECT: Final = 0x34


class Standing(Enum):
    """How a domain stands."""

    IN_STEP = "in step"
    SILENT = "silent"
    CATCHING_UP = "catching up"


class Event(Enum):
    """What happens to a domain."""

    MISSED = "missed"
    HEARD = "heard"
    SYNCED = "synced"


DOMAIN_TABLE: Final[Mapping[tuple[Standing, Event], Standing]] = MappingProxyType(
    {
        (Standing.IN_STEP, Event.MISSED): Standing.SILENT,
        (Standing.CATCHING_UP, Event.MISSED): Standing.SILENT,
        (Standing.SILENT, Event.HEARD): Standing.CATCHING_UP,
        (Standing.CATCHING_UP, Event.SYNCED): Standing.IN_STEP,
    }
)
"""``missed``: no answer within the bound; ``synced``: it has all objects. What is not here changes nothing.
Whoever begins to catch up is handed all objects; a domain that joins begins with that."""


def arrows() -> str:
    """The table as one line a transition, for the documentation."""
    return "\n".join(
        f"{now.value} --{cause.value}--> {then.value}" for (now, cause), then in DOMAIN_TABLE.items()
    )


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a domain; :meth:`MultiSorm.answered` is due with the same ``token``, soon, late or never."""

    domain: str
    token: int
    request: Request


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the mediator's question ``question``, as :meth:`MultiSorm.ask` numbered it."""

    question: int
    reply: Reply


@dataclass(frozen=True, slots=True)
class Note:
    """For the log."""

    level: int
    """As :mod:`logging` numbers them."""
    text: str


Effect = Ask | Answer | Note


@dataclass(slots=True)
class _Domain:
    standing: Standing = Standing.CATCHING_UP
    probe_at: float = 0.0


@dataclass(slots=True)
class _Question:
    number: int
    fan_out: FanOut
    deadline: float = 0.0

    def before(self, other: _Question) -> bool:
        """Whether the other one must wait for its answer, because it changes what the other is about."""
        one, two = (question.fan_out.request for question in (self, other))
        if one.op not in CHANGES or two.op not in CHANGES:
            return False
        numbers = [_number(request) for request in (one, two)]
        return None in numbers or numbers[0] == numbers[1]


@dataclass(slots=True)
class _Asked:
    """What a domain was asked and is waited for: for a question, or (None) to be brought up to date."""

    domain: str
    question: _Question | None
    deadline: float


@dataclass(slots=True)
class Objects:
    """What is on control, as the dialect writes it: whatever domain has it, and also what none has yet."""

    by_number: dict[int, dict[str, Any]] = field(default_factory=dict)
    _trunks: dict[int, int] = field(default_factory=dict)
    """Object number by trunk: a number may have several objects (order 268, 6.5.6), a trunk has one."""

    def problem(self, item: Mapping[str, Any]) -> Reply | None:
        """Why it can't be added, whatever the domains say: numbers of objects and trunks are unique over all."""
        number, target = item["object_number"], _target(item)
        present = self.by_number.get(number)
        if present is not None and _target(present) != target:
            return Reply.refusal(ALREADY_DEFINED, f"object {number} is defined already")
        other = self._trunks.get(item["trunk"], number) if item["object_type"] == "trunk" else number
        if other == number:
            return None
        return Reply.refusal(TRUNK_DEFINED, f"trunk {item['trunk']} is on control already, as object {other}")

    def put(self, item: dict[str, Any]) -> None:
        """It is on control."""
        self.remove(item["object_number"])
        self.by_number[item["object_number"]] = item
        if item["object_type"] == "trunk":
            self._trunks[item["trunk"]] = item["object_number"]

    def remove(self, number: int) -> None:
        """It is not on control any more, if it was."""
        item = self.by_number.pop(number, None)
        if item is not None and item["object_type"] == "trunk":
            del self._trunks[item["trunk"]]

    def replace(self, items: list[dict[str, Any]]) -> None:
        """These are on control, and no others."""
        self.by_number.clear()
        self._trunks.clear()
        for item in items:
            self.put(item)


def _number(request: Request) -> int | None:
    """The object that a change is of; None: all."""
    number: int | None = request.params.get("object", request.params).get("object_number")
    return number


def _target(item: Mapping[str, Any]) -> tuple[Any, ...]:
    which = item["trunk"] if item["object_type"] == "trunk" else item["number"]
    return item["object_type"], item["number_sign"], which


class MultiSorm:
    """A mediator's objects and the domains that they are on control in. ``timeout``: the bound, seconds."""

    def __init__(self, timeout: float) -> None:
        self.objects = Objects()
        self._timeout = timeout
        self._domains: dict[str, _Domain] = {}
        self._numbers = count(1)
        self._asked: dict[int, _Asked] = {}
        self._questions: dict[int, _Question] = {}
        """Those that wait for domains."""
        self._waiting: list[_Question] = []
        """Those that wait for others."""
        self._effects: list[Effect] = []

    @property
    def standings(self) -> dict[str, Standing]:
        """Every domain and how it stands."""
        return {name: domain.standing for name, domain in self._domains.items()}

    # --- inputs

    def join(self, domain: str, now: float) -> list[Effect]:
        """A domain is one of ours from now on; it is handed what is on control."""
        self._domains[domain] = _Domain()
        self._hand_over(domain, now)
        return self._take()

    def leave(self, domain: str, now: float) -> list[Effect]:
        """A domain is none of ours any more; what it still says is not heard."""
        # First of all: what begins because nobody waits for it any more must not be asked of it.
        del self._domains[domain]
        self._give_up(domain, now)
        return self._take()

    def refresh(self, domain: str, now: float) -> list[Effect]:
        """A domain may take objects now that it did not take before: it is handed them anew."""
        if self._domains[domain].standing is not Standing.SILENT:
            self._hand_over(domain, now)
        return self._take()

    def ask(self, request: Request, now: float) -> tuple[int, list[Effect]]:
        """The mediator asks: the number of the question, whose :class:`Answer` comes once, now or later."""
        question = _Question(next(self._numbers), FanOut(request, self._domains))
        earlier = (*self._questions.values(), *self._waiting)
        if any(other.before(question) for other in earlier):
            self._waiting.append(question)
        else:
            self._begin(question, now)
        return question.number, self._take()

    def answered(self, domain: str, token: int, reply: Reply, now: float) -> list[Effect]:
        """A domain has answered, perhaps when nobody waited for it any more."""
        there = self._domains.get(domain)
        if there is None:
            return []
        asked = self._asked.pop(token, None)
        if asked is not None and asked.question is not None:
            self._settle(asked.question, asked.question.fan_out.heard(domain, reply), now)
        elif asked is not None:
            self._move(domain, Event.SYNCED if reply.ok else Event.MISSED, now)
        elif there.standing is Standing.SILENT:
            self._move(domain, Event.HEARD, now)
        return self._take()

    def tick(self, now: float) -> list[Effect]:
        """Give up whom was waited for long enough; see whether those who are silent are there again."""
        late = {asked.domain for asked in self._asked.values() if asked.deadline <= now}
        for name in late:
            self._move(name, Event.MISSED, now)
        for name, domain in self._domains.items():
            if domain.standing is Standing.SILENT and domain.probe_at <= now:
                domain.probe_at = now + PROBE
                # Its token is not kept: whatever a silent domain says tells that it is there.
                self._effects.append(Ask(name, next(self._numbers), Request("ping", {})))
        return self._take()

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is wanted."""
        times = [asked.deadline for asked in self._asked.values()]
        times += [one.probe_at for one in self._domains.values() if one.standing is Standing.SILENT]
        return min(times, default=None)

    # --- domains

    def _move(self, domain: str, event: Event, now: float) -> None:
        there = self._domains[domain]
        before = there.standing
        there.standing = DOMAIN_TABLE.get((before, event), before)
        if there.standing is before:
            return
        if there.standing is Standing.SILENT:
            there.probe_at = now + PROBE
            self._note(logging.WARNING, f"{domain} does not answer: it counts as a refusal until it does")
            self._give_up(domain, now)
        elif there.standing is Standing.CATCHING_UP:
            self._note(logging.INFO, f"{domain} answers again: it is handed what is on control")
            self._hand_over(domain, now)

    def _give_up(self, domain: str, now: float) -> None:
        """Wait for nothing of a domain any longer."""
        given_up = [token for token, asked in self._asked.items() if asked.domain == domain]
        for token in given_up:
            question = self._asked.pop(token).question
            if question is not None:
                self._settle(question, question.fan_out.no_answer(domain), now)

    def _hand_over(self, domain: str, now: float) -> None:
        """Hand a domain all objects, and then what is being asked now: that may change them."""
        params = {"objects": list(self.objects.by_number.values()), "first": True, "last": True}
        self._asked[self._put(domain, Request("sync", params))] = _Asked(domain, None, now + PATIENCE)
        for question in self._questions.values():
            question.fan_out.ask_too(domain)
            self._ask(domain, question)

    def _ask(self, domain: str, question: _Question) -> None:
        token = self._put(domain, question.fan_out.request)
        self._asked[token] = _Asked(domain, question, question.deadline)

    def _put(self, domain: str, request: Request) -> int:
        token = next(self._numbers)
        self._effects.append(Ask(domain, token, request))
        return token

    # --- questions

    def _begin(self, question: _Question, now: float) -> None:
        """Ask the domains, all at once."""
        request = question.fan_out.request
        problem = self.objects.problem(request.params["object"]) if request.op == "add" else None
        if not self._domains:
            problem = Reply.refusal(NO_ANSWER, "there is no domain to ask")
        self._questions[question.number] = question
        if problem is not None:
            self._settle(question, problem, now)
            return
        question.deadline = now + self._timeout
        question.fan_out = FanOut(request, self._domains)
        for name, domain in self._domains.items():
            if domain.standing is not Standing.SILENT:
                self._ask(name, question)
        for name, domain in self._domains.items():
            if domain.standing is Standing.SILENT:
                self._settle(question, question.fan_out.no_answer(name), now)

    def _settle(self, question: _Question, reply: Reply | None, now: float) -> None:
        """The mediator is answered, once; others may still answer, and be missed."""
        if reply is None:
            return
        del self._questions[question.number]
        self._learn(question.fan_out.request, reply)
        self._effects.append(Answer(question.number, reply))
        waiting, self._waiting = self._waiting, []
        for other in waiting:
            earlier = (*self._questions.values(), *self._waiting)
            if any(one.before(other) for one in earlier):
                self._waiting.append(other)
            else:
                self._begin(other, now)

    def _learn(self, request: Request, reply: Reply) -> None:
        """What is on control now."""
        op, params = request.op, request.params
        if op == "remove" and (reply.ok or reply.code == NO_SUCH_OBJECT):
            self.objects.remove(params["object_number"])
        elif not reply.ok:
            return
        elif op == "add":
            self.objects.put(params["object"])
        elif op == "change":
            item = self.objects.by_number.get(params["object_number"])
            if item is not None:
                change = {"category": params["category"], "priority": params["priority"]}
                self.objects.put(item | change)
        elif op == "clear":
            self.objects.replace([])
        elif op == "sync":
            self.objects.replace(params["objects"])

    def _note(self, level: int, text: str) -> None:
        self._effects.append(Note(level, text))

    def _take(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects
