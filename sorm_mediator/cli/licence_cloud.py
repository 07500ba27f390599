"""The stand-in of the licence cloud as a program, apart from its command, whose ``--help`` needs no server."""

from __future__ import annotations

import time
from pathlib import Path

from sorm_mediator.cli.serving import serve
from sorm_mediator.errors import BoxError
from sorm_mediator.switch.smart.cloud import LicenceCloud
from sorm_mediator.web.licence_cloud import CloudServer


def write_root(cloud: LicenceCloud, root: Path) -> None:
    """Write the root certificate. Raises :class:`BoxError`."""
    try:
        root.write_text(cloud.root_pem, encoding="utf-8")
    except OSError as error:
        raise BoxError(f"--root: {root}: {error.strerror}") from None


async def serve_cloud(cloud: LicenceCloud, port: int, root: Path, ready_path: Path | None = None) -> None:
    """Serve a cloud until SIGTERM or Ctrl-C. ``root``: where its certificate is.

    Raises :class:`BoxError` when it can't listen.
    """
    server = CloudServer(cloud, time.time, port)

    async def start() -> dict[str, object]:
        return {"url": await server.start(), "token": cloud.token, "root": str(root)}

    await serve(start, server.stop, ready_path)
