"""How long the state machines of the tests run: a little in every run of the tests, long with ``make invariants``."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
TIMES = int(os.environ.get("SORM_TEST_LONGER", "50"))
"""How many times as many examples the long profile takes."""


def machine_settings(examples: int, steps: int) -> settings:
    """Settings of a state machine: ``examples`` of ``steps`` each; with the long profile more, and twice as long."""
    return settings(
        max_examples=examples * TIMES if LONG else examples,
        stateful_step_count=steps * 2 if LONG else steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
