"""The demo: the main job between three processes, step by step; then every built-in scenario over each link."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from protocol.language import Lang, translate
from sorm_mediator.addresses import split_host_port
from sorm_mediator.console.target import Link
from sorm_mediator.lab.processes import BoxProcess, free_udp_port
from sorm_mediator.replay.printing import TextPrinter
from sorm_mediator.replay.results import ERROR, FAIL, PASS, ScriptResult
from sorm_mediator.replay.session import Settings, load, run_script

MAIN_JOB = "main-job.yaml"
"""The scenario that is shown step by step."""

LABS_AT_ONCE = 8
"""Labs wait for their calls most of the time, so a few run side by side, each in a process of its own."""
PRELOADED = ["sorm_mediator.replay.session", "sorm_mediator.lab.lab", "sorm_mediator.console.e1_client"]
"""What those processes would import, each for itself."""
VERDICTS = {str(verdict): verdict for verdict in (PASS, FAIL, ERROR)}

SWITCH = """
[switch]
ssh_port = 0
[web]
port = 0
[[switch.domains]]
name = "test.domain"
password = "123"
radius_servers = [{{ host = "127.0.0.1", port = {radius}, secret = "2testing123" }}]
subscribers = [{{ number = "28331" }}, {{ number = "28332" }}]
"""
MEDIATOR = """
[console]
kpd1_port = 0
kpd2_port = 0
[radius]
port = {radius}
secret = "2testing123"
[ssh]
port = {ssh}
user = "test.domain"
password = "123"
host_key = "{key}"
[web]
port = 0
"""

_TEXTS = {
    "en": {
        "intro": "The main job: three boxes, each a process of its own, that meet on the wire only.",
        "console": "console",
        "process": "process",
        "scenarios": "The built-in scenarios, each in a lab of its own:",
        "verdict": "verdict",
        "scenario": "scenario",
        "link": "link",
        "steps": "steps",
        "seconds": "seconds",
        "passed": "{passed} of {total} passed in {seconds:.1f} s",
        "needing_e1": "not over tcp alone, since they need an E1 stream:",
    },
    "ru": {
        "intro": "Основная работа: три устройства, каждое — отдельный процесс; их связывают только каналы связи.",
        "console": "пульт",
        "process": "процесс",
        "scenarios": "Встроенные сценарии, каждый в своём стенде:",
        "verdict": "итог",
        "scenario": "сценарий",
        "link": "канал",
        "steps": "шаги",
        "seconds": "секунды",
        "passed": "успешно {passed} из {total} за {seconds:.1f} с",
        "needing_e1": "не только через tcp, так как им нужен поток E1:",
    },
}


@dataclass(frozen=True, slots=True)
class Run:
    """What a scenario over a link came to. ``said``: its report, if it did not pass."""

    name: str
    file: str
    link: Link
    verdict: str
    steps: int
    passed: int
    seconds: float
    error: str | None
    said: str = ""

    @classmethod
    def of(cls, result: ScriptResult, link: Link, said: str = "") -> Run:
        """From the result of a run."""
        return cls(
            name=result.name,
            file=result.path.name,
            link=link,
            verdict=str(result.verdict),
            steps=result.planned,
            passed=sum(step.verdict == PASS for step in result.steps),
            seconds=result.seconds,
            error=None if result.error is None else str(result.error),
            said="" if result.verdict == PASS else said,
        )

    @property
    def good(self) -> bool:
        """Whether it passed."""
        return self.verdict == PASS


def run_demo(*, lang: Lang, as_json: bool, prepare: Callable[[], None]) -> int:
    """Run everything; print a table, or with ``as_json`` one document. Returns the exit code, 0 or 1.

    ``prepare``: what each further process does first (logging).
    """
    return asyncio.run(_demo(lang, as_json, prepare))


async def _demo(lang: Lang, as_json: bool, prepare: Callable[[], None]) -> int:
    began = time.monotonic()
    write: Callable[[str], object] = _ignore if as_json else sys.stdout.write
    with resources.as_file(resources.files("captures")) as captures:
        folder = Path(captures) / "scenarios"
        results = [Run.of(await _main_job(folder / MAIN_JOB, lang, write), "tcp")]
        write(f"\n{_TEXTS[lang]['scenarios']}\n")
        scripts = [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("vendor/*.json"))]
        runs = [(path, link) for path in scripts for link in _links(path)]
        needing_e1 = [path.name for path in scripts if (path, "tcp") not in runs]
        runs.remove((folder / MAIN_JOB, "tcp"))
        results += await _in_labs(runs, needing_e1, lang, as_json, prepare)
    seconds = time.monotonic() - began
    if as_json:
        document = _document(results, seconds) | {"needing_e1": needing_e1}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        _print_table(results, seconds, lang)
        if needing_e1:
            write(f"{_TEXTS[lang]['needing_e1']} {', '.join(needing_e1)}\n")
    return 0 if all(result.good for result in results) else 1


def _links(script: Path) -> tuple[Link, ...]:
    """The links that a script is run over: TCP and E1, as far as it can; both at once if it can't do otherwise."""
    possible = load(script).links
    return tuple(link for link in possible if link != "tcp+e1") or possible


async def _main_job(script: Path, lang: Lang, write: Callable[[str], object]) -> ScriptResult:
    """The console is this process; switch and mediator are started as processes, each with a lab file of its own."""
    texts = _TEXTS[lang]
    with tempfile.TemporaryDirectory() as name:
        folder, radius = Path(name), free_udp_port()
        switch_file, mediator_file = folder / "switch.toml", folder / "mediator.toml"
        switch_file.write_text(SWITCH.format(radius=radius))
        async with BoxProcess("switch", switch_file, log_level="error") as switch:
            ssh = switch.endpoints["ssh"].rpartition(":")[2]
            mediator_file.write_text(MEDIATOR.format(radius=radius, ssh=ssh, key=switch.ready["host_key"]))
            async with BoxProcess("gateway", mediator_file, log_level="error") as mediator:
                write(f"{texts['intro']}\n\n")
                for box, pid, endpoints in (
                    ("switch", switch.pid, switch.endpoints),
                    ("gateway", mediator.pid, mediator.endpoints),
                    (texts["console"], os.getpid(), {}),
                ):
                    shown = "  ".join(f"{name} {address}" for name, address in endpoints.items())
                    write(f"  {box:<8} {texts['process']} {pid:<8} {shown}\n")
                write("\n")
                host, kpd1 = split_host_port(mediator.endpoints["kpd1"])
                settings = Settings(
                    scripts=(script,),
                    host=host,
                    kpd1=kpd1,
                    kpd2=split_host_port(mediator.endpoints["kpd2"])[1],
                    web=f"http://{switch.endpoints['web']}",
                    lang=lang,
                )
                return await run_script(load(script), settings, TextPrinter(write, lang))


async def _in_labs(
    runs: list[tuple[Path, Link]],
    listening: list[str],
    lang: Lang,
    as_json: bool,
    prepare: Callable[[], None],
) -> list[Run]:
    """The other runs, each with the lab it names on free ports, a few at once.

    Those over E1 begin first: the line is 64 kbit/s, a call that is heard (``listening``) takes its time, and the long
    ones must not be left alone at the end.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    shown = not as_json and console.is_terminal
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    pool = ProcessPoolExecutor(LABS_AT_ONCE, context, _begin, (prepare,))
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task("", total=len(runs))
        results: dict[tuple[Path, Link], Run] = {}

        async def run(script: Path, link: Link) -> None:
            result = await asyncio.get_running_loop().run_in_executor(pool, _in_a_lab, script, link, lang)
            results[script, link] = result
            if result.said:
                sys.stderr.write(result.said)
            progress.update(task, description=f"{script.stem} {link}", advance=1)

        longest_first = sorted(
            runs, key=lambda one: (one[1] == "tcp", one[0].name not in listening, -one[0].stat().st_size)
        )
        try:
            await asyncio.gather(*(run(*one) for one in longest_first))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():  # of a demo that was stopped
                process.terminate()
        return [results[one] for one in runs]


def _begin(prepare: Callable[[], None]) -> None:
    """A process of labs begins. Ctrl-C is for the one that it works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare()


def _in_a_lab(script: Path, link: Link, lang: Lang) -> Run:
    said: list[str] = []
    began = time.monotonic()
    result = asyncio.run(
        run_script(
            load(script), Settings(scripts=(script,), link=link, lang=lang), TextPrinter(said.append, lang)
        )
    )
    result.seconds = time.monotonic() - began
    return Run.of(result, link, "".join(said))


def _print_table(results: list[Run], seconds: float, lang: Lang) -> None:
    texts = _TEXTS[lang]
    width = max(len(result.name) for result in results)
    write = sys.stdout.write
    verdicts = [translate(VERDICTS[result.verdict], lang) for result in results]
    first = max(map(len, (texts["verdict"], *verdicts)))
    write(
        f"\n{texts['verdict']:<{first}} {texts['link']:<6} {texts['scenario']:<{width}}  "
        f"{texts['steps']:>7}  {texts['seconds']}\n"
    )
    for verdict, result in zip(verdicts, results, strict=True):
        steps = f"{result.passed}/{result.steps}"
        write(
            f"{verdict:<{first}} {result.link:<6} {result.name:<{width}}  {steps:>7}  {result.seconds:7.2f}\n"
        )
    good = sum(result.good for result in results)
    write("\n" + texts["passed"].format(passed=good, total=len(results), seconds=seconds) + "\n")


def _document(results: list[Run], seconds: float) -> dict[str, object]:
    return {
        "passed": all(result.good for result in results),
        "seconds": round(seconds, 3),
        "scenarios": [
            {
                "name": result.name,
                "file": result.file,
                "link": result.link,
                "verdict": result.verdict,
                "steps": result.steps,
                "passed": result.passed,
                "seconds": round(result.seconds, 3),
                "error": result.error,
            }
            for result in results
        ],
    }


def _ignore(_: str) -> None:
    pass
