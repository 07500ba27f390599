"""A lab, or a running mediator, for a test without asyncio: every method waits until its step is over.

A step is a step of a scenario (docs/scenarios.md) in the words of Python, and runs as that: the same checks, the same
waiting, the same report. A loop in a thread of its own does the work.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from protocol import Message
from sorm_mediator.config import Config
from sorm_mediator.console.client import ConsoleClient, Crossed
from sorm_mediator.console.errors import (
    ConnectError,
    ScriptError,
    StepError,
    UsageError,
    check_choice,
    check_folders,
)
from sorm_mediator.console.target import LINKS, RunTarget, link_of, reached
from sorm_mediator.interactive.station import Where, reach
from sorm_mediator.interactive.words import defaults
from sorm_mediator.lab.targets import in_lab
from sorm_mediator.language import Lang
from sorm_mediator.replay.document import Node, node_of
from sorm_mediator.replay.live import LiveRunner
from sorm_mediator.replay.results import (
    PcapRecorder,
    ScriptResult,
    StepResult,
    TextPrinter,
    failed_lines,
    transcript,
)
from sorm_mediator.replay.scenario import MAIN, find_lab
from ssh_control.visible import visible

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

T = TypeVar("T")
Place = Callable[[], tuple[str, int]]
"""Tells file and line of the step that begins now."""
LOOPBACK = "127.0.0.1"
BUILT_IN = "labs/laptop.toml"
"""The lab of a test that names none; it is shipped."""
_DECLARED = (ScriptError, StepError, ConnectError)
Wanted = str | Mapping[str, Any]
"""An expected message: its name, or ``{name: {field: value}}``."""


class ExpectationError(AssertionError):
    """A step has failed. The text has its place, what was expected and came, and what crossed, with the meaning."""

    ROBOT_SUPPRESS_NAME = True

    def __init__(self, step: StepResult, lang: Lang = "en") -> None:
        super().__init__("\n".join(map(visible, failed_lines(step, lang))))
        self.step = step
        """The step: ``failure``, ``exchanged`` (what crossed), ``number``, ``place``."""


class RunningLab:
    """A lab, or a mediator, that a test works with. :func:`lab` and :func:`mediator` make it.

    ``place`` tells where a step stands: by default the line of the program that calls.
    """

    def __init__(
        self, portal: BlockingPortal, runner: LiveRunner, target: RunTarget, config: Config, lang: Lang
    ) -> None:
        self._portal = portal
        self._runner = runner
        self._target = target
        self._config = config
        self.lang = lang
        self.place: Place = _caller
        self.switch = LabSwitch(self)

    @property
    def endpoints(self) -> Mapping[str, str]:
        """The addresses of the lab, by name as in its ready line (``kpd1``, ``kpd2``, ``ssh``, ``radius``, ``web``).

        Of a mediator that was running before: those that are known, KPD1, KPD2 and the web.
        """
        return self._target.endpoints

    @property
    def result(self) -> ScriptResult:
        """The steps so far, with what crossed in each."""
        return self._runner.result

    def transcript(self) -> str:
        """The steps so far, for people."""
        return "\n".join(map(visible, transcript(self.result, self.lang)))

    def write_report(self, path: str | Path) -> None:
        """Write the page of the steps so far, with their ladder. Raises :class:`OSError`."""
        from sorm_mediator.replay.page import write_page

        write_page(Path(path), [self.result], self.lang)

    def console(self, name: str = MAIN) -> LabConsole:
        """A console of this name. It connects at its first step."""
        return LabConsole(self, name)

    def request(self, name: str, /, *, within: float | None = None, **keys: Any) -> None:
        """Ask the web of the lab for what a step of scenarios does: ``request("alarm", type=2, code=7)``.

        A key that Python has as a word of its own ends with ``_``: ``from_``. Raises :class:`ExpectationError`
        when it is refused, :class:`ScriptError` for keys that can't be.
        """
        __tracebackhide__ = True
        self.step({name: _keys(keys), **_given(within=within)})

    def http(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request to the web of the lab, ``path`` below /api/v1 or from /. Returns status and reply.

        Raises :class:`ConnectError`; :class:`UsageError` when no web is known.
        """
        if self._target.request is None:
            raise UsageError("web: the URL of the lab's web is not given")
        return self._await(self._target.request, method, path, body)

    def restart(self, *, within: float | None = None) -> None:
        """Stop the mediator's program and start it again; consoles connect anew. For a lab of this run."""
        __tracebackhide__ = True
        self.step({"restart": "gateway", **_given(within=within)})

    def step(self, keys: Mapping[str, Any]) -> StepResult:
        """Any step of a scenario: ``step({"send": "start", "expect": "any"})``.

        Raises :class:`ExpectationError` when it fails, :class:`ScriptError` for keys that can't be,
        :class:`ConnectError`.
        """
        __tracebackhide__ = True
        file, line = self.place()
        step = self._await(self._runner.do, Node([node_of(keys, file, line)], file, line))
        if step.failure is not None:
            raise ExpectationError(step, self.lang)
        return step

    def _await(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        __tracebackhide__ = True
        future = self._portal.start_task_soon(function, *arguments)
        try:
            return future.result()
        except _DECLARED as error:
            raise error.with_traceback(None) from None  # the text says it all
        except BaseException:
            future.cancel()  # Ctrl-C: the loop does not go on with it
            raise

    def _saved(self, name: str) -> Any:
        return self._runner.saved(name)

    def _client(self, name: str) -> ConsoleClient | None:
        return self._runner.client(name)

    def _domain(self) -> str:
        names = [one.name for one in self._config.switch.domains] if self._config.switch else []
        if len(names) != 1:
            raise UsageError(f"domain: which one: {', '.join(names) or 'the lab file names none'}")
        return names[0]


class LabConsole:
    """A console: KPD1 and KPD2. Messages and fields have the names of docs/messages.md."""

    def __init__(self, lab: RunningLab, name: str) -> None:
        self._lab = lab
        self.name = name

    @property
    def units(self) -> Sequence[Crossed]:
        """Everything that has crossed, in order."""
        client = self._lab._client(self.name)
        return () if client is None else tuple(client.log)

    def send(
        self,
        command: str | Message | bytes,
        /,
        *,
        expect: str | Sequence[Wanted] | None = None,
        within: float | None = None,
        **fields: Any,
    ) -> list[Crossed]:
        """Send a command, and wait until it is accepted (27h/00h) and executed (28h/00h). Returns its answers.

        ``command``: a name with ``fields``, where what is left out is as with ``sorm-mediator send``; a message,
        which is sent as it is; or octets, whose answers are not waited for. ``expect``: ``"any"`` for any end, or
        the messages that must come. ``within``: seconds for all of it, by default 5. Raises as
        :meth:`RunningLab.step`.
        """
        __tracebackhide__ = True
        keys: dict[str, Any]
        if isinstance(command, str):
            keys = {"send": {command: {**defaults(command, self._lab._target.codec.options.order), **fields}}}
        elif fields:
            raise UsageError(f"{', '.join(fields)}: a message or octets have no fields beside them")
        elif isinstance(command, Message):
            octets = self._lab._target.codec.encode(command)
            keys = {"raw": octets.hex(), "title": f"send {command.message_name}", "expect": "ok"}
        else:
            keys = {"raw": bytes(command).hex()}
        return self.step({**keys, **_given(expect=expect, within=within)}).met

    def expect(self, *wanted: Wanted, within: float | None = None, order_free: bool = False) -> list[Crossed]:
        """Wait for messages on KPD1, in this order or in any. Returns them. Raises as :meth:`RunningLab.step`."""
        __tracebackhide__ = True
        return self.step({"expect": list(wanted), "order_free": order_free, **_given(within=within)}).met

    def events(self, *wanted: Wanted, within: float | None = None, order_free: bool = False) -> list[Crossed]:
        """Wait for events on KPD2, in this order or in any. Returns them. Raises as :meth:`RunningLab.step`.

        >>> console.events("number-received", {"release": {"operation": 5}})  # doctest: +SKIP
        """
        __tracebackhide__ = True
        return self.step({"events": list(wanted), "order_free": order_free, **_given(within=within)}).met

    def event(self, name: str, /, *, within: float | None = None, **fields: Any) -> Crossed:
        """Wait for one event on KPD2 with these fields, and return it. Raises as :meth:`RunningLab.step`."""
        __tracebackhide__ = True
        return self.events({name: fields}, within=within)[0]

    def message(self, name: str, /, *, within: float | None = None, **fields: Any) -> Crossed:
        """Wait for one message on KPD1 with these fields, and return it. Raises as :meth:`RunningLab.step`."""
        __tracebackhide__ = True
        return self.expect({name: fields}, within=within)[0]

    def silence(self, seconds: float, *channels: str) -> None:
        """Nothing unread is there, and nothing comes, for so long on these channels, by default both. The 22h of the
        console's own connection does not count.

        Raises as :meth:`RunningLab.step`.
        """
        __tracebackhide__ = True
        self.step({"silence": dict.fromkeys(channels or ("kpd1", "kpd2"), seconds)})

    def forget(self) -> None:
        """Drop the messages that no step has read."""
        self.step({"forget": "both"})

    def connect(self, *channels: str) -> None:
        """Open channels (``kpd1``, ``kpd2``), by default both, KPD2 first. Raises :class:`ConnectError`."""
        self.step({"connect": list(channels) or "both"})

    def disconnect(self, *channels: str) -> None:
        """Close channels, by default both."""
        self.step({"disconnect": list(channels) or "both"})

    def closed(self, *channels: str, within: float | None = None) -> None:
        """Wait until the mediator closes channels, by default both. Raises as :meth:`RunningLab.step`."""
        __tracebackhide__ = True
        self.step({"closed": list(channels) or "both", **_given(within=within)})

    def step(self, keys: Mapping[str, Any]) -> StepResult:
        """Any step of a scenario at this console. Raises as :meth:`RunningLab.step`."""
        __tracebackhide__ = True
        return self._lab.step({**keys, "console": self.name})


class LabSwitch:
    """The switch of the lab, as its web drives it."""

    def __init__(self, lab: RunningLab) -> None:
        self._lab = lab

    def call(self, a: str, b: str, *, domain: str = "", **keys: Any) -> LabCall:
        """Make a call, which goes on by itself: ``call("28331", "28332", ring=0.1, talk=2)``.

        ``domain``: by default the only one of the lab. The keys are those of docs/switch.md (``outcome``, ``ring``,
        ``talk``, ``from_``, ``services``). Raises as :meth:`RunningLab.step`.
        """
        __tracebackhide__ = True
        return LabCall(self._lab, self._made("call", domain, {"a": a, "b": b, **keys}))

    def message(self, from_: str, to: str, text: str, *, domain: str = "", **keys: Any) -> str:
        """Send an electronic message; returns its id. Raises as :meth:`RunningLab.step`."""
        __tracebackhide__ = True
        return self._made("message", domain, {"from": from_, "to": to, "text": text, **keys})

    def _made(self, name: str, domain: str, keys: Mapping[str, Any]) -> str:
        __tracebackhide__ = True
        asked = {"domain": domain or self._lab._domain(), **_keys(keys)}
        self._lab.step({name: asked, "save": {name: "made"}})
        return str(self._lab._saved("made"))


class LabCall:
    """A call that was made, and runs."""

    def __init__(self, lab: RunningLab, name: str) -> None:
        self._lab = lab
        self.id = name
        """Its name at the switch."""

    def answer(self) -> None:
        """The called party answers now. Raises as :meth:`RunningLab.step`."""
        __tracebackhide__ = True
        self._lab.request("answer-call", call=self.id)

    def release(self) -> None:
        """The call ends now. Raises as :meth:`RunningLab.step`."""
        __tracebackhide__ = True
        self._lab.request("release-call", call=self.id)

    def use_service(self, service: str, **keys: Any) -> None:
        """A party uses a service (docs/switch.md): ``use_service("transfer", by="a", number="28333")``.

        Raises as :meth:`RunningLab.step`.
        """
        __tracebackhide__ = True
        self._lab.request("use-service", call=self.id, service=service, **keys)

    def state(self) -> dict[str, Any]:
        """The call as ``GET calls/{call}`` of docs/http.md shows it. Raises :class:`ConnectError`."""
        _, reply = self._lab.http("GET", f"calls/{self.id}")
        return cast("dict[str, Any]", reply)


# --- where a test begins


@contextmanager
def lab(
    file: str | Path | None = None,
    *,
    link: str = "",
    config: Mapping[str, Any] | None = None,
    pcap: str | Path | None = None,
    name: str = "",
    lang: Lang = "en",
    place: tuple[str, int] | None = None,
) -> Iterator[RunningLab]:
    """A lab of its own, on free loopback ports, with empty tables; it ends with the block.

    ``file``: a lab file, looked for beside the calling file, above it, in the current folder and among what is
    shipped (``"labs/minimal.toml"``); without one the built-in lab. ``link``: ``tcp``, ``x25`` or ``tcp+e1``, by
    default as the file says. ``config``: other values of its keys. ``pcap``: what crosses is written there (pcapng).
    ``name``: in reports. ``place``: file and line of what begins it, by default of the caller. Raises
    :class:`ScriptError` for a file that is not found, :class:`ConfigError`,
    :class:`BoxError`, :class:`UsageError`.

    >>> with lab("labs/minimal.toml") as running:  # doctest: +SKIP
    ...     console = running.console()
    ...     console.send("start")
    """
    check_choice("link", link, ("", *LINKS))
    place = place or _caller()
    path = find_lab(node_of(str(file or BUILT_IN), *place, "lab"), Path(place[0]))
    changes = node_of(config, *place, "config") if config else None
    with tempfile.TemporaryDirectory() as folder:
        from sorm_mediator.replay.session import private_lab

        loaded = private_lab(path, changes, Path(folder))
        kind = link or link_of(loaded)
        target = in_lab(loaded, str(path), by_e1=kind == "x25", speech=kind == "tcp+e1")
        with _running(target, loaded, place, name, pcap, lang) as running:
            yield running


@contextmanager
def mediator(
    host: str = "",
    *,
    kpd1: int | str = 0,
    kpd2: int | str = 0,
    web: str = "",
    link: str = "",
    file: str | Path | None = None,
    pcap: str | Path | None = None,
    name: str = "",
    lang: Lang = "en",
    place: tuple[str, int] | None = None,
) -> Iterator[RunningLab]:
    """A mediator that runs already, ours or a real one; the block leaves it as it is at its end.

    ``kpd1``, ``kpd2``: a port, or ``"host:port"`` as the ready line shows them. ``host``: by default theirs, else
    127.0.0.1.
    ``file``: a lab file that describes it (ports, web, password, order), found as for :func:`lab`. ``web``: the URL
    of the web that makes the calls. Raises :class:`ConfigError`, :class:`UsageError`; the first step raises
    :class:`ConnectError`.
    """
    place = place or _caller()
    path = None if file is None else find_lab(node_of(str(file), *place, "file"), Path(place[0]))
    there = reached(host, str(kpd1), str(kpd2), web, prefix="")
    there = there._replace(host=there.host or LOOPBACK)
    where = Where(**there._asdict(), link=link, config=path, lang=lang)
    with _running(reach(where), where.load(), place, name, pcap, lang) as running:
        yield running


@contextmanager
def _running(
    target: AbstractAsyncContextManager[RunTarget],
    config: Config,
    place: tuple[str, int],
    name: str,
    pcap: str | Path | None,
    lang: Lang,
) -> Iterator[RunningLab]:
    from anyio.from_thread import start_blocking_portal

    with ExitStack() as stack:
        recorder = None
        if pcap is not None:
            check_folders({"pcap": Path(pcap)})
            recorder = stack.enter_context(PcapRecorder(Path(pcap)))
        portal = stack.enter_context(start_blocking_portal("asyncio"))
        reached = stack.enter_context(portal.wrap_async_context_manager(target))
        path = Path(place[0])
        runner = portal.call(
            lambda: LiveRunner(
                name or path.stem, path, reached, TextPrinter(lambda text: None, lang), recorder=recorder
            )
        )
        portal.call(runner.begin)
        stack.callback(portal.call, runner.end)
        yield RunningLab(portal, runner, reached, config, lang)


def _keys(keys: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a request, without the ``_`` behind a word of Python."""
    return {key.removesuffix("_"): value for key, value in keys.items()}


def _given(**modifiers: Any) -> dict[str, Any]:
    """The modifiers of a step that are given."""
    return {key: value for key, value in modifiers.items() if value is not None}


_OWN = (f"{__name__.partition('.')[0]}.", "contextlib", "_pytest.", "pluggy")
"""The modules between a step and the program that calls it."""


def _caller() -> tuple[str, int]:
    """File and line of the program that calls."""
    frame = sys._getframe(1)
    while frame.f_back is not None and f"{frame.f_globals.get('__name__', '')}.".startswith(_OWN):
        frame = frame.f_back
    file = frame.f_code.co_filename
    near = os.path.relpath(file)
    return (file if near.startswith("..") else near), frame.f_lineno
