"""What an installed copy holds: every package is listed, and the data that ``demo`` needs travels with it."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = ("captures", "e1", "protocol", "radius", "sorm_mediator", "ssh_control")


def shipped_folders() -> set[Path]:
    return {
        file.parent.relative_to(ROOT)
        for room in SHIPPED
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and ".db" not in file.name
    }


PACKAGES = {ROOT / name.replace(".", "/") for name in PROJECT["tool"]["setuptools"]["packages"]}


def package_of(folder: Path) -> Path:
    """The package that carries a folder: itself, or the nearest above it when its name can't be a package's."""
    return next(one for one in (ROOT / folder, *(ROOT / folder).parents) if one in PACKAGES)


def test_every_folder_that_is_shipped_is_listed() -> None:
    shipped = {ROOT / folder for folder in shipped_folders()}
    assert shipped >= PACKAGES
    beyond = {
        folder
        for folder in shipped - PACKAGES
        if folder.parent.name != "multisorm" and "locale" not in folder.parts
    }
    pages = ROOT / "sorm_mediator" / "web" / "pages"
    of_pages = {pages / "templates", pages / "static", pages / "static" / "vendor"}
    labs = ROOT / "captures" / "labs"
    assert beyond <= {labs / "multisorm", labs / "licence_network", *of_pages}, (
        "only the folders of labs, catalogues of texts, and what pages are made of, are data of a package"
    )


def test_data_travels_with_its_package() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    for folder in shipped_folders():
        package = package_of(folder)
        own = patterns.get(".".join(package.relative_to(ROOT).parts), ())
        carried = {
            file for pattern in (*patterns["*"], *own, "*.py", "*.db*") for file in package.glob(pattern)
        }
        for file in (ROOT / folder).iterdir():
            if file.is_file():
                assert file in carried, f"{file.relative_to(ROOT)} is not in package-data"


def test_scapy_is_an_extra_that_nothing_needs() -> None:
    assert not any("scapy" in need for need in PROJECT["project"]["dependencies"])
    assert PROJECT["project"]["optional-dependencies"]["scapy"]


def test_hypothesis_is_for_tests_and_for_who_wants_its_strategies() -> None:
    assert not any("hypothesis" in need for need in PROJECT["project"]["dependencies"])
    extras = PROJECT["project"]["optional-dependencies"]
    assert any("hypothesis" in need for need in extras["dev"])
    assert extras["hypothesis"]
