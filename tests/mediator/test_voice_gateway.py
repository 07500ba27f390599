"""The socket that the switch's speech comes in by."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import Ksl
from sorm_mediator.config import RtpConfig
from sorm_mediator.mediator.binding.voice_gateway import VoiceGateway
from sorm_mediator.mediator.core.tables import Line


class Troubled:
    """A socket that says these, then that nothing waits."""

    def __init__(self, *says: bytes | OSError) -> None:
        self.says = list(says)

    def recv(self, _size: int) -> bytes:
        if not self.says:
            raise BlockingIOError
        if isinstance(said := self.says.pop(0), OSError):
            raise said
        return said

    def close(self) -> None:
        self.says.clear()


async def test_an_error_of_the_socket_is_counted_and_what_comes_after_it_is_read(caplog: Any) -> None:
    box = VoiceGateway(RtpConfig())
    await box.start()
    real, box._socket = box._socket, Troubled(ConnectionRefusedError(111, "Connection refused"), b"no RTP")  # type: ignore[assignment]
    try:
        box._readable()
        counters = box.status()["counters"]
        assert counters["socket_errors"] == 1
        assert counters["datagrams"] == 1
        assert "Connection refused" in caplog.text
        box._readable()
        assert box.status()["counters"]["socket_errors"] == 1
    finally:
        box._socket = real
        box.close()


@pytest.mark.parametrize(("needed", "used"), [(0, ["3 of 3", "1 of 3"]), (1, ["3 of 3", "2 of 3"])])
def test_the_status_shows_the_conferences_of_each_submodule(needed: int, used: list[str]) -> None:
    gateway = VoiceGateway(RtpConfig(conferences=3, separate_conferences=needed))
    for number in range(1, 5):
        gateway.connect(Line(Ksl(0, number), None), None)
    gateway.connect(Line(Ksl(0, 5), Ksl(0, 6)), None)
    assert gateway.status()["conferences"] == used
    for number in range(1, 5):
        gateway.free(Line(Ksl(0, number), None))
    assert gateway.status()["conferences"] == [f"{needed} of 3", "0 of 3"]


@pytest.mark.parametrize(
    ("settings", "streams", "conferences"),
    [
        ({"submodules": 4}, 1, (27, 27, 27, 27)),
        ({"submodules": 1}, 1, (27,)),
        ({"submodules": 1, "autonomous": False}, 1, (13,)),
        ({"submodules": 2, "autonomous": False}, 1, (27, 27)),
        ({"submodules": 4, "autonomous": False}, 1, (27, 27)),
        ({"submodules": 4, "autonomous": False}, 2, (27, 27, 27, 27)),
        ({"submodules": 3, "autonomous": False}, 2, (27, 27, 27)),
    ],
)
def test_the_submodules_are_shared_with_the_pbx_by_the_number_of_streams(
    settings: dict[str, Any], streams: int, conferences: tuple[int, ...]
) -> None:
    config = RtpConfig(**settings)
    assert config.mediator_conferences(streams) == conferences
    shown = VoiceGateway(config, streams).status()["conferences"]
    assert shown == [f"0 of {most}" for most in conferences]
