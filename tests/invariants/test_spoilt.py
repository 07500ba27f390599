"""A world finds a box that is spoilt: each of these does one thing wrong that a console would pay for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protocol import Channel
from protocol.messages import Start
from sorm_mediator.mediator.core.calls.calls import Calls
from sorm_mediator.mediator.core.channels import ConsoleChannels
from sorm_mediator.mediator.core.context import Context
from sorm_mediator.mediator.core.core import Core
from sorm_mediator.mediator.core.means import NOT_DONE, Means
from tests.invariants.world import World


def begun() -> World:
    """A world at work, with object 0 under control."""
    world = World(over="tcp", restore=True, seed=0)
    world.run(5.0)
    world.channels.connect()
    world.give(Start())
    world.add(0, full=False)
    world.run(5.0)
    return world


def repeated(world: World) -> None:
    world.call(0, 1, "answer", 0.05, 1.0)
    world.run(200.0)  # the sink has forgotten the datagrams
    world.storm(100)


def refused_by_the_disk(world: World) -> None:
    world.mediator.m.disk = False
    world.add(1, full=False)
    world.run(5.0)


def two_at_once(world: World) -> None:
    world.switch.delay = 1.0
    world.add(1, full=False)
    world.remove(0)
    world.line()


def without_kpd2(world: World) -> None:
    world.channels.cut(Channel.KPD2, 0.0)
    world.call(0, 1, "answer", 0.05, 1.0)
    world.run(5.0)


def forgets_what_is_finished(patch: pytest.MonkeyPatch) -> None:
    finish = Calls._finish

    def forgetful(calls: Calls, call: Any, now: float) -> None:
        finish(calls, call, now)
        del calls._finished[call.key]

    patch.setattr(Calls, "_finish", forgetful)


def confirms_what_the_disk_refuses(patch: pytest.MonkeyPatch) -> None:
    durable = Context.durable
    patch.setattr(Context, "durable", lambda context, *changes: durable(context, *changes) or True)


def leaves_the_switch_ahead(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Means, "not_kept", lambda means, now: NOT_DONE)


def takes_no_waiting_command(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Core, "_take_waiting", lambda core, now: None)


def loses_what_it_can_not_send(patch: pytest.MonkeyPatch) -> None:
    send = ConsoleChannels.send

    def uncounted(channels: ConsoleChannels, stream: Any, channel: Channel, *rest: Any) -> Any:
        before = channels._counters["dropped_kpd2"]
        found = tuple(send(channels, stream, channel, *rest))
        channels._counters["dropped_kpd2"] = before
        return found

    patch.setattr(ConsoleChannels, "send", uncounted)


@pytest.mark.parametrize(
    ("spoil", "course", "found"),
    [
        (forgets_what_is_finished, repeated, "41h after"),
        (confirms_what_the_disk_refuses, refused_by_the_disk, "not what the core has"),
        (leaves_the_switch_ahead, refused_by_the_disk, "the switch has what the tables have"),
        (takes_no_waiting_command, two_at_once, "is not answered"),
        (loses_what_it_can_not_send, without_kpd2, "drops are counted"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_world_finds_it(
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[pytest.MonkeyPatch], None],
    course: Callable[[World], None],
    found: str,
) -> None:
    def lived() -> None:
        world = begun()
        course(world)
        world.settle()

    lived()  # nothing is wrong with it
    spoil(monkeypatch)
    with pytest.raises(AssertionError, match=found):
        lived()
