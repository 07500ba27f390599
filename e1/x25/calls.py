"""Packet size and window of a call, as its facilities agree on them (X.25 6 and 7, RFC 1613)."""

from __future__ import annotations

from typing import NamedTuple

from e1.x25.config import MAX_WINDOW, X25Config
from e1.x25.packets import PACKET_SIZE_FACILITY, WINDOW_FACILITY, CallAccepted, CallRequest, Facilities

_EXPONENTS = range(4, 13)


class Terms(NamedTuple):
    """What holds for a circuit: octets in a packet that we send, that we receive; the windows of both ways."""

    send_size: int
    receive_size: int
    window: int
    receive_window: int


def fixed(config: X25Config) -> Terms:
    """Of a permanent circuit."""
    return Terms(config.packet_size, config.packet_size, config.window, config.window)


def offer(config: X25Config) -> tuple[Terms, Facilities]:
    """Of our call: what holds if the answer says nothing else, and the facilities of the call."""
    if config.negotiate or config.transport == "xot":
        return fixed(config), _facilities(
            config.packet_size, config.packet_size, config.window, config.window
        )
    size, window = config.default_packet_size, config.default_window
    return Terms(size, size, window, window), ()


def answer(call: CallRequest, config: X25Config) -> tuple[Terms, Facilities]:
    """Of a call that we accept, and the facilities of the answer: what the call proposes, moved toward ours."""
    xot = config.transport == "xot"
    sizes, windows = call.facility(PACKET_SIZE_FACILITY), call.facility(WINDOW_FACILITY)
    size: int = config.packet_size if xot else config.default_packet_size
    window = config.window if xot else config.default_window
    from_called = from_calling = size
    window_called = window_calling = window
    if sizes:
        from_called, from_calling = (
            _toward(1 << each, config.packet_size, config.default_packet_size) for each in sizes
        )
    if windows:
        window_called, window_calling = (
            _toward(each, config.window, config.default_window) for each in windows
        )
    wanted = {
        code for code, given in ((PACKET_SIZE_FACILITY, sizes), (WINDOW_FACILITY, windows)) if given or xot
    }
    every = _facilities(from_called, from_calling, window_called, window_calling)
    facilities = tuple(each for each in every if each[0] in wanted)
    return Terms(from_called, from_calling, window_called, window_calling), facilities


def connected(accepted: CallAccepted, offered: Terms) -> Terms:
    """Of our call, after the answer."""
    sizes, windows = accepted.facility(PACKET_SIZE_FACILITY), accepted.facility(WINDOW_FACILITY)
    send, receive = (1 << sizes[1], 1 << sizes[0]) if sizes else offered[:2]
    to_called, from_called = (windows[1], windows[0]) if windows else offered[2:]
    return Terms(send, receive, to_called, from_called)


def is_legal(packet: CallRequest | CallAccepted) -> bool:
    """Whether packet size and window are such that X.25 has them."""
    sizes = packet.facility(PACKET_SIZE_FACILITY) or b""
    windows = packet.facility(WINDOW_FACILITY) or b""
    return all(each in _EXPONENTS for each in sizes) and all(1 <= each <= MAX_WINDOW for each in windows)


def is_between(terms: Terms, offered: Terms, config: X25Config) -> bool:
    """Whether an answer lies between what was offered and the default, as the rules of negotiation have it."""
    size, window = config.default_packet_size, config.default_window
    default = (size, size, window, window)
    return all(
        min(limits) <= value <= max(limits) for value, *limits in zip(terms, offered, default, strict=True)
    )


def _facilities(from_called: int, from_calling: int, window_called: int, window_calling: int) -> Facilities:
    exponents = bytes([from_called.bit_length() - 1, from_calling.bit_length() - 1])
    return ((PACKET_SIZE_FACILITY, exponents), (WINDOW_FACILITY, bytes([window_called, window_calling])))


def _toward(proposed: int, wanted: int, default: int) -> int:
    return min(max(wanted, min(proposed, default)), max(proposed, default))
