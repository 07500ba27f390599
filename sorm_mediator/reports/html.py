"""Printed pages: one file without external resources, made of the common base and the template of one
report."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

TEMPLATE = "report.html.j2"
BASE = "base.html.j2"


def render(package: str | None, view: Mapping[str, Any]) -> str:
    """The page of ``view`` by the template of ``package``; ``view["lang"]`` is the language of the page."""
    assert package is not None
    templates = {
        TEMPLATE: resources.files(package).joinpath(TEMPLATE).read_text(encoding="utf-8"),
        BASE: resources.files(__package__).joinpath(BASE).read_text(encoding="utf-8"),
    }
    # All values are escaped: names of trunks and domains, and the texts of a mediator, are foreign.
    environment = Environment(
        loader=DictLoader(templates), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(TEMPLATE).render(view)
