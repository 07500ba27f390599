"""Citations that lead nowhere: what code, tests, scenarios and docs name as a source can be opened by their reader.

``docs/sources.md`` tells the forms. Looked at is the text of the files that git tracks, with the marks of comments and
ends of lines taken out, so that a citation may go on in the next line.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SUFFIXES = (".py", ".md", ".toml", ".yaml", ".txt", ".json")
ROOMS = (
    "protocol",
    "radius",
    "ssh_control",
    "e1",
    "sorm_mediator",
    "captures",
    "bench",
    "docs",
    "tests",
    "scripts",
)
OWN = Path(__file__).relative_to(ROOT).as_posix()

CLOSED = re.compile(
    r"""
      \b(?:PROTOCOL|LINK|DESIGN|CODE|FOUND)\ \d        # documents that are not in the repository
    | \b(?:PROTOCOL|LINK|DESIGN|CODE|FOUND|STYLE|SEEDS|ORDER268)\.md\b
    | \b[Ss]eeds?\ 00\d | \[seed\] | \b[Tt]he\ seed(?:'s|s)?\b
    | \b(?:fact\ )?sheets?\b                           # a page of paper is a page
    | \bpeer\ ?[1-9]\b
    | \[(?:inferred|gap|article|eltex|std)\]
    | \bApp\.\ \d+\ cl\.
    """,
    re.VERBOSE,
)
CLAUSE = r"(?:rule \d+|appendix \d+|\d{1,2}(?:\.\d{1,2})+)"
ORDER_268 = re.compile(rf"\b[Oo]rder 268, ({CLAUSE}(?:(?:,| and|, and| to|-) ?{CLAUSE})*)")
LOOSE_ORDER_268 = re.compile(
    r"\b[Oo]rder 268,? (?:clauses? |cl\. |appendix |app\. |App\. |items? |point )?(\d[\d.]*)"
)
PAGE = re.compile(r"\bdocs/([a-z0-9_/-]+\.md)(#[a-z0-9_-]+)?")
MANUAL = re.compile(r"\b(ECSS-10|Eltex SMG1016M|SMG1016M) manual\b(?:, )?(.{0,120})")
RECOMMENDATION = re.compile(
    r"\b(?:ITU-T )?([EGIOQTVX]\.\d{1,4})(?![\w-])(?:(?: \([0-9/]+\))?,? (\d+(?:\.\d+)+))?"
)
RFC = re.compile(r"\bRFC[ -]?(\d+)\b")
TGPP = re.compile(r"\b3GPP(?: TS)? (\d+\.\d+)")


@cache
def files() -> tuple[str, ...]:
    """What git tracks; all that lies here where there is no git, as in an unpacked archive."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=False, capture_output=True, text=True
    ).stdout.split("\0")
    if listed == [""]:
        listed = [path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*")]
        listed += [path.name for path in ROOT.iterdir()]
    found = [name for name in listed if name.endswith(SUFFIXES) and "_build/" not in name and name != OWN]
    return tuple(name for name in found if (ROOT / name).is_file())


@cache
def text(name: str) -> str:
    """The text of a file on one line, without the marks of comments and quotes at the beginnings of its lines."""
    written = (ROOT / name).read_text(encoding="utf-8")
    lines = (
        re.sub(r'^\s*(?:#:? |> |\* |"""|f?"(?=\w))?', "", line).rstrip() for line in written.splitlines()
    )
    return " ".join(lines)


def texts() -> Iterator[tuple[str, str]]:
    for name in files():
        yield name, text(name)


def rows(page: str) -> Iterator[str]:
    """The first cell of every row of every table of a page."""
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            yield line[2:].partition(" |")[0]


@cache
def clauses() -> frozenset[str]:
    """The clauses that rows of docs/order268.md begin with, and the appendices that its headings name."""
    headings = re.findall(
        r"^## Appendi(?:x|ces) ([^:]+):", (DOCS / "order268.md").read_text("utf-8"), re.MULTILINE
    )
    return frozenset(
        clause
        for cell in rows("order268.md")
        if re.fullmatch(rf"{CLAUSE}(?:, {CLAUSE})*", cell)
        for clause in cell.split(", ")
    ) | {f"appendix {number}" for heading in headings for number in re.findall(r"\d+", heading)}


@cache
def listed() -> frozenset[str]:
    """The numbers that docs/sources.md lists: Recommendations, RFC, specifications."""
    return frozenset(rows("sources.md"))


@cache
def chapters() -> tuple[str, ...]:
    """Names and headings of the chapters of the vendor's manuals, in lower case."""
    found = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| (?:ECSS-10|SMG1016M) \|$", (DOCS / "sources.md").read_text("utf-8"), re.M
    )
    return tuple(name.lower() for pair in found for name in pair)


def slugs(page: Path) -> set[str]:
    """The anchors of a page: its headings as GitHub and MyST name them."""
    headings = re.findall(r"^#{1,6} +(.+?)\s*$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def closed(written: str) -> list[str]:
    return [found[0] for found in CLOSED.finditer(written)]


def unknown_clauses(written: str) -> list[str]:
    """What is cited of order 268 and is not a clause of it. A citation in another form than ours counts as unknown."""
    wrong = [
        clause
        for found in ORDER_268.finditer(written)
        for clause in re.findall(CLAUSE, found[1])
        if clause not in clauses()
    ]
    known = {found.start() for found in ORDER_268.finditer(written)}
    return wrong + [found[0] for found in LOOSE_ORDER_268.finditer(written) if found.start() not in known]


def missing_pages(written: str) -> list[str]:
    """Pages of docs/ that are not there, or have no such heading."""
    wrong = []
    for name, anchor in PAGE.findall(written):
        page = DOCS / name
        if not page.is_file() or (anchor and anchor[1:] not in slugs(page)):
            wrong.append(f"docs/{name}{anchor}")
    return wrong


def unlisted_chapters(written: str) -> list[str]:
    """Citations of a manual without a chapter that docs/sources.md lists."""
    wrong = []
    for found in MANUAL.finditer(written):
        named = found[2].lower()
        # In quotes the beginning of a heading is enough.
        quoted = re.match(r'["«“]([^"»”]{12,})["»”]', named)
        if not (
            named.lstrip('"«“').startswith(chapters())
            or (quoted and any(chapter.startswith(quoted[1]) for chapter in chapters()))
        ):
            wrong.append(found[0][:60])
    return wrong


def unlisted_standards(written: str) -> list[str]:
    """Recommendations, RFC and specifications that docs/sources.md doesn't list, or whose clause has no right form."""
    wrong = []
    for found in RECOMMENDATION.finditer(written):
        number, clause = found[1], found[2]
        if number not in listed() or (clause and any(int(part) > 99 for part in clause.split("."))):
            wrong.append(found[0])
    wrong += [found[0] for found in RFC.finditer(written) if f"RFC {found[1]}" not in listed()]
    wrong += [found[0] for found in TGPP.finditer(written) if f"3GPP TS {found[1]}" not in listed()]
    return wrong


CHECKS = (closed, unknown_clauses, missing_pages, unlisted_chapters, unlisted_standards)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_no_citation_leads_nowhere(check: object) -> None:
    assert callable(check)
    found = {name: wrong for name, written in texts() if (wrong := check(written))}
    if check is unlisted_chapters:
        # The page that lists the chapters names the manuals themselves.
        found.pop("docs/sources.md", None)
    assert found == {}


def test_the_page_of_the_order_has_every_clause() -> None:
    """Appendices 1 to 11 without a gap: each clause of a level begins at 1 and none is left out."""
    assert {clause for clause in clauses() if clause.startswith("appendix")} == {
        f"appendix {number}" for number in range(1, 12)
    }
    numbered = {clause for clause in clauses() if "." in clause}
    for clause in numbered:
        above, _, last = clause.rpartition(".")
        assert above in numbered or f"appendix {above}" in clauses(), f"{clause} without {above}"
        assert last == "1" or f"{above}.{int(last) - 1}" in numbered, f"{clause} without the one before"
    # Where an appendix ends can't be told from the page: these are counted in the order.
    assert len(numbered) == 391


@pytest.mark.parametrize(
    ("check", "written"),
    [
        (closed, f"A rule (PROTOCOL {4.3})."),
        (closed, f"see LINK {1.5}; DESIGN {4}"),
        (closed, f"Source: seed {1:03}, settings"),
        (closed, "as the fact sheet says"),
        (closed, "[peer3] comments"),
        (closed, "our choice [inferred]"),
        (closed, "App. 6 cl. 15"),
        (unknown_clauses, "order 268, 6.5.99"),
        (unknown_clauses, "order 268, 6.5.4, 6.18"),
        (unknown_clauses, "order 268, rule 40"),
        (unknown_clauses, "order 268, appendix 12"),
        (unknown_clauses, "order 268 clause 6.5.4"),
        (missing_pages, "docs/nowhere.md"),
        (missing_pages, "docs/order268.md#no-such-heading"),
        (unlisted_chapters, "ECSS-10 manual, Cooking"),
        (unlisted_chapters, "as the Eltex SMG1016M manual says"),
        (unlisted_standards, "ITU-T X.999, 2.4"),
        (unlisted_standards, "ITU-T X.25, 2.444.1"),
        (unlisted_standards, "RFC 99999"),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(check: object, written: str) -> None:
    assert callable(check)
    assert check(written) != []


@pytest.mark.parametrize(
    "written",
    [
        "order 268, 6.5.4, 6.5.6 and 11.2.4.1; order 70, 1.5; order 268, rule 5; order 268, appendix 6",
        "ITU-T X.25, 2.4.4.1; ITU-T G.706 4.2; RFC 3550, 6.4; 3GPP TS 23.038",
        'ECSS-10 manual, MultiSORM; Eltex SMG1016M manual, "Настройки СОРМ"',
        "docs/order268.md#order-70, docs/performance-notes/ssh.md",
        "np.random.default_rng(seed); a spreadsheet; the peer 192.0.2.1",
    ],
)
def test_a_citation_that_can_be_opened_is_none_of_them(written: str) -> None:
    assert [check(written) for check in CHECKS] == [[]] * len(CHECKS)
