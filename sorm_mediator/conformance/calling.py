"""Making the calls that a check needs: by the emulated switch over HTTP, a command of the user's, or the operator."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import string
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sorm_mediator.conformance.verdicts import Untested
from sorm_mediator.console.errors import ConnectError, StepError
from sorm_mediator.console.target import CallMaker, Requester
from sorm_mediator.language import Lang, Phrase, translate

OUTCOMES = ("answer", "busy", "no-answer", "fail", "incomplete")
HOOK_ENDS_WITHIN = 5.0
"""Seconds that a command of the user's has to end after it was asked to (SIGTERM)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that is wanted. ``trunk``: it comes in by this trunk; else ``a`` is a subscriber of the node."""

    a: str
    b: str
    outcome: str = "answer"
    ring: float
    """Seconds until it is answered, or until the caller gives up."""
    talk: float
    """Seconds of conversation."""
    trunk: int | None = None
    trunk_name: str = ""
    services: tuple[dict[str, Any], ...] = ()

    @property
    def by_trunk(self) -> str:
        """The trunk by which it comes in, for people; empty for a call of the node."""
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


class Caller:
    """A way to make calls."""

    ring: float
    """Seconds of ringing before the answer that suit it."""
    talk: float
    """Seconds of a conversation that a check only needs to have been."""
    long: float
    """Seconds of a conversation, or a ringing, in which a check does something."""
    within: float
    """Seconds until a call that was asked for is under way."""

    async def place(self, call: Call) -> Any:
        """Make a call; returns what :meth:`hang_up` takes. Raises :class:`Untested`."""
        raise NotImplementedError

    async def hang_up(self, placed: Any) -> None:
        """End it, where that can be done; else it ends by itself. Raises :class:`Untested` like :meth:`trouble`."""
        raise NotImplementedError

    async def trouble(self, placed: Any) -> Phrase | None:
        """Why a call came to nothing through no fault of the mediator; None: it was made, as far as is known."""
        return None

    async def broken(self, placed: Any) -> None:
        """Return as soon as :meth:`trouble` has a reason, which it need not ever have."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """End every call that goes on."""


class HttpCaller(Caller):
    """The emulated switch of a lab."""

    ring, talk, long, within = 0.01, 0.01, 60.0, 5.0

    def __init__(self, domain: str, make_call: CallMaker, request: Requester) -> None:
        self._domain = domain
        self._make_call = make_call
        self._request = request
        self._going_nowhere: set[str] = set()
        """Calls that are meant to fail."""

    async def place(self, call: Call) -> str:
        """Make a call. Raises :class:`Untested` when the switch refuses it, or can't be reached."""
        body: dict[str, Any] = {
            "a": call.a, "b": call.b, "outcome": call.outcome, "ring": call.ring, "talk": call.talk,
            "services": list(call.services),
        }  # fmt: skip
        if call.trunk is not None:
            if not call.trunk_name:
                raise Untested(_NO_TRUNK_NAME)
            body["from"] = f"trunk:{call.trunk_name}"
        try:
            made = await self._make_call(self._domain, body)
        except StepError as error:
            raise Untested(error.text) from None
        except ConnectError as error:
            raise Untested(str(error)) from None
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
        """As of the caller: whether the switch could route the call."""
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


_NO_TRUNK_NAME = Phrase("the switch knows trunks by name: --trunk 2=NAME")


class HookCaller(Caller):
    """A command of the user's, run for each call.

    ``{a}``, ``{b}``, ``{outcome}``, ``{ring}``, ``{talk}`` and ``{trunk}`` in it are filled in; ``SORM_CALL`` in its
    environment is all of it as JSON. It makes the call and may end when the call has, or at once; one that still
    runs when the call is to end gets SIGTERM.
    """

    ring, talk, long, within = 2.0, 2.0, 20.0, 30.0

    def __init__(self, command: str) -> None:
        self._words = shlex.split(command)
        self._running: list[asyncio.subprocess.Process] = []

    @staticmethod
    def problem(command: str) -> str:
        """Why a command can't be used, or ""."""
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
        """Ask the command to end. Raises :class:`Untested` for one that failed by itself."""
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
        """Whether the command failed, other than by the SIGTERM that it was sent."""
        return _exit_of(placed) if placed in self._running else None

    async def broken(self, placed: asyncio.subprocess.Process) -> None:
        """The command ends by itself, and not with exit code 0."""
        await placed.wait()
        if await self.trouble(placed) is None:
            await asyncio.Event().wait()

    async def close(self) -> None:
        """End the commands that still run."""
        for process in list(self._running):
            try:
                await self.hang_up(process)
            except Untested:
                continue  # it was over, and what became of its call has been seen by the check


def _exit_of(process: asyncio.subprocess.Process) -> Phrase | None:
    """The reason, of a command that is over and did not end with exit code 0."""
    code = process.returncode
    if not code:
        return None
    if code < 0:
        return Phrase("the hook was ended by signal {n}", n=-code)
    return Phrase("the hook ended with exit code {code}", code=code)


PLACEHOLDERS = ("a", "b", "outcome", "ring", "talk", "trunk")


@dataclass
class AskingCaller(Caller):
    """The operator: the terminal asks for a call, and the operator confirms that it is made.

    ``ask(text, within)`` shows a text and waits for Enter, at most so many seconds; false: there was no answer.
    """

    ask: Callable[[str, float], Any]
    lang: Lang = "en"
    ring: float = 4.0
    talk: float = 5.0
    long: float = 90.0
    within: float = 120.0

    async def place(self, call: Call) -> Call:
        """Ask for a call. Raises :class:`Untested` when nobody makes it."""
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
        """Ask for the end of it."""
        if placed.outcome == "answer":
            await self._asked(Phrase("{a}: hang up now", a=placed.a or placed.b))

    async def _asked(self, text: Phrase) -> None:
        if not await self.ask(translate(text, self.lang), self.within):
            raise Untested(Phrase("nobody made the call"))


async def at_terminal(text: str, within: float) -> bool:
    """Show ``text`` on stderr and wait for Enter on stdin; false when it does not come in time, or stdin has ended."""
    sys.stderr.write(f"\n>>> {text} [Enter] ")
    sys.stderr.flush()
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def readable() -> None:
        if not line.done():
            line.set_result(sys.stdin.readline())

    try:
        loop.add_reader(sys.stdin, readable)
    except OSError:  # no terminal, and nothing that could be waited for
        return False
    try:
        async with asyncio.timeout(within):
            return bool(await line)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(sys.stdin)
