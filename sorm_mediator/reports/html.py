"""Printed pages: one file without external resources, of the common base and one report's template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

TEMPLATES = PackageLoader(__package__, "")
"""What pages share: the base of the printed ones, and the drawing of a ladder."""


def render(package: str, view: Mapping[str, Any]) -> str:
    """The page of ``view`` by the template of ``package``; ``view["lang"]`` is the language of the page."""
    # All values are escaped: names of trunks and domains, and the texts of a mediator, are foreign.
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), TEMPLATES]),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("report.html.j2").render(view)
