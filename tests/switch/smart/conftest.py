"""A licence client and its cloud without a network between them, with simulated time."""

from __future__ import annotations

import random
from typing import Any

from sorm_mediator.config.switch import SmartLicenceConfig
from sorm_mediator.switch.smart import state
from sorm_mediator.switch.smart.client import Request, RequestKind, SmartClient
from sorm_mediator.switch.smart.cloud import LicenceCloud

START = 1_494_337_382.0
"""9 May 2017, 13:43:02 UTC."""
DAY = 86_400.0


class Scene:
    """A switch that registers on demand, unless ``register_at_start``, and a cloud."""

    def __init__(
        self,
        *,
        purchased: int = 30,
        other_counts: tuple[int, ...] = (),
        token: str | None = None,
        **settings: Any,
    ) -> None:
        self.now = START
        retry = settings.get("retry_interval", 43_200)
        self.cloud = LicenceCloud(START, purchased=purchased, other_counts=other_counts, retry_interval=retry)
        self.lines: list[str] = []
        given = {"register_at_start": False, **settings}
        self.client = SmartClient(
            SmartLicenceConfig(**given),
            START,
            noted=self.lines.append,
            choose=random.Random(3),  # noqa: S311 - a serial number
        )
        self.client.root = self.cloud.root
        self.client.token = self.cloud.token if token is None else token

    def send(self, request: Request) -> str:
        """A request and its answer; why it was not granted."""
        ask: Any = {
            "register": self.cloud.register,
            "authorise": self.cloud.authorise,
            "deregister": self.cloud.deregister,
        }
        answer = ask[request.kind](request.document, self.now)
        if answer is None:
            return self.client.unanswered(request, "the licence cloud is not reached", self.now)
        return self.client.answered(request, answer, self.now)

    def ask(self, kind: RequestKind, token: str = "") -> str:
        return self.send(self.client.begin(kind, self.now, token))

    def register(self, token: str = "") -> str:
        return self.ask("register", token)

    def authorise(self) -> str:
        return self.ask("authorise")

    def deregister(self) -> str:
        return self.ask("deregister")

    def run(self, seconds: float) -> None:
        """Let time pass; what is due is asked."""
        end = self.now + seconds
        while (deadline := self.client.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            request = self.client.due(self.now)
            if request is not None:
                self.send(request)
        self.now = end
        self.client.advance(end)

    @property
    def mode(self) -> str:
        return self.client.mode.value

    @property
    def refuses(self) -> bool:
        """Whether calls are refused."""
        return self.client.why_refused(self.now) is not None

    def restart(self, *, other_cloud: bool = False) -> None:
        """The switch starts again with what it has kept."""
        kept = state.read(state.written(self.client.kept(self.now)).encode())
        if other_cloud:
            self.cloud = LicenceCloud(self.now)
        self.client = SmartClient(self.client.config, self.now, noted=self.lines.append)
        self.client.root, self.client.token = self.cloud.root, self.cloud.token
        self.client.resume(kept, self.now)
