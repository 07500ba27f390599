"""One ``conformance``: connect to the mediator or start a lab, examine it, write the reports.

Exit codes: 0 no check failed, 1 a check failed or nothing was tested, 2 wrong usage, 3 the mediator or the
web can't be reached, 130 interrupted, 141 the reader of the output is gone.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from sorm_mediator import config as lab_files
from sorm_mediator.addresses import host_port
from sorm_mediator.config import Config, ConfigError
from sorm_mediator.config.lines import located
from sorm_mediator.config.outside import document_of
from sorm_mediator.config.switch import ServicesConfig
from sorm_mediator.conformance.calling import AskingCaller, Caller, HookCaller, HttpCaller, at_terminal
from sorm_mediator.conformance.checks import chosen
from sorm_mediator.conformance.declaration import Check, Result
from sorm_mediator.conformance.dialogue import Errors, Profile, Terms
from sorm_mediator.conformance.examination import Examination
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.conformance.report import Report, Showing, bar, document, heading, page, write_junit
from sorm_mediator.conformance.verdicts import PASS
from sorm_mediator.console.client import PASSWORD
from sorm_mediator.console.errors import (
    ConnectError,
    NotReadyError,
    UsageError,
    check_choice,
    check_web,
    report_error,
    unwritable,
)
from sorm_mediator.console.interrupt import until_signal
from sorm_mediator.console.reporting import ReportSettings
from sorm_mediator.console.target import LINKS, RunTarget, link_of, target_for
from sorm_mediator.errors import BoxError
from sorm_mediator.lab.targets import in_lab, toward
from sorm_mediator.language import Phrase, translate
from sorm_mediator.output import INTERRUPTED
from sorm_mediator.reports.files import STDOUT, write_reports
from sorm_mediator.texts import whole_number

HOOK = "hook:"
NETWORK, CALLER = "89001758964", "73835550101"
"""Numbers of the network in the labs: the dialled number, and the number that calls in."""
LAB_QUIET = 0.1
BOTH = "tcp+e1"
"""The link with KPD1 and KPD2 over TCP and the speech in E1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceSettings(ReportSettings):
    """The options of ``conformance``; the help of the command describes each. Raises :class:`UsageError`."""

    config: Path | None = None
    host: str = ""
    kpd1: int = 1001
    kpd2: int = 1002
    link: str = ""
    profile: str = ""
    clauses: tuple[str, ...] = ()
    calls: str = ""
    web: str = ""
    domain: str = ""
    own: tuple[str, ...] = ()
    network: str = ""
    caller: str = ""
    trunk: str = ""
    order: str = ""
    orm_number: int | None = None
    password: str = ""
    first_password: str = ""
    errors: str = "any"
    timing: str = "judge"
    may_stop: bool = False
    slow: bool = False
    within: float = 5.0
    quiet: float | None = None

    def __post_init__(self) -> None:
        ReportSettings.__post_init__(self)
        check_choice("--profile", self.profile, ("", "order", "eltex"))
        check_choice("--link", self.link, ("", *LINKS))
        check_choice("--errors", self.errors, ("order", "extended", "any"))
        check_choice("--timing", self.timing, ("judge", "report"))
        check_choice("--order", self.order, ("", "268", "70"))
        if not self.host and self.config is None:
            raise UsageError("--host of a running mediator, or a lab with -c, is needed")
        if self.calls not in ("", "http", "ask", "none") and not self.calls.startswith(HOOK):
            raise UsageError(f"--calls: {self.calls!r} is not allowed: http, hook:COMMAND, ask, none")
        if self.calls.startswith(HOOK) and (problem := HookCaller.problem(self.calls.removeprefix(HOOK))):
            raise UsageError(f"--calls: {self.calls!r} is not allowed: {problem}")
        if self.calls == "http" and self.host and not self.web:
            raise UsageError("--web: is needed with --host and --calls http: the URL of the emulated switch")
        check_web(self.web)
        number = self.trunk.partition("=")[0]
        if self.trunk and whole_number(number, 0, 0xFFFE) is None:
            raise UsageError(f"--trunk: {self.trunk!r} is not allowed: a number, or NUMBER=NAME")
        for option, digits in (
            *(("--own", one) for one in self.own),
            *(("--network", one) for one in self.network.split("/") if one),
            ("--caller", self.caller),
        ):
            if digits and not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
                raise UsageError(f"{option}: {digits!r} is not allowed: 1 to 18 digits")
        for password in (self.password, self.first_password):
            if password and not (len(password) == 6 and password.isascii()):
                raise UsageError("the password is six characters")
        try:
            chosen(self.clauses)
        except ValueError as error:
            raise UsageError(f"--clauses: {error} is not a clause of a check, such as 6.5 or 7") from None

    @property
    def checks(self) -> tuple[Check, ...]:
        """The requested checks."""
        return chosen(self.clauses)


def run_conformance(settings: ConformanceSettings) -> int:
    """Examine the mediator and write the reports. Returns the exit code; errors go to stderr."""
    live = settings.json != STDOUT and sys.stdout.isatty()
    lang = settings.language
    showing = Showing(sys.stdout.write, settings.checks, lang, live=live)
    beside: Showing | None = None
    if not live and settings.calls == "ask" and sys.stderr.isatty():  # a bar would write over the questions
        beside = Showing(sys.stderr.write, settings.checks, lang, live=True)
    try:
        report, interrupted = asyncio.run(
            _until_signal(settings, beside or showing, bars=not live and not beside)
        )
        if report is not None:
            _write(settings, report, showing)
            sys.stdout.flush()
        if interrupted:
            left = report is not None and report.not_restored
            return report_error(
                "interrupted" if left else "interrupted; what was changed is put back", INTERRUPTED
            )
        assert report is not None
    except (ConfigError, BoxError, NotReadyError) as error:
        return report_error(error, 2)
    except ConnectError as error:
        return report_error(error, 3)
    except OSError as error:
        return report_error(unwritable(error), 2)
    return 0 if report.verdict == PASS else 1


async def _until_signal(
    settings: ConformanceSettings, showing: Showing, *, bars: bool
) -> tuple[Report | None, bool]:
    """The report, and whether a signal ended the examination; everything is put back in both cases.

    After an interruption the report has the checks until then; None if the examination had not begun. A further
    signal changes nothing.
    """
    kept: list[Report] = []
    with bar(len(settings.checks)) if bars else nullcontext(None) as advance:

        def seen(result: Result) -> None:
            showing.seen(result)
            if advance is not None:
                advance(result)

        going = examine(settings, begun=showing.begin, seen=seen, cut_short=kept.append)
        report = await until_signal(going)
    return report or (kept[0] if kept else None), report is None


async def examine(
    settings: ConformanceSettings,
    *,
    begun: Callable[[str], object] = lambda _: None,
    seen: Callable[[Result], object] = lambda _: None,
    cut_short: Callable[[Report], object] = lambda _: None,
) -> Report:
    """Examine the mediator.

    ``begun`` gets the heading, ``seen`` each result as it comes. If the examination is cancelled,
    ``cut_short`` gets the report of the checks until then.

    Raises :class:`ConfigError`, :class:`BoxError`, :class:`NotReadyError`, :class:`ConnectError`.
    """
    config = _lab(settings) if settings.config is not None else Config()
    lang = settings.language
    link = settings.link or link_of(config)
    began, began_monotonic = time.time(), time.monotonic()
    async with _around(settings, config, link) as around:
        terms = await _as_switch_has_it(terms_of(settings, config), settings, around)
        examiner = _examiner(settings, config, around, terms, link)
        examination = Examination(examiner, may_stop=settings.may_stop)
        name = settings.config.name if settings.config is not None else ""
        own_lab = f"{name} ({translate(Phrase('a lab of its own'), lang)})"
        against = host_port(settings.host, settings.kpd1) if settings.host else own_lab
        of_lab = settings.config is not None and not settings.profile

        def reported() -> Report:
            return Report(
                against=against,
                link=link,
                orm_number=examiner.orm_number,
                identity=examination.identity,
                terms=terms,
                time=began,
                results=examination.results,
                seconds=time.monotonic() - began_monotonic,
                calls=_calls(settings),
                not_restored=examination.not_restored,
                lab_profile=of_lab,
                clauses=settings.clauses,
            )

        begun(heading(against, terms.profile, lang, of_lab=of_lab))
        try:
            await examination.run(settings.checks, seen)
        except asyncio.CancelledError:
            cut_short(reported())
            raise
    return reported()


def _calls(settings: ConformanceSettings) -> str:
    return settings.calls or ("http" if settings.web or not settings.host else "")


def _lab(settings: ConformanceSettings) -> Config:
    """The lab file, with tables in memory, and the profile of the command line if it has none itself."""
    file = cast(Path, settings.config)
    text = document_of(file)
    mediator = text.get("mediator", {})
    if isinstance(mediator, dict):
        own: dict[str, Any] = {} if settings.host else {"state": ":memory:", "journal": ""}
        if settings.profile:
            own["profile"] = mediator.get("profile", settings.profile)
        text["mediator"] = {**mediator, **own}
    try:
        return lab_files.parse(text, directory=file.resolve().parent, name=str(file))
    except ConfigError as error:
        raise ConfigError(located(str(error), file)) from None


def terms_of(settings: ConformanceSettings, config: Config) -> Terms:
    """The terms of the examination: those of the command line, else of the lab file, else the defaults."""
    domain = _domain(settings, config)
    own, network, caller = settings.own, settings.network, settings.caller
    trunk, _, trunk_name = settings.trunk.partition("=")
    if domain is not None:
        usual = [one for one in domain.subscribers if one.context == "" and one.active and not one.virtual]
        # Subscribers with forwarding can be put under control too; the calls are made among the others.
        usual.sort(key=lambda one: one.line_state != "good" or _forwards(one.services))
        own = own or tuple(one.number for one in usual)
        if domain.trunks:
            network, caller = network or NETWORK, caller or CALLER
            trunk = trunk or str(domain.trunks[0].number)
        names = {str(one.number): one.name for one in domain.trunks}
        trunk_name = trunk_name or names.get(trunk, "")
    dialled, _, controlled = network.partition("/")
    in_lab = settings.config is not None and not settings.host
    profile = "order" if settings.config is None else config.mediator.profile
    return Terms(
        profile=cast(Profile, settings.profile or profile),
        errors=cast(Errors, settings.errors),
        timing="report" if settings.timing == "report" else "judge",
        order=settings.order or config.mediator.order,
        own=own,
        network=dialled,
        network_object=controlled or dialled,
        caller=caller,
        trunk=int(trunk) if trunk else None,
        trunk_name=trunk_name,
        slow=settings.slow,
        domain=domain.name if domain is not None else settings.domain,
        streams=tuple(one.stream for one in config.e1) or (0,),
        test_timeout=float(getattr(config.mediator, "test_timeout", 600.0)) if in_lab else 600.0,
        within=settings.within,
        quiet=settings.quiet if settings.quiet is not None else (LAB_QUIET if in_lab else 0.3),
    )


async def _as_switch_has_it(terms: Terms, settings: ConformanceSettings, around: RunTarget) -> Terms:
    """The terms with the trunk's current name at the running switch, unless the command line has a name.

    Raises :class:`ConnectError` if the web of the lab, which makes the calls, can't be reached.
    """
    if around.request is None:
        return terms
    status, trunks = await around.request(
        "GET", f"switch/domains/{quote(terms.domain, safe='')}/trunks", None
    )
    if status != 200 or not isinstance(trunks, list) or "=" in settings.trunk:
        return terms  # without such a domain, each call reports the error
    names = {one["trunk"]: one["name"] for one in trunks}
    return replace(terms, trunk_name=names.get(terms.trunk, terms.trunk_name))


def _forwards(services: ServicesConfig) -> bool:
    return any((services.cfu, services.cfb, services.cfnr, services.cfnrc))


def _domain(settings: ConformanceSettings, config: Config) -> Any:
    """The domain of the lab's switch for the calls; None without one."""
    if config.switch is None:
        return None
    wanted = settings.domain or config.ssh.user
    domains = config.switch.domains
    return next((one for one in domains if wanted in (one.name, one.login)), domains[0] if domains else None)


@asynccontextmanager
async def _around(settings: ConformanceSettings, config: Config, link: str) -> AsyncIterator[RunTarget]:
    around: AbstractAsyncContextManager[RunTarget]
    by_e1, speech = link == "x25", link == BOTH
    if settings.host:
        around = toward(
            config, settings.host, settings.kpd1, settings.kpd2, web=settings.web, by_e1=by_e1, speech=speech
        )
    else:
        around = in_lab(config, str(settings.config), by_e1=by_e1, speech=speech)
    async with around as found:
        if settings.order:
            mediator = config.mediator.model_copy(update={"order": settings.order})
            codec = target_for(config.model_copy(update={"mediator": mediator}), "", 0, 0).codec
            found = replace(found, codec=codec)
        password = settings.password or (PASSWORD if settings.config is None else found.password)
        orm_number = settings.orm_number if settings.orm_number is not None else found.orm_number
        yield replace(found, password=password, orm_number=orm_number)


def _examiner(
    settings: ConformanceSettings, config: Config, around: RunTarget, terms: Terms, link: str
) -> Examiner:
    first = settings.first_password or config.mediator.password.get_secret_value()
    eyes: list[Any] = []
    several = around.e1 is not None and len(around.e1.lines) > 1
    client = around.console(password=first, observers=eyes)
    client.password = around.password
    examiner = Examiner(
        client,
        terms,
        caller=_caller(settings, around, terms),
        request=around.request,
        link="x25" if link == "x25" else "tcp",
        lines=around.e1 or around.speech,
        second=(lambda: around.console(1, name="second", password=client.password)) if several else None,
    )
    examiner.first_password = first
    eyes.append(examiner)
    return examiner


def _caller(settings: ConformanceSettings, around: RunTarget, terms: Terms) -> Caller | None:
    kind = _calls(settings)
    if kind == "http" and around.make_call is not None and around.request is not None:
        return HttpCaller(terms.domain, around.make_call, around.request)
    if kind.startswith(HOOK):
        return HookCaller(kind.removeprefix(HOOK))
    if kind == "ask":
        return AskingCaller(at_terminal, settings.language)
    return None


def _write(settings: ConformanceSettings, report: Report, showing: Showing) -> None:
    """The reports. Raises :class:`OSError`."""
    lang = settings.language
    free = write_reports(
        settings,
        lambda: page(report, lang),
        partial(write_junit, report=report),
        lambda: document(report, lang),
    )
    if free:
        showing.finish(report)
