"""What a command says before it begins, of a place where it can't write."""

from __future__ import annotations

from pathlib import Path

import pytest

from sorm_mediator.console.errors import UsageError, check_folders


def refusal(tmp_path: Path, *, file: str = "", folder: str = "") -> str:
    """What is said of a file or a folder below a folder; "": nothing."""
    try:
        check_folders(
            {"--report": tmp_path / file if file else None},
            {"--findings": tmp_path / folder if folder else None},
        )
    except UsageError as error:
        return str(error).replace(f"{tmp_path}/", "")
    return ""


def test_what_is_not_there_yet_and_what_is_written_again_are_fine(tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("")
    (tmp_path / "old").mkdir()
    (tmp_path / "leads-nowhere").symlink_to(tmp_path / "not-there")
    assert not refusal(tmp_path, file="new.html", folder="new")
    assert not refusal(tmp_path, file="old.html", folder="old")
    assert not refusal(tmp_path, file="leads-nowhere")


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({"file": "old"}, "--report: old: is a folder: give a file in it"),
        ({"folder": "old.html"}, "--findings: old.html: is no folder"),
        ({"file": "no/a.html"}, "--report: no/a.html: its folder does not exist"),
        ({"file": "old.html/a"}, "--report: old.html/a: its folder does not exist"),
        ({"folder": "no/f"}, "--findings: no/f: its folder does not exist"),
        ({"file": "round"}, "--report: round: can't be written: Too many levels of symbolic links"),
        ({"file": "x" * 300}, f"--report: {'x' * 300}: can't be written: File name too long"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_place_that_can_not_be_is_told_with_its_option(
    tmp_path: Path, place: dict[str, str], told: str
) -> None:
    (tmp_path / "old.html").write_text("")
    (tmp_path / "old").mkdir()
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert refusal(tmp_path, **place) == told
