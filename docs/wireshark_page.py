"""The generated parts of docs/wireshark.md: the filters and the preferences of the dissector."""

from __future__ import annotations

from protocol.options import CHOICES, Options
from sorm_mediator.wireshark.declarations import OPTIONS, filters


def filter_table() -> str:
    """Every filter with its type."""
    rows = [f"| `{one.name}` | {one.kind} | {one.text} |" for one in filters()]
    return "\n".join(["| filter | type | field |", "|---|---|---|", *rows])


def preference_table() -> str:
    """Every option of the codec as a preference."""
    rows = []
    for name, values in CHOICES.items():
        shown = ", ".join(f"`{str(value).upper() if isinstance(value, bool) else value}`" for value in values)
        default = getattr(Options(), name)
        usual = str(default).upper() if isinstance(default, bool) else default
        rows.append(f"| `sorm.{name}` | {OPTIONS[name]} | {shown} | `{usual}` |")
    rows.append("| `sorm.ports` | TCP ports | ranges | `1001,1002,10001,10002` |")
    rows.append("| `sorm.user0` | LAPB in captures of DLT 147 | `FALSE`, `TRUE` | `TRUE` |")
    return "\n".join(["| preference | is | values | default |", "|---|---|---|---|", *rows])
