"""The mediator's E1: its streams, their speech, and what a stream's state means for the lines in it."""

from __future__ import annotations

from typing import Any, NamedTuple

from e1.g704.alarms import StreamState
from protocol import Ksl, Options
from protocol.codes import KSL_NUMBERS
from sorm_mediator.config import Config
from sorm_mediator.config.e1 import BARE
from sorm_mediator.mediator.binding.consoles import allowed
from sorm_mediator.mediator.binding.streams import StreamHandler, Streams
from sorm_mediator.mediator.binding.voice_gateway import VoiceGateway
from sorm_mediator.options import MediatorOptions, StreamFault


class Meaning(NamedTuple):
    """What a state of a stream means."""

    alarm_code: int | None
    """Code of 21h; None: no fault."""
    speech: bool
    """Speech passes on its lines."""


def meanings(options: MediatorOptions) -> dict[StreamState, Meaning]:
    """What each state means, as the options have it."""
    usual: dict[StreamFault, int] = MediatorOptions.model_fields["stream_alarm_codes"].default
    codes = usual | options.stream_alarm_codes
    faults = {
        StreamState(name): Meaning(code, speech=name not in options.stream_unheard)
        for name, code in codes.items()
    }
    return faults | {StreamState.WORK: Meaning(None, speech=True)}


class Change(NamedTuple):
    """What is reported to the core (``ksl_changed``)."""

    ksls: tuple[Ksl, ...]
    in_service: bool
    alarm_code: int


class E1Transport:
    """Streams and speech. Raises :class:`~sorm_mediator.errors.BoxError` for settings that contradict each other.

    With ``console.link = "tcp"`` the streams are there for speech alone.
    """

    def __init__(self, config: Config, options: Options, handler: StreamHandler) -> None:
        self._meanings = meanings(config.mediator.options)
        self._restored_code = config.mediator.options.line_restored_code
        self._los_code = self._meanings[StreamState.LOS].alarm_code or 0
        self.voice = VoiceGateway(config.rtp, len(config.e1))
        self.allow = config.console.allow
        """Networks whose consoles may connect."""
        self.streams = Streams(
            config.e1,
            options,
            handler,
            fill=self.voice.fill,
            allows=lambda host: allowed(host, self.allow),
            data=config.console.link == "x25",
        )
        self.numbers = tuple(config.stream for config in config.e1)
        self._speechless = {config.stream for config in config.e1 if config.line in BARE}
        self.conferences = sum(config.rtp.mediator_conferences(len(config.e1)))
        self.rtp = ""
        """Where speech is received, ``host:port``; known once it is started."""

    async def start(self) -> None:
        """Listen for speech. Raises :class:`~sorm_mediator.errors.BoxError`."""
        self.rtp = await self.voice.start()

    def speech(self) -> dict[str, Any]:
        """Where speech is received, the conferences, and what was counted: for people."""
        return {"address": self.rtp, **self.voice.status()}

    def at_start(self) -> Change:
        """All lines are out of order until their stream is received for the first time; those of a line without
        timeslots for ever."""
        return Change(
            tuple(Ksl(stream, ksl) for stream in self.numbers for ksl in KSL_NUMBERS), False, self._los_code
        )

    def change(self, stream: int, old: StreamState, new: StreamState) -> Change | None:
        """What follows from a stream's new state; None when it means the same as the old one."""
        before, after = self._meanings[old], self._meanings[new]
        if before == after:
            return None
        speech_changes = before.speech != after.speech and stream not in self._speechless
        lines = tuple(Ksl(stream, ksl) for ksl in KSL_NUMBERS) if speech_changes else ()
        if after.alarm_code is None:
            return Change(lines, True, self._restored_code)
        return Change(lines, after.speech, after.alarm_code)
