"""One request to many domains at once: the reply to the mediator, and its time. Sans-IO.

One positive answer makes the reply positive and is passed on at once. If all answers are negative, so is the reply,
with the most specific code (:data:`SPECIFICITY`). Lists are the exception: those of all domains are merged
(:data:`MERGED`). The whole of it is :data:`FANOUT_TABLE`.

Source: ECSS-10 manual, MultiSORM; which code is the most specific is our choice, since the manual does not state it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ssh_control.codes import NOT_EXECUTED, ExtendedError
from ssh_control.dialect import Reply, Request
from ssh_control.messages import LINE_UNKNOWN


class Specificity(IntEnum):
    """How specific a negative answer is, the least specific first."""

    NOT_HERE = 0
    """This domain has no such number, object or trunk; another one may have it."""
    NO_ANSWER = 1
    """The domain did not answer: it may have it."""
    REQUEST_WRONG = 2
    """The request itself can't be carried out; every domain answers so."""
    UNSUITABLE = 3
    """The domain has the number, and the request does not suit it."""
    ON_CONTROL = 4
    """The domain has the object, and that stands in the way."""


SPECIFICITY: Final[Mapping[int, Specificity]] = MappingProxyType(
    {
        ExtendedError.TRUNK_GROUP_NOT_DEFINED: Specificity.NOT_HERE,
        ExtendedError.WRONG_OBJECT_NUMBER: Specificity.NOT_HERE,
        ExtendedError.NUMBER_NOT_FOUND: Specificity.NOT_HERE,
        ExtendedError.NO_SUCH_TRUNK: Specificity.NOT_HERE,
        ExtendedError.NEITHER_NUMBER_NOR_DIRECTION: Specificity.NOT_HERE,
        ExtendedError.NUMBER_NOT_LOCAL: Specificity.NOT_HERE,
        ExtendedError.LOCAL_SIGN_OF_OTHER_NUMBER: Specificity.NOT_HERE,
        NOT_EXECUTED: Specificity.NO_ANSWER,
        ExtendedError.WRONG_TYPE_FOR_LOCAL_NUMBER: Specificity.UNSUITABLE,
        ExtendedError.SERVICES_NOT_SET: Specificity.UNSUITABLE,
        ExtendedError.OBJECT_TABLE_FULL: Specificity.ON_CONTROL,
        ExtendedError.OBJECT_ALREADY_DEFINED: Specificity.ON_CONTROL,
        ExtendedError.NUMBER_ALREADY_DEFINED: Specificity.ON_CONTROL,
        ExtendedError.OBJECT_DOES_NOT_SUIT_COMMAND: Specificity.ON_CONTROL,
        ExtendedError.TRUNK_ALREADY_CONTROLLED: Specificity.ON_CONTROL,
    }
)
"""By code. A code that is not here states that the request itself is wrong."""


def most_specific(refusals: Sequence[Reply]) -> Reply:
    """The most specific refusal; of several alike the first one, that is of the first domain."""
    return max(refusals, key=lambda reply: SPECIFICITY.get(reply.code or 0, Specificity.REQUEST_WRONG))


class FanOutRule(Enum):
    """How the answers of the domains become one reply."""

    FIRST = "first"
    ALL = "all"


class FanOutState(Enum):
    """State of a question."""

    OPEN = "open"
    PASSED_ON = "passed on"
    CLOSED = "closed"


class FanOutInput(Enum):
    """A domain's answer: positive or negative, and whether it is the last one that is waited for."""

    YES = "yes"
    NO = "no"
    LAST_YES = "last yes"
    LAST_NO = "last no"


class FanOutAction(Enum):
    """The reply to the mediator now."""

    THIS = "this answer"
    MOST_SPECIFIC = "most specific refusal"
    MERGED = "all together"


class FanOutMove(NamedTuple):
    """What an answer leads to."""

    next: FanOutState
    actions: tuple[FanOutAction, ...] = ()


FANOUT_TABLE: Final[Mapping[tuple[FanOutRule, FanOutState, FanOutInput], FanOutMove]] = MappingProxyType(
    {
        (FanOutRule.FIRST, FanOutState.OPEN, FanOutInput.YES): FanOutMove(
            FanOutState.PASSED_ON, (FanOutAction.THIS,)
        ),
        (FanOutRule.FIRST, FanOutState.OPEN, FanOutInput.NO): FanOutMove(FanOutState.OPEN),
        (FanOutRule.FIRST, FanOutState.OPEN, FanOutInput.LAST_YES): FanOutMove(
            FanOutState.CLOSED, (FanOutAction.THIS,)
        ),
        (FanOutRule.FIRST, FanOutState.OPEN, FanOutInput.LAST_NO): FanOutMove(
            FanOutState.CLOSED, (FanOutAction.MOST_SPECIFIC,)
        ),
        (FanOutRule.FIRST, FanOutState.PASSED_ON, FanOutInput.YES): FanOutMove(FanOutState.PASSED_ON),
        (FanOutRule.FIRST, FanOutState.PASSED_ON, FanOutInput.NO): FanOutMove(FanOutState.PASSED_ON),
        (FanOutRule.FIRST, FanOutState.PASSED_ON, FanOutInput.LAST_YES): FanOutMove(FanOutState.CLOSED),
        (FanOutRule.FIRST, FanOutState.PASSED_ON, FanOutInput.LAST_NO): FanOutMove(FanOutState.CLOSED),
        (FanOutRule.ALL, FanOutState.OPEN, FanOutInput.YES): FanOutMove(FanOutState.OPEN),
        (FanOutRule.ALL, FanOutState.OPEN, FanOutInput.NO): FanOutMove(FanOutState.OPEN),
        (FanOutRule.ALL, FanOutState.OPEN, FanOutInput.LAST_YES): FanOutMove(
            FanOutState.CLOSED, (FanOutAction.MERGED,)
        ),
        (FanOutRule.ALL, FanOutState.OPEN, FanOutInput.LAST_NO): FanOutMove(
            FanOutState.CLOSED, (FanOutAction.MERGED,)
        ),
    }
)
"""Under the rule ``all`` a question stays open until the last answer; a closed question gets none."""


class FanOut:
    """One request, and the answers of its domains so far. ``domains``: in the order that decides ties."""

    def __init__(self, request: Request, domains: Iterable[str]) -> None:
        self.request = request
        self.state = FanOutState.OPEN
        self._rule = FanOutRule.ALL if request.op in MERGED else FanOutRule.FIRST
        self._answers: dict[str, Reply | None] = dict.fromkeys(domains)
        self._left = len(self._answers)

    def ask_too(self, domain: str) -> None:
        """Wait for one more domain, or again for one that has been given up. Only while the question is open."""
        assert self.state is FanOutState.OPEN
        if domain not in self._answers or self._answers[domain] is not None:
            self._left += 1
        self._answers[domain] = None

    def answered(self, domain: str, reply: Reply) -> Reply | None:
        """Take a domain's answer. Returns the reply to the mediator, once; ``None``: none (any more)."""
        if domain not in self._answers or self._answers[domain] is not None:
            return None
        self._answers[domain] = reply
        self._left -= 1
        if self._left:
            cause = FanOutInput.YES if reply.ok else FanOutInput.NO
        else:
            cause = FanOutInput.LAST_YES if reply.ok else FanOutInput.LAST_NO
        self.state, actions = FANOUT_TABLE[self._rule, self.state, cause]
        if not actions:
            return None
        (action,) = actions
        return reply if action is FanOutAction.THIS else self._sum_up(action)

    def no_answer(self, domain: str) -> Reply | None:
        """Stop waiting for a domain. Returns as :meth:`answered`."""
        return self.answered(domain, Reply.refusal(NOT_EXECUTED, f"{domain} does not answer"))

    def _sum_up(self, action: FanOutAction) -> Reply:
        answers = [answer for answer in self._answers.values() if answer is not None]
        if action is FanOutAction.MERGED and any(answer.ok for answer in answers):
            return Reply(True, MERGED[self.request.op](answers))
        refusal = most_specific(answers)
        others = len(answers) - 1
        # Without the count, "X is no subscriber of a" suggests that b has it.
        text = f"{refusal.text} (refused by {others} more)" if others else refusal.text
        return Reply(False, {}, refusal.code, text)


def _trunks(answers: Sequence[Reply]) -> dict[str, Any]:
    """The trunks of all domains, each once, by number."""
    found = {
        (trunk["trunk"], trunk["name"]): trunk
        for answer in answers
        if answer.ok
        for trunk in answer.data["trunks"]
    }
    return {"trunks": [found[key] for key in sorted(found)]}


def _sync(answers: Sequence[Reply]) -> dict[str, Any]:
    """The line states that any domain has; refused is what every domain refuses. A silent domain refuses nothing."""
    states: dict[str, int] = {}
    refused: list[dict[int, Reply]] = []
    for answer in answers:
        for number, state in answer.data.get("line_states", {}).items():
            if states.get(number, LINE_UNKNOWN) == LINE_UNKNOWN:
                states[number] = state
        codes = {
            entry["object_number"]: Reply.refusal(entry["code"], "")
            for entry in answer.data.get("refused", ())
        }
        refused.append(codes)
    by_all = [
        {"object_number": number, "code": most_specific([codes[number] for codes in refused]).code}
        for number in refused[0]
        if all(number in codes for codes in refused)
    ]
    return {"line_states": states, "refused": by_all}


MERGED: Final[Mapping[str, Callable[[Sequence[Reply]], dict[str, Any]]]] = MappingProxyType(
    {"trunks": _trunks, "sync": _sync}
)
"""Operations whose positive answers are merged."""
