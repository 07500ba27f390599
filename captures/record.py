"""Record the runs: ``python -m captures.record`` replays every script in its lab and keeps ``runs/*.pcapng``.

No two runs are equal to the octet: ports, moments and the mix of calls that run at the same time differ. A recording
is replaced only when its run says something else, so that history holds no noise. The recordings are checked by
``tests/replay/test_captures.py``.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from protocol import Channel, Options, StreamFramer, Unit
from sorm_mediator.capture.events import Data, Flow
from sorm_mediator.capture.reader import read_input
from sorm_mediator.replay.session import ReplaySettings, run_scripts

FOLDER = Path(__file__).parent

_HEADER = 10
_TIME_OF_CALL = slice(38, 42)
"""Day, hour, minute, second of a call message (order 268, 10.3.1.7, 10.3.1.8)."""
_WHEN_AND_WHO = slice(_HEADER + 1, _HEADER + 45)
"""Time and text of 26h, which names the port of the peer (order 268, 9.6.4)."""
_UNAUTHORIZED_ACCESS = 0x26
_TIME_OF_MESSAGE = slice(_HEADER + 16, _HEADER + 20)
"""Day, hour, minute, second of 2Ch (order 268, 9.12.4)."""
_ELECTRONIC_MESSAGE = 0x2C


def scripts() -> list[Path]:
    """The scripts that are recorded."""
    return sorted([*FOLDER.glob("scenarios/*.yaml"), *FOLDER.glob("scenarios/vendor/*.json")])


def recording(script: Path) -> Path:
    """Where the run of a script is."""
    kind = "vendor_" if script.suffix == ".json" else ""
    return FOLDER / "runs" / f"{kind}{script.stem}.pcapng"


def units(capture: Path) -> list[tuple[Channel, list[bytes]]]:
    """Each direction of each connection that carried something: its channel and units.

    Raises :class:`sorm_mediator.capture.units.CaptureError` when it can't be read, :class:`OSError`.
    """
    flows: dict[Flow, bytearray] = {}
    with capture.open("rb") as stream:
        for event in read_input(stream):
            if isinstance(event, Data):
                flows.setdefault(event.flow, bytearray()).extend(event.data)
    found = []
    for octets in flows.values():
        code = octets[2]
        channel = Channel.COMMAND if code < 0x20 else Channel.KPD2 if code >= 0x40 else Channel.KPD1
        pieces = StreamFramer(channel, Options()).feed(bytes(octets))
        found.append((channel, [piece.raw for piece in pieces if isinstance(piece, Unit)]))
    return found


def essence(capture: Path) -> list[tuple[str, list[bytes]]]:
    """What a run says, without what differs from run to run; events are in order for each object in each call."""
    said = []
    for channel, raws in units(capture):
        plain = [_plain(channel, raw) for raw in raws]
        if channel is Channel.KPD2:
            plain.sort(key=lambda raw: raw[4:9])
        said.append((channel.value, plain))
    return sorted(said)


def _plain(channel: Channel, raw: bytes) -> bytes:
    octets = bytearray(raw)
    if channel is Channel.KPD2 and len(raw) >= _TIME_OF_CALL.stop:
        octets[_TIME_OF_CALL] = bytes(4)
    elif channel is Channel.KPD1 and raw[2] == _UNAUTHORIZED_ACCESS:
        octets[_WHEN_AND_WHO] = bytes(44)
    elif channel is Channel.KPD1 and raw[2] == _ELECTRONIC_MESSAGE:
        octets[_TIME_OF_MESSAGE] = bytes(4)
    return bytes(octets)


def main() -> int:
    """Record what is new; the worst exit code of the runs."""
    worst = 0
    for script in scripts():
        target = recording(script)
        with tempfile.TemporaryDirectory() as folder:
            fresh = Path(folder) / target.name
            code = run_scripts(
                ReplaySettings(scripts=(script,), pcap=fresh, pcap_speech=False), write=lambda _: None
            )
            if code != 0:
                verdict = "FAILED"
            elif target.exists() and essence(target) == essence(fresh):
                verdict = "as before"
            else:
                shutil.copyfile(fresh, target)
                verdict = "recorded"
        sys.stdout.write(f"{verdict:<10} {target.name}\n")
        worst = max(worst, code)
    wanted = {recording(script) for script in scripts()}
    for stray in sorted(set((FOLDER / "runs").glob("*.pcapng")) - wanted):
        stray.unlink()
        sys.stdout.write(f"{'removed':<10} {stray.name}\n")
    return worst


if __name__ == "__main__":
    sys.exit(main())
