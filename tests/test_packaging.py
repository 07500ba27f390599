"""What an installed copy holds: every package is listed, and the data that ``demo`` needs travels with it."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = ("captures", "e1", "protocol", "radius", "sorm_mediator", "ssh_control")


def test_every_package_is_listed() -> None:
    tree = {
        ".".join(init.parent.relative_to(ROOT).parts) for room in SHIPPED for init in (ROOT / room).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == tree


def test_data_travels_with_its_package() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    for room in SHIPPED:
        carried = {path for pattern in (*patterns.get(room, ()), "py.typed") for path in (ROOT / room).glob(pattern)}
        for file in (ROOT / room).rglob("*"):
            if file.is_file() and file.suffix not in (".py", ".pyc"):
                assert file in carried, f"{file.relative_to(ROOT)} is not in package-data"


def test_scapy_is_an_extra_that_nothing_needs() -> None:
    assert not any("scapy" in need for need in PROJECT["project"]["dependencies"])
    assert PROJECT["project"]["optional-dependencies"]["scapy"]
