"""The page about an E1 stream, made of the tables and settings of :mod:`e1`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator

from e1.carriers.memory import LineModel
from e1.carriers.satop import Depacketiser, SatopConfig, SatopCounters
from e1.g704.alarms import PRIORITY, SIGNAL_EFFECTS, AlarmConfig, Signal, StreamState
from e1.g704.framer import Counters, Performance
from e1.stream import E1Stream, StreamConfig

_INTRODUCTION = """# The E1 stream

A console of this field sits behind a 2048 kbit/s stream: timeslots 30 and 31 carry the data channels KPD1 and KPD2,
timeslots 1..15 and 17..29 carry KSL 1..28, timeslot 0 carries alignment. `e1/` is without I/O but for the lines; it
takes octets and the time, and gives octets and events. It imports nothing of the other rooms.

| module | what it decides |
|---|---|
| `g704.frames` | what timeslot 0 carries; CRC-4; the sending side; the search for alignment |
| `g704.framer` | the receiving side: LOS and AIS, alignment, multiframe, RAI, counters of G.826 kind |
| `g704.alarms` | criteria, the table of defects, the state, what follows from it |
| `stream` | one end: framer both ways, two data channels, speech by KSL, injected faults |
| `channel` | one data channel: HDLC, LAPB and X.25 |
| `events` | what a data channel reports |
| `carriers.carrier` | the interface that both ends use, whatever carries the channels |
| `carriers.memory` | a line within one process: bit errors, delay, slips, a cut |
| `carriers.satop` | SAToP (RFC 4553): packets, jitter buffer, clock; `carriers.satop_socket` binds it to UDP |

```python
from e1.carriers.memory import memory_pair
from e1.lapb.config import LapbConfig
from e1.stream import E1Stream, StreamConfig
from e1.x25.config import X25Config

mediator = E1Stream(StreamConfig(lapb=LapbConfig(role="dce"), x25=X25Config(role="dce")))
console = E1Stream(StreamConfig(lapb=LapbConfig(role="dte"), x25=X25Config(role="dte")))
now = 0.0
near, far = memory_pair(clock=lambda: now)


def pass_time(seconds):
    global now
    for _ in range(round(seconds / 0.005)):
        now += 0.005
        near.exchange(mediator)
        yield from far.exchange(console)


for event in pass_time(1.0):                  # both are in WORK, the channels come up
    print(event)
mediator.send("kpd1", b"a message", now)
for event in pass_time(0.1):                  # ... and the ChannelEvent of the console has the message
    print(event)
```

Every decision falls at a place in the stream: in what pieces it comes does not matter, and tests say so. While nothing
happens a batch is judged as a whole with numpy; whatever is out of the ordinary is gone through frame by frame.
"""


def page() -> str:
    """The whole page."""
    parts = [
        _INTRODUCTION,
        "## States\n",
        "The first in this order that is there is shown; criteria count bits and frames, never wall time.\n",
        *_states(),
        "\n## The table of defects\n",
        "A stream begins in LOS. What happens raises and clears defects:\n",
        *_signals(),
        "\nThe states that one can pass into from each, by the signals of the line alone:\n",
        "```",
        *_transitions(),
        "```",
        "\n## Faults on demand\n",
        *_literal(E1Stream.fault),
        "\n## The jitter buffer of SAToP\n",
        *_literal(Depacketiser),
        "\n## Settings\n",
    ]
    for config in (StreamConfig, AlarmConfig, SatopConfig, LineModel):
        parts += [f"### `{config.__name__}`\n", "| field | default | meaning |", "|---|---|---|"]
        defaults = config()
        parts += [
            f"| `{name}` | {default_cell(getattr(defaults, name))} | {meaning} |"
            for name, meaning in fields(config)
        ]
        parts.append("")
    parts.append("## Counters\n")
    for counters in (Counters, Performance, SatopCounters):
        parts += [f"### `{counters.__name__}`\n", "| counter | meaning |", "|---|---|"]
        parts += [f"| `{name}` | {meaning} |" for name, meaning in fields(counters)]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _states() -> Iterator[str]:
    config = AlarmConfig()
    meanings = docstrings(StreamState)
    yield "| state | meaning | A = 1 is sent | data passes | the second is severely errored |"
    yield "|---|---|---|---|---|"
    for state in PRIORITY:
        follows = config.consequence(state)
        marks = ("yes" if mark else "" for mark in (follows.remote_alarm, follows.data, follows.defect))
        yield f"| {state} | {meanings[state.name]} | {' | '.join(marks)} |"


def _signals() -> Iterator[str]:
    yield "| what happens | raises | clears |"
    yield "|---|---|---|"
    for signal, change in SIGNAL_EFFECTS.items():
        raised, cleared = (", ".join(s for s in PRIORITY if s in group) for group in change)
        yield f"| {signal} | {raised} | {cleared} |"


def _transitions() -> Iterator[str]:
    """From every set of defects that can be reached from the first one."""
    operator = {Signal.REMOVED, Signal.INSTALLED, Signal.DISABLED, Signal.ENABLED}
    first = SIGNAL_EFFECTS[Signal.NO_PULSES].raises
    reached, waiting = {first}, [first]
    found: dict[tuple[StreamState, StreamState], set[str]] = {}
    while waiting:
        defects = waiting.pop()
        for signal, change in SIGNAL_EFFECTS.items():
            if signal in operator:
                continue
            after = defects - change.clears | change.raises
            old, new = _shown(defects), _shown(after)
            if old is not new:
                found.setdefault((old, new), set()).add(signal)
            if after not in reached:
                reached.add(after)
                waiting.append(after)
    order = list(PRIORITY)
    for (old, new), signals in sorted(found.items(), key=lambda row: tuple(map(order.index, row[0]))):
        yield f"{old:4} -- {', '.join(sorted(signals))} --> {new}"


def _shown(defects: frozenset[StreamState]) -> StreamState:
    return next((state for state in PRIORITY if state in defects), StreamState.WORK)


def _literal(thing: object) -> Iterator[str]:
    """A docstring whose table is drawn with ``=``, as it stands."""
    yield "```text"
    yield re.sub(r":\w+:`([^`]+)`", r"\1", inspect.getdoc(thing) or "")
    yield "```"


def docstrings(cls: type) -> dict[str, str]:
    """What is written under the attributes of a class."""
    tree = ast.parse(inspect.getsource(cls)).body[0]
    if not isinstance(tree, ast.ClassDef):
        raise TypeError(f"{cls} is no class")
    found: dict[str, str] = {}
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.append(node.targets[0].id)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and names:
            found[names[-1]] = markdown(str(node.value.value))
    return {name: found.get(name, "") for name in names}


def markdown(text: str) -> str:
    """Text of a docstring for a cell of a table."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", " ".join(text.split()))
    return text.replace("``", "`").replace("|", "\\|")


def fields(cls: type) -> Iterator[tuple[str, str]]:
    """The public attributes of a class, each with what is written under it."""
    return ((name, text) for name, text in docstrings(cls).items() if not name.startswith("_"))


def default_cell(value: object) -> str:
    """A default value for a cell of a table."""
    if isinstance(value, str):
        return f"`{str(value)!r}`"
    return f"`{value}`" if isinstance(value, bool | int | float) else f"`{type(value).__name__}()`"
