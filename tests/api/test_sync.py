"""A lab without asyncio: what a test author writes, and what a failure says."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from docs.api_page import public
from sorm_mediator import api
from sorm_mediator.api import (
    AddObject,
    ConnectError,
    ExpectationError,
    GetVersion,
    Ksl,
    ScriptError,
    Start,
    UsageError,
    carry_out,
    in_lab,
    lab,
    load_config,
    mediator,
)

ROOT = Path(__file__).parents[2]
MINIMAL = "labs/minimal.toml"


def test_a_call_is_driven_and_its_events_are_messages() -> None:
    with lab(MINIMAL) as running:
        console, switch = running.console(), running.switch
        accepted, executed = console.send("start")
        assert (accepted.name, executed.name) == ("command-received", "command-executed")
        console.send("add-ksl", ksl_group=1, ksl_a=Ksl(0, 1), ksl_b=Ksl(0, 1))
        console.send("add-object", object_number=258, number="28331", category="combined", ksl_group=1)
        call = switch.call("28331", "28332", ring=0, talk=60)
        received, answered = console.events({"number-received": {"called": {"number": "28332"}}}, "answer")
        assert isinstance(received.message, api.NumberReceived)
        assert received.message.ksl_a == Ksl(0, 1)
        assert answered.raw[2] == api.Answer.code
        assert call.state()["state"] == "talking"
        call.use_service("hold", by="a")
        assert console.event("service-used", service=0x42).fields["object_number"] == 258
        call.release()
        console.event("release", operation=5)
        console.silence(0.05, "kpd2")
        assert [step.title for step in running.result.steps][:2] == ["send start", "send add-ksl"]


def test_what_is_left_out_fits_the_order_of_the_mediator() -> None:
    with lab("labs/order70.toml") as running:
        console = running.console()
        console.send("start")
        console.send("add-object", object_number=1, number="28331")
        running.switch.call("28331", "28332", ring=0, talk=0)
        assert console.event("release").message.calling.sign is api.NumberSign.PRIVATE
        console.send("remove-object", object_number=1, number="28331")


def test_commands_are_also_messages_and_octets() -> None:
    with lab(MINIMAL) as running:
        console = running.console()
        console.send(Start())
        console.send(AddObject(object_number=1, object_type=api.ObjectType.TRUNK, trunk=2), expect="any")
        assert [one.name for one in console.send(GetVersion())] == [
            "command-received", "version-info", "command-executed",
        ]  # fmt: skip
        console.forget()
        assert console.send(bytes.fromhex("CC 01 11 00 31 32 33 34 35 36")) == []
        assert console.message("version-info").fields["requirements_version"] == 2
        with pytest.raises(UsageError, match="test_number: a message or octets have no fields"):
            console.send(Start(), test_number=1)
        refused = console.send("add-object", expect="any", number="28331")
        assert refused[-1].fields["status"] != 0


def test_a_failure_has_its_place_octets_and_meaning() -> None:
    with lab(MINIMAL) as running:
        console = running.console()
        with pytest.raises(ExpectationError) as failed:
            console.send("add-object", object_number=258, number="28331")
    text, line = str(failed.value), failed.traceback[0].lineno + 1
    assert text.startswith(f"step 1, tests/api/test_sync.py:{line}: send add-object\n")
    assert "status: expected 0 (00h: accepted), came 23 (17h: command not accepted" in text
    assert "-> KPD1  CC 01 05 13 ** ** ** ** ** ** 02 01" in text
    assert "object number  258" in text
    assert failed.value.step.failure is not None


def test_a_message_that_came_before_its_step_is_shown_with_its_octets() -> None:
    with lab(MINIMAL) as running:
        console = running.console()
        console.send("start")
        running.request("alarm", type=2, code=7)
        console.send("get-version")
        console.send(Start(), expect="any")
        with pytest.raises(ExpectationError) as failed:
            console.message("alarm", alarm_code=9, within=0.1)
    assert "alarm_code: expected 9 (09h" in str(failed.value)
    assert "<- KPD1  CC 01 21 02 01 00 01 00 FF 02 02 07" in str(failed.value)


def test_mistakes_name_the_place_and_what_is_allowed() -> None:
    with lab(MINIMAL) as running:
        console = running.console()
        with pytest.raises(ScriptError, match=r"test_sync.py:\d+: send.test.nummer: test has no such field"):
            console.send("test", nummer=7)
        with pytest.raises(ScriptError, match="'strat' is not a name of a command; allowed: start, "):
            console.send("strat")
        with pytest.raises(ScriptError, match="answer comes on KPD2"):
            console.message("answer")
        with pytest.raises(ExpectationError, match="HTTP 404"):
            running.switch.call("28331", "28332", domain="nowhere")
    with pytest.raises(ScriptError, match=r"lab: 'nowhere.toml' is not found"), lab("nowhere.toml"):
        pass
    with pytest.raises(UsageError, match="link: 'x26' is not allowed: tcp, x25"), lab(link="x26"):
        pass


def test_values_of_the_lab_file_may_be_others() -> None:
    with lab(MINIMAL, config={"mediator": {"password": "654321"}}, lang="ru") as running:
        running.console().send("start")
        with pytest.raises(ExpectationError, match="ожидалось:"):
            running.console().send("start", password="123456")


def test_a_message_between_subscribers_is_told_to_the_console() -> None:
    with lab("labs/order268.toml") as running:
        console = running.console()
        console.send("start")
        console.send("add-object", object_number=7, number="28331")
        assert running.switch.message("28331", "28332", "Come at nine.")
        told = console.message("electronic-message", object_number=7, receiver={"number": "28332"})
        assert told.fields["text"].endswith("Come at nine.")


def test_channels_are_closed_and_opened_and_the_mediator_starts_again() -> None:
    with lab(MINIMAL) as running:
        console = running.console()
        console.send("start")
        console.disconnect("kpd2")
        console.connect("kpd2")
        console.send("get-version")
        running.restart()
        console.closed()
        console.connect()
        console.send("start", expect="any")
        second = running.console("second")
        second.connect()
        second.closed(within=10)
        assert {one.console for step in running.result.steps for one in step.exchanged} == {"main"}
        assert [one.name for one in console.units[:2]] == ["start", "restart"]
        assert second.units == ()


def test_over_e1_the_console_hears() -> None:
    with lab("labs/e1.toml", link="x25") as running:
        console = running.console()
        console.send("start", within=20)
        console.step({"hears": "silence", "within": 20})
        assert running.result.link == "x25"


def test_a_mediator_that_runs_already_is_left_as_it_is() -> None:
    with lab(MINIMAL) as own:
        kpd1, kpd2 = (int(own.endpoints[name].rpartition(":")[2]) for name in ("kpd1", "kpd2"))
        web = f"http://{own.endpoints['web']}"
        with mediator(kpd1=kpd1, kpd2=kpd2, web=web, file=ROOT / "captures" / MINIMAL) as running:
            running.console().send("start")
            assert running.endpoints == {name: own.endpoints[name] for name in ("kpd1", "kpd2", "web")}
        assert own.http("GET", "status")[1]["state"] == "started"
        with mediator(
            kpd1=own.endpoints["kpd1"], kpd2=str(kpd2), file=ROOT / "captures" / MINIMAL
        ) as running:
            running.console().send("get-version")
            assert running.endpoints == {name: own.endpoints[name] for name in ("kpd1", "kpd2")}
    with (
        pytest.raises(UsageError, match="kpd2: here:2: is not on there"),
        mediator(kpd1="there:1", kpd2="here:2"),
    ):
        pass
    with mediator(kpd1=1, kpd2=1) as running, pytest.raises(ConnectError, match=r"127\.0\.0\.1:1: KPD2"):
        running.console().send("start")


def test_the_page_of_the_steps_has_a_ladder(tmp_path: Path) -> None:
    with lab(MINIMAL, name="my test") as running:
        running.console().send("start")
        running.write_report(tmp_path / "r.html")
        assert running.transcript().startswith("PASS  1  send start  (tests/api/test_sync.py:")
    page = (tmp_path / "r.html").read_text()
    assert "<h2>my test " in page
    assert "command-executed command=start status=00h (done)</title>" in page


async def test_with_asyncio_the_same_target_has_a_client() -> None:
    config = load_config(ROOT / "captures" / MINIMAL)
    async with in_lab(config, "minimal.toml") as target:
        client = target.console()
        await client.connect()
        end = await carry_out(client, client.command("start", {}), within=15)
        assert end.good
        assert await client.wait(lambda: any(one.name == "restart" for one in client.log), within=15)
        await client.close()


def test_within_a_running_loop_too() -> None:
    async def inside() -> int:
        def blocking() -> int:
            with lab(MINIMAL) as running:
                return len(running.console().send("start"))

        return await asyncio.to_thread(blocking)

    assert asyncio.run(inside()) == 2


# --- the promise


def test_every_public_name_is_on_the_page_of_the_api() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    names = public()
    assert len(names) > 80
    assert [name for name in names if f"`{name}`" not in page] == []


def test_a_program_on_the_api_is_checked_by_mypy(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from sorm_mediator.api import AddObject, Codec, Crossed, NumberReceived, lab\n"
        "\n"
        "with lab('labs/minimal.toml') as running:\n"
        "    console = running.console()\n"
        "    octets: bytes = Codec().encode(AddObject(object_number=258, number='28331'))\n"
        "    event: Crossed = console.event('number-received', called={'number': '28332'})\n"
        "    reveal_type(running.switch.call('28331', '28332'))\n"
        "    console.send(258)\n"
        "    AddObject(object_nummer=1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    told = done.stdout
    assert 'program.py:7: note: Revealed type is "sorm_mediator.api.sync.LabCall"' in told
    assert 'program.py:8: error: Argument 1 to "send" of "LabConsole" has incompatible type "int"' in told
    assert 'program.py:9: error: Unexpected keyword argument "object_nummer"' in told
    assert "Found 2 errors" in told
