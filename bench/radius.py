"""The accounting sink beside FreeRADIUS, each on the same one core, the load generator on another.

Two packets of 381 octets and 18 attributes; each request has a fresh session, identifier and authenticator:

    (no prefix)  ordinary accounting: all servers do the same, they check the authenticator, detect
                 duplicates, decode the attributes and have the request written before they answer
    report_      a call report: FreeRADIUS knows its attributes from our dictionary and writes them; our sink
                 makes the CallReport of it that the mediator works with, checked in every field

The servers run all the time and are loaded in turn, each more than it can take; the figures are medians. Rates
and ratios are per second of processor time that the server used: on a quiet machine that is the clock's second,
and on a busy one the others' work does not count as the server's. `*_per_second` is by the clock.

    default      FreeRADIUS with the accounting sections and the thread pool that it is shipped with
    single       the same as one process without threads (-s)
    detail_only  as single, without any module but the detail file: for information
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyrad.packet import AcctPacket

from radius.packet import report_to_packet
from radius.report import CallReport, Match, Party
from radius.sink import Sink
from radius.wire import AccountingPacket, dictionary

ROOT = Path(__file__).parent.parent
SHIPPED = Path("/etc/freeradius/3.0")
SECRET = "testing123"
ROUNDS = 15
SECONDS = 0.25
WINDOW = 24
COUNTER = "c0ffee00"

DEFAULT_SECTIONS = f"""
    policy {{
        $INCLUDE {SHIPPED}/policy.d/accounting
    }}
    modules {{
        $INCLUDE {SHIPPED}/mods-available/always
        $INCLUDE {SHIPPED}/mods-available/attr_filter
        $INCLUDE {SHIPPED}/mods-available/detail
        $INCLUDE {SHIPPED}/mods-available/exec
        $INCLUDE {SHIPPED}/mods-available/expr
        $INCLUDE {SHIPPED}/mods-available/files
        $INCLUDE {SHIPPED}/mods-available/preprocess
        $INCLUDE {SHIPPED}/mods-available/realm
        $INCLUDE {SHIPPED}/mods-available/unix
    }}
    server default {{
        LISTEN
        preacct {{
            preprocess
            acct_unique
            suffix
            files
        }}
        accounting {{
            detail
            unix
            exec
            attr_filter.accounting_response
        }}
    }}
"""
DETAIL_SECTIONS = f"""
    modules {{
        $INCLUDE {SHIPPED}/mods-available/detail
    }}
    server default {{
        LISTEN
        accounting {{
            detail
        }}
    }}
"""
VARIANTS = {
    "default": (DEFAULT_SECTIONS, "-f"),
    "single": (DEFAULT_SECTIONS, "-s"),
    "detail_only": (DETAIL_SECTIONS, "-s"),
}


class Missing(Exception):  # noqa: N818  # a reason, not an error
    """Something that this section needs is not on this machine."""


def report() -> CallReport:
    """A finished call: 18 attributes, 381 octets as a packet."""
    return CallReport(
        call_id=f"20261121-7f3c-{COUNTER}@switch-1.node-2.central-office.region1.test.domain",
        domain="central-voip.test.domain",
        sequence=3,
        time=1_700_000_012.123456,
        connection=0x1C,
        calling=Party(digits="78432200123", ni="intercity"),
        called=Party(digits="79001758964", ni="intercity", trunk=3),
        calling_station="78432200123",
        called_station="89001758964",
        setup_time=1_700_000_000.5,
        answer_time=1_700_000_003.25,
        release_time=1_700_000_012.123456,
        release_cause=5,
        matches=(
            Match(
                object_number=258,
                role="a",
                called=Party(digits="89001758964", ni="intercity"),
                time=1_700_000_000.5,
            ),
        ),
    )


def ordinary() -> bytes:
    """A finished session of a network access server: 18 attributes, 381 octets as a packet."""
    packet = AcctPacket(id=0, secret=SECRET.encode(), dict=dictionary())
    for name, value in {
        "User-Name": "subscriber-78432200123@central-voip.region-16.east.test.domain",
        "NAS-IP-Address": "192.0.2.17",
        "NAS-Port": 30017,
        "Service-Type": 2,
        "Framed-IP-Address": "198.51.100.23",
        "Class": b"0123456789abcdef0123456789abcdef012345678",
        "Called-Station-Id": "89001758964",
        "Calling-Station-Id": "78432200123",
        "NAS-Identifier": "switch-1.node-2.central-voip.test.domain",
        "NAS-Port-Type": 5,
        "Acct-Status-Type": "Stop",
        "Acct-Session-Id": f"20261121-7f3c-{COUNTER}@switch-1.node-2.central-office.region.domain",
        "Acct-Session-Time": 8,
        "Acct-Input-Octets": 123456,
        "Acct-Output-Octets": 654321,
        "Acct-Terminate-Cause": "User-Request",
        "Acct-Multi-Session-Id": "20261121-7f3c-multiple-sessions-of-one-subscriber",
        "Event-Timestamp": 1_700_000_012,
    }.items():
        packet.AddAttribute(name, value)
    raw: bytes = packet.RequestPacket()
    return raw


def serve(port: int, folder: str) -> None:
    """Our server: one line a request, written before the batch is answered."""
    lines: list[str] = []
    keep = lines.append
    with open(Path(folder) / "detail", "ab", buffering=0) as detail:

        def on_report(r: CallReport) -> None:
            keep(
                f"{r.time:.6f}\t{r.domain}\t{r.call_id}\t{r.sequence}\t{r.connection}\t{r.release_cause}\t"
                f"{r.calling.digits}\t{r.calling.ni}\t{r.calling.trunk}\t"
                f"{r.called.digits}\t{r.called.ni}\t{r.called.trunk}\t"
                f"{r.calling_station}\t{r.called_station}\t"
                f"{r.setup_time or 0:.6f}\t{r.answer_time or 0:.6f}\t{r.release_time or 0:.6f}"
            )
            for use in r.services:
                keep(f"\t{use}")
            for match in r.matches:
                called = match.called
                keep(
                    f"\t{match.object_number}\t{match.role}\t{match.time:.6f}\t"
                    f"{called.digits}\t{called.ni}\t{called.trunk}"
                )
            keep("\n")

        def on_other(packet: AccountingPacket) -> None:
            keep(f"{time.time()}\t{packet.raw_packet.hex()}\n")

        def before_replies() -> None:
            detail.write("".join(lines).encode())
            lines.clear()

        async def main() -> None:
            sink = Sink(
                "127.0.0.1",
                port,
                {"127.0.0.1": SECRET},
                on_report,
                on_other=on_other,
                before_replies=before_replies,
            )
            await sink.start()
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            await stop.wait()
            sink.close()

        asyncio.run(main())


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def write_freeradius(folder: Path, sections: str, port: int) -> None:
    """A configuration folder for one FreeRADIUS."""
    folder.mkdir()
    for name in ("log", "run"):
        (folder / name).mkdir()
    (folder / "dictionary").write_text(f"$INCLUDE {ROOT / 'radius' / 'dictionary'}\n")
    listen = f"listen {{\n type = acct\n ipaddr = 127.0.0.1\n port = {port}\n }}"
    (folder / "radiusd.conf").write_text(
        f"""
    prefix = /usr
    exec_prefix = /usr
    libdir = /usr/lib/freeradius
    raddbdir = {SHIPPED}
    confdir = {SHIPPED}
    modconfdir = {SHIPPED}/mods-config
    logdir = {folder}/log
    radacctdir = {folder}/log/radacct
    run_dir = {folder}/run
    log {{
        destination = files
        file = {folder}/log/radius.log
    }}
    max_requests = 16384
    cleanup_delay = 5
    max_request_time = 30
    proxy_requests = no
    thread pool {{
        start_servers = 5
        max_servers = 32
        min_spare_servers = 3
        max_spare_servers = 10
        max_requests_per_server = 0
        auto_limit_acct = no
    }}
    client bench {{
        ipaddr = 127.0.0.1
        secret = {SECRET}
        require_message_authenticator = no
    }}
    """
        + sections.replace("LISTEN", listen)
    )


@contextlib.contextmanager
def running(command: list[str], core: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child on one core, ended on the way out."""
    with open(log, "wb") as output:
        child = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # a single-threaded parent
        )
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def load(generator: Path, port: int, template: Path, seconds: float, core: int) -> tuple[int, int, float]:
    """Requests answered, requests lost, and the seconds it took."""
    counter_at = template.read_bytes().index(COUNTER.encode())
    done = subprocess.run(
        [str(generator), str(port), SECRET, str(seconds), str(template), str(counter_at), str(WINDOW)],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    answered, lost, took = done.stdout.split()
    return int(answered), int(lost), float(took)


def processor_seconds(child: subprocess.Popen[bytes]) -> float:
    """What the process has used so far, ended threads included: the clock of clock_getcpuclockid(3)."""
    return time.clock_gettime(~child.pid << 3 | 2)


def wait_ready(
    generator: Path, port: int, template: Path, core: int, child: subprocess.Popen[bytes], log: Path
) -> None:
    """Wait until the server answers. Raises Missing with the server's log when the server ends or stays
    silent."""
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up and child.poll() is None:
        if load(generator, port, template, 0.1, core)[0]:
            return
    raise Missing(f"{log.stem} did not answer: {log.read_text(errors='replace')[-500:]}")


def measure() -> dict[str, Any]:
    cores = sorted(os.sched_getaffinity(0))
    compiler, freeradius = (
        shutil.which("gcc"),
        shutil.which("freeradius") or shutil.which("freeradius", path="/usr/sbin"),
    )
    if len(cores) < 2:
        raise Missing("two cores are needed: one for the server, one for the load")
    if compiler is None:
        raise Missing("gcc is not installed: apt install gcc")
    if freeradius is None:
        raise Missing("freeradius is not installed: apt install freeradius")
    if not os.access(SHIPPED / "mods-available", os.R_OK | os.X_OK):
        raise Missing(f"{SHIPPED} cannot be read: run as a member of the group freerad")
    packets = {"": ordinary(), "report_": report_to_packet(report(), secret=SECRET.encode()).raw_packet}
    with tempfile.TemporaryDirectory(prefix="radius-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        generator = folder / "radius_load"
        subprocess.run([compiler, "-O2", "-o", generator, ROOT / "bench" / "radius_load.c"], check=True)
        templates = {prefix: folder / f"{prefix}template" for prefix in packets}
        for prefix, octets in packets.items():
            templates[prefix].write_bytes(octets)
        server_core, load_core = cores[0], cores[1]
        ports: dict[str, int] = {}
        children: dict[str, subprocess.Popen[bytes]] = {}
        for variant in ("sink", *VARIANTS):
            port = ports[variant] = free_port()
            log = folder / f"{variant}.log"
            if variant == "sink":
                command = [sys.executable, "-m", "bench.radius", str(port), name]
            else:
                sections, mode = VARIANTS[variant]
                write_freeradius(folder / variant, sections, port)
                command = [freeradius, mode, "-d", str(folder / variant)]
                if mode == "-s":
                    command.insert(1, "-f")
            child = children[variant] = stack.enter_context(running(command, server_core, log))
            wait_ready(generator, port, templates[""], load_core, child, log)
        by_clock: dict[str, list[float]] = {}
        by_processor: dict[str, list[float]] = {}
        lost = dict.fromkeys(ports, 0)
        for _ in range(ROUNDS):
            for prefix, template in templates.items():
                for variant, port in ports.items():
                    used = -processor_seconds(children[variant])
                    answered, missing, took = load(generator, port, template, SECONDS, load_core)
                    used += processor_seconds(children[variant])
                    by_clock.setdefault(prefix + variant, []).append(answered / took)
                    by_processor.setdefault(prefix + variant, []).append(answered / used)
                    lost[variant] += missing
    medians = {key: statistics.median(values) for key, values in by_processor.items()}
    ratios = {
        f"{prefix}vs_freeradius_{variant}": medians[f"{prefix}sink"] / medians[prefix + variant]
        for prefix in packets
        for variant in VARIANTS
    }
    return {
        **ratios,
        **{f"{key}_per_processor_second": round(median) for key, median in medians.items()},
        **{f"{key}_per_second": round(statistics.median(values)) for key, values in by_clock.items()},
        **{f"{variant}_lost": count for variant, count in lost.items()},
        "packet_octets": [len(octets) for octets in packets.values()],
        "packet_attributes": [attributes(octets) for octets in packets.values()],
    }


def attributes(octets: bytes) -> int:
    """How many attributes a packet has."""
    packet = AccountingPacket.received(octets, SECRET.encode())
    return sum(map(len, OrderedDict.values(packet)))


def run() -> dict[str, Any]:
    """The ratios and rates; None for the ratios, and the reason, where something is missing."""
    try:
        return measure()
    except Missing as reason:
        return {"vs_freeradius_default": None, "vs_freeradius_single": None, "reason": str(reason)}


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
