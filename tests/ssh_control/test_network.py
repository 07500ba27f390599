"""Octets of a session on the network below it: what crosses it are whole lines, whenever a fault begins."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ssh_control.network import SessionWays


class Way:
    """One that loses every line while it is faulty."""

    def __init__(self, deliver: Callable[[bytes], object]) -> None:
        self.idle, self.lost, self._deliver = True, list[bytes](), deliver

    def cross(self, line: bytes, /) -> None:
        if self.idle:
            self._deliver(line)
        else:
            self.lost.append(line)

    def close(self) -> int:
        return 0


class Net:
    """The network of one session."""

    def unreachable(self, place: int) -> bool:
        return False

    def ways(
        self, place: int, send: Callable[[bytes], object], receive: Callable[[bytes], object]
    ) -> tuple[Way, Way]:
        self.sent, self.received = Way(send), Way(receive)
        return self.sent, self.received


@pytest.mark.parametrize("rest", [b"d\nnext\nla", b"d\n"], ids=["with more", "alone"])
def test_a_fault_that_begins_within_a_line_touches_the_next_one(rest: bytes) -> None:
    net, arrived = Net(), list[bytes]()
    session = SessionWays(net, 0, arrived.append, arrived.append)
    session.receive(b"whole\nbeg")
    net.received.idle = False
    session.receive(b"un an")
    session.receive(rest)
    session.receive(b"next\n" if rest == b"d\n" else b"st\n")
    assert b"".join(arrived) == b"whole\nbegun and\n"
    assert net.received.lost == ([b"next\n"] if rest == b"d\n" else [b"next\n", b"last\n"])


def test_a_line_that_came_in_parts_while_there_were_faults_goes_on_whole() -> None:
    net, arrived = Net(), list[bytes]()
    session = SessionWays(net, 0, arrived.append, arrived.append)
    net.received.idle = False
    session.receive(b"lost\nbeg")
    net.received.idle = True
    session.receive(b"un\ndirect\n")
    net.received.idle = False
    session.receive(b"lost too\n")
    assert b"".join(arrived) == b"begun\ndirect\n"
    assert net.received.lost == [b"lost\n", b"lost too\n"]
