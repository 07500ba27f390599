"""The line dialect between mediator and switch: version 1, sans-IO.

:mod:`ssh_control.messages` has the lines and requests. The mediator sends its hello first and the switch answers it.
After that the mediator sends requests, each with its ``seq``; the switch replies with the same ``seq``, and sends
events unasked. docs/dialect.md has every op and a whole session.

:class:`ServerDialect` is the switch's side, :class:`ClientDialect` the mediator's. Both take octets, return events one
by one (the caller handles an event before the next line is read) and keep their octets until the caller takes them.
:data:`SERVER_TABLE` and :data:`CLIENT_TABLE` are their state machines.

The dialect is our own: that of the real devices is not public.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple

from ssh_control.codes import ExtendedError
from ssh_control.logged import cause_of
from ssh_control.messages import (
    MAX_REPLY_LINE,
    MAX_REQUEST_LINE,
    MOST_NESTING,
    DialectError,
    LineReader,
    decode_line,
    encode_line,
    is_nested_deeper,
    request_problem,
)

SUBSYSTEM = "sorm"
"""The SSH subsystem of the dialect, and the name in its hello."""
NO_RADIUS_SERVER = "is no RADIUS server of"
"""In the text of a refused hello: the switch does not report to the accounting sink that the hello names."""
_SEQ_LIMIT = 2**53
_NAME_LIMIT = 255
_TEXT_LIMIT = 1000


class Versions(NamedTuple):
    """The versions that a side supports, both ends included."""

    lowest: int
    highest: int


VERSIONS = Versions(1, 1)


class SessionState(Enum):
    """State of a session."""

    AWAITING_HELLO = "awaiting hello"
    DECIDING = "deciding"
    READY = "ready"
    CLOSED = "closed"

    # By identity: the name's hash, which Enum takes, is a call in Python for every look-up in a table.
    __hash__ = object.__hash__


class SessionInput(Enum):
    """Input of a session: a line that is sent or received, or a decision of this side."""

    HELLO = "hello"
    REFUSAL = "refusal"
    REQUEST = "request"
    REPLY = "reply"
    EVENT = "event"
    FAULT = "fault"
    ACCEPT = "accept"
    REFUSE = "refuse"
    CLOSE = "close"

    __hash__ = object.__hash__


Table = Mapping[tuple[SessionState, SessionInput], SessionState]
_LISTENING = frozenset({SessionState.AWAITING_HELLO, SessionState.READY})

SERVER_TABLE: Final[Table] = {
    (SessionState.AWAITING_HELLO, SessionInput.HELLO): SessionState.DECIDING,
    (SessionState.AWAITING_HELLO, SessionInput.FAULT): SessionState.CLOSED,
    (SessionState.DECIDING, SessionInput.ACCEPT): SessionState.READY,
    (SessionState.DECIDING, SessionInput.REFUSE): SessionState.CLOSED,
    (SessionState.READY, SessionInput.REQUEST): SessionState.READY,
    (SessionState.READY, SessionInput.REPLY): SessionState.READY,
    (SessionState.READY, SessionInput.EVENT): SessionState.READY,
    (SessionState.READY, SessionInput.FAULT): SessionState.READY,
    **{(state, SessionInput.CLOSE): SessionState.CLOSED for state in SessionState},
}
"""The switch's side. A fault before the hello ends the session; a later fault is answered, and the session goes on."""

CLIENT_TABLE: Final[Table] = {
    (SessionState.AWAITING_HELLO, SessionInput.HELLO): SessionState.READY,
    (SessionState.AWAITING_HELLO, SessionInput.REFUSAL): SessionState.CLOSED,
    (SessionState.AWAITING_HELLO, SessionInput.FAULT): SessionState.CLOSED,
    (SessionState.AWAITING_HELLO, SessionInput.CLOSE): SessionState.CLOSED,
    (SessionState.READY, SessionInput.REQUEST): SessionState.READY,
    (SessionState.READY, SessionInput.REPLY): SessionState.READY,
    (SessionState.READY, SessionInput.EVENT): SessionState.READY,
    (SessionState.READY, SessionInput.FAULT): SessionState.CLOSED,
    (SessionState.READY, SessionInput.CLOSE): SessionState.CLOSED,
    (SessionState.CLOSED, SessionInput.CLOSE): SessionState.CLOSED,
}
"""The mediator's side. A switch that breaks the dialect may have left a request undone, so the session ends."""


class IllegalInputError(DialectError):
    """The state does not allow the caller's input; the state is unchanged."""


class Refused(Exception):  # noqa: N818 - what happened, not a mistake
    """The switch refuses a mediator, or a request. ``code``: see :mod:`ssh_control.codes`; ``text``: the reason."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The mediator's hello: its name, and the ``host:port`` of its RADIUS sink ("": none)."""

    mediator: str
    radius: str
    version: int = VERSIONS.highest
    """The version agreed on."""
    rtp: str = ""
    """``host:port`` that receives the speech of controlled calls; "" for none."""


@dataclass(slots=True)
class Request:
    """A request of the mediator. Its params have the shape of :data:`ssh_control.messages.OPERATIONS`."""

    op: str
    params: dict[str, Any]
    cause: str = ""
    """What the request was made for, an id that both sides log; "" for nothing in particular."""


@dataclass(slots=True)
class Reply:
    """The switch's answer: ``data`` when ``ok``, else a code of :mod:`ssh_control.codes` and the reason in words."""

    ok: bool
    data: dict[str, Any] = field(default_factory=dict)
    code: int | None = None
    text: str = ""

    @classmethod
    def refusal(cls, code: int, text: str) -> Reply:
        """A negative reply."""
        return cls(False, {}, code, text)


class PendingReply:
    """A reply that arrives later. The asker registers a callback with :meth:`then`; the answerer calls :meth:`give`."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        """The reply, once it was given."""
        self._then: Callable[[Reply], None] | None = None

    def give(self, reply: Reply) -> None:
        """Set the reply, once."""
        assert self.reply is None
        self.reply = reply
        if self._then is not None:
            self._then(reply)

    def then(self, callback: Callable[[Reply], None]) -> None:
        """Call ``callback`` with the reply: now, or when it is given. Only one callback is allowed."""
        assert self._then is None
        self._then = callback
        if self.reply is not None:
            callback(self.reply)


Response = Reply | PendingReply | None
"""A session's answer to a request: a reply, a reply that arrives later, or ``None``, which means no reply ever."""

Notify = Callable[[dict[str, Any]], None]
"""Sends an event to a mediator."""


@dataclass(slots=True)
class HelloReceived:
    """A mediator's hello; :meth:`ServerDialect.accept` or :meth:`ServerDialect.refuse` is due."""

    hello: ClientHello


@dataclass(slots=True)
class RequestReceived:
    """A request of the right shape; :meth:`ServerDialect.reply` is due, in any order."""

    seq: int
    request: Request


@dataclass(slots=True)
class LineRejected:
    """A line broke the dialect; it has been answered."""

    text: str


@dataclass(slots=True)
class HelloAccepted:
    """The switch accepted the hello. ``hello``: its version, and what else it states about itself."""

    hello: dict[str, Any]


@dataclass(slots=True)
class HelloRefused:
    """The switch refused the hello."""

    code: int | None
    text: str


@dataclass(slots=True)
class ReplyReceived:
    """The reply to the request that has this ``seq``."""

    seq: int
    reply: Reply


@dataclass(slots=True)
class EventReceived:
    """An event of the switch: ``event`` is its kind, the other keys are its fields."""

    event: dict[str, Any]


@dataclass(slots=True)
class DialectBroken:
    """The switch broke the dialect; the session has ended."""

    text: str


ServerEvent = HelloReceived | RequestReceived | LineRejected
ClientEvent = HelloAccepted | HelloRefused | ReplyReceived | EventReceived | DialectBroken


def negotiate(offered: Versions, own: Versions) -> int:
    """The lower of both highest versions. Raises :class:`DialectError` when one side doesn't support it."""
    version = min(offered.highest, own.highest)
    if version < offered.lowest or version < own.lowest:
        raise DialectError(
            f"no common version: the mediator speaks {offered.lowest}..{offered.highest}, "
            f"the switch {own.lowest}..{own.highest}"
        )
    return version


class _Side:
    """Both sides have this: the state, the lines received, the octets to send."""

    subsystem = SUBSYSTEM
    table: Table

    def __init__(self, read_limit: int, write_limit: int, versions: Versions) -> None:
        self.state = SessionState.AWAITING_HELLO
        self.versions = versions
        self._lines = LineReader(read_limit)
        self._write_limit = write_limit
        self._outgoing: list[bytes] = []
        self.waiting = 0

    def feed(self, data: bytes) -> None:
        """Take octets from the peer; ``next_event`` returns their meaning."""
        if not self.closed:
            self._lines.feed(data)

    def take(self) -> bytes:
        """Return the octets to send to the peer, once."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        self.waiting = 0
        return data

    def close(self) -> None:
        """End the session; nothing more is read."""
        self._enter(SessionInput.CLOSE)
        self._lines.clear()

    @property
    def closed(self) -> bool:
        """Whether the session is over."""
        return self.state is SessionState.CLOSED

    def _write(self, cause: SessionInput, message: dict[str, Any]) -> None:
        line = encode_line(message, self._write_limit)
        self._enter(cause)
        self._send(line)

    def _send(self, line: bytes) -> None:
        self._outgoing.append(line)
        self.waiting += len(line)

    def _enter(self, cause: SessionInput) -> None:
        try:
            self.state = self.table[self.state, cause]
        except KeyError:
            raise IllegalInputError(f"{cause.value}: not while {self.state.value}") from None

    def _read_line(self) -> dict[str, Any]:
        line = self._lines.next_line()
        if line is None:
            raise DialectError(f"a line of more than {self._lines.limit} octets", ExtendedError.WRONG_LENGTH)
        return decode_line(line)


class ServerDialect(_Side):
    """The switch's side of one session."""

    table = SERVER_TABLE

    def __init__(self, versions: Versions = VERSIONS) -> None:
        super().__init__(MAX_REQUEST_LINE, MAX_REPLY_LINE, versions)
        self._version = versions.highest

    def next_event(self) -> ServerEvent | None:
        """The next event; ``None``: octets or a decision about the hello are missing, or the session is over."""
        if not self._lines or self.state not in _LISTENING:
            return None
        seq = None
        try:
            message = self._read_line()
            seq = _seq_of(message)
            awaiting_hello = self.state is SessionState.AWAITING_HELLO
            return self._hello(message) if awaiting_hello else self._request(message, seq)
        except DialectError as error:
            return self._fault(seq, error)

    def accept(self, data: Mapping[str, Any]) -> None:
        """Answer the hello: ``data`` is what the switch states about itself."""
        self._write(SessionInput.ACCEPT, {**data, "hello": SUBSYSTEM, "ok": True, "version": self._version})

    def refuse(self, code: int, text: str) -> None:
        """Refuse the hello; the session ends."""
        self._refuse_hello(SessionInput.REFUSE, code, text)

    def reply(self, seq: int | None, reply: Reply) -> None:
        """Answer a request. A reply that can't be written (no JSON, too long) becomes a refusal with the reason."""
        message = {"seq": seq, "ok": True, "data": reply.data} if reply.ok else _negative(seq, reply)
        try:
            self._write(SessionInput.REPLY, message)
        except IllegalInputError:
            raise
        except DialectError as error:
            self._write(
                SessionInput.REPLY, _negative(seq, Reply.refusal(error.code, f"the reply: {error.text}"))
            )

    def notify(self, event: Mapping[str, Any]) -> None:
        """Send an event. Raises :class:`DialectError` when it can't be written."""
        self._write(SessionInput.EVENT, dict(event))

    def end(self) -> LineRejected | None:
        """The peer sends no more. A line that never ended is answered as a fault."""
        if self.state not in _LISTENING or not self._lines.pending:
            return None
        text = f"the last line never ended: {self._lines.pending} octets thrown away"
        self._lines.clear()
        return self._fault(None, DialectError(text, ExtendedError.WRONG_LENGTH))

    def _hello(self, message: dict[str, Any]) -> HelloReceived:
        if "hello" not in message:
            raise DialectError('hello is due: {"hello":"sorm","version":1}, a JSON object a line')
        mediator, radius, rtp = (_name(message, key) for key in ("mediator", "radius", "rtp"))
        self._version = negotiate(_offer(message), self.versions)
        self._enter(SessionInput.HELLO)
        return HelloReceived(ClientHello(mediator, radius, self._version, rtp))

    def _request(self, message: dict[str, Any], seq: int | None) -> RequestReceived:
        op, params = message.get("op"), message.get("params", {})
        if seq is None:
            raise DialectError(f"seq: must be a whole number 0..{_SEQ_LIMIT - 1}")
        if not isinstance(op, str):
            raise DialectError("op: must be a text")
        if not isinstance(params, dict):
            raise DialectError("params: must be an object")
        problem = request_problem(op, params)
        if problem is not None:
            raise DialectError(problem)
        self._enter(SessionInput.REQUEST)
        return RequestReceived(seq, Request(op, params, cause_of(message.get("cause"))))

    def _fault(self, seq: int | None, error: DialectError) -> LineRejected:
        if self.state is SessionState.READY:
            self._write(SessionInput.FAULT, _negative(seq, Reply.refusal(error.code, error.text)))
        else:
            self._refuse_hello(SessionInput.FAULT, error.code, error.text)
        return LineRejected(error.text)

    def _refuse_hello(self, cause: SessionInput, code: int, text: str) -> None:
        self._write(cause, {"hello": SUBSYSTEM, "ok": False, "code": code, "text": text})
        self._lines.clear()


class ClientDialect(_Side):
    """The mediator's side of one session; its hello is ready to be taken at once.

    The hello has no ``rtp`` when that is empty. Raises :class:`DialectError` when ``mediator``, ``radius`` or
    ``rtp`` is too long.
    """

    table = CLIENT_TABLE

    def __init__(self, mediator: str, radius: str, versions: Versions = VERSIONS, *, rtp: str = "") -> None:
        super().__init__(MAX_REPLY_LINE, MAX_REQUEST_LINE, versions)
        self._seq = 0
        hello = {
            "hello": SUBSYSTEM,
            "version": versions.highest,
            "min_version": versions.lowest,
            "mediator": mediator,
            "radius": radius,
        }
        if rtp:
            hello["rtp"] = rtp
        for key in ("mediator", "radius", "rtp"):
            _name(hello, key)
        self._send(encode_line(hello, self._write_limit))

    def ask(self, request: Request) -> int:
        """Send a request; returns its ``seq``. Raises :class:`DialectError` when it can't be written."""
        seq = self._seq + 1
        message: dict[str, Any] = {"seq": seq, "op": request.op, "params": request.params}
        if request.cause:
            message["cause"] = request.cause
        self._write(SessionInput.REQUEST, message)
        self._seq = seq
        return seq

    def next_event(self) -> ClientEvent | None:
        """The next event; ``None``: octets are missing, or the session is over."""
        if not self._lines or self.closed:
            return None
        try:
            cause, event = self._understand(self._read_line())
            self._enter(cause)
        except DialectError as error:
            self._enter(SessionInput.FAULT)
            event = DialectBroken(f"the switch does not speak the dialect: {error.text}")
        if self.closed:
            self._lines.clear()
        return event

    def _understand(self, message: dict[str, Any]) -> tuple[SessionInput, ClientEvent]:
        if is_nested_deeper(message):
            raise DialectError(f"it is nested more than {MOST_NESTING} deep")
        if "hello" in message:
            return self._hello(message)
        if self.state is not SessionState.READY:
            raise DialectError("its hello is due")
        if "event" in message:
            if not isinstance(message["event"], str):
                raise DialectError("event: must be a text")
            return SessionInput.EVENT, EventReceived(message)
        ok, data, seq = message.get("ok"), message.get("data", {}), _seq_of(message)
        code, text = _code_and_text(message)
        if not isinstance(ok, bool) or not isinstance(data, dict):
            raise DialectError("a reply has ok: true or false, and data: an object")
        if seq is None:
            raise DialectError(f"a reply without its seq: {text[:200]!a}")
        return SessionInput.REPLY, ReplyReceived(
            seq, Reply(True, data) if ok else Reply(False, {}, code, text)
        )

    def _hello(self, message: dict[str, Any]) -> tuple[SessionInput, ClientEvent]:
        if self.state is SessionState.READY:
            raise DialectError("a second hello")
        if message.get("ok") is not True:
            return SessionInput.REFUSAL, HelloRefused(*_code_and_text(message))
        version = message.get("version")
        if type(version) is not int or not self.versions.lowest <= version <= self.versions.highest:
            raise DialectError("version: it chose none of those offered")
        return SessionInput.HELLO, HelloAccepted(message)


def _negative(seq: int | None, reply: Reply) -> dict[str, Any]:
    code = ExtendedError.WRONG_PARAMETERS if reply.code is None else reply.code
    return {"seq": seq, "ok": False, "code": code, "text": reply.text[:_TEXT_LIMIT]}


def _seq_of(message: dict[str, Any]) -> int | None:
    seq = message.get("seq")
    return seq if type(seq) is int and 0 <= seq < _SEQ_LIMIT else None


def _code_and_text(message: dict[str, Any]) -> tuple[int | None, str]:
    code, text = message.get("code"), message.get("text", "")
    if code is not None and not (type(code) is int and 0 <= code <= 0xFF):
        raise DialectError("code: must be a whole number 0..255")
    if not isinstance(text, str):
        raise DialectError("text: must be a text")
    return code, text


def _name(message: dict[str, Any], key: str) -> str:
    value = message.get(key, "")
    if not isinstance(value, str) or len(value) > _NAME_LIMIT:
        raise DialectError(f"{key}: must be a text of at most {_NAME_LIMIT} characters")
    return value


def _offer(message: dict[str, Any]) -> Versions:
    if message["hello"] != SUBSYSTEM:
        raise DialectError(f'hello: must be "{SUBSYSTEM}"')
    highest = message.get("version")
    lowest = message.get("min_version", 1)
    if type(highest) is not int or type(lowest) is not int or not 1 <= lowest <= highest:
        raise DialectError("version and min_version: must be whole numbers, 1 <= min_version <= version")
    return Versions(lowest, highest)
