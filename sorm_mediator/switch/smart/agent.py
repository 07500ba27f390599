"""The smart licence in the switch: its grounds of admission, its exchange with the licence cloud, and its log.

The client (:mod:`.client`) and the check of calls per second (:mod:`.cps`) decide; here are the clock and HTTP.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sorm_mediator.config import ConfigError
from sorm_mediator.config.switch import SmartLicenceConfig
from sorm_mediator.config.written import write_file
from sorm_mediator.errors import BoxError
from sorm_mediator.language import Phrase
from sorm_mediator.sqlite import move_aside
from sorm_mediator.switch.admission import Admission, Attempt, Refusal
from sorm_mediator.switch.smart import messages as m
from sorm_mediator.switch.smart import state
from sorm_mediator.switch.smart.client import Request, RequestKind, SmartClient
from sorm_mediator.switch.smart.cloud import LicenceCloud
from sorm_mediator.switch.smart.cps import CALLS_PER_LICENCE, CpsCheck, InstantCheck, WindowCheck
from sorm_mediator.switch.smart.modes import REFUSES
from sorm_mediator.texts import one_line, short

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

MOST_WAIT: Final = 1.0
"""Seconds until the clock is looked at again: a clock of the lab may run faster than that of the machine."""
ANSWER_WITHIN: Final = 10.0
"""Seconds for the whole answer of the cloud, however it comes."""
MOST_ANSWER: Final = 64 * 1024
"""Octets of an answer."""
MOST_STATE: Final = 64 * 1024
"""Octets of a state file."""
KEPT_LINES: Final = 1000
"""Lines of the log that are kept for the shell."""


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that was refused for too many calls per second."""

    time: float
    """Unix seconds."""
    domain: str
    a: str
    b: str
    reason: str


def cps_check(config: SmartLicenceConfig, now: float) -> CpsCheck:
    """The check of calls per second, of the time from ``now`` on."""
    limit = CALLS_PER_LICENCE * config.count
    if config.cps_mode == "instant":
        return InstantCheck(limit, now)
    return WindowCheck(
        limit, now, window=config.cps_window, snapshot=config.cps_snapshot, first=config.cps_first_window
    )


class SmartStateFile:
    """The file of what a switch keeps over a restart. It has a private key, so it is for its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._key = "switch.smart_licence.state_file"

    def load(self, now: float) -> tuple[state.KeptLicence | None, str]:
        """What is kept; None: nothing is. A damaged file is moved aside, and the text tells of it; "": there was none.

        Raises :class:`BoxError` for a file that can't be read or moved.
        """
        try:
            with self.path.open("rb") as file:
                octets = file.read(MOST_STATE)
            return state.read(octets), ""
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            raise BoxError(f"{self._key}: {self.path}: can't be read: {error.strerror or error}") from None
        except state.DamageError as damage:
            try:
                aside = move_aside(self.path, now)
            except OSError as error:
                raise BoxError(
                    f"{self._key}: {self.path}: is damaged ({damage}) and can't be moved aside: "
                    f"{error.strerror or error}"
                ) from None
            return None, f"{self.path}: the file was damaged ({damage}) and moved aside to {aside.name}"

    def write(self, kept: state.KeptLicence) -> None:
        """Replace the file as a whole. Raises :class:`BoxError`."""
        try:
            write_file(self.path, state.written(kept))
        except OSError as error:
            raise BoxError(f"{self._key}: {self.path}: can't be written: {error.strerror or error}") from None


class SmartAgent:
    """The smart licence of a switch: :meth:`start` it, :meth:`stop` it.

    clock: Unix seconds that never step back. directory: where paths of the lab file start. kept: failed calls that are
    kept. Raises :class:`ConfigError` for a root certificate or a log that can't be used.
    """

    def __init__(
        self,
        config: SmartLicenceConfig,
        admission: Admission,
        clock: Callable[[], float],
        *,
        directory: Path = Path(),
        kept: int = 1000,
    ) -> None:
        self.config = config
        self._clock = clock
        self._state_file = SmartStateFile(directory / config.state_file) if config.state_file else None
        self._log_file = directory / config.log if config.log else None
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        """The last lines of the log."""
        self.client = SmartClient(config, clock(), noted=self._note)
        self.cps = cps_check(config, clock())
        self.failed_calls: deque[FailedCall] = deque(maxlen=kept)
        self.counters: Counter[str] = Counter()
        """Calls by the ground that refused them."""
        self.cloud: LicenceCloud | None = None
        """The lab's own stand-in; None: the cloud is elsewhere."""
        self._http: httpx.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._exchanging = asyncio.Lock()
        self._settled = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()
        if config.server:
            self.client.root = _root_of(directory / config.root)
        if self._log_file is not None:
            try:
                self._log_file.open("a", encoding="utf-8").close()
            except OSError as error:
                raise ConfigError(f"switch.smart_licence.log: {self._log_file}: {error.strerror}") from None
        admission.grounds += [self._why_mode, self._why_rate]
        admission.watchers.append(self._offered)

    # --- admission

    def _why_mode(self, _attempt: Attempt, now: float) -> Phrase | None:
        return self.client.why_refused(now)

    def _why_rate(self, _attempt: Attempt, now: float) -> Phrase | None:
        if not self.cps.refuses(now):
            return None
        told = Phrase(
            "{mean:g} calls/s are more than the smart licence allows: {limit:g} calls/s, {count} licences of {each}",
            mean=round(self.cps.mean(now), 2),
            limit=self.cps.limit,
            count=self.config.count,
            each=CALLS_PER_LICENCE,
        )
        return Refusal(told, self.config.cps_reject)

    def _offered(self, attempt: Attempt, now: float, reason: Phrase | None) -> None:
        self.cps.offered(now)
        if reason is None:
            return
        if reason is REFUSES.get(self.client.mode):
            self.counters["calls refused: mode"] += 1
        if not isinstance(reason, Refusal):  # another ground of the switch
            return
        self.counters["calls refused: rate"] += 1
        if self.config.failed_call_log:
            self.failed_calls.append(
                FailedCall(now, attempt.domain.name, attempt.calling, attempt.called, reason)
            )

    # --- the exchange with the cloud

    def use_cloud(self, url: str, cloud: LicenceCloud) -> None:
        """Use the lab's own stand-in."""
        self.cloud = cloud
        cloud.have(self.config.purchased, self.config.other_counts)
        self.client.server, self.client.root = url, cloud.root
        self.client.token = self.client.token or cloud.token
        self._wake.set()

    def resume(self) -> None:
        """Go on with what the last run has kept. To be called before :meth:`start`, with the cloud known.

        A first run writes its state at once, so that the evaluation never begins anew. Raises :class:`BoxError` for a
        state file that can't be used.
        """
        if self._state_file is None:
            return
        now = self._clock()
        kept, damage = self._state_file.load(now)
        if damage:
            log.error("switch.smart_licence.state_file: %s; the evaluation begins anew", damage)
            self._note(f"state lost:{damage}")
        if kept is not None:
            self.client.resume(kept, now)
        self._state_file.write(self.client.kept(now))

    def _keep(self) -> None:
        """Write the state; without a state file nothing is written."""
        if self._state_file is None:
            return
        try:
            self._state_file.write(self.client.kept(self._clock()))
        except BoxError as error:
            log.error("%s", error)  # noqa: TRY400 - the text says all

    def follow(self, config: SmartLicenceConfig) -> None:
        """Other counts are configured: the limit follows at once, and a registered switch has its count authorised."""
        if config == self.config:
            return
        self.config = self.client.config = config
        self.cps.limit = CALLS_PER_LICENCE * config.count
        if self.cloud is not None:
            self.cloud.have(config.purchased, config.other_counts)
        if self.client.registration is not None:
            self.ask_soon("authorise")

    async def asked(self) -> None:
        """Wait until what :meth:`ask_soon` asks is answered."""
        await asyncio.gather(*self._asking, return_exceptions=True)

    def start(self) -> None:
        """Register and authorise when it is due, from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="smart licence")

    async def stop(self) -> None:
        """End the exchange. Safe to call again."""
        tasks = [*self._asking, *([] if self._task is None else [self._task])]
        self._task = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()
        self._keep()

    def ask_soon(self, kind: RequestKind, token: str = "") -> None:  # nosec B107 # the one that it has
        """Ask the cloud without waiting for the result, which the log has."""

        async def ask() -> None:
            try:
                await self.ask(kind, token)
            except m.MessageError as error:
                self._note(f"{kind} failed:{error}")

        task = asyncio.get_running_loop().create_task(ask(), name="smart licence request")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def settled(self) -> None:
        """Wait until what is due at the start was asked; without a cloud, and on demand alone, nothing is."""
        if self.client.root is not None and self.config.register_at_start:
            try:
                await asyncio.wait_for(self._settled.wait(), ANSWER_WITHIN)
            except TimeoutError:
                log.warning("smart licence: the licence cloud has not answered in %g s", ANSWER_WITHIN)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            now = self._clock()
            async with self._exchanging:
                request = self.client.due(now)
                if request is not None:
                    await self._exchange(request)
                    continue
            if self.client.root is not None:
                self._settled.set()
            deadline = self.client.next_deadline()
            wait = MOST_WAIT if deadline is None else min(MOST_WAIT, max(0.01, deadline - now))
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                continue

    async def ask(self, kind: RequestKind, token: str = "") -> str:  # nosec B107 # the one that it has
        """Ask the cloud now; why it did not grant it, "" when it did. After a registration the count is authorised.

        Raises :class:`~sorm_mediator.switch.smart.messages.MessageError` when it can't be asked.
        """
        async with self._exchanging:
            why = await self._exchange(self.client.begin(kind, self._clock(), token))
            if kind == "register" and not why:
                why = await self._exchange(self.client.begin("authorise", self._clock()))
        self._wake.set()
        return why

    async def _exchange(self, request: Request) -> str:
        url = f"{self.client.server.rstrip('/')}/{request.kind}"
        try:
            document, why = await self._post(url, request.document)
        except asyncio.CancelledError:
            self.client.unanswered(request, "the switch was stopped", self._clock())
            raise
        now = self._clock()
        client = self.client
        why = client.unanswered(request, why, now) if why else client.answered(request, document, now)
        self._keep()
        if why:
            log.warning("smart licence: %s: %s", request.kind, why)
        else:
            log.info("smart licence: %s: granted; %s", request.kind, self.client.mode.value)
        return why

    async def _post(self, url: str, document: dict[str, Any]) -> tuple[Any, str]:
        """The answer, or why there is none."""
        import httpx  # takes tenths of a second; a switch without a smart licence needs none

        if self._http is None:
            self._http = httpx.AsyncClient(
                timeout=ANSWER_WITHIN, trust_env=False, headers={"accept-encoding": "identity"}
            )
        try:
            async with asyncio.timeout(ANSWER_WITHIN), self._http.stream("POST", url, json=document) as reply:
                octets = b""
                async for part in reply.aiter_raw():  # not unpacked: a few octets may become very many
                    octets += part
                    if len(octets) > MOST_ANSWER:
                        return None, Phrase("{url}: its answer is too long", url=url)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            why = short(one_line(str(error) or type(error).__name__))
            return None, Phrase("{url}: the licence cloud is not reached: {why}", url=url, why=why)
        if reply.status_code != httpx.codes.OK:
            return None, Phrase(
                "{url}: the licence cloud answers HTTP {status}", url=url, status=reply.status_code
            )
        try:
            return json.loads(octets), ""
        except (ValueError, RecursionError):
            return None, Phrase("{url}: its answer is no JSON", url=url)

    def _note(self, text: str) -> None:
        """A line of the log."""
        at = datetime.fromtimestamp(self._clock(), UTC)
        line = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d} DEBUG smart_agent - {one_line(text)}"
        self.lines.append(line)
        if self._log_file is None:
            return
        try:
            with self._log_file.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            log.error("switch.smart_licence.log: %s: %s", self._log_file, error.strerror)  # noqa: TRY400 - one line

    # --- what is shown

    def summary(self) -> dict[str, str]:
        """The License Summary."""
        return self.client.summary(self._clock())

    def status(self) -> dict[str, Any]:
        """Numbers and states, for monitoring."""
        now = self._clock()
        self.client.advance(now)
        found: dict[str, Any] = {
            "mode": self.client.mode.value,
            "client_state": self.client.state.value,
            "evaluation_left": self.client.evaluation_left(now),
            "count": self.config.count,
            "cps": {"mean": self.cps.mean(now), "limit": self.cps.limit, "refusing": self.cps.refuses(now)},
            "counters": {**self.client.counters, **self.counters},
        }
        if self.client.authorisation is not None:
            found["authorised_until"] = self.client.authorisation.ends
        if self.cloud is not None:
            usage = self.cloud.usage()
            found["usage"] = {"quantity": usage.quantity, "in_use": usage.in_use}
            found["cloud"] = dict(self.cloud.counters)
        return found


def _root_of(path: Path) -> m.Certificate:
    """The root certificate of a cloud elsewhere. Raises :class:`ConfigError`."""
    try:
        return m.certificate_of(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"switch.smart_licence.root: {path}: can't be read: {why}") from None
    except m.MessageError as error:
        raise ConfigError(f"switch.smart_licence.root: {error}") from None
