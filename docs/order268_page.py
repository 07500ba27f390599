"""The generated parts of ``docs/order268.md``: what the profiles decide; commands and messages with their codes."""

from __future__ import annotations

import json
from itertools import groupby, pairwise

from protocol.codes import Channel
from protocol.language import translate
from protocol.messages import MESSAGES, Message, payload_lengths
from protocol.options import Options
from sorm_mediator.config.mediator import MediatorConfig
from sorm_mediator.options import differences

_APPENDIX = {Channel.COMMAND: 6, Channel.KPD1: 9, Channel.KPD2: 11}
_FIRST = {Channel.COMMAND: 0x01, Channel.KPD1: 0x21}


def profiles() -> str:
    """One row for each option whose default the profile decides."""
    lines = [
        "| option of `[mediator]` | order | eltex | clause | why the device differs |",
        "|---|---|---|---|---|",
    ]
    for one in differences(MediatorConfig):
        order, eltex = (f"`{json.dumps(one.defaults[profile])}`" for profile in ("order", "eltex"))
        lines.append(f"| `{one.key}` | {order} | {eltex} | {one.clause} | {one.why} |")
    return "\n".join(lines)


def units() -> str:
    """One row for each command and message of order 268, in order of clause."""
    lines = [
        "| clause | code | name | what it is | по-русски | octets of content |",
        "|---|---|---|---|---|---|",
    ]
    for channel, clause in _APPENDIX.items():
        known = [cls for cls in MESSAGES if cls.channel is channel]
        for place, cls in enumerate(sorted(known, key=lambda cls: cls.code), 1):
            number = cls.code - _FIRST[channel] + 1 if channel in _FIRST else place
            lines.append(f"| {clause}.{number} | {_row(cls)} |")
    return "\n".join(lines)


def _row(cls: type[Message]) -> str:
    text = cls.title
    lengths = _ranges(payload_lengths(cls, Options()))
    return f"{cls.code:02X}h | `{cls.message_name}` | {text} | {translate(text, 'ru')} | {lengths}"


def _ranges(lengths: frozenset[int]) -> str:
    """``0, 2..5, 9, 12``, or with one step between all: ``12..78 by 3``."""
    numbers = sorted(lengths)
    steps = {after - before for before, after in pairwise(numbers)}
    if len(numbers) > 2 and len(steps) == 1 and steps != {1}:
        return f"{numbers[0]}..{numbers[-1]} by {steps.pop()}"
    runs = [
        [number for _, number in run] for _, run in groupby(enumerate(numbers), lambda one: one[1] - one[0])
    ]
    return ", ".join(f"{run[0]}..{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
