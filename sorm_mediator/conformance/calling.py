"""The calls of a check, made by the emulated switch over HTTP, by the user's command, or by the operator."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import string
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sorm_mediator.conformance.verdicts import Untested
from sorm_mediator.console.errors import ConnectError, StepError, words
from sorm_mediator.console.target import CallMaker, Requester
from sorm_mediator.language import Lang, Phrase, translate

HOOK_ENDS_WITHIN = 5.0
"""Seconds between SIGTERM and the end of the user's command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A requested call; it comes in by ``trunk``, or without one ``a`` is a subscriber of the node."""

    a: str
    b: str
    outcome: str = "answer"
    ring: float
    """Seconds until the answer, or until the caller gives up."""
    talk: float
    """Seconds of conversation."""
    trunk: int | None = None
    trunk_name: str = ""
    services: tuple[dict[str, Any], ...] = ()

    @property
    def by_trunk(self) -> str:
        """The trunk of an incoming call, for people; empty for a call of the node."""
        return "" if self.trunk is None else Phrase(" by trunk {n}", n=self.trunk)

    @property
    def text(self) -> Phrase:
        """The call for people."""
        return Phrase(
            "call {a} -> {b}{by}, {outcome}",
            a=self.a or "-",
            b=self.b,
            by=self.by_trunk,
            outcome=_OUTCOME[self.outcome],
        )


_OUTCOME = {
    "answer": Phrase("it is answered"),
    "busy": Phrase("B is busy"),
    "no-answer": Phrase("B does not answer"),
    "fail": Phrase("it can't be set up"),
    "incomplete": Phrase("the number is not dialled to its end"),
}


class Caller(ABC):
    """A way to make calls."""

    ring: float
    """Suitable seconds of ringing before the answer."""
    talk: float
    """Seconds of a conversation in which a check does nothing."""
    long: float
    """Seconds of a conversation, or of ringing, in which a check acts."""
    within: float
    """Seconds until a requested call is under way."""

    @abstractmethod
    async def place(self, call: Call) -> Any:
        """Make a call; returns the argument of :meth:`hang_up`. Raises :class:`Untested`."""

    @abstractmethod
    async def hang_up(self, placed: Any) -> None:
        """End the call, if possible, or else it ends by itself. Raises :class:`Untested` like :meth:`trouble`."""

    async def trouble(self, placed: Any) -> Phrase | None:
        """The reason why a call failed without a fault of the mediator; None: no failure is known."""
        return None

    async def broken(self, placed: Any) -> None:
        """Return as soon as :meth:`trouble` has a reason; may never return."""
        await asyncio.Event().wait()

    async def close(self) -> None:  # noqa: B027 - a call of the switch or the operator ends by itself
        """End all running calls."""


class HttpCaller(Caller):
    """The emulated switch of a lab."""

    ring, talk, long, within = 0.01, 0.01, 60.0, 5.0

    def __init__(self, domain: str, make_call: CallMaker, request: Requester) -> None:
        self._domain = domain
        self._make_call = make_call
        self._request = request
        self._going_nowhere: set[str] = set()
        """Calls that are expected to fail."""

    async def place(self, call: Call) -> str:
        """Make a call. Raises :class:`Untested` if the switch refuses it or can't be reached."""
        body: dict[str, Any] = {
            "a": call.a, "b": call.b, "outcome": call.outcome, "ring": call.ring, "talk": call.talk,
            "services": list(call.services),
        }  # fmt: skip
        if call.trunk is not None:
            if not call.trunk_name:
                raise Untested(Phrase("the switch knows trunks by name: --trunk 2=NAME"))
            body["from"] = f"trunk:{call.trunk_name}"
        try:
            made = await self._make_call(self._domain, body)
        except (StepError, ConnectError) as error:
            raise Untested(words(error)) from None
        if call.outcome in ("fail", "incomplete"):
            self._going_nowhere.add(made)
        return made

    async def hang_up(self, placed: str) -> None:
        """The caller hangs up."""
        try:
            await self._request("DELETE", f"calls/{placed}", None)
        except ConnectError as error:
            raise Untested(str(error)) from None

    async def trouble(self, placed: str) -> Phrase | None:
        """The reason why the switch could not route the call; see :meth:`Caller.trouble`."""
        if placed in self._going_nowhere:
            return None
        try:
            status, call = await self._request("GET", f"calls/{placed}", None)
        except ConnectError as error:
            return Phrase("{error}", error=error)
        if status != 200 or not isinstance(call, dict):
            return None
        for hop in call.get("routing", ()):
            if hop.get("result") == "failed":
                return Phrase(
                    "the switch could not route the call: {reason}", reason=hop.get("reason") or "-"
                )
        return None


class HookCaller(Caller):
    """The user's command, run for each call.

    ``{a}``, ``{b}``, ``{outcome}``, ``{ring}``, ``{talk}`` and ``{trunk}`` in the command are filled in;
    ``SORM_CALL`` in its environment has all values as JSON. The command makes the call and may end with the
    call or at once. A command that still runs at the end of the call gets SIGTERM.
    """

    ring, talk, long, within = 2.0, 2.0, 20.0, 30.0

    def __init__(self, command: str) -> None:
        self._words = shlex.split(command)
        self._running: list[asyncio.subprocess.Process] = []

    @staticmethod
    def problem(command: str) -> str:
        """The reason why a command can't be used, or ""."""
        try:
            words = shlex.split(command)
            for word in words:
                for _, name, _, _ in string.Formatter().parse(word):
                    if name is not None and name not in PLACEHOLDERS:
                        return f"{{{name}}} is not known: {', '.join(PLACEHOLDERS)}"
        except ValueError as error:
            return str(error)
        return "" if words else "no command"

    async def place(self, call: Call) -> asyncio.subprocess.Process:
        """Run the command."""
        whole = {**asdict(call), "from": "subscriber" if call.trunk is None else f"trunk:{call.trunk}"}
        shown = {name: "" if whole[name] is None else str(whole[name]) for name in PLACEHOLDERS}
        words = [word.format_map(shown) for word in self._words]
        environment = {**os.environ, "SORM_CALL": json.dumps(whole, ensure_ascii=False)}
        try:
            process = await asyncio.create_subprocess_exec(
                *words, env=environment, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL, stderr=None,
            )  # fmt: skip
        except OSError as error:
            text = error.strerror or str(error)
            raise Untested(Phrase("hook {name}: {text}", name=words[0], text=text)) from None
        self._running.append(process)
        return process

    async def hang_up(self, placed: asyncio.subprocess.Process) -> None:
        """Send SIGTERM to the command. Raises :class:`Untested` for a command that failed by itself."""
        if placed not in self._running:
            return
        self._running.remove(placed)
        if placed.returncode is None:
            placed.terminate()
            try:
                async with asyncio.timeout(HOOK_ENDS_WITHIN):
                    await placed.wait()
            except TimeoutError:
                placed.kill()
                await placed.wait()
        elif (why := _exit_of(placed)) is not None:
            raise Untested(why)

    async def trouble(self, placed: asyncio.subprocess.Process) -> Phrase | None:
        """The reason of the command's failure, other than our SIGTERM; None without a failure."""
        return _exit_of(placed) if placed in self._running else None

    async def broken(self, placed: asyncio.subprocess.Process) -> None:
        """Return when the command ends by itself with an exit code other than 0."""
        await placed.wait()
        if await self.trouble(placed) is None:
            await asyncio.Event().wait()

    async def close(self) -> None:
        """End the running commands."""
        for process in list(self._running):
            try:
                await self.hang_up(process)
            except Untested:
                continue  # The command had ended, and the check has seen the outcome of its call.


def _exit_of(process: asyncio.subprocess.Process) -> Phrase | None:
    """The reason for a command that ended with an exit code other than 0."""
    code = process.returncode
    if not code:
        return None
    if code < 0:
        return Phrase("the hook was ended by signal {n}", n=-code)
    return Phrase("the hook ended with exit code {code}", code=code)


PLACEHOLDERS = ("a", "b", "outcome", "ring", "talk", "trunk")


@dataclass
class AskingCaller(Caller):
    """The operator: the terminal asks for a call, and the operator confirms it.

    ``ask(text, within)`` shows a text and waits for Enter, at most so many seconds; false: no answer.
    """

    ask: Callable[[str, float], Any]
    lang: Lang = "en"
    ring: float = 4.0
    talk: float = 5.0
    long: float = 90.0
    within: float = 120.0

    async def place(self, call: Call) -> Call:
        """Ask for a call. Raises :class:`Untested` without a confirmation."""
        text = Phrase(
            "call {b} from {a}{by} now ({outcome}; let it ring {ring:g} s, talk until you are told to hang up)",
            a=call.a or "-",
            b=call.b,
            by=call.by_trunk,
            ring=call.ring,
            outcome=_OUTCOME[call.outcome],
        )
        await self._asked(text)
        return call

    async def hang_up(self, placed: Call) -> None:
        """Ask for the end of the call."""
        if placed.outcome == "answer":
            await self._asked(Phrase("{a}: hang up now", a=placed.a or placed.b))

    async def _asked(self, text: Phrase) -> None:
        if not await self.ask(translate(text, self.lang), self.within):
            raise Untested(Phrase("nobody made the call"))


async def at_terminal(text: str, within: float) -> bool:
    """Show ``text`` on stderr and wait for Enter on stdin; false without it in time, or at the end of stdin."""
    sys.stderr.write(f"\n>>> {text} [Enter] ")
    sys.stderr.flush()
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def readable() -> None:
        if not line.done():
            line.set_result(sys.stdin.readline())

    try:
        loop.add_reader(sys.stdin, readable)
    except OSError:  # no terminal, and no descriptor to wait for
        return False
    try:
        async with asyncio.timeout(within):
            return bool(await line)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(sys.stdin)
