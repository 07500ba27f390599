"""The console's side of one mediator: KPD1 and KPD2, and a log of everything that crossed.

:class:`ConsoleClient` connects over TCP; :mod:`sorm_mediator.console.e1_client` gives it the channels of E1
streams.

The console connects KPD2 first, then KPD1 (our choice), and sends one unit a write (order 268, 1.4.2.2).
Received octets are assembled into units by the length in the header. Units that are split over reads, or that
come several at a time, are findings of the log, not errors.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast

import protocol
from protocol import Channel, Codec, ElectronicMessage, Message, Problem, StreamFramer, decode_message_text
from protocol.codes import MessageCoding
from protocol.framing import Broken, Noise, Unit
from protocol.jsonform import from_json, to_json
from protocol.messagetext import DEFAULT_CODING
from sorm_mediator.addresses import host_port
from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.language import Phrase, join

T = TypeVar("T")

CONNECT_WITHIN = 5.0
KEPT_COMMANDS = 500
"""Limit of commands kept for late answers."""
KPD1, KPD2 = "kpd1", "kpd2"
SHOWN = {KPD1: Phrase("KPD1"), KPD2: Phrase("KPD2")}
NO_UNIT = Phrase("octets that are no unit")
"""The names of the channels for people."""
SPLIT, COALESCED = Phrase("split"), Phrase("coalesced")
Address = tuple[str, int]
PASSWORD = "123456"  # nosec B105 # noqa: S105 - a public default of the lab
"""The first password: order 268, 5.2.2.5 leaves it to the maker of the node; this one is our choice."""


@dataclass(eq=False)
class Sent:
    """A command, and which of its answers have come."""

    code: int
    time: float
    accepted: bool = False
    done: bool = False
    refusal: int = 0
    """The status other than 00h from 27h or 28h; 0 until then."""


@dataclass(eq=False)
class Crossed:
    """Octets that crossed a channel: one unit, or octets that are no unit."""

    time: float
    outbound: bool
    channel: str
    """``kpd1`` or ``kpd2``: the connection."""
    raw: bytes
    message: Any = None
    problems: tuple[str, ...] = ()
    """Problems found by the decoder or the framing."""
    findings: tuple[str, ...] = ()
    """``split`` over several reads, or ``coalesced`` with other units in one."""
    answers: Sent | None = None
    coding: MessageCoding = DEFAULT_CODING
    """The coding of texts in 2Ch."""
    first: bool = False
    """Whether it is the first that came on its channel since that was connected."""

    @cached_property
    def form(self) -> dict[str, Any]:
        """The JSON form of ``decode --json``; empty for octets that are no unit."""
        return {} if self.message is None else to_json(self.message, self.raw)

    @property
    def name(self) -> str:
        """Name of the message, ``""`` for octets that are no known one."""
        return "" if self.form.get("kind") == "unknown" else str(self.form.get("name") or "")

    @property
    def fields(self) -> dict[str, Any]:
        """Fields in their JSON form; the text of 2Ch has the mediator's coding (``message_text``)."""
        fields = {**self.form.get("fields", {}), "orm_number": self.form.get("orm_number")}
        if isinstance(self.message, ElectronicMessage):
            fields["text"] = decode_message_text(self.message.text, self.coding)
        return fields

    @property
    def on_kpd2(self) -> bool:
        """Whether the octets crossed KPD2."""
        return self.channel == KPD2


def _texts(problems: Sequence[Problem]) -> tuple[str, ...]:
    return tuple(join(": ", [one.path or _UNIT, one.message]) for one in problems)


_UNIT = Phrase("unit")


class Observer:
    """Receives the events of a console's channels. A subclass overrides the methods that it needs."""

    def opened(
        self, client: ConsoleClient, channel: str, local: Address, remote: Address, now: float
    ) -> None:
        """A channel is open."""

    def transferred(
        self, client: ConsoleClient, channel: str, outbound: bool, data: bytes, now: float
    ) -> None:
        """One write or one read."""

    def crossed(self, client: ConsoleClient, crossed: Crossed) -> None:
        """One unit, or octets that are no unit."""

    def closed(self, client: ConsoleClient, channel: str, now: float) -> None:
        """A channel is closed."""

    def framed(self, client: ConsoleClient, channel: str, by_dte: bool, frame: bytes, now: float) -> None:
        """Over E1, in place of the others: one LAPB frame, without FCS. ``by_dte``: sent by the DTE."""


class Connection(Protocol):
    """An open channel."""

    framer: StreamFramer
    closed_here: bool

    async def write(self, data: bytes) -> None:
        """Send octets."""

    async def close(self) -> None:
        """Close the channel from this side."""


class Waiting:
    """Lets coroutines wait for a condition, which is checked after every event."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def wait(self, condition: Callable[[], bool], within: float) -> bool:
        """Wait until ``condition`` holds, checked after every event; false after the timeout."""
        try:
            async with asyncio.timeout(within):
                while not condition():
                    await self._event.wait()
        except TimeoutError:
            return condition()
        return True

    def _wake(self) -> None:
        self._event.set()
        self._event.clear()


class ConsoleClient(Waiting):
    """One console. ``wait`` waits for a condition; ``log`` holds everything that has crossed.

    ``password`` and ``orm_number`` are the default header of commands. An executed command 3 changes the
    password. A command 2 resets it (``stop_resets_password``), and so do 22h (``restart_resets_password``;
    order 268, 9.2.4) and a 21h that reports lost tables (9.1.4.1).
    """

    def __init__(
        self,
        host: str,
        kpd1_port: int,
        kpd2_port: int,
        codec: Codec,
        *,
        name: str = "main",
        password: str = PASSWORD,
        orm_number: int = 1,
        stop_resets_password: bool = True,
        restart_resets_password: bool = True,
        clock: Callable[[], float] = time.time,
        observers: Sequence[Observer] = (),
    ) -> None:
        super().__init__()
        self.name = name
        self.host = host
        self.password = password
        self.orm_number = orm_number
        self.log: list[Crossed] = []
        self.kept: int | None = None
        """How many of the latest the log keeps at least; it grows to twice as many. None: it keeps all."""
        self.count = 0
        """How many have crossed."""
        self._heard = False
        self.lost = 0
        """How many times a channel has ended, closed by either side."""
        self._ports = {KPD1: kpd1_port, KPD2: kpd2_port}
        self.codec = codec
        self._first_password = password
        self._stop_resets_password = stop_resets_password
        self._restart_resets_password = restart_resets_password
        self._clock = clock
        self._observers = observers
        self._channels: dict[str, Connection] = {}
        self.begun: set[str] = set()
        """The channels on which something has come since they were connected."""
        self._closed: set[str] = set()
        self._let_go: set[str] = set()
        self._outstanding: list[Sent] = []
        self._new_passwords: dict[Sent, str] = {}

    async def connect(self, channels: Sequence[str] = (KPD2, KPD1)) -> None:
        """Open channels, KPD2 before KPD1. Raises :class:`ConnectError` naming host and port."""
        for channel in sorted(set(channels) - set(self._channels), reverse=True):
            port = self._ports[channel]
            try:
                async with asyncio.timeout(CONNECT_WITHIN):
                    await asyncio.get_running_loop().create_connection(
                        lambda channel=channel: _Channel(self, channel),  # type: ignore[misc]
                        self.host,
                        port,
                    )
                continue
            except TimeoutError:
                reason: str = Phrase("no answer within {seconds:g} s", seconds=CONNECT_WITHIN)
            except (OSError, ValueError) as error:  # ValueError: a host that can't be looked up
                reason = getattr(error, "strerror", None) or str(error)
            text = Phrase(
                "{where}: {channel} can't be reached: {reason}",
                where=host_port(self.host, port),
                channel=SHOWN[channel],
                reason=reason,
            )
            raise ConnectError(text)

    def complaints(self) -> list[str]:
        """The problems of the open channels, as texts. Over TCP there are none."""
        return []

    @property
    def connected(self) -> frozenset[str]:
        """The channels that are open."""
        return frozenset(self._channels)

    @property
    def closed(self) -> frozenset[str]:
        """The channels that the mediator has closed."""
        return frozenset(self._closed)

    @property
    def hung_up(self) -> frozenset[str]:
        """The channels that the mediator has closed, without those of :meth:`let_go`."""
        return frozenset(self._closed - self._let_go)

    def let_go(self, channels: Iterable[str]) -> None:
        """These channels may be closed, by either side, until they are connected again."""
        self._let_go.update(channels)

    @property
    def final(self) -> frozenset[str]:
        """The channels that the mediator has closed and on which nothing comes until :meth:`connect`."""
        return self.closed

    @property
    def heard(self) -> bool:
        """Whether anything has come from the mediator."""
        return self._heard

    @property
    def closed_shown(self) -> Phrase:
        """The channels that the mediator has closed, for people."""
        return join(", ", [SHOWN[name] for name in sorted(self._closed)])

    def not_let_in(self) -> Phrase | None:
        """The text when the mediator closed a channel before it said anything; None when it has not."""
        if self.heard or not self._closed:
            return None
        return Phrase(
            "{where}: the mediator hung up before it had answered: has it another console, or is this address "
            "not in its console.allow?",
            where=self.where(KPD1),
        )

    def command(self, name: str, fields: dict[str, Any]) -> Any:
        """A command by name. The header is this console's where ``fields`` do not give one."""
        header = {"orm_number": self.orm_number, "password": self.password}
        return from_json({"name": name, "channel": "command", "fields": {**header, **fields}})

    async def send(self, message: Any, *, split: int = 0) -> tuple[Sent, ...]:
        """Send a command or octets, ``split`` octets a write (0: whole). Returns the commands to be answered.

        Raises :class:`StepError` when KPD1 is closed, :class:`protocol.EncodeError` for an impossible value.
        """
        raw = bytes(message) if isinstance(message, bytes | bytearray) else self.codec.encode(message)
        channel = self._channels.get(KPD1)
        if channel is None:
            why = hung_up([KPD1]) if KPD1 in self._closed else Phrase("KPD1 is not connected")
            raise StepError(join(": ", [self.where(KPD1), why]))
        now = self._clock()
        sent = tuple(Sent(code, now) for code in _codes(raw))
        self._outstanding = [*self._outstanding[-KEPT_COMMANDS:], *sent]
        for own in self._read_own(raw, now):
            if sent and isinstance(new := getattr(own.message, "new_password", None), str):
                self._new_passwords[sent[0]] = new
            self._record(own)
        for start in range(0, len(raw), split or len(raw) or 1):
            await channel.write(raw[start : start + (split or len(raw))])
        return sent

    async def disconnect(self, channels: Sequence[str] = (KPD1, KPD2)) -> None:
        """Close channels from this side."""
        for name in channels:
            channel = self._channels.get(name)
            if channel is not None:
                await channel.close()

    async def close(self) -> None:
        """Close both channels."""
        await self.disconnect()

    def where(self, channel: str) -> str:
        """The address of a channel, for people."""
        return host_port(self.host, self._ports[channel])

    def _received(self, channel: str, data: bytes, framer: StreamFramer) -> None:
        now = self._transferred(channel, False, data)
        begun = framer.pending > 0
        pieces = framer.feed(data)
        several = len(pieces) > 1
        for number, piece in enumerate(pieces):
            findings: list[str] = [SPLIT] if begun and number == 0 else []
            findings += [COALESCED] if several else []
            self._record(self._read_piece(now, channel, piece, tuple(findings)))
        self._wake()

    def _read_piece(self, now: float, channel: str, piece: Any, findings: tuple[str, ...]) -> Crossed:
        if isinstance(piece, Noise):
            text = Phrase("{count} octets that belong to no unit", count=piece.length)
            return Crossed(now, False, channel, piece.sample, None, (text,), findings)
        if isinstance(piece, Broken):
            wrong = piece.explain(self.codec.options)
            return Crossed(now, False, channel, piece.raw, None, (wrong,), findings)
        assert isinstance(piece, Unit)
        message, problems = self.codec.decode_lenient(piece.raw)
        coding = self.codec.options.message_text
        crossed = Crossed(now, False, channel, piece.raw, message, _texts(problems), findings, coding=coding)
        crossed.answers = self._attribute(crossed)
        return crossed

    def _read_own(self, raw: bytes, now: float) -> list[Crossed]:
        """The sent octets, unit by unit; as one piece when they are not whole units throughout."""
        framer = StreamFramer(Channel.COMMAND, self.codec.options)
        pieces = framer.feed(raw)
        units = [piece for piece in pieces if isinstance(piece, Unit)]
        if framer.pending or len(units) < len(pieces):
            return [Crossed(now, True, KPD1, raw)]
        own = []
        for unit in units:
            message, problems = self.codec.decode_lenient(unit.raw)
            own.append(Crossed(now, True, KPD1, unit.raw, message, _texts(problems)))
        return own

    def _attribute(self, crossed: Crossed) -> Sent | None:
        """The command that a message of KPD1 answers: the oldest of its code without such an answer."""
        if crossed.channel == KPD2:
            return None
        name, message = crossed.name, crossed.message
        if (name == "restart" and self._restart_resets_password) or (
            name == "alarm" and message.alarm_type == 1
        ):
            self.password = self._first_password
        if name == "command-received":
            sent = self._oldest(lambda one: one.code == message.command and not (one.accepted or one.done))
            if sent is not None:
                sent.accepted = message.status == 0
                sent.refusal = message.status
                sent.done = not sent.accepted
        elif name == "command-executed":
            sent = self._oldest(lambda one: one.code == message.command and one.accepted and not one.done)
            if sent is None:
                # Command 14 ends with 29h; ``test_command_28h`` adds 28h (order 268, 9.8.3).
                sent = self._oldest(lambda one: one.code == message.command and one.accepted)
            if sent is not None:
                sent.done = True
                sent.refusal = message.status
                if message.status == 0:
                    self._executed(sent)
        elif name in DATA_OF:
            code = COMMANDS[DATA_OF[name]].code
            sent = self._oldest(lambda one: one.code == code and one.accepted and not one.done)
            if sent is not None and name == "test-reply":
                sent.done = True
        else:
            sent = None
        return sent

    def _oldest(self, suits: Callable[[Sent], bool]) -> Sent | None:
        return next((sent for sent in self._outstanding if suits(sent)), None)

    def _executed(self, sent: Sent) -> None:
        new = self._new_passwords.pop(sent, None)
        if new is not None:
            self.password = new
        elif sent.code == COMMANDS["stop"].code and self._stop_resets_password:
            self.password = self._first_password

    def _record(self, crossed: Crossed) -> None:
        if not crossed.outbound:
            crossed.first = crossed.channel not in self.begun
            self.begun.add(crossed.channel)
            self._heard = True
        self.log.append(crossed)
        self.count += 1
        if self.kept is not None and len(self.log) > 2 * self.kept:
            del self.log[: -self.kept]
        for observer in self._observers:
            observer.crossed(self, crossed)

    def _transferred(self, channel: str, outbound: bool, data: bytes) -> float:
        now = self._clock()
        for observer in self._observers:
            observer.transferred(self, channel, outbound, data, now)
        return now

    def _opened(self, name: str, channel: _Channel, local: Address, remote: Address) -> None:
        self._begin(name, channel)
        for observer in self._observers:
            observer.opened(self, name, local[:2], remote[:2], self._clock())

    def _begin(self, name: str, channel: Connection) -> None:
        self._channels[name] = channel
        for marks in (self._closed, self._let_go, self.begun):
            marks.discard(name)

    def _lost(self, name: str, channel: _Channel) -> None:
        self._gone(name, channel)
        for observer in self._observers:
            observer.closed(self, name, self._clock())

    def _gone(self, name: str, channel: Connection) -> None:
        for piece in channel.framer.flush():
            self._record(self._read_piece(self._clock(), name, piece, ()))
        self._channels.pop(name, None)
        self.lost += 1
        if not channel.closed_here:
            self._closed.add(name)
        self._wake()


def new_framer(client: ConsoleClient, channel: str) -> StreamFramer:
    """The framer of a channel of ``client``."""
    return StreamFramer(Channel.KPD2 if channel == KPD2 else Channel.KPD1, client.codec.options)


class _Channel(asyncio.Protocol):
    """One TCP connection. It keeps the borders of reads, which a stream reader would hide."""

    def __init__(self, client: ConsoleClient, name: str) -> None:
        self._client = client
        self._name = name
        self.framer = new_framer(client, name)
        self.closed_here = False
        self._gone = asyncio.Event()
        self._may_write = asyncio.Event()
        self._may_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # that of uvloop is none by its class
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        self._client._opened(self._name, self, local, remote)

    def data_received(self, data: bytes) -> None:
        self._client._received(self._name, data, self.framer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._may_write.set()
        self._client._lost(self._name, self)
        self._gone.set()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    async def write(self, data: bytes) -> None:
        self._client._transferred(self._name, True, data)
        self._transport.write(data)
        # One turn of the loop, so that pieces leave as writes of their own.
        await asyncio.sleep(0)
        await self._may_write.wait()

    async def close(self) -> None:
        self.closed_here = True
        self._transport.close()
        await self._gone.wait()


def _codes(raw: bytes) -> Iterator[int]:
    """The codes of the whole commands in ``raw``, as far as their headers can be followed."""
    position = 0
    while (
        len(raw) - position >= 10 and raw[position] == 0xCC and len(raw) >= position + 10 + raw[position + 3]
    ):
        yield raw[position + 2]
        position += 10 + raw[position + 3]


def _by_name(declared: Iterable[type[Message]]) -> dict[str, type[Message]]:
    return {one.message_name: one for one in declared}


COMMANDS: Mapping[str, type[Message]] = _by_name(protocol.COMMANDS)
"""Commands of the console."""
MESSAGES: Mapping[str, type[Message]] = _by_name(protocol.KPD1_MESSAGES)
"""Messages of the mediator on KPD1."""
EVENTS: Mapping[str, type[Message]] = _by_name(protocol.EVENTS)
"""Messages of the mediator on KPD2."""

ALREADY_STARTED = (0x16, 0x07)
"""Statuses of a command 1 while the technical means run already.

Source: order 268, 9.8.4.2 (07h); Eltex SMG1016M manual, SORM settings (16h).
"""

DATA_OF: Mapping[str, str] = {
    "object-info": "get-objects",
    "ksl-info": "get-ksl",
    "services-info": "get-services",
    "test-reply": "test",
    "trunk-info": "get-trunks",
    "version-info": "get-version",
}
"""The command answered by a data message on KPD1 (order 268, 9.3.3, 9.4.3, 9.5.3, 9.9.3, 9.10.3, 9.11.3)."""


async def wait_for(
    client: ConsoleClient, condition: Callable[[], bool], channels: Collection[str], deadline: float
) -> bool:
    """Wait for ``condition``, while what is waited for can still come on one of ``channels``."""

    def over() -> bool:
        return condition() or client.final.issuperset(channels)

    await client.wait(over, max(0.0, deadline - time.monotonic()))
    return condition()


def hung_up(channels: Iterable[str]) -> Phrase:
    """That the mediator has closed these channels, for people."""
    shown = join(", ", [SHOWN[name] for name in sorted(channels)])
    return Phrase("the mediator has closed {channels}", channels=shown)


def no_end(client: ConsoleClient, within: float) -> Phrase:
    """Why a command has not ended: no answer, or a channel that the mediator has closed."""
    if KPD1 in client.final:
        return Phrase("the mediator closed {channels}", channels=client.closed_shown)
    return Phrase("no end of the command within {s:g} s", s=within)
