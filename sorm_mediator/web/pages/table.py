"""The pages, in the order of the navigation."""

from __future__ import annotations

from sorm_mediator.web.pages import journal, licence, numbers, overview, reports, settings
from sorm_mediator.web.pages.page import Page

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    numbers.PAGE,
    reports.PAGE,
    reports.ONE,
    journal.PAGE,
    settings.PAGE,
    licence.PAGE,
)
