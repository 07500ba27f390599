"""Both ends of an SSH connection use these: ciphers, keep-alive, host keys (made and pinned)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncssh

from ssh_control.private_files import open_to_others

CIPHERS: Sequence[str] = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
)
"""AES-GCM first: asyncssh's own first choice, ChaCha20, is 1.5 to 2.4 times slower here. No CBC."""

_SIGNATURES: Sequence[str] = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)

ALGORITHMS: Mapping[str, str | Sequence[str]] = {
    "kex_algs": "-*sha1*",
    "encryption_algs": CIPHERS,
    "mac_algs": "-*sha1*",
    "signature_algs": _SIGNATURES,
}
"""What both ends offer: asyncssh's defaults without SHA-1 (RFC 9142, 3; RFC 8332 for signatures by RSA)."""

Connection = asyncssh.SSHServerConnection | asyncssh.SSHClientConnection

_MSG_IGNORE = 2
"""RFC 4253, 11.2."""


def without_padding_packets(connection: Connection) -> None:
    """Send no SSH_MSG_IGNORE in front of every packet.

    asyncssh sends it against an attack on CBC ciphers (RFC 4251, 9.3.1), and :data:`CIPHERS` has none of them.
    It costs a second encryption and a second system call for each line.
    """
    send = connection.send_packet

    def send_packet(pkttype: int, *args: bytes, **options: Any) -> None:
        if pkttype != _MSG_IGNORE:
            send(pkttype, *args, **options)

    connection.send_packet = send_packet  # type: ignore[method-assign]


def keep_alive(connection: Connection, seconds: float) -> None:
    """The kernel detects a lost peer by three probes, ``seconds`` apart; asyncssh would set a timer for each packet."""
    sock = connection.get_extra_info("socket")
    if sock is None:
        return
    interval = max(1, round(seconds))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", interval),
        ("TCP_KEEPINTVL", interval),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", interval * 3000),
    ):
        # Some systems lack some of them; the first one counts.
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class KeyProblem(ValueError):  # noqa: N818 - read by people as it is
    """A host key can't be used. The text is one line: which key, why, and the remedy."""


def private_host_key(path: str | Path | None) -> asyncssh.SSHKey:
    """The private key of a server, read from ``path``; a missing file is made, for its owner alone.

    ``None`` or "" makes a new key in memory. Raises :class:`KeyProblem`, also where others may read the file.
    """
    if not path:
        return asyncssh.generate_private_key("ssh-ed25519")
    path = Path(path)
    try:
        key = asyncssh.read_private_key(path)
        others = open_to_others(path)
    except FileNotFoundError:
        return _make(path)
    except (OSError, ValueError, ArithmeticError) as error:  # a damaged key is refused by any of them
        raise KeyProblem(f"host key {path}: is no private key without passphrase: {error}") from None
    if others:
        raise KeyProblem(f"host key {path}: others may read this private key: chmod 600 {path}")
    return key


def login_key(path: Path) -> asyncssh.SSHKey:
    """The private key that a client logs in with. Raises :class:`KeyProblem`, also where others may read the file."""
    try:
        key = asyncssh.read_private_key(path)
        others = open_to_others(path)
    except (OSError, ValueError, ArithmeticError) as error:  # a damaged key is refused by any of them
        why = getattr(error, "strerror", None) or error
        raise KeyProblem(f"{path}: is no private key without passphrase: {why}") from None
    if others:
        raise KeyProblem(f"{path}: others may read this private key: chmod 600 {path}")
    return key


def _make(path: Path) -> asyncssh.SSHKey:
    key = asyncssh.generate_private_key("ssh-ed25519", comment="sorm")
    try:
        # Exclusive and 0600 from the first octet on: never readable by others, and none is overwritten.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.export_private_key())
    except OSError as error:
        raise KeyProblem(f"host key {path}: can't be made: {error.strerror or error}") from None
    return key


def host_key_algorithms(pinned: asyncssh.SSHKey | None) -> Sequence[str]:
    """Those that a client takes, the pinned key's first, so that a switch with several keys shows this one."""
    kind = None if pinned is None else pinned.get_algorithm()
    first = [one for one in _SIGNATURES if one == kind or (kind == "ssh-rsa" and one.startswith("rsa-"))]
    return (*first, *(one for one in _SIGNATURES if one not in first))


_KINDS = ("ssh-", "ecdsa-", "sk-")
"""What the lines of public keys begin with."""


def authorized_keys(entries: Iterable[str], folder: Path) -> frozenset[bytes]:
    """The public keys that admit a user, in the form that crosses the wire. Raises :class:`KeyProblem`.

    Each entry is a line of OpenSSH, or the path of a file of such lines, from ``folder`` on.
    """
    keys = set()
    for where, line in _key_lines(entries, folder):
        try:
            keys.add(asyncssh.import_public_key(line).public_data)
        except (ValueError, ArithmeticError) as error:
            raise KeyProblem(
                f"{where}: {line[:40]!r} is no public key ({ascii(str(error))[1:-1]}): one line such as "
                "'ssh-ed25519 AAAA... name', without options"
            ) from None
    return frozenset(keys)


def _key_lines(entries: Iterable[str], folder: Path) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if entry.startswith(_KINDS):
            yield "key", entry
            continue
        try:
            text = (folder / entry).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise KeyProblem(
                f"{entry[:80]!r}: is no public key, and no file of them can be read: {why}"
            ) from None
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                yield f"{entry}:{number}", line.strip()


def public_line(key: asyncssh.SSHKey) -> str:
    """The public key as one line of OpenSSH, such as ``ssh-ed25519 AAAA...``."""
    kind, data = key.export_public_key().decode("ascii").split()[:2]
    return f"{kind} {data}"


def pinned_key(line: str) -> asyncssh.SSHKey:
    """The public key of such a line, with or without ``ssh-keyscan``'s host name. Raises :class:`KeyProblem`."""
    words = line.split()
    start = next((i for i, word in enumerate(words[:2]) if word.startswith(_KINDS)), 0)
    try:
        return asyncssh.import_public_key(" ".join(words[start : start + 2]))
    except (ValueError, ArithmeticError) as error:  # KeyImportError, and asyncssh's errors for a damaged key
        shown, why = line if len(line) <= 60 else f"{line[:57]}...", ascii(str(error))[1:-1]
        raise KeyProblem(
            f"host key {shown!r}: is no public key ({why}): pin one line such as 'ssh-ed25519 AAAA...'"
        ) from None
