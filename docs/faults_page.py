"""The parameters of a fault, from their declaration."""

from __future__ import annotations

from sorm_mediator.faults.order import OF_LINKS, TAKES, FaultOrder


def parameters() -> str:
    """A table: parameter, actions that have it, links, meaning."""
    rows = ["| parameter | of the actions | of the links | meaning |", "|---|---|---|---|"]
    for name, field in FaultOrder.model_fields.items():
        if name in ("link", "action"):
            continue
        actions = [action for action, taken in TAKES.items() if name in taken]
        shown = (
            "all but " + ", ".join(sorted(TAKES.keys() - set(actions)))
            if len(actions) > 4
            else ", ".join(actions)
        )
        links = ", ".join(OF_LINKS.get(name, ())) or "all"
        meaning = " ".join((field.description or "").split())
        rows.append(f"| `{field.alias or name}` | {shown} | {links} | {meaning} |")
    return "\n".join(rows)
