"""What a trace is asked: the parameters of the switch's ``routing/trace``.

Source: ECSS-10 manual, Number format check: "/domain/<DOMAIN>/routing/trace iface=<IFACE> cdpn.<PARAM>=value
...". The parameters of the calling number are those that the printed result shows of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from sorm_mediator.switch.routing.masks import SYMBOLS
from sorm_mediator.switch.routing.model import NUMBER_INDICATORS

CDPN: Final = ("digits", "incomplete", "inni", "nai", "ni", "npi")
CGPN: Final = ("digits", "incomplete", "nai", "ni", "npi", "apri", "screening", "category")
MODES: Final = ("enblock", "overlap")
PARAMETERS: Final = (
    *(f"cdpn.{name}" for name in CDPN),
    *(f"cgpn.{name}" for name in CGPN),
    "iface",
    "mode",
)
MOST_DIGITS: Final = 18


class TraceError(ValueError):
    """What is asked can't be understood. The text names the parameter, its value and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRequest:
    """A call to be traced.

    calling, called: what is given of both numbers, by the names of the parameters. iface: by what the call comes in.
    mode: ``enblock``: the digits are all that is dialled; ``overlap``: more may follow, as the digit map says.
    """

    calling: Mapping[str, str]
    called: Mapping[str, str]
    iface: str = ""
    mode: Literal["enblock", "overlap"] = "enblock"


def read_request(arguments: Iterable[str]) -> TraceRequest:
    """Read ``NAME=VALUE`` parameters. Raises :class:`TraceError`."""
    given: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        name, value = name.strip(), value.strip().strip('"')
        if name not in PARAMETERS:
            raise TraceError(f"{argument!r}: no parameter of a trace; there are: {', '.join(PARAMETERS)}")
        if not equals or not value:
            raise TraceError(f"{name}: a value is missing; write {name}=VALUE")
        if name in given:
            raise TraceError(f"{name}: is given twice, as {given[name]!r} and {value!r}")
        _check(name, value)
        given[name] = value
    if "cdpn.digits" not in given:
        raise TraceError(
            "cdpn.digits: is missing; the number that is dialled, such as cdpn.digits=89001758964"
        )
    if "cgpn.digits" not in given and "iface" not in given:
        raise TraceError(
            "cgpn.digits: is missing; the number that calls, such as cgpn.digits=28331, or iface=NAME"
        )
    return TraceRequest(
        calling=_side("cgpn", given),
        called=_side("cdpn", given),
        iface=given.get("iface", ""),
        mode="overlap" if given.get("mode") == "overlap" else "enblock",
    )


def _side(tag: str, given: Mapping[str, str]) -> Mapping[str, str]:
    prefix = f"{tag}."
    return MappingProxyType(
        {name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)}
    )


def _check(name: str, value: str) -> None:
    kind = name.rpartition(".")[2]
    if kind == "digits" and not (set(value) <= set(SYMBOLS) and len(value) <= MOST_DIGITS):
        raise TraceError(f"{name}: {value!r} is no number; up to {MOST_DIGITS} of {SYMBOLS}")
    allowed: Mapping[str, tuple[str, ...]] = {
        "ni": NUMBER_INDICATORS,
        "incomplete": ("false", "true"),
        "mode": MODES,
    }
    if kind in allowed and value not in allowed[kind]:
        raise TraceError(f"{name}: {value!r} is none of {', '.join(allowed[kind])}")
