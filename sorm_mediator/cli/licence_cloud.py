"""The stand-in of the licence cloud as a program, apart from its command, whose ``--help`` needs no server."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path

from sorm_mediator.errors import BoxError
from sorm_mediator.ready import ready_file
from sorm_mediator.switch.smart.cloud import LicenceCloud
from sorm_mediator.web.licence_cloud import CloudServer

log = logging.getLogger("sorm_mediator")


def write_root(cloud: LicenceCloud, root: Path) -> None:
    """Write the root certificate. Raises :class:`BoxError`."""
    try:
        root.write_text(cloud.root_pem, encoding="utf-8")
    except OSError as error:
        raise BoxError(f"--root: {root}: {error.strerror}") from None


async def serve(cloud: LicenceCloud, port: int, root: Path, ready_path: Path | None = None) -> None:
    """Serve a cloud, print the ready line, and wait for SIGTERM or Ctrl-C. ``root``: where its certificate is.

    Raises :class:`BoxError` when it can't listen.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = CloudServer(cloud, time.time, port)
    with ready_file(ready_path) as ready_too:
        url = await server.start()
        try:
            ready = {"ready": True, "url": url, "token": cloud.token, "root": str(root)}
            ready_too.write(json.dumps(ready))
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            await stop.wait()
            log.info("stopping")
        finally:
            await server.stop()
