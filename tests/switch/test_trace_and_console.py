"""The trace shows what the console really gets: the call is made, and the mediator's core sends its events."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

import captures
from protocol import Category, NumberSign, ObjectType, Priority
from protocol.messages import AddObject, CallEvent, Message
from sorm_mediator import config
from sorm_mediator.mediator.core.numbers import LEGAL_SIGNS, Numbers
from sorm_mediator.switch.calls.call import CallRefused, CallRequest
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.mediators.session import MediatorSession
from sorm_mediator.switch.trace import LabTrace, Trace, read_request, trace
from ssh_control.dialect import Reply, Request
from tests.mediator.core_harness import MediatorHarness

LABS: Final = Path(captures.__file__).parent / "labs"
NOW: Final = 1000.0
MEDIATOR: Final = "127.0.0.1:1813"
NUMBER_TYPES: Final = (ObjectType.OWN_SUBSCRIBER, ObjectType.NETWORK_FULL, ObjectType.NETWORK_PARTIAL)
Line = tuple[str, str, tuple[Any, Any], tuple[Any, Any]]
"""Role, events, calling and called: each a sign and digits."""

RULES = """
<context name="out">
 <rule name="to_8"><conditions><cdpn digits="8%"/><cgpn digits="40??"/></conditions><actions>
  <calling sorm_digits="738323{1,2,3,4}" sorm_ni="private"/><cgpn digits="38323{1,2,3,4}"/>
  <called sorm_digits="7{%}" sorm_ni="intercity"/><cdpn digits="{%}" ni="intercity"/></actions>
  <result><external><direction value="t"/></external></result></rule>
 <rule name="inside"><result><local/></result></rule>
</context>
"""
ADAPTATION = """
<context name="adapt">
 <rule name="four"><conditions><cgpn digits="40??"/></conditions><actions>
  <calling sorm_digits="738323{1,2,3,4}"/></actions><result><local/></result></rule>
</context>
"""


@dataclass(frozen=True)
class Call:
    lab: str
    a: str
    b: str
    domain: str = "test.domain"
    trunk: str = ""

    @property
    def arguments(self) -> list[str]:
        iface = [f"iface={self.trunk}"] if self.trunk else []
        return [*iface, f"cgpn.digits={self.a}", f"cdpn.digits={self.b}"]

    @property
    def request(self) -> CallRequest:
        origin = f"trunk:{self.trunk}" if self.trunk else "subscriber"
        return CallRequest(a=self.a, b=self.b, origin=origin)


class Lab:
    """The switch and the mediator's core of a lab, joined in memory."""

    def __init__(self, loaded: config.Config, **mediator: Any) -> None:
        assert loaded.switch is not None
        self.engine = Engine(loaded.switch, loaded.directory)
        self.sessions = {
            name: MediatorSession(one, MEDIATOR, on_closed=lambda: None, on_join=lambda _: None)
            for name, one in self.engine.domains.items()
        }
        self.core = MediatorHarness(same_number_again="allow", streams=(0,), **mediator)
        self.core.switch = self._ask
        self.core.begin()
        self.core.now = NOW
        self.events: list[CallEvent] = []
        self._objects = 0

    def traced(self, call: Call) -> tuple[Trace, dict[str, Any]]:
        found = trace(self.engine.domains, self.engine.domains[call.domain], read_request(call.arguments))
        return found, LabTrace(self.core.config, Numbers(self.core.config)).document(found)

    def control(self, kind: ObjectType, sign: NumberSign | None, number: str) -> bool:
        self._objects += 1
        answer = self.core.says(
            AddObject(
                object_number=self._objects,
                object_type=kind,
                number_sign=sign,
                number=number,
                category=Category.STATISTICAL,
                priority=Priority.NORMAL,
            )
        )
        return answer == "27/00 28/00"

    def make(self, call: Call) -> list[Line]:
        """The events of the call, as they are sent to the console."""
        placed = self.engine.place_call(call.domain, call.request, NOW)
        lines = self.run()
        assert placed.release_time is not None
        return lines

    def run(self) -> list[Line]:
        """Carry the calls to their ends."""
        now = NOW
        while (deadline := self.engine.next_deadline()) is not None:
            now = max(now, deadline)
            for _, report in self.engine.tick(now):
                self.core.now = now
                self._sent(self.core.do(self.core.core.report(report, now)))
        return [line for event in self.events for line in _lines(event)]

    def _sent(self, messages: list[Message]) -> None:
        self.events += [one for one in messages if isinstance(one, CallEvent)]

    def _ask(self, op: str, params: dict[str, Any]) -> Reply:
        answers = [session.handle(Request(op, params)) for session in self.sessions.values()]
        replies = [one for one in answers if isinstance(one, Reply)]
        return next((one for one in replies if one.ok), replies[0])


def _lines(event: CallEvent) -> Iterator[Line]:
    numbers = (
        (event.calling.sign, event.calling.number or ""),
        (event.called.sign, event.called.number or ""),
    )
    for role, shift in (("a", 0), ("b", 2)):
        if (event.selection or 0) >> shift & 0b11:
            yield role, "41h" if event.code == 0x41 else "42h-44h", *numbers


def promised(rows: list[dict[str, Any]]) -> Iterator[Line]:
    """The rows of the trace, each event and each sign of its own."""
    for row in rows:
        events = ("41h", "42h-44h") if row["events"] == "41h-44h" else (row["events"],)
        side = "calling" if row["object"] == "a" else "called"
        numbers = {name: (row[name]["number_sign"], row[name]["digits"]) for name in ("calling", "called")}
        for sign in (numbers[side][0], *row["other_signs"]):
            shown = numbers | {side: (sign, numbers[side][1])}
            for event in events:
                yield row["object"], event, shown["calling"], shown["called"]


def candidates(lab: Lab, found: Trace) -> Iterator[tuple[ObjectType, NumberSign | None, str]]:
    """Every number that anybody has in this call, with every type and sign of the order."""
    numbers: dict[str, None] = {}
    for hop in found.hops:
        request, result = hop.hop.request, hop.hop.result
        for end in (hop.leg.calling, hop.leg.called):
            numbers |= dict.fromkeys((end.number.digits, end.party.digits, end.number.shown_digits))
            if end.subscriber is not None:
                numbers |= dict.fromkeys(hop.hop.domain.numbers_of(end.subscriber))
        numbers |= dict.fromkeys((request.a.digits, request.b.digits, result.a.digits, result.b.digits))
    for number in filter(str.isdigit, numbers):
        for kind in NUMBER_TYPES:
            for sign in LEGAL_SIGNS[lab.core.config.order][kind]:
                yield kind, sign, number


SHIPPED = [
    *(
        Call(lab, a, b, trunk=trunk)
        for lab in ("minimal.toml", "order268.toml", "order70.toml", "subscribers.toml")
        for a, b, trunk in (
            ("28331", "89001758964", ""),
            ("28331", "2123456", ""),
            ("28331", "8104930123456", ""),
            ("28331", "112", ""),
            ("28331", "28332", ""),
            ("9001758964", "28331", "smg_trunk"),
            ("2123456", "28331", "city_trunk"),
        )
    ),
    *(
        Call("acceptance.toml", a, b, trunk=trunk)
        for a, b, trunk in (
            ("73832728331", "89001758964", ""),
            ("73832728331", "28332", ""),
            ("9001758964", "3832728331", "smg_trunk"),
        )
    ),
    *(
        Call("multisorm/lab.toml", a, b, domain, trunk)
        for a, b, domain, trunk in (
            ("200100", "200119", "voip.local", ""),
            ("200100", "300000", "voip.local", ""),
            ("200100", "73832710000", "voip.local", ""),
            ("200100", "73832112233", "voip.local", ""),
            ("73832112233", "73832710000", "central_voip", "trunk1"),
        )
    ),
]
REWRITINGS: list[dict[str, Any]] = [
    {"prefix_810_to_cdpn": True, "zero_digit": "A"},
    {"toll_8_to_7": True},
    {"order": "70", "toll_88_to_7": True},
]


def of(call: Call, domain: dict[str, Any] | None = None, **mediator: Any) -> Lab:
    path = LABS / call.lab
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    for one in document["switch"]["domains"]:
        one |= domain or {}
    loaded = config.parse(document, directory=path.parent)
    return Lab(loaded, **({"order": loaded.mediator.order} | mediator))


def compare(make: Any, call: Call) -> None:
    """In each domain of the path: the console is sent what the trace shows, all of it, and nothing else."""
    found, document = make().traced(call)
    assert document["result"] != "failed"
    for hop, shown in zip(found.hops, document["hops"], strict=True):
        lab: Lab = make()
        here = hop.hop.domain.name
        lab.sessions = {here: lab.sessions[here]}
        for candidate in candidates(lab, found):
            lab.control(*candidate)
        assert set(lab.make(call)) == set(promised(shown["console"])), here
    assert document["console"]


@pytest.mark.parametrize("call", SHIPPED, ids=lambda call: f"{call.lab} {call.a} {call.b}")
def test_the_console_gets_what_the_trace_shows(call: Call) -> None:
    compare(lambda: of(call), call)


@pytest.mark.parametrize("mediator", REWRITINGS, ids=str)
def test_and_so_with_the_rewriting_of_the_mediator(mediator: dict[str, Any]) -> None:
    for call in SHIPPED[:7]:
        compare(lambda call=call: of(call, **mediator), call)


@pytest.mark.parametrize(
    "domain",
    [
        {"private_phone_prefix": "738327"},
        {"b_digits_mode": "route"},
        {"strict_private_numbers": True, "strict_intercity_numbers": True},
        {"b_number_format": "terminal-transit", "area_code": "383"},
    ],
    ids=str,
)
def test_and_so_with_the_parameters_of_the_domain(domain: dict[str, Any]) -> None:
    for call in SHIPPED[:7]:
        compare(lambda call=call: of(call, domain), call)


@pytest.mark.parametrize("call", SHIPPED[-5:], ids=lambda call: f"{call.a} {call.b}")
def test_a_console_of_all_domains_gets_what_is_shown_for_the_whole_call(call: Call) -> None:
    found, document = of(call).traced(call)
    lab = of(call)
    for candidate in candidates(lab, found):
        lab.control(*candidate)
    assert set(promised(document["console"])) <= set(lab.make(call))
    assert document["console"]


FOR_SORM = "7383234001"
"""What the rules make of 4001."""
DIALLED = Call("", "4001", "89001758964", "b.ekb")


def ekb(folder: Path, **domain: Any) -> Lab:
    """A domain with a number for SORM that is none of the subscriber's own."""
    (folder / "out.xml").write_text(RULES)
    (folder / "adapt.xml").write_text(ADAPTATION)
    given = {
        "name": "b.ekb",
        "contexts": ["out.xml", "adapt.xml"],
        "default_context": "out",
        "subscribers": [{"number": "4001"}, {"number": "28331"}],
        "trunks": [{"number": 1, "name": "t"}],
        **domain,
    }
    return Lab(config.parse({"switch": {"domains": [given]}}, directory=folder))


CITY = {"city": {"73832728331": {"alias": "28331"}, FOR_SORM: {"alias": "4001"}}}


@pytest.mark.parametrize(
    ("domain", "call"),
    [
        ({}, DIALLED),
        ({"numbering_plans": CITY}, DIALLED),
        ({"numbering_plans": CITY}, Call("", "28331", "4001", "b.ekb")),
        ({"adaptation": "adapt"}, Call("", "4001", "28331", "b.ekb")),
        ({"adaptation": "adapt", "numbering_plans": CITY}, Call("", "4001", "28331", "b.ekb")),
    ],
    ids=["rule", "rule and plan", "plan", "adaptation", "adaptation and plan"],
)
def test_a_number_for_sorm_that_is_not_the_subscribers_own(
    tmp_path: Path, domain: dict[str, Any], call: Call
) -> None:
    compare(lambda: ekb(tmp_path, **domain), call)


def test_the_object_is_shown_as_command_5_gave_it_and_not_as_the_rule_made_it(tmp_path: Path) -> None:
    lab = ekb(tmp_path)
    found, document = lab.traced(DIALLED)
    text = LabTrace(lab.core.config, Numbers(lab.core.config)).text(found, NOW)

    own = [row for row in document["console"] if row["object_type"] == "own-subscriber"]
    assert [(row["calling"]["digits"], row["called"]["digits"]) for row in own] == [
        ("4001", "89001758964"),
        ("4001", "79001758964"),
    ]
    made = [
        row for row in document["console"] if row["object"] == "a" and row["calling"]["digits"] == FOR_SORM
    ]
    assert {row["object_type"] for row in made} == {"network-partial"}, "of the routed number 383234001"
    assert "object A  41h      4001 (01h subscriber of this node) -> 89001758964 (04h" in text
    assert "the party that is the object is shown as command 5 gave it" in text
    assert f"{FOR_SORM}, which SORM is shown of the subscriber 4001, can't be put under control (54h)" in text
    assert not lab.control(ObjectType.OWN_SUBSCRIBER, NumberSign.OWN, FOR_SORM)


def test_a_full_number_of_a_plan_is_a_line_of_its_own(tmp_path: Path) -> None:
    lab = ekb(tmp_path, numbering_plans=CITY)
    found, document = lab.traced(Call("", "28331", "4001", "b.ekb"))
    text = LabTrace(lab.core.config, Numbers(lab.core.config)).text(found, NOW)

    assert [row["calling"]["digits"] for row in document["console"] if row["object"] == "a"] == [
        *["28331"] * 2,
        *["73832728331"] * 2,
    ]
    assert "object A  41h-44h  73832728331 (01h subscriber of this node) -> 4001 (01h" in text
    assert "can't be put under control" not in text


FAILED = [
    Call("minimal.toml", "28331", "99"),
    Call("minimal.toml", "28331", "28999"),
    Call("order70.toml", "28331", "28999"),
    Call("minimal.toml", "9001758964", "99", trunk="smg_trunk"),
    Call("multisorm/lab.toml", "200100", "99", "voip.local"),
]
"""No rule, and an unknown number; of a subscriber and from outside."""


def exactly(rows: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """The rows of a failed call, each sign of its own: an event and its operation."""
    for row in rows:
        side = "calling" if row["object"] == "a" else "called"
        numbers = {name: (row[name]["number_sign"], row[name]["digits"]) for name in ("calling", "called")}
        for sign in (numbers[side][0], *row["other_signs"]):
            shown = numbers | {side: (sign, numbers[side][1])}
            code = int(row["events"].removesuffix("h"), 16)
            yield row["object"], code, row.get("operation"), shown["calling"], shown["called"]


def came(lab: Lab) -> set[tuple[Any, ...]]:
    """What :func:`exactly` tells, of the events that were sent to the console."""
    return {
        (role, event.code, event.operation if event.code == 0x43 else None, *numbers)
        for event in lab.events
        for role, _, *numbers in _lines(event)
    }


@pytest.mark.parametrize("call", FAILED, ids=lambda call: f"{call.lab} {call.a} {call.b}")
def test_a_call_that_fails_is_shown_with_its_41h_and_43h(call: Call) -> None:
    found, document = of(call).traced(call)
    assert document["result"] == "failed"
    whole = set[tuple[Any, ...]]()
    for hop, shown in zip(found.hops, document["hops"], strict=True):
        lab = of(call)
        here = hop.hop.domain.name
        lab.sessions = {here: lab.sessions[here]}
        for candidate in candidates(lab, found):
            lab.control(*candidate)
        lab.make(call)
        assert came(lab) == set(exactly(shown["console"])), here
        whole |= came(lab)
    assert whole
    assert {(code, operation) for _, code, operation, *_ in whole} == {(0x41, None), (0x43, 1)}
    assert set(exactly(document["console"])) <= whole
    assert document["console"]
    text = LabTrace(of(call).core.config, Numbers(of(call).core.config)).text(found, NOW)
    assert "43h has operation 01h: released for technical reasons" in text
    if not call.trunk:
        assert f"object A  41h 43h  {call.a} (01h " in text


@pytest.mark.parametrize(("outcome", "operation"), [("busy", 3), ("no-answer", 4), ("fail", 1)])
def test_a_call_that_is_not_answered_shows_the_numbers_of_the_trace(outcome: Any, operation: int) -> None:
    for call in SHIPPED[:7]:
        lab = of(call)
        found, document = lab.traced(call)
        for candidate in candidates(lab, found):
            lab.control(*candidate)
        lab.engine.place_call(call.domain, replace(call.request, outcome=outcome), NOW)
        made = set(lab.run())
        assert made == set(promised(document["console"]))
        assert {event.operation for event in lab.events if event.code == 0x43} == {operation}
        assert {event.code for event in lab.events} == {0x41, 0x43}


def test_nothing_is_shown_of_a_call_that_the_switch_does_not_make() -> None:
    call = Call("minimal.toml", "9001758964", "28331")
    lab = of(call)
    found, document = lab.traced(call)

    assert document["console"] == document["hops"][0]["console"] == []
    text = LabTrace(lab.core.config, Numbers(lab.core.config)).text(found, NOW)
    assert text.splitlines()[-1] == "To the console (268): nothing, since the switch does not make this call"
    with pytest.raises(CallRefused):
        lab.make(call)


def test_a_service_code_does_not_fail_for_the_console() -> None:
    call = Call("minimal.toml", "28331", "*21#")
    lab = of(call)
    found, document = lab.traced(call)
    for candidate in candidates(lab, found):
        lab.control(*candidate)

    assert set(lab.make(call)) == set(promised(document["console"]))
    assert document["console"]


def test_digits_are_written_as_the_console_has_them_and_how_they_are_sent_is_told_beside() -> None:
    call = SHIPPED[0]
    lab = of(call, zero_digit="A")
    found, document = lab.traced(call)
    text = LabTrace(lab.core.config, Numbers(lab.core.config)).text(found, NOW)

    assert "28331 (01h subscriber of this node) -> 89001758964, sent as 89AA1758964, (04h" in text
    assert {row["called"]["digits"] for row in document["console"]} >= {"89001758964"}
    plain = of(call)
    assert "sent as" not in LabTrace(plain.core.config, Numbers(plain.core.config)).text(found, NOW)
