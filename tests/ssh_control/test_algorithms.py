"""What each end of an SSH connection offers, read from its first packet, against the defaults of asyncssh."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import asyncssh
import pytest
from asyncssh.encryption import get_default_encryption_algs
from asyncssh.kex import get_default_kex_algs
from asyncssh.mac import get_default_mac_algs
from asyncssh.public_key import get_default_public_key_algs

from ssh_control.transport import host_key_algorithms, public_line
from tests.ssh_control.conftest import DOMAIN, LinkTo

LISTS = (
    "kex",
    "host key",
    "cipher to",
    "cipher from",
    "mac to",
    "mac from",
    "compression to",
    "compression from",
)
WEAK = ("sha1", "cbc", "3des", "arcfour", "none", "md5", "blowfish", "dss", "ssh-rsa", "umac-32", "-96")
STRICT = ("kex-strict-s-v00@openssh.com", "kex-strict-c-v00@openssh.com")
"""Against the prefix truncation of CVE-2023-48795."""
DEFAULTS = {
    "kex": get_default_kex_algs(), "host key": get_default_public_key_algs(),
    "cipher to": get_default_encryption_algs(), "cipher from": get_default_encryption_algs(),
    "mac to": get_default_mac_algs(), "mac from": get_default_mac_algs(),
}  # fmt: skip


async def offer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, list[str]]:
    """The lists of SSH_MSG_KEXINIT (RFC 4253, 7.1) of whoever is at the other end."""
    writer.write(b"SSH-2.0-test\r\n")
    async with asyncio.timeout(20):
        assert (await reader.readline()).startswith(b"SSH-2.0-")
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        packet = await reader.readexactly(length)
    writer.close()
    assert packet[1] == 20
    lists, at = {}, 1 + 1 + 16
    for name in LISTS:
        (size,) = struct.unpack("!I", packet[at : at + 4])
        lists[name] = packet[at + 4 : at + 4 + size].decode("ascii").split(",")
        at += 4 + size
    return lists


def assert_not_weak(lists: dict[str, list[str]], *, signals: set[str]) -> None:
    assert {"none"} == {*lists.pop("compression to"), *lists.pop("compression from")}
    assert signals < {*lists["kex"]}, lists["kex"]
    lists["kex"] = [one for one in lists["kex"] if one not in signals]
    for name, offered in lists.items():
        assert offered
        assert [one for one in offered if any(weak in one for weak in WEAK)] == []
        assert {*offered} <= {one.decode() for one in DEFAULTS[name]}, name


async def test_the_server_offers_nothing_weaker_than_the_defaults_of_asyncssh(server: Any) -> None:
    lists = await offer(*await asyncio.open_connection(*server.address))
    assert_not_weak(lists, signals={STRICT[0], "ext-info-s"})


async def test_nor_does_the_mediator(link_to: LinkTo) -> None:
    found: asyncio.Future[dict[str, list[str]]] = asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lists = await offer(reader, writer)
        if not found.done():
            found.set_result(lists)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with listener:
        pinned = public_line(asyncssh.generate_private_key("ssh-ed25519"))
        await link_to([listener.sockets[0].getsockname()], pinned)
        async with asyncio.timeout(20):
            lists = await found
    assert_not_weak(lists, signals={STRICT[1], "ext-info-c"})


@pytest.mark.parametrize(
    "weak",
    [
        {"kex_algs": ["diffie-hellman-group14-sha1"]},
        {"encryption_algs": ["aes128-cbc"]},
        {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-sha1"]},
    ],
)
async def test_a_client_that_has_weak_ones_alone_is_refused(server: Any, weak: dict[str, Any]) -> None:
    with pytest.raises(asyncssh.KeyExchangeFailed):
        await asyncssh.connect(
            *server.address, config=None, username=DOMAIN, password="x", known_hosts=None, **weak
        )
    assert server.counters["logins denied"] == 0


def test_the_algorithm_of_the_pinned_key_comes_first() -> None:
    for kind, first in (
        ("ssh-rsa", ("rsa-sha2-512", "rsa-sha2-256")), ("ecdsa-sha2-nistp384", ("ecdsa-sha2-nistp384",)),
        ("ssh-ed25519", ("ssh-ed25519",)),
    ):  # fmt: skip
        offered = host_key_algorithms(asyncssh.generate_private_key(kind))
        assert offered[: len(first)] == first
        assert sorted(offered) == sorted(host_key_algorithms(None))
