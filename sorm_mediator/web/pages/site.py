"""Routes, rendering and safety of the pages; what a page shows is in its own module.

Every answer forbids inline scripts and styles and foreign addresses (Content Security Policy Level 3, W3C), and every
``POST`` must hold the token that was put into the form for this browser.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal, cast, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from jinja2.runtime import Macro
from pydantic import ValidationError
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.staticfiles import StaticFiles

from sorm_mediator import __version__
from sorm_mediator.config.lines import key_of
from sorm_mediator.config.mistakes import mistakes
from sorm_mediator.language import Lang, MessageId, Phrase, join, translate
from sorm_mediator.reports import html as reports
from sorm_mediator.web.access import Access, cookie_name, new_name
from sorm_mediator.web.pages.page import Action, Elsewhere, Endpoint, Form, Page, Redrawn, has_box
from sorm_mediator.web.pages.shown import FILTERS, LANGUAGES, header, language
from sorm_mediator.web.pages.table import PAGES
from sorm_mediator.web.server import LOG_IN, Watchers, address_of, session_of

Theme = Literal["auto", "light", "dark"]
_THEMES: tuple[Theme, ...] = get_args(Theme)
_STATIC = Path(__file__).parent / "static"
_YEAR = 365 * 24 * 3600
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "media-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every page."""
_MOST_FIELDS = 500
"""Fields of a form."""


def make_site() -> Router:
    """The routes of all pages, to be put under ``/pages`` and on ``/``."""
    site = _Site()
    routes: list[BaseRoute] = []
    for page in PAGES:
        routes.append(Route(page.path, site.guarded(partial(site.show, page)), methods=["GET"]))
        for answered, answer in page.answers:
            routes.append(Route(answered, site.guarded(partial(site.answer, page, answer)), methods=["GET"]))
        for action in page.actions:
            endpoint = site.guarded(partial(site.act, page, action))
            routes.append(Route(action.path, endpoint, methods=["POST"]))
    path = LOG_IN.removeprefix("/pages")
    routes += [
        Route(path, site.guarded(site.ask_token), methods=["GET"]),
        Route(path, site.guarded(site.log_in), methods=["POST"]),
        Route("/log-out", site.guarded(site.log_out), methods=["POST"]),
        Route("/changes", _changes, methods=["GET"]),
        Mount("/static", StaticFiles(directory=_STATIC)),
        Route("/{path:path}", site.guarded(_nothing)),
    ]
    return Router(routes)


class _Site:
    def __init__(self) -> None:
        # All values are escaped: names of trunks and domains, and the texts of a mediator, are foreign.
        self._templates = Environment(
            loader=ChoiceLoader([PackageLoader(__package__), reports.TEMPLATES]),
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._templates.filters |= FILTERS
        self._layout = self._templates.get_template("layout.html.j2")
        self._parts = self._templates.get_template("parts.html.j2")
        for page in PAGES:
            self._templates.get_template(page.template)  # compiled now, while nobody waits for it

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with what every answer has: headers, cookies, and a page for what was refused."""

        async def answer(request: Request) -> Response:
            if not session_of(request.scope):
                request.state.new_name = new_name()
            try:
                response = await endpoint(request)
            except HTTPException as error:
                response = self._refused(request, error)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            self._set_cookies(request, response)
            return response

        return answer

    # --- pages and actions

    async def show(self, page: Page, request: Request) -> Response:
        """A page, or with ``?part=`` one block of it."""
        self._check_box(page, request)
        template = self._templates.get_template(page.template)
        part = request.query_params.get("part")
        if part is None:
            return self._page(request, template, page, await page.data(request))
        if part in self._layout.blocks:
            return self._part(request, self._layout, part, page, {})
        if part not in template.blocks:
            raise HTTPException(404, f"{page.path}: there is no part {part!r}")
        return self._part(request, template, part, page, await page.data(request))

    async def answer(self, page: Page, answer: Endpoint, request: Request) -> Response:
        """What a page answers beside itself."""
        self._check_box(page, request)
        return await answer(request)

    async def act(self, page: Page, action: Action, request: Request) -> Response:
        """Do what a form says, and show in words what was done or refused."""
        self._check_box(page, request)
        form = await _form(request)
        self._check_form_token(request, form)
        text: str
        try:
            done = await action.run(request, form)
            if isinstance(done, Redrawn):
                return await self._redrawn(request, page, done)
            if isinstance(done, Elsewhere):
                return _go_to(request, f"/pages{done.path}")
            text, status = done, 200
        except HTTPException as error:
            text, status = error.detail, error.status_code
        except ValidationError as error:
            text, status = _first_problem(error), 422
        return self._told(request, text, status, neutral=action.neutral)

    async def _redrawn(self, request: Request, page: Page, done: Redrawn) -> Response:
        """A part of a page with what was done beside it; the whole page for a browser without scripts."""
        template = self._templates.get_template(page.template)
        view = {**await page.data(request), **done.view}
        told = {"text": done.text, "failed": done.failed, "back": ""}
        if "hx-request" not in request.headers:
            return self._page(request, template, page, {**view, "told": told}, 422 if done.failed else 200)
        part = self._part(request, template, done.block, page, view)
        above = self._part(request, self._templates.get_template("done.html.j2"), "told", None, told)
        response = HTMLResponse(
            bytes(part.body) + b'<div id="told" hx-swap-oob="innerHTML">' + bytes(above.body) + b"</div>",
            headers={"HX-Retarget": f"#{done.block}", "HX-Reswap": "innerHTML"},
        )
        if not done.failed:
            response.headers["HX-Trigger"] = "changed"
        return response

    def _told(self, request: Request, text: str, status: int, *, neutral: bool = False) -> Response:
        """What an action did. A browser with scripts puts it into its page, and reports other statuses as faults."""
        back = _own_path(request.headers.get("referer", "/"))
        view = {"text": text, "failed": status >= 400, "neutral": neutral, "back": back}
        template = self._templates.get_template("done.html.j2")
        if "hx-request" not in request.headers:
            return self._page(request, template, None, view, status)
        response = self._part(request, template, "told", None, view)
        if status < 400:
            response.headers["HX-Trigger"] = "changed"
        return response

    def _refused(self, request: Request, error: HTTPException) -> Response:
        view = {"text": error.detail, "failed": True, "back": "/"}
        template = self._templates.get_template("done.html.j2")
        response = self._page(request, template, None, view, error.status_code)
        response.headers.update(error.headers or {})
        return response

    @staticmethod
    def _check_box(page: Page, request: Request) -> None:
        if not has_box(request, page.box):
            missing = (
                Phrase("This web server has no mediator.")
                if page.box == "gateway"
                else Phrase("This web server has no switch.")
            )
            raise HTTPException(404, missing)

    # --- who asks

    async def ask_token(self, request: Request) -> Response:
        """The page that asks for the token."""
        return self._log_in_page(request, "", 200, _own_path(request.query_params.get("next", "/")))

    async def log_in(self, request: Request) -> Response:
        """Begin a session, for the token; after too many wrong ones it has to wait."""
        form = await _form(request)
        self._check_form_token(request, form)
        access, now, address = _access(request), time.monotonic(), address_of(request.scope)
        following = _own_path(form.get("next", "/"))
        verdict = access.judge(form.get("token", "").encode(), address, now)
        if verdict.wait:
            seconds = math.ceil(verdict.wait)
            text = Phrase("Too many wrong tokens: wait {seconds} s.", seconds=seconds)
            response = self._log_in_page(request, text, 429, following)
            response.headers["Retry-After"] = str(seconds)
            return response
        if not verdict.right:
            return self._log_in_page(request, Phrase("This is not the token."), 401, following)
        request.state.new_name = access.new_session(now)
        return RedirectResponse(following, 303)

    async def log_out(self, request: Request) -> Response:
        """End the session of this browser."""
        self._check_form_token(request, await _form(request))
        _access(request).end_session(session_of(request.scope))
        request.state.new_name = new_name()
        return RedirectResponse("/", 303)

    def _log_in_page(self, request: Request, text: str, status: int, following: str) -> Response:
        template = self._templates.get_template("log_in.html.j2")
        return self._page(request, template, None, {"text": text, "next": following}, status)

    @staticmethod
    def _check_form_token(request: Request, form: Form) -> None:
        given = request.headers.get("x-csrf-token") or form.get("csrf", "")
        if not _access(request).is_form_token(session_of(request.scope), given):
            raise HTTPException(403, Phrase("The form is out of date: open the page again."))

    @staticmethod
    def _set_cookies(request: Request, response: Response) -> None:
        if name := getattr(request.state, "new_name", ""):
            port = (request.scope.get("server") or ("", 0))[1]
            response.set_cookie(cookie_name(port), name, httponly=True, samesite="strict", path="/")
        for kind, allowed in (("lang", LANGUAGES), ("theme", _THEMES)):
            if (chosen := request.query_params.get(kind, "")) in allowed:
                response.set_cookie(f"sorm_{kind}", chosen, max_age=_YEAR, httponly=True, samesite="strict")

    # --- rendering

    def _page(
        self,
        request: Request,
        template: Template,
        page: Page | None,
        view: Mapping[str, Any],
        status: int = 200,
    ) -> Response:
        return HTMLResponse(template.render({**self._common(request, page), **view}), status)

    def _part(
        self, request: Request, template: Template, block: str, page: Page | None, view: Mapping[str, Any]
    ) -> Response:
        context = template.new_context({**self._common(request, page), **view})
        return HTMLResponse("".join(template.blocks[block](context)))

    def _common(self, request: Request, page: Page | None) -> dict[str, Any]:
        """What every template may use: the names below, and the macros of ``parts.html.j2``."""
        common = self._names(request, page)
        # A part is rendered without its layout, so what a template imports would not be there.
        parts = self._parts.make_module(common)
        return common | {name: value for name, value in vars(parts).items() if isinstance(value, Macro)}

    def _names(self, request: Request, page: Page | None) -> dict[str, Any]:
        lang = language(request)
        access = _access(request)
        session = getattr(request.state, "new_name", "") or session_of(request.scope)
        logged_in = not access.required or access.is_session(session, time.monotonic())
        return {
            "lang": lang,
            "t": partial(_text, lang),
            "say": lambda text: translate(text, lang),
            "theme": _theme(request),
            "page": page,
            "title": "" if page is None else translate(Phrase(page.title), lang),
            "navigation": self._navigation(request, page, lang) if logged_in else [],
            "header": header(request) if logged_in else None,
            "languages": _choices(request, "lang", LANGUAGES),
            "themes": _choices(request, "theme", _THEMES),
            "csrf": access.form_token(session),
            "logged_in": logged_in,
            "has_session": access.required and logged_in,
            "has_gateway": request.app.state.gateway is not None,
            "has_switch": request.app.state.switch is not None,
            "version": __version__,
            "now": time.time(),
            "here": _here(request),
            "told": None,
        }

    @staticmethod
    def _navigation(request: Request, page: Page | None, lang: Lang) -> list[dict[str, Any]]:
        return [
            {
                "href": "/" if one.path == "/" else f"/pages{one.path}",
                "title": translate(Phrase(one.title), lang),
                "current": page is not None and one.path in (page.path, page.part_of),
            }
            for one in PAGES
            if one.in_navigation and has_box(request, one.box)
        ]


def _go_to(request: Request, address: str) -> Response:
    """Send the browser to another page: by htmx where the form was sent by it."""
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def _theme(request: Request) -> str:
    chosen = (request.query_params.get("theme", ""), request.cookies.get("sorm_theme", ""))
    return next((one for one in chosen if one in _THEMES), "auto")


def _choices(request: Request, kind: str, values: tuple[str, ...]) -> dict[str, str]:
    """Each choice -> the address of this page with it."""
    kept = [pair for pair in request.query_params.multi_items() if pair[0] not in ("part", kind)]
    return {value: "?" + urlencode([*kept, (kind, value)]) for value in values}


def _here(request: Request) -> str:
    """The query of this page without what was chosen once, to ask for parts of it."""
    kept = [pair for pair in request.query_params.multi_items() if pair[0] not in ("part", "lang", "theme")]
    return urlencode(kept)


def _text(lang: Lang, message: MessageId, *, plural: str = "", **values: object) -> str:
    return translate(Phrase(message, plural=plural).fill(**values), lang)


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


def _own_path(address: str) -> str:
    """The path and query of an address, for a redirect that must not lead to another site."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    path = "/" + parts.path.lstrip("/\\")
    return f"{path}?{parts.query}" if parts.query else path


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises :class:`HTTPException` for what is none."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, f"the body came as {kind or 'nothing'}: a form is expected")
    try:
        pairs = parse_qsl(
            (await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise HTTPException(400, f"not a form: {error}") from None
    return {name: value.strip() for name, value in pairs}


def _first_problem(error: ValidationError) -> str:
    first = mistakes(error.errors(), None)[0]
    return join(": ", [key_of(first.location), first.text]) if first.location else first.text


async def _nothing(request: Request) -> Response:
    raise HTTPException(404, Phrase("There is no such page: {path}", path=request.url.path))


async def _changes(request: Request) -> Response:
    """Server-sent events ``changed``: something has happened, look again."""
    gateway, watchers = request.app.state.gateway, cast(Watchers, request.app.state.watchers)
    if gateway is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)  # a browser asks no more
    if watchers.full:
        request.app.state.web_counters["watchers_refused"] += 1
        return Response(status_code=503)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        watchers.changes(gateway.events), media_type="text/event-stream", headers=headers
    )
