"""A visitor of the pages: Debian's chromium, driven by Playwright, and axe-core for what a screen reader needs.

A module of tests of pages says ``pytestmark = pytest.mark.asyncio(loop_scope="module")``, takes the fixture
``visitor``, and opens a lab with :func:`open_lab`. Each error in the browser's console, each exception of a script
and each request that fails is a fault: the fixture fails the test for it, unless the test took it out of
``visitor.faults``.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from sorm_mediator.config import load
from sorm_mediator.lab.lab import Boxes, Lab, changed, on_free_ports

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

ROOT = Path(__file__).parents[2]
LABS = ROOT / "captures" / "labs"
CHROMIUM = Path("/usr/bin/chromium")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sorm-mediator" / "test-tools"
AXE = CACHE / "axe-core" / "axe.min.js"
"""Put there by ``scripts/install-test-tools``."""
PICTURES = ROOT / "docs" / "pictures"
TAKE_PICTURES = bool(os.environ.get("SORM_PICTURES"))
"""Whether the pictures of the documentation are to be made anew (``make pictures``)."""
PATIENCE = 60_000
"""Milliseconds that something may take to be seen: a test waits for it, and a busy machine fails none."""
IMPACTS = ("serious", "critical")


class Visitor:
    """One person with one browser window. ``faults`` are those of all pages that were opened in it."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context, self.page = context, page
        self.faults: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("requestfailed", self._request_failed)
        page.on("response", self._response)

    @classmethod
    @asynccontextmanager
    async def arrive(cls, browser: Browser, **options: Any) -> AsyncIterator[Self]:
        """A visitor with a browser that has been nowhere yet; ``options`` are those of a browser context."""
        context = await browser.new_context(
            **{"locale": "en-GB", "viewport": {"width": 1280, "height": 800}, **options}
        )
        try:
            yield cls(context, await context.new_page())
        finally:
            await context.close()

    async def open(self, url: str) -> Page:
        """Open a page and wait until its scripts have run."""
        await self.page.goto(url, wait_until="load")
        return self.page

    async def leave(self) -> None:
        """Go away from the page, before its server stops."""
        await self.page.goto("about:blank")

    async def axe(self) -> list[str]:
        """Serious and critical violations on the page as it stands, each with the elements that have it."""
        if not AXE.exists():
            pytest.skip(f"axe-core is not there: {AXE} (scripts/install-test-tools)")
        # As the browser's own tooling would put it in: the policy of the pages is for what pages do.
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']} ({one['impact']}): {one['help']}: {[node['html'][:120] for node in one['nodes'][:5]]}"
            for one in found["violations"]
            if one["impact"] in IMPACTS
        ]

    async def picture(self, name: str) -> None:
        """A picture of the window for the documentation, when they are to be made."""
        if TAKE_PICTURES:
            await self.page.set_viewport_size({"width": 1200, "height": 900})
            await self.page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
            PICTURES.mkdir(exist_ok=True)
            await self.page.screenshot(path=PICTURES / f"{name}.png", caret="initial")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _request_failed(self, request: Request) -> None:
        # A page that is left, or closed, gives up its streams of events.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"request: {request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"response: {response.status} {response.url}")


@asynccontextmanager
async def open_lab(
    name: str = "laptop.toml", *, boxes: Boxes = "lab", tables: Mapping[str, Mapping[str, Any]] | None = None
) -> AsyncIterator[Lab]:
    """A lab of ``captures/labs/`` on free ports, which keeps nothing on disk; ``tables``: what is changed of it."""
    config = on_free_ports(load(LABS / name))
    config = changed(config, {"mediator": {"state": ":memory:", "journal": ""}})
    if config.switch is not None:
        config = changed(config, {"switch": {"host_key_file": ""}})
    async with Lab(changed(config, tables or {}), boxes=boxes) as lab:
        yield lab
