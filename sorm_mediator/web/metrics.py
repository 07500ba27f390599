"""``GET /metrics`` for Prometheus, from the counters that the boxes keep anyway: nothing is counted twice.

:func:`documents` is what the boxes and the web server say of themselves. A :class:`Shown` declares a metric: its name,
its kind, its text, and where its values stand there. A place is a path; ``{label}`` in it is any key, and the label has
that key. docs/metrics.md is made of these declarations, and a test holds that each number has one.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from starlette.datastructures import State

from e1.g704.alarms import StreamState
from protocol import CommandExecuted, CommandReceived
from protocol.messages import BY_CODE
from sorm_mediator import __version__
from sorm_mediator.mediator.binding.latency import BOUNDS
from sorm_mediator.mediator.binding.status import ksl_rows
from sorm_mediator.switch.smart.modes import ClientState, Mode
from ssh_control.client import LinkState

if TYPE_CHECKING:
    from sorm_mediator.mediator.binding.gateway import Gateway
    from sorm_mediator.switch.box import SwitchBox

Kind = Literal["counter", "gauge", "summary", "histogram"]
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """A metric. A value that is a text is shown as 1 for the state that it names and 0 for the other ``states``; None
    is infinity, true is 1."""

    name: str
    """Of a counter without ``_total``."""
    kind: Kind
    text: str
    place: str
    """Where it is in the documents; of a summary and a histogram, an object with ``total``, and ``answers`` or
    ``counts``."""
    states: tuple[str, ...] = ()
    scale: float = 1
    """The unit of the value in that of the metric."""
    revealing: bool = False
    """It tells how many calls are intercepted, so a switch that has no mediator beside it does not show it (order 268,
    rule 6)."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its labels."""
        places = tuple(part[1:-1] for part in self.place.split(".") if part.startswith("{"))
        return (*places, "state") if self.states else places

    @property
    def sample(self) -> str:
        """The name as Prometheus has it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


STREAM_STATES = tuple(str(state) for state in StreamState)
LINK_STATES = tuple(state.value for state in LinkState)

SHOWN: tuple[Shown, ...] = (
    # The mediator
    Shown("sorm_started", "gauge", "1 after command 1, 0 after command 2", "mediator.started"),
    Shown("sorm_serving", "gauge", "0 when the gateway has stopped because of an error of its own", "mediator.serving"),
    Shown("sorm_uptime_seconds", "gauge", "Since the gateway was started", "mediator.uptime"),
    Shown("sorm_objects", "gauge", "Objects under control", "mediator.objects"),
    Shown("sorm_ksl_groups", "gauge", "KSL groups", "mediator.ksl_groups"),
    Shown("sorm_ksl", "gauge", "KSL that belong to groups", "mediator.ksl"),
    Shown("sorm_lines_in_use", "gauge", "Lines of KSL groups that a call has", "mediator.lines_in_use"),
    Shown("sorm_lines", "gauge", "Lines of KSL groups by state: free, in-use, faulty", "mediator.lines.{state}"),
    Shown("sorm_calls", "gauge", "Calls in progress that touch objects", "mediator.calls"),
    Shown("sorm_commands", "counter", "Answers to commands: command, 27h or 28h, and its status",
          "mediator.commands.{command}.{answer}.{status}"),
    Shown("sorm_messages_sent", "counter", "Messages (KPD1) and events (KPD2) sent to the console",
          "mediator.sent.{message}"),
    Shown("sorm_mediator", "counter", "What the mediator counted besides", "mediator.counters.{what}"),
    Shown("sorm_answer_seconds", "summary", "From a command to its answer, and from an event to its message",
          "mediator.limits.{message}"),
    Shown("sorm_answers_late", "counter", "Answers after their limit", "mediator.limits.{message}.late"),
    Shown("sorm_answer_limit_seconds", "gauge", "The limit", "mediator.limits.{message}.limit_ms", scale=0.001),
    Shown("sorm_answer_longest_seconds", "gauge", "The slowest answer since the start",
          "mediator.limits.{message}.longest"),
    Shown("sorm_journal_entries", "counter", "Entries of the audit journal", "mediator.journal.entries"),
    Shown("sorm_journal_seal_errors", "counter", "Seals of the journal that could not be written",
          "mediator.journal.seal_errors"),
    Shown("sorm_disk_seconds", "histogram", "Writing the tables and the journal, while all else waits",
          "mediator.disk.{what}"),
    Shown("sorm_queue_waiting", "gauge", "What waits in a queue of the mediator (docs/limits.md lists them)",
          "mediator.queues.{queue}.waiting"),
    Shown("sorm_queue_oldest_seconds", "gauge",
          "How long the one in front waits; of a channel's unsent: since the console took something",
          "mediator.queues.{queue}.oldest"),
    Shown("sorm_queue_limit", "gauge", "What may wait; +Inf: what is before it bounds it",
          "mediator.queues.{queue}.most"),
    Shown("sorm_queue_dropped", "counter", "What was dropped, by reason", "mediator.queues.{queue}.dropped.{reason}"),
    Shown("sorm_radius_longest_wait_seconds", "gauge",
          "The longest that a datagram waited in the kernel, as far as it was seen",
          "mediator.radius.longest_wait"),
    # The consoles' channels
    Shown("sorm_channel_up", "gauge", "1: a console is connected", "mediator.channels.{channel}.up"),
    Shown("sorm_channel", "counter", "What crossed a channel", "mediator.channels.{channel}.counters.{what}"),
    # The mediator's link to the switch
    Shown("sorm_switch_up", "gauge", "1: the SSH link to the switch is up", "mediator.switch.up"),
    Shown("sorm_switch_link", "gauge", "State of the SSH link", "mediator.switch.state", LINK_STATES),
    Shown("sorm_switch_outstanding", "gauge", "Requests without a reply so far", "mediator.switch.outstanding"),
    Shown("sorm_switch", "counter", "The SSH link to the switch", "mediator.switch.counters.{what}"),
    Shown("sorm_switch_request_seconds", "histogram", "From a request to the switch to its reply",
          "mediator.latencies.{op}"),
    # Call reports and speech at the mediator
    Shown("sorm_radius", "counter", "Datagrams at the RADIUS sink: reports received, doubled, refused",
          "mediator.radius.counters.{what}"),
    Shown("sorm_radius_remembered", "gauge", "Answers that are kept for doubled datagrams",
          "mediator.radius.counters.remembered"),
    Shown("sorm_radius_malformed", "counter", "Malformed datagrams at the RADIUS sink",
          "mediator.radius.counters.malformed.{what}"),
    Shown("sorm_speech", "counter", "RTP at the mediator", "mediator.speech.counters.{what}"),
    Shown("sorm_speech_source", "counter", "Jitter buffers of the RTP sources", "mediator.speech.sources.{what}"),
    # Faults made on purpose
    Shown("sorm_faults", "counter", "What faults of the links have done: faults begun, units touched, dropped, delayed",
          "faults.did.{link}.{action}.{what}"),
    Shown("sorm_faults_active", "gauge", "Faults that are active now", "faults.active"),
    # E1 streams
    Shown("sorm_stream_state", "gauge", "State of an E1 stream as received", "streams.{stream}.state",
          STREAM_STATES),
    Shown("sorm_stream_submodule", "gauge", "M4E1 submodule of an E1 stream", "streams.{stream}.submodule"),
    Shown("sorm_stream", "counter", "G.826 (far_: as the far end tells), framing, slips, and the line (SAToP)",
          "streams.{stream}.counters.{what}"),
    Shown("sorm_stream_alarms", "counter", "What the data channels complained of",
          "streams.{stream}.alarms.{alarm}"),
    Shown("sorm_stream_channel_up", "gauge", "1: messages can cross the data channel",
          "streams.{stream}.channels.{channel}.up"),
    Shown("sorm_stream_channel_stopped", "gauge", "1: the console is asked to send nothing",
          "streams.{stream}.channels.{channel}.stopped"),
    Shown("sorm_stream_channel_waiting", "gauge", "Messages that the console has not acknowledged",
          "streams.{stream}.channels.{channel}.waiting"),
    Shown("sorm_hdlc", "counter", "HDLC frames received, good and bad",
          "streams.{stream}.channels.{channel}.hdlc.{what}"),
    Shown("sorm_lapb", "counter", "LAPB frames, those sent again, resets, T1",
          "streams.{stream}.channels.{channel}.lapb.{what}"),
    Shown("sorm_x25", "counter", "X.25 restarts, resets, clears, calls",
          "streams.{stream}.channels.{channel}.x25.{what}"),
    # The switch
    Shown("sorm_switch_calls", "gauge", "Calls in progress by state, on control or not", "switch.states.{state}"),
    Shown("sorm_switch_calls_released", "counter", "Calls that ended, by cause of release (order 268, 11.3.5)",
          "switch.outcomes.{cause}"),
    Shown("sorm_switch_counted", "counter", "What the switch counted", "switch.counters.{what}"),
    Shown("sorm_switch_reports", "counter", "Call reports handed to the outboxes", "switch.reports",
          revealing=True),
    Shown("sorm_switch_ssh", "counter", "Log-ins and sessions", "switch.ssh.{what}"),
    Shown("sorm_switch_multisorm_ssh", "counter", "The same on the MultiSORM port", "switch.multisorm_ssh.{what}"),
    Shown("sorm_switch_ssh_connections", "gauge",
          "Connections of an SSH port: logging_in, logged_in; unsent_octets: those that wait for the mediator that is "
          "furthest behind with reading", "switch.ssh_connections.{port}.{what}"),
    Shown("sorm_switch_sessions", "gauge", "Connections of a mediator to a domain", "switch.sessions.{session}"),
    Shown("sorm_switch_speech", "counter", "RTP of the switch", "switch.speech.{what}", revealing=True),
    Shown("sorm_outbox", "counter", "Call reports on their way to a RADIUS server, repeated ones too",
          "switch.outboxes.{server}.counters.{what}", revealing=True),
    Shown("sorm_outbox_waiting", "gauge", "Call reports that have not been sent yet",
          "switch.outboxes.{server}.waiting", revealing=True),
    Shown("sorm_outbox_oldest_seconds", "gauge", "How long the call report in front waits to be sent",
          "switch.outboxes.{server}.oldest", revealing=True),
    Shown("sorm_outbox_limit", "gauge", "Call reports that may wait", "switch.outboxes.{server}.limit",
          revealing=True),
    Shown("sorm_outbox_outstanding", "gauge", "Call reports sent and not answered",
          "switch.outboxes.{server}.outstanding", revealing=True),
    Shown("sorm_radius_server_answers", "gauge", "0: the RADIUS server has left reports without an answer for 3 s",
          "switch.outboxes.{server}.answers"),
    Shown("sorm_licence", "gauge", "Number of the licence that holds", "switch.licence.number"),
    Shown("sorm_licence_sorm_enabled", "gauge", "1: the licence has SORM", "switch.licence.sorm_enabled"),
    Shown("sorm_licence_expires_timestamp_seconds", "gauge", "When the licence ends; +Inf: never",
          "switch.licence.expires"),
    Shown("sorm_licence_conversation_seconds", "gauge", "The longest conversation of the licence",
          "switch.licence.max_conversation_time"),
    Shown("sorm_licence_in_use", "gauge", "What is in use of a limit", "switch.licence.units.{limit}.in_use"),
    Shown("sorm_licence_limit", "gauge", "Limits of the licence that holds", "switch.licence.units.{limit}.limit"),
    Shown("sorm_smart_licence_mode", "gauge", "Enforcement mode of the smart licence", "switch.smart_licence.mode",
          tuple(mode.value for mode in Mode)),
    Shown("sorm_smart_licence_client", "gauge", "State of the licence client", "switch.smart_licence.client_state",
          tuple(state.value for state in ClientState)),
    Shown("sorm_smart_licence_evaluation_seconds", "gauge", "What is left of the evaluation; 0 in another mode",
          "switch.smart_licence.evaluation_left"),
    Shown("sorm_smart_licence_authorised_until_timestamp_seconds", "gauge",
          "When the authorisation ends; absent: there is none", "switch.smart_licence.authorised_until"),
    Shown("sorm_smart_licence_asked", "gauge", "Licences that the switch asks for", "switch.smart_licence.count"),
    Shown("sorm_smart_licence_calls_per_second", "gauge",
          "mean: what is compared with the limit; limit; refusing: 1 while calls are refused",
          "switch.smart_licence.cps.{what}"),
    Shown("sorm_smart_licence", "counter", "Requests to the licence cloud by result, and refused calls by ground",
          "switch.smart_licence.counters.{what}"),
    Shown("sorm_smart_licence_account", "gauge", "quantity: licences that the account has bought; in_use: the sum of "
          "all proxies", "switch.smart_licence.usage.{what}"),
    Shown("sorm_licence_cloud", "counter", "Requests at the lab's own licence cloud, by result",
          "switch.smart_licence.cloud.{what}"),
    Shown("sorm_licence_state", "gauge", "Licence state of this node in its licence network; 1 for the present one",
          "switch.licence.node.state", states=("regular", "failover", "emergency")),
    Shown("sorm_licence_failover_seconds", "gauge", "What is left of the failover period; +Inf: it is not running",
          "switch.licence.node.seconds_left"),
    Shown("sorm_licence_file", "gauge", "Number of the licence file of the licence network",
          "switch.licence.node.serial"),
    Shown("sorm_licence_node_limit", "gauge", "What this node may use of the licence network's licences",
          "switch.licence.node.limits.{licence}"),
    Shown("sorm_licence_node_connected", "gauge", "1: a slave of the licence network is connected to this master",
          "switch.licence.node.nodes.{node}.connected"),
    Shown("sorm_licence_node_granted", "gauge", "What a slave of the licence network holds",
          "switch.licence.node.nodes.{node}.granted.{licence}"),
    Shown("sorm_licence_network", "counter", "What happened in the licence network",
          "switch.licence.node.counters.{what}"),
    # The web server and the process
    Shown("sorm_web", "counter", "Clients that were dropped or refused", "web.counters.{what}"),
    Shown("sorm_web_connections", "gauge", "Open connections of the web server", "web.connections"),
    Shown("sorm_web_watchers", "gauge", "Open streams of events", "web.watchers"),
    Shown("sorm_tasks", "gauge", "Tasks of the process's event loop that have not ended", "tasks"),
    Shown("sorm_build_info", "gauge", "1; the labels have the version of the program and of Python",
          "build.{version}.{python}"),
)  # fmt: skip
"""Every metric of ours; ``process_...`` of prometheus_client come on top."""

_EXACT = frozenset(shown.place for shown in SHOWN if "{" not in shown.place)
_PROMETHEUS = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


def documents(state: State) -> dict[str, Any]:
    """What the boxes and the web server of an application say of themselves, as numbers and states."""
    found: dict[str, Any] = {"build": {__version__: {platform.python_version(): 1}}}
    gateway: Gateway | None = state.gateway
    if gateway is not None:
        found["mediator"] = _mediator(gateway)
        if gateway.e1 is not None:
            found["streams"] = {str(row.stream): asdict(row) for row in gateway.e1.streams.rows()}
    switch: SwitchBox | None = state.switch
    if switch is not None:
        found["switch"] = _switch(switch.status())
    if state.faults is not None:
        found["faults"] = {"did": state.faults.totals(), "active": len(state.faults.rows())}
    found["tasks"] = len(asyncio.all_tasks())
    found["web"] = {
        "counters": dict(state.web_counters),
        "connections": state.connections(),
        "watchers": len(state.watchers),
    }
    return found


def _mediator(gateway: Gateway) -> dict[str, Any]:
    status = gateway.status()
    found = asdict(status) | {"started": status.state == "started"}
    found["channels"] = {
        # Stream 0 has no name of its own, as over TCP.
        f"{one.channel}.{one.stream}" if one.stream else one.channel: {
            "up": one.peer is not None,
            "counters": one.counters,
        }
        for one in status.channels
    }
    for row in found["queues"].values():
        row.pop("holds")
        if row["oldest"] is None:
            del row["oldest"]
    found["disk"] = {what: asdict(one) for what, one in gateway.disk.items()}
    link = status.switch or {"state": "idle"}
    found["switch"] = {**link, "up": link["state"] == "up"}
    lines = {"free": 0, "in-use": 0, "faulty": 0}
    for row in ksl_rows(gateway.core):
        if row.state in lines:
            lines[row.state] += 1
    found["lines"] = lines
    found["sent"] = {kind.message_name: count for kind, count in gateway.sent.items()}
    commands: dict[str, Any] = {}
    for (answer, code, status_code), count in gateway.core.results.items():
        answers = commands.setdefault(_command(code), {})
        statuses = answers.setdefault(_ANSWERS[answer], {})
        statuses[f"{status_code:02X}h"] = statuses.get(f"{status_code:02X}h", 0) + count
    found["commands"] = commands
    found["latencies"] = {op: asdict(one) for op, one in gateway.latencies.items()}
    return found


_ANSWERS = {CommandReceived.code: "27h", CommandExecuted.code: "28h"}


def _command(code: int) -> str:
    """The name of a command; all codes that are of none have one label together."""
    kind = BY_CODE.get(code)
    return kind.message_name if kind is not None and code < CommandReceived.code else "unknown"


def _switch(status: dict[str, Any]) -> dict[str, Any]:
    counters = dict(status["counters"])
    outboxes = {}
    for reporter in status["radius"]:
        row = dict(reporter)
        present = {name: row.pop(name) for name in ("answers", "waiting", "oldest", "limit", "outstanding")}
        outboxes[row.pop("server")] = {**present, "counters": row}
    return {**status, "counters": counters, "reports": counters.pop("reports", 0), "outboxes": outboxes}


def places(document: Any, place: str, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values at a place, each with the keys that lead there; without those that have a metric of their own."""
    part, _, rest = place.partition(".")
    if not place:
        yield before, document
    elif isinstance(document, Mapping):
        named = not part.startswith("{")
        for key in (part,) if named else document:
            path = (*before, str(key))
            if key in document and (named or ".".join(path) not in _EXACT):
                yield from places(document[key], rest, path)


class BoxesCollector(Collector):
    """Turns what the boxes say of themselves into metrics."""

    def __init__(self, state: State) -> None:
        """``state``: that of the application."""
        self._state = state

    def collect(self) -> Iterator[Metric]:
        found = documents(self._state)
        for shown in SHOWN:
            begins = shown.place.split(".")[0]
            if begins in found and not (shown.revealing and "mediator" not in found):
                yield _metric(shown, found)


def _metric(shown: Shown, found: Document) -> Metric:
    labels = [at for at, part in enumerate(shown.place.split(".")) if part.startswith("{")]
    values = [([keys[at] for at in labels], value) for keys, value in places(found, shown.place)]
    if shown.kind == "summary":
        summary = SummaryMetricFamily(shown.name, shown.text, labels=shown.labels)
        for keys, value in values:
            summary.add_metric(keys, count_value=value["answers"], sum_value=value["total"])
        return summary
    if shown.kind == "histogram":
        histogram = HistogramMetricFamily(shown.name, shown.text, labels=shown.labels)
        for keys, value in values:
            sums = accumulate(value["counts"])
            buckets = [
                (str(bound), float(count)) for bound, count in zip((*BOUNDS, "+Inf"), sums, strict=True)
            ]
            histogram.add_metric(keys, buckets, sum_value=value["total"])
        return histogram
    family: CounterMetricFamily | GaugeMetricFamily
    family = _PROMETHEUS[shown.kind](shown.name, shown.text, labels=shown.labels)
    for keys, value in values:
        if shown.states:
            for name in shown.states:
                family.add_metric([*keys, name], value == name)
        elif not isinstance(value, Mapping):
            family.add_metric(keys, inf if value is None else value * shown.scale)
    return family


metrics_router = APIRouter()
"""The route, which serves the boxes of ``app.state``."""


@metrics_router.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
async def metrics(request: Request) -> Response:
    """Counters and gauges in the text format of Prometheus."""
    registry = CollectorRegistry()  # of its own: no metrics of libraries
    registry.register(BoxesCollector(request.app.state))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
