"""The pages, in the order of the navigation."""

from __future__ import annotations

from sorm_mediator.web.pages import (
    calls,
    journal,
    ksl,
    licence,
    numbers,
    objects,
    overview,
    reports,
    settings,
    streams,
    units,
)
from sorm_mediator.web.pages.page import Page

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    calls.PAGE,
    calls.ONE,
    units.PAGE,
    objects.PAGE,
    ksl.PAGE,
    streams.PAGE,
    numbers.PAGE,
    reports.PAGE,
    reports.ONE,
    journal.PAGE,
    settings.PAGE,
    licence.PAGE,
)
