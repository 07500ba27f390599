"""What the rooms may import, beside what import-linter holds (pyproject.toml)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OUTER = ("protocol", "e1", "radius", "ssh_control")
ROOMS = (*OUTER, "sorm_mediator", "captures", "tests", "bench")
LIBRARIES = {
    "protocol": {"construct", "hypothesis"},
    "e1": {"numpy", "serial"},
    "radius": {"pyrad"},
    "ssh_control": {"asyncssh", "msgspec"},
}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


@pytest.mark.parametrize("room", OUTER)
def test_an_outer_room_imports_itself_its_library_and_the_standard_library(room: str) -> None:
    files = list((ROOT / room).rglob("*.py"))
    assert files
    for file in files:
        for module in imported(file):
            top = module.partition(".")[0]
            allowed = top == room or top in LIBRARIES[room] or top in sys.stdlib_module_names
            assert allowed, f"{file.relative_to(ROOT)} imports {module}"


def test_nothing_of_the_application_imports_tests_or_bench() -> None:
    for file in (ROOT / "sorm_mediator").rglob("*.py"):
        assert not {m.partition(".")[0] for m in imported(file)} & {"tests", "bench"}, file


@pytest.mark.parametrize("module", ["protocol", "radius", "ssh_control.dialect", "e1"])
def test_an_outer_room_is_light_to_import(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"hypothesis", "scapy", "numpy", "sqlalchemy", "fastapi", "rich", "pydantic"} & set(loaded)


def test_the_version_is_told_without_loading_anything_heavy() -> None:
    code = (
        "import sys; sys.argv = ['sorm-mediator', '--version']; from sorm_mediator.cli import main; main();"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.startswith("sorm-mediator ")
    assert not {"typer", "asyncio", "pydantic", "construct", "asyncssh", "scapy"} & set(said.split())


@pytest.mark.parametrize(
    "module",
    ["sorm_mediator.mediator.binding.gateway", "sorm_mediator.replay.session", "sorm_mediator.lab.targets"],
)
def test_what_works_over_tcp_is_loaded_without_e1_and_numpy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert module in loaded
    assert not {"numpy", "e1.stream", "sorm_mediator.console.e1_client"} & set(loaded)


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a command line has loaded when it ends."""
    code = (
        f"import sys; sys.argv = {['sorm-mediator', *arguments]!r}\n"
        "try:\n    from sorm_mediator.cli import main; main()\n"
        "finally:\n    print('loaded', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    return set(done.stdout.rpartition("loaded")[2].split())


HEAVY = {"jinja2", "asyncssh", "scapy", "pyrad", "numpy", "rich", "tomlkit", "sqlalchemy", "fastapi"}
LAPTOP = "captures/labs/laptop.toml"


@pytest.mark.parametrize(
    ("arguments", "without"),
    [
        (("config", "check", LAPTOP), {"asyncio", "yaml", "radius.wire", "e1.x25.packets"}),
        (
            ("trace", "-c", LAPTOP, "cgpn.digits=28331", "cdpn.digits=28332"),
            {"asyncio", "yaml", "radius.wire", "e1.x25.packets"},
        ),
        (("examples",), {"asyncio", "protocol", "sorm_mediator.config", "sorm_mediator.replay.scenario"}),
        (
            ("send", "--host", "127.0.0.1", "--kpd1", "1", "--kpd2", "2", "get-version"),
            {"sorm_mediator.replay.runner", "sorm_mediator.capture.writer", "e1.x25.packets"},
        ),
        (("decode", "CC01"), {"asyncio", "yaml", "sorm_mediator.config"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_short_command_loads_only_what_it_needs(arguments: tuple[str, ...], without: set[str]) -> None:
    loaded = loaded_by(*arguments)
    assert "sorm_mediator.cli.app" in loaded
    assert not (HEAVY | without) & loaded


def test_a_start_reads_no_source_for_the_meanings_of_keys() -> None:
    code = "import sys, ast; ast.parse = None; import sorm_mediator.config as c; c.load(None); print('read')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "read\n", done.stderr


def test_help_of_a_command_is_shown_without_loading_what_it_runs() -> None:
    loaded = loaded_by("decode", "--help")
    assert "sorm_mediator.cli.codec" in loaded
    assert not {"asyncio", "construct", "protocol", "e1", "asyncssh", "sqlalchemy"} & loaded
