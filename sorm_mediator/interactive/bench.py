"""The words of the interactive console, without a terminal: each line is carried out and what comes is shown.

A line is a command of the order (``add-object object_number=258 number=28331``), octets (``raw CC 01 ...``), a request
to the web of the lab (``call domain=test.domain a=28331 b=28332``) or a word of the console (:data:`OWN_WORDS`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from protocol import EncodeError
from sorm_mediator.console.client import KPD1, SHOWN, Crossed
from sorm_mediator.console.errors import ConnectError, StepError, words
from sorm_mediator.console.target import RunTarget, refusal
from sorm_mediator.interactive.station import UNANSWERED, Shower, command, end_of, unit_lines
from sorm_mediator.interactive.words import (
    WordError,
    about_request,
    did_you_mean,
    read_command,
    read_octets,
    read_request,
    split,
    title,
    usage,
)
from sorm_mediator.language import Lang, Phrase, join, translate
from sorm_mediator.replay.recording import ENDS, Recording
from sorm_mediator.replay.vocabulary import COMMANDS, REQUESTS, Request
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
    "clear": ("", Phrase("clear the screen of a terminal")),
    "exit": ("", Phrase("leave; the mediator stays as it is")),
}
"""The words of the console itself: what follows them, and what they do."""


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
    ) -> None:
        """``clear``: clears the screen, where there is one."""
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
        self._answered = False
        """The mediator has answered a command of this connection."""
        self.client = target.console(observers=(Shower(self._crossed, self._closed),))
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
            "clear": self._clear,
            "exit": self._exit,
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
        name, fields = read_command(given)
        if self._recording is not None and "new_password" in fields:
            raise WordError(Phrase("{word}: a recording holds no password: record-stop first", word=name))
        message = command(self.client, name, fields)
        if self._recording is not None:
            self._recording.sent(name, fields)
        return await self._carry_out(message)

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
        node = read_request(name, given)
        method, path, body = request.fill(node, {})
        recording = self._recording
        if recording is not None:
            self._begin()
            recording.asked(name, node.plain())  # first, since its events may come before the reply
        status, reply = await self._target.request(method, path, body)
        if status != request.accepted:
            if recording is not None:
                recording.not_asked()
            why = refusal(reply, path, status)
            self._say(join(": ", [f"{method} {path}: HTTP {status}", why]), "bad")
            return "failed"
        if request.saves and not (isinstance(reply, dict) and request.saves in reply):
            raise StepError(
                Phrase(
                    "{request}: {reply} is no answer of a lab", request=f"{method} {path}", reply=repr(reply)
                )
            )
        if name == "call" and not self._answered:
            self._say(_NO_EVENTS_YET, "note")
        if request.saves:
            self._say(f"{request.saves}={reply[request.saves]}", "note")
            if recording is not None:
                recording.replied(request.saves, str(reply[request.saves]))
        elif isinstance(reply, dict) and "sent" in reply:
            self._say("  ".join(f"{key}: {value}" for key, value in reply.items()), "note")
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
        self._begin()
        self._calls.clear()
        self._say(Phrase("recording to {path}", path=given[0]), "note")
        return "good"

    async def _record_stop(self, given: Sequence[str]) -> Verdict:
        recording, self._recording = self._recording, None
        if recording is None:
            raise WordError(Phrase("record-stop: nothing is recorded; record-start FILE begins"))
        if not recording.steps:
            raise WordError(
                Phrase("record-stop: nothing was done, so {path} is not written", path=recording.path)
            )
        sent = [step["send"] for step in recording.steps if "send" in step and "expect" not in step]
        if sent and sent[0] != "start":
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
            self._say(usage(given[0], self.lang), "note")
        elif given[0] in REQUESTS and given[0] != "http":
            self._say(about_request(given[0], self.lang), "note")
        elif given[0] in OWN_WORDS:
            self._say(self._own_line(given[0]), "note")
        else:
            return self._unknown(given[0])
        return "good"

    def _overview(self) -> list[str]:
        width = max(map(len, COMMANDS))
        lines = [translate(_OF_THE_ORDER, self.lang)]
        lines += [f"  {name:<{width}}  {title(name, self.lang)}" for name in COMMANDS]
        lines.append(translate(_OF_THE_LAB, self.lang))
        lines += [
            f"  {name:<{width}}  {translate(one.title, self.lang)}"
            for name, one in REQUESTS.items()
            if name != "http"
        ]
        lines.append(translate(_OF_THE_CONSOLE, self.lang))
        return lines + [f"  {self._own_line(name)}" for name in OWN_WORDS]

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
        if channel == KPD1 and (refused := self.client.not_let_in()):
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
_OF_THE_ORDER = Phrase("Commands of the order (help NAME lists the fields):")
_OF_THE_LAB = Phrase("Requests to the lab:")
_OF_THE_CONSOLE = Phrase("The console:")


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
