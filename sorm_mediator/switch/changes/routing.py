"""Routing contexts of a domain, imported from files of the lab's directory.

Source: ECSS-10 manual, MultiSORM ("Создание контекстов маршрутизации").
"""

from __future__ import annotations

from pathlib import Path

from sorm_mediator.switch.changes.base import ChangeRefused, Notes, alter_domain, listed, the_domain
from sorm_mediator.switch.node import Change, Node
from sorm_mediator.switch.routing import Context, ContextError, parse_context
from sorm_mediator.switch.routing.model import Continue
from sorm_mediator.switch.subscribers import Domain


def import_context(node: Node, name: str, file: str) -> tuple[Context, Notes]:
    """Read a context, or read it again. The first one of a domain is its default.

    ``file``: in the lab's directory, or in the folder of it that has the domain's name, which is looked in first.
    Whoever has the shell's password reads nothing else of this machine.
    """
    domain = the_domain(node, name)
    path, written = _locate(node, name, file)
    try:
        context = parse_context(path.read_bytes(), str(node.directory / written))
    except OSError as error:
        raise ChangeRefused(f"{written}: can't be read: {error.strerror or error}") from None
    except ContextError as error:
        raise ChangeRefused(str(error)) from None
    replaced = {one.name for one in domain.contexts.values() if one.source == context.source}
    for gone in replaced - {context.name}:
        _check_unused(node, domain, gone)
    sources = {one.source for one in domain.contexts.values() if one.name in {context.name, *replaced}}
    kept = [one for one in domain.config.contexts if str(node.directory / one) not in sources]
    for gone in replaced:
        del domain.contexts[gone]
    domain.contexts[context.name] = context
    notes = [] if context.name not in replaced else [f"context {context.name} was read again"]
    if not domain.default_context or domain.default_context in replaced - {context.name}:
        domain.default_context = context.name
        notes.append(f"context {context.name} is the default of {name} now")
    alter_domain(
        node,
        Change("routing", name),
        contexts=(*kept, written),
        default_context=domain.default_context,
    )
    return context, (*notes, *_gaps(domain, context))


def remove_context(node: Node, name: str, context: str) -> Notes:
    """Refused while anything starts in it or continues in it."""
    domain = the_domain(node, name)
    found = domain.contexts.get(context)
    if found is None:
        raise ChangeRefused(f"{name} has no context {context!r}; it has: {listed(domain.contexts)}")
    _check_unused(node, domain, context)
    del domain.contexts[context]
    kept = tuple(one for one in domain.config.contexts if str(node.directory / one) != found.source)
    if not domain.contexts:
        domain.default_context = ""
    alter_domain(node, Change("routing", name), contexts=kept, default_context=domain.default_context)
    return ()


def set_default_context(node: Node, name: str, context: str) -> Notes:
    """Where calls start whose interface names no context."""
    domain = the_domain(node, name)
    if context not in domain.contexts:
        raise ChangeRefused(f"{name} has no context {context!r}; it has: {listed(domain.contexts)}")
    domain.default_context = context
    alter_domain(node, Change("routing", name), default_context=context)
    return ()


def _locate(node: Node, name: str, file: str) -> tuple[Path, str]:
    """The file, and what the lab file calls it."""
    root = node.directory.resolve()
    tried = [root / file] if Path(file).is_absolute() else [root / name / file, root / file]
    for path in tried:
        real = path.resolve()
        if not real.is_relative_to(root):
            raise ChangeRefused(f"{file}: is outside of the lab's directory {root}; copy it there first")
        if real.is_file():
            return real, str(path.relative_to(root))
    raise ChangeRefused(f"{file}: there is no such file in {' or '.join(str(path.parent) for path in tried)}")


def _check_unused(node: Node, domain: Domain, context: str) -> None:
    """Raises :class:`ChangeRefused` naming who uses it."""
    config = domain.config
    users = [f"subscriber {one.number}" for one in config.subscribers if one.context == context]
    users += [f"trunk {one.name}" for one in config.trunks if one.context == context]
    users += [f"bridge {end.bridge.name}" for end in domain.bridges.values() if end.side.context == context]
    if domain.default_context == context and len(domain.contexts) > 1:
        users.append("default context of the domain")
    if config.adaptation == context:
        users.append("parameter adaptation")
    for other in domain.contexts.values():
        users += [
            f"rule {rule.name} of {other.name}"
            for rule in other.rules
            if other.name != context
            and isinstance(rule.verdict, Continue)
            and rule.verdict.context == context
        ]
    if users:
        raise ChangeRefused(f"context {context} is used by: {', '.join(users)}")


def _gaps(domain: Domain, context: Context) -> Notes:
    return tuple(
        f"rule {rule.name!r} continues in {rule.verdict.context!r}, which is not imported yet: "
        "calls that come to it fail"
        for rule in context.rules
        if isinstance(rule.verdict, Continue) and rule.verdict.context not in domain.contexts
    )
