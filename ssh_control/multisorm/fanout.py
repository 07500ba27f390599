"""One request to many domains at once: the reply to the mediator, and its time. Sans-IO.

The first positive answer is the reply, at once. If all answers are negative, the reply is the one with the most
specific code (:data:`SPECIFICITY`). The lists of all domains are merged (:data:`MERGED`). See :data:`FANOUT_TABLE`.

Source: ECSS-10 manual, MultiSORM. The manual does not state which code is the most specific: the order is our choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, IntEnum
from typing import Any, Final

from ssh_control.codes import NOT_EXECUTED, ExtendedError
from ssh_control.dialect import Reply, Request
from ssh_control.messages import LINE_UNKNOWN
from ssh_control.moves import Move


class Specificity(IntEnum):
    """How specific a negative answer is, the least specific first."""

    NOT_HERE = 0
    """The domain has no such number, object or trunk; another one may have it."""
    NO_ANSWER = 1
    """The domain did not answer: it may have it."""
    REQUEST_WRONG = 2
    """The request itself is wrong; every domain answers so."""
    UNSUITABLE = 3
    """The domain has the number, and the request does not suit it."""
    ON_CONTROL = 4
    """The domain has the object already."""


SPECIFICITY: Final[Mapping[int, Specificity]] = {
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
"""By code. Any other code states that the request itself is wrong."""


def most_specific(refusals: Sequence[Reply]) -> Reply:
    """The most specific refusal; of equal ones that of the first domain."""
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
    """A domain's answer: positive or negative, and whether it is the last one."""

    YES = "yes"
    NO = "no"
    LAST_YES = "last yes"
    LAST_NO = "last no"


class FanOutAction(Enum):
    """The reply to the mediator now."""

    THIS = "this answer"
    MOST_SPECIFIC = "most specific refusal"
    MERGED = "all together"


_OPEN: Final[Move[FanOutState, FanOutAction]] = Move(FanOutState.OPEN)
_PASSED_ON: Final[Move[FanOutState, FanOutAction]] = Move(FanOutState.PASSED_ON)
_MERGED: Final = Move(FanOutState.CLOSED, (FanOutAction.MERGED,))
_THIS, _MOST_SPECIFIC = (FanOutAction.THIS,), (FanOutAction.MOST_SPECIFIC,)

FANOUT_TABLE: Final[Mapping[tuple[FanOutRule, FanOutState, FanOutInput], Move[FanOutState, FanOutAction]]] = {
    (FanOutRule.FIRST, FanOutState.OPEN, FanOutInput.YES): Move(FanOutState.PASSED_ON, _THIS),
    (FanOutRule.FIRST, FanOutState.OPEN, FanOutInput.NO): _OPEN,
    (FanOutRule.FIRST, FanOutState.OPEN, FanOutInput.LAST_YES): Move(FanOutState.CLOSED, _THIS),
    (FanOutRule.FIRST, FanOutState.OPEN, FanOutInput.LAST_NO): Move(FanOutState.CLOSED, _MOST_SPECIFIC),
    (FanOutRule.FIRST, FanOutState.PASSED_ON, FanOutInput.YES): _PASSED_ON,
    (FanOutRule.FIRST, FanOutState.PASSED_ON, FanOutInput.NO): _PASSED_ON,
    (FanOutRule.FIRST, FanOutState.PASSED_ON, FanOutInput.LAST_YES): Move(FanOutState.CLOSED),
    (FanOutRule.FIRST, FanOutState.PASSED_ON, FanOutInput.LAST_NO): Move(FanOutState.CLOSED),
    (FanOutRule.ALL, FanOutState.OPEN, FanOutInput.YES): _OPEN,
    (FanOutRule.ALL, FanOutState.OPEN, FanOutInput.NO): _OPEN,
    (FanOutRule.ALL, FanOutState.OPEN, FanOutInput.LAST_YES): _MERGED,
    (FanOutRule.ALL, FanOutState.OPEN, FanOutInput.LAST_NO): _MERGED,
}
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
        """Wait for one more domain, or again for one that was given up. The question must be open."""
        assert self.state is FanOutState.OPEN
        if domain not in self._answers or self._answers[domain] is not None:
            self._left += 1
        self._answers[domain] = None

    def answered(self, domain: str, reply: Reply) -> Reply | None:
        """Take a domain's answer. Returns the reply to the mediator, once, and otherwise ``None``."""
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
        # Without the count "X is not a subscriber of a" suggests that b has it.
        text = f"{refusal.text} (refused by {others} more)" if others else refusal.text
        return Reply(False, {}, refusal.code, text)


def _trunks(answers: Sequence[Reply]) -> dict[str, Any]:
    """The trunks of all domains, each once, by number."""
    lists = (answer.data["trunks"] for answer in answers if answer.ok)
    found = {(trunk["trunk"], trunk["name"]): trunk for trunks in lists for trunk in trunks}
    return {"trunks": [found[key] for key in sorted(found)]}


def _sync(answers: Sequence[Reply]) -> dict[str, Any]:
    """The line states of all domains, and the objects that every domain refuses. A silent domain refuses nothing."""
    states: dict[str, int] = {}
    refused: list[dict[int, Reply]] = []
    for answer in answers:
        for number, state in answer.data.get("line_states", {}).items():
            if states.get(number, LINE_UNKNOWN) == LINE_UNKNOWN:
                states[number] = state
        entries = answer.data.get("refused", ())
        refused.append({entry["object_number"]: Reply.refusal(entry["code"], "") for entry in entries})
    by_all = [
        {"object_number": number, "code": most_specific([codes[number] for codes in refused]).code}
        for number in refused[0]
        if all(number in codes for codes in refused)
    ]
    return {"line_states": states, "refused": by_all}


MERGED: Final[Mapping[str, Callable[[Sequence[Reply]], dict[str, Any]]]] = {"trunks": _trunks, "sync": _sync}
"""Operations with merged positive answers."""
