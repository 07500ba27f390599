"""``pcap2scenario``: a capture of a console and a mediator as a scenario that repeats it.

Exit codes: 0 written, 2 wrong usage, an input that can't be read, or nothing in it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from protocol import Channel, Codec, Command, Message, Options, UnknownUnit
from protocol.codes import PREAMBLE, channel_of
from radius.packet import ReportError, is_report, packet_to_report
from radius.wire import AccountingPacket, MalformedError
from sorm_mediator.capture.events import CaptureError, Data, Event
from sorm_mediator.capture.reader import read_input
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.console.errors import report_error
from sorm_mediator.replay.recording import Recording
from sorm_mediator.replay.results import script_of
from sorm_mediator.replay.transcript import (
    Reported,
    Seen,
    TranscriptError,
    TranscriptSettings,
    transcript,
)

STDIO = Path("-")
_ANY = b"\0"
"""A secret, of which the reading of a report makes no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSettings:
    """The options of ``pcap2scenario``; the help of the command describes each."""

    file: Path
    output: Path = STDIO
    options: Options
    channel: str = "auto"
    lab: str = ""
    calls: str = ""
    real_time: bool = False
    trunks: Mapping[int, str] = field(default_factory=dict)
    """Names of the lab's trunks."""
    script: str = ""
    """The script of ``replay`` whose units count, by the comments of the packets."""
    console: int = 0
    """Which of several consoles at the same time; 0: there must be one alone."""


def run_pcap2scenario(settings: CaptureSettings) -> int:
    """Write the scenario. Returns the exit code; errors go to stderr."""
    try:
        if settings.file == STDIO:
            recording = read(sys.stdin.buffer, settings)
        else:
            with settings.file.open("rb") as stream:
                recording = read(stream, settings)
        if settings.output == STDIO:
            sys.stdout.write(recording.text())
        else:
            recording.write()
    except (CaptureError, TranscriptError) as error:
        return report_error(error, 2)
    except FileExistsError:
        return report_error(f"-o: {settings.output}: exists already", 2)
    except OSError as error:
        return report_error(f"{error.filename or settings.file}: {error.strerror or error}", 2)
    return 0


def read(stream: BinaryIO, settings: CaptureSettings) -> Recording:
    """The scenario of a capture. Raises :class:`CaptureError`, :class:`TranscriptError`, :class:`OSError`."""
    codec = Codec(settings.options)
    how = TranscriptSettings(
        source=settings.file.name if settings.file != STDIO else "standard input",
        target=settings.output if settings.output != STDIO else settings.file.with_suffix(".yaml"),
        lab=settings.lab,
        calls=settings.calls,
        real_time=settings.real_time,
        trunks=settings.trunks,
        script=settings.script,
        console=settings.console,
    )
    reports: list[Reported] = []
    items = decode_events(_watched(read_input(stream), reports), options=settings.options)
    seen = [_seen(item) for item in items if isinstance(item, Found)]
    if settings.channel != "auto":
        seen = [one for one in seen if one.on_kpd2 is (settings.channel == "kpd2")]
    return transcript([*reports, *seen], codec, how)


def _watched(events: Iterator[Event], reports: list[Reported]) -> Iterator[Event]:
    """The events; ``reports`` gets the call reports among the datagrams."""
    for event in events:
        if isinstance(event, Data) and event.whole and (report := _report(event)) is not None:
            reports.append(report)
        yield event


def _report(event: Data) -> Reported | None:
    try:
        packet = AccountingPacket.received(event.data, _ANY)
        if is_report(packet):
            return Reported(_time(event.time_ns), packet_to_report(packet))
    except (MalformedError, ReportError):
        return None  # another datagram
    return None


def _time(time_ns: int | None) -> float | None:
    return None if time_ns is None else time_ns / 1e9


def _seen(found: Found) -> Seen:
    message, raw = found.message, found.raw
    if isinstance(message, Message):
        channel: Channel | None = message.channel
    elif isinstance(message, UnknownUnit):
        channel = message.channel
    else:
        channel = channel_of(raw[2]) if len(raw) > 2 and raw[0] == PREAMBLE else Channel.COMMAND
    of_console = isinstance(message, Command) or channel is Channel.COMMAND
    flow = found.flow
    return Seen(
        time=_time(found.time_ns),
        raw=raw,
        message=message,
        sound=not found.problems,
        of_console=of_console,
        on_kpd2=channel is Channel.KPD2,
        connection=flow.source if of_console else flow.destination,
        script=script_of(found.comment),
        before=found.before,
    )
