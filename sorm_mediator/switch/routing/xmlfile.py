"""Reading a routing context from XML. Every error names file, line and what is allowed, all of them at once.

The grammar stands in :data:`GRAMMAR`; a DTD, entities, unknown tags and attributes are errors.

Source: ECSS-10 manual, Routing for SORM, and MultiSORM: the contexts of the examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from sorm_mediator.switch.routing.digitmap import DigitMap, DigitMapError, compile_digitmap
from sorm_mediator.switch.routing.masks import MaskError, Template, compile_mask, compile_template
from sorm_mediator.switch.routing.model import (
    NUMBER_INDICATORS,
    Action,
    Condition,
    Context,
    Continue,
    External,
    Local,
    Rule,
    Side,
    Verdict,
)
from sorm_mediator.switch.routing.xmltext import ContextError, Element, Grammar, read_elements

_NUMBER = frozenset({"digits", "incomplete", "nai", "ni", "npi"})
_CGPN = _NUMBER | {"apri", "category", "screening"}
_CDPN = _NUMBER | {"inni"}
_SORM = frozenset({"sorm_digits", "sorm_ni"})
_CONTEXT = frozenset({"digitmap", "name", "np"})

GRAMMAR: Grammar = MappingProxyType(
    {
        "": (frozenset({"context"}), frozenset()),
        "context": (frozenset({"rule"}), _CONTEXT),
        "rule": (frozenset({"actions", "conditions", "result"}), frozenset({"name"})),
        "conditions": (frozenset({"cdpn", "cgpn"}), frozenset()),
        "conditions/cdpn": (frozenset(), _CDPN),
        "conditions/cgpn": (frozenset(), _CGPN),
        "actions": (frozenset({"called", "calling", "cdpn", "cgpn"}), frozenset()),
        "actions/called": (frozenset(), _SORM),
        "actions/calling": (frozenset(), _SORM),
        "actions/cdpn": (frozenset(), _CDPN),
        "actions/cgpn": (frozenset(), _CGPN),
        "result": (frozenset({"continue", "external", "local"}), frozenset()),
        "local": (frozenset(), frozenset()),
        "continue": (frozenset(), frozenset({"context"})),
        "external": (frozenset({"direction", "trunk"}), frozenset()),
        "direction": (frozenset(), frozenset({"value"})),
        "trunk": (frozenset(), frozenset({"value"})),
    }
)
"""Tag (with its parent where the meaning depends on it) -> tags allowed inside, attributes allowed."""

_VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"ni": NUMBER_INDICATORS, "sorm_ni": NUMBER_INDICATORS, "incomplete": ("true", "false")}
)
"""Attributes that have these values only."""

_SIDES: Mapping[str, Side] = {"cgpn": "a", "calling": "a", "cdpn": "b", "called": "b"}


def parse_context(text: bytes, source: str) -> Context:
    """Read one context; ``source`` is the file's name for errors. Raises :class:`ContextError` of all that is wrong."""
    root, problems = read_elements(text, source, GRAMMAR)
    context = None
    if root is not None:
        builder = _Builder(source, problems)
        context = builder.context(root)
    if problems or context is None:
        raise ContextError(source, problems)
    return context


class _Wrong(Exception):  # noqa: N818 - an answer within this module
    """Something of a rule is wrong: the rule is left out, and the next one looked at."""


class _Builder:
    """Elements into rules. What is wrong is added to ``problems``: line and text."""

    def __init__(self, source: str, problems: list[tuple[int, str]]) -> None:
        self._source = source
        self._problems = problems

    def _fail(self, element: Element, text: str) -> _Wrong:
        self._problems.append((element.line, text))
        return _Wrong(text)

    def _given(self, element: Element, name: str) -> str:
        value = element.attributes.get(name, "")
        if not value:
            raise self._fail(element, f"<{element.tag}>: the attribute {name} is missing")
        return value

    def _value(self, element: Element, name: str) -> str:
        """What something else is called by: without white space."""
        value = self._given(element, name)
        if "".join(value.split()) != value:
            raise self._fail(
                element,
                f"<{element.tag} {name}>: {value!r} has a stray space; names have none: "
                f"{''.join(value.split())!r}",
            )
        return value

    def context(self, root: Element) -> Context | None:
        """The context; ``None`` when it can't be made. More may be wrong than keeps it from being made."""
        rules: dict[str, Rule] = {}
        for element in root.children:
            try:
                rule = self._rule(element)
            except _Wrong:
                continue
            if rule.name in rules:
                self._fail(element, f"rule {rule.name!r} is there already, in line {rules[rule.name].line}")
            rules[rule.name] = rule
        try:
            name = self._value(root, "name")
            np = self._value(root, "np") if root.attributes.get("np") else ""
            if not root.children:
                self._fail(root, f"context {name!r} has no rule")
            return Context(name, tuple(rules.values()), np, self._source, self._digitmap(root))
        except _Wrong:
            return None

    def _digitmap(self, root: Element) -> DigitMap | None:
        text = root.attributes.get("digitmap")
        if text is None:
            return None
        try:
            return compile_digitmap(text)
        except DigitMapError as error:
            raise self._fail(root, f"<context digitmap>: {error}") from None

    def _rule(self, element: Element) -> Rule:
        name = self._given(element, "name")
        for child in element.children:
            if element.the(child.tag) is not child:
                raise self._fail(child, f"rule {name!r} has a second <{child.tag}>")
        conditions = element.the("conditions")
        actions = element.the("actions")
        result = element.the("result")
        if result is None:
            raise self._fail(element, f"rule {name!r} has no <result>")
        tests = tuple(self._condition(child) for child in (conditions.children if conditions else ()))
        with_rest = {test.side for test in tests if test.digits is not None and test.digits.rest}
        changes = tuple(self._action(child, with_rest) for child in (actions.children if actions else ()))
        return Rule(name, tests, changes, self._verdict(name, result), element.line)

    def _condition(self, element: Element) -> Condition:
        if not element.attributes:
            raise self._fail(element, f"<{element.tag}/> tests nothing")
        mask = None
        others: dict[str, tuple[str, ...]] = {}
        for name, value in element.attributes.items():
            if name == "digits":
                try:
                    mask = compile_mask(value)
                except MaskError as error:
                    raise self._fail(element, f"<{element.tag} digits>: {error}") from None
            else:
                others[name] = tuple(part.strip() for part in value.split(","))
                self._check(element, name, others[name])
        return Condition(_SIDES[element.tag], mask, MappingProxyType(others))

    def _action(self, element: Element, with_rest: set[Side]) -> Action:
        if not element.attributes:
            raise self._fail(element, f"<{element.tag}/> changes nothing")
        side = _SIDES[element.tag]
        templates: dict[str, Template] = {}
        others: dict[str, str] = {}
        for name, value in element.attributes.items():
            if name in ("digits", "sorm_digits"):
                templates[name] = self._template(element, name, value)
                if templates[name].needs_rest and side not in with_rest:
                    tag = "cgpn" if side == "a" else "cdpn"
                    needs = f"{{%}} needs a condition <{tag}> whose mask ends in %"
                    raise self._fail(element, f"<{element.tag} {name}>: {needs}")
            else:
                others[name] = value
                self._check(element, name, (value,))
        ni, sorm_ni = others.pop("ni", None), others.pop("sorm_ni", None)
        attributes = MappingProxyType(others)
        return Action(side, templates.get("digits"), ni, attributes, templates.get("sorm_digits"), sorm_ni)

    def _template(self, element: Element, name: str, value: str) -> Template:
        try:
            return compile_template(value)
        except MaskError as error:
            raise self._fail(element, f"<{element.tag} {name}>: {error}") from None

    def _check(self, element: Element, name: str, values: Iterable[str]) -> None:
        """Only what the manual lists the values of; ``nai`` and others take any."""
        known = _VALUES.get(name, ())
        for value in values if known else ():
            if value not in known:
                raise self._fail(
                    element, f"<{element.tag} {name}>: {value!r} is not one of {', '.join(known)}"
                )

    def _verdict(self, rule: str, result: Element) -> Verdict:
        if len(result.children) != 1:
            raise self._fail(
                result, f"rule {rule!r}: <result> must hold exactly one of <continue>, <external>, <local>"
            )
        verdict = result.children[0]
        if verdict.tag == "local":
            return Local()
        if verdict.tag == "continue":
            return Continue(self._value(verdict, "context"))
        directions = tuple(self._value(child, "value") for child in verdict.children)
        if not directions:
            raise self._fail(verdict, f"rule {rule!r}: <external> names no <direction> and no <trunk>")
        return External(directions)
