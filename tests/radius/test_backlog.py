"""What the kernel holds for a socket: how much, how long, and what it dropped."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from radius.backlog import Backlog, InKernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


def send(receiver: socket.socket, count: int) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        for _ in range(count):
            sender.sendto(b"x" * 400, receiver.getsockname())


def test_what_waits_and_what_was_dropped(receiver: socket.socket) -> None:
    backlog = Backlog()
    assert backlog.in_kernel(receiver).octets == 0
    send(receiver, 100)
    found = backlog.in_kernel(receiver)
    taken = 0
    while True:
        try:
            receiver.recv(500)
        except BlockingIOError:
            break
        taken += 1
    assert found.octets > 0
    assert found.most >= found.octets - 4096
    assert found.dropped == 100 - taken > 0
    assert backlog.in_kernel(receiver)[::2] == (0, 100 - taken)


def test_how_long_the_one_in_front_waits(receiver: socket.socket) -> None:
    backlog = Backlog(wall=lambda: time.time() + 5)
    backlog.more(receiver)  # begins the time stamps
    send(receiver, 2)
    receiver.recv(500)
    backlog.more(receiver)
    assert backlog.oldest >= 5
    backlog.drained()
    assert backlog.oldest == 0
    assert backlog.longest >= 5


def test_a_wall_clock_that_steps_back_makes_no_negative_wait(receiver: socket.socket) -> None:
    backlog = Backlog(wall=lambda: 0.0)
    send(receiver, 1)
    backlog.more(receiver)
    receiver.recv(500)
    backlog.more(receiver)
    assert backlog.oldest == 0


def test_of_no_socket_nothing_is_known() -> None:
    assert Backlog().in_kernel(None) == InKernel()
