"""Names of counters, of limits and of what happens to a call, for people: those of the documents stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

from protocol.messages import BY_CODE, title_of
from sorm_mediator.language import Phrase, join
from sorm_mediator.switch.licence import PACKAGES

COUNTERS: Mapping[str, Phrase] = {
    "changes_refused_by_disk": Phrase("changes that the disk refused"),
    "commands": Phrase("commands"),
    "commands_refused": Phrase("commands refused"),
    "commands_held": Phrase("commands held until another one ended"),
    "commands_held_dropped": Phrase("held commands dropped"),
    "commands_never_taken": Phrase("waiting commands dropped"),
    "commands_overflowing": Phrase("commands beyond those that may wait"),
    "console_timeouts": Phrase("waits for the console that timed out"),
    "access_left_out": Phrase("messages 26h left out"),
    "calls_without_number": Phrase("reports of calls beyond the call numbers"),
    "reports_put_off": Phrase("call reports put off for a slow console"),
    "calls_expired": Phrase("calls without a report for too long"),
    "electronic_messages": Phrase("electronic messages"),
    "events": Phrase("events of calls"),
    "joins_failed": Phrase("calls that could not be joined"),
    "journal_left_out": Phrase("journal entries left out"),
    "lines_preempted": Phrase("KSL lines taken for an object of priority"),
    "matches_before_control": Phrase("reports of objects from before the control"),
    "matches_without_object": Phrase("reports that match no object"),
    "messages_again": Phrase("electronic messages that came again"),
    "messages_unknown_to_the_order": Phrase("electronic messages that the order has not"),
    "messages_while_stopped": Phrase("electronic messages while stopped"),
    "messages_without_object": Phrase("electronic messages of no object"),
    "reports_late": Phrase("late call reports"),
    "reports_old": Phrase("old call reports"),
    "reports_while_stopped": Phrase("call reports while stopped"),
    "reports_without_object": Phrase("call reports of no object"),
    "switch_events_unknown": Phrase("unknown events of the switch"),
    "syncs refused for room": Phrase("synchronizations refused for want of room"),
    "times_unknown": Phrase("call reports without a time"),
    "trunk_names_cut": Phrase("trunk names cut short"),
    "trunk_names_untold": Phrase("trunk names not told"),
    "undeliverable_replies": Phrase("replies that reached no console"),
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
    "calls not admitted": Phrase("calls not admitted"),
    "call records": Phrase("call detail records written"),
    "call records without a licence": Phrase("call detail records without a licence"),
    "call records lost": Phrase("call detail records lost"),
    "calls refused by the licence": Phrase("calls refused by the licence"),
    "messages": Phrase("messages", context="counter"),
    "objects refused by the licence": Phrase("objects refused by the licence"),
    "reports": Phrase("call reports"),
    "reports impossible": Phrase("call reports that could not be made"),
}
"""Counters of mediator and switch; others are shown by their names alone."""
CHANNEL_COUNTERS: Mapping[str, Phrase] = {
    "connections": Phrase("connections"),
    "refused": Phrase("refused connections"),
    "units_received": Phrase("units received"),
    "units_sent": Phrase("units sent"),
    "octets_received": Phrase("octets received"),
    "octets_sent": Phrase("octets sent"),
    "broken": Phrase("octets that are no command"),
    "noise_octets": Phrase("octets left out"),
    "deleted_units": Phrase("units given up"),
    "lost_units": Phrase("units lost"),
    "not_reading": Phrase("consoles that did not read"),
}
"""Counters of a data channel of the console."""
RADIUS_COUNTERS: Mapping[str, Phrase] = {
    "datagrams": Phrase("datagrams"),
    "reports": Phrase("call reports"),
    "messages": Phrase("electronic messages"),
    "other": Phrase("other requests"),
    "duplicates": Phrase("repeated requests"),
    "status": Phrase("status requests"),
    "unknown_client": Phrase("unknown clients"),
    "wrong_secret": Phrase("wrong secrets"),
    "wrong_message_authenticator": Phrase("wrong Message-Authenticator"),
    "no_message_authenticator": Phrase("no Message-Authenticator"),
    "wrong_code": Phrase("wrong codes"),
    "malformed short": Phrase("malformed: too short"),
    "malformed length": Phrase("malformed: length"),
    "malformed attributes": Phrase("malformed: attributes"),
    "malformed message-authenticator": Phrase("malformed: Message-Authenticator"),
    "not_taken": Phrase("not taken"),
    "handler_failed": Phrase("failures of the mediator"),
    "not_kept": Phrase("not kept"),
    "former_secret": Phrase("with the former secret"),
    "broken_reports": Phrase("broken reports"),
    "cut_reports": Phrase("reports cut short"),
    "replies": Phrase("replies"),
    "replies_lost": Phrase("replies that could not be sent"),
    "remembered": Phrase("remembered requests"),
}
"""Counters of the RADIUS sink."""
STREAM_COUNTERS: Mapping[str, Phrase] = {
    "blocks": Phrase("blocks"),
    "errored_blocks": Phrase("errored blocks (EB)"),
    "seconds": Phrase("seconds"),
    "errored_seconds": Phrase("errored seconds (ES)"),
    "severely_errored_seconds": Phrase("severely errored seconds (SES)"),
    "background_errors": Phrase("background block errors (BBE)"),
    "fas_errors": Phrase("errors of frame alignment (FAS)"),
    "crc_errors": Phrase("errors of CRC-4"),
    "slips": Phrase("slips of the buffer"),
    "alignment_losses": Phrase("losses of frame alignment"),
    "sent": Phrase("packets sent"),
    "received": Phrase("packets received"),
    "lost": Phrase("packets lost"),
    "late": Phrase("packets late"),
    "reordered": Phrase("packets reordered"),
    "malformed": Phrase("packets malformed"),
    "underruns": Phrase("times the buffer was empty"),
    "overruns": Phrase("times the buffer was full"),
    "pauses": Phrase("pauses of the other end"),
    "losses": Phrase("losses of packets (LOPS)"),
    "l_packets": Phrase("packets with L = 1"),
    "r_packets": Phrase("packets with R = 1"),
    "strangers": Phrase("packets or connections of strangers"),
    "unsent": Phrase("packets that could not be sent"),
    "opened": Phrase("times the port was opened"),
    "dropped": Phrase("frames dropped"),
    "connections": Phrase("connections"),
    "silent_dropped": Phrase("connections without a packet dropped"),
    "packets_received": Phrase("packets received"),
    "packets_sent": Phrase("packets sent"),
    "bit_errors": Phrase("inverted bits"),
    "line_slips": Phrase("slips of the line"),
}
"""Counters of a stream: G.826 at both ends, the framer's own, and those of its carrier."""
HDLC_COUNTERS: Mapping[str, Phrase] = {
    "good": Phrase("good frames"),
    "fcs_errors": Phrase("FCS errors"),
    "short": Phrase("too short"),
    "long": Phrase("too long"),
    "aborted": Phrase("aborted"),
    "unaligned": Phrase("not whole octets"),
    "octets": Phrase("octets"),
}
"""Counters of the frames of a data channel."""
ALARMS: Mapping[str, Phrase] = {
    "frmr-sent": Phrase("FRMR sent"),
    "interrupt": Phrase("interrupts not sent"),
    "link-down": Phrase("link down"),
    "modulo-mismatch": Phrase("the other end wants modulo 128"),
    "not-sent": Phrase("octets not sent"),
    "role-mismatch": Phrase("both ends have the same role"),
    "serial": Phrase("serial port"),
    "xot": Phrase("XOT"),
}
"""Kinds of complaints of a data channel."""
CIRCUITS: Mapping[str, Phrase] = {
    "no link": Phrase("no link"),
    "restarting": Phrase("restarting"),
    "ready": Phrase("ready"),
    "calling": Phrase("calling", context="X.25"),
    "data": Phrase("data transfer"),
    "resetting": Phrase("resetting"),
}
"""State of an X.25 circuit."""
LICENSED: Mapping[str, Phrase] = {
    "concurrent_calls": Phrase("Calls at a time"),
    "sorm_channels": Phrase("Mediators of domains"),
    "subscribers": Phrase("Subscribers"),
    "virtual_subscribers": Phrase("Virtual subscribers"),
    "dialer.channels": Phrase("Channels of the dialer"),
    "elph.members": Phrase("Registrations of Elph clients"),
    "addon.count": Phrase("Add-on conferences"),
    **{key: Phrase("Subscribers with {package}", package=key.removeprefix("package.")) for key in PACKAGES},
}
"""What a licence limits."""
SERVICES: Mapping[str, Phrase] = {
    "hold": Phrase("hold", context="service"),
    "end-of-hold": Phrase("end of the hold", context="service"),
    "consultation": Phrase("consultation call", context="service"),
    "3pty": Phrase("three-party call", context="service"),
    "transfer": Phrase("call transfer", context="service"),
    "pickup": Phrase("call pickup", context="service"),
    "waiting": Phrase("call waiting", context="service"),
}
"""Services that can be used in a call."""
RUNS: Mapping[str, Phrase] = {
    "replay": Phrase("Replay"),
    "acceptance": Phrase("Acceptance"),
    "conformance": Phrase("Conformance"),
    "stop": Phrase("Stop of the technical means"),
}
"""Kinds of runs."""
HAPPENED: Mapping[str, Phrase] = {
    "dialling": Phrase("dialling"),
    "ringing": Phrase("ringing"),
    "answer": Phrase("answered"),
    "busy": Phrase("busy"),
    "no-answer": Phrase("not answered"),
    "release": Phrase("released"),
    "not-admitted": Phrase("not admitted"),
    "routing-failed": Phrase("no way to the number"),
    "forwarding-failed": Phrase("no way to the forwarding number"),
    "service": Phrase("service", context="ladder"),
    "service-refused": Phrase("service refused"),
    "licence": Phrase("licence", context="ladder"),
    "waiting": Phrase("waiting", context="ladder"),
}
"""What happens to a call at the switch; others are shown by their names."""


NAMES: Mapping[str, Mapping[str, Phrase]] = {
    "counters": COUNTERS,
    "channel": CHANNEL_COUNTERS,
    "radius": RADIUS_COUNTERS,
    "stream": STREAM_COUNTERS,
    "hdlc": HDLC_COUNTERS,
    "alarms": ALARMS,
    "circuits": CIRCUITS,
    "licensed": LICENSED,
    "runs": RUNS,
    "services": SERVICES,
}
"""All captions by what they are of, for the templates."""


def caption_of(name: str, of: str = "counters") -> Phrase:
    """A counter, or another of :data:`NAMES`, for people; its name itself where there is no caption."""
    return NAMES[of].get(name, Phrase("{name}", name=name))


def limit(name: str) -> Phrase:
    """A limit of the order: ``27h`` is the message with its title, ``events`` the events of calls."""
    if name == "events":
        return Phrase("events of calls")
    code = int(name.removesuffix("h"), 16)
    return join(" ", [name, title_of(code)]) if code in BY_CODE else Phrase("{name}", name=name)
