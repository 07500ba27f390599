"""A dialogue that was seen on the wire, as a scenario that repeats it.

Every command becomes ``send`` with named fields, or ``raw`` where it does not read as one; what the mediator answered
becomes ``expect``, and the events of KPD2 ``events``. The calls are made by whoever replays: where the dialogue has
call reports, or where the caller asks for it, a step ``call`` stands for each, else a comment. No password is in the
scenario: each is a variable.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from protocol import (
    Channel,
    Codec,
    Command,
    CommandExecuted,
    ElectronicMessage,
    EncodeError,
    KslReleased,
    Message,
    Start,
)
from protocol.codes import PREAMBLE
from protocol.jsonform import from_json, to_json
from protocol.oneline import one_line
from protocol.render import masked_hex
from radius.report import CallReport
from sorm_mediator.console.client import DATA_OF, PASSWORD
from sorm_mediator.replay.recording import ENDS, Recording, kept
from ssh_control.visible import visible

MOST_UNITS = 20_000
"""Units of a dialogue: a longer one makes no scenario that a person reads (our choice)."""
PAUSE = 0.1
"""Seconds without anything that count as a pause."""
_SHORTEST = 0.01
_LEFT_RUNNING = 5.0
"""Seconds that a call goes on which the dialogue does not see the end of."""
_OUTCOMES = {1: "fail", 2: "incomplete", 3: "busy", 4: "no-answer", 5: "answer"}
"""Outcome of a call by the operation code of 43h (order 268, 11.3.5)."""
_COMES_IN = (0x12, 0x14, 0x18)
"""Kinds of connection of a call that comes in by a trunk (order 268, 10.2.1.7)."""
_MADE_WAY = 0x02
"""Operation code of 52h: the KSL line was taken for a priority object (order 268, 11.6.5)."""
_DONE = 0x00
"""Status of 28h: executed (order 268, 9.8.4.2)."""
_SECRET = 6
"""Octets of a password (order 268, 5.2.2.5)."""


class TranscriptError(ValueError):
    """The dialogue makes no scenario. The text says why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One unit, or octets that are no unit (``message`` None)."""

    time: float | None
    """Unix seconds; None: the input has no times."""
    raw: bytes
    message: Any
    sound: bool = True
    """Decoding found no problems."""
    of_console: bool = False
    """The console sent it."""
    on_kpd2: bool = False
    connection: str = ""
    """The console's end of the connection, where there is one."""
    remark: str = ""
    """What else is known of it."""
    script: str = ""
    """The script of ``replay`` that it belongs to, if the capture tells."""
    before: bytes = b""
    """Of octets that are no unit: those before them, in which a command may have begun."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A call report that crossed."""

    time: float | None
    report: CallReport


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptSettings:
    """How a dialogue becomes a scenario."""

    source: str
    """The name of the input, for the head."""
    target: Path = Path("scenario.yaml")
    lab: str = ""
    calls: str = ""
    """The domain whose calls are made where events of a call begin; "": none."""
    real_time: bool = False
    """Keep pauses."""
    trunks: Mapping[int, str] = field(default_factory=dict)
    """Names of the trunks of the lab, by which calls come in."""
    script: str = ""
    """The script whose units count; "": there is one, or none is told."""
    console: int = 1
    """Which of several consoles that were connected at the same time counts; 0: there must be one alone."""


def lab_beside(lab: Path, target: Path) -> str:
    """The ``lab:`` of a scenario that is written to ``target``: as seen from there, so that both can be moved together.

    For standard output the whole path, since nothing is known of where it goes.
    """
    whole = lab.resolve()
    if target == Path("-"):
        return str(whole)
    return Path(os.path.relpath(whole, target.resolve().parent)).as_posix()


@dataclass(slots=True)
class _Call:
    """A call, as far as it was seen."""

    a: str
    b: str
    domain: str
    trunk: int | None
    """The trunk by which it came in."""
    begun: float | None
    answered: float | None = None
    ended: float | None = None
    outcome: str = "answer"

    def keys(self, last: float | None, trunks: Mapping[int, str]) -> dict[str, Any]:
        """The keys of a step ``call``; ``last``: the end of the dialogue."""
        keys: dict[str, Any] = {"domain": self.domain, "a": self.a, "b": self.b}
        if self.trunk is not None and self.trunk in trunks:
            keys["from"] = f"trunk:{trunks[self.trunk]}"
        if self.outcome != "answer":
            keys["outcome"] = self.outcome
        if self.begun is None:
            return keys
        connected = self.answered if self.answered is not None else self.ended
        if connected is not None:
            keys["ring"] = _seconds(connected - self.begun)
        if self.answered is not None:
            end = self.ended if self.ended is not None else (last or self.answered) + _LEFT_RUNNING
            keys["talk"] = _seconds(end - self.answered)
        return keys


def _mapping(fields: Any) -> dict[str, Any]:
    return dict(fields)


def _moment(when: float) -> str:
    """Unix seconds as a date with a time."""
    try:
        return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):  # a damaged capture: the number itself is shown
        return f"{when:.0f}"


def _seconds(value: float) -> float:
    return max(_SHORTEST, round(value, 2))


def transcript(seen: Iterable[Seen | Reported], codec: Codec, settings: TranscriptSettings) -> Recording:
    """The scenario of a dialogue. Raises :class:`TranscriptError` when it has no command and no event."""
    items = sorted(seen, key=lambda one: one.time or 0.0)  # stable: without times in their order
    units = [item for item in items if isinstance(item, Seen)]
    if not units:
        raise TranscriptError(f"{settings.source}: holds no unit of a console or a mediator")
    if len(units) > MOST_UNITS:
        raise TranscriptError(
            f"{settings.source}: holds {len(units)} units, and a scenario at most {MOST_UNITS}: "
            "cut out what is wanted, such as with editcap -A and -B"
        )
    units = _of_script(units, settings)
    consoles = _consoles(units)
    if not settings.console and len(consoles) > 1:
        listed = (f"--console {number}: {_about(one)}" for number, one in enumerate(consoles, 1))
        raise TranscriptError(
            f"{settings.source}: holds {len(consoles)} consoles that were connected at the same time, and a scenario "
            f"has the steps of one: {'; '.join(listed)}"
        )
    number = settings.console or 1
    if number > len(consoles):
        raise TranscriptError(
            f"--console {number}: not in {settings.source}: consoles at the same time: {len(consoles)}"
        )
    main = consoles[number - 1]
    kept_ones = set(map(id, main))
    left = [one for one in items if not isinstance(one, Seen) or id(one) in kept_ones]
    return _Writer(left, codec, settings).make(len(main), len(units) - len(main))


def _of_script(units: list[Seen], settings: TranscriptSettings) -> list[Seen]:
    """The units of one script of ``replay``. Raises :class:`TranscriptError` when it is not clear which."""
    names = list(dict.fromkeys(filter(None, (unit.script for unit in units))))
    if settings.script and settings.script not in names:
        raise TranscriptError(
            f"--script {settings.script}: not in {settings.source}: {', '.join(names) or 'no packet names a script'}"
        )
    if len(names) > 1 and not settings.script:
        raise TranscriptError(
            f"{settings.source}: holds {len(names)} scripts: --script NAME chooses one: {', '.join(names)}"
        )
    return [unit for unit in units if not settings.script or unit.script == settings.script]


def _consoles(units: Sequence[Seen]) -> list[list[Seen]]:
    """The units of each of the consoles that were connected at the same time, with its later connections.

    The connections of a channel that follow each other are those of one console. Which KPD1 and KPD2 belong together
    is told by the console's host; of consoles of one host, by their order.
    """
    spans: dict[tuple[bool, str], list[Seen]] = {}
    for unit in units:
        spans.setdefault((unit.on_kpd2, unit.connection), []).append(unit)
    consoles: dict[tuple[str, int], set[int]] = {}
    ends: dict[tuple[bool, str], list[float]] = {}
    hosts = {connection.rpartition(":")[0] for _, connection in spans}
    several = len({connection.rpartition(":")[0] for on_kpd2, connection in spans if not on_kpd2}) > 1
    for (on_kpd2, connection), span in sorted(spans.items(), key=lambda one: one[1][0].time or 0.0):
        host = connection.rpartition(":")[0] if several and len(hosts) > 1 else ""
        lanes = ends.setdefault((on_kpd2, host), [])
        began, ended = span[0].time or 0.0, span[-1].time or 0.0
        lane = next((number for number, end in enumerate(lanes) if end <= began), len(lanes))
        lanes[lane : lane + 1] = [ended]
        consoles.setdefault((host, lane), set()).update(map(id, span))
    return [[unit for unit in units if id(unit) in ids] for ids in consoles.values()]


def _about(units: Sequence[Seen]) -> str:
    ends = dict.fromkeys(filter(None, (unit.connection for unit in units)))
    return f"{', '.join(list(ends)[:2])} ({len(units)} units)"


@dataclass(slots=True)
class _Sent:
    """A command of the console, and what of its answers was seen."""

    code: int
    step: dict[str, Any]
    ends: list[int] = field(default_factory=list)
    """The statuses of 27h and 28h."""

    @property
    def done(self) -> bool:
        return len(self.ends) > 1 or self.ends[:1] not in ([], [0])


class _Writer:
    def __init__(self, items: Sequence[Seen | Reported], codec: Codec, settings: TranscriptSettings) -> None:
        self._items = items
        self._codec = codec
        self._settings = settings
        self._recording = Recording(settings.target)
        self._sent: list[_Sent] = []
        self._passwords: dict[str, str] = {}
        self._password: str | None = None
        self._new: dict[int, str] = {}
        self._variables: dict[str, str] = {}
        self._orm: int | None = None
        self._connections: dict[bool, str] = {}
        self._events: dict[int, dict[str, Any]] = {}
        """The first expectation of each call, where its number is saved once a command needs it."""
        self._saved: dict[int, str] = {}
        """The variables of the numbers that calls have now."""
        self._saved_count = 0
        self._began: float | None = None
        self._step_began: float | None = None
        self._last: float | None = None
        self._unread = False
        times = [item.time for item in items if item.time is not None]
        self._first: float | None = times[0] if times else None
        self._end: float | None = times[-1] if times else None
        reports = [item for item in items if isinstance(item, Reported)]
        self._of_reports = _calls_of_reports(reports)
        self._of_events = _calls_of_events(self._units(), settings.calls)
        """By the unit that their 41h is: a number means another call once it is used again."""
        self._calls_made: set[object] = set()

    def _units(self) -> Iterator[Seen]:
        return (item for item in self._items if isinstance(item, Seen))

    def make(self, units: int, left_out: int) -> Recording:
        items = list(self._in_order())
        for item, next_kpd2 in zip(items, _next_on_kpd2(items), strict=True):
            if isinstance(item, Reported):
                self._report(item)
            elif item.on_kpd2:
                self._reconnected(item, {True: item.connection})
                self._event(item)
            elif item.of_console:
                self._reconnected(item, {True: next_kpd2, False: item.connection})
                self._command(item)
            else:
                self._answer(item)
            if item.time is not None:
                self._last = item.time
        recording = self._recording
        if not recording.steps:
            raise TranscriptError(f"{self._settings.source}: holds neither a command nor an event")
        for sent in self._sent:
            self._settle(sent)
        if self._settings.lab:
            recording.head["lab"] = self._settings.lab
        header: dict[str, Any] = {}
        if self._orm is not None:
            header["orm_number"] = self._orm
        if self._passwords:
            header["password"] = "${password}"  # nosec B105 # noqa: S105 - a variable
        if self._variables:
            recording.head["variables"] = self._variables
        if header:
            recording.head["header"] = header
        recording.about += list(self._head(units, left_out))
        return recording

    def _in_order(self) -> Iterator[Seen | Reported]:
        """The items. A 52h comes after the first 41h of the call that takes its KSL line, which causes it."""
        held: list[Seen] = []
        for item in self._items:
            if isinstance(item, Seen) and _makes_way(item):
                held.append(item)
                continue
            yield item
            yield from held
            held.clear()
        yield from held

    def _head(self, units: int, left_out: int) -> Iterator[str]:
        yield f"Made by sorm-mediator from {visible(self._settings.source)}: {units} units."
        if self._first is not None and self._end is not None:
            first, end = map(_moment, (self._first, self._end))
            yield f"From {first} to {end} UTC; times below are from the beginning."
        if self._passwords:
            yield "Passwords are variables, and not those that were seen: --var password=..."
        if left_out:
            yield f"Left out: {left_out} units of further consoles that were connected at the same time."
        if self._of_events and not (self._settings.calls or self._of_reports):
            yield "The calls have to be made where a comment says so; --calls DOMAIN makes them in an emulated switch."

    # --- steps

    def _begin(self, step: dict[str, Any], item: Seen | Reported) -> dict[str, Any]:
        gap = 0.0 if item.time is None or self._last is None else item.time - self._last
        if gap >= PAUSE and self._settings.real_time:
            if self._unread:
                self._recording.step({"forget": "both"})
                self._unread = False
            self._recording.step({"silence": round(gap, 1)})
        self._step_began = item.time
        return self._recording.step(step)

    def _note(self, item: Seen, arrow: str) -> None:
        when = "" if item.time is None or self._first is None else f"{item.time - self._first:10.3f} s  "
        channel = "KPD2" if item.on_kpd2 else "KPD1"
        octets = masked_hex(
            item.raw,
            channel=Channel.COMMAND if item.of_console else None,
            anywhere=item.message is None,
            before=item.before,
        )
        remark = f"  [{item.remark}]" if item.remark else ""
        self._recording.note(f"{when}{arrow} {channel}  {octets}{remark}")

    def _reconnected(self, item: Seen, connections: Mapping[bool, str | None]) -> None:
        """The console has come back by other connections, KPD2 (True) before KPD1, as it connects.

        A connection of KPD2 is seen at its first unit alone, but it was there before the commands that led to that:
        a mediator sends events again after a command.
        """
        changed: list[str] = []
        for on_kpd2, connection in connections.items():
            if connection is None:
                continue
            before = self._connections.get(on_kpd2)
            self._connections[on_kpd2] = connection
            if before is not None and before != connection:
                changed.append("kpd2" if on_kpd2 else "kpd1")
        if changed:
            channels = changed[0] if len(changed) == 1 else changed
            self._begin({"disconnect": channels}, item)
            self._begin({"connect": channels}, item)

    def _wait_for(self, item: Seen) -> None:
        """What comes late needs a longer ``within``."""
        if item.time is None or self._step_began is None:
            return
        self._recording.late(item.time - self._step_began)

    # --- commands

    def _command(self, item: Seen) -> None:
        fields = self._fields(item)
        if fields is not None:
            name = item.message.message_name
            step = self._begin({"send": {name: fields} if fields else name}, item)
        else:
            step = self._begin({"raw": self._raw(item.raw, item.before)}, item)
        self._note(item, "->")
        if len(item.raw) > 2 and item.raw[0] == PREAMBLE:
            self._sent.append(_Sent(item.raw[2], step))

    def _fields(self, item: Seen) -> dict[str, Any] | None:
        """The fields of a command as a scenario has them; None when they would not give the same octets."""
        message = item.message
        if not isinstance(message, Command) or not item.sound:
            return None
        document = to_json(message, item.raw)
        fields = _mapping(document["fields"])
        given = {key: value for key, value in fields.items() if value is not None}
        try:
            again = from_json(
                {
                    "name": message.message_name,
                    "channel": "command",
                    "fields": {**given, "orm_number": message.orm_number},
                },
                self._codec.options,
            )
            same = isinstance(again, Message) and self._codec.encode(again) == item.raw
        except EncodeError:
            same = False
        if not same:
            return None
        given.pop("reserve", None)
        password = str(given.pop("password", ""))
        variable = self._variable(password)
        if self._password is None:
            self._password = password
        if password != self._password:
            given["password"] = f"${{{variable}}}"
        if "new_password" in given:
            new = str(given["new_password"])
            self._new[message.code] = new
            given["new_password"] = f"${{{self._variable(new)}}}"
        if self._orm is None:
            self._orm = message.orm_number
        if message.orm_number != self._orm:
            given["orm_number"] = message.orm_number
        call = given.get("call_number")
        if isinstance(call, int) and call in self._events:
            given["call_number"] = f"${{{self._call_variable(call)}}}"
        return given

    def _variable(self, password: str) -> str:
        """The variable for a password. Its value is a stand-in."""
        if password not in self._passwords:
            number = len(self._passwords) + 1
            name = "password" if number == 1 else f"password{number}"
            self._passwords[password] = name
            self._variables[name] = PASSWORD if number == 1 else f"{number:0{_SECRET}d}"
        return self._passwords[password]

    def _raw(self, raw: bytes, before: bytes) -> str:
        """Octets of a step ``raw``, with variables for passwords and zeros for what else may be secret."""
        shown = masked_hex(raw, channel=Channel.COMMAND, anywhere=True, before=before).split(" ")
        place = 0
        parts: list[str] = []
        while place < len(raw):
            if shown[place] != "**":
                parts.append(shown[place])
                place += 1
                continue
            secret = raw[place : place + _SECRET]
            if shown[place : place + _SECRET] == ["**"] * _SECRET and secret.isascii():
                name = f"{self._variable(secret.decode('ascii'))}_octets"
                value = self._variables[name.removesuffix("_octets")]
                self._variables[name] = value.encode().hex(" ")
                parts.append(f"${{{name}}}")
                place += _SECRET
            else:
                parts.append("00")
                place += 1
        return " ".join(parts)

    def _call_variable(self, call: int) -> str:
        if call not in self._saved:
            self._saved_count += 1
            self._saved[call] = f"call_number{self._saved_count}"
            self._events[call].setdefault("save", {})["call_number"] = self._saved[call]
        return self._saved[call]

    # --- answers

    def _answer(self, item: Seen) -> None:
        message = item.message
        if not isinstance(message, Message):
            if self._recording.steps:
                self._note(item, "<-")
            return
        document = to_json(message, item.raw)
        fields = _mapping(document["fields"])
        if isinstance(message, ElectronicMessage):
            fields.pop("text", None)
        name = message.message_name
        sent = self._answered(name, fields)
        if sent is None:
            self._unasked(item, document)
            return
        step = self._recording.steps[-1]
        if step is not sent.step and ("send" in step or "raw" in step):
            step = self._begin({}, item)  # answers to an earlier command don't count as those of a later one
        if name in ENDS:
            sent.ends.append(int(fields["status"]))
            values = {"status": fields["status"]}
            if step is not sent.step:
                values = {"command": sent.code, **values}
            self._ended(sent, name, int(fields["status"]))
        else:
            values = kept(fields)
        step.setdefault("expect", []).append({name: values})
        self._note(item, "<-")
        self._wait_for(item)

    def _answered(self, name: str, fields: dict[str, Any]) -> _Sent | None:
        """The command that a message answers."""
        if name in ENDS:
            wanted = 0 if name == "command-received" else 1
            fitting = [
                sent for sent in self._sent if sent.code == fields["command"] and len(sent.ends) == wanted
            ]
            return fitting[0] if fitting else None
        if name in DATA_OF:
            from sorm_mediator.console.client import COMMANDS

            code = COMMANDS[DATA_OF[name]].code
            fitting = [sent for sent in self._sent if sent.code == code and sent.ends == [0]]
            return fitting[0] if fitting else None
        return None

    def _ended(self, sent: _Sent, name: str, status: int) -> None:
        """What the replaying console does with its password at the end of a command."""
        from sorm_mediator.console.client import COMMANDS

        if name != "command-executed" or status:
            return
        if sent.code in self._new:
            self._password = self._new.pop(sent.code)
        elif sent.code == COMMANDS["stop"].code:
            self._password = next(iter(self._passwords), None)

    def _unasked(self, item: Seen, document: dict[str, Any]) -> None:
        """A message that no command has asked for is not expected: what causes it is not in the scenario."""
        self._unread = True
        if document["name"] == "restart":
            self._password = next(iter(self._passwords), None)
        if self._recording.steps:
            self._note(item, "<-")
            self._recording.note(visible(f"not expected: {one_line(document)}"))

    def _settle(self, sent: _Sent) -> None:
        """A command that simply succeeded needs no ``expect``; one without an answer ends at once."""
        step = sent.step
        if "send" not in step:
            return
        expected = step.get("expect")
        success = [{name: {"status": 0}} for name in ENDS]
        if expected == success:
            del step["expect"]
        elif expected is None:
            step["expect"] = []

    # --- events and calls

    def _event(self, item: Seen) -> None:
        message = item.message
        if not isinstance(message, Message):
            if self._recording.steps:
                self._note(item, "<-")
            return
        fields = _mapping(to_json(message, item.raw)["fields"])
        call = fields.get("call_number")
        begun = self._of_events.get(id(item))
        if begun is not None and isinstance(call, int):
            self._events.pop(call, None)
            self._saved.pop(call, None)
        if not self._of_reports:
            self._call(id(item), begun, item)
        if not self._recording.steps:
            self._begin({}, item)
        expectation = self._recording.came(message.message_name, fields)
        assert expectation is not None
        if isinstance(call, int):
            self._events.setdefault(call, expectation)
        self._note(item, "<-")
        self._wait_for(item)

    def _report(self, item: Reported) -> None:
        self._call(item.report.call_id, self._of_reports.get(item.report.call_id), item)

    def _call(self, key: object, call: _Call | None, item: Seen | Reported) -> None:
        if call is None or key in self._calls_made:
            return
        self._calls_made.add(key)
        if call.domain:
            self._begin({"call": call.keys(self._end, self._settings.trunks)}, item)
            if call.trunk is not None and call.trunk not in self._settings.trunks:
                self._recording.note(f'it came by trunk {call.trunk}: add from: "trunk:NAME", or give -c LAB')
        else:
            self._begin({}, item)  # its events are a step of their own, before which the comment stands
            self._recording.note(f"HERE THE LAB MUST MAKE A CALL: {visible(call.a)} -> {visible(call.b)}")


def _next_on_kpd2(items: Sequence[Seen | Reported]) -> list[str | None]:
    """For each item the connection of KPD2 on which the next unit of KPD2 comes; None: none comes, or the console
    comes back on KPD1 before that."""
    kpd1: str | None = None
    kpd2: str | None = None
    found: list[str | None] = []
    for item in reversed(items):
        if isinstance(item, Seen) and item.on_kpd2:
            kpd1, kpd2 = None, item.connection
        elif isinstance(item, Seen) and item.of_console and kpd1 is None:
            kpd1 = item.connection
        same = not isinstance(item, Seen) or item.on_kpd2 or item.connection == kpd1
        found.append(kpd2 if same else None)
    return found[::-1]


def _makes_way(item: Seen) -> bool:
    message = item.message
    return isinstance(message, KslReleased) and message.operation == _MADE_WAY


def _calls_of_reports(reports: Sequence[Reported]) -> dict[str, _Call]:
    """The calls by their ids. Reports are cumulative, so the last one tells how a call went."""
    calls: dict[str, _Call] = {}
    for item in reports:
        report = item.report
        call = calls.get(report.call_id)
        if call is None:
            call = calls[report.call_id] = _Call(
                report.calling_station or report.calling.digits,
                report.called_station or report.called.digits,
                report.domain,
                report.calling.trunk,
                report.setup_time if report.setup_time is not None else report.time,
            )
        call.answered, call.ended = report.answer_time, report.release_time
        if report.release_cause is not None:
            call.outcome = _OUTCOMES.get(report.release_cause, "answer")
    return calls


def _calls_of_events(units: Iterable[Seen], domain: str) -> dict[int, _Call]:
    """The calls by the ``id`` of the unit that began each, from 41h to 43h.

    A number means another call after a 43h, and after command 1: command 2 ends what is told of a call.
    """
    calls: dict[int, _Call] = {}
    going: dict[Any, _Call] = {}
    """The latest call of each number."""
    for item in units:
        if isinstance(item.message, CommandExecuted) and item.message.command == Start.code:
            if item.message.status == _DONE:
                for ended in going.values():
                    _end(ended, item.time)
                going.clear()
            continue
        if not item.on_kpd2 or not isinstance(item.message, Message):
            continue
        fields: Any = to_json(item.message, item.raw)["fields"]
        number, name = fields.get("call_number"), item.message.message_name
        call = going.get(number)
        if name == "number-received" and (call is None or call.ended is not None):
            calling, called = (fields[side] or {} for side in ("calling", "called"))
            calls[id(item)] = going[number] = _Call(
                str(calling.get("number") or ""),
                str(called.get("number") or ""),
                domain,
                fields.get("trunk") if fields.get("connection") in _COMES_IN else None,
                item.time,
            )
        elif call is not None and name == "answer" and call.answered is None:
            call.answered = item.time
        elif call is not None and name == "release":
            _end(call, item.time, fields.get("operation"))
    return calls


def _end(call: _Call, when: float | None, operation: int | None = None) -> None:
    if call.ended is None:
        call.ended = when
        call.outcome = _OUTCOMES.get(operation or 0, "answer" if call.answered else "no-answer")
