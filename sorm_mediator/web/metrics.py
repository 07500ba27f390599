"""``GET /metrics`` for Prometheus, from the counters that the boxes keep anyway: nothing is counted twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from starlette.datastructures import State

if TYPE_CHECKING:
    from sorm_mediator.mediator.binding.gateway import Gateway
    from sorm_mediator.mediator.binding.status import StatusDocument
    from sorm_mediator.switch.box import SwitchBox

_GAUGES = {
    "objects": "Objects under control",
    "ksl_groups": "KSL groups",
    "ksl": "KSL that belong to groups",
    "lines_in_use": "Lines of KSL groups that a call has",
    "calls": "Calls in progress that touch objects",
}


class BoxesCollector(Collector):
    """Turns one status of the boxes and the web server into metrics."""

    def __init__(self, state: State) -> None:
        """``state``: that of the application."""
        self._state = state

    def collect(self) -> Iterator[Metric]:
        gateway: Gateway | None = self._state.gateway
        if gateway is not None:
            yield from _gateway(gateway.status())
        yield _counter("sorm_web", "Clients that were dropped or refused", self._state.web_counters)
        switch: SwitchBox | None = self._state.switch
        if switch is not None:
            yield from _licence(switch.licence())
            yield from _switch(switch.status())


def _gateway(status: StatusDocument) -> Iterator[Metric]:
    yield GaugeMetricFamily("sorm_started", "1: commands 1 was last, 0: command 2", status.state == "started")
    for name, text in _GAUGES.items():
        yield GaugeMetricFamily(f"sorm_{name}", text, getattr(status, name))
    yield GaugeMetricFamily("sorm_uptime_seconds", "Seconds since the gateway was started", status.uptime)
    yield from _channels(status)
    yield from _answers(status)
    switch = status.switch
    up = switch is not None and switch["state"] == "up"
    yield GaugeMetricFamily("sorm_switch_up", "1: the SSH link to the switch is up", up)
    yield _counter("sorm_switch", "The SSH link to the switch", switch["counters"] if switch else {})
    yield _counter("sorm_radius", "Datagrams at the RADIUS sink", _flat(status.radius["counters"]))
    yield _counter("sorm_mediator", "What the mediator counted", status.counters)
    if status.journal is not None:
        entries = CounterMetricFamily("sorm_journal_entries", "Entries of the audit journal")
        entries.add_metric([], status.journal.entries)
        yield entries


def _channels(status: StatusDocument) -> Iterator[Metric]:
    up = GaugeMetricFamily("sorm_channel_up", "1: a console is connected", labels=["channel"])
    counted = CounterMetricFamily("sorm_channel", "What crossed a channel", labels=["channel", "what"])
    for channel in status.channels:
        stream = channel.stream  # 0 has no name of its own, as over TCP
        name = f"{channel.channel}.{stream}" if stream else channel.channel
        up.add_metric([name], channel.peer is not None)
        for what, count in channel.counters.items():
            counted.add_metric([name, what], count)
    yield up
    yield counted


def _answers(status: StatusDocument) -> Iterator[Metric]:
    times = SummaryMetricFamily("sorm_answer_seconds", "From a command to its answer", labels=["message"])
    late = CounterMetricFamily("sorm_answers_late", "Answers after their limit", labels=["message"])
    for message, measured in status.limits.items():
        times.add_metric([message], count_value=measured.answers, sum_value=measured.total)
        late.add_metric([message], measured.late)
    yield times
    yield late


def _licence(licence: Mapping[str, Any]) -> Iterator[Metric]:
    """What is in use of the switch's licence."""
    used = GaugeMetricFamily("sorm_licence_in_use", "What is in use of a limit", labels=["limit"])
    most = GaugeMetricFamily("sorm_licence_limit", "Limits of the licence that holds", labels=["limit"])
    for key, units in licence["units"].items():
        used.add_metric([key], units["in_use"])
        most.add_metric([key], inf if units["limit"] is None else units["limit"])
    yield GaugeMetricFamily("sorm_licence", "Number of the licence that holds", licence["number"])
    yield used
    yield most


def _switch(status: Mapping[str, Any]) -> Iterator[Metric]:
    # Not the reports: their number tells an intercepted call from another (order 268, rule 6).
    counted = {what: n for what, n in status["counters"].items() if what != "reports"}
    yield _counter("sorm_switch_counted", "What the switch counted", counted)
    yield _counter("sorm_switch_ssh", "Logins and sessions of mediators", status["ssh"])
    yield _counter("sorm_switch_multisorm_ssh", "The same on the MultiSORM port", status["multisorm_ssh"])


def _counter(name: str, text: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=["what"])
    for what, count in counts.items():
        family.add_metric([what], count)
    return family


def _flat(counters: Mapping[str, Any]) -> dict[str, int]:
    flat: dict[str, int] = {}
    for name, value in counters.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}_{inner}": count for inner, count in value.items()}
        else:
            flat[name] = value
    return flat


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
    registry = CollectorRegistry()  # of its own: no metrics of the process or of libraries
    registry.register(BoxesCollector(request.app.state))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
