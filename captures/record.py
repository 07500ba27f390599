"""Record the runs: ``python -m captures.record`` replays every script in its lab and writes ``runs/*.pcapng``.

The recordings are checked by ``tests/console/test_captures.py``; make them anew when a script or the mediator
has changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sorm_mediator.console.session import Settings, run_scripts

FOLDER = Path(__file__).parent


def scripts() -> list[Path]:
    """The scripts that are recorded."""
    return sorted([*FOLDER.glob("scenarios/*.yaml"), *FOLDER.glob("scenarios/vendor/*.json")])


def recording(script: Path) -> Path:
    """Where the run of a script is."""
    kind = "vendor_" if script.suffix == ".json" else ""
    return FOLDER / "runs" / f"{kind}{script.stem}.pcapng"


def main() -> int:
    """Record every run; the worst exit code of them."""
    worst = 0
    for script in scripts():
        code = run_scripts(Settings(scripts=(script,), pcap=recording(script)), write=lambda _: None)
        sys.stdout.write(f"{'recorded' if code == 0 else 'FAILED'}  {recording(script).name}\n")
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    sys.exit(main())
