"""A lab whose streams come by other lines than SAToP: two ttys, X.25 over TCP, a wire within the process."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import captures
from e1.carriers.serial_line import NullModem
from protocol import Codec
from sorm_mediator.capture.reader import read_input
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.config import Config, ConfigError, load, parse
from sorm_mediator.console.e1_client import ConsoleLines, E1ConsoleClient, lines_of_lab
from sorm_mediator.lab.lab import Lab, over_e1, wired
from sorm_mediator.lab.processes import BoxProcess
from sorm_mediator.replay.results import PcapRecorder, TextPrinter
from sorm_mediator.replay.session import ReplaySettings, run_script
from sorm_mediator.replay.session import load as load_script

FOLDER = Path(captures.__file__).parent
QUICK = {"hold": 0, "lapb": {"t1": 0.5, "t2": 0.02}, "x25": {"window": 7}}
SPEECH = {"stream": 1, "line": "memory"}
"""A stream beside one that has no timeslots."""
WITHIN = 10
LISTENS_IN_VAIN = """
name: no speech without timeslots
lab: labs/minimal.toml
steps:
  - send: start
  - send: {add-ksl: {ksl_group: 1, group_type: combined, ksl_a: {stream: 0, ksl: 1}}}
    expect: [{command-received: {status: 0}}, {command-executed: {status: 0}}]
  - send: {add-object: {object_number: 1, object_type: own-subscriber, number_sign: own, number: "28331",
                        category: combined, ksl_group: 1, priority: normal}}
    expect: [{command-received: {status: 0}}, {command-executed: {status: 0}}]
  - title: all lines are out of order, so none is free
    call: {domain: test.domain, a: "28331", b: "28332", ring: 0.01, talk: 10}
    events: [{number-received: {operation: 1}, save: {call_number: cn}}, answer]
  - title: nor can the console have one
    send: {connect-ksl: {call_number: "${cn}", object_type: own-subscriber, object_number: 1, ksl_group: 1}}
    expect: [{command-received: {status: 0}}, {command-executed: {status: {not: 0}}}]
"""


def script(folder: Path, text: str, *streams: dict[str, Any]) -> Path:
    """A scenario whose lab has these streams."""
    import json

    path = folder / "script.yaml"
    text = text.replace("../labs", "labs")
    own = f"e1: {json.dumps(streams)}"
    if "\nconfig: {" in text:
        text = text.replace("\nconfig: {", f"\nconfig: {{{own}, ")
    else:
        text = f"config: {{{own}}}\n{text}"
    if "\nwithin:" not in text:  # what is asked for here is that it comes, on a busy machine too
        text = f"within: 60\n{text}"
    text = text.replace("\n    within: 3\n", "\n    within: 60\n")
    path.write_text(text, encoding="utf-8")
    return path


async def passes(path: Path, recorder: Any = None, **settings: Any) -> None:
    shown: list[str] = []
    result = await run_script(
        load_script(path),
        ReplaySettings(scripts=(path,), link="x25", **settings),
        TextPrinter(shown.append),
        recorder,
    )
    assert result.error is None, f"{result.error}" + "".join(shown)
    assert result.verdict == "PASS", "".join(shown)


def shipped(name: str) -> str:
    return (FOLDER / "scenarios" / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "streams",
    [
        [{"line": "memory", **QUICK}],
        [{"line": "memory", "memory": {"bit_error_rate": 1e-5, "delay": 0.01, "slip_frames": 9000}, **QUICK}],
        [{"line": "serial", **QUICK}, SPEECH],
        [{"line": "serial", "mode": "dte", "serial": {"accm": 0xFFFFFFFF}, **QUICK}, SPEECH],
        [{"line": "xot", **QUICK}, SPEECH],
        [{"line": "xot", "mode": "dte", "x25": {"circuit": "svc", "packet_size": 256}}, SPEECH],
    ],
    ids=["memory", "memory-with-errors", "serial", "serial-escaped", "xot", "xot-calls"],
)
async def test_the_main_job(streams: list[dict[str, Any]], tmp_path: Path) -> None:
    main_job = shipped("main-job").replace("stream: 0", f"stream: {len(streams) - 1}")
    await passes(script(tmp_path, main_job, *streams))


@pytest.mark.parametrize("line", ["serial", "xot"])
@pytest.mark.parametrize("name", ["bad_bytes", "forwarding", "start_stop_password"])
async def test_shipped_scenarios_that_need_no_speech(name: str, line: str, tmp_path: Path) -> None:
    await passes(script(tmp_path, shipped(name), {"line": line, **QUICK}))


async def test_a_second_console_is_refused_the_circuits_of_the_first(tmp_path: Path) -> None:
    await passes(script(tmp_path, shipped("two_consoles"), {"line": "xot", "hold": 0}))


@pytest.mark.parametrize("line", ["serial", "memory"])
async def test_a_restart_of_the_mediator_finds_its_console_again(line: str, tmp_path: Path) -> None:
    steps = "- send: start\n- restart: gateway\n- connect: both\n  expect: [restart]\n- send: get-version"
    text = f"name: restart\nlab: labs/minimal.toml\nwithin: 5\nsteps:\n{steps}\n"
    await passes(script(tmp_path, text, {"line": line, **QUICK}))


@pytest.mark.parametrize("line", ["serial", "xot"])
async def test_lines_without_timeslots_have_no_ksl_in_service(line: str, tmp_path: Path) -> None:
    await passes(script(tmp_path, LISTENS_IN_VAIN, {"line": line, **QUICK}))


async def test_listening_to_a_line_without_timeslots_is_a_mistake_that_is_told(tmp_path: Path) -> None:
    text = (
        "name: hears\nlab: labs/minimal.toml\nsteps:\n- send: start\n"
        '- hears: {ksl: {stream: 0, ksl: 1}, tones: ["28331"]}\n'
    )
    path, shown = script(tmp_path, text, {"line": "xot"}), list[str]()
    settings = ReplaySettings(scripts=(path,), link="x25")
    result = await run_script(load_script(path), settings, TextPrinter(shown.append))
    assert result.verdict == "FAIL", result.error
    assert "stream 0: its line has no timeslots, so there is no speech to hear" in "".join(shown)


# --- a mediator that is running


@contextmanager
def a_port() -> Iterator[int]:
    """A TCP port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    yield port


def file_of(folder: Path, stream: str) -> Path:
    """A lab file with one stream, all ports free, to be read by both sides."""
    minimal = (FOLDER / "labs" / "minimal.toml").read_text(encoding="utf-8")
    minimal = minimal.replace('"routing/', f'"{FOLDER}/labs/routing/')
    file = folder / "lab.toml"
    file.write_text(minimal.replace("[console]", '[console]\nlink = "x25"') + "[[e1]]\n" + stream)
    return file


async def test_a_mediator_that_takes_circuits_is_reached(tmp_path: Path) -> None:
    with a_port() as port:
        file = file_of(tmp_path, f'line = "xot"\nlocal = "127.0.0.1:{port}"\n')
        async with Lab(load(file)) as lab:
            assert lab.endpoints["e1.0"] == f"127.0.0.1:{port}"
            await passes(
                script(tmp_path, shipped("network_objects")), host="127.0.0.1", config=file, web=lab.web_url
            )


async def test_a_mediator_that_makes_the_connections_is_waited_for(tmp_path: Path) -> None:
    with a_port() as port:
        file = file_of(tmp_path, f'line = "xot"\nremote = "127.0.0.1:{port}"\nxot = {{ reconnect = 0.05 }}\n')
        async with Lab(load(file)) as lab:
            assert "e1.0" not in lab.endpoints
            await passes(
                script(tmp_path, shipped("network_objects")), host="127.0.0.1", config=file, web=lab.web_url
            )


async def test_a_mediator_at_the_other_end_of_two_cables_is_reached(tmp_path: Path) -> None:
    first, second = NullModem(), NullModem()
    try:
        names = dict(zip(("kpd1", "console_kpd1"), first.names, strict=True))
        names |= dict(zip(("kpd2", "console_kpd2"), second.names, strict=True))
        ports = ", ".join(f'{key} = "{name}"' for key, name in names.items())
        file = file_of(tmp_path, f'line = "serial"\nlapb = {{ t1 = 0.5 }}\nserial = {{ {ports} }}\n')
        async with Lab(load(file)) as lab:
            await passes(
                script(tmp_path, shipped("network_objects")), host="127.0.0.1", config=file, web=lab.web_url
            )
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        ('line = "memory"\n', 'e1.0.line: "memory" is within the process of the mediator'),
        ('line = "xot"\n', "e1.0: the lab file (-c) must tell its port: e1.local"),
        ('line = "serial"\nserial = { kpd1 = "a", kpd2 = "b" }\n', "console_kpd1, console_kpd2"),
    ],
)
async def test_what_a_lab_file_must_tell_the_console(stream: str, text: str, tmp_path: Path) -> None:
    path = script(tmp_path, shipped("network_objects"))
    settings = ReplaySettings(
        scripts=(path,),
        link="x25",
        host="127.0.0.1",
        config=file_of(tmp_path, stream),
        web="http://127.0.0.1:1",
    )
    result = await run_script(load_script(path), settings, TextPrinter(lambda _: None))
    assert text in str(result.error)


# --- states and faults


class Bench:
    """A lab with one stream, and its console, whose technical means are started."""

    def __init__(self, lab: Lab, console: E1ConsoleClient, http: httpx.AsyncClient) -> None:
        self.lab, self.console, self.http = lab, console, http

    async def stream(self) -> Any:
        return (await self.http.get("/api/v1/streams")).json()[0]

    async def fault(self, state: str) -> httpx.Response:
        return await self.http.post("/api/v1/streams/0/fault", json={"state": state})

    async def becomes(self, state: str) -> None:
        """The stream is in this state: told by the events of the mediator."""
        assert self.lab.gateway is not None
        watcher = self.lab.gateway.events.subscribe()
        while (await self.stream())["state"] != state:
            await anext(watcher)
        self.lab.gateway.events.unsubscribe(watcher)

    async def told(self, *names: str) -> None:
        """KPD1 has brought these messages, in order, among others."""
        found = self.console.wait(lambda: self._in_order(names), WITHIN)
        assert await found, [crossed.name for crossed in self.console.log]

    def _in_order(self, names: tuple[str, ...]) -> bool:
        seen = iter([f"{one.name} {one.fields.get('alarm_code', '')}".strip() for one in self.console.log])
        return all(name in seen for name in names)

    async def send(self, name: str) -> None:
        await self.console.send(self.console.command(name, {}))


@asynccontextmanager
async def bench(config: Config) -> AsyncIterator[Bench]:
    with wired(over_e1(config)) as wired_up:
        async with Lab(wired_up) as lab, ConsoleLines(lines_of_lab(lab)) as lines:
            console = E1ConsoleClient(lines.line_of(0), Codec())
            await console.connect()
            async with httpx.AsyncClient(base_url=lab.web_url, trust_env=False) as http:
                one = Bench(lab, console, http)
                await one.send("start")
                await one.told("restart", "command-received", "command-executed")
                yield one
            await console.close()


def lab_of(stream: dict[str, Any]) -> Config:
    domain = {"name": "test.domain", "password": "123", "subscribers": [{"number": "28331"}]}
    return parse(
        {"mediator": {"state": ":memory:", "journal": ""}, "switch": {"domains": [domain]}, "e1": [stream]}
    )


QUICKLY_BACK = {"lapb": {"t1": 0.3, "t2": 0.02}, "hold": 30}


@pytest.mark.parametrize("line", ["serial", "xot"])
@pytest.mark.parametrize("fault", ["LOS", "OFF"])
async def test_a_line_that_is_cut_is_told_and_loses_nothing(line: str, fault: str) -> None:
    async with bench(lab_of({"line": line, **QUICKLY_BACK})) as one:
        assert (await one.stream())["state"] == "WORK"
        assert (await one.fault(fault)).status_code == 200
        await one.becomes(fault)
        assert (await one.stream())["faults"] == {"receive": fault, "transmit": fault}
        assert (await one.fault("clear")).json()["faults"] == {}
        await one.becomes("WORK")
        # The alarm of the cut waited for its end, as whatever is sent within ``hold`` does.
        await one.told("command-executed", "alarm 1", "alarm 0")
        await one.send("get-version")
        await one.told("alarm 0", "command-received", "version-info")


@pytest.mark.parametrize("line", ["serial", "xot"])
async def test_states_of_an_e1_are_refused_with_the_reason(line: str) -> None:
    async with bench(lab_of({"line": line, **QUICKLY_BACK})) as one:
        for fault in ("AIS", "LOF", "LOMF", "RAI"):
            answer = await one.fault(fault)
            assert answer.status_code == 409
            assert answer.json()["detail"] == (
                f'{fault}: a line "{line}" has no E1 frames; what it can have is LOS or OFF, and clear ends it'
            )
        assert (await one.stream())["state"] == "WORK"


async def test_how_streams_without_timeslots_are_shown() -> None:
    async with bench(lab_of({"line": "xot", **QUICKLY_BACK})) as one:
        row = await one.stream()
        assert row["address"] == one.lab.endpoints["e1.0"]
        assert row["counters"]["connections"] == 2
        assert row["alarms"] == {}
        assert row["counters"]["packets_received"] > 2
        assert (row["channels"]["kpd1"]["link"], row["channels"]["kpd1"]["circuit"]) == ("", "data")
    async with bench(lab_of({"line": "serial", **QUICKLY_BACK})) as one:
        row = await one.stream()
        assert row["counters"] == {"opened": 2, "dropped": 0}
        assert row["address"].count("/dev/pts/") == 2
        assert row["channels"]["kpd2"]["link"] == "S3"
        assert row["channels"]["kpd1"]["hdlc"]["good"] > 2


async def test_a_console_that_closes_its_connections_is_gone_at_once() -> None:
    async with bench(lab_of({"line": "xot", "hold": 3600})) as one:
        assert one.lab.gateway is not None
        watcher = one.lab.gateway.events.subscribe()
        await one.console.disconnect()
        gone = set()
        async for event in watcher:
            if event["event"] == "link" and event["state"] == "down":
                gone.add(event["link"])
            if gone == {"kpd1", "kpd2"}:
                break
        one.lab.gateway.events.unsubscribe(watcher)


async def test_a_connection_that_is_closed_may_count_as_an_interruption() -> None:
    async with bench(lab_of({"line": "xot", "hold": 3600, "leave_at_once": False})) as one:
        await one.console.disconnect()
        await one.becomes("LOS")
        await one.console.connect()
        await one.told("command-executed", "alarm 1", "alarm 0")  # of the time in between: it was kept
        status = (await one.http.get("/api/v1/status")).json()
        assert [row["counters"]["connections"] for row in status["channels"]] == [1, 1]


async def test_a_port_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    cables = {name: NullModem() for name in ("kpd1", "kpd2")}
    ports: dict[str, Any] = {"reopen": 0.02}
    for name, cable in cables.items():
        for key, device in zip((name, f"console_{name}"), cable.names, strict=True):
            ports[key] = str(tmp_path / key)
            (tmp_path / key).symlink_to(device)
    try:
        async with bench(lab_of({"line": "serial", "serial": ports, **QUICKLY_BACK})) as one:
            cables["kpd1"].close()  # the adapter is pulled out
            await one.becomes("LOS")
            assert (await one.stream())["alarms"]["serial"] >= 1
            cables["kpd1"] = NullModem()
            for key, device in zip(("kpd1", "console_kpd1"), cables["kpd1"].names, strict=True):
                (tmp_path / key).unlink()
                (tmp_path / key).symlink_to(device)
            await one.becomes("WORK")
            await one.told("command-executed", "alarm 1", "alarm 0")
            assert (await one.stream())["counters"]["opened"] == 3
    finally:
        for cable in cables.values():
            cable.close()


# --- what crossed


async def test_what_crossed_over_tcp_is_recorded_and_read_back(tmp_path: Path) -> None:
    capture = tmp_path / "run.pcapng"
    with PcapRecorder(capture) as recorder:
        await passes(script(tmp_path, shipped("forwarding"), {"line": "xot", **QUICK}), recorder)
    with capture.open("rb") as file:
        found = [item for item in decode_events(read_input(file)) if isinstance(item, Found)]
    names = {getattr(item.message, "message_name", "") for item in found}
    assert {"start", "add-object", "command-executed", "number-received", "release"} <= names
    assert not any(item.problems for item in found)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt install tshark")
async def test_wireshark_reads_it_as_x25_over_tcp(tmp_path: Path) -> None:
    capture = tmp_path / "run.pcapng"
    steps = "name: short\nlab: labs/minimal.toml\nsteps:\n- send: start\n"
    with PcapRecorder(capture) as recorder:
        await passes(script(tmp_path, steps, {"line": "xot", **QUICK}), recorder)
    command = [
        "tshark",
        "-r",
        str(capture),
        "-Y",
        "xot",
        "-T",
        "fields",
        "-e",
        "x25.type",
        "-e",
        "xot.pvc.init_lcn",
    ]
    read = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: ASYNC221 - nothing else runs
    rows = [row.split("\t") for row in read.stdout.splitlines()]
    assert [row[1] for row in rows if row[1]] == ["2", "2", "1", "1"]  # KPD2 is set up before KPD1
    assert {"0x1b", "0x1f", "0x00"} & {kind for row in rows for kind in row[0].split(",")}
    assert "0x00" in {kind for row in rows for kind in row[0].split(",")}


# --- lab files that contradict themselves


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        ({"line": "serial"}, r"e1\.0\.serial\.kpd1: is required for line = \"serial\""),
        (
            {"line": "serial", "serial": {"kpd1": "/dev/a", "kpd2": "/dev/a"}},
            r"kpd2: /dev/a is .*kpd1 already",
        ),
        (
            {"line": "serial", "local": "127.0.0.1:5", "serial": {"kpd1": "/dev/a", "kpd2": "/dev/b"}},
            r'local: 127\.0\.0\.1:5: a line "serial" has no address',
        ),
        (
            {"line": "satop", "serial": {"kpd1": "/dev/a"}},
            r'e1\.0\.serial: is for line = "serial".*leave the table out',
        ),
        ({"line": "serial", "xot": {}}, r'e1\.0\.xot: is for line = "xot"'),
        (
            {"line": "memory", "remote": "127.0.0.1:5"},
            r'remote: 127\.0\.0\.1:5: a line "memory" has no address',
        ),
        ({"line": "xot", "xot": {"kpd2_lcn": 1}}, r"e1\.0\.xot\.kpd2_lcn: 1: .*two different ones"),
        (
            {"line": "xot", "x25": {"circuit": "svc"}, "xot": {"kpd1_number": ""}},
            r"e1\.0\.xot\.kpd2_number: .*SVC of a channel",
        ),
        (
            {"line": "xot", "local": "127.0.0.1:5", "remote": "127.0.0.1:6"},
            r"either listens \(local\) or connects \(remote",
        ),
        ({"line": "xot", "xot": {"interface": "x" * 256}}, r"e1\.0\.xot\.interface: .*255 ASCII"),
        ({"line": "xot", "remote": "there"}, r"e1\.0\.remote: 'there' is not host:port"),
        ({"line": "memory", "memory": {"bit_error_rate": 2}}, r"memory\.bit_error_rate: 2 is not allowed"),
        ({"line": "xot", "local": "127.0.0.1:8080"}, r"e1\.0\.local: 8080 is web\.port already"),
    ],
)
def test_contradictions_name_key_value_and_remedy(stream: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Lab(parse({"console": {"link": "x25"}, "e1": [stream]}))


async def test_a_line_in_memory_that_nobody_can_reach_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with BoxProcess("lab", file_of(tmp_path, 'line = "memory"\n')) as lab:
        assert "e1.0" not in lab.endpoints
    said = capfd.readouterr().err
    assert "e1[1].line" in said
    assert "no console outside reaches the stream" in said
