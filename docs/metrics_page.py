"""The page of the metrics, from their declarations."""

from __future__ import annotations

from sorm_mediator.web.metrics import SHOWN

_TOP = """\
# Metrics

`GET /metrics` of each box has these for Prometheus, and `process_...` of the process (Linux).
[Monitoring](monitoring.md) says how they are collected and shown. A box has the metrics of what it is: those of the
mediator, of the switch, or both. A counter begins with 0 when its box starts; one that has not counted yet may be
absent.

A metric marked * tells how many calls are intercepted. A switch that has no mediator in its process does not show it
(order 268, rule 6).

| metric | kind | labels | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [
        f"| `{shown.sample}`{' *' if shown.revealing else ''} | {shown.kind} "
        f"| {', '.join(f'`{label}`' for label in shown.labels)} | {shown.text} |\n"
        for shown in SHOWN
    ]
    return _TOP + "".join(rows)
