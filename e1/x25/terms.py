"""Packet size and window of a call, as its facilities agree on them (X.25 6 and 7, RFC 1613)."""

from __future__ import annotations

from typing import NamedTuple

from e1.x25.config import MAX_WINDOW, X25Config
from e1.x25.packets import PACKET_SIZE_FACILITY, WINDOW_FACILITY, CallAccepted, CallRequest, Facilities

_EXPONENTS = range(4, 13)


class Terms(NamedTuple):
    """The terms of a circuit: octets in a packet that this end sends and receives, and the window of each direction."""

    send_size: int
    receive_size: int
    window: int
    receive_window: int


def fixed_terms(config: X25Config) -> Terms:
    """The terms of a permanent circuit."""
    return Terms(config.packet_size, config.packet_size, config.window, config.window)


def offered_terms(config: X25Config) -> tuple[Terms, Facilities]:
    """The terms of our call, which the answer may change, and the facilities of the call."""
    if config.negotiate or config.transport == "xot":
        terms = fixed_terms(config)
        return terms, _facilities(terms)
    size, window = config.default_packet_size, config.default_window
    return Terms(size, size, window, window), ()


def answered_terms(call: CallRequest, config: X25Config) -> tuple[Terms, Facilities]:
    """The terms of a call that we accept, and the facilities of the answer: the proposed values, moved toward ours."""
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
    terms = Terms(from_called, from_calling, window_called, window_calling)
    return terms, tuple(each for each in _facilities(terms) if each[0] in wanted)


def connected_terms(accepted: CallAccepted, offered: Terms) -> Terms:
    """The terms of our call after the answer."""
    sizes, windows = accepted.facility(PACKET_SIZE_FACILITY), accepted.facility(WINDOW_FACILITY)
    send, receive = (1 << sizes[1], 1 << sizes[0]) if sizes else offered[:2]
    to_called, from_called = (windows[1], windows[0]) if windows else offered[2:]
    return Terms(send, receive, to_called, from_called)


def is_legal_call(packet: CallRequest | CallAccepted) -> bool:
    """Whether X.25 has this packet size and window."""
    sizes = packet.facility(PACKET_SIZE_FACILITY) or b""
    windows = packet.facility(WINDOW_FACILITY) or b""
    return all(each in _EXPONENTS for each in sizes) and all(1 <= each <= MAX_WINDOW for each in windows)


def is_between(terms: Terms, offered: Terms, config: X25Config) -> bool:
    """Whether an answer lies between the offer and the default, as X.25 requires."""
    size, window = config.default_packet_size, config.default_window
    default = (size, size, window, window)
    return all(
        min(limits) <= value <= max(limits) for value, *limits in zip(terms, offered, default, strict=True)
    )


def _facilities(terms: Terms) -> Facilities:
    exponents = bytes(size.bit_length() - 1 for size in terms[:2])
    return ((PACKET_SIZE_FACILITY, exponents), (WINDOW_FACILITY, bytes(terms[2:])))


def _toward(proposed: int, wanted: int, default: int) -> int:
    return min(max(wanted, min(proposed, default)), max(proposed, default))
