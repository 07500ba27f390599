"""Every page in Russian: what a person reads there is Russian, but for code, names and what is allowed below."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest
import pytest_asyncio

from protocol import AddObject, Category, CommandExecuted, NumberSign, ObjectType, Priority, Start
from sorm_mediator.lab.lab import Lab
from sorm_mediator.web.pages.settings import GROUPS
from sorm_mediator.web.pages.table import PAGES
from tests.mediator.gateway_harness import Console
from tests.web.browser import open_lab

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE = frozenset(("code", "pre", "script", "style"))
"""Elements whose text is the same in every language."""
SHOWN_ATTRIBUTES = (
    "aria-label",
    "title",
    "placeholder",
    "data-shown",
    "data-waiting",
    "data-lost",
    "data-none",
)
"""Attributes that a person is shown or told."""
ALLOWED = frozenset(
    (
        # the product, and names of standards and formats
        "sorm", "mediator", "http", "api", "ssh", "radius", "lapb", "hdlc", "xot", "satop", "json", "csv", "lines",
        "tcp", "udp", "voip", "rtp", "toml", "eltex", "ecss",
        "multisorm", "linux", "pyserial", "url", "iso", "rfc", "ets", "pbx",
        "crc", "smg", "enter", "english", "bearer", "restart", "reset", "clear", "call", "message", "authenticator",
        "diagnostic",
        # names in the alphabet of X.25, LAPB and G.704, which the documents themselves do not translate
        "frmr", "sabm", "sabme", "disc", "dte", "dce", "fcs",
        "fas", "nfas", "los", "ais", "lof", "lomf", "rai", "work",
        "off", "absent", "dcd", "lops", "rnr", "sbm", "bbe", "ses", "hdb",
        # names in a form of a call, as its field takes them
        "subscriber", "trunk", "cgpn", "cdpn", "group",
    )
)  # fmt: skip
"""Words in Latin letters that a Russian text may have."""
WORD = re.compile(r"[A-Za-z]{3,}")


class Reader(HTMLParser):
    """The words in Latin letters that a page shows outside of code, each with the text that it stands in."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._skipped: list[str] = []
        """Open elements, from the outermost one whose text is not read."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if self._skipped:
            if tag == self._skipped[0]:
                self._skipped.append(tag)
            return
        for name in SHOWN_ATTRIBUTES:
            self._read(given.get(name) or "")
        classes = (given.get("class") or "").split()
        # A unit, or a request, as `watch` writes it. What happens at the switch is told in words.
        notation = "mono" in classes or (tag == "g" and "call" not in classes)
        a_value = tag == "option" and "value" not in given  # what is chosen is the name itself
        if tag in CODE or notation or a_value or given.get("lang") == "en":
            self._skipped = [tag]

    def handle_endtag(self, tag: str) -> None:
        if self._skipped and tag == self._skipped[0]:
            self._skipped.pop()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._read(data)

    def _read(self, text: str) -> None:
        # Paths, addresses and keys, places of values, numbers of the order such as FFh, and ids of calls.
        text = re.sub(r"\S*[./_=:@]\w\S*|{\w+}|0x\w+|\b[0-9A-F]{2}h\b|\b[0-9a-f]{6}-\d+", " ", text)
        self.found += [
            (word, " ".join(text.split())) for word in WORD.findall(text) if word.lower() not in ALLOWED
        ]


def prose(page: str) -> list[tuple[str, str]]:
    """The words in Latin letters of a page that are not allowed."""
    reader = Reader()
    reader.feed(page)
    return reader.found


async def test_what_the_reader_finds() -> None:
    assert prose("<p>Слово and <code>other</code> word</p><td lang='en'>three</td>") == [
        ("and", "Слово and"),
        ("word", "word"),
    ]
    assert prose("<b title='a title'>Х</b><option value='x'>text</option><option>name</option>") == [
        ("title", "a title"),
        ("text", "text"),
    ]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["e1.toml", "order268.toml"])
async def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """A lab with a call that goes on, an object under control, and entries in its journal."""
    journal = tmp_path_factory.mktemp("lab") / "journal.db"
    tables = {"mediator": {"state": ":memory:", "journal": str(journal)}}
    async with open_lab(request.param, tables=tables) as lab:
        if "kpd1" in lab.endpoints:
            console = await Console.connect(lab.endpoints["kpd1"])
            own = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
            console.send(Start())
            await console.until(CommandExecuted, status=0)
            console.send(AddObject(258, *own, "28331", None, Category.STATISTICAL, None, Priority.NORMAL))
            await console.until(CommandExecuted, status=0)
            console.close()
        yield lab


async def test_the_smart_licence_is_russian() -> None:
    async with (
        open_lab("smart_licence.toml") as lab,
        httpx.AsyncClient(base_url=lab.web_url, trust_env=False, timeout=60) as http,
    ):
        answer = await http.get("/pages/licence", headers={"accept-language": "ru"})
    assert "Умная лицензия" in answer.text
    assert prose(answer.text) == []


async def test_every_page_is_russian(lab: Lab) -> None:
    async with httpx.AsyncClient(base_url=lab.web_url, trust_env=False, timeout=60) as http:
        calls = "/api/v1/switch/domains/test.domain/calls"
        made = (await http.post(calls, json={"a": "28331", "b": "28332", "ring": 0, "talk": 600})).json()
        ended = (await http.post(calls, json={"a": "28332", "b": "28331", "ring": 600, "talk": 1})).json()
        await http.delete(f"/api/v1/calls/{ended['call']}")
        lost = (await http.post(calls, json={"a": "28331", "b": "5", "ring": 0, "talk": 1})).json()
        opened = [page.path for page in PAGES if page.in_navigation]
        opened += [f"/settings?group={group}" for group in GROUPS]
        opened += [f"/calls/{one['call']}" for one in (made, ended, lost)]
        opened += [
            "/numbers?cgpn.digits=28331&cdpn.digits=89001758964",
            "/numbers?cgpn.digits=28331&cdpn.digits=5",
        ]
        opened += ["/objects?find=0", "/no.page", "/calls/0-0", "/reports/99"]
        if "kpd1" in lab.endpoints:
            run = (await http.post("/api/v1/jobs", json={"kind": "stop", "lang": "ru"})).json()
            opened += [f"/reports/{run['id']}", "/reports"]
        assert lab.gateway is not None
        units = [one.number for one in lab.gateway.events if one.kind in ("unit", "request", "reply")]
        opened += [f"/units?number={number}" for number in units[:20]]
        found: list[str] = []
        for path in opened:
            address = "/" if path == "/" else f"/pages{path}"
            answer = await http.get(address, headers={"accept-language": "ru"})
            found += sorted({f"{path}: {word}: {text}" for word, text in prose(answer.text)})
        await http.delete(f"/api/v1/calls/{made['call']}")
    assert not found, "\n".join(found)
