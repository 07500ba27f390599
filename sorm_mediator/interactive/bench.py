"""The words of the interactive console, without a terminal: each line is carried out and what comes is shown.

A line is a command of the order (``add-object object_number=258 number=28331``), octets (``raw CC 01 ...``), a request
to the web of the lab (``call domain=test.domain a=28331 b=28332``) or a word of the console (:data:`OWN_WORDS`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic, time
from typing import Any, Literal

from protocol import EncodeError
from sorm_mediator.console.client import KPD1, SHOWN, Crossed
from sorm_mediator.console.errors import ConnectError, StepError, words
from sorm_mediator.console.target import RunTarget, blocked, refusal, why_not_let_in
from sorm_mediator.interactive.station import UNANSWERED, Shower, calls_of, command, end_of, unit_lines
from sorm_mediator.interactive.words import (
    WordError,
    about_request,
    did_you_mean,
    read_command,
    read_octets,
    read_request,
    split,
    usage,
)
from sorm_mediator.language import Lang, Phrase, join, translate
from sorm_mediator.replay.recording import ENDS, Recording
from sorm_mediator.replay.vocabulary import COMMANDS, REQUESTS, Request
from sorm_mediator.switch.calls.call import why_released
from ssh_control.visible import visible

Verdict = Literal["good", "failed", "wrong", "exit"]
"""What became of a line: done; the command or request failed; the line can't be understood; the end."""
Style = Literal["command", "answer", "event", "bad", "note"]
"""Kinds of lines, which a terminal shows in colours."""

OWN_WORDS: Mapping[str, tuple[str, Phrase]] = {
    "help": ("[WORD]", Phrase("what there is; with a word, its fields")),
    "raw": ("HEX", Phrase("send octets as they are")),
    "connect": ("[kpd1|kpd2]", Phrase("open the channels, KPD2 first")),
    "disconnect": ("[kpd1|kpd2]", Phrase("close the channels")),
    "octets": ("on|off", Phrase("show every unit in hexadecimal too")),
    "details": ("on|off", Phrase("show every field with its meaning")),
    "wait": ("SECONDS", Phrase("wait, and show what comes")),
    "record-start": ("FILE.yaml", Phrase("write what follows as a scenario for replay")),
    "record-stop": ("", Phrase("end the scenario")),
    "calls": ("", Phrase("the calls that go on: their numbers, state and seconds")),
    "clear": ("", Phrase("clear the screen of a terminal")),
    "exit": ("", Phrase("leave; the mediator stays as it is")),
    "quit": ("", Phrase("the same as exit")),
}
"""The words of the console itself: what follows them, and what they do."""


KEPT = 10_000
"""Units that a console at a prompt keeps at least: it may stay for weeks."""
SETTING = ("start", "add-ksl", "remove-ksl", "add-object", "remove-object", "change-object")
"""Commands that set what holds until the technical means are stopped; connections of calls end with the calls."""
MOST_WAITED = 3600.0
"""Bound of ``wait``, in seconds."""


class Bench:
    """One session: a console, and the words that drive it. ``write`` gets each line and its style."""

    def __init__(
        self,
        target: RunTarget,
        write: Callable[[str, Style], object],
        *,
        lang: Lang = "en",
        octets: bool = False,
        details: bool = False,
        within: float = 15.0,
        clear: Callable[[], object] = lambda: None,
        domains: Sequence[str] = (),
    ) -> None:
        """``clear``: clears the screen, where there is one; ``domains``: those of the switch, as far as known."""
        self._domains = domains
        self._clear_screen = clear
        self._target = target
        self._write = write
        self.lang = lang
        self._switches = {"octets": octets, "details": details}
        self._within = within
        self._recording: Recording | None = None
        self._step_began = 0.0
        """When the last recorded step began; a monotonic time."""
        self._calls: dict[int, float] = {}
        """When the step began in which the first event of a call came, by call number."""
        self._setup: list[tuple[str, Mapping[str, Any]]] = []
        """What this console has set since the technical means were started."""
        self._answered = False
        """The mediator has answered a command of this connection."""
        self._asking: asyncio.Future[None] | None = None
        """The web is asked why the mediator has hung up."""
        self.client = target.console(observers=(Shower(self._crossed, self._closed),))
        self.client.kept = KEPT
        self._own: Mapping[str, Callable[[Sequence[str]], Awaitable[Verdict]]] = {
            "help": self._help,
            "raw": self._raw,
            "connect": self._connect,
            "disconnect": self._disconnect,
            "octets": self._switch("octets"),
            "details": self._switch("details"),
            "wait": self._wait,
            "record-start": self._record_start,
            "record-stop": self._record_stop,
            "calls": self._show_calls,
            "clear": self._clear,
            "exit": self._exit,
            "quit": self._exit,
        }

    async def open(self) -> None:
        """Connect. Raises :class:`ConnectError`."""
        await self.client.connect()

    async def close(self) -> None:
        """Disconnect, and end a recording."""
        try:
            if self._recording is not None:
                await self._record_stop(())
        except (WordError, StepError) as error:
            self._say(words(error), "bad")
        await self._asked()
        await self.client.close()

    async def run(self, line: str) -> Verdict:
        """Carry out one line."""
        try:
            given = split(line)
            if not given:
                return "good"
            if given[0] in self._own:
                return await self._own[given[0]](given[1:])
            if given[0] in COMMANDS:
                return await self._command(given)
            if given[0] in REQUESTS and given[0] != "http":
                return await self._request(given[0], given[1:])
            return self._unknown(given[0])
        except WordError as error:
            self._say(words(error), "bad")
            return "wrong"
        except (StepError, EncodeError, ConnectError) as error:
            self._say(words(error), "bad")
            return "failed"

    # --- the words

    def _unknown(self, word: str) -> Verdict:
        near = did_you_mean(word, (*COMMANDS, *REQUESTS, *OWN_WORDS))
        raise WordError(
            Phrase("{word} is no word of the console{near}; help lists them", word=repr(word), near=near)
        )

    async def _command(self, given: Sequence[str]) -> Verdict:
        name, fields = read_command(given, self.client.codec.options.order)
        if self._recording is not None and "new_password" in fields:
            raise WordError(Phrase("{word}: a recording holds no password: record-stop first", word=name))
        message = command(self.client, name, fields)
        if self._recording is not None:
            self._recording.sent(name, fields)
        verdict = await self._carry_out(message)
        if verdict == "good":
            self._set_up(name, fields)
        return verdict

    def _set_up(self, name: str, fields: Mapping[str, Any]) -> None:
        """Remember what an executed command has set, for a recording that begins later."""
        if name in ("start", "stop"):
            self._setup.clear()
        if name not in SETTING:
            return
        number = fields.get("object_number")
        of_object = [
            one for one in self._setup if number is not None and one[1].get("object_number") == number
        ]
        if name == "remove-object" and of_object:
            self._setup = [one for one in self._setup if one not in of_object]
        else:
            self._setup.append((name, fields))

    async def _raw(self, given: Sequence[str]) -> Verdict:
        octets = read_octets(given)
        if self._recording is not None:
            if octets[2:3] == bytes((COMMANDS["set-password"].code,)):
                raise WordError(
                    Phrase("{word}: a recording holds no password: record-stop first", word="raw")
                )
            self._recording.octets(octets)
        return await self._carry_out(octets)

    async def _carry_out(self, message: Any) -> Verdict:
        self._begin()
        sent = await self.client.send(message)
        end = await end_of(self.client, sent, self._within)
        if not end.good:
            await self._asked()
            self._say(end.text, "bad")
        elif end.text == UNANSWERED:
            self._say(end.text, "note")
        if self._recording is not None:
            if end.good or end.refusal:
                self._recording.late(monotonic() - self._step_began)
            answers = [one for one in self.client.log if one.answers in sent and not one.on_kpd2]
            if not sent:
                self._recording.no_command()
            elif len(sent) == 1 and (end.refusal or any(one.name not in ENDS for one in answers)):
                self._recording.answered([(one.name, one.fields) for one in answers])
        return "good" if end.good else "failed"

    def _begin(self) -> None:
        """A recorded step begins."""
        self._step_began = monotonic()

    async def _request(self, name: str, given: Sequence[str]) -> Verdict:
        if self._target.request is None:
            raise WordError(Phrase("{word}: needs the web of the lab: --web URL", word=name))
        request: Request = REQUESTS[name]
        node = read_request(name, await self._filled(name, given))
        method, path, body = request.fill(node, {})
        recording = self._recording
        if recording is not None:
            self._begin()
            recording.asked(name, node.plain())  # first, since its events may come before the reply
        status, reply = await self._target.request(method, path, body)
        if status != request.accepted:
            if recording is not None:
                recording.not_asked(name)
            why = refusal(reply, path, status)
            self._say(join(": ", [f"{method} {path}: HTTP {status}", why]), "bad")
            return "failed"
        if request.saves and not (isinstance(reply, dict) and request.saves in reply):
            raise StepError(
                Phrase(
                    "{request}: {reply} is no answer of a lab", request=f"{method} {path}", reply=repr(reply)
                )
            )
        if name == "call" and not self._answered and await blocked(self._target):
            self._say(_NO_EVENTS_YET, "note")
        if request.saves:
            if name not in OF_CALLS:
                self._say(f"{request.saves}={reply[request.saves]}", "note")
            if recording is not None:
                recording.replied(request.saves, str(reply[request.saves]))
        elif isinstance(reply, dict) and "sent" in reply:
            if not reply["sent"] and "why" in reply:
                self._say(Phrase("done; nothing was sent to the console: {why}", why=reply["why"]), "note")
            else:
                self._say("  ".join(f"{key}: {value}" for key, value in reply.items()), "note")
        if name == "call":
            placed = str(reply["call"])
            _, reply = await self._target.request("GET", f"calls/{placed}", None)
            if not (isinstance(reply, dict) and "state" in reply):  # of other webs, and of a call long over
                self._say(f"call={placed}", "note")
        if name in OF_CALLS and isinstance(reply, dict) and "state" in reply:
            self._say(join("  ", [*_of_call(reply), *_why_released(reply)]), "note")
        return "good"

    async def _filled(self, name: str, given: Sequence[str]) -> Sequence[str]:
        """The words of a request with the domain and the call, where there is but one."""
        request = REQUESTS[name]
        missing = set(request.required) - {word.partition("=")[0] for word in given}
        if "domain" in missing and len(self._domains) == 1:
            given = (*given, f"domain={self._domains[0]}")
        if "call" in missing:
            calls = [str(one["call"]) for one in await calls_of(self._target)]
            if len(calls) == 1:
                return (*given, f"call={calls[0]}")
            why = Phrase("calls that go on: {calls}", calls=", ".join(calls)) if calls else _NO_CALLS
            raise WordError(join(": ", [name, Phrase("{name} is missing", name="call"), why]))
        return given

    async def _show_calls(self, given: Sequence[str]) -> Verdict:
        if self._target.request is None:
            raise WordError(Phrase("{word}: needs the web of the lab: --web URL", word="calls"))
        calls = await calls_of(self._target)
        if not calls:
            self._say(_NO_CALLS, "note")
            return "good"
        head = ("call", "A", "B", translate(_STATE, self.lang), translate(_SECONDS, self.lang))
        rows = [head, *((one[0], *one[1].split(" -> "), *one[2:]) for one in map(_of_call, calls))]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self._say("  ".join(cells).rstrip(), "note")
        return "good"

    async def _connect(self, given: Sequence[str]) -> Verdict:
        await self.client.connect(_channels(given))
        if self._recording is not None:
            self._recording.channels("connect", _channels(given))
        return "good"

    async def _disconnect(self, given: Sequence[str]) -> Verdict:
        await self.client.disconnect(_channels(given))
        self._answered = False
        if self._recording is not None:
            self._recording.channels("disconnect", _channels(given))
        return "good"

    def _switch(self, name: str) -> Callable[[Sequence[str]], Awaitable[Verdict]]:
        async def turn(given: Sequence[str]) -> Verdict:
            if tuple(given) not in (("on",), ("off",)):
                raise WordError(_not_allowed(name, given, "on, off"))
            self._switches[name] = given[0] == "on"
            return "good"

        return turn

    async def _wait(self, given: Sequence[str]) -> Verdict:
        try:
            seconds = float(given[0]) if len(given) == 1 else -1.0
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= MOST_WAITED:
            raise WordError(_not_allowed("wait", given, Phrase("seconds, 0 to {most:g}", most=MOST_WAITED)))
        await asyncio.sleep(seconds)
        return "good"

    async def _record_start(self, given: Sequence[str]) -> Verdict:
        if self._recording is not None:
            raise WordError(
                Phrase(
                    "record-start: {path} is being recorded already; record-stop ends it",
                    path=self._recording.path,
                )
            )
        if len(given) != 1:
            raise WordError(Phrase("record-start: the name of one file is missing, such as run.yaml"))
        self._recording = Recording(_free(Path(given[0])))
        self._recording.prepare(self._setup)
        self._begin()
        self._calls.clear()
        self._say(Phrase("recording to {path}", path=given[0]), "note")
        return "good"

    async def _record_stop(self, given: Sequence[str]) -> Verdict:
        recording, self._recording = self._recording, None
        if recording is None:
            raise WordError(Phrase("record-stop: nothing is recorded; record-start FILE begins"))
        if not recording.done:
            raise WordError(
                Phrase("record-stop: nothing was done, so {path} is not written", path=recording.path)
            )
        if recording.needs_start():
            recording.begin_started()
            self._say(_STARTED_BEFORE, "note")
        try:
            recording.write()
        except OSError as error:
            raise StepError(
                Phrase("{path}: can't be written: {why}", path=recording.path, why=error.strerror)
            ) from None
        text = Phrase("{count} steps in {path}", count=len(recording.steps), path=recording.path)
        self._say(text, "note")
        return "good"

    async def _clear(self, given: Sequence[str]) -> Verdict:
        self._clear_screen()
        return "good"

    async def _exit(self, given: Sequence[str]) -> Verdict:
        return "exit"

    async def _help(self, given: Sequence[str]) -> Verdict:
        if not given:
            for line in self._overview():
                self._say(line, "note")
        elif given[0] in COMMANDS:
            self._say(usage(given[0], self.lang, self.client.codec.options), "note")
        elif given[0] in REQUESTS and given[0] != "http":
            self._say(about_request(given[0], self.lang), "note")
        elif given[0] in OWN_WORDS:
            self._say(self._own_line(given[0]), "note")
        else:
            return self._unknown(given[0])
        return "good"

    def _overview(self) -> list[str]:
        """The names alone, in columns: they fit a terminal of 24 lines and 80 columns."""
        parts = (
            (_OF_THE_ORDER, list(COMMANDS)),
            (_OF_THE_LAB, [name for name in REQUESTS if name != "http"]),
            (_OF_THE_CONSOLE, [f"{name} {follows}".rstrip() for name, (follows, _) in OWN_WORDS.items()]),
        )
        lines: list[str] = []
        for heading, names in parts:
            lines.append(translate(heading, self.lang))
            rows = -(-len(names) // _COLUMNS)
            for row in range(rows):
                lines.append("  " + "".join(f"{name:<{_COLUMN}}" for name in names[row::rows]).rstrip())
        return [*lines, translate(_MORE_HELP, self.lang)]

    def _own_line(self, name: str) -> str:
        follows, what = OWN_WORDS[name]
        return f"{f'{name} {follows}':<24}  {translate(what, self.lang)}"

    # --- what comes

    def _crossed(self, crossed: Crossed) -> None:
        style: Style = "command" if crossed.outbound else "event" if crossed.on_kpd2 else "answer"
        if not crossed.outbound and crossed.fields.get("status"):
            style = "bad"
        self._answered |= crossed.name == "command-received"
        details = self._switches["details"]
        for line in unit_lines(crossed, self.lang, octets=self._switches["octets"], details=details):
            self._write(line, style)
        # 53h may come anywhere: it is no event of the step
        if self._recording is not None and crossed.on_kpd2 and crossed.name not in ("", "test-reply"):
            self._came(self._recording, crossed)

    def _came(self, recording: Recording, crossed: Crossed) -> None:
        """An event. It may come as long after the step in which its call began: pauses are not recorded."""
        if recording.came(crossed.name, crossed.fields) is None:
            return
        began = self._step_began
        if (call := crossed.fields.get("call_number")) is not None:
            began = self._calls.setdefault(call, began)
        recording.late(monotonic() - began)

    def _closed(self, channel: str) -> None:
        self._answered = False
        self._say(join(": ", [SHOWN[channel], _CLOSED]), "note")
        if channel == KPD1 and self.client.not_let_in():
            self._asking = asyncio.ensure_future(self._tell_why())

    async def _asked(self) -> None:
        if self._asking is not None:
            await self._asking

    async def _tell_why(self) -> None:
        """Why the mediator has not let this console in; its web is asked."""
        if refused := await why_not_let_in(self._target, self.client):
            self._say(refused, "bad")

    def _say(self, text: str, style: Style) -> None:
        for line in translate(text, self.lang).split("\n"):
            self._write(visible(line), style)


_CLOSED = Phrase("closed")
_STARTED_BEFORE = Phrase(
    "the technical means had been started before record-start, so the scenario begins with start; "
    "objects and KSL groups from before are not in it"
)
_NO_EVENTS_YET = Phrase("no events come before the first command of a connection: get-version, for example")
OF_CALLS = ("call", "answer-call", "release-call", "use-service")
"""Requests of calls, after which the call is shown."""
_COLUMNS, _COLUMN = 3, 25
"""The columns of ``help``, and the width of one."""
_NO_CALLS = Phrase("no call goes on")
_STATE = Phrase("state")
_SECONDS = Phrase("seconds")
_MORE_HELP = Phrase("help WORD tells what a word does and takes, with an example.")
_OF_THE_ORDER = Phrase("Commands of the order:")
_OF_THE_LAB = Phrase("Requests to the lab:")
_OF_THE_CONSOLE = Phrase("The console:")


def _of_call(call: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """A call of the switch: its id, numbers, state, and the seconds that it has gone on."""
    until = call["release_time"] if call["release_time"] is not None else time()
    return str(call["call"]), f"{call['a']} -> {call['b']}", call["state"], f"{until - call['started']:.1f}"


def _why_released(call: Mapping[str, Any]) -> list[str]:
    """Why a call was released; nothing of one that goes on."""
    if call["state"] != "released":
        return []
    return [why_released(call["release_cause"], [(one["event"], one["detail"]) for one in call["events"]])]


def _free(path: Path) -> Path:
    """The file of a recording. Raises :class:`WordError` for one that exists, or whose folder does not."""
    try:
        why = (
            Phrase("exists already")
            if path.exists()
            else ""
            if path.absolute().parent.is_dir()
            else Phrase("its folder is missing")
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
    if why:
        raise WordError(join(": ", ["record-start", str(path), why]))
    return path


def _not_allowed(word: str, given: Sequence[str], allowed: str) -> str:
    text = Phrase("{value} is not allowed: {allowed}", value=repr(" ".join(given)), allowed=allowed)
    return join(": ", [word, text]) if word else text


def _channels(given: Sequence[str]) -> tuple[str, ...]:
    if any(name not in SHOWN for name in given):
        raise WordError(_not_allowed("", given, "kpd1, kpd2"))
    return tuple(given) or ("kpd2", "kpd1")


async def from_pipe(bench: Bench, lines: AsyncIterator[str]) -> int:
    """Carry out the lines of a pipe, whatever becomes of them. Returns the exit code: 2 a wrong line, 1 a failure."""
    code = 0
    async for line in lines:
        verdict = await bench.run(line)
        if verdict == "exit":
            break
        code = max(code, {"good": 0, "failed": 1, "wrong": 2}[verdict])
    return code
