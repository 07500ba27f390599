"""An input is made smaller for as long as it shows the same fault."""

from __future__ import annotations

from sorm_mediator.fuzz.shrink import shrunk


def test_only_what_the_fault_needs_is_left() -> None:
    assert shrunk(bytes(range(200)), lambda octets: b"\x42" in octets and b"\x43" in octets) == b"\x42\x43"


def test_octets_that_do_not_matter_become_plain() -> None:
    """Four octets are needed, and the last one decides."""
    assert shrunk(b"abcdefgz", lambda octets: len(octets) >= 4 and octets[-1:] == b"z") == b"\0\0\0z"


def test_what_is_as_small_as_it_gets_stays() -> None:
    assert shrunk(b"xy", lambda octets: octets == b"xy") == b"xy"


def test_it_ends_after_so_many_tries() -> None:
    tried: list[bytes] = []

    def shows(octets: bytes) -> bool:
        tried.append(octets)
        return len(octets) > 1

    shrunk(bytes(1000), shows, most=7)
    assert len(tried) == 7
