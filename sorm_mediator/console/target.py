"""The target of a run's consoles: a mediator, the switch that makes calls, and the lab."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args
from urllib.parse import quote

from protocol import Codec, Options
from sorm_mediator.addresses import host_and_or_port
from sorm_mediator.config import Config
from sorm_mediator.console.client import KPD1, PASSWORD, ConsoleClient
from sorm_mediator.console.errors import ConnectError, StepError, UsageError
from sorm_mediator.language import Lang, Phrase, join

if TYPE_CHECKING:
    import httpx

    from protocol.options import ByteOrder
    from sorm_mediator.console.e1_client import ConsoleLines

Link = Literal["tcp", "x25", "tcp+e1"]
LINKS: tuple[Link, ...] = get_args(Link)
"""How consoles are connected: KPD1 and KPD2 over TCP, without any E1; all in E1 streams; KPD1 and KPD2 over TCP, and
the speech in E1 streams (order 268, 1.4.2)."""
CallMaker = Callable[[str, dict[str, Any]], Awaitable[str]]
"""Makes a call in a domain (with the request of POST switch/domains/{d}/calls); returns its id."""
Requester = Callable[[str, str, Any], Awaitable[tuple[int, Any]]]
"""Method, path below /api/v1 and body (None for none) -> status and decoded reply."""

Events = Callable[[], list[dict[str, Any]]]
"""The events of the mediator (docs/http.md) that have come since the last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTarget:
    """The addresses for the consoles, and everything else that a script may reach."""

    host: str
    kpd1: int
    kpd2: int
    name: str = ""
    """The lab file of this run, or the address of the mediator, for people."""
    link: Link = "tcp"
    codec: Codec = field(default_factory=lambda: Codec(Options()))
    password: str = PASSWORD
    orm_number: int = 1
    stop_resets_password: bool = True
    restart_resets_password: bool = True
    make_call: CallMaker | None = None
    request: Requester | None = None
    restart: Callable[[], Awaitable[None]] | None = None
    listen: Callable[[], Events] | None = None
    """Begin to listen to the mediator of this run; after a restart there is another one."""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """The addresses of the lab of this run, as in its ready line."""
    e1: ConsoleLines | None = None
    """The lines of the consoles, one each; None: consoles connect over TCP."""
    speech: ConsoleLines | None = None
    """For consoles over TCP: the streams that carry the speech alone."""

    @property
    def heard(self) -> ConsoleLines | None:
        """The streams with speech; None without any."""
        return self.e1 or self.speech

    def console(self, number: int = 0, **options: Any) -> ConsoleClient:
        """A console of the run, not connected yet; ``number`` counts from 0, on E1 each has a stream of its own.

        ``options`` of :class:`ConsoleClient` replace those set here. Raises :class:`ConnectError`.
        """
        options = {
            "password": self.password,
            "orm_number": self.orm_number,
            "stop_resets_password": self.stop_resets_password,
            "restart_resets_password": self.restart_resets_password,
            **options,
        }
        if self.e1 is None:
            return ConsoleClient(self.host, self.kpd1, self.kpd2, self.codec, **options)
        from sorm_mediator.console.e1_client import console_on

        return console_on(self.e1, number, self.codec, **options)


def link_of(config: Config) -> Link:
    """The link of a lab. Streams beside TCP carry the speech."""
    return "tcp+e1" if config.console.link == "tcp" and config.e1 else config.console.link


def target_for(
    config: Config,
    host: str,
    kpd1: int,
    kpd2: int,
    *,
    object_byte_order: ByteOrder | None = None,
    web: WebApi | None = None,
) -> RunTarget:
    """The mediator of ``config`` at these ports; ``web``: of the lab, which makes calls."""
    mediator = config.mediator
    options = mediator.codec_options
    order = object_byte_order or options.object_byte_order
    return RunTarget(
        host=host,
        kpd1=kpd1,
        kpd2=kpd2,
        codec=Codec(replace(options, object_byte_order=order)),
        password=mediator.password.get_secret_value(),
        orm_number=mediator.orm_number,
        stop_resets_password=mediator.options.stop_resets_password == "on",  # nosec B105 # noqa: S105 - an option
        restart_resets_password=mediator.options.after_restart == "initial",
        make_call=web.make_call if web else None,
        request=web.request if web else None,
    )


def why_not_reached(error: Exception) -> str:
    """Why a request over HTTP failed, in both languages where the error has no text of its own."""
    return str(error) or Phrase("what answers there hangs up, so it is no web")


class WebApi:
    """A lab's HTTP API. A context manager. ``lang``: of the texts in its answers.

    ``keeps``: connections are kept for the next request. A server that closes one just then has not refused anything.
    """

    def __init__(self, url: str, token: str = "", lang: Lang = "en", *, keeps: bool = True) -> None:  # nosec B107 # without one
        self._keeps = keeps
        self.url = url.rstrip("/")
        self._headers: dict[str, str] = {"Accept-Language": lang}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._http: httpx.AsyncClient | None = None
        """Made for the first request: most commands send none."""

    async def __aenter__(self) -> WebApi:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.aclose()

    def prepared(self) -> httpx.AsyncClient:
        """The client for the requests, made now if there is none yet.

        That takes tenths of a second. A line that runs in real time would stand still for them: beside one, this is
        called before the line is opened.
        """
        import httpx

        if self._http is None:
            # Not trust_env: a lab is on this machine or near it, never behind a proxy of the environment. The list
            # of authorities is long, so it is read only where it is needed.
            secure = self.url.startswith("https:")
            limits = httpx.Limits(max_connections=100, max_keepalive_connections=20 if self._keeps else 0)
            self._http = httpx.AsyncClient(
                headers=self._headers, timeout=10.0, trust_env=False, verify=secure, limits=limits
            )
        return self._http

    async def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send one request.

        Returns status and reply; a reply other than JSON is a text. Raises :class:`ConnectError`.
        """
        import httpx

        http = self.prepared()
        url = self.url + (path if path.startswith("/") else f"/api/v1/{path}")
        try:
            reply = await http.request(method, url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectError(
                Phrase(
                    "{url}: the web of the lab can't be reached: {why}",
                    url=url,
                    why=why_not_reached(error),
                )
            ) from None
        try:
            return reply.status_code, reply.json()
        except ValueError:
            return reply.status_code, reply.text

    async def make_call(self, domain: str, request: dict[str, Any]) -> str:
        """Make a call. Raises :class:`StepError` when the switch refuses it, :class:`ConnectError`."""
        path = f"switch/domains/{quote(domain, safe='')}/calls"
        status, reply = await self.request("POST", path, request)
        if status != 202 or not isinstance(reply, dict) or "call" not in reply:
            refused = Phrase("the switch refused the call with HTTP {status}", status=status)
            raise StepError(join(": ", [refused, refusal(reply, path, status)]))
        return str(reply["call"])


async def why_not_let_in(target: RunTarget, client: ConsoleClient) -> Phrase | None:
    """Why the mediator hung up at once, as far as its web tells; None when it has not hung up."""
    refused = client.not_let_in()
    if refused is None or target.request is None:
        return refused
    try:
        status, reply = await target.request("GET", "status", None)
    except ConnectError:
        return refused
    channels = reply.get("channels", ()) if status == HTTPStatus.OK and isinstance(reply, dict) else ()
    peer = next((one["peer"] for one in channels if one["peer"]), None)
    if peer is None:
        return refused
    return Phrase("{where}: another console is connected: {peer}", where=client.where(KPD1), peer=peer)


async def blocked(target: RunTarget) -> bool:
    """Whether all pairs of channels of the connected consoles are blocked, as far as the mediator's web tells."""
    if target.request is None:
        return False
    try:
        status, reply = await target.request("GET", "status", None)
    except ConnectError:
        return False
    if status != HTTPStatus.OK or not isinstance(reply, dict):
        return False
    connected = {one["stream"] for one in reply.get("channels", ()) if one["peer"]}
    return bool(connected) and connected <= set(reply.get("blocked", ()))


def refusal(reply: Any, path: str, status: int) -> str:
    """Why the HTTP API refused a request: one text, or one for each mistake of the body.

    A box alone has no routes of the other one, and answers 404 as for any path that is not there.
    """
    detail = reply.get("detail", reply) if isinstance(reply, dict) else reply
    if status == HTTPStatus.NOT_FOUND and detail == HTTPStatus.NOT_FOUND.phrase:
        return _NO_MEDIATOR if path.startswith("mediator/") else _NO_SWITCH
    if not isinstance(detail, list):
        return str(detail)
    return "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in detail)


_NO_SWITCH = Phrase(
    "this is the web of a mediator alone, and calls are made by the switch: --web URL of the switch's web; "
    "with a real switch calls are made there"
)
_NO_MEDIATOR = Phrase("this is the web of a switch alone: --web URL of the mediator's web")


class Reached(NamedTuple):
    """Where a mediator is: its host, "" where none is given, its ports, 0 where none is given, and its web's URL."""

    host: str
    kpd1: int
    kpd2: int
    web: str


def reached(host: str, kpd1: str, kpd2: str, web: str, *, prefix: str = "--") -> Reached:
    """The options of one mediator together; ``prefix`` is that of their names. Raises :class:`UsageError`."""
    ports = []
    for option, text in ((f"{prefix}kpd1", kpd1), (f"{prefix}kpd2", kpd2)):
        try:
            where, port = host_and_or_port(text or "0", host)
        except ValueError as error:
            raise UsageError(f"{option}: {error}") from None
        if host and where != host:
            raise UsageError(
                f"{option}: {text}: is not on {host}, as said before: both channels are on one host"
            )
        host = host or where
        ports.append(port)
    if web and "://" not in web:
        try:
            host_and_or_port(web)
        except ValueError:
            raise UsageError(
                f"{prefix}web: {web!r} is not allowed: a URL such as http://127.0.0.1:8080"
            ) from None
        web = f"http://{web if ':' in web else '127.0.0.1:' + web}"
    return Reached(host, ports[0], ports[1], web)
