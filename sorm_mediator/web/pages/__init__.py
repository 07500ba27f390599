"""The pages of the web server, for people: Jinja2, htmx and server-sent events, without a build step or a network.

How a page is added:

1. A module here has the function that gives its data, from the same functions as the HTTP API, and declares a
   :class:`~sorm_mediator.web.pages.page.Page`::

       PAGE = Page("/objects", "Objects", "objects.html.j2", objects, box="gateway")

2. ``templates/objects.html.j2`` extends ``layout.html.j2`` and fills the block ``main``. A text is
   ``{{ t("Objects under control") }}`` or ``{{ t("{count} objects", count=rows | length) }}``; ``make catalogues``
   collects it. No style and no script may stand in a template: the pages' policy (CSP) forbids both; rules go into
   ``static/pages.css``, scripts are files in ``static/``.
3. What changes while the page is open stands in a block of its own, inside an element that
   ``{{ live("BLOCK") }}`` gives its attributes: it is asked for again when something has happened. Forms stand outside
   of it, so that nothing that is being typed is lost.
4. A form is ``{% call form("/streams/0/fault") %}...{% endcall %}`` (macros of ``parts.html.j2``), with an
   :class:`~sorm_mediator.web.pages.page.Action` of the page; its token against forged requests is put in and checked
   by :mod:`sorm_mediator.web.pages.site`.
5. Its ``PAGE`` is entered in :mod:`sorm_mediator.web.pages.table`, which is the order of the navigation.
6. ``tests/web/test_pages_*.py`` opens it with the fixtures of ``tests/web/conftest.py``.
"""
