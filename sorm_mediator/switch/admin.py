"""The user of the switch's shell: its login, its shells, and where they listen."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from pathlib import Path

from sorm_mediator.config import AdminConfig, is_loopback
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.session import ShellSession

DEFAULT_PASSWORD = AdminConfig().password
"""Everybody knows it: it lets in nobody from another machine."""


class Admin:
    """``node``: the switch. ``file``: its lab file. ``move_ssh``: listen on this port and the next from now on."""

    def __init__(self, node: Node, file: Path | None, move_ssh: Callable[[int], None]) -> None:
        self._node = node
        self._desk = ShellContext(node=node, file=file, move_ssh=move_ssh)

    def is_user(self, user: str) -> bool:
        """Whether this is the user of the shell."""
        return user == self._node.config.admin.user

    def login(self, password: str, peer: str) -> str | None:
        """Why the user may not log in; None when it may. ``peer``: ``host:port``."""
        expected = self._node.config.admin.password
        right = hmac.compare_digest(password.encode(), expected.get_secret_value().encode())
        if not expected.get_secret_value():
            return "the shell has no password: set switch.admin.password"
        if not right:
            return "wrong password"
        if expected == DEFAULT_PASSWORD and not is_loopback(peer.rpartition(":")[0].strip("[]")):
            return "the shell has its default password, which is for this machine only: set switch.admin.password"
        return None

    def shell(self, user: str) -> ShellSession | None:
        """A new shell for its user, and nothing for a mediator."""
        return ShellSession(self._desk, user) if self.is_user(user) else None
