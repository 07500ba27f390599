"""Every text of the code has its Russian, and every Russian its text."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import catalogues
from sorm_mediator.language import Phrase, translate

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("package", catalogues.PACKAGES)
def test_no_text_lacks_its_russian_and_none_is_unused(package: str) -> None:
    collected = catalogues.collect(package)
    russian = catalogues.translations(package)
    assert len(collected.messages) > 100
    assert collected.problems == []
    assert list(catalogues.mistakes(collected, russian)) == []
    assert list(catalogues.stale(package, collected)) == []


@pytest.mark.parametrize("package", catalogues.PACKAGES)
def test_the_called_party_has_one_letter(package: str) -> None:
    """Tables have the Latin B of the order's field names as their heading, so texts have it too."""
    cyrillic = re.compile(r"(?<!\w)\u0411(?!\w)")
    forms = catalogues.translations(package).values()
    texts = [text for one in forms for text in ([one] if isinstance(one, str) else one)]
    assert texts
    assert [text for text in texts if cyrillic.search(text)] == []


@pytest.mark.parametrize("package", catalogues.PACKAGES)
def test_every_text_is_found_and_can_be_filled(package: str) -> None:
    collected = catalogues.collect(package)
    for (context, text), russian in catalogues.translations(package).items():
        names = sorted(collected.values[context, text])
        plural = collected.plurals.get((context, text), "")
        forms = catalogues.forms(russian)
        assert translate(Phrase(text, context=context, plural=plural), "ru") == forms[0]
        for count, form in zip((1, 2, 5), forms, strict=False):
            if names:
                filled = Phrase(text, context=context, plural=plural).fill(**dict.fromkeys(names, count))
                assert translate(filled, "ru") == form.format(**dict.fromkeys(names, count))


def test_no_two_catalogues_translate_a_text_differently() -> None:
    assert list(catalogues.conflicts()) == []


def test_english_reads_no_catalogue() -> None:
    code = (
        "import gettext; gettext.translation = None\n"
        "from sorm_mediator.language import Phrase, join, translate\n"
        "print(translate(join(', ', [Phrase('{n} units', n=3), 'x']), 'en'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "3 units, x\n"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('Phrase(f"{name} is gone")', "not a literal text"),
        ('Phrase("gone", "\u043d\u0435\u0442")', "more than a text and its values"),
        ("def f(text: MessageId) -> str: ...\nf(name)", "not a literal text"),
    ],
)
def test_what_cant_be_collected_is_reported(
    source: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "protocol").mkdir()
    (tmp_path / "protocol" / "one.py").write_text(f"name = ''\n{source}\n", encoding="utf-8")
    monkeypatch.setattr(catalogues, "ROOT", tmp_path)
    (found,) = catalogues.collect("protocol").problems
    assert problem in found


def test_new_and_changed_texts_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "protocol" / "one.py"
    module.parent.mkdir()
    monkeypatch.setattr(catalogues, "ROOT", tmp_path)
    module.write_text('Phrase("one {n}", n=1)\n', encoding="utf-8")
    collected = catalogues.collect("protocol")
    assert list(catalogues.mistakes(collected, {})) == ["protocol/one.py: no Russian: 'one {n}'"]
    assert list(catalogues.mistakes(collected, {("", "one {n}"): "\u043e\u0434\u0438\u043d {m}"})) != []
    po, mo = catalogues.rendered(collected, {("", "one {n}"): "\u043e\u0434\u0438\u043d {n}"})
    catalogues.po_file("protocol").parent.mkdir(parents=True)
    catalogues.po_file("protocol").write_bytes(po)
    assert len(list(catalogues.stale("protocol", collected))) == 1  # the .mo file is missing
    catalogues.po_file("protocol").with_suffix(".mo").write_bytes(mo)
    assert list(catalogues.stale("protocol", collected)) == []
    module.write_text('Phrase("another")\n', encoding="utf-8")
    assert "protocol: not in the code: 'one {n}'" in list(
        catalogues.stale("protocol", catalogues.collect("protocol"))
    )


def test_a_template_of_a_page_gives_its_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "ROOT", tmp_path)
    template = tmp_path / "page.html.j2"
    template.write_text(
        '{{ t("{count} lines", count=3) }} {{ t(name) }} {{ t("a" ~ name) }}', encoding="utf-8"
    )
    found = catalogues.Collected()
    catalogues._collect_template(template, found)
    assert found.values == {("", "{count} lines"): {"count"}}
    assert found.plurals == {}
    assert found.problems == ["page.html.j2:1: not one literal text"] * 2


def test_a_plural_has_three_forms_in_russian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "ROOT", tmp_path)
    module = tmp_path / "protocol" / "one.py"
    module.parent.mkdir()
    module.write_text('Phrase("{count} row", plural="{count} rows", count=3)\n', encoding="utf-8")
    collected = catalogues.collect("protocol")
    key = ("", "{count} row")
    assert collected.plurals == {key: "{count} rows"}
    three = (
        "{count} \u0440\u044f\u0434",
        "{count} \u0440\u044f\u0434\u0430",
        "{count} \u0440\u044f\u0434\u043e\u0432",
    )
    assert list(catalogues.mistakes(collected, {key: three})) == []
    for russian in ("{count} \u0440\u044f\u0434", three[:2], (*three[:2], ""), (*three[:2], "{n}")):
        assert len(list(catalogues.mistakes(collected, {key: russian}))) == 1, russian
    po, mo = catalogues.rendered(collected, {key: three})
    catalogues.po_file("protocol").parent.mkdir(parents=True)
    catalogues.po_file("protocol").write_bytes(po)
    catalogues.po_file("protocol").with_suffix(".mo").write_bytes(mo)
    assert catalogues.translations("protocol") == {key: three}
    assert list(catalogues.stale("protocol", collected)) == []


def test_the_reason_of_a_refused_call_has_its_russian() -> None:
    """People read it on the page and over HTTP in their language, so it is made of phrases."""
    made = [
        (path, call)
        for path in sorted((ROOT / "sorm_mediator" / "switch").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "CallRefused"
    ]
    english = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in made
        if isinstance(call.args[1], ast.Constant | ast.JoinedStr)
    ]
    assert len(made) > 30
    assert english == []
