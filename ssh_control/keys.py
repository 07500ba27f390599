"""Host keys: read once, made when missing, pinned, and shown as fingerprints."""

from __future__ import annotations

import os
from pathlib import Path

import asyncssh


class KeyProblem(ValueError):  # noqa: N818 - read by people as it is
    """A host key can't be used. The text is one line that says which, why and what to do."""


def host_key(path: str | Path | None) -> asyncssh.SSHKey:
    """The private key of a server: read from ``path`` (made there, for its owner alone, when missing).

    ``None`` or "" makes one in memory, another at every start. Raises :class:`KeyProblem`.
    """
    if not path:
        return asyncssh.generate_private_key("ssh-ed25519")
    path = Path(path)
    try:
        return asyncssh.read_private_key(path)
    except FileNotFoundError:
        return _make(path)
    except (OSError, ValueError, ArithmeticError) as error:  # a damaged key is refused by any of them
        raise KeyProblem(f"host key {path}: is no private key without passphrase: {error}") from None


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


def public_line(key: asyncssh.SSHKey) -> str:
    """The public key as one line of OpenSSH, such as ``ssh-ed25519 AAAA...``."""
    kind, data = key.export_public_key().decode("ascii").split()[:2]
    return f"{kind} {data}"


def pinned_key(line: str) -> asyncssh.SSHKey:
    """The public key of such a line; a host name in front, as ``ssh-keyscan`` prints it, is passed over.

    Raises :class:`KeyProblem`.
    """
    words = line.split()
    start = next((i for i, word in enumerate(words[:2]) if word.startswith(("ssh-", "ecdsa-", "sk-"))), 0)
    try:
        return asyncssh.import_public_key(" ".join(words[start : start + 2]))
    except (
        ValueError,
        ArithmeticError,
    ) as error:  # KeyImportError, and what a damaged key makes asyncssh raise
        shown, why = line if len(line) <= 60 else f"{line[:57]}...", ascii(str(error))[1:-1]
        raise KeyProblem(
            f"host key {shown!r}: is no public key ({why}): pin one line such as 'ssh-ed25519 AAAA...'"
        ) from None


def fingerprint(key: asyncssh.SSHKey) -> str:
    """The fingerprint as ``ssh-keygen -l`` shows it: ``SHA256:...``."""
    return key.get_fingerprint()
