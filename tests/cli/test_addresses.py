"""Where a mediator is, as the options of several commands tell it."""

from __future__ import annotations

import pytest

from sorm_mediator.cli.common import reached
from sorm_mediator.console.errors import UsageError
from sorm_mediator.tap.session import TapSettings, _address


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (("", "", "", ""), ("", 0, 0, "")),
        (("", "10001", "10002", ""), ("", 10001, 10002, "")),
        (("192.0.2.1", "1001", "", ""), ("192.0.2.1", 1001, 0, "")),
        (("", "127.0.0.1:1001", "127.0.0.1:1002", ""), ("127.0.0.1", 1001, 1002, "")),
        (("", "[::1]:1001", "1002", "[::1]:8080"), ("::1", 1001, 1002, "http://[::1]:8080")),
        (("::1", "[::1]:1001", "", "127.0.0.1:8080"), ("::1", 1001, 0, "http://127.0.0.1:8080")),
        (("", "", "", "8080"), ("", 0, 0, "http://127.0.0.1:8080")),
        (("", "", "", "https://lab:8080"), ("", 0, 0, "https://lab:8080")),
    ],
)
def test_a_port_alone_or_as_the_ready_line_shows_it(
    given: tuple[str, ...], found: tuple[object, ...]
) -> None:
    assert reached(*given) == found


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("", "x", "", ""), "--kpd1: 'x' is no host:port, and no port 0 to 65535"),
        (("", "", "70000", ""), "--kpd2: '70000' is no host:port"),
        (("192.0.2.1", "127.0.0.1:1", "", ""), "--kpd1: 127.0.0.1:1: is not on 192.0.2.1"),
        (("", "127.0.0.1:1", "127.0.0.2:2", ""), "--kpd2: 127.0.0.2:2: is not on 127.0.0.1"),
        (("", "", "", "lab"), "--web: 'lab' is not allowed: a URL such as http://127.0.0.1:8080"),
    ],
)
def test_what_is_no_address_is_told(given: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError) as told:
        reached(*given)
    assert says in str(told.value)


def test_a_tap_listens_on_loopback_at_a_port_alone() -> None:
    assert TapSettings(listen_kpd1="2001").listen_kpd1 == "2001"
    assert _address("--listen-kpd1", "2001") == ("127.0.0.1", 2001)
