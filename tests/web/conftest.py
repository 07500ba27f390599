"""The pages in a real browser: fixtures of the tests of pages. What they do is in :mod:`tests.web.browser`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.web.browser import CHROMIUM, PATIENCE, Visitor

if TYPE_CHECKING:
    from playwright.async_api import Browser


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """Debian's chromium, started once for a module of tests."""
    playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed (apt install chromium)")
    playwright.expect.set_options(timeout=PATIENCE)
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=str(CHROMIUM), headless=True, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(chromium: Browser) -> AsyncIterator[Visitor]:
    """Somebody with a browser of their own: a fault on any page that they open fails the test."""
    async with Visitor.arrive(chromium) as visitor:
        yield visitor
    assert visitor.faults == []
