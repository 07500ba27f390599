"""docs/mediator.md, from the tables that the core runs on: it can't say anything else than the core does."""

from __future__ import annotations

from protocol.codes import Category, NumberSign, Order
from protocol.texts import MESSAGES, status_text
from sorm_mediator.mediator.core import calls, checks
from sorm_mediator.mediator.core.legality import LEGALITY, NEXT_STATE, TURNS, OrmState, Verdict
from sorm_mediator.mediator.core.legs import CATEGORY_BITS, ROLE_SHIFT
from sorm_mediator.mediator.core.numbers import LEGAL_SIGNS, SIGN_OF_NI

_BEGINNING = """\
# The mediator core

`sorm_mediator/mediator/core/core.py` is a synchronous state machine: one input and the time go in, effects come
out, to be executed in order (`effects.py`). It raises nothing, whatever a console, a switch or a call report says.

| module | what it decides |
|---|---|
| `core` | inputs, receipt (27h), execution (28h), unsolicited messages |
| `legality`, `checks`, `conditions` | which command is legal when, and every refusal, as tables |
| `execution` | what the commands do |
| `output` | answers that are tables, in pieces |
| `switchside` | requests to the switch, their time limit, bringing the objects back |
| `calls`, `legs` | call reports in, KPD2 events out |
| `ksl` | who has which line |
| `links` | the data channels and the console time-out |
| `numbers` | signs, digits, adaptations |
| `tables` | what must survive, and the changes that are made durable one by one |

## States

"""

_ORDER = """\

## One command at a time

Command 13 is the exception. What happens to a command by what the mediator is doing:

| the mediator is | a command | command 13 |
|---|---|---|
"""

_STEPS = """\

## The order of checks

1. **Length.** A unit of a length that its code doesn't allow, or that was cut: 27h/01h (extended 27h/10h).
2. **Code.** Not a command of the order (order 70 has 1..15): 27h/01h (27h/11h).
3. **Values.** A field whose octets mean nothing: 27h/01h (27h and the code of the field, next table). With several,
   the first of the table counts.
4. **The command's own receipt checks**, in the order of the tables below.
5. **Another command running**, unless this is command 13: 27h/01h (27h/2Dh).
6. **State**: 27h/02h (27h/17h).
7. With extended errors and the options `wrong_orm_number_reply`, `already_started_reply` at `vendor`: 27h/18h (then
   26h/05h), 27h/16h.
8. **27h/00h.** From here on exactly one 28h is due, whatever happens.
9. **ORM number**: 26h/05h and 28h/05h. **Password**: 26h/02h and 28h/03h. **Start while started**: 28h/07h.
   Option `unauthorized_access_place` has 26h before or after 28h.
10. **The command's own execution checks**, in the order of the tables below.
11. **The switch**, for commands 2, 5, 6, 12, 15, 16. Its refusal: 28h/01h (28h and its code).

With extended errors a code stands *in place of* the order's 01h, in the same message: a refusal at receipt is a 27h in
both styles. Command 14 ends with 29h; its 28h comes when it is refused, or by option `test_command_28h`.

A unit that can't be read is answered like any other, and ends a console time-out like any other.

| field | extended code |
|---|---|
"""

_AFTER = """\

## The switch

- 28h/00h of 2, 5, 6, 15 is sent when the switch has accepted, and the change is on disk.
- **No answer** within `switch_timeout`: 28h/01h, nothing is changed here; since nobody knows what the switch did, all
  objects are brought back to it at once (`sync`). An answer that comes later is counted and ignored.
- **Link down** (now, or while the command waits): 5, 6, 15, 12 and 16 end with 28h/01h; 2 is done here, and
  the switch learns it when the objects are brought back: a mediator without its switch can be stopped.
- **Removal of an object that the switch does not have** (34h, 35h, 53h) is a success.
- **Link up**: all objects go to the switch in chunks. Requests of commands wait for the end of it; their
  time limit runs. Objects that the switch refuses then stay in the tables, are logged and journaled. A failure is
  tried again.

## A console that goes away

A command that waits for the switch is completed in the tables; its 28h is sent to nobody, not to the next connection.
A table that is being sent ends. With `console_timeout`, the same holds for a silent console: what is unsent is deleted
on both channels, nothing is sent until its next command, and what would have been sent is counted.

## After a restart

The first KPD1 that comes up hears 22h (option `restart_message`), then 21h/01h if the tables were lost, whatever the
state; else 21h/03h if the means are started (option `alarm_while_stopped`: also when stopped). The state is what it
was. Calls that were running are told of anew by their next report, under new call numbers.

## Calls

A call report is a cumulative snapshot; the core tells what it has not told yet. So a lost, doubled, late or overtaken
report changes nothing, and a Stop without a Start tells the whole call. Per object the order is
`41h (44h)* 42h (44h)* 43h`; between objects it is that of the moments. Dialling that was not completed is
43h/02h alone.

- 41h shows as called what the object was touched by; 44h every hop of the call; 42h and 43h the original A and the
  final B.
- Times are the moments of the events, as the switch reported them.
- The trunk field is filled for trunk objects; a side without digits has no sign.
- Call numbers are unique among live calls, from 1, wrapping from FFFEh to 0.
- Events of all objects go by the lowest stream whose KPD2 works. Without one they are dropped and counted.
- An object that comes under control during a call that is known is controlled from the next call on (option
  `join_running_call_on_add`: at once, with 51h).
- A finished call is remembered for {seconds:.0f} s (at most {count} calls); a call without reports for `call_expiry` is
  given up with 43h/01h.

## Lines

The lowest free line of the object's group is taken at 41h. A priority object without a free line takes that of the
ordinary object of the group which has had one for the longest time; command 7 does so for any object. An empty group
may change its type, unless an object points to it. The same phone means: the same digits, sign and object type.

| 52h | why |
|---|---|
"""


def page() -> str:
    """The whole page."""
    after = _AFTER.format(seconds=calls.FINISHED_SECONDS, count=calls.FINISHED_CALLS)
    parts = [
        _BEGINNING,
        _states(),
        _ORDER,
        _turns(),
        _STEPS,
        *(f"| `{name}` | {code:02X}h |\n" for name, code in checks.FIELD_CODES.items()),
        "| `ksl_a` and `ksl_b` | 41h |\n",
        f"| any other | {checks.PARAMETERS:02X}h |\n",
        "\n## Checks of each command\n",
        *(_command(code) for code in sorted(checks.CHECKS)),
        after,
        _released(),
        "\n## Numbers\n\nThe sign that a number of a call is shown with, by the switch's indicator:\n\n",
        _indicators(),
        "\nThe signs that an object may have:\n\n",
        _signs(),
        "\nThe selection sign is the OR of these, one for each reason:\n\n",
        _selection(),
    ]
    return "".join(parts)


def _states() -> str:
    lines = ["```\n"]
    for (state, code), then in NEXT_STATE.items():
        lines.append(f"{state.value} -- command {code} ({MESSAGES[code].en}), 28h/00h --> {then.value}\n")
    lines += ["```\n\n", "| command | stopped | started |\n", "|---|---|---|\n"]
    for code in sorted({code for _, code in LEGALITY}):
        stopped, started = (LEGALITY[state, code] for state in OrmState)
        lines.append(f"| {code} {MESSAGES[code].en} | {stopped.value} | {started.value} |\n")
    assert set(LEGALITY.values()) == set(Verdict)
    return "".join(lines)


def _turns() -> str:
    works = dict.fromkeys(work for work, _ in TURNS)
    return "".join(f"| {w.value} | {TURNS[w, False].value} | {TURNS[w, True].value} |\n" for w in works)


def _command(code: int) -> str:
    lines = [
        f"\n### Command {code}: {MESSAGES[code].en} ({MESSAGES[code].ru})\n\n",
        "| refused when | когда | order | extended | its text |\n|---|---|---|---|---|\n",
    ]
    for check in checks.CHECKS[code]:
        text = status_text(check.extended, lang="en")
        reply, extended = f"{check.reply:02X}h", f"{check.extended:02X}h"
        lines.append(f"| {check.en} | {check.ru} | {reply}/01h | {reply}/{extended} | {text} |\n")
    return "".join(lines)


def _released() -> str:
    reasons = {
        calls.BY_COMMAND_8: "command 8",
        calls.BY_PRIORITY: "taken by a priority object",
        calls.BY_COMMAND_7: "taken to carry out command 7",
        calls.BY_FAULT: "line out of order, or command 9 with `busy_ksl_removal`",
        calls.BY_COMMAND_6: "command 6, or command 15 to statistical with `change_running_call`",
        calls.BY_STOP: "command 2",
    }
    return "".join(f"| {code:02X}h | {why} |\n" for code, why in reasons.items())


def _indicators() -> str:
    orders: tuple[Order, ...] = ("268", "70")
    lines = ["| indicator | order 268 | order 70 |\n|---|---|---|\n"]
    for ni in SIGN_OF_NI["268"]:
        lines.append(f"| {ni} | " + " | ".join(SIGN_OF_NI[order][ni].value for order in orders) + " |\n")
    return "".join([*lines, "| unknown | none | none |\n"])


def _signs() -> str:
    lines = ["| object type | order 268 | order 70 |\n|---|---|---|\n"]
    for kind, signs in LEGAL_SIGNS["268"].items():
        lines.append(f"| {kind.value} | {_names(signs)} | {_names(LEGAL_SIGNS['70'][kind])} |\n")
    return "".join(lines)


def _names(signs: frozenset[NumberSign | None]) -> str:
    return ", ".join(sign.value for sign in NumberSign if sign in signs) or "none"


def _selection() -> str:
    header = "| reason | " + " | ".join(category.value for category in Category) + " |\n|---|---|---|---|\n"
    rows = [
        f"| {role} | "
        + " | ".join(f"{CATEGORY_BITS[category] << shift:02X}h" for category in Category)
        + " |\n"
        for role, shift in ROLE_SHIFT.items()
    ]
    return header + "".join(rows)
