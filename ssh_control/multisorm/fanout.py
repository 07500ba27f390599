"""One request asked of many domains at once: what the mediator is answered, and when. Sans-IO.

One positive answer makes it positive and is passed on at once; if all are negative, so is the answer, with the most
specific code (:data:`SPECIFICITY`). Lists are the exception: those of all domains are put together (:data:`MERGED`).

Source: ECSS-10 manual, MultiSORM; which code says most is our choice, since the manual does not say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any, Final

from ssh_control.dialect import Reply, Request

NO_ANSWER: Final = 0x01
"""Code of a domain that did not answer in time: "not executed" (order 268, 9.8), as the console is told of a switch
that is silent altogether. No extended error code means it."""
LINE_UNKNOWN: Final = 0xFF
"""State of a line that a domain knows nothing of (order 268, 9.3.6.4)."""


class Says(IntEnum):
    """What a negative answer says of the matter, the least first."""

    NOT_HERE = 0
    """This domain has no such number, object or trunk; another one may have it."""
    NOTHING = 1
    """It did not answer: it may have it."""
    REQUEST_WRONG = 2
    """The request itself can't be carried out; every domain says so."""
    KNOWN_HERE = 3
    """It has the number, and what was asked does not suit it."""
    ON_CONTROL = 4
    """It has the object, and that stands in the way."""


SPECIFICITY: Final[Mapping[int, Says]] = MappingProxyType(
    {
        0x25: Says.NOT_HERE,  # trunk group not defined
        0x34: Says.NOT_HERE,  # wrong object number
        0x35: Says.NOT_HERE,  # number not found
        0x49: Says.NOT_HERE,  # no trunk with that number
        0x53: Says.NOT_HERE,  # neither number nor direction found
        0x54: Says.NOT_HERE,  # the subscriber number is not local
        0x57: Says.NOT_HERE,  # the local sign cannot be used, the number is not local
        NO_ANSWER: Says.NOTHING,
        0x56: Says.KNOWN_HERE,  # wrong object type for a local number
        0x61: Says.KNOWN_HERE,  # services not set
        0x31: Says.ON_CONTROL,  # object table full
        0x33: Says.ON_CONTROL,  # object already defined
        0x36: Says.ON_CONTROL,  # number already defined
        0x37: Says.ON_CONTROL,  # object number does not suit the command
        0x4A: Says.ON_CONTROL,  # that trunk is already controlled
    }
)
"""Extended error codes (Eltex SMG1016M manual, Extended error codes); what is not here is about the request itself."""


def says(reply: Reply) -> Says:
    """What a refusal says."""
    return SPECIFICITY.get(-1 if reply.code is None else reply.code, Says.REQUEST_WRONG)


def most_specific(refusals: Sequence[Reply]) -> Reply:
    """The one that says most; of several the first, that is of the first domain."""
    return max(refusals, key=says)


class Manner(Enum):
    """How the answers of the domains become one."""

    FIRST = "first"
    ALL = "all"


class Phase(Enum):
    """How far a question is."""

    OPEN = "open"
    PASSED_ON = "passed on"
    CLOSED = "closed"


class Heard(Enum):
    """What a domain's answer is to a question, or what stands for it after the bound."""

    YES = "yes"
    NO = "no"
    LAST_YES = "last yes"
    LAST_NO = "last no"


_HEARD: Final = MappingProxyType(
    {
        (True, False): Heard.YES,
        (False, False): Heard.NO,
        (True, True): Heard.LAST_YES,
        (False, True): Heard.LAST_NO,
    }
)
"""Positive, last -> input."""


class Verdict(Enum):
    """What is answered now."""

    NOTHING = ""
    THIS = "this answer"
    MOST_SPECIFIC = "most specific refusal"
    MERGED = "all together"


FANOUT_TABLE: Final[Mapping[tuple[Manner, Phase, Heard], tuple[Phase, Verdict]]] = MappingProxyType(
    {
        (Manner.FIRST, Phase.OPEN, Heard.YES): (Phase.PASSED_ON, Verdict.THIS),
        (Manner.FIRST, Phase.OPEN, Heard.NO): (Phase.OPEN, Verdict.NOTHING),
        (Manner.FIRST, Phase.OPEN, Heard.LAST_YES): (Phase.CLOSED, Verdict.THIS),
        (Manner.FIRST, Phase.OPEN, Heard.LAST_NO): (Phase.CLOSED, Verdict.MOST_SPECIFIC),
        (Manner.FIRST, Phase.PASSED_ON, Heard.YES): (Phase.PASSED_ON, Verdict.NOTHING),
        (Manner.FIRST, Phase.PASSED_ON, Heard.NO): (Phase.PASSED_ON, Verdict.NOTHING),
        (Manner.FIRST, Phase.PASSED_ON, Heard.LAST_YES): (Phase.CLOSED, Verdict.NOTHING),
        (Manner.FIRST, Phase.PASSED_ON, Heard.LAST_NO): (Phase.CLOSED, Verdict.NOTHING),
        (Manner.ALL, Phase.OPEN, Heard.YES): (Phase.OPEN, Verdict.NOTHING),
        (Manner.ALL, Phase.OPEN, Heard.NO): (Phase.OPEN, Verdict.NOTHING),
        (Manner.ALL, Phase.OPEN, Heard.LAST_YES): (Phase.CLOSED, Verdict.MERGED),
        (Manner.ALL, Phase.OPEN, Heard.LAST_NO): (Phase.CLOSED, Verdict.MERGED),
    }
)
"""``last``: nobody else is waited for."""


def arrows() -> str:
    """The table as one line a transition, for the documentation."""
    return "\n".join(
        f"{manner.value}: {now.value} --{cause.value}--> {then.value}"
        + (f" / {verdict.value}" if verdict.value else "")
        for (manner, now, cause), (then, verdict) in FANOUT_TABLE.items()
    )


class FanOut:
    """One request, and what its domains have answered so far. ``domains``: in the order that decides ties."""

    def __init__(self, request: Request, domains: Iterable[str]) -> None:
        self.request = request
        self.phase = Phase.OPEN
        self._manner = Manner.ALL if request.op in MERGED else Manner.FIRST
        self._answers: dict[str, Reply | None] = dict.fromkeys(domains)
        self._left = len(self._answers)

    def ask_too(self, domain: str) -> None:
        """Wait for one domain more, or once more for one that has been given up. To be used while it is open."""
        assert self.phase is Phase.OPEN
        if domain not in self._answers or self._answers[domain] is not None:
            self._left += 1
        self._answers[domain] = None

    def heard(self, domain: str, reply: Reply) -> Reply | None:
        """A domain has answered. What the mediator is to be answered now, once; ``None``: nothing (more)."""
        if domain not in self._answers or self._answers[domain] is not None:
            return None
        self._answers[domain] = reply
        self._left -= 1
        heard = _HEARD[reply.ok, not self._left]
        self.phase, verdict = FANOUT_TABLE[self._manner, self.phase, heard]
        return self._say(verdict, reply)

    def no_answer(self, domain: str) -> Reply | None:
        """A domain is not waited for any longer. As :meth:`heard`."""
        return self.heard(domain, Reply.refusal(NO_ANSWER, f"{domain} does not answer"))

    def _say(self, verdict: Verdict, reply: Reply) -> Reply | None:
        if verdict is Verdict.NOTHING:
            return None
        if verdict is Verdict.THIS:
            return reply
        answers = [answer for answer in self._answers.values() if answer is not None]
        if verdict is Verdict.MERGED and any(answer.ok for answer in answers):
            return Reply(True, MERGED[self.request.op](answers))
        refusal = most_specific(answers)
        others = len(answers) - 1
        # "X is no subscriber of a" alone would make one look for it in b.
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
    """The line states that somebody knows; refused is what everybody refuses, a silent domain refuses nothing."""
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
"""Operations whose positive answers are put together."""
