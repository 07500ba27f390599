"""Where something waits in the gateway, from the RADIUS socket to the watchers: docs/limits.md lists the places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sorm_mediator.mediator.binding.feed import BACKLOG
from sorm_mediator.mediator.binding.status import QueueDocument
from ssh_control.client import MOST_UNSENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from radius.sink import Sink
    from sorm_mediator.config import Config
    from sorm_mediator.mediator.binding.feed import EventFeed
    from sorm_mediator.mediator.binding.listening import Listeners
    from sorm_mediator.mediator.core.context import Queued
    from sorm_mediator.mediator.core.core import Core
    from ssh_control.client import SwitchLink


def queues(
    config: Config,
    sink: Sink,
    core: Core,
    link: SwitchLink | None,
    of_console: Mapping[str, QueueDocument],
    events: EventFeed,
    listeners: Listeners | None,
    now: float,
) -> dict[str, QueueDocument]:
    """Every queue of a gateway; ``of_console``: those of its data channels."""
    counters, in_kernel, backlog = core.counters, sink.in_kernel(), sink.backlog
    most_commands = config.mediator.options.waiting_commands
    requests, oldest = (0, 0.0) if link is None else link.outstanding
    found = {
        "radius.socket": QueueDocument(
            holds="octets",
            waiting=in_kernel.octets,
            oldest=backlog.oldest if in_kernel.octets else 0.0,
            most=in_kernel.most,
            dropped=_some(full=in_kernel.dropped),
        ),
        "commands.held": _commands(
            core.held, now, most_commands, _some(**{"console gone": counters["commands_held_dropped"]})
        ),
        "commands.waiting": _commands(
            core.waiting,
            now,
            most_commands,
            _some(
                full=counters["commands_overflowing"], **{"console gone": counters["commands_never_taken"]}
            ),
        ),
        "switch.waiting": QueueDocument(
            holds="requests",
            waiting=core.switch_waiting.units,
            oldest=_age(core.switch_waiting, now),
            most=None,
            dropped={},
        ),
        "switch.requests": QueueDocument(
            holds="requests",
            waiting=requests,
            oldest=oldest,
            most=config.ssh.most_requests,
            dropped={} if link is None else _some(full=link.counters["requests given up"]),
        ),
        "switch.unsent": QueueDocument(
            holds="octets",
            waiting=0 if link is None else link.unsent,
            oldest=None,
            most=MOST_UNSENT,
            dropped={},
        ),
        **of_console,
        "watchers": QueueDocument(
            holds="events",
            waiting=events.waiting,
            oldest=None,
            most=BACKLOG,
            dropped=_some(**{"not read": events.dropped}),
        ),
    }
    if listeners is not None:
        from sorm_mediator.mediator.binding.listening import BACKLOG as PORTIONS

        found["listeners"] = QueueDocument(
            holds="portions",
            waiting=listeners.waiting,
            oldest=None,
            most=PORTIONS,
            dropped=_some(**{"not read": listeners.dropped}),
        )
    return found


def _commands(queued: Queued, now: float, most: int, dropped: dict[str, int]) -> QueueDocument:
    return QueueDocument(
        holds="units", waiting=queued.units, oldest=_age(queued, now), most=most, dropped=dropped
    )


def _age(queued: Queued, now: float) -> float:
    return 0.0 if queued.since is None else now - queued.since


def _some(**counts: int) -> dict[str, int]:
    """Those that are not 0."""
    return {why: count for why, count in counts.items() if count}
