"""Keywords for Robot Framework, on :mod:`sorm_mediator.api` (docs/testing.md): ``Library    sorm_mediator.robot``.

The extra ``robot`` installs Robot Framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from robot.api.deco import keyword, library

from sorm_mediator import __version__, api
from sorm_mediator.interactive.words import WordError, typed_fields, typed_keys
from sorm_mediator.replay.vocabulary import COMMANDS, KPD1, KPD2, REQUESTS, Entry


@library(scope="SUITE", version=__version__, doc_format="ROBOT")
class robot:  # noqa: N801 - Robot Framework takes the class that has the name of the module
    """Drives a lab, or a mediator that runs, as a monitoring console; and its switch, which makes calls.

    Messages, fields and values have the names of docs/messages.md. A number needs no quotation marks, a KSL line is
    0/1 (stream and KSL), a part of a field has a dot: called.number=28332.

    A keyword fails with the step, what was expected and came, and what crossed: octets with their meaning. What
    Start Lab begins ends with Stop Lab, at the latest with the suite.
    """

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._stack = ExitStack()
        self._lab: api.RunningLab | None = None
        self._console_name = "main"
        self._place: tuple[str, int] = ("", 0)

    # --- the listener: where a keyword stands, and the end of the suite

    def _start_keyword(self, data: Any, result: Any) -> None:
        self._place = (str(data.source or ""), data.lineno or 0)

    def _close(self) -> None:
        self.stop_lab()

    # --- a lab, or a mediator

    @keyword
    def start_lab(
        self,
        file: str | None = None,
        link: str = "",
        pcap: str | None = None,
        config: Mapping[str, Any] | None = None,
        lang: str = "en",
    ) -> None:
        """Starts a lab of its own on free ports of loopback.

        file: a lab file beside the suite or above it, or a shipped one such as labs/minimal.toml; without it the
        built-in lab. link: tcp, x25 or tcp+e1. pcap: a file for what crosses. lang: en or ru, for failures.
        """
        self.stop_lab()
        options: dict[str, Any] = {"link": link, "pcap": pcap, "config": config, "lang": lang}
        self._begin(api.lab(file, place=self._place, **options))

    @keyword
    def use_mediator(
        self,
        host: str = "",
        kpd1: int | str = 0,
        kpd2: int | str = 0,
        web: str = "",
        link: str = "",
        file: str | None = None,
        pcap: str | None = None,
        lang: str = "en",
    ) -> None:
        """Uses a mediator that runs already, ours or a real one.

        kpd1, kpd2: a port, or host:port as the ready line shows them. host: by default theirs, else 127.0.0.1.
        file: a lab file that describes it. web: the URL of the web that makes the calls.
        """
        self.stop_lab()
        options: dict[str, Any] = {"web": web, "link": link, "file": file, "pcap": pcap, "lang": lang}
        self._begin(api.mediator(host, kpd1=kpd1, kpd2=kpd2, place=self._place, **options))

    @keyword
    def stop_lab(self) -> None:
        """Ends the lab, or the connection to the mediator."""
        self._lab, self._console_name = None, "main"
        self._stack.close()

    @keyword
    def get_endpoints(self) -> Mapping[str, str]:
        """The addresses of the lab by name: kpd1, kpd2, ssh, radius, web."""
        return dict(self._running().endpoints)

    @keyword
    def write_report(self, file: str) -> None:
        """Writes a page of the steps so far, with a ladder of what crossed."""
        self._running().write_report(file)

    # --- the console

    @keyword
    def use_console(self, name: str) -> None:
        """The keywords that follow are of another console, which connects at its first step; the first is main."""
        self._console_name = name

    @keyword
    def send_command(
        self, name: str, /, *, expect: str | None = None, within: float | None = None, **fields: Any
    ) -> list[dict[str, Any]]:
        """Sends a command, and waits until it is accepted and executed. Returns the fields of its answers.

        expect=any: any end is right. within: seconds, by default 5. Example:
        | Send Command    add-object    object_number=258    number=28331
        """
        typed = _typed(COMMANDS, name, fields)
        return [one.fields for one in self._console().send(name, expect=expect, within=within, **typed)]

    @keyword
    def send_octets(self, octets: str) -> None:
        """Sends octets in hexadecimal as they are; Expect Message waits for the answer."""
        self._console().step({"raw": octets})

    @keyword
    def expect_message(self, name: str, /, *, within: float | None = None, **fields: Any) -> dict[str, Any]:
        """Waits for a message on KPD1 with these fields, and returns all its fields."""
        return self._console().message(name, within=within, **_typed(KPD1, name, fields)).fields

    @keyword
    def expect_event(self, name: str, /, *, within: float | None = None, **fields: Any) -> dict[str, Any]:
        """Waits for an event on KPD2 with these fields, and returns all its fields. Example:

        | Expect Event    number-received    object_number=258    called.number=28332
        """
        return self._console().event(name, within=within, **_typed(KPD2, name, fields)).fields

    @keyword
    def expect_silence(self, seconds: float, *channels: str) -> None:
        """Nothing unread is there and nothing comes for so long, on kpd1, kpd2 or both."""
        self._console().silence(seconds, *channels)

    @keyword
    def forget_messages(self) -> None:
        """Drops the messages that no keyword has read."""
        self._console().forget()

    @keyword
    def connect_console(self, *channels: str) -> None:
        """Opens channels, by default both."""
        self._console().connect(*channels)

    @keyword
    def disconnect_console(self, *channels: str) -> None:
        """Closes channels, by default both."""
        self._console().disconnect(*channels)

    # --- the switch, and the web of the lab

    @keyword
    def make_call(self, a: str, b: str, /, *, domain: str = "", **keys: Any) -> api.LabCall:
        """Makes a call, which goes on by itself. Returns it, for Answer Call, Release Call and Use Service.

        The keys are those of docs/switch.md: outcome, ring, talk. Example:
        | ${call}=    Make Call    28331    28332    ring=0    talk=60
        """
        return self._running().switch.call(a, b, domain=domain, **_asked("call", keys))

    @keyword
    def answer_call(self, call: api.LabCall) -> None:
        """The called party answers now."""
        call.answer()

    @keyword
    def release_call(self, call: api.LabCall) -> None:
        """The call ends now."""
        call.release()

    @keyword
    def use_service(self, call: api.LabCall, service: str, **keys: Any) -> None:
        """A party of a call uses a service: hold, transfer and others of docs/switch.md."""
        call.use_service(service, **_asked("use-service", keys))

    @keyword
    def ask_lab(self, name: str, /, **keys: Any) -> None:
        """Asks the lab for what a step of a scenario does: alarm, line-state, rename-trunk, restart, ... Example:

        | Ask Lab    alarm    type=2    code=7
        """
        if name not in REQUESTS:
            raise api.UsageError(f"{name!r} is not allowed: {', '.join(REQUESTS)}")
        self._running().request(name, **_asked(name, keys))

    # --- within

    def _begin(self, lab: AbstractContextManager[api.RunningLab]) -> None:
        running = self._stack.enter_context(lab)
        running.place = lambda: self._place
        self._lab = running

    def _running(self) -> api.RunningLab:
        if self._lab is None:
            raise api.UsageError("there is no lab yet: Start Lab or Use Mediator comes first")
        return self._lab

    def _console(self) -> api.LabConsole:
        return self._running().console(self._console_name)


def _typed(entries: Mapping[str, Entry], name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a message as they are typed; a name that is none is told by the step."""
    try:
        return typed_fields(entries[name], fields) if name in entries else dict(fields)
    except WordError as error:
        raise api.UsageError(f"{name}: {error}") from None


def _asked(name: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a request as they are typed."""
    try:
        return typed_keys(name, keys)
    except WordError as error:
        raise api.UsageError(f"{name}: {error}") from None
