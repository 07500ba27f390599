"""docs/mediator.md, from the tables that the core runs on: it can't say anything else than the core does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from docs.state_tables import arrows
from protocol.codes import Category, NumberSign, Order
from protocol.texts import EXTENDED_MANUAL, status_text
from sorm_mediator.language import Phrase, translate
from sorm_mediator.mediator.binding.consoles import CONNECTION_TABLE
from sorm_mediator.mediator.binding.gateway import MOST_UNWRITTEN
from sorm_mediator.mediator.core.calls import calls, kpd2_events
from sorm_mediator.mediator.core.calls.legs import CATEGORY_BITS, LEG_TABLE, ROLE_SHIFT
from sorm_mediator.mediator.core.channels import PAIR_TABLE
from sorm_mediator.mediator.core.commands import RULES
from sorm_mediator.mediator.core.commands.rule import (
    FIELD_CODES,
    ByOption,
    CommandRule,
    Refusal,
    Verdict,
)
from sorm_mediator.mediator.core.core import DISK_RETRY
from sorm_mediator.mediator.core.means import ORM_TABLE, TURNS, WORK_TABLE, Standing, Work
from sorm_mediator.mediator.core.numbers import LEGAL_SIGNS, SIGN_OF_NI
from sorm_mediator.mediator.core.switchside import SWITCH_TABLE
from ssh_control.codes import ExtendedError

_BEGINNING = """\
# The mediator core

`sorm_mediator/mediator/core/core.py` is synchronous: one input and the time go in, effects come out, to be executed in
order (`effects.py`). It raises nothing, for any input from a console, a switch or a call report.
`sorm_mediator/mediator/binding/` has the sockets, the disk and the clock. A change of the tables goes out in the middle
of an input, through `durably`, which returns whether the disk has it: a command that the disk refuses is not executed.

| module of `core/` | what it decides |
|---|---|
| `core` | inputs, receipt (27h), execution (28h), what is sent unasked |
| `means` | the state of the technical means, one command at a time, answers that are tables |
| `commands/rule` | what a command is made of |
| `commands/state`, `objects`, `ksl`, `tables` | each command: when it is taken, its refusals, what it does |
| `calls/calls`, `calls/legs` | call reports in, steps of each object in each call |
| `calls/kpd2_events` | the KPD2 messages of calls |
| `calls/electronic_messages` | reports of electronic messages in, 2Ch out |
| `calls/ksl_pool` | who has which line |
| `numbers` | signs, digits, adaptations |
| `channels` | the pairs of data channels, and the two time-outs |
| `switchside` | requests to the switch, their time limit, resynchronisation |
| `tables` | what is kept, and the changes that are made durable one by one |
| `passwords` | how passwords are compared, and how fast they may be tried |

`sorm_mediator/config/capacity.py` has the order's tables of how much a node of which size controls.

A clause such as 6.5.5.7 is appendix 6, clause 5.5.7 of order 268: [order268.md](order268.md).

## States

"""

_ORDER = """\

## One command at a time

A command that comes while another runs (order 268, 7.1, 7.2):

"""

_WORK = """\

What the mediator is busy with changes so:

"""

_STEPS = """\

A command that waits is checked when it is taken, and its time limit runs from there. At most `waiting_commands` wait.
Command 13 ends the output of a table; command 2 ends what is running, whatever it is.

## The order of checks

1. **Length.** A unit of a length that its code doesn't allow, or that was cut: 27h/01h (extended 27h/10h).
2. **Code.** Not a command of the order (order 70 has 1..15): 27h/01h (27h/11h).
3. **Values.** A field whose octets mean nothing: 27h/01h (27h and the code of the field, next table). With several,
   the first of the table counts.
4. **The command's own refusals at receipt**, in the order of the tables below.
5. **Another command running**, with option `command_while_busy = "refuse"`: 27h/01h (27h/2Dh).
6. **State**: 27h/02h (27h/17h).
7. With extended errors and the options `wrong_orm_number_reply`, `already_started_reply` at `vendor`: 27h/18h (then
   26h/05h), 27h/16h (then 26h/02h, if the password is wrong).
8. **27h/00h.** From here on exactly one 28h is due, whatever happens.
9. **ORM number**: 28h/05h and 26h/05h. **Password**: 28h/03h and 26h/02h. **Start while started**: 28h/07h.
   Option `unauthorized_access_place` has 26h before or after 28h.
10. **The command's own refusals at execution**, in the order of the tables below.
11. **The switch**, for commands 2, 5, 6, 12, 15, 16. Its refusal: 28h/01h (28h and its code).

With extended errors a code stands *in place of* the order's 01h, in the same message: a refusal at receipt is a 27h in
both styles. Command 14 ends with 29h; its 28h comes when it is refused, or by option `test_command_28h`.

A unit that can't be read is answered like any other, and ends a console time-out like any other.

Before the start 27h repeats the ORM number of its command; 21h, 22h and 26h have that of the last command 1 (8.2.1.2).

| field | extended code |
|---|---|
"""

_MANUAL = """\

## The codes of the manual

The 35 extended codes (Eltex SMG1016M manual, Extended error codes), and what tells each of them to the console. Of
several refusals at receipt that fit, the first of the command's table counts: a trunk object without its trunk is
told 4Eh, not 20h or 38h; a sign that does not suit an own subscriber 55h, and the own sign of a number of the network
57h, where 38h would say less.

| code | its text | told by |
|---|---|---|
"""

OTHERWISE_TOLD: Final[Mapping[int, str]] = {
    ExtendedError.WRONG_PARAMETERS: "a code that is no command (27h)",
    ExtendedError.ALREADY_STARTED: "command 1 (27h, option `already_started_reply`)",
    ExtendedError.NOT_STARTED: "any command before the start (27h)",
    ExtendedError.WRONG_ORM_NUMBER: "any command (27h, option `wrong_orm_number_reply`)",
    ExtendedError.TRUNK_GROUP_NOT_DEFINED: "commands 5 and 16, by the switch (28h)",
    ExtendedError.WRONG_KSL_A_AND_B: "`ksl_a` and `ksl_b` both unreadable (27h)",
    ExtendedError.NUMBER_NOT_LOCAL: "commands 5 and 12, by the switch (28h)",
    ExtendedError.WRONG_TYPE_FOR_LOCAL_NUMBER: "command 5, by the switch (28h)",
    ExtendedError.SERVICES_NOT_SET: "command 12 (28h, option `no_services_reply`)",
}
"""What tells a code, where it is not a refusal of one command."""

_AFTER = """\

## The switch

- 28h/00h of 2, 5, 6, 15 is sent when the switch has accepted, and the change is on disk.
- **The disk refuses** (full, read-only): see [below](#a-disk-that-refuses).
- **No answer** within `switch_timeout`: 28h/01h, nothing is changed here; since it is not certain what the
  switch did, all objects are brought back to it at once (`sync`). An answer that comes later is counted and ignored.
- **Link down** (now, or while the command waits): 5, 6, 15, 12 and 16 end with 28h/01h; 2 is done here, and
  the switch gets it when the objects are brought back: a mediator without its switch can be stopped.
- **Removal of an object that the switch does not have** (34h, 35h, 53h) is a success.
- **Link up**: all objects go to the switch in chunks. Requests of commands wait for the end of it; their
  time limit runs. Objects that the switch refuses then stay in the tables, are logged and journaled. A failure is
  tried again.

{switch}
## Pairs of channels

KPD1 and KPD2 of one E1 stream are a pair; over TCP the two connections are one (option `pair_over_tcp`). Answers go
where their command came from. Everything else, 21h, 22h, 26h, 2Ah, 2Ch and the events of calls, goes over the pair
in use: that of the lowest stream at first; when it fails, the next one that works, which then stays in use until it
fails or the means are stopped (1.4.1.1). What was not sent yet on a pair that fails is deleted. Without any pair
messages are dropped and counted; speech goes on.

{pairs}
29h goes to all connected KPD1, 53h to all connected KPD2; a channel of a blocked pair is shown as faulty.

Two time-outs stop what is sent. With `mediator.test_timeout` seconds without command 14 everything stops, until a
command with the valid password comes (6.14.3). With `mediator.console_timeout` seconds without any command the pair
of that console is silent until its next one (order 70, 1.5). In both cases what is unsent is deleted, and what would
have been sent is counted.

## A console that goes away

A command that waits for the switch is completed in the tables; its 28h is not sent, also not to the next connection.
A table that is being sent ends.

Over TCP a console that comes back connects before the end of its old connection is seen. It then waits in line until
what it sent before is handled:

{connection}
## A disk that refuses

A disk that is full or read-only changes nothing for commands that change no table (7, 8, 10 to 14, 16, 17) nor for the
events of calls. A command that changes a table (1 to 6, 9, 15) ends with 28h/01h, the tables stay as they are, and a
switch that has done it already is brought back (`sync`). The same holds while the journal can't be written, since a
change without its entry is not made. Order 268 does not name this case; by option `disk_alarm` the console is sent
21h/02h at the first refusal (tables kept, the operator of the console is to act: 9.1.4.1) and 21h/03h when the disk
takes again.

The disk is tried with every such command, and {disk_retry:g} s after the last refusal by itself. What no command
answers for (an operator's restart, the tables lost, the number of a refused command 1) is done all the same and written
with the next change. Entries of the journal wait in memory, at most {unwritten}, and are written in order when there is
room; those beyond are counted (`journal_left_out`) and leave an entry `left-out`. A gateway that is killed meanwhile
loses those that wait.

## After a restart

22h is sent on the first KPD1 in use (option `restart_message`). The means are in the initial state: stopped, the first
password, empty tables, which the console restores (9.2.4). With option `after_restart = "restore"` state and tables
are what they were, and 21h/03h reports it if the means are started. 21h/01h follows if what was stored could not be
read. Calls that were running are reported anew by their next report, under new call numbers.

## Calls

A call report is a cumulative snapshot; the core sends what it has not sent yet. So a lost, doubled, late or overtaken
report changes nothing, and a Stop without a Start sends the whole call. Per object the order is
`41h (44h)* 42h (44h)* 43h`; between objects it is that of the moments. Dialling that was not completed is
43h/02h alone:

{leg}
- 41h shows as called what the object was touched by; 44h every hop of the call; 42h and 43h the original A and the
  final B. The party that is the object is shown as command 5 gave it (10.3.2.1), but for leading digits (type 12h).
- Times are the moments of the events, as the switch reported them.
- The trunk number: option `trunk_in_events` and `station_type` (10.3.1.5). A side without digits has no sign.
- A call that has a line is shown under full control; one that has none, or lost it, under statistical control, with
  priority FFh or 02h (option `priority_without_line`). A line by command 7 has priority 01h (11.1.8, 11.2.4.1).
- Call numbers are unique among live calls, from 1, wrapping from FFFEh to 0.
- An object that comes under control during a call that is known is controlled from the next call on (option
  `join_running_call_on_add`: at once, with 51h; of a talk whose set-up the switch did not report, with 41h).
- A finished call is remembered for {seconds:.0f} s (at most {count} calls); a call without reports for `call_expiry` is
  given up with 43h/01h.

## Lines

At 41h an object takes the next free line of its group round the ring (6.4.3, option `ksl_choice`). A priority object
without a free line takes that of the ordinary object of the group which has had one for the longest time; command 7
does so for any object. A line by command 7 is not taken away. An empty group may change its type, unless an object
points to it. The same phone means: the same digits, sign and object type.

| 52h | why |
|---|---|
"""


def page() -> str:
    """The whole page."""
    after = _AFTER.format(
        seconds=calls.FINISHED_SECONDS,
        disk_retry=DISK_RETRY,
        unwritten=MOST_UNWRITTEN,
        count=calls.FINISHED_CALLS,
        pairs=_table(PAIR_TABLE),
        switch=_table(SWITCH_TABLE),
        connection=_table(CONNECTION_TABLE),
        leg=_table(LEG_TABLE),
    )
    parts = [
        _BEGINNING,
        _states(),
        _ORDER,
        _turns(),
        _WORK,
        _table(WORK_TABLE),
        _STEPS,
        *(f"| `{name}` | {code:02X}h |\n" for name, code in FIELD_CODES.items()),
        "| `ksl_a` and `ksl_b` | 41h |\n",
        f"| any other | {ExtendedError.WRONG_PARAMETERS:02X}h |\n",
        "\n## Refusals of each command\n",
        *(_command(rule) for rule in RULES.values() if rule.receipt or rule.execution),
        _MANUAL,
        *(_told(code) for code in EXTENDED_MANUAL),
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
    lines = [_table(ORM_TABLE), "\n"]
    lines += ["| command | clause | stopped | started |\n", "|---|---|---|---|\n"]
    for rule in RULES.values():
        stopped = _verdict(rule.stopped)
        lines.append(f"| {_name(rule)} | {rule.clause} | {stopped} | {_verdict(rule.started)} |\n")
    return "".join(lines)


def _table(table: Mapping[Any, Any]) -> str:
    return f"```\n{arrows(table)}\n```\n"


def _name(rule: CommandRule[Any]) -> str:
    return f"{rule.message.code} {rule.message.title}"


def _verdict(verdict: Verdict | ByOption) -> str:
    if isinstance(verdict, ByOption):
        return f"executed if option {verdict.name} is {verdict.value}, else {Verdict.NOT_STARTED.value}"
    return verdict.value


def _turns() -> str:
    head = "| the mediator is | " + " | ".join(standing.value for standing in Standing) + " |\n"
    rows = (
        f"| {work.value} | " + " | ".join(TURNS[work, standing].value for standing in Standing) + " |\n"
        for work in Work
    )
    return head + "|---" * (len(Standing) + 1) + "|\n" + "".join(rows)


def _command(rule: CommandRule[Any]) -> str:
    code = rule.message.code
    lines = [
        f"\n### Command {code}: {rule.message.title} ({translate(rule.message.title, 'ru')})\n\n",
        "| refused when | когда | clause | order | extended | its text |\n|---|---|---|---|---|---|\n",
    ]
    lines += [_refusal(refusal, 0x27) for refusal in rule.receipt]
    lines += [_refusal(refusal, 0x28) for refusal in rule.execution]
    return "".join(lines)


def _refusal(refusal: Refusal[Any], reply: int) -> str:
    text = status_text(refusal.extended, lang="en")
    codes = f"{reply:02X}h/01h | {reply:02X}h/{refusal.extended:02X}h"
    russian = translate(Phrase(refusal.summary), "ru")
    return f"| {refusal.summary} | {russian} | {refusal.clause or '–'} | {codes} | {text} |\n"


def _told(code: int) -> str:
    """A code of the manual, and what tells it. Raises :class:`ValueError` for one that nothing tells."""
    places = [
        f"command {rule.message.code} ({reply}h)"
        for rule in RULES.values()
        for reply, refusals in (("27", rule.receipt), ("28", rule.execution))
        if any(refusal.extended == code for refusal in refusals)
    ]
    places += [f"an unreadable `{name}` (27h)" for name, field in FIELD_CODES.items() if field == code]
    places += [OTHERWISE_TOLD[code]] if code in OTHERWISE_TOLD else []
    if not places:
        raise ValueError(f"nothing tells the console {code:02X}h of the manual")
    return f"| {code:02X}h | {status_text(code, lang='en')} | {', '.join(places)} |\n"


def _released() -> str:
    reasons = {
        kpd2_events.BY_COMMAND_8: "command 8",
        kpd2_events.BY_PRIORITY: "taken by a priority object",
        kpd2_events.BY_COMMAND_7: "taken to carry out command 7",
        kpd2_events.BY_FAULT: "line out of order, or command 9 with `busy_ksl_removal`",
        kpd2_events.BY_COMMAND_6: "command 6, or command 15 to statistical with `change_running_call`",
        kpd2_events.BY_STOP: "command 2",
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
