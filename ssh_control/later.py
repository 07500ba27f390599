"""A reply that is not there yet, for a switch that needs time."""

from __future__ import annotations

from collections.abc import Callable

from ssh_control.dialect import Reply


class Later:
    """A reply to come. Who has asked says with :meth:`then` what becomes of it; who answers says :meth:`give`."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        """The reply, once it was given."""
        self._then: Callable[[Reply], None] | None = None

    def give(self, reply: Reply) -> None:
        """This is the reply. To be called once."""
        assert self.reply is None
        self.reply = reply
        if self._then is not None:
            self._then(reply)

    def then(self, callback: Callable[[Reply], None]) -> None:
        """Have ``callback`` called with the reply: now, if it is there already. To be called once."""
        assert self._then is None
        self._then = callback
        if self.reply is not None:
            callback(self.reply)


Answer = Reply | Later | None
"""What a session makes of a request: its reply, one that comes later, or ``None``: there will never be any."""
