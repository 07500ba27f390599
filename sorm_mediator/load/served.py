"""Where the mediator of a load is: a lab that runs, or one that is started for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

import tomlkit

from sorm_mediator.addresses import host_port, split_host_port
from sorm_mediator.config import Config, is_loopback
from sorm_mediator.config.outside import load_lab
from sorm_mediator.config.written import plain, write_file
from sorm_mediator.console.target import RunTarget
from sorm_mediator.lab.lab import on_free_ports
from sorm_mediator.lab.processes import BoxProcess
from sorm_mediator.lab.targets import listens_at, runs_already, toward, web_url
from sorm_mediator.language import Lang

SECRET: Final = "SORM_RADIUS_SECRET"  # noqa: S105 - the name of a variable
"""The variable of the environment with the secret of ``--radius``."""


class Place(Protocol):
    """The options that tell where the mediator is."""

    @property
    def config(self) -> Path | None:
        """Its lab file."""

    @property
    def host(self) -> str:
        """Its address; "": that of the lab file."""

    @property
    def kpd1(self) -> int:
        """0: that of the lab file."""

    @property
    def kpd2(self) -> int:
        """0: that of the lab file."""

    @property
    def web(self) -> str:
        """The URL; "": that of the lab file."""

    @property
    def radius(self) -> str:
        """``host:port`` of the sink; "": that of the lab file."""

    @property
    def lang(self) -> str:
        """The language of answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A lab that runs: its console, where reports go, and the process, if it was started here."""

    target: RunTarget
    config: Config
    name: str
    radius: str
    web: str
    pid: int | None = None
    """None: it was not started here."""

    def secret(self) -> str:
        """The secret of reports from this machine."""
        own = os.environ.get(SECRET, "")
        secrets = self.config.radius.clients
        host = split_host_port(self.radius)[0]
        named = secrets.get("127.0.0.1") if is_loopback(host) else None
        return own or (named or self.config.radius.secret).get_secret_value()


@asynccontextmanager
async def served(settings: Place) -> AsyncIterator[Served]:
    """The lab of the settings: the one that runs, or one of its own in a process of its own.

    Raises :class:`ConfigError`, :class:`BoxError`, :class:`ConnectError`.
    """
    config = load_lab(settings.config)
    elsewhere = settings.host or settings.kpd1 or settings.web
    if settings.config is not None and not elsewhere and not await runs_already(config):
        async with own_lab(config, str(settings.config), cast(Lang, settings.lang)) as found:
            yield found
        return
    host = settings.host or listens_at(config.console.host)
    kpd1, kpd2 = settings.kpd1 or config.console.kpd1_port, settings.kpd2 or config.console.kpd2_port
    web = settings.web or web_url(config, settings.host)
    radius = settings.radius or host_port(settings.host or listens_at(config.radius.host), config.radius.port)
    async with toward(config, host, kpd1, kpd2, web=web, lang=cast(Lang, settings.lang)) as target:
        yield Served(target=target, config=config, name=host_port(host, kpd1), radius=radius, web=web)


@asynccontextmanager
async def own_lab(config: Config, name: str, lang: Lang = "en") -> AsyncIterator[Served]:
    """The lab of a file on free ports, over TCP, in a process of its own, with tables and journal in a folder beside.

    Raises :class:`BoxError`.
    """
    with tempfile.TemporaryDirectory(prefix="sorm-load-") as folder:
        file = Path(folder) / "lab.toml"
        write_lab(config, file)
        async with BoxProcess("lab", file, log=("--log-level", "error")) as box:
            ends = box.endpoints
            host, kpd1 = split_host_port(ends["kpd1"])
            kpd2, web = split_host_port(ends["kpd2"])[1], f"http://{ends['web']}"
            async with toward(config, host, kpd1, kpd2, web=web, lang=lang) as target:
                yield Served(
                    target=target, config=config, name=name, radius=ends["radius"], web=web, pid=box.pid
                )


def write_lab(config: Config, file: Path) -> None:
    """A lab file of its own: its ports are free ones, its tables are beside it."""
    config = on_free_ports(config.model_copy(update={"e1": ()}))
    if config.switch is not None:
        config = config.model_copy(update={"switch": config.switch.in_memory()})
    document = plain(config)
    document["console"]["link"] = "tcp"
    document["mediator"] |= {"state": "state.db", "journal": "journal.db" if config.mediator.journal else ""}
    for domain in document.get("switch", {}).get("domains", ()):
        domain["contexts"] = [str((config.directory / one).resolve()) for one in domain["contexts"]]
    write_file(file, tomlkit.dumps(document))
