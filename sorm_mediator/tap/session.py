"""``tap``: watches, records and spoils what crosses between a console and a mediator over TCP.

Exit codes: 0 stopped by a signal, 2 wrong usage or an address that can't be listened on, 3 consoles came and the
mediator was never reached. The tap does not try the mediator before a console comes: a mediator takes one console.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from protocol import Broken, Channel, Codec, Noise
from protocol.jsonform import unknown_json
from protocol.render import masked_hex
from sorm_mediator import config as lab_files
from sorm_mediator.addresses import host_and_or_port, host_port
from sorm_mediator.capture.comments import describe
from sorm_mediator.capture.output import BoundedOutput, OutputError, open_output
from sorm_mediator.capture.writer import Connection, PcapngWriter, one_kind
from sorm_mediator.config import Config, ConfigError, is_loopback
from sorm_mediator.console.errors import UsageError, check_folders, report_error
from sorm_mediator.console.interrupt import until_signal
from sorm_mediator.errors import BoxError
from sorm_mediator.interactive.watch import line_of
from sorm_mediator.journal.masking import unit_document
from sorm_mediator.lab.targets import LOCAL, listens_at
from sorm_mediator.mediator.binding.consoles import allowed
from sorm_mediator.ready import ready_file
from sorm_mediator.replay.transcript import (
    MOST_UNITS,
    Reported,
    Seen,
    TranscriptError,
    TranscriptSettings,
    lab_beside,
    transcript,
)
from sorm_mediator.tap.proxy import MOST_CONNECTIONS, Address, Passed, Tap
from sorm_mediator.tap.spoil import Spoiler, parse
from ssh_control.visible import visible, visible_json

_SEEDS = 1_000_000
SHOWN = 512
"""Octets shown and recorded of those that are no unit; units are shorter. A capture has them all (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapSettings:
    """The options of ``tap``; the help of the command describes each. Raises :class:`UsageError`."""

    listen_kpd1: str = "127.0.0.1:0"
    listen_kpd2: str = "127.0.0.1:0"
    kpd1: str = ""
    kpd2: str = ""
    config: Path | None = None
    pcap: Path | None = None
    record: Path | None = None
    calls: str = ""
    as_json: bool = False
    spoil: tuple[str, ...] = ()
    seed: int | None = None
    allow_remote: bool = False
    connections: int = MOST_CONNECTIONS
    ready_file: Path | None = None

    def __post_init__(self) -> None:
        check_folders({"--record": self.record})
        if self.record is not None and os.path.exists(self.record):
            raise UsageError(f"--record: {self.record}: exists already")
        for option, text in self.listening.items():
            host = _address(option, text)[0]
            if not (self.allow_remote or is_loopback(host)):
                raise UsageError(
                    f"{option}: {text}: is not on loopback, and whoever connects there reaches the mediator: "
                    "give --allow-remote if that is wanted"
                )
        for text in self.spoil:
            parse(text)

    @property
    def listening(self) -> dict[str, str]:
        """Where the tap listens, by option."""
        return {"--listen-kpd1": self.listen_kpd1, "--listen-kpd2": self.listen_kpd2}

    def mediator(self, config: Config) -> dict[str, Address]:
        """Where the mediator is, by channel. Raises :class:`UsageError`."""
        host = listens_at(config.console.host)
        given = {"kpd1": self.kpd1, "kpd2": self.kpd2}
        if config.console.link == "x25" and not all(given.values()):
            raise UsageError(
                f"-c: {self.config}: this lab's console is over E1 (console.link is x25); tap stands between TCP "
                "channels; --pcap of lab or replay records it"
            )
        ports = {"kpd1": config.console.kpd1_port, "kpd2": config.console.kpd2_port}
        found = {}
        for name, text in given.items():
            if not text and not ports[name]:
                raise UsageError(
                    f"--{name} is missing: console.{name}_port of {self.config} is 0, any free port"
                )
            found[name] = _address(f"--{name}", text) if text else (host, ports[name])
            if not found[name][1]:
                raise UsageError(f"--{name}: {text}: port 0 is none to connect to, 127.0.0.1:1001 is")
        return found


def _address(option: str, text: str) -> Address:
    try:
        return host_and_or_port(text, LOCAL)
    except ValueError as error:
        raise UsageError(f"{option}: {error}, such as 127.0.0.1:1001") from None


def run_tap(settings: TapSettings) -> int:
    """Run until a signal. Returns the exit code; errors go to stderr."""
    try:
        return asyncio.run(_run(settings))
    except (UsageError, ConfigError, BoxError) as error:
        return report_error(error, 2)
    except OutputError as error:
        return report_error(f"--pcap: {error}", 2)


async def _run(settings: TapSettings) -> int:
    config = lab_files.load(settings.config) if settings.config is not None else Config()
    mediator = settings.mediator(config)
    listen = {
        channel: _address(option, text)
        for channel, (option, text) in zip(("kpd1", "kpd2"), settings.listening.items(), strict=True)
    }
    rules = tuple(map(parse, settings.spoil))
    seed = secrets.randbelow(_SEEDS) if settings.seed is None else settings.seed
    codec = Codec(config.mediator.codec_options)
    networks = config.console.allow if settings.config is not None else None
    watcher = _Watcher(settings, codec)
    tap = Tap(
        listen,
        mediator,
        codec,
        Spoiler(rules, seed),
        watcher,
        admits=lambda host: networks is None or allowed(host, networks),
        most=settings.connections,
    )
    try:
        with ready_file(settings.ready_file) as ready_too:
            async with tap:
                ready: dict[str, object] = {"ready": True, "endpoints": tap.endpoints}
                if rules:
                    ready["seed"] = seed

                async def serve() -> None:
                    ready_too.write(json.dumps(ready))
                    watcher.line(json.dumps(ready))  # when signals are taken
                    await asyncio.Event().wait()

                await until_signal(serve())
    finally:
        watcher.close()
    if settings.record is not None:
        watcher.record(settings.record, mediator, config)
    if tap.asked and not tap.reached:
        return report_error(f"the mediator was never reached: {host_port(*mediator['kpd1'])}", 3)
    return 0


class _Watcher:
    """Prints, captures and keeps what crosses. A slow reader of the output costs lines, never octets."""

    def __init__(self, settings: TapSettings, codec: Codec) -> None:
        self._settings = settings
        self._codec = codec
        self._begun = False
        self._pcap: BoundedOutput | None = None
        self._writer: PcapngWriter | None = None
        if settings.pcap is not None:
            self._pcap = BoundedOutput(open_output(settings.pcap), self._failed("--pcap"))
            self._writer = PcapngWriter(self._pcap, "tap")
            try:
                self._pcap.check()
            except OutputError as error:
                raise OutputError(f"{settings.pcap}: can't be written: {error}") from None
        self._begun = True
        sys.stdout.flush()
        self._lines = BoundedOutput(os.dup(1), self._failed("output"))
        self._connections: dict[object, Connection] = {}
        self._seen: list[Seen] = []
        self._noise: dict[tuple[str, bool, str], tuple[int, int]] = {}
        """The last octets that are no unit of each direction: their place in what was seen, and their number."""
        self._left_out = 0

    def _failed(self, what: str) -> Callable[[str], object]:
        def failed(why: str) -> None:
            if self._begun:
                report_error(f"{what}: {why}: some is left out from here on", 0)

        return failed

    def line(self, text: str) -> None:
        """One line on stdout."""
        self._lines.write((text + "\n").encode("utf-8", "replace"))

    def close(self) -> None:
        """End the output and the capture."""
        now = time.time()
        for connection in self._connections.values():
            connection.close(now)
        for output, what in ((self._pcap, "--pcap: packets"), (self._lines, "output: lines")):
            if output is not None:
                output.close()
                if output.lost:
                    report_error(f"{what} that were left out: {output.lost}", 0)

    def _event(self, event: dict[str, Any], mark: str = "") -> None:
        if self._settings.as_json:
            self.line(visible_json(json.dumps(event, ensure_ascii=False)))
        else:
            self.line(visible(line_of(event)) + mark)

    # --- what the tap tells

    def opened(self, channel: str, console: Address, mediator: Address, key: object) -> None:
        """A console's connection, passed on to the mediator."""
        now = time.time()
        self._link(channel, "up", console)
        if self._writer is not None:
            self._connections[key] = self._writer.connection(
                channel.upper(), *one_kind(console, mediator), now, description="between console and mediator"
            )

    def closed(self, channel: str, console: Address, key: object) -> None:
        """The end of it."""
        self._link(channel, "down", console)
        connection = self._connections.pop(key, None)
        if connection is not None:
            connection.close(time.time())

    def _link(self, channel: str, state: str, console: Address) -> None:
        self._event(
            {
                "event": "link",
                "time": time.time(),
                "link": channel,
                "state": state,
                "peer": host_port(*console),
            }
        )

    def said(self, channel: str, text: str) -> None:
        """Something for people."""
        self._event({"event": "link", "time": time.time(), "link": channel, "state": "refused", "text": text})

    def arrived(self, key: object, data: bytes, *, of_console: bool, passed: Sequence[Passed]) -> None:
        """Octets have arrived."""
        comments = []
        for one in passed:
            spoiled = "" if one.spoiled is None else f"  [{self._spoiled(one)}]"
            comments.append(f"{describe(one.item, self._codec)}{spoiled}")
            event = {
                "event": "unit",
                "time": one.time,
                "direction": "received" if of_console else "sent",
                "unit": self._document(one),
            }
            if one.spoiled is not None:
                event["spoiled"] = self._spoiled(one)
            more = f" ... {len(one.raw)} octets" if one.message is None and len(one.raw) > SHOWN else ""
            self._event(event, more + spoiled)
            self._keep(one)
        connection = self._connections.get(key)
        if connection is not None and data:
            comment = "; ".join(comments)
            (connection.sent if of_console else connection.received)(data, time.time(), comment=comment)

    @staticmethod
    def _spoiled(one: Passed) -> str:
        """What was done to a unit, with what was put in its place."""
        assert one.spoiled is not None
        said, rule = one.spoiled.said(), one.spoiled.rule
        if rule.action in ("replace", "corrupt"):
            channel = Channel.COMMAND if one.of_console else None
            said += f": {masked_hex(one.spoiled.octets, channel=channel, anywhere=one.of_console)}"
        return said

    @staticmethod
    def _document(one: Passed) -> dict[str, Any]:
        """A unit as ``watch`` has it, with what may be a password masked."""
        if one.message is not None:
            return unit_document(one.unit_channel, one.message, one.raw, one.problems)
        shown = one.raw[:SHOWN]
        document: dict[str, Any] = unknown_json(shown, channel=one.unit_channel)
        document["length"] = len(one.raw)
        channel = Channel.COMMAND if one.of_console else None
        document["hex"] = masked_hex(shown, channel=channel, anywhere=True, before=one.before)
        document["name"] = None
        document["fields"] = {}
        return document

    # --- the scenario

    def _keep(self, one: Passed) -> None:
        if self._settings.record is None:
            return
        if isinstance(one.item, Noise) and self._goes_on(one):
            return
        if len(self._seen) >= MOST_UNITS:
            self._left_out += 1
            return
        self._seen.append(
            Seen(
                time=one.time,
                raw=one.raw if one.message is not None else one.raw[:SHOWN],
                message=one.message,
                sound=not one.problems and not isinstance(one.item, Broken),
                of_console=one.of_console,
                on_kpd2=one.channel == "kpd2",
                connection=one.connection,
                before=one.before,
                remark=self._of(len(one.raw)) if one.spoiled is None else self._spoiled(one),
            )
        )

    def _goes_on(self, one: Passed) -> bool:
        """Whether octets that are no unit go on from those before, in whose place they are kept."""
        way = one.channel, one.of_console, one.connection
        if not one.goes_on:
            self._noise[way] = len(self._seen), len(one.raw)
            return False
        place, octets = self._noise[way]
        octets += len(one.raw)
        self._noise[way] = place, octets
        if place < len(self._seen):
            seen = self._seen[place]
            self._seen[place] = replace(
                seen, raw=(seen.raw + one.raw[:SHOWN])[:SHOWN], remark=self._of(octets)
            )
        return True

    @staticmethod
    def _of(octets: int) -> str:
        """The remark on octets of which the first alone are recorded."""
        return f"the first {SHOWN} of {octets} octets" if octets > SHOWN else ""

    def record(self, path: Path, mediator: dict[str, Address], config: Config) -> None:
        """Write the scenario; nothing when nothing crossed."""
        how = TranscriptSettings(
            source=f"a tap of {host_port(*mediator['kpd1'])}",
            target=path,
            lab="" if self._settings.config is None else lab_beside(self._settings.config, path),
            calls=self._settings.calls,
        )
        seen: list[Seen | Reported] = list(self._seen)
        try:
            recording = transcript(seen, self._codec, how)
            if self._left_out:
                recording.about.append(f"Left out: {self._left_out} units at the end.")
            recording.write()
        except TranscriptError as error:
            report_error(f"--record: {path} is not written: {error}", 0)
        except OSError as error:
            report_error(f"--record: {path}: can't be written: {error.strerror}", 0)
