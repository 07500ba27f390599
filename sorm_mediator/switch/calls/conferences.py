"""Add-on conferences (3pty) that go on, and the licence's limits of them.

A conference is a call with each call that 3pty has joined to it. Joining one more call to a call of a conference
adds a participant to that conference; a call that has a conference of its own brings it along. A conference ends with
its first call, or when no joined call is left.

The limits hold where the licence names them. A lower limit does not end a conference that goes on.

Source: ECSS-10 manual, Licence distribution: "conferences, limit", one licence for each active conference, and
"conference, member, limit", participants of one conference.
"""

from __future__ import annotations

from sorm_mediator.language import Phrase
from sorm_mediator.switch.calls.call import Call, CallRefused
from sorm_mediator.switch.node import Node

COUNT, MEMBERS = "addon.count", "addon.members"
"""Keys of the limits."""


class Conferences:
    """The add-on conferences of a switch."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._of: dict[str, list[str]] = {}
        """Call -> the calls of its conference, the first one in front."""

    @property
    def in_use(self) -> int:
        """Conferences that go on."""
        return len({calls[0] for calls in self._of.values()})

    def participants(self, call: Call) -> int:
        """Participants of the conference of a call; 0: the call is in none."""
        calls = self._of.get(call.id)
        return len(calls) + 1 if calls else 0

    def check(self, call: Call, third: Call | None, now: float) -> None:
        """Raises :class:`CallRefused` when the licence does not allow to join one more party to a call.

        third: the call to be joined, where it exists already.
        """
        calls = self._of.get(call.id)
        brought = None if third is None else self._of.get(third.id)
        if calls is not None and calls is brought:
            return
        active = self._node.licences.active(now)
        if calls is None and brought is None:
            limit = active.limits.most(COUNT)
            if limit is not None and self.in_use >= limit:
                told = Phrase(
                    "licence {number} allows {limit} add-on conferences (total count): {count} are in use; "
                    "wait until one ends, or add a licence",
                    number=active.number,
                    limit=limit,
                    count=self.in_use,
                )
                raise CallRefused("licence", told)
        limit, members = (
            active.limits.most(MEMBERS),
            (len(calls) if calls else 1) + (len(brought) if brought else 1) + 1,
        )
        if limit is not None and members > limit:
            told = Phrase(
                "licence {number} allows {limit} members of the one add-on conference, and {members} would be in it",
                number=active.number,
                limit=limit,
                members=members,
            )
            raise CallRefused("licence", told)

    def join(self, call: Call, third: Call) -> None:
        """Join a call to the conference of another call, which is the first where there is none."""
        calls = self._of.setdefault(call.id, [call.id])
        brought = self._of.get(third.id, [third.id])
        if brought is not calls:
            calls += brought
            self._of.update(dict.fromkeys(brought, calls))

    def ended(self, call: Call) -> None:
        """A call has ended, and leaves its conference."""
        calls = self._of.pop(call.id, [])
        first = calls[:1] == [call.id]
        if calls:
            calls.remove(call.id)
        if first or len(calls) == 1:
            for other in calls:
                del self._of[other]
