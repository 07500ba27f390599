"""Every change of a running switch. Without I/O, but for reading a context's file.

Each function takes the :class:`~sorm_mediator.switch.node.Node`, makes a new configuration of it that is checked as a
lab file is, and takes effect at once. What it returns are notes: what is not resolved yet, such as a context that is
imported later; calls that need it fail with their reason until then. What can't be done raises
:class:`ChangeRefused` and changes nothing.

Source: ECSS-10 manual, SORM parameters of a domain, and MultiSORM: the commands of the switch's shell.
"""

from sorm_mediator.switch.changes.base import ChangeRefused, Notes

__all__ = ["ChangeRefused", "Notes"]
