"""The console of a world: gives commands, reconnects, and holds what it was confirmed; and its channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from protocol import Channel, Codec
from protocol.messages import (
    AddObject,
    CallEvent,
    Command,
    CommandExecuted,
    CommandReceived,
    Message,
    RemoveObject,
    Restart,
    Start,
    Stop,
    Test,
    TestReplyKpd1,
)
from sorm_mediator.mediator.binding.streams import KPD_TABLE, KpdAction, KpdInput, KpdState
from ssh_control.codes import ExtendedError
from tests.invariants.links import Clock, Stream, Timeslot
from tests.invariants.mediator import Mediator

SIDES = (Channel.KPD1, Channel.KPD2)
HOLD = 10.0


@dataclass(eq=False)
class Given:
    """A command that was given and has not ended."""

    command: Command
    at: float
    received: bool = False


class Console:
    """What an authority's console has: the commands that are not answered, and the objects that were confirmed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._codec = Codec()
        self.send: Callable[[bytes], None] = lambda raw: None
        self.objects: dict[int, str] = {}
        self.started: bool | None = False
        """None: it is not sure."""
        self.unsure: set[int] = set()
        """Objects of commands that were never answered."""
        self.pending: list[Given] = []
        self.confirmed: Callable[[Given], None] = lambda given: None
        self.ended: Callable[[Command, int | None], None] = lambda command, status: None
        self._forgotten: list[Command] = []
        """Commands that were given up: they may be done and answered yet, until command 14 with the latest number is
        answered."""
        self._mark = 0
        self.initial = True
        """The mediator is in the initial state after a restart (option ``after_restart``)."""

    def ready_for(self, command: Command) -> bool:
        """Whether an answer to the command could not be one to an earlier command."""
        return not self._forgotten or isinstance(command, Test)

    def give(self, command: Command) -> None:
        if isinstance(command, Test):
            self._mark = (self._mark + 1) % 256
            command = replace(command, test_number=self._mark)
        self.pending.append(Given(command, self._clock.now))
        self.send(self._codec.encode(command))

    def lost(self) -> None:
        """KPD1 is gone: what was not answered may have been done or not."""
        pending, self.pending = self.pending, []
        for given in pending:
            self._forgotten.append(given.command)
            self._doubt(given.command)
            self.ended(given.command, None)

    def _doubt(self, command: Command) -> None:
        match command:
            case AddObject(object_number=int(number)) | RemoveObject(object_number=int(number)):
                self.unsure.add(number)
            case Start() | Stop():
                self.started = None
                self.unsure |= set(self.objects)

    def receive(self, raw: bytes) -> None:
        """A unit of KPD1."""
        message: Message = self._codec.decode(raw)
        match message:
            case CommandReceived(code, status):
                if (given := self._answered(code, received=False)) is not None:
                    given.received = True
                    if status == ExtendedError.NOT_STARTED:
                        self._began_anew()
                    if status:
                        self._end(given, status)
            case CommandExecuted(code, status):
                if (given := self._answered(code, received=True)) is not None:
                    self._end(given, status)
            case TestReplyKpd1(test_number):  # the answer to command 14, which has no 28h (order 268, 9.8.3)
                given = self._answered(Test.code, received=True)
                if given is not None and given.command.test_number == test_number:  # type: ignore[attr-defined]
                    self._end(given, 0)
                    if test_number == self._mark:
                        self._forgotten.clear()
            case Restart():
                self._began_anew()

    def _began_anew(self) -> None:
        """22h; or a command is refused because the means are stopped, when 22h was lost with its connection."""
        if self.initial:
            self.objects.clear()
            self.unsure.clear()
            self.started = False
            for command in self._forgotten:  # it may have waited in the line for the mediator to come back
                self._doubt(command)

    def _answered(self, code: int, *, received: bool) -> Given | None:
        """The command that is answered; None: one that was given up."""
        found = (each for each in self.pending if each.command.code == code and each.received is received)
        given = next(found, None)
        stray = any(command.code == code for command in self._forgotten)
        assert given is not None or stray, f"an answer to {code:02X}h, which was not given"
        return given

    def _end(self, given: Given, status: int) -> None:
        self.pending.remove(given)
        command = given.command
        if status == 0:
            self.confirmed(given)
            match command:
                case Start():
                    self.started = True
                case Stop():
                    self.objects.clear()
                    self.unsure.clear()
                    self.started = False
                case AddObject(object_number=int(number), number=str(phone)):
                    self.objects[number] = phone
                    self.unsure.discard(number)
                case RemoveObject(object_number=int(number)):
                    self.objects.pop(number, None)
                    self.unsure.discard(number)
        self.ended(command, status)


class Ledger:
    """The units of one direction of KPD2: each that arrives was sent, once, and in this order."""

    def __init__(self) -> None:
        self._numbers = count()
        self._sent: dict[bytes, list[int]] = {}
        self._last = -1
        self.sent = self.arrived = self.lost = self.in_doubt = 0

    def note_sent(self, raw: bytes) -> None:
        self._sent.setdefault(raw, []).append(next(self._numbers))
        self.sent += 1

    def note_arrived(self, raw: bytes) -> None:
        numbers = self._sent.get(raw, [])
        later = [number for number in numbers if number > self._last]
        assert later, "it was never sent, or it comes again, or out of order"
        self._last = later[0]
        self.arrived += 1

    def check(self) -> None:
        """What was sent has arrived, or is counted as lost."""
        missing = self.sent - self.arrived
        assert self.lost <= missing <= self.lost + self.in_doubt, vars(self)


class TcpChannels:
    """KPD1 and KPD2 over TCP: two connections that break, and that the console makes anew."""

    def __init__(self, clock: Clock, console: Console) -> None:
        self._clock, self._console = clock, console
        self.mediator: Mediator
        self.streams: dict[Channel, tuple[Stream, Stream]] = {}
        """To the console and to the mediator, by channel."""
        self.ledger = Ledger()
        console.send = self._from_console

    def connect(self) -> None:
        """The console connects what is not connected."""
        for side in SIDES:
            if side not in self.streams and not self.mediator.dead:
                arrive = self._console.receive if side is Channel.KPD1 else self.ledger.note_arrived
                back = Stream(self._clock, self._at_mediator)
                self.streams[side] = (Stream(self._clock, arrive), back)
                self.mediator.m.up.add((0, side))
                self.mediator.input(
                    lambda now, side=side: self.mediator.m.core.channel_up(0, side, "console", now)  # type: ignore[misc]
                )

    @property
    def ready(self) -> bool:
        return Channel.KPD1 in self.streams and not self.streams[Channel.KPD1][1].broken

    def _from_console(self, raw: bytes) -> None:
        self.streams[Channel.KPD1][1].send(raw)

    def _at_mediator(self, raw: bytes) -> None:
        mediator, codec = self.mediator, self.mediator.m.codec
        message, problems = codec.decode_lenient(raw)
        mediator.input(lambda now: mediator.m.core.received(0, message, problems, raw, now))

    def send(self, channel: Channel, raw: bytes) -> None:
        side = Channel.KPD2 if channel is Channel.KPD2 else Channel.KPD1
        if side is Channel.KPD2:
            self.ledger.note_sent(raw)
        stream, _ = self.streams[side]
        stream.send(raw)
        if stream.broken and side is Channel.KPD2:
            self.ledger.lost += 1

    def delete_unsent(self) -> None:
        """A socket has taken everything."""

    def cut(self, side: Channel, notice: float) -> None:
        """The connection breaks; the mediator sees it after so many seconds, the console at once."""
        if side not in self.streams or self.streams[side][0].broken:
            return
        self._break(side)
        to_console, _ = self.streams[side]
        mediator = self.mediator

        def seen() -> None:
            if not mediator.dead and self.streams.get(side, (None,))[0] is to_console:
                self.streams.pop(side)
                mediator.m.up.discard((0, side))
                mediator.input(lambda now: mediator.m.core.channel_down(0, side, now))

        self._clock.after(notice, seen)

    def _break(self, side: Channel) -> None:
        to_console, to_mediator = self.streams[side]
        gone = to_console.cut()
        to_mediator.cut()
        if side is Channel.KPD2:
            self.ledger.lost += len(gone)
        else:
            self._console.lost()

    def mediator_died(self) -> None:
        for side in list(self.streams):
            if not self.streams[side][0].broken:
                self._break(side)
            del self.streams[side]

    # --- faults and time

    def fault(self, kind: str, notice: float) -> None:
        self.cut(Channel.KPD2 if kind == "kpd2" else Channel.KPD1, notice)

    def heal(self) -> None: ...
    def tick(self) -> None: ...

    @property
    def deadline(self) -> float | None:
        return None

    def finish(self) -> None: ...
    def mediator_started(self) -> None: ...


class TimeslotChannels:
    """KPD1 and KPD2 in timeslots 30 and 31 of one E1 stream: X.25 on LAPB over lines that lose frames and fail.

    As the mediator's binding has it: an interruption is held for :data:`HOLD` seconds, then the channel is closed.
    """

    def __init__(self, clock: Clock, console: Console, noise: Any) -> None:
        self._clock, self._console = clock, console
        self.mediator: Mediator
        self.slots = {side: Timeslot(clock, noise) for side in SIDES}
        self._states = dict.fromkeys(SIDES, KpdState.CLOSED)
        self._held: dict[Channel, float] = {}
        self._up = False
        """KPD1 at the console's end."""
        self.ledger = Ledger()
        console.send = self._from_console
        for side in SIDES:
            self._bind_mediator(side)
            self._bind_console(side)
            self.slots[side].carrier(True)

    def _bind_mediator(self, side: Channel) -> None:
        end = self.slots[side].mediator
        end.on_up = lambda: self._input(side, KpdInput.UP)
        end.on_down = lambda: self._input(side, KpdInput.DOWN)
        end.on_message = self._at_mediator

    def _bind_console(self, side: Channel) -> None:
        end = self.slots[side].console
        if side is Channel.KPD2:
            end.on_message = self.ledger.note_arrived
            return
        end.on_message = self._console.receive
        end.on_up = lambda: self._console_up(True)
        end.on_down = lambda: self._console_up(False)

    def _console_up(self, up: bool) -> None:
        self._up = up

    def connect(self) -> None: ...

    @property
    def ready(self) -> bool:
        return self._up

    def _input(self, side: Channel, what: KpdInput) -> None:
        move = KPD_TABLE.get((self._states[side], what))
        if move is None or self.mediator.dead:
            return
        self._states[side] = move.next
        core, up = self.mediator.m.core, self.mediator.m.up
        for action in move.actions:
            match action:
                case KpdAction.ANNOUNCE:
                    up.add((0, side))
                    self.mediator.input(lambda now: core.channel_up(0, side, "e1.0", now))
                case KpdAction.HOLD:
                    self._held[side] = self._clock.now + HOLD
                case KpdAction.CLOSE:
                    self._discard(side)
                    if side is Channel.KPD1:
                        self._console.lost()
                    up.discard((0, side))
                    self.mediator.input(lambda now: core.channel_down(0, side, now))

    def _discard(self, side: Channel) -> None:
        gone = self.slots[side].mediator.link.discard()
        if side is Channel.KPD2:
            self.ledger.lost += len(gone)

    def _from_console(self, raw: bytes) -> None:
        end = self.slots[Channel.KPD1].console
        end.take(end.link.send(raw, self._clock.now))

    def _at_mediator(self, raw: bytes) -> None:
        mediator = self.mediator
        message, problems = mediator.m.codec.decode_lenient(raw)
        mediator.input(lambda now: mediator.m.core.received(0, message, problems, raw, now))

    def send(self, channel: Channel, raw: bytes) -> None:
        side = Channel.KPD2 if channel is Channel.KPD2 else Channel.KPD1
        if side is Channel.KPD2:
            self.ledger.note_sent(raw)
        end = self.slots[side].mediator
        end.take(end.link.send(raw, self._clock.now))

    def delete_unsent(self) -> None:
        for side in SIDES:
            self._discard(side)

    def mediator_died(self) -> None:
        """Its ends are made anew, and what was under way there is gone."""
        self._console.lost()
        for side in SIDES:
            old = self.slots[side].mediator
            if side is Channel.KPD2:
                self._settle(old)
                self.ledger.in_doubt += old.link.queued
            self._states[side] = KpdState.CLOSED
            self._held.pop(side, None)
            self.slots[side].renew("dce")
            if not self.slots[side].cut:
                self.slots[side].carrier(False)

    def mediator_started(self) -> None:
        for side in SIDES:
            self._bind_mediator(side)
            self.slots[side].carrier(True)

    def _settle(self, end: Any) -> None:
        for given_up in end.given_up:
            if given_up.in_doubt:
                self.ledger.in_doubt += 1
            else:
                self.ledger.lost += 1
        end.given_up.clear()

    # --- faults and time

    def fault(self, kind: str, notice: float) -> None:
        """``kpd1``, ``kpd2``: the line is cut for these seconds and some more; ``frames``: a tenth of them is lost."""
        if kind == "frames":
            for slot in self.slots.values():
                slot.loss = 0.1
            return
        slot = self.slots[Channel.KPD2 if kind == "kpd2" else Channel.KPD1]
        if not slot.cut:
            slot.carrier(False)
            self._clock.after(notice + 0.5, lambda: self._restore(slot))

    def _restore(self, slot: Timeslot) -> None:
        if slot.cut and not self.mediator.dead:
            slot.carrier(True)

    def heal(self) -> None:
        for slot in self.slots.values():
            slot.loss = 0.0
            self._restore(slot)

    def tick(self) -> None:
        for slot in self.slots.values():
            slot.tick()
        for side, until in list(self._held.items()):
            if self._states[side] is not KpdState.INTERRUPTED:
                del self._held[side]
            elif until <= self._clock.now:
                del self._held[side]
                self._input(side, KpdInput.GIVEN_UP)

    @property
    def deadline(self) -> float | None:
        times = [slot.deadline for slot in self.slots.values()]
        times += [until for side, until in self._held.items() if self._states[side] is KpdState.INTERRUPTED]
        return min((time for time in times if time is not None), default=None)

    def finish(self) -> None:
        self._settle(self.slots[Channel.KPD2].mediator)
        self.ledger.in_doubt += self.slots[Channel.KPD2].mediator.link.queued


__all__ = ["CallEvent", "Console", "Ledger", "TcpChannels", "TimeslotChannels"]
