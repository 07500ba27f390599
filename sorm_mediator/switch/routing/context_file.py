"""Reading a routing context from XML. Errors name file, line and what is allowed.

XML text becomes elements that :data:`GRAMMAR` allows, and elements become a context. A DTD, entities, unknown tags and
unknown attributes are errors. So is an obvious slip of printing: a last tag that is never closed, white space within
``/>``, no-break spaces, typographic quotation marks. The reader corrects it and goes on, to report all errors at once.

Source: ECSS-10 manual, Routing for SORM, and MultiSORM; the printed contexts contain all these slips.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar
from xml.parsers import expat
from xml.parsers.expat import errors

from sorm_mediator.switch.routing.masks import (
    DigitMapError,
    MaskError,
    Template,
    compile_digitmap,
    compile_mask,
    compile_template,
)
from sorm_mediator.switch.routing.route import (
    NUMBER_INDICATORS,
    TAGS,
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
from sorm_mediator.texts import as_list, short

# --- XML text into elements

Problem = tuple[int, str]
"""Line, and the mistake there."""

MOST_PROBLEMS = 20
"""Limit of mistakes reported of one file (our choice)."""

_BROKEN_END = re.compile(rb"/\s+>")
_NO_BREAK = "\N{NO-BREAK SPACE}".encode()
_QUOTES = re.compile("“|”|„|«|»".encode())
_TAG_NAME = re.compile(rb"<(/?[A-Za-z_][\w.-]*)")
_MOST_SHOWN = 60
"""Characters shown of a long name."""


class ContextError(ValueError):
    """A context can't be read. The text is one line: file, line, mistake and what is allowed, for each problem.

    ``lines``: a line for each problem.
    """

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        ordered = sorted(dict.fromkeys(problems))
        self.problems = tuple(f"{source}:{line}: {text}" for line, text in ordered[:MOST_PROBLEMS])
        more = len(ordered) - MOST_PROBLEMS
        self.lines = (
            *self.problems,
            *([f"{source}: {more} more mistake{'s' if more > 1 else ''}"] if more > 0 else []),
        )
        super().__init__("; ".join([*self.problems, *([f"and {more} more"] if more > 0 else [])]))


@dataclass(slots=True)
class Element:
    """An element. ``kind``: its key in the grammar."""

    tag: str
    kind: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    incomplete: bool = False
    """An element in it is not allowed, which is said: it is not missed as well."""

    def the(self, tag: str) -> Element | None:
        """The first child with this tag."""
        return next((child for child in self.children if child.tag == tag), None)


def _read_elements(text: bytes) -> tuple[Element | None, list[Problem]]:
    """The root element (``None`` when it can't be read), and all mistakes in the text."""
    slips: list[Problem] = []
    while True:
        reader = _Reader()
        failed = reader.read(text)
        if failed is None:
            return reader.root, [*slips, *reader.problems]
        mended = _mend(text, failed) if len(slips) < MOST_PROBLEMS else None
        if mended is None:
            return None, [*slips, *reader.problems, (failed.line, failed.text)]
        text, slip = mended
        slips.append(slip)


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why the parser stopped. ``code``: expat's number; ``at``: the octet where the parser stopped."""

    code: int
    line: int
    at: int
    text: str


def _mend(text: bytes, failed: _Failure) -> tuple[bytes, Problem] | None:
    """The text without the slip that stopped the parser, and the slip; ``None`` for an unknown mistake."""
    if failed.code == errors.codes[errors.XML_ERROR_UNCLOSED_TOKEN]:
        at = text.rfind(b"<")  # not a search for the whole slip, which looks from every < to the end
        tag = _TAG_NAME.match(text, at) if at > text.rfind(b">") else None
        if tag is None:
            return None
        name = short(tag[1].decode(errors="replace"), _MOST_SHOWN)
        line = text.count(b"\n", 0, tag.start()) + 1
        return text.rstrip() + b">", (line, f"the closing > of <{name}> is missing: write <{name}>")
    if failed.code != errors.codes[errors.XML_ERROR_INVALID_TOKEN]:
        return None
    before, line = max(0, failed.at - 1), text.count(b"\n", 0, failed.at) + 1
    if _NO_BREAK in text[before : failed.at + 2]:
        what = "a no-break space (U+00A0) stands here: write a plain space"
        return text.replace(_NO_BREAK, b" "), (line, what)
    quote = _QUOTES.match(text, failed.at) or _QUOTES.match(text, before)
    if quote is not None:
        what = f'the quotation mark {quote[0].decode()} stands here: write "'
        end = text.find(b"\n", failed.at)
        end = len(text) if end < 0 else end
        straight = _QUOTES.sub(b'"', text[quote.start() : end])
        return text[: quote.start()] + straight + text[end:], (line, what)
    broken = _BROKEN_END.match(text, failed.at) or _BROKEN_END.match(text, before)
    if broken is None:
        return None
    breaks = broken[0].count(b"\n")
    what = "a line break" if breaks else "a space"
    line = text.count(b"\n", 0, broken.start()) + 1
    mended = text[: broken.start()] + b"/>" + b"\n" * breaks + text[broken.end() :]
    return mended, (line, f"{what} stands between the / and the > that end a tag: write />")


class _Doctype(Exception):  # noqa: N818 - an answer within this module
    """A DTD begins: reading stops, since entities can grow without bounds."""


class _Reader:
    """expat's callbacks, checked against :data:`GRAMMAR` at once, so that each mistake has its line."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._open: list[Element | None] = [Element("", "", {}, 0)]
        """An element outside the grammar is ``None``, and its content is not checked."""
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    @property
    def root(self) -> Element | None:
        """The root element."""
        top = self._open[0]
        return top.children[0] if top is not None and top.children else None

    def read(self, text: bytes) -> _Failure | None:
        """Read the text. Returns why the parser stopped; ``None`` at the end."""
        try:
            self._parser.Parse(text, True)
        except expat.ExpatError as error:
            what = f"not well-formed XML: {expat.ErrorString(error.code)} (column {error.offset + 1})"
            if text.decode(errors="ignore").encode() != text:
                what = f"{what}; it holds octets that are not UTF-8: save it as UTF-8, or name its encoding in <?xml?>"
            return _Failure(error.code, error.lineno, self._parser.ErrorByteIndex, what)
        except _Doctype:
            line = self._parser.CurrentLineNumber
            return _Failure(0, line, 0, "a DTD is not allowed, nor are entities")
        except (LookupError, ValueError) as error:
            # expat's binding refuses an encoding in this way.
            return _Failure(0, 1, 0, f"can't be read: {error}")
        return None

    def _wrong(self, text: str) -> None:
        self.problems.append((self._parser.CurrentLineNumber, text))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1]
        if parent is None:
            self._open.append(None)
            return
        inside, _ = GRAMMAR[parent.kind]
        where = f"in <{parent.tag}>" if parent.tag else "at the top"
        if tag not in inside:
            self._wrong(f"<{short(tag, _MOST_SHOWN)}> is not allowed {where}; allowed: {as_list(inside)}")
            parent.incomplete = True
            self._open.append(None)
            return
        kind = f"{parent.tag}/{tag}"
        if kind not in GRAMMAR:
            kind = tag
        allowed = GRAMMAR[kind][1]
        if not parent.tag:
            schema = ("xmlns", "xs:", "xsi:")
            attributes = {name: value for name, value in attributes.items() if not name.startswith(schema)}
        for name in attributes:
            if name not in allowed:
                self._wrong(
                    f"<{tag} {short(name, _MOST_SHOWN)}>: unknown attribute; allowed: {as_list(allowed)}"
                )
        element = Element(tag, kind, attributes, self._parser.CurrentLineNumber)
        parent.children.append(element)
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        element = self._open[-1]
        if text.strip() and element is not None:
            self._wrong(f"the text {text.strip()[:40]!r} has no meaning in <{element.tag}>")

    def _doctype(self, *_: object) -> None:
        raise _Doctype


# --- elements into a context

_NUMBER = frozenset({"digits", "incomplete", "nai", "ni", "npi"})
_CGPN = _NUMBER | {"apri", "category", "screening"}
_CDPN = _NUMBER | {"inni"}
_SORM = frozenset({"sorm_digits", "sorm_ni"})
_CONTEXT = frozenset({"digitmap", "name", "np"})

GRAMMAR: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
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
"""Tag (with its parent where the meaning depends on it) -> tags allowed inside, attributes allowed."""

_VALUES: Mapping[str, tuple[str, ...]] = {
    "ni": NUMBER_INDICATORS,
    "sorm_ni": NUMBER_INDICATORS,
    "incomplete": ("true", "false"),
}
"""Attributes with these values only."""

_SIDES: Mapping[str, Side] = {"cgpn": "a", "calling": "a", "cdpn": "b", "called": "b"}


def parse_context(text: bytes, source: str) -> Context:
    """Read one context. ``source``: the file's name for errors. Raises :class:`ContextError` with all mistakes."""
    root, problems = _read_elements(text)
    context = None if root is None else _Builder(source, problems).context(root)
    if problems or context is None:
        raise ContextError(source, problems)
    return context


Compiled = TypeVar("Compiled")


class _Wrong(Exception):  # noqa: N818 - an answer within this module
    """A rule has a mistake: the rule is left out, and the next one is read."""


class _Builder:
    """Elements into rules. Mistakes are added to ``problems``: line and text."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
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
        """A name that refers to something else: without white space."""
        value = self._given(element, name)
        bare = "".join(value.split())
        if bare != value:
            where = f"<{element.tag} {name}>"
            raise self._fail(element, f"{where}: {value!r} has a stray space; names have none: {bare!r}")
        return value

    def context(self, root: Element) -> Context | None:
        """The context; ``None`` when it can't be made. A context that can be made may still have mistakes."""
        rules: dict[str, Rule] = {}
        for element in root.children:
            try:
                rule = self._rule(element)
            except _Wrong:
                continue
            if rule.name in rules:
                self._fail(element, f"rule {rule.name!r} is already there, in line {rules[rule.name].line}")
            rules[rule.name] = rule
        try:
            name = self._value(root, "name")
            np = self._value(root, "np") if root.attributes.get("np") else ""
            if not root.children:
                self._fail(root, f"context {name!r} has no rule")
            given = "digitmap" in root.attributes
            digitmap = self._compiled(root, "digitmap", compile_digitmap) if given else None
            return Context(name, tuple(rules.values()), np, self._source, digitmap)
        except _Wrong:
            return None

    def _compiled(self, element: Element, name: str, compiler: Callable[[str], Compiled]) -> Compiled | None:
        """The mask, substitution or digit map of an attribute; ``None`` for a mistake, which is recorded."""
        try:
            return compiler(element.attributes[name])
        except (DigitMapError, MaskError) as error:
            self._fail(element, f"<{element.tag} {name}>: {error}")
            return None

    def _rule(self, element: Element) -> Rule:
        """A rule. Mistakes of its conditions and actions are recorded, so that all of them are told."""
        name = self._given(element, "name")
        for child in element.children:
            if element.the(child.tag) is not child:
                raise self._fail(child, f"rule {name!r} has a second <{child.tag}>")
        conditions, actions, result = (element.the(tag) for tag in ("conditions", "actions", "result"))
        tests = tuple(self._condition(child) for child in (conditions.children if conditions else ()))
        with_rest = {test.side for test in tests if test.digits is not None and test.digits.rest}
        unread = {
            _SIDES[child.tag]
            for child, test in zip(conditions.children if conditions else (), tests, strict=True)
            if "digits" in child.attributes and test.digits is None
        }
        changes = tuple(
            self._action(child, with_rest | unread) for child in (actions.children if actions else ())
        )
        if result is None:
            raise self._fail(element, f"rule {name!r} has no <result>")
        return Rule(name, tests, changes, self._verdict(name, result), element.line)

    def _condition(self, element: Element) -> Condition:
        if not element.attributes:
            self._fail(element, f"<{element.tag}/> tests nothing")
        mask = None
        others: dict[str, tuple[str, ...]] = {}
        for name, value in element.attributes.items():
            if name == "digits":
                mask = self._compiled(element, name, compile_mask)
            else:
                others[name] = tuple(part.strip() for part in value.split(","))
                self._check(element, name, others[name])
        return Condition(_SIDES[element.tag], mask, MappingProxyType(others))

    def _action(self, element: Element, with_rest: set[Side]) -> Action:
        if not element.attributes:
            self._fail(element, f"<{element.tag}/> changes nothing")
        side = _SIDES[element.tag]
        templates: dict[str, Template | None] = {}
        others: dict[str, str] = {}
        for name, value in element.attributes.items():
            if name in ("digits", "sorm_digits"):
                template = templates[name] = self._compiled(element, name, compile_template)
                if template is not None and template.needs_rest and side not in with_rest:
                    needs = f"{{%}} needs a condition <{TAGS[side]}> whose mask ends in %"
                    self._fail(element, f"<{element.tag} {name}>: {needs}")
            else:
                others[name] = value
                self._check(element, name, (value,))
        ni, sorm_ni = others.pop("ni", None), others.pop("sorm_ni", None)
        attributes = MappingProxyType(others)
        return Action(side, templates.get("digits"), ni, attributes, templates.get("sorm_digits"), sorm_ni)

    def _check(self, element: Element, name: str, values: Iterable[str]) -> None:
        """Check attributes with values listed in the manual; ``nai`` and others accept any value."""
        known = _VALUES.get(name, ())
        for value in values:
            if known and value not in known:
                self._fail(element, f"<{element.tag} {name}>: {value!r} is not one of {', '.join(known)}")

    def _verdict(self, rule: str, result: Element) -> Verdict:
        if not result.children and result.incomplete:
            raise _Wrong
        if len(result.children) != 1:
            needs = "must hold exactly one of <continue>, <external>, <local>"
            raise self._fail(result, f"rule {rule!r}: <result> {needs}")
        verdict = result.children[0]
        if verdict.tag == "local":
            return Local()
        if verdict.tag == "continue":
            return Continue(self._value(verdict, "context"))
        directions = tuple(self._value(child, "value") for child in verdict.children)
        if not directions:
            raise self._fail(verdict, f"rule {rule!r}: <external> names no <direction> and no <trunk>")
        return External(directions)
