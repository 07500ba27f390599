"""The packages that this one is made of: ``python -m scripts.supply sbom|audit|told``.

``sbom`` writes ``dist/sbom.json`` (CycloneDX): what an installed copy needs, with versions and licences, and the
scripts of others that it carries. ``audit`` asks the index of packages about known vulnerabilities of all that is
installed here, development tools included; one is exit code 1. Where the index does not answer, or does not have
that data, nothing was checked: that is told with its reason and count, and once more at the end of ``make check``
(``told``). ``audit --strict`` fails then, for a pipeline that has the index.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
SBOM = ROOT / "dist" / "sbom.json"
LEFT_OUT = ROOT / "build" / "not-checked.txt"
"""What the last audit could not check; empty when it checked all."""
CARRIED = ROOT / "sorm_mediator" / "web" / "pages" / "static" / "vendor"
"""Scripts of others that are part of the package, each beside its licence."""
LONGEST = 300
"""Seconds that the index may take."""


# --- the list of components


def normal(name: str) -> str:
    """A name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def sbom() -> dict[str, Any]:
    """The bill of materials of an installed copy: of this environment what the package needs to run."""
    tool = [
        str(Path(sys.executable).with_name("cyclonedx-py")),
        "environment",
        "--output-reproducible",
        "--no-validate",
    ]
    done = subprocess.run(  # nosec B603 # noqa: S603 - a tool of this environment
        [*tool, "--of", "JSON", "--pyproject", str(ROOT / "pyproject.toml"), sys.executable],
        check=True, capture_output=True,
    )  # fmt: skip
    whole: dict[str, Any] = json.loads(done.stdout)
    carried = [*map(_carried, sorted(CARRIED.glob("*.js")))]
    wanted = closure(needed())
    whole["components"] = [one for one in whole["components"] if normal(one["name"]) in wanted] + carried
    listed = {one["bom-ref"] for one in whole["components"]}
    root = whole["metadata"]["component"]["bom-ref"]
    whole["dependencies"] = [
        {"ref": one["ref"], "dependsOn": [ref for ref in one.get("dependsOn", []) if ref in listed]}
        for one in whole["dependencies"]
        if one["ref"] in {root, *listed}
    ] + [{"ref": one["bom-ref"]} for one in carried]
    return whole


def needed() -> set[str]:
    """``dependencies`` of ``pyproject.toml``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {*project["dependencies"]}


def closure(requirements: Iterable[str]) -> set[str]:
    """The names of packages that these need, and those need, on this machine. Raises ``PackageNotFoundError``."""
    found: set[str] = set()
    left = [Requirement(one) for one in requirements]
    seen: set[tuple[str, str]] = set()
    while left:
        one = left.pop()
        name = normal(one.name)
        for extra in ("", *one.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                below = [Requirement(text) for text in metadata.requires(one.name) or ()]
                left += [
                    need for need in below if need.marker is None or need.marker.evaluate({"extra": extra})
                ]
        found.add(name)
    return found


def _carried(script: Path) -> dict[str, Any]:
    octets = script.read_bytes()
    name = script.name.removesuffix(".min.js")
    version = re.search(rb'version:"([\d.]+)"', octets)
    return {
        "type": "library",
        "bom-ref": f"carried:{name}",
        "name": name,
        **({"version": version[1].decode()} if version else {}),
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(octets).hexdigest()}],
        "licenses": [{"license": {"name": licence(script.with_name(f"{name}.LICENSE"))}}],
    }


def licence(file: Path) -> str:
    """The first line of a licence's text."""
    return next(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


# --- known vulnerabilities


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit has found. ``left_out``: reason -> packages that were not checked because of it."""

    checked: int
    vulnerable: tuple[str, ...]
    left_out: Mapping[str, int]

    def lines(self) -> list[str]:
        """What people are told."""
        told = [f"audit: {one}" for one in self.vulnerable]
        if self.checked:
            told.append(
                f"audit: {self.checked} packages checked, {len(self.vulnerable)} known vulnerabilities"
            )
        return told + [
            f"audit: not checked: {'packages' if not count else f'{count} packages'}: {why}"
            for why, count in self.left_out.items()
        ]


def audited(code: int, output: str, errors: str) -> Audited:
    """What pip-audit has said, by its exit code, its JSON and its last line of errors."""
    try:
        packages: Sequence[Mapping[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = [line.strip() for line in errors.splitlines() if line.strip()]
        return Audited(0, (), {lines[-1][:200] if lines else f"pip-audit ended with {code}": 0})
    reasons: Counter[str] = Counter()
    for one in packages:
        if "skip_reason" in one and "editable" not in one["skip_reason"]:  # that is this package itself
            reasons[one["skip_reason"].partition(":")[0]] += 1
    found = tuple(
        f"{one['name']} {one['version']}: {flaw['id']}: fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for one in packages
        for flaw in one.get("vulns", ())
    )
    return Audited(sum("vulns" in one for one in packages), found, dict(reasons))


def run_audit() -> Audited:
    """Ask the index about what is installed."""
    tool = [str(Path(sys.executable).with_name("pip-audit")), "--local", "--skip-editable", "--timeout", "10"]
    try:
        done = subprocess.run(  # nosec B603 # noqa: S603 - a tool of this environment
            [*tool, "--progress-spinner", "off", "--format", "json"],
            check=False, capture_output=True, text=True, timeout=LONGEST,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Audited(0, (), {f"the index has not answered within {LONGEST} s": 0})
    except OSError as error:
        return Audited(0, (), {f"{tool[0]}: {error.strerror}": 0})
    return audited(done.returncode, done.stdout, done.stderr)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.supply", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("sbom", "audit", "told"))
    parser.add_argument("--strict", action="store_true", help="what was not checked is a failure")
    options = parser.parse_args()
    say = sys.stdout.write
    if options.what == "sbom":
        SBOM.parent.mkdir(exist_ok=True)
        bill = sbom()
        SBOM.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        say(f"sbom: {SBOM.relative_to(ROOT)}: {len(bill['components'])} components\n")
        return 0
    if options.what == "told":
        say(
            LEFT_OUT.read_text(encoding="utf-8")
            if LEFT_OUT.exists()
            else "audit: not checked: it has not run\n"
        )
        return 0
    found = run_audit()
    LEFT_OUT.parent.mkdir(exist_ok=True)
    not_checked = [line for line in found.lines() if ": not checked: " in line]
    LEFT_OUT.write_text("".join(f"{line}\n" for line in not_checked), encoding="utf-8")
    say("".join(f"{line}\n" for line in found.lines()))
    return 1 if found.vulnerable or (options.strict and found.left_out) else 0


if __name__ == "__main__":
    sys.exit(main())
