"""A lab: the boxes of one lab file, wired to each other over real sockets, started and stopped as one.

The order of the start follows the addresses: first the switch's SSH server (the mediator pins its host key),
then the mediator (the switch reports to its RADIUS sink), then the web.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import urlsplit

from sorm_mediator.addresses import host_port, split_host_port
from sorm_mediator.capture.boxes import BoxCapture
from sorm_mediator.config import Config, ConfigError, E1Config, LapbConfig, SshConfig, X25Config, is_loopback
from sorm_mediator.errors import BoxError
from sorm_mediator.lab.checks import (
    check_references,
    file_warnings,
    knows_own_mediator,
    login_problem,
    node_warnings,
)
from sorm_mediator.lab.faults import LabFaults
from sorm_mediator.lab.jobs import LabJobs, Missing, folder_of
from sorm_mediator.lab.settings import LabSettings
from sorm_mediator.mediator.binding.gateway import Gateway
from sorm_mediator.mediator.binding.troubles import refused_by_switch
from sorm_mediator.switch.box import SwitchBox, SwitchPlace
from sorm_mediator.web.app import configure_app, create_app
from sorm_mediator.web.server import WebServer
from ssh_control.client import LinkState

if TYPE_CHECKING:
    from e1.carriers.carrier import Carrier  # numpy, which TCP can do without
    from sorm_mediator.switch.smart.cloud import LicenceCloud


log = logging.getLogger(__name__)

SWITCH_WITHIN = 5.0
"""Seconds that a lab waits for its mediator to log in to its switch before it calls itself ready."""

_TRYING = {LinkState.IDLE, LinkState.CONNECTING}
_NOT_UP = {*_TRYING, LinkState.BACKING_OFF}

Boxes = Literal["lab", "gateway", "switch"]


def changed(config: Config, tables: Mapping[str, Mapping[str, object]]) -> Config:
    """The same lab with these values of these tables."""
    update = {name: getattr(config, name).model_copy(update=values) for name, values in tables.items()}
    return config.model_copy(update=update)


def on_free_ports(config: Config) -> Config:
    """The same lab with every listening port 0, so that any number of labs can run at the same time."""
    tables: dict[str, dict[str, object]] = {
        "console": {"kpd1_port": 0, "kpd2_port": 0},
        "radius": {"port": 0},
        "web": {"port": 0},
        "rtp": {"port": 0},
    }
    # The address of the other end is that of the packets received.
    streams = tuple(_on_port(stream, 0).model_copy(update={"remote": ""}) for stream in config.e1)
    if config.switch is not None:
        # A domain with this mediator's port of the file must use the new port, which is the default.
        domains = tuple(
            domain.model_copy(update={"radius_servers": None})
            if knows_own_mediator(domain, config)
            else domain
            for domain in config.switch.domains
        )
        network = config.switch.licence_network
        if network.listen:
            anywhere = host_port(split_host_port(network.listen)[0], 0)
            network = network.model_copy(update={"listen": anywhere})
        switch = {"ssh_port": 0, "domains": domains, "licence_network": network}
        tables |= {"switch": switch, "ssh": {"port": 0}}
    return changed(config.model_copy(update={"e1": streams}), tables)


class Lab:
    """The boxes of a lab file. ``async with Lab(config) as lab`` starts and stops them.

    ``boxes`` chooses: all of them, the mediator alone, or the switch alone. ``capture`` records what crosses.
    ``missing`` tells why a script can't hold in a lab, as :func:`sorm_mediator.replay.fitting.missing` does.
    Raises :class:`BoxError` or :class:`~sorm_mediator.config.ConfigError` with key, value and remedy.
    """

    def __init__(
        self,
        config: Config,
        *,
        boxes: Boxes = "lab",
        name: str = "configuration",
        capture: BoxCapture | None = None,
        missing: Missing | None = None,
    ) -> None:
        check_references(config, name)
        if boxes == "switch" and config.switch is None:
            raise BoxError(f"{name}: switch: a [switch] table with its domains is needed to run the switch")
        self.config = config
        self._name = name
        self._capture = capture
        self._missing = missing
        self.switch: SwitchBox | None = None
        if config.switch is not None and boxes != "gateway":
            try:
                self.switch = SwitchBox(config, capture=capture)
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None
        self.gateway: Gateway | None = None
        self.endpoints: dict[str, str] = {}
        self.link_problem = ""
        """Why the mediator has no link to its switch; "" when it has, or as long as it was not tried."""
        self._with_gateway = boxes != "switch"
        self.faults = LabFaults(self)
        """The faults that were ordered over HTTP."""
        self._switch_place: SwitchPlace | None = None
        """Of a switch that has ended."""
        self._cloud: tuple[str, LicenceCloud] | None = None
        """The URL of the lab's own licence cloud, and the cloud."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def web_url(self) -> str:
        """The address of the HTTP API, such as ``http://127.0.0.1:8080``."""
        return f"http://{self.endpoints['web']}"

    def warnings(self) -> list[str]:
        """What is doubtful in the lab file, as ``config check`` tells it, a line each.

        Hosts are looked up, which may take seconds.
        After the start also why the mediator has no link to its switch.
        """
        found = [*file_warnings(self.config)]
        if self.switch is not None:
            found += node_warnings(self.config, self.switch.engine.node)
        if self.link_problem:
            found = [one for one in found if not one.startswith("ssh.user: ")] + [self.link_problem]
        if self.gateway is not None:
            found += [
                f'e1.{number}.line: "memory" is within this process: no console outside reaches the stream; "satop", '
                '"xot" and "serial" do'
                for number, stream in enumerate(self.config.e1)
                if stream.line == "memory"
            ]
        return found

    def carrier(self, stream: int) -> Carrier:
        """The mediator's end of a stream, for the console of a line in memory."""
        assert self.gateway is not None
        assert self.gateway.e1 is not None
        return self.gateway.e1.streams.carrier(stream)

    async def restart_gateway(self) -> None:
        """Stop the mediator and start it again with its ports and tables, as after a power cut."""
        assert self.gateway is not None
        await self.gateway.stop()
        self.faults.end(None, "restart of the gateway")
        self.gateway = self._new_gateway(self._pinned_to_current_ports())
        await self.gateway.start()
        await self.switch_reached()
        self.web_app.state.gateway = self.gateway

    async def end_switch(self) -> None:
        """The switch ends as if killed: its connections, calls and objects are gone."""
        assert self.switch is not None
        self._switch_place = self.switch.place
        await self.switch.stop()
        log.warning("the switch has ended")

    async def start_switch(self) -> None:
        """The switch is there again, with what its lab file says alone: no objects, no calls, and no settings of its
        shell. Raises :class:`BoxError` and :class:`ConfigError`."""
        assert self.switch is not None
        switch = SwitchBox(self.config, capture=self._capture, place=self._switch_place)
        self._use_cloud(switch)
        await switch.start()
        if "multisorm" in self.endpoints:
            switch.await_multisorm()
        self.switch = self.web_app.state.switch = switch
        configure_app(self.web_app, self.config)
        if self.gateway is not None:
            self._report_to_own_mediator(switch)
        else:
            switch.have_faults(self.faults.faults)
        log.warning("the switch is back")

    async def _stop_switch(self) -> None:
        if self.switch is not None:
            await self.switch.stop()

    async def _start_cloud(self, switch: SwitchBox, stack: AsyncExitStack) -> None:
        """Start a stand-in of the licence cloud for a smart licence without another one."""
        settings = switch.config.smart_licence
        if switch.smart is None or settings.server:
            return
        from sorm_mediator.switch.smart.cloud import LicenceCloud
        from sorm_mediator.web.licence_cloud import CloudServer

        cloud = LicenceCloud(
            switch.now(),
            account=settings.account,
            purchased=settings.purchased,
            other_counts=settings.other_counts,
            expiry=settings.auth_expiry,
            retry_interval=settings.retry_interval,
        )
        server = CloudServer(cloud, switch.now)
        url = await server.start()
        stack.push_async_callback(server.stop)
        self.endpoints["licence"] = urlsplit(url).netloc
        self._cloud = url, cloud

    def _use_cloud(self, switch: SwitchBox) -> None:
        if switch.smart is not None and self._cloud is not None:
            switch.smart.use_cloud(*self._cloud)

    async def _start(self, stack: AsyncExitStack) -> None:
        if self.switch is not None:
            await self._start_cloud(self.switch, stack)
            self._use_cloud(self.switch)
            self.endpoints |= await self.switch.start()
            stack.push_async_callback(self._stop_switch)
            if not self._with_gateway:
                self.switch.have_faults(self.faults.faults)
        if self._with_gateway:
            self.gateway = self._new_gateway(self.config)
            self.endpoints |= await self.gateway.start()
            stack.push_async_callback(self._stop_gateway)
            if self.switch is not None:
                self._report_to_own_mediator(self.switch)
        web = self.config.web
        token = web.token.get_secret_value()
        self.web_app = create_app(gateway=self.gateway, switch=self.switch, token=token)
        self.web_app.state.settings = LabSettings(self)
        self.web_app.state.faults = self.faults
        stack.push_async_callback(self.faults.close)
        if self.gateway is not None:
            self.web_app.state.jobs = jobs = LabJobs(self, folder_of(self.config), self._missing)
            stack.push_async_callback(jobs.close)
        server = WebServer(self.web_app, web.host, web.port, web)
        web_host, web_port = await server.start()
        stack.push_async_callback(server.stop)
        self.endpoints["web"] = host_port(web_host, web_port)
        await self.switch_reached()
        if self.switch is not None and self.switch.smart is not None:
            await self.switch.smart.settled()

    async def switch_reached(self) -> None:
        """Wait until the mediator has logged in to its switch, which commands 5 and 6 require.

        The limit is ``SWITCH_WITHIN``. The wait ends when the switch refuses the login. For the switch of
        another box, it ends after the first failed attempt: that switch may start later. The log gives the
        reason of a failure.
        """
        if self.gateway is None:
            return
        undecided = _TRYING if self.switch is None else _NOT_UP
        try:
            async with asyncio.timeout(SWITCH_WITHIN):
                # Polled, since this happens only once, at the start.
                while self.gateway.link is not None and self.gateway.link.state in undecided:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        except TimeoutError:
            log.warning("the mediator has no link to its switch after %g s", SWITCH_WITHIN)
        self.link_problem = self._why_no_link()
        if self.gateway.link is not None and self.gateway.link.refusal is not None:
            log.error("%s", self.link_problem)

    def _why_no_link(self) -> str:
        assert self.gateway is not None
        link = self.gateway.link
        if link is None or link.state is LinkState.UP:
            return ""
        ssh = self.config.ssh
        if link.refusal is None:
            reason = link.status()["reason"]
            where = host_port(ssh.server, ssh.port)
            return f"ssh.server: the mediator has no link to its switch {where} yet: {reason or 'no answer'}"
        # A switch sends only part of the reason; where both boxes are ours, all of it is told.
        own = login_problem(self.config, self.switch.engine.node) if self.switch is not None else ""
        return refused_by_switch(ssh, link, own)

    async def _stop_gateway(self) -> None:
        if self.gateway is not None:
            await self.gateway.stop()

    def as_it_runs(self) -> Config:
        """The settings that hold now, with the ports that the boxes listen on."""
        return self._pinned_to_current_ports()

    def note(self, kind: str, /, **fields: object) -> None:
        """Write an entry of the mediator's journal, if there is one."""
        if self.gateway is not None:
            self.gateway.note(kind, **fields)

    async def configure(self, config: Config) -> None:
        """Take settings that differ only in keys that need no restart (:mod:`sorm_mediator.config.live`).

        Raises :class:`BoxError`, and then nothing has changed.
        """
        before = self.config
        if self.gateway is not None:
            for_gateway, host_key = self._for_gateway(config)
            await self.gateway.configure(for_gateway, switch_host_key=host_key)
        self.config = config
        if self.switch is not None and self.gateway is not None and config.radius != before.radius:
            self._report_to_own_mediator(self.switch)
        configure_app(self.web_app, config)

    def _report_to_own_mediator(self, switch: SwitchBox) -> None:
        sink = split_host_port(self.endpoints["radius"])
        if self._capture is not None:
            self._capture.own_sink = sink
        switch.set_default_radius(sink, self.config.radius.secret.get_secret_value())

    def _new_gateway(self, config: Config) -> Gateway:
        for_gateway, host_key = self._for_gateway(config)
        return Gateway(
            for_gateway, switch_host_key=host_key, capture=self._capture, faults=self.faults.faults
        )

    def _for_gateway(self, config: Config) -> tuple[Config, str | None]:
        """The settings of the mediator with its way to the switch, and the key of a switch of this lab."""
        if self.switch is None:
            if config.ssh.port == 0:
                raise BoxError(
                    f"{self._name}: ssh.port: 0 means the switch of this lab, which is not started: "
                    "give its port, 7777 for a domain, 7778 for a MultiSORM user"
                )
            if not config.ssh.host_key:
                where = host_port(config.ssh.server, config.ssh.port)
                raise BoxError(
                    f"{self._name}: ssh.host_key: empty, and the switch is not of this lab: "
                    f"pin the public key that {where} shows (ssh-keyscan prints it)"
                )
            return config, None
        address = self._way_to_own_switch(config.ssh) if is_loopback(config.ssh.server) else None
        if address is None:
            return config, None
        host, port = split_host_port(address)
        config = changed(config, {"ssh": {"server": host, "port": port}})
        return config, self.switch.public_host_key

    def _way_to_own_switch(self, ssh: SshConfig) -> str | None:
        """The address of this lab's switch for the mediator; None: the mediator uses another switch.

        A user that is not a domain is a MultiSORM user, and may be declared later.
        """
        assert self.switch is not None
        first = self.switch.config.ssh_port
        if ssh.port == 0:
            is_domain = any(ssh.user in (domain.name, domain.login) for domain in self.switch.config.domains)
            config = self.switch.config
            people = {config.admin.user, *(one.user for one in config.admins)}
            multisorm = not is_domain and ssh.user not in people
        else:
            multisorm = ssh.port == (first + 1 if first else self._port_of("multisorm"))
            if not multisorm and ssh.port != self._port_of("ssh"):
                return None
        if multisorm:
            self.endpoints["multisorm"] = self.switch.await_multisorm()
        return self.endpoints["multisorm" if multisorm else "ssh"]

    def _port_of(self, endpoint: str) -> int | None:
        return split_host_port(self.endpoints[endpoint])[1] if endpoint in self.endpoints else None

    def _pinned_to_current_ports(self) -> Config:
        ports = {name: split_host_port(address)[1] for name, address in self.endpoints.items()}
        tables: dict[str, dict[str, object]] = {"radius": {"port": ports["radius"]}}
        streams = self.config.e1
        if "kpd1" in ports:
            tables["console"] = {"kpd1_port": ports["kpd1"], "kpd2_port": ports["kpd2"]}
        if "rtp" in ports:
            tables["rtp"] = {"port": ports["rtp"]}
            streams = tuple(
                _on_port(stream, ports.get(f"e1.{stream.stream}", 0)) for stream in self.config.e1
            )
        return changed(self.config.model_copy(update={"e1": streams}), tables)


def _on_port(stream: E1Config, port: int) -> E1Config:
    return stream.model_copy(update={"local": f"{stream.local.rpartition(':')[0]}:{port}"})


STREAM = E1Config(hold=0.0, lapb=LapbConfig(t1=1.0, t2=0.02), x25=X25Config(window=7))
"""The stream of a lab without streams. A console that disconnects is gone at once, as over TCP. The window
has its maximum, since the line (with its jitter buffers) has more delay than a cable."""


def over_e1(config: Config, link: Literal["x25", "tcp"] = "x25") -> Config:
    """The same lab on free loopback ports with this ``console.link`` and its own streams, or a single one.

    With ``"tcp"`` the streams carry the speech alone.
    """
    streams = tuple(
        stream.model_copy(update={"local": "127.0.0.1:0", "remote": ""}) for stream in config.e1 or (STREAM,)
    )
    return on_free_ports(changed(config.model_copy(update={"e1": streams}), {"console": {"link": link}}))


@contextmanager
def wired(config: Config) -> Iterator[Config]:
    """The same lab with a cable for each serial line without a console's end in the file.

    The ttys of both ends are then pseudo-terminals.
    """
    with ExitStack() as stack:
        yield config.model_copy(update={"e1": tuple(_wired(stream, stack) for stream in config.e1)})


def _wired(stream: E1Config, stack: ExitStack) -> E1Config:
    ports = stream.serial
    if stream.line != "serial" or (ports.console_kpd1 and ports.console_kpd2):
        return stream
    from e1.carriers.serial_line import NullModem

    cables: dict[str, str] = {}
    for name in ("kpd1", "kpd2"):
        cable = NullModem()
        stack.callback(cable.close)
        cables[name], cables[f"console_{name}"] = cable.names
    return stream.model_copy(update={"serial": ports.model_copy(update=cables)})
