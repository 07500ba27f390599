"""The pages, in the order of the navigation."""

from __future__ import annotations

from sorm_mediator.web.pages import overview
from sorm_mediator.web.pages.page import Page

PAGES: tuple[Page, ...] = (overview.PAGE,)
