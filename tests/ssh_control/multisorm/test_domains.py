"""One mediator and many domains, some slow, some dead, some new; a world whose clock is turned by hand."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ssh_control.codes import NOT_EXECUTED
from ssh_control.dialect import Reply, Request
from ssh_control.multisorm.domains import (
    PATIENCE,
    PROBE,
    AnswerMediator,
    AskDomain,
    DomainState,
    Effect,
    LogNote,
    MultiSorm,
)
from tests.objects import network, own

BOUND = 3.0
DEAD = None


@dataclass
class Domain:
    """A domain that does what it is asked, after ``delay`` seconds, one thing after the other; or never."""

    subscribers: set[str]
    delay: float | None = 0.0
    objects: dict[int, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def takes(self, item: dict[str, Any]) -> bool:
        return item["object_type"] != "own-subscriber" or item["number"] in self.subscribers

    def handle(self, request: Request) -> Reply:
        params = request.params
        if request.op == "add":
            if not self.takes(params["object"]):
                return Reply.refusal(0x54, "no subscriber")
            self.objects[params["object"]["object_number"]] = params["object"]
        elif request.op in ("remove", "change") and params["object_number"] not in self.objects:
            return Reply.refusal(0x34, "no object")
        elif request.op == "remove":
            del self.objects[params["object_number"]]
        elif request.op == "change":
            self.objects[params["object_number"]] = self.objects[params["object_number"]] | params
        elif request.op == "clear":
            self.objects.clear()
        elif request.op == "sync":
            items = params["objects"]
            self.objects = {item["object_number"]: item for item in items if self.takes(item)}
            refused = [
                {"object_number": i["object_number"], "code": 0x54} for i in items if not self.takes(i)
            ]
            return Reply(True, {"line_states": {}, "refused": refused})
        return Reply(True)


class World:
    """The core, its domains, and what came when."""

    def __init__(self, **domains: set[str]) -> None:
        self.now = 0.0
        self.core = MultiSorm(BOUND)
        self.domains: dict[str, Domain] = {}
        self.answers: dict[int, tuple[float, Reply]] = {}
        self.notes: list[str] = []
        self._order = count()
        self._due: list[tuple[float, int, str, AskDomain | None]] = []
        self._last: dict[str, float] = {}
        for name, subscribers in domains.items():
            self.join(name, subscribers)

    def join(self, name: str, subscribers: set[str], delay: float | None = 0.0) -> None:
        self.domains[name] = Domain(subscribers, delay)
        self._carry_out(self.core.join(name, self.now))

    def leave(self, name: str) -> None:
        """What it was asked and has not done yet is not done."""
        del self.domains[name]
        self._due = sorted(one for one in self._due if one[2] != name)
        self._carry_out(self.core.leave(name, self.now))

    def refresh(self, name: str) -> None:
        self._carry_out(self.core.refresh(name, self.now))

    def ask(self, op: str, **params: Any) -> int:
        number, effects = self.core.ask(Request(op, params), self.now)
        self._carry_out(effects)
        return number

    def add(self, item: dict[str, Any]) -> int:
        return self.ask("add", object=item)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due = min(
                (at for at in (self.core.deadline, self._due[0][0] if self._due else None) if at is not None),
                default=None,
            )
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            if self._due and self._due[0][0] <= self.now:
                _, _, name, ask = heappop(self._due)
                assert ask is not None
                reply = self.domains[name].handle(ask.request)
                self._carry_out(self.core.answered(name, ask.token, reply, self.now))
            else:
                self._carry_out(self.core.tick(self.now))
        self.now = end

    def code(self, question: int) -> int | None:
        return self.answers[question][1].code

    def ok(self, question: int) -> bool:
        return self.answers[question][1].ok

    def at(self, question: int) -> float:
        return self.answers[question][0]

    def _carry_out(self, effects: list[Effect]) -> None:
        queue = deque(effects)
        while queue:
            effect = queue.popleft()
            if isinstance(effect, AnswerMediator):
                assert effect.question not in self.answers, "answered twice"
                self.answers[effect.question] = (self.now, effect.reply)
            elif isinstance(effect, LogNote):
                self.notes.append(effect.text)
            else:
                domain = self.domains[effect.domain]
                domain.asked.append(effect.request.op)
                if domain.delay is DEAD:
                    continue
                at = max(self.now + domain.delay, self._last.get(effect.domain, 0.0))
                self._last[effect.domain] = at
                if at <= self.now and all(name != effect.domain for _, _, name, _ in self._due):
                    reply = domain.handle(effect.request)
                    queue.extend(self.core.answered(effect.domain, effect.token, reply, self.now))
                else:
                    heappush(self._due, (at, next(self._order), effect.domain, effect))


def example() -> World:
    """The manual's example: a central domain and two local ones."""
    return World(central=set(), voip={"200100", "200119"}, local={"300000", "300001"})


def test_one_domain_that_has_the_number_is_enough() -> None:
    world = example()
    question = world.add(own(1, "200100"))

    assert world.ok(question)
    assert [set(domain.objects) for domain in world.domains.values()] == [set(), {1}, set()]


def test_a_number_of_the_network_is_on_control_everywhere() -> None:
    world = example()
    world.add(network(2, "73832710000"))

    assert all(set(domain.objects) == {2} for domain in world.domains.values())


def test_nobody_has_the_number() -> None:
    world = example()

    assert world.code(world.add(own(1, "999999"))) == 0x54


def test_what_is_on_control_is_so_for_all_domains() -> None:
    """Object 1 is of voip: local, which knows nothing of it, must not take another object 1."""
    world = example()
    world.add(own(1, "200100"))
    world.add(own(9, "200100") | {"object_type": "trunk", "number": None, "trunk": 1})

    assert world.code(world.add(own(1, "300000"))) == 0x33
    assert world.code(world.add(own(3, "") | {"object_type": "trunk", "number": None, "trunk": 1})) == 0x4A
    assert world.ok(world.add(own(1, "200100"))), "the very same again changes nothing"
    assert world.domains["local"].asked.count("add") == 3


def test_a_dead_domain_delays_no_positive_answer() -> None:
    world = example()
    world.domains["local"].delay = DEAD
    question = world.add(own(1, "200100"))

    assert world.ok(question)
    assert world.at(question) == world.now == 0.0


def test_a_dead_domain_is_waited_for_once_and_no_longer_than_the_bound() -> None:
    world = example()
    world.domains["local"].delay = DEAD
    first = world.add(own(1, "300000"))
    world.run(10)
    again = world.add(own(1, "300000"))

    assert (world.code(first), world.at(first)) == (NOT_EXECUTED, BOUND)
    assert (world.code(again), world.at(again)) == (NOT_EXECUTED, 10.0)
    assert world.notes == ["local does not answer: it counts as a refusal until it does"]
    assert world.domains["local"].asked.count("add") == 1


def test_a_slow_domain_is_waited_for() -> None:
    world = example()
    world.domains["local"].delay = BOUND - 1
    question = world.add(own(1, "300000"))
    world.run(BOUND)

    assert world.ok(question)
    assert world.at(question) == BOUND - 1
    assert world.core.states["local"] is DomainState.IN_STEP


def test_a_domain_that_took_too_long_does_not_keep_what_was_refused() -> None:
    """Its yes came when the mediator had been told no."""
    world = example()
    world.domains["local"].delay = BOUND + 1
    question = world.add(own(1, "300000"))
    world.run(BOUND + 0.5)
    assert world.code(question) == NOT_EXECUTED
    world.domains["local"].delay = 0.0
    world.run(5)

    assert world.domains["local"].objects == {}
    assert world.core.states["local"] is DomainState.IN_STEP


def test_a_domain_that_was_dead_is_brought_up_to_date() -> None:
    world = example()
    world.add(own(1, "300000"))
    world.domains["local"].delay = DEAD
    world.ask("change", object_number=1, category="separate", priority="high")
    world.add(network(2, "73832710000"))
    world.add(own(3, "200100"))
    world.run(BOUND)
    removed = world.ask("remove", object_number=1)
    world.domains["local"].delay = 0.0
    world.run(PROBE)

    assert world.code(removed) == NOT_EXECUTED
    assert set(world.domains["local"].objects) == {1, 2}
    assert world.notes[-1] == "local answers again: it is handed what is on control"
    assert world.ok(world.ask("remove", object_number=1))
    assert set(world.domains["local"].objects) == {2}


def test_a_domain_that_joins_gets_what_is_on_control() -> None:
    world = example()
    world.add(own(1, "200100"))
    world.add(network(2, "73832710000"))
    world.ask(
        "sync", objects=[own(1, "200100"), network(2, "73832710000"), own(3, "400000")], first=True, last=True
    )
    world.join("new", {"400000"})

    assert set(world.domains["new"].objects) == {2, 3}


def test_a_domain_that_joins_while_something_is_asked_is_asked_too() -> None:
    world = World(slow=set())
    world.domains["slow"].delay = 1.0
    question = world.add(own(1, "400000"))
    world.join("new", {"400000"})

    assert world.ok(question)
    assert set(world.domains["new"].objects) == {1}


def test_a_subscriber_that_is_declared_later_is_on_control_at_once() -> None:
    world = example()
    world.ask("sync", objects=[own(1, "300002")], first=True, last=True)
    world.domains["local"].subscribers.add("300002")
    world.refresh("local")

    assert set(world.domains["local"].objects) == {1}


def test_a_domain_that_leaves_is_not_waited_for() -> None:
    world = example()
    world.domains["local"].delay = 1.0
    question = world.add(own(1, "300000"))
    world.leave("local")

    assert world.code(question) == NOT_EXECUTED
    world.run(BOUND)
    assert "local" not in world.core.states


def test_what_waited_for_a_domain_that_leaves_is_not_asked_of_it() -> None:
    world = example()
    world.domains["local"].delay = DEAD
    questions = [world.ask("remove", object_number=1), world.ask("remove", object_number=1)]
    world.leave("local")
    world.run(BOUND)

    assert [(world.code(one), world.at(one)) for one in questions] == [(NOT_EXECUTED, 0.0), (0x34, 0.0)]


def test_lists_do_not_wait_for_one_who_is_known_to_be_silent() -> None:
    world = example()
    world.domains["local"].delay = DEAD
    world.domains["central"].handle = world.domains["voip"].handle = (  # type: ignore[method-assign]
        lambda request: Reply(True, {"trunks": [{"trunk": 1, "name": "trunk1"}]})
    )
    first = world.ask("trunks", trunk=None)
    world.run(BOUND)
    second = world.ask("trunks", trunk=None)

    assert (world.at(first), world.at(second)) == (BOUND, BOUND)
    assert world.answers[second][1].data == {"trunks": [{"trunk": 1, "name": "trunk1"}]}


def test_stop_takes_everything_off_control() -> None:
    world = example()
    world.add(own(1, "200100"))
    world.add(network(2, "73832710000"))

    assert world.ok(world.ask("clear"))
    assert all(not domain.objects for domain in world.domains.values())
    world.join("new", {"200100"})
    assert world.domains["new"].objects == {}


def test_two_changes_of_one_object_are_asked_one_after_the_other() -> None:
    """No is only known at the end: a yes to what came later must not be undone by it."""
    world = example()
    world.domains["central"].delay = 1.0
    removed = world.ask("remove", object_number=1)
    added = world.add(own(1, "200100"))
    other = world.add(own(2, "300000"))
    assert world.domains["voip"].asked == ["sync", "remove", "add"]
    world.run(5)

    assert (world.code(removed), world.at(removed)) == (0x34, 1.0)
    assert world.ok(added)
    assert world.at(other) == 0.0
    assert set(world.core.objects) == {1, 2}


def test_without_domains_everything_is_refused() -> None:
    world = World()

    assert world.code(world.ask("ping")) == NOT_EXECUTED


steps = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 4), st.sampled_from(["2", "3", "4", "7"])),
    st.tuples(st.just("remove"), st.integers(1, 4)),
    st.tuples(st.just("change"), st.integers(1, 4), st.sampled_from(["combined", "separate"])),
    st.tuples(st.just("clear")),
    st.tuples(st.just("sync"), st.sets(st.integers(1, 4))),
    st.tuples(st.just("delay"), st.sampled_from("abc"), st.sampled_from([0.0, 0.5, 2.0, 5.0, DEAD])),
    st.tuples(st.just("join"), st.sampled_from("abcd")),
    st.tuples(st.just("leave"), st.sampled_from("abcd")),
    st.tuples(st.just("subscriber"), st.sampled_from("abc"), st.sampled_from("234")),
    st.tuples(st.just("run"), st.sampled_from([0.1, 1.0, 4.0])),
)


@given(st.lists(steps, max_size=25))
def test_whatever_happens_all_domains_end_in_step(script: list[tuple[Any, ...]]) -> None:
    """Every question is answered once, in due time; at the end every domain has just what is on control."""
    world = World(a={"2"}, b={"3"}, c=set())
    asked: dict[int, float] = {}
    for step, *values in script:
        if step == "add":
            number, digits = values
            item = network(number, digits) if digits == "7" else own(number, digits)
            asked[world.add(item)] = world.now
        elif step == "remove":
            asked[world.ask("remove", object_number=values[0])] = world.now
        elif step == "change":
            change = {"object_number": values[0], "category": values[1], "priority": "high"}
            asked[world.ask("change", **change)] = world.now
        elif step == "clear":
            asked[world.ask("clear")] = world.now
        elif step == "sync":
            items = [own(number, str(number + 1)) for number in values[0]]
            asked[world.ask("sync", objects=items, first=True, last=True)] = world.now
        elif step == "join" and values[0] not in world.domains:
            world.join(values[0], {"4"})
        elif step == "run":
            world.run(values[0])
        elif values[0] not in world.domains:
            continue
        elif step == "leave":
            world.leave(values[0])
        elif step == "delay":
            world.domains[values[0]].delay = values[1]
        elif step == "subscriber":
            world.domains[values[0]].subscribers.add(values[1])
            world.refresh(values[0])
    for domain in world.domains.values():
        domain.delay = 0.0
    world.run(PATIENCE + 60)

    assert set(world.answers) == set(asked)
    for question, since in asked.items():
        # One about an object waits for the one before it, so that the bound may have to pass more than once.
        assert since <= world.at(question) <= since + BOUND * len(asked)
    held = world.core.objects
    assert world.core.states == dict.fromkeys(world.domains, DomainState.IN_STEP)
    for domain in world.domains.values():
        assert domain.objects == {number: item for number, item in held.items() if domain.takes(item)}
