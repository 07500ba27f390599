"""Boxes as processes of their own, as in a real lab: start, wait until ready, stop."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from sorm_mediator.errors import BoxError

READY_WITHIN = 60.0
"""Seconds for the start of a box, also on a busy machine."""
STOPPED_WITHIN = 10.0
"""Seconds for the end of a box after SIGTERM."""
ENDED_WITHIN = 5.0
"""Seconds for the end of a box that has closed its output before it was ready."""


def free_udp_port() -> int:
    """A UDP port that was free at the check, for two boxes that need each other's port before they start."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BoxProcess:
    """One box (``lab``, ``gateway`` or ``switch``) as a process. ``async with`` starts and stops it.

    Attributes: ``ready`` (the decoded ready line), ``endpoints`` (name -> ``host:port``), ``pid``.
    Raises :class:`BoxError` with the box's stderr when the box does not become ready.
    """

    def __init__(
        self,
        box: str,
        config: Path,
        *,
        log: Sequence[str] = ("--log-level", "warning"),
        errors: BinaryIO | None = None,
        module: Sequence[str] = ("sorm_mediator",),
    ) -> None:
        """``module``: the program, for ``python -m``.

        ``log``: the options of its log, which goes to ``errors``; None: to this process's stderr."""
        options = ("-c", str(config), *log)
        # -P: a file such as protocol.py in the current directory is not taken for a package of the program.
        self._command = [sys.executable, "-P", "-m", *module, box, *options]
        self._name = box
        self._errors = errors
        self.ready: dict[str, object] = {}
        self.endpoints: dict[str, str] = {}

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None: it runs."""
        return self._process.returncode

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process, which stops the box
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(READY_WITHIN):
                line = await self._process.stdout.readline()
            self.ready = json.loads(line)
        except (TimeoutError, ValueError) as error:
            if isinstance(error, ValueError):  # its output is at the end, so it should be ending by itself
                with suppress(TimeoutError):
                    async with asyncio.timeout(ENDED_WITHIN):
                        await self._process.wait()
            code = self._process.returncode
            await self.kill()
            assert self._process.stderr is not None
            output = (await self._process.stderr.read()).decode(errors="replace").strip()
            reason = output or ("it wrote nothing" if code is None else f"it ended with {code}")
            raise BoxError(f"{self._name} did not become ready: {reason}") from None
        except asyncio.CancelledError:
            await self.kill()
            raise
        endpoints = self.ready["endpoints"]
        assert isinstance(endpoints, dict)
        self.endpoints = endpoints
        # The pipe is drained until the end, so that a box with much output never blocks on it.
        self._drain = asyncio.create_task(self._discard_output())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> int:
        """SIGTERM, then wait. Returns the exit code (0 after a clean stop)."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOPPED_WITHIN):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()
        return await self.ended()

    async def ended(self) -> int:
        """Wait until the process ends by itself. Returns the exit code."""
        await asyncio.shield(self._drain)
        return await self._process.wait()

    async def kill(self) -> None:
        """Send SIGKILL, like a power cut."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _discard_output(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        errors = self._errors or sys.stderr.buffer
        await asyncio.gather(self._copy(self._process.stderr, errors), self._copy(self._process.stdout, None))

    @staticmethod
    async def _copy(stream: asyncio.StreamReader, to: BinaryIO | None) -> None:
        while chunk := await stream.read(65536):
            if to is not None:
                to.write(chunk)
                to.flush()
