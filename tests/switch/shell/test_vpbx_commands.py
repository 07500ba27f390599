"""The shell of a switch with tenants: making and stopping them, the search for a call, and what a saved file has."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import captures
from sorm_mediator import config
from sorm_mediator.switch.calls.call import Call, CallRequest, ServiceRequest
from sorm_mediator.switch.calls.cdr import file_lines, records
from sorm_mediator.switch.calls.engine import Engine
from sorm_mediator.switch.cdr import CdrFiles, record
from tests.switch.shell.conftest import NOW, Typist

LAB = Path(captures.__file__).parent / "labs" / "vpbx.toml"


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@dataclass
class Phones:
    """The calls of an engine, at a time that stands still."""

    engine: Engine

    def place_call(self, domain: str, request: CallRequest) -> Call:
        return self.engine.place_call(domain, request, NOW)

    def pick_up(self, call: str) -> Call:
        return self.engine.pick_up(call, NOW)

    def hang_up(self, call: str) -> bool:
        return self.engine.hang_up(call, NOW)

    def use_service(self, call: str, service: ServiceRequest) -> Call:
        return self.engine.use_service(call, service, NOW)


@pytest.fixture
def typist(tmp_path: Path) -> Typist:
    """Somebody at the shell of captures/labs/vpbx.toml."""
    file = tmp_path / "lab.toml"
    file.write_text(LAB.read_text(encoding="utf-8"), encoding="utf-8")
    typist = Typist(file)
    typist.context.calls = Phones(typist.engine)
    return typist


def call(typist: Typist, a: str, b: str, *, talk: float = 3.0, **fields: str) -> str:
    """A call from its beginning to its end; its id."""
    request = CallRequest(a=a, b=b, ring=1.0, talk=talk, **fields)  # type: ignore[arg-type]
    made = typist.engine.place_call("demo", request, NOW)
    while (deadline := typist.engine.next_deadline()) is not None:
        typist.engine.tick(deadline)
    return made.id


def test_a_tenant_is_made_started_stopped_and_deleted(typist: Typist) -> None:
    told = typist.gets("install_qfon nexttelltst")
    assert "1) virtual machine nexttelltst, 10.0.0.3" in told
    assert "5) nexttelltst is started" in told

    assert "│nexttelltst│10.0.0.3│running│" in typist.gets("xm list")
    typist.gets("xm destroy nexttelltst.cfg")
    assert "│nexttelltst│10.0.0.3│stopped│" in typist.gets("xm list")
    typist.gets("xm create /etc/xen/nexttelltst.cfg")
    assert typist.node.domains["nexttelltst"].config.vpbx == config.VpbxConfig(
        address="10.0.0.3", running=True
    )

    typist.gets("delete_qfon nexttelltst")
    assert list(typist.node.domains) == ["demo"]


def test_a_stopped_tenant_takes_no_call(typist: Typist) -> None:
    typist.gets("xm destroy demo")

    assert "tenant demo is stopped; xm create demo starts it" in typist.is_refused(
        "domain/demo/call/make 101 102"
    )
    assert "demo is stopped already" in typist.is_refused("xm destroy demo")
    typist.gets("xm create demo", "domain/demo/call/make 101 102")


def test_refusals(typist: Typist) -> None:
    for line, why in (
        ("install_qfon demo", "'demo' is the name of a domain already; choose another"),
        ("install_qfon a/b", "is not a name of a domain"),
        ("delete_qfon elsewhere", "there is no tenant 'elsewhere'; there are: demo"),
        ("xm create elsewhere", "there is no tenant 'elsewhere'"),
        ("domain/declare other", "install_qfon in the shell"),
        ("domain/demo/sip/user/declare c g 500@demo 500", "500 is no user of the tenant demo"),
        ("calls grep 999", "no line of the log has '999'; calls cdr lists the calls"),
        ("calls cdr --tenant elsewhere", "there is no tenant 'elsewhere'"),
    ):
        assert why in typist.is_refused(line), line


def test_the_other_profile_has_none_of_these(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text((LAB.parent / "multisorm" / "empty.toml").read_text())
    shell = Typist(file)

    assert "there is no command 'install_qfon'" in shell.is_refused("install_qfon demo")
    assert "qfon" not in shell.gets("help")


# --- the record of calls


def test_the_log_is_searched_by_number_then_by_id(typist: Typist) -> None:
    first, second = call(typist, "101", "89257410726"), call(typist, "102", "101")

    (line,) = re.findall(r"^\[2.*", typist.gets("calls grep 'dials 89257410726'"), re.MULTILINE)
    assert line == f"[2021-03-04 03:44:19] VERBOSE[{first}] demo: dialling: 101 dials 89257410726"

    whole = re.findall(r"VERBOSE\[(.*?)\] demo: (\w+)", typist.gets(f"calls grep [{first}] --tenant demo"))
    assert whole == [(first, one) for one in ("dialling", "ringing", "answer", "release")]
    assert second in typist.gets("calls grep 03:44:2")


def test_every_ended_call_has_a_record(typist: Typist) -> None:
    answered = call(typist, "101", "89257410726")
    for b, outcome in (("102", "busy"), ("102", "no-answer"), ("84951", "answer")):
        call(typist, "101", b, outcome=outcome)
    came = call(typist, "9257410726", "78123334455", origin="trunk:sip78123334455")

    found = [*records(typist.engine.calls.values())]

    assert [(one.src, one.dst, one.billsec, one.disposition) for one in found] == [
        ("101", "89257410726", 3, "ANSWERED"),
        ("101", "102", 0, "BUSY"),
        ("101", "102", 0, "NO ANSWER"),
        ("101", "84951", 0, "FAILED"),
        ("9257410726", "78123334455", 3, "ANSWERED"),
    ]
    assert (found[0].channel, found[0].dstchannel, found[0].duration) == ("SIP/101", "SIP/sip74952216005", 4)
    assert (found[-1].channel, found[-1].dstchannel) == ("SIP/sip78123334455", "SIP/102")
    told = typist.gets("calls cdr 9257410726")
    assert came in told
    assert answered not in told


def test_a_call_that_the_switch_forgot_is_found_in_its_files(
    typist: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [call(typist, "101", "89257410726"), call(typist, "102", "101"), call(typist, "101", "102")]
    lab = typist.file.read_text(encoding="utf-8")
    typist.file.write_text(lab.replace('name = "demo"\n', 'name = "demo"\ncdr = ["sorm3", "basic"]\n', 1))
    files = CdrFiles(typist.file.parent / "cdr")
    for one, mode in zip(made, ("sorm3", "basic", "basic"), strict=True):
        kept = typist.engine.calls[one]
        kept.release_time = (kept.release_time or 0) + 86400 * (mode == "basic")
        files.write(kept, kept.legs[-1], mode)
    files.close()
    again = Typist(typist.file)

    line = "[2021-03-04 03:44:19] CDR[{}] demo: calling={} dialled={} "
    found = re.findall(r"^\[2.*", again.gets("calls grep 2021-03-04 --tenant demo"), re.MULTILINE)
    parties = (("101", "89257410726"), ("102", "101"), ("101", "102"))
    assert len(found) == 3
    for told, one, (a, b) in zip(found, made, parties, strict=True):
        assert told.startswith(line.format(one, a, b))
    assert made[0] in again.gets("calls grep 89257410726")
    assert "no line of the log" in again.is_refused("calls grep 555")

    monkeypatch.setattr("sorm_mediator.switch.cdr.MOST_READ", 160)
    latest = re.findall(r"CDR\[(.*?)\]", again.gets("calls grep 2021-03-04"))
    assert latest == made[2:], "of a large file the latest are read"
    (typist.file.parent / "cdr" / "demo" / "basic" / "20210305.csv").write_text("rubbish\n1\n")
    assert "can't be read as call records" in again.is_refused("calls grep 2021-03-04")


def test_a_switch_whose_records_are_in_no_file_reads_none(typist: Typist) -> None:
    lab = typist.file.read_text(encoding="utf-8")
    lab = lab.replace('name = "demo"\n', 'name = "demo"\ncdr = ["basic"]\n', 1)
    typist.file.write_text(lab.replace("[switch]\n", '[switch]\ncdr_directory = ""\n', 1))
    beside = typist.file.parent / "demo" / "basic"
    beside.mkdir(parents=True)
    (beside / "20210305.csv").write_text("rubbish\n1\n")

    assert "no line of the log has '2021'" in Typist(typist.file).is_refused("calls grep 2021")


def test_a_call_that_is_in_both_is_told_once(typist: Typist) -> None:
    made = call(typist, "101", "102")
    kept = typist.engine.calls[made]

    rows = [record(kept, kept.legs[-1], "basic")]

    assert [*file_lines(rows, made, typist.engine.calls)] == []
    assert len([*file_lines(rows, made, ())]) == 1


def test_a_call_that_goes_on_has_no_record_yet(typist: Typist) -> None:
    typist.engine.place_call("demo", CallRequest(a="101", b="102"), NOW)

    assert [*records(typist.engine.calls.values())] == []


# --- the saved file


def test_a_saved_lab_has_the_tables_and_no_second_list_of_users(typist: Typist) -> None:
    typist.gets("install_qfon other", "xm destroy demo", "config/save")

    saved = tomllib.loads(typist.file.read_text(encoding="utf-8"))
    demo, other = saved["switch"]["domains"]

    assert demo["vpbx"]["running"] is False
    assert [one["number"] for one in demo["vpbx"]["users"]] == ["101", "102"]
    assert not demo.get("subscribers")
    assert not demo.get("trunks")
    assert other["vpbx"] == {"address": "10.0.0.3"}
    loaded = config.load(typist.file).switch
    assert loaded is not None
    assert [one.number for one in loaded.domains[0].subscribers] == ["101", "102"]
