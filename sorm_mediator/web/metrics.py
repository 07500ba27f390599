"""``GET /metrics`` for Prometheus, from the counters that the boxes keep anyway: nothing is counted twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

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
    "uptime": "Seconds since the gateway was started",
}


class GatewayCollector(Collector):
    """Turns one status of the gateway into metrics."""

    def __init__(self, status: StatusDocument) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status
        yield GaugeMetricFamily(
            "sorm_started", "1: commands 1 was last, 0: command 2", status.state == "started"
        )
        for name, text in _GAUGES.items():
            unit = "_seconds" if name == "uptime" else ""
            yield GaugeMetricFamily(f"sorm_{name}{unit}", text, getattr(status, name))
        yield from self._channels()
        yield from self._answers()
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

    def _channels(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("sorm_channel_up", "1: a console is connected", labels=["channel"])
        counted = CounterMetricFamily("sorm_channel", "What crossed a channel", labels=["channel", "what"])
        for channel in self._status.channels:
            stream = channel.stream  # 0 has no name of its own, as over TCP
            name = f"{channel.channel}.{stream}" if stream else channel.channel
            up.add_metric([name], channel.peer is not None)
            for what, count in channel.counters.items():
                counted.add_metric([name, what], count)
        yield up
        yield counted

    def _answers(self) -> Iterator[Metric]:
        times = SummaryMetricFamily("sorm_answer_seconds", "From a command to its answer", labels=["message"])
        late = CounterMetricFamily("sorm_answers_late", "Answers after their limit", labels=["message"])
        for message, measured in self._status.limits.items():
            times.add_metric([message], count_value=measured.answers, sum_value=measured.total)
            late.add_metric([message], measured.late)
        yield times
        yield late


class LicenceCollector(Collector):
    """Turns what is in use of the switch's licence into metrics."""

    def __init__(self, licence: Mapping[str, Any]) -> None:
        self._licence = licence

    def collect(self) -> Iterator[Metric]:
        used = GaugeMetricFamily("sorm_licence_in_use", "What is in use of a limit", labels=["limit"])
        most = GaugeMetricFamily("sorm_licence_limit", "Limits of the licence that holds", labels=["limit"])
        for key, units in self._licence["units"].items():
            used.add_metric([key], units["in_use"])
            most.add_metric([key], inf if units["limit"] is None else units["limit"])
        yield GaugeMetricFamily("sorm_licence", "Number of the licence that holds", self._licence["number"])
        yield used
        yield most


class WebCollector(Collector):
    """Turns what the web server dropped and refused into metrics."""

    def __init__(self, counters: Mapping[str, int]) -> None:
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        yield _counter("sorm_web", "Clients that were dropped or refused", self._counters)


class SwitchCollector(Collector):
    """Turns one status of the switch into metrics."""

    def __init__(self, status: Mapping[str, Any]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        # Not the reports: their number tells an intercepted call from another (order 268, rule 6).
        counted = {what: n for what, n in self._status["counters"].items() if what != "reports"}
        yield _counter("sorm_switch_counted", "What the switch counted", counted)
        yield _counter("sorm_switch_ssh", "Logins and sessions of mediators", self._status["ssh"])
        yield _counter(
            "sorm_switch_multisorm_ssh", "The same on the MultiSORM port", self._status["multisorm_ssh"]
        )


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


def metrics_router() -> APIRouter:
    """The route, which serves the gateway of ``app.state``."""
    router = APIRouter()

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics(request: Request) -> Response:
        """Counters and gauges in the text format of Prometheus."""
        registry = CollectorRegistry()  # of its own: no metrics of the process or of libraries
        gateway: Gateway | None = request.app.state.gateway
        if gateway is not None:
            registry.register(GatewayCollector(gateway.status()))
        registry.register(WebCollector(request.app.state.web_counters))
        switch: SwitchBox | None = request.app.state.switch
        if switch is not None:
            registry.register(LicenceCollector(switch.licence()))
            registry.register(SwitchCollector(switch.status()))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
