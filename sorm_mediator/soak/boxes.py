"""The boxes of a soak, each a process of its own; what they use, and what they write into their logs."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sorm_mediator.addresses import split_host_port
from sorm_mediator.config.outside import load_lab
from sorm_mediator.console.errors import ConnectError
from sorm_mediator.console.target import WebApi
from sorm_mediator.errors import BoxError
from sorm_mediator.lab.processes import BoxProcess, free_udp_port
from sorm_mediator.lab.small import mediator_text, switch_text
from sorm_mediator.lab.targets import toward
from sorm_mediator.language import Phrase
from sorm_mediator.load.served import Served, write_lab
from sorm_mediator.soak.leaks import Measure

SUBSCRIBERS: Final = tuple(str(number) for number in range(28331, 28391))
"""Of the switch of a soak without a lab file."""
AGAINST: Final = "switch, gateway"
"""The name of the boxes of a soak without a lab file."""
ON_DISK: Final = '[mediator]\nstate = "state.db"\njournal = "journal.db"\n'
_TASKS: Final = re.compile(r"^sorm_tasks (\S+)$", re.MULTILINE)
_TROUBLE: Final = re.compile(
    r"Traceback \(most recent call last\)|an error of our own|CRITICAL|never (?:awaited|retrieved)"
)
"""What a log has only where the program itself is wrong."""
LOG: Final = ("--log-level", "warning")


@dataclass(slots=True)
class SoakBox:
    """One process.

    ``samples``: by measure, pairs of seconds and value. ``troubles``: the lines of its log that tell of an error of the
    program itself.
    """

    name: str
    process: BoxProcess
    file: Path
    """Its lab file."""
    log: Path
    web: str
    samples: dict[Measure, list[tuple[float, float]]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    _read: int = 0

    async def sample(self, at: float) -> None:
        """Take a sample. ``at``: seconds since the begin. Raises :class:`BoxError` when the process has ended."""
        found = self._of_process()
        try:
            async with WebApi(self.web) as web:
                _, text = await web.request("GET", "/metrics")
        except ConnectError:
            text = ""  # a fault may stand in the way; the other values are there
        if (tasks := _TASKS.search(str(text))) is not None:
            found["tasks"] = float(tasks[1])
        for measure, value in found.items():
            self.samples.setdefault(measure, []).append((at, value))

    def _of_process(self) -> dict[Measure, float]:
        folder = Path(f"/proc/{self.process.pid}")
        try:
            pages = int((folder / "statm").read_text().split()[1])
            threads = int((folder / "stat").read_text().rpartition(")")[2].split()[17])
            descriptors = len(os.listdir(folder / "fd"))
        except OSError:
            raise BoxError(Phrase("{box} has ended: {log}", box=self.name, log=self.last_words())) from None
        return {
            "memory": float(pages * os.sysconf("SC_PAGE_SIZE")),
            "descriptors": float(descriptors),
            "threads": float(threads),
        }

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "; ".join(lines[-3:]) or "-"

    def read_log(self) -> list[str]:
        """What is new in its log and tells of an error of the program."""
        with self.log.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        found = [line for line in whole.decode("utf-8", "replace").splitlines() if _TROUBLE.search(line)]
        self.troubles += found
        return found


@asynccontextmanager
async def soak_boxes(config: Path | None, folder: Path) -> AsyncIterator[tuple[Served, list[SoakBox]]]:
    """The boxes: switch and mediator apart, or the lab of a file as one process. Their logs are in ``folder``.

    Raises :class:`BoxError`, :class:`ConfigError`.
    """
    async with AsyncExitStack() as stack:
        if config is not None:
            lab_file = folder / "lab.toml"
            write_lab(load_lab(config), lab_file)
            boxes = [await _box(stack, "lab", lab_file, folder)]
        else:
            radius = free_udp_port()
            switch_file, gateway_file = folder / "switch.toml", folder / "mediator.toml"
            switch_file.write_text(switch_text(radius, SUBSCRIBERS))
            switch = await _box(stack, "switch", switch_file, folder)
            gateway_file.write_text(mediator_text(switch.process, radius, ON_DISK))
            boxes = [await _box(stack, "gateway", gateway_file, folder), switch]
        mediator = boxes[0]
        known = load_lab(folder / ("switch.toml" if config is None else "lab.toml"))
        ends = mediator.process.endpoints
        host, kpd1 = split_host_port(ends["kpd1"])
        target = await stack.enter_async_context(
            toward(known, host, kpd1, split_host_port(ends["kpd2"])[1], web=mediator.web)
        )
        yield (
            Served(
                target=target, config=known, name=str(config or AGAINST), radius=ends["radius"],
                web=boxes[-1].web, pid=mediator.process.pid,
            ),
            boxes,
        )  # fmt: skip


async def _box(stack: AsyncExitStack, name: str, file: Path, folder: Path) -> SoakBox:
    log = folder / f"{name}.log"
    errors = stack.enter_context(log.open("wb"))
    process = await stack.enter_async_context(BoxProcess(name, file, log=LOG, errors=errors))
    return SoakBox(name, process, file, log, f"http://{process.endpoints['web']}")
