"""A switch without sockets, and what its mediators would be told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import captures
from radius.report import CallReport
from sorm_mediator import config
from sorm_mediator.switch.box import SwitchBox
from sorm_mediator.switch.calls.call import Call, CallRequest, ServiceRequest
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.objects import SwitchObject
from tests.switch.mediators.multisorm_lab import CENTRAL, LOCAL, VOIP, Start
from tests.switch.mediators.multisorm_lab import Switch as MultisormSwitch
from tests.switch.mediators.multisorm_lab import lab as multisorm_lab

LABS = Path(captures.__file__).parent / "labs"
START = 1_700_000_000.0


def obj(
    number: int, target: str | int, kind: str = "own-subscriber", sign: str | None = "own"
) -> SwitchObject:
    """An object: ``target`` is a number, or a trunk's number."""
    if isinstance(target, int):
        return SwitchObject(number, "trunk", None, None, target, "statistical", "normal")
    return SwitchObject(number, kind, sign, target, None, "statistical", "normal")


def refusals(call: Call) -> list[str]:
    """The services of a call that were refused, each with its reason."""
    return [event.detail for event in call.events if event.event == "service-refused"]


@dataclass
class Switch:
    """An engine, its clock, and all reports so far."""

    engine: Engine
    now: float = START
    domain: str = "test.domain"
    reports: dict[str, list[CallReport]] = field(default_factory=dict)

    def control(self, *objects: SwitchObject, mediator: str = "m1", domain: str = "") -> None:
        table = self.engine.domains[domain or self.domain].table(mediator)
        for item in objects:
            table.add(item)

    def call(self, a: str, b: str, *services: dict[str, Any], domain: str = "", **fields: Any) -> Call:
        scripted = tuple(ServiceRequest(**service) for service in services)
        request = CallRequest(a=a, b=b, services=scripted, **fields)
        return self.engine.place_call(domain or self.domain, request, self.now)

    def run(self, until: float | None = None) -> None:
        """Let time pass, to the end of all calls or for so many seconds."""
        end = None if until is None else self.now + until
        while (deadline := self.engine.next_deadline()) is not None and (end is None or deadline <= end):
            self.now = max(self.now, deadline)
            for mediator, report in self.engine.tick(self.now):
                self.reports.setdefault(mediator, []).append(report)
        if end is not None:
            self.now = end

    def last(self, call: Call, mediator: str = "m1") -> CallReport:
        return [report for report in self.reports[mediator] if report.call_id == call.id][-1]

    def told(self, call: Call, object_number: int, mediator: str = "m1") -> list[str]:
        """The events of one object, as docs/mediator.md makes them from the last report: ``41 A>B``, ``44/21 B>C``."""
        report = self.last(call, mediator)
        match = next(match for match in report.matches if match.object_number == object_number)
        final = f"{report.calling.digits}>{report.called.digits}"
        events = []
        if report.setup_time is not None:
            events.append((report.setup_time, f"41 {report.calling.digits}>{match.called.digits}"))
        for use in report.services:
            phase = "" if use.phase == 4 else f".{use.phase}"
            events.append((use.time, f"44/{use.code:02X}{phase} {use.calling.digits}>{use.called.digits}"))
        if report.answer_time is not None:
            answered = (report.answered or report.called).digits
            events.append((report.answer_time, f"42 {report.calling.digits}>{answered}"))
        if report.release_time is not None:
            events.append((report.release_time, f"43/{report.release_cause:02X} {final}"))
        events.sort(key=lambda event: event[0])
        return [text for _, text in events]


@pytest.fixture
def minimal() -> config.Config:
    return config.load(LABS / "minimal.toml")


@pytest.fixture
def switch(minimal: config.Config) -> Switch:
    """The domain of captures/labs/minimal.toml."""
    assert minimal.switch is not None
    return Switch(Engine(minimal.switch, minimal.directory))


@pytest.fixture
def lab_switch() -> Any:
    """Makes the switch of a lab under captures/labs; calls are made in ``domain``."""

    def make(lab: str, domain: str) -> Switch:
        loaded = config.load(LABS / lab)
        assert loaded.switch is not None
        return Switch(Engine(loaded.switch, loaded.directory), domain=domain)

    return make


@pytest.fixture
def routed_switch(tmp_path: Path) -> Any:
    """Makes a switch of one domain from contexts (name of a file -> XML) and the tables of its TOML."""

    def make(contexts: dict[str, str], **domain: Any) -> Switch:
        for name, text in contexts.items():
            (tmp_path / name).write_text(text)
        tables = {"name": "test.domain", "contexts": list(contexts), **domain}
        parsed = config.parse({"switch": {"domains": [tables]}})
        assert parsed.switch is not None
        return Switch(Engine(parsed.switch, tmp_path))

    return make


@pytest.fixture
def plain_switch() -> Any:
    """Makes a switch of one domain without routing contexts, from the tables of its TOML."""

    def make(**domain: Any) -> Switch:
        document = {"switch": {"domains": [{"name": "test.domain", **domain}]}}
        parsed = config.parse(document)
        assert parsed.switch is not None
        return Switch(Engine(parsed.switch))

    return make


@pytest.fixture
def make_object() -> Any:
    return obj


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts switches with MultiSORM: of the domains given, or of CENTRAL, VOIP, LOCAL."""
    boxes: list[SwitchBox] = []

    async def make(*domains: dict[str, Any], **more: Any) -> MultisormSwitch:
        box = SwitchBox(multisorm_lab(*(domains or (CENTRAL, VOIP, LOCAL)), **more))
        boxes.append(box)
        await box.start()
        return MultisormSwitch(box)

    yield make
    for box in boxes:
        await box.stop()
