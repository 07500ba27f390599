"""MultiSORM's fan-out compared with a single domain: requests over SSH, in turn, to one switch in its own process.

Two MultiSORM users: one stands for 200 domains, the other for one. Each request is timed by itself; `refused` is one
that every domain has to answer (a number that none has), `positive` one that the last domain accepts. Then one domain
stops answering.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from sorm_mediator.lab.processes import BoxProcess, free_udp_port
from ssh_control.client import SwitchLink

DOMAINS, ROUNDS, PER_ROUND = 200, 15, 100
_HEAD = """
[web]
port = 0
[switch]
ssh_port = 0
[switch.licence]
sorm_channels = 1000
[[switch.aggregates]]
user = "many"
password = "many"
domains = ["*"]
[[switch.aggregates]]
user = "one"
password = "one"
domains = ["d199"]
"""


def _domain(number: int, sinks: list[int]) -> str:
    servers = ", ".join(f'{{ host = "127.0.0.1", port = {port} }}' for port in sinks)
    return (
        f'[[switch.domains]]\nname = "d{number}"\nradius_servers = [{servers}]\n'
        f'subscribers = [{{ number = "{100_000 + number}" }}]\n'
    )


def _add(object_number: int, number: str) -> dict[str, Any]:
    return {
        "object": {
            "object_number": object_number, "object_type": "own-subscriber", "number_sign": "own", "number": number,
            "trunk": None, "category": "combined", "priority": "normal",
        }
    }  # fmt: skip


async def _link(process: BoxProcess, user: str, sink: int) -> SwitchLink:
    up = asyncio.Event()
    host, _, port = process.endpoints["multisorm"].rpartition(":")
    link = SwitchLink(
        [(host, int(port))],
        user,
        user,
        process.ready["host_key"],
        mediator=user,
        radius=f"127.0.0.1:{sink}",
        on_up=lambda _hello: up.set(),
        on_down=lambda _reason: None,
        on_event=lambda _event: None,
    )
    await link.start()
    async with asyncio.timeout(20):
        await up.wait()
    return link


async def _round(link: SwitchLink, number: str, *, ok: bool) -> list[float]:
    """Milliseconds of each request."""
    found = []
    for _ in range(PER_ROUND):
        begin = time.perf_counter()
        reply = await link.request("add", **_add(1 if ok else 2, number))
        found.append((time.perf_counter() - begin) * 1000)
        assert reply.ok is ok, reply
    return found


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


async def _measure(process: BoxProcess, sinks: list[int]) -> dict[str, Any]:
    links = {"many": await _link(process, "many", sinks[0]), "one": await _link(process, "one", sinks[1])}
    last = str(100_000 + DOMAINS - 1)
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for user, link in links.items():
            for kind, number in (("refused", "999"), ("positive", last)):
                found = await _round(link, number, ok=kind == "positive")
                times.setdefault((user, kind), []).extend(found)
    async with httpx.AsyncClient(base_url=f"http://{process.endpoints['web']}", trust_env=False) as web:
        dead = await web.post("/api/v1/switch/domains/d7/fault", json={"answer": "dead"})
        dead.raise_for_status()
    with_dead: list[float] = []
    for _ in range(ROUNDS):
        with_dead += await _round(links["many"], last, ok=True)
    for link in links.values():
        await link.close()
    results = {
        f"fanout_{kind}_p99_extra_ms": _p99(times["many", kind]) - _p99(times["one", kind])
        for kind in ("refused", "positive")
    }
    results["fanout_dead_p99_extra_ms"] = _p99(with_dead) - _p99(times["many", "positive"])
    results["fanout_dead_first_ms"] = with_dead[0]
    results["fanout_dead_max_ms"] = max(with_dead)
    for (user, kind), values in times.items():
        results[f"fanout_{user}_{kind}_median_ms"] = statistics.median(values)
        results[f"fanout_{user}_{kind}_p99_ms"] = _p99(values)
    return results


async def _run() -> dict[str, Any]:
    sinks = [free_udp_port(), free_udp_port()]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "switch.toml"
        file.write_text(_HEAD + "".join(_domain(number, sinks) for number in range(DOMAINS)))
        async with BoxProcess("switch", file) as process:
            return await _measure(process, sinks)


def run() -> dict[str, Any]:
    """Milliseconds that 200 domains take longer than one, and with a dead one among them than without."""
    return asyncio.run(_run())


if __name__ == "__main__":
    for key, value in run().items():
        print(f"{key:40} {value:10.3f}")
