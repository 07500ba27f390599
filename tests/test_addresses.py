"""Addresses as text, of both versions of IP."""

from __future__ import annotations

import pytest

from sorm_mediator.addresses import host_of, host_port, port_number, split_host_port, split_optional_port
from sorm_mediator.errors import cannot_listen
from sorm_mediator.switch.mediators.access import Target, reachable


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [("127.0.0.1", 1813, "127.0.0.1:1813"), ("::1", 0, "[::1]:0"), ("lab", 22, "lab:22")],
)
def test_there_and_back(host: str, port: int, text: str) -> None:
    assert host_port(host, port) == text
    assert split_host_port(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", ":1", "a:", "a:65536", "a:-1", "a:+1", "a:\N{SUPERSCRIPT TWO}", "a:" + "9" * 5000]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not host:port") as refused:
        split_host_port(text)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("10.0.0.1", ("10.0.0.1", None)),
        ("10.0.0.1:7000", ("10.0.0.1", "7000")),
        ("switch.example", ("switch.example", None)),
        ("::1", ("::1", None)),
        ("[::1]", ("::1", None)),
        ("[::1]:7000", ("::1", "7000")),
        ("[::1]:", ("::1", "")),
        ("[::1", ("[::1", None)),
        ("[::1]1814", ("[::1]1814", None)),
    ],
)
def test_a_port_may_be_left_out(text: str, parts: tuple[str, str | None]) -> None:
    assert split_optional_port(text) == parts


@pytest.mark.parametrize("host", ["10.0.0.1", "::1"])
def test_the_host_of_a_peer(host: str) -> None:
    assert host_of(host_port(host, 4000)) == host


def test_a_number_of_thousands_of_digits_is_no_port() -> None:
    assert port_number("9" * 5000) is None


def test_a_sink_of_ipv6_is_the_same_with_and_without_brackets() -> None:
    assert Target("::1", 1813, "s").mediator == "[::1]:1813"
    assert reachable("[::]:1813", "[::1]:4000") == reachable("::1:1813", "x") == "[::1]:1813"


def test_what_cannot_be_listened_on_is_named_with_brackets() -> None:
    assert "web.port: [::1]:80" in str(cannot_listen("web.port", "::1", 80, OSError(13, "no")))
