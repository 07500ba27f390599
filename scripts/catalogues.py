"""The catalogues of texts in two languages: ``python -m scripts.catalogues [--check]``.

Collects the English texts of the code (:class:`protocol.language.Phrase`), brings ``locale/ru/LC_MESSAGES/*.po`` of
each package up to date, and compiles the ``.mo`` files from them. A new text enters with no Russian: write it into the
``.po`` file and run again. A text that the code no longer has leaves. ``--check`` writes nothing.
The exit code is 1 when a text has no Russian, can't be collected, or (``--check``) a file is stale.

A text is collected where it is a literal: the first argument of ``Phrase``, and an argument of any function or class
whose parameter or field has the type ``MessageId``; in a template of Jinja2, the argument of ``t``. ``plural=`` beside
it is the English for another number than one, and its Russian has three forms. The meanings of settings are collected
from the models of the lab file.
"""

from __future__ import annotations

import ast
import io
import string
import sys
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes

ROOT = Path(__file__).parent.parent
PACKAGES = ("protocol", "sorm_mediator")
OWN = tuple(f"{package}/language.py" for package in PACKAGES)
"""Where each package imports :class:`Phrase` from; these modules are not searched for texts themselves."""
SETTING = "meaning"
"""The attribute with what a setting means: a text of the models of the lab file, collected from there."""
PLURAL_FORM = "n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2"
"""Which of the three Russian forms a number takes (GNU gettext manual, Plural forms)."""
Key = tuple[str, str]
"""Context (empty for most) and English."""
Russian = str | tuple[str, ...]
"""Of a text, or the three forms of one with a plural."""


@dataclass
class Collected:
    """The texts of a package in the order of the code, each with its files, and what could not be collected."""

    messages: dict[Key, list[str]] = field(default_factory=dict)
    values: dict[Key, set[str]] = field(default_factory=dict)
    """The names that the Russian may have in braces: those of the English, and of the values given with it."""
    plurals: dict[Key, str] = field(default_factory=dict)
    """The English for another number than one, of the texts that have it."""
    problems: list[str] = field(default_factory=list)

    def add(self, file: str, context: str, text: str, values: Set[str | None], plural: str = "") -> None:
        """A text of a file, and the names of the values given with it."""
        if plural:
            self.plurals[context, text] = plural
        files = self.messages.setdefault((context, text), [])
        if file not in files:
            files.append(file)
        names = self.values.setdefault((context, text), fields(text))
        names |= {name for name in values if name and name not in ("context", "plural")}


class _Russian(Catalog):
    """A catalogue whose header holds nothing that changes with the time or the version of Babel."""

    mime_headers = property(
        lambda _self: [
            ("Project-Id-Version", "sorm-mediator"),
            ("Language", "ru"),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", f"nplurals=3; plural=({PLURAL_FORM});"),
        ],
        lambda _self, _value: None,
    )


def po_file(package: str) -> Path:
    """The catalogue of a package, as people edit it."""
    return ROOT / package / "locale" / "ru" / "LC_MESSAGES" / f"{package}.po"


def fields(text: str) -> set[str]:
    """The names in braces in a text; none when it can't be filled."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}
    except ValueError:
        return set()


def is_text(message: str) -> bool:
    """Whether there is something to translate: a letter outside the braces."""
    try:
        return any(any(map(str.isalpha, literal)) for literal, *_ in string.Formatter().parse(message))
    except ValueError:  # a brace that is meant as one
        return True


def collect(package: str) -> Collected:
    """The texts of a package."""
    trees = {
        str(file.relative_to(ROOT)): ast.parse(file.read_text(encoding="utf-8"))
        for file in sorted((ROOT / package).rglob("*.py"))
        if str(file.relative_to(ROOT)) not in OWN
    }
    takers = {_module(file): _takers(tree) for file, tree in trees.items()}
    fields_of_texts = {name for of in takers.values() for places in of.values() for name in places}
    found = Collected()
    for template in sorted((ROOT / package).rglob("*.j2")):
        _collect_template(template, found)
    if "sorm_mediator/config/settings.py" in trees:
        _collect_settings(found)
    for file, tree in trees.items():
        _Collector(file, _known(file, tree, takers), fields_of_texts, found).visit(tree)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.ImportFrom)
                and node.module == "protocol.language"
                and package != "protocol"
            ):
                found.problems.append(f"{file}:{node.lineno}: import from {package}.language")
    return found


def _collect_template(template: Path, found: Collected) -> None:
    """The texts of a template of Jinja2: what it gives to ``t``, with the names of the values."""
    file = str(template.relative_to(ROOT))
    for call in Environment(autoescape=True).parse(template.read_text(encoding="utf-8")).find_all(nodes.Call):
        if not isinstance(call.node, nodes.Name) or call.node.name != "t":
            continue
        text = call.args[0] if len(call.args) == 1 else None
        if isinstance(text, nodes.Const) and isinstance(text.value, str):
            found.add(file, "", text.value, {one.key for one in call.kwargs}, _plural_of(call))
        else:
            found.problems.append(f"{file}:{call.lineno}: not one literal text")


def _plural_of(call: nodes.Call) -> str:
    return next(
        (
            str(one.value.value)
            for one in call.kwargs
            if one.key == "plural" and isinstance(one.value, nodes.Const)
        ),
        "",
    )


def _collect_settings(found: Collected) -> None:
    """What each setting means, as its page shows it, and each parameter of a fault, as the console's help does."""
    from sorm_mediator.config.settings import meanings
    from sorm_mediator.faults.order import FaultOrder

    for text in meanings():
        found.add("sorm_mediator/config/settings.py", "", text, set())
    for text in FaultOrder.meanings().values():
        found.add("sorm_mediator/faults/order.py", "", text, set())


def _takers(tree: ast.AST) -> dict[str, dict[str, int]]:
    """Functions and classes of a module that take texts: name -> parameter -> its place."""
    found: dict[str, dict[str, int]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parameters = [*node.args.posonlyargs, *node.args.args]
            if parameters and parameters[0].arg in ("self", "cls"):
                parameters = parameters[1:]
            named = [(one.arg, one.annotation) for one in [*parameters, *node.args.kwonlyargs]]
        elif isinstance(node, ast.ClassDef):
            named = [
                (one.target.id, one.annotation)
                for one in node.body
                if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
            ]
        else:
            continue
        places = {name: at for at, (name, kind) in enumerate(named) if kind and _takes_text(kind)}
        if places:
            found[node.name] = places
    return found


def _module(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _known(
    file: str, tree: ast.AST, takers: dict[str, dict[str, dict[str, int]]]
) -> dict[str, dict[str, int]]:
    """The functions and classes that a module can call by a name of its own: those of it, and those it imports."""
    known = dict(takers[_module(file)])
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                for module, of in takers.items():  # a package may hand on what its modules define
                    if alias.name in of and f"{module}.".startswith(f"{node.module}."):
                        known[alias.asname or alias.name] = of[alias.name]
    return known


def _takes_text(annotation: ast.expr) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "MessageId" for one in ast.walk(annotation))


class _Collector(ast.NodeVisitor):
    def __init__(
        self, file: str, takers: dict[str, dict[str, int]], fields_of_texts: set[str], found: Collected
    ) -> None:
        self._file, self._takers, self._fields, self._found = file, takers, fields_of_texts, found
        self._parameters: set[str] = set()

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        before = self._parameters
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        self._parameters = before | {
            one.arg for one in arguments if one.annotation and _takes_text(one.annotation)
        }
        self.generic_visit(node)
        self._parameters = before

    visit_FunctionDef = visit_AsyncFunctionDef = _function  # noqa: N815

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        keywords = {one.arg: one.value for one in node.keywords}
        if name == "Phrase" and node.args:
            context = keywords.get("context")
            plural = keywords.get("plural")
            self._add(
                node.args[0],
                context.value if isinstance(context, ast.Constant) else "",
                set(keywords),
                str(plural.value) if isinstance(plural, ast.Constant) else "",
            )
            if len(node.args) > 1:
                self._problem(node, "more than a text and its values")
        elif name in self._takers:
            for parameter, at in self._takers[name].items():
                if parameter in keywords:
                    self._add(keywords[parameter])
                elif at < len(node.args):
                    self._add(node.args[at])
        self.generic_visit(node)

    def _add(
        self, node: ast.expr, context: str = "", values: Set[str | None] = frozenset(), plural: str = ""
    ) -> None:
        match node:
            case ast.Constant(value=str(text)):
                if context or is_text(text):
                    self._found.add(self._file, context, text, values, plural)
            case ast.IfExp(body=one, orelse=other):
                self._add(one, context, values)
                self._add(other, context, values)
            case ast.Name(id=name) if name in self._parameters:
                pass
            case ast.Attribute(attr=name) if name in self._fields or name == SETTING:
                pass
            case ast.Call(func=ast.Name(id="Phrase")) | ast.Constant(value=None):
                pass
            case _:
                self._problem(node, f"not a literal text: {ast.unparse(node)[:80]}")

    def _problem(self, node: ast.AST, what: str) -> None:
        self._found.problems.append(f"{self._file}:{getattr(node, 'lineno', 0)}: {what}")


def translations(package: str) -> dict[Key, Russian]:
    """What the catalogue of a package has, in its order."""
    if not po_file(package).exists():
        return {}
    with po_file(package).open("rb") as file:
        catalogue = read_po(file, locale="ru")
    return {
        (one.context or "", one.id[0] if one.pluralizable else one.id): one.string
        for one in catalogue
        if one.id
    }


def mistakes(collected: Collected, russian: Mapping[Key, Russian]) -> Iterator[str]:
    """Texts without Russian, and Russian that can't be filled with the values of its English."""
    for key, files in collected.messages.items():
        texts = forms(russian.get(key, ""))
        wanted = 3 if key in collected.plurals else 1
        if not all(texts) or len(texts) != wanted:
            which = "no Russian" if wanted == 1 else "not three forms in Russian"
            yield f"{files[0]}: {which}: {key[1]!r}" + (f" ({key[0]})" if key[0] else "")
        elif wanted == 3 and "count" not in collected.values[key]:
            yield f"{files[0]}: plural without a value count: {key[1]!r}"
        for text in texts:
            if fields(text) - collected.values[key]:
                yield f"{files[0]}: other names in braces: {key[1]!r}: {text!r}"


def forms(russian: Russian) -> tuple[str, ...]:
    """The forms of a Russian text: three of one with a plural, else one."""
    return (russian,) if isinstance(russian, str) else tuple(russian)


def conflicts() -> Iterator[str]:
    """Texts that two catalogues translate differently: at run time the first one is found."""
    first: dict[Key, Russian] = {}
    for package in PACKAGES:
        for key, text in translations(package).items():
            if first.setdefault(key, text) != text:
                yield f"{package}: give it a context: {key[1]!r} is {text!r} here, and {first[key]!r}"


def rendered(collected: Collected, russian: Mapping[Key, Russian]) -> tuple[bytes, bytes]:
    """The two files of a catalogue."""
    catalogue = _Russian(locale="ru", charset="utf-8", fuzzy=False)
    catalogue.header_comment = (
        "# Russian texts. The English is in the code: `make catalogues`, see CONTRIBUTING.md."
    )
    for (context, text), files in collected.messages.items():
        plural, known = collected.plurals.get((context, text), ""), forms(russian.get((context, text), ""))
        catalogue.add(
            (text, plural) if plural else text,
            (known + ("",) * 3)[:3] if plural else known[0],
            locations=[(file, 1) for file in files],
            context=context or None,
        )
    po, mo = io.BytesIO(), io.BytesIO()
    write_po(po, catalogue, width=0, include_lineno=False)
    write_mo(mo, catalogue)
    return po.getvalue(), mo.getvalue()


def stale(package: str, collected: Collected) -> Iterator[str]:
    """What ``make catalogues`` would change."""
    russian = translations(package)
    for context, text in russian.keys() - collected.messages.keys():
        yield f"{package}: not in the code: {text!r}" + (f" ({context})" if context else "")
    po, mo = rendered(collected, russian)
    if _entries(po_file(package).read_bytes()) != _entries(po):
        yield f"{po_file(package).relative_to(ROOT)} is stale: make catalogues"
    compiled = po_file(package).with_suffix(".mo")
    if not compiled.exists() or _compiled(compiled.read_bytes()) != _compiled(mo):
        yield f"{compiled.relative_to(ROOT)} is stale: make catalogues"


def _entries(po: bytes) -> list[object]:
    catalogue = read_po(io.BytesIO(po), locale="ru")
    return [
        (one.context, one.id, one.string, [file for file, _ in one.locations]) for one in catalogue if one.id
    ]


def _compiled(mo: bytes) -> dict[object, object]:
    return {(one.context, str(one.id)): one.string for one in read_mo(io.BytesIO(mo)) if one.id}


def main(arguments: list[str]) -> int:
    """Write the catalogues, or check them."""
    problems: list[str] = []
    for package in PACKAGES:
        collected = collect(package)
        russian = translations(package)
        if "--check" in arguments:
            problems += stale(package, collected)
        else:
            po_file(package).parent.mkdir(parents=True, exist_ok=True)
            po, mo = rendered(collected, russian)
            po_file(package).write_bytes(po)
            po_file(package).with_suffix(".mo").write_bytes(mo)
        problems += [*collected.problems, *mistakes(collected, russian)]
    problems += conflicts()
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
