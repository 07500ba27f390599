"""Reading a routing context from XML. Every error names file, line and what is allowed.

The grammar stands in :data:`GRAMMAR`; a DTD, entities, unknown tags and attributes are errors.

Source: seed 001, the contexts of the SORM and MultiSORM examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from xml.parsers import expat

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

_NUMBER = frozenset({"digits", "incomplete", "nai", "ni", "npi"})
_CGPN = _NUMBER | {"apri", "category", "screening"}
_CDPN = _NUMBER | {"inni"}
_SORM = frozenset({"sorm_digits", "sorm_ni"})
_CONTEXT = frozenset({"digitmap", "name", "np"})

Grammar = Mapping[str, tuple[frozenset[str], frozenset[str]]]

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

_SIDES: Mapping[str, Side] = {"cgpn": "a", "calling": "a", "cdpn": "b", "called": "b"}


class ContextError(ValueError):
    """A context can't be read. The text is one line: file, line, what is wrong and what is allowed."""


@dataclass(slots=True)
class _Element:
    tag: str
    kind: str
    """The key of :data:`GRAMMAR`."""
    attributes: dict[str, str]
    line: int
    children: list[_Element] = field(default_factory=list)

    def the(self, tag: str) -> _Element | None:
        return next((child for child in self.children if child.tag == tag), None)


def parse_context(text: bytes, source: str) -> Context:
    """Read one context; ``source`` is the file's name for errors. Raises :class:`ContextError`."""
    root = _Reader(source).read(text)
    builder = _Builder(source)
    return builder.context(root)


class _Reader:
    """expat's callbacks, checked against the grammar as they come, so that each error knows its line."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._open: list[_Element] = [_Element("", "", {}, 0)]
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, text: bytes) -> _Element:
        try:
            self._parser.Parse(text, True)
        except expat.ExpatError as error:
            raise ContextError(
                f"{self._source}:{error.lineno}: not well-formed XML: {expat.ErrorString(error.code)} "
                f"(column {error.offset + 1})"
            ) from None
        except ContextError:
            raise
        except (LookupError, ValueError) as error:
            # How expat's binding refuses an encoding.
            raise ContextError(f"{self._source}:1: can't be read: {error}") from None
        return self._open[0].children[0]

    def _fail(self, text: str) -> ContextError:
        return ContextError(f"{self._source}:{self._parser.CurrentLineNumber}: {text}")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1]
        inside, _ = GRAMMAR[parent.kind]
        where = f"in <{parent.tag}>" if parent.tag else "at the top"
        if tag not in inside:
            raise self._fail(f"<{tag}> is not allowed {where}; allowed: {_list(inside) or 'nothing'}")
        kind = f"{parent.tag}/{tag}"
        if kind not in GRAMMAR:
            kind = tag
        allowed = GRAMMAR[kind][1]
        if tag == "context":
            schema = ("xmlns", "xs:", "xsi:")
            attributes = {name: value for name, value in attributes.items() if not name.startswith(schema)}
        for name in attributes:
            if name not in allowed:
                raise self._fail(f"<{tag} {name}>: unknown attribute; allowed: {_list(allowed) or 'none'}")
        element = _Element(tag, kind, attributes, self._parser.CurrentLineNumber)
        parent.children.append(element)
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        if text.strip():
            raise self._fail(f"the text {text.strip()[:40]!r} has no meaning in <{self._open[-1].tag}>")

    def _doctype(self, *_: object) -> None:
        raise self._fail("a DTD is not allowed, nor are entities")


class _Builder:
    """Elements into rules."""

    def __init__(self, source: str) -> None:
        self._source = source

    def _fail(self, element: _Element, text: str) -> ContextError:
        return ContextError(f"{self._source}:{element.line}: {text}")

    def _value(self, element: _Element, name: str) -> str:
        value = element.attributes.get(name, "")
        if not value:
            raise self._fail(element, f"<{element.tag}>: the attribute {name} is missing")
        return value

    def context(self, root: _Element) -> Context:
        name = self._value(root, "name")
        rules: dict[str, Rule] = {}
        for element in root.children:
            rule = self._rule(element)
            if rule.name in rules:
                raise self._fail(
                    element, f"rule {rule.name!r} is there already, in line {rules[rule.name].line}"
                )
            rules[rule.name] = rule
        if not rules:
            raise self._fail(root, f"context {name!r} has no rule")
        return Context(name, tuple(rules.values()), root.attributes.get("np", ""), self._source)

    def _rule(self, element: _Element) -> Rule:
        name = self._value(element, "name")
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

    def _condition(self, element: _Element) -> Condition:
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
                if name == "ni":
                    self._check_ni(element, name, others[name])
        return Condition(_SIDES[element.tag], mask, MappingProxyType(others))

    def _action(self, element: _Element, with_rest: set[Side]) -> Action:
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
                if name in ("ni", "sorm_ni"):
                    self._check_ni(element, name, (value,))
        ni, sorm_ni = others.pop("ni", None), others.pop("sorm_ni", None)
        attributes = MappingProxyType(others)
        return Action(side, templates.get("digits"), ni, attributes, templates.get("sorm_digits"), sorm_ni)

    def _template(self, element: _Element, name: str, value: str) -> Template:
        try:
            return compile_template(value)
        except MaskError as error:
            raise self._fail(element, f"<{element.tag} {name}>: {error}") from None

    def _check_ni(self, element: _Element, name: str, values: Iterable[str]) -> None:
        for value in values:
            if value not in NUMBER_INDICATORS:
                raise self._fail(
                    element, f"<{element.tag} {name}>: {value!r} is not one of {', '.join(NUMBER_INDICATORS)}"
                )

    def _verdict(self, rule: str, result: _Element) -> Verdict:
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


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
