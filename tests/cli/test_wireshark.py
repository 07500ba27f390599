"""``wireshark``: where the dissector is written, and what is left alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sorm_mediator.cli.app import app


def run(*arguments: str, home: Path, path: str | None = None) -> Result:
    environment = {"HOME": str(home), "PATH": os.environ["PATH"] if path is None else path}
    return CliRunner().invoke(app, ["wireshark", *arguments], env=environment)


def test_install_writes_where_tshark_looks_and_remove_removes_it(tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed: apt install tshark")
    done = run("install", home=tmp_path)
    file = Path(done.stdout.partition(": written")[0])
    assert (done.exit_code, done.stderr) == (0, "")
    assert file.parent.is_relative_to(tmp_path)
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    listed = subprocess.run(
        [tshark, "-G", "protocols"], capture_output=True, text=True, env=environment, check=True
    )
    assert "\tSORM\t" in listed.stdout.upper()
    assert run("install", "--order", "70", home=tmp_path).exit_code == 0  # over our own
    assert 'default = "70"' in file.read_text()
    assert run("install", "--remove", home=tmp_path).stdout == f"{file}: removed\n"
    assert run("install", "--remove", home=tmp_path).stdout == f"{file}: is not there\n"
    assert not file.exists()


def test_without_wireshark_it_is_written_where_wireshark_looks_by_default(tmp_path: Path) -> None:
    done = run("install", home=tmp_path, path=str(tmp_path))
    file = tmp_path / ".local" / "lib" / "wireshark" / "plugins" / "sorm.lua"
    assert done.stdout.startswith(f"{file}: written")
    assert file.read_text() == run("print", home=tmp_path).stdout


def test_a_file_of_others_stays(tmp_path: Path) -> None:
    (tmp_path / "sorm.lua").write_text("-- mine")
    for more in ([], ["--remove"]):
        done = run("install", "--dir", str(tmp_path), *more, home=tmp_path)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith(f"sorm-mediator: {tmp_path / 'sorm.lua'}: is no file of sorm-mediator")
    assert (tmp_path / "sorm.lua").read_text() == "-- mine"


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_not_followed(tmp_path: Path, there: bool) -> None:
    target = tmp_path / "elsewhere"
    if there:
        target.write_text(run("print", home=tmp_path).stdout)
        before = target.read_bytes()
    (tmp_path / "sorm.lua").symlink_to(target)
    for more in ([], ["--remove"]):
        done = run("install", "--dir", str(tmp_path), "--order", "70", *more, home=tmp_path)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith(f"sorm-mediator: {tmp_path / 'sorm.lua'}: is a link")
    assert (tmp_path / "sorm.lua").is_symlink()
    assert target.read_bytes() == before if there else not target.exists()


def test_only_the_dissector_is_left_behind(tmp_path: Path) -> None:
    assert run("install", "--dir", str(tmp_path), home=tmp_path).exit_code == 0
    assert [one.name for one in tmp_path.iterdir()] == ["sorm.lua"]


@pytest.mark.parametrize("name", ["file/below", "missing/below", "file"])
def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    done = run("install", "--dir", str(tmp_path / name), home=tmp_path)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"sorm-mediator: --dir: {tmp_path / name}: is no folder")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_print_in_russian(tmp_path: Path) -> None:
    done = run("print", "--lang", "ru", home=tmp_path)
    assert done.exit_code == 0
    assert "номер объекта" in done.stdout
