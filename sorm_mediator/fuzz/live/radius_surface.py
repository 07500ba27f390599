"""RADIUS: what a switch, a broken switch and a stranger may send to the accounting sink.

The model is the calls that were reported so far: their numbers of reports, what was answered, and the datagrams, which
are sent again. The objects in the reports are those of the fuzzer, never that of the good console.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from radius.packet import report_attributes
from radius.report import CallReport, Match, Party, ServiceUse
from radius.wire import LONGEST, accounting_request
from sorm_mediator.fuzz.finding import Kind
from sorm_mediator.fuzz.live.action import Action, ActionError
from sorm_mediator.fuzz.live.surface import Breach, drawn
from sorm_mediator.fuzz.live.target import Gateway

NAME: Final = "radius"
ANSWERED_WITHIN: Final = 1.0
"""Seconds for the answer to a report that is right. The reporter of the switch repeats after half a second."""
TRIES: Final = 4
"""A datagram may be lost on a busy machine: a report is sent up to so often before it counts as not answered."""
STRANGER: Final = "127.0.0.2"


@dataclass(slots=True)
class _Call:
    call_id: str
    sequence: int = 0
    answered: bool = False
    released: bool = False
    sent: list[bytes] = field(default_factory=list)


IN_FLIGHT: Final = 50
"""Reports of a storm that may be without an answer."""


class _Port(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.news = asyncio.Event()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.answers.append(data)
        del self.answers[:-5000]
        self.news.set()

    async def has(self, count: int, within: float) -> bool:
        """Whether so many answers have come, which is waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while len(self.answers) < count:
                    self.news.clear()
                    await self.news.wait()
        return len(self.answers) >= count


class RadiusSurface:
    """The accounting sink. Ports are ``known`` (an address with a secret) and ``stranger``."""

    name = NAME
    takes_console = False
    changes_tables = False

    def __init__(self, gateway: Gateway, decoy: int, domain: str) -> None:
        """``decoy``: the object under control that the reports name."""
        assert gateway.radius is not None
        self._address = gateway.radius
        self._secret = gateway.secret
        self._decoy = decoy
        self._domain = domain
        self._ports: dict[str, tuple[asyncio.DatagramTransport, _Port]] = {}
        self._calls: list[_Call] = []
        self._count = 0
        self._began = 0

    def begin(self) -> None:
        self._calls = []

    # --- drawing

    def draw(self, rng: random.Random) -> Action:
        kinds = {self._draw_report: 8, self._draw_mangled: 5, self._draw_unsigned: 3, self._draw_random: 2}
        if any(call.sent for call in self._calls):
            kinds |= {self._draw_again: 5, self._draw_storm: 2}
        return drawn(rng, kinds)(rng)

    def _report(self, rng: random.Random) -> tuple[_Call, CallReport]:
        """The next report of a call, or one that does not follow: the number of the report is what counts."""
        running = [call for call in self._calls if not call.released]
        if running and rng.random() < 0.7:
            call = rng.choice(running)
        else:
            call = _Call(f"fuzz-{rng.getrandbits(48):012x}")
            self._calls.append(call)
        call.sequence += rng.choice((1, 1, 1, 2, 0))
        call.sequence = max(1, call.sequence)
        call.answered = call.answered or rng.random() < 0.5
        call.released = rng.random() < 0.4
        at = 1_700_000_000.0
        called = Party(digits="28399", ni="private")
        use = ServiceUse(time=at, code=0x21, phase=4, calling=called, called=called)
        services = (use,) if rng.random() < 0.2 else ()
        return call, CallReport(
            call_id=call.call_id, domain=self._domain, sequence=call.sequence, time=at + call.sequence,
            connection=rng.choice((0x1C, 0, 0xFF)), calling=Party(digits="28398", ni="private"), called=called,
            setup_time=at, answer_time=at + 1 if call.answered else None,
            release_time=at + 9 if call.released else None, release_cause=5 if call.released else None,
            services=services,
            matches=(Match(object_number=self._decoy, role="a", called=called, time=at),),
        )  # fmt: skip

    def _signed(
        self, attributes: bytes, rng: random.Random, secret: bytes | None = None, *, right: bool = False
    ) -> bytes:
        secret = self._secret if secret is None else secret
        attributes = attributes[: LONGEST - 40]
        return accounting_request(
            rng.randrange(256), attributes, secret, message_authenticator=rng.random() < 0.7 or right
        )

    def _draw_report(self, rng: random.Random) -> Action:
        call, report = self._report(rng)
        # With a Message-Authenticator: a sink may ask for it (``radius.require_message_authenticator``).
        data = self._signed(report_attributes(report)[0], rng, right=True)
        call.sent.append(data)
        return Action(NAME, "report", {"port": "known", "hex": data.hex()})

    def _draw_mangled(self, rng: random.Random) -> Action:
        """Signed with the right secret, so the sink reads what is in it."""
        _, report = self._report(rng)
        attributes = bytearray(report_attributes(report)[0])
        match rng.randrange(6):
            case 0:
                attributes[rng.randrange(len(attributes))] = rng.randrange(256)
            case 1:
                del attributes[rng.randrange(len(attributes)) :]
            case 2:
                attributes *= 2
            case 3:
                attributes += bytes((26, 255)) + rng.randbytes(253)
            case 4:
                attributes = bytearray(_absurd(rng, report))
            case _:
                at = rng.randrange(len(attributes))
                attributes[at:at] = rng.randbytes(rng.randrange(1, 30))
        return Action(NAME, "send", {"port": "known", "hex": self._signed(bytes(attributes), rng).hex()})

    def _draw_unsigned(self, rng: random.Random) -> Action:
        _, report = self._report(rng)
        data = bytearray(self._signed(report_attributes(report)[0], rng, b"another secret"))
        match rng.randrange(4):
            case 0:
                data[0] = rng.randrange(256)
            case 1:
                data[2:4] = rng.randbytes(2)
            case 2:
                del data[rng.randrange(len(data)) :]
        port = rng.choice(("known", "stranger"))
        return Action(NAME, "send", {"port": port, "hex": data.hex(), "times": rng.choice((1, 1, 200))})

    def _draw_random(self, rng: random.Random) -> Action:
        data = rng.randbytes(rng.choice((0, 1, 19, 20, 21, 300, 4096, 9000)))
        return Action(NAME, "send", {"port": rng.choice(("known", "stranger")), "hex": data.hex()})

    def _draw_again(self, rng: random.Random) -> Action:
        """The same datagram, as a reporter repeats it that has had no answer; an older one may come later."""
        sent = [data for call in self._calls for data in call.sent]
        return Action(
            NAME, "send", {"port": "known", "hex": rng.choice(sent).hex(), "times": rng.choice((1, 2, 5))}
        )

    def _draw_storm(self, rng: random.Random) -> Action:
        sent = [data for call in self._calls for data in call.sent]
        return Action(NAME, "send", {"port": "known", "hex": rng.choice(sent).hex(), "times": 500})

    async def storm(self, times: int) -> None:
        """So many calls of the object, each with its whole course in one report, as fast as they are answered."""
        _, port = await self._port("known")
        transport = self._ports["known"][0]
        port.answers.clear()
        at = 1_700_000_000.0
        called = Party(digits="28399", ni="private")
        for number in range(times):
            self._count += 1
            report = CallReport(
                call_id=f"storm-{self._count}-{time.monotonic_ns():x}", domain=self._domain, sequence=1, time=at,
                connection=0x1C, calling=Party(digits="28398", ni="private"), called=called, setup_time=at,
                answer_time=at + 1, release_time=at + 2, release_cause=5, services=(),
                matches=(Match(object_number=self._decoy, role="a", called=called, time=at),),
            )  # fmt: skip
            data = accounting_request(
                number % 256, report_attributes(report)[0], self._secret, message_authenticator=True
            )
            transport.sendto(data, self._address)
            if not await port.has(number - IN_FLIGHT, ANSWERED_WITHIN / 2):
                break  # it takes no more of them: it waits for its console
        await self.settle()

    # --- doing

    async def do(self, action: Action) -> list[Breach]:
        if action.kind not in ("send", "report"):
            raise ActionError(f"{action.kind!r} is no action of {NAME}")
        transport, port = await self._port(action.values.get("port", "known"))
        if action.kind == "report":
            return await self._reported(transport, port, action.octets)
        for number in range(action.times):
            transport.sendto(action.octets, self._address)
            if number % 50 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        return []

    async def _reported(self, transport: asyncio.DatagramTransport, port: _Port, data: bytes) -> list[Breach]:
        port.answers.clear()
        for _ in range(TRIES):
            transport.sendto(data, self._address)
            deadline = time.monotonic() + ANSWERED_WITHIN
            while (left := deadline - time.monotonic()) > 0:
                if any(one[1:2] == data[1:2] and one[:1] == b"\x05" for one in port.answers):
                    return []
                port.news.clear()
                try:
                    async with asyncio.timeout(left):
                        await port.news.wait()
                except TimeoutError:
                    break
        text = f"a report that is right was sent {TRIES} times and not answered"
        return [Breach("radius answers", Kind.NO_ANSWER, "report", text)]

    async def _port(self, name: str) -> tuple[asyncio.DatagramTransport, _Port]:
        if name not in self._ports:
            loopback = name == "stranger" and self._address[0].startswith("127.")
            local = (STRANGER, 0) if loopback else _any(self._address)
            loop = asyncio.get_running_loop()
            transport, port = await loop.create_datagram_endpoint(_Port, local_addr=local)
            self._ports[name] = transport, port
        return self._ports[name]

    async def settle(self) -> list[Breach]:
        for transport, _ in self._ports.values():
            transport.close()
        self._ports.clear()
        await asyncio.sleep(0)
        return []

    def secrets(self) -> frozenset[str]:
        return frozenset()


def _any(address: tuple[str, int]) -> tuple[str, int]:
    return ("::" if ":" in address[0] else "0.0.0.0", 0)  # nosec B104 # noqa: S104 - sends alone; answers come where it sent from


def _absurd(rng: random.Random, report: CallReport) -> bytes:
    """A report in its form with values that no call has."""
    long = "9" * 40
    changes: dict[str, Any] = rng.choice(
        (
            {"sequence": 0xFFFF_FFFF},
            {"time": 4_294_967_295.0},
            {"time": 0.0},
            {"answer_time": 0.0},
            {"release_time": 0.0, "release_cause": 255},
            {"calling": Party(digits=long, ni="international", trunk=65535)},
            {"called": Party()},
            {"connection": 0},
            {"domain": "n" * 200},
            {"call_id": "\x1b[31mcall\n"},
            {"matches": tuple(replace(report.matches[0], object_number=n) for n in range(100, 140))},
        )
    )
    return report_attributes(replace(report, **changes))[0]
