"""What a person finds who opens the description of the API in a browser."""

import re

import httpx

from sorm_mediator.web.app import create_app


async def test_the_documentation_needs_no_network() -> None:
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", follow_redirects=True
    ) as browser:
        page = await browser.get("/docs")
        wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert wanted
        for address in wanted:
            assert address.startswith("/"), address
            assert (await browser.get(address)).status_code == 200, address
