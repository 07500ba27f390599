"""What a person finds who opens the API in a browser, or forgets the content type."""

import re

from fastapi.testclient import TestClient

from sorm_mediator.web.app import create_app


def client() -> TestClient:
    return TestClient(create_app(), base_url="http://127.0.0.1")


def test_the_documentation_needs_no_network() -> None:
    page = client().get("/")
    assert page.url.path == "/docs"
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert wanted
    for address in wanted:
        assert address.startswith("/"), address
        assert client().get(address).status_code == 200, address
