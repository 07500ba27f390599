"""Names of counters, of limits and of what happens to a call, for people: those of the documents stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

from protocol.messages import BY_CODE, title_of
from sorm_mediator.language import Phrase, join

COUNTERS: Mapping[str, Phrase] = {
    "commands": Phrase("commands"),
    "commands_refused": Phrase("commands refused"),
    "commands_held": Phrase("commands held until another one ended"),
    "commands_held_dropped": Phrase("held commands dropped"),
    "commands_never_taken": Phrase("waiting commands dropped"),
    "commands_overflowing": Phrase("commands beyond those that may wait"),
    "console_timeouts": Phrase("waits for the console that timed out"),
    "dropped_kpd1": Phrase("messages dropped, KPD1 down"),
    "dropped_kpd2": Phrase("events dropped, KPD2 down"),
    "outputs_abandoned": Phrase("outputs of tables given up"),
    "outputs_stuck": Phrase("outputs of tables that got stuck"),
    "second_sessions": Phrase("second sessions"),
    "switch_replies_late": Phrase("late replies of the switch"),
    "switch_requests_lost": Phrase("lost requests to the switch"),
    "switch_timeouts": Phrase("requests to the switch that timed out"),
    "switch_up": Phrase("times that the link to the switch came up"),
    "syncs": Phrase("synchronizations with the switch"),
    "syncs_failed": Phrase("failed synchronizations"),
    "test_timeouts": Phrase("missing commands 14"),
    "unauthorized": Phrase("refused accesses"),
    "units_with_problems": Phrase("units with problems"),
    "voice_connected": Phrase("KSL lines connected"),
    "voice_freed": Phrase("KSL lines freed"),
    "write_failures": Phrase("failures to write the state"),
    "calls": Phrase("calls", context="counter"),
    "calls refused by the licence": Phrase("calls refused by the licence"),
    "messages": Phrase("messages", context="counter"),
    "objects refused by the licence": Phrase("objects refused by the licence"),
    "reports": Phrase("call reports"),
    "reports impossible": Phrase("call reports that could not be made"),
}
"""Counters of mediator and switch; others are shown by their names alone."""
HAPPENED: Mapping[str, Phrase] = {
    "dialling": Phrase("dialling"),
    "ringing": Phrase("ringing"),
    "answer": Phrase("answered"),
    "busy": Phrase("busy"),
    "no-answer": Phrase("not answered"),
    "release": Phrase("released"),
    "service": Phrase("service", context="ladder"),
    "service-refused": Phrase("service refused"),
    "licence": Phrase("licence", context="ladder"),
}
"""What happens to a call at the switch; others are shown by their names."""


def caption_of(name: str) -> Phrase:
    """A counter for people; its name itself where there is no caption."""
    return COUNTERS.get(name, Phrase("{name}", name=name))


def limit(name: str) -> Phrase:
    """A limit of the order: ``27h`` is the message with its title, ``events`` the events of calls."""
    if name == "events":
        return Phrase("events of calls")
    code = int(name.removesuffix("h"), 16)
    return join(" ", [name, title_of(code)]) if code in BY_CODE else Phrase("{name}", name=name)
