"""The page about HDLC and LAPB, made of the state table and settings of :mod:`e1.lapb`."""

from __future__ import annotations

import inspect

from docs.e1_page import default_cell, docstrings, fields, markdown
from docs.state_tables import arrows
from e1.hdlc import FrameCounters, HdlcCounters
from e1.lapb.config import LapbConfig, LapbCounters
from e1.lapb.machine import LAPB_TABLE, VARIANTS, LapbState

_INTRODUCTION = """# HDLC and LAPB

Each data channel is a timeslot of 64 kbit/s with X.25 on it; this page is about its lower half.

| module | what it does |
|---|---|
| `hdlc` | FCS-16; timeslot octets to frames and back: flags, zero insertion, abort, idle; asynchronous framing |
| `lapb.config` | settings of a link, and an option for everything in which real peers differ from X.25; its effects |
| `lapb.frames` | the frames of LAPB |
| `lapb.window` | what is not acknowledged |
| `lapb.machine` | the state table, and the machine that runs on it; information transfer |

```python
from e1.lapb.machine import Lapb, LapbConfig, SendFrame

link = Lapb(LapbConfig(role="dte"))
for effect in link.carrier(True, now=0.0):     # the line is there: set up
    if isinstance(effect, SendFrame):
        print(effect.frame.hex())              # 013f: SABM P=1, without FCS
```

Nothing here reads a clock: `now` comes in, `next_deadline()` says when `tick(now)` is due.

## HDLC

The first bit of the line is the most significant of a timeslot's octet, so timeslot octets hold those of HDLC
bit-reversed. A receiver takes octets in any pieces. Bad frames are counted and discarded, never answered:

{hdlc}

## The two roles

The address names who must answer: a DTE sends commands with 01h and gets them with 03h, a DCE the other way round. When
a frame that can only be a command comes with the address of a response, or the reverse, both ends have one role (or
the line is looped back): the alarm `role-mismatch` says so once, and the link does not come up.

A peer that numbers frames modulo 128 sets up with SABME (`01 7f` of a DTE). It is answered with DM, and the alarm
`modulo-mismatch` says so once: this end has modulo 8 alone.

Either end sets up (X.25 2.4.4.1), whatever its role: SABM as soon as the line is there, and then every T1, for ever.
Two SABM that cross do no harm. So a link whose line becomes good comes up by itself: at once if an end saw the line
come back, else within N2 times T1 for what is under way at each end, and one T1 for the set-up. A peer that did not
notice the interruption is set up anew at once, and so is one that has given up and waits.

With `set_up = "dte"` a DCE waits T1 and then invites the DTE with DM F=0, every T1 (option `s0_exhausted`). A DTE that
did not notice the interruption then waits a T1 of its own, and one that has given up may ignore the invitation: that of
Linux does, after 20 times 5 s, and its link then stays down.

## States and events

{states}

What either role does, in this order. "T1" after a frame: T1 is started. T1 in S0 runs only while layer 3 wants the
link. An event that changes nothing and has no action is ignored.

```text
{table}
```

What the options change:

{variants}
`information_not_allowed` and `too_long` at `accept` make their events not happen.

## Preset linux

`LapbConfig.linux(role)`, in a lab file `lapb = {{ preset = "linux" }}`, is for a peer that is a Linux kernel, and for
playing one: the timers and sizes of `net/lapb` of Linux 6.1, how it sends again, when it gives up, and most of what it
leaves without an answer. Any other key of `[e1.lapb]` beside it wins. It interoperates with the kernel; it is not a
copy of it. What a kernel does otherwise:

| in | a kernel | this end with the preset |
|---|---|---|
| S0, a DCE whose line is there | T1, then DM F=0; after N2 of them SABM | SABM at once, every T1; `set_up = "dte"` |
| S0, a DTE that gets DM F=0 | ignores it | SABM |
| S1, after N2 times T1 | gives up: S0, and silent until its line goes and comes | S0, and SABM after one T1 more |
| S3, DM F=0 | link down, SABM after T1 | link down, SABM at once; a DCE with `set_up = "dte"` waits T1 |
| S3, UA that nobody asked for | ignores it | resets the link; `unsolicited_ua = "ignore"` |
| S3, SABM or FRMR: what is not acknowledged | sends it again | drops it, and X.25 settles it; `on_reset = "requeue"` |
| S3, FRMR that it sends | always F=0 | F is the P bit of the frame that it rejects |
| S3, invalid N(R) in a command with P=1 | RR F=1, then FRMR | FRMR alone |
| S0, S4 | some answers of its own | the table above |
| any, an address that is neither 01h nor 03h | takes the frame | discards it |

## Information transfer

- An acknowledgement goes in the next I frame, after T2 alone, or at once when half a window has come in.
- A gap is answered with one REJ; only the expected I frame allows another one.
- T1: `resend` says how the ends find out where they are. Nothing new is sent before the answer with F=1.
- A busy peer is polled every T1, for as long as it answers. Our own `busy()` sends RNR, refuses what comes, and asks
  for it with REJ afterwards.
- N(R) up to the highest N(S) that was ever out is valid, also after V(S) was set back.

## What layer 3 hears

`LinkUp(reset, undelivered)`, `LinkDown(reason, undelivered)`, `DeliverPacket(data)`. Between one `LinkUp` and the next
`LinkUp` or `LinkDown`, information arrives once and in order; `undelivered` pieces, the last that were handed in, may
not have arrived, and nothing else is missing. That holds on a line that keeps the order of frames and
whose round trip is under T1, whatever it loses or spoils; a line that doubles SABM would break it.

An alarm (`ChannelAlarm`) has one of these kinds: `role-mismatch`, `modulo-mismatch`, `link-reset`, `frmr-sent`,
`frmr-received`, and `not-sent` for information that came while the link was down.

## Settings

| field | default | meaning |
|---|---|---|
{settings}

## Counters

| counter | meaning |
|---|---|
{counters}
"""


def page() -> str:
    """The whole page."""
    defaults = LapbConfig()
    settings = [
        f"| `{name}` | {default_cell(getattr(defaults, name))} | {text} |"
        for name, text in fields(LapbConfig)
    ]
    return _INTRODUCTION.format(
        hdlc=markdown(f"{inspect.getdoc(FrameCounters)} {inspect.getdoc(HdlcCounters)}"),
        states="\n".join(f"- {name}: {text}" for name, text in docstrings(LapbState).items()),
        table=arrows(LAPB_TABLE),
        variants=_variants(),
        settings="\n".join(settings),
        counters="\n".join(f"| `{name}` | {text} |" for name, text in fields(LapbCounters)),
    )


def _variants() -> str:
    lines = ["| setting | event | state | then |", "|---|---|---|---|"]
    for v in VARIANTS:
        setting = f"`{v.field} = {v.value!r}`" + (f" of a {v.role.upper()}" if v.role else "")
        actions = ", ".join(v.move.actions) or ("" if v.move.next else "ignore")
        then = f"{actions} → {v.move.next}".strip() if v.move.next else actions
        lines.append(f"| {setting} | {v.event} | {v.state} | {then} |")
    return "\n".join(lines) + "\n"
