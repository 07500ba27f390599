"""The tables of a tenant's database and their columns.

Tables that the tenant's data are made of have a model in :mod:`sorm_mediator.config.vpbx`, whose fields are the
columns. Of the others, all service tables, a dump may have any columns, and they are passed over.

Source: Sipteco platform manual, 3: the names, purposes, and which may be edited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel

from sorm_mediator.config.vpbx import (
    DialNumberRow,
    DirectionRow,
    GroupRow,
    IncomingRouteRow,
    IvrItemRow,
    OptionsRow,
    PhonebookRow,
    QueueMemberRow,
    SipTrunkRow,
    UserRow,
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``model``: of its rows; None: its rows are passed over. ``editable``: a person may change it.

    closed: the manual gives the columns, so another one but ``id`` is a mistake; else it is passed over.
    aliases: another spelling of a column -> the column.
    """

    name: str
    model: type[BaseModel] | None = None
    editable: bool = False
    closed: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are used."""
        return () if self.model is None else tuple(self.model.model_fields)

    def column(self, written: str) -> str | None:
        """The column by its name in a dump, where case does not count; None for one that there is not."""
        name = written.lower().replace("-", "_")
        name = self.aliases.get(name, name)
        return name if name in self.columns else None


_SERVICE: Final = (
    "ast_cdr_adaptive",
    "ast_extensions",
    "ast_meetme",
    "ast_queues",
    "ast_queue_log",
    "ast_queue_members",
    "ast_sip_users",
    "ast_voicemail_users",
    "call_stats",
    "inuse",
    "ivr_list",
    "ivr_prompts",
    "log_captcha",
    "prompts",
    "queue_calls_stats",
    "system_user",
    "user_stats",
)
"""Tables of the platform itself. It copies ``users`` to ``ast_sip_users`` and ``queue_members`` to
``ast_queue_members``."""

TABLES: Final[Mapping[str, Table]] = {
    one.name: one
    for one in (
        Table("dial_numbers", DialNumberRow, editable=True, closed=True),
        Table(
            "sip_trunks",
            SipTrunkRow,
            editable=True,
            closed=True,
            aliases={"dissalow": "disallow", "dissallow": "disallow", "call_limit": "calllimit"},
        ),
        Table("directions", DirectionRow, editable=True, closed=True),
        Table("options", OptionsRow, editable=True, closed=True),
        Table("phonebook", PhonebookRow, editable=True),
        Table("users", UserRow),
        Table("queues", GroupRow),
        Table("queue_members", QueueMemberRow),
        Table("callgroups", GroupRow),
        Table("ivr", GroupRow),
        Table("ivr_dtmf", IvrItemRow),
        Table("incoming_routes", IncomingRouteRow, editable=True, closed=True),
        *(Table(name) for name in _SERVICE),
    )
}
"""The tables by name."""
