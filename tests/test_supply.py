"""The list of components, and what an audit says of what it could not check."""

from __future__ import annotations

import json
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from scripts.supply import Audited, audited, closure, main, needed, normal, sbom

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom()


def test_the_list_has_each_dependency_with_the_version_that_is_installed(bill: dict[str, Any]) -> None:
    listed = {normal(one["name"]): one.get("version") for one in bill["components"]}
    wanted = closure(needed())
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert len(wanted) > len(declared), "also what is needed by what is needed"
    assert {name: listed.get(name) for name in wanted} == {name: metadata.version(name) for name in wanted}
    assert not {"pytest", "mypy", "bandit", "scapy"} & {*listed}, "nothing of the tools"
    assert bill["metadata"]["component"]["name"] == "sorm-mediator"


def test_the_list_has_the_scripts_that_are_carried_and_leads_nowhere_else(bill: dict[str, Any]) -> None:
    carried = {one["name"]: one for one in bill["components"] if one["bom-ref"].startswith("carried:")}
    files = (ROOT / "sorm_mediator" / "web" / "pages" / "static" / "vendor").glob("*.js")
    assert {*carried} == {file.name.removesuffix(".min.js") for file in files}
    assert all(len(one["hashes"][0]["content"]) == 64 and one["licenses"] for one in carried.values())
    references = {one["bom-ref"] for one in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    assert {one["ref"] for one in bill["dependencies"]} == references
    assert {ref for one in bill["dependencies"] for ref in one.get("dependsOn", [])} <= references


FLAW = {"id": "CVE-1", "fix_versions": ["2"], "aliases": []}


def said(*packages: dict[str, Any]) -> str:
    return json.dumps(
        {"dependencies": [{"name": "a", "version": "1"} | one for one in packages], "fixes": []}
    )


def test_an_audit_that_has_checked_says_so() -> None:
    found = audited(0, said({"vulns": []}, {"vulns": []}), "")
    assert found.lines() == ["audit: 2 packages checked, 0 known vulnerabilities"]
    found = audited(1, said({"vulns": [FLAW]}, {"vulns": []}), "")
    assert found.lines() == [
        "audit: a 1: CVE-1: fixed in 2", "audit: 2 packages checked, 1 known vulnerabilities"
    ]  # fmt: skip


def test_what_was_not_checked_is_counted_by_its_reason() -> None:
    absent = {"skip_reason": "Dependency not found on PyPI and could not be audited: a (1)"}
    own = {"skip_reason": "distribution marked as editable"}
    found = audited(0, said({"vulns": []}, absent, absent, own), "")
    assert (found.checked, found.left_out) == (
        1, {"Dependency not found on PyPI and could not be audited": 2}
    )  # fmt: skip
    assert found.lines()[-1].startswith("audit: not checked: 2 packages: Dependency not found")
    for output, errors in (("", "Traceback\nConnectionError: no route\n"), ("{}", ""), ("[]", "")):
        found = audited(1, output, errors)
        assert (found.checked, found.vulnerable) == (0, ())
        assert found.lines()[0].startswith("audit: not checked: packages: ")
    assert audited(2, "", "x\nConnectionError: no route\n").left_out == {"ConnectionError: no route": 0}


@pytest.mark.parametrize(
    ("found", "strict", "code"),
    [
        (Audited(3, (), {}), False, 0),
        (Audited(3, (), {}), True, 0),
        (Audited(0, (), {"no route": 0}), False, 0),
        (Audited(0, (), {"no route": 0}), True, 1),
        (Audited(3, ("a 1: CVE-1",), {}), False, 1),
    ],
)
def test_the_exit_code_and_what_is_told_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    found: Audited,
    strict: bool,
    code: int,
) -> None:
    monkeypatch.setattr("scripts.supply.LEFT_OUT", tmp_path / "left-out.txt")
    monkeypatch.setattr("scripts.supply.run_audit", lambda: found)
    monkeypatch.setattr("sys.argv", ["supply", "told"])
    assert main() == 0
    assert capsys.readouterr().out == "audit: not checked: it has not run\n"
    monkeypatch.setattr("sys.argv", ["supply", "audit", *(["--strict"] if strict else [])])
    assert main() == code
    assert capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["supply", "told"])
    main()
    assert capsys.readouterr().out == "".join(
        f"audit: not checked: packages: {why}\n" for why in found.left_out
    )
