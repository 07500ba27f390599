"""The order of a fault: the one declaration of its parameters, for HTTP, scenarios, the console, the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sorm_mediator.config.base import MistakeAt, SeveralMistakes
from sorm_mediator.language import Phrase

Link = Literal["ssh", "radius", "kpd1", "kpd2"]
Action = Literal["drop", "delay", "duplicate", "reorder", "cut", "restart", "clear"]
Direction = Literal["both", "to-console", "from-console", "to-switch", "from-switch"]
Address = Literal["primary", "backup"]

LONGEST: Final = 86_400.0
"""Seconds of a fault and of a delay (our choice)."""
HOLD: Final = 0.2
"""Seconds that a unit waits at most to be overtaken, unless ``seconds`` says otherwise (our choice)."""
AWAY: Final = 1.0
"""Seconds that a switch is away that is restarted, unless ``for`` says otherwise (our choice)."""
MOST_COPIES: Final = 1000
"""Copies of one unit: a storm of RADIUS (our choice)."""

ENDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "kpd1": ("to-console", "from-console"),
        "kpd2": ("to-console", "from-console"),
        "ssh": ("to-switch", "from-switch"),
        "radius": ("to-switch", "from-switch"),
    }
)
"""The directions of each link, as the mediator sees them: what it sends, and what it receives."""

HOLDING: Final = frozenset(("delay", "duplicate", "reorder"))
"""The actions that hold units back."""

_PLACE: Final = frozenset(("direction", "pair", "address", "domain"))
_CHANCE: Final = frozenset(("for_", "share", "count", "seed")) | _PLACE
TAKES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "drop": _CHANCE,
        "delay": _CHANCE | {"seconds", "jitter"},
        "duplicate": _CHANCE | {"copies", "jitter"},
        "reorder": _CHANCE | {"seconds"},
        "cut": frozenset(("for_", "pair", "address")),
        "restart": frozenset(("for_",)),
        "clear": frozenset(("pair", "address", "domain")),
    }
)
"""The parameters of each action, beside link and action."""
OF_LINKS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"pair": ("kpd1", "kpd2"), "address": ("ssh",), "domain": ("ssh",)}
)
"""The links of parameters that only some have."""
OF_A_DOMAIN: Final = frozenset(("for_", "seconds", "domain"))
"""The parameters of a fault of one domain of the switch, which answers late (delay) or never (drop)."""


class FaultOrder(BaseModel):
    """A fault of a link, or the end of its faults (docs/faults.md). Raises pydantic's ValidationError."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {"link": "ssh", "action": "cut", "for": 2},
                {"link": "radius", "action": "drop", "direction": "to-switch", "count": 3},
                {"link": "kpd2", "action": "delay", "seconds": 0.5, "jitter": 0.1},
                {"link": "radius", "action": "duplicate", "copies": 100, "for": 5},
            ]
        },
    )

    link: Link
    """ssh: the line dialect between mediator and switch. radius: the call reports and their answers. kpd1: commands and
    their messages. kpd2: events."""
    action: Action
    """drop: units are lost. delay: they arrive later. duplicate: they arrive more than once. reorder: a unit is
    overtaken by the next. cut: the connection is lost, and there is none until the fault ends. restart: the switch of
    the lab ends as if killed, and starts again (ssh alone). clear: the faults of the link end."""
    for_: Annotated[float | None, Field(alias="for", gt=0, le=LONGEST, allow_inf_nan=False)] = None
    """Seconds until the fault ends by itself; left out: until it is cleared. Of restart: seconds that the switch is
    away, 1 when left out."""
    share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1.0
    """The share of units that it touches, by chance: 1 is every one."""
    count: Annotated[int | None, Field(ge=1, le=1_000_000_000)] = None
    """Units after which it ends by itself; left out: no limit."""
    seconds: Annotated[float | None, Field(gt=0, le=LONGEST, allow_inf_nan=False)] = None
    """Of delay: how much later a unit arrives. Of reorder: how long one waits at most to be overtaken, 0.2 when left
    out."""
    jitter: Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)] = 0.0
    """Up to so many seconds more, by chance: of a delay, or of each copy."""
    copies: Annotated[int, Field(ge=1, le=MOST_COPIES)] = 1
    """Of duplicate: how many more of each unit arrive. Many make a storm."""
    direction: Direction = "both"
    """to-console, from-console of kpd1 and kpd2; to-switch, from-switch of ssh and radius."""
    pair: Annotated[int | None, Field(ge=0, le=7)] = None
    """The stream whose pair it is: 0 over TCP; left out: every pair."""
    address: Address | None = None
    """primary: ssh.server, backup: ssh.backup; left out: both."""
    domain: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    """The domain of the switch that answers late (delay) or never (drop), over SSH; left out: the link itself."""
    seed: Annotated[int | None, Field(ge=0, le=2**63 - 1)] = None
    """Repeats what comes by chance; left out: another one each time, which the list of faults tells."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Raises ValueError for a parameter that the action or the link does not have."""
        if found := list(self._mistakes()):
            raise SeveralMistakes(found)
        return self

    def _mistakes(self) -> Iterator[MistakeAt]:
        link, action, given = self.link, self.action, self.model_fields_set - {"link", "action"}
        for name in sorted(given - TAKES[action]):
            taken = ", ".join(sorted("for" if one == "for_" else one for one in TAKES[action]))
            yield MistakeAt(
                "for" if name == "for_" else name,
                Phrase("{action} has no such parameter; allowed: {taken}", action=action, taken=taken),
            )
        for name in sorted(given & OF_LINKS.keys()):
            if link not in OF_LINKS[name]:
                of = ", ".join(OF_LINKS[name])
                yield MistakeAt(name, Phrase("belongs to {links}, not to {link}", links=of, link=link))
        if self.direction not in ("both", *ENDS[link]):
            yield MistakeAt(
                "direction",
                Phrase(
                    '"{direction}" is not allowed with {link}: both, {allowed}',
                    direction=self.direction, link=link, allowed=", ".join(ENDS[link]),
                ),
            )  # fmt: skip
        if action == "delay" and self.seconds is None:
            yield MistakeAt("seconds", Phrase("delay needs them, such as 0.5"))
        if action == "restart" and link != "ssh":
            yield MistakeAt(
                "action", Phrase("restart is of the switch, at the end of ssh: {link} has none", link=link)
            )
        if self.domain is not None and action not in ("delay", "drop", "clear"):
            yield MistakeAt(
                "domain",
                Phrase(
                    "a domain answers late (delay) or never (drop); {action} is of the link", action=action
                ),
            )
        elif self.domain is not None and (more := sorted(given - OF_A_DOMAIN)):
            yield MistakeAt(more[0], Phrase("a fault of a domain has for, and of delay seconds, alone"))

    @property
    def lasts(self) -> float | None:
        """Seconds until it ends by itself; None: until it is cleared."""
        return AWAY if self.for_ is None and self.action == "restart" else self.for_

    @property
    def given(self) -> dict[str, object]:
        """The parameters that were given, beside link and action, by their names in an order."""
        shown: dict[str, object] = self.model_dump(
            by_alias=True, exclude_unset=True, exclude={"link", "action"}
        )
        return shown

    @classmethod
    def meanings(cls) -> dict[str, str]:
        """What each parameter means, by its name in an order: English, which the catalogue of texts has too."""
        return {
            field.alias or name: " ".join((field.description or "").split())
            for name, field in cls.model_fields.items()
        }

    def touches(self, link: str, direction: str, pair: int | None, address: str | None) -> bool:
        """Whether it is of this direction of a link, and of this pair or address."""
        return (
            self.link == link
            and self.domain is None
            and self.direction in ("both", direction)
            and self.pair in (None, pair)
            and self.address in (None, address)
        )
