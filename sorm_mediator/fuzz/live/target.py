"""A mediator that is fuzzed: the ways into it, and what can be seen of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sorm_mediator.config import Config
from sorm_mediator.console.target import RunTarget
from sorm_mediator.fuzz.live.wall import WallClock
from sorm_mediator.fuzz.live.watching import Logged

if TYPE_CHECKING:
    from sorm_mediator.fuzz.live.between import Between

Address = tuple[str, int]


@dataclass(slots=True, kw_only=True)
class Gateway:
    """A mediator that runs, with what is known of it. An address None: that way is not offered."""

    name: str
    """As ``--target`` has it."""
    config: Config
    """Its lab file; the defaults where none is given."""
    run: RunTarget
    """Its consoles and its web."""
    kpd1: Address | None = None
    kpd2: Address | None = None
    web: Address | None = None
    radius: Address | None = None
    ssh: Address | None = None
    """The switch's port that the mediator logs in to."""
    between: Between | None = None
    """Stands between the mediator and its switch, and spoils what the switch says."""
    wall: WallClock | None = None
    """Sets its wall clock."""
    pid: int | None = None
    """Its process, where that is of this machine."""
    alive: Callable[[], str] = field(default=lambda: "")
    """Why it is not running any more; "" as long as it is."""
    held_until: float = 0.0
    """Until when (monotonic clock) a console gives many commands or leaves a table unread: those of all wait (option
    ``output_timeout``)."""
    full_until: float = 0.0
    """Until when (monotonic clock) a surface leaves it without descriptors: nobody new is let in meanwhile."""
    log: Logged | None = None
    """What it logs; None: that can't be seen."""
    not_offered: Mapping[str, str] = field(default_factory=dict)
    """Surface -> why this target has none."""

    @property
    def secret(self) -> bytes:
        """The secret of the accounting sink."""
        return self.config.radius.secret.get_secret_value().encode()

    @property
    def token(self) -> str:
        """The token of the web."""
        return self.config.web.token.get_secret_value()
