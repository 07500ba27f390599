"""What the mediator is doing, as JSON for people and monitoring. Never a password is among it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from protocol import COMMANDS, Channel, Message, UnknownUnit
from protocol.jsonform import to_json
from protocol.messages import Command
from sorm_mediator.journal.masking import MASK, masked_unit, why_masked

if TYPE_CHECKING:
    from protocol import Problem
    from protocol.values import Ksl
    from sorm_mediator.mediator.binding.gateway import Gateway
    from sorm_mediator.mediator.core.calls.legs import Call, Leg
    from sorm_mediator.mediator.core.tables import ControlledObject, Line


def gateway_status(gateway: Gateway) -> dict[str, Any]:
    """State, numbers of things, channels, links and counters."""
    core, mediator = gateway.core, gateway.config.mediator
    tables = core.tables
    return {
        "orm_number": core.orm_number,
        "order": mediator.order,
        "state": "started" if tables.started else "stopped",
        "pair_in_use": core.channels.in_use,
        "serving": gateway.serving,
        "uptime": gateway.uptime,
        "objects": len(tables.objects),
        "ksl_groups": len(tables.groups),
        "ksl": len(tables.group_of),
        "lines_in_use": core.pool.in_use,
        "calls": len(core.calls),
        "channels": gateway.channel_rows(),
        "switch": gateway.link.status() if gateway.link else None,
        "radius": {"address": gateway.radius_address, "counters": gateway.sink.status()},
        "speech": None if gateway.e1 is None else gateway.e1.speech(),
        "limits": {
            message: {"limit_ms": gateway.limits.limits[message], **asdict(measured)}
            for message, measured in gateway.limits.measured.items()
        },
        "journal": _journal(gateway),
        "counters": dict(core.counters + gateway.counters),
    }


def _journal(gateway: Gateway) -> dict[str, Any] | None:
    journal = gateway.journal
    if journal is None:
        return None
    return {"entries": journal.head.seq, "head": journal.head.hash, "seal_errors": journal.seal_errors}


def ksl_rows(gateway: Gateway) -> list[dict[str, Any]]:
    """Every line of every group, by group and line, and who has it; a group without lines is one row."""
    lines = gateway.core.pool
    rows = []
    for number, group in sorted(gateway.core.tables.groups.items()):
        for line in group.lines or (None,):
            owner = lines.owner(line) if line else None
            rows.append(
                {
                    "ksl_group": number,
                    "group_type": str(group.group_type),
                    "ksl_a": _ksl(line.ksl_a if line else None),
                    "ksl_b": _ksl(line.ksl_b if line else None),
                    "state": _line_state(line, owner, lines.faulty),
                    "call_number": owner.call_number if owner else None,
                    "object_number": owner.object.object_number if owner else None,
                }
            )
    return rows


def _line_state(line: Line | None, owner: Leg | None, faulty: set[Ksl]) -> str:
    if line is None:
        return "none"
    if not faulty.isdisjoint(line.ksls):
        return "faulty"
    return "in-use" if owner else "free"


def _ksl(ksl: Ksl | None) -> dict[str, int] | None:
    return None if ksl is None else {"stream": ksl.stream, "ksl": ksl.ksl}


def object_row(row: ControlledObject, line_state: int | None) -> dict[str, Any]:
    """One object under control, by the names of message 23h."""
    return {
        "object_number": row.object_number,
        "object_type": str(row.object_type),
        "number_sign": _text(row.number_sign),
        "number": _text(row.number),
        "trunk": row.trunk,
        "category": str(row.category),
        "ksl_group": row.ksl_group,
        "priority": _text(row.priority),
        "line_state": line_state,
    }


def _text(value: str | None) -> str | None:
    return None if value is None else str(value)


def call_row(call: Call) -> dict[str, Any]:
    """One call that touches objects, and what the console was told for each of them."""
    report = call.report
    return {
        "call": report.call_id,
        "domain": report.domain,
        "call_number": call.number,
        "calling": report.calling.digits,
        "called": report.called.digits,
        "setup_time": report.setup_time,
        "answer_time": report.answer_time,
        "objects": [
            {
                "object_number": leg.object.object_number,
                "call_number": leg.call_number,
                "selection": leg.selection(leg.line),
                "ksl_a": _ksl(leg.line.ksl_a if leg.line else None),
                "ksl_b": _ksl(leg.line.ksl_b if leg.line else None),
                "told": {"number-received": leg.received, "answer": leg.answered, "services": leg.services},
            }
            for leg in call.legs.values()
        ],
    }


def command_name(raw: bytes) -> str | None:
    """The name of the command that a unit begins as; None when it is none that is known."""
    return next((kind.message_name for kind in COMMANDS if raw[2:3] == bytes([kind.code])), None)


def shown_unit(
    direction: str,
    channel: Channel,
    message: Message | UnknownUnit,
    raw: bytes,
    problems: tuple[Problem, ...] = (),
) -> dict[str, Any]:
    """A unit that crossed a channel: ``decode --json``'s form, with what may be a password in commands masked."""
    document = to_json(message, raw)
    if channel is Channel.COMMAND:
        masked = why_masked(raw, problems, whole=isinstance(message, Command))
        document["hex"] = masked_unit(raw, masked)
        document.pop("octets", None)
        fields = document["fields"]
        for name in fields:
            if name in ("password", "new_password") or (masked and name != "length"):
                fields[name] = MASK
        if masked:
            document["masked"] = masked
    return {"direction": direction, "unit": document}
