"""The tenant that the tests of the virtual PBX share: the numbers of the platform's manual."""

from __future__ import annotations

from typing import Any

from sorm_mediator.config import VpbxConfig

TENANT: dict[str, Any] = {
    "dial_numbers": [
        {"id": 1, "number": "+7(495)2216005", "comment": "Наш московский номер"},
        {"id": 2, "number": "+7(812)3334455"},
    ],
    "sip_trunks": [
        {
            "id": 1,
            "name": "sip74952216005",
            "dial_number_id": 1,
            "host": "sip.one.ru",
            "extension": "74952216005",
        },
        {
            "id": 2,
            "name": "sip78123334455",
            "dial_number_id": 2,
            "host": "sip.two.ru",
            "extension": "78123334455",
        },
    ],
    "directions": [
        {"id": 1, "direction": "spb", "sip_trunk_id": 2, "dial_number_id": 1},
        {"id": 2, "direction": "regional", "sip_trunk_id": 1, "dial_number_id": 1},
        {"id": 3, "direction": "international", "sip_trunk_id": 1, "dial_number_id": 1},
        {"id": 4, "direction": "emergency", "sip_trunk_id": 1, "dial_number_id": 1},
        {
            "id": 5,
            "direction": "other",
            "pattern": "_082XXXXX",
            "substruct4other": 3,
            "sip_trunk_id": 2,
            "dial_number_id": 1,
        },
        {"id": 6, "direction": "regional", "sip_trunk_id": 2, "dial_number_id": 2},
    ],
    "users": [
        {"id": 1, "number": "101", "dial_number_id": 1},
        {"id": 2, "number": "102", "dial_number_id": 2, "callgroup_id": 1},
        {"id": 3, "number": "103"},
    ],
    "callgroups": [{"id": 1, "name": "sales"}],
    "queues": [{"id": 1, "name": "support"}],
    "queue_members": [{"queue_id": 1, "user_id": 3}, {"queue_id": 1, "user_id": 2}],
    "incoming_routes": [
        {"dial_number_id": 1, "kind": "user", "target": "101"},
        {"dial_number_id": 2, "kind": "queue", "target": "support"},
    ],
}
"""A tenant as the tables of its database."""


def tenant(**tables: Any) -> VpbxConfig:
    """The tenant with some tables replaced."""
    return VpbxConfig.model_validate({**TENANT, **tables})


def changed(table: str, row: int, **columns: Any) -> VpbxConfig:
    """The tenant with some columns of one row replaced; None takes a column out."""
    rows = [dict(one) for one in TENANT[table]]
    rows[row] |= columns
    rows[row] = {name: value for name, value in rows[row].items() if value is not None}
    return tenant(**{table: rows})
