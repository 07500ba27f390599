"""What the packets of a capture say, as their comments: the units that end in each, a line of :mod:`protocol.oneline`.

A comment holds no password: a line of a command leaves it out, and octets that are no whole unit are only counted.
"""

from __future__ import annotations

from protocol import (
    Broken,
    Codec,
    Message,
    Noise,
    StreamFramer,
    UnknownUnit,
)
from protocol.framing import Item
from protocol.jsonform import to_json
from protocol.oneline import one_line
from protocol.render import has_another_inside
from sorm_mediator.capture.x25 import LapbFrames, XotRecords, packet_data
from ssh_control.visible import visible

MOST_UNITS = 8
"""Units of one packet that are named."""


def describe(item: Item, codec: Codec) -> str:
    """One piece of a channel, in English."""
    if isinstance(item, Noise):
        return f"{item.length} octets that are no unit"
    if isinstance(item, Broken):
        return f"broken unit, {len(item.raw)} octets: {item.reason.phrase}"
    message, problems = codec.decode_lenient(item.raw)
    return describe_unit(message, item.raw, codec) + (" [has problems]" if problems else "")


def describe_unit(message: Message | UnknownUnit, raw: bytes, codec: Codec) -> str:
    """One unit, in English."""
    if not isinstance(message, Message):
        return f"unknown unit {message.code:02X}h, {len(raw)} octets"
    if has_another_inside(raw):
        return f"{message.message_name} (another command begins inside)"
    return visible(one_line(to_json(message, raw), coding=codec.options.message_text))


class UnitComments:
    """The comments of one direction of a channel, over whatever carries it."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._framer = StreamFramer(None, codec.options)
        self._lapb = LapbFrames()
        self._xot = XotRecords()

    def data(self, octets: bytes) -> str:
        """Of the next octets of the channel: the units that they end; "": none."""
        items = self._framer.feed(octets)
        shown = [describe(item, self._codec) for item in items[:MOST_UNITS]]
        if len(items) > MOST_UNITS:
            shown.append(f"{len(items) - MOST_UNITS} more")
        return "; ".join(shown)

    def frame(self, frame: bytes) -> str:
        """Of the next LAPB frame."""
        packet = self._lapb.packet(frame)
        return "" if packet is None else self._packet(packet)

    def records(self, octets: bytes) -> str:
        """Of the next octets of X.25 over TCP."""
        return "; ".join(filter(None, map(self._packet, self._xot.feed(octets))))

    def _packet(self, packet: bytes) -> str:
        found = packet_data(packet)
        return self.data(found[1]) if found is not None else ""


class TwoWays:
    """The comments of both directions of a channel."""

    def __init__(self, codec: Codec) -> None:
        self._ways = UnitComments(codec), UnitComments(codec)

    def __getitem__(self, outbound: bool) -> UnitComments:
        return self._ways[outbound]
