"""``fault``: faults of a running lab by hand, as an engineer types them, and as a program reads them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.interactive.fault import FaultSettings, run_fault
from sorm_mediator.interactive.station import Where
from sorm_mediator.lab.lab import Lab, on_free_ports

DOMAIN = {"name": "test.domain", "password": "123", "subscribers": [{"number": "28331"}]}
Ask = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The web of a lab that runs beside the command, in a thread of its own."""
    ready, urls = threading.Event(), []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        document = {"switch": {"domains": [DOMAIN]}}
        folder = tmp_path_factory.mktemp("lab")
        async with Lab(on_free_ports(config.parse(document, directory=folder, name="lab.toml"))) as lab:
            urls.append(lab.web_url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(30)
    yield urls[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)
    loop.close()


@pytest.fixture
def ask(web: str) -> Iterator[Ask]:
    """Run the command with these words; its exit code and what it writes."""

    def run(*words: str, **more: Any) -> tuple[int, str]:
        written: list[str] = []
        lang = more.pop("lang", "en")
        settings = FaultSettings(where=Where(web=web, lang=lang), words=words, **more)
        return run_fault(settings, written.append), "".join(written)

    yield run
    run("clear")


def test_a_fault_is_made_listed_and_ended(ask: Ask) -> None:
    assert ask() == (0, "there are no faults\n")
    code, shown = ask("kpd2", "drop", "share=0.5", "seed=7")
    assert code == 0
    head, row = shown.splitlines()
    assert head.startswith("fault  link  action  parameters")
    number, *rest = row.split()
    assert rest == ["kpd2", "drop", "share=0.5", "seed=7", "-", "-"]
    assert ask() == (0, shown)
    assert ask("clear", number) == (0, "faults that have ended: 1\n")
    assert ask("clear") == (0, "faults that have ended: 0\n")


def test_a_program_reads_one_document(ask: Ask) -> None:
    code, shown = ask("radius", "cut", "for=60", as_json=True)
    made = json.loads(shown)
    assert (code, made["link"], made["action"], made["given"]) == (0, "radius", "cut", {"for": 60.0})
    assert 0 < made["left"] <= 60
    assert [one["id"] for one in json.loads(ask(as_json=True)[1])] == [made["id"]]
    assert json.loads(ask("radius", "clear", as_json=True)[1]) == {"ended": 1}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("ssh",), 2, "a fault is a link and an action, such as ssh cut for=2"),
        (("link=ssh", "action=cut"), 2, "a fault is a link and an action"),
        (("ssh", "cutt"), 2, "did you mean"),
        (("ssh", "cut", "adress=primary"), 2, "did you mean address?"),
        (("ssh", "cut", "for=soon"), 2, "for"),
        (("kpd1", "delay"), 2, "seconds: delay needs them, such as 0.5"),
        (("clear", "all"), 2, "clear takes nothing"),
        (("clear", "4711"), 1, "there is no fault 4711, or it is over"),
        (("kpd1", "cut", "pair=2"), 1, "over TCP there is pair 0 alone"),
    ],
)
def test_what_is_wrong_is_told_with_the_code_of_the_contract(
    ask: Ask, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, told: str
) -> None:
    assert ask(*words) == (code, "")
    assert told in capsys.readouterr().err


def test_a_lab_that_is_not_there_is_3(capsys: pytest.CaptureFixture[str]) -> None:
    settings = FaultSettings(where=Where(web="http://127.0.0.1:9"), words=())
    assert run_fault(settings, lambda _: None) == 3
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_it_speaks_russian_too(ask: Ask) -> None:
    assert ask(lang="ru") == (0, "неисправностей нет\n")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("kpd1", "delay"), 2, "seconds: для delay их нужно указать, например 0.5"),
        (("ssh", "cut", "share=0.5"), 2, "share: у cut нет такого параметра; допустимы: address, for, pair"),
        (("radius", "restart"), 2, "action: restart относится к коммутатору на конце ssh: у radius его нет"),
        (("kpd1", "cut", "pair=2"), 1, "pair: 2: по TCP есть только пара 0"),
        (("clear", "4711"), 1, "неисправности 4711 нет, или она уже прошла"),
    ],
)
def test_what_is_wrong_is_told_in_russian(
    ask: Ask, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, told: str
) -> None:
    assert ask(*words, lang="ru") == (code, "")
    assert told in capsys.readouterr().err


def test_a_lab_file_without_a_fixed_port_of_its_web_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lab.toml"
    file.write_text("[web]\nport = 0\n", encoding="utf-8")
    assert run_fault(FaultSettings(where=Where(config=file)), lambda _: None) == 2
    assert "--web is missing" in capsys.readouterr().err


def test_a_lab_that_does_not_run_is_told_with_the_options_that_the_command_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    file = tmp_path / "lab.toml"
    file.write_text(f"[web]\nport = {port}\n")
    assert run_fault(FaultSettings(where=Where(config=file))) == 3
    told = capsys.readouterr().err
    assert "running? Where it is instead: --web" in told
    assert "--kpd1" not in told
