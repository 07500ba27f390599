"""Errors of the boxes for their user: one line with the key, its value and the remedy."""

from __future__ import annotations

import errno

from sorm_mediator.addresses import host_port


class ConfigError(Exception):
    """The configuration can't be used. The text is one line that names key, value and what is allowed."""


class BoxError(Exception):
    """A box (mediator, switch, web) can't start or go on. The text is one line with the remedy.

    Example: ``console.kpd1_port: 127.0.0.1:1001 is in use: choose another, 0 = any free``.
    """


def cannot_listen(
    key: str, host: str, port: int, error: OSError, *, more: str = "; --auto-ports: any for all"
) -> BoxError:
    """The error for the user if ``host:port`` of ``key``, a configuration key or an option, can't be listened on.

    ``more``: a further remedy for a port in use.
    """
    where = f"{key}: {host_port(host, port)}"
    if error.errno == errno.EADDRINUSE:
        return BoxError(f"{where} is in use: choose another port, 0 = any free one{more}")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return BoxError(f"{where} needs root (ports below 1024): choose another port, 0 = any free one")
    if error.errno == errno.EADDRNOTAVAIL:
        return BoxError(f"{where} is no address of this machine: choose one of its own, such as 127.0.0.1")
    return BoxError(f"{where} can't be listened on: {error.strerror or error}")
