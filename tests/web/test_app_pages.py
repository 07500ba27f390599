"""What a person finds who opens the description of the API in a browser."""

import re
import subprocess
import sys

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


def test_a_lab_starts_without_the_pages() -> None:
    """Templates and their engine are read when somebody opens a page."""
    code = (
        "import sys; from sorm_mediator.web.app import create_app; create_app()\n"
        "print([one for one in sys.modules if one == 'jinja2' or one.startswith('sorm_mediator.web.pages')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
