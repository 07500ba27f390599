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
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from importlib import resources
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from textwrap import wrap

from sorm_mediator.addresses import split_host_port
from sorm_mediator.capture.output import BoundedOutput
from sorm_mediator.console.errors import SIGNALS, report_error
from sorm_mediator.console.interrupt import until_signal
from sorm_mediator.console.target import Link
from sorm_mediator.lab.small import switch_and_gateway
from sorm_mediator.language import Lang, Phrase, translate
from sorm_mediator.output import INTERRUPTED
from sorm_mediator.replay.results import ERROR, FAIL, PASS, PcapRecorder, ScriptResult, TextPrinter
from sorm_mediator.replay.session import ReplaySettings, load, run_script
from sorm_mediator.reports.people import Look
from sorm_mediator.reports.progress import progress_bar

MAIN_JOB = "main-job.yaml"
"""The scenario shown step by step."""

LABS_AT_ONCE = 10
"""Count of parallel labs, each in a process of its own. A lab waits for its calls and its E1 line most of the
time, and uses 5 to 20 % of a core."""
PRELOADED = [
    "sorm_mediator.replay.session",
    "sorm_mediator.lab.lab",
    "sorm_mediator.console.e1_client",
    "sorm_mediator.web.switch_api",
    "httpcore",
    "httpx",
    "anyio._backends._asyncio",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
]
"""The modules of those processes, loaded once for all of them."""
VERDICTS = {str(verdict): verdict for verdict in (PASS, FAIL, ERROR)}

_INTRO = Phrase("The main job: three boxes, each a process of its own, that meet on the wire only.")
_CONSOLE = Phrase("console")
_PROCESS = Phrase("process")
_SCENARIOS = Phrase("The built-in scenarios, each in a lab of its own:")
_VERDICT, _SCENARIO = Phrase("verdict"), Phrase("scenario")
_LINK, _STEPS, _SECONDS = Phrase("link"), Phrase("steps"), Phrase("seconds")
_NEEDING_E1 = Phrase("not over tcp alone, since they need an E1 stream:")


@dataclass(frozen=True, slots=True)
class DemoRow:
    """The result of a scenario over a link. ``report``: its output, if it did not pass."""

    name: str
    file: str
    link: Link
    verdict: str
    steps: int
    passed: int
    seconds: float
    error: str | None
    report: str = ""

    @classmethod
    def of(cls, result: ScriptResult, link: Link, report: str = "") -> DemoRow:
        """From the result of a run."""
        return cls(
            name=result.name,
            file=result.path.name,
            link=link,
            verdict=str(result.verdict),
            steps=result.planned,
            passed=result.passed,
            seconds=round(result.seconds, 3),
            error=None if result.error is None else str(result.error),
            report="" if result.verdict == PASS else report,
        )

    @property
    def good(self) -> bool:
        """Whether it passed."""
        return self.verdict == PASS


class DemoCapture:
    """The capture of a demo: a section for the main job as it runs, then one for each other run when it has ended."""

    def __init__(self, descriptor: int | None) -> None:
        self._output = None if descriptor is None else BoundedOutput(descriptor, self._failed)
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._files = 0

    @staticmethod
    def _failed(why: str) -> None:
        report_error(f"--pcap: {why}: the rest is left out of the capture", 0)

    def main_job(self) -> AbstractContextManager[PcapRecorder | None]:
        """The recorder of the main job."""
        return nullcontext() if self._output is None else PcapRecorder(Open(self._output), comment=MAIN_JOB)

    def of_a_run(self) -> Path | None:
        """The file for the capture of one more run, which a process of its own writes."""
        if self._output is None:
            return None
        self._files += 1
        return Path(self._folder.name) / f"{self._files}.pcapng"

    def take(self, file: Path | None) -> None:
        """A run has ended."""
        if file is not None and self._output is not None and file.exists():
            self._output.write(file.read_bytes())
            file.unlink()

    def close(self) -> None:
        """The end of the demo."""
        if self._output is not None:
            self._output.close()
        self._folder.cleanup()


class Open:
    """An output that stays open when the first writer on it is closed."""

    def __init__(self, output: BoundedOutput) -> None:
        self.write = output.write

    def close(self) -> None:
        """Nothing: more follows."""


def run_demo(
    *,
    lang: Lang,
    as_json: bool,
    prepare: Callable[[], None],
    log: Sequence[str] = (),
    capture: int | None = None,
) -> int:
    """Run everything, and print a table, or with ``as_json`` one document. Returns the exit code, 0 or 1.

    A signal ends the demo with 130; what had ended by then is printed. ``prepare``: the first call of each further
    process (logging); ``log``: the options of the boxes that are processes of their own. ``capture``: the descriptor
    where what crosses is written as pcapng.
    """
    began = time.monotonic()
    rows: list[DemoRow] = []
    with resources.as_file(resources.files("captures")) as captures:
        folder = Path(captures) / "scenarios"
        scripts = [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("vendor/*.json"))]
        runs = [(path, link) for path in scripts for link in _links(path)]
        kept = DemoCapture(capture)
        try:
            done = asyncio.run(until_signal(_demo(folder, runs, rows, lang, as_json, prepare, log, kept)))
        finally:
            kept.close()
    seconds = time.monotonic() - began
    needing_e1 = [path.name for path in scripts if (path, "tcp") not in runs]
    if as_json:
        document = _document(rows, seconds, len(runs)) | {"needing_e1": needing_e1}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        _print_table(rows, seconds, len(runs), lang)
        if needing_e1:
            needing = f"{translate(_NEEDING_E1, lang)} {', '.join(needing_e1)}"
            sys.stdout.write("\n".join(Look.of_stdout().wrapped(needing)) + "\n")
    if not done:
        return report_error("interrupted", INTERRUPTED)
    return 0 if all(row.good for row in rows) else 1


async def _demo(
    folder: Path,
    all_runs: list[tuple[Path, Link]],
    results: list[DemoRow],
    lang: Lang,
    as_json: bool,
    prepare: Callable[[], None],
    log: Sequence[str],
    capture: DemoCapture,
) -> bool:
    """Run everything; ``results`` gets the rows. Returns true."""
    write: Callable[[str], object] = (lambda _: None) if as_json else sys.stdout.write
    main_job = (folder / MAIN_JOB, "tcp")
    runs = [one for one in all_runs if one != main_job]
    needing_e1 = {path for path, _ in runs if (path, "tcp") not in all_runs}
    with _processes(prepare) as pool:
        # Runs over E1 begin first: a channel has 64 kbit/s and calls with speech take time.
        longest_first = sorted(
            runs, key=lambda one: (one[1] == "tcp", one[0] not in needing_e1, -one[0].stat().st_size)
        )
        with capture.main_job() as recorder:
            results.append(DemoRow.of(await _main_job(main_job[0], lang, write, log, recorder), "tcp"))
        write(f"\n{translate(_SCENARIOS, lang)}\n")
        files = {one: capture.of_a_run() for one in longest_first}
        rows = {
            one: asyncio.wrap_future(pool.submit(_in_a_lab, *one, lang, files[one])) for one in longest_first
        }
        for one, row in rows.items():
            row.add_done_callback(partial(_ended, capture, files[one]))
        try:
            await _watch(rows, shown=not as_json)
        finally:
            ended = (rows[one] for one in runs)
            results += [
                row.result() for row in ended if row.done() and not row.cancelled() and not row.exception()
            ]
    return True


def _ended(capture: DemoCapture, file: Path | None, row: asyncio.Future[DemoRow]) -> None:
    if not row.cancelled():  # else its process still writes
        capture.take(file)


@contextmanager
def _processes(prepare: Callable[[], None]) -> Iterator[ProcessPoolExecutor]:
    """The processes of the labs. All end with the demo, even with an interrupted one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    # The process loads them while the main job runs. As -P does, PYTHONSAFEPATH keeps a file such as protocol.py in the
    # current directory out of it. Signals are for this process alone, which ends the others.
    os.environ["PYTHONSAFEPATH"] = "1"
    for start in (
        resource_tracker.ensure_running,
        forkserver.ensure_running,
    ):  # the first one unblocks two of them
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        pool = ProcessPoolExecutor(LABS_AT_ONCE, context, _begin, (prepare, folder))
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.kill()
                process.join()


async def _watch(rows: Mapping[tuple[Path, Link], asyncio.Future[DemoRow]], *, shown: bool) -> None:
    """Wait for every run, with a bar on a terminal. Print the report of each run that did not pass."""
    with progress_bar(len(rows), shown=shown) as advance:

        async def watch(script: Path, link: Link, row: asyncio.Future[DemoRow]) -> None:
            if report := (await row).report:
                sys.stderr.write(report)
            advance(now=f"{script.stem} {link}")

        await asyncio.gather(*(watch(*one, row) for one, row in rows.items()))


def _links(script: Path) -> tuple[Link, ...]:
    """The links for a script: TCP and E1 as far as possible; both at once for a script that requires this."""
    possible = load(script).links
    return tuple(link for link in possible if link != "tcp+e1") or possible


async def _main_job(
    script: Path,
    lang: Lang,
    write: Callable[[str], object],
    log: Sequence[str],
    recorder: PcapRecorder | None,
) -> ScriptResult:
    """The console is this process; switch and mediator are started as processes, each with a lab file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        async with switch_and_gateway(Path(folder), log=log) as (switch, mediator):
            look = Look.of_stdout()
            write("\n".join(look.wrapped(translate(_INTRO, lang))) + "\n\n")
            for box, pid, endpoints in (
                ("switch", switch.pid, switch.endpoints),
                ("gateway", mediator.pid, mediator.endpoints),
                (translate(_CONSOLE, lang), os.getpid(), {}),
            ):
                shown = ", ".join(f"{name} {address}" for name, address in endpoints.items())
                place = f"  {box:<8} {translate(_PROCESS, lang)} {pid:<8}  {shown}".rstrip()
                write("\n".join(look.wrapped(place)) + "\n")
            write("\n")
            host, kpd1 = split_host_port(mediator.endpoints["kpd1"])
            settings = ReplaySettings(
                scripts=(script,),
                host=host,
                kpd1=kpd1,
                kpd2=split_host_port(mediator.endpoints["kpd2"])[1],
                web=f"http://{switch.endpoints['web']}",
                lang=lang,
            )
            return await run_script(load(script), settings, TextPrinter(write, lang, look=look), recorder)


def _begin(prepare: Callable[[], None], folder: str) -> None:
    """Prepare a process of labs, whose parent ends it. ``folder``: for the files of its labs."""
    tempfile.tempdir = folder
    prepare()


def _in_a_lab(script: Path, link: Link, lang: Lang, pcap: Path | None) -> DemoRow:
    printed: list[str] = []
    began = time.monotonic()
    comment = f"{script.name}, {link}"
    with nullcontext() if pcap is None else PcapRecorder(pcap, speech=False, comment=comment) as recorder:
        result = asyncio.run(
            run_script(
                load(script),
                ReplaySettings(scripts=(script,), link=link, lang=lang),
                TextPrinter(printed.append, lang),
                recorder,
            )
        )
    result.seconds = time.monotonic() - began
    return DemoRow.of(result, link, "".join(printed))


def _print_table(results: list[DemoRow], seconds: float, planned: int, lang: Lang) -> None:
    texts = [translate(text, lang) for text in (_VERDICT, _LINK, _SCENARIO, _STEPS, _SECONDS)]
    write, look = sys.stdout.write, Look.of_stdout()
    verdicts = [translate(VERDICTS[result.verdict], lang) for result in results]
    first = max(map(len, (texts[0], *verdicts)))
    width = max((len(result.name) for result in results), default=0)
    if look.width:
        width = min(width, look.width - first - len(f" {'':6}   {'':7}  {'':7}") - 1)
    write(f"\n{texts[0]:<{first}} {texts[1]:<6} {texts[2]:<{width}}  {texts[3]:>7}  {texts[4]}\n")
    for verdict, result in zip(verdicts, results, strict=True):
        steps = f"{result.passed}/{result.steps}"
        shown = look.style(f"{verdict:<{first}}", "good" if result.good else "bad")
        name, *rest = wrap(result.name, width, break_on_hyphens=False)
        write(f"{shown} {result.link:<6} {name:<{width}}  {steps:>7}  {result.seconds:7.2f}\n")
        for more in rest:
            write(f"{'':{first}} {'':6} {more}\n")
    good = sum(result.good for result in results)
    total = Phrase(
        "{passed} of {total} passed in {seconds:.1f} s", passed=good, total=planned, seconds=seconds
    )
    write(f"\n{translate(total, lang)}\n")


def _document(results: list[DemoRow], seconds: float, planned: int) -> dict[str, object]:
    return {
        "passed": sum(result.good for result in results) == planned,
        "seconds": round(seconds, 3),
        "scenarios": [
            {name: value for name, value in asdict(result).items() if name != "report"} for result in results
        ],
    }
