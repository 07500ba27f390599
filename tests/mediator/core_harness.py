"""One mediator core at work, for dialogues in tests and for worlds of several boxes: octets in, octets out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from protocol import Channel, Codec, Ksl, Options, Time
from protocol.messages import (
    AddKsl,
    Alarm,
    CallEvent,
    CommandExecuted,
    CommandReceived,
    Message,
    Start,
    UnauthorizedAccess,
)
from radius.report import CallReport
from sorm_mediator.config import MediatorConfig
from sorm_mediator.mediator.core import effects
from sorm_mediator.mediator.core.core import Core
from sorm_mediator.mediator.core.tables import (
    Change,
    GroupLineAdded,
    ObjectPut,
    Started,
    StartNumber,
    Tables,
)
from sorm_mediator.options import Adaptation, MediatorOptions
from ssh_control.dialect import Reply

_OPTIONS = set(MediatorOptions.model_fields)
_ADAPTATIONS = set(Adaptation.model_fields)


def accepting(op: str, params: dict[str, Any]) -> Reply:
    """A switch that has every subscriber and trunk, and no services."""
    return Reply(True, {"line_state": 0, "services": [], "trunks": [], "line_states": {}, "refused": []})


def local_time(now: float) -> Time:
    """The first of the month for ever."""
    second = int(now)
    return Time(1, second // 3600 % 24, second // 60 % 60, second % 60)


class MediatorHarness:
    """One mediator core. Whatever it does is checked against what must always hold.

    ``switch`` answers its requests at once; while it is None they gather in ``asked``.
    """

    def __init__(
        self,
        *,
        tables: Tables | None = None,
        streams: tuple[int, ...] = (0, 1, 2, 3),
        conferences: int | None = None,
        separate_conferences: int = 0,
        paired: bool = True,
        now: float = 1000.0,
        local_time: Callable[[float], Time] = local_time,
        **keys: Any,
    ) -> None:
        options = {key: keys.pop(key) for key in list(keys) if key in _OPTIONS}
        adaptation = {key: keys.pop(key) for key in list(keys) if key in _ADAPTATIONS}
        self.config = MediatorConfig(
            **keys, options=MediatorOptions(**options), adaptation=Adaptation(**adaptation)
        )
        known = self.config.options
        self.codec = Codec(
            Options(
                order=self.config.order,
                service_code_position=known.service_code_position,
                m25_length=known.m25_length,
                extra_digits=known.extra_digits,
                requirements_version=known.requirements_version,
            )
        )
        self.tables = tables or Tables(password=self.config.password.get_secret_value())
        self.replayed = Tables(password=self.tables.password, damaged=self.tables.damaged)
        for change in changes(self.tables):
            self.replayed.apply(change)
        self.disk = True
        """Whether the disk takes changes."""
        self.handed_out: list[effects.Effect] = []
        """The effects up to a change, of the input that is not over yet."""
        self.core = Core(
            self.config,
            self.tables,
            local_time=local_time,
            durably=self.durably,
            equipped_streams=streams,
            conferences=conferences,
            separate_conferences=separate_conferences,
            paired=paired,
        )
        self.now = now
        self.up: set[tuple[int, Channel]] = set()
        self.switch: Callable[[str, dict[str, Any]], Reply | None] | None = accepting
        self.asked: list[effects.AskSwitch] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.effects: list[effects.Effect] = []
        self.do(self.core.started(self.now))

    @property
    def work(self) -> str:
        """What the core is doing with a command."""
        return self.core._means.work.value

    # --- inputs

    def durably(self, wanted: list[effects.Effect]) -> bool:
        """The part of an input's effects up to a change; :meth:`do` executes it with the rest."""
        stores = [effect for effect in wanted if isinstance(effect, effects.Store)]
        assert wanted[len(wanted) - len(stores) :] == stores, "changes come last"
        self.handed_out += wanted if self.disk else wanted[: len(wanted) - len(stores)]
        return self.disk

    def all_of(self, returned: list[effects.Effect]) -> list[effects.Effect]:
        """All effects of an input, of which the core has ``returned`` the last ones."""
        handed_out, self.handed_out = self.handed_out, []
        return handed_out + returned

    def do(self, wanted: list[effects.Effect]) -> list[Message]:
        """Execute effects, let the switch answer, and return all messages that were sent."""
        sent: list[Message] = []
        queue = self.all_of(wanted)
        replies: list[tuple[int, Reply]] = []
        while queue or replies:
            if not queue:
                queue += self.all_of(self.core.switch_reply(*replies.pop(0), self.now))
                continue
            effect = queue.pop(0)
            self.effects.append(effect)
            if isinstance(effect, effects.Send):
                side = Channel.KPD2 if effect.channel is Channel.KPD2 else Channel.KPD1
                assert (effect.stream, side) in self.up, f"{effect} goes to nobody"
                octets = self.codec.encode(effect.message)
                assert self.codec.decode(octets) == effect.message
                sent.append(effect.message)
            elif isinstance(effect, effects.Store):
                self.replayed.apply(effect.change)
            elif isinstance(effect, effects.AskSwitch):
                self.requests.append((effect.op, effect.params))
                reply = self.switch(effect.op, effect.params) if self.switch else None
                if reply is None:
                    self.asked.append(effect)
                else:
                    replies.append((effect.token, reply))
        self.check()
        return sent

    def check(self) -> None:
        """What must hold after every input."""
        durable = self.replayed
        if owed := self.core._context._owed:
            durable = deepcopy(durable)
            for change in owed:
                durable.apply(change)
        assert durable == self.tables, "the stored changes are not what the core has"
        owners: dict[Ksl, object] = {}
        for call in self.core.calls:
            for leg in call.legs.values():
                if leg.line is None:
                    continue
                assert self.core.pool.owner(leg.line) is leg
                for ksl in leg.line.ksls:
                    assert owners.setdefault(ksl, leg) is leg, f"{ksl} has two owners"
        assert self.core.pool.in_use == len({id(leg) for leg in owners.values()})

    def connect(self, stream: int = 0, *, peer: str = "127.0.0.1:4000") -> list[Message]:
        """The console opens KPD2 and KPD1 of ``stream``."""
        return self.open(Channel.KPD2, stream, peer) + self.open(Channel.KPD1, stream, peer)

    def open(self, channel: Channel, stream: int = 0, peer: str = "127.0.0.1:4000") -> list[Message]:
        self.up.add((stream, channel))
        return self.do(self.core.channel_up(stream, channel, peer, self.now))

    def close(self, channel: Channel, stream: int = 0) -> list[Message]:
        self.up.discard((stream, channel))
        return self.do(self.core.channel_down(stream, channel, self.now))

    def send(self, command: Message | bytes, stream: int = 0) -> list[Message]:
        """A unit comes on KPD1, as octets; what is sent in answer."""
        octets = command if isinstance(command, bytes) else self.codec.encode(command)
        message, problems = self.codec.decode_lenient(octets)
        return self.do(self.core.received(stream, message, problems, octets, self.now))

    def answer(self, reply: Reply | None) -> list[Message]:
        """The switch answers the request that has waited longest (None: it never will)."""
        return self.do(self.core.switch_reply(self.asked.pop(0).token, reply, self.now))

    def later(self, seconds: float) -> list[Message]:
        """Time passes, and the core is woken whenever it wants to be."""
        until, sent = self.now + seconds, []
        while (deadline := self.core.next_deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            sent += self.do(self.core.tick(self.now))
            following = self.core.next_deadline()
            assert following is None or following > self.now, "the same deadline again: time stands still"
        self.now = until
        return sent

    def report(self, report: CallReport) -> list[str]:
        return shown(self.do(self.core.report(report, self.now)))

    # --- shorthand

    def says(self, command: Message | bytes, stream: int = 0) -> str:
        """KPD1's answers in one line: ``27/00 26/02 28/03``."""
        return answers(self.send(command, stream))

    def begin(self, *groups: AddKsl) -> MediatorHarness:
        """Console, switch, start, and these groups."""
        self.connect()
        self.do(self.core.switch_up(self.now))
        assert self.says(Start()) == "27/00 28/00"
        for group in groups:
            assert self.says(group) == "27/00 28/00"
        self.effects.clear()
        self.requests.clear()
        return self


def changes(tables: Tables) -> Iterator[Change]:
    """The changes that make these tables out of empty ones with the same password and ``damaged``."""
    for number, group in tables.groups.items():
        for line in group.lines:
            yield GroupLineAdded(number, group.group_type, line)
    for row in tables.objects.values():
        yield ObjectPut(row)
    if tables.started:
        yield Started(tables.start_number)
    elif tables.start_number is not None:
        yield StartNumber(tables.start_number)


def answers(messages: list[Message]) -> str:
    """Messages of KPD1 in one line, each as code/first telling value; those of KPD2 as code alone."""
    parts = []
    for message in messages:
        match message:
            case CommandReceived() | CommandExecuted():
                parts.append(f"{message.code:02X}/{message.status:02X}")
            case UnauthorizedAccess():
                parts.append(f"26/{message.access_code:02X}")
            case Alarm():
                parts.append(f"21/{message.alarm_type:02X}")
            case _:
                parts.append(f"{message.code:02X}")
    return " ".join(parts)


def shown(messages: list[Message]) -> list[str]:
    """Call events as ``object code/operation calling>called [service] [KSL]``."""
    lines = []
    for message in messages:
        assert isinstance(message, CallEvent), message
        operation = "FF" if message.operation is None else f"{message.operation:02X}"
        line = f"{message.object_number} {message.code:02X}/{operation}"
        line += f" {message.calling.number or '-'}>{message.called.number or '-'}"
        if message.service is not None:
            line += f" {message.service:02X}"
        if message.ksl_a is not None:
            line += f" k{message.ksl_a.stream}.{message.ksl_a.ksl}"
        if message.ksl_b is not None and message.ksl_b != message.ksl_a:
            line += f"+{message.ksl_b.stream}.{message.ksl_b.ksl}"
        lines.append(line)
    return lines
