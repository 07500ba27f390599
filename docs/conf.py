"""Sphinx configuration: MyST pages, warnings are errors (see the Makefile)."""

from sorm_mediator import __version__

project = "SORM mediator lab"
author = "The SORM mediator lab authors"
copyright = "2026, the SORM mediator lab authors"  # noqa: A001
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
doctest_global_setup = "from protocol import *"
